#include "sql/locality.h"

#include "base/str.h"
#include "sql/functions.h"

#include <string.h>

struct walk {
    struct sl_arena *arena;
    const struct sl_sql_scan *scan;
    struct sl_sql_path *path;
    bool is_read_again; // through a CTE on the way that is used more than once
};

static int walk_query(struct walk *walk, const struct sl_ast *node, struct sl_err *err);

// The first reason found is the one that is told.
static void never(struct walk *walk, const char *why)
{
    if (!walk->path->why_never)
        walk->path->why_never = why;
}

static void whole(struct walk *walk, const char *why)
{
    if (!walk->path->why_whole)
        walk->path->why_whole = why;
}

static bool has_aggregate(const struct sl_ast *node)
{
    if (sl_ast_is_class(node, "FUNCTION") && sl_function_kind(node) == SL_FUNCTION_AGGREGATE &&
        sl_ast_count(sl_ast_get(node, "children")) > 0)
        return true;
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first && has_aggregate(item))
            return true;
    return false;
}

// Expressions of a SELECT on the way. Subqueries in them read other tables only (the driving one is
// read once), so that they are constants or functions of the row; but an aggregate in them over
// columns of the query around is computed there.
static void examine(struct walk *walk, const struct sl_ast *node)
{
    if (sl_ast_is_class(node, "SUBQUERY")) {
        walk->path->has_doubt |= has_aggregate(sl_ast_get(node, "subquery"));
        if (sl_ast_get(node, "child"))
            examine(walk, sl_ast_get(node, "child"));
        return;
    }
    if (sl_ast_is_class(node, "WINDOW"))
        whole(walk, "it uses a window");
    if (sl_ast_is_class(node, "FUNCTION") && sl_function_kind(node) == SL_FUNCTION_AGGREGATE)
        whole(walk, "it aggregates");
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first)
            examine(walk, item);
}

static void examine_modifiers(struct walk *walk, const struct sl_ast *modifiers)
{
    for (const struct sl_ast *modifier = sl_ast_first(modifiers); modifier;
         modifier = modifier->next) {
        if (sl_ast_is(modifier, "type", "DISTINCT_MODIFIER"))
            whole(walk, "it removes duplicates");
        else if (!sl_ast_is(modifier, "type", "ORDER_MODIFIER"))
            never(walk, "it limits the number of rows");
    }
}

static void examine_select(struct walk *walk, const struct sl_ast *node)
{
    static const char *const parts[] = {"select_list", "where_clause", "group_expressions",
                                        "having",      "qualify",      "modifiers"};

    examine_modifiers(walk, sl_ast_get(node, "modifiers"));
    if (sl_ast_count(sl_ast_get(node, "group_expressions")) || sl_ast_get(node, "having") ||
        sl_ast_count(sl_ast_get(node, "group_sets")) ||
        sl_ast_is(node, "aggregate_handling", "FORCE_AGGREGATES"))
        whole(walk, "it aggregates");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (sl_ast_get(node, parts[i]))
            examine(walk, sl_ast_get(node, parts[i]));
}

static int end_at_table(struct walk *walk, const struct sl_ast *table, struct sl_err *err)
{
    const char *layer = sl_ast_text(table, "schema_name");
    const char *name = sl_sql_table_name(table, walk->arena);
    const char *dot = name ? strrchr(name, '.') : NULL;
    const struct sl_sql_read *read;

    SL_TRY_NEW(name, err);
    if (!*layer || !dot || *sl_ast_text(table, "catalog_name")) {
        never(walk, "its FROM does not begin with a table");
        return SL_OK;
    }
    layer = sl_arena_strndup(walk->arena, name, (size_t)(dot - name));
    SL_TRY_NEW(layer, err);
    if (sl_ast_get(table, "at_clause"))
        never(walk, "it reads a fixed version of a table");
    read = sl_sql_find_read(walk->scan, layer, dot + 1);
    if (read && read->times == 1 && !walk->is_read_again) {
        walk->path->driving = name;
        return SL_OK;
    }
    walk->path->why_never = sl_arena_printf(walk->arena, "it reads %s more than once", name);
    SL_TRY_NEW(walk->path->why_never, err);
    return SL_OK;
}

static void examine_join(struct walk *walk, const struct sl_ast *join)
{
    if (sl_ast_is(join, "ref_type", "POSITIONAL"))
        never(walk, "it joins by position");
    else if (sl_ast_is(join, "join_type", "RIGHT") || sl_ast_is(join, "join_type", "FULL"))
        never(walk, "its first table is on the optional side of an outer join");
    else if (!sl_ast_is(join, "join_type", "INNER") && !sl_ast_is(join, "join_type", "LEFT") &&
             !sl_ast_is(join, "join_type", "SEMI") && !sl_ast_is(join, "join_type", "ANTI"))
        never(walk, "it joins in a way that cannot be followed");
    if (sl_ast_get(join, "condition"))
        examine(walk, sl_ast_get(join, "condition"));
}

static int walk_from(struct walk *walk, const struct sl_ast *from, struct sl_err *err)
{
    for (; sl_ast_is(from, "type", "JOIN"); from = sl_ast_get(from, "left"))
        examine_join(walk, from);
    if (sl_ast_is(from, "type", "SUBQUERY"))
        return walk_query(walk, sl_ast_get(sl_ast_get(from, "subquery"), "node"), err);
    if (sl_ast_is(from, "type", "BASE_TABLE") && from->cte) {
        walk->is_read_again |= from->cte->uses > 1;
        return walk_query(walk, from->cte->query, err);
    }
    if (sl_ast_is(from, "type", "BASE_TABLE"))
        return end_at_table(walk, from, err);
    never(walk,
          sl_ast_is(from, "type", "PIVOT") ? "it pivots" : "its FROM does not begin with a table");
    return SL_OK;
}

static int walk_query(struct walk *walk, const struct sl_ast *node, struct sl_err *err)
{
    for (; sl_ast_is(node, "type", "SET_OPERATION_NODE"); node = sl_ast_get(node, "left"))
        never(walk, "it combines queries by UNION, INTERSECT or EXCEPT");
    if (!sl_ast_is(node, "type", "SELECT_NODE")) {
        never(walk, "it is recursive");
        return SL_OK;
    }
    examine_select(walk, node);
    return walk_from(walk, sl_ast_get(node, "from_table"), err);
}

static bool refers_to(const struct sl_ast *node, const char *alias)
{
    if (sl_ast_is_class(node, "COLUMN_REF"))
        for (const struct sl_ast *name = sl_ast_first(sl_ast_get(node, "column_names")); name;
             name = name->next)
            if (sl_str_equal_nocase(name->text, alias))
                return true;
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first && refers_to(item, alias))
            return true;
    return false;
}

static bool unnests(const struct sl_ast *node)
{
    if (sl_ast_is_class(node, "FUNCTION") && sl_function_kind(node) == SL_FUNCTION_UNNEST)
        return true;
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first && unnests(item))
            return true;
    return false;
}

static const struct sl_ast *find_unknown_function(const struct sl_ast *node)
{
    if (sl_ast_is_class(node, "FUNCTION") && sl_function_kind(node) == SL_FUNCTION_UNKNOWN &&
        !sl_str_equal(node->key, "function")) // of a table function, which is volatile or harmless
        return node;
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next) {
        const struct sl_ast *found = item->first ? find_unknown_function(item) : NULL;

        if (found)
            return found;
    }
    return NULL;
}

// A volatile column of the result (`now() as loaded_at`) decides nothing as long as nothing refers
// to it.
static const struct sl_ast *find_deciding(const struct sl_ast *root,
                                          const struct sl_ast *(*find)(const struct sl_ast *node))
{
    const struct sl_ast *items =
        sl_ast_is(root, "type", "SELECT_NODE") ? sl_ast_get(root, "select_list") : NULL;

    for (const struct sl_ast *member = sl_ast_first(root); member; member = member->next)
        if (member != items && member->first && find(member))
            return find(member);
    for (const struct sl_ast *item = sl_ast_first(items); item; item = item->next) {
        const struct sl_ast *found = find(item);
        const char *alias = sl_ast_text(item, "alias");

        if (found && (unnests(item) || (*alias && refers_to(root, alias))))
            return found;
    }
    return NULL;
}

static const struct sl_ast *find_deciding_volatile(const struct sl_ast *root)
{
    const struct sl_ast *unknown = find_unknown_function(root);

    // It may be an aggregate.
    return unknown ? unknown : find_deciding(root, sl_sql_find_volatile);
}

int sl_sql_why_every_run(const struct sl_ast *root, struct sl_arena *arena, const char **ret,
                         struct sl_err *err)
{
    const struct sl_ast *found = find_deciding(root, sl_sql_find_clock);

    if (!found) // what a file holds is never beside the point
        found = sl_sql_find_file(root);
    *ret = found ? sl_sql_describe_volatile(found, arena) : NULL;
    if (found)
        SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_sql_path(const struct sl_sql_scan *scan, struct sl_arena *arena, struct sl_sql_path *ret,
                struct sl_err *err)
{
    struct sl_sql_path path = {0};
    struct walk walk = {.arena = arena, .scan = scan, .path = &path};
    const struct sl_ast *found = find_deciding_volatile(scan->root);

    SL_TRY(walk_query(&walk, scan->root, err));
    if (found && !path.why_never) {
        path.why_never = sl_sql_describe_volatile(found, arena);
        SL_TRY_NEW(path.why_never, err);
    }
    *ret = path;
    return SL_OK;
}

int sl_sql_path_tell(const struct sl_sql_path *path, bool is_in_doubt, struct sl_arena *arena,
                     struct sl_query *query, struct sl_err *err)
{
    const char *why = path->why_never ? path->why_never : path->why_whole;

    if (!why && is_in_doubt && path->has_doubt)
        why = "it aggregates in a subquery";
    query->driving_table = sl_arena_strdup(arena, path->driving);
    query->why_not_row_wise = sl_arena_strdup(arena, why);
    if ((path->driving && !query->driving_table) || (why && !query->why_not_row_wise))
        return sl_fail_memory(err);
    query->is_row_wise = !why;
    return SL_OK;
}

// A split is kept if a key is the expression itself, or the keys have all columns that it is made
// of.
static bool determines(const struct sl_sql_barrier *barrier, const char *expression,
                       const struct sl_strs *inputs)
{
    if (sl_strs_has(&barrier->keys, expression))
        return true;
    for (size_t i = 0; i < inputs->count; i++)
        if (!sl_strs_has(&barrier->keys, inputs->items[i]))
            return false;
    return inputs->count > 0;
}

static const char *why_not_by(const struct sl_query *query, const char *name,
                              struct sl_arena *arena)
{
    for (size_t i = 0; i < query->column_count; i++) {
        const struct sl_query_column *column = &query->columns[i];

        if (!sl_str_equal_nocase(column->name, name))
            continue;
        if (!column->expression || !sl_str_equal(column->expression_table, query->driving_table))
            return sl_arena_printf(arena, "'%s' is not an expression over %s", name,
                                   query->driving_table);
        for (size_t k = 0; k < query->facts->barrier_count; k++)
            if (!determines(&query->facts->barriers[k], column->expression,
                            &query->facts->inputs[i]))
                return query->facts->barriers[k].why;
        return "";
    }
    return sl_arena_printf(arena, "'%s' is not a column of it", name);
}

static int find_why(const struct sl_query *query, const struct sl_sql_path *path,
                    const struct sl_strs *partition_by, struct sl_arena *arena, const char **ret,
                    struct sl_err *err)
{
    *ret = NULL;
    if (path->why_never)
        *ret = sl_arena_strdup(arena, path->why_never);
    else if (!query->facts || !query->driving_table)
        *ret = "its columns were not looked at";
    else if (query->facts->has_outer_aggregate && path->has_doubt)
        *ret = "it aggregates in a subquery";
    else if (partition_by->count == 0)
        *ret = "it has no partition columns";
    else
        for (size_t i = 0; i < partition_by->count && (!*ret || !**ret); i++) {
            *ret = why_not_by(query, partition_by->items[i], arena);
            SL_TRY_NEW(*ret, err);
        }
    SL_TRY_NEW(*ret, err);
    if (!**ret)
        *ret = NULL;
    return SL_OK;
}

int sl_query_is_partition_local(const char *ast, const struct sl_query *query,
                                const char *const *partition_by, size_t partition_count,
                                struct sl_arena *arena, bool *ret, const char **ret_why,
                                struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    struct sl_strs names = {(const char **)partition_by, partition_count};
    struct sl_sql_scan scan;
    struct sl_sql_path path;
    const char *why = NULL;
    struct sl_ast *tree, *root;

    SL_TRY(sl_ast_parse(ast, &scratch, &tree, err));
    root = sl_sql_root(tree);
    if (!root)
        return sl_fail(err, SL_E_SQL_KIND, "a model is a single SELECT");
    SL_TRY(sl_sql_scan(root, &scratch, &scan, err));
    SL_TRY(sl_sql_path(&scan, &scratch, &path, err));
    SL_TRY(find_why(query, &path, &names, arena, &why, err));
    *ret = !why;
    *ret_why = why;
    return SL_OK;
}
