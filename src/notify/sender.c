// Sending from `serve`: a child process whenever something is due.
#include "base/clock.h"
#include "notify/inner.h"

#include <signal.h>
#include <stdlib.h>

#define PROGRAM "/proc/self/exe"
// Between the end of a child and the next one, so that what cannot be sent makes no endless haste.
#define PAUSE_MS 1000
#define PAUSE_AFTER_TROUBLE_MS 60000
#define LONGEST_MS 3600000

struct sl_sender {
    struct sl_notify *notify;
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

static void set_timer(struct sl_sender *sender);

static int add(struct sl_sender *sender, const char *text, struct sl_err *err)
{
    char *copy = sl_arena_strdup(&sender->arena, text);
    if (!copy || !SL_PUSH(&sender->arena, sender->arguments, sender->argument_count, copy))
        return sl_fail_memory(err);
    return SL_OK;
}

static int make_arguments(struct sl_sender *sender, const struct sl_sender_options *options,
                          struct sl_err *err)
{
    static const char *const fixed[] = {"alerts", "send", "--due", "--quiet", "--project"};
    SL_TRY(add(sender, options->program ? options->program : PROGRAM, err));
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        SL_TRY(add(sender, fixed[i], err));
    SL_TRY(add(sender, options->folder, err));
    if (options->environment) {
        SL_TRY(add(sender, "--env", err));
        SL_TRY(add(sender, options->environment, err));
    }
    for (size_t i = 0; options->settings && i < options->settings->count; i++) {
        SL_TRY(add(sender, "--set", err));
        SL_TRY(add(sender, options->settings->items[i], err));
    }
    if (!SL_PUSH(&sender->arena, sender->arguments, sender->argument_count, NULL))
        return sl_fail_memory(err);
    return SL_OK;
}

static void free_when_closed(struct sl_sender *sender)
{
    if (sender->has_timer || sender->is_at_work)
        return;
    sl_arena_clear(&sender->arena);
    free(sender);
}

static void on_child_closed(uv_handle_t *handle)
{
    struct sl_sender *sender = handle->data;
    sender->is_at_work = false;
    if (sender->is_closing)
        free_when_closed(sender);
    else
        set_timer(sender);
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
    struct sl_sender *sender = child->data;
    int64_t pause_ms = status == 0 && signal == 0 ? PAUSE_MS : PAUSE_AFTER_TROUBLE_MS;
    sender->not_before_ms = (int64_t)uv_now(sender->loop) + pause_ms;
    uv_close((uv_handle_t *)child, on_child_closed);
}

static void start(struct sl_sender *sender)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.exit_cb = on_child_exit,
                                    .file = sender->arguments[0],
                                    .args = sender->arguments,
                                    .stdio = stdio,
                                    .stdio_count = 3};
    sender->is_at_work = true;
    sender->child.data = sender;
    if (uv_spawn(sender->loop, &sender->child, &options) == 0)
        return;
    sender->not_before_ms = (int64_t)uv_now(sender->loop) + PAUSE_AFTER_TROUBLE_MS;
    uv_close((uv_handle_t *)&sender->child, on_child_closed);
}

static void on_timer(uv_timer_t *timer)
{
    struct sl_sender *sender = timer->data;
    int64_t next_us = 0;
    struct sl_err ignored = {0};
    if (sender->is_at_work || sender->is_closing ||
        sl_alert_store_next(sender->notify->store, &next_us, &ignored) != SL_OK || !next_us)
        return;
    if (next_us <= sl_clock_now_us())
        start(sender);
    else
        set_timer(sender);
}

// When the next message is due, but not too soon after the last child.
static void set_timer(struct sl_sender *sender)
{
    int64_t next_us = 0;
    struct sl_err ignored = {0};
    if (sender->is_at_work || sender->is_closing)
        return;
    if (sl_alert_store_next(sender->notify->store, &next_us, &ignored) != SL_OK || !next_us) {
        uv_timer_stop(&sender->timer);
        return;
    }
    int64_t wait_ms = (next_us - sl_clock_now_us()) / 1000 + 1;
    int64_t least_ms = sender->not_before_ms - (int64_t)uv_now(sender->loop);
    wait_ms = wait_ms < least_ms ? least_ms : wait_ms;
    wait_ms = wait_ms < 0 ? 0 : wait_ms > LONGEST_MS ? LONGEST_MS : wait_ms;
    uv_timer_start(&sender->timer, on_timer, (uint64_t)wait_ms, 0);
}

int sl_sender_open(struct sl_notify *notify, const struct sl_sender_options *options,
                   struct sl_sender **ret, struct sl_err *err)
{
    struct sl_sender *sender = NULL;
    *ret = NULL;
    if (!notify)
        return SL_OK;
    sender = calloc(1, sizeof *sender);
    SL_TRY_NEW(sender, err);
    sender->notify = notify;
    sender->loop = options->loop;
    sl_arena_init(&sender->arena, 0);
    if (make_arguments(sender, options, err) != SL_OK) {
        sl_arena_clear(&sender->arena);
        free(sender);
        return err->code;
    }
    uv_timer_init(options->loop, &sender->timer);
    uv_unref((uv_handle_t *)&sender->timer); // it keeps no loop alive
    sender->timer.data = sender;
    sender->has_timer = true;
    *ret = sender;
    return SL_OK;
}

void sl_sender_wake(struct sl_sender *sender)
{
    if (sender)
        set_timer(sender);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct sl_sender *sender = handle->data;
    sender->has_timer = false;
    free_when_closed(sender);
}

void sl_sender_close(struct sl_sender **sender)
{
    if (!*sender)
        return;
    (*sender)->is_closing = true;
    uv_timer_stop(&(*sender)->timer);
    if ((*sender)->is_at_work && !uv_is_closing((uv_handle_t *)&(*sender)->child))
        (void)uv_process_kill(&(*sender)->child, SIGTERM);
    uv_close((uv_handle_t *)&(*sender)->timer, on_timer_closed);
    *sender = NULL;
}
