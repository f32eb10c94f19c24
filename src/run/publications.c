#include "run/publications.h"

#include "base/clock.h"
#include "base/fs.h"
#include "run/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)256 << 20)
#define SCHEMA "sluice.publication/1"

static const char *path_of(const struct sl_project *project, int64_t number, struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s/_publications/%020lld.json", project->lake_folder,
                           (long long)number);
}

static const char *hint_path(const struct sl_project *project, struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s/_publications/_last", project->lake_folder);
}

static bool is_there(const struct sl_project *project, int64_t number)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = path_of(project, number, &arena);
    return path && sl_fs_exists(path);
}

// --- reading

static int read_inputs(const json_t *list, struct sl_arena *arena, struct sl_published *ret,
                       struct sl_err *err)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        struct sl_input input = {sl_arena_strdup(arena, sl_json_text(item, "table", "")),
                                 sl_json_int(item, "version", -1),
                                 sl_arena_strdup(arena, sl_json_text(item, "id", NULL))};
        SL_TRY_NEW(input.table, err);
        if (!SL_PUSH(arena, ret->inputs, ret->input_count, input))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int read_tables(json_t *root, struct sl_arena *arena, struct sl_publication *ret,
                       struct sl_err *err)
{
    const char *table;
    json_t *item;
    json_object_foreach (json_object_get(root, "tables"), table, item) {
        struct sl_published published = {
            .table = sl_arena_strdup(arena, table),
            .version = sl_json_int(item, "version", -1),
            .id = sl_arena_strdup(arena, sl_json_text(item, "id", NULL))};
        SL_TRY_NEW(published.table, err);
        if (published.version < 0)
            return sl_fail(err, SL_E_PUBLICATION, "publication %lld names no version of '%s'",
                           (long long)ret->number, table);
        SL_TRY(read_inputs(json_object_get(item, "inputs"), arena, &published, err));
        if (!SL_PUSH(arena, ret->tables, ret->table_count, published))
            return sl_fail_memory(err);
    }
    sl_publication_sort(ret);
    return SL_OK;
}

static int read_withheld(const json_t *root, struct sl_arena *arena, struct sl_publication *ret,
                         struct sl_err *err)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(root, "withheld"), i, item) {
        struct sl_withheld withheld = {sl_arena_strdup(arena, sl_json_text(item, "table", "")),
                                       sl_json_int(item, "version", -1),
                                       sl_arena_strdup(arena, sl_json_text(item, "because", ""))};
        SL_TRY_NEW(withheld.table, err);
        SL_TRY_NEW(withheld.because, err);
        if (!SL_PUSH(arena, ret->withheld, ret->withheld_count, withheld))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int read_file(const char *path, struct sl_arena *arena, struct sl_publication *ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_publication publication = *ret;
    const char *text;
    size_t length;
    SL_TRY(sl_fs_read(path, MAX_BYTES, arena, &text, &length, err));
    SL_TRY(sl_json_parse(text, length, path, &root, err));
    const char *schema = sl_json_text(root, "schema", "");
    if (!sl_str_equal(schema, SCHEMA))
        return sl_fail(err, SL_E_PUBLICATION, "'%s' is of the form '%s', expected '" SCHEMA "'",
                       path, schema);
    publication.run_id = sl_arena_strdup(arena, sl_json_text(root, "run_id", ""));
    publication.command = sl_arena_strdup(arena, sl_json_text(root, "command", ""));
    SL_TRY_NEW(publication.run_id, err);
    SL_TRY_NEW(publication.command, err);
    if (sl_clock_parse(sl_json_text(root, "at", ""), &publication.at_us) != 0)
        return sl_fail(err, SL_E_PUBLICATION, "'%s' does not say when it was made", path);
    SL_TRY(read_tables(root, arena, &publication, err));
    SL_TRY(read_withheld(root, arena, &publication, err));
    *ret = publication;
    return SL_OK;
}

int sl_publication_read(const struct sl_project *project, int64_t number, struct sl_arena *arena,
                        struct sl_publication *ret, struct sl_err *err)
{
    struct sl_publication publication = {.number = number};
    const char *path = path_of(project, number, arena);
    SL_TRY_NEW(path, err);
    if (!sl_fs_exists(path))
        return sl_fail(err, SL_E_PUBLICATION, "there is no publication %lld", (long long)number);
    int code = read_file(path, arena, &publication, err);
    if (err && (code == SL_E_JSON_SYNTAX || code == SL_E_PUBLICATION))
        (void)sl_err_hint(err, "restore the file from a backup, or move it away: tables stay as "
                               "they are, and the next run publishes them again");
    SL_TRY(code);
    *ret = publication;
    return SL_OK;
}

// --- finding

static bool number_of(const char *name, int64_t *ret)
{
    char digits[21];
    if (strlen(name) != 25 || strcmp(name + 20, ".json") != 0)
        return false;
    memcpy(digits, name, 20);
    digits[20] = '\0';
    return strspn(digits, "0123456789") == 20 && sl_str_to_int64(digits, ret);
}

static int list_newest(const struct sl_project *project, struct sl_arena *arena, int64_t *ret,
                       struct sl_err *err)
{
    const char *folder = sl_path_join(arena, project->lake_folder, "_publications");
    struct sl_strs names = {0};
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_list(folder, arena, &names, err));
    *ret = 0;
    for (size_t i = names.count; i > 0; i--)
        if (number_of(names.items[i - 1], ret))
            break;
    return SL_OK;
}

// Whatever the hint says, the newest is the one after which there is none.
static int find_newest(const struct sl_project *project, struct sl_arena *arena, int64_t *ret,
                       struct sl_err *err)
{
    const char *path = hint_path(project, arena), *text = "";
    size_t length = 0;
    int64_t number = 0;
    SL_TRY_NEW(path, err);
    bool is_read = sl_fs_exists(path) && sl_fs_read(path, 32, arena, &text, &length, NULL) == SL_OK;
    if (!is_read || !sl_str_to_int64(text, &number) || number <= 0 || !is_there(project, number))
        SL_TRY(list_newest(project, arena, &number, err));
    while (is_there(project, number + 1))
        number++;
    *ret = number;
    return SL_OK;
}

int sl_publication_last(const struct sl_project *project, struct sl_arena *arena,
                        struct sl_publication *ret, struct sl_err *err)
{
    int64_t number;
    SL_TRY(find_newest(project, arena, &number, err));
    if (number > 0)
        return sl_publication_read(project, number, arena, ret, err);
    *ret = (struct sl_publication){0};
    return SL_OK;
}

static int time_of(const struct sl_project *project, int64_t number, int64_t *ret,
                   struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_publication publication;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_publication_read(project, number, &arena, &publication, err));
    *ret = publication.at_us;
    return SL_OK;
}

// The oldest that is still there. Older ones may be deleted, but none in between.
static int64_t find_oldest(const struct sl_project *project, int64_t newest)
{
    int64_t low = 0, high = newest; // `high` is there
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (is_there(project, middle))
            high = middle;
        else
            low = middle;
    }
    return high;
}

int sl_publication_at(const struct sl_project *project, int64_t time_us, struct sl_arena *arena,
                      struct sl_publication *ret, struct sl_err *err)
{
    int64_t newest, low, high;
    SL_TRY(find_newest(project, arena, &newest, err));
    *ret = (struct sl_publication){0};
    low = find_oldest(project, newest) - 1; // at or before the time, or before all
    high = newest + 1;                      // after the time, or after all
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2, at_us;
        SL_TRY(time_of(project, middle, &at_us, err));
        if (at_us <= time_us)
            low = middle;
        else
            high = middle;
    }
    return low > 0 && is_there(project, low) ? sl_publication_read(project, low, arena, ret, err)
                                             : SL_OK;
}

static int find_run(const struct sl_project *project, const char *run, struct sl_arena *arena,
                    struct sl_publication *ret, struct sl_err *err)
{
    int64_t newest, found = 0;
    const char *found_id = "";
    SL_TRY(find_newest(project, arena, &newest, err));
    for (int64_t number = newest; number > 0 && is_there(project, number); number--) {
        SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
        struct sl_publication publication;
        sl_arena_init(&scratch, 0);
        SL_TRY(sl_publication_read(project, number, &scratch, &publication, err));
        if (!sl_str_starts(publication.run_id, run))
            continue;
        if (found && !sl_str_equal(publication.run_id, found_id))
            return sl_fail(err, SL_E_PUBLICATION, "more than one run begins with '%s': %s and %s",
                           run, found_id, publication.run_id);
        if (!found) {
            found = number;
            found_id = sl_arena_strdup(arena, publication.run_id);
            SL_TRY_NEW(found_id, err);
        }
    }
    if (found)
        return sl_publication_read(project, found, arena, ret, err);
    (void)sl_fail(err, SL_E_PUBLICATION, "no publication is of run '%s'", run);
    return sl_err_hint(err, newest ? "`sluice publications` lists them"
                                   : "nothing was published yet: `sluice run`");
}

int sl_publication_named(const struct sl_project *project, const char *name, struct sl_arena *arena,
                         struct sl_publication *ret, struct sl_err *err)
{
    const char *digits = *name == '#' ? name + 1 : name;
    int64_t number;
    // A run's id may be all digits as far as it is given; a number is never that long.
    if (strlen(digits) < 8 && strspn(digits, "0123456789") == strlen(digits) &&
        sl_str_to_int64(digits, &number)) {
        int code = sl_publication_read(project, number, arena, ret, err);
        return code == SL_E_PUBLICATION ? sl_err_hint(err, "`sluice publications` lists them")
                                        : code;
    }
    return find_run(project, name, arena, ret, err);
}

// --- writing

static int print_inputs(const struct sl_published *published, json_t *object, struct sl_err *err)
{
    json_t *list = json_array();
    if (json_object_set_new(object, "inputs", list) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < published->input_count; i++) {
        const struct sl_input *input = &published->inputs[i];
        if (json_array_append_new(list,
                                  json_pack("{s:s, s:I, s:s?}", "table", input->table, "version",
                                            (json_int_t)input->version, "id", input->id)) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

int sl_publication_print(const struct sl_publication *publication, json_t **ret, struct sl_err *err)
{
    char at[32];
    json_t *tables = json_object(), *withheld = json_array();
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:I, s:s, s:s, s:s, s:o, s:o}", "schema", SCHEMA, "number",
                  (json_int_t)publication->number, "run_id", publication->run_id, "command",
                  publication->command, "at", sl_clock_format(publication->at_us, at), "tables",
                  tables, "withheld", withheld);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < publication->table_count; i++) {
        const struct sl_published *published = &publication->tables[i];
        json_t *item = json_pack("{s:I, s:s?}", "version", (json_int_t)published->version, "id",
                                 published->id);
        if (json_object_set_new(tables, published->table, item) != 0)
            return sl_fail_memory(err);
        SL_TRY(print_inputs(published, item, err));
    }
    for (size_t i = 0; i < publication->withheld_count; i++) {
        const struct sl_withheld *item = &publication->withheld[i];
        if (json_array_append_new(withheld, json_pack("{s:s, s:I, s:s}", "table", item->table,
                                                      "version", (json_int_t)item->version,
                                                      "because", item->because)) != 0)
            return sl_fail_memory(err);
    }
    *ret = root;
    root = NULL;
    return SL_OK;
}

// Of two that publish at once one wins, the other counts on: what it lists is newer or the same.
static int write_next(const struct sl_project *project, struct sl_publication *publication,
                      struct sl_arena *arena, struct sl_err *err)
{
    const char *folder = sl_path_join(arena, project->lake_folder, "_publications");
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    for (;;) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        const char *path = path_of(project, publication->number, arena);
        char *text = NULL;
        SL_TRY_NEW(path, err);
        SL_TRY(sl_publication_print(publication, &root, err));
        SL_TRY(sl_json_print(root, &text, err));
        int code = sl_fs_create(path, text, strlen(text), err);
        free(text);
        if (code != SL_E_FILE_EXISTS)
            return code;
        sl_err_clear(err);
        publication->number++;
    }
}

int sl_publication_write(const struct sl_project *project, struct sl_publication *publication,
                         struct sl_arena *arena, struct sl_err *err)
{
    struct sl_publication last;
    char digits[24];
    SL_TRY(sl_publication_last(project, arena, &last, err));
    publication->number = last.number + 1;
    // Times never go back, whatever the clock does: `--at` finds by them.
    if (publication->at_us < last.at_us)
        publication->at_us = last.at_us;
    SL_TRY(write_next(project, publication, arena, err));
    (void)snprintf(digits, sizeof digits, "%lld", (long long)publication->number);
    const char *hint = hint_path(project, arena);
    if (hint) // only saves looking for it
        (void)!sl_fs_write(hint, digits, strlen(digits), NULL);
    return SL_OK;
}

int sl_world_publish(struct sl_world *world, const struct sl_publish_options *options,
                     struct sl_publication *ret, bool *ret_is_new, struct sl_err *err)
{
    struct sl_arena *arena = &world->arena;
    struct sl_publication last;
    struct sl_publication now = {
        .run_id = options->run_id, .command = options->command, .at_us = options->at_us};
    SL_TRY(sl_publication_last(world->project, arena, &last, err));
    SL_TRY(sl_plan_publish(&world->graph, &last, arena, &now, err));
    *ret_is_new = !sl_publication_equals(&last, &now);
    if (*ret_is_new) {
        SL_TRY(sl_publication_write(world->project, &now, arena, err));
        *ret = now;
        return SL_OK;
    }
    last.withheld = now.withheld;
    last.withheld_count = now.withheld_count;
    *ret = last;
    return SL_OK;
}

// Facts that were found before the lock was held may be those of before another run.
static int publish_locked(struct sl_world *world, const char *command, struct sl_err *err)
{
    struct sl_publication publication;
    char id[37];
    bool is_new;
    const char *run_id = sl_arena_strdup(&world->arena, sl_uuid(id));
    SL_TRY_NEW(run_id, err);
    struct sl_publish_options options = {
        .run_id = run_id, .command = command, .at_us = sl_clock_now_us()};
    SL_TRY(sl_world_look_again(world, err));
    return sl_world_publish(world, &options, &publication, &is_new, err);
}

int sl_world_publish_rest(struct sl_world *world, const char *command, struct sl_err *err)
{
    struct sl_publication last, now = {0};
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    SL_TRY(sl_publication_last(world->project, &world->arena, &last, err));
    SL_TRY(sl_plan_publish(&world->graph, &last, &world->arena, &now, err));
    if (sl_publication_equals(&last, &now))
        return SL_OK;
    int code = sl_run_lock(world->project->state_folder, &lock_fd, err);
    if (code == SL_E_LOCKED) {
        sl_err_clear(err);
        return SL_OK;
    }
    SL_TRY(code);
    return publish_locked(world, command, err);
}
