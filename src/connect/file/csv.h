// Finds the records of a CSV text (RFC 4180, with the quote, escape and delimiter of the source).
// Pure: bytes in, places out.
//
// A quote begins a quoted field only as the first byte of a field; elsewhere it is data. In a
// quoted field a doubled quote and the escape before a quote or an escape stand for one; any other
// escape is data. After the closing quote a delimiter or the end of the line must follow. A record
// ends at the newline of the file, a carriage return before it belongs to it; every other one is
// data.
#ifndef SL_CONNECT_FILE_CSV_H
#define SL_CONNECT_FILE_CSV_H

#include "base/err.h"

#include <stdint.h>

struct sl_csv {
    char delimiter[8];
    size_t delimiter_length;
    int quote;     // -1: none
    int escape;    // -1: none
    char newline;  // '\n', or '\r' in a file that has only those
    bool is_plain; // a record may be handed on byte by byte: delimiter and quote are ordinary
    bool stops_field[256];  // bytes that mean something outside quotes
    bool stops_quoted[256]; // and inside
};

struct sl_csv_field {
    const char *text; // without the quotes, escapes still in it
    size_t length;
    bool is_quoted;
    bool has_escapes;
};

struct sl_csv_record {
    size_t length; // without its line end
    size_t size;   // with it
    int64_t lines; // of the file that it covers
    size_t field_count;
    bool is_verbatim; // its bytes can be handed on: nothing to unescape, every field plain or well
                      // quoted
    bool is_bad_text; // a NUL, or not UTF-8
};

enum sl_csv_outcome {
    SL_CSV_MORE,   // the record does not end in what there is
    SL_CSV_RECORD, // found; maybe with another number of fields than others have
    SL_CSV_BROKEN, // a quote is not closed, or something follows the closing quote
};

// SL_E_VALUE_INVALID if they cannot be told apart. The newline is set by the caller, with
// sl_csv_set_newline.
SL_MUST int sl_csv_init(struct sl_csv *csv, const char *delimiter, const char *quote,
                        const char *escape, struct sl_err *err);
void sl_csv_set_newline(struct sl_csv *csv, char newline);
// The record that begins at `from`. The first `capacity` fields are written to `fields`, unless the
// record is verbatim.
enum sl_csv_outcome sl_csv_scan(const struct sl_csv *csv, const char *from, const char *end,
                                bool is_at_end, struct sl_csv_field *fields, size_t capacity,
                                struct sl_csv_record *ret);
// The same, field by field whatever the record is like: `fields` is always written.
enum sl_csv_outcome sl_csv_parse(const struct sl_csv *csv, const char *from, const char *end,
                                 bool is_at_end, struct sl_csv_field *fields, size_t capacity,
                                 struct sl_csv_record *ret);
// Fields of one line taken alone, where a quote that is not closed rightly is data.
size_t sl_csv_count_lenient(const struct sl_csv *csv, const char *from, const char *end);
// The line (not the record) at `from`: its length without and size with its end. False if it does
// not end before `end`.
bool sl_csv_line(const struct sl_csv *csv, const char *from, const char *end, bool is_at_end,
                 size_t *ret_length, size_t *ret_size);
// Writes a field's text without escapes to `to`, which has room for field->length bytes; gives its
// length.
size_t sl_csv_unescape(const struct sl_csv *csv, const struct sl_csv_field *field, char *to);

#endif
