#include "cli/alerts.h"

#define MOST_MS 5000

static struct sl_notify *open_notify(const struct sl_common *common,
                                     const struct sl_project *project)
{
    struct sl_notify *notify = NULL;
    struct sl_err err = {0};
    if (sl_notify_open(project, NULL, &notify, &err) == SL_OK)
        return notify;
    if (!common->cli->is_unalerted) // once, not also when what is due is sent
        sl_tell(common, SL_LOG_WARN, "nobody is alerted: %s", err.message);
    common->cli->is_unalerted = true;
    return notify;
}

static void tell(const struct sl_common *common, int code, const struct sl_err *err)
{
    if (code != SL_OK)
        sl_tell(common, SL_LOG_WARN, "alerts of this run are not kept: %s", err->message);
}

void sl_alerts_of_run(const struct sl_common *common, const struct sl_run *run)
{
    SL_AUTO(sl_notify_close) struct sl_notify *notify = open_notify(common, run->world->project);
    struct sl_err err = {0};
    tell(common, sl_notify_run_ended(notify, run, NULL, false, &err), &err);
}

void sl_alerts_of_failure(const struct sl_common *common, const struct sl_world *world,
                          const struct sl_err *failure)
{
    SL_AUTO(sl_notify_close) struct sl_notify *notify = open_notify(common, world->project);
    struct sl_err err = {0};
    tell(common, sl_notify_run_failed(notify, failure, NULL, &err), &err);
}

void sl_alerts_of_nothing(const struct sl_common *common, const struct sl_world *world)
{
    SL_AUTO(sl_notify_close) struct sl_notify *notify = open_notify(common, world->project);
    struct sl_err err = {0};
    tell(common, sl_notify_nothing(notify, world, NULL, &err), &err);
}

void sl_alerts_send(const struct sl_common *common, const struct sl_project *project)
{
    struct sl_err err = {0};
    struct sl_sent sent;
    char count[64];
    if (!project->alerts)
        return;
    SL_AUTO(sl_notify_close) struct sl_notify *notify = open_notify(common, project);
    if (sl_notify_send(notify, SL_SEND_DUE, MOST_MS, &sent, &err) != SL_OK)
        sl_tell(common, SL_LOG_WARN, "alerts are not sent: %s", err.message);
    else if (sent.failed > 0)
        sl_tell(common, SL_LOG_WARN, "%s could not be sent: `sluice alerts` tells why",
                sl_count_of((int64_t)sent.failed, "alert", count));
}
