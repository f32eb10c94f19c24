// The plan of a backfill: which tables and partitions, in which chunks, and whether it goes on with
// one that did not end.
#include "run/backfill.h"

#include "base/clock.h"
#include "run/estimate.h"
#include "run/work.h"

#include <string.h>
#include <unistd.h>

#define CHUNK_ROWS 5000000 // aim
#define CHUNK_PARTITIONS 10000

// A plan that is being made.
struct planning {
    struct sl_world *world;
    struct sl_session *session;
    const struct sl_backfill_options *options;
    struct sl_backfill_plan *plan;
    const char *id; // of the backfill that goes on; NULL: none
};

static int refuse(const struct sl_node *node, const char *what, struct sl_err *err)
{
    return sl_fail(err, SL_E_BACKFILL_TABLE, "%s %s", node->name, what);
}

static const char *const by_write[] = {
    [SL_WRITE_FULL] = "is written whole",
    [SL_WRITE_APPEND] = "is appended to, and has no partitions that could be replaced",
    [SL_WRITE_MERGE] = "is merged by key, and has no partitions that could be replaced",
    [SL_WRITE_SNAPSHOT] = "keeps its history, which no input tells",
    [SL_WRITE_VIEW] = "is a view, and always as its inputs are",
};

static int require_model(const struct sl_node *node, struct sl_err *err)
{
    if (node->model->write == SL_WRITE_VIEW)
        return refuse(node, by_write[SL_WRITE_VIEW], err);
    if (node->model->write != SL_WRITE_PARTITION) {
        (void)refuse(node, by_write[node->model->write], err);
        return sl_err_hint(err, "`sluice run --full-refresh --select %s` computes it anew",
                           node->bare);
    }
    return node->facts.is_borrowed ? refuse(node, "is a table of another environment", err) : SL_OK;
}

static int require(const struct sl_node *node, struct sl_err *err)
{
    switch (node->kind) {
    case SL_NODE_INGEST:
        (void)refuse(node, "holds files as they are, and has no partitions to compute", err);
        return sl_err_hint(err, "`sluice run --full-refresh --select %s` reads all files again",
                           node->name);
    case SL_NODE_CLEANSE:
        (void)refuse(node, "is made of the rows of raw, and has no partitions to compute", err);
        return sl_err_hint(err,
                           "after a change of the contract `sluice quarantine replay %s` or the "
                           "next `sluice run` does what is needed; `sluice run --full-refresh "
                           "--select %s` does all",
                           node->bare, node->name);
    case SL_NODE_LOAD:
        (void)refuse(node, "is a delivery", err);
        return sl_err_hint(err, "`sluice run` delivers what is new");
    case SL_NODE_TASK:
        return refuse(node, "is a task, and has no table", err);
    case SL_NODE_MODEL:
        return require_model(node, err);
    }
    return SL_OK;
}

static int find_node(const struct sl_graph *graph, const char *name, const struct sl_node **ret,
                     struct sl_err *err)
{
    *ret = sl_graph_node(graph, name);
    for (size_t i = 0; i < graph->count && !*ret; i++)
        if (graph->nodes[i].kind == SL_NODE_MODEL && sl_str_equal(graph->nodes[i].bare, name))
            *ret = &graph->nodes[i];
    for (size_t i = 0; i < graph->count && !*ret; i++)
        if (sl_str_equal(graph->nodes[i].bare, name))
            *ret = &graph->nodes[i];
    if (*ret)
        return SL_OK;
    (void)sl_fail(err, SL_E_BACKFILL_TABLE, "there is no table '%s'", name);
    return sl_err_hint(err, "`sluice ls` lists the tables");
}

int sl_backfill_asked_require(const struct sl_graph *graph, const struct sl_backfill_choice *choice,
                              struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < choice->tables.count; i++) {
        const struct sl_node *node;
        SL_TRY(find_node(graph, choice->tables.items[i], &node, err));
        SL_TRY(require(node, err));
        SL_TRY(sl_backfill_check_partitions(&choice->partitions, &node->model->partition_by, arena,
                                            err));
    }
    return SL_OK;
}

static int add_table(struct planning *planning, const struct sl_node *node, struct sl_err *err)
{
    struct sl_backfill_plan *plan = planning->plan;
    struct sl_backfill_table table = {.node = node, .elapsed_ms = -1};
    for (size_t i = 0; i < plan->count; i++)
        if (plan->tables[i].node == node)
            return SL_OK;
    return SL_PUSH(&planning->world->arena, plan->tables, plan->count, table) ? SL_OK
                                                                              : sl_fail_memory(err);
}

// In the order of the graph: what is computed first is read by what comes later.
static int list_tables(struct planning *planning, const struct sl_strs *names, struct sl_err *err)
{
    const struct sl_graph *graph = &planning->world->graph;
    struct sl_backfill_plan *plan = planning->plan;
    bool *is_named = SL_NEW_ARRAY(&planning->world->arena, bool, graph->count);
    SL_TRY_NEW(is_named, err);
    for (size_t i = 0; i < names->count; i++) {
        const struct sl_node *node;
        SL_TRY(find_node(graph, names->items[i], &node, err));
        SL_TRY(require(node, err));
        is_named[node - graph->nodes] = true;
    }
    for (size_t i = 0; i < graph->count; i++)
        if (is_named[i])
            SL_TRY(add_table(planning, &graph->nodes[i], err));
    plan->choice.tables = (struct sl_strs){0};
    for (size_t i = 0; i < plan->count; i++)
        SL_TRY(sl_strs_add(&plan->choice.tables, &planning->world->arena,
                           plan->tables[i].node->name, err));
    return sl_backfill_choice_print(&plan->choice, &planning->world->arena, &plan->choice_json,
                                    err);
}

static struct sl_step_context context_of(const struct planning *planning,
                                         struct sl_session *session)
{
    return (struct sl_step_context){.project = planning->world->project,
                                    .views = &planning->world->views,
                                    .session = session,
                                    .arena = &planning->world->arena,
                                    .run_id = planning->plan->id};
}

static int state_of(const struct planning *planning, const struct sl_node *node, const char *id,
                    struct sl_backfill_state *ret, struct sl_err *err)
{
    struct sl_query query = {0};
    struct sl_step_context context = context_of(planning, planning->session);
    SL_TRY(sl_world_query(planning->world, node, planning->session, context.arena, &query, err));
    return sl_step_backfill_state(&context, node->model, &query, node->fingerprint, id, ret, err);
}

// What was said of it anew wins.
static void go_on_as_begun(struct planning *planning, const struct sl_backfill_mark *mark)
{
    struct sl_backfill_plan *plan = planning->plan;
    if (planning->options->order == SL_BACKFILL_AUTO)
        plan->newest_first = mark->newest_first;
    if (!plan->chunk)
        plan->chunk = mark->chunk;
    if (!plan->concurrency)
        plan->concurrency = mark->concurrency;
}

// `--resume`: whichever table it is of, its commits say what was asked for.
static int find_resumed(struct planning *planning, struct sl_err *err)
{
    const struct sl_graph *graph = &planning->world->graph;
    struct sl_backfill_plan *plan = planning->plan;
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        struct sl_backfill_state state;
        if (node->kind != SL_NODE_MODEL || node->model->write != SL_WRITE_PARTITION ||
            node->facts.version < 0 || node->facts.is_borrowed)
            continue;
        SL_TRY(state_of(planning, node, planning->options->resume, &state, err));
        if (!state.mark.id)
            continue;
        planning->id = state.mark.id;
        go_on_as_begun(planning, &state.mark);
        plan->has_new_inputs |= !state.is_newest || !state.is_same_inputs;
        SL_TRY(sl_backfill_choice_parse(state.mark.choice, &planning->world->arena, &plan->choice,
                                        err));
        return list_tables(planning, &plan->choice.tables, err);
    }
    (void)sl_fail(err, SL_E_BACKFILL_ID, "no commit of a table is of a backfill '%s'",
                  planning->options->resume);
    return sl_err_hint(err,
                       "the command that began it does what is missing, too; one that was ended "
                       "before its first commit begins anew by it");
}

// One that was asked for in the same way, did not end, and read what is there now.
static int find_unfinished(struct planning *planning, struct sl_err *err)
{
    const struct sl_backfill_plan *plan = planning->plan;
    const char *id = NULL;
    bool is_finished = true;
    for (size_t i = 0; i < plan->count; i++) {
        struct sl_backfill_state state;
        if (plan->tables[i].node->facts.version < 0)
            return SL_OK;
        SL_TRY(state_of(planning, plan->tables[i].node, NULL, &state, err));
        if (!state.mark.id || !sl_str_equal(state.mark.choice, plan->choice_json) ||
            (id && !sl_str_equal(id, state.mark.id))) {
            is_finished = false;
            continue;
        }
        if (!state.is_same_inputs)
            return SL_OK;
        id = state.mark.id;
        is_finished = is_finished && state.mark.done >= state.mark.total;
    }
    if (id && !is_finished)
        planning->id = id;
    return SL_OK;
}

static size_t chunk_of(const struct planning *planning, const struct sl_backfill_found *found)
{
    int64_t chunk = planning->plan->chunk;
    if (chunk > 0)
        return (size_t)chunk;
    if (!found->is_local) // each reads all that there is
        return found->count ? found->count : 1;
    chunk = CHUNK_PARTITIONS;
    if (found->rows_in > 0 && found->count &&
        found->rows_in / (int64_t)found->count * chunk > CHUNK_ROWS)
        chunk = CHUNK_ROWS / (found->rows_in / (int64_t)found->count + 1);
    return chunk > 0 ? (size_t)chunk : 1;
}

static int find_partitions(struct planning *planning, struct sl_backfill_table *table,
                           struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    const struct sl_backfill_search search = {.choice = &planning->plan->choice,
                                              .id = planning->id,
                                              .newest_first = planning->plan->newest_first};
    struct sl_query query = {0};
    SL_TRY(sl_world_session(planning->world, &session, err)); // with an empty catalogue
    struct sl_step_context context = context_of(planning, session);
    SL_TRY(sl_world_query(planning->world, table->node, session, context.arena, &query, err));
    SL_TRY(sl_step_backfill_find(&context, table->node->model, &query, table->node->fingerprint,
                                 &search, &table->found, err));
    table->total = (int64_t)table->found.count + table->found.done;
    table->chunk = chunk_of(planning, &table->found);
    if (table->found.count / table->chunk < SL_BACKFILL_CHUNKS)
        return SL_OK;
    (void)sl_fail(err, SL_E_BACKFILL_CHUNK,
                  "chunks of %zu of %zu partitions are more than %d chunks", table->chunk,
                  table->found.count, SL_BACKFILL_CHUNKS);
    return sl_err_hint(err, "`--chunk %zu` or more", table->found.count / SL_BACKFILL_CHUNKS + 1);
}

// Rows of its partitions, and all of the other inputs; or all of all. What is not known is taken to
// be as much as an execution has read at most.
static int64_t rows_of_chunk(const struct sl_backfill_table *table, size_t from, size_t count,
                             int64_t otherwise)
{
    const struct sl_backfill_found *found = &table->found;
    const struct sl_estimate *all = &table->node->estimate;
    const int64_t of_all = all->is_made && all->rows_in >= 0 ? all->rows_in : -1;
    int64_t sum = 0;
    if (!found->is_local)
        return of_all < 0 ? otherwise : of_all;
    for (size_t i = from; i < from + count; i++) {
        if (found->rows[i] < 0)
            return otherwise;
        sum += found->rows[i];
    }
    return of_all > found->rows_of_all && found->rows_of_all >= 0
               ? sum + of_all - found->rows_of_all
               : sum;
}

static size_t chunks_at_once(const struct planning *planning)
{
    const size_t workers =
        sl_run_worker_count(planning->world->project, planning->plan->concurrency);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 && (size_t)cores < workers ? (size_t)cores : workers;
}

static int estimate_time(const struct planning *planning, struct sl_backfill_table *table,
                         const struct sl_estimate_fit *fit, struct sl_err *err)
{
    const size_t count = table->found.count;
    int64_t *rows = SL_NEW_ARRAY(&planning->world->arena, int64_t, count / table->chunk + 1);
    size_t chunks = 0;
    const struct sl_estimate *next_run = &table->node->estimate;
    if (planning->plan->choice.is_stale && table->found.rows_in < 0) { // it does the same
        table->elapsed_ms = next_run->is_made ? next_run->elapsed_ms : -1;
        table->found.rows_in = next_run->is_made ? next_run->rows_in : -1;
        table->found.rows_out = next_run->is_made ? next_run->rows_out : -1;
        return SL_OK;
    }
    SL_TRY_NEW(rows, err);
    for (size_t at = 0; at < count; at += table->chunk)
        rows[chunks++] = rows_of_chunk(
            table, at, count - at < table->chunk ? count - at : table->chunk, fit->most_rows);
    table->elapsed_ms = sl_estimate_parts_ms(fit, rows, chunks, chunks_at_once(planning));
    return SL_OK;
}

// The history is asked once for all of them.
static int estimate_times(struct planning *planning, const struct sl_past_list *pasts,
                          struct sl_err *err)
{
    struct sl_backfill_plan *plan = planning->plan;
    struct sl_arena *arena = &planning->world->arena;
    const struct sl_node **nodes = SL_NEW_ARRAY(arena, const struct sl_node *, plan->count);
    struct sl_estimate_fit *fits = SL_NEW_ARRAY(arena, struct sl_estimate_fit, plan->count);
    SL_TRY_NEW(nodes, err);
    SL_TRY_NEW(fits, err);
    for (size_t i = 0; i < plan->count; i++)
        nodes[i] = plan->tables[i].node;
    SL_TRY(sl_world_estimate_fits(planning->world, pasts, nodes, plan->count, fits, err));
    for (size_t i = 0; i < plan->count; i++)
        SL_TRY(estimate_time(planning, &plan->tables[i], &fits[i], err));
    return SL_OK;
}

static int estimate(struct planning *planning, struct sl_err *err)
{
    const struct sl_past_list *pasts;
    struct sl_graph *graph = &planning->world->graph;
    struct sl_err ignored = {0};
    for (size_t i = 0; i < graph->count; i++)
        graph->nodes[i].is_selected = false;
    for (size_t i = 0; i < planning->plan->count; i++) {
        struct sl_node *node = sl_graph_node(graph, planning->plan->tables[i].node->name);
        node->is_selected = true;
        node->verdict = SL_VERDICT_STALE;
    }
    // A plan is a plan without it.
    int code = sl_world_estimate(planning->world, !planning->plan->choice.is_stale, &pasts, NULL,
                                 &ignored);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    return estimate_times(planning, pasts, err);
}

static bool has_begun(const struct sl_backfill_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->tables[i].found.done)
            return true;
    return false;
}

int sl_world_backfill_plan(struct sl_world *world, struct sl_session *session,
                           const struct sl_backfill_options *options, struct sl_backfill_plan *ret,
                           struct sl_err *err)
{
    struct planning planning = {world, session, options, ret, NULL};
    *ret = (struct sl_backfill_plan){.choice = options->choice,
                                     .newest_first = options->order == SL_BACKFILL_NEWEST,
                                     .chunk = options->chunk,
                                     .concurrency = options->concurrency};
    if (options->resume) {
        SL_TRY(find_resumed(&planning, err));
    } else {
        SL_TRY(list_tables(&planning, &options->choice.tables, err));
        SL_TRY(find_unfinished(&planning, err));
        if (!planning.id)
            planning.id = options->id;
    }
    if (planning.id)
        (void)snprintf(ret->id, sizeof ret->id, "%s", planning.id);
    else
        sl_uuid(ret->id);
    for (size_t i = 0; i < ret->count; i++)
        if (find_partitions(&planning, &ret->tables[i], err) != SL_OK)
            return sl_err_context(err, "%s", ret->tables[i].node->name);
    ret->is_resumed = planning.id != NULL && (planning.id != options->id || has_begun(ret));
    return options->asks_no_history ? SL_OK : estimate(&planning, err);
}

static int name(const struct sl_backfill_table *table, size_t index, struct sl_arena *arena,
                const char **ret, struct sl_err *err)
{
    struct sl_strs names = {0};
    SL_TRY(sl_step_name_partition(&table->node->model->partition_by, table->found.partitions[index],
                                  arena, &names, err));
    *ret = names.items[0];
    return SL_OK;
}

int sl_backfill_span(const struct sl_backfill_table *table, size_t from, size_t count,
                     struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    const char *first, *last;
    *ret = "";
    if (!count)
        return SL_OK;
    SL_TRY(name(table, from, arena, &first, err));
    SL_TRY(name(table, from + count - 1, arena, &last, err));
    *ret = count == 1 ? first : sl_arena_printf(arena, "%s to %s", first, last);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
