#include "run/handout.h"

#include "api/leases.h"
#include "base/clock.h"
#include "base/map.h"
#include "run/handout_wire.h"
#include "run/timer.h"
#include "run/wakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000    // nothing is to be missed for longer, whatever became of a notification
#define LEADER_MS 10000 // so long workers keep the code of a leader that says nothing
#define COLLECT_MOST 1000
#define PATIENCE_MS 5000 // a worker that is there claims within milliseconds
#define TELL_US (60 * INT64_C(1000000))

// A step that is out.
struct entry {
    char *id, *run_id, *step, *request;
    int64_t attempt;
    struct sl_hander *hander;
    size_t number;
    bool is_put;       // in the store
    int64_t put_us;    // monotonic
    bool is_begun;     // somebody has claimed it, and that was told
    char machine[128]; // who
    bool is_gone;      // from the store: its end is to be told
    int asked, told;   // to drain, to end: wanted, and written to the store
    struct entry *next;
};

struct sl_handout {
    struct sl_handout_options options;
    struct sl_wakes *wakes;
    uv_timer_t *look, *turn;
    struct sl_arena present_arena; // of machines
    struct sl_machine_seen *machines;
    struct sl_strs *codes; // parallel to machines
    size_t machine_count;
    struct sl_hander *handers; // the newest first
    struct entry *entries;
    struct sl_map by_id; // id -> struct entry *
    size_t count;
    char *prefix, *name; // of jobs; of the leader, as present
    int64_t sent;        // makes ids unique together with the run's
    bool is_settled;
    int64_t settles_us; // monotonic: at the latest
    // What no worker claims. Times are monotonic.
    size_t unclaimed;
    bool is_unclaimed_old; // some are of runs that began with an earlier version of the project
    bool has_told_unclaimed;
    int64_t unclaimed_us, told_us; // of the oldest; 0: none
    int64_t unclaimed_at_us;       // when that was, of the clock; it stays while there are some
    int64_t ready_us;              // nobody is there for what is ready, since; 0: somebody is
    char *unclaimed_step;
};

// --- entries

static void free_entry(struct entry *entry)
{
    if (!entry)
        return;
    free(entry->id);
    free(entry->run_id);
    free(entry->step);
    free(entry->request);
    free(entry);
}

static void take_out(struct sl_handout *handout, struct entry *entry)
{
    struct entry **at = &handout->entries;
    while (*at && *at != entry)
        at = &(*at)->next;
    if (*at)
        *at = entry->next;
    sl_map_remove(&handout->by_id, entry->id);
    handout->count--;
}

static void tell_end(struct sl_handout *handout, struct entry *entry, const json_t *reply,
                     const struct sl_death *death)
{
    take_out(handout, entry);
    entry->hander->on_reply(entry->hander->owner, entry->number, reply, death);
    free_entry(entry);
}

static void take_back(struct sl_handout *handout, struct entry *entry)
{
    take_out(handout, entry);
    entry->hander->on_back(entry->hander->owner, entry->number);
    free_entry(entry);
}

static void trouble(struct sl_handout *handout, const char *what, const struct sl_err *err)
{
    char text[sizeof err->message + 64];
    snprintf(text, sizeof text, "%s: %s", what, err->message);
    handout->options.on_trouble(handout->options.owner, text);
}

// --- each turn: what is new goes to the store, what was taken away is told

static struct entry *take_first(struct sl_handout *handout, bool (*is_it)(const struct entry *))
{
    for (struct entry *at = handout->entries; at; at = at->next)
        if (is_it(at))
            return at;
    return NULL;
}

static bool is_new(const struct entry *entry)
{
    return !entry->is_put && !entry->is_gone;
}

static bool is_gone(const struct entry *entry)
{
    return entry->is_gone;
}

static int put_new(struct sl_handout *handout, struct sl_err *err)
{
    size_t count = 0;
    struct sl_job *jobs = calloc(handout->count + 1, sizeof *jobs);
    SL_TRY_NEW(jobs, err);
    for (const struct entry *at = handout->entries; at; at = at->next)
        if (is_new(at))
            jobs[count++] = (struct sl_job){.id = at->id,
                                            .run_id = at->run_id,
                                            .step = at->step,
                                            .attempt = at->attempt,
                                            .request_json = at->request};
    int code = count ? sl_state_put_jobs(handout->options.state, jobs, count, err) : SL_OK;
    free(jobs);
    for (struct entry *at = handout->entries; code == SL_OK && at; at = at->next) {
        if (is_new(at))
            at->put_us = sl_clock_monotonic_us();
        at->is_put |= !at->is_gone;
    }
    return code;
}

// The store may have them or not: ids are not used again, and nobody waits for these.
static void give_up_new(struct sl_handout *handout)
{
    struct entry *entry;
    handout->machine_count = 0; // until the next look
    while ((entry = take_first(handout, is_new)))
        take_back(handout, entry);
}

static int press_some(struct sl_handout *handout, int times, struct sl_err *err)
{
    size_t count = 0;
    const char **ids = calloc(handout->count + 1, sizeof *ids);
    bool *gone = calloc(handout->count + 1, sizeof *gone);
    int code = ids && gone ? SL_OK : sl_fail_memory(err);
    for (const struct entry *at = handout->entries; code == SL_OK && at; at = at->next)
        if (at->is_put && !at->is_gone && at->asked == times && at->told < times)
            ids[count++] = at->id;
    if (code == SL_OK && count)
        code = sl_state_press(handout->options.state, ids, count, times, gone, err);
    for (size_t i = 0; code == SL_OK && i < count; i++) {
        struct entry *entry = sl_map_get(&handout->by_id, ids[i]);
        entry->told = times;
        entry->is_gone = gone[i];
    }
    free((void *)ids);
    free(gone);
    return code;
}

static void tell_gone(struct sl_handout *handout)
{
    struct entry *entry;
    while ((entry = take_first(handout, is_gone))) {
        struct sl_death death = {.is_ours = true, .exit_code = -1};
        (void)sl_fail(&death.err, SL_E_INTERRUPTED,
                      "its worker on another machine was told to end it");
        tell_end(handout, entry, NULL, &death);
    }
}

static void on_turn(uv_timer_t *timer)
{
    struct sl_handout *handout = timer->data;
    struct sl_err err = {0};
    if (put_new(handout, &err) != SL_OK) {
        trouble(handout, "steps could not be handed out", &err);
        give_up_new(handout);
    }
    for (int times = 1; times <= 3; times++) {
        sl_err_clear(&err);
        if (press_some(handout, times, &err) != SL_OK)
            trouble(handout, "workers could not be asked to end steps", &err);
    }
    tell_gone(handout);
}

static void soon(struct sl_handout *handout)
{
    if (!uv_is_active((uv_handle_t *)handout->turn))
        (void)uv_timer_start(handout->turn, on_turn, 0, 0);
}

// --- what somebody has begun

// "one on host-1, process 5": "one". One that was given back is another's then.
static void begin(struct entry *entry, const char *holder)
{
    char name[sizeof entry->machine] = "";
    const char *end = holder, *at = holder;
    while ((at = at ? strstr(at, SL_HOLDER_ON) : NULL) != NULL)
        end = at++;
    int length = !holder ? 0 : end == holder ? (int)strlen(holder) : (int)(end - holder);
    snprintf(name, sizeof name, "%.*s", length, holder ? holder : "");
    if (entry->is_begun && (!*name || strcmp(name, entry->machine) == 0))
        return;
    entry->is_begun = true;
    memcpy(entry->machine, name, sizeof name);
    entry->hander->on_begin(entry->hander->owner, entry->number, name);
}

// What was asked of who had it is asked again: the store ends it then, as nobody has it.
static void give_back(struct sl_handout *handout, struct entry *entry)
{
    entry->is_begun = false;
    entry->machine[0] = '\0';
    entry->put_us = sl_clock_monotonic_us();
    entry->told = 0;
    if (entry->asked)
        soon(handout);
    entry->hander->on_given_back(entry->hander->owner, entry->number);
}

static bool waits_for_worker(const struct sl_handout *handout)
{
    for (const struct entry *at = handout->entries; at; at = at->next)
        if (at->is_put && !at->is_begun && !at->is_gone)
            return true;
    return false;
}

static void tell_begun(struct sl_handout *handout)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_job *jobs;
    struct sl_err err = {0};
    size_t count;
    sl_arena_init(&arena, 0);
    if (sl_state_open_jobs(handout->options.state, handout->prefix, &arena, &jobs, &count, &err) !=
        SL_OK) {
        trouble(handout, "what other machines have begun is not known", &err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = sl_map_get(&handout->by_id, jobs[i].id);
        if (entry && jobs[i].holder)
            begin(entry, jobs[i].holder);
        else if (entry && entry->is_begun)
            give_back(handout, entry);
    }
}

// --- what comes back

static void tell_lost(struct sl_handout *handout, struct entry *entry, const struct sl_job *job)
{
    struct sl_death death = {.is_lost = true, .exit_code = -1};
    (void)sl_fail(&death.err, SL_E_WORKER_LOST,
                  "the worker '%s' was not heard of for %d s while it did the step",
                  job->holder ? job->holder : "", SL_CLAIM_MS / 1000);
    (void)sl_err_hint(&death.err, "see whether the machine is there; its worker's log says more");
    tell_end(handout, entry, NULL, &death);
}

static void take_end(struct sl_handout *handout, const struct sl_job *job)
{
    struct entry *entry = sl_map_get(&handout->by_id, job->id);
    SL_AUTO(sl_json_free) json_t *reply = NULL;
    struct sl_death death = {0};
    if (!entry) // of a run that was given up
        return;
    begin(entry, job->holder);
    if (!job->reply_json) {
        tell_lost(handout, entry, job);
        return;
    }
    if (sl_handout_parse(job->reply_json, &reply, &death, &death.err) != SL_OK)
        death.exit_code = -1;
    tell_end(handout, entry, reply, reply ? NULL : &death);
}

static void collect(struct sl_handout *handout)
{
    size_t count = COLLECT_MOST;
    while (count == COLLECT_MOST) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_job *jobs;
        struct sl_err err = {0};
        sl_arena_init(&arena, 0);
        if (sl_state_collect(handout->options.state, handout->prefix, COLLECT_MOST, &arena, &jobs,
                             &count, &err) != SL_OK) {
            trouble(handout, "what other machines have done is not known", &err);
            return;
        }
        for (size_t i = 0; i < count; i++)
            take_end(handout, &jobs[i]);
    }
}

// --- who is there

static const struct sl_machine_seen *find(const struct sl_machine_seen *machines, size_t count,
                                          const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(machines[i].name, name) == 0)
            return &machines[i];
    return NULL;
}

static void tell_changes(struct sl_handout *handout, const struct sl_machine_seen *before,
                         size_t count)
{
    const struct sl_handout_options *options = &handout->options;
    for (size_t i = 0; i < handout->machine_count; i++)
        if (!find(before, count, handout->machines[i].name))
            options->on_machine(options->owner, handout->machines[i].name,
                                handout->machines[i].slots);
    for (size_t i = 0; i < count; i++)
        if (!find(handout->machines, handout->machine_count, before[i].name))
            options->on_machine(options->owner, before[i].name, -1);
}

static bool is_handed_out(const struct sl_handout *handout, const struct sl_strs *codes)
{
    for (const struct sl_hander *at = handout->handers; at; at = at->next)
        if (sl_strs_has(codes, at->code))
            return true;
    return false;
}

static int read_machines(struct sl_handout *handout, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_present *there;
    size_t count;
    SL_TRY(sl_state_present(handout->options.state, SL_PRESENT_WORKER, arena, &there, &count, err));
    struct sl_machine_seen *machines = SL_NEW_ARRAY(arena, struct sl_machine_seen, count + 1);
    struct sl_strs *codes = SL_NEW_ARRAY(arena, struct sl_strs, count + 1);
    SL_TRY_NEW(machines, err);
    SL_TRY_NEW(codes, err);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        struct sl_worker_says says = {0};
        struct sl_err garbled = {0};
        if (sl_says_parse(sl_worker_says_fields, there[i].details, arena, &says, &garbled) !=
                SL_OK ||
            !says.machine)
            continue;
        codes[found] = says.codes;
        machines[found++] =
            (struct sl_machine_seen){says.machine, says.slots, is_handed_out(handout, &says.codes)};
    }
    handout->machines = machines;
    handout->codes = codes;
    handout->machine_count = found;
    return SL_OK;
}

static void look_around(struct sl_handout *handout)
{
    struct sl_arena arena, old = handout->present_arena;
    struct sl_err err = {0};
    const struct sl_machine_seen *before = handout->machines;
    size_t count = handout->machine_count;
    sl_arena_init(&arena, 0);
    if (read_machines(handout, &arena, &err) != SL_OK) {
        trouble(handout, "who works on other machines is not known", &err);
        sl_arena_clear(&arena);
        return;
    }
    handout->present_arena = arena;
    tell_changes(handout, before, count);
    sl_arena_clear(&old);
}

static int64_t slots_of(const struct sl_handout *handout, const struct sl_hander *hander)
{
    int64_t slots = 0;
    for (size_t i = 0; i < handout->machine_count; i++)
        if (sl_strs_has(&handout->codes[i], hander->code))
            slots += handout->machines[i].slots;
    return slots;
}

static int64_t out_of(const struct sl_handout *handout, const char *code)
{
    int64_t out = 0;
    for (const struct entry *at = handout->entries; at; at = at->next)
        out += strcmp(at->hander->code, code) == 0;
    return out;
}

bool sl_handout_has_room(const struct sl_handout *handout, const struct sl_hander *hander)
{
    return handout->machine_count && out_of(handout, hander->code) < slots_of(handout, hander);
}

// Those that nobody has claimed, and whose ids begin so.
static void take_back_all(struct sl_handout *handout, const char *prefix)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_job *jobs;
    struct sl_err err = {0};
    size_t count;
    sl_arena_init(&arena, 0);
    if (sl_state_take_back(handout->options.state, prefix, &arena, &jobs, &count, &err) != SL_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = sl_map_get(&handout->by_id, jobs[i].id);
        if (entry)
            take_back(handout, entry);
    }
}

// What nobody is there to claim goes back to where it came from.
static void take_back_stranded(struct sl_handout *handout, const struct sl_hander *hander)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *prefix = sl_handout_prefix(handout->options.environment, hander->code, &arena);
    if (prefix)
        take_back_all(handout, prefix);
}

// --- what nobody claims

static bool is_too_long(const struct sl_handout *handout, int64_t since_us, int64_t now_us)
{
    const int64_t patience_ms = handout->options.patience_ms;
    return now_us - since_us > (patience_ms ? patience_ms : PATIENCE_MS) * 1000;
}

static bool is_unclaimed(const struct sl_handout *handout, const struct entry *entry,
                         int64_t now_us)
{
    return entry->is_put && !entry->is_begun && !entry->is_gone && !entry->asked &&
           is_too_long(handout, entry->put_us, now_us);
}

// Where the service itself may do steps, it takes as many as it has room for.
static void take_back_unclaimed(struct sl_handout *handout)
{
    const int64_t now_us = sl_clock_monotonic_us();
    for (size_t most = handout->count; most > 0; most--) {
        struct entry *at = handout->entries;
        while (at &&
               !(is_unclaimed(handout, at, now_us) && at->hander->has_room(at->hander->owner)))
            at = at->next;
        if (!at)
            return;
        char *id = strdup(at->id);
        at->put_us = now_us; // it is claimed meanwhile, or the store is busy: later
        if (id)
            take_back_all(handout, id);
        free(id);
    }
}

static bool is_old(const struct sl_handout *handout, const struct sl_hander *hander)
{
    return strcmp(hander->code, handout->handers->code) != 0;
}

static void count_unclaimed(struct sl_handout *handout)
{
    const int64_t now_us = sl_clock_monotonic_us();
    const char *step = NULL;
    size_t ready = 0;
    bool is_ready_old = false;
    handout->unclaimed = 0;
    handout->unclaimed_us = 0;
    handout->is_unclaimed_old = false;
    for (const struct sl_hander *at = handout->handers; at; at = at->next) {
        const size_t before = ready;
        if (!slots_of(handout, at))
            ready += at->count_ready(at->owner, &step);
        is_ready_old |= ready > before && is_old(handout, at);
    }
    handout->ready_us = !ready ? 0 : handout->ready_us ? handout->ready_us : now_us;
    if (ready && is_too_long(handout, handout->ready_us, now_us)) {
        handout->unclaimed = ready;
        handout->unclaimed_us = handout->ready_us;
        handout->is_unclaimed_old = is_ready_old;
    }
    for (const struct entry *at = handout->entries; at; at = at->next) {
        if (!is_unclaimed(handout, at, now_us))
            continue;
        handout->unclaimed++;
        handout->is_unclaimed_old |= !slots_of(handout, at->hander) && is_old(handout, at->hander);
        step = step ? step : at->step;
        if (!handout->unclaimed_us || at->put_us < handout->unclaimed_us)
            handout->unclaimed_us = at->put_us;
    }
    if (!handout->unclaimed)
        handout->unclaimed_at_us = 0;
    else if (!handout->unclaimed_at_us)
        handout->unclaimed_at_us = sl_clock_now_us() - (now_us - handout->unclaimed_us);
    free(handout->unclaimed_step);
    handout->unclaimed_step = handout->unclaimed && step ? strdup(step) : NULL;
}

static void look_for_unclaimed(struct sl_handout *handout)
{
    const int64_t now_us = sl_clock_monotonic_us();
    take_back_unclaimed(handout);
    count_unclaimed(handout);
    const bool are_some = handout->unclaimed > 0;
    if (are_some == handout->has_told_unclaimed &&
        (!are_some || now_us - handout->told_us < TELL_US))
        return;
    handout->has_told_unclaimed = are_some;
    handout->told_us = now_us;
    handout->options.on_unclaimed(handout->options.owner, handout->unclaimed,
                                  (now_us - handout->unclaimed_us) / 1000000,
                                  handout->unclaimed_step, handout->is_unclaimed_old);
}

static void say(struct sl_handout *handout)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_leader_says says = {.lake = handout->options.lake,
                                  .unclaimed = (int64_t)handout->unclaimed,
                                  .unclaimed_step = handout->unclaimed_step,
                                  .unclaimed_old = handout->is_unclaimed_old};
    says.unclaimed_us = handout->unclaimed_at_us;
    struct sl_err err = {0};
    char *details = NULL;
    int code = SL_OK;
    sl_arena_init(&arena, 0);
    for (const struct sl_hander *at = handout->handers; code == SL_OK && at; at = at->next)
        if (!sl_strs_has(&says.codes, at->code))
            code = sl_strs_add(&says.codes, &arena, at->code, &err);
    if (code == SL_OK)
        code = sl_says_print(sl_leader_says_fields, &says, &details, &err);
    const struct sl_present self = {.name = handout->name, .details = details};
    if (code == SL_OK)
        code = sl_state_appear(handout->options.state, &self, LEADER_MS, &err);
    if (code != SL_OK)
        trouble(handout, "workers on other machines are not told of this service", &err);
    free(details);
}

static void settle(struct sl_handout *handout)
{
    bool is_last = sl_clock_monotonic_us() > handout->settles_us;
    struct sl_err err = {0};
    int64_t open = 0;
    if (handout->is_settled)
        return;
    if (sl_state_clear_jobs(handout->options.state, handout->prefix, is_last, &open, &err) !=
        SL_OK) {
        trouble(handout, "what was handed out before is not known", &err);
        return;
    }
    if (open)
        return;
    handout->is_settled = true;
    handout->options.on_settled(handout->options.owner);
}

static void look(struct sl_handout *handout)
{
    sl_wakes_mend(handout->wakes);
    settle(handout);
    look_around(handout);
    if (handout->count) {
        tell_begun(handout);
        collect(handout);
    }
    for (const struct sl_hander *at = handout->handers; at; at = at->next)
        if (out_of(handout, at->code) && !slots_of(handout, at))
            take_back_stranded(handout, at);
    look_for_unclaimed(handout);
    say(handout);
    soon(handout); // what could not be asked for before
    handout->options.on_room(handout->options.owner);
}

static void on_look(uv_timer_t *timer)
{
    look(timer->data);
}

static void on_wake(void *owner, int which)
{
    struct sl_handout *handout = owner;
    if (which & SL_WAKE_REPLIES)
        settle(handout);
    if ((which & SL_WAKE_CLAIMS) && waits_for_worker(handout))
        tell_begun(handout);
    if ((which & SL_WAKE_REPLIES) && handout->is_settled)
        collect(handout);
    if (which & SL_WAKE_PRESENT) {
        look_around(handout);
        handout->options.on_room(handout->options.owner);
    }
}

static void on_lost(void *owner, const char *why)
{
    struct sl_handout *handout = owner;
    char text[160];
    snprintf(text, sizeof text, "the state store's notifications are lost for a moment: %s", why);
    handout->options.on_trouble(handout->options.owner, text);
}

// --- for executors

void sl_handout_join(struct sl_handout *handout, struct sl_hander *hander)
{
    hander->next = handout->handers;
    handout->handers = hander;
    (void)uv_timer_start(handout->look, on_look, 0, LOOK_MS); // workers are told of the code
}

void sl_handout_leave(struct sl_handout *handout, struct sl_hander *hander)
{
    struct sl_hander **at = &handout->handers;
    while (*at && *at != hander)
        at = &(*at)->next;
    if (*at)
        *at = hander->next;
    for (struct entry *entry = handout->entries, *next; entry; entry = next) {
        next = entry->next;
        if (entry->hander != hander)
            continue;
        take_out(handout, entry);
        free_entry(entry);
    }
}

static int fill(struct sl_handout *handout, struct entry *entry, const struct sl_handed *handed,
                struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *prefix =
        sl_handout_prefix(handout->options.environment, entry->hander->code, &arena);
    // All of one length: none is how another one begins.
    const char *id = prefix ? sl_arena_printf(&arena, "%s%s/%012lld", prefix, handed->run_id,
                                              (long long)++handout->sent)
                            : NULL;
    SL_TRY_NEW(id, err);
    entry->id = strdup(id);
    entry->run_id = strdup(handed->run_id);
    entry->step = strdup(handed->step);
    entry->attempt = handed->attempt;
    entry->number = handed->number;
    if (!entry->id || !entry->run_id || !entry->step)
        return sl_fail_memory(err);
    SL_TRY(sl_json_print(handed->request, &entry->request, err));
    return sl_map_set(&handout->by_id, entry->id, entry, err);
}

int sl_handout_start(struct sl_handout *handout, struct sl_hander *hander,
                     const struct sl_handed *handed, struct sl_err *err)
{
    struct entry *entry = calloc(1, sizeof *entry), **at = &handout->entries;
    SL_TRY_NEW(entry, err);
    entry->hander = hander;
    if (fill(handout, entry, handed, err) != SL_OK) {
        free_entry(entry);
        return err->code;
    }
    while (*at)
        at = &(*at)->next;
    *at = entry;
    handout->count++;
    soon(handout);
    return SL_OK;
}

void sl_handout_press(struct sl_handout *handout, const struct sl_hander *hander, size_t number,
                      int times)
{
    for (struct entry *at = handout->entries; at; at = at->next)
        if (at->hander == hander && at->number == number && times > at->asked) {
            at->asked = times < 3 ? times : 3;
            soon(handout);
        }
}

const struct sl_machine_seen *sl_handout_machines(const struct sl_handout *handout,
                                                  size_t *ret_count)
{
    *ret_count = handout->machine_count;
    return handout->machines;
}

size_t sl_handout_count(const struct sl_handout *handout)
{
    return handout->count;
}

// --- its own life

static int open_texts(struct sl_handout *handout, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *environment = handout->options.environment;
    sl_arena_init(&arena, 0);
    const char *prefix = sl_handout_prefix(environment, NULL, &arena);
    const char *name =
        sl_arena_printf(&arena, SL_PRESENT_LEADER "%s", environment ? environment : "");
    SL_TRY_NEW(prefix, err);
    SL_TRY_NEW(name, err);
    handout->prefix = strdup(prefix);
    handout->name = strdup(name);
    SL_TRY_NEW(handout->prefix, err);
    SL_TRY_NEW(handout->name, err);
    return SL_OK;
}

int sl_handout_open(const struct sl_handout_options *options, struct sl_handout **ret,
                    struct sl_err *err)
{
    SL_AUTO(sl_handout_close) struct sl_handout *handout = calloc(1, sizeof *handout);
    SL_TRY_NEW(handout, err);
    handout->options = *options;
    sl_arena_init(&handout->present_arena, 0);
    const struct sl_wakes_options wakes = {.loop = options->loop,
                                           .state = options->state,
                                           .on_wake = on_wake,
                                           .on_lost = on_lost,
                                           .owner = handout};
    SL_TRY(open_texts(handout, err));
    handout->settles_us = sl_clock_monotonic_us() + (SL_CLAIM_MS + LOOK_MS) * INT64_C(1000);
    SL_TRY(sl_wakes_open(&wakes, &handout->wakes, err));
    handout->look = sl_timer_new(options->loop, handout, err);
    handout->turn = handout->look ? sl_timer_new(options->loop, handout, err) : NULL;
    if (!handout->turn)
        return err->code;
    (void)uv_timer_start(handout->look, on_look, 0, LOOK_MS);
    *ret = handout;
    handout = NULL;
    return SL_OK;
}

void sl_handout_close(struct sl_handout **handout)
{
    struct sl_handout *old = *handout;
    if (!old)
        return;
    sl_timer_close(&old->look);
    sl_timer_close(&old->turn);
    sl_wakes_close(&old->wakes);
    while (old->entries) {
        struct entry *entry = old->entries;
        old->entries = entry->next;
        free_entry(entry);
    }
    sl_map_clear(&old->by_id);
    sl_arena_clear(&old->present_arena);
    free(old->unclaimed_step);
    free(old->prefix);
    free(old->name);
    free(old);
    *handout = NULL;
}
