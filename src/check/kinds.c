#include "check/kinds.h"

const struct sl_check_kind *const sl_check_kinds[] = {
    &sl_check_accepted_values,
    &sl_check_distinct_count,
    &sl_check_distinct_share,
    &sl_check_distribution,
    &sl_check_drift,
    &sl_check_duplicate_count,
    &sl_check_duplicate_share,
    &sl_check_expression,
    &sl_check_freshness,
    &sl_check_functional_dependency,
    &sl_check_max_value,
    &sl_check_mean,
    &sl_check_metric,
    &sl_check_min_value,
    &sl_check_missing,
    &sl_check_monotonic,
    &sl_check_no_gaps,
    &sl_check_not_null,
    &sl_check_null_share,
    &sl_check_pattern,
    &sl_check_quantile,
    &sl_check_range,
    &sl_check_reconcile,
    &sl_check_relationships,
    &sl_check_row_count,
    &sl_check_row_count_change,
    &sl_check_sql,
    &sl_check_stddev,
    &sl_check_sum,
    &sl_check_unique,
    NULL,
};

const struct sl_check_kind *sl_check_kind_find(const char *name)
{
    for (size_t i = 0; sl_check_kinds[i]; i++)
        if (sl_str_equal(sl_check_kinds[i]->name, name))
            return sl_check_kinds[i];
    return NULL;
}
