// sluice quarantine discard: gives rejected rows up, with a reason, and keeps the record.
#include "cli/quarantine.h"

#include "base/clock.h"
#include "base/fs.h"
#include "run/lock.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

struct discard_options {
    struct sl_common common;
    const char *table, *reason, *by;
    struct sl_quarantine_filter filter;
    bool dry_run, undo, all;
};

static const struct sl_opt discard_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct discard_options, table), NULL,
     "The table whose rejected rows to give up.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .placeholder = "TABLE"},
    {"reason", SL_OPT_STRING, offsetof(struct discard_options, reason), NULL,
     "Why; it is kept with each row.", 0, .placeholder = "TEXT"},
    {"by", SL_OPT_STRING, offsetof(struct discard_options, by), NULL,
     "Who decided; else the user who runs this.", 0, .placeholder = "NAME"},
    SL_QUARANTINE_FILTER_ROWS(struct discard_options),
    {"all", SL_OPT_BOOL, offsetof(struct discard_options, all), "false",
     "All of the table's rejected rows.", 0},
    {"undo", SL_OPT_BOOL, offsetof(struct discard_options, undo), "false",
     "Take discarded rows back.", 0},
    {"dry_run", SL_OPT_BOOL, offsetof(struct discard_options, dry_run), "false",
     "Only count the rows.", 0},
    SL_COMMON_ROWS,
    {0},
};

static bool is_blank_text(const char *text)
{
    for (; *text; text++)
        if (!strchr(" \t\r\n\v\f", *text) && strncmp(text, "\xC2\xA0", 2) != 0)
            return false;
        else
            text += *text == '\xC2';
    return true;
}

static int check_options(const struct discard_options *options, struct sl_err *err)
{
    bool is_blank = options->reason && is_blank_text(options->reason);
    if (!options->undo && (!options->reason || is_blank)) {
        (void)sl_fail(err, SL_E_USAGE, is_blank ? "--reason says nothing" : "--reason is missing");
        return sl_err_hint(err, "say why the rows are given up: --reason 'test data of March'");
    }
    if (!options->all && sl_quarantine_filter_is_empty(&options->filter)) {
        (void)sl_fail(err, SL_E_USAGE, "which rows?");
        return sl_err_hint(err, "choose them by --rule, --source, --position, --run, --since or "
                                "--until, or say --all");
    }
    return SL_OK;
}

static const char *user(void)
{
    const struct passwd *entry = getpwuid(getuid());
    return entry ? entry->pw_name : "unknown";
}

static int print_discarded(const struct discard_options *options, const char *name, int64_t rows,
                           struct sl_err *err)
{
    char count[64];
    if (options->common.json) {
        SL_AUTO(sl_json_free)
        json_t *root =
            json_pack("{s:s, s:s, s:I, s:b, s:b, s:b}", "schema", "sluice.quarantine.discard/1",
                      "table", name, "rows", (json_int_t)rows, "undone", options->undo, "dry_run",
                      options->dry_run, "is_published", 0);
        SL_TRY_NEW(root, err);
        return sl_print_json(root, err);
    }
    if (!rows) {
        printf("nothing to do: no %s row of '%s' is like that\n",
               options->undo ? "discarded" : "rejected", name);
        return SL_OK;
    }
    printf("%s %s%s\n", sl_count_of(rows, "row", count), options->dry_run ? "would be " : "",
           options->undo      ? "taken back"
           : options->dry_run ? "discarded"
                              : "discarded; `sluice quarantine ls --all` still shows them");
    if (!options->dry_run)
        puts("the next `sluice run` publishes that");
    return SL_OK;
}

static int run_discard(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct discard_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf where = SL_BUF_INIT;
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    const struct sl_as_of now = {0};
    const char *name;
    int64_t rows;
    (void)ret_exit;
    SL_TRY(check_options(options, err));
    SL_TRY(sl_lake_open_to_write(&options->common, &lake, err));
    SL_TRY(sl_quarantine_view(&lake, options->table, &now, &name, err));
    SL_TRY(sl_quarantine_condition(&options->filter, &where, err));
    SL_TRY(sl_buf_check(&where, err));
    if (!options->dry_run)
        SL_TRY(sl_run_lock(lake.world.project->state_folder, &lock_fd, err));
    struct sl_discard discard = {.name = name,
                                 .where = where.text,
                                 .by = options->by ? options->by : user(),
                                 .reason = options->reason,
                                 .is_undone = options->undo};
    lake.context.dry_run = options->dry_run;
    lake.context.now_us = sl_clock_now_us();
    int code = sl_step_discard(&lake.context, &discard, &rows, err);
    if (code != SL_OK)
        sl_step_unstage_all(&lake.context);
    SL_TRY(code);
    if (rows == 0)
        SL_TRY(sl_quarantine_require_known(&lake, name, &options->filter, err));
    return print_discarded(options, name, rows, err);
}

static const char *const discard_examples[] = {
    "sluice quarantine discard orders --rule amount.type --reason 'test orders of March' --dry-run",
    "sluice quarantine discard orders --source orders-3.csv --position 17 --undo", NULL};

const struct sl_command sl_command_quarantine_discard = {
    .name = "quarantine discard",
    .summary = "Give rejected rows up, with a reason; they stay, marked, and can be taken back.",
    .details = "Discarded rows are no longer listed by `quarantine ls`. They are judged again like "
               "all others when the contract changes:\n"
               "a row that is accepted then comes into clean; to keep rows out for good, let the "
               "contract's filter or a rule say so.",
    .rows = discard_rows,
    .options_bytes = sizeof(struct discard_options),
    .examples = discard_examples,
    .run = run_discard,
};
