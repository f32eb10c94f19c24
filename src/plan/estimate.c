#include "plan/estimate.h"

#include <stdlib.h>

#define MS_PER_HOUR 3600000.0

struct estimator {
    struct sl_graph *graph;
    const struct sl_past_list *pasts;
    const struct sl_estimate_options *options;
    struct sl_arena *arena;
    int64_t *rows_after; // per node: rows of its table when the run has ended; -1: not known
    bool *is_whole;      // per node: it will be built anew
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double sl_estimate_median(double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double sl_estimate_factor(int64_t actual, int64_t estimated)
{
    if (actual <= 0 || estimated <= 0)
        return 0;
    double factor = (double)actual / (double)estimated;
    return factor < 1 ? 1 / factor : factor;
}

static int64_t times(int64_t count, double factor)
{
    double product = (double)count * factor + 0.5;
    return count < 0 || product >= 9e18 ? -1 : (int64_t)product;
}

// What the time of a step goes by.
static int64_t work_of_past(enum sl_node_kind kind, const struct sl_past *past)
{
    return kind == SL_NODE_INGEST ? past->bytes_in : past->rows_read;
}

static bool will_run(const struct sl_node *node)
{
    return node->is_selected && node->verdict != SL_VERDICT_FRESH && !sl_node_is_view(node) &&
           node->kind != SL_NODE_TASK;
}

// Its own code, options or output ask for all of its input.
static bool starts_anew(const struct sl_node *node, bool full_refresh)
{
    const struct sl_facts *facts = &node->facts;
    return full_refresh || facts->version < 0 || facts->is_borrowed || facts->is_torn ||
           (node->fingerprint && facts->fingerprint &&
            !sl_str_equal(node->fingerprint, facts->fingerprint));
}

static enum sl_reading reading_of(const char *layer, const struct sl_node *input)
{
    bool is_quarantine = input->kind == SL_NODE_CLEANSE && sl_str_starts(layer, "quarantine");
    return is_quarantine ? SL_READING_UNKNOWN : SL_READING_ROWS;
}

static bool is_of(const struct sl_table_ref *ref, const struct sl_node *input)
{
    const char *layer = input->kind == SL_NODE_INGEST    ? "raw"
                        : input->kind == SL_NODE_CLEANSE ? "clean"
                                                         : "curated";
    bool is_pair = input->kind == SL_NODE_CLEANSE && sl_str_equal_nocase(ref->layer, "quarantine");
    return sl_str_equal_nocase(ref->name, input->bare) &&
           (is_pair || sl_str_equal_nocase(ref->layer, layer));
}

enum sl_reading sl_estimate_reading(const struct sl_node *node, const struct sl_node *input)
{
    if (node->kind == SL_NODE_TASK || input->kind == SL_NODE_TASK)
        return SL_READING_NOTHING;
    if (node->kind == SL_NODE_CLEANSE)
        return input->kind == SL_NODE_INGEST ? SL_READING_ROWS : SL_READING_NOTHING;
    // What it asked for by its own name is the version that it reads.
    if (node->kind == SL_NODE_LOAD && node->delivery && node->delivery->asked &&
        sl_node_is_view(input) && input->model->stands_for)
        return SL_READING_NOTHING;
    if (node->kind == SL_NODE_LOAD)
        return node->delivery ? reading_of(node->delivery->table, input) : SL_READING_ROWS;
    enum sl_reading found = SL_READING_NOTHING;
    for (size_t i = 0; node->query && i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        enum sl_reading reading = is_of(ref, input) ? reading_of(ref->layer, input) : found;
        found = reading > found ? reading : found;
    }
    return found;
}

static int64_t add(int64_t a, int64_t b)
{
    return a < 0 || b < 0 ? -1 : a + b;
}

// All rows that the inputs will have; of the newest of them only (`only_new`), those that this run
// adds.
static int64_t rows_of_inputs(const struct estimator *self, const struct sl_node *node,
                              bool only_new)
{
    int64_t sum = 0;
    for (size_t i = 0; i < node->upstream_count; i++) {
        size_t at = node->upstream[i];
        const struct sl_node *input = &self->graph->nodes[at];
        enum sl_reading reading = sl_estimate_reading(node, input);
        if (reading == SL_READING_UNKNOWN)
            return -1;
        if (reading == SL_READING_NOTHING)
            continue;
        if (!only_new)
            sum = add(sum, self->rows_after[at]);
        else if (will_run(input))
            sum = add(sum, input->estimate.rows_out);
    }
    // Stale with no input that runs: what came before this run is not known to the planner.
    return only_new && sum == 0 ? -1 : sum;
}

static bool has_full(const struct sl_past_list *list)
{
    for (size_t i = 0; i < list->count && i < SL_ESTIMATE_RUNS; i++)
        if (list->items[i].was_full)
            return true;
    return false;
}

// The median over a step's executions of part / whole, of those that were built anew where asked;
// -1: there are none.
static double ratio_of(const struct sl_past_list *list, bool of_bytes, bool only_full)
{
    double ratios[SL_ESTIMATE_RUNS];
    size_t count = 0;
    for (size_t i = 0; i < list->count && count < SL_ESTIMATE_RUNS; i++) {
        const struct sl_past *past = &list->items[i];
        int64_t whole = of_bytes ? past->bytes_in : past->rows_read;
        int64_t part = of_bytes ? past->rows_read : past->rows_out;
        if (only_full && !past->was_full)
            continue;
        if (whole > 0 && part >= 0)
            ratios[count++] = (double)part / (double)whole;
    }
    return count ? sl_estimate_median(ratios, count) : -1;
}

static void estimate_input(const struct estimator *self, size_t at)
{
    struct sl_node *node = &self->graph->nodes[at];
    struct sl_estimate *estimate = &node->estimate;
    if (node->kind == SL_NODE_INGEST) {
        double rows_per_byte = ratio_of(&self->pasts[at], true, false);
        estimate->files_in = node->facts.new_files + node->facts.changed_files;
        estimate->bytes_in = node->facts.new_bytes;
        if (self->options->full_refresh && node->facts.version >= 0) { // all of it again
            int64_t again = rows_per_byte > 0 ? times(node->facts.rows, 1 / rows_per_byte) : -1;
            estimate->bytes_in = add(again, node->facts.new_bytes);
            estimate->files_in = -1;
        }
        estimate->rows_in = rows_per_byte < 0 ? -1 : times(estimate->bytes_in, rows_per_byte);
        return;
    }
    estimate->rows_in = rows_of_inputs(self, node, !self->is_whole[at]);
}

static void estimate_output(const struct estimator *self, size_t at)
{
    struct sl_node *node = &self->graph->nodes[at];
    struct sl_estimate *estimate = &node->estimate;
    bool is_full = self->is_whole[at] && has_full(&self->pasts[at]);
    double ratio = ratio_of(&self->pasts[at], false, is_full);
    bool keeps_rows = node->kind == SL_NODE_LOAD || node->kind == SL_NODE_INGEST;
    if (ratio < 0 && keeps_rows)
        ratio = 1;
    estimate->rows_out = ratio < 0 ? -1 : times(estimate->rows_in, ratio);
    // What it gives of few rows that came in says little about all of them.
    if (self->is_whole[at] && !is_full && ratio >= 0 && node->kind == SL_NODE_MODEL &&
        node->facts.rows >= 0)
        estimate->rows_out = node->facts.rows;
    if (self->is_whole[at] || node->facts.version < 0)
        self->rows_after[at] = estimate->rows_out;
    else if (node->kind == SL_NODE_MODEL && node->model->write != SL_WRITE_APPEND)
        self->rows_after[at] = node->facts.rows; // rows that are written again count once
    else
        self->rows_after[at] = add(node->facts.rows, estimate->rows_out);
}

struct pace {
    double per_ms[SL_ESTIMATE_RUNS * 4];
    size_t count;
    int64_t fastest_ms;
    int64_t most_work, most_work_ms; // of the execution that did most
};

static void add_paces(struct pace *pace, enum sl_node_kind kind, const struct sl_past_list *list,
                      const bool *only_full)
{
    for (size_t i = 0; i < list->count && i < SL_ESTIMATE_RUNS; i++) {
        const struct sl_past *past = &list->items[i];
        int64_t work = work_of_past(kind, past);
        if (work <= 0 || past->elapsed_ms <= 0 || (only_full && *only_full != past->was_full) ||
            pace->count == sizeof pace->per_ms / sizeof *pace->per_ms)
            continue;
        pace->per_ms[pace->count++] = (double)work / (double)past->elapsed_ms;
        if (pace->fastest_ms == 0 || past->elapsed_ms < pace->fastest_ms)
            pace->fastest_ms = past->elapsed_ms;
        if (work > pace->most_work) {
            pace->most_work = work;
            pace->most_work_ms = past->elapsed_ms;
        }
    }
}

// Small executions tell what a step takes at least, not its pace: what comes on top of the most
// that it has done is taken to go at least so fast.
static int64_t time_at(struct pace *pace, enum sl_node_kind kind, int64_t work)
{
    double least_per_ms =
        kind == SL_NODE_INGEST ? SL_ESTIMATE_BYTES_PER_MS : SL_ESTIMATE_ROWS_PER_MS;
    double median = sl_estimate_median(pace->per_ms, pace->count);
    int64_t by_pace = times(work, 1 / median);
    if (work <= pace->most_work)
        return by_pace;
    int64_t more = times(work - pace->most_work, 1 / least_per_ms);
    int64_t by_most = add(pace->most_work_ms, more);
    return by_pace < 0 || (by_most >= 0 && by_most < by_pace) ? by_most : by_pace;
}

static int estimate_time(const struct estimator *self, size_t at, struct sl_err *err)
{
    struct sl_node *node = &self->graph->nodes[at];
    struct sl_estimate *estimate = &node->estimate;
    int64_t work = node->kind == SL_NODE_INGEST ? estimate->bytes_in : estimate->rows_in;
    struct pace pace = {0};
    if (work < 0)
        return SL_OK;
    add_paces(&pace, node->kind, &self->pasts[at], &self->is_whole[at]);
    if (!pace.count)
        add_paces(&pace, node->kind, &self->pasts[at], NULL);
    if (pace.count) {
        estimate->basis = sl_arena_printf(self->arena, "%zu run%s of this step", pace.count,
                                          pace.count == 1 ? "" : "s");
        SL_TRY_NEW(estimate->basis, err);
    } else {
        for (size_t i = 0; i < self->graph->count; i++)
            if (self->graph->nodes[i].kind == node->kind)
                add_paces(&pace, node->kind, &self->pasts[i], NULL);
        pace.fastest_ms = 0; // that of another step
        if (!pace.count)
            return SL_OK;
        estimate->basis = "steps of its kind";
    }
    estimate->elapsed_ms = time_at(&pace, node->kind, work);
    if (estimate->elapsed_ms >= 0 && estimate->elapsed_ms < pace.fastest_ms)
        estimate->elapsed_ms = pace.fastest_ms;
    if (estimate->elapsed_ms >= 0 && self->options->price_per_hour > 0)
        estimate->cost = (double)estimate->elapsed_ms / MS_PER_HOUR * self->options->price_per_hour;
    return SL_OK;
}

// Most rows; of as many, the one that came first in the list is the newest.
struct sl_estimate_fit sl_estimate_fit(const struct sl_past_list *list, int64_t least_of_kind_ms)
{
    struct sl_estimate_fit fit = {0};
    size_t timed = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct sl_past *past = &list->items[i];
        if (past->rows_read <= 0 || past->elapsed_ms <= 0)
            continue;
        if (!timed++ || past->elapsed_ms < fit.least_ms)
            fit.least_ms = past->elapsed_ms;
        if (past->rows_read > fit.most_rows) {
            fit.most_rows = past->rows_read;
            fit.most_ms = past->elapsed_ms;
        }
    }
    if (timed == 1 && least_of_kind_ms < fit.least_ms)
        fit.least_ms = least_of_kind_ms;
    return fit;
}

int64_t sl_estimate_fit_ms(const struct sl_estimate_fit *fit, int64_t rows)
{
    const double least_ms_per_row = 1.0 / SL_ESTIMATE_ROWS_PER_MS;
    if (!fit->most_rows || rows < 0)
        return -1;
    const double most = (double)fit->most_rows;
    const double per_row = (double)(fit->most_ms - fit->least_ms) / most;
    if (rows <= fit->most_rows)
        return add(fit->least_ms, times(rows, per_row));
    const bool tells = most * least_ms_per_row >= (double)fit->least_ms;
    const double beyond = tells && per_row < least_ms_per_row ? per_row : least_ms_per_row;
    return add(fit->most_ms, times(rows - fit->most_rows, beyond));
}

int64_t sl_estimate_parts_ms(const struct sl_estimate_fit *fit, const int64_t *rows, size_t count,
                             size_t at_once)
{
    int64_t sum = 0;
    if (!count)
        return 0;
    for (size_t i = 0; i < count; i++)
        sum = add(sum, sl_estimate_fit_ms(fit, rows[i]));
    const size_t rounds = at_once ? (count + at_once - 1) / at_once : count;
    return times(sum, (double)rounds / (double)count);
}

// A view has the rows of no table: what reads it is not known, and never less than nothing.
static int64_t rows_now(const struct sl_node *node)
{
    return sl_node_is_view(node) ? -1 : node->facts.rows;
}

void sl_plan_find_whole(const struct sl_graph *graph, bool full_refresh, bool *ret)
{
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        ret[i] = will_run(node) &&
                 (starts_anew(node, full_refresh) ||
                  (node->kind == SL_NODE_MODEL && node->model->write == SL_WRITE_FULL));
        if (!will_run(node) || node->kind == SL_NODE_INGEST)
            continue;
        for (size_t k = 0; k < node->upstream_count; k++)
            ret[i] |=
                ret[node->upstream[k]] &&
                sl_estimate_reading(node, &graph->nodes[node->upstream[k]]) != SL_READING_NOTHING;
    }
}

// Whether a query can be cut by partitions is known to the engine only; that it never was, to the
// history. The first building says nothing of it.
static bool was_always_whole(const struct sl_node *node, const struct sl_past_list *list)
{
    if (!will_run(node) || node->kind != SL_NODE_MODEL ||
        node->model->write != SL_WRITE_PARTITION || list->count < 2)
        return false;
    for (size_t i = 0; i < list->count; i++)
        if (!list->items[i].was_full)
            return false;
    return true;
}

int sl_plan_estimate(struct sl_graph *graph, const struct sl_past_list *pasts,
                     const struct sl_estimate_options *options, struct sl_arena *arena,
                     struct sl_err *err)
{
    struct estimator self = {.graph = graph, .pasts = pasts, .options = options, .arena = arena};
    self.rows_after = SL_NEW_ARRAY(arena, int64_t, graph->count);
    self.is_whole = SL_NEW_ARRAY(arena, bool, graph->count);
    SL_TRY_NEW(self.rows_after, err);
    SL_TRY_NEW(self.is_whole, err);
    sl_plan_find_whole(graph, options->full_refresh, self.is_whole);
    for (size_t i = 0; i < graph->count; i++) {
        struct sl_node *node = &graph->nodes[i];
        self.is_whole[i] |= was_always_whole(node, &pasts[i]);
        node->estimate = (struct sl_estimate){0};
        self.rows_after[i] = rows_now(node);
        if (!will_run(node))
            continue;
        node->estimate = (struct sl_estimate){.is_made = true,
                                              .rows_in = -1,
                                              .rows_out = -1,
                                              .bytes_in = -1,
                                              .files_in = -1,
                                              .elapsed_ms = -1,
                                              .cost = -1};
        estimate_input(&self, i);
        estimate_output(&self, i);
        SL_TRY(estimate_time(&self, i, err));
    }
    return SL_OK;
}

struct sl_estimate_total sl_plan_estimate_total(const struct sl_graph *graph)
{
    struct sl_estimate_total total = {0};
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_estimate *estimate = &graph->nodes[i].estimate;
        if (!estimate->is_made || !graph->nodes[i].is_selected)
            continue;
        total.steps++;
        total.unknown_steps += estimate->elapsed_ms < 0;
        total.elapsed_ms += estimate->elapsed_ms > 0 ? estimate->elapsed_ms : 0;
        total.bytes_in += estimate->bytes_in > 0 ? estimate->bytes_in : 0;
        total.files_in += estimate->files_in > 0 ? estimate->files_in : 0;
        total.cost += estimate->cost > 0 ? estimate->cost : 0;
    }
    return total;
}
