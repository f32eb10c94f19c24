#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    SL_AUTO(sl_buf_clear) struct sl_buf count = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    if (!sl_rule_count_values(site, &count, &names))
        return false;
    sl_buf_addf(broken, "%s > 1", count.text);
    sl_buf_addf(message, "cast(%s as VARCHAR)", count.text);
    sl_rule_adds(message, " of %s have a value, and at most one may", names.text);
    broken->has_failed |= count.has_failed || names.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_not_both = {
    .name = "not_both",
    .summary = "At most one of the columns has a value.",
    .example = "implementation: {kind: not_both, columns: [iban, card]}",
    .is_for_rows = true,
    .compile = compile,
};
