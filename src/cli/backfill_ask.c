// Backfills that a service does for the command: it is asked, and how far it has come is shown.
#include "cli/backfill.h"

#include "base/clock.h"
#include "cli/wait.h"
#include "run/run_status.h"
#include "serve/client.h"

#include <string.h>
#include <time.h>

#define LOOK_MS 200 // between two looks: somebody reads it
#define MOST_BUSY 5 // answers that say no more, of a run that has ended

static void wait_a_moment(void)
{
    const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};
    (void)nanosleep(&moment, NULL);
}

static struct sl_backfill_progress progress_of(const json_t *json)
{
    return (struct sl_backfill_progress){
        .chunk_count = (size_t)sl_json_int(json, "chunks", 0),
        .ended = (size_t)sl_json_int(json, "ended", 0),
        .running = (size_t)sl_json_int(json, "running", 0),
        .failed = (size_t)sl_json_int(json, "failed", 0),
        .partitions_done = sl_json_int(json, "partitions_done", 0),
        .partitions_total = sl_json_int(json, "partitions_total", 0),
        .rows_in = sl_json_int(json, "rows_in", 0),
        .rows_out = sl_json_int(json, "rows_out", 0),
        .started_us = sl_clock_monotonic_us() - sl_json_int(json, "elapsed_ms", 0) * 1000};
}

// What the service's run failed of is the command's own error.
static int fail_as_told(const json_t *told, struct sl_err *err)
{
    enum sl_code code = sl_code_find(sl_json_text(told, "code", ""));
    const char *hint = sl_json_text(told, "hint", "");
    (void)sl_fail(err, code == SL_OK ? SL_E_INTERNAL : code, "%s",
                  sl_json_text(told, "message", "the service gave no reason"));
    return *hint ? sl_err_hint(err, "%s", hint) : (int)err->code;
}

static void print_steps(const struct sl_common *common, const json_t *steps)
{
    const json_t *step;
    size_t i;
    json_array_foreach (steps, i, step) {
        const json_t *failure = json_object_get(step, "error");
        const json_t *notes = json_object_get(step, "notes");
        for (size_t k = 0; k < json_array_size(notes); k++)
            sl_tell(common, SL_LOG_WARN, "%s: %s", sl_json_text(step, "step", ""),
                    json_string_value(json_array_get(notes, k)));
        if (json_is_object(failure))
            sl_tell(common, SL_LOG_ERROR, "%s failed: %s (%s)", sl_json_text(step, "step", ""),
                    sl_json_text(failure, "message", ""), sl_json_text(failure, "code", ""));
    }
}

static void print_end(const struct sl_backfill_asking *asking, const json_t *answer)
{
    const json_t *progress = json_object_get(answer, "progress");
    const char *status = sl_json_text(answer, "status", "");
    const int64_t exit_code = sl_json_int(answer, "exit_code", 0);
    char number[64], elapsed[32];
    print_steps(asking->common, json_object_get(answer, "steps"));
    printf("%s  %s in %s  run %.8s", status,
           sl_count_of(sl_json_int(progress, "partitions_done", 0), "partition", number),
           sl_str_elapsed(sl_json_int(progress, "elapsed_ms", 0), elapsed),
           sl_json_text(answer, "run_id", ""));
    if (json_is_integer(json_object_get(answer, "published")))
        printf("  published #%lld", (long long)sl_json_int(answer, "published", 0));
    putchar('\n');
    fflush(stdout);
    if (exit_code)
        sl_tell(asking->common, SL_LOG_INFO, "`sluice backfill --resume %s` does what is missing",
                sl_json_text(answer, "backfill_id", ""));
}

// The run that the service did after it.
static int wait_for_downstream(const struct sl_backfill_asking *asking, const json_t *answer,
                               int *ret_exit, struct sl_err *err)
{
    const char *id = sl_json_text(answer, "downstream_run_id", NULL);
    const json_t *failure = json_object_get(answer, "downstream_error");
    if (json_is_object(failure)) {
        (void)!fail_as_told(failure, err);
        return sl_err_context(err, "what reads the tables was not run");
    }
    if (id)
        return sl_wait_for_run(asking->common, asking->project->state_folder, id, ret_exit, err);
    if (asking->asked->downstream && *ret_exit != 130 && sl_json_int(answer, "exit_code", 0))
        sl_tell(asking->common, SL_LOG_WARN, "what reads the tables was not run");
    return SL_OK;
}

// --- a service that is gone

static int read_steps(const struct sl_step_row *steps, size_t count, json_t *list,
                      struct sl_run_faults *faults, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *details = steps[i].details_json ? steps[i].details_json : "{}";
        json_t *step = NULL;
        SL_TRY(sl_json_parse(details, strlen(details), "the state store", &step, err));
        if (json_array_append_new(list, step) != 0)
            return sl_fail_memory(err);
        sl_run_add_fault(faults, steps[i].status, sl_code_find(steps[i].code));
    }
    return SL_OK;
}

// *ret is NULL: the history does not have it.
static int find_run(const struct sl_backfill_asking *asking, const char *id, struct sl_arena *arena,
                    struct sl_state **ret_state, struct sl_run_row **ret, struct sl_err *err)
{
    const struct sl_state_place place = sl_project_state(asking->project);
    const struct sl_run_filter filter = {.id = id, .limit = 1};
    const char *note;
    size_t count;
    SL_TRY(sl_state_read(&place, arena, ret_state, &note, err));
    SL_TRY(sl_state_runs(*ret_state, &filter, arena, ret, &count, err));
    if (!count)
        *ret = NULL;
    return SL_OK;
}

// What the history knows of its end, as the service would say it; NULL: it has not ended, or is
// gone on with.
static int find_end(const struct sl_backfill_asking *asking, const char *id, struct sl_arena *arena,
                    json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    struct sl_run_faults faults = {0};
    struct sl_step_row *steps;
    struct sl_run_row *row;
    size_t count;
    *ret = NULL;
    SL_TRY(find_run(asking, id, arena, &state, &row, err));
    if (!row || !row->ended_us || sl_str_equal(row->status, "interrupted"))
        return SL_OK;
    SL_TRY(sl_state_steps(state, row->id, arena, &steps, &count, err));
    SL_AUTO(sl_json_free) json_t *list = json_array();
    SL_TRY_NEW(list, err);
    SL_TRY(read_steps(steps, count, list, &faults, err));
    *ret =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:[], s:n, s:[], s:i, s:n, s:O}", "schema",
                  "sluice.backfill.run/1", "run_id", row->id, "status", row->status, "who",
                  sl_json_string_or_null(row->who), "started_at", sl_json_time(row->started_us),
                  "ended_at", sl_json_time(row->ended_us), "asked",
                  sl_backfill_asked_json(asking->asked), "tables", "progress", "running",
                  "exit_code", sl_run_exit_code_of(row->status, &faults), "error", "steps", list);
    return *ret ? SL_OK : sl_fail_memory(err);
}

static int fail_left(const struct sl_backfill_asking *asking, const char *id, struct sl_err *err)
{
    sl_err_clear(err);
    (void)sl_fail(err, SL_E_SERVE_LEFT, "the service has ended before the backfill had");
    return sl_err_hint(err,
                       "it goes on when the service begins again; `sluice backfill --resume "
                       "%.36s` does it without one",
                       asking->asked->options.resume ? asking->asked->options.resume : id);
}

// It may have ended just before the service did.
static int tell_without_service(const struct sl_backfill_asking *asking, const char *id,
                                int *ret_exit, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *end = NULL;
    struct sl_err ignored = {0};
    sl_arena_init(&arena, 0);
    const bool is_busy = err->code == SL_E_SERVE_BUSY;
    if (find_end(asking, id, &arena, &end, &ignored) != SL_OK || !end)
        return err->code != SL_E_SERVE_MISSING ? fail_left(asking, id, err) : (int)err->code;
    sl_err_clear(err);
    *ret_exit = (int)sl_json_int(end, "exit_code", 0);
    if (asking->common->json) {
        SL_TRY(sl_print_json(end, err));
    } else {
        print_steps(asking->common, json_object_get(end, "steps"));
        printf("%s  run %.8s\n", sl_json_text(end, "status", ""), id);
        fflush(stdout);
    }
    if (!asking->asked->downstream || *ret_exit)
        return SL_OK;
    (void)sl_fail(err, SL_E_SERVE_LEFT, "%s",
                  is_busy ? "the service does not say whether what reads the tables has been run"
                          : "the service has ended before what reads the tables had been run");
    return sl_err_hint(err, "if it waits in the queue (`sluice status`) the next service does it; "
                            "`sluice run` does it without one");
}

// ---

// A service that has lost the lead is busy for good: the next one goes on as another run. One that
// leads may be slow.
static bool has_ended(const struct sl_backfill_asking *asking, const char *id)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    struct sl_err ignored = {0};
    struct sl_run_row *row;
    sl_arena_init(&arena, 0);
    return find_run(asking, id, &arena, &state, &row, &ignored) == SL_OK && row && row->ended_us;
}

static int follow(const struct sl_backfill_asking *asking, const char *id, json_t **ret,
                  struct sl_err *err)
{
    char path[96];
    (void)snprintf(path, sizeof path, "/api/v1/backfills/%.36s", id);
    for (int busy = 0;; wait_a_moment()) {
        SL_AUTO(sl_json_free) json_t *answer = NULL;
        const int code =
            sl_client_ask(asking->project->state_folder, "GET", path, NULL, &answer, err);
        if (code == SL_E_SERVE_BUSY && (!has_ended(asking, id) || busy++ < MOST_BUSY)) {
            sl_err_clear(err);
            sl_wait_busy();
            continue;
        }
        SL_TRY(code);
        const json_t *progress = json_object_get(answer, "progress");
        if (!json_is_null(json_object_get(answer, "exit_code"))) {
            *ret = answer;
            answer = NULL;
            return SL_OK;
        }
        const struct sl_backfill_progress now = progress_of(progress);
        if (json_is_object(progress))
            sl_backfill_view_draw(asking->view, &now);
    }
}

static int wait_for_end(const struct sl_backfill_asking *asking, const char *id, int *ret_exit,
                        struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    int code = follow(asking, id, &answer, err);
    sl_backfill_view_wipe(asking->view);
    if (code == SL_E_SERVE_NOBODY || code == SL_E_SERVE_MISSING || code == SL_E_SERVE_BUSY)
        return tell_without_service(asking, id, ret_exit, err);
    SL_TRY(code);
    const json_t *failure = json_object_get(answer, "error");
    if (json_is_object(failure))
        return fail_as_told(failure, err);
    *ret_exit = (int)sl_json_int(answer, "exit_code", 0);
    if (asking->common->json)
        SL_TRY(sl_print_json(answer, err));
    else
        print_end(asking, answer);
    return wait_for_downstream(asking, answer, ret_exit, err);
}

// Of the body only what was said: the rest is as the service has it.
static json_t *body_of(const struct sl_backfill_asked *asked)
{
    json_t *body = sl_backfill_asked_json(asked);
    json_t *partitions = json_object_get(body, "partitions");
    if (!body || json_object_set(body, "partition", partitions) != 0)
        return json_decref(body), NULL;
    (void)json_object_del(body, "partitions");
    return body;
}

int sl_backfill_ask(const struct sl_backfill_asking *asking, int *ret_exit, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *body = body_of(asking->asked);
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    SL_TRY_NEW(body, err);
    SL_TRY(sl_client_ask(asking->project->state_folder, "POST", "/api/v1/backfills", body, &answer,
                         err));
    const char *id = sl_json_text(answer, "run_id", "");
    sl_tell(asking->common, SL_LOG_INFO, "the service does it: run %.8s is %s", id,
            sl_json_text(answer, "status", "on its way"));
    if (!asking->is_detached)
        return wait_for_end(asking, id, ret_exit, err);
    if (asking->common->json)
        return sl_print_json(answer, err);
    sl_put_plain(stdout, id);
    putchar('\n');
    return SL_OK;
}
