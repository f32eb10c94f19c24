#include "cli/look.h"

#include "api/kinds.h"
#include "base/fs.h"

#include <ctype.h>
#include <string.h>

#define MOST_SKIPPED_LINES 5
// Of a longer file no more records are looked at to find out its encoding.
#define MOST_RECORDS "1000000"

const char *const sl_look_encodings[SL_LOOK_ENCODINGS] = {"utf-8", "utf-16", "latin-1"};
enum { UTF8, UTF16, LATIN1 };

struct prober {
    struct sl_session *session;
    struct sl_arena *arena;
    const struct sl_source_part *part;
};

// What the text of a file's records says of its encoding.
struct tally {
    int64_t records, corrupt, non_ascii;
    int64_t controls; // records with bytes that no text has
};

// --- Names ---

static const struct {
    const char *ending, *format;
} endings[] = {{".csv", "csv"},   {".txt", "csv"},        {".tsv", "csv"},
               {".tab", "csv"},   {".jsonl", "jsonl"},    {".ndjson", "jsonl"},
               {".json", "json"}, {".parquet", "parquet"}};

static bool is_named(const char *path, const char *ending)
{
    const char *file = sl_path_name(path);
    size_t length = strlen(file), size = strlen(ending);
    if (sl_str_ends(file, ".gz"))
        length -= 3;
    else if (sl_str_ends(file, ".zst"))
        length -= 4;
    if (size > length)
        return false;
    for (size_t i = 0; i < size; i++)
        if (tolower((unsigned char)file[length - size + i]) != ending[i])
            return false;
    return true;
}

// What the ending says, or NULL.
static const char *format_of(const char *path)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (is_named(path, endings[i].ending))
            return endings[i].format;
    return NULL;
}

bool sl_look_is_named(const char *path)
{
    return format_of(path) != NULL;
}

// --- Opening ---

struct sl_source_reader *sl_look_open(struct sl_session *session, const struct sl_source_part *part,
                                      const struct sl_source_options *options,
                                      struct sl_arena *arena, struct sl_err *err)
{
    struct sl_source_reader *reader = NULL;
    struct sl_source_options *kept = SL_NEW(arena, struct sl_source_options);
    sl_err_clear(err);
    if (!kept) {
        (void)sl_fail_memory(err);
        return NULL;
    }
    *kept = *options;
    int code = sl_kinds.sources[0]->open(kept, part, session, arena, &reader, err);
    return code == SL_OK ? reader : NULL;
}

static struct sl_source_reader *open_as(const struct prober *prober,
                                        const struct sl_source_options *options, struct sl_err *err)
{
    return sl_look_open(prober->session, prober->part, options, prober->arena, err);
}

static size_t count_columns(const struct prober *prober, const struct sl_source_options *options)
{
    struct sl_err ignored = {0};
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = open_as(prober, options, &ignored);
    return reader ? reader->column_count : 0;
}

// --- Delimiter and header ---

// The delimiter that cuts the first line into most columns.
static size_t find_delimiter(const struct prober *prober, struct sl_source_options *options)
{
    static const char *const delimiters[] = {",", ";", "\t", "|", "^", "~", ":"};
    struct sl_source_options best = *options;
    size_t most = 0;
    for (size_t i = 0; i < sizeof delimiters / sizeof *delimiters; i++) {
        struct sl_source_options tried = *options;
        tried.delimiter = delimiters[i];
        size_t count = count_columns(prober, &tried);
        if (count > most) {
            most = count;
            best = tried;
        }
    }
    *options = best;
    return most;
}

// Lines before the header: comments, or a title without any delimiter.
static size_t find_beginning(const struct prober *prober, struct sl_source_options *options,
                             size_t columns)
{
    struct sl_source_options tried = *options;
    struct sl_err ignored = {0};
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = open_as(prober, options, &ignored);
    bool has_comment = reader && reader->column_count && reader->columns[0].name[0] == '#';
    if (has_comment) {
        tried.comment = "#";
        size_t count = find_delimiter(prober, &tried);
        if (count > columns) {
            *options = tried;
            return count;
        }
    }
    for (int64_t lines = 1; columns <= 1 && lines <= MOST_SKIPPED_LINES; lines++) {
        tried = *options;
        tried.skip_lines = lines;
        size_t count = find_delimiter(prober, &tried);
        if (count > 1) {
            *options = tried;
            return count;
        }
    }
    return columns;
}

// A number or a date is no name of a column; a year may be.
static bool is_value(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    bool is_number =
        *name && name[strspn(name, "+-0123456789.")] == '\0' && strpbrk(name, "0123456789");
    bool is_year = digits == 4 && name[4] == '\0' && (name[0] == '1' || name[0] == '2');
    bool is_date = digits >= 2 && strspn(name, "0123456789.-/: TZ") == strlen(name);
    return (is_number || is_date) && !is_year;
}

static int find_header(const struct prober *prober, struct sl_source_options *options,
                       struct sl_err *err)
{
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = open_as(prober, options, err);
    bool has_value = false;
    if (!reader)
        return err->code;
    for (size_t i = 0; i < reader->column_count; i++)
        has_value |= is_value(reader->columns[i].name);
    if (!has_value)
        return SL_OK;
    options->has_header = false;
    for (size_t i = 0; i < reader->column_count; i++) {
        const char *name = sl_arena_printf(prober->arena, "column_%zu", i + 1);
        SL_TRY_NEW(name, err);
        SL_TRY(sl_strs_add(&options->columns, prober->arena, name, err));
    }
    return SL_OK;
}

// A header with names that no table can have is taken for the names all the same, mended, and the
// rows begin behind it. Not behind comments: nobody would count their lines again.
static int mend_header(const struct prober *prober, struct sl_source_options *options,
                       const char **ret_remark, struct sl_err *err)
{
    struct sl_source_options strict = *options;
    struct sl_err problem = {0};
    SL_AUTO(sl_source_close) struct sl_source_reader *mended = NULL;
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = NULL;
    strict.mends_header = false;
    reader = open_as(prober, &strict, &problem);
    if (reader || problem.code != SL_E_SOURCE_COLUMNS || !options->has_header ||
        *options->comment) {
        options->mends_header = false;
        return SL_OK;
    }
    mended = open_as(prober, options, err);
    if (!mended)
        return err->code;
    strict.has_header = false;
    strict.skip_lines++;
    for (size_t i = 0; i < mended->column_count; i++)
        SL_TRY(sl_strs_add(&strict.columns, prober->arena, mended->columns[i].name, err));
    const char *cause = strstr(problem.message, "': "); // behind the file's name
    *ret_remark = sl_arena_strdup(prober->arena, cause ? cause + strlen("': ") : problem.message);
    SL_TRY_NEW(*ret_remark, err);
    *options = strict;
    return SL_OK;
}

// --- Encoding ---

static int tally_records(const struct prober *prober, const struct sl_source_options *options,
                         struct tally *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = open_as(prober, options, err);
    struct sl_source_end end;
    const char *from;
    if (!reader)
        return err->code;
    SL_TRY(reader->kind->start(reader, false, &from, err));
    sl_buf_add(&sql, "select count(*), count(_corrupt), count(*) filter (where strlen(t) <> "
                     "length(t)), count(*) filter (where regexp_matches(t, "
                     "'[\\x00-\\x08\\x0e-\\x1f]')) from (select _corrupt, concat_ws(' ', ''");
    for (size_t i = 0; i < reader->column_count; i++) {
        sl_buf_add(&sql, ", ");
        sl_buf_add_sql_name(&sql, reader->columns[i].name);
    }
    sl_buf_addf(&sql, ") as t from (%s) limit " MOST_RECORDS ")", from);
    int code = sl_buf_check(&sql, err);
    if (code == SL_OK)
        code = prober->session->kind->query(prober->session, sql.text, 0, &result, err);
    // What is wrong with the file explains why the engine failed.
    SL_TRY(reader->kind->finish(reader, &end, err));
    SL_TRY(code);
    *ret = (struct tally){sl_result_int(result, 0, 0), sl_result_int(result, 0, 1),
                          sl_result_int(result, 0, 2), sl_result_int(result, 0, 3)};
    return SL_OK;
}

static int take_columns(const struct prober *prober, const struct sl_source_options *options,
                        struct sl_look *look, struct sl_err *err)
{
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = open_as(prober, options, err);
    if (!reader)
        return err->code;
    look->columns = reader->columns; // in the arena
    look->column_count = reader->column_count;
    return SL_OK;
}

static bool has_non_ascii_name(const struct sl_look *look)
{
    for (size_t i = 0; i < look->column_count; i++)
        for (const char *c = look->columns[i].name; *c; c++)
            if ((unsigned char)*c >= 0x80)
                return true;
    return false;
}

static int look_as(const struct prober *prober, int encoding, struct sl_look *look,
                   struct tally *ret, struct sl_err *err)
{
    struct sl_source_options options = look->options;
    options.encoding = sl_look_encodings[encoding];
    options.mends_header = true;
    look->remark = NULL;
    size_t columns = find_delimiter(prober, &options);
    columns = find_beginning(prober, &options, columns);
    if (columns)
        SL_TRY(find_header(prober, &options, err));
    SL_TRY(mend_header(prober, &options, &look->remark, err));
    SL_TRY(take_columns(prober, &options, look, err));
    SL_TRY(tally_records(prober, &options, ret, err));
    look->options = options;
    look->encodings = 1U << encoding;
    return SL_OK;
}

// No text of this file is UTF-8 beyond ASCII, and some is not UTF-8.
static bool looks_foreign(const struct sl_look *look, const struct tally *tally)
{
    return tally->corrupt > 0 && !tally->non_ascii && !has_non_ascii_name(look);
}

// Whether the columns are the same under another encoding.
static bool reads_alike(const struct prober *prober, const struct sl_look *look, int encoding)
{
    struct sl_source_options options = look->options;
    struct sl_err ignored = {0};
    options.encoding = sl_look_encodings[encoding];
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = open_as(prober, &options, &ignored);
    if (!reader || reader->column_count != look->column_count)
        return false;
    for (size_t i = 0; i < reader->column_count; i++)
        if (!sl_str_equal(reader->columns[i].name, look->columns[i].name))
            return false;
    return true;
}

// ASCII is Latin-1 too; and UTF-16 with its mark is known as such whatever is declared.
static void find_others(const struct prober *prober, const struct tally *tally,
                        struct sl_look *look)
{
    bool is_ascii = !tally->corrupt && !tally->non_ascii && !has_non_ascii_name(look);
    if (look->encodings != 1U << UTF8 || !look->options.has_header)
        return;
    if (is_ascii && reads_alike(prober, look, LATIN1))
        look->encodings |= 1U << LATIN1;
    if (reads_alike(prober, look, UTF16))
        look->encodings |= 1U << UTF16;
}

// The encoding in which fewest records are broken.
static int look_at_csv(const struct prober *prober, struct sl_look *look, struct tally *ret,
                       struct sl_err *err)
{
    struct sl_look best = *look;
    struct tally least = {0};
    int code = look_as(prober, UTF8, &best, &least, err);
    bool is_foreign = code != SL_OK || looks_foreign(&best, &least);
    for (int i = UTF16; i <= LATIN1 && is_foreign && code != SL_E_MEMORY; i++) {
        struct sl_look tried = *look;
        struct tally tally;
        struct sl_err ignored = {0};
        if (look_as(prober, i, &tried, &tally, &ignored) != SL_OK)
            continue;
        bool is_better = tally.corrupt < least.corrupt || tried.column_count > best.column_count;
        if (code != SL_OK || (is_better && tried.column_count >= best.column_count)) {
            best = tried;
            least = tally;
            code = SL_OK;
            sl_err_clear(err);
        }
    }
    SL_TRY(code);
    find_others(prober, &least, &best);
    *look = best;
    *ret = least;
    return SL_OK;
}

// --- The whole ---

static int look_at_other(const struct prober *prober, struct sl_look *look, struct tally *ret,
                         struct sl_err *err)
{
    struct sl_err ignored = {0};
    look->encodings = 1U << UTF8;
    int code = take_columns(prober, &look->options, look, err);
    if (code != SL_OK && sl_str_equal(look->format, "json")) {
        // JSON lines in a file that is named like one document.
        struct sl_source_options options = look->options;
        options.format = "jsonl";
        if (take_columns(prober, &options, look, &ignored) != SL_OK)
            return code;
        struct sl_source_options as_declared = look->options;
        look->options = options;
        SL_TRY(tally_records(prober, &options, ret, &ignored));
        if (ret->corrupt == ret->records) { // then it was meant to be one
            look->options = as_declared;
            return code;
        }
        look->format = "jsonl";
        sl_err_clear(err);
        return SL_OK;
    }
    SL_TRY(code);
    if (sl_str_equal(look->format, "parquet"))
        return SL_OK;
    return tally_records(prober, &look->options, ret, err);
}

static int judge(const struct prober *prober, const struct tally *tally, struct sl_look *look,
                 struct sl_err *err)
{
    int64_t unreadable = tally->corrupt + tally->controls;
    bool is_binary = false;
    for (size_t i = 0; i < look->column_count; i++)
        for (const char *c = look->columns[i].name; *c; c++)
            is_binary |= (unsigned char)*c < ' ' && !isspace((unsigned char)*c);
    if (look->column_count == 0 && tally->records == 0) {
        look->problem = "it is empty";
        look->is_empty = true;
    } else if (is_binary) {
        look->problem = "its first line is no text";
    } else if (unreadable * 2 > tally->records) {
        look->problem =
            sl_arena_printf(prober->arena, "%lld of its %lld records cannot be read as %s",
                            (long long)unreadable, (long long)tally->records, look->format);
        SL_TRY_NEW(look->problem, err);
    }
    return SL_OK;
}

static int explain(const struct prober *prober, const struct sl_err *problem, struct sl_look *look,
                   struct sl_err *err)
{
    const char *cause = strstr(problem->message, "': "); // behind the file's name
    look->problem =
        prober->part->size_bytes == 0
            ? "it is empty"
            : sl_arena_strdup(prober->arena, cause ? cause + strlen("': ") : problem->message);
    SL_TRY_NEW(look->problem, err);
    return SL_OK;
}

int sl_look_at(struct sl_session *session, const struct sl_source_part *part,
               struct sl_arena *arena, struct sl_look *ret, struct sl_err *err)
{
    const struct prober prober = {session, arena, part};
    const char *format = format_of(part->path);
    struct sl_look look = {.part = part,
                           .format = format ? format : "csv",
                           .options = {.format = format ? "auto" : "csv",
                                       .encoding = "utf-8",
                                       .delimiter = ",",
                                       .quote = "\"",
                                       .escape = "\"",
                                       .comment = "",
                                       .has_header = true}};
    struct sl_err problem = {0};
    struct tally tally = {0};
    bool is_csv = sl_str_equal(look.format, "csv");
    int code = is_csv ? look_at_csv(&prober, &look, &tally, &problem)
                      : look_at_other(&prober, &look, &tally, &problem);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    // The name of such a file means this delimiter.
    if ((is_named(part->path, ".tsv") || is_named(part->path, ".tab")) &&
        sl_str_equal(look.options.delimiter, ","))
        look.options.delimiter = "\t";
    SL_TRY(code == SL_OK ? judge(&prober, &tally, &look, err)
                         : explain(&prober, &problem, &look, err));
    *ret = look;
    return SL_OK;
}
