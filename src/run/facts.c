// What stands on disk and at targets, as facts for the planner.
#include "base/fs.h"
#include "run/damaged.h"
#include "run/world.h"
#include "step/schema.h"
#include "step/task.h"

// A session made when the first thing needs one, and shared by the facts of one call.
struct looker {
    struct sl_world *world;
    struct sl_session *session;
    bool sizes;
};

static int session_of(struct looker *looker, struct sl_err *err)
{
    return looker->session ? SL_OK : sl_world_session(looker->world, &looker->session, err);
}

static int session_for_log(struct looker *looker, const char *folder, struct sl_err *err)
{
    bool is_needed;
    SL_TRY(sl_delta_needs_session(folder, &is_needed, err));
    return is_needed ? session_of(looker, err) : SL_OK;
}

static int look_sizes(struct looker *looker, const char *folder, struct sl_facts *facts,
                      struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;
    SL_TRY(session_for_log(looker, folder, err));
    SL_TRY(sl_delta_load(folder, -1, looker->session, &looker->world->arena, &snapshot, err));
    facts->rows = snapshot.row_count;
    facts->bytes = snapshot.size_bytes;
    facts->files = (int64_t)snapshot.file_count;
    return SL_OK;
}

static int look_table(struct looker *looker, struct sl_node *node, enum sl_layer layer,
                      struct sl_record *ret_record, struct sl_err *err)
{
    struct sl_world *world = looker->world;
    struct sl_facts *facts = &node->facts;
    const char *folder;
    struct sl_delta_head head;
    struct sl_record record;
    SL_TRY(sl_step_input(world->project, layer, node->bare, NULL, &world->arena, &folder, &head,
                         &record, &facts->is_borrowed, err));
    if (ret_record)
        *ret_record = record;
    facts->version = head.version;
    facts->committed_ms = head.timestamp_ms;
    facts->same_rows = head.version - sl_step_rows_since(&head, &record);
    facts->table_id = head.table_id;
    facts->changed_by = NULL;
    if (layer != SL_LAYER_RAW && !facts->is_borrowed)
        SL_TRY(sl_step_changed_by(&head, node->name, &world->arena, &facts->changed_by, err));
    facts->fingerprint = record.fingerprint;
    facts->inputs = SL_NEW_ARRAY(&world->arena, struct sl_input, record.input_count);
    SL_TRY_NEW(facts->inputs, err);
    facts->input_count = record.input_count;
    for (size_t i = 0; i < record.input_count; i++)
        facts->inputs[i] = (struct sl_input){record.inputs[i].table, record.inputs[i].version,
                                             record.inputs[i].id};
    return looker->sizes && head.version >= 0 ? look_sizes(looker, folder, facts, err) : SL_OK;
}

// How many rows wait for a table that has changed since they were judged.
static int count_held(struct looker *looker, const struct sl_node *node, const char *table,
                      int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_world *world = looker->world;
    struct sl_delta_snapshot snapshot;
    struct sl_scan scan;
    bool is_borrowed;
    const char *folder = sl_table_source(world->project, SL_LAYER_QUARANTINE, node->bare,
                                         &world->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    *ret = 0;
    SL_TRY(session_of(looker, err));
    SL_TRY(sl_delta_load(folder, -1, looker->session, &world->arena, &snapshot, err));
    if (snapshot.version < 0 ||
        !sl_column_find(snapshot.columns, snapshot.column_count, "waits_for"))
        return SL_OK;
    SL_TRY(sl_delta_scan(&snapshot, &world->arena, &scan, err));
    sl_buf_add(&sql, "select count(*) from ");
    SL_TRY(looker->session->kind->scan_sql(looker->session, &scan, &sql, err));
    sl_buf_add(&sql, " where list_contains(string_split(waits_for, ', '), ");
    sl_buf_add_sql_string(&sql, table);
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(looker->session->kind->query(looker->session, sql.text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

// Of the parents only: raw has no rows that others wait for. Parents are looked at first.
static int look_held(struct looker *looker, struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = looker->world;
    struct sl_facts *facts = &node->facts;
    facts->held = NULL; // it may have been looked at before
    facts->held_count = 0;
    for (size_t i = 0; i < facts->input_count; i++) {
        const struct sl_node *parent = sl_graph_node(&world->graph, facts->inputs[i].table);
        struct sl_held held = {.table = facts->inputs[i].table};
        int64_t version = facts->inputs[i].version;
        if (!parent || parent->kind == SL_NODE_INGEST ||
            version >= parent->facts.version - parent->facts.same_rows)
            continue;
        SL_TRY(count_held(looker, node, held.table, &held.rows, err));
        if (!SL_PUSH(&world->arena, facts->held, facts->held_count, held))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int name_quarantine(struct sl_world *world, struct sl_node *node,
                           const struct sl_delta_head *head, struct sl_err *err)
{
    const char *table = sl_arena_printf(&world->arena, "quarantine.%s", node->bare);
    SL_TRY_NEW(table, err);
    return sl_step_changed_by(head, table, &world->arena, &node->facts.changed_by, err);
}

// Clean and quarantine have a version each: what reads one of them is compared with that one.
static int look_cleanse(struct looker *looker, struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = looker->world;
    const char *folder;
    struct sl_delta_head head;
    struct sl_record clean, quarantine;
    SL_TRY(look_table(looker, node, SL_LAYER_CLEAN, &clean, err));
    bool is_borrowed;
    if (node->facts.is_borrowed)
        SL_TRY(sl_step_input(world->project, SL_LAYER_QUARANTINE, node->bare, NULL, &world->arena,
                             &folder, &head, &quarantine, &is_borrowed, err));
    else // an own clean table has a quarantine of its own, or is torn
        SL_TRY(sl_step_position(world->project, SL_LAYER_QUARANTINE, node->bare, NULL,
                                &world->arena, &folder, &head, &quarantine, err));
    node->facts.quarantine_version = head.version;
    node->facts.quarantine_id = head.table_id;
    node->facts.quarantine_same_rows = head.version - sl_step_rows_since(&head, &quarantine);
    // A record that was cleaned out of the log says nothing; the step finds out then.
    bool are_known = clean.run_id && quarantine.run_id;
    bool is_torn = head.version < 0 || (are_known && clean.sequence != quarantine.sequence);
    node->facts.is_torn = is_torn && !node->facts.is_borrowed;
    if (!node->facts.is_borrowed && !node->facts.changed_by)
        SL_TRY(name_quarantine(world, node, &head, err));
    return look_held(looker, node, err);
}

static int look_ingest(struct looker *looker, struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = looker->world;
    struct sl_pending pending;
    const char *folder = sl_table_folder(world->project, SL_LAYER_RAW, node->bare, &world->arena);
    SL_TRY_NEW(folder, err);
    SL_TRY(look_table(looker, node, SL_LAYER_RAW, NULL, err));
    if (node->facts.is_borrowed)
        return SL_OK;
    SL_TRY(session_for_log(looker, folder, err));
    SL_TRY(sl_step_ingest_pending(world->project, node->source, looker->session, &world->arena,
                                  &pending, err));
    if (pending.needs_session) {
        SL_TRY(session_of(looker, err));
        SL_TRY(sl_step_ingest_pending(world->project, node->source, looker->session, &world->arena,
                                      &pending, err));
    }
    node->facts.new_files = pending.new_files;
    node->facts.changed_files = pending.changed_files;
    node->facts.vanished_files = pending.vanished_files;
    node->facts.new_bytes = pending.new_bytes;
    node->facts.renamed = pending.renamed;
    node->facts.unmatched = pending.unmatched;
    node->facts.gone = pending.gone;
    node->facts.emptied = pending.emptied;
    node->facts.emptied_count = pending.emptied_count;
    node->facts.is_read_otherwise = pending.is_read_otherwise;
    node->facts.listing = pending.listing;
    node->facts.source_files = pending.files;
    node->facts.newest_file = pending.newest;
    node->facts.newest_file_us = pending.newest_us;
    node->facts.waiting_since_us = pending.waiting_since_us;
    return SL_OK;
}

static int look_load(struct looker *looker, struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = looker->world;
    struct sl_facts *facts = &node->facts;
    struct sl_target_position position;
    if (sl_step_load_needs_session(node->target))
        SL_TRY(session_of(looker, err));
    SL_TRY(sl_step_load_position(world->project, node->target, node->delivery, looker->session,
                                 &world->arena, &position, err));
    facts->version = position.version;
    facts->lost = position.lost;
    facts->fingerprint = position.fingerprint;
    facts->inputs = SL_NEW(&world->arena, struct sl_input);
    SL_TRY_NEW(facts->inputs, err);
    facts->inputs[0] =
        (struct sl_input){node->delivery->table, position.version, position.table_id};
    facts->input_count = 1;
    return SL_OK;
}

// What ends well is counted; a gate stands where what it comes after stands.
static int look_task(struct looker *looker, struct sl_node *node, struct sl_err *err)
{
    struct sl_arena *arena = &looker->world->arena;
    struct sl_facts *facts = &node->facts;
    struct sl_task_record record;
    if (sl_node_is_gate(node)) {
        facts->version = 0;
        facts->fingerprint = node->fingerprint;
        return SL_OK;
    }
    SL_TRY(sl_task_record_read(looker->world->project, node->bare, arena, &record, err));
    if (!record.runs)
        return SL_OK;
    facts->version = record.runs;
    facts->committed_ms = record.ended_us / 1000;
    facts->table_id = record.run_id;
    facts->fingerprint = record.fingerprint;
    facts->inputs = SL_NEW_ARRAY(arena, struct sl_input, record.inputs.count);
    SL_TRY_NEW(facts->inputs, err);
    facts->input_count = record.inputs.count;
    for (size_t i = 0; i < record.inputs.count; i++) {
        const struct sl_table_version *input = &record.inputs.items[i];
        facts->inputs[i] = (struct sl_input){input->table, input->version, input->id};
    }
    return SL_OK;
}

// Rows and sizes of a view are those of no table. It is what the tables below it are.
static int look_view(struct looker *looker, struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = looker->world;
    const struct sl_view *view =
        sl_view_find(&world->views, sl_layer_name(SL_LAYER_CURATED), node->bare);
    if (!view)
        return SL_OK; // the project has errors
    SL_TRY(sl_step_view_identity(world->project, view, NULL, &world->arena, &node->facts.table_id,
                                 err));
    SL_TRY(sl_step_view_is_borrowed(world->project, view, &world->arena, &node->facts.is_borrowed,
                                    err));
    node->facts.version = node->facts.table_id ? 0 : -1;
    node->facts.fingerprint = node->fingerprint;
    return SL_OK;
}

// Of what was found before, only what the history tells stays.
static void forget(struct sl_node *node)
{
    const struct sl_facts before = node->facts;
    node->facts = (struct sl_facts){.version = -1,
                                    .quarantine_version = -1,
                                    .rows = -1,
                                    .bytes = -1,
                                    .files = -1,
                                    .last_status = before.last_status,
                                    .was_killed = before.was_killed};
}

static int look(struct looker *looker, struct sl_node *node, struct sl_err *err)
{
    forget(node);
    switch (node->kind) {
    case SL_NODE_INGEST:
        return look_ingest(looker, node, err);
    case SL_NODE_CLEANSE:
        return look_cleanse(looker, node, err);
    case SL_NODE_MODEL:
        if (sl_node_is_view(node))
            return look_view(looker, node, err);
        return look_table(looker, node, SL_LAYER_CURATED, NULL, err);
    case SL_NODE_LOAD:
        return look_load(looker, node, err);
    case SL_NODE_TASK:
        return look_task(looker, node, err);
    }
    return SL_OK;
}

// What cannot be looked at fails its own step later, unless it has passed by then; everything else
// can still be planned and run.
static int tell_trouble(struct sl_world *world, struct sl_node *node, int code,
                        struct sl_err *trouble, struct sl_err *err)
{
    if (code == SL_OK)
        return SL_OK;
    if (code == SL_E_MEMORY || code == SL_E_ENGINE_MISSING || code == SL_E_INTERNAL) {
        *err = *trouble;
        return sl_err_context(err, "look at %s", node->name);
    }
    (void)sl_lake_explain(world->project, trouble);
    node->facts.trouble = sl_arena_strdup(&world->arena, trouble->message);
    node->facts.trouble_hint = sl_arena_strdup(&world->arena, trouble->hint);
    SL_TRY_NEW(node->facts.trouble, err);
    SL_TRY_NEW(node->facts.trouble_hint, err);
    node->facts.trouble_code = trouble->code;
    return SL_OK;
}

static int look_or_tell(struct looker *looker, struct sl_node *node, struct sl_err *err)
{
    struct sl_err trouble = {0};
    int code = look(looker, node, &trouble);
    return tell_trouble(looker->world, node, code, &trouble, err);
}

static enum sl_layer layer_of(const struct sl_node *node)
{
    return node->kind == SL_NODE_INGEST ? SL_LAYER_RAW : SL_LAYER_CURATED;
}

int sl_world_gather(struct sl_world *world, bool sizes, struct sl_err *err)
{
    struct looker looker = {.world = world, .sizes = sizes};
    int code = SL_OK;
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++)
        code = look_or_tell(&looker, &world->graph.nodes[i], err);
    sl_session_close(&looker.session);
    return code;
}

void sl_world_forget(struct sl_world *world)
{
    for (size_t i = 0; i < world->graph.count; i++)
        forget(&world->graph.nodes[i]);
}

// What feeds a selected node: a node's inputs come before it.
static bool *mark_needed(struct sl_world *world)
{
    struct sl_graph *graph = &world->graph;
    bool *is_needed = SL_NEW_ARRAY(&world->arena, bool, graph->count);
    for (size_t i = graph->count; is_needed && i-- > 0;) {
        is_needed[i] |= graph->nodes[i].is_selected;
        for (size_t k = 0; is_needed[i] && k < graph->nodes[i].upstream_count; k++)
            is_needed[graph->nodes[i].upstream[k]] = true;
    }
    return is_needed;
}

int sl_world_gather_selected(struct sl_world *world, struct sl_err *err)
{
    struct looker looker = {.world = world};
    int code = SL_OK;
    const bool *is_needed = mark_needed(world);
    SL_TRY_NEW(is_needed, err);
    sl_world_forget(world);
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++) {
        struct sl_node *node = &world->graph.nodes[i];
        struct sl_err trouble = {0};
        if (is_needed[i] && !node->is_selected && node->kind == SL_NODE_INGEST) // no listing
            code =
                tell_trouble(world, node, look_table(&looker, node, SL_LAYER_RAW, NULL, &trouble),
                             &trouble, err);
        else if (is_needed[i])
            code = look_or_tell(&looker, node, err);
    }
    sl_session_close(&looker.session);
    return code;
}

static bool is_used(const struct sl_graph *graph, const struct sl_node *node)
{
    bool is_used = node->is_selected && node->verdict != SL_VERDICT_FRESH;
    for (size_t i = 0; i < node->downstream_count && !is_used; i++) {
        const struct sl_node *next = &graph->nodes[node->downstream[i]];
        is_used = next->is_selected && next->verdict != SL_VERDICT_FRESH;
    }
    return is_used;
}

int sl_world_measure(struct sl_world *world, struct sl_err *err)
{
    struct looker looker = {.world = world};
    int code = SL_OK;
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++) {
        struct sl_node *node = &world->graph.nodes[i];
        struct sl_err trouble = {0};
        bool is_borrowed;
        if (!sl_node_has_table(node) || node->facts.version < 0 || node->facts.rows >= 0 ||
            !is_used(&world->graph, node))
            continue;
        enum sl_layer layer = node->kind == SL_NODE_CLEANSE ? SL_LAYER_CLEAN : layer_of(node);
        const char *folder =
            sl_table_source(world->project, layer, node->bare, &world->arena, &is_borrowed);
        SL_TRY_NEW(folder, err);
        // Sizes that cannot be found out are not known, and whatever is wrong is its step's to
        // tell.
        if (look_sizes(&looker, folder, &node->facts, &trouble) == SL_E_MEMORY)
            code = sl_fail_memory(err);
    }
    sl_session_close(&looker.session);
    return code;
}

int sl_world_look_again(struct sl_world *world, struct sl_err *err)
{
    struct looker looker = {.world = world};
    int code = SL_OK;
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++) {
        struct sl_node *node = &world->graph.nodes[i];
        struct sl_err trouble = {0};
        node->facts.trouble = NULL;
        node->facts.trouble_code = SL_OK;
        if (!sl_node_has_table(node))
            continue;
        code = node->kind == SL_NODE_CLEANSE
                   ? look_cleanse(&looker, node, &trouble)
                   : look_table(&looker, node, layer_of(node), NULL, &trouble);
        code = tell_trouble(world, node, code, &trouble, err);
    }
    sl_session_close(&looker.session);
    return code;
}

// Whether a run of this project is at work: then no run that has not ended was killed.
static bool is_running(const struct sl_world *world, struct sl_arena *arena)
{
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    const char *lock = sl_path_join(arena, world->project->state_folder, "run.lock");
    return !lock || (sl_fs_exists(lock) && sl_fs_lock(lock, false, &lock_fd, NULL) == SL_E_LOCKED);
}

// A killed run has lost what its steps came to: every step that has not ended since may have been
// one of them.
static int recall_kills(struct sl_world *world, struct sl_state *state,
                        const struct sl_step_row *steps, size_t count, struct sl_err *err)
{
    struct sl_run_row *runs;
    size_t run_count;
    if (is_running(world, &world->arena))
        return SL_OK;
    const struct sl_run_filter filter = {.is_abandoned = true};
    SL_TRY(sl_state_runs(state, &filter, &world->arena, &runs, &run_count, err));
    for (; run_count; runs++, run_count--)
        if (sl_str_equal(runs[0].environment, world->project->environment))
            break;
    if (!run_count)
        return SL_OK;
    for (size_t i = 0; i < world->graph.count; i++) {
        struct sl_node *node = &world->graph.nodes[i];
        node->facts.was_killed = true;
        for (size_t k = 0; k < count; k++)
            if (sl_str_equal(steps[k].name, node->name) &&
                (sl_str_equal(steps[k].run_id, runs[0].id) ||
                 steps[k].started_us > runs[0].started_us))
                node->facts.was_killed = false;
    }
    return SL_OK;
}

int sl_world_recall(struct sl_world *world, struct sl_err *err)
{
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    const char *note;
    struct sl_step_row *rows;
    size_t count;
    const struct sl_state_place place = sl_project_state(world->project);
    SL_TRY(sl_state_read(&place, &world->arena, &state, &note, err));
    SL_TRY(sl_state_last(state, world->project->environment, SL_OUTCOMES_ALL, &world->arena, &rows,
                         &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_node *node = sl_graph_node(&world->graph, rows[i].name);
        if (node)
            node->facts.last_status = rows[i].status;
    }
    return recall_kills(world, state, rows, count, err);
}
