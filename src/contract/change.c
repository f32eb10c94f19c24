#include "contract/change.h"
#include "contract/read.h"
#include "spec/value_format.h"

#include <string.h>

struct comparer {
    const json_t *before, *now; // contracts
    struct sl_arena *arena;
    struct sl_contract_change *change;
};

static bool same(const json_t *a, const json_t *b, const char *key)
{
    const json_t *first = json_object_get(a, key), *second = json_object_get(b, key);
    return (!first && !second) || json_equal(first, second);
}

static bool are_same(const json_t *a, const json_t *b, const char *const *keys)
{
    for (; *keys; keys++)
        if (!same(a, b, *keys))
            return false;
    return true;
}

// Whether a row that breaks the rule does not come into clean: it goes to quarantine, or it stops
// the step.
static bool is_reject(const json_t *rule)
{
    return rule && !sl_str_equal(sl_json_text(rule, "severity", NULL), "warn") &&
           !sl_json_text(rule, "mostly", NULL);
}

static int everything(struct comparer *comparer, const char *column, const char *what,
                      struct sl_err *err)
{
    comparer->change->why_all = sl_arena_printf(comparer->arena, "column '%s' %s", column, what);
    SL_TRY_NEW(comparer->change->why_all, err);
    return SL_OK;
}

static int add(struct comparer *comparer, struct sl_strs *list, const json_t *rule,
               struct sl_err *err)
{
    const char *id = sl_arena_strdup(comparer->arena, sl_json_text(rule, "id", ""));
    SL_TRY_NEW(id, err);
    return sl_strs_has(list, id) ? SL_OK : sl_strs_add(list, comparer->arena, id, err);
}

static const json_t *rule_of(const json_t *contract, const char *key, const char *value,
                             const char *column)
{
    size_t i;
    json_t *rule;
    json_array_foreach (json_object_get(contract, "rules"), i, rule)
        if (sl_str_equal(sl_json_text(rule, key, NULL), value) &&
            (!column || sl_str_equal(sl_json_text(rule, "column", NULL), column)))
            return rule;
    return NULL;
}

// The list is the same, or goes on after its end.
static bool continues(const json_t *before, const json_t *now)
{
    if (json_array_size(before) > json_array_size(now))
        return false;
    for (size_t i = 0; i < json_array_size(before); i++)
        if (!json_equal(json_array_get(before, i), json_array_get(now, i)))
            return false;
    return true;
}

static bool contains(const json_t *list, const json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        if (json_equal(item, value))
            return true;
    return false;
}

static bool covers(const json_t *wide, const json_t *narrow)
{
    size_t i;
    json_t *item;
    json_array_foreach (narrow, i, item)
        if (!contains(wide, item))
            return false;
    return true;
}

// A word that never was a value of the column: without a digit it is no number, date or time.
static bool was_no_value(const json_t *word, const json_t *column)
{
    const char *text = json_string_value(word);
    int64_t kind = sl_json_int(column, "kind", -1);
    bool has_digits_in_all = kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL ||
                             kind == SL_TYPE_DATE || kind == SL_TYPE_TIMESTAMP ||
                             kind == SL_TYPE_TIMESTAMP_NTZ || kind == SL_TYPE_TIME;
    return has_digits_in_all && json_array_size(json_object_get(column, "formats")) == 0 && text &&
           !strpbrk(text, "0123456789");
}

static bool adds_words_only(const json_t *before, const json_t *now)
{
    const json_t *old = json_object_get(before, "nulls"), *words = json_object_get(now, "nulls");
    size_t i;
    json_t *word;
    if (!covers(words, old))
        return false;
    json_array_foreach ((json_t *)words, i, word)
        if (!contains(old, word) && !was_no_value(word, now))
            return false;
    return true;
}

// Numbers without a format are read as those of a plain one.
static bool begins_plain(const json_t *now)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const json_t *first = json_array_get(json_object_get(now, "formats"), 0);
    struct sl_number_format format;
    return sl_reading_is_number((enum sl_type_kind)sl_json_int(now, "kind", -1)) &&
           json_string_value(first) &&
           !sl_number_format_read(json_string_value(first), &arena, &format) &&
           sl_number_format_is_plain(&format);
}

static bool adds_formats_only(const json_t *before, const json_t *now)
{
    const json_t *old = json_object_get(before, "formats");
    return (json_array_size(old) > 0 || begins_plain(now)) &&
           continues(old, json_object_get(now, "formats"));
}

// Texts that had no value may have one now. If rows with such a text were rejected, only they
// matter.
static int compare_reading(struct comparer *comparer, const json_t *before, const json_t *now,
                           const char *name, struct sl_err *err)
{
    const json_t *type = rule_of(comparer->before, "kind", "type", name);
    const json_t *required = rule_of(comparer->before, "kind", "required", name);
    bool has_formats = same(before, now, "formats"), has_nulls = same(before, now, "nulls");
    if (!has_formats && !(is_reject(type) && adds_formats_only(before, now)))
        return everything(comparer, name, "has other formats", err);
    if (!has_nulls && !(is_reject(type) && adds_words_only(before, now)))
        return everything(comparer, name, "has other words for null", err);
    if (!has_formats || !has_nulls)
        SL_TRY(add(comparer, &comparer->change->rules, type, err));
    // What has no value, or another, under one of its names differs no longer.
    if ((!has_formats || !has_nulls) && json_object_get(before, "aliases"))
        comparer->change->all_rejected = true;
    if (same(before, now, "default"))
        return SL_OK;
    if (!json_is_null(json_object_get(before, "default")) || !is_reject(required))
        return everything(comparer, name, "has another default", err);
    return add(comparer, &comparer->change->rules, required, err);
}

// Whether every name of before is read as long as it was, and further ones come after them.
static bool adds_aliases_only(const json_t *before, const json_t *now, bool *ret_is_longer)
{
    *ret_is_longer = false;
    if (json_array_size(before) > json_array_size(now))
        return false;
    for (size_t i = 0; i < json_array_size(before); i++) {
        const json_t *old = json_array_get(before, i), *new = json_array_get(now, i);
        const char *was = sl_json_text(old, "until", NULL), *is = sl_json_text(new, "until", NULL);
        if (!same(old, new, "name") || (is && (!was || strcmp(is, was) < 0)))
            return false;
        *ret_is_longer |= !sl_str_equal(was, is);
    }
    return true;
}

// A row that had no value under the new name was rejected for that, and any other keeps its value:
// so rows that were accepted stay as they are, unless they have another value under an old name,
// which is what the rule over them tells.
static int compare_aliases(struct comparer *comparer, const json_t *before, const json_t *now,
                           const char *name, struct sl_err *err)
{
    const json_t *required = rule_of(comparer->before, "kind", "required", name);
    const json_t *rule = rule_of(comparer->now, "kind", "alias", name);
    const json_t *drift = json_object_get(comparer->now, "drift");
    const json_t *old = json_object_get(before, "aliases"), *new = json_object_get(now, "aliases");
    bool is_longer, is_evolving = json_integer_value(json_array_get(drift, 0)) == SL_DRIFT_EVOLVE;
    bool is_missing_rejected = is_reject(required) && !sl_json_text(required, "where", NULL) &&
                               json_is_null(json_object_get(before, "default"));
    if (json_equal(old, new) || (!old && !new))
        return SL_OK;
    if (!adds_aliases_only(old, new, &is_longer) || !is_missing_rejected || is_evolving ||
        (is_longer && !is_reject(rule)))
        return everything(comparer, name, "is read under other names", err);
    if (!json_is_null(json_object_get(comparer->now, "filter")))
        return everything(comparer, name, "is read under other names, which the filter may see",
                          err);
    // Of the names that were unknown until now.
    comparer->change->all_rejected = true;
    return is_reject(rule) ? add(comparer, &comparer->change->unproven, rule, err) : SL_OK;
}

static int compare_columns(struct comparer *comparer, struct sl_err *err)
{
    static const char *const fixed[] = {"name",    "source", "type",   "kind", "key",
                                        "trimmed", "shape",  "fields", NULL};
    const json_t *before = json_object_get(comparer->before, "columns");
    const json_t *now = json_object_get(comparer->now, "columns");
    for (size_t i = 0; i < json_array_size(now) && !comparer->change->why_all; i++) {
        const json_t *old = json_array_get(before, i), *column = json_array_get(now, i);
        const char *name = sl_json_text(column, "name", "");
        if (!old || !are_same(old, column, fixed))
            return everything(comparer, name, "is new or another", err);
        if (!same(old, column, "personal"))
            return everything(comparer, name, "is protected otherwise", err);
        SL_TRY(compare_reading(comparer, old, column, name, err));
        if (!comparer->change->why_all)
            SL_TRY(compare_aliases(comparer, old, column, name, err));
    }
    if (json_array_size(before) > json_array_size(now))
        comparer->change->why_all = "a column is gone";
    return SL_OK;
}

// What share of the rows breaks it is a matter of them all.
static bool is_judged_anew(const json_t *before, const json_t *now)
{
    return sl_json_text(now, "mostly", NULL) && !(before && json_equal(before, now));
}

// How all rows are judged again for a rule that they are unique, of one column or of several.
static int everything_unique(struct comparer *comparer, const json_t *before, const json_t *now,
                             struct sl_err *err)
{
    const json_t *rule = now ? now : before;
    const char *column = sl_json_text(rule, "column", NULL);
    if (column)
        return everything(comparer, column,
                          !now     ? "need not be unique any more"
                          : before ? "is unique otherwise"
                                   : "is unique now",
                          err);
    comparer->change->why_all = sl_arena_printf(comparer->arena, "rule '%s' of unique rows is %s",
                                                sl_json_text(rule, "id", ""),
                                                !now     ? "gone"
                                                : before ? "another"
                                                         : "new");
    return comparer->change->why_all ? SL_OK : sl_fail_memory(err);
}

// All rows have a say in which of them stand.
static bool is_unique(const json_t *rule)
{
    return sl_str_equal(sl_json_text(rule, "kind", NULL), "unique");
}

// "address" has the members "address.zip" and the items "address[]".
static bool is_in(const char *path, const char *column)
{
    size_t length = strlen(column);
    return path && strncasecmp(path, column, length) == 0 &&
           (path[length] == '\0' || path[length] == '.' || path[length] == '[');
}

// Whether no row that breaks the type rule came into clean.
static bool is_type_rejecting(const struct comparer *comparer, const json_t *type)
{
    const json_t *drift = json_object_get(comparer->before, "drift");
    return is_reject(type) &&
           !sl_str_equal(sl_json_text(type, "severity", NULL), "quarantine_value") &&
           json_integer_value(json_array_get(drift, 2)) != SL_DRIFT_TYPE_QUARANTINE_VALUE;
}

// A rule is not judged where a column that it looks at failed its type (guard.h). If it looks at
// fewer columns now, it may break where it was not judged before: in rows that were rejected for
// the type that is a second reason, others may have been accepted.
static int compare_unjudged(struct comparer *comparer, const json_t *before, const json_t *now,
                            bool *ret_is_proven, struct sl_err *err)
{
    const json_t *columns = json_object_get(now, "columns");
    size_t i, k;
    json_t *column, *rule;
    *ret_is_proven = true;
    json_array_foreach (json_object_get(before, "columns"), i, column) {
        if (contains(columns, column) || !json_is_string(column))
            continue;
        json_array_foreach (json_object_get(comparer->before, "rules"), k, rule) {
            if (!sl_str_equal(sl_json_text(rule, "kind", NULL), "type") ||
                !is_in(sl_json_text(rule, "column", NULL), json_string_value(column)))
                continue;
            *ret_is_proven &= is_type_rejecting(comparer, rule);
            SL_TRY(add(comparer, &comparer->change->rules, rule, err));
        }
    }
    return SL_OK;
}

static int compare_rule(struct comparer *comparer, const json_t *before, const json_t *now,
                        struct sl_err *err)
{
    struct sl_contract_change *change = comparer->change;
    if (json_equal(before, now))
        return SL_OK;
    if (is_judged_anew(before, now)) {
        change->why_all =
            sl_arena_printf(comparer->arena, "rule '%s' looks at the share of all rows",
                            sl_json_text(now, "id", ""));
        return change->why_all ? SL_OK : sl_fail_memory(err);
    }
    if (is_unique(now))
        return everything_unique(comparer, before, now, err);
    if (is_reject(before))
        SL_TRY(add(comparer, &change->rules, before, err));
    if (!is_reject(now))
        return SL_OK;
    if (is_reject(before) && sl_contract_rule_is_weaker(comparer->now, before, now)) {
        bool is_proven;
        SL_TRY(compare_unjudged(comparer, before, now, &is_proven, err));
        if (is_proven)
            return SL_OK;
    }
    change->all_rejected = true;
    return add(comparer, &change->unproven, now, err);
}

static int compare_rules(struct comparer *comparer, struct sl_err *err)
{
    const json_t *before = json_object_get(comparer->before, "rules");
    const json_t *now = json_object_get(comparer->now, "rules");
    size_t i;
    json_t *rule;
    json_array_foreach ((json_t *)before, i, rule)
        if (is_reject(rule) &&
            !rule_of(comparer->now, "id", sl_json_text(rule, "id", NULL), NULL)) {
            if (is_unique(rule))
                return everything_unique(comparer, rule, NULL, err);
            SL_TRY(add(comparer, &comparer->change->rules, rule, err));
        }
    json_array_foreach ((json_t *)now, i, rule) {
        const json_t *old = rule_of(comparer->before, "id", sl_json_text(rule, "id", NULL), NULL);
        SL_TRY(compare_rule(comparer, old, rule, err));
    }
    return SL_OK;
}

// Reasons stand in the order of the rules.
static bool is_reordered(const struct comparer *comparer)
{
    const json_t *before = json_object_get(comparer->before, "rules");
    size_t at = 0, i;
    json_t *rule;
    json_array_foreach (json_object_get(comparer->now, "rules"), i, rule) {
        const char *id = sl_json_text(rule, "id", NULL);
        size_t found = 0;
        while (found < json_array_size(before) &&
               !sl_str_equal(sl_json_text(json_array_get(before, found), "id", NULL), id))
            found++;
        if (found == json_array_size(before))
            continue;
        if (found < at)
            return true;
        at = found;
    }
    return false;
}

int sl_contract_compare(const json_t *before, const json_t *now, struct sl_arena *arena,
                        struct sl_contract_change *ret, struct sl_err *err)
{
    struct comparer comparer = {before, now, arena, ret};
    *ret = (struct sl_contract_change){0};
    SL_TRY(compare_columns(&comparer, err));
    if (!ret->why_all && !same(before, now, "order_by"))
        ret->why_all = "duplicates are put in another order";
    if (!ret->why_all && !same(before, now, "filter"))
        ret->why_all = "another filter";
    if (!ret->why_all && !same(before, now, "drift"))
        ret->why_all = "another policy for drift";
    if (ret->why_all)
        return SL_OK;
    ret->all_rejected |= is_reordered(&comparer);
    return compare_rules(&comparer, err);
}
