#include "base/fields.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

// A member of the struct at `base`, as it is in memory.
static const void *at(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static json_t *pack_ints(const int64_t *numbers, size_t count)
{
    json_t *list = json_array();
    bool is_whole = list != NULL;
    for (size_t i = 0; is_whole && i < count; i++)
        is_whole = json_array_append_new(list, json_integer(numbers[i])) == 0;
    if (is_whole)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *pack_array(const struct sl_field *field, const void *from)
{
    const char *items;
    size_t count;
    memcpy(&items, at(from, field->offset), sizeof(void *));
    memcpy(&count, at(from, field->count_offset), sizeof count);
    json_t *list = json_array();
    bool is_whole = list != NULL;
    for (size_t i = 0; is_whole && i < count; i++)
        is_whole = json_array_append_new(
                       list, sl_fields_pack(field->of, items + i * field->item_bytes)) == 0;
    if (is_whole)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *pack_text(const void *from)
{
    const char *text;
    memcpy(&text, from, sizeof(void *));
    return text ? sl_json_string(text) : json_null();
}

static json_t *pack(const struct sl_field *field, const void *from)
{
    const void *member = at(from, field->offset);
    switch (field->kind) {
    case SL_FIELD_BOOL:
        return json_boolean(*(const bool *)member);
    case SL_FIELD_INT:
        return json_integer(*(const int64_t *)member);
    case SL_FIELD_ENUM:
        return json_integer(*(const int *)member);
    case SL_FIELD_SIZE:
        return json_integer((json_int_t) * (const size_t *)member);
    case SL_FIELD_TEXT:
        return pack_text(member);
    case SL_FIELD_CHARS:
        return sl_json_string(member);
    case SL_FIELD_TEXTS:
        return sl_json_strs(member);
    case SL_FIELD_INTS:
        return pack_ints(member, field->count);
    case SL_FIELD_STRUCT:
        return sl_fields_pack(field->of, member);
    case SL_FIELD_ARRAY:
        return pack_array(field, from);
    }
    return NULL;
}

static bool is_zero(const void *bytes, size_t count)
{
    const char *at = bytes;
    return count == 0 || (!*at && memcmp(at, at + 1, count - 1) == 0);
}

// What has nothing but zeros is left out: that is what whoever unpacks begins with.
static bool is_left_out(const struct sl_field *field, const void *from)
{
    const void *member = at(from, field->offset);
    switch (field->kind) {
    case SL_FIELD_BOOL:
        return !*(const bool *)member;
    case SL_FIELD_INT:
        return *(const int64_t *)member == 0;
    case SL_FIELD_ENUM:
        return *(const int *)member == 0;
    case SL_FIELD_SIZE:
        return *(const size_t *)member == 0;
    case SL_FIELD_TEXT:
        return is_zero(member, sizeof(void *));
    case SL_FIELD_CHARS:
        return !*(const char *)member;
    case SL_FIELD_TEXTS:
        return ((const struct sl_strs *)member)->count == 0;
    case SL_FIELD_INTS:
        return is_zero(member, field->count * sizeof(int64_t));
    case SL_FIELD_ARRAY:
        return is_zero(at(from, field->count_offset), sizeof(size_t));
    case SL_FIELD_STRUCT:
        break;
    }
    return false;
}

json_t *sl_fields_pack(const struct sl_field *fields, const void *from)
{
    json_t *object = json_object();
    bool is_whole = object != NULL;
    for (; is_whole && fields->name; fields++) {
        if (is_left_out(fields, from))
            continue;
        json_t *value = pack(fields, from);
        if (fields->kind == SL_FIELD_STRUCT && value && json_object_size(value) == 0)
            json_decref(value);
        else
            is_whole = json_object_set_new(object, fields->name, value) == 0;
    }
    if (is_whole)
        return object;
    json_decref(object);
    return NULL;
}

static int refuse(const struct sl_field *field, struct sl_err *err)
{
    return sl_fail(err, SL_E_JSON_SYNTAX, "the member '%s' has another type", field->name);
}

static int unsl_json_strs(const json_t *list, struct sl_arena *arena, struct sl_strs *ret,
                          struct sl_err *err)
{
    *ret = (struct sl_strs){0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        SL_TRY(sl_strs_add(ret, arena, text ? text : "", err));
    }
    return SL_OK;
}

static int unpack_array(const struct sl_field *field, const json_t *list, struct sl_arena *arena,
                        void *into, struct sl_err *err)
{
    size_t count = json_array_size(list);
    char *items = sl_arena_alloc(arena, (count ? count : 1) * field->item_bytes);
    SL_TRY_NEW(items, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(sl_fields_unpack(field->of, json_array_get(list, i), arena,
                                items + i * field->item_bytes, err));
    memcpy((char *)into + field->offset, &items, sizeof(void *));
    memcpy((char *)into + field->count_offset, &count, sizeof count);
    return SL_OK;
}

static int unpack_text(const json_t *value, struct sl_arena *arena, void *member,
                       struct sl_err *err)
{
    const char *copy = sl_arena_strdup(arena, json_string_value(value));
    SL_TRY_NEW(copy, err);
    memcpy(member, &copy, sizeof(void *));
    return SL_OK;
}

static bool has_right_type(const struct sl_field *field, const json_t *value)
{
    switch (field->kind) {
    case SL_FIELD_BOOL:
        return json_is_boolean(value);
    case SL_FIELD_INT:
    case SL_FIELD_ENUM:
    case SL_FIELD_SIZE:
        return json_is_integer(value);
    case SL_FIELD_TEXT:
    case SL_FIELD_CHARS:
        return json_is_string(value);
    case SL_FIELD_TEXTS:
    case SL_FIELD_ARRAY:
        return json_is_array(value);
    case SL_FIELD_INTS:
        return json_is_array(value) && json_array_size(value) == field->count;
    case SL_FIELD_STRUCT:
        return json_is_object(value);
    }
    return false;
}

static int unpack(const struct sl_field *field, const json_t *value, struct sl_arena *arena,
                  void *into, struct sl_err *err)
{
    void *member = (char *)into + field->offset;
    switch (field->kind) {
    case SL_FIELD_BOOL:
        *(bool *)member = json_is_true(value);
        return SL_OK;
    case SL_FIELD_INT:
        *(int64_t *)member = json_integer_value(value);
        return SL_OK;
    case SL_FIELD_ENUM:
        *(int *)member = (int)json_integer_value(value);
        return SL_OK;
    case SL_FIELD_SIZE:
        *(size_t *)member = (size_t)json_integer_value(value);
        return SL_OK;
    case SL_FIELD_TEXT:
        return unpack_text(value, arena, member, err);
    case SL_FIELD_CHARS:
        (void)snprintf(member, field->count, "%s", json_string_value(value));
        return SL_OK;
    case SL_FIELD_TEXTS:
        return unsl_json_strs(value, arena, member, err);
    case SL_FIELD_INTS:
        for (size_t i = 0; i < field->count; i++)
            ((int64_t *)member)[i] = json_integer_value(json_array_get(value, i));
        return SL_OK;
    case SL_FIELD_STRUCT:
        return sl_fields_unpack(field->of, value, arena, member, err);
    case SL_FIELD_ARRAY:
        return unpack_array(field, value, arena, into, err);
    }
    return refuse(field, err);
}

int sl_fields_unpack(const struct sl_field *fields, const json_t *object, struct sl_arena *arena,
                     void *into, struct sl_err *err)
{
    for (; fields->name; fields++) {
        const json_t *value = json_object_get(object, fields->name);
        if (!value || json_is_null(value))
            continue;
        if (!has_right_type(fields, value))
            return refuse(fields, err);
        SL_TRY(unpack(fields, value, arena, into, err));
    }
    return SL_OK;
}
