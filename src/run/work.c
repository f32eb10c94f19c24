#include "run/work.h"

#include "api/kinds.h"
#include "run/backfill.h"
#include "run/damaged.h"
#include "run/estimate.h"
#include "run/lineage.h"
#include "run/work_plan.h"
#include "step/task.h"

#include <unistd.h>

#define CONFLICT_RETRIES 5
// A worker's engine alone needs as much before it is of use.
#define WORKER_MEMORY_BYTES ((int64_t)200 * 1000 * 1000)
#define MOST_GROWTH_BYTES ((size_t)32 << 20)
#define STEP_MEMORY_BYTES ((size_t)4 << 30)

SL_IS_ALL_OF(struct sl_err, 1692);
SL_IS_ALL_OF(struct sl_order, 88);
SL_IS_ALL_OF(struct sl_reply, 2040);

const struct sl_field sl_order_fields[] = {
    SL_FIELD(struct sl_order, node, SL_FIELD_TEXT),
    SL_FIELD(struct sl_order, run_id, SL_FIELD_TEXT),
    SL_FIELD(struct sl_order, started_us, SL_FIELD_INT),
    SL_FIELD(struct sl_order, full_refresh, SL_FIELD_BOOL),
    SL_FIELD(struct sl_order, loses_history, SL_FIELD_BOOL),
    SL_FIELD(struct sl_order, refuses_leaks, SL_FIELD_BOOL),
    SL_FIELD(struct sl_order, may_break, SL_FIELD_TEXTS),
    SL_FIELD(struct sl_order, is_pinned, SL_FIELD_BOOL),
    SL_FIELD(struct sl_order, pinned_version, SL_FIELD_INT),
    SL_FIELD(struct sl_order, moved, SL_FIELD_TEXT),
    SL_FIELD(struct sl_order, is_again, SL_FIELD_BOOL),
    SL_FIELD(struct sl_order, lake, SL_FIELD_TEXT),
    {0},
};
const struct sl_field sl_err_fields[] = {
    SL_FIELD(struct sl_err, code, SL_FIELD_ENUM),   SL_FIELD(struct sl_err, line, SL_FIELD_ENUM),
    SL_FIELD(struct sl_err, column, SL_FIELD_ENUM), SL_FIELD_CHARS_OF(struct sl_err, file),
    SL_FIELD_CHARS_OF(struct sl_err, message),      SL_FIELD_CHARS_OF(struct sl_err, hint),
    SL_FIELD_CHARS_OF(struct sl_err, value_kind),   {0},
};
const struct sl_field sl_reply_fields[] = {
    SL_FIELD_OF(struct sl_reply, err, sl_err_fields),
    SL_FIELD_OF(struct sl_reply, result, sl_step_result_fields),
    SL_FIELD(struct sl_reply, peak_memory_bytes, SL_FIELD_INT),
    {0},
};

// One step, in the worker.
struct job {
    struct sl_run_work *work;
    struct sl_worker *worker;
    struct sl_order order;
    const struct sl_node *node;
    bool is_chunk; // of a backfill
    struct sl_backfill_chunk chunk;
    struct sl_arena arena;
    struct sl_step_result result;
};

static void job_clear(struct job *job)
{
    sl_arena_clear(&job->arena);
}

static int do_load(struct job *job, struct sl_step_context *context, struct sl_err *err)
{
    context->is_pinned = job->order.is_pinned;
    context->pinned_version = job->order.pinned_version;
    return sl_step_load(context, job->node->target, job->node->delivery, &job->result, err);
}

static int do_cleanse(struct job *job, struct sl_step_context *context, struct sl_err *err)
{
    const struct sl_node *node = job->node;
    SL_TRY(sl_step_cleanse(context, node->source, node->contract, &job->result, err));
    if (node->source->has_profile)
        sl_step_profile(context, SL_LAYER_CLEAN, node->source->name, &job->result);
    return SL_OK;
}

static int do_model(struct job *job, struct sl_step_context *context, struct sl_err *err)
{
    const struct sl_node *node = job->node;
    struct sl_query query = {0};
    SL_TRY(sl_world_query(job->work->world, node, context->session, &job->arena, &query, err));
    SL_TRY(sl_step_model(context, node->model, &query, node->fingerprint, &job->result, err));
    if (node->model->has_profile)
        sl_step_profile(context, SL_LAYER_CURATED, node->model->name, &job->result);
    return SL_OK;
}

static int do_task(struct job *job, struct sl_step_context *context, struct sl_err *err)
{
    const struct sl_task_job task = {.context = context,
                                     .graph = &job->work->world->graph,
                                     .node = job->node,
                                     .is_aborted = &sl_worker_seat(job->worker)->is_aborted};
    return sl_step_task(&task, &job->result, err);
}

static int do_chunk(struct job *job, struct sl_step_context *context, struct sl_err *err)
{
    const struct sl_node *node = job->node;
    struct sl_query query = {0};
    if (node->kind != SL_NODE_MODEL)
        return sl_fail(err, SL_E_INTERNAL, "a chunk of what is no model");
    SL_TRY(sl_world_query(job->work->world, node, context->session, &job->arena, &query, err));
    return sl_step_backfill(context, node->model, &query, node->fingerprint, &job->chunk,
                            &job->result, err);
}

static int do_kind(struct job *job, struct sl_step_context *context, struct sl_err *err)
{
    if (job->is_chunk)
        return do_chunk(job, context, err);
    switch (job->node->kind) {
    case SL_NODE_INGEST:
        return sl_step_ingest(context, job->node->source, &job->result, err);
    case SL_NODE_CLEANSE:
        return do_cleanse(job, context, err);
    case SL_NODE_MODEL:
        return do_model(job, context, err);
    case SL_NODE_LOAD:
        return do_load(job, context, err);
    case SL_NODE_TASK:
        return do_task(job, context, err);
    }
    return sl_fail(err, SL_E_INTERNAL, "a step of no kind");
}

static int do_step(struct job *job, struct sl_session *session, struct sl_err *err)
{
    const struct sl_order *order = &job->order;
    struct sl_world *world = job->work->world;
    struct sl_seat *seat = sl_worker_seat(job->worker);
    struct sl_step_context context = {
        .project = world->project,
        .views = &world->views,
        .session = session,
        .arena = &job->arena,
        .run_id = order->run_id,
        .now_us = order->started_us,
        .full_refresh = order->full_refresh,
        .loses_history = order->loses_history,
        .may_break = &order->may_break,
        .stop = &seat->is_draining,
        .progress = &seat->progress,
    };
    int code = do_kind(job, &context, err);
    // The step sees only that the code it was built with is another one.
    if (job->order.moved && job->result.was_full && !context.full_refresh)
        job->result.why = job->order.moved;
    if (code != SL_OK)
        sl_step_unstage_all(&context);
    return code;
}

// It must not write into another lake, nor say that it has done what it may have done there.
static int require_lake(const struct job *job, struct sl_err *err)
{
    return sl_lake_require_same(job->work->world->project, job->order.lake, err);
}

static int add_committed(struct job *job, enum sl_layer layer, struct sl_delta_head *ret,
                         struct sl_err *err)
{
    struct sl_step_result *result = &job->result;
    bool is_borrowed;
    const char *folder = sl_table_source(job->work->world->project, layer, job->node->bare,
                                         &job->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_head(folder, &job->arena, ret, err));
    struct sl_table_version version = {
        sl_arena_printf(&job->arena, "%s.%s", sl_layer_name(layer), job->node->bare), ret->version,
        ret->table_id};
    SL_TRY_NEW(version.table, err);
    return SL_PUSH(&job->arena, result->versions, result->version_count, version)
               ? SL_OK
               : sl_fail_memory(err);
}

// All commits of this run, of which the step may have made several: new rows, and a replay.
static int sum_up(struct job *job, const char *folder, int64_t newest, size_t *ret_count,
                  struct sl_err *err)
{
    struct sl_step_result *result = &job->result;
    *ret_count = 0;
    for (int64_t version = newest; version >= 0; version--) {
        struct sl_delta_head head;
        struct sl_record record = {0};
        SL_TRY(sl_delta_head_at(folder, version, &job->arena, &head, err));
        if (!head.record_json || head.record_version != version)
            return SL_OK;
        SL_TRY(sl_record_parse(head.record_json, &job->arena, &record, err));
        if (!sl_str_equal(record.run_id, job->order.run_id))
            return SL_OK;
        if (!*ret_count) { // the newest has seen the table as it is now
            result->balance = (struct sl_balance){0};
            result->broken = (struct sl_broken){.is_known = record.broken.is_known};
            result->has_balance = false;
            result->reason_count = 0;
            result->reasons = NULL;
            result->checks = record.checks;
            result->check_count = record.check_count;
        }
        result->was_full |= record.was_full;
        result->has_balance |= record.has_balance;
        sl_balance_add(&result->balance, &record.balance);
        for (size_t i = 0; i < SL_DIMENSIONS; i++)
            result->broken.rows[i] += record.broken.rows[i];
        SL_TRY(sl_reasons_add(&result->reasons, &result->reason_count, record.reasons,
                              record.reason_count, &job->arena, err));
        (*ret_count)++;
    }
    return SL_OK;
}

// What the attempts before have committed is what this run has done.
static int take_over(struct job *job, struct sl_err *err)
{
    static const enum sl_layer layers[] = {[SL_NODE_INGEST] = SL_LAYER_RAW,
                                           [SL_NODE_CLEANSE] = SL_LAYER_CLEAN,
                                           [SL_NODE_MODEL] = SL_LAYER_CURATED};
    struct sl_step_result *result = &job->result;
    bool was_done = result->outcome == SL_STEP_NOTHING, is_borrowed;
    struct sl_delta_head head;
    size_t count;
    if (!sl_node_has_table(job->node) || (!was_done && job->node->kind != SL_NODE_CLEANSE))
        return SL_OK;
    const enum sl_layer layer = layers[job->node->kind];
    const char *folder = sl_table_source(job->work->world->project, layer, job->node->bare,
                                         &job->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_head(folder, &job->arena, &head, err));
    SL_TRY(sum_up(job, folder, head.version, &count, err));
    if (!was_done || !count)
        return SL_OK;
    SL_TRY(add_committed(job, layer, &head, err));
    if (job->node->kind == SL_NODE_CLEANSE)
        SL_TRY(add_committed(job, SL_LAYER_QUARANTINE, &head, err));
    result->outcome = SL_STEP_DONE;
    result->why = "an attempt that failed had committed it";
    return SL_OK;
}

// More may be in use than the new share: the next look tries again.
static void adjust(void *self, const struct sl_seat *seat)
{
    const struct sl_run_work *work = self;
    struct sl_err ignored = {0};
    (void)!sl_world_share(work->world, atomic_load(&seat->parts), &ignored);
}

static bool needs_session(const struct job *job)
{
    return job->node->kind != SL_NODE_TASK ||
           sl_task_needs_session(&job->work->world->graph, job->node);
}

// A lost race with another writer is tried again from the new version; every other failure stands.
static int try_step(struct job *job, struct sl_err *err)
{
    struct sl_world *world = job->work->world;
    for (int attempt = 1;; attempt++) {
        struct sl_session *session = NULL;
        sl_err_clear(err);
        if (atomic_load(&sl_worker_seat(job->worker)->is_aborted))
            return sl_fail(err, SL_E_INTERRUPTED, "interrupted");
        adjust(job->work, sl_worker_seat(job->worker));
        if (job->order.refuses_leaks)
            SL_TRY(sl_world_refuse_leaks_of(world, job->node, err));
        SL_TRY(require_lake(job, err));
        if (needs_session(job))
            SL_TRY(sl_world_session(world, &session, err));
        sl_worker_watch(job->worker, session);
        int code = do_step(job, session, err);
        sl_worker_watch(job->worker, NULL);
        sl_session_close(&session);
        if (code == SL_OK && job->result.outcome != SL_STEP_NOTHING)
            code = require_lake(job, err);
        if (code != SL_OK)
            (void)sl_world_hide_values(world, job->node, err);
        if (code != SL_OK)
            code = sl_lake_explain(world->project, err);
        if (code != SL_E_TABLE_CONFLICT || attempt == CONFLICT_RETRIES)
            return code;
    }
}

static int find_node(struct job *job, struct sl_err *err)
{
    job->node = sl_graph_node(&job->work->world->graph, job->order.node);
    return job->node ? SL_OK
                     : sl_fail(err, SL_E_INTERNAL, "there is no step '%s'", job->order.node);
}

// A chunk that is tried again finds by itself what was committed of it.
static int take_request(struct job *job, const json_t *request, struct sl_err *err)
{
    const json_t *chunk = json_object_get(request, "chunk");
    job->is_chunk = chunk != NULL;
    SL_TRY(sl_fields_unpack(sl_order_fields, request, &job->arena, &job->order, err));
    if (job->is_chunk)
        SL_TRY(sl_backfill_chunk_parse(chunk, &job->arena, &job->chunk, err));
    return find_node(job, err);
}

static void do_job(void *self, struct sl_worker *worker, const json_t *request, json_t **ret_reply)
{
    SL_AUTO(job_clear) struct job job = {.work = self, .worker = worker};
    struct sl_reply reply = {0};
    sl_arena_init(&job.arena, STEP_MEMORY_BYTES);
    job.work->jobs++;
    job.work->was_look = json_object_get(request, "look") != NULL;
    job.work->world->is_in_run = true;
    job.work->world->has_workers = false;
    if (sl_work_errand(job.work->world, request, ret_reply))
        return;
    if (take_request(&job, request, &reply.err) == SL_OK && try_step(&job, &reply.err) == SL_OK &&
        job.order.is_again && !job.is_chunk)
        (void)!take_over(&job, &reply.err);
    reply.result = job.result;
    reply.peak_memory_bytes = sl_run_peak_bytes();
    *ret_reply = sl_fields_pack(sl_reply_fields, &reply);
}

// What planning and publishing allocate in the world stays until the process ends. And a service at
// rest keeps no process for the looks that it takes now and then.
static bool is_spent(void *self)
{
    struct sl_run_work *work = self;
    size_t used_bytes = work->world->arena.used_bytes;
    if (!work->first_bytes)
        work->first_bytes = used_bytes;
    return used_bytes - work->first_bytes > MOST_GROWTH_BYTES ||
           (work->jobs == 1 && work->was_look);
}

static void end(void *self)
{
    const struct sl_run_work *work = self;
    sl_world_close_engine(work->world);
}

size_t sl_run_worker_count(const struct sl_project *project, int64_t concurrency)
{
    int64_t asked = concurrency;
    if (asked <= 0)
        asked = project->concurrency;
    if (asked <= 0)
        asked = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t fitting = sl_kinds.engines[0]->memory(project->memory_bytes) / WORKER_MEMORY_BYTES;
    if (asked > fitting)
        asked = fitting;
    if (asked > SL_MOST_WORKERS)
        asked = SL_MOST_WORKERS;
    return asked > 0 ? (size_t)asked : 1;
}

struct sl_worker_kind sl_run_worker(struct sl_run_work *self)
{
    return (struct sl_worker_kind){
        .work = do_job, .adjust = adjust, .is_spent = is_spent, .end = end, .self = self};
}
