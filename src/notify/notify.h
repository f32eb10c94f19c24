// Telling people: what a run came to becomes alerts, and alerts become messages to the channels of
// sluice.yml.
//
// Two halves that never wait for each other. *Judging* (sl_notify_run_ended and the like) looks at
// what happened, compares it with the alerts that are open and writes what is to be told into the
// outbox, in one transaction of the alerts store (api/alerts.h): after it returns, a kill loses no
// message. *Sending* takes what is due out of the outbox, over the network. A message is sent at
// least once: whoever is killed between a server's answer and the note of it sends again, with the
// same id, by which receivers know it.
//
// A project without `alerts:` has no notify: *ret of sl_notify_open is NULL then, and everything
// below accepts NULL and does nothing.
#ifndef SL_NOTIFY_NOTIFY_H
#define SL_NOTIFY_NOTIFY_H

#include "run/health.h"
#include "run/run.h"

#include <uv.h>

struct sl_notify;

// For one project that was read with its secrets; it must outlive the notify. One thread at a time.
// SL_E_ALERTS if the store cannot be used.
// `of_service`: the open store of a service, whose loop may not wait for long; it must outlive the
// notify, too. NULL: it opens one when it has to look back, and waits as a command does.
SL_MUST int sl_notify_open(const struct sl_project *project, struct sl_state *of_service,
                           struct sl_notify **ret, struct sl_err *err);
void sl_notify_close(struct sl_notify **notify); // for SL_AUTO

// --- Judging. Writes to the disk, never to the network. What fails here must not fail a run: the
// caller reports it as a warning.

// After sl_run has returned SL_OK, whatever became of its steps. `pipeline`: whose run it is, NULL:
// the project's own; it is the subject of alerts over the run as a whole. `was_told_late`:
// sl_notify_run_late has told of this run, whose end is then no end in time.
SL_MUST int sl_notify_run_ended(struct sl_notify *notify, const struct sl_run *run,
                                const char *pipeline, bool was_told_late, struct sl_err *err);
// A run that could not be made at all: sl_run, or what comes before it, has failed. Not for runs
// that did not begin because another one is at work, nor for interrupted ones: those are ignored.
SL_MUST int sl_notify_run_failed(struct sl_notify *notify, const struct sl_err *failure,
                                 const char *pipeline, struct sl_err *err);
// A run is still at work behind its deadline (`serve`, which lets it go on): one alert until a run
// of the pipeline ends in time.
SL_MUST int sl_notify_run_late(struct sl_notify *notify, const char *pipeline, const char *run_id,
                               struct sl_err *err);
// A run that had nothing to do: what is selected and up to date (sl_plan_decide) is well.
SL_MUST int sl_notify_nothing(struct sl_notify *notify, const struct sl_world *world,
                              const char *pipeline, struct sl_err *err);
// The same of a service's run, whose steps its looks tell of.
SL_MUST int sl_notify_run_nothing(struct sl_notify *notify, const char *pipeline,
                                  bool was_told_late, struct sl_err *err);
// Between runs: freshness of every table, lag of tables, sources (as that of their raw tables) and
// targets, and whether what an alert is about is still in the project. A minute apart is enough.
// Without the lake only that is told: what was raised of all else stays so.
SL_MUST int sl_notify_look(struct sl_notify *notify, const struct sl_world *world,
                           const struct sl_health *health, struct sl_err *err);

// --- Sending

enum sl_send_what {
    SL_SEND_DUE,     // what is due by now
    SL_SEND_WAITING, // also what would wait for another attempt
    SL_SEND_DEAD,    // also what was given up
};
struct sl_sent {
    size_t sent, failed; // messages
    bool was_busy;       // another process is sending: nothing was done here
    int64_t next_us;     // when the next one of those left is due; 0: none is left
};
// Sends to all channels at once and returns when all have answered, or after `most_ms`: what has no
// answer by then stays in the outbox. Blocks its thread; opens sockets and, while it runs, a thread
// of libcurl for names, so not in a process that forks workers afterwards.
// A server that refuses is no error: `sluice alerts` tells. SL_E_ALERTS if the store fails.
SL_MUST int sl_notify_send(struct sl_notify *notify, enum sl_send_what what, int64_t most_ms,
                           struct sl_sent *ret, struct sl_err *err);
// One message to a channel, past the outbox. *ret_answer (in the arena) is what the server said.
// SL_E_ALERT_CHANNEL if there is no such channel, SL_E_ALERT_UNSENT if it was not taken.
SL_MUST int sl_notify_test(struct sl_notify *notify, const char *channel, struct sl_arena *arena,
                           const char **ret_answer, struct sl_err *err);

// For `serve`, whose process forks workers and therefore must not send by itself: a child process,
// `sluice alerts send --due`, is started on the loop when something is due, and again when the next
// message is. All calls on the loop's thread.
struct sl_sender;
struct sl_sender_options {
    uv_loop_t *loop;
    const char *program; // path of sluice; NULL: /proc/self/exe
    const char *folder;  // of the project
    const char *environment;
    const struct sl_strs *settings; // --set
};
// `notify` must outlive it.
SL_MUST int sl_sender_open(struct sl_notify *notify, const struct sl_sender_options *options,
                           struct sl_sender **ret, struct sl_err *err);
// Something may be due: to be called after any judging. Never blocks.
void sl_sender_wake(struct sl_sender *sender);
// Starts nothing more and ends the child. Its memory goes when the loop has closed the handles, for
// which the loop must run on.
void sl_sender_close(struct sl_sender **sender);

// --- For metrics and health

struct sl_notify_counts {
    int64_t open;    // alerts
    int64_t pending; // messages that wait to be sent, those that failed so far among them
    int64_t failed;  // of these
    int64_t dead;    // messages that were given up
    int64_t sent;    // messages ever
};
SL_MUST int sl_notify_count(struct sl_notify *notify, struct sl_notify_counts *ret,
                            struct sl_err *err);

#endif
