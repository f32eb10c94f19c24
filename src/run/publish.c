#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "run/history.h"
#include "run/lock.h"
#include "run/publications.h"
#include "table/delta/delta.h"

#include <stdio.h>
#include <string.h>

static int write_file(const struct sl_project *project, const struct sl_publication *publication,
                      struct sl_arena *arena, struct sl_err *err)
{
    const char *folder = sl_path_join(arena, project->lake_folder, "_publications");
    const char *path = sl_publication_path(project, publication->number, arena);
    const char *hint = sl_publication_hint(project, arena);
    const char *text;
    SL_TRY_NEW(folder, err);
    SL_TRY_NEW(path, err);
    SL_TRY_NEW(hint, err);
    SL_TRY(sl_publication_seal(publication, arena, &text, err));
    SL_TRY(sl_fs_mkdirs(folder, err));
    SL_TRY(sl_fs_remove(hint, err)); // see find_newest()
    return sl_fs_create(path, text, strlen(text), err);
}

int sl_publication_write(const struct sl_project *project, const struct sl_publication *after,
                         struct sl_publication *publication, struct sl_arena *arena,
                         struct sl_err *err)
{
    char digits[24];
    publication->number = after->number + 1;
    // Times never go back, whatever the clock does: `--at` finds by them.
    if (publication->at_us < after->at_us)
        publication->at_us = after->at_us;
    SL_TRY(write_file(project, publication, arena, err));
    (void)snprintf(digits, sizeof digits, "%lld", (long long)publication->number);
    const char *hint = sl_publication_hint(project, arena);
    if (hint) // only saves looking for it
        (void)!sl_fs_write(hint, digits, strlen(digits), NULL);
    return SL_OK;
}

// The tables are looked at after the publication before was read, and the number after it is taken
// by one only: so no version that was published is followed by an older one.
static int publish_after(struct sl_world *world, struct sl_publication *now,
                         struct sl_publication *last, bool *ret_is_new, struct sl_err *err)
{
    struct sl_arena *arena = &world->arena;
    SL_TRY(sl_publication_last(world->project, arena, last, err));
    SL_TRY(sl_world_look_again(world, err));
    SL_TRY(sl_plan_publish(&world->graph, last, arena, now, err));
    *ret_is_new = !sl_publication_equals(last, now);
    return *ret_is_new ? sl_publication_write(world->project, last, now, arena, err) : SL_OK;
}

int sl_world_publish(struct sl_world *world, const struct sl_publish_options *options,
                     struct sl_publication *ret, bool *ret_is_new, struct sl_err *err)
{
    struct sl_publication last, now;
    int code;
    do { // who loses against another program begins anew from what that has published
        sl_err_clear(err);
        now = (struct sl_publication){
            .run_id = options->run_id, .command = options->command, .at_us = options->at_us};
        code = publish_after(world, &now, &last, ret_is_new, err);
    } while (code == SL_E_FILE_EXISTS);
    SL_TRY(code);
    if (*ret_is_new) {
        *ret = now;
        return SL_OK;
    }
    last.withheld = now.withheld;
    last.withheld_count = now.withheld_count;
    *ret = last;
    return SL_OK;
}

static int publish_locked(struct sl_world *world, const char *command, struct sl_rest *rest,
                          struct sl_err *err)
{
    char id[37];
    const char *run_id = sl_arena_strdup(&world->arena, sl_uuid(id));
    SL_TRY_NEW(run_id, err);
    struct sl_publish_options options = {
        .run_id = run_id, .command = command, .at_us = sl_clock_now_us()};
    struct sl_strs tables;
    SL_TRY(sl_world_publish(world, &options, &rest->now, &rest->is_new, err));
    if (!rest->is_new)
        return SL_OK;
    SL_TRY(sl_rest_tables(rest, world, &world->arena, &tables, err));
    return sl_history_published(world, &rest->now, &tables, err);
}

int sl_world_rest(struct sl_world *world, struct sl_rest *ret, struct sl_err *err)
{
    *ret = (struct sl_rest){0};
    SL_TRY(sl_publication_last(world->project, &world->arena, &ret->before, err));
    SL_TRY(sl_plan_publish(&world->graph, &ret->before, &world->arena, &ret->now, err));
    ret->is_new = !sl_publication_equals(&ret->before, &ret->now);
    return SL_OK;
}

int sl_world_publish_rest(struct sl_world *world, const char *command, struct sl_rest *ret,
                          struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    SL_TRY(sl_world_rest(world, ret, err));
    if (!ret->is_new)
        return SL_OK;
    int code = sl_run_lock(world->project->state_folder, &lock_fd, err);
    if (code == SL_E_LOCKED) {
        sl_err_clear(err);
        ret->is_new = false;
        return SL_OK;
    }
    SL_TRY(code);
    return publish_locked(world, command, ret, err);
}

// What `quarantine discard` did in the version at hand; NULL: it is another one's.
static const char *marking_of(const struct sl_world *world, const char *table)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *record = NULL;
    struct sl_delta_head head;
    sl_arena_init(&arena, 0);
    const char *name = strchr(table, '.');
    const char *folder =
        name && sl_str_starts(table, "quarantine.")
            ? sl_table_folder(world->project, SL_LAYER_QUARANTINE, name + 1, &arena)
            : NULL;
    if (!folder || sl_delta_head(folder, &arena, &head, NULL) != SL_OK || !head.record_json ||
        sl_json_parse(head.record_json, strlen(head.record_json), "commitInfo.sluice", &record,
                      NULL) != SL_OK)
        return NULL;
    const json_t *discard = json_object_get(record, "discard");
    if (!discard)
        return NULL;
    return sl_json_bool(discard, "undone", false) ? "rows taken back" : "rows given up";
}

int sl_rest_tables(const struct sl_rest *rest, const struct sl_world *world, struct sl_arena *arena,
                   struct sl_strs *ret, struct sl_err *err)
{
    *ret = (struct sl_strs){0};
    for (size_t i = 0; i < rest->now.table_count; i++) {
        const struct sl_published *table = &rest->now.tables[i];
        const struct sl_published *old = sl_publication_find(&rest->before, table->table);
        if (old && old->version == table->version && sl_str_equal(old->id, table->id))
            continue;
        const char *marking = marking_of(world, table->table);
        const char *text =
            marking ? sl_arena_printf(arena, "%s (%s)", table->table, marking) : table->table;
        SL_TRY_NEW(text, err);
        SL_TRY(sl_strs_add(ret, arena, text, err));
    }
    return SL_OK;
}
