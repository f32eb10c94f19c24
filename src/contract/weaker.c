// Which rules let more pass than others of their kind. Nothing is said that is not sure: which rows
// are judged again depends on it (sl_contract_compare).
#include "base/span.h"
#include "contract/change.h"
#include "spec/contract_file.h"

#include <math.h>
#include <string.h>

// What a list may do for the rule to become weaker.
enum list_sense {
    LIST_STAYS,
    LIST_GROWS,
    LIST_SHRINKS,
    LIST_SHRINKS_IN_ORDER, // what is left keeps its order
    LIST_AFFIXES,          // each of before is let through by one of now
    LIST_ALTERNATIVES,     // grows, unless exactly one of them counts
    LIST_SIDES,            // of a comparison, which may be turned round
};
enum text_sense { TEXT_STAYS, TEXT_DIVIDES };
// By kind; a kind that is not here is never weaker, unless nothing is different.
static const struct sense {
    const char *kind;
    enum list_sense values, columns;
    enum text_sense text;
} senses[] = {
    {.kind = "required"},
    {.kind = "type"},
    {.kind = "alias"},
    {.kind = "unique", .columns = LIST_GROWS},
    {.kind = "foreign_key"},
    {.kind = "expression"},
    {.kind = "enum", .values = LIST_GROWS},
    {.kind = "not_in", .values = LIST_SHRINKS},
    {.kind = "range"},
    {.kind = "length"},
    {.kind = "pattern"},
    {.kind = "not_pattern"},
    {.kind = "format"},
    {.kind = "prefix", .values = LIST_AFFIXES},
    {.kind = "suffix", .values = LIST_AFFIXES},
    {.kind = "contains", .values = LIST_AFFIXES},
    {.kind = "case"},
    {.kind = "trimmed"},
    {.kind = "printable"},
    {.kind = "digits"},
    {.kind = "multiple_of", .text = TEXT_DIVIDES},
    {.kind = "decimal_places"},
    {.kind = "past"},
    {.kind = "future"},
    {.kind = "age"},
    {.kind = "weekday", .values = LIST_GROWS},
    {.kind = "json_valid"},
    {.kind = "json_keys", .values = LIST_SHRINKS},
    {.kind = "item_count"},
    {.kind = "unique_items"},
    {.kind = "member_count"},
    {.kind = "required_members", .values = LIST_SHRINKS},
    {.kind = "compare", .columns = LIST_SIDES},
    {.kind = "required_if"},
    {.kind = "absent_if"},
    // The order of summands counts: doubles are rounded, large numbers overflow on the way.
    {.kind = "sum_of"},
    {.kind = "product_of"},
    {.kind = "one_of_columns", .columns = LIST_ALTERNATIVES},
    {.kind = "not_both", .columns = LIST_SHRINKS},
    {.kind = "all_or_none", .columns = LIST_SHRINKS},
    {.kind = "in_order", .columns = LIST_SHRINKS_IN_ORDER},
    {.kind = "different", .columns = LIST_SHRINKS},
};

static const struct sense *find_sense(const char *kind)
{
    for (size_t i = 0; i < sizeof senses / sizeof *senses; i++)
        if (sl_str_equal(senses[i].kind, kind))
            return &senses[i];
    return NULL;
}

bool sl_contract_compares(const char *kind)
{
    return find_sense(kind) != NULL;
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
    const json_t *first = json_object_get(a, key), *second = json_object_get(b, key);
    return (!first && !second) || json_equal(first, second);
}

// --- Lists

static const char *item_at(const json_t *list, size_t i)
{
    const char *text = json_string_value(json_array_get(list, i));
    return text ? text : "";
}

static bool covers(const json_t *wide, const json_t *narrow)
{
    for (size_t i = 0; i < json_array_size(narrow); i++) {
        bool is_found = false;
        for (size_t k = 0; k < json_array_size(wide) && !is_found; k++)
            is_found = json_equal(json_array_get(wide, k), json_array_get(narrow, i)) != 0;
        if (!is_found)
            return false;
    }
    return true;
}

static bool is_subsequence(const json_t *part, const json_t *whole)
{
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(whole) && found < json_array_size(part); i++)
        found += json_equal(json_array_get(whole, i), json_array_get(part, found)) != 0;
    return found == json_array_size(part);
}

static bool has_affix(const char *kind, const char *text, const char *affix)
{
    if (sl_str_equal(kind, "prefix"))
        return sl_str_starts(text, affix);
    return sl_str_equal(kind, "suffix") ? sl_str_ends(text, affix) : strstr(text, affix) != NULL;
}

static bool lets_all_affixes(const char *kind, const json_t *old, const json_t *new)
{
    for (size_t i = 0; i < json_array_size(old); i++) {
        bool is_let = false;
        for (size_t k = 0; k < json_array_size(new) && !is_let; k++)
            is_let = has_affix(kind, item_at(old, i), item_at(new, k));
        if (!is_let)
            return false;
    }
    return true;
}

static bool is_exact(const json_t *rule)
{
    return sl_str_equal(sl_json_text(rule, "operation", NULL), "exactly");
}

static bool is_weaker_list(const json_t *before, const json_t *now, const char *key,
                           enum list_sense sense)
{
    const json_t *old = json_object_get(before, key), *new = json_object_get(now, key);
    bool are_same = same(before, now, key);
    // One that is not there at all is no list with nothing in it.
    if (are_same || (json_array_size(old) > 0) != (json_array_size(new) > 0))
        return are_same;
    switch (sense) {
    case LIST_STAYS:
    case LIST_SIDES:
        return false;
    case LIST_GROWS:
        return covers(new, old);
    case LIST_SHRINKS:
        return covers(old, new);
    case LIST_SHRINKS_IN_ORDER:
        return is_subsequence(new, old);
    case LIST_AFFIXES:
        return lets_all_affixes(sl_json_text(now, "kind", NULL), old, new);
    case LIST_ALTERNATIVES:
        return covers(new, old) && (!is_exact(now) || covers(old, new));
    }
    return false;
}

// --- Bounds

// "items[].qty" among the columns of a state.
static const json_t *find_column(const json_t *columns, const char *path)
{
    size_t i;
    json_t *column;
    json_array_foreach ((json_t *)(uintptr_t)columns, i, column) {
        const char *name = sl_json_text(column, "name", "");
        size_t length = strlen(name);
        if (!sl_str_starts(path, name))
            continue;
        if (!path[length])
            return column;
        const json_t *fields = json_object_get(column, "fields");
        const json_t *item = json_array_get(fields, 0);
        const char *rest = path + length;
        while (sl_str_starts(rest, "[]") && item && rest[2]) {
            fields = json_object_get(item, "fields");
            item = json_array_get(fields, 0);
            rest += 2;
        }
        if (sl_str_equal(rest, "[]"))
            return item;
        const json_t *found = *rest == '.' ? find_column(fields, rest + 1) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

// What the bounds of a rule are measured in; `kind` is the column's.
struct scale {
    enum sl_type_kind kind;
    struct sl_span_limits limits;
};

static bool find_scale(const json_t *contract, const json_t *rule, struct scale *ret)
{
    static const struct {
        const char *kind;
        double min;
    } counts[] = {{"length", 0},      {"digits", 1},     {"decimal_places", 0},
                  {"age", -INFINITY}, {"item_count", 0}, {"member_count", 0}};
    const char *path = sl_json_text(rule, "column", NULL);
    const json_t *column = path ? find_column(json_object_get(contract, "columns"), path) : NULL;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (sl_str_equal(sl_json_text(rule, "kind", NULL), counts[i].kind)) {
            *ret = (struct scale){SL_TYPE_INTEGER, {counts[i].min, INFINITY, true}};
            return true;
        }
    ret->kind = (enum sl_type_kind)sl_json_int(column, "kind", SL_TYPE_TEXT);
    ret->limits = (struct sl_span_limits){
        -INFINITY, INFINITY, ret->kind != SL_TYPE_DOUBLE && ret->kind != SL_TYPE_DECIMAL};
    return column != NULL;
}

// Dates in days, timestamps in microseconds. False: it is not known exactly enough.
static bool read_bound(const struct scale *scale, const char *text, double *ret)
{
    long double value;
    switch (scale->kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        return strlen(text) <= 16 && sl_str_to_double(text, ret);
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
    case SL_TYPE_TIME:
        if (!sl_odcs_value((struct sl_type){.kind = scale->kind}, text, &value))
            return false;
        *ret = (double)value / (scale->kind == SL_TYPE_DATE ? 86400e6 : 1);
        return true;
    case SL_TYPE_TEXT:
    case SL_TYPE_BOOLEAN:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        break;
    }
    return false;
}

static bool read_spans(const struct scale *scale, const json_t *rule, struct sl_spans *ret)
{
    const char *min = sl_json_text(rule, "min", NULL), *max = sl_json_text(rule, "max", NULL);
    struct sl_span span = {-INFINITY, INFINITY, false, false};
    if ((min && !read_bound(scale, min, &span.min)) || (max && !read_bound(scale, max, &span.max)))
        return false;
    span.is_min_open = min && sl_json_bool(rule, "min_exclusive", false);
    span.is_max_open = max && sl_json_bool(rule, "max_exclusive", false);
    sl_spans_init(ret);
    sl_spans_narrow(ret, &span);
    struct sl_span_limits limits = scale->limits;
    limits.is_whole &= scale->kind != SL_TYPE_TIME;
    sl_spans_limit(ret, &limits);
    return true;
}

// A bound that is not understood must be the same, or gone.
static bool has_no_other_bounds(const json_t *before, const json_t *now)
{
    static const char *const keys[][2] = {{"min", "min_exclusive"}, {"max", "max_exclusive"}};
    for (size_t i = 0; i < 2; i++) {
        bool was_open = sl_json_bool(before, keys[i][1], false);
        bool is_open = sl_json_bool(now, keys[i][1], false);
        if (sl_json_text(now, keys[i][0], NULL) &&
            (!same(before, now, keys[i][0]) || (is_open && !was_open)))
            return false;
    }
    return true;
}

static bool has_wider_bounds(const json_t *contract, const json_t *before, const json_t *now)
{
    struct scale scale;
    struct sl_spans old, new;
    if (find_scale(contract, now, &scale) && read_spans(&scale, before, &old) &&
        read_spans(&scale, now, &new))
        return sl_spans_are_within(&old, &new);
    return has_no_other_bounds(before, now);
}

// --- Single values

// A plain decimal number as a whole one of units of 10^-places.
static bool read_units(const char *text, size_t places, int64_t *ret)
{
    char digits[20];
    const char *point = strchr(text, '.');
    size_t whole = point ? (size_t)(point - text) : strlen(text);
    size_t after = point ? strlen(point + 1) : 0;
    if (whole + places >= sizeof digits - 1 || after > places ||
        strspn(text, "0123456789.") != strlen(text))
        return false;
    memcpy(digits, text, whole);
    memset(digits + whole, '0', places);
    if (point)
        memcpy(digits + whole, point + 1, after);
    digits[whole + places] = '\0';
    return sl_str_to_int64(digits, ret) && *ret > 0;
}

// Multiples of 10 are multiples of 5. Those of doubles are near enough, which does not add up.
static bool divides(const json_t *contract, const json_t *before, const json_t *now)
{
    const char *path = sl_json_text(now, "column", "");
    const json_t *column = find_column(json_object_get(contract, "columns"), path);
    const char *old = sl_json_text(before, "text", ""), *new = sl_json_text(now, "text", "");
    const char *points[] = {strchr(old, '.'), strchr(new, '.')};
    size_t places = 0;
    int64_t a, b;
    for (size_t i = 0; i < 2; i++)
        if (points[i] && strlen(points[i] + 1) > places)
            places = strlen(points[i] + 1);
    return column && sl_json_int(column, "kind", SL_TYPE_DOUBLE) != SL_TYPE_DOUBLE &&
           read_units(old, places, &a) && read_units(new, places, &b) && a % b == 0;
}

// <= lets through all that < and = do.
static bool is_wider_operation(const char *old, const char *new)
{
    static const char *const wider[][2] = {{"<", "<="}, {"=", "<="}, {">", ">="},
                                           {"=", ">="}, {"<", "<>"}, {">", "<>"}};
    for (size_t i = 0; i < sizeof wider / sizeof *wider; i++)
        if (sl_str_equal(old, wider[i][0]) && sl_str_equal(new, wider[i][1]))
            return true;
    return sl_str_equal(old, new) || (sl_str_equal(old, "exactly") && !new);
}

static const char *turned(const char *operation)
{
    static const char *const pairs[][2] = {{"<", ">"}, {">", "<"}, {"<=", ">="}, {">=", "<="}};
    for (size_t i = 0; operation && i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(operation, pairs[i][0]) == 0)
            return pairs[i][1];
    return operation;
}

// a < b is b > a.
static bool has_wider_operation(const json_t *before, const json_t *now, const struct sense *sense)
{
    const json_t *old = json_object_get(before, "columns"), *new = json_object_get(now, "columns");
    const char *operation = sl_json_text(now, "operation", NULL);
    if (sense->columns == LIST_SIDES && !json_equal(old, new)) {
        if (json_array_size(old) != 2 || json_array_size(new) != 2 ||
            !sl_str_equal(item_at(old, 0), item_at(new, 1)) ||
            !sl_str_equal(item_at(old, 1), item_at(new, 0)))
            return false;
        operation = turned(operation);
    }
    return is_wider_operation(sl_json_text(before, "operation", NULL), operation);
}

static bool has_doubles(const json_t *contract, const json_t *rule)
{
    size_t i;
    json_t *name;
    json_array_foreach (json_object_get(rule, "columns"), i, name) {
        const char *path = json_string_value(name);
        const json_t *column =
            path ? find_column(json_object_get(contract, "columns"), path) : NULL;
        if (sl_json_int(column, "kind", SL_TYPE_DOUBLE) == SL_TYPE_DOUBLE)
            return true;
    }
    return false;
}

// Of doubles none is not 0, but some share of the total.
static bool has_wider_tolerance(const json_t *contract, const json_t *before, const json_t *now)
{
    const char *was = sl_json_text(before, "tolerance", NULL);
    const char *is = sl_json_text(now, "tolerance", NULL);
    double old = 0, new = 0;
    if (same(before, now, "tolerance"))
        return true;
    if ((!was || !is) && has_doubles(contract, now))
        return false;
    return (!was || (strlen(was) <= 16 && sl_str_to_double(was, &old))) &&
           (!is || (strlen(is) <= 16 && sl_str_to_double(is, &new))) && new >= old;
}

bool sl_contract_rule_is_weaker(const json_t *now_contract, const json_t *before, const json_t *now)
{
    static const struct sense none = {0};
    const struct sense *found = find_sense(sl_json_text(now, "kind", NULL));
    const struct sense *sense = found ? found : &none;
    return same(before, now, "kind") && same(before, now, "column") &&
           same(before, now, "parent") && same(before, now, "to") &&
           (same(before, now, "where") || !sl_json_text(before, "where", NULL)) &&
           (same(before, now, "text") ||
            (sense->text == TEXT_DIVIDES && divides(now_contract, before, now))) &&
           (sense->columns == LIST_SIDES ||
            is_weaker_list(before, now, "columns", sense->columns)) &&
           is_weaker_list(before, now, "values", sense->values) &&
           has_wider_operation(before, now, sense) &&
           has_wider_tolerance(now_contract, before, now) &&
           has_wider_bounds(now_contract, before, now);
}
