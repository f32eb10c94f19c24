#include "run/cache.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/hash.h"

#include <string.h>

#define MAX_BYTES ((size_t)512 << 20)
#define SUM_BYTES 65 // 64 digits and the end of the line

struct sl_cache_entry {
    const char *key, *text;
    size_t length;
    bool is_used;
};

static int sum_of(const char *text, size_t length, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add_bytes(hash, text, length);
    return sl_hash_end(hash, ret_hex, err);
}

static bool to_number(const char **at, const char *end, size_t *ret)
{
    const char *digit = *at;
    size_t number = 0;
    for (; digit < end && *digit >= '0' && *digit <= '9' && number < MAX_BYTES; digit++)
        number = number * 10 + (size_t)(*digit - '0');
    bool is_number = digit > *at;
    *at = digit;
    *ret = number;
    return is_number;
}

// The bytes of the next field. NULL: there is none, or the text is none of ours.
static const char *next_bytes(const char **at, const char *end, size_t *ret_length)
{
    const char *colon = *at;
    if (!to_number(&colon, end, ret_length) || colon >= end || *colon != ':' ||
        *ret_length >= (size_t)(end - colon - 1) || colon[1 + *ret_length] != '\n')
        return NULL;
    *at = colon + 2 + *ret_length;
    return colon + 1;
}

static int add_entry(struct sl_cache *cache, const struct sl_cache_entry *entry, struct sl_err *err)
{
    struct sl_cache_entry *copy = SL_NEW(&cache->arena, struct sl_cache_entry);
    SL_TRY_NEW(copy, err);
    *copy = *entry;
    return sl_map_set(&cache->entries, copy->key, copy, err);
}

static int read_entries(struct sl_cache *cache, const char *at, const char *end, struct sl_err *err)
{
    while (at < end) {
        struct sl_cache_entry entry = {0};
        size_t length;
        const char *key = next_bytes(&at, end, &length);
        entry.text = key ? next_bytes(&at, end, &entry.length) : NULL;
        if (!entry.text)
            return sl_fail(err, SL_E_STATE, "'%s' is cut", cache->name);
        entry.key = sl_arena_strndup(&cache->arena, key, length);
        SL_TRY_NEW(entry.key, err);
        SL_TRY(add_entry(cache, &entry, err));
    }
    return SL_OK;
}

static int read_file(struct sl_cache *cache, const char *path, struct sl_err *err)
{
    const char *text, *number;
    size_t length, digits, format;
    char hex[65];
    SL_TRY(sl_fs_read(path, MAX_BYTES, &cache->arena, &text, &length, err));
    if (length < SUM_BYTES)
        return sl_fail(err, SL_E_STATE, "'%s' is cut", path);
    SL_TRY(sum_of(text + SUM_BYTES, length - SUM_BYTES, hex, err));
    if (strncmp(text, hex, SUM_BYTES - 1) != 0)
        return sl_fail(err, SL_E_STATE, "'%s' is damaged", path);
    const char *at = text + SUM_BYTES, *end = text + length;
    number = next_bytes(&at, end, &digits);
    if (!number || !to_number(&number, number + digits, &format) || format != (size_t)cache->format)
        return sl_fail(err, SL_E_STATE, "'%s' is of another format", path);
    return read_entries(cache, at, end, err);
}

static const char *path_of(const struct sl_cache *cache, struct sl_arena *arena)
{
    return sl_path_join(arena, cache->world->project->state_folder, cache->name);
}

int sl_cache_open(const struct sl_world *world, const char *name, int64_t format,
                  struct sl_cache *ret, struct sl_err *err)
{
    struct sl_err trouble = {0};
    *ret = (struct sl_cache){.world = world, .name = name, .format = format};
    const char *path = path_of(ret, &ret->arena);
    SL_TRY_NEW(path, err);
    if (!sl_fs_exists(path) || read_file(ret, path, &trouble) == SL_OK)
        return SL_OK;
    sl_map_clear(&ret->entries);
    return trouble.code == SL_E_MEMORY ? sl_fail_memory(err) : SL_OK;
}

void sl_cache_clear(struct sl_cache *cache)
{
    sl_map_clear(&cache->entries);
    sl_arena_clear(&cache->arena);
}

int sl_cache_add(struct sl_cache *cache, const char *key, const struct sl_buf *text,
                 struct sl_err *err)
{
    SL_TRY(sl_buf_check(text, err));
    struct sl_cache_entry entry = {.key = sl_arena_strdup(&cache->arena, key),
                                   .text =
                                       sl_arena_strndup(&cache->arena, text->text, text->length),
                                   .length = text->length,
                                   .is_used = true};
    SL_TRY_NEW(entry.key, err);
    SL_TRY_NEW(entry.text, err);
    SL_TRY(add_entry(cache, &entry, err));
    cache->has_new = true;
    return SL_OK;
}

int sl_cache_read(struct sl_cache *cache, const char *key, struct sl_arena *arena,
                  struct sl_cache_reader *ret, struct sl_err *err)
{
    struct sl_cache_entry *entry = sl_map_get(&cache->entries, key);
    *ret = (struct sl_cache_reader){0};
    if (!entry)
        return SL_OK;
    ret->at = sl_arena_strndup(arena, entry->text, entry->length);
    SL_TRY_NEW(ret->at, err);
    ret->end = ret->at + entry->length;
    entry->is_used = true;
    return SL_OK;
}

const char *sl_cache_next(struct sl_cache_reader *reader)
{
    const char *at = reader->at;
    size_t length;
    const char *bytes = reader->at ? next_bytes(&at, reader->end, &length) : NULL;
    if (!bytes)
        return NULL;
    char *field = reader->at + (bytes - reader->at);
    field[length] = '\0';
    reader->at = field + length + 1;
    return field;
}

bool sl_cache_next_number(struct sl_cache_reader *reader, size_t *ret)
{
    const char *field = sl_cache_next(reader);
    return field && to_number(&field, field + strlen(field), ret) && *field == '\0';
}

static void add_number(struct sl_buf *text, size_t number)
{
    char digits[24], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    sl_buf_add_bytes(text, at, (size_t)(digits + sizeof digits - at));
}

static void put_bytes(struct sl_buf *text, const char *bytes, size_t length)
{
    add_number(text, length);
    sl_buf_add(text, ":");
    sl_buf_add_bytes(text, bytes, length);
    sl_buf_add(text, "\n");
}

void sl_cache_put(struct sl_buf *text, const char *field)
{
    put_bytes(text, field ? field : "", field ? strlen(field) : 0);
}

void sl_cache_put_number(struct sl_buf *text, size_t number)
{
    SL_AUTO(sl_buf_clear) struct sl_buf digits = SL_BUF_INIT;
    add_number(&digits, number);
    put_bytes(text, digits.text, digits.length);
    text->has_failed = text->has_failed || digits.has_failed;
}

static int write_file(const struct sl_cache *cache, const char *path, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf body = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    char hex[65];
    sl_cache_put_number(&body, (size_t)cache->format);
    for (const struct sl_map_entry *it = sl_map_first(&cache->entries); it; it = sl_map_next(it)) {
        const struct sl_cache_entry *entry = sl_map_value(it);
        if (!entry->is_used)
            continue;
        sl_cache_put(&body, entry->key);
        put_bytes(&body, entry->text, entry->length);
    }
    SL_TRY(sl_buf_check(&body, err));
    SL_TRY(sum_of(body.text, body.length, hex, err));
    sl_buf_addf(&text, "%s\n", hex);
    sl_buf_add_bytes(&text, body.text, body.length);
    SL_TRY(sl_buf_check(&text, err));
    return sl_fs_write(path, text.text, text.length, err);
}

void sl_cache_store(const struct sl_cache *cache)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err ignored = {0};
    const char *path = path_of(cache, &arena);
    if (cache->has_new && path &&
        sl_fs_mkdirs(cache->world->project->state_folder, &ignored) == SL_OK)
        (void)!write_file(cache, path, &ignored);
}
