// What a form has no word for at all: told once for each key, at its first place.
#include "contract/exchange/tree.h"

#include "base/map.h"

#include <string.h>

struct teller {
    struct sl_exchange *exchange;
    const char *form;
    const char *const *known; // keys of columns that the form says
    struct sl_map told;
};

static bool is_in(const char *key, const char *const *keys)
{
    for (; *keys; keys++)
        if (strcmp(*keys, key) == 0)
            return true;
    return false;
}

static void tell(struct teller *teller, const char *what, const char *key, struct sl_place place)
{
    const char *id = sl_x_printf(teller->exchange, "%s %s", what, key);
    if (!id || sl_map_has(&teller->told, id))
        return;
    if (sl_map_set(&teller->told, id, teller, NULL) != SL_OK)
        teller->exchange->has_failed = true;
    sl_x_lost(teller->exchange, place, "'%s' of %s has no counterpart in %s", key, what,
              teller->form);
}

static void tell_custom(struct teller *teller, const struct sl_yaml *owner, const char *what)
{
    const struct sl_yaml *custom = sl_yaml_get(owner, "customProperties");
    for (size_t i = 0; i < sl_x_count(custom); i++) {
        const char *property = sl_x_get(custom->items[i], "property");
        if (property && !is_in(property, teller->known))
            tell(teller, what, property, custom->items[i]->place);
    }
}

static void tell_map(struct teller *teller, const struct sl_yaml *map, const char *what,
                     const char *const *known)
{
    for (size_t i = 0; i < map->count; i++)
        if (!is_in(map->keys[i]->text, known))
            tell(teller, what, map->keys[i]->text, map->items[i]->place);
    tell_custom(teller, map, what);
}

static void tell_column(struct teller *teller, const struct sl_yaml *column)
{
    static const char *const always[] = {"name",
                                         "logicalType",
                                         "physicalType",
                                         "logicalTypeOptions",
                                         "required",
                                         "unique",
                                         "primaryKey",
                                         "quality",
                                         "primaryKeyPosition",
                                         "description",
                                         "properties",
                                         "items",
                                         "customProperties",
                                         NULL};
    const struct sl_yaml *members = sl_yaml_get(column, "properties");
    const struct sl_yaml *items = sl_yaml_get(column, "items");
    for (size_t k = 0; k < column->count; k++)
        if (!is_in(column->keys[k]->text, always) && !is_in(column->keys[k]->text, teller->known))
            tell(teller, "columns", column->keys[k]->text, column->items[k]->place);
    tell_custom(teller, column, "columns");
    for (size_t i = 0; i < sl_x_count(members); i++)
        tell_column(teller, members->items[i]);
    if (sl_x_is_map(items))
        tell_column(teller, items);
}

void sl_x_tell_rest(struct sl_exchange *exchange, const struct sl_yaml *contract, const char *form,
                    const char *const *known)
{
    static const char *const contract_keys[] = {
        "apiVersion",       "kind", "id", "name", "version", "status", "schema",
        "customProperties", NULL};
    static const char *const table_keys[] = {"name",          "logicalType",      "physicalType",
                                             "description",   "properties",       "quality",
                                             "relationships", "customProperties", NULL};
    struct teller teller = {.exchange = exchange, .form = form, .known = known};
    const struct sl_yaml *tables = sl_yaml_get(contract, "schema");
    tell_map(&teller, contract, "the contract", contract_keys);
    for (size_t i = 0; i < sl_x_count(tables); i++) {
        tell_map(&teller, tables->items[i], "tables", table_keys);
        const struct sl_yaml *columns = sl_yaml_get(tables->items[i], "properties");
        for (size_t k = 0; k < sl_x_count(columns); k++)
            tell_column(&teller, columns->items[k]);
    }
    sl_map_clear(&teller.told);
}
