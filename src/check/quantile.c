#include "check/kinds.h"

#include <stddef.h>

struct config {
    const char *column, *q;
    struct sl_check_bounds bounds;
};
static const struct sl_opt rows[] = {
    {"column", SL_OPT_STRING, offsetof(struct config, column), NULL, "The column.", 0},
    {"q", SL_OPT_STRING, offsetof(struct config, q), NULL,
     "Which quantile: 0.5 is the median, 0.99 what only one in a hundred is above.",
     SL_OPT_REQUIRED},
    SL_CHECK_BOUND_ROWS(struct config),
    {0},
};

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct config config = {0};
    double q;
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !sl_check_has_column(input, &config.column) ||
        !sl_check_bounds_are_sound(input, &config.bounds, SL_CHECK_VALUE))
        return SL_OK;
    if (!sl_str_to_double(config.q, &q) || !(q >= 0 && q <= 1)) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(input->arguments, "q"), NULL,
                "'q' is '%s', expected a number from 0 to 1", config.q);
        return SL_OK;
    }
    sl_buf_add(&sql, "quantile_disc(");
    sl_buf_add_sql_name(&sql, config.column);
    sl_buf_addf(&sql, ", %s)", config.q);
    SL_TRY(sl_buf_check(&sql, err));
    const char *what =
        sl_arena_printf(input->arena, "the %s quantile of '%s' is", config.q, config.column);
    SL_TRY_NEW(what, err);
    return sl_check_measured(input,
                             &(struct sl_check_measure){.name = "quantile",
                                                        .sql = sql.text,
                                                        .bounds = config.bounds,
                                                        .numbers = SL_CHECK_VALUE,
                                                        .keeps_values = true},
                             what, ret, err);
}

static const struct sl_check_term terms[] = {
    {"column", SL_CHECK_FIXED}, {"q", SL_CHECK_RAISES}, SL_CHECK_BOUND_TERMS, {0}};

const struct sl_check_kind sl_check_quantile = {
    .name = "quantile",
    .summary = "A quantile of a column lies within bounds: numbers, dates.",
    .example = "quantile: {column: delay, q: 0.95, max: 120}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = rows,
    .terms = terms,
    .numbers = SL_CHECK_VALUE,
    .compile = compile,
};
