// sluice doctor: whether data gets in, gets built and gets out, and whether the machine is well.
#include "cli/doctor.h"

#include <string.h>

#define MOST_TASKS 20 // of a pipeline, in text

struct doctor_options {
    struct sl_common common;
    struct sl_strs pipelines, select, exclude;
    bool no_count;
};

static const struct sl_opt rows[] = {
    {"pipelines", SL_OPT_STRINGS, offsetof(struct doctor_options, pipelines), NULL,
     "Only these pipelines.", SL_OPT_POSITIONAL, .placeholder = "PIPELINE"},
    {"select", SL_OPT_STRINGS, offsetof(struct doctor_options, select), NULL,
     "Only these steps, as in `sluice run --select`.", SL_OPT_WORDS, .letter = 's',
     .placeholder = "SELECTOR"},
    {"exclude", SL_OPT_STRINGS, offsetof(struct doctor_options, exclude), NULL, "Not these steps.",
     SL_OPT_WORDS, .placeholder = "SELECTOR"},
    {"no_count", SL_OPT_BOOL, offsetof(struct doctor_options, no_count), "false",
     "Do not count the rows at targets, which may take long for large ones.", 0},
    SL_COMMON_ROWS,
    {0},
};

struct visit {
    const struct doctor_options *options;
    struct sl_world world;
    struct sl_state *state;
    struct sl_err state_err;
    const char *state_note;
    struct sl_health health;
    struct sl_machine machine;
};

static void visit_clear(struct visit *visit)
{
    sl_state_close(&visit->state);
    sl_world_close(&visit->world);
}

// A store that cannot be read is a finding: the tables say most of it without.
static int read_failures(struct visit *visit, struct sl_health_request *request, struct sl_err *err)
{
    const struct sl_state_place place = sl_project_state(visit->world.project);
    struct sl_arena *arena = &visit->world.arena;
    int code = sl_state_read(&place, arena, &visit->state, &visit->state_note, &visit->state_err);
    if (code == SL_OK)
        code = sl_health_recall(visit->state, visit->world.project->environment, arena, request,
                                &visit->state_err);
    if (code == SL_OK)
        code = sl_lake_recall(visit->world.project, visit->state, NULL, NULL, arena, &request->lake,
                              &visit->state_err);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK) {
        sl_state_close(&visit->state);
        request->lake = (struct sl_lake_memory){0};
    }
    return SL_OK;
}

static int look(struct visit *visit, struct sl_err *err)
{
    const struct doctor_options *options = visit->options;
    struct sl_world *world = &visit->world;
    const struct sl_pipeline *found;
    struct sl_health_request request = {.pipelines = options->pipelines,
                                        .select = options->select,
                                        .exclude = options->exclude,
                                        .counts = !options->no_count,
                                        .sizes = true};
    SL_TRY(sl_open_world(&options->common, world, err));
    for (size_t i = 0; i < options->pipelines.count; i++)
        SL_TRY(sl_find_pipeline(world->project, options->pipelines.items[i], &world->arena, &found,
                                err));
    SL_TRY(read_failures(visit, &request, err));
    SL_TRY(sl_health_look(world, &request, &visit->health, err));
    const struct sl_machine_of of = {.world = world,
                                     .health = &visit->health,
                                     .state = visit->state,
                                     .state_err = &visit->state_err,
                                     .state_note = visit->state_note};
    return sl_machine_look(&of, &visit->machine, err);
}

// --- text

static const char *state_text(const struct sl_health_part *part)
{
    return part->subject ? sl_health_name(part->said.state) : "-";
}

static int print_table(const struct visit *visit, struct sl_arena *arena, struct sl_err *err)
{
    const struct sl_health *health = &visit->health;
    struct sl_grid grid;
    sl_grid_init(&grid, arena, 4, 0);
    SL_TRY(sl_grid_row(
        &grid, (const char *const[]){"pipeline", "gets in", "gets built", "gets out"}, err));
    for (size_t i = 0; i < health->pipeline_count; i++) {
        const struct sl_health_pipeline *pipeline = &health->pipelines[i];
        const char *const cells[] = {pipeline->name, state_text(&pipeline->in),
                                     state_text(&pipeline->built), state_text(&pipeline->out)};
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    return sl_grid_print(&grid, stdout, err);
}

static void print_said(const char *indent, const char *subject, const struct sl_health_said *said,
                       int64_t others)
{
    static const enum sl_color colors[] = {SL_COLOR_GREEN, SL_COLOR_YELLOW, SL_COLOR_RED};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_addf(&text, "%s%s%-5s%s  ", indent, sl_color(stdout, colors[said->state]),
                sl_health_name(said->state), sl_color(stdout, SL_COLOR_NONE));
    sl_buf_addf(&text, "%s: ", subject);
    sl_add_plain(&text, said->text ? said->text : "", SIZE_MAX);
    if (others > 0 && said->state != SL_HEALTH_OK)
        sl_buf_addf(&text, " (and %lld more)", (long long)others);
    if (said->hint && said->state != SL_HEALTH_OK) {
        sl_buf_addf(&text, "\n%s       ", indent);
        sl_add_plain(&text, said->hint, SIZE_MAX);
    }
    sl_buf_add(&text, "\n");
    if (!text.has_failed)
        sl_print_masked(text.text, stdout);
}

static void print_part(const char *what, const struct sl_health_part *part)
{
    char subject[512];
    if (!part->subject)
        return;
    snprintf(subject, sizeof subject, "%-10s  %s", what, part->subject);
    print_said("  ", subject, &part->said, part->others);
}

// Of a program nobody else tells how it is: each has its line, but for the one that was told of.
static void print_tasks(const struct sl_health *health, const struct sl_health_pipeline *pipeline)
{
    size_t shown = 0;
    for (size_t i = 0; i < health->task_count && shown < MOST_TASKS; i++) {
        const struct sl_health_task *task = &health->tasks[i];
        char subject[512];
        if (!sl_strs_has(&pipeline->tasks, task->name))
            continue;
        shown++;
        if (sl_str_equal(task->name, pipeline->built.subject))
            continue;
        snprintf(subject, sizeof subject, "%-10s  %s", "", task->name);
        print_said("  ", subject, &task->said, 0);
    }
    if (pipeline->tasks.count > shown && !health->lake.text) // else there are none to show
        printf("         %-10s  and %zu more tasks: --json has them\n", "",
               pipeline->tasks.count - shown);
}

static int print_text(struct visit *visit, struct sl_err *err)
{
    const struct sl_health *health = &visit->health;
    if (health->lake.text) {
        print_said("", "lake", &health->lake, 0);
        puts("       tables, tasks and targets are not judged without it\n");
    }
    if (health->pipeline_count)
        SL_TRY(print_table(visit, &visit->world.arena, err));
    for (size_t i = 0; i < health->pipeline_count; i++) {
        const struct sl_health_pipeline *pipeline = &health->pipelines[i];
        printf("\n%s\n", pipeline->name);
        print_part("gets in", &pipeline->in);
        print_part("gets built", &pipeline->built);
        print_tasks(health, pipeline);
        print_part("gets out", &pipeline->out);
    }
    puts("\nthis machine");
    for (size_t i = 0; i < visit->machine.count; i++)
        if (!health->lake.text || strcmp(visit->machine.checks[i].name, "lake") != 0)
            print_said("  ", visit->machine.checks[i].name, &visit->machine.checks[i].said, 0);
    return SL_OK;
}

// --- JSON

static int print_json(const struct visit *visit, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = sl_health_json(&visit->health);
    json_t *list = json_array();
    enum sl_health_state state =
        visit->health.state > visit->machine.state ? visit->health.state : visit->machine.state;
    SL_TRY_NEW(root, err);
    if (json_object_set_new(root, "schema", json_string("sluice.doctor/1")) != 0 ||
        json_object_set_new(root, "state", json_string(sl_health_name(state))) != 0 ||
        json_object_set_new(root, "machine", list) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < visit->machine.count; i++) {
        const struct sl_machine_check *check = &visit->machine.checks[i];
        json_t *item =
            json_pack("{s:s, s:s, s:o, s:o}", "check", check->name, "state",
                      sl_health_name(check->said.state), "text", sl_json_string(check->said.text),
                      "hint", sl_json_string_or_null(check->said.hint));
        if (json_array_append_new(list, item) != 0)
            return sl_fail_memory(err);
    }
    return sl_print_json(root, err);
}

static int run_doctor(const void *self, int *ret_exit, struct sl_err *err)
{
    SL_AUTO(visit_clear) struct visit visit = {.options = self};
    SL_TRY(look(&visit, err));
    SL_TRY(visit.options->common.json ? print_json(&visit, err) : print_text(&visit, err));
    if (visit.health.state == SL_HEALTH_WRONG || visit.machine.state == SL_HEALTH_WRONG)
        *ret_exit = 1;
    return SL_OK;
}

static const char *const examples[] = {"sluice doctor", "sluice doctor nightly --json",
                                       "sluice doctor --select +daily_revenue", NULL};

const struct sl_command sl_command_doctor = {
    .name = "doctor",
    .summary = "Say for each pipeline whether data gets in, gets built and gets out, and how this "
               "machine is.",
    .details =
        "ok: all is as it should be. waits: there is something for the next run, and no "
        "limit of the project is missed.\n"
        "wrong: a source or target that cannot be reached, a step that failed or a task that "
        "was never run, a table that is older than its `freshness`, behind for\n"
        "longer than `alerts.when.lag`, or with more rejected rows than "
        "`alerts.when.quarantine_share`; a target that holds other rows than\n"
        "were delivered; a disk, store or service that does not work. Then the exit code is "
        "1. docs/health.md tells more.",
    .rows = rows,
    .options_bytes = sizeof(struct doctor_options),
    .examples = examples,
    .run = run_doctor,
};
