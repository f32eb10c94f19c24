#include "cli/draft.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

// A text column has a type if this share of its values fits it.
#define FIT_SHARE 0.95

enum format { CSV, JSONL, PARQUET };

struct column {
    const char *name;
    const char *engine_type; // "VARCHAR" where the file only has text
    int64_t values, distinct;
    int64_t fits[5]; // per candidate
    int64_t scale;
    bool is_key;
};

static const struct candidate {
    const char *cast;
    const char *logical, *physical;
} candidates[] = {
    {"boolean", "boolean", NULL},
    {"bigint", "integer", "bigint"},
    {"double", "number", NULL},
    {"date", "date", NULL},
    {"timestamp", "date", "timestamp"},
};

static enum format format_of(const char *path)
{
    if (sl_str_ends(path, ".parquet"))
        return PARQUET;
    return strstr(path, ".json") || strstr(path, ".ndjson") ? JSONL : CSV;
}

// The delimiter that cuts the header into most columns; the engine's own guess goes wrong on broken lines.
static int find_delimiter(struct sl_draft *draft, const char *file, char *ret, struct sl_err *err)
{
    static const char delimiters[] = {',', ';', '\t', '|'};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_add(&sql, "select line from read_csv(");
    sl_buf_add_sql_string(&sql, file);
    sl_buf_add(&sql, ", auto_detect = false, header = false, delim = '\x01', quote = '', escape = '', columns = {'line': 'VARCHAR'}, "
                     "ignore_errors = true) limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(draft->session->kind->query(draft->session, sql.text, 1, &result, err));
    const char *line = sl_result_rows(result) ? sl_result_text(result, 0, 0) : NULL;
    size_t most = 0;
    *ret = ',';
    for (size_t i = 0; line && i < sizeof delimiters; i++) {
        size_t count = 0;
        for (const char *c = line; *c; c++)
            count += *c == delimiters[i];
        if (count > most) {
            most = count;
            *ret = delimiters[i];
        }
    }
    return SL_OK;
}

static void add_relation(enum format format, const char *file, char delimiter, struct sl_buf *sql)
{
    switch (format) {
    case PARQUET:
        sl_buf_add(sql, "read_parquet(");
        sl_buf_add_sql_string(sql, file);
        sl_buf_add(sql, ")");
        return;
    case JSONL:
        sl_buf_add(sql, "read_json(");
        sl_buf_add_sql_string(sql, file);
        sl_buf_add(sql, ", ignore_errors = true, format = 'auto')");
        return;
    case CSV:
        sl_buf_add(sql, "read_csv(");
        sl_buf_add_sql_string(sql, file);
        sl_buf_addf(sql, ", header = true, delim = '%c', quote = '\"', escape = '\"', all_varchar = true, ignore_errors = true)",
                    delimiter);
        return;
    }
}

static int describe(struct sl_draft *draft, const char *relation, struct column **ret, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_column *columns;
    size_t count;
    sl_buf_addf(&sql, "select * from %s", relation);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(draft->session->kind->describe(draft->session, sql.text, draft->arena, &columns, &count, err));
    struct column *described = SL_NEW_ARRAY(draft->arena, struct column, count);
    SL_TRY_NEW(described, err);
    for (size_t i = 0; i < count; i++)
        described[i] = (struct column){.name = columns[i].name, .engine_type = columns[i].type};
    *ret = described;
    *ret_count = count;
    return SL_OK;
}

// One pass: how many values each column has, how many of them fit each type, how many are distinct.
static int profile(struct sl_draft *draft, const char *relation, struct column *columns, size_t count, int64_t *ret_rows,
                   struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    size_t width = 3 + sizeof candidates / sizeof *candidates;
    sl_buf_add(&sql, "select count(*)");
    for (size_t i = 0; i < count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        sl_buf_add_sql_name(&name, columns[i].name);
        const char *text = name.text;
        sl_buf_addf(&sql, ", count(%s), count(distinct %s), coalesce(max(length(split_part(%s::varchar, '.', 2))), 0)", text, text, text);
        for (size_t k = 0; k < sizeof candidates / sizeof *candidates; k++)
            sl_buf_addf(&sql, ", count(try_cast(%s::varchar as %s))", text, candidates[k].cast);
    }
    sl_buf_addf(&sql, " from %s", relation);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(draft->session->kind->query(draft->session, sql.text, 1, &result, err));
    *ret_rows = sl_result_int(result, 0, 0);
    for (size_t i = 0; i < count; i++) {
        size_t at = 1 + i * width;
        columns[i].values = sl_result_int(result, 0, at);
        columns[i].distinct = sl_result_int(result, 0, at + 1);
        columns[i].scale = sl_result_int(result, 0, at + 2);
        for (size_t k = 0; k < sizeof candidates / sizeof *candidates; k++)
            columns[i].fits[k] = sl_result_int(result, 0, at + 3 + k);
    }
    return SL_OK;
}

// The first column whose name says so and whose values allow it.
static void find_key(struct column *columns, size_t count, int64_t rows)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            bool is_named = sl_str_ends(columns[i].name, "id") || sl_str_ends(columns[i].name, "key") ||
                            sl_str_ends(columns[i].name, "code");
            // A few duplicates are what a primary key is there to remove.
            bool is_unique = columns[i].values == rows && (double)columns[i].distinct >= FIT_SHARE * (double)rows;
            if (rows > 1 && is_unique && (pass == 0 ? is_named : i == 0)) {
                columns[i].is_key = true;
                return;
            }
        }
}

static const struct candidate *best_fit(const struct column *column)
{
    for (size_t k = 0; k < sizeof candidates / sizeof *candidates; k++)
        if (column->values > 0 && (double)column->fits[k] >= FIT_SHARE * (double)column->values)
            return &candidates[k];
    return NULL;
}

static void add_column(const struct column *column, int64_t rows, struct sl_buf *text)
{
    const struct candidate *fit = best_fit(column);
    bool is_nested = strchr(column->engine_type, '[') || sl_str_starts(column->engine_type, "STRUCT") || sl_str_starts(column->engine_type, "MAP");
    sl_buf_add(text, "      - name: ");
    sl_buf_add_json_string(text, column->name);
    sl_buf_addf(text, "\n        logicalType: %s\n", is_nested ? (strchr(column->engine_type, '[') ? "array" : "object") : fit ? fit->logical : "string");
    if (fit && !is_nested && sl_str_equal(fit->cast, "double")) {
        if (column->scale <= 9)
            sl_buf_addf(text, "        physicalType: decimal(18,%lld)\n", (long long)column->scale);
        else
            sl_buf_add(text, "        physicalType: double\n");
    } else if (fit && !is_nested && fit->physical) {
        sl_buf_addf(text, "        physicalType: %s\n", fit->physical);
    }
    if (column->is_key)
        sl_buf_add(text, "        primaryKey: true\n");
    if (column->values == rows && rows > 0)
        sl_buf_add(text, "        required: true\n");
}

static void write_source(const struct sl_draft *draft, const char *path, enum format format, char delimiter, struct sl_buf *text)
{
    sl_buf_addf(text, "# yaml-language-server: $schema=../.sluice/schema/source.json\ndescription: Drafted from %s\npath: ", draft->pattern);
    sl_buf_add_json_string(text, path);
    sl_buf_add(text, "\n");
    if (format == CSV && delimiter != ',')
        sl_buf_addf(text, "csv: {delimiter: %s}\n", delimiter == '\t' ? "\"\\t\"" : delimiter == ';' ? "\";\"" : "\"|\"");
    sl_buf_add(text, "# owner, consumers, grain, volume, growth, frequency, freshness, retention, compliance: `sluice check` says what is missing\n");
}

static void write_contract(const struct sl_draft *draft, const struct column *columns, size_t count, int64_t rows, struct sl_buf *text)
{
    sl_buf_addf(text,
                "# yaml-language-server: $schema=../.sluice/schema/contract.json\napiVersion: v3.0.2\nkind: DataContract\nid: %s\n"
                "name: %s\nversion: 0.1.0\nstatus: draft\nschema:\n  - name: %s\n    properties:\n",
                draft->name, draft->name, draft->name);
    for (size_t i = 0; i < count; i++)
        add_column(&columns[i], rows, text);
}

// As written in the source file: relative to the project folder.
static int path_in_project(const struct sl_draft *draft, const char **ret, struct sl_err *err)
{
    if (draft->pattern[0] == '/' || sl_str_equal(draft->folder, ".")) {
        *ret = draft->pattern;
        return SL_OK;
    }
    size_t length = strlen(draft->folder);
    if (strncmp(draft->pattern, draft->folder, length) == 0 && draft->pattern[length] == '/') {
        *ret = draft->pattern + length + 1;
        return SL_OK;
    }
    char *here = realpath(".", NULL);
    SL_TRY_NEW(here, err);
    *ret = sl_arena_printf(draft->arena, "%s/%s", here, draft->pattern);
    free(here);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int name_of(struct sl_draft *draft, struct sl_err *err)
{
    const char *file = sl_path_name(draft->pattern);
    const char *stem = sl_arena_strndup(draft->arena, file, strcspn(file, ".*?["));
    SL_TRY_NEW(stem, err);
    char *slug = sl_str_slug(draft->arena, stem);
    SL_TRY_NEW(slug, err);
    size_t length = strlen(slug);
    while (length > 1 && slug[length - 1] == '_')
        slug[--length] = '\0';
    draft->name = slug[0] >= 'a' && slug[0] <= 'z' ? slug : sl_arena_printf(draft->arena, "t%s", slug);
    SL_TRY_NEW(draft->name, err);
    return SL_OK;
}

int sl_draft_make(struct sl_draft *draft, struct sl_buf *source, struct sl_buf *contract, struct sl_err *err)
{
    struct sl_strs files = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf relation = SL_BUF_INIT;
    struct column *columns;
    size_t count;
    int64_t rows;
    char delimiter = ',';
    const char *path;
    SL_TRY(sl_fs_glob(draft->pattern, draft->arena, &files, err));
    if (!files.count)
        return sl_fail(err, SL_E_FILE_MISSING, "'%s' matches no file", draft->pattern);
    enum format format = format_of(files.items[0]);
    SL_TRY(name_of(draft, err));
    if (format == CSV)
        SL_TRY(find_delimiter(draft, files.items[0], &delimiter, err));
    add_relation(format, files.items[0], delimiter, &relation);
    SL_TRY(sl_buf_check(&relation, err));
    SL_TRY(describe(draft, relation.text, &columns, &count, err));
    SL_TRY(profile(draft, relation.text, columns, count, &rows, err));
    find_key(columns, count, rows);
    SL_TRY(path_in_project(draft, &path, err));
    write_source(draft, path, format, delimiter, source);
    write_contract(draft, columns, count, rows, contract);
    return SL_OK;
}
