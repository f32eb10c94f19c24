#include "cli/wait.h"

#include "cli/logs.h"
#include "run/run.h"
#include "serve/client.h"

#include <time.h>

#define PAUSE_MS 200
#define BUSY_MS 1000 // the service has enough to do

struct waiting {
    const struct sl_common *common;
    const char *state_folder, *run_id;
    json_t *run; // once it is over
    struct sl_err err;
};

static void print_path(const struct waiting *waiting, const char *rest, char ret[96])
{
    (void)snprintf(ret, 96, "/api/v1/runs/%.36s%s", waiting->run_id, rest);
}

static void pause_for(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

void sl_wait_busy(void)
{
    pause_for(BUSY_MS);
}

static int wait_and_ask(const char *state_folder, const char *path, json_t **ret,
                        struct sl_err *err)
{
    int code;
    while ((code = sl_client_ask(state_folder, "GET", path, NULL, ret, err)) == SL_E_SERVE_BUSY) {
        sl_err_clear(err);
        sl_wait_busy();
    }
    return code;
}

static bool on_line(void *self, const char *text, size_t length)
{
    const struct waiting *waiting = self;
    SL_AUTO(sl_json_free) json_t *line = NULL;
    if (sl_json_parse(text, length, "the log", &line, NULL) != SL_OK)
        return true; // half a line of a run that was killed
    if (!waiting->common->json && !waiting->common->is_quiet)
        sl_log_line_print(line);
    return !sl_str_equal(sl_json_text(line, "event", ""), "run_end");
}

// The service is asked, which may be gone; one that is busy is asked again later. A run whose
// process is gone has no time of its end.
static bool is_over(void *self)
{
    struct waiting *waiting = self;
    SL_AUTO(sl_json_free) json_t *run = NULL;
    char path[96];
    print_path(waiting, "", path);
    const int code = sl_client_ask(waiting->state_folder, "GET", path, NULL, &run, &waiting->err);
    if (code == SL_E_SERVE_BUSY)
        sl_err_clear(&waiting->err);
    if (code != SL_OK)
        return code != SL_E_SERVE_BUSY;
    if (!json_is_string(json_object_get(run, "ended_at")) &&
        !sl_str_equal(sl_json_text(run, "status", ""), "killed"))
        return false;
    waiting->run = run;
    run = NULL;
    return true;
}

// The log may say that it has ended a moment before the store does.
static void wait_for_end(struct waiting *waiting)
{
    while (!waiting->run && !waiting->err.code && !is_over(waiting))
        pause_for(PAUSE_MS);
}

static int exit_code_of(const char *status, const json_t *steps)
{
    struct sl_run_faults faults = {0};
    const json_t *step;
    size_t i;
    json_array_foreach (steps, i, step) {
        const char *code = sl_json_text(json_object_get(step, "error"), "code", NULL);
        sl_run_add_fault(&faults, sl_json_text(step, "status", ""), sl_code_find(code));
    }
    return sl_run_exit_code_of(status, &faults);
}

static int print_end(const struct waiting *waiting, json_t *steps, int exit_code,
                     struct sl_err *err)
{
    json_t *run = waiting->run;
    const char *status = sl_json_text(run, "status", "");
    const int64_t elapsed_ms = sl_json_int(run, "elapsed_ms", -1); // of a killed one: not known
    char elapsed[32];
    if (waiting->common->json) {
        if (json_object_set_new(run, "exit_code", json_integer(exit_code)) != 0 ||
            json_object_set(run, "steps", steps) != 0)
            return sl_fail_memory(err);
        return sl_print_json(run, err);
    }
    if (elapsed_ms >= 0)
        printf("%s  in %s  run %.8s\n", status, sl_str_elapsed(elapsed_ms, elapsed),
               waiting->run_id);
    else
        printf("%s  run %.8s\n", status, waiting->run_id);
    fflush(stdout);
    if (sl_str_equal(status, "error") && !json_array_size(steps))
        sl_tell(waiting->common, SL_LOG_ERROR,
                "run %.8s could not begin: the log of the service says why", waiting->run_id);
    return SL_OK;
}

static int wait_and_tell(struct waiting *waiting, int *ret_exit, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    sl_arena_init(&arena, 0);
    const char *path =
        sl_arena_printf(&arena, "%s/logs/%s.jsonl", waiting->state_folder, waiting->run_id);
    SL_TRY_NEW(path, err);
    const struct sl_log_follow how = {
        .path = path, .on_line = on_line, .is_over = is_over, .self = waiting};
    SL_TRY(sl_log_follow(&how, err));
    wait_for_end(waiting);
    if (waiting->err.code) {
        *err = waiting->err;
        return sl_err_context(err, "run %.8s", waiting->run_id);
    }
    char steps_path[96];
    print_path(waiting, "/steps", steps_path);
    SL_TRY(wait_and_ask(waiting->state_folder, steps_path, &answer, err));
    json_t *steps = json_object_get(answer, "steps");
    *ret_exit = exit_code_of(sl_json_text(waiting->run, "status", ""), steps);
    return print_end(waiting, steps, *ret_exit, err);
}

int sl_wait_for_run(const struct sl_common *common, const char *state_folder, const char *run_id,
                    int *ret_exit, struct sl_err *err)
{
    struct waiting waiting = {.common = common, .state_folder = state_folder, .run_id = run_id};
    int code = wait_and_tell(&waiting, ret_exit, err);
    sl_json_free(&waiting.run);
    return code;
}
