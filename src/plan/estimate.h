// What a run will cost, from the sizes of tables and from what runs before it took. Pure. What
// cannot be told is unknown, never guessed.
#ifndef SL_PLAN_ESTIMATE_H
#define SL_PLAN_ESTIMATE_H

#include "plan/plan.h"

#define SL_ESTIMATE_RUNS 5 // the newest executions that count

#define SL_ESTIMATE_ROWS_PER_MS 20
#define SL_ESTIMATE_BYTES_PER_MS 10000

// One execution of a step that went well. -1: not known.
struct sl_past {
    int64_t rows_read, rows_out, bytes_in, elapsed_ms;
    bool was_full;
};
// The newest first.
struct sl_past_list {
    struct sl_past *items;
    size_t count;
};
struct sl_estimate_options {
    bool full_refresh;
    double price_per_hour; // of the engine; 0: none is declared
};

// Fills node->estimate of every selected node that will run. Verdicts and sizes must be there.
// `pasts` is parallel to the graph's nodes.
//
// Time: the median throughput of the last executions of the step (of those that were built anew or
// not, like this one, if there are any; else of all), and no less than the fastest of them took;
// else that of all steps of its kind. An ingest goes by bytes, all others by rows read. What goes
// beyond the most that they have done takes no longer than at SL_ESTIMATE_ROWS_PER_MS.
SL_MUST int sl_plan_estimate(struct sl_graph *graph, const struct sl_past_list *pasts,
                             const struct sl_estimate_options *options, struct sl_arena *arena,
                             struct sl_err *err);

// What a step takes in parts, as the chunks of a backfill: each takes what the fastest execution of
// the step took, and the more rows it reads the more of the time of the execution that read most.
struct sl_estimate_fit {
    int64_t least_ms, most_rows, most_ms; // most_rows 0: nothing was timed
};
// Of one execution alone, how much of its time rows took is not told: `least_of_kind_ms`, the time
// of the fastest step of its kind (0: not known), is then taken not to have been theirs.
struct sl_estimate_fit sl_estimate_fit(const struct sl_past_list *list, int64_t least_of_kind_ms);
// The time of one part; -1: not known. Beyond most_rows a row takes as long as up to there, and no
// longer than at SL_ESTIMATE_ROWS_PER_MS; so long if those few rows tell nothing of it.
int64_t sl_estimate_fit_ms(const struct sl_estimate_fit *fit, int64_t rows);
// Of parts that read so many rows each, so many of them at once.
int64_t sl_estimate_parts_ms(const struct sl_estimate_fit *fit, const int64_t *rows, size_t count,
                             size_t at_once);

// Whether the rows of a step's input are rows that it reads. A node comes before another one also
// because of a check or a foreign key; and the rows of a quarantine table are not known.
enum sl_reading { SL_READING_NOTHING, SL_READING_ROWS, SL_READING_UNKNOWN };
enum sl_reading sl_estimate_reading(const struct sl_node *node, const struct sl_node *input);

// Whether each node will be built anew: it reads all that its inputs hold, whatever it has read
// before. False of those that will not run. `ret` is parallel to the graph's nodes.
void sl_plan_find_whole(const struct sl_graph *graph, bool full_refresh, bool *ret);

// Sums over the selected nodes that will run, one after the other.
struct sl_estimate_total {
    size_t steps, unknown_steps; // unknown: their time
    int64_t elapsed_ms, bytes_in, files_in;
    double cost;
};
struct sl_estimate_total sl_plan_estimate_total(const struct sl_graph *graph);

// How far estimates were from what came out: the median of the factors, never less than 1. Factors
// are of actual and estimated numbers greater than 0 only; returns 0 if there is none.
double sl_estimate_factor(int64_t actual, int64_t estimated); // 0: cannot be told
double sl_estimate_median(double *values, size_t count);      // sorts them; 0 of none

#endif
