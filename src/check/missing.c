#include "check/kinds.h"

#include <stddef.h>

struct config {
    const char *column;
    struct sl_strs values;
    bool is_share;
    struct sl_check_bounds bounds;
};
static const struct sl_opt rows[] = {
    {"column", SL_OPT_STRING, offsetof(struct config, column), NULL, "The column.", 0},
    {"values", SL_OPT_STRINGS, offsetof(struct config, values), NULL,
     "Texts that mean that a value is missing, besides null and blanks.", 0},
    {"share", SL_OPT_BOOL, offsetof(struct config, is_share), "false",
     "The bounds are shares of the rows, not counts.", 0},
    SL_CHECK_BOUND_ROWS(struct config),
    {0},
};

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    enum sl_check_numbers numbers = config.is_share ? SL_CHECK_SHARE : SL_CHECK_COUNT;
    if (!config.bounds.min && !config.bounds.max && !config.bounds.equals)
        config.bounds.max = "0";
    if (!is_right || !sl_check_has_column(input, &config.column) ||
        !sl_check_bounds_are_sound(input, &config.bounds, numbers))
        return SL_OK;
    sl_buf_add_sql_name(&name, config.column);
    sl_buf_addf(&sql, "count_if(%s is null or trim(%s::varchar) in (''", name.text, name.text);
    sl_buf_add(&sql, config.values.count ? ", " : "");
    sl_check_add_strings(&config.values, &sql);
    sl_buf_add(&sql, "))");
    sl_buf_add(&sql, config.is_share ? " / nullif(count(*), 0)::double" : "");
    SL_TRY(sl_buf_check(&name, err));
    SL_TRY(sl_buf_check(&sql, err));
    const char *what = sl_arena_printf(input->arena, "the %s of rows without a value of '%s' is",
                                       config.is_share ? "share" : "number", config.column);
    SL_TRY_NEW(what, err);
    return sl_check_measured(
        input,
        &(struct sl_check_measure){
            .name = "missing", .sql = sql.text, .bounds = config.bounds, .numbers = numbers},
        what, ret, err);
}

static const struct sl_check_term terms[] = {{"column", SL_CHECK_FIXED},
                                             {"values", SL_CHECK_RAISES_BY_LIST},
                                             {"share", SL_CHECK_UNIT, "false"},
                                             {"min", SL_CHECK_BOUND},
                                             {"max", SL_CHECK_BOUND, "0"},
                                             {"equals", SL_CHECK_BOUND},
                                             {0}};

const struct sl_check_kind sl_check_missing = {
    .name = "missing",
    .summary = "So many rows have no value: null, blanks, or one of the listed texts.",
    .example = "missing: {column: email, values: [N/A, unknown], share: true, max: 0.02}",
    .dimension = SL_DIMENSION_COMPLETENESS,
    .options = rows,
    .terms = terms,
    .numbers = SL_CHECK_COUNT,
    .compile = compile,
};
