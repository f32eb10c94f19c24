#include "serve/watch_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000

void sl_watch_release(struct sl_watch *watch)
{
    if (!watch->is_closing || watch->alive)
        return;
    sl_map_clear(&watch->folders);
    free(watch);
}

void sl_watch_tell(struct sl_watch *watch, const char *text)
{
    if (watch->calls.on_note && !watch->is_closing)
        watch->calls.on_note(watch->calls.self, text);
}

static void on_wait(uv_timer_t *timer)
{
    sl_watch_look(timer->data);
}

static void on_poll(uv_timer_t *timer)
{
    struct sl_watch_item *item = timer->data;

    if (!uv_is_active((uv_handle_t *)&item->wait))
        sl_watch_look(item);
}

// Of a table that is gone there is nothing to read; who makes it makes it again.
static void change(struct sl_watch_item *item, int64_t fingerprint)
{
    const struct sl_watch_calls *calls = &item->watch->calls;
    const bool is_gone = item->trigger->kind == SL_TRIGGER_TABLE &&
                         fingerprint == SL_WATCH_NO_TABLE && !item->trigger->is_of_pipeline;

    item->told = fingerprint;
    item->waiting = 0;
    (void)uv_timer_stop(&item->wait);
    if (!is_gone)
        calls->on_change(calls->self, item->pipeline, item->trigger, fingerprint);
    else if (calls->on_begin)
        calls->on_begin(calls->self, item->pipeline, item->trigger, fingerprint);
}

// What is seen is told when it has stayed the same, or when it has been waited for long enough.
static void take_fingerprint(struct sl_watch_item *item, int64_t fingerprint)
{
    const struct sl_watch_calls *calls = &item->watch->calls;
    const uint64_t now = uv_now(item->watch->loop);
    const uint64_t settle = (uint64_t)item->trigger->settle_s * MS_PER_S;
    const uint64_t most = (uint64_t)item->trigger->settle_max_s * MS_PER_S;

    if (item->told == 0) {
        item->told = fingerprint;
        if (calls->on_begin)
            calls->on_begin(calls->self, item->pipeline, item->trigger, fingerprint);
        return;
    }
    if (fingerprint == item->told) {
        item->waiting = 0;
        (void)uv_timer_stop(&item->wait);
        return;
    }
    if (item->waiting == 0)
        item->changing_since = now;
    if (item->waiting != fingerprint) {
        item->waiting = fingerprint;
        item->waiting_since = now;
    }
    const uint64_t settled = item->waiting_since + settle, latest = item->changing_since + most;
    const uint64_t due = settled < latest ? settled : latest;
    if (calls->is_paused && calls->is_paused(calls->self, item->pipeline))
        return; // it stays untold
    if (due <= now)
        change(item, fingerprint);
    else
        (void)uv_timer_start(&item->wait, on_wait, due - now, 0);
}

static void on_item_closed(uv_handle_t *handle)
{
    struct sl_watch_item *item = handle->data;
    struct sl_watch *watch = item->watch;

    if (--item->handle_count)
        return;
    sl_arena_clear(&item->arena);
    free(item);
    watch->alive--;
    sl_watch_release(watch);
}

static void close_handles(struct sl_watch_item *item)
{
    if (uv_is_closing((uv_handle_t *)&item->poll)) // with the loop, which did not wait for it
        return;
    uv_close((uv_handle_t *)&item->poll, on_item_closed);
    uv_close((uv_handle_t *)&item->wait, on_item_closed);
}

// Its memory stays until the look that may be under way is over.
static void close_item(struct sl_watch_item *item)
{
    item->is_closing = true;
    sl_watch_leave_folders(item);
    (void)uv_timer_stop(&item->poll);
    (void)uv_timer_stop(&item->wait);
    if (!item->is_looking)
        close_handles(item);
}

static void do_look(uv_work_t *work)
{
    struct sl_watch_item *item = work->data;

    (void)sl_look_do(&item->look);
}

static void on_looked(uv_work_t *work, int status)
{
    struct sl_watch_item *item = work->data;
    bool looks_again = item->looks_again, is_seen = false;
    const int64_t fingerprint = item->look.fingerprint;
    char text[1200];

    item->is_looking = false;
    item->looks_again = false;
    if (item->is_closing) {
        sl_arena_clear(&item->look.arena);
        close_handles(item);
        return;
    }
    if (status == 0 && item->look.err.code == SL_OK) {
        looks_again |= sl_watch_take_folders(item);
        item->has_failed = false;
        is_seen = true;
    } else if (!item->has_failed) {
        item->has_failed = true;
        (void)snprintf(text, sizeof text, "%s of pipeline '%s' cannot be looked at: %.1000s",
                       item->trigger->key, item->pipeline->name, item->look.err.message);
        sl_watch_tell(item->watch, text);
    }
    sl_arena_clear(&item->look.arena);
    if (looks_again)
        sl_watch_look(item);
    if (is_seen) // last: what it starts may begin another look
        take_fingerprint(item, fingerprint);
}

void sl_watch_look(struct sl_watch_item *item)
{
    if (item->is_looking) {
        item->looks_again = true;
        return;
    }
    item->look = (struct sl_look){.paths = item->paths.count ? &item->paths : NULL,
                                  .table_folder = item->table_folder};
    sl_arena_init(&item->look.arena, 0);
    item->work.data = item;
    item->is_looking = uv_queue_work(item->watch->loop, &item->work, do_look, on_looked) == 0;
}

static int copy_places(const struct sl_project *project, struct sl_watch_item *item,
                       struct sl_err *err)
{
    const struct sl_trigger *trigger = item->trigger;
    bool is_borrowed;

    item->id = sl_arena_printf(&item->arena, "%s\x1f%s", item->pipeline->name, trigger->key);
    SL_TRY_NEW(item->id, err);
    if (trigger->kind == SL_TRIGGER_TABLE) {
        item->table_folder = sl_table_source(project, trigger->layer, trigger->table_name,
                                             &item->arena, &is_borrowed);
        SL_TRY_NEW(item->table_folder, err);
        return SL_OK;
    }
    for (size_t i = 0; i < trigger->source->paths.count; i++) {
        const char *path = sl_arena_strdup(&item->arena, trigger->source->paths.items[i]);
        SL_TRY_NEW(path, err);
        SL_TRY(sl_strs_add(&item->paths, &item->arena, path, err));
    }
    return SL_OK;
}

static void free_items(struct sl_watch_item *items)
{
    while (items) {
        struct sl_watch_item *next = items->next;
        sl_arena_clear(&items->arena);
        free(items);
        items = next;
    }
}

static int add_item(const struct sl_project *project, const struct sl_pipeline *pipeline,
                    const struct sl_trigger *trigger, struct sl_watch_item **items,
                    struct sl_err *err)
{
    struct sl_watch_item *item = calloc(1, sizeof *item);

    SL_TRY_NEW(item, err);
    sl_arena_init(&item->arena, 0);
    item->pipeline = pipeline;
    item->trigger = trigger;
    item->next = *items;
    *items = item;
    return copy_places(project, item, err);
}

static int make_items(const struct sl_project *project, struct sl_watch_item **ret,
                      struct sl_err *err)
{
    int code = SL_OK;

    for (size_t i = 0; i < project->pipeline_count; i++)
        for (size_t k = 0; k < project->pipelines[i].trigger_count && code == SL_OK; k++) {
            const struct sl_trigger *trigger = &project->pipelines[i].triggers[k];
            if (trigger->kind == SL_TRIGGER_FILES || trigger->kind == SL_TRIGGER_TABLE)
                code = add_item(project, &project->pipelines[i], trigger, ret, err);
        }
    if (code != SL_OK) {
        free_items(*ret);
        *ret = NULL;
    }
    return code;
}

// From here on only the loop can take them away.
static void start_items(struct sl_watch *watch, struct sl_watch_item *items)
{
    watch->items = items;
    for (struct sl_watch_item *item = items; item; item = item->next) {
        const uint64_t poll_ms = (uint64_t)item->trigger->poll_s * MS_PER_S;

        item->watch = watch;
        watch->alive++;
        (void)uv_timer_init(watch->loop, &item->poll);
        (void)uv_timer_init(watch->loop, &item->wait);
        item->handle_count = 2;
        item->poll.data = item->wait.data = item;
        (void)uv_timer_start(&item->poll, on_poll, poll_ms, poll_ms);
        sl_watch_look(item);
    }
}

static void take_told(struct sl_watch_item *items, const struct sl_map *told)
{
    for (struct sl_watch_item *item = items; item; item = item->next) {
        const int64_t *fingerprint = sl_map_get(told, item->id);
        item->told = fingerprint ? *fingerprint : 0;
    }
}

static int read_seen(struct sl_watch_item *items, const struct sl_watch_seen *seen, size_t count,
                     struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_map_clear) struct sl_map told = {0};

    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < count; i++) {
        const char *id = sl_arena_printf(&arena, "%s\x1f%s", seen[i].pipeline, seen[i].key);
        int64_t *fingerprint = SL_NEW(&arena, int64_t);
        SL_TRY_NEW(id, err);
        SL_TRY_NEW(fingerprint, err);
        *fingerprint = seen[i].fingerprint;
        SL_TRY(sl_map_set(&told, id, fingerprint, err));
    }
    take_told(items, &told);
    return SL_OK;
}

int sl_watch_new(uv_loop_t *loop, const struct sl_project *project,
                 const struct sl_watch_seen *seen, size_t seen_count,
                 const struct sl_watch_calls *calls, struct sl_watch **ret, struct sl_err *err)
{
    struct sl_watch_item *items = NULL;
    struct sl_watch *watch;

    SL_TRY(make_items(project, &items, err));
    const int code = read_seen(items, seen, seen_count, err);
    watch = code == SL_OK ? calloc(1, sizeof *watch) : NULL;
    if (!watch) {
        free_items(items);
        return code == SL_OK ? sl_fail_memory(err) : code;
    }
    watch->loop = loop;
    watch->calls = *calls;
    start_items(watch, items);
    *ret = watch;
    return SL_OK;
}

int sl_watch_files(uv_loop_t *loop, const struct sl_pipeline *pipeline, const struct sl_strs *paths,
                   int64_t seen, const struct sl_watch_calls *calls, struct sl_watch **ret,
                   struct sl_err *err)
{
    struct sl_watch_item *item = calloc(1, sizeof *item);
    struct sl_watch *watch = calloc(1, sizeof *watch);
    int code = item && watch ? SL_OK : sl_fail_memory(err);

    if (code == SL_OK) {
        sl_arena_init(&item->arena, 0);
        item->pipeline = pipeline;
        item->trigger = pipeline->triggers;
        item->id = "";
        item->told = seen;
        code = sl_strs_copy(&item->paths, paths, &item->arena, err);
    }
    if (code != SL_OK) {
        if (item)
            sl_arena_clear(&item->arena);
        free(item);
        free(watch);
        return code;
    }
    watch->loop = loop;
    watch->calls = *calls;
    start_items(watch, item);
    *ret = watch;
    return SL_OK;
}

static void set_told(struct sl_watch_item *item, int64_t fingerprint)
{
    item->told = fingerprint;
    item->waiting = 0;
    (void)uv_timer_stop(&item->wait);
    sl_watch_look(item);
}

void sl_watch_saw(struct sl_watch *watch, int64_t fingerprint)
{
    for (struct sl_watch_item *item = watch->items; item; item = item->next)
        set_told(item, fingerprint);
}

void sl_watch_take_back(struct sl_watch *watch, const char *pipeline, const char *key,
                        int64_t fingerprint)
{
    for (struct sl_watch_item *item = watch->items; item; item = item->next)
        if (strcmp(item->pipeline->name, pipeline) == 0 && strcmp(item->trigger->key, key) == 0)
            set_told(item, fingerprint);
}

int sl_watch_reload(struct sl_watch *watch, const struct sl_project *project, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map told = {0};
    struct sl_watch_item *items = NULL;

    for (struct sl_watch_item *item = watch->items; item; item = item->next)
        SL_TRY(sl_map_set(&told, item->id, &item->told, err));
    SL_TRY(make_items(project, &items, err));
    take_told(items, &told);
    struct sl_watch_item *before = watch->items;
    start_items(watch, items);
    while (before) {
        struct sl_watch_item *next = before->next;
        close_item(before);
        before = next;
    }
    return SL_OK;
}

void sl_watch_resume(struct sl_watch *watch, const char *pipeline)
{
    for (struct sl_watch_item *item = watch->items; item; item = item->next)
        if (strcmp(item->pipeline->name, pipeline) == 0)
            sl_watch_look(item);
}

void sl_watch_close(struct sl_watch *watch)
{
    watch->is_closing = true;
    for (struct sl_watch_item *item = watch->items, *next; item; item = next) {
        next = item->next;
        close_item(item);
    }
    watch->items = NULL;
    sl_watch_release(watch);
}

size_t sl_watch_folder_count(const struct sl_watch *watch)
{
    return watch->watched_count;
}
