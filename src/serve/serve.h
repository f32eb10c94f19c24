// The service: starts runs when they are due, and answers who asks.
#ifndef SL_SERVE_SERVE_H
#define SL_SERVE_SERVE_H

#include "run/world.h"

struct sl_serve_options {
    const char *folder, *environment; // as in struct sl_world_options
    struct sl_strs overrides;
    const char *listen;  // in the place of the setting; "none": the unix socket only
    int64_t concurrency; // of steps; 0: the project's
};
// Until it is told to end. Signals: SIGTERM, SIGINT drain, twice interrupt, three times kill;
// SIGHUP reads the project anew. *ret_exit is 0, or 130 if steps were interrupted.
SL_MUST int sl_serve(const struct sl_serve_options *options, int *ret_exit, struct sl_err *err);

#endif
