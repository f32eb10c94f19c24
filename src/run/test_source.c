// A source's file with the rows of a test, written as the source's files are.
#include "base/fs.h"
#include "run/test_lake.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#define MAX_BYTES ((size_t)256 << 20)

static void iconv_free(iconv_t *converter)
{
    if (*converter != (iconv_t)-1)
        iconv_close(*converter);
}

// From UTF-8 to what the source's files are written in.
static int write_encoded(const struct sl_source *source, const char *path, const char *text,
                         size_t length, struct sl_err *err)
{
    if (source->csv.encoding == SL_ENCODING_UTF8)
        return sl_fs_write(path, text, length, err);
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(iconv_free)
    iconv_t converter =
        iconv_open(source->csv.encoding == SL_ENCODING_UTF16 ? "UTF-16" : "ISO-8859-1", "UTF-8");
    size_t room = 4 * length + 4;
    char *out = sl_arena_alloc(&arena, room), *to = out,
         *from = sl_arena_strndup(&arena, text, length);
    SL_TRY_NEW(out, err);
    SL_TRY_NEW(from, err);
    if (converter == (iconv_t)-1)
        return sl_fail_errno(err, errno, "convert to the encoding of '%s'", source->name);
    if (iconv(converter, &from, &length, &to, &room) == (size_t)-1)
        return sl_fail(err, SL_E_VALUE_INVALID,
                       "rows of '%s' hold a character that its encoding does not have",
                       source->name);
    return sl_fs_write(path, out, (size_t)(to - out), err);
}

static void add_field(const struct sl_csv_options *csv, const char *text, struct sl_buf *line)
{
    const char *quote = csv->quote;
    bool needs_quote = *text == '\0' || strpbrk(text, "\r\n") || strstr(text, csv->delimiter) ||
                       (*quote && strstr(text, quote)) ||
                       (*csv->comment && sl_str_starts(text, csv->comment));
    if (!*quote || !needs_quote) {
        sl_buf_add(line, text);
        return;
    }
    sl_buf_add(line, quote);
    for (; *text; text++) {
        if (*text == *quote || (*csv->escape && *text == *csv->escape))
            sl_buf_add(line, *csv->escape ? csv->escape : quote);
        sl_buf_add_char(line, *text);
    }
    sl_buf_add(line, quote);
}

static int add_value(const struct sl_source *source, const struct sl_yaml *value,
                     struct sl_buf *line, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf nested = SL_BUF_INIT;
    if (!value || value->kind == SL_YAML_NULL)
        return SL_OK;
    if (value->kind == SL_YAML_SCALAR) {
        add_field(&source->csv, value->text, line);
        return SL_OK;
    }
    sl_test_add_json(value, &nested);
    SL_TRY(sl_buf_check(&nested, err));
    add_field(&source->csv, nested.text, line);
    return SL_OK;
}

// No row: what the contract reads.
static int contract_columns(struct sl_test_lake *lake, const struct sl_source *source,
                            struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_contract_table *contract = sl_project_contract_for(&lake->project, source);
    for (size_t i = 0; contract && i < contract->column_count; i++)
        SL_TRY(sl_strs_add(ret, lake->arena, contract->columns[i].source_name, err));
    return SL_OK;
}

static int csv_columns(struct sl_test_lake *lake, const struct sl_source *source,
                       const struct sl_test_table *table, struct sl_strs *ret, struct sl_err *err)
{
    struct sl_strs own = {0};
    SL_TRY(sl_test_columns(table->rows, lake->arena, &own, err));
    *ret = source->csv.columns;
    for (size_t i = 0; ret->count && i < own.count; i++)
        if (!sl_strs_has(ret, own.items[i])) {
            (void)sl_fail(err, SL_E_VALUE_INVALID, "source '%s' has no column '%s'", source->name,
                          own.items[i]);
            return sl_err_at(err, table->place.file, table->place.line, table->place.column);
        }
    if (ret->count)
        return SL_OK;
    *ret = own;
    if (own.count == 0)
        SL_TRY(contract_columns(lake, source, ret, err));
    if (ret->count)
        return SL_OK;
    (void)sl_fail(err, SL_E_VALUE_INVALID,
                  "source '%s' has no contract that names its columns: it cannot be given no rows",
                  source->name);
    return sl_err_at(err, table->place.file, table->place.line, table->place.column);
}

static int write_csv(struct sl_test_lake *lake, const struct sl_source *source,
                     const struct sl_test_table *table, const char *path, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_strs columns = {0};
    SL_TRY(csv_columns(lake, source, table, &columns, err));
    for (int64_t i = 0; i < source->csv.skip_lines; i++)
        sl_buf_add_char(&text, '\n');
    for (size_t k = 0; k < columns.count && source->csv.has_header; k++) {
        sl_buf_add(&text, k ? source->csv.delimiter : "");
        add_field(&source->csv, columns.items[k], &text);
    }
    if (source->csv.has_header)
        sl_buf_add_char(&text, '\n');
    for (size_t i = 0; i < table->rows->count; i++) {
        for (size_t k = 0; k < columns.count; k++) {
            sl_buf_add(&text, k ? source->csv.delimiter : "");
            SL_TRY(add_value(source, sl_test_value(table->rows->items[i], columns.items[k]), &text,
                             err));
        }
        sl_buf_add_char(&text, '\n');
    }
    SL_TRY(sl_buf_check(&text, err));
    return write_encoded(source, path, text.text, text.length, err);
}

static int add_lines(const struct sl_test_table *table, bool is_list, struct sl_buf *text,
                     struct sl_err *err)
{
    sl_buf_add(text, is_list ? "[" : "");
    for (size_t i = 0; i < table->rows->count; i++) {
        sl_buf_add(text, is_list && i ? ",\n" : "");
        sl_test_add_json(table->rows->items[i], text);
        sl_buf_add(text, is_list ? "" : "\n");
    }
    sl_buf_add(text, is_list ? "]\n" : "");
    return sl_buf_check(text, err);
}

static int write_parquet(struct sl_test_lake *lake, const struct sl_test_table *table,
                         const char *path, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *lines = sl_arena_printf(lake->arena, "%s/parquet.jsonl", lake->folder);
    SL_TRY_NEW(lines, err);
    SL_TRY(add_lines(table, false, &text, err));
    SL_TRY(sl_fs_write(lines, text.text, text.length, err));
    SL_TRY(sl_test_session(lake, &session, err));
    sl_buf_add(&sql, "copy (from read_json(");
    sl_buf_add_sql_string(&sql, lines);
    sl_buf_add(&sql, ", format = 'newline_delimited')) to ");
    sl_buf_add_sql_string(&sql, path);
    sl_buf_add(&sql, " (format parquet)");
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

static int copy_file(struct sl_test_lake *lake, const struct sl_test_table *table, const char *path,
                     struct sl_err *err)
{
    const char *from = sl_path_join(lake->arena, lake->project_folder, table->file), *bytes;
    size_t length;
    SL_TRY_NEW(from, err);
    SL_TRY(sl_fs_read(from, MAX_BYTES, lake->arena, &bytes, &length, err));
    return sl_fs_write(path, bytes, length, err);
}

// The format of a file of this name.
static int format_of(const struct sl_source *source, const char *path)
{
    static const struct {
        const char *ending;
        int format;
    } endings[] = {{".tsv", SL_FORMAT_TSV},
                   {".jsonl", SL_FORMAT_JSONL},
                   {".ndjson", SL_FORMAT_JSONL},
                   {".json", SL_FORMAT_JSON},
                   {".parquet", SL_FORMAT_PARQUET}};
    if (source->format != SL_FORMAT_AUTO)
        return source->format;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (sl_str_ends(path, endings[i].ending))
            return endings[i].format;
    return SL_FORMAT_CSV;
}

int sl_test_write_source(struct sl_test_lake *lake, const struct sl_source *source,
                         const struct sl_test_table *table, const char *path, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    if (table->file)
        return copy_file(lake, table, path, err);
    if (table->text)
        return write_encoded(source, path, table->text, strlen(table->text), err);
    switch (format_of(source, path)) {
    case SL_FORMAT_PARQUET:
        return write_parquet(lake, table, path, err);
    case SL_FORMAT_JSONL:
    case SL_FORMAT_JSON:
        SL_TRY(add_lines(table, format_of(source, path) == SL_FORMAT_JSON, &text, err));
        return write_encoded(source, path, text.text, text.length, err);
    default:
        return write_csv(lake, source, table, path, err);
    }
}
