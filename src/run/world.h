// World: a loaded project together with what stands on disk: the graph, the facts about each step,
// the engine once it is needed.
#ifndef SL_RUN_WORLD_H
#define SL_RUN_WORLD_H

#include "api/state.h"
#include "plan/plan.h"
#include "step/step.h"
#include "step/view.h"

#include <pthread.h>

struct sl_world {
    struct sl_project *project;
    struct sl_arena arena; // of the world; only the thread that opened it allocates here
    struct sl_graph graph;
    // Parallel to project->models.
    struct sl_query *queries; // tables, is_volatile, why_every_run only, see sl_world_query
    const char **digests;     // of the query's tree; NULL: it cannot be parsed
    const char **fingerprints;
    struct sl_views views;
    bool has_graph; // it may be of a project with errors, and then lack edges
    pthread_mutex_t engine_lock;
    struct sl_engine *engine;              // opened by the first sl_world_session
    bool has_workers;                      // they are forked from here: see sl_world_options
    const char *spill_folder;              // of the engine
    int64_t parts;                         // its share of the machine
    bool is_in_run;                        // of a worker of a run
    bool is_for_few_rows;                  // see sl_world_expect_few_rows
    struct sl_accepted_contracts accepted; // by tests
    char withheld[65];                     // of a worker: see work_plan.c
    int64_t withheld_until_us;             // monotonic
};

struct sl_world_options {
    const char *folder;       // --project
    const char *environment;  // --env
    struct sl_strs overrides; // --set: "engine.threads=4"
    bool resolve_secrets;
    bool has_no_outputs;              // see struct sl_project_options
    const struct sl_map *model_texts; // the same
    bool has_workers; // a run will be forked from here: the engine is in a process of its own
    // Changes the project once it is read, before anything is made of it; may be NULL.
    int (*prepare)(void *self, struct sl_project *project, struct sl_err *err);
    void *self;
};

// Loads the project and builds the graph. With mistakes in the project, this still succeeds: the
// caller looks at project->diags. Model texts that were parsed before are taken from a cache in the
// state folder, so that an unchanged project needs no engine.
SL_MUST int sl_world_open(const struct sl_world_options *options, struct sl_world *ret,
                          struct sl_err *err);
// Without a project, for who only reads files: nothing but an engine and the working folder, no
// lake and no state folder.
SL_MUST int sl_world_open_bare(struct sl_world *ret, struct sl_err *err);
void sl_world_close(struct sl_world *world); // for SL_AUTO
// Reads the models and makes the graph of a project that is loaded.
SL_MUST int sl_world_build(struct sl_world *world, struct sl_err *err);
// SL_E_PROJECT_INVALID if the project has errors (they are in the diagnostics).
SL_MUST int sl_world_require_valid(struct sl_world *world, struct sl_err *err);

// A session of its own, the engine opened if need be. Any thread.
SL_MUST int sl_world_session(struct sl_world *world, struct sl_session **ret, struct sl_err *err);
// Its engine takes one part of so many of memory and threads. Any thread.
SL_MUST int sl_world_share(struct sl_world *world, int64_t parts, struct sl_err *err);
// As long as no session is open. The next session opens the engine again.
void sl_world_close_engine(struct sl_world *world);
// From now on the engine is one for few rows in many sessions (api/engine.h). Closes the engine if
// it is open: no session may be.
void sl_world_expect_few_rows(struct sl_world *world);

// Checks every model against the columns of its inputs, as far as they are known, in order of the
// graph; what is wrong becomes diagnostics with places. Fills `catalog` (may be NULL): table name
// -> struct sl_relation *, in the world's arena.
struct sl_relation {
    const struct sl_column *columns;
    size_t count;
};
SL_MUST int sl_world_bind(struct sl_world *world, struct sl_map *catalog, struct sl_err *err);
enum sl_bound_of {
    SL_BOUND_ALL,
    SL_BOUND_DUE,  // what will run (sl_plan_decide), and selected views
    SL_BOUND_SEEN, // selected views: all others tell by themselves what does not fit
};
// The same, but mistakes are told of `of` only; with `has_new_files` raw tables also have the
// columns of the files that they will take in.
SL_MUST int sl_world_bind_some(struct sl_world *world, enum sl_bound_of of, bool has_new_files,
                               struct sl_err *err);
// What sl_world_bind_some finds, in `ret_diags`, which the caller clears. A project in which
// nothing changed since it was found good is not bound again: <state>/bound.cache.
SL_MUST int sl_world_find_unbound(struct sl_world *world, enum sl_bound_of of,
                                  struct sl_diags *ret_diags, struct sl_err *err);

// Checks the files of every source and the SQL of every contract; what is wrong becomes
// diagnostics. `catalog` as sl_world_bind has filled it.
SL_MUST int sl_world_check(struct sl_world *world, const struct sl_map *catalog,
                           struct sl_err *err);

// Whether foreign keys lead to columns that are there and can be compared; what is wrong becomes
// diagnostics. Without `catalog` all that the contracts say, which sl_world_open has done; with it
// the rest, which only tables tell.
SL_MUST int sl_world_check_foreign_keys(struct sl_world *world, const struct sl_map *catalog,
                                        struct sl_err *err);
// Of one contract.
SL_MUST int sl_world_check_foreign_keys_of(struct sl_world *world, const struct sl_map *catalog,
                                           const struct sl_contract_table *contract,
                                           struct sl_err *err);

// Fills `missing` of the nodes whose tables are not built anew by what will run (sl_plan_decide).
// Looks at no more than 10,000 files of a table, and of all tables that no step reads.
SL_MUST int sl_world_find_missing(struct sl_world *world, bool full_refresh, struct sl_err *err);

// A model's query with what its write mode is decided by: for full the tables, else also columns,
// lineage and locality over the columns that its input tables have now. Any thread: allocates in
// `arena`.
SL_MUST int sl_world_query(struct sl_world *world, const struct sl_node *node,
                           struct sl_session *session, struct sl_arena *arena, struct sl_query *ret,
                           struct sl_err *err);

// Gathers facts about every node; with `sizes` also rows, bytes and files of the tables.
SL_MUST int sl_world_gather(struct sl_world *world, bool sizes, struct sl_err *err);
// The same of the selected nodes and all that feeds them; of the others nothing is known then.
SL_MUST int sl_world_gather_selected(struct sl_world *world, struct sl_err *err);
// As if nothing had been gathered.
void sl_world_forget(struct sl_world *world);
// Fills rows, bytes and files, where they are not known yet, of the tables that the selected steps
// which are not fresh read and write.
SL_MUST int sl_world_measure(struct sl_world *world, struct sl_err *err);
// Looks again at what the tables themselves say: versions, inputs, code. What sources and targets
// have stays as it was found.
SL_MUST int sl_world_look_again(struct sl_world *world, struct sl_err *err);
// Fills facts.partitions of models and deliveries that will be written by partitions, as far as
// that can be told before their inputs are rebuilt, and adds to `why` what makes others be
// recomputed whole. Reads what changed; verdicts must be there (sl_plan_decide without
// full_refresh). What reads a table that sl_world_find_missing found to lack files is left out.
SL_MUST int sl_world_foresee(struct sl_world *world, struct sl_err *err);
// Fills facts.last_status and was_killed from the state store.
SL_MUST int sl_world_recall(struct sl_world *world, struct sl_err *err);

#endif
