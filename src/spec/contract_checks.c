// What a contract claims of a whole table, as checks: library metrics, queries, and the checks of
// engine sluice. Which kinds there are and what they take is known above.
#include "spec/contract_file.h"

#include <string.h>

static struct sl_yaml *new_scalar(struct sl_arena *arena, const char *text, struct sl_place place)
{
    struct sl_yaml *node = SL_NEW(arena, struct sl_yaml);

    if (node)
        *node = (struct sl_yaml){.kind = SL_YAML_SCALAR, .text = text, .place = place};
    return node;
}

static int add_key(struct sl_yaml *map, const char *key, const struct sl_yaml *value,
                   struct sl_arena *arena, struct sl_err *err)
{
    struct sl_yaml *name = new_scalar(arena, key, map->place);
    size_t count = map->count;

    SL_TRY_NEW(name, err);
    if (!SL_PUSH(arena, map->keys, count, name))
        return sl_fail_memory(err);
    if (!SL_PUSH(arena, map->items, map->count, (struct sl_yaml *)(uintptr_t)value))
        return sl_fail_memory(err);
    return SL_OK;
}

static int add_text(struct sl_yaml *map, const char *key, const char *text, struct sl_arena *arena,
                    struct sl_err *err)
{
    const struct sl_yaml *value;

    if (!text)
        return SL_OK;
    value = new_scalar(arena, text, map->place);
    SL_TRY_NEW(value, err);
    return add_key(map, key, value, arena, err);
}

static struct sl_yaml *new_node(struct sl_arena *arena, enum sl_yaml_kind kind,
                                struct sl_place place)
{
    struct sl_yaml *node = SL_NEW(arena, struct sl_yaml);

    if (node)
        *node = (struct sl_yaml){.kind = kind, .text = "", .place = place};
    return node;
}

int sl_odcs_add_check(struct sl_odcs_reader *reader, const struct sl_odcs_check *check,
                      struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_contract_table *table = reader->table;
    struct sl_yaml *item = new_node(arena, SL_YAML_MAP, check->place);
    const struct sl_yaml *arguments = check->arguments;

    SL_TRY_NEW(item, err);
    if (!arguments)
        arguments = new_node(arena, SL_YAML_NULL, check->place);
    SL_TRY_NEW(arguments, err);
    if (!table->checks)
        table->checks = new_node(arena, SL_YAML_LIST, check->place);
    SL_TRY_NEW(table->checks, err);
    SL_TRY(add_key(item, check->kind, arguments, arena, err));
    SL_TRY(add_text(item, "name", check->name, arena, err));
    SL_TRY(add_text(item, "severity", check->is_warning ? "warn" : "fail", arena, err));
    SL_TRY(add_text(item, "dimension", check->dimension, arena, err));
    SL_TRY(add_text(item, "column", check->column, arena, err));
    if (check->mostly)
        SL_TRY(add_key(item, "mostly", check->mostly, arena, err));
    if (check->where)
        SL_TRY(add_key(item, "where", check->where, arena, err));
    return SL_PUSH(arena, table->checks->items, table->checks->count, item) ? SL_OK
                                                                            : sl_fail_memory(err);
}

bool sl_odcs_has_operator(const struct sl_odcs_quality *quality)
{
    return quality->must_be || quality->must_be_less || quality->must_be_at_most ||
           quality->must_not_be || quality->must_be_greater || quality->must_be_at_least ||
           quality->must_be_between || quality->must_not_be_between;
}

static struct sl_odcs_check describe(const struct sl_odcs_reader *reader,
                                     const struct sl_odcs_quality *quality)
{
    return (struct sl_odcs_check){
        .name = quality->name ? quality->name : quality->id,
        .dimension = quality->dimension,
        .column = reader->column ? reader->column->name : NULL,
        .place = quality->node->place,
    };
}

int sl_odcs_add_quality_check(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                              const char *kind, bool is_warning, struct sl_err *err)
{
    static const char *const words[] = {"metric",
                                        "rule",
                                        "arguments",
                                        "validValues",
                                        "unit",
                                        "query",
                                        "mustBe",
                                        "mustNotBe",
                                        "mustBeBetween",
                                        "mustNotBeBetween",
                                        "mustBeLessThan",
                                        "mustBeLessOrEqualTo",
                                        "mustBeGreaterThan",
                                        "mustBeGreaterOrEqualTo"};
    struct sl_arena *arena = &reader->project->arena;
    struct sl_odcs_check check = describe(reader, quality);
    struct sl_yaml *arguments = new_node(arena, SL_YAML_MAP, quality->node->place);

    SL_TRY_NEW(arguments, err);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct sl_yaml *value = sl_yaml_get(quality->node, words[i]);

        if (value)
            SL_TRY(add_key(arguments, words[i], value, arena, err));
    }
    check.kind = kind;
    check.arguments = arguments;
    check.is_warning = is_warning;
    return sl_odcs_add_check(reader, &check, err);
}

static void complain(struct sl_odcs_reader *reader, const struct sl_yaml *node, const char *found)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place,
            "write {check: row_count, min: 1} or {check: {not_null: [a, b]}}; `sluice ls --checks` "
            "lists the kinds",
            "'check' is %s, expected the kind of a check", found);
}

// What stands beside `check` and is no argument of the kind.
static bool take_common(const struct sl_yaml *key, const struct sl_yaml *value,
                        struct sl_odcs_reader *reader, struct sl_odcs_check *check)
{
    enum sl_rule_severity severity;

    if (strcmp(key->text, "check") == 0)
        return true;
    if (strcmp(key->text, "mostly") == 0) {
        check->mostly = value;
        return true;
    }
    if (strcmp(key->text, "where") == 0) {
        check->where = value;
        return true;
    }
    if (strcmp(key->text, "severity") != 0)
        return false;
    if (sl_odcs_severity(value->text, &severity) && severity != SL_RULE_VALUE)
        check->is_warning = severity == SL_RULE_WARN;
    else
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, value->place,
                "fail or warn", "severity '%s' is not known", value->text);
    return true;
}

int sl_odcs_add_custom_check(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                             bool is_warning, struct sl_err *err)
{
    const struct sl_yaml *node = quality->implementation;
    const struct sl_yaml *kind = sl_yaml_get(node, "check");
    struct sl_arena *arena = &reader->project->arena;
    struct sl_odcs_check check = describe(reader, quality);
    struct sl_yaml *arguments = new_node(arena, SL_YAML_MAP, node->place);
    bool is_map = kind->kind == SL_YAML_MAP && kind->count == 1;

    SL_TRY_NEW(arguments, err);
    check.is_warning = is_warning;
    if (!is_map && (kind->kind != SL_YAML_SCALAR || !kind->text[0])) {
        complain(reader, kind, sl_yaml_describe(kind));
        return SL_OK;
    }
    for (size_t i = 0; i < node->count; i++)
        if (!take_common(node->keys[i], node->items[i], reader, &check))
            SL_TRY(add_key(arguments, node->keys[i]->text, node->items[i], arena, err));
    check.kind = is_map ? kind->keys[0]->text : kind->text;
    check.arguments = is_map ? kind->items[0] : arguments->count ? arguments : NULL;
    if (!is_map || !arguments->count)
        return sl_odcs_add_check(reader, &check, err);
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_KEY_UNKNOWN, arguments->place,
            "arguments stand with the kind, in the map behind 'check'",
            "unknown key '%s' beside 'check'", arguments->keys[0]->text);
    return SL_OK;
}
