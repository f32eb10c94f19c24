#include "cli/history.h"

#include "api/leases.h"
#include "api/queue.h"
#include "run/handout_wire.h"

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

int sl_cli_backfill_trace(struct sl_cli_history *history, const struct sl_run_row *run,
                          struct sl_backfill_trace *ret, struct sl_err *err)
{
    const struct sl_project *project = history->project;
    *ret = (struct sl_backfill_trace){0};
    if (!sl_str_equal(run->command, "backfill") ||
        !sl_str_equal(run->environment, project->environment))
        return SL_OK;
    for (size_t i = 0; i < project->model_count; i++) {
        struct sl_delta_head head;
        if (project->models[i].write != SL_WRITE_PARTITION)
            continue;
        const char *folder =
            sl_table_folder(project, SL_LAYER_CURATED, project->models[i].name, &history->arena);
        SL_TRY_NEW(folder, err);
        SL_TRY(sl_delta_head(folder, &history->arena, &head, err));
        if (head.version >= 0)
            SL_TRY(sl_backfill_trace(folder, run->id, &history->arena, ret, err));
    }
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

int sl_cli_leader(struct sl_state *state, const struct sl_project *project, struct sl_arena *arena,
                  struct sl_lease *ret, struct sl_err *err)
{
    const char *environment = project->environment;
    *ret = (struct sl_lease){0};
    if (!project->state_url)
        return SL_OK;
    const char *name =
        sl_arena_printf(arena, "serve%s%s", environment ? " " : "", environment ? environment : "");
    SL_TRY_NEW(name, err);
    return sl_state_lease_look(state, name, arena, ret, err);
}

int sl_cli_unclaimed(struct sl_state *state, const struct sl_project *project,
                     struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    const char *environment = project->environment;
    struct sl_leader_says says = {0};
    struct sl_err garbled = {0};
    struct sl_lease lease;
    char count[64], time[32];
    *ret = NULL;
    SL_TRY(sl_cli_leader(state, project, arena, &lease, err));
    if (lease.left_ms <= 0)
        return SL_OK;
    const char *name =
        sl_arena_printf(arena, SL_PRESENT_LEADER "%s", environment ? environment : "");
    SL_TRY_NEW(name, err);
    SL_TRY(sl_state_lease_look(state, name, arena, &lease, err));
    if (lease.left_ms <= 0 ||
        sl_says_parse(sl_leader_says_fields, lease.holder, arena, &says, &garbled) != SL_OK ||
        says.unclaimed <= 0)
        return SL_OK;
    *ret = sl_arena_printf(
        arena, "no worker claims what is ready: %s (%s), since %s; %s",
        sl_count_of(says.unclaimed, "step", count), says.unclaimed_step ? says.unclaimed_step : "",
        sl_time_text(says.unclaimed_us, time), sl_handout_advice(says.unclaimed_old));
    return *ret ? SL_OK : sl_fail_memory(err);
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
