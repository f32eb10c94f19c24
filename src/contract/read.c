#include "contract/alias.h"
#include "contract/nest.h"

#include <stdio.h>
#include <string.h>

static const char *print(struct sl_arena *arena, const struct sl_buf *sql)
{
    return sql->has_failed ? NULL : sl_arena_strndup(arena, sql->text, sql->length);
}

const char *sl_reading_type(const struct sl_contract_column *column, struct sl_arena *arena)
{
    SL_AUTO(sl_buf_clear) struct sl_buf type = SL_BUF_INIT;
    sl_nest_type(column, &type);
    return print(arena, &type);
}

static void describe_format(const struct sl_contract_column *column, struct sl_buf *text)
{
    if (!column->formats.count)
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
        [SL_TYPE_OBJECT] = "a JSON object",
        [SL_TYPE_ARRAY] = "a JSON array",
    };
    const char *shape = sl_reading_shape(column);
    if (!shape && column->type.kind == SL_TYPE_JSON)
        shape = column->json_shape;
    if (shape)
        sl_buf_addf(text, "a JSON %s", shape);
    else
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
bool sl_reading_is_exact(const struct sl_contract_column *column, const char *from,
                         const char *type)
{
    int precision, scale;
    if (has_null_words(column))
        return false;
    switch (column->type.kind) {
    case SL_TYPE_INTEGER:
        return is_integer(from);
    case SL_TYPE_DECIMAL:
        if (sscanf(from, "DECIMAL(%d,%d)", &precision, &scale) == 2)
            return scale <= column->type.scale;
        return is_integer(from);
    case SL_TYPE_DOUBLE:
        return is_integer(from) || sl_str_equal(from, "DOUBLE") || sl_str_equal(from, "FLOAT") ||
               sl_str_starts(from, "DECIMAL(");
    case SL_TYPE_BOOLEAN:
    case SL_TYPE_DATE:
        return sl_str_equal(from, type);
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        return sl_str_equal(from, type) || sl_str_equal(from, "TIMESTAMP") ||
               sl_str_equal(from, "DATE");
    case SL_TYPE_TEXT:
    case SL_TYPE_TIME:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return false;
    }
    return false;
}

// A time without zone is UTC, whatever zone the session has.
bool sl_reading_cast(const struct sl_contract_column *column, const char *from, const char *type,
                     const char *value, struct sl_buf *sql)
{
    bool is_text = sl_str_equal(from, "VARCHAR") || sl_str_equal(from, "JSON");
    bool is_bare = column->type.kind == SL_TYPE_TIMESTAMP && !is_text && !sl_str_equal(from, type);
    bool is_exact = sl_reading_is_exact(column, from, type);
    if (!is_exact)
        sl_buf_addf(sql, "cast(null as %s)", type);
    else if (is_bare)
        sl_buf_addf(sql, "timezone('UTC', try_cast(%s as TIMESTAMP))", value);
    else
        sl_buf_addf(sql, "try_cast(%s as %s)", value, type);
    return is_exact;
}

// Out of several columns of raw, of which some are not text.
static bool is_mixed(const struct sl_reading *reading)
{
    return reading->merge && reading->merge->cast;
}

static bool has_cast(const struct sl_reading *reading)
{
    enum sl_type_kind kind = reading->column->type.kind;
    if (!reading->raw_name)
        return false;
    if (is_mixed(reading))
        return true;
    if (!is_text(reading))
        return sl_reading_is_exact(reading->column, reading->raw_type, reading->type);
    return kind != SL_TYPE_TEXT && kind < SL_TYPE_TIME && !reading->column->formats.count;
}

static bool is_nested(const char *type)
{
    return sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT(") || sl_str_starts(type, "MAP(");
}

// Text that is what was received, but for null texts: without a layer of its own it stays in the
// dictionary that it was read from, and what looks at it looks once at each of its entries.
static bool is_plain(const struct sl_reading *reading)
{
    const struct sl_contract_column *column = reading->column;
    return is_text(reading) && column->type.kind == SL_TYPE_TEXT && !column->is_trimmed &&
           !column->otherwise;
}

void sl_reading_raw(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    (void)rows;
    if (!reading->raw_name)
        return;
    sl_buf_add(sql, ", r.");
    sl_buf_add_sql_name(sql, reading->raw_name);
    sl_buf_addf(sql, " as \"~r%zu\"", reading->index);
    if (reading->merge && reading->merge->typed)
        sl_buf_addf(sql, ", r.\"~u%zu\" as \"~u%zu\"", reading->index, reading->index);
    if (!has_cast(reading))
        return;
    if (is_mixed(reading)) {
        sl_buf_addf(sql, ", r.\"~c%zu\" as \"~q%zu\"", reading->index, reading->index);
        return;
    }
    bool is_bare = reading->column->type.kind == SL_TYPE_TIMESTAMP && !is_text(reading) &&
                   !sl_str_equal(reading->raw_type, reading->type);
    sl_buf_add(sql, is_bare ? ", timezone('UTC', try_cast(r." : ", try_cast(r.");
    sl_buf_add_sql_name(sql, reading->raw_name);
    sl_buf_addf(sql, " as %s)", is_bare ? "TIMESTAMP" : reading->type);
    sl_buf_addf(sql, is_bare ? ") as \"~q%zu\"" : " as \"~q%zu\"", reading->index);
}

#define DATE_GLOB "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
#define TIME_GLOB ":[0-5][0-9]:[0-5][0-9]"

// 24:00 would be taken for the next day.
static void doubt_time(size_t index, const char *separator, const char *rest, struct sl_buf *sql)
{
    sl_buf_addf(sql,
                "case when \"~r%zu\" glob '" DATE_GLOB "%s[0-1][0-9]" TIME_GLOB
                "%s' then true else \"~r%zu\" glob '" DATE_GLOB "%s2[0-3]" TIME_GLOB "%s' end",
                index, separator, rest, index, separator, rest);
}

// A cast from text is beyond doubt by its form, or when it prints as it was read. Patterns without
// a regular expression are many times cheaper, and cost nothing where the engine looks at a
// dictionary's entries.
static void doubt_text(const struct sl_reading *reading, struct sl_buf *sql)
{
    size_t i = reading->index;
    sl_buf_addf(sql, "\"~q%zu\" is not null and ", i);
    switch (reading->column->type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        if (reading->column->type.kind == SL_TYPE_DOUBLE)
            sl_buf_addf(sql, "isfinite(\"~q%zu\") and ", i);
        sl_buf_addf(sql,
                    "case when not (\"~r%zu\" glob '*[!0-9%s]*') then true else "
                    "cast(\"~q%zu\" as VARCHAR) = \"~r%zu\" end",
                    i, reading->column->type.kind == SL_TYPE_DOUBLE ? "." : "", i, i);
        break;
    case SL_TYPE_DATE:
        sl_buf_addf(sql, "\"~r%zu\" glob '" DATE_GLOB "'", i);
        break;
    case SL_TYPE_BOOLEAN:
        sl_buf_add(sql, "true");
        break;
    case SL_TYPE_TIMESTAMP:
        sl_buf_add(sql, "(");
        doubt_time(i, "T", "Z", sql);
        sl_buf_add(sql, " or ");
        doubt_time(i, "T", ".[0-9][0-9][0-9]Z", sql);
        sl_buf_add(sql, ")");
        break;
    case SL_TYPE_TIMESTAMP_NTZ:
        doubt_time(i, "[ T]", "", sql);
        break;
    case SL_TYPE_TEXT:
    case SL_TYPE_TIME:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        break;
    }
}

// Of good rows a bare cast that gives a value gave the right one, for a wrong one has been refused.
// But it takes a blank before a null text; and a cast to an instant takes the zone of an earlier
// value for a text that has none (DuckDB 1.5.5), be that value's row refused or not.
static bool is_trusted(const struct sl_reading *reading, enum sl_pass_rows rows)
{
    return rows == SL_PASS_GOOD && !reading->is_type_warned && !has_null_words(reading->column) &&
           !(is_text(reading) && reading->column->type.kind == SL_TYPE_TIMESTAMP);
}

void sl_reading_doubt(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    if (!has_cast(reading))
        return;
    sl_buf_add(sql, ", coalesce((");
    if (is_trusted(reading, rows))
        sl_buf_addf(sql, "\"~q%zu\" is not null", reading->index);
    else if (is_text(reading) && !is_mixed(reading))
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
    sl_buf_addf(sql, ", false) as \"~k%zu\"", reading->index);
}

void sl_reading_trimmed(const struct sl_reading *reading, enum sl_pass_rows rows,
                        struct sl_buf *sql)
{
    bool is_lazy = rows != SL_PASS_ALL && has_cast(reading);
    if (rows != SL_PASS_ALL && is_plain(reading))
        return;
    sl_buf_add(sql, ", ");
    if (is_lazy)
        sl_buf_addf(sql, "case when not \"~k%zu\" then ", reading->index);
    if (reading->column->is_trimmed)
        sl_buf_addf(sql, "trim(%s, " SL_READING_BLANKS ")", reading->received);
    else
        sl_buf_add(sql, reading->received);
    sl_buf_addf(sql, is_lazy ? " end as \"~t%zu\"" : " as \"~t%zu\"", reading->index);
}

// case when text not in ('', 'N/A') then text end
static void without_null_texts(const struct sl_reading *reading, const char *letter,
                               struct sl_buf *sql)
{
    size_t i = reading->index;
    if (!reading->column->null_values.count) {
        sl_buf_addf(sql, "\"~%s%zu\"", letter, i);
        return;
    }
    sl_buf_addf(sql, "case when \"~%s%zu\" not in ", letter, i);
    sl_sql_list(&reading->column->null_values, sql);
    sl_buf_addf(sql, " then \"~%s%zu\" end", letter, i);
}

void sl_reading_text(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    const struct sl_contract_column *column = reading->column;
    if (rows != SL_PASS_ALL && is_plain(reading))
        return;
    if (reading->nest) {
        sl_nest_text(reading, rows, sql);
        return;
    }
    sl_buf_add(sql, column->otherwise ? ", coalesce(" : ", ");
    without_null_texts(reading, "t", sql);
    if (column->otherwise) {
        sl_buf_add(sql, ", ");
        sl_buf_add_sql_string(sql, column->otherwise);
        sl_buf_add(sql, ")");
    }
    sl_buf_addf(sql, " as \"~x%zu\"", reading->index);
}

// What the source has as a value of the type has no format, whatever its text looks like; the
// default has.
static void add_strict(const struct sl_reading *reading, const char *text, struct sl_buf *sql)
{
    const struct sl_contract_column *column = reading->column;
    bool is_any = reading->merge && reading->merge->typed; // or some rows' are
    bool is_typed = reading->raw_name && column->formats.count &&
                    (is_any || sl_reading_is_typed(column, reading->raw_type));
    bool has_both = is_typed && (is_any || column->otherwise);
    if (has_both) {
        if (is_any)
            sl_buf_addf(sql, "case when \"~u%zu\"", reading->index);
        if (column->otherwise) {
            sl_buf_add(sql, is_any ? " and (" : "case when (");
            without_null_texts(reading, "t", sql);
            sl_buf_add(sql, ") is not null");
        }
        sl_buf_add(sql, " then ");
    }
    if (is_typed)
        sl_reading_unformatted(column, reading->type, text, sql);
    sl_buf_add(sql, has_both ? " else " : "");
    if (!is_typed || has_both)
        sl_reading_strict(column, reading->type, text, sql);
    sl_buf_add(sql, has_both ? " end" : "");
}

void sl_reading_value(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    char text[32];
    if (reading->nest) {
        sl_nest_value(reading, rows, sql);
        return;
    }
    (void)snprintf(text, sizeof text, "\"~x%zu\"", reading->index);
    sl_buf_add(sql, ", ");
    if (has_cast(reading))
        sl_buf_addf(sql, "case when \"~k%zu\" then \"~q%zu\" else ", reading->index,
                    reading->index);
    if (rows == SL_PASS_GOOD && is_plain(reading) && reading->is_required)
        sl_buf_addf(sql, "\"~r%zu\"", reading->index);
    else if (rows != SL_PASS_ALL && is_plain(reading))
        without_null_texts(reading, "r", sql);
    else
        add_strict(reading, text, sql);
    sl_buf_addf(sql, has_cast(reading) ? " end as \"~y%zu\"" : " as \"~y%zu\"", reading->index);
}

void sl_reading_held(const struct sl_reading *reading, enum sl_pass_rows rows, struct sl_buf *sql)
{
    size_t i = reading->index;
    if (reading->nest) {
        sl_nest_held(reading, rows, sql);
        return;
    }
    sl_buf_addf(sql, ", ");
    if (sl_reading_has_years(reading->column->type.kind) && !is_trusted(reading, rows)) {
        sl_buf_addf(sql, "case when \"~y%zu\" ", i);
        sl_reading_years(reading->column, sql);
        sl_buf_addf(sql, " then \"~y%zu\" end as ", i);
    } else {
        sl_buf_addf(sql, "\"~y%zu\" as ", i);
    }
    if (reading->is_set_aside)
        sl_buf_add(sql, reading->value);
    else
        sl_buf_add_sql_name(sql, reading->column->name);
}

int sl_reading_set_aside(struct sl_reading *reading, struct sl_arena *arena, struct sl_err *err)
{
    reading->value = sl_arena_printf(arena, "\"~h%zu\"", reading->index);
    SL_TRY_NEW(reading->value, err);
    // No value is known to be good.
    reading->is_set_aside = reading->is_type_warned = true;
    return SL_OK;
}

int sl_reading_init(struct sl_reading *reading, const struct sl_contract_column *column,
                    const struct sl_column *raw, size_t index, struct sl_arena *arena,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    *reading = (struct sl_reading){.column = column, .index = index};
    reading->type = sl_reading_type(column, arena);
    SL_TRY_NEW(reading->type, err);
    reading->text = sl_arena_printf(arena, "\"~x%zu\"", index);
    SL_TRY_NEW(reading->text, err);
    reading->absent = sl_arena_printf(arena, "%s is null", reading->text);
    SL_TRY_NEW(reading->absent, err);
    sl_buf_add_sql_name(&name, column->name);
    reading->value = print(arena, &name);
    SL_TRY_NEW(reading->value, err);
    if (!raw) {
        reading->received = "cast(null as VARCHAR)";
        return column->field_count ? sl_nest_init(reading, arena, err) : SL_OK;
    }
    reading->raw_name = raw->name;
    reading->raw_type = raw->type;
    bool is_bare = is_text(reading);
    const char *before = is_bare ? "" : is_nested(raw->type) ? "cast(to_json(" : "cast(";
    const char *after = is_bare ? "" : is_nested(raw->type) ? ") as VARCHAR)" : " as VARCHAR)";
    reading->received = sl_arena_printf(arena, "%s\"~r%zu\"%s", before, index, after);
    SL_TRY_NEW(reading->received, err);
    return column->field_count ? sl_nest_init(reading, arena, err) : SL_OK;
}

static int flag_plain(struct sl_reading *reading, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf absent = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf guard = SL_BUF_INIT;
    reading->text = reading->value = reading->received;
    sl_buf_addf(&absent, "%s is null", reading->received);
    if (reading->column->null_values.count) {
        sl_buf_addf(&absent, " or %s in ", reading->received);
        sl_sql_list(&reading->column->null_values, &absent);
        sl_buf_addf(&guard, "%s not in ", reading->received);
        sl_sql_list(&reading->column->null_values, &guard);
        reading->guard = print(arena, &guard);
        SL_TRY_NEW(reading->guard, err);
    }
    reading->absent = print(arena, &absent);
    SL_TRY_NEW(reading->absent, err);
    return SL_OK;
}

int sl_reading_flagged(const struct sl_reading *reading, struct sl_arena *arena,
                       struct sl_reading *ret, struct sl_err *err)
{
    *ret = *reading;
    if (reading->nest)
        return SL_OK;
    if (is_plain(reading))
        return flag_plain(ret, arena, err);
    if (!has_cast(reading))
        return SL_OK;
    ret->text = sl_arena_printf(arena, "(case when \"~k%zu\" then %s else %s end)", reading->index,
                                reading->received, reading->text);
    SL_TRY_NEW(ret->text, err);
    // What has a value has a text: it need not be made to see whether there is one.
    ret->absent = sl_arena_printf(arena, "case when %s is null then %s is null else false end",
                                  ret->value, ret->text);
    SL_TRY_NEW(ret->absent, err);
    return SL_OK;
}
