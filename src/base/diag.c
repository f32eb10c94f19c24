#include "base/diag.h"

#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_KEPT 1000

// Counts one more and gives its slot, or NULL if it is not kept.
static struct sl_diag *add_slot(struct sl_diags *diags, enum sl_severity severity)
{
    struct sl_diag *slot;

    if (severity == SL_SEVERITY_ERROR)
        diags->error_count++;
    else
        diags->warning_count++;
    if (diags->count >= MOST_KEPT)
        return NULL;
    // Room for the next power of two; there is some unless `count` is one, or zero.
    if ((diags->count & (diags->count - 1)) == 0) {
        size_t capacity = diags->count ? diags->count * 2 : 1;
        struct sl_diag *items = realloc(diags->items, capacity * sizeof *items);

        if (!items)
            return NULL;
        diags->items = items;
    }
    slot = &diags->items[diags->count++];
    *slot = (struct sl_diag){.severity = severity};
    return slot;
}

void sl_diag(struct sl_diags *diags, enum sl_severity severity, enum sl_code code,
             struct sl_place place, const char *hint, const char *format, ...)
{
    struct sl_diag *slot = add_slot(diags, severity);
    char message[sizeof slot->err.message + 8];
    va_list args;

    if (!slot)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    (void)sl_fail(&slot->err, code, "%s", message);
    if (place.file)
        (void)sl_err_at(&slot->err, place.file, place.line, place.column);
    if (hint)
        (void)sl_err_hint(&slot->err, "%s", hint);
}

void sl_diag_err(struct sl_diags *diags, enum sl_severity severity, const struct sl_err *err,
                 struct sl_place place)
{
    struct sl_diag *slot = add_slot(diags, severity);

    if (!slot)
        return;
    slot->err = *err;
    if (place.file)
        (void)sl_err_at(&slot->err, place.file, place.line, place.column);
}

const char *sl_did_you_mean(struct sl_arena *arena, const char *word, const char *const *candidates,
                            size_t count)
{
    const char *nearest = sl_str_nearest(word, candidates, count);

    return nearest ? sl_arena_printf(arena, "did you mean '%s'?", nearest) : NULL;
}

static int compare_at(const void *a, const void *b, void *items)
{
    size_t left_index = *(const uint16_t *)a;
    size_t right_index = *(const uint16_t *)b;
    const struct sl_err *left = &((const struct sl_diag *)items)[left_index].err;
    const struct sl_err *right = &((const struct sl_diag *)items)[right_index].err;
    int order = strcmp(left->file, right->file);

    if (order == 0)
        order = (left->line > right->line) - (left->line < right->line);
    if (order == 0)
        order = (left->column > right->column) - (left->column < right->column);
    if (order == 0) // what makes it stable
        order = (left_index > right_index) - (left_index < right_index);
    return order;
}

// Puts item order[i] at place i, along the cycles of the permutation, so that no second array is
// needed.
static void permute(struct sl_diag *items, uint16_t *order, size_t count)
{
    for (size_t start = 0; start < count; start++) {
        struct sl_diag moved = items[start];
        size_t at = start;

        if (order[start] == start)
            continue;
        while (order[at] != start) {
            size_t from = order[at];

            items[at] = items[from];
            order[at] = (uint16_t)at;
            at = from;
        }
        items[at] = moved;
        order[at] = (uint16_t)at;
    }
}

void sl_diags_sort(struct sl_diags *diags)
{
    uint16_t order[MOST_KEPT];

    for (size_t i = 0; i < diags->count; i++)
        order[i] = (uint16_t)i;
    qsort_r(order, diags->count, sizeof *order, compare_at, diags->items);
    permute(diags->items, order, diags->count);
}

void sl_diags_clear(struct sl_diags *diags)
{
    if (!diags)
        return;
    free(diags->items);
    *diags = (struct sl_diags)SL_DIAGS_INIT;
}

int sl_diags_fail(const struct sl_diags *diags, struct sl_err *err)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].severity == SL_SEVERITY_ERROR) {
            if (err)
                *err = diags->items[i].err;
            return (int)diags->items[i].err.code;
        }
    return sl_fail(err, SL_E_PROJECT_INVALID, "%zu errors, of which none could be kept",
                   diags->error_count);
}
