#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "stddev",
        .sql = "stddev_samp(%s)",
        .what = "the standard deviation of",
        .numbers = SL_CHECK_ANY_NUMBER,
    };
    return sl_check_aggregate(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_stddev = {
    .name = "stddev",
    .summary = "The standard deviation of a column (of a sample) lies within bounds.",
    .example = "stddev: {column: price, min: 0.01, max: 500}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = sl_check_aggregate_rows,
    .terms = sl_check_aggregate_terms,
    .numbers = SL_CHECK_ANY_NUMBER,
    .compile = compile,
};
