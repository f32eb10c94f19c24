#include "check/kinds.h"

#include <string.h>

// As in SQL's CHECK, a result of null passes.
static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    static const char *const known[] = {"expression", NULL};
    const struct sl_yaml *node = input->arguments;
    if (node->kind == SL_YAML_MAP) {
        if (!sl_check_is_map(input, known) || !sl_check_text(input, "expression", true))
            return SL_OK;
        node = sl_yaml_get(node, "expression");
    }
    if (node->kind != SL_YAML_SCALAR) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
                "expected a SQL expression, found %s", sl_yaml_describe(node));
        return SL_OK;
    }
    if (!node->text[strspn(node->text, " \n\t")]) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, node->place, NULL,
                "the expression is empty");
        return SL_OK;
    }
    sl_buf_addf(&sql, "not coalesce((%s\n), true)", node->text);
    ret->claim = node->text;
    return sl_check_of_rows(input, &sql, ret, err);
}

static const struct sl_check_term terms[] = {{"expression", SL_CHECK_FIXED}, {0}};

const struct sl_check_kind sl_check_expression = {
    .name = "expression",
    .summary = "A SQL expression is true (or null) for every row.",
    .example = "expression: revenue_eur >= 0",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .takes_mostly = true,
    .terms = terms,
    .bare = "expression",
    .holds_of_parts = true,
    .compile = compile,
};
