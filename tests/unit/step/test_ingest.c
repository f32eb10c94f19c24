// The ingest step on a real lake: which files are read, what their rows become, and what happens
// when something is wrong.
#include "source_lake.h"

#include "base/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void files_become_rows_with_their_place(void **state)
{
    struct source_lake *lake = *state;
    struct sl_delta_snapshot snapshot;

    source_lake_put(lake, "b.csv", "id,name\n1,\"x\n\"\n2,\n");
    source_lake_put(lake, "a.csv", "id,name\r\n\r\n3,\"\"\r\n");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_columns(lake), "id VARCHAR, name VARCHAR");
    assert_string_equal(source_lake_rows(lake), "3||data/a.csv|3|-\n"
                                                "1|x\n|data/b.csv|2|-\n"
                                                "2|-|data/b.csv|4|-\n");
    assert_string_equal(source_lake_query(lake, "select distinct _ingested_at from raw.orders"),
                        "2026-01-01 00:00:00.123456+00");
    assert_string_equal(lake->result.why, "2 new files");
    assert_true(lake->result.has_balance && lake->result.was_full);
    assert_int_equal(lake->result.balance.in, 3);
    assert_int_equal(lake->result.balance.out, 3);
    assert_int_equal(lake->result.files_out, 2);
    assert_int_equal(lake->result.bytes_in, 18 + 17);
    assert_int_equal(atomic_load(&lake->progress.bytes_done), 18 + 17);
    assert_int_equal(atomic_load(&lake->progress.bytes_total), 18 + 17);
    assert_int_equal(atomic_load(&lake->progress.rows_done), 3);
    assert_string_equal(lake->result.versions[0].table, "raw.orders");
    assert_int_equal(lake->result.versions[0].version, 0);
    snapshot = source_lake_snapshot(lake);
    assert_non_null(strstr(snapshot.files[0].tags_json, "\"sluice.source\""));
    assert_non_null(sl_delta_txn_find(&snapshot, "ingest orders"));
    assert_int_equal(sl_delta_txn_find(&snapshot, "ingest orders")->version, 1);
}

static void a_table_that_is_read_twice_is_read_at_one_version(void **state)
{
    struct source_lake *lake = *state;
    struct sl_table_versions taken = {0};
    int64_t version;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_must(lake, SL_STEP_DONE);
    lake->context.taken = &taken;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            sl_step_view(&lake->context, SL_LAYER_RAW, "orders", -1, &version, &lake->err), SL_OK);
        assert_int_equal(version, 0);
        source_lake_put(lake, i ? "c.csv" : "b.csv", "id\n2\n");
        source_lake_must(lake, SL_STEP_DONE);
    }
    lake->context.taken = NULL;
    assert_int_equal(taken.count, 1);
    assert_int_equal(taken.items[0].version, 0);
}

static void what_was_read_is_not_read_again(void **state)
{
    struct source_lake *lake = *state;
    struct sl_pending pending;
    const char *listing;

    source_lake_put(lake, "a.csv", "id\n1\n");
    pending = source_lake_pending(lake);
    assert_int_equal(pending.new_files, 1);
    assert_int_equal(pending.new_bytes, 5);
    listing = pending.listing;
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_must(lake, SL_STEP_NOTHING);
    pending = source_lake_pending(lake);
    assert_int_equal(pending.new_files + pending.changed_files + pending.vanished_files, 0);
    assert_string_equal(pending.listing, listing);
    // Touched, it is the same: that is seen by its hash.
    source_lake_touch(lake, "a.csv");
    pending = source_lake_pending(lake);
    assert_int_equal(pending.changed_files, 1);
    assert_string_not_equal(pending.listing, listing);
    source_lake_must(lake, SL_STEP_NOTHING);
    assert_int_equal(lake->result.version_count, 0);
    assert_int_equal(source_hooks.starts, 1);
    // Its time is remembered.
    assert_int_equal(source_lake_snapshot(lake).version, 1);
    assert_int_equal(source_lake_pending(lake).changed_files, 0);
    source_lake_must(lake, SL_STEP_NOTHING);
    assert_int_equal(source_lake_snapshot(lake).version, 1);
    assert_int_equal(source_hooks.starts, 1);
}

static void a_new_file_is_added_and_a_changed_one_replaced(void **state)
{
    struct source_lake *lake = *state;
    struct sl_delta_snapshot before;
    struct sl_delta_snapshot after;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    source_lake_must(lake, SL_STEP_DONE);
    before = source_lake_snapshot(lake);
    source_lake_put(lake, "a.csv", "id\n7\n");
    source_lake_put(lake, "c.csv", "id\n3\n");
    assert_int_equal(source_lake_pending(lake).changed_files, 1);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(lake->result.why, "1 new file, 1 changed");
    assert_false(lake->result.was_full);
    assert_int_equal(lake->result.balance.in, 2);
    assert_string_equal(source_lake_rows(lake),
                        "7|data/a.csv|2|-\n2|data/b.csv|2|-\n3|data/c.csv|2|-\n");
    after = source_lake_snapshot(lake);
    assert_int_equal(after.version, 1);
    assert_int_equal(after.file_count, 3);
    for (size_t i = 0; i < before.file_count; i++)
        if (strstr(before.files[i].tags_json, "b.csv")) {
            size_t kept = 0;
            for (size_t k = 0; k < after.file_count; k++)
                kept += strcmp(before.files[i].path, after.files[k].path) == 0;
            assert_int_equal(kept, 1);
        }
}

static void a_file_that_is_gone_leaves_its_rows(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_remove(lake, "a.csv");
    assert_int_equal(source_lake_pending(lake).vanished_files, 1);
    source_lake_must(lake, SL_STEP_NOTHING);
    assert_int_equal(lake->result.notes.count, 1);
    assert_string_equal(lake->result.notes.items[0], "data/a.csv is gone; its rows stay");
    lake->context.full_refresh = true;
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n2|data/b.csv|2|-\n");
}

static void one_file_by_several_names_is_read_once(void **state)
{
    static const char *const patterns[] = {"./data/*.csv", "data/../data/*.csv", "data//*",
                                           "data/deep/../*.csv"};
    struct source_lake *lake = *state;

    assert_int_equal(sl_fs_mkdirs(source_lake_path(lake, "deep"), &lake->err), SL_OK);
    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_set_path(lake, "data/*.csv");
    lake->paths[1] = sl_path_join(&lake->arena, lake->folder, "./data//a.csv");
    lake->source.paths.count = 2;
    source_lake_must(lake, SL_STEP_DONE);
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        source_lake_set_path(lake, patterns[i]);
        assert_int_equal(source_lake_pending(lake).new_files, 0);
        source_lake_must(lake, SL_STEP_NOTHING);
        assert_int_equal(lake->result.notes.count, 0);
    }
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n");
}

static void links_to_a_file_are_that_file(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "b.csv", "id\n1\n");
    assert_int_equal(symlink("b.csv", source_lake_path(lake, "a.csv")), 0);
    assert_int_equal(link(source_lake_path(lake, "b.csv"), source_lake_path(lake, "c.csv")), 0);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1|data/b.csv|2|-\n");
    assert_int_equal(lake->result.notes.count, 2);
    assert_string_equal(lake->result.notes.items[0],
                        "data/a.csv is the same file as data/b.csv: read once");
    // A folder by another name, too; and what the table knows stays as it is named.
    assert_int_equal(symlink("data", sl_path_join(&lake->arena, lake->folder, "in")), 0);
    source_lake_set_path(lake, "in/*.csv");
    assert_int_equal(source_lake_pending(lake).new_files, 0);
    source_lake_must(lake, SL_STEP_NOTHING);
    // A link that leads to another file now gives that one's rows.
    source_lake_set_path(lake, "data/*.csv");
    assert_int_equal(unlink(source_lake_path(lake, "a.csv")), 0);
    assert_int_equal(sl_fs_mkdirs(source_lake_path(lake, "deep"), &lake->err), SL_OK);
    source_lake_put(lake, "deep/x.csv", "id\n2\n");
    assert_int_equal(symlink("deep/x.csv", source_lake_path(lake, "a.csv")), 0);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "2|data/a.csv|2|-\n1|data/b.csv|2|-\n");
}

static void columns_come_in_any_order_and_may_be_added(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id,name\n1,x\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_put(lake, "b.csv", "NAME,extra,id\ny,e,2\n");
    source_lake_put(lake, "c.csv", "id\n3\n");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_columns(lake), "id VARCHAR, name VARCHAR, extra VARCHAR");
    assert_string_equal(
        source_lake_query(lake, "select string_agg(concat_ws('|', id, coalesce(name, '-'), "
                                "coalesce(extra, '-')), ';' order by id) from raw.orders"),
        "1|x|-;2|y|e;3|-|-");
}

static void no_file_is_an_error_only_at_first(void **state)
{
    struct source_lake *lake = *state;

    assert_int_equal(source_lake_run(lake), SL_E_SOURCE_EMPTY);
    assert_string_equal(lake->err.file, "sources/orders.yml");
    assert_int_equal(source_lake_snapshot(lake).version, -1);
    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_remove(lake, "a.csv");
    source_lake_must(lake, SL_STEP_NOTHING);
    assert_int_equal(lake->result.notes.count, 2);
    assert_non_null(strstr(lake->result.notes.items[1], "no file matches"));
}

static void a_file_without_rows_is_remembered(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id,name\n");
    source_lake_put(lake, "b.csv", "");
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(lake->result.balance.in, 0);
    assert_string_equal(source_lake_columns(lake), "id VARCHAR, name VARCHAR");
    assert_string_equal(source_lake_rows(lake), "");
    source_lake_must(lake, SL_STEP_NOTHING);
    source_lake_put(lake, "b.csv", "id\n1\n");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1|-|data/b.csv|2|-\n");
}

static void a_file_that_cannot_be_read_stops_no_other(void **state)
{
    static const struct {
        const char *name, *text, *note;
    } bad[] = {
        {"bad.csv.gz", "no gzip", "'data/bad.csv.gz': its gzip data is damaged"},
        {"bad.csv.zst", "", "'data/bad.csv.zst': its zstd data ends too early"},
        {"bad.csv", "id,id\n1,2\n", "'data/bad.csv': columns 1 and 2 have one name, 'id'"},
        {"bad.parquet", "PAR1xxxxPAR1", "'data/bad.parquet': "},
        {"bad.json", "{}", "'data/bad.json': line 1: the file does not begin with an array"},
        {"bad.xyz", "id\n1\n", "'data/bad.xyz': its name does not tell its format"},
    };
    struct source_lake *lake = *state;

    source_lake_put(lake, "bad.csv", "id\n0\n");
    source_lake_must(lake, SL_STEP_DONE);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        source_lake_put(lake, bad[i].name, bad[i].text);
        source_lake_put(lake, "good.csv", i % 2 ? "id\n1\n" : "id\n2\n");
        source_lake_must(lake, SL_STEP_PARTIAL);
        assert_int_equal(lake->result.failed_parts, 1);
        assert_int_equal(lake->result.notes.count, 1);
        if (!strstr(lake->result.notes.items[0], bad[i].note))
            fail_msg("%s", lake->result.notes.items[0]);
        // What the file gave before it was damaged stays.
        assert_string_equal(source_lake_query(lake, "select count(*) from raw.orders"), "2");
        // By itself it is no reason to stop what the table feeds: nothing is committed.
        int64_t version = source_lake_snapshot(lake).version;
        source_lake_must(lake, SL_STEP_PARTIAL);
        assert_int_equal(lake->result.failed_parts, 1);
        assert_int_equal(lake->result.version_count, 0);
        assert_int_equal(source_lake_snapshot(lake).version, version);
        if (i == 2)
            source_lake_put(lake, "bad.csv", "id\n0\n");
        else
            source_lake_remove(lake, bad[i].name);
        source_lake_must(lake, SL_STEP_NOTHING);
    }
}

static void if_no_file_can_be_read_the_step_fails(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv.gz", "x");
    source_lake_put(lake, "b.csv.gz", "y");
    assert_int_equal(source_lake_run(lake), SL_E_SOURCE_FILE);
    assert_non_null(
        strstr(lake->err.message, "none of 2 files can be read, the first: 'data/a.csv.gz'"));
    assert_int_equal(source_lake_snapshot(lake).version, -1);
}

static void corrupt_records_keep_their_bytes_and_line(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id,name\n1\n2,\"x\n3,\xFF,y\n4,ok\n");
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(lake->result.balance.in, 4);
    assert_string_equal(source_lake_rows(lake), "-|-|data/a.csv|2|1\n"
                                                "-|-|data/a.csv|3|2,\\x22x\n"
                                                "-|-|data/a.csv|4|3,\\xFF,y\n"
                                                "4|ok|data/a.csv|5|-\n");
}

static void every_dialect_reaches_the_engine_unchanged(void **state)
{
    static const struct {
        const char *text, *delimiter, *quote, *escape;
    } tests[] = {
        {"a;b\n\" 1;\"\"\";'x'\n", ";", "\"", "\""},
        {"a\tb\n\" 1;\"\"\"\t'x'\n", "\t", "\"", "\""},
        {"a||b\n 1;\"||'x'\n", "||", "\"", "\""},
        {"a,b\n' 1;\"','''x'''\n", ",", "'", "'"},
        {"a,b\n\" 1;\\\"\",\"'x'\"\n", ",", "\"", "\\"},
        {"a,b\n 1;\",'x'\n", ",", "", ""},
        {"a b\n\" 1;\"\"\" 'x'\n", " ", "\"", "\""},
        {"a\x01"
         "b\n\" 1;\"\"\"\x01'x'\n",
         "\x01", "\"", "\""},
        {"a\\b\n\" 1;\"\"\"\\'x'\n", "\\", "\"", "\""},
        {"a'b\n\" 1;\"\"\"'\"'x'\"\n", "'", "\"", "\""},
        {"a5b\n\" 1;\"\"\"5'x'\n", "5", "\"", "\""},
        {"aFb\n\" 1;\"\"\"F'x'\nz\n", "F", "\"", "\""},
    };
    struct source_lake *lake = *state;

    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        source_lake_put(lake, "a.csv", tests[i].text);
        lake->source.csv.delimiter = tests[i].delimiter;
        lake->source.csv.quote = tests[i].quote;
        lake->source.csv.escape = tests[i].escape;
        source_lake_must(lake, SL_STEP_DONE);
        if (strcmp(
                source_lake_query(lake, "select a || '~' || b from raw.orders where a is not null"),
                " 1;\"~'x'") != 0)
            fail_msg("%s: %s", tests[i].text, source_lake_rows(lake));
    }
}

static void json_values_are_kept_as_they_are_written(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(
        lake, "a.jsonl",
        "{\"a\":1.10,\"b\":\"x\\n\\\"\\u001f\\u001e,\"}\n{\"b\":\"\",\"c\":[1, {}]}\nbad\n");
    source_lake_put(lake, "b.json", "[{\"a\":\n{\"z\": null,\n\"y\":1}},7]");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1.10|x\n\"\x1f\x1e,|-|data/a.jsonl|1|-\n"
                                                "-||[1, {}]|data/a.jsonl|2|-\n"
                                                "-|-|-|data/a.jsonl|3|bad\n"
                                                "{\"z\": null,\n\"y\":1}|-|-|data/b.json|1|-\n"
                                                "-|-|-|data/b.json|2|7\n");
}

static void write_parquet(struct source_lake *lake, const char *name, const char *select)
{
    source_lake_exec(lake, sl_arena_printf(&lake->arena, "copy (%s) to '%s' (format parquet)",
                                           select, source_lake_path(lake, name)));
    source_lake_touch(lake, name);
}

static void parquet_keeps_its_types(void **state)
{
    struct source_lake *lake = *state;

    write_parquet(
        lake, "a[1].parquet",
        "select 1::utinyint as t, date '2026-01-02' as d, 1.50::decimal(9,2) as m, "
        "{'x': [1]} as s, uuid() as u, [uuid()] as l, time '10:00:00' as h from range(2)");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_columns(lake), "t SMALLINT, d DATE, m DECIMAL(9,2), s STRUCT(x "
                                                   "INTEGER[]), u VARCHAR, l VARCHAR, h VARCHAR");
    assert_string_equal(
        source_lake_query(lake, "select string_agg(concat_ws('|', t, d, m, s, _source, _position), "
                                "';' order by _position) from raw.orders"),
        "1|2026-01-02|1.50|{'x': [1]}|data/a[1].parquet|1;"
        "1|2026-01-02|1.50|{'x': [1]}|data/a[1].parquet|2");
    source_lake_must(lake, SL_STEP_NOTHING);
}

static void types_that_differ_between_files_are_brought_together(void **state)
{
    struct source_lake *lake = *state;

    write_parquet(lake, "a.parquet", "select 1::integer as id, null::integer as x, 1 as y");
    write_parquet(lake, "b.parquet", "select 5000000000 as id, 'text' as x, 2.5::double as y");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_columns(lake), "id BIGINT, x VARCHAR, y DOUBLE");
    assert_string_equal(source_lake_rows(lake),
                        "1|-|1.0|data/a.parquet|1|-\n5000000000|text|2.5|data/b.parquet|1|-\n");
    // Later the table's type stands: what does not fit it fails its file.
    write_parquet(lake, "c.parquet", "select '77' as id");
    write_parquet(lake, "d.parquet", "select 'no number' as id");
    source_lake_must(lake, SL_STEP_PARTIAL);
    assert_string_equal(
        source_lake_query(lake, "select max(_source) from raw.orders where id = 77"),
        "data/c.parquet");
    // Built anew, all of them count again.
    lake->context.full_refresh = true;
    source_lake_must(lake, SL_STEP_DONE);
    assert_true(lake->result.was_full);
    assert_string_equal(source_lake_columns(lake), "id VARCHAR, x VARCHAR, y DOUBLE");
    assert_string_equal(source_lake_query(lake, "select count(*) from raw.orders"), "4");
}

static void a_value_that_the_table_cannot_hold_fails_its_file(void **state)
{
    static const struct {
        const char *first, *later, *columns, *note;
    } cases[] = {
        {"1::int", "3.7::double", "v INTEGER",
         "column 'v' is DOUBLE in the file and INTEGER in the table, which cannot hold 3.7 "
         "exactly; "
         "--full-refresh gives the table a type for all its files"},
        {"1::int", "3.0::double", "v INTEGER", NULL},
        {"1::int", "7::utinyint", "v INTEGER", NULL},
        {"date '2024-01-02'", "timestamp '2024-01-02 23:30:00'", "v DATE", "2024-01-02 23:30:00"},
        {"date '2024-01-02'", "timestamp '2024-01-03 00:00:00'", "v DATE", NULL},
        {"timestamp '2024-01-02 23:30:00'", "date '2024-01-03'", "v TIMESTAMP", NULL},
        {"1.25::decimal(10,2)", "1.2567::decimal(10,4)", "v DECIMAL(10,2)", "1.2567"},
        {"1.25::decimal(10,2)", "1.2500::decimal(10,4)", "v DECIMAL(10,2)", NULL},
        {"2.5::double", "9007199254740993", "v DOUBLE", "9007199254740993"},
        {"{'a': 1}", "{'a': 1, 'b': 2}", "v STRUCT(a INTEGER)", "{'a': 1, 'b': 2}"},
        {"{'a': 1, 'b': 2}", "{'a': 1}", "v STRUCT(a INTEGER, b INTEGER)", NULL},
        {"77", "'077'", "v INTEGER", "077"},
        {"77", "'77'", "v INTEGER", NULL},
        {"'77'", "1.50::decimal(9,2)", "v VARCHAR", NULL},
        {"timestamp '2024-01-02 00:00:00'", "'2024-01-02 00:00:00.123456789'::timestamp_ns",
         "v TIMESTAMP", "2024-01-02 00:00:00.123456789 exactly"},
        {"timestamp '2024-01-02 00:00:00'", "'2024-01-02 00:00:00.123456000'::timestamp_ns",
         "v TIMESTAMP", NULL},
    };
    struct source_lake *lake = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        // Names of their own: the engine remembers what it has read of a path.
        const char *names[] = {sl_arena_printf(&lake->arena, "a%zu.parquet", i),
                               sl_arena_printf(&lake->arena, "b%zu.parquet", i),
                               sl_arena_printf(&lake->arena, "c%zu.parquet", i)};

        assert_int_equal(sl_fs_remove_tree(lake->project.lake_folder, &lake->err), SL_OK);
        write_parquet(lake, names[0],
                      sl_arena_printf(&lake->arena, "select %s as v", cases[i].first));
        source_lake_must(lake, SL_STEP_DONE);
        write_parquet(lake, names[1],
                      sl_arena_printf(&lake->arena, "select %s as v", cases[i].later));
        write_parquet(lake, names[2],
                      sl_arena_printf(&lake->arena, "select %s as v", cases[i].first));
        source_lake_must(lake, cases[i].note ? SL_STEP_PARTIAL : SL_STEP_DONE);
        assert_string_equal(source_lake_columns(lake), cases[i].columns);
        assert_string_equal(source_lake_query(lake, "select count(*) from raw.orders"),
                            cases[i].note ? "2" : "3");
        if (cases[i].note && !strstr(lake->result.notes.items[0], cases[i].note))
            fail_msg("%s", lake->result.notes.items[0]);
        for (size_t k = 0; k < COUNT_OF(names); k++)
            source_lake_remove(lake, names[k]);
    }
}

static void files_of_several_types_get_one_that_holds_them_all(void **state)
{
    static const struct {
        const char *a, *b, *columns, *rows;
    } cases[] = {
        {"9007199254740993", "2.5::double", "v VARCHAR", "9007199254740993,2.5"},
        {"3::int", "2.5::float", "v DOUBLE", "3.0,2.5"},
        {"1.25::decimal(10,2)", "1.2567::decimal(10,4)", "v DECIMAL(12,4)", "1.2500,1.2567"},
        {"1.25::decimal(10,2)", "7::bigint", "v DECIMAL(21,2)", "1.25,7.00"},
        {"1.1::decimal(38,2)", "0.5::double", "v VARCHAR", "1.10,0.5"},
        {"date '2024-01-02'", "timestamp '2024-01-02 23:30:00'", "v TIMESTAMP",
         "2024-01-02 00:00:00,2024-01-02 23:30:00"},
        {"timestamp '2024-01-02 23:30:00'", "timestamptz '2024-01-02 23:30:00Z'", "v VARCHAR",
         "2024-01-02 23:30:00,2024-01-02 23:30:00+00"},
        {"{'a': 1}", "{'a': 1, 'b': 2}", "v STRUCT(a INTEGER, b INTEGER)",
         "{'a': 1, 'b': NULL},{'a': 1, 'b': 2}"},
    };
    struct source_lake *lake = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(sl_fs_remove_tree(lake->project.lake_folder, &lake->err), SL_OK);
        const char *names[] = {sl_arena_printf(&lake->arena, "a%zu.parquet", i),
                               sl_arena_printf(&lake->arena, "b%zu.parquet", i)};
        write_parquet(lake, names[0], sl_arena_printf(&lake->arena, "select %s as v", cases[i].a));
        write_parquet(lake, names[1], sl_arena_printf(&lake->arena, "select %s as v", cases[i].b));
        source_lake_must(lake, SL_STEP_DONE);
        assert_string_equal(source_lake_columns(lake), cases[i].columns);
        assert_string_equal(source_lake_query(lake, "select string_agg(coalesce(v::varchar, '-'), "
                                                    "',' order by _source) from raw.orders"),
                            cases[i].rows);
        for (size_t k = 0; k < COUNT_OF(names); k++)
            source_lake_remove(lake, names[k]);
    }
}

static void a_full_refresh_reads_everything_anew(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id,old\n1,2\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    lake->context.full_refresh = true;
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(lake->result.why, "asked for by --full-refresh");
    assert_string_equal(source_lake_columns(lake), "id VARCHAR");
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n2|data/b.csv|2|-\n");
    assert_int_equal(source_lake_snapshot(lake).file_count, 2);
    // A file that cannot be read anew keeps the rows and columns it had.
    source_lake_put(lake, "b.csv", "id,id\n");
    source_lake_must(lake, SL_STEP_PARTIAL);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n2|data/b.csv|2|-\n");
}

// --- a table that another program has rewritten

static void put_later(struct source_lake *lake, const char *name, const char *text)
{
    struct timespec times[2] = {{.tv_sec = 1767312000}, {.tv_sec = 1767312000}};

    source_lake_put(lake, name, text);
    assert_int_equal(utimensat(AT_FDCWD, source_lake_path(lake, name), times, 0), 0);
}

static void rows_that_another_program_moved_are_not_read_again(void **state)
{
    struct source_lake *lake = *state;
    struct sl_pending pending;

    source_lake_put(lake, "a.csv", "id\n1\n9\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_rewrite(lake, "select * from raw.orders where id <> '9'");
    // Without an engine it cannot be told.
    assert_int_equal(sl_step_ingest_pending(&lake->project, &lake->source, NULL, &lake->arena,
                                            &pending, &lake->err),
                     SL_OK);
    assert_true(pending.needs_session);
    pending = source_lake_pending(lake);
    assert_int_equal(pending.new_files + pending.changed_files + pending.vanished_files, 0);
    source_lake_must(lake, SL_STEP_NOTHING);
    // Nor after more came.
    source_lake_put(lake, "c.csv", "id\n3\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_must(lake, SL_STEP_NOTHING);
    assert_string_equal(source_lake_rows(lake),
                        "1|data/a.csv|2|-\n2|data/b.csv|2|-\n3|data/c.csv|2|-\n");
}

static void a_changed_file_replaces_rows_that_were_moved(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n9\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_rewrite(lake, "select * from raw.orders union all by name select 'x' as id");
    put_later(lake, "a.csv", "id\n7\n");
    assert_int_equal(source_lake_pending(lake).changed_files, 1);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "7|data/a.csv|2|-\n2|data/b.csv|2|-\nx|-|-|-\n");
    assert_int_equal(lake->result.balance.in, 1);
    source_lake_must(lake, SL_STEP_NOTHING);
    // Rows of no file are never given up.
    lake->context.full_refresh = true;
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "7|data/a.csv|2|-\n2|data/b.csv|2|-\nx|-|-|-\n");
}

static void what_was_moved_is_built_anew_as_a_whole(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    source_lake_must(lake, SL_STEP_DONE);
    source_lake_rewrite(lake, "select * from raw.orders");
    lake->context.full_refresh = true;
    source_lake_must(lake, SL_STEP_DONE);
    assert_true(lake->result.was_full);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n2|data/b.csv|2|-\n");
    // With one gone, the other's rows alone are replaced.
    source_lake_rewrite(lake, "select * from raw.orders");
    source_lake_remove(lake, "a.csv");
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n2|data/b.csv|2|-\n");
}

// --- what happens on the way

static void stop_after_first(struct source_lake *lake, struct sl_source_end *end)
{
    (void)end;
    atomic_store(&lake->stop, true);
}

static void asked_to_stop_it_commits_what_it_has(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_lake_put(lake, "b.csv", "id\n2\n");
    atomic_store(&lake->stop, true);
    assert_int_equal(source_lake_run(lake), SL_E_INTERRUPTED);
    assert_int_equal(source_lake_snapshot(lake).version, -1);
    atomic_store(&lake->stop, false);
    source_hooks.on_finish = stop_after_first;
    source_lake_must(lake, SL_STEP_PARTIAL);
    assert_string_equal(lake->result.notes.items[0], "stopped before 1 file");
    assert_int_equal(lake->result.failed_parts, 0);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n");
    source_hooks.on_finish = NULL;
    atomic_store(&lake->stop, false);
    source_lake_must(lake, SL_STEP_DONE);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n2|data/b.csv|2|-\n");
}

static void touch_it(struct source_lake *lake)
{
    source_lake_touch(lake, "a.csv");
}

static void a_file_that_changes_while_it_is_read_fails(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n");
    source_hooks.on_start = touch_it;
    assert_int_equal(source_lake_run(lake), SL_E_SOURCE_FILE);
    assert_string_equal(lake->err.message, "'data/a.csv': it changed while it was read");
    source_hooks.on_start = NULL;
    source_lake_must(lake, SL_STEP_DONE);
}

static void claim_one_more(struct source_lake *lake, struct sl_source_end *end)
{
    (void)lake;
    end->records++;
}

static void claim_another_sum(struct source_lake *lake, struct sl_source_end *end)
{
    (void)lake;
    if (source_hooks.careful_starts == 0)
        end->position_sum++;
}

static void rows_that_do_not_add_up_are_not_published(void **state)
{
    struct source_lake *lake = *state;

    source_lake_put(lake, "a.csv", "id\n1\n2\n");
    source_hooks.on_finish = claim_one_more;
    assert_int_equal(source_lake_run(lake), SL_E_BALANCE);
    assert_int_equal(source_hooks.starts, 2);
    assert_int_equal(source_hooks.careful_starts, 1);
    assert_int_equal(source_lake_snapshot(lake).version, -1);
    // Right at the second try, it is right.
    source_hooks.careful_starts = 0;
    source_hooks.on_finish = claim_another_sum;
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(source_hooks.careful_starts, 1);
    assert_string_equal(source_lake_rows(lake), "1|data/a.csv|2|-\n2|data/a.csv|3|-\n");
}

static void an_engine_that_does_not_read_ends_the_splitter(void **state)
{
    struct source_lake *lake = *state;
    struct sl_buf text = SL_BUF_INIT;

    sl_buf_add(&text, "id\n");
    for (int i = 0; i < 1000000; i++)
        sl_buf_addf(&text, "%d\n", i);
    source_lake_put(lake, "a.csv", text.text);
    sl_buf_clear(&text);
    source_hooks.breaks_sql = true;
    assert_int_equal(source_lake_run(lake), SL_E_ENGINE);
    assert_int_equal(source_hooks.careful_starts, 1);
    source_hooks.breaks_sql = false;
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(lake->result.balance.out, 1000000);
}

static void long_records_come_through_whole(void **state)
{
    struct source_lake *lake = *state;
    size_t length = 5000000;
    char *text = malloc(3 * length);
    char *at = text;

    assert_non_null(text);
    at += sprintf(at, "id,name\n1,");
    memset(at, 'x', length);
    at += length;
    at += sprintf(at, "\n2,\"");
    memset(at, '\n', length);
    at += length;
    at += sprintf(at, "\"\n3,");
    memset(at, ',', length / 2);
    at += length / 2;
    at += sprintf(at, "\n4,y\n");
    source_lake_put_bytes(lake, "a.csv", text, (size_t)(at - text));
    free(text);
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(source_hooks.careful_starts, 1);
    assert_string_equal(
        source_lake_query(
            lake, "select string_agg(concat_ws('|', id, length(name), octet_length(_corrupt), "
                  "_position), ';' order by _position) from raw.orders"),
        "1|5000000|2;2|5000000|3;2500002|5000004;4|1|5000005");
}

// Records whose text looks like records, far apart enough for every thread of the engine to begin
// in the midst of some.
static void texts_that_look_like_records_come_through_a_parallel_reader(void **state)
{
    struct source_lake *lake = *state;
    struct sl_buf text = SL_BUF_INIT;
    int64_t length = 0;
    int rows = 60000;

    sl_buf_add(&text, "id,name,note\n");
    for (int i = 0; i < rows; i++) {
        size_t before;
        sl_buf_addf(&text, "%d,\"", i);
        before = text.length;
        for (int k = 0; k < i % 17; k++)
            sl_buf_addf(&text, "\n%d,,%d,fake,note", k + 2, k);
        length += (int64_t)(text.length - before);
        sl_buf_addf(&text, "\",\"\"\"%d\"\"\"\n", i);
    }
    source_lake_put(lake, "a.csv", text.text);
    assert_true(text.length > 8000000);
    sl_buf_clear(&text);
    source_lake_must(lake, SL_STEP_DONE);
    assert_int_equal(lake->result.balance.in, rows);
    assert_string_equal(
        source_lake_query(lake,
                          "select concat_ws('|', count(*), sum(id::bigint), sum(length(name)), "
                          "count(*) filter (note = '\"' || id || '\"')) from raw.orders"),
        sl_arena_printf(&lake->arena, "%d|%lld|%lld|%d", rows, (long long)rows * (rows - 1) / 2,
                        (long long)length, rows));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, source_lake_setup, source_lake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_become_rows_with_their_place),
        TEST(what_was_read_is_not_read_again),
        TEST(a_table_that_is_read_twice_is_read_at_one_version),
        TEST(a_new_file_is_added_and_a_changed_one_replaced),
        TEST(a_file_that_is_gone_leaves_its_rows),
        TEST(one_file_by_several_names_is_read_once),
        TEST(links_to_a_file_are_that_file),
        TEST(columns_come_in_any_order_and_may_be_added),
        TEST(no_file_is_an_error_only_at_first),
        TEST(a_file_without_rows_is_remembered),
        TEST(a_file_that_cannot_be_read_stops_no_other),
        TEST(if_no_file_can_be_read_the_step_fails),
        TEST(corrupt_records_keep_their_bytes_and_line),
        TEST(every_dialect_reaches_the_engine_unchanged),
        TEST(json_values_are_kept_as_they_are_written),
        TEST(parquet_keeps_its_types),
        TEST(types_that_differ_between_files_are_brought_together),
        TEST(a_value_that_the_table_cannot_hold_fails_its_file),
        TEST(files_of_several_types_get_one_that_holds_them_all),
        TEST(a_full_refresh_reads_everything_anew),
        TEST(rows_that_another_program_moved_are_not_read_again),
        TEST(a_changed_file_replaces_rows_that_were_moved),
        TEST(what_was_moved_is_built_anew_as_a_whole),
        TEST(asked_to_stop_it_commits_what_it_has),
        TEST(a_file_that_changes_while_it_is_read_fails),
        TEST(rows_that_do_not_add_up_are_not_published),
        TEST(an_engine_that_does_not_read_ends_the_splitter),
        TEST(long_records_come_through_whole),
        TEST(texts_that_look_like_records_come_through_a_parallel_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
