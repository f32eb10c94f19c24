// Tables of raw that no source writes any more, as where a source and its contract were given other
// names: what the contract of then protected stands in them as it came, and nothing else tells.
#include "base/fs.h"
#include "run/kept_codes.h"
#include "run/lineage.h"

#include <string.h>

struct left {
    struct sl_world *world;
    struct sl_session *session; // opened by the first log that needs one
    struct sl_diags *diags;
    struct sl_kept_codes codes;
};

// What cannot be read tells nothing.
static int load(struct left *left, const char *folder, struct sl_delta_snapshot *ret,
                struct sl_err *err)
{
    struct sl_err trouble = {0};
    bool is_needed = false;
    *ret = (struct sl_delta_snapshot){.version = -1};
    if (sl_delta_needs_session(folder, &is_needed, &trouble) == SL_OK && is_needed &&
        !left->session)
        SL_TRY(sl_world_session(left->world, &left->session, err));
    int code = sl_delta_load_schema(folder, -1, left->session, &left->world->arena, ret, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        *ret = (struct sl_delta_snapshot){.version = -1};
    return SL_OK;
}

static bool is_read_as(const json_t *column, const char *raw)
{
    size_t i;
    json_t *alias;
    if (sl_str_equal_nocase(sl_json_text(column, "source", ""), raw))
        return true;
    json_array_foreach (json_object_get(column, "aliases"), i, alias)
        if (sl_str_equal_nocase(sl_json_text(alias, "name", ""), raw))
            return true;
    return false;
}

static bool is_protected(const struct sl_kept_contract *kept, const char *raw)
{
    size_t i;
    json_t *column;
    json_array_foreach (json_object_get(kept->state, "columns"), i, column)
        if (json_object_get(column, "personal") && is_read_as(column, raw))
            return true;
    return false;
}

// Where the tables that were built from it are gone, the contract's name is all that is left.
static bool is_of(const struct sl_kept_contract *kept, const char *name,
                  const struct sl_strs *built_with)
{
    return built_with->count ? sl_strs_has(built_with, kept->fingerprint)
                             : sl_str_equal(sl_json_text(kept->state, "name", NULL), name);
}

static int list_protected(struct left *left, const char *name, const struct sl_delta_snapshot *raw,
                          struct sl_buf *ret, struct sl_err *err)
{
    struct sl_strs built_with = {0};
    SL_TRY(sl_kept_codes_read(left->world, &left->codes, err));
    if (!left->codes.contract_count)
        return SL_OK;
    SL_TRY(sl_built_with(left->world, name, &built_with, err));
    for (size_t i = 0; i < raw->column_count; i++) {
        bool is = false;
        for (size_t k = 0; k < left->codes.contract_count; k++)
            is |= is_of(&left->codes.contracts[k], name, &built_with) &&
                  is_protected(&left->codes.contracts[k], raw->columns[i].name);
        if (is)
            sl_buf_addf(ret, "%s'%s'", ret->length ? ", " : "", raw->columns[i].name);
    }
    return sl_buf_check(ret, err);
}

static int look_at(struct left *left, const char *name, const char *folder, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    struct sl_delta_snapshot raw;
    struct sl_arena *arena = &left->world->arena;
    SL_TRY(load(left, folder, &raw, err));
    if (raw.version >= 0)
        SL_TRY(list_protected(left, name, &raw, &names, err));
    if (!names.length)
        return SL_OK;
    const char *hint = sl_arena_printf(
        arena,
        "if a source has another name now, give its contract the same 'sluice.personal'; remove "
        "'%s' when its rows are not needed any more",
        folder);
    SL_TRY_NEW(hint, err);
    sl_diag(left->diags, SL_SEVERITY_WARNING, SL_E_PERSONAL, (struct sl_place){"sluice.yml", 0, 0},
            hint,
            "raw.%s still stands in the lake, no source writes it any more, and it holds as it "
            "came what its contract protected: %s",
            name, names.text);
    return SL_OK;
}

static int look_at_all(struct left *left, struct sl_err *err)
{
    struct sl_arena *arena = &left->world->arena;
    const char *raw = sl_arena_printf(arena, "%s/%s", left->world->project->lake_folder,
                                      sl_layer_name(SL_LAYER_RAW));
    struct sl_strs names = {0};
    struct sl_err trouble = {0};
    SL_TRY_NEW(raw, err);
    int code = sl_fs_list(raw, arena, &names, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    for (size_t i = 0; code == SL_OK && i < names.count; i++) {
        const char *table = sl_arena_printf(arena, "raw.%s", names.items[i]);
        const char *folder = sl_path_join(arena, raw, names.items[i]);
        SL_TRY_NEW(table, err);
        SL_TRY_NEW(folder, err);
        if (!sl_graph_node(&left->world->graph, table))
            SL_TRY(look_at(left, names.items[i], folder, err));
    }
    return SL_OK;
}

int sl_world_check_left_unprotected(struct sl_world *world, struct sl_diags *diags,
                                    struct sl_err *err)
{
    struct left left = {.world = world, .diags = diags};
    if (world->project->personal_level == SL_LEVEL_OFF || !world->has_graph)
        return SL_OK;
    int code = look_at_all(&left, err);
    sl_kept_codes_clear(&left.codes);
    sl_session_close(&left.session);
    return code;
}
