#include "contract/aside.h"

#include "contract/drift.h"

#include <string.h>
#include <strings.h>

static bool decides_order(const struct sl_contract_table *table, const char *name)
{
    for (size_t i = 0; i < table->order_by.count; i++) {
        const char *entry = table->order_by.items[i];
        bool is_desc;
        size_t length = sl_order_name_length(entry, &is_desc);
        if (length == strlen(name) && strncasecmp(entry, name, length) == 0)
            return true;
    }
    return false;
}

const char *sl_aside_why_not(const struct sl_contract_table *table,
                             const struct sl_contract_column *column)
{
    bool is_top = false;
    for (size_t i = 0; i < table->column_count; i++)
        is_top |= column == &table->columns[i];
    if (!is_top)
        return "it is part of an object or array";
    if (column->field_count)
        return "it is an object or array";
    if (column->key_position > 0)
        return "it is in the primary key";
    if (sl_contract_is_required(column))
        return "it is required";
    return decides_order(table, column->name) ? "sluice.orderBy names it" : NULL;
}

bool sl_aside_is_rule(const struct sl_contract_table *table,
                      const struct sl_contract_column *column, const struct sl_rule *rule)
{
    bool is_by_policy = table->drift.type_change == SL_DRIFT_TYPE_QUARANTINE_VALUE &&
                        sl_str_equal(rule->kind, "type") && rule->severity == SL_RULE_REJECT;
    return (rule->severity == SL_RULE_VALUE || is_by_policy) && !rule->mostly &&
           !sl_aside_why_not(table, column);
}

bool sl_aside_is_column(const struct sl_contract_table *table,
                        const struct sl_contract_column *column)
{
    const struct sl_rule type = {.kind = "type"};
    bool has_type = false, is_aside = false;
    for (size_t i = 0; i < column->rule_count; i++) {
        is_aside |= sl_aside_is_rule(table, column, &column->rules[i]);
        has_type |= sl_str_equal(column->rules[i].kind, "type");
    }
    return is_aside || (!has_type && column->type.kind != SL_TYPE_TEXT &&
                        sl_aside_is_rule(table, column, &type));
}

bool sl_aside_check(const struct sl_contract_table *table, const struct sl_contract_column *column,
                    const struct sl_rule *rule, struct sl_diags *diags)
{
    const char *why = NULL;
    if (rule->severity != SL_RULE_VALUE)
        return true;
    if (!column)
        why = "it is over the row";
    else if (rule->mostly)
        why = "with 'mostly' a rule only warns";
    else if (sl_str_equal(rule->kind, "unique") || sl_str_equal(rule->kind, "foreign_key"))
        why = "it needs more than one row";
    else
        why = sl_aside_why_not(table, column);
    if (why)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_RULE, rule->place,
                "let it reject, warn or fail: quarantine_value is for rules of single columns that "
                "may be null",
                "rule '%s' cannot set values aside: %s", rule->id, why);
    return !why;
}

int sl_aside_take(struct sl_pass_rule *rule, size_t index, struct sl_arena *arena,
                  struct sl_err *err)
{
    rule->test = rule->broken;
    rule->test_flagged = rule->flagged;
    rule->broken = rule->flagged = sl_arena_printf(arena, "\"~v%zu\"", index);
    SL_TRY_NEW(rule->broken, err);
    return SL_OK;
}

static bool is_of(const struct sl_pass_rule *rule, const struct sl_contract_column *column)
{
    return rule->test && sl_str_equal(rule->column, sl_contract_path(column));
}

// case when not ("~v0" or "~v1") then "~h3" end as "amount"
static void add_replaced(const struct sl_pass *pass, const struct sl_reading *reading,
                         struct sl_buf *sql)
{
    size_t count = 0;
    sl_buf_add(sql, "case when not (");
    for (size_t i = 0; i < pass->rule_count; i++)
        if (is_of(&pass->rules[i], reading->column))
            sl_buf_addf(sql, "%s%s", count++ ? " or " : "", pass->rules[i].broken);
    sl_buf_addf(sql, "%s) then \"~h%zu\" end as ", count ? "" : "false", reading->index);
    sl_buf_add_sql_name(sql, reading->column->name);
}

size_t sl_aside_add_layers(const struct sl_relation_input *input, const struct sl_pass *pass,
                           enum sl_pass_rows rows, struct sl_buf *sql)
{
    size_t count = 0;
    for (size_t i = 0; i < input->table->column_count; i++) {
        if (!input->readings[i].is_set_aside)
            continue;
        sl_buf_add(sql, count++ ? ", " : "(select * replace (");
        add_replaced(pass, &input->readings[i], sql);
    }
    if (!count)
        return 0;
    sl_buf_add(sql, ") from (select *");
    for (size_t i = 0; i < pass->rule_count; i++)
        if (pass->rules[i].test)
            sl_buf_addf(sql, ", coalesce(%s, false) as %s",
                        rows == SL_PASS_ALL ? pass->rules[i].test : pass->rules[i].test_flagged,
                        pass->rules[i].broken);
    sl_buf_add(sql, " from (select *");
    for (size_t i = 0; i < input->table->column_count; i++)
        if (input->readings[i].is_set_aside) {
            sl_buf_addf(sql, ", \"~h%zu\" as ", i);
            sl_buf_add_sql_name(sql, input->table->columns[i].name);
        }
    sl_buf_add(sql, " from ");
    return 3;
}

void sl_aside_add_flag(const struct sl_pass *pass, struct sl_buf *sql)
{
    size_t count = 0;
    for (size_t i = 0; i < pass->rule_count; i++)
        if (pass->rules[i].is_value)
            sl_buf_addf(sql, "%s(%s)", count++ ? " or " : ", coalesce(\"~corrupt\" is null and (",
                        pass->rules[i].broken);
    if (count)
        sl_buf_add(sql, "), random() < 0) as \"~aside\"");
}

static int keep(const struct sl_relation_input *input, const struct sl_buf *sql, const char **ret,
                struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    *ret = sl_arena_strndup(input->arena, sql->text, sql->length);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// The columns whose values were set aside, each once: rules of one column stand together.
static int add_columns(const struct sl_relation_input *input, struct sl_pass *pass,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *column = NULL;
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        if (!rule->is_value)
            continue;
        bool is_same = sl_str_equal(rule->column, column);
        if (!is_same && column) {
            sl_buf_add(&sql, " then ");
            sl_buf_add_sql_string(&sql, column);
            sl_buf_add(&sql, " end, ");
        }
        sl_buf_addf(&sql, "%s(%s)",
                    is_same  ? " or "
                    : column ? "case when "
                             : "list_filter([case when ",
                    rule->broken);
        column = rule->column;
    }
    sl_buf_add(&sql, " then ");
    sl_buf_add_sql_string(&sql, column);
    sl_buf_add(&sql, " end], lambda z: z is not null)");
    return keep(input, &sql, &pass->set_aside, err);
}

int sl_aside_build(const struct sl_relation_input *input, struct sl_pass *pass, struct sl_err *err)
{
    bool is_any = false;
    for (size_t i = 0; i < pass->rule_count; i++)
        is_any |= pass->rules[i].is_value;
    pass->is_aside = is_any ? "\"~aside\"" : "false";
    pass->flag = is_any ? "(\"~bad\"::INTEGER + 2 * \"~aside\"::INTEGER)" : "\"~bad\"";
    pass->set_aside = "cast(null as VARCHAR[])";
    return is_any ? add_columns(input, pass, err) : SL_OK;
}
