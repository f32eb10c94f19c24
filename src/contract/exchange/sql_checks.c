// The rules of a contract as constraints of SQL, and what of them SQL has no words for.
#include "contract/exchange/sql.h"

#include <string.h>

// A column, or a member of one.
struct part {
    const struct sl_yaml *property;
    const char *expression; // its value: "s", struct_extract("s", 'x')
    const char *path;       // s.x
    const char *constraint; // begins the names of its constraints: s_x
};

void sl_x_sql_name(struct sl_x_writer *writer, struct sl_buf *text, const char *name)
{
    char quote = writer->dialect->quote;
    sl_buf_add_char(text, quote);
    for (; name && *name; name++) {
        if (*name == quote)
            sl_buf_add_char(text, quote);
        sl_buf_add_char(text, *name);
    }
    sl_buf_add_char(text, quote);
}

void sl_x_sql_line(struct sl_x_writer *writer)
{
    sl_buf_add(writer->text, writer->is_first ? "\n    " : ",\n    ");
    writer->is_first = false;
}

static bool is_quoted_kind(enum sl_type_kind kind)
{
    return kind != SL_TYPE_INTEGER && kind != SL_TYPE_DECIMAL && kind != SL_TYPE_DOUBLE &&
           kind != SL_TYPE_BOOLEAN;
}

void sl_x_sql_string(struct sl_x_writer *writer, struct sl_buf *text, const char *value)
{
    if (!writer->dialect->has_escapes) {
        sl_buf_add_sql_string(text, value);
        return;
    }
    sl_buf_add_char(text, '\'');
    for (; *value; value++) {
        if (*value == '\\' || *value == '\'')
            sl_buf_add_char(text, '\\');
        sl_buf_add_char(text, *value);
    }
    sl_buf_add_char(text, '\'');
}

void sl_x_sql_literal(struct sl_x_writer *writer, struct sl_buf *text, enum sl_type_kind kind,
                      const char *value)
{
    if (is_quoted_kind(kind))
        sl_x_sql_string(writer, text, value);
    else
        sl_buf_add(text, value);
}

void sl_x_sql_names(struct sl_x_writer *writer, const struct sl_yaml *list, bool is_qualified)
{
    sl_buf_add(writer->text, " (");
    for (size_t i = 0; i < sl_x_count(list); i++) {
        const char *text = list->items[i]->text;
        const char *dot = is_qualified ? strrchr(text, '.') : NULL;
        sl_buf_add(writer->text, i ? ", " : "");
        sl_x_sql_name(writer, writer->text, dot ? dot + 1 : text);
    }
    sl_buf_add(writer->text, ")");
}

void sl_x_sql_check(struct sl_x_writer *writer, const char *name, const struct sl_buf *expression)
{
    if (writer->dialect->has_checks) {
        sl_x_sql_line(writer);
        sl_buf_addf(writer->text, "CHECK (%s)", expression->text);
        return;
    }
    sl_buf_add(&writer->after, "ALTER TABLE ");
    sl_x_sql_name(writer, &writer->after, sl_x_get(writer->object, "name"));
    sl_buf_add(&writer->after, " ADD CONSTRAINT ");
    sl_x_sql_name(writer, &writer->after, name);
    sl_buf_addf(&writer->after, " CHECK (%s);\n", expression->text);
}

static void add_bounds(struct sl_x_writer *writer, const struct part *part,
                       const struct sl_x_type *type)
{
    static const struct {
        const char *key, *sign;
        bool is_length;
    } bounds[] = {{"minimum", ">=", false},  {"exclusiveMinimum", ">", false},
                  {"maximum", "<=", false},  {"exclusiveMaximum", "<", false},
                  {"minLength", ">=", true}, {"maxLength", "<=", true}};
    const struct sl_yaml *options = sl_yaml_get(part->property, "logicalTypeOptions");
    const bool is_rejecting[] = {sl_x_sql_is_rejecting(part->property, "range"),
                                 sl_x_sql_is_rejecting(part->property, "length")};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf check = SL_BUF_INIT;
        const char *value = sl_x_get(options, bounds[i].key);
        bool is_in_type = i == 5 && writer->dialect->has_lengths;
        char *length = i == 5 && type->length
                           ? sl_x_printf(writer->exchange, "%lld", (long long)type->length)
                           : NULL;
        value = length ? length : value;
        if (!value || is_in_type || !is_rejecting[bounds[i].is_length] ||
            bounds[i].is_length != (type->type.kind == SL_TYPE_TEXT))
            continue;
        sl_buf_addf(&check, bounds[i].is_length ? "length(%s) %s " : "%s %s ", part->expression,
                    bounds[i].sign);
        if (bounds[i].is_length)
            sl_buf_add(&check, value);
        else
            sl_x_sql_literal(writer, &check, type->type.kind, value);
        sl_x_sql_check(writer,
                       sl_x_printf(writer->exchange, "%s_%s", part->constraint, bounds[i].key),
                       &check);
    }
}

static void add_pattern(struct sl_x_writer *writer, const struct part *part)
{
    SL_AUTO(sl_buf_clear) struct sl_buf check = SL_BUF_INIT;
    const char *pattern = sl_x_get(sl_yaml_get(part->property, "logicalTypeOptions"), "pattern");
    bool is_call = sl_str_equal(writer->dialect->name, "duckdb");
    if (!pattern || !sl_x_sql_is_rejecting(part->property, "pattern"))
        return;
    sl_buf_addf(&check, is_call ? "regexp_matches(%s, " : "%s ", part->expression);
    if (!is_call)
        sl_buf_add(&check, writer->dialect->has_checks ? "~ " : "RLIKE ");
    sl_x_sql_string(writer, &check, pattern);
    sl_buf_add(&check, is_call ? ")" : "");
    sl_x_sql_check(writer, sl_x_printf(writer->exchange, "%s_pattern", part->constraint), &check);
}

// False: there is none, or it is not written.
static bool add_multiple(struct sl_x_writer *writer, const struct part *part, struct sl_type type)
{
    SL_AUTO(sl_buf_clear) struct sl_buf check = SL_BUF_INIT;
    const struct sl_yaml *options = sl_yaml_get(part->property, "logicalTypeOptions");
    if (!sl_x_sql_is_rejecting(part->property, "multiple_of") ||
        !sl_x_sql_multiple(writer, part->expression, type, sl_x_get(options, "multipleOf"), &check))
        return false;
    sl_x_sql_check(writer, sl_x_printf(writer->exchange, "%s_multipleOf", part->constraint),
                   &check);
    return true;
}

static void add_values(struct sl_x_writer *writer, const struct part *part, enum sl_type_kind kind)
{
    SL_AUTO(sl_buf_clear) struct sl_buf check = SL_BUF_INIT;
    const struct sl_yaml *values = sl_x_enum_of(part->property);
    if (!sl_x_count(values) || !sl_x_sql_is_rejecting(part->property, "enum"))
        return;
    sl_buf_addf(&check, "%s IN (", part->expression);
    for (size_t i = 0; i < values->count; i++) {
        sl_buf_add(&check, i ? ", " : "");
        sl_x_sql_literal(writer, &check, kind, values->items[i]->text);
    }
    sl_buf_add(&check, ")");
    sl_x_sql_check(writer, sl_x_printf(writer->exchange, "%s_values", part->constraint), &check);
}

// Where an object is missing, so are its members, and nothing of them is broken.
static void add_required(struct sl_x_writer *writer, const struct part *outer,
                         const struct part *part)
{
    SL_AUTO(sl_buf_clear) struct sl_buf check = SL_BUF_INIT;
    if (!sl_x_is_true(part->property, "required") ||
        !sl_x_sql_is_rejecting(part->property, "required"))
        return;
    sl_buf_addf(&check, "%s IS NULL OR %s IS NOT NULL", outer->expression, part->expression);
    sl_x_sql_check(writer, sl_x_printf(writer->exchange, "%s_required", part->constraint), &check);
}

// An expression that every row must keep, or else is rejected.
static bool is_plain_expression(const struct sl_yaml *rule)
{
    return sl_x_sql_is_plain(rule) && sl_x_get(sl_yaml_get(rule, "implementation"), "expression");
}

static void tell_quality(struct sl_x_writer *writer, const struct sl_yaml *rule, const char *what,
                         const char *path, const char *why)
{
    const char *name = sl_x_get(rule, "name");
    sl_x_lost(writer->exchange, rule->place, "%s '%s': quality rule '%s' %s %s", what, path,
              name ? name : "", why, writer->dialect->name);
}

static void add_expression(struct sl_x_writer *writer, const struct sl_yaml *rule,
                           const char *expression)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *name = sl_x_get(rule, "name");
    if (!sl_x_sql_members(writer, expression, &sql)) {
        tell_quality(writer, rule, "table", sl_x_get(writer->object, "name"),
                     "has a lambda, which is in no CHECK of");
        return;
    }
    sl_x_sql_line(writer);
    if (name) {
        sl_buf_add(writer->text, "CONSTRAINT ");
        sl_x_sql_name(writer, writer->text, name);
        sl_buf_add_char(writer->text, ' ');
    }
    // It may end in a comment.
    sl_buf_addf(writer->text, "CHECK (%s\n    )", sql.text ? sql.text : "");
    writer->text->has_failed |= sql.has_failed;
}

// Expressions are in the engine's SQL, so only it has them as checks.
static void add_quality(struct sl_x_writer *writer, const struct sl_yaml *owner, const char *path,
                        bool is_nested)
{
    const char *what = owner == writer->object ? "table" : "column";
    const struct sl_yaml *quality = sl_yaml_get(owner, "quality");
    const struct sl_yaml *values = sl_x_enum_of(owner);
    for (size_t i = 0; i < sl_x_count(quality); i++) {
        const struct sl_yaml *rule = quality->items[i];
        const char *expression = sl_x_get(sl_yaml_get(rule, "implementation"), "expression");
        bool is_ours = is_plain_expression(rule);
        if (values && sl_yaml_get(sl_yaml_get(rule, "arguments"), "validValues") == values)
            continue;
        const struct sl_yaml *columns = sl_yaml_get(sl_yaml_get(rule, "arguments"), "properties");
        if (writer->dialect->has_keys && sl_x_count(columns) && owner == writer->object &&
            sl_str_equal(sl_x_get(rule, "metric"), "duplicateValues") &&
            sl_str_equal(sl_x_get(rule, "mustBe"), "0") && !sl_x_get(rule, "severity")) {
            sl_x_sql_line(writer);
            sl_buf_add(writer->text, "UNIQUE");
            sl_x_sql_names(writer, columns, false);
            continue;
        }
        if (!is_nested && sl_x_sql_rule(writer, rule, owner))
            continue;
        if (is_ours && !is_nested && sl_str_equal(writer->dialect->name, "duckdb"))
            add_expression(writer, rule, expression);
        else
            tell_quality(writer, rule, what, path, "has no counterpart in the SQL of");
    }
}

static bool is_in(const char *key, const char *const *keys)
{
    for (; *keys; keys++)
        if (strcmp(*keys, key) == 0)
            return true;
    return false;
}

// What of a column's options is neither in its type nor in a check.
static void tell_options(struct sl_x_writer *writer, const struct part *part,
                         enum sl_type_kind kind, bool has_checks, bool has_multiple)
{
    static const char *const texts[] = {"minLength", "maxLength", "pattern", NULL};
    static const char *const bounds[] = {"minimum", "maximum", "exclusiveMinimum",
                                         "exclusiveMaximum", NULL};
    const struct sl_yaml *options = sl_yaml_get(part->property, "logicalTypeOptions");
    const char *const *known = kind == SL_TYPE_TEXT ? texts : bounds;
    for (size_t i = 0; sl_x_is_map(options) && i < options->count; i++) {
        const char *key = options->keys[i]->text;
        bool is_type =
            strcmp(key, "timezone") == 0 || (strcmp(key, "format") == 0 && kind == SL_TYPE_INTEGER);
        bool is_multiple = has_multiple && strcmp(key, "multipleOf") == 0;
        if (!is_type && !is_multiple && !(has_checks && is_in(key, known)))
            sl_x_lost(writer->exchange, options->items[i]->place,
                      "column '%s': '%s' has no counterpart in the SQL of %s", part->path, key,
                      writer->dialect->name);
    }
}

// Of what no constraint reaches: members where the dialect has none, items of arrays.
static void tell_inside(struct sl_x_writer *writer, const struct part *part)
{
    struct sl_exchange *exchange = writer->exchange;
    const struct sl_yaml *list = sl_yaml_get(part->property, "properties");
    const struct sl_yaml *items = sl_yaml_get(part->property, "items");
    const struct sl_yaml *values = sl_x_enum_of(part->property);
    struct part inside = {0};
    if (sl_x_is_true(part->property, "required"))
        sl_x_lost(exchange, sl_yaml_place(part->property, "required"),
                  "column '%s': 'required' has no counterpart in the SQL of %s", part->path,
                  writer->dialect->name);
    if (values)
        sl_x_lost(exchange, values->place,
                  "column '%s': its valid values have no counterpart in the SQL of %s", part->path,
                  writer->dialect->name);
    tell_options(writer, part, sl_x_type_of(part->property).type.kind, false, false);
    add_quality(writer, part->property, part->path, true);
    for (size_t i = 0; i < sl_x_count(list); i++) {
        inside.property = list->items[i];
        inside.path = sl_x_path(exchange, part->path, inside.property);
        tell_inside(writer, &inside);
    }
    if (!sl_x_is_map(items))
        return;
    inside.property = items;
    inside.path = sl_x_path(exchange, part->path, items);
    tell_inside(writer, &inside);
}

static void add_rules(struct sl_x_writer *writer, const struct part *part, bool is_nested);

static void add_members(struct sl_x_writer *writer, const struct part *part)
{
    struct sl_exchange *exchange = writer->exchange;
    const struct sl_yaml *list = sl_yaml_get(part->property, "properties");
    for (size_t i = 0; i < sl_x_count(list); i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf expression = SL_BUF_INIT;
        const char *name = sl_x_get(list->items[i], "name");
        struct part member = {.property = list->items[i],
                              .path = sl_x_path(exchange, part->path, list->items[i]),
                              .constraint = sl_x_printf(exchange, "%s_%s", part->constraint, name)};
        if (!writer->dialect->has_members) {
            tell_inside(writer, &member);
            continue;
        }
        sl_buf_addf(&expression, "struct_extract(%s, ", part->expression);
        sl_buf_add_sql_string(&expression, name);
        sl_buf_add(&expression, ")");
        member.expression = sl_x_printf(exchange, "%s", expression.text);
        if (!member.expression)
            return;
        add_required(writer, part, &member);
        add_rules(writer, &member, true);
    }
}

static void add_rules(struct sl_x_writer *writer, const struct part *part, bool is_nested)
{
    struct sl_x_type type = sl_x_type_of(part->property);
    const struct sl_yaml *items = sl_yaml_get(part->property, "items");
    add_bounds(writer, part, &type);
    if (type.type.kind == SL_TYPE_TEXT)
        add_pattern(writer, part);
    bool has_multiple = add_multiple(writer, part, type.type);
    add_values(writer, part, type.type.kind);
    tell_options(writer, part, type.type.kind, true, has_multiple);
    add_quality(writer, part->property, part->path, is_nested);
    if (!writer->dialect->open) // it is JSON, and told as that
        return;
    if (!type.is_array)
        add_members(writer, part);
    else if (sl_x_is_map(items))
        tell_inside(writer, &(struct part){.property = items,
                                           .path = sl_x_path(writer->exchange, part->path, items)});
}

void sl_x_sql_checks(struct sl_x_writer *writer, const struct sl_yaml *column)
{
    SL_AUTO(sl_buf_clear) struct sl_buf expression = SL_BUF_INIT;
    const char *name = sl_x_get(column, "name");
    sl_x_sql_name(writer, &expression, name);
    struct part part = {.property = column,
                        .expression = sl_x_printf(writer->exchange, "%s", expression.text),
                        .path = name,
                        .constraint = name};
    if (part.expression)
        add_rules(writer, &part, false);
}

void sl_x_sql_table_checks(struct sl_x_writer *writer)
{
    add_quality(writer, writer->object, sl_x_get(writer->object, "name"), false);
}
