// Files of the state folder that only save time: a JSON value behind the hash of its text, so that
// damage is noticed. A missing, damaged or unreadable file is an empty one, and a file that cannot
// be written is none: a read-only project still works.
#ifndef SL_RUN_CACHE_H
#define SL_RUN_CACHE_H

#include "base/json.h"
#include "run/world.h"

// The object stored under `name`; NULL if there is none of this format. Free it.
json_t *sl_cache_read(const struct sl_world *world, const char *name, int64_t format);
// Replaces it as a whole. `entries` stays the caller's.
void sl_cache_write(const struct sl_world *world, const char *name, int64_t format,
                    json_t *entries);

#endif
