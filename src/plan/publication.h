// Publications: which versions of a project's tables belong together.
//
// A table at version 5 that was built from version 3 of another one belongs to that version 3. A
// publication is the newest list of versions in which every table is built from versions that are
// in the list as well (or hold the same rows). A step that failed keeps the versions that its table
// was built from in the list, and with them all that depends on those.
#ifndef SL_PLAN_PUBLICATION_H
#define SL_PLAN_PUBLICATION_H

#include "base/json.h"
#include "plan/plan.h"

struct sl_published {
    const char *table; // "clean.orders"
    int64_t version;
    const char *id;          // of the table
    struct sl_input *inputs; // that the version was built from
    size_t input_count;
};
// A newer version that does not belong to the others.
struct sl_withheld {
    const char *table;
    int64_t version;
    const char *because; // "curated.revenue is not built from clean.orders as it is now"
};
// What an output's own name meant.
struct sl_published_output {
    const char *name;  // "revenue"
    const char *model; // "revenue_v2"
};
struct sl_publication {
    int64_t number; // 1, 2, ...; 0: there is none
    const char *run_id, *command;
    int64_t at_us;
    struct sl_published *tables; // by name
    size_t table_count;
    struct sl_withheld *withheld;
    size_t withheld_count;
    struct sl_published_output *outputs; // those that earlier versions wrote have none
    size_t output_count;
};

void sl_publication_sort(struct sl_publication *publication);
const struct sl_published *sl_publication_find(const struct sl_publication *publication,
                                               const char *table);
// "revenue_v2" of "revenue"; NULL if it does not say.
const char *sl_publication_output(const struct sl_publication *publication, const char *name);
// Whether both list the same versions, and no output's name means another one than it did.
bool sl_publication_equals(const struct sl_publication *a, const struct sl_publication *b);
// Fills tables, withheld and outputs of `ret` from the facts of all nodes, selected or not. `last`
// is the publication before, or one of number 0.
SL_MUST int sl_plan_publish(const struct sl_graph *graph, const struct sl_publication *last,
                            struct sl_arena *arena, struct sl_publication *ret, struct sl_err *err);

// The form in which publications are kept: {"schema": "sluice.publication/3", ...}, sealed (see
// base/seal.h). Those of form 2, with a digest of other bytes, and of form 1, which had none, are
// read as well.
// SL_E_PUBLICATION or SL_E_JSON_SYNTAX if it is none; `name` is the file's, for the place.
SL_MUST int sl_publication_parse(const char *text, size_t length, const char *name,
                                 struct sl_arena *arena, struct sl_publication *ret,
                                 struct sl_err *err);
SL_MUST int sl_publication_print(const struct sl_publication *publication, json_t **ret,
                                 struct sl_err *err);
// The same as text, with its digest.
SL_MUST int sl_publication_seal(const struct sl_publication *publication, struct sl_arena *arena,
                                const char **ret, struct sl_err *err);

#endif
