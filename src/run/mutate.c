#include "run/mutate.h"

#include "api/check.h"
#include "contract/compile.h"

#include <string.h>

struct lister {
    struct sl_world *world;
    struct sl_arena *arena;
    const struct sl_node *node;
    struct sl_mutant *mutants;
    size_t count;
};

static int add(struct lister *lister, struct sl_mutant mutant, struct sl_err *err)
{
    mutant.node = lister->node;
    mutant.table = lister->node->name;
    return SL_PUSH(lister->arena, lister->mutants, lister->count, mutant) ? SL_OK
                                                                          : sl_fail_memory(err);
}

// The list without the rule at `index`.
static int without(struct lister *lister, const struct sl_rule *rules, size_t count, size_t index,
                   struct sl_rule **ret, struct sl_err *err)
{
    *ret = SL_NEW_ARRAY(lister->arena, struct sl_rule, count);
    SL_TRY_NEW(*ret, err);
    memcpy(*ret, rules, index * sizeof *rules);
    memcpy(*ret + index, rules + index + 1, (count - index - 1) * sizeof *rules);
    return SL_OK;
}

static int copy_contract(struct lister *lister, struct sl_contract_table **ret, struct sl_err *err)
{
    const struct sl_contract_table *contract = lister->node->contract;
    *ret = SL_NEW(lister->arena, struct sl_contract_table);
    SL_TRY_NEW(*ret, err);
    **ret = *contract;
    (*ret)->columns =
        SL_NEW_ARRAY(lister->arena, struct sl_contract_column, contract->column_count);
    SL_TRY_NEW((*ret)->columns, err);
    memcpy((*ret)->columns, contract->columns, contract->column_count * sizeof *contract->columns);
    return SL_OK;
}

// A column, or a member or item of one.
struct site {
    const struct site *outer;
    const struct sl_contract_column *column;
    size_t index; // in what it is in
};

// The column of the copy, with all that it is in copied.
static int copy_column(struct lister *lister, const struct site *site,
                       struct sl_contract_table *copy, struct sl_contract_column **ret,
                       struct sl_err *err)
{
    struct sl_contract_column *outer;
    if (!site->outer) {
        *ret = &copy->columns[site->index];
        return SL_OK;
    }
    SL_TRY(copy_column(lister, site->outer, copy, &outer, err));
    const struct sl_contract_column *fields = outer->fields;
    outer->fields = SL_NEW_ARRAY(lister->arena, struct sl_contract_column, outer->field_count);
    SL_TRY_NEW(outer->fields, err);
    memcpy(outer->fields, fields, outer->field_count * sizeof *fields);
    *ret = &outer->fields[site->index];
    return SL_OK;
}

static int add_column_rule(struct lister *lister, const struct site *site, size_t index,
                           struct sl_err *err)
{
    const struct sl_contract_column *column = site->column;
    const struct sl_rule *rule = &column->rules[index];
    struct sl_contract_table *copy;
    struct sl_contract_column *own;
    // Its type a column has anyway; for required see add_required.
    if (rule->severity == SL_RULE_WARN || sl_str_equal(rule->kind, "type") ||
        sl_str_equal(rule->kind, "required"))
        return SL_OK;
    SL_TRY(copy_contract(lister, &copy, err));
    SL_TRY(copy_column(lister, site, copy, &own, err));
    SL_TRY(without(lister, column->rules, column->rule_count, index, &own->rules, err));
    own->rule_count--;
    return add(lister,
               (struct sl_mutant){.rule = rule->id,
                                  .place = rule->place,
                                  .contract = copy,
                                  .is_stop = rule->severity == SL_RULE_FAIL},
               err);
}

// Both ways to say that a value is required.
static int add_required(struct lister *lister, const struct site *site, struct sl_err *err)
{
    struct sl_mutant mutant = {.place = site->column->place};
    struct sl_contract_table *copy;
    struct sl_contract_column *own;
    bool is_required = site->column->is_required;
    SL_TRY(copy_contract(lister, &copy, err));
    SL_TRY(copy_column(lister, site, copy, &own, err));
    own->is_required = false;
    for (size_t i = own->rule_count; i-- > 0;) {
        if (!sl_str_equal(own->rules[i].kind, "required"))
            continue;
        if (own->rules[i].severity == SL_RULE_WARN)
            return SL_OK;
        mutant.place = own->rules[i].place;
        mutant.is_stop = own->rules[i].severity == SL_RULE_FAIL;
        is_required = true;
        SL_TRY(without(lister, own->rules, own->rule_count, i, &own->rules, err));
        own->rule_count--;
    }
    if (!is_required || site->column->key_position > 0) // a key is required anyway
        return SL_OK;
    mutant.rule = sl_arena_printf(lister->arena, "%s.required", sl_contract_path(site->column));
    SL_TRY_NEW(mutant.rule, err);
    mutant.contract = copy;
    return add(lister, mutant, err);
}

static int add_column(struct lister *lister, const struct site *site, struct sl_err *err)
{
    const struct sl_contract_column *column = site->column;
    SL_TRY(add_required(lister, site, err));
    for (size_t i = 0; i < column->rule_count; i++)
        SL_TRY(add_column_rule(lister, site, i, err));
    for (size_t i = 0; i < column->field_count; i++) {
        const struct site field = {site, &column->fields[i], i};
        SL_TRY(add_column(lister, &field, err));
    }
    return SL_OK;
}

static int add_rules(struct lister *lister, struct sl_err *err)
{
    const struct sl_contract_table *contract = lister->node->contract;
    for (size_t i = 0; i < contract->column_count; i++) {
        const struct site site = {NULL, &contract->columns[i], i};
        SL_TRY(add_column(lister, &site, err));
    }
    for (size_t i = 0; i < contract->rule_count; i++) {
        const struct sl_rule *rule = &contract->rules[i];
        struct sl_contract_table *copy;
        if (rule->severity == SL_RULE_WARN)
            continue;
        SL_TRY(copy_contract(lister, &copy, err));
        SL_TRY(without(lister, contract->rules, contract->rule_count, i, &copy->rules, err));
        copy->rule_count--;
        SL_TRY(add(lister,
                   (struct sl_mutant){.rule = rule->id,
                                      .place = rule->place,
                                      .contract = copy,
                                      .is_stop = rule->severity == SL_RULE_FAIL},
                   err));
    }
    return SL_OK;
}

// One check after the other is compiled alone, for what it claims.
static int look_at_check(struct lister *lister, const struct sl_yaml *checks, size_t index,
                         struct sl_mutant *ret, bool *ret_is_warning, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags ignored = SL_DIAGS_INIT;
    struct sl_yaml alone = {.kind = SL_YAML_LIST,
                            .place = checks->place,
                            .text = "",
                            .items = &checks->items[index],
                            .count = 1};
    struct sl_check *compiled;
    size_t count;
    SL_TRY(sl_checks_compile(&alone, lister->arena, &ignored, &compiled, &count, err));
    *ret = (struct sl_mutant){.rule = count ? compiled[0].claim : "a check",
                              .place = checks->items[index]->place,
                              .is_check = true};
    *ret_is_warning = count && compiled[0].is_warning;
    return SL_OK;
}

static int add_check(struct lister *lister, const struct sl_yaml *checks, size_t index,
                     struct sl_err *err)
{
    struct sl_mutant mutant;
    struct sl_yaml *rest = SL_NEW(lister->arena, struct sl_yaml);
    bool is_warning;
    SL_TRY_NEW(rest, err);
    SL_TRY(look_at_check(lister, checks, index, &mutant, &is_warning, err));
    if (is_warning)
        return SL_OK;
    *rest = *checks;
    rest->items = SL_NEW_ARRAY(lister->arena, struct sl_yaml *, checks->count);
    SL_TRY_NEW(rest->items, err);
    rest->count = 0;
    for (size_t i = 0; i < checks->count; i++)
        if (i != index)
            rest->items[rest->count++] = checks->items[i];
    if (lister->node->contract) {
        struct sl_contract_table *copy;
        SL_TRY(copy_contract(lister, &copy, err));
        copy->checks = rest;
        mutant.contract = copy;
        return add(lister, mutant, err);
    }
    struct sl_model *model = SL_NEW(lister->arena, struct sl_model);
    SL_TRY_NEW(model, err);
    *model = *lister->node->model;
    model->checks = rest;
    mutant.model = model;
    return add(lister, mutant, err);
}

int sl_mutants_list(struct sl_world *world, struct sl_mutant **ret, size_t *ret_count,
                    struct sl_err *err)
{
    struct lister lister = {.world = world, .arena = &world->arena};
    for (size_t i = 0; i < world->graph.count; i++) {
        lister.node = &world->graph.nodes[i];
        const struct sl_yaml *checks =
            lister.node->kind == SL_NODE_MODEL     ? lister.node->model->checks
            : lister.node->kind == SL_NODE_CLEANSE ? lister.node->contract->checks
                                                   : NULL;
        if (lister.node->kind == SL_NODE_CLEANSE)
            SL_TRY(add_rules(&lister, err));
        for (size_t k = 0; checks && checks->kind == SL_YAML_LIST && k < checks->count; k++)
            SL_TRY(add_check(&lister, checks, k, err));
    }
    *ret = lister.mutants;
    *ret_count = lister.count;
    return SL_OK;
}

// A check that is gone is missed only where it should have failed.
static bool could_notice(const struct sl_world *world, const struct sl_mutant *mutant,
                         const struct sl_test_case *test)
{
    size_t index = (size_t)(mutant->node - world->graph.nodes);
    bool has_node = false, has_failure = !mutant->is_check;
    for (size_t i = 0; i < test->node_count; i++)
        has_node |= test->nodes[i] == index;
    for (size_t i = 0; i < test->test->run_count; i++)
        for (size_t k = 0; k < test->test->runs[i].failure_count; k++)
            has_failure |= sl_str_equal(test->test->runs[i].failures[k].table, mutant->table);
    return has_node && has_failure;
}

int sl_mutant_try(struct sl_world *world, struct sl_mutant *mutant,
                  const struct sl_test_case *const *cases, size_t count, int64_t threads,
                  struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_test_case **chosen = SL_NEW_ARRAY(&arena, const struct sl_test_case *, count);
    struct sl_test_outcome *outcomes = SL_NEW_ARRAY(&arena, struct sl_test_outcome, count);
    struct sl_test_options options = {.threads = threads, .fail_fast = true, .mutant = mutant};
    SL_TRY_NEW(chosen, err);
    SL_TRY_NEW(outcomes, err);
    for (size_t i = 0; i < count; i++)
        if (could_notice(world, mutant, cases[i]))
            chosen[mutant->test_count++] = cases[i];
    if (mutant->test_count == 0)
        return SL_OK;
    int code = sl_test_run(world, chosen, mutant->test_count, &options, outcomes, err);
    for (size_t i = 0; i < mutant->test_count; i++) {
        if (code == SL_OK && outcomes[i].status == SL_TEST_FAILED && !mutant->killed_by)
            mutant->killed_by = outcomes[i].test->test;
        sl_arena_clear(&outcomes[i].arena);
    }
    return code;
}
