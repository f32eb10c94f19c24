// The agenda: when which pipeline is due by its times (cron, every). Pure: no clock, no I/O; `now`
// is given. Not for use by two threads at a time.
//
//     sl_agenda_new(project, last ticks of the state store, now)
//     loop: wait until sl_agenda_next_us, but no longer than a minute, since clocks are set
//           sl_agenda_take_due(now): start runs, and keep the ticks in the state store
//
// What a tick stands for is its time in the schedule, not the time at which it is noticed. One that
// is noticed up to a minute late came in time; one that is older was missed: nobody served, the
// pipeline was paused, or the clock was set forward. Of those catch_up says what becomes. Of ticks
// of a time in which nobody served, `latest` and `none` run the newest only, however late.
//
// A trigger that has many ticks gives some at a time, and those of others come in between. All that
// came due meanwhile are run, for the service was there.
//
// No tick comes twice, also when the clock is set back: a trigger goes on behind the last tick that
// it had. Only where that lies more than a day ahead of now the clock was wrong when it came; then
// the trigger begins at now, as one does that is new.
#ifndef SL_SERVE_AGENDA_H
#define SL_SERVE_AGENDA_H

#include "spec/pipeline.h"

#define SL_AGENDA_GRACE_US INT64_C(60000000)
#define SL_AGENDA_CATCH_UP_MAX 10000 // ticks of a trigger that are made up for at once
#define SL_AGENDA_NEVER INT64_MAX

struct sl_agenda;

// The last tick that a trigger has had, as it is kept in the state store.
struct sl_agenda_last {
    const char *pipeline;
    const char *key;
    int64_t at_us;
};

// One or several ticks of a trigger that are not to come again.
struct sl_due {
    const struct sl_pipeline *pipeline;
    const struct sl_trigger *trigger;
    int64_t tick_us; // to be kept as the trigger's last
    bool is_missed;  // older than a minute
    // Left out, not run: so many from first_us to tick_us, by catch_up, or beyond the most that are
    // made up for. If is_more: and more than so many.
    bool is_left_out;
    int64_t left_out;
    int64_t first_us;
    bool is_more;
};

// `last` (may be NULL) is only read. Triggers that are not in it begin at now. The project must
// stay until the agenda is freed or has another one.
SL_MUST int sl_agenda_new(const struct sl_project *project, const struct sl_agenda_last *last,
                          size_t last_count, int64_t now_us, struct sl_agenda **ret,
                          struct sl_err *err);
void sl_agenda_free(struct sl_agenda **agenda); // for SL_AUTO; NULL is fine
// The project was read anew, or is another one: triggers whose pipeline and key are still there go
// on, new ones begin at now, others are gone. Pauses stay. After a failure the agenda is as before.
SL_MUST int sl_agenda_reload(struct sl_agenda *agenda, const struct sl_project *project,
                             int64_t now_us, struct sl_err *err);
// Triggers that have begun at now, and are not kept yet: to be kept in the state store, so that
// what they miss from here on is known. In the arena; texts are the project's.
SL_MUST int sl_agenda_begun(const struct sl_agenda *agenda, struct sl_arena *arena,
                            struct sl_agenda_last **ret, size_t *ret_count, struct sl_err *err);
void sl_agenda_begun_is_kept(struct sl_agenda *agenda); // all that it gave

// Before now nobody served: the clock was set forward. It is so when the agenda is new, too.
void sl_agenda_serves_from(struct sl_agenda *agenda, int64_t now_us);
// A paused pipeline has no ticks; when it goes on, those of meanwhile were missed. A pipeline that
// is not there may be paused. Twice is fine.
SL_MUST int sl_agenda_pause(struct sl_agenda *agenda, const char *pipeline, struct sl_err *err);
void sl_agenda_resume(struct sl_agenda *agenda, const char *pipeline, int64_t now_us);
bool sl_agenda_is_paused(const struct sl_agenda *agenda, const char *pipeline);

// When the next tick comes, SL_AGENDA_NEVER if none does; O(1). It may be past.
int64_t sl_agenda_next_us(const struct sl_agenda *agenda);
// The same of one pipeline; of a paused one when it would.
int64_t sl_agenda_next_of_us(const struct sl_agenda *agenda, const char *pipeline);
// What is due, in the arena: those of one trigger in order, the oldest first. There may be more:
// then sl_agenda_next_us is not after now. After a failure nothing was taken but what is lost with
// the process, too: the trigger goes on behind what it had.
SL_MUST int sl_agenda_take_due(struct sl_agenda *agenda, int64_t now_us, struct sl_arena *arena,
                               struct sl_due **ret, size_t *ret_count, struct sl_err *err);

#endif
