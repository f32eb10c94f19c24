// A crash test finds what is wrong: rows lost and doubled, and publications that do not belong
// together.
#include "run/crash.h"

#include "run_test.h"

#include <stdlib.h>

#define HEAD "id,day,amount\n"
#define ORDERS HEAD "1,2026-01-01,1.50\n2,2026-01-02,2.50\nx,2026-01-02,1\n"

static void run_into_new_lake(const char *orders)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};
    struct sl_err err = {0};

    assert_int_equal(sl_fs_remove_tree("lake", &err), SL_OK);
    assert_int_equal(sl_fs_remove_tree(".sluice", &err), SL_OK);
    put("data/orders-1.csv", orders);
    open_plan(&world, NULL);
    run_all(&world, 1, false, &seen, &run);
    assert_int_equal(run.by_status[SL_STATUS_ERROR], 0);
}

static void begin_shop(void)
{
    struct sl_err err = {0};

    put_sources();
    put("models/total.sql", "select sum(amount) as amount from clean.orders");
    put("models/stamped.sql", "select now() as at_time, * from curated.total");
    run_into_new_lake(ORDERS);
    assert_int_equal(sl_fs_rename("lake", "reference", &err), SL_OK);
}

struct look {
    struct sl_world world;
    struct sl_session *session;
    struct sl_crash_look look;
};

static void look_clear(struct look *look)
{
    sl_session_close(&look->session);
    sl_world_close(&look->world);
}

static void open_look(struct look *look)
{
    struct sl_err err = {0};

    open_plan(&look->world, NULL);
    assert_int_equal(sl_world_session(&look->world, &look->session, &err), SL_OK);
    look->look = (struct sl_crash_look){.world = &look->world,
                                        .session = look->session,
                                        .arena = &look->world.arena,
                                        .reference_lake = "reference",
                                        .lake = look->world.project->lake_folder};
}

static void lost_and_doubled_rows_are_found(void **state)
{
    static const struct {
        const char *orders, *what; // NULL: nothing is wrong
        int64_t lost, doubled;
    } cases[] = {
        {ORDERS, NULL, 0, 0},
        {HEAD "1,2026-01-01,1.50\n2,2026-01-02,2.50\n", "raw.orders: 1 rows lost, 0 doubled", 1, 0},
        {ORDERS "x,2026-01-02,1\n", "raw.orders: 0 rows lost, 1 doubled", 0, 1},
        {HEAD "1,2026-01-01,1.50\n2,2026-01-02,2.75\nx,2026-01-02,1\n",
         "raw.orders: 0 rows lost, 0 doubled or new, 1 different", 0, 0},
    };

    (void)state;
    begin_shop();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(look_clear) struct look look = {0};
        struct sl_crash_report report = {0};
        struct sl_err err = {0};
        const char *what;
        run_into_new_lake(cases[i].orders);
        open_look(&look);
        assert_int_equal(sl_crash_look_at_tables(&look.look, &report, &what, &err), SL_OK);
        if (report.lost != cases[i].lost || report.doubled != cases[i].doubled)
            fail_msg("%zu: %lld lost, %lld doubled: %s", i, (long long)report.lost,
                     (long long)report.doubled, what ? what : "nothing");
        if (!cases[i].what) {
            assert_null(what);
            assert_int_equal(report.left_out.count, 1);
            assert_string_equal(report.left_out.items[0], "curated.stamped");
            assert_int_equal(report.tables, 7);
        } else if (!what || !strstr(what, cases[i].what)) {
            fail_msg("'%s' is not in: %s", cases[i].what, what ? what : "nothing");
        }
    }
}

static void versions_that_do_not_belong_together_are_found(void **state)
{
    SL_AUTO(look_clear) struct look look = {0};
    struct sl_publication publication;
    struct sl_err err = {0};
    const char *what;
    int64_t last = 0, count;

    (void)state;
    begin_shop();
    run_into_new_lake(ORDERS);
    open_look(&look);
    assert_int_equal(sl_crash_look_at_publications(&look.look, &last, &count, &what, &err), SL_OK);
    assert_int_equal(last, 1);
    assert_int_equal(count, 1);
    assert_null(what);
    const struct sl_project *project = look.world.project;
    struct sl_arena *arena = &look.world.arena;
    assert_int_equal(sl_publication_last(project, arena, &publication, &err), SL_OK);
    struct sl_publication stale = publication;
    struct sl_published *raw =
        (struct sl_published *)sl_publication_find(&publication, "raw.orders");
    raw->version = 7;
    assert_int_equal(sl_publication_write(project, &publication, &publication, arena, &err), SL_OK);
    assert_int_equal(sl_publication_write(project, &stale, &stale, arena, &err),
                     SL_E_FILE_EXISTS); // the number is taken
    sl_err_clear(&err);
    raw->version = 0; // what came later is well again
    assert_int_equal(sl_publication_write(project, &publication, &publication, arena, &err), SL_OK);
    assert_int_equal(sl_crash_look_at_publications(&look.look, &last, &count, &what, &err), SL_OK);
    assert_int_equal(last, 3);
    assert_int_equal(count, 2);
    assert_non_null(what);
    assert_non_null(strstr(what, "raw.orders was published at version 7"));
    raw->id = "another";
    assert_int_equal(sl_publication_write(project, &publication, &publication, arena, &err), SL_OK);
    assert_int_equal(sl_crash_look_at_publications(&look.look, &last, &count, &what, &err), SL_OK);
    assert_non_null(what);
    assert_non_null(strstr(what, "publication #4 lists another raw.orders than the one that "));
    publication.tables = raw;
    publication.table_count = 1;
    assert_int_equal(sl_publication_write(project, &publication, &publication, arena, &err), SL_OK);
    assert_int_equal(sl_crash_look_at_publications(&look.look, &last, &count, &what, &err), SL_OK);
    assert_non_null(what);
    assert_non_null(strstr(what, "publication #5 lists another raw.orders than the one there"));
}

static void *make_steps(void *self)
{
    (void)self;
    for (int i = 0; i < 2000; i++)
        (void)!sl_fault_point(i % 2 ? "rename" : "fsync", NULL);
    return NULL;
}

// Many threads come to durable steps at once: they are counted, and none writes what others read.
static void threads_only_count_the_steps(void **state)
{
    SL_AUTO(sl_crash_free) struct sl_crash *crash = NULL;
    struct sl_err err = {0};
    pthread_t threads[4];
    char setting[64];

    (void)state;
    assert_int_equal(sl_crash_new(&crash, &err), SL_OK);
    sl_crash_set(crash, 0);
    sl_crash_setting(crash, setting);
    sl_crash_arm(setting);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_steps, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(sl_crash_count(crash), 8000);
    assert_string_equal(sl_crash_operation(crash), "");
}

static void steps_are_chosen_by_the_seed(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err err = {0};
    int64_t *first, *again, *other, count;
    bool differs = false;

    (void)state;
    sl_arena_init(&arena, 0);
    assert_int_equal(sl_crash_choose(100, 9, 1, &arena, &first, &count, &err), SL_OK);
    assert_int_equal(count, 9);
    assert_int_equal(sl_crash_choose(100, 9, 1, &arena, &again, &count, &err), SL_OK);
    assert_int_equal(sl_crash_choose(100, 9, 2, &arena, &other, &count, &err), SL_OK);
    for (int64_t i = 0; i < count; i++) {
        assert_in_range(first[i], i ? first[i - 1] + 1 : 1, 100);
        assert_int_equal(first[i], again[i]);
        differs |= first[i] != other[i];
    }
    assert_true(differs);
    assert_int_equal(sl_crash_choose(5, 0, 1, &arena, &first, &count, &err), SL_OK);
    assert_int_equal(count, 5);
    for (int64_t i = 0; i < 5; i++)
        assert_int_equal(first[i], i + 1);
    assert_int_equal(sl_crash_choose(5, 50, 1, &arena, &first, &count, &err), SL_OK);
    assert_int_equal(count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lost_and_doubled_rows_are_found, begin, end),
        cmocka_unit_test_setup_teardown(versions_that_do_not_belong_together_are_found, begin, end),
        cmocka_unit_test(steps_are_chosen_by_the_seed),
        cmocka_unit_test(threads_only_count_the_steps), // arms the process: the last one
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
