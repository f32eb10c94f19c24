// Check: a claim about a model's table, as a query that gives the rows that break it. A kind is a
// file in src/check/ and one line in its kinds.c.
#ifndef SL_API_CHECK_H
#define SL_API_CHECK_H

#include "base/buf.h"
#include "base/yaml.h"

// The relation that a check's query reads: a view made by whoever runs it.
#define SL_CHECKED "_checked"

struct sl_check {
    const char *kind;
    const char *claim;       // "'day' is never null"
    const char *failing_sql; // SELECT of what breaks it; no rows: it holds
    const char *reads;       // another table that it reads, "clean.orders"; NULL: none
    bool is_per_row; // true if a row breaks it by itself: new rows alone need to be looked at
    struct sl_place place;
};

// What a kind's compile() works with.
struct sl_check_input {
    const struct sl_yaml
        *arguments; // the value behind the kind's name; a null node if there is none
    struct sl_arena *arena;
    struct sl_diags *diags;
};
struct sl_check_kind {
    const char *name;
    const char *summary;
    const char *example; // YAML
    // Mistakes in the arguments are diagnostics; then ret->failing_sql stays NULL. Fails only when
    // memory is out.
    int (*compile)(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err);
};
extern const struct sl_check_kind *const sl_check_kinds[]; // ends with NULL

// Compiles the list under a model's `checks`: items are names or {kind: arguments}. `list` may be
// NULL. What cannot be compiled is a diagnostic at its place and left out.
SL_MUST int sl_checks_compile(const struct sl_yaml *list, struct sl_arena *arena,
                              struct sl_diags *diags, struct sl_check **ret, size_t *ret_count,
                              struct sl_err *err);

#endif
