#include "observe/spool.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FOLDER "telemetry"
#define MOST_BYTES ((int64_t)64 << 20)
#define MOST_FILE_BYTES ((size_t)128 << 20)
// Of a run without room: its beginning and end are told all the same.
#define ROOM_FOR_ENDS 16384
#define SUFFIX ".jsonl"

struct sl_spool {
    int fd;
    int64_t room_bytes;
    int64_t left_out;
};

// --- writing

static int64_t bytes_in(const char *folder)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err ignored = {0};
    struct sl_strs names;
    struct sl_fs_stat stat;
    int64_t sum = 0;
    sl_arena_init(&arena, 0);
    if (sl_fs_list(folder, &arena, &names, &ignored) != SL_OK)
        return 0;
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_path_join(&arena, folder, names.items[i]);
        if (path && sl_fs_stat(path, &stat, &ignored) == SL_OK)
            sum += stat.size_bytes;
    }
    return sum;
}

static int fail(struct sl_err *err, int errnum, const char *path)
{
    (void)sl_fail(err, SL_E_OBSERVE_SPOOL, "'%s' cannot be written: %s", path, strerror(errnum));
    return err->code;
}

int sl_spool_open(const char *state_folder, const char *run_id, struct sl_spool **ret,
                  struct sl_err *err)
{
    SL_AUTO(sl_spool_close) struct sl_spool *spool = NULL;
    char folder[4096], path[4352];
    struct sl_err trouble = {0};
    (void)snprintf(folder, sizeof folder, "%s/" FOLDER, state_folder);
    (void)snprintf(path, sizeof path, "%s/%s" SUFFIX, folder, run_id);
    if (sl_fs_mkdirs(folder, &trouble) != SL_OK)
        return sl_fail(err, SL_E_OBSERVE_SPOOL, "%s", trouble.message);
    spool = calloc(1, sizeof *spool);
    SL_TRY_NEW(spool, err);
    spool->room_bytes = MOST_BYTES - bytes_in(folder);
    spool->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (spool->fd < 0)
        return fail(err, errno, path);
    if (flock(spool->fd, LOCK_EX | LOCK_NB) != 0)
        return fail(err, errno, path);
    *ret = spool;
    spool = NULL;
    return SL_OK;
}

void sl_spool_close(struct sl_spool **spool)
{
    if (!*spool)
        return;
    if ((*spool)->fd >= 0) {
        (void)flock((*spool)->fd, LOCK_UN); // workers that were forked meanwhile hold it, too
        close((*spool)->fd);
    }
    free(*spool);
    *spool = NULL;
}

static int write_line(struct sl_spool *spool, const char *text, size_t length, struct sl_err *err)
{
    off_t before = lseek(spool->fd, 0, SEEK_END);
    for (size_t done = 0; done < length;) {
        ssize_t count = write(spool->fd, text + done, length - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            int errnum = errno;
            // A half line would spoil the next one.
            if (before < 0 || ftruncate(spool->fd, before) != 0)
                spool->room_bytes = 0;
            return fail(err, errnum, "telemetry");
        }
        done += (size_t)count;
    }
    spool->room_bytes -= (int64_t)length;
    return SL_OK;
}

int sl_spool_add(struct sl_spool *spool, const json_t *fact, struct sl_err *err)
{
    char *text = NULL;
    struct sl_buf line = SL_BUF_INIT;
    bool is_end = sl_str_starts(sl_json_text(fact, "fact", ""), "run_");
    SL_TRY(sl_log_print(fact, &text, err));
    sl_buf_init(&line);
    sl_buf_add(&line, text);
    sl_buf_add_char(&line, '\n');
    free(text);
    int code = sl_buf_check(&line, err);
    if (code == SL_OK && (int64_t)line.length > spool->room_bytes + (is_end ? ROOM_FOR_ENDS : 0))
        spool->left_out++;
    else if (code == SL_OK)
        code = write_line(spool, line.text, line.length, err);
    sl_buf_clear(&line);
    return code;
}

int64_t sl_spool_left_out(const struct sl_spool *spool)
{
    return spool->left_out;
}

// --- reading

const char *sl_way_name(enum sl_way way)
{
    static const char *const names[] = {[SL_WAY_LINEAGE_FILE] = "lineage_file",
                                        [SL_WAY_LINEAGE] = "lineage",
                                        [SL_WAY_TRACES] = "traces"};
    return names[way];
}

static bool is_at_work(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ret = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return ret;
}

static int read_told(struct sl_spool_file *file, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    const char *path = sl_arena_printf(arena, "%s.told", file->path), *text;
    size_t length;
    struct sl_err ignored = {0};
    SL_TRY_NEW(path, err);
    if (sl_fs_read(path, 4096, arena, &text, &length, &ignored) != SL_OK ||
        sl_json_parse(text, length, path, &root, &ignored) != SL_OK)
        return SL_OK;
    for (int way = 0; way < SL_WAYS; way++) {
        int64_t count = sl_json_int(root, sl_way_name((enum sl_way)way), 0);
        file->told[way] = count > 0 ? (size_t)count : 0;
    }
    return SL_OK;
}

// The last line may be half of one: the process was killed, or is writing.
static int read_facts(struct sl_spool_file *file, struct sl_arena *arena, struct sl_err *err)
{
    const char *text, *end;
    size_t length;
    SL_TRY(sl_fs_read(file->path, MOST_FILE_BYTES, arena, &text, &length, err));
    for (const char *at = text; (end = strchr(at, '\n')); at = end + 1) {
        struct sl_err ignored = {0};
        json_t *fact = NULL;
        if (sl_json_parse(at, (size_t)(end - at), file->path, &fact, &ignored) != SL_OK ||
            !json_is_object(fact)) {
            json_decref(fact);
            fact = json_object(); // it keeps its number
            SL_TRY_NEW(fact, err);
        }
        if (!SL_PUSH(arena, file->facts, file->count, fact)) {
            json_decref(fact);
            return sl_fail_memory(err);
        }
    }
    return SL_OK;
}

static int compare_files(const void *a, const void *b)
{
    const struct sl_spool_file *one = a, *other = b;
    return one->changed_us != other->changed_us ? (one->changed_us < other->changed_us ? -1 : 1)
                                                : strcmp(one->run_id, other->run_id);
}

static int add_file(struct sl_spool_view *view, const char *folder, const char *name,
                    struct sl_err *err)
{
    struct sl_spool_file file = {0};
    struct sl_fs_stat stat;
    struct sl_err ignored = {0};
    file.path = sl_path_join(&view->arena, folder, name);
    file.run_id = sl_arena_strndup(&view->arena, name, strlen(name) - strlen(SUFFIX));
    SL_TRY_NEW(file.path, err);
    SL_TRY_NEW(file.run_id, err);
    if (sl_fs_stat(file.path, &stat, &ignored) != SL_OK)
        return SL_OK;
    file.is_at_work = is_at_work(file.path); // before it is read: what comes after is not missed
    file.changed_us = stat.mtime_us;
    SL_TRY(read_told(&file, &view->arena, err));
    if (!SL_PUSH(&view->arena, view->files, view->count, file))
        return sl_fail_memory(err);
    return read_facts(&view->files[view->count - 1], &view->arena, err);
}

int sl_spool_read(const char *state_folder, struct sl_spool_view *ret, struct sl_err *err)
{
    struct sl_strs names;
    sl_arena_init(&ret->arena, 0);
    const char *folder = sl_path_join(&ret->arena, state_folder, FOLDER);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_list(folder, &ret->arena, &names, err));
    for (size_t i = 0; i < names.count; i++)
        if (sl_str_ends(names.items[i], SUFFIX))
            SL_TRY(add_file(ret, folder, names.items[i], err));
    if (ret->count > 1)
        qsort(ret->files, ret->count, sizeof *ret->files, compare_files);
    return SL_OK;
}

void sl_spool_view_clear(struct sl_spool_view *view)
{
    for (size_t i = 0; i < view->count; i++)
        for (size_t k = 0; k < view->files[i].count; k++)
            json_decref(view->files[i].facts[k]);
    view->count = 0;
    sl_arena_clear(&view->arena);
}

static int told_path(const struct sl_spool_file *file, char *ret, size_t size)
{
    return snprintf(ret, size, "%s.told", file->path);
}

int sl_spool_mark(const struct sl_spool_file *file, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = json_object();
    char path[4400], *text = NULL;
    (void)told_path(file, path, sizeof path);
    for (int way = 0; way < SL_WAYS; way++)
        if (json_object_set_new(root, sl_way_name((enum sl_way)way),
                                json_integer((json_int_t)file->told[way])) != 0)
            return sl_fail_memory(err);
    SL_TRY(sl_json_print(root, &text, err));
    int code = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return code;
}

int sl_spool_remove(const struct sl_spool_file *file, struct sl_err *err)
{
    char path[4400];
    (void)told_path(file, path, sizeof path);
    SL_TRY(sl_fs_remove(file->path, err)); // first: what is left is told of no file
    return sl_fs_remove(path, err);
}

int sl_spool_lock(const char *state_folder, int *ret_fd, struct sl_err *err)
{
    char path[4352];
    (void)snprintf(path, sizeof path, "%s/" FOLDER, state_folder);
    SL_TRY(sl_fs_mkdirs(path, err));
    (void)snprintf(path, sizeof path, "%s/" FOLDER "/lock", state_folder);
    return sl_fs_lock(path, false, ret_fd, err);
}

// --- over all runs

static void read_way(const json_t *root, enum sl_way way, struct sl_way_state *ret)
{
    const json_t *it = json_object_get(root, sl_way_name(way));
    ret->sent = sl_json_int(it, "sent", 0);
    ret->refused = sl_json_int(it, "refused", 0);
    ret->lost = sl_json_int(it, "lost", 0);
    ret->attempts = sl_json_int(it, "attempts", 0);
    ret->next_us = sl_json_int(it, "next_us", 0);
    ret->failed_us = sl_json_int(it, "failed_us", 0);
    (void)snprintf(ret->error, sizeof ret->error, "%s", sl_json_text(it, "error", ""));
    (void)snprintf(ret->refusal, sizeof ret->refusal, "%s", sl_json_text(it, "refusal", ""));
}

void sl_spool_state_read(const char *state_folder, struct sl_spool_state *ret)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err ignored = {0};
    const char *text;
    size_t length;
    sl_arena_init(&arena, 0);
    *ret = (struct sl_spool_state){0};
    const char *path = sl_path_join(&arena, state_folder, FOLDER "/state.json");
    if (!path || sl_fs_read(path, 65536, &arena, &text, &length, &ignored) != SL_OK ||
        sl_json_parse(text, length, path, &root, &ignored) != SL_OK)
        return;
    for (int way = 0; way < SL_WAYS; way++)
        read_way(root, (enum sl_way)way, &ret->ways[way]);
}

int sl_spool_state_write(const char *state_folder, const struct sl_spool_state *state,
                         struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = json_object();
    char path[4400], *text = NULL;
    (void)snprintf(path, sizeof path, "%s/" FOLDER "/state.json", state_folder);
    for (int way = 0; way < SL_WAYS; way++) {
        const struct sl_way_state *it = &state->ways[way];
        json_t *object =
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "sent", (json_int_t)it->sent,
                      "refused", (json_int_t)it->refused, "lost", (json_int_t)it->lost, "attempts",
                      (json_int_t)it->attempts, "next_us", (json_int_t)it->next_us, "failed_us",
                      (json_int_t)it->failed_us, "error", sl_json_string(it->error), "refusal",
                      sl_json_string(it->refusal));
        if (json_object_set_new(root, sl_way_name((enum sl_way)way), object) != 0)
            return sl_fail_memory(err);
    }
    SL_TRY(sl_json_print(root, &text, err));
    int code = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return code;
}

bool sl_spool_is_empty(const char *state_folder)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err ignored = {0};
    struct sl_strs names = {0};
    sl_arena_init(&arena, 0);
    const char *folder = sl_path_join(&arena, state_folder, FOLDER);
    if (!folder || sl_fs_list(folder, &arena, &names, &ignored) != SL_OK)
        return true;
    for (size_t i = 0; i < names.count; i++)
        if (sl_str_ends(names.items[i], SUFFIX))
            return false;
    return true;
}
