// Any text of the queue is what a run was asked for, printed and read again as it was, or an error
// that says why.
#include "fuzz.h"

#include "serve/serve_inner.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_strs(const struct sl_strs *a, const struct sl_strs *b)
{
    must(a->count == b->count);
    for (size_t i = 0; i < a->count; i++)
        must(strcmp(a->items[i], b->items[i]) == 0);
}

static void check_same(const struct sl_service_run *a, const struct sl_service_run *b)
{
    must(sl_str_equal(a->goes_on_with, b->goes_on_with));
    must(!a->backfill == !b->backfill && (!a->backfill || json_equal(a->backfill, b->backfill)));
    must(!a->backfill || (json_is_object(a->backfill) && a->pipeline && a->command));
    must(!a->options.plan == !b->options.plan &&
         (!a->options.plan || json_equal(a->options.plan, b->options.plan)));
    must(sl_str_equal(a->options.traceparent, b->options.traceparent));
    must(a->options.full_refresh == b->options.full_refresh);
    must(a->options.fail_fast == b->options.fail_fast);
    check_strs(&a->options.select, &b->options.select);
    check_strs(&a->options.exclude, &b->options.exclude);
    check_strs(&a->options.may_break, &b->options.may_break);
    check_strs(&a->options.approved, &b->options.approved);
}

static void check_earlier(const struct sl_service_run *run, const char *text)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err err = {0};
    const char *earlier;
    sl_arena_init(&arena, 0);
    must(sl_queued_earlier(text, &arena, &earlier, &err) == SL_OK);
    must(sl_str_equal(earlier, run->goes_on_with));
}

static void clear(struct sl_service_run *run)
{
    json_decref(run->backfill);
    json_decref(run->options.plan);
    sl_arena_clear(&run->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_service_run run = {0}, again = {0};
    struct sl_err err = {0};
    char *printed = NULL;
    sl_arena_init(&run.arena, 0);
    sl_arena_init(&again.arena, 0);
    const char *text = sl_arena_strndup(&run.arena, (const char *)data, size);
    must(text != NULL);
    if (sl_queued_read(&run, text, &err) != SL_OK) {
        must(err.message[0] && err.code != SL_E_INTERNAL);
    } else {
        check_earlier(&run, text);
        must(sl_queued_print(&run, &printed, &err) == SL_OK);
        must(sl_queued_read(&again, printed, &err) == SL_OK);
        check_same(&run, &again);
        check_earlier(&run, printed);
    }
    free(printed);
    clear(&run);
    clear(&again);
    return 0;
}
