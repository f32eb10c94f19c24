// Reading tables that other writers made, damaged logs included.
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static int load(struct fixture *fixture, int64_t version, struct sl_delta_snapshot *ret)
{
    return sl_delta_load(fixture->folder, version, NULL, &fixture->arena, ret, &fixture->err);
}

static void a_missing_table_has_version_minus_one(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;
    bool needs = true;

    assert_ok(fixture, load(fixture, -1, &snapshot));
    assert_int_equal(snapshot.version, -1);
    assert_int_equal(snapshot.file_count, 0);
    assert_ok(fixture, sl_delta_needs_session(fixture->folder, &needs, &fixture->err));
    assert_false(needs);
    assert_fails(fixture, SL_E_TABLE_MISSING, load(fixture, 0, &snapshot));
}

static const char *join(struct fixture *fixture, const char *a, const char *b)
{
    return sl_arena_printf(&fixture->arena, "%s%s", a, b);
}

static void a_snapshot_holds_what_the_log_says(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;
    const struct sl_delta_file *file;

    write_commit(fixture, 0,
                 join(fixture, first_commit(fixture, true),
                      add_action(fixture, "day=2024-01-02/b%20c", "2024-01-02", 5)));
    write_commit(fixture, 1,
                 join(fixture, add_action(fixture, "a", "2024-01-01", 7),
                      "{\"txn\":{\"appId\":\"step\",\"version\":3}}\n\n"
                      "{\"commitInfo\":{\"timestamp\":2000,\"inCommitTimestamp\":2500}}\n"
                      "{\"somethingNew\":{\"x\":1}}\n"));
    assert_ok(fixture, load(fixture, -1, &snapshot));
    assert_int_equal(snapshot.version, 1);
    assert_int_equal(snapshot.timestamp_ms, 2500);
    assert_string_equal(snapshot.table_id, "table-id");
    assert_string_equal(snapshot.columns[1].name, "day");
    assert_string_equal(snapshot.columns[1].type, "DATE");
    assert_string_equal(snapshot.partition_columns[0], "day");
    assert_string_equal(snapshot.configuration_json, "{}");
    assert_int_equal(snapshot.min_reader, 1);
    assert_int_equal(snapshot.min_writer, 2);
    assert_int_equal(snapshot.row_count, 12);
    assert_int_equal(snapshot.size_bytes, 200);
    assert_int_equal(snapshot.file_count, 2);
    assert_string_equal(snapshot.files[0].path, "a");
    file = &snapshot.files[1];
    assert_string_equal(file->path, "day=2024-01-02/b c");
    assert_string_equal(file->partition[0], "2024-01-02");
    assert_int_equal(file->size_bytes, 100);
    assert_int_equal(file->modified_ms, 7);
    assert_int_equal(file->row_count, 5);
    assert_string_equal(file->stats_json, "{\"numRecords\":5}");
    assert_string_equal(file->tags_json, "{\"k\":\"v\"}");
    assert_string_equal(join(fixture, file->add_json, "\n"),
                        add_action(fixture, "day=2024-01-02/b%20c", "2024-01-02", 5));
    assert_int_equal(sl_delta_txn_find(&snapshot, "step")->version, 3);
    assert_null(sl_delta_txn_find(&snapshot, "other"));
    assert_ok(fixture, load(fixture, 0, &snapshot));
    assert_int_equal(snapshot.file_count, 1);
    assert_int_equal(snapshot.timestamp_ms, 1000);
}

static void null_partitions_have_three_spellings(void **state)
{
    static const char *const spellings[] = {"{}", "{\"day\":null}", "{\"day\":\"\"}"};
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;

    write_commit(fixture, 0, first_commit(fixture, true));
    for (int i = 0; i < 3; i++)
        write_commit(fixture, i + 1,
                     sl_arena_printf(&fixture->arena,
                                     "{\"add\":{\"path\":\"%d\",\"partitionValues\":%s,\"size\":1,"
                                     "\"modificationTime\":1,\"dataChange\":true}}",
                                     i, spellings[i]));
    assert_ok(fixture, load(fixture, -1, &snapshot));
    assert_int_equal(snapshot.file_count, 3);
    for (int i = 0; i < 3; i++)
        assert_null(snapshot.files[i].partition[0]);
    assert_int_equal(snapshot.row_count, -1);
    assert_null(snapshot.files[0].stats_json);
    assert_null(snapshot.files[0].tags_json);
}

static void row_counts_are_found_anywhere_in_the_statistics(void **state)
{
    static const struct {
        const char *stats;
        int64_t rows;
    } cases[] = {
        {"{\\\"numRecords\\\":4}", 4},
        {"{\\\"numRecords\\\":4,\\\"minValues\\\":{}}", 4},
        {"{ \\\"minValues\\\":{}, \\\"numRecords\\\": 6}", 6},
        {"{\\\"numRecords\\\":-1}", -1},
        {"{\\\"numRecords\\\":x}", -1},
        {"{\\\"minValues\\\":{}}", -1},
        {"not json", -1},
        {"", -1},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_delta_snapshot snapshot;

        write_commit(
            fixture, 0,
            sl_arena_printf(&fixture->arena,
                            "%s{\"add\":{\"path\":\"a\",\"partitionValues\":{},\"size\":1,"
                            "\"modificationTime\":1,\"dataChange\":true,\"stats\":\"%s\"}}",
                            first_commit(fixture, false), cases[i].stats));
        assert_ok(fixture, load(fixture, -1, &snapshot));
        assert_int_equal(snapshot.files[0].row_count, cases[i].rows);
    }
}

static void removed_and_replaced_files_are_gone(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;

    write_commit(fixture, 0,
                 join(fixture, first_commit(fixture, false),
                      join(fixture, add_action(fixture, "a", NULL, 1),
                           add_action(fixture, "b%20", NULL, 2))));
    write_commit(fixture, 1, "{\"remove\":{\"path\":\"b%20\",\"dataChange\":true}}");
    write_commit(fixture, 2, add_action(fixture, "a", NULL, 9));
    assert_ok(fixture, load(fixture, -1, &snapshot));
    assert_int_equal(snapshot.file_count, 1);
    assert_int_equal(snapshot.row_count, 9);
}

// A commit file 1 that is not what it should be.
static void a_damaged_commit_is_named_and_never_guessed(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "it is empty"},
        {"\n \n", "it is empty"},
        {"{\"add\":{\"path\":\"a\",\"partitionVal", "line 1 is damaged"},
        {"{}\nnot json\n", "line 2 is damaged"},
        {"[1,2]", "action 1: an action is not a JSON object"},
        {"7", "not a JSON object"},
        {"{}\n{\"add\":7}", "action 2: add is not an object"},
        {"{\"add\":{}}", "add.path is missing"},
        {"{\"add\":{\"path\":\"%\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1}}",
         "not a percent-encoded path"},
        {"{\"add\":{\"path\":\"a\",\"partitionValues\":[],\"size\":1,\"modificationTime\":1}}",
         "add.partitionValues"},
        {"{\"add\":{\"path\":\"a\",\"partitionValues\":{},\"size\":1.5,\"modificationTime\":1}}",
         "add.size"},
        {"{\"add\":{\"path\":\"a\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1,"
         "\"stats\":{}}}",
         "add.stats"},
        {"{\"remove\":{\"dataChange\":true}}", "remove.path"},
        {"{\"txn\":{\"appId\":\"a\"}}", "txn.version"},
        {"{\"protocol\":{\"minWriterVersion\":2}}", "protocol.minReaderVersion"},
        {"{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[7]}}",
         "protocol.readerFeatures"},
        {"{\"metaData\":{\"id\":\"x\",\"format\":{},\"partitionColumns\":[]}}",
         "metaData.schemaString"},
        {"{\"domainMetadata\":{}}", "domainMetadata.domain"},
    };
    struct fixture *fixture = *state;

    write_commit(fixture, 0, first_commit(fixture, false));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_delta_snapshot snapshot = {.version = 77};

        write_commit(fixture, 1, cases[i].text);
        write_commit(fixture, 2, "{\"commitInfo\":{}}");
        assert_fails(fixture, SL_E_TABLE_LOG, load(fixture, -1, &snapshot));
        assert_says(fixture, cases[i].says);
        assert_says(fixture, "_delta_log/00000000000000000001.json'");
        assert_int_equal(snapshot.version, 77);
    }
}

static void a_missing_commit_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;

    write_commit(fixture, 0, first_commit(fixture, false));
    write_commit(fixture, 2, "{\"commitInfo\":{}}");
    assert_fails(fixture, SL_E_TABLE_LOG, load(fixture, -1, &snapshot));
    assert_says(fixture, "00000000000000000001.json': it is missing");
    assert_ok(fixture, sl_fs_remove(log_file(fixture, "00000000000000000000.json"), &fixture->err));
    assert_fails(fixture, SL_E_TABLE_LOG, load(fixture, -1, &snapshot));
    assert_says(fixture, "_delta_log/00000000000000000000.json' is missing");
}

static void a_version_must_exist(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;

    write_commit(fixture, 0, first_commit(fixture, false));
    assert_fails(fixture, SL_E_TABLE_VERSION, load(fixture, 1, &snapshot));
    assert_says(fixture, "the newest is 0");
}

static void a_table_without_protocol_or_metadata_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;

    write_commit(fixture, 0, "{\"commitInfo\":{}}");
    assert_fails(fixture, SL_E_TABLE_LOG, load(fixture, -1, &snapshot));
    assert_says(fixture, "has no protocol");
    write_commit(fixture, 0, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}");
    assert_fails(fixture, SL_E_TABLE_LOG, load(fixture, -1, &snapshot));
    assert_says(fixture, "has no metaData");
}

// What a second commit may demand of readers.
static void only_known_features_are_read(void **state)
{
#define PROTOCOL(reader, writer, rest) \
    "{\"protocol\":{\"minReaderVersion\":" #reader ",\"minWriterVersion\":" #writer rest "}}"
#define METADATA(provider, configuration)                                                        \
    "{\"metaData\":{\"id\":\"i\",\"format\":{\"provider\":\"" provider "\"},\"schemaString\":"   \
    "\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\",\"partitionColumns\":[]," configuration \
    "}}"
    static const struct {
        const char *action;
        int code;
        const char *says;
    } cases[] = {
        {PROTOCOL(2, 5, ""), SL_OK, NULL},
        {PROTOCOL(2, 7, ",\"writerFeatures\":[\"rowTracking\"]"), SL_OK, NULL},
        {PROTOCOL(3, 7, ",\"readerFeatures\":[],\"writerFeatures\":[]"), SL_OK, NULL},
        {PROTOCOL(3, 7, ",\"readerFeatures\":[\"timestampNtz\",\"vacuumProtocolCheck\"]"), SL_OK,
         NULL},
        {PROTOCOL(3, 7, ",\"readerFeatures\":[\"columnMapping\"]"), SL_OK, NULL},
        {PROTOCOL(3, 7, ",\"readerFeatures\":[\"deletionVectors\"]"), SL_E_TABLE_FEATURE,
         "reader feature 'deletionVectors'"},
        {PROTOCOL(3, 7, ",\"readerFeatures\":[\"v2Checkpoint\"]"), SL_E_TABLE_FEATURE,
         "reader feature 'v2Checkpoint'"},
        {PROTOCOL(3, 7, ",\"readerFeatures\":[\"ofTomorrow\"]"), SL_E_TABLE_FEATURE,
         "'ofTomorrow'"},
        {PROTOCOL(3, 7, ",\"readerFeatures\":[\"appendOnly\"]"), SL_E_TABLE_FEATURE,
         "'appendOnly'"},
        {PROTOCOL(3, 7, ""), SL_E_TABLE_LOG, "does not list its features"},
        {PROTOCOL(4, 7, ""), SL_E_TABLE_FEATURE, "reader of version 4"},
        {PROTOCOL(0, 7, ""), SL_E_TABLE_FEATURE, "reader of version 0"},
        {METADATA("orc", "\"configuration\":{}"), SL_E_TABLE_FEATURE, "format 'orc'"},
        {METADATA("parquet", "\"configuration\":{\"delta.columnMapping.mode\":\"name\"}"),
         SL_E_TABLE_FEATURE, "maps columns by name"},
        {METADATA("parquet", "\"configuration\":{\"delta.columnMapping.mode\":\"none\"}"), SL_OK,
         NULL},
        {METADATA("parquet", "\"x\":1"), SL_OK, NULL},
        {"{\"add\":{\"path\":\"a\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1,"
         "\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"x\",\"offset\":1}}}",
         SL_E_TABLE_FEATURE, "deletion vectors"},
    };
    struct fixture *fixture = *state;

    write_commit(fixture, 0, first_commit(fixture, false));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_delta_snapshot snapshot;

        write_commit(fixture, 1, cases[i].action);
        sl_err_clear(&fixture->err);
        if (load(fixture, -1, &snapshot) != cases[i].code)
            fail_msg("%s: %s", cases[i].action, fixture->err.message);
        if (cases[i].says)
            assert_says(fixture, cases[i].says);
    }
}

static void files_of_a_scan_are_joined_to_the_folder(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;
    struct sl_scan scan;

    write_commit(fixture, 0,
                 join(fixture, first_commit(fixture, true),
                      join(fixture, add_action(fixture, "a%20b", "2024-01-01", 1),
                           join(fixture, add_action(fixture, "s3://b/x", NULL, 1),
                                add_action(fixture, "/abs", NULL, 1)))));
    assert_ok(fixture, load(fixture, -1, &snapshot));
    assert_ok(fixture, sl_delta_scan(&snapshot, &fixture->arena, &scan, &fixture->err));
    assert_int_equal(scan.file_count, 3);
    assert_int_equal(scan.row_count, 3);
    assert_string_equal(scan.files[0].path, "/abs");
    assert_string_equal(scan.files[1].path, join(fixture, fixture->folder, "/a b"));
    assert_string_equal(scan.files[1].partition[0], "2024-01-01");
    assert_string_equal(scan.files[2].path, "s3://b/x");
    assert_int_equal(scan.column_count, 2);
    assert_int_equal(scan.partition_count, 1);
    assert_false(scan.with_origin);
    assert_ok(fixture,
              sl_delta_scan_files(&snapshot, NULL, 0, &fixture->arena, &scan, &fixture->err));
    assert_int_equal(scan.file_count, 0);
    snapshot.files[1].row_count = -1;
    assert_ok(fixture, sl_delta_scan(&snapshot, &fixture->arena, &scan, &fixture->err));
    assert_int_equal(scan.row_count, 2); // of those that tell
    snapshot.files[0].has_deletion_vector = true;
    assert_fails(fixture, SL_E_TABLE_FEATURE,
                 sl_delta_scan(&snapshot, &fixture->arena, &scan, &fixture->err));
}

static void many_thousand_actions_are_read(void **state)
{
    struct fixture *fixture = *state;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_delta_snapshot snapshot;

    sl_buf_add(&text, first_commit(fixture, false));
    for (int i = 0; i < 20000; i++) {
        char path[32];

        snprintf(path, sizeof path, "part-%05d.parquet", 19999 - i);
        sl_buf_add(&text, add_action(fixture, path, NULL, 2));
    }
    write_commit(fixture, 0, text.text);
    assert_ok(fixture, load(fixture, -1, &snapshot));
    assert_int_equal(snapshot.file_count, 20000);
    assert_int_equal(snapshot.row_count, 40000);
    assert_string_equal(snapshot.files[1].path, "part-00001.parquet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_table_has_version_minus_one),
        TEST(a_snapshot_holds_what_the_log_says),
        TEST(null_partitions_have_three_spellings),
        TEST(row_counts_are_found_anywhere_in_the_statistics),
        TEST(removed_and_replaced_files_are_gone),
        TEST(a_damaged_commit_is_named_and_never_guessed),
        TEST(a_missing_commit_is_named),
        TEST(a_version_must_exist),
        TEST(a_table_without_protocol_or_metadata_is_damaged),
        TEST(only_known_features_are_read),
        TEST(files_of_a_scan_are_joined_to_the_folder),
        TEST(many_thousand_actions_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
