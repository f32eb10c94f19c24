#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "null_share",
        .sql = "count_if(%s is null) / nullif(count(*), 0)::double",
        .what = "the share of nulls in",
        .numbers = SL_CHECK_SHARE,
    };
    return sl_check_aggregate(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_null_share = {
    .name = "null_share",
    .summary = "The share of rows in which a column is null lies within bounds.",
    .example = "null_share: {column: email, max: 0.05}",
    .dimension = SL_DIMENSION_COMPLETENESS,
    .options = sl_check_aggregate_rows,
    .terms = sl_check_aggregate_terms,
    .numbers = SL_CHECK_SHARE,
    .compile = compile,
};
