#include "cli/draft.h"

#include "base/fs.h"
#include "cli/probe.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// A text column has a type if this share of its values fits it.
#define FIT_SHARE 0.95
#define MOST_SCALE 6

// What the contract will say of a column.
struct verdict {
    const char *name; // usable in any table
    const char *logical;
    char physical[32]; // "" none
    const char *formats[2];
    size_t format_count;
    const char *null_words;
    bool is_key, is_required;
};

static bool fits(int64_t part, int64_t whole)
{
    return whole > 0 && (double)part >= FIT_SHARE * (double)whole;
}

// --- Types ---

// A format whose dates, alone or beside ISO 8601, cover the column.
static bool find_format(const struct sl_probe_column *column, struct verdict *verdict)
{
    int64_t iso_dates = column->forms[SL_FORM_DATE],
            iso_times = column->forms[SL_FORM_TIMESTAMP_NTZ];
    for (size_t i = 0; i < SL_PROBE_FORMATS; i++) {
        bool is_date = i < SL_PROBE_DATES;
        int64_t own = column->formats[i], iso = is_date ? iso_dates : iso_times;
        if (!own || !fits(own + iso, column->values))
            continue;
        verdict->logical = is_date ? "date" : "timestamp";
        snprintf(verdict->physical, sizeof verdict->physical, "%s", is_date ? "" : "timestamp");
        verdict->formats[verdict->format_count++] = sl_probe_formats[i];
        if (iso)
            verdict->formats[verdict->format_count++] = is_date ? "%Y-%m-%d" : "%Y-%m-%d %H:%M:%S";
        return true;
    }
    return false;
}

static void judge_number(const struct sl_probe_column *column, struct verdict *verdict)
{
    bool is_exact =
        fits(column->forms[SL_FORM_DECIMAL], column->values) && column->scale <= MOST_SCALE;
    verdict->logical = "number";
    if (is_exact)
        snprintf(verdict->physical, sizeof verdict->physical, "decimal(18,%d)", (int)column->scale);
    else
        snprintf(verdict->physical, sizeof verdict->physical, "double");
}

// A format of numbers or booleans in which all values are, and that no other explains as well.
static void find_written(const struct sl_probe_column *column, struct verdict *verdict)
{
    for (size_t i = 0; i < SL_PROBE_WRITTEN; i++) {
        bool is_number = i < SL_PROBE_NUMBERS;
        const char *format = sl_probe_written[i].format;
        bool has_comma = format[strlen(format) - 3] == ',';
        int64_t scale = has_comma ? column->comma_scale : column->grouped_scale;
        if (!column->values || column->written[i] != column->values || !column->evidence[i] ||
            (!is_number && column->evidence[i] == column->values))
            continue;
        verdict->logical = is_number ? "number" : "boolean";
        if (is_number && scale <= MOST_SCALE)
            snprintf(verdict->physical, sizeof verdict->physical, "decimal(18,%d)", (int)scale);
        else
            snprintf(verdict->physical, sizeof verdict->physical, "%s", is_number ? "double" : "");
        verdict->formats[verdict->format_count++] = format;
        return;
    }
}

static void judge_text(const struct sl_probe_column *column, struct verdict *verdict)
{
    static const struct {
        enum sl_form form;
        const char *logical, *physical;
    } types[] = {
        {SL_FORM_BOOLEAN, "boolean", ""},
        {SL_FORM_INTEGER, "integer", "bigint"},
        {SL_FORM_DOUBLE, "number", "double"},
        {SL_FORM_DATE, "date", ""},
        {SL_FORM_TIMESTAMP_NTZ, "timestamp", "timestamp"},
        {SL_FORM_TIMESTAMP, "timestamp", "timestamptz"},
        {SL_FORM_TIME, "time", ""},
        {SL_FORM_OBJECT, "object", ""},
        {SL_FORM_ARRAY, "array", ""},
    };
    verdict->logical = "string";
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        bool is_number = types[i].form == SL_FORM_INTEGER || types[i].form == SL_FORM_DOUBLE;
        // A number would lose the zeros in front of a postal code.
        if (!fits(column->forms[types[i].form], column->values) ||
            (is_number && column->forms[SL_FORM_CODE]))
            continue;
        verdict->logical = types[i].logical;
        snprintf(verdict->physical, sizeof verdict->physical, "%s", types[i].physical);
        if (types[i].form == SL_FORM_DOUBLE)
            judge_number(column, verdict);
        return;
    }
    if (!find_format(column, verdict))
        find_written(column, verdict);
}

// The file says the type itself.
static void judge_typed(const struct sl_probe_column *column, struct verdict *verdict)
{
    static const struct {
        const char *engine, *logical, *physical;
    } types[] = {
        {"BOOLEAN", "boolean", ""},
        {"FLOAT", "number", "double"},
        {"DOUBLE", "number", "double"},
        {"UBIGINT", "number", "decimal(20,0)"},
        {"HUGEINT", "number", "decimal(38,0)"},
        {"DATE", "date", ""},
        {"TIME", "time", ""},
        {"TIMESTAMP WITH TIME ZONE", "timestamp", "timestamptz"},
        {"TIMESTAMP", "timestamp", "timestamp"},
        {"TIMESTAMP_S", "timestamp", "timestamp"},
        {"TIMESTAMP_MS", "timestamp", "timestamp"},
        {"TIMESTAMP_NS", "timestamp", "timestamp"},
    };
    const char *type = column->type;
    verdict->logical = "string";
    if (sl_str_ends(type, "]")) {
        verdict->logical = "array";
    } else if (sl_str_starts(type, "STRUCT(") || sl_str_starts(type, "MAP(")) {
        verdict->logical = "object";
    } else if (sl_str_starts(type, "DECIMAL(")) {
        verdict->logical = "number";
        snprintf(verdict->physical, sizeof verdict->physical, "decimal%.20s",
                 type + strlen("DECIMAL"));
    } else if (sl_str_ends(type, "INTEGER") || sl_str_ends(type, "INT")) {
        verdict->logical = "integer";
        snprintf(verdict->physical, sizeof verdict->physical, "bigint");
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (sl_str_equal(type, types[i].engine)) {
            verdict->logical = types[i].logical;
            snprintf(verdict->physical, sizeof verdict->physical, "%s", types[i].physical);
        }
}

// --- Names and keys ---

// Names with blanks and signs need quotes in SQL, and some readers of tables refuse them.
static int judge_name(const char *name, const struct verdict *earlier, size_t count,
                      struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    bool is_good = !isdigit((unsigned char)name[0]);
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        is_good &= isalnum(*c) || *c == '_' || *c >= 0x80;
    const char *good = name;
    if (!is_good) {
        const char *slug = sl_str_slug(arena, name);
        SL_TRY_NEW(slug, err);
        good = isdigit((unsigned char)slug[0]) ? sl_arena_printf(arena, "c%s", slug) : slug;
        SL_TRY_NEW(good, err);
    }
    const char *base = good;
    for (size_t i = 0, number = 2; i < count; i++)
        if (sl_str_equal_nocase(earlier[i].name, good)) {
            good = sl_arena_printf(arena, "%s_%zu", base, number++);
            SL_TRY_NEW(good, err);
            i = (size_t)-1; // look from the start
        }
    *ret = good;
    return SL_OK;
}

static bool is_named_key(const char *name)
{
    return sl_str_equal_nocase(name, "id") || sl_str_equal_nocase(name, "key") ||
           sl_str_equal_nocase(name, "uuid") || sl_str_ends(name, "_id") ||
           sl_str_ends(name, "_ID") || sl_str_ends(name, "Id") || sl_str_ends(name, "ID") ||
           sl_str_ends(name, "_key") || sl_str_ends(name, "_code") || sl_str_ends(name, "_no") ||
           sl_str_ends(name, "_nr") || sl_str_ends(name, "_number");
}

// The first column whose name says that it is a key and whose values allow it: a few doubled or
// missing ones are what a primary key is there to catch. Else the first column if it has no two
// alike.
static void find_key(const struct sl_probe *probe, struct verdict *verdicts)
{
    int64_t rows = probe->records - probe->corrupt;
    for (size_t i = 0; i < probe->column_count; i++) {
        const struct sl_probe_column *column = &probe->columns[i];
        if (is_named_key(column->name) && column->is_in_all && rows > 1 &&
            fits(column->present, rows) && fits(column->distinct, column->present)) {
            verdicts[i].is_key = true;
            return;
        }
    }
    const struct sl_probe_column *first = &probe->columns[0];
    bool is_plain =
        sl_str_equal(verdicts[0].logical, "string") || sl_str_equal(verdicts[0].logical, "integer");
    verdicts[0].is_key = rows > 1 && is_plain && first->present == rows && first->distinct == rows;
}

static int judge(const struct sl_probe *probe, struct sl_arena *arena, struct verdict **ret,
                 struct sl_err *err)
{
    struct verdict *verdicts = SL_NEW_ARRAY(arena, struct verdict, probe->column_count);
    SL_TRY_NEW(verdicts, err);
    for (size_t i = 0; i < probe->column_count; i++) {
        const struct sl_probe_column *column = &probe->columns[i];
        struct verdict *verdict = &verdicts[i];
        SL_TRY(judge_name(column->name, verdicts, i, arena, &verdict->name, err));
        if (sl_str_equal(column->type, "VARCHAR"))
            judge_text(column, verdict);
        else
            judge_typed(column, verdict);
        // In a text "-" and "NA" may mean themselves: a country, a dash.
        if (!sl_str_equal(verdict->logical, "string"))
            verdict->null_words = column->null_words;
        bool has_nulls = verdict->null_words || !column->is_in_all ||
                         column->present < probe->records - probe->corrupt;
        verdict->is_required = !has_nulls && column->present > 0;
    }
    find_key(probe, verdicts);
    *ret = verdicts;
    return SL_OK;
}

// --- Files ---

static void add_list(const char *const *items, size_t count, struct sl_buf *text)
{
    sl_buf_add_char(text, '[');
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(text, i ? ", " : "");
        sl_buf_add_json_string(text, items[i]);
    }
    sl_buf_add_char(text, ']');
}

// "NA\x1fnull" -> ["", "NA", "null"]: the empty text means null in any case.
static void add_null_words(const char *words, struct sl_buf *text)
{
    char word[16];
    sl_buf_add(text, "          - {property: sluice.nullValues, value: [\"\"");
    while (*words) {
        size_t length = strcspn(words, "\x1f");
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        sl_buf_add(text, ", ");
        sl_buf_add_json_string(text, word);
        words += length + (words[length] != '\0');
    }
    sl_buf_add(text, "]}\n");
}

static int add_column(const struct sl_probe_column *column, const struct verdict *verdict,
                      struct sl_arena *arena, struct sl_buf *text, struct sl_err *err)
{
    sl_buf_add(text, "      - name: ");
    sl_buf_add_json_string(text, verdict->name);
    if (!sl_str_equal(verdict->name, column->name)) {
        sl_buf_add(text, "\n        physicalName: ");
        sl_buf_add_json_string(text, column->name);
    }
    sl_buf_addf(text, "\n        logicalType: %s\n", verdict->logical);
    if (verdict->physical[0])
        sl_buf_addf(text, "        physicalType: %s\n", verdict->physical);
    if (verdict->is_key)
        sl_buf_add(text, "        primaryKey: true\n");
    if (verdict->is_required || verdict->is_key)
        sl_buf_add(text, "        required: true\n");
    SL_TRY(sl_draft_nested(column->type, arena, text, err));
    if (!verdict->format_count && !verdict->null_words)
        return SL_OK;
    sl_buf_add(text, "        customProperties:\n");
    if (verdict->format_count) {
        sl_buf_add(text, "          - {property: sluice.formats, value: ");
        add_list(verdict->formats, verdict->format_count, text);
        sl_buf_add(text, "}\n");
    }
    if (verdict->null_words)
        add_null_words(verdict->null_words, text);
    return SL_OK;
}

static int write_contract(const struct sl_draft *draft, const struct sl_probe *probe,
                          const struct verdict *verdicts, struct sl_buf *text, struct sl_err *err)
{
    const char *name = draft->group->name;
    sl_buf_addf(
        text,
        "# yaml-language-server: $schema=../.sluice/schema/contract.json\napiVersion: "
        "v3.1.0\nkind: DataContract\n"
        "id: %s\nname: %s\nversion: 0.1.0\nstatus: draft\nschema:\n  - name: %s\n    properties:\n",
        name, name, name);
    for (size_t i = 0; i < probe->column_count; i++)
        SL_TRY(add_column(&probe->columns[i], &verdicts[i], draft->arena, text, err));
    return SL_OK;
}

// What of the csv section is not as it is if nothing is said.
static void add_csv(const struct sl_source_options *options, struct sl_buf *text)
{
    SL_AUTO(sl_buf_clear) struct sl_buf keys = SL_BUF_INIT;
    if (!sl_str_equal(options->delimiter, ",")) {
        sl_buf_add(&keys, ", delimiter: ");
        sl_buf_add_json_string(&keys, options->delimiter);
    }
    if (!sl_str_equal(options->encoding, "utf-8"))
        sl_buf_addf(&keys, ", encoding: %s", options->encoding);
    if (options->skip_lines)
        sl_buf_addf(&keys, ", skip_lines: %lld", (long long)options->skip_lines);
    if (*options->comment)
        sl_buf_addf(&keys, ", comment: \"%s\"", options->comment);
    if (!options->has_header) {
        sl_buf_add(&keys, ", header: false, columns: ");
        add_list(options->columns.items, options->columns.count, &keys);
    }
    if (keys.length)
        sl_buf_addf(text, "csv: {%s}\n", keys.text + 2);
    text->has_failed = text->has_failed || keys.has_failed;
}

static void write_source(const struct sl_strs *paths, const struct sl_file_group *group,
                         struct sl_buf *text)
{
    sl_buf_add(text,
               "# yaml-language-server: $schema=../.sluice/schema/source.json\ndescription: ");
    sl_buf_add_json_string(text, "Drafted from a file: say here what this is");
    sl_buf_add(text, "\npath: ");
    if (paths->count == 1)
        sl_buf_add_json_string(text, paths->items[0]);
    else
        add_list(paths->items, paths->count, text);
    sl_buf_add(text, "\n");
    if (!sl_str_equal(group->options.format, "auto"))
        sl_buf_addf(text, "format: %s\n", group->options.format);
    if (sl_str_equal(group->format, "csv"))
        add_csv(&group->options, text);
    sl_buf_add(
        text,
        "# owner, consumers, grain, volume, growth, frequency, freshness, retention, compliance:\n"
        "# `sluice check` says what is missing\n");
}

// The folder of a path or glob without links and "..", then what is left of it.
static int resolve(const char *pattern, struct sl_arena *arena, const char **ret,
                   struct sl_err *err)
{
    size_t length = strcspn(pattern, "*?[");
    while (length && pattern[length - 1] != '/')
        length--;
    const char *folder = length ? sl_arena_strndup(arena, pattern, length) : ".";
    SL_TRY_NEW(folder, err);
    char *real = realpath(folder, NULL);
    if (!real)
        return sl_fail(err, SL_E_IO, "folder '%s' cannot be found", folder);
    *ret = sl_arena_printf(arena, "%s%s%s", real, sl_str_equal(real, "/") ? "" : "/",
                           pattern + length);
    free(real);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// As written in the source file: relative to the project folder, if they have a folder in common.
static int path_in_project(const struct sl_draft *draft, const char *pattern, const char **ret,
                           struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *here, *path;
    SL_TRY(resolve(sl_arena_printf(draft->arena, "%s/", draft->folder), draft->arena, &here, err));
    SL_TRY(resolve(pattern, draft->arena, &path, err));
    size_t common = 0;
    for (size_t i = 0; here[i] && here[i] == path[i]; i++)
        if (here[i] == '/')
            common = i + 1;
    *ret = path;
    if (common <= 1)
        return SL_OK;
    for (const char *c = here + common; *c; c++)
        if (*c == '/')
            sl_buf_add(&text, "../");
    sl_buf_add(&text, path + common);
    SL_TRY(sl_buf_check(&text, err));
    *ret = sl_arena_strdup(draft->arena, text.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int paths_in_project(const struct sl_draft *draft, struct sl_strs *ret, struct sl_err *err)
{
    for (size_t i = 0; i < draft->group->paths.count; i++) {
        const char *path;
        SL_TRY(path_in_project(draft, draft->group->paths.items[i], &path, err));
        SL_TRY(sl_strs_add(ret, draft->arena, path, err));
    }
    return SL_OK;
}

static int describe(struct sl_draft *draft, const struct sl_probe *probe, struct sl_err *err)
{
    const struct sl_file_group *group = draft->group;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    char number[64];
    sl_buf_addf(&text, "%s of ", sl_count_of((int64_t)probe->column_count, "column", number));
    if (group->file_count == 1)
        sl_buf_add(&text, group->files[0]->part->path);
    else
        sl_buf_add(&text, sl_count_of((int64_t)group->file_count, "file", number));
    sl_buf_addf(&text, ": %s", sl_count_of(probe->records, "row", number));
    if (probe->corrupt)
        sl_buf_addf(&text, ", %s broken", sl_str_count(probe->corrupt, number));
    if (probe->read_count < group->file_count)
        sl_buf_addf(&text, " in the largest %zu", probe->read_count);
    if (group->remark)
        sl_buf_addf(&text, "; names were changed: %s", group->remark);
    SL_TRY(sl_buf_check(&text, err));
    draft->found = sl_arena_strdup(draft->arena, text.text);
    SL_TRY_NEW(draft->found, err);
    return SL_OK;
}

int sl_draft_make(struct sl_draft *draft, struct sl_buf *source, struct sl_buf *contract,
                  struct sl_err *err)
{
    struct sl_probe probe = {0};
    struct verdict *verdicts;
    struct sl_strs paths = {0};
    SL_TRY(sl_probe_read(draft->session, draft->group, draft->arena, &probe, err));
    SL_TRY(judge(&probe, draft->arena, &verdicts, err));
    SL_TRY(paths_in_project(draft, &paths, err));
    SL_TRY(describe(draft, &probe, err));
    write_source(&paths, draft->group, source);
    return write_contract(draft, &probe, verdicts, contract, err);
}
