#include "observe/events.h"

#include "observe/ids.h"

#include <stdio.h>
#include <string.h>

// --- names

// "shop" for the project's own runs, else the pipeline's name.
static const char *job_of_run(const json_t *start)
{
    const char *pipeline = sl_json_text(start, "pipeline", NULL);
    return pipeline ? pipeline : sl_json_text(start, "project", "sluice");
}

// "cleanse.orders": a step makes one table, whichever run it is in.
static void job_of_step(const json_t *fact, char *ret, size_t size)
{
    const char *label = sl_json_text(fact, "step", "");
    const char *space = strchr(label, ' ');
    (void)snprintf(ret, size, "%s.%s", sl_json_text(fact, "kind", "step"),
                   space ? space + 1 : label);
}

static const char *type_of(const char *kind)
{
    return sl_str_equal(kind, "ingest")    ? "INGEST"
           : sl_str_equal(kind, "cleanse") ? "CLEANSE"
           : sl_str_equal(kind, "model")   ? "MODEL"
           : sl_str_equal(kind, "task")    ? "TASK"
                                           : "LOAD";
}

static bool is_stop(const json_t *error)
{
    const char *code = sl_json_text(error, "code", "");
    return sl_str_equal(code, sl_code_info(SL_E_INTERRUPTED)->id);
}

static const char *end_of(const char *status, const json_t *error)
{
    if (sl_str_equal(status, "killed") || sl_str_equal(status, "interrupted") ||
        sl_str_equal(status, "cancelled") || is_stop(error))
        return "ABORT";
    return sl_str_equal(status, "error") ? "FAIL" : "COMPLETE";
}

bool sl_event_run_of_fact(const json_t *start, const json_t *fact, char ret[37])
{
    struct sl_err ignored = {0};
    const char *what = sl_json_text(fact, "fact", "");
    const char *run_id = sl_json_text(start, "run_id", "");
    if (sl_str_starts(what, "step_"))
        return sl_step_uuid(run_id, sl_json_text(fact, "step", ""), ret, &ignored) == SL_OK;
    (void)snprintf(ret, 37, "%s", run_id);
    return sl_str_starts(what, "run_");
}

// --- events

static int event_of_run(const struct sl_events *events, const json_t *start, const json_t *fact,
                        struct sl_lineage_event *event, json_t **ret, struct sl_err *err)
{
    const json_t *parent = json_object_get(start, "parent");
    const json_t *error = json_object_get(fact, "error");
    const char *status = sl_json_text(fact, "status", "");
    bool is_end = sl_str_equal(sl_json_text(fact, "fact", ""), "run_end");
    event->job = (struct sl_lineage_job){
        .space = events->job_namespace, .name = job_of_run(start), .type = "RUN"};
    event->type = is_end ? end_of(status, error) : "START";
    event->nominal_us = sl_json_int(start, "tick_us", 0);
    if (is_end && json_is_object(error))
        event->error = sl_json_text(error, "message", NULL);
    if (is_end && sl_str_equal(status, "partial")) {
        event->type = "FAIL";
        event->error = "steps failed, others were done";
    }
    if (is_end && !event->error && strcmp(event->type, "FAIL") == 0)
        event->error = "steps failed";
    if (json_is_object(parent))
        event->parent = (struct sl_lineage_parent){.run_id = sl_json_text(parent, "run_id", NULL),
                                                   .space = sl_json_text(parent, "namespace", ""),
                                                   .name = sl_json_text(parent, "name", "")};
    return sl_lineage_event_json(event, ret, err);
}

static int event_of_step(const struct sl_events *events, const json_t *start, const json_t *fact,
                         struct sl_lineage_event *event, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *inputs = NULL;
    SL_AUTO(sl_json_free) json_t *outputs = NULL;
    const json_t *outcome = json_object_get(fact, "outcome");
    const json_t *error = json_object_get(outcome, "error");
    const json_t *above = json_object_get(start, "parent");
    char name[512];
    job_of_step(fact, name, sizeof name);
    event->job = (struct sl_lineage_job){.space = events->job_namespace,
                                         .name = name,
                                         .type = type_of(sl_json_text(fact, "kind", ""))};
    event->parent = (struct sl_lineage_parent){.run_id = sl_json_text(start, "run_id", ""),
                                               .space = events->job_namespace,
                                               .name = job_of_run(start)};
    if (json_is_object(above))
        event->root = (struct sl_lineage_parent){.run_id = sl_json_text(above, "run_id", NULL),
                                                 .space = sl_json_text(above, "namespace", ""),
                                                 .name = sl_json_text(above, "name", "")};
    event->type = outcome ? end_of(sl_json_text(outcome, "status", ""), error) : "START";
    event->error = json_is_object(error) ? sl_json_text(error, "message", NULL) : NULL;
    if (events->look) {
        SL_TRY(sl_look_at_job(events->look, fact, &event->job, err));
        SL_TRY(sl_look_at_step(events->look, fact, &inputs, &outputs, err));
    }
    event->inputs = inputs;
    event->outputs = outputs;
    return sl_lineage_event_json(event, ret, err);
}

int sl_event_of_fact(const struct sl_events *events, const json_t *start, const json_t *fact,
                     json_t **ret, struct sl_err *err)
{
    char id[37];
    struct sl_lineage_event event = {.at_us = sl_json_int(fact, "at_us", 0), .run_id = id};
    *ret = NULL;
    if (!sl_event_run_of_fact(start, fact, id))
        return SL_OK;
    if (sl_str_starts(sl_json_text(fact, "fact", ""), "run_"))
        return event_of_run(events, start, fact, &event, ret, err);
    return event_of_step(events, start, fact, &event, ret, err);
}

// --- after a kill

static bool has_ended(json_t *const *facts, size_t count, const char *step)
{
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(sl_json_text(facts[i], "fact", ""), "step_end") &&
            sl_str_equal(sl_json_text(facts[i], "step", ""), step))
            return true;
    return false;
}

static json_t *killed_error(void)
{
    return json_pack("{s:s}", "message", "the process of the run was killed");
}

static int end_step(const json_t *began, int64_t at_us, json_t *into, struct sl_err *err)
{
    json_t *fact = json_copy((json_t *)began);
    json_t *start = json_object_get(began, "at_us");
    json_t *outcome = json_pack("{s:s, s:o}", "status", "killed", "error", killed_error());
    json_t *attempts = json_pack("[{s:O, s:I}]", "start_us", start, "end_us", (json_int_t)at_us);
    if (json_array_append_new(into, fact) != 0 ||
        json_object_set_new(fact, "fact", json_string("step_end")) != 0 ||
        json_object_set(fact, "start_us", start) != 0 ||
        json_object_set_new(fact, "at_us", json_integer((json_int_t)at_us)) != 0) {
        json_decref(outcome);
        json_decref(attempts);
        return sl_fail_memory(err);
    }
    if (json_object_set_new(fact, "outcome", outcome) != 0) {
        json_decref(attempts);
        return sl_fail_memory(err);
    }
    return json_object_set_new(fact, "attempts", attempts) == 0 ? SL_OK : sl_fail_memory(err);
}

int sl_facts_of_killed(json_t *const *facts, size_t count, int64_t at_us, json_t *into,
                       struct sl_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(sl_json_text(facts[i], "fact", ""), "step_start") &&
            !has_ended(facts, count, sl_json_text(facts[i], "step", "")))
            SL_TRY(end_step(facts[i], at_us, into, err));
    json_t *end = json_pack("{s:s, s:I, s:s, s:o}", "fact", "run_end", "at_us", (json_int_t)at_us,
                            "status", "killed", "error", killed_error());
    return json_array_append_new(into, end) == 0 ? SL_OK : sl_fail_memory(err);
}
