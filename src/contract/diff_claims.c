// Differences of what a contract says and does not do to rows: classifications, checks of the whole
// table.
#include "base/json.h"
#include "contract/change.h"

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

static int list_checks(const struct sl_contract_table *table, json_t **ret, struct sl_err *err)
{
    *ret = NULL;
    if (table->checks)
        return sl_yaml_to_json(table->checks, ret, err);
    *ret = json_array();
    return *ret ? SL_OK : sl_fail_memory(err);
}

static bool contains(const json_t *list, const json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)list, i, item)
        if (json_equal(item, value))
            return true;
    return false;
}

static bool is_named_alike(const json_t *a, const json_t *b)
{
    const char *name = sl_json_text(a, "name", NULL);
    return name && sl_str_equal(name, sl_json_text(b, "name", NULL));
}

static const json_t *find_named(const json_t *list, const json_t *check)
{
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)list, i, item)
        if (is_named_alike(item, check))
            return item;
    return NULL;
}

static bool is_warning(const json_t *check)
{
    return sl_str_equal(sl_json_text(check, "severity", NULL), "warn");
}

// By its name, else what it looks at: "duplicateValues", "row_count".
static int tell_check(struct claims *claims, enum sl_contract_level level, const json_t *check,
                      const char *what, struct sl_err *err)
{
    json_t *item = (json_t *)(uintptr_t)check;
    const char *kind = json_object_iter_key(json_object_iter(item));
    const json_t *arguments = json_object_get(check, kind ? kind : "");
    const char *name = sl_json_text(check, "name", NULL);
    if (!name)
        name = sl_json_text(arguments, "metric", sl_json_text(arguments, "rule", NULL));
    return sl_contract_diff_add(claims->diff, level, claims->table,
                                sl_json_text(check, "column", NULL),
                                sl_arena_printf(claims->diff->arena, "check %s %s",
                                                name   ? name
                                                : kind ? kind
                                                       : "",
                                                what),
                                err);
}

static int tell_changed(struct claims *claims, const json_t *before, const json_t *now,
                        struct sl_err *err)
{
    if (is_warning(before) && is_warning(now))
        return tell_check(claims, SL_CONTRACT_SAME, now, "warns otherwise", err);
    if (is_warning(now))
        return tell_check(claims, SL_CONTRACT_WEAKER, now, "only warns now", err);
    if (is_warning(before))
        return tell_check(claims, SL_CONTRACT_ADDITIVE, now, "stops the step now", err);
    return tell_check(claims, SL_CONTRACT_WEAKER, now, "is another", err);
}

static int compare_checks(struct claims *claims, const json_t *before, const json_t *now,
                          struct sl_err *err)
{
    size_t i;
    json_t *check;
    json_array_foreach ((json_t *)(uintptr_t)before, i, check) {
        const json_t *changed = find_named(now, check);
        if (contains(now, check))
            continue;
        if (changed)
            SL_TRY(tell_changed(claims, check, changed, err));
        else
            SL_TRY(tell_check(claims, is_warning(check) ? SL_CONTRACT_SAME : SL_CONTRACT_WEAKER,
                              check, "is gone", err));
    }
    json_array_foreach ((json_t *)(uintptr_t)now, i, check)
        if (!contains(before, check) && !find_named(before, check))
            SL_TRY(tell_check(claims, is_warning(check) ? SL_CONTRACT_SAME : SL_CONTRACT_ADDITIVE,
                              check, "is new", err));
    return SL_OK;
}

int sl_contract_diff_claims(const struct sl_contract_table *before,
                            const struct sl_contract_table *now, struct sl_contract_diff *diff,
                            struct sl_err *err)
{
    struct claims claims = {now->name, diff};
    SL_AUTO(sl_json_free) json_t *old = NULL;
    SL_AUTO(sl_json_free) json_t *new = NULL;
    SL_TRY(compare_columns(&claims, before->columns, before->column_count, now->columns,
                           now->column_count, err));
    SL_TRY(list_checks(before, &old, err));
    SL_TRY(list_checks(now, &new, err));
    return compare_checks(&claims, old, new, err);
}
