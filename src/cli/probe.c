#include "cli/probe.h"

#include "api/kinds.h"
#include "base/fs.h"

#include <ctype.h>
#include <string.h>

#define MOST_SKIPPED_LINES 5
#define NULL_WORDS                                                                           \
    "('NA', 'N/A', 'n/a', '#N/A', 'NULL', 'null', 'None', 'none', '-', '--', 'nan', 'NaN', " \
    "'\\N', '?')"
#define DATE "[0-9]{4}-[0-9]{2}-[0-9]{2}"
#define CLOCK "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
#define ZONE "(Z| UTC|[+-][0-9]{2}(:?[0-9]{2})?)?"

const char *const sl_probe_formats[SL_PROBE_FORMATS] = {
    "%Y/%m/%d",          "%d.%m.%Y",       "%m/%d/%Y",          "%d/%m/%Y",
    "%d-%m-%Y",          "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S",
};

// '@' stands for the column.
static const char *const form_conditions[SL_FORM_COUNT] = {
    [SL_FORM_BOOLEAN] = "lower(@) in ('true', 'false')",
    [SL_FORM_INTEGER] = "regexp_full_match(@, '[+-]?[0-9]{1,18}')",
    [SL_FORM_CODE] = "regexp_full_match(@, '[+-]?0[0-9]+')",
    [SL_FORM_DECIMAL] = "regexp_full_match(@, '[+-]?[0-9]{1,14}([.][0-9]{1,9})?')",
    [SL_FORM_DOUBLE] =
        "regexp_full_match(@, '[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?')",
    [SL_FORM_DATE] = "regexp_full_match(@, '" DATE "') and try_cast(@ as date) is not null",
    [SL_FORM_TIMESTAMP_NTZ] =
        "regexp_full_match(@, '" DATE "[ T]" CLOCK "') and try_cast(@ as timestamp) is not null",
    [SL_FORM_TIMESTAMP] = "regexp_full_match(@, '" DATE "[ T]" CLOCK ZONE "')",
    [SL_FORM_TIME] = "regexp_full_match(@, '" CLOCK "')",
    [SL_FORM_OBJECT] = "starts_with(@, '{') and json_valid(@)",
    [SL_FORM_ARRAY] = "starts_with(@, '[') and json_valid(@)",
};

struct prober {
    struct sl_session *session;
    struct sl_arena *arena;
    const struct sl_source_part *part;
};

// --- How it is written ---

// Whether the file's name, without what says that it is packed, ends so.
static bool is_named(const char *path, const char *ending)
{
    char name[256];
    const char *file = sl_path_name(path);
    size_t length = strlen(file);
    if (sl_str_ends(file, ".gz"))
        length -= 3;
    else if (sl_str_ends(file, ".zst"))
        length -= 4;
    length = length < sizeof name ? length : sizeof name - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = (char)tolower((unsigned char)file[i]);
    name[length] = '\0';
    return sl_str_ends(name, ending);
}

static const char *format_of(const char *path)
{
    static const char *const endings[] = {".csv",    ".txt",  ".tsv",     ".tab", ".jsonl",
                                          ".ndjson", ".json", ".parquet", NULL};
    for (size_t i = 0; endings[i]; i++)
        if (is_named(path, endings[i]))
            return "auto";
    return "csv";
}

// Opens the file as the options say; NULL if it cannot be read so, with the reason in err.
static struct sl_source_reader *open_as(const struct prober *prober,
                                        const struct sl_source_options *options, struct sl_err *err)
{
    struct sl_source_reader *reader = NULL;
    struct sl_source_options *kept = SL_NEW(prober->arena, struct sl_source_options);
    sl_err_clear(err);
    if (!kept) {
        (void)sl_fail_memory(err);
        return NULL;
    }
    *kept = *options;
    int code =
        sl_kinds.sources[0]->open(kept, prober->part, prober->session, prober->arena, &reader, err);
    return code == SL_OK ? reader : NULL;
}

static size_t count_columns(const struct prober *prober, const struct sl_source_options *options)
{
    struct sl_err ignored = {0};
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = open_as(prober, options, &ignored);
    return reader ? reader->column_count : 0;
}

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

// --- What is in it ---

// A column that can be a key by its name: only for these the distinct values are counted.
static bool is_countable(const char *name, size_t index)
{
    static const char *const endings[] = {"id", "key", "code", "no", "nr", "number", "uuid"};
    char lower[64];
    size_t length = strlen(name);
    if (index == 0)
        return true;
    if (length >= sizeof lower)
        return false;
    for (size_t i = 0; i <= length; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (sl_str_ends(lower, endings[i]))
            return true;
    return false;
}

// ", count(*) filter (where CONDITION)" with the column in place of '@'.
static void add_count(const char *condition, size_t column, struct sl_buf *sql)
{
    sl_buf_add(sql, ", count(*) filter (where ");
    for (; *condition; condition++) {
        if (*condition == '@')
            sl_buf_addf(sql, "x%zu", column);
        else
            sl_buf_add_char(sql, *condition);
    }
    sl_buf_add(sql, ")");
}

// Each column gives as many results as take_column() takes, in the same order.
static void add_column(const struct sl_column *column, size_t i, struct sl_buf *sql)
{
    bool is_text = sl_str_equal(column->type, "VARCHAR");
    add_count(is_text ? "@ <> ''" : "@ is not null", i, sql);
    sl_buf_addf(sql, is_countable(column->name, i) ? ", count(distinct x%zu)" : ", -1", i);
    if (!is_text)
        return;
    add_count("@ <> '' and @ not in " NULL_WORDS, i, sql);
    for (size_t k = 0; k < SL_FORM_COUNT; k++)
        add_count(form_conditions[k], i, sql);
    for (size_t k = 0; k < SL_PROBE_FORMATS; k++) {
        sl_buf_addf(sql, ", count(try_strptime(x%zu, ", i);
        sl_buf_add_sql_string(sql, sl_probe_formats[k]);
        sl_buf_addf(sql, ")) filter (where regexp_full_match(x%zu, '[0-9./: -]+'))", i);
    }
    sl_buf_addf(sql, ", coalesce(max(strlen(split_part(x%zu, '.', 2))) filter (where ", i);
    sl_buf_addf(sql, "regexp_full_match(x%zu, '[+-]?[0-9]+[.][0-9]+')), 0)", i);
    add_count("length(@) <> strlen(@)", i, sql);
    sl_buf_addf(
        sql,
        ", string_agg(distinct x%zu, chr(31) order by x%zu) filter (where x%zu in " NULL_WORDS ")",
        i, i, i);
}

static void add_profile(const struct sl_source_reader *reader, const char *from, struct sl_buf *sql)
{
    sl_buf_add(sql, "select count(*)");
    for (size_t i = 0; i < reader->column_count; i++)
        add_column(&reader->columns[i], i, sql);
    sl_buf_add(sql, " from (select _position");
    for (size_t i = 0; i < reader->column_count; i++) {
        bool is_text = sl_str_equal(reader->columns[i].type, "VARCHAR");
        sl_buf_add(sql, is_text ? ", trim(" : ", ");
        sl_buf_add_sql_name(sql, reader->columns[i].name);
        sl_buf_addf(sql, is_text ? ") as x%zu" : " as x%zu", i);
    }
    sl_buf_addf(sql, " from (%s) where _corrupt is null)", from);
}

static size_t take_column(const struct sl_result *result, size_t at, struct sl_arena *arena,
                          struct sl_probe_column *column)
{
    column->present = sl_result_int(result, 0, at++);
    column->distinct = sl_result_int(result, 0, at++);
    column->values = column->present;
    if (!sl_str_equal(column->type, "VARCHAR"))
        return at;
    column->values = sl_result_int(result, 0, at++);
    for (size_t k = 0; k < SL_FORM_COUNT; k++)
        column->forms[k] = sl_result_int(result, 0, at++);
    for (size_t k = 0; k < SL_PROBE_FORMATS; k++)
        column->formats[k] = sl_result_int(result, 0, at++);
    column->scale = sl_result_int(result, 0, at++);
    column->non_ascii = sl_result_int(result, 0, at++);
    column->null_words = sl_arena_strdup(arena, sl_result_text(result, 0, at++));
    return at;
}

static int profile(const struct prober *prober, struct sl_source_reader *reader,
                   struct sl_probe *probe, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_source_end end;
    const char *from;
    size_t at = 1;
    SL_TRY(reader->kind->start(reader, false, &from, err));
    add_profile(reader, from, &sql);
    int code = sl_buf_check(&sql, err);
    if (code == SL_OK)
        code = prober->session->kind->query(prober->session, sql.text, 0, &result, err);
    struct sl_err ignored = {0};
    int ended = reader->kind->finish(reader, &end, code == SL_OK ? err : &ignored);
    SL_TRY(code);
    SL_TRY(ended);
    probe->column_count = reader->column_count;
    probe->columns = SL_NEW_ARRAY(prober->arena, struct sl_probe_column, reader->column_count);
    SL_TRY_NEW(probe->columns, err);
    probe->records = end.records;
    probe->corrupt = end.corrupt;
    for (size_t i = 0; i < probe->column_count; i++) {
        probe->columns[i].name = reader->columns[i].name;
        probe->columns[i].type = reader->columns[i].type;
        at = take_column(result, at, prober->arena, &probe->columns[i]);
    }
    return SL_OK;
}

static int read_as(const struct prober *prober, const struct sl_source_options *options,
                   struct sl_probe *ret, struct sl_err *err)
{
    SL_AUTO(sl_source_close) struct sl_source_reader *reader = open_as(prober, options, err);
    if (!reader)
        return err->code;
    if (reader->column_count == 0)
        return sl_fail(err, SL_E_SOURCE_COLUMNS, "'%s' has no columns", prober->part->name);
    struct sl_probe probe = {.options = *options,
                             .path = prober->part->path,
                             .is_csv = ret->is_csv,
                             .remark = ret->remark};
    SL_TRY(profile(prober, reader, &probe, err));
    *ret = probe;
    return SL_OK;
}

static int read_csv(const struct prober *prober, const char *encoding, struct sl_probe *ret,
                    struct sl_err *err)
{
    struct sl_source_options options = ret->options;
    options.encoding = encoding;
    options.mends_header = true;
    ret->remark = NULL;
    size_t columns = find_delimiter(prober, &options);
    columns = find_beginning(prober, &options, columns);
    if (columns)
        SL_TRY(find_header(prober, &options, err));
    SL_TRY(mend_header(prober, &options, &ret->remark, err));
    return read_as(prober, &options, ret, err);
}

// No text of this file is UTF-8 beyond ASCII, and some is not UTF-8.
static bool looks_foreign(const struct sl_probe *probe)
{
    for (size_t i = 0; i < probe->column_count; i++)
        if (probe->columns[i].non_ascii)
            return false;
    return probe->corrupt > 0;
}

// The encoding in which fewest records are broken.
static int read_csv_in_any_encoding(const struct prober *prober, struct sl_probe *ret,
                                    struct sl_err *err)
{
    static const char *const others[] = {"utf-16", "latin-1"};
    struct sl_probe best = *ret;
    int code = read_csv(prober, "utf-8", &best, err);
    if (code == SL_OK && !looks_foreign(&best)) {
        *ret = best;
        return SL_OK;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct sl_probe tried = *ret;
        struct sl_err ignored = {0};
        if (read_csv(prober, others[i], &tried, &ignored) != SL_OK)
            continue;
        bool is_better = tried.corrupt < best.corrupt || tried.column_count > best.column_count;
        if (code != SL_OK || (is_better && tried.column_count >= best.column_count)) {
            best = tried;
            code = SL_OK;
            sl_err_clear(err);
        }
    }
    *ret = best;
    return code;
}

static int read_other(const struct prober *prober, struct sl_probe *ret, struct sl_err *err)
{
    struct sl_err ignored = {0};
    if (read_as(prober, &ret->options, ret, err) == SL_OK)
        return SL_OK;
    // JSON lines in a file that is named like one document.
    if (!is_named(prober->part->path, ".json"))
        return err->code;
    struct sl_source_options options = ret->options;
    options.format = "jsonl";
    if (read_as(prober, &options, ret, &ignored) != SL_OK)
        return err->code;
    sl_err_clear(err);
    return SL_OK;
}

static void begin(const struct prober *prober, struct sl_probe *ret)
{
    const char *path = prober->part->path;
    *ret = (struct sl_probe){
        .options = {.format = format_of(path),
                    .encoding = "utf-8",
                    .delimiter = ",",
                    .quote = "\"",
                    .escape = "\"",
                    .comment = "",
                    .has_header = true},
        .is_csv = !is_named(path, ".parquet") && !is_named(path, ".json") &&
                  !is_named(path, ".jsonl") && !is_named(path, ".ndjson"),
    };
}

int sl_probe_read(struct sl_session *session, const struct sl_strs *paths, struct sl_arena *arena,
                  struct sl_probe *ret, struct sl_err *err)
{
    struct prober prober = {.session = session, .arena = arena};
    struct sl_source_options listing = {.paths = *paths};
    struct sl_source_part *parts;
    size_t count;
    SL_TRY(sl_kinds.sources[0]->list(&listing, arena, &parts, &count, err));
    if (!count)
        return sl_fail(err, SL_E_FILE_MISSING, "no file matches '%s'", paths->items[0]);
    prober.part = &parts[0];
    for (size_t i = 1; i < count; i++)
        if (parts[i].size_bytes > prober.part->size_bytes)
            prober.part = &parts[i];
    begin(&prober, ret);
    SL_TRY(ret->is_csv ? read_csv_in_any_encoding(&prober, ret, err)
                       : read_other(&prober, ret, err));
    ret->file_count = count;
    return SL_OK;
}

// Names in lower case; of a file without a header, how many columns there are.
static int describe_shape(const struct sl_source_reader *reader, bool has_header,
                          struct sl_buf *text, struct sl_err *err)
{
    for (size_t i = 0; i < reader->column_count && has_header; i++) {
        sl_buf_add_char(text, '\x1f');
        for (const char *c = reader->columns[i].name; *c; c++)
            sl_buf_add_char(text, (char)tolower((unsigned char)*c));
    }
    if (!has_header)
        sl_buf_addf(text, "%zu columns", reader->column_count);
    return sl_buf_check(text, err);
}

int sl_probe_shape(struct sl_session *session, const struct sl_source_part *part,
                   struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    struct prober prober = {.session = session, .arena = arena, .part = part};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_err ignored = {0};
    struct sl_probe probe;
    *ret = "";
    begin(&prober, &probe);
    probe.options.mends_header = probe.is_csv;
    if (probe.is_csv) {
        size_t columns = find_delimiter(&prober, &probe.options);
        (void)find_beginning(&prober, &probe.options, columns);
        if (columns && find_header(&prober, &probe.options, &ignored) != SL_OK)
            return SL_OK;
    }
    SL_AUTO(sl_source_close)
    struct sl_source_reader *reader = open_as(&prober, &probe.options, &ignored);
    if (!reader)
        return SL_OK;
    const char *name = sl_path_name(part->path);
    sl_buf_add(&text, probe.is_csv ? probe.options.delimiter : name + strcspn(name, "."));
    SL_TRY(describe_shape(reader, probe.options.has_header, &text, err));
    *ret = sl_arena_strdup(arena, text.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
