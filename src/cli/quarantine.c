// sluice quarantine ls|show: which rows were rejected, why, and where they came from.
#include "cli/quarantine.h"

#include "base/clock.h"

#include <string.h>

#define WIDTH_OF_FILES 160 // of an example row where no terminal says how wide it is

struct quarantine_options {
    struct sl_common common;
    const char *table;
    struct sl_quarantine_filter filter;
    const char *by;
    bool all;
    int64_t limit;
    struct sl_as_of as_of;
};

static const struct sl_opt ls_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct quarantine_options, table), NULL, "Only this table.",
     SL_OPT_POSITIONAL, .placeholder = "TABLE"},
    {"by", SL_OPT_STRING, offsetof(struct quarantine_options, by), "rule",
     "Put rows together by rule, source, day or run.", 0, .placeholder = "WHAT"},
    {"all", SL_OPT_BOOL, offsetof(struct quarantine_options, all), "false", "Discarded rows, too.",
     0},
    SL_QUARANTINE_FILTER_ROWS(struct quarantine_options),
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt show_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct quarantine_options, table), NULL,
     "The table whose rejected rows to show.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .placeholder = "TABLE"},
    SL_QUARANTINE_FILTER_ROWS(struct quarantine_options),
    {"limit", SL_OPT_INT, offsetof(struct quarantine_options, limit), "20", "Rows to show; 0: all.",
     0, .letter = 'n', .placeholder = "N"},
    SL_AS_OF_ROWS(struct quarantine_options),
    SL_COMMON_ROWS,
    {0},
};

// A record that could not be split has no payload but its bytes, as text where they are text.
#define PAYLOAD_SQL \
    "coalesce(payload::json, to_json(coalesce(try(decode(corrupt)), corrupt::varchar)))"

int sl_quarantine_view(struct sl_lake *lake, const char *table, const struct sl_as_of *as_of,
                       const char **ret_name, struct sl_err *err)
{
    enum sl_layer layer;
    const char *folder;
    int64_t version;
    const char *full = sl_arena_printf(&lake->world.arena, "quarantine.%s", sl_bare_table(table));
    SL_TRY_NEW(full, err);
    SL_TRY(sl_lake_table(lake, full, &layer, ret_name, &folder, err));
    SL_TRY(sl_lake_version(lake, full, folder, as_of, &version, err));
    return sl_step_view(&lake->context, layer, *ret_name, version, NULL, err);
}

// Tables of an earlier version lack the columns of discards.
#define DISCARD_COLUMNS_SQL                                                                      \
    "select null::timestamptz as discarded_at, null::varchar as discarded_by, null::varchar as " \
    "discard_reason, null::varchar as waits_for, null::varchar[] as set_aside where false"

static void add_relation(const char *name, struct sl_buf *sql)
{
    sl_buf_add(sql, "(" DISCARD_COLUMNS_SQL " union all by name select * from quarantine.");
    sl_buf_add_sql_name(sql, name);
    sl_buf_add(sql, ")");
}

// How rejected rows are put together by `ls --by`: a row belongs to each rule that it breaks.
static const struct grouping {
    const char *name, *key, *detail, *from;
} groupings[] = {
    {"rule", "r.rule", "r.\"column\"", ", unnest(reasons) as u(r)"},
    {"source", "_source", "null::varchar", ""},
    {"day", "strftime(\"at\"::timestamp, '%Y-%m-%d')", "null::varchar", ""},
    {"run", "run_id", "null::varchar", ""},
};

static int find_grouping(const char *by, const struct grouping **ret, struct sl_err *err)
{
    for (size_t i = 0; i < sizeof groupings / sizeof *groupings; i++)
        if (sl_str_equal(groupings[i].name, by)) {
            *ret = &groupings[i];
            return SL_OK;
        }
    return sl_fail(err, SL_E_USAGE, "--by is '%s', expected rule, source, day or run", by);
}

// The trend: rows in each of the last eight runs that rejected any of the table.
static int add_table(struct sl_lake *lake, const struct quarantine_options *options,
                     const char *table, struct sl_buf *sql, struct sl_err *err)
{
    struct sl_as_of now = {0};
    const struct grouping *by;
    const char *name;
    SL_TRY(find_grouping(options->by, &by, err));
    SL_TRY(sl_quarantine_view(lake, table, &now, &name, err));
    sl_buf_add(sql, sql->length ? " union all (with q as (select * from "
                                : "(with q as (select * from ");
    add_relation(name, sql);
    sl_buf_add(sql, " where ");
    SL_TRY(sl_quarantine_condition(&options->filter, sql, err));
    sl_buf_add(sql, options->all ? ")" : " and discarded_at is null)");
    sl_buf_add(
        sql,
        ", runs as (select run_id, min(\"at\") as since from q group by 1 order by 2 desc limit 8) "
        "select ");
    sl_buf_add_sql_string(sql, name);
    sl_buf_addf(sql,
                " as t, %s as k, %s as d, count_if(set_aside is null) as n, %s as v, "
                "count(discarded_at) as discarded, count(waits_for) as held, "
                "min(\"at\") as first_seen, max(\"at\") as last_seen, histogram(run_id) as by_run, "
                "(select list(run_id order by since) from runs) as last_runs, "
                "min_by(%s, row(_source, _position)) as example, "
                "min_by(" PAYLOAD_SQL
                ", row(_source, _position)) as example_row from q%s group by all)",
                by->key, by->detail,
                by->from[0] ? "count(set_aside)" : "coalesce(sum(len(set_aside)), 0)::bigint",
                by->from[0] ? "r.message" : "reasons[1].message", by->from);
    return SL_OK;
}

static int list_tables(struct sl_lake *lake, const struct quarantine_options *options,
                       struct sl_buf *sql, struct sl_err *err)
{
    struct sl_strs tables = {0};
    if (options->table)
        return add_table(lake, options, options->table, sql, err);
    SL_TRY(sl_lake_tables(lake, &tables, err));
    for (size_t i = 0; i < tables.count; i++)
        if (sl_str_starts(tables.items[i], "quarantine."))
            SL_TRY(add_table(lake, options, tables.items[i], sql, err));
    return SL_OK;
}

// The payload as people read it: a JSON object as it is, a text without its quotes. NUL bytes,
// which would end the text, become blanks.
static int payload_text(const char *payload, struct sl_arena *arena, const char **ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *received = NULL;
    *ret = payload ? payload : "";
    if (!payload)
        return SL_OK;
    SL_TRY(sl_json_parse_data(payload, strlen(payload), "payload", &received, err));
    if (!json_is_string(received))
        return SL_OK;
    size_t length = json_string_length(received);
    char *text = sl_arena_alloc(arena, length + 1);
    SL_TRY_NEW(text, err);
    memcpy(text, json_string_value(received), length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = text[i] == '\0' ? ' ' : text[i];
    *ret = text;
    return SL_OK;
}

enum {
    GROUP_CELLS = 11,
    EXAMPLE_ROW = GROUP_CELLS
}; // columns of a group: what comes last is the row

// One line of the table for each group, and below it a row like that, as wide as there is room.
static int print_groups(const struct sl_result *result, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *cells[GROUP_CELLS], *row;
    size_t width = sl_is_terminal(stdout) ? (size_t)sl_terminal_width(stdout) : 0;
    struct sl_grid grid;
    sl_grid_init(&grid, arena, GROUP_CELLS, 15U << 3);
    for (int64_t r = -1; r < sl_result_rows(result); r++) {
        for (size_t c = 0; c < GROUP_CELLS; c++)
            cells[c] = r < 0 ? sl_result_name(result, c) : sl_result_text(result, r, c);
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    SL_TRY(sl_grid_text(&grid, width, &text, err));
    int64_t r = -1;
    for (const char *line = text.text; *line; line = strchr(line, '\n') + 1, r++) {
        SL_AUTO(sl_buf_clear) struct sl_buf shown = SL_BUF_INIT;
        int length = (int)strcspn(line, "\n");
        printf("%s%.*s%s\n", r < 0 ? sl_color(stdout, SL_COLOR_BOLD) : "", length, line,
               r < 0 ? sl_color(stdout, SL_COLOR_NONE) : "");
        if (r < 0)
            continue;
        SL_TRY(payload_text(sl_result_text(result, r, EXAMPLE_ROW), arena, &row, err));
        sl_add_short(&shown, row, (width ? width : WIDTH_OF_FILES) - 2);
        printf("  %s%s%s\n", sl_color(stdout, SL_COLOR_DIM), shown.text,
               sl_color(stdout, SL_COLOR_NONE));
    }
    return SL_OK;
}

// Groups of rejected rows as JSON, with the example's payload as the object it is.
static int print_groups_json(const struct sl_result *result, struct sl_err *err)
{
    struct sl_rows rows = {.result = result, .as_objects = true};
    SL_AUTO(sl_json_free) json_t *head = json_pack("{s:s}", "schema", "sluice.quarantine.ls/1");
    SL_TRY_NEW(head, err);
    return sl_rows_print_json(&rows, head, err);
}

#define NO_GROUPS_SQL                                                                              \
    "select null::varchar as t, null::varchar as k, null::varchar as d, 0::bigint as n, "          \
    "0::bigint as v, 0::bigint as discarded, 0::bigint as held, null::timestamptz as first_seen, " \
    "null::timestamptz as last_seen, "                                                             \
    "map([''], [0::ubigint]) as by_run, [''] as last_runs, null::varchar as example, "             \
    "null::json as example_row where false"
// One bar for each run, as high as its share of the highest.
#define TREND_SQL                                                                      \
    "array_to_string(list_transform(counts, lambda v: case when v = 0 then '·' else " \
    "substr('▁▂▃▄▅▆▇█', 1 + (v * 7 // list_max(counts))::int, 1) end), '')"

static int run_ls(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct quarantine_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf groups = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    (void)ret_exit;
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(list_tables(&lake, options, &groups, err));
    if (!groups.length)
        sl_buf_add(&groups, NO_GROUPS_SQL);
    bool is_by_rule = sl_str_equal(options->by, "rule");
    sl_buf_addf(
        &sql,
        "select t as \"table\", k as \"%s\", d as \"column\", n as \"rows\", v as \"values\", "
        "discarded, "
        "held, "
        "strftime(first_seen::timestamp, '%%Y-%%m-%%dT%%H:%%M:%%SZ') as first_seen, "
        "strftime(last_seen::timestamp, '%%Y-%%m-%%dT%%H:%%M:%%SZ') as last_seen, %s as trend, "
        "example, example_row from (select *, list_transform(last_runs, lambda x: "
        "coalesce(by_run[x], 0)) as counts from (%s)) order by t, %s",
        options->by, options->common.json ? "to_json(counts)" : TREND_SQL, groups.text,
        is_by_rule ? "n desc, v desc, k, d" : "k");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(lake.session->kind->query(lake.session, sql.text, 0, &result, err));
    if (options->common.json)
        return print_groups_json(result, err);
    if (sl_result_rows(result) == 0) {
        puts("the quarantine is empty");
        return SL_OK;
    }
    return print_groups(result, &lake.world.arena, err);
}

bool sl_quarantine_filter_is_empty(const struct sl_quarantine_filter *filter)
{
    return !filter->rule && !filter->source && !filter->run && !filter->since && !filter->until &&
           !filter->positions.count;
}

static int add_positions(const struct sl_strs *positions, struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add(sql, " and _position in (");
    for (size_t i = 0; i < positions->count; i++) {
        int64_t position;
        if (!sl_str_to_int64(positions->items[i], &position))
            return sl_fail(err, SL_E_USAGE, "--position is '%s', expected a whole number",
                           positions->items[i]);
        sl_buf_addf(sql, "%s%lld", i ? ", " : "", (long long)position);
    }
    sl_buf_add(sql, ")");
    return SL_OK;
}

static int add_time(const char *text, const char *option, const char *operation, struct sl_buf *sql,
                    struct sl_err *err)
{
    int64_t time_us;
    if (!text)
        return SL_OK;
    if (sl_clock_parse(text, &time_us) != 0) {
        (void)sl_fail(err, SL_E_USAGE, "%s: '%s' is not a time", option, text);
        return sl_err_hint(err, "write a date or a time in UTC: 2026-01-31, 2026-01-31T12:00:00Z");
    }
    sl_buf_addf(sql, " and epoch_us(\"at\") %s %lld", operation, (long long)time_us);
    return SL_OK;
}

int sl_quarantine_condition(const struct sl_quarantine_filter *filter, struct sl_buf *sql,
                            struct sl_err *err)
{
    sl_buf_add(sql, "true");
    if (filter->rule) {
        sl_buf_add(sql, " and len(list_filter(reasons, lambda r: r.rule = ");
        sl_buf_add_sql_string(sql, filter->rule);
        sl_buf_add(sql, ")) > 0");
    }
    if (filter->source) {
        sl_buf_add(sql, " and (_source = ");
        sl_buf_add_sql_string(sql, filter->source);
        sl_buf_add(sql, " or ends_with(_source, '/' || ");
        sl_buf_add_sql_string(sql, filter->source);
        sl_buf_add(sql, "))");
    }
    if (filter->run) {
        sl_buf_add(sql, " and starts_with(run_id, ");
        sl_buf_add_sql_string(sql, filter->run);
        sl_buf_add(sql, ")");
    }
    SL_TRY(add_time(filter->since, "--since", ">=", sql, err));
    SL_TRY(add_time(filter->until, "--until", "<", sql, err));
    return filter->positions.count ? add_positions(&filter->positions, sql, err) : SL_OK;
}

int sl_quarantine_rows_sql(const struct sl_quarantine_filter *filter, const char *name,
                           struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add(
        sql,
        "select _source as source, _position as position, to_json(reasons) as reasons, " PAYLOAD_SQL
        " as payload, "
        "strftime(\"at\"::timestamp, '%Y-%m-%dT%H:%M:%SZ') as \"at\", run_id, "
        "strftime(discarded_at::timestamp, '%Y-%m-%dT%H:%M:%SZ') as discarded_at, discarded_by, "
        "discard_reason, waits_for, to_json(set_aside) as set_aside from ");
    add_relation(name, sql);
    sl_buf_add(sql, " where ");
    SL_TRY(sl_quarantine_condition(filter, sql, err));
    sl_buf_add(sql, " order by _source, _position");
    return SL_OK;
}

enum {
    SOURCE,
    POSITION,
    REASONS,
    PAYLOAD,
    AT,
    RUN_ID,
    DISCARDED_AT,
    DISCARDED_BY,
    DISCARD_REASON,
    WAITS_FOR,
    SET_ASIDE
};

static void print_discard(const struct sl_result *result, int64_t row)
{
    if (!sl_result_text(result, row, DISCARDED_AT))
        return;
    printf("  discarded %s by ", sl_result_text(result, row, DISCARDED_AT));
    sl_put_plain(stdout, sl_result_text(result, row, DISCARDED_BY));
    fputs(": ", stdout);
    sl_put_plain(stdout, sl_result_text(result, row, DISCARD_REASON));
    putchar('\n');
}

static void print_held(const struct sl_result *result, int64_t row)
{
    if (!sl_result_text(result, row, WAITS_FOR))
        return;
    fputs("  held, waiting for ", stdout);
    sl_put_plain(stdout, sl_result_text(result, row, WAITS_FOR));
    putchar('\n');
}

static void print_set_aside(const struct sl_result *result, int64_t row)
{
    const char *columns = sl_result_text(result, row, SET_ASIDE);
    if (!columns)
        return;
    fputs("  published without the values of ", stdout);
    sl_put_plain(stdout, columns);
    putchar('\n');
}

// Each row is a paragraph: reasons and payload are too long to stand in columns.
static int print_row(const struct sl_result *result, int64_t row, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *reasons = NULL;
    const char *text = sl_result_text(result, row, REASONS),
               *position = sl_result_text(result, row, POSITION);
    const char *payload;
    size_t i;
    json_t *reason;
    sl_arena_init(&arena, 0);
    SL_TRY(payload_text(sl_result_text(result, row, PAYLOAD), &arena, &payload, err));
    SL_TRY(
        sl_json_parse_data(text ? text : "[]", text ? strlen(text) : 2, "reasons", &reasons, err));
    fputs(sl_color(stdout, SL_COLOR_BOLD), stdout);
    sl_put_plain(stdout, sl_result_text(result, row, SOURCE));
    printf(":%s%s\n", position ? position : "", sl_color(stdout, SL_COLOR_NONE));
    json_array_foreach (reasons, i, reason) {
        fprintf(stdout, "  %s%-24s%s ", sl_color(stdout, SL_COLOR_YELLOW),
                sl_json_text(reason, "rule", ""), sl_color(stdout, SL_COLOR_NONE));
        sl_put_plain(stdout, sl_json_text(reason, "message", ""));
        putchar('\n');
    }
    fputs("  ", stdout);
    sl_put_plain(stdout, payload);
    printf("\n  %srejected %s by run %.8s%s\n", sl_color(stdout, SL_COLOR_DIM),
           sl_result_text(result, row, AT), sl_result_text(result, row, RUN_ID),
           sl_color(stdout, SL_COLOR_NONE));
    print_held(result, row);
    print_set_aside(result, row);
    print_discard(result, row);
    putchar('\n');
    return SL_OK;
}

static int print_found(const struct sl_result *result, int64_t limit, struct sl_err *err)
{
    char count[64];
    int64_t found = sl_result_rows(result), shown = limit && found > limit ? limit : found;
    for (int64_t row = 0; row < shown; row++)
        SL_TRY(print_row(result, row, err));
    if (found > shown)
        printf("... only the first %s; --limit 0 shows all\n", sl_count_of(shown, "row", count));
    else
        puts(found ? sl_count_of(found, "row", count) : "no rejected row is like that");
    return SL_OK;
}

static int run_show(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct quarantine_options *options = self;
    SL_AUTO(sl_lake_close) struct sl_lake lake = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *name;
    (void)ret_exit;
    SL_TRY(sl_require_limit(options->limit, err));
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(sl_quarantine_view(&lake, options->table, &options->as_of, &name, err));
    SL_TRY(sl_quarantine_rows_sql(&options->filter, name, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    int64_t fetch = options->limit ? options->limit + 1 : 0;
    SL_TRY(lake.session->kind->query(lake.session, sql.text, fetch, &result, err));
    if (sl_result_rows(result) == 0)
        SL_TRY(sl_quarantine_require_known(&lake, name, &options->filter, err));
    if (!options->common.json)
        return print_found(result, options->limit, err);
    struct sl_rows rows = {.result = result, .limit = options->limit, .as_objects = true};
    SL_AUTO(sl_json_free)
    json_t *head = json_pack("{s:s, s:s}", "schema", "sluice.quarantine.show/1", "table", name);
    SL_TRY_NEW(head, err);
    return sl_rows_print_json(&rows, head, err);
}

static const char *const ls_examples[] = {"sluice quarantine ls",
                                          "sluice quarantine ls orders --json", NULL};
static const char *const show_examples[] = {"sluice quarantine show orders --rule amount.type",
                                            NULL};

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
