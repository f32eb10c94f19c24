// Data files that other programs have removed: told before a step stumbles over them.
#include "base/fs.h"
#include "base/json.h"
#include "plan/estimate.h"
#include "run/world.h"

#include <string.h>

#define MOST_FILES 10000
// Of all tables together that no step reads: nobody asked for them.
#define MOST_IDLE_FILES 10000
#define MOST_CHECKPOINT_BYTES ((size_t)1 << 20)

struct finder {
    struct sl_world *world;
    struct sl_session *session; // made when the first log needs one
    bool full_refresh;
    bool *is_whole;     // per node: it reads all that its inputs hold
    int64_t idle_files; // looked for in tables that no step reads
};

static bool will_run(const struct sl_node *node)
{
    return node->is_selected && node->verdict != SL_VERDICT_FRESH;
}

static bool has_rule(const struct sl_rule *rules, size_t count, const char *kind)
{
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(rules[i].kind, kind))
            return true;
    return false;
}

// Rows that come are held against those that are there.
static bool looks_into_clean(const struct sl_contract_table *contract)
{
    for (size_t i = 0; contract && i < contract->column_count; i++)
        if (contract->columns[i].key_position ||
            has_rule(contract->columns[i].rules, contract->columns[i].rule_count, "unique"))
            return true;
    return contract && has_rule(contract->rules, contract->rule_count, "unique");
}

// A step that goes on from where it was reads what its input got; all other inputs it reads as
// they are, and so does one that writes whole partitions or whole tables.
static bool reads_old_rows(const struct finder *finder, const struct sl_node *node,
                           const struct sl_node *input)
{
    if (finder->is_whole[node - finder->world->graph.nodes])
        return true;
    if (input->kind == SL_NODE_TASK)
        return false;
    switch (node->kind) {
    case SL_NODE_INGEST:
        break;
    case SL_NODE_CLEANSE:
        return input->kind != SL_NODE_INGEST || input->facts.changed_files > 0 ||
               node->facts.held_count > 0;
    case SL_NODE_MODEL:
        return node->upstream_count > 1 || sl_node_is_view(input) ||
               (node->model->write != SL_WRITE_APPEND && node->model->write != SL_WRITE_MERGE);
    case SL_NODE_LOAD:
        return node->delivery->write != SL_WRITE_APPEND;
    case SL_NODE_TASK:
        break;
    }
    return false;
}

// A cleanse has two tables, which are not read by the same steps.
static bool reads_quarantine(const struct sl_node *node, const struct sl_node *cleanse)
{
    if (node->kind == SL_NODE_LOAD)
        return sl_str_starts(node->delivery->table, "quarantine.");
    for (size_t i = 0; node->query && i < node->query->table_count; i++)
        if (sl_str_equal_nocase(node->query->tables[i].layer, "quarantine") &&
            sl_str_equal_nocase(node->query->tables[i].name, cleanse->bare))
            return true;
    return false;
}

static bool is_read(const struct finder *finder, const struct sl_node *node, enum sl_layer layer)
{
    const struct sl_graph *graph = &finder->world->graph;
    for (size_t i = 0; i < node->downstream_count; i++) {
        const struct sl_node *next = &graph->nodes[node->downstream[i]];
        if (layer == SL_LAYER_QUARANTINE && !reads_quarantine(next, node))
            continue;
        if (sl_node_is_view(next) ? is_read(finder, next, SL_LAYER_CURATED)
                                  : will_run(next) && reads_old_rows(finder, next, node))
            return true;
    }
    return false;
}

static bool is_rebuilt(const struct finder *finder, const struct sl_node *node)
{
    bool is_model = node->kind == SL_NODE_MODEL && node->model->write != SL_WRITE_SNAPSHOT;
    return will_run(node) && (finder->full_refresh ||
                              (is_model && finder->is_whole[node - finder->world->graph.nodes]));
}

// Whether the step that continues a table reads what is in it.
static bool reads_itself(const struct finder *finder, const struct sl_node *node,
                         enum sl_layer layer)
{
    if (!will_run(node) || node->kind == SL_NODE_INGEST)
        return false;
    if (node->kind == SL_NODE_MODEL)
        return node->model->write == SL_WRITE_MERGE || node->model->write == SL_WRITE_SNAPSHOT;
    return finder->is_whole[node - finder->world->graph.nodes] ||
           (layer == SL_LAYER_CLEAN && looks_into_clean(node->contract));
}

static int load(struct finder *finder, const char *folder, int64_t version, struct sl_arena *arena,
                struct sl_delta_snapshot *ret, struct sl_err *err)
{
    bool is_needed;
    SL_TRY(sl_delta_needs_session(folder, &is_needed, err));
    if (is_needed && !finder->session)
        SL_TRY(sl_world_session(finder->world, &finder->session, err));
    return sl_delta_load(folder, version, finder->session, arena, ret, err);
}

// Files of the table as its newest checkpoint counts them, without reading it; 0: there is none.
static int64_t count_told(const char *folder, struct sl_arena *arena)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_err ignored = {0};
    const char *text;
    size_t length;
    const char *path = sl_arena_printf(arena, "%s/_delta_log/_last_checkpoint", folder);
    if (!path ||
        sl_fs_read(path, MOST_CHECKPOINT_BYTES, arena, &text, &length, &ignored) != SL_OK ||
        sl_json_parse(text, length, path, &json, &ignored) != SL_OK)
        return 0;
    return sl_json_int(json, "size", 0);
}

static int add_missing(struct finder *finder, struct sl_node *node, const char *table,
                       const struct sl_delta_snapshot *snapshot, bool is_read, struct sl_err *err)
{
    struct sl_arena *arena = &finder->world->arena;
    struct sl_missing missing = {.table = table, .version = snapshot->version, .is_read = is_read};
    size_t most = MOST_FILES;
    if (!is_read) {
        int64_t left = MOST_IDLE_FILES - finder->idle_files;
        most = left < 0 ? 0 : (size_t)left;
        finder->idle_files += (int64_t)snapshot->file_count;
    }
    for (size_t i = 0; i < snapshot->file_count && i < most; i++) {
        struct sl_err elsewhere = {0};
        const char *path;
        int code =
            sl_delta_file_path(snapshot->folder, &snapshot->files[i], arena, &path, &elsewhere);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(err);
        if (code != SL_OK || sl_fs_exists(path))
            continue;
        if (missing.count++ == 0)
            missing.file = sl_arena_strdup(arena, snapshot->files[i].path);
    }
    if (missing.count == 0)
        return SL_OK;
    SL_TRY_NEW(missing.file, err);
    return SL_PUSH(arena, node->facts.missing, node->facts.missing_count, missing)
               ? SL_OK
               : sl_fail_memory(err);
}

// What keeps a table from being looked at is its step's to tell.
static int look(struct finder *finder, struct sl_node *node, enum sl_layer layer, int64_t version,
                struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    struct sl_world *world = finder->world;
    struct sl_delta_snapshot snapshot;
    struct sl_err trouble = {0};
    bool is_borrowed;
    sl_arena_init(&scratch, 0);
    bool is_needed = is_read(finder, node, layer) || reads_itself(finder, node, layer);
    if (version < 0 || (!is_needed && finder->idle_files >= MOST_IDLE_FILES))
        return SL_OK;
    const char *table = sl_arena_printf(&world->arena, "%s.%s", sl_layer_name(layer), node->bare);
    const char *folder = sl_table_source(world->project, layer, node->bare, &scratch, &is_borrowed);
    SL_TRY_NEW(table, err);
    SL_TRY_NEW(folder, err);
    if (!is_needed && finder->idle_files + count_told(folder, &scratch) > MOST_IDLE_FILES)
        return SL_OK;
    int code = load(finder, folder, version, &scratch, &snapshot, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    return code == SL_OK ? add_missing(finder, node, table, &snapshot, is_needed, err) : SL_OK;
}

static int look_at_node(struct finder *finder, struct sl_node *node, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    switch (node->kind) {
    case SL_NODE_INGEST:
        return look(finder, node, SL_LAYER_RAW, facts->version, err);
    case SL_NODE_CLEANSE:
        SL_TRY(look(finder, node, SL_LAYER_CLEAN, facts->version, err));
        return look(finder, node, SL_LAYER_QUARANTINE, facts->quarantine_version, err);
    case SL_NODE_MODEL:
        return look(finder, node, SL_LAYER_CURATED, facts->version, err);
    case SL_NODE_LOAD:
    case SL_NODE_TASK:
        break;
    }
    return SL_OK;
}

int sl_world_find_missing(struct sl_world *world, bool full_refresh, struct sl_err *err)
{
    struct finder finder = {.world = world, .full_refresh = full_refresh};
    int code = SL_OK;
    finder.is_whole = SL_NEW_ARRAY(&world->arena, bool, world->graph.count);
    SL_TRY_NEW(finder.is_whole, err);
    sl_plan_find_whole(&world->graph, full_refresh, finder.is_whole);
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++) {
        struct sl_node *node = &world->graph.nodes[i];
        if (!sl_node_is_view(node) && !is_rebuilt(&finder, node))
            code = look_at_node(&finder, node, err);
    }
    sl_session_close(&finder.session);
    return code;
}
