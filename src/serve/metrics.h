// The numbers of the service, in Prometheus' text form: counters and histograms since it began, and
// gauges of what it was told last. One owner, one thread.
//
// Nothing here fails: what has no memory, or is one series too many, is counted in
// sluice_metrics_dropped_total. So wherever names come from outside (tables, pipelines), the number
// of series is bounded.
#ifndef SL_SERVE_METRICS_H
#define SL_SERVE_METRICS_H

#include "base/buf.h"
#include "run/handout.h"

#include <stdint.h>

struct sl_metrics;
SL_MUST int sl_metrics_new(struct sl_metrics **ret, struct sl_err *err);
void sl_metrics_free(struct sl_metrics **metrics); // for SL_AUTO

// What became of a step.
struct sl_metrics_step {
    const char *pipeline; // NULL: of none
    const char *kind;     // "ingest", "cleanse", "model", "load"
    const char *table;    // "clean.orders"; of a load the table that it delivers
    const char *status;   // "ok", "warn", "nothing", "partial", "error", "skipped"
    double elapsed_s;
    int64_t rows_in, rows_out, rows_rejected;
    int64_t retries;           // attempts after the first
    int64_t peak_memory_bytes; // of its worker; -1: not known
    int64_t committed_us; // when its table got a new version, by the wall clock; 0: it got none
};
void sl_metrics_step_ended(struct sl_metrics *metrics, const struct sl_metrics_step *step);
void sl_metrics_run_started(struct sl_metrics *metrics, const char *pipeline, const char *trigger,
                            double tick_delay_s); // of its tick; negative: it had none
void sl_metrics_run_ended(struct sl_metrics *metrics, const char *pipeline, const char *status,
                          double elapsed_s);
// A tick came to nothing: "overlap", "paused", "missed".
void sl_metrics_tick_skipped(struct sl_metrics *metrics, const char *pipeline, const char *why);
void sl_metrics_deadline_missed(struct sl_metrics *metrics, const char *pipeline);
void sl_metrics_worker_died(struct sl_metrics *metrics);
// A table's newest commit, as at the start, when no step has ended yet; and how old it may become
// (0: nothing is said).
void sl_metrics_table(struct sl_metrics *metrics, const char *table, int64_t committed_us,
                      int64_t freshness_s);

// What was seen of a source, table, target or pipeline last; -1 where it is not known, which takes
// the number away.
// Without the lake nothing is known of lags and targets.
void sl_metrics_lake(struct sl_metrics *metrics, bool is_reachable);
void sl_metrics_source(struct sl_metrics *metrics, const char *source, bool is_reachable,
                       int64_t lag_s, int64_t files, int64_t bytes);
void sl_metrics_table_lag(struct sl_metrics *metrics, const char *table, int64_t lag_s);
void sl_metrics_target(struct sl_metrics *metrics, const char *target, bool is_reachable,
                       int64_t lag_s, int64_t rows);
// `state`: 0 ok, 1 waits, 2 wrong.
void sl_metrics_health(struct sl_metrics *metrics, const char *pipeline, const char *part,
                       int state);
void sl_metrics_looked(struct sl_metrics *metrics, int64_t at_us, double elapsed_s);
// Who is told of runs by machine, and how that went so far.
struct sl_metrics_told {
    const char *to; // "lineage"
    bool is_spans;
    int64_t sent, refused, lost;
    int64_t failures; // since it last took something
};
void sl_metrics_told(struct sl_metrics *metrics, const struct sl_metrics_told *told);

// What is now; told before each sl_metrics_print.
struct sl_metrics_now {
    int64_t now_us; // by the wall clock
    int64_t active_runs, queued_runs, active_steps, ready_steps;
    int64_t workers, worker_memory_bytes; // of all
    int64_t waiting_approvals, paused_pipelines;
    int64_t open_alerts, undelivered_alerts, sent_alerts;
    bool is_leader;
    bool is_held_back;    // no run begins, for something cannot be written
    bool is_outdated;     // the project's files say what cannot be read: an earlier reading is used
    int64_t handed_steps; // on other machines
    const struct sl_machine_seen *machines;
    size_t machine_count;
};
void sl_metrics_print(struct sl_metrics *metrics, const struct sl_metrics_now *now,
                      struct sl_buf *text);

#endif
