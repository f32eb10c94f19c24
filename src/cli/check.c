// sluice check: everything that is wrong with a project, in one pass.
#include "api/check.h"
#include "cli/cli.h"
#include "contract/compile.h"

struct check_options {
    struct sl_common common;
    bool strict;
};

static const struct sl_opt check_rows[] = {
    {"strict", SL_OPT_BOOL, offsetof(struct check_options, strict), "false", "Treat warnings as errors.", 0},
    SL_COMMON_ROWS,
    {0},
};

// Contracts are compiled against the columns of the raw table, where there is one.
static int check_contracts(struct sl_world *world, const struct sl_map *catalog, struct sl_err *err)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind != SL_NODE_CLEANSE)
            continue;
        struct sl_pass pass;
        const char *raw = sl_arena_printf(&world->arena, "raw.%s", node->bare);
        SL_TRY_NEW(raw, err);
        const struct sl_relation *relation = sl_map_get(catalog, raw);
        if (relation)
            SL_TRY(sl_contract_compile(node->contract, relation->columns, relation->count, &world->arena,
                                       &world->project->diags, &pass, err));
    }
    return SL_OK;
}

static int check_checks(struct sl_world *world, struct sl_err *err)
{
    for (size_t i = 0; i < world->project->model_count; i++) {
        struct sl_check *checks;
        size_t count;
        SL_TRY(sl_checks_compile(world->project->models[i].checks, &world->arena, &world->project->diags, &checks, &count, err));
    }
    return SL_OK;
}

static void print_summary(const struct sl_world *world, const struct check_options *options)
{
    const struct sl_project *project = world->project;
    const struct sl_diags *diags = &project->diags;
    printf("%zu sources, %zu contracts, %zu models, %zu targets: %zu error%s, %zu warning%s\n", project->source_count,
           project->contract_count, project->model_count, project->target_count, diags->error_count,
           diags->error_count == 1 ? "" : "s", diags->warning_count, diags->warning_count == 1 ? "" : "s");
    for (size_t i = 0; i < project->contract_count && options->common.is_verbose; i++)
        for (size_t k = 0; k < project->contracts[i]->unread.count; k++)
            printf("%s: '%s' is kept but not used\n", project->contracts[i]->file, project->contracts[i]->unread.items[k]);
}

static int run_check(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct check_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    struct sl_world_options world_options = {.folder = options->common.folder, .environment = options->common.environment};
    SL_TRY(sl_world_open(&world_options, &world, err));
    sl_project_check_requirements(world.project);
    SL_TRY(check_checks(&world, err));
    SL_TRY(sl_world_bind(&world, &catalog, err));
    if (world.has_graph)
        SL_TRY(check_contracts(&world, &catalog, err));
    struct sl_diags *diags = &world.project->diags;
    bool is_bad = diags->error_count || (options->strict && diags->warning_count);
    *ret_exit = is_bad ? 1 : 0;
    sl_diags_sort(diags);
    if (options->common.json) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        SL_TRY(sl_diags_print_json(diags, "sluice.check/1", &root, err));
        return sl_print_json(root, err);
    }
    sl_print_diags(stderr, world.project->folder, diags, !options->common.is_quiet);
    print_summary(&world, options);
    return SL_OK;
}

static const char *const examples[] = {"sluice check", "sluice check --strict --json", NULL};

const struct sl_command sl_command_check = {
    .name = "check",
    .summary = "Find every mistake in the project, without running anything.",
    .details = "Reads all files, compiles the contracts, parses every model and binds it to the columns of its inputs. What is missing\n"
               "of the requirements is reported at the level that checks.requirements sets.",
    .rows = check_rows,
    .options_bytes = sizeof(struct check_options),
    .examples = examples,
    .run = run_check,
};
