// Files whose content the raw table has already, under another name or another time.
#include "source_lake.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void move(struct source_lake *lake, const char *from, const char *to)
{
    assert_int_equal(rename(source_lake_path(lake, from), source_lake_path(lake, to)), 0);
}

// Nothing is left to do, and nothing is read to find that out.
static void must_be_settled(struct source_lake *lake)
{
    int64_t version = source_lake_snapshot(lake).version;
    int starts = source_hooks.starts;
    struct sl_pending pending = source_lake_pending(lake);

    assert_int_equal(pending.new_files + pending.changed_files, 0);
    assert_int_equal(pending.renamed.count, 0);
    source_lake_must(lake, SL_STEP_NOTHING);
    assert_int_equal(source_lake_snapshot(lake).version, version);
    assert_int_equal(source_hooks.starts, starts);
}

// The step renames, reads nothing, and leaves every row as it is.
static void must_only_rename(struct source_lake *lake, size_t count)
{
    int64_t version = source_lake_snapshot(lake).version;
    const char *rows = source_lake_rows(lake);
    struct sl_delta_changes changes;
    int starts = source_hooks.starts;
    struct sl_pending pending = source_lake_pending(lake);

    assert_int_equal(pending.new_files + pending.changed_files + pending.vanished_files, 0);
    assert_int_equal(pending.renamed.count, count);
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(lake->result.notes.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(lake->result.notes.items[i], pending.renamed.items[i]);
    assert_string_equal(lake->result.why, sl_arena_printf(&lake->arena, "%zu renamed file%s", count,
                                                          count == 1 ? "" : "s"));
    assert_int_equal(lake->result.version_count, 0);
    assert_int_equal(source_hooks.starts, starts);
    assert_string_equal(source_lake_rows(lake), rows);
    assert_int_equal(source_lake_snapshot(lake).version, version + 1);
    assert_int_equal(sl_delta_changes(source_lake_snapshot(lake).folder, version, version + 1,
                                      lake->session, &lake->arena, &changes, &lake->err),
                     SL_OK);
    assert_int_equal(changes.added_count + changes.removed_count, 0);
    assert_false(changes.schema_changed);
    must_be_settled(lake);
}

static void a_renamed_file_keeps_its_rows(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n2\n");
    source_lake_put(lake, "z.csv", "id\n9\n");
    source_lake_must(lake, SL_STEP_DONE);
    move(lake, "a.csv", "b.csv");
    assert_string_equal(source_lake_pending(lake).renamed.items[0], "data/a.csv is now data/b.csv");
    must_only_rename(lake, 1);
    assert_string_equal(source_lake_rows(lake),
                        "1|data/a.csv|2|-\n2|data/a.csv|3|-\n9|data/z.csv|2|-\n");
    move(lake, "b.csv", "c.csv");
    must_only_rename(lake, 1);
    // Back again.
    move(lake, "c.csv", "a.csv");
    must_only_rename(lake, 1);
    assert_null(strstr(source_lake_snapshot(lake).files[0].tags_json, "received_as"));
    assert_null(strstr(source_lake_snapshot(lake).files[1].tags_json, "received_as"));
}

static void a_changed_file_replaces_its_rows_under_whatever_name_they_came(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_must(lake, SL_STEP_DONE);
    move(lake, "a.csv", "b.csv");
    must_only_rename(lake, 1);
    source_lake_put(lake, "b.csv", "id\n2\n");
    assert_int_equal(source_lake_pending(lake).changed_files, 1);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "2|data/b.csv|2|-\n");
    must_be_settled(lake);
    // Gone and back, with other content, it is two files: the old rows have no file.
    source_lake_remove(lake, "b.csv");
    source_lake_put(lake, "c.csv", "id\n3\n");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "2|data/b.csv|2|-\n3|data/c.csv|2|-\n");
}

static void files_that_are_there_at_once_count_each(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_touch(lake, "a.csv");
    source_lake_put(lake, "b.csv", "id\n1\n");
    assert_int_equal(source_lake_pending(lake).new_files, 1);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n1|data/b.csv|2|-\n");
    must_be_settled(lake);
    // One goes under another name and one comes.
    move(lake, "a.csv", "c.csv");
    source_lake_put(lake, "d.csv", "id\n1\n");
    assert_int_equal(source_lake_pending(lake).new_files, 1);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(lake->result.why, "1 new file, 1 renamed");
    assert_string_equal(source_lake_rows(lake),
                        "1|data/a.csv|2|-\n1|data/b.csv|2|-\n1|data/d.csv|2|-\n");
    must_be_settled(lake);
    // What comes at another time is another delivery, though it has what one that is gone had.
    source_lake_remove(lake, "b.csv");
    must_be_settled(lake);
    source_lake_put(lake, "e.csv", "id\n1\n");
    assert_int_equal(source_lake_pending(lake).new_files, 1);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n1|data/b.csv|2|-\n"
                                                "1|data/d.csv|2|-\n1|data/e.csv|2|-\n");
}

static void files_that_change_places_are_not_read(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "log", "id\n1\n");
    source_lake_put(lake, "log.1", "id\n2\n");
    lake->source.format = SL_FORMAT_CSV;
    source_lake_must(lake, SL_STEP_DONE);
    move(lake, "log.1", "log.2");
    move(lake, "log", "log.1");
    must_only_rename(lake, 2);
    move(lake, "log.1", "x");
    move(lake, "log.2", "log.1");
    move(lake, "x", "log.2");
    must_only_rename(lake, 2);
    assert_string_equal(source_lake_rows(lake), "1|data/log|2|-\n2|data/log.1|2|-\n");
}

static void a_new_file_under_an_old_name_is_told_from_the_old_one(void **state)
{
    struct source_lake *lake = *state;

    lake->source.format = SL_FORMAT_CSV;
    source_lake_put(lake, "log", "id\n1\n");
    source_lake_put(lake, "log.1", "id\n2\n");
    source_lake_put(lake, "log.0", "id\n");
    source_lake_must(lake, SL_STEP_DONE);
    move(lake, "log.1", "log.2");
    move(lake, "log", "log.1");
    must_only_rename(lake, 2);
    source_lake_remove(lake, "log.2");
    source_lake_put(lake, "log", "id\n3\n");
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(lake->result.balance.in, 1);
    assert_string_equal(source_lake_rows(lake),
                        "3|data/log|2|-\n1|data/log.1|2|-\n2|data/log.2|2|-\n");
    must_be_settled(lake);
    // In one go, too; and of a file without rows.
    move(lake, "log.1", "log.2");
    move(lake, "log", "log.1");
    source_lake_put(lake, "log", "id\n4\n");
    move(lake, "log.0", "log.9");
    source_lake_put(lake, "log.0", "id\n5\n");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "4|data/log|2|-\n5|data/log.0|2|-\n"
                                                "3|data/log.1|2|-\n1|data/log.2|2|-\n");
    must_be_settled(lake);
}

static void a_file_moved_over_another_takes_its_place(void **state)
{
    struct source_lake *lake = *state;
    int starts;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    source_lake_must(lake, SL_STEP_DONE);
    starts = source_hooks.starts;
    move(lake, "a.csv", "b.csv");
    assert_int_equal(source_lake_pending(lake).changed_files, 1);
    assert_int_equal(source_lake_pending(lake).renamed.count, 1);
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(lake->result.version_count, 1);
    assert_int_equal(source_hooks.starts, starts);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n");
    must_be_settled(lake);
}

static void what_would_be_read_otherwise_is_read_anew(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\tname\n1\tx\n");
    source_lake_must(lake, SL_STEP_DONE);
    move(lake, "a.csv", "a.tsv");
    assert_int_equal(source_lake_pending(lake).new_files, 1);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_query(lake, "select count(*) from raw.orders"), "2");
    must_be_settled(lake);
}

static void a_link_whose_first_name_goes_away_is_the_file_still(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    assert_int_equal(link(source_lake_path(lake, "a.csv"), source_lake_path(lake, "b.csv")), 0);
    assert_int_equal(symlink("b.csv", source_lake_path(lake, "c.csv")), 0);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n");
    source_lake_remove(lake, "a.csv");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(lake->result.notes.items[1], "data/a.csv is now data/b.csv");
    source_lake_remove(lake, "c.csv");
    must_be_settled(lake);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n");
}

static void built_anew_rows_have_the_names_of_now(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    source_lake_must(lake, SL_STEP_DONE);
    move(lake, "a.csv", "c.csv");
    lake->context.full_refresh = true;
    source_lake_must(lake, SL_STEP_DONE);
    assert_true(lake->result.was_full);
    assert_string_equal(source_lake_rows(lake), "2|data/b.csv|2|-\n1|data/c.csv|2|-\n");
    lake->context.full_refresh = false;
    must_be_settled(lake);
}

static void names_are_kept_though_other_files_fail(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_must(lake, SL_STEP_DONE);
    move(lake, "a.csv", "b.csv");
    source_lake_put(lake, "bad.csv", "id,id\n1,2\n");
    source_lake_must(lake, SL_STEP_PARTIAL);
    assert_int_equal(lake->result.version_count, 0);
    source_lake_remove(lake, "bad.csv");
    must_be_settled(lake);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n");
}

static void names_outlive_another_program_that_rewrites_the_files(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_put(lake, "z.csv", "id\n9\n");
    source_lake_must(lake, SL_STEP_DONE);
    move(lake, "a.csv", "b.csv");
    must_only_rename(lake, 1);
    source_lake_rewrite(lake, "select * from raw.orders");
    must_be_settled(lake);
    assert_int_equal(lake->result.notes.count, 0);
    // Also after more came, under the name of before.
    source_lake_put(lake, "a.csv", "id\n3\n");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake),
                        "3|data/a.csv|2|-\n1|data/b.csv|2|-\n9|data/z.csv|2|-\n");
    must_be_settled(lake);
    source_lake_remove(lake, "b.csv");
    source_lake_remove(lake, "z.csv");
    source_lake_must(lake, SL_STEP_NOTHING);
    assert_int_equal(lake->result.notes.count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, source_lake_setup, source_lake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_renamed_file_keeps_its_rows),
        TEST(a_changed_file_replaces_its_rows_under_whatever_name_they_came),
        TEST(files_that_are_there_at_once_count_each),
        TEST(files_that_change_places_are_not_read),
        TEST(a_new_file_under_an_old_name_is_told_from_the_old_one),
        TEST(a_file_moved_over_another_takes_its_place),
        TEST(what_would_be_read_otherwise_is_read_anew),
        TEST(a_link_whose_first_name_goes_away_is_the_file_still),
        TEST(built_anew_rows_have_the_names_of_now),
        TEST(names_are_kept_though_other_files_fail),
        TEST(names_outlive_another_program_that_rewrites_the_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
