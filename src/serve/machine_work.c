// What a worker on another machine does with steps: claims, keeps, hands in.
#include "base/clock.h"
#include "serve/machine_inner.h"
#include "serve/tell.h"

#include <stdlib.h>
#include <string.h>

// The claims of one call to the store.
struct claims {
    struct sl_job jobs[SL_MOST_WORKERS];
    struct sl_slot *slots[SL_MOST_WORKERS];
    bool is_lost[SL_MOST_WORKERS];
    int asked[SL_MOST_WORKERS];
    size_t count;
};

void sl_machine_tell(enum sl_log_level level, const struct sl_slot *slot, const char *format, ...)
{
    va_list arguments;
    json_t *fields =
        slot ? json_pack("{s:s, s:s, s:s, s:I}", "job_id", slot->id, "run_id", slot->run_id, "step",
                         slot->step, "attempt", (json_int_t)slot->attempt)
             : NULL;
    va_start(arguments, format);
    sl_tell_about(level, fields, slot ? slot->step : NULL, format, arguments);
    va_end(arguments);
}

size_t sl_machine_count(const struct sl_machine *machine, enum sl_slot_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < machine->slot_count; i++)
        count += machine->slots[i].state == state;
    return count;
}

static void empty(struct sl_slot *slot)
{
    free(slot->id);
    free(slot->run_id);
    free(slot->step);
    free(slot->reply);
    *slot = (struct sl_slot){0};
}

static void share(struct sl_machine *machine)
{
    size_t parts = sl_machine_count(machine, SL_SLOT_AT_WORK);
    for (const struct sl_crew *at = machine->newest; at; at = at->next)
        sl_pool_share(at->pool, parts ? parts : 1);
}

static size_t number_of(const struct sl_machine *machine, const struct sl_slot *slot)
{
    return (size_t)(slot - machine->slots);
}

static void heard(struct sl_machine *machine, int64_t asked_us)
{
    if (machine->is_cut_off)
        sl_machine_tell(SL_LOG_INFO, NULL, "the state store is there again");
    machine->is_cut_off = false;
    machine->heard_us = asked_us;
}

// By the database's clock others may have the steps by now, and this machine's own tells no less.
static void kill_overdue(struct sl_machine *machine)
{
    if (sl_clock_monotonic_us() - machine->heard_us < (int64_t)SL_CLAIM_MS * 1000)
        return;
    for (size_t i = 0; i < machine->slot_count; i++) {
        struct sl_slot *slot = &machine->slots[i];
        if (slot->state != SL_SLOT_AT_WORK || slot->is_given_up)
            continue;
        sl_machine_tell(SL_LOG_WARN, slot, "killed: for %d s its claim could not be renewed",
                        SL_CLAIM_MS / 1000);
        slot->is_given_up = true;
        sl_pool_cut_off(slot->crew->pool, i);
    }
}

void sl_machine_trouble(struct sl_machine *machine, const struct sl_err *err)
{
    if (!machine->is_cut_off)
        sl_machine_tell(SL_LOG_WARN, NULL, "%s", err->message);
    machine->is_cut_off = true;
    kill_overdue(machine);
}

// --- claiming

static int fill(struct sl_slot *slot, const struct sl_job *job, struct sl_err *err)
{
    slot->id = strdup(job->id);
    slot->run_id = strdup(job->run_id);
    slot->step = strdup(job->step);
    slot->attempt = job->attempt;
    slot->token = job->token;
    slot->began_us = sl_clock_now_us();
    return slot->id && slot->run_id && slot->step ? SL_OK : sl_fail_memory(err);
}

static void done(struct sl_machine *machine, struct sl_slot *slot, const json_t *reply,
                 const struct sl_death *death)
{
    struct sl_err err = {0};
    slot->state = SL_SLOT_DONE;
    if (sl_handout_print(reply, death, &slot->reply, &err) != SL_OK)
        slot->is_given_up = true; // its claim runs out
    sl_machine_soon(machine);
}

// What a task prints is told of its step.
static void name_task(const struct sl_crew *crew, const struct sl_slot *slot, size_t number)
{
    if (sl_log_format() != SL_LOG_JSON || !sl_str_starts(slot->step, "task."))
        return;
    SL_AUTO(sl_json_free)
    json_t *fields = json_pack("{s:s, s:s, s:s, s:I}", "job_id", slot->id, "run_id", slot->run_id,
                               "step", slot->step, "attempt", (json_int_t)slot->attempt);
    if (fields)
        sl_pool_name_job(crew->pool, number, fields);
}

static int begin(struct sl_machine *machine, struct sl_crew *crew, struct sl_slot *slot,
                 const struct sl_job *job, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *request = NULL;
    const struct sl_seat *seat;
    const char *text = job->request_json ? job->request_json : "";
    SL_TRY(fill(slot, job, err));
    SL_TRY(sl_json_parse(text, strlen(text), "a step that was handed out", &request, err));
    SL_TRY(sl_pool_start(crew->pool, number_of(machine, slot), request, &seat, err));
    name_task(crew, slot, number_of(machine, slot));
    return SL_OK;
}

static void take(struct sl_machine *machine, struct sl_crew *crew, const struct sl_job *job)
{
    struct sl_death death = {.exit_code = -1};
    struct sl_slot *slot = machine->slots;
    while (slot->state != SL_SLOT_FREE)
        slot++;
    slot->crew = crew;
    slot->state = SL_SLOT_AT_WORK;
    if (begin(machine, crew, slot, job, &death.err) == SL_OK) {
        sl_machine_tell(SL_LOG_DEBUG, slot, "begins");
    } else if (slot->id && slot->run_id && slot->step) {
        sl_machine_tell(SL_LOG_ERROR, slot, "cannot begin: %s", death.err.message);
        done(machine, slot, NULL, &death);
    } else { // without memory its claim runs out
        empty(slot);
    }
}

static int claim_for(struct sl_machine *machine, struct sl_crew *crew, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_job *jobs;
    size_t count, room = sl_machine_count(machine, SL_SLOT_FREE);
    sl_arena_init(&arena, 0);
    if (!room || !crew->is_wanted)
        return SL_OK;
    const char *prefix = sl_handout_prefix(crew->world.project->environment, crew->code, &arena);
    SL_TRY_NEW(prefix, err);
    const struct sl_claim claim = {
        .holder = machine->holder, .ttl_ms = SL_CLAIM_MS, .limit = room, .prefix = prefix};
    int64_t asked_us = sl_clock_monotonic_us();
    SL_TRY(sl_state_claim(machine->state, &claim, &arena, &jobs, &count, err));
    if (!sl_machine_count(machine, SL_SLOT_AT_WORK))
        heard(machine, asked_us); // else claims that are older have not been renewed
    for (size_t i = 0; i < count; i++)
        take(machine, crew, &jobs[i]);
    return SL_OK;
}

void sl_machine_claim(struct sl_machine *machine)
{
    struct sl_err err = {0};
    if (!machine->stops && !sl_machine_sees_lake(machine))
        return;
    for (struct sl_crew *at = machine->newest; at && !machine->stops; at = at->next)
        if (claim_for(machine, at, &err) != SL_OK) {
            sl_machine_trouble(machine, &err);
            return;
        }
    share(machine);
    sl_machine_watch(machine);
}

// --- keeping

static void gather(struct sl_machine *machine, enum sl_slot_state state, struct claims *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < machine->slot_count; i++) {
        struct sl_slot *slot = &machine->slots[i];
        if (slot->state == SL_SLOT_FREE || slot->is_given_up || slot->state < state)
            continue;
        ret->slots[ret->count] = slot;
        ret->jobs[ret->count++] =
            (struct sl_job){.id = slot->id, .token = slot->token, .reply_json = slot->reply};
    }
}

static void lose(struct sl_slot *slot, size_t number)
{
    slot->is_given_up = true;
    if (slot->state != SL_SLOT_AT_WORK)
        return;
    sl_machine_tell(SL_LOG_WARN, slot,
                    "killed: the service wants it no longer, or has given it to another worker");
    sl_pool_cut_off(slot->crew->pool, number);
}

static void press(struct sl_slot *slot, size_t number, int asked)
{
    if (slot->state != SL_SLOT_AT_WORK || asked <= slot->asked)
        return;
    slot->asked = asked;
    if (asked > 2) {
        sl_machine_tell(SL_LOG_WARN, slot, "killed: who serves now wants it no longer");
        sl_pool_cut_off(slot->crew->pool, number);
        return;
    }
    sl_machine_tell(SL_LOG_INFO, slot,
                    asked > 1 ? "interrupted, as the service asks"
                              : "ends after the file at hand, as the service asks");
    sl_pool_drain_job(slot->crew->pool, number);
    if (asked > 1)
        sl_pool_stop(slot->crew->pool, number);
}

void sl_machine_keep(struct sl_machine *machine, int64_t ttl_ms)
{
    struct claims claims;
    struct sl_err err = {0};
    int64_t asked_us = sl_clock_monotonic_us();
    gather(machine, SL_SLOT_AT_WORK, &claims);
    if (!claims.count)
        return;
    if (sl_state_beat(machine->state, claims.jobs, claims.count, ttl_ms, claims.is_lost,
                      claims.asked, &err) != SL_OK) {
        sl_machine_trouble(machine, &err);
        return;
    }
    heard(machine, asked_us);
    for (size_t i = 0; i < claims.count; i++)
        if (claims.is_lost[i])
            lose(claims.slots[i], number_of(machine, claims.slots[i]));
        else
            press(claims.slots[i], number_of(machine, claims.slots[i]), claims.asked[i]);
}

// --- handing in

void sl_machine_on_reply(void *owner, size_t job, const json_t *reply, const struct sl_death *death)
{
    const struct sl_crew *crew = owner;
    struct sl_slot *slot = &crew->machine->slots[job];
    struct sl_death dropped = {.is_lost = true, .exit_code = -1};
    if (death && slot->is_dropped) {
        (void)sl_fail(&dropped.err, SL_E_WORKER_LOST, "the worker '%s' was told to end at once",
                      crew->machine->name);
        death = &dropped;
    }
    if (death && !slot->is_given_up)
        sl_machine_tell(SL_LOG_ERROR, slot, "%s", death->err.message);
    done(crew->machine, slot, reply, death);
}

static void tell_end(const struct sl_slot *slot, bool is_lost)
{
    char took[32];
    int64_t ms = (sl_clock_now_us() - slot->began_us) / 1000;
    if (is_lost)
        sl_machine_tell(SL_LOG_WARN, slot,
                        "what it came to is refused: the step is another worker's by now");
    else
        sl_machine_tell(SL_LOG_INFO, slot, "handed in after %s", sl_str_elapsed(ms, took));
}

static int hand_in(struct sl_machine *machine, struct sl_err *err)
{
    struct claims claims;
    gather(machine, SL_SLOT_DONE, &claims);
    if (claims.count)
        SL_TRY(sl_state_complete(machine->state, claims.jobs, claims.count, claims.is_lost, err));
    for (size_t i = 0; i < claims.count; i++) {
        tell_end(claims.slots[i], claims.is_lost[i]);
        empty(claims.slots[i]);
    }
    for (size_t i = 0; i < machine->slot_count; i++)
        if (machine->slots[i].state == SL_SLOT_DONE && machine->slots[i].is_given_up)
            empty(&machine->slots[i]);
    return SL_OK;
}

void sl_machine_turn(struct sl_machine *machine)
{
    struct sl_err err = {0};
    if (hand_in(machine, &err) != SL_OK) {
        sl_machine_trouble(machine, &err);
        if (machine->stops > 1) // its claims run out
            uv_stop(&machine->loop);
        return;
    }
    if (machine->stops && !sl_machine_count(machine, SL_SLOT_AT_WORK))
        uv_stop(&machine->loop);
    else
        sl_machine_claim(machine);
}

void sl_machine_give_up(struct sl_machine *machine)
{
    for (size_t i = 0; i < machine->slot_count; i++) {
        struct sl_slot *slot = &machine->slots[i];
        if (slot->state != SL_SLOT_AT_WORK)
            continue;
        slot->is_dropped = true;
        sl_pool_cut_off(slot->crew->pool, i);
    }
}
