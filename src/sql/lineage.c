// Column lineage: the way in and out of the binder.
#include "base/map.h"
#include "base/str.h"
#include "sql/scope.h"

// Copies what the binder found out of its scratch memory, each text once.
struct copier {
    struct sl_arena *arena;
    struct sl_map texts;
};

static int copy_text(struct copier *copier, const char *text, const char **ret, struct sl_err *err)
{
    char *copy = text ? sl_map_get(&copier->texts, text) : NULL;

    if (text && !copy) {
        copy = sl_arena_strdup(copier->arena, text);
        SL_TRY_NEW(copy, err);
        SL_TRY(sl_map_set(&copier->texts, text, copy, err));
    }
    *ret = copy;
    return SL_OK;
}

static int copy_texts(struct copier *copier, const struct sl_strs *from, struct sl_strs *ret,
                      struct sl_err *err)
{
    struct sl_strs texts = {.items = SL_NEW_ARRAY(copier->arena, const char *, from->count)};

    SL_TRY_NEW(texts.items, err);
    for (size_t i = 0; i < from->count; i++)
        SL_TRY(copy_text(copier, from->items[i], &texts.items[texts.count++], err));
    *ret = texts;
    return SL_OK;
}

static bool is_in_value(const struct sl_sql_value *value, const struct sl_origin *origin)
{
    for (size_t i = 0; i < value->origins.count; i++)
        if (sl_str_equal(value->origins.items[i].column, origin->column) &&
            sl_str_equal(value->origins.items[i].table, origin->table))
            return true;
    return false;
}

static int copy_origin(struct copier *copier, const struct sl_origin *from, bool is_filter,
                       struct sl_query_column *column, struct sl_err *err)
{
    struct sl_origin *to = &column->origins[column->origin_count];

    SL_TRY(copy_text(copier, from->table, &to->table, err));
    SL_TRY(copy_text(copier, from->column, &to->column, err));
    to->is_filter = is_filter;
    to->is_direct = from->is_direct && !is_filter;
    column->origin_count++;
    return SL_OK;
}

static int copy_column(struct copier *copier, const struct sl_sql_field *field,
                       const struct sl_sql_origins *filters, struct sl_query_column *column,
                       struct sl_err *err)
{
    const struct sl_sql_value *value = &field->value;

    column->origins =
        SL_NEW_ARRAY(copier->arena, struct sl_origin, value->origins.count + filters->count);
    SL_TRY_NEW(column->origins, err);
    SL_TRY(copy_text(copier, field->name, &column->name, err));
    SL_TRY(copy_text(copier, value->expression, &column->expression, err));
    SL_TRY(copy_text(copier, value->table, &column->expression_table, err));
    for (size_t i = 0; i < value->origins.count; i++)
        SL_TRY(copy_origin(copier, &value->origins.items[i], false, column, err));
    for (size_t i = 0; i < filters->count; i++)
        if (!is_in_value(value, &filters->items[i]))
            SL_TRY(copy_origin(copier, &filters->items[i], true, column, err));
    return SL_OK;
}

static int copy_facts(struct copier *copier, const struct sl_sql_binder *binder,
                      const struct sl_sql_relation *result, const struct sl_query_facts **ret,
                      struct sl_err *err)
{
    struct sl_query_facts *facts = SL_NEW(copier->arena, struct sl_query_facts);

    SL_TRY_NEW(facts, err);
    facts->has_outer_aggregate = binder->has_outer_aggregate;
    facts->inputs = SL_NEW_ARRAY(copier->arena, struct sl_strs, result->field_count);
    facts->barriers = SL_NEW_ARRAY(copier->arena, struct sl_sql_barrier, binder->barrier_count);
    SL_TRY_NEW(facts->inputs, err);
    SL_TRY_NEW(facts->barriers, err);
    for (size_t i = 0; i < result->field_count; i++)
        SL_TRY(copy_texts(copier, &result->fields[i].value.inputs, &facts->inputs[i], err));
    for (size_t i = 0; i < binder->barrier_count; i++) {
        struct sl_sql_barrier *barrier = &facts->barriers[facts->barrier_count++];

        SL_TRY(copy_text(copier, binder->barriers[i].why, &barrier->why, err));
        SL_TRY(copy_texts(copier, &binder->barriers[i].keys, &barrier->keys, err));
    }
    *ret = facts;
    return SL_OK;
}

// Behind a pivot any column may be made of any other: none is said to be made of nothing.
static int spread(struct sl_sql_binder *binder, struct sl_sql_relation *result, struct sl_err *err)
{
    struct sl_sql_origins all = {0};
    if (!binder->has_pivot)
        return SL_OK;
    for (size_t i = 0; i < binder->table_count; i++)
        for (size_t k = 0; k < binder->tables[i].count; k++)
            SL_TRY(
                sl_sql_add_computed(binder, &all, &binder->tables[i].fields[k].value.origins, err));
    for (size_t i = 0; i < result->field_count; i++)
        result->fields[i].value.origins = all;
    return SL_OK;
}

static int copy_result(struct copier *copier, const struct sl_sql_binder *binder,
                       const struct sl_sql_relation *result, struct sl_query *query,
                       struct sl_err *err)
{
    query->columns = SL_NEW_ARRAY(copier->arena, struct sl_query_column, result->field_count);
    SL_TRY_NEW(query->columns, err);
    query->column_count = result->field_count;
    query->has_unknown_columns = result->is_open;
    for (size_t i = 0; i < result->field_count; i++)
        SL_TRY(copy_column(copier, &result->fields[i], &result->filters, &query->columns[i], err));
    return copy_facts(copier, binder, result, &query->facts, err);
}

static void clear_copier(struct copier *copier)
{
    sl_map_clear(&copier->texts);
}

int sl_query_lineage(const char *ast, const char *sql, sl_columns_of *columns_of, void *self,
                     struct sl_arena *arena, struct sl_query *query, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    SL_AUTO(clear_copier) struct copier copier = {.arena = arena};
    struct sl_sql_binder binder = {.arena = &scratch, .columns_of = columns_of, .self = self};
    struct sl_sql_scan scan;
    struct sl_sql_path path;
    struct sl_sql_relation *result;
    struct sl_query filled = *query;
    struct sl_ast *tree, *root;

    (void)sql; // the tree says it all
    SL_TRY(sl_ast_parse(ast, &scratch, &tree, err));
    root = sl_sql_root(tree);
    if (!root)
        return sl_fail(err, SL_E_SQL_KIND, "a model is a single SELECT");
    SL_TRY(sl_sql_scan(root, &scratch, &scan, err));
    SL_TRY(sl_sql_path(&scan, &scratch, &path, err));
    binder.scan = &scan;
    binder.driving = path.driving;
    SL_TRY(sl_sql_bind_query(&binder, root, NULL, &result, err));
    SL_TRY(spread(&binder, result, err));
    SL_TRY(copy_result(&copier, &binder, result, &filled, err));
    SL_TRY(sl_sql_path_tell(&path, binder.has_outer_aggregate, arena, &filled, err));
    *query = filled;
    return SL_OK;
}
