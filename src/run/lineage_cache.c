#include "run/lineage_cache.h"

#include "api/kinds.h"
#include "base/buf.h"
#include "base/hash.h"
#include "run/bind.h"

#include <stdio.h>

#define CACHE_FILE "lineage.cache"
#define CACHE_FORMAT 4
// Trees that are in memory at a time.
#define PARSED_AT_ONCE 128

static bool columns_of(void *self, const char *table, const struct sl_column **ret,
                       size_t *ret_count)
{
    const struct sl_relation *relation = sl_map_get(self, table);
    if (!relation)
        return false;
    *ret = relation->columns;
    *ret_count = relation->count;
    return true;
}

static int key_of(const struct sl_lineage_cache *cache, const struct sl_node *node,
                  char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    const struct sl_engine_kind *engine = sl_kinds.engines[0];
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, engine->name);
    sl_hash_add(hash, engine->version);
    sl_hash_add(hash, node->model->sql);
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        char name[160];
        snprintf(name, sizeof name, "%s.%s", ref->layer ? ref->layer : "", ref->name);
        const struct sl_bound_table *table = sl_map_get(cache->catalog, name);
        sl_hash_add(hash, name);
        sl_hash_add(hash, table ? table->digest : NULL);
    }
    return sl_hash_end(hash, ret_hex, err);
}

// An entry has the number of columns, and per column its name, how many origins it has, and of each
// flags, table and column.
enum flag { IS_DIRECT = 1, IS_FILTER = 2 };

static int remember(struct sl_lineage_cache *cache, const char *key, const struct sl_query *query,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_cache_put_number(&text, query->column_count);
    for (size_t i = 0; i < query->column_count; i++) {
        const struct sl_query_column *column = &query->columns[i];
        sl_cache_put(&text, column->name);
        sl_cache_put_number(&text, column->origin_count);
        for (size_t k = 0; k < column->origin_count; k++) {
            const struct sl_origin *origin = &column->origins[k];
            sl_cache_put_number(&text, (origin->is_direct ? IS_DIRECT : 0) |
                                           (origin->is_filter ? IS_FILTER : 0));
            sl_cache_put(&text, origin->table);
            sl_cache_put(&text, origin->column);
        }
    }
    return sl_cache_add(&cache->entries, key, &text, err);
}

static bool next_origin(struct sl_cache_reader *from, struct sl_origin *ret)
{
    size_t flags;
    if (!sl_cache_next_number(from, &flags))
        return false;
    const char *table = sl_cache_next(from);
    const char *column = table ? sl_cache_next(from) : NULL;
    if (!column)
        return false;
    *ret = (struct sl_origin){.table = table,
                              .column = column,
                              .is_direct = flags & IS_DIRECT,
                              .is_filter = flags & IS_FILTER};
    return true;
}

int sl_lineage_cache_restore(struct sl_cache *entries, const char *key, struct sl_arena *arena,
                             struct sl_query *ret, bool *ret_is_whole, struct sl_err *err)
{
    struct sl_cache_reader from;
    struct sl_query query = {0};
    size_t columns, count;
    *ret_is_whole = false;
    SL_TRY(sl_cache_read(entries, key, arena, &from, err));
    if (!sl_cache_next_number(&from, &columns))
        return SL_OK;
    while (sl_cache_has_more(&from)) {
        struct sl_query_column column = {.name = sl_cache_next(&from)};
        // An origin takes more than a byte: no room is made for more than there can be.
        if (!column.name || !sl_cache_next_number(&from, &count) ||
            count > (size_t)(from.end - from.at))
            return SL_OK;
        struct sl_origin *origins = SL_NEW_ARRAY(arena, struct sl_origin, count);
        SL_TRY_NEW(origins, err);
        column.origins = origins;
        for (; column.origin_count < count; column.origin_count++)
            if (!next_origin(&from, &origins[column.origin_count]))
                return SL_OK;
        if (!SL_PUSH(arena, query.columns, query.column_count, column))
            return sl_fail_memory(err);
    }
    *ret_is_whole = query.column_count == columns;
    if (*ret_is_whole)
        *ret = query;
    return SL_OK;
}

static int restore(struct sl_lineage_cache *cache, size_t node, bool *ret_is_whole,
                   struct sl_err *err)
{
    return sl_lineage_cache_restore(&cache->entries, cache->keys[node], &cache->world->arena,
                                    &cache->queries[node], ret_is_whole, err);
}

static int read_trees(struct sl_lineage_cache *cache, struct sl_session *session,
                      const size_t *nodes, size_t count, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    const char *texts[PARSED_AT_ONCE], *trees[PARSED_AT_ONCE];
    for (size_t i = 0; i < count; i++)
        texts[i] = cache->world->graph.nodes[nodes[i]].model->sql;
    SL_TRY(session->kind->parse(session, texts, count, &scratch, trees, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_query query = {0};
        SL_TRY(sl_query_lineage(trees[i], texts[i], columns_of, (void *)cache->catalog, &scratch,
                                &query, err));
        SL_TRY(remember(cache, cache->keys[nodes[i]], &query, err));
    }
    return SL_OK;
}

static int read_rest(struct sl_lineage_cache *cache, const size_t *nodes, size_t count,
                     struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    if (!count)
        return SL_OK;
    SL_TRY(sl_world_session(cache->world, &session, err));
    for (size_t i = 0; i < count; i += PARSED_AT_ONCE)
        SL_TRY(read_trees(cache, session, nodes + i,
                          count - i < PARSED_AT_ONCE ? count - i : PARSED_AT_ONCE, err));
    return SL_OK;
}

static int find_all(struct sl_lineage_cache *cache, struct sl_err *err)
{
    struct sl_world *world = cache->world;
    size_t count = 0;
    size_t *missing = SL_NEW_ARRAY(&world->arena, size_t, world->graph.count);
    cache->keys = SL_NEW_ARRAY(&world->arena, const char *, world->graph.count);
    cache->queries = SL_NEW_ARRAY(&world->arena, struct sl_query, world->graph.count);
    SL_TRY_NEW(missing, err);
    SL_TRY_NEW(cache->keys, err);
    SL_TRY_NEW(cache->queries, err);
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        char key[65];
        bool is_whole;
        if (node->kind != SL_NODE_MODEL || !world->digests[node->query - world->queries])
            continue; // its syntax error is known
        SL_TRY(key_of(cache, node, key, err));
        cache->keys[i] = sl_arena_strdup(&world->arena, key);
        SL_TRY_NEW(cache->keys[i], err);
        SL_TRY(restore(cache, i, &is_whole, err));
        if (!is_whole)
            missing[count++] = i;
    }
    SL_TRY(read_rest(cache, missing, count, err));
    for (size_t i = 0; i < count; i++) {
        bool is_whole;
        SL_TRY(restore(cache, missing[i], &is_whole, err));
    }
    return SL_OK;
}

int sl_lineage_cache_open(struct sl_world *world, const struct sl_map *catalog,
                          struct sl_lineage_cache *ret, struct sl_err *err)
{
    *ret = (struct sl_lineage_cache){.world = world, .catalog = catalog};
    SL_TRY(sl_cache_open(world, CACHE_FILE, CACHE_FORMAT, &ret->entries, err));
    return find_all(ret, err);
}

struct sl_query *sl_lineage_cache_query(struct sl_lineage_cache *cache, const struct sl_node *node)
{
    return &cache->queries[node - cache->world->graph.nodes];
}

void sl_lineage_cache_store(const struct sl_lineage_cache *cache)
{
    sl_cache_store(&cache->entries);
}

void sl_lineage_cache_clear(struct sl_lineage_cache *cache)
{
    sl_cache_clear(&cache->entries);
}
