#include "run/clean.h"

#include "base/clock.h"
#include "base/fs.h"
#include "run/lock.h"
#include "run/publications.h"
#include "table/delta/clean.h"

#include <stdlib.h>
#include <string.h>

#define UUID_LENGTH 36

struct cleaner {
    struct sl_world *world;
    const struct sl_clean_options *options;
    struct sl_clean_report *report;
    struct sl_session *session;
    struct sl_publication last;
    int64_t before_us;
};

// As sl_step_staging() names them: "part-<uuid>...". Nothing else is ours to remove.
static bool is_ours(const char *name)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (!sl_str_starts(name, "part-"))
        return false;
    const char *uuid = name + strlen("part-");
    for (size_t i = 0; i < UUID_LENGTH; i++) {
        bool is_digit = uuid[i] && strchr("0123456789abcdef", uuid[i]);
        if (form[i] == '-' ? uuid[i] != '-' : !is_digit)
            return false;
    }
    return true;
}

static int skip(struct cleaner *cleaner, const char *table, const char *because, struct sl_err *err)
{
    struct sl_clean_report *report = cleaner->report;
    struct sl_arena *arena = &cleaner->world->arena;
    struct sl_clean_skipped item = {table, sl_arena_strdup(arena, because)};
    SL_TRY_NEW(item.because, err);
    return SL_PUSH(arena, report->skipped, report->skipped_count, item) ? SL_OK
                                                                        : sl_fail_memory(err);
}

static int add_files(struct cleaner *cleaner, const char *table, const char *prefix,
                     const struct sl_delta_cleaning *cleaning, struct sl_err *err)
{
    struct sl_clean_report *report = cleaner->report;
    struct sl_arena *arena = &cleaner->world->arena;
    for (size_t i = 0; i < cleaning->count; i++) {
        const struct sl_delta_leftover *item = &cleaning->items[i];
        struct sl_cleaned file = {table, sl_path_join(arena, prefix, item->path), item->size_bytes,
                                  item->mtime_us};
        SL_TRY_NEW(file.path, err);
        if (!SL_PUSH(arena, report->files, report->file_count, file))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// NULL: the log can be believed. One that is gone, or an older one out of a backup, names none of
// the files that were published since.
static const char *why_not(const struct cleaner *cleaner, const char *table,
                           const struct sl_delta_head *head)
{
    const struct sl_published *published = sl_publication_find(&cleaner->last, table);
    if (published && published->version > head->version)
        return head->version < 0 ? "its log is gone, and it was published"
                                 : "its log ends before the version that was published";
    return head->version >= 0 && !head->record_json ? "its log has no record of Sluice" : NULL;
}

// A folder without a log is that of a table whose first run was killed.
static int clean_table(struct cleaner *cleaner, const char *table, const char *prefix,
                       struct sl_err *err)
{
    struct sl_arena *arena = &cleaner->world->arena;
    const char *folder = sl_path_join(arena, cleaner->world->project->lake_folder, prefix);
    struct sl_delta_cleaning cleaning = {
        .before_us = cleaner->before_us, .is_ours = is_ours, .dry_run = cleaner->options->dry_run};
    struct sl_delta_head head;
    struct sl_err trouble = {0};
    struct sl_fs_stat stat;
    SL_TRY_NEW(folder, err);
    if (sl_fs_is_link(folder) || sl_fs_stat(folder, &stat, NULL) != SL_OK || !stat.is_folder)
        return SL_OK;
    int code = sl_delta_head(folder, arena, &head, &trouble);
    const char *because = code == SL_OK ? why_not(cleaner, table, &head) : NULL;
    if (because)
        return skip(cleaner, table, because, err);
    if (code == SL_OK && !cleaner->session)
        SL_TRY(sl_world_session(cleaner->world, &cleaner->session, err));
    if (code == SL_OK)
        code = sl_delta_clean(folder, &cleaning, cleaner->session, arena, &trouble);
    SL_TRY(add_files(cleaner, table, prefix, &cleaning, err));
    if (code == SL_E_MEMORY || code == SL_E_INTERRUPTED) {
        *err = trouble;
        return code;
    }
    return code == SL_OK ? SL_OK : skip(cleaner, table, trouble.message, err);
}

static int clean_layer(struct cleaner *cleaner, enum sl_layer layer, struct sl_err *err)
{
    struct sl_arena *arena = &cleaner->world->arena;
    const char *name = sl_layer_name(layer);
    const char *folder = sl_path_join(arena, cleaner->world->project->lake_folder, name);
    struct sl_strs tables = {0};
    struct sl_err trouble = {0};
    SL_TRY_NEW(folder, err);
    int code = sl_fs_list(folder, arena, &tables, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        return skip(cleaner, name, trouble.message, err);
    for (size_t i = 0; i < tables.count; i++) {
        if (strchr("_.", tables.items[i][0]))
            continue;
        const char *table = sl_arena_printf(arena, "%s.%s", name, tables.items[i]);
        const char *prefix = sl_path_join(arena, name, tables.items[i]);
        SL_TRY_NEW(table, err);
        SL_TRY_NEW(prefix, err);
        SL_TRY(clean_table(cleaner, table, prefix, err));
    }
    return SL_OK;
}

// Those that are still there are none that went.
static int sort_folders(struct cleaner *cleaner, struct sl_err *err)
{
    struct sl_clean_report *report = cleaner->report;
    size_t gone = 0;
    int code = SL_OK;
    for (size_t i = 0; i < report->folder_count; i++) {
        const struct sl_temp_left left = report->folders[i];
        if (!left.because)
            report->folders[gone++] = left;
        else if (code == SL_OK)
            code = skip(cleaner, left.folder, left.because, err);
    }
    report->folder_count = gone;
    return code;
}

static int clean_folders(struct cleaner *cleaner, struct sl_err *err)
{
    const char *bases[] = {cleaner->world->project->temp_folder, getenv("TMPDIR"), "/tmp",
                           "/dev/shm"};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        for (size_t k = 0; k < i; k++)
            if (sl_str_equal(bases[i], bases[k]))
                bases[i] = NULL;
    int code = sl_temp_clean(bases, sizeof bases / sizeof *bases, cleaner->before_us,
                             cleaner->options->dry_run, &cleaner->world->arena,
                             &cleaner->report->folders, &cleaner->report->folder_count, err);
    int sorted = sort_folders(cleaner, code == SL_OK ? err : NULL);
    return code == SL_OK ? sorted : code;
}

int sl_world_clean(struct sl_world *world, const struct sl_clean_options *options,
                   struct sl_clean_report *ret, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    struct cleaner cleaner = {.world = world,
                              .options = options,
                              .report = ret,
                              .before_us = sl_clock_now_us() - options->older_than_s * 1000000};
    int code = SL_OK;
    *ret = (struct sl_clean_report){0};
    if (!options->dry_run)
        SL_TRY(sl_run_lock(world->project->state_folder, &lock_fd, err));
    SL_TRY(sl_publication_last(world->project, &world->arena, &cleaner.last, err));
    for (enum sl_layer layer = SL_LAYER_RAW; layer <= SL_LAYER_CURATED && code == SL_OK; layer++)
        code = clean_layer(&cleaner, layer, err);
    sl_session_close(&cleaner.session);
    SL_TRY(code);
    return clean_folders(&cleaner, err);
}
