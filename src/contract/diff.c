#include "contract/change.h"

const char *sl_contract_level_name(enum sl_contract_level level)
{
    static const char *const names[] = {[SL_CONTRACT_SAME] = "same",
                                        [SL_CONTRACT_ADDITIVE] = "additive",
                                        [SL_CONTRACT_WEAKER] = "weaker",
                                        [SL_CONTRACT_BREAKING] = "breaking"};
    return names[level];
}

struct differ {
    const json_t *before, *now;
    const char *table;
    struct sl_contract_diff *diff;
};

static int tell(struct differ *differ, enum sl_contract_level level, const char *column,
                const char *what, struct sl_err *err)
{
    struct sl_arena *arena = differ->diff->arena;
    struct sl_contract_difference item = {.level = level};
    SL_TRY_NEW(what, err);
    item.what = what;
    item.table = sl_arena_strdup(arena, differ->table);
    SL_TRY_NEW(item.table, err);
    if (column) {
        item.column = sl_arena_strdup(arena, column);
        SL_TRY_NEW(item.column, err);
    }
    if (level > differ->diff->level)
        differ->diff->level = level;
    return SL_PUSH(arena, differ->diff->items, differ->diff->count, item) ? SL_OK
                                                                          : sl_fail_memory(err);
}

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

static bool same(const json_t *a, const json_t *b, const char *key)
{
    return json_equal(json_object_get(a, key), json_object_get(b, key)) != 0;
}

static const char *was(struct differ *differ, const json_t *before, const json_t *now,
                       const char *key)
{
    return sl_arena_printf(differ->diff->arena, "%s is %s, was %s", key,
                           sl_json_text(now, key, "none"), sl_json_text(before, key, "none"));
}

// Integers with more bits and decimals with more digits hold all that they held.
static bool is_wider(const json_t *before, const json_t *now)
{
    static const char *const integers[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT"};
    const char *old = sl_json_text(before, "type", ""), *new = sl_json_text(now, "type", "");
    int old_rank = -1, new_rank = -1, old_digits, old_scale, new_digits, new_scale;
    for (int i = 0; i < 4; i++) {
        old_rank = sl_str_equal(old, integers[i]) ? i : old_rank;
        new_rank = sl_str_equal(new, integers[i]) ? i : new_rank;
    }
    if (old_rank >= 0 && new_rank >= 0)
        return new_rank > old_rank;
    return sscanf(old, "DECIMAL(%d,%d)", &old_digits, &old_scale) == 2 &&
           sscanf(new, "DECIMAL(%d,%d)", &new_digits, &new_scale) == 2 && new_scale >= old_scale &&
           new_digits - new_scale >= old_digits - old_scale;
}

static int compare_column(struct differ *differ, const json_t *before, const json_t *now,
                          struct sl_err *err)
{
    static const char *const readings[] = {"formats", "nulls", "default", "trimmed", NULL};
    const char *name = sl_json_text(now, "name", "");
    if (!same(before, now, "type"))
        SL_TRY(tell(differ, is_wider(before, now) ? SL_CONTRACT_WEAKER : SL_CONTRACT_BREAKING, name,
                    was(differ, before, now, "type"), err));
    if (!same(before, now, "key"))
        SL_TRY(tell(differ, SL_CONTRACT_BREAKING, name, "its place in the primary key is another",
                    err));
    if (!same(before, now, "source"))
        SL_TRY(tell(differ, SL_CONTRACT_WEAKER, name, was(differ, before, now, "source"), err));
    for (size_t i = 0; readings[i]; i++)
        if (!same(before, now, readings[i]))
            SL_TRY(tell(
                differ, SL_CONTRACT_WEAKER, name,
                sl_arena_printf(differ->diff->arena, "%s: texts are read otherwise", readings[i]),
                err));
    return SL_OK;
}

static int compare_columns(struct differ *differ, struct sl_err *err)
{
    size_t i;
    json_t *column;
    json_array_foreach (json_object_get(differ->before, "columns"), i, column) {
        const char *name = sl_json_text(column, "name", "");
        const json_t *now = find(differ->now, "columns", "name", name);
        if (now)
            SL_TRY(compare_column(differ, column, now, err));
        else
            SL_TRY(tell(differ, SL_CONTRACT_BREAKING, name, "the column is gone", err));
    }
    json_array_foreach (json_object_get(differ->now, "columns"), i, column) {
        const char *name = sl_json_text(column, "name", "");
        if (!find(differ->before, "columns", "name", name))
            SL_TRY(tell(differ, SL_CONTRACT_ADDITIVE, name, "the column is new", err));
    }
    return SL_OK;
}

// What breaks such a rule never comes into the clean table.
static bool is_reject(const json_t *rule)
{
    return !sl_str_equal(sl_json_text(rule, "severity", NULL), "warn") &&
           !sl_json_text(rule, "mostly", NULL);
}

// What a broken rule does.
static const char *deed(const json_t *rule)
{
    if (sl_json_text(rule, "mostly", NULL))
        return "lets a share of rows break it";
    if (sl_str_equal(sl_json_text(rule, "severity", NULL), "fail"))
        return "stops the step";
    return is_reject(rule) ? "rejects rows" : "only warns";
}

// Nulls in a column that had none break what is built on it.
static enum sl_contract_level level_without(const json_t *rule)
{
    if (!is_reject(rule))
        return SL_CONTRACT_SAME;
    return sl_str_equal(sl_json_text(rule, "kind", NULL), "required") ? SL_CONTRACT_BREAKING
                                                                      : SL_CONTRACT_WEAKER;
}

static int tell_rule(struct differ *differ, enum sl_contract_level level, const json_t *rule,
                     const char *what, struct sl_err *err)
{
    return tell(
        differ, level, sl_json_text(rule, "column", NULL),
        sl_arena_printf(differ->diff->arena, "rule %s %s", sl_json_text(rule, "id", ""), what),
        err);
}

static int tell_deed(struct differ *differ, const json_t *before, const json_t *now,
                     struct sl_err *err)
{
    enum sl_contract_level level = SL_CONTRACT_SAME;
    const char *what =
        sl_arena_printf(differ->diff->arena, "%s now, before it %s", deed(now), deed(before));
    SL_TRY_NEW(what, err);
    if (is_reject(before) != is_reject(now))
        level = is_reject(now) ? SL_CONTRACT_ADDITIVE : level_without(before);
    return tell_rule(differ, level, now, what, err);
}

static int compare_rule(struct differ *differ, const json_t *before, const json_t *now,
                        struct sl_err *err)
{
    if (json_equal(before, now))
        return SL_OK;
    if (!sl_str_equal(deed(before), deed(now)))
        return tell_deed(differ, before, now, err);
    if (!is_reject(now))
        return tell_rule(differ, SL_CONTRACT_SAME, now, "warns otherwise", err);
    bool is_weaker = sl_contract_rule_is_weaker(differ->now, before, now);
    bool is_stricter = sl_contract_rule_is_weaker(differ->before, now, before);
    if (is_weaker && is_stricter && !same(before, now, "severity"))
        return tell_rule(differ, SL_CONTRACT_SAME, now,
                         sl_str_equal(sl_json_text(now, "severity", NULL), "hold")
                             ? "holds rows now, rejected them"
                             : "rejects rows now, held them",
                         err);
    if (is_weaker && is_stricter)
        return tell_rule(differ, SL_CONTRACT_SAME, now, "has another message", err);
    if (is_stricter)
        return tell_rule(differ, SL_CONTRACT_ADDITIVE, now, "is stricter", err);
    return tell_rule(differ, SL_CONTRACT_WEAKER, now, is_weaker ? "is weaker" : "is another", err);
}

static int compare_rules(struct differ *differ, struct sl_err *err)
{
    size_t i;
    json_t *rule;
    json_array_foreach (json_object_get(differ->before, "rules"), i, rule) {
        const json_t *now = find(differ->now, "rules", "id", sl_json_text(rule, "id", NULL));
        const char *column = sl_json_text(rule, "column", NULL);
        if (now)
            SL_TRY(compare_rule(differ, rule, now, err));
        else if (!column || find(differ->now, "columns", "name", column))
            SL_TRY(tell_rule(differ, level_without(rule), rule, "is gone", err));
    }
    json_array_foreach (json_object_get(differ->now, "rules"), i, rule) {
        const char *column = sl_json_text(rule, "column", NULL);
        if (!find(differ->before, "rules", "id", sl_json_text(rule, "id", NULL)) &&
            (!column || find(differ->before, "columns", "name", column)))
            SL_TRY(tell_rule(differ, is_reject(rule) ? SL_CONTRACT_ADDITIVE : SL_CONTRACT_SAME,
                             rule, "is new", err));
    }
    return SL_OK;
}

int sl_contract_diff_table(const json_t *before, const json_t *now, struct sl_contract_diff *diff,
                           struct sl_err *err)
{
    struct differ differ = {before, now, sl_json_text(now ? now : before, "name", ""), diff};
    if (!before)
        return tell(&differ, SL_CONTRACT_ADDITIVE, NULL, "the table is new", err);
    if (!now)
        return tell(&differ, SL_CONTRACT_BREAKING, NULL, "the table is gone", err);
    SL_TRY(compare_columns(&differ, err));
    SL_TRY(compare_rules(&differ, err));
    if (!same(before, now, "order_by"))
        SL_TRY(tell(&differ, SL_CONTRACT_WEAKER, NULL, "other rows win among duplicates", err));
    if (!same(before, now, "filter"))
        SL_TRY(tell(&differ, SL_CONTRACT_WEAKER, NULL, "other rows are filtered", err));
    return SL_OK;
}
