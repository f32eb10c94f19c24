#include "sql/scan.h"

#include "base/str.h"
#include "sql/functions.h"

#include <string.h>

struct scanner {
    struct sl_arena *arena;
    struct sl_sql_scan *scan;
};

static int visit(struct scanner *scanner, struct sl_ast *node, struct sl_sql_cte *visible,
                 struct sl_err *err);

static char *lower(struct sl_arena *arena, const char *text)
{
    char *copy = sl_arena_strdup(arena, text);

    for (char *c = copy; c && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 'a' - 'A');
    return copy;
}

// The layer of a table as written; a database in front of it stays there, so that it is no layer
// that anyone knows.
static int table_layer(const struct sl_ast *table, struct sl_arena *arena, const char **ret,
                       struct sl_err *err)
{
    const char *schema = sl_ast_text(table, "schema_name");
    const char *catalog = sl_ast_text(table, "catalog_name");

    *ret = NULL;
    if (!*schema && !*catalog)
        return SL_OK;
    *ret = lower(arena, *catalog ? sl_arena_printf(arena, "%s.%s", catalog, schema) : schema);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

const char *sl_sql_table_name(const struct sl_ast *table, struct sl_arena *arena)
{
    const char *layer;
    struct sl_err ignored = {0};

    if (table_layer(table, arena, &layer, &ignored) != SL_OK)
        return NULL;
    return lower(arena, sl_arena_printf(arena, "%s%s%s", layer ? layer : "", layer ? "." : "",
                                        sl_ast_text(table, "table_name")));
}

const struct sl_sql_read *sl_sql_find_read(const struct sl_sql_scan *scan, const char *layer,
                                           const char *name)
{
    for (size_t i = 0; i < scan->read_count; i++)
        if (sl_str_equal(scan->reads[i].layer, layer) && sl_str_equal(scan->reads[i].name, name))
            return &scan->reads[i];
    return NULL;
}

static int add_read(struct scanner *scanner, const struct sl_ast *table, struct sl_err *err)
{
    struct sl_sql_scan *scan = scanner->scan;
    struct sl_sql_read read = {.location = sl_ast_location(table), .times = 1};
    struct sl_sql_read *known;

    SL_TRY(table_layer(table, scanner->arena, &read.layer, err));
    read.name = lower(scanner->arena, sl_ast_text(table, "table_name"));
    SL_TRY_NEW(read.name, err);
    known = (struct sl_sql_read *)sl_sql_find_read(scan, read.layer, read.name);
    if (known) {
        known->times++;
        known->location = read.location < known->location ? read.location : known->location;
        return SL_OK;
    }
    if (!SL_PUSH(scanner->arena, scan->reads, scan->read_count, read))
        return sl_fail_memory(err);
    return SL_OK;
}

// `recurring.r` is the whole of a recursive CTE as it stands, where `r` is its last step.
static struct sl_sql_cte *find_cte(const struct sl_ast *table, struct sl_sql_cte *visible)
{
    const char *schema = sl_ast_text(table, "schema_name");
    bool is_recurring = sl_str_equal_nocase(schema, "recurring");

    if ((*schema && !is_recurring) || *sl_ast_text(table, "catalog_name"))
        return NULL;
    for (; visible; visible = visible->outer)
        if (sl_str_equal_nocase(visible->name, sl_ast_text(table, "table_name")) &&
            (!is_recurring || visible->is_recursive))
            return visible;
    return NULL;
}

static int visit_cte(struct scanner *scanner, const struct sl_ast *entry,
                     struct sl_sql_cte **visible, struct sl_err *err)
{
    const struct sl_ast *value = sl_ast_get(entry, "value");
    struct sl_sql_cte *cte = SL_NEW(scanner->arena, struct sl_sql_cte);

    SL_TRY_NEW(cte, err);
    *cte = (struct sl_sql_cte){.name = sl_ast_text(entry, "key"),
                               .aliases = sl_ast_get(value, "aliases"),
                               .query = sl_ast_get(sl_ast_get(value, "query"), "node"),
                               .outer = *visible};
    cte->is_recursive = sl_ast_is(cte->query, "type", "RECURSIVE_CTE_NODE");
    if (cte->query)
        SL_TRY(
            visit(scanner, (struct sl_ast *)cte->query, cte->is_recursive ? cte : *visible, err));
    cte->uses = 0; // those so far were its own recursion
    ((struct sl_ast *)entry)->cte = cte;
    *visible = cte;
    return SL_OK;
}

static int visit(struct scanner *scanner, struct sl_ast *node, struct sl_sql_cte *visible,
                 struct sl_err *err)
{
    const struct sl_ast *ctes = sl_ast_get(node, "cte_map");

    // Each sees those before it; the rest of the node sees them all.
    for (const struct sl_ast *entry = sl_ast_first(sl_ast_get(ctes, "map")); entry;
         entry = entry->next)
        SL_TRY(visit_cte(scanner, entry, &visible, err));
    if (sl_ast_is(node, "type", "BASE_TABLE")) {
        node->cte = find_cte(node, visible);
        if (node->cte)
            node->cte->uses++;
        else
            SL_TRY(add_read(scanner, node, err));
    }
    for (struct sl_ast *item = node->first; item; item = item->next)
        if (item->first && item != ctes)
            SL_TRY(visit(scanner, item, visible, err));
    return SL_OK;
}

static void sort_reads(struct sl_sql_scan *scan)
{
    for (size_t i = 1; i < scan->read_count; i++)
        for (size_t k = i; k > 0 && scan->reads[k].location < scan->reads[k - 1].location; k--) {
            struct sl_sql_read swap = scan->reads[k];

            scan->reads[k] = scan->reads[k - 1];
            scan->reads[k - 1] = swap;
        }
}

int sl_sql_scan(struct sl_ast *root, struct sl_arena *arena, struct sl_sql_scan *ret,
                struct sl_err *err)
{
    struct sl_sql_scan scan = {.root = root};
    struct scanner scanner = {arena, &scan};

    SL_TRY(visit(&scanner, root, NULL, err));
    sort_reads(&scan);
    *ret = scan;
    return SL_OK;
}

struct sl_ast *sl_sql_root(const struct sl_ast *tree)
{
    const struct sl_ast *statements = sl_ast_get(tree, "statements");

    if (sl_ast_count(statements) != 1)
        return NULL;
    return (struct sl_ast *)sl_ast_get(statements->first, "node");
}

static bool is_volatile(const struct sl_ast *node)
{
    const struct sl_ast *names;

    if (node->kind != SL_AST_MAP)
        return false;
    if (sl_str_equal(node->key, "sample"))
        return true;
    if (sl_ast_is(node, "type", "TABLE_FUNCTION"))
        return !sl_function_is_pure_table(
            sl_ast_text(sl_ast_get(node, "function"), "function_name"));
    if (sl_ast_is_class(node, "FUNCTION")) {
        enum sl_function_kind kind = sl_function_kind(node);

        return kind == SL_FUNCTION_VOLATILE || kind == SL_FUNCTION_UNKNOWN;
    }
    names = sl_ast_is_class(node, "COLUMN_REF") ? sl_ast_get(node, "column_names") : NULL;
    return sl_ast_count(names) == 1 && sl_function_is_clock_name(names->first->text);
}

// A table function is judged as one, not as the scalar function of its name.
static const struct sl_ast *skip_table_function(const struct sl_ast *node,
                                                const struct sl_ast *item)
{
    if (sl_str_equal(item->key, "function") && sl_ast_is(node, "type", "TABLE_FUNCTION"))
        return sl_ast_get(item, "children");
    return item;
}

static bool is_clock(const struct sl_ast *node)
{
    if (sl_ast_is_class(node, "FUNCTION"))
        return sl_function_reads_clock(node);
    return sl_ast_is_class(node, "COLUMN_REF") && is_volatile(node);
}

static bool is_file(const struct sl_ast *node)
{
    return sl_ast_is(node, "type", "TABLE_FUNCTION") &&
           sl_function_reads_files(sl_ast_text(sl_ast_get(node, "function"), "function_name"));
}

static const struct sl_ast *find(const struct sl_ast *node, bool (*is)(const struct sl_ast *node))
{
    if (!node)
        return NULL;
    if (is(node))
        return node;
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next) {
        const struct sl_ast *inner = skip_table_function(node, item);
        const struct sl_ast *found = inner && inner->first ? find(inner, is) : NULL;

        if (found)
            return found;
    }
    return NULL;
}

const struct sl_ast *sl_sql_find_volatile(const struct sl_ast *node)
{
    return find(node, is_volatile);
}

const struct sl_ast *sl_sql_find_clock(const struct sl_ast *node)
{
    return find(node, is_clock);
}

const struct sl_ast *sl_sql_find_file(const struct sl_ast *node)
{
    return find(node, is_file);
}

static int add_file(const struct sl_ast *argument, struct sl_arena *arena, struct sl_strs *ret,
                    struct sl_err *err)
{
    const struct sl_ast *value = sl_ast_get(argument, "value");
    bool is_text = sl_ast_is_class(argument, "CONSTANT") && value &&
                   sl_ast_is(sl_ast_get(value, "type"), "id", "VARCHAR");
    char *text = sl_arena_strdup(arena, is_text ? sl_ast_text(value, "value") : "");

    SL_TRY_NEW(text, err);
    return sl_strs_add(ret, arena, text, err);
}

static int add_files(const struct sl_ast *call, struct sl_arena *arena, struct sl_strs *ret,
                     struct sl_err *err)
{
    const struct sl_ast *first = sl_ast_first(sl_ast_get(call, "children"));
    bool is_list = first && sl_ast_is_class(first, "FUNCTION") &&
                   sl_ast_is(first, "function_name", "list_value");

    if (sl_ast_is(call, "function_name", "glob")) // gives names
        return SL_OK;
    if (!is_list)
        return add_file(first, arena, ret, err);
    for (first = sl_ast_first(sl_ast_get(first, "children")); first; first = first->next)
        SL_TRY(add_file(first, arena, ret, err));
    return SL_OK;
}

int sl_sql_list_files(const struct sl_ast *node, struct sl_arena *arena, struct sl_strs *ret,
                      struct sl_err *err)
{
    if (is_file(node))
        SL_TRY(add_files(sl_ast_get(node, "function"), arena, ret, err));
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first)
            SL_TRY(sl_sql_list_files(item, arena, ret, err));
    return SL_OK;
}

const char *sl_sql_describe_volatile(const struct sl_ast *node, struct sl_arena *arena)
{
    const struct sl_ast *names = sl_ast_get(node, "column_names");

    if (names)
        return sl_arena_printf(arena, "it reads %s", names->first->text);
    if (sl_ast_is(node, "type", "TABLE_FUNCTION"))
        return sl_arena_printf(arena, "it reads what %s() gives",
                               sl_ast_text(sl_ast_get(node, "function"), "function_name"));
    if (sl_ast_is_class(node, "FUNCTION"))
        return sl_arena_printf(arena, "it calls %s()", sl_ast_text(node, "function_name"));
    return sl_arena_strdup(arena, "it takes a sample");
}
