// Files of the state folder that only save time: texts by key, behind the hash of the whole, so
// that damage is noticed. A missing, damaged or unreadable file is an empty one, and a file that
// cannot be written is none: a read-only project still works. Used by one thread.
//
// The file is the hash, a newline, and fields "LENGTH:BYTES\n": its format, then key and text of
// each entry. No JSON: it took longer to read than all that the caches save.
#ifndef SL_RUN_CACHE_H
#define SL_RUN_CACHE_H

#include "base/map.h"
#include "run/world.h"

struct sl_cache {
    const struct sl_world *world;
    const char *name; // of the file
    int64_t format;
    struct sl_arena arena;
    struct sl_map entries; // key -> struct sl_cache_entry *
    bool has_new;
};

SL_MUST int sl_cache_open(const struct sl_world *world, const char *name, int64_t format,
                          struct sl_cache *ret, struct sl_err *err);
void sl_cache_clear(struct sl_cache *cache); // for SL_AUTO
// Adds or replaces.
SL_MUST int sl_cache_add(struct sl_cache *cache, const char *key, const struct sl_buf *text,
                         struct sl_err *err);
// Keeps those that were read or added since it was opened, if any of them is new.
void sl_cache_store(const struct sl_cache *cache);

// What an entry says: fields, read one after the other. They live in the arena of the reader, ended
// by a NUL.
struct sl_cache_reader {
    char *at, *end;
};
// A reader of nothing where there is no such entry.
SL_MUST int sl_cache_read(struct sl_cache *cache, const char *key, struct sl_arena *arena,
                          struct sl_cache_reader *ret, struct sl_err *err);
static inline bool sl_cache_has_more(const struct sl_cache_reader *reader)
{
    return reader->at < reader->end;
}
// NULL or false: there is none, or it is none of ours.
const char *sl_cache_next(struct sl_cache_reader *reader);
bool sl_cache_next_number(struct sl_cache_reader *reader, size_t *ret);

// NULL is kept as an empty text.
void sl_cache_put(struct sl_buf *text, const char *field);
void sl_cache_put_number(struct sl_buf *text, size_t number);

#endif
