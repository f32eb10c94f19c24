// Which columns two relations have in common, and how their values are made comparable.
#include "step/compare.h"

#include "api/target.h"

#include <stdio.h>
#include <string.h>

bool sl_compared_has_both(const struct sl_compared_column *column)
{
    return column->types[SL_SIDE_A] && column->types[SL_SIDE_B];
}

static const struct sl_column *find_column(const struct sl_compare_side *side, const char *name)
{
    for (size_t i = 0; i < side->column_count; i++)
        if (sl_str_equal(side->columns[i].name, name))
            return &side->columns[i];
    for (size_t i = 0; i < side->column_count; i++)
        if (sl_str_equal_nocase(side->columns[i].name, name))
            return &side->columns[i];
    return NULL;
}

static bool is_named(const struct sl_strs *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (sl_str_equal_nocase(list->items[i], name))
            return true;
    return false;
}

static int fail_unknown(const struct sl_compare *compare, const char *option, const char *name,
                        struct sl_err *err)
{
    struct sl_strs names = {0};
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        for (size_t i = 0; i < compare->sides[s]->column_count; i++)
            SL_TRY(sl_strs_add(&names, compare->arena, compare->sides[s]->columns[i].name, err));
    const char *nearest = sl_str_nearest(name, names.items, names.count);
    bool is_anywhere = is_named(&names, name);
    (void)sl_fail(err, SL_E_USAGE, "%s names '%s', which is %s", option, name,
                  is_anywhere ? "a column of one side only" : "no column of them");
    if (nearest && !is_anywhere)
        return sl_err_hint(err, "did you mean '%s'?", nearest);
    return sl_err_hint(err, "`sluice show TABLE` lists the columns of a table");
}

// A key is in both sides; a column that is asked for at least in one.
static int check_names(const struct sl_compare *compare, struct sl_err *err)
{
    const struct sl_compare_options *options = compare->options;
    for (size_t i = 0; i < options->key.count; i++)
        if (!find_column(compare->sides[SL_SIDE_A], options->key.items[i]) ||
            !find_column(compare->sides[SL_SIDE_B], options->key.items[i]))
            return fail_unknown(compare, "the key", options->key.items[i], err);
    for (size_t i = 0; i < options->columns.count; i++)
        if (!find_column(compare->sides[SL_SIDE_A], options->columns.items[i]) &&
            !find_column(compare->sides[SL_SIDE_B], options->columns.items[i]))
            return fail_unknown(compare, "--columns", options->columns.items[i], err);
    return SL_OK;
}

static bool is_text(const char *type)
{
    return sl_str_equal(type, "VARCHAR") || sl_str_equal(type, "JSON");
}

static bool is_decimal(const char *type)
{
    return sl_str_starts(type, "DECIMAL(") && !sl_type_is_nested(type);
}

// Two decimals meet in one that holds both; where none can, as floating numbers.
static void join_decimals(const char *a, const char *b, struct sl_compared_column *column)
{
    static const char *const by_scale[] = {
        "DECIMAL(38,0)",  "DECIMAL(38,1)",  "DECIMAL(38,2)",  "DECIMAL(38,3)",  "DECIMAL(38,4)",
        "DECIMAL(38,5)",  "DECIMAL(38,6)",  "DECIMAL(38,7)",  "DECIMAL(38,8)",  "DECIMAL(38,9)",
        "DECIMAL(38,10)", "DECIMAL(38,11)", "DECIMAL(38,12)", "DECIMAL(38,13)", "DECIMAL(38,14)",
        "DECIMAL(38,15)", "DECIMAL(38,16)", "DECIMAL(38,17)", "DECIMAL(38,18)", "DECIMAL(38,19)",
        "DECIMAL(38,20)"};
    int precision_a = 0, scale_a = 0, precision_b = 0, scale_b = 0;
    (void)sscanf(a, "DECIMAL(%d,%d)", &precision_a, &scale_a);
    (void)sscanf(b, "DECIMAL(%d,%d)", &precision_b, &scale_b);
    int scale = scale_a > scale_b ? scale_a : scale_b;
    int whole_a = precision_a - scale_a, whole_b = precision_b - scale_b;
    int whole = whole_a > whole_b ? whole_a : whole_b;
    bool fits = whole + scale <= 38 && (size_t)scale < sizeof by_scale / sizeof *by_scale;
    column->type = fits ? by_scale[scale] : "DOUBLE";
    if (fits && precision_a >= precision_b && scale_a >= scale_b && whole_a >= whole_b)
        column->type = a;
    if (fits && precision_b >= precision_a && scale_b >= scale_a && whole_b >= whole_a)
        column->type = b;
}

bool sl_compare_know_how(const char *a, const char *b, struct sl_compared_column *column)
{
    column->how = SL_COMPARE_CAST;
    if (sl_str_equal(a, b)) {
        column->how = SL_COMPARE_AS_IS;
        column->type = a;
    } else if (is_text(a) && is_text(b)) {
        column->type = "VARCHAR";
    } else if (is_text(a) || is_text(b)) {
        column->how = SL_COMPARE_TEXT;
        column->type = is_text(a) ? b : a;
    } else if (is_decimal(a) && is_decimal(b)) {
        join_decimals(a, b, column);
    } else {
        return false;
    }
    return true;
}

// The engine says which type holds the values of both; where none does, their texts are compared.
static int ask_how(const struct sl_compare *compare, struct sl_compared_column *column,
                   struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_column *found;
    size_t count;
    struct sl_err ignored = {0};
    if (sl_compare_know_how(column->types[SL_SIDE_A], column->types[SL_SIDE_B], column))
        return SL_OK;
    sl_buf_addf(&sql, "select case when true then cast(null as %s) else cast(null as %s) end as x",
                column->types[SL_SIDE_A], column->types[SL_SIDE_B]);
    SL_TRY(sl_buf_check(&sql, err));
    bool is_common = compare->session->kind->describe(compare->session, sql.text, compare->arena,
                                                      &found, &count, &ignored) == SL_OK;
    column->type = is_common ? found[0].type : "VARCHAR";
    return SL_OK;
}

static int add_column(struct sl_compare *compare, const char *name, bool is_key, struct sl_err *err)
{
    struct sl_compared *result = &compare->result;
    struct sl_compared_column column = {.is_key = is_key};
    for (size_t i = 0; i < result->column_count; i++)
        if (sl_str_equal_nocase(result->columns[i].name, name))
            return SL_OK;
    for (int s = SL_SIDE_B; s >= SL_SIDE_A; s--) {
        const struct sl_column *found = find_column(compare->sides[s], name);
        if (!found)
            continue;
        column.name = column.names[s] = found->name;
        column.types[s] = found->type;
    }
    if (sl_compared_has_both(&column))
        SL_TRY(ask_how(compare, &column, err));
    return SL_PUSH(compare->arena, result->columns, result->column_count, column)
               ? SL_OK
               : sl_fail_memory(err);
}

static void judge_columns(struct sl_compare *compare)
{
    struct sl_compared *result = &compare->result;
    bool counts_types =
        !compare->sides[SL_SIDE_A]->has_other_types && !compare->sides[SL_SIDE_B]->has_other_types;
    result->has_same_columns = true;
    for (size_t i = 0; i < result->column_count; i++) {
        const struct sl_compared_column *column = &result->columns[i];
        if (!sl_compared_has_both(column) ||
            (counts_types && !sl_str_equal(column->types[SL_SIDE_A], column->types[SL_SIDE_B])))
            result->has_same_columns = false;
    }
}

int sl_compare_columns(struct sl_compare *compare, struct sl_err *err)
{
    const struct sl_compare_options *options = compare->options;
    struct sl_compared *result = &compare->result;
    bool has_common = false;
    SL_TRY(check_names(compare, err));
    for (size_t i = 0; i < options->key.count; i++)
        SL_TRY(add_column(compare, options->key.items[i], true, err));
    result->key_count = result->column_count;
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        for (size_t i = 0; i < compare->sides[s]->column_count; i++) {
            const char *name = compare->sides[s]->columns[i].name;
            if (options->columns.count ? is_named(&options->columns, name)
                                       : !is_named(&options->left_out, name))
                SL_TRY(add_column(compare, name, false, err));
        }
    for (size_t i = 0; i < result->column_count; i++)
        has_common = has_common || sl_compared_has_both(&result->columns[i]);
    if (!has_common) {
        (void)sl_fail(err, SL_E_USAGE, "the two have no column in common");
        return sl_err_hint(err, "columns are told by their names; `sluice query` can rename them");
    }
    judge_columns(compare);
    return SL_OK;
}

// A type in which a text's value is whole, to tell "1.5" from an integer that it is not.
static const char *exact_type(const char *type)
{
    if (sl_str_equal(type, "DATE"))
        return "TIMESTAMP";
    if (is_decimal(type) || (strstr(type, "INT") && !sl_type_is_nested(type) &&
                             !sl_str_equal(type, "INTERVAL") && !strstr(type, "HUGE")))
        return "DOUBLE";
    return NULL;
}

// coalesce(cast(try_cast(x as T) as varchar), x): '007' is the integer 7, and 'x' none.
static void add_read_text(const struct sl_compared_column *column, const char *value,
                          struct sl_buf *sql)
{
    const char *type = column->type, *exact = exact_type(type);
    if (sl_type_is_nested(type)) {
        sl_buf_addf(sql,
                    "coalesce(cast(try_cast(try_cast(%s as json) as %s) as varchar), "
                    "cast(%s as varchar))",
                    value, type, value);
        return;
    }
    sl_buf_addf(sql, "coalesce(cast(case when ");
    if (exact)
        sl_buf_addf(sql, "try_cast(%s as %s) = cast(try_cast(%s as %s) as %s)", value, exact, value,
                    type, exact);
    else
        sl_buf_add(sql, "true");
    sl_buf_addf(sql, " then try_cast(%s as %s) end as varchar), cast(%s as varchar))", value, type,
                value);
}

static void add_text(const struct sl_compared_column *column, int side, const char *value,
                     struct sl_buf *sql)
{
    if (is_text(column->types[side]))
        add_read_text(column, value, sql);
    else
        sl_buf_addf(sql, "cast(%s as varchar)", value);
}

void sl_compare_add_value(const struct sl_compare *compare, const struct sl_compared_column *column,
                          int side, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    bool is_blank_null =
        compare->sides[SL_SIDE_A]->blank_is_null || compare->sides[SL_SIDE_B]->blank_is_null;
    if (is_blank_null && is_text(column->types[side]))
        sl_buf_add(&value, "nullif(cast(");
    sl_buf_add_sql_name(&value, column->names[side]);
    if (is_blank_null && is_text(column->types[side]))
        sl_buf_add(&value, " as varchar), '')");
    sql->has_failed = sql->has_failed || value.has_failed;
    switch (column->how) {
    case SL_COMPARE_AS_IS:
        sl_buf_add(sql, value.text);
        break;
    case SL_COMPARE_CAST:
        sl_buf_addf(sql, "cast(%s as %s)", value.text, column->type);
        break;
    case SL_COMPARE_TEXT:
        add_text(column, side, value.text, sql);
        break;
    }
}

void sl_compare_add_relation(const struct sl_compare *compare, int side, struct sl_buf *sql)
{
    const struct sl_compared *result = &compare->result;
    const char *separator = "";
    sl_buf_add(sql, "(select ");
    for (size_t i = 0; i < result->column_count; i++) {
        if (!sl_compared_has_both(&result->columns[i]))
            continue;
        sl_buf_add(sql, separator);
        sl_compare_add_value(compare, &result->columns[i], side, sql);
        sl_buf_addf(sql, " as c%zu", i);
        separator = ", ";
    }
    sl_buf_addf(sql, " from %s", compare->sides[side]->sql);
    if (compare->options->where)
        sl_buf_addf(sql, " where (%s\n)", compare->options->where);
    sl_buf_add(sql, ")");
}

static void add_columns(const struct sl_compare *compare, bool is_key, const char *prefix,
                        struct sl_buf *sql)
{
    const struct sl_compared *result = &compare->result;
    const char *separator = "";
    for (size_t i = 0; i < result->column_count; i++) {
        if (!sl_compared_has_both(&result->columns[i]) || (is_key && !result->columns[i].is_key))
            continue;
        sl_buf_addf(sql, "%s%sc%zu", separator, prefix, i);
        separator = ", ";
    }
}

void sl_compare_add_key(const struct sl_compare *compare, const char *prefix, struct sl_buf *sql)
{
    add_columns(compare, compare->result.key_count > 0, prefix, sql);
}

void sl_compare_add_all(const struct sl_compare *compare, const char *prefix, struct sl_buf *sql)
{
    add_columns(compare, false, prefix, sql);
}
