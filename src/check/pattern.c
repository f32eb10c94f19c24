#include "base/matches.h"
#include "check/kinds.h"

#include <stddef.h>

struct config {
    const char *column, *pattern;
};
static const struct sl_opt rows[] = {
    {"column", SL_OPT_STRING, offsetof(struct config, column), NULL, "A text.", 0},
    {"pattern", SL_OPT_STRING, offsetof(struct config, pattern), NULL,
     "Regular expression, found anywhere in the text.", SL_OPT_REQUIRED},
    {0},
};

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !sl_check_has_column(input, &config.column))
        return SL_OK;
    sl_buf_add_sql_name(&name, config.column);
    SL_TRY(sl_buf_check(&name, err));
    sl_buf_add(&sql, "not ");
    sl_buf_add_sql_matches(&sql, name.text, config.pattern);
    ret->claim = sl_arena_printf(input->arena, "'%s' matches '%s'", config.column, config.pattern);
    SL_TRY_NEW(ret->claim, err);
    return sl_check_of_rows(input, &sql, ret, err);
}

static const struct sl_check_term terms[] = {
    {"column", SL_CHECK_FIXED}, {"pattern", SL_CHECK_FIXED}, {0}};

const struct sl_check_kind sl_check_pattern = {
    .name = "pattern",
    .summary = "Every value of a column (but null) matches a regular expression.",
    .example = "pattern: {column: sku, pattern: '^[A-Z]{3}-[0-9]+$'}",
    .dimension = SL_DIMENSION_CONFORMANCE,
    .options = rows,
    .takes_mostly = true,
    .terms = terms,
    .holds_of_parts = true,
    .compile = compile,
};
