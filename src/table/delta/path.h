// Paths in the log are URIs (RFC 2396), percent-encoded ("Add File and Remove File").
#ifndef SL_TABLE_DELTA_PATH_H
#define SL_TABLE_DELTA_PATH_H

#include "base/buf.h"
#include "base/str.h"

// Appends a relative path as it stands in the log.
void sl_delta_path_encode(struct sl_buf *buf, const char *path);
// The file that an action names: relative to the table's folder, or absolute ("file:" is taken off,
// other schemes stay). SL_E_TABLE_LOG for an escape that is none.
SL_MUST int sl_delta_path_decode(const char *uri, struct sl_arena *arena, const char **ret,
                                 struct sl_err *err);
// True for "/x" and "s3://x": nothing to be joined to a folder.
bool sl_delta_path_is_absolute(const char *path);

#endif
