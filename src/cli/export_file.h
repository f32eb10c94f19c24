// Rows of a query as a file of the user's: what is said of its name, and how it is written.
#ifndef SL_CLI_EXPORT_FILE_H
#define SL_CLI_EXPORT_FILE_H

#include "api/engine.h"

// SL_E_USAGE unless it ends in .csv, .jsonl or .parquet; SL_E_FILE_EXISTS if it is there and not to
// be written over. `flag` is the option that named it: "--to".
SL_MUST int sl_export_check(const char *flag, const char *path, bool may_replace,
                            struct sl_err *err);
// The file is there whole or not at all. `path` has passed sl_export_check(); ret_rows: how many,
// or NULL.
SL_MUST int sl_export_write(struct sl_session *session, const char *query, const char *path,
                            int64_t *ret_rows, struct sl_err *err);

// Its rows as lines of JSON on standard output.
SL_MUST int sl_export_print(struct sl_session *session, const char *query, struct sl_err *err);

#endif
