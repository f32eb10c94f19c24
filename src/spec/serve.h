// serve: in sluice.yml: where `sluice serve` listens, and who may ask it for what.
#ifndef SL_SPEC_SERVE_H
#define SL_SPEC_SERVE_H

#include "spec/project.h"

enum sl_may {
    SL_MAY_READ = 1,
    SL_MAY_RUN = 2,   // start, cancel, pause, resume, approve, replay, backfill
    SL_MAY_ADMIN = 4, // what gives rows or versions up: discard, rollback
};
// "read", "run", "admin"; 0 for anything else. One right includes those before it.
unsigned sl_may_parse(const char *text);

struct sl_token {
    const char *name;   // "who" in the audit log
    const char *value;  // secret, at least 16 characters
    struct sl_strs may; // "read", "run", "admin"
    const struct sl_yaml *node;
};
unsigned sl_token_rights(const struct sl_token *token); // enum sl_may, all that it may

enum sl_serve_reload { SL_RELOAD_AUTO, SL_RELOAD_SIGNAL };
// Where the steps of a service run, if its state is in PostgreSQL: see docs/workers.md.
enum sl_workers { SL_WORKERS_BOTH, SL_WORKERS_LOCAL, SL_WORKERS_REMOTE };

struct sl_serve_spec {
    int reload;                // enum sl_serve_reload
    const char *listen;        // "127.0.0.1:7410"
    const char *attest_key;    // file of the private key that `attest` over HTTP signs with
    struct sl_strs hosts;      // further names that a request's Host may have
    struct sl_opt_list tokens; // struct sl_token
    int workers;               // enum sl_workers
    struct sl_serve_health {
        int64_t every_s; // 0: only after runs
        bool counts;     // rows at targets
        int64_t limit_s; // of a look; 0: none
    } health;
};

#endif
