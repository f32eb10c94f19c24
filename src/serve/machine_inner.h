// The parts of `sluice worker`, shared between its files.
#ifndef SL_SERVE_MACHINE_INNER_H
#define SL_SERVE_MACHINE_INNER_H

#include "api/leases.h"
#include "base/log.h"
#include "run/code.h"
#include "run/handout_wire.h"
#include "run/pool.h"
#include "run/wakes.h"
#include "run/work.h"
#include "serve/machine.h"
#include "serve/notify_systemd.h"

#define SL_MACHINE_SIGNALS 3

// The project as it was read once, with the processes that work on it.
struct sl_crew {
    struct sl_machine *machine;
    struct sl_world world;
    struct sl_run_work work;
    struct sl_pool *pool;
    char code[SL_CODE_BYTES];
    bool is_wanted;       // the leader hands out steps of it, as far as is known
    struct sl_crew *next; // the one before it
};

enum sl_slot_state { SL_SLOT_FREE, SL_SLOT_AT_WORK, SL_SLOT_DONE };
// A claimed step. Its place is the pool's job number.
struct sl_slot {
    enum sl_slot_state state;
    struct sl_crew *crew;
    char *id, *run_id, *step;
    char *reply; // DONE: to be handed in
    int64_t attempt, token, began_us;
    int asked;        // of it: to drain, to end
    bool is_given_up; // another worker has it: its end is nobody's business
    bool is_dropped;  // this one was told to end: another worker is to have it
};

struct sl_machine {
    struct sl_machine_options options;
    uv_loop_t loop;
    struct sl_arena arena;
    struct sl_systemd systemd;
    struct sl_state *state;
    struct sl_wakes *wakes;
    struct sl_crew *newest;
    struct sl_slot slots[SL_MOST_WORKERS];
    size_t slot_count;
    const char *name, *holder, *present; // of the machine; of its claims; of it in the store
    char state_folder[4096];             // its own part of the project's
    int lock;
    uv_timer_t beat, turn, watch;
    uv_signal_t signals[SL_MACHINE_SIGNALS];
    int64_t heard_us;          // monotonic: when the store last took a word from it
    bool is_cut_off;           // it has told that the store cannot be reached
    bool was_wanted;           // its newest code is that of the leader
    char told[SL_CODE_BYTES];  // the leader's code that it has told of as another one
    char tried[SL_CODE_BYTES]; // for which the project was read anew
    bool has_told_nobody;
    bool has_looked;             // for who leads
    char lake[SL_LAKE_ID_BYTES]; // the number of that which is served; "": not known
    char *lake_error;            // it claims nothing as long as there is one
    int stops;
    struct sl_err failure;
};

// --- machine_work.c
// Claims what there is room for.
void sl_machine_claim(struct sl_machine *machine);
// Keeps claims for so long; what was lost is killed, what is asked is done.
void sl_machine_keep(struct sl_machine *machine, int64_t ttl_ms);
void sl_machine_on_reply(void *owner, size_t job, const json_t *reply,
                         const struct sl_death *death);
// Hands in what is done, and claims more.
void sl_machine_turn(struct sl_machine *machine);
// All steps at work are killed, and handed in as lost.
void sl_machine_give_up(struct sl_machine *machine);
size_t sl_machine_count(const struct sl_machine *machine, enum sl_slot_state state);
// What a slot is about, in the log.
void sl_machine_tell(enum sl_log_level level, const struct sl_slot *slot, const char *format, ...)
    SL_PRINTF(3, 4);
// The store could not be asked. What runs is killed once others may have it.
void sl_machine_trouble(struct sl_machine *machine, const struct sl_err *err);

// --- machine_lake.c
// It is not there, or another one than that which is served.
SL_MUST int sl_machine_refuse_lake(const struct sl_machine *machine, struct sl_err *err);
// The same for one at work, which waits for the lake: says so once, and when it is there again.
bool sl_machine_sees_lake(struct sl_machine *machine);

// --- machine.c
void sl_machine_soon(struct sl_machine *machine); // sl_machine_turn, from the loop
void sl_machine_watch(struct sl_machine *machine);

#endif
