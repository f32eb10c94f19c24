// sluice plan: what a run would do, and why.
#include "base/fs.h"
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define PARTITIONS_SHOWN 3

struct plan_options {
    struct sl_common common;
    struct sl_strs select, exclude;
    bool full_refresh, why;
    const char *output;
};

static const struct sl_opt plan_rows[] = {
    {"select", SL_OPT_STRINGS, offsetof(struct plan_options, select), NULL,
     "Steps to take, as in dbt: names, tag:, path:, source:, state:, result:, + and @; all words "
     "up to the next option, with `--select=X` just X.",
     SL_OPT_WORDS, .letter = 's', .placeholder = "SELECTOR"},
    {"exclude", SL_OPT_STRINGS, offsetof(struct plan_options, exclude), NULL, "Steps to leave out.",
     SL_OPT_WORDS, .placeholder = "SELECTOR"},
    {"full_refresh", SL_OPT_BOOL, offsetof(struct plan_options, full_refresh), "false",
     "Plan to build the selected steps anew.", 0},
    {"why", SL_OPT_BOOL, offsetof(struct plan_options, why), "false",
     "Give every cause, not just the first.", 0},
    {"output", SL_OPT_STRING, offsetof(struct plan_options, output), NULL,
     "Write the plan as JSON for `sluice apply`.", 0, .letter = 'o', .placeholder = "FILE"},
    SL_COMMON_ROWS,
    {0},
};

static const char *size_text(const struct sl_node *node, struct sl_arena *arena)
{
    const struct sl_facts *facts = &node->facts;
    char number[32], size[32];
    if (node->kind == SL_NODE_INGEST && facts->new_files + facts->changed_files)
        return sl_arena_printf(arena, "%s", sl_str_size(facts->new_bytes, size));
    if (facts->rows < 0)
        return "";
    return sl_arena_printf(arena, "%s rows, %s", sl_str_count(facts->rows, number),
                           sl_str_size(facts->bytes, size));
}

// "clean.orders changed: 2 partitions: day=2026-01-01, day=2026-01-02"; with every cause they have
// lines of their own.
static const char *first_cause(const struct sl_node *node, bool all_causes, struct sl_arena *arena,
                               struct sl_err *err)
{
    const struct sl_strs *partitions = &node->facts.partitions;
    const char *fresh = node->facts.is_borrowed ? "read from the other environment" : "up to date";
    const char *first = node->why.count ? node->why.items[0] : fresh;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    char count[64];
    if (!partitions->count || all_causes)
        return first;
    sl_buf_addf(&text, "%s: %s: ", first,
                sl_count_of((int64_t)partitions->count, "partition", count));
    for (size_t i = 0; i < partitions->count && i < PARTITIONS_SHOWN; i++)
        sl_buf_addf(&text, "%s%s", i ? "; " : "", partitions->items[i]);
    if (partitions->count > PARTITIONS_SHOWN)
        sl_buf_addf(&text, "; and %zu more", partitions->count - PARTITIONS_SHOWN);
    const char *copy = sl_buf_check(&text, err) == SL_OK ? sl_arena_strdup(arena, text.text) : NULL;
    if (!copy)
        (void)sl_fail_memory(err);
    return copy;
}

static int add_node(struct sl_grid *grid, const struct sl_node *node, bool all_causes,
                    struct sl_arena *arena, struct sl_err *err)
{
    const char *first = first_cause(node, all_causes, arena, err);
    const char *verdict = node->verdict == SL_VERDICT_STALE   ? "run"
                          : node->verdict == SL_VERDICT_AFTER ? "after"
                                                              : "-";
    const char *size = size_text(node, arena);
    SL_TRY_NEW(size, err);
    SL_TRY_NEW(first, err);
    SL_TRY(sl_grid_row(grid, (const char *const[]){verdict, node->label, size, first}, err));
    for (size_t i = 1; i < node->why.count && all_causes; i++)
        SL_TRY(sl_grid_row(grid, (const char *const[]){"", "", "", node->why.items[i]}, err));
    for (size_t i = 0; i < node->facts.partitions.count && all_causes; i++)
        SL_TRY(sl_grid_row(grid, (const char *const[]){"", "", "", node->facts.partitions.items[i]},
                           err));
    return SL_OK;
}

void sl_plan_tell_vanished(const struct sl_common *common, const struct sl_world *world,
                           bool only_fresh)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        char count[64];
        if (node->is_selected && node->facts.vanished_files &&
            (!only_fresh || node->verdict == SL_VERDICT_FRESH))
            sl_tell(common, SL_LOG_WARN, "%s: %s gone since the last run; the rows stay in %s",
                    node->label, sl_count_of(node->facts.vanished_files, "file", count),
                    node->name);
    }
}

int sl_plan_show(const struct sl_common *common, const struct sl_world *world, bool all_causes,
                 struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    if (common->json) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        SL_TRY(sl_plan_print(&world->graph, world->project, &root, err));
        return sl_print_json(root, err);
    }
    struct sl_grid grid;
    sl_grid_init(&grid, &arena, 4, 0);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"plan", "step", "size", "why"}, err));
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->is_selected && (node->verdict != SL_VERDICT_FRESH || common->is_verbose))
            SL_TRY(add_node(&grid, node, all_causes, &arena, err));
    }
    if (!sl_grid_is_empty(&grid)) {
        SL_TRY(sl_grid_print(&grid, stdout, err));
        putchar('\n');
    }
    char texts[3][64];
    printf("%s to run, %s after their inputs, %s up to date\n",
           sl_count_of((int64_t)sl_plan_count(&world->graph, SL_VERDICT_STALE), "step", texts[0]),
           sl_str_count((int64_t)sl_plan_count(&world->graph, SL_VERDICT_AFTER), texts[1]),
           sl_str_count((int64_t)sl_plan_count(&world->graph, SL_VERDICT_FRESH), texts[2]));
    return SL_OK;
}

static int store(const struct plan_options *options, const struct sl_world *world,
                 struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    char *text = NULL;
    SL_TRY(sl_plan_print(&world->graph, world->project, &root, err));
    if (json_object_set_new(root, "full_refresh", json_boolean(options->full_refresh)) != 0)
        return sl_fail_memory(err);
    SL_TRY(sl_log_print(root, &text, err)); // a cause may quote a target, and that a secret
    int code = sl_fs_write(options->output, text, strlen(text), err);
    free(text);
    return code;
}

static int run_plan(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct plan_options *options = self;
    struct sl_selection_options selection = {.select = options->select,
                                             .exclude = options->exclude,
                                             .full_refresh = options->full_refresh,
                                             .sizes = !options->output};
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    (void)ret_exit;
    SL_TRY(sl_prepare_plan(&options->common, &selection, &world, err));
    if (!options->output && !options->full_refresh)
        SL_TRY(sl_world_foresee(&world, err));
    if (options->output)
        SL_TRY(store(options, &world, err));
    SL_TRY(sl_plan_show(&options->common, &world, options->why, err));
    sl_plan_tell_vanished(&options->common, &world, false);
    if (options->output)
        sl_tell(&options->common, SL_LOG_INFO, "wrote %s: `sluice apply %s` runs it",
                options->output, options->output);
    return SL_OK;
}

static const char *const examples[] = {"sluice plan", "sluice plan --why --select daily_revenue",
                                       "sluice plan -o plan.json", NULL};

const struct sl_command sl_command_plan = {
    .name = "plan",
    .summary = "Show what a run would do, and why.",
    .rows = plan_rows,
    .options_bytes = sizeof(struct plan_options),
    .examples = examples,
    .run = run_plan,
};
