// sluice logs: what happened in a run, line for line.
#include "cli/logs.h"

#include "base/clock.h"
#include "base/fs.h"
#include "run/run.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MAX_BYTES ((size_t)1 << 30)

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
enum { DEBUG, INFO };

struct logs_options {
    struct sl_common common;
    const char *run; // id or its beginning
    const char *step;
    bool follow, lines;
    int level;
    const char *since;
    int64_t since_us; // of it
};

static const struct sl_opt logs_rows[] = {
    {"run", SL_OPT_STRING, offsetof(struct logs_options, run), NULL,
     "The run, by the beginning of its id; the newest if not given.", SL_OPT_POSITIONAL,
     .placeholder = "RUN"},
    {"step", SL_OPT_STRING, offsetof(struct logs_options, step), NULL, "Only this step or table.",
     SL_OPT_POSITIONAL, .placeholder = "STEP"},
    {"follow", SL_OPT_BOOL, offsetof(struct logs_options, follow), "false",
     "Go on as lines come, until the run ends.", 0, .letter = 'f'},
    {"lines", SL_OPT_BOOL, offsetof(struct logs_options, lines), "false",
     "Print the lines as they stand in the log, one JSON object each, of every level.", 0},
    {"level", SL_OPT_ENUM, offsetof(struct logs_options, level), "info",
     "Only lines of this level and above; debug: also those of steps that begin, and of attempts.",
     0, .values = levels, .placeholder = "LEVEL"},
    {"since", SL_OPT_STRING, offsetof(struct logs_options, since), NULL,
     "Only lines from this time on, or of so long ago: 10m.", 0, .placeholder = "TIME"},
    SL_COMMON_ROWS,
    {0},
};

// --- which lines

static int level_of(const json_t *line)
{
    const char *text = sl_json_text(line, "level", "");
    for (int i = 0; levels[i]; i++)
        if (sl_str_equal(text, levels[i]))
            return i;
    return INFO; // of a former version
}

static bool is_of_time(const json_t *line, int64_t since_us)
{
    int64_t at_us;
    return !since_us || sl_clock_parse(sl_json_text(line, "time", ""), &at_us) != 0 ||
           at_us >= since_us;
}

static bool is_of_step(const json_t *line, const char *step)
{
    return sl_str_is_empty(step) || sl_str_glob(step, sl_json_text(line, "step", "")) ||
           sl_str_glob(step, sl_json_text(line, "table", ""));
}

// The end of a step tells of its attempts, too: on their own they are for who is waiting.
static bool is_wanted(const json_t *line, const struct logs_options *options)
{
    bool is_end = sl_str_equal(sl_json_text(line, "event", "end"), "end");
    return (is_end || options->follow || options->level == DEBUG) &&
           (options->lines || level_of(line) >= options->level) &&
           is_of_time(line, options->since_us) && is_of_step(line, options->step);
}

static int read_since(struct logs_options *options, struct sl_err *err)
{
    int64_t ago_s;
    if (sl_str_is_empty(options->since))
        return SL_OK;
    if (sl_str_to_duration(options->since, &ago_s)) {
        options->since_us = sl_clock_now_us() - ago_s * 1000000;
        return SL_OK;
    }
    if (sl_clock_parse(options->since, &options->since_us) == 0)
        return SL_OK;
    (void)sl_fail(err, SL_E_USAGE, "--since is '%s', which is no time and no duration",
                  options->since);
    return sl_err_hint(err, "10m, 2h, 2026-01-31 or 2026-01-31T12:00:00Z");
}

// --- as text

// How often it was tried, and what the worker said that died at it.
static void print_attempts(const json_t *line, bool with_retried)
{
    const json_t *death = json_object_get(line, "worker_death"), *said, *retried;
    char wait[32];
    size_t i;
    if (sl_json_int(line, "attempts", 0) > 1)
        printf("    attempts: %lld\n", (long long)sl_json_int(line, "attempts", 0));
    json_array_foreach (with_retried ? json_object_get(line, "retried") : NULL, i, retried) {
        printf("    attempt %lld: %s: ", (long long)sl_json_int(retried, "attempt", 0),
               sl_json_text(retried, "code", ""));
        sl_put_plain(stdout, sl_json_text(retried, "message", ""));
        printf("; tried again after %s\n",
               sl_str_elapsed(sl_json_int(retried, "wait_ms", 0), wait));
    }
    json_array_foreach (json_object_get(death, "stderr"), i, said) {
        fputs("    | ", stdout);
        sl_put_plain(stdout, json_string_value(said));
        putchar('\n');
    }
}

static void print_error(const json_t *error)
{
    printf(" %s: ", sl_json_text(error, "code", ""));
    sl_put_plain(stdout, sl_json_text(error, "message", ""));
}

// A step that begins, an attempt that failed, the end of the run.
static void print_event(const json_t *line, const char *event)
{
    const json_t *error = json_object_get(line, "error");
    char took[32];
    if (sl_str_equal(event, "run_end")) {
        printf("%s  %-8s the run has ended after %s\n", sl_json_text(line, "time", ""),
               sl_json_text(line, "status", ""),
               sl_str_elapsed(sl_json_int(line, "elapsed_ms", 0), took));
        return;
    }
    printf("%s  %-8s %-32s attempt %lld", sl_json_text(line, "time", ""),
           sl_json_text(line, "status", ""), sl_json_text(line, "step", ""),
           (long long)sl_json_int(line, "attempt", 1));
    if (error) {
        print_error(error);
        printf("; tried again after %s", sl_str_elapsed(sl_json_int(line, "wait_ms", 0), took));
    }
    putchar('\n');
}

static void print_log_line(const json_t *line, bool with_retried)
{
    const json_t *error = json_object_get(line, "error"), *rows = json_object_get(line, "rows"),
                 *note;
    const char *event = sl_json_text(line, "event", "end");
    char texts[3][32], count[64];
    size_t i;
    if (!sl_str_equal(event, "end")) {
        print_event(line, event);
        return;
    }
    printf("%s  %-8s %-32s", sl_json_text(line, "time", ""), sl_json_text(line, "status", ""),
           sl_json_text(line, "step", ""));
    if (rows)
        printf(" %s in, %s out, %s quarantined", sl_str_count(sl_json_int(rows, "in", 0), texts[0]),
               sl_str_count(sl_json_int(rows, "out", 0), texts[1]),
               sl_str_count(sl_json_int(rows, "quarantined", 0), texts[2]));
    if (sl_json_int(rows, "set_aside_values", 0))
        printf(", %s set aside",
               sl_count_of(sl_json_int(rows, "set_aside_values", 0), "value", count));
    if (error)
        print_error(error);
    putchar('\n');
    json_array_foreach (json_object_get(line, "notes"), i, note) {
        fputs("    ", stdout);
        sl_put_plain(stdout, json_string_value(note));
        putchar('\n');
    }
    print_attempts(line, with_retried);
}

void sl_log_line_print(const json_t *line)
{
    print_log_line(line, false);
}

// --- all of it

// A run that was killed may have left half a line at the end: it is left out.
static int print_log(const struct logs_options *options, const char *text, json_t *lines,
                     size_t *ret_shown, struct sl_err *err)
{
    while (*text) {
        size_t width = strcspn(text, "\n");
        SL_AUTO(sl_json_free) json_t *line = NULL;
        if (text[width] == '\n')
            SL_TRY(sl_json_parse(text, width, "the log", &line, err));
        bool is_shown = line && is_wanted(line, options);
        *ret_shown += is_shown;
        if (is_shown && !lines)
            print_log_line(line, options->level != DEBUG);
        if (is_shown && lines && json_array_append(lines, line) != 0)
            return sl_fail_memory(err);
        text += width + (text[width] == '\n');
    }
    return SL_OK;
}

// The steps of a run as the history has them: the lines that its log has of their ends.
static int read_history(struct sl_cli_history *history, const struct sl_run_row *run,
                        const char **ret, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_step_row *steps;
    SL_TRY(sl_state_steps(history->state, run->id, &history->arena, &steps, ret_count, err));
    for (size_t i = 0; i < *ret_count; i++)
        if (steps[i].details_json)
            sl_buf_addf(&text, "%s\n", steps[i].details_json);
    SL_TRY(sl_buf_check(&text, err));
    *ret = sl_arena_strdup(&history->arena, text.text ? text.text : "");
    return *ret ? SL_OK : sl_fail_memory(err);
}

// A history on a server has runs whose logs are in other folders, most of them on other machines.
static bool may_be_elsewhere(const struct sl_cli_history *history, const struct sl_run_row *run)
{
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    return run->host && (history->project->state_url || !sl_str_equal(run->host, host));
}

static void tell_elsewhere(const struct logs_options *options, const struct sl_run_row *run,
                           const char *rest)
{
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    bool is_here = sl_str_equal(run->host, host);
    if (!options->common.is_quiet)
        sl_tell(&options->common, SL_LOG_WARN, "the log of run %.8s is on machine '%s'%s%s",
                run->id, run->host, is_here ? ", in another state folder" : "", rest);
}

#define AS_IN_HISTORY ": its steps as the history has them"

// The log is there from a run's first step on: of one that had nothing to do, that could not be
// planned, or that was killed before, there is none. Of any other one that is not there is an
// error.
static int read_kept(struct sl_cli_history *history, const struct logs_options *options,
                     const struct sl_run_row *run, const char *path, const char **ret_text,
                     struct sl_err *err)
{
    size_t length, count = 1;
    *ret_text = "";
    if (!sl_fs_exists(path))
        SL_TRY(read_history(history, run, ret_text, &count, err));
    if (!count || (!sl_fs_exists(path) && may_be_elsewhere(history, run))) {
        if (count)
            tell_elsewhere(options, run, AS_IN_HISTORY);
        return SL_OK;
    }
    return sl_fs_read(path, LOG_MAX_BYTES, &history->arena, ret_text, &length, err);
}

// Of a run without a line, or after its lines. "": they tell it.
static const char *what_became(const struct sl_run_row *run, size_t shown)
{
    static const struct {
        const char *status, *alone, *after_lines;
    } words[] = {
        {"killed", "was killed before a step of it had ended",
         "was killed: of steps that had not ended there is no line"},
        {"running", "is at work, and no step of it has ended yet", ""},
        {"queued", "waits in the queue", ""},
        {"cancelled", "was cancelled before a step of it had ended", ""},
        {"skipped", "was skipped: it never began", ""},
        {"interrupted", "was interrupted before a step of it had ended", ""},
        {"error", "failed before a step of it had ended", ""},
    };
    if (sl_str_equal(sl_run_status(run), "cancelled") && !run->host)
        return "was cancelled before it began";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sl_str_equal(sl_run_status(run), words[i].status))
            return shown ? words[i].after_lines : words[i].alone;
    return shown ? "" : "did nothing";
}

// Chunks are no steps: what of them stays is in the tables.
static int tell_chunks(struct sl_cli_history *history, const struct sl_run_row *run,
                       const char **became, struct sl_err *err)
{
    struct sl_backfill_trace trace;
    char chunks[64], partitions[64];
    if (sl_str_is_empty(*became))
        return SL_OK;
    SL_TRY(sl_cli_backfill_trace(history, run, &trace, err));
    if (!trace.chunks)
        return SL_OK;
    *became = sl_arena_printf(&history->arena, "%s; committed before: %s of %s (backfill %s)",
                              *became, sl_count_of(trace.chunks, "chunk", chunks),
                              sl_count_of(trace.partitions, "partition", partitions), trace.id);
    SL_TRY_NEW(*became, err);
    return SL_OK;
}

static void tell_rest(const struct logs_options *options, const struct sl_run_row *run,
                      const char *became)
{
    if (*became && !options->common.is_quiet)
        sl_tell(&options->common, SL_LOG_WARN, "run %.8s %s", run->id, became);
}

// No step is like that: those there are stand in the hint.
static int fail_step(const char *step, const struct sl_run_row *run, const char *text,
                     const char *became, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    (void)sl_fail(err, SL_E_SELECTOR, "run %.8s has no step '%s'", run->id, step);
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        SL_AUTO(sl_json_free) json_t *line = NULL;
        if (sl_json_parse(text, strcspn(text, "\n"), "the log", &line, NULL) == SL_OK &&
            sl_str_equal(sl_json_text(line, "event", "end"), "end"))
            sl_buf_addf(&names, "%s%s", names.length ? ", " : "", sl_json_text(line, "table", ""));
    }
    if (!names.length)
        return sl_err_hint(err, "it %s", became);
    return sl_err_hint(err, "its steps are %s; * and ? stand for any characters", names.text);
}

static int print_all(struct sl_cli_history *history, const struct logs_options *options,
                     const struct sl_run_row *run, const char *path, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    const char *text = "", *became = NULL;
    size_t shown = 0;
    json_t *lines = NULL;
    struct sl_strs waits;
    bool is_all = options->level <= INFO && !options->since_us;
    SL_TRY(sl_cli_run_waits(history, run, &waits, err));
    SL_TRY(read_kept(history, options, run, path, &text, err));
    if (options->common.json) {
        lines = json_array();
        root = json_pack("{s:s, s:s, s:s, s:o, s:o}", "schema", "sluice.logs/1", "run_id", run->id,
                         "status", sl_run_status(run), "waits_for", sl_json_strs(&waits), "lines",
                         lines);
        SL_TRY_NEW(root, err);
    }
    SL_TRY(print_log(options, text, lines, &shown, err));
    became =
        waits.count ? sl_cli_waits_text(run, &waits, &history->arena) : what_became(run, shown);
    SL_TRY_NEW(became, err);
    SL_TRY(tell_chunks(history, run, &became, err));
    if (!shown && is_all && !sl_str_is_empty(options->step))
        return fail_step(options->step, run, text, became, err);
    if (lines)
        return sl_print_json(root, err);
    if (shown)
        tell_rest(options, run, became);
    else if (is_all)
        printf("run %.8s %s\n", run->id, became);
    else
        printf("run %.8s has no such lines\n", run->id);
    return SL_OK;
}

// --- as it stands

// It stands in the line as it is, if it is in it at all.
static bool is_plain(const char *step)
{
    for (; *step; step++)
        if (!isalnum((unsigned char)*step) && !strchr("_. -", *step))
            return false;
    return true;
}

// A line at a time: a log may be larger than memory. Most lines are of other steps, and to look for
// a name is a hundred times as fast as to read JSON. What cannot be written is told by who flushes.
static int copy_lines(const struct logs_options *options, FILE *file, size_t *ret_shown)
{
    const char *plain =
        !sl_str_is_empty(options->step) && is_plain(options->step) ? options->step : "";
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while (!ferror(stdout) && (length = getline(&line, &room, file)) > 0) {
        SL_AUTO(sl_json_free) json_t *json = NULL;
        if (line[length - 1] != '\n' || !strstr(line, plain) ||
            sl_json_parse(line, (size_t)length, "the log", &json, NULL) != SL_OK ||
            !is_of_step(json, options->step) || !is_of_time(json, options->since_us))
            continue;
        (*ret_shown)++;
        (void)fwrite(line, 1, (size_t)length, stdout);
    }
    int reason = ferror(stdout) || feof(file) ? 0 : errno; // also that there is no memory for it
    free(line);
    return reason;
}

// Of a log that is elsewhere: what the history has of it. NULL: there is none.
static int open_history(struct sl_cli_history *history, const struct logs_options *options,
                        const struct sl_run_row *run, FILE **ret, struct sl_err *err)
{
    const char *text = "";
    size_t count = 0;
    *ret = NULL;
    if (may_be_elsewhere(history, run))
        SL_TRY(read_history(history, run, &text, &count, err));
    if (!*text)
        return SL_OK;
    tell_elsewhere(options, run, AS_IN_HISTORY);
    *ret = fmemopen((char *)(uintptr_t)text, strlen(text), "re");
    return *ret ? SL_OK : sl_fail_memory(err);
}

static int print_lines(struct sl_cli_history *history, const struct logs_options *options,
                       const struct sl_run_row *run, const char *path, struct sl_err *err)
{
    FILE *file = fopen(path, "re");
    size_t shown = 0;
    if (!file && errno == ENOENT) {
        SL_TRY(open_history(history, options, run, &file, err));
        if (!file)
            return sl_fail(err, SL_E_SERVE_MISSING, "run %s has no log", run->id);
    }
    if (!file)
        return sl_fail_errno(err, errno, "cannot read %s", path);
    int reason = copy_lines(options, file, &shown);
    (void)fclose(file);
    if (reason)
        return sl_fail_errno(err, reason, "cannot read %s", path);
    if (!shown && !sl_str_is_empty(options->step))
        return sl_fail(err, SL_E_SERVE_MISSING, "the log of run %.8s says nothing of '%.200s'",
                       run->id, options->step);
    return SL_OK;
}

// --- as it grows

struct follower {
    struct sl_cli_history *history;
    const struct logs_options *options;
    struct sl_run_row run;
    char status[32]; // with which it ended; "": not yet
    struct sl_run_faults faults;
    bool has_told; // that it waits for a person
    const char *path;
    bool has_told_elsewhere;
};

static void print_json_line(const json_t *line)
{
    char *text = NULL;
    struct sl_err ignored = {0};
    if (sl_log_print(line, &text, &ignored) == SL_OK)
        puts(text);
    free(text);
}

static bool on_line(void *self, const char *text, size_t length)
{
    struct follower *follower = self;
    SL_AUTO(sl_json_free) json_t *line = NULL;
    if (sl_json_parse(text, length, "the log", &line, NULL) != SL_OK)
        return true; // half a line of a run that was killed
    const char *event = sl_json_text(line, "event", "end");
    bool is_end = sl_str_equal(event, "run_end");
    if (sl_str_equal(event, "end"))
        sl_run_add_fault(&follower->faults, sl_json_text(line, "status", ""),
                         sl_code_find(sl_json_text(json_object_get(line, "error"), "code", NULL)));
    if (is_end)
        snprintf(follower->status, sizeof follower->status, "%s",
                 sl_json_text(line, "status", "ok"));
    if (!is_wanted(line, follower->options))
        return !is_end;
    if (follower->options->common.json || follower->options->lines)
        print_json_line(line);
    else
        print_log_line(line, false);
    return !is_end;
}

static void tell_waits(struct follower *follower, const struct sl_run_row *run)
{
    struct sl_strs waits;
    struct sl_err ignored = {0};
    if (follower->has_told || sl_cli_run_waits(follower->history, run, &waits, &ignored) != SL_OK ||
        !waits.count)
        return;
    const char *text = sl_cli_waits_text(run, &waits, &follower->history->arena);
    follower->has_told = true;
    if (text)
        tell_rest(follower->options, run, text);
}

// Of what the log does not tell.
static void add_faults(struct follower *follower)
{
    struct sl_step_row *steps;
    struct sl_err ignored = {0};
    size_t count;
    if (sl_state_steps(follower->history->state, follower->run.id, &follower->history->arena,
                       &steps, &count, &ignored) != SL_OK)
        return;
    for (size_t i = 0; i < count; i++)
        sl_run_add_fault(&follower->faults, steps[i].status, sl_code_find(steps[i].code));
}

// Of one that is at work on another machine no line will come before it has ended.
static void look_elsewhere(struct follower *follower, const struct sl_run_row *run)
{
    char host[256] = "";
    struct sl_err ignored = {0};
    const char *text;
    size_t count = 0;
    if (follower->has_told_elsewhere || !may_be_elsewhere(follower->history, run) ||
        sl_fs_exists(follower->path))
        return;
    (void)gethostname(host, sizeof host - 1);
    // Where the machine is this one, it is in another folder as soon as a step has ended.
    if (sl_str_equal(run->host, host) &&
        (read_history(follower->history, run, &text, &count, &ignored) != SL_OK || !count))
        return;
    follower->has_told_elsewhere = true;
    tell_elsewhere(follower->options, run, ": its steps are printed here when it has ended");
}

// A run that was killed, or whose log could not be written to its end.
static bool has_ended(struct follower *follower)
{
    struct sl_run_row now;
    struct sl_err ignored = {0};
    if (sl_cli_find_run(follower->history, follower->run.id, true, &now, &ignored) != SL_OK)
        return false;
    const char *status = sl_run_status(&now);
    if (!now.ended_us && !sl_str_equal(status, "killed")) {
        look_elsewhere(follower, &now);
        return tell_waits(follower, &now), false;
    }
    snprintf(follower->status, sizeof follower->status, "%s", status);
    add_faults(follower);
    return true;
}

// Asked again and again, for as long as the run takes: what is read goes each time.
static bool is_over(void *self)
{
    struct follower *follower = self;
    const struct sl_arena kept = follower->history->arena;
    sl_arena_init(&follower->history->arena, 0);
    bool ret = has_ended(follower);
    sl_arena_clear(&follower->history->arena);
    follower->history->arena = kept;
    return ret;
}

// Of a run whose log is elsewhere: when it has ended, its steps as the history has them.
static int print_elsewhere(struct follower *follower, struct sl_err *err)
{
    struct sl_run_row run;
    const char *text = "";
    size_t count = 0;
    SL_TRY(sl_cli_find_run(follower->history, follower->run.id, true, &run, err));
    if (!may_be_elsewhere(follower->history, &run))
        return SL_OK;
    SL_TRY(read_history(follower->history, &run, &text, &count, err));
    if (!count)
        return SL_OK;
    if (!follower->has_told_elsewhere)
        tell_elsewhere(follower->options, &run, AS_IN_HISTORY);
    follower->faults = (struct sl_run_faults){0}; // its lines tell them
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
        (void)on_line(follower, text, strcspn(text, "\n"));
    return SL_OK;
}

static int follow(struct sl_cli_history *history, const struct logs_options *options,
                  const struct sl_run_row *run, const char *path, int *ret_exit, struct sl_err *err)
{
    struct follower follower = {.history = history, .options = options, .run = *run, .path = path};
    const struct sl_log_follow how = {
        .path = path, .on_line = on_line, .is_over = is_over, .self = &follower};
    SL_TRY(sl_log_follow(&how, err));
    if (!sl_fs_exists(path))
        SL_TRY(print_elsewhere(&follower, err));
    if (sl_str_equal(follower.status, "killed") && !options->common.is_quiet)
        sl_tell(&options->common, SL_LOG_WARN, "run %.8s was killed", run->id);
    *ret_exit = sl_run_exit_code_of(follower.status, &follower.faults);
    return SL_OK;
}

static int run_logs(const void *self, int *ret_exit, struct sl_err *err)
{
    struct logs_options options = *(const struct logs_options *)self;
    SL_AUTO(sl_cli_history_close) struct sl_cli_history history = {0};
    struct sl_run_row run;
    SL_TRY(read_since(&options, err));
    SL_TRY(sl_cli_history_open(&options.common, &history, err));
    bool with_waiting = options.follow || !sl_str_is_empty(options.run);
    SL_TRY(sl_cli_find_run(&history, options.run, with_waiting, &run, err));
    const char *path =
        sl_arena_printf(&history.arena, "%s/logs/%s.jsonl", history.project->state_folder, run.id);
    SL_TRY_NEW(path, err);
    if (options.lines && !options.follow)
        return print_lines(&history, &options, &run, path, err);
    return options.follow ? follow(&history, &options, &run, path, ret_exit, err)
                          : print_all(&history, &options, &run, path, err);
}

static const char *const examples[] = {"sluice logs", "sluice logs 3f2a 'clean.*'",
                                       "sluice logs -f 3f2a clean.orders", NULL};

const struct sl_command sl_command_logs = {
    .name = "logs",
    .summary = "Print the log of a run: one line for each step.",
    .details =
        "With --follow lines are printed as they come, also those of steps that are at work for "
        "longer "
        "than a moment and of attempts that failed, of\n"
        "`sluice run` in another terminal and of `sluice serve`. It ends with the run; the exit "
        "code is that of the run, as `sluice run`\n"
        "has it; one that was killed has failed. With --json each line is a JSON object of its own "
        "then: "
        "job_id, run_id, step, attempt,\n"
        "table, partition, rows (in, out, rejected), error (code, fate), level and event (begin, "
        "again, end, run_end).",
    .rows = logs_rows,
    .options_bytes = sizeof(struct logs_options),
    .examples = examples,
    .run = run_logs,
};
