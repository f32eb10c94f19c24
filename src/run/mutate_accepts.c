#include "run/mutate_accepts.h"

#include <string.h>

struct judge {
    struct sl_world *world;
    const struct sl_test_run *run;
    const struct sl_node *node;
    struct sl_contract_table *contract;
    int64_t threads;
};

int sl_mutant_read_test(struct sl_world *world, const char *text, size_t number,
                        struct sl_test_case *ret, bool *ret_is_usable, struct sl_err *err)
{
    struct sl_diags before = world->project->diags;
    struct sl_test *test = SL_NEW(&world->arena, struct sl_test);
    struct sl_yaml *node = NULL;
    *ret_is_usable = false;
    SL_TRY_NEW(test, err);
    test->name = test->title = sl_arena_printf(&world->arena, "~offer%zu", number);
    SL_TRY_NEW(test->name, err);
    world->project->diags = (struct sl_diags)SL_DIAGS_INIT;
    int code = sl_yaml_parse(text, strlen(text), "offer", 1, 1, &world->arena,
                             &world->project->diags, &node, err);
    if (code == SL_OK && node)
        code = sl_test_read(node, world->project, test, err);
    if (code == SL_OK && test->runs && !world->project->diags.error_count)
        code = sl_test_plan(world, test, ret, ret_is_usable, err);
    sl_diags_clear(&world->project->diags);
    world->project->diags = before;
    return code;
}

// --- the contract

static const struct sl_contract_column *column_of(const struct sl_contract_table *contract,
                                                  const char *name)
{
    for (size_t i = 0; i < contract->column_count; i++)
        if (sl_str_equal(contract->columns[i].name, name))
            return &contract->columns[i];
    return NULL;
}

// Of a protected value clean does not tell what was received.
static bool is_judged(const struct sl_contract_table *contract, const struct sl_rule *rule,
                      const struct sl_strs *parents)
{
    for (size_t i = 0; i < rule->columns.count; i++) {
        const struct sl_contract_column *column = column_of(contract, rule->columns.items[i]);
        if (column && column->personal.as != SL_PERSONAL_NONE)
            return false;
    }
    return !rule->parent || sl_strs_has(parents, rule->parent);
}

static int keep_rules(const struct sl_contract_table *contract, const struct sl_strs *parents,
                      struct sl_arena *arena, struct sl_rule **rules, size_t *count,
                      struct sl_err *err)
{
    struct sl_rule *kept = SL_NEW_ARRAY(arena, struct sl_rule, *count + 1);
    size_t kept_count = 0;
    SL_TRY_NEW(kept, err);
    for (size_t i = 0; i < *count; i++)
        if (is_judged(contract, &(*rules)[i], parents))
            kept[kept_count++] = (*rules)[i];
    *rules = kept;
    *count = kept_count;
    return SL_OK;
}

int sl_mutant_restate(const struct sl_contract_table *contract, const struct sl_strs *parents,
                      struct sl_arena *arena, struct sl_contract_table **ret, struct sl_err *err)
{
    struct sl_contract_table *copy = SL_NEW(arena, struct sl_contract_table);
    SL_TRY_NEW(copy, err);
    *copy = *contract;
    copy->columns = SL_NEW_ARRAY(arena, struct sl_contract_column, contract->column_count + 1);
    SL_TRY_NEW(copy->columns, err);
    copy->column_count = 0;
    copy->checks = NULL;
    copy->has_budget = false;
    for (size_t i = 0; i < contract->column_count; i++) {
        struct sl_contract_column column = contract->columns[i];
        if (column.personal.as == SL_PERSONAL_DROP)
            continue;
        if (column.personal.as != SL_PERSONAL_NONE)
            column.rule_count = 0;
        column.personal.as = SL_PERSONAL_NONE;
        column.formats = (struct sl_strs){0};
        column.alias_count = 0;
        SL_TRY(keep_rules(contract, parents, arena, &column.rules, &column.rule_count, err));
        copy->columns[copy->column_count++] = column;
    }
    SL_TRY(keep_rules(contract, parents, arena, &copy->rules, &copy->rule_count, err));
    *ret = copy;
    return SL_OK;
}

// --- the rows

// With the names that the source has; `contract` NULL: as they are.
static void add_row(const struct sl_yaml *row, const struct sl_contract_table *contract,
                    struct sl_buf *yaml)
{
    for (size_t i = 0; i < row->count; i++) {
        const char *name = row->keys[i]->text;
        const struct sl_contract_column *column = contract ? column_of(contract, name) : NULL;
        sl_buf_add(yaml, i ? ", " : "{");
        sl_buf_add_json_string(yaml, column ? column->source_name : name);
        sl_buf_add(yaml, ": ");
        if (row->items[i]->kind == SL_YAML_SCALAR)
            sl_buf_add_json_string(yaml, row->items[i]->text);
        else
            sl_buf_add(yaml, "null");
    }
    sl_buf_add(yaml, row->count ? "}" : "{}");
}

static void add_rows(const struct sl_test_table *given, const struct sl_contract_table *contract,
                     struct sl_buf *yaml)
{
    sl_buf_addf(yaml, "[");
    for (size_t i = 0; given && given->rows && i < given->rows->count; i++) {
        sl_buf_add(yaml, i ? ", " : "");
        add_row(given->rows->items[i], contract, yaml);
    }
    sl_buf_add(yaml, "]");
}

static const struct sl_test_table *given_of(const struct sl_test_run *run, const char *table)
{
    for (size_t i = 0; i < run->given_count; i++)
        if (sl_str_equal(run->given[i].table, table))
            return &run->given[i];
    return NULL;
}

struct parents {
    struct judge *judge;
    struct sl_strs all, given;
};

static int take_parent(void *self, struct sl_rule *rule, struct sl_err *err)
{
    struct parents *parents = self;
    struct sl_arena *arena = &parents->judge->world->arena;
    bool is_own = sl_str_equal(rule->parent, parents->judge->node->name);
    if (!is_own && !sl_strs_has(&parents->all, rule->parent))
        SL_TRY(sl_strs_add(&parents->all, arena, rule->parent, err));
    if (is_own || given_of(parents->judge->run, rule->parent))
        SL_TRY(sl_strs_add(&parents->given, arena, rule->parent, err));
    return SL_OK;
}

// {given: {orders: [...], clean.customers: [...]}, expect: {clean.orders: [...]}}
static int add_test(struct judge *judge, const struct sl_test_table *given, struct sl_buf *yaml,
                    struct sl_err *err)
{
    struct parents parents = {.judge = judge};
    SL_TRY(sl_contract_each_foreign_key(judge->node->contract, take_parent, &parents, err));
    SL_TRY(sl_mutant_restate(judge->node->contract, &parents.given, &judge->world->arena,
                             &judge->contract, err));
    sl_buf_addf(yaml, "{given: {%s: ", judge->node->source->name);
    add_rows(given, judge->contract, yaml);
    for (size_t i = 0; i < parents.all.count; i++) {
        sl_buf_addf(yaml, ", %s: ", parents.all.items[i]);
        add_rows(given_of(judge->run, parents.all.items[i]), NULL, yaml);
    }
    sl_buf_addf(yaml, "}, expect: {%s: ", judge->node->name);
    add_rows(given, NULL, yaml);
    sl_buf_addf(yaml, ", quarantine.%s: []}}", judge->node->bare);
    return sl_buf_check(yaml, err);
}

static int accepts_rows(struct judge *judge, const struct sl_test_table *given, bool *ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf yaml = SL_BUF_INIT;
    struct sl_test_case read;
    struct sl_test_outcome outcome = {0};
    const struct sl_test_case *const cases[] = {&read};
    bool is_usable;
    SL_TRY(add_test(judge, given, &yaml, err));
    const char *text = sl_arena_strdup(&judge->world->arena, yaml.text);
    SL_TRY_NEW(text, err);
    *ret = false;
    SL_TRY(sl_mutant_read_test(judge->world, text, 0, &read, &is_usable, err));
    if (!is_usable)
        return SL_OK;
    const struct sl_mutant as_read = {
        .node = judge->node, .table = judge->node->name, .contract = judge->contract};
    const struct sl_test_options options = {.threads = judge->threads, .mutant = &as_read};
    int code = sl_test_run(judge->world, cases, 1, &options, &outcome, err);
    *ret = code == SL_OK && outcome.status == SL_TEST_PASSED;
    sl_arena_clear(&outcome.arena);
    return code;
}

int sl_mutant_accepts(struct sl_world *world, const struct sl_test *test, int64_t threads,
                      bool *ret, struct sl_err *err)
{
    *ret = true;
    for (size_t i = 0; i < test->run_count; i++)
        for (size_t k = 0; k < test->runs[i].given_count && *ret; k++) {
            const struct sl_test_table *given = &test->runs[i].given[k];
            const struct sl_node *node =
                strchr(given->table, '.') ? sl_graph_node(&world->graph, given->table) : NULL;
            struct judge judge = {
                .world = world, .run = &test->runs[i], .node = node, .threads = threads};
            if (node && node->kind == SL_NODE_CLEANSE && node->source && given->rows &&
                sl_str_equal(node->name, given->table))
                SL_TRY(accepts_rows(&judge, given, ret, err));
        }
    return SL_OK;
}
