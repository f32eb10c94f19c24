#include "check/kinds.h"

#include <stddef.h>

struct config {
    const char *expression;
    struct equals {
        const char *table, *expression, *tolerance;
        bool is_relative;
    } equals;
};
static const struct sl_opt equals_rows[] = {
    {"table", SL_OPT_STRING, offsetof(struct equals, table), NULL, "The other table.",
     SL_OPT_REQUIRED},
    {"expression", SL_OPT_STRING, offsetof(struct equals, expression), NULL,
     "Aggregate over the other table; the same one if it is not given.", 0},
    {"tolerance", SL_OPT_STRING, offsetof(struct equals, tolerance), "0",
     "How far the two may lie apart.", 0},
    {"relative", SL_OPT_BOOL, offsetof(struct equals, is_relative), "false",
     "The tolerance is a share of the other value.", 0},
    {0},
};
static const struct sl_opt rows[] = {
    {"expression", SL_OPT_STRING, offsetof(struct config, expression), NULL,
     "Aggregate over the table: sum(amount), count(*).", SL_OPT_REQUIRED},
    {"equals", SL_OPT_OBJECT, offsetof(struct config, equals), NULL, "What it must equal.", 0,
     .rows = equals_rows},
    {0},
};

static bool is_sound(const struct sl_check_input *input, struct config *config)
{
    const struct sl_yaml *equals = sl_yaml_get(input->arguments, "equals");
    double tolerance;
    if (!config->equals.table) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place, NULL,
                "'equals' is missing");
        return false;
    }
    if (!sl_str_to_double(config->equals.tolerance, &tolerance) || !(tolerance >= 0)) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE,
                sl_yaml_place(equals, "tolerance"), NULL,
                "expected a number of at least 0 for 'tolerance', found '%s'",
                config->equals.tolerance);
        return false;
    }
    if (!config->equals.expression)
        config->equals.expression = config->expression;
    return sl_check_is_table(input, "equals", config->equals.table);
}

// Two that are both null agree; one alone does not.
static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct config config = {0};
    const struct equals *equals = &config.equals;
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !is_sound(input, &config))
        return SL_OK;
    sl_buf_addf(&sql,
                "select \"here\" - \"there\" as \"difference\", \"here\", \"there\", %s%s as "
                "\"tolerance\" from (select (%s\n) as \"here\" from " SL_CHECKED
                ") cross join (select (%s\n) as \"there\" from %s)",
                equals->tolerance, equals->is_relative ? " * abs(\"there\")" : "",
                config.expression, equals->expression, equals->table);
    SL_TRY(sl_buf_check(&sql, err));
    ret->claim = sl_arena_printf(input->arena, "%s equals %s of %s", config.expression,
                                 equals->expression, equals->table);
    SL_TRY_NEW(ret->claim, err);
    ret->reads = equals->table;
    return sl_check_judged(input, sql.text, "difference",
                           "abs(\"difference\") > \"tolerance\" or (\"here\" is null) <> "
                           "(\"there\" is null)",
                           ret, err);
}

static const struct sl_check_term terms[] = {{"expression", SL_CHECK_FIXED},
                                             {"equals.table", SL_CHECK_FIXED},
                                             {"equals.expression", SL_CHECK_FIXED, "=expression"},
                                             {"equals.tolerance", SL_CHECK_LESS, "0"},
                                             {"equals.relative", SL_CHECK_FIXED, "false"},
                                             {0}};

const struct sl_check_kind sl_check_reconcile = {
    .name = "reconcile",
    .summary = "A sum or count equals that of another table.",
    .example = "reconcile: {expression: sum(amount), equals: {table: clean.orders, tolerance: "
               "0.01}}",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .options = rows,
    .terms = terms,
    .compile = compile,
};
