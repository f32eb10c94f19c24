#include "contract/rule.h"

// A text that stands for no value is named: who reads "N/A" in the source should not wonder what is
// missing.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_reading *reading = site->reading;
    sl_buf_add(broken, reading->absent);
    if (!reading->raw_name) {
        sl_buf_add(message, "'a value is required, and the source has no such column'");
        return true;
    }
    sl_buf_addf(message, "case when coalesce(%s, '') = '' then 'a value is required' else ",
                reading->received);
    sl_rule_says(site, message, "stands for no value, and a value is required");
    sl_buf_add(message, " end");
    return true;
}

const struct sl_rule_kind sl_rule_required = {
    .name = "required",
    .summary = "The column has a value.",
    .example = "required: true",
    .compile = compile,
};
