// Differences of what a contract says and does not do to rows: classifications, dimensions of
// rules.
#include "contract/change.h"

#include <string.h>

struct claims {
    const char *table;
    struct sl_contract_diff *diff;
};

static const char *classification_of(const struct sl_contract_column *column)
{
    return column->classification ? column->classification : "none";
}

// Whoever passes on a column that has become sensitive is refused until leave is given (SL0408).
static enum sl_contract_level level_of(const struct sl_contract_column *before,
                                       const struct sl_contract_column *now)
{
    bool was_sensitive = sl_personal_is_sensitive(before->classification);
    bool is_sensitive = sl_personal_is_sensitive(now->classification);
    if (was_sensitive == is_sensitive || now->personal.as != SL_PERSONAL_NONE)
        return SL_CONTRACT_SAME;
    return is_sensitive ? SL_CONTRACT_BREAKING : SL_CONTRACT_ADDITIVE;
}

static int compare_columns(struct claims *claims, const struct sl_contract_column *before,
                           size_t before_count, const struct sl_contract_column *now,
                           size_t now_count, struct sl_err *err)
{
    for (size_t i = 0; i < before_count; i++)
        for (size_t k = 0; k < now_count; k++) {
            const struct sl_contract_column *old = &before[i], *new = &now[k];
            if (!sl_str_equal(old->name, new->name))
                continue;
            if (!sl_str_equal_nocase(classification_of(old), classification_of(new)))
                SL_TRY(sl_contract_diff_add(
                    claims->diff, level_of(old, new), claims->table, new->path,
                    sl_arena_printf(claims->diff->arena, "classification is %s, was %s",
                                    classification_of(new), classification_of(old)),
                    err));
            SL_TRY(compare_columns(claims, old->fields, old->field_count, new->fields,
                                   new->field_count, err));
        }
    return SL_OK;
}

static bool has_breaking(const struct sl_contract_diff *diff, size_t from)
{
    for (size_t i = from; i < diff->count; i++)
        if (diff->items[i].level == SL_CONTRACT_BREAKING)
            return true;
    return false;
}

// A column is as sensitive as the members in it, so one that is new may bind whoever passes it on.
static int compare_whole(struct claims *claims, const struct sl_contract_column *before,
                         const struct sl_contract_column *now, struct sl_err *err)
{
    const char *was = sl_personal_classification(before), *is = sl_personal_classification(now);
    size_t told = claims->diff->count;
    SL_TRY(compare_columns(claims, before, 1, now, 1, err));
    if (sl_personal_is_sensitive(was) || !sl_personal_is_sensitive(is) ||
        now->personal.as != SL_PERSONAL_NONE || has_breaking(claims->diff, told))
        return SL_OK;
    return sl_contract_diff_add(
        claims->diff, SL_CONTRACT_BREAKING, claims->table, now->path,
        sl_arena_printf(claims->diff->arena, "it holds values of classification %s now", is), err);
}

static int compare_classifications(struct claims *claims, const struct sl_contract_table *before,
                                   const struct sl_contract_table *now, struct sl_err *err)
{
    for (size_t i = 0; i < before->column_count; i++)
        for (size_t k = 0; k < now->column_count; k++)
            if (sl_str_equal(before->columns[i].name, now->columns[k].name))
                SL_TRY(compare_whole(claims, &before->columns[i], &now->columns[k], err));
    return SL_OK;
}

static const struct sl_rule *find_rule(const struct sl_rule *rules, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(rules[i].id, id))
            return &rules[i];
    return NULL;
}

static int compare_dimensions(struct claims *claims, const struct sl_rule *before,
                              size_t before_count, const struct sl_rule *now, size_t now_count,
                              struct sl_err *err)
{
    for (size_t i = 0; i < before_count; i++) {
        const struct sl_rule *rule = find_rule(now, now_count, before[i].id);
        if (!rule || rule->dimension == before[i].dimension)
            continue;
        SL_TRY(sl_contract_diff_add(claims->diff, SL_CONTRACT_SAME, claims->table, rule->column,
                                    sl_arena_printf(claims->diff->arena,
                                                    "rule %s counts for %s, was %s", rule->id,
                                                    sl_rule_dimension_name(rule->dimension),
                                                    sl_rule_dimension_name(before[i].dimension)),
                                    err));
    }
    return SL_OK;
}

static int compare_dimensions_in(struct claims *claims, const struct sl_contract_column *before,
                                 size_t before_count, const struct sl_contract_column *now,
                                 size_t now_count, struct sl_err *err)
{
    for (size_t i = 0; i < before_count; i++)
        for (size_t k = 0; k < now_count; k++) {
            if (!sl_str_equal(before[i].name, now[k].name))
                continue;
            SL_TRY(compare_dimensions(claims, before[i].rules, before[i].rule_count, now[k].rules,
                                      now[k].rule_count, err));
            SL_TRY(compare_dimensions_in(claims, before[i].fields, before[i].field_count,
                                         now[k].fields, now[k].field_count, err));
        }
    return SL_OK;
}

int sl_contract_diff_claims(const struct sl_contract_table *before,
                            const struct sl_contract_table *now, struct sl_contract_diff *diff,
                            struct sl_err *err)
{
    struct claims claims = {now->name, diff};
    SL_TRY(compare_classifications(&claims, before, now, err));
    SL_TRY(compare_dimensions(&claims, before->rules, before->rule_count, now->rules,
                              now->rule_count, err));
    SL_TRY(compare_dimensions_in(&claims, before->columns, before->column_count, now->columns,
                                 now->column_count, err));
    return sl_contract_diff_checks(before, now, diff, err);
}
