// Which columns another text of a query gives other values. What is not sure is all of them.
#include "sql/functions.h"
#include "sql/query.h"

#include <string.h>

static bool is_place(const struct sl_ast *node)
{
    return node->key && strcmp(node->key, "query_location") == 0;
}

static const struct sl_ast *skip_places(const struct sl_ast *node)
{
    while (node && is_place(node))
        node = node->next;
    return node;
}

// But for places in the text, and for the members `but` of the two maps; NULL: none.
static bool is_same(const struct sl_ast *a, const struct sl_ast *b, const char *but)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->truth != b->truth || !sl_str_equal(a->text, b->text) ||
        !sl_str_equal(a->key, b->key))
        return false;
    const struct sl_ast *left = skip_places(a->first), *right = skip_places(b->first);
    while (left && right) {
        bool is_left_out = but && sl_str_equal(left->key, but) && sl_str_equal(right->key, but);
        if (!is_left_out && !is_same(left, right, NULL))
            return false;
        left = skip_places(left->next);
        right = skip_places(right->next);
    }
    return !left && !right;
}

// One statement that is a plain SELECT; NULL: it is another.
static const struct sl_ast *select_of(const struct sl_ast *root)
{
    const struct sl_ast *statements = sl_ast_get(root, "statements");
    const struct sl_ast *node = sl_ast_get(sl_ast_first(statements), "node");
    return sl_ast_count(statements) == 1 && sl_ast_is(node, "type", "SELECT_NODE") ? node : NULL;
}

static bool has_kind(const struct sl_ast *node, enum sl_function_kind kind)
{
    if (sl_ast_is_class(node, "FUNCTION") && sl_function_kind(node) == kind)
        return true;
    for (const struct sl_ast *at = sl_ast_first(node); at; at = at->next)
        if (has_kind(at, kind))
            return true;
    return false;
}

// Its value alone depends on what stands there: no list of columns, and no rows of its own.
static bool is_value(const struct sl_ast *item)
{
    return !sl_ast_is_class(item, "STAR") && !has_kind(item, SL_FUNCTION_UNNEST) &&
           !has_kind(item, SL_FUNCTION_UNKNOWN);
}

static bool refers_to(const struct sl_ast *node, const char *alias)
{
    if (sl_ast_is_class(node, "COLUMN_REF")) {
        const struct sl_ast *last = sl_ast_first(sl_ast_get(node, "column_names"));
        while (last && last->next)
            last = last->next;
        return last && sl_str_equal_nocase(last->text, alias);
    }
    for (const struct sl_ast *at = sl_ast_first(node); at; at = at->next)
        if (refers_to(at, alias))
            return true;
    return false;
}

// Anything of the query, the item itself left out, that refers to its alias.
static bool is_referred_to(const struct sl_ast *select, const struct sl_ast *item)
{
    const char *alias = sl_ast_text(item, "alias");
    const struct sl_ast *items = sl_ast_get(select, "select_list");
    for (const struct sl_ast *part = sl_ast_first(select); *alias && part; part = part->next)
        if (part != items && refers_to(part, alias))
            return true;
    for (const struct sl_ast *other = sl_ast_first(items); *alias && other; other = other->next)
        if (other != item && refers_to(other, alias))
            return true;
    return false;
}

// "group by 2"
static bool groups_by_place(const struct sl_ast *select)
{
    for (const struct sl_ast *at = sl_ast_first(sl_ast_get(select, "group_expressions")); at;
         at = at->next)
        if (sl_ast_is_class(at, "CONSTANT"))
            return true;
    return false;
}

// Whether a changed item changes nothing but its own values: neither groups nor which rows there
// are.
static bool is_alone(const struct sl_ast *select, const struct sl_ast *item)
{
    bool groups_all = sl_ast_is(select, "aggregate_handling", "FORCE_AGGREGATES");
    bool is_aggregate = has_kind(item, SL_FUNCTION_AGGREGATE);
    bool is_grouped = groups_all || groups_by_place(select);
    return is_value(item) && (!is_grouped || is_aggregate) && !is_referred_to(select, item);
}

static bool has_other_modifiers(const struct sl_ast *select)
{
    for (const struct sl_ast *at = sl_ast_first(sl_ast_get(select, "modifiers")); at; at = at->next)
        if (!sl_ast_is(at, "type", "ORDER_MODIFIER"))
            return true;
    return false;
}

// An aggregate that comes or goes makes one row of many, or the other way round.
static bool has_aggregate(const struct sl_ast *select)
{
    return has_kind(sl_ast_get(select, "select_list"), SL_FUNCTION_AGGREGATE);
}

int sl_query_changed(const char *before, const char *now, struct sl_arena *arena, bool **ret,
                     size_t *ret_count, struct sl_err *err)
{
    struct sl_ast *roots[2];
    *ret = NULL;
    *ret_count = 0;
    SL_TRY(sl_ast_parse(before, arena, &roots[0], err));
    SL_TRY(sl_ast_parse(now, arena, &roots[1], err));
    const struct sl_ast *a = select_of(roots[0]), *b = select_of(roots[1]);
    const struct sl_ast *left = sl_ast_get(a, "select_list"), *right = sl_ast_get(b, "select_list");
    size_t count = sl_ast_count(left);
    if (!a || !b || count != sl_ast_count(right) || !is_same(a, b, "select_list") ||
        has_other_modifiers(a) || has_aggregate(a) != has_aggregate(b))
        return SL_OK;
    bool *changed = SL_NEW_ARRAY(arena, bool, count);
    SL_TRY_NEW(changed, err);
    left = sl_ast_first(left);
    right = sl_ast_first(right);
    for (size_t i = 0; i < count; i++, left = left->next, right = right->next) {
        if (sl_ast_is_class(left, "STAR") || sl_ast_is_class(right, "STAR"))
            return SL_OK; // the columns behind it have other places
        changed[i] = !is_same(left, right, NULL);
        if (changed[i] && !(is_alone(a, left) && is_alone(b, right)))
            return SL_OK;
    }
    *ret = changed;
    *ret_count = count;
    return SL_OK;
}
