#include "contract/possible.h"
#include "contract/rule.h"

// Which of the ways that two values can compare a rule allows.
enum { LESS = 1, EQUAL = 2, GREATER = 4 };

// A rule over two columns; one over more gives several.
struct relation {
    const struct sl_rule *rule;
    const struct sl_contract_column *first, *second;
    unsigned allowed;
};
struct relations {
    const struct sl_possible *possible;
    struct relation *items;
    size_t count;
};

static const struct sl_contract_column *find(const struct sl_possible *possible, const char *name)
{
    const struct sl_contract_table *table = possible->table;
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

static unsigned allowed_by(const char *operation)
{
    static const struct {
        const char *name;
        unsigned allowed;
    } operations[] = {{"=", EQUAL},         {"<>", LESS | GREATER}, {"<", LESS},
                      {"<=", LESS | EQUAL}, {">", GREATER},         {">=", GREATER | EQUAL}};
    for (size_t i = 0; operation && i < sizeof operations / sizeof *operations; i++)
        if (sl_str_equal(operations[i].name, operation))
            return operations[i].allowed;
    return LESS | EQUAL | GREATER;
}

static unsigned turned(unsigned allowed)
{
    return (allowed & EQUAL) | (allowed & LESS ? GREATER : 0) | (allowed & GREATER ? LESS : 0);
}

static int add(struct relations *relations, const struct sl_rule *rule, unsigned allowed,
               struct sl_err *err)
{
    const struct relation relation = {
        .rule = rule,
        .first = find(relations->possible, rule->columns.items[0]),
        .second = find(relations->possible, rule->columns.items[1]),
        .allowed = allowed,
    };
    if (!relation.first || !relation.second || relation.first == relation.second)
        return SL_OK; // reported
    return SL_PUSH(relations->possible->arena, relations->items, relations->count, relation)
               ? SL_OK
               : sl_fail_memory(err);
}

static int add_rules(struct relations *relations, const struct sl_rule *rules, size_t count,
                     struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *rule = &rules[i];
        if (!sl_possible_is_strict(rule) || rule->columns.count != 2)
            continue;
        if (sl_str_equal(rule->kind, "compare"))
            SL_TRY(add(relations, rule, allowed_by(rule->operation), err));
        else if (sl_str_equal(rule->kind, "different"))
            SL_TRY(add(relations, rule, LESS | GREATER, err));
    }
    return SL_OK;
}

static bool are_exclusive(const struct relation *a, const struct relation *b)
{
    if (a->first == b->first && a->second == b->second)
        return !(a->allowed & b->allowed);
    return a->first == b->second && a->second == b->first && !(a->allowed & turned(b->allowed));
}

// A row without one of the values keeps them.
static void tell(const struct sl_possible *possible, const struct relation *a,
                 const struct relation *b)
{
    bool is_always = sl_possible_is_present(a->first) && sl_possible_is_present(a->second);
    sl_diag(possible->diags, is_always ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING, SL_E_CONTRACT,
            b->rule->place, NULL, "no row %scan keep both of the rules '%s' and '%s'",
            is_always ? "" : "with a value in all they look at ", a->rule->id, b->rule->id);
}

int sl_possible_compares(const struct sl_possible *possible, struct sl_err *err)
{
    struct relations relations = {.possible = possible};
    const struct sl_contract_table *table = possible->table;
    size_t told = possible->diags->count;
    for (size_t i = 0; i < table->column_count; i++)
        SL_TRY(add_rules(&relations, table->columns[i].rules, table->columns[i].rule_count, err));
    SL_TRY(add_rules(&relations, table->rules, table->rule_count, err));
    for (size_t i = 0; i < relations.count; i++)
        for (size_t k = 0; k < i; k++)
            if (are_exclusive(&relations.items[k], &relations.items[i]))
                tell(possible, &relations.items[k], &relations.items[i]);
    return possible->diags->count == told ? sl_possible_chains(possible, err) : SL_OK;
}
