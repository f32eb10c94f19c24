#include "api/state.h"

#include "api/leases.h"
#include "state/store.h"

#include <stdlib.h>
#include <string.h>

char *sl_row_text(const struct sl_store_row *row, int column)
{
    return sl_arena_strdup(row->arena, row->kind->text(row->at, row->index, column));
}

int64_t sl_row_number(const struct sl_store_row *row, int column)
{
    return row->kind->number(row->at, row->index, column);
}

// Takes over what a kind has opened.
static int wrap(const struct sl_store_kind *kind, void *self, const char *project,
                struct sl_state **ret, struct sl_err *err)
{
    struct sl_state *state = calloc(1, sizeof *state);
    char *name = strdup(kind->is_remote && project ? project : "");
    if (!state || !name) {
        kind->close(self);
        free(state);
        free(name);
        return sl_fail_memory(err);
    }
    *state = (struct sl_state){.kind = kind, .self = self, .project = name};
    sl_arena_init(&state->scratch, 0);
    *ret = state;
    return SL_OK;
}

int sl_state_open(const struct sl_state_place *place, struct sl_arena *arena, struct sl_state **ret,
                  const char **ret_note, struct sl_err *err)
{
    void *self = NULL;
    *ret_note = NULL;
    if (!place->url) {
        SL_TRY(sl_sqlite_open(place, arena, &self, ret_note, err));
        return wrap(&sl_store_sqlite, self, place->project, ret, err);
    }
    SL_TRY(sl_postgres_open(place, false, &self, err));
    return wrap(&sl_store_postgres, self, place->project, ret, err);
}

int sl_state_read(const struct sl_state_place *place, struct sl_arena *arena, struct sl_state **ret,
                  const char **ret_note, struct sl_err *err)
{
    void *self = NULL;
    *ret_note = NULL;
    if (!place->url) {
        SL_TRY(sl_sqlite_read(place, arena, &self, ret_note, err));
        return wrap(&sl_store_sqlite, self, place->project, ret, err);
    }
    SL_TRY(sl_postgres_open(place, true, &self, err));
    if (self)
        return wrap(&sl_store_postgres, self, place->project, ret, err);
    SL_TRY(sl_sqlite_memory(&self, err));
    return wrap(&sl_store_sqlite, self, place->project, ret, err);
}

int sl_state_begin_anew(struct sl_state *state, const struct sl_state_place *place,
                        struct sl_arena *arena, const char **ret_note, struct sl_err *err)
{
    void *self;
    if (state->kind->is_remote)
        return sl_fail(err, SL_E_STATE, "a state store on a server is not begun anew");
    SL_TRY(sl_sqlite_begin_anew(place, state->self, arena, &self, ret_note, err));
    state->kind->close(state->self);
    state->self = self;
    return SL_OK;
}

void sl_state_close(struct sl_state **state)
{
    if (!*state)
        return;
    (*state)->kind->close((*state)->self);
    sl_arena_clear(&(*state)->scratch);
    free((*state)->project);
    free((*state)->owner);
    free((*state)->fence);
    free(*state);
    *state = NULL;
}

static int keep(char **text, const char *value, struct sl_err *err)
{
    char *copy = value ? strdup(value) : NULL;
    if (value)
        SL_TRY_NEW(copy, err);
    free(*text);
    *text = copy;
    return SL_OK;
}

int sl_state_version(void)
{
    return SL_STATE_VERSION;
}

int sl_state_fence(struct sl_state *state, const char *name, int64_t token, struct sl_err *err)
{
    SL_TRY(keep(&state->fence, name, err));
    state->fence_token = token;
    return SL_OK;
}

int sl_state_own(struct sl_state *state, const char *holder, struct sl_err *err)
{
    return keep(&state->owner, holder, err);
}

bool sl_state_is_shared(const struct sl_state *state)
{
    return state->kind->is_remote;
}

int sl_state_require_kept(struct sl_state *state, struct sl_err *err)
{
    if (state->kind->is_remote)
        return SL_OK;
    SL_TRY(state->kind->begin(state->self, false, err));
    state->kind->rollback(state->self);
    return SL_OK;
}

static int read_token(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    (void)err;
    *(int64_t *)to = sl_row_number(row, 0);
    return SL_OK;
}

// The lease's row stays locked until the transaction ends, so nobody takes over in between.
static int check_fence(struct sl_state *state, struct sl_err *err)
{
    int64_t token = 0;
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(state->fence)};
    if (!state->fence)
        return SL_OK;
    SL_TRY(SL_RUN_WITH(state,
                       "select token from leases where project = ?1 and name = ?2 /*for share*/",
                       params, .on_row = read_token, .to = &token));
    if (token == state->fence_token)
        return SL_OK;
    return sl_fail(err, SL_E_STATE_FENCED,
                   "the lease '%s' is another's by now (token %lld, ours is %lld): nothing was "
                   "written",
                   state->fence, (long long)token, (long long)state->fence_token);
}

int sl_write_begin_free(struct sl_state *state, struct sl_err *err)
{
    return state->kind->begin(state->self, false, err);
}

static int begin_fenced(struct sl_state *state, bool is_relaxed, struct sl_err *err)
{
    if (state->kind->ready)
        SL_TRY(state->kind->ready(state->self, err));
    SL_TRY(state->kind->begin(state->self, is_relaxed, err));
    int code = check_fence(state, err);
    if (code != SL_OK)
        state->kind->rollback(state->self);
    return code;
}

int sl_write_begin(struct sl_state *state, struct sl_err *err)
{
    return begin_fenced(state, false, err);
}

int sl_write_begin_relaxed(struct sl_state *state, struct sl_err *err)
{
    return begin_fenced(state, true, err);
}

int sl_write_end(struct sl_state *state, int code, int wakes, struct sl_err *err)
{
    if (code == SL_OK && wakes && state->kind->wake)
        code = state->kind->wake(state->self, state->project, wakes, err);
    if (code == SL_OK)
        return state->kind->commit(state->self, err);
    state->kind->rollback(state->self);
    return code;
}

int sl_write_one(struct sl_state *state, const struct sl_statement *statement, int wakes,
                 struct sl_err *err)
{
    SL_TRY(sl_write_begin(state, err));
    return sl_write_end(state, state->kind->run(state->self, statement, err), wakes, err);
}

int sl_state_listen(struct sl_state *state, int *ret_fd, struct sl_err *err)
{
    return state->kind->listen(state->self, state->project, ret_fd, err);
}

int sl_state_woken(struct sl_state *state, int *ret_wakes, struct sl_err *err)
{
    return state->kind->woken(state->self, ret_wakes, err);
}
