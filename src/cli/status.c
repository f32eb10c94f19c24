// sluice status: what runs did.
#include "base/clock.h"
#include "base/fs.h"
#include "cli/history.h"
#include "cli/status_quality.h"
#include "run/estimate.h"
#include "serve/client.h"

#include <errno.h>
#include <string.h>

struct status_options {
    struct sl_common common;
    int64_t limit;
    bool quality;
    const char *run; // id or its beginning
};

static const struct sl_opt status_rows[] = {
    {"run", SL_OPT_STRING, offsetof(struct status_options, run), NULL,
     "A run, by the beginning of its id: shows its steps.", SL_OPT_POSITIONAL,
     .placeholder = "RUN"},
    {"limit", SL_OPT_INT, offsetof(struct status_options, limit), "10",
     "Runs to list, those at work first and all of them; 0: all.", 0, .letter = 'n',
     .placeholder = "N"},
    {"quality", SL_OPT_BOOL, offsetof(struct status_options, quality), "false",
     "Instead of runs, show the quality of every table in five scores, and how old it is.", 0},
    SL_COMMON_ROWS,
    {0},
};

// A run that has not ended has no time and no counts.
static json_t *run_json(const struct sl_run_row *run)
{
    char started[32];
    bool has_ended = run->ended_us > 0;
    json_t *elapsed =
        has_ended ? json_integer((run->ended_us - run->started_us) / 1000) : json_null();
    json_t *counts =
        has_ended ? json_pack("{s:I, s:I, s:I, s:I, s:I}", "ok", (json_int_t)run->ok, "warn",
                              (json_int_t)run->warn, "error", (json_int_t)run->error, "skipped",
                              (json_int_t)run->skipped, "quarantined", (json_int_t)run->quarantined)
                  : json_null();
    return json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:s, s:o, s:o, s:o, s:o}", "run_id", run->id,
                     "command", run->command, "environment", run->environment, "pipeline",
                     run->pipeline, "status", sl_run_status(run), "started",
                     sl_clock_format(run->started_us, started), "elapsed_ms", elapsed, "counts",
                     counts, "cancelled_by", sl_json_string_or_null(run->cancelled_by),
                     "cancelled_at", sl_json_time(run->cancelled_us));
}

// Of the newest runs: what is long ago says nothing of how estimates are now.
#define RUNS_SCORED 10

static int score(struct sl_cli_history *history, const struct sl_run_row *runs, size_t count,
                 struct sl_estimate_score *ret, struct sl_err *err)
{
    return sl_estimate_score(history->state, runs, count < RUNS_SCORED ? count : RUNS_SCORED, ret,
                             err);
}

static json_t *factor_or_null(double factor)
{
    return factor > 0 ? json_real(factor) : json_null();
}

// Those that were asked for and have not begun, the oldest first.
struct waiting {
    struct sl_run_row *runs;
    size_t count;
    bool is_served;        // somebody may be there to begin them
    json_t *active;        // runs at work, as the service says; NULL: nobody said
    const char *held_back; // what it says that no run begins for; NULL: nothing
    int64_t max_runs;
};

static void clear_waiting(struct waiting *waiting)
{
    sl_json_free(&waiting->active);
}

// NULL: nobody answers.
static json_t *find_active(const struct sl_cli_history *history)
{
    struct sl_err ignored = {0};
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    if (sl_client_look(history->project->state_folder, "/api/v1/active", &answer, &ignored) !=
        SL_OK)
        return NULL;
    return json_incref(json_object_get(answer, "runs"));
}

static const json_t *active_of(const json_t *active, const char *run_id)
{
    for (size_t i = 0; i < json_array_size(active); i++)
        if (sl_str_equal(sl_json_text(json_array_get(active, i), "run_id", NULL), run_id))
            return json_array_get(active, i);
    return NULL;
}

static int ask_service(struct sl_cli_history *history, struct waiting *waiting, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *health = NULL;
    struct sl_err ignored = {0};
    waiting->active = find_active(history);
    if (!waiting->active ||
        sl_client_look(history->project->state_folder, "/healthz", &health, &ignored) != SL_OK)
        return SL_OK;
    const char *held_back = sl_json_text(health, "held_back", NULL);
    if (!held_back)
        return SL_OK;
    waiting->held_back = sl_arena_printf(&history->arena, "held back: %s", held_back);
    SL_TRY_NEW(waiting->held_back, err);
    return SL_OK;
}

static int find_waiting(struct sl_cli_history *history, struct waiting *ret, struct sl_err *err)
{
    const struct sl_run_filter filter = {.status = "queued"};
    const struct sl_state_place place = sl_project_state(history->project);
    const char *socket = sl_path_join(&history->arena, place.folder, "serve.sock");
    SL_TRY_NEW(socket, err);
    SL_TRY(sl_state_runs(history->state, &filter, &history->arena, &ret->runs, &ret->count, err));
    for (size_t i = 0; i < ret->count / 2; i++) {
        struct sl_run_row row = ret->runs[i];
        ret->runs[i] = ret->runs[ret->count - 1 - i];
        ret->runs[ret->count - 1 - i] = row;
    }
    ret->is_served = place.url || sl_fs_exists(socket); // of another machine's nothing is seen here
    ret->max_runs = history->project->max_runs;
    return ret->count && sl_fs_exists(socket) ? ask_service(history, ret, err) : SL_OK;
}

static bool is_of(const struct sl_run_row *row, const struct sl_run_row *other)
{
    return row->pipeline
               ? sl_str_equal(other->pipeline, row->pipeline)
               : sl_str_equal(row->command, "backfill") && sl_str_equal(other->command, "backfill");
}

// As the service has it, which has begun to plan what the history does not say so of.
static const char *why_by_service(const struct waiting *waiting, const struct sl_run_row *row)
{
    const bool is_backfill = sl_str_equal(row->command, "backfill");
    const char *pipeline = row->pipeline ? row->pipeline : is_backfill ? "(backfill)" : NULL;
    for (size_t i = 0; pipeline && i < json_array_size(waiting->active); i++)
        if (sl_str_equal(sl_json_text(json_array_get(waiting->active, i), "pipeline", NULL),
                         pipeline))
            return is_backfill ? "another backfill is at work" : "a run of its pipeline is at work";
    if ((int64_t)json_array_size(waiting->active) >= waiting->max_runs)
        return "as many runs are at work as `runs.max_runs` lets";
    return NULL;
}

// As far as the history and the service know; NULL: they do not.
static const char *why_it_waits(const struct waiting *waiting, const struct sl_run_row *row,
                                const struct sl_run_row *runs, size_t count)
{
    if (!waiting->is_served)
        return "no service is at work";
    if (active_of(waiting->active, row->id))
        return "it is being planned";
    if (waiting->held_back)
        return waiting->held_back;
    bool is_another = false;
    for (size_t i = 0; i < count; i++) {
        if (!sl_str_equal(sl_run_status(&runs[i]), "running"))
            continue;
        if (is_of(row, &runs[i]))
            return row->pipeline ? "a run of its pipeline is at work"
                                 : "another backfill is at work";
        is_another |= waiting->active && !active_of(waiting->active, runs[i].id);
    }
    const char *why = why_by_service(waiting, row);
    return why ? why : is_another ? "another program is at work on the project" : NULL;
}

static json_t *waiting_json(const struct waiting *waiting, const struct sl_run_row *runs,
                            size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < waiting->count; i++) {
        const struct sl_run_row *row = &waiting->runs[i];
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:o, s:o}", "run_id", row->id,
                            "command", row->command, "environment", row->environment, "pipeline",
                            row->pipeline, "trigger", row->trigger, "who", row->who, "since",
                            sl_json_time(row->started_us), "why",
                            sl_json_string_or_null(why_it_waits(waiting, row, runs, count))));
    }
    return list;
}

static int print_waiting(const struct waiting *waiting, const struct sl_run_row *runs, size_t count,
                         struct sl_arena *arena, struct sl_err *err)
{
    static const char *const head[] = {"waits", "pipeline", "trigger", "since", "why"};
    struct sl_grid grid;
    if (!waiting->count)
        return SL_OK;
    sl_grid_init(&grid, arena, 5, 0);
    SL_TRY(sl_grid_row(&grid, head, err));
    for (size_t i = 0; i < waiting->count; i++) {
        const struct sl_run_row *row = &waiting->runs[i];
        char id[9], since[32];
        snprintf(id, sizeof id, "%.8s", row->id);
        const char *why = why_it_waits(waiting, row, runs, count);
        const char *cells[] = {id, row->pipeline, row->trigger,
                               sl_time_text(row->started_us, since), why ? why : ""};
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    SL_TRY(sl_grid_print(&grid, stdout, err));
    return putchar('\n') == EOF ? sl_fail_errno(err, EIO, "standard output") : SL_OK;
}

// `unclaimed` NULL where nothing is to be said of workers; `waiting` is taken.
static int print_runs_json(const struct sl_run_row *runs, size_t count, json_t *waiting,
                           const char *unclaimed, const struct sl_estimate_score *estimates,
                           struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:o, s:o, s:{s:I, s:o, s:o}, s:o}", "schema", "sluice.status/1", "runs", list,
        "waiting", waiting, "estimates", "steps", (json_int_t)estimates->steps, "time_factor",
        factor_or_null(estimates->time_factor), "rows_factor",
        factor_or_null(estimates->rows_factor), "unclaimed", sl_json_string_or_null(unclaimed));
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, run_json(&runs[i])) != 0)
            return sl_fail_memory(err);
    return sl_print_json(root, err);
}

#define FAR_OFF 10 // so many times: the step is named
#define MOST_SHOWN 100

static const char *factor_text(double factor, char text[32])
{
    if (factor > MOST_SHOWN)
        (void)snprintf(text, 32, "more than x%d", MOST_SHOWN);
    else
        (void)snprintf(text, 32, "x%.1f", factor);
    return text;
}

// "estimates within x1.3 of the time and x1.0 of the rows read (median of 12 steps)", and which was
// furthest off.
static void print_score(const struct sl_estimate_score *estimates)
{
    char count[64], number[32], factor[32];
    if (!estimates->steps)
        return;
    printf("\nestimates within");
    if (estimates->time_factor > 0)
        printf(" %s of the time", factor_text(estimates->time_factor, factor));
    if (estimates->rows_factor > 0)
        printf("%s %s of the rows read", estimates->time_factor > 0 ? " and" : "",
               factor_text(estimates->rows_factor, factor));
    printf(" (median of %s)\n", sl_count_of((int64_t)estimates->steps, "step", count));
    if (estimates->worst_factor < FAR_OFF)
        return;
    printf("furthest off: run %.8s, ", estimates->worst_run);
    sl_put_plain(stdout, estimates->worst_step);
    printf(": %s estimated, %s read\n", sl_count_of(estimates->worst_estimated, "row", count),
           sl_str_count(estimates->worst_read, number));
}

static int add_run(struct sl_grid *grid, const struct sl_run_row *run, struct sl_err *err)
{
    char texts[7][32];
    char id[9];
    bool has_ended = run->ended_us > 0;
    snprintf(id, sizeof id, "%.8s", run->id);
    const char *cells[] = {
        id,
        sl_run_status(run),
        run->command,
        run->environment,
        sl_time_text(run->started_us, texts[0]),
        has_ended ? sl_str_elapsed((run->ended_us - run->started_us) / 1000, texts[1]) : "",
        has_ended ? sl_str_count(run->ok, texts[2]) : "",
        has_ended ? sl_str_count(run->warn, texts[3]) : "",
        has_ended ? sl_str_count(run->error, texts[4]) : "",
        has_ended ? sl_str_count(run->skipped, texts[5]) : "",
        has_ended ? sl_str_count(run->quarantined, texts[6]) : ""};
    return sl_grid_row(grid, cells, err);
}

// What is at work or waits for a person comes first, whatever the limit: ticks that did nothing
// would hide it. The newest others follow.
static int find_listed(struct sl_cli_history *history, size_t limit, struct sl_run_row **ret,
                       size_t *ret_count, struct sl_err *err)
{
    const struct sl_run_filter newest = {.limit = limit}, begun = {.status = "running"};
    struct sl_run_row *runs, *rows;
    size_t count, row_count, at_work = 0;
    SL_TRY(sl_state_runs(history->state, &begun, &history->arena, &runs, &count, err));
    SL_TRY(sl_state_runs(history->state, &newest, &history->arena, &rows, &row_count, err));
    struct sl_run_row *listed =
        SL_NEW_ARRAY(&history->arena, struct sl_run_row, count + row_count + 1);
    SL_TRY_NEW(listed, err);
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(sl_run_status(&runs[i]), "running"))
            listed[at_work++] = runs[i];
    *ret_count = at_work;
    for (size_t i = 0; i < row_count && (!limit || *ret_count < limit); i++) {
        size_t same = 0;
        while (same < at_work && !sl_str_equal(listed[same].id, rows[i].id))
            same++;
        if (same == at_work)
            listed[(*ret_count)++] = rows[i];
    }
    *ret = listed;
    return SL_OK;
}

static int list_runs(struct sl_cli_history *history, const struct status_options *options,
                     struct sl_err *err)
{
    struct sl_run_row *runs;
    size_t count;
    SL_TRY(find_listed(history, (size_t)options->limit, &runs, &count, err));
    struct sl_estimate_score estimates;
    const char *unclaimed;
    SL_TRY(score(history, runs, count, &estimates, err));
    SL_TRY(sl_cli_unclaimed(history->state, history->project, &history->arena, &unclaimed, err));
    SL_AUTO(clear_waiting) struct waiting waiting = {0};
    SL_TRY(find_waiting(history, &waiting, err));
    if (options->common.json)
        return print_runs_json(runs, count, waiting_json(&waiting, runs, count), unclaimed,
                               &estimates, err);
    SL_TRY(print_waiting(&waiting, runs, count, &history->arena, err));
    if (!count && waiting.count)
        return SL_OK;
    if (!count) {
        puts("nothing has been run yet");
        return SL_OK;
    }
    static const char *const head[] = {"run",     "status",  "command",    "env",
                                       "started", "elapsed", "ok",         "warn",
                                       "error",   "skipped", "quarantined"};
    struct sl_grid grid;
    sl_grid_init(&grid, &history->arena, 11, 0x7E0);
    SL_TRY(sl_grid_row(&grid, head, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_run(&grid, &runs[i], err));
    SL_TRY(sl_grid_print(&grid, stdout, err));
    print_score(&estimates);
    if (unclaimed)
        printf("\n%s\n", unclaimed);
    return SL_OK;
}

static int print_run_json(const struct sl_run_row *run, const struct sl_strs *waits,
                          const struct sl_backfill_trace *trace, const json_t *active,
                          const struct sl_step_row *steps, size_t count, struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:O?}", "schema", "sluice.status.run/1", "run",
                  run_json(run), "waits_for", sl_json_strs(waits), "steps", list, "backfill_id",
                  sl_json_string_or_null(*trace->id ? trace->id : NULL), "chunks_committed",
                  (json_int_t)trace->chunks, "active", active);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < count; i++) {
        const char *details = steps[i].details_json ? steps[i].details_json : "{}";
        json_t *step = NULL;
        SL_TRY(sl_json_parse(details, strlen(details), "the state store", &step, err));
        if (json_array_append_new(list, step) != 0 ||
            json_object_set_new(step, "machine", sl_json_string_or_null(steps[i].machine)) != 0)
            return sl_fail_memory(err);
    }
    return sl_print_json(root, err);
}

// What only the step's JSON tells.
struct step_details {
    int64_t replaced; // -1: not known
    int64_t set_aside;
    bool was_full;
    int64_t attempts;
};

static int read_details(const struct sl_step_row *step, struct step_details *ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    const char *text = step->details_json ? step->details_json : "{}";
    SL_TRY(sl_json_parse(text, strlen(text), "the state store", &root, err));
    ret->replaced = sl_json_int(json_object_get(root, "rows"), "replaced", -1);
    ret->set_aside = sl_json_int(json_object_get(root, "rows"), "set_aside_values", 0);
    ret->was_full = sl_json_bool(root, "was_full", false);
    ret->attempts = sl_json_int(root, "attempts", 0);
    return SL_OK;
}

// `host`: of the run.
static int add_step(struct sl_grid *grid, const struct sl_step_row *step, const char *host,
                    struct sl_arena *arena, struct sl_err *err)
{
    char texts[5][32], count[64];
    struct step_details details;
    SL_TRY(read_details(step, &details, err));
    const char *why = step->message ? step->message : step->why;
    if (details.was_full && details.replaced != 0 && why) // not built for the first time
        why = sl_arena_printf(arena, "whole: %s", why);
    if (details.set_aside && why)
        why = sl_arena_printf(arena, "%s; %s set aside", why,
                              sl_count_of(details.set_aside, "value", count));
    if (details.attempts > 1)
        why = sl_arena_printf(arena, "%s%sat attempt %lld", why ? why : "", why ? "; " : "",
                              (long long)details.attempts);
    if (step->machine && host && !sl_str_equal(step->machine, host))
        why = sl_arena_printf(arena, "%s%son '%s'", why ? why : "", why ? "; " : "", step->machine);
    const char *replaced = details.replaced < 0 ? "?" : sl_str_count(details.replaced, texts[4]);
    const char *cells[] = {step->label,
                           step->status,
                           sl_str_elapsed((step->ended_us - step->started_us) / 1000, texts[0]),
                           step->has_balance ? sl_str_count(step->rows_in, texts[1]) : "",
                           step->has_balance ? sl_str_count(step->rows_out, texts[2]) : "",
                           step->has_balance ? sl_str_count(step->quarantined, texts[3]) : "",
                           step->has_balance ? replaced : "",
                           why};
    return sl_grid_row(grid, cells, err);
}

static json_int_t steps_of(const json_t *active, const char *which)
{
    return (json_int_t)sl_json_int(json_object_get(active, "steps"), which, 0);
}

// What the history does not have: a step is in it when it has ended.
static void print_active(const json_t *active)
{
    const json_t *running = json_object_get(active, "running");
    const json_int_t ended = steps_of(active, "ended");
    printf("steps: %lld ended, %lld at work, %lld wait\n", (long long)ended,
           (long long)steps_of(active, "running"), (long long)steps_of(active, "waiting"));
    for (size_t i = 0; i < json_array_size(running); i++) {
        const json_t *step = json_array_get(running, i);
        fputs("at work: ", stdout);
        sl_put_plain(stdout, sl_json_text(step, "step", ""));
        printf(", since %s\n", sl_json_text(step, "since", "just now"));
    }
}

static int show_run(struct sl_cli_history *history, const struct status_options *options,
                    struct sl_err *err)
{
    struct sl_run_row run;
    struct sl_step_row *steps;
    struct sl_strs waits;
    struct sl_backfill_trace trace;
    size_t count;
    char time[32], number[64];
    SL_TRY(sl_cli_find_run(history, options->run, true, &run, err));
    SL_TRY(sl_state_steps(history->state, run.id, &history->arena, &steps, &count, err));
    SL_TRY(sl_cli_run_waits(history, &run, &waits, err));
    SL_TRY(sl_cli_backfill_trace(history, &run, &trace, err));
    SL_AUTO(sl_json_free) json_t *all_active = run.ended_us ? NULL : find_active(history);
    const json_t *active = active_of(all_active, run.id);
    if (options->common.json)
        return print_run_json(&run, &waits, &trace, active, steps, count, err);
    printf("%s %s of %s: %s\n", run.command, run.id, sl_time_text(run.started_us, time),
           sl_run_status(&run));
    if (run.cancelled_by) {
        fputs("cancelled by ", stdout);
        sl_put_plain(stdout, run.cancelled_by);
        printf(" at %s\n", sl_time_text(run.cancelled_us, time));
    }
    if (trace.chunks)
        printf("backfill %s: %s committed by this run\n", trace.id,
               sl_count_of(trace.chunks, "chunk", number));
    if (active)
        print_active(active);
    if (waits.count) {
        const char *text = sl_cli_waits_text(&run, &waits, &history->arena);
        SL_TRY_NEW(text, err);
        fputs("it ", stdout);
        sl_put_plain(stdout, text);
        putchar('\n');
    }
    const char *unclaimed = NULL;
    if (!run.ended_us)
        SL_TRY(
            sl_cli_unclaimed(history->state, history->project, &history->arena, &unclaimed, err));
    if (unclaimed)
        printf("%s\n", unclaimed);
    struct sl_grid grid;
    sl_grid_init(&grid, &history->arena, 8, 0x7C);
    SL_TRY(sl_grid_row(&grid,
                       (const char *const[]){"step", "status", "elapsed", "in", "out",
                                             "quarantined", "replaced", ""},
                       err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_step(&grid, &steps[i], run.host, &history->arena, err));
    if (sl_grid_is_empty(&grid))
        return SL_OK;
    putchar('\n');
    return sl_grid_print(&grid, stdout, err);
}

static int run_status(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct status_options *options = self;
    SL_AUTO(sl_cli_history_close) struct sl_cli_history history = {0};
    (void)ret_exit;
    SL_TRY(sl_require_limit(options->limit, err));
    if (options->quality && options->run)
        return sl_fail(err, SL_E_USAGE, "--quality is about tables as they are, not about a run");
    if (options->quality)
        return sl_status_quality(&options->common, err);
    SL_TRY(sl_cli_history_open(&options->common, &history, err));
    return options->run ? show_run(&history, options, err) : list_runs(&history, options, err);
}

static const char *const status_examples[] = {"sluice status", "sluice status 3f2a --json",
                                              "sluice status --quality", NULL};

const struct sl_command sl_command_status = {
    .name = "status",
    .summary = "Show the last runs, the steps of one, or the quality of the tables.",
    .details =
        "--quality: a score is the mean of two shares, or the one there is: of all rows that "
        "the table is made of those that break\n"
        "no row rule of the dimension, and of its checks those that passed. Rows that were "
        "given up (`quarantine discard`) do not\n"
        "count. The age is that of the newest value that a freshness check saw, as of now.",
    .rows = status_rows,
    .options_bytes = sizeof(struct status_options),
    .examples = status_examples,
    .run = run_status,
};
