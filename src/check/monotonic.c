#include "check/kinds.h"

#include <stddef.h>

struct config {
    const char *column;
    struct sl_strs order_by, within;
    bool is_strict;
};
static const struct sl_opt rows[] = {
    {"column", SL_OPT_STRING, offsetof(struct config, column), NULL, "A time or a number.", 0},
    {"order_by", SL_OPT_STRINGS, offsetof(struct config, order_by), NULL,
     "The columns in whose order it never goes back.", SL_OPT_REQUIRED},
    {"within", SL_OPT_STRINGS, offsetof(struct config, within), NULL,
     "Columns: the claim is about the rows of each of their values for itself.", 0},
    {"strict", SL_OPT_BOOL, offsetof(struct config, is_strict), "false",
     "It never stands still either.", 0},
    {0},
};

// Of rows at the same place of the order none is before the other; so the column itself orders
// them.
static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !sl_check_has_column(input, &config.column))
        return SL_OK;
    sl_buf_add_sql_name(&name, config.column);
    sl_buf_addf(&sql, "select * from (select *, lag(%s) over (", name.text);
    if (config.within.count) {
        sl_buf_add(&sql, "partition by ");
        sl_check_add_names(&config.within, &sql);
    }
    sl_buf_add(&sql, " order by ");
    sl_check_add_names(&config.order_by, &sql);
    sl_buf_addf(&sql,
                ", %s) as \"before\" from " SL_CHECKED
                " where %s is not null) where %s %s \"before\"",
                name.text, name.text, name.text, config.is_strict ? "<=" : "<");
    SL_TRY(sl_buf_check(&name, err));
    sl_buf_addf(&claim, "'%s' %s in the order of ", config.column,
                config.is_strict ? "always grows" : "never goes back");
    sl_check_say(&config.order_by, &claim);
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_keep(input, &sql, &ret->failing_sql, err);
}

static const struct sl_check_term terms[] = {{"column", SL_CHECK_FIXED},
                                             {"order_by", SL_CHECK_FIXED},
                                             {"within", SL_CHECK_FEWER},
                                             {"strict", SL_CHECK_FLAG},
                                             {0}};

const struct sl_check_kind sl_check_monotonic = {
    .name = "monotonic",
    .summary = "A time or number never goes back in the order of other columns.",
    .example = "monotonic: {column: recorded_at, order_by: sequence, within: device}",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .options = rows,
    .terms = terms,
    .holds_of_parts = true,
    .compile = compile,
};
