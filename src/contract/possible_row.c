#include "contract/certain.h"
#include "contract/possible.h"
#include "sql/columns.h"

#include <string.h>

#define NO_ROWS "EMPTY_RESULT" // the engine's word for a plan that gives none

// A condition over the clean columns that every row must keep.
struct condition {
    const struct sl_rule *rule;
    const char *sql;
};
struct conditions {
    const struct sl_possible *possible;
    struct condition *items;
    size_t count;
};

#define MOST_ABSENT 4 // columns of which each may have no value: 16 questions

// Columns that may have no value and stand in conditions, and which of them have none now.
struct absent {
    const char *names[MOST_ABSENT];
    size_t count;
    size_t mask;
};

static const char *unknown(const struct absent *absent, const char *column)
{
    for (size_t i = 0; absent && i < absent->count; i++)
        if (absent->mask >> i & 1 && sl_str_equal_nocase(absent->names[i], column))
            return "null";
    return "cast(random() as VARCHAR)";
}

// A row of which the engine knows nothing but the types: no statistics, no constants but nulls.
static void add_unknown_row(const struct sl_possible *possible, const struct absent *absent,
                            struct sl_buf *sql)
{
    const struct sl_pass *pass = possible->pass;
    sl_buf_add(sql, " from (select 1 as \"~one\"");
    for (size_t i = 0; i < pass->column_count; i++)
        sl_buf_addf(sql, ", cast(%s as %s) as %s", unknown(absent, pass->columns[i].name),
                    pass->columns[i].type, pass->typed[i]);
    for (size_t i = 0; i < pass->judged_count; i++) {
        sl_buf_addf(sql, ", cast(%s as %s) as ", unknown(absent, pass->judged[i].name),
                    pass->judged[i].type);
        sl_buf_add_sql_name(sql, pass->judged[i].name);
    }
    sl_buf_add(sql, ")");
}

// Whether the engine's plan has nothing left to do: it is asked for the plan, and runs nothing.
static int is_never(const struct sl_possible *possible, const char *condition,
                    const struct absent *absent, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err refusal = {0};
    *ret = false;
    sl_buf_add(&sql, "explain select 1");
    add_unknown_row(possible, absent, &sql);
    sl_buf_addf(&sql, " where %s", condition);
    SL_TRY(sl_buf_check(&sql, err));
    int code = possible->session->kind->query(possible->session, sql.text, 0, &result, &refusal);
    if (code != SL_OK && !sl_possible_is_refusal(refusal.code)) {
        if (err)
            *err = refusal;
        return code;
    }
    if (strstr(sql.text, NO_ROWS)) // a name or a constant of the contract would be taken for it
        return SL_OK;
    for (int64_t i = 0; result && i < sl_result_rows(result); i++) {
        const char *plan = sl_result_text(result, i, sl_result_columns(result) - 1);
        *ret = *ret || (plan && strstr(plan, NO_ROWS));
    }
    return SL_OK;
}

static int add_condition(struct conditions *conditions, const struct sl_rule *rule,
                         const struct sl_buf *sql, struct sl_err *err)
{
    struct sl_arena *arena = conditions->possible->arena;
    SL_TRY(sl_buf_check(sql, err));
    struct condition condition = {rule, sl_arena_strndup(arena, sql->text, sql->length)};
    SL_TRY_NEW(condition.sql, err);
    return SL_PUSH(arena, conditions->items, conditions->count, condition) ? SL_OK
                                                                           : sl_fail_memory(err);
}

static int add_expression(struct conditions *conditions, const struct sl_rule *rule,
                          struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "cast((\n%s\n) as BOOLEAN)", rule->text);
    return add_condition(conditions, rule, &sql, err);
}

static void add_bound(const struct sl_contract_column *column, const char *compare,
                      const char *bound, struct sl_buf *sql)
{
    char type[32];
    sl_buf_add(sql, sql->length ? " and " : "");
    sl_buf_add_sql_name(sql, column->name);
    sl_buf_addf(sql, " %s cast(", compare);
    sl_buf_add_sql_string(sql, bound);
    sl_buf_addf(sql, " as %s)", sl_type_name(column->type, type));
}

static int add_range(struct conditions *conditions, const struct sl_contract_column *column,
                     const struct sl_rule *rule, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (rule->min)
        add_bound(column, rule->is_min_exclusive ? ">" : ">=", rule->min, &sql);
    if (rule->max)
        add_bound(column, rule->is_max_exclusive ? "<" : "<=", rule->max, &sql);
    return sql.length ? add_condition(conditions, rule, &sql, err) : SL_OK;
}

static int add_rules(struct conditions *conditions, const struct sl_contract_column *column,
                     const struct sl_rule *rules, size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *rule = &rules[i];
        if (!sl_possible_is_strict(rule))
            continue;
        if (sl_str_equal(rule->kind, "expression") && rule->text)
            SL_TRY(add_expression(conditions, rule, err));
        else if (column && sl_str_equal(rule->kind, "range"))
            SL_TRY(add_range(conditions, column, rule, err));
    }
    return SL_OK;
}

static void tell_alone(const struct sl_possible *possible, const struct sl_rule *rule)
{
    for (size_t i = 0; i < possible->diags->count; i++) {
        const struct sl_err *known = &possible->diags->items[i].err;
        if (known->line == rule->place.line && known->column == rule->place.column &&
            sl_str_equal(known->file, rule->place.file))
            return; // something else is told of it
    }
    sl_diag(possible->diags, SL_SEVERITY_ERROR, SL_E_RULE, rule->place,
            "write a condition that rows can keep", "rule '%s': '%s' can be true for no row",
            rule->id, rule->text);
}

// A rule is kept where it is null, too.
static int print_all(const struct conditions *conditions, const bool *is_left_out,
                     const char *truth, struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add(sql, "true");
    for (size_t i = 0; i < conditions->count; i++)
        if (!is_left_out[i])
            sl_buf_addf(sql, " and (%s)%s", conditions->items[i].sql, truth);
    return sl_buf_check(sql, err);
}

// False if there are too many of them, or parts of a value may be absent.
static bool find_absent(const struct sl_contract_table *table, const struct sl_ast *condition,
                        struct absent *absent)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sl_contract_column *column = &table->columns[i];
        if (!sl_sql_reads_column(condition, column->name))
            continue;
        bool is_present = sl_possible_is_present(column);
        if (column->type.kind >= SL_TYPE_JSON || (!is_present && absent->count == MOST_ABSENT))
            return false;
        if (!is_present)
            absent->names[absent->count++] = column->name;
    }
    return true;
}

static int is_certain(const struct sl_possible *possible, const struct sl_rule *rule, bool *ret,
                      struct sl_err *err)
{
    const struct sl_ast *condition;
    *ret = true;
    if (!rule->text) // bounds of its column
        return SL_OK;
    SL_TRY(sl_possible_parse(possible, rule->text, &condition, err));
    *ret = sl_condition_is_certain(possible->table, condition);
    return SL_OK;
}

// Whether rows may keep them for want of values, where no row with all values does.
static int may_pass(const struct conditions *conditions, const bool *is_left_out, bool *ret,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_ast *condition;
    struct absent absent = {0};
    bool is_none = true;
    SL_TRY(print_all(conditions, is_left_out, " is not false", &sql, err));
    SL_TRY(sl_possible_parse(conditions->possible, sql.text, &condition, err));
    bool is_asked = condition && find_absent(conditions->possible->table, condition, &absent);
    for (size_t i = 0; is_asked && i < conditions->count; i++)
        if (!is_left_out[i])
            SL_TRY(is_certain(conditions->possible, conditions->items[i].rule, &is_asked, err));
    for (absent.mask = 1; is_asked && is_none && absent.mask < (size_t)1 << absent.count;
         absent.mask++)
        SL_TRY(is_never(conditions->possible, sql.text, &absent, &is_none, err));
    *ret = !is_asked || !is_none;
    return SL_OK;
}

static int tell_all(const struct conditions *conditions, const bool *is_left_out, const char *which,
                    struct sl_err *err)
{
    const struct sl_rule *last = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    size_t left = 0, told = 0;
    bool is_for_some;
    SL_TRY(may_pass(conditions, is_left_out, &is_for_some, err));
    for (size_t i = 0; i < conditions->count; i++)
        left += !is_left_out[i];
    for (size_t i = 0; i < conditions->count; i++) {
        if (is_left_out[i])
            continue;
        last = conditions->items[i].rule;
        told++;
        sl_buf_addf(&names, "%s'%s'", told == 1 ? "" : told == left ? " and " : ", ", last->id);
    }
    SL_TRY(sl_buf_check(&names, err));
    if (last)
        sl_diag(conditions->possible->diags, is_for_some ? SL_SEVERITY_WARNING : SL_SEVERITY_ERROR,
                SL_E_CONTRACT, last->place, NULL, "no row %scan keep %s of the rules %s",
                is_for_some ? "with a value in all they look at " : "", which, names.text);
    return SL_OK;
}

static int are_never(const struct conditions *conditions, const bool *is_left_out, bool *ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf all = SL_BUF_INIT;
    SL_TRY(print_all(conditions, is_left_out, "", &all, err));
    return is_never(conditions->possible, all.text, NULL, ret, err);
}

static int check_pair(const struct sl_possible *possible, const struct condition *first,
                      const struct condition *second, struct sl_err *err)
{
    struct condition items[] = {*first, *second};
    struct conditions pair = {.possible = possible, .items = items, .count = 2};
    const bool none_left_out[] = {false, false};
    bool never;
    if (!sl_str_equal(first->rule->kind, "expression") &&
        !sl_str_equal(second->rule->kind, "expression"))
        return SL_OK; // two ranges: the reader of the contract compares them
    SL_TRY(are_never(&pair, none_left_out, &never, err));
    return never ? tell_all(&pair, none_left_out, "both", err) : SL_OK;
}

// More than two that no row can keep: those without which there could be one.
static int check_together(const struct conditions *conditions, bool *is_left_out,
                          struct sl_err *err)
{
    size_t left = 0;
    for (size_t i = 0; i < conditions->count; i++) {
        bool is_still;
        is_left_out[i] = true;
        SL_TRY(are_never(conditions, is_left_out, &is_still, err));
        is_left_out[i] = is_still;
        left += !is_still;
    }
    return left > 2 ? tell_all(conditions, is_left_out, "all", err) : SL_OK;
}

static int check_pairs(const struct conditions *conditions, struct sl_err *err)
{
    struct sl_diags *diags = conditions->possible->diags;
    bool *is_left_out = SL_NEW_ARRAY(conditions->possible->arena, bool, conditions->count);
    size_t before = diags->count;
    bool never;
    SL_TRY_NEW(is_left_out, err);
    memset(is_left_out, 0, conditions->count);
    SL_TRY(are_never(conditions, is_left_out, &never, err));
    for (size_t i = 0; never && i < conditions->count; i++)
        for (size_t k = 0; k < i; k++)
            SL_TRY(check_pair(conditions->possible, &conditions->items[k], &conditions->items[i],
                              err));
    return never && diags->count == before ? check_together(conditions, is_left_out, err) : SL_OK;
}

int sl_possible_rows(const struct sl_possible *possible, struct sl_err *err)
{
    const struct sl_contract_table *table = possible->table;
    struct conditions conditions = {.possible = possible};
    size_t kept = 0;
    for (size_t i = 0; i < table->column_count; i++)
        SL_TRY(add_rules(&conditions, &table->columns[i], table->columns[i].rules,
                         table->columns[i].rule_count, err));
    SL_TRY(add_rules(&conditions, NULL, table->rules, table->rule_count, err));
    for (size_t i = 0; i < conditions.count; i++) {
        bool never = false;
        if (sl_str_equal(conditions.items[i].rule->kind, "expression"))
            SL_TRY(is_never(possible, conditions.items[i].sql, NULL, &never, err));
        if (never)
            tell_alone(possible, conditions.items[i].rule);
        else
            conditions.items[kept++] = conditions.items[i];
    }
    conditions.count = kept;
    return kept > 1 ? check_pairs(&conditions, err) : SL_OK;
}
