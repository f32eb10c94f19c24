// Any bytes are a header, a variable, and the lines of a spool: what is made of them is whole, or
// nothing.
#include "fuzz.h"

#include "observe/events.h"
#include "observe/ids.h"
#include "observe/spans.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void tell(const json_t *start, const json_t *fact)
{
    const struct sl_events events = {.job_namespace = "shop"};
    SL_AUTO(sl_json_free) json_t *event = NULL;
    SL_AUTO(sl_json_free) json_t *spans = json_array();
    char run[37];
    struct sl_err err = {0};
    must(sl_event_of_fact(&events, start, fact, &event, &err) == SL_OK);
    must(sl_event_run_of_fact(start, fact, run) == (event != NULL));
    must(sl_spans_add(start, fact, spans, &err) == SL_OK);
    for (size_t i = 0; i < json_array_size(spans); i++) {
        const json_t *span = json_array_get(spans, i);
        must(strlen(sl_json_text(span, "traceId", "")) == 32);
        must(strlen(sl_json_text(span, "spanId", "")) == 16);
    }
}

static void tell_all(json_t *facts)
{
    SL_AUTO(sl_json_free) json_t *more = json_array();
    struct sl_err err = {0};
    size_t count = json_array_size(facts);
    json_t *list[64];
    for (size_t i = 0; i < count && i < 64; i++) {
        list[i] = json_array_get(facts, i);
        tell(list[0], list[i]);
    }
    must(sl_facts_of_killed(list, count < 64 ? count : 64, 1, more, &err) == SL_OK);
    for (size_t i = 0; i < json_array_size(more) && count; i++)
        tell(list[0], json_array_get(more, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *facts = NULL;
    struct sl_trace_parent parent;
    struct sl_attribute *pairs;
    struct sl_err err = {0};
    size_t count = 0;
    bool is_valid;
    sl_arena_init(&arena, 0);
    const char *text = sl_arena_strndup(&arena, (const char *)data, size);
    if (sl_trace_parent_parse(text, &parent))
        must(strlen(parent.trace_id) == 32 && strlen(parent.span_id) == 16);
    must(sl_pairs_parse(text, &arena, &pairs, &count, &is_valid, &err) == SL_OK);
    for (size_t i = 0; i < count; i++)
        must(pairs[i].key[0] && pairs[i].value);
    if (sl_json_parse((const char *)data, size, "facts", &facts, &err) == SL_OK &&
        json_is_array(facts))
        tell_all(facts);
    return 0;
}
