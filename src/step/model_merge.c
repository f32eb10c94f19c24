// Write mode merge: the newest row per key.
#include "step/merge.h"
#include "step/model.h"

static bool is_ordered(const struct sl_model_step *step, const char *name)
{
    for (size_t i = 0; i < step->model->order_by.count; i++)
        if (sl_str_equal(name, step->order_by[i]))
            return true;
    return false;
}

// The declared order, newest first, and then every other column: so that ties end the same way
// however the rows came.
static int order_text(struct sl_model_step *step, const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    for (size_t i = 0; i < step->model->order_by.count; i++) {
        sl_buf_add(&text, text.length ? ", " : "");
        sl_buf_add_sql_name(&text, step->order_by[i]);
        sl_buf_add(&text, step->is_asc[i] ? " asc nulls last" : " desc nulls last");
    }
    for (size_t i = 0; i < step->stored_count; i++) {
        if (is_ordered(step, step->stored[i].name))
            continue;
        sl_buf_add(&text, text.length ? ", " : "");
        sl_buf_add_sql_name(&text, step->stored[i].name);
        sl_buf_add(&text, " desc nulls last");
    }
    SL_TRY(sl_buf_check(&text, err));
    *ret = sl_arena_strdup(step->context->arena, text.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int newest_rows(struct sl_model_step *step, const char *sql, const char *order,
                       struct sl_err *err)
{
    struct sl_session *session = step->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *counts = NULL;
    sl_buf_addf(&text, "create or replace temp table _rows as %s", sql);
    SL_TRY(sl_buf_check(&text, err));
    if (session->kind->exec(session, text.text, NULL, err) != SL_OK)
        return sl_err_at(err, step->model->file, step->model->sql_line, 1);
    sl_buf_reset(&text);
    sl_buf_add(&text, "create or replace temp table _new as select * from _rows qualify "
                      "row_number() over (partition by ");
    for (size_t i = 0; i < step->model->key.count; i++) {
        sl_buf_add(&text, i ? ", " : "");
        sl_buf_add_sql_name(&text, step->key[i]);
    }
    sl_buf_addf(&text, " order by %s) = 1", order);
    SL_TRY(sl_buf_check(&text, err));
    SL_TRY(session->kind->exec(session, text.text, NULL, err));
    SL_TRY(session->kind->query(session,
                                "select (select count(*) from _rows), (select count(*) from _new)",
                                0, &counts, err));
    step->balance.in = sl_result_int(counts, 0, 0);
    step->balance.out = sl_result_int(counts, 0, 1);
    return SL_OK;
}

static int merge_into_table(struct sl_model_step *step, const char *order, struct sl_err *err)
{
    struct sl_delta_snapshot table;
    SL_TRY(sl_delta_load(step->folder, step->head.version, step->context->session,
                         step->context->arena, &table, err));
    struct sl_merge merge = {
        .session = step->context->session,
        .arena = step->context->arena,
        .table = &table,
        .columns = step->stored,
        .column_count = step->stored_count,
        .key = step->key,
        .key_count = step->model->key.count,
        .order = order,
        .rows = "_new",
    };
    SL_TRY(sl_merge_prepare(&merge, err));
    step->balance.out = merge.won;
    step->balance.replaced = merge.replaced;
    step->removed = merge.removed;
    step->removed_count = merge.removed_count;
    step->commit_mode = merge.removed_count ? SL_DELTA_REWRITE : SL_DELTA_APPEND;
    SL_TRY(sl_model_stage(step, merge.sql, err));
    if (merge.kept >= 0 && step->staged.row_count != merge.won + merge.kept)
        return sl_fail(err, SL_E_BALANCE, "%s: %lld rows were written, expected %lld", step->app_id,
                       (long long)step->staged.row_count, (long long)(merge.won + merge.kept));
    return SL_OK;
}

int sl_model_merge(struct sl_model_step *step, const char *sql, struct sl_err *err)
{
    const char *order;
    SL_TRY(order_text(step, &order, err));
    SL_TRY(newest_rows(step, sql, order, err));
    SL_TRY(sl_model_replaced(step, err));
    SL_TRY(step->scope == SL_SCOPE_ALL ? sl_model_stage(step, "select * from _new", err)
                                       : merge_into_table(step, order, err));
    step->balance.deduplicated = step->balance.in - step->balance.out;
    return SL_OK;
}
