// Folders of commands that build in a lake of their own and remove it at their end. As long as one
// is in use its file ".running" is locked; a folder that is kept has none. So what a killed command
// has left behind is told from both.
#ifndef SL_RUN_TEMP_H
#define SL_RUN_TEMP_H

#include "base/str.h"

struct sl_temp {
    const char *folder; // NULL: none was made
    int lock_fd;
};
#define SL_TEMP_INIT  \
    {                 \
        .lock_fd = -1 \
    }

// "<base>/sluice-<word>-<uuid>", for this user alone. `base` NULL or empty: TMPDIR, else /tmp.
SL_MUST int sl_temp_make(const char *base, const char *word, struct sl_arena *arena,
                         struct sl_temp *ret, struct sl_err *err);
// Removes it, or lets it stay. Nothing happens to one that was not made.
SL_MUST int sl_temp_end(struct sl_temp *temp, bool is_kept, struct sl_err *err);

struct sl_temp_left {
    const char *folder;
    int64_t size_bytes;
    const char *because; // it could not be removed, or not all of it; NULL: it could
};
// Those below the bases that killed commands of this user have left since before that time; removes
// them unless `dry_run`. `ret` holds those that were found, after a failure too.
SL_MUST int sl_temp_clean(const char *const *bases, size_t base_count, int64_t before_us,
                          bool dry_run, struct sl_arena *arena, struct sl_temp_left **ret,
                          size_t *ret_count, struct sl_err *err);

#endif
