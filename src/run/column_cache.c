#include "run/column_cache.h"

#include "base/buf.h"

#define CACHE_FILE "columns.cache"
#define CACHE_FORMAT 2

int sl_column_cache_open(const struct sl_world *world, struct sl_cache *ret, struct sl_err *err)
{
    return sl_cache_open(world, CACHE_FILE, CACHE_FORMAT, ret, err);
}

int sl_column_cache_find(struct sl_cache *cache, const char *key, struct sl_arena *arena,
                         struct sl_relation *ret, bool *ret_is_known, struct sl_err *err)
{
    struct sl_cache_reader reader;
    struct sl_column *columns = NULL;
    size_t count = 0;
    *ret_is_known = false;
    SL_TRY(sl_cache_read(cache, key, arena, &reader, err));
    while (sl_cache_has_more(&reader)) {
        struct sl_column column = {.name = sl_cache_next(&reader)};
        column.type = column.name ? sl_cache_next(&reader) : NULL;
        if (!column.type)
            return SL_OK;
        if (!SL_PUSH(arena, columns, count, column))
            return sl_fail_memory(err);
    }
    *ret_is_known = count > 0;
    if (count)
        *ret = (struct sl_relation){columns, count};
    return SL_OK;
}

int sl_column_cache_add(struct sl_cache *cache, const char *key, const struct sl_relation *relation,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    for (size_t i = 0; i < relation->count; i++) {
        sl_cache_put(&text, relation->columns[i].name);
        sl_cache_put(&text, relation->columns[i].type);
    }
    return sl_cache_add(cache, key, &text, err);
}
