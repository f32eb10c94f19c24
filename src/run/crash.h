// Crash tests of a project: runs of it in a lake of their own, killed at their durable operations,
// run again, and compared with a run that nothing has disturbed.
//
// Sources are read where they are; nothing is delivered. The runs are processes of this program,
// and are killed by SIGKILL. Two phases: a first run into an empty lake, and a full refresh of a
// lake that holds everything.
#ifndef SL_RUN_CRASH_H
#define SL_RUN_CRASH_H

#include "run/verify.h"

enum sl_crash_phase { SL_CRASH_FIRST, SL_CRASH_REFRESH, SL_CRASH_PHASES };
const char *sl_crash_phase_name(enum sl_crash_phase phase); // "first", "refresh"

struct sl_crash_failure {
    enum sl_crash_phase phase;
    int64_t step;
    const char *operation; // before which the run was killed: "rename"
    const char *what;      // "curated.daily: 1 row lost"
};

struct sl_crash_progress { // told after each kill
    enum sl_crash_phase phase;
    int64_t done, total; // of both phases together, as far as is known
};
struct sl_crash_options {
    struct sl_world_options world; // as this program was called
    struct sl_strs select, exclude;
    int64_t kills; // of each phase; 0: all durable steps
    uint64_t seed; // which, if not all
    int64_t at;    // this step only; 0: none named
    enum sl_crash_phase at_phase;
    bool keep;
    void (*on_kill)(void *self, const struct sl_crash_progress *progress); // may be NULL
    void *self;
};
struct sl_crash_report {
    const char *folder; // gone afterwards unless it is to be kept
    int64_t steps[SL_CRASH_PHASES], kills[SL_CRASH_PHASES];
    int64_t equal;           // reruns after which all was as it should
    int64_t lost, doubled;   // rows, over all reruns: that only the reference has, only the rerun
    int64_t publications;    // that the reader saw come
    int64_t tables;          // that were compared each time
    struct sl_strs left_out; // tables that follow the clock or chance
    struct sl_crash_failure *failures;
    size_t failure_count;
    bool was_interrupted;
};
// `world` is the project's, valid. An environment that reads another one's tables builds all of its
// own here. Returns SL_OK whatever the runs come to, once the undisturbed one has gone well;
// SL_E_CRASHTEST if nothing was killed or compared.
SL_MUST int sl_world_crash(struct sl_world *world, const struct sl_crash_options *options,
                           struct sl_crash_report *ret, struct sl_err *err);

// --- Inside (crash_look.c) ---
// A lake beside another one of the same project.
struct sl_crash_look {
    struct sl_world *world;
    struct sl_session *session;
    struct sl_arena *arena;
    const char *reference_lake, *lake;
};
// What is wrong with one of the lake's publications after *last_number, or with the lake as a whole
// compared with the reference; *ret_what NULL: nothing. In look->arena. *last_number becomes that
// of the newest, *ret_count how many were new.
SL_MUST int sl_crash_look_at_publications(struct sl_crash_look *look, int64_t *last_number,
                                          int64_t *ret_count, const char **ret_what,
                                          struct sl_err *err);
SL_MUST int sl_crash_look_at_tables(struct sl_crash_look *look, struct sl_crash_report *report,
                                    const char **ret_what, struct sl_err *err);
// Chooses `count` of the numbers 1..total, ascending, the same for the same seed. count 0 or more
// than total: all.
SL_MUST int sl_crash_choose(int64_t total, int64_t count, uint64_t seed, struct sl_arena *arena,
                            int64_t **ret, int64_t *ret_count, struct sl_err *err);

#endif
