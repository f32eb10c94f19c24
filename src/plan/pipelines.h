// What a project's pipelines come to: their steps, and whether their times ever come.
#ifndef SL_PLAN_PIPELINES_H
#define SL_PLAN_PIPELINES_H

#include "plan/graph.h"
#include "spec/pipeline.h"

// Selects the steps of a pipeline in the graph. SL_E_PIPELINE_EMPTY, at its place, if its selectors
// cannot be read or leave none.
SL_MUST int sl_pipeline_select(const struct sl_pipeline *pipeline, struct sl_graph *graph,
                               struct sl_arena *arena, struct sl_err *err);
// Diagnostics for pipelines that select nothing, and for schedules that come no more after now.
// What is selected in the graph is as before. Fails only when memory is out.
SL_MUST int sl_pipelines_check(struct sl_project *project, struct sl_graph *graph, int64_t now_us,
                               struct sl_arena *arena, struct sl_err *err);
// Finds out which tables that triggers are about are made by a step of the pipeline itself. What is
// selected in the graph is as before. A pipeline that selects nothing makes none.
SL_MUST int sl_pipelines_find_own(struct sl_project *project, struct sl_graph *graph,
                                  struct sl_arena *arena, struct sl_err *err);

#endif
