// `sluice worker`: does steps of a service on another machine, which it claims in the state store.
#ifndef SL_SERVE_MACHINE_H
#define SL_SERVE_MACHINE_H

#include "run/world.h"

struct sl_machine_options {
    const char *folder, *environment; // as in struct sl_world_options
    struct sl_strs overrides;
    const char *name; // NULL: the machine's
    int64_t slots;    // steps at once; 0: as sluice.yml says, else the number of cores
};
// Until it is told to end: SIGTERM, SIGINT let its steps end and claim no more; the second time
// they are killed, and given back. SIGHUP reads the project anew. *ret_exit is 0, or 130 if steps
// were killed.
SL_MUST int sl_machine_serve(const struct sl_machine_options *options, int *ret_exit,
                             struct sl_err *err);

#endif
