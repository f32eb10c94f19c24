#include "contract/certain.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Values of one class are compared without a cast that could fail. UNSURE: the expression may fail,
// or nothing is known of it.
enum class {
    UNSURE,
    NOTHING, // null: of any type
    LITERAL, // a constant text
    DAY,     // one that is a date, as which it is read where it meets one
    TEXT,
    NUMBER, // of 64 bits, or 18 decimal digits: any two have a common type
    BOOLEAN,
    DATE,
    TIME,
    TIMESTAMP,
    TIMESTAMP_TZ,
};
struct value {
    enum class class;
    bool may_be_null; // though all columns have a value
};

static const struct value unsure = {UNSURE, true};

#define MOST_DEPTH 200

struct look {
    const struct sl_contract_table *table;
    int depth;
};

static struct value look_at(struct look *look, const struct sl_ast *node);

// --- Leaves

static enum class class_of_column(const struct sl_type *type) {
    switch (type->kind){
        case SL_TYPE_TEXT : return TEXT; case SL_TYPE_INTEGER : case SL_TYPE_DOUBLE : return NUMBER;
        case SL_TYPE_DECIMAL : return type->precision <= 18 ? NUMBER : UNSURE;
        case SL_TYPE_BOOLEAN : return BOOLEAN;
        case SL_TYPE_DATE : return DATE;
        case SL_TYPE_TIME : return TIME;
        case SL_TYPE_TIMESTAMP : return TIMESTAMP_TZ;
        case SL_TYPE_TIMESTAMP_NTZ : return TIMESTAMP;
        case SL_TYPE_JSON : case SL_TYPE_OBJECT : case SL_TYPE_ARRAY : return UNSURE;
    }
return UNSURE;
}

static enum class class_of_type(const struct sl_ast *type) {
    static const struct {const char * id; enum class class;}
classes[] = {
    {"VARCHAR", TEXT},   {"TINYINT", NUMBER},      {"SMALLINT", NUMBER},
    {"INTEGER", NUMBER}, {"BIGINT", NUMBER},       {"FLOAT", NUMBER},
    {"DOUBLE", NUMBER},  {"BOOLEAN", BOOLEAN},     {"DATE", DATE},
    {"TIME", TIME},      {"TIMESTAMP", TIMESTAMP}, {"TIMESTAMP WITH TIME ZONE", TIMESTAMP_TZ},
};
const char *id = sl_ast_text(type, "id");
const struct sl_ast *info = sl_ast_get(type, "type_info");
for (size_t i = 0; !info && i < sizeof classes / sizeof *classes; i++)
    if (sl_str_equal(classes[i].id, id))
        return classes[i].class;
if (sl_str_equal(id, "DECIMAL"))
    return atoi(sl_ast_text(info, "width")) <= 18 ? NUMBER : UNSURE;
return UNSURE;
}

static bool is_day(const char *text)
{
    int year, month, day, length = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &length) != 3 || length != 10 ||
        strlen(text) != 10 || strspn(text, "0123456789-") != 10)
        return false;
    return year > 0 && month > 0 && month <= 12 && day > 0 && day <= 28 + (month != 2) * 2;
}

static struct value look_at_constant(const struct sl_ast *node)
{
    const struct sl_ast *value = sl_ast_get(node, "value");
    if (sl_ast_true(value, "is_null"))
        return (struct value){NOTHING, true};
    enum class class = class_of_type(sl_ast_get(value, "type"));
    if (class == TEXT)
        class = is_day(sl_ast_text(value, "value")) ? DAY : LITERAL;
    return (struct value){class, class == UNSURE};
}

static struct value look_at_column(const struct look *look, const struct sl_ast *node)
{
    const struct sl_ast *names = sl_ast_get(node, "column_names");
    for (size_t i = 0; sl_ast_count(names) == 1 && i < look->table->column_count; i++)
        if (sl_str_equal_nocase(look->table->columns[i].name, sl_ast_first(names)->text)) {
            enum class class = class_of_column(&look->table->columns[i].type);
            return (struct value){class, class == UNSURE};
        }
    return unsure;
}

// --- Several values

static bool takes_day(enum class class)
{
    return class == LITERAL || class == TEXT || class == DATE || class == TIMESTAMP ||
           class == TIMESTAMP_TZ;
}

// What values of both classes become; UNSURE: it takes a cast that may fail.
static enum class join_classes(enum class a, enum class b) {
    if (a == b || b == NOTHING) return a;
    if (a == NOTHING || (a == LITERAL && b == TEXT) || (a == DAY && takes_day(b))) return b;
    return (b == LITERAL && a == TEXT) || (b == DAY && takes_day(a)) ? a : UNSURE;
}

static struct value both(struct value a, struct value b)
{
    return (struct value){join_classes(a.class, b.class), a.may_be_null || b.may_be_null};
}

static struct value all_of(struct look *look, const struct sl_ast *list)
{
    const struct sl_ast *first = sl_ast_first(list);
    struct value all = first ? look_at(look, first) : unsure;
    for (const struct sl_ast *item = first ? first->next : NULL; item; item = item->next)
        all = both(all, look_at(look, item));
    return all;
}

static struct value truth_of(struct value value)
{
    return value.class == UNSURE ? unsure : (struct value){BOOLEAN, value.may_be_null};
}

static struct value look_at_comparison(struct look *look, const struct sl_ast *node)
{
    struct value value = truth_of(
        both(look_at(look, sl_ast_get(node, "left")), look_at(look, sl_ast_get(node, "right"))));
    if (sl_ast_is(node, "type", "COMPARE_DISTINCT_FROM") ||
        sl_ast_is(node, "type", "COMPARE_NOT_DISTINCT_FROM"))
        value.may_be_null = value.class == UNSURE;
    return value;
}

static struct value look_at_between(struct look *look, const struct sl_ast *node)
{
    struct value input = look_at(look, sl_ast_get(node, "input"));
    struct value lower = look_at(look, sl_ast_get(node, "lower"));
    return truth_of(both(both(input, lower), look_at(look, sl_ast_get(node, "upper"))));
}

static struct value look_at_booleans(struct look *look, const struct sl_ast *list)
{
    struct value all = all_of(look, list);
    return all.class == BOOLEAN ? all : unsure;
}

static struct value look_at_coalesce(struct look *look, const struct sl_ast *list)
{
    struct value all = {NOTHING, true};
    for (const struct sl_ast *item = sl_ast_first(list); item; item = item->next) {
        struct value value = look_at(look, item);
        all.class = join_classes(all.class, value.class);
        all.may_be_null &= value.may_be_null;
    }
    return all.class == UNSURE ? unsure : all;
}

static struct value look_at_operator(struct look *look, const struct sl_ast *node)
{
    const struct sl_ast *list = sl_ast_get(node, "children");
    const char *type = sl_ast_text(node, "type");
    if (sl_str_equal(type, "OPERATOR_NOT"))
        return look_at_booleans(look, list);
    if (sl_str_equal(type, "COMPARE_IN") || sl_str_equal(type, "COMPARE_NOT_IN"))
        return truth_of(all_of(look, list));
    if (sl_str_equal(type, "OPERATOR_COALESCE"))
        return look_at_coalesce(look, list);
    if (sl_str_equal(type, "OPERATOR_IS_NULL") || sl_str_equal(type, "OPERATOR_IS_NOT_NULL")) {
        struct value value = truth_of(all_of(look, list));
        value.may_be_null = value.class == UNSURE;
        return value;
    }
    return unsure;
}

static struct value look_at_case(struct look *look, const struct sl_ast *node)
{
    const struct sl_ast *other = sl_ast_get(node, "else_expr");
    struct value all = other ? look_at(look, other) : (struct value){NOTHING, true};
    for (const struct sl_ast *check = sl_ast_first(sl_ast_get(node, "case_checks")); check;
         check = check->next) {
        if (look_at(look, sl_ast_get(check, "when_expr")).class != BOOLEAN)
            return unsure;
        all = both(all, look_at(look, sl_ast_get(check, "then_expr")));
    }
    return all;
}

// How the engine writes true and false.
static bool is_truth(const struct sl_ast *node)
{
    static const char *const words[] = {"t", "f", "true", "false"};
    const struct sl_ast *value = sl_ast_get(node, "value");
    for (size_t i = 0; sl_ast_is_class(node, "CONSTANT") && i < sizeof words / sizeof *words; i++)
        if (sl_ast_is(value, "value", words[i]))
            return true;
    return false;
}

static struct value look_at_cast(struct look *look, const struct sl_ast *node)
{
    const struct sl_ast *inner = sl_ast_get(node, "child");
    struct value child = look_at(look, inner);
    enum class class = class_of_type(sl_ast_get(node, "cast_type"));
    if (class == UNSURE || child.class == UNSURE)
        return unsure;
    if (class == TEXT || (class == BOOLEAN && is_truth(inner)) ||
        (class != NUMBER && join_classes(child.class, class) == class))
        return (struct value){class, child.may_be_null};
    return sl_ast_true(node, "try_cast") ? (struct value){class, true} : unsure;
}

// --- Functions

// Those that give a value for all values of their class, and never fail. Not arithmetic, which may
// overflow, nor parts of times, which are null for infinite ones.
static const struct {
    const char *name;
    enum class takes, gives;
} functions[] = {
    {"~~", TEXT, BOOLEAN},         {"!~~", TEXT, BOOLEAN},
    {"~~*", TEXT, BOOLEAN},        {"!~~*", TEXT, BOOLEAN},
    {"contains", TEXT, BOOLEAN},   {"ends_with", TEXT, BOOLEAN},
    {"prefix", TEXT, BOOLEAN},     {"starts_with", TEXT, BOOLEAN},
    {"suffix", TEXT, BOOLEAN},     {"||", TEXT, TEXT},
    {"concat", TEXT, TEXT},        {"lcase", TEXT, TEXT},
    {"lower", TEXT, TEXT},         {"ltrim", TEXT, TEXT},
    {"replace", TEXT, TEXT},       {"reverse", TEXT, TEXT},
    {"rtrim", TEXT, TEXT},         {"trim", TEXT, TEXT},
    {"ucase", TEXT, TEXT},         {"upper", TEXT, TEXT},
    {"char_length", TEXT, NUMBER}, {"character_length", TEXT, NUMBER},
    {"len", TEXT, NUMBER},         {"length", TEXT, NUMBER},
    {"strlen", TEXT, NUMBER},
};

static struct value look_at_function(struct look *look, const struct sl_ast *node)
{
    const char *name = sl_ast_text(node, "function_name");
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (sl_str_equal_nocase(functions[i].name, name)) {
            const struct value all = all_of(look, sl_ast_get(node, "children"));
            return join_classes(all.class, functions[i].takes) == functions[i].takes
                       ? (struct value){functions[i].gives, all.may_be_null}
                       : unsure;
        }
    return unsure;
}

static struct value look_at(struct look *look, const struct sl_ast *node)
{
    struct value value = unsure;
    if (!node || look->depth == MOST_DEPTH)
        return unsure;
    look->depth++;
    if (sl_ast_is_class(node, "CONSTANT"))
        value = look_at_constant(node);
    else if (sl_ast_is_class(node, "COLUMN_REF"))
        value = look_at_column(look, node);
    else if (sl_ast_is_class(node, "COMPARISON"))
        value = look_at_comparison(look, node);
    else if (sl_ast_is_class(node, "BETWEEN"))
        value = look_at_between(look, node);
    else if (sl_ast_is_class(node, "CONJUNCTION"))
        value = look_at_booleans(look, sl_ast_get(node, "children"));
    else if (sl_ast_is_class(node, "OPERATOR"))
        value = look_at_operator(look, node);
    else if (sl_ast_is_class(node, "CASE"))
        value = look_at_case(look, node);
    else if (sl_ast_is_class(node, "CAST"))
        value = look_at_cast(look, node);
    else if (sl_ast_is_class(node, "FUNCTION"))
        value = look_at_function(look, node);
    look->depth--;
    return value;
}

bool sl_condition_is_certain(const struct sl_contract_table *table, const struct sl_ast *node)
{
    struct look look = {.table = table};
    struct value value = look_at(&look, node);
    return value.class == BOOLEAN && !value.may_be_null;
}
