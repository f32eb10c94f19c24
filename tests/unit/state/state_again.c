// Does what it is told on its standard input, with one handle: for the end-to-end test in which the
// server goes away and comes back.
#include "api/leases.h"
#include "api/queue.h"

#include <stdio.h>
#include <string.h>

static int do_one(struct sl_state *state, const char *word, struct sl_arena *arena, char answer[64],
                  struct sl_err *err)
{
    struct sl_audit_entry entry = {.at_us = 1, .who = "anna", .what = "test"}, *entries;
    struct sl_audit_filter filter = {.limit = 10};
    size_t count;
    int fd, wakes;
    strcpy(answer, "ok");
    if (strcmp(word, "write\n") == 0)
        return sl_state_add_audit(state, &entry, err);
    if (strcmp(word, "listen\n") == 0) {
        SL_TRY(sl_state_listen(state, &fd, err));
        return sl_state_woken(state, &wakes, err);
    }
    SL_TRY(sl_state_audit(state, &filter, arena, &entries, &count, err));
    snprintf(answer, 64, "%zu", count);
    return SL_OK;
}

int main(int argc, char **argv)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_state_close) struct sl_state *state = NULL;
    const struct sl_state_place place = {.url = argc > 1 ? argv[1] : "", .project = "again"};
    const char *note;
    char word[32], answer[64];
    struct sl_err err = {0};
    sl_arena_init(&arena, 0);
    if (sl_state_open(&place, &arena, &state, &note, &err) != SL_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    while (fgets(word, sizeof word, stdin)) {
        sl_err_clear(&err);
        int code = do_one(state, word, &arena, answer, &err);
        puts(code == SL_OK ? answer : sl_code_info(err.code)->id);
        fflush(stdout);
    }
    return 0;
}
