#include "contract/exchange/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct sl_yaml *new_node(struct sl_exchange *exchange, enum sl_yaml_kind kind)
{
    struct sl_yaml *node = SL_NEW(exchange->arena, struct sl_yaml);
    if (!node) {
        exchange->has_failed = true;
        return NULL;
    }
    node->kind = kind;
    node->text = "";
    return node;
}

struct sl_yaml *sl_x_map(struct sl_exchange *exchange)
{
    return new_node(exchange, SL_YAML_MAP);
}

struct sl_yaml *sl_x_list(struct sl_exchange *exchange)
{
    return new_node(exchange, SL_YAML_LIST);
}

static struct sl_yaml *new_scalar(struct sl_exchange *exchange, const char *text, bool is_quoted)
{
    struct sl_yaml *node = text ? new_node(exchange, SL_YAML_SCALAR) : NULL;
    if (!node)
        return NULL;
    node->text = sl_arena_strdup(exchange->arena, text);
    node->is_quoted = is_quoted;
    exchange->has_failed |= !node->text;
    return node->text ? node : NULL;
}

struct sl_yaml *sl_x_text(struct sl_exchange *exchange, const char *text)
{
    return new_scalar(exchange, text, true);
}

struct sl_yaml *sl_x_bare(struct sl_exchange *exchange, const char *text)
{
    return new_scalar(exchange, text, false);
}

struct sl_yaml *sl_x_texts(struct sl_exchange *exchange, const struct sl_strs *texts)
{
    struct sl_yaml *list = sl_x_list(exchange);
    for (size_t i = 0; i < texts->count; i++)
        sl_x_push(exchange, list, sl_x_text(exchange, texts->items[i]));
    return list;
}

void sl_x_push(struct sl_exchange *exchange, struct sl_yaml *list, const struct sl_yaml *value)
{
    struct sl_yaml *item = (struct sl_yaml *)(uintptr_t)value;
    if (list && item && !SL_PUSH(exchange->arena, list->items, list->count, item))
        exchange->has_failed = true;
}

void sl_x_put(struct sl_exchange *exchange, struct sl_yaml *map, const char *key,
              const struct sl_yaml *value)
{
    struct sl_yaml *item = (struct sl_yaml *)(uintptr_t)value;
    if (!map || !item)
        return;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0) {
            map->items[i] = item;
            return;
        }
    struct sl_yaml *node = new_scalar(exchange, key, true);
    size_t key_count = map->count;
    if (!node || !SL_PUSH(exchange->arena, map->keys, key_count, node) ||
        !SL_PUSH(exchange->arena, map->items, map->count, item))
        exchange->has_failed = true;
}

void sl_x_remove(struct sl_yaml *map, const char *key)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i]->text, key) == 0)
            continue;
        map->keys[kept] = map->keys[i];
        map->items[kept++] = map->items[i];
    }
    map->count = kept;
}

void sl_x_put_text(struct sl_exchange *exchange, struct sl_yaml *map, const char *key,
                   const char *text)
{
    if (text)
        sl_x_put(exchange, map, key, sl_x_text(exchange, text));
}

void sl_x_put_true(struct sl_exchange *exchange, struct sl_yaml *map, const char *key)
{
    sl_x_put(exchange, map, key, sl_x_bare(exchange, "true"));
}

void sl_x_put_int(struct sl_exchange *exchange, struct sl_yaml *map, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    sl_x_put(exchange, map, key, sl_x_bare(exchange, text));
}

static struct sl_yaml *at(struct sl_exchange *exchange, struct sl_yaml *map, const char *key,
                          enum sl_yaml_kind kind)
{
    struct sl_yaml *node = sl_yaml_get(map, key);
    if (node && node->kind == kind)
        return node;
    node = new_node(exchange, kind);
    sl_x_put(exchange, map, key, node);
    return node;
}

struct sl_yaml *sl_x_map_at(struct sl_exchange *exchange, struct sl_yaml *map, const char *key)
{
    return at(exchange, map, key, SL_YAML_MAP);
}

struct sl_yaml *sl_x_list_at(struct sl_exchange *exchange, struct sl_yaml *map, const char *key)
{
    return at(exchange, map, key, SL_YAML_LIST);
}

const char *sl_x_get(const struct sl_yaml *map, const char *key)
{
    const struct sl_yaml *node = sl_yaml_get(map, key);
    return node && node->kind == SL_YAML_SCALAR ? node->text : NULL;
}

bool sl_x_is_true(const struct sl_yaml *map, const char *key)
{
    const char *text = sl_x_get(map, key);
    return text && sl_str_equal_nocase(text, "true");
}

bool sl_x_is_list(const struct sl_yaml *node)
{
    return node && node->kind == SL_YAML_LIST;
}

bool sl_x_is_map(const struct sl_yaml *node)
{
    return node && node->kind == SL_YAML_MAP;
}

size_t sl_x_count(const struct sl_yaml *list)
{
    return sl_x_is_list(list) ? list->count : 0;
}

bool sl_x_has_text(const struct sl_yaml *list, const char *text)
{
    for (size_t i = 0; i < sl_x_count(list); i++)
        if (list->items[i]->kind == SL_YAML_SCALAR && strcmp(list->items[i]->text, text) == 0)
            return true;
    return false;
}

char *sl_x_printf(struct sl_exchange *exchange, const char *format, ...)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    va_list args;
    va_start(args, format);
    sl_buf_vaddf(&text, format, args);
    va_end(args);
    char *copy = text.has_failed ? NULL : sl_arena_strdup(exchange->arena, text.text);
    exchange->has_failed |= !copy;
    return copy;
}

void sl_x_lost(struct sl_exchange *exchange, struct sl_place place, const char *format, ...)
{
    char message[sizeof((struct sl_err *)0)->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    sl_diag(exchange->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_LOSS, place, NULL, "%s", message);
}

bool sl_x_is_own(struct sl_exchange *exchange, const char *name, struct sl_place place)
{
    static const char *const names[] = {"_source", "_position", "_ingested_at", "_corrupt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_equal(name, names[i])) {
            sl_x_lost(exchange, place, "column '%s' is left out: Sluice writes it itself", name);
            return true;
        }
    return false;
}

void sl_x_wrong(struct sl_exchange *exchange, struct sl_place place, const char *hint,
                const char *format, ...)
{
    char message[sizeof((struct sl_err *)0)->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    sl_diag(exchange->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT_IMPORT, place, hint, "%s", message);
}
