// Sources whose drift policy says fail: nothing of the range is published, and the first row that
// does not fit is named.
#include "contract/drift.h"
#include "step/cleanse.h"

static bool is_type_rule(const struct sl_pass_rule *rule)
{
    return !rule->is_warning &&
           (rule->rule ? sl_str_equal(rule->rule->kind, "type") : sl_str_ends(rule->name, ".type"));
}

// The rules whose breach fails the step, as a SQL list; false if there are none.
static bool add_rules(const struct sl_cleanse *cleanse, struct sl_buf *sql)
{
    const struct sl_drift *drift = &cleanse->contract->drift;
    size_t count = 0;
    for (size_t i = 0; i < cleanse->pass.rule_count; i++) {
        const struct sl_pass_rule *rule = &cleanse->pass.rules[i];
        bool is_new = drift->new_columns == SL_DRIFT_FAIL && !rule->rule &&
                      sl_str_ends(rule->name, SL_DRIFT_RULE_SUFFIX);
        bool is_type = drift->type_change == SL_DRIFT_TYPE_FAIL && is_type_rule(rule);
        if (!is_new && !is_type)
            continue;
        sl_buf_add(sql, count++ ? ", " : "(");
        sl_buf_add_sql_string(sql, rule->name);
    }
    sl_buf_add(sql, ")");
    return count > 0;
}

int sl_cleanse_refuse_drift(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf rules = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (!add_rules(cleanse, &rules))
        return SL_OK;
    SL_TRY(sl_buf_check(&rules, err));
    sl_buf_addf(&sql,
                "select _source, _position, z.\"column\", z.message from (select _source, "
                "_position, unnest(reasons) as z from _bad) where z.\"rule\" in %s order by "
                "_source, _position, z.\"rule\" limit 1",
                rules.text);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 1, &result, err));
    if (sl_result_rows(result) == 0)
        return SL_OK;
    (void)sl_fail(err, SL_E_DRIFT, "'%s' record %lld, column '%s': %s",
                  sl_result_text(result, 0, 0), (long long)sl_result_int(result, 0, 1),
                  sl_result_text(result, 0, 2), sl_result_text(result, 0, 3));
    return sl_err_hint(err, "mend the file or the contract, or choose another 'drift' in %s",
                       cleanse->source->file);
}
