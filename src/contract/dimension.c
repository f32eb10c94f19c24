#include "contract/dimension.h"

#include <string.h>

enum sl_dimension sl_contract_dimension(const struct sl_rule *rule)
{
    enum sl_dimension dimension;
    if (sl_dimension_parse(sl_rule_dimension_name(rule->dimension), &dimension))
        return dimension;
    return sl_dimension_of_rule(rule->kind);
}

static const struct sl_rule *find_in(const struct sl_rule *rules, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(rules[i].id, id))
            return &rules[i];
    return NULL;
}

enum sl_dimension sl_contract_dimension_named(const struct sl_contract_table *contract,
                                              const char *id)
{
    const char *dot = strrchr(id, '.');
    const struct sl_rule *rule = find_in(contract->rules, contract->rule_count, id);
    for (size_t i = 0; i < contract->column_count && !rule; i++)
        rule = find_in(contract->columns[i].rules, contract->columns[i].rule_count, id);
    return rule ? sl_contract_dimension(rule) : sl_dimension_of_rule(dot ? dot + 1 : id);
}
