#include "api/leases.h"

#include "state/store.h"

static int take_lease(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct sl_lease *lease = to;
    lease->holder = sl_row_text(row, 0);
    SL_TRY_NEW(lease->holder, err);
    lease->token = sl_row_number(row, 1);
    lease->until_us = sl_row_number(row, 2);
    lease->left_ms = sl_row_number(row, 3) / 1000;
    return SL_OK;
}

static int take_or_keep(struct sl_state *state, const struct sl_param params[4],
                        int64_t *ret_changed, struct sl_err *err)
{
    return state->kind->run(
        state->self,
        &(struct sl_statement){
            .sql = "insert into leases (project, name, holder, token, until_us) values (?1, ?2, "
                   "?3, 1, sluice_now() + cast(?4 as bigint)) on conflict (project, name) do "
                   "update set token = leases.token + case when leases.holder = excluded.holder "
                   "and leases.until_us > sluice_now() then 0 else 1 end, holder = "
                   "excluded.holder, until_us = sluice_now() + cast(?4 as bigint) where "
                   "(leases.holder = excluded.holder and leases.until_us > 0) or leases.until_us "
                   "<= sluice_now()",
            .params = params,
            .count = 4,
            .ret_changed = ret_changed},
        err);
}

int sl_state_lease(struct sl_state *state, const char *name, const char *holder, int64_t ttl_ms,
                   struct sl_arena *arena, struct sl_lease *ret, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(name), SL_TEXT(holder),
                                      SL_NUMBER(ttl_ms * 1000)};
    const struct sl_param names[] = {SL_TEXT(state->project), SL_TEXT(name)};
    struct sl_lease lease = {0};
    int64_t changed = 0;
    SL_TRY(sl_write_begin_free(state, err));
    int code = take_or_keep(state, params, &changed, err);
    if (code == SL_OK)
        code = SL_RUN_WITH(state,
                           "select holder, token, until_us, until_us - sluice_now() from leases "
                           "where project = ?1 and name = ?2",
                           names, .on_row = take_lease, .to = &lease, .arena = arena);
    SL_TRY(sl_write_end(state, code, 0, err));
    lease.is_mine = changed > 0;
    *ret = lease;
    return SL_OK;
}

int sl_state_lease_look(struct sl_state *state, const char *name, struct sl_arena *arena,
                        struct sl_lease *ret, struct sl_err *err)
{
    const struct sl_param names[] = {SL_TEXT(state->project), SL_TEXT(name)};
    *ret = (struct sl_lease){0};
    return SL_RUN_WITH(state,
                       "select holder, token, until_us, until_us - sluice_now() from leases where "
                       "project = ?1 and name = ?2",
                       names, .on_row = take_lease, .to = ret, .arena = arena);
}

// The row stays, for its token must not be given again.
int sl_state_release(struct sl_state *state, const char *name, const char *holder,
                     struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(name), SL_TEXT(holder)};
    SL_TRY(sl_write_begin_free(state, err));
    int code = SL_RUN(state,
                      "update leases set until_us = 0 where project = ?1 and name = ?2 and holder "
                      "= ?3",
                      params);
    return sl_write_end(state, code, SL_WAKE_LEASES, err);
}
