// Diagnostics: all that is wrong with a project, collected in one pass.
#ifndef SL_BASE_DIAG_H
#define SL_BASE_DIAG_H

#include "base/arena.h"

#include <stddef.h>

// Where in the user's files something stands. `file` is relative to the project folder; NULL:
// nowhere.
struct sl_place {
    const char *file;
    int line;
    int column;
};

enum sl_severity { SL_SEVERITY_WARNING, SL_SEVERITY_ERROR };

struct sl_diag {
    enum sl_severity severity;
    struct sl_err err; // code, place, message, hint
};

// At most 1,000 are kept; the rest is only counted.
struct sl_diags {
    struct sl_diag *items;
    size_t count;
    size_t error_count;   // including those not kept
    size_t warning_count; // including those not kept
};

#define SL_DIAGS_INIT \
    {                 \
        0             \
    }

// Never fails: out of memory, the diagnostic is counted but not kept. `hint` may be NULL. Message
// in err style: lower case, no full stop, names in single quotes.
void sl_diag(struct sl_diags *diags, enum sl_severity severity, enum sl_code code,
             struct sl_place place, const char *hint, const char *format, ...) SL_PRINTF(6, 7);
// Takes over a failure as a diagnostic; `place` is used if err has none.
void sl_diag_err(struct sl_diags *diags, enum sl_severity severity, const struct sl_err *err,
                 struct sl_place place);
// "did you mean 'x'?" or NULL if nothing is near. Lives in the arena.
const char *sl_did_you_mean(struct sl_arena *arena, const char *word, const char *const *candidates,
                            size_t count);
void sl_diags_sort(struct sl_diags *diags); // by file, line, column; stable
void sl_diags_clear(struct sl_diags *diags);
// Of diagnostics with errors the first that is one, as a failure: warnings may stand before it.
SL_MUST int sl_diags_fail(const struct sl_diags *diags, struct sl_err *err);

#endif
