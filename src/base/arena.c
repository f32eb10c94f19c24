#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// With fault injection or a sanitizer each allocation is a block of its own, so that the arena
// hides neither a failure nor an overrun.
#if defined(SL_FAULT) || defined(__SANITIZE_ADDRESS__)
#define BLOCK_BYTES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCK_BYTES 1
#endif
#endif
#ifndef BLOCK_BYTES
#define BLOCK_BYTES 8192
#endif
// Blocks grow with the arena up to this size.
#define LARGEST_BLOCK_BYTES ((size_t)1 << 20)

struct sl_arena_block {
    struct sl_arena_block *next;
    size_t used_bytes;
    size_t size_bytes;
    alignas(max_align_t) char bytes[];
};

void sl_arena_init(struct sl_arena *arena, size_t limit_bytes)
{
    *arena = (struct sl_arena){.limit_bytes = limit_bytes};
}

void sl_arena_clear(struct sl_arena *arena)
{
    if (!arena)
        return;
    while (arena->blocks) {
        struct sl_arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
    arena->used_bytes = 0;
}

static size_t block_size(const struct sl_arena *arena, size_t least)
{
    size_t size = BLOCK_BYTES;

    while (BLOCK_BYTES > 1 && size < arena->used_bytes && size < LARGEST_BLOCK_BYTES)
        size *= 2;
    return size > least ? size : least;
}

static struct sl_arena_block *add_block(struct sl_arena *arena, size_t least)
{
    size_t size = block_size(arena, least);
    struct sl_arena_block *block = calloc(1, sizeof *block + size);

    if (!block)
        return NULL;
    block->size_bytes = size;
    // A block for one large allocation goes behind the first, whose free room would be lost
    // otherwise.
    if (arena->blocks && size == least) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *sl_arena_alloc(struct sl_arena *arena, size_t size_bytes)
{
    const size_t unit = alignof(max_align_t);
    struct sl_arena_block *block = arena->blocks;
    size_t size;
    void *memory;

    if (size_bytes > SIZE_MAX / 2)
        return NULL;
    size = size_bytes ? (size_bytes + unit - 1) / unit * unit : unit;
    if (arena->limit_bytes && size > arena->limit_bytes - arena->used_bytes)
        return NULL;
    if (!block || block->size_bytes - block->used_bytes < size)
        // Exactly the size that was asked for where every allocation has its own block: an overrun
        // by one byte then shows.
        block = add_block(arena, BLOCK_BYTES > 1 ? size : size_bytes ? size_bytes : 1);
    if (!block)
        return NULL;
    memory = block->bytes + block->used_bytes;
    block->used_bytes += BLOCK_BYTES > 1 ? size : block->size_bytes;
    arena->used_bytes += size;
    return memory;
}

void *sl_arena_grow(struct sl_arena *arena, const void *items, size_t count, size_t capacity,
                    size_t item_bytes)
{
    void *grown;

    if (item_bytes && capacity > SIZE_MAX / item_bytes)
        return NULL;
    grown = sl_arena_alloc(arena, capacity * item_bytes);
    if (grown && count > 0)
        memcpy(grown, items, (count < capacity ? count : capacity) * item_bytes);
    return grown;
}

char *sl_arena_strdup(struct sl_arena *arena, const char *text)
{
    return text ? sl_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *sl_arena_strndup(struct sl_arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? sl_arena_alloc(arena, length + 1) : NULL;

    if (copy && length > 0)
        memcpy(copy, text, length);
    return copy;
}

char *sl_arena_printf(struct sl_arena *arena, const char *format, ...)
{
    va_list args;
    int length;
    char *text;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return NULL;
    text = sl_arena_alloc(arena, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

bool sl_arena_room(struct sl_arena *arena, void **items, size_t count, size_t item_bytes)
{
    void *old;
    void *grown;

    // The capacity is not kept: it is the next power of two, so there is room unless `count` is one
    // (or zero).
    if ((count & (count - 1)) != 0)
        return true;
    if (count > SIZE_MAX / 2)
        return false;
    // `items` is really a pointer to another pointer type: copied, since reading it as void * would
    // break aliasing rules.
    memcpy(&old, (const void *)items, sizeof old);
    grown = sl_arena_grow(arena, old, count, count ? count * 2 : 1, item_bytes);
    if (!grown)
        return false;
    memcpy((void *)items, &grown, sizeof grown);
    return true;
}
