// Columns that the source had under other names, where the policy for new columns must know whether
// rows came after the last day of such a name.
#include "contract/alias.h"
#include "step/aliases.h"
#include "step/cleanse.h"
#include "step/schema.h"

// Rules tell by themselves which rows came too late; what columns there are, and which of them are
// told, is a matter of all rows.
static bool is_asked(const struct sl_contract_table *contract, const struct sl_delta_snapshot *raw,
                     const struct sl_contract_alias *alias)
{
    int policy = contract->drift.new_columns;
    return alias->until && (policy == SL_DRIFT_FREEZE || policy == SL_DRIFT_EVOLVE) &&
           sl_column_find(raw->columns, raw->column_count, alias->name);
}

static int is_over(struct sl_session *session, const char *rows,
                   const struct sl_delta_snapshot *raw, struct sl_contract_alias *alias,
                   struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_addf(&sql, "select 1 from %s where _ingested_at >= to_timestamp(%lld) and ", rows,
                (long long)(alias->end_us / 1000000));
    sl_buf_add_sql_name(&sql, sl_column_find(raw->columns, raw->column_count, alias->name)->name);
    sl_buf_add(&sql, " is not null limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    alias->is_over = sl_result_rows(result) > 0;
    return SL_OK;
}

int sl_step_look_at_aliases(struct sl_session *session, const struct sl_delta_snapshot *raw,
                            struct sl_arena *arena, const struct sl_contract_table **contract,
                            struct sl_err *err)
{
    struct sl_contract_table *copy;
    SL_AUTO(sl_buf_clear) struct sl_buf rows = SL_BUF_INIT;
    struct sl_scan scan;
    bool is_any = false;
    for (size_t i = 0; i < (*contract)->column_count; i++)
        for (size_t k = 0; k < (*contract)->columns[i].alias_count; k++)
            is_any |= is_asked(*contract, raw, &(*contract)->columns[i].aliases[k]);
    if (!is_any)
        return SL_OK;
    SL_TRY(sl_alias_copy(*contract, arena, &copy, err));
    SL_TRY(sl_delta_scan(raw, arena, &scan, err));
    SL_TRY(session->kind->scan_sql(session, &scan, &rows, err));
    SL_TRY(sl_buf_check(&rows, err));
    for (size_t i = 0; i < copy->column_count; i++)
        for (size_t k = 0; k < copy->columns[i].alias_count; k++)
            if (is_asked(copy, raw, &copy->columns[i].aliases[k]))
                SL_TRY(is_over(session, rows.text, raw, &copy->columns[i].aliases[k], err));
    *contract = copy;
    return SL_OK;
}

static bool is_any_over(const struct sl_contract_table *contract)
{
    for (size_t i = 0; i < contract->column_count; i++)
        for (size_t k = 0; k < contract->columns[i].alias_count; k++)
            if (contract->columns[i].aliases[k].is_over)
                return true;
    return false;
}

int sl_cleanse_look_at_columns(struct sl_cleanse *cleanse, const char **ret_why, struct sl_err *err)
{
    struct sl_step_context *context = cleanse->context;
    const struct sl_pass *pass = &cleanse->pass;
    struct sl_delta_snapshot clean;
    if (cleanse->range.is_full || !is_any_over(cleanse->contract))
        return SL_OK;
    SL_TRY(sl_delta_load(cleanse->clean.folder, cleanse->clean.head.version, context->session,
                         context->arena, &clean, err));
    for (size_t i = 0; i < pass->column_count && !*ret_why; i++) {
        if (sl_column_find(clean.columns, clean.column_count, pass->columns[i].name))
            continue;
        *ret_why = sl_arena_printf(context->arena, "the time of the alias '%s' is over",
                                   pass->columns[i].name);
        SL_TRY_NEW(*ret_why, err);
    }
    return SL_OK;
}
