#include "check/kinds.h"

#include <stddef.h>

struct config {
    const char *column;
    struct sl_yaml *shares;
};
static const struct sl_opt rows[] = {
    {"column", SL_OPT_STRING, offsetof(struct config, column), NULL, "The column.", 0},
    {"shares", SL_OPT_NODE, offsetof(struct config, shares), NULL,
     "A map from values to the least and greatest share of rows that have them: {new: [0.1, 0.4]}.",
     0},
    {0},
};

static bool read_share(const struct sl_yaml *node, double *ret)
{
    return node->kind == SL_YAML_SCALAR && sl_str_to_double(node->text, ret) && *ret >= 0 &&
           *ret <= 1;
}

static bool is_range(const struct sl_check_input *input, const struct sl_yaml *key,
                     const struct sl_yaml *range)
{
    double min, max;
    if (range->kind == SL_YAML_LIST && range->count == 2 && read_share(range->items[0], &min) &&
        read_share(range->items[1], &max) && min <= max)
        return true;
    sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, range->place,
            "write [0.1, 0.4]: at least a tenth, at most four tenths",
            "the share of '%s' is %s, expected the least and the greatest share in a list",
            key->text, sl_yaml_describe(range));
    return false;
}

static bool are_sound(const struct sl_check_input *input, const struct config *config)
{
    const struct sl_yaml *shares = config->shares;
    bool is_right = true;
    double least = 0, min;
    if (!shares || shares->kind != SL_YAML_MAP || !shares->count) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE,
                sl_yaml_place(input->arguments, "shares"), "write {new: [0.1, 0.4]}",
                "expected a map for 'shares', found %s",
                shares ? sl_yaml_describe(shares) : "nothing");
        return false;
    }
    for (size_t i = 0; i < shares->count; i++)
        if (!is_range(input, shares->keys[i], shares->items[i]))
            is_right = false;
        else if (read_share(shares->items[i]->items[0], &min))
            least += min;
    if (is_right && least > 1 + 1e-9) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, shares->place, NULL,
                "the least shares come to more than 1 together, so that nothing can pass");
        return false;
    }
    return is_right;
}

// One row for each value; a table without rows has no shares.
static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !sl_check_has_column(input, &config.column) || !are_sound(input, &config))
        return SL_OK;
    sl_buf_add(&sql, "select \"value\", coalesce(\"rows\", 0) / \"all_rows\"::double as \"share\", "
                     "\"min\", \"max\" from (values ");
    for (size_t i = 0; i < config.shares->count; i++) {
        const struct sl_yaml *range = config.shares->items[i];
        sl_buf_add(&sql, i ? ", (" : "(");
        sl_buf_add_sql_string(&sql, config.shares->keys[i]->text);
        sl_buf_addf(&sql, ", %s::double, %s::double)", range->items[0]->text,
                    range->items[1]->text);
    }
    sl_buf_add(&sql, ") w(\"value\", \"min\", \"max\") left join (select ");
    sl_buf_add_sql_name(&sql, config.column);
    sl_buf_add(&sql, "::varchar as \"value\", count(*) as \"rows\" from " SL_CHECKED
                     " group by 1) using (\"value\") cross join (select count(*) as \"all_rows\" "
                     "from " SL_CHECKED ") where \"all_rows\" > 0 and coalesce(\"rows\", 0) / "
                     "\"all_rows\"::double not between \"min\" and \"max\"");
    ret->claim = sl_arena_printf(input->arena, "the values of '%s' have their shares of the rows",
                                 config.column);
    SL_TRY_NEW(ret->claim, err);
    return sl_check_keep(input, &sql, &ret->failing_sql, err);
}

static const struct sl_check_term terms[] = {
    {"column", SL_CHECK_FIXED}, {"shares", SL_CHECK_SHARES}, {0}};

const struct sl_check_kind sl_check_distribution = {
    .name = "distribution",
    .summary = "The share of the rows that have a value lies within bounds, for each listed value.",
    .example = "distribution: {column: status, shares: {new: [0.1, 0.4], paid: [0.5, 0.9]}}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = rows,
    .terms = terms,
    .compile = compile,
};
