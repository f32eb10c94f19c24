// Any bytes are a contract: they give tables with names, types and digests, or diagnostics with
// places, never a crash.
#include "fuzz.h"

#include "spec/contract.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_rules(const struct sl_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        must(rules[i].kind && rules[i].id && rules[i].place.line >= 1);
}

static void check_table(const struct sl_contract_table *table)
{
    char name[32];

    must(table->name && table->contract && table->digest && strlen(table->digest) == 64);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sl_contract_column *column = &table->columns[i];

        must(column->name && column->source_name && sl_type_name(column->type, name));
        must(column->key_position >= 0 && column->key_position <= (int)table->column_count);
        check_rules(column->rules, column->rule_count);
    }
    check_rules(table->rules, table->rule_count);
}

static int read_contract(const uint8_t *data, size_t size, struct sl_project *project)
{
    struct sl_yaml *node = NULL;
    struct sl_contract *contract = NULL;
    struct sl_err err = {0};

    must(sl_yaml_parse((const char *)data, size, "fuzz.yml", 1, 1, &project->arena, &project->diags,
                       &node, &err) == SL_OK);
    if (!node)
        return 0;
    must(sl_contract_read(node, "fuzz.yml", project, &contract, &err) == SL_OK);
    for (size_t i = 0; i < contract->table_count; i++)
        check_table(&contract->tables[i]);
    for (size_t i = 0; i < project->diags.count; i++)
        must(project->diags.items[i].err.line >= 1 && project->diags.items[i].err.message[0]);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_project project = {.budget = {.max_share = 0.2, .max_rows = -1, .min_rows = 100}};
    int result;

    sl_arena_init(&project.arena, 0);
    result = read_contract(data, size, &project);
    sl_diags_clear(&project.diags);
    sl_arena_clear(&project.arena);
    return result;
}
