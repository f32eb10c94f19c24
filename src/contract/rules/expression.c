#include "contract/rule.h"

// SQL over the row's clean columns. A null result passes, as in a CHECK constraint, and so does one
// that cannot be computed (a division by zero): try() keeps one odd row from ending the whole pass.
// The expression may end in a comment: it has its own lines.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    if (sl_str_is_empty(site->rule->text))
        return sl_rule_refuse(site, "it has no expression");
    sl_buf_addf(broken, "not try(cast((\n%s\n) as BOOLEAN))", site->rule->text);
    sl_buf_addf(&what, "it does not hold that %s", site->rule->text);
    sl_buf_add_sql_string(message, what.text);
    message->has_failed |= what.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_expression = {
    .name = "expression",
    .summary = "A SQL expression over the row is true or null.",
    .example = "implementation: {kind: expression, expression: amount > 0, where: status = 'paid'}",
    .is_for_rows = true,
    .compile = compile,
};
