#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "sum",
        .sql = "sum(%s)",
        .what = "the sum of",
        .numbers = SL_CHECK_ANY_NUMBER,
    };
    return sl_check_aggregate(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_sum = {
    .name = "sum",
    .summary = "The sum of a column lies within bounds.",
    .example = "sum: {column: amount, min: 0}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = sl_check_aggregate_rows,
    .terms = sl_check_aggregate_terms,
    .numbers = SL_CHECK_ANY_NUMBER,
    .compile = compile,
};
