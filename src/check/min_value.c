#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "least",
        .sql = "min(%s)",
        .what = "the least",
        .numbers = SL_CHECK_VALUE,
    };
    return sl_check_aggregate(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_min_value = {
    .name = "min_value",
    .summary = "The least value of a column lies within bounds: numbers, dates, texts.",
    .example = "min_value: {column: day, min: 2020-01-01, max: 2020-12-31}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = sl_check_aggregate_rows,
    .terms = sl_check_aggregate_terms,
    .numbers = SL_CHECK_VALUE,
    .compile = compile,
};
