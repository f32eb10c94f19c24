#include "cli/cli.h"
#include "run/lineage.h"
#include "run/versions.h"

const char *const sl_log_format_names[] = {"text", "json", NULL};
const struct sl_opt sl_common_rows[] = {SL_COMMON_ROWS, {0}};

size_t sl_own_row_count(const struct sl_opt *rows)
{
    size_t count = 0;
    while (rows[count].name && !sl_str_equal(rows[count].name, sl_common_rows[0].name))
        count++;
    return count;
}

void sl_keep_project(struct sl_cli *cli, const struct sl_project *project)
{
    cli->job_id = sl_arena_strdup(cli->arena, project->name ? project->name : "");
    cli->folder = sl_arena_strdup(cli->arena, project->folder);
    const char *const lakes[] = {project->lake_folder, project->read_lake,
                                 project->read_lake_behind};
    for (size_t i = 0; i < SL_MOST_LAKES; i++)
        cli->lakes.folders[i] = sl_arena_strdup(cli->arena, lakes[i]);
}

static int open_world(const struct sl_common *common, bool has_workers, struct sl_world *ret,
                      struct sl_err *err)
{
    struct sl_world_options options = {
        .folder = common->folder,
        .environment = common->environment,
        .overrides = common->settings,
        .resolve_secrets = true,
        .has_workers = has_workers,
    };
    SL_TRY(sl_world_open(&options, ret, err));
    sl_keep_project(common->cli, ret->project);
    int code = sl_world_require_valid(ret, err);
    if (code != SL_OK)
        sl_report(common->cli, err, &ret->project->diags);
    return code;
}

int sl_open_world(const struct sl_common *common, struct sl_world *ret, struct sl_err *err)
{
    return open_world(common, false, ret, err);
}

int sl_open_world_to_run(const struct sl_common *common, struct sl_world *ret, struct sl_err *err)
{
    return open_world(common, true, ret, err);
}

int sl_refuse_leaks(const struct sl_common *common, struct sl_world *world, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    int code = sl_world_refuse_leaks(world, &diags, err);
    if (code != SL_E_PERSONAL)
        return code;
    char count[64];
    (void)sl_fail(err, SL_E_PERSONAL, "%s would pass classified values on without protection",
                  sl_count_of((int64_t)diags.error_count, "column", count));
    sl_report(common->cli, err, &diags);
    return code;
}

int sl_refuse_broken(const struct sl_common *common, struct sl_world *world,
                     const struct sl_strs *may_break, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    int code = sl_world_refuse_broken(world, may_break, &diags, err);
    if (code != SL_E_VERSION_BROKEN)
        return code;
    char count[64];
    (void)sl_fail(err, SL_E_VERSION_BROKEN, "%s of a published version would be broken",
                  sl_count_of((int64_t)diags.error_count, "promise", count));
    sl_report(common->cli, err, &diags);
    return code;
}

int sl_refuse_unbound(const struct sl_common *common, struct sl_diags *diags, struct sl_err *err)
{
    char count[64];
    if (!diags->error_count)
        return SL_OK;
    (void)sl_fail(err, SL_E_PROJECT_INVALID, "the project has %s",
                  sl_count_of((int64_t)diags->error_count, "error", count));
    sl_report(common->cli, err, diags);
    return SL_E_PROJECT_INVALID;
}

int sl_refuse_unseen(const struct sl_common *common, struct sl_world *world, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_TRY(sl_world_find_unbound(world, SL_BOUND_SEEN, &diags, err));
    sl_diags_sort(&diags);
    return sl_refuse_unbound(common, &diags, err);
}

void sl_tell_notes(const struct sl_common *common, const struct sl_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct sl_note *note = &notes->items[i];
        sl_tell(common, note->is_warning ? SL_LOG_WARN : SL_LOG_INFO, "%s%s%s", note->text,
                *note->hint ? "; " : "", note->hint);
    }
}

void sl_note_project(const struct sl_common *common, const struct sl_project *project)
{
    char count[64];
    sl_keep_project(common->cli, project);
    if (project->diags.error_count)
        sl_tell(common, SL_LOG_WARN, "the project has %s: `sluice check` shows them",
                sl_count_of((int64_t)project->diags.error_count, "error", count));
}

static bool asks_for_results(const struct sl_strs *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (const char *at = list->items[i]; *at; at++)
            if (sl_str_starts(at, "result:"))
                return true;
    return false;
}

int sl_prepare_plan(const struct sl_common *common, const struct sl_selection_options *selection,
                    struct sl_world *ret, struct sl_err *err)
{
    SL_TRY(open_world(common, selection->will_run, ret, err));
    if (!selection->will_run)
        sl_warn_of_other_lake(common, ret->project);
    if (asks_for_results(&selection->select) || asks_for_results(&selection->exclude))
        SL_TRY(sl_world_recall(ret, err));
    SL_TRY(sl_world_gather(ret, selection->sizes, err));
    SL_TRY(sl_graph_require_matches(&ret->graph, &selection->exclude, &ret->arena, err));
    SL_TRY(sl_graph_select(&ret->graph, &selection->select, &selection->exclude, &ret->arena, err));
    return sl_plan_decide(&ret->graph, selection->full_refresh, &ret->arena, err);
}

int sl_require_limit(int64_t limit, struct sl_err *err)
{
    if (limit >= 0 && limit < INT64_MAX)
        return SL_OK;
    return sl_fail(err, SL_E_USAGE, "--limit is '%lld', expected 0 or more", (long long)limit);
}
