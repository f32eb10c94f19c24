#include "contract/rule.h"

// What sluice.trim would cut.
#define BLANKS "' \t\r\n\xC2\xA0'"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const char *text = site->reading->text;
    sl_buf_addf(broken, "%s <> trim(%s, " BLANKS ")", text, text);
    sl_rule_says(site, message, "has blanks around it");
    return true;
}

const struct sl_rule_kind sl_rule_trimmed = {
    .name = "trimmed",
    .summary = "The text neither begins nor ends with a blank.",
    .example = "implementation: {kind: trimmed}",
    .compile = compile,
};
