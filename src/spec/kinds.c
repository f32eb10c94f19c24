// The kinds of files that a project has.
#include "spec/load.h"
#include "spec/test.h"

const struct sl_file_kind sl_file_kinds[] = {
    {"project", SL_PROJECT_FILE, "The project: where its tables are, limits, environments.",
     sl_project_rows},
    {"source", "sources/*.yml",
     "Where data comes from, how it is written, and what is required of it.", sl_source_rows},
    {"contract", "contracts/*.yml",
     "A data contract (ODCS v3): columns, types and rules of clean tables.", sl_contract_rows},
    {"model", "models/*.sql", "The settings of a model, in the comment that its SQL begins with.",
     sl_model_rows},
    {"target", "targets/*.yml", "Where tables are delivered, and how.", sl_target_rows},
    {"task", "tasks/*.yml", "A program that runs before or after steps.", sl_task_rows},
    {"pipeline", "pipelines/*.yml",
     "A selection of steps, and when it runs: times, files, tables, HTTP.", sl_pipeline_rows},
    {"test", "tests/*.yml", "Rows that are given, and the rows that tables must then hold.",
     sl_test_rows},
    {0},
};

// Raised when a file that was right may be wrong by the new one.
#define SCHEMA_VERSION 1

void sl_file_kind_schema(const struct sl_file_kind *kind, struct sl_buf *json)
{
    SL_AUTO(sl_buf_clear) struct sl_buf members = SL_BUF_INIT;

    sl_opt_schema(kind->rows, &members);
    sl_buf_addf(json,
                "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                "\"$id\":\"urn:sluice:%s:%d\",\"title\":",
                kind->name, SCHEMA_VERSION);
    sl_buf_add_json_string(json, kind->summary);
    sl_buf_addf(json, ",%s", members.text + 1); // without its '{'
    json->has_failed = json->has_failed || members.has_failed;
}
