#include "observe/deliver.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "observe/events.h"
#include "observe/post.h"
#include "observe/spans.h"
#include "run/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GIVE_UP_US ((int64_t)86400 * 1000000)
#define MOST_EVENTS 64
#define MOST_SPANS 512
#define QUICK_TRIES 4
#define QUICK_WAIT_MS 200

// Waits after a receiver has failed.
static const struct sl_retry backoff = {
    .initial_s = 5, .factor = 2, .max_s = 300, .has_jitter = true};

struct delivering {
    const struct sl_deliver_options *options;
    const struct sl_observe *observe;
    const char *folder; // of the state
    int64_t until_us;   // monotonic
    struct sl_spool_view view;
    struct sl_spool_state state;
    struct sl_look_at *look;
    struct sl_delivered *told;
    bool has_come_forward;
};

// A fact at its place.
struct at {
    struct sl_spool_file *file;
    size_t index;
};

bool sl_way_is_open(const struct sl_observe *observe, enum sl_way way)
{
    switch (way) {
    case SL_WAY_LINEAGE_FILE:
        return observe && observe->lineage_file;
    case SL_WAY_LINEAGE:
        return observe && observe->lineage.url;
    case SL_WAY_TRACES:
        return observe && observe->traces.url;
    case SL_WAYS:
        break;
    }
    return false;
}

static bool has_time(const struct delivering *it)
{
    return sl_clock_monotonic_us() < it->until_us;
}

static const json_t *fact_of(struct at at)
{
    return at.file->facts[at.index];
}

// Facts of which the first is not the beginning are none that anybody could tell.
static const json_t *start_of(struct at at)
{
    const json_t *first = at.file->facts[0];
    return sl_str_equal(sl_json_text(first, "fact", ""), "run_start") ? first : NULL;
}

static bool is_too_old(const struct delivering *it, enum sl_way way, struct at at)
{
    return it->state.ways[way].attempts > 0 &&
           sl_clock_now_us() - sl_json_int(fact_of(at), "at_us", 0) > GIVE_UP_US;
}

// --- what came of it

static void come_forward(struct delivering *it, enum sl_way way, struct at at)
{
    at.file->told[way] = at.index + 1;
    it->has_come_forward = true;
}

static void succeed(struct delivering *it, enum sl_way way, int64_t count)
{
    struct sl_way_state *state = &it->state.ways[way];
    state->sent += count;
    it->told->sent[way] += count;
    state->attempts = state->next_us = state->failed_us = 0;
    state->error[0] = '\0';
}

static void refuse(struct delivering *it, enum sl_way way, int64_t count, const char *why)
{
    struct sl_way_state *state = &it->state.ways[way];
    state->refused += count;
    it->told->refused[way] += count;
    (void)snprintf(state->refusal, sizeof state->refusal, "%s", why);
}

static void lose(struct delivering *it, enum sl_way way, int64_t count)
{
    it->state.ways[way].lost += count;
    it->told->lost[way] += count;
}

static void fail_way(struct delivering *it, enum sl_way way, const char *why, int64_t wait_s)
{
    struct sl_way_state *state = &it->state.ways[way];
    int64_t now_us = sl_clock_now_us();
    state->attempts++;
    int64_t wait_ms = sl_retry_wait_ms(&backoff, state->attempts > 30 ? 30 : (int)state->attempts,
                                       sl_random(sl_way_name(way), (uint64_t)state->attempts));
    if (wait_ms < 1000)
        wait_ms = 1000;
    if (wait_ms < wait_s * 1000)
        wait_ms = wait_s * 1000;
    state->next_us = now_us + wait_ms * 1000;
    if (!state->failed_us)
        state->failed_us = now_us;
    (void)snprintf(state->error, sizeof state->error, "%s", why);
    it->told->has_failed[way] = true;
}

// --- events

static int event_text(struct delivering *it, struct at at, char **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *event = NULL;
    const json_t *start = start_of(at);
    const struct sl_world_options *world = &it->options->world;
    bool is_step = sl_str_starts(sl_json_text(fact_of(at), "fact", ""), "step_");
    *ret = NULL;
    if (!start)
        return SL_OK;
    if (is_step && !it->look)
        SL_TRY(sl_look_at_open(world, it->observe->job_namespace, &it->look, err));
    const struct sl_events events = {.job_namespace = it->observe->job_namespace, .look = it->look};
    SL_TRY(sl_event_of_fact(&events, start, fact_of(at), &event, err));
    return event ? sl_log_print(event, ret, err) : SL_OK;
}

// What its run had no room for.
static void count_left_out(struct delivering *it, enum sl_way way, struct at at)
{
    lose(it, way, sl_json_int(fact_of(at), "left_out", 0));
}

// --- the file

// All of it or nothing, as far as a disk that is full lets us: half a line would spoil the next
// one.
static int append_all(int fd, const char *text, size_t length)
{
    off_t before = lseek(fd, 0, SEEK_END);
    for (size_t done = 0; done < length;) {
        ssize_t count = write(fd, text + done, length - done);
        if (count < 0 && errno != EINTR) {
            int errnum = errno;
            if (done > 0 && before >= 0 && ftruncate(fd, before) != 0)
                return errno;
            return errnum;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

static int append_event(struct delivering *it, int fd, struct at at, int *ret_errno,
                        struct sl_err *err)
{
    char *text = NULL;
    struct sl_buf line = SL_BUF_INIT;
    SL_TRY(event_text(it, at, &text, err));
    if (!text)
        return SL_OK;
    sl_buf_init(&line);
    sl_buf_add(&line, text);
    sl_buf_add_char(&line, '\n');
    free(text);
    int code = sl_buf_check(&line, err);
    if (code == SL_OK)
        *ret_errno = append_all(fd, line.text, line.length);
    sl_buf_clear(&line);
    if (code == SL_OK && *ret_errno == 0)
        succeed(it, SL_WAY_LINEAGE_FILE, 1);
    return code;
}

static int tell_file(struct delivering *it, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int fd = -1;
    int errnum = 0;
    for (size_t i = 0; i < it->view.count && errnum == 0; i++) {
        struct sl_spool_file *file = &it->view.files[i];
        for (size_t k = file->told[SL_WAY_LINEAGE_FILE]; k < file->count && errnum == 0; k++) {
            struct at at = {file, k};
            if (fd < 0)
                fd = open(it->observe->lineage_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                          0644);
            errnum = fd < 0 ? errno : 0;
            if (errnum == 0)
                SL_TRY(append_event(it, fd, at, &errnum, err));
            if (errnum == 0) {
                count_left_out(it, SL_WAY_LINEAGE_FILE, at);
                come_forward(it, SL_WAY_LINEAGE_FILE, at);
            }
        }
    }
    if (errnum == 0 && fd >= 0 && fdatasync(fd) != 0 && errno != EINVAL && errno != EROFS)
        errnum = errno;
    if (errnum)
        fail_way(it, SL_WAY_LINEAGE_FILE, strerror(errnum), 0);
    return SL_OK;
}

// --- the server of events

struct batch {
    struct at ats[MOST_EVENTS];
    struct sl_post posts[MOST_EVENTS];
    char runs[MOST_EVENTS][37];
    char *bodies[MOST_EVENTS];
    size_t count;
};

static void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        free(batch->bodies[i]);
    batch->count = 0;
}

static bool batch_has(const struct batch *batch, const char *run)
{
    for (size_t i = 0; i < batch->count; i++)
        if (strcmp(batch->runs[i], run) == 0)
            return true;
    return false;
}

// False if it does not fit any more: of one run there is one event, so that they come in order.
static int add_to_batch(struct delivering *it, struct batch *batch, struct at at, bool *ret_fits,
                        struct sl_err *err)
{
    const json_t *start = start_of(at);
    char run[37], *text = NULL;
    *ret_fits = true;
    if (!start || !sl_event_run_of_fact(start, fact_of(at), run) ||
        is_too_old(it, SL_WAY_LINEAGE, at)) {
        *ret_fits = batch->count == 0; // else those before it come first
        if (*ret_fits) {
            lose(it, SL_WAY_LINEAGE, start ? 1 : 0);
            come_forward(it, SL_WAY_LINEAGE, at);
        }
        return SL_OK;
    }
    *ret_fits = batch->count < MOST_EVENTS && !batch_has(batch, run);
    if (!*ret_fits)
        return SL_OK;
    SL_TRY(event_text(it, at, &text, err));
    if (!text)
        return SL_OK;
    memcpy(batch->runs[batch->count], run, sizeof run);
    batch->ats[batch->count] = at;
    batch->bodies[batch->count] = text;
    batch->posts[batch->count] = (struct sl_post){.body = text, .length = strlen(text)};
    batch->count++;
    return SL_OK;
}

static int fill_batch(struct delivering *it, struct batch *batch, struct sl_err *err)
{
    bool fits = true;
    for (size_t i = 0; i < it->view.count && fits; i++) {
        struct sl_spool_file *file = &it->view.files[i];
        for (size_t k = file->told[SL_WAY_LINEAGE]; k < file->count && fits; k++)
            SL_TRY(add_to_batch(it, batch, (struct at){file, k}, &fits, err));
    }
    return SL_OK;
}

// Comes forward up to the first one that was not taken.
static bool take_batch(struct delivering *it, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct sl_post *post = &batch->posts[i];
        if (post->was_taken)
            succeed(it, SL_WAY_LINEAGE, 1);
        else if (!post->may_pass)
            refuse(it, SL_WAY_LINEAGE, 1, post->text);
        else {
            fail_way(it, SL_WAY_LINEAGE, post->text, post->wait_s);
            return false;
        }
        count_left_out(it, SL_WAY_LINEAGE, batch->ats[i]);
        come_forward(it, SL_WAY_LINEAGE, batch->ats[i]);
    }
    return true;
}

static void rest(const struct delivering *it, int64_t ms)
{
    int64_t left_ms = (it->until_us - sl_clock_monotonic_us()) / 1000;
    ms = ms < left_ms ? ms : left_ms;
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    if (ms > 0)
        (void)nanosleep(&time, NULL);
}

// What a server answers with "later" is often taken a moment after. One that cannot be reached is
// left alone at once.
static int post_all(struct delivering *it, struct sl_poster *poster, struct sl_post *posts,
                    size_t count, struct sl_err *err)
{
    SL_TRY(sl_post_all(poster, posts, count, it->until_us, err));
    for (int tries = 1; tries < QUICK_TRIES && has_time(it); tries++) {
        bool is_rested = false;
        for (size_t i = 0; i < count; i++) {
            struct sl_post *post = &posts[i];
            if (post->was_taken || !post->may_pass || !post->was_answered || post->wait_s)
                continue;
            if (!is_rested)
                rest(it, QUICK_WAIT_MS << (tries - 1));
            is_rested = true;
            // One after the other: it has trouble enough.
            SL_TRY(sl_post_all(poster, post, 1, it->until_us, err));
        }
        if (!is_rested)
            break;
    }
    return SL_OK;
}

static int tell_server(struct delivering *it, struct sl_err *err)
{
    SL_AUTO(sl_poster_close) struct sl_poster *poster = NULL;
    bool goes_on = true;
    SL_TRY(sl_poster_open(&it->observe->lineage, &poster, err));
    while (goes_on && has_time(it)) {
        SL_AUTO(batch_clear) struct batch batch = {0};
        SL_TRY(fill_batch(it, &batch, err));
        if (batch.count == 0)
            return SL_OK;
        SL_TRY(post_all(it, poster, batch.posts, batch.count, err));
        goes_on = take_batch(it, &batch);
    }
    return SL_OK;
}

// --- the collector of spans

static int64_t rejected_spans(const struct sl_post *post)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_err ignored = {0};
    int64_t count = 0;
    if (sl_json_parse(post->answer, strlen(post->answer), "answer", &root, &ignored) != SL_OK)
        return 0;
    const json_t *value = json_object_get(json_object_get(root, "partialSuccess"), "rejectedSpans");
    if (json_is_string(value))
        (void)sl_str_to_int64(json_string_value(value), &count);
    else if (json_is_integer(value))
        count = json_integer_value(value);
    return count < 0 ? 0 : count;
}

static int post_spans(struct delivering *it, struct sl_poster *poster, const json_t *spans,
                      struct sl_post *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *request = NULL;
    char *text = NULL;
    SL_TRY(sl_spans_request(it->observe, spans, &request, err));
    SL_TRY(sl_log_print(request, &text, err));
    *ret = (struct sl_post){.body = text, .length = strlen(text)};
    int code = post_all(it, poster, ret, 1, err);
    free(text);
    ret->body = NULL;
    return code;
}

struct span_batch {
    json_t *spans;
    struct at *ats; // whose spans they are, and those between that have none
    size_t count;
};

static int fill_spans(struct delivering *it, struct span_batch *batch, struct sl_arena *arena,
                      struct sl_err *err)
{
    for (size_t i = 0; i < it->view.count; i++) {
        struct sl_spool_file *file = &it->view.files[i];
        for (size_t k = file->told[SL_WAY_TRACES]; k < file->count; k++) {
            struct at at = {file, k};
            if (json_array_size(batch->spans) >= MOST_SPANS)
                return SL_OK;
            if (is_too_old(it, SL_WAY_TRACES, at))
                lose(it, SL_WAY_TRACES, 1);
            else if (start_of(at))
                SL_TRY(sl_spans_add(start_of(at), fact_of(at), batch->spans, err));
            if (!SL_PUSH(arena, batch->ats, batch->count, at))
                return sl_fail_memory(err);
        }
    }
    return SL_OK;
}

static void take_spans(struct delivering *it, const struct span_batch *batch,
                       const struct sl_post *post)
{
    int64_t count = (int64_t)json_array_size(batch->spans);
    int64_t rejected = post && post->was_taken ? rejected_spans(post) : 0;
    if (post && !post->was_taken && post->may_pass) {
        fail_way(it, SL_WAY_TRACES, post->text, post->wait_s);
        return;
    }
    if (post && !post->was_taken)
        refuse(it, SL_WAY_TRACES, count, post->text);
    else if (post)
        succeed(it, SL_WAY_TRACES, count - rejected);
    if (rejected)
        refuse(it, SL_WAY_TRACES, rejected, post->text);
    for (size_t i = 0; i < batch->count; i++) {
        count_left_out(it, SL_WAY_TRACES, batch->ats[i]);
        come_forward(it, SL_WAY_TRACES, batch->ats[i]);
    }
}

static int tell_collector(struct delivering *it, struct sl_err *err)
{
    SL_AUTO(sl_poster_close) struct sl_poster *poster = NULL;
    SL_TRY(sl_poster_open(&it->observe->traces, &poster, err));
    while (has_time(it) && !it->told->has_failed[SL_WAY_TRACES]) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        SL_AUTO(sl_json_free) json_t *spans = json_array();
        struct span_batch batch = {.spans = spans};
        struct sl_post post;
        SL_TRY_NEW(spans, err);
        sl_arena_init(&arena, 0);
        SL_TRY(fill_spans(it, &batch, &arena, err));
        if (batch.count == 0)
            return SL_OK;
        bool has_any = json_array_size(spans) > 0;
        if (has_any)
            SL_TRY(post_spans(it, poster, spans, &post, err));
        take_spans(it, &batch, has_any ? &post : NULL);
    }
    return SL_OK;
}

// --- all of it

// A run whose process is gone has no more to say.
static int end_killed(struct sl_spool_file *file, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *more = json_array();
    SL_TRY_NEW(more, err);
    if (file->is_at_work || file->count == 0 ||
        sl_str_equal(sl_json_text(file->facts[file->count - 1], "fact", ""), "run_end"))
        return SL_OK;
    SL_TRY(sl_facts_of_killed(file->facts, file->count, file->changed_us, more, err));
    for (size_t i = 0; i < json_array_size(more); i++) {
        json_t *fact = json_array_get(more, i);
        if (!SL_PUSH(arena, file->facts, file->count, fact))
            return sl_fail_memory(err);
        json_incref(fact);
    }
    return SL_OK;
}

static int tell_way(struct delivering *it, enum sl_way way, struct sl_err *err)
{
    const struct sl_way_state *state = &it->state.ways[way];
    if (!sl_way_is_open(it->observe, way)) {
        for (size_t i = 0; i < it->view.count; i++)
            it->view.files[i].told[way] = it->view.files[i].count;
        return SL_OK;
    }
    if (it->told->has_failed[way])
        return SL_OK;
    if (it->options->only_due && state->next_us > sl_clock_now_us()) {
        it->told->has_failed[way] = true;
        return SL_OK;
    }
    switch (way) {
    case SL_WAY_LINEAGE_FILE:
        return tell_file(it, err);
    case SL_WAY_LINEAGE:
        return tell_server(it, err);
    case SL_WAY_TRACES:
        return tell_collector(it, err);
    case SL_WAYS:
        break;
    }
    return SL_OK;
}

static int keep(struct delivering *it, struct sl_err *err)
{
    it->told->waiting = 0;
    for (size_t i = 0; i < it->view.count; i++) {
        const struct sl_spool_file *file = &it->view.files[i];
        bool is_told = !file->is_at_work;
        for (int way = 0; way < SL_WAYS; way++)
            is_told &= file->told[way] >= file->count;
        it->told->waiting += !is_told && !file->is_at_work;
        SL_TRY(is_told ? sl_spool_remove(file, err) : sl_spool_mark(file, err));
    }
    return sl_spool_state_write(it->folder, &it->state, err);
}

// The files are looked at once more after something was told, for runs go on meanwhile.
static int tell_all(struct delivering *it, struct sl_err *err)
{
    do {
        int code = SL_OK;
        it->has_come_forward = false;
        SL_TRY(sl_spool_read(it->folder, &it->view, err));
        for (size_t i = 0; i < it->view.count && code == SL_OK; i++)
            code = end_killed(&it->view.files[i], &it->view.arena, err);
        for (int way = 0; way < SL_WAYS && code == SL_OK; way++)
            code = tell_way(it, (enum sl_way)way, err);
        struct sl_err trouble = {0};
        int kept = keep(it, &trouble);
        sl_spool_view_clear(&it->view);
        SL_TRY(code);
        if (kept != SL_OK)
            return sl_fail(err, SL_E_OBSERVE_SPOOL, "%s", trouble.message);
    } while (it->has_come_forward && has_time(it));
    return SL_OK;
}

int sl_deliver(const struct sl_deliver_options *options, struct sl_delivered *ret,
               struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int lock = -1;
    struct delivering it = {.options = options,
                            .observe = options->project->observe,
                            .folder = options->project->state_folder,
                            .until_us = sl_clock_monotonic_us() + options->most_ms * 1000,
                            .told = ret};
    struct sl_err trouble = {0};
    *ret = (struct sl_delivered){0};
    int code = sl_spool_lock(it.folder, &lock, &trouble);
    if (code == SL_E_LOCKED) {
        ret->was_busy = true;
        return SL_OK;
    }
    if (code != SL_OK)
        return sl_fail(err, SL_E_OBSERVE_SPOOL, "%s", trouble.message);
    sl_spool_state_read(it.folder, &it.state);
    code = tell_all(&it, err);
    sl_spool_view_clear(&it.view);
    sl_look_at_close(&it.look);
    return code;
}

int64_t sl_deliver_next_us(const struct sl_project *project, int64_t now_us)
{
    struct sl_spool_state state;
    int64_t next_us = 0;
    sl_spool_state_read(project->state_folder, &state);
    for (int way = 0; way < SL_WAYS; way++) {
        if (!sl_way_is_open(project->observe, (enum sl_way)way))
            continue;
        int64_t of_way = state.ways[way].next_us > now_us ? state.ways[way].next_us : now_us;
        next_us = next_us == 0 || of_way < next_us ? of_way : next_us;
    }
    return next_us;
}
