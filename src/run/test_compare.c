// A table against what is expected of it, by the engine: both sides in the types of the table.
#include "run/test_lake.h"
#include "step/schema.h"

#include <string.h>

#define TOLERANCE "1e-9"

struct comparison {
    struct sl_test_lake *lake;
    const struct sl_test_table *table;
    struct sl_session *session;
    struct sl_test_relation relation; // what is expected
    struct sl_column *columns;        // that are compared
    const char **sources;             // their SQL over the table
    const char **texts;               // and their columns of the relation; NULL: null everywhere
    bool *is_key;
    size_t count;
    bool has_key;
    bool is_per_reason; // of quarantine: a row for each reason
};

static bool is_float(const char *type)
{
    return sl_str_equal(type, "DOUBLE") || sl_str_equal(type, "FLOAT");
}

static bool is_reason(const char *name)
{
    return sl_str_equal(name, "rule") || sl_str_equal(name, "column") ||
           sl_str_equal(name, "message");
}

static int add_column(struct comparison *comparison, struct sl_column column, const char *source,
                      const char *text, struct sl_err *err)
{
    struct sl_arena *arena = comparison->lake->arena;
    size_t at = comparison->count;
    SL_TRY_NEW(source, err);
    if (!SL_PUSH(arena, comparison->columns, comparison->count, column))
        return sl_fail_memory(err);
    comparison->count = at;
    if (!SL_PUSH(arena, comparison->sources, comparison->count, source))
        return sl_fail_memory(err);
    comparison->count = at;
    if (!SL_PUSH(arena, comparison->texts, comparison->count, text))
        return sl_fail_memory(err);
    return SL_OK;
}

static const char *quoted(struct comparison *comparison, const char *before, const char *name,
                          const char *after)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, before);
    sl_buf_add_sql_name(&sql, name);
    sl_buf_add(&sql, after);
    return sl_buf_check(&sql, NULL) == SL_OK ? sl_arena_strdup(comparison->lake->arena, sql.text)
                                             : NULL;
}

// A column as the source gave it, out of the payload.
static const char *payload_sql(struct comparison *comparison, const char *name)
{
    SL_AUTO(sl_buf_clear) struct sl_buf path = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&path, "$.");
    sl_buf_add_sql_name(&path, name);
    sl_buf_add(&sql, "json_extract_string(payload, ");
    sl_buf_add_sql_string(&sql, path.text);
    sl_buf_add(&sql, ")");
    return sl_buf_check(&path, NULL) == SL_OK && sl_buf_check(&sql, NULL) == SL_OK
               ? sl_arena_strdup(comparison->lake->arena, sql.text)
               : NULL;
}

static int no_column(struct comparison *comparison, const struct sl_delta_snapshot *snapshot,
                     const char *name, struct sl_err *err)
{
    struct sl_strs names = {0};
    struct sl_place place = sl_test_row_place(comparison->table, 1, name);
    for (size_t i = 0; i < snapshot->column_count; i++)
        SL_TRY(sl_strs_add(&names, comparison->lake->arena, snapshot->columns[i].name, err));
    const char *hint = sl_did_you_mean(comparison->lake->arena, name, names.items, names.count);
    (void)sl_fail(err, SL_E_SQL_COLUMN, "'%s' has no column '%s'", comparison->table->table, name);
    if (hint)
        (void)sl_err_hint(err, "%s", hint);
    return sl_err_at(err, place.file, place.line, place.column);
}

static int choose_named(struct comparison *comparison, const struct sl_delta_snapshot *snapshot,
                        bool is_quarantine, struct sl_err *err)
{
    for (size_t i = 0; i < comparison->relation.count; i++) {
        const char *name = comparison->relation.columns[i];
        const struct sl_column *column =
            sl_column_find(snapshot->columns, snapshot->column_count, name);
        struct sl_column text = {name, "VARCHAR"};
        if (column)
            SL_TRY(add_column(comparison, *column, quoted(comparison, "", column->name, ""), name,
                              err));
        else if (is_quarantine && is_reason(name))
            SL_TRY(add_column(comparison, text, quoted(comparison, "\"~reason\".", name, ""), name,
                              err));
        else if (is_quarantine)
            SL_TRY(add_column(comparison, text, payload_sql(comparison, name), name, err));
        else
            return no_column(comparison, snapshot, name, err);
        comparison->is_per_reason |= is_quarantine && !column && is_reason(name);
    }
    return SL_OK;
}

// All columns but those that only say where a row came from.
static int choose_rest(struct comparison *comparison, const struct sl_delta_snapshot *snapshot,
                       struct sl_err *err)
{
    for (size_t i = 0; i < snapshot->column_count; i++) {
        const struct sl_column *column = &snapshot->columns[i];
        bool is_origin =
            sl_str_equal(column->name, "_source") || sl_str_equal(column->name, "_position");
        if (!is_origin && !sl_column_find(comparison->columns, comparison->count, column->name))
            SL_TRY(add_column(comparison, *column, quoted(comparison, "", column->name, ""), NULL,
                              err));
    }
    return SL_OK;
}

// A part of a key is good enough: rows that share it are paired in the order of their values.
static bool takes_key(struct comparison *comparison, const struct sl_strs *key)
{
    bool takes_any = false;
    for (size_t i = 0; i < key->count; i++) {
        const struct sl_column *column =
            sl_column_find(comparison->columns, comparison->count, key->items[i]);
        if (column)
            comparison->is_key[column - comparison->columns] = takes_any = true;
    }
    return takes_any;
}

static int choose_key(struct comparison *comparison, struct sl_err *err)
{
    struct sl_arena *arena = comparison->lake->arena;
    const struct sl_test_table *table = comparison->table;
    const struct sl_node *node = sl_graph_node(&comparison->lake->world.graph, table->table);
    struct sl_strs primary = {0};
    comparison->is_key = SL_NEW_ARRAY(arena, bool, comparison->count);
    SL_TRY_NEW(comparison->is_key, err);
    comparison->has_key = takes_key(comparison, &table->key);
    if (comparison->has_key || sl_str_starts(table->table, "quarantine.") || table->is_ordered)
        return SL_OK;
    if (node->kind == SL_NODE_MODEL) {
        comparison->has_key = takes_key(comparison, &node->model->key) ||
                              takes_key(comparison, &node->model->requirements.grain);
        return SL_OK;
    }
    for (size_t i = 0; node->contract && i < node->contract->column_count; i++)
        if (node->contract->columns[i].key_position > 0)
            SL_TRY(sl_strs_add(&primary, arena, node->contract->columns[i].name, err));
    comparison->has_key = takes_key(comparison, &primary);
    return SL_OK;
}

// c0, c1, ...: those that say which rows are the same one, or the others.
static void list_identity(const struct comparison *comparison, bool is_identity, const char *empty,
                          const char *before, struct sl_buf *sql)
{
    size_t listed = 0;
    for (size_t i = 0; i < comparison->count; i++) {
        bool tells = comparison->has_key
                         ? comparison->is_key[i]
                         : !comparison->table->is_ordered && !is_float(comparison->columns[i].type);
        if (tells == is_identity)
            sl_buf_addf(sql, "%sc%zu", listed++ ? ", " : before, i);
    }
    if (!listed)
        sl_buf_add(sql, empty);
}

static void add_number(const struct comparison *comparison, const char *order, struct sl_buf *sql)
{
    sl_buf_add(sql, "row_number() over (");
    if (!comparison->table->is_ordered) {
        list_identity(comparison, true, "", "partition by ", sql);
        list_identity(comparison, false, "", " order by ", sql);
    } else {
        sl_buf_add(sql, order);
    }
    sl_buf_add(sql, ") as \"~n\"");
}

static int make_expected(struct comparison *comparison, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table \"~expected\" as select \"~ord\"");
    for (size_t i = 0; i < comparison->count; i++) {
        const char *type = comparison->columns[i].type;
        const char *text = comparison->texts[i] ? quoted(comparison, "", comparison->texts[i], "")
                                                : "cast(null as varchar)";
        SL_TRY_NEW(text, err);
        sl_buf_add(&sql, ", ");
        sl_test_cast(text, type, &sql);
        sl_buf_addf(&sql, " as c%zu, %s as t%zu", i, text, i);
    }
    if (comparison->relation.count)
        sl_buf_addf(&sql, " from %s", comparison->relation.sql);
    else
        sl_buf_add(&sql, " from (select 0::BIGINT as \"~ord\") where false");
    SL_TRY(sl_buf_check(&sql, err));
    return comparison->session->kind->exec(comparison->session, sql.text, NULL, err);
}

// What is expected must be a value of its column.
static int check_expected(struct comparison *comparison, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = comparison->session;
    for (size_t i = 0; i < comparison->count; i++) {
        char text[32], value[32];
        (void)snprintf(text, sizeof text, "t%zu", i);
        (void)snprintf(value, sizeof value, "c%zu", i);
        sl_buf_addf(&sql, "%sselect \"~ord\", %zu, %s from \"~expected\" where ",
                    i ? " union all " : "", i, text);
        sl_test_is_inexact(text, value, comparison->columns[i].type, &sql);
    }
    sl_buf_add(&sql, " order by all limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 1, &result, err));
    if (sl_result_rows(result) == 0)
        return SL_OK;
    const struct sl_column *column = &comparison->columns[sl_result_int(result, 0, 1)];
    struct sl_place place =
        sl_test_row_place(comparison->table, sl_result_int(result, 0, 0), column->name);
    (void)sl_fail(err, SL_E_VALUE_TYPE, "'%s' is no %s, which column '%s' of '%s' is",
                  sl_result_text(result, 0, 2), column->type, column->name,
                  comparison->table->table);
    return sl_err_at(err, place.file, place.line, place.column);
}

static void add_same(const struct comparison *comparison, size_t i, struct sl_buf *sql)
{
    sl_buf_addf(sql, "(e.c%zu is not distinct from a.c%zu", i, i);
    if (is_float(comparison->columns[i].type))
        sl_buf_addf(sql,
                    " or coalesce(abs(e.c%zu - a.c%zu) <= " TOLERANCE
                    " * greatest(abs(e.c%zu), abs(a.c%zu)), false)",
                    i, i, i, i);
    sl_buf_add(sql, ")");
}

static void add_actual(const struct comparison *comparison, struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    for (size_t i = 0; i < comparison->count; i++)
        sl_buf_addf(sql, "%s%s as c%zu", i ? ", " : "", comparison->sources[i], i);
    if (comparison->is_per_reason)
        sl_buf_addf(sql, " from (select *, unnest(reasons) as \"~reason\" from %s)",
                    comparison->table->table);
    else
        sl_buf_addf(sql, " from %s", comparison->table->table);
}

// Rows that are missing, unexpected or other: "~ord", is missing, is unexpected, how many there
// are; then per column both values and whether they are the same.
static void add_differences(const struct comparison *comparison, struct sl_buf *sql)
{
    sl_buf_add(sql, "with e as (select *, ");
    add_number(comparison, "order by \"~ord\"", sql);
    sl_buf_add(sql, " from \"~expected\"), a as (select *, ");
    add_number(comparison, "", sql);
    sl_buf_add(sql, " from (");
    add_actual(comparison, sql);
    sl_buf_add(sql, ")) select e.\"~ord\", a.\"~n\" is null, e.\"~n\" is null, count(*) over ()");
    for (size_t i = 0; i < comparison->count; i++) {
        // Nested values as a test would write them.
        const char *text = sl_test_is_nested(comparison->columns[i].type) ? "to_json" : "";
        sl_buf_addf(sql, ", cast(%s(e.c%zu) as varchar), cast(%s(a.c%zu) as varchar), ", text, i,
                    text, i);
        add_same(comparison, i, sql);
    }
    sl_buf_add(sql, " from e full join a on e.\"~n\" = a.\"~n\"");
    for (size_t i = 0; i < comparison->count; i++)
        if (comparison->has_key
                ? comparison->is_key[i]
                : !comparison->table->is_ordered && !is_float(comparison->columns[i].type))
            sl_buf_addf(sql, " and e.c%zu is not distinct from a.c%zu", i, i);
    sl_buf_add(sql, " where e.\"~n\" is null or a.\"~n\" is null");
    for (size_t i = 0; i < comparison->count; i++) {
        sl_buf_add(sql, " or not ");
        add_same(comparison, i, sql);
    }
    sl_buf_add(sql, " order by 1 nulls last");
    for (size_t i = 0; i < comparison->count; i++)
        sl_buf_addf(sql, ", %zu", 6 + 3 * i);
    sl_buf_addf(sql, " limit %lld", (long long)comparison->lake->shown_rows);
}

static int add_row(struct comparison *comparison, const struct sl_result *result, int64_t at,
                   struct sl_test_finding *finding, struct sl_err *err)
{
    struct sl_arena *arena = comparison->lake->arena;
    size_t count = comparison->count;
    const char **expected = SL_NEW_ARRAY(arena, const char *, count);
    const char **actual = SL_NEW_ARRAY(arena, const char *, count);
    bool *is_same = SL_NEW_ARRAY(arena, bool, count);
    bool is_missing = sl_str_equal(sl_result_text(result, at, 1), "true");
    bool is_unexpected = sl_str_equal(sl_result_text(result, at, 2), "true");
    SL_TRY_NEW(expected, err);
    SL_TRY_NEW(actual, err);
    SL_TRY_NEW(is_same, err);
    for (size_t i = 0; i < count; i++) {
        expected[i] = sl_arena_strdup(arena, sl_result_text(result, at, 4 + 3 * i));
        actual[i] = sl_arena_strdup(arena, sl_result_text(result, at, 5 + 3 * i));
        is_same[i] = sl_str_equal(sl_result_text(result, at, 6 + 3 * i), "true");
    }
    struct sl_test_row row = {.kind = is_missing      ? SL_TEST_MISSING
                                      : is_unexpected ? SL_TEST_UNEXPECTED
                                                      : SL_TEST_DIFFERS,
                              .expected = is_unexpected ? NULL : expected,
                              .actual = is_missing ? NULL : actual,
                              .is_same = is_same};
    if (!is_unexpected)
        row.place = sl_test_row_place(comparison->table, sl_result_int(result, at, 0), NULL);
    return SL_PUSH(arena, finding->rows, finding->row_count, row) ? SL_OK : sl_fail_memory(err);
}

static int find_differences(struct comparison *comparison, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = comparison->session;
    const struct sl_test_table *table = comparison->table;
    struct sl_err failure = {0};
    add_differences(comparison, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    if (sl_result_rows(result) == 0)
        return SL_OK;
    int64_t total = sl_result_int(result, 0, 3);
    (void)sl_fail(&failure, SL_E_TEST, "'%s' differs in %lld row%s", table->table, (long long)total,
                  total == 1 ? "" : "s");
    (void)sl_err_at(&failure, table->place.file, table->place.line, table->place.column);
    struct sl_test_finding *finding = sl_test_find(comparison->lake, &failure, table->table);
    const char **names = SL_NEW_ARRAY(comparison->lake->arena, const char *, comparison->count);
    SL_TRY_NEW(finding, err);
    SL_TRY_NEW(names, err);
    for (size_t i = 0; i < comparison->count; i++)
        names[i] = comparison->columns[i].name;
    finding->columns = names;
    finding->column_count = comparison->count;
    finding->total = total;
    for (int64_t i = 0; i < sl_result_rows(result); i++)
        SL_TRY(add_row(comparison, result, i, finding, err));
    return SL_OK;
}

static int load_table(struct comparison *comparison, struct sl_delta_snapshot *ret,
                      struct sl_err *err)
{
    struct sl_test_lake *lake = comparison->lake;
    const struct sl_test_table *table = comparison->table;
    struct sl_step_context context = sl_test_context(lake, comparison->session);
    enum sl_layer layer;
    const char *name;
    if (!sl_table_parse(table->table, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", table->table);
    const char *folder = sl_table_folder(&lake->project, layer, name, lake->arena);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_load(folder, -1, comparison->session, lake->arena, ret, err));
    if (ret->version < 0) {
        (void)sl_fail(err, SL_E_TEST, "'%s' was not built", table->table);
        return sl_err_at(err, table->place.file, table->place.line, table->place.column);
    }
    return sl_step_view(&context, layer, name, -1, NULL, err);
}

// What one row leaves out and others name could be meant as null, or as anything.
static int check_rows(struct comparison *comparison, struct sl_err *err)
{
    const struct sl_yaml *rows = comparison->table->rows;
    for (size_t i = 0; rows && i < rows->count; i++)
        for (size_t k = 0; k < comparison->relation.count; k++) {
            const char *name = comparison->relation.columns[k];
            if (sl_test_value(rows->items[i], name))
                continue;
            (void)sl_fail(err, SL_E_VALUE_INVALID, "the row does not say '%s', and others do",
                          name);
            (void)sl_err_hint(err, "write '%s: null' if that is expected", name);
            return sl_err_at(err, rows->items[i]->place.file, rows->items[i]->place.line,
                             rows->items[i]->place.column);
        }
    return SL_OK;
}

int sl_test_compare(struct sl_test_lake *lake, const struct sl_test_table *table,
                    struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct comparison comparison = {.lake = lake, .table = table};
    struct sl_delta_snapshot snapshot;
    SL_TRY(sl_test_session(lake, &session, err));
    comparison.session = session;
    SL_TRY(load_table(&comparison, &snapshot, err));
    SL_TRY(sl_test_relation(lake, session, table, &comparison.relation, err));
    SL_TRY(choose_named(&comparison, &snapshot, sl_str_starts(table->table, "quarantine."), err));
    SL_TRY(check_rows(&comparison, err));
    if (table->is_whole || comparison.count == 0)
        SL_TRY(choose_rest(&comparison, &snapshot, err));
    SL_TRY(choose_key(&comparison, err));
    SL_TRY(make_expected(&comparison, err));
    SL_TRY(check_expected(&comparison, err));
    return find_differences(&comparison, err);
}
