#include "observe/openlineage.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SPEC "https://openlineage.io/spec/"
#define PRODUCER "urn:sluice:" SL_VERSION

enum facet {
    JOB_TYPE,
    JOB_OWNERSHIP,
    JOB_DOCUMENTATION,
    JOB_SQL,
    RUN_PARENT,
    RUN_ERROR,
    RUN_NOMINAL,
    RUN_ENGINE,
    DATA_SCHEMA,
    DATA_SOURCE,
    DATA_VERSION,
    DATA_SYMLINKS,
    DATA_TYPE,
    DATA_STORAGE,
    DATA_DOCUMENTATION,
    DATA_OWNERSHIP,
    DATA_LINEAGE,
    DATA_METRICS,
    DATA_ASSERTIONS,
    INPUT_METRICS,
    INPUT_STATISTICS,
    OUTPUT_STATISTICS,
};
static const struct {
    const char *key, *version, *name;
} facets[] = {
    [JOB_TYPE] = {"jobType", "2-0-4", "JobTypeJobFacet"},
    [JOB_OWNERSHIP] = {"ownership", "1-0-1", "OwnershipJobFacet"},
    [JOB_DOCUMENTATION] = {"documentation", "1-1-0", "DocumentationJobFacet"},
    [JOB_SQL] = {"sql", "1-1-0", "SQLJobFacet"},
    [RUN_PARENT] = {"parent", "1-2-0", "ParentRunFacet"},
    [RUN_ERROR] = {"errorMessage", "1-0-1", "ErrorMessageRunFacet"},
    [RUN_NOMINAL] = {"nominalTime", "1-0-1", "NominalTimeRunFacet"},
    [RUN_ENGINE] = {"processing_engine", "1-1-1", "ProcessingEngineRunFacet"},
    [DATA_SCHEMA] = {"schema", "1-2-0", "SchemaDatasetFacet"},
    [DATA_SOURCE] = {"dataSource", "1-0-1", "DatasourceDatasetFacet"},
    [DATA_VERSION] = {"version", "1-0-1", "DatasetVersionDatasetFacet"},
    [DATA_SYMLINKS] = {"symlinks", "1-0-1", "SymlinksDatasetFacet"},
    [DATA_TYPE] = {"datasetType", "1-0-1", "DatasetTypeDatasetFacet"},
    [DATA_STORAGE] = {"storage", "1-0-1", "StorageDatasetFacet"},
    [DATA_DOCUMENTATION] = {"documentation", "1-1-0", "DocumentationDatasetFacet"},
    [DATA_OWNERSHIP] = {"ownership", "1-0-1", "OwnershipDatasetFacet"},
    [DATA_LINEAGE] = {"columnLineage", "1-2-0", "ColumnLineageDatasetFacet"},
    [DATA_METRICS] = {"dataQualityMetrics", "1-0-0", "DataQualityMetricsDatasetFacet"},
    [DATA_ASSERTIONS] = {"dataQualityAssertions", "1-1-0", "DataQualityAssertionsDatasetFacet"},
    [INPUT_METRICS] = {"dataQualityMetrics", "1-0-3", "DataQualityMetricsInputDatasetFacet"},
    [INPUT_STATISTICS] = {"inputStatistics", "1-0-0", "InputStatisticsInputDatasetFacet"},
    [OUTPUT_STATISTICS] = {"outputStatistics", "1-0-2", "OutputStatisticsOutputDatasetFacet"},
};

static int put(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

static int put_text(json_t *object, const char *key, const char *text, struct sl_err *err)
{
    return text ? put(object, key, sl_json_string(text), err) : SL_OK;
}

static int put_count(json_t *object, const char *key, int64_t count, struct sl_err *err)
{
    return count >= 0 ? put(object, key, json_integer(count), err) : SL_OK;
}

// An empty facet of a kind in `all`, to be filled.
static int put_facet(json_t *all, enum facet facet, json_t **ret, struct sl_err *err)
{
    char url[192];
    (void)snprintf(url, sizeof url, SPEC "facets/%s/%s.json#/$defs/%s", facets[facet].version,
                   facets[facet].name, facets[facet].name);
    *ret = json_pack("{s:s, s:s}", "_producer", PRODUCER, "_schemaURL", url);
    return put(all, facets[facet].key, *ret, err);
}

static int put_one_text(json_t *all, enum facet facet, const char *key, const char *text,
                        struct sl_err *err)
{
    json_t *into;
    if (!text || !*text)
        return SL_OK;
    SL_TRY(put_facet(all, facet, &into, err));
    return put_text(into, key, text, err);
}

static int put_owner(json_t *all, enum facet facet, const char *owner, struct sl_err *err)
{
    json_t *into, *owners, *item;
    if (!owner || !*owner)
        return SL_OK;
    SL_TRY(put_facet(all, facet, &into, err));
    owners = json_array();
    SL_TRY(put(into, "owners", owners, err));
    item = json_object();
    if (json_array_append_new(owners, item) != 0)
        return sl_fail_memory(err);
    return put_text(item, "name", owner, err);
}

// --- jobs and runs

static int put_job(json_t *event, const struct sl_lineage_job *job, struct sl_err *err)
{
    json_t *object = json_object(), *all, *type;
    SL_TRY(put(event, "job", object, err));
    SL_TRY(put_text(object, "namespace", job->space, err));
    SL_TRY(put_text(object, "name", job->name, err));
    all = json_object();
    SL_TRY(put(object, "facets", all, err));
    SL_TRY(put_facet(all, JOB_TYPE, &type, err));
    SL_TRY(put_text(type, "processingType", "BATCH", err));
    SL_TRY(put_text(type, "integration", "SLUICE", err));
    SL_TRY(put_text(type, "jobType", job->type, err));
    SL_TRY(put_owner(all, JOB_OWNERSHIP, job->owner, err));
    SL_TRY(put_one_text(all, JOB_DOCUMENTATION, "description", job->description, err));
    SL_TRY(put_one_text(all, JOB_SQL, "query", job->sql, err));
    return job->sql ? put_text(json_object_get(all, "sql"), "dialect", "duckdb", err) : SL_OK;
}

static int put_ancestor(json_t *into, const struct sl_lineage_parent *it, struct sl_err *err)
{
    json_t *run = json_object(), *job;
    SL_TRY(put(into, "run", run, err));
    SL_TRY(put_text(run, "runId", it->run_id, err));
    job = json_object();
    SL_TRY(put(into, "job", job, err));
    SL_TRY(put_text(job, "namespace", it->space, err));
    return put_text(job, "name", it->name, err);
}

static int put_run(json_t *event, const struct sl_lineage_event *it, struct sl_err *err)
{
    json_t *object = json_object(), *all, *into;
    SL_TRY(put(event, "run", object, err));
    all = json_object();
    SL_TRY(put(object, "facets", all, err));
    SL_TRY(put_text(object, "runId", it->run_id, err));
    SL_TRY(put_facet(all, RUN_ENGINE, &into, err));
    SL_TRY(put_text(into, "version", SL_VERSION, err));
    SL_TRY(put_text(into, "name", "sluice", err));
    if (it->parent.run_id) {
        SL_TRY(put_facet(all, RUN_PARENT, &into, err));
        SL_TRY(put_ancestor(into, &it->parent, err));
        json_t *root = json_object();
        SL_TRY(put(into, "root", root, err));
        SL_TRY(put_ancestor(root, it->root.run_id ? &it->root : &it->parent, err));
    }
    if (it->nominal_us) {
        SL_TRY(put_facet(all, RUN_NOMINAL, &into, err));
        SL_TRY(put(into, "nominalStartTime", sl_json_time(it->nominal_us), err));
    }
    if (it->error) {
        SL_TRY(put_facet(all, RUN_ERROR, &into, err));
        SL_TRY(put_text(into, "message", it->error, err));
        SL_TRY(put_text(into, "programmingLanguage", "SQL", err));
    }
    return SL_OK;
}

static int put_copy(json_t *object, const char *key, const json_t *value, struct sl_err *err)
{
    return put(object, key, value ? json_deep_copy(value) : json_array(), err);
}

int sl_lineage_event_json(const struct sl_lineage_event *event, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *object = json_object();
    SL_TRY_NEW(object, err);
    SL_TRY(put(object, "eventTime", sl_json_time(event->at_us), err));
    SL_TRY(put_text(object, "eventType", event->type, err));
    SL_TRY(put_text(object, "producer", PRODUCER, err));
    SL_TRY(put_text(object, "schemaURL", SPEC "2-0-2/OpenLineage.json#/$defs/RunEvent", err));
    SL_TRY(put_run(object, event, err));
    SL_TRY(put_job(object, &event->job, err));
    SL_TRY(put_copy(object, "inputs", event->inputs, err));
    SL_TRY(put_copy(object, "outputs", event->outputs, err));
    *ret = object;
    object = NULL;
    return SL_OK;
}

// --- datasets

struct sl_lineage_dataset sl_lineage_dataset_named(const char *space, const char *name)
{
    return (struct sl_lineage_dataset){.space = space,
                                       .name = name,
                                       .row_count = -1,
                                       .size_bytes = -1,
                                       .file_count = -1,
                                       .rows = -1,
                                       .bytes = -1,
                                       .files = -1};
}

static int put_schema(json_t *all, const struct sl_lineage_dataset *it, struct sl_err *err)
{
    json_t *into, *fields;
    if (!it->columns)
        return SL_OK;
    SL_TRY(put_facet(all, DATA_SCHEMA, &into, err));
    fields = json_array();
    SL_TRY(put(into, "fields", fields, err));
    for (size_t i = 0; i < it->column_count; i++) {
        json_t *field = json_object();
        if (json_array_append_new(fields, field) != 0)
            return sl_fail_memory(err);
        SL_TRY(put_text(field, "name", it->columns[i].name, err));
        SL_TRY(put_text(field, "type", it->columns[i].type, err));
        SL_TRY(put(field, "ordinal_position", json_integer((json_int_t)i + 1), err));
    }
    return SL_OK;
}

static int put_symlink(json_t *all, const struct sl_lineage_dataset *it, struct sl_err *err)
{
    json_t *into, *list, *item;
    if (!it->symlink)
        return SL_OK;
    SL_TRY(put_facet(all, DATA_SYMLINKS, &into, err));
    list = json_array();
    SL_TRY(put(into, "identifiers", list, err));
    item = json_object();
    if (json_array_append_new(list, item) != 0)
        return sl_fail_memory(err);
    SL_TRY(put_text(item, "namespace", it->symlink_space, err));
    SL_TRY(put_text(item, "name", it->symlink, err));
    return put_text(item, "type", "TABLE", err);
}

static int put_metrics(json_t *all, enum facet facet, const struct sl_lineage_dataset *it,
                       struct sl_err *err)
{
    json_t *into;
    if (it->row_count < 0 && !it->column_metrics)
        return SL_OK;
    SL_TRY(put_facet(all, facet, &into, err));
    SL_TRY(put_count(into, "rowCount", it->row_count, err));
    SL_TRY(put_count(into, "bytes", it->size_bytes, err));
    SL_TRY(put_count(into, "fileCount", it->file_count, err));
    if (it->changed_us)
        SL_TRY(put(into, "lastUpdated", sl_json_time(it->changed_us), err));
    return put(into, "columnMetrics",
               it->column_metrics ? json_deep_copy(it->column_metrics) : json_object(), err);
}

static int put_statistics(json_t *all, enum facet facet, const struct sl_lineage_dataset *it,
                          struct sl_err *err)
{
    json_t *into;
    if (it->rows < 0 && it->bytes < 0 && it->files < 0)
        return SL_OK;
    SL_TRY(put_facet(all, facet, &into, err));
    SL_TRY(put_count(into, "rowCount", it->rows, err));
    SL_TRY(put_count(into, "size", it->bytes, err));
    return put_count(into, "fileCount", it->files, err);
}

static int put_assertions(json_t *all, const struct sl_lineage_dataset *it, struct sl_err *err)
{
    json_t *into;
    if (!it->assertions || json_array_size(it->assertions) == 0)
        return SL_OK;
    SL_TRY(put_facet(all, DATA_ASSERTIONS, &into, err));
    return put(into, "assertions", json_deep_copy(it->assertions), err);
}

static int put_place(json_t *all, const struct sl_lineage_dataset *it, struct sl_err *err)
{
    json_t *into;
    if (it->source) {
        SL_TRY(put_facet(all, DATA_SOURCE, &into, err));
        SL_TRY(put_text(into, "name", it->space, err));
        SL_TRY(put_text(into, "uri", it->source, err));
    }
    if (it->storage) {
        SL_TRY(put_facet(all, DATA_STORAGE, &into, err));
        SL_TRY(put_text(into, "storageLayer", it->storage, err));
        SL_TRY(put_text(into, "fileFormat", it->format, err));
    }
    SL_TRY(put_one_text(all, DATA_TYPE, "datasetType", it->symlink ? "TABLE" : "FILE", err));
    SL_TRY(put_one_text(all, DATA_VERSION, "datasetVersion", it->version, err));
    return put_symlink(all, it, err);
}

int sl_lineage_dataset_json(const struct sl_lineage_dataset *it, bool is_input, json_t **ret,
                            struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *object = json_object();
    json_t *all, *into, *own;
    SL_TRY_NEW(object, err);
    all = json_object();
    SL_TRY(put(object, "facets", all, err));
    SL_TRY(put_text(object, "namespace", it->space, err));
    SL_TRY(put_text(object, "name", it->name, err));
    SL_TRY(put_place(all, it, err));
    SL_TRY(put_schema(all, it, err));
    SL_TRY(put_one_text(all, DATA_DOCUMENTATION, "description", it->description, err));
    SL_TRY(put_owner(all, DATA_OWNERSHIP, it->owner, err));
    SL_TRY(put_assertions(all, it, err));
    own = json_object();
    SL_TRY(put(object, is_input ? "inputFacets" : "outputFacets", own, err));
    if (is_input) {
        SL_TRY(put_metrics(own, INPUT_METRICS, it, err));
        SL_TRY(put_statistics(own, INPUT_STATISTICS, it, err));
    } else {
        SL_TRY(put_metrics(all, DATA_METRICS, it, err));
        SL_TRY(put_statistics(own, OUTPUT_STATISTICS, it, err));
    }
    if (it->column_lineage) {
        SL_TRY(put_facet(all, DATA_LINEAGE, &into, err));
        if (json_object_update(into, (json_t *)it->column_lineage) != 0)
            return sl_fail_memory(err);
    }
    *ret = object;
    object = NULL;
    return SL_OK;
}

static bool is_same_field(const json_t *item, const struct sl_lineage_field *field)
{
    const json_t *how = json_array_get(json_object_get(item, "transformations"), 0);
    return sl_str_equal(sl_json_text(item, "field", ""), field->field) &&
           sl_str_equal(sl_json_text(item, "name", ""), field->name) &&
           sl_str_equal(sl_json_text(item, "namespace", ""), field->space) &&
           sl_str_equal(sl_json_text(how, "subtype", NULL), field->subtype);
}

int sl_lineage_add_field(json_t *list, const struct sl_lineage_field *field, struct sl_err *err)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        if (is_same_field(item, field))
            return SL_OK;
    item = json_object();
    if (json_array_append_new(list, item) != 0)
        return sl_fail_memory(err);
    SL_TRY(put_text(item, "namespace", field->space, err));
    SL_TRY(put_text(item, "name", field->name, err));
    SL_TRY(put_text(item, "field", field->field, err));
    json_t *all = json_array(), *how;
    SL_TRY(put(item, "transformations", all, err));
    how = json_pack("{s:s}", "type", field->is_direct ? "DIRECT" : "INDIRECT");
    if (json_array_append_new(all, how) != 0)
        return sl_fail_memory(err);
    SL_TRY(put_text(how, "subtype", field->subtype, err));
    if (!field->is_direct)
        SL_TRY(put_text(how, "description", "it decides which rows there are", err));
    return put(how, "masking", json_boolean(field->is_masking), err);
}

int sl_file_uri(const char *path, struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    struct sl_buf text = SL_BUF_INIT;
    sl_buf_init(&text);
    sl_buf_add(&text, "file://");
    for (; *path; path++) {
        if (isalnum((unsigned char)*path) || strchr("/-._~!$&'()+,;=:@", *path))
            sl_buf_add_char(&text, *path);
        else
            sl_buf_addf(&text, "%%%02X", (unsigned)(unsigned char)*path);
    }
    int code = sl_buf_check(&text, err);
    if (code == SL_OK)
        *ret = sl_arena_strdup(arena, text.text);
    sl_buf_clear(&text);
    SL_TRY(code);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
