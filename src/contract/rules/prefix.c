#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_strs *values = &site->rule->values;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    if (!values->count)
        return sl_rule_refuse(site, "the list of values is empty");
    sl_buf_add(broken, "not (");
    for (size_t i = 0; i < values->count; i++) {
        sl_buf_addf(broken, "%sstarts_with(%s, ", i ? " or " : "", site->reading->text);
        sl_buf_add_sql_string(broken, values->items[i]);
        sl_buf_add(broken, ")");
    }
    sl_buf_add(broken, ")");
    sl_rule_list(values, &what);
    sl_rule_says(site, message, "does not begin with %s", what.text);
    message->has_failed |= what.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_prefix = {
    .name = "prefix",
    .summary = "The text begins with one of a list.",
    .example = "implementation: {kind: prefix, values: [DE-, AT-]}",
    .compile = compile,
};
