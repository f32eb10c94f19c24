#include "check/kinds.h"

enum { LONGEST_LIST = 20 }; // the engine hashes long ones behind IN

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    static const char *const known[] = {"column", "values", NULL};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf list = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    struct sl_strs values = {0};
    if (!sl_check_is_map(input, known))
        return SL_OK;
    const char *column = sl_check_text(input, "column", true);
    SL_TRY(sl_check_list(input, sl_yaml_get(input->arguments, "values"), "value", &values, err));
    if (!values.count || !column)
        return SL_OK;
    sl_buf_add_sql_name(&name, column);
    sl_check_add_strings(&values, &list);
    SL_TRY(sl_buf_check(&name, err));
    SL_TRY(sl_buf_check(&list, err));
    // A list of texts is looked through once for each text of a Parquet dictionary, IN for each
    // row. Literals behind IN take the column's type, so that 1 is the decimal 1.00.
    if (values.count <= LONGEST_LIST)
        sl_buf_addf(
            &sql,
            "case when typeof(%s) = 'VARCHAR' then not list_contains([%s], %s::varchar) else ",
            name.text, list.text, name.text);
    sl_buf_addf(&sql, "%s not in (%s)%s", name.text, list.text,
                values.count <= LONGEST_LIST ? " end" : "");
    sl_buf_addf(&claim, "'%s' is one of ", column);
    sl_check_say(&values, &claim);
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_of_rows(input, &sql, ret, err);
}

static const struct sl_check_term terms[] = {
    {"column", SL_CHECK_FIXED}, {"values", SL_CHECK_FEWER}, {0}};

const struct sl_check_kind sl_check_accepted_values = {
    .name = "accepted_values",
    .summary = "A column holds nothing but the listed values (or null).",
    .example = "accepted_values: {column: status, values: [new, paid]}",
    .dimension = SL_DIMENSION_CONFORMANCE,
    .takes_mostly = true,
    .terms = terms,
    .holds_of_parts = true,
    .compile = compile,
};
