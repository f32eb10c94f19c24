// The head, the history, the version at a time, and what changed between versions.
#include "fixture.h"

#include <string.h>

static const char *info(struct fixture *fixture, int64_t time_ms, const char *more)
{
    return sl_arena_printf(&fixture->arena,
                           "{\"commitInfo\":{\"timestamp\":%lld,\"operation\":\"WRITE\"%s}}\n",
                           (long long)time_ms, more);
}

static const char *join(struct fixture *fixture, const char *a, const char *b)
{
    return sl_arena_printf(&fixture->arena, "%s%s", a, b);
}

// Versions 0 to `last`, of times 1000, 2000, ...
static void write_versions(struct fixture *fixture, int64_t last)
{
    write_commit(fixture, 0, first_commit(fixture, false));
    for (int64_t version = 1; version <= last; version++)
        write_commit(fixture, version, info(fixture, (version + 1) * 1000, ""));
}

static void make_checkpoint(struct fixture *fixture, int64_t version)
{
    assert_ok(fixture,
              sl_delta_checkpoint(fixture->folder, version, fixture->session, &fixture->err));
}

static void drop_commit(struct fixture *fixture, int64_t version)
{
    assert_ok(fixture,
              sl_fs_remove(log_file(fixture, sl_arena_printf(&fixture->arena, "%020lld.json",
                                                             (long long)version)),
                           &fixture->err));
}

static struct sl_delta_head head_of(struct fixture *fixture)
{
    struct sl_delta_head head;

    assert_ok(fixture, sl_delta_head(fixture->folder, &fixture->arena, &head, &fixture->err));
    return head;
}

static void the_head_of_no_table_is_minus_one(void **state)
{
    struct sl_delta_head head = head_of(*state);

    assert_int_equal(head.version, -1);
    assert_int_equal(head.record_version, -1);
    assert_null(head.record_json);
}

static void the_head_finds_the_last_record_behind_foreign_commits(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_head head;

    write_versions(fixture, 4);
    head = head_of(fixture);
    assert_int_equal(head.version, 4);
    assert_int_equal(head.record_version, -1);
    write_commit(fixture, 2, info(fixture, 3000, ",\"sluice\":{\"step\":\"x\"}"));
    write_commit(fixture, 1, info(fixture, 2000, ",\"sluice\":{\"step\":\"older\"}"));
    head = head_of(fixture);
    assert_int_equal(head.version, 4);
    assert_int_equal(head.record_version, 2);
    assert_int_equal(head.timestamp_ms, 5000);
    assert_string_equal(head.record_json, "{\"step\":\"x\"}");
}

static void the_head_ends_where_the_log_was_cleaned(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_head head;

    write_versions(fixture, 4);
    write_commit(fixture, 1, info(fixture, 2000, ",\"sluice\":{}"));
    make_checkpoint(fixture, 3);
    assert_int_equal(head_of(fixture).record_version, 1);
    drop_commit(fixture, 2);
    head = head_of(fixture);
    assert_int_equal(head.version, 4);
    assert_int_equal(head.record_version, -1);
}

static void the_head_of_a_damaged_log_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_head head;

    write_versions(fixture, 3);
    write_commit(fixture, 3, "{\"torn");
    assert_fails(fixture, SL_E_TABLE_LOG,
                 sl_delta_head(fixture->folder, &fixture->arena, &head, &fixture->err));
    assert_says(fixture, "00000000000000000003.json");
    write_versions(fixture, 3);
    drop_commit(fixture, 1);
    assert_fails(fixture, SL_E_TABLE_LOG,
                 sl_delta_head(fixture->folder, &fixture->arena, &head, &fixture->err));
    assert_says(fixture, "00000000000000000001.json");
}

static const char *change(struct fixture *fixture, bool changes_data)
{
    return join(fixture, info(fixture, 9000, ""),
                sl_arena_printf(&fixture->arena,
                                "{\"remove\":{\"path\":\"x.parquet\",\"dataChange\":%s}}\n",
                                changes_data ? "true" : "false"));
}

static void the_head_tells_who_else_changed_rows(void **state)
{
    struct fixture *fixture = *state;

    write_versions(fixture, 4);
    write_commit(fixture, 1, info(fixture, 2000, ",\"sluice\":{},\"readVersion\":0"));
    write_commit(fixture, 3, change(fixture, false));
    assert_int_equal(head_of(fixture).foreign_version, -1);
    write_commit(fixture, 2, change(fixture, true));
    assert_int_equal(head_of(fixture).foreign_version, 2);
    assert_string_equal(head_of(fixture).foreign_operation, "WRITE");
    // A commit of ours that had read it has dealt with it; one that came in between has not.
    write_commit(fixture, 4, info(fixture, 5000, ",\"sluice\":{},\"readVersion\":3"));
    assert_int_equal(head_of(fixture).foreign_version, -1);
    write_commit(fixture, 4, info(fixture, 5000, ",\"sluice\":{},\"readVersion\":1"));
    assert_int_equal(head_of(fixture).foreign_version, 2);
}

static void the_head_of_a_log_with_an_empty_commit_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_head head;

    write_versions(fixture, 3);
    write_commit(fixture, 3, info(fixture, 4000, ",\"sluice\":{}"));
    write_commit(fixture, 1, "");
    assert_fails(fixture, SL_E_TABLE_LOG,
                 sl_delta_head(fixture->folder, &fixture->arena, &head, &fixture->err));
    assert_says(fixture, "00000000000000000001.json': it is empty");
}

static void the_history_is_newest_first(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_commit_info *infos = NULL;
    size_t count = 99;

    assert_ok(fixture,
              sl_delta_history(fixture->folder, 0, &fixture->arena, &infos, &count, &fixture->err));
    assert_int_equal(count, 0);
    write_versions(fixture, 3);
    write_commit(fixture, 2, "{\"txn\":{\"appId\":\"a\",\"version\":1}}");
    assert_ok(fixture,
              sl_delta_history(fixture->folder, 0, &fixture->arena, &infos, &count, &fixture->err));
    assert_int_equal(count, 4);
    assert_int_equal(infos[0].version, 3);
    assert_int_equal(infos[0].timestamp_ms, 4000);
    assert_string_equal(infos[0].operation, "WRITE");
    assert_string_equal(infos[0].json, "{\"timestamp\":4000,\"operation\":\"WRITE\"}");
    // A commit without one was made when its file was.
    assert_true(infos[1].timestamp_ms > 1000000);
    assert_string_equal(infos[1].operation, "");
    assert_string_equal(infos[1].json, "{}");
    assert_string_equal(infos[3].operation, "CREATE TABLE");
    assert_ok(fixture,
              sl_delta_history(fixture->folder, 2, &fixture->arena, &infos, &count, &fixture->err));
    assert_int_equal(count, 2);
    make_checkpoint(fixture, 2);
    drop_commit(fixture, 0);
    drop_commit(fixture, 1);
    assert_ok(fixture,
              sl_delta_history(fixture->folder, 0, &fixture->arena, &infos, &count, &fixture->err));
    assert_int_equal(count, 2);
}

static void a_time_picks_the_version_of_then(void **state)
{
    static const struct {
        int64_t time_ms, version; // -1: an error
    } cases[] = {{999, -1}, {1000, 0}, {1999, 0}, {2000, 1}, {3500, 2}, {999999, 3}};
    struct fixture *fixture = *state;
    int64_t version = -7;

    assert_fails(fixture, SL_E_TABLE_MISSING,
                 sl_delta_version_at(fixture->folder, 1000, &version, &fixture->err));
    write_versions(fixture, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = sl_delta_version_at(fixture->folder, cases[i].time_ms, &version, &fixture->err);

        assert_int_equal(code, cases[i].version < 0 ? SL_E_TABLE_VERSION : SL_OK);
        if (code == SL_OK)
            assert_int_equal(version, cases[i].version);
    }
}

static void a_clock_that_goes_back_makes_no_version_older(void **state)
{
    struct fixture *fixture = *state;
    int64_t version = -7;

    write_versions(fixture, 3);
    write_commit(fixture, 2, info(fixture, 500, ""));
    assert_ok(fixture, sl_delta_version_at(fixture->folder, 1500, &version, &fixture->err));
    assert_int_equal(version, 0);
    assert_ok(fixture, sl_delta_version_at(fixture->folder, 2000, &version, &fixture->err));
    assert_int_equal(version, 2);
}

static void versions_before_the_oldest_checkpoint_cannot_be_picked(void **state)
{
    struct fixture *fixture = *state;
    int64_t version = -7;

    write_versions(fixture, 4);
    make_checkpoint(fixture, 2);
    drop_commit(fixture, 0);
    assert_fails(fixture, SL_E_TABLE_VERSION,
                 sl_delta_version_at(fixture->folder, 2500, &version, &fixture->err));
    assert_ok(fixture, sl_delta_version_at(fixture->folder, 3500, &version, &fixture->err));
    assert_int_equal(version, 2);
    drop_commit(fixture, 1);
    drop_commit(fixture, 2);
    assert_ok(fixture, sl_delta_version_at(fixture->folder, 4500, &version, &fixture->err));
    assert_int_equal(version, 3);
    assert_fails(fixture, SL_E_TABLE_VERSION,
                 sl_delta_version_at(fixture->folder, 3500, &version, &fixture->err));
}

static const char *paths(struct fixture *fixture, const struct sl_delta_file *files, size_t count)
{
    const char *text = "";

    for (size_t i = 0; i < count; i++)
        text = sl_arena_printf(&fixture->arena, "%s%s%s", text, i ? " " : "", files[i].path);
    return text;
}

#define REMOVE(path) "{\"remove\":{\"path\":\"" path "\",\"dataChange\":true}}\n"

// A table whose versions add and remove files a to f.
static void write_changing(struct fixture *fixture)
{
    write_commit(fixture, 0, first_commit(fixture, false));
    write_commit(
        fixture, 1,
        join(fixture, add_action(fixture, "b", NULL, 1), add_action(fixture, "a", NULL, 1)));
    write_commit(fixture, 2, join(fixture, add_action(fixture, "c", NULL, 1), REMOVE("a")));
    write_commit(fixture, 3, join(fixture, add_action(fixture, "d", NULL, 1), REMOVE("c")));
    write_commit(fixture, 4, add_action(fixture, "b", NULL, 5)); // only its statistics change
    write_commit(fixture, 5,
                 join(fixture, add_action(fixture, "a", NULL, 1), first_commit(fixture, false)));
}

static void check_changes(struct fixture *fixture)
{
    static const struct {
        int64_t from, to;
        const char *added, *removed;
        size_t kept;
        bool schema_changed;
    } cases[] = {
        {-1, 1, "a b", "", 0, true}, {-1, -1, "a b d", "", 0, true}, {0, 1, "a b", "", 0, false},
        {1, 2, "c", "a", 1, false},  {1, 3, "d", "a", 1, false},     {2, 3, "d", "c", 1, false},
        {3, 4, "", "", 2, false},    {3, 3, "", "", 2, false},       {1, 5, "d", "", 2, true},
        {2, 5, "a d", "c", 1, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_delta_changes changes;

        assert_ok(fixture,
                  sl_delta_changes(fixture->folder, cases[i].from, cases[i].to, fixture->session,
                                   &fixture->arena, &changes, &fixture->err));
        assert_string_equal(paths(fixture, changes.added, changes.added_count), cases[i].added);
        assert_string_equal(paths(fixture, changes.removed, changes.removed_count),
                            cases[i].removed);
        assert_int_equal(changes.kept_count, cases[i].kept);
        assert_int_equal(changes.schema_changed, cases[i].schema_changed);
    }
}

static void changes_between_versions_are_the_net_of_the_commits(void **state)
{
    struct fixture *fixture = *state;

    write_changing(fixture);
    check_changes(fixture);
    make_checkpoint(fixture, 2);
    make_checkpoint(fixture, 4);
    check_changes(fixture);
}

static void removed_files_tell_all_that_their_add_told(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_changes changes;

    write_changing(fixture);
    assert_ok(fixture, sl_delta_changes(fixture->folder, 1, 2, NULL, &fixture->arena, &changes,
                                        &fixture->err));
    assert_int_equal(changes.removed[0].row_count, 1);
    assert_string_equal(changes.removed[0].tags_json, "{\"k\":\"v\"}");
}

static void changes_over_a_gap_come_from_both_snapshots(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_changes changes;

    write_changing(fixture);
    make_checkpoint(fixture, 1);
    make_checkpoint(fixture, 3);
    drop_commit(fixture, 0);
    drop_commit(fixture, 2);
    assert_ok(fixture, sl_delta_changes(fixture->folder, 1, 4, fixture->session, &fixture->arena,
                                        &changes, &fixture->err));
    assert_string_equal(paths(fixture, changes.added, changes.added_count), "d");
    assert_string_equal(paths(fixture, changes.removed, changes.removed_count), "a");
    assert_int_equal(changes.kept_count, 1);
    assert_false(changes.schema_changed);
}

static void changes_that_cannot_be_known_are_errors(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_changes changes;

    assert_fails(
        fixture, SL_E_TABLE_MISSING,
        sl_delta_changes(fixture->folder, 0, 1, NULL, &fixture->arena, &changes, &fixture->err));
    write_changing(fixture);
    assert_fails(
        fixture, SL_E_TABLE_VERSION,
        sl_delta_changes(fixture->folder, 4, 3, NULL, &fixture->arena, &changes, &fixture->err));
    assert_fails(
        fixture, SL_E_TABLE_VERSION,
        sl_delta_changes(fixture->folder, 4, 9, NULL, &fixture->arena, &changes, &fixture->err));
    make_checkpoint(fixture, 3);
    drop_commit(fixture, 0);
    assert_fails(fixture, SL_E_TABLE_VERSION,
                 sl_delta_changes(fixture->folder, 1, 5, fixture->session, &fixture->arena,
                                  &changes, &fixture->err));
    assert_says(fixture, "has versions 3 to 5, not 1");
    write_commit(fixture, 5, "{\"protocol\":{\"minReaderVersion\":9,\"minWriterVersion\":9}}");
    assert_fails(fixture, SL_E_TABLE_FEATURE,
                 sl_delta_changes(fixture->folder, 3, 5, fixture->session, &fixture->arena,
                                  &changes, &fixture->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_head_of_no_table_is_minus_one),
        TEST(the_head_finds_the_last_record_behind_foreign_commits),
        TEST(the_head_ends_where_the_log_was_cleaned),
        TEST(the_head_of_a_damaged_log_is_an_error),
        TEST(the_head_tells_who_else_changed_rows),
        TEST(the_head_of_a_log_with_an_empty_commit_is_an_error),
        TEST(the_history_is_newest_first),
        TEST(a_time_picks_the_version_of_then),
        TEST(a_clock_that_goes_back_makes_no_version_older),
        TEST(versions_before_the_oldest_checkpoint_cannot_be_picked),
        TEST(changes_between_versions_are_the_net_of_the_commits),
        TEST(removed_files_tell_all_that_their_add_told),
        TEST(changes_over_a_gap_come_from_both_snapshots),
        TEST(changes_that_cannot_be_known_are_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
