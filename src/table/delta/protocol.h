// Which tables may be read and written here ("Table Features", "Protocol Evolution"). Pure.
//
// A feature that is only declared but not in use is respected by doing nothing; one in use that
// Sluice does not implement is SL_E_TABLE_FEATURE, naming it.
#ifndef SL_TABLE_DELTA_PROTOCOL_H
#define SL_TABLE_DELTA_PROTOCOL_H

#include "base/buf.h"
#include "base/json.h"

// Bodies of the protocol and metaData actions in force.
SL_MUST int sl_delta_protocol_read_check(const json_t *protocol, const json_t *metadata,
                                         struct sl_err *err);
// What a commit is about to do.
struct sl_delta_intent {
    bool removes_rows; // anything but adding files
    bool changes_rows; // rewrites rows that stay: change data feeds would have to tell
};
SL_MUST int sl_delta_protocol_write_check(const json_t *protocol, const json_t *metadata,
                                          const struct sl_delta_intent *intent, struct sl_err *err);
// Appends the protocol action that a table needs, or nothing if `protocol` (NULL: new table) does
// already.
SL_MUST int sl_delta_protocol_print(const json_t *protocol, bool needs_ntz, struct sl_buf *line,
                                    struct sl_err *err);
// A text of the table's configuration, or NULL.
const char *sl_delta_setting(const json_t *metadata, const char *key);

#endif
