#include "cli/cli.h"

const char *const sl_log_format_names[] = {"text", "json", NULL};

int sl_open_world(const struct sl_common *common, struct sl_world *ret, struct sl_err *err)
{
    struct sl_world_options options = {
        .folder = common->folder, .environment = common->environment, .resolve_secrets = true};
    SL_TRY(sl_world_open(&options, ret, err));
    if (ret->project->diags.error_count && !common->json)
        sl_print_diags(stderr, ret->project->folder, &ret->project->diags, common->is_verbose);
    return sl_world_require_valid(ret, err);
}

static bool asks_for_results(const struct sl_strs *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (const char *at = list->items[i]; *at; at++)
            if (sl_str_starts(at, "result:"))
                return true;
    return false;
}

int sl_prepare_plan(const struct sl_common *common, const struct sl_selection_options *selection, struct sl_world *ret,
                    struct sl_err *err)
{
    SL_TRY(sl_open_world(common, ret, err));
    if (asks_for_results(&selection->select) || asks_for_results(&selection->exclude))
        SL_TRY(sl_world_recall(ret, err));
    SL_TRY(sl_world_gather(ret, selection->sizes, err));
    SL_TRY(sl_graph_select(&ret->graph, &selection->select, &selection->exclude, &ret->arena, err));
    return sl_plan_decide(&ret->graph, selection->full_refresh, &ret->arena, err);
}
