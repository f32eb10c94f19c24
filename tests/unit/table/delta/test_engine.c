// With the real engine: what is staged is committed and read back, and checkpoints are the Parquet
// files that other readers expect.
#include "fixture.h"

#include "engine/duckdb/duckdb_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tables {
    struct fixture *fixture;
    struct sl_engine *engine;
    struct sl_session *session;
};

static int setup(void **state)
{
    struct tables *tables = calloc(1, sizeof *tables);
    const struct sl_engine_options options = {.threads = 2};
    struct sl_err err;

    if (!tables || fixture_setup((void **)&tables->fixture) != 0)
        return -1;
    *state = tables;
    if (sl_engine_duckdb.open(&options, &tables->engine, &err) != SL_OK ||
        sl_engine_duckdb.connect(tables->engine, &tables->session, &err) != SL_OK) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    struct tables *tables = *state;
    void *fixture = tables->fixture;

    sl_session_close(&tables->session);
    sl_engine_close(&tables->engine);
    free(tables);
    return fixture_teardown(&fixture);
}

#define ENGINE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

// The result as text: cells divided by '|', rows by a newline, null as "NULL".
static const char *query(struct tables *tables, const char *sql)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    assert_ok(tables->fixture, tables->session->kind->query(tables->session, sql, 0, &result,
                                                            &tables->fixture->err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        for (size_t column = 0; column < sl_result_columns(result); column++) {
            const char *cell = sl_result_text(result, row, column);

            sl_buf_add(&text, column ? "|" : row ? "\n" : "");
            sl_buf_add(&text, cell ? cell : "NULL");
        }
    }
    return sl_arena_strdup(&tables->fixture->arena, text.text);
}

// Stages what the SQL gives into a folder of its own and commits it.
static int64_t write_rows(struct tables *tables, const char *sql, enum sl_delta_mode mode,
                          int64_t base, const char *partition_column)
{
    struct fixture *fixture = tables->fixture;
    const char *staged_folder = sl_arena_printf(&fixture->arena, "data/%lld", (long long)base);
    const char *path = sl_path_join(&fixture->arena, fixture->folder, staged_folder);
    const struct sl_stage_options options = {
        .folder = path,
        .file_prefix = "part",
        .partition_columns = &partition_column,
        .partition_count = partition_column ? 1 : 0,
    };
    struct sl_staged staged;
    struct sl_column *columns;
    struct sl_delta_commit commit = {
        .mode = mode,
        .base_version = base,
        .partition_columns = &partition_column,
        .partition_count = options.partition_count,
        .staged = &staged,
        .staged_folder = staged_folder,
        .app_id = "step",
        .app_version = base + 1,
        .operation = "WRITE",
    };
    const char **tags;
    int64_t version;
    bool is_skipped;

    assert_ok(fixture, sl_fs_mkdirs(path, &fixture->err));
    assert_ok(fixture,
              tables->session->kind->describe(tables->session, sql, &fixture->arena, &columns,
                                              &commit.column_count, &fixture->err));
    commit.columns = columns;
    assert_ok(fixture, tables->session->kind->stage(tables->session, sql, &options, &fixture->arena,
                                                    &staged, &fixture->err));
    tags = SL_NEW_ARRAY(&fixture->arena, const char *, staged.file_count);
    for (size_t i = 0; i < staged.file_count; i++)
        tags[i] = "{\"source\":\"a \\\"b\\\".csv\"}";
    commit.tags_json = tags;
    assert_ok(fixture, sl_delta_commit(fixture->folder, &commit, tables->session, &fixture->arena,
                                       &version, &is_skipped, &fixture->err));
    assert_false(is_skipped);
    return version;
}

static const char *scan(struct tables *tables, const char *select)
{
    struct fixture *fixture = tables->fixture;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_delta_snapshot snapshot;
    struct sl_scan relation;

    assert_ok(fixture, sl_delta_load(fixture->folder, -1, tables->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    assert_ok(fixture, sl_delta_scan(&snapshot, &fixture->arena, &relation, &fixture->err));
    sl_buf_addf(&sql, "%s from ", select);
    assert_ok(fixture,
              tables->session->kind->scan_sql(tables->session, &relation, &sql, &fixture->err));
    sl_buf_add(&sql, " order by 1");
    return query(tables, sql.text);
}

#define ALL_TYPES                                                                                  \
    "select 1::tinyint as t, 2::smallint as s, 3::integer as i, 4::bigint as b, 1.5::float as f, " \
    "2.5::double as d, 12.30::decimal(12,2) as de, 1e20::decimal(38,2) as dl, 'x''y' as v, "       \
    "'\\x00\\xFF'::blob as bl, date '2024-02-29' as da, timestamp '2024-01-01 10:00:00.123456' "   \
    "as ts, timestamptz '2024-01-01 10:00:00+02' as tz, true as bo, {'a': 1, 'my col': [1, 2]} "   \
    "as st, map {'k': 1.5::decimal(3,1)} as m, [{'name': 'n'}] as \"li st\", null::integer as n"

static void every_type_comes_back_as_it_went(void **state)
{
    struct tables *tables = *state;
    struct sl_delta_snapshot snapshot;
    struct fixture *fixture = tables->fixture;
    struct sl_column *columns;
    size_t count;

    assert_int_equal(write_rows(tables, ALL_TYPES, SL_DELTA_APPEND, -1, NULL), 0);
    assert_string_equal(scan(tables, "select *"), query(tables, ALL_TYPES));
    assert_ok(fixture,
              sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &snapshot, &fixture->err));
    assert_ok(fixture, tables->session->kind->describe(tables->session, ALL_TYPES, &fixture->arena,
                                                       &columns, &count, &fixture->err));
    assert_int_equal(snapshot.column_count, count);
    // Spelled as the engine spells them: others compare them as text.
    for (size_t i = 0; i < count; i++)
        assert_string_equal(snapshot.columns[i].type, columns[i].type);
    assert_int_equal(snapshot.row_count, 1);
    assert_non_null(strstr(snapshot.files[0].stats_json, "\"dl\":100000000000000000000.00"));
    assert_non_null(strstr(snapshot.files[0].stats_json, "\"tz\":\"2024-01-01T08:00:00.000000Z\""));
    assert_non_null(strstr(snapshot.files[0].stats_json, "\"n\":1"));
}

static void partitions_of_every_type_come_back_as_they_went(void **state)
{
    static const char *const values[] = {
        "'a b%/=\xC3\xA9'",
        "7::bigint",
        "1.50::decimal(5,2)",
        "true",
        "date '2024-02-29'",
        "timestamp '2024-01-01 10:00:00.5'",
        "timestamptz '2024-01-01 10:00:00.5+02'",
        "2.5::double",
        "'nan'::double",
        "'inf'::float",
        "null::varchar",
        "null::timestamp",
    };
    struct tables *tables = *state;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *sql =
            sl_arena_printf(&tables->fixture->arena, "select %s as p, 1 as x", values[i]);

        assert_int_equal(write_rows(tables, sql, SL_DELTA_APPEND, -1, "p"), 0);
        assert_string_equal(scan(tables, "select p, x"), query(tables, sql));
        assert_ok(tables->fixture,
                  sl_fs_remove_tree(tables->fixture->folder, &tables->fixture->err));
    }
}

static void write_versions(struct tables *tables, int count, const char *partition_column)
{
    for (int i = 0; i < count; i++) {
        const char *sql =
            sl_arena_printf(&tables->fixture->arena,
                            "select %d as id, 'p %d' as p, timestamp '2024-01-01' as t", i, i % 3);

        (void)write_rows(tables, sql, i == 5 ? SL_DELTA_REPLACE : SL_DELTA_APPEND, i - 1,
                         partition_column);
    }
}

static void assert_same_files(const struct sl_delta_snapshot *a, const struct sl_delta_snapshot *b)
{
    assert_int_equal(a->file_count, b->file_count);
    for (size_t i = 0; i < a->file_count; i++) {
        assert_string_equal(a->files[i].path, b->files[i].path);
        assert_true(sl_str_equal(a->files[i].partition[0], b->files[i].partition[0]));
        assert_int_equal(a->files[i].size_bytes, b->files[i].size_bytes);
        assert_int_equal(a->files[i].modified_ms, b->files[i].modified_ms);
        assert_string_equal(a->files[i].stats_json, b->files[i].stats_json);
        assert_string_equal(a->files[i].tags_json, b->files[i].tags_json);
    }
}

static void a_checkpoint_says_what_the_commits_said(void **state)
{
    struct tables *tables = *state;
    struct fixture *fixture = tables->fixture;
    struct sl_delta_snapshot by_commits;
    struct sl_delta_snapshot by_checkpoint;

    write_versions(tables, 11, "p");
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &by_commits,
                                     &fixture->err));
    assert_true(sl_fs_exists(log_file(fixture, "00000000000000000010.checkpoint.parquet")));
    for (int i = 0; i < 10; i++)
        assert_ok(fixture,
                  sl_fs_remove(log_file(fixture, sl_arena_printf(&fixture->arena, "%020d.json", i)),
                               &fixture->err));
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, tables->session, &fixture->arena,
                                     &by_checkpoint, &fixture->err));
    assert_same_files(&by_commits, &by_checkpoint);
    assert_int_equal(by_checkpoint.timestamp_ms, by_commits.timestamp_ms);
    assert_int_equal(by_checkpoint.min_reader, 3);
    assert_int_equal(by_checkpoint.min_writer, 7);
    assert_string_equal(by_checkpoint.schema_json, by_commits.schema_json);
    assert_string_equal(by_checkpoint.table_id, by_commits.table_id);
    assert_int_equal(sl_delta_txn_find(&by_checkpoint, "step")->version, 10);
    // Tombstones of the replaced files are kept.
    assert_string_equal(
        query(tables,
              sl_arena_printf(&fixture->arena,
                              "select count(add.path), count(remove.path), count(*) from "
                              "read_parquet('%s')",
                              log_file(fixture, "00000000000000000010.checkpoint.parquet"))),
        "6|5|14");
}

static const char *path_in_log(struct fixture *fixture, const struct sl_delta_file *file)
{
    SL_AUTO(sl_json_free) json_t *action = NULL;

    assert_ok(fixture,
              sl_json_parse(file->add_json, strlen(file->add_json), "add", &action, &fixture->err));
    return sl_arena_strdup(&fixture->arena,
                           sl_json_text(json_object_get(action, "add"), "path", ""));
}

static void assert_same_changes(struct tables *tables, int64_t from, int64_t to)
{
    struct fixture *fixture = tables->fixture;
    struct sl_delta_changes by_commits;
    struct sl_delta_changes by_checkpoint;

    assert_ok(fixture, sl_delta_changes(fixture->folder, from, to, NULL, &fixture->arena,
                                        &by_commits, &fixture->err));
    assert_ok(fixture, sl_delta_changes(fixture->folder, from, to, tables->session, &fixture->arena,
                                        &by_checkpoint, &fixture->err));
    assert_int_equal(by_commits.kept_count, by_checkpoint.kept_count);
    assert_int_equal(by_commits.schema_changed, by_checkpoint.schema_changed);
    assert_int_equal(by_commits.added_count, by_checkpoint.added_count);
    for (size_t i = 0; i < by_commits.added_count; i++)
        assert_string_equal(by_commits.added[i].path, by_checkpoint.added[i].path);
    assert_int_equal(by_commits.removed_count, by_checkpoint.removed_count);
    for (size_t i = 0; i < by_commits.removed_count; i++) {
        assert_string_equal(by_commits.removed[i].path, by_checkpoint.removed[i].path);
        assert_string_equal(by_commits.removed[i].partition[0],
                            by_checkpoint.removed[i].partition[0]);
        assert_int_equal(by_commits.removed[i].row_count, by_checkpoint.removed[i].row_count);
    }
}

// Of a checkpoint only the files that the commits behind it name are read. Their paths ("p 1") are
// escaped in the log, and another writer may escape more of it, or less.
static void changes_over_a_checkpoint_are_those_of_the_commits(void **state)
{
    struct tables *tables = *state;
    struct fixture *fixture = tables->fixture;
    struct sl_delta_snapshot snapshot;

    write_versions(tables, 13, "p");
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, tables->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    for (int i = 0; i < 3; i++)
        write_commit(fixture, 13 + i,
                     sl_arena_printf(&fixture->arena,
                                     "{\"remove\":{\"path\":\"%s\",\"dataChange\":true}}\n",
                                     i == 1 ? snapshot.files[i].path
                                            : path_in_log(fixture, &snapshot.files[i])));
    for (int64_t from = 9; from <= 15; from++)
        for (int64_t to = from; to <= 15; to++)
            assert_same_changes(tables, from, to);
    assert_ok(fixture, sl_delta_load_schema(fixture->folder, 12, tables->session, &fixture->arena,
                                            &snapshot, &fixture->err));
    assert_int_equal(snapshot.column_count, 3);
    assert_int_equal(snapshot.partition_count, 1);
    assert_int_equal(snapshot.version, 12);
}

static void checkpoints_build_on_checkpoints(void **state)
{
    struct tables *tables = *state;
    struct fixture *fixture = tables->fixture;

    write_versions(tables, 22, NULL);
    assert_true(sl_fs_exists(log_file(fixture, "00000000000000000020.checkpoint.parquet")));
    assert_string_equal(scan(tables, "select count(*), min(id), max(id)"), "17|5|21");
}

// Other writers add statistics as structs, which may hold what JSON cannot, and more columns.
static void checkpoints_of_other_writers_are_read(void **state)
{
    struct tables *tables = *state;
    struct fixture *fixture = tables->fixture;
    const char *schema = "{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}";
    struct sl_delta_snapshot snapshot;

    assert_ok(fixture, sl_fs_mkdirs(log_file(fixture, ""), &fixture->err));
    assert_ok(fixture,
              tables->session->kind->exec(
                  tables->session,
                  sl_arena_printf(
                      &fixture->arena,
                      "copy (select {'path': 'a%%20b', 'partitionValues': map([]::varchar[], "
                      "[]::varchar[]), 'size': 5::bigint, 'modificationTime': 6::bigint, "
                      "'dataChange': false, 'stats': '{\"numRecords\":7}', 'stats_parsed': "
                      "{'minValues': {'x': 'nan'::double}, 'numRecords': 7}} as add, null as "
                      "\"metaData\", null as protocol, {'path': null::varchar} as remove, null as "
                      "sidecar union all by name select {'id': 'i', 'format': {'provider': "
                      "'parquet'}, 'schemaString': '%s', 'partitionColumns': []::varchar[], "
                      "'configuration': map {'k': 'v'}} as \"metaData\" union all by name select "
                      "{'minReaderVersion': 1, 'minWriterVersion': 2} as protocol) to '%s' "
                      "(format parquet)",
                      schema, log_file(fixture, "00000000000000000004.checkpoint.parquet")),
                  NULL, &fixture->err));
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, tables->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    assert_int_equal(snapshot.version, 4);
    assert_string_equal(snapshot.files[0].path, "a b");
    assert_int_equal(snapshot.files[0].row_count, 7);
    assert_null(snapshot.files[0].tags_json);
    assert_string_equal(snapshot.configuration_json, "{\"k\":\"v\"}");
}

static void a_file_that_is_no_parquet_is_a_damaged_checkpoint(void **state)
{
    struct tables *tables = *state;
    struct fixture *fixture = tables->fixture;
    struct sl_delta_snapshot snapshot;

    write_commit(fixture, 2, "{\"commitInfo\":{}}");
    assert_ok(fixture, sl_fs_write(log_file(fixture, "00000000000000000002.checkpoint.parquet"),
                                   "PAR1 torn", 9, &fixture->err));
    assert_fails(fixture, SL_E_TABLE_LOG,
                 sl_delta_load(fixture->folder, -1, tables->session, &fixture->arena, &snapshot,
                               &fixture->err));
    assert_says(fixture, "00000000000000000002.checkpoint.parquet' cannot be read");
}

static void duckdbs_own_reader_agrees(void **state)
{
    struct tables *tables = *state;
    struct fixture *fixture = tables->fixture;

    assert_ok(fixture, sl_duckdb_load_extension(tables->session, "delta", &fixture->err));
    write_versions(tables, 14, "p");
    assert_string_equal(
        scan(tables, "select id, p, t"),
        query(tables,
              sl_arena_printf(&fixture->arena, "select id, p, t from delta_scan('%s') order by 1",
                              fixture->folder)));
    // Its pruning by the statistics in the log must find what is there.
    assert_string_equal(query(tables, sl_arena_printf(&fixture->arena,
                                                      "select id from delta_scan('%s') where t = "
                                                      "timestamp '2024-01-01' and id = 13",
                                                      fixture->folder)),
                        "13");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(every_type_comes_back_as_it_went),
        ENGINE_TEST(partitions_of_every_type_come_back_as_they_went),
        ENGINE_TEST(a_checkpoint_says_what_the_commits_said),
        ENGINE_TEST(changes_over_a_checkpoint_are_those_of_the_commits),
        ENGINE_TEST(checkpoints_build_on_checkpoints),
        ENGINE_TEST(checkpoints_of_other_writers_are_read),
        ENGINE_TEST(a_file_that_is_no_parquet_is_a_damaged_checkpoint),
        ENGINE_TEST(duckdbs_own_reader_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
