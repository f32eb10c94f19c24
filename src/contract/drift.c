#include "contract/drift.h"

#include "contract/alias.h"
#include "contract/personal.h"

#include <stdio.h>

static bool is_bookkeeping(const char *name)
{
    static const char *const names[] = {"_source", "_position", "_ingested_at", "_corrupt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_equal_nocase(name, names[i]))
            return true;
    return false;
}

bool sl_drift_may_be_unknown(const struct sl_contract_table *table, const struct sl_column *raw)
{
    const struct sl_contract_alias *alias = sl_alias_find(table, raw->name, NULL);
    if (alias && !alias->until)
        return false;
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].source_name, raw->name))
            return false;
    return !is_bookkeeping(raw->name);
}

bool sl_drift_is_unknown(const struct sl_contract_table *table, const struct sl_column *raw)
{
    const struct sl_contract_alias *alias = sl_alias_find(table, raw->name, NULL);
    return sl_drift_may_be_unknown(table, raw) && !(alias && !alias->is_over);
}

static struct sl_type type_of(const char *raw)
{
    static const struct {
        const char *name;
        struct sl_type type;
    } types[] = {
        {"TINYINT", {.kind = SL_TYPE_INTEGER, .bits = 8}},
        {"SMALLINT", {.kind = SL_TYPE_INTEGER, .bits = 16}},
        {"INTEGER", {.kind = SL_TYPE_INTEGER, .bits = 32}},
        {"BIGINT", {.kind = SL_TYPE_INTEGER, .bits = 64}},
        {"FLOAT", {.kind = SL_TYPE_DOUBLE}},
        {"DOUBLE", {.kind = SL_TYPE_DOUBLE}},
        {"BOOLEAN", {.kind = SL_TYPE_BOOLEAN}},
        {"DATE", {.kind = SL_TYPE_DATE}},
        {"TIMESTAMP", {.kind = SL_TYPE_TIMESTAMP_NTZ}},
        {"TIMESTAMP WITH TIME ZONE", {.kind = SL_TYPE_TIMESTAMP}},
    };
    struct sl_type decimal = {.kind = SL_TYPE_DECIMAL};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (sl_str_equal(types[i].name, raw))
            return types[i].type;
    if (sscanf(raw, "DECIMAL(%d,%d)", &decimal.precision, &decimal.scale) == 2 &&
        sl_str_ends(raw, ")"))
        return decimal;
    return (struct sl_type){.kind = SL_TYPE_TEXT};
}

// A name that a column of the contract has already, fed by another one of raw.
static bool is_taken(const struct sl_contract_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return true;
    return name[0] == '~';
}

static int add_column(struct sl_contract_table *table, const struct sl_column *raw,
                      struct sl_arena *arena, struct sl_err *err)
{
    struct sl_contract_column *column = &table->columns[table->column_count];
    struct sl_rule *rule = SL_NEW(arena, struct sl_rule);
    const struct sl_contract_column *renamed = NULL;
    SL_TRY_NEW(rule, err);
    (void)sl_alias_find(table, raw->name, &renamed);
    *column = (struct sl_contract_column){.name = raw->name,
                                          .path = raw->name,
                                          .source_name = raw->name,
                                          .type = type_of(raw->type),
                                          .place = table->place};
    *rule = (struct sl_rule){
        .kind = "type", .column = raw->name, .severity = SL_RULE_WARN, .place = table->place};
    // Under the old name come the same values, which are as personal as under the new one.
    if (renamed) {
        column->classification = sl_personal_classification(renamed);
        column->personal = renamed->personal;
    }
    column->rules = rule;
    column->rule_count = column->type.kind != SL_TYPE_TEXT;
    table->column_count++;
    return SL_OK;
}

int sl_drift_extend(const struct sl_contract_table *table, const struct sl_column *raw,
                    size_t raw_count, struct sl_arena *arena, const struct sl_contract_table **ret,
                    struct sl_err *err)
{
    struct sl_contract_table *extended;
    *ret = table;
    if (table->drift.new_columns != SL_DRIFT_EVOLVE)
        return SL_OK;
    extended = SL_NEW(arena, struct sl_contract_table);
    SL_TRY_NEW(extended, err);
    *extended = *table;
    extended->columns =
        SL_NEW_ARRAY(arena, struct sl_contract_column, table->column_count + raw_count);
    SL_TRY_NEW(extended->columns, err);
    for (size_t i = 0; i < table->column_count; i++)
        extended->columns[i] = table->columns[i];
    for (size_t i = 0; i < raw_count; i++)
        if (sl_drift_is_unknown(table, &raw[i]) && !is_taken(extended, raw[i].name))
            SL_TRY(add_column(extended, &raw[i], arena, err));
    *ret = extended;
    return SL_OK;
}

int sl_drift_rule(const struct sl_contract_table *table, const struct sl_column *raw, size_t index,
                  struct sl_arena *arena, struct sl_pass_rule *ret, struct sl_err *err)
{
    struct sl_pass_rule rule = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf late = SL_BUF_INIT;
    rule.name = sl_arena_printf(arena, "%s" SL_DRIFT_RULE_SUFFIX, raw->name);
    SL_TRY_NEW(rule.name, err);
    rule.column = sl_arena_strdup(arena, raw->name);
    SL_TRY_NEW(rule.column, err);
    sl_alias_late(table, raw->name, &late);
    SL_TRY(sl_buf_check(&late, err));
    rule.broken = rule.flagged = rule.flag =
        sl_arena_printf(arena, "\"~e%zu\" is not null%s", index, late.length ? late.text : "");
    SL_TRY_NEW(rule.broken, err);
    if (sl_personal_of_raw(table, raw->name))
        rule.message = "'unexpected column, with a personal value that is not shown'";
    else
        rule.message = sl_arena_printf(arena,
                                       "'unexpected column, with the value ''' || "
                                       "left(cast(\"~e%zu\" as VARCHAR), 100) || ''''",
                                       index);
    SL_TRY_NEW(rule.message, err);
    *ret = rule;
    return SL_OK;
}
