// sluice query: SQL over any table, as of any version or time.
#include "cli/lake.h"

#include <string.h>

struct query_options {
    struct sl_common common;
    const char *sql;
    struct sl_as_of as_of;
    int64_t limit;
    int format;
};

enum format { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON };
static const char *const format_names[] = {"text", "csv", "json", NULL};

// clang-format off
static const struct sl_opt rows[] = {
    {"sql", SL_OPT_STRING, offsetof(struct query_options, sql), NULL,
     "One SELECT or FROM; tables are layer.table.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "SQL"},
    SL_AS_OF_ROWS(struct query_options),
    {"limit", SL_OPT_INT, offsetof(struct query_options, limit), "1000",
     "Rows to print at most; 0: all.", 0, .letter = 'n', .placeholder = "N"},
    {"format", SL_OPT_ENUM, offsetof(struct query_options, format), "text",
     "How to print the rows.", 0, .values = format_names},
    SL_COMMON_ROWS,
    {0},
};
// clang-format on

static bool is_nested(const char *type)
{
    return strchr(type, '[') || sl_str_starts(type, "STRUCT(") || sl_str_starts(type, "MAP(") ||
           sl_str_starts(type, "UNION(");
}

// The query with its nested columns as JSON; NULL if it has none. Columns are named by their
// number, because their own names may repeat. A line break ends a comment at the end of the user's
// SQL.
static int wrap(struct sl_lake *lake, const char *sql, struct sl_column **ret_columns,
                struct sl_buf *ret, struct sl_err *err)
{
    struct sl_column *columns;
    size_t count, nested = 0;
    SL_TRY(lake->session->kind->describe(lake->session, sql, &lake->world.arena, &columns, &count,
                                         err));
    *ret_columns = columns;
    sl_buf_add(ret, "select ");
    for (size_t i = 0; i < count; i++) {
        nested += is_nested(columns[i].type);
        sl_buf_addf(ret, is_nested(columns[i].type) ? "%sto_json(c%zu) as c%zu" : "%sc%zu",
                    i ? ", " : "", i, i);
    }
    sl_buf_addf(ret, " from (%s\n) as q(", sql);
    for (size_t i = 0; i < count; i++)
        sl_buf_addf(ret, "%sc%zu", i ? ", " : "", i);
    sl_buf_add(ret, ")");
    if (!nested)
        sl_buf_reset(ret);
    return sl_buf_check(ret, err);
}

static int print_json(struct sl_lake *lake, const struct query_options *options, int64_t fetch,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_json_free) json_t *head = json_pack("{s:s}", "schema", "sluice.query/1");
    struct sl_rows printed = {.limit = options->limit};
    struct sl_column *columns;
    SL_TRY_NEW(head, err);
    SL_TRY(sl_lake_add_notes(lake, head, err));
    // What cannot be wrapped (a comment behind a semicolon) gives nested values as text.
    if (wrap(lake, options->sql, &columns, &sql, err) == SL_OK)
        printed.columns = columns;
    else
        sl_buf_reset(&sql);
    sl_err_clear(err);
    SL_TRY(lake->session->kind->query(lake->session, sql.length ? sql.text : options->sql, fetch,
                                      &result, err));
    printed.result = result;
    return sl_rows_print_json(&printed, head, err);
}

static int run_query(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct query_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    (void)ret_exit;
    SL_TRY(sl_require_limit(options->limit, err));
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    options->common.cli->sql = options->sql;
    SL_TRY(sl_lake_prepare(&lake, options->sql, &options->as_of, err));
    // One row more than asked for tells whether there are more.
    int64_t fetch = options->limit > 0 ? options->limit + 1 : 0;
    if (options->common.json || options->format == FORMAT_JSON)
        return print_json(&lake, options, fetch, err);
    sl_tell_notes(&options->common, &lake.notes);
    SL_TRY(lake.session->kind->query(lake.session, options->sql, fetch, &result, err));
    struct sl_rows printed = {.result = result, .limit = options->limit};
    if (options->format == FORMAT_TEXT)
        return sl_rows_print_text(&printed, err);
    sl_rows_print_csv(&printed);
    return SL_OK;
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
    .details = "Tables are only read. In JSON numbers and booleans are JSON's own, nested values "
               "are JSON, and decimals\n"
               "are texts, so that no reader rounds them.",
    .rows = rows,
    .options_bytes = sizeof(struct query_options),
    .examples = examples,
    .run = run_query,
};
