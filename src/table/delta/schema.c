#include "table/delta/schema.h"

#include "base/map.h"
#include "table/delta/action.h"
#include "table/delta/delta.h"

#include <ctype.h>
#include <string.h>

static int add_field(const struct sl_column *column, struct sl_buf *json, bool *has_ntz,
                     struct sl_err *err)
{
    sl_buf_add(json, "{\"name\":");
    sl_buf_add_json_string(json, column->name);
    sl_buf_add(json, ",\"type\":");
    SL_TRY(sl_delta_type_print(column->name, column->type, json, has_ntz, err));
    sl_buf_add(json, ",\"nullable\":true,\"metadata\":{}}");
    return SL_OK;
}

int sl_delta_column_check(const struct sl_column *column, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    bool has_ntz = false;

    return sl_delta_type_print(column->name, column->type, &json, &has_ntz, err);
}

// Enters a column's name, without its case; two that differ only in it are one to other readers.
static int enter_name(struct sl_map *names, const char *name, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf lower = SL_BUF_INIT;

    if (*name == '\0')
        return sl_fail(err, SL_E_TABLE_SCHEMA, "a column has no name");
    for (const char *at = name; *at; at++)
        sl_buf_add_char(&lower, (char)tolower((unsigned char)*at));
    SL_TRY(sl_buf_check(&lower, err));
    if (sl_map_has(names, lower.text)) {
        (void)sl_fail(err, SL_E_TABLE_SCHEMA, "two columns are named '%s'", name);
        return sl_err_hint(err, "names that differ only in case are the same; rename one");
    }
    return sl_map_set(names, lower.text, NULL, err);
}

int sl_delta_schema_print(const struct sl_column *columns, size_t count, struct sl_buf *json,
                          bool *has_ntz, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map names = {0};

    if (count == 0)
        return sl_fail(err, SL_E_TABLE_SCHEMA, "a table needs a column");
    sl_buf_add(json, "{\"type\":\"struct\",\"fields\":[");
    for (size_t i = 0; i < count; i++) {
        SL_TRY(enter_name(&names, columns[i].name, err));
        sl_buf_add(json, i ? "," : "");
        SL_TRY(add_field(&columns[i], json, has_ntz, err));
    }
    sl_buf_add(json, "]}");
    return sl_buf_check(json, err);
}

static int parse_root(const char *schema_json, json_t **ret, struct sl_err *err)
{
    if (sl_json_parse(schema_json, strlen(schema_json), "schemaString", ret, err) != SL_OK) {
        if (err)
            err->code = err->code == SL_E_MEMORY ? SL_E_MEMORY : SL_E_TABLE_LOG;
        return sl_err_context(err, "read the schema");
    }
    return SL_OK;
}

int sl_delta_schema_parse(const char *schema_json, struct sl_arena *arena, struct sl_column **ret,
                          size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf type = SL_BUF_INIT;
    struct sl_column *columns;
    const json_t *fields;
    const json_t *field;
    size_t i;

    SL_TRY(parse_root(schema_json, &root, err));
    fields = json_object_get(root, "fields");
    if (!json_is_array(fields))
        return sl_fail(err, SL_E_TABLE_LOG, "the schema has no list of fields");
    columns = SL_NEW_ARRAY(arena, struct sl_column, json_array_size(fields));
    SL_TRY_NEW(columns, err);
    json_array_foreach (fields, i, field) {
        const char *name = sl_json_text(field, "name", NULL);

        if (!name)
            return sl_fail(err, SL_E_TABLE_LOG, "field %zu of the schema has no name", i + 1);
        sl_buf_reset(&type);
        SL_TRY(sl_delta_type_parse(name, json_object_get(field, "type"), &type, err));
        columns[i].name = sl_arena_strdup(arena, name);
        columns[i].type = sl_arena_strdup(arena, type.text);
        SL_TRY_NEW(columns[i].name, err);
        SL_TRY_NEW(columns[i].type, err);
    }
    *ret = columns;
    *ret_count = json_array_size(fields);
    return SL_OK;
}

static const struct sl_column *find_column(const struct sl_column *columns, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    return NULL;
}

// Compares as JSON: spellings of one type differ, what the field says besides (comments,
// nullability) stays as it is.
static int check_type(const struct sl_column *old, const struct sl_column *new, bool *has_ntz,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf before = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf after = SL_BUF_INIT;

    SL_TRY(sl_delta_type_print(old->name, old->type, &before, has_ntz, err));
    SL_TRY(sl_delta_type_print(new->name, new->type, &after, has_ntz, err));
    if (strcmp(before.text, after.text) != 0)
        return sl_fail(err, SL_E_TABLE_SCHEMA, "column '%s' has type %s in the table and %s now",
                       old->name, old->type, new->type);
    return SL_OK;
}

// Every column of the table must still be there.
static int check_kept(const struct sl_column *old, size_t old_count,
                      const struct sl_column *columns, size_t count, bool *has_ntz,
                      struct sl_err *err)
{
    for (size_t i = 0; i < old_count; i++) {
        const struct sl_column *new = find_column(columns, count, old[i].name);

        if (!new)
            return sl_fail(err, SL_E_TABLE_SCHEMA, "column '%s' of the table is missing",
                           old[i].name);
        SL_TRY(check_type(&old[i], new, has_ntz, err));
    }
    return SL_OK;
}

static int append_field(json_t *fields, const struct sl_column *column, bool *has_ntz,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    json_t *field = NULL;

    SL_TRY(add_field(column, &text, has_ntz, err));
    SL_TRY(sl_buf_check(&text, err));
    SL_TRY(sl_json_parse(text.text, text.length, column->name, &field, err));
    return json_array_append_new(fields, field) == 0 ? SL_OK : sl_fail_memory(err);
}

int sl_delta_schema_extend(const char *schema_json, const struct sl_column *columns, size_t count,
                           struct sl_arena *arena, const char **ret, bool *has_ntz,
                           struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    SL_AUTO(sl_map_clear) struct sl_map names = {0};
    struct sl_column *old;
    size_t old_count;
    size_t added = 0;

    SL_TRY(sl_delta_schema_parse(schema_json, arena, &old, &old_count, err));
    SL_TRY(check_kept(old, old_count, columns, count, has_ntz, err));
    SL_TRY(parse_root(schema_json, &root, err));
    for (size_t i = 0; i < count; i++) {
        SL_TRY(enter_name(&names, columns[i].name, err));
        if (find_column(old, old_count, columns[i].name))
            continue;
        SL_TRY(append_field(json_object_get(root, "fields"), &columns[i], has_ntz, err));
        added++;
    }
    *ret = NULL;
    return added > 0 ? sl_delta_json_copy(root, arena, ret, err) : SL_OK;
}
