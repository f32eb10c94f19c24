// What killed commands have left behind: data files that were staged and are named by no version of
// their table, and folders of tests.
#ifndef SL_RUN_CLEAN_H
#define SL_RUN_CLEAN_H

#include "run/temp.h"
#include "run/world.h"

struct sl_clean_options {
    int64_t older_than_s; // only what was not changed for so long
    bool dry_run;
};
struct sl_cleaned {
    const char *table; // "raw.orders"
    const char *path;  // from the lake on
    int64_t size_bytes, mtime_us;
};
struct sl_clean_skipped {
    const char *table; // or the layer, or the folder that a command has left
    const char *because;
};
struct sl_clean_report {
    struct sl_cleaned *files; // of a table together
    size_t file_count;
    struct sl_temp_left *folders;
    size_t folder_count;
    struct sl_clean_skipped *skipped;
    size_t skipped_count;
};
// Over the tables of this environment's own lake, of the project or not. Tables of other programs
// are skipped, and so are those whose log cannot be read. SL_E_LOCKED if a run works on the project
// (not for a dry run). What cannot be removed is skipped, too. Lives in the world's arena; after a
// failure `ret` says what was done until then.
SL_MUST int sl_world_clean(struct sl_world *world, const struct sl_clean_options *options,
                           struct sl_clean_report *ret, struct sl_err *err);

#endif
