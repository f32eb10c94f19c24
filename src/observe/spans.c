#include "observe/spans.h"

#include "observe/ids.h"

#include <inttypes.h>
#include <stdio.h>

enum { KIND_INTERNAL = 1, STATUS_ERROR = 2 };

static int put(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

static int append(json_t *list, json_t *value, struct sl_err *err)
{
    return json_array_append_new(list, value) == 0 ? SL_OK : sl_fail_memory(err);
}

// --- attributes

static int add_value(json_t *list, const char *key, const char *type, json_t *value,
                     struct sl_err *err)
{
    return append(
        list, json_pack("{s:o, s:{s:o}}", "key", sl_json_string(key), "value", type, value), err);
}

static int add_text(json_t *list, const char *key, const char *text, struct sl_err *err)
{
    return text && *text ? add_value(list, key, "stringValue", sl_json_string(text), err) : SL_OK;
}

static json_t *long_text(int64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    return json_string(text);
}

static int add_number(json_t *list, const char *key, int64_t number, struct sl_err *err)
{
    return add_value(list, key, "intValue", long_text(number), err);
}

static int add_error(json_t *list, const json_t *error, struct sl_err *err)
{
    if (!json_is_object(error))
        return SL_OK;
    SL_TRY(add_text(list, "error.type", sl_json_text(error, "code", NULL), err));
    SL_TRY(add_text(list, "sluice.error.code", sl_json_text(error, "code", NULL), err));
    return add_text(list, "sluice.error.fate", sl_json_text(error, "fate", NULL), err);
}

static int add_rows(json_t *list, const json_t *rows, struct sl_err *err)
{
    static const struct {
        const char *from, *to;
    } counts[] = {{"in", "sluice.rows.in"},
                  {"out", "sluice.rows.out"},
                  {"quarantined", "sluice.rows.rejected"}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t count = sl_json_int(rows, counts[i].from, -1);
        if (count >= 0)
            SL_TRY(add_number(list, counts[i].to, count, err));
    }
    return SL_OK;
}

// --- spans

struct span {
    const char *name, *id, *parent; // parent "": it has none
    int64_t start_us, end_us;
    const json_t *error; // an object, or null
};
struct trace {
    char id[33];
    const char *state; // NULL: none
    char run_span[17];
    char parent_span[17]; // of the run; "": none
    const char *job_id, *run_id;
};

static json_t *time_text(int64_t time_us)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRId64 "000", time_us);
    return json_string(text);
}

// *ret_attributes and *ret_events are in the span.
static int begin_span(const struct trace *trace, const struct span *it, json_t *spans,
                      json_t **ret_attributes, json_t **ret_events, struct sl_err *err)
{
    json_t *span = json_object();
    SL_TRY(append(spans, span, err));
    SL_TRY(put(span, "traceId", json_string(trace->id), err));
    SL_TRY(put(span, "spanId", json_string(it->id), err));
    if (trace->state)
        SL_TRY(put(span, "traceState", sl_json_string(trace->state), err));
    if (it->parent[0])
        SL_TRY(put(span, "parentSpanId", json_string(it->parent), err));
    SL_TRY(put(span, "name", sl_json_string(it->name), err));
    SL_TRY(put(span, "kind", json_integer(KIND_INTERNAL), err));
    SL_TRY(put(span, "startTimeUnixNano", time_text(it->start_us), err));
    SL_TRY(put(span, "endTimeUnixNano",
               time_text(it->end_us < it->start_us ? it->start_us : it->end_us), err));
    *ret_attributes = json_array();
    SL_TRY(put(span, "attributes", *ret_attributes, err));
    *ret_events = json_array();
    SL_TRY(put(span, "events", *ret_events, err));
    SL_TRY(add_text(*ret_attributes, "sluice.job_id", trace->job_id, err));
    SL_TRY(add_text(*ret_attributes, "sluice.run_id", trace->run_id, err));
    SL_TRY(add_error(*ret_attributes, it->error, err));
    if (!json_is_object(it->error))
        return SL_OK;
    return put(span, "status",
               json_pack("{s:i, s:o}", "code", STATUS_ERROR, "message",
                         sl_json_string(sl_json_text(it->error, "message", ""))),
               err);
}

static int add_event(json_t *events, const char *name, int64_t at_us, json_t **ret_attributes,
                     struct sl_err *err)
{
    json_t *event = json_pack("{s:s, s:o}", "name", name, "timeUnixNano", time_text(at_us));
    SL_TRY(append(events, event, err));
    *ret_attributes = json_array();
    return put(event, "attributes", *ret_attributes, err);
}

// By the semantic conventions for exceptions.
static int add_exception(json_t *events, int64_t at_us, const json_t *error, struct sl_err *err)
{
    json_t *attributes;
    if (!json_is_object(error))
        return SL_OK;
    SL_TRY(add_event(events, "exception", at_us, &attributes, err));
    SL_TRY(add_text(attributes, "exception.type", sl_json_text(error, "code", ""), err));
    return add_text(attributes, "exception.message", sl_json_text(error, "message", ""), err);
}

static int add_attempt(const struct trace *trace, const json_t *fact, const json_t *attempt,
                       int number, json_t *spans, struct sl_err *err)
{
    char name[32], id[17], parent[17];
    const char *step = sl_json_text(fact, "step", "");
    json_t *attributes, *events;
    int64_t start_us = sl_json_int(attempt, "start_us", 0);
    SL_TRY(sl_span_id(trace->run_id, step, number, id, err));
    SL_TRY(sl_span_id(trace->run_id, step, 0, parent, err));
    (void)snprintf(name, sizeof name, "attempt %d", number);
    const struct span span = {
        .name = name,
        .id = id,
        .parent = parent,
        .start_us = start_us,
        .end_us = sl_json_int(attempt, "end_us", sl_json_int(fact, "at_us", start_us)),
        .error = json_object_get(attempt, "error")};
    SL_TRY(begin_span(trace, &span, spans, &attributes, &events, err));
    SL_TRY(add_text(attributes, "sluice.step", step, err));
    SL_TRY(add_number(attributes, "sluice.attempt", number, err));
    return add_exception(events, span.end_us, span.error, err);
}

// On the step's span: why there was another attempt, and when.
static int add_retry(json_t *events, const json_t *attempt, int number, struct sl_err *err)
{
    json_t *attributes;
    int64_t wait_ms = sl_json_int(attempt, "wait_ms", -1);
    if (wait_ms < 0)
        return SL_OK;
    SL_TRY(add_event(events, "retry", sl_json_int(attempt, "end_us", 0), &attributes, err));
    SL_TRY(add_number(attributes, "sluice.attempt", number, err));
    SL_TRY(add_number(attributes, "sluice.wait_ms", wait_ms, err));
    return add_error(attributes, json_object_get(attempt, "error"), err);
}

static int add_step(const struct trace *trace, const json_t *fact, json_t *spans,
                    struct sl_err *err)
{
    const json_t *outcome = json_object_get(fact, "outcome");
    const json_t *attempts = json_object_get(fact, "attempts");
    const char *step = sl_json_text(fact, "step", "");
    int64_t at_us = sl_json_int(fact, "at_us", 0);
    char id[17];
    json_t *attributes, *events;
    SL_TRY(sl_span_id(trace->run_id, step, 0, id, err));
    const struct span span = {.name = step,
                              .id = id,
                              .parent = trace->run_span,
                              .start_us = sl_json_int(fact, "start_us", at_us),
                              .end_us = at_us,
                              .error = json_object_get(outcome, "error")};
    SL_TRY(begin_span(trace, &span, spans, &attributes, &events, err));
    SL_TRY(add_text(attributes, "sluice.step", step, err));
    SL_TRY(add_text(attributes, "sluice.kind", sl_json_text(fact, "kind", ""), err));
    SL_TRY(add_text(attributes, "sluice.table", sl_json_text(fact, "table", ""), err));
    SL_TRY(add_text(attributes, "sluice.status", sl_json_text(outcome, "status", ""), err));
    SL_TRY(add_number(attributes, "sluice.attempts", (int64_t)json_array_size(attempts), err));
    SL_TRY(add_rows(attributes, json_object_get(outcome, "rows"), err));
    for (size_t i = 0; i < json_array_size(attempts); i++)
        SL_TRY(add_retry(events, json_array_get(attempts, i), (int)i + 1, err));
    SL_TRY(add_exception(events, at_us, span.error, err));
    for (size_t i = 0; i < json_array_size(attempts); i++)
        SL_TRY(add_attempt(trace, fact, json_array_get(attempts, i), (int)i + 1, spans, err));
    return SL_OK;
}

static int add_run(const struct trace *trace, const json_t *start, const json_t *fact,
                   json_t *spans, struct sl_err *err)
{
    const char *pipeline = sl_json_text(start, "pipeline", NULL);
    const char *status = sl_json_text(fact, "status", "");
    const json_t *error = json_object_get(fact, "error"), *counts = json_object_get(fact, "counts");
    SL_AUTO(sl_json_free) json_t *told = NULL;
    char name[256], key[64];
    const char *what;
    json_t *attributes, *events, *count;
    bool is_bad = sl_str_equal(status, "error") || sl_str_equal(status, "partial");
    if (is_bad && !json_is_object(error)) {
        told = json_pack("{s:s}", "message", "steps failed");
        error = told;
    }
    (void)snprintf(name, sizeof name, "%s %s", sl_json_text(start, "command", "run"),
                   pipeline ? pipeline : trace->job_id);
    const struct span span = {.name = name,
                              .id = trace->run_span,
                              .parent = trace->parent_span,
                              .start_us = sl_json_int(start, "at_us", 0),
                              .end_us = sl_json_int(fact, "at_us", 0),
                              .error = error};
    SL_TRY(begin_span(trace, &span, spans, &attributes, &events, err));
    SL_TRY(
        add_text(attributes, "sluice.environment", sl_json_text(start, "environment", NULL), err));
    SL_TRY(add_text(attributes, "sluice.pipeline", pipeline, err));
    SL_TRY(add_text(attributes, "sluice.trigger", sl_json_text(start, "trigger", NULL), err));
    SL_TRY(add_text(attributes, "sluice.status", status, err));
    json_object_foreach ((json_t *)counts, what, count) {
        (void)snprintf(key, sizeof key, "sluice.steps.%s", what);
        SL_TRY(add_number(attributes, key, json_integer_value(count), err));
    }
    return add_exception(events, span.end_us, json_object_get(fact, "error"), err);
}

int sl_spans_add(const json_t *start, const json_t *fact, json_t *spans, struct sl_err *err)
{
    struct sl_trace_parent parent;
    struct trace trace = {.job_id = sl_json_text(start, "project", ""),
                          .run_id = sl_json_text(start, "run_id", "")};
    const char *what = sl_json_text(fact, "fact", "");
    SL_TRY(sl_trace_id(trace.run_id, trace.id, err));
    SL_TRY(sl_span_id(trace.run_id, NULL, 0, trace.run_span, err));
    if (sl_trace_parent_parse(sl_json_text(start, "traceparent", NULL), &parent)) {
        if (!parent.is_sampled)
            return SL_OK;
        (void)snprintf(trace.id, sizeof trace.id, "%s", parent.trace_id);
        (void)snprintf(trace.parent_span, sizeof trace.parent_span, "%s", parent.span_id);
        trace.state = sl_json_text(start, "tracestate", NULL);
    }
    if (sl_str_equal(what, "step_end"))
        return add_step(&trace, fact, spans, err);
    return sl_str_equal(what, "run_end") ? add_run(&trace, start, fact, spans, err) : SL_OK;
}

int sl_spans_request(const struct sl_observe *observe, const json_t *spans, json_t **ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *attributes = json_array();
    SL_TRY_NEW(attributes, err);
    SL_TRY(add_text(attributes, "service.name", observe->service_name, err));
    SL_TRY(add_text(attributes, "service.version", SL_VERSION, err));
    for (size_t i = 0; i < observe->attribute_count; i++) {
        const struct sl_attribute *it = &observe->attributes[i];
        if (!sl_str_equal(it->key, "service.name") && !sl_str_equal(it->key, "service.version"))
            SL_TRY(add_text(attributes, it->key, it->value, err));
    }
    *ret = json_pack("{s:[{s:{s:O}, s:[{s:{s:s, s:s}, s:O}]}]}", "resourceSpans", "resource",
                     "attributes", attributes, "scopeSpans", "scope", "name", "sluice", "version",
                     SL_VERSION, "spans", (json_t *)spans);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
