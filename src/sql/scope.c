// Which column a name means.
#include "sql/scope.h"

#include "base/str.h"

// UNSURE: it may be a column that is not known, so that nothing outside may be asked either.
enum answer { FOUND, NONE, UNSURE, AMBIGUOUS };

const struct sl_sql_field *sl_sql_field_of(const struct sl_sql_relation *relation, const char *name)
{
    const struct sl_sql_field *found = NULL;

    for (size_t i = 0; i < relation->field_count; i++) {
        if (!sl_str_equal_nocase(relation->fields[i].name, name))
            continue;
        if (found)
            return NULL;
        found = &relation->fields[i];
    }
    return found;
}

struct sl_sql_value sl_sql_field_value(const struct sl_sql_relation *relation,
                                       const struct sl_sql_field *field)
{
    struct sl_sql_value value = field->value;

    value.name = field->name;
    if (relation->is_optional)
        sl_sql_drop_expression(&value);
    return value;
}

static int open_value(struct sl_sql_binder *binder, const struct sl_sql_relation *relation,
                      const char *name, struct sl_sql_value *ret, struct sl_err *err)
{
    struct sl_origin origin = {.table = relation->open_table, .column = name, .is_direct = true};

    *ret = (struct sl_sql_value){0};
    return sl_sql_add_origin(binder, &ret->origins, origin, err);
}

static bool is_named(const struct sl_sql_relation *relation, const char *layer, const char *name)
{
    return !relation->is_hidden && relation->name && sl_str_equal_nocase(relation->name, name) &&
           (!layer || (relation->layer && sl_str_equal_nocase(relation->layer, layer)));
}

// [layer.]table.column
static int find_qualified(struct sl_sql_binder *binder, const struct sl_sql_from *from,
                          const char *const names[3], struct sl_sql_value *ret,
                          enum answer *ret_answer, struct sl_err *err)
{
    const struct sl_sql_relation *owner = NULL;

    *ret_answer = NONE;
    for (size_t i = 0; i < from->count; i++) {
        const struct sl_sql_relation *relation = from->relations[i];
        const struct sl_sql_field *field;

        if (!is_named(relation, names[0], names[1]))
            continue;
        *ret_answer = AMBIGUOUS;
        if (owner)
            return SL_OK;
        owner = relation;
        field = sl_sql_field_of(relation, names[2]);
        if (field)
            *ret = sl_sql_field_value(relation, field);
    }
    if (!owner)
        return SL_OK;
    *ret_answer = sl_sql_field_of(owner, names[2]) ? FOUND : owner->is_open ? UNSURE : NONE;
    if (*ret_answer != UNSURE || !owner->open_table)
        return SL_OK;
    *ret_answer = FOUND;
    return open_value(binder, owner, names[2], ret, err);
}

// `select t from t`: the row as one value.
static int whole_row(struct sl_sql_binder *binder, const struct sl_sql_relation *relation,
                     struct sl_sql_value *ret, struct sl_err *err)
{
    *ret = (struct sl_sql_value){0};
    for (size_t i = 0; i < relation->field_count; i++)
        SL_TRY(sl_sql_add_computed(binder, &ret->origins, &relation->fields[i].value.origins, err));
    return SL_OK;
}

// The only relation with unknown columns; NULL if there is none, or more than one.
static const struct sl_sql_relation *only_open(const struct sl_sql_from *from, size_t *ret_count)
{
    const struct sl_sql_relation *found = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < from->count; i++)
        if (from->relations[i]->is_open && !from->relations[i]->is_hidden) {
            found = from->relations[i];
            (*ret_count)++;
        }
    return *ret_count == 1 ? found : NULL;
}

// A column that a known relation has is not one of an unknown relation: the engine would call it
// ambiguous.
static int find_column(struct sl_sql_binder *binder, const struct sl_sql_from *from,
                       const char *name, struct sl_sql_value *ret, enum answer *ret_answer,
                       struct sl_err *err)
{
    const struct sl_sql_relation *row = NULL;
    size_t found = 0, open_count;

    *ret_answer = from->has_unknown_using ? UNSURE : FOUND;
    for (size_t i = 0; i < from->using_count; i++)
        if (sl_str_equal_nocase(from->usings[i].name, name)) {
            *ret = from->usings[i].value;
            return SL_OK;
        }
    for (size_t i = 0; i < from->count; i++) {
        const struct sl_sql_relation *relation = from->relations[i];
        const struct sl_sql_field *field = sl_sql_field_of(relation, name);

        if (field && !relation->is_hidden) {
            *ret = sl_sql_field_value(relation, field);
            found++;
        }
        if (is_named(relation, NULL, name))
            row = relation;
    }
    if (found == 1)
        return SL_OK;
    (void)only_open(from, &open_count);
    *ret_answer = found > 1 ? AMBIGUOUS : open_count ? UNSURE : NONE;
    if (*ret_answer == NONE && row) {
        *ret_answer = FOUND;
        return whole_row(binder, row, ret, err);
    }
    return SL_OK;
}

static bool find_alias(const struct sl_sql_scope *scope, const char *name, struct sl_sql_value *ret)
{
    for (size_t i = 0; i < scope->alias_count; i++)
        if (*scope->aliases[i].name && sl_str_equal_nocase(scope->aliases[i].name, name)) {
            *ret = scope->aliases[i].value;
            ret->name = scope->aliases[i].name;
            return true;
        }
    return false;
}

// With one unknown table as the only place where a name can come from, it comes from there.
static int find_in_open(struct sl_sql_binder *binder, const struct sl_sql_scope *scope,
                        const char *name, struct sl_sql_value *ret, enum answer *ret_answer,
                        struct sl_err *err)
{
    size_t count;
    const struct sl_sql_relation *open = only_open(scope->from, &count);
    struct sl_sql_value ignored;

    if (!open || !open->open_table || scope->outer || scope->from->has_unknown_using ||
        find_alias(scope, name, &ignored) || is_named(open, NULL, name))
        return SL_OK;
    *ret_answer = FOUND;
    return open_value(binder, open, name, ret, err);
}

static int find_name(struct sl_sql_binder *binder, const struct sl_sql_scope *scope,
                     const char *name, struct sl_sql_value *ret, enum answer *ret_answer,
                     struct sl_err *err)
{
    *ret_answer = FOUND;
    if (scope->prefers_aliases && find_alias(scope, name, ret))
        return SL_OK;
    SL_TRY(find_column(binder, scope->from, name, ret, ret_answer, err));
    if (*ret_answer == UNSURE)
        return find_in_open(binder, scope, name, ret, ret_answer, err);
    if (*ret_answer == NONE && find_alias(scope, name, ret))
        *ret_answer = FOUND;
    return SL_OK;
}

// Part of a column: a field of a struct.
static int make_part(struct sl_sql_binder *binder, struct sl_sql_value *value, struct sl_err *err)
{
    struct sl_sql_origins whole = value->origins;

    *value = (struct sl_sql_value){0};
    return sl_sql_add_computed(binder, &value->origins, &whole, err);
}

// layer.table.column, then table.column, then column; what is left over are fields of a struct.
static int find_in(struct sl_sql_binder *binder, const struct sl_sql_scope *scope,
                   const struct sl_ast *names, struct sl_sql_value *ret, enum answer *ret_answer,
                   struct sl_err *err)
{
    const char *parts[3] = {0};
    size_t total = sl_ast_count(names), used = 0;

    for (const struct sl_ast *name = sl_ast_first(names); name; name = name->next)
        if (used < 3)
            parts[used++] = name->text;
    *ret_answer = NONE;
    for (; used > 0 && *ret_answer == NONE; used--) {
        const char *two[3] = {NULL, parts[0], parts[1]};

        if (used == 1)
            SL_TRY(find_name(binder, scope, parts[0], ret, ret_answer, err));
        else
            SL_TRY(find_qualified(binder, scope->from, used == 3 ? (const char *const *)parts : two,
                                  ret, ret_answer, err));
        if (*ret_answer == FOUND && used < total)
            SL_TRY(make_part(binder, ret, err));
    }
    return SL_OK;
}

static bool is_param(const struct sl_sql_scope *scope, const char *name)
{
    for (const struct sl_sql_params *param = scope->params; param; param = param->next)
        if (sl_str_equal_nocase(param->name, name))
            return true;
    return false;
}

int sl_sql_resolve(struct sl_sql_binder *binder, const struct sl_sql_scope *scope,
                   const struct sl_ast *names, struct sl_sql_value *ret, bool *ret_found,
                   struct sl_err *err)
{
    const struct sl_sql_scope *innermost = scope;
    enum answer answer = NONE;

    *ret = (struct sl_sql_value){0};
    *ret_found = false;
    for (; scope && answer == NONE && names && names->first; scope = scope->outer) {
        if (is_param(scope, names->first->text))
            return SL_OK; // of a lambda: what it stands for is an argument, and counted there
        SL_TRY(find_in(binder, scope, names, ret, &answer, err));
        if (answer == FOUND && scope == innermost)
            binder->own_hits++;
    }
    if (answer != FOUND)
        *ret = (struct sl_sql_value){0};
    *ret_found = answer == FOUND;
    binder->lookups++;
    return SL_OK;
}

int sl_sql_resolve_in(struct sl_sql_binder *binder, const struct sl_sql_from *from,
                      const char *name, struct sl_sql_value *ret, bool *ret_found,
                      struct sl_err *err)
{
    struct sl_sql_scope scope = {.from = from};
    enum answer answer;

    SL_TRY(find_name(binder, &scope, name, ret, &answer, err));
    *ret_found = answer == FOUND;
    if (!*ret_found)
        *ret = (struct sl_sql_value){0};
    return SL_OK;
}
