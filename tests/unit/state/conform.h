#ifndef SL_TESTS_STATE_CONFORM_H
#define SL_TESTS_STATE_CONFORM_H

#include "api/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct store {
    char folder[64];
    const char *url; // NULL: SQLite
    char project[32];
    struct sl_arena arena;
    struct sl_state *state;
};

int make(void **state);
int drop(void **state);
struct sl_state *open_another(struct store *store);
void ok(int code, const struct sl_err *err);
#define OK(call)                 \
    do {                         \
        struct sl_err err = {0}; \
        ok((call), &err);        \
    } while (0)

#endif
