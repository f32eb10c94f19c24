// Which columns a table got, lost or changed by a version, out of its log.
#include "notify/facts.h"

#include "base/json.h"
#include "table/delta/log.h"

#include <string.h>

// Versions to look at for the columns of before: only some of them say the columns again.
#define MOST_VERSIONS 1000

static const char *schema_of(const json_t *actions)
{
    size_t i;
    json_t *action;
    json_array_foreach (actions, i, action) {
        const json_t *metadata = json_object_get(action, "metaData");
        if (metadata)
            return sl_json_text(metadata, "schemaString", NULL);
    }
    return NULL;
}

// A nested type is told as what it is, not with all its members.
static const char *type_of(const json_t *field)
{
    const json_t *type = json_object_get(field, "type");
    return json_is_string(type) ? json_string_value(type) : sl_json_text(type, "type", "nested");
}

static const json_t *find_field(const json_t *fields, const char *name)
{
    size_t i;
    json_t *field;
    json_array_foreach (fields, i, field)
        if (strcmp(sl_json_text(field, "name", ""), name) == 0)
            return field;
    return NULL;
}

static void describe(const json_t *before, const json_t *now, struct sl_buf *text)
{
    size_t i;
    json_t *field;
    json_array_foreach (now, i, field) {
        const char *name = sl_json_text(field, "name", "");
        const json_t *old = find_field(before, name);
        const char *between = text->length ? ", " : "";
        if (!old)
            sl_buf_addf(text, "%snew %s (%s)", between, name, type_of(field));
        else if (!json_equal(json_object_get(old, "type"), json_object_get(field, "type")))
            sl_buf_addf(text, "%s%s is %s and was %s", between, name, type_of(field), type_of(old));
    }
    json_array_foreach (before, i, field)
        if (!find_field(now, sl_json_text(field, "name", "")))
            sl_buf_addf(text, "%sgone %s", text->length ? ", " : "",
                        sl_json_text(field, "name", ""));
}

int sl_columns_compare(const char *before, const char *now, struct sl_arena *arena,
                       const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_json_free) json_t *old = NULL;
    SL_AUTO(sl_json_free) json_t *new = NULL;
    *ret = NULL;
    if (strcmp(before, now) == 0)
        return SL_OK;
    SL_TRY(sl_json_parse_data(before, strlen(before), "a table's schema", &old, err));
    SL_TRY(sl_json_parse_data(now, strlen(now), "a table's schema", &new, err));
    describe(json_object_get(old, "fields"), json_object_get(new, "fields"), &text);
    SL_TRY(sl_buf_check(&text, err));
    if (!text.length)
        return SL_OK;
    *ret = sl_arena_strdup(arena, text.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_columns_changed(const char *folder, int64_t version, struct sl_arena *arena,
                       const char **ret, struct sl_err *err)
{
    struct sl_delta_log log;
    const char *now = NULL;
    *ret = NULL;
    SL_TRY(sl_delta_log_open(folder, arena, &log, err));
    for (int64_t v = version; v >= 0 && v > version - MOST_VERSIONS; v--) {
        SL_AUTO(sl_json_free) json_t *actions = NULL;
        if (!sl_delta_log_has(&log, v))
            return SL_OK;
        SL_TRY(sl_delta_log_read(&log, v, &actions, err));
        const char *schema = schema_of(actions);
        if (v == version && !schema) // the columns are those of before
            return SL_OK;
        if (v == version) {
            now = sl_arena_strdup(arena, schema);
            SL_TRY_NEW(now, err);
        } else if (schema) {
            return sl_columns_compare(schema, now, arena, ret, err);
        }
    }
    return SL_OK;
}
