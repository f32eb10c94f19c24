#include "check/kinds.h"

#include <stddef.h>

struct config {
    const char *column;
    int64_t max_age_s;
};
static const struct sl_opt rows[] = {
    {"column", SL_OPT_STRING, offsetof(struct config, column), NULL,
     "A date or timestamp; without a zone it is UTC.", 0},
    {"max_age", SL_OPT_DURATION, offsetof(struct config, max_age_s), NULL,
     "How old its newest value may be when the run starts.", SL_OPT_REQUIRED},
    {0},
};

// What follows FROM: the newest value, found by a scan of its own or beside other checks.
static int over_newest(const struct sl_check_input *input, const struct config *config,
                       struct sl_buf *sql, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf newest = SL_BUF_INIT;
    sl_buf_add(&newest, "max(epoch_us(");
    sl_buf_add_sql_name(&newest, config->column);
    sl_buf_add(&newest, "))");
    SL_TRY(sl_buf_check(&newest, err));
    ret->members = sl_arena_printf(input->arena, "newest_us := %s", newest.text);
    ret->over = sl_arena_printf(input->arena, "%s" SL_CHECKED_MEMBERS " cross join " SL_CHECKED_RUN,
                                sql->text);
    SL_TRY_NEW(ret->members, err);
    SL_TRY_NEW(ret->over, err);
    sl_buf_addf(sql, "(select %s as newest_us from " SL_CHECKED ") cross join " SL_CHECKED_RUN,
                newest.text);
    return sl_buf_check(sql, err);
}

// A table without a value is as old as can be.
static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !sl_check_has_column(input, &config.column))
        return SL_OK;
    sl_buf_add(&sql, "select strftime(make_timestamp(newest_us), '%Y-%m-%dT%H:%M:%S.%fZ') as "
                     "\"newest\", (now_us - newest_us) // 1000000 as \"age_s\", ");
    sl_buf_addf(&sql, "%lld as \"max_age_s\" from ", (long long)config.max_age_s);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(over_newest(input, &config, &sql, ret, err));
    ret->max_age_s = config.max_age_s;
    const struct sl_yaml *node = sl_yaml_get(input->arguments, "max_age");
    ret->claim = sl_arena_printf(input->arena, "the newest '%s' is at most %s old", config.column,
                                 node ? node->text : "");
    SL_TRY_NEW(ret->claim, err);
    return sl_check_judged(input, sql.text, "newest",
                           "\"age_s\" > \"max_age_s\" or \"newest\" is null", ret, err);
}

static const struct sl_check_term terms[] = {
    {"column", SL_CHECK_FIXED}, {"max_age", SL_CHECK_LESS}, {0}};

const struct sl_check_kind sl_check_freshness = {
    .name = "freshness",
    .summary = "The newest value of a column is not too old when a run changes the table.",
    .example = "freshness: {column: updated_at, max_age: 26h}",
    .dimension = SL_DIMENSION_TIMELINESS,
    .options = rows,
    .terms = terms,
    .compile = compile,
};
