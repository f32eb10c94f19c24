#include "check/kinds.h"

#include <stddef.h>

enum every { EVERY_HOUR, EVERY_DAY, EVERY_WEEK, EVERY_MONTH, EVERY_INTEGER };
static const char *const names[] = {"hour", "day", "week", "month", "integer", NULL};

struct config {
    const char *column;
    int every; // enum every
    struct sl_strs within;
};
static const struct sl_opt rows[] = {
    {"column", SL_OPT_STRING, offsetof(struct config, column), NULL,
     "A date, a timestamp or a whole number.", 0},
    {"every", SL_OPT_ENUM, offsetof(struct config, every), "day",
     "What must not be missing between the first and the last value.", 0, .values = names},
    {"within", SL_OPT_STRINGS, offsetof(struct config, within), NULL,
     "Columns: the claim is about the rows of each of their values for itself.", 0},
    {0},
};

// Steps are counted between neighbours, so that a long gap costs no more than a short one.
static void add_steps(enum every every, struct sl_buf *sql)
{
    if (every == EVERY_INTEGER)
        sl_buf_add(sql, "\"next\" - \"last\"");
    else
        sl_buf_addf(sql, "date_diff('%s', \"last\", \"next\")", names[every]);
}

static void add_slot(const struct config *config, struct sl_buf *sql)
{
    if (config->every != EVERY_INTEGER)
        sl_buf_addf(sql, "date_trunc('%s', make_timestamp(epoch_us(", names[config->every]);
    else
        sl_buf_add(sql, "((");
    sl_buf_add_sql_name(sql, config->column);
    sl_buf_add(sql, config->every == EVERY_INTEGER ? ")::hugeint)" : ")))");
}

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !sl_check_has_column(input, &config.column))
        return SL_OK;
    sl_buf_add(&sql, "select *, ");
    add_steps((enum every)config.every, &sql);
    sl_buf_add(&sql, " - 1 as \"missing\" from (select *, lead(\"last\") over (");
    if (config.within.count) {
        sl_buf_add(&sql, "partition by ");
        sl_check_add_names(&config.within, &sql);
    }
    sl_buf_add(&sql, " order by \"last\") as \"next\" from (select distinct ");
    sl_check_add_names(&config.within, &sql);
    sl_buf_add(&sql, config.within.count ? ", " : "");
    add_slot(&config, &sql);
    sl_buf_add(&sql, " as \"last\" from " SL_CHECKED ") where \"last\" is not null) where ");
    add_steps((enum every)config.every, &sql);
    sl_buf_add(&sql, " > 1");
    sl_buf_addf(&claim, "no %s of '%s' is missing between the first and the last",
                names[config.every], config.column);
    SL_TRY(sl_check_keep(input, &claim, &ret->claim, err));
    return sl_check_keep(input, &sql, &ret->failing_sql, err);
}

static const struct sl_check_term terms[] = {
    {"column", SL_CHECK_FIXED}, {"every", SL_CHECK_GRAIN, "day"}, {"within", SL_CHECK_SET}, {0}};

const struct sl_check_kind sl_check_no_gaps = {
    .name = "no_gaps",
    .summary = "No hour, day, week, month or whole number is missing between the first and last.",
    .example = "no_gaps: {column: day, every: day, within: store}",
    .dimension = SL_DIMENSION_COMPLETENESS,
    .options = rows,
    .terms = terms,
    .compile = compile,
};
