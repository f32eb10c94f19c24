#include "contract/rule.h"

// SQL over the row's clean columns. A null result passes, as in a CHECK constraint. try() keeps one
// odd row from ending the whole pass: it is null only where the expression cannot be computed, and
// such a row is not known to be good. The expression may end in a comment: it has its own lines.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    SL_AUTO(sl_buf_clear) struct sl_buf holds = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf failed = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    if (sl_str_is_empty(rule->text))
        return sl_rule_refuse(site, "it has no expression");
    sl_buf_addf(&holds, "try(coalesce(cast((\n%s\n) as BOOLEAN), true))", rule->text);
    sl_buf_addf(broken, "(%s is not true)", holds.text);
    sl_buf_addf(&failed, "it cannot be computed whether %s", rule->text);
    sl_buf_addf(&what, "it does not hold that %s", rule->text);
    sl_buf_addf(message, "case when %s is null then ", holds.text);
    sl_buf_add_sql_string(message, failed.text);
    sl_buf_add(message, " else ");
    sl_buf_add_sql_string(message, rule->message ? rule->message : what.text);
    sl_buf_add(message, " end");
    message->has_failed |= holds.has_failed || failed.has_failed || what.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_expression = {
    .name = "expression",
    .summary = "A SQL expression over the row can be computed, and is true or null.",
    .example = "implementation: {kind: expression, expression: amount > 0, where: status = 'paid'}",
    .is_for_rows = true,
    .has_own_message = true,
    .compile = compile,
};
