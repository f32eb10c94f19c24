#include "run/estimate.h"

#include "base/fs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

// The high-water mark of the program itself: getrusage counts what started it, too.
int64_t sl_run_peak_bytes(void)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err ignored = {0};
    struct rusage usage;
    const char *text;
    size_t length;
    int64_t kib;
    sl_arena_init(&arena, 0);
    if (sl_fs_read("/proc/self/status", 1 << 20, &arena, &text, &length, &ignored) == SL_OK) {
        const char *line = strstr(text, "\nVmHWM:");
        if (line && sscanf(line, "\nVmHWM: %" SCNd64, &kib) == 1)
            return kib * 1024;
    }
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : -1;
}

static struct sl_outcome *outcome_of(const struct sl_run *run, size_t at)
{
    return &run->outcomes[at];
}

// What a table held before, plus what came, less what gave way.
static int64_t rows_after(const struct sl_outcome *outcome)
{
    const struct sl_balance *balance = &outcome->result.balance;
    int64_t before = outcome->rows_before;
    if (sl_node_is_view(outcome->node) || before < 0)
        return -1;
    if (!outcome->result.has_balance || outcome->status == SL_STATUS_NOTHING)
        return before;
    return balance->replaced < 0 ? -1 : before + balance->out - balance->replaced;
}

// The query of a model reads; its balance begins with the rows that the query gives.
int64_t sl_run_rows_read(const struct sl_run *run, const struct sl_outcome *outcome)
{
    const struct sl_node *node = outcome->node;
    int64_t sum = 0;
    if (!outcome->result.has_balance)
        return -1;
    if (node->kind != SL_NODE_MODEL)
        return outcome->result.balance.in;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_outcome *input = outcome_of(run, node->upstream[i]);
        enum sl_reading reading = sl_estimate_reading(node, input->node);
        if (reading == SL_READING_NOTHING)
            continue;
        bool is_unknown = reading == SL_READING_UNKNOWN || sl_node_is_view(input->node);
        int64_t rows = is_unknown                  ? -1
                       : outcome->result.was_full  ? rows_after(input)
                       : input->result.has_balance ? input->result.balance.out
                                                   : 0;
        if (rows < 0)
            return -1;
        sum += rows;
    }
    return sum;
}

// --- Before ---

static int read_past(const struct sl_step_row *row, enum sl_node_kind kind, struct sl_past *ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    const char *text = row->details_json ? row->details_json : "{}";
    SL_TRY(sl_json_parse(text, strlen(text), "the state store", &root, err));
    int64_t otherwise = kind == SL_NODE_MODEL || !row->has_balance ? -1 : row->rows_in;
    *ret = (struct sl_past){
        .rows_read = sl_json_int(root, "rows_read", otherwise),
        .rows_out = row->has_balance ? row->rows_out : -1,
        .bytes_in = row->bytes_in > 0 ? row->bytes_in : -1,
        .elapsed_ms = (row->ended_us - row->started_us) / 1000,
        .was_full = sl_json_bool(root, "was_full", false),
    };
    return SL_OK;
}

static int recall_node(struct sl_world *world, struct sl_state *state, const struct sl_node *node,
                       size_t most, struct sl_past_list *list, struct sl_err *err)
{
    struct sl_step_row *rows;
    size_t count;
    SL_TRY(sl_state_past(state, world->project->environment, node->name, most, &world->arena, &rows,
                         &count, err));
    list->items = SL_NEW_ARRAY(&world->arena, struct sl_past, count);
    SL_TRY_NEW(list->items, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(read_past(&rows[i], node->kind, &list->items[i], err));
    list->count = count;
    return SL_OK;
}

// It only ever grows: the last step of a run tells the run's peak.
static int recall_peak(struct sl_state *state, const char *environment, struct sl_arena *arena,
                       int64_t *ret, struct sl_err *err)
{
    struct sl_run_row *runs;
    double peaks[SL_ESTIMATE_RUNS];
    size_t run_count, count = 0;
    const struct sl_run_filter filter = {.environment = environment ? environment : "",
                                         .limit = SL_ESTIMATE_RUNS};
    SL_TRY(sl_state_runs(state, &filter, arena, &runs, &run_count, err));
    for (size_t i = 0; i < run_count; i++) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        struct sl_step_row *steps;
        size_t step_count;
        SL_TRY(sl_state_steps(state, runs[i].id, arena, &steps, &step_count, err));
        const char *text = step_count ? steps[step_count - 1].details_json : NULL;
        text = text ? text : "{}";
        SL_TRY(sl_json_parse(text, strlen(text), "the state store", &root, err));
        int64_t peak = sl_json_int(root, "peak_memory_bytes", -1);
        if (peak > 0)
            peaks[count++] = (double)peak;
    }
    *ret = count ? (int64_t)sl_estimate_median(peaks, count) : -1;
    return SL_OK;
}

static int recall(struct sl_world *world, struct sl_past_list *pasts, int64_t *ret_peak_bytes,
                  struct sl_err *err)
{
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    const char *note;
    const struct sl_state_place place = sl_project_state(world->project);
    SL_TRY(sl_state_read(&place, &world->arena, &state, &note, err));
    for (size_t i = 0; i < world->graph.count; i++)
        SL_TRY(recall_node(world, state, &world->graph.nodes[i], SL_ESTIMATE_RUNS, &pasts[i], err));
    if (!ret_peak_bytes)
        return SL_OK;
    return recall_peak(state, world->project->environment, &world->arena, ret_peak_bytes, err);
}

int sl_world_estimate(struct sl_world *world, bool full_refresh,
                      const struct sl_past_list **ret_pasts, int64_t *ret_peak_bytes,
                      struct sl_err *err)
{
    struct sl_err trouble = {0};
    struct sl_estimate_options options = {.full_refresh = full_refresh,
                                          .price_per_hour = world->project->price_per_hour};
    struct sl_past_list *pasts =
        SL_NEW_ARRAY(&world->arena, struct sl_past_list, world->graph.count);
    if (ret_pasts)
        *ret_pasts = pasts;
    SL_TRY_NEW(pasts, err);
    if (ret_peak_bytes)
        *ret_peak_bytes = -1;
    SL_TRY(sl_world_measure(world, err));
    if (recall(world, pasts, ret_peak_bytes, &trouble) != SL_OK && trouble.code == SL_E_MEMORY)
        return sl_fail_memory(err);
    return sl_plan_estimate(&world->graph, pasts, &options, &world->arena, err);
}

// --- In parts ---

#define MOST_RECALLED 200 // executions of the step: the one that read most may be long ago

static int recall_own(struct sl_world *world, const struct sl_node *const *nodes, size_t count,
                      struct sl_past_list *ret, struct sl_err *err)
{
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    const struct sl_state_place place = sl_project_state(world->project);
    const char *note;
    SL_TRY(sl_state_read(&place, &world->arena, &state, &note, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(recall_node(world, state, nodes[i], MOST_RECALLED, &ret[i], err));
    return SL_OK;
}

// `fits` is parallel to the graph's nodes.
static struct sl_estimate_fit fit_of_kind(const struct sl_graph *graph,
                                          const struct sl_estimate_fit *fits,
                                          const struct sl_node *node)
{
    struct sl_estimate_fit of_kind = {0};
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *other = &graph->nodes[i];
        const struct sl_estimate_fit *fit = &fits[i];
        if (other->kind != node->kind || sl_node_is_view(other) || other == node || !fit->most_rows)
            continue;
        if (!of_kind.least_ms || fit->least_ms < of_kind.least_ms)
            of_kind.least_ms = fit->least_ms;
        if (fit->most_rows > of_kind.most_rows) {
            of_kind.most_rows = fit->most_rows;
            of_kind.most_ms = fit->most_ms;
        }
    }
    return of_kind;
}

int sl_world_estimate_fits(struct sl_world *world, const struct sl_past_list *pasts,
                           const struct sl_node *const *nodes, size_t count,
                           struct sl_estimate_fit *ret, struct sl_err *err)
{
    const struct sl_graph *graph = &world->graph;
    struct sl_err trouble = {0};
    struct sl_estimate_fit *fits =
        SL_NEW_ARRAY(&world->arena, struct sl_estimate_fit, graph->count);
    struct sl_past_list *own = SL_NEW_ARRAY(&world->arena, struct sl_past_list, count);
    SL_TRY_NEW(fits, err);
    SL_TRY_NEW(own, err);
    if (recall_own(world, nodes, count, own, &trouble) != SL_OK && trouble.code == SL_E_MEMORY)
        return sl_fail_memory(err);
    for (size_t i = 0; i < graph->count; i++)
        fits[i] = sl_estimate_fit(&pasts[i], INT64_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct sl_estimate_fit of_kind = fit_of_kind(graph, fits, nodes[i]);
        ret[i] = sl_estimate_fit(&own[i], of_kind.least_ms);
        if (!ret[i].most_rows)
            ret[i] = of_kind;
    }
    return SL_OK;
}

// --- After ---

struct factors {
    double *items;
    size_t count;
};

static int push(struct factors *factors, struct sl_arena *arena, double factor, struct sl_err *err)
{
    if (factor > 0 && !SL_PUSH(arena, factors->items, factors->count, factor))
        return sl_fail_memory(err);
    return SL_OK;
}

static void keep_worst(const char *run, const struct sl_step_row *step, int64_t estimated,
                       int64_t read, struct sl_estimate_score *score)
{
    const double factor = sl_estimate_factor(read, estimated);
    if (factor <= score->worst_factor)
        return;
    score->worst_factor = factor;
    score->worst_estimated = estimated;
    score->worst_read = read;
    (void)snprintf(score->worst_run, sizeof score->worst_run, "%s", run);
    (void)snprintf(score->worst_step, sizeof score->worst_step, "%s", step->label);
}

int sl_estimate_score(struct sl_state *state, const struct sl_run_row *runs, size_t count,
                      struct sl_estimate_score *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct factors times = {0}, rows = {0};
    struct sl_estimate_score score = {0};
    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < count; i++) {
        struct sl_step_row *steps;
        size_t step_count;
        SL_TRY(sl_state_steps(state, runs[i].id, &arena, &steps, &step_count, err));
        for (size_t k = 0; k < step_count; k++) {
            SL_AUTO(sl_json_free) json_t *root = NULL;
            const char *text = steps[k].details_json ? steps[k].details_json : "{}";
            SL_TRY(sl_json_parse(text, strlen(text), "the state store", &root, err));
            const json_t *estimate = json_object_get(root, "estimate");
            if (!json_is_object(estimate) || sl_str_equal(steps[k].status, "error"))
                continue;
            double time = sl_estimate_factor(sl_json_int(root, "elapsed_ms", -1),
                                             sl_json_int(estimate, "elapsed_ms", -1));
            const int64_t rows_read = sl_json_int(root, "rows_read", -1);
            const int64_t rows_in = sl_json_int(estimate, "rows_in", -1);
            double read = sl_estimate_factor(rows_read, rows_in);
            keep_worst(runs[i].id, &steps[k], rows_in, rows_read, &score);
            score.steps += time > 0 || read > 0;
            SL_TRY(push(&times, &arena, time, err));
            SL_TRY(push(&rows, &arena, read, err));
        }
    }
    score.time_factor = sl_estimate_median(times.items, times.count);
    score.rows_factor = sl_estimate_median(rows.items, rows.count);
    *ret = score;
    return SL_OK;
}
