// Every allocation of an analysis failing in turn: each time the call says so, leaves its outputs
// alone and leaks nothing.
#include "../base/alloc_fault.h"
#include "cases.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct outputs {
    struct sl_query query;
    bool is_local;
    const char *why;
    char digest[65];
};

static int analyse(const struct sql_case *item, struct sl_arena *arena, struct outputs *ret,
                   struct sl_err *err)
{
    static const char *const by_day[] = {"day"};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_query before;

    SL_TRY(sl_query_read(item->tree, item->sql, "m.sql", 1, 1, arena, &diags, &ret->query, err));
    before = ret->query;
    if (sl_query_lineage(item->tree, item->sql, test_columns_of, NULL, arena, &ret->query, err) !=
        SL_OK) {
        assert_memory_equal(&before, &ret->query, sizeof before);
        return err->code;
    }
    SL_TRY(sl_query_is_partition_local(item->tree, &ret->query, by_day, 1, arena, &ret->is_local,
                                       &ret->why, err));
    return sl_query_digest(item->tree, ret->digest, err);
}

// How many allocations there are to fail.
static long fail_each(const struct sql_case *item)
{
    for (long n = 0;; n++) {
        struct sl_arena arena = {0};
        struct outputs outputs = {0};
        struct sl_err err = {0};
        int code;
        bool has_failed;

        alloc_fault_arm(n);
        code = analyse(item, &arena, &outputs, &err);
        has_failed = alloc_fault_disarm();
        sl_arena_clear(&arena);
        if (!has_failed) {
            assert_int_equal(code, SL_OK);
            return n;
        }
        if (code != SL_E_MEMORY || err.code != SL_E_MEMORY)
            fail_msg("%s: allocation %ld failed and the call gave %d", item->name, n, code);
    }
}

static void every_failed_allocation_is_told(void **state)
{
    static const char *const names[] = {
        "a join of subqueries and a CTE",
        "a recursive CTE has origins of start and step",
        "a star over a struct gives its fields",
        "unpacked columns are arguments of one call",
        "columns takes those whose names have the pattern",
        "a union by name matches names",
        "a lambda with two parameters, and a list comprehension",
        "a natural join joins what both have",
        "rollup groups by its columns",
        "case depends on conditions and results",
        "current_date is no column",
    };
    struct sql_cases cases;
    size_t found = 0;

    (void)state;
    cases_load(&cases, "lineage");
    for (size_t i = 0; i < cases.count; i++)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            if (sl_str_equal(cases.items[i].name, names[n])) {
                assert_true(fail_each(&cases.items[i]) > 100);
                found++;
            }
    assert_int_equal(found, sizeof names / sizeof *names);
    cases_clear(&cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
