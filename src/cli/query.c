// sluice query: SQL over any table, as of any version or time.
#include "cli/lake.h"

struct query_options {
    struct sl_common common;
    const char *sql;
    struct sl_as_of as_of;
    int64_t limit;
    int format;
};

static const char *const format_names[] = {"text", "csv", "json", NULL};

static const struct sl_opt rows[] = {
    {"sql", SL_OPT_STRING, offsetof(struct query_options, sql), NULL, "One SELECT; tables are layer.table.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "SQL"},
    SL_AS_OF_ROWS(struct query_options),
    {"limit", SL_OPT_INT, offsetof(struct query_options, limit), "1000", "Rows to print at most; 0: all.", 0, .letter = 'n', .placeholder = "N"},
    {"format", SL_OPT_ENUM, offsetof(struct query_options, format), "text", "How to print the rows.", 0, .values = format_names},
    SL_COMMON_ROWS,
    {0},
};

static int run_query(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct query_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    (void)ret_exit;
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(sl_lake_prepare(&lake, options->sql, &options->as_of, err));
    // One row more than asked for tells whether there are more.
    int64_t fetch = options->limit > 0 ? options->limit + 1 : 0;
    SL_TRY(lake.session->kind->query(lake.session, options->sql, fetch, &result, err));
    enum sl_rows_format format = options->common.json ? SL_ROWS_JSON : (enum sl_rows_format)options->format;
    return sl_lake_print(result, format, options->limit, err);
}

static const char *const examples[] = {
    "sluice query \"select country, sum(revenue_eur) from curated.daily_revenue group by all\"",
    "sluice query \"select count(*) from clean.orders\" --version clean.orders=3",
    "sluice query \"from curated.daily_revenue\" --at 2026-01-31 --format csv",
    NULL,
};

const struct sl_command sl_command_query = {
    .name = "query",
    .summary = "Ask any table, as of any version or time, in SQL.",
    .rows = rows,
    .options_bytes = sizeof(struct query_options),
    .examples = examples,
    .run = run_query,
};
