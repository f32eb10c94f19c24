// The fingerprint of all that decides what clean and quarantine hold. Descriptions, owners, budgets
// and places are left out: changing them must not rebuild a table.
#include "spec/contract_file.h"

#include "base/hash.h"
#include "base/json.h"

#include <stdlib.h>

// Grows whenever the same contract begins to mean something else.
#define FORMAT "sluice contract 1"

static void add_number(struct sl_hash *hash, int64_t number)
{
    sl_hash_add_bytes(hash, &number, sizeof number);
}

static void add_list(struct sl_hash *hash, const struct sl_strs *list)
{
    add_number(hash, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++)
        sl_hash_add(hash, list->items[i]);
}

// What older versions did not know is left out where it is not used: their fingerprints still hold.
static void add_scope(struct sl_hash *hash, const struct sl_rule *rule)
{
    if (rule->columns.count || rule->operation || rule->tolerance) {
        sl_hash_add(hash, "columns");
        add_list(hash, &rule->columns);
        sl_hash_add(hash, rule->operation);
        sl_hash_add(hash, rule->tolerance);
    }
    if (rule->where || rule->mostly) {
        sl_hash_add(hash, "where");
        sl_hash_add(hash, rule->where);
        sl_hash_add(hash, rule->mostly);
    }
}

static void add_rules(struct sl_hash *hash, const struct sl_rule *rules, size_t count)
{
    add_number(hash, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *rule = &rules[i];

        sl_hash_add(hash, rule->kind);
        sl_hash_add(hash, rule->id);
        sl_hash_add(hash, rule->message);
        add_number(hash, rule->severity);
        add_list(hash, &rule->values);
        sl_hash_add(hash, rule->min);
        sl_hash_add(hash, rule->max);
        add_number(hash, rule->is_min_exclusive);
        add_number(hash, rule->is_max_exclusive);
        sl_hash_add(hash, rule->text);
        add_scope(hash, rule);
        if (sl_str_equal(rule->kind, "unique"))
            sl_hash_add(hash, "over the table");
        if (!rule->parent)
            continue;
        sl_hash_add(hash, rule->parent);
        add_list(hash, &rule->columns);
        add_list(hash, &rule->to);
    }
}

static void add_personal(struct sl_hash *hash, const struct sl_personal *personal)
{
    if (personal->as == SL_PERSONAL_NONE)
        return;
    sl_hash_add(hash, "personal");
    sl_hash_add(hash, sl_personal_name(personal->as));
    add_number(hash, personal->keep_first);
    add_number(hash, personal->keep_last);
    add_number(hash, personal->keep_domain);
    sl_hash_add(hash, personal->character);
    add_number(hash, personal->length);
    sl_hash_add(hash, personal->prefix);
}

static void add_aliases(struct sl_hash *hash, const struct sl_contract_column *column)
{
    for (size_t i = 0; i < column->alias_count; i++) {
        sl_hash_add(hash, "alias");
        sl_hash_add(hash, column->aliases[i].name);
        sl_hash_add(hash, column->aliases[i].until);
    }
}

static void add_column(struct sl_hash *hash, const struct sl_contract_column *column)
{
    char name[32];

    sl_hash_add(hash, column->name);
    sl_hash_add(hash, column->source_name);
    add_number(hash, column->type.kind);
    sl_hash_add(hash, sl_type_name(column->type, name));
    add_number(hash, column->is_required);
    add_number(hash, column->key_position);
    add_list(hash, &column->formats);
    sl_hash_add(hash, column->otherwise);
    add_list(hash, &column->null_values);
    add_number(hash, column->is_trimmed);
    add_personal(hash, &column->personal);
    add_aliases(hash, column);
    add_rules(hash, column->rules, column->rule_count);
    for (size_t i = 0; i < column->field_count; i++)
        add_column(hash, &column->fields[i]);
    if (column->field_count)
        add_number(hash, (int64_t)column->field_count);
}

// A table without checks has the digest that it had before there were any.
static int add_checks(struct sl_hash *hash, const struct sl_yaml *checks, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    char *text = NULL;

    if (!checks)
        return SL_OK;
    SL_TRY(sl_yaml_to_json(checks, &json, err));
    SL_TRY(sl_json_print(json, &text, err));
    sl_hash_add(hash, text);
    free(text);
    return SL_OK;
}

int sl_odcs_digest(struct sl_contract_table *table, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];

    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, FORMAT);
    sl_hash_add(hash, table->name);
    add_number(hash, (int64_t)table->column_count);
    for (size_t i = 0; i < table->column_count; i++)
        add_column(hash, &table->columns[i]);
    add_rules(hash, table->rules, table->rule_count);
    add_list(hash, &table->order_by);
    sl_hash_add(hash, table->filter);
    SL_TRY(add_checks(hash, table->checks, err));
    SL_TRY(sl_hash_end(hash, hex, err));
    table->digest = sl_arena_strdup(arena, hex);
    SL_TRY_NEW(table->digest, err);
    return SL_OK;
}
