// Map from text to pointer (uthash inside). Keys are copied; values are the caller's. Iteration is
// in order of insertion.
#ifndef SL_BASE_MAP_H
#define SL_BASE_MAP_H

#include "base/err.h"

struct sl_map_entry;
struct sl_map {
    struct sl_map_entry *head;
};

void sl_map_clear(struct sl_map *map);
SL_MUST int sl_map_set(struct sl_map *map, const char *key, void *value,
                       struct sl_err *err);                  // replaces
void *sl_map_get(const struct sl_map *map, const char *key); // NULL if absent
bool sl_map_has(const struct sl_map *map, const char *key);
void sl_map_remove(struct sl_map *map, const char *key);
size_t sl_map_count(const struct sl_map *map);
// for (it = sl_map_first(map); it; it = sl_map_next(it)) use(sl_map_key(it), sl_map_value(it));
const struct sl_map_entry *sl_map_first(const struct sl_map *map);
const struct sl_map_entry *sl_map_next(const struct sl_map_entry *entry);
const char *sl_map_key(const struct sl_map_entry *entry);
void *sl_map_value(const struct sl_map_entry *entry);

#endif
