// From a file's text to records in a lane: what can be split into columns, and what cannot, with
// its bytes and its line.
#ifndef SL_CONNECT_FILE_SPLIT_H
#define SL_CONNECT_FILE_SPLIT_H

#include "api/source.h"
#include "base/map.h"
#include "connect/file/csv.h"
#include "connect/file/json.h"
#include "connect/file/lane.h"
#include "connect/file/text.h"

enum sl_split_format {
    SL_SPLIT_CSV,
    SL_SPLIT_LINES,
    SL_SPLIT_ARRAY
}; // JSON: one object a line, or one array of them

// What is split, and how it is written. Must live as long as what is opened with it.
struct sl_split_file {
    const char *path;
    const struct sl_source_options *options;
    enum sl_split_format format;
    const char
        *delimiter;     // of CSV; the options' own holds only where the format does not say another
    size_t chunk_bytes; // as in sl_text_options
};

struct sl_split {
    const struct sl_source_options *options;
    enum sl_split_format format;
    struct sl_text text;
    struct sl_strs names; // of the columns
    size_t max_bytes;     // of a record
    int64_t line;         // of the file, at the window's start; 1-based
    struct sl_csv csv;
    struct sl_csv_field *fields;    // CSV: of a record, as many as columns
    struct sl_map columns;          // JSON: name in lower case -> its place in names, from 1
    struct sl_json_member *members; // JSON: of an object
    size_t member_capacity;
    const struct sl_json_member **values; // JSON: per column, of an object
    bool is_in_array;                     // behind its bracket
    int64_t element;                      // of the array, the last one begun
    struct sl_buf scratch;
    struct sl_buf raw;
};

// Opens the file and reads what stands before the first record. With `names` NULL the columns are
// found out: from the header, the options, or (JSON) all records, after which there is nothing left
// to run. Else they are known from an earlier time. Names live in the arena. SL_E_SOURCE_FILE,
// SL_E_SOURCE_COLUMNS. `chunk_bytes` as in sl_text_options.
SL_MUST int sl_split_open(const struct sl_split_file *file, const struct sl_strs *names,
                          struct sl_arena *arena, struct sl_split *ret, struct sl_err *err);
void sl_split_clear(struct sl_split *split); // zeroed is fine; for SL_AUTO
// Sets up the form in which the lane's lines are written; its fd is the caller's.
void sl_split_set_lane(const struct sl_split *split, struct sl_lane *lane);
// Hands over every record up to the file's end.
SL_MUST int sl_split_run(struct sl_split *split, struct sl_lane *lane, struct sl_err *err);

// Neither empty nor reserved.
bool sl_split_is_column_name(const char *name);
// More names than this are data that was written as names, or read so by a wrong delimiter.
#define SL_SPLIT_MOST_COLUMNS 10000

// SL_E_SOURCE_COLUMNS unless every name can be a column of a raw table, and they are not too many.
SL_MUST int sl_split_check_names(const struct sl_strs *names, struct sl_err *err);

// Of the formats. The window's start is passed by what was taken.
SL_MUST int sl_csv_begin(struct sl_split *split, const struct sl_strs *names,
                         struct sl_arena *arena, struct sl_err *err);
SL_MUST int sl_csv_run(struct sl_split *split, struct sl_lane *lane, struct sl_err *err);
SL_MUST int sl_json_begin(struct sl_split *split, const struct sl_strs *names, struct sl_err *err);
SL_MUST int sl_json_names(struct sl_split *split, struct sl_arena *arena, struct sl_err *err);
SL_MUST int sl_json_run(struct sl_split *split, struct sl_lane *lane, struct sl_err *err);
// The line at the window's start, whole. SL_E_SOURCE_FILE if it is longer than a record may be.
SL_MUST int sl_split_line(struct sl_split *split, size_t *ret_length, size_t *ret_size,
                          struct sl_err *err);
// Hands over the window's first `length` bytes as a corrupt record.
SL_MUST int sl_split_corrupt(struct sl_split *split, struct sl_lane *lane, int64_t position,
                             size_t length, struct sl_err *err);
static inline void sl_split_pass(struct sl_split *split, size_t size, int64_t lines)
{
    split->text.start += size;
    split->line += lines;
}
static inline const char *sl_split_at(const struct sl_split *split)
{
    return split->text.bytes + split->text.start;
}
static inline const char *sl_split_end(const struct sl_split *split)
{
    return split->text.bytes + split->text.end;
}
static inline bool sl_split_is_done(const struct sl_split *split)
{
    return split->text.is_at_end && split->text.start == split->text.end;
}

#endif
