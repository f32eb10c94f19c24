#include "run/column_cache.h"

#include "run/cache.h"

#define CACHE_FILE "columns.cache"
#define CACHE_FORMAT 1

int sl_column_cache_open(const struct sl_world *world, struct sl_column_cache *ret,
                         struct sl_err *err)
{
    json_t *used = json_object();
    SL_TRY_NEW(used, err);
    *ret = (struct sl_column_cache){
        .world = world, .known = sl_cache_read(world, CACHE_FILE, CACHE_FORMAT), .used = used};
    return SL_OK;
}

void sl_column_cache_clear(struct sl_column_cache *cache)
{
    sl_json_free(&cache->known);
    sl_json_free(&cache->used);
}

int sl_column_cache_find(struct sl_column_cache *cache, const char *key, struct sl_arena *arena,
                         struct sl_relation *ret, bool *ret_is_known, struct sl_err *err)
{
    json_t *list = json_object_get(cache->known, key);
    size_t count = json_array_size(list) / 2;
    *ret_is_known = count > 0;
    if (!count)
        return SL_OK;
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(list, 2 * i));
        const char *type = json_string_value(json_array_get(list, 2 * i + 1));
        *ret_is_known = *ret_is_known && name && type;
        columns[i].name = sl_arena_strdup(arena, name ? name : "");
        columns[i].type = sl_arena_strdup(arena, type ? type : "");
        SL_TRY_NEW(columns[i].name, err);
        SL_TRY_NEW(columns[i].type, err);
    }
    *ret = (struct sl_relation){columns, count};
    return json_object_set(cache->used, key, list) == 0 ? SL_OK : sl_fail_memory(err);
}

int sl_column_cache_add(struct sl_column_cache *cache, const char *key,
                        const struct sl_relation *relation, struct sl_err *err)
{
    json_t *list = json_array();
    if (json_object_set_new(cache->used, key, list) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < relation->count; i++)
        if (json_array_append_new(list, json_string(relation->columns[i].name)) != 0 ||
            json_array_append_new(list, json_string(relation->columns[i].type)) != 0)
            return sl_fail_memory(err);
    cache->has_new = true;
    return SL_OK;
}

void sl_column_cache_store(struct sl_column_cache *cache)
{
    if (cache->has_new)
        sl_cache_write(cache->world, CACHE_FILE, CACHE_FORMAT, cache->used);
}
