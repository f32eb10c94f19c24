#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_check_aggregate aggregate = {
        .name = "duplicate_share",
        .sql = "(count(%s) - count(distinct %s)) / nullif(count(*), 0)::double",
        .what = "the share of rows whose value comes again in",
        .numbers = SL_CHECK_SHARE,
        .keeps_values = true,
    };
    return sl_check_aggregate_columns(input, &aggregate, ret, err);
}

const struct sl_check_kind sl_check_duplicate_share = {
    .name = "duplicate_share",
    .summary = "The share of rows whose value another row has already lies within bounds.",
    .example = "duplicate_share: {columns: phone, max: 0.01}",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .options = sl_check_columns_rows,
    .terms = sl_check_columns_terms,
    .numbers = SL_CHECK_SHARE,
    .compile = compile,
};
