// Profiles of published tables, kept beside them.
#include "base/clock.h"
#include "base/fs.h"
#include "base/seal.h"
#include "step/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)
#define VERSION_DIGITS 20
#define ENDING ".json"

// <lake>/_profiles/clean.orders, of <lake>/clean/orders.
static const char *folder_for(struct sl_arena *arena, const char *table_folder)
{
    const char *layer = sl_path_folder(arena, table_folder);
    const char *lake = layer ? sl_path_folder(arena, layer) : NULL;
    return lake ? sl_arena_printf(arena, "%s/_profiles/%s.%s", lake, sl_path_name(layer),
                                  sl_path_name(table_folder))
                : NULL;
}

static const char *path_for(struct sl_arena *arena, const char *folder, int64_t version)
{
    return sl_arena_printf(arena, "%s/%0*" PRId64 ENDING, folder, VERSION_DIGITS, version);
}

// False: it is none of ours.
static bool read_name(const char *name, int64_t *ret_version)
{
    if (strspn(name, "0123456789") != VERSION_DIGITS || strcmp(name + VERSION_DIGITS, ENDING) != 0)
        return false;
    *ret_version = (int64_t)strtoll(name, NULL, 10);
    return true;
}

// --- What is kept

int sl_profile_parse(const char *text, size_t length, const char *name, const char *table_id,
                     struct sl_arena *arena, struct sl_kept_profile *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_kept_profile kept = {.is_there = true};
    enum sl_seal seal;
    SL_TRY(sl_json_unseal(text, length, name, &json, &seal, err));
    if (seal == SL_SEAL_BROKEN)
        return sl_fail(err, SL_E_JSON_SYNTAX, "it was changed since it was written");
    if (table_id && !sl_str_equal(sl_json_text(json, "table_id", NULL), table_id))
        return sl_fail(err, SL_E_JSON_SYNTAX, "it is of another table");
    SL_TRY(sl_profile_from_json(json, arena, &kept.profile, err));
    kept.at = sl_arena_strdup(arena, sl_json_text(json, "at", ""));
    kept.run_id = sl_arena_strdup(arena, sl_json_text(json, "run_id", ""));
    SL_TRY_NEW(kept.at, err);
    SL_TRY_NEW(kept.run_id, err);
    kept.version = sl_json_int(json, "version", -1);
    *ret = kept;
    return SL_OK;
}

// Whatever is wrong with a file, the profile can be taken again.
static int read_kept(struct sl_arena *arena, const char *path, const char *table_id,
                     struct sl_kept_profile *ret, struct sl_err *err)
{
    struct sl_err trouble = {0};
    const char *text;
    size_t length;
    int code = sl_fs_read(path, MAX_BYTES, arena, &text, &length, &trouble);
    if (code == SL_OK)
        code = sl_profile_parse(text, length, path, table_id, arena, ret, &trouble);
    return code == SL_E_MEMORY ? sl_fail_memory(err) : SL_OK;
}

// The first version from which on the table has had the rows that it has in `version`.
static int find_since(const char *folder, int64_t version, struct sl_arena *arena, int64_t *ret,
                      struct sl_err *err)
{
    struct sl_delta_head head;
    struct sl_record record = {0};
    SL_TRY(sl_delta_head_at(folder, version, arena, &head, err));
    if (head.record_json)
        SL_TRY(sl_record_parse(head.record_json, arena, &record, err));
    *ret = head.record_json ? sl_step_rows_since(&head, &record) : version;
    return SL_OK;
}

int sl_profile_find(const char *folder, const char *table_id, int64_t version,
                    struct sl_arena *arena, struct sl_kept_profile *ret, struct sl_err *err)
{
    const char *kept = folder_for(arena, folder);
    struct sl_strs names = {0};
    struct sl_err trouble = {0};
    int64_t since = version, found;
    *ret = (struct sl_kept_profile){0};
    SL_TRY_NEW(kept, err);
    if (sl_fs_list(kept, arena, &names, &trouble) != SL_OK || !names.count)
        return SL_OK;
    SL_TRY(find_since(folder, version, arena, &since, err));
    for (size_t i = names.count; i > 0 && !ret->is_there; i--) {
        if (!read_name(names.items[i - 1], &found) || found < since || found > version)
            continue;
        const char *path = path_for(arena, kept, found);
        SL_TRY_NEW(path, err);
        SL_TRY(read_kept(arena, path, table_id, ret, err));
    }
    return SL_OK;
}

// --- What a run keeps

struct keeper {
    struct sl_step_context *context;
    const char *table; // "clean.orders"
    struct sl_delta_snapshot snapshot;
    const char *folder; // of its profiles
};

static int take(struct keeper *keeper, struct sl_profile *ret, struct sl_err *err)
{
    struct sl_step_context *context = keeper->context;
    const struct sl_delta_snapshot *snapshot = &keeper->snapshot;
    SL_AUTO(sl_buf_clear) struct sl_buf from = SL_BUF_INIT;
    struct sl_scan scan = {0};
    SL_TRY(sl_delta_scan(snapshot, context->arena, &scan, err));
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, &from, err));
    SL_TRY(sl_buf_check(&from, err));
    const struct sl_profile_input input = {.from = from.text,
                                           .columns = snapshot->columns,
                                           .column_count = snapshot->column_count,
                                           .rows = snapshot->row_count};
    return sl_profile_read(context->session, &input, context->arena, ret, err);
}

static int write(struct keeper *keeper, const struct sl_profile *profile, struct sl_err *err)
{
    struct sl_step_context *context = keeper->context;
    const struct sl_delta_snapshot *snapshot = &keeper->snapshot;
    const char *path = path_for(context->arena, keeper->folder, snapshot->version);
    char at[32], *text = NULL;
    SL_TRY_NEW(path, err);
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:b, s:o}", "schema", "sluice.profile/1",
                  "table", keeper->table, "table_id", snapshot->table_id, "version",
                  (json_int_t)snapshot->version, "at", sl_clock_format(context->now_us, at),
                  "run_id", context->run_id, "rows", (json_int_t)profile->row_count, "is_exact",
                  profile->is_exact, "columns", sl_profile_columns_json(profile));
    SL_TRY_NEW(root, err);
    SL_TRY(sl_json_seal(root, &text, err));
    int code = sl_fs_mkdirs(keeper->folder, err);
    if (code == SL_OK)
        code = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return code;
}

// Later versions than this one are of a table of that name that is gone.
static int trim(const struct keeper *keeper, struct sl_err *err)
{
    struct sl_arena *arena = keeper->context->arena;
    struct sl_strs names = {0};
    size_t kept = 0;
    int64_t version;
    SL_TRY(sl_fs_list(keeper->folder, arena, &names, err));
    for (size_t i = names.count; i > 0; i--) {
        if (!read_name(names.items[i - 1], &version))
            continue;
        if (version <= keeper->snapshot.version && kept++ < SL_PROFILES_KEPT)
            continue;
        const char *path = sl_path_join(arena, keeper->folder, names.items[i - 1]);
        SL_TRY_NEW(path, err);
        SL_TRY(sl_fs_remove(path, err));
    }
    return SL_OK;
}

// Nothing is taken where a version with the same rows has a profile.
static int keep(struct keeper *keeper, const char *table_folder, int64_t version,
                bool *ret_is_taken, struct sl_err *err)
{
    struct sl_step_context *context = keeper->context;
    struct sl_kept_profile kept;
    struct sl_profile profile;
    SL_TRY(sl_delta_load(table_folder, version, context->session, context->arena, &keeper->snapshot,
                         err));
    SL_TRY(sl_profile_find(table_folder, keeper->snapshot.table_id, version, context->arena, &kept,
                           err));
    *ret_is_taken = !kept.is_there;
    if (kept.is_there)
        return SL_OK;
    SL_TRY(take(keeper, &profile, err));
    SL_TRY(write(keeper, &profile, err));
    return trim(keeper, err);
}

static const struct sl_table_version *committed(const struct sl_step_result *result,
                                                const char *table)
{
    for (size_t i = 0; i < result->version_count; i++)
        if (sl_str_equal(result->versions[i].table, table))
            return &result->versions[i];
    return NULL;
}

void sl_step_profile(struct sl_step_context *context, enum sl_layer layer, const char *name,
                     struct sl_step_result *result)
{
    struct sl_arena *arena = context->arena;
    struct keeper keeper = {.context = context,
                            .table = sl_arena_printf(arena, "%s.%s", sl_layer_name(layer), name)};
    const char *folder = sl_table_folder(context->project, layer, name, arena);
    const struct sl_table_version *version = committed(result, keeper.table);
    struct sl_err trouble = {0};
    bool is_taken;
    if (!version || (context->stop && atomic_load(context->stop)))
        return;
    keeper.folder = folder ? folder_for(arena, folder) : NULL;
    int code = keeper.table && keeper.folder
                   ? keep(&keeper, folder, version->version, &is_taken, &trouble)
                   : sl_fail_memory(&trouble);
    if (code == SL_OK) {
        if (is_taken)
            result->profiled = *version;
        return;
    }
    const char *note =
        sl_arena_printf(arena, "the profile of %s was not kept: %s", keeper.table, trouble.message);
    (void)!(note && sl_strs_add(&result->notes, arena, note, &trouble) == SL_OK);
}
