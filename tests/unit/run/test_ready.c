// Which step is next, and when one is tried again.
#include "../base/test.h"
#include "run/ready.h"
#include "run/retry.h"

#define NODES 8

struct made {
    struct sl_project project;
    struct sl_pool_spec pools[2];
    struct sl_target targets[2];
    struct sl_model models[NODES];
    struct sl_node nodes[NODES];
    struct sl_graph graph;
    struct sl_ready ready;
};

// Nodes 0 to 5 are models, 6 and 7 deliveries to target 1 and, as it is said, to 0 or 1.
static void make(struct made *made, size_t last_target)
{
    *made = (struct made){.pools = {{"narrow", 1}, {"wide", 2}}};
    made->project.pools = made->pools;
    made->project.pool_count = 2;
    made->project.targets = made->targets;
    made->project.target_count = 2;
    for (size_t i = 0; i < NODES; i++) {
        struct sl_node *node = &made->nodes[i];
        node->is_selected = true;
        node->kind = i < 6 ? SL_NODE_MODEL : SL_NODE_LOAD;
        node->model = &made->models[i];
        node->target = &made->targets[i == 7 ? last_target : 1];
    }
    made->graph = (struct sl_graph){.nodes = made->nodes, .count = NODES};
}

static void end(struct made *made)
{
    sl_ready_forget(&made->ready, &made->graph);
    sl_ready_close(&made->ready);
}

static void add(struct made *made, size_t index, int64_t run)
{
    sl_ready_add(&made->ready,
                 &(struct sl_ready_step){.node = &made->nodes[index], .index = index, .run = run});
}

static void begin(struct made *made)
{
    struct sl_err err = {0};
    assert_int_equal(sl_ready_open(&made->ready, &made->project, &err), SL_OK);
    assert_int_equal(sl_ready_expect(&made->ready, &made->graph, &err), SL_OK);
    for (size_t i = NODES; i-- > 0;)
        add(made, i, 1);
    assert_int_equal(made->ready.count, NODES);
}

static void takes(struct made *made, const size_t *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sl_ready_step got;
        assert_true(sl_ready_take(&made->ready, &got));
        assert_int_equal(got.index, wanted[i]);
    }
}

static void takes_none(struct made *made)
{
    struct sl_ready_step got;
    assert_false(sl_ready_take(&made->ready, &got));
    assert_int_equal(sl_ready_startable(&made->ready), 0);
}

static void the_highest_priority_is_next_and_of_equals_the_first_of_the_graph(void **state)
{
    static const size_t wanted[] = {4, 1, 3, 0, 5, 6, 7, 2};
    struct made made;

    (void)state;
    make(&made, 1);
    made.models[4].execution.priority = 9;
    made.models[1].execution.priority = made.models[3].execution.priority = 2;
    made.models[2].execution.priority = -1;
    begin(&made);
    assert_int_equal(sl_ready_startable(&made.ready), NODES);
    takes(&made, wanted, COUNT_OF(wanted));
    takes_none(&made);
    end(&made);
}

static void a_full_pool_keeps_back_its_own_steps_only(void **state)
{
    static const size_t first[] = {0, 2, 3, 5, 6, 7}, next[] = {1}, last[] = {4};
    struct made made;

    (void)state;
    make(&made, 1);
    made.models[0].execution.pool = made.models[1].execution.pool = "narrow";
    made.models[2].execution.pool = made.models[3].execution.pool = "wide";
    made.models[4].execution.pool = "wide";
    begin(&made);
    assert_int_equal(sl_ready_startable(&made.ready), 6);
    takes(&made, first, COUNT_OF(first));
    takes_none(&made);
    sl_ready_release(&made.ready, &made.nodes[0]);
    takes(&made, next, 1);
    takes_none(&made);
    sl_ready_release(&made.ready, &made.nodes[3]);
    takes(&made, last, 1);
    takes_none(&made);
    assert_int_equal(made.ready.count, 0);
    end(&made);
}

static void a_target_has_slots_of_its_own_besides_those_of_its_pool(void **state)
{
    static const size_t models[] = {0, 1, 2, 3, 4, 5}, one[] = {6}, other[] = {7};
    struct made made;

    (void)state;
    for (int shares_pool = 0; shares_pool < 2; shares_pool++) {
        make(&made, 0);
        made.targets[0].execution.concurrency = made.targets[1].execution.concurrency = 1;
        if (shares_pool)
            made.targets[0].execution.pool = made.targets[1].execution.pool = "narrow";
        begin(&made);
        takes(&made, models, COUNT_OF(models));
        takes(&made, one, 1);
        if (shares_pool) {
            takes_none(&made);
            sl_ready_release(&made.ready, &made.nodes[6]);
        }
        takes(&made, other, 1);
        end(&made);
    }
    make(&made, 1);
    made.targets[1].execution.concurrency = 1;
    begin(&made);
    takes(&made, models, COUNT_OF(models));
    takes(&made, one, 1);
    takes_none(&made);
    sl_ready_release(&made.ready, &made.nodes[6]);
    takes(&made, other, 1);
    end(&made);
}

static void of_two_runs_the_older_comes_first_but_for_priorities(void **state)
{
    struct made made;
    struct sl_ready_step got;
    struct sl_err err = {0};

    (void)state;
    make(&made, 1);
    made.models[5].execution.priority = 1;
    assert_int_equal(sl_ready_open(&made.ready, &made.project, &err), SL_OK);
    assert_int_equal(sl_ready_expect(&made.ready, &made.graph, &err), SL_OK);
    assert_int_equal(sl_ready_expect(&made.ready, &made.graph, &err), SL_OK);
    add(&made, 0, 2);
    add(&made, 5, 2);
    add(&made, 3, 1);
    add(&made, 0, 1);
    static const struct sl_ready_step wanted[] = {
        {.index = 5, .run = 2}, {.index = 0, .run = 1}, {.index = 3, .run = 1}, {.run = 2}};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_true(sl_ready_take(&made.ready, &got));
        assert_int_equal(got.index, wanted[i].index);
        assert_int_equal(got.run, wanted[i].run);
    }
    sl_ready_forget(&made.ready, &made.graph);
    end(&made);
}

static void the_steps_of_one_run_are_pulled_out_and_the_others_keep_their_order(void **state)
{
    struct made made;
    struct sl_ready_step got;
    struct sl_err err = {0};
    int owners[2];

    (void)state;
    make(&made, 1);
    made.models[2].execution.pool = made.models[4].execution.pool = "narrow";
    assert_int_equal(sl_ready_open(&made.ready, &made.project, &err), SL_OK);
    assert_int_equal(sl_ready_expect(&made.ready, &made.graph, &err), SL_OK);
    for (size_t i = NODES; i-- > 0;)
        sl_ready_add(&made.ready, &(struct sl_ready_step){.node = &made.nodes[i],
                                                          .index = i,
                                                          .run = 1,
                                                          .owner = &owners[i % 3 == 0]});
    size_t pulled = 0;
    for (; sl_ready_pull(&made.ready, &owners[1], &got); pulled++)
        assert_int_equal(got.index % 3, 0);
    assert_int_equal(pulled, 3);
    assert_int_equal(made.ready.count, NODES - 3);
    static const size_t rest[] = {1, 2, 5, 7};
    takes(&made, rest, COUNT_OF(rest));
    takes_none(&made);
    end(&made);
}

static void only_what_may_pass_by_itself_is_tried_again(void **state)
{
    static const struct {
        enum sl_code code;
        bool has_share, waits_for_files, is_retried;
    } cases[] = {
        {SL_E_TARGET_CONNECT, false, false, true}, {SL_E_TARGET_BUSY, false, false, true},
        {SL_E_LOCKED, false, false, true},         {SL_E_IO, false, false, true},
        {SL_E_TABLE_CONFLICT, false, false, true}, {SL_E_TIMEOUT, false, false, true},
        {SL_E_TARGET_REFUSED, true, true, false},  {SL_E_TARGET_LOGIN, true, true, false},
        {SL_E_ENGINE, true, true, false},          {SL_E_CHECK_FAILED, true, true, false},
        {SL_E_BUDGET, true, true, false},          {SL_E_RULE_BROKEN, true, true, false},
        {SL_E_CONTRACT, true, true, false},        {SL_E_INTERNAL, true, true, false},
        {SL_E_NO_SPACE, true, true, false},        {SL_E_WORKER_MEMORY, true, true, false},
        {SL_E_INTERRUPTED, true, true, false},     {SL_E_DEADLINE, true, true, false},
        {SL_E_MEMORY, false, false, false},        {SL_E_MEMORY, true, false, true},
        {SL_E_SOURCE_EMPTY, true, false, false},   {SL_E_SOURCE_EMPTY, false, true, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_retry retry = {.attempts = 3, .has_missing_files = cases[i].waits_for_files};
        struct sl_err err = {.code = cases[i].code};
        assert_int_equal(sl_retry_is_for(&retry, &err, cases[i].has_share), cases[i].is_retried);
    }
}

static void waits_grow_to_their_longest_and_jitter_is_full(void **state)
{
    static const int64_t plain[] = {1000, 3000, 9000, 20000, 20000};
    const struct sl_retry retry = {.initial_s = 1, .factor = 3, .max_s = 20};
    struct sl_retry jittered = retry, steady = {.initial_s = 5, .factor = 1, .max_s = 60};

    (void)state;
    jittered.has_jitter = true;
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        int64_t failed = (int64_t)i + 1;
        assert_int_equal(sl_retry_most_ms(&retry, failed), plain[i]);
        assert_int_equal(sl_retry_wait_ms(&retry, failed, UINT64_MAX), plain[i]);
        assert_int_equal(sl_retry_wait_ms(&jittered, failed, 0), 0);
        assert_int_equal(sl_retry_wait_ms(&jittered, failed, (uint64_t)plain[i]), plain[i]);
        assert_int_equal(sl_retry_wait_ms(&jittered, failed, (uint64_t)plain[i] + 1), 0);
    }
    assert_int_equal(sl_retry_most_ms(&retry, INT64_MAX), 20000);
    assert_int_equal(sl_retry_most_ms(&steady, INT64_MAX), 5000);
    assert_int_equal(sl_retry_wait_ms(&(struct sl_retry){.factor = 2, .has_jitter = true}, 9, 7),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_priority_is_next_and_of_equals_the_first_of_the_graph),
        cmocka_unit_test(a_full_pool_keeps_back_its_own_steps_only),
        cmocka_unit_test(a_target_has_slots_of_its_own_besides_those_of_its_pool),
        cmocka_unit_test(of_two_runs_the_older_comes_first_but_for_priorities),
        cmocka_unit_test(the_steps_of_one_run_are_pulled_out_and_the_others_keep_their_order),
        cmocka_unit_test(only_what_may_pass_by_itself_is_tried_again),
        cmocka_unit_test(waits_grow_to_their_longest_and_jitter_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
