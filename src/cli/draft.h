// Drafts a source file and a contract from data files.
#ifndef SL_CLI_DRAFT_H
#define SL_CLI_DRAFT_H

#include "cli/cli.h"

struct sl_draft {
    struct sl_arena *arena;
    struct sl_session *session;
    const char *pattern; // file or glob, relative to the working folder
    const char *folder;  // of the project; exists
    const char *name;    // result: of source and contract
    const char *found;   // result: how the file is written, for people
};
SL_MUST int sl_draft_make(struct sl_draft *draft, struct sl_buf *source, struct sl_buf *contract,
                          struct sl_err *err);

#endif
