#include "table/delta/protocol.h"

#include "base/str.h"
#include "table/delta/action.h"

#include <string.h>

#define NEWEST_READER 3 // with a list of features
#define NEWEST_WRITER 7 // with a list of features

// "Valid Feature Names in Table Features": those that are respected. Old versions imply them from
// min_writer on ("Reader Version Requirements", "Writer Version Requirements"; min_writer 0: only
// ever listed).
struct feature {
    const char *name;
    int min_writer;
    bool is_reader; // must be listed for readers too
};
static const struct feature features[] = {
    {"appendOnly", 2, false},          {"invariants", 2, false},
    {"checkConstraints", 3, false},    {"changeDataFeed", 4, false},
    {"generatedColumns", 4, false},    {"columnMapping", 5, true},
    {"identityColumns", 6, false},     {"timestampNtz", 0, true},
    {"allowColumnDefaults", 0, false}, {"domainMetadata", 0, false},
    {"inCommitTimestamp", 0, false},   {"vacuumProtocolCheck", 0, true},
};
#define FEATURE_COUNT (sizeof features / sizeof *features)

const char *sl_delta_setting(const json_t *metadata, const char *key)
{
    return sl_delta_map_text(metadata, "configuration", key);
}

static bool is_on(const json_t *metadata, const char *key)
{
    const char *value = sl_delta_setting(metadata, key);

    return value && sl_str_equal_nocase(value, "true");
}

static bool is_listed(const json_t *list, const char *name)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

static int check_list(const json_t *list, bool is_reader, struct sl_err *err)
{
    const json_t *item;
    size_t i;

    if (!json_is_array(list))
        return sl_fail(err, SL_E_TABLE_LOG, "the protocol does not list its features");
    json_array_foreach (list, i, item) {
        const char *name = json_string_value(item);
        bool is_known = false;

        for (size_t k = 0; k < FEATURE_COUNT; k++)
            is_known |=
                strcmp(features[k].name, name) == 0 && (features[k].is_reader || !is_reader);
        if (!is_known)
            return sl_fail(err, SL_E_TABLE_FEATURE, "the table uses the %s feature '%s'",
                           is_reader ? "reader" : "writer", name);
    }
    return SL_OK;
}

int sl_delta_protocol_read_check(const json_t *protocol, const json_t *metadata, struct sl_err *err)
{
    int64_t version = sl_json_int(protocol, "minReaderVersion", 0);
    const char *mapping = sl_delta_setting(metadata, "delta.columnMapping.mode");
    const char *provider = sl_json_text(json_object_get(metadata, "format"), "provider", "");

    if (version < 1 || version > NEWEST_READER)
        return sl_fail(err, SL_E_TABLE_FEATURE, "the table needs a reader of version %lld",
                       (long long)version);
    if (version == NEWEST_READER)
        SL_TRY(check_list(json_object_get(protocol, "readerFeatures"), true, err));
    if (mapping && strcmp(mapping, "none") != 0)
        return sl_fail(err, SL_E_TABLE_FEATURE, "the table maps columns by %s", mapping);
    if (strcmp(provider, "parquet") != 0)
        return sl_fail(err, SL_E_TABLE_FEATURE, "the table's files are of format '%s'", provider);
    return SL_OK;
}

// What columns say of themselves that a writer would have to compute or check.
static int check_columns(const json_t *metadata, struct sl_err *err)
{
    static const char *const keys[] = {"\"delta.invariants\"", "\"delta.generationExpression\"",
                                       "\"delta.identity.", "\"CURRENT_DEFAULT\""};
    const char *schema = sl_json_text(metadata, "schemaString", "");

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strstr(schema, keys[i]))
            return sl_fail(err, SL_E_TABLE_FEATURE, "a column of the table has %s", keys[i]);
    return SL_OK;
}

static int check_settings(const json_t *metadata, const struct sl_delta_intent *intent,
                          struct sl_err *err)
{
    json_t *configuration = json_object_get(metadata, "configuration");
    const char *key;
    json_t *value;

    json_object_foreach (configuration, key, value) {
        if (sl_str_starts(key, "delta.constraints."))
            return sl_fail(err, SL_E_TABLE_FEATURE, "the table has the constraint '%s'", key);
    }
    if (intent->removes_rows && is_on(metadata, "delta.appendOnly"))
        return sl_fail(err, SL_E_TABLE_FEATURE, "the table takes new rows only (delta.appendOnly)");
    if (intent->changes_rows && is_on(metadata, "delta.enableChangeDataFeed"))
        return sl_fail(err, SL_E_TABLE_FEATURE, "the table has a change data feed");
    if (is_on(metadata, "delta.enableInCommitTimestamps"))
        return sl_fail(err, SL_E_TABLE_FEATURE, "the table has in-commit timestamps");
    return SL_OK;
}

int sl_delta_protocol_write_check(const json_t *protocol, const json_t *metadata,
                                  const struct sl_delta_intent *intent, struct sl_err *err)
{
    int64_t version = sl_json_int(protocol, "minWriterVersion", 0);

    SL_TRY(sl_delta_protocol_read_check(protocol, metadata, err));
    if (version > NEWEST_WRITER)
        return sl_fail(err, SL_E_TABLE_FEATURE, "the table needs a writer of version %lld",
                       (long long)version);
    if (version == NEWEST_WRITER)
        SL_TRY(check_list(json_object_get(protocol, "writerFeatures"), false, err));
    SL_TRY(check_columns(metadata, err));
    return check_settings(metadata, intent, err);
}

// Whether the table has the feature already, by its list or by its version.
static bool has_feature(const json_t *protocol, const struct feature *feature)
{
    int64_t version = sl_json_int(protocol, "minWriterVersion", 0);

    if (version == NEWEST_WRITER)
        return is_listed(json_object_get(protocol, "writerFeatures"), feature->name);
    return feature->min_writer > 0 && feature->min_writer <= version;
}

static void add_features(const json_t *protocol, bool for_readers, struct sl_buf *line)
{
    bool is_first = true;

    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        if (strcmp(features[i].name, "timestampNtz") != 0 && !has_feature(protocol, &features[i]))
            continue;
        if (for_readers && !features[i].is_reader)
            continue;
        sl_buf_addf(line, "%s\"%s\"", is_first ? "" : ",", features[i].name);
        is_first = false;
    }
}

int sl_delta_protocol_print(const json_t *protocol, bool needs_ntz, struct sl_buf *line,
                            struct sl_err *err)
{
    if (needs_ntz && !is_listed(json_object_get(protocol, "readerFeatures"), "timestampNtz")) {
        // An upgrade keeps what the old version stood for ("Table Features for New and Existing
        // Tables").
        sl_buf_addf(line,
                    "{\"protocol\":{\"minReaderVersion\":%d,\"minWriterVersion\":%d,"
                    "\"readerFeatures\":[",
                    NEWEST_READER, NEWEST_WRITER);
        add_features(protocol, true, line);
        sl_buf_add(line, "],\"writerFeatures\":[");
        add_features(protocol, false, line);
        sl_buf_add(line, "]}}");
    } else if (!protocol) {
        sl_buf_add(line, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}");
    }
    return sl_buf_check(line, err);
}
