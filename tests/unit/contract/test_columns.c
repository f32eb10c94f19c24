// Columns of two versions of a table, compared as contracts are.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "contract/change.h"

#include <string.h>

struct one {
    const char *before, *now; // type of the column "c"; NULL: it is not there
    bool was_never_null, is_never_null;
    enum sl_contract_level level;
    const char *column, *what; // of the only difference; NULL: there is none
};

static const struct one cases[] = {
    {"BIGINT", "BIGINT", false, false, SL_CONTRACT_SAME, NULL, NULL},
    {"BIGINT", NULL, false, false, SL_CONTRACT_BREAKING, "c", "the column is gone"},
    {NULL, "BIGINT", false, false, SL_CONTRACT_ADDITIVE, "c", "the column is new"},
    {"INTEGER", "BIGINT", false, false, SL_CONTRACT_WEAKER, "c", "type is BIGINT, was INTEGER"},
    {"BIGINT", "INTEGER", false, false, SL_CONTRACT_BREAKING, "c", "type is INTEGER, was BIGINT"},
    {"DATE", "TIMESTAMP", false, false, SL_CONTRACT_BREAKING, "c", "type is TIMESTAMP, was DATE"},
    {"DECIMAL(9,2)", "DECIMAL(12,3)", false, false, SL_CONTRACT_WEAKER, "c",
     "type is DECIMAL(12,3), was DECIMAL(9,2)"},
    {"DECIMAL(9,2)", "DECIMAL(9,3)", false, false, SL_CONTRACT_BREAKING, "c",
     "type is DECIMAL(9,3), was DECIMAL(9,2)"},
    {"STRUCT(a INTEGER)", "STRUCT(a INTEGER, \"b, c\" VARCHAR)", false, false, SL_CONTRACT_ADDITIVE,
     "c.b, c", "the member is new"},
    {"STRUCT(a INTEGER, b STRUCT(\"x \"\"y\" DECIMAL(9,2), z VARCHAR)[])",
     "STRUCT(a INTEGER, b STRUCT(z VARCHAR)[])", false, false, SL_CONTRACT_BREAKING, "c.b[].x \"y",
     "the member is gone"},
    {"INTEGER[]", "BIGINT[]", false, false, SL_CONTRACT_WEAKER, "c[]",
     "type is BIGINT, was INTEGER"},
    {"INTEGER[]", "INTEGER", false, false, SL_CONTRACT_BREAKING, "c", "type is INTEGER, was ARRAY"},
    {"MAP(VARCHAR, INTEGER)", "MAP(VARCHAR, BIGINT)", false, false, SL_CONTRACT_BREAKING, "c",
     "type is MAP(VARCHAR, BIGINT), was MAP(VARCHAR, INTEGER)"},
    {"BIGINT", "BIGINT", true, false, SL_CONTRACT_BREAKING, "c", "rule c.not_null is gone"},
    {"BIGINT", "BIGINT", false, true, SL_CONTRACT_ADDITIVE, "c", "rule c.not_null is new"},
    {"BIGINT", "BIGINT", true, true, SL_CONTRACT_SAME, NULL, NULL},
    {"BIGINT", NULL, true, false, SL_CONTRACT_BREAKING, "c", "the column is gone"},
    {NULL, "BIGINT", false, true, SL_CONTRACT_ADDITIVE, "c", "the column is new"},
};

static json_t *state_of(const char *type, bool is_never_null, struct sl_arena *arena)
{
    const struct sl_column columns[] = {{"id", "BIGINT"}, {"c", type}};
    const char *names[] = {"C", "not there"}; // as a user may write it
    const struct sl_strs not_null = {.items = names, .count = is_never_null ? 2 : 0};
    json_t *state = NULL;
    struct sl_err err = {0};
    assert_int_equal(
        sl_contract_columns_state(columns, type ? 2 : 1, &not_null, arena, &state, &err), SL_OK);
    return state;
}

static void differences_have_the_level_that_readers_feel(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct one *one = &cases[i];
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_contract_diff diff = {.arena = &arena};
        struct sl_err err = {0};
        SL_AUTO(sl_json_free) json_t *before = state_of(one->before, one->was_never_null, &arena);
        SL_AUTO(sl_json_free) json_t *now = state_of(one->now, one->is_never_null, &arena);
        assert_int_equal(sl_contract_diff_table(before, now, &diff, &err), SL_OK);
        assert_int_equal(diff.count, one->what ? 1 : 0);
        assert_int_equal(diff.level, one->level);
        if (!one->what)
            continue;
        assert_string_equal(diff.items[0].column, one->column);
        assert_string_equal(diff.items[0].what, one->what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_have_the_level_that_readers_feel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
