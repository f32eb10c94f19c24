// Reading the tree.
#include "base/str.h"
#include "base/yaml.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int to_json(const struct sl_yaml *node, json_t **ret, struct sl_err *err);

static size_t find_key(const struct sl_yaml *map, const char *key)
{
    size_t at = 0;

    if (!map || map->kind != SL_YAML_MAP)
        return SIZE_MAX;
    while (at < map->count && strcmp(map->keys[at]->text, key) != 0)
        at++;
    return at < map->count ? at : SIZE_MAX;
}

struct sl_yaml *sl_yaml_get(const struct sl_yaml *map, const char *key)
{
    size_t at = find_key(map, key);

    return at == SIZE_MAX ? NULL : map->items[at];
}

struct sl_place sl_yaml_place(const struct sl_yaml *map, const char *key)
{
    const struct sl_yaml *value = sl_yaml_get(map, key);

    if (!value)
        value = map;
    return value ? value->place : (struct sl_place){0};
}

static bool is_bool(const char *text, bool *ret)
{
    *ret = !strcmp(text, "true") || !strcmp(text, "True") || !strcmp(text, "TRUE");
    return *ret || !strcmp(text, "false") || !strcmp(text, "False") || !strcmp(text, "FALSE");
}

// 0o17 and 0x1F of the core schema.
static bool is_based_int(const char *text, int64_t *ret)
{
    int base = text[0] != '0' ? 0 : text[1] == 'o' ? 8 : text[1] == 'x' ? 16 : 0;
    char *end;

    if (base == 0 || !isxdigit((unsigned char)text[2]) || strlen(text) > 2 + 15)
        return false;
    *ret = strtoll(text + 2, &end, base);
    return *end == '\0';
}

static bool is_int(const char *text, int64_t *ret)
{
    return sl_str_to_int64(text, ret) || is_based_int(text, ret);
}

const char *sl_yaml_describe(const struct sl_yaml *node)
{
    bool is_true;
    int64_t whole;
    double number;

    if (!node || node->kind == SL_YAML_NULL)
        return "nothing";
    if (node->kind == SL_YAML_LIST)
        return "a list";
    if (node->kind == SL_YAML_MAP)
        return "a map";
    if (!node->is_quoted && is_bool(node->text, &is_true))
        return "true or false";
    if (!node->is_quoted && (is_int(node->text, &whole) || sl_str_to_double(node->text, &number)))
        return "a number";
    return "a text";
}

// Numbers that JSON cannot hold (.inf, .nan) stay texts.
static json_t *scalar_to_json(const struct sl_yaml *node)
{
    bool is_true;
    int64_t whole;
    double number;

    if (node->is_quoted)
        return json_string(node->text);
    if (is_bool(node->text, &is_true))
        return json_boolean(is_true);
    if (is_int(node->text, &whole))
        return json_integer(whole);
    if (sl_str_to_double(node->text, &number))
        return json_real(number);
    return json_string(node->text);
}

static int fill_container(const struct sl_yaml *node, json_t *container, struct sl_err *err)
{
    for (size_t i = 0; i < node->count; i++) {
        json_t *value;
        int result;

        SL_TRY(to_json(node->items[i], &value, err));
        if (node->kind == SL_YAML_LIST)
            result = json_array_append_new(container, value);
        else
            result = json_object_set_new(container, node->keys[i]->text, value);
        if (result != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// Recursion is bounded by the parser's limit on depth.
static int to_json(const struct sl_yaml *node, json_t **ret, struct sl_err *err)
{
    json_t *json = NULL;
    int code = SL_OK;

    switch (node->kind) {
    case SL_YAML_NULL:
        json = json_null();
        break;
    case SL_YAML_SCALAR:
        json = scalar_to_json(node);
        break;
    case SL_YAML_LIST:
        json = json_array();
        break;
    case SL_YAML_MAP:
        json = json_object();
        break;
    }
    SL_TRY_NEW(json, err);
    if (node->kind == SL_YAML_LIST || node->kind == SL_YAML_MAP)
        code = fill_container(node, json, err);
    if (code != SL_OK) {
        json_decref(json);
        return code;
    }
    *ret = json;
    return SL_OK;
}

int sl_yaml_to_json(const struct sl_yaml *node, json_t **ret, struct sl_err *err)
{
    return to_json(node, ret, err);
}
