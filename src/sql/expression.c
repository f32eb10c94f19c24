// What an expression depends on.
#include "base/str.h"
#include "sql/functions.h"
#include "sql/scope.h"

#include <stdlib.h>

static int depend_members(struct sl_sql_binder *binder, const struct sl_ast *node,
                          const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                          struct sl_err *err)
{
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first)
            SL_TRY(sl_sql_depend(binder, item, scope, into, err));
    return SL_OK;
}

static int depend_column(struct sl_sql_binder *binder, const struct sl_ast *names,
                         const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                         struct sl_err *err)
{
    struct sl_sql_value value;
    bool found;

    SL_TRY(sl_sql_resolve(binder, scope, names, &value, &found, err));
    return sl_sql_add_computed(binder, into, &value.origins, err);
}

// COLUMNS(...) stands for one column at a time where the select list is expanded, and for all of
// them elsewhere.
static int depend_star(struct sl_sql_binder *binder, const struct sl_ast *star,
                       const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                       struct sl_err *err)
{
    struct sl_sql_relation all = {0};

    binder->lookups++;
    binder->own_hits++;
    if (scope->star)
        return sl_sql_add_computed(binder, into, &scope->star->value.origins, err);
    SL_TRY(sl_sql_expand_star(binder, star, scope, &all, err));
    for (size_t i = 0; i < all.field_count; i++)
        SL_TRY(sl_sql_add_computed(binder, into, &all.fields[i].value.origins, err));
    return SL_OK;
}

// A subquery's value depends on what it selects and on what decides its rows; EXISTS on the latter
// alone.
static int depend_subquery(struct sl_sql_binder *binder, const struct sl_ast *node,
                           const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                           struct sl_err *err)
{
    struct sl_sql_relation *result;
    size_t own_hits = binder->own_hits;

    if (sl_ast_get(node, "child"))
        SL_TRY(sl_sql_depend(binder, sl_ast_get(node, "child"), scope, into, err));
    SL_TRY(sl_sql_bind_query(binder, sl_ast_get(sl_ast_get(node, "subquery"), "node"), scope,
                             &result, err));
    binder->own_hits = own_hits;
    SL_TRY(sl_sql_add_computed(binder, into, &result->filters, err));
    if (sl_ast_is(node, "subquery_type", "EXISTS") ||
        sl_ast_is(node, "subquery_type", "NOT_EXISTS"))
        return SL_OK;
    for (size_t i = 0; i < result->field_count; i++)
        SL_TRY(sl_sql_add_computed(binder, into, &result->fields[i].value.origins, err));
    return SL_OK;
}

static int add_params(struct sl_sql_binder *binder, const struct sl_ast *node,
                      const struct sl_sql_params **params, struct sl_err *err)
{
    if (sl_ast_is_class(node, "COLUMN_REF")) {
        const struct sl_ast *names = sl_ast_get(node, "column_names");
        struct sl_sql_params *param = SL_NEW(binder->arena, struct sl_sql_params);

        SL_TRY_NEW(param, err);
        *param = (struct sl_sql_params){names && names->first ? names->first->text : "", *params};
        *params = param;
        return SL_OK;
    }
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first)
            SL_TRY(add_params(binder, item, params, err));
    return SL_OK;
}

static int depend_lambda(struct sl_sql_binder *binder, const struct sl_ast *lambda,
                         const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                         struct sl_err *err)
{
    struct sl_sql_scope inner = *scope;

    SL_TRY(add_params(binder, sl_ast_get(lambda, "lhs"), &inner.params, err));
    return sl_sql_depend(binder, sl_ast_get(lambda, "expr"), &inner, into, err);
}

// `a.trim()` is trim(a), and is read as a function in the schema a.
static int depend_receiver(struct sl_sql_binder *binder, const struct sl_ast *call,
                           const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                           struct sl_err *err)
{
    struct sl_ast parts[2] = {{.kind = SL_AST_TEXT, .text = sl_ast_text(call, "catalog")},
                              {.kind = SL_AST_TEXT, .text = sl_ast_text(call, "schema")}};
    struct sl_ast names = {.kind = SL_AST_LIST, .first = *parts[0].text ? &parts[0] : &parts[1]};

    if (!*parts[1].text || sl_str_equal(parts[1].text, "main"))
        return SL_OK;
    parts[0].next = &parts[1];
    return depend_column(binder, &names, scope, into, err);
}

// An aggregate in a subquery whose columns are all of the query around is computed there.
static int depend_aggregate(struct sl_sql_binder *binder, const struct sl_ast *call,
                            const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                            struct sl_err *err)
{
    struct sl_sql_scope inner = *scope;
    size_t lookups = binder->lookups, own_hits = binder->own_hits;

    inner.prefers_aliases = false;
    SL_TRY(depend_receiver(binder, call, &inner, into, err));
    SL_TRY(depend_members(binder, call, &inner, into, err));
    if (scope->outer && binder->lookups > lookups && binder->own_hits == own_hits)
        binder->has_outer_aggregate = true;
    return SL_OK;
}

static int depend_call(struct sl_sql_binder *binder, const struct sl_ast *call,
                       const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                       struct sl_err *err)
{
    if (sl_function_kind(call) == SL_FUNCTION_AGGREGATE)
        return depend_aggregate(binder, call, scope, into, err);
    SL_TRY(depend_receiver(binder, call, scope, into, err));
    if (!sl_function_takes_lambda(call))
        return depend_members(binder, call, scope, into, err);
    for (const struct sl_ast *child = sl_ast_first(sl_ast_get(call, "children")); child;
         child = child->next)
        SL_TRY(sl_ast_is_class(child, "LAMBDA") ? depend_lambda(binder, child, scope, into, err)
                                                : sl_sql_depend(binder, child, scope, into, err));
    return SL_OK;
}

// `#2`: the second column of the FROM clause.
static const struct sl_sql_field *positional(const struct sl_ast *node,
                                             const struct sl_sql_scope *scope,
                                             const struct sl_sql_relation **ret_relation)
{
    size_t index = (size_t)strtoull(sl_ast_text(node, "index"), NULL, 10);

    for (size_t i = 0; index > 0 && i < scope->from->count; i++) {
        const struct sl_sql_relation *relation = scope->from->relations[i];

        *ret_relation = relation;
        if (index <= relation->field_count)
            return &relation->fields[index - 1];
        if (relation->is_open)
            return NULL;
        index -= relation->field_count;
    }
    return NULL;
}

int sl_sql_depend(struct sl_sql_binder *binder, const struct sl_ast *node,
                  const struct sl_sql_scope *scope, struct sl_sql_origins *into, struct sl_err *err)
{
    const char *class = sl_ast_text(node, "class");
    const struct sl_sql_relation *relation;

    if (sl_str_equal(class, "COLUMN_REF"))
        return depend_column(binder, sl_ast_get(node, "column_names"), scope, into, err);
    if (sl_str_equal(class, "CONSTANT"))
        return SL_OK;
    if (sl_str_equal(class, "FUNCTION"))
        return depend_call(binder, node, scope, into, err);
    if (sl_str_equal(class, "SUBQUERY"))
        return depend_subquery(binder, node, scope, into, err);
    if (sl_str_equal(class, "STAR"))
        return depend_star(binder, node, scope, into, err);
    if (sl_str_equal(class, "POSITIONAL_REFERENCE")) {
        const struct sl_sql_field *field = positional(node, scope, &relation);

        binder->lookups++;
        binder->own_hits += field != NULL;
        return field ? sl_sql_add_computed(binder, into, &field->value.origins, err) : SL_OK;
    }
    return depend_members(binder, node, scope, into, err);
}

int sl_sql_value_of(struct sl_sql_binder *binder, const struct sl_ast *node,
                    const struct sl_sql_scope *scope, struct sl_sql_value *ret, struct sl_err *err)
{
    const struct sl_sql_relation *relation;
    bool found;

    *ret = (struct sl_sql_value){0};
    if (sl_ast_is_class(node, "COLUMN_REF"))
        return sl_sql_resolve(binder, scope, sl_ast_get(node, "column_names"), ret, &found, err);
    if (sl_ast_is_class(node, "STAR") && scope->star) {
        *ret = scope->star->value;
        return SL_OK;
    }
    if (sl_ast_is_class(node, "POSITIONAL_REFERENCE") && positional(node, scope, &relation)) {
        *ret = sl_sql_field_value(relation, positional(node, scope, &relation));
        return SL_OK;
    }
    SL_TRY(sl_sql_depend(binder, node, scope, &ret->origins, err));
    return sl_sql_express(binder, node, scope, ret, err);
}
