#include "connect/file/source.h"

#include "base/fs.h"
#include "base/glob.h"
#include "base/map.h"
#include "connect/file/reader.h"

#include <stdlib.h>
#include <string.h>

enum format { CSV, TSV, LINES, ARRAY, PARQUET, UNKNOWN };

static const struct format_name {
    const char *name; // as declared, or the end of a file's name
    enum format format;
} declared[] = {{"csv", CSV},    {"tsv", TSV},         {"jsonl", LINES},
                {"json", ARRAY}, {"parquet", PARQUET}, {NULL, UNKNOWN}},
  endings[] = {{".csv", CSV},    {".txt", CSV},         {".tsv", TSV},
               {".tab", TSV},    {".jsonl", LINES},     {".ndjson", LINES},
               {".json", ARRAY}, {".parquet", PARQUET}, {NULL, UNKNOWN}};

// --- what there is

// The name of a file: seen from the project's folder if it lies in it or its path was given so.
static int name_of(const struct sl_source_options *options, const char *path, bool is_relative,
                   struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    const char *folder = options->folder ? sl_path_clean(arena, options->folder) : NULL;
    const char *relative;

    *ret = path;
    if (!options->folder)
        return SL_OK;
    SL_TRY_NEW(folder, err);
    relative = sl_path_relative(arena, folder, path);
    SL_TRY_NEW(relative, err);
    if (*path == *folder && (is_relative || strncmp(relative, "../", 3) != 0))
        *ret = relative;
    return SL_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct sl_source_part *)a)->name,
                  ((const struct sl_source_part *)b)->name);
}

static bool is_below(const char *path, const char *folder)
{
    size_t length = folder ? strlen(folder) : 0;

    while (length > 1 && folder[length - 1] == '/')
        length--;
    return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/';
}

// The files of one path; what else it leads to is told.
static int find_path(const struct sl_source_options *options, size_t index, bool is_relative,
                     struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    struct sl_passed_over *passed = options->passed_over;
    struct sl_glob_found found;

    SL_TRY(sl_glob_find(options->paths.items[index], arena, &found, err));
    for (size_t k = 0; passed && k < found.odd_count; k++) {
        const char *path = sl_path_clean(arena, found.odd[k].path);
        const char *name, *text;

        SL_TRY_NEW(path, err);
        SL_TRY(name_of(options, path, is_relative, arena, &name, err));
        text = sl_arena_printf(arena, "'%s' %s", name, sl_glob_odd_text(found.odd[k].kind));
        SL_TRY_NEW(text, err);
        if (sl_strs_has(&passed->texts, text))
            continue;
        SL_TRY(sl_strs_add(&passed->texts, arena, text, err));
        if (!SL_PUSH(arena, passed->paths, passed->count, index))
            return sl_fail_memory(err);
    }
    *ret = found.files;
    return SL_OK;
}

// Clean paths -> names; two spellings of one path are one.
static int find_paths(const struct sl_source_options *options, struct sl_arena *arena,
                      struct sl_map *paths, struct sl_err *err)
{
    for (size_t i = 0; i < options->paths.count; i++) {
        bool is_relative = is_below(options->paths.items[i], options->folder);
        struct sl_strs found = {0};

        SL_TRY(find_path(options, i, is_relative, arena, &found, err));
        if (options->are_matched)
            options->are_matched[i] = found.count > 0;
        for (size_t k = 0; k < found.count; k++) {
            const char *path = sl_path_clean(arena, found.items[k]);
            const char *name;

            SL_TRY_NEW(path, err);
            SL_TRY(name_of(options, path, is_relative, arena, &name, err));
            if (is_relative || !sl_map_has(paths, path))
                SL_TRY(sl_map_set(paths, path, (void *)(uintptr_t)name, err));
        }
    }
    return SL_OK;
}

// Where the files of one folder really lie is asked once a folder.
struct place {
    const char *folder, *real;
};

static int find_key(struct sl_source_part *part, struct place *place, struct sl_arena *arena,
                    struct sl_err *err)
{
    const char *folder = sl_path_folder(arena, part->path);

    SL_TRY_NEW(folder, err);
    if (part->is_link)
        return sl_path_real(arena, part->path, &part->key, err);
    if (!sl_str_equal(place->folder, folder)) {
        SL_TRY(sl_path_real(arena, folder, &place->real, err));
        place->folder = folder;
    }
    part->key = sl_path_join(arena, place->real, sl_path_name(part->path));
    SL_TRY_NEW(part->key, err);
    return SL_OK;
}

static int fill_part(const char *path, const char *name, const struct sl_fs_stat *stat,
                     struct place *place, struct sl_arena *arena, struct sl_source_part *ret,
                     struct sl_err *err)
{
    struct sl_source_part part = {
        .name = name,
        .path = sl_arena_strdup(arena, path),
        .size_bytes = stat->size_bytes,
        .mtime_us = stat->mtime_us,
        .is_link = sl_fs_is_link(path),
    };

    SL_TRY_NEW(part.path, err);
    SL_TRY(find_key(&part, place, arena, err));
    if (stat->link_count > 1) {
        part.link = sl_arena_printf(arena, "%llu:%llu", (unsigned long long)stat->device,
                                    (unsigned long long)stat->inode);
        SL_TRY_NEW(part.link, err);
    }
    *ret = part;
    return SL_OK;
}

static int file_list(const struct sl_source_options *options, struct sl_arena *arena,
                     struct sl_source_part **ret, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map paths = {0};
    struct sl_source_part *parts;
    struct place place = {0};
    size_t count = 0;

    SL_TRY(find_paths(options, arena, &paths, err));
    parts = SL_NEW_ARRAY(arena, struct sl_source_part, sl_map_count(&paths));
    SL_TRY_NEW(parts, err);
    for (const struct sl_map_entry *it = sl_map_first(&paths); it; it = sl_map_next(it)) {
        struct sl_fs_stat stat;
        int code = sl_fs_stat(sl_map_key(it), &stat, err);

        // Gone since it was listed: then it is not there.
        if (code == SL_E_FILE_MISSING) {
            sl_err_clear(err);
            continue;
        }
        SL_TRY(code);
        SL_TRY(fill_part(sl_map_key(it), sl_map_value(it), &stat, &place, arena, &parts[count++],
                         err));
    }
    qsort(parts, count, sizeof *parts, compare);
    *ret = parts;
    *ret_count = count;
    return SL_OK;
}

static int file_key(const struct sl_source_options *options, const char *name,
                    struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    const char *path = sl_path_join(arena, options->folder, name);

    SL_TRY_NEW(path, err);
    return sl_path_real(arena, path, ret, err);
}

// --- one of them

static bool ends_nocase(const char *name, size_t length, const char *ending)
{
    size_t size = strlen(ending);

    if (size > length)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[length - size + i];

        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != ending[i])
            return false;
    }
    return true;
}

static enum format format_of(const struct sl_source_options *options, const char *path)
{
    size_t length = strlen(path);
    size_t i = 0;

    if (options->format && !sl_str_equal(options->format, "auto")) {
        while (declared[i].name && !sl_str_equal(declared[i].name, options->format))
            i++;
        return declared[i].format;
    }
    if (sl_str_ends(path, ".gz"))
        length -= 3;
    else if (sl_str_ends(path, ".zst"))
        length -= 4;
    while (endings[i].name && !ends_nocase(path, length, endings[i].name))
        i++;
    return endings[i].format;
}

static const char *packing_of(const char *path)
{
    return sl_str_ends(path, ".gz") ? "gzip" : sl_str_ends(path, ".zst") ? "zstd" : "";
}

static bool file_reads_alike(const struct sl_source_options *options, const char *name,
                             const char *other)
{
    return format_of(options, name) == format_of(options, other) &&
           sl_str_equal(packing_of(name), packing_of(other));
}

static int open_as(struct sl_file_reader *reader, enum format format, struct sl_err *err)
{
    const char *delimiter = reader->options->delimiter;

    switch (format) {
    case CSV:
        return sl_text_reader_open(reader, SL_SPLIT_CSV, delimiter, err);
    case TSV:
        // A comma is what stands there when nothing was declared.
        return sl_text_reader_open(reader, SL_SPLIT_CSV,
                                   sl_str_equal(delimiter, ",") ? "\t" : delimiter, err);
    case LINES:
        return sl_text_reader_open(reader, SL_SPLIT_LINES, delimiter, err);
    case ARRAY:
        return sl_text_reader_open(reader, SL_SPLIT_ARRAY, delimiter, err);
    case PARQUET:
        return sl_parquet_open(reader, err);
    case UNKNOWN:
        break;
    }
    (void)sl_fail(err, SL_E_SOURCE_FILE, "its name does not tell its format");
    return sl_err_hint(err, "declare 'format' in the source");
}

static int in_part(const struct sl_file_reader *reader, int code, struct sl_err *err)
{
    return code == SL_OK ? SL_OK : sl_err_context(err, "'%s'", reader->part->name);
}

static int file_open(const struct sl_source_options *options, const struct sl_source_part *part,
                     struct sl_session *session, struct sl_arena *arena,
                     struct sl_source_reader **ret, struct sl_err *err)
{
    struct sl_file_reader *reader = SL_NEW(arena, struct sl_file_reader);

    SL_TRY_NEW(reader, err);
    *reader = (struct sl_file_reader){.base = {.kind = &sl_source_file},
                                      .options = options,
                                      .part = part,
                                      .session = session,
                                      .arena = arena};
    SL_TRY(in_part(reader, open_as(reader, format_of(options, part->path), err), err));
    *ret = &reader->base;
    return SL_OK;
}

// Larger ones have records.
#define EMPTY_BYTES (64 << 10)

static int look(struct sl_file_reader *reader, enum sl_source_look *ret, struct sl_err *err)
{
    struct sl_source_end end = {0};

    if (reader->text)
        SL_TRY(sl_text_reader_count(reader, &end.records, err));
    else
        SL_TRY(sl_parquet_finish(reader, &end, err));
    *ret = end.records == 0 ? SL_LOOK_EMPTY : SL_LOOK_FILLED;
    return SL_OK;
}

static int file_is_empty(const struct sl_source_options *options, const struct sl_source_part *part,
                         struct sl_session *session, struct sl_arena *arena,
                         enum sl_source_look *ret, struct sl_err *err)
{
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = NULL;
    struct sl_err trouble = {0};
    int code;

    *ret = part->size_bytes == 0 ? SL_LOOK_EMPTY : SL_LOOK_FILLED;
    if (part->size_bytes == 0 || part->size_bytes > EMPTY_BYTES)
        return SL_OK;
    if (format_of(options, part->path) == PARQUET && !session) {
        *ret = SL_LOOK_NEEDS_SESSION;
        return SL_OK;
    }
    code = file_open(options, part, session, arena, &reader, &trouble);
    if (code == SL_OK)
        code = look((struct sl_file_reader *)reader, ret, &trouble);
    return code == SL_E_MEMORY ? sl_fail_memory(err) : SL_OK;
}

static struct sl_file_reader *reader_of(struct sl_source_reader *base)
{
    return (struct sl_file_reader *)base;
}

static int file_start(struct sl_source_reader *base, bool careful, const char **ret_sql,
                      struct sl_err *err)
{
    struct sl_file_reader *reader = reader_of(base);

    if (reader->text)
        return in_part(reader, sl_text_reader_start(reader, careful, ret_sql, err), err);
    return in_part(reader, sl_parquet_start(reader, ret_sql, err), err);
}

static int file_start_many(struct sl_source_reader *const *readers, size_t count,
                           const char **ret_sql, struct sl_err *err)
{
    return sl_text_reader_start_many((struct sl_file_reader *const *)readers, count, ret_sql, err);
}

static bool file_goes_with(const struct sl_source_reader *reader,
                           const struct sl_source_reader *other)
{
    const struct sl_file_reader *own = (const struct sl_file_reader *)reader;
    const struct sl_file_reader *next = (const struct sl_file_reader *)other;

    return own->text && next->text && !*packing_of(own->part->path) &&
           !*packing_of(next->part->path) && sl_text_reader_goes_with(own, next);
}

// What was listed is what was read.
static int check_unchanged(const struct sl_file_reader *reader, struct sl_err *err)
{
    const struct sl_source_part *part = reader->part;
    struct sl_fs_stat stat;

    SL_TRY(sl_fs_stat(part->path, &stat, err));
    if (stat.size_bytes == part->size_bytes && stat.mtime_us == part->mtime_us)
        return SL_OK;
    (void)sl_fail(err, SL_E_SOURCE_FILE, "it changed while it was read");
    return sl_err_hint(err, "write a file under another name and rename it when it is complete");
}

static int file_finish(struct sl_source_reader *base, struct sl_source_end *ret, struct sl_err *err)
{
    struct sl_file_reader *reader = reader_of(base);
    struct sl_source_end end = {0};

    if (reader->text)
        SL_TRY(in_part(reader, sl_text_reader_finish(reader, &end, err), err));
    else
        SL_TRY(in_part(reader, sl_parquet_finish(reader, &end, err), err));
    SL_TRY(in_part(reader, check_unchanged(reader, err), err));
    *ret = end;
    return SL_OK;
}

static void file_close(struct sl_source_reader *base)
{
    struct sl_file_reader *reader = reader_of(base);

    if (reader && reader->text)
        sl_text_reader_close(reader);
}

const struct sl_source_kind sl_source_file = {
    .name = "file",
    .summary = "Files on this machine: CSV, TSV, JSON and Parquet, also packed with gzip or zstd.",
    .list = file_list,
    .key = file_key,
    .reads_alike = file_reads_alike,
    .open = file_open,
    .is_empty = file_is_empty,
    .start = file_start,
    .start_many = file_start_many,
    .goes_with = file_goes_with,
    .finish = file_finish,
    .close = file_close,
};
