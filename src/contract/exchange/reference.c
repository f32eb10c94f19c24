// References of relationships as the standard allows them: "table.column" of letters, digits and
// '_', or the ids of what they lead to ("schema/table_id/properties/column_id").
#include "contract/exchange/tree.h"

#include <ctype.h>
#include <string.h>

struct writer {
    struct sl_exchange *exchange;
    const struct sl_yaml *schema;
    const struct sl_yaml *object; // the relationship is this one's
    bool keeps_all;               // what the standard cannot say stays as it is
};

static bool is_word(const char *text, size_t length)
{
    if (!length || isdigit((unsigned char)*text))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    return true;
}

static const struct sl_yaml *find(const struct sl_yaml *list, const char *key, const char *text)
{
    for (size_t i = 0; i < sl_x_count(list); i++)
        if (sl_str_equal(sl_x_get(list->items[i], key), text))
            return list->items[i];
    return NULL;
}

static bool is_taken(const struct sl_yaml *list, const struct sl_yaml *item, const char *id)
{
    const struct sl_yaml *named = find(list, "name", id);
    return find(list, "id", id) || (named && named != item);
}

// The item's own id, or one made of its name that no other of the list has.
static const char *id_of(struct sl_exchange *exchange, const struct sl_yaml *list,
                         const struct sl_yaml *item)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const char *id = sl_x_get(item, "id");
    if (id)
        return *id && !id[strspn(id, letters)] ? id : NULL;
    char *made = sl_x_printf(exchange, "%s", sl_x_get(item, "name"));
    for (char *c = made; c && *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    id = made;
    for (int i = 2; id && is_taken(list, item, id); i++)
        id = sl_x_printf(exchange, "%s_%d", made, i);
    sl_x_put_text(exchange, (struct sl_yaml *)(uintptr_t)item, "id", id);
    return id;
}

// "clean.customers.id" is what Sluice alone calls customers.id.
static const char *without_layer(const char *text)
{
    static const char layer[] = "clean.";
    size_t length = sizeof layer - 1;
    return sl_str_starts(text, layer) && strchr(text + length, '.') ? text + length : text;
}

// NULL: the standard has no way to say it.
static const char *conform(struct writer *writer, const char *text)
{
    struct sl_exchange *exchange = writer->exchange;
    const char *own = sl_x_get(writer->object, "name");
    if (strchr(text, '/'))
        return text;
    text = without_layer(text);
    const char *dot = strrchr(text, '.'), *column = dot ? dot + 1 : text;
    const char *table = dot   ? sl_x_printf(exchange, "%.*s", (int)(dot - text), text)
                        : own ? own
                              : "";
    if (!table)
        return NULL;
    if (is_word(table, strlen(table)) && is_word(column, strlen(column)))
        return sl_x_printf(exchange, "%s.%s", table, column);
    const struct sl_yaml *object = find(writer->schema, "name", table);
    const struct sl_yaml *properties = sl_yaml_get(object, "properties");
    const struct sl_yaml *property = find(properties, "name", column);
    if (!property)
        return NULL;
    const char *id = id_of(exchange, writer->schema, object);
    const char *property_id = id_of(exchange, properties, property);
    return id && property_id ? sl_x_printf(exchange, "schema/%s/properties/%s", id, property_id)
                             : NULL;
}

// A text, or a list of them. False: one of them cannot be said.
static bool conform_end(struct writer *writer, struct sl_yaml *end)
{
    if (!end)
        return true;
    if (end->kind == SL_YAML_SCALAR) {
        const char *text = conform(writer, end->text);
        if (text)
            end->text = text;
        return text;
    }
    bool is_good = true;
    for (size_t i = 0; i < sl_x_count(end); i++)
        is_good &= conform_end(writer, end->items[i]);
    return is_good;
}

static const char *text_of(const struct sl_yaml *end)
{
    return end && end->kind == SL_YAML_SCALAR ? end->text
           : sl_x_count(end)                  ? end->items[0]->text
                                              : "";
}

static void conform_list(struct writer *writer, struct sl_yaml *owner)
{
    struct sl_yaml *list = sl_yaml_get(owner, "relationships");
    size_t kept = 0;
    for (size_t i = 0; i < sl_x_count(list); i++) {
        struct sl_yaml *to = sl_yaml_get(list->items[i], "to");
        const char *written = text_of(to);
        bool is_good =
            conform_end(writer, to) && conform_end(writer, sl_yaml_get(list->items[i], "from"));
        if (is_good || writer->keeps_all) {
            list->items[kept++] = list->items[i];
            continue;
        }
        sl_x_lost(writer->exchange, list->items[i]->place,
                  "'%s': the reference to '%s' is left out: the standard has names of letters, "
                  "digits and '_' with a '.' between them, or ids of this contract",
                  sl_x_get(owner, "name"), written);
    }
    if (!sl_x_is_list(list))
        return;
    list->count = kept;
    if (!kept)
        sl_x_remove(owner, "relationships");
}

static void conform_all(struct sl_exchange *exchange, const struct sl_yaml *contract,
                        bool keeps_all)
{
    struct writer writer = {
        .exchange = exchange, .schema = sl_yaml_get(contract, "schema"), .keeps_all = keeps_all};
    for (size_t i = 0; i < sl_x_count(writer.schema); i++) {
        writer.object = writer.schema->items[i];
        const struct sl_yaml *properties = sl_yaml_get(writer.object, "properties");
        for (size_t k = 0; k < sl_x_count(properties); k++)
            conform_list(&writer, properties->items[k]);
        conform_list(&writer, writer.schema->items[i]);
    }
}

void sl_x_conform_references(struct sl_exchange *exchange, const struct sl_yaml *contract)
{
    conform_all(exchange, contract, false);
}

void sl_exchange_conform(struct sl_exchange *exchange, const struct sl_yaml *contract)
{
    conform_all(exchange, contract, true);
}

static const struct sl_yaml *find_id(struct sl_exchange *exchange, const struct sl_yaml *list,
                                     const char *id, size_t length)
{
    const char *text = sl_x_printf(exchange, "%.*s", (int)length, id);
    const struct sl_yaml *found = text ? find(list, "id", text) : NULL;
    return found || !text ? found : find(list, "name", text);
}

static void name_end(struct sl_exchange *exchange, const struct sl_yaml *schema,
                     struct sl_yaml *end)
{
    for (size_t i = 0; i < sl_x_count(end); i++)
        name_end(exchange, schema, end->items[i]);
    if (!end || end->kind != SL_YAML_SCALAR)
        return;
    end->text = without_layer(end->text);
    const char *text = end->text;
    text += (*text == '#');
    text += (*text == '/');
    if (!sl_str_starts(text, "schema/"))
        return;
    text += strlen("schema/");
    const char *slash = strchr(text, '/');
    if (!slash || !sl_str_starts(slash, "/properties/"))
        return;
    const struct sl_yaml *object = find_id(exchange, schema, text, (size_t)(slash - text));
    const char *id = slash + strlen("/properties/");
    const struct sl_yaml *property =
        find_id(exchange, sl_yaml_get(object, "properties"), id, strlen(id));
    const char *named = property ? sl_x_printf(exchange, "%s.%s", sl_x_get(object, "name"),
                                               sl_x_get(property, "name"))
                                 : NULL;
    if (named)
        end->text = named;
}

static void name_list(struct sl_exchange *exchange, const struct sl_yaml *schema,
                      const struct sl_yaml *owner)
{
    const struct sl_yaml *list = sl_yaml_get(owner, "relationships");
    for (size_t i = 0; i < sl_x_count(list); i++) {
        name_end(exchange, schema, sl_yaml_get(list->items[i], "to"));
        name_end(exchange, schema, sl_yaml_get(list->items[i], "from"));
    }
}

void sl_x_name_references(struct sl_exchange *exchange, const struct sl_yaml *contract)
{
    const struct sl_yaml *schema = sl_yaml_get(contract, "schema");
    for (size_t i = 0; i < sl_x_count(schema); i++) {
        const struct sl_yaml *properties = sl_yaml_get(schema->items[i], "properties");
        for (size_t k = 0; k < sl_x_count(properties); k++)
            name_list(exchange, schema, properties->items[k]);
        name_list(exchange, schema, schema->items[i]);
    }
}

static void rename_end(struct sl_exchange *exchange, struct sl_yaml *end, const char *before,
                       const char *now)
{
    for (size_t i = 0; i < sl_x_count(end); i++)
        rename_end(exchange, end->items[i], before, now);
    if (!end || end->kind != SL_YAML_SCALAR || strchr(end->text, '/'))
        return;
    const char *text = without_layer(end->text), *dot = strrchr(text, '.');
    size_t length = strlen(before);
    if (!dot || (size_t)(dot - text) != length || strncmp(text, before, length) != 0)
        return;
    const char *renamed = sl_x_printf(exchange, "%s%s", now, dot);
    if (renamed)
        end->text = renamed;
}

static void rename_list(struct sl_exchange *exchange, const struct sl_yaml *owner,
                        const char *before, const char *now)
{
    const struct sl_yaml *list = sl_yaml_get(owner, "relationships");
    for (size_t i = 0; i < sl_x_count(list); i++) {
        rename_end(exchange, sl_yaml_get(list->items[i], "to"), before, now);
        rename_end(exchange, sl_yaml_get(list->items[i], "from"), before, now);
    }
}

void sl_exchange_rename(struct sl_exchange *exchange, const struct sl_yaml *contract,
                        const char *name)
{
    const struct sl_yaml *schema = sl_yaml_get(contract, "schema");
    const struct sl_yaml *object = sl_x_count(schema) == 1 ? schema->items[0] : NULL;
    const struct sl_yaml *properties = sl_yaml_get(object, "properties");
    struct sl_yaml *named = sl_yaml_get(object, "name");
    if (!named || named->kind != SL_YAML_SCALAR)
        return;
    const char *before = named->text;
    for (size_t i = 0; i < sl_x_count(properties); i++)
        rename_list(exchange, properties->items[i], before, name);
    rename_list(exchange, object, before, name);
    named->text = name;
}
