#include "contract/read.h"

#include <stdio.h>
#include <string.h>

// Space, tab, line ends, and the no-break space that spreadsheets leave.
#define BLANKS "' \t\r\n\xC2\xA0'"

const char *sl_reading_type(struct sl_type type, struct sl_arena *arena)
{
    char name[32];
    if (type.kind == SL_TYPE_TIME || type.kind == SL_TYPE_JSON)
        return "VARCHAR";
    return sl_arena_strdup(arena, sl_type_name(type, name));
}

static void describe_format(const struct sl_contract_column *column, struct sl_buf *text)
{
    if (!column->formats.count ||
        (!sl_reading_has_years(column->type.kind) && column->type.kind != SL_TYPE_TIME))
        return;
    sl_buf_add(text, column->formats.count > 1 ? " in any of the formats" : " in the format");
    for (size_t i = 0; i < column->formats.count; i++)
        sl_buf_addf(text, "%s %s", i ? "," : "", column->formats.items[i]);
}

void sl_reading_describe(const struct sl_contract_column *column, struct sl_buf *text)
{
    static const char *const names[] = {
        [SL_TYPE_TEXT] = "a text",
        [SL_TYPE_INTEGER] = "an integer",
        [SL_TYPE_DECIMAL] = "a decimal",
        [SL_TYPE_DOUBLE] = "a number",
        [SL_TYPE_BOOLEAN] = "a boolean",
        [SL_TYPE_DATE] = "a date",
        [SL_TYPE_TIMESTAMP] = "a timestamp",
        [SL_TYPE_TIMESTAMP_NTZ] = "a timestamp without time zone",
        [SL_TYPE_TIME] = "a time of day",
        [SL_TYPE_JSON] = "a JSON object or array",
    };
    sl_buf_add(text, names[column->type.kind]);
    if (column->type.kind == SL_TYPE_DECIMAL)
        sl_buf_addf(text, "(%d,%d)", column->type.precision, column->type.scale);
    else if (column->type.kind == SL_TYPE_INTEGER)
        sl_buf_addf(text, " of %d bits", column->type.bits);
    describe_format(column, text);
}

void sl_sql_list(const struct sl_strs *values, struct sl_buf *sql)
{
    sl_buf_add(sql, "(");
    for (size_t i = 0; i < values->count; i++) {
        if (i)
            sl_buf_add(sql, ", ");
        sl_buf_add_sql_string(sql, values->items[i]);
    }
    sl_buf_add(sql, ")");
}

static bool is_text(const struct sl_reading *reading)
{
    return reading->raw_name &&
           (sl_str_equal(reading->raw_type, "VARCHAR") || sl_str_equal(reading->raw_type, "JSON"));
}

static bool is_integer(const char *type)
{
    static const char *const types[] = {"TINYINT",  "SMALLINT",  "INTEGER",  "BIGINT",  "HUGEINT",
                                        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (sl_str_equal(type, types[i]))
            return true;
    return false;
}

// Null texts beyond the empty one could be a value's text as well: "-1", "0", "n", "9999-12-31".
static bool has_null_words(const struct sl_contract_column *column)
{
    for (size_t i = 0; i < column->null_values.count; i++)
        if (column->null_values.items[i][0] != '\0')
            return true;
    return false;
}

// A typed raw value whose cast is exact or null. All others go through their text and its strict
// form.
static bool is_exact_cast(const struct sl_reading *reading)
{
    const char *from = reading->raw_type;
    int precision, scale;
    if (has_null_words(reading->column))
        return false;
    switch (reading->column->type.kind) {
    case SL_TYPE_INTEGER:
        return is_integer(from);
    case SL_TYPE_DECIMAL:
        if (sscanf(from, "DECIMAL(%d,%d)", &precision, &scale) == 2)
            return scale <= reading->column->type.scale;
        return is_integer(from);
    case SL_TYPE_DOUBLE:
        return is_integer(from) || sl_str_equal(from, "DOUBLE") || sl_str_equal(from, "FLOAT") ||
               sl_str_starts(from, "DECIMAL(");
    case SL_TYPE_BOOLEAN:
    case SL_TYPE_DATE:
        return sl_str_equal(from, reading->type);
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        return sl_str_equal(from, reading->type) || sl_str_equal(from, "TIMESTAMP") ||
               sl_str_equal(from, "DATE");
    case SL_TYPE_TEXT:
    case SL_TYPE_TIME:
    case SL_TYPE_JSON:
        return false;
    }
    return false;
}

static bool has_cast(const struct sl_reading *reading)
{
    enum sl_type_kind kind = reading->column->type.kind;
    if (!reading->raw_name)
        return false;
    if (!is_text(reading))
        return is_exact_cast(reading);
    return kind != SL_TYPE_TEXT && kind != SL_TYPE_JSON && kind != SL_TYPE_TIME &&
           !reading->column->formats.count;
}

static bool is_nested(const char *type)
{
    return sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT(") || sl_str_starts(type, "MAP(");
}

void sl_reading_raw(const struct sl_reading *reading, struct sl_buf *sql)
{
    if (!reading->raw_name)
        return;
    sl_buf_add(sql, ", r.");
    sl_buf_add_sql_name(sql, reading->raw_name);
    sl_buf_addf(sql, " as \"~r%zu\"", reading->index);
    if (!has_cast(reading))
        return;
    // A time without zone is UTC, whatever zone the session has.
    bool is_bare = reading->column->type.kind == SL_TYPE_TIMESTAMP && !is_text(reading) &&
                   !sl_str_equal(reading->raw_type, reading->type);
    sl_buf_add(sql, is_bare ? ", timezone('UTC', try_cast(r." : ", try_cast(r.");
    sl_buf_add_sql_name(sql, reading->raw_name);
    sl_buf_addf(sql, " as %s)", is_bare ? "TIMESTAMP" : reading->type);
    sl_buf_addf(sql, is_bare ? ") as \"~q%zu\"" : " as \"~q%zu\"", reading->index);
}

// A cast from text is beyond doubt ...
static void doubt_text(const struct sl_reading *reading, struct sl_buf *sql)
{
    size_t i = reading->index;
    bool is_plain = reading->column->is_trimmed && !has_null_words(reading->column);
    switch (reading->column->type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL: // ... when it prints as it was read,
        sl_buf_addf(sql, "cast(\"~q%zu\" as VARCHAR) = \"~r%zu\"", i, i);
        break;
    case SL_TYPE_DATE: // ... by its form: dates repeat, and a match against a dictionary's entries
                       // costs nothing,
        sl_buf_addf(sql, "regexp_full_match(\"~r%zu\", '[0-9]{4}-[0-9]{2}-[0-9]{2}')", i);
        break;
    case SL_TYPE_DOUBLE: // ... when it has none of the oddities of DuckDB's cast, for doubles print
                         // in many ways,
        if (is_plain)
            sl_buf_addf(sql, "isfinite(\"~q%zu\") and not contains(\"~r%zu\", '_')", i, i);
        else
            sl_buf_addf(sql, "isfinite(\"~q%zu\") and cast(\"~q%zu\" as VARCHAR) = \"~r%zu\"", i, i,
                        i);
        break;
    case SL_TYPE_BOOLEAN:
        sl_buf_addf(sql, "\"~q%zu\" is not null", i);
        break;
    case SL_TYPE_TIMESTAMP: // ... or when it has the usual form; 24:00 would be taken for the next
                            // day.
        sl_buf_addf(
            sql,
            "\"~q%zu\" is not null and (\"~r%zu\" like '____-__-__T__:__:__Z' or \"~r%zu\" like "
            "'____-__-__T__:__:__.___Z') and not contains(\"~r%zu\", 'T24') and not "
            "contains(\"~r%zu\", ' ')",
            i, i, i, i, i);
        break;
    case SL_TYPE_TIMESTAMP_NTZ:
        sl_buf_addf(
            sql,
            "cast(\"~q%zu\" as VARCHAR) = \"~r%zu\" or (\"~q%zu\" is not null and \"~r%zu\" like "
            "'____-__-__T__:__:__' and not contains(\"~r%zu\", 'T24') and not contains(\"~r%zu\", "
            "' '))",
            i, i, i, i, i, i);
        break;
    case SL_TYPE_TEXT:
    case SL_TYPE_TIME:
    case SL_TYPE_JSON:
        break;
    }
}

void sl_reading_doubt(const struct sl_reading *reading, struct sl_buf *sql)
{
    if (!has_cast(reading))
        return;
    sl_buf_add(sql, ", (");
    if (reading->is_trusted && !has_null_words(reading->column))
        sl_buf_addf(sql, "\"~q%zu\" is not null", reading->index);
    else if (is_text(reading))
        doubt_text(reading, sql);
    else if (reading->column->type.kind == SL_TYPE_DOUBLE)
        sl_buf_addf(sql, "isfinite(\"~q%zu\")", reading->index);
    else
        sl_buf_addf(sql, "\"~q%zu\" is not null", reading->index);
    sl_buf_add(sql, ")");
    if (is_text(reading) && has_null_words(reading->column)) {
        sl_buf_addf(sql, " and \"~r%zu\" not in ", reading->index);
        sl_sql_list(&reading->column->null_values, sql);
    }
    sl_buf_addf(sql, " as \"~k%zu\"", reading->index);
}

void sl_reading_trimmed(const struct sl_reading *reading, struct sl_buf *sql)
{
    bool is_doubtful = has_cast(reading);
    sl_buf_add(sql, ", ");
    if (is_doubtful)
        sl_buf_addf(sql, "case when \"~k%zu\" then %s else ", reading->index, reading->received);
    if (reading->column->is_trimmed)
        sl_buf_addf(sql, "trim(%s, " BLANKS ")", reading->received);
    else
        sl_buf_add(sql, reading->received);
    sl_buf_addf(sql, is_doubtful ? " end as \"~t%zu\"" : " as \"~t%zu\"", reading->index);
}

void sl_reading_text(const struct sl_reading *reading, struct sl_buf *sql)
{
    const struct sl_contract_column *column = reading->column;
    size_t i = reading->index;
    sl_buf_add(sql, column->otherwise ? ", coalesce(" : ", ");
    if (column->null_values.count) {
        sl_buf_addf(sql, "case when \"~t%zu\" not in ", i);
        sl_sql_list(&column->null_values, sql);
        sl_buf_addf(sql, " then \"~t%zu\" end", i);
    } else {
        sl_buf_addf(sql, "\"~t%zu\"", i);
    }
    if (column->otherwise) {
        sl_buf_add(sql, ", ");
        sl_buf_add_sql_string(sql, column->otherwise);
        sl_buf_add(sql, ")");
    }
    sl_buf_addf(sql, " as %s", reading->text);
}

void sl_reading_value(const struct sl_reading *reading, struct sl_buf *sql)
{
    sl_buf_add(sql, ", ");
    if (has_cast(reading))
        sl_buf_addf(sql, "case when \"~k%zu\" then \"~q%zu\" else ", reading->index,
                    reading->index);
    sl_reading_strict(reading->column, reading->type, reading->text, sql);
    sl_buf_addf(sql, has_cast(reading) ? " end as \"~y%zu\"" : " as \"~y%zu\"", reading->index);
}

void sl_reading_held(const struct sl_reading *reading, struct sl_buf *sql)
{
    size_t i = reading->index;
    if (sl_reading_has_years(reading->column->type.kind) && !reading->is_trusted) {
        sl_buf_addf(sql, ", case when \"~y%zu\" ", i);
        sl_reading_years(reading->column, sql);
        sl_buf_addf(sql, " then \"~y%zu\" end as %s", i, reading->value);
    } else {
        sl_buf_addf(sql, ", \"~y%zu\" as %s", i, reading->value);
    }
}

int sl_reading_init(struct sl_reading *reading, const struct sl_contract_column *column,
                    const struct sl_column *raw, size_t index, struct sl_arena *arena,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    *reading = (struct sl_reading){.column = column, .index = index};
    reading->type = sl_reading_type(column->type, arena);
    SL_TRY_NEW(reading->type, err);
    reading->text = sl_arena_printf(arena, "\"~x%zu\"", index);
    SL_TRY_NEW(reading->text, err);
    sl_buf_add_sql_name(&name, column->name);
    SL_TRY(sl_buf_check(&name, err));
    reading->value = sl_arena_strdup(arena, name.text);
    SL_TRY_NEW(reading->value, err);
    if (!raw) {
        reading->received = "cast(null as VARCHAR)";
        return SL_OK;
    }
    reading->raw_name = raw->name;
    reading->raw_type = raw->type;
    bool is_bare = is_text(reading);
    const char *before = is_bare ? "" : is_nested(raw->type) ? "cast(to_json(" : "cast(";
    const char *after = is_bare ? "" : is_nested(raw->type) ? ") as VARCHAR)" : " as VARCHAR)";
    reading->received = sl_arena_printf(arena, "%s\"~r%zu\"%s", before, index, after);
    SL_TRY_NEW(reading->received, err);
    return SL_OK;
}
