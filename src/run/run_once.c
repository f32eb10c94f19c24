// `sluice run`: an executor with one run, which ends with it.
#include "base/clock.h"
#include "base/fs.h"
#include "run/backfill.h"
#include "run/controller_inner.h"
#include "run/lock.h"
#include "run/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define LOOP_FILES 8

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
#define CAUGHT_COUNT (sizeof caught / sizeof *caught)

struct once {
    struct sl_controller controller;
    uv_loop_t loop;
    uv_signal_t signals[CAUGHT_COUNT];
    int lock_fd;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct once *once = handle->data;
    const struct sl_listener *listener = once->controller.options->listener;
    int times = once->controller.interrupts + 1;
    (void)number;
    if (listener && listener->on_interrupt)
        listener->on_interrupt(listener->self, times);
    sl_controller_interrupt(&once->controller, times);
}

static int watch(struct once *once, struct sl_err *err)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < CAUGHT_COUNT; i++) {
        code = uv_signal_init(&once->loop, &once->signals[i]);
        once->signals[i].data = once;
        if (code == 0)
            code = uv_signal_start(&once->signals[i], on_signal, caught[i]);
    }
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no event loop: %s", uv_strerror(code));
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void end_loop(struct once *once)
{
    sl_controller_close(&once->controller);
    sl_executor_close(&once->controller.executor);
    sl_spill_sweep(once->controller.run->world->project);
    uv_walk(&once->loop, close_handle, NULL);
    while (uv_run(&once->loop, UV_RUN_DEFAULT) != 0)
        ; // one may return for a uv_stop of before
    (void)uv_loop_close(&once->loop);
    // After an interrupted run they stay ignored: one more Ctrl-C must not cut off its report.
    for (size_t i = 0; once->controller.interrupts && i < CAUGHT_COUNT; i++)
        signal(caught[i], SIG_IGN);
}

// A Ctrl-C is heard while the aide has not answered.
static bool goes_on(void *owner)
{
    struct once *once = owner;
    uv_run(&once->loop, UV_RUN_NOWAIT);
    return !once->controller.interrupts && !once->controller.is_late;
}

// The process in which the engine was asked about the plan becomes the first worker; where it
// cannot, workers begin anew. What it was forked before it knew is which tables of another
// environment are pinned.
static void adopt(struct once *once)
{
    struct sl_world *world = once->controller.run->world;
    struct sl_last_words *words = NULL;
    struct sl_aide_worker worker;
    struct sl_err ignored = {0};
    struct sl_aide_adoption adoption = {{once->lock_fd, -1}, .goes_on = goes_on, .owner = once};
    if (!sl_is_aide(world->engine) || world->project->pins ||
        sl_last_words_open(&once->loop, &words, &adoption.files[1], &ignored) != SL_OK)
        return;
    int code = sl_aide_adopt(&world->engine, &adoption, &worker, &ignored);
    close(adoption.files[1]);
    if (code == SL_OK)
        (void)!sl_pool_take(once->controller.executor->pool, &worker, words, &ignored);
    else
        sl_last_words_close(&words);
}

// libuv aborts where it gets no pipe for signals.
static int require_files(struct sl_err *err)
{
    int files[LOOP_FILES], count = 0, errnum = 0;
    while (count < LOOP_FILES && errnum == 0) {
        files[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (files[count] < 0)
            errnum = errno;
        else
            count++;
    }
    while (count > 0)
        close(files[--count]);
    return errnum ? sl_fail_errno(err, errnum, "cannot begin an event loop") : SL_OK;
}

static void on_done(struct sl_controller *controller)
{
    uv_stop(controller->executor->options.loop);
}

// A backfill has a graph of its own.
static int choose_graph(struct sl_controller *controller, struct sl_err *err)
{
    struct sl_run *run = controller->run;
    struct sl_backfill *backfill = controller->options->backfill;
    if (!backfill)
        return SL_OK;
    SL_TRY(sl_backfill_require_unchanged(run->world, backfill->plan, &run->arena, err));
    controller->backfill = backfill;
    return sl_backfill_begin(backfill->plan, run, backfill, err);
}

static int begin(struct once *once, struct sl_err *err)
{
    struct sl_controller *controller = &once->controller;
    const struct sl_executor_options options = {.loop = &once->loop,
                                                .world = controller->run->world,
                                                .concurrency = controller->options->concurrency};
    sl_spill_sweep(controller->run->world->project);
    SL_TRY(choose_graph(controller, err));
    SL_TRY(sl_executor_open(&options, &controller->executor, err));
    controller->most_in_hand = controller->backfill ? controller->executor->most_steps : 0;
    SL_TRY(sl_controller_prepare(controller, err));
    const struct sl_history_options kept = {.command = controller->options->command,
                                            .is_run = true};
    SL_TRY(sl_history_open(controller->run, &kept, &controller->history, err));
    if (!controller->backfill)
        SL_TRY(sl_controller_watch_deadline(controller, err));
    SL_TRY(watch(once, err));
    if (controller->unpublished == 0)
        sl_controller_publish(controller);
    adopt(once);
    sl_executor_dispatch(controller->executor);
    if (controller->open && !controller->has_ended) // there may be nothing to do but to publish
        uv_run(&once->loop, UV_RUN_DEFAULT);
    return SL_OK;
}

static int run_loop(struct once *once, struct sl_err *err)
{
    SL_TRY(require_files(err));
    int code = uv_loop_init(&once->loop);
    if (code != 0) // libuv's codes are errno's
        return sl_fail_errno(err, -code, "cannot begin an event loop");
    code = begin(once, err);
    if (once->controller.executor)
        end_loop(once);
    return code;
}

int sl_run(struct sl_world *world, const struct sl_run_options *options, struct sl_run *ret,
           struct sl_err *err)
{
    struct once once = {.controller = {.run = ret, .options = options, .on_done = on_done}};
    SL_AUTO(sl_fd_close) int own_fd = -1;
    int *lock_fd = options->lock_fd ? options->lock_fd : &own_fd;
    *ret = (struct sl_run){.world = world, .graph = &world->graph, .started_us = sl_clock_now_us()};
    sl_arena_init(&ret->arena, 0);
    sl_uuid(ret->id);
    if (*lock_fd < 0)
        SL_TRY(sl_run_lock(world->project->state_folder, lock_fd, err));
    once.lock_fd = *lock_fd;
    SL_TRY(sl_run_pin_borrowed(ret, err));
    int code = run_loop(&once, err);
    if (once.controller.backfill)
        sl_backfill_end(once.controller.backfill);
    if (code == SL_OK) {
        ret->ended_us = sl_clock_now_us();
        sl_run_count(ret);
        sl_history_end(once.controller.history);
        *err = once.controller.publish_err;
        code = err->code;
    }
    sl_history_close(&once.controller.history);
    return code;
}
