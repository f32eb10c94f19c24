// sluice clean: removes what killed runs and tests have left behind.
#include "run/clean.h"

#include "base/clock.h"
#include "cli/cli.h"

#define LONGEST_S ((int64_t)100 * 366 * 86400)

struct clean_options {
    struct sl_common common;
    int64_t older_than_s;
    bool dry_run;
};

static const struct sl_opt rows[] = {
    {"older_than", SL_OPT_DURATION, offsetof(struct clean_options, older_than_s), "1d",
     "Only what was not changed for so long: longer than any step takes. Nothing else guards the "
     "runs of other projects on the same lake.",
     0, .placeholder = "TIME"},
    {"dry_run", SL_OPT_BOOL, offsetof(struct clean_options, dry_run), "false",
     "Only list what would go.", 0},
    SL_COMMON_ROWS,
    {0},
};

struct sum {
    int64_t files, bytes;
};

static struct sum sum_of(const struct sl_clean_report *report, const char *table)
{
    struct sum sum = {0};
    for (size_t i = 0; i < report->file_count; i++)
        if (!table || report->files[i].table == table) {
            sum.files++;
            sum.bytes += report->files[i].size_bytes;
        }
    return sum;
}

static int add_tables_json(const struct sl_clean_report *report, json_t *list, struct sl_err *err)
{
    for (size_t i = 0; i < report->file_count; i++) {
        const char *table = report->files[i].table;
        struct sum sum = sum_of(report, table);
        if (i > 0 && report->files[i - 1].table == table)
            continue;
        if (json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "table", table, "files",
                                                  (json_int_t)sum.files, "bytes",
                                                  (json_int_t)sum.bytes)) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int add_items_json(const struct sl_clean_report *report, json_t *files, json_t *folders,
                          json_t *skipped, struct sl_err *err)
{
    char time[32];
    for (size_t i = 0; i < report->file_count; i++) {
        const struct sl_cleaned *file = &report->files[i];
        if (json_array_append_new(files,
                                  json_pack("{s:s, s:s, s:I, s:s}", "table", file->table, "path",
                                            file->path, "bytes", (json_int_t)file->size_bytes,
                                            "changed", sl_clock_format(file->mtime_us, time))) != 0)
            return sl_fail_memory(err);
    }
    for (size_t i = 0; i < report->folder_count; i++)
        if (json_array_append_new(
                folders, json_pack("{s:s, s:I}", "path", report->folders[i].folder, "bytes",
                                   (json_int_t)report->folders[i].size_bytes)) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < report->skipped_count; i++)
        if (json_array_append_new(skipped,
                                  json_pack("{s:s, s:s}", "table", report->skipped[i].table,
                                            "because", report->skipped[i].because)) != 0)
            return sl_fail_memory(err);
    return SL_OK;
}

static int print_json(const struct clean_options *options, const struct sl_clean_report *report,
                      struct sl_err *err)
{
    struct sum sum = sum_of(report, NULL);
    json_t *tables = json_array(), *list = json_array(), *folders = json_array();
    json_t *skipped = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:b, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "schema",
                             "sluice.clean/1", "dry_run", options->dry_run, "older_than_seconds",
                             (json_int_t)options->older_than_s, "files", (json_int_t)sum.files,
                             "bytes", (json_int_t)sum.bytes, "tables", tables, "list", list,
                             "folders", folders, "skipped", skipped);
    SL_TRY_NEW(root, err);
    SL_TRY(add_tables_json(report, tables, err));
    SL_TRY(add_items_json(report, list, folders, skipped, err));
    return sl_print_json(root, err);
}

static int print_tables(const struct clean_options *options, const struct sl_clean_report *report,
                        struct sl_arena *arena, struct sl_err *err)
{
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 3, 0x6);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"left behind", "files", "size"}, err));
    for (size_t i = 0; i < report->file_count; i++) {
        const struct sl_cleaned *file = &report->files[i];
        struct sum sum = sum_of(report, file->table);
        char files[32], size[32];
        if (options->dry_run)
            SL_TRY(sl_grid_row(
                &grid, (const char *const[]){file->path, "", sl_str_size(file->size_bytes, size)},
                err));
        if (i + 1 == report->file_count || report->files[i + 1].table != file->table)
            SL_TRY(sl_grid_row(&grid,
                               (const char *const[]){file->table, sl_str_count(sum.files, files),
                                                     sl_str_size(sum.bytes, size)},
                               err));
    }
    for (size_t i = 0; i < report->folder_count; i++) {
        char size[32];
        SL_TRY(sl_grid_row(&grid,
                           (const char *const[]){report->folders[i].folder, "",
                                                 sl_str_size(report->folders[i].size_bytes, size)},
                           err));
    }
    return sl_grid_is_empty(&grid) ? SL_OK : sl_grid_print(&grid, stdout, err);
}

static int print_text(const struct clean_options *options, const struct sl_clean_report *report,
                      struct sl_arena *arena, struct sl_err *err)
{
    struct sum sum = sum_of(report, NULL);
    char files[64], folders[64], size[32];
    if (!options->common.is_quiet)
        SL_TRY(print_tables(options, report, arena, err));
    for (size_t i = 0; i < report->skipped_count; i++)
        sl_tell(&options->common, SL_LOG_WARN, "%s was left alone: %s", report->skipped[i].table,
                report->skipped[i].because);
    for (size_t i = 0; i < report->folder_count; i++)
        sum.bytes += report->folders[i].size_bytes;
    if (!sum.files && !report->folder_count)
        puts("nothing was left behind");
    else
        printf("%s and %s, %s, %s\n", sl_count_of(sum.files, "file", files),
               sl_count_of((int64_t)report->folder_count, "folder", folders),
               sl_str_size(sum.bytes, size), options->dry_run ? "would be removed" : "removed");
    return SL_OK;
}

static int run_clean(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct clean_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_world_options world_options = {.folder = options->common.folder,
                                             .environment = options->common.environment,
                                             .overrides = options->common.settings};
    struct sl_clean_options cleaning = {options->older_than_s, options->dry_run};
    struct sl_clean_report report = {0};
    (void)ret_exit;
    if (options->older_than_s > LONGEST_S)
        return sl_fail(err, SL_E_USAGE, "--older-than is more than 100 years");
    SL_TRY(sl_world_open(&world_options, &world, err));
    sl_note_project(&options->common, world.project);
    int code = sl_world_clean(&world, &cleaning, &report, err);
    if (code != SL_OK) { // what is gone by then is said all the same
        struct sl_err unprinted = {0};
        bool is_told = report.file_count || report.folder_count || report.skipped_count;
        if (is_told && !options->common.json)
            (void)print_text(options, &report, &world.arena, &unprinted);
        return code;
    }
    return options->common.json ? print_json(options, &report, err)
                                : print_text(options, &report, &world.arena, err);
}

static const char *const examples[] = {"sluice clean --dry-run", "sluice clean --older-than 7d",
                                       NULL};

const struct sl_command sl_command_clean = {
    .name = "clean",
    .summary = "Remove what killed runs and tests have left behind: files that no table names.",
    .details =
        "Goes over the tables of the lake, and removes data files that Sluice has staged and that "
        "no commit or checkpoint of their\n"
        "table names: no reader ever sees them, and every version stays readable. Tables of other "
        "programs are left alone, and\n"
        "so is what is younger than --older-than. Folders that a killed `test`, `verify` or "
        "`crashtest` has left behind go as\n"
        "well; those that --keep has kept stay.",
    .rows = rows,
    .options_bytes = sizeof(struct clean_options),
    .examples = examples,
    .run = run_clean,
};
