#include "engine_test.h"

static struct sl_staged stage(struct context *context, const char *sql,
                              const struct sl_stage_options *options)
{
    struct sl_staged staged = {0};

    check_ok(context, sl_engine_duckdb.stage(context->session, sql, options, &context->arena,
                                             &staged, &context->err));
    return staged;
}

static const struct sl_column_stats *find_stats(const struct sl_staged_file *file, const char *name)
{
    for (size_t i = 0; i < file->stats_count; i++)
        if (sl_str_equal(file->stats[i].name, name))
            return &file->stats[i];
    return NULL;
}

static void assert_text(const char *text, const char *expected)
{
    if (expected) {
        assert_non_null(text);
        assert_string_equal(text, expected);
    } else {
        assert_null(text);
    }
}

static const struct {
    const char *values; // of v
    const char *min, *max;
    int64_t null_count;
    bool has_nan;
} stats[] = {
    {"(3), (-2), (null)", "-2", "3", 1, false},
    {"(9223372036854775807)", "9223372036854775807", "9223372036854775807", 0, false},
    {"(18446744073709551615::ubigint), (0)", "0", "18446744073709551615", 0, false},
    {"(1.50::decimal(12,2)), (-0.05)", "-0.05", "1.50", 0, false},
    {"(12345678901234567890123.45::decimal(38,2))", "12345678901234567890123.45",
     "12345678901234567890123.45", 0, false},
    {"(0.1::double), (1e300), (null)", "0.1", "1e+300", 1, false},
    {"('nan'::double), (2)", "2.0", "2.0", 0, true},
    {"('nan'::float)", NULL, NULL, 0, true},
    {"('infinity'::double)", "inf", "inf", 0, false},
    {"(date '2024-02-29'), (date '1969-12-31')", "1969-12-31", "2024-02-29", 0, false},
    {"(timestamp '2024-02-29 12:00:00.000001'), (timestamp '1960-01-01 00:00:00')",
     "1960-01-01 00:00:00", "2024-02-29 12:00:00.000001", 0, false},
    {"(timestamptz '2024-02-29 12:00:00+02')", "2024-02-29 10:00:00+00", "2024-02-29 10:00:00+00",
     0, false},
    {"('b'), ('ä'), ('a''\"')", "a'\"", "ä", 0, false},
    {"(''), (null)", "", "", 1, false},
    {"(true), (false)", "false", "true", 0, false},
    {"(true)", "true", "true", 0, false},
    {"('\\xAA'::blob)", NULL, NULL, 0, false},
    {"(null::integer), (null)", NULL, NULL, 2, false},
    {"('{\"a\":1}'::json)", "{\"a\":1}", "{\"a\":1}", 0, false},
};

static void statistics_are_exact_text(void **state)
{
    struct context *context = *state;

    for (size_t i = 0; i < COUNT_OF(stats); i++) {
        struct sl_stage_options options = {.folder = ".", .file_prefix = "part"};
        struct sl_staged staged = stage(
            context,
            sl_arena_printf(&context->arena, "select * from (values %s) t(v)", stats[i].values),
            &options);
        const struct sl_column_stats *found;
        assert_int_equal(staged.file_count, 1);
        found = find_stats(&staged.files[0], "v");
        assert_non_null(found);
        assert_text(found->min, stats[i].min);
        assert_text(found->max, stats[i].max);
        assert_int_equal(found->null_count, stats[i].null_count);
        assert_int_equal(found->has_nan, stats[i].has_nan);
    }
}

static void long_texts_are_within_their_bounds(void **state)
{
    struct context *context = *state;
    static const char *const texts[] = {"repeat('x', 255)", "repeat('x', 256)", "repeat('x', 300)",
                                        "repeat('ü', 300)", "repeat(chr(1114111), 100)"};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct sl_stage_options options = {.folder = ".", .file_prefix = "part"};
        const char *sql = sl_arena_printf(&context->arena, "select %s as v", texts[i]);
        struct sl_staged staged = stage(context, sql, &options);
        const struct sl_column_stats *found = find_stats(&staged.files[0], "v");
        const char *text = query(context, sql);
        if (strlen(text) < 256)
            assert_string_equal(found->min, text);
        assert_int_equal(found->min == NULL, found->max == NULL);
        if (!found->min)
            continue;
        assert_true(strcmp(found->min, text) <= 0);
        assert_true(strcmp(found->max, text) >= 0);
    }
}

static void statistics_are_found_by_any_name_and_not_for_nested_fields(void **state)
{
    struct context *context = *state;
    struct sl_stage_options options = {.folder = ".", .file_prefix = "part"};
    struct sl_staged staged =
        stage(context,
              "select 1 as \"a.b\", 2 as \"c\"\"d\", {'e': 3} as s, 4 as \"\"\"\", [5] as l, "
              "map {6: 7} as m; -- end",
              &options);
    const struct sl_staged_file *file = &staged.files[0];

    assert_text(find_stats(file, "a.b")->min, "1");
    assert_text(find_stats(file, "c\"d")->min, "2");
    assert_text(find_stats(file, "\"")->min, "4");
    assert_int_equal(file->stats_count, 3);
}

static void a_single_file_has_its_name_rows_and_size(void **state)
{
    struct context *context = *state;
    static const char *const folders[] = {"f", "f/", "f//", "./f"};

    check_ok(context, sl_fs_mkdirs("f", &context->err));
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        struct sl_stage_options options = {.folder = folders[i],
                                           .file_prefix = i % 2 ? "part-odd" : "part-even"};
        struct sl_staged staged = stage(context, "select range as a from range(3000)", &options);
        struct sl_fs_stat stat;
        assert_int_equal(staged.row_count, 3000);
        assert_int_equal(staged.file_count, 1);
        assert_int_equal(staged.files[0].row_count, 3000);
        assert_string_equal(staged.files[0].path,
                            i % 2 ? "part-odd-0.parquet" : "part-even-0.parquet");
        check_ok(context, sl_fs_stat(sl_path_join(&context->arena, "f", staged.files[0].path),
                                     &stat, &context->err));
        assert_int_equal(staged.files[0].size_bytes, stat.size_bytes);
    }
    assert_string_equal(query(context, "select count(*), count(distinct file_name) "
                                       "from parquet_file_metadata('f/*.parquet')"),
                        "2|2");
    assert_string_equal(query(context, "select distinct compression "
                                       "from parquet_metadata('f/*.parquet')"),
                        "ZSTD");
}

static void no_rows_give_no_file(void **state)
{
    struct context *context = *state;
    const char *const by[] = {"p"};
    const struct sl_stage_options cases[] = {
        {.folder = "f", .file_prefix = "part"},
        {.folder = "f", .file_prefix = "part", .file_size_bytes = 1000000},
        {.folder = "f", .file_prefix = "part", .partition_columns = by, .partition_count = 1},
    };

    check_ok(context, sl_fs_mkdirs("f", &context->err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_strs names;
        struct sl_staged staged = stage(context, "select 1 as a, 2 as p where false", &cases[i]);
        assert_int_equal(staged.file_count, 0);
        assert_int_equal(staged.row_count, 0);
        check_ok(context, sl_fs_list("f", &context->arena, &names, &context->err));
        assert_int_equal(names.count, 0);
    }
}

static void large_results_are_divided_by_size(void **state)
{
    struct context *context = *state;
    struct sl_stage_options options = {
        .folder = "f", .file_prefix = "part", .file_size_bytes = 500000};
    struct sl_staged staged;
    int64_t rows = 0;

    check_ok(context, sl_fs_mkdirs("f", &context->err));
    write_file("f/other.parquet", "not ours");
    staged = stage(context, "select range as a, random() as r from range(1000000)", &options);
    assert_true(staged.file_count > 3);
    for (size_t i = 0; i < staged.file_count; i++) {
        rows += staged.files[i].row_count;
        assert_true(sl_fs_exists(sl_path_join(&context->arena, "f", staged.files[i].path)));
        assert_true(sl_str_starts(staged.files[i].path, "part-"));
    }
    assert_int_equal(rows, 1000000);
    assert_int_equal(staged.row_count, 1000000);
    assert_true(sl_fs_exists("f/other.parquet"));
}

static const struct {
    const char *expression, *values[3]; // by NULLs last
} partitions[] = {
    {"(['b', 'a', null])[i]", {"a", "b", NULL}},
    {"(['', 'x y/=%', 'ü+&?*'])[i]", {"", "x y/=%", "ü+&?*"}},
    {"(['NULL', null, 'null'])[i]", {"NULL", "null", NULL}},
    {"([1, 20, 3])[i]", {"1", "20", "3"}},
    {"([1.5, -0.25, null])[i]::decimal(6,2)", {"-0.25", "1.50", NULL}},
    {"([date '2024-02-29', date '1969-12-31', null])[i]", {"1969-12-31", "2024-02-29", NULL}},
    {"([timestamp '2024-02-29 12:00:00', timestamp '2024-02-29 12:00:00.5', null])[i]",
     {"2024-02-29 12:00:00", "2024-02-29 12:00:00.5", NULL}},
    {"([true, false, null])[i]", {"false", "true", NULL}},
};

static int compare_files(const void *a, const void *b)
{
    const char *left = ((const struct sl_staged_file *)a)->partition[1];
    const char *right = ((const struct sl_staged_file *)b)->partition[1];

    if (!left || !right)
        return (left == NULL) - (right == NULL);
    return strcmp(left, right);
}

// Staged files as a scan gives back what was staged: the whole way that a table's rows go.
static void check_round_trip(struct context *context, const struct sl_staged *staged,
                             const struct sl_stage_options *options, const char *sql)
{
    struct sl_scan_file *files =
        SL_NEW_ARRAY(&context->arena, struct sl_scan_file, staged->file_count);
    struct sl_column *columns;
    struct sl_scan scan = {.partition_columns = options->partition_columns,
                           .partition_count = options->partition_count,
                           .files = files,
                           .file_count = staged->file_count};
    SL_AUTO(sl_buf_clear) struct sl_buf scanned = SL_BUF_INIT;

    check_ok(context, sl_engine_duckdb.describe(context->session, sql, &context->arena, &columns,
                                                &scan.column_count, &context->err));
    scan.columns = columns;
    for (size_t i = 0; i < staged->file_count; i++)
        files[i] = (struct sl_scan_file){
            .path = sl_path_join(&context->arena, options->folder, staged->files[i].path),
            .partition = staged->files[i].partition};
    check_ok(context, sl_engine_duckdb.scan_sql(context->session, &scan, &scanned, &context->err));
    assert_string_equal(
        query(context, sl_arena_printf(&context->arena, "from %s order by all", scanned.text)),
        query(context, sl_arena_printf(&context->arena, "from (%s) order by all", sql)));
}

static void partitions_are_decoded_and_null_is_null(void **state)
{
    struct context *context = *state;
    const char *const by[] = {"constant c", "p"};

    for (size_t i = 0; i < COUNT_OF(partitions); i++) {
        const char *folder = sl_arena_printf(&context->arena, "f%zu", i);
        struct sl_stage_options options = {.folder = folder,
                                           .file_prefix = "part",
                                           .partition_columns = by,
                                           .partition_count = 2,
                                           .file_size_bytes = 1000};
        const char *sql = sl_arena_printf(
            &context->arena, "select i as a, %s as p, 'c' as \"constant c\" from range(1, 4) t(i)",
            partitions[i].expression);
        struct sl_staged staged;
        check_ok(context, sl_fs_mkdirs(folder, &context->err));
        staged = stage(context, sql, &options);
        assert_int_equal(staged.file_count, 3);
        assert_int_equal(staged.row_count, 3);
        qsort(staged.files, 3, sizeof *staged.files, compare_files);
        for (size_t file = 0; file < 3; file++) {
            assert_string_equal(staged.files[file].partition[0], "c");
            assert_text(staged.files[file].partition[1], partitions[i].values[file]);
            assert_int_equal(staged.files[file].row_count, 1);
            assert_non_null(find_stats(&staged.files[file], "a"));
            assert_null(find_stats(&staged.files[file], "p"));
            assert_true(
                sl_fs_exists(sl_path_join(&context->arena, folder, staged.files[file].path)));
        }
        check_round_trip(context, &staged, &options, sql);
    }
}

static void a_text_that_means_null_in_folders_is_refused(void **state)
{
    struct context *context = *state;
    const char *const by[] = {"p"};
    struct sl_stage_options options = {
        .folder = ".", .file_prefix = "part", .partition_columns = by, .partition_count = 1};
    struct sl_staged staged = {.row_count = 99};

    assert_int_equal(
        sl_engine_duckdb.stage(context->session,
                               "select 1 as a, unnest(['__HIVE_DEFAULT_PARTITION__', null]) as p",
                               &options, &context->arena, &staged, &context->err),
        SL_E_ENGINE);
    assert_int_equal(staged.row_count, 99);
}

static void types_that_would_lose_digits_are_refused(void **state)
{
    struct context *context = *state;
    static const char *const cases[] = {"1::hugeint", "1::uhugeint", "[1::hugeint]",
                                        "{'a': 1::hugeint}"};
    struct sl_stage_options options = {.folder = ".", .file_prefix = "part"};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_staged staged = {.row_count = 99};
        assert_int_equal(
            sl_engine_duckdb.stage(context->session,
                                   sl_arena_printf(&context->arena, "select %s as a", cases[i]),
                                   &options, &context->arena, &staged, &context->err),
            SL_E_ENGINE);
        assert_string_equal(context->err.hint, "cast it to decimal(38, 0) or bigint");
        assert_int_equal(staged.row_count, 99);
    }
}

static void a_query_that_fails_on_its_way_is_an_error(void **state)
{
    struct context *context = *state;
    struct sl_stage_options options = {.folder = ".", .file_prefix = "part"};
    struct sl_staged staged = {.row_count = 99};

    assert_int_equal(sl_engine_duckdb.stage(
                         context->session,
                         "select range,\n case when range = 90000 then error('here') end as e "
                         "from range(100000)",
                         &options, &context->arena, &staged, &context->err),
                     SL_E_ENGINE);
    assert_string_equal(context->err.message, "here");
    options.folder = "missing";
    assert_int_equal(sl_engine_duckdb.stage(context->session, "select 1 as a", &options,
                                            &context->arena, &staged, &context->err),
                     SL_E_FILE_MISSING);
    assert_int_equal(staged.row_count, 99);
}

static void order_is_kept(void **state)
{
    struct context *context = *state;
    struct sl_stage_options options = {.folder = ".", .file_prefix = "part"};

    (void)stage(context, "select hash(range) as h, range as a from range(300000) order by h",
                &options);
    assert_string_equal(
        query(context,
              "select count(*) from (select h, lag(h) over (order by file_row_number) as p "
              "from read_parquet('part-0.parquet')) where p > h"),
        "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(statistics_are_exact_text),
        SESSION_TEST(long_texts_are_within_their_bounds),
        SESSION_TEST(statistics_are_found_by_any_name_and_not_for_nested_fields),
        SESSION_TEST(a_single_file_has_its_name_rows_and_size),
        SESSION_TEST(no_rows_give_no_file),
        SESSION_TEST(large_results_are_divided_by_size),
        SESSION_TEST(partitions_are_decoded_and_null_is_null),
        SESSION_TEST(a_text_that_means_null_in_folders_is_refused),
        SESSION_TEST(types_that_would_lose_digits_are_refused),
        SESSION_TEST(a_query_that_fails_on_its_way_is_an_error),
        SESSION_TEST(order_is_kept),
    };

    // An engine for few rows does without preparing its statements.
    int failed = cmocka_run_group_tests(tests, open_engine, close_engine);
    return failed + cmocka_run_group_tests(tests, open_engine_for_few_rows, close_engine);
}
