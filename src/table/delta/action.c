#include "table/delta/action.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum field_type { TEXT, INTEGER, OBJECT, LIST };

// What replay relies on. The rest is read where it is used, and may be missing.
struct field {
    enum sl_delta_kind kind;
    const char *name;
    enum field_type type;
    bool is_optional; // missing or null is fine
};
static const struct field fields[] = {
    {SL_DELTA_PROTOCOL, "minReaderVersion", INTEGER, false},
    {SL_DELTA_PROTOCOL, "minWriterVersion", INTEGER, false},
    {SL_DELTA_PROTOCOL, "readerFeatures", LIST, true},
    {SL_DELTA_PROTOCOL, "writerFeatures", LIST, true},
    {SL_DELTA_METADATA, "id", TEXT, false},
    {SL_DELTA_METADATA, "description", TEXT, true},
    {SL_DELTA_METADATA, "format", OBJECT, false},
    {SL_DELTA_METADATA, "schemaString", TEXT, false},
    {SL_DELTA_METADATA, "partitionColumns", LIST, false},
    {SL_DELTA_METADATA, "configuration", OBJECT, true},
    {SL_DELTA_ADD, "path", TEXT, false},
    {SL_DELTA_ADD, "partitionValues", OBJECT, false},
    {SL_DELTA_ADD, "size", INTEGER, false},
    {SL_DELTA_ADD, "modificationTime", INTEGER, false},
    {SL_DELTA_ADD, "stats", TEXT, true},
    {SL_DELTA_ADD, "tags", OBJECT, true},
    {SL_DELTA_ADD, "deletionVector", OBJECT, true},
    {SL_DELTA_REMOVE, "path", TEXT, false},
    {SL_DELTA_REMOVE, "deletionTimestamp", INTEGER, true},
    {SL_DELTA_REMOVE, "partitionValues", OBJECT, true},
    {SL_DELTA_REMOVE, "deletionVector", OBJECT, true},
    {SL_DELTA_TXN, "appId", TEXT, false},
    {SL_DELTA_TXN, "version", INTEGER, false},
    {SL_DELTA_DOMAIN, "domain", TEXT, false},
};

static const char *const kinds[] = {
    [SL_DELTA_OTHER] = "",
    [SL_DELTA_COMMIT_INFO] = "commitInfo",
    [SL_DELTA_PROTOCOL] = "protocol",
    [SL_DELTA_METADATA] = "metaData",
    [SL_DELTA_ADD] = "add",
    [SL_DELTA_REMOVE] = "remove",
    [SL_DELTA_TXN] = "txn",
    [SL_DELTA_DOMAIN] = "domainMetadata",
};

static bool is_list_of_texts(const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (!json_is_string(item))
            return false;
    }
    return json_is_array(list);
}

static bool fits(const json_t *value, enum field_type type)
{
    switch (type) {
    case TEXT:
        return json_is_string(value);
    case INTEGER:
        return json_is_integer(value);
    case OBJECT:
        return json_is_object(value);
    case LIST:
        return is_list_of_texts(value);
    }
    return false;
}

static int check_fields(enum sl_delta_kind kind, const json_t *body, struct sl_err *err)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const json_t *value = json_object_get(body, fields[i].name);

        if (fields[i].kind != kind)
            continue;
        if (fields[i].is_optional && (!value || json_is_null(value)))
            continue;
        if (!fits(value, fields[i].type))
            return sl_fail(err, SL_E_TABLE_LOG, "%s.%s is missing or has the wrong type",
                           kinds[kind], fields[i].name);
    }
    return SL_OK;
}

int sl_delta_action_read(const json_t *action, enum sl_delta_kind *ret_kind, json_t **ret_body,
                         struct sl_err *err)
{
    if (!json_is_object(action))
        return sl_fail(err, SL_E_TABLE_LOG, "an action is not a JSON object");
    *ret_kind = SL_DELTA_OTHER;
    *ret_body = NULL;
    for (size_t i = SL_DELTA_COMMIT_INFO; i < sizeof kinds / sizeof *kinds; i++) {
        json_t *body = json_object_get(action, kinds[i]);

        if (!body || json_is_null(body))
            continue;
        if (!json_is_object(body))
            return sl_fail(err, SL_E_TABLE_LOG, "%s is not an object", kinds[i]);
        SL_TRY(check_fields((enum sl_delta_kind)i, body, err));
        *ret_kind = (enum sl_delta_kind)i;
        *ret_body = body;
        return SL_OK;
    }
    return SL_OK;
}

const char *sl_delta_map_text(const json_t *body, const char *map, const char *key)
{
    return sl_json_text(json_object_get(body, map), key, NULL);
}

int sl_delta_json_copy(const json_t *json, struct sl_arena *arena, const char **ret,
                       struct sl_err *err)
{
    char *text = NULL;
    const char *copy;

    SL_TRY(sl_json_print(json, &text, err));
    copy = sl_arena_strdup(arena, text);
    free(text);
    SL_TRY_NEW(copy, err);
    *ret = copy;
    return SL_OK;
}

void sl_delta_print_commit_info(struct sl_buf *line, const struct sl_delta_commit_note *note)
{
    sl_buf_addf(
        line, "{\"commitInfo\":{\"timestamp\":%lld,\"operation\":", (long long)note->timestamp_ms);
    sl_buf_add_json_string(line, note->operation);
    // Values are texts, as Spark reads them.
    sl_buf_addf(line, ",\"operationParameters\":{\"mode\":\"%s\",\"partitionBy\":", note->mode);
    sl_buf_add_json_string(line, note->partition_by_json);
    sl_buf_add_char(line, '}');
    if (note->read_version >= 0)
        sl_buf_addf(line, ",\"readVersion\":%lld", (long long)note->read_version);
    sl_buf_addf(line, ",\"isBlindAppend\":%s", note->is_blind_append ? "true" : "false");
    sl_buf_addf(line,
                ",\"operationMetrics\":{\"numFiles\":\"%lld\",\"numOutputRows\":\"%lld\","
                "\"numOutputBytes\":\"%lld\",\"numRemovedFiles\":\"%lld\"}",
                (long long)note->file_count, (long long)note->row_count,
                (long long)note->size_bytes, (long long)note->removed_count);
    sl_buf_add(line, ",\"engineInfo\":\"Sluice/" SL_VERSION "\"");
    if (note->record_json)
        sl_buf_addf(line, ",\"sluice\":%s", note->record_json);
    sl_buf_add(line, "}}");
}

void sl_delta_print_txn(struct sl_buf *line, const char *app_id, int64_t version, int64_t now_ms)
{
    sl_buf_add(line, "{\"txn\":{\"appId\":");
    sl_buf_add_json_string(line, app_id);
    sl_buf_addf(line, ",\"version\":%lld,\"lastUpdated\":%lld}}", (long long)version,
                (long long)now_ms);
}

int sl_delta_print_member(struct sl_buf *line, const char *key, const json_t *value,
                          struct sl_err *err)
{
    char *text = NULL;

    SL_TRY(sl_json_print(value, &text, err));
    sl_buf_add_json_string(line, key);
    sl_buf_add_char(line, ':');
    sl_buf_add(line, text);
    free(text);
    return SL_OK;
}

int sl_delta_print_remove(struct sl_buf *line, const json_t *add, bool is_data_change,
                          int64_t now_ms, struct sl_err *err)
{
    static const char *const kept[] = {"partitionValues", "size", "tags"};

    sl_buf_add(line, "{\"remove\":{");
    SL_TRY(sl_delta_print_member(line, "path", json_object_get(add, "path"), err));
    sl_buf_addf(line, ",\"deletionTimestamp\":%lld,\"dataChange\":%s,\"extendedFileMetadata\":true",
                (long long)now_ms, is_data_change ? "true" : "false");
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const json_t *value = json_object_get(add, kept[i]);

        if (!value || json_is_null(value))
            continue;
        sl_buf_add_char(line, ',');
        SL_TRY(sl_delta_print_member(line, kept[i], value, err));
    }
    sl_buf_add(line, "}}");
    return SL_OK;
}
