// Handlers of the routes that need no command: of what is now (routes_live.c) and of what was
// (routes_past.c).
#ifndef SL_SERVE_ROUTES_HANDLERS_H
#define SL_SERVE_ROUTES_HANDLERS_H

#include "serve/routes.h"

SL_MUST int sl_route_healthz(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_health(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_readyz(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_metrics(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_openapi(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_pipelines(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_pipeline(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_start(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_start_some(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_retry(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_backfills(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_backfill(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_start_backfill(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_pause(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_resume(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_active(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_cancel(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_approve(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_reject(struct sl_request *request, struct sl_err *err);

SL_MUST int sl_route_runs(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_run(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_steps(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_step_log(struct sl_request *request, struct sl_err *err);
int sl_route_apply(struct sl_request *request, struct sl_err *err);
int sl_route_log(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_approvals(struct sl_request *request, struct sl_err *err);
SL_MUST int sl_route_audit(struct sl_request *request, struct sl_err *err);
// What failed or was skipped in the run that the path begins to name, in the request's arena, and
// its pipeline (NULL: none). SL_E_SERVE_CONFLICT: nothing did.
SL_MUST int sl_route_missing_steps(struct sl_request *request, struct sl_strs *ret,
                                   const char **ret_pipeline, struct sl_err *err);
// The whole id of the run that the path begins to name. In the request's arena.
SL_MUST int sl_route_run_id(struct sl_request *request, const char **ret, struct sl_err *err);

#endif
