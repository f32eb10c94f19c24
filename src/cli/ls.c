// sluice ls: the steps and tables of a project.
#include "cli/ls_checks.h"
#include "cli/output.h"

struct ls_options {
    struct sl_common common;
    struct sl_strs select, exclude;
    bool has_checks;
    const char *kind;
};

static const struct sl_opt ls_rows[] = {
    {"select", SL_OPT_STRINGS, offsetof(struct ls_options, select), NULL,
     "Steps to list, as in `sluice run`.", SL_OPT_WORDS, .letter = 's', .placeholder = "SELECTOR"},
    {"exclude", SL_OPT_STRINGS, offsetof(struct ls_options, exclude), NULL, "Steps to leave out.",
     SL_OPT_WORDS, .placeholder = "SELECTOR"},
    {"checks", SL_OPT_BOOL, offsetof(struct ls_options, has_checks), NULL,
     "List the kinds of rules and checks instead, each with an example."},
    {"kind", SL_OPT_STRING, offsetof(struct ls_options, kind), NULL,
     "With --checks: this kind only, with its options.", SL_OPT_POSITIONAL, .placeholder = "KIND"},
    SL_COMMON_ROWS,
    {0},
};

static const char *kind_of(const struct sl_node *node)
{
    static const char *const names[] = {[SL_NODE_INGEST] = "source",
                                        [SL_NODE_CLEANSE] = "contract",
                                        [SL_NODE_MODEL] = "model",
                                        [SL_NODE_LOAD] = "target",
                                        [SL_NODE_TASK] = "task"};
    return sl_node_is_view(node) ? "view" : names[node->kind];
}

static int print_node(const struct sl_node *node, const char *reads, struct sl_grid *grid,
                      struct sl_arena *arena, struct sl_err *err)
{
    char rows[32], size[32];
    const struct sl_facts *facts = &node->facts;
    const char *version = facts->version < 0 || sl_node_is_view(node)
                              ? "-"
                              : sl_arena_printf(arena, "%lld", (long long)facts->version);
    const char *output = node->model ? sl_output_text(node->model, arena) : "";
    SL_TRY_NEW(version, err);
    SL_TRY_NEW(output, err);
    const char *kind =
        sl_arena_printf(arena, "%s%s%s%s%s", kind_of(node), *output ? ", " : "", output,
                        facts->is_borrowed ? ", of " : "", facts->is_borrowed ? reads : "");
    SL_TRY_NEW(kind, err);
    const char *cells[] = {node->name,
                           kind,
                           version,
                           facts->rows < 0 ? "" : sl_str_count(facts->rows, rows),
                           facts->bytes < 0 ? "" : sl_str_size(facts->bytes, size),
                           node->owner,
                           node->file};
    return sl_grid_row(grid, cells, err);
}

// -1 is what is not known, or not there.
static json_t *count_or_null(int64_t count)
{
    return count < 0 ? json_null() : json_integer((json_int_t)count);
}

static int print_json(const struct sl_world *world, struct sl_err *err)
{
    json_t *nodes = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:o}", "schema", "sluice.ls/1", "project",
                             world->project->name, "nodes", nodes);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        const struct sl_facts *facts = &node->facts;
        if (!node->is_selected)
            continue;
        json_t *item =
            json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s?, s:s, s:s?}", "name", node->name, "kind",
                      kind_of(node), "step", node->label, "version", count_or_null(facts->version),
                      "rows", count_or_null(facts->rows), "bytes", count_or_null(facts->bytes),
                      "owner", node->owner, "file", node->file, "environment",
                      facts->is_borrowed ? world->project->read_environment : NULL);
        if (json_array_append_new(nodes, item) != 0)
            return sl_fail_memory(err);
        if (node->model)
            SL_TRY(sl_output_add(item, node->model, err));
    }
    return sl_print_json(root, err);
}

static int run_ls(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct ls_options *options = self;
    struct sl_selection_options selection = {
        .select = options->select, .exclude = options->exclude, .sizes = true};
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    (void)ret_exit;
    if (options->has_checks)
        return sl_ls_checks(options->kind, options->common.json, err);
    if (options->kind) {
        (void)sl_fail(err, SL_E_USAGE, "'%s' is one word too many", options->kind);
        return sl_err_hint(err,
                           "`sluice ls --select %s` lists steps, `sluice ls --checks %s` a kind "
                           "of check",
                           options->kind, options->kind);
    }
    SL_TRY(sl_prepare_plan(&options->common, &selection, &world, err));
    if (options->common.json)
        return print_json(&world, err);
    struct sl_grid grid;
    sl_grid_init(&grid, &world.arena, 7, 0x1C);
    SL_TRY(sl_grid_row(
        &grid, (const char *const[]){"name", "kind", "version", "rows", "size", "owner", "file"},
        err));
    for (size_t i = 0; i < world.graph.count; i++) {
        const struct sl_node *node = &world.graph.nodes[i];
        if (node->is_selected)
            SL_TRY(print_node(node, world.project->read_environment, &grid, &world.arena, err));
        if (node->is_selected && node->facts.trouble)
            sl_tell(&options->common, SL_LOG_WARN, "%s cannot be looked at: %s", node->name,
                    node->facts.trouble);
    }
    return sl_grid_print(&grid, stdout, err);
}

static const char *const examples[] = {"sluice ls", "sluice ls --select tag:finance+ --json",
                                       "sluice ls --checks", "sluice ls --checks compare", NULL};

const struct sl_command sl_command_ls = {
    .name = "ls",
    .summary = "List steps and tables with version, rows, size and owner.",
    .rows = ls_rows,
    .options_bytes = sizeof(struct ls_options),
    .examples = examples,
    .run = run_ls,
};
