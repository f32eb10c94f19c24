// The parts of the service, shared between its files.
#ifndef SL_SERVE_SERVE_INNER_H
#define SL_SERVE_SERVE_INNER_H

#include "api/queue.h"
#include "base/log.h"
#include "notify/courier.h"
#include "notify/notify.h"
#include "observe/facts.h"
#include "observe/spool.h"
#include "run/live.h"
#include "run/timer.h"
#include "serve/agenda.h"
#include "serve/control.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/notify_systemd.h"
#include "serve/overlap.h"
#include "serve/serve.h"
#include "serve/watch.h"

#define SL_SERVICE_SIGNALS 3

// The project as it was read once. A run keeps the one it began with; the newest begins all others.
struct sl_generation {
    struct sl_service *service;
    struct sl_world world;
    struct sl_executor *executor;
    size_t runs;                // at work
    struct sl_generation *next; // the one before it
};

enum sl_service_run_state { SL_RUN_QUEUED, SL_RUN_AT_WORK, SL_RUN_ENDED };
// A run that was asked for: in the queue of the state store first, whatever becomes of it.
struct sl_service_run {
    struct sl_service *service;
    struct sl_arena arena;
    char id[37];
    const char *pipeline; // its name; the file may change meanwhile
    const char *command, *trigger, *who;
    int64_t tick_us, asked_us, began_us;
    struct sl_start_options options;
    struct sl_listener listener;
    enum sl_service_run_state state;
    struct sl_generation *generation; // at work
    struct sl_live *live;
    struct sl_observer *observer; // NULL: nobody is told of it by machine
    int interrupts;
    uv_timer_t *late, *press;
    struct sl_service_run *next; // in order of being asked for
};

struct sl_service {
    struct sl_serve_options options;
    uv_loop_t loop;
    struct sl_arena arena;
    struct sl_generation *newest;
    struct sl_state *state;
    struct sl_agenda *agenda;
    struct sl_watch *watch;
    struct sl_http *http;
    struct sl_control control;
    struct sl_metrics *metrics;
    struct sl_notify *notify;
    struct sl_sender *sender;
    struct sl_courier *courier; // telemetry.c; NULL: nobody is told of runs by machine
    bool has_untold;            // facts that no child was started for
    bool is_untaken[SL_WAYS];   // it was told that a receiver fails
    struct sl_systemd systemd;
    struct sl_service_run *runs; // queued and at work
    size_t at_work;
    int serve_lock, run_lock;
    bool has_run_lock, waits_for_run_lock, has_told_lock;
    int64_t forgot_us; // when old runs were last forgotten
    uv_timer_t agenda_timer, rest_timer, lock_timer;
    uv_signal_t signals[SL_SERVICE_SIGNALS];
    int stops; // how often it was told to end
    bool is_admitting, has_more_to_admit;
    // Several over one state store: leader.c.
    const char *lease, *holder; // NULL: this one is alone
    int64_t token, leads_until_us;
    bool is_leading, has_told_leader;
    uv_timer_t lease_timer;
    struct sl_err failure; // that ends it
    char *reload_error;    // of the last reading of the project; NULL: it is as it stands
    int64_t began_us;
};

// --- generations.c
SL_MUST int sl_generation_begin(struct sl_generation *generation, struct sl_err *err);
SL_MUST int sl_generation_open(struct sl_service *service, struct sl_generation **ret,
                               struct sl_err *err);
void sl_generation_close(struct sl_generation *generation);
// Reads the project anew; one with errors changes nothing.
void sl_service_reload(struct sl_service *service);
// Closes those that nothing is at work with.
void sl_generations_sweep(struct sl_service *service);
const struct sl_project *sl_service_project(const struct sl_service *service);

// --- admit.c
struct sl_asked {
    const char *pipeline, *trigger, *who;
    int64_t tick_us;
    struct sl_start_options options;
};
// Keeps it in the queue and begins what there is room for. *ret is NULL if it was asked for before,
// or is left out by the pipeline's overlap policy: *ret_why says which then.
SL_MUST int sl_service_ask(struct sl_service *service, const struct sl_asked *asked,
                           struct sl_service_run **ret, const char **ret_why, struct sl_err *err);
// Takes up what a service before this one was asked for, and what it was killed over.
SL_MUST int sl_service_recover(struct sl_service *service, struct sl_err *err);
// Begins runs that wait, as far as there is room.
void sl_service_admit(struct sl_service *service);
// Runs that have ended go, and if nothing is at work, the run lock; not from within a run's end.
void sl_service_rest(struct sl_service *service);
struct sl_service_run *sl_service_find(struct sl_service *service, const char *id);
// Once it drains, then it is interrupted, then killed. A queued one is gone ("cancelled").
SL_MUST int sl_service_cancel(struct sl_service *service, struct sl_service_run *run, int times,
                              struct sl_err *err);
void sl_service_free_run(struct sl_service_run *run);

// --- leader.c
// Leads at once, or when nobody else does.
SL_MUST int sl_service_elect(struct sl_service *service, struct sl_err *err);
void sl_service_resign(struct sl_service *service);

// --- control_service.c
struct sl_control sl_service_control(struct sl_service *service);
void sl_service_audit(struct sl_service *service, const char *who, const char *what,
                      const char *subject, const char *details);

// --- telling.c
// A line of the log about a run; run may be NULL.
void sl_service_tell(enum sl_log_level level, const struct sl_service_run *run, const char *format,
                     ...) SL_PRINTF(3, 4);
struct sl_listener sl_service_listener(struct sl_service_run *run);
// Of every table: when it was last built, as the history tells, and how old it may become.
void sl_service_tell_tables(struct sl_service *service);
void sl_service_tell_begin(struct sl_service_run *run);
// Everyone who is to be told of a run's end: the log, alerts, metrics.
void sl_service_tell_end(struct sl_service_run *run);

// --- telemetry.c
SL_MUST int sl_service_open_telemetry(struct sl_service *service, struct sl_err *err);
void sl_service_close_telemetry(struct sl_service *service);
void sl_service_observe(struct sl_service_run *run);  // it begins
void sl_service_observed(struct sl_service_run *run); // something was observed of it
void sl_service_observe_end(struct sl_service_run *run);

// --- serve.c
SL_MUST int sl_service_open_alerts(struct sl_service *service, struct sl_err *err);
void sl_service_close_alerts(struct sl_service *service);
// Begins to do its work.
SL_MUST int sl_service_lead(struct sl_service *service, struct sl_err *err);
// Looks at the agenda again.
void sl_service_wake(struct sl_service *service);
void sl_service_rest_soon(struct sl_service *service); // sl_service_rest, from the loop
void sl_service_leave(struct sl_service *service);     // the loop ends
int64_t sl_service_now_us(void);

#endif
