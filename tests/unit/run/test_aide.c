// The engine in a process of its own says what the engine here says, whatever it is asked, and one
// that dies takes nobody with it.
#include "run_test.h"

#include "api/kinds.h"
#include "api/result.h"
#include "base/fs.h"
#include "run/aide.h"
#include "run/aide_wire.h"
#include "run/pool.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// The same project twice: its engine here, and far away.
struct pair {
    struct sl_world worlds[2];
    struct sl_session *sessions[2];
};

static void open_pair(struct pair *pair)
{
    struct sl_err err = {0};
    *pair = (struct pair){0};
    for (int i = 0; i < 2; i++) {
        open_world(&pair->worlds[i]);
        sl_world_close_engine(&pair->worlds[i]); // which has parsed the models
    }
    // First the far one: no engine may be open when it forks.
    pair->worlds[1].has_workers = true;
    for (int i = 1; i >= 0; i--)
        assert_int_equal(sl_world_session(&pair->worlds[i], &pair->sessions[i], &err), SL_OK);
    assert_true(sl_is_aide(pair->worlds[1].engine));
    assert_false(sl_is_aide(pair->worlds[0].engine));
}

static void close_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        sl_session_close(&pair->sessions[i]);
        sl_world_close(&pair->worlds[i]);
    }
}

static void expect_same_errors(const struct sl_err errs[2])
{
    assert_int_equal(errs[0].code, errs[1].code);
    assert_string_equal(errs[0].message, errs[1].message);
    assert_string_equal(errs[0].hint, errs[1].hint);
    assert_int_equal(errs[0].line, errs[1].line);
    assert_int_equal(errs[0].column, errs[1].column);
}

static void expect_same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void expect_same_results(struct sl_result *const results[2])
{
    assert_int_equal(sl_result_columns(results[0]), sl_result_columns(results[1]));
    assert_int_equal(sl_result_rows(results[0]), sl_result_rows(results[1]));
    for (size_t i = 0; i < results[0]->column_count; i++) {
        assert_string_equal(results[0]->columns[i].name, results[1]->columns[i].name);
        assert_string_equal(results[0]->columns[i].type, results[1]->columns[i].type);
    }
    for (size_t i = 0; i < results[0]->cell_count; i++)
        expect_same_text(results[0]->cells[i], results[1]->cells[i]);
}

static void queries_give_the_same_rows_and_errors(void **state)
{
    static const char *const queries[] = {
        "select 1 as n, 'a' as \"b c\", null as nothing, '' as empty, 1.50::decimal(9,2) as d",
        "select range as n, 'x' || range as t from range(5000)",
        "select * from range(10) where range < 0",
        "select {'a': 1, 'b': [1, null]} as s, '\xc3\xa4\xe2\x82\xac' as u",
        "select nothing from range(3)",
        "select 1 +",
        "select cast('x' as integer) as n",
        "create or replace table t as select 7 as n",
        "select * from t",
    };
    struct pair pair;

    (void)state;
    open_pair(&pair);
    for (size_t i = 0; i < COUNT_OF(queries); i++)
        for (int64_t most = 0; most < 2; most++) {
            struct sl_err errs[2] = {0};
            struct sl_result *results[2] = {0};
            int codes[2];
            for (int k = 0; k < 2; k++)
                codes[k] = pair.sessions[k]->kind->query(pair.sessions[k], queries[i], most,
                                                         &results[k], &errs[k]);
            assert_int_equal(codes[0], codes[1]);
            expect_same_errors(errs);
            assert_int_equal(results[0] == NULL, results[1] == NULL);
            if (results[0])
                expect_same_results(results);
            for (int k = 0; k < 2; k++)
                sl_result_free(&results[k]);
        }
    close_pair(&pair);
}

static void what_is_described_and_parsed_is_the_same(void **state)
{
    static const char *const texts[] = {"select 1 as n", "select a.b, c from x.y a order by 1",
                                        "select 1 +", ""};
    struct pair pair;
    struct sl_arena arena = {0};
    const char *trees[2][COUNT_OF(texts)];

    (void)state;
    sl_arena_init(&arena, 0);
    open_pair(&pair);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct sl_column *columns[2] = {0};
        size_t counts[2] = {0};
        struct sl_err errs[2] = {0};
        int codes[2];
        for (int k = 0; k < 2; k++) {
            struct sl_session *session = pair.sessions[k];
            assert_int_equal(session->kind->hurry(session, true, &errs[k]), SL_OK);
            codes[k] = session->kind->describe(session, texts[i], &arena, &columns[k], &counts[k],
                                               &errs[k]);
            struct sl_err ignored = {0};
            assert_int_equal(session->kind->hurry(session, false, &ignored), SL_OK);
        }
        assert_int_equal(codes[0], codes[1]);
        expect_same_errors(errs);
        for (size_t c = 0; codes[0] == SL_OK && c < counts[0]; c++) {
            assert_int_equal(counts[0], counts[1]);
            assert_string_equal(columns[0][c].name, columns[1][c].name);
            assert_string_equal(columns[0][c].type, columns[1][c].type);
        }
    }
    for (int k = 0; k < 2; k++) {
        struct sl_err err = {0};
        assert_int_equal(pair.sessions[k]->kind->parse(pair.sessions[k], texts, COUNT_OF(texts) - 1,
                                                       &arena, trees[k], &err),
                         SL_OK);
    }
    for (size_t i = 0; i + 1 < COUNT_OF(texts); i++)
        assert_string_equal(trees[0][i], trees[1][i]);
    sl_arena_clear(&arena);
    close_pair(&pair);
}

static void scans_views_and_attached_files_are_the_same(void **state)
{
    static const struct sl_column columns[] = {{"n", "BIGINT"}, {"t", "VARCHAR"}};
    static const char *const names[] = {"t"};
    static const char *const null_value[] = {NULL}, *const value[] = {"it's"};
    const struct sl_scan_file files[] = {{"a.parquet", value}, {"b.parquet", null_value}};
    const struct sl_scan scans[] = {
        {.columns = columns, .column_count = 2},
        {.columns = columns,
         .column_count = 1,
         .files = files,
         .file_count = 2,
         .row_count = 9,
         .with_origin = true},
        {.columns = columns,
         .column_count = 2,
         .partition_columns = names,
         .partition_count = 1,
         .files = files,
         .file_count = 2},
    };
    struct pair pair;
    struct sl_err err = {0};

    (void)state;
    open_pair(&pair);
    for (size_t i = 0; i < COUNT_OF(scans); i++) {
        struct sl_buf sql[2] = {SL_BUF_INIT, SL_BUF_INIT};
        for (int k = 0; k < 2; k++)
            assert_int_equal(
                pair.sessions[k]->kind->scan_sql(pair.sessions[k], &scans[i], &sql[k], &err),
                SL_OK);
        assert_string_equal(sql[0].text, sql[1].text);
        for (int k = 0; k < 2; k++)
            sl_buf_clear(&sql[k]);
    }
    for (int k = 1; k >= 0; k--) {
        struct sl_session *session = pair.sessions[k];
        const struct sl_engine_kind *kind = session->kind;
        bool has_table = true;
        int64_t affected = -1;
        assert_int_equal(kind->create_view(session, "raw", "v", "select 3 as n", &err), SL_OK);
        assert_int_equal(
            kind->exec(session, "create table w as select n from raw.v", &affected, &err), SL_OK);
        assert_int_equal(affected, 1);
        const char *path = k ? "far.duckdb" : "near.duckdb";
        assert_int_equal(kind->attach(session, path, "duckdb", "other", &err), SL_OK);
        assert_int_equal(kind->has_table(session, "other", "x", &has_table, &err), SL_OK);
        assert_false(has_table);
        assert_int_equal(kind->exec(session, "create table other.x (n int)", NULL, &err), SL_OK);
        assert_int_equal(kind->has_table(session, "other", "x", &has_table, &err), SL_OK);
        assert_true(has_table);
        assert_int_equal(kind->detach(session, "other", &err), SL_OK);
        assert_int_equal(kind->extend(session, "no_such_extension", &err), SL_E_ENGINE_EXTENSION);
        sl_err_clear(&err);
    }
    assert_int_equal(pair.sessions[0]->kind->sql_length("select 1 ; "),
                     pair.sessions[1]->kind->sql_length("select 1 ; "));
    close_pair(&pair);
}

// Raw tables too, of which there are only files yet.
static void projects_are_bound_to_the_same_columns(void **state)
{
    static const char *const names[] = {"raw.orders", "raw.customers", "clean.orders", "curated.a"};
    struct pair pair;
    struct sl_map catalogs[2] = {0};
    struct sl_err err = {0};

    (void)state;
    put_sources();
    put("data/orders-1.csv", "id,day,amount,more\n1,2026-01-01,2,x\n");
    put("models/a.sql", "select id, amount, more from raw.orders");
    open_pair(&pair);
    for (int k = 1; k >= 0; k--) {
        assert_int_equal(sl_world_bind(&pair.worlds[k], &catalogs[k], &err), SL_OK);
        assert_int_equal(pair.worlds[k].project->diags.error_count, 0);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct sl_relation *near = sl_map_get(&catalogs[0], names[i]);
        const struct sl_relation *far = sl_map_get(&catalogs[1], names[i]);
        assert_int_equal(near == NULL, far == NULL);
        for (size_t c = 0; near && c < near->count; c++) {
            assert_int_equal(near->count, far->count);
            assert_string_equal(near->columns[c].name, far->columns[c].name);
            assert_string_equal(near->columns[c].type, far->columns[c].type);
        }
    }
    const struct sl_relation *built = sl_map_get(&catalogs[1], "curated.a");
    assert_non_null(built);
    assert_int_equal(built->count, 3);
    for (int k = 0; k < 2; k++)
        sl_map_clear(&catalogs[k]);
    close_pair(&pair);
}

static pid_t child_of_this(void)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", getpid(), getpid());
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    return (pid_t)strtol(text, NULL, 10);
}

static void one_that_dies_is_followed_by_another_that_knows_the_same(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *gone = NULL, *session = NULL;
    struct sl_err err = {0};

    (void)state;
    open_world(&world);
    sl_world_close_engine(&world);
    world.has_workers = true;
    assert_int_equal(sl_world_session(&world, &gone, &err), SL_OK);
    assert_int_equal(sl_world_session(&world, &session, &err), SL_OK);
    const struct sl_engine_kind *kind = session->kind;
    assert_int_equal(kind->exec(gone, "create temp table w as select 9 as n", NULL, &err), SL_OK);
    sl_session_close(&gone);
    assert_int_equal(kind->create_view(session, "raw", "v", "select 3 as n", &err), SL_OK);
    assert_int_equal(kind->exec(session, "create temp table w as select n from raw.v", NULL, &err),
                     SL_OK);
    assert_int_equal(kind->exec(session, "create table raw.v (n int)", NULL, &err), SL_E_ENGINE);
    sl_err_clear(&err);
    assert_int_equal(kill(child_of_this(), SIGKILL), 0);
    assert_int_equal(kind->query(session, "select w.n + v.n from w, raw.v", 0, &result, &err),
                     SL_OK);
    assert_string_equal(sl_result_text(result, 0, 0), "6");
    sl_session_close(&session);
}

static void the_second_that_dies_is_told_of_and_a_new_one_begun(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = NULL;
    struct sl_err err = {0};

    (void)state;
    open_world(&world);
    sl_world_close_engine(&world);
    world.has_workers = true;
    assert_int_equal(sl_world_session(&world, &session, &err), SL_OK);
    assert_int_equal(kill(child_of_this(), SIGKILL), 0);
    assert_int_equal(session->kind->exec(session, "select 1", NULL, &err), SL_OK);
    assert_int_equal(kill(child_of_this(), SIGKILL), 0);
    assert_int_equal(session->kind->query(session, "select 1", 0, &result, &err), SL_E_WORKER_DIED);
    assert_non_null(strstr(err.message, "signal 9"));
    sl_err_clear(&err);
    assert_int_equal(session->kind->exec(session, "select 1", NULL, &err), SL_E_WORKER_DIED);
    sl_session_close(&session);
    sl_world_close_engine(&world);
    sl_err_clear(&err);
    assert_int_equal(sl_world_session(&world, &session, &err), SL_OK);
    assert_int_equal(session->kind->query(session, "select 1", 0, &result, &err), SL_OK);
    assert_string_equal(sl_result_text(result, 0, 0), "1");
    sl_session_close(&session);
}

// Bytes that no aide would send are an end, not a crash.
static void what_is_cut_or_false_is_read_as_nothing(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf whole = SL_BUF_INIT;
    size_t length;

    (void)state;
    sl_wire_put_text(&whole, "one");
    sl_wire_put_text(&whole, NULL);
    sl_wire_put_number(&whole, -7);
    sl_wire_put_bytes(&whole, "a\0b", 3);
    for (size_t cut = 0; cut <= whole.length; cut++) {
        struct sl_wire from = {whole.text, whole.text + cut};
        const char *one = sl_wire_text(&from);
        bool is_whole = cut == whole.length;
        if (one)
            assert_string_equal(one, "one");
        assert_null(sl_wire_text(&from));
        int64_t number = sl_wire_number(&from);
        const char *bytes = sl_wire_bytes(&from, &length);
        assert_int_equal(is_whole, bytes != NULL && number == -7 && length == 3);
        assert_true(from.at <= from.end);
    }
    static const int64_t lengths[] = {INT64_MAX, INT64_MIN, -1, 1, 8};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        sl_wire_put_number(&text, lengths[i]);
        struct sl_wire from = {text.text, text.text + text.length};
        assert_null(sl_wire_bytes(&from, &length));
    }
}

static void it_takes_the_first_step_and_the_controller_has_no_engine(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};
    struct sl_session *session = NULL;
    struct sl_err err = {0};

    (void)state;
    put("models/a.sql", "select 1 as n");
    put("models/b.sql", "select n from curated.a");
    open_plan(&world, NULL);
    sl_world_close_engine(&world);
    world.has_workers = true;
    assert_int_equal(sl_world_session(&world, &session, &err), SL_OK);
    sl_session_close(&session);
    pid_t aide = child_of_this();
    run_all(&world, 1, false, &seen, &run);
    assert_null(world.engine);
    assert_int_equal(outcome_of(&run, "curated.a")->status, SL_STATUS_OK);
    assert_int_equal(outcome_of(&run, "curated.b")->status, SL_STATUS_OK);
    assert_int_equal(outcome_of(&run, "curated.b")->result.balance.out, 1);
    assert_int_equal(kill(aide, 0), -1);
}

static bool is_caught(pid_t pid, int number)
{
    char path[64], line[256];
    unsigned long long caught = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "SigCgt:", 7) == 0)
            caught = strtoull(line + 7, NULL, 16);
    if (file)
        fclose(file);
    return caught >> (number - 1) & 1;
}

static void plan_with_aide(struct sl_world *world, pid_t *ret_aide)
{
    struct sl_session *session = NULL;
    struct sl_err err = {0};
    put("models/a.sql", "select 1 as n");
    open_plan(world, NULL);
    sl_world_close_engine(world);
    world->has_workers = true;
    assert_int_equal(sl_world_session(world, &session, &err), SL_OK);
    sl_session_close(&session);
    *ret_aide = child_of_this();
}

static void one_that_is_stopped_when_it_is_to_join_is_replaced(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};
    pid_t aide;

    (void)state;
    plan_with_aide(&world, &aide);
    assert_int_equal(kill(aide, SIGSTOP), 0);
    run_all(&world, 1, false, &seen, &run);
    assert_int_equal(outcome_of(&run, "curated.a")->status, SL_STATUS_OK);
    assert_int_equal(kill(aide, 0), -1);
}

static void an_interrupt_is_heard_while_one_that_is_stopped_is_to_join(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};
    pid_t aide, parent = getpid();

    (void)state;
    plan_with_aide(&world, &aide);
    assert_int_equal(kill(aide, SIGSTOP), 0);
    pid_t killer = fork();
    if (killer == 0) {
        // Once it is caught: before, it would end this program.
        for (int i = 0; i < 1000 && !is_caught(parent, SIGTERM); i++)
            usleep(5000);
        kill(parent, SIGTERM);
        _exit(0);
    }
    run_all(&world, 1, false, &seen, &run);
    assert_int_equal(waitpid(killer, NULL, 0), killer);
    signal(SIGTERM, SIG_DFL);
    assert_true(run.was_interrupted);
    assert_int_equal(outcome_of(&run, "curated.a")->status, SL_STATUS_SKIPPED);
    assert_int_equal(outcome_of(&run, "curated.a")->attempts, 0);
    assert_int_equal(kill(aide, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(queries_give_the_same_rows_and_errors, begin, end),
        cmocka_unit_test_setup_teardown(what_is_described_and_parsed_is_the_same, begin, end),
        cmocka_unit_test_setup_teardown(scans_views_and_attached_files_are_the_same, begin, end),
        cmocka_unit_test_setup_teardown(projects_are_bound_to_the_same_columns, begin, end),
        cmocka_unit_test_setup_teardown(one_that_dies_is_followed_by_another_that_knows_the_same,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_second_that_dies_is_told_of_and_a_new_one_begun, begin,
                                        end),
        cmocka_unit_test(what_is_cut_or_false_is_read_as_nothing),
        cmocka_unit_test_setup_teardown(it_takes_the_first_step_and_the_controller_has_no_engine,
                                        begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_stopped_when_it_is_to_join_is_replaced, begin,
                                        end),
        cmocka_unit_test_setup_teardown(an_interrupt_is_heard_while_one_that_is_stopped_is_to_join,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
