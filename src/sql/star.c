// Items of a select list: stars, COLUMNS(...), unnested structs, and plain expressions.
#include "sql/star.h"
#include "base/str.h"
#include "sql/functions.h"
#include "sql/scope.h"

#include <string.h>
#include <strings.h>

int sl_sql_add_field(struct sl_sql_binder *binder, struct sl_sql_relation *relation,
                     const char *name, const struct sl_sql_value *value, struct sl_err *err)
{
    struct sl_sql_field field = {name, *value};

    if (!SL_PUSH(binder->arena, relation->fields, relation->field_count, field))
        return sl_fail_memory(err);
    return SL_OK;
}

static bool is_excluded(const struct sl_ast *star, const struct sl_sql_relation *relation,
                        const char *name)
{
    for (const struct sl_ast *item = sl_ast_first(sl_ast_get(star, "exclude_list")); item;
         item = item->next)
        if (sl_str_equal_nocase(item->text, name))
            return true;
    for (const struct sl_ast *item = sl_ast_first(sl_ast_get(star, "qualified_exclude_list")); item;
         item = item->next) {
        const char *table = sl_ast_text(item, "table");

        if (sl_str_equal_nocase(sl_ast_text(item, "column"), name) &&
            (!*table || sl_str_equal_nocase(table, relation->name)))
            return true;
    }
    return false;
}

static const char *new_name(const struct sl_ast *star, const char *name)
{
    for (const struct sl_ast *item = sl_ast_first(sl_ast_get(star, "rename_list")); item;
         item = item->next)
        if (sl_str_equal_nocase(sl_ast_text(sl_ast_get(item, "key"), "column"), name))
            return sl_ast_text(item, "value");
    return name;
}

static const struct sl_ast *replacement(const struct sl_ast *star, const char *name)
{
    for (const struct sl_ast *item = sl_ast_first(sl_ast_get(star, "replace_list")); item;
         item = item->next)
        if (sl_str_equal_nocase(sl_ast_text(item, "key"), name))
            return item;
    return NULL;
}

// The joined column that a relation's column became, seen through an unqualified star.
static const struct sl_sql_using *
find_using(const struct sl_sql_from *from, const struct sl_sql_relation *relation, const char *name)
{
    for (size_t i = 0; i < from->using_count; i++)
        for (size_t k = 0; k < from->usings[i].member_count; k++)
            if (from->usings[i].members[k] == relation &&
                sl_str_equal_nocase(from->usings[i].name, name))
                return &from->usings[i];
    return NULL;
}

// A joined column stands where the first of its members stands that the star does not exclude.
static bool stands_before(const struct sl_ast *star, const struct sl_sql_using *joined,
                          const struct sl_sql_relation *relation)
{
    for (size_t i = 0; i < joined->member_count && joined->members[i] != relation; i++)
        if (!is_excluded(star, joined->members[i], joined->name))
            return true;
    return false;
}

static int add_star_field(struct sl_sql_binder *binder, const struct sl_ast *star,
                          const struct sl_sql_scope *scope, const struct sl_sql_field *field,
                          struct sl_sql_relation *into, struct sl_err *err)
{
    const struct sl_ast *other = replacement(star, field->name);
    struct sl_sql_value value;

    if (!other)
        return sl_sql_add_field(binder, into, new_name(star, field->name), &field->value, err);
    SL_TRY(sl_sql_value_of(binder, sl_ast_get(other, "value"), scope, &value, err));
    return sl_sql_add_field(binder, into, sl_ast_text(other, "key"), &value, err);
}

static int expand_relation(struct sl_sql_binder *binder, const struct sl_ast *star,
                           const struct sl_sql_scope *scope, const struct sl_sql_relation *relation,
                           struct sl_sql_relation *into, struct sl_err *err)
{
    bool is_qualified = *sl_ast_text(star, "relation_name") != '\0';

    into->is_open |= relation->is_open;
    for (size_t i = 0; i < relation->field_count; i++) {
        struct sl_sql_field field = relation->fields[i];
        const struct sl_sql_using *joined =
            is_qualified ? NULL : find_using(scope->from, relation, field.name);

        if (is_excluded(star, relation, field.name))
            continue;
        field.value = sl_sql_field_value(relation, &relation->fields[i]);
        if (joined && stands_before(star, joined, relation))
            continue;
        if (joined)
            field.value = joined->value;
        SL_TRY(add_star_field(binder, star, scope, &field, into, err));
    }
    return SL_OK;
}

int sl_sql_struct_fields(struct sl_sql_binder *binder, const struct sl_sql_value *value,
                         struct sl_sql_relation *into, struct sl_err *err)
{
    struct sl_sql_value part = {0};
    struct sl_strs names = {0};

    SL_TRY(sl_sql_add_computed(binder, &part.origins, &value->origins, err));
    SL_TRY(sl_sql_struct_names(binder->arena, value->type, &names, err));
    into->is_open |= names.count == 0;
    for (size_t i = 0; i < names.count; i++)
        SL_TRY(sl_sql_add_field(binder, into, names.items[i], &part, err));
    return SL_OK;
}

// `s.*` where s is no table but a struct column.
static int expand_struct(struct sl_sql_binder *binder, const struct sl_ast *star,
                         const struct sl_sql_scope *scope, struct sl_sql_relation *into,
                         struct sl_err *err)
{
    struct sl_ast name = {.kind = SL_AST_TEXT, .text = sl_ast_text(star, "relation_name")};
    struct sl_ast names = {.kind = SL_AST_LIST, .first = &name};
    struct sl_sql_relation fields = {0};
    struct sl_sql_value value;
    bool found;

    SL_TRY(sl_sql_resolve(binder, scope, &names, &value, &found, err));
    SL_TRY(sl_sql_struct_fields(binder, &value, &fields, err));
    return expand_relation(binder, star, scope, &fields, into, err);
}

// The columns of a star before COLUMNS picks some.
static int expand_star(struct sl_sql_binder *binder, const struct sl_ast *star,
                       const struct sl_sql_scope *scope, struct sl_sql_relation *into,
                       struct sl_err *err)
{
    const char *owner = sl_ast_text(star, "relation_name");
    bool found = false;

    into->is_open |= scope->from->has_unknown_using && !*owner;
    for (size_t i = 0; i < scope->from->count; i++) {
        const struct sl_sql_relation *relation = scope->from->relations[i];

        if (relation->is_hidden || (*owner && !sl_str_equal_nocase(owner, relation->name)))
            continue;
        found = true;
        SL_TRY(expand_relation(binder, star, scope, relation, into, err));
    }
    if (*owner && !found)
        return expand_struct(binder, star, scope, into, err);
    return SL_OK;
}

// Picks the columns of `all` that a pattern over names takes. What it cannot follow makes the
// result open.
static int pick(struct sl_sql_binder *binder, const struct sl_sql_relation *all,
                const struct sl_sql_pattern *pattern, struct sl_sql_relation *into,
                struct sl_err *err)
{
    into->is_open |= all->is_open || pattern->kind == SL_SQL_PATTERN_UNKNOWN;
    for (size_t i = 0; i < all->field_count && pattern->kind != SL_SQL_PATTERN_UNKNOWN; i++)
        if (sl_sql_pattern_takes(pattern, all->fields[i].name))
            SL_TRY(sl_sql_add_field(binder, into, all->fields[i].name, &all->fields[i].value, err));
    return SL_OK;
}

static int expand_pattern(struct sl_sql_binder *binder, const struct sl_ast *star,
                          const struct sl_sql_pattern *pattern, const struct sl_sql_scope *scope,
                          struct sl_sql_relation *into, struct sl_err *err)
{
    struct sl_sql_relation all = {0};

    SL_TRY(expand_star(binder, star, scope, &all, err));
    return pick(binder, &all, pattern, into, err);
}

int sl_sql_expand_star(struct sl_sql_binder *binder, const struct sl_ast *star,
                       const struct sl_sql_scope *scope, struct sl_sql_relation *into,
                       struct sl_err *err)
{
    struct sl_sql_pattern pattern = sl_sql_columns_pattern(star);

    return expand_pattern(binder, star, &pattern, scope, into, err);
}

// The COLUMNS(...) in an expression; several in one must be the same. Not inside a subquery, which
// has its own.
static const struct sl_ast *find_columns(const struct sl_ast *node)
{
    if (sl_ast_is_class(node, "STAR"))
        return sl_ast_true(node, "columns") ? node : NULL;
    if (sl_ast_is_class(node, "SUBQUERY") || sl_ast_is(node, "type", "OPERATOR_UNPACK"))
        return NULL;
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next) {
        const struct sl_ast *found = item->first ? find_columns(item) : NULL;

        if (found)
            return found;
    }
    return NULL;
}

// An alias may have \0 for the column's name.
static const char *expanded_alias(struct sl_sql_binder *binder, const char *alias, const char *name)
{
    const char *slash = strchr(alias, '\\');

    if (!*alias)
        return name;
    if (!slash)
        return alias;
    if (slash[1] != '0' || strchr(slash + 1, '\\'))
        return "";
    return sl_arena_printf(binder->arena, "%.*s%s%s", (int)(slash - alias), alias, name, slash + 2);
}

static int expand_columns(struct sl_sql_binder *binder, const struct sl_ast *item,
                          const struct sl_ast *star, const struct sl_sql_scope *scope,
                          struct sl_sql_relation *into, struct sl_err *err)
{
    struct sl_sql_relation picked = {0};

    SL_TRY(sl_sql_expand_star(binder, star, scope, &picked, err));
    into->is_open |= picked.is_open;
    for (size_t i = 0; i < picked.field_count; i++) {
        const char *alias =
            expanded_alias(binder, sl_ast_text(item, "alias"), picked.fields[i].name);
        struct sl_sql_scope inner = *scope;
        struct sl_sql_value value;

        SL_TRY_NEW(alias, err);
        inner.star = &picked.fields[i];
        SL_TRY(sl_sql_value_of(binder, item, &inner, &value, err));
        SL_TRY(sl_sql_add_field(binder, into, alias, &value, err));
    }
    return SL_OK;
}

// unnest() of a struct gives a column for each field, of a list one column. With further arguments
// it goes deeper.
static int expand_unnest(struct sl_sql_binder *binder, const struct sl_ast *call, const char *name,
                         const struct sl_sql_scope *scope, struct sl_sql_relation *into,
                         struct sl_err *err)
{
    const struct sl_ast *children = sl_ast_get(call, "children");
    struct sl_sql_value value = {0}, part = {0};

    if (sl_ast_count(children) != 1) {
        into->is_open = true;
        return SL_OK;
    }
    SL_TRY(sl_sql_value_of(binder, children->first, scope, &value, err));
    if (sl_sql_is_struct(value.type) ||
        sl_ast_is(children->first, "function_name", "struct_pack") ||
        sl_ast_is(children->first, "function_name", "row"))
        return sl_sql_struct_fields(binder, &value, into, err);
    SL_TRY(sl_sql_add_computed(binder, &part.origins, &value.origins, err));
    return sl_sql_add_field(binder, into, name, &part, err);
}

// A star that is no argument list of its own: `* NOT SIMILAR TO ...` is a pattern below a NOT.
static bool has_star(const struct sl_ast *node)
{
    if (sl_ast_is_class(node, "STAR"))
        return !sl_ast_true(node, "columns");
    if (sl_ast_is_class(node, "SUBQUERY"))
        return false;
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first && has_star(item))
            return true;
    return false;
}

static int expand_plain(struct sl_sql_binder *binder, const struct sl_ast *item,
                        const struct sl_sql_scope *scope, struct sl_sql_relation *into,
                        struct sl_err *err)
{
    const char *name = sl_ast_text(item, "alias");
    struct sl_sql_value value;

    if (has_star(item)) {
        into->is_open = true;
        return SL_OK;
    }
    SL_TRY(sl_sql_value_of(binder, item, scope, &value, err));
    if (!*name && value.name)
        name = value.name;
    else if (!*name)
        SL_TRY(sl_sql_name_of(binder, item, &name, err));
    if (sl_ast_is_class(item, "FUNCTION") &&
        (sl_ast_is(item, "function_name", "unnest") || sl_ast_is(item, "function_name", "unlist")))
        return expand_unnest(binder, item, name, scope, into, err);
    return sl_sql_add_field(binder, into, name, &value, err);
}

int sl_sql_expand(struct sl_sql_binder *binder, const struct sl_ast *item,
                  const struct sl_sql_scope *scope, struct sl_sql_relation *into,
                  struct sl_err *err)
{
    const struct sl_ast *children = sl_ast_get(item, "children");
    const struct sl_ast *star = children ? children->first : NULL;
    const struct sl_ast *columns = find_columns(item);

    if (sl_ast_is_class(item, "STAR") && !columns)
        return expand_star(binder, item, scope, into, err);
    if (columns)
        return expand_columns(binder, item, columns, scope, into, err);
    if (sl_ast_is_class(item, "FUNCTION") && sl_ast_is_class(star, "STAR")) {
        struct sl_sql_pattern pattern = sl_sql_call_pattern(item);

        return expand_pattern(binder, star, &pattern, scope, into, err); // * like 'a%'
    }
    if (sl_ast_is(item, "type", "OPERATOR_UNPACK") && sl_ast_is_class(star, "STAR"))
        return sl_sql_expand_star(binder, star, scope, into, err); // *COLUMNS(...)
    return expand_plain(binder, item, scope, into, err);
}
