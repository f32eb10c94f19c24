#include "check/kinds.h"

#include <stddef.h>

enum method { METHOD_TOTAL_VARIATION, METHOD_PSI };
static const char *const methods[] = {"total_variation", "psi", NULL};

struct config {
    const char *column, *max;
    int method; // enum method
    int64_t bins;
};
static const struct sl_opt rows[] = {
    {"column", SL_OPT_STRING, offsetof(struct config, column), NULL, "The column.", 0},
    {"max", SL_OPT_STRING, offsetof(struct config, max), NULL, "How far it may drift.",
     SL_OPT_REQUIRED},
    {"method", SL_OPT_ENUM, offsetof(struct config, method), "total_variation",
     "total_variation: half the sum of what the shares differ by, 0 to 1; psi: the population "
     "stability index, of which 0.1 is little and 0.25 much.",
     0, .values = methods},
    {"bins", SL_OPT_INT, offsetof(struct config, bins), "0",
     "Numbers: into how many equally full parts of the version before they are put; 0: each value "
     "is one of its own.",
     0},
    {0},
};

static bool is_sound(const struct sl_check_input *input, const struct config *config)
{
    double max;
    if (!sl_str_to_double(config->max, &max) || !(max >= 0)) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE,
                sl_yaml_place(input->arguments, "max"), NULL,
                "expected a number of at least 0 for 'max', found '%s'", config->max);
        return false;
    }
    if (config->bins < 0 || config->bins == 1 || config->bins > 1000) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(input->arguments, "bins"), NULL,
                "'bins' is %lld, expected 2 to 1000, or 0", (long long)config->bins);
        return false;
    }
    return true;
}

// Which part a row's value is in; null is one, too. Bounds of the parts come from the version
// before, so that they do not move with what they are to judge.
static void add_parts(const struct config *config, const char *relation, const char *name,
                      struct sl_buf *sql)
{
    sl_buf_add(sql, "(select ");
    if (config->bins)
        sl_buf_addf(sql,
                    "case when %s is not null then (select count_if(b < %s) from (select "
                    "unnest(bounds) as b from edges)) end",
                    name, name);
    else
        sl_buf_add(sql, name);
    sl_buf_addf(sql, "::varchar as part, count(*) as n from %s group by 1)", relation);
}

static void add_select(const struct config *config, const char *name, struct sl_buf *sql)
{
    sl_buf_add(sql, "with ");
    if (config->bins) {
        sl_buf_addf(sql, "edges as (select list_distinct(quantile_disc(%s, [", name);
        for (int64_t i = 1; i < config->bins; i++)
            sl_buf_addf(sql, "%s%.6f", i > 1 ? ", " : "", (double)i / (double)config->bins);
        sl_buf_add(sql, "])) as bounds from " SL_CHECKED_BEFORE "), ");
    }
    sl_buf_add(sql, "old as ");
    add_parts(config, SL_CHECKED_BEFORE, name, sql);
    sl_buf_add(sql, ", new as ");
    add_parts(config, SL_CHECKED, name, sql);
    // A part that one side lacks would make the index infinite: half a row stands for it.
    // No window over the join: of an empty one the engine sometimes fails.
    sl_buf_addf(sql,
                ", shares as (select coalesce(old.n, %s) / (select sum(n) from old)::double as p, "
                "coalesce(new.n, %s) / (select sum(n) from new)::double as q from old full join "
                "new on old.part is not distinct from new.part) ",
                config->method == METHOD_PSI ? "0.5" : "0",
                config->method == METHOD_PSI ? "0.5" : "0");
    sl_buf_addf(sql, "select %s as \"drift\", %s as \"max\" from shares",
                config->method == METHOD_PSI ? "sum((q - p) * ln(q / p))" : "sum(abs(q - p)) / 2",
                config->max);
}

// Without a version before, or without rows, there is nothing to drift from: null.
static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    struct config config = {0};
    bool is_right;
    SL_TRY(sl_check_read(input, rows, &config, &is_right, err));
    if (!is_right || !sl_check_has_column(input, &config.column) || !is_sound(input, &config))
        return SL_OK;
    sl_buf_add_sql_name(&name, config.column);
    SL_TRY(sl_buf_check(&name, err));
    add_select(&config, name.text, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    ret->claim = sl_arena_printf(input->arena,
                                 "the values of '%s' drift from the version before by at most %s "
                                 "(%s)",
                                 config.column, config.max, methods[config.method]);
    SL_TRY_NEW(ret->claim, err);
    ret->reads_before = true;
    return sl_check_judged(input, sql.text, "drift", "\"drift\" > \"max\"", ret, err);
}

static const struct sl_check_term terms[] = {{"column", SL_CHECK_FIXED},
                                             {"max", SL_CHECK_LESS},
                                             {"method", SL_CHECK_FIXED, "total_variation"},
                                             {"bins", SL_CHECK_FIXED, "0"},
                                             {0}};

const struct sl_check_kind sl_check_drift = {
    .name = "drift",
    .summary = "The values of a column are distributed much as in the version before.",
    .example = "drift: {column: amount, bins: 10, method: psi, max: 0.25}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = rows,
    .terms = terms,
    .compile = compile,
};
