// A backfill as a run: its graph of tables and chunks, how far it has come, and what came of it.
#include "base/clock.h"
#include "run/backfill.h"

#include <string.h>

#define MOST_NAMED 100 // partitions in the history
#define STEP_MEMORY_BYTES ((size_t)1 << 30)

bool sl_backfill_is_chunk(const struct sl_backfill *backfill, size_t index)
{
    return backfill->parts[index].count > 0;
}

// --- the graph

// Of the graph's nodes those that a table is computed from, whatever is between them. Each is
// looked at once: they are in topological order.
static void find_read(const struct sl_graph *graph, const struct sl_node *table, bool *ret)
{
    size_t at = (size_t)(table - graph->nodes);
    memset(ret, 0, graph->count * sizeof *ret);
    ret[at] = true;
    for (at++; at-- > 0;)
        for (size_t i = 0; ret[at] && i < graph->nodes[at].upstream_count; i++)
            ret[graph->nodes[at].upstream[i]] = true;
}

static size_t chunks_of(const struct sl_backfill_table *table)
{
    return (table->found.count + table->chunk - 1) / table->chunk;
}

static void add_node(struct sl_backfill *backfill, const struct sl_backfill_part *part)
{
    const struct sl_backfill_table *table = &backfill->plan->tables[part->table];
    struct sl_node *node = &backfill->graph.nodes[backfill->graph.count];
    *node = *table->node;
    node->upstream = node->downstream = NULL;
    node->upstream_count = node->downstream_count = 0;
    node->is_selected = true;
    node->verdict = SL_VERDICT_STALE;
    node->why = node->impact = (struct sl_strs){0};
    node->estimate.is_made = false; // that of a step, not of what is done here
    backfill->parts[backfill->graph.count++] = *part;
}

static int make_nodes(struct sl_backfill *backfill, struct sl_err *err)
{
    const struct sl_backfill_plan *plan = backfill->plan;
    struct sl_arena *arena = &backfill->run->arena;
    size_t count = plan->count;
    for (size_t i = 0; i < plan->count; i++)
        count += chunks_of(&plan->tables[i]);
    backfill->progress.chunk_count = count - plan->count;
    if (backfill->progress.chunk_count > SL_BACKFILL_CHUNKS)
        return sl_fail(err, SL_E_BACKFILL_CHUNK, "there would be %zu chunks, and %d may be",
                       backfill->progress.chunk_count, SL_BACKFILL_CHUNKS);
    backfill->graph.nodes = SL_NEW_ARRAY(arena, struct sl_node, count + 1);
    backfill->parts = SL_NEW_ARRAY(arena, struct sl_backfill_part, count + 1);
    SL_TRY_NEW(backfill->graph.nodes, err);
    SL_TRY_NEW(backfill->parts, err);
    for (size_t i = 0; i < plan->count; i++)
        add_node(backfill, &(struct sl_backfill_part){.table = i});
    for (size_t i = 0; i < plan->count; i++) {
        const struct sl_backfill_table *table = &plan->tables[i];
        for (size_t at = 0; at < table->found.count; at += table->chunk) {
            size_t rest = table->found.count - at;
            size_t count_here = rest < table->chunk ? rest : table->chunk;
            add_node(backfill, &(struct sl_backfill_part){i, at, count_here});
        }
        backfill->progress.partitions_total += (int64_t)table->found.count;
    }
    return SL_OK;
}

// All chunks of a table have the same list: the tables that have to be done before.
static int link_chunks(struct sl_backfill *backfill, size_t table, size_t first, size_t count,
                       bool *is_read, struct sl_err *err)
{
    const struct sl_graph *graph = &backfill->run->world->graph;
    struct sl_arena *arena = &backfill->run->arena;
    struct sl_node *nodes = backfill->graph.nodes;
    const struct sl_backfill_plan *plan = backfill->plan;
    size_t *own = SL_NEW_ARRAY(arena, size_t, count + 1);
    size_t *before = SL_NEW_ARRAY(arena, size_t, table + 1), before_count = 0;
    size_t *after = SL_NEW_ARRAY(arena, size_t, 1);
    SL_TRY_NEW(own, err);
    SL_TRY_NEW(before, err);
    SL_TRY_NEW(after, err);
    after[0] = table;
    find_read(graph, plan->tables[table].node, is_read);
    for (size_t i = 0; i < table; i++)
        if (is_read[plan->tables[i].node - graph->nodes])
            before[before_count++] = i;
    for (size_t i = 0; i < count; i++) {
        own[i] = first + i;
        nodes[first + i].upstream = before;
        nodes[first + i].upstream_count = before_count;
        nodes[first + i].downstream = after;
        nodes[first + i].downstream_count = 1;
    }
    nodes[table].upstream = own;
    nodes[table].upstream_count = count;
    for (size_t i = 0; i < before_count; i++) {
        struct sl_node *node = &nodes[before[i]];
        size_t *longer = SL_NEW_ARRAY(arena, size_t, node->downstream_count + count + 1);
        SL_TRY_NEW(longer, err);
        if (node->downstream_count)
            memcpy(longer, node->downstream, node->downstream_count * sizeof *longer);
        if (count)
            memcpy(longer + node->downstream_count, own, count * sizeof *longer);
        node->downstream = longer;
        node->downstream_count += count;
    }
    return SL_OK;
}

int sl_backfill_begin(const struct sl_backfill_plan *plan, struct sl_run *run,
                      struct sl_backfill *ret, struct sl_err *err)
{
    size_t first = plan->count;
    *ret = (struct sl_backfill){.plan = plan, .run = run};
    SL_TRY(make_nodes(ret, err));
    bool *is_read = SL_NEW_ARRAY(&run->arena, bool, run->world->graph.count + 1);
    SL_TRY_NEW(is_read, err);
    for (size_t i = 0; i < plan->count; i++) {
        size_t count = chunks_of(&plan->tables[i]);
        SL_TRY(link_chunks(ret, i, first, count, is_read, err));
        first += count;
    }
    ret->progress.started_us = sl_clock_monotonic_us();
    run->graph = &ret->graph;
    return SL_OK;
}

// --- how far it has come

static bool is_done(const struct sl_outcome *outcome)
{
    switch (outcome->status) {
    case SL_STATUS_NOTHING:
    case SL_STATUS_OK:
    case SL_STATUS_WARN:
    case SL_STATUS_PARTIAL:
        return true;
    case SL_STATUS_WAITING:
    case SL_STATUS_RUNNING:
    case SL_STATUS_ERROR:
    case SL_STATUS_SKIPPED:
        break;
    }
    return false;
}

// It did not begin, since the backfill was told to stop.
static bool is_left(const struct sl_outcome *outcome)
{
    return outcome->status == SL_STATUS_SKIPPED && outcome->err.code == SL_E_INTERRUPTED;
}

void sl_backfill_ended(struct sl_backfill *backfill, const struct sl_outcome *outcome)
{
    struct sl_backfill_progress *progress = &backfill->progress;
    const struct sl_backfill_part *part = &backfill->parts[outcome - backfill->run->outcomes];
    progress->ended++;
    if (is_done(outcome)) {
        progress->partitions_done += (int64_t)part->count;
        progress->rows_in += outcome->result.balance.in;
        progress->rows_out += outcome->result.balance.out;
    } else if (!is_left(outcome)) {
        progress->failed++;
    }
}

// --- what came of it

struct sum {
    const struct sl_backfill_table *table;
    struct sl_outcome *outcome;
    size_t done, left;
    int64_t partitions;
};

static int add_done(struct sum *sum, const struct sl_backfill_part *part,
                    const struct sl_outcome *chunk, struct sl_err *err)
{
    struct sl_step_result *to = &sum->outcome->result;
    const struct sl_step_result *from = &chunk->result;
    sum->done++;
    sum->partitions += (int64_t)part->count;
    sl_balance_add(&to->balance, &from->balance);
    for (size_t i = 0; i < part->count && to->partitions.count < MOST_NAMED; i++)
        SL_TRY(sl_step_name_partition(&sum->table->node->model->partition_by,
                                      sum->table->found.partitions[part->from + i],
                                      &sum->outcome->arena, &to->partitions, err));
    to->files_out += from->files_out;
    to->bytes_out += from->bytes_out;
    if (!from->version_count ||
        (to->version_count && to->versions[0].version > from->versions[0].version))
        return SL_OK;
    to->versions = from->versions;
    to->version_count = from->version_count;
    to->checks = from->checks;
    to->check_count = from->check_count;
    return SL_OK;
}

static int add_failed(struct sum *sum, const struct sl_backfill_part *part,
                      const struct sl_outcome *chunk, struct sl_err *err)
{
    struct sl_outcome *outcome = sum->outcome;
    const char *span;
    if (!outcome->err.code)
        outcome->err = chunk->err;
    if (outcome->result.failed_parts++ >= MOST_NAMED)
        return SL_OK;
    SL_TRY(sl_backfill_span(sum->table, part->from, part->count, &outcome->arena, &span, err));
    const char *note = sl_arena_printf(&outcome->arena, "%s: %s: %s", span,
                                       sl_code_info(chunk->err.code)->id, chunk->err.message);
    SL_TRY_NEW(note, err);
    return sl_strs_add(&outcome->result.notes, &outcome->arena, note, err);
}

static int add_chunks(struct sl_backfill *backfill, size_t index, struct sum *sum,
                      struct sl_err *err)
{
    const struct sl_node *node = &backfill->graph.nodes[index];
    struct sl_outcome *outcome = sum->outcome;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_outcome *chunk = &backfill->run->outcomes[node->upstream[i]];
        const struct sl_backfill_part *part = &backfill->parts[node->upstream[i]];
        outcome->deaths += chunk->deaths;
        outcome->has_begun |= chunk->has_begun;
        if (chunk->attempts > outcome->attempts)
            outcome->attempts = chunk->attempts;
        if (chunk->death)
            outcome->death = chunk->death;
        if (chunk->peak_memory_bytes > outcome->peak_memory_bytes)
            outcome->peak_memory_bytes = chunk->peak_memory_bytes;
        if (chunk->started_us && (!outcome->started_us || chunk->started_us < outcome->started_us))
            outcome->started_us = chunk->started_us;
        if (is_done(chunk))
            SL_TRY(add_done(sum, part, chunk, err));
        else if (is_left(chunk))
            sum->left++;
        else
            SL_TRY(add_failed(sum, part, chunk, err));
    }
    return SL_OK;
}

static int sum_up(struct sl_backfill *backfill, size_t index, struct sl_err *err)
{
    struct sl_outcome *outcome = &backfill->run->outcomes[index];
    struct sum sum = {.table = &backfill->plan->tables[index], .outcome = outcome};
    char number[32];
    outcome->started_us = 0;
    SL_TRY(add_chunks(backfill, index, &sum, err));
    if (!outcome->started_us)
        outcome->started_us = sl_clock_now_us();
    if (!outcome->attempts)
        outcome->attempts = 1;
    outcome->result.why =
        sl_arena_printf(&outcome->arena, "backfill of %s partition%s",
                        sl_str_count(sum.partitions, number), sum.partitions == 1 ? "" : "s");
    SL_TRY_NEW(outcome->result.why, err);
    outcome->result.has_balance = outcome->result.version_count > 0;
    outcome->result.outcome = sum.done ? SL_STEP_DONE : SL_STEP_NOTHING;
    const bool has_failed = outcome->result.failed_parts > 0;
    outcome->status = sum.done && (has_failed || sum.left)        ? SL_STATUS_PARTIAL
                      : sum.done                                  ? SL_STATUS_OK
                      : !has_failed                               ? SL_STATUS_NOTHING
                      : outcome->err.code == SL_E_UPSTREAM_FAILED ? SL_STATUS_SKIPPED
                                                                  : SL_STATUS_ERROR;
    if (outcome->status == SL_STATUS_PARTIAL)
        outcome->err = (struct sl_err){0};
    return SL_OK;
}

void sl_backfill_sum_up(struct sl_backfill *backfill, size_t index)
{
    struct sl_outcome *outcome = &backfill->run->outcomes[index];
    struct sl_err err = {0};
    if (sum_up(backfill, index, &err) == SL_OK)
        return;
    outcome->err = err;
    outcome->status = SL_STATUS_ERROR;
}

void sl_backfill_end(struct sl_backfill *backfill)
{
    struct sl_run *run = backfill->run;
    const size_t tables = backfill->plan->count;
    if (run->count <= tables)
        return;
    run->more = run->count - tables;
    run->count = backfill->graph.count = tables;
    for (size_t i = 0; i < tables; i++) // chunks are no nodes any more
        backfill->graph.nodes[i].upstream_count = backfill->graph.nodes[i].downstream_count = 0;
}

// --- by itself

int sl_backfill_require_unchanged(const struct sl_world *world, const struct sl_backfill_plan *plan,
                                  struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct sl_backfill_table *table = &plan->tables[i];
        struct sl_delta_head head;
        const char *folder =
            sl_table_folder(world->project, SL_LAYER_CURATED, table->node->bare, arena);
        SL_TRY_NEW(folder, err);
        SL_TRY(sl_delta_head(folder, arena, &head, err));
        if (head.version == table->found.version)
            continue;
        (void)sl_fail(err, SL_E_PLAN_CHANGED, "%s got version %lld since the plan was made",
                      table->node->name, (long long)head.version);
        return sl_err_hint(err, "the same command makes a new plan");
    }
    return SL_OK;
}

int sl_world_backfill(struct sl_world *world, const struct sl_backfill_plan *plan,
                      const struct sl_run_options *options, struct sl_backfill *backfill,
                      struct sl_run *ret, struct sl_err *err)
{
    struct sl_run_options run = *options;
    *backfill = (struct sl_backfill){.plan = plan};
    run.command = "backfill";
    run.backfill = backfill;
    run.refuses_leaks = true;
    return sl_run(world, &run, ret, err);
}
