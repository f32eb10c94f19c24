#include "plan/pipelines.h"

#include <string.h>

#include "plan/plan.h"
#include "schedule/schedule.h"

int sl_pipeline_select(const struct sl_pipeline *pipeline, struct sl_graph *graph,
                       struct sl_arena *arena, struct sl_err *err)
{
    struct sl_err wrong = {0};
    const int code = sl_graph_select(graph, &pipeline->select, &pipeline->exclude, arena, &wrong);

    if (code == SL_OK)
        return SL_OK;
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    const bool has_select = sl_yaml_get(pipeline->node, "select") != NULL;
    const struct sl_place place = sl_yaml_place(pipeline->node, has_select ? "select" : "exclude");
    (void)sl_fail(err, SL_E_PIPELINE_EMPTY, "pipeline '%s': %s", pipeline->name, wrong.message);
    (void)sl_err_hint(err, "%s", wrong.hint);
    return sl_err_at(err, place.file, place.line, place.column);
}

static int check_selection(struct sl_project *project, const struct sl_pipeline *pipeline,
                           struct sl_graph *graph, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_err wrong = {0};
    const int code = sl_pipeline_select(pipeline, graph, arena, &wrong);

    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        sl_diag_err(&project->diags, SL_SEVERITY_ERROR, &wrong,
                    (struct sl_place){wrong.file, wrong.line, wrong.column});
    return SL_OK;
}

static void check_times(struct sl_project *project, const struct sl_pipeline *pipeline,
                        int64_t now_us)
{
    struct sl_schedule_tick tick;

    for (size_t i = 0; i < pipeline->trigger_count; i++) {
        const struct sl_trigger *trigger = &pipeline->triggers[i];

        if (trigger->schedule && !sl_schedule_next(trigger->schedule, now_us, NULL, &tick))
            sl_diag(&project->diags, SL_SEVERITY_WARNING, SL_E_SCHEDULE_OVER, trigger->node->place,
                    "look at its calendar, or take it out", "'%s' comes no more", trigger->key);
    }
}

// NULL: out of memory.
static const bool *keep_selection(const struct sl_graph *graph, struct sl_arena *arena)
{
    bool *kept = SL_NEW_ARRAY(arena, bool, graph->count);

    for (size_t i = 0; kept && i < graph->count; i++)
        kept[i] = graph->nodes[i].is_selected;
    return kept;
}

static void restore_selection(struct sl_graph *graph, const bool *kept)
{
    for (size_t i = 0; i < graph->count; i++)
        graph->nodes[i].is_selected = kept[i];
}

int sl_pipelines_check(struct sl_project *project, struct sl_graph *graph, int64_t now_us,
                       struct sl_arena *arena, struct sl_err *err)
{
    const bool *before = keep_selection(graph, arena);

    SL_TRY_NEW(before, err);
    for (size_t i = 0; i < project->pipeline_count; i++) {
        SL_TRY(check_selection(project, &project->pipelines[i], graph, arena, err));
        check_times(project, &project->pipelines[i], now_us);
    }
    restore_selection(graph, before);
    return SL_OK;
}

static int find_own(const struct sl_pipeline *pipeline, struct sl_graph *graph,
                    struct sl_arena *arena, struct sl_err *err)
{
    struct sl_err wrong = {0};
    int code = SL_OK;
    bool is_selected = false;

    for (size_t i = 0; i < pipeline->trigger_count; i++) {
        struct sl_trigger *trigger = &pipeline->triggers[i];
        if (trigger->kind != SL_TRIGGER_TABLE)
            continue;
        if (!is_selected)
            code = sl_pipeline_select(pipeline, graph, arena, &wrong);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(err);
        is_selected = true;
        const struct sl_node *node = sl_graph_node(graph, trigger->table);
        trigger->is_of_pipeline = code == SL_OK && node && node->is_selected;
    }
    return SL_OK;
}

int sl_pipelines_find_own(struct sl_project *project, struct sl_graph *graph,
                          struct sl_arena *arena, struct sl_err *err)
{
    const bool *before = keep_selection(graph, arena);

    SL_TRY_NEW(before, err);
    for (size_t i = 0; i < project->pipeline_count; i++)
        SL_TRY(find_own(&project->pipelines[i], graph, arena, err));
    restore_selection(graph, before);
    return SL_OK;
}
