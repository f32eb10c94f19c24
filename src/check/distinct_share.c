#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "distinct_share",
        .sql = "count(distinct %s) / nullif(count(%s), 0)::double",
        .what = "the share of different values among those of",
        .numbers = SL_CHECK_SHARE,
        .keeps_values = true,
    };
    return sl_check_aggregate_columns(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_distinct_share = {
    .name = "distinct_share",
    .summary = "The number of different values, by the number of values that are not null, lies "
               "within bounds.",
    .example = "distinct_share: {columns: session_id, min: 0.9}",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .options = sl_check_columns_rows,
    .terms = sl_check_columns_terms,
    .numbers = SL_CHECK_SHARE,
    .compile = compile,
};
