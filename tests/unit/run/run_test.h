// What the tests of run share: a project in a folder that vanishes with its test, worlds and runs
// over it, and an engine that can be made to wait until several steps are at work at once.
#ifndef SL_TESTS_UNIT_RUN_TEST_H
#define SL_TESTS_UNIT_RUN_TEST_H

#include "../base/test.h"
#include "run/run.h"

#include <stdio.h>

// A file of the project, with the folders it needs.
struct file {
    const char *path, *text;
};
#define MOST_FILES 6

// cmocka setup and teardown: an empty project is the working folder.
int begin(void **state);
int end(void **state);
void put(const char *path, const char *text);
void put_files(const struct file *files); // up to MOST_FILES, ended by a NULL path
// A source of orders (id, day, amount) and one of customers (id, name), with contracts.
void put_sources(void);

// A world over the working folder. It may have errors.
void open_world(struct sl_world *world);
// The same, gathered and decided, with no errors. `select` NULL: everything.
void open_plan(struct sl_world *world, const char *select);
struct sl_node *node_of(struct sl_world *world, const char *name);

// What a listener saw.
struct seen {
    const char *events[64]; // "+curated.a" at its start, "-curated.a" at its end
    size_t count;
    int running, most_running;
    struct sl_arena arena;
};
void seen_clear(struct seen *seen); // for SL_AUTO
// The place of an event; fails the test if it was not seen.
size_t place_of(const struct seen *seen, const char *event);
// Runs what is stale, with at most `jobs` steps at once.
void run_all(struct sl_world *world, int64_t jobs, bool fail_fast, struct seen *seen,
             struct sl_run *ret);
const struct sl_outcome *outcome_of(const struct sl_run *run, const char *name);

// From now on each step waits, once it has its session, until `count` of them have come; 0: none
// waits. A step that waits in vain goes on after a while, and meeting_was_held() says so.
void meet(int count);
bool meeting_was_held(void);

#endif
