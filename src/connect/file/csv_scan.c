#include "connect/file/csv.h"

#include "connect/file/text.h"

#include <ctype.h>
#include <string.h>

struct scanner {
    const struct sl_csv *csv;
    const char *at, *end;
    bool is_at_end;
    bool is_lenient;
    struct sl_csv_field field;
    struct sl_csv_record record;
    bool has_ended; // the line end was reached
};

static bool is_ordinary(char c)
{
    return c != '\0' && !isalnum((unsigned char)c) && (unsigned char)c < 0x80;
}

int sl_csv_init(struct sl_csv *csv, const char *delimiter, const char *quote, const char *escape,
                struct sl_err *err)
{
    *csv = (struct sl_csv){
        .delimiter_length = strlen(delimiter),
        .quote = *quote ? (unsigned char)*quote : -1,
        .escape = *escape ? (unsigned char)*escape : -1,
    };
    if (csv->delimiter_length == 0 || csv->delimiter_length >= sizeof csv->delimiter ||
        strpbrk(delimiter, "\r\n") || (*quote && strchr(delimiter, *quote)) ||
        (*escape && strchr(delimiter, *escape)) || strpbrk(quote, "\r\n") ||
        strpbrk(escape, "\r\n"))
        return sl_fail(err, SL_E_VALUE_INVALID,
                       "delimiter '%s', quote '%s' and escape '%s' cannot be told apart", delimiter,
                       quote, escape);
    memcpy(csv->delimiter, delimiter, csv->delimiter_length + 1);
    csv->is_plain = csv->delimiter_length == 1 && is_ordinary(*delimiter) && *delimiter != '"' &&
                    (!*quote || is_ordinary(*quote));
    csv->stops_field[(unsigned char)*delimiter] = true;
    csv->stops_field['\0'] = csv->stops_field['\n'] = csv->stops_field['\r'] = true;
    // Where the source has no quotes, what it is handed on in has.
    csv->stops_field[csv->quote < 0 ? '"' : csv->quote] = true;
    csv->stops_quoted['\0'] = true;
    if (csv->quote >= 0)
        csv->stops_quoted[csv->quote] = true;
    if (csv->escape >= 0)
        csv->stops_quoted[csv->escape] = true;
    sl_csv_set_newline(csv, '\n');
    return SL_OK;
}

void sl_csv_set_newline(struct sl_csv *csv, char newline)
{
    csv->newline = newline;
    csv->stops_quoted['\n'] = newline == '\n';
    csv->stops_quoted['\r'] = newline == '\r';
}

// --- field by field

// What stands at the scanner: a line end (which it passes), or not. MORE if that cannot be said
// yet.
static enum sl_csv_outcome take_line_end(struct scanner *scanner, bool *ret)
{
    const struct sl_csv *csv = scanner->csv;
    const char *at = scanner->at;

    *ret = false;
    if (*at == csv->newline) {
        scanner->record.length = (size_t)(at - (scanner->end - scanner->record.size));
        scanner->at = at + 1;
        *ret = true;
    } else if (*at == '\r') {
        if (at + 1 == scanner->end && !scanner->is_at_end)
            return SL_CSV_MORE;
        if (at + 1 == scanner->end || at[1] == csv->newline) {
            scanner->record.length = (size_t)(at - (scanner->end - scanner->record.size));
            scanner->at = at + 1 == scanner->end ? at + 1 : at + 2;
            *ret = true;
        }
    }
    return SL_CSV_RECORD;
}

static enum sl_csv_outcome take_delimiter(struct scanner *scanner, bool *ret)
{
    const struct sl_csv *csv = scanner->csv;
    size_t left = (size_t)(scanner->end - scanner->at);

    *ret = false;
    if (left < csv->delimiter_length) {
        if (!scanner->is_at_end && memcmp(scanner->at, csv->delimiter, left) == 0)
            return SL_CSV_MORE;
        return SL_CSV_RECORD;
    }
    *ret = memcmp(scanner->at, csv->delimiter, csv->delimiter_length) == 0;
    if (*ret)
        scanner->at += csv->delimiter_length;
    return SL_CSV_RECORD;
}

// Whether the field ends here: at a delimiter, a line end (then the record ends) or the end of all.
static enum sl_csv_outcome take_end(struct scanner *scanner, bool *ret)
{
    enum sl_csv_outcome outcome;

    *ret = true;
    if (scanner->at == scanner->end) {
        if (!scanner->is_at_end)
            return SL_CSV_MORE;
        scanner->record.length = scanner->record.size;
        scanner->has_ended = true;
        return SL_CSV_RECORD;
    }
    outcome = take_line_end(scanner, ret);
    if (outcome != SL_CSV_RECORD)
        return outcome;
    if (*ret) {
        scanner->has_ended = true;
        return SL_CSV_RECORD;
    }
    return take_delimiter(scanner, ret);
}

static enum sl_csv_outcome read_plain(struct scanner *scanner)
{
    const bool *stops = scanner->csv->stops_field;
    bool is_end = false;

    scanner->field = (struct sl_csv_field){.text = scanner->at};
    for (;;) {
        while (scanner->at < scanner->end && !stops[(unsigned char)*scanner->at])
            scanner->at++;
        const char *stop = scanner->at;
        enum sl_csv_outcome outcome = take_end(scanner, &is_end);
        if (outcome != SL_CSV_RECORD)
            return outcome;
        if (is_end) {
            scanner->field.length = (size_t)(stop - scanner->field.text);
            return SL_CSV_RECORD;
        }
        if (*stop == '\0')
            scanner->record.is_bad_text = true;
        scanner->record.is_verbatim = false;
        scanner->at++;
    }
}

// Inside quotes, up to and with the closing one.
static enum sl_csv_outcome read_to_quote(struct scanner *scanner)
{
    const struct sl_csv *csv = scanner->csv;
    const char *at = scanner->at;
    const char *end = scanner->end;

    for (;; at++) {
        while (at < end && !csv->stops_quoted[(unsigned char)*at])
            at++;
        if (at == end || (at + 1 == end && !scanner->is_at_end))
            return scanner->is_at_end ? SL_CSV_BROKEN : SL_CSV_MORE;
        int c = (unsigned char)*at;
        int next = at + 1 < end ? (unsigned char)at[1] : -1;
        if (c == csv->quote && (next != c || csv->escape < 0))
            break;
        if (c == csv->quote || (c == csv->escape && (next == csv->quote || next == c))) {
            scanner->field.has_escapes = true;
            // What it is handed on in knows the doubled quote only.
            if (c != csv->quote)
                scanner->record.is_verbatim = false;
            at++;
        } else if (c == '\0') {
            scanner->record.is_bad_text = true;
        } else if (c == csv->newline) {
            scanner->record.lines++;
        }
    }
    scanner->field.length = (size_t)(at - scanner->field.text);
    scanner->at = at + 1;
    return SL_CSV_RECORD;
}

static enum sl_csv_outcome read_quoted(struct scanner *scanner)
{
    enum sl_csv_outcome outcome;
    bool is_end = false;

    scanner->at++;
    scanner->field = (struct sl_csv_field){.text = scanner->at, .is_quoted = true};
    outcome = read_to_quote(scanner);
    if (outcome == SL_CSV_RECORD)
        outcome = take_end(scanner, &is_end);
    if (outcome == SL_CSV_RECORD && !is_end)
        return SL_CSV_BROKEN;
    return outcome;
}

static enum sl_csv_outcome read_field(struct scanner *scanner)
{
    const char *from = scanner->at;
    enum sl_csv_outcome outcome;

    if (from == scanner->end || scanner->csv->quote < 0 ||
        (unsigned char)*from != scanner->csv->quote)
        return read_plain(scanner);
    outcome = read_quoted(scanner);
    if (outcome == SL_CSV_BROKEN && scanner->is_lenient) {
        scanner->at = from;
        return read_plain(scanner);
    }
    return outcome;
}

static enum sl_csv_outcome parse(struct scanner *scanner, struct sl_csv_field *fields,
                                 size_t capacity)
{
    const char *from = scanner->at;

    // While it runs, `size` is what there is; take_line_end counts from there.
    scanner->record = (struct sl_csv_record){
        .size = (size_t)(scanner->end - from), .lines = 1, .is_verbatim = scanner->csv->is_plain};
    while (!scanner->has_ended) {
        enum sl_csv_outcome outcome = read_field(scanner);

        if (outcome != SL_CSV_RECORD)
            return outcome;
        if (scanner->record.field_count < capacity)
            fields[scanner->record.field_count] = scanner->field;
        scanner->record.field_count++;
    }
    scanner->record.size = (size_t)(scanner->at - from);
    return SL_CSV_RECORD;
}

enum sl_csv_outcome sl_csv_parse(const struct sl_csv *csv, const char *from, const char *end,
                                 bool is_at_end, struct sl_csv_field *fields, size_t capacity,
                                 struct sl_csv_record *ret)
{
    struct scanner scanner = {.csv = csv, .at = from, .end = end, .is_at_end = is_at_end};
    enum sl_csv_outcome outcome = parse(&scanner, fields, capacity);

    *ret = scanner.record;
    if (outcome == SL_CSV_RECORD && !sl_text_is_utf8(from, ret->length))
        ret->is_bad_text = true;
    return outcome;
}

size_t sl_csv_count_lenient(const struct sl_csv *csv, const char *from, const char *end)
{
    struct scanner scanner = {
        .csv = csv, .at = from, .end = end, .is_at_end = true, .is_lenient = true};

    return parse(&scanner, NULL, 0) == SL_CSV_RECORD ? scanner.record.field_count : 0;
}

// --- a line at once

// Sixteen bytes at a time; the compiler turns these into the machine's own.
typedef unsigned char lanes __attribute__((vector_size(16)));
#define LANE_COUNT sizeof(lanes)
// A lane counts up to 255.
#define MOST_STEPS 255

struct line_class {
    size_t delimiter_count;
    bool is_special; // a quote, a NUL, or a stray line end
    bool has_high;   // not ASCII
};

static unsigned sum(lanes bytes)
{
    unsigned total = 0;

    for (size_t i = 0; i < LANE_COUNT; i++)
        total += bytes[i];
    return total;
}

static lanes fill(int byte)
{
    lanes filled;

    memset(&filled, byte, sizeof filled);
    return filled;
}

static struct line_class classify(const struct sl_csv *csv, const char *from, size_t length)
{
    const lanes delimiter = fill((unsigned char)csv->delimiter[0]);
    const lanes quote = fill(csv->quote < 0 ? '"' : csv->quote);
    const lanes stray = fill(csv->newline == '\n' ? '\r' : '\n');
    const lanes zero = {0};
    lanes special = {0};
    lanes all = {0};
    struct line_class found = {0};
    size_t at = 0;

    while (length - at >= LANE_COUNT) {
        lanes count = {0};

        for (int step = 0; step < MOST_STEPS && length - at >= LANE_COUNT; step++) {
            lanes bytes;

            memcpy(&bytes, from + at, sizeof bytes);
            count -= (lanes)(bytes == delimiter);
            special |= (lanes)(bytes == quote) | (lanes)(bytes == stray) | (lanes)(bytes == zero);
            all |= bytes;
            at += LANE_COUNT;
        }
        found.delimiter_count += sum(count);
    }
    found.is_special = sum(special) != 0;
    found.has_high = sum(all & fill(0x80)) != 0;
    for (; at < length; at++) {
        unsigned char c = (unsigned char)from[at];

        found.delimiter_count += c == (unsigned char)csv->delimiter[0];
        found.is_special |= c == quote[0] || c == stray[0] || c == 0;
        found.has_high |= c >= 0x80;
    }
    return found;
}

bool sl_csv_line(const struct sl_csv *csv, const char *from, const char *end, bool is_at_end,
                 size_t *ret_length, size_t *ret_size)
{
    const char *stop = from < end ? memchr(from, csv->newline, (size_t)(end - from)) : NULL;

    if (!stop && !is_at_end)
        return false;
    *ret_size = (size_t)((stop ? stop + 1 : end) - from);
    *ret_length = (size_t)((stop ? stop : end) - from);
    if (csv->newline == '\n' && *ret_length > 0 && from[*ret_length - 1] == '\r')
        --*ret_length;
    return true;
}

enum sl_csv_outcome sl_csv_scan(const struct sl_csv *csv, const char *from, const char *end,
                                bool is_at_end, struct sl_csv_field *fields, size_t capacity,
                                struct sl_csv_record *ret)
{
    size_t length;
    size_t size;

    if (!csv->is_plain)
        return sl_csv_parse(csv, from, end, is_at_end, fields, capacity, ret);
    if (!sl_csv_line(csv, from, end, is_at_end, &length, &size))
        return SL_CSV_MORE;
    struct line_class found = classify(csv, from, length);
    if (found.is_special)
        return sl_csv_parse(csv, from, end, is_at_end, fields, capacity, ret);
    *ret = (struct sl_csv_record){
        .length = length,
        .size = size,
        .lines = 1,
        .field_count = found.delimiter_count + 1,
        .is_verbatim = true,
        .is_bad_text = found.has_high && !sl_text_is_utf8(from, length),
    };
    return SL_CSV_RECORD;
}

size_t sl_csv_unescape(const struct sl_csv *csv, const struct sl_csv_field *field, char *to)
{
    size_t length = 0;

    for (size_t i = 0; i < field->length; i++) {
        int c = (unsigned char)field->text[i];
        int next = i + 1 < field->length ? (unsigned char)field->text[i + 1] : -1;

        if ((c == csv->quote && next == c) ||
            (c == csv->escape && next >= 0 && (next == csv->quote || next == c)))
            i++;
        to[length++] = field->text[i];
    }
    return length;
}
