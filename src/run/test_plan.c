// Which steps a test takes, and what makes it another test.
#include "base/fs.h"
#include "base/hash.h"
#include "run/testing.h"

#include <stdlib.h>

#define MAX_BYTES ((size_t)256 << 20)

struct planner {
    struct sl_world *world;
    const struct sl_test *test;
    struct sl_test_case *made;
    bool *is_needed; // per node
};

static void complain(struct planner *planner, enum sl_code code, struct sl_place place,
                     const char *hint, const char *name, const char *what)
{
    sl_diag(&planner->world->project->diags, SL_SEVERITY_ERROR, code, place, hint, "'%s' %s", name,
            what);
}

static const char *nearest_table(struct planner *planner, const char *name)
{
    struct sl_world *world = planner->world;
    struct sl_strs names = {0};
    for (const struct sl_map_entry *it = sl_map_first(&world->graph.by_name); it;
         it = sl_map_next(it)) {
        enum sl_layer layer;
        const char *bare;
        const char *table = sl_map_key(it);
        if (sl_table_parse(table, &layer, &bare) && layer == SL_LAYER_RAW)
            table = bare;
        if (sl_strs_add(&names, &world->arena, table, NULL) != SL_OK)
            return NULL;
    }
    return sl_did_you_mean(&world->arena, name, names.items, names.count);
}

static const struct sl_node *expected_node(struct planner *planner, const char *table,
                                           struct sl_place place)
{
    const struct sl_node *node = sl_graph_node(&planner->world->graph, table);
    enum sl_layer layer;
    const char *bare;
    if (node && sl_table_parse(table, &layer, &bare))
        return node;
    complain(planner, SL_E_TABLE_MISSING, place, nearest_table(planner, table), table,
             "is no table of the project");
    return NULL;
}

// "raw.orders" for the source "orders".
static const char *given_table(struct planner *planner, const char *name)
{
    enum sl_layer layer;
    const char *bare;
    return sl_table_parse(name, &layer, &bare)
               ? name
               : sl_arena_printf(&planner->world->arena, "raw.%s", name);
}

static void check_given(struct planner *planner, const struct sl_test_table *given)
{
    enum sl_layer layer;
    const char *bare;
    bool is_table = sl_table_parse(given->table, &layer, &bare);
    const char *table = given_table(planner, given->table);
    struct sl_arena *arena = &planner->world->arena;
    if (!table || !sl_graph_node(&planner->world->graph, table))
        complain(planner, SL_E_TABLE_MISSING, given->place, nearest_table(planner, given->table),
                 given->table,
                 is_table ? "is no table of the project" : "is no source of the project");
    else if (is_table && layer == SL_LAYER_RAW)
        complain(planner, SL_E_VALUE_INVALID, given->place,
                 sl_arena_printf(arena, "give the source: '%s: ...'", bare), given->table,
                 "comes out of files");
    else if (is_table && given->name)
        complain(planner, SL_E_VALUE_INVALID, given->place, NULL, given->table,
                 "is a table, not a file");
    else if (!is_table && given->replaces)
        complain(planner, SL_E_VALUE_INVALID, given->place,
                 "give the file of the run before again: 'name: ...'", given->table,
                 "is a source, whose files are replaced by name");
    else if (is_table && given->file && !sl_str_ends(given->file, ".csv"))
        complain(planner, SL_E_VALUE_INVALID, given->place, "a file that ends with .csv",
                 given->table, "has its rows in a file that is no CSV");
}

// The run that first gives a table; the number of runs if none does.
static size_t first_given(struct planner *planner, const char *table)
{
    size_t run = 0;
    for (; run < planner->test->run_count; run++)
        for (size_t i = 0; i < planner->test->runs[run].given_count; i++)
            if (sl_str_equal(given_table(planner, planner->test->runs[run].given[i].table), table))
                return run;
    return run;
}

static void need_table(struct planner *planner, const char *table, const char *for_whom,
                       struct sl_place place);

struct child {
    struct planner *planner;
    const struct sl_node *node;
    struct sl_place place;
};

// Rows are judged by the table that their foreign key leads to.
static int need_parent(void *self, struct sl_rule *rule, struct sl_err *err)
{
    const struct child *child = self;
    (void)err;
    if (sl_str_equal(rule->parent, child->node->name))
        return SL_OK; // it is built from the rows that are given
    need_table(child->planner, rule->parent, child->node->name, child->place);
    return SL_OK;
}

static void need_node(struct planner *planner, const struct sl_node *node, struct sl_place place)
{
    struct child child = {planner, node, place};
    struct sl_err ignored = {0}; // of need_parent, which has none
    struct sl_world *world = planner->world;
    size_t index = (size_t)(node - world->graph.nodes);
    if (planner->is_needed[index])
        return;
    planner->is_needed[index] = true;
    if (node->kind == SL_NODE_CLEANSE) {
        const char *raw = sl_arena_printf(&world->arena, "raw.%s", node->bare);
        if (raw)
            need_table(planner, raw, node->name, place);
        if (sl_contract_each_foreign_key(node->contract, need_parent, &child, &ignored) != SL_OK)
            return;
    }
    for (size_t i = 0; node->kind == SL_NODE_MODEL && i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        const char *table = sl_arena_printf(&world->arena, "%s.%s", ref->layer, ref->name);
        if (table)
            need_table(planner, table, node->name, place);
    }
}

static void need_table(struct planner *planner, const char *table, const char *for_whom,
                       struct sl_place place)
{
    struct sl_arena *arena = &planner->world->arena;
    const struct sl_node *node = sl_graph_node(&planner->world->graph, table);
    size_t given = first_given(planner, table), count = planner->test->run_count;
    bool is_source = node && node->kind == SL_NODE_INGEST;
    const char *name = is_source ? node->bare : table;
    if (!node)
        return;
    if (given > 0 && given < count)
        sl_diag(&planner->world->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place,
                sl_arena_printf(arena, "give it in the first run, too: '%s: []' for no rows", name),
                "'%s' needs '%s', which is first given in run %zu", for_whom, name, given + 1);
    else if (given == count && is_source)
        sl_diag(&planner->world->project->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, place,
                sl_arena_printf(arena, "give it, if only as '%s: []', or a table between the two",
                                name),
                "'%s' needs the source '%s', which the test does not give", for_whom, name);
    else if (given == count)
        need_node(planner, node, place);
    else if (is_source)
        planner->is_needed[node - planner->world->graph.nodes] = true;
}

static int expect_table(struct planner *planner, const char *table, struct sl_place place,
                        struct sl_err *err)
{
    const struct sl_node *node = expected_node(planner, table, place);
    if (!node)
        return SL_OK;
    if (node->kind != SL_NODE_INGEST && first_given(planner, table) < planner->test->run_count)
        complain(planner, SL_E_VALUE_INVALID, place, "expect a table that is built from it", table,
                 "is given, so that nothing builds it");
    else if (node->kind == SL_NODE_INGEST)
        need_table(planner, table, "the expectation", place);
    else
        need_node(planner, node, place);
    return sl_strs_has(&planner->made->tables, table)
               ? SL_OK
               : sl_strs_add(&planner->made->tables, &planner->world->arena, table, err);
}

static int hash_file(struct planner *planner, struct sl_hash *hash, const char *path,
                     struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char hex[65];
    const char *full = sl_path_join(&arena, planner->world->project->folder, path);
    SL_TRY_NEW(full, err);
    SL_TRY(sl_fs_hash(full, hex, err));
    sl_hash_add(hash, hex);
    return SL_OK;
}

static int hash_node(const struct sl_node *node, struct sl_hash *hash, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    char *text = NULL;
    sl_hash_add(hash, node->name);
    sl_hash_add(hash, node->fingerprint);
    if (node->kind != SL_NODE_INGEST || !node->source->node)
        return SL_OK;
    SL_TRY(sl_yaml_to_json(node->source->node, &json, err));
    SL_TRY(sl_json_print(json, &text, err));
    sl_hash_add(hash, text);
    free(text);
    return SL_OK;
}

static int fingerprint(struct planner *planner, struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    const struct sl_test *test = planner->test;
    char hex[65];
    SL_TRY(sl_hash_new(&hash, err));
    if (test->file)
        SL_TRY(hash_file(planner, hash, test->file, err));
    for (size_t i = 0; i < test->run_count; i++) {
        const struct sl_test_run *run = &test->runs[i];
        for (size_t k = 0; k < run->given_count; k++)
            if (run->given[k].file)
                SL_TRY(hash_file(planner, hash, run->given[k].file, err));
        for (size_t k = 0; k < run->expected_count; k++)
            if (run->expected[k].file)
                SL_TRY(hash_file(planner, hash, run->expected[k].file, err));
    }
    for (size_t i = 0; i < planner->made->node_count; i++)
        SL_TRY(hash_node(&planner->world->graph.nodes[planner->made->nodes[i]], hash, err));
    SL_TRY(sl_hash_end(hash, hex, err));
    planner->made->fingerprint = sl_arena_strdup(&planner->world->arena, hex);
    SL_TRY_NEW(planner->made->fingerprint, err);
    return SL_OK;
}

static int list_nodes(struct planner *planner, struct sl_err *err)
{
    struct sl_test_case *made = planner->made;
    for (size_t i = 0; i < planner->world->graph.count; i++)
        if (planner->is_needed[i] &&
            !SL_PUSH(&planner->world->arena, made->nodes, made->node_count, i))
            return sl_fail_memory(err);
    return SL_OK;
}

int sl_test_plan(struct sl_world *world, const struct sl_test *test, struct sl_test_case *ret,
                 bool *ret_is_usable, struct sl_err *err)
{
    struct planner planner = {.world = world, .test = test, .made = ret};
    size_t errors = world->project->diags.error_count;
    *ret = (struct sl_test_case){.test = test};
    planner.is_needed = SL_NEW_ARRAY(&world->arena, bool, world->graph.count);
    SL_TRY_NEW(planner.is_needed, err);
    for (size_t i = 0; i < test->run_count; i++) {
        const struct sl_test_run *run = &test->runs[i];
        for (size_t k = 0; k < run->given_count; k++)
            check_given(&planner, &run->given[k]);
    }
    for (size_t i = 0; i < test->run_count && world->project->diags.error_count == errors; i++) {
        const struct sl_test_run *run = &test->runs[i];
        for (size_t k = 0; k < run->expected_count; k++)
            SL_TRY(expect_table(&planner, run->expected[k].table, run->expected[k].place, err));
        for (size_t k = 0; k < run->failure_count; k++)
            SL_TRY(expect_table(&planner, run->failures[k].table, run->failures[k].place, err));
    }
    *ret_is_usable = test->runs && world->project->diags.error_count == errors;
    if (!*ret_is_usable)
        return SL_OK;
    SL_TRY(list_nodes(&planner, err));
    return fingerprint(&planner, err);
}

int sl_test_suite_load(struct sl_world *world, struct sl_test_suite *ret, struct sl_err *err)
{
    *ret = (struct sl_test_suite){0};
    SL_TRY(sl_tests_load(world->project, &ret->tests, err));
    if (!world->has_graph)
        return SL_OK;
    ret->cases = SL_NEW_ARRAY(&world->arena, struct sl_test_case, ret->tests.count);
    SL_TRY_NEW(ret->cases, err);
    for (size_t i = 0; i < ret->tests.count; i++) {
        bool is_usable;
        SL_TRY(sl_test_plan(world, &ret->tests.items[i], &ret->cases[ret->count], &is_usable, err));
        ret->count += is_usable;
    }
    return SL_OK;
}
