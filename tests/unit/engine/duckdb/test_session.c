#include "engine_test.h"

#include <pthread.h>
#include <stdatomic.h>

static void each_session_has_views_of_its_own(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_session_close) struct sl_session *other = NULL;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;

    check_ok(context, sl_engine_duckdb.connect(context->engine, &other, &context->err));
    check_ok(context, sl_engine_duckdb.create_view(context->session, "raw", "t", "select 1 as a",
                                                   &context->err));
    check_ok(context,
             sl_engine_duckdb.create_view(other, "raw", "t", "select 2 as a", &context->err));
    check_ok(context, sl_engine_duckdb.create_view(other, "clean", "t",
                                                   "select a + 1 as a from raw.t", &context->err));
    assert_string_equal(query(context, "select a from raw.t"), "1");
    check_ok(context,
             sl_engine_duckdb.query(other, "select a from clean.t", 0, &result, &context->err));
    assert_int_equal(sl_result_int(result, 0, 0), 3);
    assert_int_equal(sl_engine_duckdb.exec(context->session, "from clean.t", NULL, &context->err),
                     SL_E_ENGINE);
}

static void a_session_leaves_nothing_behind(void **state)
{
    struct context *context = *state;
    static const char *const endings[] = {
        "select 1",
        "create table t as select range from range(1000)",
        "begin; create table t (a integer)",
        "begin; create table u (a integer); create schema raw; use raw",
    };
    const char *databases = "select count(*) from duckdb_databases()";
    const char *before = query(context, databases);

    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct sl_session *other = NULL;
        check_ok(context, sl_engine_duckdb.connect(context->engine, &other, &context->err));
        assert_string_not_equal(query(context, databases), before);
        check_ok(context, sl_engine_duckdb.exec(other, endings[i], NULL, &context->err));
        sl_session_close(&other);
        assert_null(other);
        assert_string_equal(query(context, databases), before);
    }
}

static void a_failed_transaction_does_not_keep_the_catalogue(void **state)
{
    struct context *context = *state;
    struct sl_session *other = NULL;
    const char *databases = "select count(*) from duckdb_databases()";
    const char *before = query(context, databases);

    check_ok(context, sl_engine_duckdb.connect(context->engine, &other, &context->err));
    assert_int_equal(sl_engine_duckdb.exec(other,
                                           "begin; create table t (a integer); select nothing",
                                           NULL, &context->err),
                     SL_E_ENGINE);
    sl_session_close(&other);
    assert_string_equal(query(context, databases), before);
}

static void settings_are_those_promised(void **state)
{
    struct context *context = *state;
    static const char *const settings[][2] = {
        {"TimeZone", "UTC"},
        {"threads", "2"},
        {"memory_limit", "381.4 MiB"},
        {"preserve_insertion_order", "true"},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"enable_progress_bar_print", "false"},
    };

    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        char sql[96];
        (void)snprintf(sql, sizeof sql, "select current_setting('%s')", settings[i][0]);
        assert_string_equal(query(context, sql), settings[i][1]);
    }
}

static void times_are_in_utc_whatever_the_environment_says(void **state)
{
    struct context *context = *state;

    assert_string_equal(query(context, "select '2024-07-01 00:00:00'::timestamp::timestamptz, "
                                       "timestamptz '2024-07-01 12:00:00+02'::date, "
                                       "date_trunc('day', timestamptz '2024-07-01 01:00:00+02'), "
                                       "timestamptz '2024-03-30 12:00:00+00' + interval 1 day"),
                        "2024-07-01 00:00:00+00|2024-07-01|2024-06-30 00:00:00+00|"
                        "2024-03-31 12:00:00+00");
    assert_string_equal(query(context, "select now()::timestamp = now() at time zone 'UTC', "
                                       "abs(epoch(now()) - epoch(current_timestamp)) < 1"),
                        "true|true");
}

static void an_installed_extension_is_loaded_once_and_again(void **state)
{
    struct context *context = *state;

    for (int i = 0; i < 2; i++)
        check_ok(context,
                 sl_duckdb_load_extension(context->session, "sqlite_scanner", &context->err));
    exec(context, "attach 'x.db' as x (type sqlite); create table x.t as select 42 as a");
    assert_string_equal(query(context, "select a from x.t"), "42");
    exec(context, "detach x");
}

static void an_extension_that_is_not_there_is_an_error(void **state)
{
    struct context *context = *state;

    assert_int_equal(sl_duckdb_load_extension(context->session, "no'such", &context->err),
                     SL_E_ENGINE_EXTENSION);
    assert_string_equal(context->err.message, "the extension 'no'such' is not installed");
    // Nor does SQL fetch one.
    assert_int_equal(sl_engine_duckdb.exec(context->session, "from 's3://bucket/x.parquet'", NULL,
                                           &context->err),
                     SL_E_ENGINE_EXTENSION);
}

// Work that never ends by itself.
#define ENDLESS "select sum(hash(a.i + b.i)) from range(100000000) a(i), range(100000000) b(i)"

struct runner {
    struct sl_session *session;
    struct sl_err err;
    atomic_bool is_done;
    int code;
};

static void *run_endless(void *arg)
{
    struct runner *runner = arg;

    runner->code = sl_engine_duckdb.exec(runner->session, ENDLESS, NULL, &runner->err);
    atomic_store(&runner->is_done, true);
    return NULL;
}

static void interrupt_ends_the_running_statement_only(void **state)
{
    struct context *context = *state;
    struct runner runner = {.session = context->session};
    pthread_t thread;
    uint64_t rows = 0;

    assert_int_equal(pthread_create(&thread, NULL, run_endless, &runner), 0);
    // An interrupt before the statement begins is lost, as promised: again until it works.
    while (!atomic_load(&runner.is_done)) {
        assert_true(sl_engine_duckdb.progress(context->session, &rows) <= 1);
        sl_engine_duckdb.interrupt(context->session);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(runner.code, SL_E_INTERRUPTED);
    assert_string_equal(query(context, "select 'alive'"), "alive");
}

static void *run_finite(void *arg)
{
    struct runner *runner = arg;

    runner->code = sl_engine_duckdb.exec(runner->session,
                                         "select sum(hash(i)) from read_parquet('big.parquet')",
                                         NULL, &runner->err);
    atomic_store(&runner->is_done, true);
    return NULL;
}

static void progress_grows_while_a_statement_runs(void **state)
{
    struct context *context = *state;
    struct runner runner = {.session = context->session};
    pthread_t thread;
    double seen = -1;

    exec(context, "copy (select range as i from range(10000000)) to 'big.parquet' "
                  "(row_group_size 20000)");
    // A scan can be over before it is looked at; some time it is not.
    while (seen <= 0 || seen >= 1) {
        atomic_store(&runner.is_done, false);
        assert_int_equal(pthread_create(&thread, NULL, run_finite, &runner), 0);
        while (!atomic_load(&runner.is_done)) {
            uint64_t rows = 0;
            double now = sl_engine_duckdb.progress(context->session, &rows);
            assert_true(now == -1 || (now >= 0 && now <= 1));
            if (now > 0 && now < 1)
                seen = now;
        }
        assert_int_equal(pthread_join(thread, NULL), 0);
        check_ok(context, runner.code);
    }
}

struct worker {
    struct sl_engine *engine;
    int number;
    int64_t sum;
    struct sl_err err;
    int code;
};

static int work(struct worker *worker)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_column *columns;
    size_t count;
    struct sl_arena arena;
    char sql[128];

    sl_arena_init(&arena, 0);
    SL_TRY(sl_engine_duckdb.connect(worker->engine, &session, &worker->err));
    (void)snprintf(sql, sizeof sql, "select i * %d as a from range(1000) r(i)", worker->number);
    SL_TRY(sl_engine_duckdb.create_view(session, "raw", "t", sql, &worker->err));
    SL_TRY(sl_engine_duckdb.create_view(session, "clean", "t", "from raw.t", &worker->err));
    SL_TRY(
        sl_engine_duckdb.describe(session, "from clean.t", &arena, &columns, &count, &worker->err));
    sl_arena_clear(&arena);
    SL_TRY(sl_engine_duckdb.query(session, "select sum(a)::bigint from clean.t", 0, &result,
                                  &worker->err));
    worker->sum = sl_result_int(result, 0, 0);
    return SL_OK;
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < 10 && worker->code == SL_OK; i++)
        worker->code = work(worker);
    return NULL;
}

static void sessions_work_side_by_side(void **state)
{
    struct context *context = *state;
    struct worker workers[4] = {0};
    pthread_t threads[COUNT_OF(workers)];

    for (int i = 0; i < (int)COUNT_OF(workers); i++) {
        workers[i] = (struct worker){.engine = context->engine, .number = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(workers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (workers[i].code != SL_OK)
            print_error("%s\n", workers[i].err.message);
        assert_int_equal(workers[i].code, SL_OK);
        assert_int_equal(workers[i].sum, 499500 * workers[i].number);
    }
}

static void an_engine_opens_again_after_it_was_closed(void **state)
{
    struct context *context = *state;

    for (int i = 0; i < 2; i++) {
        struct sl_engine_options options = {0};
        SL_AUTO(sl_engine_close) struct sl_engine *engine = NULL;
        SL_AUTO(sl_session_close) struct sl_session *session = NULL;
        check_ok(context, sl_engine_duckdb.open(&options, &engine, &context->err));
        check_ok(context, sl_engine_duckdb.connect(engine, &session, &context->err));
        check_ok(context, sl_engine_duckdb.exec(session, "select 1", NULL, &context->err));
    }
}

static void work_that_exceeds_the_memory_spills_into_the_folder(void **state)
{
    struct context *context = *state;
    struct sl_engine_options options = {
        .memory_bytes = 60000000, .threads = 1, .temp_folder = "spill"};
    SL_AUTO(sl_engine_close) struct sl_engine *engine = NULL;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_strs names;
    int64_t rows = 0;

    check_ok(context, sl_engine_duckdb.open(&options, &engine, &context->err));
    check_ok(context, sl_engine_duckdb.connect(engine, &session, &context->err));
    check_ok(context,
             sl_engine_duckdb.exec(
                 session, "create table t as select md5(range::varchar) from range(5000000)", &rows,
                 &context->err));
    assert_int_equal(rows, 5000000);
    check_ok(context, sl_fs_list("spill", &context->arena, &names, &context->err));
    assert_true(names.count > 0);
}

static bool has_table(struct context *context, const char *catalogue, const char *name)
{
    bool is_there;

    check_ok(context, sl_engine_duckdb.has_table(context->session, catalogue, name, &is_there,
                                                 &context->err));
    return is_there;
}

static void attach(struct context *context, const char *path, const char *name)
{
    check_ok(context,
             sl_engine_duckdb.attach(context->session, path, "duckdb", name, &context->err));
}

static void an_attached_file_tells_which_tables_it_has(void **state)
{
    struct context *context = *state;

    attach(context, "it's.duckdb", "base");
    assert_false(has_table(context, "base", "t"));
    exec(context, "create table base.t (a integer); create view base.v as select 1");
    assert_true(has_table(context, "base", "t"));
    assert_true(has_table(context, "base", "v"));
    assert_false(has_table(context, "base", "u"));
    exec(context, "begin; create table base.u (a integer)");
    assert_true(has_table(context, "base", "u"));
    assert_false(has_table(context, "base", "w")); // and the transaction goes on
    exec(context, "rollback");
    assert_false(has_table(context, "base", "u"));
    check_ok(context, sl_engine_duckdb.detach(context->session, "base", &context->err));
}

static void attach_and_detach(struct context *context, const char *name)
{
    attach(context, "base.duckdb", name); // at once, or it would be SL_E_LOCKED
    check_ok(context, sl_engine_duckdb.detach(context->session, name, &context->err));
}

static void a_result_cut_short_keeps_no_file(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_session_close) struct sl_session *other = NULL;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;

    check_ok(context, sl_engine_duckdb.connect(context->engine, &other, &context->err));
    attach(context, "base.duckdb", "base");
    exec(context, "create table base.t as select range as a from range(10000)");
    check_ok(context,
             sl_engine_duckdb.query(other, "select a from base.t", 1, &result, &context->err));
    check_ok(context, sl_engine_duckdb.detach(context->session, "base", &context->err));
    attach_and_detach(context, "again");
}

static void a_question_about_one_catalogue_keeps_no_file_of_another(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_session_close) struct sl_session *other = NULL;
    bool is_there;

    check_ok(context, sl_engine_duckdb.connect(context->engine, &other, &context->err));
    attach(context, "base.duckdb", "base");
    check_ok(context, sl_engine_duckdb.exec(other, "begin", NULL, &context->err));
    check_ok(context,
             sl_engine_duckdb.has_table(other, "memory", "none", &is_there, &context->err));
    assert_false(is_there);
    check_ok(context, sl_engine_duckdb.detach(context->session, "base", &context->err));
    attach_and_detach(context, "again");
    check_ok(context, sl_engine_duckdb.exec(other, "commit", NULL, &context->err));
}

static void *commit(void *argument)
{
    struct sl_err err = {0};

    (void)!sl_engine_duckdb.exec(argument, "commit", NULL, &err);
    return NULL;
}

static void attach_waits_until_a_file_is_free(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_session_close) struct sl_session *other = NULL;
    pthread_t thread;

    check_ok(context, sl_engine_duckdb.connect(context->engine, &other, &context->err));
    attach(context, "base.duckdb", "base");
    check_ok(context, sl_engine_duckdb.exec(other, "begin; create table base.t (a integer)", NULL,
                                            &context->err));
    check_ok(context, sl_engine_duckdb.detach(context->session, "base", &context->err));
    assert_int_equal(pthread_create(&thread, NULL, commit, other), 0);
    attach(context, "base.duckdb", "again");
    pthread_join(thread, NULL);
    assert_true(has_table(context, "again", "t"));
    check_ok(context, sl_engine_duckdb.detach(context->session, "again", &context->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(each_session_has_views_of_its_own),
        SESSION_TEST(a_session_leaves_nothing_behind),
        SESSION_TEST(a_failed_transaction_does_not_keep_the_catalogue),
        SESSION_TEST(settings_are_those_promised),
        SESSION_TEST(times_are_in_utc_whatever_the_environment_says),
        SESSION_TEST(an_installed_extension_is_loaded_once_and_again),
        SESSION_TEST(an_extension_that_is_not_there_is_an_error),
        SESSION_TEST(interrupt_ends_the_running_statement_only),
        SESSION_TEST(progress_grows_while_a_statement_runs),
        SESSION_TEST(sessions_work_side_by_side),
        SESSION_TEST(an_engine_opens_again_after_it_was_closed),
        SESSION_TEST(an_attached_file_tells_which_tables_it_has),
        SESSION_TEST(a_result_cut_short_keeps_no_file),
        SESSION_TEST(a_question_about_one_catalogue_keeps_no_file_of_another),
        SESSION_TEST(attach_waits_until_a_file_is_free),
        SESSION_TEST(work_that_exceeds_the_memory_spills_into_the_folder),
    };

    // Read by the library when it is loaded: UTC must hold against it.
    setenv("TZ", "America/New_York", 1);
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
