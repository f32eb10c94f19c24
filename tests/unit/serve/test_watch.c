// Arrival, with real files. Nothing sleeps: each test runs the loop until what it waits for is
// told, and fails when that takes too long.
#include "../base/test.h"

#include "base/clock.h"
#include "serve/watch.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum { MOST_TRIGGERS = 4, PATIENCE_MS = 10000 };

// libuv asks this one: a machine without any more watches.
static bool has_no_watches;

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    static int (*real)(int, const char *, uint32_t);

    if (has_no_watches) {
        errno = ENOSPC;
        return -1;
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "inotify_add_watch");
    return real(fd, path, mask);
}

struct fixture {
    struct test_folder *folder;
    struct sl_arena arena;
    struct sl_project project;
    struct sl_pipeline pipeline;
    struct sl_trigger triggers[MOST_TRIGGERS];
    struct sl_source sources[MOST_TRIGGERS];
    uv_loop_t loop;
    uv_timer_t patience;
    bool is_late, is_paused;
    int asked_paused;
    struct sl_watch *watch;
    int changes[MOST_TRIGGERS], begins[MOST_TRIGGERS], notes;
    int64_t fingerprints[MOST_TRIGGERS];
};

static size_t index_of(const struct fixture *fixture, const struct sl_trigger *trigger)
{
    return (size_t)(trigger - fixture->triggers);
}

static void on_change(void *self, const struct sl_pipeline *pipeline,
                      const struct sl_trigger *trigger, int64_t fingerprint)
{
    struct fixture *fixture = self;

    assert_ptr_equal(pipeline, &fixture->pipeline);
    fixture->changes[index_of(fixture, trigger)]++;
    fixture->fingerprints[index_of(fixture, trigger)] = fingerprint;
}

static void on_begin(void *self, const struct sl_pipeline *pipeline,
                     const struct sl_trigger *trigger, int64_t fingerprint)
{
    struct fixture *fixture = self;

    (void)pipeline;
    fixture->begins[index_of(fixture, trigger)]++;
    fixture->fingerprints[index_of(fixture, trigger)] = fingerprint;
}

static void on_note(void *self, const char *text)
{
    struct fixture *fixture = self;

    (void)text;
    fixture->notes++;
}

static bool is_paused(void *self, const struct sl_pipeline *pipeline)
{
    struct fixture *fixture = self;

    assert_ptr_equal(pipeline, &fixture->pipeline);
    fixture->asked_paused += fixture->is_paused;
    return fixture->is_paused;
}

static void on_late(uv_timer_t *timer)
{
    ((struct fixture *)timer->data)->is_late = true;
}

// Runs the loop until *count is `wanted`.
static void wait_for(struct fixture *fixture, const int *count, int wanted)
{
    fixture->is_late = false;
    uv_update_time(&fixture->loop);
    assert_int_equal(uv_timer_start(&fixture->patience, on_late, PATIENCE_MS, 0), 0);
    while (*count < wanted && !fixture->is_late)
        (void)uv_run(&fixture->loop, UV_RUN_ONCE);
    (void)uv_timer_stop(&fixture->patience);
    if (fixture->is_late)
        fail_msg("%d of %d came in %d ms", *count, wanted, PATIENCE_MS);
}

static struct sl_trigger *add_trigger(struct fixture *fixture)
{
    struct sl_trigger *trigger = &fixture->triggers[fixture->pipeline.trigger_count++];

    *trigger = (struct sl_trigger){
        .key = sl_arena_printf(&fixture->arena, "t%zu", fixture->pipeline.trigger_count),
        .settle_max_s = 600,
        .poll_s = 600};
    return trigger;
}

static struct sl_trigger *add_files(struct fixture *fixture, const char *glob)
{
    struct sl_source *source = &fixture->sources[fixture->pipeline.trigger_count];
    struct sl_trigger *trigger = add_trigger(fixture);
    struct sl_err err = {0};
    const char *path = sl_path_join(&fixture->arena, fixture->folder->path, glob);

    assert_int_equal(sl_strs_add(&source->paths, &fixture->arena, path, &err), SL_OK);
    trigger->kind = SL_TRIGGER_FILES;
    trigger->source = source;
    return trigger;
}

static struct sl_trigger *add_table(struct fixture *fixture, const char *name)
{
    struct sl_trigger *trigger = add_trigger(fixture);

    fixture->project.lake_folder = sl_path_join(&fixture->arena, fixture->folder->path, "lake");
    trigger->kind = SL_TRIGGER_TABLE;
    trigger->layer = SL_LAYER_CURATED;
    trigger->table_name = name;
    return trigger;
}

static void begin_with(struct fixture *fixture, const struct sl_watch_seen *seen, size_t count)
{
    const struct sl_watch_calls calls = {on_change, on_begin, on_note, fixture, is_paused};
    struct sl_err err = {0};

    assert_int_equal(
        sl_watch_new(&fixture->loop, &fixture->project, seen, count, &calls, &fixture->watch, &err),
        SL_OK);
}

// Begins, and waits until all was looked at.
static void begin(struct fixture *fixture)
{
    begin_with(fixture, NULL, 0);
    for (size_t i = 0; i < fixture->pipeline.trigger_count; i++)
        wait_for(fixture, &fixture->begins[i], 1);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *path)
{
    struct sl_err err = {0};

    assert_int_equal(sl_fs_mkdirs(path, &err), SL_OK);
}

static void a_file_that_arrives_is_told_within_a_second(void **state)
{
    struct fixture *fixture = *state;
    int64_t began_us;

    make_folder("in");
    put("in/there.csv", "x\n");
    add_files(fixture, "in/*.csv");
    begin(fixture);
    assert_int_equal(fixture->changes[0], 0); // what is there was there before
    began_us = sl_clock_monotonic_us();
    put("in/new.csv", "x\n");
    wait_for(fixture, &fixture->changes[0], 1);
    assert_true(sl_clock_monotonic_us() - began_us < 1000000);
    assert_int_equal(fixture->notes, 0);
}

static void whatever_happens_to_a_file_is_a_change(void **state)
{
    struct fixture *fixture = *state;

    make_folder("in");
    put("in/a.csv", "x\n");
    add_files(fixture, "in/*.csv");
    begin(fixture);
    put("in/a.csv", "y\n");
    wait_for(fixture, &fixture->changes[0], 1);
    assert_int_equal(rename("in/a.csv", "in/b.csv"), 0);
    wait_for(fixture, &fixture->changes[0], 2);
    put("in/c.csv.part", "x\n");
    assert_int_equal(rename("in/c.csv.part", "in/c.csv"), 0);
    wait_for(fixture, &fixture->changes[0], 3);
    assert_int_equal(unlink("in/b.csv"), 0);
    wait_for(fixture, &fixture->changes[0], 4);
}

// Told after a change of another trigger, which came later: events come in order.
static void a_file_that_does_not_match_is_none(void **state)
{
    struct fixture *fixture = *state;

    make_folder("in");
    add_files(fixture, "in/*.csv");
    add_files(fixture, "in/*.txt");
    begin(fixture);
    assert_int_equal(sl_watch_folder_count(fixture->watch), 1); // shared
    put("in/a.txt", "x\n");
    wait_for(fixture, &fixture->changes[1], 1);
    put("in/b.txt", "x\n");
    wait_for(fixture, &fixture->changes[1], 2);
    assert_int_equal(fixture->changes[0], 0);
}

static void folders_that_appear_are_watched_too(void **state)
{
    struct fixture *fixture = *state;

    add_files(fixture, "in/*/day.csv");
    add_files(fixture, "deep/**/*.csv");
    begin(fixture);
    make_folder("in/monday");
    put("in/monday/day.csv", "x\n");
    wait_for(fixture, &fixture->changes[0], 1);
    make_folder("in/tuesday");
    put("in/tuesday/day.csv", "x\n");
    wait_for(fixture, &fixture->changes[0], 2);
    put("in/monday/day.csv", "y\n");
    wait_for(fixture, &fixture->changes[0], 3);
    make_folder("deep/a/b/c");
    put("deep/a/b/c/x.csv", "x\n");
    wait_for(fixture, &fixture->changes[1], 1);
    put("deep/a/b/y.csv", "x\n");
    wait_for(fixture, &fixture->changes[1], 2);
}

static void a_folder_that_is_made_again_is_watched_again(void **state)
{
    struct fixture *fixture = *state;
    struct sl_err err = {0};

    make_folder("in");
    put("in/a.csv", "x\n");
    add_files(fixture, "in/*.csv");
    begin(fixture);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sl_fs_remove_tree("in", &err), SL_OK);
        make_folder("in");
        put("in/a.csv", "xyz\n");
        wait_for(fixture, &fixture->changes[0], fixture->changes[0] + 1);
        put("in/a.csv", "later\n");
        wait_for(fixture, &fixture->changes[0], fixture->changes[0] + 1);
    }
}

struct grower {
    uv_timer_t timer;
    int left;
    uint64_t last_ms;
};

static void grow(uv_timer_t *timer)
{
    struct grower *grower = timer->data;

    put("in/a.csv", "more\n");
    grower->last_ms = uv_now(timer->loop);
    if (--grower->left == 0)
        uv_close((uv_handle_t *)timer, NULL);
}

static void start_growing(struct fixture *fixture, struct grower *grower, int times)
{
    grower->left = times;
    grower->timer.data = grower;
    assert_int_equal(uv_timer_init(&fixture->loop, &grower->timer), 0);
    assert_int_equal(uv_timer_start(&grower->timer, grow, 0, 100), 0);
}

static void a_file_that_grows_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct grower grower = {.left = 0};

    make_folder("in");
    add_files(fixture, "in/*.csv")->settle_s = 1;
    begin(fixture);
    start_growing(fixture, &grower, 15); // 1.4 s
    wait_for(fixture, &fixture->changes[0], 1);
    assert_int_equal(grower.left, 0);
    // Looks are a second apart, and two of them were the same.
    assert_true(uv_now(&fixture->loop) - grower.last_ms >= 1000);
    assert_int_equal(fixture->changes[0], 1);
}

static void a_file_that_grows_for_ever_is_not_waited_for_longer_than_it_may(void **state)
{
    struct fixture *fixture = *state;
    struct sl_trigger *trigger;
    struct grower grower = {.left = 0};

    make_folder("in");
    trigger = add_files(fixture, "in/*.csv");
    trigger->settle_s = 1;
    trigger->settle_max_s = 2;
    begin(fixture);
    start_growing(fixture, &grower, 1000);
    wait_for(fixture, &fixture->changes[0], 1);
    assert_true(grower.left > 0);
    uv_close((uv_handle_t *)&grower.timer, NULL);
    (void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

static void a_new_version_of_a_table_is_told_by_whomever(void **state)
{
    struct fixture *fixture = *state;

    add_table(fixture, "rates");
    begin(fixture);
    assert_int_equal(fixture->fingerprints[0], SL_WATCH_NO_TABLE);
    make_folder("lake/curated/rates/_delta_log");
    put("lake/curated/rates/_delta_log/00000000000000000000.json", "{}\n");
    wait_for(fixture, &fixture->changes[0], 1);
    assert_int_equal(fixture->fingerprints[0], 2);
    put("lake/curated/rates/_delta_log/00000000000000000000.checkpoint.parquet", "");
    put("lake/curated/rates/_delta_log/_last_checkpoint", "{}");
    put("lake/curated/rates/_delta_log/00000000000000000001.json", "{}\n");
    wait_for(fixture, &fixture->changes[0], 2);
    assert_int_equal(fixture->fingerprints[0], 3);
    assert_int_equal(fixture->changes[0], 2);
}

static void a_table_that_is_gone_is_a_change_only_for_who_makes_it(void **state)
{
    struct fixture *fixture = *state;
    struct sl_err err = {0};

    add_table(fixture, "rates");
    add_table(fixture, "own")->is_of_pipeline = true;
    for (int i = 0; i < 2; i++) {
        make_folder(i ? "lake/curated/own/_delta_log" : "lake/curated/rates/_delta_log");
        put(i ? "lake/curated/own/_delta_log/00000000000000000000.json"
              : "lake/curated/rates/_delta_log/00000000000000000000.json",
            "{}\n");
    }
    begin(fixture);
    assert_int_equal(sl_fs_remove_tree("lake/curated/rates", &err), SL_OK);
    wait_for(fixture, &fixture->begins[0], 2); // so that it is kept
    assert_int_equal(fixture->fingerprints[0], SL_WATCH_NO_TABLE);
    assert_int_equal(sl_fs_remove_tree("lake/curated/own", &err), SL_OK);
    wait_for(fixture, &fixture->changes[1], 1);
    assert_int_equal(fixture->fingerprints[1], SL_WATCH_NO_TABLE);
    assert_int_equal(fixture->changes[0], 0);
    make_folder("lake/curated/rates/_delta_log");
    put("lake/curated/rates/_delta_log/00000000000000000000.json", "{}\n");
    wait_for(fixture, &fixture->changes[0], 1); // made anew
}

static void what_came_while_nobody_served_is_told_at_once(void **state)
{
    struct fixture *fixture = *state;

    make_folder("in");
    put("in/a.csv", "x\n");
    add_files(fixture, "in/*.csv");
    begin(fixture);
    const struct sl_watch_seen seen = {"p", "t1", fixture->fingerprints[0]};
    sl_watch_close(fixture->watch);
    fixture->watch = NULL;
    put("in/b.csv", "x\n");
    begin_with(fixture, &seen, 1);
    wait_for(fixture, &fixture->changes[0], 1);
    assert_int_equal(fixture->begins[0], 1);
}

static void what_is_taken_back_is_told_again(void **state)
{
    struct fixture *fixture = *state;
    int64_t before;

    make_folder("in");
    add_files(fixture, "in/*.csv");
    add_files(fixture, "in/*.txt");
    begin(fixture);
    before = fixture->fingerprints[0];
    put("in/a.csv", "x\n");
    wait_for(fixture, &fixture->changes[0], 1);
    sl_watch_take_back(fixture->watch, "p", "t1", before);
    wait_for(fixture, &fixture->changes[0], 2);
    sl_watch_take_back(fixture->watch, "p", "t1", fixture->fingerprints[0]); // it has seen that
    sl_watch_take_back(fixture->watch, "other", "t1", before);
    put("in/a.txt", "x\n");
    wait_for(fixture, &fixture->changes[1], 1);
    put("in/b.txt", "x\n");
    wait_for(fixture, &fixture->changes[1], 2);
    assert_int_equal(fixture->changes[0], 2);
    sl_watch_take_back(fixture->watch, "p", "t1", 0);
    wait_for(fixture, &fixture->begins[0], 2);
}

static void a_project_that_is_read_anew_goes_on_with_what_it_has_seen(void **state)
{
    struct fixture *fixture = *state;
    struct sl_err err = {0};

    make_folder("in");
    make_folder("other");
    add_files(fixture, "in/*.csv");
    begin(fixture);
    add_files(fixture, "other/*.csv");
    put("in/a.csv", "x\n"); // nobody has run the loop yet: only the second project sees it
    assert_int_equal(sl_watch_reload(fixture->watch, &fixture->project, &err), SL_OK);
    wait_for(fixture, &fixture->changes[0], 1);
    wait_for(fixture, &fixture->begins[1], 1);
    assert_int_equal(fixture->begins[0], 1);
    put("other/a.csv", "x\n");
    wait_for(fixture, &fixture->changes[1], 1);
    assert_int_equal(fixture->changes[0], 1);
}

static void without_watches_files_are_polled_and_that_is_told_once(void **state)
{
    struct fixture *fixture = *state;

    has_no_watches = true;
    make_folder("in");
    make_folder("other");
    add_files(fixture, "in/*.csv")->poll_s = 1;
    add_files(fixture, "other/*.csv");
    begin(fixture);
    assert_int_equal(fixture->notes, 1);
    assert_int_equal(sl_watch_folder_count(fixture->watch), 0);
    put("in/a.csv", "x\n");
    wait_for(fixture, &fixture->changes[0], 1);
    assert_int_equal(fixture->notes, 1);
    has_no_watches = false; // as soon as there is room again
    put("in/b.csv", "x\n");
    wait_for(fixture, &fixture->changes[0], 2);
    assert_int_equal(sl_watch_folder_count(fixture->watch), 1);
}

static void what_changes_while_a_pipeline_is_paused_is_told_when_it_goes_on(void **state)
{
    struct fixture *fixture = *state;

    make_folder("in");
    add_files(fixture, "in/*.csv");
    begin(fixture);
    fixture->is_paused = true;
    put("in/a.csv", "x\n");
    wait_for(fixture, &fixture->asked_paused, 1);
    assert_int_equal(fixture->changes[0], 0);
    fixture->is_paused = false;
    sl_watch_resume(fixture->watch, "another");
    sl_watch_resume(fixture->watch, "p");
    wait_for(fixture, &fixture->changes[0], 1);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    has_no_watches = false;
    assert_int_equal(enter_folder(state), 0);
    fixture->folder = *state;
    sl_arena_init(&fixture->arena, 0);
    fixture->pipeline.name = "p";
    fixture->pipeline.triggers = fixture->triggers;
    fixture->project.pipelines = &fixture->pipeline;
    fixture->project.pipeline_count = 1;
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    assert_int_equal(uv_timer_init(&fixture->loop, &fixture->patience), 0);
    fixture->patience.data = fixture;
    *state = fixture;
    return 0;
}

// Nothing of a watch is left in the loop once it was closed.
static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    void *folder = fixture->folder;

    if (fixture->watch)
        sl_watch_close(fixture->watch);
    uv_close((uv_handle_t *)&fixture->patience, NULL);
    assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    assert_int_equal(leave_folder(&folder), 0);
    sl_arena_clear(&fixture->arena);
    free(fixture);
    return 0;
}

#define WITH_WATCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WATCH(a_file_that_arrives_is_told_within_a_second),
        WITH_WATCH(whatever_happens_to_a_file_is_a_change),
        WITH_WATCH(a_file_that_does_not_match_is_none),
        WITH_WATCH(folders_that_appear_are_watched_too),
        WITH_WATCH(a_folder_that_is_made_again_is_watched_again),
        WITH_WATCH(a_file_that_grows_is_waited_for),
        WITH_WATCH(a_file_that_grows_for_ever_is_not_waited_for_longer_than_it_may),
        WITH_WATCH(a_new_version_of_a_table_is_told_by_whomever),
        WITH_WATCH(a_table_that_is_gone_is_a_change_only_for_who_makes_it),
        WITH_WATCH(what_came_while_nobody_served_is_told_at_once),
        WITH_WATCH(what_is_taken_back_is_told_again),
        WITH_WATCH(a_project_that_is_read_anew_goes_on_with_what_it_has_seen),
        WITH_WATCH(what_changes_while_a_pipeline_is_paused_is_told_when_it_goes_on),
        WITH_WATCH(without_watches_files_are_polled_and_that_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
