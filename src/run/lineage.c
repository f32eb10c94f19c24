#include "run/lineage.h"

#include "base/str.h"
#include "run/kept_codes.h"
#include "run/lineage_cache.h"
#include "run/lineage_files.h"
#include "step/snapshot.h"

#include <string.h>

const char *sl_lineage_how_name(enum sl_lineage_how how)
{
    static const char *const names[] = {[SL_LINEAGE_READ] = "read",
                                        [SL_LINEAGE_PARSED] = "parsed",
                                        [SL_LINEAGE_PASSED] = "passed on",
                                        [SL_LINEAGE_COMPUTED] = "computed",
                                        [SL_LINEAGE_DECIDES] = "decides rows"};
    return names[how];
}

// The key of an end, in `room` if it fits there. NULL: memory is out.
static const char *key_of(const char *table, const char *column, struct sl_arena *arena, char *room,
                          size_t room_bytes)
{
    size_t table_bytes = strlen(table), column_bytes = column ? strlen(column) + 1 : 0;
    size_t length = table_bytes + column_bytes;
    char *key = length < room_bytes ? room : sl_arena_alloc(arena, length + 1);
    if (!key)
        return NULL;
    memcpy(key, table, table_bytes);
    if (column) {
        key[table_bytes] = '\n';
        memcpy(key + table_bytes + 1, column, column_bytes - 1);
    }
    key[length] = '\0';
    for (char *at = key; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return key;
}

#define KEY_BYTES 256

struct sl_lineage_end *sl_lineage_end(const struct sl_lineage *lineage, const char *table,
                                      const char *column)
{
    char room[KEY_BYTES];
    const char *key = key_of(table, column, &lineage->world->arena, room, sizeof room);
    return key ? sl_map_get(&lineage->ends, key) : NULL;
}

static int take_end(struct sl_lineage *lineage, const char *table, const char *column,
                    struct sl_lineage_end **ret, struct sl_err *err)
{
    struct sl_arena *arena = &lineage->world->arena;
    char room[KEY_BYTES];
    const char *key = key_of(table, column, arena, room, sizeof room);
    SL_TRY_NEW(key, err);
    *ret = sl_map_get(&lineage->ends, key);
    if (*ret)
        return SL_OK;
    *ret = SL_NEW(arena, struct sl_lineage_end);
    SL_TRY_NEW(*ret, err);
    **ret = (struct sl_lineage_end){.table = table, .column = column};
    return sl_map_set(&lineage->ends, key, *ret, err);
}

// A column of a table, or with NULL its rows.
struct end {
    const char *table, *column;
};

static int join_ends(struct sl_lineage *lineage, struct sl_lineage_end *from,
                     struct sl_lineage_end *to, enum sl_lineage_how how, struct sl_err *err)
{
    struct sl_arena *arena = &lineage->world->arena;
    struct sl_lineage_edge edge = {.from = from, .to = to, .how = how};
    if (!SL_PUSH(arena, from->out, from->out_count, lineage->count) ||
        !SL_PUSH(arena, to->in, to->in_count, lineage->count) ||
        !SL_PUSH(arena, lineage->edges, lineage->count, edge))
        return sl_fail_memory(err);
    return SL_OK;
}

static int add_edge(struct sl_lineage *lineage, struct end from, struct end to,
                    enum sl_lineage_how how, struct sl_err *err)
{
    struct sl_lineage_end *first, *second;
    SL_TRY(take_end(lineage, from.table, from.column, &first, err));
    SL_TRY(take_end(lineage, to.table, to.column, &second, err));
    return join_ends(lineage, first, second, how, err);
}

// Once per pair: many columns name the same filter.
static int join_rows(struct sl_lineage *lineage, struct sl_lineage_end *from,
                     struct sl_lineage_end *rows, struct sl_err *err)
{
    for (size_t i = 0; i < rows->in_count; i++)
        if (lineage->edges[rows->in[i]].from == from)
            return SL_OK;
    return join_ends(lineage, from, rows, SL_LINEAGE_DECIDES, err);
}

static int decide_rows(struct sl_lineage *lineage, struct end from, const char *table,
                       struct sl_err *err)
{
    struct sl_lineage_end *first, *rows;
    SL_TRY(take_end(lineage, table, NULL, &rows, err));
    SL_TRY(take_end(lineage, from.table, from.column, &first, err));
    return join_rows(lineage, first, rows, err);
}

static bool is_own(const char *column)
{
    static const char *const own[] = {"_source", "_position", "_ingested_at", "_corrupt"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (sl_str_equal(column, own[i]))
            return true;
    return false;
}

// A line that could not be split into columns may hold a value of any of them.
static int add_ingest(struct sl_lineage *lineage, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_relation *relation = sl_map_get(&lineage->catalog, node->name);
    const struct sl_contract_table *contract =
        sl_project_contract_for(lineage->world->project, node->source);
    const char *source = sl_arena_printf(&lineage->world->arena, "source.%s", node->bare);
    SL_TRY_NEW(source, err);
    size_t count = relation ? relation->count : contract ? contract->column_count : 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = relation ? relation->columns[i].name : contract->columns[i].source_name;
        if (is_own(name))
            continue;
        SL_TRY(add_edge(lineage, (struct end){source, name}, (struct end){node->name, name},
                        SL_LINEAGE_READ, err));
        SL_TRY(add_edge(lineage, (struct end){source, name}, (struct end){node->name, "_corrupt"},
                        SL_LINEAGE_COMPUTED, err));
    }
    return SL_OK;
}

// Of a rejected row everything is kept, every column may be why, and the reason says what it was.
static int add_kept(struct sl_lineage *lineage, struct end from, const char *quarantine,
                    struct sl_err *err)
{
    static const char *const made[] = {"payload", "reasons", "set_aside"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        SL_TRY(
            add_edge(lineage, from, (struct end){quarantine, made[i]}, SL_LINEAGE_COMPUTED, err));
    return decide_rows(lineage, from, quarantine, err);
}

static int add_quarantine_own(struct sl_lineage *lineage, struct end from, const char *quarantine,
                              struct sl_err *err)
{
    if (sl_str_equal(from.column, "_source") || sl_str_equal(from.column, "_position"))
        SL_TRY(
            add_edge(lineage, from, (struct end){quarantine, from.column}, SL_LINEAGE_PASSED, err));
    if (sl_str_equal(from.column, "_corrupt")) {
        SL_TRY(
            add_edge(lineage, from, (struct end){quarantine, "corrupt"}, SL_LINEAGE_PASSED, err));
        SL_TRY(
            add_edge(lineage, from, (struct end){quarantine, "reasons"}, SL_LINEAGE_COMPUTED, err));
    }
    return decide_rows(lineage, from, quarantine, err);
}

// Before the first rows come raw has the columns that the contract reads.
static int add_quarantine(struct sl_lineage *lineage, const struct sl_node *node, const char *raw,
                          struct sl_err *err)
{
    const char *quarantine = sl_arena_printf(&lineage->world->arena, "quarantine.%s", node->bare);
    const struct sl_relation *relation = sl_map_get(&lineage->catalog, raw);
    SL_TRY_NEW(quarantine, err);
    for (size_t i = 0; !relation && i < node->contract->column_count; i++)
        SL_TRY(add_kept(lineage, (struct end){raw, node->contract->columns[i].source_name},
                        quarantine, err));
    for (size_t i = 0; relation && i < relation->count; i++) {
        struct end from = {raw, relation->columns[i].name};
        SL_TRY(is_own(from.column) ? add_quarantine_own(lineage, from, quarantine, err)
                                   : add_kept(lineage, from, quarantine, err));
    }
    return decide_rows(lineage, (struct end){raw, NULL}, quarantine, err);
}

// A column of raw that a column of the contract is read from.
static int add_reading(struct sl_lineage *lineage, const struct sl_node *node, struct end from,
                       const struct sl_contract_column *column, struct sl_err *err)
{
    if (column->personal.as != SL_PERSONAL_DROP) {
        SL_TRY(add_edge(lineage, from, (struct end){node->name, column->name}, SL_LINEAGE_PARSED,
                        err));
        lineage->edges[lineage->count - 1].column = column;
    }
    return decide_rows(lineage, from, node->name, err);
}

static const char *find_in(const struct sl_relation *relation, const char *name)
{
    for (size_t i = 0; i < relation->count; i++)
        if (sl_str_equal_nocase(relation->columns[i].name, name))
            return relation->columns[i].name;
    return NULL;
}

// Old names, as far as raw has such columns.
static int add_aliases(struct sl_lineage *lineage, const struct sl_node *node, const char *raw,
                       const struct sl_contract_column *column, struct sl_err *err)
{
    const struct sl_relation *relation = sl_map_get(&lineage->catalog, raw);
    for (size_t i = 0; i < column->alias_count; i++) {
        const char *name = column->aliases[i].name;
        name = relation ? find_in(relation, name) : name;
        if (name)
            SL_TRY(add_reading(lineage, node, (struct end){raw, name}, column, err));
    }
    return SL_OK;
}

// Columns that clean took over from raw as they are (drift: {new_columns: evolve}).
static int add_evolved(struct sl_lineage *lineage, const struct sl_node *node, const char *raw,
                       struct sl_err *err)
{
    const struct sl_relation *clean = sl_map_get(&lineage->catalog, node->name);
    const struct sl_relation *relation = sl_map_get(&lineage->catalog, raw);
    for (size_t i = 0; clean && relation && i < clean->count; i++) {
        const char *name = find_in(relation, clean->columns[i].name);
        bool is_known = false;
        for (size_t k = 0; k < node->contract->column_count; k++)
            is_known |=
                sl_str_equal_nocase(node->contract->columns[k].name, clean->columns[i].name);
        if (name && !is_known)
            SL_TRY(add_edge(lineage, (struct end){raw, name},
                            (struct end){node->name, clean->columns[i].name}, SL_LINEAGE_PARSED,
                            err));
    }
    return SL_OK;
}

// A rule over the row, the filter and the key's order are SQL over any of its columns: each column
// may decide whether a row is clean.
static int add_cleanse(struct sl_lineage *lineage, const struct sl_node *node, struct sl_err *err)
{
    const char *raw = sl_arena_printf(&lineage->world->arena, "raw.%s", node->bare);
    SL_TRY_NEW(raw, err);
    const struct sl_relation *relation = sl_map_get(&lineage->catalog, raw);
    for (size_t i = 0; i < node->contract->column_count; i++) {
        const struct sl_contract_column *column = &node->contract->columns[i];
        SL_TRY(add_reading(lineage, node, (struct end){raw, column->source_name}, column, err));
        SL_TRY(add_aliases(lineage, node, raw, column, err));
    }
    if (node->contract->drift.new_columns == SL_DRIFT_EVOLVE)
        SL_TRY(add_evolved(lineage, node, raw, err));
    for (size_t i = 0; relation && node->contract->filter && i < relation->count; i++)
        SL_TRY(decide_rows(lineage, (struct end){raw, relation->columns[i].name}, node->name, err));
    SL_TRY(add_quarantine(lineage, node, raw, err));
    return decide_rows(lineage, (struct end){raw, NULL}, node->name, err);
}

static int add_origins(struct sl_lineage *lineage, const struct sl_node *node,
                       const struct sl_query_column *column, const char *name, struct sl_err *err)
{
    // Of rows with one key or time, all of their columns say which one stays.
    bool is_choosing =
        node->model->write == SL_WRITE_MERGE || node->model->write == SL_WRITE_SNAPSHOT;
    struct sl_lineage_end *from, *to, *rows;
    if (!column->origin_count)
        return SL_OK;
    SL_TRY(take_end(lineage, node->name, name, &to, err));
    SL_TRY(take_end(lineage, node->name, NULL, &rows, err));
    for (size_t i = 0; i < column->origin_count; i++) {
        const struct sl_origin *origin = &column->origins[i];
        enum sl_lineage_how how = origin->is_filter   ? SL_LINEAGE_DECIDES
                                  : origin->is_direct ? SL_LINEAGE_PASSED
                                                      : SL_LINEAGE_COMPUTED;
        SL_TRY(take_end(lineage, origin->table, origin->column, &from, err));
        SL_TRY(join_ends(lineage, from, to, how, err));
        if (origin->is_filter || is_choosing)
            SL_TRY(join_rows(lineage, from, rows, err));
        bool is_time = node->model->write == SL_WRITE_SNAPSHOT && !origin->is_filter &&
                       sl_str_equal_nocase(name, node->model->updated_at);
        if (!is_time)
            continue;
        struct end time = {origin->table, origin->column};
        SL_TRY(add_edge(lineage, time, (struct end){node->name, SL_VALID_FROM}, SL_LINEAGE_COMPUTED,
                        err));
        SL_TRY(add_edge(lineage, time, (struct end){node->name, SL_VALID_TO}, SL_LINEAGE_COMPUTED,
                        err));
    }
    return SL_OK;
}

// Columns of snapshots that no query gives.
static size_t own_columns(const struct sl_node *node)
{
    return node->model->write == SL_WRITE_SNAPSHOT ? 3 : 0;
}

// The columns that the engine gives the model and the reading of its SQL does not, such as those
// of a pivot or of an unnested row: they may be made of every column of every table.
static int add_unseen(struct sl_lineage *lineage, const struct sl_node *node,
                      const struct sl_query *query, const struct sl_relation *relation,
                      struct sl_err *err)
{
    for (size_t i = 0; i + own_columns(node) < relation->count; i++) {
        struct end to = {node->name, relation->columns[i].name};
        bool is_seen = false;
        for (size_t k = 0; k < query->column_count && !is_seen; k++)
            is_seen = sl_str_equal_nocase(query->columns[k].name, to.column);
        for (size_t k = 0; k < node->query->table_count && !is_seen; k++) {
            const struct sl_table_ref *ref = &node->query->tables[k];
            const char *table = sl_arena_printf(&lineage->world->arena, "%s.%s",
                                                ref->layer ? ref->layer : "", ref->name);
            SL_TRY_NEW(table, err);
            const struct sl_relation *from = sl_map_get(&lineage->catalog, table);
            for (size_t n = 0; from && n < from->count; n++)
                SL_TRY(add_edge(lineage, (struct end){table, from->columns[n].name}, to,
                                SL_LINEAGE_COMPUTED, err));
        }
    }
    return SL_OK;
}

static int add_to_all(struct sl_lineage *lineage, struct end from, const struct sl_node *node,
                      const struct sl_relation *relation, struct sl_err *err)
{
    for (size_t i = 0; i + own_columns(node) < relation->count; i++)
        SL_TRY(add_edge(lineage, from, (struct end){node->name, relation->columns[i].name},
                        SL_LINEAGE_COMPUTED, err));
    return SL_OK;
}

// Whether what the node keeps is followed: by the contract that reads it, or one that did.
static int is_followed(struct sl_world *world, const struct sl_node *from, bool *ret,
                       struct sl_err *err)
{
    struct sl_strs former = {0};
    if (from->kind == SL_NODE_INGEST)
        SL_TRY(sl_former_of(world, from, &former, err));
    *ret =
        former.count || (from->kind == SL_NODE_CLEANSE && sl_contract_is_followed(from->contract));
    return SL_OK;
}

// What stands in files that are those of a source, or of its tables, may come out in any column.
static int add_files(struct sl_lineage *lineage, const struct sl_node *node,
                     const struct sl_relation *relation, struct sl_err *err)
{
    const struct sl_graph *graph = &lineage->world->graph;
    for (size_t i = 0; i < graph->count && node->query->files.count; i++) {
        const struct sl_node *from = &graph->nodes[i];
        bool is_read;
        SL_TRY(is_followed(lineage->world, from, &is_read, err));
        if (is_read)
            SL_TRY(
                sl_lineage_reads_files(lineage->world, &node->query->files, from, &is_read, err));
        if (!is_read)
            continue;
        const char *raw = sl_arena_printf(&lineage->world->arena, "raw.%s", from->bare);
        SL_TRY_NEW(raw, err);
        const struct sl_relation *kept = from->contract ? NULL : sl_map_get(&lineage->catalog, raw);
        for (size_t k = 0; kept && k < kept->count; k++)
            SL_TRY(
                add_to_all(lineage, (struct end){raw, kept->columns[k].name}, node, relation, err));
        for (size_t k = 0; from->contract && k < from->contract->column_count; k++)
            if (sl_personal_followed(&from->contract->columns[k]))
                SL_TRY(add_to_all(lineage,
                                  (struct end){raw, from->contract->columns[k].source_name}, node,
                                  relation, err));
    }
    return SL_OK;
}

// Of a source that is no longer there nobody knows the columns: all are one.
static int add_gone_files(struct sl_lineage *lineage, const struct sl_node *node,
                          const struct sl_relation *relation, struct sl_err *err)
{
    struct sl_strs gone = {0};
    bool is_read;
    if (node->query->files.count)
        SL_TRY(sl_gone_sources(lineage->world, &gone, err));
    for (size_t i = 0; i < gone.count; i++) {
        struct sl_node from = {.kind = SL_NODE_INGEST, .bare = gone.items[i]};
        SL_TRY(sl_lineage_reads_files(lineage->world, &node->query->files, &from, &is_read, err));
        const char *raw = sl_arena_printf(&lineage->world->arena, "raw.%s", from.bare);
        SL_TRY_NEW(raw, err);
        if (is_read)
            SL_TRY(add_to_all(lineage, (struct end){raw, "*"}, node, relation, err));
    }
    return SL_OK;
}

static int add_model(struct sl_lineage *lineage, const struct sl_node *node,
                     struct sl_lineage_cache *cache, struct sl_err *err)
{
    if (!lineage->world->digests[node->query - lineage->world->queries])
        return SL_OK; // its syntax error is known
    struct sl_query query = *sl_lineage_cache_query(cache, node);
    // The engine names an expression without an alias, and the second of two columns of one name.
    const struct sl_relation *relation = sl_map_get(&lineage->catalog, node->name);
    bool is_whole = relation && relation->count == query.column_count + own_columns(node);
    for (size_t i = 0; i < query.column_count && is_whole; i++)
        query.columns[i].name = relation->columns[i].name;
    for (size_t i = 0; i < query.column_count; i++)
        if (*query.columns[i].name || !relation)
            SL_TRY(add_origins(lineage, node, &query.columns[i], query.columns[i].name, err));
    if (relation)
        SL_TRY(add_unseen(lineage, node, &query, relation, err));
    if (relation)
        SL_TRY(add_files(lineage, node, relation, err));
    if (relation)
        SL_TRY(add_gone_files(lineage, node, relation, err));
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        const char *table = sl_arena_printf(&lineage->world->arena, "%s.%s",
                                            ref->layer ? ref->layer : "", ref->name);
        SL_TRY_NEW(table, err);
        SL_TRY(decide_rows(lineage, (struct end){table, NULL}, node->name, err));
    }
    return SL_OK;
}

static int add_load(struct sl_lineage *lineage, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_delivery *delivery = node->delivery;
    const char *table = delivery->asked ? delivery->asked : delivery->table;
    struct sl_relation *relation = sl_map_get(&lineage->catalog, table);
    if (relation)
        SL_TRY(sl_map_set(&lineage->catalog, node->name, relation, err));
    for (size_t i = 0; relation && i < relation->count; i++) {
        const char *name = relation->columns[i].name;
        SL_TRY(add_edge(lineage, (struct end){table, name}, (struct end){node->name, name},
                        SL_LINEAGE_PASSED, err));
    }
    return decide_rows(lineage, (struct end){table, NULL}, node->name, err);
}

// A column that is made of nothing, such as a constant, is still there as often as there are rows.
static int add_columns(struct sl_lineage *lineage, const char *table, struct sl_err *err)
{
    const struct sl_relation *relation = sl_map_get(&lineage->catalog, table);
    struct sl_lineage_end *end;
    for (size_t i = 0; relation && i < relation->count; i++)
        SL_TRY(take_end(lineage, table, relation->columns[i].name, &end, err));
    return SL_OK;
}

static int add_node(struct sl_lineage *lineage, const struct sl_node *node,
                    struct sl_lineage_cache *cache, struct sl_err *err)
{
    switch (node->kind) {
    case SL_NODE_INGEST:
        return add_ingest(lineage, node, err);
    case SL_NODE_CLEANSE:
        return add_cleanse(lineage, node, err);
    case SL_NODE_MODEL:
        return add_model(lineage, node, cache, err);
    case SL_NODE_LOAD:
        return add_load(lineage, node, err);
    case SL_NODE_TASK:
        break;
    }
    return SL_OK;
}

int sl_lineage_read(struct sl_world *world, struct sl_lineage *ret, struct sl_err *err)
{
    SL_AUTO(sl_lineage_cache_clear) struct sl_lineage_cache cache = {0};
    *ret = (struct sl_lineage){.world = world};
    SL_TRY(sl_world_bind(world, &ret->catalog, err));
    SL_TRY(sl_lineage_cache_open(world, &ret->catalog, &cache, err));
    for (size_t i = 0; i < world->graph.count; i++)
        SL_TRY(add_node(ret, &world->graph.nodes[i], &cache, err));
    for (const struct sl_map_entry *it = sl_map_first(&ret->catalog); it; it = sl_map_next(it))
        SL_TRY(add_columns(ret, sl_map_key(it), err));
    sl_lineage_cache_store(&cache);
    return SL_OK;
}

void sl_lineage_clear(struct sl_lineage *lineage)
{
    sl_map_clear(&lineage->catalog);
    sl_map_clear(&lineage->ends);
}
