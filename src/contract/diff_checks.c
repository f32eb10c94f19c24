// Differences of the checks of a whole table. What makes one stricter say the kinds (api/check.h).
#include "api/check.h"
#include "base/json.h"
#include "contract/change.h"
#include "contract/compile.h"

#include <string.h>

// The checks of one contract, and which of the other's each has become.
struct side {
    const struct sl_contract_table *table;
    const struct sl_yaml *list; // NULL: there are none
    const struct sl_yaml **partner;
    size_t count;
};
struct checks {
    struct side before, now;
    struct sl_contract_diff *diff;
};

static const char *text_of(const struct sl_yaml *check, const char *key)
{
    const struct sl_yaml *node = sl_yaml_get(check, key);
    return node && node->kind == SL_YAML_SCALAR ? node->text : NULL;
}

static bool is_warning(const struct sl_yaml *check)
{
    return sl_str_equal(text_of(check, "severity"), "warn");
}

static int side_init(struct side *side, const struct sl_contract_table *table,
                     struct sl_arena *arena, struct sl_err *err)
{
    *side = (struct side){.table = table, .list = table->checks};
    side->count = table->checks ? table->checks->count : 0;
    side->partner = SL_NEW_ARRAY(arena, const struct sl_yaml *, side->count + 1);
    SL_TRY_NEW(side->partner, err);
    for (size_t i = 0; i < side->count; i++)
        side->partner[i] = NULL;
    return SL_OK;
}

// --- Which is which

typedef bool (*is_pair)(const struct sl_yaml *before, const struct sl_yaml *now);

static bool has_same_text(const struct sl_yaml *a, const struct sl_yaml *b, const char *key)
{
    return sl_str_equal(text_of(a, key), text_of(b, key));
}

// To the letter but for what is about no row.
static bool are_alike(const struct sl_yaml *a, const struct sl_yaml *b)
{
    return has_same_text(a, b, "name") && is_warning(a) == is_warning(b) &&
           sl_check_compare(a, b) == SL_CHECK_AS_BEFORE;
}

static bool are_named_alike(const struct sl_yaml *a, const struct sl_yaml *b)
{
    return text_of(a, "name") && has_same_text(a, b, "name");
}

static bool claim_the_same(const struct sl_yaml *a, const struct sl_yaml *b)
{
    return sl_check_compare(a, b) == SL_CHECK_AS_BEFORE;
}

static bool are_comparable(const struct sl_yaml *a, const struct sl_yaml *b)
{
    return sl_check_compare(a, b) != SL_CHECK_ANOTHER;
}

// The only one of the list without a partner that makes a pair with `check` (of those that are
// alike, the first); -1: there is none, or more than one.
static int only_one(const struct side *side, const struct sl_yaml *check, is_pair is_it,
                    bool is_now)
{
    int found = -1;
    for (size_t i = 0; i < side->count; i++) {
        const struct sl_yaml *other = side->list->items[i];
        if (side->partner[i] || !(is_now ? is_it(check, other) : is_it(other, check)))
            continue;
        if (found >= 0 && is_it != are_alike)
            return -1;
        if (found >= 0)
            continue;
        found = (int)i;
    }
    return found;
}

static void make_pairs(struct checks *checks, is_pair is_it)
{
    for (size_t i = 0; i < checks->before.count; i++) {
        const struct sl_yaml *old = checks->before.list->items[i];
        if (checks->before.partner[i])
            continue;
        int k = only_one(&checks->now, old, is_it, true);
        if (k < 0)
            continue;
        if (only_one(&checks->before, checks->now.list->items[k], is_it, false) != (int)i)
            continue;
        checks->before.partner[i] = checks->now.list->items[k];
        checks->now.partner[k] = old;
    }
}

// --- What it means

// By its name, else what it looks at: "duplicateValues", "row_count".
static int tell(struct checks *checks, enum sl_contract_level level, const struct sl_yaml *check,
                const char *what, struct sl_err *err)
{
    const struct sl_yaml *arguments = check->items[0];
    const char *name = text_of(check, "name");
    if (!name)
        name = text_of(arguments, "metric");
    if (!name)
        name = text_of(arguments, "rule");
    if (!name)
        name = check->keys[0]->text;
    return sl_contract_diff_add(
        checks->diff, level, checks->now.table->name, text_of(check, "column"),
        sl_arena_printf(checks->diff->arena, "check %s %s", name, what), err);
}

// What lets pass what it did before: what else is different.
static int tell_writing(struct checks *checks, const struct sl_yaml *before,
                        const struct sl_yaml *now, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *old = NULL;
    SL_AUTO(sl_json_free) json_t *new = NULL;
    const char *dimension = text_of(now, "dimension"), *name = text_of(before, "name");
    SL_TRY(sl_yaml_to_json(before, &old, err));
    SL_TRY(sl_yaml_to_json(now, &new, err));
    if (json_equal(old, new))
        return SL_OK;
    const char *what = "is written otherwise";
    if (!has_same_text(before, now, "name"))
        what = name ? sl_arena_printf(checks->diff->arena, "was named %s", name) : "has a name now";
    else if (!has_same_text(before, now, "dimension"))
        what = dimension ? sl_arena_printf(checks->diff->arena, "counts for %s now", dimension)
                         : "counts for the dimension of its kind now";
    return tell(checks, SL_CONTRACT_SAME, now, what, err);
}

static int tell_change(struct checks *checks, const struct sl_yaml *before,
                       const struct sl_yaml *now, struct sl_err *err)
{
    enum sl_check_order order = sl_check_compare(before, now);
    if (is_warning(before) && !is_warning(now))
        return tell(checks, SL_CONTRACT_ADDITIVE, now, "stops the step now", err);
    if (is_warning(now) && !is_warning(before))
        return tell(checks, SL_CONTRACT_WEAKER, now, "only warns now", err);
    if (order != SL_CHECK_AS_BEFORE && is_warning(now))
        return tell(checks, SL_CONTRACT_SAME, now, "warns otherwise", err);
    switch (order) {
    case SL_CHECK_AS_BEFORE:
        return tell_writing(checks, before, now, err);
    case SL_CHECK_STRICTER:
        return tell(checks, SL_CONTRACT_ADDITIVE, now, "is stricter", err);
    case SL_CHECK_WEAKER:
        return tell(checks, SL_CONTRACT_WEAKER, now, "is weaker", err);
    case SL_CHECK_ANOTHER:
        break;
    }
    return tell(checks, SL_CONTRACT_WEAKER, now, "is another", err);
}

// Whether a check of the list says as much as `check`, or more.
static bool is_covered(const struct side *side, const struct sl_yaml *check)
{
    for (size_t i = 0; i < side->count; i++) {
        const struct sl_yaml *other = side->list->items[i];
        enum sl_check_order order = sl_check_compare(check, other);
        if ((order == SL_CHECK_AS_BEFORE || order == SL_CHECK_STRICTER) &&
            (is_warning(check) || !is_warning(other)))
            return true;
    }
    return false;
}

// A check that has no partner.
static int tell_alone(struct checks *checks, const struct side *others, const struct sl_yaml *check,
                      bool is_new, struct sl_err *err)
{
    enum sl_contract_level level = is_new ? SL_CONTRACT_ADDITIVE : SL_CONTRACT_WEAKER;
    const char *what = is_new ? "is new" : "is gone";
    bool is_one_covered = is_covered(others, check);
    if (is_one_covered)
        what = is_new ? "is new, and another said as much" : "is gone, and another says as much";
    if (is_one_covered || is_warning(check))
        level = SL_CONTRACT_SAME;
    return tell(checks, level, check, what, err);
}

// --- Values that may be missing now

static int list_not_null(const struct side *side, struct sl_arena *arena, struct sl_strs *ret,
                         struct sl_err *err)
{
    for (size_t i = 0; i < side->count; i++)
        if (!is_warning(side->list->items[i]))
            SL_TRY(sl_check_not_null_columns(side->list->items[i], arena, ret, err));
    for (size_t i = 0; i < side->table->column_count; i++)
        if (sl_contract_is_required(&side->table->columns[i]))
            SL_TRY(sl_strs_add(ret, arena, side->table->columns[i].name, err));
    return SL_OK;
}

static const struct sl_contract_column *find_column(const struct sl_contract_table *table,
                                                    const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

// Of a column that was required the rule tells.
static int compare_nulls(struct checks *checks, struct sl_err *err)
{
    struct sl_arena *arena = checks->diff->arena;
    struct sl_strs old = {0}, new = {0}, told = {0};
    SL_TRY(list_not_null(&checks->before, arena, &old, err));
    SL_TRY(list_not_null(&checks->now, arena, &new, err));
    for (size_t i = 0; i < old.count; i++) {
        const struct sl_contract_column *was = find_column(checks->before.table, old.items[i]);
        if (!was || sl_contract_is_required(was) || sl_strs_has(&new, old.items[i]) ||
            !find_column(checks->now.table, old.items[i]) || sl_strs_has(&told, old.items[i]))
            continue;
        SL_TRY(sl_strs_add(&told, arena, old.items[i], err));
        SL_TRY(sl_contract_diff_add(checks->diff, SL_CONTRACT_BREAKING, checks->now.table->name,
                                    old.items[i], "no check says any more that it is never null",
                                    err));
    }
    return SL_OK;
}

int sl_contract_diff_checks(const struct sl_contract_table *before,
                            const struct sl_contract_table *now, struct sl_contract_diff *diff,
                            struct sl_err *err)
{
    static const is_pair ways[] = {are_alike, are_named_alike, claim_the_same, are_comparable,
                                   sl_check_is_about_the_same};
    struct checks checks = {.diff = diff};
    SL_TRY(side_init(&checks.before, before, diff->arena, err));
    SL_TRY(side_init(&checks.now, now, diff->arena, err));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        make_pairs(&checks, ways[i]);
    for (size_t i = 0; i < checks.before.count; i++) {
        const struct sl_yaml *check = checks.before.list->items[i];
        const struct sl_yaml *partner = checks.before.partner[i];
        SL_TRY(partner ? tell_change(&checks, check, partner, err)
                       : tell_alone(&checks, &checks.now, check, false, err));
    }
    for (size_t i = 0; i < checks.now.count; i++)
        if (!checks.now.partner[i])
            SL_TRY(tell_alone(&checks, &checks.before, checks.now.list->items[i], true, err));
    return compare_nulls(&checks, err);
}
