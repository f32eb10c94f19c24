// Steps handed out through a store, and a worker that claims them by hand.
#include "run/handout.h"

#include "api/leases.h"
#include "base/fs.h"
#include "run/handout_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(call)                         \
    do {                                 \
        struct sl_err err = {0};         \
        if ((call) != SL_OK)             \
            fail_msg("%s", err.message); \
    } while (0)
#define HOLD_MS 600000
#define PATIENCE_MS 300
#define HOLDER "one on one on host-1, process 5"

struct end {
    size_t number;
    bool is_reply, is_lost;
    enum sl_code code;
};

struct bed {
    char folder[64];
    struct sl_arena arena;
    struct sl_state *leading, *working;
    uv_loop_t loop;
    struct sl_handout *handout;
    struct sl_hander hander;
    struct end ends[8];
    size_t end_count;
    size_t backs[8], back_count;
    size_t begun[8], begun_count;
    size_t given_back;
    char machine[32];
    int64_t came, gone;
    int troubles, settled;
    size_t ready, unclaimed, told; // of which nobody else may do; as it was told last; how often
    bool has_room, has_room_once;
};

static void on_reply(void *owner, size_t number, const json_t *reply, const struct sl_death *death)
{
    struct bed *bed = owner;
    bed->ends[bed->end_count++] = (struct end){number, reply != NULL, death && death->is_lost,
                                               death ? death->err.code : SL_OK};
}

static void on_begin(void *owner, size_t number, const char *machine)
{
    struct bed *bed = owner;
    bed->begun[bed->begun_count++] = number;
    (void)snprintf(bed->machine, sizeof bed->machine, "%s", machine);
}

static void on_given_back(void *owner, size_t number)
{
    struct bed *bed = owner;
    assert_int_equal(number, 70);
    bed->given_back++;
}

static void on_back(void *owner, size_t number)
{
    struct bed *bed = owner;
    bed->backs[bed->back_count++] = number;
    bed->has_room &= !bed->has_room_once;
}

static void on_room(void *owner)
{
    (void)owner;
}

static void on_machine(void *owner, const char *name, int64_t slots)
{
    struct bed *bed = owner;
    assert_string_equal(name, "one");
    if (slots < 0)
        bed->gone++;
    else
        bed->came += slots;
}

static void on_trouble(void *owner, const char *what)
{
    struct bed *bed = owner;
    (void)what;
    bed->troubles++;
}

static void on_unclaimed(void *owner, size_t count, int64_t seconds, const char *step, bool is_old)
{
    struct bed *bed = owner;
    assert_true(seconds >= 0 && !is_old);
    assert_string_equal(count ? step : "", count ? "clean.orders" : "");
    bed->unclaimed = count;
    bed->told++;
}

static size_t count_ready(void *owner, const char **ret_step)
{
    const struct bed *bed = owner;
    *ret_step = "clean.orders";
    return bed->ready;
}

static bool has_room(void *owner)
{
    const struct bed *bed = owner;
    return bed->has_room;
}

static void on_settled(void *owner)
{
    struct bed *bed = owner;
    bed->settled++;
}

static struct sl_state *open_state(struct bed *bed)
{
    const struct sl_state_place place = {.folder = bed->folder, .project = "p"};
    struct sl_state *state = NULL;
    const char *note;
    OK(sl_state_open(&place, &bed->arena, &state, &note, &err));
    return state;
}

static int make(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    assert_non_null(bed);
    strcpy(bed->folder, "/tmp/sluice-handout-XXXXXX");
    assert_non_null(mkdtemp(bed->folder));
    sl_arena_init(&bed->arena, 0);
    bed->leading = open_state(bed);
    bed->working = open_state(bed);
    assert_int_equal(uv_loop_init(&bed->loop), 0);
    const struct sl_handout_options options = {.loop = &bed->loop,
                                               .state = bed->leading,
                                               .environment = "prod",
                                               .lake = "l",
                                               .patience_ms = PATIENCE_MS,
                                               .on_unclaimed = on_unclaimed,
                                               .on_room = on_room,
                                               .on_machine = on_machine,
                                               .on_trouble = on_trouble,
                                               .on_settled = on_settled,
                                               .owner = bed};
    OK(sl_handout_open(&options, &bed->handout, &err));
    bed->hander = (struct sl_hander){.code = "c0de",
                                     .on_reply = on_reply,
                                     .on_begin = on_begin,
                                     .on_given_back = on_given_back,
                                     .on_back = on_back,
                                     .count_ready = count_ready,
                                     .has_room = has_room,
                                     .owner = bed};
    sl_handout_join(bed->handout, &bed->hander);
    *state = bed;
    return 0;
}

static int drop(void **state)
{
    struct bed *bed = *state;
    struct sl_err err = {0};
    sl_handout_leave(bed->handout, &bed->hander);
    sl_handout_close(&bed->handout);
    while (uv_run(&bed->loop, UV_RUN_DEFAULT) != 0)
        ;
    assert_int_equal(uv_loop_close(&bed->loop), 0);
    sl_state_close(&bed->leading);
    sl_state_close(&bed->working);
    assert_int_equal(sl_fs_remove_tree(bed->folder, &err), SL_OK);
    sl_arena_clear(&bed->arena);
    free(bed);
    return 0;
}

static void appear(struct bed *bed, const char *code, int64_t slots, int64_t ttl_ms)
{
    const char *codes[] = {"older", code};
    const struct sl_worker_says says = {"one", {codes, 2}, slots};
    char *details = NULL;
    OK(sl_says_print(sl_worker_says_fields, &says, &details, &err));
    const struct sl_present self = {.name = SL_PRESENT_WORKER "one 1", .details = details};
    OK(sl_state_appear(bed->working, &self, ttl_ms, &err));
    free(details);
}

// Until it is so, at most some seconds: its looks are a second apart.
#define RUN_UNTIL(bed, is_so)                              \
    do {                                                   \
        for (int turn = 0; turn < 400 && !(is_so); turn++) \
            uv_run(&(bed)->loop, UV_RUN_ONCE);             \
        assert_true(is_so);                                \
    } while (0)

static void start(struct bed *bed, size_t number)
{
    SL_AUTO(sl_json_free) json_t *request = json_pack("{s:i}", "number", (int)number);
    const struct sl_handed handed = {
        .number = number, .run_id = "r1", .step = "clean.orders", .attempt = 1, .request = request};
    OK(sl_handout_start(bed->handout, &bed->hander, &handed, &err));
}

static size_t claim_as(struct bed *bed, const char *holder, int64_t ttl_ms, size_t limit,
                       struct sl_job **ret)
{
    size_t count = 0;
    const struct sl_claim claim = {
        .holder = holder, .ttl_ms = ttl_ms, .limit = limit, .prefix = "prod/c0de/"};
    for (int turn = 0; turn < 400 && !count; turn++) {
        uv_run(&bed->loop, UV_RUN_ONCE);
        OK(sl_state_claim(bed->working, &claim, &bed->arena, ret, &count, &err));
    }
    return count;
}

static size_t claim(struct bed *bed, int64_t ttl_ms, size_t limit, struct sl_job **ret)
{
    return claim_as(bed, HOLDER, ttl_ms, limit, ret);
}

static void claim_and_give_back(struct bed *bed)
{
    struct sl_job *jobs;
    bool is_lost = true;
    assert_int_equal(claim(bed, HOLD_MS, 1, &jobs), 1);
    RUN_UNTIL(bed, bed->begun_count == 1);
    OK(sl_state_beat(bed->working, jobs, 1, 0, &is_lost, NULL, &err));
    assert_false(is_lost);
}

static void complete(struct bed *bed, struct sl_job *job, const char *reply)
{
    bool is_lost = true;
    job->reply_json = reply;
    OK(sl_state_complete(bed->working, job, 1, &is_lost, &err));
    assert_false(is_lost);
}

static void there_is_room_as_long_as_workers_of_the_code_have_some(void **state)
{
    struct bed *bed = *state;
    assert_false(sl_handout_has_room(bed->handout, &bed->hander));
    appear(bed, "other", 4, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 4);
    assert_false(sl_handout_has_room(bed->handout, &bed->hander));
    appear(bed, "c0de", 2, HOLD_MS);
    RUN_UNTIL(bed, sl_handout_has_room(bed->handout, &bed->hander));
    start(bed, 70);
    assert_true(sl_handout_has_room(bed->handout, &bed->hander));
    start(bed, 71);
    assert_false(sl_handout_has_room(bed->handout, &bed->hander));
    assert_int_equal(sl_handout_count(bed->handout), 2);
}

static void replies_deaths_and_what_is_no_reply_come_back_under_their_numbers(void **state)
{
    struct bed *bed = *state;
    struct sl_death death = {.signal = 11, .exit_code = -1};
    struct sl_job *jobs;
    char *text = NULL;
    (void)sl_fail(&death.err, SL_E_WORKER_DIED, "it crashed");
    OK(sl_handout_print(NULL, &death, &text, &err));
    appear(bed, "c0de", 3, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 3);
    for (size_t number = 70; number < 73; number++)
        start(bed, number);
    assert_int_equal(claim(bed, HOLD_MS, 9, &jobs), 3);
    assert_string_equal(jobs[1].request_json, "{\"number\":71}");
    complete(bed, &jobs[0], "{\"reply\":{\"done\":true}}");
    complete(bed, &jobs[1], text);
    complete(bed, &jobs[2], "{\"nonsense\":1}");
    RUN_UNTIL(bed, bed->end_count == 3);
    assert_true(bed->ends[0].number == 70 && bed->ends[0].is_reply);
    assert_true(bed->ends[1].number == 71 && bed->ends[1].code == SL_E_WORKER_DIED);
    assert_true(bed->ends[2].number == 72 && bed->ends[2].code == SL_E_WORKER_REPLY);
    assert_int_equal(sl_handout_count(bed->handout), 0);
    free(text);
}

static void a_claim_that_runs_out_is_a_lost_worker_and_its_late_reply_is_nothing(void **state)
{
    struct bed *bed = *state;
    struct sl_job *jobs;
    bool is_lost = false;
    appear(bed, "c0de", 1, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 1);
    start(bed, 70);
    assert_int_equal(claim(bed, 0, 1, &jobs), 1);
    RUN_UNTIL(bed, bed->end_count == 1);
    assert_true(bed->ends[0].is_lost && bed->ends[0].code == SL_E_WORKER_LOST);
    jobs[0].reply_json = "{\"reply\":{}}";
    OK(sl_state_complete(bed->working, jobs, 1, &is_lost, &err));
    assert_true(is_lost);
}

static void a_step_begins_once_where_it_was_claimed_and_not_when_it_is_handed_out(void **state)
{
    struct bed *bed = *state;
    struct sl_job *jobs;
    appear(bed, "c0de", 2, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 2);
    start(bed, 70);
    start(bed, 71);
    assert_int_equal(claim(bed, HOLD_MS, 1, &jobs), 1);
    RUN_UNTIL(bed, bed->begun_count == 1);
    assert_int_equal(bed->begun[0], 70);
    assert_string_equal(bed->machine, "one on one");
    complete(bed, &jobs[0], "{\"reply\":{}}");
    RUN_UNTIL(bed, bed->end_count == 1);
    OK(sl_state_vanish(bed->working, SL_PRESENT_WORKER "one 1", &err));
    RUN_UNTIL(bed, bed->back_count == 1);
    assert_true(bed->begun_count == 1 && bed->backs[0] == 71);
}

static void one_that_was_done_before_anybody_looked_has_begun_all_the_same(void **state)
{
    struct bed *bed = *state;
    struct sl_job *jobs;
    appear(bed, "c0de", 1, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 1);
    start(bed, 70);
    assert_int_equal(claim(bed, HOLD_MS, 1, &jobs), 1);
    complete(bed, &jobs[0], "{\"reply\":{}}");
    RUN_UNTIL(bed, bed->end_count == 1);
    assert_true(bed->begun_count == 1 && bed->begun[0] == 70);
}

static void one_that_was_given_back_is_of_the_machine_that_has_done_it(void **state)
{
    struct bed *bed = *state;
    struct sl_job *jobs;
    bool is_lost = true;
    int asked = 0;
    appear(bed, "c0de", 1, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 1);
    start(bed, 70);
    assert_int_equal(claim(bed, HOLD_MS, 1, &jobs), 1);
    RUN_UNTIL(bed, bed->begun_count == 1);
    OK(sl_state_beat(bed->working, jobs, 1, 0, &is_lost, &asked, &err));
    assert_int_equal(claim_as(bed, "two on host-2, process 5", HOLD_MS, 1, &jobs), 1);
    complete(bed, &jobs[0], "{\"reply\":{}}");
    RUN_UNTIL(bed, bed->end_count == 1);
    assert_true(bed->begun_count == 2 && bed->begun[1] == 70);
    assert_string_equal(bed->machine, "two");
}

static void one_that_was_given_back_and_that_nobody_claims_is_unclaimed(void **state)
{
    struct bed *bed = *state;
    struct sl_job *jobs;
    appear(bed, "c0de", 1, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 1);
    start(bed, 70);
    claim_and_give_back(bed);
    RUN_UNTIL(bed, bed->unclaimed == 1);
    assert_int_equal(bed->given_back, 1);
    assert_int_equal(claim(bed, HOLD_MS, 1, &jobs), 1);
    RUN_UNTIL(bed, bed->unclaimed == 0);
    assert_true(bed->given_back == 1 && bed->begun_count == 2); // of the same machine
}

static void one_that_was_given_back_and_that_nobody_claims_comes_back_to_who_has_room(void **state)
{
    struct bed *bed = *state;
    appear(bed, "c0de", 1, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 1);
    bed->has_room = true;
    start(bed, 70);
    claim_and_give_back(bed);
    RUN_UNTIL(bed, bed->back_count == 1);
    assert_true(bed->given_back == 1 && bed->backs[0] == 70);
}

static void one_that_was_pressed_and_given_back_begins_nowhere_else(void **state)
{
    struct bed *bed = *state;
    const struct sl_claim another = {.holder = "two", .ttl_ms = HOLD_MS, .limit = 1};
    struct sl_job *jobs, *none;
    bool is_lost = true;
    int asked = 0;
    size_t count;
    appear(bed, "c0de", 1, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 1);
    start(bed, 70);
    assert_int_equal(claim(bed, HOLD_MS, 1, &jobs), 1);
    RUN_UNTIL(bed, bed->begun_count == 1);
    sl_handout_press(bed->handout, &bed->hander, 70, 1);
    while (!asked) {
        uv_run(&bed->loop, UV_RUN_ONCE);
        OK(sl_state_beat(bed->working, jobs, 1, HOLD_MS, &is_lost, &asked, &err));
    }
    OK(sl_state_beat(bed->working, jobs, 1, 0, &is_lost, NULL, &err));
    OK(sl_state_claim(bed->working, &another, &bed->arena, &none, &count, &err));
    assert_int_equal(count, 0);
    RUN_UNTIL(bed, bed->end_count == 1);
    assert_true(bed->ends[0].number == 70 && bed->ends[0].code == SL_E_INTERRUPTED);
    assert_true(bed->begun_count == 1 && sl_handout_count(bed->handout) == 0);
}

static void what_is_pressed_is_told_to_its_worker_and_ends_here_if_it_has_none(void **state)
{
    struct bed *bed = *state;
    struct sl_job *jobs;
    bool is_lost = true;
    int asked = 0;
    appear(bed, "c0de", 2, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 2);
    start(bed, 70);
    assert_int_equal(claim(bed, HOLD_MS, 1, &jobs), 1);
    start(bed, 71);
    sl_handout_press(bed->handout, &bed->hander, 70, 2);
    sl_handout_press(bed->handout, &bed->hander, 71, 2);
    RUN_UNTIL(bed, bed->end_count == 1);
    assert_true(bed->ends[0].number == 71 && bed->ends[0].code == SL_E_INTERRUPTED);
    OK(sl_state_beat(bed->working, jobs, 1, HOLD_MS, &is_lost, &asked, &err));
    assert_true(!is_lost && asked == 2);
    sl_handout_press(bed->handout, &bed->hander, 70, 3);
    RUN_UNTIL(bed, bed->end_count == 2);
    OK(sl_state_beat(bed->working, jobs, 1, HOLD_MS, &is_lost, &asked, &err));
    assert_true(is_lost);
}

static void what_nobody_is_left_to_claim_comes_back(void **state)
{
    struct bed *bed = *state;
    appear(bed, "c0de", 2, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 2);
    start(bed, 70);
    start(bed, 71);
    OK(sl_state_vanish(bed->working, SL_PRESENT_WORKER "one 1", &err));
    RUN_UNTIL(bed, bed->back_count == 2);
    assert_true(bed->gone == 1 && bed->backs[0] == 70 && bed->backs[1] == 71);
    assert_int_equal(bed->troubles, 0);
}

static void what_no_worker_claims_is_told_once_and_again_when_that_is_over(void **state)
{
    struct bed *bed = *state;
    struct sl_job *jobs;
    appear(bed, "c0de", 2, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 2);
    start(bed, 70);
    start(bed, 71);
    RUN_UNTIL(bed, bed->unclaimed == 2);
    assert_int_equal(bed->told, 1);
    assert_int_equal(bed->back_count, 0);
    assert_int_equal(claim(bed, HOLD_MS, 2, &jobs), 2); // it could be, all the time
    RUN_UNTIL(bed, bed->told == 2);
    assert_true(bed->unclaimed == 0 && bed->begun_count == 2);
}

static void what_is_ready_and_may_go_to_nobody_who_is_there_is_told_too(void **state)
{
    struct bed *bed = *state;
    bed->ready = 3;
    RUN_UNTIL(bed, bed->unclaimed == 3);
    appear(bed, "c0de", 2, HOLD_MS);
    RUN_UNTIL(bed, bed->told == 2);
    assert_int_equal(bed->unclaimed, 0);
}

static void what_no_worker_claims_comes_back_to_who_has_room(void **state)
{
    struct bed *bed = *state;
    appear(bed, "c0de", 1, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 1);
    start(bed, 70);
    bed->has_room = true;
    RUN_UNTIL(bed, bed->back_count == 1);
    assert_true(bed->backs[0] == 70 && bed->told == 0);
}

static void no_more_come_back_than_there_is_room_for(void **state)
{
    struct bed *bed = *state;
    appear(bed, "c0de", 1, HOLD_MS);
    RUN_UNTIL(bed, bed->came == 1);
    for (size_t i = 0; i < 12; i++) // ids with one digit, and two
        start(bed, 70 + i);
    bed->has_room = bed->has_room_once = true;
    RUN_UNTIL(bed, bed->back_count > 0);
    assert_int_equal(bed->back_count, 1);
    assert_int_equal(bed->backs[0], 70);
}

static void what_a_leader_before_had_handed_out_ends_before_anything_begins(void **state)
{
    struct bed *bed = *state;
    const struct sl_job old[] = {{.id = "prod/c0de/r0/1", .run_id = "r0", .step = "s"},
                                 {.id = "prod/c0de/r0/2", .run_id = "r0", .step = "s"}};
    const struct sl_claim one = {.holder = "one", .ttl_ms = HOLD_MS, .limit = 1};
    struct sl_job *jobs;
    size_t count;
    bool is_lost;
    int asked;
    OK(sl_state_put_jobs(bed->working, old, 2, &err));
    OK(sl_state_claim(bed->working, &one, &bed->arena, &jobs, &count, &err));
    for (asked = 0; asked != 3;) {
        uv_run(&bed->loop, UV_RUN_ONCE);
        OK(sl_state_beat(bed->working, jobs, 1, HOLD_MS, &is_lost, &asked, &err));
    }
    assert_int_equal(bed->settled, 0);
    complete(bed, jobs, "{\"reply\":{}}");
    RUN_UNTIL(bed, bed->settled == 1);
    OK(sl_state_claim(bed->working, &one, &bed->arena, &jobs, &count, &err));
    assert_int_equal(count, 0);
    assert_int_equal(bed->end_count, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        CASE(there_is_room_as_long_as_workers_of_the_code_have_some),
        CASE(replies_deaths_and_what_is_no_reply_come_back_under_their_numbers),
        CASE(a_claim_that_runs_out_is_a_lost_worker_and_its_late_reply_is_nothing),
        CASE(a_step_begins_once_where_it_was_claimed_and_not_when_it_is_handed_out),
        CASE(one_that_was_done_before_anybody_looked_has_begun_all_the_same),
        CASE(one_that_was_given_back_is_of_the_machine_that_has_done_it),
        CASE(one_that_was_given_back_and_that_nobody_claims_is_unclaimed),
        CASE(one_that_was_given_back_and_that_nobody_claims_comes_back_to_who_has_room),
        CASE(one_that_was_pressed_and_given_back_begins_nowhere_else),
        CASE(what_is_pressed_is_told_to_its_worker_and_ends_here_if_it_has_none),
        CASE(what_a_leader_before_had_handed_out_ends_before_anything_begins),
        CASE(what_nobody_is_left_to_claim_comes_back),
        CASE(what_no_worker_claims_is_told_once_and_again_when_that_is_over),
        CASE(what_is_ready_and_may_go_to_nobody_who_is_there_is_told_too),
        CASE(what_no_worker_claims_comes_back_to_who_has_room),
        CASE(no_more_come_back_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
