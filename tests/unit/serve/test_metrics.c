// Numbers in Prometheus' text form. That promtool takes them is tested in
// tests/e2e/test_serve_http.py.
#include "../base/test.h"
#include "serve/metrics.h"

#include <stdio.h>

static const struct sl_metrics_now now = {.now_us = 1000000000, .active_runs = 3};

static char *print(struct sl_metrics *metrics)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    sl_metrics_print(metrics, &now, &text);
    assert_false(text.has_failed);
    return sl_buf_take(&text);
}

static void check_has(const char *text, const char *line)
{
    if (!strstr(text, line))
        print_error("no line '%s' in\n%s", line, text);
    assert_non_null(strstr(text, line));
}

static void counts_add_up_and_buckets_contain_each_other(void **state)
{
    SL_AUTO(sl_metrics_free) struct sl_metrics *metrics = NULL;
    struct sl_err err = {0};
    struct sl_metrics_step step = {.pipeline = "nightly",
                                   .kind = "model",
                                   .table = "curated.a",
                                   .status = "ok",
                                   .elapsed_s = 0.2,
                                   .rows_in = 10,
                                   .rows_out = 9,
                                   .peak_memory_bytes = 5000};

    (void)state;
    assert_int_equal(sl_metrics_new(&metrics, &err), SL_OK);
    sl_metrics_step_ended(metrics, &step);
    step.elapsed_s = 4000;
    step.peak_memory_bytes = 400;
    sl_metrics_step_ended(metrics, &step);
    char *text = print(metrics);
    check_has(text, "\nsluice_steps_total{pipeline=\"nightly\",kind=\"model\",status=\"ok\"} 2\n");
    check_has(text, "\nsluice_rows_in_total{table=\"curated.a\"} 20\n");
    check_has(text, "\nsluice_rows_out_total{table=\"curated.a\"} 18\n");
    check_has(text, "\nsluice_step_peak_memory_bytes{kind=\"model\"} 5000\n");
    check_has(text, "\nsluice_step_duration_seconds_bucket{kind=\"model\",le=\"0.1\"} 0\n");
    check_has(text, "\nsluice_step_duration_seconds_bucket{kind=\"model\",le=\"0.5\"} 1\n");
    check_has(text, "\nsluice_step_duration_seconds_bucket{kind=\"model\",le=\"3600\"} 1\n");
    check_has(text, "\nsluice_step_duration_seconds_bucket{kind=\"model\",le=\"+Inf\"} 2\n");
    check_has(text, "\nsluice_step_duration_seconds_sum{kind=\"model\"} 4000.200000\n");
    check_has(text, "\nsluice_step_duration_seconds_count{kind=\"model\"} 2\n");
    check_has(text, "\nsluice_runs_active 3\n");
    free(text);
}

static void a_name_that_two_workers_have_is_told_once(void **state)
{
    SL_AUTO(sl_metrics_free) struct sl_metrics *metrics = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_err err = {0};
    const struct sl_machine_seen machines[] = {{"w4", 2, true}, {"w5", 1, false}, {"w4", 3, true}};
    const struct sl_metrics_now seen = {.machines = machines, .machine_count = 3};

    (void)state;
    assert_int_equal(sl_metrics_new(&metrics, &err), SL_OK);
    sl_metrics_print(metrics, &seen, &text);
    check_has(text.text, "\nsluice_machine_slots{machine=\"w4\"} 5\n"
                         "sluice_machine_slots{machine=\"w5\"} 0\n# HELP");
}

static void labels_are_escaped_and_ages_are_as_of_now(void **state)
{
    SL_AUTO(sl_metrics_free) struct sl_metrics *metrics = NULL;
    struct sl_err err = {0};

    (void)state;
    assert_int_equal(sl_metrics_new(&metrics, &err), SL_OK);
    sl_metrics_table(metrics, "a\"b\\c\nd", 990000000, 60);
    sl_metrics_table(metrics, "later", 2000000000, 0);
    char *text = print(metrics);
    check_has(text, "\nsluice_table_freshness_seconds{table=\"a\\\"b\\\\c\\nd\"} 10\n");
    check_has(text, "\nsluice_table_freshness_limit_seconds{table=\"a\\\"b\\\\c\\nd\"} 60\n");
    check_has(text, "\nsluice_table_freshness_seconds{table=\"later\"} 0\n");
    free(text);
}

static void series_are_bounded(void **state)
{
    SL_AUTO(sl_metrics_free) struct sl_metrics *metrics = NULL;
    struct sl_err err = {0};
    char name[32];

    (void)state;
    assert_int_equal(sl_metrics_new(&metrics, &err), SL_OK);
    for (int i = 0; i < 5003; i++) {
        (void)snprintf(name, sizeof name, "p%d", i);
        sl_metrics_deadline_missed(metrics, name);
    }
    sl_metrics_deadline_missed(metrics, "p7"); // known, so it counts
    char *text = print(metrics);
    check_has(text, "\nsluice_metrics_dropped_total 3\n");
    check_has(text, "\nsluice_deadlines_missed_total{pipeline=\"p7\"} 2\n");
    assert_null(strstr(text, "\"p5000\""));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_add_up_and_buckets_contain_each_other),
        cmocka_unit_test(a_name_that_two_workers_have_is_told_once),
        cmocka_unit_test(labels_are_escaped_and_ages_are_as_of_now),
        cmocka_unit_test(series_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
