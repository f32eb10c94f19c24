// What a run reads of another environment is what it was planned with.
#include "run_test.h"

#define PROD "name: shop\nchecks: {requirements: off}\nlake: lake\nstate: prod\n"
#define DEV                                                                         \
    "name: shop\nchecks: {requirements: off}\nlake: dev\nstate: dev/state\nreads: " \
    "prod\nenvironments: {prod: {lake: lake, state: prod}}\n"
#define COUNT "select count(*) as n from clean.orders"

static void run_as(const char *settings)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};

    put("sluice.yml", settings);
    open_plan(&world, NULL);
    run_all(&world, 1, false, &seen, &run);
    assert_int_equal(run.by_status[SL_STATUS_ERROR], 0);
}

static void tables_of_another_environment_stay_as_they_were_planned(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_world_close) struct sl_world after = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};

    (void)state;
    put_sources();
    run_as(PROD);
    put("models/one.sql", COUNT);
    put("models/two.sql", "/* sluice\nwrite: merge\nkey: [n]\n*/\n" COUNT);
    put("models/three.sql", "select o.n + t.n as n from curated.one o, curated.two t");
    put("sluice.yml", DEV);
    open_plan(&world, NULL);
    put("data/orders-2.csv", "id,day,amount\n5,2026-01-01,1.50\n");
    run_as(PROD);
    run_all(&world, 1, false, &seen, &run);
    assert_int_equal(run.by_status[SL_STATUS_ERROR], 0);
    assert_int_equal(run.publication.table_count, 3);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < run.publication.tables[i].input_count; k++)
            assert_int_equal(run.publication.tables[i].inputs[k].version, 0);
    // What is planned after that sees the newer version, and a table of this environment's own.
    sl_run_clear(&run);
    assert_null(world.project->pins);
    put("sluice.yml", DEV);
    open_plan(&after, NULL);
    assert_int_equal(node_of(&after, "clean.orders")->facts.version, 1);
    assert_int_equal(node_of(&after, "curated.one")->verdict, SL_VERDICT_STALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tables_of_another_environment_stay_as_they_were_planned,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
