#include "contract/rule.h"

// Not the clock of the run: a row is judged alike whenever it is read again.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    sl_rule_value(site->reading->column, broken);
    sl_buf_add(broken, " > ");
    sl_rule_taken_in(site, broken);
    sl_rule_says(site, message, "lies after the time at which the row was taken in");
    return true;
}

const struct sl_rule_kind sl_rule_past = {
    .name = "past",
    .summary = "The date or time is not after the one at which the row was taken in.",
    .example = "implementation: {kind: past}",
    .is_for_rows = true,
    .compile = compile,
};
