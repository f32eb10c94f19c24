#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    SL_AUTO(sl_buf_clear) struct sl_buf count = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    if (!sl_rule_count_values(site, &count, &names))
        return false;
    bool is_exact = sl_str_equal(site->rule->operation, "exactly");
    sl_buf_addf(broken, is_exact ? "%s <> 1" : "%s = 0", count.text);
    sl_buf_addf(message, "case when %s = 0 then 'none'", count.text);
    sl_buf_addf(message, " else cast(%s as VARCHAR) end", count.text);
    sl_rule_adds(message, " of %s has a value, and %s must", names.text,
                 is_exact ? "exactly one" : "one");
    broken->has_failed |= count.has_failed || names.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_one_of_columns = {
    .name = "one_of_columns",
    .summary = "At least one of the columns, or exactly one, has a value.",
    .example = "implementation: {kind: one_of_columns, columns: [email, phone]}",
    .is_for_rows = true,
    .compile = compile,
};
