#include "connect/folder/leftovers.h"

#include "base/fs.h"

#include <ctype.h>
#include <string.h>

#define INFIX ".new-"
#define UUID_LENGTH 36

static bool is_uuid(const char *text)
{
    size_t length = 0;
    for (; text[length]; length++)
        if (!isxdigit((unsigned char)text[length]) && text[length] != '-')
            return false;
    return length == UUID_LENGTH;
}

// `to` of ".<to>.new-<uuid>"; NULL if it is another name. A `to` may hold ".new-" itself.
static const char *delivery_of(const char *name, struct sl_arena *arena, struct sl_err *err)
{
    size_t length = strlen(name), tail = strlen(INFIX) + UUID_LENGTH;
    const char *rest = length > tail + 1 ? name + length - tail : "";
    if (name[0] != '.' || !sl_str_starts(rest, INFIX) || !is_uuid(rest + strlen(INFIX)))
        return NULL;
    const char *to = sl_arena_strndup(arena, name + 1, length - tail - 1);
    if (!to)
        (void)sl_fail_memory(err);
    return to;
}

// The lock tells a killed delivery from one that is at work.
static void remove_of_other(const char *path, const char *folder, const char *to,
                            struct sl_arena *arena)
{
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    struct sl_err ignored = {0};
    const char *lock = sl_arena_printf(arena, "%s/.%s.lock", path, to);
    if (lock && sl_fs_exists(lock) && sl_fs_lock(lock, false, &lock_fd, &ignored) == SL_OK)
        (void)!sl_fs_remove_tree(folder, &ignored);
}

int sl_folder_remove_leftovers(const char *path, const char *to, struct sl_arena *arena,
                               struct sl_err *err)
{
    struct sl_strs names = {0};
    SL_TRY(sl_fs_list(path, arena, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        struct sl_err failure = {0};
        const char *of = delivery_of(names.items[i], arena, &failure);
        if (failure.code != SL_OK)
            return sl_fail_memory(err);
        if (!of)
            continue;
        const char *folder = sl_path_join(arena, path, names.items[i]);
        SL_TRY_NEW(folder, err);
        if (!sl_str_equal(of, to))
            remove_of_other(path, folder, of, arena);
        else
            SL_TRY(sl_fs_remove_tree(folder, err));
    }
    return SL_OK;
}
