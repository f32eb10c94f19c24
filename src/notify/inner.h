// Shared by the files of notify, and for no other layer.
#ifndef SL_NOTIFY_INNER_H
#define SL_NOTIFY_INNER_H

#include "api/alerts.h"
#include "notify/notify.h"

struct sl_notify {
    const struct sl_project *project;
    struct sl_state *of_service; // NULL: one is opened when it is needed
    struct sl_alert_store *store;
};

#endif
