// Which alerts are raised, repeated and resolved, and who is told.
#include "../base/test.h"
#include "notify/facts.h"

#define SECOND ((int64_t)1000000)
#define HOUR (3600 * SECOND)
#define NOW (1000 * HOUR)

struct made {
    struct sl_arena arena;
    struct sl_alerts alerts;
    struct sl_channel channels[3];
    struct sl_alert_route routes[4];
    struct sl_circumstances circumstances;
    struct sl_findings findings;
};

static int set_up(void **state)
{
    static struct made made;
    made = (struct made){.channels = {{.name = "ops"}, {.name = "pager"}, {.name = "mail"}}};
    sl_arena_init(&made.arena, 0);
    made.alerts = (struct sl_alerts){
        .channels = {made.channels, 3},
        .repeat_after_s = 4 * 3600,
        .when = {
            .row_drop = 0.5, .quarantine_share = 0.05, .lag_s = 600, .has_schema_change = true}};
    made.circumstances = (struct sl_circumstances){
        .alerts = &made.alerts, .now_us = NOW, .run_id = "r1", .environment = ""};
    *state = &made;
    return 0;
}

static int tear_down(void **state)
{
    struct made *made = *state;
    sl_arena_clear(&made->arena);
    return 0;
}

// --- judging

static void
one_finding_of_a_kind_and_subject_stands_and_what_is_bad_before_what_is_well(void **state)
{
    struct made *made = *state;
    struct sl_finding items[] = {
        {.kind = SL_ALERT_FAILURE, .subject = "curated.daily", .summary = "well"},
        {.kind = SL_ALERT_LAG, .subject = "curated.daily", .summary = "behind", .is_bad = true},
        {.kind = SL_ALERT_FAILURE, .subject = "curated.daily", .summary = "first", .is_bad = true},
        {.kind = SL_ALERT_FAILURE, .subject = "curated.total", .summary = "other", .is_bad = true},
        {.kind = SL_ALERT_FAILURE, .subject = "curated.daily", .summary = "later", .is_bad = true},
        {.kind = SL_ALERT_FAILURE, .subject = "curated.daily", .summary = "well again"},
    };
    struct sl_findings findings = {items, sizeof items / sizeof *items};
    struct sl_err err = {0};
    assert_int_equal(sl_findings_settle(&findings, &made->arena, &err), SL_OK);
    assert_int_equal(findings.count, 3);
    assert_string_equal(items[0].summary, "first");
    assert_string_equal(items[1].summary, "behind");
    assert_string_equal(items[2].summary, "other");
}

static void judge(struct made *made, const struct sl_subject *subject)
{
    struct sl_err err = {0};
    made->findings = (struct sl_findings){0};
    assert_int_equal(sl_alerts_judge(&made->alerts, subject, &made->arena, &made->findings, &err),
                     SL_OK);
}

static const struct sl_finding *found(const struct made *made, enum sl_alert_kind kind)
{
    for (size_t i = 0; i < made->findings.count; i++)
        if (made->findings.items[i].kind == kind)
            return &made->findings.items[i];
    return NULL;
}

static void finds(struct made *made, const struct sl_subject *subject, enum sl_alert_kind kind,
                  const char *summary)
{
    judge(made, subject);
    assert_non_null(found(made, kind));
    assert_true(found(made, kind)->is_bad);
    assert_string_equal(found(made, kind)->summary, summary);
}

static void finds_well(struct made *made, const struct sl_subject *subject, enum sl_alert_kind kind)
{
    judge(made, subject);
    assert_non_null(found(made, kind));
    assert_false(found(made, kind)->is_bad);
}

static void nothing_is_said_of_what_is_not_known(void **state)
{
    struct sl_subject subject = sl_subject_named("clean.orders");
    judge(*state, &subject);
    assert_int_equal(((struct made *)*state)->findings.count, 0);
}

static void a_step_that_failed_is_told_with_its_error(void **state)
{
    struct made *made = *state;
    struct sl_subject subject = sl_subject_named("clean.orders");
    subject.outcome = SL_SEEN_FAILED;
    subject.code = "SL0711";
    subject.message = "rows break a rule";
    finds(made, &subject, SL_ALERT_FAILURE, "clean.orders failed: rows break a rule");
    assert_string_equal(found(made, SL_ALERT_FAILURE)->code, "SL0711");
    subject.outcome = SL_SEEN_WELL;
    finds_well(made, &subject, SL_ALERT_FAILURE);
}

static void a_late_run_is_an_sla_of_the_run(void **state)
{
    struct sl_subject subject = sl_subject_named("shop");
    subject.is_run = true;
    subject.deadline = SL_SEEN_FAILED;
    subject.deadline_s = 2 * 3600;
    finds(*state, &subject, SL_ALERT_SLA, "the run of shop took longer than its deadline of 2 h");
    subject.deadline = SL_SEEN_WELL;
    finds_well(*state, &subject, SL_ALERT_SLA);
}

static void a_table_may_be_as_old_as_its_freshness(void **state)
{
    struct sl_subject subject = sl_subject_named("curated.revenue");
    subject.freshness_s = 26 * 3600;
    subject.age_s = 26 * 3600;
    finds_well(*state, &subject, SL_ALERT_SLA);
    subject.age_s += 600;
    finds(*state, &subject, SL_ALERT_SLA, "curated.revenue is 26 h 10 min old, and may be 26 h");
    subject.freshness_s = -1;
    judge(*state, &subject);
    assert_null(found(*state, SL_ALERT_SLA));
}

static void a_drop_is_against_the_median_of_enough_runs(void **state)
{
    struct made *made = *state;
    struct sl_subject subject = sl_subject_named("raw.orders");
    subject.rows = 40;
    subject.past[0] = 100;
    subject.past[1] = 1; // one odd run does not hide it
    subject.past_count = 2;
    judge(made, &subject);
    assert_null(found(made, SL_ALERT_ROW_DROP));
    subject.past[2] = 100;
    subject.past_count = 3;
    finds(made, &subject, SL_ALERT_ROW_DROP,
          "raw.orders: 40 rows, 60 % fewer than the 100 that are usual (the median of the last 3 "
          "runs)");
    subject.rows = 50; // just half is not too few
    finds_well(made, &subject, SL_ALERT_ROW_DROP);
    made->alerts.when.row_drop = -1;
    judge(made, &subject);
    assert_null(found(made, SL_ALERT_ROW_DROP));
}

static void rows_that_were_never_there_cannot_drop(void **state)
{
    struct sl_subject subject = sl_subject_named("raw.orders");
    subject.rows = 0;
    subject.past_count = 3;
    finds_well(*state, &subject, SL_ALERT_ROW_DROP);
}

static void a_share_of_rejected_rows_is_of_the_rows_read(void **state)
{
    struct sl_subject subject = sl_subject_named("clean.orders");
    subject.rows_in = 100;
    subject.rows_rejected = 5;
    finds_well(*state, &subject, SL_ALERT_QUARANTINE);
    subject.rows_rejected = 12;
    finds(*state, &subject, SL_ALERT_QUARANTINE,
          "clean.orders: 12 of 100 rows were rejected, 12 %, and may be 5 %");
    subject.rows_in = subject.rows_rejected = 0;
    judge(*state, &subject);
    assert_null(found(*state, SL_ALERT_QUARANTINE));
}

static void lag_is_of_the_input_that_waits(void **state)
{
    struct sl_subject subject = sl_subject_named("curated.revenue");
    subject.lag_s = 0;
    finds_well(*state, &subject, SL_ALERT_LAG);
    subject.lag_s = 720;
    subject.lags_behind = "clean.orders";
    finds(*state, &subject, SL_ALERT_LAG,
          "curated.revenue has been behind clean.orders for 12 min");
}

static void a_change_of_columns_is_an_event(void **state)
{
    struct made *made = *state;
    struct sl_subject subject = sl_subject_named("raw.orders");
    subject.columns = "new tax (double)";
    finds(made, &subject, SL_ALERT_SCHEMA_CHANGE,
          "raw.orders has other columns than before: new tax (double)");
    assert_true(found(made, SL_ALERT_SCHEMA_CHANGE)->is_event);
    made->alerts.when.has_schema_change = false;
    judge(made, &subject);
    assert_null(found(made, SL_ALERT_SCHEMA_CHANGE));
}

// --- columns

static const char *compare(struct made *made, const char *before, const char *now)
{
    struct sl_err err = {0};
    const char *ret;
    assert_int_equal(sl_columns_compare(before, now, &made->arena, &ret, &err), SL_OK);
    return ret;
}

static void columns_are_compared_by_name_and_type(void **state)
{
    const char *before = "{\"fields\":[{\"name\":\"a\",\"type\":\"long\"},{\"name\":\"b\",\"type\":"
                         "\"string\"}]}";
    assert_null(compare(*state, before,
                        "{\"fields\":[{\"name\":\"b\",\"type\":\"string\",\"nullable\":true},"
                        "{\"name\":\"a\",\"type\":\"long\"}]}"));
    assert_string_equal(
        compare(*state, before,
                "{\"fields\":[{\"name\":\"a\",\"type\":\"double\"},{\"name\":\"c\",\"type\":{"
                "\"type\":\"array\",\"elementType\":\"long\"}}]}"),
        "a is double and was long, new c (array), gone b");
}

// --- deciding

static struct sl_finding bad(enum sl_alert_kind kind, const char *subject, const char *owner)
{
    return (struct sl_finding){.kind = kind,
                               .subject = subject,
                               .owner = owner,
                               .is_bad = true,
                               .summary = "it is bad",
                               .code = ""};
}

static struct sl_decision decide(struct made *made, const struct sl_finding *finding,
                                 const struct sl_alert_row *open)
{
    struct sl_err err = {0};
    struct sl_decision ret;
    assert_int_equal(
        sl_alerts_decide(&made->circumstances, finding, open, &made->arena, &ret, &err), SL_OK);
    return ret;
}

static void all_channels_are_told_where_there_are_no_routes(void **state)
{
    struct sl_finding finding = bad(SL_ALERT_FAILURE, "raw.a", "");
    struct sl_decision decision = decide(*state, &finding, NULL);
    assert_int_equal(decision.event, SL_EVENT_RAISED);
    assert_true(decision.is_kept);
    assert_null(decision.alert.id);
    assert_int_equal(decision.alert.opened_us, NOW);
    assert_int_equal(decision.alert.told_us, NOW);
    assert_string_equal(decision.alert.channels, "ops pager mail");
    assert_string_equal(decision.alert.run_id, "r1");
}

static struct sl_strs list(struct made *made, const char *a, const char *b)
{
    struct sl_strs ret = {0};
    struct sl_err err = {0};
    if (a)
        assert_int_equal(sl_strs_add(&ret, &made->arena, a, &err), SL_OK);
    if (b)
        assert_int_equal(sl_strs_add(&ret, &made->arena, b, &err), SL_OK);
    return ret;
}

static void the_first_route_that_fits_is_taken_unless_it_continues(void **state)
{
    struct made *made = *state;
    made->routes[0] =
        (struct sl_alert_route){.on = list(made, "lag", NULL), .to = list(made, NULL, NULL)};
    made->routes[1] = (struct sl_alert_route){.on = list(made, "failure", "sla"),
                                              .owner = list(made, "finance-*", NULL),
                                              .to = list(made, "pager", NULL),
                                              .goes_on = true};
    made->routes[2] = (struct sl_alert_route){.subject = list(made, "curated.*", NULL),
                                              .to = list(made, "mail", "pager")};
    made->routes[3] = (struct sl_alert_route){.to = list(made, "ops", NULL)};
    made->alerts.routes = (struct sl_opt_list){made->routes, 4};
    const struct {
        enum sl_alert_kind kind;
        const char *subject, *owner, *channels;
    } cases[] = {
        {SL_ALERT_FAILURE, "curated.a", "finance-data", "pager mail"},
        {SL_ALERT_FAILURE, "raw.a", "finance-data", "pager ops"},
        {SL_ALERT_ROW_DROP, "curated.a", "finance-data", "mail pager"},
        {SL_ALERT_FAILURE, "raw.a", "", "ops"},
        {SL_ALERT_LAG, "raw.a", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_finding finding = bad(cases[i].kind, cases[i].subject, cases[i].owner);
        struct sl_decision decision = decide(made, &finding, NULL);
        assert_string_equal(decision.alert.channels, cases[i].channels);
        assert_int_equal(decision.event, *cases[i].channels ? SL_EVENT_RAISED : SL_EVENT_NONE);
    }
}

static struct sl_alert_row open_since(int64_t opened_us, int64_t told_us)
{
    return (struct sl_alert_row){.id = "1",
                                 .environment = "",
                                 .kind = "failure",
                                 .subject = "raw.a",
                                 .owner = "",
                                 .summary = "it was bad",
                                 .code = "",
                                 .run_id = "r0",
                                 .channels = "ops gone",
                                 .opened_us = opened_us,
                                 .seen_us = opened_us,
                                 .told_us = told_us,
                                 .times = 1};
}

static void what_is_still_wrong_is_told_again_only_after_a_while(void **state)
{
    struct made *made = *state;
    struct sl_finding finding = bad(SL_ALERT_FAILURE, "raw.a", "");
    struct sl_alert_row open = open_since(NOW - 9 * HOUR, NOW - 4 * HOUR + SECOND);
    struct sl_decision decision = decide(made, &finding, &open);
    assert_int_equal(decision.event, SL_EVENT_NONE);
    assert_true(decision.is_kept);
    assert_int_equal(decision.alert.times, 2);
    assert_int_equal(decision.alert.opened_us, NOW - 9 * HOUR);
    open.told_us = NOW - 4 * HOUR;
    decision = decide(made, &finding, &open);
    assert_int_equal(decision.event, SL_EVENT_REPEATED);
    assert_string_equal(decision.alert.id, "1");
    assert_int_equal(decision.alert.told_us, NOW);
    made->alerts.repeat_after_s = 0;
    assert_int_equal(decide(made, &finding, &open).event, SL_EVENT_NONE);
}

static void a_clock_that_jumped_back_repeats_nothing(void **state)
{
    struct sl_finding finding = bad(SL_ALERT_FAILURE, "raw.a", "");
    struct sl_alert_row open = open_since(NOW + 9 * HOUR, NOW + 9 * HOUR);
    assert_int_equal(decide(*state, &finding, &open).event, SL_EVENT_NONE);
}

static void what_is_well_again_is_told_once_to_those_who_were_told(void **state)
{
    struct sl_finding finding = {.kind = SL_ALERT_FAILURE, .subject = "raw.a", .owner = ""};
    struct sl_alert_row open = open_since(NOW - 2 * HOUR - 600 * SECOND, NOW - 2 * HOUR);
    struct sl_decision decision = decide(*state, &finding, &open);
    assert_int_equal(decision.event, SL_EVENT_RESOLVED);
    assert_int_equal(decision.alert.closed_us, NOW);
    assert_string_equal(decision.alert.summary, "raw.a is well again after 2 h 10 min (failure)");
    assert_int_equal(decision.channels.count, 1); // "gone" is there no more
    assert_string_equal(decision.channels.items[0], "ops");
    assert_false(decide(*state, &finding, NULL).is_kept);
}

static void what_has_left_the_project_is_told_as_that(void **state)
{
    struct sl_finding finding = {
        .kind = SL_ALERT_SLA, .subject = "raw.a", .owner = "", .has_left = true};
    struct sl_alert_row open = open_since(NOW - HOUR, NOW - HOUR);
    struct sl_decision decision = decide(*state, &finding, &open);
    assert_int_equal(decision.event, SL_EVENT_RESOLVED);
    assert_int_equal(decision.alert.closed_us, NOW);
    assert_string_equal(
        decision.alert.summary,
        "raw.a is no longer in the project: its alert (failure) is closed after 1 h");
    open.told_us = 0;
    decision = decide(*state, &finding, &open);
    assert_int_equal(decision.event, SL_EVENT_NONE);
    assert_int_equal(decision.alert.closed_us, NOW);
}

static void what_nobody_was_told_of_ends_without_a_word(void **state)
{
    struct sl_finding finding = {.kind = SL_ALERT_FAILURE, .subject = "raw.a", .owner = ""};
    struct sl_alert_row open = open_since(NOW - HOUR, 0);
    struct sl_decision decision = decide(*state, &finding, &open);
    assert_int_equal(decision.event, SL_EVENT_NONE);
    assert_true(decision.is_kept);
    assert_int_equal(decision.alert.closed_us, NOW);
}

static void a_silence_holds_until_its_end(void **state)
{
    struct made *made = *state;
    struct sl_alert_silence silence = {.match = "failure raw.*", .until_us = NOW + SECOND};
    struct sl_finding finding = bad(SL_ALERT_FAILURE, "raw.a", "");
    struct sl_finding other = bad(SL_ALERT_LAG, "raw.a", "");
    made->circumstances.silences = &silence;
    made->circumstances.silence_count = 1;
    struct sl_decision decision = decide(made, &finding, NULL);
    assert_int_equal(decision.event, SL_EVENT_NONE);
    assert_true(decision.is_kept);
    assert_int_equal(decision.alert.told_us, 0);
    assert_int_equal(decide(made, &other, NULL).event, SL_EVENT_RAISED);
    silence.until_us = NOW; // over: what is still wrong is told now
    struct sl_alert_row open = decision.alert;
    open.id = "1";
    assert_int_equal(decide(made, &finding, &open).event, SL_EVENT_RAISED);
}

static void a_silence_of_the_project_holds_as_well(void **state)
{
    struct made *made = *state;
    struct sl_silence silence = {.match = "raw.a", .until_us = NOW + SECOND};
    struct sl_finding finding = bad(SL_ALERT_FAILURE, "raw.a", "");
    made->alerts.silences = (struct sl_opt_list){&silence, 1};
    assert_int_equal(decide(made, &finding, NULL).event, SL_EVENT_NONE);
}

static void an_event_is_over_at_once(void **state)
{
    struct sl_finding finding = bad(SL_ALERT_SCHEMA_CHANGE, "raw.a", "");
    finding.is_event = true;
    struct sl_decision decision = decide(*state, &finding, NULL);
    assert_int_equal(decision.event, SL_EVENT_RAISED);
    assert_int_equal(decision.alert.closed_us, NOW);
}

static void silences_name_kinds_and_subjects(void **state)
{
    (void)state;
    assert_true(sl_alerts_match("failure", SL_ALERT_FAILURE, "raw.a"));
    assert_false(sl_alerts_match("failure", SL_ALERT_LAG, "raw.a"));
    assert_true(sl_alerts_match("raw.*", SL_ALERT_LAG, "raw.a"));
    assert_false(sl_alerts_match("lag clean.*", SL_ALERT_LAG, "raw.a"));
    assert_true(sl_alerts_match("lag raw.a", SL_ALERT_LAG, "raw.a"));
    assert_non_null(sl_alerts_match_trouble(""));
    assert_non_null(sl_alerts_match_trouble("raw.a raw.b"));
    assert_null(sl_alerts_match_trouble("lag raw.b"));
}

static void only_this_machine_is_local(void **state)
{
    (void)state;
    assert_true(sl_url_is_local("http://localhost/x"));
    assert_true(sl_url_is_local("smtp://127.0.0.1:25"));
    assert_true(sl_url_is_local("http://[::1]:80/"));
    assert_false(sl_url_is_local("http://localhost.evil.example/"));
    assert_false(sl_url_is_local("http://localhost@evil.example/"));
    assert_false(sl_url_is_local("http://a:localhost@evil.example/"));
    assert_true(sl_url_is_local("http://a:b@localhost:1/"));
}

static void durations_are_said_as_people_do(void **state)
{
    (void)state;
    const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{-5, "0 s"},          {59, "59 s"},    {60, "1 min"},     {3600, "1 h"},
                 {7800, "2 h 10 min"}, {93600, "26 h"}, {172800, "2 days"}};
    char buffer[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(sl_str_duration(cases[i].seconds, buffer), cases[i].text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_said_of_what_is_not_known),
        CASE(one_finding_of_a_kind_and_subject_stands_and_what_is_bad_before_what_is_well),
        CASE(a_step_that_failed_is_told_with_its_error),
        CASE(a_late_run_is_an_sla_of_the_run),
        CASE(a_table_may_be_as_old_as_its_freshness),
        CASE(a_drop_is_against_the_median_of_enough_runs),
        CASE(rows_that_were_never_there_cannot_drop),
        CASE(a_share_of_rejected_rows_is_of_the_rows_read),
        CASE(lag_is_of_the_input_that_waits),
        CASE(a_change_of_columns_is_an_event),
        CASE(columns_are_compared_by_name_and_type),
        CASE(all_channels_are_told_where_there_are_no_routes),
        CASE(the_first_route_that_fits_is_taken_unless_it_continues),
        CASE(what_is_still_wrong_is_told_again_only_after_a_while),
        CASE(a_clock_that_jumped_back_repeats_nothing),
        CASE(what_is_well_again_is_told_once_to_those_who_were_told),
        CASE(what_has_left_the_project_is_told_as_that),
        CASE(what_nobody_was_told_of_ends_without_a_word),
        CASE(a_silence_holds_until_its_end),
        CASE(a_silence_of_the_project_holds_as_well),
        CASE(an_event_is_over_at_once),
        CASE(silences_name_kinds_and_subjects),
        CASE(only_this_machine_is_local),
        CASE(durations_are_said_as_people_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
