// What the end of a service has interrupted is left to the next one, as that of a kill is.
#include "serve/serve_inner.h"

// Something was not done because the run was interrupted.
static bool misses_steps(const struct sl_live *live)
{
    const struct sl_run *run = sl_live_run(live);
    if (sl_live_err(live)->code || !sl_live_is_planned(live))
        return sl_live_err(live)->code == SL_E_INTERRUPTED || !sl_live_err(live)->code;
    for (size_t i = 0; i < run->count; i++)
        if (run->outcomes[i].err.code == SL_E_INTERRUPTED)
            return true;
    return false;
}

void sl_service_leave_to_next(struct sl_service_run *run)
{
    const struct sl_asked asked = {.pipeline = run->pipeline,
                                   .trigger = "after the service's end",
                                   .who = run->who,
                                   .options = run->options};
    struct sl_service_run *again;
    struct sl_err err = {0};
    const char *why;
    if (!run->is_left || sl_str_equal(run->command, "apply") || !misses_steps(run->live))
        return;
    if (sl_service_ask(run->service, &asked, &again, &why, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, run, "it is not gone on with: %s", err.message);
    else if (again)
        sl_service_tell(SL_LOG_INFO, run, "what is missing waits for the next service: run %.8s",
                        again->id);
}
