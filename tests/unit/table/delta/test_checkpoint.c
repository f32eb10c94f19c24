// Checkpoints with the fake engine: what goes in and what comes out. test_engine.c has the real
// one.
#include "fixture.h"

#include <string.h>

#define CHECKPOINT "00000000000000000002.checkpoint.parquet"

static const char *read_log(struct fixture *fixture, const char *name)
{
    const char *text = NULL;
    size_t length;

    assert_ok(fixture, sl_fs_read(log_file(fixture, name), 1 << 30, &fixture->arena, &text, &length,
                                  &fixture->err));
    return text;
}

static size_t count(const char *text, const char *word)
{
    size_t found = 0;

    for (; (text = strstr(text, word)); text += strlen(word))
        found++;
    return found;
}

// Versions 0 to 2 with all kinds of actions.
static void write_table(struct fixture *fixture, const char *configuration)
{
    write_commit(fixture, 0,
                 sl_arena_printf(&fixture->arena, "%s%s%s", first_commit(fixture, false),
                                 add_action(fixture, "a%20b", NULL, 1),
                                 add_action(fixture, "gone", NULL, 1)));
    write_commit(
        fixture, 1,
        sl_arena_printf(
            &fixture->arena,
            "{\"metaData\":{\"id\":\"i\",\"format\":{\"provider\":\"parquet\"},"
            "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":"
            "\\\"id\\\",\\\"type\\\":\\\"long\\\"}]}\",\"partitionColumns\":[],"
            "\"configuration\":{%s}}}\n"
            "{\"txn\":{\"appId\":\"x\",\"version\":1}}\n"
            "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"c\",\"removed\":false}}\n"
            "{\"domainMetadata\":{\"domain\":\"e\",\"configuration\":\"c\",\"removed\":false}}",
            configuration));
    write_commit(
        fixture, 2,
        "{\"remove\":{\"path\":\"gone\",\"deletionTimestamp\":9999999999999,"
        "\"dataChange\":true}}\n"
        "{\"remove\":{\"path\":\"long-gone\",\"deletionTimestamp\":1,\"dataChange\":true}}\n"
        "{\"remove\":{\"path\":\"undated\",\"dataChange\":true}}\n"
        "{\"domainMetadata\":{\"domain\":\"e\",\"configuration\":\"\",\"removed\":true}}\n"
        "{\"txn\":{\"appId\":\"x\",\"version\":2,\"lastUpdated\":5}}");
}

static int checkpoint(struct fixture *fixture, int64_t version)
{
    return sl_delta_checkpoint(fixture->folder, version, fixture->session, &fixture->err);
}

static void a_checkpoint_holds_what_is_in_force(void **state)
{
    struct fixture *fixture = *state;
    const char *text;

    write_table(fixture, "");
    assert_ok(fixture, checkpoint(fixture, 2));
    text = read_log(fixture, CHECKPOINT);
    assert_int_equal(count(text, "\n"), 6);
    assert_int_equal(count(text, "{\"protocol\":"), 1);
    assert_int_equal(count(text, "{\"metaData\":{\"id\":\"i\""), 1);
    assert_int_equal(count(text, "{\"txn\":{\"appId\":\"x\",\"version\":2,\"lastUpdated\":5}}"), 1);
    assert_int_equal(count(text, "{\"domainMetadata\":{\"domain\":\"d\""), 1);
    assert_int_equal(count(text, "\"domain\":\"e\""), 0);
    assert_int_equal(count(text, "{\"remove\":{\"path\":\"gone\""), 1);
    assert_int_equal(count(text, "{\"add\":{\"path\":\"a%20b\""), 1);
    assert_int_equal(count(text, "\"tags\":{\"k\":\"v\"}"), 1);
    assert_int_equal(count(text, "\"dataChange\":false"), 1);
    assert_int_equal(count(text, "commitInfo"), 0);
    assert_string_equal(
        sl_arena_strndup(&fixture->arena, read_log(fixture, "_last_checkpoint"), 23),
        "{\"version\":2,\"size\":6,\"");
    assert_int_equal(count(read_log(fixture, "_last_checkpoint"), "\"numOfAddFiles\":1}"), 1);
}

static void nothing_temporary_is_left_beside_a_checkpoint(void **state)
{
    struct fixture *fixture = *state;
    struct sl_strs names;

    write_table(fixture, "");
    assert_ok(fixture, checkpoint(fixture, 2));
    assert_ok(fixture, sl_fs_list(log_file(fixture, ""), &fixture->arena, &names, &fixture->err));
    assert_int_equal(names.count, 5);
    fixture->engine_error = "disk on fire";
    assert_fails(fixture, SL_E_TABLE_LOG, checkpoint(fixture, 2));
    assert_ok(fixture, sl_fs_remove(log_file(fixture, CHECKPOINT), &fixture->err));
    assert_fails(fixture, SL_E_ENGINE, checkpoint(fixture, 2));
    assert_says(fixture, "disk on fire");
    assert_ok(fixture, sl_fs_list(log_file(fixture, ""), &fixture->arena, &names, &fixture->err));
    assert_int_equal(names.count, 4);
}

static void a_table_is_read_from_its_checkpoint(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;
    bool needs = false;

    write_table(fixture, "");
    assert_ok(fixture, checkpoint(fixture, 2));
    assert_ok(fixture, sl_delta_needs_session(fixture->folder, &needs, &fixture->err));
    assert_false(needs);
    assert_ok(fixture, sl_fs_remove(log_file(fixture, "00000000000000000000.json"), &fixture->err));
    assert_ok(fixture, sl_delta_needs_session(fixture->folder, &needs, &fixture->err));
    assert_true(needs);
    assert_fails(
        fixture, SL_E_INTERNAL,
        sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &snapshot, &fixture->err));
    write_commit(fixture, 3, add_action(fixture, "new", NULL, 2));
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    assert_int_equal(snapshot.version, 3);
    assert_int_equal(snapshot.file_count, 2);
    assert_int_equal(snapshot.row_count, 3);
    assert_string_equal(snapshot.files[0].path, "a b");
    assert_int_equal(sl_delta_txn_find(&snapshot, "x")->version, 2);
    assert_ok(fixture, sl_delta_load(fixture->folder, 2, fixture->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    assert_int_equal(snapshot.file_count, 1);
    assert_fails(fixture, SL_E_TABLE_VERSION,
                 sl_delta_load(fixture->folder, 1, fixture->session, &fixture->arena, &snapshot,
                               &fixture->err));
    assert_says(fixture, "has versions 2 to 3, not 1");
}

static void tombstones_pass_from_checkpoint_to_checkpoint(void **state)
{
    struct fixture *fixture = *state;

    write_table(fixture, "");
    assert_ok(fixture, checkpoint(fixture, 2));
    write_commit(fixture, 3, "{\"commitInfo\":{}}");
    assert_ok(fixture, checkpoint(fixture, 3));
    assert_int_equal(count(read_log(fixture, "00000000000000000003.checkpoint.parquet"),
                           "{\"remove\":{\"path\":\"gone\""),
                     1);
}

static void the_retention_of_tombstones_is_the_tables(void **state)
{
    static const struct {
        const char *setting;
        size_t kept;
    } cases[] = {
        {"", 0},
        {"interval 100000 weeks", 0}, // absurd: the default
        {"interval 99999 weeks", 1},
        {"interval 1 week", 0},
        {"interval 3 fortnights", 0},
        {"interval -1 days", 0},
        {"7 days", 0},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_table(fixture, sl_arena_printf(&fixture->arena,
                                             "\"delta.deletedFileRetentionDuration\":\"%s\"",
                                             cases[i].setting));
        assert_ok(fixture, checkpoint(fixture, 2));
        assert_int_equal(count(read_log(fixture, CHECKPOINT), "long-gone"), cases[i].kept);
        assert_ok(fixture, sl_fs_remove(log_file(fixture, CHECKPOINT), &fixture->err));
    }
}

static void a_damaged_checkpoint_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{\"add\":", "a row is damaged"},
        {"{\"add\":{\"path\":7}}", "add.path"},
        {"{\"txn\":null}", "has no protocol"},
    };
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;

    write_table(fixture, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(fixture, sl_fs_write(log_file(fixture, CHECKPOINT), cases[i].text,
                                       strlen(cases[i].text), &fixture->err));
        assert_fails(fixture, SL_E_TABLE_LOG,
                     sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena,
                                   &snapshot, &fixture->err));
        assert_says(fixture, cases[i].says);
    }
    fixture->engine_error = "no magic bytes";
    assert_fails(fixture, SL_E_TABLE_LOG,
                 sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena, &snapshot,
                               &fixture->err));
    assert_says(fixture, CHECKPOINT "' cannot be read: no magic bytes");
}

static void nulls_in_a_row_are_as_if_they_were_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;
    const char *text =
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2,\"readerFeatures\":null}}\n"
        "{\"add\":null,\"metaData\":{\"id\":\"i\",\"name\":null,\"format\":{\"provider\":"
        "\"parquet\"},"
        "\"schemaString\":\"{\\\"fields\\\":[]}\",\"partitionColumns\":[\"p\"],"
        "\"configuration\":null}}\n"
        "{\"add\":{\"path\":\"f\",\"partitionValues\":{\"p\":null},\"size\":1,"
        "\"modificationTime\":2,\"stats\":null,\"tags\":null,\"deletionVector\":null},"
        "\"txn\":null}\n";

    write_commit(fixture, 3, "{\"commitInfo\":{\"timestamp\":5}}");
    assert_ok(fixture, sl_fs_write(log_file(fixture, "00000000000000000003.checkpoint.parquet"),
                                   text, strlen(text), &fixture->err));
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    assert_int_equal(snapshot.timestamp_ms, 5);
    assert_string_equal(snapshot.files[0].add_json,
                        "{\"add\":{\"path\":\"f\",\"partitionValues\":{\"p\":null},\"size\":1,"
                        "\"modificationTime\":2}}");
}

// Files of version 2 under these names; only one of them is a checkpoint that is whole.
static void only_whole_checkpoints_of_known_kinds_count(void **state)
{
    static const struct {
        const char *names[3];
        int code; // of loading without the commits
    } cases[] = {
        {{"00000000000000000002.checkpoint.0000000001.0000000001.parquet"}, SL_OK},
        {{"00000000000000000002.checkpoint.0000000001.0000000002.parquet",
          "00000000000000000002.checkpoint.0000000002.0000000002.parquet"},
         SL_OK},
        {{"00000000000000000002.checkpoint.0000000001.0000000002.parquet"}, SL_E_TABLE_LOG},
        {{"00000000000000000002.checkpoint.0000000002.0000000002.parquet",
          "00000000000000000002.checkpoint.0000000001.0000000003.parquet"},
         SL_E_TABLE_LOG},
        {{"00000000000000000002.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet"},
         SL_E_TABLE_FEATURE},
        {{"00000000000000000002.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json"},
         SL_E_TABLE_FEATURE},
        {{"0000000000000000002.checkpoint.parquet"}, SL_E_TABLE_LOG},
        {{"99999999999999999999.checkpoint.parquet"}, SL_E_TABLE_LOG},
        {{"00000000000000000002.checkpointed.parquet"}, SL_E_TABLE_LOG},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = first_commit(fixture, false);
        struct sl_delta_snapshot snapshot;

        write_commit(fixture, 2, "{\"commitInfo\":{}}");
        for (size_t k = 0; k < 3 && cases[i].names[k]; k++)
            assert_ok(fixture, sl_fs_write(log_file(fixture, cases[i].names[k]), text, strlen(text),
                                           &fixture->err));
        sl_err_clear(&fixture->err);
        if (sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena, &snapshot,
                          &fixture->err) != cases[i].code)
            fail_msg("%s: %s", cases[i].names[0], fixture->err.message);
        assert_ok(fixture, sl_fs_remove_tree(fixture->folder, &fixture->err));
    }
}

static void a_checkpoint_alone_is_a_table(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_snapshot snapshot;

    write_table(fixture, "");
    assert_ok(fixture, checkpoint(fixture, 2));
    for (int i = 0; i < 3; i++)
        assert_ok(fixture,
                  sl_fs_remove(log_file(fixture, sl_arena_printf(&fixture->arena, "%020d.json", i)),
                               &fixture->err));
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    assert_int_equal(snapshot.version, 2);
    assert_int_equal(snapshot.timestamp_ms, 0);
}

static void checkpoints_of_tables_that_want_others_are_left_to_their_writers(void **state)
{
    static const char *const settings[] = {
        "\"delta.checkpoint.writeStatsAsStruct\":\"true\"",
        "\"delta.checkpoint.writeStatsAsJson\":\"false\"",
        "\"delta.enableInCommitTimestamps\":\"true\"",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        write_table(fixture, settings[i]);
        assert_fails(fixture, SL_E_TABLE_FEATURE, checkpoint(fixture, 2));
        assert_false(sl_fs_exists(log_file(fixture, CHECKPOINT)));
    }
    assert_fails(fixture, SL_E_TABLE_VERSION, checkpoint(fixture, 3));
    assert_fails(fixture, SL_E_TABLE_VERSION, checkpoint(fixture, -1));
    assert_says(fixture, "write a checkpoint of");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_checkpoint_holds_what_is_in_force),
        TEST(nothing_temporary_is_left_beside_a_checkpoint),
        TEST(a_table_is_read_from_its_checkpoint),
        TEST(tombstones_pass_from_checkpoint_to_checkpoint),
        TEST(the_retention_of_tombstones_is_the_tables),
        TEST(a_damaged_checkpoint_is_named),
        TEST(nulls_in_a_row_are_as_if_they_were_not_there),
        TEST(only_whole_checkpoints_of_known_kinds_count),
        TEST(a_checkpoint_alone_is_a_table),
        TEST(checkpoints_of_tables_that_want_others_are_left_to_their_writers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
