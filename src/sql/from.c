// FROM clauses: which relations are there, and what their joins decide.
#include "base/str.h"
#include "sql/scope.h"

#include <string.h>

// The columns of a table as the caller knows them, made once per query.
static int known_table(struct sl_sql_binder *binder, const char *name, bool is_single,
                       const struct sl_sql_known_table **ret, struct sl_err *err)
{
    struct sl_sql_known_table table = {.name = name};
    const struct sl_column *columns = NULL;
    size_t count = 0;

    for (size_t i = 0; i < binder->table_count; i++)
        if (sl_str_equal(binder->tables[i].name, name)) {
            *ret = &binder->tables[i];
            return SL_OK;
        }
    table.is_known = binder->columns_of && binder->columns_of(binder->self, name, &columns, &count);
    table.count = table.is_known ? count : 0;
    table.fields = SL_NEW_ARRAY(binder->arena, struct sl_sql_field, table.count);
    SL_TRY_NEW(table.fields, err);
    for (size_t i = 0; i < table.count; i++) {
        struct sl_origin origin = {.table = name, .column = columns[i].name, .is_direct = true};
        struct sl_sql_field *field = &table.fields[i];

        field->name = columns[i].name;
        field->value.type = columns[i].type;
        SL_TRY(sl_sql_add_origin(binder, &field->value.origins, origin, err));
        if (!is_single)
            continue;
        field->value.table = name;
        field->value.expression = sl_sql_quote(binder->arena, columns[i].name);
        SL_TRY_NEW(field->value.expression, err);
        SL_TRY(sl_strs_add(&field->value.inputs, binder->arena, field->value.expression, err));
    }
    if (!SL_PUSH(binder->arena, binder->tables, binder->table_count, table))
        return sl_fail_memory(err);
    *ret = &binder->tables[binder->table_count - 1];
    return SL_OK;
}

static bool is_read_once(const struct sl_sql_binder *binder, const char *table)
{
    const char *dot = strchr(table, '.');

    for (size_t i = 0; dot && i < binder->scan->read_count; i++) {
        const struct sl_sql_read *read = &binder->scan->reads[i];

        if (read->layer && strlen(read->layer) == (size_t)(dot - table) &&
            strncmp(read->layer, table, (size_t)(dot - table)) == 0 &&
            sl_str_equal(read->name, dot + 1))
            return read->times == 1;
    }
    return false;
}

static int bind_table(struct sl_sql_binder *binder, const struct sl_ast *ref,
                      struct sl_sql_relation *into, struct sl_err *err)
{
    const struct sl_sql_known_table *known;
    const char *name = sl_sql_table_name(ref, binder->arena);
    const char *alias = sl_ast_text(ref, "alias");

    SL_TRY_NEW(name, err);
    SL_TRY(known_table(binder, name, is_read_once(binder, name), &known, err));
    into->layer = *alias ? NULL : sl_ast_text(ref, "schema_name");
    into->name = *alias ? alias : sl_ast_text(ref, "table_name");
    into->fields = known->fields;
    into->field_count = known->count;
    into->is_open = !known->is_known;
    into->open_table = known->is_known ? NULL : name;
    into->has_driving = sl_str_equal(binder->driving, name);
    return SL_OK;
}

static void bind_cte(const struct sl_sql_cte *cte, const struct sl_ast *ref,
                     struct sl_sql_relation *into)
{
    const char *alias = sl_ast_text(ref, "alias");

    if (cte->relation)
        *into = *cte->relation;
    else
        into->is_open = true; // its own recursion, before anything is known of it
    into->name = *alias ? alias : cte->name;
}

static int bind_values(struct sl_sql_binder *binder, const struct sl_ast *ref,
                       const struct sl_sql_scope *outer, struct sl_sql_relation *into,
                       struct sl_err *err)
{
    static const struct sl_sql_from nothing;
    struct sl_sql_scope scope = {.outer = outer, .from = &nothing};
    const struct sl_ast *rows = sl_ast_get(ref, "values");
    size_t count = rows ? sl_ast_count(rows->first) : 0;

    for (size_t i = 0; i < count; i++) {
        struct sl_sql_value value = {0};
        const char *name = sl_arena_printf(binder->arena, "col%zu", i);

        SL_TRY_NEW(name, err);
        SL_TRY(sl_sql_add_field(binder, into, name, &value, err));
    }
    for (const struct sl_ast *row = sl_ast_first(rows); row; row = row->next) {
        size_t i = 0;

        for (const struct sl_ast *cell = sl_ast_first(row); cell; cell = cell->next)
            if (i < count)
                SL_TRY(sl_sql_depend(binder, cell, &scope, &into->fields[i++].value.origins, err));
    }
    into->name = sl_ast_text(ref, "alias");
    return SL_OK;
}

static const char *function_column(const char *name)
{
    static const char *const names[] = {"unnest", "range", "generate_series"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_equal_nocase(name, names[i]))
            return names[i];
    return NULL;
}

// Each column of a table function may depend on every argument. A few have one column; of the
// others those are known that the text names.
static int bind_function(struct sl_sql_binder *binder, const struct sl_ast *ref,
                         const struct sl_sql_scope *outer, struct sl_sql_relation *into,
                         struct sl_err *err)
{
    static const struct sl_sql_from nothing;
    struct sl_sql_scope scope = {.outer = outer, .from = &nothing};
    const struct sl_ast *call = sl_ast_get(ref, "function");
    const char *column = function_column(sl_ast_text(call, "function_name"));
    const char *alias = sl_ast_text(ref, "alias");
    struct sl_sql_value value = {0};

    for (const struct sl_ast *argument = sl_ast_first(sl_ast_get(call, "children")); argument;
         argument = argument->next) {
        // header = true: the left side is the argument's name
        bool is_named = sl_ast_is(argument, "type", "COMPARE_EQUAL") &&
                        sl_ast_is_class(sl_ast_get(argument, "left"), "COLUMN_REF");

        SL_TRY(sl_sql_depend(binder, is_named ? sl_ast_get(argument, "right") : argument, &scope,
                             &value.origins, err));
    }
    into->name = *alias ? alias : sl_ast_text(call, "function_name");
    into->is_open = !column;
    SL_TRY(sl_sql_add_computed(binder, &into->filters, &value.origins, err));
    if (column)
        return sl_sql_add_field(binder, into, column, &value, err);
    for (const struct sl_ast *name = sl_ast_first(sl_ast_get(ref, "column_name_alias")); name;
         name = name->next)
        SL_TRY(sl_sql_add_field(binder, into, name->text, &value, err));
    return SL_OK;
}

// FROM f(...) WITH ORDINALITY: how many rows there are before it.
static int add_ordinality(struct sl_sql_binder *binder, const struct sl_ast *ref,
                          struct sl_sql_relation *into, struct sl_err *err)
{
    struct sl_sql_value none = {0};

    if (!sl_ast_is(ref, "with_ordinality", "WITH_ORDINALITY"))
        return SL_OK;
    return sl_sql_add_field(binder, into, "ordinality", &none, err);
}

static int bind_subquery(struct sl_sql_binder *binder, const struct sl_ast *ref,
                         const struct sl_sql_scope *outer, struct sl_sql_relation *into,
                         struct sl_err *err)
{
    struct sl_sql_relation *result;
    const char *alias = sl_ast_text(ref, "alias");

    SL_TRY(sl_sql_bind_query(binder, sl_ast_get(sl_ast_get(ref, "subquery"), "node"), outer,
                             &result, err));
    *into = *result;
    into->name = *alias ? alias : NULL;
    return SL_OK;
}

// What is not known in detail: a pivot's columns depend on its source in ways that are not
// followed.
static int bind_unknown(struct sl_sql_binder *binder, const struct sl_ast *ref,
                        const struct sl_sql_scope *outer, struct sl_sql_relation *into,
                        struct sl_err *err)
{
    const char *alias = sl_ast_text(ref, "alias");
    struct sl_sql_from source = {0};

    binder->has_pivot = true;
    if (sl_ast_get(ref, "source"))
        SL_TRY(sl_sql_bind_from(binder, sl_ast_get(ref, "source"), outer, &source, err));
    SL_TRY(sl_sql_add_computed(binder, &into->filters, &source.filters, err));
    into->name = *alias ? alias : NULL;
    into->is_open = true;
    return SL_OK;
}

static int bind_single(struct sl_sql_binder *binder, const struct sl_ast *ref,
                       const struct sl_sql_scope *outer, struct sl_sql_relation *into,
                       struct sl_err *err)
{
    if (sl_ast_is(ref, "type", "BASE_TABLE") && ref->cte)
        bind_cte(ref->cte, ref, into);
    else if (sl_ast_is(ref, "type", "BASE_TABLE"))
        SL_TRY(bind_table(binder, ref, into, err));
    else if (sl_ast_is(ref, "type", "SUBQUERY"))
        SL_TRY(bind_subquery(binder, ref, outer, into, err));
    else if (sl_ast_is(ref, "type", "EXPRESSION_LIST"))
        SL_TRY(bind_values(binder, ref, outer, into, err));
    else if (sl_ast_is(ref, "type", "TABLE_FUNCTION"))
        SL_TRY(bind_function(binder, ref, outer, into, err));
    else
        SL_TRY(bind_unknown(binder, ref, outer, into, err));
    SL_TRY(add_ordinality(binder, ref, into, err));
    return sl_sql_rename_fields(binder, sl_ast_get(ref, "column_name_alias"), into, err);
}

static int bind_one(struct sl_sql_binder *binder, const struct sl_ast *ref,
                    const struct sl_sql_scope *outer, struct sl_sql_from *ret, struct sl_err *err)
{
    struct sl_sql_relation *relation = SL_NEW(binder->arena, struct sl_sql_relation);

    SL_TRY_NEW(relation, err);
    SL_TRY(bind_single(binder, ref, outer, relation, err));
    ret->has_driving = relation->has_driving;
    SL_TRY(sl_sql_add_computed(binder, &ret->filters, &relation->filters, err));
    if (!SL_PUSH(binder->arena, ret->relations, ret->count, relation))
        return sl_fail_memory(err);
    return SL_OK;
}

int sl_sql_bind_from(struct sl_sql_binder *binder, const struct sl_ast *ref,
                     const struct sl_sql_scope *outer, struct sl_sql_from *ret, struct sl_err *err)
{
    struct sl_sql_from from = {0};

    if (sl_ast_is(ref, "type", "JOIN"))
        SL_TRY(sl_sql_bind_join(binder, ref, outer, &from, err));
    else if (ref && !sl_ast_is(ref, "type", "EMPTY"))
        SL_TRY(bind_one(binder, ref, outer, &from, err));
    *ret = from;
    return SL_OK;
}
