#include "check/kinds.h"

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const char *const known[] = {"column", "to", "field", NULL};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    if (!sl_check_is_map(input, known))
        return SL_OK;
    const char *column = sl_check_text(input, "column", true),
               *to = sl_check_text(input, "to", true);
    const char *field = sl_check_text(input, "field", false);
    if (!column || !to)
        return SL_OK;
    if (!sl_check_is_table(input, "to", to))
        return SL_OK;
    sl_buf_add(&sql, "select c.* from " SL_CHECKED " c where c.");
    sl_buf_add_sql_name(&sql, column);
    sl_buf_addf(&sql, " is not null and not exists (select 1 from %s p where p.", to);
    sl_buf_add_sql_name(&sql, field ? field : column);
    sl_buf_add(&sql, " = c.");
    sl_buf_add_sql_name(&sql, column);
    sl_buf_add(&sql, ")");
    sl_buf_addf(&claim, "'%s' is in %s.%s", column, to, field ? field : column);
    ret->reads = to;
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_keep(input, &sql, &ret->failing_sql, err);
}

static const struct sl_check_term terms[] = {
    {"column", SL_CHECK_FIXED}, {"to", SL_CHECK_FIXED}, {"field", SL_CHECK_FIXED, "=column"}, {0}};

const struct sl_check_kind sl_check_relationships = {
    .name = "relationships",
    .summary = "Every value of a column (but null) is in a column of another table.",
    .example = "relationships: {column: customer_id, to: clean.customers, field: customer_id}",
    .dimension = SL_DIMENSION_CONSISTENCY,
    .takes_mostly = true,
    .terms = terms,
    .holds_of_parts = true,
    .compile = compile,
};
