// sluice trigger, cancel, pause, resume, approve, reject: what `sluice serve` is asked to do, over
// its unix socket.
#include "cli/wait.h"
#include "serve/client.h"

#include <string.h>

struct control_options {
    struct sl_common common;
    const char *name; // of a pipeline, or the id of a run
    const char *step;
    const char *why;
    struct sl_strs select, exclude, approve;
    bool full_refresh, fail_fast, wait;
};

// clang-format off
#define PIPELINE_ROW \
    {"pipeline", SL_OPT_STRING, offsetof(struct control_options, name), NULL, "The pipeline.", \
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "PIPELINE"}
#define RUN_ROW \
    {"run", SL_OPT_STRING, offsetof(struct control_options, name), NULL, "The run, by its id.", \
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "RUN"}
#define STEP_ROW \
    {"step", SL_OPT_STRING, offsetof(struct control_options, step), NULL, \
     "The step that waits, as `sluice status RUN` and `sluice logs` call it: curated.total, \"model total\" or 'curated.t*'.", \
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "STEP"}
#define WHY_ROW \
    {"why", SL_OPT_STRING, offsetof(struct control_options, why), NULL, \
     "Reason, for the audit log.", 0, .placeholder = "TEXT"}

static const struct sl_opt trigger_rows[] = {
    PIPELINE_ROW,
    {"select", SL_OPT_STRINGS, offsetof(struct control_options, select), NULL,
     "Steps to run, in the place of the pipeline's own, as in `sluice run`.", SL_OPT_WORDS, .letter = 's',
     .placeholder = "SELECTOR"},
    {"exclude", SL_OPT_STRINGS, offsetof(struct control_options, exclude), NULL,
     "Steps to leave out.", SL_OPT_WORDS, .placeholder = "SELECTOR"},
    {"full_refresh", SL_OPT_BOOL, offsetof(struct control_options, full_refresh), "false",
     "Build the selected steps anew.", 0},
    {"fail_fast", SL_OPT_BOOL, offsetof(struct control_options, fail_fast), "false",
     "Start nothing new after the first error.", 0},
    {"approve", SL_OPT_STRINGS, offsetof(struct control_options, approve), NULL,
     "A table or target with `approval` whose steps may begin. May be repeated.", 0,
     .placeholder = "NAME"},
    {"wait", SL_OPT_BOOL, offsetof(struct control_options, wait), "false",
     "Wait for the end of the run, and print its log as it grows.", 0, .letter = 'w'},
    SL_COMMON_ROWS, {0},
};
static const struct sl_opt cancel_rows[] = {RUN_ROW, SL_COMMON_ROWS, {0}};
static const struct sl_opt pause_rows[] = {PIPELINE_ROW, WHY_ROW, SL_COMMON_ROWS, {0}};
static const struct sl_opt resume_rows[] = {PIPELINE_ROW, SL_COMMON_ROWS, {0}};
static const struct sl_opt decide_rows[] = {RUN_ROW, STEP_ROW, WHY_ROW, SL_COMMON_ROWS, {0}};
// clang-format on

// Only the settings are needed, not what they keep secret.
static int open_project(const struct sl_common *common, struct sl_project **ret, struct sl_err *err)
{
    struct sl_project_options options = {.folder = common->folder,
                                         .environment = common->environment,
                                         .overrides = common->settings};
    SL_TRY(sl_project_load(&options, ret, err));
    sl_keep_project(common->cli, *ret);
    return SL_OK;
}

// POST to "/api/v1/<kind>/<name><rest>".
static int post(const struct control_options *options, struct sl_project *project, const char *kind,
                const char *rest, const json_t *body, json_t **ret, struct sl_err *err)
{
    const char *name = sl_client_part(&project->arena, options->name);
    SL_TRY_NEW(name, err);
    const char *path = sl_arena_printf(&project->arena, "/api/v1/%s/%s%s", kind, name, rest);
    SL_TRY_NEW(path, err);
    return sl_client_ask(project->state_folder, "POST", path, body, ret, err);
}

// In JSON the answer is printed as it is.
static int ask(const struct control_options *options, const char *kind, const char *rest,
               const json_t *body, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    SL_TRY(open_project(&options->common, &project, err));
    SL_TRY(post(options, project, kind, rest, body, ret, err));
    return options->common.json ? sl_print_json(*ret, err) : SL_OK;
}

static json_t *trigger_body(const struct control_options *options)
{
    return json_pack("{s:o, s:o, s:o, s:b, s:b}", "select", sl_json_strs(&options->select),
                     "exclude", sl_json_strs(&options->exclude), "approve",
                     sl_json_strs(&options->approve), "full_refresh", (int)options->full_refresh,
                     "fail_fast", (int)options->fail_fast);
}

static void tell_triggered(const struct control_options *options, const json_t *answer)
{
    const char *id = sl_json_text(answer, "run_id", "");
    const char *outdated = sl_json_text(answer, "outdated", NULL);
    if (outdated)
        sl_tell(&options->common, SL_LOG_WARN,
                "the service works with the project as it was read before: %s", outdated);
    const char *warning = sl_json_text(answer, "warning", NULL);
    if (warning)
        sl_tell(&options->common, SL_LOG_WARN, "%s", warning);
    if (!options->common.json)
        sl_tell(&options->common, SL_LOG_INFO,
                options->wait ? "%s: run %.8s is %s"
                              : "%s: run %.8s is %s; `sluice status %.8s` shows it",
                options->name, id, sl_json_text(answer, "status", "on its way"), id);
}

static int run_trigger(const void *self, int *ret_exit, struct sl_err *err)
{
    struct control_options options = *(const struct control_options *)self;
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    SL_AUTO(sl_json_free) json_t *body = trigger_body(&options);

    SL_TRY_NEW(body, err);
    SL_TRY(open_project(&options.common, &project, err));
    SL_TRY(post(&options, project, "pipelines", "/runs", body, &answer, err));
    const char *id = sl_json_text(answer, "run_id", "");
    if (options.common.json && !options.wait)
        SL_TRY(sl_print_json(answer, err));
    if (!options.common.json && !options.wait) {
        sl_put_plain(stdout, id);
        putchar('\n');
        fflush(stdout);
    }
    tell_triggered(&options, answer);
    return options.wait ? sl_wait_for_run(&options.common, project->state_folder, id, ret_exit, err)
                        : SL_OK;
}

static int run_cancel(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct control_options *options = self;
    SL_AUTO(sl_json_free) json_t *answer = NULL;

    (void)ret_exit;
    SL_TRY(ask(options, "runs", "/cancel", NULL, &answer, err));
    if (!options->common.json)
        sl_tell(&options->common, SL_LOG_INFO, "run %.8s: %s",
                sl_json_text(answer, "run_id", options->name),
                sl_json_text(answer, "status", "asked to stop"));
    const char *warning = sl_json_text(answer, "warning", NULL);
    if (warning && !options->common.json)
        sl_tell(&options->common, SL_LOG_WARN, "%s", warning);
    return SL_OK;
}

static int set_paused(const struct control_options *options, const char *rest, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    SL_AUTO(sl_json_free)
    json_t *body = options->why ? json_pack("{s:o}", "why", sl_json_string(options->why)) : NULL;

    if (options->why)
        SL_TRY_NEW(body, err);
    SL_TRY(ask(options, "pipelines", rest, body, &answer, err));
    if (!options->common.json)
        sl_tell(&options->common, SL_LOG_INFO, "%s %s", options->name,
                sl_json_bool(answer, "is_paused", false)
                    ? "is paused: its triggers start nothing until `sluice resume`"
                : sl_json_bool(answer, "was_paused", false) ? "goes on: its triggers start runs"
                                                            : "was not paused");
    return SL_OK;
}

static int run_pause(const void *self, int *ret_exit, struct sl_err *err)
{
    (void)ret_exit;
    return set_paused(self, "/pause", err);
}

static int run_resume(const void *self, int *ret_exit, struct sl_err *err)
{
    (void)ret_exit;
    return set_paused(self, "/resume", err);
}

static int decide(const struct control_options *options, const char *what, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    SL_AUTO(sl_json_free)
    json_t *body = options->why ? json_pack("{s:o}", "why", sl_json_string(options->why)) : NULL;

    sl_arena_init(&arena, 0);
    const char *step = sl_client_part(&arena, options->step);
    SL_TRY_NEW(step, err);
    const char *rest = sl_arena_printf(&arena, "/steps/%s/%s", step, what);
    if (!rest || (options->why && !body))
        return sl_fail_memory(err);
    SL_TRY(ask(options, "runs", rest, body, &answer, err));
    if (!options->common.json)
        sl_tell(&options->common, SL_LOG_INFO, "%s: %s by %s",
                sl_json_text(answer, "step", options->step),
                sl_json_bool(answer, "is_approved", false) ? "approved" : "rejected",
                sl_json_text(answer, "who", "you"));
    return SL_OK;
}

static int run_approve(const void *self, int *ret_exit, struct sl_err *err)
{
    (void)ret_exit;
    return decide(self, "approve", err);
}

static int run_reject(const void *self, int *ret_exit, struct sl_err *err)
{
    (void)ret_exit;
    return decide(self, "reject", err);
}

#define OF_SERVICE                                                                              \
    "Asks `sluice serve` of this project over the unix socket in its state folder, which only " \
    "its "                                                                                      \
    "owner can open."

static const char *const trigger_examples[] = {
    "sluice trigger nightly", "sluice trigger nightly --select daily_revenue --full-refresh",
    "sluice trigger nightly --wait", NULL};
const struct sl_command sl_command_trigger = {
    .name = "trigger",
    .summary = "Start a run of a pipeline in the service, and print its id.",
    .details = OF_SERVICE
    "\nWith --wait the exit code is that of `sluice run`: 0 ok, 1 failed, 2 a mistake in "
    "Sluice, 3 a check failed, 4 more rows\nrejected than allowed, 5 partial, 130 "
    "interrupted or cancelled. Ctrl-C ends the command and leaves the run to the service "
    "\n(`sluice cancel RUN` ends it).",
    .rows = trigger_rows,
    .options_bytes = sizeof(struct control_options),
    .examples = trigger_examples,
    .run = run_trigger,
};
const struct sl_command sl_command_cancel = {
    .name = "cancel",
    .summary = "Stop a run of the service, or take it out of its queue.",
    .details = OF_SERVICE,
    .rows = cancel_rows,
    .options_bytes = sizeof(struct control_options),
    .run = run_cancel,
};
static const char *const pause_examples[] = {
    "sluice pause nightly --why \"the warehouse is moved\"", NULL};
const struct sl_command sl_command_pause = {
    .name = "pause",
    .summary = "Let the triggers of a pipeline start nothing, until `sluice resume`.",
    .details = OF_SERVICE,
    .rows = pause_rows,
    .options_bytes = sizeof(struct control_options),
    .examples = pause_examples,
    .run = run_pause,
};
const struct sl_command sl_command_resume = {
    .name = "resume",
    .summary = "Let the triggers of a pipeline start runs again.",
    .details = OF_SERVICE,
    .rows = resume_rows,
    .options_bytes = sizeof(struct control_options),
    .run = run_resume,
};
static const char *const approve_examples[] = {
    "sluice approve 4f1c0b2e \"model revenue\" --why \"checked with finance\"", NULL};
const struct sl_command sl_command_approve = {
    .name = "approve",
    .summary = "Let a step begin that waits for a person.",
    .details = OF_SERVICE,
    .rows = decide_rows,
    .options_bytes = sizeof(struct control_options),
    .examples = approve_examples,
    .run = run_approve,
};
const struct sl_command sl_command_reject = {
    .name = "reject",
    .summary = "Refuse a step that waits for a person: it fails, and what needs it is skipped.",
    .details = OF_SERVICE,
    .rows = decide_rows,
    .options_bytes = sizeof(struct control_options),
    .run = run_reject,
};
