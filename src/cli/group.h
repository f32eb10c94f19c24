// Which data files are one source: those that a single source declaration can read.
#ifndef SL_CLI_GROUP_H
#define SL_CLI_GROUP_H

#include "cli/look.h"

struct sl_file_group {
    const char *name;                 // usable as that of a source, and no other group's
    struct sl_strs paths;             // globs, or files with their special characters escaped
    struct sl_source_options options; // that read them all; paths unset
    const char *format;               // of the files: "csv", ...
    const char *remark;               // why names of the header were changed, or NULL
    const struct sl_look **files;
    size_t file_count;
    struct sl_column *columns; // of all files, each with the type that holds theirs
    size_t *file_counts;       // how many files have it
    size_t column_count;
};
// All that was found under the globs so far.
struct sl_grouping {
    struct sl_session *session;
    struct sl_arena *arena;
    struct sl_file_group *groups;
    size_t group_count;
    const struct sl_look **skipped; // files with a problem
    size_t skipped_count;
};

// Adds the files that a glob, a file's path, or a folder stands for (of a folder, those whose name
// tells their format). Files that were found before are left out. SL_E_FILE_MISSING if there is
// none.
SL_MUST int sl_group_files(struct sl_grouping *grouping, const char *pattern, struct sl_err *err);

#endif
