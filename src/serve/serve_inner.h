// The parts of the service, shared between its files.
#ifndef SL_SERVE_SERVE_INNER_H
#define SL_SERVE_SERVE_INNER_H

#include "api/queue.h"
#include "base/log.h"
#include "base/map.h"
#include "notify/courier.h"
#include "notify/notify.h"
#include "observe/facts.h"
#include "observe/spool.h"
#include "run/checkup.h"
#include "run/code.h"
#include "run/handout.h"
#include "run/live.h"
#include "run/timer.h"
#include "serve/agenda.h"
#include "serve/control.h"
#include "serve/edits.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/notify_systemd.h"
#include "serve/overlap.h"
#include "serve/serve.h"
#include "serve/watch.h"

#define SL_SERVICE_SIGNALS 3
// For "%zu thing%s".
#define SL_COUNT_OF(count) (count), (count) == 1 ? "" : "s"

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
    bool has_pipeline;
    json_t *backfill;         // sl_backfill_asked_json; NULL: it is a run of the pipeline
    const char *goes_on_with; // id of the run whose rest this one does; NULL: none
    char downstream[37];      // of a backfill that has ended: the run that followed; "": none
    json_t *not_followed;     // sl_err_json: why the run that was to follow did not; NULL: it did
    struct sl_listener listener;
    enum sl_service_run_state state;
    struct sl_generation *generation; // at work
    struct sl_live *live;
    struct sl_observer *observer; // NULL: nobody is told of it by machine
    int interrupts;
    bool is_cancelled; // it is interrupted because somebody, or a newer run, asked for it
    uv_timer_t *late, *press;
    uv_timer_t *later;     // it waits for that; NULL: it may begin
    bool waits_for_store;  // which does not tell what it goes on with
    bool is_late;          // behind its deadline
    bool is_unkept;        // the state store does not hold it
    bool has_met_full;     // something of it found no room
    bool lacks_lake;       // it was refused, for the lake was another one, or not there
    const char *blocked;   // what of lake or state it could not write, or read; NULL: nothing
    int64_t wait_ms;       // it waited so long, since a run before it had met that; 0: not so
    bool has_begun;        // its history has
    size_t unbegun;        // chunks that an interrupt kept from beginning
    struct sl_tick *marks; // marks.c; while it waits
    size_t mark_count;
    struct sl_service_run *next; // in order of being asked for
};

struct sl_left;
struct sl_service {
    struct sl_serve_options options;
    uv_loop_t loop;
    struct sl_arena arena;
    struct sl_generation *newest;
    struct sl_state *state;
    struct sl_agenda *agenda;
    struct sl_watch *watch;
    struct sl_edits *edits; // NULL: the project is read anew by SIGHUP alone
    struct sl_http *http;
    struct sl_control control;
    struct sl_metrics *metrics;
    struct sl_notify *notify;
    struct sl_sender *sender;
    struct sl_courier *courier;  // telemetry.c; NULL: nobody is told of runs by machine
    bool has_untold;             // facts that no child was started for
    bool is_untaken[SL_WAYS];    // it was told that a receiver fails
    struct sl_systemd *systemd;  // of the process
    struct sl_service_run *runs; // queued and at work
    json_t *backfills;           // documents of those that ended last; NULL: none
    size_t at_work;
    int serve_lock, run_lock;
    int place_fd, place_watch; // place.c: inotify; -1: there is none
    uv_poll_t place_poll;
    uv_timer_t place_timer;
    bool has_run_lock, waits_for_run_lock, has_told_lock;
    int64_t wall_us, monotonic_us; // when the agenda was last looked at
    int64_t forgot_us;             // when old runs were last forgotten
    bool has_more_to_forget;
    uv_timer_t agenda_timer, rest_timer, lock_timer;
    uv_signal_t signals[SL_SERVICE_SIGNALS];
    int stops; // how often it was told to end; 3, too, where the lead is lost
    bool is_ending;
    bool is_admitting, has_more_to_admit;
    struct sl_due *due; // ticks, by names of a generation that lives as long
    size_t due_count, due_done;
    struct sl_arena due_arena;
    struct sl_generation *due_with;
    // Several over one state store: leader.c.
    const char *lease, *holder; // NULL: this one is alone
    int64_t token, leads_until_us;
    bool has_been; // a service, in this process, that has lost the lead
    bool is_leading, has_told_leader, has_told_away, has_stood_by;
    char *leader; // who leads, where it is another one; NULL: nobody knows
    uv_timer_t lease_timer;
    struct sl_handout *handout;  // of steps to other machines; NULL: there are none
    char lake[SL_LAKE_ID_BYTES]; // that the state store knows; "": none could be kept
    int64_t seen_lake;           // that triggers' marks are of: out of its number; 0: none is known
    char *lake_error;            // of one that stands by: why it takes no lead; NULL: nothing
    bool is_settling;      // steps of a leader before this one may be at work yet: no run begins
    struct sl_err failure; // that ends it
    // What cannot be written, for which runs wait: trouble.c. NULL: they do not.
    char *held_back;
    struct sl_left *left;
    uint64_t room_wait_ms;
    int64_t met_us;         // monotonic, when a step last had it looked for
    int64_t lake_looked_us; // the same of the lake
    bool lacked_lake;       // then
    int64_t room_us;        // when there was room again
    uv_timer_t room_timer, edit_timer;
    char *reload_error; // of the last reading of the project; NULL: it is as it stands
    int64_t began_us;
    // How the project is: health.c.
    bool has_recalled;       // `past` is of the history, too
    struct sl_map past;      // step -> what its last execution failed with
    struct sl_map last_runs; // pipeline -> status
    struct sl_map edited;    // failed.c: pipeline -> when it was asked for after an edit
    json_t *health;          // as last seen; NULL: not yet
    char *health_error;      // of the last look; NULL: none
    struct sl_checkup *checkup;
    struct sl_generation *looked_with;
    int64_t look_began_us, look_ended_us, look_took_us; // monotonic
    bool wants_look, is_look_late;
    uv_timer_t health_timer;
    uv_timer_cb on_health_time; // NULL: it has not begun
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

// --- queued.c
// What it was asked for, as text: *ret is to be freed.
SL_MUST int sl_queued_print(const struct sl_service_run *run, char **ret, struct sl_err *err);
// The same the other way (NULL: nothing), into a run that has nothing of it yet.
SL_MUST int sl_queued_read(struct sl_service_run *run, const char *text, struct sl_err *err);
SL_MUST int sl_queued_read_options(const json_t *root, struct sl_arena *arena,
                                   struct sl_start_options *ret, struct sl_err *err);
// Of that text the run whose rest it does; *ret is NULL: it began by itself.
SL_MUST int sl_queued_earlier(const char *text, struct sl_arena *arena, const char **ret,
                              struct sl_err *err);

// --- admit.c
struct sl_asked {
    const char *pipeline, *trigger, *who;
    int64_t tick_us;
    struct sl_start_options options;
    const json_t *backfill;
    const char *goes_on_with; // id of the run whose rest it does; NULL: none
    bool is_unattended;       // nobody waits for the answer, whoever `who` is
};
// Keeps it in the queue and begins what there is room for. *ret is NULL if it was asked for before,
// or is left out by the pipeline's overlap policy: *ret_why says which then.
SL_MUST int sl_service_ask(struct sl_service *service, const struct sl_asked *asked,
                           struct sl_service_run **ret, const char **ret_why, struct sl_err *err);
// What is missing of a run that was interrupted waits in the state store for the next service.
void sl_service_go_on_later(struct sl_service_run *run);
// False: what goes on with the run, or follows it, waits, and the state store does not hold it yet.
bool sl_service_is_rest_kept(const struct sl_service_run *run);
// Tasks that ended well in what this run goes on with; in the run's arena.
SL_MUST int sl_service_done_tasks(struct sl_service_run *run, struct sl_strs *ret,
                                  struct sl_err *err);
// It waits for 1 s, twice as long each time; false: it has waited for a minute, or cannot.
bool sl_service_wait_a_moment(struct sl_service_run *run);
// It begins no sooner than that.
void sl_service_wait(struct sl_service_run *run, int64_t wait_ms);
// Whether it does; `later` NULL: it could not even be made.
void sl_service_tell_later(const struct sl_service_run *run, const struct sl_service_run *later,
                           const struct sl_err *err);
// A backfill, which may wait for its turn; it is in the audit log with what was asked for.
SL_MUST int sl_service_ask_backfill(struct sl_service *service, const struct sl_asked *asked,
                                    char ret_id[37], struct sl_err *err);
// Begins runs that wait, as far as there is room.
void sl_service_admit(struct sl_service *service);
// Runs that have ended go, and if nothing is at work, the run lock; not from within a run's end.
void sl_service_rest(struct sl_service *service);
struct sl_service_run *sl_service_find(struct sl_service *service, const char *id);
// Once it drains, then it is interrupted, then killed. Not one that waits.
SL_MUST int sl_service_interrupt(struct sl_service *service, struct sl_service_run *run, int times,
                                 struct sl_err *err);
// In the audit log first, so that no later service takes it up again: a queued one is gone then,
// one at work is interrupted. Both end as "cancelled". *ret_is_kept: false where
// the log could not be written, so that a kill before the run ends brings it back.
SL_MUST int sl_service_cancel(struct sl_service *service, struct sl_service_run *run,
                              const char *who, bool *ret_is_kept, struct sl_err *err);
// One that waits, and will not begin: "cancelled", "skipped", "error". It is freed.
void sl_service_give_up(struct sl_service_run *run, const char *status);
// As it was asked for, with an id of its own; neither kept nor in the list of runs.
SL_MUST int sl_service_make_run(struct sl_service *service, const struct sl_asked *asked,
                                struct sl_service_run **ret, struct sl_err *err);
void sl_service_append(struct sl_service *service, struct sl_service_run *run);
void sl_service_free_run(struct sl_service_run *run);
// The end of the service came before it had begun: it is in the queue still, for the next one.
bool sl_service_waits_on(const struct sl_service_run *run);

// Puts it into the queue of the state store, again.
SL_MUST int sl_service_keep(struct sl_service_run *run, struct sl_err *err);

// --- recover.c
// Takes up what a service before this one was asked for, and what it was killed over; not what
// somebody had cancelled.
SL_MUST int sl_service_recover(struct sl_service *service, struct sl_err *err);
// The run with this id, or the one that does what that has left undone. NULL: neither waits nor is
// at work.
struct sl_service_run *sl_service_find_later(struct sl_service *service, const char *id);

// --- trouble.c
// A write has failed: if there is no room, no run begins until there is; a damaged store is begun
// anew; of anything else nothing comes.
void sl_service_trouble(struct sl_service *service, const struct sl_err *err);
const char *sl_trouble_remedy(enum sl_code code); // what a person is to do of it
// What has gone wrong with the run or a step of it: whether that is want of room.
void sl_service_met(struct sl_service_run *run, const struct sl_err *err);
// What it could not do for want of room, or since a folder could not be written, is done again
// when that has passed, as far as can be seen.
void sl_service_ask_again(const struct sl_service_run *run);
void sl_service_look_for_room(struct sl_service *service);
// Of a run that has ended: written when that is possible.
void sl_service_leave_history(struct sl_service_run *run, struct sl_history *history);
void sl_service_dequeue(struct sl_service *service, const struct sl_service_run *run,
                        const char *status);
void sl_service_close_left(struct sl_service *service);

// One that was removed or set aside is begun anew.
void sl_service_look_for_state(struct sl_service *service);

// --- failed.c
#define SL_AFTER_EDIT "after an edit"
#define SL_AFTER_START "after a start"
// Of each pipeline that files or tables start, and whose newest run failed: one run.
void sl_service_ask_failed(struct sl_service *service, const char *trigger);
// The same of the pipeline of a run that has ended, if the project was read anew since it began.
void sl_service_ask_if_edited(const struct sl_service_run *run);
void sl_service_ask_if_failed(struct sl_service *service, const char *pipeline,
                              const char *trigger);

// --- place.c
SL_MUST int sl_service_watch_place(struct sl_service *service, struct sl_err *err);
// Its locks and socket are taken anew if they were removed. False: another one has them, and it
// ends; nothing may be written any more.
bool sl_service_keep_place(struct sl_service *service);

// --- leader.c
// Another one leads, or is at work: what is at work is killed, and it ends.
void sl_service_step_down(struct sl_service *service, const struct sl_err *why);
// Leads at once, or when nobody else does.
SL_MUST int sl_service_elect(struct sl_service *service, struct sl_err *err);
void sl_service_resign(struct sl_service *service);

// --- backfills.c
// In the place of a pipeline's name; no pipeline can have one of these.
#define SL_BACKFILL_PIPELINE "(backfill)"
#define SL_NO_PIPELINE "(by hand)"
// Whether it is a backfill that goes on with what the run had begun.
bool sl_backfill_goes_on_with(const struct sl_service_run *run, const char *id);
// No backfill of one of its tables is at work.
bool sl_backfill_has_room(const struct sl_service *service, const struct sl_service_run *run);
// It ends, and its history says so next: a run of what reads the tables is asked for where it was
// to follow, and one that the service's end interrupted is asked for again, for the next service.
void sl_backfill_ending(struct sl_service_run *run);
// It has ended, and is remembered.
void sl_service_end_backfill(const struct sl_service_run *run);
// One that says it is at work, but whose service was killed, is asked for again.
SL_MUST int sl_backfill_recover(struct sl_service *service, const struct sl_run_row *row,
                                bool *ret_was_ours, struct sl_err *err);
SL_MUST int sl_backfill_control_start(void *self, const json_t *asked, const char *trigger,
                                      const char *who, json_t **ret_json, struct sl_err *err);
SL_MUST int sl_backfill_control_list(void *self, const char *run_id, json_t **ret_json,
                                     struct sl_err *err);

// --- marks.c
// What the trigger has seen is seen by this run that waits, which was asked for before that.
SL_MUST int sl_mark_later(struct sl_service_run *run, const char *key, int64_t fingerprint,
                          struct sl_err *err);
// It begins, or another one does in its place.
void sl_marks_keep(struct sl_service_run *run);
// It will not begin: what came while it waited is told at the next look.
void sl_marks_take_back(const struct sl_service_run *run);

// --- handing.c
// If other machines may take part. Before any run begins.
SL_MUST int sl_service_hand_out(struct sl_service *service, struct sl_err *err);
SL_MUST int sl_generation_hand_out(struct sl_generation *generation, struct sl_err *err);

// --- control_service.c
struct sl_control sl_service_control(struct sl_service *service);
SL_MUST int sl_service_require_leader(const struct sl_service *service, struct sl_err *err);
// False: it was not written, and the log says why.
bool sl_service_audit(struct sl_service *service, const char *who, const char *what,
                      const char *subject, const char *details);

// --- health.c
// What the history says, and the first look.
SL_MUST int sl_service_begin_health(struct sl_service *service, struct sl_err *err);
// Something has changed.
void sl_service_look_soon(struct sl_service *service);
void sl_service_clear_health(struct sl_service *service); // after all executors are closed
// What its last execution came to; of a delivery that this one did not do (`done_us` 0) stays when
// it was done before.
void sl_service_keep_past(struct sl_service *service, const struct sl_health_past *what);
void sl_service_keep_run(struct sl_service *service, const char *pipeline, const char *status);
// As in struct sl_control.
SL_MUST int sl_service_health(void *self, bool asks_state, json_t **ret_json, bool *ret_is_ready,
                              struct sl_err *err);
SL_MUST int sl_service_look(void *self, json_t **ret_json, struct sl_err *err);

// --- telling.c
// A line of the log about a run; run may be NULL.
void sl_service_tell(enum sl_log_level level, const struct sl_service_run *run, const char *format,
                     ...) SL_PRINTF(3, 4);
struct sl_listener sl_service_listener(struct sl_service_run *run);
// Of every table: when it was last built, as the history tells, and how old it may become.
void sl_service_tell_tables(struct sl_service *service);
void sl_service_tell_begin(struct sl_service_run *run);
// Tells it once the run is late, as its pipeline says.
void sl_service_watch_deadline(struct sl_service_run *run, const struct sl_pipeline *pipeline);
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
// Answers that it stands by.
void sl_service_stand_by(struct sl_service *service);
// --- other_lake.c
void sl_service_take_seen_lake(struct sl_service *service, const struct sl_tick *ticks,
                               size_t count);
// Triggers that files and tables have start a run anew where the lake is another one than before.
void sl_service_mind_lake(struct sl_service *service);

// --- sees_lake.c
// Else it may not lead, and says why, once.
bool sl_service_sees_lake(struct sl_service *service);
// Begins to do its work.
SL_MUST int sl_service_lead(struct sl_service *service, struct sl_err *err);
// The project's files are watched, if it says so.
void sl_service_watch_edits(struct sl_service *service);
// Looks at the agenda again.
void sl_service_wake(struct sl_service *service);
void sl_service_rest_soon(struct sl_service *service); // sl_service_rest, from the loop
void sl_service_leave(struct sl_service *service);     // the loop ends
int64_t sl_service_now_us(void);

#endif
