#include "check/kinds.h"

static bool read_bound(const struct sl_check_input *input, const char *key, int64_t *ret,
                       bool *ret_is_given)
{
    const char *text = sl_check_text(input, key, false);
    *ret_is_given = text != NULL;
    if (!text || sl_str_to_int64(text, ret))
        return true;
    sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, sl_yaml_place(input->arguments, key),
            NULL, "expected a whole number for '%s', found '%s'", key, text);
    return false;
}

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const char *const known[] = {"min", "max", NULL};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    int64_t min = 0, max = INT64_MAX;
    bool has_min, has_max;
    if (!sl_check_is_map(input, known) || !read_bound(input, "min", &min, &has_min) ||
        !read_bound(input, "max", &max, &has_max))
        return SL_OK;
    if ((!has_min && !has_max) || min > max) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, input->arguments->place, NULL,
                "'row_count' needs 'min' or 'max', and min may not be above max");
        return SL_OK;
    }
    sl_buf_addf(&sql,
                "select count(*) as \"rows\" from " SL_CHECKED
                " having count(*) not between %lld and %lld",
                (long long)min, (long long)max);
    if (has_min)
        sl_buf_addf(&claim, "at least %lld", (long long)min);
    if (has_max)
        sl_buf_addf(&claim, "%sat most %lld", has_min ? " and " : "", (long long)max);
    sl_buf_add(&claim, " rows");
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_keep(input, &sql, &ret->failing_sql, err);
}

const struct sl_check_kind sl_check_row_count = {
    .name = "row_count",
    .summary = "The whole table has at least and at most so many rows.",
    .example = "row_count: {min: 1}",
    .compile = compile,
};
