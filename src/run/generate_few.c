// When rows are taken in, and why there are too few of them.
#include "base/clock.h"
#include "run/generate_job.h"

#define DAY_US INT64_C(86400000000)
#define MOST_NAMED 6 // rules that leave too few rows

// Of rules over the clock what is good today is not on every day; the begin of the day, so that a
// seed gives the same rows until it ends. Where a few hours count, it is now.
void sl_generate_find_clock(struct sl_generator *generator,
                            const struct sl_contract_column *columns, size_t count)
{
    int64_t now_us = sl_clock_now_us(), age_s;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < columns[i].rule_count; k++) {
            const struct sl_rule *rule = &columns[i].rules[k];
            bool is_age = sl_str_equal(rule->kind, "age");
            if (!is_age && !sl_str_equal(rule->kind, "past") && !sl_str_equal(rule->kind, "future"))
                continue;
            if (generator->ingested_us < now_us - now_us % DAY_US)
                generator->ingested_us = now_us - now_us % DAY_US;
            if (is_age && sl_str_to_int64(rule->max ? rule->max : "", &age_s) &&
                age_s * 1000000 < 2 * DAY_US)
                generator->ingested_us = now_us;
        }
        sl_generate_find_clock(generator, columns[i].fields, columns[i].field_count);
    }
}

// How many of the last candidates break each rule: "'a' 398, 'b' 120".
static int name_rules(struct sl_generator *generator, struct sl_buf *ret, int64_t *ret_good,
                      int64_t *ret_all, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    const struct sl_pass *pass = &generator->made->pass;
    sl_buf_add(&sql, "select i, n, good, \"all\" from (select unnest(list_append(range(0, ");
    sl_buf_addf(&sql, "%zu), -1)) as i, unnest([", pass->rule_count);
    for (size_t i = 0; i < pass->rule_count; i++)
        sl_buf_addf(&sql, "count(*) filter (list_contains(l, '%zu')), ", i);
    sl_buf_add(&sql, "0]) as n, count(*) filter (b = '') as good, count(*) as \"all\" from (select "
                     "\"~broken\" as b, string_split(\"~broken\", ',') as l from ");
    sl_generate_add_judged(generator, "\"~candidates\"", &sql);
    sl_buf_add(&sql, ")) order by n desc, i");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(generator->session->kind->query(generator->session, sql.text, 0, &result, err));
    *ret_good = sl_result_int(result, 0, 2);
    *ret_all = sl_result_int(result, 0, 3);
    for (int64_t row = 0; row < sl_result_rows(result) && row < MOST_NAMED; row++)
        if (sl_result_int(result, row, 1) > 0)
            sl_buf_addf(ret, "%s'%s' %lld", row ? ", " : "",
                        pass->rules[sl_result_int(result, row, 0)].name,
                        (long long)sl_result_int(result, row, 1));
    return sl_buf_check(ret, err);
}

int sl_generate_too_few(struct sl_generator *generator, int64_t found, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf why = SL_BUF_INIT;
    int64_t good, all;
    SL_TRY(name_rules(generator, &names, &good, &all, err));
    if (good > generator->options->rows)
        sl_buf_addf(&why, "%lld of the last %lld candidates break no rule, but repeat keys",
                    (long long)good, (long long)all);
    else if (names.length)
        sl_buf_addf(&why, "of the last %lld candidates these rules are broken by most: %s",
                    (long long)all, names.text);
    SL_TRY(sl_buf_check(&why, err));
    (void)sl_fail(err, SL_E_LIMIT,
                  "only %lld of %lld rows that break no rule of '%s' and have keys of their own "
                  "were found%s%s",
                  (long long)found, (long long)generator->options->rows,
                  generator->options->contract->name, why.length ? "; " : "",
                  why.length ? why.text : "");
    return sl_err_hint(err, "%s",
                       generator->sample_notes ? generator->made->notes.items[0]
                                               : "ask for fewer with --rows");
}
