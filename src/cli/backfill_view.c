#include "cli/backfill.h"

#include "base/clock.h"

#include <stdlib.h>

// --- The plan ---

static bool is_planned(const struct sl_backfill_plan *plan, const struct sl_node *node)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->tables[i].node == node)
            return true;
    return false;
}

// Marks all that reads a table, be it through others.
static void mark_readers(const struct sl_graph *graph, const struct sl_node *node, bool *marked)
{
    for (size_t i = 0; i < node->downstream_count; i++) {
        size_t index = node->downstream[i];
        if (marked[index])
            continue;
        marked[index] = true;
        mark_readers(graph, &graph->nodes[index], marked);
    }
}

static int list_readers(const struct sl_world *world, const struct sl_backfill_plan *plan,
                        struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    bool *marked = SL_NEW_ARRAY(arena, bool, world->graph.count);
    SL_TRY_NEW(marked, err);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->tables[i].found.count)
            mark_readers(&world->graph, plan->tables[i].node, marked);
    for (size_t i = 0; i < world->graph.count; i++)
        if (marked[i] && !is_planned(plan, &world->graph.nodes[i]) &&
            !sl_node_is_view(&world->graph.nodes[i]))
            SL_TRY(sl_strs_add(ret, arena, world->graph.nodes[i].label, err));
    return SL_OK;
}

static json_t *number_or_null(int64_t number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static json_t *edge(const struct sl_backfill_table *table, size_t index, struct sl_arena *arena)
{
    const char *name;
    struct sl_err ignored = {0};
    if (index >= table->found.count ||
        sl_backfill_span(table, index, 1, arena, &name, &ignored) != SL_OK)
        return json_null();
    return sl_json_string(name);
}

static json_t *table_json(const struct sl_backfill_table *table, struct sl_arena *arena)
{
    const struct sl_backfill_found *found = &table->found;
    size_t chunks = (found->count + table->chunk - 1) / table->chunk;
    return json_pack(
        "{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:b, s:s?}", "table",
        table->node->name, "partitions", (json_int_t)found->count, "done", (json_int_t)found->done,
        "first", edge(table, 0, arena), "last", edge(table, found->count - 1, arena), "rows_in",
        number_or_null(found->rows_in), "rows_out", number_or_null(found->rows_out), "elapsed_ms",
        number_or_null(table->elapsed_ms), "chunks", (json_int_t)chunks, "chunk",
        (json_int_t)table->chunk, "without_input", (json_int_t)found->empty_count, "reads_all",
        !found->is_local, "why_all", found->is_local ? NULL : found->why_whole);
}

int sl_backfill_plan_json(const struct sl_world *world, const struct sl_backfill_plan *plan,
                          json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs readers = {0};
    sl_arena_init(&arena, 0);
    json_t *tables = json_array(), *downstream = json_array();
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s, s:b, s:b, s:s, s:I, s:o, s:o}", "schema", "sluice.backfill/1", "id",
                  plan->id, "is_resumed", plan->is_resumed, "has_new_inputs", plan->has_new_inputs,
                  "order", plan->newest_first ? "newest" : "oldest", "concurrency",
                  (json_int_t)plan->concurrency, "tables", tables, "downstream", downstream);
    SL_TRY_NEW(root, err);
    SL_TRY(list_readers(world, plan, &arena, &readers, err));
    for (size_t i = 0; i < plan->count; i++)
        if (json_array_append_new(tables, table_json(&plan->tables[i], &arena)) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < readers.count; i++)
        if (json_array_append_new(downstream, json_string(readers.items[i])) != 0)
            return sl_fail_memory(err);
    *ret = root;
    root = NULL;
    return SL_OK;
}

static const char *count_or_dash(int64_t count, char number[32])
{
    return count < 0 ? "-" : sl_str_count(count, number);
}

static int add_table(struct sl_grid *grid, const struct sl_backfill_table *table,
                     struct sl_arena *arena, struct sl_err *err)
{
    const struct sl_backfill_found *found = &table->found;
    char numbers[5][32];
    const char *span;
    SL_TRY(sl_backfill_span(table, 0, found->count, arena, &span, err));
    const char *cells[] = {
        table->node->name,
        sl_str_count((int64_t)found->count, numbers[0]),
        span,
        count_or_dash(found->rows_in, numbers[1]),
        count_or_dash(found->rows_out, numbers[2]),
        sl_str_count((int64_t)((found->count + table->chunk - 1) / table->chunk), numbers[3]),
        table->elapsed_ms < 0 ? "-" : sl_str_elapsed(table->elapsed_ms, numbers[4])};
    return sl_grid_row(grid, cells, err);
}

static void tell_table(const struct sl_common *common, const struct sl_backfill_table *table)
{
    const struct sl_backfill_found *found = &table->found;
    char number[64];
    if (found->done)
        printf("%s: %s done before\n", table->node->name,
               sl_count_of(found->done, "partition", number));
    if (!found->is_local && found->count)
        printf("%s: each chunk reads all of its inputs: %s\n", table->node->name, found->why_whole);
    if (found->empty_count)
        sl_tell(common, SL_LOG_WARN,
                "%s: %s of the table without any row in the inputs (%s): left as they are; "
                "--allow-empty empties them",
                table->node->name, sl_count_of((int64_t)found->empty_count, "partition", number),
                found->empty_example);
}

int sl_backfill_show_plan(const struct sl_common *common, const struct sl_world *world,
                          const struct sl_backfill_plan *plan, bool has_downstream,
                          struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_grid grid;
    struct sl_strs readers = {0};
    sl_arena_init(&arena, 0);
    sl_grid_init(&grid, &arena, 7, 0x7A);
    SL_TRY(sl_grid_row(&grid,
                       (const char *const[]){"table", "partitions", "first to last", "rows in",
                                             "rows out", "chunks", "time"},
                       err));
    for (size_t i = 0; i < plan->count; i++)
        SL_TRY(add_table(&grid, &plan->tables[i], &arena, err));
    SL_TRY(sl_grid_print(&grid, stdout, err));
    for (size_t i = 0; i < plan->count; i++)
        tell_table(common, &plan->tables[i]);
    SL_TRY(list_readers(world, plan, &arena, &readers, err));
    for (size_t i = 0; i < readers.count; i++)
        printf("%s%s",
               i                ? ", "
               : has_downstream ? "then: "
                                : "for the next run, or --downstream: ",
               readers.items[i]);
    if (readers.count)
        putchar('\n');
    printf("backfill %s%s\n", plan->id, plan->is_resumed ? " goes on" : "");
    if (plan->has_new_inputs)
        sl_tell(common, SL_LOG_WARN,
                "something was committed since it began: partitions that are done may be computed "
                "from other inputs than those to come");
    fflush(stdout);
    return SL_OK;
}

// --- While it goes ---

void sl_backfill_view_init(struct sl_backfill_view *view, const struct sl_common *common,
                           const struct sl_run *run, const struct sl_backfill *backfill)
{
    *view = (struct sl_backfill_view){.common = common, .run = run, .backfill = backfill};
    sl_arena_init(&view->arena, 0);
    view->is_live = sl_is_terminal(stderr) && !sl_str_equal(getenv("TERM"), "dumb") &&
                    !common->is_quiet && common->log_format == SL_LOG_TEXT;
}

void sl_backfill_view_clear(struct sl_backfill_view *view)
{
    sl_arena_clear(&view->arena);
}

static void wipe(struct sl_backfill_view *view, struct sl_buf *text)
{
    for (; view->drawn_lines > 0; view->drawn_lines--)
        sl_buf_add(text, "\033[1A\033[2K");
}

static void show(const struct sl_buf *text)
{
    if (text->length && !text->has_failed)
        fwrite(text->text, 1, text->length, stderr);
}

// "12 of 90 partitions, 2 chunks running, 120,000 rows/s, 3.2 s left"
static void add_progress(const struct sl_backfill_progress *progress, struct sl_buf *text)
{
    char done[32], total[64], number[64];
    const double elapsed_us = (double)(sl_clock_monotonic_us() - progress->started_us);
    const int64_t left = progress->partitions_total - progress->partitions_done;
    sl_buf_addf(text, "%s of %s", sl_str_count(progress->partitions_done, done),
                sl_count_of(progress->partitions_total, "partition", total));
    if (progress->running)
        sl_buf_addf(text, ", %s running", sl_count_of((int64_t)progress->running, "chunk", number));
    if (progress->failed)
        sl_buf_addf(text, ", %s failed", sl_count_of((int64_t)progress->failed, "chunk", number));
    if (!progress->partitions_done || elapsed_us <= 0)
        return;
    sl_buf_addf(text, ", %s rows/s",
                sl_str_count((int64_t)((double)progress->rows_out * 1e6 / elapsed_us), number));
    if (left)
        sl_buf_addf(text, ", %s left",
                    sl_str_elapsed((int64_t)(elapsed_us / 1000 * (double)left /
                                             (double)progress->partitions_done),
                                   number));
}

void sl_backfill_view_wipe(struct sl_backfill_view *view)
{
    SL_AUTO(sl_buf_clear) struct sl_buf frame = SL_BUF_INIT;
    wipe(view, &frame);
    show(&frame);
}

void sl_backfill_view_draw(struct sl_backfill_view *view,
                           const struct sl_backfill_progress *progress)
{
    SL_AUTO(sl_buf_clear) struct sl_buf frame = SL_BUF_INIT, line = SL_BUF_INIT;
    if (!view->is_live)
        return;
    wipe(view, &frame);
    add_progress(progress, &line);
    sl_buf_add(&frame, sl_color(stderr, SL_COLOR_DIM));
    sl_add_plain(&frame, line.text, (size_t)sl_terminal_width(stderr) - 1);
    sl_buf_addf(&frame, "%s\n", sl_color(stderr, SL_COLOR_NONE));
    view->drawn_lines++;
    show(&frame);
}

static void on_tick(void *self, const struct sl_outcome *const *running, size_t count)
{
    struct sl_backfill_view *view = self;
    (void)running;
    (void)count;
    sl_backfill_view_draw(view, &view->backfill->progress);
}

// One line of the JSON log for each chunk.
static void log_chunk(const struct sl_backfill_view *view, const struct sl_outcome *chunk,
                      int64_t version, const char *span, const char *status)
{
    const struct sl_backfill_progress *progress = &view->backfill->progress;
    SL_AUTO(sl_json_free)
    json_t *fields = json_pack(
        "{s:s?, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:o}", "job_id",
        view->common->cli->job_id, "run_id", view->run->id, "backfill_id", view->backfill->plan->id,
        "step", chunk->node->label, "table", chunk->node->name, "partition", span, "chunk_status",
        status, "rows_in", (json_int_t)chunk->result.balance.in, "rows_out",
        (json_int_t)chunk->result.balance.out, "partitions_done",
        (json_int_t)progress->partitions_done, "partitions_total",
        (json_int_t)progress->partitions_total, "version", (json_int_t)version, "attempt",
        chunk->attempts, "elapsed_ms", (json_int_t)((chunk->ended_us - chunk->started_us) / 1000),
        "error", chunk->err.code ? sl_err_json(&chunk->err) : json_null());
    sl_log(chunk->err.code ? SL_LOG_ERROR : SL_LOG_INFO, fields, "%s: %s: %s", chunk->node->label,
           span, chunk->err.code ? chunk->err.message : status);
}

static const char *span_of(const struct sl_backfill *backfill, const struct sl_outcome *chunk,
                           struct sl_arena *arena)
{
    const struct sl_backfill_part *part = &backfill->parts[chunk - backfill->run->outcomes];
    const char *span = "";
    struct sl_err ignored = {0};
    (void)!sl_backfill_span(&backfill->plan->tables[part->table], part->from, part->count, arena,
                            &span, &ignored);
    return span;
}

static void on_chunk(void *self, const struct sl_outcome *chunk)
{
    struct sl_backfill_view *view = self;
    SL_AUTO(sl_buf_clear) struct sl_buf frame = SL_BUF_INIT, line = SL_BUF_INIT;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const bool has_failed = chunk->status == SL_STATUS_ERROR;
    const size_t versions = chunk->result.version_count;
    const int64_t version = versions ? chunk->result.versions[versions - 1].version : -1;
    const char *status = has_failed ? "error" : version < 0 ? "nothing" : "ok";
    char number[64];
    if (chunk->status == SL_STATUS_SKIPPED)
        return; // it did not begin
    sl_arena_init(&arena, 0);
    const char *span = span_of(view->backfill, chunk, &arena);
    if (view->common->log_format == SL_LOG_JSON) {
        log_chunk(view, chunk, has_failed ? -1 : version, span, status);
        return;
    }
    if (view->common->is_quiet)
        return;
    sl_buf_addf(&line, "%-8s %s  %s", status, chunk->node->name, span);
    if (has_failed)
        sl_buf_addf(&line, ": %s", chunk->err.message);
    else
        sl_buf_addf(&line, "  %s  (", sl_count_of(chunk->result.balance.out, "row", number));
    if (!has_failed) {
        add_progress(&view->backfill->progress, &line);
        sl_buf_add(&line, ")");
    }
    wipe(view, &frame);
    sl_buf_add(&frame, sl_color(stderr, has_failed ? SL_COLOR_RED : SL_COLOR_GREEN));
    sl_add_plain(&frame, sl_log_mask(line.text, &arena), SIZE_MAX);
    sl_buf_addf(&frame, "%s\n", sl_color(stderr, SL_COLOR_NONE));
    show(&frame);
}

static void on_again(void *self, const struct sl_outcome *chunk)
{
    struct sl_backfill_view *view = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_retried *last = &chunk->retried[chunk->retried_count - 1];
    char wait[32];
    sl_arena_init(&arena, 0);
    sl_backfill_view_wipe(view);
    sl_tell(view->common, SL_LOG_WARN, "%s  %s: attempt %d failed (%s), again in %s: %s",
            chunk->node->name, span_of(view->backfill, chunk, &arena), last->attempt,
            sl_code_info(last->code)->id, sl_str_elapsed(last->wait_ms, wait), last->message);
}

static void on_interrupt(void *self, int times)
{
    struct sl_backfill_view *view = self;
    SL_AUTO(sl_buf_clear) struct sl_buf frame = SL_BUF_INIT;
    if (times > 3)
        return;
    wipe(view, &frame);
    show(&frame);
    sl_tell(view->common, SL_LOG_WARN, "%s",
            times == 1 ? "interrupted: running chunks are brought to their end; again to abort them"
            : times == 2 ? "interrupted again: running chunks are aborted"
                         : "interrupted once more: workers are killed");
}

struct sl_listener sl_backfill_view_listener(struct sl_backfill_view *view)
{
    return (struct sl_listener){.on_end = on_chunk,
                                .on_again = on_again,
                                .on_tick = on_tick,
                                .on_interrupt = on_interrupt,
                                .self = view};
}

// --- The end ---

static void print_failures(const struct sl_backfill_view *view)
{
    for (size_t i = 0; i < view->run->count; i++) {
        const struct sl_outcome *outcome = &view->run->outcomes[i];
        for (size_t k = 0; k < outcome->result.notes.count; k++)
            sl_tell(view->common, SL_LOG_WARN, "%s: %s", outcome->node->label,
                    outcome->result.notes.items[k]);
        if (outcome->status != SL_STATUS_ERROR)
            continue;
        fprintf(stderr, "\n%s failed\n", outcome->node->label);
        sl_print_error(view->common->cli, SL_SEVERITY_ERROR, &outcome->err);
    }
}

static void print_withheld(const struct sl_backfill_view *view)
{
    const struct sl_publication *publication = &view->run->publication;
    for (size_t i = 0; i < publication->withheld_count; i++)
        sl_tell(view->common, SL_LOG_WARN, "version %lld of %s is not published: %s",
                (long long)publication->withheld[i].version, publication->withheld[i].table,
                publication->withheld[i].because);
}

static void print_last_line(const struct sl_backfill_view *view)
{
    const struct sl_run *run = view->run;
    const size_t *by = run->by_status;
    char elapsed[32];
    printf("OK %zu", by[SL_STATUS_OK]);
    if (by[SL_STATUS_NOTHING])
        printf("  UP TO DATE %zu", by[SL_STATUS_NOTHING]);
    printf("  PARTIAL %zu  ERROR %zu  SKIPPED %zu  in %s  run %.8s", by[SL_STATUS_PARTIAL],
           by[SL_STATUS_ERROR], by[SL_STATUS_SKIPPED],
           sl_str_elapsed((run->ended_us - run->started_us) / 1000, elapsed), run->id);
    if (run->has_published)
        printf("  published #%lld", (long long)run->publication.number);
    putchar('\n');
    fflush(stdout);
}

static void tell_resume(const struct sl_backfill_view *view, const struct sl_backfill_plan *plan)
{
    const size_t *by = view->run->by_status;
    if (by[SL_STATUS_PARTIAL] || by[SL_STATUS_ERROR] || view->run->was_interrupted)
        sl_tell(view->common, SL_LOG_INFO, "`sluice backfill --resume %s` does what is missing",
                plan->id);
}

int sl_backfill_view_end(struct sl_backfill_view *view, const struct sl_backfill_plan *plan,
                         struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf frame = SL_BUF_INIT;
    wipe(view, &frame);
    show(&frame);
    if (view->run->state_note)
        sl_tell(view->common, SL_LOG_WARN, "%s", view->run->state_note);
    if (view->common->json) {
        SL_AUTO(sl_json_free) json_t *root = NULL;
        SL_TRY(sl_run_print(view->run, &root, err));
        if (json_object_set_new(root, "backfill_id", json_string(plan->id)) != 0)
            return sl_fail_memory(err);
        tell_resume(view, plan);
        return sl_print_json(root, err);
    }
    if (view->common->log_format == SL_LOG_TEXT)
        print_failures(view);
    print_withheld(view);
    print_last_line(view);
    tell_resume(view, plan);
    return SL_OK;
}
