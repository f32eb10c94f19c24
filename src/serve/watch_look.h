// Inside serve: one look at what a trigger is about. Any thread: it knows nothing but its struct.
#ifndef SL_SERVE_WATCH_LOOK_H
#define SL_SERVE_WATCH_LOOK_H

#include "base/fs.h"

#define SL_LOOK_FOLDERS_MAX 10000 // that are watched for one trigger

struct sl_look_folder {
    const char *path;
    uint64_t device, inode; // of what was there under this path
};

struct sl_look {
    // What is looked for: globs of files; or NULL, and a table's folder.
    const struct sl_strs *paths;
    const char *table_folder;
    // What was found. In the arena, which the caller has made.
    struct sl_arena arena;
    int64_t fingerprint;            // never 0
    struct sl_look_folder *folders; // where files can appear; of missing ones what lies above them
    size_t folder_count;
    bool is_cut; // there are more of them
    struct sl_err err;
};

// SL_OK, or the code in look->err: then nothing is known.
int sl_look_do(struct sl_look *look);

#endif
