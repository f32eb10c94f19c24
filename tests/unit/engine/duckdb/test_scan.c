#include "engine_test.h"

#include <sys/stat.h>

static const char *scan_sql(struct context *context, const struct sl_scan *scan)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *copy;

    check_ok(context, sl_engine_duckdb.scan_sql(context->session, scan, &sql, &context->err));
    copy = sl_arena_strdup(&context->arena, sql.text);
    assert_non_null(copy);
    return copy;
}

static const char *query_scan(struct context *context, const struct sl_scan *scan,
                              const char *select, const char *rest)
{
    return query(context, sl_arena_printf(&context->arena, "%s from %s %s", select,
                                          scan_sql(context, scan), rest));
}

static void missing_columns_are_null_and_others_ignored(void **state)
{
    struct context *context = *state;
    const struct sl_column columns[] = {
        {"a", "BIGINT"},         {"b \"c'", "VARCHAR"},
        {"filename", "VARCHAR"}, {"s", "STRUCT(x BIGINT, y VARCHAR)"},
        {"FILE_INDEX", "DATE"},  {"_sl_2", "INTEGER[]"},
    };
    const struct sl_scan_file files[] = {
        {.path = "1.parquet"}, {.path = "2.parquet"}, {.path = "3.parquet"}};
    const struct sl_scan scan = {.columns = columns,
                                 .column_count = COUNT_OF(columns),
                                 .files = files,
                                 .file_count = COUNT_OF(files)};

    exec(context, "copy (select 1::bigint as a, 'one' as \"b \"\"c'\", 'f' as filename) "
                  "to '1.parquet'");
    exec(context, "copy (select 'extra' as z, {'x': 7} as s, 2::integer as a, "
                  "date '2024-01-01' as file_index, [1, 2] as _sl_2) to '2.parquet'");
    exec(context, "copy (select 'only' as z) to '3.parquet'");
    assert_string_equal(query_scan(context, &scan, "select *", ""),
                        "1|one|f|NULL|NULL|NULL\n"
                        "2|NULL|NULL|{'x': 7, 'y': NULL}|2024-01-01|[1, 2]\n"
                        "NULL|NULL|NULL|NULL|NULL|NULL");
}

// Read as it is, for a schema would make the reader use one thread only.
static void a_large_single_file_needs_no_schema(void **state)
{
    struct context *context = *state;
    const char *const partitions[] = {"p"};
    const char *const values[] = {"7"};
    const struct sl_column columns[] = {
        {"a", "BIGINT"}, {"p", "INTEGER"}, {"b \"c'", "VARCHAR"}, {"gone", "DATE"}};
    const struct sl_column other_type[] = {{"a", "DECIMAL(20,0)"}};
    const struct sl_column hidden[] = {{"file_row_number", "BIGINT"}};
    const struct sl_scan_file files[] = {{.path = "large.parquet", .partition = values}};
    const struct sl_scan_file shadows[] = {{.path = "shadows.parquet"}};
    struct sl_scan scan = {.columns = columns,
                           .column_count = COUNT_OF(columns),
                           .partition_columns = partitions,
                           .partition_count = 1,
                           .files = files,
                           .file_count = 1,
                           .row_count = 300000,
                           .with_origin = true};

    exec(context, "copy (select i as a, 'extra' as z, 'v' || i as \"b \"\"c'\" from "
                  "range(300000) r(i)) to 'large.parquet'");
    assert_null(strstr(scan_sql(context, &scan), "schema"));
    assert_string_equal(query_scan(context, &scan, "select *", "where a >= 299999"),
                        "299999|7|v299999|NULL|0|299999");
    assert_string_equal(
        query_scan(context, &scan, "select count(*), sum(\"~row\"), max(\"~file\")", ""),
        "300000|44999850000|0");
    scan.columns = other_type;
    scan.column_count = 1;
    assert_non_null(strstr(scan_sql(context, &scan), "schema"));
    assert_string_equal(query_scan(context, &scan, "select typeof(a), count(*)", "group by all"),
                        "DECIMAL(20,0)|300000");
    exec(context, "copy (select 5 as file_row_number, i from range(200000) r(i)) to "
                  "'shadows.parquet'");
    scan = (struct sl_scan){.columns = hidden,
                            .column_count = 1,
                            .files = shadows,
                            .file_count = 1,
                            .row_count = 200000,
                            .with_origin = true};
    assert_string_equal(
        query_scan(context, &scan, "select sum(file_row_number), max(\"~row\")", ""),
        "1000000|199999");
}

static void types_are_the_declared_ones(void **state)
{
    struct context *context = *state;
    const struct sl_column columns[] = {
        {"a", "DECIMAL(20,2)"},
        {"b", "VARCHAR"},
        {"p", "TIMESTAMP"},
        {"q", "DECIMAL(5,2)"},
    };
    const char *const names[] = {"p", "q"};
    const char *const values[] = {"2024-01-01 12:00:00", NULL};
    const struct sl_scan_file files[] = {{.path = "1.parquet", .partition = values}};
    struct sl_scan scan = {.columns = columns,
                           .column_count = COUNT_OF(columns),
                           .partition_columns = names,
                           .partition_count = 2,
                           .files = files};
    exec(context, "copy (select 1::integer as a, 2.5 as b) to '1.parquet'");

    for (scan.file_count = 0; scan.file_count < 2; scan.file_count++) {
        struct sl_column *described;
        size_t count;
        const char *sql =
            sl_arena_printf(&context->arena, "select * from %s", scan_sql(context, &scan));
        check_ok(context, sl_engine_duckdb.describe(context->session, sql, &context->arena,
                                                    &described, &count, &context->err));
        assert_int_equal(count, COUNT_OF(columns));
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(described[i].name, columns[i].name);
            assert_string_equal(described[i].type, columns[i].type);
        }
        assert_string_equal(query(context, sql),
                            scan.file_count ? "1.00|2.5|2024-01-01 12:00:00|NULL" : "");
    }
}

static void a_column_named_as_the_origin_is_refused(void **state)
{
    struct context *context = *state;
    const struct sl_column columns[] = {{"~File", "BIGINT"}};
    struct sl_scan scan = {.columns = columns, .column_count = 1, .with_origin = true};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_err err = {0};

    assert_int_equal(context->session->kind->scan_sql(context->session, &scan, &sql, &err),
                     SL_E_TABLE_SCHEMA);
}

static void origin_tells_file_and_row(void **state)
{
    struct context *context = *state;
    const struct sl_column columns[] = {{"a", "BIGINT"}};
    const struct sl_scan_file files[] = {{.path = "1.parquet"}, {.path = "2.parquet"}};
    struct sl_scan scan = {.columns = columns,
                           .column_count = 1,
                           .files = files,
                           .file_count = 2,
                           .with_origin = true};

    exec(context, "copy (select range as a from range(5000)) to '1.parquet' (row_group_size 2048)");
    exec(context, "copy (select range + 10000 as a from range(5000)) to '2.parquet'");
    assert_string_equal(query_scan(context, &scan, "select a, \"~file\", \"~row\"",
                                   "where a in (0, 4999, 10000, 14321) order by a"),
                        "0|0|0\n4999|0|4999\n10000|1|0\n14321|1|4321");
    assert_string_equal(
        query_scan(context, &scan, "select count(*)", "where a <> \"~file\" * 10000 + \"~row\""),
        "0");
    scan.column_count = 0;
    assert_string_equal(
        query_scan(context, &scan, "select count(*), max(\"~file\"), max(\"~row\")", ""),
        "10000|1|4999");
    scan.file_count = 0;
    assert_string_equal(
        query_scan(context, &scan, "select count(\"~file\"), typeof(max(\"~row\"))", ""),
        "0|BIGINT");
}

static void a_scan_without_columns_is_our_bug(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_scan scan = {0};

    assert_int_equal(sl_engine_duckdb.scan_sql(context->session, &scan, &sql, &context->err),
                     SL_E_INTERNAL);
}

static void paths_are_no_patterns(void **state)
{
    struct context *context = *state;
    static const char *const folders[] = {"a*b",     "a?b",   "a[1]b", "a'b", "ä b",
                                          "p=1,q=%", "{a,b}", "a\\b",  "a]b", "**"};

    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        const struct sl_column columns[] = {{"a", "BIGINT"}};
        struct sl_scan_file file = {
            .path = sl_arena_printf(&context->arena, "%s/x.parquet", folders[i])};
        struct sl_scan scan = {
            .columns = columns, .column_count = 1, .files = &file, .file_count = 1};
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        check_ok(context, sl_fs_mkdirs(folders[i], &context->err));
        sl_buf_addf(&sql, "copy (select %zu::bigint as a) to ", i);
        sl_buf_add_sql_string(&sql, file.path);
        exec(context, sql.text);
        assert_string_equal(query_scan(context, &scan, "select sum(a)::bigint, count(*)", ""),
                            sl_arena_printf(&context->arena, "%zu|1", i));
    }
}

// Files of 100 rows each, a = 0..99, at the given paths.
static void write_files(struct context *context, const struct sl_scan_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        check_ok(context,
                 sl_fs_mkdirs(sl_path_folder(&context->arena, files[i].path), &context->err));
        sl_buf_add(&sql, "copy (select range as a from range(100)) to ");
        sl_buf_add_sql_string(&sql, files[i].path);
        sl_buf_add(&sql, " (format parquet)");
        exec(context, sql.text);
    }
}

#define VALUES(...)                    \
    .partition = (const char *const[]) \
    {                                  \
        __VA_ARGS__                    \
    }

static const struct partition_case {
    struct sl_scan_file files[3];
    const char *rows;     // of the partition columns
    const char *filter;   // leaves
    const char *filtered; // these of them,
    const char *origin;   // in these files,
    const char *left;     // and the plan says so
} partition_cases[] = {
    // in the path
    {{{"l/p=2024-01-01/q=a%20b/1.parquet", VALUES("2024-01-01", "a b")},
      {"l/p=2024-01-02/q=__HIVE_DEFAULT_PARTITION__/1.parquet", VALUES("2024-01-02", NULL)},
      {"l/p=2024-01-02/q=__HIVE_DEFAULT_PARTITION__/2.parquet", VALUES("2024-01-02", NULL)}},
     "2024-01-01|a b\n2024-01-02|NULL",
     "p = '2024-01-02'",
     "2024-01-02|NULL",
     "1|2024-01-02|NULL\n2|2024-01-02|NULL",
     "Scanning Files: 2/3"},
    {{{"l/p=2024-01-01/q=x%2By%3D/1.parquet", VALUES("2024-01-01", "x+y=")},
      {"l/p=__HIVE_DEFAULT_PARTITION__/q=%C3%BC/1.parquet", VALUES(NULL, "ü")},
      {"l/p=2024-01-02/q=/1.parquet", VALUES("2024-01-02", "")}},
     "2024-01-01|x+y=\n2024-01-02|\nNULL|ü",
     "p is null or q = ''",
     "2024-01-02|\nNULL|ü",
     "1|NULL|ü\n2|2024-01-02|",
     "Scanning Files: 2/3"},
    {{{"l/p=2024-01-01/q=1/1.parquet", VALUES("2024-01-01", "1")},
      {"l/p=2024-01-02/q=1/1.parquet", VALUES("2024-01-02", "1")},
      {"l/p=2024-01-03/q=1/1.parquet", VALUES("2024-01-03", "1")}},
     "2024-01-01|1\n2024-01-02|1\n2024-01-03|1",
     "p in (date '2024-01-02', date '2024-01-03') and q = '1' and a > 5",
     "2024-01-02|1\n2024-01-03|1",
     "1|2024-01-02|1\n2|2024-01-03|1",
     "Scanning Files: 2/3"},
    // not in the path, or not as the values say
    {{{"1.parquet", VALUES("2024-01-01", "a")},
      {"2.parquet", VALUES(NULL, "it's")},
      {"3.parquet", VALUES("2024-01-02", NULL)}},
     "2024-01-01|a\n2024-01-02|NULL\nNULL|it's",
     "q = 'it''s'",
     "NULL|it's",
     "1|NULL|it's",
     NULL},
    {{{"l/p=2024-01-01/q=a/1.parquet", VALUES("2024-01-02", "A")},
      {"l/p=2024-01-02/q=/1.parquet", VALUES("2024-01-01", NULL)},
      {"l/p=2024-01-02/q=b/q=c/1.parquet", VALUES(NULL, "c")}},
     "2024-01-01|NULL\n2024-01-02|A\nNULL|c",
     "q = 'c'",
     "NULL|c",
     "2|NULL|c",
     NULL},
    // only one of them as the path says
    {{{"l/p=2024-01-01/1.parquet", VALUES("2024-01-01", "a")},
      {"l/p=2024-01-02/1.parquet", VALUES("2024-01-02", "b")},
      {"l/p=2024-01-03/1.parquet", VALUES("2024-01-03", "c")}},
     "2024-01-01|a\n2024-01-02|b\n2024-01-03|c",
     "p = '2024-01-03'",
     "2024-01-03|c",
     "2|2024-01-03|c",
     NULL},
    {{{"l/p=2024-01-01/q=__HIVE_DEFAULT_PARTITION__/1.parquet",
       VALUES("2024-01-01", "__HIVE_DEFAULT_PARTITION__")},
      {"l/p=2024-01-01/q=%zz/1.parquet", VALUES("2024-01-01", "%zz")},
      {"l/p=2024-01-01/q=%4/1.parquet", VALUES("2024-01-01", "%4")}},
     "2024-01-01|%4\n2024-01-01|%zz\n2024-01-01|__HIVE_DEFAULT_PARTITION__",
     "q = '%4'",
     "2024-01-01|%4",
     "2|2024-01-01|%4",
     NULL},
};

static void partition_values_are_those_of_the_list(void **state)
{
    struct context *context = *state;
    const struct sl_column columns[] = {{"q", "VARCHAR"}, {"a", "BIGINT"}, {"p", "DATE"}};
    const char *const names[] = {"p", "q"};

    for (size_t i = 0; i < COUNT_OF(partition_cases); i++) {
        const struct partition_case *it = &partition_cases[i];
        struct sl_scan scan = {.columns = columns,
                               .column_count = COUNT_OF(columns),
                               .partition_columns = names,
                               .partition_count = 2,
                               .files = it->files,
                               .file_count = 3};
        write_files(context, it->files, 3);
        for (int origin = 0; origin < 2; origin++) {
            scan.with_origin = origin;
            assert_string_equal(query_scan(context, &scan, "select distinct p, q", "order by all"),
                                it->rows);
            assert_string_equal(
                query_scan(context, &scan, "select distinct p, q",
                           sl_arena_printf(&context->arena, "where %s order by all", it->filter)),
                it->filtered);
            assert_string_equal(query_scan(context, &scan, "select count(*)", ""), "300");
        }
        assert_string_equal(
            query_scan(context, &scan, "select distinct \"~file\", p, q",
                       sl_arena_printf(&context->arena, "where %s order by all", it->filter)),
            it->origin);
    }
}

static void files_of_other_partitions_are_not_opened(void **state)
{
    struct context *context = *state;
    const struct sl_column columns[] = {{"q", "VARCHAR"}, {"a", "BIGINT"}, {"p", "DATE"}};
    const char *const names[] = {"p", "q"};

    for (size_t i = 0; i < COUNT_OF(partition_cases); i++) {
        const struct partition_case *it = &partition_cases[i];
        struct sl_scan scan = {.columns = columns,
                               .column_count = COUNT_OF(columns),
                               .partition_columns = names,
                               .partition_count = 2,
                               .files = it->files,
                               .file_count = 3};
        const char *plan;
        write_files(context, it->files, 3);
        plan = query(context,
                     sl_arena_printf(&context->arena, "explain analyze select a from %s where %s",
                                     scan_sql(context, &scan), it->filter));
        if (it->left)
            assert_non_null(strstr(plan, it->left));
    }
}

static void filters_and_projections_reach_the_files(void **state)
{
    struct context *context = *state;
    const struct sl_column columns[] = {{"a", "BIGINT"}, {"b", "VARCHAR"}, {"c", "DOUBLE"}};
    const struct sl_scan_file files[] = {{.path = "1.parquet"}};
    const struct sl_scan scan = {
        .columns = columns, .column_count = COUNT_OF(columns), .files = files, .file_count = 1};
    const char *plan;

    exec(context, "copy (select range as a, 'x' as b, 0.5 as c from range(100000)) "
                  "to '1.parquet' (row_group_size 10000)");
    check_ok(context, sl_engine_duckdb.create_view(
                          context->session, "raw", "t",
                          sl_arena_printf(&context->arena, "from %s", scan_sql(context, &scan)),
                          &context->err));
    plan = query(context, "explain select b from raw.t where a between 20000 and 20010");
    assert_non_null(strstr(plan, "READ_PARQUET"));
    assert_non_null(strstr(plan, "Projections: b"));
    assert_non_null(strstr(plan, "a>=20000 AND a<=20010"));
    assert_null(strstr(plan, " FILTER "));
}

static void row_groups_are_skipped_by_their_statistics(void **state)
{
    struct context *context = *state;
    const struct sl_column columns[] = {{"a", "BIGINT"}, {"b", "VARCHAR"}};
    const struct sl_scan_file files[] = {{.path = "1.parquet"}};
    const struct sl_scan scan = {
        .columns = columns, .column_count = 2, .files = files, .file_count = 1};
    char *bytes;
    const char *text;
    size_t length;

    exec(context, "copy (select range as a, md5(range::varchar) as b from range(100000)) "
                  "to '1.parquet' (row_group_size 10000, compression uncompressed)");
    // Whoever reads the first row group now finds garbage; its statistics are at the end.
    check_ok(context,
             sl_fs_read("1.parquet", 1 << 28, &context->arena, &text, &length, &context->err));
    bytes = sl_arena_strndup(&context->arena, text, length);
    assert_non_null(bytes);
    memset(bytes + 4, 0xff, 100000);
    check_ok(context, sl_fs_write("1.parquet", bytes, length, &context->err));
    assert_string_equal(query_scan(context, &scan, "select count(b)", "where a >= 90000"), "10000");
    assert_int_equal(
        sl_engine_duckdb.exec(context->session,
                              sl_arena_printf(&context->arena, "select sum(length(b)) from %s",
                                              scan_sql(context, &scan)),
                              NULL, &context->err),
        SL_E_ENGINE);
}

static void thousands_of_partitions_are_read_and_pruned(void **state)
{
    struct context *context = *state;
    enum { COUNT = 1000 };
    const struct sl_column columns[] = {{"a", "BIGINT"}, {"p", "INTEGER"}, {"q", "INTEGER"}};
    const char *const names[] = {"p", "q"};
    struct sl_scan_file *files = SL_NEW_ARRAY(&context->arena, struct sl_scan_file, COUNT);
    struct sl_scan scan = {.columns = columns,
                           .column_count = 3,
                           .partition_columns = names,
                           .partition_count = 2,
                           .files = files,
                           .file_count = COUNT};
    const char *text;
    size_t length;

    exec(context, "copy (select 1::bigint as a) to 'one.parquet'");
    check_ok(context,
             sl_fs_read("one.parquet", 1 << 20, &context->arena, &text, &length, &context->err));
    assert_int_equal(mkdir("t", 0777), 0);
    for (int i = 0; i < COUNT; i++) {
        const char **values = SL_NEW_ARRAY(&context->arena, const char *, 2);
        values[0] = sl_arena_printf(&context->arena, "%d", i);
        values[1] = sl_arena_printf(&context->arena, "%d", -i); // not in the path
        files[i].partition = values;
        files[i].path = sl_arena_printf(&context->arena, "t/p=%d/x.parquet", i);
        // Durable folders would take seconds.
        assert_int_equal(mkdir(sl_path_folder(&context->arena, files[i].path), 0777), 0);
        assert_int_equal(symlink("../../one.parquet", files[i].path), 0);
    }
    for (int origin = 0; origin < 2; origin++) {
        scan.with_origin = origin;
        for (scan.column_count = 2; scan.column_count <= 3; scan.column_count++) {
            bool has_q = scan.column_count == 3;
            scan.partition_count = scan.column_count - 1;
            assert_string_equal(query_scan(context, &scan, "select sum(a)::int, sum(p)::int", ""),
                                "1000|499500");
            assert_string_equal(
                query_scan(context, &scan, has_q ? "select p, q" : "select p, -p", "where p = 123"),
                "123|-123");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(missing_columns_are_null_and_others_ignored),
        SESSION_TEST(a_large_single_file_needs_no_schema),
        SESSION_TEST(types_are_the_declared_ones),
        SESSION_TEST(a_column_named_as_the_origin_is_refused),
        SESSION_TEST(origin_tells_file_and_row),
        SESSION_TEST(a_scan_without_columns_is_our_bug),
        SESSION_TEST(paths_are_no_patterns),
        SESSION_TEST(partition_values_are_those_of_the_list),
        SESSION_TEST(files_of_other_partitions_are_not_opened),
        SESSION_TEST(filters_and_projections_reach_the_files),
        SESSION_TEST(row_groups_are_skipped_by_their_statistics),
        SESSION_TEST(thousands_of_partitions_are_read_and_pruned),
    };

    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
