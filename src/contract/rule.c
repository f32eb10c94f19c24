#include "contract/rule.h"

#include "base/clock.h"

#include <string.h>

#define DAY_US ((int64_t)86400 * 1000000)

const struct sl_rule_kind *const sl_rule_kinds[] = {&sl_rule_required,
                                                    &sl_rule_type,
                                                    &sl_rule_alias,
                                                    &sl_rule_enum,
                                                    &sl_rule_not_in,
                                                    &sl_rule_range,
                                                    &sl_rule_length,
                                                    &sl_rule_pattern,
                                                    &sl_rule_not_pattern,
                                                    &sl_rule_format,
                                                    &sl_rule_prefix,
                                                    &sl_rule_suffix,
                                                    &sl_rule_contains,
                                                    &sl_rule_case,
                                                    &sl_rule_trimmed,
                                                    &sl_rule_printable,
                                                    &sl_rule_digits,
                                                    &sl_rule_multiple_of,
                                                    &sl_rule_decimal_places,
                                                    &sl_rule_past,
                                                    &sl_rule_future,
                                                    &sl_rule_age,
                                                    &sl_rule_weekday,
                                                    &sl_rule_json_valid,
                                                    &sl_rule_json_keys,
                                                    &sl_rule_expression,
                                                    &sl_rule_compare,
                                                    &sl_rule_required_if,
                                                    &sl_rule_absent_if,
                                                    &sl_rule_sum_of,
                                                    &sl_rule_product_of,
                                                    &sl_rule_in_order,
                                                    &sl_rule_one_of_columns,
                                                    &sl_rule_not_both,
                                                    &sl_rule_all_or_none,
                                                    &sl_rule_different,
                                                    &sl_rule_foreign_key,
                                                    &sl_rule_item_count,
                                                    &sl_rule_unique_items,
                                                    &sl_rule_member_count,
                                                    &sl_rule_required_members,
                                                    NULL};

const struct sl_rule_kind *sl_rule_kind_find(const char *name)
{
    for (size_t i = 0; sl_rule_kinds[i]; i++)
        if (sl_str_equal(sl_rule_kinds[i]->name, name))
            return sl_rule_kinds[i];
    return NULL;
}

// A condition that cannot be computed for a row does not hold, as in a filter.
bool sl_rule_compile(const struct sl_rule_kind *kind, const struct sl_rule_site *site,
                     struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    SL_AUTO(sl_buf_clear) struct sl_buf own = SL_BUF_INIT;
    if (!kind->compile(site, &own, message))
        return false;
    if (rule->where)
        sl_buf_addf(broken, "case when try(cast((\n%s\n) as BOOLEAN)) then %s end", rule->where,
                    own.text);
    else
        sl_buf_add(broken, own.text);
    if (rule->message && !kind->has_own_message) {
        sl_buf_reset(message);
        sl_buf_add_sql_string(message, rule->message);
    }
    broken->has_failed |= own.has_failed;
    return true;
}

enum { LISTED_VALUES = 10 };

void sl_rule_list(const struct sl_strs *values, struct sl_buf *text)
{
    for (size_t i = 0; i < values->count && i < LISTED_VALUES; i++)
        sl_buf_addf(text, "%s'%s'", i ? ", " : "", values->items[i]);
    if (values->count > LISTED_VALUES)
        sl_buf_addf(text, " and %zu more", values->count - LISTED_VALUES);
}

void sl_rule_says(const struct sl_rule_site *site, struct sl_buf *message, const char *format, ...)
{
    SL_AUTO(sl_buf_clear) struct sl_buf rest = SL_BUF_INIT;
    const char *received = site->reading->received;
    const char *text = site->reading->text;
    va_list args;
    sl_buf_add(&rest, "' ");
    va_start(args, format);
    sl_buf_vaddf(&rest, format, args);
    va_end(args);
    // A default that breaks a rule was not received: it speaks for itself.
    sl_buf_addf(
        message,
        "'''' || left(coalesce(%s, %s), 100) || case when length(coalesce(%s, %s)) > 100 then "
        "'…' else '' end || ",
        received, text, received, text);
    sl_buf_add_sql_string(message, rest.text);
    message->has_failed |= rest.has_failed;
}

bool sl_rule_refuse(const struct sl_rule_site *site, const char *format, ...)
{
    struct sl_err reason = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    va_list args;
    va_start(args, format);
    sl_buf_vaddf(&text, format, args);
    va_end(args);
    (void)sl_fail(&reason, SL_E_RULE, "rule '%s': %s", site->rule->id, text.text);
    sl_diag_err(site->diags, SL_SEVERITY_ERROR, &reason, site->rule->place);
    return false;
}

// A plain decimal number, as in YAML: no exponent, no blanks.
static bool is_number(const char *text)
{
    const char *digits = text + (*text == '-' || *text == '+');
    size_t whole = strspn(digits, "0123456789");
    size_t part = digits[whole] == '.' ? strspn(digits + whole + 1, "0123456789") : 0;
    size_t end = whole + (digits[whole] == '.' ? part + 1 : 0);
    return whole + part > 0 && digits[end] == '\0';
}

static void typed_literal(const char *text, const char *type, struct sl_buf *sql)
{
    sl_buf_add(sql, "cast(");
    sl_buf_add_sql_string(sql, text);
    sl_buf_addf(sql, " as %s)", type);
}

// Numbers keep all their digits: a bound of 0.005 on a decimal(12,2) must not become 0.01.
bool sl_rule_number(const char *text, struct sl_buf *sql)
{
    double value;
    if (is_number(text) && strlen(text) <= 38)
        sl_buf_addf(sql, "(%s)", text);
    else if (sl_str_to_double(text, &value))
        typed_literal(text, "DOUBLE", sql);
    else
        return false;
    return true;
}

static bool date_literal(const struct sl_reading *reading, const char *text, struct sl_buf *sql)
{
    int64_t time_us;
    if (sl_clock_parse(text, &time_us) != 0)
        return false;
    char printed[32];
    sl_clock_format(time_us, printed);
    if (reading->column->type.kind ==
        SL_TYPE_TIMESTAMP) // a bound without zone is UTC, as a value is
        typed_literal(printed, "TIMESTAMPTZ", sql);
    else if (reading->column->type.kind == SL_TYPE_DATE && time_us % DAY_US == 0)
        typed_literal(printed, "DATE", sql);
    else
        typed_literal(printed, "TIMESTAMP", sql);
    return true;
}

static bool is_below(const char *two_digits, const char *limit)
{
    return strspn(two_digits, "0123456789") >= 2 && strncmp(two_digits, limit, 2) < 0;
}

// As a time of day is kept: "17:00" is '17:00:00', "17:00:00.50" is '17:00:00.5'.
static bool time_literal(const char *text, struct sl_buf *sql)
{
    size_t length = strlen(text);
    size_t digits = length > 9 ? strspn(text + 9, "0123456789") : 0;
    bool has_seconds = length > 5;
    SL_AUTO(sl_buf_clear) struct sl_buf kept = SL_BUF_INIT;

    if (length < 5 || !is_below(text, "24") || text[2] != ':' || !is_below(text + 3, "60"))
        return false;
    if (has_seconds && (length < 8 || text[5] != ':' || !is_below(text + 6, "60")))
        return false;
    if (length > 8 && (text[8] != '.' || digits == 0 || 9 + digits != length))
        return false;
    while (digits > 0 && text[8 + digits] == '0')
        digits--;
    sl_buf_add_bytes(&kept, text, !has_seconds ? 5 : digits ? 9 + digits : 8);
    sl_buf_add(&kept, has_seconds ? "" : ":00");
    sl_buf_add_sql_string(sql, kept.text);
    sql->has_failed |= kept.has_failed;
    return true;
}

bool sl_rule_literal(const struct sl_reading *reading, const char *text, struct sl_buf *sql)
{
    switch (reading->column->type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        return sl_rule_number(text, sql);
    case SL_TYPE_BOOLEAN:
        if (!sl_str_equal_nocase(text, "true") && !sl_str_equal_nocase(text, "false"))
            return false;
        sl_buf_add(sql, text);
        return true;
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        return date_literal(reading, text, sql);
    case SL_TYPE_TIME:
        return time_literal(text, sql);
    case SL_TYPE_TEXT:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        sl_buf_add_sql_string(sql, text);
        return true;
    }
    return false;
}

bool sl_rule_compile_affix(const struct sl_rule_site *site, const char *function, const char *says,
                           struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_strs *values = &site->rule->values;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    if (!values->count)
        return sl_rule_refuse(site, "the list of values is empty");
    sl_buf_add(broken, "not (");
    for (size_t i = 0; i < values->count; i++) {
        sl_buf_addf(broken, "%s%s(%s, ", i ? " or " : "", function, site->reading->text);
        sl_buf_add_sql_string(broken, values->items[i]);
        sl_buf_add(broken, ")");
    }
    sl_buf_add(broken, ")");
    sl_rule_list(values, &what);
    sl_rule_says(site, message, "%s %s", says, what.text);
    message->has_failed |= what.has_failed;
    return true;
}
