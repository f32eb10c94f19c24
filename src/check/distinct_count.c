#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "distinct_count",
        .sql = "count(distinct %s)",
        .what = "the number of different values of",
        .numbers = SL_CHECK_COUNT,
        .keeps_values = true,
    };
    return sl_check_aggregate_columns(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_distinct_count = {
    .name = "distinct_count",
    .summary = "A column, or several together, has so many different values; null is none.",
    .example = "distinct_count: {columns: country, min: 20, max: 250}",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .options = sl_check_columns_rows,
    .terms = sl_check_columns_terms,
    .numbers = SL_CHECK_COUNT,
    .compile = compile,
};
