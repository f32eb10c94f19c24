#include "contract/change.h"

#include <stdio.h>
#include <string.h>

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

int sl_contract_diff_add(struct sl_contract_diff *diff, enum sl_contract_level level,
                         const char *table, const char *column, const char *what,
                         struct sl_err *err)
{
    struct sl_contract_difference item = {.level = level};
    SL_TRY_NEW(what, err);
    item.what = sl_arena_strdup(diff->arena, what);
    item.table = sl_arena_strdup(diff->arena, table);
    SL_TRY_NEW(item.what, err);
    SL_TRY_NEW(item.table, err);
    if (column) {
        item.column = sl_arena_strdup(diff->arena, column);
        SL_TRY_NEW(item.column, err);
    }
    if (level > diff->level)
        diff->level = level;
    return SL_PUSH(diff->arena, diff->items, diff->count, item) ? SL_OK : sl_fail_memory(err);
}

static int tell(struct differ *differ, enum sl_contract_level level, const char *column,
                const char *what, struct sl_err *err)
{
    return sl_contract_diff_add(differ->diff, level, differ->table, column, what, err);
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

static const json_t *protection(const json_t *column)
{
    return json_object_get(column, "personal");
}

static const char *protection_name(const json_t *column)
{
    return sl_json_text(protection(column), "as", "none");
}

// Readers do not see it at all.
static bool is_dropped(const json_t *column)
{
    return sl_str_equal(protection_name(column), "drop");
}

// Whoever reads the later mask finds there all that the earlier let stand.
static bool shows_more(const json_t *before, const json_t *now)
{
    return sl_json_int(now, "keep_first", 0) >= sl_json_int(before, "keep_first", 0) &&
           sl_json_int(now, "keep_last", 0) >= sl_json_int(before, "keep_last", 0) &&
           sl_json_bool(now, "keep_domain", false) == sl_json_bool(before, "keep_domain", false) &&
           same(before, now, "character");
}

// Other values stand where those were by which rows were found and joined.
static int compare_protection(struct differ *differ, const json_t *before, const json_t *now,
                              const char *path, struct sl_err *err)
{
    const char *old = protection_name(before), *new = protection_name(now);
    enum sl_contract_level level = SL_CONTRACT_BREAKING;
    const char *what;
    if (!protection(before) && !protection(now))
        return SL_OK;
    if (json_equal(protection(before), protection(now)))
        return SL_OK;
    if (is_dropped(before))
        return tell(differ, SL_CONTRACT_ADDITIVE, path,
                    sl_arena_printf(differ->diff->arena,
                                    "the column is new: protected by %s, was drop", new),
                    err);
    if (!sl_str_equal(old, new)) {
        what = sl_arena_printf(differ->diff->arena, "protected by %s, was %s", new, old);
    } else if (!same(protection(before), protection(now), "key")) {
        what = sl_arena_printf(differ->diff->arena, "its %s is made with another key", new);
    } else {
        if (sl_str_equal(new, "mask") && shows_more(protection(before), protection(now)))
            level = SL_CONTRACT_WEAKER;
        what = sl_arena_printf(differ->diff->arena, "its %s has another form", new);
    }
    return tell(differ, level, path, what, err);
}

// "address.zip", and of an array's item "items[]".
static const char *path_of(struct differ *differ, const char *outer, const json_t *column)
{
    const char *name = sl_json_text(column, "name", "");
    if (!outer)
        return name;
    return *name ? sl_arena_printf(differ->diff->arena, "%s.%s", outer, name)
                 : sl_arena_printf(differ->diff->arena, "%s[]", outer);
}

static const json_t *find_in(const json_t *list, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach ((json_t *)(uintptr_t)list, i, item)
        if (sl_str_equal(sl_json_text(item, "name", NULL), name))
            return item;
    return NULL;
}

static const char *until_of(struct differ *differ, const json_t *alias)
{
    const char *until = sl_json_text(alias, "until", NULL);
    return until ? sl_arena_printf(differ->diff->arena, "until %s", until) : "for ever";
}

// Rows that come under an old name were read and are no more, or the other way round.
static int compare_aliases(struct differ *differ, const json_t *before, const json_t *now,
                           const char *path, struct sl_err *err)
{
    const json_t *old = json_object_get(before, "aliases"), *new = json_object_get(now, "aliases");
    struct sl_arena *arena = differ->diff->arena;
    size_t i, told = differ->diff->count;
    json_t *alias;
    json_array_foreach ((json_t *)(uintptr_t)old, i, alias) {
        const char *name = sl_json_text(alias, "name", "");
        const json_t *found = find_in(new, name);
        if (!found) {
            SL_TRY(tell(differ, SL_CONTRACT_BREAKING, path,
                        sl_arena_printf(arena, "no longer read as %s", name), err));
            continue;
        }
        const char *was = sl_json_text(alias, "until", NULL),
                   *is = sl_json_text(found, "until", NULL);
        if (sl_str_equal(was, is))
            continue;
        bool is_shorter = is && (!was || strcmp(is, was) < 0);
        SL_TRY(tell(differ, is_shorter ? SL_CONTRACT_BREAKING : SL_CONTRACT_ADDITIVE, path,
                    sl_arena_printf(arena, "also read as %s %s, was %s", name,
                                    until_of(differ, found), until_of(differ, alias)),
                    err));
    }
    json_array_foreach ((json_t *)(uintptr_t) new, i, alias) {
        const char *name = sl_json_text(alias, "name", "");
        if (!find_in(old, name))
            SL_TRY(tell(differ, SL_CONTRACT_ADDITIVE, path,
                        sl_arena_printf(arena, "also read as %s %s", name, until_of(differ, alias)),
                        err));
    }
    if (differ->diff->count == told && !same(before, now, "aliases"))
        return tell(differ, SL_CONTRACT_WEAKER, path, "its other names have another order", err);
    return SL_OK;
}

static int compare_lists(struct differ *differ, const json_t *before, const json_t *now,
                         const char *outer, struct sl_err *err);

static bool is_required(const json_t *contract, const char *path)
{
    size_t i;
    json_t *rule;
    json_array_foreach (json_object_get(contract, "rules"), i, rule)
        if (sl_str_equal(sl_json_text(rule, "kind", NULL), "required") &&
            sl_str_equal(sl_json_text(rule, "column", NULL), path))
            return !sl_str_equal(sl_json_text(rule, "severity", NULL), "warn");
    return false;
}

// How texts become values.
static int compare_readings(struct differ *differ, const json_t *before, const json_t *now,
                            const char *path, struct sl_err *err)
{
    static const char *const readings[] = {"formats", "nulls", "default", "trimmed", NULL};
    bool had_default = sl_json_text(before, "default", NULL) != NULL;
    bool loses_values =
        had_default && !sl_json_text(now, "default", NULL) && !is_required(differ->now, path);
    for (size_t i = 0; readings[i]; i++) {
        bool is_loss = loses_values && strcmp(readings[i], "default") == 0;
        if (!same(before, now, readings[i]))
            SL_TRY(tell(differ, is_loss ? SL_CONTRACT_BREAKING : SL_CONTRACT_WEAKER, path,
                        sl_arena_printf(differ->diff->arena,
                                        is_loss ? "%s: is gone, so values may be missing now"
                                                : "%s: texts are read otherwise",
                                        readings[i]),
                        err));
    }
    return SL_OK;
}

static int compare_column(struct differ *differ, const json_t *before, const json_t *now,
                          const char *path, struct sl_err *err)
{
    if (is_dropped(before) && is_dropped(now))
        return SL_OK;
    SL_TRY(compare_protection(differ, before, now, path, err));
    if (!same(before, now, "type") && !is_dropped(before) && !is_dropped(now))
        SL_TRY(tell(differ, is_wider(before, now) ? SL_CONTRACT_WEAKER : SL_CONTRACT_BREAKING, path,
                    was(differ, before, now, "type"), err));
    if (!same(before, now, "key"))
        SL_TRY(tell(differ, SL_CONTRACT_BREAKING, path, "its place in the primary key is another",
                    err));
    if (!same(before, now, "source"))
        SL_TRY(tell(differ, SL_CONTRACT_WEAKER, path, was(differ, before, now, "source"), err));
    SL_TRY(compare_readings(differ, before, now, path, err));
    if (json_object_get(before, "aliases") || json_object_get(now, "aliases"))
        SL_TRY(compare_aliases(differ, before, now, path, err));
    // Of an object that is a text now, the type says all.
    if (!json_object_get(before, "fields") || !json_object_get(now, "fields"))
        return SL_OK;
    return compare_lists(differ, json_object_get(before, "fields"), json_object_get(now, "fields"),
                         path, err);
}

static int compare_lists(struct differ *differ, const json_t *before, const json_t *now,
                         const char *outer, struct sl_err *err)
{
    const char *noun = outer ? "the member" : "the column";
    size_t i;
    json_t *column;
    json_array_foreach ((json_t *)(uintptr_t)before, i, column) {
        const json_t *found = find_in(now, sl_json_text(column, "name", ""));
        const char *path = path_of(differ, outer, column);
        SL_TRY_NEW(path, err);
        if (found)
            SL_TRY(compare_column(differ, column, found, path, err));
        else
            SL_TRY(tell(differ, is_dropped(column) ? SL_CONTRACT_SAME : SL_CONTRACT_BREAKING, path,
                        sl_arena_printf(differ->diff->arena, "%s is gone", noun), err));
    }
    json_array_foreach ((json_t *)(uintptr_t)now, i, column) {
        const char *path = path_of(differ, outer, column);
        SL_TRY_NEW(path, err);
        if (!find_in(before, sl_json_text(column, "name", "")))
            SL_TRY(tell(differ, is_dropped(column) ? SL_CONTRACT_SAME : SL_CONTRACT_ADDITIVE, path,
                        sl_arena_printf(differ->diff->arena, "%s is new", noun), err));
    }
    return SL_OK;
}

// How the source meets files with other columns, in the words of its file.
static const char *policy(const json_t *contract, size_t index)
{
    const json_t *drift = json_object_get(contract, "drift");
    json_int_t value = json_integer_value(json_array_get(drift, index));
    const char *const *words = sl_drift_words[index];
    for (json_int_t i = 0; i < value && *words; i++)
        words++;
    return *words ? *words : sl_drift_words[index][0]; // else the state is damaged
}

static bool is_letting_rows_through(size_t index, const char *word)
{
    return sl_str_equal(word, "freeze") || sl_str_equal(word, "empty") ||
           sl_str_equal(word, "quarantine_value") || (index == 0 && sl_str_equal(word, "evolve"));
}

// Columns that came by themselves go again; a policy that sets aside or fails lets less through.
static enum sl_contract_level policy_level(size_t index, const char *before, const char *now)
{
    bool was_open = is_letting_rows_through(index, before);
    bool is_open = is_letting_rows_through(index, now);
    if (sl_str_equal(before, "evolve"))
        return SL_CONTRACT_BREAKING;
    if (was_open && sl_str_equal(now, "evolve"))
        return SL_CONTRACT_ADDITIVE;
    if (was_open == is_open)
        return SL_CONTRACT_SAME;
    return is_open ? SL_CONTRACT_WEAKER : SL_CONTRACT_ADDITIVE;
}

static int compare_drift(struct differ *differ, struct sl_err *err)
{
    static const char *const names[] = {"new_columns", "missing_columns", "type_change"};
    for (size_t i = 0; i < 3; i++) {
        const char *before = policy(differ->before, i), *now = policy(differ->now, i);
        if (!sl_str_equal(before, now))
            SL_TRY(tell(differ, policy_level(i, before, now), NULL,
                        sl_arena_printf(differ->diff->arena, "drift: %s is %s, was %s", names[i],
                                        now, before),
                        err));
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
    SL_TRY(compare_lists(&differ, json_object_get(before, "columns"),
                         json_object_get(now, "columns"), NULL, err));
    SL_TRY(sl_contract_diff_rules(before, now, diff, err));
    if (!same(before, now, "order_by"))
        SL_TRY(tell(&differ, SL_CONTRACT_WEAKER, NULL, "other rows win among duplicates", err));
    if (!same(before, now, "filter"))
        SL_TRY(tell(&differ, SL_CONTRACT_WEAKER, NULL, "other rows are filtered", err));
    return compare_drift(&differ, err);
}
