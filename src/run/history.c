#include "run/history.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_RUNS_US ((int64_t)365 * 86400 * 1000000)

struct sl_history {
    struct sl_run *run;
    struct sl_state *state;
    struct sl_history_options options;
    int log_fd;
    bool has_failed;
    bool has_rest; // see sl_history_add_rest
};

static void close_state(struct sl_history *history)
{
    if (!history->options.state)
        sl_state_close(&history->state);
    history->state = NULL;
}

// The state is closed: what it holds open would only fail again.
static void give_up(struct sl_history *history, const struct sl_err *err)
{
    close_state(history);
    if (!history->has_failed)
        sl_log(SL_LOG_WARN, NULL, "history is not kept: %s", err->message);
    history->has_failed = true;
}

static struct sl_run_row run_row(const struct sl_history *history)
{
    const struct sl_run *run = history->run;
    const size_t *by = run->by_status;
    const char *status = sl_run_state(run);
    if (history->has_rest && strcmp(status, "nothing") == 0)
        status = "ok";
    return (struct sl_run_row){
        .id = run->id,
        .command = history->options.command,
        .environment = run->world->project->environment,
        .status = status,
        .started_us = run->started_us,
        .ended_us = run->ended_us,
        .pid = getpid(),
        .ok = (int64_t)(by[SL_STATUS_OK] + by[SL_STATUS_NOTHING]),
        .warn = (int64_t)(by[SL_STATUS_WARN] + by[SL_STATUS_PARTIAL]),
        .error = (int64_t)by[SL_STATUS_ERROR],
        .skipped = (int64_t)by[SL_STATUS_SKIPPED],
        .quarantined = run->quarantined,
        .pipeline = history->options.pipeline,
        .trigger = history->options.trigger,
        .tick_us = history->options.tick_us,
        .who = history->options.who,
    };
}

static int open_log(struct sl_history *history, struct sl_err *err)
{
    struct sl_arena *arena = &history->run->arena;
    const char *folder = sl_path_join(arena, history->run->world->project->state_folder, "logs");
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    const char *path = sl_arena_printf(arena, "%s/%s.jsonl", folder, history->run->id);
    SL_TRY_NEW(path, err);
    history->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return history->log_fd < 0 ? sl_fail_errno(err, errno, "cannot write '%s'", path) : SL_OK;
}

static int open_own(struct sl_history *history, struct sl_err *err)
{
    struct sl_run *run = history->run;
    const struct sl_state_place place = sl_project_state(run->world->project);
    SL_TRY(sl_state_open(&place, &run->arena, &history->state, &run->state_note, err));
    return sl_state_forget(history->state, run->started_us - KEEP_RUNS_US, err);
}

static int open_state(struct sl_history *history, struct sl_err *err)
{
    if (!history->state)
        SL_TRY(open_own(history, err));
    struct sl_run_row row = run_row(history);
    SL_TRY(sl_state_begin(history->state, &row, err));
    return open_log(history, err);
}

// Tables are what a run is for: it goes on without its history.
int sl_history_open(struct sl_run *run, const struct sl_history_options *options,
                    struct sl_history **ret, struct sl_err *err)
{
    struct sl_err trouble = {0};
    SL_AUTO(sl_history_close) struct sl_history *history = calloc(1, sizeof *history);
    SL_TRY_NEW(history, err);
    history->run = run;
    history->options = *options;
    history->state = options->state;
    history->log_fd = -1;
    if (open_state(history, &trouble) != SL_OK) {
        if (trouble.code == SL_E_MEMORY)
            return sl_fail_memory(err);
        give_up(history, &trouble);
    }
    *ret = history;
    history = NULL;
    return SL_OK;
}

// What is kept is read by others, at other times: secrets are left out of all of it. `details` has
// none already.
static int add_state(struct sl_history *history, const struct sl_outcome *outcome,
                     const char *details, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_step_result *result = &outcome->result;
    sl_arena_init(&arena, 0);
    char place[320] = "";
    if (outcome->err.file[0])
        snprintf(place, sizeof place, "%s:%d:%d", outcome->err.file, outcome->err.line,
                 outcome->err.column);
    struct sl_step_row row = {
        .run_id = history->run->id,
        .name = outcome->node->name,
        .label = outcome->node->label,
        .status = sl_status_name(outcome->status),
        .why = sl_log_mask(result->why, &arena),
        .code = outcome->err.code ? sl_code_info(outcome->err.code)->id : NULL,
        .message = outcome->err.code ? sl_log_mask(outcome->err.message, &arena) : NULL,
        .place = place[0] ? place : NULL,
        .details_json = details,
        .started_us = outcome->started_us,
        .ended_us = outcome->ended_us,
        .has_balance = result->has_balance,
        .rows_in = result->balance.in,
        .rows_out = result->balance.out,
        .quarantined = result->balance.quarantined,
        .deduplicated = result->balance.deduplicated,
        .filtered = result->balance.filtered,
        .bytes_in = result->bytes_in,
        .bytes_out = result->bytes_out,
    };
    return sl_state_add_step(history->state, &row, err);
}

static const char *level_of(enum sl_status status)
{
    switch (status) {
    case SL_STATUS_WAITING:
    case SL_STATUS_RUNNING:
    case SL_STATUS_NOTHING:
        return "debug";
    case SL_STATUS_OK:
        break;
    case SL_STATUS_WARN:
    case SL_STATUS_PARTIAL:
    case SL_STATUS_SKIPPED:
        return "warn";
    case SL_STATUS_ERROR:
        return "error";
    }
    return "info";
}

int sl_outcome_log(const struct sl_outcome *outcome, const struct sl_project *project,
                   const char *run_id, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    SL_TRY(sl_outcome_print(outcome, &json, err));
    json_t *rows = json_object_get(json, "rows");
    if (json_object_set_new(json, "job_id", sl_json_string(project->name)) != 0 ||
        json_object_set_new(json, "run_id", json_string(run_id)) != 0 ||
        json_object_set_new(json, "attempt", json_integer(outcome->attempts)) != 0 ||
        json_object_set_new(json, "event", json_string("end")) != 0 ||
        (rows && json_object_set_new(rows, "rejected",
                                     json_integer(outcome->result.balance.quarantined)) != 0))
        return sl_fail_memory(err);
    *ret = json_incref(json);
    return SL_OK;
}

static int add(struct sl_history *history, const struct sl_outcome *outcome, bool is_kept,
               struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    char *text = NULL;
    char now[32];
    SL_TRY(sl_outcome_log(outcome, history->run->world->project, history->run->id, &json, err));
    if (json_object_set_new(json, "level", json_string(level_of(outcome->status))) != 0 ||
        json_object_set_new(json, "time", json_string(sl_clock_format(outcome->ended_us, now))) !=
            0)
        return sl_fail_memory(err);
    SL_TRY(sl_log_print(json, &text, err));
    int code = is_kept ? add_state(history, outcome, text, err) : SL_OK;
    if (code == SL_OK && dprintf(history->log_fd, "%s\n", text) < 0)
        code = sl_fail_errno(err, errno, "cannot write the run's log");
    free(text);
    return code;
}

void sl_history_add(struct sl_history *history, const struct sl_outcome *outcome)
{
    struct sl_err err = {0};
    bool is_kept = outcome->status != SL_STATUS_NOTHING || outcome->attempts > 1;
    if (!is_kept && !outcome->has_begin_line)
        return; // nothing happened
    if (!history->state)
        return;
    if (add(history, outcome, is_kept, &err) != SL_OK)
        give_up(history, &err);
}

// --- lines of the log alone

// Takes `line` over. A step's end tells of the disk that is full.
static void write_line(const struct sl_history *history, int64_t time_us, json_t *line)
{
    SL_AUTO(sl_json_free) json_t *json = line;
    struct sl_err ignored = {0};
    char now[32], *text = NULL;
    if (json_object_set_new(json, "job_id", sl_json_string(history->run->world->project->name)) !=
            0 ||
        json_object_set_new(json, "run_id", json_string(history->run->id)) != 0 ||
        json_object_set_new(json, "time", json_string(sl_clock_format(time_us, now))) != 0 ||
        sl_log_print(json, &text, &ignored) != SL_OK)
        return;
    (void)dprintf(history->log_fd, "%s\n", text);
    free(text);
}

void sl_history_begin(struct sl_history *history, struct sl_outcome *outcome)
{
    if (outcome->has_begin_line || !history->state)
        return;
    outcome->has_begin_line = true;
    write_line(history, outcome->started_us,
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "event", "begin", "level", "info",
                         "step", outcome->node->label, "table", outcome->node->name, "status",
                         "running", "attempt", outcome->attempts));
}

void sl_history_again(struct sl_history *history, struct sl_outcome *outcome)
{
    const struct sl_retried *last = &outcome->retried[outcome->retried_count - 1];
    struct sl_err failure = {0};
    if (!history->state)
        return;
    outcome->has_begin_line = false;
    (void)sl_fail(&failure, last->code, "%s", last->message);
    write_line(history, sl_clock_now_us(),
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:o}", "event", "again", "level",
                         "warn", "step", outcome->node->label, "table", outcome->node->name,
                         "status", "retry", "attempt", last->attempt, "wait_ms",
                         (json_int_t)last->wait_ms, "error", sl_err_json(&failure)));
}

static void write_end(const struct sl_history *history, const struct sl_run_row *row)
{
    bool is_bad = sl_str_equal(row->status, "error") || sl_str_equal(row->status, "partial") ||
                  sl_str_equal(row->status, "interrupted");
    write_line(history, row->ended_us,
               json_pack("{s:s, s:s, s:s, s:I}", "event", "run_end", "level",
                         is_bad ? "error" : "info", "status", row->status, "elapsed_ms",
                         (json_int_t)((row->ended_us - row->started_us) / 1000)));
}

void sl_history_flush(struct sl_history *history)
{
    struct sl_err err = {0};
    if (history->state && sl_state_flush(history->state, &err) != SL_OK)
        give_up(history, &err);
}

void sl_history_end(struct sl_history *history)
{
    struct sl_err err = {0};
    struct sl_run_row row = run_row(history);
    bool is_kept = history->state != NULL;
    if (is_kept && sl_state_end(history->state, &row, &err) != SL_OK)
        give_up(history, &err);
    if (is_kept) // after it: who follows the log asks the store then
        write_end(history, &row);
}

void sl_history_close(struct sl_history **history)
{
    if (!*history)
        return;
    close_state(*history);
    sl_fd_close(&(*history)->log_fd);
    free(*history);
    *history = NULL;
}

// "quarantine.orders (rows given up)": the table, and what was done.
static int add_published(struct sl_history *history, const char *text, struct sl_err *err)
{
    int64_t now_us = sl_clock_now_us();
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_run *run = history->run;
    const char *open = strstr(text, " (");
    size_t length = open ? (size_t)(open - text) : strlen(text);
    const char *table = sl_arena_strndup(&run->arena, text, length);
    const char *label = sl_arena_printf(&run->arena, "publish %.*s", (int)length, text);
    const char *why = open ? sl_arena_strndup(&run->arena, open + 2, strlen(open) - 3)
                           : "it was built before and not published yet";
    char now[32], *details = NULL;
    SL_TRY_NEW(table, err);
    SL_TRY_NEW(label, err);
    SL_TRY_NEW(why, err);
    json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "step", label, "table", table, "status",
                     "ok", "why", why, "run_id", run->id, "time", sl_clock_format(now_us, now),
                     "elapsed_ms", 0);
    SL_TRY_NEW(json, err);
    SL_TRY(sl_log_print(json, &details, err));
    struct sl_step_row row = {.run_id = run->id,
                              .name = table,
                              .label = label,
                              .status = "ok",
                              .why = why,
                              .details_json = details,
                              .started_us = now_us,
                              .ended_us = now_us};
    int code = sl_state_add_step(history->state, &row, err);
    if (code == SL_OK && dprintf(history->log_fd, "%s\n", details) < 0)
        code = sl_fail_errno(err, errno, "cannot write the run's log");
    free(details);
    return code;
}

static void add_all(struct sl_history *history, const struct sl_strs *tables)
{
    struct sl_err err = {0};
    for (size_t i = 0; history->state && i < tables->count; i++)
        if (add_published(history, tables->items[i], &err) != SL_OK)
            give_up(history, &err);
}

// Whether there is a line of whoever made the version that is published: what a run before this one
// built, and the marks of `quarantine discard`, are of no step of this run.
static bool is_of_step(const struct sl_run *run, const char *text, struct sl_arena *arena)
{
    const char *name = sl_arena_strndup(arena, text, strcspn(text, " "));
    if (name && sl_str_starts(name, "quarantine."))
        name = sl_arena_printf(arena, "clean.%s", strchr(name, '.') + 1);
    for (size_t i = 0; name && i < run->count; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        if (!sl_str_equal(outcome->node->name, name))
            continue;
        if (outcome->status == SL_STATUS_NOTHING && strchr(text, '('))
            return false;
        if (outcome->status == SL_STATUS_NOTHING) // one that only looked may note what it saw
            return sl_node_is_view(outcome->node) || outcome->attempts > 0;
        return outcome->status != SL_STATUS_WAITING && outcome->status != SL_STATUS_SKIPPED;
    }
    return false;
}

int sl_history_add_rest(struct sl_history *history, const struct sl_rest *rest, struct sl_err *err)
{
    struct sl_run *run = history->run;
    struct sl_strs all;
    SL_TRY(sl_rest_tables(rest, run->world, &run->arena, &all, err));
    return sl_history_add_tables(history, &all, err);
}

int sl_history_add_tables(struct sl_history *history, const struct sl_strs *tables,
                          struct sl_err *err)
{
    struct sl_run *run = history->run;
    struct sl_strs others = {0};
    for (size_t i = 0; i < tables->count; i++)
        if (!is_of_step(run, tables->items[i], &run->arena))
            SL_TRY(sl_strs_add(&others, &run->arena, tables->items[i], err));
    add_all(history, &others);
    history->has_rest = others.count > 0;
    return SL_OK;
}

int sl_history_published(struct sl_world *world, const struct sl_publication *publication,
                         const struct sl_strs *tables, struct sl_err *err)
{
    struct sl_run run = {.world = world, .started_us = publication->at_us};
    SL_AUTO(sl_history_close) struct sl_history *history = NULL;
    (void)snprintf(run.id, sizeof run.id, "%s", publication->run_id);
    sl_arena_init(&run.arena, 0);
    const struct sl_history_options options = {.command = publication->command};
    int code = sl_history_open(&run, &options, &history, err);
    run.ended_us = sl_clock_now_us();
    run.by_status[SL_STATUS_OK] = tables->count;
    if (code == SL_OK) {
        add_all(history, tables);
        sl_history_end(history);
    }
    sl_arena_clear(&run.arena);
    return code;
}
