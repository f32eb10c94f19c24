// Durable operations. Order matters throughout: a file's bytes are synced before a name leads to
// them, and the folder is synced after the name changed.
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// The fault build writes in small pieces, so that a kill leaves half a file behind.
#ifdef SL_FAULT
#define WRITE_BYTES ((size_t)1024)
#else
#define WRITE_BYTES ((size_t)1 << 30)
#endif
#define DEEPEST 200
// For names of temporary files: leftovers of a process that had this one's id.
#define MOST_LEFTOVERS 10000

void sl_fd_close(int *fd)
{
    if (fd && *fd >= 0)
        close(*fd);
    if (fd)
        *fd = -1;
}

static int open_again(const char *path, int flags)
{
    int fd;

    do
        fd = open(path, flags | O_CLOEXEC, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static int write_all(int fd, const char *path, const char *bytes, size_t length, struct sl_err *err)
{
    while (length > 0) {
        ssize_t count;

        SL_TRY(sl_fault_point("write", err));
        count = write(fd, bytes, length < WRITE_BYTES ? length : WRITE_BYTES);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return sl_fail_errno(err, errno, "cannot write '%s'", path);
        bytes += count;
        length -= (size_t)count;
    }
    return SL_OK;
}

static int sync_fd(int fd, const char *path, struct sl_err *err)
{
    SL_TRY(sl_fault_point("fsync", err));
    while (fsync(fd) != 0) {
        if (errno == EINTR)
            continue;
        return sl_fail_errno(err, errno, "cannot sync '%s'", path);
    }
    return SL_OK;
}

static int sync_path(const char *path, int flags, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int fd = open_again(path, O_RDONLY | flags);

    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot open '%s'", path);
    return sync_fd(fd, path, err);
}

int sl_fs_sync_file(const char *path, struct sl_err *err)
{
    return sync_path(path, 0, err);
}

int sl_fs_sync_folder(const char *path, struct sl_err *err)
{
    return sync_path(path, O_DIRECTORY, err);
}

static int sync_folder_of(const char *path, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *folder = sl_path_folder(&arena, path);

    SL_TRY_NEW(folder, err);
    return sl_fs_sync_folder(folder, err);
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int sl_fs_mkdir(const char *path, bool *ret_is_new, struct sl_err *err)
{
    int errnum;

    *ret_is_new = false;
    if (is_folder(path))
        return SL_OK;
    SL_TRY(sl_fault_point("mkdir", err));
    *ret_is_new = mkdir(path, 0777) == 0;
    errnum = errno;
    // The parent is synced, or a table in the folder could be lost with it.
    if (*ret_is_new)
        return sync_folder_of(path, err);
    // Another process may have been faster.
    if (errnum == EEXIST && is_folder(path))
        return SL_OK;
    return sl_fail_errno(err, errnum, "cannot make folder '%s'", path);
}

// Length of the part before the last '/' of path[0..length), and before those next to it; 0 if
// there is none but the root.
static size_t parent_length(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 0 && path[length - 1] == '/')
        length--;
    return length;
}

int sl_fs_mkdirs(const char *path, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char *prefix = sl_arena_strdup(&arena, path);
    size_t whole = strlen(path);
    size_t length;
    bool is_new;

    SL_TRY_NEW(prefix, err);
    while (whole > 1 && prefix[whole - 1] == '/')
        prefix[--whole] = '\0';
    if (whole == 0)
        return sl_fs_mkdir(prefix, &is_new, err);
    // Upwards to what is there, then down again: most often all is there.
    for (length = whole; length > 0 && !is_folder(prefix);) {
        length = parent_length(prefix, length);
        prefix[length] = '\0';
    }
    while (length < whole) {
        prefix[length] = path[length];
        length = strlen(prefix);
        SL_TRY(sl_fs_mkdir(prefix, &is_new, err));
    }
    return SL_OK;
}

// A new file ".tmp-<pid>-<n>" beside `path`: hidden from globs and from readers of tables, and told
// from a live one by its pid.
static int open_temporary(const char *path, struct sl_arena *arena, char **ret_path, int *ret_fd,
                          struct sl_err *err)
{
    static atomic_uint counter;
    const char *folder = sl_path_folder(arena, path);

    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fault_point("create", err));
    for (int i = 0; i < MOST_LEFTOVERS; i++) {
        char *temporary = sl_arena_printf(arena, "%s/.tmp-%ld-%u", folder, (long)getpid(),
                                          atomic_fetch_add(&counter, 1));
        int fd;

        SL_TRY_NEW(temporary, err);
        fd = open_again(temporary, O_WRONLY | O_CREAT | O_EXCL);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return sl_fail_errno(err, errno, "cannot create '%s'", path);
        *ret_path = temporary;
        *ret_fd = fd;
        return SL_OK;
    }
    return sl_fail(err, SL_E_FILE_EXISTS, "too many temporary files in '%s'", folder);
}

static void remove_temporary(char **path)
{
    if (*path)
        unlink(*path);
}

static int write_synced(int fd, const char *path, const char *bytes, size_t length,
                        struct sl_err *err)
{
    SL_TRY(write_all(fd, path, bytes, length, err));
    return sync_fd(fd, path, err);
}

int sl_fs_write(const char *path, const char *bytes, size_t length, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(remove_temporary) char *temporary = NULL;
    SL_AUTO(sl_fd_close) int fd = -1;

    SL_TRY(open_temporary(path, &arena, &temporary, &fd, err));
    SL_TRY(write_synced(fd, path, bytes, length, err));
    SL_TRY(sl_fs_rename(temporary, path, err));
    temporary = NULL;
    return sync_folder_of(path, err);
}

int sl_fs_create(const char *path, const char *bytes, size_t length, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(remove_temporary) char *temporary = NULL;
    SL_AUTO(sl_fd_close) int fd = -1;

    SL_TRY(open_temporary(path, &arena, &temporary, &fd, err));
    SL_TRY(write_synced(fd, path, bytes, length, err));
    // link() refuses to replace: of two writers one wins, the other sees EEXIST.
    SL_TRY(sl_fs_link(temporary, path, err));
    // From here on the file exists for everyone: a temporary name that stays behind is no reason to
    // fail.
    remove_temporary(&temporary);
    temporary = NULL;
    return sync_folder_of(path, err);
}

int sl_fs_rename(const char *from, const char *to, struct sl_err *err)
{
    SL_TRY(sl_fault_point("rename", err));
    if (rename(from, to) != 0)
        return sl_fail_errno(err, errno, "cannot rename '%s' to '%s'", from, to);
    return SL_OK;
}

int sl_fs_exchange(const char *a, const char *b, struct sl_err *err)
{
    SL_TRY(sl_fault_point("rename", err));
    if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) != 0)
        return sl_fail_errno(err, errno, "cannot exchange '%s' and '%s'", a, b);
    return SL_OK;
}

int sl_fs_link(const char *from, const char *to, struct sl_err *err)
{
    SL_TRY(sl_fault_point("link", err));
    if (link(from, to) != 0)
        return sl_fail_errno(err, errno, "cannot create '%s'", to);
    return SL_OK;
}

int sl_fs_remove(const char *path, struct sl_err *err)
{
    SL_TRY(sl_fault_point("remove", err));
    if (unlink(path) != 0 && errno != ENOENT)
        return sl_fail_errno(err, errno, "cannot remove '%s'", path);
    return SL_OK;
}

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

static int remove_at(int parent, const char *name, int depth, struct sl_err *err);

// Through open folders, never by path: a link put in the way cannot lead elsewhere.
static int remove_entries(int parent, const char *name, int depth, struct sl_err *err)
{
    SL_AUTO(sl_fd_close)
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    SL_AUTO(close_folder) DIR *folder = NULL;
    const struct dirent *entry;

    if (fd < 0)
        return errno == ENOENT ? SL_OK : sl_fail_errno(err, errno, "cannot open '%s'", name);
    if (depth > DEEPEST)
        return sl_fail(err, SL_E_LIMIT, "more than %d folders below each other in '%s'", DEEPEST,
                       name);
    folder = fdopendir(fd);
    if (!folder)
        return sl_fail_errno(err, errno, "cannot list '%s'", name);
    fd = -1; // now the stream's
    for (errno = 0; (entry = readdir(folder)); errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            SL_TRY(remove_at(dirfd(folder), entry->d_name, depth + 1, err));
    return errno == 0 ? SL_OK : sl_fail_errno(err, errno, "cannot list '%s'", name);
}

static int remove_at(int parent, const char *name, int depth, struct sl_err *err)
{
    struct stat st;
    bool is_folder;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? SL_OK
                   : sl_fail_errno(err, errno, "cannot find '%s'", name);
    is_folder = S_ISDIR(st.st_mode);
    if (is_folder)
        SL_TRY(remove_entries(parent, name, depth, err));
    SL_TRY(sl_fault_point("remove", err));
    if (unlinkat(parent, name, is_folder ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT)
        return sl_fail_errno(err, errno, "cannot remove '%s'", name);
    return SL_OK;
}

void sl_fs_remove_folder(const char *path)
{
    (void)rmdir(path);
}

int sl_fs_remove_tree(const char *path, struct sl_err *err)
{
    int code = remove_at(AT_FDCWD, path, 0, err);

    return code == SL_OK ? SL_OK : sl_err_context(err, "remove '%s'", path);
}

// Whether the path still leads to the file that was locked; its holder may have removed it
// meanwhile.
static bool is_same_file(int fd, const char *path)
{
    struct stat opened;
    struct stat named;

    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

int sl_fs_lock(const char *path, bool wait, int *ret_fd, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int fd = -1;

    do {
        sl_fd_close(&fd);
        fd = open_again(path, O_RDWR | O_CREAT);
        if (fd < 0)
            return sl_fail_errno(err, errno, "cannot open the lock '%s'", path);
        while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
            if (errno == EWOULDBLOCK)
                return sl_fail(err, SL_E_LOCKED, "'%s' is locked by another process", path);
            if (errno != EINTR)
                return sl_fail_errno(err, errno, "cannot lock '%s'", path);
        }
    } while (!is_same_file(fd, path));
    *ret_fd = fd;
    fd = -1;
    return SL_OK;
}
