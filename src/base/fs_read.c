// What reads the disk and changes nothing.
#include "base/buf.h"
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)65536)

static int open_to_read(const char *path, int *ret_fd, struct sl_err *err)
{
    int fd;

    do
        fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot open '%s'", path);
    *ret_fd = fd;
    return SL_OK;
}

static ssize_t read_chunk(int fd, char *bytes)
{
    ssize_t count;

    do
        count = read(fd, bytes, CHUNK_BYTES);
    while (count < 0 && errno == EINTR);
    return count;
}

int sl_fs_stat(const char *path, struct sl_fs_stat *ret, struct sl_err *err)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        int errnum = errno == ENOTDIR ? ENOENT : errno;

        return sl_fail_errno(err, errnum, "cannot find '%s'", path);
    }
    *ret = (struct sl_fs_stat){
        .size_bytes = st.st_size,
        .mtime_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000,
        .is_folder = S_ISDIR(st.st_mode),
        .device = st.st_dev,
        .inode = st.st_ino,
        .link_count = st.st_nlink,
    };
    return SL_OK;
}

bool sl_fs_exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

bool sl_fs_is_link(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

// The size that stat gives is not trusted: files grow, and those of /proc have none.
static int read_all(int fd, const char *path, size_t max_bytes, struct sl_buf *buf,
                    struct sl_err *err)
{
    char *chunk = malloc(CHUNK_BYTES);
    ssize_t count = 0;

    SL_TRY_NEW(chunk, err);
    while (buf->length <= max_bytes && !buf->has_failed && (count = read_chunk(fd, chunk)) > 0)
        sl_buf_add_bytes(buf, chunk, (size_t)count);
    free(chunk);
    if (count < 0)
        return sl_fail_errno(err, errno, "cannot read '%s'", path);
    if (buf->length > max_bytes)
        return sl_fail(err, SL_E_FILE_TOO_LARGE, "'%s' is larger than %zu bytes", path, max_bytes);
    return sl_buf_check(buf, err);
}

int sl_fs_read(const char *path, size_t max_bytes, struct sl_arena *arena, const char **ret_text,
               size_t *ret_length, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int fd = -1;
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    const char *text;

    buf.max_bytes = max_bytes < SIZE_MAX - CHUNK_BYTES ? max_bytes + CHUNK_BYTES : max_bytes;
    SL_TRY(open_to_read(path, &fd, err));
    SL_TRY(read_all(fd, path, max_bytes, &buf, err));
    text = sl_arena_strndup(arena, buf.text, buf.length);
    SL_TRY_NEW(text, err);
    *ret_text = text;
    *ret_length = buf.length;
    return SL_OK;
}

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

int sl_fs_list(const char *path, struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    SL_AUTO(close_folder) DIR *folder = opendir(path);
    struct sl_strs names = {0};
    const struct dirent *entry;

    if (!folder && errno != ENOENT)
        return sl_fail_errno(err, errno, "cannot list '%s'", path);
    while (folder) {
        errno = 0;
        entry = readdir(folder);
        if (!entry && errno != 0)
            return sl_fail_errno(err, errno, "cannot list '%s'", path);
        if (!entry)
            break;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            SL_TRY(sl_strs_add(&names, arena, entry->d_name, err));
    }
    sl_strs_sort(&names);
    *ret = names;
    return SL_OK;
}

static void free_digest(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

// Plain bytes, without the frames of sl_hash, so that other tools give the same sum.
static int digest_file(int fd, const char *path, EVP_MD_CTX *context, struct sl_err *err)
{
    char *chunk = malloc(CHUNK_BYTES);
    ssize_t count;
    bool is_ok = true;

    SL_TRY_NEW(chunk, err);
    while (is_ok && (count = read_chunk(fd, chunk)) != 0)
        is_ok = count > 0 && EVP_DigestUpdate(context, chunk, (size_t)count) == 1;
    free(chunk);
    return is_ok ? SL_OK : sl_fail_errno(err, errno, "cannot read '%s'", path);
}

int sl_fs_hash(const char *path, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int fd = -1;
    SL_AUTO(free_digest) EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        return sl_fail_memory(err);
    SL_TRY(open_to_read(path, &fd, err));
    SL_TRY(digest_file(fd, path, context, err));
    if (EVP_DigestFinal_ex(context, digest, &length) != 1)
        return sl_fail(err, SL_E_INTERNAL, "cannot hash '%s'", path);
    for (unsigned i = 0; i < length; i++)
        snprintf(ret_hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    return SL_OK;
}

static ssize_t read_at(int fd, char *bytes, size_t length, int64_t offset)
{
    ssize_t count;

    do
        count = pread(fd, bytes, length, (off_t)offset);
    while (count < 0 && errno == EINTR);
    return count;
}

// Fills the chunk, unless the file ends before.
static int fill_chunk(int fd, const struct sl_fs_range *range, int64_t skipped, size_t length,
                      char *chunk, size_t *ret, struct sl_err *err)
{
    size_t filled = 0;

    while (filled < length) {
        ssize_t count =
            read_at(fd, chunk + filled, length - filled, range->offset + skipped + (int64_t)filled);
        if (count < 0)
            return sl_fail_errno(err, errno, "cannot read '%s'", range->path);
        if (count == 0)
            break;
        filled += (size_t)count;
    }
    *ret = filled;
    return SL_OK;
}

static int compare_chunks(const int fds[2], const struct sl_fs_range *const ranges[2],
                          int64_t length, char *chunks, bool *ret, struct sl_err *err)
{
    *ret = true;
    for (int64_t at = 0; at < length && *ret; at += (int64_t)CHUNK_BYTES) {
        size_t wanted = length - at < (int64_t)CHUNK_BYTES ? (size_t)(length - at) : CHUNK_BYTES;
        size_t counts[2];
        for (int i = 0; i < 2; i++)
            SL_TRY(fill_chunk(fds[i], ranges[i], at, wanted, chunks + CHUNK_BYTES * (size_t)i,
                              &counts[i], err));
        *ret = counts[0] == wanted && counts[1] == wanted &&
               memcmp(chunks, chunks + CHUNK_BYTES, wanted) == 0;
    }
    return SL_OK;
}

int sl_fs_same_bytes(const struct sl_fs_range *a, const struct sl_fs_range *b, int64_t length,
                     bool *ret, struct sl_err *err)
{
    const struct sl_fs_range *const ranges[] = {a, b};
    SL_AUTO(sl_fd_close) int first = -1;
    SL_AUTO(sl_fd_close) int second = -1;
    char *chunks;

    SL_TRY(open_to_read(a->path, &first, err));
    SL_TRY(open_to_read(b->path, &second, err));
    chunks = malloc(2 * CHUNK_BYTES);
    SL_TRY_NEW(chunks, err);
    int code = compare_chunks((const int[]){first, second}, ranges, length, chunks, ret, err);
    free(chunks);
    return code;
}
