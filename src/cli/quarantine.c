// sluice quarantine ls|show: which rows were rejected, why, and where they came from.
#include "cli/lake.h"

#include <string.h>

#define WIDTH_OF_FILES 160 // of an example row where no terminal says how wide it is

struct quarantine_options {
    struct sl_common common;
    const char *table;
    const char *rule, *source;
    int64_t limit;
    struct sl_as_of as_of;
};

static const struct sl_opt ls_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct quarantine_options, table), NULL, "Only this table.",
     SL_OPT_POSITIONAL, .placeholder = "TABLE"},
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt show_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct quarantine_options, table), NULL,
     "The table whose rejected rows to show.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .placeholder = "TABLE"},
    {"rule", SL_OPT_STRING, offsetof(struct quarantine_options, rule), NULL,
     "Only rows that break this rule.", 0, .placeholder = "RULE"},
    {"source", SL_OPT_STRING, offsetof(struct quarantine_options, source), NULL,
     "Only rows from this file, by its path or its end.", 0, .placeholder = "FILE"},
    {"limit", SL_OPT_INT, offsetof(struct quarantine_options, limit), "20", "Rows to show; 0: all.",
     0, .letter = 'n', .placeholder = "N"},
    SL_AS_OF_ROWS(struct quarantine_options),
    SL_COMMON_ROWS,
    {0},
};

const char *sl_bare_table(const char *table)
{
    enum sl_layer layer;
    const char *name;
    return sl_table_parse(table, &layer, &name) ? name : table;
}

// A record that could not be split has no payload but its bytes, as text where they are text.
#define PAYLOAD_SQL \
    "coalesce(payload::json, to_json(coalesce(try(decode(corrupt)), corrupt::varchar)))"

static int view(struct sl_lake *lake, const char *name, const struct sl_as_of *as_of,
                struct sl_err *err)
{
    enum sl_layer layer;
    const char *found, *folder;
    int64_t version;
    const char *table = sl_arena_printf(&lake->world.arena, "quarantine.%s", name);
    SL_TRY_NEW(table, err);
    SL_TRY(sl_lake_table(lake, table, &layer, &found, &folder, err));
    SL_TRY(sl_lake_version(table, folder, as_of, &version, err));
    return sl_step_view(&lake->context, layer, found, version, NULL, err);
}

static int add_table(struct sl_lake *lake, const char *name, struct sl_buf *sql, struct sl_err *err)
{
    struct sl_as_of now = {0};
    SL_TRY(view(lake, name, &now, err));
    sl_buf_add(sql, sql->length ? " union all " : "");
    sl_buf_add(sql, "select ");
    sl_buf_add_sql_string(sql, name);
    sl_buf_add(sql, " as t, r.rule, r.\"column\" as c, count(*) as n, min(seen_at) as first_seen, "
                    "max(seen_at) as last_seen, "
                    "min_by(r.message, row(_source, _position)) as example, min_by(payload, "
                    "row(_source, _position)) as example_row "
                    "from (select unnest(reasons) as r, \"at\" as seen_at, " PAYLOAD_SQL
                    " as payload, _source, _position from quarantine.");
    sl_buf_add_sql_name(sql, name);
    sl_buf_add(sql, ") group by all");
    return SL_OK;
}

static int list_tables(struct sl_lake *lake, const char *only, struct sl_buf *sql,
                       struct sl_err *err)
{
    struct sl_strs tables = {0};
    if (only)
        return add_table(lake, sl_bare_table(only), sql, err);
    SL_TRY(sl_lake_tables(lake, &tables, err));
    for (size_t i = 0; i < tables.count; i++)
        if (sl_str_starts(tables.items[i], "quarantine."))
            SL_TRY(add_table(lake, sl_bare_table(tables.items[i]), sql, err));
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
    GROUP_CELLS = 7,
    EXAMPLE_ROW = GROUP_CELLS
}; // columns of a group: what comes last is the row

// One line of the table for each group, and below it a row like that, as wide as there is room.
static int print_groups(const struct sl_result *result, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *cells[GROUP_CELLS], *row;
    size_t width = sl_is_terminal(stdout) ? (size_t)sl_terminal_width(stdout) : 0;
    struct sl_grid grid;
    sl_grid_init(&grid, arena, GROUP_CELLS, 1U << 3);
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
        sl_buf_add(
            &groups,
            "select null::varchar as t, null::varchar as rule, null::varchar as c, 0::bigint as n, "
            "null::timestamptz as first_seen, null::timestamptz as last_seen, null::varchar as "
            "example, "
            "null::json as example_row where false");
    sl_buf_addf(&sql,
                "select t as \"table\", rule, c as \"column\", n as \"rows\", "
                "strftime(first_seen::timestamp, '%%Y-%%m-%%dT%%H:%%M:%%SZ') as first_seen, "
                "strftime(last_seen::timestamp, '%%Y-%%m-%%dT%%H:%%M:%%SZ') as last_seen, example, "
                "example_row "
                "from (%s) order by t, n desc, rule, c",
                groups.text);
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

static void add_rows_sql(const struct quarantine_options *options, const char *name,
                         struct sl_buf *sql)
{
    sl_buf_add(
        sql,
        "select _source as source, _position as position, to_json(reasons) as reasons, " PAYLOAD_SQL
        " as payload, "
        "strftime(\"at\"::timestamp, '%Y-%m-%dT%H:%M:%SZ') as \"at\", run_id from quarantine.");
    sl_buf_add_sql_name(sql, name);
    sl_buf_add(sql, " where true");
    if (options->rule) {
        sl_buf_add(sql, " and len(list_filter(reasons, lambda r: r.rule = ");
        sl_buf_add_sql_string(sql, options->rule);
        sl_buf_add(sql, ")) > 0");
    }
    if (options->source) {
        sl_buf_add(sql, " and (_source = ");
        sl_buf_add_sql_string(sql, options->source);
        sl_buf_add(sql, " or ends_with(_source, '/' || ");
        sl_buf_add_sql_string(sql, options->source);
        sl_buf_add(sql, "))");
    }
    sl_buf_add(sql, " order by _source, _position");
}

enum { SOURCE, POSITION, REASONS, PAYLOAD, AT, RUN_ID };

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
    json_array_foreach(reasons, i, reason)
    {
        fprintf(stdout, "  %s%-24s%s ", sl_color(stdout, SL_COLOR_YELLOW),
                sl_json_text(reason, "rule", ""), sl_color(stdout, SL_COLOR_NONE));
        sl_put_plain(stdout, sl_json_text(reason, "message", ""));
        putchar('\n');
    }
    fputs("  ", stdout);
    sl_put_plain(stdout, payload);
    printf("\n  %srejected %s by run %.8s%s\n\n", sl_color(stdout, SL_COLOR_DIM),
           sl_result_text(result, row, AT), sl_result_text(result, row, RUN_ID),
           sl_color(stdout, SL_COLOR_NONE));
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
    const char *name = sl_bare_table(options->table);
    (void)ret_exit;
    SL_TRY(sl_require_limit(options->limit, err));
    SL_TRY(sl_lake_open(&options->common, &lake, err));
    SL_TRY(view(&lake, name, &options->as_of, err));
    add_rows_sql(options, name, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    int64_t fetch = options->limit ? options->limit + 1 : 0;
    SL_TRY(lake.session->kind->query(lake.session, sql.text, fetch, &result, err));
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
