// sluice run, sluice retry, sluice apply: three ways to choose what one run does.
#include "base/fs.h"
#include "cli/alerts.h"
#include "cli/run_view.h"
#include "cli/telemetry.h"
#include "run/estimate.h"
#include "run/run_status.h"

#include <string.h>

#define PLAN_MAX_BYTES ((size_t)256 << 20)

struct run_options {
    struct sl_common common;
    struct sl_strs select, exclude, may_break, approve;
    int64_t threads;
    bool full_refresh, fail_fast, dry_run, yes;
    const char *plan; // apply
};

#define SELECTION_ROWS                                                                             \
    {"select",                                                                                     \
     SL_OPT_STRINGS,                                                                               \
     offsetof(struct run_options, select),                                                         \
     NULL,                                                                                         \
     "Steps to take, as in dbt: names, tag:, path:, source:, state:, result:, + and @; all words " \
     "up to the next option, with `--select=X` just X.",                                           \
     SL_OPT_WORDS,                                                                                 \
     .letter = 's',                                                                                \
     .placeholder = "SELECTOR"},                                                                   \
    {                                                                                              \
        "exclude", SL_OPT_STRINGS, offsetof(struct run_options, exclude), NULL,                    \
            "Steps to leave out.", SL_OPT_WORDS, .placeholder = "SELECTOR"                         \
    }
#define YES_ROW                                                                             \
    {                                                                                       \
        "yes", SL_OPT_BOOL, offsetof(struct run_options, yes), "false",                     \
            "With --full-refresh: also where it throws away the history of a snapshot.", 0, \
            .letter = 'y'                                                                   \
    }
#define APPROVE_ROW                                                                         \
    {                                                                                       \
        "approve", SL_OPT_STRINGS, offsetof(struct run_options, approve), NULL,             \
            "A table or target with `approval` whose steps may begin. May be repeated.", 0, \
            .placeholder = "NAME"                                                           \
    }
#define EXECUTION_ROWS                                                              \
    {"threads",                                                                     \
     SL_OPT_INT,                                                                    \
     offsetof(struct run_options, threads),                                         \
     "0",                                                                           \
     "Steps at once; 0: as sluice.yml says, else the number of cores.",             \
     0,                                                                             \
     .letter = 'j',                                                                 \
     .placeholder = "N"},                                                           \
    {                                                                               \
        "fail_fast", SL_OPT_BOOL, offsetof(struct run_options, fail_fast), "false", \
            "Start nothing new after the first error.", 0                           \
    }

static const struct sl_opt run_rows[] = {
    SELECTION_ROWS,
    {"full_refresh", SL_OPT_BOOL, offsetof(struct run_options, full_refresh), "false",
     "Build the selected steps anew from all of their input.", 0},
    {"dry_run", SL_OPT_BOOL, offsetof(struct run_options, dry_run), "false",
     "Only say what would be done (as `plan`).", 0},
    YES_ROW,
    SL_ALLOW_BREAKING_ROW(struct run_options),
    APPROVE_ROW,
    EXECUTION_ROWS,
    SL_COMMON_ROWS,
    {0},
};
static const struct sl_opt retry_rows[] = {
    APPROVE_ROW, SL_ALLOW_BREAKING_ROW(struct run_options), EXECUTION_ROWS, SL_COMMON_ROWS, {0}};
static const struct sl_opt apply_rows[] = {
    {"plan", SL_OPT_STRING, offsetof(struct run_options, plan), NULL,
     "File written by `sluice plan -o`.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .placeholder = "PLAN"},
    {"dry_run", SL_OPT_BOOL, offsetof(struct run_options, dry_run), "false",
     "Only say whether the plan still holds.", 0},
    YES_ROW,
    EXECUTION_ROWS,
    SL_COMMON_ROWS,
    {0},
};

static int require_threads(const struct run_options *options, struct sl_err *err)
{
    if (options->threads >= 0)
        return SL_OK;
    return sl_fail(err, SL_E_USAGE, "--threads is '%lld', expected 0 or more",
                   (long long)options->threads);
}

static int execute_run(const struct sl_common *common, struct sl_run_options options,
                       struct sl_world *world, struct sl_telling *telling, int *ret_exit,
                       struct sl_err *err)
{
    SL_AUTO(sl_run_view_clear) struct sl_run_view view = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_TRY(sl_publication_require(world->project, err));
    SL_TRY(sl_refuse_leaks(common, world, err));
    SL_TRY(sl_refuse_broken(common, world, options.may_break, err));
    SL_TRY(sl_refuse_unseen(common, world, err));
    sl_run_view_init(&view, common, world, &run);
    struct sl_listener listener = sl_run_view_listener(&view);
    sl_telling_open(telling, common, world, &run, options.command, &listener);
    options.listener = &telling->listener;
    options.refuses_leaks = true;
    int code = sl_run(world, &options, &run, err);
    sl_telling_end(telling, err);
    SL_TRY(code);
    sl_alerts_of_run(common, &run);
    SL_TRY(sl_run_view_end(&view, err));
    sl_plan_tell_vanished(common, world, true); // who ran has told it
    *ret_exit = sl_run_exit_code(&run);
    return SL_OK;
}

int sl_execute_run(const struct sl_common *common, struct sl_run_options options,
                   struct sl_world *world, int *ret_exit, struct sl_err *err)
{
    SL_AUTO(sl_telling_close) struct sl_telling telling = {0};
    int code = execute_run(common, options, world, &telling, ret_exit, err);
    if (code != SL_OK)
        sl_alerts_of_failure(common, world, err);
    // When all that the run came to is on the screen.
    sl_alerts_send(common, world->project);
    sl_telling_send(&telling);
    return code;
}

// The end of a run, retry or apply that had nothing to do.
// Where the state is on a server, runs at work elsewhere are not waited for: the lock is of this
// folder.
static void tell_others(const struct sl_common *common, struct sl_world *world)
{
    const struct sl_state_place place = sl_project_state(world->project);
    const char *environment = world->project->environment;
    const struct sl_run_filter filter = {
        .status = "running", .environment = environment ? environment : "", .limit = 100};
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    struct sl_err ignored = {0};
    struct sl_run_row *rows;
    const char *note;
    size_t count;
    if (!place.url || sl_state_read(&place, &world->arena, &state, &note, &ignored) != SL_OK ||
        sl_state_runs(state, &filter, &world->arena, &rows, &count, &ignored) != SL_OK)
        return;
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(sl_run_status(&rows[i]), "running"))
            sl_tell(common, SL_LOG_WARN,
                    "run %.8s is at work on machine '%s': this one does not wait for it",
                    rows[i].id, rows[i].host ? rows[i].host : "?");
}

static int end_nothing(const struct sl_common *common, struct sl_world *world, const char *why,
                       const struct sl_rest *rest, struct sl_err *err)
{
    tell_others(common, world);
    sl_alerts_of_nothing(common, world);
    SL_TRY(sl_run_view_nothing(common, world, why, rest, err));
    sl_alerts_send(common, world->project);
    return SL_OK;
}

// Before anything is done, not after half of it.
static int require_yes(const struct run_options *options, const struct sl_world *world,
                       struct sl_err *err)
{
    if (!options->full_refresh || options->yes)
        return SL_OK;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (!node->is_selected || node->kind != SL_NODE_MODEL || node->facts.version < 0 ||
            node->model->write != SL_WRITE_SNAPSHOT)
            continue;
        (void)sl_fail(err, SL_E_USAGE,
                      "--full-refresh would throw away the history that %s holds, and nothing can "
                      "bring back what its inputs no longer tell",
                      node->name);
        return sl_err_hint(err,
                           "--yes if it may go; `--exclude %s` builds the others anew without it",
                           node->bare);
    }
    return SL_OK;
}

static int execute(const struct run_options *options, const char *command, struct sl_world *world,
                   int *ret_exit, struct sl_err *err)
{
    struct sl_run_options run_options = {
        .command = command,
        .concurrency = options->threads,
        .full_refresh = options->full_refresh,
        .loses_history = options->yes,
        .may_break = &options->may_break,
        .approved = &options->approve,
        .fail_fast = options->fail_fast,
    };
    SL_TRY(require_yes(options, world, err));
    SL_TRY(sl_world_estimate(world, options->full_refresh, NULL, NULL, err));
    return sl_execute_run(&options->common, run_options, world, ret_exit, err);
}

static bool has_work(const struct sl_world *world)
{
    return sl_plan_count(&world->graph, SL_VERDICT_STALE) +
               sl_plan_count(&world->graph, SL_VERDICT_AFTER) >
           0;
}

static int run_run(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct run_options *options = self;
    struct sl_selection_options selection = {.select = options->select,
                                             .exclude = options->exclude,
                                             .full_refresh = options->full_refresh,
                                             .will_run = !options->dry_run};
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_rest rest;
    SL_TRY(require_threads(options, err));
    SL_TRY(sl_prepare_plan(&options->common, &selection, &world, err));
    SL_TRY(sl_publication_require(world.project, err));
    if (options->dry_run) {
        SL_AUTO(sl_diags_clear) struct sl_diags unbound = SL_DIAGS_INIT;
        struct sl_plan_view view = {.full_refresh = options->full_refresh,
                                    .may_break = &options->may_break,
                                    .unbound = &unbound};
        SL_TRY(sl_world_find_unbound(&world, SL_BOUND_DUE, &unbound, err));
        sl_diags_sort(&unbound);
        SL_TRY(sl_world_find_missing(&world, options->full_refresh, err));
        SL_TRY(sl_plan_show(&options->common, &world, &view, err));
        sl_plan_tell_vanished(&options->common, &world, false);
        return sl_plan_refuse(&options->common, &world, &unbound, ret_exit, err);
    }
    if (has_work(&world))
        return execute(options, "run", &world, ret_exit, err);
    SL_TRY(sl_refuse_leaks(&options->common, &world, err));
    SL_TRY(sl_refuse_broken(&options->common, &world, &options->may_break, err));
    SL_TRY(sl_refuse_unseen(&options->common, &world, err));
    SL_TRY(sl_world_publish_rest(&world, "run", &rest, err));
    sl_plan_tell_vanished(&options->common, &world, true);
    return end_nothing(&options->common, &world, "nothing to do: every table is up to date", &rest,
                       err);
}

// What is missing: stale, and failed, skipped, killed or never tried; and what depends on it.
static int run_retry(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct run_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_rest rest;
    SL_TRY(require_threads(options, err));
    SL_TRY(sl_open_world_to_run(&options->common, &world, err));
    SL_TRY(sl_publication_require(world.project, err));
    struct sl_err trouble = {0};
    if (sl_world_recall(&world, &trouble) != SL_OK) // then everything that is stale is missing
        sl_tell(&options->common, SL_LOG_WARN, "history cannot be read: %s", trouble.message);
    SL_TRY(sl_world_gather(&world, false, err));
    SL_TRY(sl_plan_decide_missing(&world.graph, &world.arena, err));
    if (has_work(&world))
        return execute(options, "retry", &world, ret_exit, err);
    SL_TRY(sl_refuse_leaks(&options->common, &world, err));
    SL_TRY(sl_refuse_broken(&options->common, &world, &options->may_break, err));
    SL_TRY(sl_refuse_unseen(&options->common, &world, err));
    SL_TRY(sl_world_publish_rest(&world, "retry", &rest, err));
    return end_nothing(&options->common, &world,
                       "nothing to retry: the last run of every step went well", &rest, err);
}

static int select_planned(const json_t *plan, struct sl_world *world, struct sl_err *err)
{
    size_t i;
    json_t *item;
    for (size_t n = 0; n < world->graph.count; n++)
        world->graph.nodes[n].is_selected = false;
    json_array_foreach (json_object_get(plan, "nodes"), i, item) {
        const char *name = sl_json_text(item, "name", "");
        struct sl_node *node = sl_graph_node(&world->graph, name);
        if (!node)
            return sl_fail(err, SL_E_PLAN_CHANGED,
                           "the plan has '%s', which the project has no more", name);
        node->is_selected = true;
    }
    return SL_OK;
}

static int read_may_break(const json_t *plan, struct sl_arena *arena, struct sl_strs *ret,
                          struct sl_err *err)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(plan, "allow_breaking"), i, item) {
        const char *name = sl_arena_strdup(arena, json_string_value(item));
        if (name)
            SL_TRY(sl_strs_add(ret, arena, name, err));
    }
    return SL_OK;
}

// One that came over HTTP, or by a pipe, has no file.
static int hint_new_plan(const char *file, struct sl_err *err)
{
    if (sl_str_starts(file, "/dev/fd/"))
        return sl_err_hint(err, "make a new one: `sluice plan -o FILE`, GET /api/v1/plan");
    return sl_err_hint(err, "make a new one: `sluice plan -o %s`", file);
}

// A plan that is no JSON is as invalid as one that does not fit any more.
static int fail_unreadable(const char *file, struct sl_err *err)
{
    struct sl_err cause = *err;
    if (err->code != SL_E_JSON_SYNTAX)
        return err->code;
    sl_err_clear(err);
    (void)sl_fail(err, SL_E_PLAN_CHANGED, "this is no plan: %s", cause.message);
    (void)sl_err_at(err, cause.file, cause.line, cause.column);
    return hint_new_plan(file, err);
}

static int print_holds(const struct run_options *options, const json_t *plan, struct sl_err *err)
{
    if (options->common.json)
        return sl_print_json(plan, err);
    puts("the plan holds");
    return SL_OK;
}

static int run_apply(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct run_options *given = self;
    struct run_options options = *given;
    SL_AUTO(sl_json_free) json_t *stored = NULL;
    SL_AUTO(sl_json_free) json_t *now = NULL;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    const char *text;
    size_t length;
    SL_TRY(require_threads(given, err));
    SL_TRY(sl_open_world_to_run(&options.common, &world, err));
    SL_TRY(sl_publication_require(world.project, err));
    SL_TRY(sl_fs_read(options.plan, PLAN_MAX_BYTES, &world.arena, &text, &length, err));
    if (sl_json_parse(text, length, options.plan, &stored, err) != SL_OK)
        return fail_unreadable(options.plan, err);
    options.full_refresh = sl_json_bool(stored, "full_refresh", false);
    SL_TRY(read_may_break(stored, &world.arena, &options.may_break, err));
    SL_TRY(select_planned(stored, &world, err));
    SL_TRY(sl_world_gather(&world, false, err));
    SL_TRY(sl_plan_decide(&world.graph, options.full_refresh, &world.arena, err));
    SL_TRY(sl_plan_print(&world.graph, world.project, &now, err));
    if (sl_plan_compare(stored, now, err) != SL_OK)
        return hint_new_plan(options.plan, err);
    if (options.dry_run)
        return print_holds(&options, now, err);
    if (!has_work(&world))
        return end_nothing(&options.common, &world, "nothing to do: the plan is empty", NULL, err);
    return execute(&options, "apply", &world, ret_exit, err);
}

static const char *const run_examples[] = {
    "sluice run",
    "sluice run --select +daily_revenue",
    "sluice run --select tag:finance,state:modified+ +daily_revenue --exclude orders_archive",
    "sluice run --env prod --log-format json",
    NULL,
};
static const char *const retry_examples[] = {"sluice retry", NULL};
static const char *const apply_examples[] = {"sluice plan -o plan.json && sluice apply plan.json",
                                             NULL};

const struct sl_command sl_command_run = {
    .name = "run",
    .summary = "Do what is stale: ingest, cleanse, model, load.",
    .details =
        "Takes the steps in the order of their dependencies, several at a time. What is up "
        "to date is left alone. A failing\n"
        "step stops only what depends on it. Exit codes: 0 ok, 1 failed, 2 a mistake in "
        "Sluice, 3 a check failed,\n"
        "4 more rows rejected than allowed, 5 partial, 130 interrupted. Ctrl-C lets running "
        "steps end, twice\ninterrupts them (what does not listen is killed after 5 s), "
        "three times kills "
        "them. A step whose worker process\nis ended by a signal is tried once more, and one whose "
        "error may pass by itself as often as `retry` says, after\na wait that Ctrl-C "
        "ends.",
    .rows = run_rows,
    .options_bytes = sizeof(struct run_options),
    .examples = run_examples,
    .run = run_run,
};
const struct sl_command sl_command_retry = {
    .name = "retry",
    .summary =
        "Do what is missing after a failure: what failed, was skipped or killed, or was never "
        "done.",
    .rows = retry_rows,
    .options_bytes = sizeof(struct run_options),
    .examples = retry_examples,
    .run = run_retry,
};
const struct sl_command sl_command_apply = {
    .name = "apply",
    .summary = "Run a stored plan, if the world is still as it was (exit code 6 if not).",
    .rows = apply_rows,
    .options_bytes = sizeof(struct run_options),
    .examples = apply_examples,
    .run = run_apply,
};
