// The agenda under a clock that is set by hand.
#include "../base/test.h"

#include "base/clock.h"
#include "schedule/schedule.h"
#include "serve/agenda.h"

#include <stdio.h>
#include <string.h>

enum { MOST_PIPELINES = 10000 };
#define MINUTE_US INT64_C(60000000)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

// A project that is put together by hand, one trigger a pipeline.
struct fixture {
    struct sl_arena arena;
    struct sl_project project;
    struct sl_agenda *agenda;
};

static int64_t at(const char *text)
{
    int64_t us = 0;

    assert_int_equal(sl_clock_parse(text, &us), 0);
    return us;
}

static struct sl_pipeline *add_pipeline(struct fixture *fixture, const char *name)
{
    struct sl_project *project = &fixture->project;

    if (!project->pipelines)
        project->pipelines = SL_NEW_ARRAY(&fixture->arena, struct sl_pipeline, MOST_PIPELINES);
    assert_true(project->pipeline_count < MOST_PIPELINES);
    struct sl_pipeline *pipeline = &project->pipelines[project->pipeline_count++];
    *pipeline = (struct sl_pipeline){.name = sl_arena_strdup(&fixture->arena, name)};
    return pipeline;
}

static void add_trigger(struct fixture *fixture, struct sl_pipeline *pipeline, const char *cron,
                        const char *zone)
{
    struct sl_err err = {0};
    struct sl_schedule *schedule = SL_NEW(&fixture->arena, struct sl_schedule);
    const bool is_cron = strchr(cron, ' ') || *cron == '@';
    const struct sl_schedule_text text = {
        .cron = is_cron ? cron : NULL, .every = is_cron ? NULL : cron, .zone = zone};

    if (sl_schedule_parse(&text, schedule, &err) != SL_OK)
        fail_msg("%s", err.message);
    if (!pipeline->triggers)
        pipeline->triggers = SL_NEW_ARRAY(&fixture->arena, struct sl_trigger, 4);
    pipeline->triggers[pipeline->trigger_count++] = (struct sl_trigger){
        .kind = is_cron ? SL_TRIGGER_CRON : SL_TRIGGER_EVERY, .schedule = schedule, .key = cron};
}

static struct sl_pipeline *add(struct fixture *fixture, const char *name, const char *cron,
                               enum sl_catch_up catch_up)
{
    struct sl_pipeline *pipeline = add_pipeline(fixture, name);

    pipeline->catch_up = catch_up;
    add_trigger(fixture, pipeline, cron, NULL);
    return pipeline;
}

static void begin(struct fixture *fixture, const struct sl_agenda_last *last, size_t count,
                  const char *now)
{
    struct sl_err err = {0};

    sl_agenda_free(&fixture->agenda);
    assert_int_equal(sl_agenda_new(&fixture->project, last, count, at(now), &fixture->agenda, &err),
                     SL_OK);
}

// "nightly 2026-01-02T03:00:00Z; hourly left out 3 up to ..." of all that is due.
static const char *due(struct fixture *fixture, const char *now)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_err err = {0};
    struct sl_due *dues;
    size_t count;

    assert_int_equal(
        sl_agenda_take_due(fixture->agenda, at(now), &fixture->arena, &dues, &count, &err), SL_OK);
    for (size_t i = 0; i < count; i++) {
        char tick[32], first[32];
        (void)sl_clock_format(dues[i].tick_us, tick);
        (void)sl_clock_format(dues[i].first_us, first);
        sl_buf_addf(&text, "%s%s %.16s%s", i ? "; " : "", dues[i].pipeline->name, tick,
                    dues[i].is_missed ? " missed" : "");
        if (dues[i].is_left_out)
            sl_buf_addf(&text, " left out %d%s from %.16s", (int)dues[i].left_out,
                        dues[i].is_more ? "+" : "", first);
    }
    return sl_arena_strdup(&fixture->arena, text.text);
}

static void assert_next(struct fixture *fixture, const char *expected)
{
    char text[32];

    (void)sl_clock_format(sl_agenda_next_us(fixture->agenda), text);
    text[19] = '\0';
    assert_string_equal(text, expected);
}

static void a_new_pipeline_begins_at_now(void **state)
{
    struct fixture *fixture = *state;
    struct sl_agenda_last *begun;
    struct sl_err err = {0};
    size_t count;

    add(fixture, "nightly", "0 3 * * *", SL_CATCH_UP_ALL);
    begin(fixture, NULL, 0, "2026-01-01T12:00:00Z");
    assert_next(fixture, "2026-01-02T03:00:00");
    assert_string_equal(due(fixture, "2026-01-02T02:59:59Z"), "");
    // That it has begun is kept, for what is missed until its first tick.
    assert_int_equal(sl_agenda_begun(fixture->agenda, &fixture->arena, &begun, &count, &err),
                     SL_OK);
    assert_int_equal(count, 1);
    assert_string_equal(begun[0].pipeline, "nightly");
    assert_string_equal(begun[0].key, "0 3 * * *");
    assert_int_equal(begun[0].at_us, at("2026-01-01T12:00:00Z"));
    // Again and again, until it is.
    assert_int_equal(sl_agenda_begun(fixture->agenda, &fixture->arena, &begun, &count, &err),
                     SL_OK);
    assert_int_equal(count, 1);
    sl_agenda_begun_is_kept(fixture->agenda);
    assert_int_equal(sl_agenda_begun(fixture->agenda, &fixture->arena, &begun, &count, &err),
                     SL_OK);
    assert_int_equal(count, 0);
    assert_string_equal(due(fixture, "2026-01-02T03:00:00Z"), "nightly 2026-01-02T03:00");
    assert_string_equal(due(fixture, "2026-01-02T03:00:00Z"), "");
    assert_next(fixture, "2026-01-03T03:00:00");
}

static void nothing_is_due_without_times(void **state)
{
    struct fixture *fixture = *state;

    add_pipeline(fixture, "by_hand");
    begin(fixture, NULL, 0, "2026-01-01T12:00:00Z");
    assert_int_equal(sl_agenda_next_us(fixture->agenda), SL_AGENDA_NEVER);
    assert_int_equal(sl_agenda_next_of_us(fixture->agenda, "by_hand"), SL_AGENDA_NEVER);
    assert_string_equal(due(fixture, "2036-01-01T12:00:00Z"), "");
}

static void missed_ticks_follow_the_policy(void **state)
{
    static const struct {
        enum sl_catch_up catch_up;
        const char *now, *due;
    } cases[] = {
        {SL_CATCH_UP_ALL, "2026-01-04T12:00:00Z",
         "p 2026-01-02T03:00 missed; p 2026-01-03T03:00 missed; p 2026-01-04T03:00 missed"},
        {SL_CATCH_UP_LATEST, "2026-01-04T12:00:00Z",
         "p 2026-01-03T03:00 missed left out 2 from 2026-01-02T03:00; p 2026-01-04T03:00 missed"},
        {SL_CATCH_UP_NONE, "2026-01-04T12:00:00Z",
         "p 2026-01-04T03:00 missed left out 3 from 2026-01-02T03:00"},
        // Up to a minute late is in time.
        {SL_CATCH_UP_NONE, "2026-01-04T03:01:00Z",
         "p 2026-01-03T03:00 missed left out 2 from 2026-01-02T03:00; p 2026-01-04T03:00"},
        {SL_CATCH_UP_NONE, "2026-01-04T03:01:01Z",
         "p 2026-01-04T03:00 missed left out 3 from 2026-01-02T03:00"},
        {SL_CATCH_UP_NONE, "2026-01-02T03:00:05Z", "p 2026-01-02T03:00"},
        {SL_CATCH_UP_LATEST, "2026-01-02T03:00:05Z", "p 2026-01-02T03:00"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *fixture = *state;
        const struct sl_agenda_last last = {"p", "0 3 * * *", at("2026-01-01T03:00:00Z")};

        fixture->project.pipeline_count = 0;
        add(fixture, "p", "0 3 * * *", cases[i].catch_up);
        begin(fixture, &last, 1, cases[i].now);
        assert_string_equal(due(fixture, cases[i].now), cases[i].due);
        assert_string_equal(due(fixture, cases[i].now), "");
    }
}

static void ten_thousand_missed_ticks_are_made_up_for_and_more_are_left_out(void **state)
{
    struct fixture *fixture = *state;
    const struct sl_agenda_last last = {"p", "1m", at("2026-01-01T00:00:00Z")};
    struct sl_err err = {0};
    struct sl_due *dues;
    size_t count;

    add(fixture, "p", "1m", SL_CATCH_UP_ALL);
    begin(fixture, &last, 1, "2026-01-01T00:00:00Z");
    // 12,000 minutes later.
    int64_t now_us = last.at_us + 12000 * MINUTE_US, run = 2000;
    while (sl_agenda_next_us(fixture->agenda) <= now_us) {
        assert_int_equal(
            sl_agenda_take_due(fixture->agenda, now_us, &fixture->arena, &dues, &count, &err),
            SL_OK);
        assert_in_range(count, 1, 18);
        if (run == 2000) {
            assert_true(dues[0].is_left_out);
            assert_int_equal(dues[0].left_out, 2000);
            assert_false(dues[0].is_more);
            assert_int_equal(dues[0].first_us, last.at_us + MINUTE_US);
            assert_int_equal(dues[0].tick_us, last.at_us + 2000 * MINUTE_US);
        }
        // What comes due meanwhile makes nothing of it too much.
        for (size_t i = run == 2000; i < count; i++) {
            assert_false(dues[i].is_left_out);
            assert_int_equal(dues[i].tick_us, last.at_us + ++run * MINUTE_US);
        }
        now_us += 3000000;
    }
    assert_int_equal(run, (now_us - last.at_us) / MINUTE_US);
    assert_true(run > 12000);
}

static void what_makes_up_for_much_leaves_the_others_their_turn(void **state)
{
    struct fixture *fixture = *state;
    const struct sl_agenda_last last[] = {{"a", "1s", at("2026-01-01T00:00:00Z")},
                                          {"b", "1s", at("2026-01-01T00:00:00Z")},
                                          {"c", "1s", at("2026-01-01T00:00:00Z")}};
    int64_t now_us = at("2026-01-01T00:50:00Z"), counts[3] = {0};
    struct sl_err err = {0};
    struct sl_due *dues;
    size_t count;

    add(fixture, "a", "1s", SL_CATCH_UP_ALL);
    add(fixture, "b", "1s", SL_CATCH_UP_ALL);
    add(fixture, "c", "1s", SL_CATCH_UP_NONE);
    begin(fixture, last, 3, "2026-01-01T00:50:00Z");
    // c: one of before, and then one each second, though 3,000 of the others are behind.
    for (int64_t i = 1; i <= 120; i++, now_us += 1000000) {
        assert_int_equal(
            sl_agenda_take_due(fixture->agenda, now_us, &fixture->arena, &dues, &count, &err),
            SL_OK);
        for (size_t k = 0; k < count; k++)
            if (!dues[k].is_left_out)
                counts[dues[k].pipeline->name[0] - 'a']++;
        assert_int_equal(counts[2], i);
        assert_true(counts[0] - counts[1] <= 17 && counts[1] - counts[0] <= 17);
    }
    assert_true(counts[0] > 900 && counts[0] < 3000);
}

// However late the loop comes to it, up to a minute.
static void what_came_due_while_it_served_is_not_missed(void **state)
{
    static const enum sl_catch_up policies[] = {SL_CATCH_UP_NONE, SL_CATCH_UP_LATEST};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < 2; i++) {
        fixture->project.pipeline_count = 0;
        add(fixture, "p", "10s", policies[i]);
        begin(fixture, NULL, 0, "2026-01-01T00:00:05Z");
        assert_string_equal(due(fixture, "2026-01-01T00:00:39Z"),
                            "p 2026-01-01T00:00; p 2026-01-01T00:00; p 2026-01-01T00:00");
        assert_string_equal(due(fixture, "2026-01-01T00:00:39Z"), "");
        // The clock was set forward.
        sl_agenda_serves_from(fixture->agenda, at("2026-01-01T00:01:15Z"));
        assert_string_equal(due(fixture, "2026-01-01T00:01:15Z"),
                            "p 2026-01-01T00:01 left out 3 from 2026-01-01T00:00; "
                            "p 2026-01-01T00:01");
        // It was as if stopped.
        assert_string_equal(due(fixture, "2026-01-01T00:03:05Z"),
                            "p 2026-01-01T00:02 left out 10 from 2026-01-01T00:01; "
                            "p 2026-01-01T00:03");
    }
}

// Years of seconds: nobody waits until they are counted.
static void what_is_left_out_is_counted_up_to_a_bound(void **state)
{
    struct fixture *fixture = *state;
    const struct sl_agenda_last last = {"p", "1s", at("2006-01-01T00:00:00Z")};

    add(fixture, "p", "1s", SL_CATCH_UP_LATEST);
    begin(fixture, &last, 1, "2026-01-01T00:00:00Z");
    assert_string_equal(due(fixture, "2026-01-01T00:00:00Z"),
                        "p 2025-12-31T23:59 left out 200001+ from 2006-01-01T00:00; "
                        "p 2026-01-01T00:00");
}

static void clocks_set_forward_make_up_for_what_they_leave_out_once(void **state)
{
    struct fixture *fixture = *state;
    struct sl_pipeline *pipeline = add_pipeline(fixture, "p");

    pipeline->catch_up = SL_CATCH_UP_ALL;
    add_trigger(fixture, pipeline, "30 2 * * *", "Europe/Berlin");
    begin(fixture, NULL, 0, "2026-03-28T12:00:00Z");
    // On the 29th 02:30 is left out, at 01:00 UTC.
    assert_next(fixture, "2026-03-29T01:00:00");
    assert_string_equal(due(fixture, "2026-03-30T00:30:00Z"),
                        "p 2026-03-29T01:00 missed; p 2026-03-30T00:30");
}

static void clocks_set_back_give_no_tick_twice(void **state)
{
    struct fixture *fixture = *state;
    struct sl_pipeline *pipeline = add_pipeline(fixture, "p");

    pipeline->catch_up = SL_CATCH_UP_ALL;
    add_trigger(fixture, pipeline, "30 2 * * *", "Europe/Berlin");
    begin(fixture, NULL, 0, "2026-10-24T12:00:00Z");
    assert_string_equal(due(fixture, "2026-10-25T00:30:00Z"), "p 2026-10-25T00:30");
    assert_string_equal(due(fixture, "2026-10-25T01:30:00Z"), ""); // 02:30 again
    assert_next(fixture, "2026-10-26T01:30:00");
}

static void a_clock_that_is_set_back_runs_no_tick_twice(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "p", "1h", SL_CATCH_UP_ALL);
    begin(fixture, NULL, 0, "2026-01-01T00:30:00Z");
    assert_string_equal(due(fixture, "2026-01-01T01:00:00Z"), "p 2026-01-01T01:00");
    assert_string_equal(due(fixture, "2026-01-01T02:00:00Z"), "p 2026-01-01T02:00");
    assert_string_equal(due(fixture, "2026-01-01T00:59:00Z"), "");
    assert_string_equal(due(fixture, "2026-01-01T01:30:00Z"), "");
    assert_string_equal(due(fixture, "2026-01-01T02:00:00Z"), "");
    assert_string_equal(due(fixture, "2026-01-01T03:00:00Z"), "p 2026-01-01T03:00");
    // The same when the service begins anew meanwhile.
    const struct sl_agenda_last last = {"p", "1h", at("2026-01-01T03:00:00Z")};
    begin(fixture, &last, 1, "2026-01-01T01:30:00Z");
    assert_string_equal(due(fixture, "2026-01-01T02:00:00Z"), "");
    assert_string_equal(due(fixture, "2026-01-01T03:00:00Z"), "");
    assert_next(fixture, "2026-01-01T04:00:00");
}

// Else a wrong clock of a moment would keep schedules from coming for years.
static void a_last_tick_of_a_wrong_clock_is_not_believed(void **state)
{
    struct fixture *fixture = *state;
    const struct sl_agenda_last last = {"p", "1h", at("2035-01-01T03:00:00Z")};

    add(fixture, "p", "1h", SL_CATCH_UP_ALL);
    begin(fixture, &last, 1, "2026-01-01T01:30:00Z");
    assert_next(fixture, "2026-01-01T02:00:00");
    // While it serves: forward for years, and back.
    do
        (void)due(fixture, "2035-01-01T00:00:00Z");
    while (sl_agenda_next_us(fixture->agenda) <= at("2035-01-01T00:00:00Z"));
    assert_next(fixture, "2035-01-01T01:00:00");
    (void)due(fixture, "2036-01-01T00:00:00Z"); // and not to the end
    assert_string_equal(due(fixture, "2026-01-01T03:15:00Z"), "");
    assert_next(fixture, "2026-01-01T04:00:00");
}

static void a_clock_that_is_set_forward_is_time_in_which_nobody_served(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "p", "1h", SL_CATCH_UP_LATEST);
    begin(fixture, NULL, 0, "2026-01-01T00:30:00Z");
    assert_string_equal(due(fixture, "2026-01-01T06:30:00Z"),
                        "p 2026-01-01T05:00 missed left out 5 from 2026-01-01T01:00; "
                        "p 2026-01-01T06:00 missed");
}

static void a_paused_pipeline_has_no_ticks_until_it_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct sl_err err = {0};

    add(fixture, "a", "1h", SL_CATCH_UP_LATEST);
    add(fixture, "b", "1h", SL_CATCH_UP_NONE);
    add(fixture, "c", "1d", SL_CATCH_UP_NONE);
    begin(fixture, NULL, 0, "2026-01-01T00:30:00Z");
    assert_int_equal(sl_agenda_pause(fixture->agenda, "a", &err), SL_OK);
    assert_int_equal(sl_agenda_pause(fixture->agenda, "a", &err), SL_OK);
    assert_int_equal(sl_agenda_pause(fixture->agenda, "b", &err), SL_OK);
    assert_int_equal(sl_agenda_pause(fixture->agenda, "of another time", &err), SL_OK);
    assert_true(sl_agenda_is_paused(fixture->agenda, "a"));
    assert_next(fixture, "2026-01-02T00:00:00");
    assert_int_equal(sl_agenda_next_of_us(fixture->agenda, "a"), at("2026-01-01T01:00:00Z"));
    assert_string_equal(due(fixture, "2026-01-01T03:30:00Z"), "");
    sl_agenda_resume(fixture->agenda, "a", at("2026-01-01T03:30:00Z"));
    sl_agenda_resume(fixture->agenda, "b", at("2026-01-01T03:30:00Z"));
    sl_agenda_resume(fixture->agenda, "c", at("2026-01-01T03:30:00Z"));
    assert_false(sl_agenda_is_paused(fixture->agenda, "a"));
    assert_string_equal(due(fixture, "2026-01-01T03:30:00Z"),
                        "a 2026-01-01T02:00 missed left out 2 from 2026-01-01T01:00; "
                        "a 2026-01-01T03:00 missed; "
                        "b 2026-01-01T03:00 missed left out 3 from 2026-01-01T01:00");
}

static void a_pause_takes_back_nothing_that_is_made_up_for(void **state)
{
    struct fixture *fixture = *state;
    const struct sl_agenda_last last = {"p", "1m", at("2026-01-01T00:00:00Z")};
    const int64_t now_us = last.at_us + 100 * MINUTE_US;
    struct sl_err err = {0};
    struct sl_due *dues;
    size_t count, total = 0;

    add(fixture, "p", "1m", SL_CATCH_UP_ALL);
    begin(fixture, &last, 1, "2026-01-01T01:40:00Z");
    for (int i = 0; sl_agenda_next_us(fixture->agenda) <= now_us; i++) {
        assert_int_equal(
            sl_agenda_take_due(fixture->agenda, now_us, &fixture->arena, &dues, &count, &err),
            SL_OK);
        total += count;
        if (i == 1)
            assert_int_equal(sl_agenda_pause(fixture->agenda, "p", &err), SL_OK);
    }
    assert_int_equal(total, 100);
    assert_int_equal(sl_agenda_next_us(fixture->agenda), SL_AGENDA_NEVER);
}

static void a_project_that_is_read_anew_goes_on_where_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct sl_project before;
    struct sl_agenda_last *begun;
    struct sl_err err = {0};
    size_t count;

    add(fixture, "gone", "1h", SL_CATCH_UP_ALL);
    add(fixture, "other", "1h", SL_CATCH_UP_ALL);
    add(fixture, "same", "1h", SL_CATCH_UP_ALL);
    add(fixture, "paused", "1h", SL_CATCH_UP_ALL);
    begin(fixture, NULL, 0, "2026-01-01T00:30:00Z");
    assert_int_equal(sl_agenda_begun(fixture->agenda, &fixture->arena, &begun, &count, &err),
                     SL_OK);
    assert_int_equal(count, 4);
    sl_agenda_begun_is_kept(fixture->agenda);
    assert_int_equal(sl_agenda_pause(fixture->agenda, "paused", &err), SL_OK);
    before = fixture->project;
    fixture->project = (struct sl_project){0};
    add(fixture, "new", "1h", SL_CATCH_UP_ALL);
    add(fixture, "other", "2h", SL_CATCH_UP_ALL); // another trigger
    add(fixture, "paused", "1h", SL_CATCH_UP_ALL);
    add(fixture, "same", "1h", SL_CATCH_UP_ALL);
    assert_int_equal(
        sl_agenda_reload(fixture->agenda, &fixture->project, at("2026-01-01T02:30:00Z"), &err),
        SL_OK);
    // Nothing of the first project is looked at any more.
    memset(before.pipelines, 0x5a, before.pipeline_count * sizeof *before.pipelines);
    assert_int_equal(sl_agenda_begun(fixture->agenda, &fixture->arena, &begun, &count, &err),
                     SL_OK);
    assert_int_equal(count, 2);
    assert_string_equal(begun[0].pipeline, "new");
    assert_string_equal(begun[1].pipeline, "other");
    assert_string_equal(begun[1].key, "2h");
    assert_string_equal(due(fixture, "2026-01-01T02:30:00Z"),
                        "same 2026-01-01T01:00 missed; same 2026-01-01T02:00 missed");
    assert_true(sl_agenda_is_paused(fixture->agenda, "paused"));
    assert_int_equal(sl_agenda_next_of_us(fixture->agenda, "gone"), SL_AGENDA_NEVER);
    assert_int_equal(sl_agenda_next_of_us(fixture->agenda, "new"), at("2026-01-01T03:00:00Z"));
}

static void several_triggers_of_a_pipeline_come_each_by_itself(void **state)
{
    struct fixture *fixture = *state;
    struct sl_pipeline *pipeline = add_pipeline(fixture, "p");

    add_trigger(fixture, pipeline, "0 * * * *", NULL);
    add_trigger(fixture, pipeline, "0 6 * * *", NULL);
    begin(fixture, NULL, 0, "2026-01-01T05:30:00Z");
    assert_string_equal(due(fixture, "2026-01-01T06:00:00Z"),
                        "p 2026-01-01T06:00; p 2026-01-01T06:00");
    assert_next(fixture, "2026-01-01T07:00:00");
}

// Ticks come in the order of their times, and all of them: a day of 10,000 hourly schedules.
static void ten_thousand_schedules_come_in_order(void **state)
{
    struct fixture *fixture = *state;
    const int64_t start_us = at("2026-01-01T00:00:00Z");
    int64_t now_us = start_us - 1, began_us = sl_clock_monotonic_us();
    size_t total = 0;

    for (int i = 0; i < MOST_PIPELINES; i++) {
        char name[32], cron[32];
        (void)snprintf(name, sizeof name, "p%d", i);
        (void)snprintf(cron, sizeof cron, "%d %d * * * *", i % 60, i / 60 % 60);
        add(fixture, name, sl_arena_strdup(&fixture->arena, cron), SL_CATCH_UP_ALL);
    }
    begin(fixture, NULL, 0, "2025-12-31T23:59:59Z");
    while (sl_agenda_next_us(fixture->agenda) < start_us + DAY_US) {
        struct sl_arena arena = {0};
        struct sl_err err = {0};
        struct sl_due *dues;
        size_t count;

        assert_true(sl_agenda_next_us(fixture->agenda) > now_us);
        now_us = sl_agenda_next_us(fixture->agenda);
        assert_int_equal(sl_agenda_take_due(fixture->agenda, now_us, &arena, &dues, &count, &err),
                         SL_OK);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(dues[i].tick_us, now_us);
        total += count;
        sl_arena_clear(&arena);
    }
    assert_int_equal(total, 24 * MOST_PIPELINES);
    print_message("%zu ticks of %d schedules: %d ms\n", total, MOST_PIPELINES,
                  (int)((sl_clock_monotonic_us() - began_us) / 1000));
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    sl_arena_init(&fixture->arena, 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    sl_agenda_free(&fixture->agenda);
    sl_arena_clear(&fixture->arena);
    free(fixture);
    return 0;
}

#define WITH_AGENDA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_AGENDA(a_new_pipeline_begins_at_now),
        WITH_AGENDA(nothing_is_due_without_times),
        WITH_AGENDA(missed_ticks_follow_the_policy),
        WITH_AGENDA(ten_thousand_missed_ticks_are_made_up_for_and_more_are_left_out),
        WITH_AGENDA(what_makes_up_for_much_leaves_the_others_their_turn),
        WITH_AGENDA(what_came_due_while_it_served_is_not_missed),
        WITH_AGENDA(what_is_left_out_is_counted_up_to_a_bound),
        WITH_AGENDA(clocks_set_forward_make_up_for_what_they_leave_out_once),
        WITH_AGENDA(clocks_set_back_give_no_tick_twice),
        WITH_AGENDA(a_clock_that_is_set_back_runs_no_tick_twice),
        WITH_AGENDA(a_last_tick_of_a_wrong_clock_is_not_believed),
        WITH_AGENDA(a_clock_that_is_set_forward_is_time_in_which_nobody_served),
        WITH_AGENDA(a_paused_pipeline_has_no_ticks_until_it_goes_on),
        WITH_AGENDA(a_pause_takes_back_nothing_that_is_made_up_for),
        WITH_AGENDA(a_project_that_is_read_anew_goes_on_where_it_was),
        WITH_AGENDA(several_triggers_of_a_pipeline_come_each_by_itself),
        WITH_AGENDA(ten_thousand_schedules_come_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
