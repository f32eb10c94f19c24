#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "greatest",
        .sql = "max(%s)",
        .what = "the greatest",
        .numbers = SL_CHECK_VALUE,
    };
    return sl_check_aggregate(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_max_value = {
    .name = "max_value",
    .summary = "The greatest value of a column lies within bounds: numbers, dates, texts.",
    .example = "max_value: {column: amount, min: 100, max: 100000}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = sl_check_aggregate_rows,
    .terms = sl_check_aggregate_terms,
    .numbers = SL_CHECK_VALUE,
    .compile = compile,
};
