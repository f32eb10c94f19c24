// Judging: subjects -> findings -> alerts and messages, in one transaction.
#include "base/clock.h"
#include "base/log.h"
#include "notify/facts.h"
#include "notify/inner.h"
#include "notify/message.h"
#include "spec/pipeline.h"

#include <stdio.h>
#include <stdlib.h>

#define KEEP_US ((int64_t)365 * 86400 * 1000000)

int sl_notify_open(const struct sl_project *project, struct sl_state *of_service,
                   struct sl_notify **ret, struct sl_err *err)
{
    SL_AUTO(sl_notify_close) struct sl_notify *notify = NULL;
    *ret = NULL;
    if (!project->alerts)
        return SL_OK;
    notify = calloc(1, sizeof *notify);
    SL_TRY_NEW(notify, err);
    notify->project = project;
    notify->of_service = of_service;
    struct sl_state_place place = sl_project_state(project);
    place.is_service = of_service != NULL;
    SL_TRY(sl_alert_store_open(&place, &notify->store, err));
    *ret = notify;
    notify = NULL;
    return SL_OK;
}

void sl_notify_close(struct sl_notify **notify)
{
    if (!*notify)
        return;
    sl_alert_store_close(&(*notify)->store);
    free(*notify);
    *notify = NULL;
}

struct judging {
    struct sl_notify *notify;
    struct sl_circumstances circumstances;
    struct sl_map open; // "kind subject" -> struct sl_alert_row *
    // What is to be written, all at once.
    struct sl_alert_row *rows;
    struct sl_alert_message *messages;
    size_t row_count, message_count;
    struct sl_map row_of; // id -> its place in rows, counted from 1
    struct sl_arena arena;
};

static void judging_clear(struct judging *judging)
{
    sl_map_clear(&judging->open);
    sl_map_clear(&judging->row_of);
    sl_alert_store_undo(judging->notify->store);
    sl_arena_clear(&judging->arena);
}

static const char *key_of(const char *kind, const char *subject, struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s %s", kind, subject);
}

static int read_open(struct judging *judging, struct sl_err *err)
{
    struct sl_alert_store *store = judging->notify->store;
    struct sl_alert_query query = {.environment = judging->circumstances.environment};
    struct sl_alert_row *rows;
    struct sl_alert_silence *silences;
    size_t count;
    SL_TRY(sl_alert_store_list(store, &query, &judging->arena, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *key = key_of(rows[i].kind, rows[i].subject, &judging->arena);
        SL_TRY_NEW(key, err);
        SL_TRY(sl_map_set(&judging->open, key, &rows[i], err));
    }
    SL_TRY(sl_alert_store_silences(store, judging->circumstances.now_us, &judging->arena, &silences,
                                   &judging->circumstances.silence_count, err));
    judging->circumstances.silences = silences;
    return SL_OK;
}

static int post(struct judging *judging, const struct sl_decision *decision, struct sl_err *err)
{
    const struct sl_project *project = judging->notify->project;
    const struct sl_alert_row *alert = &decision->alert;
    const char *name = sl_alert_event_name(decision->event);
    int64_t now_us = judging->circumstances.now_us;
    char *body = NULL;
    const char *id = decision->event == SL_EVENT_REPEATED
                         ? sl_arena_printf(&judging->arena, "%s.%s-%lld", alert->id, name,
                                           (long long)alert->times)
                         : sl_arena_printf(&judging->arena, "%s.%s", alert->id, name);
    SL_TRY_NEW(id, err);
    struct sl_event event = {.id = id,
                             .project = project->name,
                             .environment = project->environment,
                             .event = decision->event,
                             .alert = alert,
                             .at_us = now_us};
    SL_TRY(sl_event_print(&event, &body, err));
    const char *kept = sl_arena_strdup(&judging->arena, body);
    free(body);
    SL_TRY_NEW(kept, err);
    for (size_t i = 0; i < decision->channels.count; i++) {
        struct sl_alert_message message = {.id = id,
                                           .alert = alert->id,
                                           .event = name,
                                           .channel = decision->channels.items[i],
                                           .environment = judging->circumstances.environment,
                                           .body = kept,
                                           .created_us = now_us,
                                           .next_us = now_us};
        if (!SL_PUSH(&judging->arena, judging->messages, judging->message_count, message))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// The same alert may come of two findings: the last one stands.
static int keep_row(struct judging *judging, const struct sl_alert_row *row, struct sl_err *err)
{
    size_t place = (size_t)(uintptr_t)sl_map_get(&judging->row_of, row->id);
    if (place) {
        judging->rows[place - 1] = *row;
        return SL_OK;
    }
    if (!SL_PUSH(&judging->arena, judging->rows, judging->row_count, *row))
        return sl_fail_memory(err);
    return sl_map_set(&judging->row_of, row->id, (void *)(uintptr_t)judging->row_count, err);
}

static int write_all(struct judging *judging, struct sl_err *err)
{
    struct sl_alert_store *store = judging->notify->store;
    SL_TRY(sl_alert_store_put(store, judging->rows, judging->row_count, err));
    return sl_alert_store_post(store, judging->messages, judging->message_count, err);
}

static int take(struct judging *judging, const struct sl_finding *finding, struct sl_err *err)
{
    struct sl_decision decision;
    char id[37];
    const char *key = key_of(sl_alert_kind_name(finding->kind), finding->subject, &judging->arena);
    SL_TRY_NEW(key, err);
    SL_TRY(sl_alerts_decide(&judging->circumstances, finding, sl_map_get(&judging->open, key),
                            &judging->arena, &decision, err));
    if (!decision.is_kept)
        return SL_OK;
    if (!decision.alert.id)
        decision.alert.id = sl_arena_strdup(&judging->arena, sl_uuid(id));
    SL_TRY_NEW(decision.alert.id, err);
    decision.alert.summary = sl_log_mask(decision.alert.summary, &judging->arena);
    SL_TRY_NEW(decision.alert.summary, err);
    struct sl_alert_row kept = decision.alert;
    const struct sl_alert_row *was = sl_map_get(&judging->open, key);
    if (decision.event == SL_EVENT_RESOLVED) // what it was is remembered, not that it is over
        kept.summary = was->summary;
    SL_TRY(keep_row(judging, &kept, err));
    return decision.event == SL_EVENT_NONE ? SL_OK : post(judging, &decision, err);
}

static bool has_anything(const struct judging *judging, const struct sl_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].is_bad)
            return true;
    return sl_map_count(&judging->open) > 0;
}

static bool is_in_project(const struct sl_project *project, const struct sl_graph *graph,
                          const char *subject)
{
    for (size_t i = 0; i < project->pipeline_count; i++)
        if (sl_str_equal(project->pipelines[i].name, subject))
            return true;
    return sl_str_equal(project->name, subject) || sl_str_equal(SL_ALERT_LAKE, subject) ||
           sl_graph_node(graph, subject);
}

// What an alert is about may be gone, and then nothing is ever found about it again.
static int take_gone(struct judging *judging, const struct sl_graph *graph, struct sl_err *err)
{
    for (const struct sl_map_entry *at = sl_map_first(&judging->open); at; at = sl_map_next(at)) {
        const struct sl_alert_row *row = sl_map_value(at);
        struct sl_finding finding = {.subject = row->subject, .has_left = true};
        if (!is_in_project(judging->notify->project, graph, row->subject) &&
            sl_alert_kind_find(row->kind, &finding.kind))
            SL_TRY(take(judging, &finding, err));
    }
    return SL_OK;
}

// Most runs find nothing wrong and have nothing to end: they write nothing. `world`: where what is
// gone can be seen; NULL: it cannot.
static int judge(struct sl_notify *notify, struct sl_findings *findings, const char *run_id,
                 const struct sl_world *world, struct sl_err *err)
{
    SL_AUTO(judging_clear) struct judging judging = {.notify = notify};
    const char *environment = notify->project->environment;
    sl_arena_init(&judging.arena, 0);
    judging.circumstances =
        (struct sl_circumstances){.alerts = notify->project->alerts,
                                  .now_us = sl_clock_now_us(),
                                  .run_id = run_id ? run_id : "",
                                  .environment = environment ? environment : ""};
    SL_TRY(read_open(&judging, err));
    if (!has_anything(&judging, findings))
        return SL_OK;
    sl_map_clear(&judging.open);
    SL_TRY(sl_alert_store_begin(notify->store, err));
    SL_TRY(read_open(&judging, err)); // as it is now that nobody else writes
    SL_TRY(sl_findings_settle(findings, &judging.arena, err));
    for (size_t i = 0; i < findings->count; i++)
        SL_TRY(take(&judging, &findings->items[i], err));
    // A run may be of a project that has been read anew since it began.
    if (world && world->project == notify->project)
        SL_TRY(take_gone(&judging, &world->graph, err));
    SL_TRY(write_all(&judging, err));
    SL_TRY(sl_alert_store_forget(notify->store, judging.circumstances.now_us - KEEP_US, err));
    return sl_alert_store_end(notify->store, err);
}

static const char *name_of(const struct sl_notify *notify, const char *pipeline)
{
    return pipeline ? pipeline : notify->project->name;
}

// --- subjects

struct collection {
    struct sl_arena arena;
    struct sl_state *own; // NULL: the service's, or none
    struct sl_findings findings;
};

static void collection_clear(struct collection *collection)
{
    sl_state_close(&collection->own);
    sl_arena_clear(&collection->arena);
}

// Without history no drop of rows is told; the rest is.
static struct sl_look look_of(struct sl_notify *notify, struct collection *collection)
{
    const char *note = NULL;
    struct sl_err ignored = {0};
    sl_arena_init(&collection->arena, 0);
    const struct sl_state_place place = sl_project_state(notify->project);
    if (!notify->of_service &&
        sl_state_read(&place, &collection->arena, &collection->own, &note, &ignored) != SL_OK)
        collection->own = NULL;
    return (struct sl_look){.project = notify->project,
                            .state = notify->of_service ? notify->of_service : collection->own,
                            .now_us = sl_clock_now_us(),
                            .arena = &collection->arena};
}

static int add(struct collection *collection, const struct sl_notify *notify,
               const struct sl_subject *subject, struct sl_err *err)
{
    return sl_alerts_judge(notify->project->alerts, subject, &collection->arena,
                           &collection->findings, err);
}

static struct sl_subject run_subject(const struct sl_notify *notify, const char *pipeline,
                                     enum sl_seen outcome, enum sl_seen deadline)
{
    const struct sl_pipeline *of = pipeline ? sl_project_pipeline(notify->project, pipeline) : NULL;
    struct sl_subject ret = sl_subject_named(name_of(notify, pipeline));
    ret.owner = of ? of->owner : NULL;
    ret.is_run = true;
    ret.outcome = outcome;
    ret.deadline = deadline;
    ret.deadline_s = notify->project->deadline_s;
    return ret;
}

// Where machines share alerts, the copy of the project here may be an older one: looks, which are
// the leader's, tell what is gone.
static const struct sl_world *world_of(const struct sl_notify *notify, const struct sl_world *world)
{
    return sl_alert_store_is_shared(notify->store) ? NULL : world;
}

int sl_notify_run_ended(struct sl_notify *notify, const struct sl_run *run, const char *pipeline,
                        bool was_told_late, struct sl_err *err)
{
    SL_AUTO(collection_clear) struct collection collection = {0};
    if (!notify)
        return SL_OK;
    struct sl_look look = look_of(notify, &collection);
    enum sl_seen whole = run->was_interrupted ? SL_SEEN_NOT : SL_SEEN_WELL;
    enum sl_seen in_time = was_told_late ? SL_SEEN_NOT : whole;
    struct sl_subject of_run =
        run_subject(notify, pipeline, whole, run->was_late ? SL_SEEN_FAILED : in_time);
    SL_TRY(add(&collection, notify, &of_run, err));
    for (size_t i = 0; i < run->count; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        struct sl_subject subject = sl_subject_named(outcome->node->name);
        if (outcome->node->is_selected)
            SL_TRY(sl_look_outcome(&look, run, outcome, &subject, err));
        else
            SL_TRY(sl_look_table(&look, outcome->node, &subject, err));
        SL_TRY(add(&collection, notify, &subject, err));
    }
    return judge(notify, &collection.findings, run->id, world_of(notify, run->world), err);
}

int sl_notify_run_failed(struct sl_notify *notify, const struct sl_err *failure,
                         const char *pipeline, struct sl_err *err)
{
    SL_AUTO(collection_clear) struct collection collection = {0};
    if (!notify || failure->code == SL_E_LOCKED || failure->code == SL_E_INTERRUPTED)
        return SL_OK;
    sl_arena_init(&collection.arena, 0);
    struct sl_subject subject = run_subject(notify, pipeline, SL_SEEN_FAILED, SL_SEEN_NOT);
    subject.code = sl_code_info(failure->code)->id;
    subject.message = failure->message;
    SL_TRY(add(&collection, notify, &subject, err));
    return judge(notify, &collection.findings, NULL, NULL, err);
}

int sl_notify_run_late(struct sl_notify *notify, const char *pipeline, const char *run_id,
                       struct sl_err *err)
{
    SL_AUTO(collection_clear) struct collection collection = {0};
    if (!notify)
        return SL_OK;
    sl_arena_init(&collection.arena, 0);
    struct sl_subject subject = run_subject(notify, pipeline, SL_SEEN_NOT, SL_SEEN_FAILED);
    if (pipeline) { // whose deadline is its own
        const struct sl_pipeline *of = sl_project_pipeline(notify->project, pipeline);
        subject.deadline_s = of ? of->deadline_s : 0;
    }
    SL_TRY(add(&collection, notify, &subject, err));
    return judge(notify, &collection.findings, run_id, NULL, err);
}

int sl_notify_run_nothing(struct sl_notify *notify, const char *pipeline, bool was_told_late,
                          struct sl_err *err)
{
    SL_AUTO(collection_clear) struct collection collection = {0};
    if (!notify)
        return SL_OK;
    sl_arena_init(&collection.arena, 0);
    const struct sl_subject subject =
        run_subject(notify, pipeline, SL_SEEN_WELL, was_told_late ? SL_SEEN_NOT : SL_SEEN_WELL);
    SL_TRY(add(&collection, notify, &subject, err));
    return judge(notify, &collection.findings, NULL, NULL, err);
}

static struct sl_subject table_subject(const struct sl_health_table *table)
{
    struct sl_subject subject = sl_subject_named(table->name);
    subject.owner = table->owner;
    subject.age_s = table->age_s;
    subject.freshness_s = table->freshness_s;
    subject.lag_s = table->lag_s;
    subject.lags_behind = table->behind;
    return subject;
}

// Files that wait make the raw table lag; else what was said of it is what its inputs say: nothing.
static void add_waiting(const struct sl_health *health, struct sl_subject *subject)
{
    for (size_t i = 0; i < health->source_count; i++)
        if (sl_str_equal(health->sources[i].table, subject->name)) {
            subject->lag_s = health->sources[i].lag_s;
            subject->lags_behind = "its files";
        }
}

static struct sl_subject lake_subject(const struct sl_health *health)
{
    struct sl_subject subject = sl_subject_named(SL_ALERT_LAKE);
    subject.outcome = health->lake.text ? SL_SEEN_FAILED : SL_SEEN_WELL;
    subject.code = health->lake_code;
    subject.said = health->lake.text;
    return subject;
}

int sl_notify_look(struct sl_notify *notify, const struct sl_world *world,
                   const struct sl_health *health, struct sl_err *err)
{
    SL_AUTO(collection_clear) struct collection collection = {0};
    if (!notify)
        return SL_OK;
    sl_arena_init(&collection.arena, 0);
    const struct sl_subject lake = lake_subject(health);
    SL_TRY(add(&collection, notify, &lake, err));
    for (size_t i = 0; i < health->table_count; i++) {
        struct sl_subject subject = table_subject(&health->tables[i]);
        if (sl_str_starts(subject.name, "raw."))
            add_waiting(health, &subject);
        SL_TRY(add(&collection, notify, &subject, err));
    }
    for (size_t i = 0; i < health->target_count; i++) {
        const struct sl_health_target *target = &health->targets[i];
        struct sl_subject subject = sl_subject_named(target->name);
        subject.owner = target->owner;
        subject.lag_s = target->lag_s;
        subject.lags_behind = target->table;
        SL_TRY(add(&collection, notify, &subject, err));
    }
    return judge(notify, &collection.findings, NULL, world, err);
}

int sl_notify_nothing(struct sl_notify *notify, const struct sl_world *world, const char *pipeline,
                      struct sl_err *err)
{
    SL_AUTO(collection_clear) struct collection collection = {0};
    if (!notify)
        return SL_OK;
    struct sl_look look = look_of(notify, &collection);
    struct sl_subject of_run = run_subject(notify, pipeline, SL_SEEN_WELL, SL_SEEN_WELL);
    SL_TRY(add(&collection, notify, &of_run, err));
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        struct sl_subject subject = sl_subject_named(node->name);
        SL_TRY(sl_look_table(&look, node, &subject, err));
        if (node->is_selected && node->verdict == SL_VERDICT_FRESH)
            subject.outcome = SL_SEEN_WELL;
        SL_TRY(add(&collection, notify, &subject, err));
    }
    return judge(notify, &collection.findings, NULL, world_of(notify, world), err);
}

int sl_notify_count(struct sl_notify *notify, struct sl_notify_counts *ret, struct sl_err *err)
{
    struct sl_alert_counts counts;
    *ret = (struct sl_notify_counts){0};
    if (!notify)
        return SL_OK;
    SL_TRY(sl_alert_store_count(notify->store, &counts, err));
    *ret = (struct sl_notify_counts){counts.open, counts.pending, counts.failed, counts.dead,
                                     counts.sent};
    return SL_OK;
}
