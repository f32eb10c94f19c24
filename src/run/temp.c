#include "run/temp.h"

#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK ".running"
#define DEEPEST 64

int sl_temp_make(const char *base, const char *word, struct sl_arena *arena, struct sl_temp *ret,
                 struct sl_err *err)
{
    char uuid[37];
    bool is_new;
    if (sl_str_is_empty(base))
        base = getenv("TMPDIR");
    if (sl_str_is_empty(base))
        base = "/tmp";
    const char *folder = sl_arena_printf(arena, "%s/sluice-%s-%s", base, word, sl_uuid(uuid));
    SL_TRY_NEW(folder, err);
    const char *lock = sl_path_join(arena, folder, LOCK);
    SL_TRY_NEW(lock, err);
    SL_TRY(sl_fs_mkdirs(base, err));
    SL_TRY(sl_fs_mkdir(folder, &is_new, err));
    ret->folder = folder;
    if (chmod(folder, 0700) != 0) // rows are not for everyone who can see the folder
        return sl_fail_errno(err, errno, "'%s'", folder);
    return sl_fs_lock(lock, true, &ret->lock_fd, err);
}

int sl_temp_end(struct sl_temp *temp, bool is_kept, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    int code = SL_OK;
    if (temp->folder && is_kept) {
        const char *lock = sl_path_join(&arena, temp->folder, LOCK);
        code = lock ? sl_fs_remove(lock, err) : sl_fail_memory(err);
    } else if (temp->folder) {
        code = sl_fs_remove_tree(temp->folder, err);
    }
    sl_fd_close(&temp->lock_fd);
    return code;
}

// --- What killed commands have left

static bool is_named(const char *name)
{
    static const char *const words[] = {"sluice-test-", "sluice-verify-", "sluice-crashtest-"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sl_str_starts(name, words[i]))
            return true;
    return false;
}

// Ours, not kept, and nobody's any more: then the lock is held by the caller.
static bool is_left(const char *folder, const char *lock, int64_t before_us, int *ret_lock_fd)
{
    struct sl_err ignored = {0};
    struct stat st;
    if (lstat(folder, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return false;
    if (lstat(lock, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (int64_t)st.st_mtim.tv_sec * 1000000 >= before_us)
        return false;
    return sl_fs_lock(lock, false, ret_lock_fd, &ignored) == SL_OK;
}

static void add_sizes(const char *folder, int depth, struct sl_arena *arena, int64_t *sum)
{
    struct sl_strs names = {0};
    struct sl_err ignored = {0};
    if (depth == DEEPEST || sl_fs_list(folder, arena, &names, &ignored) != SL_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_path_join(arena, folder, names.items[i]);
        struct stat st;
        if (!path || lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            add_sizes(path, depth + 1, arena, sum);
        else
            *sum += st.st_size;
    }
}

// Without its lock what is left of it would look like one that is kept.
static int remove_left(struct sl_temp_left *left, const char *lock, struct sl_arena *arena,
                       struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    struct sl_err trouble = {0}, ignored = {0};
    int code = sl_fs_remove_tree(left->folder, &trouble);
    if (code == SL_OK)
        return SL_OK;
    if (sl_fs_lock(lock, false, &lock_fd, &ignored) != SL_OK)
        lock_fd = -1; // then it is for its owner to remove
    if (code == SL_E_MEMORY || code == SL_E_INTERRUPTED) {
        *err = trouble;
        return code;
    }
    left->because = sl_arena_strdup(arena, trouble.message);
    return left->because ? SL_OK : sl_fail_memory(err);
}

int sl_temp_clean(const char *const *bases, size_t base_count, int64_t before_us, bool dry_run,
                  struct sl_arena *arena, struct sl_temp_left **ret, size_t *ret_count,
                  struct sl_err *err)
{
    struct sl_err unreadable = {0};
    *ret = NULL;
    *ret_count = 0;
    for (size_t b = 0; b < base_count; b++) {
        struct sl_strs names = {0};
        if (sl_str_is_empty(bases[b]) || sl_fs_list(bases[b], arena, &names, &unreadable) != SL_OK)
            continue;
        for (size_t i = 0; i < names.count; i++) {
            SL_AUTO(sl_fd_close) int lock_fd = -1;
            struct sl_temp_left left = {0};
            if (!is_named(names.items[i]))
                continue;
            left.folder = sl_path_join(arena, bases[b], names.items[i]);
            SL_TRY_NEW(left.folder, err);
            const char *lock = sl_path_join(arena, left.folder, LOCK);
            SL_TRY_NEW(lock, err);
            if (!is_left(left.folder, lock, before_us, &lock_fd))
                continue;
            add_sizes(left.folder, 0, arena, &left.size_bytes);
            if (!dry_run)
                SL_TRY(remove_left(&left, lock, arena, err));
            if (!SL_PUSH(arena, *ret, *ret_count, left))
                return sl_fail_memory(err);
        }
    }
    return SL_OK;
}
