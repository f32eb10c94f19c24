#include "cli/history.h"

#include "api/queue.h"

void sl_cli_history_close(struct sl_cli_history *history)
{
    sl_state_close(&history->state);
    sl_project_free(&history->project);
    sl_arena_clear(&history->arena);
}

int sl_cli_history_open(const struct sl_common *common, struct sl_cli_history *ret,
                        struct sl_err *err)
{
    struct sl_project_options options = {
        .folder = common->folder,
        .environment = common->environment,
        .overrides = common->settings,
        .resolve_secrets = true,
    };
    const char *note;
    sl_arena_init(&ret->arena, 0);
    SL_TRY(sl_project_load(&options, &ret->project, err));
    sl_note_project(common, ret->project);
    const struct sl_state_place place = sl_project_state(ret->project);
    SL_TRY(sl_state_read(&place, &ret->arena, &ret->state, &note, err));
    if (note)
        sl_tell(common, SL_LOG_WARN, "%s", note);
    return SL_OK;
}

int sl_cli_run_waits(struct sl_cli_history *history, const struct sl_run_row *run,
                     struct sl_strs *ret, struct sl_err *err)
{
    struct sl_approval *rows;
    size_t count;
    *ret = (struct sl_strs){0};
    if (!sl_str_equal(sl_run_status(run), "running"))
        return SL_OK;
    SL_TRY(sl_state_approvals(history->state, run->id, &history->arena, &rows, &count, err));
    for (size_t i = 0; i < count; i++)
        if (!rows[i].decided_us)
            SL_TRY(sl_strs_add(ret, &history->arena, rows[i].step, err));
    return SL_OK;
}

const char *sl_cli_waits_text(const struct sl_run_row *run, const struct sl_strs *waits,
                              struct sl_arena *arena)
{
    const char *text = "waits for a person: ";
    for (size_t i = 0; text && i < waits->count; i++)
        text = sl_arena_printf(arena, "%s%s`sluice approve %.8s %s`", text, i ? ", " : "", run->id,
                               waits->items[i]);
    return text;
}

int sl_cli_find_run(struct sl_cli_history *history, const char *id, bool with_waiting,
                    struct sl_run_row *ret, struct sl_err *err)
{
    struct sl_run_row *runs;
    size_t count;
    id = sl_str_is_empty(id) ? NULL : id; // as a shell gives a variable that is not set
    const struct sl_run_filter filter = {.id = id, .limit = 2, .with_waiting = with_waiting};
    SL_TRY(sl_state_runs(history->state, &filter, &history->arena, &runs, &count, err));
    if (count == 0 && !id)
        return sl_fail(err, SL_E_RUN_MISSING, "nothing has been run yet");
    if (count == 0) {
        (void)sl_fail(err, SL_E_RUN_MISSING, "no run begins with '%s'", id);
        return sl_err_hint(err, "`sluice status` lists the runs");
    }
    if (id && count > 1)
        return sl_fail(err, SL_E_RUN_MISSING, "more than one run begins with '%s'", id);
    *ret = runs[0];
    return SL_OK;
}
