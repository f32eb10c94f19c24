// Which partitions a backfill is of: what was asked for, as JSON and as a condition of SQL.
#include "step/backfill.h"

#include <string.h>

static int set_strs(json_t *root, const char *key, const struct sl_strs *texts, struct sl_err *err)
{
    return json_object_set_new(root, key, sl_json_strs(texts)) == 0 ? SL_OK : sl_fail_memory(err);
}

int sl_backfill_choice_print(const struct sl_backfill_choice *choice, struct sl_arena *arena,
                             const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s?, s:s?, s:b, s:b}", "from", choice->from, "to", choice->to,
                             "stale", choice->is_stale, "may_empty", choice->may_empty);
    char *text = NULL;
    SL_TRY_NEW(root, err);
    SL_TRY(set_strs(root, "tables", &choice->tables, err));
    SL_TRY(set_strs(root, "partitions", &choice->partitions, err));
    SL_TRY(sl_json_print(root, &text, err));
    *ret = sl_arena_strdup(arena, text);
    free(text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int get_strs(const json_t *list, struct sl_arena *arena, struct sl_strs *ret,
                    struct sl_err *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        text = sl_arena_strdup(arena, text ? text : "");
        SL_TRY_NEW(text, err);
        SL_TRY(sl_strs_add(ret, arena, text, err));
    }
    return SL_OK;
}

int sl_backfill_choice_parse(const char *json, struct sl_arena *arena,
                             struct sl_backfill_choice *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    *ret = (struct sl_backfill_choice){0};
    SL_TRY(sl_json_parse(json, strlen(json), "the record of a backfill", &root, err));
    const char *from = sl_json_text(root, "from", NULL), *to = sl_json_text(root, "to", NULL);
    ret->from = sl_arena_strdup(arena, from);
    ret->to = sl_arena_strdup(arena, to);
    if ((from && !ret->from) || (to && !ret->to))
        return sl_fail_memory(err);
    ret->is_stale = sl_json_bool(root, "stale", false);
    ret->may_empty = sl_json_bool(root, "may_empty", false);
    SL_TRY(get_strs(json_object_get(root, "tables"), arena, &ret->tables, err));
    return get_strs(json_object_get(root, "partitions"), arena, &ret->partitions, err);
}

// One that is being made.
struct condition {
    struct sl_step_context *context;
    const struct sl_backfill_columns *columns;
    struct sl_buf *sql;
};

static bool is_text(const char *type)
{
    return sl_str_equal(type, "VARCHAR");
}

static int ask_bool(struct condition *condition, const char *sql, bool *ret, struct sl_err *err)
{
    struct sl_session *session = condition->context->session;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(session->kind->query(session, sql, 1, &result, err));
    *ret = sl_result_rows(result) == 1 && sl_str_equal(sl_result_text(result, 0, 0), "true");
    return SL_OK;
}

// cast('2026-01-01' as DATE), if it is one.
static int add_value(struct condition *condition, size_t column, const char *text,
                     struct sl_err *err)
{
    const char *type = condition->columns->types[column];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    bool is_value;
    sl_buf_add(&sql, "select try_cast(");
    sl_buf_add_sql_string(&sql, text);
    sl_buf_addf(&sql, " as %s) is not null", type);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(ask_bool(condition, sql.text, &is_value, err));
    if (!is_value)
        return sl_fail(err, SL_E_BACKFILL_CHOICE, "'%s' is no %s, which partition column '%s' is",
                       text, type, condition->columns->names->items[column]);
    sl_buf_add(condition->sql, "cast(");
    sl_buf_add_sql_string(condition->sql, text);
    sl_buf_addf(condition->sql, " as %s)", type);
    return SL_OK;
}

static void add_name(struct condition *condition, size_t column)
{
    sl_buf_addf(condition->sql, "\"%s%zu\"", condition->columns->prefix, column);
}

// A pattern with * as one of LIKE.
static int add_like(struct condition *condition, size_t column, const char *text,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf like = SL_BUF_INIT;
    for (const char *at = text; *at; at++) {
        if (*at == '%' || *at == '_' || *at == '\\')
            sl_buf_add_char(&like, '\\');
        sl_buf_add_char(&like, *at == '*' ? '%' : *at);
    }
    SL_TRY(sl_buf_check(&like, err));
    sl_buf_add(condition->sql, "cast(");
    add_name(condition, column);
    sl_buf_add(condition->sql, " as varchar) like ");
    sl_buf_add_sql_string(condition->sql, like.text);
    sl_buf_add(condition->sql, " escape '\\'");
    return SL_OK;
}

static int fail_backwards(const char *from, const char *to, struct sl_err *err)
{
    return sl_fail(err, SL_E_BACKFILL_CHOICE,
                   "the beginning '%s' is later than the end '%s': no partition is between them",
                   from, to);
}

// Both ends are values of the column. `is_whole_day`: all of that day belongs to it.
static int require_order(struct condition *condition, size_t column, const char *from,
                         const char *to, bool is_whole_day, struct sl_err *err)
{
    const char *type = condition->columns->types[column];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    bool is_backwards;
    sl_buf_add(&sql, "select cast(");
    sl_buf_add_sql_string(&sql, from);
    sl_buf_addf(&sql, " as %s) %s cast(", type, is_whole_day ? ">=" : ">");
    sl_buf_add_sql_string(&sql, to);
    sl_buf_addf(&sql, " as %s)%s", type, is_whole_day ? " + interval 1 day" : "");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(ask_bool(condition, sql.text, &is_backwards, err));
    return is_backwards ? fail_backwards(from, to, err) : SL_OK;
}

static int add_range(struct condition *condition, size_t column, const char *text, const char *dots,
                     struct sl_err *err)
{
    const char *from = sl_arena_strndup(condition->context->arena, text, (size_t)(dots - text));
    SL_TRY_NEW(from, err);
    if (!*from && !dots[2])
        return sl_fail(err, SL_E_BACKFILL_CHOICE, "a range needs a beginning or an end, found '%s'",
                       text);
    if (*from) {
        add_name(condition, column);
        sl_buf_add(condition->sql, " >= ");
        SL_TRY(add_value(condition, column, from, err));
    }
    if (!dots[2])
        return SL_OK;
    sl_buf_add(condition->sql, *from ? " and " : "");
    add_name(condition, column);
    sl_buf_add(condition->sql, " <= ");
    SL_TRY(add_value(condition, column, dots + 2, err));
    return *from ? require_order(condition, column, from, dots + 2, false, err) : SL_OK;
}

static int add_item(struct condition *condition, size_t column, const char *text, bool is_quoted,
                    struct sl_err *err)
{
    const char *dots = strstr(text, "..");
    if (!is_quoted && strcmp(text, "null") == 0) {
        add_name(condition, column);
        sl_buf_add(condition->sql, " is null");
        return SL_OK;
    }
    if (!is_quoted && dots)
        return add_range(condition, column, text, dots, err);
    if (!is_quoted && strchr(text, '*'))
        return add_like(condition, column, text, err);
    add_name(condition, column);
    sl_buf_add(condition->sql, " = ");
    return add_value(condition, column, text, err);
}

static int find_column(const struct sl_strs *names, const char *name, size_t *ret,
                       struct sl_err *err)
{
    for (size_t i = 0; i < names->count; i++)
        if (sl_str_equal_nocase(names->items[i], name)) {
            *ret = i;
            return SL_OK;
        }
    (void)sl_fail(err, SL_E_BACKFILL_CHOICE, "'%s' is no partition column", name);
    SL_AUTO(sl_buf_clear) struct sl_buf all = SL_BUF_INIT;
    for (size_t i = 0; i < names->count; i++)
        sl_buf_addf(&all, "%s%s", i ? ", " : "", names->items[i]);
    return sl_err_hint(err, "the table is partitioned by %s", all.text);
}

// A value up to the next comma; in quotes it may hold commas, and a quote that is doubled.
static int read_value(const char **at, struct sl_buf *ret, bool *ret_is_quoted, struct sl_err *err)
{
    const char quote = **at;
    *ret_is_quoted = quote == '\'' || quote == '"';
    if (!*ret_is_quoted) {
        size_t length = strcspn(*at, ",");
        sl_buf_add_bytes(ret, *at, length);
        *at += length;
        return sl_buf_check(ret, err);
    }
    for ((*at)++; **at; (*at)++) {
        if (**at == quote && (*at)[1] != quote)
            break;
        *at += **at == quote;
        sl_buf_add_char(ret, **at);
    }
    if (!**at)
        return sl_fail(err, SL_E_BACKFILL_CHOICE, "a %c is not closed", quote);
    (*at)++;
    return sl_buf_check(ret, err);
}

// One item of "day=2026-01-01,country=DE".
struct item {
    const char *name;
    struct sl_buf value;
    bool is_quoted;
};

static void clear_item(struct item *item)
{
    sl_buf_clear(&item->value);
}

// *at: the item; after it the next one, NULL if it was the last.
static int read_item(const char *text, const char **at, struct sl_arena *arena, struct item *ret,
                     struct sl_err *err)
{
    size_t length = strcspn(*at, "=,");
    ret->name = sl_arena_strndup(arena, *at, length);
    SL_TRY_NEW(ret->name, err);
    if ((*at)[length] != '=')
        return sl_fail(err, SL_E_BACKFILL_CHOICE,
                       "'%s' is no partition, expected COLUMN=VALUE[,COLUMN=VALUE...]", text);
    *at += length + 1;
    SL_TRY(read_value(at, &ret->value, &ret->is_quoted, err));
    if (**at && **at != ',')
        return sl_fail(err, SL_E_BACKFILL_CHOICE, "expected a comma before '%s'", *at);
    if (**at && !(*at)[1])
        return sl_fail(err, SL_E_BACKFILL_CHOICE, "nothing follows the last comma of '%s'", text);
    *at = **at ? *at + 1 : NULL;
    return SL_OK;
}

static int add_partition(struct condition *condition, const char *text, struct sl_err *err)
{
    for (const char *at = text; at;) {
        SL_AUTO(clear_item) struct item item = {.value = SL_BUF_INIT};
        size_t column;
        SL_TRY(read_item(text, &at, condition->context->arena, &item, err));
        SL_TRY(find_column(condition->columns->names, item.name, &column, err));
        sl_buf_add(condition->sql, "(");
        SL_TRY(add_item(condition, column, item.value.text, item.is_quoted, err));
        sl_buf_add(condition->sql, at ? ") and " : ")");
    }
    return SL_OK;
}

int sl_backfill_check_partitions(const struct sl_strs *partitions, const struct sl_strs *columns,
                                 struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < partitions->count; i++)
        for (const char *at = partitions->items[i]; at;) {
            SL_AUTO(clear_item) struct item item = {.value = SL_BUF_INIT};
            size_t column;
            if (read_item(partitions->items[i], &at, arena, &item, err) != SL_OK ||
                find_column(columns, item.name, &column, err) != SL_OK)
                return sl_err_context(err, "--partition");
        }
    return SL_OK;
}

static bool is_time(const char *type)
{
    return sl_str_equal(type, "DATE") || sl_str_starts(type, "TIMESTAMP");
}

// Texts that all look like a month or a day.
static int looks_like_dates(struct condition *condition, size_t column, bool *ret,
                            struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "select coalesce(bool_and(regexp_full_match(\"%s%zu\", "
                "'[0-9]{4}-[0-9]{2}(-[0-9]{2}.*)?')), false) from %s",
                condition->columns->prefix, column, condition->columns->relation);
    SL_TRY(sl_buf_check(&sql, err));
    return ask_bool(condition, sql.text, ret, err);
}

static int find_date(struct condition *condition, size_t *ret, struct sl_err *err)
{
    const struct sl_backfill_columns *columns = condition->columns;
    size_t found = 0;
    for (int pass = 0; pass < 2 && !found; pass++)
        for (size_t i = 0; i < columns->names->count; i++) {
            bool is_date = pass == 0 && is_time(columns->types[i]);
            if (pass == 1 && is_text(columns->types[i]))
                SL_TRY(looks_like_dates(condition, i, &is_date, err));
            if (is_date)
                *ret = i;
            found += is_date;
        }
    if (found == 1)
        return SL_OK;
    (void)sl_fail(err, SL_E_BACKFILL_CHOICE,
                  found ? "--from and --to: several partition columns are dates"
                        : "--from and --to: no partition column is a date");
    return sl_err_hint(err, "name the column: --partition '%s=FROM..TO'", columns->names->items[0]);
}

static size_t shorter(const char *a, const char *b)
{
    return strlen(a) < strlen(b) ? strlen(a) : strlen(b);
}

// Both ends are included, and of a column with times all of the last day.
static int add_dates(struct condition *condition, const struct sl_backfill_choice *choice,
                     struct sl_err *err)
{
    size_t column = 0;
    SL_TRY(find_date(condition, &column, err));
    const char *type = condition->columns->types[column];
    const char *prefix = condition->columns->prefix;
    struct sl_buf *sql = condition->sql;
    const char *ends[] = {choice->from, choice->to};
    for (int i = 0; i < 2; i++) {
        if (!ends[i])
            continue;
        sl_buf_add(sql, " and ");
        if (is_text(type)) { // '2026-01' is in from 2026-01-15 on
            if (i == 1 && ends[0] && strncmp(ends[0], ends[1], shorter(ends[0], ends[1])) > 0)
                return fail_backwards(ends[0], ends[1], err);
            sl_buf_addf(sql, "left(\"%s%zu\", ", prefix, column);
            sl_buf_addf(sql, "%zu) %s left(", strlen(ends[i]), i ? "<=" : ">=");
            sl_buf_add_sql_string(sql, ends[i]);
            sl_buf_addf(sql, ", length(\"%s%zu\"))", prefix, column);
            continue;
        }
        bool is_whole_day = i == 1 && !sl_str_equal(type, "DATE") && strlen(ends[i]) == 10;
        sl_buf_addf(sql, "\"%s%zu\" %s ", prefix, column,
                    i == 0         ? ">="
                    : is_whole_day ? "<"
                                   : "<=");
        SL_TRY(add_value(condition, column, ends[i], err));
        sl_buf_add(sql, is_whole_day ? " + interval 1 day" : "");
        if (i == 1 && ends[0])
            SL_TRY(require_order(condition, column, ends[0], ends[1], is_whole_day, err));
    }
    return SL_OK;
}

int sl_backfill_condition(struct sl_step_context *context, const struct sl_backfill_choice *choice,
                          const struct sl_backfill_columns *columns, struct sl_buf *sql,
                          struct sl_err *err)
{
    struct condition condition = {context, columns, sql};
    sl_buf_add(sql, "(true");
    if (choice->from || choice->to)
        SL_TRY(add_dates(&condition, choice, err));
    sl_buf_add(sql, ")");
    for (size_t i = 0; i < choice->partitions.count; i++) {
        sl_buf_add(sql, i ? " or (" : " and ((");
        if (add_partition(&condition, choice->partitions.items[i], err) != SL_OK)
            return sl_err_context(err, "--partition");
        sl_buf_add(sql, ")");
    }
    sl_buf_add(sql, choice->partitions.count ? ")" : "");
    return sl_buf_check(sql, err);
}
