// A range whose quarantine stands there already is judged again for clean. Should the two disagree
// (another engine, another version of it, a quarantine that another program has changed), rows
// would be in both tables or in none.
#include "step/cleanse.h"

#define JUDGED                                                                                 \
    "_source, _position, list_sort([r.\"rule\" || ' ' || coalesce(r.\"column\", '') for r in " \
    "reasons])"

// The rows of quarantine that the range has given it.
static int add_quarantined(const struct sl_cleanse *cleanse, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_cleanse_table *quarantine = &cleanse->quarantine;
    struct sl_step_context *context = cleanse->context;
    struct sl_delta_snapshot snapshot;
    struct sl_scan scan;
    SL_TRY(sl_delta_load(quarantine->folder, quarantine->head.version, context->session,
                         context->arena, &snapshot, err));
    SL_TRY(sl_delta_scan(&snapshot, context->arena, &scan, err));
    sl_buf_add(sql, "select " JUDGED " from ");
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, sql, err));
    if (cleanse->range.is_replay)
        sl_buf_add(sql, " where (_source, _position) in (select (_source, _position) from "
                        "_received)");
    else if (!cleanse->range.is_full)
        sl_buf_addf(sql, " where _source in (select _source from %s)", cleanse->received);
    return sl_buf_check(sql, err);
}

int sl_cleanse_compare_resumed(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf there = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(add_quarantined(cleanse, &there, err));
    sl_buf_addf(&sql,
                "with there as (%s), here as (select " JUDGED " from _bad) select count(*) from "
                "((from there except all from here) union all (from here except all from there))",
                there.text);
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    if (sl_result_int(result, 0, 0) > 0)
        cleanse->why_all = "the last run was interrupted, and quarantine is not what it rejects";
    return SL_OK;
}
