// Drafts a source file and a contract from data files.
#ifndef SL_CLI_DRAFT_H
#define SL_CLI_DRAFT_H

#include "cli/cli.h"
#include "cli/group.h"

struct sl_draft {
    struct sl_arena *arena;
    struct sl_session *session;
    const struct sl_file_group *group; // paths relative to the working folder
    const char *folder;                // of the project; exists
    const char *found;                 // result: how the files are written, for people
};
SL_MUST int sl_draft_make(struct sl_draft *draft, struct sl_buf *source, struct sl_buf *contract,
                          struct sl_err *err);
// "properties: [...]" or "items: {...}" of a column of the engine's type; nothing where it has
// none, or a contract cannot say all that is inside.
SL_MUST int sl_draft_nested(const char *type, struct sl_arena *arena, struct sl_buf *text,
                            struct sl_err *err);

#endif
