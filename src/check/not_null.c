#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    struct sl_strs names = {0};
    SL_TRY(sl_check_columns(input, &names, err));
    if (!names.count)
        return SL_OK;
    for (size_t i = 0; i < names.count; i++) {
        sl_buf_add(&sql, i ? " or " : "");
        sl_buf_add_sql_name(&sql, names.items[i]);
        sl_buf_add(&sql, " is null");
    }
    sl_check_say(&names, &claim);
    sl_buf_add(&claim, " never null");
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_of_rows(input, &sql, ret, err);
}

static const struct sl_check_term terms[] = {{"columns", SL_CHECK_MORE}, {0}};

const struct sl_check_kind sl_check_not_null = {
    .name = "not_null",
    .summary = "None of the columns is null.",
    .example = "not_null: [day, country]",
    .dimension = SL_DIMENSION_COMPLETENESS,
    .takes_mostly = true,
    .terms = terms,
    .bare = "columns",
    .holds_of_parts = true,
    .compile = compile,
};
