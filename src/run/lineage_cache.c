#include "run/lineage_cache.h"

#include "api/kinds.h"
#include "base/hash.h"
#include "run/cache.h"

#include <stdio.h>

#define CACHE_FILE "lineage.cache"
#define CACHE_FORMAT 1

int sl_lineage_cache_open(struct sl_world *world, const struct sl_map *catalog,
                          struct sl_lineage_cache *ret, struct sl_err *err)
{
    json_t *used = json_object();
    SL_TRY_NEW(used, err);
    *ret = (struct sl_lineage_cache){.world = world,
                                     .catalog = catalog,
                                     .known = sl_cache_read(world, CACHE_FILE, CACHE_FORMAT),
                                     .used = used};
    return SL_OK;
}

void sl_lineage_cache_store(struct sl_lineage_cache *cache)
{
    if (cache->has_new)
        sl_cache_write(cache->world, CACHE_FILE, CACHE_FORMAT, cache->used);
}

void sl_lineage_cache_clear(struct sl_lineage_cache *cache)
{
    sl_json_free(&cache->known);
    sl_json_free(&cache->used);
    sl_session_close(&cache->session);
}

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
        const struct sl_relation *relation = sl_map_get(cache->catalog, name);
        sl_hash_add(hash, name);
        for (size_t k = 0; relation && k < relation->count; k++) {
            sl_hash_add(hash, relation->columns[k].name);
            sl_hash_add(hash, relation->columns[k].type);
        }
        sl_hash_add(hash, NULL);
    }
    return sl_hash_end(hash, ret_hex, err);
}

enum flag { IS_DIRECT = 1, IS_FILTER = 2 };

// [name, [table, column, flags, table, column, flags, ...], name, [...], ...]
static int remember(struct sl_lineage_cache *cache, const char *key, const struct sl_query *query,
                    struct sl_err *err)
{
    json_t *list = json_array();
    if (json_object_set_new(cache->used, key, list) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < query->column_count; i++) {
        const struct sl_query_column *column = &query->columns[i];
        json_t *origins = json_array();
        bool is_added = json_array_append_new(list, json_string(column->name)) == 0;
        if (json_array_append_new(list, origins) != 0 || !is_added)
            return sl_fail_memory(err);
        for (size_t k = 0; k < column->origin_count; k++) {
            const struct sl_origin *origin = &column->origins[k];
            int flags = (origin->is_direct ? IS_DIRECT : 0) | (origin->is_filter ? IS_FILTER : 0);
            if (json_array_append_new(origins, json_string(origin->table)) != 0 ||
                json_array_append_new(origins, json_string(origin->column)) != 0 ||
                json_array_append_new(origins, json_integer(flags)) != 0)
                return sl_fail_memory(err);
        }
    }
    cache->has_new = true;
    return SL_OK;
}

static const char *copy_text(struct sl_arena *arena, const json_t *list, size_t index)
{
    const char *text = json_string_value(json_array_get(list, index));
    return sl_arena_strdup(arena, text ? text : "");
}

static int restore(const json_t *list, struct sl_arena *arena, struct sl_query *ret,
                   struct sl_err *err)
{
    size_t count = json_array_size(list) / 2;
    ret->columns = SL_NEW_ARRAY(arena, struct sl_query_column, count);
    SL_TRY_NEW(ret->columns, err);
    for (size_t i = 0; i < count; i++) {
        struct sl_query_column *column = &ret->columns[ret->column_count++];
        const json_t *origins = json_array_get(list, 2 * i + 1);
        column->name = copy_text(arena, list, 2 * i);
        SL_TRY_NEW(column->name, err);
        column->origins = SL_NEW_ARRAY(arena, struct sl_origin, json_array_size(origins) / 3);
        SL_TRY_NEW(column->origins, err);
        for (size_t k = 0; k + 2 < json_array_size(origins); k += 3) {
            json_int_t flags = json_integer_value(json_array_get(origins, k + 2));
            struct sl_origin *origin = &column->origins[column->origin_count++];
            *origin = (struct sl_origin){.table = copy_text(arena, origins, k),
                                         .column = copy_text(arena, origins, k + 1),
                                         .is_direct = flags & IS_DIRECT,
                                         .is_filter = flags & IS_FILTER};
            SL_TRY_NEW(origin->table, err);
            SL_TRY_NEW(origin->column, err);
        }
    }
    return SL_OK;
}

// Asks the engine for the tree.
static int find_anew(struct sl_lineage_cache *cache, const struct sl_node *node,
                     struct sl_query *ret, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags ignored = SL_DIAGS_INIT;
    struct sl_arena *arena = &cache->world->arena;
    const char *sql = node->model->sql, *ast;
    if (!cache->session)
        SL_TRY(sl_world_session(cache->world, &cache->session, err));
    SL_TRY(cache->session->kind->parse(cache->session, &sql, 1, arena, &ast, err));
    SL_TRY(sl_query_read(ast, sql, node->model->file, 1, 1, arena, &ignored, ret, err));
    return ignored.error_count
               ? SL_OK
               : sl_query_lineage(ast, sql, columns_of, (void *)cache->catalog, arena, ret, err);
}

int sl_lineage_cache_find(struct sl_lineage_cache *cache, const struct sl_node *node,
                          struct sl_query *ret, struct sl_err *err)
{
    char key[65];
    *ret = (struct sl_query){0};
    SL_TRY(key_of(cache, node, key, err));
    json_t *list = json_object_get(cache->known, key);
    if (list) {
        SL_TRY(restore(list, &cache->world->arena, ret, err));
        return json_object_set(cache->used, key, list) == 0 ? SL_OK : sl_fail_memory(err);
    }
    SL_TRY(find_anew(cache, node, ret, err));
    return remember(cache, key, ret, err);
}
