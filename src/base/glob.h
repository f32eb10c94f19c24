// What a glob finds besides files.
#ifndef SL_BASE_GLOB_H
#define SL_BASE_GLOB_H

#include "base/arena.h"
#include "base/str.h"

enum sl_glob_odd_kind {
    SL_GLOB_FOLDER,
    SL_GLOB_FIFO,
    SL_GLOB_SOCKET,
    SL_GLOB_DEVICE,
    SL_GLOB_LOST
};
const char *
sl_glob_odd_text(enum sl_glob_odd_kind kind); // "is a folder", "is a link that leads nowhere"

struct sl_glob_odd {
    const char *path;
    enum sl_glob_odd_kind kind;
};
struct sl_glob_found {
    struct sl_strs files; // as sl_fs_glob
    // In the order in which they were met; a path may be there twice. Not the folders that "**" at
    // the end of a pattern goes into.
    struct sl_glob_odd *odd;
    size_t odd_count;
};
// Nothing is opened.
SL_MUST int sl_glob_find(const char *pattern, struct sl_arena *arena, struct sl_glob_found *ret,
                         struct sl_err *err);

#endif
