// The rules of objects and arrays in logicalTypeOptions: how many items or members there are, which
// of them must be there, and whether an item comes twice.
#include "spec/contract_file.h"

#include <string.h>

static void complain(struct sl_odcs_reader *reader, struct sl_place place, const char *message)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place, NULL,
            "column '%s': %s", reader->column->path, message ? message : "no value fits");
}

static bool has_type(const struct sl_contract_column *column, enum sl_type_kind kind)
{
    return column->type.kind == kind || column->type.kind == SL_TYPE_JSON;
}

struct limits {
    const char *kind, *min_key, *max_key;
    const char *what; // "array"
    int64_t min, max;
};

// False, after a diagnostic, if they are none.
static bool check_limits(struct sl_odcs_reader *reader, const struct sl_yaml *options,
                         const struct limits *limits)
{
    struct sl_arena *arena = &reader->project->arena;
    bool has_min = sl_load_has(options, limits->min_key);
    bool has_max = sl_load_has(options, limits->max_key);
    const char *negative = has_min && limits->min < 0   ? limits->min_key
                           : has_max && limits->max < 0 ? limits->max_key
                                                        : NULL;

    if (negative)
        complain(reader, sl_yaml_place(options, negative),
                 sl_arena_printf(arena, "'%s' cannot be negative", negative));
    else if (has_min && has_max && limits->min > limits->max)
        complain(reader, sl_yaml_place(options, limits->min_key),
                 sl_arena_printf(arena, "'%s' %lld is greater than '%s' %lld, so no %s fits",
                                 limits->min_key, (long long)limits->min, limits->max_key,
                                 (long long)limits->max, limits->what));
    else
        return true;
    return false;
}

// At least 0 and no end say nothing.
static int add_limits(struct sl_odcs_reader *reader, const struct sl_yaml *options,
                      const struct limits *limits, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    bool has_min = sl_load_has(options, limits->min_key) && limits->min != 0;
    bool has_max = sl_load_has(options, limits->max_key);
    struct sl_rule rule = {.kind = limits->kind,
                           .place =
                               sl_yaml_place(options, has_min ? limits->min_key : limits->max_key)};

    if ((!has_min && !has_max) || !check_limits(reader, options, limits))
        return SL_OK;
    if (has_min) {
        rule.min = sl_arena_printf(arena, "%lld", (long long)limits->min);
        SL_TRY_NEW(rule.min, err);
    }
    if (has_max) {
        rule.max = sl_arena_printf(arena, "%lld", (long long)limits->max);
        SL_TRY_NEW(rule.max, err);
    }
    return sl_odcs_add_rule(reader, rule, NULL, false, err);
}

int sl_odcs_nested_rules(struct sl_odcs_reader *reader, const struct sl_odcs_options *options,
                         struct sl_err *err)
{
    const struct sl_contract_column *column = reader->column;
    const struct limits items = {.kind = "item_count",
                                 .min_key = "minItems",
                                 .max_key = "maxItems",
                                 .what = "array",
                                 .min = options->min_items,
                                 .max = options->max_items};
    const struct limits members = {.kind = "member_count",
                                   .min_key = "minProperties",
                                   .max_key = "maxProperties",
                                   .what = "object",
                                   .min = options->min_properties,
                                   .max = options->max_properties};
    struct sl_rule rule = {0};

    if (has_type(column, SL_TYPE_ARRAY))
        SL_TRY(add_limits(reader, options->node, &items, err));
    if (has_type(column, SL_TYPE_ARRAY) && options->has_unique_items) {
        rule.kind = "unique_items";
        rule.place = sl_yaml_place(options->node, "uniqueItems");
        SL_TRY(sl_odcs_add_rule(reader, rule, NULL, false, err));
    }
    if (has_type(column, SL_TYPE_OBJECT))
        SL_TRY(add_limits(reader, options->node, &members, err));
    // A member that is described is required by itself.
    if (column->type.kind == SL_TYPE_JSON && options->required.count) {
        rule.kind = "required_members";
        rule.place = sl_yaml_place(options->node, "required");
        rule.values = options->required;
        SL_TRY(sl_odcs_add_rule(reader, rule, NULL, false, err));
    }
    return SL_OK;
}

// --- What cannot be kept ---

int sl_odcs_check_member(struct sl_odcs_reader *reader, const char *name, struct sl_place place,
                         struct sl_err *err)
{
    const struct sl_contract_column *column = reader->column;
    struct sl_arena *arena = &reader->project->arena;
    struct sl_strs known = {0};

    for (size_t i = 0; i < column->field_count; i++) {
        if (sl_str_equal(column->fields[i].name, name))
            return SL_OK;
        SL_TRY(sl_strs_add(&known, arena, column->fields[i].name, err));
    }
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place,
            sl_did_you_mean(arena, name, known.items, known.count),
            "column '%s' has no member '%s'", column->path, name);
    return SL_OK;
}

static bool is_strict(const struct sl_rule *rule)
{
    return rule->severity != SL_RULE_WARN && !rule->where && !rule->mostly;
}

static bool is_kind(const struct sl_rule *rule, const char *kind)
{
    return strcmp(rule->kind, kind) == 0 && is_strict(rule);
}

static struct sl_place place_of(const struct sl_rule *rule, const char *key)
{
    return rule->node ? sl_yaml_place(rule->node, key) : rule->place;
}

// Whether every object has a value there.
static bool is_always(const struct sl_contract_column *member)
{
    if (member->otherwise)
        return true;
    for (size_t i = 0; i < member->rule_count; i++)
        if (is_kind(&member->rules[i], "required"))
            return true;
    return false;
}

static void check_members(struct sl_odcs_reader *reader, const struct sl_rule *rule)
{
    const struct sl_contract_column *column = reader->column;
    struct sl_arena *arena = &reader->project->arena;
    long long fewest = 0, most = (long long)column->field_count;
    int64_t bound;

    for (size_t i = 0; i < column->field_count; i++)
        fewest += is_always(&column->fields[i]);
    if (rule->min && sl_str_to_int64(rule->min, &bound) && bound > most)
        complain(reader, place_of(rule, "min"),
                 sl_arena_printf(arena,
                                 "at least %s members must have a value, and there are %lld, so "
                                 "no object fits",
                                 rule->min, most));
    if (rule->max && sl_str_to_int64(rule->max, &bound) && bound >= 0 && bound < fewest)
        complain(reader, place_of(rule, "max"),
                 sl_arena_printf(arena,
                                 "at most %s members may have a value, and %lld always have one, "
                                 "so no object fits",
                                 rule->max, fewest));
}

// How many items can differ from each other: -1 if there is no end that is known.
static int64_t different_items(const struct sl_contract_column *item)
{
    bool has_null = !is_always(item);
    int64_t count = item->type.kind == SL_TYPE_BOOLEAN ? 2 : -1;
    int64_t min, max;

    for (size_t i = 0; i < item->rule_count; i++) {
        const struct sl_rule *rule = &item->rules[i];
        int64_t own = -1;

        if (is_kind(rule, "enum"))
            own = (int64_t)rule->values.count;
        else if (is_kind(rule, "range") && item->type.kind == SL_TYPE_INTEGER && rule->min &&
                 rule->max && sl_str_to_int64(rule->min, &min) &&
                 sl_str_to_int64(rule->max, &max) && min <= max && min > -INT64_MAX / 4 &&
                 max < INT64_MAX / 4)
            own = max - min + 1 - rule->is_min_exclusive - rule->is_max_exclusive;
        if (own >= 0 && (count < 0 || own < count))
            count = own;
    }
    return count < 0 ? -1 : count + has_null;
}

static void check_items(struct sl_odcs_reader *reader, const struct sl_rule *rule)
{
    const struct sl_contract_column *column = reader->column;
    struct sl_arena *arena = &reader->project->arena;
    int64_t most = different_items(column->fields);
    int64_t bound;

    for (size_t i = 0; i < column->rule_count; i++)
        if (is_kind(&column->rules[i], "unique_items") && rule->min && most >= 0 &&
            sl_str_to_int64(rule->min, &bound) && bound > most) {
            complain(reader, place_of(rule, "min"),
                     sl_arena_printf(arena,
                                     "at least %s items must differ from each other, and there "
                                     "are %lld values for them, so no array fits",
                                     rule->min, (long long)most));
            return;
        }
}

// Two counts of which one ends before the other begins.
static void check_pair(struct sl_odcs_reader *reader, const struct sl_rule *first,
                       const struct sl_rule *second)
{
    int64_t min, max;
    bool is_apart = first->max && second->min && sl_str_to_int64(first->max, &max) &&
                    sl_str_to_int64(second->min, &min) && max < min;
    bool is_apart_too = second->max && first->min && sl_str_to_int64(second->max, &max) &&
                        sl_str_to_int64(first->min, &min) && max < min;

    if (is_apart || is_apart_too)
        complain(reader, second->place,
                 sl_arena_printf(&reader->project->arena,
                                 "no value can keep both of its rules '%s' and '%s'", first->id,
                                 second->id));
}

void sl_odcs_check_counts(struct sl_odcs_reader *reader)
{
    const struct sl_contract_column *column = reader->column;

    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        bool is_count = is_kind(rule, "item_count") || is_kind(rule, "member_count");

        for (size_t k = 0; k < i && is_count; k++)
            if (is_kind(&column->rules[k], rule->kind))
                check_pair(reader, &column->rules[k], rule);
    }
}

int sl_odcs_check_nested_rules(struct sl_odcs_reader *reader, struct sl_err *err)
{
    const struct sl_contract_column *column = reader->column;

    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];

        if (is_kind(rule, "member_count"))
            check_members(reader, rule);
        else if (is_kind(rule, "item_count") && column->field_count)
            check_items(reader, rule);
        else if (strcmp(rule->kind, "required_members") == 0)
            for (size_t k = 0; k < rule->values.count; k++)
                SL_TRY(sl_odcs_check_member(reader, rule->values.items[k],
                                            place_of(rule, "members"), err));
    }
    return SL_OK;
}
