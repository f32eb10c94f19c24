// What a run of a test gives: files of sources, rows of tables.
#include "base/fs.h"
#include "run/test_lake.h"
#include "step/schema.h"

#include <string.h>

static int at_table(const struct sl_test_table *table, struct sl_err *err)
{
    return sl_err_at(err, table->place.file, table->place.line, table->place.column);
}

// ".csv" of "data/orders-*.csv.gz": what rows are written as.
static const char *ending_of(struct sl_arena *arena, const char *path, bool as_it_is)
{
    const char *name = sl_path_name(path), *end = name + strlen(name);
    if (!as_it_is && (sl_str_ends(name, ".gz") || sl_str_ends(name, ".zst")))
        end = strrchr(name, '.');
    for (const char *dot = strrchr(name, '.'); dot; dot = NULL) {
        if (dot == end || sl_str_equal(dot, ".gz") || sl_str_equal(dot, ".zst"))
            while (dot > name && *--dot != '.')
                continue;
        if (*dot == '.' && !strpbrk(dot, "*?["))
            return sl_arena_strndup(arena, dot, (size_t)(end - dot));
    }
    return ".csv";
}

static int give_file(struct sl_test_lake *lake, const struct sl_source *source,
                     const struct sl_test_table *table, struct sl_err *err)
{
    const char *like = table->file           ? table->file
                       : source->paths.count ? source->paths.items[0]
                                             : "";
    const char *folder = sl_arena_printf(lake->arena, "%s/files/%s", lake->folder, source->name);
    const char *ending = ending_of(lake->arena, like, table->file != NULL);
    SL_TRY_NEW(folder, err);
    SL_TRY_NEW(ending, err);
    const char *path =
        table->name ? sl_arena_printf(lake->arena, "%s/%s", folder, table->name)
                    : sl_arena_printf(lake->arena, "%s/run-%zu%s", folder, lake->run + 1, ending);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    return sl_test_write_source(lake, source, table, path, err);
}

// The columns that a table has: as it is, or as it would be built.
static int table_columns(struct sl_test_lake *lake, const struct sl_test_table *table,
                         const struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    const struct sl_relation *known = sl_map_get(lake->catalog, table->table);
    if (!known) {
        (void)sl_fail(err, SL_E_VALUE_INVALID, "the columns of '%s' are not known", table->table);
        (void)sl_err_hint(err, "give the tables or sources that it is built from");
        return at_table(table, err);
    }
    *ret = known->columns;
    *ret_count = known->count;
    return SL_OK;
}

static int check_columns(struct sl_test_lake *lake, const struct sl_test_table *table,
                         const struct sl_test_relation *relation, const struct sl_column *columns,
                         size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < relation->count; i++) {
        if (sl_column_find(columns, count, relation->columns[i]))
            continue;
        struct sl_strs names = {0};
        for (size_t k = 0; k < count; k++)
            SL_TRY(sl_strs_add(&names, lake->arena, columns[k].name, err));
        const char *hint =
            sl_did_you_mean(lake->arena, relation->columns[i], names.items, names.count);
        struct sl_place place = sl_test_row_place(table, 1, relation->columns[i]);
        (void)sl_fail(err, SL_E_SQL_COLUMN, "'%s' has no column '%s'", table->table,
                      relation->columns[i]);
        if (hint)
            (void)sl_err_hint(err, "%s", hint);
        return sl_err_at(err, place.file, place.line, place.column);
    }
    return SL_OK;
}

// What a value of the column is made of where the rows do not name it.
static void add_absent(struct sl_test_lake *lake, const struct sl_column *column,
                       struct sl_buf *sql)
{
    if (sl_str_equal(column->name, "_source"))
        sl_buf_addf(sql, "'run-%zu'", lake->run + 1);
    else if (sl_str_equal(column->name, "_position"))
        sl_buf_add(sql, "\"~ord\"");
    else
        sl_buf_addf(sql, "cast(null as %s)", column->type);
}

static const char *named(const struct sl_test_relation *relation, const char *column)
{
    for (size_t i = 0; i < relation->count; i++)
        if (sl_str_equal_nocase(relation->columns[i], column))
            return relation->columns[i];
    return NULL;
}

// select <value> as <column>, ...; a text that is no value of its column ends the statement.
static void select_rows(struct sl_test_lake *lake, const struct sl_test_relation *relation,
                        const struct sl_column *columns, size_t count, struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    for (size_t i = 0; i < count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        const char *own = named(relation, columns[i].name);
        sl_buf_add(sql, i ? ", " : "");
        if (own) {
            sl_buf_add_sql_name(&name, own);
            sl_test_cast(name.text, columns[i].type, sql);
        } else {
            add_absent(lake, &columns[i], sql);
        }
        sl_buf_add(sql, " as ");
        sl_buf_add_sql_name(sql, columns[i].name);
    }
    if (relation->count)
        sl_buf_addf(sql, " from %s", relation->sql);
    else
        sl_buf_add(sql, " from (select 0 as \"~ord\") where false");
}

static int check_values(struct sl_session *session, const struct sl_test_table *table,
                        const struct sl_test_relation *relation, const struct sl_column *columns,
                        size_t count, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    for (size_t i = 0; i < relation->count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
        const char *type = sl_column_find(columns, count, relation->columns[i])->type;
        sl_buf_add_sql_name(&name, relation->columns[i]);
        sl_test_cast(name.text, type, &value);
        sl_buf_addf(&sql, "%sselect \"~ord\", %zu, %s, ", i ? " union all " : "", i, name.text);
        sl_buf_add_sql_string(&sql, type);
        sl_buf_addf(&sql, " from %s where ", relation->sql);
        sl_test_is_inexact(name.text, value.text, type, &sql);
    }
    if (relation->count == 0)
        return SL_OK;
    sl_buf_add(&sql, " order by all limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 1, &result, err));
    if (sl_result_rows(result) == 0)
        return SL_OK;
    const char *column = relation->columns[sl_result_int(result, 0, 1)];
    struct sl_place place = sl_test_row_place(table, sl_result_int(result, 0, 0), column);
    (void)sl_fail(err, SL_E_VALUE_TYPE, "'%s' is no %s, which column '%s' of '%s' is",
                  sl_result_text(result, 0, 2), sl_result_text(result, 0, 3), column, table->table);
    return sl_err_at(err, place.file, place.line, place.column);
}

struct giving {
    enum sl_layer layer;
    const char *name, *sql;
    const struct sl_column *columns;
    size_t count;
    bool replaces;
};

static int commit_rows(struct sl_test_lake *lake, struct sl_session *session,
                       const struct giving *giving, struct sl_err *err)
{
    struct sl_step_context context = sl_test_context(lake, session);
    struct sl_stage_options options = {.columns = giving->columns, .column_count = giving->count};
    struct sl_delta_head head;
    struct sl_record before, record = {.run_id = context.run_id};
    struct sl_staged staged;
    int64_t version;
    SL_TRY(sl_step_position(&lake->project, giving->layer, giving->name, session, lake->arena,
                            &options.folder, &head, &before, err));
    SL_TRY(sl_step_staging(&context, options.folder, &options.file_prefix, err));
    SL_TRY(session->kind->stage(session, giving->sql, &options, lake->arena, &staged, err));
    record.step =
        sl_arena_printf(lake->arena, "give %s.%s", sl_layer_name(giving->layer), giving->name);
    SL_TRY_NEW(record.step, err);
    record.sequence = before.sequence + 1;
    struct sl_delta_commit commit = {
        .mode = giving->replaces && head.version >= 0 ? SL_DELTA_REPLACE : SL_DELTA_APPEND,
        .base_version = head.version,
        .columns = giving->columns,
        .column_count = giving->count,
        .staged = &staged,
        .staged_folder = "",
        .app_id = record.step,
        .app_version = record.sequence,
        .operation = "WRITE",
    };
    SL_TRY(sl_record_print(&record, lake->arena, &commit.record_json, err));
    return sl_step_commit(&context, options.folder, &commit, &version, err);
}

static int give_table(struct sl_test_lake *lake, const struct sl_test_table *table,
                      struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_test_relation relation;
    struct giving giving = {.replaces = table->replaces};
    if (!sl_table_parse(table->table, &giving.layer, &giving.name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", table->table);
    SL_TRY(table_columns(lake, table, &giving.columns, &giving.count, err));
    SL_TRY(sl_test_session(lake, &session, err));
    SL_TRY(sl_test_relation(lake, session, table, &relation, err));
    SL_TRY(check_columns(lake, table, &relation, giving.columns, giving.count, err));
    SL_TRY(check_values(session, table, &relation, giving.columns, giving.count, err));
    select_rows(lake, &relation, giving.columns, giving.count, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    giving.sql = sql.text;
    return commit_rows(lake, session, &giving, err);
}

int sl_test_give(struct sl_test_lake *lake, const struct sl_test_run *run, struct sl_err *err)
{
    for (size_t i = 0; i < run->given_count; i++) {
        const struct sl_test_table *table = &run->given[i];
        const struct sl_source *source = NULL;
        for (size_t k = 0; k < lake->project.source_count && !source; k++)
            if (sl_str_equal(lake->project.sources[k].name, table->table))
                source = &lake->project.sources[k];
        if ((source ? give_file(lake, source, table, err) : give_table(lake, table, err)) !=
            SL_OK) {
            (void)at_table(table, err);
            return sl_err_context(err, "give '%s'", table->table);
        }
    }
    return SL_OK;
}
