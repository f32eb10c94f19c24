// The strict part: which forms of text a type takes. Everything that DuckDB's own casts accept
// beyond these (hexadecimal, 1_000, exponents, rounding, 24:00, infinity, years outside 1..9999,
// zones that are dropped) is refused here.
#include "contract/read.h"

#include <string.h>

#define DATE_FORM "[0-9]{4}-[0-9]{2}-[0-9]{2}"
#define MINUTE_FORM "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
#define SECOND_FORM ":[0-5][0-9](?:[.][0-9]{1,6}0*)?"
#define ZONE_FORM "(?:Z| UTC|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"

// " when regexp_full_match(text, 'form') then "
static void when_form(const char *text, const char *form, struct sl_buf *sql)
{
    sl_buf_addf(sql, " when regexp_full_match(%s, '%s') then ", text, form);
}

static void strict_number(int scale, const char *type, const char *text, struct sl_buf *sql)
{
    sl_buf_addf(sql, "case when regexp_full_match(%s, '", text);
    if (scale == 0)
        sl_buf_add(sql, "[+-]?[0-9]+(?:[.]0*)?");
    else
        sl_buf_addf(sql, "[+-]?(?:[0-9]+(?:[.][0-9]{0,%d}0*)?|[.][0-9]{1,%d}0*)", scale, scale);
    sl_buf_addf(sql, "') then try_cast(%s as %s) end", text, type);
}

static void strict_double(const char *text, struct sl_buf *sql)
{
    sl_buf_add(sql, "case");
    when_form(text, "[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?", sql);
    sl_buf_addf(sql,
                "case when isfinite(try_cast(%s as DOUBLE)) then try_cast(%s as DOUBLE) end end",
                text, text);
}

// An instant: with a zone, or without one (then it is UTC, whatever zone the session has). DuckDB
// wants seconds where there is a zone.
static void strict_instant(const char *text, struct sl_buf *sql)
{
    sl_buf_add(sql, "case");
    when_form(text, DATE_FORM "[ T]" MINUTE_FORM SECOND_FORM ZONE_FORM, sql);
    sl_buf_addf(sql, "try_cast(%s as TIMESTAMPTZ)", text);
    when_form(text, DATE_FORM "(?:[ T]" MINUTE_FORM "(?:" SECOND_FORM ")?)?", sql);
    sl_buf_addf(sql, "timezone('UTC', try_cast(%s as TIMESTAMP))", text);
    when_form(text, DATE_FORM "[ T]" MINUTE_FORM ZONE_FORM, sql);
    sl_buf_addf(sql, "try_cast(left(%s, 16) || ':00' || substr(%s, 17) as TIMESTAMPTZ) end", text,
                text);
}

const char *sl_reading_shape(const struct sl_contract_column *column)
{
    static const char *const kinds[][2] = {{"item_count", "array"},
                                           {"unique_items", "array"},
                                           {"member_count", "object"},
                                           {"required_members", "object"}};
    const char *shape = NULL;
    if (column->type.kind != SL_TYPE_JSON)
        return NULL;
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        if (rule->severity != SL_RULE_REJECT || rule->where || rule->mostly)
            continue;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            if (!sl_str_equal(rule->kind, kinds[k][0]))
                continue;
            if (shape && !sl_str_equal(shape, kinds[k][1])) // nothing keeps both
                return NULL;
            shape = kinds[k][1];
        }
    }
    return shape;
}

static void strict_json(const char *shape, const char *text, struct sl_buf *sql)
{
    const char *start = !shape ? "[\\[{]" : sl_str_equal(shape, "array") ? "\\[" : "[{]";
    sl_buf_addf(sql, "case when json_valid(%s) and regexp_matches(%s, '^\\s*%s') then %s end", text,
                text, start, text);
}

// strptime takes 'infinity' and 'epoch' for some day in 1900: a text without any digit is no date.
// %z and %Z make it give an instant.
static void formatted(bool wants_instant, const char *format, const char *text, struct sl_buf *sql)
{
    bool is_instant = strstr(format, "%z") || strstr(format, "%Z");
    sl_buf_add(sql, is_instant == wants_instant ? "cast(" : "timezone('UTC', cast(");
    sl_buf_addf(sql, "case when regexp_matches(%s, '[0-9]') then try_strptime(%s, ", text, text);
    sl_buf_add_sql_string(sql, format);
    sl_buf_add(sql, is_instant ? ") end as TIMESTAMPTZ)" : ") end as TIMESTAMP)");
    if (is_instant != wants_instant)
        sl_buf_add(sql, ")");
}

static void formatted_any(const struct sl_contract_column *column, const char *text,
                          struct sl_buf *sql)
{
    enum sl_type_kind kind = column->type.kind;
    if (kind == SL_TYPE_TIME)
        sl_buf_add(sql, "cast(cast(");
    else if (kind == SL_TYPE_DATE)
        sl_buf_add(sql, "cast(");
    sl_buf_add(sql, "coalesce(");
    for (size_t i = 0; i < column->formats.count; i++) {
        if (i)
            sl_buf_add(sql, ", ");
        formatted(kind == SL_TYPE_TIMESTAMP, column->formats.items[i], text, sql);
    }
    sl_buf_add(sql, ")");
    if (kind == SL_TYPE_TIME)
        sl_buf_add(sql, " as TIME) as VARCHAR)");
    else if (kind == SL_TYPE_DATE)
        sl_buf_add(sql, " as DATE)");
}

static void strict_by_kind(struct sl_type type, const char *engine_type, const char *text,
                           struct sl_buf *sql)
{
    switch (type.kind) {
    case SL_TYPE_INTEGER:
        strict_number(0, engine_type, text, sql);
        break;
    case SL_TYPE_DECIMAL:
        strict_number(type.scale, engine_type, text, sql);
        break;
    case SL_TYPE_DOUBLE:
        strict_double(text, sql);
        break;
    case SL_TYPE_BOOLEAN:
        sl_buf_addf(sql, "try_cast(%s as BOOLEAN)",
                    text); // true, t, yes, y, 1 and their opposites, in any case
        break;
    case SL_TYPE_DATE: // a midnight is a date that some program made longer
        sl_buf_add(sql, "case");
        when_form(text, DATE_FORM "(?:[ T]00:00(?::00(?:[.]0+)?)?)?", sql);
        sl_buf_addf(sql, "try_cast(%s as DATE) end", text);
        break;
    case SL_TYPE_TIMESTAMP:
        strict_instant(text, sql);
        break;
    case SL_TYPE_TIMESTAMP_NTZ:
        sl_buf_add(sql, "case");
        when_form(text, DATE_FORM "(?:[ T]" MINUTE_FORM "(?:" SECOND_FORM ")?)?", sql);
        sl_buf_addf(sql, "try_cast(%s as TIMESTAMP) end", text);
        break;
    case SL_TYPE_TIME:
        sl_buf_add(sql, "case");
        when_form(text, MINUTE_FORM "(?:" SECOND_FORM ")?", sql);
        sl_buf_addf(sql, "cast(try_cast(%s as TIME) as VARCHAR) end", text);
        break;
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
    case SL_TYPE_TEXT:
        sl_buf_add(sql, text);
        break;
    }
}

bool sl_reading_has_years(enum sl_type_kind kind)
{
    return kind == SL_TYPE_DATE || kind == SL_TYPE_TIMESTAMP || kind == SL_TYPE_TIMESTAMP_NTZ;
}

bool sl_reading_is_number(enum sl_type_kind kind)
{
    return kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
}

bool sl_reading_is_typed(const struct sl_contract_column *column, const char *from)
{
    bool is_timestamp = sl_str_starts(from, "TIMESTAMP");

    switch (column->type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        return !sl_str_equal(from, "VARCHAR") && !sl_str_equal(from, "JSON");
    case SL_TYPE_BOOLEAN:
        return sl_str_equal(from, "BOOLEAN");
    case SL_TYPE_DATE:
        return sl_str_equal(from, "DATE");
    case SL_TYPE_TIMESTAMP:
        return is_timestamp;
    case SL_TYPE_TIMESTAMP_NTZ:
        return is_timestamp && !sl_str_ends(from, "WITH TIME ZONE");
    case SL_TYPE_TIME:
        return sl_str_equal(from, "TIME");
    case SL_TYPE_TEXT:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return false;
    }
    return false;
}

void sl_reading_unformatted(const struct sl_contract_column *column, const char *type,
                            const char *text, struct sl_buf *sql)
{
    const struct sl_contract_column plain = {.type = column->type};

    sl_reading_strict(&plain, type, text, sql);
}

// With a declared format the year 24 is a %Y that met two digits.
void sl_reading_years(const struct sl_contract_column *column, struct sl_buf *sql)
{
    const char *first = column->formats.count ? "1000-01-01" : "0001-01-01";
    if (column->type.kind == SL_TYPE_DATE)
        sl_buf_addf(sql, "between date '%s' and date '9999-12-31'", first);
    else if (column->type.kind == SL_TYPE_TIMESTAMP)
        sl_buf_addf(
            sql, "between timestamptz '%s 00:00:00Z' and timestamptz '9999-12-31 23:59:59.999999Z'",
            first);
    else
        sl_buf_addf(sql,
                    "between timestamp '%s 00:00:00' and timestamp '9999-12-31 23:59:59.999999'",
                    first);
}

void sl_reading_strict(const struct sl_contract_column *column, const char *type, const char *text,
                       struct sl_buf *sql)
{
    if (column->formats.count &&
        (sl_reading_has_years(column->type.kind) || column->type.kind == SL_TYPE_TIME))
        formatted_any(column, text, sql);
    else if (column->formats.count && sl_reading_is_number(column->type.kind))
        sl_reading_numbers(column, type, text, sql);
    else if (column->formats.count && column->type.kind == SL_TYPE_BOOLEAN)
        sl_reading_booleans(column, text, sql);
    else if (column->type.kind == SL_TYPE_JSON)
        strict_json(sl_reading_shape(column), text, sql);
    else
        strict_by_kind(column->type, type, text, sql);
}
