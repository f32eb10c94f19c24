// One SELECT: its columns, what decides its rows, and what on the driving table's way puts rows
// together.
#include "base/str.h"
#include "sql/functions.h"
#include "sql/scope.h"

#include <stdlib.h>
#include <string.h>

struct select {
    const struct sl_ast *node;
    struct sl_sql_from from;
    struct sl_sql_scope scope;
    struct sl_sql_relation *result;
    struct sl_sql_field *aliases; // one per item; name "" without alias
    size_t alias_count;
    bool *is_key; // per column of the result: no aggregate in it
    size_t is_key_count;
    bool has_aggregate;
};

// Not those of a subquery; of a window only those in its arguments.
static bool has_aggregate(const struct sl_ast *node)
{
    if (sl_ast_is_class(node, "FUNCTION") && sl_function_kind(node) == SL_FUNCTION_AGGREGATE)
        return true;
    if (sl_ast_is_class(node, "SUBQUERY"))
        return sl_ast_get(node, "child") && has_aggregate(sl_ast_get(node, "child"));
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first && has_aggregate(item))
            return true;
    return false;
}

static int add_barrier_key(struct sl_sql_binder *binder, struct sl_sql_barrier *barrier,
                           const struct sl_sql_value *value, struct sl_err *err)
{
    if (!value->expression || !sl_str_equal(value->table, binder->driving))
        return SL_OK;
    return sl_strs_add(&barrier->keys, binder->arena, value->expression, err);
}

static int add_barrier(struct sl_sql_binder *binder, const struct sl_sql_barrier *barrier,
                       struct sl_err *err)
{
    if (!SL_PUSH(binder->arena, binder->barriers, binder->barrier_count, *barrier))
        return sl_fail_memory(err);
    return SL_OK;
}

static int add_window_barriers(struct sl_sql_binder *binder, const struct sl_ast *node,
                               const struct sl_sql_scope *scope, struct sl_err *err)
{
    struct sl_sql_barrier barrier = {.why = "a window crosses partitions"};

    if (sl_ast_is_class(node, "SUBQUERY"))
        return SL_OK;
    if (sl_ast_is_class(node, "WINDOW")) {
        for (const struct sl_ast *partition = sl_ast_first(sl_ast_get(node, "partitions"));
             partition; partition = partition->next) {
            struct sl_sql_value value;

            SL_TRY(sl_sql_value_of(binder, partition, scope, &value, err));
            SL_TRY(add_barrier_key(binder, &barrier, &value, err));
        }
        SL_TRY(add_barrier(binder, &barrier, err));
    }
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first)
            SL_TRY(add_window_barriers(binder, item, scope, err));
    return SL_OK;
}

// Names that come twice get a number, as the engine gives it.
static int make_names_unique(struct sl_sql_binder *binder, struct sl_sql_relation *result,
                             struct sl_err *err)
{
    for (size_t i = 1; i < result->field_count; i++) {
        const char *name = result->fields[i].name;
        size_t number = 0;

        for (size_t k = 0; k < i && *name; k++) {
            if (!sl_str_equal_nocase(result->fields[k].name, result->fields[i].name))
                continue;
            result->fields[i].name = sl_arena_printf(binder->arena, "%s_%zu", name, ++number);
            SL_TRY_NEW(result->fields[i].name, err);
            k = SIZE_MAX; // the new name may be taken, too
        }
    }
    return SL_OK;
}

// How many rows unnest() makes of one depends on its argument.
static int add_unnested(struct sl_sql_binder *binder, const struct select *select,
                        const struct sl_ast *node, struct sl_err *err)
{
    if (sl_ast_is_class(node, "FUNCTION") && sl_function_kind(node) == SL_FUNCTION_UNNEST)
        return sl_sql_depend(binder, node, &select->scope, &select->result->filters, err);
    if (sl_ast_is_class(node, "SUBQUERY"))
        return SL_OK;
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first)
            SL_TRY(add_unnested(binder, select, item, err));
    return SL_OK;
}

static int bind_item(struct sl_sql_binder *binder, struct select *select, const struct sl_ast *item,
                     struct sl_err *err)
{
    size_t first = select->result->field_count;
    struct sl_sql_field alias = {.name = ""};
    bool is_key = !has_aggregate(item);

    SL_TRY(sl_sql_expand(binder, item, &select->scope, select->result, err));
    SL_TRY(add_unnested(binder, select, item, err));
    if (select->result->field_count == first + 1 && *sl_ast_text(item, "alias"))
        alias =
            (struct sl_sql_field){sl_ast_text(item, "alias"), select->result->fields[first].value};
    if (!SL_PUSH(binder->arena, select->aliases, select->alias_count, alias))
        return sl_fail_memory(err);
    select->scope.aliases = select->aliases;
    select->scope.alias_count = select->alias_count;
    select->has_aggregate |= !is_key;
    while (select->is_key_count < select->result->field_count)
        if (!SL_PUSH(binder->arena, select->is_key, select->is_key_count, is_key))
            return sl_fail_memory(err);
    return SL_OK;
}

// An integer means a column of the result.
static const struct sl_sql_field *ordinal(const struct sl_ast *node,
                                          const struct sl_sql_relation *result)
{
    const struct sl_ast *value = sl_ast_get(node, "value");
    size_t index;

    if (!sl_ast_is_class(node, "CONSTANT") ||
        !sl_ast_is(sl_ast_get(value, "type"), "id", "INTEGER"))
        return NULL;
    index = (size_t)strtoull(sl_ast_text(value, "value"), NULL, 10);
    return index >= 1 && index <= result->field_count && !result->is_open
               ? &result->fields[index - 1]
               : NULL;
}

static bool is_in_set(const struct sl_ast *set, size_t index)
{
    for (const struct sl_ast *item = sl_ast_first(set); item; item = item->next)
        if (strtoull(item->text ? item->text : "", NULL, 10) == index)
            return true;
    return false;
}

static bool is_in_every_set(const struct sl_ast *sets, size_t index)
{
    for (const struct sl_ast *set = sl_ast_first(sets); set; set = set->next)
        if (!is_in_set(set, index))
            return false;
    return true;
}

// GROUP BY ALL: every column without an aggregate.
static int add_all_keys(struct sl_sql_binder *binder, const struct select *select,
                        struct sl_sql_barrier *barrier, struct sl_err *err)
{
    for (size_t i = 0; i < select->result->field_count; i++) {
        if (!select->is_key[i])
            continue;
        SL_TRY(sl_sql_add_computed(binder, &select->result->filters,
                                   &select->result->fields[i].value.origins, err));
        SL_TRY(add_barrier_key(binder, barrier, &select->result->fields[i].value, err));
    }
    return SL_OK;
}

static int add_group_keys(struct sl_sql_binder *binder, const struct select *select,
                          struct sl_sql_barrier *barrier, struct sl_err *err)
{
    size_t index = 0;

    for (const struct sl_ast *key = sl_ast_first(sl_ast_get(select->node, "group_expressions"));
         key; key = key->next) {
        const struct sl_sql_field *field = ordinal(key, select->result);
        struct sl_sql_value value = {0};

        if (field)
            value = field->value;
        else
            SL_TRY(sl_sql_value_of(binder, key, &select->scope, &value, err));
        SL_TRY(sl_sql_add_computed(binder, &select->result->filters, &value.origins, err));
        if (is_in_every_set(sl_ast_get(select->node, "group_sets"), index++))
            SL_TRY(add_barrier_key(binder, barrier, &value, err));
    }
    return SL_OK;
}

// In a subtotal a key is null: only keys of every grouping set are expressions still.
static void drop_subtotals(const struct select *select, const struct sl_sql_barrier *barrier)
{
    if (sl_ast_count(sl_ast_get(select->node, "group_sets")) < 2)
        return;
    for (size_t i = 0; i < select->result->field_count; i++) {
        struct sl_sql_value *value = &select->result->fields[i].value;

        if (value->expression && !sl_strs_has(&barrier->keys, value->expression))
            sl_sql_drop_expression(value);
    }
}

static int bind_group(struct sl_sql_binder *binder, struct select *select, struct sl_err *err)
{
    struct sl_sql_barrier barrier = {.why = "an aggregate crosses partitions"};
    bool is_all = sl_ast_is(select->node, "aggregate_handling", "FORCE_AGGREGATES");
    const struct sl_ast *having = sl_ast_get(select->node, "having");

    if (!is_all && !having && !select->has_aggregate &&
        !sl_ast_count(sl_ast_get(select->node, "group_expressions")) &&
        !sl_ast_count(sl_ast_get(select->node, "group_sets")))
        return SL_OK;
    SL_TRY(is_all ? add_all_keys(binder, select, &barrier, err)
                  : add_group_keys(binder, select, &barrier, err));
    drop_subtotals(select, &barrier);
    if (having) {
        struct sl_sql_scope scope = select->scope;

        scope.prefers_aliases = true;
        SL_TRY(sl_sql_depend(binder, having, &scope, &select->result->filters, err));
    }
    return select->from.has_driving ? add_barrier(binder, &barrier, err) : SL_OK;
}

// In ORDER BY and DISTINCT ON an integer and an alias mean columns of the result.
static int value_in_order(struct sl_sql_binder *binder, const struct sl_ast *node,
                          const struct sl_sql_scope *scope, const struct sl_sql_relation *result,
                          struct sl_sql_value *ret, struct sl_err *err)
{
    struct sl_sql_scope inner = *scope;
    const struct sl_sql_field *field = ordinal(node, result);

    *ret = (struct sl_sql_value){0};
    if (field) {
        *ret = field->value;
        return SL_OK;
    }
    if (sl_ast_is_class(node, "STAR")) { // ORDER BY ALL
        for (size_t i = 0; i < result->field_count; i++)
            SL_TRY(
                sl_sql_add_computed(binder, &ret->origins, &result->fields[i].value.origins, err));
        return SL_OK;
    }
    inner.prefers_aliases = true;
    return sl_sql_value_of(binder, node, &inner, ret, err);
}

static int bind_distinct(struct sl_sql_binder *binder, const struct sl_ast *modifier,
                         const struct sl_sql_scope *scope, struct sl_sql_relation *result,
                         struct sl_err *err)
{
    struct sl_sql_barrier barrier = {.why = "DISTINCT crosses partitions"};
    const struct sl_ast *targets = sl_ast_get(modifier, "distinct_on_targets");

    for (const struct sl_ast *target = sl_ast_first(targets); target; target = target->next) {
        struct sl_sql_value value;

        SL_TRY(value_in_order(binder, target, scope, result, &value, err));
        SL_TRY(sl_sql_add_computed(binder, &result->filters, &value.origins, err));
        SL_TRY(add_barrier_key(binder, &barrier, &value, err));
    }
    for (size_t i = 0; i < result->field_count && !sl_ast_count(targets); i++) {
        SL_TRY(
            sl_sql_add_computed(binder, &result->filters, &result->fields[i].value.origins, err));
        SL_TRY(add_barrier_key(binder, &barrier, &result->fields[i].value, err));
    }
    return scope->from->has_driving ? add_barrier(binder, &barrier, err) : SL_OK;
}

static int bind_order(struct sl_sql_binder *binder, const struct sl_ast *modifier,
                      const struct sl_sql_scope *scope, struct sl_sql_relation *result,
                      struct sl_err *err)
{
    for (const struct sl_ast *order = sl_ast_first(sl_ast_get(modifier, "orders")); order;
         order = order->next) {
        struct sl_sql_value value;

        SL_TRY(value_in_order(binder, sl_ast_get(order, "expression"), scope, result, &value, err));
        SL_TRY(sl_sql_add_computed(binder, &result->filters, &value.origins, err));
    }
    return SL_OK;
}

// The order of the whole result decides nothing, unless only some of its rows are taken.
static bool is_order_idle(const struct sl_sql_binder *binder, const struct sl_ast *node)
{
    if (node != binder->scan->root)
        return false;
    for (const struct sl_ast *modifier = sl_ast_first(sl_ast_get(node, "modifiers")); modifier;
         modifier = modifier->next)
        if (!sl_ast_is(modifier, "type", "ORDER_MODIFIER"))
            return false;
    return true;
}

int sl_sql_bind_modifiers(struct sl_sql_binder *binder, const struct sl_ast *node,
                          const struct sl_sql_scope *scope, struct sl_sql_relation *result,
                          struct sl_err *err)
{
    for (const struct sl_ast *modifier = sl_ast_first(sl_ast_get(node, "modifiers")); modifier;
         modifier = modifier->next) {
        if (sl_ast_is(modifier, "type", "DISTINCT_MODIFIER"))
            SL_TRY(bind_distinct(binder, modifier, scope, result, err));
        else if (!sl_ast_is(modifier, "type", "ORDER_MODIFIER"))
            SL_TRY(sl_sql_depend(binder, modifier, scope, &result->filters, err));
        else if (!is_order_idle(binder, node))
            SL_TRY(bind_order(binder, modifier, scope, result, err));
    }
    return SL_OK;
}

static int bind_filters(struct sl_sql_binder *binder, struct select *select, struct sl_err *err)
{
    static const char *const parts[] = {"where_clause", "qualify"};

    SL_TRY(sl_sql_add_computed(binder, &select->result->filters, &select->from.filters, err));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (sl_ast_get(select->node, parts[i]))
            SL_TRY(sl_sql_depend(binder, sl_ast_get(select->node, parts[i]), &select->scope,
                                 &select->result->filters, err));
    return SL_OK;
}

static int bind_windows(struct sl_sql_binder *binder, const struct select *select,
                        struct sl_err *err)
{
    static const char *const parts[] = {"select_list", "qualify", "modifiers"};

    for (size_t i = 0; i < sizeof parts / sizeof *parts && select->from.has_driving; i++)
        if (sl_ast_get(select->node, parts[i]))
            SL_TRY(add_window_barriers(binder, sl_ast_get(select->node, parts[i]), &select->scope,
                                       err));
    return SL_OK;
}

int sl_sql_bind_select(struct sl_sql_binder *binder, const struct sl_ast *node,
                       const struct sl_sql_scope *outer, struct sl_sql_relation *ret,
                       struct sl_err *err)
{
    struct select select = {.node = node, .result = ret};

    SL_TRY(sl_sql_bind_from(binder, sl_ast_get(node, "from_table"), outer, &select.from, err));
    select.scope = (struct sl_sql_scope){.outer = outer, .from = &select.from};
    ret->has_driving = select.from.has_driving;
    for (const struct sl_ast *item = sl_ast_first(sl_ast_get(node, "select_list")); item;
         item = item->next)
        SL_TRY(bind_item(binder, &select, item, err));
    SL_TRY(bind_filters(binder, &select, err));
    SL_TRY(bind_group(binder, &select, err));
    SL_TRY(bind_windows(binder, &select, err));
    SL_TRY(sl_sql_bind_modifiers(binder, node, &select.scope, ret, err));
    return make_names_unique(binder, ret, err);
}
