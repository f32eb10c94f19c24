// Columns of raw that a contract of before protected, and that of now does not know: they would
// stand in quarantine as they came, and in clean too where new columns come through.
#include "contract/alias.h"
#include "contract/drift.h"
#include "run/bind.h"
#include "run/kept_codes.h"
#include "run/lineage.h"
#include "step/schema.h"

struct looker {
    struct sl_world *world;
    struct sl_session *session; // opened by the first log that needs one
    struct sl_diags *diags;
    struct sl_kept_codes codes; // read for the first column that is unknown
};

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

static enum sl_severity severity_of(const struct looker *looker)
{
    return looker->world->project->personal_level == SL_LEVEL_ERROR ? SL_SEVERITY_ERROR
                                                                    : SL_SEVERITY_WARNING;
}

static int tell(struct looker *looker, const struct sl_node *node, const char *raw,
                const json_t *column, struct sl_err *err)
{
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
    sl_diag(looker->diags, severity_of(looker), SL_E_PERSONAL, place_of(node->contract, name), hint,
            "raw.%s has '%s', %s the protected column '%s', and the contract does not name it any "
            "more: rejected rows would keep it as it came",
            node->bare, raw, is_alias ? "which was another name of" : "which was read as", name);
    return SL_OK;
}

static bool names_any(const struct sl_node *node, const json_t *column,
                      const struct sl_strs *unknown)
{
    if (!json_object_get(column, "personal") ||
        is_given_free(node->contract, sl_json_text(column, "name", "")))
        return false;
    for (size_t i = 0; i < unknown->count; i++)
        if (is_named(column, unknown->items[i]))
            return true;
    return false;
}

// A contract may be called otherwise by now: then the commits of the tables tell. They are read
// only where that matters.
static int is_of(struct looker *looker, const struct sl_node *node,
                 const struct sl_kept_contract *kept, struct sl_strs *built_with, bool *ret,
                 struct sl_err *err)
{
    *ret = sl_str_equal(sl_json_text(kept->state, "name", NULL), node->contract->name);
    if (*ret)
        return SL_OK;
    if (!built_with->count)
        SL_TRY(sl_built_with(looker->world, node->bare, built_with, err));
    *ret = sl_strs_has(built_with, kept->fingerprint);
    return SL_OK;
}

static int hold_against(struct looker *looker, const struct sl_node *node,
                        const struct sl_kept_contract *kept, struct sl_strs *built_with,
                        struct sl_strs *unknown, struct sl_err *err)
{
    bool is_own = false;
    size_t i;
    json_t *column;
    json_array_foreach (json_object_get(kept->state, "columns"), i, column) {
        if (!names_any(node, column, unknown))
            continue;
        if (!is_own)
            SL_TRY(is_of(looker, node, kept, built_with, &is_own, err));
        if (!is_own)
            return SL_OK;
        for (size_t k = unknown->count; k-- > 0;) {
            if (!is_named(column, unknown->items[k]))
                continue;
            SL_TRY(tell(looker, node, unknown->items[k], column, err));
            unknown->items[k] = unknown->items[--unknown->count]; // once
        }
    }
    return SL_OK;
}

// Whether the table was built with another contract than that of now, which is not kept any more.
static int is_forgotten(struct looker *looker, const struct sl_node *node, enum sl_layer layer,
                        bool *ret, struct sl_err *err)
{
    struct sl_world *world = looker->world;
    const char *folder;
    struct sl_delta_head head;
    struct sl_record record = {0};
    struct sl_err trouble = {0};
    bool is_borrowed;
    *ret = false;
    int code = sl_step_input(world->project, layer, node->bare, NULL, &world->arena, &folder, &head,
                             &record, &is_borrowed, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    *ret = code == SL_OK && sl_step_is_fingerprint(record.fingerprint) &&
           !sl_str_equal(record.fingerprint, node->fingerprint) &&
           !sl_strs_has(&looker->codes.fingerprints, record.fingerprint);
    return SL_OK;
}

static int tell_forgotten(struct looker *looker, const struct sl_node *node, enum sl_layer layer,
                          const struct sl_strs *unknown, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    for (size_t i = 0; i < unknown->count; i++)
        sl_buf_addf(&names, "%s'%s'", i ? ", " : "", unknown->items[i]);
    SL_TRY(sl_buf_check(&names, err));
    sl_diag(looker->diags, severity_of(looker), SL_E_PERSONAL, node->contract->place,
            "put '_code' of the lake back, or make them properties, the personal ones with "
            "'sluice.personal: {as: drop}'; if none is personal, run once with "
            "'personal: {check: warn}'",
            "the contract that %s.%s was built with is not in '_code' of the lake any more, and "
            "raw.%s has columns that the contract of now does not name: %s; what was protected of "
            "them is not known, and rejected rows would keep it as it came",
            sl_layer_name(layer), node->bare, node->bare, names.text);
    return SL_OK;
}

static int look_at(struct looker *looker, const struct sl_node *node, struct sl_err *err)
{
    static const enum sl_layer layers[] = {SL_LAYER_CLEAN, SL_LAYER_QUARANTINE};
    struct sl_strs unknown = {0}, built_with = {0};
    bool is_gone = false;
    SL_TRY(list_unknown(looker, node, &unknown, err));
    if (!unknown.count)
        return SL_OK;
    SL_TRY(sl_kept_codes_read(looker->world, &looker->codes, err));
    for (size_t i = 0; i < looker->codes.contract_count && unknown.count; i++)
        SL_TRY(hold_against(looker, node, &looker->codes.contracts[i], &built_with, &unknown, err));
    for (size_t i = 0; i < sizeof layers / sizeof *layers && unknown.count && !is_gone; i++) {
        SL_TRY(is_forgotten(looker, node, layers[i], &is_gone, err));
        if (is_gone)
            SL_TRY(tell_forgotten(looker, node, layers[i], &unknown, err));
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
    sl_kept_codes_clear(&looker.codes);
    sl_session_close(&looker.session);
    return code;
}
