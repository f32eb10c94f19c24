// Events of OpenLineage (https://openlineage.io, spec 2-0-2) as JSON. Pure: what is in them comes
// from whoever asks.
#ifndef SL_OBSERVE_OPENLINEAGE_H
#define SL_OBSERVE_OPENLINEAGE_H

#include "api/engine.h"
#include "base/json.h"

struct sl_lineage_job {
    const char *space, *name; // namespace, and name in it
    const char *type;         // "RUN", "INGEST", "CLEANSE", "MODEL", "LOAD"
    const char *owner;        // NULL: nobody
    const char *description;  // NULL: none
    const char *sql;          // NULL: none
};
// A run of another job that this one is a part of.
struct sl_lineage_parent {
    const char *run_id; // a UUID; NULL: there is none
    const char *space, *name;
};
struct sl_lineage_event {
    const char *type; // "START", "COMPLETE", "FAIL", "ABORT"
    int64_t at_us;
    const char *run_id; // a UUID
    struct sl_lineage_job job;
    struct sl_lineage_parent parent, root;
    int64_t nominal_us;             // when it was to begin; 0: no schedule says
    const char *error;              // NULL: none
    const json_t *inputs, *outputs; // arrays of sl_lineage_dataset_json; NULL: none
};
SL_MUST int sl_lineage_event_json(const struct sl_lineage_event *event, json_t **ret,
                                  struct sl_err *err);

// A table, or what files or a database hold, as the naming conventions of OpenLineage name it.
struct sl_lineage_dataset {
    const char *space, *name;
    const char *symlink_space, *symlink; // what Sluice calls it; NULL: no other name
    const char *source;                  // URI of where it is; NULL: not said
    const char *version;                 // NULL: not known
    const struct sl_column *columns;     // NULL: not known
    size_t column_count;
    const char *description, *owner;           // NULL: none
    const char *storage, *format;              // "delta", "parquet"; NULL: not said
    const json_t *column_lineage;              // of an output: {"fields": ...}; NULL: not known
    const json_t *column_metrics;              // {"id": {"nullCount": 0}}; NULL: not known
    int64_t row_count, size_bytes, file_count; // that it has in this version; -1: not known
    int64_t changed_us;                        // 0: not known
    const json_t *assertions;                  // array; NULL: nothing was checked
    int64_t rows, bytes, files;                // that the run read or wrote; -1: not known
};
struct sl_lineage_dataset sl_lineage_dataset_named(const char *space, const char *name);
SL_MUST int sl_lineage_dataset_json(const struct sl_lineage_dataset *dataset, bool is_input,
                                    json_t **ret, struct sl_err *err);

// Adds a column that another one is made of, or that decides which rows there are, to a list;
// nothing twice.
struct sl_lineage_field {
    const char *space, *name, *field;
    bool is_direct;
    const char *subtype; // "IDENTITY", "TRANSFORMATION"; NULL: not known
    bool is_masking;
};
SL_MUST int sl_lineage_add_field(json_t *list, const struct sl_lineage_field *field,
                                 struct sl_err *err);

// "file:///data/my%20lake".
SL_MUST int sl_file_uri(const char *path, struct sl_arena *arena, const char **ret,
                        struct sl_err *err);

#endif
