// sluice plan: what a run would do, and why.
#include "base/clock.h"
#include "base/fs.h"
#include "cli/cli.h"
#include "contract/compile.h"
#include "run/estimate.h"
#include "run/impact.h"
#include "run/publications.h"
#include "run/versions.h"

#include <stdlib.h>
#include <string.h>

#define PARTITIONS_SHOWN 3

struct plan_options {
    struct sl_common common;
    struct sl_strs select, exclude, may_break;
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
     "Give every cause, not just the first, and of a changed contract or model what is different "
     "and what it reaches.",
     0},
    SL_ALLOW_BREAKING_ROW(struct plan_options),
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

// "0.0123": as many digits as a small sum needs.
static const char *cost_text(double cost, char text[64])
{
    snprintf(text, 64, "%.*f", cost < 1 ? 4 : 2, cost);
    return text;
}

// Columns of the plan: all, or without money where no price is declared.
struct plan_row {
    const char *verdict, *step, *size, *time, *cost, *why;
};

static int add_row(struct sl_grid *grid, const struct plan_row *row, bool has_price,
                   struct sl_err *err)
{
    const char *const priced[] = {row->verdict, row->step, row->size,
                                  row->time,    row->cost, row->why};
    const char *const plain[] = {row->verdict, row->step, row->size, row->time, row->why};
    return sl_grid_row(grid, has_price ? priced : plain, err);
}

static int add_node(struct sl_grid *grid, const struct sl_node *node, bool all_causes,
                    bool has_price, struct sl_arena *arena, struct sl_err *err)
{
    const struct sl_estimate *estimate = &node->estimate;
    char time[32], cost[64];
    const char *first = first_cause(node, all_causes, arena, err);
    const char *verdict = node->verdict == SL_VERDICT_STALE   ? "run"
                          : node->verdict == SL_VERDICT_AFTER ? "after"
                                                              : "-";
    const char *size = size_text(node, arena);
    SL_TRY_NEW(size, err);
    SL_TRY_NEW(first, err);
    struct plan_row row = {.verdict = verdict, .step = node->label, .size = size, .why = first};
    if (estimate->is_made)
        row.time = estimate->elapsed_ms < 0 ? "-" : sl_str_elapsed(estimate->elapsed_ms, time);
    if (estimate->is_made)
        row.cost = estimate->cost < 0 ? "-" : cost_text(estimate->cost, cost);
    SL_TRY(add_row(grid, &row, has_price, err));
    const struct sl_strs *more[] = {&node->why, &node->impact, &node->facts.partitions};
    for (size_t k = 0; k < 3 && all_causes; k++)
        for (size_t i = k == 0; i < more[k]->count; i++)
            SL_TRY(add_row(grid, &(struct plan_row){.why = more[k]->items[i]}, has_price, err));
    return SL_OK;
}

static void tell_emptied(const struct sl_common *common, const struct sl_node *node)
{
    static const char *const then[] = {"they leave the tables", "the file will fail", "they stay"};
    for (size_t i = 0; i < node->facts.emptied_count; i++)
        sl_tell(common, SL_LOG_WARN, "%s: %s has no rows any more, and had %lld: %s", node->label,
                node->facts.emptied[i].name, (long long)node->facts.emptied[i].rows,
                then[node->source->drift.emptied_files]);
}

void sl_plan_tell_unmatched(const struct sl_common *common, const struct sl_world *world)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        for (size_t k = 0; node->is_selected && k < node->facts.unmatched.count; k++)
            sl_tell(common, SL_LOG_WARN, "SL0602: %s", node->facts.unmatched.items[k]);
    }
}

void sl_plan_tell_vanished(const struct sl_common *common, const struct sl_world *world,
                           bool only_fresh)
{
    sl_plan_tell_unmatched(common, world);
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        char count[64];
        if (node->is_selected && !only_fresh)
            tell_emptied(common, node);
        if (node->is_selected && node->facts.vanished_files &&
            (!only_fresh || node->verdict == SL_VERDICT_FRESH))
            sl_tell(common, SL_LOG_WARN, "%s: %s gone since the last run; the rows stay in %s",
                    node->label, sl_count_of(node->facts.vanished_files, "file", count),
                    node->name);
    }
}

static bool has_missing(const struct sl_world *world, bool only_read)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_facts *facts = &world->graph.nodes[i].facts;
        for (size_t k = 0; k < facts->missing_count; k++)
            if (facts->missing[k].is_read || !only_read)
                return true;
    }
    return false;
}

static const char *missing_text(const struct sl_missing *missing, char *text, size_t size)
{
    char count[64];
    int length = snprintf(text, size, "%s lacks '%s', a data file of its version %lld",
                          missing->table, missing->file, (long long)missing->version);
    if (missing->count > 1 && length > 0 && (size_t)length < size)
        (void)snprintf(text + length, size - (size_t)length, ", and %s",
                       sl_count_of(missing->count - 1, "more file", count));
    return text;
}

static int refuse_missing(const struct sl_common *common, const struct sl_world *world,
                          struct sl_err *err)
{
    char text[512];
    int code = SL_OK;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        for (size_t k = 0; k < node->facts.missing_count; k++) {
            const struct sl_missing *missing = &node->facts.missing[k];
            if (code != SL_OK || !missing->is_read) {
                sl_tell(common, SL_LOG_WARN, "%s%s", missing_text(missing, text, sizeof text),
                        missing->is_read ? "" : "; what would run now may do without it");
                continue;
            }
            code = sl_fail(err, SL_E_TABLE_FILE, "%s: another program has removed it",
                           missing_text(missing, text, sizeof text));
            (void)sl_missing_hint(err, node->name);
        }
    }
    return code;
}

static bool is_damaged(const struct sl_node *node)
{
    return node->is_selected && node->verdict != SL_VERDICT_FRESH &&
           node->facts.trouble_code == SL_E_TABLE_LOG;
}

static bool has_damaged(const struct sl_world *world)
{
    for (size_t i = 0; i < world->graph.count; i++)
        if (is_damaged(&world->graph.nodes[i]))
            return true;
    return false;
}

// A step does not come past a log that cannot be read.
static int refuse_damaged(const struct sl_common *common, const struct sl_world *world,
                          struct sl_err *err)
{
    int code = SL_OK;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (!is_damaged(node))
            continue;
        if (code != SL_OK) {
            sl_tell(common, SL_LOG_WARN, "%s: %s", node->label, node->facts.trouble);
            continue;
        }
        code = sl_fail(err, SL_E_TABLE_LOG, "%s: %s", node->label, node->facts.trouble);
        (void)sl_err_hint(err, "%s", node->facts.trouble_hint);
    }
    return code;
}

int sl_plan_refuse(const struct sl_common *common, const struct sl_world *world,
                   struct sl_diags *unbound, int *ret_exit, struct sl_err *err)
{
    fflush(stdout);
    if (common->json) {
        bool is_refused = unbound->error_count || has_missing(world, true) || has_damaged(world);
        *ret_exit = is_refused ? 1 : *ret_exit;
        return SL_OK;
    }
    SL_TRY(sl_refuse_unbound(common, unbound, err));
    SL_TRY(refuse_damaged(common, world, err));
    return refuse_missing(common, world, err);
}

// "estimated: at least 1.2 s, 0.0004 EUR, 85 MB of memory; 1 of 3 steps was never timed"
static void print_total(const struct sl_world *world, int64_t peak_bytes)
{
    const struct sl_project *project = world->project;
    struct sl_estimate_total total = sl_plan_estimate_total(&world->graph);
    char text[64], count[64];
    if (total.steps == 0)
        return;
    if (total.unknown_steps == total.steps) {
        puts("estimated: nothing yet, no step like these was timed here");
        return;
    }
    const char *least = total.unknown_steps ? "at least " : "";
    printf("estimated: %s%s", least, sl_str_elapsed(total.elapsed_ms, text));
    if (project->price_per_hour > 0)
        printf(", %s%s%s", cost_text(total.cost, text), project->currency ? " " : "",
               project->currency ? project->currency : "");
    if (peak_bytes > 0)
        printf(", %s of memory", sl_str_size(peak_bytes, text));
    if (total.unknown_steps)
        printf("; the time of %s is not known",
               sl_count_of((int64_t)total.unknown_steps, "step", count));
    putchar('\n');
}

static int add_total(json_t *root, const struct sl_world *world, int64_t peak_bytes,
                     struct sl_err *err)
{
    struct sl_estimate_total total = sl_plan_estimate_total(&world->graph);
    bool has_price = world->project->price_per_hour > 0;
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:o, s:s?, s:o}", "steps", (json_int_t)total.steps,
        "unknown_steps", (json_int_t)total.unknown_steps, "elapsed_ms",
        (json_int_t)total.elapsed_ms, "bytes_in", (json_int_t)total.bytes_in, "files_in",
        (json_int_t)total.files_in, "cost", has_price ? json_real(total.cost) : json_null(),
        "currency", world->project->currency, "memory_bytes",
        peak_bytes < 0 ? json_null() : json_integer(peak_bytes));
    return json_object_set_new(root, "estimate", object) == 0 ? SL_OK : sl_fail_memory(err);
}

static int print_steps(const struct sl_common *common, const struct sl_world *world,
                       const struct sl_plan_view *view, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_grid grid;
    bool has_price = world->project->price_per_hour > 0;
    sl_arena_init(&arena, 0);
    sl_grid_init(&grid, &arena, has_price ? 6 : 5, has_price ? 0x18 : 0x8);
    struct plan_row head = {"plan", "step", "size", "time", "cost", "why"};
    SL_TRY(add_row(&grid, &head, has_price, err));
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->is_selected && (node->verdict != SL_VERDICT_FRESH || common->is_verbose))
            SL_TRY(add_node(&grid, node, view->all_causes, has_price, &arena, err));
    }
    if (sl_grid_is_empty(&grid))
        return SL_OK;
    SL_TRY(sl_grid_print(&grid, stdout, err));
    putchar('\n');
    return SL_OK;
}

static int print_also_read(const struct sl_world *world, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        struct sl_strs notes = {0};
        if (node->kind != SL_NODE_CLEANSE || !node->is_selected ||
            node->verdict == SL_VERDICT_FRESH)
            continue;
        SL_TRY(sl_alias_notes(node->contract, NULL, 0, &arena, &notes, err));
        for (size_t k = 0; k < notes.count; k++) {
            printf("%s: ", node->name);
            sl_put_plain(stdout, notes.items[k]);
            putchar('\n');
        }
    }
    return SL_OK;
}

// What a run would publish although no step is to run. Where that cannot be known, the run says
// why.
static int list_rest(struct sl_world *world, struct sl_strs *ret, struct sl_err *err)
{
    struct sl_rest rest;
    struct sl_err cause = {0};
    *ret = (struct sl_strs){0};
    if (sl_plan_count(&world->graph, SL_VERDICT_STALE) +
            sl_plan_count(&world->graph, SL_VERDICT_AFTER) >
        0)
        return SL_OK;
    if (sl_world_rest(world, &rest, &cause) != SL_OK)
        return cause.code == SL_E_MEMORY ? sl_fail_memory(err) : SL_OK;
    return rest.is_new ? sl_rest_tables(&rest, world, &world->arena, ret, err) : SL_OK;
}

static int add_rest(json_t *root, const struct sl_strs *rest, struct sl_err *err)
{
    return json_object_set_new(root, "to_publish", sl_json_strs(rest)) == 0 ? SL_OK
                                                                            : sl_fail_memory(err);
}

// What `sluice apply` has to know besides the steps.
static int add_choice(json_t *root, bool full_refresh, const struct sl_strs *may_break,
                      struct sl_err *err)
{
    json_t *list = may_break ? sl_json_strs(may_break) : json_array();
    if (json_object_set_new(root, "full_refresh", json_boolean(full_refresh)) != 0 ||
        json_object_set_new(root, "allow_breaking", list) != 0)
        return sl_fail_memory(err);
    return SL_OK;
}

int sl_plan_show(const struct sl_common *common, struct sl_world *world,
                 const struct sl_plan_view *view, struct sl_err *err)
{
    int64_t peak_bytes;
    struct sl_notes notes = {0};
    struct sl_strs rest;
    SL_TRY(sl_refuse_leaks(common, world, err));
    SL_TRY(sl_refuse_broken(common, world, view->may_break, err));
    SL_TRY(sl_world_estimate(world, view->full_refresh, NULL, &peak_bytes, err));
    SL_TRY(sl_world_moves(world, &notes, err));
    SL_TRY(sl_world_deprecated(world, sl_clock_now_us(), &notes, err));
    SL_TRY(list_rest(world, &rest, err));
    if (common->json) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        SL_TRY(sl_plan_print(&world->graph, world->project, &root, err));
        SL_TRY(add_total(root, world, peak_bytes, err));
        if (view->unbound)
            SL_TRY(sl_diags_json(view->unbound, root, err));
        SL_TRY(add_rest(root, &rest, err));
        SL_TRY(add_choice(root, view->full_refresh, view->may_break, err));
        if (json_object_set_new(root, "notes", sl_notes_json(&notes)) != 0)
            return sl_fail_memory(err);
        return sl_print_json(root, err);
    }
    SL_TRY(print_steps(common, world, view, err));
    SL_TRY(print_also_read(world, err));
    char texts[3][64];
    printf("%s to run, %s after their inputs, %s up to date\n",
           sl_count_of((int64_t)sl_plan_count(&world->graph, SL_VERDICT_STALE), "step", texts[0]),
           sl_str_count((int64_t)sl_plan_count(&world->graph, SL_VERDICT_AFTER), texts[1]),
           sl_str_count((int64_t)sl_plan_count(&world->graph, SL_VERDICT_FRESH), texts[2]));
    for (size_t i = 0; i < rest.count; i++)
        printf("%s %s", i ? "," : "to publish:", rest.items[i]);
    if (rest.count)
        putchar('\n');
    print_total(world, peak_bytes);
    sl_tell_notes(common, &notes);
    return SL_OK;
}

static int store(const struct plan_options *options, const struct sl_world *world,
                 struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    char *text = NULL;
    SL_TRY(sl_plan_print(&world->graph, world->project, &root, err));
    SL_TRY(add_choice(root, options->full_refresh, &options->may_break, err));
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
    SL_AUTO(sl_diags_clear) struct sl_diags unbound = SL_DIAGS_INIT;
    SL_TRY(sl_prepare_plan(&options->common, &selection, &world, err));
    SL_TRY(sl_publication_require(world.project, err));
    SL_TRY(sl_world_find_unbound(&world, SL_BOUND_DUE, &unbound, err));
    sl_diags_sort(&unbound);
    SL_TRY(sl_world_find_missing(&world, options->full_refresh, err));
    if (!options->output && !options->full_refresh)
        SL_TRY(sl_world_foresee(&world, err));
    if (options->why)
        SL_TRY(sl_world_impact(&world, err));
    bool is_stored = options->output && !unbound.error_count && !has_missing(&world, true) &&
                     !has_damaged(&world);
    if (options->output)
        SL_TRY(sl_refuse_leaks(&options->common, &world, err));
    if (options->output)
        SL_TRY(sl_refuse_broken(&options->common, &world, &options->may_break, err));
    if (is_stored)
        SL_TRY(store(options, &world, err));
    struct sl_plan_view view = {.all_causes = options->why,
                                .full_refresh = options->full_refresh,
                                .may_break = &options->may_break,
                                .unbound = &unbound};
    SL_TRY(sl_plan_show(&options->common, &world, &view, err));
    sl_plan_tell_vanished(&options->common, &world, false);
    if (is_stored)
        sl_tell(&options->common, SL_LOG_INFO, "wrote %s: `sluice apply %s` runs it",
                options->output, options->output);
    return sl_plan_refuse(&options->common, &world, &unbound, ret_exit, err);
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
