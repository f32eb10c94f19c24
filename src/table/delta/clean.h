// Files in a table's folder that no version of its log has or had.
#ifndef SL_TABLE_DELTA_CLEAN_H
#define SL_TABLE_DELTA_CLEAN_H

#include "api/engine.h"

struct sl_delta_leftover {
    const char *path; // from the table's folder on
    int64_t size_bytes;
    int64_t mtime_us;
};
struct sl_delta_cleaning {
    int64_t before_us;                 // files that were not changed since
    bool (*is_ours)(const char *name); // a data file's name; NULL: any
    bool dry_run;                      // only list them
    // Out, in the arena; what was found before a failure stands in it too.
    struct sl_delta_leftover *items;
    size_t count;
};

// Finds data files that no commit and no checkpoint in the log names, and temporary files of the
// log, and removes them. Symbolic links are not followed, nor folders whose name begins with '_' or
// '.'. Refuses a table that may not be written. A folder without a log has no version.
SL_MUST int sl_delta_clean(const char *folder, struct sl_delta_cleaning *cleaning,
                           struct sl_session *session, struct sl_arena *arena, struct sl_err *err);

#endif
