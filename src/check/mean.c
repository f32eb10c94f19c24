#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "mean",
        .sql = "avg(%s)",
        .what = "the mean of",
        .numbers = SL_CHECK_ANY_NUMBER,
    };
    return sl_check_aggregate(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_mean = {
    .name = "mean",
    .summary = "The mean of a column lies within bounds.",
    .example = "mean: {column: delay, min: -5, max: 30}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = sl_check_aggregate_rows,
    .terms = sl_check_aggregate_terms,
    .numbers = SL_CHECK_ANY_NUMBER,
    .compile = compile,
};
