// The parts of the binding, shared between its files.
#ifndef SL_RUN_BIND_H
#define SL_RUN_BIND_H

#include "run/column_cache.h"

// What the catalogue holds of a table.
struct sl_bound_table {
    struct sl_relation relation; // first: the catalogue gives this to others
    const char *digest;          // of its columns
    bool has_view;               // in the session
};

struct sl_binder {
    struct sl_world *world;
    struct sl_session *session; // opened by the first model that is not in the cache
    struct sl_cache cache;      // of columns
    struct sl_map *catalog;     // name -> struct sl_bound_table *
    enum sl_bound_of bound_of;  // mistakes of others are left out
    bool has_new_files;         // raw tables also have the columns of files that will be taken in
};

static inline bool sl_node_is_due(const struct sl_node *node)
{
    return node->is_selected && node->verdict != SL_VERDICT_FRESH;
}

// A view that people wrote: no step ever runs its SQL, and would tell that it does not fit.
static inline bool sl_node_is_seen(const struct sl_node *node)
{
    return node->is_selected && sl_node_is_view(node) && !node->model->stands_for;
}

SL_MUST int sl_binder_add_table(struct sl_binder *binder, const char *name,
                                const struct sl_relation *relation, struct sl_err *err);
// The table that an ingest writes (bind_raw.c).
SL_MUST int sl_bind_raw(struct sl_binder *binder, const struct sl_node *node, struct sl_err *err);
SL_MUST int sl_binder_open_session(struct sl_binder *binder, struct sl_err *err);
// NULL: nobody knows its columns yet.
struct sl_bound_table *sl_binder_table(const struct sl_binder *binder,
                                       const struct sl_table_ref *ref);
// A view without rows but with the right columns: enough for the engine's binder.
SL_MUST int sl_binder_view(struct sl_session *session, const struct sl_table_ref *ref,
                           struct sl_bound_table *table, struct sl_err *err);

// Puts a contract in its place in which the old names of columns are over that are columns of clean
// by themselves now, or with the next run (bind_aliases.c).
SL_MUST int sl_bind_aliases(struct sl_binder *binder, const struct sl_node *node,
                            const struct sl_relation *raw,
                            const struct sl_contract_table **contract, struct sl_err *err);

// The contract of a cleanse against what it reads; `raw`: NULL if nobody knows its columns yet
// (bind_contract.c).
SL_MUST int sl_bind_contract(struct sl_binder *binder, const struct sl_node *node,
                             const struct sl_relation *raw, struct sl_err *err);

// The checks of a table against its columns (bind_checks.c).
struct sl_bound_checks {
    const struct sl_yaml *list; // may be NULL
    const char *table;          // "clean.orders"
    struct sl_strs aliases;     // what else the user's own SQL may call it
    const struct sl_relation *columns;
    enum sl_code code; // of what is wrong with them
};
SL_MUST int sl_bind_checks(struct sl_binder *binder, const struct sl_bound_checks *checks,
                           struct sl_err *err);

#endif
