// Expressions as text: as the engine names a column without alias, and over the columns of one
// table.
#include "base/buf.h"
#include "base/str.h"
#include "sql/functions.h"
#include "sql/scope.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Longer expressions are of no use to anybody, and lateral aliases could double them again and
// again.
#define MAX_EXPRESSION_BYTES 4096

struct printer {
    struct sl_sql_binder *binder;
    const struct sl_sql_scope *scope; // NULL: print a name
    struct sl_buf *buf;
    const char *table;
    struct sl_strs inputs;
    bool is_given_up; // it has something that cannot be printed
    int code;
    struct sl_err *err;
};

static void print(struct printer *printer, const struct sl_ast *node);

static int compare_words(const void *word, const void *item)
{
    return strcmp(word, *(const char *const *)item);
}

static bool needs_quotes(const char *name)
{
#define SL_KEYWORD(word) word,
    static const char *const keywords[] = {
#include "sql/keywords.def"
    };
#undef SL_KEYWORD

    if (!*name || (*name >= '0' && *name <= '9'))
        return true;
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
        return true;
    return bsearch(name, keywords, sizeof keywords / sizeof *keywords, sizeof *keywords,
                   compare_words) != NULL;
}

static void add_name(struct sl_buf *buf, const char *name)
{
    if (needs_quotes(name))
        sl_buf_add_sql_name(buf, name);
    else
        sl_buf_add(buf, name);
}

const char *sl_sql_quote(struct sl_arena *arena, const char *name)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;

    if (!needs_quotes(name))
        return name;
    sl_buf_add_sql_name(&buf, name);
    return buf.has_failed ? NULL : sl_arena_strdup(arena, buf.text);
}

static void print_list(struct printer *printer, const struct sl_ast *list, const char *separator)
{
    for (const struct sl_ast *item = sl_ast_first(list); item; item = item->next) {
        if (item != list->first)
            sl_buf_add(printer->buf, separator);
        print(printer, item);
    }
}

// Two expressions over different tables are none over one. False as well when memory is out: see
// printer->code.
static bool joins_table(struct printer *printer, const struct sl_sql_value *value)
{
    if (!value->expression || (printer->table && !sl_str_equal(printer->table, value->table)))
        return false;
    printer->table = value->table;
    for (size_t i = 0; i < value->inputs.count && printer->code == SL_OK; i++)
        if (!sl_strs_has(&printer->inputs, value->inputs.items[i]))
            printer->code = sl_strs_add(&printer->inputs, printer->binder->arena,
                                        value->inputs.items[i], printer->err);
    return printer->code == SL_OK;
}

static void print_column(struct printer *printer, const struct sl_ast *node)
{
    const struct sl_ast *names = sl_ast_get(node, "column_names");
    struct sl_sql_value value;
    bool found;

    if (!printer->scope) {
        for (const struct sl_ast *name = sl_ast_first(names); name; name = name->next) {
            if (name != names->first)
                sl_buf_add_char(printer->buf, '.');
            add_name(printer->buf, name->text);
        }
        return;
    }
    printer->code =
        sl_sql_resolve(printer->binder, printer->scope, names, &value, &found, printer->err);
    if (printer->code != SL_OK || !joins_table(printer, &value)) {
        printer->is_given_up = true;
        return;
    }
    sl_buf_add(printer->buf, value.expression);
}

// 15 with scale 1 is 1.5.
static void print_decimal(struct printer *printer, const char *digits, int64_t scale)
{
    bool is_negative = *digits == '-';
    int64_t length;

    digits += is_negative;
    length = (int64_t)strlen(digits);
    sl_buf_add(printer->buf, is_negative ? "-" : "");
    if (length <= scale)
        sl_buf_add(printer->buf, "0");
    else
        sl_buf_add_bytes(printer->buf, digits, (size_t)(length - scale));
    if (scale == 0)
        return;
    sl_buf_add_char(printer->buf, '.');
    for (int64_t i = length; i < scale; i++)
        sl_buf_add_char(printer->buf, '0');
    sl_buf_add(printer->buf, length > scale ? digits + length - scale : digits);
}

static void print_constant(struct printer *printer, const struct sl_ast *node)
{
    const struct sl_ast *value = sl_ast_get(node, "value");
    const struct sl_ast *plain = sl_ast_get(value, "value");
    const struct sl_ast *type = sl_ast_get(value, "type");
    const char *text = plain && plain->text ? plain->text : "";
    bool is_bracketed = printer->scope && *text == '-';

    if (sl_ast_true(value, "is_null")) {
        sl_buf_add(printer->buf, "NULL");
        return;
    }
    if (sl_ast_is(type, "id", "VARCHAR") && plain && !strstr(text, "\xEF\xBF\xBD")) {
        sl_buf_add_sql_string(printer->buf, text);
        return;
    }
    if (!*text || plain->kind != SL_AST_NUMBER) {
        printer->is_given_up = true;
        return;
    }
    sl_buf_add(printer->buf, is_bracketed ? "(" : "");
    if (sl_ast_is(type, "id", "INTEGER") || sl_ast_is(type, "id", "BIGINT"))
        sl_buf_add(printer->buf, text);
    else if (sl_ast_is(type, "id", "DECIMAL"))
        print_decimal(printer, text,
                      strtoll(sl_ast_text(sl_ast_get(type, "type_info"), "scale"), NULL, 10));
    else
        printer->is_given_up = true;
    sl_buf_add(printer->buf, is_bracketed ? ")" : "");
}

// In a name the engine puts quotes around types that are no words of its grammar.
static void print_type(struct printer *printer, const struct sl_ast *type)
{
    static const char *const bare[] = {"INTEGER", "BIGINT",    "SMALLINT",
                                       "VARCHAR", "TIMESTAMP", "BOOLEAN"};
    static const char *const quoted[] = {"DATE", "TINYINT", "DOUBLE"};
    const struct sl_ast *info = sl_ast_get(type, "type_info");
    const char *id = sl_ast_text(type, "id");

    if (sl_str_equal(id, "DECIMAL") && info) {
        sl_buf_addf(printer->buf, "DECIMAL(%s, %s)", sl_ast_text(info, "width"),
                    sl_ast_text(info, "scale"));
        return;
    }
    for (size_t i = 0; !info && i < sizeof bare / sizeof *bare; i++)
        if (sl_str_equal(id, bare[i])) {
            sl_buf_add(printer->buf, id);
            return;
        }
    for (size_t i = 0; !info && i < sizeof quoted / sizeof *quoted; i++)
        if (sl_str_equal(id, quoted[i])) {
            sl_buf_addf(printer->buf, printer->scope ? "%s" : "\"%s\"", id);
            return;
        }
    printer->is_given_up = true;
}

static void print_cast(struct printer *printer, const struct sl_ast *node)
{
    sl_buf_add(printer->buf, sl_ast_true(node, "try_cast") ? "TRY_CAST(" : "CAST(");
    print(printer, sl_ast_get(node, "child"));
    sl_buf_add(printer->buf, " AS ");
    print_type(printer, sl_ast_get(node, "cast_type"));
    sl_buf_add_char(printer->buf, ')');
}

static bool is_plain_call(const struct printer *printer, const struct sl_ast *call)
{
    const char *schema = sl_ast_text(call, "schema");

    for (const struct sl_ast *child = sl_ast_first(sl_ast_get(call, "children")); child;
         child = child->next)
        if (*sl_ast_text(child, "alias"))
            return false;
    if (sl_ast_get(call, "filter") || sl_ast_true(call, "distinct") ||
        sl_ast_count(sl_ast_get(sl_ast_get(call, "order_bys"), "orders")) ||
        (*schema && !sl_str_equal(schema, "main")) || *sl_ast_text(call, "catalog"))
        return false;
    return !printer->scope || sl_function_kind(call) == SL_FUNCTION_SCALAR;
}

static void print_call(struct printer *printer, const struct sl_ast *call)
{
    const struct sl_ast *children = sl_ast_get(call, "children");
    const char *name = sl_ast_text(call, "function_name");
    size_t count = sl_ast_count(children);

    if (!is_plain_call(printer, call)) {
        printer->is_given_up = true;
    } else if (!sl_ast_true(call, "is_operator")) {
        sl_buf_add(printer->buf, *sl_ast_text(call, "schema") ? "main." : "");
        add_name(printer->buf, name);
        sl_buf_add_char(printer->buf, '(');
        print_list(printer, children, ", ");
        sl_buf_add_char(printer->buf, ')');
    } else if (count == 2) {
        sl_buf_add_char(printer->buf, '(');
        print(printer, children->first);
        sl_buf_addf(printer->buf, " %s ", name);
        print(printer, children->first->next);
        sl_buf_add_char(printer->buf, ')');
    } else if (count == 1 && sl_str_equal(name, "-")) {
        sl_buf_add(printer->buf, "-(");
        print(printer, children->first);
        sl_buf_add_char(printer->buf, ')');
    } else {
        printer->is_given_up = true;
    }
}

static void print_comparison(struct printer *printer, const struct sl_ast *node)
{
    static const char *const signs[][2] = {
        {"COMPARE_EQUAL", "="},
        {"COMPARE_NOTEQUAL", "!="},
        {"COMPARE_LESSTHAN", "<"},
        {"COMPARE_GREATERTHAN", ">"},
        {"COMPARE_LESSTHANOREQUALTO", "<="},
        {"COMPARE_GREATERTHANOREQUALTO", ">="},
        {"COMPARE_DISTINCT_FROM", "IS DISTINCT FROM"},
        {"COMPARE_NOT_DISTINCT_FROM", "IS NOT DISTINCT FROM"},
    };

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (sl_ast_is(node, "type", signs[i][0])) {
            sl_buf_add_char(printer->buf, '(');
            print(printer, sl_ast_get(node, "left"));
            sl_buf_addf(printer->buf, " %s ", signs[i][1]);
            print(printer, sl_ast_get(node, "right"));
            sl_buf_add_char(printer->buf, ')');
            return;
        }
    printer->is_given_up = true;
}

static void print_operator(struct printer *printer, const struct sl_ast *node)
{
    static const struct {
        const char *type, *begin, *between_first, *between, *end;
    } forms[] = {
        {"OPERATOR_NOT", "(NOT ", "", "", ")"},
        {"OPERATOR_IS_NULL", "(", "", "", " IS NULL)"},
        {"OPERATOR_IS_NOT_NULL", "(", "", "", " IS NOT NULL)"},
        {"OPERATOR_COALESCE", "COALESCE(", ", ", ", ", ")"},
        {"COMPARE_IN", "(", " IN (", ", ", "))"},
        {"COMPARE_NOT_IN", "(", " NOT IN (", ", ", "))"},
        {"CONJUNCTION_AND", "(", " AND ", " AND ", ")"},
        {"CONJUNCTION_OR", "(", " OR ", " OR ", ")"},
    };
    const struct sl_ast *children = sl_ast_get(node, "children");

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!sl_ast_is(node, "type", forms[i].type))
            continue;
        sl_buf_add(printer->buf, forms[i].begin);
        for (const struct sl_ast *child = sl_ast_first(children); child; child = child->next) {
            if (child != children->first)
                sl_buf_add(printer->buf, child == children->first->next ? forms[i].between_first
                                                                        : forms[i].between);
            print(printer, child);
        }
        sl_buf_add(printer->buf, forms[i].end);
        return;
    }
    printer->is_given_up = true;
}

static void print_between(struct printer *printer, const struct sl_ast *node)
{
    sl_buf_add_char(printer->buf, '(');
    print(printer, sl_ast_get(node, "input"));
    sl_buf_add(printer->buf, " BETWEEN ");
    print(printer, sl_ast_get(node, "lower"));
    sl_buf_add(printer->buf, " AND ");
    print(printer, sl_ast_get(node, "upper"));
    sl_buf_add_char(printer->buf, ')');
}

static void print_case(struct printer *printer, const struct sl_ast *node)
{
    sl_buf_add(printer->buf, "CASE ");
    for (const struct sl_ast *check = sl_ast_first(sl_ast_get(node, "case_checks")); check;
         check = check->next) {
        sl_buf_add(printer->buf, " WHEN (");
        print(printer, sl_ast_get(check, "when_expr"));
        sl_buf_add(printer->buf, ") THEN (");
        print(printer, sl_ast_get(check, "then_expr"));
        sl_buf_add_char(printer->buf, ')');
    }
    sl_buf_add(printer->buf, " ELSE ");
    print(printer, sl_ast_get(node, "else_expr"));
    sl_buf_add(printer->buf, " END");
}

static void print(struct printer *printer, const struct sl_ast *node)
{
    static const struct {
        const char *class;
        void (*print)(struct printer *printer, const struct sl_ast *node);
    } classes[] = {
        {"COLUMN_REF", print_column},
        {"CONSTANT", print_constant},
        {"CAST", print_cast},
        {"FUNCTION", print_call},
        {"COMPARISON", print_comparison},
        {"CONJUNCTION", print_operator},
        {"OPERATOR", print_operator},
        {"BETWEEN", print_between},
        {"CASE", print_case},
    };

    for (size_t i = 0; !printer->is_given_up && i < sizeof classes / sizeof *classes; i++)
        if (sl_ast_is_class(node, classes[i].class)) {
            classes[i].print(printer, node);
            return;
        }
    printer->is_given_up = true;
}

int sl_sql_name_of(struct sl_sql_binder *binder, const struct sl_ast *node, const char **ret,
                   struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    struct printer printer = {.binder = binder, .buf = &buf, .err = err};
    const struct sl_ast *names = sl_ast_get(node, "column_names");
    const char *name = "";

    // A column, or a field of one, has its last name.
    for (const struct sl_ast *item = sl_ast_first(names); item; item = item->next)
        name = item->text;
    if (!names) {
        print(&printer, node);
        SL_TRY(sl_buf_check(&buf, err));
        name = printer.is_given_up ? "" : sl_arena_strdup(binder->arena, buf.text);
        SL_TRY_NEW(name, err);
    }
    *ret = name;
    return SL_OK;
}

int sl_sql_express(struct sl_sql_binder *binder, const struct sl_ast *node,
                   const struct sl_sql_scope *scope, struct sl_sql_value *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    struct printer printer = {.binder = binder, .scope = scope, .buf = &buf, .err = err};

    print(&printer, node);
    SL_TRY(printer.code);
    SL_TRY(sl_buf_check(&buf, err));
    if (printer.is_given_up || !printer.table || buf.length > MAX_EXPRESSION_BYTES)
        return SL_OK;
    ret->expression = sl_arena_strdup(binder->arena, buf.text);
    SL_TRY_NEW(ret->expression, err);
    ret->table = printer.table;
    ret->inputs = printer.inputs;
    return SL_OK;
}
