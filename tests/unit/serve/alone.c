// The HTTP side of the service by itself, for tests over real sockets: the project in the working
// folder, and a control that prints what it is asked, a line of JSON each, and answers. Its first
// line says the port. Ends when stdin does.
//
//     serve_alone [listen=127.0.0.1:0] [idle_s=30] [head_s=10] [reading_s=10] [request_s=60]
//     [child_s=120] [connections=512]
//                 [program=PATH] [children=4]
#include "serve/http.h"
#include "serve/metrics.h"

#include "base/clock.h"
#include "spec/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct alone {
    struct sl_http *http;
    struct sl_metrics *metrics;
    uv_pipe_t input;
    uv_loop_t loop;
};

static void tell(json_t *call)
{
    char *text = json_dumps(call, JSON_COMPACT);

    puts(text);
    fflush(stdout);
    free(text);
    json_decref(call);
}

static int require_pipeline(const char *name, struct sl_err *err)
{
    if (strcmp(name, "nightly") != 0)
        return sl_fail(err, SL_E_SERVE_MISSING, "there is no pipeline '%s'", name);
    return SL_OK;
}

static json_t *texts(const struct sl_strs *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static int start_run(void *self, const char *pipeline, const struct sl_start_options *options,
                     const char *who, json_t **ret_json, struct sl_err *err)
{
    (void)self;
    if (pipeline)
        SL_TRY(require_pipeline(pipeline, err));
    tell(json_pack("{s:s, s:s?, s:o, s:o, s:o, s:b, s:b, s:s, s:s}", "call", "start_run",
                   "pipeline", pipeline, "select", texts(&options->select), "exclude",
                   texts(&options->exclude), "approve", texts(&options->approved), "full_refresh",
                   (int)options->full_refresh, "fail_fast", (int)options->fail_fast, "trigger",
                   options->trigger, "who", who));
    *ret_json = json_pack("{s:s, s:s}", "run_id", "5bd05ae7-0000-4000-8000-000000000000", "status",
                          "running");
    return SL_OK;
}

static int start_backfill(void *self, const json_t *asked, const char *trigger, const char *who,
                          json_t **ret_json, struct sl_err *err)
{
    (void)self;
    (void)err;
    tell(json_pack("{s:s, s:O, s:s, s:s}", "call", "start_backfill", "asked", (json_t *)asked,
                   "trigger", trigger, "who", who));
    *ret_json = json_pack("{s:s, s:s}", "run_id", "5bd05ae7-0000-4000-8000-000000000000", "status",
                          "running");
    return SL_OK;
}

static int backfills(void *self, const char *run_id, json_t **ret_json, struct sl_err *err)
{
    (void)self;
    *ret_json = json_array();
    return run_id ? sl_fail(err, SL_E_SERVE_MISSING, "there is no backfill '%s'", run_id) : SL_OK;
}

static void audit(void *self, const char *who, const char *what, const char *subject,
                  const char *details)
{
    (void)self;
    tell(json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "call", "audit", "who", who, "what", what,
                   "subject", subject, "details", details));
}

static int cancel(void *self, const char *run_id, const char *who, json_t **ret_json,
                  struct sl_err *err)
{
    (void)self;
    (void)err;
    tell(json_pack("{s:s, s:s, s:s}", "call", "cancel", "run_id", run_id, "who", who));
    *ret_json = json_pack("{s:s, s:s}", "run_id", run_id, "status", "stopping");
    return SL_OK;
}

static int pause_pipeline(void *self, const char *pipeline, const char *who, const char *why,
                          json_t **ret_json, struct sl_err *err)
{
    (void)self;
    SL_TRY(require_pipeline(pipeline, err));
    tell(json_pack("{s:s, s:s, s:s, s:s?}", "call", "pause", "pipeline", pipeline, "who", who,
                   "why", why));
    *ret_json = json_pack("{s:s, s:b, s:b, s:s, s:s?}", "pipeline", pipeline, "is_paused", 1,
                          "was_paused", 0, "who", who, "why", why);
    return SL_OK;
}

static int resume_pipeline(void *self, const char *pipeline, const char *who, json_t **ret_json,
                           struct sl_err *err)
{
    (void)self;
    SL_TRY(require_pipeline(pipeline, err));
    tell(json_pack("{s:s, s:s, s:s}", "call", "resume", "pipeline", pipeline, "who", who));
    *ret_json = json_pack("{s:s, s:b, s:b}", "pipeline", pipeline, "is_paused", 0, "was_paused", 1);
    return SL_OK;
}

static int decide(void *self, const char *run_id, const char *step, bool is_approved,
                  const char *who, const char *why, json_t **ret_json, struct sl_err *err)
{
    (void)self;
    if (strcmp(step, "decided") == 0)
        return sl_fail(err, SL_E_SERVE_CONFLICT, "step 'decided' was approved by anna");
    tell(json_pack("{s:s, s:s, s:s, s:b, s:s, s:s?}", "call", "decide", "run_id", run_id, "step",
                   step, "is_approved", (int)is_approved, "who", who, "why", why));
    *ret_json = json_pack("{s:s, s:s, s:b, s:s}", "run_id", run_id, "step", step, "is_approved",
                          (int)is_approved, "who", who);
    return SL_OK;
}

static int pipelines(void *self, const char *name, json_t **ret_json, struct sl_err *err)
{
    (void)self;
    if (name)
        SL_TRY(require_pipeline(name, err));
    *ret_json =
        json_pack("[{s:s, s:n, s:s, s:[s], s:n, s:b, s:i, s:i, s:n}]", "name", "nightly",
                  "description", "owner", "data@shop.example", "triggers", "0 3 * * *", "next_at",
                  "is_paused", 0, "active_runs", 0, "queued_runs", 0, "last_run");
    return SL_OK;
}

static int active_runs(void *self, json_t **ret_json, struct sl_err *err)
{
    (void)self;
    (void)err;
    *ret_json = json_array();
    return SL_OK;
}

// Ready as soon as there is no file `not-ready` in the project.
static int health(void *self, bool asks_state, json_t **ret_json, bool *ret_is_ready,
                  struct sl_err *err)
{
    FILE *file = fopen("not-ready", "r");

    (void)self;
    (void)err;
    *ret_is_ready = file == NULL || !asks_state;
    *ret_json = json_pack("{s:s}", "status", file ? "degraded" : "ok");
    if (file)
        fclose(file);
    return SL_OK;
}

static int look(void *self, json_t **ret_json, struct sl_err *err)
{
    (void)self;
    (void)err;
    *ret_json = json_pack("{s:s, s:s}", "schema", "sluice.health/1", "state", "ok");
    return SL_OK;
}

static int metrics(void *self, struct sl_buf *text, struct sl_err *err)
{
    struct alone *alone = self;
    const struct sl_metrics_now now = {.now_us = sl_clock_now_us(), .active_runs = 1, .workers = 2};

    (void)err;
    sl_metrics_print(alone->metrics, &now, text);
    return SL_OK;
}

// One of each.
static void feed(struct sl_metrics *metrics_of)
{
    const struct sl_metrics_step step = {.pipeline = "nightly",
                                         .kind = "cleanse",
                                         .table = "clean.orders",
                                         .status = "warn",
                                         .elapsed_s = 0.7,
                                         .rows_in = 100,
                                         .rows_out = 98,
                                         .rows_rejected = 2,
                                         .retries = 1,
                                         .peak_memory_bytes = 47149056,
                                         .committed_us = sl_clock_now_us()};

    sl_metrics_run_started(metrics_of, "nightly", "cron", 0.004);
    sl_metrics_step_ended(metrics_of, &step);
    sl_metrics_run_ended(metrics_of, "nightly", "partial", 12.5);
    sl_metrics_tick_skipped(metrics_of, "nightly", "overlap");
    sl_metrics_deadline_missed(metrics_of, "nightly");
    sl_metrics_worker_died(metrics_of);
    const struct sl_metrics_told events = {
        .to = "lineage", .sent = 12, .refused = 1, .failures = 2};
    const struct sl_metrics_told spans = {.to = "traces", .is_spans = true, .sent = 15, .lost = 3};
    sl_metrics_told(metrics_of, &events);
    sl_metrics_told(metrics_of, &spans);
    sl_metrics_table(metrics_of, "curated.odd \"name\"\\with\nall", sl_clock_now_us() - 5000000,
                     3600);
    sl_metrics_target(metrics_of, "target.w.orders", true, 90, 97);
    sl_metrics_lake(metrics_of, false);
    sl_metrics_lake(metrics_of, true);
    sl_metrics_source(metrics_of, "orders", true, 240, 2, 4096);
    sl_metrics_source(metrics_of, "gone", false, -1, 0, 0);
    sl_metrics_table_lag(metrics_of, "clean.orders", 0);
    sl_metrics_target(metrics_of, "target.w.orders", true, 60, 98);
    sl_metrics_health(metrics_of, "nightly", "in", 1);
    sl_metrics_health(metrics_of, "nightly", "out", 2);
    sl_metrics_health(metrics_of, "nightly", "out", -1);
    sl_metrics_looked(metrics_of, sl_clock_now_us(), 0.25);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    static char space[256];

    (void)handle;
    (void)wanted;
    *ret = uv_buf_init(space, sizeof space);
}

static void on_input(uv_stream_t *stream, ssize_t length, const uv_buf_t *bytes)
{
    struct alone *alone = stream->data;

    (void)bytes;
    if (length >= 0)
        return;
    uv_close((uv_handle_t *)stream, NULL);
    sl_http_close(alone->http, NULL, NULL);
}

static const char *setting(int argc, char **argv, const char *name, const char *otherwise)
{
    size_t length = strlen(name);

    for (int i = 1; i < argc; i++) // the last one counts
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
            otherwise = argv[i] + length + 1;
    return otherwise;
}

static int64_t number(int argc, char **argv, const char *name)
{
    return atoll(setting(argc, argv, name, "0"));
}

static int serve(int argc, char **argv, struct alone *alone, struct sl_err *err)
{
    const struct sl_project_options loaded = {.resolve_secrets = true};
    const struct sl_control control = {.start_run = start_run,
                                       .start_backfill = start_backfill,
                                       .backfills = backfills,
                                       .cancel = cancel,
                                       .pause = pause_pipeline,
                                       .resume = resume_pipeline,
                                       .decide = decide,
                                       .pipelines = pipelines,
                                       .active_runs = active_runs,
                                       .health = health,
                                       .look = look,
                                       .audit = audit,
                                       .metrics = metrics,
                                       .self = alone};
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    const char *note;

    SL_TRY(sl_project_load(&loaded, &project, err));
    if (project->diags.error_count > 0) {
        *err = project->diags.items[0].err;
        return (int)err->code;
    }
    const struct sl_state_place place = sl_project_state(project);
    SL_TRY(sl_state_open(&place, &project->arena, &state, &note, err));
    const struct sl_http_options options = {
        .listen = setting(argc, argv, "listen", "127.0.0.1:0"),
        .fd = -1,
        .socket_folder = project->state_folder,
        .settings = project->serve,
        .control = &control,
        .state = state,
        .state_folder = project->state_folder,
        .folder = project->folder,
        .program = setting(argc, argv, "program", NULL),
        .most_connections = (size_t)number(argc, argv, "connections"),
        .idle_s = number(argc, argv, "idle_s"),
        .head_s = number(argc, argv, "head_s"),
        .reading_s = number(argc, argv, "reading_s"),
        .request_s = number(argc, argv, "request_s"),
        .child_s = number(argc, argv, "child_s"),
        .most_children = (size_t)number(argc, argv, "children"),
    };
    SL_TRY(sl_metrics_new(&alone->metrics, err));
    feed(alone->metrics);
    (void)uv_loop_init(&alone->loop);
    int code = sl_http_open(&alone->loop, &options, &alone->http, err);
    if (code == SL_OK) {
        tell(json_pack("{s:i}", "port", sl_http_port(alone->http)));
        (void)uv_pipe_init(&alone->loop, &alone->input, 0);
        alone->input.data = alone;
        (void)uv_pipe_open(&alone->input, 0);
        (void)uv_read_start((uv_stream_t *)&alone->input, on_room, on_input);
    }
    (void)uv_run(&alone->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&alone->loop) != 0)
        return sl_fail(err, SL_E_INTERNAL, "handles are left in the loop");
    sl_metrics_free(&alone->metrics);
    return code;
}

int main(int argc, char **argv)
{
    static struct alone alone;
    struct sl_err err = {0};

    if (serve(argc, argv, &alone, &err) == SL_OK)
        return 0;
    tell(json_pack("{s:s, s:s, s:s}", "error", sl_code_info(err.code)->id, "message", err.message,
                   "hint", err.hint));
    return 1;
}
