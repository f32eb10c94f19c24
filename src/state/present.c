// Who is there: a lease that nobody contends for, whose holder is what the process says of itself.
#include "api/leases.h"

#include "state/store.h"

#define GONE_US ((int64_t)3600 * 1000000) // after so long its row goes

#define BEGINS "substr(name, 1, length(cast(?2 as text))) = cast(?2 as text)"

// Those who wait for news are told only where something is new.
int sl_state_appear(struct sl_state *state, const struct sl_present *self, int64_t ttl_ms,
                    struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(self->name),
                                      SL_TEXT(self->details), SL_NUMBER(ttl_ms * 1000)};
    int64_t is_same = 0;
    SL_TRY(sl_write_begin_free(state, err));
    int code = state->kind->run(
        state->self,
        &(struct sl_statement){
            .sql = "update leases set until_us = sluice_now() + cast(?4 as bigint) where project = "
                   "?1 and name = ?2 and holder = ?3 and until_us > sluice_now()",
            .params = params,
            .count = 4,
            .ret_changed = &is_same},
        err);
    if (code == SL_OK && !is_same)
        code = SL_RUN(state,
                      "insert into leases (project, name, holder, token, until_us) values (?1, ?2, "
                      "?3, 1, sluice_now() + cast(?4 as bigint)) on conflict (project, name) do "
                      "update set token = leases.token + 1, holder = excluded.holder, until_us = "
                      "excluded.until_us",
                      params);
    return sl_write_end(state, code, is_same ? 0 : SL_WAKE_PRESENT, err);
}

int sl_state_vanish(struct sl_state *state, const char *name, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(name)};
    SL_TRY(sl_write_begin_free(state, err));
    int code = SL_RUN(state, "delete from leases where project = ?1 and name = ?2", params);
    return sl_write_end(state, code, SL_WAKE_PRESENT, err);
}

struct list {
    struct sl_present *rows;
    size_t count;
    bool has_old;
};

static int take(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct list *list = to;
    struct sl_present one = {.name = sl_row_text(row, 0),
                             .details = sl_row_text(row, 1),
                             .left_ms = sl_row_number(row, 2) / 1000};
    if (!one.name || !one.details)
        return sl_fail_memory(err);
    if (sl_row_number(row, 2) <= 0) {
        list->has_old |= sl_row_number(row, 2) < -GONE_US;
        return SL_OK;
    }
    return SL_PUSH(row->arena, list->rows, list->count, one) ? SL_OK : sl_fail_memory(err);
}

static int forget(struct sl_state *state, const char *prefix, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(prefix), SL_NUMBER(GONE_US)};
    SL_TRY(sl_write_begin_free(state, err));
    int code = SL_RUN(state,
                      "delete from leases where project = ?1 and " BEGINS
                      " and until_us < sluice_now() - cast(?3 as bigint)",
                      params);
    return sl_write_end(state, code, 0, err);
}

int sl_state_present(struct sl_state *state, const char *prefix, struct sl_arena *arena,
                     struct sl_present **ret, size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(prefix)};
    struct list list = {0};
    SL_TRY(SL_RUN_WITH(state,
                       "select name, holder, until_us - sluice_now() from leases where project = "
                       "?1 and " BEGINS " order by name",
                       params, .on_row = take, .to = &list, .arena = arena));
    if (list.has_old)
        SL_TRY(forget(state, prefix, err));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}
