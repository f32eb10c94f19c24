// The plan: which steps there are, how they hang together, which are selected, which are stale and
// why. Pure: no files, no clock; what the world looks like comes in as facts.
#ifndef SL_PLAN_PLAN_H
#define SL_PLAN_PLAN_H

#include "api/source.h"
#include "base/json.h"
#include "spec/contract.h"
#include "sql/query.h"

enum sl_node_kind { SL_NODE_INGEST, SL_NODE_CLEANSE, SL_NODE_MODEL, SL_NODE_LOAD, SL_NODE_TASK };

// Version of a table that a node reads or was built from.
struct sl_input {
    const char *table;
    int64_t version; // -1: none
    const char *id;  // of the table; NULL: unknown
};

// Rows of quarantine that wait for a table.
struct sl_held {
    const char *table;
    int64_t rows;
};

// Data files that a version of a table names and that are not there.
struct sl_missing {
    const char *table; // "clean.orders"
    int64_t version;
    const char *file; // the first of them
    int64_t count;
    bool is_read; // a step that will run reads what the table held before, as far as is known
};

// What the world says about a node, gathered before planning.
struct sl_facts {
    int64_t version;            // of its output; -1: not built yet
    int64_t committed_ms;       // when that version was; 0: not known
    int64_t same_rows;          // how many versions before it hold the same rows
    const char *table_id;       // of its output; NULL: unknown
    int64_t quarantine_version; // cleanse writes two tables, and they are read apart; -1: not built
    int64_t quarantine_same_rows;
    const char *quarantine_id;
    bool is_borrowed; // it is the table of the environment that is read, not an own one
    const char *lost; // delivery: "'out.csv' of it is gone", where that is why it has no version
    const char *changed_by;  // another program, rows of its tables since its step; NULL: none did
    bool is_torn;            // clean and quarantine are not of the same commit of the step
    const char *fingerprint; // it was built with; NULL: unknown
    struct sl_input *inputs; // it was built from
    size_t input_count;
    int64_t rows, bytes, files; // of the output now; -1 unknown
    // Ingest: what the source has that raw has not.
    int64_t new_files, changed_files, vanished_files, new_bytes;
    struct sl_strs renamed;     // "a.csv is now b.csv"; in none of the counts
    struct sl_emptied *emptied; // of the changed files: those without rows now
    size_t emptied_count;
    struct sl_strs unmatched; // "no file matches 'x*.csv' (sources/a.yml:3:5)", where others do
    struct sl_strs gone;      // paths without a wildcard whose file raw has and the source no more
    bool is_read_otherwise;   // by other options than before
    const char *listing;      // digest of the source's listing, for `apply`
    int64_t source_files;     // all that the source has
    const char *newest_file;  // by time; NULL: none
    int64_t newest_file_us;
    int64_t waiting_since_us;  // time of the oldest new or changed file; 0: none
    struct sl_strs partitions; // that will be recomputed, if known
    bool has_partitions;
    struct sl_held *held; // cleanse: rows that wait for tables which have changed
    size_t held_count;
    struct sl_missing *missing; // of its tables
    size_t missing_count;
    const char *trouble; // why not all of this could be found out; NULL: it could
    enum sl_code trouble_code;
    const char *trouble_hint; // "": none
    const char *last_status;  // of the last run: "ok", "error", "skipped"; NULL never run
    bool was_killed;          // a run was killed since then, and this step may have been in it
};

enum sl_verdict {
    SL_VERDICT_FRESH, // nothing to do
    SL_VERDICT_STALE, // something of its own changed
    SL_VERDICT_AFTER, // an input will be rebuilt by this run: it is looked at again then
};

// What a step is expected to do: see plan/estimate.h. -1: not known.
struct sl_estimate {
    bool is_made;               // false: the step will not run, or nobody asked
    int64_t rows_in;            // that it reads
    int64_t rows_out;           // that it writes
    int64_t bytes_in, files_in; // ingest
    int64_t elapsed_ms;
    double cost;       // in the currency of the project; -1 also where no price is declared
    const char *basis; // of the time: "5 runs of this step", "steps of its kind"; NULL: none
};

struct sl_node {
    enum sl_node_kind kind;
    const char *name;  // "raw.orders", "clean.orders", "curated.revenue",
                       // "target.warehouse.revenue", "task.fetch"
    const char *bare;  // "orders"
    const char *label; // "ingest orders"
    const char *file;
    const struct sl_strs *tags;
    const char *owner;
    const struct sl_source *source; // ingest, cleanse
    const struct sl_contract_table *contract;
    const struct sl_model *model;
    const struct sl_query *query;
    const struct sl_target *target;
    const struct sl_delivery *delivery;
    const struct sl_task *task;
    const char *fingerprint; // of what it would be built with now
    size_t *upstream;        // indices into the graph's nodes
    size_t upstream_count;
    size_t *downstream;
    size_t downstream_count;
    struct sl_facts facts;
    bool is_selected;
    bool is_done; // of a task: it has run, in what this run goes on with
    enum sl_verdict verdict;
    struct sl_strs why;    // one sentence per cause, the strongest first
    const char *moved;     // "curated.revenue is version 3 now, was 2", where that is its cause
    struct sl_strs impact; // what a change of its code means: run/impact.h
    struct sl_estimate estimate;
};

// A model without a table: there is nothing to build, and what reads it depends on its inputs.
static inline bool sl_node_is_view(const struct sl_node *node)
{
    return node->kind == SL_NODE_MODEL && node->model->write == SL_WRITE_VIEW;
}

// Whether the node writes a table of the lake.
static inline bool sl_node_has_table(const struct sl_node *node)
{
    return node->kind != SL_NODE_LOAD && node->kind != SL_NODE_TASK && !sl_node_is_view(node);
}

// A task without a program does nothing but hold others together.
static inline bool sl_node_is_gate(const struct sl_node *node)
{
    return node->kind == SL_NODE_TASK && node->task->command.count == 0;
}

struct sl_graph {
    struct sl_node *nodes; // in topological order, then by name
    size_t count;
    struct sl_map by_name; // "clean.orders" and "quarantine.orders" -> struct sl_node *
};

// Builds the graph. `queries` is parallel to project->models. Unknown tables and cycles are
// diagnostics with their place; the graph holds the rest.
SL_MUST int sl_graph_build(struct sl_project *project, const struct sl_query *queries,
                           const char *const *fingerprints, struct sl_graph *ret,
                           struct sl_err *err);
void sl_graph_clear(struct sl_graph *graph);
// The node that writes a table, or NULL.
struct sl_node *sl_graph_node(const struct sl_graph *graph, const char *table);

// dbt's selection, verbatim. `select` and `exclude` may be empty: everything, nothing. Methods:
// tag:, path:, file:, source:, state:new|modified|old, result:ok|error|skipped, config.write:,
// config.materialized:, config.tags:, config.partition_by:, resource_type:, fqn: (default: a table,
// a layer, a folder below models/, a step as the run prints it); + n+ @ operators; space (several
// arguments) is union, comma intersection; wildcards * ? [abc]. SL_E_SELECTOR if one cannot be read
// or gives nothing. A view is selected along with whatever reads it.
SL_MUST int sl_graph_select(struct sl_graph *graph, const struct sl_strs *select,
                            const struct sl_strs *exclude, struct sl_arena *arena,
                            struct sl_err *err);
// SL_E_SELECTOR: one of the texts is of nothing that there is, as what somebody wanted to be left
// out. State and result (`state:`, `result:`) are of nothing often enough.
SL_MUST int sl_graph_require_matches(struct sl_graph *graph, const struct sl_strs *texts,
                                     struct sl_arena *arena, struct sl_err *err);

// Fills verdict and why of every selected node from its facts. With `full_refresh` every selected
// node is stale.
SL_MUST int sl_plan_decide(struct sl_graph *graph, bool full_refresh, struct sl_arena *arena,
                           struct sl_err *err);
// Selects what is missing, whatever was selected before, and decides it: the steps that are stale
// and whose last run, if there was one, did not end well; and what depends on them.
SL_MUST int sl_plan_decide_missing(struct sl_graph *graph, struct sl_arena *arena,
                                   struct sl_err *err);
size_t sl_plan_count(const struct sl_graph *graph, enum sl_verdict verdict); // selected nodes only

// Whether a step reads a versioned output by its own name, be it through views.
bool sl_plan_reads_output(const struct sl_graph *graph, const struct sl_node *node,
                          const struct sl_node *output);
// The version that such a reader was built from, if it is not the one that the name means now; else
// 0. From its facts.
int64_t sl_plan_version_before(const struct sl_graph *graph, const struct sl_node *reader,
                               const struct sl_node *output);
// "curated.revenue is version 3 now, was 2"; *ret is NULL if nothing of the kind.
SL_MUST int sl_plan_moved(const struct sl_graph *graph, const struct sl_node *reader,
                          struct sl_arena *arena, const char **ret, struct sl_err *err);

// {"schema":"sluice.plan/1", "project":..., "nodes":[...]}: all that `apply` must find unchanged.
SL_MUST int sl_plan_print(const struct sl_graph *graph, const struct sl_project *project,
                          json_t **ret, struct sl_err *err);
// {"rows_in", "rows_out", "bytes_in", "files_in", "elapsed_ms", "cost", "basis"}, null where it is
// not known. NULL out of memory.
// [{"file", "rows"}]; NULL out of memory.
json_t *sl_emptied_json(const struct sl_emptied *items, size_t count);
json_t *sl_estimate_json(const struct sl_estimate *estimate);
// A task that comes after nothing, or says so.
bool sl_task_runs_always(const struct sl_node *node);
// Compares a stored plan with one made now: SL_E_PLAN_CHANGED names the first difference.
SL_MUST int sl_plan_compare(const json_t *stored, const json_t *now, struct sl_err *err);

// Fingerprint of a model: its tree's digest and every setting that decides what is written.
SL_MUST int sl_model_fingerprint(const struct sl_model *model, const char *digest, char ret_hex[65],
                                 struct sl_err *err);
SL_MUST int sl_delivery_fingerprint(const struct sl_target *target,
                                    const struct sl_delivery *delivery, char ret_hex[65],
                                    struct sl_err *err);
// Raised when the SQL that a contract compiles to changes its meaning, so that clean tables are
// built anew.
#define SL_CONTRACT_COMPILER_VERSION "2"
SL_MUST int sl_task_fingerprint(const struct sl_task *task, char ret_hex[65], struct sl_err *err);
// Fingerprint of a cleanse step: the contract's digest and the compiler's version.
SL_MUST int sl_cleanse_fingerprint(const struct sl_contract_table *contract, char ret_hex[65],
                                   struct sl_err *err);

#endif
