// The kinds of files that a project has.
#include "spec/load.h"

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
    {0},
};
