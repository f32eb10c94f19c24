#include "observe/facts.h"

#include "base/clock.h"
#include "base/log.h"
#include "observe/spool.h"
#include "run/history.h"

#include <stdlib.h>
#include <string.h>

struct sl_observer {
    struct sl_observer_options options;
    struct sl_arena arena;
    struct sl_spool *spool; // NULL: the run has not begun
    struct sl_map steps;    // label -> json_t *, the step's attempts so far
    bool has_begun, has_failed, has_news;
};

static const char *kept(struct sl_observer *observer, const char *text)
{
    return sl_arena_strdup(&observer->arena, text);
}

int sl_observer_open(const struct sl_observer_options *options, struct sl_observer **ret,
                     struct sl_err *err)
{
    struct sl_observer *observer = NULL;
    *ret = NULL;
    if (!options->project->observe)
        return SL_OK;
    observer = calloc(1, sizeof *observer);
    SL_TRY_NEW(observer, err);
    sl_arena_init(&observer->arena, 0);
    observer->options = *options;
    observer->options.command = kept(observer, options->command);
    observer->options.pipeline = kept(observer, options->pipeline);
    observer->options.trigger = kept(observer, options->trigger);
    observer->options.traceparent = kept(observer, options->traceparent);
    *ret = observer;
    return SL_OK;
}

void sl_observer_close(struct sl_observer **observer)
{
    if (!*observer)
        return;
    for (const struct sl_map_entry *it = sl_map_first(&(*observer)->steps); it;
         it = sl_map_next(it))
        json_decref(sl_map_value(it));
    sl_map_clear(&(*observer)->steps);
    sl_spool_close(&(*observer)->spool);
    sl_arena_clear(&(*observer)->arena);
    free(*observer);
    *observer = NULL;
}

static void give_up(struct sl_observer *observer, const struct sl_err *err)
{
    if (!observer->has_failed)
        sl_log(SL_LOG_WARN, NULL, "lineage and traces of this run are not kept: %s", err->message);
    observer->has_failed = true;
}

// Takes the fact.
static void keep(struct sl_observer *observer, json_t *fact)
{
    struct sl_err err = {0};
    if (!fact)
        (void)!sl_fail_memory(&err);
    else if (!observer->has_failed && observer->spool)
        (void)!sl_spool_add(observer->spool, fact, &err);
    json_decref(fact);
    if (err.code)
        give_up(observer, &err);
    else
        observer->has_news = true;
}

// OPENLINEAGE_PARENT_ID is "namespace/name/run id", where a namespace may hold slashes and a name
// may not. Null: there is none.
static json_t *lineage_parent(const struct sl_observer *observer)
{
    const char *text = observer->options.has_parent ? getenv("OPENLINEAGE_PARENT_ID") : NULL;
    const char *id = text ? strrchr(text, '/') : NULL, *name = id;
    while (name && name > text && name[-1] != '/')
        name--;
    if (!id || name == text || strlen(id + 1) != 36)
        return json_null();
    return json_pack("{s:s%, s:s%, s:s}", "namespace", text, (size_t)(name - 1 - text), "name",
                     name, (size_t)(id - name), "run_id", id + 1);
}

static const char *variable(const struct sl_observer *observer, const char *name)
{
    return observer->options.has_parent ? getenv(name) : NULL;
}

static json_t *start_of(const struct sl_observer *observer, const struct sl_run *run)
{
    const struct sl_observer_options *options = &observer->options;
    const char *parent =
        options->traceparent ? options->traceparent : variable(observer, "TRACEPARENT");
    return json_pack("{s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "fact",
                     "run_start", "at_us", (json_int_t)run->started_us, "run_id", run->id,
                     "project", sl_json_string_or_null(options->project->name), "environment",
                     sl_json_string_or_null(options->project->environment), "command",
                     sl_json_string_or_null(options->command), "pipeline",
                     sl_json_string_or_null(options->pipeline), "trigger",
                     sl_json_string_or_null(options->trigger), "tick_us",
                     (json_int_t)options->tick_us, "traceparent", sl_json_string_or_null(parent),
                     "tracestate",
                     sl_json_string_or_null(parent ? variable(observer, "TRACESTATE") : NULL),
                     "parent", lineage_parent(observer));
}

static void begin(struct sl_observer *observer, const struct sl_run *run)
{
    struct sl_err err = {0};
    if (observer->has_begun || observer->has_failed)
        return;
    observer->has_begun = true;
    if (sl_spool_open(observer->options.project->state_folder, run->id, &observer->spool, &err) !=
        SL_OK)
        give_up(observer, &err);
    else
        keep(observer, start_of(observer, run));
}

// --- steps

static const char *kind_of(const struct sl_node *node)
{
    static const char *const kinds[] = {[SL_NODE_INGEST] = "ingest",
                                        [SL_NODE_CLEANSE] = "cleanse",
                                        [SL_NODE_MODEL] = "model",
                                        [SL_NODE_LOAD] = "load",
                                        [SL_NODE_TASK] = "task"};
    return kinds[node->kind];
}

static json_t *fact_of_step(const char *fact, const struct sl_node *node)
{
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:o}", "fact", fact, "at_us",
                     (json_int_t)sl_clock_now_us(), "step", node->label, "table", node->name,
                     "kind", kind_of(node), "code", sl_json_string_or_null(node->fingerprint));
}

void sl_observer_step_start(struct sl_observer *observer, const struct sl_run *run,
                            const struct sl_outcome *outcome)
{
    struct sl_err err = {0};
    if (!observer || observer->has_failed)
        return;
    begin(observer, run);
    json_t *attempts = sl_map_get(&observer->steps, outcome->node->label);
    if (!attempts) {
        attempts = json_array();
        if (!attempts ||
            sl_map_set(&observer->steps, outcome->node->label, attempts, &err) != SL_OK) {
            json_decref(attempts);
            return;
        }
        keep(observer, fact_of_step("step_start", outcome->node));
    }
    (void)json_array_append_new(attempts,
                                json_pack("{s:I}", "start_us", (json_int_t)sl_clock_now_us()));
}

static void end_attempt(const struct sl_observer *observer, const char *label,
                        const struct sl_err *err, int64_t wait_ms)
{
    json_t *attempts = sl_map_get(&observer->steps, label);
    json_t *last = attempts && json_array_size(attempts)
                       ? json_array_get(attempts, json_array_size(attempts) - 1)
                       : NULL;
    if (!last || json_object_get(last, "end_us"))
        return;
    (void)json_object_set_new(last, "end_us", json_integer((json_int_t)sl_clock_now_us()));
    if (err->code)
        (void)json_object_set_new(last, "error", sl_err_json(err));
    if (wait_ms >= 0)
        (void)json_object_set_new(last, "wait_ms", json_integer((json_int_t)wait_ms));
}

void sl_observer_step_again(struct sl_observer *observer, const struct sl_outcome *outcome)
{
    if (observer && !observer->has_failed)
        end_attempt(observer, outcome->node->label, &outcome->err,
                    outcome->retried[outcome->retried_count - 1].wait_ms);
}

// What nobody is told takes no room.
static json_t *without_rest(json_t *outcome)
{
    static const char *const rest[] = {"step",          "table",    "raw_only", "also_read",
                                       "emptied_files", "notes",    "profile",  "estimate",
                                       "worker_death",  "retried",  "quality",  "files_together",
                                       "attempts",      "rows_read"};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        (void)json_object_del(outcome, rest[i]);
    return outcome;
}

void sl_observer_step_end(struct sl_observer *observer, const struct sl_outcome *outcome)
{
    struct sl_err err = {0};
    json_t *printed = NULL;
    json_t *attempts = observer ? sl_map_get(&observer->steps, outcome->node->label) : NULL;
    if (!attempts || observer->has_failed) // it never went to a worker
        return;
    end_attempt(observer, outcome->node->label, &outcome->err, -1);
    if (sl_outcome_print(outcome, &printed, &err) != SL_OK) {
        give_up(observer, &err);
        return;
    }
    json_t *fact = fact_of_step("step_end", outcome->node);
    (void)json_object_set(fact, "start_us",
                          json_object_get(json_array_get(attempts, 0), "start_us"));
    (void)json_object_set(fact, "attempts", attempts);
    (void)json_object_set_new(fact, "files_out",
                              json_integer((json_int_t)outcome->result.files_out));
    (void)json_object_set_new(fact, "outcome", without_rest(printed));
    keep(observer, fact);
    json_array_clear(attempts);
}

// --- the run

static json_t *counts_of(const struct sl_run *run)
{
    json_t *counts = json_object();
    for (int status = SL_STATUS_NOTHING; status <= SL_STATUS_SKIPPED; status++)
        (void)json_object_set_new(counts, sl_status_name((enum sl_status)status),
                                  json_integer((json_int_t)run->by_status[status]));
    return counts;
}

void sl_observer_run_end(struct sl_observer *observer, const struct sl_run *run,
                         const struct sl_err *failure)
{
    bool is_worth_telling = failure->code && failure->code != SL_E_LOCKED && run->id[0] &&
                            failure->code != SL_E_INTERRUPTED;
    if (!observer || observer->has_failed)
        return;
    if (is_worth_telling)
        begin(observer, run);
    if (!observer->has_begun || !observer->spool)
        return;
    // What it failed of when somebody cancelled it is what came of that.
    const bool has_failed = failure->code && !run->was_cancelled;
    json_t *error = has_failed ? sl_err_json(failure) : json_null();
    keep(observer,
         json_pack("{s:s, s:I, s:s, s:o, s:o, s:I}", "fact", "run_end", "at_us",
                   (json_int_t)sl_clock_now_us(), "status",
                   has_failed ? "error" : sl_run_state(run), "error", error, "counts",
                   counts_of(run), "left_out", (json_int_t)sl_spool_left_out(observer->spool)));
    sl_spool_close(&observer->spool);
}

bool sl_observer_has_news(struct sl_observer *observer)
{
    bool ret = observer && observer->has_news;
    if (observer)
        observer->has_news = false;
    return ret;
}
