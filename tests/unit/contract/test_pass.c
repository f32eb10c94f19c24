// The pass over a whole row: key, order, filter, corrupt lines, payload; and what the compiler says
// of a contract that does not fit.
#include "contract/personal.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct sl_column raw[] = {
    {"Order ID", "VARCHAR"}, {"amount", "VARCHAR"},   {"extra", "DOUBLE"},
    {"_source", "VARCHAR"},  {"_position", "BIGINT"}, {"_ingested_at", "TIMESTAMP WITH TIME ZONE"},
    {"_corrupt", "BLOB"},
};
enum { RAW_COUNT = sizeof raw / sizeof *raw };

#define RAW_ROW(id, amount, extra) \
    "(select " id " as \"Order ID\", " amount " as amount, " extra " as extra, " RAW_TAIL ")"
#define CORRUPT_ROW                                                                           \
    "(select null::varchar as \"Order ID\", null::varchar as amount, null::double as extra, " \
    "'a.csv' as _source, 9::bigint as "                                                       \
    "_position, now() as _ingested_at, 'a;b\\xFF'::blob as _corrupt)"

struct fixture {
    struct sl_contract_column columns[2];
    struct sl_contract_table table;
};

static void init_fixture(struct fixture *fixture)
{
    *fixture = (struct fixture){
        .columns = {harness_column("id", bigint_type), harness_column("amount", decimal_type)}};
    fixture->columns[0].source_name = "order id";
    fixture->columns[0].key_position = 1;
    fixture->table = (struct sl_contract_table){.name = "orders",
                                                .columns = fixture->columns,
                                                .column_count = 2,
                                                .place = {"contracts/orders.yml", 3, 5}};
}

static void columns_are_the_contracts_and_the_origin(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    init_fixture(&fixture);
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    assert_int_equal(pass.column_count, 4);
    assert_string_equal(pass.columns[0].name, "id");
    assert_string_equal(pass.columns[0].type, "BIGINT");
    assert_string_equal(pass.columns[1].type, "DECIMAL(12,2)");
    assert_string_equal(pass.columns[2].name, "_source");
    assert_string_equal(pass.columns[3].type, "BIGINT");
    assert_int_equal(pass.key_count, 1);
    assert_string_equal(pass.key[0], "id");
    harness_reset(*state);
}

static void a_raw_column_is_found_by_its_source_name_in_any_case(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    init_fixture(&fixture);
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    assert_string_equal(harness_select(*state, &pass, RAW_ROW("'7'", "'1.5'", "0.1"),
                                       "id || ' ' || amount || ' ' || _source || ' ' || _position",
                                       ""),
                        "7 1.50 a.csv 1");
    harness_reset(*state);
}

static void the_payload_holds_every_raw_column_as_received(void **state)
{
    static const struct payload_case {
        const char *row, *payload;
    } cases[] = {
        {RAW_ROW("' 7 '", "'N/A'", "0.1"),
         "{\"Order ID\":\" 7 \",\"amount\":\"N/A\",\"extra\":\"0.1\"}"},
        {RAW_ROW("'a\"b'", "null", "'nan'::double"),
         "{\"Order ID\":\"a\\\"b\",\"amount\":null,\"extra\":\"nan\"}"},
        {RAW_ROW("e'1\\n2'", "''", "null::double"),
         "{\"Order ID\":\"1\\n2\",\"amount\":\"\",\"extra\":null}"},
        {CORRUPT_ROW, "NULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        struct sl_pass pass;
        init_fixture(&fixture);
        harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
        assert_string_equal(harness_select(*state, &pass, cases[i].row, pass.payload, ""),
                            cases[i].payload);
        harness_reset(*state);
    }
}

static void a_corrupt_line_has_one_reason_and_its_bytes(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    init_fixture(&fixture);
    fixture.table.filter = "true";
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    const char *select = sl_arena_printf(
        &((struct harness *)*state)->arena,
        "%s || ' ' || %s || ' ' || cast(%s as VARCHAR) || ' ' || cast(%s as VARCHAR)", pass.is_bad,
        pass.filter, pass.reasons, pass.corrupt);
    assert_string_equal(harness_select(*state, &pass, CORRUPT_ROW, select, ""),
                        "true false [{'rule': corrupt, 'column': NULL, 'message': 'byte 4: found "
                        "invalid UTF-8'}] a;b\\xFF");
    harness_reset(*state);
}

static void a_filter_sees_raw_text_and_leaves_out_only_what_is_true(void **state)
{
    static const struct filter_case {
        const char *filter, *row, *filtered;
    } cases[] = {
        {"amount = 'N/A'", RAW_ROW("'7'", "'N/A'", "0.1"), "true"},
        {"amount = 'N/A'", RAW_ROW("'7'", "'5'", "0.1"), "false"},
        {"amount = 'N/A'", RAW_ROW("'7'", "null", "0.1"), "false"},
        {"amount::int > 3", RAW_ROW("'7'", "'x'", "0.1"), "false"},
        {"\"Order ID\" is null -- no id", RAW_ROW("null", "'x'", "0.1"), "true"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        struct sl_pass pass;
        init_fixture(&fixture);
        fixture.table.filter = cases[i].filter;
        harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
        assert_string_equal(harness_select(*state, &pass, cases[i].row, pass.filter, ""),
                            cases[i].filtered);
        harness_reset(*state);
    }
}

static void a_row_rule_sees_the_clean_columns(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    struct sl_rule rule = {
        .kind = "expression", .id = "big-orders", .text = "id < 10 or amount > 100.00"};
    init_fixture(&fixture);
    fixture.table.rules = &rule;
    fixture.table.rule_count = 1;
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    const char *reason = sl_arena_printf(&((struct harness *)*state)->arena, "%s", pass.reasons);
    assert_string_equal(harness_select(*state, &pass, RAW_ROW("'7'", "'5'", "1"), reason, ""),
                        "[]");
    assert_string_equal(harness_select(*state, &pass, RAW_ROW("'10'", "'5'", "1"), reason, ""),
                        "[{'rule': big-orders, 'column': NULL, 'message': it does not hold that id "
                        "< 10 or amount > 100.00}]");
    harness_reset(*state);
}

static void the_flag_agrees_with_the_reasons(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    struct sl_rule range = {.kind = "range", .id = "amount.range", .column = "amount", .min = "0"};
    init_fixture(&fixture);
    fixture.columns[1].rules = &range;
    fixture.columns[1].rule_count = 1;
    fixture.columns[1].is_required = true;
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    const char *rows = "(select id as \"Order ID\", amount, 1.0::double as extra, " RAW_TAIL
                       " from (values ('1'), (null), ('x'), (''), ('1.5')) a(id), (values ('1'), "
                       "(null), ('x'), ('-1'), "
                       "('1.005')) b(amount))";
    const char *select =
        sl_arena_printf(&((struct harness *)*state)->arena,
                        "count(*) || ' ' || count_if(%s) || ' ' || count_if(%s = (len(%s) > 0))",
                        pass.is_bad, pass.is_bad, pass.reasons);
    assert_string_equal(harness_select(*state, &pass, rows, select, ""), "25 24 25");
    harness_reset(*state);
}

static void order_ends_with_the_origin_and_is_descending_by_default(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    init_fixture(&fixture);
    fixture.table.order_by = harness_strs(*state, "AMOUNT asc", "id", NULL);
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    const char *const names[] = {"amount", "id", "_source", "_position"};
    const bool is_desc[] = {false, true, true, true};
    assert_int_equal(pass.order_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(pass.order_columns[i], names[i]);
        assert_int_equal(pass.order_is_desc[i], is_desc[i]);
    }
    harness_reset(*state);
}

static void keys_follow_their_positions(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    init_fixture(&fixture);
    fixture.columns[0].key_position = 20;
    fixture.columns[1].key_position = 10;
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    assert_int_equal(pass.key_count, 2);
    assert_string_equal(pass.key[0], "amount");
    assert_string_equal(pass.key[1], "id");
    harness_reset(*state);
}

static void a_column_that_the_source_lacks_is_null_and_said(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    struct harness *harness = *state;
    init_fixture(&fixture);
    fixture.columns[1].source_name = "betrag";
    fixture.columns[1].is_required = true;
    fixture.columns[1].place = (struct sl_place){"contracts/orders.yml", 8, 9};
    harness_compile(harness, &fixture.table, raw, RAW_COUNT, &pass);
    assert_string_equal(harness_diags(harness),
                        "warning SL0304 contracts/orders.yml:8 the source has no column 'betrag'");
    assert_string_equal(
        harness_select(harness, &pass, RAW_ROW("'7'", "'5'", "1"), pass.reasons, ""),
        "[{'rule': amount.required, 'column': amount, 'message': 'a value is required, and the "
        "source has no "
        "such column'}]");
    harness_reset(harness);
}

static void contracts_that_do_not_fit_are_diagnosed_with_their_place(void **state)
{
    static const struct diag_case {
        struct sl_rule rule; // of the column amount
        const char *expected;
    } cases[] = {
        {{.kind = "range", .id = "amount.range", .min = "abc"},
         "error SL0303 c.yml:9 rule 'amount.range': 'abc' is not a value of type DECIMAL(12,2)"},
        {{.kind = "range", .id = "amount.range"},
         "error SL0303 c.yml:9 rule 'amount.range': it has neither a minimum nor a maximum"},
        {{.kind = "length", .id = "amount.length", .min = "x"},
         "error SL0303 c.yml:9 rule 'amount.length': it needs a minimum or maximum length, each a "
         "whole number, the minimum not "
         "above the maximum"},
        {{.kind = "length", .id = "amount.length", .min = "3", .max = "2"},
         "error SL0303 c.yml:9 rule 'amount.length': it needs a minimum or maximum length, each a "
         "whole number, the minimum not "
         "above the maximum"},
        {{.kind = "enum", .id = "amount.enum"},
         "error SL0303 c.yml:9 rule 'amount.enum': the list of values is empty"},
        {{.kind = "pattern", .id = "amount.pattern"},
         "error SL0303 c.yml:9 rule 'amount.pattern': it has no pattern"},
        {{.kind = "format", .id = "amount.format", .text = "email"},
         "error SL0303 c.yml:9 rule 'amount.format': format 'email' is for text, and column "
         "'amount' is none"},
        {{.kind = "format", .id = "amount.format", .text = "password"},
         "warning SL0302 c.yml:9 format 'password' is not evaluated"},
        {{.kind = "unique", .id = "amount.unique"}, ""},
        {{.kind = "expression", .id = "amount.sql", .text = ""},
         "error SL0303 c.yml:9 rule 'amount.sql': it has no expression"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        struct sl_pass pass;
        struct sl_rule rule = cases[i].rule;
        init_fixture(&fixture);
        rule.place = (struct sl_place){"c.yml", 9, 1};
        fixture.columns[1].rules = &rule;
        fixture.columns[1].rule_count = 1;
        harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
        assert_string_equal(harness_diags(*state), cases[i].expected);
        harness_reset(*state);
    }
}

static void a_foreign_key_is_tested_once_and_holds_rows_that_only_it_rejects(void **state)
{
    static const char *const names[] = {"amount"}, *const keys[] = {"id"};
    struct fixture fixture;
    struct sl_pass pass;
    struct sl_rule rule = {.kind = "foreign_key",
                           .id = "amount.foreign_key",
                           .column = "amount",
                           .severity = SL_RULE_HOLD,
                           .parent = "clean.sums",
                           .columns = {(const char **)(uintptr_t)names, 1},
                           .to = {(const char **)(uintptr_t)keys, 1}};
    init_fixture(&fixture);
    fixture.columns[1].rules = &rule;
    fixture.columns[1].rule_count = 1;
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    assert_int_equal(pass.parent_count, 1);
    assert_string_equal(pass.parents[0].relation, "_parent0");
    assert_string_equal(
        pass.parents[0].orphan,
        "\"amount\" is not null and (\"amount\") not in (select (\"id\") from _parent0)");
    size_t found = 0;
    for (size_t i = 0; i < pass.rule_count; i++)
        found += pass.rules[i].is_held;
    assert_int_equal(found, 1);
    assert_non_null(strstr(pass.waits_for, "'clean.sums'"));
    // The good rows' form looks at no parent.
    assert_null(strstr(pass.heads[SL_PASS_GOOD], "_parent0"));
    assert_non_null(strstr(pass.heads[SL_PASS_FLAGGED], "as \"~p0\""));
    assert_true(sl_types_compare("BIGINT", "DECIMAL(12,2)"));
    assert_false(sl_types_compare("BIGINT", "VARCHAR"));
    assert_false(sl_types_compare("DATE", "TIMESTAMP"));
    harness_reset(*state);
}

static void a_range_needs_an_order_and_an_order_needs_its_column(void **state)
{
    struct fixture fixture;
    struct sl_pass pass;
    struct sl_rule rule = {
        .kind = "range", .id = "amount.range", .min = "a", .place = {"c.yml", 9, 1}};
    init_fixture(&fixture);
    fixture.columns[1] = harness_column("_Source", text_type);
    fixture.columns[1].place = (struct sl_place){"c.yml", 8, 1};
    fixture.columns[1].source_name = "amount";
    fixture.columns[1].rules = &rule;
    fixture.columns[1].rule_count = 1;
    fixture.table.order_by = harness_strs(*state, "updated_at desc", NULL);
    harness_compile(*state, &fixture.table, raw, RAW_COUNT, &pass);
    assert_string_equal(harness_diags(*state),
                        "error SL0301 contracts/orders.yml:3 orderBy names 'updated_at', which is "
                        "not a column of the contract\n"
                        "error SL0301 c.yml:8 column name '_Source' is reserved\n"
                        "error SL0303 c.yml:9 rule 'amount.range': a range needs a number, a date "
                        "or a time, and column "
                        "'_Source' is none");
    harness_reset(*state);
}

static void what_the_engine_refuses_is_named_with_its_rule(void **state)
{
    static const struct verify_case {
        const char *kind, *text, *filter, *expected; // expected: a part of the diagnostics
    } cases[] = {
        {"expression", "amount > 0", NULL, ""},
        {"expression", "amount >", NULL, "error SL0303 c.yml:9 rule 'amount.x': "},
        {"expression", "nowhere > 0", NULL, "error SL0303 c.yml:9 rule 'amount.x': "},
        {"expression", "nosuchfunction(amount)", NULL, "error SL0303 c.yml:9 rule 'amount.x': "},
        {"pattern", "^(?!x)", NULL, "error SL0303 c.yml:9 rule 'amount.x': "},
        {"pattern", "(", NULL, "error SL0303 c.yml:9 rule 'amount.x': "},
        {"pattern", "^[0-9]+$", "amount = 'x'", ""},
        {"pattern", "^[0-9]+$", "nowhere = 'x'", "error SL0303 c.yml:4 sluice.filter: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        struct sl_pass pass;
        struct harness *harness = *state;
        struct sl_rule rule = {.kind = cases[i].kind,
                               .id = "amount.x",
                               .text = cases[i].text,
                               .place = {"c.yml", 9, 1}};
        init_fixture(&fixture);
        fixture.columns[1].rules = &rule;
        fixture.columns[1].rule_count = 1;
        fixture.table.filter = cases[i].filter;
        fixture.table.filter_place = (struct sl_place){"c.yml", 4, 1};
        harness_compile(harness, &fixture.table, raw, RAW_COUNT, &pass);
        assert_int_equal(sl_contract_verify(&fixture.table, raw, RAW_COUNT, &pass, harness->session,
                                            &harness->diags, &harness->err),
                         SL_OK);
        const char *diags = harness_diags(harness);
        if (!sl_str_starts(diags, cases[i].expected) ||
            (cases[i].expected[0] == '\0') != (diags[0] == '\0') || harness->diags.count > 1)
            fail_msg("'%s': got '%s', expected '%s...'", cases[i].text, diags, cases[i].expected);
        harness_reset(harness);
    }
}

static void memory_running_out_is_reported_at_every_allocation(void **state)
{
    struct harness *harness = *state;
    struct fixture fixture;
    struct sl_rule rule = {.kind = "range", .id = "amount.range", .min = "0"};
    int failures = 0;
    init_fixture(&fixture);
    fixture.columns[1].rules = &rule;
    fixture.columns[1].rule_count = 1;
    for (size_t limit = 1; limit < 1u << 20; limit += limit < 16384 ? 64 : 1024) {
        struct sl_arena small;
        struct sl_pass pass = {.key_count = 77};
        sl_arena_init(&small, limit);
        int code = sl_contract_compile(&fixture.table, raw, RAW_COUNT, harness->session, &small,
                                       &harness->diags, &pass, &harness->err);
        sl_arena_clear(&small);
        if (code == SL_OK)
            break;
        assert_int_equal(code, SL_E_MEMORY);
        assert_int_equal(pass.key_count, 77);
        failures++;
        harness_reset(harness);
    }
    assert_true(failures > 3);
    harness_reset(harness);
}

static void give_key(struct harness *harness)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    assert_int_equal(sl_personal_key_sql("key", &sql, &harness->err), SL_OK);
    assert_int_equal(harness->session->kind->exec(harness->session, sql.text, NULL, &harness->err),
                     SL_OK);
}

// The digest is that of the published example of HMAC-SHA-256 with the key "key".
static void a_protected_value_is_all_that_clean_has(void **state)
{
    static const char fox[] = "'The quick brown fox jumps over the lazy dog'";
    static const char mac[] = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
    const struct {
        struct sl_personal personal;
        const char *value, *expected;
    } cases[] = {
        {{.as = SL_PERSONAL_HASH}, fox, mac},
        {{.as = SL_PERSONAL_TOKEN, .length = 8, .prefix = "c'"}, fox, "c'f7bc83f4"},
        {{.as = SL_PERSONAL_HASH}, "null::varchar", "null"},
        {{.as = SL_PERSONAL_TOKEN, .length = 8, .prefix = ""}, "null::varchar", "null"},
        {{.as = SL_PERSONAL_MASK, .character = "*"}, "'Zoë'", "***"},
        {{.as = SL_PERSONAL_MASK, .character = "•", .keep_first = 1}, "'日本語'", "日••"},
        {{.as = SL_PERSONAL_MASK, .character = "'", .keep_first = 1, .keep_last = 1}, "'ab'", "''"},
        {{.as = SL_PERSONAL_MASK, .character = "*", .keep_last = 2}, "12345", "***45"},
        {{.as = SL_PERSONAL_MASK, .character = "*", .keep_last = 2}, "null::varchar", "null"},
        {{.as = SL_PERSONAL_MASK, .character = "*", .keep_domain = true}, "'ö@x.de'", "*@x.de"},
        {{.as = SL_PERSONAL_MASK, .character = "*", .keep_domain = true}, "'a@b@c'", "*****"},
        {{.as = SL_PERSONAL_MASK, .character = "*", .keep_domain = true}, "'@x.de'", "*****"},
    };
    struct harness *harness = *state;
    give_key(harness);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        SL_AUTO(sl_result_free) struct sl_result *result = NULL;
        sl_buf_add(&sql, "select coalesce(");
        sl_personal_value(&cases[i].personal, "v", &sql);
        sl_buf_addf(&sql, ", 'null') from (select %s as v)", cases[i].value);
        assert_int_equal(
            harness->session->kind->query(harness->session, sql.text, 0, &result, &harness->err),
            SL_OK);
        assert_string_equal(sl_result_text(result, 0, 0), cases[i].expected);
    }
}

static void without_its_key_a_session_makes_no_hash(void **state)
{
    struct harness *harness = *state;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_personal personal = {.as = SL_PERSONAL_HASH};
    assert_int_equal(harness->session->kind->exec(harness->session,
                                                  "reset variable sluice_inner; reset variable "
                                                  "sluice_outer",
                                                  NULL, &harness->err),
                     SL_OK);
    sl_buf_add(&sql, "select ");
    sl_personal_value(&personal, "'a'", &sql);
    assert_int_not_equal(
        harness->session->kind->query(harness->session, sql.text, 0, &result, &harness->err),
        SL_OK);
    harness_reset(harness);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_the_contracts_and_the_origin),
        cmocka_unit_test(a_raw_column_is_found_by_its_source_name_in_any_case),
        cmocka_unit_test(the_payload_holds_every_raw_column_as_received),
        cmocka_unit_test(a_corrupt_line_has_one_reason_and_its_bytes),
        cmocka_unit_test(a_filter_sees_raw_text_and_leaves_out_only_what_is_true),
        cmocka_unit_test(a_row_rule_sees_the_clean_columns),
        cmocka_unit_test(the_flag_agrees_with_the_reasons),
        cmocka_unit_test(order_ends_with_the_origin_and_is_descending_by_default),
        cmocka_unit_test(keys_follow_their_positions),
        cmocka_unit_test(a_column_that_the_source_lacks_is_null_and_said),
        cmocka_unit_test(contracts_that_do_not_fit_are_diagnosed_with_their_place),
        cmocka_unit_test(a_foreign_key_is_tested_once_and_holds_rows_that_only_it_rejects),
        cmocka_unit_test(a_range_needs_an_order_and_an_order_needs_its_column),
        cmocka_unit_test(what_the_engine_refuses_is_named_with_its_rule),
        cmocka_unit_test(a_protected_value_is_all_that_clean_has),
        cmocka_unit_test(without_its_key_a_session_makes_no_hash),
        cmocka_unit_test(memory_running_out_is_reported_at_every_allocation),
    };
    return cmocka_run_group_tests_name("contract: the pass", tests, harness_setup,
                                       harness_teardown);
}
