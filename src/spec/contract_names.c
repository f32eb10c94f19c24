// Names of rules that rows are rejected by without being asked: no rule of the user's may have one.
#include "spec/contract_file.h"

#include <string.h>

static void complain(struct sl_odcs_reader *reader, const struct sl_rule *rule, const char *what)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE, rule->place,
            "rejected rows are found by the names of rules: choose another one",
            "a rule cannot be named '%s': so is %s", rule->id, what);
}

// "amount" and "type" -> "amount.type"
static bool is_name_of(const char *name, const char *path, const char *kind)
{
    size_t length = strlen(path);
    return strncmp(name, path, length) == 0 && name[length] == '.' &&
           strcmp(name + length + 1, kind) == 0;
}

// The rules for its type and for a value that must be there are named after the column.
static const char *own_rule_named(const struct sl_contract_column *columns, size_t count,
                                  const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_contract_column *column = &columns[i];
        if (column->type.kind != SL_TYPE_TEXT && is_name_of(name, column->path, "type"))
            return "the rule that a value is of its column's type";
        if (column->is_required && is_name_of(name, column->path, "required"))
            return "the rule that the column has a value";
        const char *nested = own_rule_named(column->fields, column->field_count, name);
        if (nested)
            return nested;
    }
    return NULL;
}

static void check_rules(struct sl_odcs_reader *reader, const struct sl_rule *rules, size_t count)
{
    const struct sl_contract_table *table = reader->table;
    for (size_t i = 0; i < count; i++) {
        bool is_own = strcmp(rules[i].kind, "type") == 0 || strcmp(rules[i].kind, "required") == 0;
        // Of the second rule of a name that has been said already.
        if (is_own || sl_map_get(&reader->rule_ids, rules[i].id) != rules[i].id)
            continue;
        const char *own = own_rule_named(table->columns, table->column_count, rules[i].id);
        if (strcmp(rules[i].id, "corrupt") == 0)
            own = "what rejects records that could not be split";
        else if (sl_str_ends(rules[i].id, ".unexpected"))
            own = "what rejects rows with a column that the contract does not know";
        if (own)
            complain(reader, &rules[i], own);
    }
}

static void check_columns(struct sl_odcs_reader *reader, const struct sl_contract_column *columns,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_rules(reader, columns[i].rules, columns[i].rule_count);
        check_columns(reader, columns[i].fields, columns[i].field_count);
    }
}

void sl_odcs_check_rule_names(struct sl_odcs_reader *reader)
{
    const struct sl_contract_table *table = reader->table;
    check_columns(reader, table->columns, table->column_count);
    check_rules(reader, table->rules, table->rule_count);
}
