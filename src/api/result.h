// Inside engines: how a result is filled. Cells come row by row, from left to right.
#ifndef SL_API_RESULT_H
#define SL_API_RESULT_H

#include "api/engine.h"

struct sl_result {
    struct sl_arena arena; // everything below
    struct sl_column *columns;
    size_t column_count;
    const char **cells; // row after row; NULL: SQL null
    size_t cell_count;
};

// An empty result. limit_bytes 0: as much as the machine has. All columns must be added before the
// first cell.
SL_MUST int sl_result_new(size_t limit_bytes, struct sl_result **ret, struct sl_err *err);
SL_MUST int sl_result_add_column(struct sl_result *result, const char *name, const char *type,
                                 struct sl_err *err);
// Adds the next cell, a copy of the text; NULL is SQL null.
SL_MUST int sl_result_add_cell(struct sl_result *result, const char *text, size_t length,
                               struct sl_err *err);

#endif
