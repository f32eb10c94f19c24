// sluice doctor: what it looks at besides the project's data.
#ifndef SL_CLI_DOCTOR_H
#define SL_CLI_DOCTOR_H

#include "cli/cli.h"
#include "run/health.h"

// The state store, disks, the engine, the clock, permissions, alerts, the service.
struct sl_machine_check {
    const char *name; // "state"
    struct sl_health_said said;
};
struct sl_machine {
    struct sl_machine_check *checks;
    size_t count;
    enum sl_health_state state; // the worst
};
struct sl_machine_of {
    struct sl_world *world;
    const struct sl_health *health;
    struct sl_state *state;         // NULL: it cannot be read,
    const struct sl_err *state_err; // because of this
    const char *state_note;         // NULL, or what is wrong with it all the same
};
// Fails for want of memory alone: all else is a check that is wrong. In the world's arena.
SL_MUST int sl_machine_look(const struct sl_machine_of *of, struct sl_machine *ret,
                            struct sl_err *err);

#endif
