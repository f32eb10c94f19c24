#include "api/leases.h"

#include "api/queue.h"
#include "conform.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_MS 600000

static struct sl_lease lease(struct store *store, const char *holder, int64_t ttl_ms)
{
    struct sl_lease ret = {0};
    OK(sl_state_lease(store->state, "leader", holder, ttl_ms, &store->arena, &ret, &err));
    return ret;
}

static void a_lease_is_one_holders_until_it_runs_out_or_is_released(void **state)
{
    struct store *store = *state;
    struct sl_lease first = lease(store, "a", LONG_MS), other = lease(store, "b", LONG_MS);
    assert_true(first.is_mine);
    assert_int_equal(first.token, 1);
    assert_true(first.left_ms > LONG_MS - 60000 && first.left_ms <= LONG_MS);
    assert_false(other.is_mine);
    assert_string_equal(other.holder, "a");
    assert_int_equal(other.until_us, first.until_us);
    assert_int_equal(lease(store, "a", LONG_MS).token, 1);   // kept
    OK(sl_state_release(store->state, "leader", "b", &err)); // not its own: nothing happens
    assert_false(lease(store, "b", LONG_MS).is_mine);
    OK(sl_state_release(store->state, "leader", "a", &err));
    other = lease(store, "b", LONG_MS);
    assert_true(other.is_mine);
    assert_int_equal(other.token, 2);
    assert_false(lease(store, "a", LONG_MS).is_mine);
}

static void a_lease_that_ran_out_gets_a_new_token_whoever_takes_it(void **state)
{
    struct store *store = *state;
    assert_int_equal(lease(store, "a", 0).token, 1);
    assert_int_equal(lease(store, "a", 0).token, 2);
    struct sl_lease other = lease(store, "b", LONG_MS);
    assert_true(other.is_mine);
    assert_int_equal(other.token, 3);
}

static int try_to_write(struct sl_state *state)
{
    struct sl_pause pause = {.pipeline = "nightly", .at_us = 5};
    struct sl_err err = {0};
    return sl_state_pause(state, &pause, NULL, &err);
}

static size_t count_pauses(struct store *store)
{
    struct sl_pause *pauses;
    size_t count = 99;
    OK(sl_state_pauses(store->state, &store->arena, &pauses, &count, &err));
    return count;
}

static void who_leads_no_longer_writes_nothing_more(void **state)
{
    struct store *store = *state;
    struct sl_state *other = open_another(store);
    struct sl_lease mine = lease(store, "a", 0);
    struct sl_err refused = {0};
    struct sl_step_row step = {.run_id = "r", .name = "n", .label = "l", .status = "ok"};
    struct sl_job job = {.id = "j", .run_id = "r", .step = "s"};
    OK(sl_state_fence(store->state, "leader", mine.token, &err));
    assert_int_equal(try_to_write(store->state), SL_OK); // it ran out, but nobody took it
    OK(sl_state_resume(store->state, "nightly", NULL, &err));
    struct sl_lease theirs = {0};
    OK(sl_state_lease(other, "leader", "b", LONG_MS, &store->arena, &theirs, &err));
    assert_int_equal(try_to_write(store->state), SL_E_STATE_FENCED);
    assert_int_equal(count_pauses(store), 0);
    assert_int_equal(sl_state_add_steps(store->state, &step, 1, &refused), SL_E_STATE_FENCED);
    sl_err_clear(&refused);
    assert_int_equal(sl_state_put_jobs(store->state, &job, 1, &refused), SL_E_STATE_FENCED);
    OK(sl_state_fence(other, "leader", theirs.token, &err));
    assert_int_equal(try_to_write(other), SL_OK);
    OK(sl_state_fence(store->state, NULL, 0, &err));
    OK(sl_state_resume(store->state, "nightly", NULL, &err));
    sl_state_close(&other);
}

static size_t count_abandoned(struct sl_state *state, struct store *store)
{
    const struct sl_run_filter filter = {.is_abandoned = true};
    struct sl_run_row *rows;
    size_t count = 99;
    OK(sl_state_runs(state, &filter, &store->arena, &rows, &count, &err));
    return count;
}

static void a_run_is_abandoned_when_its_owner_has_no_lease(void **state)
{
    struct store *store = *state;
    struct sl_state *other = open_another(store);
    struct sl_run_row run = {.id = "r1", .command = "run", .status = "running", .started_us = 5};
    struct sl_lease lease;
    OK(sl_state_own(store->state, "a", &err));
    OK(sl_state_begin(store->state, &run, &err));
    assert_int_equal(count_abandoned(other, store), 1);
    OK(sl_state_lease(store->state, "serve", "a", LONG_MS, &store->arena, &lease, &err));
    assert_int_equal(count_abandoned(other, store), 0);
    OK(sl_state_release(store->state, "serve", "a", &err));
    assert_int_equal(count_abandoned(other, store), 1);
    OK(sl_state_lease(store->state, "serve", "b", LONG_MS, &store->arena, &lease, &err));
    assert_int_equal(count_abandoned(other, store), 1); // that is another's
    run.status = "ok";
    run.ended_us = 6;
    OK(sl_state_end(other, &run, &err));
    assert_int_equal(count_abandoned(other, store), 0);
    sl_state_close(&other);
}

static void put(struct store *store, int from, int to)
{
    struct sl_job jobs[64];
    char ids[64][16];
    for (int i = from; i < to; i++) {
        snprintf(ids[i - from], sizeof *ids, "j%02d", i);
        jobs[i - from] = (struct sl_job){.id = ids[i - from],
                                         .run_id = i % 2 ? "odd" : "even",
                                         .step = "clean.orders",
                                         .attempt = 1,
                                         .priority = i == 5 ? 9 : 0,
                                         .request_json = "{\"node\": \"\xC3\xBC\\n\"}"};
    }
    OK(sl_state_put_jobs(store->state, jobs, (size_t)(to - from), &err));
}

static size_t claim(struct sl_state *state, struct store *store, struct sl_claim claim,
                    struct sl_job **ret)
{
    size_t count = 99;
    OK(sl_state_claim(state, &claim, &store->arena, ret, &count, &err));
    return count;
}

static void jobs_are_claimed_once_by_priority_and_then_as_they_came(void **state)
{
    struct store *store = *state;
    struct sl_state *other = open_another(store);
    struct sl_job *jobs;
    int64_t ready, claimed;
    put(store, 0, 10);
    put(store, 0, 10); // again: they are there already
    assert_int_equal(claim(store->state, store, (struct sl_claim){"a", LONG_MS, 3}, &jobs), 3);
    assert_string_equal(jobs[0].id, "j05");
    assert_string_equal(jobs[1].id, "j00");
    assert_string_equal(jobs[2].id, "j01");
    assert_string_equal(jobs[2].request_json, "{\"node\": \"\xC3\xBC\\n\"}");
    assert_int_equal(jobs[2].token, 1);
    assert_int_equal(claim(other, store, (struct sl_claim){"b", LONG_MS, 100}, &jobs), 7);
    assert_string_equal(jobs[0].id, "j02");
    assert_string_equal(jobs[6].holder, "b");
    assert_int_equal(claim(other, store, (struct sl_claim){"b", LONG_MS, 100}, &jobs), 0);
    OK(sl_state_count_jobs(store->state, &ready, &claimed, &err));
    assert_int_equal(ready, 0);
    assert_int_equal(claimed, 10);
    sl_state_close(&other);
}

static void a_reply_is_taken_only_from_who_has_the_claim(void **state)
{
    struct store *store = *state;
    struct sl_job *mine, *late, *again, *replies;
    size_t count;
    bool is_lost[2] = {false, false};
    put(store, 0, 2);
    assert_int_equal(claim(store->state, store, (struct sl_claim){"a", 0, 2}, &mine), 2);
    OK(sl_state_expire(store->state, &store->arena, &late, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(late[0].holder, "a");
    assert_int_equal(claim(store->state, store, (struct sl_claim){"b", LONG_MS, 1}, &again), 1);
    assert_int_equal(again[0].token, 2);
    mine[0].reply_json = mine[1].reply_json = "{\"late\": true}";
    OK(sl_state_complete(store->state, mine, 2, is_lost, &err));
    assert_true(is_lost[0] && is_lost[1]);
    OK(sl_state_replies(store->state, 10, &store->arena, &replies, &count, &err));
    assert_int_equal(count, 0);
    again[0].reply_json = "{\"ok\": 1}";
    OK(sl_state_complete(store->state, again, 1, is_lost, &err));
    assert_false(is_lost[0]);
    OK(sl_state_complete(store->state, again, 1, is_lost, &err)); // it is done
    assert_true(is_lost[0]);
    for (int times = 0; times < 2; times++) { // until it is dropped
        OK(sl_state_replies(store->state, 10, &store->arena, &replies, &count, &err));
        assert_int_equal(count, 1);
        assert_string_equal(replies[0].reply_json, "{\"ok\": 1}");
        assert_string_equal(replies[0].id, again[0].id);
    }
    OK(sl_state_drop_jobs(store->state, &replies[0].id, 1, &err));
    OK(sl_state_replies(store->state, 10, &store->arena, &replies, &count, &err));
    assert_int_equal(count, 0);
}

static void claims_are_kept_by_a_beat_and_given_back_by_one_of_no_time(void **state)
{
    struct store *store = *state;
    struct sl_job *mine, *late;
    size_t count;
    bool is_lost[3];
    put(store, 0, 3);
    assert_int_equal(claim(store->state, store, (struct sl_claim){"a", 0, 3}, &mine), 3);
    OK(sl_state_beat(store->state, mine, 2, LONG_MS, is_lost, NULL, &err));
    assert_false(is_lost[0] || is_lost[1]);
    OK(sl_state_expire(store->state, &store->arena, &late, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(late[0].id, "j02");
    OK(sl_state_beat(store->state, mine, 3, LONG_MS, is_lost, NULL, &err));
    assert_true(!is_lost[0] && !is_lost[1] && is_lost[2]);
    OK(sl_state_beat(store->state, mine, 1, 0, is_lost, NULL, &err));
    assert_false(is_lost[0]);
    assert_int_equal(claim(store->state, store, (struct sl_claim){"b", LONG_MS, 9}, &late), 2);
    assert_string_equal(late[0].id, "j00");
}

static void a_run_that_is_cancelled_takes_its_jobs_away(void **state)
{
    struct store *store = *state;
    struct sl_job *mine;
    bool is_lost[4];
    put(store, 0, 4);
    assert_int_equal(claim(store->state, store, (struct sl_claim){"a", LONG_MS, 4}, &mine), 4);
    OK(sl_state_drop_run(store->state, "odd", &err));
    OK(sl_state_beat(store->state, mine, 4, LONG_MS, is_lost, NULL, &err));
    assert_true(!is_lost[0] && is_lost[1] && !is_lost[2] && is_lost[3]);
}

static void jobs_are_claimed_taken_back_and_cleared_by_the_beginning_of_their_ids(void **state)
{
    struct store *store = *state;
    const struct sl_job jobs[] = {{.id = "prod/a/1", .run_id = "r", .step = "s"},
                                  {.id = "prod/b/1", .run_id = "r", .step = "s"},
                                  {.id = "test/a/1", .run_id = "r", .step = "s"}};
    struct sl_job *got;
    size_t count;
    bool is_lost;
    OK(sl_state_put_jobs(store->state, jobs, 3, &err));
    struct sl_claim wanted = {.holder = "a", .ttl_ms = LONG_MS, .limit = 9, .prefix = "prod/b/"};
    assert_int_equal(claim(store->state, store, wanted, &got), 1);
    assert_string_equal(got[0].id, "prod/b/1");
    OK(sl_state_open_jobs(store->state, "prod/", &store->arena, &got, &count, &err));
    assert_int_equal(count, 2);
    assert_null(got[0].holder); // nobody has it
    assert_string_equal(got[1].holder, "a");
    assert_null(got[1].request_json);
    OK(sl_state_open_jobs(store->state, "none/", &store->arena, &got, &count, &err));
    assert_int_equal(count, 0);
    OK(sl_state_take_back(store->state, "prod/", &store->arena, &got, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(got[0].id, "prod/a/1");
    wanted.prefix = NULL;
    assert_int_equal(claim(store->state, store, wanted, &got), 1);
    assert_string_equal(got[0].id, "test/a/1");
    int64_t open = 0;
    int asked = 0;
    OK(sl_state_put_jobs(store->state, &jobs[0], 1, &err));
    OK(sl_state_clear_jobs(store->state, "prod/a/", false, &open, &err)); // nobody has it
    assert_int_equal(open, 0);
    OK(sl_state_clear_jobs(store->state, "test/", false, &open, &err));
    assert_int_equal(open, 1);
    OK(sl_state_beat(store->state, got, 1, LONG_MS, &is_lost, &asked, &err));
    assert_true(!is_lost && asked == 3);
    OK(sl_state_clear_jobs(store->state, "test/", true, &open, &err));
    assert_int_equal(open, 0);
    OK(sl_state_beat(store->state, got, 1, LONG_MS, &is_lost, NULL, &err));
    assert_true(is_lost);
}

static void what_is_done_or_ran_out_is_collected_once(void **state)
{
    struct store *store = *state;
    struct sl_job *done, *late, *got;
    size_t count;
    bool is_lost;
    put(store, 0, 3);
    struct sl_claim one = {.holder = "a", .ttl_ms = LONG_MS, .limit = 1};
    assert_int_equal(claim(store->state, store, one, &done), 1);
    one.ttl_ms = 0;
    assert_int_equal(claim(store->state, store, one, &late), 1);
    done[0].reply_json = "{}";
    OK(sl_state_complete(store->state, done, 1, &is_lost, &err));
    OK(sl_state_collect(store->state, "j", 9, &store->arena, &got, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(got[0].reply_json, "{}");
    assert_null(got[1].reply_json);
    assert_string_equal(got[1].holder, "a");
    OK(sl_state_collect(store->state, "j", 9, &store->arena, &got, &count, &err));
    assert_int_equal(count, 0);
    late[0].reply_json = "{\"late\": true}";
    OK(sl_state_complete(store->state, late, 1, &is_lost, &err));
    assert_true(is_lost);
}

static void who_has_a_job_is_told_what_is_asked_of_it(void **state)
{
    struct store *store = *state;
    struct sl_job *mine, *got;
    bool is_gone[2], is_lost;
    int asked = 9;
    size_t count;
    put(store, 0, 2);
    struct sl_claim one = {.holder = "a", .ttl_ms = LONG_MS, .limit = 1};
    assert_int_equal(claim(store->state, store, one, &mine), 1);
    OK(sl_state_beat(store->state, mine, 1, LONG_MS, &is_lost, &asked, &err));
    assert_int_equal(asked, 0);
    const char *const ids[] = {mine[0].id, "j01"};
    OK(sl_state_press(store->state, ids, 2, 2, is_gone, &err));
    assert_true(!is_gone[0] && is_gone[1]); // nobody had that one
    OK(sl_state_beat(store->state, mine, 1, LONG_MS, &is_lost, &asked, &err));
    assert_false(is_lost);
    assert_int_equal(asked, 2);
    OK(sl_state_press(store->state, ids, 1, 3, is_gone, &err));
    assert_true(is_gone[0]);
    OK(sl_state_beat(store->state, mine, 1, LONG_MS, &is_lost, &asked, &err));
    assert_true(is_lost);
    put(store, 2, 3); // what is asked of one that is done changes nothing
    assert_int_equal(claim(store->state, store, one, &mine), 1);
    mine[0].reply_json = "{\"rows\": 7}";
    OK(sl_state_complete(store->state, mine, 1, &is_lost, &err));
    OK(sl_state_press(store->state, &(const char *){mine[0].id}, 1, 2, is_gone, &err));
    assert_false(is_gone[0]);
    OK(sl_state_collect(store->state, "", 9, &store->arena, &got, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(got[0].reply_json, "{\"rows\": 7}");
}

static void who_is_there_is_known_as_long_as_it_says_so(void **state)
{
    struct store *store = *state;
    struct sl_present *there;
    size_t count;
    const struct sl_present one = {.name = "worker one", .details = "{\"slots\":2}"};
    const struct sl_present two = {.name = "worker two", .details = "{}"};
    const struct sl_present other = {.name = "leader", .details = "{}"};
    OK(sl_state_appear(store->state, &one, LONG_MS, &err));
    OK(sl_state_appear(store->state, &two, 0, &err));
    OK(sl_state_appear(store->state, &other, LONG_MS, &err));
    OK(sl_state_present(store->state, "worker ", &store->arena, &there, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(there[0].name, "worker one");
    assert_string_equal(there[0].details, "{\"slots\":2}");
    assert_true(there[0].left_ms > LONG_MS - 60000);
    const struct sl_present changed = {.name = "worker one", .details = "{\"slots\":3}"};
    OK(sl_state_appear(store->state, &changed, LONG_MS, &err));
    OK(sl_state_present(store->state, "worker ", &store->arena, &there, &count, &err));
    assert_string_equal(there[0].details, "{\"slots\":3}");
    OK(sl_state_vanish(store->state, "worker one", &err));
    OK(sl_state_present(store->state, "worker ", &store->arena, &there, &count, &err));
    assert_int_equal(count, 0);
}

static int wait_for(struct store *store, int fd, int wanted)
{
    int wakes = 0;
    while (!(wakes & wanted)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, 10000) != 1)
            return 0;
        int more = 0;
        OK(sl_state_woken(store->state, &more, &err));
        wakes |= more;
    }
    return wakes;
}

static void who_listens_is_woken_by_what_others_write(void **state)
{
    struct store *store = *state;
    struct sl_state *other = open_another(store);
    struct sl_queued queued = {.run_id = "q1", .pipeline = "nightly", .trigger = "by hand"};
    struct sl_job job = {.id = "j", .run_id = "r", .step = "s"}, *mine;
    bool is_new, is_lost;
    int fd = -1, wakes;
    OK(sl_state_listen(store->state, &fd, &err));
    OK(sl_state_woken(store->state, &wakes, &err));
    OK(sl_state_enqueue(other, &queued, &is_new, &err));
    assert_true(wait_for(store, fd, SL_WAKE_QUEUE));
    OK(sl_state_put_jobs(other, &job, 1, &err));
    assert_true(wait_for(store, fd, SL_WAKE_JOBS));
    assert_int_equal(claim(other, store, (struct sl_claim){"a", LONG_MS, 1}, &mine), 1);
    mine[0].reply_json = "{}";
    OK(sl_state_complete(other, mine, 1, &is_lost, &err));
    assert_true(wait_for(store, fd, SL_WAKE_REPLIES));
    OK(sl_state_pause(other, &(struct sl_pause){.pipeline = "p"}, NULL, &err));
    assert_true(wait_for(store, fd, SL_WAKE_DECISIONS));
    OK(sl_state_drop_jobs(other, &(const char *){"j"}, 1, &err));
    assert_true(wait_for(store, fd, SL_WAKE_ASKED));
    OK(sl_state_appear(other, &(struct sl_present){"worker one", "{}", 0}, LONG_MS, &err));
    assert_true(wait_for(store, fd, SL_WAKE_PRESENT));
    sl_state_close(&other);
}

static const char *lake_of(struct store *store, const char *environment)
{
    const char *number;
    OK(sl_state_lake(store->state, environment, &store->arena, &number, &err));
    return number ? number : "none";
}

static void each_environment_has_the_lake_that_was_first_or_that_a_person_has_adopted(void **state)
{
    struct store *store = *state;
    assert_string_equal(lake_of(store, NULL), "none");
    OK(sl_state_keep_lake(store->state, NULL, "1", true, &err));
    OK(sl_state_keep_lake(store->state, NULL, "2", true, &err));
    assert_string_equal(lake_of(store, NULL), "1");
    assert_string_equal(lake_of(store, "dev"), "none");
    OK(sl_state_keep_lake(store->state, "dev", "3", true, &err));
    OK(sl_state_keep_lake(store->state, NULL, "2", false, &err));
    OK(sl_state_forget(store->state, INT64_MAX, &(bool){false}, &err));
    assert_string_equal(lake_of(store, NULL), "2");
    assert_string_equal(lake_of(store, "dev"), "3");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        CASE(a_lease_is_one_holders_until_it_runs_out_or_is_released),
        CASE(a_lease_that_ran_out_gets_a_new_token_whoever_takes_it),
        CASE(who_leads_no_longer_writes_nothing_more),
        CASE(a_run_is_abandoned_when_its_owner_has_no_lease),
        CASE(jobs_are_claimed_once_by_priority_and_then_as_they_came),
        CASE(a_reply_is_taken_only_from_who_has_the_claim),
        CASE(claims_are_kept_by_a_beat_and_given_back_by_one_of_no_time),
        CASE(a_run_that_is_cancelled_takes_its_jobs_away),
        CASE(jobs_are_claimed_taken_back_and_cleared_by_the_beginning_of_their_ids),
        CASE(what_is_done_or_ran_out_is_collected_once),
        CASE(who_has_a_job_is_told_what_is_asked_of_it),
        CASE(who_is_there_is_known_as_long_as_it_says_so),
        CASE(who_listens_is_woken_by_what_others_write),
        CASE(each_environment_has_the_lake_that_was_first_or_that_a_person_has_adopted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
