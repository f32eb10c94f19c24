// Columns of tables that no contract makes, in the form in which contracts are compared.
#include "contract/change.h"
#include "sql/star.h"

#include <string.h>

static int add_type(json_t *column, const char *type, struct sl_arena *arena, struct sl_err *err);

static int add_column(json_t *list, const char *name, const char *type, struct sl_arena *arena,
                      struct sl_err *err)
{
    // All that is compared of a contract's column, though only the type can differ here.
    json_t *column = json_pack("{s:s, s:n, s:n, s:n, s:n, s:n, s:n}", "name", name, "source", "key",
                               "formats", "nulls", "default", "trimmed");
    if (!column || json_array_append_new(list, column) != 0)
        return sl_fail_memory(err);
    return add_type(column, type, arena, err);
}

static int set_nested(json_t *column, const char *type, json_t **ret_fields, struct sl_err *err)
{
    json_t *fields = json_array();
    *ret_fields = fields;
    if (json_object_set_new(column, "type", json_string(type)) != 0 ||
        json_object_set_new(column, "fields", fields) != 0)
        return sl_fail_memory(err);
    return SL_OK;
}

// An array has one member without a name, its items.
static int add_type(json_t *column, const char *type, struct sl_arena *arena, struct sl_err *err)
{
    size_t length = strlen(type);
    json_t *fields;
    if (sl_str_ends(type, "[]")) {
        const char *item = sl_arena_strndup(arena, type, length - strlen("[]"));
        SL_TRY_NEW(item, err);
        SL_TRY(set_nested(column, "ARRAY", &fields, err));
        return add_column(fields, "", item, arena, err);
    }
    if (sl_sql_is_struct(type)) {
        struct sl_strs names, types;
        SL_TRY(sl_sql_struct_members(arena, type, &names, &types, err));
        if (names.count)
            SL_TRY(set_nested(column, "STRUCT", &fields, err));
        for (size_t i = 0; i < names.count; i++)
            SL_TRY(add_column(fields, names.items[i], types.items[i], arena, err));
        if (names.count)
            return SL_OK;
    }
    return json_object_set_new(column, "type", json_string(type)) == 0 ? SL_OK
                                                                       : sl_fail_memory(err);
}

static int add_not_null(json_t *rules, const struct sl_column *columns, size_t count,
                        const char *name, struct sl_err *err)
{
    size_t at = 0;
    while (at < count && !sl_str_equal_nocase(columns[at].name, name))
        at++;
    if (at == count)
        return SL_OK;
    json_t *rule = json_pack("{s:s+, s:s, s:s}", "id", columns[at].name, ".not_null", "kind",
                             "required", "column", columns[at].name);
    return json_array_append_new(rules, rule) == 0 ? SL_OK : sl_fail_memory(err);
}

int sl_contract_columns_state(const struct sl_column *columns, size_t count,
                              const struct sl_strs *not_null, struct sl_arena *arena, json_t **ret,
                              struct sl_err *err)
{
    json_t *list = json_array(), *rules = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:o, s:o, s:n, s:n}", "name", "", "columns", list, "rules",
                             rules, "order_by", "filter");
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_column(list, columns[i].name, columns[i].type, arena, err));
    for (size_t i = 0; i < not_null->count; i++)
        SL_TRY(add_not_null(rules, columns, count, not_null->items[i], err));
    *ret = root;
    root = NULL;
    return SL_OK;
}
