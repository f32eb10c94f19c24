// The way of records to the engine: lines of text written to a pipe, in a form that it can only
// read one way.
//
// A line is `position,corrupt,field,field,...` and "\n". A corrupt record has its bytes in
// hexadecimal and no field; in a good one an empty field is null, "" is an empty text, and
// everything that could be misread stands in quotes, where a quote is doubled.
#ifndef SL_CONNECT_FILE_LANE_H
#define SL_CONNECT_FILE_LANE_H

#include "base/err.h"

#include <stdint.h>

// Longer lines are read with care only: the engine wants to know the longest one beforehand.
#define SL_LANE_LINE_BYTES ((size_t)1900000)

struct sl_lane {
    int fd; // written to until it is full or its reader is gone; not closed here
    char delimiter, quote;
    size_t column_count;
    bool is_careful;
    char *bytes;
    size_t used, capacity;
    size_t line_start; // in bytes, of the line that is being written
    bool needs_care;   // a line was too long: none is written any more, but all are measured
    bool is_gone;      // nobody reads
    size_t longest_bytes;
    int64_t records, corrupt, position_sum;
    int64_t base; // added to each position that is written, and not to the sum
};

void sl_lane_clear(struct sl_lane *lane); // zeroed is fine

// One record: begin, column_count fields, end. SL_E_INTERRUPTED once nobody reads.
SL_MUST int sl_lane_begin(struct sl_lane *lane, int64_t position, struct sl_err *err);
SL_MUST int sl_lane_null(struct sl_lane *lane, struct sl_err *err);
SL_MUST int sl_lane_text(struct sl_lane *lane, const char *text, size_t length, struct sl_err *err);
SL_MUST int sl_lane_end(struct sl_lane *lane, struct sl_err *err);
// The whole record at once, its fields as the lane has them, delimiters between.
SL_MUST int sl_lane_verbatim(struct sl_lane *lane, int64_t position, const char *fields,
                             size_t length, struct sl_err *err);
SL_MUST int sl_lane_corrupt(struct sl_lane *lane, int64_t position, const char *bytes,
                            size_t length, struct sl_err *err);
SL_MUST int sl_lane_flush(struct sl_lane *lane, struct sl_err *err);

#endif
