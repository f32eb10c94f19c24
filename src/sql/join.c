#include "base/str.h"
#include "sql/scope.h"

struct sides {
    struct sl_sql_from left;
    struct sl_sql_from right;
    const struct sl_ast *join;
};

static bool is_join(const struct sides *sides, const char *type)
{
    return sl_ast_is(sides->join, "join_type", type);
}

// Columns of the optional side are null where it has no row: they are no expression over its table
// any more.
static void make_optional(struct sl_sql_from *from)
{
    for (size_t i = 0; i < from->count; i++)
        from->relations[i]->is_optional = true;
    for (size_t i = 0; i < from->using_count; i++)
        sl_sql_drop_expression(&from->usings[i].value);
}

static int add_members(struct sl_sql_binder *binder, const struct sl_sql_from *from,
                       struct sl_sql_using *joined, struct sl_err *err)
{
    for (size_t i = 0; i < from->count; i++)
        if (sl_sql_field_of(from->relations[i], joined->name) && !from->relations[i]->is_hidden &&
            !SL_PUSH(binder->arena, joined->members, joined->member_count, from->relations[i]))
            return sl_fail_memory(err);
    return SL_OK;
}

// The joined column has the value of the side that always has a row; of a full join it is whichever
// is there.
static int join_value(struct sl_sql_binder *binder, const struct sides *sides,
                      const struct sl_sql_value *left, const struct sl_sql_value *right,
                      struct sl_sql_value *ret, struct sl_err *err)
{
    struct sl_sql_value value = is_join(sides, "RIGHT") ? *right : *left;

    if (is_join(sides, "FULL")) {
        value = (struct sl_sql_value){0};
        SL_TRY(sl_sql_add_computed(binder, &value.origins, &left->origins, err));
        SL_TRY(sl_sql_add_computed(binder, &value.origins, &right->origins, err));
    }
    *ret = value;
    return SL_OK;
}

static int add_using(struct sl_sql_binder *binder, const struct sides *sides, const char *name,
                     struct sl_sql_from *merged, struct sl_err *err)
{
    struct sl_sql_using joined = {.name = name};
    struct sl_sql_value left, right;
    bool found;

    SL_TRY(sl_sql_resolve_in(binder, &sides->left, name, &left, &found, err));
    SL_TRY(sl_sql_resolve_in(binder, &sides->right, name, &right, &found, err));
    SL_TRY(sl_sql_add_computed(binder, &merged->filters, &left.origins, err));
    SL_TRY(sl_sql_add_computed(binder, &merged->filters, &right.origins, err));
    SL_TRY(join_value(binder, sides, &left, &right, &joined.value, err));
    SL_TRY(add_members(binder, &sides->left, &joined, err));
    SL_TRY(add_members(binder, &sides->right, &joined, err));
    if (!SL_PUSH(binder->arena, merged->usings, merged->using_count, joined))
        return sl_fail_memory(err);
    return SL_OK;
}

static bool has_open(const struct sl_sql_from *from)
{
    for (size_t i = 0; i < from->count; i++)
        if (from->relations[i]->is_open && !from->relations[i]->is_hidden)
            return true;
    return from->has_unknown_using;
}

static bool has_column(const struct sl_sql_from *from, const char *name)
{
    for (size_t i = 0; i < from->count; i++)
        for (size_t k = 0; k < from->relations[i]->field_count; k++)
            if (!from->relations[i]->is_hidden &&
                sl_str_equal_nocase(from->relations[i]->fields[k].name, name))
                return true;
    return false;
}

static bool has_using(const struct sl_sql_from *from, const char *name)
{
    for (size_t i = 0; i < from->using_count; i++)
        if (sl_str_equal_nocase(from->usings[i].name, name))
            return true;
    return false;
}

// The columns that both sides have.
static int add_natural(struct sl_sql_binder *binder, const struct sides *sides,
                       struct sl_sql_from *merged, struct sl_err *err)
{
    merged->has_unknown_using |= has_open(&sides->left) || has_open(&sides->right);
    for (size_t i = 0; i < sides->left.count; i++) {
        const struct sl_sql_relation *relation = sides->left.relations[i];

        for (size_t k = 0; k < relation->field_count && !relation->is_hidden; k++) {
            const char *name = relation->fields[k].name;

            if (has_column(&sides->right, name) && !has_using(merged, name))
                SL_TRY(add_using(binder, sides, name, merged, err));
        }
    }
    return SL_OK;
}

// Columns joined further down stay joined, but where this join joins them again.
static int keep_usings(struct sl_sql_binder *binder, const struct sl_sql_from *from,
                       struct sl_sql_from *merged, struct sl_err *err)
{
    size_t fresh = merged->using_count;

    for (size_t i = 0; i < from->using_count; i++) {
        bool is_again = false;

        for (size_t k = 0; k < fresh; k++)
            is_again |= sl_str_equal_nocase(merged->usings[k].name, from->usings[i].name);
        if (!is_again &&
            !SL_PUSH(binder->arena, merged->usings, merged->using_count, from->usings[i]))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int merge_relations(struct sl_sql_binder *binder, const struct sl_sql_from *from,
                           struct sl_sql_from *merged, struct sl_err *err)
{
    for (size_t i = 0; i < from->count; i++)
        if (!SL_PUSH(binder->arena, merged->relations, merged->count, from->relations[i]))
            return sl_fail_memory(err);
    merged->has_unknown_using |= from->has_unknown_using;
    merged->has_driving |= from->has_driving;
    return sl_sql_add_computed(binder, &merged->filters, &from->filters, err);
}

static int add_usings(struct sl_sql_binder *binder, const struct sides *sides,
                      struct sl_sql_from *merged, struct sl_err *err)
{
    for (const struct sl_ast *name = sl_ast_first(sl_ast_get(sides->join, "using_columns")); name;
         name = name->next)
        SL_TRY(add_using(binder, sides, name->text, merged, err));
    if (sl_ast_is(sides->join, "ref_type", "NATURAL"))
        SL_TRY(add_natural(binder, sides, merged, err));
    SL_TRY(keep_usings(binder, &sides->left, merged, err));
    if (is_join(sides, "SEMI") || is_join(sides, "ANTI"))
        return SL_OK;
    return keep_usings(binder, &sides->right, merged, err);
}

int sl_sql_bind_join(struct sl_sql_binder *binder, const struct sl_ast *join,
                     const struct sl_sql_scope *outer, struct sl_sql_from *ret, struct sl_err *err)
{
    struct sides sides = {.join = join};
    struct sl_sql_from merged = {0};
    struct sl_sql_scope lateral = {.outer = outer, .from = &sides.left};
    struct sl_sql_scope scope = {.outer = outer, .from = &merged};

    SL_TRY(sl_sql_bind_from(binder, sl_ast_get(join, "left"), outer, &sides.left, err));
    // What stands on the right may look at what stands on the left.
    SL_TRY(sl_sql_bind_from(binder, sl_ast_get(join, "right"), &lateral, &sides.right, err));
    SL_TRY(merge_relations(binder, &sides.left, &merged, err));
    SL_TRY(merge_relations(binder, &sides.right, &merged, err));
    if (is_join(&sides, "LEFT") || is_join(&sides, "FULL"))
        make_optional(&sides.right);
    if (is_join(&sides, "RIGHT") || is_join(&sides, "FULL"))
        make_optional(&sides.left);
    if (sl_ast_get(join, "condition"))
        SL_TRY(sl_sql_depend(binder, sl_ast_get(join, "condition"), &scope, &merged.filters, err));
    SL_TRY(add_usings(binder, &sides, &merged, err));
    if (is_join(&sides, "SEMI") || is_join(&sides, "ANTI"))
        for (size_t i = 0; i < sides.right.count; i++)
            sides.right.relations[i]->is_hidden = true;
    *ret = merged;
    return SL_OK;
}
