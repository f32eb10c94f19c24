// What the leader and workers on other machines say to each other through the state store.
#ifndef SL_RUN_HANDOUT_WIRE_H
#define SL_RUN_HANDOUT_WIRE_H

#include "base/fields.h"
#include "run/worker.h"

#define SL_CLAIM_MS 4000            // without a word from its worker a step is another one's
#define SL_HOLDER_ON " on "         // in who has a claim, between the worker's name and its host
#define SL_PRESENT_WORKER "worker " // before its name
#define SL_PRESENT_LEADER "leader " // before that of the environment

// A worker says of itself:
struct sl_worker_says {
    const char *machine;  // its name
    struct sl_strs codes; // that it does steps of, the newest first
    int64_t slots;        // for all of them
};
// The leader says of itself:
struct sl_leader_says {
    struct sl_strs codes; // the newest first
    const char *lake;
    // Steps that no worker has claimed for some seconds, one of them, and since when; 0: none.
    int64_t unclaimed, unclaimed_us;
    const char *unclaimed_step;
    bool unclaimed_old; // some are of runs that began with an earlier version of the project
};
extern const struct sl_field sl_worker_says_fields[], sl_leader_says_fields[];
SL_MUST int sl_says_print(const struct sl_field *fields, const void *says, char **ret,
                          struct sl_err *err);
SL_MUST int sl_says_parse(const struct sl_field *fields, const char *text, struct sl_arena *arena,
                          void *ret, struct sl_err *err);

// What is to be done about steps that nobody claims.
const char *sl_handout_advice(bool is_old);

// The beginning of ids of jobs: "prod/", "prod/0123456789abcdef/". NULL out of memory.
char *sl_handout_prefix(const char *environment, const char *code, struct sl_arena *arena);

// The end of a job: what the worker process replied, or how it died; one of them is NULL.
SL_MUST int sl_handout_print(const json_t *reply, const struct sl_death *death, char **ret,
                             struct sl_err *err);
// *ret_reply is the caller's; NULL if it died.
SL_MUST int sl_handout_parse(const char *text, json_t **ret_reply, struct sl_death *ret_death,
                             struct sl_err *err);

#endif
