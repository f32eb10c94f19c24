// $ref and allOf of JSON Schema as one schema.
#include "contract/exchange/jsonschema.h"

#include <string.h>

// "#/$defs/address" -> the schema there; NULL, and told, if there is none.
static const struct sl_yaml *look_up(struct sl_x_schemas *schemas, const char *reference,
                                     struct sl_place place)
{
    const struct sl_yaml *node = schemas->root;
    const char *at = reference;
    if (*at++ != '#') {
        sl_x_lost(schemas->exchange, place,
                  "'$ref' to '%s' leads out of the file, so what it says is not known", reference);
        return NULL;
    }
    while (node && *at == '/') {
        const char *end = at + 1 + strcspn(at + 1, "/");
        char *key = sl_arena_strndup(schemas->exchange->arena, at + 1, (size_t)(end - at - 1));
        schemas->exchange->has_failed |= !key;
        char *to = key;
        for (const char *from = key; from && *from; from++) {
            bool is_escape = from[0] == '~' && (from[1] == '0' || from[1] == '1');
            *to++ = is_escape ? (from[1] == '0' ? '~' : '/') : *from;
            from += is_escape;
        }
        if (to)
            *to = '\0';
        node = key ? sl_yaml_get(node, key) : NULL;
        at = end;
    }
    if (!node || *at)
        sl_x_wrong(schemas->exchange, place, NULL, "'$ref' to '%s' leads nowhere in this file",
                   reference);
    return node && !*at ? node : NULL;
}

const struct sl_yaml *sl_x_schema_resolve(struct sl_x_schemas *schemas,
                                          const struct sl_yaml *schema)
{
    for (int steps = 0; schema; steps++) {
        const char *reference = sl_x_get(schema, "$ref");
        struct sl_place place = sl_yaml_place(schema, "$ref");
        if (!reference)
            return schema;
        if (steps == SL_X_DEEPEST) {
            sl_x_wrong(schemas->exchange, place, NULL, "'$ref' to '%s' goes round in a circle",
                       reference);
            return NULL;
        }
        schema = look_up(schemas, reference, place);
    }
    return NULL;
}

static bool is_same(const struct sl_yaml *a, const struct sl_yaml *b)
{
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == SL_YAML_SCALAR || a->kind == SL_YAML_NULL)
        return a->is_quoted == b->is_quoted && sl_str_equal(a->text, b->text);
    for (size_t i = 0; i < a->count; i++)
        if (!is_same(a->items[i], b->items[i]) ||
            (a->kind == SL_YAML_MAP && strcmp(a->keys[i]->text, b->keys[i]->text) != 0))
            return false;
    return true;
}

static void put(struct sl_x_schemas *schemas, struct sl_yaml *to, const struct sl_yaml *key,
                const struct sl_yaml *value)
{
    size_t before = to->count;
    sl_x_put(schemas->exchange, to, key->text, value);
    if (to->count > before)
        to->keys[before]->place = key->place;
}

// Both at once, read when it is come to: {allOf: [a, b]}.
static struct sl_yaml *both(struct sl_x_schemas *schemas, const struct sl_yaml *a,
                            const struct sl_yaml *b)
{
    struct sl_yaml *made = sl_x_map(schemas->exchange), *list = sl_x_list(schemas->exchange);
    if (!made || !list)
        return NULL;
    made->place = list->place = b->place;
    sl_x_push(schemas->exchange, list, a);
    sl_x_push(schemas->exchange, list, b);
    sl_x_put(schemas->exchange, made, "allOf", list);
    return made;
}

static void combine_members(struct sl_x_schemas *schemas, struct sl_yaml *to,
                            const struct sl_yaml *key, const struct sl_yaml *members)
{
    const struct sl_yaml *known = sl_yaml_get(to, key->text);
    struct sl_yaml *made = sl_x_map(schemas->exchange);
    if (!made || !sl_x_is_map(members) || !sl_x_is_map(known))
        return;
    made->place = known->place;
    for (size_t i = 0; i < known->count; i++)
        put(schemas, made, known->keys[i], known->items[i]);
    for (size_t i = 0; i < members->count; i++) {
        const struct sl_yaml *other = sl_yaml_get(known, members->keys[i]->text);
        put(schemas, made, members->keys[i],
            other ? both(schemas, other, members->items[i]) : members->items[i]);
    }
    put(schemas, to, key, made);
}

static void combine_required(struct sl_x_schemas *schemas, struct sl_yaml *to,
                             const struct sl_yaml *key, const struct sl_yaml *names)
{
    const struct sl_yaml *known = sl_yaml_get(to, key->text);
    struct sl_yaml *made = sl_x_list(schemas->exchange);
    if (!made)
        return;
    made->place = names->place;
    for (size_t i = 0; i < sl_x_count(known); i++)
        sl_x_push(schemas->exchange, made, known->items[i]);
    for (size_t i = 0; i < sl_x_count(names); i++)
        if (!sl_x_has_text(made, names->items[i]->text))
            sl_x_push(schemas->exchange, made, names->items[i]);
    put(schemas, to, key, made);
}

static void tell_never(struct sl_x_schemas *schemas, const struct sl_yaml *at, const char *key)
{
    sl_x_wrong(schemas->exchange, at->place, NULL,
               "'%s' is another one than in the rest of 'allOf', so that no value is valid", key);
}

static bool has_value(const struct sl_yaml *list, const struct sl_yaml *value)
{
    for (size_t i = 0; i < sl_x_count(list); i++)
        if (is_same(list->items[i], value))
            return true;
    return false;
}

// A const is an enum of one value.
static void combine_values(struct sl_x_schemas *schemas, struct sl_yaml *to,
                           const struct sl_yaml *key, const struct sl_yaml *value)
{
    struct sl_exchange *exchange = schemas->exchange;
    const struct sl_yaml *known = sl_yaml_get(to, "enum");
    struct sl_yaml *made = sl_x_list(exchange);
    bool is_list = sl_x_is_list(value) && strcmp(key->text, "enum") == 0;
    if (!made)
        return;
    made->place = value->place;
    for (size_t i = 0; i < (is_list ? value->count : 1); i++) {
        const struct sl_yaml *one = is_list ? value->items[i] : value;
        if (!known || has_value(known, one))
            sl_x_push(exchange, made, one);
    }
    if (known && !made->count)
        tell_never(schemas, value, key->text);
    else
        sl_x_put(exchange, to, "enum", made);
}

static size_t type_count(const struct sl_yaml *type)
{
    return sl_x_is_list(type) ? type->count : 1;
}

static const char *type_at(const struct sl_yaml *type, size_t index)
{
    return sl_x_is_list(type) ? type->items[index]->text : type->text;
}

static bool allows(const struct sl_yaml *type, const char *name)
{
    for (size_t i = 0; i < type_count(type); i++)
        if (sl_str_equal(type_at(type, i), name) ||
            (sl_str_equal(type_at(type, i), "number") && sl_str_equal(name, "integer")))
            return true;
    return false;
}

static void combine_types(struct sl_x_schemas *schemas, struct sl_yaml *to,
                          const struct sl_yaml *key, const struct sl_yaml *type)
{
    struct sl_exchange *exchange = schemas->exchange;
    const struct sl_yaml *known = sl_yaml_get(to, key->text);
    struct sl_yaml *made = sl_x_list(exchange);
    if (!made)
        return;
    made->place = type->place;
    for (size_t i = 0; i < type_count(known); i++)
        if (allows(type, type_at(known, i)))
            sl_x_push(exchange, made, sl_x_text(exchange, type_at(known, i)));
    for (size_t i = 0; i < type_count(type); i++)
        if (allows(known, type_at(type, i)) && !sl_x_has_text(made, type_at(type, i)))
            sl_x_push(exchange, made, sl_x_text(exchange, type_at(type, i)));
    if (!made->count)
        tell_never(schemas, type, key->text);
    else
        put(schemas, to, key, made->count == 1 ? made->items[0] : made);
}

// 1: the larger number is the stricter; -1: the smaller; 0: it is no bound.
static int bound_of(const char *key)
{
    static const char *const least[] = {"minimum", "exclusiveMinimum", "minLength", "minItems",
                                        "minProperties"};
    static const char *const most[] = {"maximum", "exclusiveMaximum", "maxLength", "maxItems",
                                       "maxProperties"};
    for (size_t i = 0; i < 5; i++)
        if (strcmp(key, least[i]) == 0 || strcmp(key, most[i]) == 0)
            return strcmp(key, least[i]) == 0 ? 1 : -1;
    return 0;
}

static bool is_stricter(int bound, const struct sl_yaml *value, const struct sl_yaml *known)
{
    double now, before;
    return value->kind == SL_YAML_SCALAR && known->kind == SL_YAML_SCALAR &&
           sl_str_to_double(value->text, &now) && sl_str_to_double(known->text, &before) &&
           (bound > 0 ? now > before : now < before);
}

static bool is_note(const char *key)
{
    static const char *const notes[] = {"title",     "description", "$comment", "examples",
                                        "example",   "default",     "$schema",  "$id",
                                        "$anchor",   "$defs",       "readOnly", "definitions",
                                        "writeOnly", "deprecated",  "nullable"};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (strcmp(key, notes[i]) == 0)
            return true;
    return false;
}

static void combine(struct sl_x_schemas *schemas, struct sl_yaml *to, const struct sl_yaml *key,
                    const struct sl_yaml *value)
{
    const char *name = key->text;
    const struct sl_yaml *known = sl_yaml_get(to, name);
    int bound = bound_of(name);
    if (strcmp(name, "const") == 0 || strcmp(name, "enum") == 0)
        combine_values(schemas, to, key, value);
    else if (!known)
        put(schemas, to, key, value);
    else if (strcmp(name, "properties") == 0)
        combine_members(schemas, to, key, value);
    else if (strcmp(name, "required") == 0)
        combine_required(schemas, to, key, value);
    else if (strcmp(name, "items") == 0)
        put(schemas, to, key, both(schemas, known, value));
    else if (strcmp(name, "type") == 0)
        combine_types(schemas, to, key, value);
    else if (strcmp(name, "uniqueItems") == 0 || bound)
        put(schemas, to, key,
            (bound ? is_stricter(bound, value, known) : sl_x_is_true(to, name) == false) ? value
                                                                                         : known);
    else if (!is_same(known, value) && !is_note(name))
        sl_x_lost(schemas->exchange, key->place,
                  "a second '%s' in 'allOf' is another one: the first is carried over", name);
}

static void add_schema(struct sl_x_schemas *schemas, const struct sl_yaml *schema,
                       struct sl_yaml *to)
{
    const struct sl_yaml *parts = sl_yaml_get(schema, "allOf");
    for (size_t i = 0; i < schema->count; i++)
        if (strcmp(schema->keys[i]->text, "allOf") != 0)
            combine(schemas, to, schema->keys[i], schema->items[i]);
    for (size_t i = 0; i < sl_x_count(parts); i++) {
        const struct sl_yaml *part = sl_x_schema_resolve(schemas, parts->items[i]);
        if (!part || !sl_x_count_up(schemas->exchange, part->place))
            continue;
        if (schemas->depth == SL_X_DEEPEST) {
            sl_x_wrong(schemas->exchange, part->place, NULL,
                       "'allOf' goes round in a circle, or more than %d levels deep", SL_X_DEEPEST);
            return;
        }
        schemas->depth++;
        if (sl_x_is_map(part))
            add_schema(schemas, part, to);
        schemas->depth--;
    }
}

const struct sl_yaml *sl_x_schema_merge(struct sl_x_schemas *schemas, const struct sl_yaml *schema)
{
    struct sl_exchange *exchange = schemas->exchange;
    if (!sl_x_is_map(schema) || !sl_x_is_list(sl_yaml_get(schema, "allOf")))
        return schema;
    for (size_t i = 0; i < schemas->merged_count; i++)
        if (schemas->merged[i].from == schema)
            return schemas->merged[i].to;
    struct sl_yaml *made = sl_x_map(exchange);
    if (!made)
        return NULL;
    made->place = schema->place;
    add_schema(schemas, schema, made);
    struct sl_x_merged merged = {schema, made};
    exchange->has_failed |=
        !SL_PUSH(exchange->arena, schemas->merged, schemas->merged_count, merged);
    return made;
}
