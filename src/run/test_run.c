// Tests, several at a time, each in a folder of its own below one that goes with them.
#include "base/clock.h"
#include "base/fs.h"
#include "run/signals.h"
#include "run/temp.h"
#include "run/test_suite.h"

#include <stdlib.h>
#include <unistd.h>

#define TEST_MEMORY_BYTES ((size_t)1 << 30)
#define MOST_THREADS 16

struct queue {
    struct sl_test_bench *bench;
    const struct sl_test_options *options;
    struct sl_test_outcome *outcomes;
    size_t count, next;
    const char *folder;
    bool has_failed;
    struct sl_err failure; // of the machinery, not of a test
    pthread_mutex_t lock;
};

static bool needs_columns(const struct sl_test *test)
{
    for (size_t i = 0; i < test->run_count; i++)
        for (size_t k = 0; k < test->runs[i].given_count; k++) {
            enum sl_layer layer;
            const char *name;
            if (sl_table_parse(test->runs[i].given[k].table, &layer, &name))
                return true;
        }
    return false;
}

// In memory where there is such a folder: nothing of it is to last.
static int make_folder(struct sl_arena *arena, bool keep, struct sl_temp *ret, struct sl_err *err)
{
    bool is_in_memory = !keep && access("/dev/shm", W_OK) == 0;
    return sl_temp_make(is_in_memory ? "/dev/shm" : NULL, "test", arena, ret, err);
}

static int do_test(struct queue *queue, struct sl_test_outcome *outcome, struct sl_err *err)
{
    struct sl_arena *arena = &outcome->arena;
    const char *folder = sl_path_join(arena, queue->folder, outcome->test->test->name);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    int code = sl_test_do(queue->bench, outcome, folder, err);
    if (queue->options->keep)
        outcome->folder = folder;
    else if (sl_fs_remove_tree(folder, NULL) != SL_OK)
        return code; // what is left of it goes with the folder of all
    return code;
}

// A test that cannot be run to its end has failed; but for what is not the test's own.
static void run_test(struct queue *queue, struct sl_test_outcome *outcome)
{
    struct sl_err err = {0};
    int64_t start_us = sl_clock_monotonic_us();
    int code = do_test(queue, outcome, &err);
    outcome->elapsed_us = sl_clock_monotonic_us() - start_us;
    pthread_mutex_lock(&queue->lock);
    struct sl_test_finding finding = {.err = err};
    if (code == SL_E_INTERRUPTED || code == SL_E_MEMORY || code == SL_E_NO_SPACE) {
        if (queue->failure.code == SL_OK)
            queue->failure = err;
        atomic_store(&queue->bench->stop, true);
    } else if (code != SL_OK &&
               !SL_PUSH(&outcome->arena, outcome->findings, outcome->finding_count, finding)) {
        (void)sl_fail_memory(&queue->failure);
    } else {
        outcome->status = outcome->finding_count ? SL_TEST_FAILED : SL_TEST_PASSED;
        queue->has_failed |= outcome->status == SL_TEST_FAILED;
        if (queue->options->on_end)
            queue->options->on_end(queue->options->self, outcome);
    }
    pthread_mutex_unlock(&queue->lock);
}

static void *work(void *argument)
{
    struct queue *queue = argument;
    for (;;) {
        pthread_mutex_lock(&queue->lock);
        bool is_over = queue->next >= queue->count || atomic_load(&queue->bench->stop) ||
                       (queue->has_failed && queue->options->fail_fast);
        size_t index = queue->next++;
        pthread_mutex_unlock(&queue->lock);
        if (is_over)
            return NULL;
        run_test(queue, &queue->outcomes[index]);
    }
}

static int run_threads(struct queue *queue, struct sl_err *err)
{
    pthread_t threads[MOST_THREADS];
    int64_t wanted = queue->options->threads;
    size_t count = 0;
    if (wanted <= 0)
        wanted = sysconf(_SC_NPROCESSORS_ONLN);
    if (wanted > MOST_THREADS)
        wanted = MOST_THREADS;
    while (count < (size_t)wanted && count < queue->count &&
           pthread_create(&threads[count], NULL, work, queue) == 0)
        count++;
    if (queue->count && !count)
        return sl_fail(err, SL_E_MEMORY, "cannot start a thread");
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return SL_OK;
}

static void on_signal(void *self, int times)
{
    struct sl_test_bench *bench = self;
    (void)times;
    atomic_store(&bench->stop, true);
}

static int run_at_clocks(struct queue *queue, struct sl_session *session, struct sl_err *err)
{
    struct sl_signals *signals = NULL;
    for (size_t i = 0; i < queue->count; i++)
        SL_TRY(sl_test_make_clocks(queue->bench, session, queue->outcomes[i].test->test, err));
    SL_TRY(sl_signals_catch(on_signal, queue->bench, &signals, err));
    int code = run_threads(queue, err);
    sl_signals_release(&signals);
    return code;
}

static int run_in(struct queue *queue, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_err ignored = {0};
    bool needs_catalog = false;
    for (size_t i = 0; i < queue->count; i++)
        needs_catalog |= needs_columns(queue->outcomes[i].test->test);
    if (needs_catalog)
        SL_TRY(sl_world_bind(queue->bench->world, queue->bench->catalog, err));
    SL_TRY(sl_world_session(queue->bench->world, &session, err)); // opens the engine for all
    int code = run_at_clocks(queue, session, err);
    // The engine outlives this run, and the next makes clocks of the same names.
    int dropped = sl_test_drop_clocks(queue->bench, session, code == SL_OK ? err : &ignored);
    SL_TRY(code);
    SL_TRY(dropped);
    if (queue->failure.code != SL_OK) {
        *err = queue->failure;
        return err->code;
    }
    if (atomic_load(&queue->bench->stop))
        return sl_fail(err, SL_E_INTERRUPTED, "interrupted");
    return SL_OK;
}

int sl_test_run(struct sl_world *world, const struct sl_test_case *const *cases, size_t count,
                const struct sl_test_options *options, struct sl_test_outcome *outcomes,
                struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    struct sl_test_bench bench = {.world = world,
                                  .catalog = &catalog,
                                  .mutant = options->mutant,
                                  .shown_rows = options->shown_rows ? options->shown_rows : 50};
    struct sl_temp temp = SL_TEMP_INIT;
    struct sl_err ignored = {0};
    struct queue queue = {
        .bench = &bench, .options = options, .outcomes = outcomes, .count = count};
    for (size_t i = 0; i < count; i++) {
        outcomes[i] = (struct sl_test_outcome){.test = cases[i]};
        sl_arena_init(&outcomes[i].arena, TEST_MEMORY_BYTES);
    }
    int made = make_folder(&world->arena, options->keep, &temp, err);
    if (made != SL_OK) {
        (void)!sl_temp_end(&temp, false, &ignored);
        return made;
    }
    queue.folder = temp.folder;
    pthread_mutex_init(&queue.lock, NULL);
    int code = run_in(&queue, err);
    pthread_mutex_destroy(&queue.lock);
    int ended = sl_temp_end(&temp, options->keep, code == SL_OK ? err : &ignored);
    return code == SL_OK ? ended : code;
}
