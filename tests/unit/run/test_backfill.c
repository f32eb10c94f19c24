// What waits for what in the graph of a backfill.
#include "run/backfill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { RUNGS = 60, NODES = 2 * RUNGS + 1 };

// Two tables on each rung, each of which reads both of the rung before: 2^59 ways from one end to
// the other. The last node reads nothing.
static void make_ladder(struct sl_node *nodes, size_t (*inputs)[2])
{
    for (size_t i = 0; i < 2 * RUNGS; i++) {
        nodes[i] = (struct sl_node){.name = "curated.a", .bare = "a", .kind = SL_NODE_MODEL};
        if (i < 2)
            continue;
        inputs[i][0] = i / 2 * 2 - 2;
        inputs[i][1] = i / 2 * 2 - 1;
        nodes[i].upstream = inputs[i];
        nodes[i].upstream_count = 2;
    }
    nodes[NODES - 1] = (struct sl_node){.name = "curated.b", .bare = "b", .kind = SL_NODE_MODEL};
}

static void chunks_wait_for_the_tables_that_theirs_reads_however_many_ways_there_are(void **state)
{
    static struct sl_node nodes[NODES];
    static size_t inputs[NODES][2];
    struct sl_world world = {.graph = {.nodes = nodes, .count = NODES}};
    struct sl_run run = {.world = &world};
    struct sl_backfill_table tables[] = {
        {.node = &nodes[0], .found = {.count = 1}, .chunk = 1},
        {.node = &nodes[1], .found = {.count = 1}, .chunk = 1},
        {.node = &nodes[2 * RUNGS - 1], .found = {.count = 3}, .chunk = 2},
        {.node = &nodes[NODES - 1], .found = {.count = 1}, .chunk = 1}};
    const struct sl_backfill_plan plan = {.tables = tables, .count = 4};
    struct sl_backfill backfill;
    struct sl_err err = {0};
    (void)state;
    make_ladder(nodes, inputs);
    sl_arena_init(&run.arena, 0);
    assert_int_equal(sl_backfill_begin(&plan, &run, &backfill, &err), SL_OK);
    assert_int_equal(backfill.graph.count, 4 + 5);
    const struct sl_node *chunks = &backfill.graph.nodes[4];
    assert_int_equal(chunks[0].upstream_count, 0);
    assert_int_equal(chunks[1].upstream_count, 0); // of the same rung
    for (size_t i = 2; i < 4; i++) {
        assert_int_equal(chunks[i].upstream_count, 2);
        assert_true(chunks[i].upstream[0] == 0 && chunks[i].upstream[1] == 1);
    }
    assert_int_equal(chunks[4].upstream_count, 0);
    assert_int_equal(backfill.graph.nodes[0].downstream_count, 2);
    assert_int_equal(backfill.graph.nodes[2].upstream_count, 2); // its chunks
    sl_arena_clear(&run.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_wait_for_the_tables_that_theirs_reads_however_many_ways_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
