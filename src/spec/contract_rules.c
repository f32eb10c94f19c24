// The rules that a column has by itself: required, unique, logicalTypeOptions; those of objects and
// arrays stand in contract_nested.c.
#include "spec/contract_file.h"

#include <string.h>

// "amount.range", "amount.range2"; a name of the user's own must be free.
static int choose_id(struct sl_odcs_reader *reader, struct sl_rule *rule, const char *name,
                     struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    const char *first = name ? name : rule->id ? rule->id : rule->kind;

    if (!name && !rule->id && rule->column)
        first = sl_arena_printf(arena, "%s.%s", rule->column, rule->kind);
    SL_TRY_NEW(first, err);
    rule->id = first;
    for (size_t i = 2; sl_map_has(&reader->rule_ids, rule->id); i++) {
        if (name) {
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE, rule->place,
                    "rejected rows are found by the names of rules",
                    "another rule of this table is named '%s'", name);
            return SL_OK;
        }
        rule->id = sl_arena_printf(arena, "%s%zu", first, i);
        SL_TRY_NEW(rule->id, err);
    }
    return sl_map_set(&reader->rule_ids, rule->id, (void *)(uintptr_t)rule->id, err);
}

int sl_odcs_add_rule(struct sl_odcs_reader *reader, struct sl_rule rule, const char *name,
                     bool is_severity_given, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_contract_column *column = reader->column;
    const struct sl_rule_form *form = sl_rule_form_find(rule.kind);
    size_t kind = (size_t)(form - sl_rule_forms);
    bool is_added;

    rule.column = column ? column->path : NULL;
    if (rule.dimension == SL_RULE_DIMENSION_NONE)
        rule.dimension = form->dimension;
    if (!is_severity_given && column && reader->severities.is_set[kind])
        rule.severity = reader->severities.severity[kind];
    SL_TRY(choose_id(reader, &rule, name, err));
    if (column)
        is_added = SL_PUSH(arena, column->rules, column->rule_count, rule);
    else
        is_added = SL_PUSH(arena, reader->table->rules, reader->table->rule_count, rule);
    return is_added ? SL_OK : sl_fail_memory(err);
}

int sl_odcs_add_pattern(struct sl_odcs_reader *reader, struct sl_rule rule, const char *name,
                        bool is_severity_given, struct sl_err *err)
{
    const char *problem = sl_odcs_pattern_problem(rule.text);

    if (!rule.kind)
        rule.kind = "pattern";
    if (problem)
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_RULE, rule.place, NULL,
                "column '%s': '%s' is no regular expression: %s", reader->column->path, rule.text,
                problem);
    return sl_odcs_add_rule(reader, rule, name, is_severity_given, err);
}

static bool is_number(enum sl_type_kind kind)
{
    return kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
}

static bool is_time(enum sl_type_kind kind)
{
    return kind == SL_TYPE_TIMESTAMP || kind == SL_TYPE_TIMESTAMP_NTZ || kind == SL_TYPE_TIME ||
           kind == SL_TYPE_DATE;
}

// An object or array of which no more is said is JSON.
static bool is_nested_fit(const char *option, enum sl_type_kind kind,
                          const struct sl_odcs_property *property)
{
    bool is_array = kind == SL_TYPE_ARRAY, is_object = kind == SL_TYPE_OBJECT;

    if (kind == SL_TYPE_JSON) {
        bool is_said = sl_load_has(property->node, "logicalType");

        is_array = !is_said || property->logical_type == SL_ODCS_ARRAY;
        is_object = !is_said || property->logical_type == SL_ODCS_OBJECT;
    }
    return sl_str_ends(option, "Items") ? is_array : is_object;
}

static bool is_fit(const char *option, enum sl_type_kind kind,
                   const struct sl_odcs_property *property)
{
    if (sl_str_ends(option, "Items") || sl_str_ends(option, "Properties") ||
        strcmp(option, "required") == 0)
        return is_nested_fit(option, kind, property);
    if (sl_str_ends(option, "Length") || strcmp(option, "pattern") == 0)
        return kind == SL_TYPE_TEXT;
    if (sl_str_ends(option, "imum"))
        return is_number(kind) || is_time(kind);
    if (strcmp(option, "multipleOf") == 0)
        return is_number(kind);
    if (strcmp(option, "format") == 0)
        return kind == SL_TYPE_TEXT || is_number(kind) || is_time(kind);
    return is_time(kind); // timezone, defaultTimezone
}

// An option that has no meaning for the type would silently do nothing.
static void check_fit(struct sl_odcs_reader *reader, const struct sl_odcs_property *property)
{
    const struct sl_yaml *options = property->options.node;
    const struct sl_contract_column *column = reader->column;
    const char *hint = "arrays have minItems, maxItems, uniqueItems; objects minProperties, "
                       "maxProperties, required";
    char name[32];
    const char *type = sl_type_name(column->type, name);

    if (column->type.kind == SL_TYPE_JSON && sl_load_has(property->node, "logicalType"))
        type = property->logical_type == SL_ODCS_ARRAY ? "array" : "object";
    if (column->type.kind == SL_TYPE_BOOLEAN)
        hint = "a boolean has none of these options";
    else if (column->type.kind == SL_TYPE_TEXT)
        hint = "a text has minLength, maxLength, pattern, format";
    else if (is_number(column->type.kind) || is_time(column->type.kind))
        hint = "numbers, dates and times have minimum, maximum, exclusiveMinimum, "
               "exclusiveMaximum, format; numbers also multipleOf";
    for (size_t i = 0; i < options->count; i++)
        if (!is_fit(options->keys[i]->text, column->type.kind, property))
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT,
                    options->keys[i]->place, hint, "column '%s': '%s' does not fit type %s",
                    column->path, options->keys[i]->text, type);
}

static void complain(struct sl_odcs_reader *reader, const struct sl_yaml *options, const char *key,
                     const char *message)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, sl_yaml_place(options, key),
            NULL, "column '%s': %s", reader->column->path, message);
}

static int add_length(struct sl_odcs_reader *reader, const struct sl_odcs_options *options,
                      int64_t length, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    bool has_min = sl_load_has(options->node, "minLength");
    bool has_max = sl_load_has(options->node, "maxLength");
    int64_t max = has_max ? options->max_length : length;
    struct sl_rule rule = {.kind = "length",
                           .place = options->node ? options->node->place : reader->column->place};

    if (reader->column->type.kind != SL_TYPE_TEXT || (!has_min && !has_max && !length))
        return SL_OK;
    if (length && length < max)
        max = length;
    if (has_min && options->min_length < 0)
        complain(reader, options->node, "minLength", "'minLength' cannot be negative");
    else if (has_max && options->max_length < 0)
        complain(reader, options->node, "maxLength", "'maxLength' cannot be negative");
    else if (has_min && max && options->min_length > max)
        complain(reader, options->node, "minLength",
                 sl_arena_printf(
                     arena,
                     "'minLength' %lld is greater than the maximum length %lld, so no text fits",
                     (long long)options->min_length, (long long)max));
    if (has_min) {
        rule.min = sl_arena_printf(arena, "%lld", (long long)options->min_length);
        SL_TRY_NEW(rule.min, err);
    }
    if (has_max || length) {
        rule.max = sl_arena_printf(arena, "%lld", (long long)max);
        SL_TRY_NEW(rule.max, err);
    }
    return sl_odcs_add_rule(reader, rule, NULL, false, err);
}

struct bound {
    const char *text; // NULL: none
    long double value;
    bool is_exclusive;
};

// Takes the key's value as a bound if it is tighter than the one there is.
static void take_bound(struct sl_odcs_reader *reader, const struct sl_odcs_options *options,
                       const char *key, const struct sl_yaml *node, struct bound *bound)
{
    bool is_exclusive = sl_str_starts(key, "exclusive");
    bool is_min = sl_str_ends(key, "inimum");
    long double value;
    bool is_tighter;

    if (!node)
        return;
    // v3.0: true or false beside minimum and maximum
    if (is_exclusive && node->kind == SL_YAML_SCALAR && !node->is_quoted &&
        (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)) {
        bound->is_exclusive = node->text[0] == 't';
        if (bound->is_exclusive && !bound->text)
            complain(reader, options->node, key,
                     is_min ? "'exclusiveMinimum: true' needs a 'minimum'"
                            : "'exclusiveMaximum: true' needs a 'maximum'");
        return;
    }
    if (node->kind != SL_YAML_SCALAR || !sl_odcs_value(reader->column->type, node->text, &value)) {
        char name[32];

        complain(reader, options->node, key,
                 sl_arena_printf(&reader->project->arena,
                                 "'%s' is %s%s%s, expected a value of type %s", key,
                                 node->kind == SL_YAML_SCALAR ? "'" : "",
                                 node->kind == SL_YAML_SCALAR ? node->text : sl_yaml_describe(node),
                                 node->kind == SL_YAML_SCALAR ? "'" : "",
                                 sl_type_name(reader->column->type, name)));
        return;
    }
    is_tighter = !bound->text || (is_min ? value > bound->value : value < bound->value);
    if (is_tighter || (is_exclusive && !(is_min ? value < bound->value : value > bound->value)))
        *bound = (struct bound){node->text, value, is_exclusive};
}

// The bounds that an unsigned integer format brings.
static void take_unsigned(const struct sl_odcs_options *options, struct bound *min,
                          struct bound *max)
{
    static const struct {
        const char *name, *max;
        long double value;
    } formats[] = {{"u8", "255", 255.0L},
                   {"u16", "65535", 65535.0L},
                   {"u32", "4294967295", 4294967295.0L},
                   {"u64", "18446744073709551615", 18446744073709551615.0L}};

    for (size_t i = 0; options->format && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(options->format, formats[i].name) == 0) {
            *min = (struct bound){.text = "0"};
            *max = (struct bound){formats[i].max, formats[i].value, false};
        }
}

static int add_range(struct sl_odcs_reader *reader, const struct sl_odcs_options *options,
                     struct sl_err *err)
{
    struct bound min = {0};
    struct bound max = {0};
    struct sl_rule rule = {.kind = "range", .place = options->node->place};

    if (!is_number(reader->column->type.kind) && !is_time(reader->column->type.kind))
        return SL_OK;
    if (is_number(reader->column->type.kind))
        take_unsigned(options, &min, &max);
    take_bound(reader, options, "minimum", options->minimum, &min);
    take_bound(reader, options, "exclusiveMinimum", options->exclusive_minimum, &min);
    take_bound(reader, options, "maximum", options->maximum, &max);
    take_bound(reader, options, "exclusiveMaximum", options->exclusive_maximum, &max);
    if (!min.text && !max.text)
        return SL_OK;
    if (min.text && max.text &&
        (min.value > max.value ||
         (min.value == max.value && (min.is_exclusive || max.is_exclusive))))
        complain(reader, options->node, options->minimum ? "minimum" : "exclusiveMinimum",
                 sl_arena_printf(&reader->project->arena,
                                 "no value lies between the minimum %s and the maximum %s",
                                 min.text, max.text));
    rule.min = min.text;
    rule.max = max.text;
    rule.is_min_exclusive = min.is_exclusive;
    rule.is_max_exclusive = max.is_exclusive;
    return sl_odcs_add_rule(reader, rule, NULL, false, err);
}

static int add_format(struct sl_odcs_reader *reader, const struct sl_odcs_options *options,
                      struct sl_err *err)
{
    static const char *const others[] = {"password", "byte", "binary"};
    struct sl_rule rule = {
        .kind = "format", .place = sl_yaml_place(options->node, "format"), .text = options->format};
    struct sl_diags *diags = &reader->project->diags;

    if (reader->column->type.kind != SL_TYPE_TEXT || !options->format)
        return SL_OK;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(options->format, others[i]) == 0) {
            sl_diag(diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, rule.place,
                    "a 'pattern' can say the same",
                    "column '%s': format '%s' is kept but not checked", reader->column->path,
                    options->format);
            return SL_OK;
        }
    return sl_odcs_is_format(reader, rule.text, rule.place)
               ? sl_odcs_add_rule(reader, rule, NULL, false, err)
               : SL_OK;
}

bool sl_odcs_is_format(struct sl_odcs_reader *reader, const char *name, struct sl_place place)
{
    size_t count = 0;
    const char *hint;

    for (; sl_format_names[count]; count++)
        if (strcmp(name, sl_format_names[count]) == 0)
            return true;
    hint = sl_did_you_mean(&reader->project->arena, name, sl_format_names, count);
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_RULE, place,
            hint ? hint
                 : "email, uuid, uri, iban, country, ...: `sluice ls --checks format` lists them; "
                   "a 'pattern' can say anything else",
            "column '%s': format '%s' is not known", reader->column->path, name);
    return false;
}

static int add_multiple(struct sl_odcs_reader *reader, const struct sl_odcs_options *options,
                        struct sl_err *err)
{
    struct sl_rule rule = {.kind = "multiple_of",
                           .place = sl_yaml_place(options->node, "multipleOf"),
                           .text = options->multiple_of};

    if (!options->multiple_of || !is_number(reader->column->type.kind))
        return SL_OK;
    return sl_odcs_add_rule(reader, rule, NULL, false, err);
}

int sl_odcs_column_rules(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                         int64_t length, struct sl_err *err)
{
    const struct sl_odcs_options *options = &property->options;
    const struct sl_contract_column *column = reader->column;

    if (column->is_required)
        SL_TRY(
            sl_odcs_add_rule(reader,
                             (struct sl_rule){.kind = "required",
                                              .place = sl_yaml_place(property->node, "required")},
                             NULL, property->is_key, err));
    if (column->type.kind != SL_TYPE_TEXT)
        SL_TRY(sl_odcs_add_rule(
            reader,
            (struct sl_rule){.kind = "type", .place = sl_yaml_place(property->node, "logicalType")},
            NULL, false, err));
    if (column->alias_count)
        SL_TRY(sl_odcs_add_rule(
            reader, (struct sl_rule){.kind = "alias", .place = column->aliases[0].place}, NULL,
            false, err));
    SL_TRY(add_length(reader, options, length, err));
    if (options->node && options->node->kind == SL_YAML_MAP) {
        check_fit(reader, property);
        SL_TRY(add_range(reader, options, err));
        if (options->pattern && column->type.kind == SL_TYPE_TEXT)
            SL_TRY(sl_odcs_add_pattern(
                reader,
                (struct sl_rule){.place = sl_yaml_place(options->node, "pattern"),
                                 .text = options->pattern},
                NULL, false, err));
        SL_TRY(add_format(reader, options, err));
        SL_TRY(add_multiple(reader, options, err));
        SL_TRY(sl_odcs_nested_rules(reader, options, err));
    }
    // A key of one column is unique because rows that share it are deduplicated.
    if (property->is_unique && !(property->is_key && reader->key_count == 1))
        SL_TRY(sl_odcs_add_rule(
            reader,
            (struct sl_rule){.kind = "unique", .place = sl_yaml_place(property->node, "unique")},
            NULL, false, err));
    return SL_OK;
}
