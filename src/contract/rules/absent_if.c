#include "contract/rule.h"

// A condition that is null or cannot be computed asks for nothing.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    if (!columns)
        return false;
    sl_rule_name(columns[0], broken);
    sl_buf_addf(broken, " is not null and try(cast((\n%s\n) as BOOLEAN))", site->rule->text);
    sl_buf_addf(&what, "there is a value of %s, and none is allowed where %s", columns[0]->name,
                site->rule->text);
    sl_buf_add_sql_string(message, what.text);
    message->has_failed |= what.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_absent_if = {
    .name = "absent_if",
    .summary = "The column has no value in rows for which a condition is true.",
    .example = "implementation: {kind: absent_if, when: status = 'draft'}",
    .is_for_rows = true,
    .compile = compile,
};
