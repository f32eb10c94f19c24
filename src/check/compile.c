// A list of checks: which kind each item is of, and the keys that every check may have.
#include "check/kinds.h"

#include <string.h>

static const char *const common[] = {"name", "severity", "mostly", "where", "dimension", "column"};

bool sl_check_is_common(const char *key)
{
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (sl_str_equal(common[i], key))
            return true;
    return false;
}

static void unknown_kind(struct sl_arena *arena, struct sl_diags *diags, const struct sl_yaml *name)
{
    const char *names[64];
    size_t count = 0;
    for (; count < 64 && sl_check_kinds[count]; count++)
        names[count] = sl_check_kinds[count]->name;
    sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, name->place,
            sl_did_you_mean(arena, name->text, names, count), "there is no check '%s'", name->text);
}

// The key that names the kind; NULL, with a diagnostic, if there is none or more than one.
static const struct sl_yaml *kind_key(const struct sl_yaml *item, struct sl_diags *diags,
                                      const struct sl_yaml **ret_arguments)
{
    const struct sl_yaml *found = NULL;
    for (size_t i = 0; i < item->count; i++) {
        if (sl_check_is_common(item->keys[i]->text) && item->count > 1)
            continue;
        if (found) {
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, item->keys[i]->place,
                    "beside the kind there may be name, severity, mostly, where, dimension",
                    "one check has the keys '%s' and '%s'", found->text, item->keys[i]->text);
            return NULL;
        }
        found = item->keys[i];
        *ret_arguments = item->items[i];
    }
    if (!found)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, item->place, NULL,
                "expected one check as {kind: arguments}, found no kind");
    return found;
}

static bool read_severity(const struct sl_yaml *item, struct sl_diags *diags, struct sl_check *ret)
{
    const struct sl_yaml *node = sl_yaml_get(item, "severity");
    if (!node)
        return true;
    ret->is_warning = node->kind == SL_YAML_SCALAR && sl_str_equal(node->text, "warn");
    if (ret->is_warning || (node->kind == SL_YAML_SCALAR && sl_str_equal(node->text, "fail")))
        return true;
    sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, node->place,
            "fail keeps the table from being published, warn reports",
            "severity is '%s', expected fail or warn",
            node->kind == SL_YAML_SCALAR ? node->text : sl_yaml_describe(node));
    return false;
}

static bool read_dimension(const struct sl_yaml *item, struct sl_diags *diags, struct sl_check *ret)
{
    const struct sl_yaml *node = sl_yaml_get(item, "dimension");
    if (!node || (node->kind == SL_YAML_SCALAR && sl_dimension_parse(node->text, &ret->dimension)))
        return true;
    sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, node->place,
            "one of timeliness, completeness, accuracy, conformance, consistency",
            "there is no dimension '%s'",
            node->kind == SL_YAML_SCALAR ? node->text : sl_yaml_describe(node));
    return false;
}

static bool read_name(const struct sl_yaml *item, struct sl_diags *diags, struct sl_check *ret)
{
    const struct sl_yaml *node = sl_yaml_get(item, "name");
    if (node && (node->kind != SL_YAML_SCALAR || !node->text[0])) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
                "expected a text for 'name', found %s", sl_yaml_describe(node));
        return false;
    }
    ret->name = node ? node->text : NULL;
    return true;
}

static int read_where(const struct sl_check_input *input, const struct sl_yaml *item,
                      struct sl_check *ret, struct sl_err *err)
{
    const struct sl_yaml *node = sl_yaml_get(item, "where");
    if (!node || !ret->failing_sql)
        return SL_OK;
    if (node->kind != SL_YAML_SCALAR || !node->text[strspn(node->text, " \t\r\n")]) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
                "expected a SQL condition for 'where', found %s",
                node->kind == SL_YAML_SCALAR ? "an empty text" : sl_yaml_describe(node));
        ret->failing_sql = NULL;
        return SL_OK;
    }
    if (ret->reads_versions) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, node->place, NULL,
                "'where' has no meaning for check %s: versions are counted whole", ret->kind);
        ret->failing_sql = NULL;
        return SL_OK;
    }
    ret->where = node->text;
    ret->claim = sl_arena_printf(input->arena, "%s, where %s", ret->claim, node->text);
    SL_TRY_NEW(ret->claim, err);
    return SL_OK;
}

// The example is not among them: one scan beside other checks keeps no rows.
static int keep_shares(const struct sl_check_input *input, struct sl_check *check,
                       struct sl_err *err)
{
    if (!check->breaks_row)
        return SL_OK;
    check->members =
        sl_arena_printf(input->arena, "\"all_rows\" := count(*), \"broken_rows\" := count_if(%s\n)",
                        check->breaks_row);
    check->over = "select 1 - \"broken_rows\"::double / nullif(\"all_rows\", 0) as \"kept_share\" "
                  "from " SL_CHECKED_MEMBERS;
    check->breaks_row = NULL;
    SL_TRY_NEW(check->members, err);
    return SL_OK;
}

// Turns rows that break a claim into their share, which may not be too large.
static int apply_mostly(const struct sl_check_input *input, const struct sl_yaml *mostly,
                        const struct sl_check_kind *kind, struct sl_check *check,
                        struct sl_err *err)
{
    double share;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!mostly || !check->failing_sql)
        return SL_OK;
    const char *rows = check->failing_sql;
    check->failing_sql = NULL;
    if (!kind->takes_mostly) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, mostly->place,
                "it is for claims about single rows: not_null, accepted_values, range, expression, "
                "pattern, relationships",
                "'mostly' has no meaning for check %s", kind->name);
        return SL_OK;
    }
    if (mostly->kind != SL_YAML_SCALAR || !sl_str_to_double(mostly->text, &share) || share <= 0 ||
        share > 1) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, mostly->place, NULL,
                "'mostly' is '%s', expected a share above 0 and at most 1",
                mostly->kind == SL_YAML_SCALAR ? mostly->text : sl_yaml_describe(mostly));
        return SL_OK;
    }
    sl_buf_addf(
        &sql,
        "(select \"rows\" as \"all_rows\", bad.* from (select count(*) as \"rows\" from " SL_CHECKED
        ") cross join (select count(*) as \"broken_rows\", "
        "any_value(to_json(f)) as \"example\" from (%s\n) f) bad)",
        rows);
    SL_TRY(sl_buf_check(&sql, err));
    const struct sl_check_measure measure = {
        .name = "kept_share",
        .sql = "1 - \"broken_rows\"::double / nullif(\"all_rows\", 0)",
        .more = "\"broken_rows\", \"all_rows\", \"example\"",
        .from = sql.text,
        .bounds = {.min = mostly->text},
    };
    SL_TRY(keep_shares(input, check, err));
    check->is_per_row = false;
    check->claim = sl_arena_printf(input->arena, "%s in a share of rows of", check->claim);
    SL_TRY_NEW(check->claim, err);
    return sl_check_measured(input, &measure, check->claim, check, err);
}

static int compile_item(const struct sl_yaml *item, struct sl_arena *arena, struct sl_diags *diags,
                        struct sl_check *ret, struct sl_err *err)
{
    struct sl_yaml none = {.kind = SL_YAML_NULL, .text = "", .place = item->place};
    const struct sl_yaml *name = item, *arguments = &none, *column;
    bool is_map = item->kind == SL_YAML_MAP && item->count > 0;
    *ret = (struct sl_check){.place = item->place};
    if (!is_map && item->kind != SL_YAML_SCALAR) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, item->place, NULL,
                "expected one check as {kind: arguments}, found %s", sl_yaml_describe(item));
        return SL_OK;
    }
    if (is_map && !(name = kind_key(item, diags, &arguments)))
        return SL_OK;
    const struct sl_check_kind *kind = sl_check_kind_find(name->text);
    if (!kind) {
        unknown_kind(arena, diags, name);
        return SL_OK;
    }
    ret->kind = kind->name;
    ret->dimension = kind->dimension;
    bool is_right = read_severity(item, diags, ret);
    is_right &= read_name(item, diags, ret);
    column = sl_yaml_get(item, "column");
    struct sl_check_input input = {.arguments = arguments,
                                   .column = column && column->kind == SL_YAML_SCALAR ? column->text
                                                                                      : NULL,
                                   .arena = arena,
                                   .diags = diags};
    SL_TRY(kind->compile(&input, ret, err));
    is_right &= read_dimension(item, diags, ret);
    SL_TRY(apply_mostly(&input, sl_yaml_get(item, "mostly"), kind, ret, err));
    SL_TRY(read_where(&input, item, ret, err));
    if (!is_right)
        ret->failing_sql = NULL;
    return SL_OK;
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
