// sluice quarantine export: rejected rows as a file, for whoever can mend them.
#include "cli/export_file.h"
#include "cli/quarantine.h"

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
     "The file: .csv, .jsonl or .parquet; `-`: lines of JSON to standard output.", SL_OPT_REQUIRED,
     .placeholder = "FILE"},
    SL_QUARANTINE_FILTER_ROWS(struct export_options),
    {"force", SL_OPT_BOOL, offsetof(struct export_options, force), "false",
     "Write over a file that is there.", 0},
    SL_COMMON_ROWS,
    {0},
};

static int run_export(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct export_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf rows = SL_BUF_INIT;
    const struct sl_as_of now = {0};
    const char *name;
    char count[64];
    int64_t written;
    (void)ret_exit;
    const bool is_output = strcmp(options->to, "-") == 0;
    if (!is_output)
        SL_TRY(sl_export_check("--to", options->to, options->force, err));
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(sl_quarantine_view(&lake, options->table, &now, &name, err));
    SL_TRY(sl_quarantine_rows_sql(&options->filter, name, &rows, err));
    SL_TRY(sl_buf_check(&rows, err));
    if (is_output)
        return sl_export_print(lake.session, rows.text, err);
    SL_TRY(sl_export_write(lake.session, rows.text, options->to, &written, err));
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
