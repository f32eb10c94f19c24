// The parts of the ingest step, shared between its files.
#ifndef SL_STEP_INGEST_H
#define SL_STEP_INGEST_H

#include "api/source.h"
#include "base/map.h"
#include "step/step.h"

#define SL_INGEST_FILE_BYTES ((int64_t)512 << 20) // of a staged file, about

// A part of the source that the raw table holds: what its files' tags say, or, of loose rows
// (ingest_loose.c), the rows themselves.
struct sl_ingested {
    const char *name;             // as the table has it
    const char *received_as;      // `_source` of its rows: the name under which they were read
    const char *name_now;         // that it will have after this step
    int64_t size_bytes, mtime_us; // -1: no tag tells
    const char *sha256;           // "": no tag tells
    const char *reading;          // how it was read; "": no tag tells
    int64_t rows;                 // of it in the table; -1: not known
    const char *columns;          // that the source gave, as a JSON list; "": no tag tells
    struct sl_strs files;         // of the table, with its rows alone
    bool has_loose_rows;
    int64_t ingested_us; // of the newest loose row
    bool is_listed;      // the source still has it
    bool is_found;       // ... with the same content, under whatever name
    bool gives_way;      // its rows go with this step's commit
    bool is_relabelled;  // its rows get the name that it has now
};

// Rows of one part in a file without tags.
struct sl_loose_rows {
    size_t file;            // of the loose ones
    struct sl_ingested *of; // NULL: of no part
    int64_t count;
};

// A part that is to be read.
struct sl_ingest_job {
    const struct sl_source_part *part;
    struct sl_ingested *before;      // what it replaces; NULL: new
    struct sl_source_reader *reader; // NULL: could not be opened
    bool is_staged;
};

struct sl_ingest {
    const struct sl_project *project;
    const struct sl_source *source;
    struct sl_arena *arena;
    const struct sl_source_kind *kind;
    struct sl_source_options options;
    const char *reading;    // digest of the options that decide what a file's rows are
    bool is_read_otherwise; // the table has parts that were read in another way
    const char *folder;     // of the raw table
    struct sl_delta_snapshot snapshot;
    struct sl_source_part *parts; // what the source has now
    size_t part_count;
    struct sl_ingested **before; // parallel to parts: what the table holds of it, NULL for nothing
    struct sl_passed_over passed_over; // what the paths lead to besides
    bool *is_same;          // parallel to parts: it has the content of `before`, as its hash says
    struct sl_strs renames; // "a.csv is now b.csv"
    struct sl_map ingested; // name -> struct sl_ingested *
    struct sl_delta_file *loose; // files of the table that tell no part
    size_t loose_count;
    struct sl_loose_rows *loose_rows;
    size_t loose_row_count;
    bool has_foreign_rows; // of no part at all
    bool needs_session;    // there are loose rows and none was given: nothing was looked at
    // The step alone:
    struct sl_step_context *context;
    const char *app_id;
    struct sl_delta_head head;
    struct sl_record record; // the last one
    struct sl_ingest_job *jobs;
    size_t job_count;
    bool is_retyped; // rows that the table keeps are staged anew with the types of `columns`
    bool is_fresh;   // every part that the table holds is read again
    struct sl_column *columns; // of the table afterwards
    size_t column_count;
    const char *file_prefix; // of this step's data files
    struct sl_staged staged;
    struct sl_strs removed; // files of the table that give way
    const char **tags_json; // parallel to staged.files
    size_t tag_count;
    struct sl_strs retagged;    // files of the table whose part has another name or time now
    struct sl_strs retags_json; // parallel
    struct sl_step_result result;
    struct sl_err first_failure;
};

// Where a path of the source stands in its file; and what to do if it matches no file.
struct sl_place sl_ingest_path_place(const struct sl_source *source, size_t index);
const char *sl_ingest_path_hint(const char *path, struct sl_arena *arena);
// What the source is to its connector: fills `kind` and `options`.
SL_MUST int sl_ingest_describe(struct sl_ingest *ingest, struct sl_err *err);
// Lists the source and what the raw table holds of it.
SL_MUST int sl_ingest_look(struct sl_ingest *ingest, struct sl_session *session,
                           struct sl_err *err);
void sl_ingest_clear(struct sl_ingest *ingest); // for SL_AUTO
// Whether the options that decide what a file's rows are, are as they were for it.
bool sl_ingest_reads_as_before(const struct sl_ingest *ingest, const struct sl_ingested *before);
// Whether the part is as it was by name, size and time, and so is how it is read.
bool sl_ingest_is_known(const struct sl_ingest *ingest, size_t index);
// The entry of a part, made if there is none.
SL_MUST int sl_ingest_enter(struct sl_ingest *ingest, const char *name, struct sl_ingested **ret,
                            struct sl_err *err);
// Finds parts whose content the table has already: renamed, moved, or touched. Without a step
// those that were only touched are not read for it.
SL_MUST int sl_ingest_find_moved(struct sl_ingest *ingest, struct sl_err *err);
// After staging: what is in the commit for them. Rows whose `_source` is the name of another part
// now, and of that one's new rows, are staged anew under the name of their own.
SL_MUST int sl_ingest_keep_moved(struct sl_ingest *ingest, struct sl_err *err);
// The tags of a part's files: name_now, received_as, size, time, hash.
SL_MUST int sl_ingest_print_tags(const struct sl_ingest *ingest, const struct sl_ingested *part,
                                 const char **ret, struct sl_err *err);
// Enters the parts of loose rows. SL_E_TABLE_SCHEMA if they do not tell.
SL_MUST int sl_ingest_look_loose(struct sl_ingest *ingest, struct sl_session *session,
                                 struct sl_err *err);
// After staging: loose rows that were read again give way; the rows beside them are staged anew.
SL_MUST int sl_ingest_rewrite_loose(struct sl_ingest *ingest, struct sl_err *err);
// Decides which parts are read; with notes of those that are gone.
SL_MUST int sl_ingest_choose(struct sl_ingest *ingest, struct sl_err *err);

// The table's columns once the opened jobs are in it: those it has, then new ones, then the four of
// every raw table.
SL_MUST int sl_ingest_columns(struct sl_ingest *ingest, struct sl_err *err);
const struct sl_column *sl_ingest_column(const struct sl_ingest *ingest, const char *name);
// Gives a column that the table has this type, which holds its own and the jobs', if all that this
// changes are places of texts without any value.
SL_MUST int sl_ingest_retype(struct sl_ingest *ingest, struct sl_column *column, const char *type,
                             struct sl_err *err);
// ", cast(s as STRUCT(...)) as s" for each column that has another type now.
// Notes of the columns whose rows are, once it is known whether any new row asks for it.
SL_MUST int sl_ingest_tell_retyped(struct sl_ingest *ingest, struct sl_err *err);
void sl_ingest_add_retyped(const struct sl_ingest *ingest, struct sl_buf *sql);

// Opens every job, and stages what each gives. A part that cannot be read is noted; what fails is
// what concerns all.
SL_MUST int sl_ingest_open(struct sl_ingest *ingest, struct sl_err *err);
SL_MUST int sl_ingest_stage(struct sl_ingest *ingest, struct sl_err *err);
// Stages the jobs from `index` on that go together, in one statement: *ret_count of them. If
// anything is wrong with one nothing is kept (*ret_is_done false), and each is to be staged alone.
SL_MUST int sl_ingest_stage_batch(struct sl_ingest *ingest, size_t index, size_t *ret_count,
                                  bool *ret_is_done, struct sl_err *err);
// A job's rows as the table has them. `source` is the SQL of _source.
SL_MUST int sl_ingest_print_select(const struct sl_ingest *ingest, const struct sl_ingest_job *job,
                                   const char *source, const char *rows_sql, struct sl_buf *sql,
                                   struct sl_err *err);
SL_MUST int sl_ingest_stage_nothing(struct sl_ingest *ingest, const char *prefix,
                                    struct sl_staged *ret, struct sl_err *err);
// A part that had rows and was read to have none.
bool sl_ingest_is_emptied(const struct sl_ingest_job *job, const struct sl_source_end *end);
// What was staged for the job goes into the commit. Its reader is still open.
SL_MUST int sl_ingest_keep(struct sl_ingest *ingest, struct sl_ingest_job *job,
                           const struct sl_staged *staged, const struct sl_source_end *end,
                           struct sl_err *err);
// Whether the failure is about one part, so that the others can go on.
bool sl_ingest_is_of_part(int code);
// The part is left out of this run: keeps the reason as a note.
SL_MUST int sl_ingest_leave_out(struct sl_ingest *ingest, const struct sl_ingest_job *job,
                                struct sl_err *failure, struct sl_err *err);

#endif
