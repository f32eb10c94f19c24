// Differences of what a contract says and does not do to rows: classifications, checks of the whole
// table.
#include "base/json.h"
#include "contract/change.h"

#include <math.h>
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

// The numbers that the operators of a check let pass.
struct span {
    double low, high;
    bool is_low_open, is_high_open;
};

static bool is_operator(const char *key)
{
    return sl_str_starts(key, "mustBe") || sl_str_starts(key, "mustNotBe");
}

static void raise_low(struct span *span, double value, bool is_open)
{
    if (value > span->low || (value == span->low && is_open)) {
        span->low = value;
        span->is_low_open = is_open;
    }
}

static void lower_high(struct span *span, double value, bool is_open)
{
    if (value < span->high || (value == span->high && is_open)) {
        span->high = value;
        span->is_high_open = is_open;
    }
}

// False: what it lets pass is not all numbers between two.
static bool narrow(struct span *span, const char *operator, const json_t * value)
{
    bool is_pair = strcmp(operator, "mustBeBetween") == 0;
    const json_t *low = is_pair ? json_array_get(value, 0) : value;
    const json_t *high = is_pair ? json_array_get(value, 1) : value;
    bool is_open = is_pair || sl_str_ends(operator, "Than");
    if (sl_str_starts(operator, "mustNotBe") || !json_is_number(low) || !json_is_number(high))
        return false;
    if (!strstr(operator, "Less"))
        raise_low(span, json_number_value(low), is_open);
    if (!strstr(operator, "Greater"))
        lower_high(span, json_number_value(high), is_open);
    return true;
}

static const char *kind_of(const json_t *check)
{
    const char *kind = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)check));
    return kind ? kind : "";
}

static bool span_of(const json_t *check, struct span *ret)
{
    json_t *arguments = json_object_get(check, kind_of(check));
    const char *key;
    json_t *value;
    *ret = (struct span){.low = -INFINITY, .high = INFINITY};
    json_object_foreach (arguments, key, value)
        if (is_operator(key) && !narrow(ret, key, value))
            return false;
    return json_is_object(arguments);
}

static bool is_within(const struct span *inner, const struct span *outer)
{
    bool is_low = inner->low > outer->low ||
                  (inner->low == outer->low && (inner->is_low_open || !outer->is_low_open));
    bool is_high = inner->high < outer->high ||
                   (inner->high == outer->high && (inner->is_high_open || !outer->is_high_open));
    return is_low && is_high;
}

// The same map but for its operators (`kind` NULL), or but for name, dimension, severity and the
// map of its kind.
static bool has_same(const json_t *a, const json_t *b, const char *kind)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)a, key, value) {
        bool is_free = kind ? !strcmp(key, kind) || !strcmp(key, "name") ||
                                  !strcmp(key, "dimension") || !strcmp(key, "severity")
                            : is_operator(key);
        if (!is_free && !json_equal(value, json_object_get(b, key)))
            return false;
    }
    return true;
}

// Whether they measure the same, and differ in what the result must be, if at all.
static bool measures_alike(const json_t *a, const json_t *b)
{
    const char *kind = kind_of(a);
    const json_t *here = json_object_get(a, kind), *there = json_object_get(b, kind);
    bool is_measured = strcmp(kind, "metric") == 0 || strcmp(kind, "sql") == 0;
    return is_measured && sl_str_equal(kind, kind_of(b)) && has_same(a, b, kind) &&
           has_same(b, a, kind) && has_same(here, there, NULL) && has_same(there, here, NULL);
}

// The one without a name that took the place of `check`; NULL: none, or more than one could be it.
static const json_t *find_heir(const json_t *list, const json_t *before, const json_t *check)
{
    const json_t *heir = NULL;
    size_t i, count = 0;
    json_t *item;
    if (sl_json_text(check, "name", NULL))
        return NULL;
    json_array_foreach ((json_t *)(uintptr_t)list, i, item)
        if (!sl_json_text(item, "name", NULL) && measures_alike(item, check) &&
            !contains(before, item)) {
            heir = item;
            count++;
        }
    return count == 1 ? heir : NULL;
}

static bool is_warning(const json_t *check)
{
    return sl_str_equal(sl_json_text(check, "severity", NULL), "warn");
}

// By its name, else what it looks at: "duplicateValues", "row_count".
static int tell_check(struct claims *claims, enum sl_contract_level level, const json_t *check,
                      const char *what, struct sl_err *err)
{
    const char *kind = kind_of(check);
    const json_t *arguments = json_object_get(check, kind);
    const char *name = sl_json_text(check, "name", NULL);
    if (!name)
        name = sl_json_text(arguments, "metric", sl_json_text(arguments, "rule", NULL));
    return sl_contract_diff_add(
        claims->diff, level, claims->table, sl_json_text(check, "column", NULL),
        sl_arena_printf(claims->diff->arena, "check %s %s", name ? name : kind, what), err);
}

// Both stop the step: less may pass now, or more.
static int tell_bounds(struct claims *claims, const json_t *before, const json_t *now,
                       struct sl_err *err)
{
    struct span old, new;
    if (!measures_alike(before, now) || !span_of(before, &old) || !span_of(now, &new))
        return tell_check(claims, SL_CONTRACT_WEAKER, now, "is another", err);
    bool is_stricter = is_within(&new, &old), is_weaker = is_within(&old, &new);
    if (is_stricter && is_weaker)
        return tell_check(claims, SL_CONTRACT_SAME, now, "is written otherwise", err);
    if (is_stricter)
        return tell_check(claims, SL_CONTRACT_ADDITIVE, now, "is stricter", err);
    return tell_check(claims, SL_CONTRACT_WEAKER, now, is_weaker ? "is weaker" : "is another", err);
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
    return tell_bounds(claims, before, now, err);
}

// What `check` of one list is in the other.
static const json_t *find_changed(const json_t *list, const json_t *other, const json_t *check)
{
    const json_t *named = find_named(other, check);
    if (named)
        return named;
    const json_t *heir = find_heir(other, list, check);
    return heir && find_heir(list, other, heir) == check ? heir : NULL;
}

static int compare_checks(struct claims *claims, const json_t *before, const json_t *now,
                          struct sl_err *err)
{
    size_t i;
    json_t *check;
    json_array_foreach ((json_t *)(uintptr_t)before, i, check) {
        const json_t *changed = find_changed(before, now, check);
        if (contains(now, check))
            continue;
        if (changed)
            SL_TRY(tell_changed(claims, check, changed, err));
        else
            SL_TRY(tell_check(claims, is_warning(check) ? SL_CONTRACT_SAME : SL_CONTRACT_WEAKER,
                              check, "is gone", err));
    }
    json_array_foreach ((json_t *)(uintptr_t)now, i, check)
        if (!contains(before, check) && !find_changed(now, before, check))
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
    SL_TRY(compare_classifications(&claims, before, now, err));
    SL_TRY(list_checks(before, &old, err));
    SL_TRY(list_checks(now, &new, err));
    return compare_checks(&claims, old, new, err);
}
