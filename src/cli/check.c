// sluice check: everything that is wrong with a project, in one pass.
#include "api/check.h"
#include "cli/cli.h"
#include "contract/compile.h"

struct check_options {
    struct sl_common common;
    bool strict;
};

static const struct sl_opt check_rows[] = {
    {"strict", SL_OPT_BOOL, offsetof(struct check_options, strict), "false",
     "Treat warnings as errors.", 0},
    SL_COMMON_ROWS,
    {0},
};

// The columns of a raw table: as it stands, or before the first run those that the contract reads,
// as text.
static int raw_columns(struct sl_world *world, const struct sl_map *catalog, const char *name,
                       const struct sl_contract_table *contract, struct sl_relation *ret,
                       struct sl_err *err)
{
    const char *raw = sl_arena_printf(&world->arena, "raw.%s", name);
    SL_TRY_NEW(raw, err);
    const struct sl_relation *relation = sl_map_get(catalog, raw);
    if (relation) {
        *ret = *relation;
        return SL_OK;
    }
    struct sl_column *columns =
        SL_NEW_ARRAY(&world->arena, struct sl_column, contract->column_count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < contract->column_count; i++)
        columns[i] = (struct sl_column){contract->columns[i].source_name, "VARCHAR"};
    *ret = (struct sl_relation){columns, contract->column_count};
    return SL_OK;
}

// Compiles a contract, and asks the engine about what only it can tell, in what could be compiled:
// patterns, expressions, formats.
static int check_contract(struct sl_world *world, const struct sl_map *catalog, const char *name,
                          const struct sl_contract_table *contract, struct sl_session **session,
                          struct sl_err *err)
{
    struct sl_diags *diags = &world->project->diags;
    struct sl_relation raw;
    struct sl_pass pass;
    SL_TRY(raw_columns(world, catalog, name, contract, &raw, err));
    SL_TRY(sl_contract_compile(contract, raw.columns, raw.count, &world->arena, diags, &pass, err));
    if (!*session)
        SL_TRY(sl_world_session(world, session, err));
    return sl_contract_verify(contract, raw.columns, raw.count, &pass, *session, diags, err);
}

// "contracts/orders.odcs.yml:7": one table of a contract.
static const char *key_of(struct sl_world *world, const struct sl_contract_table *table)
{
    return sl_arena_printf(&world->arena, "%s:%d", table->place.file, table->place.line);
}

// Contracts of sources, and then those whose source is not there yet or cannot be read.
static int check_contracts(struct sl_world *world, const struct sl_map *catalog, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_AUTO(sl_map_clear) struct sl_map checked = {0};
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind != SL_NODE_CLEANSE)
            continue;
        const char *key = key_of(world, node->contract);
        SL_TRY_NEW(key, err);
        SL_TRY(sl_map_set(&checked, key, NULL, err));
        SL_TRY(check_contract(world, catalog, node->bare, node->contract, &session, err));
    }
    for (size_t i = 0; i < world->project->contract_count; i++) {
        const struct sl_contract *contract = world->project->contracts[i];
        for (size_t k = 0; k < contract->table_count; k++) {
            const char *key = key_of(world, &contract->tables[k]);
            SL_TRY_NEW(key, err);
            if (!sl_map_has(&checked, key))
                SL_TRY(check_contract(world, catalog, "", &contract->tables[k], &session, err));
        }
    }
    return SL_OK;
}

// What matches no file; and before the first run whether a file can be read as it is declared.
static int check_sources(struct sl_world *world, const struct sl_map *catalog, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_project *project = world->project;
    for (size_t i = 0; i < project->source_count; i++) {
        const struct sl_source *source = &project->sources[i];
        const char *raw = sl_arena_printf(&world->arena, "raw.%s", source->name);
        SL_TRY_NEW(raw, err);
        bool is_new = !sl_map_has(catalog, raw);
        if (is_new && !session)
            SL_TRY(sl_world_session(world, &session, err));
        SL_TRY(
            sl_step_ingest_check(project, source, is_new ? session : NULL, &project->diags, err));
    }
    return SL_OK;
}

static int check_checks(struct sl_world *world, struct sl_err *err)
{
    for (size_t i = 0; i < world->project->model_count; i++) {
        struct sl_check *checks;
        size_t count;
        SL_TRY(sl_checks_compile(world->project->models[i].checks, &world->arena,
                                 &world->project->diags, &checks, &count, err));
    }
    return SL_OK;
}

static void print_summary(const struct sl_project *project, bool with_unread)
{
    const struct sl_diags *diags = &project->diags;
    char texts[6][64];
    for (size_t i = 0; i < project->contract_count && with_unread; i++)
        for (size_t k = 0; k < project->contracts[i]->unread.count; k++)
            printf("%s: '%s' is kept but not used\n", project->contracts[i]->file,
                   project->contracts[i]->unread.items[k]);
    printf("%s, %s, %s, %s: %s, %s\n",
           sl_count_of((int64_t)project->source_count, "source", texts[0]),
           sl_count_of((int64_t)project->contract_count, "contract", texts[1]),
           sl_count_of((int64_t)project->model_count, "model", texts[2]),
           sl_count_of((int64_t)project->target_count, "target", texts[3]),
           sl_count_of((int64_t)diags->error_count, "error", texts[4]),
           sl_count_of((int64_t)diags->warning_count, "warning", texts[5]));
}

static int print_json(const struct sl_project *project, int exit_code, struct sl_err *err)
{
    const struct sl_diags *diags = &project->diags;
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:i, s:s?, s:{s:I, s:I, s:I, s:I, s:I, s:I}}", "schema", "sluice.check/1",
        "exit_code", exit_code, "project", project->name, "counts", "sources",
        (json_int_t)project->source_count, "contracts", (json_int_t)project->contract_count,
        "models", (json_int_t)project->model_count, "targets", (json_int_t)project->target_count,
        "errors", (json_int_t)diags->error_count, "warnings", (json_int_t)diags->warning_count);
    SL_TRY_NEW(root, err);
    SL_TRY(sl_diags_json(diags, root, err));
    return sl_print_json(root, err);
}

static int run_check(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct check_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    struct sl_world_options world_options = {.folder = options->common.folder,
                                             .environment = options->common.environment,
                                             .overrides = options->common.settings,
                                             .resolve_secrets = true};
    SL_TRY(sl_world_open(&world_options, &world, err));
    sl_keep_project(options->common.cli, world.project);
    sl_project_check_requirements(world.project);
    SL_TRY(check_checks(&world, err));
    SL_TRY(sl_world_bind(&world, &catalog, err));
    if (world.has_graph)
        SL_TRY(check_contracts(&world, &catalog, err));
    SL_TRY(check_sources(&world, &catalog, err));
    struct sl_diags *diags = &world.project->diags;
    bool is_bad = diags->error_count || (options->strict && diags->warning_count);
    *ret_exit = is_bad ? 1 : 0;
    sl_diags_sort(diags);
    if (!options->common.json || options->common.log_format == SL_LOG_JSON)
        sl_print_diags(options->common.cli, diags, !options->common.is_quiet);
    if (options->common.json)
        return print_json(world.project, *ret_exit, err);
    print_summary(world.project, options->common.is_verbose);
    return SL_OK;
}

static const char *const examples[] = {"sluice check", "sluice check --strict --json", NULL};

const struct sl_command sl_command_check = {
    .name = "check",
    .summary = "Find every mistake in the project, without running anything.",
    .details = "Reads all files, compiles the contracts, parses every model and binds it to the "
               "columns of its inputs. What is missing\n"
               "of the requirements is reported at the level that checks.requirements sets.",
    .rows = check_rows,
    .options_bytes = sizeof(struct check_options),
    .examples = examples,
    .run = run_check,
};
