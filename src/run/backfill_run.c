// Runs the chunks of a backfill: one table after the other, several chunks of it at a time. One
// thread, one loop; what takes time is done by workers.
#include "base/clock.h"
#include "base/fs.h"
#include "run/backfill_inner.h"
#include "run/history.h"
#include "run/lock.h"
#include "run/pool.h"
#include "run/spill.h"

#include <signal.h>
#include <string.h>

#define TICK_MS 100
#define MOST_DEATHS 2
#define MOST_NAMED 100 // partitions in the history
#define STEP_MEMORY_BYTES ((size_t)1 << 30)

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
#define CAUGHT_COUNT (sizeof caught / sizeof *caught)

struct backfill {
    struct sl_run *run;
    const struct sl_backfill_plan *plan;
    const struct sl_backfill_listener *listener;
    struct sl_backfill_progress progress;
    struct sl_backfill_chunk_run *chunks;
    size_t count, next; // next: the first that may not have begun
    struct sl_backfill_work work;
    struct sl_history *history;
    uv_loop_t loop;
    uv_timer_t ticker;
    uv_signal_t signals[CAUGHT_COUNT];
    struct sl_pool *pool;
    int interrupts;
};

static struct sl_outcome *outcome_of(const struct backfill *backfill,
                                     const struct sl_backfill_table *table)
{
    return &backfill->run->outcomes[table->node - backfill->run->world->graph.nodes];
}

// --- Chunks ---

static bool has_ended(const struct sl_backfill_chunk_run *chunk)
{
    return chunk->state != SL_CHUNK_WAITING && chunk->state != SL_CHUNK_RUNNING;
}

static bool reads(const struct sl_graph *graph, const struct sl_node *node,
                  const struct sl_node *from)
{
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *input = &graph->nodes[node->upstream[i]];
        if (input == from || reads(graph, input, from))
            return true;
    }
    return false;
}

// A table that failed in part is not what those that read it should be computed from.
static const struct sl_backfill_table *failed_before(const struct backfill *backfill, size_t table)
{
    const struct sl_graph *graph = &backfill->run->world->graph;
    for (size_t i = 0; i < backfill->count; i++) {
        const struct sl_backfill_chunk_run *chunk = &backfill->chunks[i];
        const struct sl_backfill_table *before = &backfill->plan->tables[chunk->table];
        if (chunk->table < table && chunk->state == SL_CHUNK_FAILED &&
            reads(graph, backfill->plan->tables[table].node, before->node))
            return before;
    }
    return NULL;
}

static void leave(struct backfill *backfill, struct sl_backfill_chunk_run *chunk,
                  const struct sl_backfill_table *because)
{
    chunk->state = SL_CHUNK_LEFT;
    if (because)
        (void)sl_fail(&chunk->err, SL_E_INTERRUPTED, "%s failed before", because->node->name);
    backfill->progress.failed += because != NULL;
}

static void end_chunk(struct backfill *backfill, struct sl_backfill_chunk_run *chunk)
{
    chunk->ended_us = sl_clock_now_us();
    chunk->seat = NULL;
    backfill->progress.running--;
    if (chunk->state == SL_CHUNK_FAILED) {
        backfill->progress.failed++;
    } else {
        backfill->progress.partitions_done += (int64_t)chunk->count;
        backfill->progress.rows_in += chunk->balance.in;
        backfill->progress.rows_out += chunk->balance.out;
    }
    if (backfill->listener->on_chunk)
        backfill->listener->on_chunk(backfill->listener->self, &backfill->progress, chunk);
}

// The next that may begin: all chunks of the tables before it have ended.
static struct sl_backfill_chunk_run *next_chunk(struct backfill *backfill)
{
    if (backfill->interrupts)
        return NULL;
    while (backfill->next < backfill->count &&
           backfill->chunks[backfill->next].state != SL_CHUNK_WAITING)
        backfill->next++;
    if (backfill->next == backfill->count)
        return NULL;
    struct sl_backfill_chunk_run *chunk = &backfill->chunks[backfill->next];
    for (size_t i = backfill->next; i-- > 0;)
        if (backfill->chunks[i].table != chunk->table && !has_ended(&backfill->chunks[i]))
            return NULL;
    return chunk;
}

static void start(struct backfill *backfill, struct sl_backfill_chunk_run *chunk)
{
    const struct sl_backfill_order order = {chunk - backfill->chunks, chunk->deaths > 0};
    SL_AUTO(sl_json_free)
    json_t *request = sl_fields_pack(sl_backfill_order_fields, &order);
    chunk->state = SL_CHUNK_RUNNING;
    chunk->started_us = sl_clock_now_us();
    backfill->progress.running++;
    int code = request ? sl_pool_start(backfill->pool, (size_t)order.chunk, request, &chunk->seat,
                                       &chunk->err)
                       : sl_fail_memory(&chunk->err);
    if (code == SL_OK)
        return;
    chunk->state = SL_CHUNK_FAILED;
    end_chunk(backfill, chunk);
}

static void dispatch(struct backfill *backfill)
{
    struct sl_backfill_chunk_run *chunk;
    while (sl_pool_has_room(backfill->pool) && (chunk = next_chunk(backfill))) {
        const struct sl_backfill_table *failed = failed_before(backfill, chunk->table);
        if (failed)
            leave(backfill, chunk, failed);
        else
            start(backfill, chunk);
    }
    if (sl_pool_busy(backfill->pool))
        sl_pool_share(backfill->pool, sl_pool_busy(backfill->pool));
    if (!backfill->progress.running)
        uv_stop(&backfill->loop);
}

// What the worker says of it; it is no chunk's fault if it cannot be read.
static void take_reply(struct backfill *backfill, struct sl_backfill_chunk_run *chunk,
                       const json_t *json)
{
    struct sl_reply reply = {0};
    struct sl_arena *arena = &backfill->run->arena;
    struct sl_outcome *outcome = outcome_of(backfill, &backfill->plan->tables[chunk->table]);
    if (sl_fields_unpack(sl_reply_fields, json, arena, &reply, &chunk->err) != SL_OK) {
        chunk->state = SL_CHUNK_FAILED;
        return;
    }
    chunk->err = reply.err;
    chunk->state = reply.err.code ? SL_CHUNK_FAILED : SL_CHUNK_DONE;
    if (reply.peak_memory_bytes > outcome->peak_memory_bytes)
        outcome->peak_memory_bytes = reply.peak_memory_bytes;
    if (chunk->state == SL_CHUNK_FAILED) // the examples of its checks are in the error
        return;
    chunk->balance = reply.result.balance;
    for (size_t i = 0; i < reply.result.version_count; i++)
        chunk->version = reply.result.versions[i].version;
    if (chunk->version < 0)
        return;
    outcome->result.files_out += reply.result.files_out;
    outcome->result.bytes_out += reply.result.bytes_out;
    if (outcome->result.version_count && outcome->result.versions[0].version > chunk->version)
        return;
    outcome->result.versions = reply.result.versions;
    outcome->result.version_count = reply.result.version_count;
    outcome->result.checks = reply.result.checks;
    outcome->result.check_count = reply.result.check_count;
}

static void on_reply(void *owner, size_t job, const json_t *json, const struct sl_death *death)
{
    struct backfill *backfill = owner;
    struct sl_backfill_chunk_run *chunk = &backfill->chunks[job];
    if (json) {
        take_reply(backfill, chunk, json);
    } else if (death->signal && !death->is_ours && ++chunk->deaths < MOST_DEATHS &&
               !backfill->interrupts) {
        // Another worker finds what was committed, and does the rest.
        chunk->state = SL_CHUNK_WAITING;
        chunk->seat = NULL;
        backfill->progress.running--;
        backfill->next = 0;
        dispatch(backfill);
        return;
    } else {
        chunk->state = SL_CHUNK_FAILED;
        chunk->err = death->err;
    }
    end_chunk(backfill, chunk);
    dispatch(backfill);
}

// --- The loop ---

static void on_tick(uv_timer_t *timer)
{
    struct backfill *backfill = timer->data;
    sl_history_flush(backfill->history);
    if (backfill->interrupts)
        sl_pool_press_all(backfill->pool);
    if (backfill->run->world->project->worker_memory_bytes > 0)
        sl_pool_limit_memory(backfill->pool, backfill->run->world->project->worker_memory_bytes);
    if (backfill->listener->on_tick)
        backfill->listener->on_tick(backfill->listener->self, &backfill->progress);
}

// As for a run: drain, interrupt, kill.
static void on_signal(uv_signal_t *handle, int number)
{
    struct backfill *backfill = handle->data;
    (void)number;
    backfill->run->was_interrupted = true;
    backfill->interrupts++;
    if (backfill->listener->on_interrupt)
        backfill->listener->on_interrupt(backfill->listener->self, backfill->interrupts);
    sl_pool_interrupt(backfill->pool, backfill->interrupts);
    if (!backfill->progress.running)
        uv_stop(&backfill->loop);
}

static void before_fork(void *owner)
{
    struct backfill *backfill = owner;
    sl_world_close_engine(backfill->run->world);
}

static int watch(struct backfill *backfill, struct sl_err *err)
{
    int code = uv_timer_init(&backfill->loop, &backfill->ticker);
    backfill->ticker.data = backfill;
    if (code == 0)
        code = uv_timer_start(&backfill->ticker, on_tick, TICK_MS, TICK_MS);
    for (size_t i = 0; code == 0 && i < CAUGHT_COUNT; i++) {
        code = uv_signal_init(&backfill->loop, &backfill->signals[i]);
        backfill->signals[i].data = backfill;
        if (code == 0)
            code = uv_signal_start(&backfill->signals[i], on_signal, caught[i]);
    }
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no event loop: %s", uv_strerror(code));
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void end_loop(struct backfill *backfill)
{
    sl_pool_close(&backfill->pool);
    sl_spill_sweep(backfill->run->world->project);
    uv_walk(&backfill->loop, close_handle, NULL);
    while (uv_run(&backfill->loop, UV_RUN_DEFAULT) != 0)
        ; // one may return for a uv_stop of before
    (void)uv_loop_close(&backfill->loop);
    // One more Ctrl-C must not cut off the report.
    for (size_t i = 0; backfill->interrupts && i < CAUGHT_COUNT; i++)
        signal(caught[i], SIG_IGN);
}

static int run_chunks(struct backfill *backfill, int64_t concurrency, struct sl_err *err)
{
    backfill->work = (struct sl_backfill_work){backfill->run, backfill->plan, backfill->chunks};
    struct sl_pool_options options = {
        .loop = &backfill->loop,
        .size = sl_run_worker_count(backfill->run->world->project, concurrency),
        .worker = sl_backfill_worker(&backfill->work),
        .on_reply = on_reply,
        .before_fork = before_fork,
        .owner = backfill,
    };
    sl_spill_sweep(backfill->run->world->project);
    int code = uv_loop_init(&backfill->loop);
    if (code != 0) // libuv's codes are errno's
        return sl_fail_errno(err, -code, "cannot begin an event loop");
    code = sl_pool_open(&options, &backfill->pool, err);
    if (code == SL_OK)
        code = watch(backfill, err);
    if (code == SL_OK) {
        dispatch(backfill);
        if (backfill->progress.running)
            uv_run(&backfill->loop, UV_RUN_DEFAULT);
    }
    end_loop(backfill);
    return code;
}

// --- What came of it ---

static int note(struct sl_outcome *outcome, const char *text, struct sl_err *err)
{
    SL_TRY_NEW(text, err);
    return sl_strs_add(&outcome->result.notes, &outcome->arena, text, err);
}

static int add_done(const struct sl_backfill_table *table,
                    const struct sl_backfill_chunk_run *chunk, struct sl_outcome *outcome,
                    struct sl_err *err)
{
    struct sl_strs *names = &outcome->result.partitions;
    sl_balance_add(&outcome->result.balance, &chunk->balance);
    for (size_t i = 0; i < chunk->count && names->count < MOST_NAMED; i++)
        SL_TRY(sl_step_name_partition(&table->node->model->partition_by,
                                      table->found.partitions[chunk->from + i], &outcome->arena,
                                      names, err));
    return SL_OK;
}

static int add_failed(const struct sl_backfill_table *table,
                      const struct sl_backfill_chunk_run *chunk, struct sl_outcome *outcome,
                      struct sl_err *err)
{
    const char *span;
    if (!outcome->err.code)
        outcome->err = chunk->err;
    if (outcome->result.failed_parts++ >= MOST_NAMED)
        return SL_OK;
    SL_TRY(sl_backfill_span(table, chunk->from, chunk->count, &outcome->arena, &span, err));
    return note(outcome,
                sl_arena_printf(&outcome->arena, "%s: %s: %s", span,
                                sl_code_info(chunk->err.code)->id, chunk->err.message),
                err);
}

static int sum_up(struct backfill *backfill, size_t index, struct sl_err *err)
{
    const struct sl_backfill_table *table = &backfill->plan->tables[index];
    struct sl_outcome *outcome = outcome_of(backfill, table);
    size_t done = 0, left = 0;
    char number[32];
    int64_t partitions = 0;
    for (size_t i = 0; i < backfill->count; i++) {
        const struct sl_backfill_chunk_run *chunk = &backfill->chunks[i];
        if (chunk->table != index)
            continue;
        done += chunk->state == SL_CHUNK_DONE;
        left += chunk->state == SL_CHUNK_LEFT || chunk->state == SL_CHUNK_WAITING;
        if (chunk->state == SL_CHUNK_DONE) {
            partitions += (int64_t)chunk->count;
            SL_TRY(add_done(table, chunk, outcome, err));
        } else if (chunk->err.code) {
            SL_TRY(add_failed(table, chunk, outcome, err));
        }
    }
    outcome->result.why =
        sl_arena_printf(&outcome->arena, "backfill of %s partition%s",
                        sl_str_count(partitions, number), partitions == 1 ? "" : "s");
    SL_TRY_NEW(outcome->result.why, err);
    outcome->ended_us = sl_clock_now_us();
    outcome->attempts = 1;
    outcome->result.has_balance = outcome->result.version_count > 0;
    outcome->result.outcome = done ? SL_STEP_DONE : SL_STEP_NOTHING;
    outcome->status = outcome->result.failed_parts && done ? SL_STATUS_PARTIAL
                      : outcome->result.failed_parts       ? SL_STATUS_ERROR
                      : done && left                       ? SL_STATUS_PARTIAL
                      : done                               ? SL_STATUS_OK
                                                           : SL_STATUS_NOTHING;
    if (outcome->status == SL_STATUS_PARTIAL)
        outcome->err = (struct sl_err){0};
    sl_history_add(backfill->history, outcome);
    return SL_OK;
}

static int publish(struct backfill *backfill, struct sl_err *err)
{
    struct sl_run *run = backfill->run;
    struct sl_rest rest = {0};
    struct sl_publish_options options = {
        .run_id = run->id, .command = "backfill", .at_us = sl_clock_now_us()};
    int code = sl_publication_last(run->world->project, &run->arena, &rest.before, err);
    if (code == SL_OK)
        code = sl_world_publish(run->world, &options, &rest.now, &run->has_published, err);
    if (code != SL_OK)
        return sl_err_context(err, "publish what was built");
    run->publication = rest.now;
    return run->has_published ? sl_history_add_rest(backfill->history, &rest, err) : SL_OK;
}

static int cut(struct backfill *backfill, struct sl_err *err)
{
    struct sl_arena *arena = &backfill->run->arena;
    for (size_t i = 0; i < backfill->plan->count; i++) {
        const struct sl_backfill_table *table = &backfill->plan->tables[i];
        for (size_t at = 0; at < table->found.count; at += table->chunk) {
            size_t rest = table->found.count - at;
            struct sl_backfill_chunk_run chunk = {.table = i,
                                                  .from = at,
                                                  .count =
                                                      rest < table->chunk ? rest : table->chunk,
                                                  .version = -1};
            if (!SL_PUSH(arena, backfill->chunks, backfill->count, chunk))
                return sl_fail_memory(err);
        }
        backfill->progress.partitions_total += (int64_t)table->found.count;
    }
    backfill->progress.plan = backfill->plan;
    backfill->progress.chunks = backfill->chunks;
    backfill->progress.chunk_count = backfill->count;
    backfill->progress.started_us = sl_clock_monotonic_us();
    return SL_OK;
}

static int prepare(struct backfill *backfill, struct sl_err *err)
{
    struct sl_run *run = backfill->run;
    struct sl_graph *graph = &run->world->graph;
    run->outcomes = SL_NEW_ARRAY(&run->arena, struct sl_outcome, graph->count);
    SL_TRY_NEW(run->outcomes, err);
    run->count = graph->count;
    for (size_t i = 0; i < graph->count; i++) {
        graph->nodes[i].is_selected = false;
        graph->nodes[i].estimate.is_made = false; // that of a step, not of what is done here
        run->outcomes[i].node = &graph->nodes[i];
        run->outcomes[i].started_us = run->started_us;
        run->outcomes[i].rows_read = run->outcomes[i].peak_memory_bytes = -1;
        sl_arena_init(&run->outcomes[i].arena, STEP_MEMORY_BYTES);
    }
    for (size_t i = 0; i < backfill->plan->count; i++)
        outcome_of(backfill, &backfill->plan->tables[i]);
    for (size_t i = 0; i < backfill->plan->count; i++)
        graph->nodes[backfill->plan->tables[i].node - graph->nodes].is_selected = true;
    return cut(backfill, err);
}

// Whoever has committed since then may have done a part of it.
static int require_unchanged(struct backfill *backfill, struct sl_err *err)
{
    struct sl_world *world = backfill->run->world;
    for (size_t i = 0; i < backfill->plan->count; i++) {
        const struct sl_backfill_table *table = &backfill->plan->tables[i];
        struct sl_delta_head head;
        const char *folder = sl_table_folder(world->project, SL_LAYER_CURATED, table->node->bare,
                                             &backfill->run->arena);
        SL_TRY_NEW(folder, err);
        SL_TRY(sl_delta_head(folder, &backfill->run->arena, &head, err));
        if (head.version == table->found.version)
            continue;
        (void)sl_fail(err, SL_E_PLAN_CHANGED, "%s got version %lld since the plan was made",
                      table->node->name, (long long)head.version);
        return sl_err_hint(err, "the same command makes a new plan");
    }
    return SL_OK;
}

static int run_locked(struct backfill *backfill, int64_t concurrency, struct sl_err *err)
{
    struct sl_run *run = backfill->run;
    SL_AUTO(sl_history_close) struct sl_history *history = NULL;
    struct sl_err publish_err = {0};
    SL_TRY(require_unchanged(backfill, err));
    SL_TRY(sl_run_pin_borrowed(run, err));
    SL_TRY(prepare(backfill, err));
    const struct sl_history_options kept = {.command = "backfill"};
    SL_TRY(sl_history_open(run, &kept, &history, err));
    backfill->history = history;
    SL_TRY(run_chunks(backfill, concurrency, err));
    for (size_t i = 0; i < backfill->plan->count; i++)
        SL_TRY(sum_up(backfill, i, err));
    (void)!publish(backfill, &publish_err);
    run->ended_us = sl_clock_now_us();
    sl_run_count(run);
    sl_history_end(history);
    *err = publish_err;
    return err->code;
}

int sl_world_backfill(struct sl_world *world, const struct sl_backfill_plan *plan,
                      int64_t concurrency, const struct sl_backfill_listener *listener,
                      struct sl_run *ret, struct sl_err *err)
{
    struct backfill backfill = {.run = ret, .plan = plan, .listener = listener};
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    *ret = (struct sl_run){.world = world, .graph = &world->graph, .started_us = sl_clock_now_us()};
    sl_arena_init(&ret->arena, 0);
    sl_uuid(ret->id);
    SL_TRY(sl_run_lock(world->project->state_folder, &lock_fd, err));
    return run_locked(&backfill, concurrency, err);
}
