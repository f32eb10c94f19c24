// Tables as a database describes them: columns, keys, and what CHECK says where a contract has a
// word for it.
#include "contract/exchange/tree.h"

#include "sql/tree.h"

#include <stdio.h>
#include <string.h>

// A CHECK being read. The first pass only looks whether every part is understood, the second adds
// them.
struct check {
    struct sl_exchange *exchange;
    struct sl_yaml *properties;
    const char *sql; // what the tree was made of
    bool adds;
};

static struct sl_yaml *find_column(const struct sl_yaml *properties, const char *name)
{
    for (size_t i = 0; i < sl_x_count(properties); i++)
        if (sl_str_equal_nocase(sl_x_get(properties->items[i], "name"), name))
            return properties->items[i];
    return NULL;
}

static struct sl_yaml *literal(const struct check *check, const struct sl_ast *node);
static struct sl_yaml *member_of(const struct check *check, const struct sl_ast *node);

// A column, or a member of one; NULL: it is neither.
static struct sl_yaml *column_of(const struct check *check, const struct sl_ast *node)
{
    const struct sl_ast *names = sl_ast_get(node, "column_names");
    if (sl_ast_is_class(node, "CAST"))
        return column_of(check, sl_ast_get(node, "child"));
    if (!sl_ast_is_class(node, "COLUMN_REF"))
        return member_of(check, node);
    struct sl_yaml *column = find_column(check->properties, sl_ast_first(names)->text);
    for (const struct sl_ast *name = sl_ast_first(names)->next; column && name; name = name->next)
        column = find_column(sl_yaml_get(column, "properties"), name->text);
    return column;
}

// What struct_extract(s, 'x'), (s).x or s['x'] takes out; `ret_outer`: of what.
static struct sl_yaml *taken_out(const struct check *check, const struct sl_ast *node,
                                 struct sl_yaml **ret_outer)
{
    const struct sl_ast *first = sl_ast_first(sl_ast_get(node, "children"));
    bool is_call =
        sl_ast_is_class(node, "FUNCTION") && (sl_ast_is(node, "function_name", "struct_extract") ||
                                              sl_ast_is(node, "function_name", "array_extract"));
    bool is_operator =
        sl_ast_is(node, "type", "STRUCT_EXTRACT") || sl_ast_is(node, "type", "ARRAY_EXTRACT");
    if (!(is_call || is_operator) || !first || !first->next || first->next->next)
        return NULL;
    const struct sl_yaml *name = literal(check, first->next);
    *ret_outer = column_of(check, first);
    return *ret_outer && name && name->is_quoted
               ? find_column(sl_yaml_get(*ret_outer, "properties"), name->text)
               : NULL;
}

static struct sl_yaml *member_of(const struct check *check, const struct sl_ast *node)
{
    struct sl_yaml *outer;
    return taken_out(check, node, &outer);
}

// A literal as it stands in the SQL: numbers as they are written, texts without quotes.
static struct sl_yaml *literal(const struct check *check, const struct sl_ast *node)
{
    const struct sl_ast *value = sl_ast_get(node, "value");
    size_t at = sl_ast_location(node);
    if (sl_ast_is_class(node, "CAST"))
        return literal(check, sl_ast_get(node, "child"));
    if (!sl_ast_is_class(node, "CONSTANT") || sl_ast_true(value, "is_null"))
        return NULL;
    if (sl_ast_is(sl_ast_get(value, "type"), "id", "VARCHAR"))
        return sl_x_text(check->exchange, sl_ast_text(value, "value"));
    if (at >= strlen(check->sql))
        return NULL;
    size_t length = strspn(check->sql + at, "-+0123456789.eE");
    char *text = sl_arena_strndup(check->exchange->arena, check->sql + at, length);
    check->exchange->has_failed |= !text;
    return length ? sl_x_bare(check->exchange, text) : NULL;
}

static bool is_kind(const struct sl_yaml *column, bool wants_text)
{
    enum sl_type_kind kind = sl_x_type_of(column).type.kind;
    bool is_text = kind == SL_TYPE_TEXT;
    return wants_text ? is_text : !is_text && kind != SL_TYPE_JSON && kind != SL_TYPE_BOOLEAN;
}

static bool add_option(const struct check *check, struct sl_yaml *column, const char *key,
                       struct sl_yaml *value)
{
    const struct sl_yaml *options = sl_yaml_get(column, "logicalTypeOptions");
    enum sl_type_kind kind = sl_x_type_of(column).type.kind;
    bool is_text = kind == SL_TYPE_DATE || kind == SL_TYPE_TIME || kind == SL_TYPE_TIMESTAMP ||
                   kind == SL_TYPE_TIMESTAMP_NTZ;
    // A second bound of the same kind stays an expression; varchar(20) is what a length refines.
    if (!value || (sl_yaml_get(options, key) && strcmp(key, "maxLength") != 0))
        return false;
    if (check->adds) {
        value->is_quoted = is_text || strcmp(key, "pattern") == 0;
        sl_x_option(check->exchange, column, key, value);
    }
    return true;
}

// The column of length(column), or NULL.
static struct sl_yaml *length_of(const struct check *check, const struct sl_ast *node)
{
    static const char *const names[] = {"length", "char_length", "character_length", "len"};
    for (size_t i = 0; i < 4 && sl_ast_is_class(node, "FUNCTION"); i++)
        if (sl_ast_is(node, "function_name", names[i]))
            return column_of(check, sl_ast_first(sl_ast_get(node, "children")));
    return NULL;
}

// A length that is compared, and `more` for "greater than" and "less than"; NULL: it is none.
static struct sl_yaml *length_literal(const struct check *check, const struct sl_ast *node,
                                      int64_t more)
{
    const struct sl_yaml *value = literal(check, node);
    char text[24];
    int64_t length;
    if (!value || value->is_quoted || !sl_str_to_int64(value->text, &length) || length < -more ||
        length > INT32_MAX)
        return NULL;
    (void)snprintf(text, sizeof text, "%lld", (long long)(length + more));
    return sl_x_bare(check->exchange, text);
}

static bool read_bound(const struct check *check, const struct sl_ast *left, const char *type,
                       const struct sl_ast *right)
{
    static const struct {
        const char *type, *key, *length;
        int64_t more;
    } bounds[] = {{"COMPARE_GREATERTHANOREQUALTO", "minimum", "minLength", 0},
                  {"COMPARE_LESSTHANOREQUALTO", "maximum", "maxLength", 0},
                  {"COMPARE_GREATERTHAN", "exclusiveMinimum", "minLength", 1},
                  {"COMPARE_LESSTHAN", "exclusiveMaximum", "maxLength", -1}};
    struct sl_yaml *column = column_of(check, left);
    struct sl_yaml *measured = length_of(check, left);
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(bounds[i].type, type) != 0)
            continue;
        if (measured)
            return is_kind(measured, true) &&
                   add_option(check, measured, bounds[i].length,
                              length_literal(check, right, bounds[i].more));
        return column && is_kind(column, false) &&
               add_option(check, column, bounds[i].key, literal(check, right));
    }
    return false;
}

// "n % 5 = 0"
static bool read_multiple(const struct check *check, const struct sl_ast *left, const char *type,
                          const struct sl_ast *right)
{
    const struct sl_ast *first = sl_ast_first(sl_ast_get(left, "children"));
    struct sl_yaml *column = first && first->next ? column_of(check, first) : NULL;
    const struct sl_yaml *rest = literal(check, right);
    if (!column || !sl_ast_is(left, "function_name", "%") || strcmp(type, "COMPARE_EQUAL") != 0 ||
        !rest || !sl_str_equal(rest->text, "0") || !is_kind(column, false) ||
        sl_x_type_of(column).type.kind == SL_TYPE_DOUBLE)
        return false;
    struct sl_yaml *multiple = literal(check, first->next);
    double value;
    return multiple && !multiple->is_quoted && sl_str_to_double(multiple->text, &value) &&
           value > 0 && add_option(check, column, "multipleOf", multiple);
}

static bool read_in(const struct check *check, const struct sl_ast *node)
{
    const struct sl_ast *first = sl_ast_first(sl_ast_get(node, "children"));
    struct sl_yaml *column = first ? column_of(check, first) : NULL;
    struct sl_yaml *values = sl_x_list(check->exchange);
    if (!column || sl_x_enum_of(column))
        return false;
    for (const struct sl_ast *item = first->next; item; item = item->next) {
        struct sl_yaml *value = literal(check, item);
        if (!value)
            return false;
        sl_x_push(check->exchange, values, value);
    }
    if (check->adds)
        sl_x_enum(check->exchange, column, values);
    return sl_x_count(values) > 0;
}

static bool read_pattern(const struct check *check, const struct sl_ast *node)
{
    const struct sl_ast *first = sl_ast_first(sl_ast_get(node, "children"));
    struct sl_yaml *column = first ? column_of(check, first) : NULL;
    // The engine's '~' is true for the whole text, PostgreSQL's for any part of it, as a pattern.
    bool is_full = sl_ast_is(node, "function_name", "regexp_full_match");
    bool is_search = sl_ast_is(node, "function_name", "regexp_matches") ||
                     (is_full && sl_str_equal(check->exchange->dialect, "postgres"));
    if (!(is_search || is_full) || !column || !first->next || first->next->next ||
        !is_kind(column, true))
        return false;
    struct sl_yaml *pattern = literal(check, first->next);
    if (pattern && !is_search)
        pattern =
            sl_x_text(check->exchange, sl_x_printf(check->exchange, "^(?:%s)$", pattern->text));
    return add_option(check, column, "pattern", pattern);
}

// "s is null or s.x is not null": the member is there wherever its object is.
static bool read_required(const struct check *check, const struct sl_ast *node)
{
    const struct sl_ast *first = sl_ast_first(sl_ast_get(node, "children"));
    const struct sl_ast *second = first ? first->next : NULL;
    if (!second || second->next || !sl_ast_is(first, "type", "OPERATOR_IS_NULL") ||
        !sl_ast_is(second, "type", "OPERATOR_IS_NOT_NULL"))
        return false;
    struct sl_yaml *outer = NULL;
    struct sl_yaml *object = column_of(check, sl_ast_first(sl_ast_get(first, "children")));
    struct sl_yaml *member = taken_out(check, sl_ast_first(sl_ast_get(second, "children")), &outer);
    if (!object || !member || object != outer)
        return false;
    if (check->adds)
        sl_x_put_true(check->exchange, member, "required");
    return true;
}

static bool read_check(const struct check *check, const struct sl_ast *node, int depth)
{
    const char *type = sl_ast_text(node, "type");
    if (depth == 50)
        return false;
    if (strcmp(type, "CONJUNCTION_AND") == 0) {
        for (const struct sl_ast *part = sl_ast_first(sl_ast_get(node, "children")); part;
             part = part->next)
            if (!read_check(check, part, depth + 1))
                return false;
        return true;
    }
    if (sl_ast_is_class(node, "COMPARISON"))
        return read_bound(check, sl_ast_get(node, "left"), type, sl_ast_get(node, "right")) ||
               read_multiple(check, sl_ast_get(node, "left"), type, sl_ast_get(node, "right"));
    if (sl_ast_is_class(node, "BETWEEN"))
        return read_bound(check, sl_ast_get(node, "input"), "COMPARE_GREATERTHANOREQUALTO",
                          sl_ast_get(node, "lower")) &&
               read_bound(check, sl_ast_get(node, "input"), "COMPARE_LESSTHANOREQUALTO",
                          sl_ast_get(node, "upper"));
    if (strcmp(type, "CONJUNCTION_OR") == 0)
        return read_required(check, node);
    if (strcmp(type, "COMPARE_IN") == 0)
        return read_in(check, node);
    if (sl_ast_is_class(node, "FUNCTION"))
        return read_pattern(check, node);
    return false;
}

static const struct sl_ast *expression_of(const struct sl_ast *root)
{
    const struct sl_ast *statement = sl_ast_first(sl_ast_get(root, "statements"));
    return sl_ast_first(sl_ast_get(sl_ast_get(statement, "node"), "select_list"));
}

static void add_check(struct sl_exchange *exchange, const struct sl_exchange_constraint *constraint,
                      struct sl_yaml *object, size_t number)
{
    struct check check = {.exchange = exchange,
                          .properties = sl_yaml_get(object, "properties"),
                          .sql = sl_x_printf(exchange, "select %s", constraint->expression)};
    struct sl_ast *tree = NULL;
    const struct sl_ast *root = NULL;
    if (constraint->tree && sl_ast_parse(constraint->tree, exchange->arena, &tree, NULL) == SL_OK)
        root = expression_of(tree);
    if (root && check.sql && read_check(&check, root, 0)) {
        check.adds = true;
        (void)read_check(&check, root, 0);
        return;
    }
    const char *name =
        constraint->name ? constraint->name : sl_x_printf(exchange, "check_%zu", number);
    sl_x_expression(exchange, object, name, constraint->expression);
}

static void add_key(struct sl_exchange *exchange, const struct sl_exchange_constraint *constraint,
                    const struct sl_yaml *properties)
{
    for (size_t i = 0; i < constraint->columns.count; i++) {
        struct sl_yaml *column = find_column(properties, constraint->columns.items[i]);
        sl_x_put_true(exchange, column, "required");
        sl_x_put_true(exchange, column, "primaryKey");
        if (constraint->columns.count > 1)
            sl_x_put_int(exchange, column, "primaryKeyPosition", (int64_t)i + 1);
    }
}

// Of several columns: a metric of the library over them together.
static void add_unique(struct sl_exchange *exchange,
                       const struct sl_exchange_constraint *constraint, struct sl_yaml *object)
{
    if (constraint->columns.count == 1) {
        sl_x_put_true(exchange,
                      find_column(sl_yaml_get(object, "properties"), constraint->columns.items[0]),
                      "unique");
        return;
    }
    struct sl_yaml *rule = sl_x_map(exchange);
    sl_x_put_text(exchange, rule, "type", "library");
    sl_x_put_text(exchange, rule, "metric", "duplicateValues");
    sl_x_put(exchange, sl_x_map_at(exchange, rule, "arguments"), "properties",
             sl_x_texts(exchange, &constraint->columns));
    sl_x_put_int(exchange, rule, "mustBe", 0);
    sl_x_push(exchange, sl_x_list_at(exchange, object, "quality"), rule);
}

void sl_x_reference(struct sl_exchange *exchange, struct sl_yaml *object,
                    const struct sl_x_reference *reference)
{
    struct sl_yaml *relation = sl_x_map(exchange);
    const char *table = sl_x_get(object, "name");
    struct sl_yaml *from = sl_x_list(exchange), *to = sl_x_list(exchange);
    for (size_t i = 0; i < reference->columns->count && i < reference->others->count; i++) {
        sl_x_push(exchange, from,
                  sl_x_text(exchange,
                            sl_x_printf(exchange, "%s.%s", table, reference->columns->items[i])));
        sl_x_push(exchange, to,
                  sl_x_text(exchange, sl_x_printf(exchange, "%s.%s", reference->other,
                                                  reference->others->items[i])));
    }
    if (!sl_x_count(from))
        return;
    sl_x_put_text(exchange, relation, "type", "foreignKey");
    if (from->count > 1) {
        sl_x_put(exchange, relation, "from", from);
        sl_x_put(exchange, relation, "to", to);
        sl_x_push(exchange, sl_x_list_at(exchange, object, "relationships"), relation);
        return;
    }
    struct sl_yaml *column =
        find_column(sl_yaml_get(object, "properties"), reference->columns->items[0]);
    sl_x_put(exchange, relation, "to", to->items[0]);
    if (column)
        sl_x_push(exchange, sl_x_list_at(exchange, column, "relationships"), relation);
}

#define OPEN_NUMERIC "decimal(38,12)"

static void add_column(struct sl_exchange *exchange, const struct sl_exchange_column *column,
                       struct sl_yaml *properties)
{
    struct sl_yaml *property = sl_x_property(exchange, properties, column->name, column->place);
    sl_x_engine_type(exchange, property, column->type, column->place);
    if (column->physical) {
        struct sl_yaml *probe = sl_x_map(exchange);
        bool is_open = sl_str_equal_nocase(column->physical, "numeric") ||
                       sl_str_equal_nocase(column->physical, "decimal");
        if (is_open && sl_str_equal(exchange->dialect, "postgres")) {
            sl_x_put_text(exchange, property, "physicalType", OPEN_NUMERIC);
            sl_x_lost(exchange, column->place,
                      "column '%s': %s without a precision holds any number in PostgreSQL; here it "
                      "is " OPEN_NUMERIC,
                      column->name, column->physical);
        } else if (sl_x_written_type(exchange, probe, column->physical) &&
                   sl_x_type_of(probe).length > 0) // which the engine forgets
            sl_x_put_text(exchange, property, "physicalType", column->physical);
    }
    if (column->is_required)
        sl_x_put_true(exchange, property, "required");
    sl_x_put_text(exchange, property, "description", column->description);
    if (column->otherwise)
        sl_x_default(exchange, property, column);
}

// 'new', 0, true: a value. Anything else is computed by the database.
void sl_x_default(struct sl_exchange *exchange, struct sl_yaml *property,
                  const struct sl_exchange_column *column)
{
    const char *text = column->otherwise;
    size_t length = strlen(text);
    char *value = NULL;
    if (sl_str_starts(text, "CAST(") || strspn(text, "-0123456789.") == length ||
        sl_str_equal_nocase(text, "true") || sl_str_equal_nocase(text, "false")) {
        const char *quote = strchr(text, '\'');
        const char *end = strrchr(text, '\'');
        if (!sl_str_starts(text, "CAST("))
            value = sl_x_printf(exchange, "%s", text);
        else if (quote && end > quote && !memchr(quote + 1, '\'', (size_t)(end - quote - 1)))
            value = sl_x_printf(exchange, "%.*s", (int)(end - quote - 1), quote + 1);
    } else if (length >= 2 && text[0] == '\'' && strchr(text + 1, '\'') == text + length - 1) {
        value = sl_x_printf(exchange, "%.*s", (int)length - 2, text + 1);
    }
    if (sl_str_equal_nocase(text, "NULL"))
        return;
    if (value)
        sl_x_custom(exchange, property, "sluice.default", sl_x_text(exchange, value));
    else
        sl_x_lost(exchange, column->place, "column '%s': the default %s is computed", column->name,
                  text);
}

// What a path leads to; NULL: it is not described.
static struct sl_yaml *follow(struct sl_exchange *exchange, struct sl_yaml *owner, const char *path)
{
    while (owner && *path) {
        if (*path == *SL_EXCHANGE_ITEM) {
            owner = sl_yaml_get(owner, "items");
            path++;
            continue;
        }
        path += *path == *SL_EXCHANGE_MEMBER;
        size_t length = strcspn(path, SL_EXCHANGE_MEMBER SL_EXCHANGE_ITEM);
        const char *name = sl_x_printf(exchange, "%.*s", (int)length, path);
        owner = name ? find_column(sl_yaml_get(owner, "properties"), name) : NULL;
        path += length;
    }
    return owner;
}

void sl_x_table(struct sl_exchange *exchange, struct sl_yaml *contract,
                const struct sl_exchange_table *table)
{
    struct sl_yaml *object = sl_x_object(exchange, contract, table->name);
    sl_x_put_text(exchange, object, "description", table->description);
    struct sl_yaml *properties = sl_x_list_at(exchange, object, "properties");
    for (size_t i = 0; i < table->column_count; i++)
        if (!sl_x_is_own(exchange, table->columns[i].name, table->columns[i].place))
            add_column(exchange, &table->columns[i], properties);
    for (size_t i = 0; i < table->required.count; i++)
        sl_x_put_true(exchange, follow(exchange, object, table->required.items[i]), "required");
    for (size_t i = 0; i < table->constraint_count; i++) {
        const struct sl_exchange_constraint *constraint = &table->constraints[i];
        switch (constraint->kind) {
        case SL_EXCHANGE_PRIMARY_KEY:
            add_key(exchange, constraint, properties);
            break;
        case SL_EXCHANGE_UNIQUE:
            add_unique(exchange, constraint, object);
            break;
        case SL_EXCHANGE_FOREIGN_KEY:
            sl_x_reference(exchange, object,
                           &(struct sl_x_reference){&constraint->columns, constraint->other,
                                                    &constraint->others});
            break;
        case SL_EXCHANGE_CHECK:
            add_check(exchange, constraint, object, i + 1);
            break;
        }
    }
}
