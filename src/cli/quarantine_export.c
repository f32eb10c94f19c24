// sluice quarantine export: rejected rows as a file, for whoever can mend them.
#include "cli/quarantine.h"

#include "base/fs.h"

#include <string.h>

struct export_options {
    struct sl_common common;
    const char *table, *to;
    struct sl_quarantine_filter filter;
    bool force;
};

static const struct sl_opt export_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct export_options, table), NULL,
     "The table whose rejected rows to write.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .placeholder = "TABLE"},
    {"to", SL_OPT_STRING, offsetof(struct export_options, to), NULL,
     "The file: .csv, .jsonl or .parquet.", SL_OPT_REQUIRED, .placeholder = "FILE"},
    SL_QUARANTINE_FILTER_ROWS(struct export_options),
    {"force", SL_OPT_BOOL, offsetof(struct export_options, force), "false",
     "Write over a file that is there.", 0},
    SL_COMMON_ROWS,
    {0},
};

static int find_format(const char *path, const char **ret, struct sl_err *err)
{
    static const struct {
        const char *ending, *format;
    } formats[] = {{".csv", "format csv, header true"},
                   {".jsonl", "format json"},
                   {".parquet", "format parquet"}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (sl_str_ends(path, formats[i].ending)) {
            *ret = formats[i].format;
            return SL_OK;
        }
    return sl_fail(err, SL_E_USAGE, "--to is '%s', expected a file .csv, .jsonl or .parquet", path);
}

// The file is there whole or not at all.
static int write_file(struct sl_lake *lake, const struct sl_buf *rows, const char *format,
                      const char *path, int64_t *ret_rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_err ignored = {0};
    const char *partial = sl_arena_printf(&lake->world.arena, "%s.partial", path);
    SL_TRY_NEW(partial, err);
    sl_buf_addf(&sql, "copy (%s) to ", rows->text);
    sl_buf_add_sql_string(&sql, partial);
    sl_buf_addf(&sql, " (%s)", format);
    SL_TRY(sl_buf_check(&sql, err));
    int code = lake->session->kind->exec(lake->session, sql.text, ret_rows, err);
    if (code == SL_OK)
        code = sl_fs_sync_file(partial, err);
    if (code == SL_OK)
        code = sl_fs_rename(partial, path, err);
    if (code != SL_OK)
        (void)!sl_fs_remove(partial, &ignored);
    return code;
}

static int run_export(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct export_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf rows = SL_BUF_INIT;
    const struct sl_as_of now = {0};
    const char *name, *format;
    char count[64];
    int64_t written;
    (void)ret_exit;
    SL_TRY(find_format(options->to, &format, err));
    if (sl_fs_exists(options->to) && !options->force) {
        (void)sl_fail(err, SL_E_FILE_EXISTS, "'%s' is there already", options->to);
        return sl_err_hint(err, "choose another name, or say --force");
    }
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(sl_quarantine_view(&lake, options->table, &now, &name, err));
    SL_TRY(sl_quarantine_rows_sql(&options->filter, name, &rows, err));
    SL_TRY(sl_buf_check(&rows, err));
    SL_TRY(write_file(&lake, &rows, format, options->to, &written, err));
    if (!options->common.json) {
        printf("%s written to %s\n", sl_count_of(written, "row", count), options->to);
        return SL_OK;
    }
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:s, s:I}", "schema", "sluice.quarantine.export/1",
                             "table", name, "file", options->to, "rows", (json_int_t)written);
    SL_TRY_NEW(root, err);
    return sl_print_json(root, err);
}

static const char *const export_examples[] = {
    "sluice quarantine export orders --to rejected.jsonl",
    "sluice quarantine export orders --rule email.format --to emails.csv", NULL};

const struct sl_command sl_command_quarantine_export = {
    .name = "quarantine export",
    .summary = "Write rejected rows, with their reasons and payload, to a file.",
    .rows = export_rows,
    .options_bytes = sizeof(struct export_options),
    .examples = export_examples,
    .run = run_export,
};
