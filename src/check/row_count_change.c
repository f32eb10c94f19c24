#include "check/kinds.h"

#include <stddef.h>

struct config {
    const char *max_drop, *max_growth;
    int64_t versions;
};
static const struct sl_opt rows[] = {
    {"max_drop", SL_OPT_STRING, offsetof(struct config, max_drop), NULL,
     "Share of the rows that there may be fewer.", 0},
    {"max_growth", SL_OPT_STRING, offsetof(struct config, max_growth), NULL,
     "Share of the rows that there may be more.", 0},
    {"versions", SL_OPT_INT, offsetof(struct config, versions), "1",
     "How many of the last versions to compare with, by the median of their counts.", 0},
    {0},
};

static bool is_share(const struct sl_check_input *input, const char *key, const char *text,
                     double most)
{
    double share;
    if (!text || (sl_str_to_double(text, &share) && share >= 0 && share <= most))
        return true;
    sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, sl_yaml_place(input->arguments, key),
            "0.2 is a fifth", "expected a share for '%s', found '%s'", key, text);
    return false;
}

static bool is_sound(const struct sl_check_input *input, const struct config *config)
{
    if (!config->max_drop && !config->max_growth) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place, NULL,
                "'max_drop' or 'max_growth' is missing");
        return false;
    }
    if (config->versions < 1 || config->versions > SL_CHECK_VERSIONS_MAX) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(input->arguments, "versions"), NULL,
                "'versions' is %lld, expected 1 to %d", (long long)config->versions,
                SL_CHECK_VERSIONS_MAX);
        return false;
    }
    return is_share(input, "max_drop", config->max_drop, 1) &&
           is_share(input, "max_growth", config->max_growth, 1e9);
}

static int say(const struct sl_check_input *input, const struct config *config,
               struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf claim = SL_BUF_INIT;
    sl_buf_add(&claim, "the number of rows ");
    if (config->max_drop)
        sl_buf_addf(&claim, "drops by a share of at most %s", config->max_drop);
    if (config->max_growth)
        sl_buf_addf(&claim, "%sgrows by a share of at most %s", config->max_drop ? " and " : "",
                    config->max_growth);
    if (config->versions > 1)
        sl_buf_addf(&claim, " against the median of the last %lld versions",
                    (long long)config->versions);
    else
        sl_buf_add(&claim, " against the version before");
    return sl_check_keep(input, &claim, &ret->claim, err);
}

// Without an earlier version, or after one without rows, there is nothing to hold the count
// against: null.
static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf broken = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !is_sound(input, &config))
        return SL_OK;
    sl_buf_addf(&sql,
                "select \"rows\" / nullif(\"baseline\", 0) - 1 as \"change\", \"rows\", "
                "\"baseline\" from (select count(*) as \"rows\" from " SL_CHECKED
                ") cross join (select median(row_count)::double as \"baseline\" from (select "
                "row_count from " SL_CHECKED_VERSIONS " order by version desc limit %lld))",
                (long long)config.versions);
    if (config.max_drop)
        sl_buf_addf(&broken, "\"change\" < -(%s)", config.max_drop);
    if (config.max_growth)
        sl_buf_addf(&broken, "%s\"change\" > %s", config.max_drop ? " or " : "", config.max_growth);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_buf_check(&broken, err));
    ret->reads_versions = config.versions;
    SL_TRY(say(input, &config, ret, err));
    return sl_check_judged(input, sql.text, "change", broken.text, ret, err);
}

static const struct sl_check_term terms[] = {{"max_drop", SL_CHECK_LESS},
                                             {"max_growth", SL_CHECK_LESS},
                                             {"versions", SL_CHECK_FIXED, "1"},
                                             {0}};

const struct sl_check_kind sl_check_row_count_change = {
    .name = "row_count_change",
    .summary = "The number of rows does not drop or grow too much from one version to the next.",
    .example = "row_count_change: {max_drop: 0.2, max_growth: 1, versions: 7}",
    .dimension = SL_DIMENSION_COMPLETENESS,
    .options = rows,
    .terms = terms,
    .compile = compile,
};
