#include "cli/probe.h"
#include "step/schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// Of more files than this, the largest are read.
#define MOST_FILES 20
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

#define BLANK "[ \\x{A0}\\x{202F}]"
#define NUMBER(group, decimal)                                                                     \
    "regexp_full_match(@, '[+-]?(?:[1-9][0-9]{0,2}(?:" group "[0-9]{3})+|[0-9]{1,14})(?:[" decimal \
    "][0-9]{1,9})?')"

const struct sl_probe_written sl_probe_written[SL_PROBE_WRITTEN] = {
    {"1234,56", "regexp_full_match(@, '[+-]?[0-9]{1,14}(,[0-9]{1,9})?')",
     "regexp_full_match(@, '.*,([0-9]{1,2}|[0-9]{4,})')"},
    {"1.234,56", NUMBER("[.]", ","), "regexp_full_match(@, '.*[.].*[.,].*')"},
    {"1,234.56", NUMBER("[,]", "."), "regexp_full_match(@, '.*,.*[.,].*')"},
    {"1 234,56", NUMBER(BLANK, ","), "regexp_matches(@, '" BLANK "')"},
    {"1'234.56", NUMBER("[\\x{27}\\x{2019}]", "."), "regexp_matches(@, '[\\x{27}\\x{2019}]')"},
    {"yes/no", "lower(@) in ('yes', 'no')", "lower(@) = 'yes'"},
    {"ja/nein", "lower(@) in ('ja', 'nein')", "lower(@) = 'ja'"},
    {"Y/N", "upper(@) in ('Y', 'N')", "upper(@) = 'Y'"},
    {"J/N", "upper(@) in ('J', 'N')", "upper(@) = 'J'"},
};

struct prober {
    struct sl_session *session;
    struct sl_arena *arena;
    struct sl_probe *probe;
};

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
    for (size_t k = 0; k < SL_PROBE_WRITTEN; k++) {
        add_count(sl_probe_written[k].condition, i, sql);
        add_count(sl_probe_written[k].evidence, i, sql);
    }
    for (size_t k = 0; k < 2; k++)
        sl_buf_addf(sql, ", coalesce(max(strlen(regexp_extract(x%zu, '[%c]([0-9]+)$', 1))), 0)", i,
                    k ? '.' : ',');
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
    for (size_t k = 0; k < SL_PROBE_WRITTEN; k++) {
        column->written[k] = sl_result_int(result, 0, at++);
        column->evidence[k] = sl_result_int(result, 0, at++);
    }
    column->comma_scale = sl_result_int(result, 0, at++);
    column->grouped_scale = sl_result_int(result, 0, at++);
    column->null_words = sl_arena_strdup(arena, sl_result_text(result, 0, at++));
    return at;
}

static struct sl_probe_column *column_of(const struct sl_probe *probe, const char *name)
{
    for (size_t i = 0; i < probe->column_count; i++)
        if (sl_str_equal_nocase(probe->columns[i].name, name))
            return &probe->columns[i];
    return NULL;
}

// "NA\x1fnull" and "-\x1fNA" -> "NA\x1fnull\x1f-".
static int add_words(struct sl_arena *arena, const char *words, const char **into,
                     struct sl_err *err)
{
    while (words && *words) {
        size_t length = strcspn(words, "\x1f");
        bool is_there = false;
        for (const char *at = *into; at && *at && !is_there;) {
            size_t other = strcspn(at, "\x1f");
            is_there = other == length && memcmp(at, words, length) == 0;
            at += other + (at[other] != '\0');
        }
        if (!is_there)
            *into = sl_arena_printf(arena, "%s%s%.*s", *into ? *into : "", *into ? "\x1f" : "",
                                    (int)length, words);
        SL_TRY_NEW(*into, err);
        words += length + (words[length] != '\0');
    }
    return SL_OK;
}

static int sum_up(const struct prober *prober, const struct sl_probe_column *found,
                  struct sl_err *err)
{
    struct sl_probe_column *sum = column_of(prober->probe, found->name);
    if (!sum)
        return SL_OK; // the file has changed meanwhile
    sum->present += found->present;
    sum->values += found->values;
    sum->distinct = found->distinct;
    for (size_t k = 0; k < SL_FORM_COUNT; k++)
        sum->forms[k] += found->forms[k];
    for (size_t k = 0; k < SL_PROBE_FORMATS; k++)
        sum->formats[k] += found->formats[k];
    for (size_t k = 0; k < SL_PROBE_WRITTEN; k++) {
        sum->written[k] += found->written[k];
        sum->evidence[k] += found->evidence[k];
    }
    sum->scale = found->scale > sum->scale ? found->scale : sum->scale;
    if (found->comma_scale > sum->comma_scale)
        sum->comma_scale = found->comma_scale;
    if (found->grouped_scale > sum->grouped_scale)
        sum->grouped_scale = found->grouped_scale;
    sum->non_ascii += found->non_ascii;
    return add_words(prober->arena, found->null_words, &sum->null_words, err);
}

static int profile(const struct prober *prober, struct sl_source_reader *reader, struct sl_err *err)
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
    prober->probe->records += end.records;
    prober->probe->corrupt += end.corrupt;
    for (size_t i = 0; i < reader->column_count; i++) {
        const char *type = reader->columns[i].type;
        struct sl_probe_column column = {.name = reader->columns[i].name, .type = type};
        if (!sl_str_equal(type, SL_UNKNOWN_TYPE))
            column.type = sl_type_fill_unknown(type, "VARCHAR", prober->arena);
        SL_TRY_NEW(column.type, err);
        at = take_column(result, at, prober->arena, &column);
        SL_TRY(sum_up(prober, &column, err));
    }
    return SL_OK;
}

// --- Keys of several files: values that differ in each may come again in the next ---

static int exec(const struct prober *prober, const char *sql, struct sl_err *err)
{
    return prober->session->kind->exec(prober->session, sql, NULL, err);
}

// "insert into _keys select unnest([0, 2]), unnest([md5_number(...), md5_number(...)]) from ...",
// since a file can be read but once by a statement.
static void add_keys(const struct prober *prober, const struct sl_source_reader *reader,
                     const char *from, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf values = SL_BUF_INIT;
    const char *separator = "";
    sl_buf_add(sql, "insert into _keys select unnest([");
    for (size_t i = 0; i < reader->column_count; i++) {
        const struct sl_probe_column *column = column_of(prober->probe, reader->columns[i].name);
        if (!column || column->distinct < 0)
            continue;
        sl_buf_addf(sql, "%s%zu", separator, (size_t)(column - prober->probe->columns));
        sl_buf_addf(&values, "%smd5_number(nullif(trim(cast(", separator);
        sl_buf_add_sql_name(&values, reader->columns[i].name);
        sl_buf_add(&values, " as varchar)), ''))");
        separator = ", ";
    }
    sl_buf_addf(sql, "]), unnest([%s]) from (%s) where _corrupt is null", values.text, from);
    sql->has_failed = sql->has_failed || values.has_failed;
}

static bool has_keys(const struct prober *prober, const struct sl_source_reader *reader)
{
    for (size_t i = 0; i < reader->column_count; i++) {
        const struct sl_probe_column *column = column_of(prober->probe, reader->columns[i].name);
        if (column && column->distinct >= 0)
            return true;
    }
    return false;
}

static int keep_keys(const struct prober *prober, struct sl_source_reader *reader,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_source_end end;
    struct sl_err ignored = {0};
    const char *from;
    SL_TRY(reader->kind->start(reader, false, &from, err));
    add_keys(prober, reader, from, &sql);
    int code = sl_buf_check(&sql, err);
    if (code == SL_OK)
        code = exec(prober, sql.text, err);
    int ended = reader->kind->finish(reader, &end, code == SL_OK ? err : &ignored);
    return code == SL_OK ? ended : code;
}

static int take_keys(const struct prober *prober, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(prober->session->kind->query(
        prober->session, "select c, count(distinct value) from _keys group by c", 0, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++)
        prober->probe->columns[sl_result_int(result, row, 0)].distinct =
            sl_result_int(result, row, 1);
    return exec(prober, "drop table _keys", err);
}

static int count_keys(const struct prober *prober, const struct sl_file_group *group,
                      struct sl_err *err)
{
    SL_TRY(exec(prober, "create or replace temp table _keys (c bigint, value uhugeint)", err));
    for (size_t i = 0; i < group->file_count; i++) {
        SL_AUTO(sl_source_close)
        struct sl_source_reader *reader = sl_look_open(prober->session, group->files[i]->part,
                                                       &group->options, prober->arena, err);
        if (!reader)
            return err->code;
        if (has_keys(prober, reader))
            SL_TRY(keep_keys(prober, reader, err));
    }
    return take_keys(prober, err);
}

static int compare_sizes(const void *a, const void *b)
{
    const struct sl_look *left = *(const struct sl_look *const *)a;
    const struct sl_look *right = *(const struct sl_look *const *)b;
    return (left->part->size_bytes < right->part->size_bytes) -
           (left->part->size_bytes > right->part->size_bytes);
}

static int begin(const struct sl_file_group *group, struct sl_arena *arena, struct sl_probe *ret,
                 struct sl_err *err)
{
    *ret = (struct sl_probe){.column_count = group->column_count};
    ret->columns = SL_NEW_ARRAY(arena, struct sl_probe_column, group->column_count);
    SL_TRY_NEW(ret->columns, err);
    for (size_t i = 0; i < group->column_count; i++)
        ret->columns[i] =
            (struct sl_probe_column){.name = group->columns[i].name,
                                     .type = group->columns[i].type,
                                     .is_in_all = group->file_counts[i] == group->file_count};
    return SL_OK;
}

int sl_probe_read(struct sl_session *session, const struct sl_file_group *group,
                  struct sl_arena *arena, struct sl_probe *ret, struct sl_err *err)
{
    const struct prober prober = {session, arena, ret};
    const struct sl_look **files = SL_NEW_ARRAY(arena, const struct sl_look *, group->file_count);
    SL_TRY_NEW(files, err);
    SL_TRY(begin(group, arena, ret, err));
    memcpy(files, group->files, group->file_count * sizeof *files);
    qsort(files, group->file_count, sizeof *files, compare_sizes);
    ret->read_count = group->file_count < MOST_FILES ? group->file_count : MOST_FILES;
    for (size_t i = 0; i < ret->read_count; i++) {
        SL_AUTO(sl_source_close)
        struct sl_source_reader *reader =
            sl_look_open(session, files[i]->part, &group->options, arena, err);
        if (!reader)
            return err->code;
        SL_TRY(profile(&prober, reader, err));
    }
    if (ret->read_count == group->file_count)
        return group->file_count > 1 ? count_keys(&prober, group, err) : SL_OK;
    for (size_t i = 0; i < ret->column_count; i++)
        ret->columns[i].distinct = -1;
    return SL_OK;
}
