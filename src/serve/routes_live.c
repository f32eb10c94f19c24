#include "observe/ids.h"
#include "serve/routes_handlers.h"

#include "base/log.h"
#include "serve/child.h"

static const struct sl_control *control_of(const struct sl_request *request)
{
    return request->options->control;
}

// Where there are tokens, who has none is told no more than whether all is well: names and errors
// of steps are for those who may read.
static bool is_stranger(const struct sl_request *request)
{
    const struct sl_serve_spec *settings = request->options->settings;

    return !request->is_local && settings && settings->tokens.count > 0 &&
           sl_str_equal(request->who, "anybody");
}

static int answer_health(struct sl_request *request, bool wants_ready, struct sl_err *err)
{
    static const char *const private[] = {"pipelines", "reload_error", "look_error", "held_back",
                                          "not_ready_because"};
    SL_AUTO(sl_json_free) json_t *json = NULL;
    bool is_ready = false;

    SL_TRY(
        control_of(request)->health(control_of(request)->self, wants_ready, &json, &is_ready, err));
    for (size_t i = 0; is_stranger(request) && i < sizeof private / sizeof *private; i++)
        (void)json_object_del(json, private[i]);
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

int sl_route_health(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;

    SL_TRY(control_of(request)->look(control_of(request)->self, &json, err));
    return sl_answer_json(request, 200, json, err);
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

static const char *trigger_of(const struct sl_request *request)
{
    return request->is_local ? "by hand" : "http";
}

static int start(struct sl_request *request, const char *pipeline, struct sl_err *err)
{
    struct sl_start_options options = {
        .full_refresh = sl_request_bool(request, "full_refresh"),
        .fail_fast = sl_request_bool(request, "fail_fast"),
        .trigger = trigger_of(request),
    };
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_trace_parent parent;

    if (sl_trace_parent_parse(request->traceparent, &parent)) // what it is not is ignored
        options.traceparent = request->traceparent;
    SL_TRY(sl_request_texts(request, "select", &options.select, err));
    SL_TRY(sl_request_texts(request, "exclude", &options.exclude, err));
    SL_TRY(sl_request_texts(request, "allow_breaking", &options.may_break, err));
    SL_TRY(sl_request_texts(request, "approve", &options.approved, err));
    SL_TRY(control_of(request)->start_run(control_of(request)->self, pipeline, &options,
                                          request->who, &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

int sl_route_start(struct sl_request *request, struct sl_err *err)
{
    return start(request, request->values[0], err);
}

int sl_route_start_some(struct sl_request *request, struct sl_err *err)
{
    return start(request, NULL, err);
}

int sl_route_retry(struct sl_request *request, struct sl_err *err)
{
    struct sl_start_options options = {.command = "retry", .trigger = trigger_of(request)};
    SL_AUTO(sl_json_free) json_t *json = NULL;
    const char *pipeline;

    SL_TRY(sl_route_missing_steps(request, &options.select, &pipeline, err));
    SL_TRY(control_of(request)->start_run(control_of(request)->self, pipeline, &options,
                                          request->who, &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

// --- plans

static int start_plan(struct sl_request *request, struct sl_err *err)
{
    json_t *plan = json_object_get(request->json, "plan"), *node;
    struct sl_start_options options = {
        .plan = plan,
        .full_refresh = sl_json_bool(plan, "full_refresh", false),
        .fail_fast = sl_request_bool(request, "fail_fast"),
        .command = "apply",
        .trigger = trigger_of(request),
    };
    SL_AUTO(sl_json_free) json_t *json = NULL;
    size_t i;

    json_array_foreach (json_object_get(plan, "nodes"), i, node)
        SL_TRY(sl_strs_add(&options.select, &request->arena, sl_json_text(node, "name", ""), err));
    json_array_foreach (json_object_get(plan, "allow_breaking"), i, node)
        SL_TRY(sl_strs_add(&options.may_break, &request->arena,
                           json_is_string(node) ? json_string_value(node) : "", err));
    if (options.select.count == 0)
        return sl_fail(err, SL_E_PLAN_CHANGED, "the plan has no steps");
    SL_TRY(control_of(request)->start_run(control_of(request)->self, NULL, &options, request->who,
                                          &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

// Whether the plan holds is for the command to say: what tables there are the service does not see.
int sl_route_apply(struct sl_request *request, struct sl_err *err)
{
    if (!sl_request_bool(request, "dry_run")) {
        request->after_command = start_plan;
        if (json_object_set_new(request->json, "dry_run", json_true()) != 0)
            return sl_fail_memory(err);
    }
    return sl_child_begin(request, err);
}

// --- backfills

int sl_route_backfills(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = NULL;

    SL_TRY(control_of(request)->backfills(control_of(request)->self, NULL, &list, err));
    SL_AUTO(sl_json_free) json_t *json = json_pack("{s:O}", "backfills", list);
    return sl_answer_json(request, 200, json, err);
}

int sl_route_backfill(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = NULL;
    const char *id = request->values[0];

    SL_TRY(control_of(request)->backfills(control_of(request)->self, id, &list, err));
    if (json_array_size(list) == 0)
        return sl_fail(err, SL_E_SERVE_MISSING, "there is no backfill '%.100s'", id);
    if (json_array_size(list) > 1)
        return sl_fail(err, SL_E_RUN_MISSING, "more than one backfill begins with '%.100s'", id);
    return sl_answer_json(request, 200, json_array_get(list, 0), err);
}

// The plan is made by the command; the work is done here.
static int start_backfill(struct sl_request *request, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_strs tables, partitions;

    SL_TRY(sl_request_texts(request, "tables", &tables, err));
    SL_TRY(sl_request_texts(request, "partition", &partitions, err));
    SL_AUTO(sl_json_free)
    json_t *asked = json_pack(
        "{s:o, s:s*, s:s*, s:o, s:b, s:b, s:s*, s:I, s:s*, s:I, s:b}", "tables",
        sl_json_strs(&tables), "from", sl_request_text(request, "from"), "to",
        sl_request_text(request, "to"), "partitions", sl_json_strs(&partitions), "stale",
        (int)sl_request_bool(request, "stale"), "allow_empty",
        (int)sl_request_bool(request, "allow_empty"), "resume", sl_request_text(request, "resume"),
        "chunk", (json_int_t)sl_request_int(request, "chunk", 0), "order",
        sl_request_text(request, "order"), "concurrency",
        (json_int_t)sl_request_int(request, "concurrency", 0), "downstream",
        (int)sl_request_bool(request, "downstream"));
    SL_TRY_NEW(asked, err);
    SL_TRY(control_of(request)->start_backfill(control_of(request)->self, asked,
                                               trigger_of(request), request->who, &json, err));
    return sl_answer_json(request, request->route->status, json, err);
}

// Which backfills there were only tables tell, and the service reads none.
int sl_route_start_backfill(struct sl_request *request, struct sl_err *err)
{
    if (!sl_request_bool(request, "dry_run")) {
        if (!sl_request_text(request, "resume"))
            return start_backfill(request, err);
        request->after_command = start_backfill;
        if (json_object_set_new(request->json, "dry_run", json_true()) != 0)
            return sl_fail_memory(err);
    }
    return sl_child_begin(request, err);
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
