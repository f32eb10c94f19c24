// Which columns the SQL of a rule reads: "net", or something else that is only called so.
#include "harness.h"
#include "sql/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const char *const reading[] = {
    "net > 0",
    "NET > 0",
    "\"Net\" > 0",
    "net.zip = 1",
    "net[1] = 1",
    "net.trim() = ''",
    "net.upper().trim() = ''",
    "net -> 'a' = '1'",
    "len(list_filter(items, lambda x: x > net)) = 0",
    "len(list_filter(items, x -> x > net)) = 0",
    "len(list_filter(net, lambda net: net > 1)) = 0",
    "len([x for x in items if x > net]) = 0",
    "sum(a) over (partition by net) > 0",
    "a in (select b from other where other.c = net)",
    "case when a then net else b end > 0",
    "cast(net as varchar) = ''",
    "state <> e'\\'' or net > 0",
    "$$'$$ = state or net > 0",
    "/* ' */ net > 0",
    "-- '\nnet > 0",
    "columns(*) > 0",
    "columns('n.*') > 0",
};
static const char *const not_reading[] = {
    "'net' = state",
    "$$net$$ = state",
    "\"net \" > 0",
    "nets > 0",
    "place.net > 0",
    "net(shipped) > 0",
    "struct_pack(net := a).net > 0",
    "{'net': a}.net > 0",
    "len(list_filter(items, lambda net: net > 1)) = 0",
    "len(list_filter(items, net -> net > 1)) = 0",
    "list_reduce(items, lambda net, x: net + x) > 1",
    "a > 0 -- net",
    "a /* net */ > 0",
    "count(*) over () > 0",
    "items[1:net_end] is null",
    "a * b > 0",
    "len(list_value(*)) = 0", // the engine gives such a call no arguments
};

static const struct sl_ast *parse(struct harness *harness, const char *condition)
{
    const struct sl_ast *node;
    harness_reset(harness);
    assert_int_equal(
        sl_sql_conditions(harness->session, &condition, 1, &harness->arena, &node, &harness->err),
        SL_OK);
    return node;
}

static void what_reads_a_column_is_told_from_what_is_only_called_like_it(void **state)
{
    for (size_t i = 0; i < COUNT_OF(reading); i++)
        if (!sl_sql_reads_column(parse(*state, reading[i]), "net"))
            fail_msg("reads it: %s", reading[i]);
    for (size_t i = 0; i < COUNT_OF(not_reading); i++) {
        const struct sl_ast *node = parse(*state, not_reading[i]);
        if (!node || sl_sql_reads_column(node, "net"))
            fail_msg("does not read it: %s", not_reading[i]);
    }
}

static void what_does_not_parse_has_no_tree_and_the_others_have_theirs(void **state)
{
    struct harness *harness = *state;
    static const char *const conditions[] = {"a > 0", "net >", "net > 0"};
    const struct sl_ast *nodes[3];
    harness_reset(harness);
    assert_int_equal(
        sl_sql_conditions(harness->session, conditions, 3, &harness->arena, nodes, &harness->err),
        SL_OK);
    assert_false(sl_sql_reads_column(nodes[0], "net"));
    assert_null(nodes[1]);
    assert_true(sl_sql_reads_column(nodes[2], "net"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_reads_a_column_is_told_from_what_is_only_called_like_it),
        cmocka_unit_test(what_does_not_parse_has_no_tree_and_the_others_have_theirs),
    };
    return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
