// Drafts a source file and a contract from data files.
#ifndef SL_CLI_DRAFT_H
#define SL_CLI_DRAFT_H

#include "cli/cli.h"

struct sl_draft {
    struct sl_arena *arena;
    struct sl_session *session;
    struct sl_strs paths; // files or globs, relative to the working folder
    const char *folder;   // of the project; exists
    const char *name;     // of source and contract
    const char *found;    // result: how the file is written, for people
};
// The files of one glob that belong together.
struct sl_file_group {
    struct sl_strs paths; // the glob itself, or a narrower one, or the files
    const char *name;     // what their names have in common, usable as that of a source
};
// One group for each shape of the files that `pattern` matches (group.c). SL_E_FILE_MISSING if it
// matches none.
SL_MUST int sl_group_files(struct sl_session *session, const char *pattern, struct sl_arena *arena,
                           struct sl_file_group **ret, size_t *ret_count, struct sl_err *err);
SL_MUST int sl_draft_make(struct sl_draft *draft, struct sl_buf *source, struct sl_buf *contract,
                          struct sl_err *err);

#endif
