#include "notify/courier.h"

#include "base/clock.h"

#include <signal.h>
#include <stdlib.h>

#define PROGRAM "/proc/self/exe"
// Between the end of a child and the next one, so that what cannot be sent makes no endless haste.
#define PAUSE_MS 1000
#define PAUSE_AFTER_TROUBLE_MS 60000
#define LONGEST_MS 3600000

struct sl_courier {
    struct sl_courier_options options; // next_us, on_end, owner
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_process_t child;
    struct sl_arena arena;
    char **arguments; // ended by NULL
    size_t argument_count;
    int64_t not_before_ms; // of the loop's clock
    bool is_at_work;       // a child is
    bool has_timer;        // the loop has not closed it
    bool is_closing;
};

static void set_timer(struct sl_courier *courier);

static int add(struct sl_courier *courier, const char *text, struct sl_err *err)
{
    char *copy = sl_arena_strdup(&courier->arena, text);
    if (!copy || !SL_PUSH(&courier->arena, courier->arguments, courier->argument_count, copy))
        return sl_fail_memory(err);
    return SL_OK;
}

static int make_arguments(struct sl_courier *courier, const struct sl_courier_options *options,
                          struct sl_err *err)
{
    static const char *const fixed[] = {"--due", "--quiet", "--project"};
    SL_TRY(add(courier, options->program ? options->program : PROGRAM, err));
    for (size_t i = 0; options->words[i]; i++)
        SL_TRY(add(courier, options->words[i], err));
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        SL_TRY(add(courier, fixed[i], err));
    SL_TRY(add(courier, options->folder, err));
    if (options->environment) {
        SL_TRY(add(courier, "--env", err));
        SL_TRY(add(courier, options->environment, err));
    }
    for (size_t i = 0; options->settings && i < options->settings->count; i++) {
        SL_TRY(add(courier, "--set", err));
        SL_TRY(add(courier, options->settings->items[i], err));
    }
    if (!SL_PUSH(&courier->arena, courier->arguments, courier->argument_count, NULL))
        return sl_fail_memory(err);
    return SL_OK;
}

static void free_when_closed(struct sl_courier *courier)
{
    if (courier->has_timer || courier->is_at_work)
        return;
    sl_arena_clear(&courier->arena);
    free(courier);
}

static void on_child_closed(uv_handle_t *handle)
{
    struct sl_courier *courier = handle->data;
    courier->is_at_work = false;
    if (courier->is_closing)
        free_when_closed(courier);
    else
        set_timer(courier);
}

static void end_child(struct sl_courier *courier, bool has_failed)
{
    bool is_trouble = has_failed;
    if (courier->options.on_end && !courier->is_closing)
        is_trouble = courier->options.on_end(courier->options.owner, has_failed);
    courier->not_before_ms =
        (int64_t)uv_now(courier->loop) + (is_trouble ? PAUSE_AFTER_TROUBLE_MS : PAUSE_MS);
    uv_close((uv_handle_t *)&courier->child, on_child_closed);
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
    end_child(child->data, status != 0 || signal != 0);
}

static void start(struct sl_courier *courier)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.exit_cb = on_child_exit,
                                    .file = courier->arguments[0],
                                    .args = courier->arguments,
                                    .stdio = stdio,
                                    .stdio_count = 3};
    courier->is_at_work = true;
    courier->child.data = courier;
    if (courier->options.on_start)
        courier->options.on_start(courier->options.owner);
    if (uv_spawn(courier->loop, &courier->child, &options) != 0)
        end_child(courier, true);
}

static void on_timer(uv_timer_t *timer)
{
    struct sl_courier *courier = timer->data;
    int64_t next_us;
    if (courier->is_at_work || courier->is_closing ||
        (next_us = courier->options.next_us(courier->options.owner)) == 0)
        return;
    if (next_us <= sl_clock_now_us())
        start(courier);
    else
        set_timer(courier);
}

// When the next message is due, but not too soon after the last child.
static void set_timer(struct sl_courier *courier)
{
    int64_t next_us;
    if (courier->is_at_work || courier->is_closing)
        return;
    if ((next_us = courier->options.next_us(courier->options.owner)) == 0) {
        uv_timer_stop(&courier->timer);
        return;
    }
    int64_t wait_ms = (next_us - sl_clock_now_us()) / 1000 + 1;
    int64_t least_ms = courier->not_before_ms - (int64_t)uv_now(courier->loop);
    wait_ms = wait_ms < least_ms ? least_ms : wait_ms;
    wait_ms = wait_ms < 0 ? 0 : wait_ms > LONGEST_MS ? LONGEST_MS : wait_ms;
    uv_timer_start(&courier->timer, on_timer, (uint64_t)wait_ms, 0);
}

int sl_courier_open(const struct sl_courier_options *options, struct sl_courier **ret,
                    struct sl_err *err)
{
    struct sl_courier *courier = calloc(1, sizeof *courier);
    SL_TRY_NEW(courier, err);
    courier->options = *options;
    courier->loop = options->loop;
    sl_arena_init(&courier->arena, 0);
    if (make_arguments(courier, options, err) != SL_OK) {
        sl_arena_clear(&courier->arena);
        free(courier);
        return err->code;
    }
    uv_timer_init(options->loop, &courier->timer);
    uv_unref((uv_handle_t *)&courier->timer); // it keeps no loop alive
    courier->timer.data = courier;
    courier->has_timer = true;
    *ret = courier;
    return SL_OK;
}

void sl_courier_wake(struct sl_courier *courier)
{
    if (courier)
        set_timer(courier);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct sl_courier *courier = handle->data;
    courier->has_timer = false;
    free_when_closed(courier);
}

void sl_courier_close(struct sl_courier **courier)
{
    if (!*courier)
        return;
    (*courier)->is_closing = true;
    uv_timer_stop(&(*courier)->timer);
    if ((*courier)->is_at_work && !uv_is_closing((uv_handle_t *)&(*courier)->child))
        (void)uv_process_kill(&(*courier)->child, SIGTERM);
    uv_close((uv_handle_t *)&(*courier)->timer, on_timer_closed);
    *courier = NULL;
}

void sl_courier_abandon(uv_handle_t *handle)
{
    uv_process_t *child = (uv_process_t *)handle;
    if (handle->type != UV_PROCESS || child->exit_cb != on_child_exit || uv_is_closing(handle))
        return;
    (void)uv_process_kill(child, SIGKILL);
    uv_close(handle, on_child_closed);
}
