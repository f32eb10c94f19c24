#include "api/leases.h"
#include "api/queue.h"
#include "conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void enqueue(struct store *store, const char *id, int64_t tick_us, bool is_new)
{
    struct sl_queued queued = {.run_id = id,
                               .pipeline = "nightly",
                               .trigger = "cron 0 3 * * *",
                               .tick_us = tick_us,
                               .asked_us = 50,
                               .who = tick_us ? NULL : "anna",
                               .options_json = "{\"full_refresh\": true}"};
    bool was_new = !is_new;
    OK(sl_state_enqueue(store->state, &queued, &was_new, &err));
    assert_int_equal(was_new, is_new);
}

static size_t list_queue(struct store *store, struct sl_queued **ret)
{
    size_t count = 99;
    OK(sl_state_queue(store->state, &store->arena, ret, &count, &err));
    return count;
}

static size_t list_runs(struct store *store, struct sl_run_filter filter, struct sl_run_row **ret)
{
    size_t count = 99;
    OK(sl_state_runs(store->state, &filter, &store->arena, ret, &count, &err));
    return count;
}

static void add_run(struct store *store, const char *id, const char *pipeline, int64_t at_us)
{
    struct sl_run_row row = {.id = id,
                             .command = "run",
                             .status = "running",
                             .started_us = at_us,
                             .pipeline = pipeline,
                             .who = "anna"};
    OK(sl_state_begin(store->state, &row, &err));
    row.status = at_us % 2 ? "error" : "ok";
    row.ended_us = at_us + 1;
    OK(sl_state_end(store->state, &row, &err));
}

static void runs_are_found_by_pipeline_and_status_and_page_by_page(void **state)
{
    struct store *store = *state;
    struct sl_run_row *runs;
    char id[16];
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "r%02d", i);
        add_run(store, id, i % 4 ? "nightly" : "hourly", 100 + i / 2 * 2 + i % 2);
    }
    assert_int_equal(list_runs(store, (struct sl_run_filter){0}, &runs), 20);
    assert_int_equal(list_runs(store, (struct sl_run_filter){.pipeline = "hourly"}, &runs), 5);
    assert_string_equal(runs[0].id, "r16");
    assert_string_equal(runs[0].pipeline, "hourly");
    assert_string_equal(runs[0].who, "anna");
    assert_int_equal(list_runs(store, (struct sl_run_filter){.status = "error"}, &runs), 10);
    struct sl_run_filter page = {.pipeline = "nightly", .limit = 4};
    size_t seen = 0;
    for (size_t count; (count = list_runs(store, page, &runs)) > 0; seen += count)
        page.before = runs[count - 1].id;
    assert_int_equal(seen, 15);
    assert_int_equal(list_runs(store, (struct sl_run_filter){.before = "nobody"}, &runs), 0);
    assert_int_equal(list_runs(store, (struct sl_run_filter){.id = "r1", .limit = 3}, &runs), 3);
    assert_string_equal(runs[0].id, "r19");
}

static void runs_of_the_same_moment_are_paged_by_their_id(void **state)
{
    struct store *store = *state;
    struct sl_run_row *runs;
    add_run(store, "a", NULL, 7);
    add_run(store, "b", NULL, 7);
    add_run(store, "c", NULL, 7);
    assert_int_equal(list_runs(store, (struct sl_run_filter){.before = "b"}, &runs), 1);
    assert_string_equal(runs[0].id, "a");
}

static void the_same_tick_is_queued_once_however_often_it_is_asked_for(void **state)
{
    struct store *store = *state;
    struct sl_queued *queue;
    enqueue(store, "q1", 1000, true);
    enqueue(store, "q2", 1000, false);
    enqueue(store, "q1", 2000, false);
    assert_int_equal(list_queue(store, &queue), 1);
    assert_string_equal(queue[0].run_id, "q1");
    assert_string_equal(queue[0].trigger, "cron 0 3 * * *");
    assert_string_equal(queue[0].options_json, "{\"full_refresh\": true}");
    assert_int_equal(queue[0].tick_us, 1000);
    assert_null(queue[0].who);
    struct sl_run_row row = {.id = "q1", .command = "run", .status = "running", .started_us = 60};
    OK(sl_state_begin(store->state, &row, &err));
    assert_int_equal(list_queue(store, &queue), 0);
    enqueue(store, "q3", 1000, false); // it has begun already
    enqueue(store, "q4", 0, true);
    enqueue(store, "q5", 0, true); // by hand: as often as one likes
    assert_int_equal(list_queue(store, &queue), 2);
    assert_string_equal(queue[1].run_id, "q5");
    assert_string_equal(queue[1].who, "anna");
}

static void a_run_that_begins_keeps_what_it_was_asked_for_with(void **state)
{
    struct store *store = *state;
    struct sl_run_row *runs;
    enqueue(store, "q1", 1000, true);
    assert_int_equal(list_runs(store, (struct sl_run_filter){0}, &runs), 0);
    assert_int_equal(list_runs(store, (struct sl_run_filter){.with_waiting = true}, &runs), 1);
    assert_int_equal(list_runs(store, (struct sl_run_filter){.status = "queued"}, &runs), 1);
    assert_int_equal(runs[0].started_us, 50);
    struct sl_run_row row = {.id = "q1", .command = "run", .status = "running", .started_us = 60};
    OK(sl_state_begin(store->state, &row, &err));
    assert_int_equal(list_runs(store, (struct sl_run_filter){0}, &runs), 1);
    assert_string_equal(runs[0].pipeline, "nightly");
    assert_string_equal(runs[0].trigger, "cron 0 3 * * *");
    assert_int_equal(runs[0].tick_us, 1000);
    assert_int_equal(runs[0].started_us, 60);
}

static void its_row_keeps_less_than_the_queue_where_that_is_asked_for(void **state)
{
    struct store *store = *state;
    const struct sl_queued asked = {
        .run_id = "q1", .trigger = "http", .options_json = "{\"plan\": {}}", .row_json = "{}"};
    struct sl_queued *queue;
    struct sl_run_row *runs;
    bool is_new;
    OK(sl_state_enqueue(store->state, &asked, &is_new, &err));
    assert_int_equal(list_queue(store, &queue), 1);
    assert_string_equal(queue[0].options_json, "{\"plan\": {}}");
    assert_int_equal(list_runs(store, (struct sl_run_filter){.status = "queued"}, &runs), 1);
    assert_string_equal(runs[0].options_json, "{}");
}

static void what_is_taken_out_of_the_queue_stays_in_the_history(void **state)
{
    struct store *store = *state;
    struct sl_queued *queue;
    struct sl_run_row *runs;
    bool was_queued = false;
    enqueue(store, "q1", 1000, true);
    OK(sl_state_dequeue(store->state, "q1", "skipped", 70, &was_queued, &err));
    assert_true(was_queued);
    assert_int_equal(list_queue(store, &queue), 0);
    assert_int_equal(list_runs(store, (struct sl_run_filter){0}, &runs), 1);
    assert_string_equal(runs[0].status, "skipped");
    assert_int_equal(runs[0].ended_us, 70);
    OK(sl_state_dequeue(store->state, "q1", "cancelled", 80, &was_queued, &err));
    assert_false(was_queued);
}

static void ticks_are_kept_and_only_a_later_one_of_the_queue_moves_them(void **state)
{
    struct store *store = *state;
    struct sl_tick *ticks, set[] = {{"nightly", "cron 0 3 * * *", 500}, {"hourly", "every 1h", 7}};
    size_t count;
    OK(sl_state_set_ticks(store->state, set, 2, &err));
    enqueue(store, "q1", 1000, true);
    enqueue(store, "q2", 900, true);
    OK(sl_state_ticks(store->state, &store->arena, &ticks, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(ticks[0].pipeline, "hourly");
    assert_int_equal(ticks[1].tick_us, 1000);
    set[0].tick_us = 100;
    OK(sl_state_set_ticks(store->state, set, 1, &err));
    OK(sl_state_ticks(store->state, &store->arena, &ticks, &count, &err));
    assert_int_equal(ticks[1].tick_us, 100);
}

static void a_pause_takes_the_place_of_the_one_before_until_it_is_taken_back(void **state)
{
    struct store *store = *state;
    struct sl_pause *pauses;
    struct sl_pause first = {"nightly", "anna", "month's end", 5}, second = {"nightly", "bo", 0, 9};
    size_t count;
    bool is_new, was_paused;
    OK(sl_state_pause(store->state, &first, &is_new, &err));
    assert_true(is_new);
    OK(sl_state_pause(store->state, &second, &is_new, &err));
    assert_false(is_new);
    OK(sl_state_pauses(store->state, &store->arena, &pauses, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(pauses[0].who, "bo");
    assert_null(pauses[0].why);
    assert_int_equal(pauses[0].at_us, 9);
    OK(sl_state_resume(store->state, "nightly", &was_paused, &err));
    assert_true(was_paused);
    OK(sl_state_resume(store->state, "nightly", &was_paused, &err));
    assert_false(was_paused);
}

static void the_first_decision_stands(void **state)
{
    struct store *store = *state;
    struct sl_approval *list, standing;
    struct sl_approval asked = {.run_id = "r1", .step = "load warehouse", .asked_us = 5};
    struct sl_approval no = {
        .run_id = "r1", .step = "load warehouse", .decided_us = 9, .who = "bo"};
    struct sl_approval yes = no;
    size_t count;
    bool is_first;
    OK(sl_state_decide(store->state, &no, &store->arena, &standing, &is_first, &err));
    assert_false(is_first);
    assert_null(standing.run_id); // nobody asked
    OK(sl_state_ask(store->state, &asked, &err));
    OK(sl_state_ask(store->state, &asked, &err));
    OK(sl_state_approvals(store->state, NULL, &store->arena, &list, &count, &err));
    assert_int_equal(count, 1);
    OK(sl_state_decide(store->state, &no, &store->arena, &standing, &is_first, &err));
    assert_true(is_first);
    yes.is_yes = true;
    yes.who = "anna";
    OK(sl_state_decide(store->state, &yes, &store->arena, &standing, &is_first, &err));
    assert_false(is_first);
    assert_false(standing.is_yes);
    assert_string_equal(standing.who, "bo");
    OK(sl_state_approvals(store->state, NULL, &store->arena, &list, &count, &err));
    assert_int_equal(count, 0);
    OK(sl_state_approvals(store->state, "r1", &store->arena, &list, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(list[0].decided_us, 9);
}

static void who_was_not_answered_is_asked_no_longer_when_the_run_ends(void **state)
{
    struct store *store = *state;
    struct sl_approval *list, asked = {.run_id = "r1", .step = "load warehouse", .asked_us = 5};
    size_t count;
    OK(sl_state_ask(store->state, &asked, &err));
    add_run(store, "r1", NULL, 6);
    OK(sl_state_approvals(store->state, NULL, &store->arena, &list, &count, &err));
    assert_int_equal(count, 0);
}

static void the_audit_log_is_read_from_its_end(void **state)
{
    struct store *store = *state;
    struct sl_audit_entry *list;
    size_t count;
    for (int i = 0; i < 5; i++) {
        struct sl_audit_entry entry = {.at_us = i,
                                       .who = "anna",
                                       .what = "pause",
                                       .subject = i % 2 ? "nightly" : "hourly",
                                       .details_json = "{\"why\": \"\xC3\xBC\"}"};
        OK(sl_state_add_audit(store->state, &entry, &err));
    }
    struct sl_audit_filter filter = {.limit = 2};
    OK(sl_state_audit(store->state, &filter, &store->arena, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(list[0].at_us, 4);
    filter.before_seq = list[1].seq;
    OK(sl_state_audit(store->state, &filter, &store->arena, &list, &count, &err));
    assert_int_equal(list[0].at_us, 2);
    assert_string_equal(list[0].details_json, "{\"why\": \"\xC3\xBC\"}");
    filter = (struct sl_audit_filter){.subject = "nightly"};
    OK(sl_state_audit(store->state, &filter, &store->arena, &list, &count, &err));
    assert_int_equal(count, 2);
    OK(sl_state_forget(store->state, 3, &(bool){false}, &err));
    filter = (struct sl_audit_filter){0};
    OK(sl_state_audit(store->state, &filter, &store->arena, &list, &count, &err));
    assert_int_equal(count, 2);
}

static void cancel(struct store *store, const char *subject, const char *who, int64_t at_us)
{
    const struct sl_audit_entry entry = {
        .at_us = at_us, .who = who, .what = "cancel", .subject = subject};
    OK(sl_state_add_audit(store->state, &entry, &err));
}

static void who_cancelled_a_run_is_what_the_audit_log_says_first(void **state)
{
    struct store *store = *state;
    struct sl_run_row *runs, row = {.id = "q2", .command = "run", .status = "running"};
    struct sl_queued *queue;
    enqueue(store, "q1", 0, true);
    enqueue(store, "q2", 0, true);
    enqueue(store, "q3", 0, true);
    row.started_us = 60;
    OK(sl_state_begin(store->state, &row, &err));
    cancel(store, "q1", "bo", 70);
    cancel(store, "q2", "anna", 71);
    cancel(store, "q2", "bo", 72);
    assert_int_equal(list_queue(store, &queue), 2);
    assert_true(queue[0].is_cancelled);
    assert_false(queue[1].is_cancelled);
    assert_int_equal(list_runs(store, (struct sl_run_filter){.id = "q2"}, &runs), 1);
    assert_string_equal(runs[0].cancelled_by, "anna");
    assert_int_equal(runs[0].cancelled_us, 71);
    row.status = "ok"; // the word came too late
    row.ended_us = 80;
    OK(sl_state_end(store->state, &row, &err));
    assert_int_equal(list_runs(store, (struct sl_run_filter){.id = "q2"}, &runs), 1);
    assert_null(runs[0].cancelled_by);
    struct sl_run_filter queued = {.id = "q3", .with_waiting = true};
    assert_int_equal(list_runs(store, queued, &runs), 1);
    assert_null(runs[0].cancelled_by);
    assert_int_equal(runs[0].cancelled_us, 0);
}

static void what_goes_on_with_a_run_is_found_also_when_it_waits_or_has_ended(void **state)
{
    struct store *store = *state;
    struct sl_run_row *runs;
    struct sl_queued rest = {.run_id = "q2",
                             .pipeline = "nightly",
                             .trigger = "after a kill",
                             .asked_us = 70,
                             .options_json = "{\"select\":[\"x\"],\"goes_on_with\":\"r1\"}"};
    const struct sl_run_filter of_1 = {.rest_of = "r1", .with_waiting = true, .limit = 1};
    const struct sl_run_filter of_2 = {.rest_of = "r2", .with_waiting = true};
    bool is_new;
    add_run(store, "r1", "nightly", 60);
    add_run(store, "r2", "nightly", 61);
    assert_int_equal(list_runs(store, of_1, &runs), 0);
    OK(sl_state_enqueue(store->state, &rest, &is_new, &err));
    assert_int_equal(list_runs(store, of_1, &runs), 1);
    assert_string_equal(runs[0].id, "q2");
    assert_int_equal(list_runs(store, of_2, &runs), 0);
    add_run(store, "q2", "nightly", 80);
    assert_int_equal(list_runs(store, of_1, &runs), 1);
    assert_string_equal(runs[0].status, "ok");
}

static void runs_that_found_nothing_are_forgotten_sooner(void **state)
{
    static const struct sl_run_row rows[] = {
        {.id = "idle", .pipeline = "all", .status = "nothing", .ended_us = 5},
        {.id = "late", .pipeline = "all", .status = "nothing", .ended_us = 50},
        {.id = "busy", .pipeline = "all", .status = "ok", .ended_us = 5},
        {.id = "hand", .status = "nothing", .ended_us = 5},
    };
    struct store *store = *state;
    struct sl_run_row *list;
    size_t count;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sl_run_row row = rows[i];
        row.command = "run";
        row.started_us = row.ended_us;
        OK(sl_state_begin(store->state, &row, &err));
        OK(sl_state_end(store->state, &row, &err));
    }
    OK(sl_state_forget_idle(store->state, 10, &(bool){false}, &err));
    OK(sl_state_runs(store->state, &(struct sl_run_filter){0}, &store->arena, &list, &count, &err));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_string_not_equal(list[i].id, "idle");
}

static void texts_that_are_no_utf8_do_not_lose_the_row(void **state)
{
    struct store *store = *state;
    struct sl_step_row *steps;
    struct sl_step_row row = {
        .run_id = "r1", .name = "clean.a", .label = "cleanse a", .status = "ok", .why = "caf\xE9"};
    size_t count;
    OK(sl_state_add_steps(store->state, &row, 1, &err));
    OK(sl_state_steps(store->state, "r1", &store->arena, &steps, &count, &err));
    assert_int_equal(count, 1);
    assert_non_null(strstr(steps[0].why, "caf"));
}

static void a_step_that_is_there_is_found_by_its_run_name_and_start(void **state)
{
    struct store *store = *state;
    struct sl_step_row row = {
        .run_id = "r1", .name = "clean.a", .label = "l", .status = "ok", .started_us = 7};
    bool is_there = true;
    OK(sl_state_has_step(store->state, &row, &is_there, &err));
    assert_false(is_there);
    OK(sl_state_add_steps(store->state, &row, 1, &err));
    OK(sl_state_has_step(store->state, &row, &is_there, &err));
    assert_true(is_there);
    row.started_us = 8;
    OK(sl_state_has_step(store->state, &row, &is_there, &err));
    assert_false(is_there);
}

static void another_handle_sees_what_was_written(void **state)
{
    struct store *store = *state;
    struct sl_state *other = open_another(store);
    struct sl_step_row *steps, row = {.run_id = "r1",
                                      .name = "n",
                                      .label = "l",
                                      .status = "ok",
                                      .rows_in = INT64_MAX,
                                      .has_balance = true};
    size_t count;
    OK(sl_state_add_steps(store->state, (struct sl_step_row[]){row, row}, 2, &err));
    OK(sl_state_steps(other, "r1", &store->arena, &steps, &count, &err));
    assert_int_equal(count, 2);
    assert_true(steps[0].rows_in == INT64_MAX && steps[0].has_balance);
    assert_null(steps[0].why);
    sl_state_close(&other);
}

static void begin_run(struct store *store, const char *id, const char *environment)
{
    struct sl_run_row row = {.id = id,
                             .command = "run",
                             .environment = environment,
                             .status = "running",
                             .started_us = 1};
    OK(sl_state_begin(store->state, &row, &err));
}

static void end_step(struct store *store, const char *run_id, const char *name, const char *status,
                     enum sl_code code)
{
    struct sl_step_row row = {.run_id = run_id,
                              .name = name,
                              .label = name,
                              .status = status,
                              .code = code ? sl_code_info(code)->id : NULL};
    OK(sl_state_add_steps(store->state, &row, 1, &err));
}

// "ok of r1, error of r2": ordered by the steps' names.
static const char *last(struct store *store, const char *environment, enum sl_outcomes kinds)
{
    struct sl_step_row *steps;
    size_t count;
    const char *text = "";
    OK(sl_state_last(store->state, environment, kinds, &store->arena, &steps, &count, &err));
    for (size_t i = 0; i < count; i++)
        text = sl_arena_printf(&store->arena, "%s%s%s of %s", text, i ? ", " : "", steps[i].status,
                               steps[i].run_id);
    return text;
}

static void environments_that_share_a_store_have_steps_of_their_own(void **state)
{
    struct store *store = *state;
    struct sl_step_row *steps;
    size_t count;
    begin_run(store, "r1", NULL);
    end_step(store, "r1", "clean.a", "ok", SL_OK);
    begin_run(store, "r2", "prod");
    end_step(store, "r2", "clean.a", "error", SL_E_INTERNAL);
    end_step(store, "r2", "clean.b", "ok", SL_OK);
    assert_string_equal(last(store, NULL, SL_OUTCOMES_ALL), "ok of r1");
    assert_string_equal(last(store, "prod", SL_OUTCOMES_ALL), "error of r2, ok of r2");
    assert_string_equal(last(store, "dev", SL_OUTCOMES_ALL), "");
    OK(sl_state_past(store->state, NULL, "clean.a", 9, &store->arena, &steps, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(steps[0].run_id, "r1");
    OK(sl_state_past(store->state, NULL, "clean.b", 9, &store->arena, &steps, &count, &err));
    assert_int_equal(count, 0);
    OK(sl_state_past(store->state, "prod", "clean.b", 9, &store->arena, &steps, &count, &err));
    assert_int_equal(count, 1);
}

static void what_says_nothing_of_a_step_hides_nothing(void **state)
{
    struct store *store = *state;
    begin_run(store, "r1", "prod");
    end_step(store, "r1", "task.a", "warn", SL_OK);
    begin_run(store, "r2", "prod");
    end_step(store, "r2", "task.a", "error", SL_E_INTERNAL);
    end_step(store, "r2", "task.b", "nothing", SL_OK);
    begin_run(store, "r3", "prod");
    end_step(store, "r3", "task.a", "skipped", SL_E_UPSTREAM_FAILED);
    end_step(store, "r3", "task.b", "error", SL_E_INTERRUPTED);
    begin_run(store, "r4", "prod");
    end_step(store, "r4", "task.b", "error", SL_E_DEADLINE);
    end_step(store, "r4", "task.c", "error", SL_OK);
    assert_string_equal(last(store, "prod", SL_OUTCOMES_ALL),
                        "skipped of r3, error of r4, error of r4");
    assert_string_equal(last(store, "prod", SL_OUTCOMES_OWN),
                        "error of r2, nothing of r2, error of r4");
    assert_string_equal(last(store, "prod", SL_OUTCOMES_DONE), "warn of r1");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        CASE(runs_are_found_by_pipeline_and_status_and_page_by_page),
        CASE(runs_of_the_same_moment_are_paged_by_their_id),
        CASE(the_same_tick_is_queued_once_however_often_it_is_asked_for),
        CASE(a_run_that_begins_keeps_what_it_was_asked_for_with),
        CASE(its_row_keeps_less_than_the_queue_where_that_is_asked_for),
        CASE(what_is_taken_out_of_the_queue_stays_in_the_history),
        CASE(ticks_are_kept_and_only_a_later_one_of_the_queue_moves_them),
        CASE(a_pause_takes_the_place_of_the_one_before_until_it_is_taken_back),
        CASE(the_first_decision_stands),
        CASE(who_was_not_answered_is_asked_no_longer_when_the_run_ends),
        CASE(the_audit_log_is_read_from_its_end),
        CASE(who_cancelled_a_run_is_what_the_audit_log_says_first),
        CASE(what_goes_on_with_a_run_is_found_also_when_it_waits_or_has_ended),
        CASE(runs_that_found_nothing_are_forgotten_sooner),
        CASE(texts_that_are_no_utf8_do_not_lose_the_row),
        CASE(another_handle_sees_what_was_written),
        CASE(a_step_that_is_there_is_found_by_its_run_name_and_start),
        CASE(environments_that_share_a_store_have_steps_of_their_own),
        CASE(what_says_nothing_of_a_step_hides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
