// Rules that Sluice has kinds for, and SQL has an expression or UNIQUE: multiples, columns that are
// compared, columns without the same values twice. They judge rows as the rules do.
#include "contract/exchange/sql.h"

#include <string.h>

enum { MOST_DIGITS = 38 }; // of a decimal of DuckDB and Spark

static const struct sl_yaml *implementation_of(const struct sl_yaml *rule)
{
    return sl_yaml_get(rule, "implementation");
}

bool sl_x_sql_is_plain(const struct sl_yaml *rule)
{
    const struct sl_yaml *code = implementation_of(rule);
    const char *severity = sl_x_get(rule, "severity"), *own = sl_x_get(code, "severity");
    bool is_reject = own ? sl_str_equal_nocase(own, "reject")
                         : !severity || sl_str_equal_nocase(severity, "error");
    return sl_str_equal(sl_x_get(rule, "engine"), "sluice") && is_reject &&
           !sl_x_get(code, "where") && !sl_x_get(code, "mostly");
}

bool sl_x_sql_is_rejecting(const struct sl_yaml *property, const char *kind)
{
    const struct sl_yaml *list = sl_yaml_get(property, "customProperties");
    for (size_t i = 0; i < sl_x_count(list); i++) {
        const struct sl_yaml *value = sl_yaml_get(list->items[i], "value");
        if (!sl_str_equal(sl_x_get(list->items[i], "property"), "sluice.severity") || !value)
            continue;
        const char *word = value->kind == SL_YAML_SCALAR ? value->text : sl_x_get(value, kind);
        if (word && !sl_str_equal_nocase(word, "reject") && !sl_str_equal_nocase(word, "fail"))
            return false;
    }
    return true;
}

static bool is_number(enum sl_type_kind kind)
{
    return kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
}

// As many digits as stand before and behind the point of any value.
static void digits_of(struct sl_type type, int *ret_whole, int *ret_places)
{
    bool is_integer = type.kind == SL_TYPE_INTEGER;
    *ret_whole = is_integer ? 19 : type.precision - type.scale;
    *ret_places = is_integer ? 0 : type.scale;
}

// Whether a decimal holds all values that have so many digits, side by side.
static bool do_fit(const struct sl_x_writer *writer, struct sl_type type, int whole, int places)
{
    int own_whole, own_places;
    if (type.kind == SL_TYPE_DOUBLE || sl_str_equal(writer->dialect->name, "postgres"))
        return true;
    digits_of(type, &own_whole, &own_places);
    return (own_whole > whole ? own_whole : whole) + (own_places > places ? own_places : places) <=
           MOST_DIGITS;
}

// 5, 0.05: no sign and no exponent, which would make it a double.
static bool is_plain_number(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    size_t part = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    size_t end = whole + (text[whole] == '.' ? part + 1 : 0);
    return whole > 0 && (text[whole] != '.' || part > 0) && text[end] == '\0' &&
           strpbrk(text, "123456789");
}

bool sl_x_sql_multiple(struct sl_x_writer *writer, const char *value, struct sl_type type,
                       const char *multiple, struct sl_buf *check)
{
    const char *point = multiple ? strchr(multiple, '.') : NULL;
    if (!multiple || !is_number(type.kind) || !is_plain_number(multiple) ||
        !do_fit(writer, type, 0, point ? (int)strlen(point + 1) : 0))
        return false;
    if (type.kind == SL_TYPE_DOUBLE)
        sl_buf_addf(check, "abs(%s / %s - round(%s / %s)) <= 1e-9", value, multiple, value,
                    multiple);
    else
        sl_buf_addf(check, "%s %% %s = 0", value, multiple);
    return true;
}

static const struct sl_yaml *column_of(const struct sl_x_writer *writer, const char *name)
{
    const struct sl_yaml *list = sl_yaml_get(writer->object, "properties");
    for (size_t i = 0; name && i < sl_x_count(list); i++)
        if (sl_str_equal(sl_x_get(list->items[i], "name"), name))
            return list->items[i];
    return NULL;
}

static bool is_moment(enum sl_type_kind kind)
{
    return kind == SL_TYPE_DATE || kind == SL_TYPE_TIMESTAMP || kind == SL_TYPE_TIMESTAMP_NTZ;
}

static bool are_comparable(const struct sl_x_writer *writer, struct sl_type a, struct sl_type b)
{
    int whole, places;
    bool is_either_double = a.kind == SL_TYPE_DOUBLE || b.kind == SL_TYPE_DOUBLE;
    if (is_moment(a.kind) && is_moment(b.kind)) // Spark has no instant that no session's zone moves
        return a.kind == b.kind || !sl_str_equal(writer->dialect->name, "spark");
    if (!is_number(a.kind) || !is_number(b.kind))
        return a.kind == b.kind && a.kind < SL_TYPE_JSON;
    digits_of(b, &whole, &places);
    return is_either_double || do_fit(writer, a, whole, places);
}

// A date is the begin of its day in UTC, and texts compare by their bytes, whatever the session.
static void add_value(struct sl_x_writer *writer, const char *name, enum sl_type_kind kind,
                      bool is_mixed, struct sl_buf *sql)
{
    bool is_postgres = sl_str_equal(writer->dialect->name, "postgres");
    bool is_instant = is_mixed && kind == SL_TYPE_TIMESTAMP;
    sl_buf_add(sql, !is_instant ? "" : is_postgres ? "(" : "make_timestamp(epoch_us(");
    sl_x_sql_name(writer, sql, name);
    sl_buf_add(sql, !is_instant ? "" : is_postgres ? " AT TIME ZONE 'UTC')" : "))");
    sl_buf_add(sql, is_postgres && kind == SL_TYPE_TEXT ? " COLLATE \"C\"" : "");
}

// `owner`: the column or table at which the rule stands.
static bool add_comparison(struct sl_x_writer *writer, const struct sl_yaml *rule,
                           const struct sl_yaml *owner)
{
    SL_AUTO(sl_buf_clear) struct sl_buf check = SL_BUF_INIT;
    const struct sl_yaml *code = implementation_of(rule);
    const char *operation = sl_x_get(code, "op"), *name = sl_x_get(rule, "name");
    const char *one = sl_x_get(owner == writer->object ? code : owner,
                               owner == writer->object ? "column" : "name");
    const char *other = sl_x_get(code, "to");
    const struct sl_yaml *first = column_of(writer, one), *second = column_of(writer, other);
    if (!operation || !first || !second)
        return false;
    struct sl_type a = sl_x_type_of(first).type, b = sl_x_type_of(second).type;
    if (!are_comparable(writer, a, b))
        return false;
    add_value(writer, one, a.kind, a.kind != b.kind, &check);
    sl_buf_addf(&check, " %s ", operation);
    add_value(writer, other, b.kind, a.kind != b.kind, &check);
    sl_x_sql_check(writer, name ? name : sl_x_printf(writer->exchange, "%s_compare_%s", one, other),
                   &check);
    return true;
}

static bool add_unique(struct sl_x_writer *writer, const struct sl_yaml *code)
{
    const struct sl_yaml *columns = sl_yaml_get(code, "columns");
    if (!writer->dialect->has_keys || !sl_x_count(columns))
        return false;
    for (size_t i = 0; i < columns->count; i++) {
        const struct sl_yaml *column = column_of(writer, columns->items[i]->text);
        if (!column || sl_x_type_of(column).type.kind >= SL_TYPE_JSON)
            return false;
    }
    sl_x_sql_line(writer);
    sl_buf_add(writer->text, "UNIQUE");
    sl_x_sql_names(writer, columns, false);
    return true;
}

// A rule of kind multiple_of, as logicalTypeOptions.multipleOf.
static bool add_multiple(struct sl_x_writer *writer, const struct sl_yaml *rule,
                         const struct sl_yaml *owner)
{
    SL_AUTO(sl_buf_clear) struct sl_buf check = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    const struct sl_yaml *code = implementation_of(rule);
    const char *column = sl_x_get(owner, "name"), *name = sl_x_get(rule, "name");
    if (owner == writer->object || !column)
        return false;
    sl_x_sql_name(writer, &value, column);
    if (value.has_failed || !sl_x_sql_multiple(writer, value.text, sl_x_type_of(owner).type,
                                               sl_x_get(code, "of"), &check))
        return false;
    sl_x_sql_check(writer, name ? name : sl_x_printf(writer->exchange, "%s_multiple_of", column),
                   &check);
    return true;
}

bool sl_x_sql_rule(struct sl_x_writer *writer, const struct sl_yaml *rule,
                   const struct sl_yaml *owner)
{
    const struct sl_yaml *code = implementation_of(rule);
    const char *kind = sl_x_get(code, "kind");
    if (!kind || !sl_x_sql_is_plain(rule))
        return false;
    if (sl_str_equal(kind, "compare"))
        return add_comparison(writer, rule, owner);
    if (sl_str_equal(kind, "unique"))
        return owner == writer->object && add_unique(writer, code);
    return sl_str_equal(kind, "multiple_of") && add_multiple(writer, rule, owner);
}
