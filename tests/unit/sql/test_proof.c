// Proofs on the engine. The stored trees are what it gives. A column of the result changes only if
// a column changes that its lineage names. The result of a row-wise query over parts of the driving
// table is the sum of the results, and the partitions of a local query can be made one by one.
#include "cases.h"

#include "base/str.h"
#include "engine/duckdb/duckdb_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct proof {
    struct sl_engine *engine;
    struct sl_session *session;
    struct sql_cases cases;
    size_t comparisons;
    bool has_failed;
};

static const char data[] =
    "create schema clean; create schema raw;"
    "create table clean.orders as select i::integer as order_id, (i % 7)::integer as customer_id, "
    "case when i = 13 then null else date '2026-01-01' + (i * 5 % 8 * 5)::integer end as day, "
    "timestamp '2026-01-01' + interval (i * 31) hour as ts, "
    "(i * 37 % 50)::decimal(12,2) as amount, (i % 4)::integer as n, "
    "case i % 4 when 0 then 'EUR' when 1 then 'USD' when 2 then 'GBP' end as currency, "
    "{'city': 'c' || i % 5, 'zip': 'z' || i} as address, ['t' || i % 3, 'u'] as tags "
    "from range(40) t(i);"
    "create table clean.customers as select i::integer as customer_id, 'country' || i % 3 as "
    "country, "
    "(i * 11)::integer as credit from range(9) t(i);"
    "create table clean.rates as select c.currency, date '2026-01-01' + (d * 20)::integer as day, "
    "(d + length(c.currency) * 0.25 + ascii(c.currency) / 64)::double as rate "
    "from (values ('EUR'), ('USD'), ('JPY')) c(currency), range(4) t(d);"
    "create table raw.rates as select * from clean.rates where currency <> 'JPY';"
    "create table clean.symbols as select * from (values ('EUR', 'euro'), ('USD', 'dollar'), "
    "('CHF', 'franc'), (null, 'none')) s(currency, name)";

static int run(struct proof *proof, const char *format, ...) SL_PRINTF(2, 3);

// The code of a statement that may fail.
static int run(struct proof *proof, const char *format, ...)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_err err = {0};
    va_list args;

    va_start(args, format);
    sl_buf_vaddf(&sql, format, args);
    va_end(args);
    return proof->session->kind->exec(proof->session, sql.text, NULL, &err);
}

static void must(struct proof *proof, const char *sql)
{
    struct sl_err err = {0};

    if (proof->session->kind->exec(proof->session, sql, NULL, &err) != SL_OK)
        fail_msg("%s: %s", sql, err.message);
}

// The first cell of a query that must work.
static int64_t ask(struct proof *proof, const char *sql)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err err = {0};

    if (proof->session->kind->query(proof->session, sql, 0, &result, &err) != SL_OK)
        fail_msg("%s: %s", sql, err.message);
    return sl_result_int(result, 0, 0);
}

static void report(struct proof *proof, const struct sql_case *item, const char *what,
                   const char *which)
{
    print_error("%s\n%s%s %s\n\n", item->name, item->sql, what, which);
    proof->has_failed = true;
}

static int open_proof(void **state)
{
    static struct proof proof;
    struct sl_engine_options options = {.threads = 1};
    struct sl_err err = {0};

    if (sl_engine_duckdb.open(&options, &proof.engine, &err) != SL_OK ||
        sl_engine_duckdb.connect(proof.engine, &proof.session, &err) != SL_OK) {
        print_error("%s\n", err.message);
        return 1;
    }
    must(&proof, data);
    *state = &proof;
    return 0;
}

static int close_proof(void **state)
{
    struct proof *proof = *state;

    sl_session_close(&proof->session);
    sl_engine_close(&proof->engine);
    return 0;
}

static void check_tree(struct proof *proof, const struct sql_case *item)
{
    struct sl_arena arena = {0};
    const char *tree = NULL;
    struct sl_err err = {0};

    assert_int_equal(
        proof->session->kind->parse(proof->session, &item->sql, 1, &arena, &tree, &err), SL_OK);
    if (!sl_str_equal(tree, item->tree))
        report(proof, item, "the stored tree is stale: run", "tools/sql_trees.py");
    sl_arena_clear(&arena);
}

// The engine names columns as we do, wherever we claim to know.
static void check_names(struct proof *proof, const struct sql_case *item,
                        const struct sl_query *query)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err err = {0};
    struct sl_column *columns = NULL;
    size_t count = 0;
    const char *sql = sl_arena_printf(&arena, "select * from (%s)", item->sql);

    if (query->has_unknown_columns)
        return;
    assert_int_equal(
        proof->session->kind->describe(proof->session, sql, &arena, &columns, &count, &err), SL_OK);
    if (count != query->column_count)
        report(proof, item, "the engine gives another number of columns", "");
    for (size_t i = 0; i < count && i < query->column_count; i++)
        if (*query->columns[i].name && !sl_str_equal(query->columns[i].name, columns[i].name))
            report(proof, item, "the engine names a column", columns[i].name);
}

static void keep_table(struct proof *proof, const char *table)
{
    assert_int_equal(run(proof, "create or replace table kept as from %s", table), SL_OK);
}

static void restore_table(struct proof *proof, const char *table)
{
    assert_int_equal(run(proof, "create or replace table %s as from kept", table), SL_OK);
}

static bool names_origin(const struct sl_query_column *column, const char *table, const char *name)
{
    for (size_t i = 0; i < column->origin_count; i++)
        if (sl_str_equal(column->origins[i].table, table) &&
            sl_str_equal(column->origins[i].column, name))
            return true;
    return false;
}

static bool has_unknown_tables(const struct sl_query *query)
{
    for (size_t i = 0; i < query->table_count; i++)
        if (sl_str_starts(query->tables[i].name, "unknown"))
            return true;
    return false;
}

static bool reads(const struct sl_query *query, const char *table)
{
    for (size_t i = 0; i < query->table_count; i++)
        if (sl_str_starts(table, query->tables[i].layer) &&
            sl_str_ends(table, query->tables[i].name))
            return true;
    return false;
}

static const char *changed(const struct sl_column *column, int way)
{
    static const struct {
        const char *type;
        const char *expression;
    } ways[] = {
        {"INTEGER", "%s + 3"},
        {"DATE", "%s + 45"},
        {"TIMESTAMP", "%s + interval 45 day"},
        {"DECIMAL(12,2)", "50 - %s"},
        {"DOUBLE", "10 - %s"},
        {"VARCHAR", "reverse(%s)"},
        {"VARCHAR[]", "list_reverse(%s) || ['w']"},
        {"STRUCT(city VARCHAR, zip VARCHAR)", "struct_pack(city := (%s).zip, zip := 'x')"},
    };

    for (size_t i = 0; i < sizeof ways / sizeof *ways && way == 0; i++)
        if (sl_str_equal(column->type, ways[i].type))
            return ways[i].expression;
    return "case when hash(%s) %% 2 = 0 then null else %s end";
}

static void change_table(struct proof *proof, const char *table, const struct sl_column *column,
                         int way)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *expression = changed(column, way);

    sl_buf_addf(&sql, "create or replace table %s as select * replace ((", table);
    for (const char *c = expression; *c; c++) {
        if (*c == '%' && c[1] == 's')
            sl_buf_addf(&sql, "\"%s\"", column->name);
        else if (*c == '%')
            sl_buf_add(&sql, "%");
        else
            sl_buf_add_bytes(&sql, c, 1);
        c += *c == '%';
    }
    sl_buf_addf(&sql, ")::%s as \"%s\") from kept", column->type, column->name);
    must(proof, sql.text);
}

// A fingerprint of each column's values, whatever their order; false if the query fails.
static bool fingerprint(struct proof *proof, const struct sql_case *item, size_t count,
                        struct sl_result **ret)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_err err = {0};

    sl_buf_add(&sql, "select count(*)");
    for (size_t i = 0; i < count; i++)
        sl_buf_addf(&sql, ", sum(hash(c%zu))", i);
    sl_buf_addf(&sql, " from (%s) q(", item->sql);
    for (size_t i = 0; i < count; i++)
        sl_buf_addf(&sql, "%sc%zu", i ? ", " : "", i);
    sl_buf_add(&sql, ")");
    return proof->session->kind->query(proof->session, sql.text, 0, ret, &err) == SL_OK;
}

static bool is_column_same(const struct sl_result *a, const struct sl_result *b, size_t column)
{
    return sl_str_equal(sl_result_text(a, 0, 0), sl_result_text(b, 0, 0)) &&
           sl_str_equal(sl_result_text(a, 0, column + 1), sl_result_text(b, 0, column + 1));
}

static bool is_named_by_all(const struct sl_query *query, const char *table, const char *name)
{
    for (size_t i = 0; i < query->column_count; i++)
        if (!names_origin(&query->columns[i], table, name))
            return false;
    return true;
}

// create table NAME(c0, c1, ...) as the case's query
static int keep_result(struct proof *proof, const char *name, const struct sql_case *item,
                       size_t count)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;

    for (size_t i = 0; i < count; i++)
        sl_buf_addf(&names, "%sc%zu", i ? ", " : "", i);
    return run(proof, "create or replace table %s as select * from (%s) q(%s)", name, item->sql,
               names.text);
}

// Leaves the table changed.
static void check_column(struct proof *proof, const struct sql_case *item,
                         const struct sl_query *query, const struct sl_result *before,
                         const char *table, const struct sl_column *column)
{
    if (is_named_by_all(query, table, column->name))
        return;
    for (int way = 0; way < 2; way++) {
        SL_AUTO(sl_result_free) struct sl_result *after = NULL;

        change_table(proof, table, column, way);
        if (!fingerprint(proof, item, query->column_count, &after))
            continue; // the query does not take such a value
        for (size_t i = 0; i < query->column_count; i++) {
            if (names_origin(&query->columns[i], table, column->name))
                continue;
            proof->comparisons++;
            if (!is_column_same(before, after, i)) {
                print_error("%s.%s changes column %zu\n", table, column->name, i);
                report(proof, item, "the lineage does not name what changes",
                       query->columns[i].name);
            }
        }
    }
}

static void check_lineage(struct proof *proof, const struct sql_case *item,
                          const struct sl_query *query)
{
    SL_AUTO(sl_result_free) struct sl_result *before = NULL;

    if (query->is_volatile || query->has_unknown_columns || !query->column_count)
        return;
    if (!fingerprint(proof, item, query->column_count, &before))
        fail_msg("%s: the query fails", item->name);
    for (const struct test_table *table = test_tables; table->name; table++) {
        if (!reads(query, table->name))
            continue;
        keep_table(proof, table->name);
        for (size_t i = 0; i < table->count; i++)
            check_column(proof, item, query, before, table->name, &table->columns[i]);
        restore_table(proof, table->name);
    }
}

static void the_stored_trees_are_those_of_the_engine(void **state)
{
    static const char *const names[] = {"tables", "lineage", "locality", "unbound"};
    struct proof *proof = *state;

    proof->has_failed = false;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        cases_load(&proof->cases, names[n]);
        for (size_t i = 0; i < proof->cases.count; i++)
            check_tree(proof, &proof->cases.items[i]);
        cases_clear(&proof->cases);
    }
    assert_false(proof->has_failed);
}

static void every_column_that_changes_a_result_is_in_its_lineage(void **state)
{
    static const char *const names[] = {"lineage", "locality"};
    struct proof *proof = *state;

    proof->has_failed = false;
    for (size_t n = 0; n < 2; n++) {
        cases_load(&proof->cases, names[n]);
        for (size_t i = 0; i < proof->cases.count; i++) {
            const struct sql_case *item = &proof->cases.items[i];
            struct sl_query query;

            case_query(item, &proof->cases.arena, &query);
            if (has_unknown_tables(&query))
                continue;
            check_names(proof, item, &query);
            check_lineage(proof, item, &query);
        }
        cases_clear(&proof->cases);
    }
    assert_false(proof->has_failed);
    assert_true(proof->comparisons > 1000);
}

static bool is_same(struct proof *proof, const char *a, const char *b)
{
    char sql[512];

    snprintf(sql, sizeof sql,
             "select count(*) from ((from %s except all from %s) union all (from %s except all "
             "from %s))",
             a, b, b, a);
    return ask(proof, sql) == 0;
}

// The driving table becomes the rows of `kept` for which the condition holds; the result is added
// to `parts`.
static void add_part(struct proof *proof, const struct sql_case *item, const struct sl_query *query,
                     const char *condition)
{
    if (run(proof, "create or replace table %s as select * from kept where %s",
            query->driving_table, condition) != SL_OK ||
        keep_result(proof, "part", item, query->column_count) != SL_OK ||
        run(proof, "insert into parts from part") != SL_OK)
        fail_msg("%s: a part fails: %s", item->name, condition);
}

static void begin_parts(struct proof *proof, const struct sql_case *item,
                        const struct sl_query *query)
{
    assert_int_equal(keep_result(proof, "before", item, query->column_count), SL_OK);
    assert_int_equal(run(proof, "create or replace table parts as from before limit 0"), SL_OK);
    keep_table(proof, query->driving_table);
}

static void end_parts(struct proof *proof, const struct sql_case *item,
                      const struct sl_query *query, const char *what)
{
    restore_table(proof, query->driving_table);
    if (!is_same(proof, "before", "parts"))
        report(proof, item, "the parts do not add up to the whole:", what);
}

static void check_row_wise(struct proof *proof, const struct sql_case *item,
                           const struct sl_query *query)
{
    begin_parts(proof, item, query);
    add_part(proof, item, query, "rowid % 3 = 0");
    add_part(proof, item, query, "rowid % 3 > 0");
    add_part(proof, item, query, "false");
    end_parts(proof, item, query, "row-wise");
}

static size_t index_of_day(const struct sl_query *query)
{
    size_t i = 0;

    while (i < query->column_count && !sl_str_equal(query->columns[i].name, "day"))
        i++;
    assert_true(i < query->column_count);
    return i;
}

// One part for each value of the partition's expression. All rows of a part are of its partition.
static void check_local(struct proof *proof, const struct sql_case *item,
                        const struct sl_query *query)
{
    size_t day = index_of_day(query);
    const char *expression = query->columns[day].expression;
    char sql[1024];
    int64_t count;

    begin_parts(proof, item, query);
    snprintf(sql, sizeof sql,
             "create or replace table days as select row_number() over () as i, d from "
             "(select distinct %s as d from kept)",
             expression);
    must(proof, sql);
    count = ask(proof, "select count(*) from days");
    assert_true(count > 1);
    for (int64_t i = 1; i <= count; i++) {
        snprintf(sql, sizeof sql, "(%s) is not distinct from (select d from days where i = %lld)",
                 expression, (long long)i);
        add_part(proof, item, query, sql);
        snprintf(sql, sizeof sql,
                 "select count(*) from part where c%zu is distinct from (select d from days where "
                 "i = %lld)",
                 day, (long long)i);
        if (ask(proof, sql) > 0)
            report(proof, item, "a part has rows of other partitions:", expression);
        proof->comparisons++;
    }
    end_parts(proof, item, query, "local");
}

static void what_is_said_to_be_local_is_so_on_the_engine(void **state)
{
    static const char *const by_day[] = {"day"};
    struct proof *proof = *state;

    proof->has_failed = false;
    proof->comparisons = 0;
    cases_load(&proof->cases, "locality");
    for (size_t i = 0; i < proof->cases.count; i++) {
        const struct sql_case *item = &proof->cases.items[i];
        struct sl_query query;
        struct sl_err err = {0};
        const char *why;
        bool is_local;

        case_query(item, &proof->cases.arena, &query);
        assert_int_equal(sl_query_is_partition_local(item->tree, &query, by_day, 1,
                                                     &proof->cases.arena, &is_local, &why, &err),
                         SL_OK);
        if (query.is_row_wise && !query.is_volatile)
            check_row_wise(proof, item, &query);
        if (is_local && !query.is_volatile)
            check_local(proof, item, &query);
    }
    cases_clear(&proof->cases);
    assert_false(proof->has_failed);
    assert_true(proof->comparisons > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stored_trees_are_those_of_the_engine),
        cmocka_unit_test(every_column_that_changes_a_result_is_in_its_lineage),
        cmocka_unit_test(what_is_said_to_be_local_is_so_on_the_engine),
    };

    return cmocka_run_group_tests(tests, open_proof, close_proof);
}
