#include "contract/alias.h"
#include "contract/rule.h"

// A row with a value under one name only keeps it.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_merge *merge = site->reading->merge;
    sl_buf_add(broken, merge->differs);
    sl_buf_add(message, merge->message);
    return true;
}

const struct sl_rule_kind sl_rule_alias = {
    .name = "alias",
    .summary = "Where a row has the column under its new and its old name, both have one value.",
    .example = "customProperties: [{property: sluice.aliases, value: [{name: cust, until: "
               "2026-12-31}]}]",
    .compile = compile,
};
