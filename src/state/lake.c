// Which lake the history of an environment is of: a row among the leases that nobody asks for.
#include "api/queue.h"
#include "base/fs.h"
#include "state/store.h"

static int take(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    const char **number = to;
    *number = sl_row_text(row, 0);
    SL_TRY_NEW(*number, err);
    return SL_OK;
}

static const char *name_of(const char *environment, struct sl_arena *arena)
{
    return environment ? sl_arena_printf(arena, "lake %s", environment) : "lake";
}

int sl_state_lake(struct sl_state *state, const char *environment, struct sl_arena *arena,
                  const char **ret, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project),
                                      SL_TEXT(name_of(environment, arena))};
    const char *number = NULL;
    SL_TRY_NEW(params[1].text, err);
    SL_TRY(SL_RUN_WITH(state, "select holder from leases where project = ?1 and name = ?2", params,
                       .on_row = take, .to = &number, .arena = arena));
    *ret = number;
    return SL_OK;
}

static int put(struct sl_state *state, const char *environment, const char *number, bool is_first,
               struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const struct sl_param params[] = {SL_TEXT(state->project),
                                      SL_TEXT(name_of(environment, &arena)), SL_TEXT(number)};
    SL_TRY_NEW(params[1].text, err);
    SL_TRY(is_first
               ? SL_RUN(state,
                        "insert into leases (project, name, holder, token, until_us) values (?1, "
                        "?2, ?3, 1, 0) on conflict (project, name) do nothing",
                        params)
               : SL_RUN(state,
                        "insert into leases (project, name, holder, token, until_us) values (?1, "
                        "?2, ?3, 1, 0) on conflict (project, name) do update set token = "
                        "leases.token + 1, holder = excluded.holder",
                        params));
    return sl_fault_point("lake keep", err);
}

static int end(struct sl_state *state, int code, struct sl_err *err)
{
    SL_TRY(sl_write_end(state, code, 0, err));
    return sl_fault_point("lake kept", err);
}

int sl_state_keep_lake(struct sl_state *state, const char *environment, const char *number,
                       bool is_first, struct sl_err *err)
{
    SL_TRY(sl_write_begin_free(state, err));
    return end(state, put(state, environment, number, is_first, err), err);
}

int sl_state_adopt_lake(struct sl_state *state, const char *environment, const char *number,
                        const struct sl_audit_entry *entry, struct sl_err *err)
{
    SL_TRY(sl_write_begin_free(state, err));
    int code = put(state, environment, number, false, err);
    if (code == SL_OK)
        code = sl_audit_put(state, entry, err);
    return end(state, code, err);
}
