// What is to be told of runs by machine, on the disk until it is: in the folder `telemetry` of the
// state folder, a file of JSON lines (facts, see observe/facts.h) for each run.
//
// The process that a run belongs to appends, and holds the file's lock while the run goes on; it
// never waits for anybody. Another process reads, tells, and writes beside each file how far each
// way out has come. Whoever is killed loses nothing but what no file system keeps.
#ifndef SL_OBSERVE_SPOOL_H
#define SL_OBSERVE_SPOOL_H

#include "base/json.h"

// --- Writing, by the process of the run

struct sl_spool;
// SL_E_OBSERVE_SPOOL.
SL_MUST int sl_spool_open(const char *state_folder, const char *run_id, struct sl_spool **ret,
                          struct sl_err *err);
void sl_spool_close(struct sl_spool **spool); // for SL_AUTO
// Adds a line; secrets are masked. What has no room (64 MB are kept for all runs together) is left
// out and counted: SL_OK.
SL_MUST int sl_spool_add(struct sl_spool *spool, const json_t *fact, struct sl_err *err);
int64_t sl_spool_left_out(const struct sl_spool *spool);

// --- Reading

// Ways out, each of which comes forward by itself.
enum sl_way { SL_WAY_LINEAGE_FILE, SL_WAY_LINEAGE, SL_WAY_TRACES, SL_WAYS };
const char *sl_way_name(enum sl_way way); // "lineage_file", "lineage", "traces"

struct sl_spool_file {
    const char *run_id;
    const char *path;
    json_t **facts; // in order; a line that is none is left out
    size_t count;
    bool is_at_work; // its run goes on
    int64_t changed_us;
    size_t told[SL_WAYS]; // facts that each way has told, or given up
};
struct sl_spool_view {
    struct sl_spool_file *files; // the oldest first
    size_t count;
    struct sl_arena arena;
};
// One thread of one process at a time: see sl_spool_lock.
SL_MUST int sl_spool_read(const char *state_folder, struct sl_spool_view *ret, struct sl_err *err);
void sl_spool_view_clear(struct sl_spool_view *view); // for SL_AUTO
// Keeps how far each way has come.
SL_MUST int sl_spool_mark(const struct sl_spool_file *file, struct sl_err *err);
// All of it is told.
SL_MUST int sl_spool_remove(const struct sl_spool_file *file, struct sl_err *err);
// SL_E_LOCKED if another process tells. The folder is made if it is not there.
SL_MUST int sl_spool_lock(const char *state_folder, int *ret_fd, struct sl_err *err);

// --- What is known of each way over all runs: <state>/telemetry/state.json

struct sl_way_state {
    int64_t sent, refused, lost; // events or spans, ever: taken; not wanted; given up, or no room
    int64_t attempts;            // that failed since the last one that did not
    int64_t next_us;             // not before; 0: at once
    int64_t failed_us;           // when the first of these failed
    char error[400];             // of the last one; "": none
    char refusal[400];           // why something was not wanted, last; "": all was
};
struct sl_spool_state {
    struct sl_way_state ways[SL_WAYS];
};
// Where nothing is kept, or what is kept is damaged, all is zero.
void sl_spool_state_read(const char *state_folder, struct sl_spool_state *ret);
SL_MUST int sl_spool_state_write(const char *state_folder, const struct sl_spool_state *state,
                                 struct sl_err *err);
// Whether anything is there to be told by a process that is not at work yet.
bool sl_spool_is_empty(const char *state_folder);

#endif
