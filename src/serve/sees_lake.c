// One that stands by and does not see the lake takes no lead: it would build everything anew where
// the lake's file system is not mounted.
#include "run/known_lake.h"
#include "serve/serve_inner.h"

#include <stdlib.h>
#include <string.h>

bool sl_service_sees_lake(struct sl_service *service)
{
    struct sl_err err = {0};
    if (!sl_lake_is_refused(
            sl_lake_look(sl_service_project(service), service->state, service->lake, &err))) {
        if (service->lake_error)
            sl_service_tell(SL_LOG_INFO, NULL, "the lake is there again");
        free(service->lake_error);
        service->lake_error = NULL;
        return true;
    }
    if (!service->has_stood_by && !service->stops) {
        service->has_stood_by = true;
        sl_service_stand_by(service);
    }
    if (!sl_str_equal(service->lake_error, err.message)) {
        sl_service_tell(SL_LOG_ERROR, NULL, "standing by, and takes no lead: %s (%s)", err.message,
                        sl_code_info(err.code)->id);
        free(service->lake_error);
        service->lake_error = strdup(err.message);
    }
    return false;
}
