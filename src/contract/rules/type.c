#include "contract/rule.h"

// One reason for a value that cannot be read; rules over the value see a null then and pass.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_reading *reading = site->reading;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    struct sl_type type = reading->column->type;
    sl_buf_addf(broken, "case when %s is null then not (%s) else false end", reading->value,
                reading->absent);
    sl_buf_add(&what, "is not ");
    sl_reading_describe(reading->column, &what);
    sl_rule_says(site, message, "%s", what.text);
    if ((type.kind == SL_TYPE_DECIMAL || type.kind == SL_TYPE_INTEGER) &&
        !reading->column->formats.count)
        sl_buf_addf(message,
                    " || case when regexp_full_match(%s, '[+-]?[0-9]+(?:[.][0-9]+)?') then ': %s' "
                    "else '' end",
                    reading->text,
                    type.kind == SL_TYPE_DECIMAL ? "too many digits" : "too large, or not whole");
    message->has_failed |= what.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_type = {
    .name = "type",
    .summary = "The column's type holds the value exactly.",
    .example = "logicalType: integer",
    .compile = compile,
};
