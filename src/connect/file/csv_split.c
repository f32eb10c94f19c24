// CSV: header, records, and what becomes of a record that cannot be split.
//
// A quote that is never closed would swallow all that follows, so of a record with wrong quotes
// only its first line is corrupt, and the next line begins a new record: one stray quote costs one
// line.
#include "connect/file/split.h"

#include <stdlib.h>
#include <string.h>

static bool is_comment(const struct sl_split *split)
{
    const char *comment = split->options->comment;

    return comment && *comment && *sl_split_at(split) == *comment;
}

// Passes a blank or comment line at the window's start. With one column, a blank line is a record.
static int pass_line(struct sl_split *split, bool *ret_passed, struct sl_err *err)
{
    char first = *sl_split_at(split);
    bool is_candidate = is_comment(split);
    size_t length;
    size_t size;

    *ret_passed = false;
    if (!is_candidate && ((first != '\r' && first != '\n') || split->names.count == 1))
        return SL_OK;
    SL_TRY(sl_split_line(split, &length, &size, err));
    if (!is_candidate && length > 0)
        return SL_OK;
    sl_split_pass(split, size, 1);
    *ret_passed = true;
    return SL_OK;
}

// Finds the next record, at the window's start. False in *ret_found at the end of the file.
static int find_record(struct sl_split *split, enum sl_csv_outcome *ret,
                       struct sl_csv_record *ret_record, bool *ret_found, struct sl_err *err)
{
    bool was_passed;

    for (;;) {
        if (split->text.start == split->text.end) {
            if (split->text.is_at_end)
                break;
            SL_TRY(sl_text_fill(&split->text, err));
            continue;
        }
        SL_TRY(pass_line(split, &was_passed, err));
        if (was_passed)
            continue;
        *ret =
            sl_csv_scan(&split->csv, sl_split_at(split), sl_split_end(split), split->text.is_at_end,
                        split->fields, split->fields ? split->names.count : 0, ret_record);
        if (*ret == SL_CSV_MORE && split->text.end - split->text.start <= split->max_bytes) {
            SL_TRY(sl_text_fill(&split->text, err));
            continue;
        }
        if (*ret == SL_CSV_MORE || (*ret == SL_CSV_RECORD && ret_record->size > split->max_bytes))
            *ret = SL_CSV_BROKEN;
        *ret_found = true;
        return SL_OK;
    }
    *ret_found = false;
    return SL_OK;
}

// --- before the first record

// The fields of the record at the window's start, as texts.
static int read_names(struct sl_split *split, size_t count, struct sl_arena *arena,
                      struct sl_err *err)
{
    struct sl_csv_field *fields = SL_NEW_ARRAY(arena, struct sl_csv_field, count);
    struct sl_csv_record record;

    SL_TRY_NEW(fields, err);
    if (sl_csv_parse(&split->csv, sl_split_at(split), sl_split_end(split), split->text.is_at_end,
                     fields, count, &record) != SL_CSV_RECORD)
        return sl_fail(err, SL_E_INTERNAL, "a header is read in two ways");
    for (size_t i = 0; i < count; i++) {
        char *name = sl_arena_alloc(arena, fields[i].length + 1);

        SL_TRY_NEW(name, err);
        if (fields[i].has_escapes)
            name[sl_csv_unescape(&split->csv, &fields[i], name)] = '\0';
        else
            memcpy(name, fields[i].text, fields[i].length);
        SL_TRY(sl_strs_add(&split->names, arena, name, err));
    }
    return SL_OK;
}

static int read_header(struct sl_split *split, const struct sl_strs *names, struct sl_arena *arena,
                       struct sl_err *err)
{
    enum sl_csv_outcome outcome;
    struct sl_csv_record record;
    bool was_found;

    SL_TRY(find_record(split, &outcome, &record, &was_found, err));
    if (!was_found)
        return SL_OK;
    if (outcome != SL_CSV_RECORD || record.is_bad_text) {
        (void)sl_fail(err, SL_E_SOURCE_FILE, "the header in line %lld cannot be read",
                      (long long)split->line);
        return sl_err_hint(err, "are encoding, delimiter and quote declared rightly?");
    }
    if (names)
        split->names = *names;
    else
        SL_TRY(read_names(split, record.field_count, arena, err));
    sl_split_pass(split, record.size, record.lines);
    return SL_OK;
}

// As many columns as the first record has.
static int count_columns(struct sl_split *split, struct sl_arena *arena, struct sl_err *err)
{
    enum sl_csv_outcome outcome;
    struct sl_csv_record record;
    bool was_found;
    size_t length;
    size_t size;

    SL_TRY(find_record(split, &outcome, &record, &was_found, err));
    if (!was_found)
        return SL_OK;
    if (outcome != SL_CSV_RECORD) {
        SL_TRY(sl_split_line(split, &length, &size, err));
        record.field_count =
            sl_csv_count_lenient(&split->csv, sl_split_at(split), sl_split_at(split) + length);
    }
    for (size_t i = 0; i < record.field_count; i++) {
        const char *name = sl_arena_printf(arena, "column%zu", i + 1);

        SL_TRY_NEW(name, err);
        SL_TRY(sl_strs_add(&split->names, arena, name, err));
    }
    return SL_OK;
}

int sl_csv_begin(struct sl_split *split, const struct sl_strs *names, struct sl_arena *arena,
                 struct sl_err *err)
{
    const struct sl_source_options *options = split->options;
    size_t length;
    size_t size;

    for (int64_t i = 0; i < options->skip_lines && !sl_split_is_done(split); i++) {
        SL_TRY(sl_split_line(split, &length, &size, err));
        sl_split_pass(split, size, 1);
        SL_TRY(sl_text_fill_to(&split->text, 1, err));
    }
    if (options->has_header)
        return read_header(split, names, arena, err);
    if (names || options->columns.count > 0) {
        split->names = names ? *names : options->columns;
        return SL_OK;
    }
    return count_columns(split, arena, err);
}

// --- records

// Whether a quote that stands there by mistake ran over whole records until another one met it:
// most lines are records by themselves.
static bool is_stray_quote(const struct sl_split *split, const struct sl_csv_record *record)
{
    const char *at = sl_split_at(split);
    const char *end = at + record->size;
    int64_t alike = 0;
    size_t length;
    size_t size;

    if (record->lines < 2 || split->names.count < 2)
        return false;
    while (at < end && sl_csv_line(&split->csv, at, end, true, &length, &size)) {
        alike += sl_csv_count_lenient(&split->csv, at, at + length) == split->names.count;
        at += size;
    }
    return 2 * alike > record->lines;
}

static int hand_over(struct sl_split *split, struct sl_lane *lane,
                     const struct sl_csv_record *record, struct sl_err *err)
{
    if (record->is_verbatim)
        return sl_lane_verbatim(lane, split->line, sl_split_at(split), record->length, err);
    SL_TRY(sl_lane_begin(lane, split->line, err));
    for (size_t i = 0; i < record->field_count; i++) {
        const struct sl_csv_field *field = &split->fields[i];

        if (!field->is_quoted && field->length == 0) {
            SL_TRY(sl_lane_null(lane, err));
        } else if (!field->has_escapes) {
            SL_TRY(sl_lane_text(lane, field->text, field->length, err));
        } else {
            sl_buf_reset(&split->scratch);
            sl_buf_add_bytes(&split->scratch, field->text, field->length);
            SL_TRY(sl_buf_check(&split->scratch, err));
            size_t length = sl_csv_unescape(&split->csv, field, split->scratch.text);
            SL_TRY(sl_lane_text(lane, split->scratch.text, length, err));
        }
    }
    return sl_lane_end(lane, err);
}

static int corrupt_line(struct sl_split *split, struct sl_lane *lane, struct sl_err *err)
{
    size_t length;
    size_t size;

    SL_TRY(sl_split_line(split, &length, &size, err));
    SL_TRY(sl_split_corrupt(split, lane, split->line, length, err));
    sl_split_pass(split, size, 1);
    return SL_OK;
}

static int take_record(struct sl_split *split, struct sl_lane *lane,
                       const struct sl_csv_record *record, struct sl_err *err)
{
    if (record->is_bad_text)
        SL_TRY(sl_split_corrupt(split, lane, split->line, record->length, err));
    else if (record->field_count == split->names.count)
        SL_TRY(hand_over(split, lane, record, err));
    else if (is_stray_quote(split, record))
        return corrupt_line(split, lane, err);
    else
        SL_TRY(sl_split_corrupt(split, lane, split->line, record->length, err));
    sl_split_pass(split, record->size, record->lines);
    return SL_OK;
}

int sl_csv_run(struct sl_split *split, struct sl_lane *lane, struct sl_err *err)
{
    enum sl_csv_outcome outcome;
    struct sl_csv_record record;
    bool was_found;

    for (;;) {
        SL_TRY(find_record(split, &outcome, &record, &was_found, err));
        if (!was_found)
            return SL_OK;
        if (outcome == SL_CSV_BROKEN)
            SL_TRY(corrupt_line(split, lane, err));
        else
            SL_TRY(take_record(split, lane, &record, err));
    }
}
