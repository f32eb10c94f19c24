#include "check/kinds.h"

// A number stays one: 10.4 as a text would take the type of an integer column, and be 10. Other
// bounds are texts of whatever type the column has: dates, times.
static void add_bound(struct sl_buf *sql, const struct sl_yaml *bound)
{
    double number;
    if (!bound->is_quoted && sl_str_to_double(bound->text, &number))
        sl_buf_add(sql, bound->text);
    else
        sl_buf_add_sql_string(sql, bound->text);
}

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const char *const known[] = {"column", "min", "max", NULL};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    size_t errors = input->diags->error_count;
    if (!sl_check_is_map(input, known))
        return SL_OK;
    const char *column = sl_check_text(input, "column", true);
    const char *min = sl_check_text(input, "min", false), *max = sl_check_text(input, "max", false);
    if (input->diags->error_count != errors)
        return SL_OK;
    if (!min && !max) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place, NULL,
                "'min' or 'max' is missing");
        return SL_OK;
    }
    double least, greatest;
    if (min && max && sl_str_to_double(min, &least) && sl_str_to_double(max, &greatest) &&
        least > greatest) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(input->arguments, "min"), NULL,
                "'min' %s is above 'max' %s, so that nothing can pass", min, max);
        return SL_OK;
    }
    sl_buf_add_sql_name(&name, column);
    SL_TRY(sl_buf_check(&name, err));
    if (min) {
        sl_buf_addf(&sql, "%s < ", name.text);
        add_bound(&sql, sl_yaml_get(input->arguments, "min"));
    }
    if (max) {
        sl_buf_addf(&sql, "%s%s > ", min ? " or " : "", name.text);
        add_bound(&sql, sl_yaml_get(input->arguments, "max"));
    }
    sl_buf_addf(&claim, "'%s' is ", column);
    if (min && max)
        sl_buf_addf(&claim, "between %s and %s", min, max);
    else
        sl_buf_addf(&claim, min ? "at least %s" : "at most %s", min ? min : max);
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_of_rows(input, &sql, ret, err);
}

static const struct sl_check_term terms[] = {
    {"column", SL_CHECK_FIXED}, {"min", SL_CHECK_BOUND}, {"max", SL_CHECK_BOUND}, {0}};

const struct sl_check_kind sl_check_range = {
    .name = "range",
    .summary = "A column stays within bounds, both inclusive.",
    .example = "range: {column: delay, min: -60, max: 1440}",
    .dimension = SL_DIMENSION_ACCURACY,
    .takes_mostly = true,
    .terms = terms,
    .numbers = SL_CHECK_VALUE,
    .holds_of_parts = true,
    .compile = compile,
};
