// Finds out what is in the files of a source, by reading them the way the ingest step will.
#ifndef SL_CLI_PROBE_H
#define SL_CLI_PROBE_H

#include "cli/group.h"

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

// How numbers and booleans may be written besides: sluice.formats.
enum { SL_PROBE_WRITTEN = 9, SL_PROBE_NUMBERS = 5 }; // the numbers stand first
extern const struct sl_probe_written {
    const char *format;
    const char *condition; // SQL in which '@' is the value
    const char *evidence;  // what tells the format from others; of a boolean its word for true
} sl_probe_written[SL_PROBE_WRITTEN];

struct sl_probe_column {
    const char *name;
    const char *type; // the engine's; "VARCHAR" where the file has texts
    int64_t present;  // not null and not empty
    int64_t values;   // of these, no words for null
    int64_t distinct; // among the present of all files; -1: not counted
    int64_t forms[SL_FORM_COUNT];
    int64_t formats[SL_PROBE_FORMATS];
    int64_t written[SL_PROBE_WRITTEN], evidence[SL_PROBE_WRITTEN];
    int64_t scale;         // the most decimals
    int64_t comma_scale;   // the same behind a comma
    int64_t grouped_scale; // behind a point, with whatever in front
    int64_t non_ascii;
    bool is_in_all;         // no file of the group lacks it
    const char *null_words; // that occur, separated by "\x1f"; NULL if none
};

struct sl_probe {
    struct sl_probe_column *columns; // those of the group, in its order
    size_t column_count;
    size_t read_count; // of the group's files, the largest
    int64_t records, corrupt;
};

// Reads the files of a group, or the largest of many.
SL_MUST int sl_probe_read(struct sl_session *session, const struct sl_file_group *group,
                          struct sl_arena *arena, struct sl_probe *ret, struct sl_err *err);

#endif
