// Columns of raw that a contract of before protected, and that of now does not know: they would
// stand in quarantine as they came, and in clean too where new columns come through.
#include "base/fs.h"
#include "contract/alias.h"
#include "contract/drift.h"
#include "run/bind.h"
#include "run/lineage.h"
#include "step/schema.h"

#include <string.h>

struct looker {
    struct sl_world *world;
    struct sl_session *session; // opened by the first log that needs one
    struct sl_diags *diags;
    struct sl_strs codes; // names of the files of <lake>/_code
    bool has_codes;
};

static int list_codes(struct looker *looker, struct sl_err *err)
{
    struct sl_arena *arena = &looker->world->arena;
    struct sl_err trouble = {0};
    const char *folder = sl_arena_printf(arena, "%s/_code", looker->world->project->lake_folder);
    SL_TRY_NEW(folder, err);
    if (looker->has_codes)
        return SL_OK;
    looker->has_codes = true;
    int code = sl_fs_list(folder, arena, &looker->codes, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        looker->codes = (struct sl_strs){0}; // nothing was built yet
    return SL_OK;
}

// The columns of raw as it stands that the contract has no name for.
static int list_unknown(struct looker *looker, const struct sl_node *node, struct sl_strs *ret,
                        struct sl_err *err)
{
    struct sl_world *world = looker->world;
    struct sl_delta_snapshot raw;
    struct sl_err trouble = {0};
    bool is_borrowed, is_needed = false;
    const char *folder =
        sl_table_source(world->project, SL_LAYER_RAW, node->bare, &world->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    if (sl_delta_needs_session(folder, &is_needed, &trouble) == SL_OK && is_needed &&
        !looker->session)
        SL_TRY(sl_world_session(world, &looker->session, err));
    int code = sl_delta_load_schema(folder, -1, looker->session, &world->arena, &raw, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    for (size_t i = 0; code == SL_OK && raw.version >= 0 && i < raw.column_count; i++)
        if (sl_drift_may_be_unknown(node->contract, &raw.columns[i]) &&
            !sl_alias_find(node->contract, raw.columns[i].name, NULL))
            SL_TRY(sl_strs_add(ret, &world->arena, raw.columns[i].name, err));
    return SL_OK;
}

static bool is_named(const json_t *column, const char *name)
{
    const json_t *aliases = json_object_get(column, "aliases");
    if (sl_str_equal_nocase(sl_json_text(column, "source", ""), name))
        return true;
    for (size_t i = 0; i < json_array_size(aliases); i++)
        if (sl_str_equal_nocase(sl_json_text(json_array_get(aliases, i), "name", ""), name))
            return true;
    return false;
}

// A column that the contract still has without protection was given free on purpose.
static bool is_given_free(const struct sl_contract_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return table->columns[i].personal.as == SL_PERSONAL_NONE;
    return false;
}

static struct sl_place place_of(const struct sl_contract_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return table->columns[i].place;
    return table->place;
}

static int tell(struct looker *looker, const struct sl_node *node, const char *raw,
                const json_t *column, struct sl_err *err)
{
    struct sl_project *project = looker->world->project;
    struct sl_arena *arena = &looker->world->arena;
    const char *name = sl_json_text(column, "name", "");
    bool is_alias = !sl_str_equal_nocase(sl_json_text(column, "source", ""), raw);
    const char *hint =
        is_alias
            ? sl_arena_printf(arena,
                              "keep '%s' in 'sluice.aliases' of '%s', with a day that is over "
                              "if it is not to be read any more: it protects what came under it",
                              raw, name)
            : sl_arena_printf(arena,
                              "keep the property '%s', with 'sluice.personal: {as: drop}' if "
                              "clean is not to have it any more",
                              name);
    SL_TRY_NEW(hint, err);
    sl_diag(looker->diags,
            project->personal_level == SL_LEVEL_ERROR ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING,
            SL_E_PERSONAL, place_of(node->contract, name), hint,
            "raw.%s has '%s', %s the protected column '%s', and the contract does not name it any "
            "more: rejected rows would keep it as it came",
            node->bare, raw, is_alias ? "which was another name of" : "which was read as", name);
    return SL_OK;
}

static int hold_against(struct looker *looker, const struct sl_node *node, const json_t *state,
                        struct sl_strs *unknown, struct sl_err *err)
{
    size_t i;
    json_t *column;
    json_array_foreach (json_object_get(state, "columns"), i, column) {
        if (!json_object_get(column, "personal") ||
            is_given_free(node->contract, sl_json_text(column, "name", "")))
            continue;
        for (size_t k = unknown->count; k-- > 0;) {
            if (!is_named(column, unknown->items[k]))
                continue;
            SL_TRY(tell(looker, node, unknown->items[k], column, err));
            unknown->items[k] = unknown->items[--unknown->count]; // once
        }
    }
    return SL_OK;
}

static int look_at(struct looker *looker, const struct sl_node *node, struct sl_err *err)
{
    struct sl_strs unknown = {0};
    struct sl_step_context context = {
        .project = looker->world->project, .arena = &looker->world->arena, .run_id = ""};
    SL_TRY(list_unknown(looker, node, &unknown, err));
    if (!unknown.count)
        return SL_OK;
    SL_TRY(list_codes(looker, err));
    for (size_t i = 0; i < looker->codes.count && unknown.count; i++) {
        SL_AUTO(sl_json_free) json_t *state = NULL;
        const char *file = looker->codes.items[i];
        if (!sl_str_ends(file, ".json"))
            continue;
        const char *fingerprint = sl_arena_strndup(context.arena, file, strlen(file) - 5);
        SL_TRY_NEW(fingerprint, err);
        SL_TRY(sl_step_find_code(&context, fingerprint, &state, err));
        const json_t *contract = json_object_get(state, "contract"); // NULL: the code of a model
        if (contract && sl_str_equal(sl_json_text(contract, "name", NULL), node->contract->name))
            SL_TRY(hold_against(looker, node, contract, &unknown, err));
    }
    return SL_OK;
}

int sl_world_check_once_protected(struct sl_world *world, bool only_due, struct sl_diags *diags,
                                  struct sl_err *err)
{
    struct looker looker = {.world = world, .diags = diags};
    int code = SL_OK;
    if (world->project->personal_level == SL_LEVEL_OFF || !world->has_graph)
        return SL_OK;
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind == SL_NODE_CLEANSE && (!only_due || sl_node_is_due(node)))
            code = look_at(&looker, node, err);
    }
    sl_session_close(&looker.session);
    return code;
}
