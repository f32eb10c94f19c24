#include "serve/agenda.h"

#include <stdlib.h>
#include <string.h>

#include "schedule/schedule.h"

#define DAY_US (SL_DAY_SECONDS * INT64_C(1000000))
#define MOST_AT_ONCE 10000  // items of one answer
#define TURN 16             // ticks of one trigger that has more of them, while others wait
#define MOST_COUNTED 200000 // ticks that one answer counts only to say how many were left out

struct entry {
    const struct sl_pipeline *pipeline;
    const struct sl_trigger *trigger;
    struct sl_zone_span *span; // of its zone, shared
    int64_t last_us;
    int64_t next_us;    // SL_AGENDA_NEVER: it comes no more
    int64_t decided_us; // up to here each tick is run
    int64_t served_us;  // since when nothing kept it from being noticed
    bool is_begun;      // at now, and nobody was told
    struct entry *next_behind;
};

// What follows from a project.
struct plan {
    struct sl_arena arena;
    struct sl_map keys;  // pipeline, 0x1f, key -> struct entry
    struct sl_map zones; // name -> struct sl_zone_span
    struct entry *entries;
    size_t count;
    struct entry **heap; // of those that are not paused, the earliest first
    size_t heap_count;
    // Those with ticks left up to decided_us, not in the heap: each has its turn.
    struct entry *behind, **behind_end;
};

struct sl_agenda {
    struct plan plan;
    struct sl_map paused;  // pipeline -> anything
    int64_t latest_now_us; // that was ever given
};

static void clear_plan(struct plan *plan)
{
    sl_map_clear(&plan->keys);
    sl_map_clear(&plan->zones);
    sl_arena_clear(&plan->arena);
}

// --- the heap

static void sift_down(struct plan *plan, size_t at)
{
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < plan->heap_count; child++)
            if (plan->heap[child]->next_us < plan->heap[least]->next_us)
                least = child;
        if (least == at)
            return;
        struct entry *moved = plan->heap[at];
        plan->heap[at] = plan->heap[least];
        plan->heap[least] = moved;
        at = least;
    }
}

static void sift_up(struct plan *plan, size_t at)
{
    while (at && plan->heap[at]->next_us < plan->heap[(at - 1) / 2]->next_us) {
        struct entry *moved = plan->heap[at];
        plan->heap[at] = plan->heap[(at - 1) / 2];
        plan->heap[(at - 1) / 2] = moved;
        at = (at - 1) / 2;
    }
}

static bool is_behind(const struct entry *entry)
{
    return entry->next_us <= entry->decided_us;
}

static void add_behind(struct plan *plan, struct entry *entry)
{
    entry->next_behind = NULL;
    *plan->behind_end = entry;
    plan->behind_end = &entry->next_behind;
}

static struct entry *take_behind(struct plan *plan)
{
    struct entry *entry = plan->behind;

    plan->behind = entry->next_behind;
    if (!plan->behind)
        plan->behind_end = &plan->behind;
    return entry;
}

static void fill_heap(struct sl_agenda *agenda)
{
    struct plan *plan = &agenda->plan;

    plan->behind = NULL;
    plan->behind_end = &plan->behind;
    plan->heap_count = 0;
    // A pause takes back nothing that was decided before it.
    for (size_t i = 0; i < plan->count; i++)
        if (is_behind(&plan->entries[i]))
            add_behind(plan, &plan->entries[i]);
        else if (!sl_map_has(&agenda->paused, plan->entries[i].pipeline->name))
            plan->heap[plan->heap_count++] = &plan->entries[i];
    for (size_t i = plan->heap_count / 2; i-- > 0;)
        sift_down(plan, i);
}

// --- triggers

static void find_next(struct entry *entry)
{
    struct sl_schedule_tick tick;

    entry->next_us = sl_schedule_next(entry->trigger->schedule, entry->last_us, entry->span, &tick)
                         ? tick.at_us
                         : SL_AGENDA_NEVER;
}

static void begin_at(struct entry *entry, int64_t now_us)
{
    entry->last_us = now_us;
    entry->decided_us = INT64_MIN;
    entry->is_begun = true;
}

static const char *join_key(struct sl_arena *arena, const char *pipeline, const char *key)
{
    return sl_arena_printf(arena, "%s\x1f%s", pipeline, key);
}

static int find_span(struct plan *plan, const char *zone, struct sl_zone_span **ret,
                     struct sl_err *err)
{
    *ret = sl_map_get(&plan->zones, zone);
    if (*ret)
        return SL_OK;
    *ret = SL_NEW(&plan->arena, struct sl_zone_span);
    SL_TRY_NEW(*ret, err);
    return sl_map_set(&plan->zones, zone, *ret, err);
}

static int add_entry(struct plan *plan, const struct sl_pipeline *pipeline,
                     const struct sl_trigger *trigger, struct sl_err *err)
{
    struct entry *entry = &plan->entries[plan->count++];
    const char *key = join_key(&plan->arena, pipeline->name, trigger->key);

    SL_TRY_NEW(key, err);
    *entry = (struct entry){
        .pipeline = pipeline, .trigger = trigger, .last_us = INT64_MIN, .decided_us = INT64_MIN};
    SL_TRY(find_span(plan, trigger->schedule->zone.name, &entry->span, err));
    return sl_map_set(&plan->keys, key, entry, err);
}

static int make_plan(const struct sl_project *project, struct plan *plan, struct sl_err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < project->pipeline_count; i++)
        for (size_t k = 0; k < project->pipelines[i].trigger_count; k++)
            count += project->pipelines[i].triggers[k].schedule != NULL;
    plan->entries = SL_NEW_ARRAY(&plan->arena, struct entry, count);
    plan->heap = SL_NEW_ARRAY(&plan->arena, struct entry *, count);
    SL_TRY_NEW(plan->entries, err);
    SL_TRY_NEW(plan->heap, err);
    for (size_t i = 0; i < project->pipeline_count; i++)
        for (size_t k = 0; k < project->pipelines[i].trigger_count; k++)
            if (project->pipelines[i].triggers[k].schedule)
                SL_TRY(add_entry(plan, &project->pipelines[i], &project->pipelines[i].triggers[k],
                                 err));
    return SL_OK;
}

// What has no last tick, or one that a wrong clock gave, begins at now.
static void settle_entries(struct plan *plan, int64_t now_us)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct entry *entry = &plan->entries[i];

        if (entry->last_us == INT64_MIN || entry->last_us - now_us > DAY_US)
            begin_at(entry, now_us);
        find_next(entry);
    }
}

static int read_last(struct plan *plan, const struct sl_agenda_last *last, size_t count,
                     struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};

    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < count; i++) {
        const char *key = join_key(&arena, last[i].pipeline, last[i].key);
        SL_TRY_NEW(key, err);
        struct entry *entry = sl_map_get(&plan->keys, key);
        if (entry && last[i].at_us > entry->last_us)
            entry->last_us = last[i].at_us;
    }
    return SL_OK;
}

static int fill_agenda(struct sl_agenda *agenda, const struct sl_project *project,
                       const struct sl_agenda_last *last, size_t last_count, struct sl_err *err)
{
    SL_TRY(make_plan(project, &agenda->plan, err));
    return read_last(&agenda->plan, last, last_count, err);
}

int sl_agenda_new(const struct sl_project *project, const struct sl_agenda_last *last,
                  size_t last_count, int64_t now_us, struct sl_agenda **ret, struct sl_err *err)
{
    SL_AUTO(sl_agenda_free) struct sl_agenda *agenda = calloc(1, sizeof *agenda);

    SL_TRY_NEW(agenda, err);
    sl_arena_init(&agenda->plan.arena, 0);
    SL_TRY(fill_agenda(agenda, project, last, last_count, err));
    settle_entries(&agenda->plan, now_us);
    sl_agenda_serves_from(agenda, now_us);
    fill_heap(agenda);
    agenda->latest_now_us = now_us;
    *ret = agenda;
    agenda = NULL;
    return SL_OK;
}

void sl_agenda_free(struct sl_agenda **agenda)
{
    if (!agenda || !*agenda)
        return;
    clear_plan(&(*agenda)->plan);
    sl_map_clear(&(*agenda)->paused);
    free(*agenda);
    *agenda = NULL;
}

int sl_agenda_reload(struct sl_agenda *agenda, const struct sl_project *project, int64_t now_us,
                     struct sl_err *err)
{
    struct plan plan = {0};

    sl_arena_init(&plan.arena, 0);
    if (make_plan(project, &plan, err) != SL_OK) {
        clear_plan(&plan);
        return err ? (int)err->code : (int)SL_E_MEMORY;
    }
    for (const struct sl_map_entry *it = sl_map_first(&plan.keys); it; it = sl_map_next(it)) {
        const struct entry *before = sl_map_get(&agenda->plan.keys, sl_map_key(it));
        struct entry *entry = sl_map_value(it);

        entry->served_us = now_us;
        if (!before)
            continue;
        entry->last_us = before->last_us;
        entry->is_begun = before->is_begun;
        entry->served_us = before->served_us;
        if (entry->pipeline->catch_up == before->pipeline->catch_up)
            entry->decided_us = before->decided_us;
    }
    settle_entries(&plan, now_us);
    clear_plan(&agenda->plan);
    agenda->plan = plan;
    fill_heap(agenda);
    return SL_OK;
}

int sl_agenda_begun(const struct sl_agenda *agenda, struct sl_arena *arena,
                    struct sl_agenda_last **ret, size_t *ret_count, struct sl_err *err)
{
    const struct plan *plan = &agenda->plan;
    struct sl_agenda_last *begun = SL_NEW_ARRAY(arena, struct sl_agenda_last, plan->count);
    size_t count = 0;

    SL_TRY_NEW(begun, err);
    for (size_t i = 0; i < plan->count; i++) {
        const struct entry *entry = &plan->entries[i];
        if (entry->is_begun)
            begun[count++] =
                (struct sl_agenda_last){entry->pipeline->name, entry->trigger->key, entry->last_us};
    }
    *ret = begun;
    *ret_count = count;
    return SL_OK;
}

void sl_agenda_begun_is_kept(struct sl_agenda *agenda)
{
    for (size_t i = 0; i < agenda->plan.count; i++)
        agenda->plan.entries[i].is_begun = false;
}

// --- pauses

int sl_agenda_pause(struct sl_agenda *agenda, const char *pipeline, struct sl_err *err)
{
    if (sl_map_has(&agenda->paused, pipeline))
        return SL_OK;
    SL_TRY(sl_map_set(&agenda->paused, pipeline, agenda, err));
    fill_heap(agenda);
    return SL_OK;
}

void sl_agenda_resume(struct sl_agenda *agenda, const char *pipeline, int64_t now_us)
{
    if (!sl_map_has(&agenda->paused, pipeline))
        return;
    sl_map_remove(&agenda->paused, pipeline);
    for (size_t i = 0; i < agenda->plan.count; i++)
        if (strcmp(agenda->plan.entries[i].pipeline->name, pipeline) == 0)
            agenda->plan.entries[i].served_us = now_us;
    fill_heap(agenda);
}

bool sl_agenda_is_paused(const struct sl_agenda *agenda, const char *pipeline)
{
    return sl_map_has(&agenda->paused, pipeline);
}

// --- ticks

void sl_agenda_serves_from(struct sl_agenda *agenda, int64_t now_us)
{
    for (size_t i = 0; i < agenda->plan.count; i++)
        agenda->plan.entries[i].served_us = now_us;
}

int64_t sl_agenda_next_us(const struct sl_agenda *agenda)
{
    if (agenda->plan.behind)
        return agenda->plan.behind->next_us;
    return agenda->plan.heap_count ? agenda->plan.heap[0]->next_us : SL_AGENDA_NEVER;
}

int64_t sl_agenda_next_of_us(const struct sl_agenda *agenda, const char *pipeline)
{
    int64_t next_us = SL_AGENDA_NEVER;

    for (size_t i = 0; i < agenda->plan.count; i++) {
        const struct entry *entry = &agenda->plan.entries[i];
        if (strcmp(entry->pipeline->name, pipeline) == 0 && entry->next_us < next_us)
            next_us = entry->next_us;
    }
    return next_us;
}

struct dues {
    struct sl_arena *arena;
    struct sl_due *items;
    size_t count;
    int64_t now_us;
    int64_t budget; // ticks that may still be counted
};

static struct sl_due due_of(const struct dues *dues, const struct entry *entry, int64_t tick_us)
{
    return (struct sl_due){.pipeline = entry->pipeline,
                           .trigger = entry->trigger,
                           .tick_us = tick_us,
                           .is_missed = dues->now_us - tick_us > SL_AGENDA_GRACE_US};
}

static int add_due(struct dues *dues, struct sl_due due, struct sl_err *err)
{
    return SL_PUSH(dues->arena, dues->items, dues->count, due) ? SL_OK : sl_fail_memory(err);
}

// Those from the entry's next one up to `until_us`, which is one of them.
static int add_left_out(struct dues *dues, const struct entry *entry, int64_t until_us,
                        struct sl_err *err)
{
    struct sl_due due = due_of(dues, entry, until_us);
    const size_t most = (size_t)dues->budget + 1;

    due.is_left_out = true;
    due.first_us = entry->next_us;
    due.left_out = (int64_t)sl_schedule_between(entry->trigger->schedule, entry->last_us, until_us,
                                                NULL, most);
    due.is_more = due.left_out > dues->budget;
    dues->budget -= due.is_more ? dues->budget : due.left_out;
    return add_due(dues, due, err);
}

// The newest ones behind what the trigger had, at most so many, oldest first.
static int find_newest(const struct dues *dues, const struct entry *entry, size_t most,
                       int64_t **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_zone_span span = {0}; // of the past: that of the zone stays where now is
    int64_t before_us = dues->now_us + 1;
    int64_t *ticks = NULL;
    size_t count = 0;
    struct sl_schedule_tick tick;

    while (count < most &&
           sl_schedule_previous(entry->trigger->schedule, before_us, &span, &tick) &&
           tick.at_us > entry->last_us) {
        if (!SL_PUSH(dues->arena, ticks, count, tick.at_us))
            return sl_fail_memory(err);
        before_us = tick.at_us;
    }
    for (size_t i = 0; i < count / 2; i++) {
        int64_t other = ticks[i];
        ticks[i] = ticks[count - 1 - i];
        ticks[count - 1 - i] = other;
    }
    *ret = ticks;
    *ret_count = count;
    return SL_OK;
}

// Of what is due: a part of it may be left out, and what is run up to now is decided.
static int decide(struct dues *dues, struct entry *entry, struct sl_err *err)
{
    const enum sl_catch_up catch_up = (enum sl_catch_up)entry->pipeline->catch_up;
    const bool is_in_time =
        entry->next_us > entry->served_us && dues->now_us - entry->next_us <= SL_AGENDA_GRACE_US;
    const size_t most = catch_up == SL_CATCH_UP_ALL && !is_in_time ? SL_AGENDA_CATCH_UP_MAX : 1;
    int64_t left_out_us = entry->last_us;
    struct sl_schedule_tick before;
    int64_t *ticks;
    size_t count;

    SL_TRY(find_newest(dues, entry, most, &ticks, &count, err));
    // None: the schedule's two ways to look disagree; not again and again.
    entry->decided_us = count ? ticks[count - 1] : dues->now_us;
    if (count == 0)
        left_out_us = dues->now_us;
    else if (is_in_time)
        return SL_OK;
    else if (catch_up == SL_CATCH_UP_NONE && dues->now_us - entry->decided_us > SL_AGENDA_GRACE_US)
        left_out_us = entry->decided_us;
    else if (ticks[0] > entry->next_us &&
             sl_schedule_previous(entry->trigger->schedule, ticks[0], NULL, &before))
        left_out_us = before.at_us;
    if (left_out_us <= entry->last_us)
        return SL_OK;
    if (count)
        SL_TRY(add_left_out(dues, entry, left_out_us, err));
    entry->last_us = left_out_us;
    find_next(entry);
    return SL_OK;
}

// At most so many, and what is left out before them.
static int take_entry(struct dues *dues, struct entry *entry, int most, struct sl_err *err)
{
    if (!is_behind(entry))
        SL_TRY(decide(dues, entry, err));
    for (int i = 0; i < most && is_behind(entry); i++) {
        SL_TRY(add_due(dues, due_of(dues, entry, entry->next_us), err));
        entry->last_us = entry->next_us;
        find_next(entry);
    }
    entry->is_begun = false; // what comes with the tick says more
    return SL_OK;
}

// The first one that is due of the heap.
static int take_first(struct dues *dues, struct plan *plan, struct sl_err *err)
{
    struct entry *entry = plan->heap[0];

    SL_TRY(take_entry(dues, entry, 1, err));
    if (is_behind(entry)) {
        plan->heap[0] = plan->heap[--plan->heap_count];
        add_behind(plan, entry);
    }
    sift_down(plan, 0);
    return SL_OK;
}

static int take_turn(struct dues *dues, struct sl_agenda *agenda, struct sl_err *err)
{
    struct plan *plan = &agenda->plan;
    struct entry *entry = take_behind(plan);
    const int code = take_entry(dues, entry, TURN, err);

    if (is_behind(entry)) {
        add_behind(plan, entry);
        return code;
    }
    if (!sl_map_has(&agenda->paused, entry->pipeline->name)) {
        plan->heap[plan->heap_count++] = entry;
        sift_up(plan, plan->heap_count - 1);
    }
    return code;
}

int sl_agenda_take_due(struct sl_agenda *agenda, int64_t now_us, struct sl_arena *arena,
                       struct sl_due **ret, size_t *ret_count, struct sl_err *err)
{
    struct plan *plan = &agenda->plan;
    struct dues dues = {.arena = arena, .now_us = now_us, .budget = MOST_COUNTED};

    if (agenda->latest_now_us - now_us > DAY_US) {
        settle_entries(plan, now_us);
        sl_agenda_serves_from(agenda, now_us);
        fill_heap(agenda);
        agenda->latest_now_us = now_us;
    }
    if (now_us > agenda->latest_now_us)
        agenda->latest_now_us = now_us;
    while (plan->heap_count && plan->heap[0]->next_us <= now_us && dues.count < MOST_AT_ONCE)
        SL_TRY(take_first(&dues, plan, err));
    if (plan->behind)
        SL_TRY(take_turn(&dues, agenda, err));
    *ret = dues.items;
    *ret_count = dues.count;
    return SL_OK;
}
