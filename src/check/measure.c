#include "check/measure.h"

#include <stddef.h>
#include <string.h>

static bool is_sound(const struct sl_check_input *input, const char *key, const char *text,
                     enum sl_check_numbers numbers)
{
    static const char *const expected[] = {
        [SL_CHECK_ANY_NUMBER] = "a number",
        [SL_CHECK_COUNT] = "a whole number",
        [SL_CHECK_SHARE] = "a share between 0 and 1",
        [SL_CHECK_VALUE] = "a value",
    };
    int64_t whole;
    double number;
    bool is_number = text && sl_str_to_double(text, &number);
    bool is_right = !text || numbers == SL_CHECK_VALUE ||
                    (numbers == SL_CHECK_ANY_NUMBER && is_number) ||
                    (numbers == SL_CHECK_COUNT && sl_str_to_int64(text, &whole) && whole >= 0) ||
                    (numbers == SL_CHECK_SHARE && is_number && number >= 0 && number <= 1);
    if (!is_right)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE,
                sl_yaml_place(input->arguments, key), NULL, "expected %s for '%s', found '%s'",
                expected[numbers], key, text);
    return is_right;
}

bool sl_check_bounds_are_sound(const struct sl_check_input *input,
                               const struct sl_check_bounds *bounds, enum sl_check_numbers numbers)
{
    double min, max;
    if (!bounds->min && !bounds->max && !bounds->equals) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place, NULL,
                "'min', 'max' or 'equals' is missing");
        return false;
    }
    if (bounds->equals && (bounds->min || bounds->max)) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(input->arguments, "equals"), NULL,
                "'equals' leaves nothing to 'min' and 'max'");
        return false;
    }
    bool is_right = is_sound(input, "min", bounds->min, numbers);
    is_right &= is_sound(input, "max", bounds->max, numbers);
    is_right &= is_sound(input, "equals", bounds->equals, numbers);
    if (is_right && bounds->min && bounds->max && sl_str_to_double(bounds->min, &min) &&
        sl_str_to_double(bounds->max, &max) && min > max) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(input->arguments, "min"), NULL,
                "'min' %s is above 'max' %s, so that nothing can pass", bounds->min, bounds->max);
        return false;
    }
    return is_right;
}

void sl_check_say_bounds(const struct sl_check_bounds *bounds, struct sl_buf *text)
{
    if (bounds->equals)
        sl_buf_addf(text, "exactly %s", bounds->equals);
    if (bounds->min)
        sl_buf_addf(text, "at least %s", bounds->min);
    if (bounds->max)
        sl_buf_addf(text, "%sat most %s", bounds->min ? " and " : "", bounds->max);
}

// Numbers stay numbers; other bounds take the type of what they are compared with.
static void add_literal(const char *text, struct sl_buf *sql)
{
    double number;
    if (sl_str_to_double(text, &number))
        sl_buf_add(sql, text);
    else
        sl_buf_add_sql_string(sql, text);
}

static void add_condition(const char *name, const char *relation, const char *bound,
                          struct sl_buf *sql)
{
    if (!bound)
        return;
    sl_buf_add(sql, sql->length ? " or " : "");
    sl_buf_add_sql_name(sql, name);
    sl_buf_add(sql, relation);
    add_literal(bound, sql);
}

static void add_bound(const char *name, const char *bound, struct sl_buf *sql)
{
    if (!bound)
        return;
    sl_buf_add(sql, ", ");
    add_literal(bound, sql);
    sl_buf_addf(sql, " as \"%s\"", name);
}

int sl_check_judged(const struct sl_check_input *input, const char *select, const char *measure,
                    const char *broken, struct sl_check *ret, struct sl_err *err)
{
    ret->measured_sql = sl_arena_strdup(input->arena, select);
    ret->measure = sl_arena_strdup(input->arena, measure);
    ret->broken = sl_arena_strdup(input->arena, broken);
    SL_TRY_NEW(ret->measured_sql, err);
    SL_TRY_NEW(ret->measure, err);
    SL_TRY_NEW(ret->broken, err);
    ret->failing_sql =
        sl_arena_printf(input->arena, "select * from (%s\n) where %s", select, broken);
    SL_TRY_NEW(ret->failing_sql, err);
    return SL_OK;
}

int sl_check_of_rows(const struct sl_check_input *input, const struct sl_buf *condition,
                     struct sl_check *ret, struct sl_err *err)
{
    SL_TRY(sl_check_keep(input, condition, &ret->breaks_row, err));
    ret->failing_sql =
        sl_arena_printf(input->arena, "select * from " SL_CHECKED " where %s", ret->breaks_row);
    SL_TRY_NEW(ret->failing_sql, err);
    ret->is_per_row = true;
    return SL_OK;
}

static void add_member(const char *name, const char *bound, struct sl_buf *members)
{
    if (!bound)
        return;
    sl_buf_addf(members, ", \"%s\" := ", name);
    add_literal(bound, members);
}

static int keep_members(const struct sl_check_input *input, const struct sl_check_measure *measure,
                        struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf members = SL_BUF_INIT;
    if (measure->from || measure->more || measure->keeps_values)
        return SL_OK;
    sl_buf_addf(&members, "\"%s\" := %s", measure->name, measure->sql);
    add_member("min", measure->bounds.min, &members);
    add_member("max", measure->bounds.max, &members);
    add_member("expected", measure->bounds.equals, &members);
    return sl_check_keep(input, &members, &ret->members, err);
}

int sl_check_measured(const struct sl_check_input *input, const struct sl_check_measure *measure,
                      const char *what, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf broken = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    const struct sl_check_bounds *bounds = &measure->bounds;
    sl_buf_addf(&sql, "select %s as \"%s\"", measure->sql, measure->name);
    add_bound("min", bounds->min, &sql);
    add_bound("max", bounds->max, &sql);
    add_bound("expected", bounds->equals, &sql);
    if (measure->more)
        sl_buf_addf(&sql, ", %s", measure->more);
    sl_buf_addf(&sql, " from %s", measure->from ? measure->from : SL_CHECKED);
    add_condition(measure->name, " < ", bounds->min, &broken);
    add_condition(measure->name, " > ", bounds->max, &broken);
    add_condition(measure->name, " <> ", bounds->equals, &broken);
    if (measure->null_breaks)
        sl_buf_addf(&broken, " or \"%s\" is null", measure->name);
    sl_buf_addf(&claim, "%s ", what);
    sl_check_say_bounds(bounds, &claim);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_buf_check(&broken, err));
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    SL_TRY(keep_members(input, measure, ret, err));
    return sl_check_judged(input, sql.text, measure->name, broken.text, ret, err);
}

// `pattern` with every %s replaced.
static void add_aggregate(const char *pattern, const char *column, struct sl_buf *sql)
{
    for (const char *at = pattern; *at; at++)
        if (at[0] == '%' && at[1] == 's') {
            sl_buf_add(sql, column);
            at++;
        } else {
            sl_buf_add_char(sql, *at);
        }
}

static int measure_of(const struct sl_check_input *input,
                      const struct sl_check_aggregate *aggregate, const char *column,
                      const struct sl_check_bounds *bounds, const char *what, struct sl_check *ret,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    add_aggregate(aggregate->sql, column, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    return sl_check_measured(input,
                             &(struct sl_check_measure){.name = aggregate->name,
                                                        .sql = sql.text,
                                                        .keeps_values = aggregate->keeps_values,
                                                        .bounds = *bounds,
                                                        .numbers = aggregate->numbers},
                             what, ret, err);
}

struct of_column {
    const char *column;
    struct sl_check_bounds bounds;
};

const struct sl_opt sl_check_aggregate_rows[] = {
    {.name = "column",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct of_column, column),
     .summary = "The column."},
    SL_CHECK_BOUND_ROWS(struct of_column),
    {0},
};

const struct sl_check_term sl_check_aggregate_terms[] = {
    {"column", SL_CHECK_FIXED}, SL_CHECK_BOUND_TERMS, {0}};

int sl_check_aggregate(const struct sl_check_input *input,
                       const struct sl_check_aggregate *aggregate, struct sl_check *ret,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    struct of_column config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, sl_check_aggregate_rows, &config, &is_right, err));
    if (!is_right || !sl_check_has_column(input, &config.column) ||
        !sl_check_bounds_are_sound(input, &config.bounds, aggregate->numbers))
        return SL_OK;
    const char *what = sl_arena_printf(input->arena, "%s '%s' is", aggregate->what, config.column);
    SL_TRY_NEW(what, err);
    sl_buf_add_sql_name(&name, config.column);
    SL_TRY(sl_buf_check(&name, err));
    return measure_of(input, aggregate, name.text, &config.bounds, what, ret, err);
}

struct of_columns {
    struct sl_strs columns;
    struct sl_check_bounds bounds;
};

const struct sl_opt sl_check_columns_rows[] = {
    {.name = "columns",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct of_columns, columns),
     .summary = "One column, or several together."},
    SL_CHECK_BOUND_ROWS(struct of_columns),
    {0},
};

const struct sl_check_term sl_check_columns_terms[] = {
    {"columns", SL_CHECK_SET}, SL_CHECK_BOUND_TERMS, {0}};

int sl_check_aggregate_columns(const struct sl_check_input *input,
                               const struct sl_check_aggregate *aggregate, struct sl_check *ret,
                               struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf row = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    struct of_columns config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, sl_check_columns_rows, &config, &is_right, err));
    SL_TRY(sl_check_default_columns(input, &config.columns, err));
    if (!is_right || !sl_check_has_columns(input, &config.columns) ||
        !sl_check_bounds_are_sound(input, &config.bounds, aggregate->numbers))
        return SL_OK;
    sl_check_add_row(&config.columns, &row);
    sl_buf_addf(&what, "%s ", aggregate->what);
    sl_check_say(&config.columns, &what);
    sl_buf_add(&what, " is");
    SL_TRY(sl_buf_check(&row, err));
    SL_TRY(sl_buf_check(&what, err));
    return measure_of(input, aggregate, row.text, &config.bounds, what.text, ret, err);
}
