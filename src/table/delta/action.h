// Actions: the lines of a commit ("Actions"). Reading checks what replay relies on and ignores what
// it does not know, as the protocol asks ("Protocol Evolution"); writing makes one line each.
#ifndef SL_TABLE_DELTA_ACTION_H
#define SL_TABLE_DELTA_ACTION_H

#include "base/buf.h"
#include "base/json.h"

enum sl_delta_kind {
    SL_DELTA_OTHER, // cdc, and what later versions of the protocol add
    SL_DELTA_COMMIT_INFO,
    SL_DELTA_PROTOCOL,
    SL_DELTA_METADATA,
    SL_DELTA_ADD,
    SL_DELTA_REMOVE,
    SL_DELTA_TXN,
    SL_DELTA_DOMAIN,
};

// Which action an object is, and its body (borrowed). SL_E_TABLE_LOG if it is no object or lacks
// what its kind requires.
SL_MUST int sl_delta_action_read(const json_t *action, enum sl_delta_kind *ret_kind,
                                 json_t **ret_body, struct sl_err *err);

// A text of a map (partitionValues, configuration, tags) or NULL.
const char *sl_delta_map_text(const json_t *body, const char *map, const char *key);

// The text of any JSON value, in the arena.
SL_MUST int sl_delta_json_copy(const json_t *json, struct sl_arena *arena, const char **ret,
                               struct sl_err *err);

// Writing: appends one line, without the line's end. What is JSON in the parameters is taken over
// as it is.
struct sl_delta_commit_note {
    int64_t timestamp_ms;
    const char *operation;
    const char *mode;              // "Append", "Overwrite"
    const char *partition_by_json; // ["a","b"]
    int64_t read_version;          // -1: nothing was read
    bool is_blind_append;
    int64_t file_count, row_count, size_bytes, removed_count;
    const char *record_json; // may be NULL
};
void sl_delta_print_commit_info(struct sl_buf *line, const struct sl_delta_commit_note *note);
void sl_delta_print_txn(struct sl_buf *line, const char *app_id, int64_t version, int64_t now_ms);
// The remove action that takes a live file out; `add` is the body of its add action.
SL_MUST int sl_delta_print_remove(struct sl_buf *line, const json_t *add, bool is_data_change,
                                  int64_t now_ms, struct sl_err *err);
// "key":value of any JSON value.
SL_MUST int sl_delta_print_member(struct sl_buf *line, const char *key, const json_t *value,
                                  struct sl_err *err);

#endif
