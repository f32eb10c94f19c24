// Arena: memory of one lifetime (a project, a run, a request), freed at once.
//
// Not for use by two threads at a time. Every allocation is zeroed, aligned for any type, and gives
// NULL when the byte limit or the machine's memory is reached: check it (SL_TRY_NEW). Nothing is
// ever freed singly.
#ifndef SL_BASE_ARENA_H
#define SL_BASE_ARENA_H

#include "base/err.h"

#include <stdarg.h>
#include <stdint.h>

struct sl_arena {
    struct sl_arena_block *blocks;
    size_t used_bytes;
    size_t limit_bytes; // 0: none
};

void sl_arena_init(struct sl_arena *arena, size_t limit_bytes);
void sl_arena_clear(struct sl_arena *arena); // NULL and twice are fine
void *sl_arena_alloc(struct sl_arena *arena, size_t size_bytes);
// A copy of `count` items at `items`, grown to hold `capacity`. For arrays that grow inside an
// arena.
void *sl_arena_grow(struct sl_arena *arena, const void *items, size_t count, size_t capacity,
                    size_t item_bytes);
char *sl_arena_strdup(struct sl_arena *arena, const char *text); // NULL in, NULL out
char *sl_arena_strndup(struct sl_arena *arena, const char *text, size_t length);
char *sl_arena_printf(struct sl_arena *arena, const char *format, ...) SL_PRINTF(2, 3);

#define SL_NEW(arena, type) ((type *)sl_arena_alloc((arena), sizeof(type)))
#define SL_NEW_ARRAY(arena, type, count) \
    ((type *)sl_arena_alloc((arena), sizeof(type) * ((count) ? (count) : 1)))

// Appends an item to an arena-held array {items, count}: doubles at powers of two. Evaluates to
// false when memory is out.
//     if (!SL_PUSH(arena, list->names, list->name_count, name)) return sl_fail_memory(err);
#define SL_PUSH(arena, items, count, value)                              \
    (sl_arena_room((arena), (void **)&(items), (count), sizeof *(items)) \
         ? ((items)[(count)++] = (value), true)                          \
         : false)
bool sl_arena_room(struct sl_arena *arena, void **items, size_t count, size_t item_bytes);

#endif
