#include "contract/compile.h"
#include "plan/plan.h"

#define PLAN_SCHEMA "sluice.plan/1"

static const char *const verdict_names[] = {[SL_VERDICT_FRESH] = "fresh",
                                            [SL_VERDICT_STALE] = "stale",
                                            [SL_VERDICT_AFTER] = "after_inputs"};
static const char *const kind_names[] = {[SL_NODE_INGEST] = "ingest",
                                         [SL_NODE_CLEANSE] = "cleanse",
                                         [SL_NODE_MODEL] = "model",
                                         [SL_NODE_LOAD] = "load",
                                         [SL_NODE_TASK] = "task"};

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

static int set_strs(json_t *object, const char *key, const struct sl_strs *list, struct sl_err *err)
{
    return set(object, key, sl_json_strs(list), err);
}

// Only known numbers are written.
static int set_count(json_t *object, const char *key, int64_t value, struct sl_err *err)
{
    return value < 0 ? SL_OK : set(object, key, json_integer(value), err);
}

static json_t *count_or_null(int64_t value)
{
    return value < 0 ? json_null() : json_integer(value);
}

json_t *sl_emptied_json(const struct sl_emptied *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list,
                                  json_pack("{s:o, s:I}", "file", sl_json_string(items[i].name),
                                            "rows", (json_int_t)items[i].rows)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *sl_estimate_json(const struct sl_estimate *estimate)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:s?}", "rows_in", count_or_null(estimate->rows_in),
        "rows_out", count_or_null(estimate->rows_out), "bytes_in",
        count_or_null(estimate->bytes_in), "files_in", count_or_null(estimate->files_in),
        "elapsed_ms", count_or_null(estimate->elapsed_ms), "cost",
        estimate->cost < 0 ? json_null() : json_real(estimate->cost), "basis", estimate->basis);
}

static int print_inputs(const struct sl_graph *graph, const struct sl_node *node, json_t *object,
                        struct sl_err *err)
{
    json_t *inputs = json_object();
    SL_TRY(set(object, "inputs", inputs, err));
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        SL_TRY(set(inputs, from->name, json_integer(from->facts.version), err));
    }
    return SL_OK;
}

// Under which other names a contract reads columns.
static int print_also_read(const struct sl_node *node, json_t *object, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs notes = {0};
    sl_arena_init(&arena, 0);
    SL_TRY(sl_alias_notes(node->contract, NULL, 0, &arena, &notes, err));
    return notes.count ? set_strs(object, "also_read", &notes, err) : SL_OK;
}

static int print_missing(const struct sl_facts *facts, json_t *object, struct sl_err *err)
{
    json_t *list = json_array();
    SL_TRY(set(object, "missing_files", list, err));
    for (size_t i = 0; i < facts->missing_count; i++) {
        const struct sl_missing *missing = &facts->missing[i];
        if (json_array_append_new(
                list,
                json_pack("{s:s, s:I, s:o, s:I, s:b}", "table", missing->table, "version",
                          (json_int_t)missing->version, "file", sl_json_string(missing->file),
                          "count", (json_int_t)missing->count, "is_read", missing->is_read)) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int print_node(const struct sl_graph *graph, const struct sl_node *node, json_t *list,
                      struct sl_err *err)
{
    json_t *object = json_object();
    if (json_array_append_new(list, object) != 0)
        return sl_fail_memory(err);
    const struct sl_facts *facts = &node->facts;
    SL_TRY(set(object, "name", json_string(node->name), err));
    SL_TRY(set(object, "kind", json_string(kind_names[node->kind]), err));
    SL_TRY(set(object, "step", json_string(node->label), err));
    SL_TRY(set(object, "verdict", json_string(verdict_names[node->verdict]), err));
    SL_TRY(set_strs(object, "why", &node->why, err));
    SL_TRY(set(object, "fingerprint", json_string(node->fingerprint), err));
    SL_TRY(set(object, "version", json_integer(facts->version), err));
    if (facts->table_id)
        SL_TRY(set(object, "table_id", json_string(facts->table_id), err));
    if (facts->is_borrowed)
        SL_TRY(set(object, "borrowed", json_true(), err));
    if (node->kind == SL_NODE_CLEANSE) {
        SL_TRY(set(object, "quarantine_version", json_integer(facts->quarantine_version), err));
        SL_TRY(print_also_read(node, object, err));
    }
    SL_TRY(print_inputs(graph, node, object, err));
    SL_TRY(set_count(object, "rows", facts->rows, err));
    SL_TRY(set_count(object, "bytes", facts->bytes, err));
    SL_TRY(set_count(object, "files", facts->files, err));
    if (node->kind == SL_NODE_INGEST) {
        SL_TRY(set(object, "new_files", json_integer(facts->new_files), err));
        SL_TRY(set(object, "changed_files", json_integer(facts->changed_files), err));
        SL_TRY(set(object, "vanished_files", json_integer(facts->vanished_files), err));
        SL_TRY(set_strs(object, "unmatched_paths", &facts->unmatched, err));
        SL_TRY(set(object, "renamed_files", json_integer((json_int_t)facts->renamed.count), err));
        SL_TRY(set(object, "emptied_files", sl_emptied_json(facts->emptied, facts->emptied_count),
                   err));
        SL_TRY(set(object, "new_bytes", json_integer(facts->new_bytes), err));
        SL_TRY(set(object, "listing", json_string(facts->listing ? facts->listing : ""), err));
    }
    if (facts->missing_count)
        SL_TRY(print_missing(facts, object, err));
    if (node->impact.count)
        SL_TRY(set_strs(object, "impact", &node->impact, err));
    if (node->estimate.is_made)
        SL_TRY(set(object, "estimate", sl_estimate_json(&node->estimate), err));
    return facts->has_partitions ? set_strs(object, "partitions", &facts->partitions, err) : SL_OK;
}

int sl_plan_print(const struct sl_graph *graph, const struct sl_project *project, json_t **ret,
                  struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = json_object();
    SL_TRY_NEW(root, err);
    SL_TRY(set(root, "schema", json_string(PLAN_SCHEMA), err));
    SL_TRY(set(root, "project", json_string(project->name), err));
    SL_TRY(set(root, "environment",
               project->environment ? json_string(project->environment) : json_null(), err));
    json_t *nodes = json_array();
    SL_TRY(set(root, "nodes", nodes, err));
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].is_selected)
            SL_TRY(print_node(graph, &graph->nodes[i], nodes, err));
    *ret = root;
    root = NULL;
    return SL_OK;
}

static int compare_nodes(const json_t *stored, const json_t *now, struct sl_err *err)
{
    static const struct {
        const char *key, *words;
    } parts[] = {
        {"fingerprint", "its code or its contract is another"},
        {"version", "its table has another version"},
        {"table_id", "its table was made anew"},
        {"quarantine_version", "its quarantine has another version"},
        {"inputs", "its inputs have other versions"},
        {"listing", "its source has new, changed or fewer files"},
        {"verdict", "there is something else to do"},
        {"partitions", "other partitions are to be built"},
    };
    const char *name = sl_json_text(stored, "name", "?");
    if (!sl_str_equal(name, sl_json_text(now, "name", "?")))
        return sl_fail(err, SL_E_PLAN_CHANGED, "the plan has '%s' where the project now has '%s'",
                       name, sl_json_text(now, "name", "?"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const json_t *a = json_object_get(stored, parts[i].key);
        const json_t *b = json_object_get(now, parts[i].key);
        if ((a || b) && (!a || !b || !json_equal(a, b)))
            return sl_fail(err, SL_E_PLAN_CHANGED, "'%s' changed since the plan was made: %s", name,
                           parts[i].words);
    }
    return SL_OK;
}

int sl_plan_compare(const json_t *stored, const json_t *now, struct sl_err *err)
{
    if (!sl_str_equal(sl_json_text(stored, "schema", ""), PLAN_SCHEMA))
        return sl_fail(err, SL_E_PLAN_CHANGED,
                       "this is no plan: expected a JSON object with schema '%s'", PLAN_SCHEMA);
    if (!json_is_array(json_object_get(stored, "nodes")))
        return sl_fail(err, SL_E_PLAN_CHANGED, "this is no whole plan: it has no list of 'nodes'");
    for (size_t i = 0; i < 2; i++) {
        static const char *const keys[] = {"project", "environment"};
        if (!json_equal(json_object_get(stored, keys[i]), json_object_get(now, keys[i])))
            return sl_fail(err, SL_E_PLAN_CHANGED, "the plan was made for another %s", keys[i]);
    }
    const json_t *before = json_object_get(stored, "nodes"), *after = json_object_get(now, "nodes");
    size_t count = json_array_size(before);
    if (count != json_array_size(after))
        return sl_fail(err, SL_E_PLAN_CHANGED, "the plan has %zu steps, the project now has %zu",
                       count, json_array_size(after));
    for (size_t i = 0; i < count; i++)
        SL_TRY(compare_nodes(json_array_get(before, i), json_array_get(after, i), err));
    return SL_OK;
}
