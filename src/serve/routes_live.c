#include "observe/ids.h"
#include "serve/routes_handlers.h"

#include "base/log.h"

static const struct sl_control *control_of(const struct sl_request *request)
{
    return request->options->control;
}

static int answer_health(struct sl_request *request, bool wants_ready, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    bool is_ready = false;

    SL_TRY(control_of(request)->health(control_of(request)->self, &json, &is_ready, err));
    return sl_answer_json(request, wants_ready && !is_ready ? 503 : 200, json, err);
}

int sl_route_healthz(struct sl_request *request, struct sl_err *err)
{
    return answer_health(request, false, err);
}

int sl_route_readyz(struct sl_request *request, struct sl_err *err)
{
    return answer_health(request, true, err);
}

int sl_route_metrics(struct sl_request *request, struct sl_err *err)
{
    struct sl_answer *answer = &request->answer;

    SL_TRY(control_of(request)->metrics(control_of(request)->self, &answer->text, err));
    SL_TRY(sl_buf_check(&answer->text, err));
    answer->type = request->route->answers;
    answer->status = 200;
    return SL_OK;
}

int sl_route_openapi(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;

    SL_TRY(sl_openapi(&json, err));
    return sl_answer_json(request, 200, json, err);
}

int sl_route_pipelines(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = NULL;

    SL_TRY(control_of(request)->pipelines(control_of(request)->self, NULL, &list, err));
    SL_AUTO(sl_json_free) json_t *json = json_pack("{s:O}", "pipelines", list);
    return sl_answer_json(request, 200, json, err);
}

int sl_route_pipeline(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = NULL;

    SL_TRY(
        control_of(request)->pipelines(control_of(request)->self, request->values[0], &list, err));
    if (json_array_size(list) == 0)
        return sl_fail(err, SL_E_SERVE_MISSING, "there is no pipeline '%.200s'",
                       request->values[0]);
    return sl_answer_json(request, 200, json_array_get(list, 0), err);
}

int sl_route_active(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = NULL;

    SL_TRY(control_of(request)->active_runs(control_of(request)->self, &list, err));
    SL_AUTO(sl_json_free) json_t *json = json_pack("{s:O}", "runs", list);
    return sl_answer_json(request, 200, json, err);
}

int sl_route_start(struct sl_request *request, struct sl_err *err)
{
    struct sl_start_options options = {
        .full_refresh = sl_request_bool(request, "full_refresh"),
        .trigger = request->is_local ? "by hand" : "http",
    };
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_trace_parent parent;

    if (sl_trace_parent_parse(request->traceparent, &parent)) // what it is not is ignored
        options.traceparent = request->traceparent;
    SL_TRY(sl_request_texts(request, "select", &options.select, err));
    SL_TRY(sl_request_texts(request, "exclude", &options.exclude, err));
    SL_TRY(control_of(request)->start_run(control_of(request)->self, request->values[0], &options,
                                          request->who, &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

int sl_route_pause(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;

    SL_TRY(control_of(request)->pause(control_of(request)->self, request->values[0], request->who,
                                      sl_request_text(request, "why"), &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

int sl_route_resume(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;

    SL_TRY(control_of(request)->resume(control_of(request)->self, request->values[0], request->who,
                                       &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

int sl_route_cancel(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    const char *run;

    SL_TRY(sl_route_run_id(request, &run, err));
    SL_TRY(control_of(request)->cancel(control_of(request)->self, run, request->who, &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

static int decide(struct sl_request *request, bool is_approved, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    const char *run;

    SL_TRY(sl_route_run_id(request, &run, err));
    SL_TRY(control_of(request)->decide(control_of(request)->self, run, request->values[1],
                                       is_approved, request->who, sl_request_text(request, "why"),
                                       &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

int sl_route_approve(struct sl_request *request, struct sl_err *err)
{
    return decide(request, true, err);
}

int sl_route_reject(struct sl_request *request, struct sl_err *err)
{
    return decide(request, false, err);
}
