#include "table/delta/log.h"

#include "base/fs.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define VERSION_DIGITS 20
#define PART_DIGITS 10
#define MOST_COMMIT_BYTES ((size_t)1 << 30)

// One file of a checkpoint; a classic one is part 1 of 1.
struct part {
    int64_t version, number, total;
    const char *path;
};
struct parts {
    struct part *items;
    size_t count;
};

// Takes exactly `digits` digits off the text.
static bool take_number(const char **text, size_t digits, int64_t *ret)
{
    char number[VERSION_DIGITS + 1] = "";

    if (strspn(*text, "0123456789") != digits)
        return false;
    memcpy(number, *text, digits);
    *text += digits;
    return sl_str_to_int64(number, ret);
}

static bool is_multi_part(const char *rest, struct part *part)
{
    return take_number(&rest, PART_DIGITS, &part->number) && *rest++ == '.' &&
           take_number(&rest, PART_DIGITS, &part->total) && strcmp(rest, ".parquet") == 0;
}

// Enters a file of the log by its name; what is none is left alone.
static int enter_name(struct sl_delta_log *log, struct parts *parts, const char *name,
                      struct sl_arena *arena, struct sl_err *err)
{
    struct part part = {.number = 1, .total = 1};
    const char *rest = name;

    if (!take_number(&rest, VERSION_DIGITS, &part.version))
        return SL_OK;
    if (strcmp(rest, ".json") == 0) {
        if (log->first_commit < 0)
            log->first_commit = part.version;
        log->newest = part.version;
    }
    if (!sl_str_starts(rest, ".checkpoint."))
        return SL_OK;
    rest += strlen(".checkpoint.");
    if (strcmp(rest, "parquet") != 0 && !is_multi_part(rest, &part)) {
        log->has_v2_checkpoint = true;
        return SL_OK;
    }
    part.path = sl_path_join(arena, log->log_folder, name);
    SL_TRY_NEW(part.path, err);
    return SL_PUSH(arena, parts->items, parts->count, part) ? SL_OK : sl_fail_memory(err);
}

static const struct part *find_part(const struct parts *parts, const struct part *first,
                                    int64_t number)
{
    for (const struct part *at = first; at < parts->items + parts->count; at++)
        if (at->version == first->version && at->total == first->total && at->number == number)
            return at;
    return NULL;
}

// "readers must ignore multi-part checkpoints with missing parts"
static int enter_checkpoint(struct sl_delta_log *log, const struct parts *parts,
                            const struct part *first, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_delta_checkpoint_files files = {.version = first->version};

    for (int64_t number = 1; number <= first->total; number++) {
        const struct part *part = find_part(parts, first, number);

        if (!part)
            return SL_OK;
        SL_TRY(sl_strs_add(&files.paths, arena, part->path, err));
    }
    if (files.version > log->newest)
        log->newest = files.version;
    return SL_PUSH(arena, log->checkpoints, log->checkpoint_count, files) ? SL_OK
                                                                          : sl_fail_memory(err);
}

int sl_delta_log_open(const char *folder, struct sl_arena *arena, struct sl_delta_log *ret,
                      struct sl_err *err)
{
    struct sl_delta_log log = {.folder = folder, .newest = -1, .first_commit = -1};
    struct sl_strs names = {0};
    struct parts parts = {0};

    log.log_folder = sl_path_join(arena, folder, "_delta_log");
    SL_TRY_NEW(log.log_folder, err);
    SL_TRY(sl_fs_list(log.log_folder, arena, &names, err));
    for (size_t i = 0; i < names.count; i++)
        SL_TRY(enter_name(&log, &parts, names.items[i], arena, err));
    for (size_t i = 0; i < parts.count; i++)
        if (parts.items[i].number == 1)
            SL_TRY(enter_checkpoint(&log, &parts, &parts.items[i], arena, err));
    *ret = log;
    return SL_OK;
}

char *sl_delta_log_path(const struct sl_delta_log *log, int64_t version, struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s/%0*lld.json", log->log_folder, VERSION_DIGITS,
                           (long long)version);
}

// Without memory to run out of: what is not there means something.
static const char *format_path(const struct sl_delta_log *log, int64_t version, char path[PATH_MAX])
{
    // A path that is cut is longer than any file's.
    (void)snprintf(path, PATH_MAX, "%s/%0*lld.json", log->log_folder, VERSION_DIGITS,
                   (long long)version);
    return path;
}

bool sl_delta_log_has(const struct sl_delta_log *log, int64_t version)
{
    char path[PATH_MAX];

    return sl_fs_exists(format_path(log, version, path));
}

bool sl_delta_log_is_cleaned(const struct sl_delta_log *log, int64_t version)
{
    const struct sl_delta_checkpoint_files *last = sl_delta_log_checkpoint(log, log->newest);

    return last && last->version >= version && !sl_delta_log_has(log, version);
}

const struct sl_delta_checkpoint_files *sl_delta_log_checkpoint(const struct sl_delta_log *log,
                                                                int64_t version)
{
    for (size_t i = log->checkpoint_count; i > 0; i--)
        if (log->checkpoints[i - 1].version <= version)
            return &log->checkpoints[i - 1];
    return NULL;
}

// Parses one line. Whatever is wrong with it is wrong with the log, but for memory.
static int parse_line(size_t number, const char *text, size_t length, json_t *actions,
                      struct sl_err *err)
{
    struct sl_err cause = {0};
    json_t *action = NULL;
    int code = sl_json_parse(text, length, "action", &action, &cause);

    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        return sl_fail(err, SL_E_TABLE_LOG, "line %zu is damaged: %s", number, cause.message);
    return json_array_append_new(actions, action) == 0 ? SL_OK : sl_fail_memory(err);
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isspace((unsigned char)text[i]))
            return false;
    return true;
}

int sl_delta_log_parse(const char *text, size_t length, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *actions = json_array();
    const char *end = text + length;

    SL_TRY_NEW(actions, err);
    for (size_t number = 1; text < end; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t size = (size_t)((stop ? stop : end) - text);

        if (!is_blank(text, size))
            SL_TRY(parse_line(number, text, size, actions, err));
        text += stop ? size + 1 : size;
    }
    if (json_array_size(actions) == 0)
        return sl_fail(err, SL_E_TABLE_LOG, "it is empty");
    *ret = actions;
    actions = NULL;
    return SL_OK;
}

static int read_commit(const char *path, struct sl_arena *arena, json_t **ret, struct sl_err *err)
{
    const char *text = NULL;
    size_t length = 0;
    int code = sl_fs_read(path, MOST_COMMIT_BYTES, arena, &text, &length, err);

    if (code == SL_E_FILE_MISSING)
        return sl_fail(err, SL_E_TABLE_LOG, "it is missing");
    SL_TRY(code);
    return sl_delta_log_parse(text, length, ret, err);
}

int sl_delta_log_require(const struct sl_delta_log *log, int64_t version, struct sl_err *err)
{
    const struct sl_delta_checkpoint_files *checkpoint = sl_delta_log_checkpoint(log, version);
    char path[PATH_MAX];

    // What such a checkpoint stands for is told by who reads it.
    if (log->has_v2_checkpoint)
        return SL_OK;
    for (int64_t at = checkpoint ? checkpoint->version + 1 : 0; at <= version; at++) {
        struct sl_fs_stat stat;
        int code = sl_fs_stat(format_path(log, at, path), &stat, err);

        if (code == SL_OK && stat.size_bytes == 0)
            code = sl_fail(err, SL_E_TABLE_LOG, "it is empty");
        if (code == SL_E_FILE_MISSING)
            code = sl_fail(err, SL_E_TABLE_LOG, "it is missing");
        if (code != SL_OK)
            return sl_err_context(err, "read commit '%s'", path);
    }
    return SL_OK;
}

int sl_delta_log_read(const struct sl_delta_log *log, int64_t version, json_t **ret,
                      struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *path = sl_delta_log_path(log, version, &arena);

    SL_TRY_NEW(path, err);
    if (read_commit(path, &arena, ret, err) != SL_OK)
        return sl_err_context(err, "read commit '%s'", path);
    return SL_OK;
}

const json_t *sl_delta_commit_info(const json_t *actions)
{
    const json_t *action;
    size_t i;

    json_array_foreach (actions, i, action) {
        const json_t *info = json_object_get(action, "commitInfo");

        if (json_is_object(info))
            return info;
    }
    return NULL;
}

int64_t sl_delta_log_time_ms(const struct sl_delta_log *log, int64_t version, const json_t *actions)
{
    const json_t *info = sl_delta_commit_info(actions);
    int64_t time_ms = sl_json_int(info, "inCommitTimestamp", sl_json_int(info, "timestamp", -1));
    struct sl_fs_stat stat;
    char path[PATH_MAX];

    if (time_ms >= 0 || sl_fs_stat(format_path(log, version, path), &stat, NULL) != SL_OK)
        return time_ms < 0 ? 0 : time_ms;
    return stat.mtime_us / 1000;
}
