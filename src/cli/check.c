// sluice check: everything that is wrong with a project, in one pass.
#include "api/check.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "plan/pipelines.h"
#include "run/lineage.h"
#include "run/testing.h"
#include "run/versions.h"

struct check_options {
    struct sl_common common;
    bool strict;
    struct sl_strs may_break;
};

static const struct sl_opt check_rows[] = {
    {"strict", SL_OPT_BOOL, offsetof(struct check_options, strict), "false",
     "Treat warnings as errors.", 0},
    SL_ALLOW_BREAKING_ROW(struct check_options),
    SL_COMMON_ROWS,
    {0},
};

static int compile(struct sl_world *world, const struct sl_yaml *list, struct sl_err *err)
{
    struct sl_check *checks;
    size_t count;
    return sl_checks_compile(list, &world->arena, &world->project->diags, &checks, &count, err);
}

static int check_checks(struct sl_world *world, struct sl_err *err)
{
    const struct sl_project *project = world->project;
    for (size_t i = 0; i < project->model_count; i++)
        SL_TRY(compile(world, project->models[i].checks, err));
    for (size_t i = 0; i < project->contract_count; i++)
        for (size_t k = 0; k < project->contracts[i]->table_count; k++)
            SL_TRY(compile(world, project->contracts[i]->tables[k].checks, err));
    return SL_OK;
}

static void print_summary(const struct sl_project *project, bool with_unread)
{
    const struct sl_diags *diags = &project->diags;
    char texts[7][64];
    for (size_t i = 0; i < project->contract_count && with_unread; i++)
        for (size_t k = 0; k < project->contracts[i]->unread.count; k++)
            printf("%s: '%s' is kept but not used\n", project->contracts[i]->file,
                   project->contracts[i]->unread.items[k]);
    printf("%s, %s, %s, %s%s%s: %s, %s\n",
           sl_count_of((int64_t)project->source_count, "source", texts[0]),
           sl_count_of((int64_t)project->contract_count, "contract", texts[1]),
           sl_count_of((int64_t)(project->model_count - project->output_count), "model", texts[2]),
           sl_count_of((int64_t)project->target_count, "target", texts[3]),
           project->task_count ? ", " : "",
           project->task_count ? sl_count_of((int64_t)project->task_count, "task", texts[6]) : "",
           sl_count_of((int64_t)diags->error_count, "error", texts[4]),
           sl_count_of((int64_t)diags->warning_count, "warning", texts[5]));
}

static int print_json(const struct sl_project *project, const struct sl_notes *notes, int exit_code,
                      struct sl_err *err)
{
    const struct sl_diags *diags = &project->diags;
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:i, s:s?, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I}}", "schema", "sluice.check/1",
        "exit_code", exit_code, "project", project->name, "counts", "sources",
        (json_int_t)project->source_count, "contracts", (json_int_t)project->contract_count,
        "models", (json_int_t)(project->model_count - project->output_count), "targets",
        (json_int_t)project->target_count, "tasks", (json_int_t)project->task_count, "errors",
        (json_int_t)diags->error_count, "warnings", (json_int_t)diags->warning_count);
    SL_TRY_NEW(root, err);
    SL_TRY(sl_diags_json(diags, root, err));
    if (json_object_set_new(root, "notes", sl_notes_json(notes)) != 0)
        return sl_fail_memory(err);
    return sl_print_json(root, err);
}

// Lineage is asked for only where it can matter.
static int bind_and_check(struct sl_world *world, const struct sl_strs *may_break,
                          struct sl_err *err)
{
    struct sl_diags *diags = &world->project->diags;
    SL_AUTO(sl_lineage_clear) struct sl_lineage lineage = {0};
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    bool is_personal;
    SL_TRY(sl_world_check_once_protected(world, false, diags, err));
    SL_TRY(sl_world_check_left_unprotected(world, diags, err));
    SL_TRY(sl_world_is_personal(world, &is_personal, err));
    if (!is_personal) {
        SL_TRY(sl_world_bind(world, &catalog, err));
        SL_TRY(sl_world_check_promises(world, &catalog, may_break, false, diags, err));
        return sl_world_check(world, &catalog, err);
    }
    SL_TRY(sl_lineage_read(world, &lineage, err));
    SL_TRY(sl_world_check_promises(world, &lineage.catalog, may_break, false, diags, err));
    SL_TRY(sl_world_check(world, &lineage.catalog, err));
    return sl_lineage_check_personal(&lineage, err);
}

// Readers of what is past its last day are findings like any other; the rest is told beside them.
static int check_deprecated(struct sl_world *world, struct sl_notes *ret, struct sl_err *err)
{
    struct sl_notes found = {0};
    bool is_error = world->project->deprecated_level == SL_LEVEL_ERROR;
    SL_TRY(sl_world_deprecated(world, sl_clock_now_us(), &found, err));
    for (size_t i = 0; i < found.count; i++) {
        const struct sl_note *note = &found.items[i];
        if (note->is_warning)
            sl_diag(&world->project->diags, is_error ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING,
                    SL_E_VERSION_DEPRECATED, note->place, note->hint, "%s", note->text);
        else if (!SL_PUSH(&world->arena, ret->items, ret->count, *note))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int run_check(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct check_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_test_suite suite;
    struct sl_notes notes = {0};
    struct sl_world_options world_options = {.folder = options->common.folder,
                                             .environment = options->common.environment,
                                             .overrides = options->common.settings,
                                             .resolve_secrets = true};
    SL_TRY(sl_world_open(&world_options, &world, err));
    sl_keep_project(options->common.cli, world.project);
    sl_project_check_requirements(world.project);
    SL_TRY(check_checks(&world, err));
    if (!world.project->diags.error_count)
        SL_TRY(
            sl_pipelines_check(world.project, &world.graph, sl_clock_now_us(), &world.arena, err));
    if (!world.project->diags.error_count)
        SL_TRY(sl_world_require_versions(&world, &options->may_break, err));
    SL_TRY(bind_and_check(&world, &options->may_break, err));
    SL_TRY(check_deprecated(&world, &notes, err));
    SL_TRY(sl_test_suite_load(&world, &suite, err));
    struct sl_diags *diags = &world.project->diags;
    bool is_bad = diags->error_count || (options->strict && diags->warning_count);
    *ret_exit = is_bad ? 1 : 0;
    sl_diags_sort(diags);
    if (!options->common.json || options->common.log_format == SL_LOG_JSON)
        sl_print_diags(options->common.cli, diags, !options->common.is_quiet);
    if (options->common.json)
        return print_json(world.project, &notes, *ret_exit, err);
    sl_tell_notes(&options->common, &notes);
    print_summary(world.project, options->common.is_verbose);
    return SL_OK;
}

static const char *const examples[] = {"sluice check", "sluice check --strict --json", NULL};

const struct sl_command sl_command_check = {
    .name = "check",
    .summary = "Find every mistake in the project, without running anything.",
    .details = "Reads all files, compiles the contracts, parses every model and binds it to the "
               "columns of its inputs. What is missing\n"
               "of the requirements is reported at the level that checks.requirements sets.",
    .rows = check_rows,
    .options_bytes = sizeof(struct check_options),
    .examples = examples,
    .run = run_check,
};
