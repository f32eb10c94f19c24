// What stands on disk as facts, what follows from them, and what a run leaves behind.
#include "run_test.h"

#define DAILY                                                \
    "/* sluice\nwrite: partition\npartition_by: [day]\n*/\n" \
    "select day, sum(amount) as amount from clean.orders group by all"
#define SIDE "select 1 as n"
#define FILES "type: csv\npath: out\ndeliver: [{table: curated.total}]\n"

static void put_shop(void)
{
    put_sources();
    put("models/daily.sql", DAILY);
    put("models/total.sql", "select sum(amount) as amount from curated.daily");
    put("models/side.sql", SIDE);
    put("targets/files.yml", FILES);
}

static void run_here(void)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_run_clear) struct sl_run run = {0};
    SL_AUTO(seen_clear) struct seen seen = {0};

    open_plan(&world, NULL);
    run_all(&world, 2, false, &seen, &run);
    assert_int_equal(run.by_status[SL_STATUS_ERROR], 0);
}

static void facts_are_those_of_the_newest_commit(void **state)
{
    static const struct {
        const char *name;
        int64_t rows;
        size_t inputs;
    } cases[] = {{"raw.orders", 3, 0},
                 {"clean.orders", 2, 1},
                 {"curated.daily", 2, 1},
                 {"curated.total", 1, 1},
                 {"curated.side", 1, 0}};
    SL_AUTO(sl_world_close) struct sl_world before = {0};
    SL_AUTO(sl_world_close) struct sl_world after = {0};

    (void)state;
    put_shop();
    open_plan(&before, NULL);
    for (size_t i = 0; i < before.graph.count; i++) {
        const struct sl_node *node = &before.graph.nodes[i];
        assert_int_equal(node->facts.version, -1);
        assert_int_equal(node->facts.rows, -1);
        assert_int_equal(node->verdict, SL_VERDICT_STALE);
    }
    assert_int_equal(node_of(&before, "raw.orders")->facts.new_files, 1);
    run_here();
    open_plan(&after, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct sl_facts *facts = &node_of(&after, cases[i].name)->facts;
        assert_int_equal(facts->version, 0);
        assert_int_equal(facts->rows, cases[i].rows);
        assert_int_equal(facts->input_count, cases[i].inputs);
        assert_true(facts->bytes > 0 && facts->files > 0);
    }
    const struct sl_node *daily = node_of(&after, "curated.daily");
    assert_string_equal(daily->facts.inputs[0].table, "clean.orders");
    assert_string_equal(daily->facts.fingerprint, daily->fingerprint);
    assert_int_equal(node_of(&after, "target.files.total")->facts.version, 0);
    assert_int_equal(sl_plan_count(&after.graph, SL_VERDICT_FRESH), after.graph.count);
}

// "name: first cause; ..." of what is not fresh.
static const char *stale(const struct sl_world *world, struct sl_buf *text)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->verdict != SL_VERDICT_FRESH)
            sl_buf_addf(text, "%s%s: %s", text->length ? "; " : "", node->name, node->why.items[0]);
    }
    return text->text;
}

// Rows that wait for another table are counted once, however often it is looked at.
static void held_rows_are_counted_once(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_err err = {0};

    (void)state;
    put_sources();
    put("data/orders-1.csv", "id,day,amount\n1,2026-01-01,1.50\n7,2026-01-02,2.50\n");
    put("contracts/orders.yml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nname: orders\nversion: 1.0.0\n"
        "status: active\nschema:\n  - name: orders\n    properties:\n"
        "      - name: id\n        logicalType: integer\n        relationships:\n"
        "          - {type: foreignKey, to: customers.id, "
        "customProperties: [{property: sluice.orphans, value: hold}]}\n");
    put("sluice.yml", "name: held\nchecks: {requirements: off}\n"
                      "quarantine: {max_share: 1.0, min_rows: 1000}\n");
    run_here();
    put("data/customers.csv", "id,name\n1,Ada\n2,Bea\n");
    {
        SL_AUTO(sl_world_close) struct sl_world first = {0};
        SL_AUTO(sl_run_clear) struct sl_run run = {0};
        SL_AUTO(seen_clear) struct seen seen = {0};
        open_plan(&first, "+clean.customers");
        run_all(&first, 1, false, &seen, &run);
        assert_int_equal(run.by_status[SL_STATUS_ERROR], 0);
    }
    open_plan(&world, NULL);
    const struct sl_facts *facts = &node_of(&world, "clean.orders")->facts;
    assert_int_equal(facts->held_count, 1);
    assert_int_equal(facts->held[0].rows, 1);
    assert_int_equal(sl_world_look_again(&world, &err), SL_OK);
    assert_int_equal(facts->held_count, 1);
    assert_int_equal(facts->held[0].rows, 1);
}

static void a_change_makes_stale_just_itself_and_what_depends_on_it(void **state)
{
#define BEHIND_DAILY                             \
    "; curated.total: curated.daily will change" \
    "; target.files.total: curated.total will change"
#define BEHIND_RAW                           \
    "; clean.orders: raw.orders will change" \
    "; curated.daily: clean.orders will change" BEHIND_DAILY
    static const struct {
        const char *path, *text, *stale;
        const char *before; // to put back; NULL: there was none
    } cases[] = {
        {"models/side.sql", "select 2 as n", "curated.side: its SQL or settings changed", SIDE},
        {"models/side.sql", "select  1 as n -- as before", "", SIDE},
        {"models/daily.sql", "select day, 1 as amount from clean.orders",
         "curated.daily: its SQL or settings changed" BEHIND_DAILY, DAILY},
        {"targets/files.yml",
         "type: csv\npath: out\ndeliver: [{table: curated.total, write: append}]\n",
         "target.files.total: its delivery changed", FILES},
        {"data/orders-2.csv", "id,day,amount\n3,2026-01-03,1\n",
         "raw.orders: 1 new file" BEHIND_RAW, NULL},
        {"data/orders-1.csv", "id,day,amount\n1,2026-01-01,100.00\n",
         "raw.orders: 1 changed file" BEHIND_RAW, NULL},
    };

    (void)state;
    put_shop();
    run_here();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        SL_AUTO(sl_buf_clear) struct sl_buf found = SL_BUF_INIT;
        put(cases[i].path, cases[i].text);
        open_plan(&world, NULL);
        assert_string_equal(stale(&world, &found), cases[i].stale);
        if (cases[i].before)
            put(cases[i].path, cases[i].before);
        else
            assert_int_equal(unlink(cases[i].path), 0);
    }
}

static void partitions_that_will_be_recomputed_are_foreseen(void **state)
{
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    struct sl_err err = {0};

    (void)state;
    put_shop();
    run_here();
    put("data/orders-2.csv", "id,day,amount\n3,2026-01-02,1\n4,2026-01-04,1\n");
    {
        SL_AUTO(sl_world_close) struct sl_world first = {0};
        SL_AUTO(sl_run_clear) struct sl_run run = {0};
        SL_AUTO(seen_clear) struct seen seen = {0};
        open_plan(&first, "+clean.orders");
        run_all(&first, 1, false, &seen, &run);
    }
    open_plan(&world, NULL);
    assert_int_equal(sl_world_foresee(&world, &err), SL_OK);
    const struct sl_facts *facts = &node_of(&world, "curated.daily")->facts;
    assert_true(facts->has_partitions);
    assert_int_equal(facts->partitions.count, 2);
    assert_non_null(strstr(facts->partitions.items[0], "2026-01-02"));
    assert_non_null(strstr(facts->partitions.items[1], "2026-01-04"));
}

static void the_last_status_of_each_step_is_recalled_until_the_history_is_deleted(void **state)
{
    static const struct {
        const char *name, *status;
    } cases[] = {{"curated.a", "ok"}, {"curated.b", "error"}, {"curated.c", "skipped"}};
    struct sl_err err = {0};

    (void)state;
    put("models/a.sql", "select 1 as n");
    put("models/b.sql", "select error('no') as n from curated.a");
    put("models/c.sql", "select n from curated.b");
    {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        SL_AUTO(sl_run_clear) struct sl_run run = {0};
        SL_AUTO(seen_clear) struct seen seen = {0};
        open_plan(&world, NULL);
        run_all(&world, 2, false, &seen, &run);
    }
    for (int time = 0; time < 2; time++) {
        SL_AUTO(sl_world_close) struct sl_world world = {0};
        open_world(&world);
        assert_int_equal(sl_world_recall(&world, &err), SL_OK);
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            const char *status = node_of(&world, cases[i].name)->facts.last_status;
            if (time == 0)
                assert_string_equal(status, cases[i].status);
            else
                assert_null(status);
        }
        assert_int_equal(sl_fs_remove_tree(".sluice", &err), SL_OK);
    }
    // The tables continue: what was done is known from them alone.
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    open_plan(&world, NULL);
    assert_int_equal(node_of(&world, "curated.a")->verdict, SL_VERDICT_FRESH);
    assert_int_equal(node_of(&world, "curated.b")->verdict, SL_VERDICT_STALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(facts_are_those_of_the_newest_commit, begin, end),
        cmocka_unit_test_setup_teardown(held_rows_are_counted_once, begin, end),
        cmocka_unit_test_setup_teardown(a_change_makes_stale_just_itself_and_what_depends_on_it,
                                        begin, end),
        cmocka_unit_test_setup_teardown(partitions_that_will_be_recomputed_are_foreseen, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            the_last_status_of_each_step_is_recalled_until_the_history_is_deleted, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
