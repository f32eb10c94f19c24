// pipelines/*.yml
#include "spec/trigger.h"

#include <stdlib.h>
#include <string.h>

#include "schedule/schedule.h"

enum { MOST_RUNS = 1000, LONGEST_NAME = 63 };
#define MOST_SECONDS ((int64_t)366 * 86400)

static const char *const catch_ups[] = {"latest", "all", "none", NULL};
static const char *const overlaps[] = {"queue", "skip", "cancel_older", NULL};

// The struct as the rows fill it.
struct file {
    struct sl_pipeline pipeline;
    struct sl_opt_list when; // of sl_trigger_rows
};

const struct sl_opt sl_pipeline_rows[] = {
    {.name = "description",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, pipeline.description),
     .summary = "What the pipeline is for.",
     .example = "Nightly revenue"},
    {.name = "owner",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, pipeline.owner),
     .summary = "Who answers for it: a team or a mail address.",
     .example = "finance-data@shop.example"},
    {.name = "tags",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, pipeline.tags),
     .flags = SL_OPT_PLAIN,
     .summary = "Words to find it by.",
     .example = "[finance]"},
    {.name = "select",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, pipeline.select),
     .flags = SL_OPT_PLAIN,
     .summary = "Its steps, as in `sluice run --select`; all if nothing is said.",
     .example = "[+daily_revenue]"},
    {.name = "exclude",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, pipeline.exclude),
     .flags = SL_OPT_PLAIN,
     .summary = "Steps that are left out.",
     .example = "[tag:slow]"},
    {.name = "when",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct file, when),
     .summary = "What starts a run, each by itself; it is started by hand only if nothing is said.",
     .rows = sl_trigger_rows,
     .item_bytes = sizeof(struct sl_trigger_item),
     .example = "[{cron: \"0 3 * * *\", time_zone: Europe/Berlin}]"},
    {.name = "catch_up",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct file, pipeline.catch_up),
     .otherwise = "latest",
     .summary = "Of the times at which nobody served, which are made up for.",
     .values = catch_ups},
    {.name = "overlap",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct file, pipeline.overlap),
     .otherwise = "queue",
     .summary = "What becomes of a new run while `max_runs` of it are at work: it waits, is left "
                "out, or takes the place of the oldest.",
     .values = overlaps},
    {.name = "max_runs",
     .type = SL_OPT_INT,
     .offset = offsetof(struct file, pipeline.max_runs),
     .otherwise = "1",
     .summary = "Runs of it at once.",
     .example = "1"},
    {.name = "deadline",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct file, pipeline.deadline_s),
     .summary = "How long a run of it should take at most; there is an alert if it takes longer.",
     .example = "2h"},
    {.name = "full_refresh",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct file, pipeline.full_refresh),
     .otherwise = "false",
     .summary = "Whether its runs build everything anew, as `sluice run --full-refresh`."},
    {0},
};

const char *sl_catch_up_name(enum sl_catch_up catch_up)
{
    return catch_ups[catch_up];
}

const char *sl_overlap_name(enum sl_overlap overlap)
{
    return overlaps[overlap];
}

static void check_name(struct sl_load *load, const struct sl_load_file *file)
{
    const size_t length =
        strspn(file->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    if (length > 0 && file->name[length] == '\0' && length <= LONGEST_NAME && *file->name != '-')
        return;
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_INVALID,
            (struct sl_place){file->path, 1, 1},
            "letters, digits, underscores and hyphens, no hyphen first, at most 63 characters",
            "'%s' cannot be the name of a pipeline", file->name);
}

static void check_numbers(struct sl_load *load, const struct sl_yaml *node,
                          struct sl_pipeline *pipeline)
{
    struct sl_diags *diags = &load->project->diags;

    if (pipeline->max_runs < 1 || pipeline->max_runs > MOST_RUNS) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(node, "max_runs"), NULL,
                "'max_runs' must be from 1 to %d", MOST_RUNS);
        pipeline->max_runs = 1;
    }
    int64_t seconds;
    const struct sl_yaml *deadline = sl_yaml_get(node, "deadline");
    // What is no duration at all was told when it was read.
    if (sl_load_has(node, "deadline") && sl_str_to_duration(deadline->text, &seconds) &&
        (pipeline->deadline_s < 1 || pipeline->deadline_s > MOST_SECONDS)) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(node, "deadline"), NULL,
                "'deadline' must be from 1s to 366d");
        pipeline->deadline_s = 0;
    }
}

static int read_pipeline(struct sl_load *load, const struct sl_load_file *file,
                         struct sl_pipeline *ret, struct sl_err *err)
{
    struct file read = {0};
    struct sl_yaml *node;
    const char *what = sl_arena_printf(&load->project->arena, "pipeline '%s'", file->name);

    SL_TRY_NEW(what, err);
    check_name(load, file);
    SL_TRY(sl_load_yaml(load, file->path, &node, err));
    if (node)
        SL_TRY(sl_load_read(load, sl_pipeline_rows, node, what, &read, err));
    else
        SL_TRY(sl_opt_defaults(sl_pipeline_rows, &read, &load->project->arena, err));
    *ret = read.pipeline;
    ret->name = file->name;
    ret->file = file->path;
    ret->node = node;
    if (!ret->owner)
        ret->owner = load->defaults.owner;
    check_numbers(load, node, ret);
    return sl_triggers_read(load, &read.when, ret, err);
}

// The one of a project that has no files of pipelines.
static int add_implicit(struct sl_load *load, struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct file read = {0};

    SL_TRY(sl_opt_defaults(sl_pipeline_rows, &read, &project->arena, err));
    project->pipelines = SL_NEW(&project->arena, struct sl_pipeline);
    SL_TRY_NEW(project->pipelines, err);
    *project->pipelines = read.pipeline;
    project->pipelines->name = project->name;
    project->pipelines->file = SL_PROJECT_FILE;
    project->pipelines->description = project->description;
    project->pipelines->owner = load->defaults.owner;
    project->pipeline_count = 1;
    return SL_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct sl_pipeline *)a)->name, ((const struct sl_pipeline *)b)->name);
}

static void check_names_differ(struct sl_load *load)
{
    const struct sl_project *project = load->project;

    for (size_t i = 1; i < project->pipeline_count; i++) {
        const struct sl_pipeline *one = &project->pipelines[i - 1], *other = one + 1;

        if (strcmp(one->name, other->name) == 0)
            sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE,
                    (struct sl_place){other->file, 1, 1},
                    "names are file names without folder and ending: rename one of the two files",
                    "the name '%s' is taken by '%s'", other->name, one->file);
    }
}

int sl_pipelines_read(struct sl_load *load, struct sl_err *err)
{
    static const char *const endings[] = {".yml", ".yaml", NULL};
    struct sl_project *project = load->project;
    struct sl_load_file *files;
    size_t count;

    SL_TRY(sl_load_find(load, "pipelines", endings, &files, &count, err));
    if (count == 0)
        return add_implicit(load, err);
    project->pipelines = SL_NEW_ARRAY(&project->arena, struct sl_pipeline, count);
    SL_TRY_NEW(project->pipelines, err);
    for (size_t i = 0; i < count; i++) {
        project->pipeline_count++; // what is half read has to be cleared as well
        SL_TRY(read_pipeline(load, &files[i], &project->pipelines[i], err));
    }
    qsort(project->pipelines, count, sizeof *project->pipelines, compare_names);
    check_names_differ(load);
    return SL_OK;
}

void sl_pipelines_clear(struct sl_project *project)
{
    for (size_t i = 0; i < project->pipeline_count; i++)
        for (size_t k = 0; k < project->pipelines[i].trigger_count; k++) {
            const struct sl_schedule *schedule = project->pipelines[i].triggers[k].schedule;
            sl_schedule_clear((struct sl_schedule *)(uintptr_t)schedule);
        }
}

const struct sl_pipeline *sl_project_pipeline(const struct sl_project *project, const char *name)
{
    const struct sl_pipeline wanted = {.name = name};

    return project->pipeline_count ? bsearch(&wanted, project->pipelines, project->pipeline_count,
                                             sizeof *project->pipelines, compare_names)
                                   : NULL;
}
