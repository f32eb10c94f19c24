#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "duplicate_count",
        .sql = "count(%s) - count(distinct %s)",
        .what = "the number of values that come again in",
        .numbers = SL_CHECK_COUNT,
        .keeps_values = true,
    };
    return sl_check_aggregate_columns(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_duplicate_count = {
    .name = "duplicate_count",
    .summary = "So many values come again after their first row; nulls do not count.",
    .example = "duplicate_count: {columns: [email, day], max: 10}",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .options = sl_check_columns_rows,
    .terms = sl_check_columns_terms,
    .numbers = SL_CHECK_COUNT,
    .compile = compile,
};
