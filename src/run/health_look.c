// Looks at everything, for run/health.h.
#include "base/clock.h"
#include "base/fs.h"
#include "plan/pipelines.h"
#include "run/health.h"
#include "run/lag.h"

#include <string.h>

struct look {
    struct sl_world *world;
    struct sl_arena *arena; // of the world
    const struct sl_health_request *request;
    struct sl_health *health;
    bool *is_asked, *is_needed; // per node: asked for; feeds one that is
    struct sl_session *session; // made when the first target is counted
};

static struct sl_health_limits limits_of(const struct look *look, const char *name)
{
    struct sl_health_limits limits = {.quarantine_share = -1};
    if (!look->world->project->alerts)
        return limits;
    const struct sl_thresholds when = sl_alerts_thresholds(look->world->project->alerts, name);
    limits.lag_s = when.lag_s;
    limits.quarantine_share = when.quarantine_share;
    return limits;
}

static int say_wrong(struct sl_health_said *said, const char *text, const char *hint,
                     struct sl_err *err)
{
    SL_TRY_NEW(text, err);
    *said = (struct sl_health_said){SL_HEALTH_WRONG, text, sl_str_is_empty(hint) ? NULL : hint};
    return SL_OK;
}

static const struct sl_health_past *past_of(const struct look *look, const char *name)
{
    static const struct sl_health_past nothing = {0};
    for (size_t i = 0; i < look->request->past_count; i++)
        if (sl_str_equal(look->request->past[i].name, name))
            return &look->request->past[i];
    return &nothing;
}

// Of a task its own record says whether it has ended well since; of all else the plan does, when it
// has nothing to do for it.
static bool is_unmended(const struct sl_node *node, const struct sl_health_past *past)
{
    if (!past->has_failed)
        return false;
    return node->kind == SL_NODE_TASK ? past->failed_us > node->facts.committed_ms * 1000
                                      : node->verdict != SL_VERDICT_FRESH;
}

// What the plan could not look at, and what failed when it was tried last and is not mended.
static int tell_trouble(const struct look *look, const struct sl_node *node,
                        struct sl_health_said *said, struct sl_err *err)
{
    const struct sl_health_past *failure = past_of(look, node->name);
    if (said->state == SL_HEALTH_WRONG)
        return SL_OK;
    if (node->facts.trouble)
        return say_wrong(said, node->facts.trouble, node->facts.trouble_hint, err);
    if (!is_unmended(node, failure))
        return SL_OK;
    return say_wrong(
        said,
        sl_arena_printf(look->arena, "its last run did not end well: %s%s%s%s",
                        failure->message ? failure->message : "a part of its input was not read",
                        failure->code ? " (" : "", failure->code ? failure->code : "",
                        failure->code ? ")" : ""),
        "`sluice logs` tells more; `sluice retry` does what is missing", err);
}

// Of the part of a path before its first wildcard; of a file, that which it is in. NULL: no memory.
static const char *folder_of(const struct look *look, const char *path)
{
    const char *whole = sl_path_join(look->arena, look->world->project->folder, path);
    const char *fixed = whole ? sl_arena_strndup(look->arena, whole, strcspn(whole, "*?[")) : NULL;
    return fixed ? sl_path_folder(look->arena, fixed) : NULL;
}

static bool has_folder(const struct look *look, const char *path)
{
    const char *folder = folder_of(look, path);
    return !folder || sl_fs_exists(folder); // no memory: nobody is blamed
}

// Files that were taken in may go; the folder that new ones come to has to be there.
static int look_for_folder(const struct look *look, const struct sl_node *node,
                           struct sl_health_source *source, struct sl_err *err)
{
    const struct sl_strs *paths = &node->source->paths;
    if (source->files || node->facts.trouble || node->facts.is_borrowed || !paths->count)
        return SL_OK;
    for (size_t i = 0; i < paths->count; i++)
        if (has_folder(look, paths->items[i]))
            return SL_OK;
    source->is_reachable = false;
    source->lag_s = -1;
    return say_wrong(
        &source->said,
        sl_arena_printf(look->arena, "the folder of '%s' is not there", paths->items[0]),
        "is the disk mounted? `path` of the source says where files come from", err);
}

// A folder's own time tells when its last file went or something came; when raw was written last
// they were still there.
static void look_emptied(const struct look *look, const struct sl_node *node,
                         struct sl_health_source *source)
{
    const struct sl_facts *facts = &node->facts;
    const struct sl_strs *paths = &node->source->paths;
    int64_t since_us = facts->committed_ms * 1000;
    if (source->files || !source->gone_files || facts->trouble || facts->is_borrowed)
        return;
    for (size_t i = 0; i < paths->count; i++) {
        struct sl_fs_stat stat;
        const char *folder = folder_of(look, paths->items[i]);
        if (folder && sl_fs_stat(folder, &stat, NULL) == SL_OK && stat.mtime_us > since_us)
            since_us = stat.mtime_us;
    }
    source->empty_since_us = since_us < look->health->at_us ? since_us : look->health->at_us;
}

// What was seen of its files, apart from what its table took of them.
static struct sl_health_source seen_of(const struct sl_node *node)
{
    const struct sl_facts *facts = &node->facts;
    return (struct sl_health_source){.name = node->bare,
                                     .table = node->name,
                                     .owner = node->owner,
                                     .is_reachable = !facts->trouble,
                                     .files = facts->source_files,
                                     .newest_file = facts->newest_file,
                                     .newest_us = facts->newest_file_us};
}

static int look_source(const struct look *look, const struct sl_node *node,
                       struct sl_health_source *ret, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    const struct sl_health_limits limits = limits_of(look, node->name);
    int64_t now_us = look->health->at_us;
    *ret = seen_of(node);
    ret->gone_files = facts->vanished_files;
    ret->gone_named = facts->gone;
    ret->waiting_files = facts->new_files + facts->changed_files;
    ret->waiting_bytes = facts->new_bytes;
    ret->lag_s = facts->trouble ? -1 : 0;
    if (facts->waiting_since_us)
        ret->lag_s = sl_seconds_since(now_us, facts->waiting_since_us);
    SL_TRY(look_for_folder(look, node, ret, err));
    look_emptied(look, node, ret);
    SL_TRY(tell_trouble(look, node, &ret->said, err));
    return sl_health_judge_source(ret, &limits, now_us, look->arena, err);
}

static int look_lag(const struct look *look, const struct sl_node *node, int64_t *ret_lag_s,
                    const char **ret_behind, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    int64_t since_ms = 0;
    struct sl_err trouble = {0};
    struct sl_table_version *used =
        SL_NEW_ARRAY(look->arena, struct sl_table_version, facts->input_count + 1);
    SL_TRY_NEW(used, err);
    for (size_t i = 0; i < facts->input_count; i++)
        used[i] = (struct sl_table_version){facts->inputs[i].table, facts->inputs[i].version,
                                            facts->inputs[i].id};
    *ret_lag_s = -1;
    int code = sl_lag_since(look->world->project, used, facts->input_count, look->arena, &since_ms,
                            ret_behind, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code == SL_OK)
        *ret_lag_s = since_ms > 0 ? sl_seconds_since(look->health->at_us, since_ms * 1000) : 0;
    if (since_ms > 0 && *ret_lag_s == 0) // 0 is: it is not behind
        *ret_lag_s = 1;
    return SL_OK;
}

// What its newest commit that took rows made of them.
static int look_rejected(const struct look *look, const struct sl_node *node,
                         struct sl_health_table *ret, struct sl_err *err)
{
    struct sl_delta_head head;
    struct sl_record record;
    struct sl_err trouble = {0};
    const char *folder;
    bool is_borrowed;
    if (node->kind != SL_NODE_CLEANSE || node->facts.version < 0)
        return SL_OK;
    int code = sl_step_input(look->world->project, SL_LAYER_CLEAN, node->bare, NULL, look->arena,
                             &folder, &head, &record, &is_borrowed, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code == SL_OK && record.has_balance) {
        ret->rows_in = record.balance.in;
        ret->rows_rejected = record.balance.quarantined;
    }
    return SL_OK;
}

static int look_table(const struct look *look, const struct sl_node *node,
                      struct sl_health_table *ret, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    const struct sl_health_limits limits = limits_of(look, node->name);
    bool is_raw = node->kind == SL_NODE_INGEST;
    *ret = (struct sl_health_table){.name = node->name,
                                    .owner = node->owner,
                                    .version = facts->version,
                                    .committed_us = facts->committed_ms * 1000,
                                    .age_s = -1,
                                    .freshness_s = sl_node_freshness_s(node),
                                    // What waits for raw is said of its source.
                                    .verdict = is_raw ? SL_VERDICT_FRESH : node->verdict,
                                    .why = !is_raw && node->why.count ? node->why.items[0] : NULL,
                                    .stale_partitions = facts->partitions,
                                    .knows_partitions = facts->has_partitions,
                                    .lag_s = 0,
                                    .rows_in = -1,
                                    .rows_rejected = -1,
                                    .bytes = facts->bytes};
    if (facts->version >= 0 && facts->committed_ms)
        ret->age_s = sl_seconds_since(look->health->at_us, ret->committed_us);
    ret->is_late = ret->freshness_s >= 0 && ret->age_s > ret->freshness_s && !facts->is_borrowed;
    if (!is_raw)
        SL_TRY(tell_trouble(look, node, &ret->said, err));
    if (!is_raw && facts->version >= 0)
        SL_TRY(look_lag(look, node, &ret->lag_s, &ret->behind, err));
    SL_TRY(look_rejected(look, node, ret, err));
    return sl_health_judge_table(ret, &limits, look->arena, err);
}

// --- tasks

// One that was forced and failed keeps the record of how it ended well before, and is not stale.
static int look_task(const struct look *look, const struct sl_node *node,
                     struct sl_health_task *ret, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    const struct sl_health_limits limits = limits_of(look, node->name);
    const struct sl_health_past *past = past_of(look, node->name);
    bool has_failed = is_unmended(node, past);
    bool has_run = facts->version > 0;
    *ret = (struct sl_health_task){.name = node->name,
                                   .owner = node->owner,
                                   .runs = has_run ? facts->version : -1,
                                   .last = has_failed ? "failed"
                                           : has_run  ? "ok"
                                                      : NULL,
                                   .last_us =
                                       has_failed ? past->failed_us : facts->committed_ms * 1000,
                                   .age_s = -1,
                                   .is_always = sl_task_runs_always(node),
                                   .verdict = node->verdict,
                                   .why = node->why.count ? node->why.items[0] : NULL};
    if (ret->last_us)
        ret->age_s = sl_seconds_since(look->health->at_us, ret->last_us);
    SL_TRY(tell_trouble(look, node, &ret->said, err));
    if (has_run)
        SL_TRY(look_lag(look, node, &ret->lag_s, &ret->behind, err));
    return sl_health_judge_task(ret, &limits, look->arena, err);
}

// --- targets

static int count_table(struct look *look, const struct sl_node *node, int64_t version, int64_t *ret,
                       struct sl_err *err)
{
    const struct sl_node *table = sl_graph_node(&look->world->graph, node->delivery->table);
    struct sl_delta_snapshot snapshot;
    enum sl_layer layer;
    const char *name;
    *ret = -1;
    if (!table || sl_node_is_view(table) || !sl_table_parse(node->delivery->table, &layer, &name))
        return SL_OK;
    const char *folder = sl_table_folder(look->world->project, layer, name, look->arena);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_load(folder, version, look->session, look->arena, &snapshot, err));
    *ret = snapshot.row_count;
    return SL_OK;
}

// A delivery that comes meanwhile would be taken for somebody else's rows.
static int count_both(struct look *look, const struct sl_node *node, struct sl_health_target *ret,
                      struct sl_err *err)
{
    struct sl_target_position after;
    int64_t there, here;
    if (!look->session)
        SL_TRY(sl_world_session(look->world, &look->session, err));
    SL_TRY(
        sl_step_load_count(node->target, node->delivery, look->session, look->arena, &there, err));
    SL_TRY(count_table(look, node, ret->version, &here, err));
    SL_TRY(sl_step_load_position(look->world->project, node->target, node->delivery, look->session,
                                 look->arena, &after, err));
    if (after.version != ret->version)
        return SL_OK;
    ret->rows = there;
    ret->table_rows = here;
    return SL_OK;
}

static int count_rows(struct look *look, const struct sl_node *node, struct sl_health_target *ret,
                      struct sl_err *err)
{
    struct sl_err trouble = {0};
    if (!look->request->counts || ret->version < 0 || ret->said.state == SL_HEALTH_WRONG)
        return SL_OK;
    int code = count_both(look, node, ret, &trouble);
    if (code == SL_E_MEMORY || code == SL_E_INTERNAL || code == SL_E_ENGINE_MISSING) {
        *err = trouble;
        return code;
    }
    // Somebody is at work there: another time.
    if (code == SL_OK || code == SL_E_LOCKED || code == SL_E_TARGET_BUSY)
        return SL_OK;
    return say_wrong(
        &ret->said, sl_arena_printf(look->arena, "its rows cannot be counted: %s", trouble.message),
        sl_arena_strdup(look->arena, trouble.hint), err);
}

static int look_target(struct look *look, const struct sl_node *node, struct sl_health_target *ret,
                       struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    const struct sl_health_limits limits = limits_of(look, node->name);
    const struct sl_node *table = sl_graph_node(&look->world->graph, node->delivery->table);
    const char *ignored;
    *ret = (struct sl_health_target){.name = node->name,
                                     .table = node->delivery->table,
                                     .owner = node->owner,
                                     .is_reachable = !facts->trouble,
                                     .lost = facts->lost,
                                     .delivered_us = past_of(look, node->name)->done_us,
                                     .version = facts->version,
                                     .table_version = table ? table->facts.version : -1,
                                     .lag_s = -1,
                                     .rows = -1,
                                     .table_rows = -1};
    SL_TRY(tell_trouble(look, node, &ret->said, err));
    if (table && table->facts.is_borrowed && ret->said.state == SL_HEALTH_OK) {
        ret->said.text = "its table is another environment's, which delivers it";
        return SL_OK;
    }
    if (!facts->trouble)
        SL_TRY(look_lag(look, node, &ret->lag_s, &ignored, err));
    SL_TRY(count_rows(look, node, ret, err));
    return sl_health_judge_target(ret, &limits, look->arena, err);
}

// --- pipelines

// The tables behind an input that the pipeline does not build; a view stands for what it reads.
static int add_reads(const struct look *look, const struct sl_node *node, struct sl_strs *reads,
                     struct sl_err *err)
{
    const struct sl_graph *graph = &look->world->graph;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        if (sl_node_is_view(from))
            SL_TRY(add_reads(look, from, reads, err));
        else if (!from->is_selected && from->kind != SL_NODE_TASK &&
                 !sl_strs_has(reads, from->name))
            SL_TRY(sl_strs_add(reads, look->arena, from->name, err));
    }
    return SL_OK;
}

static int list_things(const struct look *look, struct sl_health_pipeline *ret, struct sl_err *err)
{
    const struct sl_graph *graph = &look->world->graph;
    struct sl_arena *arena = look->arena;
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        if (!node->is_selected || !look->is_asked[i] || sl_node_is_view(node) ||
            sl_node_is_gate(node))
            continue;
        if (node->kind == SL_NODE_TASK) {
            SL_TRY(sl_strs_add(&ret->tasks, arena, node->name, err));
            continue;
        }
        SL_TRY(add_reads(look, node, &ret->reads, err));
        if (node->kind == SL_NODE_LOAD) {
            SL_TRY(sl_strs_add(&ret->targets, arena, node->name, err));
            continue;
        }
        SL_TRY(sl_strs_add(&ret->tables, arena, node->name, err));
        if (node->kind == SL_NODE_INGEST)
            SL_TRY(sl_strs_add(&ret->sources, arena, node->bare, err));
    }
    return SL_OK;
}

static bool is_named(const struct sl_health_request *request, const struct sl_pipeline *pipeline)
{
    return !request->pipelines.count || sl_strs_has(&request->pipelines, pipeline->name);
}

static int look_pipelines(const struct look *look, struct sl_err *err)
{
    struct sl_world *world = look->world;
    const struct sl_project *project = world->project;
    struct sl_health *health = look->health;
    health->pipelines =
        SL_NEW_ARRAY(look->arena, struct sl_health_pipeline, project->pipeline_count + 1);
    SL_TRY_NEW(health->pipelines, err);
    for (size_t i = 0; i < project->pipeline_count; i++) {
        const struct sl_pipeline *pipeline = &project->pipelines[i];
        struct sl_health_pipeline *ret = &health->pipelines[health->pipeline_count];
        if (!is_named(look->request, pipeline))
            continue;
        *ret = (struct sl_health_pipeline){.name = pipeline->name, .owner = pipeline->owner};
        SL_TRY(sl_pipeline_select(pipeline, &world->graph, look->arena, err));
        SL_TRY(list_things(look, ret, err));
        health->pipeline_count += ret->tables.count + ret->tasks.count + ret->targets.count > 0;
    }
    return SL_OK;
}

// --- all of it

// What the pipelines that are named select, and of that what is selected.
static int choose(struct look *look, struct sl_err *err)
{
    struct sl_world *world = look->world;
    struct sl_graph *graph = &world->graph;
    const struct sl_health_request *request = look->request;
    bool *is_of_pipeline = SL_NEW_ARRAY(look->arena, bool, graph->count + 1);
    look->is_asked = SL_NEW_ARRAY(look->arena, bool, graph->count + 1);
    look->is_needed = SL_NEW_ARRAY(look->arena, bool, graph->count + 1);
    SL_TRY_NEW(is_of_pipeline, err);
    SL_TRY_NEW(look->is_asked, err);
    SL_TRY_NEW(look->is_needed, err);
    for (size_t i = 0; request->pipelines.count && i < world->project->pipeline_count; i++) {
        if (!is_named(request, &world->project->pipelines[i]))
            continue;
        SL_TRY(sl_pipeline_select(&world->project->pipelines[i], graph, look->arena, err));
        for (size_t k = 0; k < graph->count; k++)
            is_of_pipeline[k] |= graph->nodes[k].is_selected;
    }
    SL_TRY(sl_graph_select(graph, &request->select, &request->exclude, look->arena, err));
    for (size_t i = 0; i < graph->count; i++) {
        struct sl_node *node = &graph->nodes[i];
        node->is_selected &= !request->pipelines.count || is_of_pipeline[i];
        look->is_asked[i] = node->is_selected;
    }
    for (size_t i = graph->count; i-- > 0;) // a node's inputs come before it
        for (size_t k = 0; k < graph->nodes[i].upstream_count; k++) {
            size_t from = graph->nodes[i].upstream[k];
            bool is_view = look->is_needed[i] && sl_node_is_view(&graph->nodes[i]);
            look->is_needed[from] |= look->is_asked[i] || is_view;
        }
    return SL_OK;
}

static int look_nodes(struct look *look, struct sl_err *err)
{
    const struct sl_graph *graph = &look->world->graph;
    struct sl_health *health = look->health;
    health->sources = SL_NEW_ARRAY(look->arena, struct sl_health_source, graph->count + 1);
    health->tables = SL_NEW_ARRAY(look->arena, struct sl_health_table, graph->count + 1);
    health->tasks = SL_NEW_ARRAY(look->arena, struct sl_health_task, graph->count + 1);
    health->targets = SL_NEW_ARRAY(look->arena, struct sl_health_target, graph->count + 1);
    SL_TRY_NEW(health->sources, err);
    SL_TRY_NEW(health->tables, err);
    SL_TRY_NEW(health->tasks, err);
    SL_TRY_NEW(health->targets, err);
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        bool is_asked = look->is_asked[i];
        if (sl_node_is_view(node) || sl_node_is_gate(node) || (!is_asked && !look->is_needed[i]))
            continue;
        if (node->kind == SL_NODE_TASK) {
            if (is_asked)
                SL_TRY(look_task(look, node, &health->tasks[health->task_count++], err));
            continue;
        }
        if (node->kind == SL_NODE_LOAD) {
            SL_TRY(look_target(look, node, &health->targets[health->target_count++], err));
            continue;
        }
        if (node->kind == SL_NODE_INGEST && is_asked)
            SL_TRY(look_source(look, node, &health->sources[health->source_count++], err));
        SL_TRY(look_table(look, node, &health->tables[health->table_count++], err));
    }
    return SL_OK;
}

static int gather(const struct look *look, struct sl_err *err)
{
    struct sl_world *world = look->world;
    const struct sl_health_request *request = look->request;
    bool is_all = !request->pipelines.count && !request->select.count && !request->exclude.count;
    SL_TRY(is_all ? sl_world_gather(world, request->sizes, err)
                  : sl_world_gather_selected(world, err));
    for (size_t i = 0; i < world->graph.count; i++)
        world->graph.nodes[i].verdict = SL_VERDICT_FRESH; // of what is not selected
    SL_TRY(sl_plan_decide(&world->graph, false, &world->arena, err));
    return sl_world_foresee(world, err);
}

// --- the lake

// What is seen of another one, or of none, is nothing of the project's. A worker does not open the
// state store: what that knows came with the request.
static int look_lake(struct look *look, struct sl_err *err)
{
    struct sl_err found = {0};
    if (!sl_lake_is_refused(sl_lake_judge(look->world->project, &look->request->lake, &found)))
        return SL_OK;
    look->health->lake_code = sl_code_info(found.code)->id;
    const char *text =
        sl_arena_printf(look->arena, "%s (%s)", found.message, look->health->lake_code);
    return say_wrong(&look->health->lake, text, sl_arena_strdup(look->arena, found.hint), err);
}

static int look_reach(const struct look *look, const struct sl_node *node,
                      struct sl_health_source *ret, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    const struct sl_health_limits limits = {.quarantine_share = -1};
    *ret = seen_of(node);
    ret->waiting_files = ret->waiting_bytes = ret->lag_s = -1;
    SL_TRY(look_for_folder(look, node, ret, err));
    if (facts->trouble)
        return say_wrong(&ret->said, facts->trouble, facts->trouble_hint, err);
    return sl_health_judge_source(ret, &limits, look->health->at_us, look->arena, err);
}

// Raw tables are looked at before their sources.
static bool is_of_lake(const struct look *look, const char *trouble)
{
    const char *lake = look->world->project->lake_folder;
    const char *at = trouble ? strstr(trouble, lake) : NULL;
    return at && strchr("/'\"", at[strlen(lake)]);
}

static int look_sources(struct look *look, struct sl_err *err)
{
    struct sl_graph *graph = &look->world->graph;
    struct sl_health *health = look->health;
    for (size_t i = 0; i < graph->count; i++)
        graph->nodes[i].is_selected = look->is_asked[i] && graph->nodes[i].kind == SL_NODE_INGEST;
    SL_TRY(sl_world_gather_selected(look->world, err));
    health->at_us = sl_clock_now_us();
    health->sources = SL_NEW_ARRAY(look->arena, struct sl_health_source, graph->count + 1);
    health->source_count = health->table_count = health->task_count = health->target_count = 0;
    SL_TRY_NEW(health->sources, err);
    for (size_t i = 0; i < graph->count; i++) {
        if (graph->nodes[i].is_selected && !is_of_lake(look, graph->nodes[i].facts.trouble))
            SL_TRY(
                look_reach(look, &graph->nodes[i], &health->sources[health->source_count++], err));
    }
    return SL_OK;
}

static int look_all(struct look *look, struct sl_err *err)
{
    SL_TRY(gather(look, err));
    look->health->at_us = sl_clock_now_us();
    int code = look_nodes(look, err);
    sl_session_close(&look->session);
    return code;
}

// The lake may go while it is looked at.
static int look_around(struct look *look, struct sl_err *err)
{
    struct sl_err trouble = {0};
    SL_TRY(look_lake(look, err));
    if (look->health->lake.text)
        return look_sources(look, err);
    int code = look_all(look, &trouble);
    if (code != SL_E_MEMORY)
        SL_TRY(look_lake(look, err));
    if (look->health->lake.text)
        return look_sources(look, err);
    *err = trouble;
    return code;
}

int sl_health_look(struct sl_world *world, const struct sl_health_request *request,
                   struct sl_health *ret, struct sl_err *err)
{
    int64_t began_us = sl_clock_monotonic_us();
    struct look look = {.world = world, .arena = &world->arena, .request = request, .health = ret};
    *ret = (struct sl_health){0};
    SL_TRY(choose(&look, err));
    SL_TRY(look_around(&look, err));
    SL_TRY(look_pipelines(&look, err));
    SL_TRY(sl_health_sum_up(ret, err));
    ret->elapsed_ms = (sl_clock_monotonic_us() - began_us) / 1000;
    return SL_OK;
}
