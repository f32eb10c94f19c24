// sluice pipelines: the pipelines of a project, when they run, and how the last run went.
#include "serve/pipelines.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "schedule/schedule.h"

#include <string.h>

struct pipelines_options {
    struct sl_common common;
    const char *name;
};

static const struct sl_opt rows[] = {
    {"name", SL_OPT_STRING, offsetof(struct pipelines_options, name), NULL,
     "A pipeline: all that is known of it.", SL_OPT_POSITIONAL, .placeholder = "NAME"},
    SL_COMMON_ROWS,
    {0},
};

// What the command works on.
struct view {
    struct sl_arena arena;
    struct sl_project *project;
    struct sl_state *state;
    struct sl_pause *pauses;
    size_t pause_count;
    int64_t now_us;
};

static void view_close(struct view *view)
{
    sl_state_close(&view->state);
    sl_project_free(&view->project);
    sl_arena_clear(&view->arena);
}

static int view_open(const struct sl_common *common, struct view *ret, struct sl_err *err)
{
    const struct sl_project_options options = {.folder = common->folder,
                                               .environment = common->environment,
                                               .overrides = common->settings,
                                               .resolve_secrets = true};
    const char *note;

    sl_arena_init(&ret->arena, 0);
    ret->now_us = sl_clock_now_us();
    SL_TRY(sl_project_load(&options, &ret->project, err));
    sl_note_project(common, ret->project);
    const struct sl_state_place place = sl_project_state(ret->project);
    SL_TRY(sl_state_read(&place, &ret->arena, &ret->state, &note, err));
    if (note)
        sl_tell(common, SL_LOG_WARN, "%s", note);
    return sl_state_pauses(ret->state, &ret->arena, &ret->pauses, &ret->pause_count, err);
}

static int find_state(struct view *view, const struct sl_pipeline *pipeline,
                      struct sl_pipeline_state *ret, struct sl_err *err)
{
    // Of a project without files of pipelines every run is one of it.
    const struct sl_run_filter filter = {.pipeline = pipeline->node ? pipeline->name : NULL,
                                         .limit = 1};
    struct sl_run_row *runs;
    size_t count;

    *ret = (struct sl_pipeline_state){0};
    SL_TRY(sl_state_runs(view->state, &filter, &view->arena, &runs, &count, err));
    if (count)
        ret->last_run = &runs[0];
    for (size_t i = 0; i < view->pause_count; i++)
        if (strcmp(view->pauses[i].pipeline, pipeline->name) == 0)
            ret->pause = &view->pauses[i];
    return SL_OK;
}

static const char *join(const struct sl_strs *list, const char *otherwise, struct sl_arena *arena)
{
    const char *text = NULL;

    for (size_t i = 0; i < list->count; i++) {
        text = sl_arena_printf(arena, "%s%s%s", text ? text : "", text ? ", " : "", list->items[i]);
        if (!text)
            return NULL;
    }
    return text ? text : otherwise;
}

static const char *join_triggers(const struct sl_pipeline *pipeline, struct sl_arena *arena)
{
    const char *text = NULL;

    for (size_t i = 0; i < pipeline->trigger_count; i++) {
        const char *words = sl_trigger_words(&pipeline->triggers[i], arena);
        text = words ? sl_arena_printf(arena, "%s%s%s", text ? text : "", text ? "; " : "", words)
                     : NULL;
        if (!text)
            return NULL;
    }
    return text ? text : "by hand";
}

// In the time of the trigger's zone, so that it is what the file says.
static const char *next_text(const struct sl_pipeline *pipeline, int64_t now_us,
                             struct sl_arena *arena)
{
    const struct sl_trigger *trigger;
    char local[40];
    int64_t next_us;

    if (!sl_pipeline_next(pipeline, now_us, &next_us, &trigger))
        return "";
    return sl_arena_strdup(arena, sl_zone_format(&trigger->schedule->zone, next_us, local));
}

static const char *run_text(const struct sl_run_row *run, struct sl_arena *arena)
{
    char at[32];

    if (!run)
        return "";
    return sl_arena_printf(arena, "%s, %s", run->status, sl_time_text(run->started_us, at));
}

static int add_row(struct view *view, const struct sl_pipeline *pipeline, struct sl_grid *grid,
                   struct sl_err *err)
{
    struct sl_pipeline_state state;

    SL_TRY(find_state(view, pipeline, &state, err));
    const char *cells[] = {pipeline->name, pipeline->owner, join_triggers(pipeline, &view->arena),
                           state.pause ? "paused" : next_text(pipeline, view->now_us, &view->arena),
                           run_text(state.last_run, &view->arena)};
    for (size_t i = 2; i < sizeof cells / sizeof *cells; i++)
        SL_TRY_NEW(cells[i], err);
    return sl_grid_row(grid, cells, err);
}

static int print_list(struct view *view, struct sl_err *err)
{
    static const char *const head[] = {"name", "owner", "when", "next", "last run"};
    struct sl_grid grid;

    sl_grid_init(&grid, &view->arena, sizeof head / sizeof *head, 0);
    SL_TRY(sl_grid_row(&grid, head, err));
    for (size_t i = 0; i < view->project->pipeline_count; i++)
        SL_TRY(add_row(view, &view->project->pipelines[i], &grid, err));
    return sl_grid_print(&grid, stdout, err);
}

static int add_json(struct view *view, const struct sl_pipeline *pipeline, json_t *list,
                    struct sl_err *err)
{
    struct sl_pipeline_state state;
    json_t *item;

    SL_TRY(find_state(view, pipeline, &state, err));
    SL_TRY(sl_pipeline_json(pipeline, &state, view->now_us, &item, err));
    return json_array_append_new(list, item) == 0 ? SL_OK : sl_fail_memory(err);
}

static int print_json(struct view *view, const struct sl_pipeline *only, struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:o}", "schema", "sluice.pipelines/1", "project",
                             view->project->name, "pipelines", list);

    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < view->project->pipeline_count; i++)
        if (!only || only == &view->project->pipelines[i])
            SL_TRY(add_json(view, &view->project->pipelines[i], list, err));
    return sl_print_json(root, err);
}

static int add_fact(struct sl_grid *grid, const char *what, const char *text, struct sl_err *err)
{
    SL_TRY_NEW(text, err);
    return *text ? sl_grid_row(grid, (const char *const[]){what, text}, err) : SL_OK;
}

static int add_pause(const struct sl_pause *pause, struct sl_grid *grid, struct sl_err *err)
{
    char at[32];

    return add_fact(grid, "paused",
                    sl_arena_printf(grid->arena, "since %s%s%s%s%s", sl_time_text(pause->at_us, at),
                                    pause->who ? " by " : "", pause->who ? pause->who : "",
                                    pause->why ? ": " : "", pause->why ? pause->why : ""),
                    err);
}

static int add_settings(const struct sl_pipeline *pipeline, struct sl_grid *grid,
                        struct sl_err *err)
{
    struct sl_arena *arena = grid->arena;
    char deadline[32];

    SL_TRY(add_fact(grid, "owner", pipeline->owner ? pipeline->owner : "", err));
    SL_TRY(add_fact(grid, "file", pipeline->file, err));
    SL_TRY(add_fact(grid, "tags", join(&pipeline->tags, "", arena), err));
    SL_TRY(add_fact(grid, "select", join(&pipeline->select, "everything", arena), err));
    SL_TRY(add_fact(grid, "exclude", join(&pipeline->exclude, "", arena), err));
    SL_TRY(add_fact(grid, "catch up", sl_catch_up_name((enum sl_catch_up)pipeline->catch_up), err));
    SL_TRY(add_fact(grid, "overlap", sl_overlap_name((enum sl_overlap)pipeline->overlap), err));
    SL_TRY(add_fact(grid, "runs at once",
                    sl_arena_printf(arena, "%lld", (long long)pipeline->max_runs), err));
    if (pipeline->deadline_s)
        SL_TRY(add_fact(
            grid, "deadline",
            sl_arena_strdup(arena, sl_str_elapsed(pipeline->deadline_s * 1000, deadline)), err));
    return pipeline->full_refresh ? add_fact(grid, "full refresh", "yes", err) : SL_OK;
}

static int print_one(struct view *view, const struct sl_pipeline *pipeline, struct sl_err *err)
{
    struct sl_arena *arena = &view->arena;
    struct sl_pipeline_state state;
    struct sl_grid grid;

    SL_TRY(find_state(view, pipeline, &state, err));
    sl_grid_init(&grid, arena, 2, 0);
    SL_TRY(sl_grid_row(
        &grid,
        (const char *const[]){pipeline->name, pipeline->description ? pipeline->description : ""},
        err));
    SL_TRY(add_settings(pipeline, &grid, err));
    for (size_t i = 0; i < pipeline->trigger_count; i++) {
        const struct sl_trigger *trigger = &pipeline->triggers[i];
        const char *words = sl_trigger_words(trigger, arena);
        char local[40] = "";
        int64_t next_us;

        SL_TRY_NEW(words, err);
        if (sl_trigger_next(trigger, view->now_us, &next_us))
            (void)sl_zone_format(&trigger->schedule->zone, next_us, local);
        SL_TRY(add_fact(&grid, "when",
                        sl_arena_printf(arena, "%s%s%s", words, *local ? ", next " : "", local),
                        err));
    }
    if (!pipeline->trigger_count)
        SL_TRY(add_fact(&grid, "when", "by hand", err));
    if (state.pause)
        SL_TRY(add_pause(state.pause, &grid, err));
    SL_TRY(add_fact(&grid, "last run", run_text(state.last_run, arena), err));
    return sl_grid_print(&grid, stdout, err);
}

int sl_find_pipeline(const struct sl_project *project, const char *name, struct sl_arena *arena,
                     const struct sl_pipeline **ret, struct sl_err *err)
{
    struct sl_strs names = {0};

    *ret = sl_project_pipeline(project, name);
    if (*ret)
        return SL_OK;
    for (size_t i = 0; i < project->pipeline_count; i++)
        SL_TRY(sl_strs_add(&names, arena, project->pipelines[i].name, err));
    const char *hint = sl_did_you_mean(arena, name, names.items, names.count);
    (void)sl_fail(err, SL_E_PIPELINE_MISSING, "there is no pipeline '%s'", name);
    return sl_err_hint(err, "%s", hint ? hint : "`sluice pipelines` lists them");
}

static int run_pipelines(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct pipelines_options *options = self;
    SL_AUTO(view_close) struct view view = {0};
    const struct sl_pipeline *only = NULL;

    (void)ret_exit;
    SL_TRY(view_open(&options->common, &view, err));
    if (!sl_str_is_empty(options->name))
        SL_TRY(sl_find_pipeline(view.project, options->name, &view.arena, &only, err));
    if (options->common.json)
        return print_json(&view, only, err);
    return only ? print_one(&view, only, err) : print_list(&view, err);
}

static const char *const examples[] = {"sluice pipelines", "sluice pipelines nightly",
                                       "sluice pipelines --json", NULL};

const struct sl_command sl_command_pipelines = {
    .name = "pipelines",
    .summary = "List the pipelines: owner, what starts them, next time, last run.",
    .details = "A pipeline is a file in pipelines/: a selection of steps, and what starts a run of "
               "them. A project without any has one of its own\n"
               "name that runs everything and is started by hand. Times are those of the "
               "schedule's time zone.",
    .rows = rows,
    .options_bytes = sizeof(struct pipelines_options),
    .examples = examples,
    .run = run_pipelines,
};
