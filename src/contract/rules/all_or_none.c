#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    SL_AUTO(sl_buf_clear) struct sl_buf count = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    if (!sl_rule_count_values(site, &count, &names))
        return false;
    sl_buf_addf(broken, "%s not in (0, %zu)", count.text, site->rule->columns.count);
    sl_buf_addf(message, "cast(%s as VARCHAR)", count.text);
    sl_rule_adds(message, " of %s have a value, and all must or none", names.text);
    broken->has_failed |= count.has_failed || names.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_all_or_none = {
    .name = "all_or_none",
    .summary = "Either all of the columns have a value, or none.",
    .example = "implementation: {kind: all_or_none, columns: [street, city, postcode]}",
    .is_for_rows = true,
    .compile = compile,
};
