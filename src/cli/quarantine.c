// sluice quarantine ls|show: which rows were rejected, why, and where they came from.
#include "cli/lake.h"

struct quarantine_options {
    struct sl_common common;
    const char *table;
    const char *rule, *source;
    int64_t limit;
    struct sl_as_of as_of;
};

static const struct sl_opt ls_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct quarantine_options, table), NULL, "Only this table.", SL_OPT_POSITIONAL, .placeholder = "TABLE"},
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt show_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct quarantine_options, table), NULL, "The table whose rejected rows to show.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "TABLE"},
    {"rule", SL_OPT_STRING, offsetof(struct quarantine_options, rule), NULL, "Only rows that break this rule.", 0, .placeholder = "RULE"},
    {"source", SL_OPT_STRING, offsetof(struct quarantine_options, source), NULL, "Only rows from this file.", 0, .placeholder = "FILE"},
    {"limit", SL_OPT_INT, offsetof(struct quarantine_options, limit), "20", "Rows to show.", 0, .letter = 'n', .placeholder = "N"},
    SL_AS_OF_ROWS(struct quarantine_options),
    SL_COMMON_ROWS,
    {0},
};

// "orders", "clean.orders" and "quarantine.orders" all mean the last.
static const char *bare_name(const char *table)
{
    enum sl_layer layer;
    const char *name;
    return sl_table_parse(table, &layer, &name) ? name : table;
}

static int view(struct sl_lake *lake, const char *name, const struct sl_as_of *as_of, struct sl_err *err)
{
    enum sl_layer layer;
    const char *found, *folder;
    int64_t version;
    const char *table = sl_arena_printf(&lake->world.arena, "quarantine.%s", name);
    SL_TRY_NEW(table, err);
    SL_TRY(sl_lake_table(lake, table, &layer, &found, &folder, err));
    SL_TRY(sl_lake_version(lake, table, folder, as_of, &version, err));
    return sl_step_view(&lake->context, layer, found, version, NULL, err);
}

static int add_table(struct sl_lake *lake, const char *name, struct sl_buf *sql, struct sl_err *err)
{
    struct sl_as_of now = {0};
    SL_TRY(view(lake, name, &now, err));
    sl_buf_add(sql, sql->length ? " union all " : "");
    sl_buf_add(sql, "select ");
    sl_buf_add_sql_string(sql, name);
    sl_buf_add(sql, " as t, r.rule, r.\"column\" as c, count(*) as n, min(seen_at) as first_seen, max(seen_at) as last_seen, "
                    "min_by(r.message, row(_source, _position)) as example, min_by(payload, row(_source, _position)) as example_row "
                    "from (select unnest(reasons) as r, \"at\" as seen_at, payload, _source, _position from quarantine.");
    sl_buf_add_sql_name(sql, name);
    sl_buf_add(sql, ") group by all");
    return SL_OK;
}

static int list_tables(struct sl_lake *lake, const char *only, struct sl_buf *sql, struct sl_err *err)
{
    struct sl_strs tables = {0};
    if (only)
        return add_table(lake, bare_name(only), sql, err);
    SL_TRY(sl_lake_tables(lake, &tables, err));
    for (size_t i = 0; i < tables.count; i++)
        if (sl_str_starts(tables.items[i], "quarantine."))
            SL_TRY(add_table(lake, bare_name(tables.items[i]), sql, err));
    return SL_OK;
}

static int run_ls(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct quarantine_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf groups = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    (void)ret_exit;
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(list_tables(&lake, options->table, &groups, err));
    if (!groups.length)
        sl_buf_add(&groups, "select null::varchar as t, null::varchar as rule, null::varchar as c, 0::bigint as n, "
                            "null::timestamptz as first_seen, null::timestamptz as last_seen, null::varchar as example, "
                            "null::varchar as example_row where false");
    sl_buf_addf(&sql,
                "select t as \"table\", rule, c as \"column\", n as \"rows\", "
                "strftime(first_seen::timestamp, '%%Y-%%m-%%d %%H:%%M:%%S') as first_seen, "
                "strftime(last_seen::timestamp, '%%Y-%%m-%%d %%H:%%M:%%S') as last_seen, example, example_row from (%s) "
                "order by t, n desc, rule, c",
                groups.text);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(lake.session->kind->query(lake.session, sql.text, 0, &result, err));
    if (sl_result_rows(result) == 0 && !options->common.json) {
        puts("the quarantine is empty");
        return SL_OK;
    }
    return sl_lake_print(result, options->common.json ? SL_ROWS_JSON : SL_ROWS_TEXT, 0, err);
}

static int run_show(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct quarantine_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *name = bare_name(options->table);
    (void)ret_exit;
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(view(&lake, name, &options->as_of, err));
    sl_buf_add(&sql, "select _source as source, _position as position, array_to_string(list_transform(reasons, lambda r: r.message), '; ') as reasons, "
                     "payload, \"at\", run_id from quarantine.");
    sl_buf_add_sql_name(&sql, name);
    sl_buf_add(&sql, " where true");
    if (options->rule) {
        sl_buf_add(&sql, " and len(list_filter(reasons, lambda r: r.rule = ");
        sl_buf_add_sql_string(&sql, options->rule);
        sl_buf_add(&sql, ")) > 0");
    }
    if (options->source) {
        sl_buf_add(&sql, " and _source = ");
        sl_buf_add_sql_string(&sql, options->source);
    }
    sl_buf_addf(&sql, " order by _source, _position limit %lld", (long long)options->limit);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(lake.session->kind->query(lake.session, sql.text, 0, &result, err));
    return sl_lake_print(result, options->common.json ? SL_ROWS_JSON : SL_ROWS_TEXT, 0, err);
}

static const char *const ls_examples[] = {"sluice quarantine ls", "sluice quarantine ls orders --json", NULL};
static const char *const show_examples[] = {"sluice quarantine show orders --rule amount.type", NULL};

const struct sl_command sl_command_quarantine_ls = {
    .name = "quarantine ls",
    .summary = "List rejected rows by table and rule, with an example each.",
    .rows = ls_rows,
    .options_bytes = sizeof(struct quarantine_options),
    .examples = ls_examples,
    .run = run_ls,
};
const struct sl_command sl_command_quarantine_show = {
    .name = "quarantine show",
    .summary = "Show rejected rows: where they came from, every reason, the payload as received.",
    .rows = show_rows,
    .options_bytes = sizeof(struct quarantine_options),
    .examples = show_examples,
    .run = run_show,
};
