#include "contract/alias.h"
#include "contract/possible.h"
#include "contract/rule.h"

#include <string.h>

#define MOST_VALUES 1000

bool sl_possible_is_strict(const struct sl_rule *rule)
{
    return rule->severity != SL_RULE_WARN && !rule->where && !rule->mostly;
}

bool sl_possible_is_refusal(enum sl_code code)
{
    return code == SL_E_ENGINE || code == SL_E_SQL_SYNTAX || code == SL_E_SQL_COLUMN ||
           code == SL_E_SQL_TYPE || code == SL_E_SQL_TABLE || code == SL_E_SQL_KIND;
}

void sl_possible_excludes(const struct sl_possible *possible,
                          const struct sl_contract_column *column, const struct sl_rule *first,
                          const struct sl_rule *second)
{
    const char *text = sl_arena_printf(
        possible->arena, "column '%s': no value can keep both of its rules '%s' and '%s'",
        sl_contract_path(column), first->id, second->id);
    for (size_t i = 0; text && i < possible->diags->count; i++)
        if (sl_str_equal(possible->diags->items[i].err.message, text))
            return;
    sl_diag(possible->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, second->place, NULL, "%s",
            text ? text : "rules exclude each other");
}

int sl_possible_excludes_all(const struct sl_possible *possible,
                             const struct sl_contract_column *column,
                             const struct sl_rule *const *rules, size_t count, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    const struct sl_rule *last = rules[count - 1];
    if (count == 2)
        sl_possible_excludes(possible, column, rules[0], rules[1]);
    if (count == 2)
        return SL_OK;
    for (size_t i = 0; i < count; i++)
        sl_buf_addf(&names, "%s'%s'", i == 0 ? "" : i + 1 == count ? " and " : ", ", rules[i]->id);
    SL_TRY(sl_buf_check(&names, err));
    sl_diag(possible->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, last->place, NULL,
            count == 1 ? "column '%s': no value can keep its rule %s"
                       : "column '%s': no value can keep all of its rules %s",
            sl_contract_path(column), names.text);
    return SL_OK;
}

// The keys of other tables, of which there are none here.
static void add_parents(const struct sl_pass *pass, struct sl_buf *sql)
{
    for (size_t i = 0; i < pass->parent_count; i++) {
        const struct sl_pass_parent *parent = &pass->parents[i];
        sl_buf_addf(sql, "%s%s as (select ", i ? ", " : "with ", parent->relation);
        for (size_t k = 0; k < parent->rule->to.count; k++) {
            sl_buf_addf(sql, "%scast(null as %s) as ", k ? ", " : "", parent->types[k]);
            sl_buf_add_sql_name(sql, parent->rule->to.items[k]);
        }
        sl_buf_add(sql, " where false)");
    }
}

// Rows as raw has them, with nothing but one column's texts.
static void add_raw(const struct sl_possible *possible, const struct sl_contract_column *column,
                    const struct sl_strs *texts, struct sl_buf *sql)
{
    sl_buf_add(sql, "(select ");
    for (size_t i = 0; i < possible->raw_count; i++) {
        const struct sl_column *raw = &possible->raw[i];
        const char *from = "null";
        const struct sl_contract_column *renamed = NULL;
        (void)sl_alias_find(possible->table, raw->name, &renamed);
        if (sl_str_equal_nocase(raw->name, column->source_name) || renamed == column)
            from = "t.v";
        else if (sl_str_equal(raw->name, "_position"))
            from = "t.n";
        sl_buf_addf(sql, "%scast(%s as %s) as ", i ? ", " : "", from, raw->type);
        sl_buf_add_sql_name(sql, raw->name);
    }
    sl_buf_add(sql, " from (values ");
    for (size_t i = 0; i < texts->count; i++) {
        sl_buf_addf(sql, "%s(%zu, ", i ? ", " : "", i);
        if (texts->items[i])
            sl_buf_add_sql_string(sql, texts->items[i]);
        else
            sl_buf_add(sql, "cast(null as VARCHAR)");
        sl_buf_add(sql, ")");
    }
    sl_buf_add(sql, ") t(n, v))");
}

struct judging {
    const struct sl_possible *possible;
    const struct sl_contract_column *column;
    const struct sl_pass_rule **rules; // of the column
    size_t rule_count;
};

// A row for each text, a column for each rule: "true" where it is broken. NULL: the engine refuses.
static int judge(const struct judging *judging, const struct sl_strs *texts, struct sl_result **ret,
                 struct sl_err *err)
{
    const struct sl_possible *possible = judging->possible;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf raw = SL_BUF_INIT;
    struct sl_err refusal = {0};
    *ret = NULL;
    add_raw(possible, judging->column, texts, &raw);
    SL_TRY(sl_buf_check(&raw, err));
    add_parents(possible->pass, &sql);
    sl_buf_add(&sql, " select ");
    for (size_t i = 0; i < judging->rule_count; i++)
        sl_buf_addf(&sql, "%scoalesce((%s), false)", i ? ", " : "", judging->rules[i]->broken);
    sl_buf_add(&sql, " from ");
    sl_pass_relation(possible->pass, SL_PASS_ALL, raw.text, NULL, &sql);
    sl_buf_add(&sql, " order by _position");
    SL_TRY(sl_buf_check(&sql, err));
    int code = possible->session->kind->query(possible->session, sql.text, 0, ret, &refusal);
    if (code == SL_OK || sl_possible_is_refusal(refusal.code))
        return SL_OK;
    if (err)
        *err = refusal;
    return code;
}

static bool is_broken(const struct sl_result *result, size_t row, size_t rule)
{
    return sl_str_equal(sl_result_text(result, (int64_t)row, rule), "true");
}

// The reader of the contract compares these with a list or a default.
static bool is_compared_before(const char *kind)
{
    return sl_str_equal(kind, "enum") || sl_str_equal(kind, "not_in") ||
           sl_str_equal(kind, "range") || sl_str_equal(kind, "length");
}

static bool is_all_broken(const struct sl_result *result, size_t values, size_t rule)
{
    for (size_t i = 0; i < values; i++)
        if (!is_broken(result, i, rule))
            return false;
    return true;
}

// Each value breaks one rule or another: the first ones that do.
static int check_together(const struct judging *judging, const struct sl_rule *list,
                          const struct sl_result *result, struct sl_err *err)
{
    const struct sl_possible *possible = judging->possible;
    const struct sl_rule **rules =
        SL_NEW_ARRAY(possible->arena, const struct sl_rule *, judging->rule_count + 1);
    bool *is_needed = SL_NEW_ARRAY(possible->arena, bool, judging->rule_count + 1);
    size_t count = 0;
    SL_TRY_NEW(rules, err);
    SL_TRY_NEW(is_needed, err);
    memset(is_needed, 0, judging->rule_count + 1);
    for (size_t value = 0; value < list->values.count; value++) {
        size_t rule = 0;
        while (rule < judging->rule_count &&
               (judging->rules[rule]->rule == list || !is_broken(result, value, rule)))
            rule++;
        if (rule == judging->rule_count)
            return SL_OK;
        is_needed[rule] = true;
    }
    for (size_t i = 0; i < judging->rule_count; i++)
        if (is_needed[i] || judging->rules[i]->rule == list)
            rules[count++] = judging->rules[i]->rule;
    return count > 2 ? sl_possible_excludes_all(possible, judging->column, rules, count, err)
                     : SL_OK;
}

static int check_list(const struct judging *judging, const struct sl_rule *list, struct sl_err *err)
{
    bool is_told = false;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (!list->values.count || list->values.count > MOST_VALUES)
        return SL_OK;
    SL_TRY(judge(judging, &list->values, &result, err));
    for (size_t i = 0; result && i < judging->rule_count; i++) {
        const struct sl_rule *rule = judging->rules[i]->rule;
        bool is_excluded = rule != list && is_all_broken(result, list->values.count, i);
        is_told |= is_excluded;
        if (is_excluded && !is_compared_before(rule->kind))
            sl_possible_excludes(judging->possible, judging->column, rule < list ? rule : list,
                                 rule < list ? list : rule);
    }
    return result && !is_told ? check_together(judging, list, result, err) : SL_OK;
}

static int check_default(const struct judging *judging, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    const struct sl_contract_column *column = judging->column;
    const char *none = NULL;
    const struct sl_strs texts = {.items = &none, .count = 1};
    SL_TRY(judge(judging, &texts, &result, err));
    for (size_t i = 0; result && i < judging->rule_count; i++) {
        const struct sl_rule *rule = judging->rules[i]->rule;
        if (is_broken(result, 0, i) && (column->formats.count || !is_compared_before(rule->kind)))
            sl_diag(judging->possible->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place, NULL,
                    "column '%s': the default '%s' breaks the rule '%s'", column->name,
                    column->otherwise, rule->id);
    }
    return SL_OK;
}

// The rules over the column alone that reject for all rows, as far as they could be compiled.
static int find_rules(struct judging *judging, struct sl_err *err)
{
    const struct sl_pass *pass = judging->possible->pass;
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        const struct sl_rule_kind *kind = rule->rule ? sl_rule_kind_find(rule->rule->kind) : NULL;
        if (kind && !kind->is_for_rows && sl_str_equal(rule->column, judging->column->name) &&
            sl_possible_is_strict(rule->rule) && !sl_contract_is_own_rule(rule->rule) &&
            !SL_PUSH(judging->possible->arena, judging->rules, judging->rule_count, rule))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int check_column(const struct sl_possible *possible, const struct sl_contract_column *column,
                        struct sl_err *err)
{
    struct judging judging = {.possible = possible, .column = column};
    if (column->field_count)
        return SL_OK;
    SL_TRY(find_rules(&judging, err));
    if (!judging.rule_count)
        return SL_OK;
    for (size_t i = 0; i < judging.rule_count && judging.rule_count > 1; i++)
        if (sl_str_equal(judging.rules[i]->rule->kind, "enum") && !column->formats.count)
            SL_TRY(check_list(&judging, judging.rules[i]->rule, err));
    return column->otherwise ? check_default(&judging, err) : SL_OK;
}

int sl_possible_values(const struct sl_possible *possible, struct sl_err *err)
{
    for (size_t i = 0; i < possible->table->column_count; i++)
        SL_TRY(check_column(possible, &possible->table->columns[i], err));
    return SL_OK;
}
