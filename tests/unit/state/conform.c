// What every kind of state store must do, over and over: with SQLite, and with PostgreSQL where
// SLUICE_TEST_STATE names a server (the end-to-end tests start one and run this with it).
#include "conform.h"

#include "api/leases.h"
#include "api/queue.h"
#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sl_state_place place_of(const struct store *store)
{
    return (struct sl_state_place){
        .folder = store->folder, .url = store->url, .project = store->project};
}

struct sl_state *open_another(struct store *store)
{
    struct sl_err err = {0};
    struct sl_state *state = NULL;
    const struct sl_state_place place = place_of(store);
    const char *note;
    if (sl_state_open(&place, &store->arena, &state, &note, &err) != SL_OK)
        fail_msg("%s", err.message);
    assert_null(note);
    return state;
}

int make(void **state)
{
    static int number;
    struct store *store = calloc(1, sizeof *store);
    assert_non_null(store);
    strcpy(store->folder, "/tmp/sluice-state-XXXXXX");
    assert_non_null(mkdtemp(store->folder));
    store->url = getenv("SLUICE_TEST_STATE");
    snprintf(store->project, sizeof store->project, "p%d_%d", (int)getpid(), number++);
    sl_arena_init(&store->arena, 0);
    store->state = open_another(store);
    *state = store;
    return 0;
}

int drop(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    sl_state_close(&store->state);
    assert_int_equal(sl_fs_remove_tree(store->folder, &err), SL_OK);
    sl_arena_clear(&store->arena);
    free(store);
    return 0;
}

void ok(int code, const struct sl_err *err)
{
    if (code != SL_OK)
        fail_msg("%s", err->message);
}
