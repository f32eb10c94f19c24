#include "cli/history.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

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

// A run that says it is running but whose process is gone was killed. Of another machine's
// processes nobody here knows.
const char *sl_cli_run_status(const struct sl_run_row *run)
{
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    bool is_here = !run->host || strcmp(run->host, host) == 0;
    bool is_gone = is_here && run->ended_us == 0 && kill((pid_t)run->pid, 0) != 0 && errno == ESRCH;
    return is_gone ? "killed" : run->status;
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
