#include "observe/datasets.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define MOST_FILES 2000 // whose statistics are added up
#define SHARES 8        // of the machine, of which the engine takes one
#define MOST_DEPTH 20   // of views over views

struct sl_look_at {
    struct sl_world world;
    struct sl_lineage lineage;
    struct sl_session *session;
    const char *job_namespace;
    bool has_world, has_lineage, has_tried;
};

static int keep_trouble(struct sl_err *trouble, const char *what, struct sl_err *err)
{
    if (trouble->code == SL_E_MEMORY)
        return sl_fail_memory(err);
    sl_log(SL_LOG_WARN, NULL, "lineage events go without %s: %s", what, trouble->message);
    return SL_OK;
}

int sl_look_at_open(const struct sl_world_options *options, const char *job_namespace,
                    struct sl_look_at **ret, struct sl_err *err)
{
    struct sl_err trouble = {0};
    struct sl_look_at *look = calloc(1, sizeof *look);
    SL_TRY_NEW(look, err);
    look->job_namespace = job_namespace;
    look->lineage.world = &look->world;
    *ret = look;
    look->has_world = sl_world_open(options, &look->world, &trouble) == SL_OK;
    // It reads logs and binds models, beside a run that may need the machine.
    if (look->has_world && sl_world_share(&look->world, SHARES, &trouble) != SL_OK)
        return keep_trouble(&trouble, "columns of tables", err);
    return look->has_world ? SL_OK : keep_trouble(&trouble, "what the project says", err);
}

void sl_look_at_close(struct sl_look_at **look)
{
    if (!*look)
        return;
    sl_session_close(&(*look)->session);
    if ((*look)->has_lineage)
        sl_lineage_clear(&(*look)->lineage);
    sl_world_close(&(*look)->world);
    free(*look);
    *look = NULL;
}

static const struct sl_node *node_of(const struct sl_look_at *look, const json_t *fact)
{
    return look->has_world && look->world.has_graph
               ? sl_graph_node(&look->world.graph, sl_json_text(fact, "table", ""))
               : NULL;
}

// The project still has the code that the step has run.
static bool is_same_code(const struct sl_node *node, const json_t *fact)
{
    return sl_str_equal(node->fingerprint, sl_json_text(fact, "code", NULL));
}

// --- jobs

static const char *description_of(const struct sl_node *node)
{
    switch (node->kind) {
    case SL_NODE_INGEST:
        return node->source->description;
    case SL_NODE_CLEANSE:
        return node->contract && node->contract->description ? node->contract->description
                                                             : node->source->description;
    case SL_NODE_MODEL:
        return node->model->description;
    case SL_NODE_LOAD:
        return node->target->description;
    case SL_NODE_TASK:
        return node->task->description;
    }
    return NULL;
}

int sl_look_at_job(struct sl_look_at *look, const json_t *fact, struct sl_lineage_job *ret,
                   struct sl_err *err)
{
    const struct sl_node *node = node_of(look, fact);
    if (!node)
        return SL_OK;
    ret->owner = node->owner;
    ret->description = description_of(node);
    if (node->kind != SL_NODE_MODEL || !is_same_code(node, fact))
        return SL_OK;
    ret->sql = sl_log_mask(node->model->sql, &look->world.arena);
    SL_TRY_NEW(ret->sql, err);
    return SL_OK;
}

// --- tables

// Nulls are counted and no value is told: it may be a personal one.
static int count_nulls(const struct sl_delta_snapshot *snapshot, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *all = json_object();
    SL_TRY_NEW(all, err);
    for (size_t i = 0; i < snapshot->file_count; i++) {
        SL_AUTO(sl_json_free) json_t *stats = NULL;
        struct sl_err ignored = {0};
        const char *text = snapshot->files[i].stats_json, *name;
        json_t *count;
        if (!text || snapshot->files[i].has_deletion_vector ||
            sl_json_parse(text, strlen(text), "stats", &stats, &ignored) != SL_OK)
            return SL_OK;
        json_object_foreach (json_object_get(stats, "nullCount"), name, count) {
            json_t *metrics = json_object_get(all, name);
            if (!json_is_integer(count))
                continue;
            if (!metrics) {
                metrics = json_object();
                if (json_object_set_new(all, name, metrics) != 0)
                    return sl_fail_memory(err);
            }
            int64_t sum = sl_json_int(metrics, "nullCount", 0) + json_integer_value(count);
            if (json_object_set_new(metrics, "nullCount", json_integer((json_int_t)sum)) != 0)
                return sl_fail_memory(err);
        }
    }
    *ret = all;
    all = NULL;
    return SL_OK;
}

struct found {
    struct sl_lineage_dataset dataset;
    json_t *metrics, *assertions, *lineage; // that the dataset points to
};

static void found_clear(struct found *found)
{
    json_decref(found->metrics);
    json_decref(found->assertions);
    json_decref(found->lineage);
}

static int fill_table(struct sl_look_at *look, int64_t version, struct found *found,
                      struct sl_err *err)
{
    struct sl_arena *arena = &look->world.arena;
    struct sl_lineage_dataset *dataset = &found->dataset;
    struct sl_delta_snapshot snapshot;
    struct sl_err trouble = {0};
    const char *folder = dataset->name;
    if (!look->session && sl_world_session(&look->world, &look->session, &trouble) != SL_OK)
        return keep_trouble(&trouble, "columns of tables", err);
    if (sl_delta_load(folder, version, look->session, arena, &snapshot, &trouble) != SL_OK)
        return trouble.code == SL_E_MEMORY ? sl_fail_memory(err) : SL_OK; // cleaned away since
    if (snapshot.version < 0)
        return SL_OK;
    dataset->columns = snapshot.columns;
    dataset->column_count = snapshot.column_count;
    if (version < 0)
        return SL_OK;
    dataset->row_count = snapshot.row_count;
    dataset->size_bytes = snapshot.size_bytes;
    dataset->file_count = (int64_t)snapshot.file_count;
    dataset->changed_us = snapshot.timestamp_ms * 1000;
    if (snapshot.file_count <= MOST_FILES) {
        SL_TRY(count_nulls(&snapshot, &found->metrics, err));
        dataset->column_metrics = found->metrics;
    }
    dataset->version = sl_arena_printf(arena, "%lld", (long long)version);
    SL_TRY_NEW(dataset->version, err);
    return SL_OK;
}

// version -1: not known; the columns are those of now.
static int find_dataset(struct sl_look_at *look, const char *table, int64_t version,
                        struct found *ret, bool *ret_found, struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&look->world.graph, table);
    SL_TRY(sl_dataset_name(look->world.project, table, &look->world.arena, &ret->dataset, ret_found,
                           err));
    if (!*ret_found)
        return SL_OK;
    ret->dataset.symlink_space = look->job_namespace;
    if (node && node->kind != SL_NODE_LOAD && node->kind != SL_NODE_TASK) {
        ret->dataset.owner = node->owner;
        ret->dataset.description = description_of(node);
    }
    if (!ret->dataset.symlink || (node && sl_node_is_view(node)))
        return SL_OK;
    return fill_table(look, version, ret, err);
}

static int append(json_t *list, const struct found *found, bool is_input, struct sl_err *err)
{
    json_t *item = NULL;
    SL_TRY(sl_lineage_dataset_json(&found->dataset, is_input, &item, err));
    return json_array_append_new(list, item) == 0 ? SL_OK : sl_fail_memory(err);
}

// --- column lineage

// A view is no dataset: what it is made of stands for it.
static bool is_view(const struct sl_look_at *look, const char *table)
{
    const struct sl_node *node = sl_graph_node(&look->world.graph, table);
    return node && sl_node_is_view(node);
}

static const char *subtype_of(enum sl_lineage_how how)
{
    switch (how) {
    case SL_LINEAGE_READ:
    case SL_LINEAGE_PASSED:
        return "IDENTITY";
    case SL_LINEAGE_PARSED:
    case SL_LINEAGE_COMPUTED:
        return "TRANSFORMATION";
    case SL_LINEAGE_DECIDES:
        break;
    }
    return NULL;
}

struct trail {
    bool is_direct, is_identity, is_masking;
    int depth;
};

static int add_field(struct sl_look_at *look, const struct sl_lineage_end *from,
                     const struct trail *trail, json_t *list, struct sl_err *err)
{
    struct sl_lineage_dataset dataset;
    bool is_found;
    SL_TRY(sl_dataset_name(look->world.project, from->table, &look->world.arena, &dataset,
                           &is_found, err));
    const struct sl_lineage_field field = {.space = dataset.space,
                                           .name = dataset.name,
                                           .field = from->column,
                                           .is_direct = trail->is_direct,
                                           .subtype = !trail->is_direct    ? NULL
                                                      : trail->is_identity ? "IDENTITY"
                                                                           : "TRANSFORMATION",
                                           .is_masking = trail->is_masking};
    return is_found ? sl_lineage_add_field(list, &field, err) : SL_OK;
}

static int add_fields(struct sl_look_at *look, const struct sl_lineage_end *end, struct trail trail,
                      json_t *list, struct sl_err *err)
{
    for (size_t i = 0; end && i < end->in_count && trail.depth < MOST_DEPTH; i++) {
        const struct sl_lineage_edge *edge = &look->lineage.edges[end->in[i]];
        bool decides = edge->how == SL_LINEAGE_DECIDES;
        if (decides && trail.is_direct)
            continue;
        struct trail next = trail;
        next.depth++;
        next.is_identity &= sl_str_equal(subtype_of(edge->how), "IDENTITY");
        next.is_masking |= edge->column && edge->column->personal.as != SL_PERSONAL_NONE;
        if (is_view(look, edge->from->table))
            SL_TRY(add_fields(look, edge->from, next, list, err));
        else if (edge->from->column)
            SL_TRY(add_field(look, edge->from, &next, list, err));
    }
    return SL_OK;
}

static int read_lineage(struct sl_look_at *look, struct sl_err *err)
{
    struct sl_err trouble = {0};
    if (look->has_tried)
        return SL_OK;
    look->has_tried = true;
    look->has_lineage = sl_lineage_read(&look->world, &look->lineage, &trouble) == SL_OK;
    if (!look->has_lineage)
        sl_lineage_clear(&look->lineage);
    return look->has_lineage ? SL_OK : keep_trouble(&trouble, "lineage of columns", err);
}

// {"fields": {column: {"inputFields": [...]}}, "dataset": [...]}; *ret stays NULL if nothing is
// known.
static int lineage_of(struct sl_look_at *look, const char *table, const struct sl_column *columns,
                      size_t count, json_t **ret, struct sl_err *err)
{
    const struct trail direct = {.is_direct = true, .is_identity = true};
    const struct trail indirect = {0};
    json_t *fields = json_object(), *rows = json_array();
    SL_AUTO(sl_json_free)
    json_t *object = json_pack("{s:o, s:o}", "fields", fields, "dataset", rows);
    SL_TRY_NEW(object, err);
    for (size_t i = 0; i < count; i++) {
        json_t *inputs = json_array();
        json_t *field = json_pack("{s:o}", "inputFields", inputs);
        if (json_object_set_new(fields, columns[i].name, field) != 0)
            return sl_fail_memory(err);
        SL_TRY(add_fields(look, sl_lineage_end(&look->lineage, table, columns[i].name), direct,
                          inputs, err));
        if (json_array_size(inputs) == 0)
            (void)json_object_del(fields, columns[i].name);
    }
    SL_TRY(add_fields(look, sl_lineage_end(&look->lineage, table, NULL), indirect, rows, err));
    if (json_array_size(rows) == 0)
        (void)json_object_del(object, "dataset");
    if (json_object_size(fields) == 0 && json_array_size(rows) == 0)
        return SL_OK;
    *ret = object;
    object = NULL;
    return SL_OK;
}

// --- steps

struct stepping {
    struct sl_look_at *look;
    const json_t *fact, *outcome; // outcome NULL: the step begins
    const struct sl_node *node;
    json_t *inputs, *outputs;
    bool has_code; // the project is that of the step
};

static int64_t made_version(const struct stepping *it, const char *table)
{
    return sl_json_int(json_object_get(it->outcome, "versions"), table, -1);
}

static int add_output(struct stepping *it, const char *table, bool is_main, struct sl_err *err)
{
    SL_AUTO(found_clear) struct found found = {0};
    const json_t *rows = json_object_get(it->outcome, "rows");
    int64_t version = made_version(it, table);
    bool is_found;
    SL_TRY(find_dataset(it->look, table, version, &found, &is_found, err));
    if (!is_found)
        return SL_OK;
    if (it->node->kind == SL_NODE_LOAD && it->has_code) { // columns are those that it delivers
        SL_AUTO(found_clear) struct found delivered = {0};
        SL_TRY(find_dataset(it->look, it->node->delivery->table, -1, &delivered, &is_found, err));
        found.dataset.columns = delivered.dataset.columns;
        found.dataset.column_count = delivered.dataset.column_count;
    }
    if (it->outcome && is_main) {
        found.dataset.rows = sl_json_int(rows, "out", -1);
        found.dataset.bytes = sl_json_int(it->outcome, "bytes_out", -1);
        found.dataset.files = sl_json_int(it->fact, "files_out", -1);
        const struct sl_contract_table *contract =
            it->node->kind == SL_NODE_CLEANSE && it->has_code && rows ? it->node->contract : NULL;
        SL_TRY(sl_assertions(it->outcome, contract, &found.assertions, err));
        found.dataset.assertions = found.assertions;
    } else if (it->outcome) {
        found.dataset.rows = sl_json_int(rows, "quarantined", -1);
    }
    if (it->outcome && it->look->has_lineage && it->has_code)
        SL_TRY(lineage_of(it->look, table, found.dataset.columns, found.dataset.column_count,
                          &found.lineage, err));
    found.dataset.column_lineage = found.lineage;
    return append(it->outputs, &found, false, err);
}

static int add_input(struct stepping *it, const char *table, int64_t version, bool is_only,
                     struct sl_err *err)
{
    SL_AUTO(found_clear) struct found found = {0};
    bool is_found;
    SL_TRY(find_dataset(it->look, table, version, &found, &is_found, err));
    if (!is_found)
        return SL_OK;
    if (it->outcome && is_only) {
        found.dataset.rows = sl_json_int(json_object_get(it->outcome, "rows"), "in", -1);
        found.dataset.bytes = sl_json_int(it->outcome, "bytes_in", -1);
    }
    return append(it->inputs, &found, true, err);
}

static int add_paths(struct stepping *it, struct sl_err *err)
{
    const struct sl_strs *paths = &it->node->source->paths;
    for (size_t i = 0; i < paths->count; i++) {
        struct found found = {.dataset = sl_lineage_dataset_named("file", paths->items[i])};
        SL_TRY(sl_file_uri(paths->items[i], &it->look->world.arena, &found.dataset.source, err));
        found.dataset.owner = it->node->owner;
        found.dataset.description = it->node->source->description;
        if (it->outcome && paths->count == 1) {
            found.dataset.rows = sl_json_int(json_object_get(it->outcome, "rows"), "in", -1);
            found.dataset.bytes = sl_json_int(it->outcome, "bytes_in", -1);
        }
        SL_TRY(append(it->inputs, &found, true, err));
    }
    return SL_OK;
}

// What the commit says that it was made from; false if it says nothing.
static int add_recorded(struct stepping *it, bool *ret_done, struct sl_err *err)
{
    struct sl_arena *arena = &it->look->world.arena;
    struct sl_lineage_dataset dataset;
    struct sl_delta_head head;
    struct sl_record record;
    struct sl_err ignored = {0};
    int64_t version = it->outcome ? made_version(it, it->node->name) : -1;
    bool is_found;
    *ret_done = false;
    if (version < 0 || it->node->kind == SL_NODE_LOAD)
        return SL_OK;
    SL_TRY(
        sl_dataset_name(it->look->world.project, it->node->name, arena, &dataset, &is_found, err));
    if (!is_found || sl_delta_head_at(dataset.name, version, arena, &head, &ignored) != SL_OK ||
        !head.record_json || head.record_version != version ||
        sl_record_parse(head.record_json, arena, &record, &ignored) != SL_OK)
        return SL_OK;
    for (size_t i = 0; i < record.input_count; i++)
        SL_TRY(add_input(it, record.inputs[i].table, record.inputs[i].version,
                         record.input_count == 1, err));
    *ret_done = record.input_count > 0;
    return SL_OK;
}

// The tables below views, where it reads them.
static int add_upstream(struct stepping *it, const struct sl_node *node, int depth,
                        struct sl_err *err)
{
    const struct sl_graph *graph = &it->look->world.graph;
    for (size_t i = 0; i < node->upstream_count && depth < MOST_DEPTH; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        if (sl_node_is_view(from))
            SL_TRY(add_upstream(it, from, depth + 1, err));
        else if (from->kind != SL_NODE_TASK)
            SL_TRY(add_input(it, from->name, -1, false, err));
    }
    return SL_OK;
}

static int add_inputs(struct stepping *it, struct sl_err *err)
{
    bool is_done;
    if (it->node->kind == SL_NODE_INGEST)
        return add_paths(it, err);
    if (it->node->kind == SL_NODE_LOAD)
        return add_input(it, it->node->delivery->table, made_version(it, it->node->delivery->table),
                         true, err);
    SL_TRY(add_recorded(it, &is_done, err));
    return is_done ? SL_OK : add_upstream(it, it->node, 0, err);
}

int sl_look_at_step(struct sl_look_at *look, const json_t *fact, json_t **ret_inputs,
                    json_t **ret_outputs, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *inputs = json_array();
    SL_AUTO(sl_json_free) json_t *outputs = json_array();
    struct stepping it = {.look = look,
                          .fact = fact,
                          .outcome = json_object_get(fact, "outcome"),
                          .node = node_of(look, fact),
                          .inputs = inputs,
                          .outputs = outputs};
    SL_TRY_NEW(inputs, err);
    SL_TRY_NEW(outputs, err);
    if (it.node && it.node->kind != SL_NODE_TASK) {
        it.has_code = is_same_code(it.node, fact);
        if (it.outcome)
            SL_TRY(read_lineage(look, err));
        SL_TRY(add_inputs(&it, err));
        SL_TRY(add_output(&it, it.node->name, true, err));
        const char *quarantine =
            sl_arena_printf(&look->world.arena, "quarantine.%s", it.node->bare);
        SL_TRY_NEW(quarantine, err);
        if (it.node->kind == SL_NODE_CLEANSE)
            SL_TRY(add_output(&it, quarantine, false, err));
    }
    *ret_inputs = inputs;
    *ret_outputs = outputs;
    inputs = outputs = NULL;
    return SL_OK;
}
