#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    struct sl_strs names = {0};
    SL_TRY(sl_check_columns(input, &names, err));
    if (!names.count)
        return SL_OK;
    sl_buf_add(&sql, "select ");
    for (size_t i = 0; i < names.count; i++) {
        sl_buf_add_sql_name(&sql, names.items[i]);
        sl_buf_add(&sql, ", ");
    }
    sl_buf_add(&sql, "count(*) as \"rows\" from " SL_CHECKED " group by all having count(*) > 1");
    sl_check_say(&names, &claim);
    sl_buf_add(&claim, " unique");
    ret->unique_column = names.count == 1 ? names.items[0] : NULL;
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_keep(input, &sql, &ret->failing_sql, err);
}

static const struct sl_check_term terms[] = {{"columns", SL_CHECK_FEWER}, {0}};

const struct sl_check_kind sl_check_unique = {
    .name = "unique",
    .summary = "No two rows have the same values in the columns together, over the whole table.",
    .example = "unique: [day, country]",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .terms = terms,
    .bare = "columns",
    .holds_of_parts = true,
    .compile = compile,
};
