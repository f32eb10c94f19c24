// What the step saves where rows are few: where it is done again and again, as in tests, or the
// statements are long, the engine's planning is nearly all of the time.
#include "base/diag.h"
#include "step/cleanse.h"

#include <string.h>

// A mistake in the contract ends the step with its place; only the first is told here, `check`
// tells all.
int sl_cleanse_first_error(const struct sl_diags *diags, struct sl_err *err)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].severity == SL_SEVERITY_ERROR) {
            if (err)
                *err = diags->items[i].err;
            return (int)diags->items[i].err.code;
        }
    return diags->error_count ? sl_fail(err, SL_E_CONTRACT, "the contract cannot be used") : SL_OK;
}

static void add_key(const struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                    struct sl_buf *key)
{
    sl_buf_addf(key, "%s %lld", cleanse->fingerprint, (long long)cleanse->context->now_us);
    for (size_t i = 0; i < raw->column_count; i++)
        sl_buf_addf(key, "\n%s\n%s", raw->columns[i].name, raw->columns[i].type);
}

static bool was_accepted(struct sl_accepted_contracts *accepted, const char *key)
{
    pthread_mutex_lock(&accepted->lock);
    bool was = sl_map_has(&accepted->seen, key);
    pthread_mutex_unlock(&accepted->lock);
    return was;
}

static int remember(struct sl_accepted_contracts *accepted, const char *key, struct sl_err *err)
{
    pthread_mutex_lock(&accepted->lock);
    int code = sl_map_set(&accepted->seen, key, NULL, err);
    pthread_mutex_unlock(&accepted->lock);
    return code;
}

int sl_cleanse_verify(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                      struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;
    struct sl_step_context *context = cleanse->context;
    add_key(cleanse, raw, &key);
    SL_TRY(sl_buf_check(&key, err));
    if (context->accepted && was_accepted(context->accepted, key.text))
        return SL_OK;
    SL_TRY(sl_contract_verify(cleanse->contract, raw->columns, raw->column_count, &cleanse->pass,
                              context->session, &diags, err));
    SL_TRY(sl_cleanse_first_error(&diags, err));
    return context->accepted ? remember(context->accepted, key.text, err) : SL_OK;
}

// The prepared rows are in memory then: the length of the statement stands for how wide they are.
static bool is_worth_writing(const struct sl_cleanse *cleanse)
{
    enum { MOST_BYTES = 1 << 28 };
    size_t length = strlen(cleanse->rows[SL_PASS_FLAGGED]);
    return cleanse->context->has_few_rows || (sl_cleanse_is_hurried(cleanse, length) &&
                                              cleanse->row_count <= MOST_BYTES / (int64_t)length);
}

int sl_cleanse_write_few(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!is_worth_writing(cleanse))
        return SL_OK;
    sl_buf_addf(&sql, "create or replace temp table _few as select * from %s",
                cleanse->rows[SL_PASS_FLAGGED]);
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    cleanse->rows[SL_PASS_FLAGGED] = cleanse->rows[SL_PASS_GOOD] = "_few";
    return SL_OK;
}
