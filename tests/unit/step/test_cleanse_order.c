// The clean table does not depend on the order or the batches in which files came.
#include "lake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILES = 6, SHUFFLES = 12 };

// Keys, times and amounts of few values each, so that every kind of tie, replacement and reject
// occurs; each file its own mix.
static void add_file(struct lake *lake, size_t file)
{
    const char *select =
        sl_arena_printf(&lake->arena,
                        "select case when h %% 17 = 0 then 'x' else (h %% 40)::varchar end as id, "
                        "case when h %% 11 = 0 then '-1' else (h %% 90)::varchar "
                        "end as amount, case when h %% 7 = 0 then null else '2025-01-0' || (1 + h "
                        "%% 4)::varchar end as updated_at, 'f%zu-' || i as "
                        "note from (select i, hash(i * 31 + %zu) as h from range(%zu) x(i))",
                        file, file * 1000, 20 + 30 * file);
    lake_add_select(lake, sl_arena_printf(&lake->arena, "f%zu.csv", file), select);
}

static void shuffle(size_t order[FILES], uint32_t *seed)
{
    for (size_t i = 0; i < FILES; i++)
        order[i] = i;
    for (size_t i = FILES - 1; i > 0; i--) {
        *seed = *seed * 1664525u + 1013904223u;
        size_t other = (*seed >> 16) % (i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

static void the_tables_are_the_same_in_whatever_order_files_came(void **state)
{
    struct lake *lake = *state;
    uint32_t seed = 42;
    lake_reset(lake);
    for (size_t i = 0; i < FILES; i++)
        add_file(lake, i);
    lake_must_run(lake);
    assert_true(lake->result.balance.deduplicated > 100);
    assert_true(lake->result.balance.quarantined > 20);
    char *expected = strdup(lake_digest(lake));
    struct sl_balance all = lake->result.balance;
    for (size_t round = 0; round < SHUFFLES; round++) {
        size_t order[FILES];
        struct sl_balance sum = {0};
        size_t runs = 0;
        shuffle(order, &seed);
        lake_reset(lake);
        for (size_t i = 0; i < FILES; i++) {
            add_file(lake, order[i]);
            seed = seed * 1664525u + 1013904223u;
            if (i + 1 < FILES && (seed >> 20) % 3 == 0)
                continue; // this file and the next come in one batch
            lake_must_run(lake);
            assert_int_equal(lake->result.was_full, runs == 0);
            runs++;
            sum.in += lake->result.balance.in;
            sum.quarantined += lake->result.balance.quarantined;
        }
        if (strcmp(lake_digest(lake), expected) != 0)
            fail_msg("round %zu, seed %u, %zu runs: the tables differ", round, seed, runs);
        assert_int_equal(sum.in, all.in);
        assert_int_equal(sum.quarantined, all.quarantined);
    }
    free(expected);
}

static void a_kill_in_any_run_changes_nothing(void **state)
{
    struct lake *lake = *state;
    lake_reset(lake);
    for (size_t i = 0; i < FILES; i++)
        add_file(lake, i);
    lake_must_run(lake);
    char *expected = strdup(lake_digest(lake));
    lake_reset(lake);
    for (size_t i = 0; i < FILES; i++) {
        add_file(lake, FILES - 1 - i);
        lake_must_run(lake);
        lake_uncommit(lake, SL_LAYER_CLEAN);
        if (i % 2)
            lake_must_run(lake); // else the next file comes before the restart
    }
    lake_must_run(lake);
    assert_string_equal(lake_digest(lake), expected);
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_the_same_in_whatever_order_files_came),
        cmocka_unit_test(a_kill_in_any_run_changes_nothing),
    };
    return cmocka_run_group_tests_name("step: cleanse, order of files", tests, lake_setup,
                                       lake_teardown);
}
