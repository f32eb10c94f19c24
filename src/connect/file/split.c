#include "connect/file/split.h"

#include <stdlib.h>
#include <string.h>

#define MAX_RECORD_BYTES ((int64_t)64 << 20)
// Enough to see how lines end.
#define LOOK_BYTES ((size_t)1 << 16)

void sl_split_clear(struct sl_split *split)
{
    sl_text_close(&split->text);
    sl_buf_clear(&split->scratch);
    sl_buf_clear(&split->raw);
    sl_map_clear(&split->columns);
    free(split->fields);
    free(split->members);
    free(split->values);
    split->fields = NULL;
    split->members = NULL;
    split->values = NULL;
}

static enum sl_text_encoding encoding_of(const struct sl_source_options *options)
{
    if (sl_str_equal(options->encoding, "utf-16"))
        return SL_TEXT_UTF16;
    return sl_str_equal(options->encoding, "latin-1") ? SL_TEXT_LATIN1 : SL_TEXT_UTF8;
}

// A file whose lines end in a carriage return alone has no newline at all.
static void choose_newline(struct sl_split *split)
{
    const char *from = sl_split_at(split);
    size_t length = split->text.end - split->text.start;
    bool has_newline = length > 0 && memchr(from, '\n', length);
    bool has_return = length > 0 && memchr(from, '\r', length);

    sl_csv_set_newline(&split->csv, has_return && !has_newline ? '\r' : '\n');
}

static int open_split(const struct sl_split_file *file, const struct sl_strs *names,
                      struct sl_arena *arena, struct sl_split *split, struct sl_err *err)
{
    const struct sl_source_options *options = split->options;
    struct sl_text_options text = {encoding_of(options), file->chunk_bytes};
    bool is_csv = split->format == SL_SPLIT_CSV;

    // Bytes that JSON has nowhere, so that its own quotes and commas need no quoting in the lane.
    SL_TRY(sl_csv_init(&split->csv, is_csv ? file->delimiter : "\x1F",
                       is_csv ? options->quote : "\x1E", is_csv ? options->escape : "\x1E", err));
    SL_TRY(sl_text_open(file->path, &text, &split->text, err));
    SL_TRY(sl_text_fill_to(&split->text, LOOK_BYTES, err));
    choose_newline(split);
    if (is_csv)
        return sl_csv_begin(split, names, arena, err);
    return names ? sl_json_begin(split, names, err) : sl_json_names(split, arena, err);
}

static bool is_taken(const struct sl_strs *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (sl_str_equal_nocase(names->items[i], name))
            return true;
    return !sl_split_is_column_name(name);
}

// Each column has a name of its own: "column_4" where there was none, "name_2" for a second "name".
static int mend_names(const struct sl_strs *names, struct sl_arena *arena, struct sl_strs *ret,
                      struct sl_err *err)
{
    struct sl_strs mended = {0};

    for (size_t i = 0; i < names->count; i++) {
        const char *base =
            *names->items[i] ? names->items[i] : sl_arena_printf(arena, "column_%zu", i + 1);
        const char *name = base;

        SL_TRY_NEW(base, err);
        for (size_t number = 2; is_taken(&mended, name); number++) {
            name = sl_arena_printf(arena, "%s_%zu", base, number);
            SL_TRY_NEW(name, err);
        }
        SL_TRY(sl_strs_add(&mended, arena, name, err));
    }
    *ret = mended;
    return SL_OK;
}

// What to write into the source so that the file can be read all the same.
static int hint_at_names(const struct sl_split *split, struct sl_arena *arena, int code,
                         struct sl_err *err)
{
    const struct sl_source_options *options = split->options;
    SL_AUTO(sl_buf_clear) struct sl_buf list = SL_BUF_INIT;
    struct sl_strs mended;

    if (err && code == SL_E_SOURCE_COLUMNS && split->names.count > SL_SPLIT_MOST_COLUMNS)
        return sl_err_hint(err,
                           "is line %lld a header, and are delimiter and format declared "
                           "rightly?",
                           (long long)options->skip_lines + 1);
    if (!err || code != SL_E_SOURCE_COLUMNS || split->format != SL_SPLIT_CSV ||
        !options->has_header || mend_names(&split->names, arena, &mended, NULL) != SL_OK)
        return code;
    for (size_t i = 0; i < mended.count; i++) {
        sl_buf_add(&list, i ? ", " : "");
        sl_buf_add_json_string(&list, mended.items[i]);
    }
    return sl_err_hint(err,
                       "name them in the source: csv: {skip_lines: %lld, header: false, "
                       "columns: [%s]}",
                       (long long)options->skip_lines + 1, list.length < 250 ? list.text : "...");
}

int sl_split_open(const struct sl_split_file *file, const struct sl_strs *names,
                  struct sl_arena *arena, struct sl_split *ret, struct sl_err *err)
{
    const struct sl_source_options *options = file->options;
    SL_AUTO(sl_split_clear)
    struct sl_split split = {
        .options = options,
        .format = file->format,
        .max_bytes =
            (size_t)(options->max_record_bytes ? options->max_record_bytes : MAX_RECORD_BYTES),
        .line = 1,
        .scratch = SL_BUF_INIT,
        .raw = SL_BUF_INIT,
    };

    SL_TRY(open_split(file, names, arena, &split, err));
    if (!names && file->format == SL_SPLIT_CSV && options->mends_header &&
        split.names.count <= SL_SPLIT_MOST_COLUMNS)
        SL_TRY(mend_names(&split.names, arena, &split.names, err));
    int code = names ? SL_OK : sl_split_check_names(&split.names, err);
    if (code != SL_OK)
        return hint_at_names(&split, arena, code, err);
    split.fields = calloc(split.names.count ? split.names.count : 1, sizeof *split.fields);
    SL_TRY_NEW(split.fields, err);
    *ret = split;
    split = (struct sl_split){.scratch = SL_BUF_INIT, .raw = SL_BUF_INIT};
    return SL_OK;
}

void sl_split_set_lane(const struct sl_split *split, struct sl_lane *lane)
{
    bool is_plain = split->csv.is_plain;

    lane->delimiter = is_plain ? split->csv.delimiter[0] : ',';
    lane->quote = is_plain && split->csv.quote >= 0 ? (char)split->csv.quote : '"';
    lane->column_count = split->names.count;
}

int sl_split_run(struct sl_split *split, struct sl_lane *lane, struct sl_err *err)
{
    if (split->format == SL_SPLIT_CSV)
        SL_TRY(sl_csv_run(split, lane, err));
    else
        SL_TRY(sl_json_run(split, lane, err));
    return sl_lane_flush(lane, err);
}

int sl_split_line(struct sl_split *split, size_t *ret_length, size_t *ret_size, struct sl_err *err)
{
    *ret_size = SIZE_MAX;
    while (!sl_csv_line(&split->csv, sl_split_at(split), sl_split_end(split), split->text.is_at_end,
                        ret_length, ret_size) &&
           split->text.end - split->text.start <= split->max_bytes)
        SL_TRY(sl_text_fill(&split->text, err));
    if (*ret_size <= split->max_bytes)
        return SL_OK;
    (void)sl_fail(err, SL_E_SOURCE_FILE, "line %lld is longer than %zu bytes",
                  (long long)split->line, split->max_bytes);
    return sl_err_hint(err, "is this a text file, and is its format declared rightly?");
}

int sl_split_corrupt(struct sl_split *split, struct sl_lane *lane, int64_t position, size_t length,
                     struct sl_err *err)
{
    if (split->text.encoding == SL_TEXT_UTF8)
        return sl_lane_corrupt(lane, position, sl_split_at(split), length, err);
    sl_buf_reset(&split->raw);
    sl_text_raw(&split->text, sl_split_at(split), length, &split->raw);
    SL_TRY(sl_buf_check(&split->raw, err));
    return sl_lane_corrupt(lane, position, split->raw.text, split->raw.length, err);
}

// Names that differ in case alone are one name to the engine and to Delta. Gives the place of the
// earlier one, from 1, or 0.
static int enter_name(struct sl_map *seen, const char *name, size_t index, size_t *ret_earlier,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;

    for (; *name; name++)
        sl_buf_add_char(&key, *name >= 'A' && *name <= 'Z' ? (char)(*name + ('a' - 'A')) : *name);
    SL_TRY(sl_buf_check(&key, err));
    *ret_earlier = (size_t)(uintptr_t)sl_map_get(seen, key.text);
    return *ret_earlier ? SL_OK : sl_map_set(seen, key.text, (void *)(uintptr_t)(index + 1), err);
}

bool sl_split_is_column_name(const char *name)
{
    static const char *const reserved[] = {"_source",  "_position", "_ingested_at",
                                           "_corrupt", "~file",     "~row"};
    bool is_reserved = false;

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        is_reserved = is_reserved || sl_str_equal_nocase(name, reserved[i]);
    return *name && !is_reserved;
}

int sl_split_check_names(const struct sl_strs *names, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map seen = {0};

    if (names->count > SL_SPLIT_MOST_COLUMNS)
        return sl_fail(err, SL_E_SOURCE_COLUMNS, "it has %zu columns, at most %d can be read",
                       names->count, SL_SPLIT_MOST_COLUMNS);
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        size_t earlier;

        if (*name == '\0')
            return sl_fail(err, SL_E_SOURCE_COLUMNS, "column %zu has no name", i + 1);
        if (!sl_split_is_column_name(name))
            return sl_fail(err, SL_E_SOURCE_COLUMNS, "the column name '%s' is reserved", name);
        SL_TRY(enter_name(&seen, name, i, &earlier, err));
        const char *first = earlier ? names->items[earlier - 1] : name;
        if (!sl_str_equal(first, name))
            return sl_fail(err, SL_E_SOURCE_COLUMNS,
                           "columns %zu and %zu have one name but for its case, '%s' and '%s'",
                           earlier, i + 1, first, name);
        if (earlier)
            return sl_fail(err, SL_E_SOURCE_COLUMNS, "columns %zu and %zu have one name, '%s'",
                           earlier, i + 1, name);
    }
    return SL_OK;
}
