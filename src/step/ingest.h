// The parts of the ingest step, shared between its files.
#ifndef SL_STEP_INGEST_H
#define SL_STEP_INGEST_H

#include "api/source.h"
#include "base/map.h"
#include "step/step.h"

// A part of the source that the raw table holds: what its files' tags say.
struct sl_ingested {
    const char *name;
    int64_t size_bytes, mtime_us;
    const char *sha256;
    struct sl_strs files; // of the table, with its rows
    bool is_listed;       // the source still has it
};

// A part that is to be read.
struct sl_ingest_job {
    const struct sl_source_part *part;
    const struct sl_ingested *before; // what it replaces; NULL: new
    struct sl_source_reader *reader;  // NULL: could not be opened
    bool is_staged;
};

struct sl_ingest {
    const struct sl_project *project;
    const struct sl_source *source;
    struct sl_arena *arena;
    const struct sl_source_kind *kind;
    struct sl_source_options options;
    const char *folder; // of the raw table
    struct sl_delta_snapshot snapshot;
    struct sl_source_part *parts; // what the source has now
    size_t part_count;
    struct sl_ingested **before; // parallel to parts: what the table holds of it, NULL for nothing
    struct sl_map ingested;      // name -> struct sl_ingested *
    size_t tagged_count;         // files of the table that are of such a part
    // The step alone:
    struct sl_step_context *context;
    const char *app_id;
    struct sl_record record; // the last one
    struct sl_ingest_job *jobs;
    size_t job_count;
    bool is_fresh;             // every part that the table holds is read again
    struct sl_column *columns; // of the table afterwards
    size_t column_count;
    const char *file_prefix; // of this step's data files
    struct sl_staged staged;
    const char **tags_json; // parallel to staged.files
    size_t tag_count;
    struct sl_step_result result;
    struct sl_err first_failure;
};

// Lists the source and what the raw table holds of it.
SL_MUST int sl_ingest_look(struct sl_ingest *ingest, struct sl_session *session,
                           struct sl_err *err);
void sl_ingest_clear(struct sl_ingest *ingest); // for SL_AUTO
// Whether the part is as it was by name, size and time.
bool sl_ingest_is_known(const struct sl_ingest *ingest, size_t index);
// Decides which parts are read; with notes of those that are gone.
SL_MUST int sl_ingest_choose(struct sl_ingest *ingest, struct sl_err *err);

// The table's columns once the opened jobs are in it: those it has, then new ones, then the four of
// every raw table.
SL_MUST int sl_ingest_columns(struct sl_ingest *ingest, struct sl_err *err);
const struct sl_column *sl_ingest_column(const struct sl_ingest *ingest, const char *name);

// Opens every job, and stages what each gives. A part that cannot be read is noted; what fails is
// what concerns all.
SL_MUST int sl_ingest_open(struct sl_ingest *ingest, struct sl_err *err);
SL_MUST int sl_ingest_stage(struct sl_ingest *ingest, struct sl_err *err);
// The part is left out of this run: keeps the reason as a note.
SL_MUST int sl_ingest_leave_out(struct sl_ingest *ingest, const struct sl_ingest_job *job,
                                struct sl_err *failure, struct sl_err *err);

#endif
