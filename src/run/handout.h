// Steps that workers on other machines do (`sluice worker`): handed out through the state store,
// many at a time, and heard of again by its notifications. To its executors it is what a pool of
// workers of this machine is. One for a leader; one thread, the loop's.
//
// A worker that is not heard of for as long as a claim holds has lost the step: whatever it hands
// in afterwards is refused, and its step ends with the death of a worker.
#ifndef SL_RUN_HANDOUT_H
#define SL_RUN_HANDOUT_H

#include "api/state.h"
#include "run/worker.h"

#include <uv.h>

#define SL_MOST_HANDED 512 // steps of one executor that are handed out at once

struct sl_handout;
struct sl_handout_options {
    uv_loop_t *loop;
    struct sl_state *state; // of several machines, fenced by the lease of who leads
    const char *environment;
    const char *lake;    // its number
    int64_t patience_ms; // until a step is unclaimed; 0: 5 s
    // There are more workers than before, or fewer: what is ready may go to them.
    void (*on_room)(void *owner);
    // A machine came (with so many slots) or is gone (-1).
    void (*on_machine)(void *owner, const char *name, int64_t slots);
    void (*on_trouble)(void *owner, const char *what);
    // So many steps wait for a worker longer than they should, and the service cannot do them; told
    // again when it is another number, and each minute. 0: there are no more. `is_old`: some
    // are of runs that began with an earlier version of the project.
    void (*on_unclaimed)(void *owner, size_t count, int64_t seconds, const char *step, bool is_old);
    // What a leader before this one had handed out is at work no more: once.
    void (*on_settled)(void *owner);
    void *owner;
};
// Workers at work for a leader before this one are told to stop. Until on_settled, which comes from
// the loop within some seconds, no step may begin: one that was at work would look as if it had
// been done by nobody.
SL_MUST int sl_handout_open(const struct sl_handout_options *options, struct sl_handout **ret,
                            struct sl_err *err);
void sl_handout_close(struct sl_handout **handout); // for SL_AUTO; before the state

// One who hands out steps, all of one code (run/code.h).
struct sl_hander {
    const char *code;
    // As of a pool. `reply` is NULL when the worker died, or is lost.
    void (*on_reply)(void *owner, size_t number, const json_t *reply, const struct sl_death *death);
    // A worker of this machine's name has it: before all else that is told of it, and once; again
    // where it was given back, and somebody has it again.
    void (*on_begin)(void *owner, size_t number, const char *machine);
    // Whoever had it has given it back: it waits for a worker again. on_begin follows, or on_back,
    // or its end.
    void (*on_given_back)(void *owner, size_t number);
    // Nobody has begun it, and nobody is there to do so, or has in some seconds.
    void (*on_back)(void *owner, size_t number);
    // Steps that are ready and may go nowhere else, and the name of one.
    size_t (*count_ready)(void *owner, const char **ret_step);
    // It would do one of these now.
    bool (*has_room)(void *owner);
    void *owner;
    struct sl_hander *next; // the handout's
};
// As long as it is known workers keep the code.
void sl_handout_join(struct sl_handout *handout, struct sl_hander *hander);
// What it has handed out is nobody's any longer.
void sl_handout_leave(struct sl_handout *handout, struct sl_hander *hander);

bool sl_handout_has_room(const struct sl_handout *handout, const struct sl_hander *hander);
struct sl_handed {
    size_t number; // the hander's, as it is told again
    const char *run_id, *step;
    int64_t attempt;
    const json_t *request;
};
// At the end of the loop's turn, with the others.
SL_MUST int sl_handout_start(struct sl_handout *handout, struct sl_hander *hander,
                             const struct sl_handed *handed, struct sl_err *err);
// As of a pool: once it drains, twice it is interrupted, three times it is given up.
void sl_handout_press(struct sl_handout *handout, const struct sl_hander *hander, size_t number,
                      int times);

struct sl_machine_seen {
    const char *name;
    int64_t slots;
    bool is_of_use; // its code is one that is handed out
};
// Until the loop goes on.
const struct sl_machine_seen *sl_handout_machines(const struct sl_handout *handout,
                                                  size_t *ret_count);
size_t sl_handout_count(const struct sl_handout *handout); // handed out, and not heard of again

#endif
