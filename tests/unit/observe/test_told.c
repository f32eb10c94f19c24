// Facts as events and as spans, without a project to look anything up in.
#include "../base/test.h"
#include "observe/events.h"
#include "observe/spans.h"

#include <stdlib.h>
#include <string.h>

#define RUN "066b1c4b-6a04-45ea-bcb0-720cdab0f332"

static const char start_text[] =
    "{\"fact\":\"run_start\",\"at_us\":1000000,\"run_id\":\"" RUN
    "\",\"project\":\"shop\",\"environment\":null,\"command\":\"run\",\"pipeline\":\"nightly\","
    "\"trigger\":\"cron\",\"tick_us\":999000,\"traceparent\":null,\"tracestate\":null,\"parent\":"
    "{\"namespace\":\"air/flow\",\"name\":\"dag.task\",\"run_id\":\"" RUN "\"}}";
static const char failed_text[] =
    "{\"fact\":\"step_end\",\"at_us\":5000000,\"step\":\"load out.sales\",\"table\":"
    "\"target.out.sales\",\"kind\":\"load\",\"code\":\"c\",\"start_us\":2000000,\"attempts\":["
    "{\"start_us\":2000000,\"end_us\":3000000,\"error\":{\"code\":\"SL0801\",\"fate\":\"retry\","
    "\"message\":\"gone\"},\"wait_ms\":250},{\"start_us\":4000000,\"end_us\":5000000,\"error\":"
    "{\"code\":\"SL0802\",\"fate\":\"input\",\"message\":\"no\"}}],\"outcome\":{\"status\":"
    "\"error\",\"error\":{\"code\":\"SL0802\",\"fate\":\"input\",\"message\":\"no\"},\"rows\":"
    "{\"in\":9007199254740993,\"out\":0,\"quarantined\":2}}}";

static json_t *parsed(const char *text)
{
    struct sl_err err = {0};
    json_t *ret = NULL;
    assert_int_equal(sl_json_parse(text, strlen(text), "text", &ret, &err), SL_OK);
    return ret;
}

static json_t *event_of(const json_t *start, const json_t *fact)
{
    const struct sl_events events = {.job_namespace = "shop"};
    struct sl_err err = {0};
    json_t *event = NULL;
    assert_int_equal(sl_event_of_fact(&events, start, fact, &event, &err), SL_OK);
    return event;
}

static const char *at(const json_t *object, const char *path)
{
    char key[64];
    while (*path) {
        size_t length = strcspn(path, "/");
        (void)snprintf(key, sizeof key, "%.*s", (int)length, path);
        path += length + (path[length] == '/');
        if (!*path)
            return sl_json_text(object, key, NULL);
        object = json_object_get(object, key);
    }
    return NULL;
}

static void a_run_is_a_job_with_a_parent_and_a_nominal_time(void **state)
{
    SL_AUTO(sl_json_free) json_t *start = parsed(start_text);
    SL_AUTO(sl_json_free) json_t *event = event_of(start, start);
    (void)state;
    assert_string_equal(at(event, "eventType"), "START");
    assert_string_equal(at(event, "eventTime"), "1970-01-01T00:00:01.000000Z");
    assert_string_equal(at(event, "run/runId"), RUN);
    assert_string_equal(at(event, "job/name"), "nightly");
    assert_string_equal(at(event, "run/facets/parent/job/namespace"), "air/flow");
    assert_string_equal(at(event, "run/facets/nominalTime/nominalStartTime"),
                        "1970-01-01T00:00:00.999000Z");
    assert_int_equal(json_array_size(json_object_get(event, "inputs")), 0);
}

static void a_step_that_failed_says_why_and_whose_it_is(void **state)
{
    SL_AUTO(sl_json_free) json_t *start = parsed(start_text);
    SL_AUTO(sl_json_free) json_t *fact = parsed(failed_text);
    SL_AUTO(sl_json_free) json_t *event = event_of(start, fact);
    char run[37];
    (void)state;
    assert_string_equal(at(event, "eventType"), "FAIL");
    assert_string_equal(at(event, "job/name"), "load.out.sales");
    assert_string_equal(at(event, "run/facets/errorMessage/message"), "no");
    assert_string_equal(at(event, "run/facets/parent/run/runId"), RUN);
    assert_string_equal(at(event, "run/facets/parent/root/job/name"), "dag.task");
    assert_true(sl_event_run_of_fact(start, fact, run));
    assert_string_equal(at(event, "run/runId"), run);
}

static void the_end_of_a_run_follows_from_its_state(void **state)
{
    static const struct {
        const char *status, *type;
    } cases[] = {{"ok", "COMPLETE"}, {"nothing", "COMPLETE"},  {"partial", "FAIL"},
                 {"error", "FAIL"},  {"interrupted", "ABORT"}, {"cancelled", "ABORT"},
                 {"killed", "ABORT"}};
    SL_AUTO(sl_json_free) json_t *start = parsed(start_text);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_AUTO(sl_json_free)
        json_t *fact = json_pack("{s:s, s:i, s:s, s:n}", "fact", "run_end", "at_us", 2, "status",
                                 cases[i].status, "error");
        SL_AUTO(sl_json_free) json_t *event = event_of(start, fact);
        assert_string_equal(at(event, "eventType"), cases[i].type);
        assert_int_equal(at(event, "run/facets/errorMessage/message") != NULL,
                         strcmp(cases[i].type, "FAIL") == 0);
    }
}

static void what_was_killed_has_its_ends_made_up(void **state)
{
    SL_AUTO(sl_json_free)
    json_t *facts =
        parsed("[{\"fact\":\"run_start\",\"at_us\":1,\"run_id\":\"" RUN "\",\"project\":\"shop\"},"
               "{\"fact\":\"step_start\",\"at_us\":2,\"step\":\"model a\",\"kind\":\"model\"},"
               "{\"fact\":\"step_start\",\"at_us\":3,\"step\":\"model b\",\"kind\":\"model\"},"
               "{\"fact\":\"step_end\",\"at_us\":4,\"step\":\"model "
               "a\",\"kind\":\"model\",\"outcome\":{}}]");
    SL_AUTO(sl_json_free) json_t *more = json_array();
    SL_AUTO(sl_json_free) json_t *spans = json_array();
    struct sl_err err = {0};
    json_t *list[4];
    (void)state;
    for (size_t i = 0; i < 4; i++)
        list[i] = json_array_get(facts, i);
    assert_int_equal(sl_facts_of_killed(list, 4, 9, more, &err), SL_OK);
    assert_int_equal(json_array_size(more), 2);
    SL_AUTO(sl_json_free) json_t *step = event_of(list[0], json_array_get(more, 0));
    SL_AUTO(sl_json_free) json_t *run = event_of(list[0], json_array_get(more, 1));
    assert_string_equal(at(step, "job/name"), "model.b");
    assert_string_equal(at(step, "eventType"), "ABORT");
    assert_string_equal(at(run, "eventType"), "ABORT");
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(sl_spans_add(list[0], json_array_get(more, i), spans, &err), SL_OK);
    assert_int_equal(json_array_size(spans), 3); // the step, its attempt, the run
}

static const char *attribute(const json_t *object, const char *key, const char *type)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(object, "attributes"), i, item)
        if (strcmp(sl_json_text(item, "key", ""), key) == 0)
            return sl_json_text(json_object_get(item, "value"), type, NULL);
    return NULL;
}

static void numbers_of_spans_are_texts_and_lose_nothing(void **state)
{
    SL_AUTO(sl_json_free) json_t *start = parsed(start_text);
    SL_AUTO(sl_json_free) json_t *fact = parsed(failed_text);
    SL_AUTO(sl_json_free) json_t *spans = json_array();
    struct sl_err err = {0};
    (void)state;
    assert_int_equal(sl_spans_add(start, fact, spans, &err), SL_OK);
    assert_int_equal(json_array_size(spans), 3);
    const json_t *step = json_array_get(spans, 0), *second = json_array_get(spans, 2);
    assert_string_equal(at(step, "startTimeUnixNano"), "2000000000");
    assert_string_equal(attribute(step, "sluice.rows.in", "intValue"), "9007199254740993");
    assert_string_equal(attribute(step, "sluice.rows.rejected", "intValue"), "2");
    assert_string_equal(attribute(step, "error.type", "stringValue"), "SL0802");
    assert_string_equal(attribute(step, "sluice.error.fate", "stringValue"), "input");
    const json_t *events = json_object_get(step, "events");
    assert_string_equal(at(json_array_get(events, 0), "name"), "retry");
    assert_string_equal(attribute(json_array_get(events, 0), "sluice.wait_ms", "intValue"), "250");
    assert_string_equal(at(json_array_get(events, 1), "name"), "exception");
    assert_string_equal(at(second, "name"), "attempt 2");
    assert_string_equal(at(second, "parentSpanId"), at(step, "spanId"));
    assert_string_equal(at(second, "traceId"), at(step, "traceId"));
}

static void a_request_says_whose_spans_they_are(void **state)
{
    SL_AUTO(sl_json_free) json_t *spans = parsed("[{\"name\":\"run shop\"}]");
    SL_AUTO(sl_json_free) json_t *request = NULL;
    struct sl_attribute attributes[] = {{"service.name", "other"}, {"team", "data"}};
    const struct sl_observe observe = {
        .service_name = "pipelines", .attributes = attributes, .attribute_count = 2};
    struct sl_err err = {0};
    (void)state;
    assert_int_equal(sl_spans_request(&observe, spans, &request, &err), SL_OK);
    const json_t *all = json_array_get(json_object_get(request, "resourceSpans"), 0);
    const json_t *resource = json_object_get(all, "resource");
    assert_string_equal(attribute(resource, "service.name", "stringValue"), "pipelines");
    assert_string_equal(attribute(resource, "team", "stringValue"), "data");
    assert_int_equal(json_array_size(json_object_get(resource, "attributes")), 3);
    const json_t *scope = json_array_get(json_object_get(all, "scopeSpans"), 0);
    assert_string_equal(at(scope, "scope/name"), "sluice");
    assert_int_equal(json_array_size(json_object_get(scope, "spans")), 1);
}

static void a_field_is_in_a_list_once_for_each_way_that_it_gets_there(void **state)
{
    SL_AUTO(sl_json_free) json_t *list = json_array();
    struct sl_err err = {0};
    struct sl_lineage_field field = {
        .space = "file", .name = "/a", .field = "id", .is_direct = true, .subtype = "IDENTITY"};
    (void)state;
    assert_int_equal(sl_lineage_add_field(list, &field, &err), SL_OK);
    assert_int_equal(sl_lineage_add_field(list, &field, &err), SL_OK);
    assert_int_equal(json_array_size(list), 1);
    field.subtype = "TRANSFORMATION";
    assert_int_equal(sl_lineage_add_field(list, &field, &err), SL_OK);
    field.name = "/b";
    assert_int_equal(sl_lineage_add_field(list, &field, &err), SL_OK);
    assert_int_equal(json_array_size(list), 3);
}

static void what_is_not_known_of_a_dataset_is_not_said(void **state)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_err err = {0};
    struct sl_lineage_dataset dataset = sl_lineage_dataset_named("file", "/data");
    (void)state;
    assert_int_equal(sl_lineage_dataset_json(&dataset, true, &json, &err), SL_OK);
    assert_int_equal(json_object_size(json_object_get(json, "facets")), 1); // datasetType
    assert_int_equal(json_object_size(json_object_get(json, "inputFacets")), 0);
    assert_null(json_object_get(json, "outputFacets"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_a_job_with_a_parent_and_a_nominal_time),
        cmocka_unit_test(a_step_that_failed_says_why_and_whose_it_is),
        cmocka_unit_test(the_end_of_a_run_follows_from_its_state),
        cmocka_unit_test(what_was_killed_has_its_ends_made_up),
        cmocka_unit_test(numbers_of_spans_are_texts_and_lose_nothing),
        cmocka_unit_test(a_request_says_whose_spans_they_are),
        cmocka_unit_test(a_field_is_in_a_list_once_for_each_way_that_it_gets_there),
        cmocka_unit_test(what_is_not_known_of_a_dataset_is_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
