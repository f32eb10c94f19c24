// Control: what the HTTP side may ask of the service. The service implements it; HTTP calls it.
//
// All functions run on the loop's thread and answer at once, from what the service has in memory or
// with one short write to the state store: nobody else is served meanwhile. What takes longer is
// begun, and its end is seen by who asks again. `who` names the caller: a token's name, a login of
// this machine, "local"; it goes to the audit log, which the service writes. Texts are valid during
// the call only. *ret_json is given to the caller.
//
// On failure the error's code decides the HTTP status (serve/answer.h): SL_E_SERVE_MISSING is 404
// (no such pipeline, run or step), SL_E_SERVE_CONFLICT 409 (it has ended, is decided, is paused
// already), SL_E_SERVE_REFUSED 403, SL_E_USAGE, SL_E_SELECTION and other errors of input 400,
// SL_E_SERVE_BUSY and those of fate RETRY 503, others 500.
#ifndef SL_SERVE_CONTROL_H
#define SL_SERVE_CONTROL_H

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

// What a run by hand or by HTTP is asked to do other than its pipeline says.
struct sl_start_options {
    struct sl_strs select; // in the place of the pipeline's; none: as the pipeline says
    struct sl_strs exclude;
    struct sl_strs may_break; // versions that may break what they promised
    struct sl_strs approved;  // tables and targets with `approval` that `who` lets begin
    json_t *plan; // that must still hold when the run begins (SL_E_PLAN_CHANGED); NULL: none.
                  // Whoever keeps the options keeps it, too
    bool full_refresh;
    bool fail_fast;          // nothing new begins after the first error
    const char *command;     // "retry", "apply"; NULL: "run"
    const char *traceparent; // of W3C Trace Context; NULL: it is a part of nothing
    const char *trigger;     // "by hand": over the unix socket; "http": with a token
};

struct sl_control {
    // `pipeline` NULL: of the steps that are selected, all if none are.
    // The run is begun, or queued if there is no room for it: {"run_id", "status": "running" or
    // "queued", "outdated"}. It is in the state store when this returns, so it survives a kill -9.
    // "outdated" not null: the project's files have this error, and the run is one of the project
    // as it was read before. SL_E_SELECTOR: it selects what there is not.
    int (*start_run)(void *self, const char *pipeline, const struct sl_start_options *options,
                     const char *who, json_t **ret_json, struct sl_err *err);
    // The same for a backfill: `asked` is what sl_backfill_asked_json (run/backfill.h) makes.
    int (*start_backfill)(void *self, const json_t *asked, const char *trigger, const char *who,
                          json_t **ret_json, struct sl_err *err);
    // An array of backfills that wait, are at work or ended last: {"run_id", "status", "asked",
    // "tables", "progress", "running", "error", "exit_code", ...}. `run_id` not NULL: those whose
    // run's id begins so (SL_E_SERVE_MISSING). SL_E_SERVE_BUSY: it stands by.
    int (*backfills)(void *self, const char *run_id, json_t **ret_json, struct sl_err *err);
    // {"run_id", "status", "warning"}: a queued run is gone ("cancelled"); one at work is
    // "stopping".
    int (*cancel)(void *self, const char *run_id, const char *who, json_t **ret_json,
                  struct sl_err *err);
    // Paused: its triggers start nothing; runs by hand still go, and those at work are not touched.
    // {"pipeline", "is_paused", "who", "at", "why"}. `why` may be NULL. A second pause replaces who
    // and why; to resume what is not paused is fine.
    int (*pause)(void *self, const char *pipeline, const char *who, const char *why,
                 json_t **ret_json, struct sl_err *err);
    int (*resume)(void *self, const char *pipeline, const char *who, json_t **ret_json,
                  struct sl_err *err);
    // What a person says of a step that waits: {"run_id", "step", "is_approved", "who", "at"}. The
    // first one counts, a second is SL_E_SERVE_CONFLICT. `why` may be NULL.
    int (*decide)(void *self, const char *run_id, const char *step, bool is_approved,
                  const char *who, const char *why, json_t **ret_json, struct sl_err *err);
    // An array, in order of names, of what sl_pipeline_json (serve/pipelines.h) makes, with
    // "active_runs" and "queued_runs" where it leads. `name` NULL: all; else one
    // (SL_E_SERVE_MISSING).
    int (*pipelines)(void *self, const char *name, json_t **ret_json, struct sl_err *err);
    // An array of what is at work now: {"run_id", "pipeline", "started_at", "steps": {"waiting",
    // "running", "ended"}, "running": [{"step", "since", "share"}]}. SL_E_SERVE_BUSY: it stands by.
    int (*active_runs)(void *self, json_t **ret_json, struct sl_err *err);
    // {"status": "ok" or "degraded", "is_ready", "not_ready_because", "pipelines": [{"pipeline",
    // "gets_in", "gets_built", "gets_out", ...}], ...}, as last seen. *ret_is_ready: it leads, is
    // not ending, and with `asks_state`, the state store has just answered.
    int (*health)(void *self, bool asks_state, json_t **ret_json, bool *ret_is_ready,
                  struct sl_err *err);
    // All that the last look at sources, tables and targets has seen (run/health.h).
    // SL_E_SERVE_BUSY: none has ended yet.
    int (*look)(void *self, json_t **ret_json, struct sl_err *err);
    // For the audit log: what a command was asked to do. `subject`, `details` (JSON) may be NULL.
    void (*audit)(void *self, const char *who, const char *what, const char *subject,
                  const char *details);
    // Appends the numbers in Prometheus text form (serve/metrics.h).
    int (*metrics)(void *self, struct sl_buf *text, struct sl_err *err);
    void *self;
};

#endif
