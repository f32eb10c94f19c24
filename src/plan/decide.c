#include "plan/plan.h"

static int because(struct sl_node *node, struct sl_arena *arena, const char *text,
                   struct sl_err *err)
{
    SL_TRY_NEW(text, err);
    return sl_strs_add(&node->why, arena, text, err);
}

static const char *files(struct sl_arena *arena, int64_t count, const char *what)
{
    char number[32];
    return sl_arena_printf(arena, "%s %s file%s", sl_str_count(count, number), what,
                           count == 1 ? "" : "s");
}

static int decide_ingest(struct sl_node *node, struct sl_arena *arena, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    if (facts->version < 0)
        SL_TRY(because(node, arena, "never built", err));
    if (facts->is_read_otherwise)
        SL_TRY(because(node, arena, "its files are read in another way now", err));
    if (facts->new_files)
        SL_TRY(because(node, arena, files(arena, facts->new_files, "new"), err));
    if (facts->changed_files)
        SL_TRY(because(node, arena, files(arena, facts->changed_files, "changed"), err));
    for (size_t i = 0; i < facts->renamed.count; i++)
        SL_TRY(because(node, arena, facts->renamed.items[i], err));
    return SL_OK;
}

// ", 12 held rows wait for it"
static const char *waiting(const struct sl_node *node, const char *table, struct sl_arena *arena)
{
    char number[32];
    for (size_t i = 0; i < node->facts.held_count; i++) {
        const struct sl_held *held = &node->facts.held[i];
        if (held->rows > 0 && sl_str_equal(held->table, table))
            return sl_arena_printf(arena, ", %s held row%s for it",
                                   sl_str_count(held->rows, number),
                                   held->rows == 1 ? " waits" : "s wait");
    }
    return "";
}

static int decide_input(const struct sl_graph *graph, struct sl_node *node,
                        const struct sl_input *input, struct sl_arena *arena, struct sl_err *err)
{
    const struct sl_node *from = sl_graph_node(graph, input->table);
    if (!from)
        return SL_OK;
    bool is_quarantine = !sl_str_equal(from->name, input->table);
    int64_t version = is_quarantine ? from->facts.quarantine_version : from->facts.version;
    const char *id = is_quarantine ? from->facts.quarantine_id : from->facts.table_id;
    if (version < 0 && from->facts.trouble)
        return because(node, arena, sl_arena_printf(arena, "%s cannot be looked at", input->table),
                       err);
    if (version < 0)
        return SL_OK;
    if (from->kind == SL_NODE_TASK)
        return sl_str_equal(input->id, id)
                   ? SL_OK
                   : because(node, arena, sl_arena_printf(arena, "%s has run since", from->name),
                             err);
    if (sl_node_is_view(from) && !sl_str_equal(input->id, id))
        return because(node, arena,
                       sl_arena_printf(arena, "%s or what it reads changed", input->table), err);
    if (input->id && id && !sl_str_equal(input->id, id))
        return because(node, arena, sl_arena_printf(arena, "%s is another table now", input->table),
                       err);
    int64_t same_rows = is_quarantine ? from->facts.quarantine_same_rows : from->facts.same_rows;
    if (input->version <= version && input->version >= version - same_rows)
        return SL_OK;
    const char *waits = waiting(node, input->table, arena);
    SL_TRY_NEW(waits, err);
    return because(node, arena,
                   sl_arena_printf(arena, "%s changed: version %lld, built from %lld%s",
                                   input->table, (long long)version, (long long)input->version,
                                   waits),
                   err);
}

static int decide_inputs(const struct sl_graph *graph, struct sl_node *node, struct sl_arena *arena,
                         struct sl_err *err)
{
    for (size_t i = 0; i < node->facts.input_count; i++) {
        const struct sl_input *input = &node->facts.inputs[i];
        const struct sl_node *from = sl_graph_node(graph, input->table);
        // How far the other environment has come is its own affair.
        if (!node->facts.is_borrowed || (from && !from->facts.is_borrowed))
            SL_TRY(decide_input(graph, node, input, arena, err));
    }
    return SL_OK;
}

static const char *what_changed(const struct sl_node *node, const char *moved)
{
    if (!node->facts.fingerprint)
        return "its log no longer says what it was built from";
    if (moved)
        return moved;
    switch (node->kind) {
    case SL_NODE_CLEANSE:
        return "its contract changed";
    case SL_NODE_MODEL:
        return "its SQL or settings changed";
    case SL_NODE_LOAD:
        return "its delivery changed";
    case SL_NODE_TASK:
        return "its command changed";
    case SL_NODE_INGEST:
        break;
    }
    return "it changed";
}

static int decide_code(const struct sl_graph *graph, struct sl_node *node, struct sl_arena *arena,
                       struct sl_err *err)
{
    SL_TRY(sl_plan_moved(graph, node, arena, &node->moved, err));
    return because(node, arena, what_changed(node, node->moved), err);
}

// Files that have other names now change no row.
static bool will_change(const struct sl_node *node, bool full_refresh)
{
    const struct sl_facts *facts = &node->facts;
    bool is_only_renamed = node->kind == SL_NODE_INGEST && facts->version >= 0 && !facts->trouble &&
                           facts->renamed.count > 0 &&
                           facts->new_files + facts->changed_files == 0 && !full_refresh;
    return node->is_selected && node->verdict != SL_VERDICT_FRESH && !is_only_renamed;
}

// Only tables of its own are delivered by an environment that reads those of another one; a table
// that may become its own is delivered after that.
static bool delivers_borrowed(const struct sl_graph *graph, const struct sl_node *node)
{
    const struct sl_node *from =
        node->kind == SL_NODE_LOAD ? sl_graph_node(graph, node->delivery->table) : NULL;
    return from && from->facts.is_borrowed && from->verdict != SL_VERDICT_STALE;
}

static const char *never(const struct sl_node *node)
{
    return node->kind == SL_NODE_LOAD   ? "never delivered"
           : node->kind == SL_NODE_TASK ? "never run"
                                        : "never built";
}

bool sl_task_runs_always(const struct sl_node *node)
{
    return node->task->when == SL_TASK_ALWAYS || node->upstream_count == 0;
}

static const char *what_comes(const struct sl_node *node)
{
    if (node->kind == SL_NODE_TASK)
        return "run";
    return node->facts.version < 0 && !node->facts.trouble ? "be built" : "change";
}

static int decide_node(struct sl_graph *graph, struct sl_node *node, bool full_refresh,
                       struct sl_arena *arena, struct sl_err *err)
{
    node->verdict = SL_VERDICT_FRESH;
    node->why = (struct sl_strs){0};
    node->moved = NULL;
    if (full_refresh && !sl_node_is_view(node))
        SL_TRY(because(node, arena, "asked for by --full-refresh", err));
    if (sl_node_is_view(node)) {
        // Nothing to build.
    } else if (delivers_borrowed(graph, node)) {
        node->why = (struct sl_strs){0};
    } else if (node->facts.trouble) {
        // Its step says it too, or does its work if it has passed by then.
        const char *why = sl_arena_printf(arena, "it cannot be looked at: %s", node->facts.trouble);
        SL_TRY(because(node, arena, why, err));
    } else if (node->kind == SL_NODE_TASK && sl_task_runs_always(node) && !node->is_done) {
        SL_TRY(because(node, arena, "it is run in every run", err));
    } else if (node->kind == SL_NODE_INGEST && !node->facts.is_borrowed) {
        SL_TRY(decide_ingest(node, arena, err));
    } else if (node->facts.version < 0) {
        const char *lost = node->facts.lost;
        SL_TRY(because(
            node, arena,
            lost ? sl_arena_printf(arena, "delivered before, but %s", lost) : never(node), err));
    } else {
        if (!sl_str_equal(node->facts.fingerprint, node->fingerprint) &&
            node->kind != SL_NODE_INGEST)
            SL_TRY(decide_code(graph, node, arena, err));
        if (node->facts.changed_by)
            SL_TRY(because(node, arena, node->facts.changed_by, err));
        if (node->facts.is_torn)
            SL_TRY(because(node, arena, "its last run was interrupted, or its quarantine is gone",
                           err));
        SL_TRY(decide_inputs(graph, node, arena, err));
        if (node->kind == SL_NODE_MODEL && node->query->why_every_run && !node->facts.is_borrowed)
            SL_TRY(because(node, arena, node->query->why_every_run, err));
    }
    if (node->why.count)
        node->verdict = SL_VERDICT_STALE;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        if (!will_change(from, full_refresh))
            continue;
        if (node->verdict == SL_VERDICT_FRESH)
            node->verdict = SL_VERDICT_AFTER;
        SL_TRY(because(node, arena,
                       sl_arena_printf(arena, "%s will %s", from->name, what_comes(from)), err));
    }
    return SL_OK;
}

int sl_plan_decide(struct sl_graph *graph, bool full_refresh, struct sl_arena *arena,
                   struct sl_err *err)
{
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].is_selected)
            SL_TRY(decide_node(graph, &graph->nodes[i], full_refresh, arena, err));
    return SL_OK;
}

static bool went_well(const struct sl_facts *facts)
{
    return !facts->was_killed &&
           (sl_str_equal(facts->last_status, "ok") || sl_str_equal(facts->last_status, "warn") ||
            sl_str_equal(facts->last_status, "nothing"));
}

int sl_plan_decide_missing(struct sl_graph *graph, struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < graph->count; i++)
        graph->nodes[i].is_selected = true;
    SL_TRY(sl_plan_decide(graph, false, arena, err));
    for (size_t i = 0; i < graph->count; i++) {
        struct sl_node *node = &graph->nodes[i];
        node->is_selected = node->verdict == SL_VERDICT_STALE && !went_well(&node->facts);
        for (size_t k = 0; k < node->upstream_count && !node->is_selected; k++)
            node->is_selected = graph->nodes[node->upstream[k]].is_selected;
    }
    return sl_plan_decide(graph, false, arena, err); // for no cause lies outside of the selection
}

size_t sl_plan_count(const struct sl_graph *graph, enum sl_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < graph->count; i++)
        count += graph->nodes[i].is_selected && graph->nodes[i].verdict == verdict;
    return count;
}
