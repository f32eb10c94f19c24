#include "step/task.h"

#include "base/clock.h"
#include "base/fs.h"
#include "step/program.h"
#include "step/view.h"

// --- what it comes after

struct lister {
    const struct sl_task_job *job;
    bool *is_seen;
    struct sl_table_versions *list;
};

static int add(struct lister *lister, struct sl_table_version version, struct sl_err *err)
{
    SL_TRY_NEW(version.table, err);
    return SL_PUSH(lister->job->context->arena, lister->list->items, lister->list->count, version)
               ? SL_OK
               : sl_fail_memory(err);
}

static int add_table(struct lister *lister, const char *table, struct sl_err *err)
{
    struct sl_step_context *context = lister->job->context;
    struct sl_delta_head head;
    struct sl_record record;
    enum sl_layer layer;
    const char *name, *folder;
    bool is_borrowed;
    if (!sl_table_parse(table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", table);
    SL_TRY(sl_step_input(context->project, layer, name, NULL, context->arena, &folder, &head,
                         &record, &is_borrowed, err));
    return add(lister,
               (struct sl_table_version){sl_arena_strdup(context->arena, table), head.version,
                                         head.table_id},
               err);
}

static int add_view(struct lister *lister, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_step_context *context = lister->job->context;
    const struct sl_view *view =
        sl_view_find(context->views, sl_layer_name(SL_LAYER_CURATED), node->bare);
    const char *id = NULL;
    if (view)
        SL_TRY(sl_step_view_identity(context->project, view, NULL, context->arena, &id, err));
    return add(lister, (struct sl_table_version){node->name, id ? 0 : -1, id}, err);
}

static int add_delivery(struct lister *lister, const struct sl_node *node, struct sl_err *err)
{
    struct sl_step_context *context = lister->job->context;
    struct sl_target_position position;
    SL_TRY(sl_step_load_position(context->project, node->target, node->delivery, context->session,
                                 context->arena, &position, err));
    return add(lister, (struct sl_table_version){node->name, position.version, NULL}, err);
}

static int add_task(struct lister *lister, const struct sl_node *node, struct sl_err *err)
{
    struct sl_task_record record;
    SL_TRY(sl_task_record_read(lister->job->context->project, node->bare,
                               lister->job->context->arena, &record, err));
    return add(lister, (struct sl_table_version){node->name, record.runs, record.run_id}, err);
}

// Clean, quarantine or both, as `after` says.
static int add_cleanse(struct lister *lister, const struct sl_node *node,
                       const struct sl_task *task, struct sl_err *err)
{
    const char *quarantine =
        sl_arena_printf(lister->job->context->arena, "quarantine.%s", node->bare);
    SL_TRY_NEW(quarantine, err);
    bool has_quarantine = sl_strs_has(&task->after, quarantine);
    if (has_quarantine)
        SL_TRY(add_table(lister, quarantine, err));
    return has_quarantine && !sl_strs_has(&task->after, node->name)
               ? SL_OK
               : add_table(lister, node->name, err);
}

static int list_inputs(struct lister *lister, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_graph *graph = lister->job->graph;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        int code = SL_OK;
        if (lister->is_seen[node->upstream[i]])
            continue;
        // Clean and quarantine are named apart by tasks that come after both.
        lister->is_seen[node->upstream[i]] = from->kind != SL_NODE_CLEANSE;
        if (sl_node_is_gate(from))
            code = list_inputs(lister, from, err);
        else if (from->kind == SL_NODE_TASK)
            code = add_task(lister, from, err);
        else if (from->kind == SL_NODE_LOAD)
            code = add_delivery(lister, from, err);
        else if (from->kind == SL_NODE_CLEANSE)
            code = add_cleanse(lister, from, node->task, err);
        else if (sl_node_is_view(from))
            code = add_view(lister, from, err);
        else
            code = add_table(lister, from->name, err);
        if (code != SL_OK)
            return code;
    }
    return SL_OK;
}

bool sl_task_needs_session(const struct sl_graph *graph, const struct sl_node *node)
{
    if (sl_node_is_gate(node))
        return false;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        if (from->kind == SL_NODE_LOAD && sl_step_load_needs_session(from->target))
            return true;
        for (size_t k = 0; sl_node_is_gate(from) && k < from->upstream_count; k++) {
            const struct sl_node *behind = &graph->nodes[from->upstream[k]];
            if (behind->kind == SL_NODE_LOAD && sl_step_load_needs_session(behind->target))
                return true;
        }
    }
    return false;
}

// --- whether it is its turn

static const struct sl_table_version *find(const struct sl_table_versions *list, const char *table)
{
    for (size_t i = 0; i < list->count; i++)
        if (sl_str_equal(list->items[i].table, table))
            return &list->items[i];
    return NULL;
}

static const char *what_changed(const struct sl_table_versions *before,
                                const struct sl_table_versions *now, struct sl_arena *arena)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct sl_table_version *input = &now->items[i], *old = find(before, input->table);
        if (old && old->version == input->version && sl_str_equal(old->id, input->id))
            continue;
        return sl_str_starts(input->table, "task.")
                   ? sl_arena_printf(arena, "%s has run", input->table)
                   : sl_arena_printf(arena, "%s has changed", input->table);
    }
    return NULL;
}

static const char *why_now(const struct sl_task_job *job, const struct sl_task_record *record,
                           const struct sl_table_versions *inputs)
{
    if (job->context->full_refresh)
        return "asked for by --full-refresh";
    if (sl_task_runs_always(job->node))
        return "it is run in every run";
    if (!record->runs)
        return "it had never ended well";
    if (!sl_str_equal(record->fingerprint, job->node->fingerprint))
        return "its command changed";
    return what_changed(&record->inputs, inputs, job->context->arena);
}

static int run(const struct sl_task_job *job, struct sl_err *err)
{
    const struct sl_step_context *context = job->context;
    struct sl_strs settings = {0};
    const char *const values[] = {
        sl_arena_printf(context->arena, "SLUICE_RUN_ID=%s", context->run_id),
        sl_arena_printf(context->arena, "SLUICE_TASK=%s", job->node->bare),
        sl_arena_printf(context->arena, "SLUICE_PROJECT=%s", context->project->folder),
        sl_arena_printf(context->arena, "SLUICE_ENV=%s",
                        context->project->environment ? context->project->environment : ""),
    };
    size_t count = sizeof values / sizeof *values - (context->project->environment ? 0 : 1);
    for (size_t i = 0; i < count; i++) {
        SL_TRY_NEW(values[i], err);
        SL_TRY(sl_strs_add(&settings, context->arena, values[i], err));
    }
    const struct sl_program program = {.words = &job->node->task->command,
                                       .is_for_shell = job->node->task->is_for_shell,
                                       .folder = context->project->folder,
                                       .settings = &settings,
                                       .is_aborted = job->is_aborted};
    return sl_program_run(&program, context->arena, err);
}

// The number of the lake, "" where it cannot be read; NULL: there is none.
static const char *lake_of(const struct sl_step_context *context)
{
    const char *path = sl_path_join(context->arena, context->project->lake_folder, "_lake");
    const char *text;
    size_t length;
    struct sl_err ignored = {0};
    if (!path || !sl_fs_exists(path))
        return NULL;
    return sl_fs_read(path, 4096, context->arena, &text, &length, &ignored) == SL_OK ? text : "";
}

// It is away, or another one.
static bool is_lake_gone(const struct sl_step_context *context, const char *before)
{
    const char *now = before ? lake_of(context) : NULL;
    return before && (!now || (*now && *before && strcmp(now, before) != 0));
}

int sl_step_task(const struct sl_task_job *job, struct sl_step_result *ret, struct sl_err *err)
{
    struct sl_step_context *context = job->context;
    struct sl_task_record record;
    struct sl_table_versions inputs = {0};
    struct lister lister = {.job = job, .list = &inputs};
    *ret = (struct sl_step_result){0};
    if (sl_node_is_gate(job->node))
        return SL_OK;
    lister.is_seen = SL_NEW_ARRAY(context->arena, bool, job->graph->count);
    SL_TRY_NEW(lister.is_seen, err);
    struct sl_err damaged = {0};
    if (sl_task_record_read(context->project, job->node->bare, context->arena, &record, &damaged) !=
        SL_OK)
        record = (struct sl_task_record){0}; // then it is run, and the record written anew
    // Before the program begins: what changes while it runs is for the next run.
    SL_TRY(list_inputs(&lister, job->node, err));
    ret->why = why_now(job, &record, &inputs);
    if (!ret->why) {
        ret->outcome = SL_STEP_NOTHING;
        return SL_OK;
    }
    if (context->stop && atomic_load(context->stop))
        return sl_fail(err, SL_E_INTERRUPTED, "interrupted");
    const char *lake = lake_of(context);
    SL_TRY(run(job, err));
    if (is_lake_gone(context, lake)) {
        (void)sl_fail(
            err, SL_E_LAKE_OTHER,
            "the lake '%s' went while the program was at work, which has ended well: that "
            "cannot be noted",
            context->project->lake_folder);
        return sl_err_hint(err, "mount the lake; the task is then run once more");
    }
    record = (struct sl_task_record){.runs = record.runs + 1,
                                     .ended_us = sl_clock_now_us(),
                                     .run_id = context->run_id,
                                     .fingerprint = job->node->fingerprint,
                                     .inputs = inputs};
    return sl_task_record_write(context->project, job->node->bare, &record, context->arena, err);
}
