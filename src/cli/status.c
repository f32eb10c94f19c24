// sluice status and sluice logs: what runs did.
#include "base/clock.h"
#include "base/fs.h"
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define LOG_MAX_BYTES ((size_t)1 << 30)

struct status_options {
    struct sl_common common;
    int64_t limit;
    const char *run;  // logs, status: id or its beginning
    const char *step; // logs
};

static const struct sl_opt status_rows[] = {
    {"run", SL_OPT_STRING, offsetof(struct status_options, run), NULL, "A run, by the beginning of its id: shows its steps.", SL_OPT_POSITIONAL, .placeholder = "RUN"},
    {"limit", SL_OPT_INT, offsetof(struct status_options, limit), "10", "How many runs to list.", 0, .letter = 'n', .placeholder = "N"},
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt logs_rows[] = {
    {"run", SL_OPT_STRING, offsetof(struct status_options, run), NULL, "The run, by the beginning of its id; the newest if not given.", SL_OPT_POSITIONAL, .placeholder = "RUN"},
    {"step", SL_OPT_STRING, offsetof(struct status_options, step), NULL, "Only this step or table.", SL_OPT_POSITIONAL, .placeholder = "STEP"},
    SL_COMMON_ROWS,
    {0},
};

struct history {
    struct sl_arena arena;
    struct sl_project *project;
    struct sl_state *state;
};

static void history_close(struct history *history)
{
    sl_state_close(&history->state);
    sl_project_free(&history->project);
    sl_arena_clear(&history->arena);
}

static int history_open(const struct sl_common *common, struct history *ret, struct sl_err *err)
{
    struct sl_project_options options = {.folder = common->folder, .environment = common->environment};
    const char *note;
    sl_arena_init(&ret->arena, 0);
    SL_TRY(sl_project_load(&options, &ret->project, err));
    SL_TRY(sl_state_open(ret->project->state_folder, &ret->arena, &ret->state, &note, err));
    if (note)
        fprintf(stderr, "warning: %s\n", note);
    return SL_OK;
}

// A run that says it is running but whose process is gone was killed.
static const char *status_of(const struct sl_run_row *run)
{
    bool is_gone = run->ended_us == 0 && kill((pid_t)run->pid, 0) != 0 && errno == ESRCH;
    return is_gone ? "killed" : run->status;
}

static int find_run(struct history *history, const char *id, struct sl_run_row *ret, struct sl_err *err)
{
    struct sl_run_row *runs;
    size_t count;
    SL_TRY(sl_state_runs(history->state, id, 2, &history->arena, &runs, &count, err));
    if (count == 0)
        return id ? sl_fail(err, SL_E_RUN_MISSING, "no run begins with '%s'", id)
                  : sl_fail(err, SL_E_RUN_MISSING, "nothing has been run yet");
    if (id && count > 1)
        return sl_fail(err, SL_E_RUN_MISSING, "more than one run begins with '%s'", id);
    *ret = runs[0];
    return SL_OK;
}

static json_t *run_json(const struct sl_run_row *run)
{
    char started[32];
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "run_id", run->id, "command", run->command,
                     "status", status_of(run), "started", sl_clock_format(run->started_us, started), "elapsed_ms",
                     (json_int_t)(run->ended_us ? (run->ended_us - run->started_us) / 1000 : -1), "ok", (json_int_t)run->ok,
                     "warn", (json_int_t)run->warn, "error", (json_int_t)run->error, "skipped", (json_int_t)run->skipped,
                     "quarantined", (json_int_t)run->quarantined);
}

static int print_runs_json(const struct sl_run_row *runs, size_t count, struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free) json_t *root = json_pack("{s:s, s:o}", "schema", "sluice.status/1", "runs", list);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, run_json(&runs[i])) != 0)
            return sl_fail_memory(err);
    return sl_print_json(root, err);
}

static int add_run(struct sl_grid *grid, const struct sl_run_row *run, struct sl_err *err)
{
    char texts[6][32];
    char id[9];
    snprintf(id, sizeof id, "%.8s", run->id);
    sl_clock_format(run->started_us, texts[0]);
    texts[0][19] = '\0'; // seconds are enough
    const char *cells[] = {id,
                           status_of(run),
                           run->command,
                           texts[0],
                           run->ended_us ? sl_str_elapsed((run->ended_us - run->started_us) / 1000, texts[1]) : "",
                           sl_str_count(run->ok, texts[2]),
                           sl_str_count(run->warn, texts[3]),
                           sl_str_count(run->error, texts[4]),
                           sl_str_count(run->quarantined, texts[5])};
    return sl_grid_row(grid, cells, err);
}

static int list_runs(struct history *history, const struct status_options *options, struct sl_err *err)
{
    struct sl_run_row *runs;
    size_t count;
    SL_TRY(sl_state_runs(history->state, NULL, (size_t)options->limit, &history->arena, &runs, &count, err));
    if (options->common.json)
        return print_runs_json(runs, count, err);
    if (!count) {
        puts("nothing has been run yet");
        return SL_OK;
    }
    struct sl_grid grid;
    sl_grid_init(&grid, &history->arena, 9, 0x1F0);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"run", "status", "command", "started", "elapsed", "ok", "warn", "error", "quarantined"}, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_run(&grid, &runs[i], err));
    sl_grid_print(&grid, stdout);
    return SL_OK;
}

static int show_run(struct history *history, const struct status_options *options, struct sl_err *err)
{
    struct sl_run_row run;
    struct sl_step_row *steps;
    size_t count;
    char texts[5][32];
    SL_TRY(find_run(history, options->run, &run, err));
    SL_TRY(sl_state_steps(history->state, run.id, &history->arena, &steps, &count, err));
    if (options->common.json) {
        json_t *root = run_json(&run), *list = json_array();
        SL_AUTO(sl_json_free) json_t *owned = root;
        SL_TRY_NEW(owned, err);
        if (json_object_set_new(root, "schema", json_string("sluice.status.run/1")) != 0 ||
            json_object_set_new(root, "steps", list) != 0)
            return sl_fail_memory(err);
        for (size_t i = 0; i < count; i++)
            if (json_array_append_new(list, json_loads(steps[i].details_json ? steps[i].details_json : "{}", 0, NULL)) != 0)
                return sl_fail_memory(err);
        return sl_print_json(root, err);
    }
    printf("run %s: %s\n\n", run.id, status_of(&run));
    struct sl_grid grid;
    sl_grid_init(&grid, &history->arena, 7, 0x3C);
    SL_TRY(sl_grid_row(&grid, (const char *const[]){"step", "status", "elapsed", "in", "out", "quarantined", ""}, err));
    for (size_t i = 0; i < count; i++) {
        const struct sl_step_row *step = &steps[i];
        const char *cells[] = {step->label,
                               step->status,
                               sl_str_elapsed((step->ended_us - step->started_us) / 1000, texts[0]),
                               step->has_balance ? sl_str_count(step->rows_in, texts[1]) : "",
                               step->has_balance ? sl_str_count(step->rows_out, texts[2]) : "",
                               step->has_balance ? sl_str_count(step->quarantined, texts[3]) : "",
                               step->message ? step->message : step->why};
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    sl_grid_print(&grid, stdout);
    return SL_OK;
}

static int run_status(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct status_options *options = self;
    SL_AUTO(history_close) struct history history = {0};
    (void)ret_exit;
    SL_TRY(history_open(&options->common, &history, err));
    return options->run ? show_run(&history, options, err) : list_runs(&history, options, err);
}

static bool is_wanted(const json_t *line, const char *step)
{
    return !step || sl_str_glob(step, sl_json_text(line, "step", "")) || sl_str_glob(step, sl_json_text(line, "table", ""));
}

static void print_log_line(const char *text, const json_t *line, bool json)
{
    if (json) {
        puts(text);
        return;
    }
    const json_t *error = json_object_get(line, "error"), *rows = json_object_get(line, "rows");
    printf("%s  %-8s %-32s", sl_json_text(line, "time", ""), sl_json_text(line, "status", ""), sl_json_text(line, "step", ""));
    if (rows)
        printf(" %lld in, %lld out, %lld quarantined", (long long)sl_json_int(rows, "in", 0), (long long)sl_json_int(rows, "out", 0),
               (long long)sl_json_int(rows, "quarantined", 0));
    if (error)
        printf(" %s: %s", sl_json_text(error, "code", ""), sl_json_text(error, "message", ""));
    putchar('\n');
}

// The log is JSON lines; --json prints them as they are, so that the output is JSON lines too.
static int run_logs(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct status_options *options = self;
    SL_AUTO(history_close) struct history history = {0};
    struct sl_run_row run;
    const char *text;
    size_t length;
    (void)ret_exit;
    SL_TRY(history_open(&options->common, &history, err));
    SL_TRY(find_run(&history, options->run, &run, err));
    const char *path = sl_arena_printf(&history.arena, "%s/logs/%s.jsonl", history.project->state_folder, run.id);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_read(path, LOG_MAX_BYTES, &history.arena, &text, &length, err));
    while (*text) {
        size_t width = strcspn(text, "\n");
        const char *line_text = sl_arena_strndup(&history.arena, text, width);
        SL_TRY_NEW(line_text, err);
        SL_AUTO(sl_json_free) json_t *line = NULL;
        SL_TRY(sl_json_parse(line_text, width, path, &line, err));
        if (is_wanted(line, options->step))
            print_log_line(line_text, line, options->common.json);
        text += width + (text[width] == '\n');
    }
    return SL_OK;
}

static const char *const status_examples[] = {"sluice status", "sluice status 3f2a --json", NULL};
static const char *const logs_examples[] = {"sluice logs", "sluice logs 3f2a 'clean.*'", NULL};

const struct sl_command sl_command_status = {
    .name = "status",
    .summary = "Show the last runs, or the steps of one.",
    .rows = status_rows,
    .options_bytes = sizeof(struct status_options),
    .examples = status_examples,
    .run = run_status,
};
const struct sl_command sl_command_logs = {
    .name = "logs",
    .summary = "Print the log of a run.",
    .rows = logs_rows,
    .options_bytes = sizeof(struct status_options),
    .examples = logs_examples,
    .run = run_logs,
};
