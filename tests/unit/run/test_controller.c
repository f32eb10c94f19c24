// Steps in order, several at once, and what becomes of them when one fails.
#include "run_test.h"

static void a_step_begins_after_all_that_it_reads_have_ended(void **state)
{
    static const struct {
        const char *before, *after;
    } orders[] = {
        {"-raw.orders", "+clean.orders"},       {"-clean.orders", "+curated.left"},
        {"-clean.orders", "+curated.right"},    {"-curated.left", "+curated.both"},
        {"-curated.right", "+curated.both"},    {"-curated.both", "+target.files.both"},
        {"-raw.customers", "+clean.customers"},
    };
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};

    (void)state;
    put_sources();
    put("models/both.sql", "select l.n + r.n as n from curated.left l, curated.right r");
    put("models/left.sql", "select count(*) as n from clean.orders");
    put("models/right.sql", "select count(day) as n from clean.orders");
    put("targets/files.yml", "type: csv\npath: out\ndeliver: [{table: curated.both}]\n");
    open_plan(&world, NULL);
    run_all(&world, 4, false, &seen, &run);
    assert_int_equal(run.by_status[SL_STATUS_OK], 8);
    assert_int_equal(run.quarantined, 1);
    assert_int_equal(sl_run_exit_code(&run), 0);
    for (size_t i = 0; i < COUNT_OF(orders); i++)
        assert_true(place_of(&seen, orders[i].before) < place_of(&seen, orders[i].after));
}

static void independent_steps_run_at_once_but_no_more_than_asked_for(void **state)
{
    static const struct {
        int64_t asked;
        const char *of_project;
        int at_once;
    } cases[] = {{1, "", 1},
                 {2, "", 2},
                 {3, "", 3},
                 {9, "", 4},
                 {0, "concurrency: 3\n", 3},
                 {2, "concurrency: 3\n", 2}};
    static const char *const names[] = {"a", "b", "c", "d"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        SL_AUTO(sl_run_clear) struct sl_run run = {0};
        SL_AUTO(seen_clear) struct seen seen = {0};
        char text[128];
        snprintf(text, sizeof text, "name: shop\nchecks: {requirements: off}\n%s",
                 cases[i].of_project);
        put("sluice.yml", text);
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            char path[32], sql[32];
            snprintf(path, sizeof path, "models/%s.sql", names[k]);
            snprintf(sql, sizeof sql, "select %zu as n", i); // another text: all are stale
            put(path, sql);
        }
        open_plan(&world, NULL);
        meet(cases[i].at_once);
        run_all(&world, cases[i].asked, false, &seen, &run);
        assert_true(meeting_was_held());
        assert_int_equal(seen.most_running, cases[i].at_once);
        assert_int_equal(run.by_status[SL_STATUS_OK], COUNT_OF(names));
        meet(0);
    }
}

static void a_failing_branch_stops_only_what_stands_behind_it_and_says_why(void **state)
{
    static const struct {
        const char *name;
        enum sl_status status;
        enum sl_code code;
        const char *message;
    } cases[] = {
        {"curated.bad", SL_STATUS_ERROR, SL_E_ENGINE, "no such day"},
        {"curated.behind", SL_STATUS_SKIPPED, SL_E_UPSTREAM_FAILED, "'model bad' failed"},
        {"curated.far", SL_STATUS_SKIPPED, SL_E_UPSTREAM_FAILED, "'model behind' was skipped"},
        {"curated.good", SL_STATUS_OK, SL_OK, ""},
        {"curated.next", SL_STATUS_OK, SL_OK, ""},
        {"curated.mixed", SL_STATUS_SKIPPED, SL_E_UPSTREAM_FAILED, "'model bad' failed"},
    };

    (void)state;
    put("models/bad.sql", "select error('no such day') as n");
    put("models/behind.sql", "select count(*) as n from curated.bad");
    put("models/far.sql", "select count(*) as n from curated.behind");
    put("models/good.sql", "select 1 as n");
    put("models/next.sql", "select n from curated.good");
    put("models/mixed.sql", "select g.n from curated.good g, curated.bad");
    for (int64_t jobs = 1; jobs <= 4; jobs++) {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        SL_AUTO(sl_run_clear) struct sl_run run = {0};
        SL_AUTO(seen_clear) struct seen seen = {0};
        struct sl_err err;
        assert_int_equal(sl_fs_remove_tree("lake", &err), SL_OK);
        open_plan(&world, NULL);
        run_all(&world, jobs, false, &seen, &run);
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            const struct sl_outcome *outcome = outcome_of(&run, cases[i].name);
            assert_int_equal(outcome->status, cases[i].status);
            assert_int_equal(outcome->err.code, cases[i].code);
            assert_string_equal(outcome->err.message, cases[i].message);
        }
        assert_int_equal(sl_run_exit_code(&run), 5);
    }
}

static void fail_fast_starts_nothing_after_the_first_error(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};

    (void)state;
    put("models/a.sql", "select error('no') as n");
    put("models/b.sql", "select 1 as n");
    open_plan(&world, NULL);
    run_all(&world, 1, true, &seen, &run);
    assert_int_equal(outcome_of(&run, "curated.a")->status, SL_STATUS_ERROR);
    assert_int_equal(outcome_of(&run, "curated.b")->status, SL_STATUS_SKIPPED);
    assert_string_equal(outcome_of(&run, "curated.b")->err.message,
                        "stopped after the first error");
    assert_int_equal(sl_run_exit_code(&run), 1);
}

static void what_is_up_to_date_is_left_alone_until_an_input_gets_a_new_version(void **state)
{
    static const struct {
        const char *path, *text, *done; // what changes, and what is done then
    } cases[] = {
        {NULL, NULL, ""},
        {"models/side.sql", "select 2 as n", "curated.side"},
        {"data/orders-2.csv", "id,day,amount\n7,2026-01-07,7\n",
         "raw.orders clean.orders curated.daily curated.total"},
        // The same rows by other SQL are a new version all the same.
        {"models/daily.sql", "select day, sum(amount) as amount from clean.orders group by day",
         "curated.daily curated.total"},
        {NULL, NULL, ""},
    };

    (void)state;
    put_sources();
    put("models/daily.sql", "select day, sum(amount) as amount from clean.orders group by all");
    put("models/total.sql", "select sum(amount) as amount from curated.daily");
    put("models/side.sql", "select 1 as n");
    for (size_t i = 0; i <= COUNT_OF(cases); i++) {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        SL_AUTO(sl_run_clear) struct sl_run run = {0};
        SL_AUTO(seen_clear) struct seen seen = {0};
        SL_AUTO(sl_buf_clear) struct sl_buf done = SL_BUF_INIT;
        if (i > 0 && cases[i - 1].path)
            put(cases[i - 1].path, cases[i - 1].text);
        open_plan(&world, NULL);
        run_all(&world, 2, false, &seen, &run);
        for (size_t k = 0; k < run.count; k++)
            if (run.outcomes[k].status == SL_STATUS_OK)
                sl_buf_addf(&done, "%s%s", done.length ? " " : "", run.outcomes[k].node->name);
        if (i > 0)
            assert_string_equal(done.text, cases[i - 1].done);
        assert_int_equal(run.by_status[SL_STATUS_OK] + run.by_status[SL_STATUS_NOTHING], 7);
    }
}

static void what_is_not_selected_is_not_touched_and_not_waited_for(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};

    (void)state;
    put("models/a.sql", "select 1 as n");
    put("models/b.sql", "select n from curated.a");
    put("models/c.sql", "select 1 as n");
    open_plan(&world, "+b");
    run_all(&world, 2, false, &seen, &run);
    assert_int_equal(outcome_of(&run, "curated.c")->status, SL_STATUS_WAITING);
    assert_int_equal(run.by_status[SL_STATUS_OK], 2);
    assert_int_equal(run.by_status[SL_STATUS_WAITING], 0);
    assert_false(sl_fs_exists("lake/curated/c"));
}

static void a_project_takes_one_run_at_a_time(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    struct sl_run_options options = {.command = "run"};
    struct sl_err err = {0};

    (void)state;
    put("models/a.sql", "select 1 as n");
    open_plan(&world, NULL);
    assert_int_equal(sl_fs_mkdirs(".sluice", &err), SL_OK);
    assert_int_equal(sl_fs_lock(".sluice/run.lock", false, &lock_fd, &err), SL_OK);
    assert_int_equal(sl_run(&world, &options, &run, &err), SL_E_LOCKED);
    assert_false(sl_fs_exists("lake/curated/a"));
    sl_fd_close(&lock_fd);
    lock_fd = -1;
    sl_err_clear(&err);
    sl_run_clear(&run);
    assert_int_equal(sl_run(&world, &options, &run, &err), SL_OK);
}

static void the_exit_code_tells_the_gravest_of_what_happened(void **state)
{
    static const struct {
        struct {
            enum sl_status status;
            enum sl_code code;
        } steps[3];
        bool was_interrupted;
        int expected;
    } cases[] = {
        {{{SL_STATUS_NOTHING, SL_OK}, {SL_STATUS_OK, SL_OK}, {SL_STATUS_WARN, SL_OK}}, false, 0},
        {{{SL_STATUS_ERROR, SL_E_IO}, {SL_STATUS_SKIPPED, SL_E_UPSTREAM_FAILED}}, false, 1},
        {{{SL_STATUS_ERROR, SL_E_IO}, {SL_STATUS_NOTHING, SL_OK}}, false, 1},
        {{{SL_STATUS_ERROR, SL_E_IO}, {SL_STATUS_OK, SL_OK}}, false, 5},
        {{{SL_STATUS_ERROR, SL_E_IO}, {SL_STATUS_WARN, SL_OK}}, false, 5},
        {{{SL_STATUS_PARTIAL, SL_OK}, {SL_STATUS_OK, SL_OK}}, false, 5},
        {{{SL_STATUS_PARTIAL, SL_OK}, {SL_STATUS_ERROR, SL_E_CHECK_FAILED}}, false, 3},
        {{{SL_STATUS_OK, SL_OK}, {SL_STATUS_ERROR, SL_E_CHECK_FAILED}}, false, 3},
        {{{SL_STATUS_ERROR, SL_E_BUDGET}, {SL_STATUS_ERROR, SL_E_CHECK_FAILED}}, false, 4},
        {{{SL_STATUS_ERROR, SL_E_BUDGET}, {SL_STATUS_ERROR, SL_E_BALANCE}}, false, 2},
        {{{SL_STATUS_ERROR, SL_E_INTERNAL}, {SL_STATUS_OK, SL_OK}}, false, 2},
        {{{SL_STATUS_OK, SL_OK}, {SL_STATUS_SKIPPED, SL_E_INTERRUPTED}}, true, 130},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_outcome outcomes[3] = {0};
        struct sl_run run = {
            .outcomes = outcomes, .count = 3, .was_interrupted = cases[i].was_interrupted};
        for (size_t k = 0; k < 3; k++) {
            outcomes[k].status = cases[i].steps[k].status;
            outcomes[k].err.code = cases[i].steps[k].code;
            run.by_status[outcomes[k].status]++;
        }
        assert_int_equal(sl_run_exit_code(&run), cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_step_begins_after_all_that_it_reads_have_ended, begin,
                                        end),
        cmocka_unit_test_setup_teardown(independent_steps_run_at_once_but_no_more_than_asked_for,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_failing_branch_stops_only_what_stands_behind_it_and_says_why, begin, end),
        cmocka_unit_test_setup_teardown(fail_fast_starts_nothing_after_the_first_error, begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_up_to_date_is_left_alone_until_an_input_gets_a_new_version, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_selected_is_not_touched_and_not_waited_for,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_project_takes_one_run_at_a_time, begin, end),
        cmocka_unit_test(the_exit_code_tells_the_gravest_of_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
