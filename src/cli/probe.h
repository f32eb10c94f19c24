// Finds out how a data file is written and what is in it, by reading it the way the ingest step
// will.
#ifndef SL_CLI_PROBE_H
#define SL_CLI_PROBE_H

#include "api/engine.h"
#include "api/source.h"

// Forms that the text of a value can have.
enum sl_form {
    SL_FORM_BOOLEAN,
    SL_FORM_INTEGER,
    SL_FORM_CODE, // digits with a zero in front: a number would lose it
    SL_FORM_DECIMAL,
    SL_FORM_DOUBLE,
    SL_FORM_DATE,
    SL_FORM_TIMESTAMP_NTZ,
    SL_FORM_TIMESTAMP,
    SL_FORM_TIME,
    SL_FORM_OBJECT,
    SL_FORM_ARRAY,
    SL_FORM_COUNT
};
#define SL_PROBE_FORMATS 12
extern const char
    *const sl_probe_formats[SL_PROBE_FORMATS]; // strptime; the first SL_PROBE_DATES give dates
#define SL_PROBE_DATES 5

struct sl_probe_column {
    const char *name;
    const char *type; // the engine's; "VARCHAR" where the file has texts
    int64_t present;  // not null and not empty
    int64_t values;   // of these, no words for null
    int64_t distinct; // among the present; -1: not counted
    int64_t forms[SL_FORM_COUNT];
    int64_t formats[SL_PROBE_FORMATS];
    int64_t scale; // the most decimals
    int64_t non_ascii;
    const char *null_words; // that occur, separated by "\x1f"; NULL if none
};

struct sl_probe {
    struct sl_source_options options; // how it is written; paths unset
    const char *path;                 // of the file that was read
    size_t file_count;                // that the pattern matches
    bool is_csv;
    const char *remark; // why names of the header were changed, or NULL
    struct sl_probe_column *columns;
    size_t column_count;
    int64_t records, corrupt;
};

// Reads the largest file that matches the paths and globs. SL_E_FILE_MISSING if none does.
SL_MUST int sl_probe_read(struct sl_session *session, const struct sl_strs *paths,
                          struct sl_arena *arena, struct sl_probe *ret, struct sl_err *err);
// How a file is written and what its columns are called, as a text that only files alike have; ""
// if it cannot be told. Reads no more than it must.
SL_MUST int sl_probe_shape(struct sl_session *session, const struct sl_source_part *part,
                           struct sl_arena *arena, const char **ret, struct sl_err *err);

#endif
