// Damaged and missing files of a lake, named by the table that has them.
#ifndef SL_RUN_DAMAGED_H
#define SL_RUN_DAMAGED_H

#include "spec/project.h"

#define SL_MOST_LAKES 3

// The project's own, and those whose tables it reads; any may be NULL.
struct sl_lakes {
    const char *folders[SL_MOST_LAKES];
};

// SL_E_FILE_MISSING of a data file of a table becomes SL_E_TABLE_FILE, which names the table. A log
// that cannot be read (SL_E_TABLE_LOG) and a damaged data file get a hint at what helps there; a
// partition value that is too long for a folder's name is named (SL_E_LIMIT); a full disk and a
// missing permission get a hint. Every other error stays. Returns err's code.
int sl_lakes_explain(const struct sl_lakes *lakes, struct sl_err *err);
int sl_lake_explain(const struct sl_project *project, struct sl_err *err);
// What helps against a missing or damaged data file of a table; returns err's code.
int sl_missing_hint(struct sl_err *err, const char *table);

#endif
