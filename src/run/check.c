// Sources and contracts before anything runs: files, rules, formats, expressions.
#include "run/check.h"
#include "contract/compile.h"
#include "step/schema.h"

struct checker {
    struct sl_world *world;
    const struct sl_map *catalog;
    struct sl_session *session;
    struct sl_map files; // source name -> struct sl_source_check, of sources without a table
};

// --- sources

// What matches no file; and before the first run whether a file can be read as it is declared.
static int check_source(struct checker *checker, const struct sl_source *source, struct sl_err *err)
{
    struct sl_world *world = checker->world;
    struct sl_project *project = world->project;
    const char *raw = sl_arena_printf(&world->arena, "raw.%s", source->name);
    struct sl_source_check *check = SL_NEW(&world->arena, struct sl_source_check);
    SL_TRY_NEW(raw, err);
    SL_TRY_NEW(check, err);
    check->diags = &project->diags;
    if (sl_map_has(checker->catalog, raw))
        return sl_step_ingest_check(project, source, NULL, &world->arena, check, err);
    if (!checker->session)
        SL_TRY(sl_world_session(world, &checker->session, err));
    SL_TRY(sl_step_ingest_check(project, source, checker->session, &world->arena, check, err));
    return sl_map_set(&checker->files, source->name, check, err);
}

// --- contracts

// Before the first run: what the contract reads, as text, and what else is in a file of the source.
static int foresee(struct checker *checker, const char *name,
                   const struct sl_contract_table *contract, struct sl_relation *ret,
                   struct sl_err *err)
{
    const struct sl_source_check *file = sl_map_get(&checker->files, name);
    struct sl_arena *arena = &checker->world->arena;
    size_t file_count = file ? file->column_count : 0, count = 0;
    struct sl_column *stored = SL_NEW_ARRAY(arena, struct sl_column, file_count + 1), *columns;
    SL_TRY_NEW(stored, err);
    for (size_t i = 0; i < file_count; i++) {
        const char *type = sl_type_fill_unknown(file->columns[i].type, "VARCHAR", arena);
        SL_TRY_NEW(type, err);
        if (!sl_str_equal(file->columns[i].type, SL_UNKNOWN_TYPE))
            stored[count++] = (struct sl_column){file->columns[i].name, sl_storage_type(type)};
    }
    SL_TRY(sl_contract_foresee_raw(contract, stored, count, arena, &columns, &ret->count, err));
    ret->columns = columns;
    return SL_OK;
}

// Compiles a contract, and asks the engine about what only it can tell, in what could be compiled.
static int check_contract(struct checker *checker, const char *name,
                          const struct sl_contract_table *contract, struct sl_err *err)
{
    struct sl_world *world = checker->world;
    struct sl_relation raw = {0};
    const char *table = sl_arena_printf(&world->arena, "raw.%s", name);
    SL_TRY_NEW(table, err);
    const struct sl_relation *known = sl_map_get(checker->catalog, table);
    if (known)
        raw = *known;
    else
        SL_TRY(foresee(checker, name, contract, &raw, err));
    if (!checker->session)
        SL_TRY(sl_world_session(world, &checker->session, err));
    return sl_contract_check(contract, raw.columns, raw.count, checker->session, &world->arena,
                             &world->project->diags, err);
}

// "contracts/orders.odcs.yml:7": one table of a contract.
static const char *key_of(struct sl_world *world, const struct sl_contract_table *table)
{
    return sl_arena_printf(&world->arena, "%s:%d", table->place.file, table->place.line);
}

// Contracts of sources, and then those whose source is not there yet or cannot be read.
static int check_contracts(struct checker *checker, struct sl_map *checked, struct sl_err *err)
{
    struct sl_world *world = checker->world;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind != SL_NODE_CLEANSE)
            continue;
        const char *key = key_of(world, node->contract);
        SL_TRY_NEW(key, err);
        SL_TRY(sl_map_set(checked, key, NULL, err));
        SL_TRY(check_contract(checker, node->bare, node->contract, err));
    }
    for (size_t i = 0; i < world->project->contract_count; i++) {
        const struct sl_contract *contract = world->project->contracts[i];
        for (size_t k = 0; k < contract->table_count; k++) {
            const char *key = key_of(world, &contract->tables[k]);
            SL_TRY_NEW(key, err);
            SL_TRY(sl_world_check_aliases(world, &contract->tables[k], &checker->session, err));
            if (!sl_map_has(checked, key))
                SL_TRY(check_contract(checker, "", &contract->tables[k], err));
        }
    }
    return SL_OK;
}

static void checker_clear(struct checker *checker)
{
    sl_session_close(&checker->session);
    sl_map_clear(&checker->files);
}

int sl_world_check(struct sl_world *world, const struct sl_map *catalog, struct sl_err *err)
{
    SL_AUTO(checker_clear) struct checker checker = {.world = world, .catalog = catalog};
    SL_AUTO(sl_map_clear) struct sl_map checked = {0};
    for (size_t i = 0; i < world->project->source_count; i++)
        SL_TRY(check_source(&checker, &world->project->sources[i], err));
    if (!world->has_graph)
        return SL_OK;
    SL_TRY(sl_world_check_foreign_keys(world, catalog, err));
    return check_contracts(&checker, &checked, err);
}
