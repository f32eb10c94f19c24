// What a worker process does for a backfill: one chunk after another.
#include "run/backfill_inner.h"
#include "run/damaged.h"
#include "run/estimate.h"
#include "run/lineage.h"

// Another program's commit to partitions of the chunk; other chunks' are no conflict.
#define CONFLICT_RETRIES 5
#define CHUNK_MEMORY_BYTES ((size_t)16 << 30)

SL_IS_ALL_OF(struct sl_backfill_order, 16);

const struct sl_field sl_backfill_order_fields[] = {
    SL_FIELD(struct sl_backfill_order, chunk, SL_FIELD_INT),
    SL_FIELD(struct sl_backfill_order, is_again, SL_FIELD_BOOL),
    {0},
};

struct job {
    const struct sl_backfill_work *work;
    struct sl_worker *worker;
    struct sl_backfill_order order;
    const struct sl_backfill_table *table;
    struct sl_backfill_chunk chunk;
    struct sl_arena arena;
    struct sl_step_result result;
};

static void job_clear(struct job *job)
{
    sl_arena_clear(&job->arena);
}

static int do_chunk(struct job *job, struct sl_session *session, struct sl_err *err)
{
    struct sl_run *run = job->work->run;
    const struct sl_node *node = job->table->node;
    struct sl_seat *seat = sl_worker_seat(job->worker);
    struct sl_query query = {0};
    struct sl_step_context context = {
        .project = run->world->project,
        .views = &run->world->views,
        .session = session,
        .arena = &job->arena,
        .run_id = run->id,
        .now_us = run->started_us,
        .stop = &seat->is_draining,
        .progress = &seat->progress,
    };
    SL_TRY(sl_world_query(run->world, node, session, &job->arena, &query, err));
    int code = sl_step_backfill(&context, node->model, &query, node->fingerprint, &job->chunk,
                                &job->result, err);
    if (code != SL_OK)
        sl_step_unstage_all(&context);
    return code;
}

static void adjust(void *self, const struct sl_seat *seat)
{
    const struct sl_backfill_work *work = self;
    struct sl_err ignored = {0};
    (void)!sl_world_share(work->run->world, atomic_load(&seat->parts), &ignored);
}

static int try_chunk(struct job *job, struct sl_err *err)
{
    struct sl_world *world = job->work->run->world;
    const struct sl_node *node = job->table->node;
    for (int attempt = 1;; attempt++) {
        struct sl_session *session = NULL;
        sl_err_clear(err);
        if (atomic_load(&sl_worker_seat(job->worker)->is_aborted))
            return sl_fail(err, SL_E_INTERRUPTED, "interrupted");
        adjust((void *)job->work, sl_worker_seat(job->worker));
        SL_TRY(sl_world_refuse_leaks_of(world, node, err));
        SL_TRY(sl_world_session(world, &session, err));
        sl_worker_watch(job->worker, session);
        int code = do_chunk(job, session, err);
        sl_worker_watch(job->worker, NULL);
        sl_session_close(&session);
        if (code != SL_OK) {
            (void)sl_world_hide_values(world, node, err);
            code = sl_lake_explain(world->project, err);
        }
        if (code != SL_E_TABLE_CONFLICT || attempt == CONFLICT_RETRIES)
            return code;
    }
}

static void find_chunk(struct job *job)
{
    const struct sl_backfill_plan *plan = job->work->plan;
    const struct sl_backfill_chunk_run *chunk = &job->work->chunks[job->order.chunk];
    job->table = &plan->tables[chunk->table];
    job->chunk = (struct sl_backfill_chunk){
        .mark = {.id = plan->id,
                 .choice = plan->choice_json,
                 .partitions = job->table->found.partitions + chunk->from,
                 .partition_count = chunk->count,
                 .width = job->table->found.width,
                 .done = job->table->found.done,
                 .total = job->table->total},
        .since = job->order.is_again ? job->table->found.version : -1,
    };
}

static void do_job(void *self, struct sl_worker *worker, const json_t *request, json_t **ret_reply)
{
    SL_AUTO(job_clear) struct job job = {.work = self, .worker = worker};
    struct sl_reply reply = {0};
    sl_arena_init(&job.arena, CHUNK_MEMORY_BYTES);
    job.work->run->world->is_in_run = true;
    if (sl_fields_unpack(sl_backfill_order_fields, request, &job.arena, &job.order, &reply.err) ==
        SL_OK) {
        find_chunk(&job);
        (void)!try_chunk(&job, &reply.err);
    }
    reply.result = job.result;
    reply.peak_memory_bytes = sl_run_peak_bytes();
    *ret_reply = sl_fields_pack(sl_reply_fields, &reply);
}

static void end(void *self)
{
    const struct sl_backfill_work *work = self;
    sl_world_close_engine(work->run->world);
}

struct sl_worker_kind sl_backfill_worker(struct sl_backfill_work *work)
{
    return (struct sl_worker_kind){.work = do_job, .adjust = adjust, .end = end, .self = work};
}
