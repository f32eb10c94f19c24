// The type of a column: logicalType says what it is, physicalType and format say it in more detail.
#include "spec/contract_file.h"

#include <ctype.h>
#include <string.h>

static void complain(struct sl_odcs_reader *reader, struct sl_place place, const char *hint,
                     const char *column, const char *message)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place, hint,
            "column '%s': %s", column, message);
}

static struct sl_type of_logical(int logical)
{
    switch ((enum sl_odcs_logical)logical) {
    case SL_ODCS_STRING:
        return (struct sl_type){.kind = SL_TYPE_TEXT};
    case SL_ODCS_DATE:
        return (struct sl_type){.kind = SL_TYPE_DATE};
    case SL_ODCS_TIMESTAMP:
        return (struct sl_type){.kind = SL_TYPE_TIMESTAMP};
    case SL_ODCS_TIME:
        return (struct sl_type){.kind = SL_TYPE_TIME};
    case SL_ODCS_NUMBER:
        return (struct sl_type){.kind = SL_TYPE_DOUBLE};
    case SL_ODCS_INTEGER:
        return (struct sl_type){.kind = SL_TYPE_INTEGER, .bits = 64};
    case SL_ODCS_OBJECT:
    case SL_ODCS_ARRAY:
        return (struct sl_type){.kind = SL_TYPE_JSON};
    case SL_ODCS_BOOLEAN:
        return (struct sl_type){.kind = SL_TYPE_BOOLEAN};
    }
    return (struct sl_type){.kind = SL_TYPE_TEXT};
}

// Whether the physical type says in more detail what the logical one says. Where it does not, it
// only tells how the source stores the value (a number in a varchar), and the logical type holds.
static bool is_detail_of(enum sl_type_kind physical, int logical)
{
    switch ((enum sl_odcs_logical)logical) {
    case SL_ODCS_STRING:
        return physical == SL_TYPE_TEXT;
    case SL_ODCS_DATE: // v3.0 has no other word for a timestamp
        return physical == SL_TYPE_DATE || physical == SL_TYPE_TIMESTAMP ||
               physical == SL_TYPE_TIMESTAMP_NTZ;
    case SL_ODCS_TIMESTAMP:
        return physical == SL_TYPE_TIMESTAMP || physical == SL_TYPE_TIMESTAMP_NTZ;
    case SL_ODCS_NUMBER:
    case SL_ODCS_INTEGER:
        return physical == SL_TYPE_INTEGER || physical == SL_TYPE_DECIMAL ||
               (physical == SL_TYPE_DOUBLE && logical == SL_ODCS_NUMBER);
    case SL_ODCS_TIME:
    case SL_ODCS_OBJECT:
    case SL_ODCS_ARRAY:
    case SL_ODCS_BOOLEAN:
        return false;
    }
    return false;
}

// Whether a column of the physical type can hold such values at all, as databases have it: all of
// them as text, booleans as 0 and 1, times of a day in a timestamp.
static bool can_hold(enum sl_type_kind physical, int logical)
{
    bool is_moment = physical == SL_TYPE_TIMESTAMP || physical == SL_TYPE_TIMESTAMP_NTZ;
    bool is_number = physical == SL_TYPE_INTEGER || physical == SL_TYPE_DECIMAL;

    if (physical == SL_TYPE_TEXT || physical == SL_TYPE_JSON)
        return true;
    switch ((enum sl_odcs_logical)logical) {
    case SL_ODCS_STRING:
        return false;
    case SL_ODCS_DATE:
        return physical == SL_TYPE_DATE || is_moment;
    case SL_ODCS_TIMESTAMP:
        return is_moment;
    case SL_ODCS_TIME:
        return physical == SL_TYPE_TIME || is_moment;
    case SL_ODCS_NUMBER:
    case SL_ODCS_INTEGER:
        return is_number || physical == SL_TYPE_DOUBLE;
    case SL_ODCS_BOOLEAN:
        return physical == SL_TYPE_BOOLEAN || is_number;
    case SL_ODCS_OBJECT:
    case SL_ODCS_ARRAY:
        return physical == SL_TYPE_OBJECT || physical == SL_TYPE_ARRAY;
    }
    return true;
}

// The logical type that the physical one is of.
static const char *logical_of(struct sl_type type)
{
    switch (type.kind) {
    case SL_TYPE_INTEGER:
        return "integer";
    case SL_TYPE_DECIMAL:
        return type.scale ? "number" : "integer";
    case SL_TYPE_DOUBLE:
        return "number";
    case SL_TYPE_BOOLEAN:
        return "boolean";
    case SL_TYPE_DATE:
        return "date";
    case SL_TYPE_TIME:
        return "time";
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        return "timestamp";
    case SL_TYPE_OBJECT:
        return "object";
    case SL_TYPE_ARRAY:
        return "array";
    case SL_TYPE_TEXT:
    case SL_TYPE_JSON:
        return "string";
    }
    return "string";
}

static void report_contradiction(struct sl_odcs_reader *reader,
                                 const struct sl_odcs_property *property,
                                 const struct sl_contract_column *column, struct sl_type physical)
{
    static const struct {
        const char *logical, *physical;
    } words[] = {
        [SL_ODCS_STRING] = {"string", "varchar"},
        [SL_ODCS_DATE] = {"date", "date"},
        [SL_ODCS_TIMESTAMP] = {"timestamp", "timestamptz"},
        [SL_ODCS_TIME] = {"time", "time"},
        [SL_ODCS_NUMBER] = {"number", "decimal(12,2)"},
        [SL_ODCS_INTEGER] = {"integer", "bigint"},
        [SL_ODCS_OBJECT] = {"object", "json"},
        [SL_ODCS_ARRAY] = {"array", "json"},
        [SL_ODCS_BOOLEAN] = {"boolean", "boolean"},
    };
    const char *logical = words[property->logical_type].logical;
    const struct sl_yaml *written = sl_yaml_get(property->node, "logicalType");

    if (!sl_str_equal(written->text, logical)) // it is none, which is told
        return;
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT,
            sl_yaml_place(property->node, "physicalType"),
            sl_arena_printf(&reader->project->arena,
                            "write 'logicalType: %s', or a type that holds it, such as "
                            "'physicalType: %s', or take out physicalType",
                            logical_of(physical), words[property->logical_type].physical),
            "column '%s': physicalType '%s' contradicts logicalType '%s'", column->name,
            property->physical_type, logical);
}

static bool has_type(const struct sl_odcs_property *property)
{
    return sl_load_has(property->node, "logicalType");
}

// The physical type, whose slips are errors where nothing else tells the type, and warnings else.
static void take_physical(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                          struct sl_contract_column *column, int64_t *ret_length)
{
    struct sl_place place = sl_yaml_place(property->node, "physicalType");
    struct sl_physical physical;
    const char *nearest;
    bool is_only = !has_type(property);

    sl_odcs_physical(property->physical_type, &physical);
    if (!physical.is_known) {
        nearest = sl_odcs_physical_nearest(property->physical_type);
        sl_diag(&reader->project->diags, is_only ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING,
                is_only ? SL_E_CONTRACT : SL_E_CONTRACT_UNREAD, place,
                nearest ? sl_arena_printf(&reader->project->arena, "did you mean '%s'?", nearest)
                        : "such as varchar(20), bigint, decimal(12,2), timestamptz, date, boolean, "
                          "double, json",
                "column '%s': no type is named '%s'", column->name, property->physical_type);
        return;
    }
    if (physical.problem) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place, physical.problem,
                "column '%s': '%s' is no type", column->name, property->physical_type);
        return;
    }
    if (!is_only && !can_hold(physical.type.kind, property->logical_type))
        report_contradiction(reader, property, column, physical.type);
    if (!is_only && !is_detail_of(physical.type.kind, property->logical_type))
        return;
    if (!is_only && property->logical_type == SL_ODCS_INTEGER && physical.type.scale > 0)
        complain(reader, place, "logicalType 'number' has decimals", column->name,
                 "logicalType 'integer' contradicts a physicalType with decimals");
    column->type = physical.type;
    *ret_length = physical.length;
}

// i8 to i64, and unsigned ones that get a range of their own; 128 bits are more than any column
// holds.
static void take_integer_format(struct sl_odcs_reader *reader,
                                const struct sl_odcs_property *property,
                                struct sl_contract_column *column)
{
    static const struct {
        const char *name;
        int bits;
    } formats[] = {{"i8", 8},  {"i16", 16}, {"i32", 32}, {"i64", 64},
                   {"u8", 16}, {"u16", 32}, {"u32", 64}};

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, property->options.format) == 0) {
            if (column->type.kind == SL_TYPE_INTEGER && !property->physical_type)
                column->type.bits = formats[i].bits;
            return;
        }
    if (strcmp(property->options.format, "u64") == 0 && column->type.kind == SL_TYPE_INTEGER)
        column->type = (struct sl_type){.kind = SL_TYPE_DECIMAL, .precision = 20};
    else if (strcmp(property->options.format, "u64") != 0)
        complain(reader, sl_yaml_place(property->options.node, "format"),
                 "i8, i16, i32, i64, u8, u16, u32 or u64", column->name,
                 "this format is no integer that a table can hold");
}

static int take_time_format(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                            struct sl_contract_column *column, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    const char *format = property->options.format;
    const char *converted = format;

    if (!strchr(format, '%'))
        SL_TRY(sl_odcs_strptime(format, arena, &converted, err));
    if (converted) {
        column->formats_node = sl_yaml_get(property->options.node, "format");
        return sl_strs_add(&column->formats, arena, converted, err);
    }
    complain(reader, sl_yaml_place(property->options.node, "format"),
             "give the format in customProperties as sluice.formats: [\"%d.%m.%Y\"]", column->name,
             "this format has a letter that cannot be read");
    return SL_OK;
}

static int take_format(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                       struct sl_contract_column *column, struct sl_err *err)
{
    switch (column->type.kind) {
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
    case SL_TYPE_TIME:
        return take_time_format(reader, property, column, err);
    case SL_TYPE_INTEGER:
        take_integer_format(reader, property, column);
        return SL_OK;
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        if (strcmp(property->options.format, "f32") != 0 &&
            strcmp(property->options.format, "f64") != 0)
            complain(reader, sl_yaml_place(property->options.node, "format"), "f32 or f64",
                     column->name, "this format is no number");
        return SL_OK;
    case SL_TYPE_TEXT: // a rule
    case SL_TYPE_BOOLEAN:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return SL_OK;
    }
    return SL_OK;
}

static void take_zone(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                      struct sl_contract_column *column)
{
    const struct sl_odcs_options *options = &property->options;
    const char *zone = options->default_timezone;
    bool is_timestamp =
        column->type.kind == SL_TYPE_TIMESTAMP || column->type.kind == SL_TYPE_TIMESTAMP_NTZ;

    if (is_timestamp && sl_load_has(options->node, "timezone"))
        column->type.kind = options->has_timezone ? SL_TYPE_TIMESTAMP : SL_TYPE_TIMESTAMP_NTZ;
    if (zone && !sl_str_equal_nocase(zone, "UTC") && !sl_str_equal_nocase(zone, "Etc/UTC") &&
        strcmp(zone, "Z") != 0)
        sl_diag(&reader->project->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD,
                sl_yaml_place(options->node, "defaultTimezone"),
                "times without a zone are read as UTC",
                "column '%s': defaultTimezone '%s' is not used", column->name, zone);
}

int sl_odcs_type(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                 struct sl_contract_column *column, int64_t *ret_length, struct sl_err *err)
{
    *ret_length = 0;
    if (has_type(property))
        column->type = of_logical(property->logical_type);
    else if (!property->physical_type)
        complain(reader, column->place,
                 "logicalType is one of string, date, timestamp, time, number, integer, object, "
                 "array, boolean",
                 column->name, "neither logicalType nor physicalType is given");
    if (property->physical_type)
        take_physical(reader, property, column, ret_length);
    if (has_type(property) && sl_odcs_has_fields(property))
        column->type.kind =
            property->logical_type == SL_ODCS_OBJECT ? SL_TYPE_OBJECT : SL_TYPE_ARRAY;
    if (has_type(property) && column->type.kind == SL_TYPE_JSON)
        column->json_shape = property->logical_type == SL_ODCS_ARRAY    ? "array"
                             : property->logical_type == SL_ODCS_OBJECT ? "object"
                                                                        : NULL;
    take_zone(reader, property, column);
    if (property->options.format)
        return take_format(reader, property, column, err);
    return SL_OK;
}

// A run of one letter in a JDK pattern, such as "yyyy".
static const char *of_letters(char letter, size_t count)
{
    switch (letter) {
    case 'y':
    case 'u':
        return count == 2 ? "%y" : "%Y";
    case 'M':
    case 'L':
        return count == 1 ? "%-m" : count == 2 ? "%m" : count == 3 ? "%b" : "%B";
    case 'd':
        return count == 1 ? "%-d" : "%d";
    case 'D':
        return count == 3 ? "%j" : "%-j";
    case 'E':
        return count <= 3 ? "%a" : "%A";
    case 'H':
        return count == 1 ? "%-H" : "%H";
    case 'h':
        return count == 1 ? "%-I" : "%I";
    case 'm':
        return count == 1 ? "%-M" : "%M";
    case 's':
        return count == 1 ? "%-S" : "%S";
    case 'S':
        return count == 3 ? "%g" : count == 6 ? "%f" : count == 9 ? "%n" : NULL;
    case 'a':
        return "%p";
    case 'X':
    case 'x':
    case 'Z':
        return "%z";
    case 'V':
        return "%Z";
    case 'T': // the standard's own examples leave out the quotes
        return "T";
    default:
        return NULL;
    }
}

// 'literal', with '' for a quote itself, inside as outside; returns where it ends.
static const char *add_quoted(const char *at, struct sl_buf *out)
{
    if (at[1] == '\'') {
        sl_buf_add_char(out, '\'');
        return at + 2;
    }
    for (at++; *at; at++) {
        if (at[0] == '\'' && at[1] != '\'')
            return at + 1;
        at += *at == '\'';
        sl_buf_add_char(out, *at);
    }
    return at;
}

int sl_odcs_strptime(const char *format, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf out = SL_BUF_INIT;

    *ret = NULL;
    for (const char *at = format; *at;) {
        size_t count = 1;
        const char *word;

        if (*at == '\'') {
            at = add_quoted(at, &out);
            continue;
        }
        if (!isalpha((unsigned char)*at)) {
            sl_buf_add_char(&out, *at++);
            continue;
        }
        while (at[count] == *at)
            count++;
        word = of_letters(*at, count);
        if (!word)
            return SL_OK;
        sl_buf_add(&out, word);
        at += count;
    }
    SL_TRY(sl_buf_check(&out, err));
    *ret = sl_arena_strdup(arena, out.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
