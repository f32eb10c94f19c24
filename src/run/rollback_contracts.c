// The contracts that a publication's tables were built with: what they protected and classified,
// and what those of now do.
#include "base/json.h"
#include "contract/change.h"
#include "run/lineage.h"
#include "run/rollback_models.h"
#include "table/delta/delta.h"

// One table, and what its columns were.
struct table {
    struct sl_world *world;
    const struct sl_publication *target;
    const char *bare;
    struct sl_delta_snapshot raw, clean; // version -1: cannot be read
};

// What cannot be read any more is for the rollback itself to say.
int sl_then_fingerprint(struct sl_world *world, const struct sl_published *published,
                        const char **ret, struct sl_err *err)
{
    struct sl_delta_head head;
    struct sl_record record = {0};
    struct sl_err trouble = {0};
    enum sl_layer layer;
    const char *name;
    *ret = NULL;
    if (!sl_table_parse(published->table, &layer, &name))
        return SL_OK;
    const char *folder = sl_table_folder(world->project, layer, name, &world->arena);
    SL_TRY_NEW(folder, err);
    int code = sl_delta_head_at(folder, published->version, &world->arena, &head, &trouble);
    if (code == SL_OK && head.record_json)
        code = sl_record_parse(head.record_json, &world->arena, &record, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code == SL_OK && sl_step_is_fingerprint(record.fingerprint))
        *ret = record.fingerprint;
    return SL_OK;
}

int sl_then_code(struct sl_world *world, const struct sl_published *published,
                 const char **ret_fingerprint, json_t **ret, struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&world->graph, published->table);
    struct sl_step_context context = {
        .project = world->project, .arena = &world->arena, .run_id = ""};
    const char *fingerprint;
    *ret_fingerprint = NULL;
    SL_TRY(sl_then_fingerprint(world, published, &fingerprint, err));
    if (!fingerprint || (node && sl_str_equal(node->fingerprint, fingerprint)))
        return SL_OK;
    *ret_fingerprint = fingerprint;
    return sl_step_find_code(&context, fingerprint, ret, err);
}

static const char *name_of(const struct sl_contract_column *column, size_t i)
{
    return i == 0 ? column->name : i == 1 ? column->source_name : column->aliases[i - 2].name;
}

static bool is_called(const struct sl_contract_column *column, const char *name)
{
    bool is_found = false;
    for (size_t i = 0; i < column->alias_count + 2; i++)
        is_found |= sl_str_equal_nocase(name_of(column, i), name);
    return is_found;
}

static bool are_one(const struct sl_contract_column *a, const struct sl_contract_column *b)
{
    bool is_found = false;
    for (size_t i = 0; i < a->alias_count + 2; i++)
        is_found |= is_called(b, name_of(a, i));
    return is_found;
}

static bool has(const struct sl_delta_snapshot *snapshot, const struct sl_contract_column *column)
{
    for (size_t i = 0; i < snapshot->column_count; i++)
        if (is_called(column, snapshot->columns[i].name))
            return true;
    return false;
}

static int load(struct table *table, enum sl_layer layer, struct sl_delta_snapshot *ret,
                struct sl_err *err)
{
    struct sl_world *world = table->world;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_err trouble = {0};
    bool is_needed = false;
    const char *name = sl_arena_printf(&world->arena, "%s.%s", sl_layer_name(layer), table->bare);
    const char *folder = sl_table_folder(world->project, layer, table->bare, &world->arena);
    SL_TRY_NEW(name, err);
    SL_TRY_NEW(folder, err);
    *ret = (struct sl_delta_snapshot){.version = -1};
    const struct sl_published *published = sl_publication_find(table->target, name);
    if (!published)
        return SL_OK;
    if (sl_delta_needs_session(folder, &is_needed, &trouble) == SL_OK && is_needed)
        SL_TRY(sl_world_session(world, &session, err));
    int code =
        sl_delta_load_schema(folder, published->version, session, &world->arena, ret, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        *ret = (struct sl_delta_snapshot){.version = -1};
    return SL_OK;
}

// A column that the contract of then did not know, and raw had: clean took it over as it came, or
// has none of that name.
static int add_unknown(struct table *table, const struct sl_contract_column *now,
                       struct sl_contract_table *then, struct sl_err *err)
{
    bool was_evolved = table->clean.version < 0 ? then->drift.new_columns == SL_DRIFT_EVOLVE
                                                : has(&table->clean, now);
    if (!was_evolved && table->raw.version >= 0 && !has(&table->raw, now))
        return SL_OK;
    struct sl_contract_column column = *now;
    column.classification = sl_personal_followed(now);
    column.personal = (struct sl_personal){.as = was_evolved ? SL_PERSONAL_NONE : SL_PERSONAL_DROP};
    return SL_PUSH(&table->world->arena, then->columns, then->column_count, column)
               ? SL_OK
               : sl_fail_memory(err);
}

// What one of them follows is followed; how it was protected is for the contract of then to say.
static int unite(struct table *table, const struct sl_contract_table *now,
                 struct sl_contract_table *then, struct sl_err *err)
{
    size_t count = then->column_count;
    struct sl_contract_column *own = then->columns;
    then->columns = NULL; // of an array that cannot grow
    then->column_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!SL_PUSH(&table->world->arena, then->columns, then->column_count, own[i]))
            return sl_fail_memory(err);
    for (size_t i = 0; i < now->column_count; i++) {
        const char *followed = sl_personal_followed(&now->columns[i]);
        bool is_known = false;
        for (size_t k = 0; followed && k < count; k++) {
            if (!are_one(&now->columns[i], &then->columns[k]))
                continue;
            is_known = true;
            if (!sl_personal_followed(&then->columns[k]))
                then->columns[k].classification = followed;
        }
        if (followed && !is_known)
            SL_TRY(add_unknown(table, &now->columns[i], then, err));
    }
    return SL_OK;
}

// Codes of older versions of Sluice do not say it.
static int classify(const json_t *classified, struct sl_contract_table *then,
                    struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < then->column_count; i++) {
        const char *kept = sl_json_text(classified, then->columns[i].name, NULL);
        if (!kept)
            continue;
        then->columns[i].classification = sl_arena_strdup(arena, kept);
        SL_TRY_NEW(then->columns[i].classification, err);
    }
    return SL_OK;
}

static int take(struct table *table, const struct sl_published *published,
                struct sl_models_then *ret, struct sl_err *err)
{
    struct sl_world *world = table->world;
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    struct sl_contract_table *then = NULL;
    const struct sl_node *node = sl_graph_node(&world->graph, published->table);
    const char *fingerprint;
    SL_TRY(sl_then_code(world, published, &fingerprint, &kept, err));
    if (!fingerprint)
        return SL_OK;
    const json_t *state = json_object_get(kept, "contract");
    if (state)
        SL_TRY(sl_contract_restore(state, fingerprint, &world->arena, &then, err));
    if (!then)
        return sl_strs_add(&ret->lost_contracts, &world->arena, published->table, err);
    SL_TRY(classify(json_object_get(kept, "classified"), then, &world->arena, err));
    if (node) {
        then->contract = node->contract->contract;
        then->physical_name = node->contract->physical_name;
        then->place = node->contract->place;
        SL_TRY(load(table, SL_LAYER_RAW, &table->raw, err));
        SL_TRY(load(table, SL_LAYER_CLEAN, &table->clean, err));
        SL_TRY(unite(table, node->contract, then, err));
    }
    ret->is_personal |= sl_contract_is_followed(then);
    return sl_map_set(&ret->contracts, published->table, then, err);
}

int sl_contracts_then_take(struct sl_world *now, const struct sl_publication *target,
                           struct sl_models_then *ret, struct sl_err *err)
{
    for (size_t i = 0; i < target->table_count; i++) {
        struct table table = {.world = now, .target = target};
        enum sl_layer layer;
        if (sl_table_parse(target->tables[i].table, &layer, &table.bare) && layer == SL_LAYER_CLEAN)
            SL_TRY(take(&table, &target->tables[i], ret, err));
    }
    return SL_OK;
}
