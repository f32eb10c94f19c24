// The library metrics of the Open Data Contract Standard, as its quality entries write them.
#include "check/kinds.h"
#include "check/must.h"

#include <math.h>
#include <string.h>

struct metric {
    const char *name, *what;
    bool has_column;
};
// The second name of each pair is that of v3.0.
static const struct metric metrics[] = {
    {"rowCount", "the number of rows", false},
    {"nullValues", "the number of nulls in", true},
    {"nullCheck", "the number of nulls in", true},
    {"missingValues", "the number of missing values in", true},
    {"invalidValues", "the number of invalid values in", true},
    {"validValues", "the number of invalid values in", true},
    {"duplicateValues", "the number of values that come again in", true},
    {"duplicateCount", "the number of values that come again in", true},
};

static const struct sl_opt rows[] = {
    {"metric", SL_OPT_STRING, 0, NULL,
     "rowCount, nullValues, missingValues, invalidValues or duplicateValues.", 0},
    {"arguments", SL_OPT_NODE, 0, NULL, "missingValues, validValues, pattern, properties.", 0},
    {"unit", SL_OPT_STRING, 0, NULL, "rows or percent.", 0},
    {"mustBe", SL_OPT_NODE, 0, NULL,
     "One of the operators mustBe, mustNotBe, mustBeGreaterThan, mustBeGreaterOrEqualTo, "
     "mustBeLessThan, mustBeLessOrEqualTo, mustBeBetween, mustNotBeBetween.",
     0},
    {0},
};

static const struct metric *find(const struct sl_check_input *input)
{
    const struct sl_yaml *node = sl_yaml_get(input->arguments, "metric");
    const char *names[8];
    if (!node)
        node = sl_yaml_get(input->arguments, "rule");
    for (size_t i = 0; i < 8; i++)
        names[i] = metrics[i].name;
    for (size_t i = 0; node && i < 8; i++)
        if (sl_str_equal(names[i], node->text))
            return &metrics[i];
    if (node)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, node->place,
                sl_did_you_mean(input->arena, node->text, names, 8), "there is no metric '%s'",
                node->text);
    else
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place, NULL,
                "'metric' is missing");
    return NULL;
}

static const struct sl_yaml *argument(const struct sl_check_input *input, const char *name)
{
    const struct sl_yaml *node = sl_yaml_get(sl_yaml_get(input->arguments, "arguments"), name);
    return node ? node : sl_yaml_get(input->arguments, name);
}

static int find_columns(const struct sl_check_input *input, struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_yaml *properties = argument(input, "properties");
    if (properties)
        return sl_check_list(input, properties, "property", ret, err);
    SL_TRY(sl_check_default_columns(input, ret, err));
    if (!ret->count)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place,
                "write it under a property, or 'arguments: {properties: [a, b]}'",
                "this metric is about a column, and none is named");
    return SL_OK;
}

// The texts of a list, in which null is no text.
static int texts_of(const struct sl_check_input *input, const struct sl_yaml *list,
                    struct sl_strs *ret, struct sl_err *err)
{
    for (size_t i = 0; list && list->kind == SL_YAML_LIST && i < list->count; i++)
        if (list->items[i]->kind == SL_YAML_SCALAR)
            SL_TRY(sl_strs_add(ret, input->arena, list->items[i]->text, err));
    return SL_OK;
}

static int add_missing(const struct sl_check_input *input, const char *name, struct sl_buf *sql,
                       struct sl_err *err)
{
    const struct sl_yaml *list = argument(input, "missingValues");
    struct sl_strs values = {0};
    SL_TRY(texts_of(input, list, &values, err));
    if (!list)
        SL_TRY(sl_strs_add(&values, input->arena, "", err));
    sl_buf_addf(sql, "count_if(%s is null", name);
    if (values.count) {
        sl_buf_addf(sql, " or %s::varchar in (", name);
        sl_check_add_strings(&values, sql);
        sl_buf_add(sql, ")");
    }
    sl_buf_add(sql, ")");
    return SL_OK;
}

// A null is neither valid nor invalid. Valid values take the column's type.
static int add_invalid(const struct sl_check_input *input, const char *name, struct sl_buf *sql,
                       struct sl_err *err)
{
    const struct sl_yaml *pattern = argument(input, "pattern");
    struct sl_strs values = {0};
    SL_TRY(texts_of(input, argument(input, "validValues"), &values, err));
    if (!values.count && !pattern) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place,
                "write 'arguments: {validValues: [a, b]}' or 'arguments: {pattern: ...}'",
                "nothing says which values are valid");
        return SL_OK;
    }
    sl_buf_add(sql, "count_if(false");
    if (values.count) {
        sl_buf_addf(sql, " or %s not in (", name);
        sl_check_add_strings(&values, sql);
        sl_buf_add(sql, ")");
    }
    if (pattern) {
        sl_buf_addf(sql, " or not regexp_matches(%s::varchar, ", name);
        sl_buf_add_sql_string(sql, pattern->text);
        sl_buf_add(sql, ")");
    }
    sl_buf_add(sql, ")");
    return SL_OK;
}

static int add_measure(const struct sl_check_input *input, const struct metric *metric,
                       const struct sl_strs *columns, struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    if (metric->has_column)
        sl_check_add_row(columns, &name);
    SL_TRY(sl_buf_check(&name, err));
    if (sl_str_equal(metric->name, "rowCount"))
        sl_buf_add(sql, "count(*)");
    else if (sl_str_starts(metric->name, "null"))
        sl_buf_addf(sql, "count_if(%s is null)", name.text);
    else if (sl_str_starts(metric->name, "missing"))
        SL_TRY(add_missing(input, name.text, sql, err));
    else if (sl_str_starts(metric->name, "duplicate"))
        sl_buf_addf(sql, "count(%s) - count(distinct %s)", name.text, name.text);
    else
        SL_TRY(add_invalid(input, name.text, sql, err));
    return sl_buf_check(sql, err);
}

// The standard allows any word.
static void read_unit(const struct sl_check_input *input, bool *ret_is_percent)
{
    const struct sl_yaml *unit = sl_yaml_get(input->arguments, "unit");
    *ret_is_percent = unit && sl_str_equal_nocase(unit->text, "percent");
    if (!unit || *ret_is_percent || sl_str_equal_nocase(unit->text, "rows"))
        return;
    sl_diag(input->diags, SL_SEVERITY_WARNING, SL_E_VALUE_INVALID, unit->place, NULL,
            "unit is '%s', expected rows or percent: it is counted in rows", unit->text);
}

static int say(const struct sl_check_input *input, const struct metric *metric,
               const struct sl_strs *columns, const char *must, bool is_percent,
               struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    sl_buf_add(&claim, metric->what);
    sl_buf_add(&claim, columns->count ? " " : "");
    sl_check_say(columns, &claim);
    sl_buf_addf(&claim, " %s%s", must, is_percent ? " percent of the rows" : "");
    return sl_check_keep(input, &claim, &ret->claim, err);
}

static enum sl_dimension dimension_of(const struct metric *metric)
{
    if (sl_str_starts(metric->name, "duplicate"))
        return SL_DIMENSION_CONSISTENCY;
    return strstr(metric->name, "valid") || strstr(metric->name, "Valid")
               ? SL_DIMENSION_CONFORMANCE
               : SL_DIMENSION_COMPLETENESS;
}

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf measure = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf broken = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf must = SL_BUF_INIT;
    struct sl_strs columns = {0};
    const struct metric *metric = find(input);
    bool is_percent;
    if (!metric)
        return SL_OK;
    read_unit(input, &is_percent);
    if (metric->has_column) {
        SL_TRY(find_columns(input, &columns, err));
        if (!columns.count)
            return SL_OK;
    }
    SL_TRY(add_measure(input, metric, &columns, &measure, err));
    const struct sl_span_limits limits = {
        .min = 0, .max = is_percent ? 100 : INFINITY, .is_whole = !is_percent};
    if (!measure.length || !sl_check_must(input, "\"value\"", &limits, &broken, &must))
        return SL_OK;
    SL_TRY(sl_buf_check(&broken, err));
    SL_TRY(sl_buf_check(&must, err));
    const char *select = sl_arena_printf(
        input->arena, "select %s%s%s as \"value\", count(*) as \"rows\" from " SL_CHECKED,
        is_percent ? "100 * (" : "", measure.text,
        is_percent ? ") / nullif(count(*), 0)::double" : "");
    SL_TRY_NEW(select, err);
    if (!sl_str_starts(metric->name, "duplicate")) {
        ret->members = sl_arena_printf(input->arena, "\"value\" := %s%s%s, \"rows\" := count(*)",
                                       is_percent ? "100 * (" : "", measure.text,
                                       is_percent ? ") / nullif(count(*), 0)::double" : "");
        SL_TRY_NEW(ret->members, err);
    }
    SL_TRY(say(input, metric, &columns, must.text, is_percent, ret, err));
    ret->dimension = dimension_of(metric);
    return sl_check_judged(input, select, "value", broken.text, ret, err);
}

static const struct sl_check_term terms[] = {
    {"metric", SL_CHECK_FIXED, .alias = "rule"},
    {"unit", SL_CHECK_UNIT, "rows"},
    {"mustBe", SL_CHECK_OPERATOR},
    {"arguments.properties", SL_CHECK_SET, "=column", "properties"},
    {"arguments.missingValues", SL_CHECK_RAISES_BY_LIST, "", "missingValues"},
    {"arguments.validValues", SL_CHECK_LOWERS_BY_LIST, .alias = "validValues"},
    {"arguments.pattern", SL_CHECK_FIXED, .alias = "pattern"},
    {0}};

const struct sl_check_kind sl_check_metric = {
    .name = "metric",
    .summary = "A library metric of the Open Data Contract Standard, with its operators.",
    .example = "metric: {metric: duplicateValues, arguments: {properties: [a, b]}, "
               "mustBeLessThan: 1, unit: percent}",
    .dimension = SL_DIMENSION_COMPLETENESS,
    .options = rows,
    .terms = terms,
    .numbers = SL_CHECK_COUNT,
    .compile = compile,
};
