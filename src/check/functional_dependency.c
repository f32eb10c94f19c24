#include "check/kinds.h"

#include <stddef.h>

struct config {
    struct sl_strs from, to;
};
static const struct sl_opt rows[] = {
    {"from", SL_OPT_STRINGS, offsetof(struct config, from), NULL, "The columns that determine.",
     SL_OPT_REQUIRED},
    {"to", SL_OPT_STRINGS, offsetof(struct config, to), NULL, "The columns that are determined.",
     SL_OPT_REQUIRED},
    {0},
};

// Null is a value here: where it stands beside another, both cannot be determined.
static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right)
        return SL_OK;
    sl_buf_add(&sql, "select ");
    sl_check_add_names(&config.from, &sql);
    sl_buf_add(&sql, ", count(*) as \"different\", sum(\"rows\") as \"rows\" from (select ");
    sl_check_add_names(&config.from, &sql);
    sl_buf_add(&sql, ", ");
    sl_check_add_names(&config.to, &sql);
    sl_buf_add(&sql, ", count(*) as \"rows\" from " SL_CHECKED " group by all) group by ");
    sl_check_add_names(&config.from, &sql);
    sl_buf_add(&sql, " having count(*) > 1");
    sl_check_say(&config.from, &claim);
    sl_buf_add(&claim, " determine ");
    sl_check_say(&config.to, &claim);
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_keep(input, &sql, &ret->failing_sql, err);
}

static const struct sl_check_term terms[] = {{"from", SL_CHECK_FEWER}, {"to", SL_CHECK_MORE}, {0}};

const struct sl_check_kind sl_check_functional_dependency = {
    .name = "functional_dependency",
    .summary = "Rows with the same values in some columns have the same values in others.",
    .example = "functional_dependency: {from: zip, to: [city, state]}",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .options = rows,
    .terms = terms,
    .holds_of_parts = true,
    .compile = compile,
};
