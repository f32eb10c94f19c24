#include "plan/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

// ingest orders -> cleanse orders -> model daily (full) -> load out
enum { INGEST, CLEANSE, DAILY, LOAD, NODES };

struct chain {
    struct sl_arena arena;
    struct sl_node nodes[NODES];
    size_t indices[NODES];
    struct sl_graph graph;
    struct sl_model model;
    struct sl_query query;
    struct sl_table_ref refs[1];
    struct sl_delivery delivery;
    struct sl_past pasts[NODES][3];
    struct sl_past_list lists[NODES];
    struct sl_estimate_options options;
};

static struct sl_past past(int64_t rows_read, int64_t rows_out, int64_t bytes_in,
                           int64_t elapsed_ms)
{
    return (struct sl_past){rows_read, rows_out, bytes_in, elapsed_ms, false};
}

static int build(void **state)
{
    struct chain *chain = calloc(1, sizeof *chain);
    static const enum sl_node_kind kinds[] = {SL_NODE_INGEST, SL_NODE_CLEANSE, SL_NODE_MODEL,
                                              SL_NODE_LOAD};
    assert_non_null(chain);
    sl_arena_init(&chain->arena, 0);
    chain->graph = (struct sl_graph){.nodes = chain->nodes, .count = NODES};
    for (size_t i = 0; i < NODES; i++) {
        struct sl_node *node = &chain->nodes[i];
        chain->indices[i] = i;
        *node = (struct sl_node){
            .kind = kinds[i], .is_selected = true, .verdict = SL_VERDICT_AFTER, .fingerprint = "f"};
        node->facts = (struct sl_facts){.version = 1, .fingerprint = "f", .rows = 1000};
        if (i > 0) {
            node->upstream = &chain->indices[i - 1];
            node->upstream_count = 1;
        }
        chain->lists[i].items = chain->pasts[i];
    }
    chain->nodes[DAILY].model = &chain->model;
    chain->nodes[DAILY].query = &chain->query;
    chain->refs[0] = (struct sl_table_ref){.layer = "clean", .name = "orders"};
    chain->query = (struct sl_query){.tables = chain->refs, .table_count = 1};
    chain->delivery = (struct sl_delivery){.table = "curated.daily", .to = "daily"};
    chain->nodes[LOAD].delivery = &chain->delivery;
    chain->nodes[INGEST].bare = chain->nodes[CLEANSE].bare = "orders";
    chain->nodes[DAILY].bare = chain->nodes[LOAD].bare = "daily";
    chain->nodes[INGEST].verdict = SL_VERDICT_STALE;
    chain->nodes[INGEST].facts.new_files = 2;
    chain->nodes[INGEST].facts.new_bytes = 5000;
    *state = chain;
    return 0;
}

static int destroy(void **state)
{
    struct chain *chain = *state;
    sl_arena_clear(&chain->arena);
    free(chain);
    return 0;
}

static void remember(struct chain *chain, size_t at, struct sl_past item)
{
    chain->pasts[at][chain->lists[at].count++] = item;
}

static void estimate(struct chain *chain)
{
    struct sl_err err = {0};
    assert_int_equal(
        sl_plan_estimate(&chain->graph, chain->lists, &chain->options, &chain->arena, &err), SL_OK);
}

static void what_no_run_has_told_is_unknown(void **state)
{
    struct chain *chain = *state;
    estimate(chain);
    const struct sl_estimate *ingest = &chain->nodes[INGEST].estimate;
    assert_true(ingest->is_made);
    assert_int_equal(ingest->bytes_in, 5000);
    assert_int_equal(ingest->files_in, 2);
    assert_int_equal(ingest->rows_in, -1);
    assert_int_equal(ingest->elapsed_ms, -1);
    assert_true(ingest->cost < 0);
    assert_null(ingest->basis);
    for (size_t i = CLEANSE; i < NODES; i++) {
        assert_int_equal(chain->nodes[i].estimate.rows_in, -1);
        assert_int_equal(chain->nodes[i].estimate.elapsed_ms, -1);
    }
    struct sl_estimate_total total = sl_plan_estimate_total(&chain->graph);
    assert_int_equal(total.steps, 4);
    assert_int_equal(total.unknown_steps, 4);
}

static void rows_and_times_follow_from_what_runs_took(void **state)
{
    struct chain *chain = *state;
    chain->options.price_per_hour = 36; // 0.01 a second
    struct sl_past daily = past(1450, 15, -1, 145);
    daily.was_full = true;
    remember(chain, INGEST, past(500, 500, 5000, 500)); // 10 bytes a row, 10 bytes a ms
    remember(chain, CLEANSE, past(500, 450, -1, 250));  // nine of ten, 2 rows a ms
    remember(chain, DAILY, daily);                      // 10 rows a ms
    remember(chain, LOAD, past(15, 15, -1, 5));         // 3 rows a ms
    estimate(chain);
    const struct sl_node *nodes = chain->nodes;
    assert_int_equal(nodes[INGEST].estimate.rows_in, 500);
    assert_int_equal(nodes[INGEST].estimate.elapsed_ms, 500);
    assert_int_equal(nodes[CLEANSE].estimate.rows_in, 500);
    assert_int_equal(nodes[CLEANSE].estimate.rows_out, 450);
    assert_int_equal(nodes[CLEANSE].estimate.elapsed_ms, 250);
    assert_int_equal(nodes[DAILY].estimate.rows_in, 1450); // a whole one reads all there will be
    assert_int_equal(nodes[DAILY].estimate.rows_out, 15);
    assert_int_equal(nodes[DAILY].estimate.elapsed_ms, 145);
    assert_int_equal(nodes[LOAD].estimate.rows_in, 15);
    assert_int_equal(nodes[LOAD].estimate.elapsed_ms, 5);
    assert_string_equal(nodes[LOAD].estimate.basis, "1 run of this step");
    struct sl_estimate_total total = sl_plan_estimate_total(&chain->graph);
    assert_int_equal(total.elapsed_ms, 900);
    assert_int_equal(total.unknown_steps, 0);
    assert_true(total.cost > 0.00899 && total.cost < 0.00901);
}

static void the_middle_of_several_runs_counts(void **state)
{
    struct chain *chain = *state;
    remember(chain, INGEST, past(500, 500, 5000, 500));
    remember(chain, INGEST, past(500, 500, 5000, 4000)); // a slow disk, once
    remember(chain, INGEST, past(500, 500, 5000, 500));
    estimate(chain);
    assert_int_equal(chain->nodes[INGEST].estimate.elapsed_ms, 500);
    assert_string_equal(chain->nodes[INGEST].estimate.basis, "3 runs of this step");
}

static void small_runs_tell_no_pace(void **state)
{
    struct chain *chain = *state;
    remember(chain, INGEST, past(1, 1, 10, 50)); // 500 times as many bytes come
    remember(chain, CLEANSE, past(1, 1, -1, 40));
    estimate(chain);
    assert_int_equal(chain->nodes[INGEST].estimate.elapsed_ms, 50);
    assert_int_equal(chain->nodes[CLEANSE].estimate.elapsed_ms,
                     40 + 499 / SL_ESTIMATE_ROWS_PER_MS + 1);
}

static void no_estimate_is_below_the_fastest_run(void **state)
{
    struct chain *chain = *state;
    remember(chain, INGEST, past(1000000, 1000000, 10000000, 900));
    estimate(chain);
    assert_int_equal(chain->nodes[INGEST].estimate.elapsed_ms, 900);
}

static void runs_of_the_same_sort_are_compared(void **state)
{
    struct chain *chain = *state;
    struct sl_past whole = past(1000, 1000, 10000, 10);
    whole.was_full = true;
    remember(chain, INGEST, whole);
    remember(chain, INGEST, past(500, 500, 5000, 500));
    estimate(chain);
    assert_int_equal(chain->nodes[INGEST].estimate.elapsed_ms, 500);
    assert_string_equal(chain->nodes[INGEST].estimate.basis, "1 run of this step");
}

static void a_new_step_goes_by_others_of_its_kind(void **state)
{
    struct chain *chain = *state;
    chain->nodes[CLEANSE].kind = SL_NODE_LOAD;
    remember(chain, INGEST, past(100, 100, 1000, 100));
    remember(chain, LOAD, past(1000, 1000, -1, 100));
    estimate(chain);
    assert_int_equal(chain->nodes[CLEANSE].estimate.elapsed_ms, 50);
    assert_string_equal(chain->nodes[CLEANSE].estimate.basis, "steps of its kind");
}

static void changed_code_reads_everything(void **state)
{
    struct chain *chain = *state;
    remember(chain, INGEST, past(100, 100, 1000, 100));
    chain->nodes[CLEANSE].facts.fingerprint = "other";
    estimate(chain);
    assert_int_equal(chain->nodes[CLEANSE].estimate.rows_in, 1500);
}

static void rows_of_quarantine_and_of_what_only_checks_read_are_not_counted(void **state)
{
    struct chain *chain = *state;
    const struct sl_node *nodes = chain->nodes;
    assert_int_equal(sl_estimate_reading(&nodes[DAILY], &nodes[CLEANSE]), SL_READING_ROWS);
    assert_int_equal(sl_estimate_reading(&nodes[DAILY], &nodes[INGEST]), SL_READING_NOTHING);
    assert_int_equal(sl_estimate_reading(&nodes[CLEANSE], &nodes[CLEANSE]), SL_READING_NOTHING);
    assert_int_equal(sl_estimate_reading(&nodes[LOAD], &nodes[DAILY]), SL_READING_ROWS);
    chain->refs[0].layer = "quarantine";
    chain->delivery.table = "quarantine.orders";
    assert_int_equal(sl_estimate_reading(&nodes[DAILY], &nodes[CLEANSE]), SL_READING_UNKNOWN);
    assert_int_equal(sl_estimate_reading(&nodes[LOAD], &nodes[CLEANSE]), SL_READING_UNKNOWN);
    remember(chain, INGEST, past(100, 100, 1000, 100));
    remember(chain, CLEANSE, past(100, 90, -1, 50));
    estimate(chain);
    assert_int_equal(nodes[CLEANSE].estimate.rows_out, 450);
    assert_int_equal(nodes[DAILY].estimate.rows_in, -1);
}

static void what_is_up_to_date_or_not_selected_costs_nothing(void **state)
{
    struct chain *chain = *state;
    for (size_t i = 0; i < NODES; i++)
        chain->nodes[i].verdict = SL_VERDICT_FRESH;
    chain->nodes[LOAD].verdict = SL_VERDICT_STALE;
    chain->nodes[LOAD].is_selected = false;
    estimate(chain);
    assert_int_equal(sl_plan_estimate_total(&chain->graph).steps, 0);
    assert_false(chain->nodes[LOAD].estimate.is_made);
}

static void what_was_always_built_whole_reads_everything(void **state)
{
    struct chain *chain = *state;
    struct sl_past whole = past(1000, 10, -1, 50);
    whole.was_full = true;
    chain->model.write = SL_WRITE_PARTITION;
    chain->nodes[INGEST].verdict = SL_VERDICT_FRESH;
    chain->nodes[CLEANSE].verdict = SL_VERDICT_FRESH;
    chain->nodes[DAILY].verdict = SL_VERDICT_STALE;
    estimate(chain);
    assert_int_equal(chain->nodes[DAILY].estimate.rows_in, -1); // what changed is not known here
    remember(chain, DAILY, whole);
    estimate(chain);
    assert_int_equal(chain->nodes[DAILY].estimate.rows_in, -1); // its first building
    remember(chain, DAILY, whole);
    estimate(chain);
    assert_int_equal(chain->nodes[DAILY].estimate.rows_in, 1000);
    remember(chain, DAILY, past(2, 1, -1, 5));
    estimate(chain);
    assert_int_equal(chain->nodes[DAILY].estimate.rows_in, -1);
}

static void a_small_run_tells_the_fixed_part_and_a_large_one_that_of_rows(void **state)
{
    struct sl_past pasts[] = {past(2, 2, -1, 100), past(420000, 140, -1, 1100),
                              past(0, 0, -1, 9)}; // that of a backfill: it did not count
    struct sl_past_list list = {pasts, 2};
    struct sl_estimate_fit fit = sl_estimate_fit(&list, 0);
    (void)state;
    assert_int_equal(sl_estimate_fit_ms(&fit, 420000), 1100);
    assert_int_equal(sl_estimate_fit_ms(&fit, 210000), 600);
    assert_int_equal(sl_estimate_fit_ms(&fit, 3000), 107);
    assert_int_equal(sl_estimate_fit_ms(&fit, 840000), 2100);
    assert_int_equal(sl_estimate_fit_ms(&fit, -1), -1);
    list.count = 3;
    fit = sl_estimate_fit(&list, 0);
    assert_int_equal(fit.least_ms, 100);
    list.count = 1; // two rows alone say nothing of the pace
    fit = sl_estimate_fit(&list, 100);
    assert_int_equal(sl_estimate_fit_ms(&fit, 20002), 100 + 1000);
    list = (struct sl_past_list){&pasts[1], 1};
    fit = sl_estimate_fit(&list, 100); // how much of it was not of rows others tell
    assert_int_equal(sl_estimate_fit_ms(&fit, 3000), 107);
    fit = sl_estimate_fit(&list, 0);
    assert_int_equal(sl_estimate_fit_ms(&fit, 42000), 110);
    list.count = 0;
    fit = sl_estimate_fit(&list, 100);
    assert_int_equal(sl_estimate_fit_ms(&fit, 5), -1);
}

static void chunks_add_up_as_many_as_run_at_once(void **state)
{
    const struct sl_estimate_fit fit = {.least_ms = 100, .most_rows = 1000, .most_ms = 300};
    const int64_t rows[] = {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000};
    const int64_t unknown[] = {1000, -1};
    const struct sl_estimate_fit nothing = {0};
    (void)state;
    assert_int_equal(sl_estimate_parts_ms(&fit, rows, 9, 1), 2700);
    assert_int_equal(sl_estimate_parts_ms(&fit, rows, 9, 2), 1500); // five rounds
    assert_int_equal(sl_estimate_parts_ms(&fit, rows, 9, 100), 300);
    assert_int_equal(sl_estimate_parts_ms(&fit, unknown, 2, 1), -1);
    assert_int_equal(sl_estimate_parts_ms(&nothing, rows, 9, 1), -1);
    assert_int_equal(sl_estimate_parts_ms(&fit, rows, 0, 1), 0);
}

static void factors_are_the_same_in_both_directions(void **state)
{
    double values[] = {4, 1, 2, 3};
    (void)state;
    assert_true(sl_estimate_factor(200, 100) == 2);
    assert_true(sl_estimate_factor(100, 200) == 2);
    assert_true(sl_estimate_factor(0, 200) == 0);
    assert_true(sl_estimate_factor(5, -1) == 0);
    assert_true(sl_estimate_median(values, 4) == 2.5);
    assert_true(sl_estimate_median(values, 3) == 2);
    assert_true(sl_estimate_median(values, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_no_run_has_told_is_unknown, build, destroy),
        cmocka_unit_test_setup_teardown(rows_and_times_follow_from_what_runs_took, build, destroy),
        cmocka_unit_test_setup_teardown(the_middle_of_several_runs_counts, build, destroy),
        cmocka_unit_test_setup_teardown(small_runs_tell_no_pace, build, destroy),
        cmocka_unit_test_setup_teardown(no_estimate_is_below_the_fastest_run, build, destroy),
        cmocka_unit_test_setup_teardown(runs_of_the_same_sort_are_compared, build, destroy),
        cmocka_unit_test_setup_teardown(a_new_step_goes_by_others_of_its_kind, build, destroy),
        cmocka_unit_test_setup_teardown(changed_code_reads_everything, build, destroy),
        cmocka_unit_test_setup_teardown(
            rows_of_quarantine_and_of_what_only_checks_read_are_not_counted, build, destroy),
        cmocka_unit_test_setup_teardown(what_is_up_to_date_or_not_selected_costs_nothing, build,
                                        destroy),
        cmocka_unit_test_setup_teardown(what_was_always_built_whole_reads_everything, build,
                                        destroy),
        cmocka_unit_test(a_small_run_tells_the_fixed_part_and_a_large_one_that_of_rows),
        cmocka_unit_test(chunks_add_up_as_many_as_run_at_once),
        cmocka_unit_test(factors_are_the_same_in_both_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
