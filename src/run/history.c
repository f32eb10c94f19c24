#include "run/history.h"

#include "api/leases.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "run/known_lake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICES 20 // of what is forgotten by one run
#define KEEP_RUNS_US ((int64_t)365 * 86400 * 1000000)

#define KEPT_BYTES ((size_t)32 << 20) // of steps that wait for room
#define AGAIN_US 1000000
#define LOG_EVERY_US 10000

// A step whose row and line wait to be written, or a line alone.
struct kept {
    struct sl_step_row row; // without `run_id`: there is none
    const char *line;
};

struct sl_history {
    struct sl_run *run; // until it has ended
    struct sl_state *state;
    struct sl_history_options options;
    struct sl_arena arena;
    const char *log_path, *job_id;
    char run_id[37];
    int log_fd;
    int64_t logged_us; // when lines were written last
    struct sl_arena kept_arena;
    struct kept *kept;
    size_t count, stored, logged, lost; // of them
    size_t doubt;                       // how many were sent when the connection was lost
    struct sl_run_row row;              // once the run has ended
    const char *lease, *holder;         // of a run by hand over a shared store
    int64_t lease_us, again_us;         // when it was taken; before when nothing is tried again
    bool is_begun, has_ended, has_failed, has_told;
    bool is_left;     // the run has ended, and not all is written
    bool is_doubtful; // the connection was lost at a write, which may have been made
    bool has_rest;    // see sl_history_add_rest
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

// What may be otherwise in a moment, or once somebody has made room.
static bool may_pass(enum sl_code code)
{
    return code == SL_E_NO_SPACE || code == SL_E_NO_PERMISSION || code == SL_E_IO ||
           code == SL_E_STATE_BUSY || code == SL_E_STATE_CONNECT || code == SL_E_STATE_READONLY ||
           code == SL_E_STATE_DAMAGED;
}

// What is its own; of a shared one the owner does it.
static void begin_anew(struct sl_history *history)
{
    const struct sl_state_place place = sl_project_state(history->run->world->project);
    struct sl_err err = {0};
    const char *note;
    if (sl_state_begin_anew(history->state, &place, &history->arena, &note, &err) == SL_OK)
        sl_log(SL_LOG_WARN, NULL, "%s", note);
    history->is_begun = false;
    history->again_us = 0;
}

static void wait_or_give_up(struct sl_history *history, const struct sl_err *err)
{
    if (!may_pass(err->code)) {
        give_up(history, err);
        return;
    }
    history->again_us = sl_clock_monotonic_us() + AGAIN_US;
    if (!history->has_told)
        sl_log(SL_LOG_WARN, NULL, "history waits until it can be written: %s", err->message);
    history->has_told = true;
    if (err->code == SL_E_STATE_DAMAGED && !history->options.state && history->run)
        begin_anew(history);
    if (history->options.on_trouble)
        history->options.on_trouble(history->options.owner, err);
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

// --- the run's log

static int find_log(struct sl_history *history, struct sl_err *err)
{
    const char *state_folder = history->run->world->project->state_folder;
    history->log_path =
        sl_arena_printf(&history->arena, "%s/logs/%s.jsonl", state_folder, history->run->id);
    history->job_id = sl_arena_strdup(&history->arena, history->run->world->project->name);
    return history->log_path && history->job_id ? SL_OK : sl_fail_memory(err);
}

static int open_log(struct sl_history *history, struct sl_err *err)
{
    const char *path = history->log_path;
    if (history->log_fd >= 0)
        return SL_OK;
    const char *folder = sl_path_folder(&history->arena, path);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    history->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    return history->log_fd < 0 ? sl_fail_errno(err, errno, "cannot write '%s'", path) : SL_OK;
}

// Lines are there as a whole or not at all.
static int write_text(struct sl_history *history, const char *text, size_t length,
                      struct sl_err *err)
{
    SL_TRY(open_log(history, err));
    off_t before = lseek(history->log_fd, 0, SEEK_END);
    ssize_t written = write(history->log_fd, text, length);
    if (written == (ssize_t)length)
        return SL_OK;
    int errnum = written < 0 ? errno : ENOSPC;
    if (before >= 0)
        (void)!ftruncate(history->log_fd, before);
    return sl_fail_errno(err, errnum, "cannot write '%s'", history->log_path);
}

static int write_lines(struct sl_history *history, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    if (history->logged == history->count)
        return SL_OK;
    for (size_t i = history->logged; i < history->count; i++)
        sl_buf_add(&text, history->kept[i].line);
    SL_TRY(sl_buf_check(&text, err));
    SL_TRY(write_text(history, text.text, text.length, err));
    history->logged = history->count;
    return SL_OK;
}

// --- the state store

#define LEASE_MS 10000

// Over a store that others share: as long as the run is at work, nobody takes it for killed.
static int keep_lease(struct sl_history *history, struct sl_err *err)
{
    int64_t now_us = sl_clock_monotonic_us();
    struct sl_lease lease;
    if (!history->lease || (history->lease_us && now_us < history->lease_us + LEASE_MS * 300))
        return SL_OK;
    SL_TRY(sl_state_lease(history->state, history->lease, history->holder, LEASE_MS,
                          &history->arena, &lease, err));
    history->lease_us = now_us;
    return SL_OK;
}

static int own(struct sl_history *history, struct sl_err *err)
{
    char host[64] = "", id[37];
    if (!sl_state_is_shared(history->state))
        return SL_OK;
    (void)gethostname(host, sizeof host - 1);
    history->lease = sl_arena_printf(&history->arena, "run %s", history->run->id);
    history->holder = sl_arena_printf(&history->arena, "%s %d %s", host, getpid(), sl_uuid(id));
    SL_TRY_NEW(history->lease, err);
    SL_TRY_NEW(history->holder, err);
    return sl_state_own(history->state, history->holder, err);
}

// What a lost connection has left open: was the last row written, all were.
static int settle_doubt(struct sl_history *history, struct sl_err *err)
{
    bool is_there = false;
    if (!history->is_doubtful || history->stored == history->count)
        return SL_OK;
    const struct kept *last = &history->kept[history->doubt - 1];
    while (!last->row.run_id && last > history->kept)
        last--;
    if (last->row.run_id)
        SL_TRY(sl_state_has_step(history->state, &last->row, &is_there, err));
    if (is_there)
        history->stored = history->doubt;
    history->is_doubtful = false;
    return SL_OK;
}

static int store_steps(struct sl_history *history, struct sl_err *err)
{
    SL_TRY(settle_doubt(history, err));
    if (history->stored == history->count)
        return SL_OK;
    size_t count = 0;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    struct sl_step_row *rows =
        SL_NEW_ARRAY(&arena, struct sl_step_row, history->count - history->stored);
    SL_TRY_NEW(rows, err);
    for (size_t i = history->stored; i < history->count; i++)
        if (history->kept[i].row.run_id)
            rows[count++] = history->kept[i].row;
    int code = count ? sl_state_add_steps(history->state, rows, count, err) : SL_OK;
    if (code == SL_E_STATE_CONNECT) {
        history->is_doubtful = true;
        history->doubt = history->count;
    }
    SL_TRY(code);
    history->stored = history->count;
    return SL_OK;
}

static int store(struct sl_history *history, struct sl_err *err)
{
    if (!history->is_begun && !history->has_ended) {
        struct sl_run_row row = run_row(history);
        SL_TRY(sl_state_begin(history->state, &row, err));
        history->is_begun = true;
    }
    SL_TRY(store_steps(history, err));
    if (history->has_ended)
        return sl_state_end(history->state, &history->row, err);
    return keep_lease(history, err);
}

// All that waits, the log whatever becomes of the store.
static int write_all(struct sl_history *history, struct sl_err *err)
{
    struct sl_err trouble = {0};
    int logged = write_lines(history, &trouble);
    SL_TRY(store(history, err));
    if (logged != SL_OK) {
        *err = trouble;
        return logged;
    }
    history->count = history->stored = history->logged = 0;
    history->kept = NULL;
    sl_arena_clear(&history->kept_arena);
    sl_arena_init(&history->kept_arena, KEPT_BYTES);
    return SL_OK;
}

static int open_own(struct sl_history *history, struct sl_err *err)
{
    struct sl_run *run = history->run;
    const struct sl_state_place place = sl_project_state(run->world->project);
    bool is_more = true;
    SL_TRY(sl_state_open(&place, &run->arena, &history->state, &run->state_note, err));
    SL_TRY(own(history, err));
    for (int i = 0; i < SLICES && is_more; i++) // what is more is for the next run
        SL_TRY(sl_state_forget(history->state, run->started_us - KEEP_RUNS_US, &is_more, err));
    return SL_OK;
}

static int require_lake(struct sl_history *history, struct sl_err *err)
{
    if (!history->options.is_run || sl_lake_require(history->run->world->project, history->state,
                                                    history->run->lake, err) == SL_OK)
        return SL_OK;
    close_state(history);
    history->has_failed = true;
    return err->code;
}

static int begin(struct sl_history *history, struct sl_err *err)
{
    struct sl_err trouble = {0};
    if (!history->state && open_own(history, &trouble) != SL_OK) {
        if (trouble.code == SL_E_MEMORY)
            return sl_fail_memory(err);
        give_up(history, &trouble);
        return require_lake(history, err);
    }
    SL_TRY(require_lake(history, err));
    if (keep_lease(history, &trouble) == SL_OK && store(history, &trouble) == SL_OK &&
        open_log(history, &trouble) == SL_OK)
        return SL_OK;
    if (trouble.code == SL_E_MEMORY)
        return sl_fail_memory(err);
    wait_or_give_up(history, &trouble);
    return SL_OK;
}

// Tables are what a run is for: it goes on without its history.
int sl_history_open(struct sl_run *run, const struct sl_history_options *options,
                    struct sl_history **ret, struct sl_err *err)
{
    SL_AUTO(sl_history_close) struct sl_history *history = calloc(1, sizeof *history);
    SL_TRY_NEW(history, err);
    history->run = run;
    history->options = *options;
    history->state = options->state;
    history->log_fd = -1;
    memcpy(history->run_id, run->id, sizeof history->run_id);
    sl_arena_init(&history->arena, 0);
    sl_arena_init(&history->kept_arena, KEPT_BYTES);
    SL_TRY(find_log(history, err));
    SL_TRY(begin(history, err));
    *ret = history;
    history = NULL;
    return SL_OK;
}

static int keep(struct sl_history *history, const struct sl_step_row *row, struct sl_err *err)
{
    struct sl_arena *arena = &history->kept_arena;
    struct kept kept = {.row = *row};
    const char **texts[] = {&kept.row.run_id,  &kept.row.name,  &kept.row.label,
                            &kept.row.status,  &kept.row.why,   &kept.row.code,
                            &kept.row.message, &kept.row.place, &kept.row.machine};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!*texts[i])
            continue;
        *texts[i] = sl_arena_strdup(arena, *texts[i]);
        SL_TRY_NEW(*texts[i], err);
    }
    kept.row.details_json = sl_arena_strdup(arena, row->details_json);
    kept.line = sl_arena_printf(arena, "%s\n", row->details_json);
    SL_TRY_NEW(kept.row.details_json, err);
    SL_TRY_NEW(kept.line, err);
    return SL_PUSH(arena, history->kept, history->count, kept) ? SL_OK : sl_fail_memory(err);
}

// A line of the log alone.
static int keep_line(struct sl_history *history, const char *text, struct sl_err *err)
{
    const struct kept kept = {.line = sl_arena_printf(&history->kept_arena, "%s\n", text)};
    SL_TRY_NEW(kept.line, err);
    return SL_PUSH(&history->kept_arena, history->kept, history->count, kept) ? SL_OK
                                                                              : sl_fail_memory(err);
}

// What is kept is read by others, at other times: secrets are left out of all of it. `details` has
// none already.
static int keep_step(struct sl_history *history, const struct sl_outcome *outcome,
                     const char *details, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_step_result *result = &outcome->result;
    sl_arena_init(&arena, 0);
    char place[320] = "", host[256] = "";
    (void)gethostname(host, sizeof host - 1);
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
        .machine = outcome->machine     ? outcome->machine
                   : outcome->has_begun ? host
                                        : NULL,
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
    return keep(history, &row, err);
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
    int code = is_kept ? keep_step(history, outcome, text, err) : keep_line(history, text, err);
    free(text);
    return code;
}

// What cannot be kept in memory either is counted.
static void lose(struct sl_history *history)
{
    if (!history->lost++)
        sl_log(SL_LOG_WARN, NULL, "history: steps are not kept: too many wait to be written");
}

static void write_soon(struct sl_history *history)
{
    struct sl_err ignored = {0};
    int64_t now_us = sl_clock_monotonic_us();
    // Ten thousand short steps do not write as many times.
    if (now_us < history->again_us || now_us < history->logged_us + LOG_EVERY_US)
        return;
    history->logged_us = now_us;
    (void)!write_lines(history, &ignored); // the next flush tells
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
        lose(history);
    else
        write_soon(history);
}

// --- lines of the log alone

// Takes `line` over.
static void add_line(struct sl_history *history, int64_t time_us, json_t *line)
{
    SL_AUTO(sl_json_free) json_t *json = line;
    struct sl_err ignored = {0};
    char now[32], *text = NULL;
    if (json_object_set_new(json, "job_id", sl_json_string(history->job_id)) != 0 ||
        json_object_set_new(json, "run_id", json_string(history->run_id)) != 0 ||
        json_object_set_new(json, "time", json_string(sl_clock_format(time_us, now))) != 0 ||
        sl_log_print(json, &text, &ignored) != SL_OK)
        return;
    if (keep_line(history, text, &ignored) != SL_OK)
        lose(history);
    else
        write_soon(history);
    free(text);
}

void sl_history_begin(struct sl_history *history, struct sl_outcome *outcome)
{
    if (outcome->has_begin_line || !history->state)
        return;
    outcome->has_begin_line = true;
    add_line(history, outcome->started_us,
             json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "event", "begin", "level", "info", "step",
                       outcome->node->label, "table", outcome->node->name, "status", "running",
                       "attempt", outcome->attempts));
}

void sl_history_again(struct sl_history *history, struct sl_outcome *outcome)
{
    const struct sl_retried *last = &outcome->retried[outcome->retried_count - 1];
    struct sl_err failure = {0};
    if (!history->state)
        return;
    outcome->has_begin_line = false;
    (void)sl_fail(&failure, last->code, "%s", last->message);
    add_line(history, sl_clock_now_us(),
             json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:o}", "event", "again", "level",
                       "warn", "step", outcome->node->label, "table", outcome->node->name, "status",
                       "retry", "attempt", last->attempt, "wait_ms", (json_int_t)last->wait_ms,
                       "error", sl_err_json(&failure)));
}

static void write_end(struct sl_history *history)
{
    struct sl_err ignored = {0};
    const struct sl_run_row *row = &history->row;
    bool is_bad = sl_str_equal(row->status, "error") || sl_str_equal(row->status, "partial") ||
                  sl_str_equal(row->status, "interrupted");
    bool is_cancelled = sl_str_equal(row->status, "cancelled");
    add_line(history, row->ended_us,
             json_pack("{s:s, s:s, s:s, s:I}", "event", "run_end", "level",
                       is_bad         ? "error"
                       : is_cancelled ? "warn"
                                      : "info",
                       "status", row->status, "elapsed_ms",
                       (json_int_t)((row->ended_us - row->started_us) / 1000)));
    (void)!write_lines(history, &ignored);
}

void sl_history_flush(struct sl_history *history)
{
    struct sl_err err = {0};
    if (!history->state || sl_clock_monotonic_us() < history->again_us)
        return;
    if (write_all(history, &err) != SL_OK)
        wait_or_give_up(history, &err);
}

static int copy_texts(struct sl_history *history, struct sl_err *err)
{
    const char **texts[] = {&history->row.id,       &history->row.command,
                            &history->row.status,   &history->row.environment,
                            &history->row.pipeline, &history->row.trigger,
                            &history->row.who};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!*texts[i])
            continue;
        *texts[i] = sl_arena_strdup(&history->arena, *texts[i]);
        SL_TRY_NEW(*texts[i], err);
    }
    return SL_OK;
}

static void end_history(struct sl_history *history, bool is_later)
{
    struct sl_err err = {0};
    if (!history->state)
        return;
    history->row = run_row(history);
    sl_history_flush(history);
    if (!history->state)
        return;
    int code = copy_texts(history, &err);
    history->run = NULL;
    history->has_ended = true;
    history->is_left = is_later && code == SL_OK;
    if (history->is_left)
        return;
    if (code == SL_OK)
        code = write_all(history, &err);
    if (code == SL_OK) // after it: who follows the log asks the store then
        write_end(history);
    if (code != SL_OK)
        wait_or_give_up(history, &err);
    history->is_left = code != SL_OK && history->state;
}

void sl_history_end(struct sl_history *history)
{
    end_history(history, false);
}

void sl_history_end_later(struct sl_history *history)
{
    end_history(history, true);
}

bool sl_history_is_left(const struct sl_history *history)
{
    return history->is_left;
}

bool sl_history_try_again(struct sl_history *history, struct sl_err *err)
{
    if (!history->state || !history->is_left)
        return true;
    int code = write_all(history, err);
    if (code == SL_OK)
        write_end(history);
    if (code != SL_OK && !may_pass(err->code))
        give_up(history, err);
    history->is_left = code != SL_OK && history->state;
    return !history->is_left;
}

void sl_history_abandon(struct sl_history **history)
{
    struct sl_history *old = *history;
    if (!old)
        return;
    close_state(old);
    sl_fd_close(&old->log_fd);
    sl_arena_clear(&old->kept_arena);
    sl_arena_clear(&old->arena);
    free(old);
    *history = NULL;
}

void sl_history_close(struct sl_history **history)
{
    struct sl_history *old = *history;
    struct sl_err err = {0};
    if (!old)
        return;
    old->options.on_trouble = NULL; // who would hear of it may be about to end
    if (!old->has_ended)
        sl_history_flush(old);
    if (!sl_history_try_again(old, &err))
        give_up(old, &err);
    sl_history_abandon(history);
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
    int code = keep(history, &row, err);
    free(details);
    return code;
}

static void add_all(struct sl_history *history, const struct sl_strs *tables)
{
    struct sl_err err = {0};
    for (size_t i = 0; history->state && i < tables->count; i++)
        if (add_published(history, tables->items[i], &err) != SL_OK)
            lose(history);
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
