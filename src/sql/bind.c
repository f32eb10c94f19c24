// Queries: WITH, set operations, recursion.
#include "base/str.h"
#include "sql/scope.h"

// A recursive CTE is bound anew until its columns have all origins; more columns than this do not
// hand them on one by one.
#define MAX_ROUNDS 32

int sl_sql_rename_fields(struct sl_sql_binder *binder, const struct sl_ast *names,
                         struct sl_sql_relation *relation, struct sl_err *err)
{
    struct sl_sql_field *fields;
    size_t i = 0;

    if (sl_ast_count(names) == 0)
        return SL_OK;
    fields = sl_arena_grow(binder->arena, relation->fields, relation->field_count,
                           relation->field_count + 1, sizeof *fields);
    SL_TRY_NEW(fields, err);
    relation->fields = fields;
    for (const struct sl_ast *name = sl_ast_first(names); name; name = name->next)
        if (i < relation->field_count)
            fields[i++].name = name->text;
    return SL_OK;
}

// The origins of both, as a column of a set operation has them.
static int merge_values(struct sl_sql_binder *binder, const struct sl_sql_value *left,
                        const struct sl_sql_value *right, struct sl_sql_value *ret,
                        struct sl_err *err)
{
    struct sl_sql_value value = {0};

    if (left)
        SL_TRY(sl_sql_add_either(binder, &value.origins, &left->origins, err));
    if (right)
        SL_TRY(sl_sql_add_either(binder, &value.origins, &right->origins, err));
    *ret = value;
    return SL_OK;
}

// A column that meets one that is not known may not be passed on unchanged.
static int merge_unknown(struct sl_sql_binder *binder, const struct sl_sql_value *left,
                         struct sl_sql_value *ret, struct sl_err *err)
{
    *ret = (struct sl_sql_value){0};
    return sl_sql_add_computed(binder, &ret->origins, &left->origins, err);
}

static int unite_by_position(struct sl_sql_binder *binder, const struct sl_sql_relation *left,
                             const struct sl_sql_relation *right, struct sl_sql_relation *into,
                             struct sl_err *err)
{
    bool is_open = left->is_open || right->is_open;

    into->is_open = left->is_open;
    for (size_t i = 0; i < left->field_count; i++) {
        struct sl_sql_value value;

        if (is_open || i >= right->field_count)
            SL_TRY(merge_unknown(binder, &left->fields[i].value, &value, err));
        else
            SL_TRY(
                merge_values(binder, &left->fields[i].value, &right->fields[i].value, &value, err));
        SL_TRY(sl_sql_add_field(binder, into, left->fields[i].name, &value, err));
    }
    return SL_OK;
}

static int unite_by_name(struct sl_sql_binder *binder, const struct sl_sql_relation *left,
                         const struct sl_sql_relation *right, struct sl_sql_relation *into,
                         struct sl_err *err)
{
    into->is_open = left->is_open || right->is_open;
    for (size_t i = 0; i < left->field_count; i++) {
        const struct sl_sql_field *other = sl_sql_field_of(right, left->fields[i].name);
        struct sl_sql_value value;

        SL_TRY(merge_values(binder, &left->fields[i].value, other ? &other->value : NULL, &value,
                            err));
        if (right->is_open && !other)
            SL_TRY(merge_unknown(binder, &left->fields[i].value, &value, err));
        SL_TRY(sl_sql_add_field(binder, into, left->fields[i].name, &value, err));
    }
    for (size_t i = 0; i < right->field_count; i++) {
        struct sl_sql_value value;

        if (sl_sql_field_of(left, right->fields[i].name))
            continue;
        SL_TRY(merge_values(binder, NULL, &right->fields[i].value, &value, err));
        if (left->is_open)
            SL_TRY(merge_unknown(binder, &right->fields[i].value, &value, err));
        SL_TRY(sl_sql_add_field(binder, into, right->fields[i].name, &value, err));
    }
    return SL_OK;
}

// Rows are compared whole, so that every column decides which there are.
static int filter_by_all(struct sl_sql_binder *binder, const struct sl_sql_relation *relation,
                         struct sl_sql_relation *into, struct sl_err *err)
{
    for (size_t i = 0; i < relation->field_count; i++)
        SL_TRY(
            sl_sql_add_computed(binder, &into->filters, &relation->fields[i].value.origins, err));
    return SL_OK;
}

// EXCEPT and INTERSECT give rows of the left side.
static int keep_left(struct sl_sql_binder *binder, const struct sl_sql_relation *left,
                     struct sl_sql_relation *into, struct sl_err *err)
{
    into->is_open = left->is_open;
    for (size_t i = 0; i < left->field_count; i++) {
        struct sl_sql_value value = left->fields[i].value;

        sl_sql_drop_expression(&value);
        SL_TRY(sl_sql_add_field(binder, into, left->fields[i].name, &value, err));
    }
    return SL_OK;
}

static int bind_set_operation(struct sl_sql_binder *binder, const struct sl_ast *node,
                              const struct sl_sql_scope *outer, struct sl_sql_relation *into,
                              struct sl_err *err)
{
    struct sl_sql_relation *left, *right;
    bool is_by_name = sl_ast_is(node, "setop_type", "UNION_BY_NAME");
    bool is_union = is_by_name || sl_ast_is(node, "setop_type", "UNION");
    struct sl_sql_from from = {.relations = &into, .count = 1};
    struct sl_sql_scope scope = {.outer = outer, .from = &from};

    SL_TRY(sl_sql_bind_query(binder, sl_ast_get(node, "left"), outer, &left, err));
    SL_TRY(sl_sql_bind_query(binder, sl_ast_get(node, "right"), outer, &right, err));
    SL_TRY(sl_sql_add_computed(binder, &into->filters, &left->filters, err));
    SL_TRY(sl_sql_add_computed(binder, &into->filters, &right->filters, err));
    if (is_by_name)
        SL_TRY(unite_by_name(binder, left, right, into, err));
    else if (is_union)
        SL_TRY(unite_by_position(binder, left, right, into, err));
    else
        SL_TRY(keep_left(binder, left, into, err));
    if (!is_union || !sl_ast_true(node, "setop_all")) {
        SL_TRY(filter_by_all(binder, left, into, err));
        SL_TRY(filter_by_all(binder, right, into, err));
    }
    return sl_sql_bind_modifiers(binder, node, &scope, into, err);
}

static size_t count_origins(const struct sl_sql_relation *relation)
{
    size_t count = relation->filters.count;

    for (size_t i = 0; i < relation->field_count; i++)
        count += relation->fields[i].value.origins.count;
    return count;
}

// What a round finds is what the next one begins with, until nothing is new.
static int bind_recursive(struct sl_sql_binder *binder, struct sl_sql_cte *cte,
                          const struct sl_sql_scope *outer, struct sl_err *err)
{
    const struct sl_ast *node = cte->query;
    struct sl_sql_relation *start, *step;
    size_t before = 0;

    SL_TRY(sl_sql_bind_query(binder, sl_ast_get(node, "left"), outer, &start, err));
    SL_TRY(sl_sql_rename_fields(binder, cte->aliases, start, err));
    cte->relation = start;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        struct sl_sql_relation *next = SL_NEW(binder->arena, struct sl_sql_relation);

        SL_TRY_NEW(next, err);
        SL_TRY(sl_sql_bind_query(binder, sl_ast_get(node, "right"), outer, &step, err));
        SL_TRY(sl_sql_add_computed(binder, &next->filters, &start->filters, err));
        SL_TRY(sl_sql_add_computed(binder, &next->filters, &step->filters, err));
        SL_TRY(unite_by_position(binder, start, step, next, err));
        if (!sl_ast_true(node, "union_all"))
            SL_TRY(filter_by_all(binder, next, next, err));
        cte->relation = next;
        if (count_origins(next) == before)
            return SL_OK;
        before = count_origins(next);
    }
    return SL_OK;
}

static int bind_cte(struct sl_sql_binder *binder, struct sl_sql_cte *cte,
                    const struct sl_sql_scope *outer, struct sl_err *err)
{
    struct sl_sql_relation *result;

    if (cte->uses == 0)
        return SL_OK;
    if (cte->is_recursive)
        return bind_recursive(binder, cte, outer, err);
    SL_TRY(sl_sql_bind_query(binder, cte->query, outer, &result, err));
    SL_TRY(sl_sql_rename_fields(binder, cte->aliases, result, err));
    cte->relation = result;
    return SL_OK;
}

int sl_sql_bind_query(struct sl_sql_binder *binder, const struct sl_ast *node,
                      const struct sl_sql_scope *outer, struct sl_sql_relation **ret,
                      struct sl_err *err)
{
    struct sl_sql_relation *result = SL_NEW(binder->arena, struct sl_sql_relation);

    SL_TRY_NEW(result, err);
    for (const struct sl_ast *entry = sl_ast_first(sl_ast_get(sl_ast_get(node, "cte_map"), "map"));
         entry; entry = entry->next)
        if (entry->cte)
            SL_TRY(bind_cte(binder, entry->cte, outer, err));
    if (sl_ast_is(node, "type", "SELECT_NODE"))
        SL_TRY(sl_sql_bind_select(binder, node, outer, result, err));
    else if (sl_ast_is(node, "type", "SET_OPERATION_NODE"))
        SL_TRY(bind_set_operation(binder, node, outer, result, err));
    else
        result->is_open = true;
    *ret = result;
    return SL_OK;
}
