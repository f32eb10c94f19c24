// What is said of sources, tables and targets, and of the pipelines that they are of.
#include "../base/test.h"
#include "run/health.h"

#define MINUTE 60

static const struct sl_health_limits no_limits = {.quarantine_share = -1};
static const struct sl_health_limits limits = {.lag_s = 10 * MINUTE, .quarantine_share = 0.05};

struct judged {
    struct sl_arena arena;
    struct sl_err err;
};

static int set_up(void **state)
{
    static struct judged judged;
    judged = (struct judged){0};
    sl_arena_init(&judged.arena, 0);
    *state = &judged;
    return 0;
}

static int tear_down(void **state)
{
    struct judged *judged = *state;
    sl_arena_clear(&judged->arena);
    return 0;
}

static void expect(const struct sl_health_said *said, enum sl_health_state state, const char *text)
{
    assert_string_equal(said->text, text);
    assert_int_equal(said->state, state);
    assert_true(state != SL_HEALTH_WRONG || said->hint != NULL);
}

static struct sl_health_source source(struct judged *judged, int64_t files, int64_t lag_s,
                                      const struct sl_health_limits *most)
{
    struct sl_health_source source = {.name = "orders",
                                      .is_reachable = true,
                                      .newest_file = "a.csv",
                                      .newest_us = 40 * INT64_C(1000000),
                                      .waiting_files = files,
                                      .waiting_bytes = files * 1000,
                                      .lag_s = lag_s};
    assert_int_equal(
        sl_health_judge_source(&source, most, 100 * INT64_C(1000000), &judged->arena, &judged->err),
        SL_OK);
    return source;
}

static void files_wait_until_a_limit_is_missed(void **state)
{
    struct sl_health_source none = source(*state, 0, 0, &limits);
    expect(&none.said, SL_HEALTH_OK, "newest is a.csv, 1 min old");
    struct sl_health_source one = source(*state, 1, 4 * MINUTE, &limits);
    expect(&one.said, SL_HEALTH_WAITS, "1 file (1.0 KB) waits, the oldest for 4 min");
    struct sl_health_source late = source(*state, 2, 11 * MINUTE, &limits);
    expect(&late.said, SL_HEALTH_WRONG,
           "2 files (2.0 KB) wait, the oldest for 11 min, and may for 10 min");
    struct sl_health_source unlimited = source(*state, 2, 11 * MINUTE, &no_limits);
    expect(&unlimited.said, SL_HEALTH_WAITS, "2 files (2.0 KB) wait, the oldest for 11 min");
}

static void files_that_are_gone_are_told_with_the_time(void **state)
{
    struct judged *judged = *state;
    struct sl_health_source source = {.name = "orders",
                                      .table = "raw.orders",
                                      .gone_files = 3,
                                      .empty_since_us = 40 * INT64_C(1000000)};
    const char *files[] = {"data/rates.csv", "data/codes.csv"};
    struct sl_strs names = {.items = files, .count = 1};
    const int64_t now_us = 100 * INT64_C(1000000);
    assert_int_equal(sl_health_judge_source(&source, &limits, now_us, &judged->arena, &judged->err),
                     SL_OK);
    expect(&source.said, SL_HEALTH_WAITS,
           "all of its 3 files are gone, for 1 min at least (since 1970-01-01T00:00:40Z); the rows "
           "stay in raw.orders");
    source.gone_files = 1;
    source.gone_named = names;
    assert_int_equal(sl_health_judge_source(&source, &limits, now_us, &judged->arena, &judged->err),
                     SL_OK);
    expect(&source.said, SL_HEALTH_WRONG,
           "its file is gone, for 1 min at least (since 1970-01-01T00:00:40Z); the rows stay in "
           "raw.orders");
    source.said = (struct sl_health_said){0};
    source.files = 1; // others are there
    source.empty_since_us = 0;
    assert_int_equal(sl_health_judge_source(&source, &limits, now_us, &judged->arena, &judged->err),
                     SL_OK);
    expect(&source.said, SL_HEALTH_WRONG,
           "'data/rates.csv', which it names, is gone; the rows stay in raw.orders");
    source.said = (struct sl_health_said){0};
    source.gone_named.count = 2;
    assert_int_equal(sl_health_judge_source(&source, &limits, now_us, &judged->arena, &judged->err),
                     SL_OK);
    expect(&source.said, SL_HEALTH_WRONG,
           "'data/rates.csv' and 1 more that it names are gone; the rows stay in raw.orders");
    source = (struct sl_health_source){.name = "orders"};
    assert_int_equal(sl_health_judge_source(&source, &limits, now_us, &judged->arena, &judged->err),
                     SL_OK);
    expect(&source.said, SL_HEALTH_OK, "it has no files yet");
}

static void expect_task(struct judged *judged, struct sl_health_task task,
                        enum sl_health_state state, const char *text)
{
    assert_int_equal(sl_health_judge_task(&task, &limits, &judged->arena, &judged->err), SL_OK);
    expect(&task.said, state, text);
}

static void a_task_is_as_it_ended_and_as_what_it_comes_after(void **state)
{
    struct sl_health_task task = {
        .name = "task.tell", .runs = 2, .last = "ok", .last_us = 1, .age_s = 2 * MINUTE};
    expect_task(*state, task, SL_HEALTH_OK, "ended well 2 min ago, and nothing has changed since");
    task.verdict = SL_VERDICT_STALE;
    task.why = "curated.total has version 3, read was 2";
    task.behind = "curated.total";
    task.lag_s = MINUTE;
    expect_task(*state, task, SL_HEALTH_WAITS,
                "stale: curated.total has version 3, read was 2; ended well 2 min ago");
    task.lag_s = 11 * MINUTE;
    expect_task(*state, task, SL_HEALTH_WRONG,
                "behind curated.total for 11 min, and may be for 10 min");
    task.is_always = true;
    expect_task(*state, task, SL_HEALTH_OK, "ended well 2 min ago; run in every run");
    task.age_s = -1;
    expect_task(*state, task, SL_HEALTH_OK, "ended well; run in every run");
    task.last = NULL;
    expect_task(*state, task, SL_HEALTH_WRONG, "never run");
}

static const struct sl_health_table well = {.name = "clean.orders",
                                            .version = 7,
                                            .age_s = 2 * MINUTE,
                                            .freshness_s = -1,
                                            .verdict = SL_VERDICT_FRESH,
                                            .rows_in = 100,
                                            .rows_rejected = 5};

static void expect_table(struct judged *judged, struct sl_health_table table,
                         enum sl_health_state state, const char *text)
{
    assert_int_equal(sl_health_judge_table(&table, &limits, &judged->arena, &judged->err), SL_OK);
    expect(&table.said, state, text);
}

static void a_table_is_wrong_by_its_worst_fact(void **state)
{
    struct sl_health_table table = well;
    expect_table(*state, table, SL_HEALTH_OK, "version 7, 2 min old");
    table.verdict = SL_VERDICT_AFTER;
    expect_table(*state, table, SL_HEALTH_OK, "version 7, 2 min old");
    table.verdict = SL_VERDICT_STALE;
    table.why = "raw.orders has version 3, read was 2";
    expect_table(*state, table, SL_HEALTH_WAITS, "stale: raw.orders has version 3, read was 2");
    table.knows_partitions = true;
    expect_table(*state, table, SL_HEALTH_WAITS,
                 "0 partitions are stale: raw.orders has version 3, read was 2");
    table.rows_rejected = 6;
    expect_table(*state, table, SL_HEALTH_WRONG,
                 "6 of 100 rows were rejected, 6 %, and may be 5 %");
    table.lag_s = 11 * MINUTE;
    table.behind = "raw.orders";
    expect_table(*state, table, SL_HEALTH_WRONG,
                 "behind raw.orders for 11 min, and may be for 10 min");
    table.is_late = true;
    table.freshness_s = MINUTE;
    expect_table(*state, table, SL_HEALTH_WRONG, "2 min old, and may be 1 min");
    table.version = -1;
    expect_table(*state, table, SL_HEALTH_WRONG, "never built");
}

static const struct sl_health_target there = {.name = "target.w.total",
                                              .table = "curated.total",
                                              .is_reachable = true,
                                              .version = 7,
                                              .table_version = 7,
                                              .rows = 1200,
                                              .table_rows = 1200};

static void expect_target(struct judged *judged, struct sl_health_target target,
                          enum sl_health_state state, const char *text)
{
    assert_int_equal(sl_health_judge_target(&target, &limits, &judged->arena, &judged->err), SL_OK);
    expect(&target.said, state, text);
}

static void a_target_holds_what_was_delivered(void **state)
{
    struct sl_health_target target = there;
    expect_target(*state, target, SL_HEALTH_OK, "1,200 rows, as in version 7 of curated.total");
    target.table_version = 9;
    target.lag_s = MINUTE;
    expect_target(*state, target, SL_HEALTH_WAITS,
                  "version 7 of curated.total stands there, 9 is the newest");
    target.lag_s = 11 * MINUTE;
    expect_target(*state, target, SL_HEALTH_WRONG,
                  "behind curated.total for 11 min, and may be for 10 min");
    target.rows = 1199;
    expect_target(*state, target, SL_HEALTH_WRONG,
                  "1,199 rows there, and 1,200 in version 7 of curated.total");
    target = there;
    target.rows = target.table_rows = -1;
    expect_target(*state, target, SL_HEALTH_OK, "version 7 of curated.total stands there");
    target.version = -1;
    expect_target(*state, target, SL_HEALTH_WRONG, "never delivered");
    target.delivered_us = 40 * INT64_C(1000000);
    expect_target(*state, target, SL_HEALTH_WRONG,
                  "it was delivered at 1970-01-01T00:00:40Z, and is not there any more");
    target.lost = "'total.csv' of it was changed";
    expect_target(*state, target, SL_HEALTH_WRONG,
                  "it was delivered at 1970-01-01T00:00:40Z, but 'total.csv' of it was changed");
    target.delivered_us = 0;
    expect_target(*state, target, SL_HEALTH_WRONG,
                  "it was delivered, but 'total.csv' of it was changed");
}

static void a_pipeline_is_as_the_worst_of_its_things(void **state)
{
    struct judged *judged = *state;
    struct sl_health_source sources[] = {
        {.name = "a", .said = {SL_HEALTH_WAITS, "x", NULL}, .lag_s = 5},
        {.name = "b", .said = {SL_HEALTH_WAITS, "y", NULL}, .lag_s = 9},
        {.name = "c", .said = {SL_HEALTH_WRONG, "z", "h"}},
    };
    struct sl_health_table tables[] = {{.name = "clean.a", .said = {SL_HEALTH_OK, "t", NULL}},
                                       {.name = "clean.c", .said = {SL_HEALTH_WRONG, "u", "h"}}};
    const char *both[] = {"a", "b"}, *built[] = {"clean.a"}, *read[] = {"clean.c", "clean.gone"};
    struct sl_health_task tasks[] = {{.name = "task.a", .said = {SL_HEALTH_WAITS, "v", NULL}}};
    const char *tasked[] = {"task.a"};
    struct sl_health_pipeline pipelines[] = {
        {.name = "one", .sources = {both, 2}, .tables = {built, 1}},
        {.name = "other", .tables = {built, 1}, .reads = {read, 2}},
        {.name = "empty"},
        {.name = "tasks", .tables = {built, 1}, .tasks = {tasked, 1}}};
    struct sl_health health = {.sources = sources,
                               .source_count = 3,
                               .tables = tables,
                               .table_count = 2,
                               .tasks = tasks,
                               .task_count = 1,
                               .pipelines = pipelines,
                               .pipeline_count = 4};
    assert_int_equal(sl_health_sum_up(&health, &judged->err), SL_OK);
    assert_int_equal(health.state, SL_HEALTH_WRONG);
    assert_int_equal(pipelines[0].state, SL_HEALTH_WAITS);
    assert_string_equal(pipelines[0].in.subject, "b"); // waits for longer
    assert_int_equal(pipelines[0].in.others, 1);
    assert_string_equal(pipelines[0].built.subject, "clean.a");
    assert_null(pipelines[0].out.subject);
    assert_int_equal(pipelines[1].state, SL_HEALTH_WRONG);
    assert_string_equal(pipelines[1].in.subject, "clean.c");
    assert_int_equal(pipelines[2].state, SL_HEALTH_OK);
    assert_int_equal(pipelines[3].state, SL_HEALTH_WAITS);
    assert_string_equal(pipelines[3].built.subject, "task.a");
}

static void without_the_lake_all_pipelines_are_wrong_and_sources_are_as_they_are(void **state)
{
    struct judged *judged = *state;
    struct sl_health_source away = {
        .name = "orders", .is_reachable = true, .waiting_files = -1, .lag_s = -1};
    assert_int_equal(sl_health_judge_source(&away, &limits, 100 * INT64_C(1000000), &judged->arena,
                                            &judged->err),
                     SL_OK);
    expect(&away.said, SL_HEALTH_OK, "it has no files");
    const char *names[] = {"orders"};
    struct sl_health_pipeline pipelines[] = {{.name = "in", .sources = {names, 1}},
                                             {.name = "out"}};
    struct sl_health health = {.lake = {SL_HEALTH_WRONG, "it is not there", "mount it"},
                               .sources = &away,
                               .source_count = 1,
                               .pipelines = pipelines,
                               .pipeline_count = 2};
    assert_int_equal(sl_health_sum_up(&health, &judged->err), SL_OK);
    assert_int_equal(health.state, SL_HEALTH_WRONG);
    assert_int_equal(pipelines[0].in.said.state, SL_HEALTH_OK);
    assert_int_equal(pipelines[0].state, SL_HEALTH_WRONG);
    assert_null(pipelines[0].built.subject);
    assert_int_equal(pipelines[1].state, SL_HEALTH_WRONG);
}

static void a_look_travels_whole(void **state)
{
    struct judged *judged = *state;
    const char *texts[] = {"day=1", "day=2"};
    struct sl_health_table table = well;
    struct sl_health back = {0};
    table.stale_partitions = (struct sl_strs){texts, 2};
    table.knows_partitions = true;
    table.said = (struct sl_health_said){SL_HEALTH_WAITS, "stale", "run"};
    struct sl_health_target target = there;
    struct sl_health_task task = {.name = "task.tell",
                                  .said = {SL_HEALTH_WAITS, "stale", NULL},
                                  .runs = 3,
                                  .last = "failed",
                                  .last_us = 7,
                                  .is_always = true,
                                  .verdict = SL_VERDICT_STALE,
                                  .why = "it is run in every run"};
    struct sl_health health = {.at_us = 5,
                               .state = SL_HEALTH_WAITS,
                               .lake = {SL_HEALTH_WRONG, "it is not there", "mount it"},
                               .tables = &table,
                               .table_count = 1,
                               .tasks = &task,
                               .task_count = 1,
                               .targets = &target,
                               .target_count = 1};
    SL_AUTO(sl_json_free) json_t *packed = sl_fields_pack(sl_health_fields, &health);
    assert_int_equal(
        sl_fields_unpack(sl_health_fields, packed, &judged->arena, &back, &judged->err), SL_OK);
    SL_AUTO(sl_json_free) json_t *before = sl_health_json(&health);
    SL_AUTO(sl_json_free) json_t *after = sl_health_json(&back);
    assert_non_null(before);
    assert_true(json_equal(before, after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_wait_until_a_limit_is_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_are_gone_are_told_with_the_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_task_is_as_it_ended_and_as_what_it_comes_after, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_table_is_wrong_by_its_worst_fact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_holds_what_was_delivered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipeline_is_as_the_worst_of_its_things, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            without_the_lake_all_pipelines_are_wrong_and_sources_are_as_they_are, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_look_travels_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
