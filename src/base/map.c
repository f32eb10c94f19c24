#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct sl_map_entry {
    UT_hash_handle hh;
    void *value;
    char key[];
};

void sl_map_clear(struct sl_map *map)
{
    struct sl_map_entry *entry;
    struct sl_map_entry *next;

    if (!map)
        return;
    // The table first (it hangs on the entries), then the entries, which stay linked.
    entry = map->head;
    HASH_CLEAR(hh, map->head);
    for (; entry; entry = next) {
        next = entry->hh.next;
        free(entry);
    }
}

static struct sl_map_entry *find(const struct sl_map *map, const char *key)
{
    struct sl_map_entry *entry;

    HASH_FIND_STR(map->head, key, entry);
    return entry;
}

int sl_map_set(struct sl_map *map, const char *key, void *value, struct sl_err *err)
{
    struct sl_map_entry *entry = find(map, key);
    size_t length;

    if (entry) {
        entry->value = value;
        return SL_OK;
    }
    length = strlen(key);
    entry = calloc(1, sizeof *entry + length + 1);
    SL_TRY_NEW(entry, err);
    memcpy(entry->key, key, length + 1);
    entry->value = value;
    HASH_ADD_KEYPTR(hh, map->head, entry->key, length, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return sl_fail_memory(err);
    }
    return SL_OK;
}

void *sl_map_get(const struct sl_map *map, const char *key)
{
    const struct sl_map_entry *entry = find(map, key);

    return entry ? entry->value : NULL;
}

bool sl_map_has(const struct sl_map *map, const char *key)
{
    return find(map, key) != NULL;
}

void sl_map_remove(struct sl_map *map, const char *key)
{
    struct sl_map_entry *entry = find(map, key);

    if (!entry)
        return;
    HASH_DEL(map->head, entry);
    free(entry);
}

size_t sl_map_count(const struct sl_map *map)
{
    return HASH_COUNT(map->head);
}

const struct sl_map_entry *sl_map_first(const struct sl_map *map)
{
    return map->head;
}

const struct sl_map_entry *sl_map_next(const struct sl_map_entry *entry)
{
    return entry->hh.next;
}

const char *sl_map_key(const struct sl_map_entry *entry)
{
    return entry->key;
}

void *sl_map_value(const struct sl_map_entry *entry)
{
    return entry->value;
}
