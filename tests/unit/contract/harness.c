#include "harness.h"

#include "engine/duckdb/duckdb_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

const struct sl_type text_type = {.kind = SL_TYPE_TEXT};
const struct sl_type integer_type = {.kind = SL_TYPE_INTEGER, .bits = 32};
const struct sl_type tiny_type = {.kind = SL_TYPE_INTEGER, .bits = 8};
const struct sl_type bigint_type = {.kind = SL_TYPE_INTEGER, .bits = 64};
const struct sl_type decimal_type = {.kind = SL_TYPE_DECIMAL, .precision = 12, .scale = 2};
const struct sl_type decimal0_type = {.kind = SL_TYPE_DECIMAL, .precision = 10, .scale = 0};
const struct sl_type double_type = {.kind = SL_TYPE_DOUBLE};
const struct sl_type boolean_type = {.kind = SL_TYPE_BOOLEAN};
const struct sl_type date_type = {.kind = SL_TYPE_DATE};
const struct sl_type timestamp_type = {.kind = SL_TYPE_TIMESTAMP};
const struct sl_type ntz_type = {.kind = SL_TYPE_TIMESTAMP_NTZ};
const struct sl_type time_type = {.kind = SL_TYPE_TIME};
const struct sl_type json_type = {.kind = SL_TYPE_JSON};

static void check(const struct harness *harness, int code)
{
    if (code != SL_OK)
        fail_msg("%s", harness->err.message);
}

int harness_setup(void **state)
{
    struct harness *harness = calloc(1, sizeof *harness);
    struct sl_engine_options options = {.threads = 1};
    if (!harness)
        return -1;
    sl_arena_init(&harness->arena, 0);
    *state = harness;
    if (sl_engine_duckdb.open(&options, &harness->engine, &harness->err) != SL_OK ||
        sl_engine_duckdb.connect(harness->engine, &harness->session, &harness->err) != SL_OK) {
        fprintf(stderr, "%s\n", harness->err.message);
        return -1;
    }
    return 0;
}

int harness_teardown(void **state)
{
    struct harness *harness = *state;
    sl_session_close(&harness->session);
    sl_engine_close(&harness->engine);
    sl_diags_clear(&harness->diags);
    sl_arena_clear(&harness->arena);
    free(harness);
    return 0;
}

void harness_reset(struct harness *harness)
{
    sl_diags_clear(&harness->diags);
    sl_arena_clear(&harness->arena);
    sl_arena_init(&harness->arena, 0);
    sl_err_clear(&harness->err);
}

struct sl_strs harness_strs(struct harness *harness, const char *first, ...)
{
    struct sl_strs list = {0};
    va_list args;
    va_start(args, first);
    for (const char *text = first; text; text = va_arg(args, const char *))
        check(harness, sl_strs_add(&list, &harness->arena, text, &harness->err));
    va_end(args);
    return list;
}

struct sl_contract_column harness_column(const char *name, struct sl_type type)
{
    static const char *empty[] = {""};
    return (struct sl_contract_column){.name = name,
                                       .source_name = name,
                                       .type = type,
                                       .null_values = {.items = empty, .count = 1},
                                       .is_trimmed = type.kind != SL_TYPE_TEXT};
}

void harness_compile(struct harness *harness, const struct sl_contract_table *table,
                     const struct sl_column *raw, size_t raw_count, struct sl_pass *ret)
{
    check(harness, sl_contract_compile(table, raw, raw_count, harness->session, &harness->arena,
                                       &harness->diags, ret, &harness->err));
}

static struct sl_result *run(struct harness *harness, const struct sl_pass *pass,
                             enum sl_pass_rows rows, const char *raw_sql, const char *select,
                             const char *rest)
{
    struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "select %s from ", select);
    sl_pass_relation(pass, rows, raw_sql, NULL, &sql);
    sl_buf_addf(&sql, " %s", rest);
    check(harness, sl_buf_check(&sql, &harness->err));
    if (sl_engine_duckdb.query(harness->session, sql.text, 0, &result, &harness->err) != SL_OK)
        fail_msg("%s\n%s", harness->err.message, sql.text);
    return result;
}

const char *harness_select(struct harness *harness, const struct sl_pass *pass, const char *raw_sql,
                           const char *select, const char *rest)
{
    SL_AUTO(sl_result_free)
    struct sl_result *result = run(harness, pass, SL_PASS_ALL, raw_sql, select, rest);
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        const char *cell = sl_result_text(result, row, 0);
        sl_buf_addf(&text, "%s%s", row ? "\n" : "", cell ? cell : "NULL");
    }
    return sl_arena_strdup(&harness->arena, text.text);
}

static void assert_same(const char *got, const char *wanted, const char *raw, const char *what)
{
    if (!sl_str_equal(got, wanted))
        fail_msg("%s: %s is %s in one form and %s in another", raw, what, wanted ? wanted : "null",
                 got ? got : "null");
}

// The forms of the prepared relation give the same value and flag, and the same broken rules.
static void compare_forms(struct harness *harness, const struct sl_pass *pass, const char *raw_sql,
                          const char *raw, const struct outcome *wanted)
{
    SL_AUTO(sl_buf_clear) struct sl_buf select = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf exact = SL_BUF_INIT;
    sl_buf_addf(&select, "cast(%s as VARCHAR), %s", pass->typed[0], pass->is_bad);
    sl_buf_add(&exact, "true");
    for (size_t i = 0; i < pass->rule_count; i++) {
        sl_buf_addf(&select, ", coalesce(%s, false)", pass->rules[i].flagged);
        sl_buf_addf(&exact, ", coalesce(%s, false)", pass->rules[i].broken);
    }
    SL_AUTO(sl_result_free)
    struct sl_result *flagged = run(harness, pass, SL_PASS_FLAGGED, raw_sql, select.text, "");
    SL_AUTO(sl_result_free)
    struct sl_result *all = run(harness, pass, SL_PASS_ALL, raw_sql, exact.text, "");
    assert_same(sl_result_text(flagged, 0, 0), wanted->value, raw, "the value");
    assert_same(sl_result_text(flagged, 0, 1), wanted->is_bad ? "true" : "false", raw, "the flag");
    for (size_t i = 0; i < pass->rule_count && (!wanted->is_bad || pass->rule_count == 1); i++)
        assert_same(sl_result_text(flagged, 0, i + 2), sl_result_text(all, 0, i + 1), raw,
                    pass->rules[i].name);
    if (wanted->is_bad)
        return;
    sl_buf_reset(&select);
    sl_buf_addf(&select, "cast(%s as VARCHAR)", pass->typed[0]);
    SL_AUTO(sl_result_free)
    struct sl_result *good = run(harness, pass, SL_PASS_GOOD, raw_sql, select.text, "");
    assert_same(sl_result_text(good, 0, 0), wanted->value, raw, "the value of a good row");
}

void harness_run_column(struct harness *harness, const struct one_column *contract, const char *raw,
                        struct outcome *ret)
{
    struct sl_contract_column column = contract->column;
    struct sl_contract_table table = {.name = "t", .columns = &column, .column_count = 1};
    struct sl_column raw_columns[] = {{"v", contract->raw_type ? contract->raw_type : "VARCHAR"},
                                      {"old", contract->old_type}};
    struct sl_pass pass;
    harness_compile(harness, &table, raw_columns, contract->old_type ? 2 : 1, &pass);
    const char *old = contract->old_type
                          ? sl_arena_printf(&harness->arena, "cast(%s as %s) as old, ",
                                            contract->old, contract->old_type)
                          : "";
    const char *raw_sql =
        sl_arena_printf(&harness->arena, "(select cast(%s as %s) as v, %s" RAW_TAIL ")", raw,
                        raw_columns[0].type, old);
    SL_AUTO(sl_buf_clear) struct sl_buf select = SL_BUF_INIT;
    const char *lists[] = {pass.reasons, pass.warnings
                                             ? pass.warnings
                                             : "[]::struct(rule varchar, message varchar)[]"};
    sl_buf_addf(&select, "cast(%s as VARCHAR), %s", pass.typed[0], pass.is_bad);
    for (size_t i = 0; i < 2; i++) {
        sl_buf_addf(&select,
                    ", coalesce(list_aggregate(list_transform(%s, lambda z: z.rule || ': ' || "
                    "z.message), 'string_agg', ' | '), '')",
                    lists[i]);
    }
    SL_AUTO(sl_result_free)
    struct sl_result *result = run(harness, &pass, SL_PASS_ALL, raw_sql, select.text, "");
    ret->value = sl_arena_strdup(&harness->arena, sl_result_text(result, 0, 0));
    ret->is_bad = sl_str_equal(sl_result_text(result, 0, 1), "true");
    ret->reasons = sl_arena_strdup(&harness->arena, sl_result_text(result, 0, 2));
    ret->warnings = sl_arena_strdup(&harness->arena, sl_result_text(result, 0, 3));
    compare_forms(harness, &pass, raw_sql, raw, ret);
}

const char *harness_diags(struct harness *harness)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    for (size_t i = 0; i < harness->diags.count; i++) {
        const struct sl_diag *diag = &harness->diags.items[i];
        sl_buf_addf(&text, "%s%s %s %s:%d %s", i ? "\n" : "",
                    diag->severity == SL_SEVERITY_ERROR ? "error" : "warning",
                    sl_code_info(diag->err.code)->id, diag->err.file, diag->err.line,
                    diag->err.message);
    }
    return sl_arena_strdup(&harness->arena, text.text);
}

void harness_run_case(struct harness *harness, const struct one_column *contract,
                      const struct text_case *each)
{
    struct outcome outcome;
    harness_run_column(harness, contract, each->raw, &outcome);
    const char *reason = each->reason ? each->reason : "";
    if (!sl_str_equal(outcome.value, each->value) || !sl_str_equal(outcome.reasons, reason) ||
        outcome.is_bad != (reason[0] != '\0'))
        fail_msg("%s: got %s with '%s'%s, expected %s with '%s'", each->raw,
                 outcome.value ? outcome.value : "null", outcome.reasons,
                 outcome.is_bad ? " (bad)" : "", each->value ? each->value : "null", reason);
    harness_reset(harness);
}
