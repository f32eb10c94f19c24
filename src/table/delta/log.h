// The folder _delta_log: which versions it has, and its commits as JSON.
#ifndef SL_TABLE_DELTA_LOG_H
#define SL_TABLE_DELTA_LOG_H

#include "base/json.h"
#include "base/str.h"

// A complete classic or multi-part checkpoint ("Checkpoint Naming Scheme").
struct sl_delta_checkpoint_files {
    int64_t version;
    struct sl_strs paths;
};

struct sl_delta_log {
    const char *folder;                            // the table's
    const char *log_folder;                        // folder/_delta_log
    int64_t newest;                                // of commits and checkpoints; -1: no table
    int64_t first_commit;                          // lowest commit in the folder; -1: none
    struct sl_delta_checkpoint_files *checkpoints; // by version, complete ones
    size_t checkpoint_count;
    bool has_v2_checkpoint; // UUID-named, which are not read here
};

// Lists the log. A missing folder is a log without versions.
SL_MUST int sl_delta_log_open(const char *folder, struct sl_arena *arena, struct sl_delta_log *ret,
                              struct sl_err *err);
char *sl_delta_log_path(const struct sl_delta_log *log, int64_t version, struct sl_arena *arena);
// Whether the commit is there now; a listing may have missed it.
bool sl_delta_log_has(const struct sl_delta_log *log, int64_t version);
// Whether the commit is gone because a checkpoint at it or after it stands for it ("Metadata
// Cleanup").
bool sl_delta_log_is_cleaned(const struct sl_delta_log *log, int64_t version);
// Whether every commit that is needed to read `version` is there and is not empty, without reading
// any: SL_E_TABLE_LOG naming the first that is not.
SL_MUST int sl_delta_log_require(const struct sl_delta_log *log, int64_t version,
                                 struct sl_err *err);
// The actions of a commit as a JSON array. SL_E_TABLE_LOG naming the file if it is missing, empty
// or torn.
SL_MUST int sl_delta_log_read(const struct sl_delta_log *log, int64_t version, json_t **ret,
                              struct sl_err *err);
// The same from the text of a commit. SL_E_TABLE_LOG with the line.
SL_MUST int sl_delta_log_parse(const char *text, size_t length, json_t **ret, struct sl_err *err);
// The newest checkpoint not after `version`, or NULL.
const struct sl_delta_checkpoint_files *sl_delta_log_checkpoint(const struct sl_delta_log *log,
                                                                int64_t version);
// The body of the commitInfo among a commit's actions, or NULL.
const json_t *sl_delta_commit_info(const json_t *actions);
// When a version was committed: its in-commit timestamp, else the writer's, else the file's.
int64_t sl_delta_log_time_ms(const struct sl_delta_log *log, int64_t version,
                             const json_t *actions);

#endif
