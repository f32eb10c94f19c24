#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int commit(struct fixture *fixture, const struct sl_delta_commit *commit)
{
    int64_t version = -7;
    bool is_skipped = false;
    int code = sl_delta_commit(fixture->folder, commit, NULL, &fixture->arena, &version,
                               &is_skipped, &fixture->err);

    if (code != SL_OK) // outputs stay untouched
        assert_true(version == -7 && !is_skipped);
    return code;
}

static struct sl_delta_commit *append(struct fixture *fixture, int64_t base, const char *path)
{
    return new_commit(fixture, SL_DELTA_APPEND, base, path, NULL);
}

// Line `number` (from 0) of a commit, parsed.
static json_t *line_of(struct fixture *fixture, int64_t version, int number)
{
    const char *text = read_commit(fixture, version);
    json_t *json = NULL;

    for (; number > 0; number--)
        text = strchr(text, '\n') + 1;
    assert_ok(fixture, sl_json_parse(text, strcspn(text, "\n"), "line", &json, &fixture->err));
    return json;
}

static void the_first_commit_makes_the_table(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_commit *first = append(fixture, -1, "data/x y.parquet");
    const char *tags[] = {"{\"source\":\n\"a.csv\"}"};
    struct sl_delta_snapshot snapshot;
    SL_AUTO(sl_json_free) json_t *info = NULL;
    SL_AUTO(sl_json_free) json_t *add = NULL;
    const json_t *body;

    first->tags_json = tags;
    first->app_id = "ingest x";
    first->app_version = 4;
    first->description = "Orders";
    assert_int_equal(commit_ok(fixture, first), 0);
    info = line_of(fixture, 0, 0);
    body = json_object_get(info, "commitInfo");
    assert_string_equal(sl_json_text(body, "operation", ""), "WRITE");
    assert_string_equal(sl_json_text(body, "engineInfo", ""), "Sluice/" SL_VERSION);
    assert_true(sl_json_bool(body, "isBlindAppend", false));
    assert_true(sl_json_int(body, "timestamp", 0) > 1000000);
    assert_string_equal(sl_json_text(json_object_get(body, "operationParameters"), "mode", ""),
                        "Append");
    assert_string_equal(
        sl_json_text(json_object_get(body, "operationMetrics"), "numOutputRows", ""), "3");
    assert_int_equal(sl_json_int(json_object_get(body, "sluice"), "sequence", 0), 1);
    assert_non_null(strstr(read_commit(fixture, 0),
                           "\n{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"));
    assert_non_null(strstr(read_commit(fixture, 0), "\"description\":\"Orders\""));
    add = line_of(fixture, 0, 4);
    body = json_object_get(add, "add");
    assert_string_equal(sl_json_text(body, "path", ""), "data/x%20y.parquet");
    assert_true(sl_json_bool(body, "dataChange", false));
    assert_ok(fixture,
              sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &snapshot, &fixture->err));
    assert_string_equal(snapshot.files[0].path, "data/x y.parquet");
    assert_string_equal(snapshot.files[0].tags_json, "{\"source\":\"a.csv\"}");
    assert_int_equal(snapshot.row_count, 3);
    assert_int_equal(snapshot.size_bytes, 4);
    assert_int_equal(sl_delta_txn_find(&snapshot, "ingest x")->version, 4);
}

static void staged_files_may_lie_in_a_folder_of_their_own(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_commit *first = append(fixture, -1, "data/run-1/p=1/x");

    first->staged_folder = "data/run-1";
    first->staged->files[0].path = "p=1/x";
    assert_int_equal(commit_ok(fixture, first), 0);
    assert_string_equal(live_files(fixture), "data/run-1/p=1/x");
}

static void files_may_share_folders(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_commit *first = append(fixture, -1, "data/p=1/x");
    struct sl_staged_file files[3] = {{.path = "p=1/x"}, {.path = "p=1/y"}, {.path = "p=2/z"}};
    struct sl_staged staged = {.files = files, .file_count = 3};

    (void)append(fixture, -1, "data/p=1/y");
    (void)append(fixture, -1, "data/p=2/z");
    first->staged_folder = "data";
    first->staged = &staged;
    assert_int_equal(commit_ok(fixture, first), 0);
    assert_string_equal(live_files(fixture), "data/p=1/x data/p=1/y data/p=2/z");
}

static void a_commit_without_files_still_carries_its_record(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_commit *empty = append(fixture, -1, "x");
    struct sl_delta_snapshot snapshot;
    struct sl_delta_head head;

    empty->staged = NULL;
    assert_int_equal(commit_ok(fixture, empty), 0);
    assert_ok(fixture,
              sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &snapshot, &fixture->err));
    assert_ok(fixture, sl_delta_head(fixture->folder, &fixture->arena, &head, &fixture->err));
    assert_string_equal(head.record_json,
                        sl_arena_printf(&fixture->arena,
                                        "{\"step\":\"test\",\"sequence\":1,\"table_id\":\"%s\"}",
                                        snapshot.table_id));
    assert_string_equal(head.table_id, snapshot.table_id);
    empty->base_version = 0;
    empty->record_json = NULL;
    assert_int_equal(commit_ok(fixture, empty), 1);
    assert_ok(fixture, sl_delta_head(fixture->folder, &fixture->arena, &head, &fixture->err));
    assert_int_equal(head.record_version, 0);
}

static void each_mode_leaves_the_files_it_says(void **state)
{
    const char *const replaced_values[] = {"2024-01-02"};
    const char *const *const replaced[] = {replaced_values};
    const char *const removed[] = {"c", "d"};
    struct fixture *fixture = *state;
    struct sl_delta_commit *next;

    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_APPEND, -1, "a", "2024-01-01"));
    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_APPEND, 0, "b", "2024-01-02"));
    assert_string_equal(live_files(fixture), "a b");
    next = new_commit(fixture, SL_DELTA_PARTITIONS, 1, "c", "2024-01-02");
    next->replaced = replaced;
    next->replaced_count = 1;
    (void)commit_ok(fixture, next);
    assert_string_equal(live_files(fixture), "a c");
    assert_non_null(
        strstr(read_commit(fixture, 2), "{\"remove\":{\"path\":\"b\",\"deletionTimestamp\":"));
    assert_non_null(strstr(read_commit(fixture, 2),
                           "\"dataChange\":true,\"extendedFileMetadata\":true,\"partitionValues\":"
                           "{\"day\":\"2024-01-02\"},\"size\":4}}"));
    assert_non_null(strstr(read_commit(fixture, 2), "\"partitionBy\":\"[\\\"day\\\"]\""));
    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_APPEND, 2, "d", "2024-01-04"));
    next = new_commit(fixture, SL_DELTA_REWRITE, 3, "e", "2024-01-05");
    next->removed = removed;
    next->removed_count = 2;
    (void)commit_ok(fixture, next);
    assert_string_equal(live_files(fixture), "a e");
    assert_non_null(strstr(read_commit(fixture, 4), "\"isBlindAppend\":false"));
    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_REPLACE, 4, "f", "2024-01-06"));
    assert_string_equal(live_files(fixture), "f");
}

static void a_table_goes_back_to_what_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_commit *next;
    struct sl_delta_snapshot then, now;

    (void)commit_ok(fixture, append(fixture, -1, "a"));
    (void)commit_ok(fixture, append(fixture, 0, "b"));
    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_REPLACE, 1, "c", "2024-01-02"));
    assert_string_equal(live_files(fixture), "c");
    assert_ok(fixture,
              sl_delta_load(fixture->folder, 1, NULL, &fixture->arena, &then, &fixture->err));
    next = append(fixture, 2, "x");
    next->mode = SL_DELTA_RESTORE;
    next->staged = NULL;
    next->restored = &then;
    next->columns = then.columns;
    next->column_count = then.column_count;
    next->partition_columns = then.partition_columns;
    next->partition_count = then.partition_count;
    assert_int_equal(commit_ok(fixture, next), 3);
    assert_string_equal(live_files(fixture), "a b");
    assert_ok(fixture,
              sl_delta_load(fixture->folder, 3, NULL, &fixture->arena, &now, &fixture->err));
    assert_string_equal(now.schema_json, then.schema_json);
    assert_string_equal(now.table_id, then.table_id);
    assert_int_equal(now.partition_count, then.partition_count);
    for (size_t i = 0; i < now.file_count; i++)
        assert_string_equal(now.files[i].add_json, then.files[i].add_json);
    // Others that changed rows meanwhile are not overrun.
    (void)commit_ok(fixture, append(fixture, 3, "d"));
    next->base_version = 3;
    next->app_version++;
    assert_fails(fixture, SL_E_TABLE_CONFLICT, commit(fixture, next));
    assert_string_equal(live_files(fixture), "a b d");
}

static void compaction_says_that_no_row_changed(void **state)
{
    const char *const removed[] = {"a"};
    struct fixture *fixture = *state;
    struct sl_delta_commit *next;

    (void)commit_ok(fixture, append(fixture, -1, "a"));
    next = new_commit(fixture, SL_DELTA_REWRITE, 0, "b", NULL);
    next->operation = "OPTIMIZE";
    next->removed = removed;
    next->removed_count = 1;
    (void)commit_ok(fixture, next);
    assert_null(strstr(read_commit(fixture, 1), "\"dataChange\":true"));
}

static void files_get_other_tags_and_stay_as_they_are(void **state)
{
    const char *const files[] = {"x y"};
    const char *const gone[] = {"c"};
    const char *const tags[] = {"{\"name\":\"b.csv\"}"};
    const char *const first_tags[] = {"{\"name\":\"a.csv\"}"};
    struct fixture *fixture = *state;
    struct sl_delta_commit *next = append(fixture, -1, "x y");
    struct sl_delta_snapshot before;
    struct sl_delta_snapshot after;
    struct sl_delta_changes changes;

    next->tags_json = first_tags;
    (void)commit_ok(fixture, next);
    assert_ok(fixture,
              sl_delta_load(fixture->folder, 0, NULL, &fixture->arena, &before, &fixture->err));
    next = append(fixture, 0, "x y");
    next->staged = NULL;
    next->retagged = files;
    next->retags_json = tags;
    next->retagged_count = 1;
    assert_int_equal(commit_ok(fixture, next), 1);
    assert_null(strstr(read_commit(fixture, 1), "\"dataChange\":true"));
    assert_non_null(strstr(read_commit(fixture, 1), "\"isBlindAppend\":false"));
    assert_ok(fixture,
              sl_delta_load(fixture->folder, 1, NULL, &fixture->arena, &after, &fixture->err));
    assert_int_equal(after.file_count, 1);
    assert_string_equal(after.files[0].tags_json, tags[0]);
    assert_string_equal(before.files[0].tags_json, first_tags[0]);
    assert_string_equal(after.files[0].stats_json, before.files[0].stats_json);
    assert_int_equal(after.row_count, before.row_count);
    assert_ok(fixture, sl_delta_changes(fixture->folder, 0, 1, NULL, &fixture->arena, &changes,
                                        &fixture->err));
    assert_int_equal(changes.added_count + changes.removed_count, 0);
    assert_int_equal(changes.kept_count, 1);
    // What another writer has taken out does not come back by it.
    next->retagged = gone;
    assert_fails(fixture, SL_E_TABLE_CONFLICT, commit(fixture, next));
    assert_says(fixture, "file 'c' to be described anew is gone");
}

static void a_commit_that_was_done_is_skipped(void **state)
{
    static const struct {
        const char *app_id;
        int64_t app_version;
        bool is_skipped;
    } cases[] = {{"step", 5, true}, {"step", 4, true}, {"other", 5, false}, {"step", 6, false}};
    struct fixture *fixture = *state;
    struct sl_delta_commit *first = append(fixture, -1, "a");
    int64_t last;

    first->app_id = "step";
    first->app_version = 5;
    last = commit_ok(fixture, first);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        // The base of a step that was killed after its commit is the one before it.
        struct sl_delta_commit *again =
            append(fixture, cases[i].is_skipped ? -1 : last, cases[i].is_skipped ? "a" : "b");
        int64_t version = -7;
        bool is_skipped = !cases[i].is_skipped;

        again->app_id = cases[i].app_id;
        again->app_version = cases[i].app_version;
        again->staged->files[0].path = sl_arena_printf(&fixture->arena, "f%zu", i);
        assert_ok(fixture, sl_fs_write(sl_path_join(&fixture->arena, fixture->folder,
                                                    again->staged->files[0].path),
                                       "x", 1, &fixture->err));
        assert_ok(fixture, sl_delta_commit(fixture->folder, again, NULL, &fixture->arena, &version,
                                           &is_skipped, &fixture->err));
        assert_int_equal(is_skipped, cases[i].is_skipped);
        last += !is_skipped;
        assert_int_equal(version, last);
    }
    assert_int_equal(last, 2);
}

// Another writer's version 1, then a commit based on version 0.
static void conflicts_are_found_and_all_else_is_rebased(void **state)
{
    static const char *const values[] = {"2024-01-01"};
    static const char *const *const replaced[] = {values};
    static const char *const removed[] = {"a"};
    static const struct {
        const char *winner; // NULL: metaData
        enum sl_delta_mode mode;
        const char *says; // NULL: no conflict
    } cases[] = {
#define ADD(path, day, change)                                            \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{\"day\":\"" day \
    "\"},\"size\":1,\"modificationTime\":1,\"dataChange\":" change "}}"
#define GONE(path, rest) "{\"remove\":{\"path\":\"" path "\",\"dataChange\":true" rest "}}"
        {ADD("w", "2024-01-01", "true"), SL_DELTA_APPEND, NULL},
        {GONE("a", ""), SL_DELTA_APPEND, NULL},
        {NULL, SL_DELTA_APPEND, "changed the schema"},
        {"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}", SL_DELTA_APPEND,
         "changed the protocol"},
        {"{\"txn\":{\"appId\":\"a\",\"version\":1}}", SL_DELTA_REPLACE, NULL},
        {"{\"new\":{}}\n{\"domainMetadata\":{\"domain\":\"d\"}}", SL_DELTA_REPLACE, NULL},
        {ADD("w", "2024-01-01", "true"), SL_DELTA_REPLACE, "changed rows of the table"},
        {GONE("a", ""), SL_DELTA_REPLACE, "changed rows of the table"},
        {ADD("w", "2024-01-01", "false"), SL_DELTA_REPLACE, NULL},
        {NULL, SL_DELTA_REPLACE, "changed the schema"},
        {ADD("w", "2024-01-01", "true"), SL_DELTA_PARTITIONS, "changed a partition"},
        {ADD("w", "2024-01-01", "false"), SL_DELTA_PARTITIONS, NULL},
        {ADD("w", "2024-01-02", "true"), SL_DELTA_PARTITIONS, NULL},
        {GONE("a", ",\"partitionValues\":{\"day\":\"2024-01-01\"}"), SL_DELTA_PARTITIONS,
         "changed a partition"},
        {GONE("z", ",\"partitionValues\":{\"day\":\"2024-01-02\"}"), SL_DELTA_PARTITIONS, NULL},
        {GONE("a", ""), SL_DELTA_PARTITIONS, "changed a partition"},
        {NULL, SL_DELTA_PARTITIONS, "changed the schema"},
        {ADD("w", "2024-01-01", "true"), SL_DELTA_REWRITE, NULL},
        {GONE("a", ""), SL_DELTA_REWRITE, "file 'a' to be removed is gone"},
        {NULL, SL_DELTA_REWRITE, "changed the schema"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_delta_commit *next;

        write_commit(fixture, 0,
                     sl_arena_printf(&fixture->arena, "%s%s", first_commit(fixture, true),
                                     add_action(fixture, "a", "2024-01-01", 1)));
        write_commit(fixture, 1,
                     cases[i].winner ? cases[i].winner
                                     : strstr(first_commit(fixture, true), "{\"metaData\""));
        next = new_commit(fixture, cases[i].mode, 0, "n", "2024-01-01");
        next->replaced = replaced;
        next->replaced_count = cases[i].mode == SL_DELTA_PARTITIONS;
        next->removed = removed;
        next->removed_count = cases[i].mode == SL_DELTA_REWRITE;
        if (cases[i].says) {
            assert_fails(fixture, SL_E_TABLE_CONFLICT, commit(fixture, next));
            assert_says(fixture, cases[i].says);
            assert_int_equal(sl_err_fate(&fixture->err), SL_FATE_RETRY);
        } else {
            sl_err_clear(&fixture->err);
            assert_int_equal(commit_ok(fixture, next), 2);
        }
        assert_ok(fixture, sl_fs_remove_tree(fixture->folder, &fixture->err));
    }
}

static void a_table_that_appeared_meanwhile_is_a_conflict_unless_replaced(void **state)
{
    struct fixture *fixture = *state;

    (void)commit_ok(fixture, append(fixture, -1, "a"));
    assert_fails(fixture, SL_E_TABLE_CONFLICT, commit(fixture, append(fixture, -1, "b")));
    assert_int_equal(
        commit_ok(fixture, new_commit(fixture, SL_DELTA_REPLACE, -1, "c", "2024-01-01")), 1);
    assert_string_equal(live_files(fixture), "c");
}

static void a_table_that_went_back_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;

    (void)commit_ok(fixture, append(fixture, -1, "a"));
    assert_fails(fixture, SL_E_TABLE_CONFLICT, commit(fixture, append(fixture, 3, "b")));
    assert_says(fixture, "at version 0, before version 3");
}

static void a_base_whose_commits_are_gone_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    int64_t version;
    bool is_skipped;

    for (int i = 0; i < 4; i++)
        (void)commit_ok(fixture,
                        append(fixture, i - 1, sl_arena_printf(&fixture->arena, "f%d", i)));
    assert_ok(fixture, sl_delta_checkpoint(fixture->folder, 3, fixture->session, &fixture->err));
    for (int i = 0; i < 3; i++)
        assert_ok(fixture,
                  sl_fs_remove(log_file(fixture, sl_arena_printf(&fixture->arena, "%020d.json", i)),
                               &fixture->err));
    assert_fails(fixture, SL_E_TABLE_CONFLICT,
                 sl_delta_commit(fixture->folder, append(fixture, 1, "n"), fixture->session,
                                 &fixture->arena, &version, &is_skipped, &fixture->err));
    assert_says(fixture, "version 2, committed meanwhile, is not in the log any more");
}

static void only_a_replaced_table_may_change_its_columns(void **state)
{
    static const struct sl_column wider[] = {{"extra", "VARCHAR"}, {"id", "BIGINT"}};
    static const struct sl_column other[] = {{"id", "VARCHAR"}};
    struct fixture *fixture = *state;
    struct sl_delta_commit *next;
    struct sl_delta_snapshot snapshot;

    (void)commit_ok(fixture, append(fixture, -1, "a"));
    next = append(fixture, 0, "b");
    next->columns = wider;
    next->column_count = 2;
    (void)commit_ok(fixture, next);
    assert_ok(fixture,
              sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &snapshot, &fixture->err));
    assert_string_equal(snapshot.columns[0].name, "id");
    assert_string_equal(snapshot.columns[1].name, "extra");
    assert_fails(fixture, SL_E_TABLE_SCHEMA, commit(fixture, append(fixture, 1, "c")));
    assert_says(fixture, "column 'extra' of the table is missing");
    next = append(fixture, 1, "d");
    next->mode = SL_DELTA_REPLACE;
    next->columns = other;
    (void)commit_ok(fixture, next);
    assert_ok(fixture,
              sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &snapshot, &fixture->err));
    assert_int_equal(snapshot.column_count, 1);
    assert_string_equal(snapshot.columns[0].type, "VARCHAR");
    // The table stays the same one.
    assert_non_null(strstr(read_commit(fixture, 0), snapshot.table_id));
}

static void metadata_is_written_only_when_it_changes(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_commit *next = append(fixture, -1, "a");

    next->description = "One";
    (void)commit_ok(fixture, next);
    next = append(fixture, 0, "b");
    next->description = "One";
    (void)commit_ok(fixture, next);
    assert_null(strstr(read_commit(fixture, 1), "metaData"));
    next = new_commit(fixture, SL_DELTA_REPLACE, 1, "c", NULL);
    (void)commit_ok(fixture, next);
    assert_null(strstr(read_commit(fixture, 2), "metaData"));
    next = append(fixture, 2, "d");
    next->description = "Two";
    (void)commit_ok(fixture, next);
    assert_non_null(strstr(read_commit(fixture, 3), "\"description\":\"Two\""));
}

static void a_timestamp_without_zone_raises_the_protocol_once(void **state)
{
    static const struct sl_column columns[] = {{"id", "BIGINT"}, {"at", "TIMESTAMP"}};
    struct fixture *fixture = *state;
    struct sl_delta_commit *next;

    (void)commit_ok(fixture, append(fixture, -1, "a"));
    next = append(fixture, 0, "b");
    next->columns = columns;
    next->column_count = 2;
    (void)commit_ok(fixture, next);
    assert_non_null(
        strstr(read_commit(fixture, 1),
               "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
               "\"readerFeatures\":[\"timestampNtz\"],\"writerFeatures\":[\"appendOnly\","
               "\"invariants\",\"timestampNtz\"]}}\n"));
    next = append(fixture, 1, "c");
    next->columns = columns;
    next->column_count = 2;
    (void)commit_ok(fixture, next);
    assert_null(strstr(read_commit(fixture, 2), "protocol"));
    assert_ok(fixture, sl_fs_remove_tree(fixture->folder, &fixture->err));
    next = append(fixture, -1, "d");
    next->columns = columns;
    next->column_count = 2;
    (void)commit_ok(fixture, next);
    assert_non_null(strstr(read_commit(fixture, 0), "\"writerFeatures\":[\"timestampNtz\"]}}\n"));
}

// Tables of other writers, with what they demand in version 1.
static void what_other_writers_demand_is_respected_or_refused(void **state)
{
    static const char *const removed[] = {"a"};
    static const struct {
        const char *protocol, *setting, *column; // the column's metadata
        enum sl_delta_mode mode;
        const char *says; // NULL: fine
    } cases[] = {
#define NEW(features) \
    "3,\"minWriterVersion\":7,\"readerFeatures\":[],\"writerFeatures\":[" features "]"
#define OLDER "1,\"minWriterVersion\":2"
        {NEW("\"appendOnly\",\"domainMetadata\",\"inCommitTimestamp\""), "", "", SL_DELTA_REPLACE,
         NULL},
        {NEW("\"rowTracking\""), "", "", SL_DELTA_APPEND, "writer feature 'rowTracking'"},
        {NEW("\"clustering\""), "", "", SL_DELTA_APPEND, "writer feature 'clustering'"},
        {"1,\"minWriterVersion\":7", "", "", SL_DELTA_APPEND, "does not list its features"},
        {"1,\"minWriterVersion\":8", "", "", SL_DELTA_APPEND, "writer of version 8"},
        {OLDER, "\"delta.appendOnly\":\"true\"", "", SL_DELTA_APPEND, NULL},
        {OLDER, "\"delta.appendOnly\":\"false\"", "", SL_DELTA_REWRITE, NULL},
        {OLDER, "\"delta.appendOnly\":\"true\"", "", SL_DELTA_REWRITE, "delta.appendOnly"},
        {OLDER, "\"delta.appendOnly\":\"true\"", "", SL_DELTA_REPLACE, "delta.appendOnly"},
        {OLDER, "\"delta.enableChangeDataFeed\":\"true\"", "", SL_DELTA_REPLACE, NULL},
        {OLDER, "\"delta.enableChangeDataFeed\":\"True\"", "", SL_DELTA_REWRITE,
         "change data feed"},
        {OLDER, "\"delta.enableInCommitTimestamps\":\"true\"", "", SL_DELTA_APPEND, "in-commit"},
        {OLDER, "\"delta.constraints.x\":\"id > 0\"", "", SL_DELTA_APPEND, "'delta.constraints.x'"},
        {OLDER, "", "\\\"delta.invariants\\\":\\\"x\\\"", SL_DELTA_APPEND, "delta.invariants"},
        {OLDER, "", "\\\"delta.generationExpression\\\":\\\"x\\\"", SL_DELTA_APPEND, "generation"},
        {OLDER, "", "\\\"delta.identity.start\\\":1", SL_DELTA_APPEND, "delta.identity"},
        {OLDER, "", "\\\"CURRENT_DEFAULT\\\":\\\"1\\\"", SL_DELTA_APPEND, "CURRENT_DEFAULT"},
        {OLDER, "", "\\\"comment\\\":\\\"x\\\"", SL_DELTA_APPEND, NULL},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_delta_commit *next;

        write_commit(fixture, 0,
                     sl_arena_printf(
                         &fixture->arena,
                         "{\"protocol\":{\"minReaderVersion\":%s}}\n{\"metaData\":{\"id\":\"i\","
                         "\"format\":{\"provider\":\"parquet\"},\"schemaString\":\"{\\\"type\\\":"
                         "\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"id\\\",\\\"type\\\":"
                         "\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{%s}}]}\","
                         "\"partitionColumns\":[],\"configuration\":{%s}}}\n%s",
                         cases[i].protocol, cases[i].column, cases[i].setting,
                         add_action(fixture, "a", NULL, 1)));
        next = new_commit(fixture, cases[i].mode, 0, "n", NULL);
        next->removed = removed;
        next->removed_count = cases[i].mode == SL_DELTA_REWRITE;
        sl_err_clear(&fixture->err);
        if ((commit(fixture, next) == SL_OK) != !cases[i].says)
            fail_msg("%s %s: %s", cases[i].protocol, cases[i].setting, fixture->err.message);
        if (cases[i].says)
            assert_says(fixture, cases[i].says);
        assert_ok(fixture, sl_fs_remove_tree(fixture->folder, &fixture->err));
    }
}

static void null_partitions_are_kept_apart(void **state)
{
    const char *const null_values[] = {NULL};
    const char *const *const replaced[] = {null_values};
    struct fixture *fixture = *state;
    struct sl_delta_commit *next = new_commit(fixture, SL_DELTA_APPEND, -1, "a", "2024-01-01");
    const char *none[] = {NULL};

    (void)commit_ok(fixture, next);
    next = new_commit(fixture, SL_DELTA_APPEND, 0, "b", "x");
    next->staged->files[0].partition = none;
    (void)commit_ok(fixture, next);
    assert_non_null(strstr(read_commit(fixture, 1), "\"partitionValues\":{\"day\":null}"));
    next = new_commit(fixture, SL_DELTA_PARTITIONS, 1, "c", "x");
    next->staged->files[0].partition = none;
    next->replaced = replaced;
    next->replaced_count = 1;
    (void)commit_ok(fixture, next);
    assert_string_equal(live_files(fixture), "a c");
}

static void mistakes_of_the_caller_are_refused(void **state)
{
    static const char *const other[] = {"id"};
    static const char *const unknown[] = {"nope"};
    static const struct sl_column blob[] = {{"day", "BLOB"}, {"id", "BIGINT"}};
    static const char *bad_json[] = {"{\"torn"};
    static const char *const gone[] = {"never was"};
    struct fixture *fixture = *state;
    struct sl_delta_commit *next = new_commit(fixture, SL_DELTA_APPEND, -1, "a", "2024-01-01");

    next->partition_columns = unknown;
    assert_fails(fixture, SL_E_TABLE_SCHEMA, commit(fixture, next));
    assert_says(fixture, "no column 'nope' to partition it by");
    next = new_commit(fixture, SL_DELTA_APPEND, -1, "a", "2024-01-01");
    next->columns = blob;
    assert_fails(fixture, SL_E_TABLE_SCHEMA, commit(fixture, next));
    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_APPEND, -1, "a", "2024-01-01"));
    next = new_commit(fixture, SL_DELTA_APPEND, 0, "b", "2024-01-01");
    next->partition_columns = other;
    assert_fails(fixture, SL_E_TABLE_SCHEMA, commit(fixture, next));
    assert_says(fixture, "partitioned by other columns");
    next = new_commit(fixture, SL_DELTA_APPEND, 0, "b", "");
    assert_fails(fixture, SL_E_TABLE_SCHEMA, commit(fixture, next));
    next = new_commit(fixture, SL_DELTA_APPEND, 0, "b", "2024-01-01");
    next->staged->files[0].partition = NULL;
    assert_fails(fixture, SL_E_INTERNAL, commit(fixture, next));
    next = new_commit(fixture, SL_DELTA_APPEND, 0, "a", "2024-01-01");
    assert_fails(fixture, SL_E_INTERNAL, commit(fixture, next));
    assert_says(fixture, "file 'a' is in the table already");
    next = new_commit(fixture, SL_DELTA_PARTITIONS, 0, "b", "2024-01-01");
    assert_fails(fixture, SL_E_INTERNAL, commit(fixture, next));
    assert_says(fixture, "in a partition that is not replaced");
    next = new_commit(fixture, SL_DELTA_PARTITIONS, 0, "b", "not a day");
    assert_fails(fixture, SL_E_TABLE_SCHEMA, commit(fixture, next));
    next = new_commit(fixture, SL_DELTA_APPEND, 0, "b", "2024-01-01");
    next->tags_json = bad_json;
    assert_fails(fixture, SL_E_JSON_SYNTAX, commit(fixture, next));
    next = new_commit(fixture, SL_DELTA_APPEND, 0, "b", "2024-01-01");
    next->record_json = bad_json[0];
    assert_fails(fixture, SL_E_JSON_SYNTAX, commit(fixture, next));
    next = new_commit(fixture, SL_DELTA_REWRITE, 0, "b", "2024-01-01");
    next->removed = gone;
    next->removed_count = 1;
    assert_fails(fixture, SL_E_TABLE_CONFLICT, commit(fixture, next));
    next = new_commit(fixture, SL_DELTA_APPEND, 0, "b", "2024-01-01");
    assert_ok(fixture,
              sl_fs_remove(sl_path_join(&fixture->arena, fixture->folder, "b"), &fixture->err));
    assert_fails(fixture, SL_E_FILE_MISSING, commit(fixture, next));
    assert_string_equal(live_files(fixture), "a");
}

static void write_rivals(struct fixture *fixture)
{
    write_commit(fixture, 2, add_action(fixture, "rival-1", NULL, 1));
    write_commit(fixture, 3, add_action(fixture, "rival-2", NULL, 1));
}

static void write_rival_schema(struct fixture *fixture)
{
    write_commit(fixture, 2, first_commit(fixture, false));
}

static void write_own_again(struct fixture *fixture)
{
    write_commit(fixture, 2, "{\"txn\":{\"appId\":\"step\",\"version\":9}}");
}

static void write_torn(struct fixture *fixture)
{
    write_commit(fixture, 2, "{\"torn");
}

static void write_newer_protocol(struct fixture *fixture)
{
    write_commit(fixture, 2, "{\"protocol\":{\"minReaderVersion\":9,\"minWriterVersion\":9}}");
}

// The name is taken, but there is nothing behind it.
static void take_name(struct fixture *fixture)
{
    assert_int_equal(symlink("/nowhere/at/all", log_file(fixture, "00000000000000000002.json")), 0);
}

// What another writer does between this one's look at the log and its commit of version 2.
static void a_lost_race_is_rebased_or_refused(void **state)
{
    static const struct {
        void (*rival)(struct fixture *fixture);
        int code;
        int64_t version;
        bool is_skipped;
    } cases[] = {
        {write_rivals, SL_OK, 4, false},
        {write_own_again, SL_OK, 2, true},
        {write_rival_schema, SL_E_TABLE_CONFLICT, 0, false},
        {write_torn, SL_E_TABLE_LOG, 0, false},
        {write_newer_protocol, SL_E_TABLE_FEATURE, 0, false},
        {take_name, SL_E_FILE_EXISTS, 0, false},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_delta_commit *next;
        int64_t version = 0;
        bool is_skipped = false;

        (void)commit_ok(fixture, append(fixture, -1, "a"));
        (void)commit_ok(fixture, append(fixture, 0, "b"));
        assert_ok(fixture,
                  sl_delta_checkpoint(fixture->folder, 1, fixture->session, &fixture->err));
        next = append(fixture, 1, "c");
        next->app_id = "step";
        next->app_version = 9;
        fixture->during_load = cases[i].rival;
        sl_err_clear(&fixture->err);
        if (sl_delta_commit(fixture->folder, next, fixture->session, &fixture->arena, &version,
                            &is_skipped, &fixture->err) != cases[i].code)
            fail_msg("case %zu: %s", i, fixture->err.message);
        assert_int_equal(version, cases[i].version);
        assert_int_equal(is_skipped, cases[i].is_skipped);
        if (cases[i].version == 4)
            assert_string_equal(live_files(fixture), "a b c rival-1 rival-2");
        assert_ok(fixture, sl_fs_remove_tree(fixture->folder, &fixture->err));
    }
}

static void a_damaged_log_takes_no_commit(void **state)
{
    struct fixture *fixture = *state;

    write_commit(fixture, 0, "{\"torn");
    assert_fails(fixture, SL_E_TABLE_LOG, commit(fixture, append(fixture, 0, "b")));
    assert_says(fixture, "commit to table '");
}

static void every_tenth_version_gets_a_checkpoint(void **state)
{
    static const struct sl_column columns[] = {{"id", "BIGINT"}};
    struct fixture *fixture = *state;

    for (int i = 0; i < 25; i++) {
        struct sl_delta_commit *next =
            append(fixture, i - 1, sl_arena_printf(&fixture->arena, "f%d", i));
        int64_t version;
        bool is_skipped;

        next->columns = columns;
        fixture->engine_error = i == 10 ? "no disk" : NULL; // then the next commit makes it
        assert_ok(fixture, sl_delta_commit(fixture->folder, next, fixture->session, &fixture->arena,
                                           &version, &is_skipped, &fixture->err));
        assert_int_equal(version, i);
    }
    assert_int_equal(fixture->executed, 3);
    assert_true(sl_fs_exists(log_file(fixture, "00000000000000000011.checkpoint.parquet")));
    assert_true(sl_fs_exists(log_file(fixture, "00000000000000000021.checkpoint.parquet")));
}

static void the_interval_of_checkpoints_is_the_tables(void **state)
{
    static const struct {
        const char *setting;
        int executed; // after versions 1 and 2
    } cases[] = {{"1", 2}, {"2", 1}, {"0", 0}, {"x", 0}, {"3", 0}};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t version;
        bool is_skipped;

        write_commit(
            fixture, 0,
            sl_arena_printf(&fixture->arena,
                            "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
                            "{\"metaData\":{\"id\":\"i\",\"format\":{\"provider\":"
                            "\"parquet\"},\"schemaString\":\"{\\\"fields\\\":[{\\\"name\\\":"
                            "\\\"id\\\",\\\"type\\\":\\\"long\\\"}]}\","
                            "\"partitionColumns\":[],\"configuration\":{"
                            "\"delta.checkpointInterval\":\"%s\"}}}",
                            cases[i].setting));
        fixture->executed = 0;
        for (int k = 0; k < 2; k++)
            assert_ok(fixture, sl_delta_commit(fixture->folder, append(fixture, k, k ? "b" : "a"),
                                               fixture->session, &fixture->arena, &version,
                                               &is_skipped, &fixture->err));
        assert_int_equal(fixture->executed, cases[i].executed);
        assert_ok(fixture, sl_fs_remove_tree(fixture->folder, &fixture->err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_commit_makes_the_table),
        TEST(staged_files_may_lie_in_a_folder_of_their_own),
        TEST(files_may_share_folders),
        TEST(a_commit_without_files_still_carries_its_record),
        TEST(each_mode_leaves_the_files_it_says),
        TEST(a_table_goes_back_to_what_it_was),
        TEST(compaction_says_that_no_row_changed),
        TEST(files_get_other_tags_and_stay_as_they_are),
        TEST(a_commit_that_was_done_is_skipped),
        TEST(conflicts_are_found_and_all_else_is_rebased),
        TEST(a_table_that_appeared_meanwhile_is_a_conflict_unless_replaced),
        TEST(a_table_that_went_back_is_a_conflict),
        TEST(a_base_whose_commits_are_gone_is_a_conflict),
        TEST(only_a_replaced_table_may_change_its_columns),
        TEST(metadata_is_written_only_when_it_changes),
        TEST(a_timestamp_without_zone_raises_the_protocol_once),
        TEST(what_other_writers_demand_is_respected_or_refused),
        TEST(null_partitions_are_kept_apart),
        TEST(mistakes_of_the_caller_are_refused),
        TEST(a_lost_race_is_rebased_or_refused),
        TEST(a_damaged_log_takes_no_commit),
        TEST(every_tenth_version_gets_a_checkpoint),
        TEST(the_interval_of_checkpoints_is_the_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
