// serve: in sluice.yml: where `sluice serve` listens, and who may ask it for what.
#ifndef SL_SPEC_SERVE_H
#define SL_SPEC_SERVE_H

#include "spec/project.h"

enum sl_may {
    SL_MAY_READ = 1,
    SL_MAY_RUN = 2,   // start, cancel, pause, resume, approve, replay, backfill
    SL_MAY_ADMIN = 4, // what gives rows or versions up: discard, rollback
};

struct sl_token {
    const char *name;   // "who" in the audit log
    const char *value;  // secret, at least 16 characters
    struct sl_strs may; // "read", "run", "admin"; none: read
    unsigned rights;    // enum sl_may; each one includes those before it
    const struct sl_yaml *node;
};

struct sl_serve_spec {
    const char *listen; // "127.0.0.1:7410"
    struct sl_strs hosts; // further names that a request's Host may have
    struct sl_token *tokens;
    size_t token_count;
};

#endif
