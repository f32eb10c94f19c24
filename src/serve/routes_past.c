// Of the state store, which is only read here.
#include "serve/routes_handlers.h"

#include "api/queue.h"
#include "base/clock.h"
#include "base/fs.h"
#include "run/run_status.h"
#include "serve/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT = 50, MOST = 1000 };
#define MOST_LOG_BYTES (128 << 10) // that is looked through on the loop: some milliseconds

static int state_of(const struct sl_request *request, struct sl_state **ret, struct sl_err *err)
{
    if (!request->options->state)
        return sl_fail(err, SL_E_STATE, "there is no state store");
    *ret = request->options->state;
    return SL_OK;
}

static int limit_of(const struct sl_request *request, size_t *ret, struct sl_err *err)
{
    int64_t limit = sl_request_int(request, "limit", LIMIT);

    if (limit < 1 || limit > MOST)
        return sl_fail(err, SL_E_SERVE_REQUEST, "'limit' must be from 1 to %d", MOST);
    *ret = (size_t)limit;
    return SL_OK;
}

// --- runs

static json_t *counts_of(const struct sl_run_row *run)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "ok", (json_int_t)run->ok, "warn",
                     (json_int_t)run->warn, "error", (json_int_t)run->error, "skipped",
                     (json_int_t)run->skipped, "quarantined", (json_int_t)run->quarantined);
}

static json_t *run_json(const struct sl_run_row *run)
{
    const bool has_ended = run->ended_us > 0;

    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "run_id", run->id,
        "pipeline", sl_json_string_or_null(run->pipeline), "trigger",
        sl_json_string_or_null(run->trigger), "tick_at", sl_json_time(run->tick_us), "who",
        sl_json_string_or_null(run->who), "command", sl_json_string_or_null(run->command),
        "environment", sl_json_string_or_null(run->environment), "status", sl_run_status(run),
        "started_at", sl_json_time(run->started_us), "ended_at", sl_json_time(run->ended_us),
        "elapsed_ms",
        has_ended ? json_integer((run->ended_us - run->started_us) / 1000) : json_null(), "counts",
        has_ended ? counts_of(run) : json_null(), "cancelled_by",
        sl_json_string_or_null(run->cancelled_by), "cancelled_at", sl_json_time(run->cancelled_us));
}

// "killed" is what is seen of one that says it is running.
static bool has_status(const struct sl_run_row *run, const char *status)
{
    return !status || sl_str_equal(sl_run_status(run), status);
}

static int add_runs(struct sl_request *request, struct sl_state *state, size_t limit, json_t *list,
                    const char **ret_next, struct sl_err *err)
{
    const char *status = sl_request_text(request, "status");
    struct sl_run_filter filter = {.pipeline = sl_request_text(request, "pipeline"),
                                   .status = sl_str_equal(status, "killed") ? "running" : status,
                                   .before = sl_request_text(request, "before"),
                                   .limit = limit + 1, // one more tells whether there are any
                                   .with_waiting = true};
    const char *last = NULL;
    struct sl_run_row *runs;
    size_t count;

    *ret_next = NULL;
    do {
        SL_TRY(sl_state_runs(state, &filter, &request->arena, &runs, &count, err));
        for (size_t i = 0; i < count; i++) {
            if (!has_status(&runs[i], status))
                continue;
            if (json_array_size(list) == limit) {
                *ret_next = last;
                return SL_OK;
            }
            last = runs[i].id;
            if (json_array_append_new(list, run_json(&runs[i])) != 0)
                return sl_fail_memory(err);
        }
        filter.before = count ? runs[count - 1].id : NULL;
    } while (count == filter.limit);
    return SL_OK;
}

// An empty list is no answer to a name that there is not.
static int require_pipeline(struct sl_request *request, struct sl_err *err)
{
    const struct sl_control *control = request->options->control;
    const char *pipeline = sl_request_text(request, "pipeline");
    SL_AUTO(sl_json_free) json_t *known = NULL;

    if (!pipeline || !control)
        return SL_OK;
    return control->pipelines(control->self, pipeline, &known, err);
}

static int require_run(struct sl_request *request, struct sl_state *state, const char *name,
                       struct sl_err *err)
{
    const char *id = sl_request_text(request, name);
    const struct sl_run_filter filter = {.id = id, .limit = 1, .with_waiting = true};
    struct sl_run_row *runs;
    size_t count;

    if (!id)
        return SL_OK;
    SL_TRY(sl_state_runs(state, &filter, &request->arena, &runs, &count, err));
    return count && sl_str_equal(runs[0].id, id)
               ? SL_OK
               : sl_fail(err, SL_E_RUN_MISSING, "'%s': there is no run '%.100s'", name, id);
}

int sl_route_runs(struct sl_request *request, struct sl_err *err)
{
    struct sl_state *state;
    const char *next;
    size_t limit;

    SL_TRY(state_of(request, &state, err));
    SL_TRY(limit_of(request, &limit, err));
    SL_TRY(require_run(request, state, "before", err));
    SL_AUTO(sl_json_free) json_t *list = json_array();
    SL_TRY_NEW(list, err);
    SL_TRY(add_runs(request, state, limit, list, &next, err));
    if (json_array_size(list) == 0)
        SL_TRY(require_pipeline(request, err));
    SL_AUTO(sl_json_free)
    json_t *json = json_pack("{s:O, s:o}", "runs", list, "next", sl_json_string_or_null(next));
    return sl_answer_json(request, 200, json, err);
}

// By its id, or the beginning of it.
static int find_run(struct sl_request *request, struct sl_state *state, const char *id,
                    struct sl_run_row *ret, struct sl_err *err)
{
    const struct sl_run_filter filter = {.id = id, .limit = 2, .with_waiting = true};
    struct sl_run_row *runs;
    size_t count;

    SL_TRY(sl_state_runs(state, &filter, &request->arena, &runs, &count, err));
    if (count == 0 || *id == '\0')
        return sl_fail(err, SL_E_RUN_MISSING, "no run begins with '%.100s'", id);
    if (count > 1 && !sl_str_equal(runs[0].id, id))
        return sl_fail(err, SL_E_RUN_MISSING, "more than one run begins with '%.100s'", id);
    *ret = runs[0];
    return SL_OK;
}

int sl_route_run_id(struct sl_request *request, const char **ret, struct sl_err *err)
{
    struct sl_state *state;
    struct sl_run_row run;

    SL_TRY(state_of(request, &state, err));
    SL_TRY(find_run(request, state, request->values[0], &run, err));
    *ret = run.id;
    return SL_OK;
}

int sl_route_run(struct sl_request *request, struct sl_err *err)
{
    struct sl_state *state;
    struct sl_run_row run;

    SL_TRY(state_of(request, &state, err));
    SL_TRY(find_run(request, state, request->values[0], &run, err));
    SL_AUTO(sl_json_free) json_t *json = run_json(&run);
    return sl_answer_json(request, 200, json, err);
}

static int steps_of(struct sl_request *request, struct sl_run_row *ret_run,
                    struct sl_step_row **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_state *state;
    SL_TRY(state_of(request, &state, err));
    SL_TRY(find_run(request, state, request->values[0], ret_run, err));
    return sl_state_steps(state, ret_run->id, &request->arena, ret, ret_count, err);
}

int sl_route_missing_steps(struct sl_request *request, struct sl_strs *ret,
                           const char **ret_pipeline, struct sl_err *err)
{
    struct sl_run_row run;
    struct sl_step_row *steps;
    size_t count;

    SL_TRY(steps_of(request, &run, &steps, &count, err));
    *ret = (struct sl_strs){0};
    *ret_pipeline = run.pipeline;
    if (sl_str_equal(run.command, "backfill"))
        return sl_fail(err, SL_E_SERVE_CONFLICT,
                       "a backfill goes on with POST /api/v1/backfills and `resume`");
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(steps[i].status, "error") || sl_str_equal(steps[i].status, "skipped") ||
            sl_str_equal(steps[i].status, "partial"))
            SL_TRY(sl_strs_add(ret, &request->arena, steps[i].name, err));
    return ret->count ? SL_OK
                      : sl_fail(err, SL_E_SERVE_CONFLICT,
                                "no step of run %.8s failed or was skipped", run.id);
}

static json_t *error_of(const struct sl_step_row *step)
{
    if (!step->code)
        return json_null();
    return json_pack("{s:s, s:o, s:o}", "code", step->code, "message",
                     sl_json_string_or_null(step->message), "place",
                     sl_json_string_or_null(step->place));
}

static json_t *rows_of(const struct sl_step_row *step)
{
    if (!step->has_balance)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "in", (json_int_t)step->rows_in, "out",
                     (json_int_t)step->rows_out, "quarantined", (json_int_t)step->quarantined,
                     "deduplicated", (json_int_t)step->deduplicated, "filtered",
                     (json_int_t)step->filtered);
}

// What cannot be read is null: the store is not worth an error.
static json_t *details_of(const char *text)
{
    json_t *details = NULL;
    struct sl_err ignored = {0};

    if (!text || sl_json_parse(text, strlen(text), "details", &details, &ignored) != SL_OK)
        return json_null();
    return details;
}

static json_t *step_json(const struct sl_step_row *step)
{
    const bool has_ended = step->ended_us > 0;

    return json_pack(
        "{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "step",
        sl_json_string_or_null(step->name), "label", sl_json_string_or_null(step->label), "status",
        step->status, "why", sl_json_string_or_null(step->why), "started_at",
        sl_json_time(step->started_us), "ended_at", sl_json_time(step->ended_us), "elapsed_ms",
        has_ended ? json_integer((step->ended_us - step->started_us) / 1000) : json_null(), "rows",
        rows_of(step), "machine", sl_json_string_or_null(step->machine), "error", error_of(step),
        "details", details_of(step->details_json));
}

int sl_route_steps(struct sl_request *request, struct sl_err *err)
{
    struct sl_run_row run;
    struct sl_step_row *steps;
    size_t count;

    SL_TRY(steps_of(request, &run, &steps, &count, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, step_json(&steps[i])) != 0)
            return json_decref(list), sl_fail_memory(err);
    SL_AUTO(sl_json_free) json_t *json = json_pack("{s:s, s:o}", "run_id", run.id, "steps", list);
    return sl_answer_json(request, 200, json, err);
}

// The command follows it; what it is asked for is known to be there, and where it is.
static int follow(struct sl_request *request, const struct sl_run_row *run, struct sl_err *err)
{
    request->values[0] = sl_arena_strdup(&request->arena, run->id);
    SL_TRY_NEW(request->values[0], err);
    request->is_followed = true;
    return sl_child_begin(request, err);
}

static const char *log_path(struct sl_request *request, const struct sl_run_row *run)
{
    // The id comes from the store, so it is no path.
    return sl_arena_printf(&request->arena, "%s/logs/%s.jsonl", request->options->state_folder,
                           run->id);
}

// Of a state on a server the logs are in the folders of those who did the runs.
static bool is_log_elsewhere(struct sl_request *request, const struct sl_run_row *run,
                             const char *host)
{
    struct sl_step_row *steps;
    struct sl_err ignored = {0};
    size_t count;
    bool is_here = sl_str_equal(run->host, host);

    if (!run->host || (is_here && !request->options->is_state_shared))
        return false;
    return (!is_here && !run->ended_us) ||
           (sl_state_steps(request->options->state, run->id, &request->arena, &steps, &count,
                           &ignored) == SL_OK &&
            count > 0);
}

static int fail_elsewhere(const struct sl_run_row *run, const char *host, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_LOG_ELSEWHERE, "the log of run %.8s is on machine '%s'%s", run->id,
                  run->host, sl_str_equal(run->host, host) ? ", in another state folder" : "");
    return sl_err_hint(err, "GET /api/v1/runs/%.8s/steps has its steps", run->id);
}

static int fail_log(struct sl_request *request, const struct sl_run_row *run, struct sl_err *err)
{
    int reason = errno;
    char host[256] = "";

    if (reason != ENOENT)
        return sl_fail_errno(err, reason, "cannot read the log of run %s", run->id);
    (void)gethostname(host, sizeof host - 1);
    if (!is_log_elsewhere(request, run, host))
        return sl_fail(err, SL_E_SERVE_MISSING, "run %s has no log", run->id);
    return fail_elsewhere(run, host, err);
}

// Of one that is elsewhere there are no lines to follow.
static int follow_log(struct sl_request *request, const struct sl_run_row *run, struct sl_err *err)
{
    char host[256] = "";
    const char *path = log_path(request, run);

    SL_TRY_NEW(path, err);
    (void)gethostname(host, sizeof host - 1);
    if (!sl_fs_exists(path) && is_log_elsewhere(request, run, host))
        return fail_elsewhere(run, host, err);
    return follow(request, run, err);
}

int sl_route_log(struct sl_request *request, struct sl_err *err)
{
    struct sl_state *state;
    struct sl_run_row run;

    SL_TRY(state_of(request, &state, err));
    SL_TRY(find_run(request, state, request->values[0], &run, err));
    if (sl_request_bool(request, "follow"))
        return follow_log(request, &run, err);
    const char *path = log_path(request, &run);
    SL_TRY_NEW(path, err);
    request->answer.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (request->answer.fd < 0)
        return fail_log(request, &run, err);
    request->answer.type = request->route->answers;
    request->answer.status = 200;
    return SL_OK;
}

// As `sluice logs --lines` does.
static bool is_of_step(const char *line, size_t length, const char *step)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_err ignored = {0};

    // Of a run that was killed the last line may be half.
    return sl_json_parse(line, length, "the log", &json, &ignored) == SL_OK &&
           (sl_str_glob(step, sl_json_text(json, "step", "")) ||
            sl_str_glob(step, sl_json_text(json, "table", "")));
}

static bool is_large(FILE *file)
{
    struct stat known;

    return fstat(fileno(file), &known) == 0 && known.st_size > MOST_LOG_BYTES;
}

static void copy_lines(FILE *file, const char *step, struct sl_buf *to)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    while ((length = getline(&line, &room, file)) > 0)
        if (is_of_step(line, (size_t)length, step))
            sl_buf_add_bytes(to, line, (size_t)length);
    free(line);
}

int sl_route_step_log(struct sl_request *request, struct sl_err *err)
{
    const char *step = request->values[1];
    struct sl_state *state;
    struct sl_run_row run;
    FILE *file;

    SL_TRY(state_of(request, &state, err));
    SL_TRY(find_run(request, state, request->values[0], &run, err));
    if (sl_request_bool(request, "follow"))
        return follow_log(request, &run, err);
    const char *path = log_path(request, &run);
    SL_TRY_NEW(path, err);
    file = fopen(path, "re");
    if (!file)
        return fail_log(request, &run, err);
    if (is_large(file)) {
        (void)fclose(file);
        request->values[0] = sl_arena_strdup(&request->arena, run.id);
        SL_TRY_NEW(request->values[0], err);
        return sl_child_begin(request, err);
    }
    copy_lines(file, step, &request->answer.text);
    (void)fclose(file);
    SL_TRY(sl_buf_check(&request->answer.text, err));
    if (request->answer.text.length == 0)
        return sl_fail(err, SL_E_SERVE_MISSING, "the log of run %.8s says nothing of '%.200s'",
                       run.id, step);
    request->answer.type = request->route->answers;
    request->answer.status = 200;
    return SL_OK;
}

// --- what people said and did

static json_t *approval_json(const struct sl_approval *approval)
{
    const bool is_decided = approval->decided_us > 0;

    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "run_id", approval->run_id, "step",
                     approval->step, "asked_at", sl_json_time(approval->asked_us), "is_approved",
                     is_decided ? json_boolean(approval->is_yes) : json_null(), "who",
                     sl_json_string_or_null(approval->who), "at",
                     sl_json_time(approval->decided_us), "why",
                     sl_json_string_or_null(approval->why));
}

int sl_route_approvals(struct sl_request *request, struct sl_err *err)
{
    struct sl_state *state;
    struct sl_approval *approvals;
    const char *id = sl_request_text(request, "run");
    struct sl_run_row run = {0};
    size_t count;

    SL_TRY(state_of(request, &state, err));
    if (id)
        SL_TRY(find_run(request, state, id, &run, err));
    SL_TRY(sl_state_approvals(state, run.id, &request->arena, &approvals, &count, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, approval_json(&approvals[i])) != 0)
            return json_decref(list), sl_fail_memory(err);
    SL_AUTO(sl_json_free) json_t *json = json_pack("{s:o}", "approvals", list);
    return sl_answer_json(request, 200, json, err);
}

static json_t *audit_json(const struct sl_audit_entry *entry)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "seq", (json_int_t)entry->seq, "at",
                     sl_json_time(entry->at_us), "who", sl_json_string_or_null(entry->who), "what",
                     sl_json_string_or_null(entry->what), "subject",
                     sl_json_string_or_null(entry->subject), "details",
                     details_of(entry->details_json));
}

int sl_route_audit(struct sl_request *request, struct sl_err *err)
{
    struct sl_audit_filter filter = {.subject = sl_request_text(request, "subject"),
                                     .before_seq = sl_request_int(request, "before", 0)};
    struct sl_state *state;
    struct sl_audit_entry *entries;
    size_t limit, count;

    SL_TRY(state_of(request, &state, err));
    SL_TRY(limit_of(request, &limit, err));
    if (sl_request_text(request, "before") && filter.before_seq < 1)
        return sl_fail(err, SL_E_SERVE_REQUEST, "'before' must be 1 or more");
    filter.limit = limit + 1;
    SL_TRY(sl_state_audit(state, &filter, &request->arena, &entries, &count, err));
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < limit; i++)
        if (json_array_append_new(list, audit_json(&entries[i])) != 0)
            return json_decref(list), sl_fail_memory(err);
    json_t *next = count > limit ? json_integer(entries[limit - 1].seq) : json_null();
    SL_AUTO(sl_json_free) json_t *json = json_pack("{s:o, s:o}", "entries", list, "next", next);
    return sl_answer_json(request, 200, json, err);
}
