#include "check/kinds.h"

const struct sl_check_kind *const sl_check_kinds[] = {
    &sl_check_accepted_values, &sl_check_expression, &sl_check_not_null, &sl_check_range,
    &sl_check_relationships,   &sl_check_row_count,  &sl_check_unique,   NULL,
};

static const struct sl_check_kind *find_kind(const char *name)
{
    for (size_t i = 0; sl_check_kinds[i]; i++)
        if (sl_str_equal(sl_check_kinds[i]->name, name))
            return sl_check_kinds[i];
    return NULL;
}

static void unknown_kind(struct sl_arena *arena, struct sl_diags *diags, const struct sl_yaml *name)
{
    const char *names[32];
    size_t count = 0;
    for (; sl_check_kinds[count]; count++)
        names[count] = sl_check_kinds[count]->name;
    sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, name->place,
            sl_did_you_mean(arena, name->text, names, count), "there is no check '%s'", name->text);
}

static int compile_item(const struct sl_yaml *item, struct sl_arena *arena, struct sl_diags *diags,
                        struct sl_check *ret, struct sl_err *err)
{
    static const struct sl_yaml nothing = {.kind = SL_YAML_NULL, .text = ""};
    bool is_map = item->kind == SL_YAML_MAP && item->count == 1;
    const struct sl_yaml *name = is_map ? item->keys[0] : item;
    *ret = (struct sl_check){.place = item->place};
    if (!is_map && item->kind != SL_YAML_SCALAR) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, item->place, NULL,
                "expected one check as {kind: arguments}, found %s", sl_yaml_describe(item));
        return SL_OK;
    }
    const struct sl_check_kind *kind = find_kind(name->text);
    if (!kind) {
        unknown_kind(arena, diags, name);
        return SL_OK;
    }
    struct sl_yaml none = nothing;
    none.place = item->place;
    struct sl_check_input input = {
        .arguments = is_map ? item->items[0] : &none, .arena = arena, .diags = diags};
    ret->kind = kind->name;
    return kind->compile(&input, ret, err);
}

int sl_checks_compile(const struct sl_yaml *list, struct sl_arena *arena, struct sl_diags *diags,
                      struct sl_check **ret, size_t *ret_count, struct sl_err *err)
{
    size_t count = 0;
    struct sl_check *checks = SL_NEW_ARRAY(arena, struct sl_check, list ? list->count : 0);
    SL_TRY_NEW(checks, err);
    for (size_t i = 0; list && list->kind == SL_YAML_LIST && i < list->count; i++) {
        SL_TRY(compile_item(list->items[i], arena, diags, &checks[count], err));
        if (checks[count].failing_sql)
            count++;
    }
    *ret = checks;
    *ret_count = count;
    return SL_OK;
}
