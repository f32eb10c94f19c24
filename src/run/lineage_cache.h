// What the columns of models' queries are made of, remembered by all that it follows from.
#ifndef SL_RUN_LINEAGE_CACHE_H
#define SL_RUN_LINEAGE_CACHE_H

#include "run/cache.h"

struct sl_lineage_cache {
    struct sl_world *world;
    const struct sl_map *catalog; // of the binding: table -> struct sl_bound_table *
    struct sl_cache entries;
    const char **keys;        // per node that was not in the cache
    struct sl_query *queries; // per node
};

// Asks the engine for the trees of all models that are not in the cache.
SL_MUST int sl_lineage_cache_open(struct sl_world *world, const struct sl_map *catalog,
                                  struct sl_lineage_cache *ret, struct sl_err *err);
// Columns with their origins, in the world's arena; none of a model that has a mistake. `node` is
// one of the world's graph.
struct sl_query *sl_lineage_cache_query(struct sl_lineage_cache *cache, const struct sl_node *node);
// The columns that an entry holds; leaves *ret as it is, and *ret_is_whole false, where there is
// none, or its text is none that was stored.
SL_MUST int sl_lineage_cache_restore(struct sl_cache *entries, const char *key,
                                     struct sl_arena *arena, struct sl_query *ret,
                                     bool *ret_is_whole, struct sl_err *err);
// Keeps what was used, if any of it is new.
void sl_lineage_cache_store(const struct sl_lineage_cache *cache);
void sl_lineage_cache_clear(struct sl_lineage_cache *cache); // for SL_AUTO

#endif
