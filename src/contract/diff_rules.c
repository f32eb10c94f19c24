// Differences of rules over rows. What makes one stricter says weaker.c.
#include "contract/change.h"

#include <string.h>

struct differ {
    const json_t *before, *now;
    const char *table;
    struct sl_contract_diff *diff;
};

static const json_t *find(const json_t *contract, const char *list, const char *key,
                          const char *value)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(contract, list), i, item)
        if (sl_str_equal(sl_json_text(item, key, NULL), value))
            return item;
    return NULL;
}

// What this path leads to: "note", "address.zip", "items[].qty". NULL: nothing.
static const json_t *find_path(const json_t *columns, const char *path)
{
    size_t i;
    json_t *column;
    json_array_foreach ((json_t *)(uintptr_t)columns, i, column) {
        const char *name = sl_json_text(column, "name", "");
        if (!sl_str_starts(path, name))
            continue;
        const char *rest = path + strlen(name);
        const json_t *found = column;
        for (; sl_str_starts(rest, "[]") && json_object_get(found, "fields"); rest += 2)
            found = json_array_get(json_object_get(found, "fields"), 0);
        if (*rest == '.')
            found = find_path(json_object_get(found, "fields"), rest + 1);
        if (found && (!*rest || *rest == '.'))
            return found;
    }
    return NULL;
}

static bool has_column(const json_t *contract, const char *path)
{
    return !path || find_path(json_object_get(contract, "columns"), path);
}

// The share of the rows that keep the rule for sure; 0: it only warns.
static double share_of(const json_t *rule)
{
    const char *mostly = sl_json_text(rule, "mostly", NULL);
    double share;
    if (sl_str_equal(sl_json_text(rule, "severity", NULL), "warn"))
        return 0;
    return mostly && sl_str_to_double(mostly, &share) ? share : 1;
}

// What a broken rule does.
static const char *deed(const json_t *rule)
{
    const char *severity = sl_json_text(rule, "severity", NULL);
    if (sl_str_equal(severity, "warn"))
        return "only warns";
    if (sl_json_text(rule, "mostly", NULL))
        return "lets a share of rows break it";
    if (sl_str_equal(severity, "hold"))
        return "holds rows";
    if (sl_str_equal(severity, "quarantine_value"))
        return "sets values aside";
    return sl_str_equal(severity, "fail") ? "stops the step" : "rejects rows";
}

static bool has_default(const json_t *contract, const json_t *rule)
{
    const char *path = sl_json_text(rule, "column", NULL);
    const json_t *column = path ? find_path(json_object_get(contract, "columns"), path) : NULL;
    return sl_json_text(column, "default", NULL) != NULL;
}

// Nulls in a column that had none break what is built on it. Where a default stands in for what is
// missing there are none; where it did before, too, the rule rejected nothing.
static enum sl_contract_level level_without(const struct differ *differ, const json_t *rule)
{
    const char *kind = sl_json_text(rule, "kind", NULL);
    bool is_required = sl_str_equal(kind, "required");
    bool holds_values = is_required || sl_str_equal(kind, "required_members");
    if (share_of(rule) <= 0)
        return SL_CONTRACT_SAME;
    if (is_required && has_default(differ->now, rule))
        return has_default(differ->before, rule) ? SL_CONTRACT_SAME : SL_CONTRACT_WEAKER;
    return holds_values && share_of(rule) >= 1 && !sl_json_text(rule, "where", NULL)
               ? SL_CONTRACT_BREAKING
               : SL_CONTRACT_WEAKER;
}

static int tell(struct differ *differ, enum sl_contract_level level, const json_t *rule,
                const char *what, struct sl_err *err)
{
    return sl_contract_diff_add(
        differ->diff, level, differ->table, sl_json_text(rule, "column", NULL),
        sl_arena_printf(differ->diff->arena, "rule %s %s", sl_json_text(rule, "id", ""), what),
        err);
}

static bool sets_aside(const json_t *rule)
{
    return sl_str_equal(sl_json_text(rule, "severity", NULL), "quarantine_value");
}

// What becomes of rows that break it, or of how many may.
static int compare_deeds(struct differ *differ, const json_t *before, const json_t *now,
                         struct sl_err *err)
{
    double was = share_of(before), is = share_of(now);
    enum sl_contract_level level = is > was   ? SL_CONTRACT_ADDITIVE
                                   : is < was ? level_without(differ, before)
                                              : SL_CONTRACT_SAME;
    // Such a row comes in, with a null.
    if (was >= is && was <= is && sets_aside(before) != sets_aside(now))
        level = sets_aside(now) ? SL_CONTRACT_WEAKER : SL_CONTRACT_ADDITIVE;
    if (!sl_str_equal(deed(before), deed(now)))
        return tell(
            differ, level, now,
            sl_arena_printf(differ->diff->arena, "%s now, before it %s", deed(now), deed(before)),
            err);
    if (was < is || was > is)
        return tell(
            differ, level, now,
            sl_arena_printf(differ->diff->arena, "is kept by a share of %s of the rows, was %s",
                            sl_json_text(now, "mostly", "1"), sl_json_text(before, "mostly", "1")),
            err);
    return SL_OK;
}

// A share of other rows says nothing of the share of these.
static bool is_of_other_rows(const json_t *before, const json_t *now)
{
    return (share_of(before) < 1 || share_of(now) < 1) &&
           !sl_str_equal(sl_json_text(before, "where", NULL), sl_json_text(now, "where", NULL));
}

static int compare_rule(struct differ *differ, const json_t *before, const json_t *now,
                        struct sl_err *err)
{
    bool is_weaker = sl_contract_rule_is_weaker(differ->now, before, now);
    bool is_stricter = sl_contract_rule_is_weaker(differ->before, now, before);
    size_t told = differ->diff->count;
    if (json_equal(before, now))
        return SL_OK;
    SL_TRY(compare_deeds(differ, before, now, err));
    if (share_of(now) <= 0 || share_of(before) <= 0) // how it warns, or warned, is told by the deed
        return differ->diff->count > told
                   ? SL_OK
                   : tell(differ, SL_CONTRACT_SAME, now, "warns otherwise", err);
    if (is_of_other_rows(before, now))
        return tell(differ, SL_CONTRACT_WEAKER, now, "is another", err);
    if (is_weaker && is_stricter) {
        const char *what =
            sl_str_equal(sl_json_text(before, "message", NULL), sl_json_text(now, "message", NULL))
                ? "is written otherwise"
                : "has another message";
        return differ->diff->count > told ? SL_OK : tell(differ, SL_CONTRACT_SAME, now, what, err);
    }
    if (is_stricter)
        return tell(differ, SL_CONTRACT_ADDITIVE, now, "is stricter", err);
    return tell(differ, level_without(differ, before), now, is_weaker ? "is weaker" : "is another",
                err);
}

// The rule of the other contract that says the same under another name.
static const json_t *find_renamed(struct differ *differ, const json_t *rule, bool is_before)
{
    const json_t *here = is_before ? differ->before : differ->now;
    const json_t *there = is_before ? differ->now : differ->before;
    size_t i;
    json_t *other;
    json_array_foreach (json_object_get(there, "rules"), i, other) {
        if (!find(here, "rules", "id", sl_json_text(other, "id", NULL)) &&
            sl_str_equal(deed(rule), deed(other)) &&
            sl_str_equal(sl_json_text(rule, "mostly", NULL), sl_json_text(other, "mostly", NULL)) &&
            sl_contract_rule_is_weaker(there, rule, other) &&
            sl_contract_rule_is_weaker(here, other, rule))
            return other;
    }
    return NULL;
}

static int compare_old(struct differ *differ, const json_t *rule, struct sl_err *err)
{
    const json_t *now = find(differ->now, "rules", "id", sl_json_text(rule, "id", NULL));
    if (now)
        return compare_rule(differ, rule, now, err);
    if (!has_column(differ->now, sl_json_text(rule, "column", NULL)))
        return SL_OK;
    const json_t *renamed = find_renamed(differ, rule, true);
    if (renamed)
        return tell(
            differ, SL_CONTRACT_SAME, renamed,
            sl_arena_printf(differ->diff->arena, "was named %s", sl_json_text(rule, "id", "")),
            err);
    return tell(differ, level_without(differ, rule), rule, "is gone", err);
}

int sl_contract_diff_rules(const json_t *before, const json_t *now, struct sl_contract_diff *diff,
                           struct sl_err *err)
{
    struct differ differ = {before, now, sl_json_text(now, "name", ""), diff};
    size_t i;
    json_t *rule;
    json_array_foreach (json_object_get(before, "rules"), i, rule)
        SL_TRY(compare_old(&differ, rule, err));
    json_array_foreach (json_object_get(now, "rules"), i, rule)
        if (!find(before, "rules", "id", sl_json_text(rule, "id", NULL)) &&
            has_column(before, sl_json_text(rule, "column", NULL)) &&
            !find_renamed(&differ, rule, false))
            SL_TRY(tell(&differ, share_of(rule) > 0 ? SL_CONTRACT_ADDITIVE : SL_CONTRACT_SAME, rule,
                        "is new", err));
    return SL_OK;
}
