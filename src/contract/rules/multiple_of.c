#include "contract/rule.h"

#include <string.h>

// Of a double as near as a double can be; try() keeps a number that is too large for the remainder
// from ending the pass.
// Whether every value of the column is a multiple of it: all integers and all decimals of two
// places are one of 0.01. Over them the remainder would be taken in wide decimals.
static bool is_always(const struct sl_contract_column *column, const char *of)
{
    bool is_integer = column->type.kind == SL_TYPE_INTEGER;
    int places = is_integer ? 0 : column->type.scale;
    const char *point = strchr(of, '.');
    if ((!is_integer && column->type.kind != SL_TYPE_DECIMAL) || of[0] == '+')
        return false;
    if (!point)
        return places == 0 && sl_str_equal(of, "1");
    size_t zeros = strspn(point + 1, "0");
    return strspn(of, "0") == (size_t)(point - of) && zeros >= (size_t)places - (places > 0) &&
           sl_str_equal(point + 1 + zeros, "1");
}

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_reading *reading = site->reading;
    const char *of = site->rule->text;
    SL_AUTO(sl_buf_clear) struct sl_buf number = SL_BUF_INIT;
    double value;
    if (!sl_rule_number(of, &number) || !sl_str_to_double(of, &value) || !(value > 0))
        return sl_rule_refuse(site, "'%s' is not a number above 0", of);
    if (is_always(reading->column, of))
        sl_buf_add(broken, "false");
    else if (reading->column->type.kind == SL_TYPE_DOUBLE)
        sl_buf_addf(broken, "abs(%s / %s - round(%s / %s)) > 1e-9", reading->value, number.text,
                    reading->value, number.text);
    else
        sl_buf_addf(broken, "try(%s %% %s) <> 0", reading->value, number.text);
    sl_rule_says(site, message, "is not a multiple of %s", of);
    broken->has_failed |= number.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_multiple_of = {
    .name = "multiple_of",
    .summary = "The number is a multiple of another.",
    .example = "logicalTypeOptions: {multipleOf: 0.05}",
    .compile = compile,
};
