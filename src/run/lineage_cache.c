#include "run/lineage_cache.h"

#include "api/kinds.h"
#include "base/hash.h"
#include "run/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_FILE "lineage.cache"
#define CACHE_FORMAT 3
// Trees that are in memory at a time.
#define PARSED_AT_ONCE 128

void sl_lineage_cache_store(struct sl_lineage_cache *cache)
{
    if (cache->has_new)
        sl_cache_write(cache->world, CACHE_FILE, CACHE_FORMAT, cache->used);
}

void sl_lineage_cache_clear(struct sl_lineage_cache *cache)
{
    sl_json_free(&cache->known);
    sl_json_free(&cache->used);
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

// An entry is one text of fields "LENGTH:BYTES\n", so that a large cache is few JSON values: the
// name of a column, how many origins it has, and of each flags, table and column.
enum flag { IS_DIRECT = 1, IS_FILTER = 2 };

static void add_field(struct sl_buf *text, const char *field)
{
    sl_buf_addf(text, "%zu:%s\n", strlen(field), field);
}

static void add_number(struct sl_buf *text, size_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%zu", number);
    add_field(text, digits);
}

static int remember(struct sl_lineage_cache *cache, const char *key, const struct sl_query *query,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    for (size_t i = 0; i < query->column_count; i++) {
        const struct sl_query_column *column = &query->columns[i];
        add_field(&text, column->name);
        add_number(&text, column->origin_count);
        for (size_t k = 0; k < column->origin_count; k++) {
            const struct sl_origin *origin = &column->origins[k];
            add_number(&text,
                       (origin->is_direct ? IS_DIRECT : 0) | (origin->is_filter ? IS_FILTER : 0));
            add_field(&text, origin->table);
            add_field(&text, origin->column);
        }
    }
    SL_TRY(sl_buf_check(&text, err));
    cache->has_new = true;
    return json_object_set_new(cache->used, key, json_stringn(text.text, text.length)) == 0
               ? SL_OK
               : sl_fail_memory(err);
}

// The next field, ended by a NUL in place. NULL: there is none, or the text is none of ours.
static char *next_field(char **at, const char *end)
{
    char *colon;
    unsigned long length = strtoul(*at, &colon, 10);
    if (colon == *at || *colon != ':' || length >= (size_t)(end - colon - 1) ||
        colon[1 + length] != '\n')
        return NULL;
    colon[1 + length] = '\0';
    *at = colon + 2 + length;
    return colon + 1;
}

static bool next_number(char **at, const char *end, size_t *ret)
{
    const char *field = next_field(at, end);
    int64_t number;
    if (!field || !sl_str_to_int64(field, &number) || number < 0)
        return false;
    *ret = (size_t)number;
    return true;
}

static bool next_origin(char **at, const char *end, struct sl_origin *ret)
{
    size_t flags;
    if (!next_number(at, end, &flags))
        return false;
    const char *table = next_field(at, end);
    const char *column = table ? next_field(at, end) : NULL;
    if (!column)
        return false;
    *ret = (struct sl_origin){.table = table,
                              .column = column,
                              .is_direct = flags & IS_DIRECT,
                              .is_filter = flags & IS_FILTER};
    return true;
}

int sl_lineage_cache_restore(const json_t *entry, struct sl_arena *arena, struct sl_query *ret,
                             bool *ret_is_whole, struct sl_err *err)
{
    size_t length = json_string_length(entry), count;
    char *at = sl_arena_strndup(arena, json_string_value(entry), length);
    struct sl_query query = {0};
    SL_TRY_NEW(at, err);
    *ret_is_whole = false;
    for (const char *end = at + length; at < end;) {
        struct sl_query_column column = {.name = next_field(&at, end)};
        // An origin takes more than a byte: no room is made for more than there can be.
        if (!column.name || !next_number(&at, end, &count) || count > (size_t)(end - at))
            return SL_OK;
        struct sl_origin *origins = SL_NEW_ARRAY(arena, struct sl_origin, count);
        SL_TRY_NEW(origins, err);
        column.origins = origins;
        for (; column.origin_count < count; column.origin_count++)
            if (!next_origin(&at, end, &origins[column.origin_count]))
                return SL_OK;
        if (!SL_PUSH(arena, query.columns, query.column_count, column))
            return sl_fail_memory(err);
    }
    *ret_is_whole = true;
    *ret = query;
    return SL_OK;
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
    SL_TRY_NEW(missing, err);
    SL_TRY_NEW(cache->keys, err);
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        char key[65];
        if (node->kind != SL_NODE_MODEL || !world->digests[node->query - world->queries])
            continue; // its syntax error is known
        SL_TRY(key_of(cache, node, key, err));
        cache->keys[i] = sl_arena_strdup(&world->arena, key);
        SL_TRY_NEW(cache->keys[i], err);
        json_t *entry = json_object_get(cache->known, key);
        if (!json_is_string(entry))
            missing[count++] = i;
        else if (json_object_set(cache->used, key, entry) != 0)
            return sl_fail_memory(err);
    }
    return read_rest(cache, missing, count, err);
}

int sl_lineage_cache_open(struct sl_world *world, const struct sl_map *catalog,
                          struct sl_lineage_cache *ret, struct sl_err *err)
{
    *ret = (struct sl_lineage_cache){.world = world,
                                     .catalog = catalog,
                                     .known = sl_cache_read(world, CACHE_FILE, CACHE_FORMAT),
                                     .used = json_object()};
    SL_TRY_NEW(ret->used, err);
    return find_all(ret, err);
}

int sl_lineage_cache_find(struct sl_lineage_cache *cache, const struct sl_node *node,
                          struct sl_query *ret, struct sl_err *err)
{
    const size_t index = (size_t)(node - cache->world->graph.nodes);
    const char *key = cache->keys[index];
    bool is_whole;
    *ret = (struct sl_query){0};
    if (!key)
        return SL_OK;
    SL_TRY(sl_lineage_cache_restore(json_object_get(cache->used, key), &cache->world->arena, ret,
                                    &is_whole, err));
    if (is_whole)
        return SL_OK;
    SL_TRY(read_rest(cache, &index, 1, err));
    return sl_lineage_cache_restore(json_object_get(cache->used, key), &cache->world->arena, ret,
                                    &is_whole, err);
}
