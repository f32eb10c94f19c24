// Rows out of a contract, proven by the contract's own pass.
#ifndef SL_RUN_GENERATE_H
#define SL_RUN_GENERATE_H

#include "contract/compile.h"
#include "spec/project.h"

enum sl_generate_breaking { SL_BREAK_NONE, SL_BREAK_EACH, SL_BREAK_PAIRS, SL_BREAK_RULE };
struct sl_generate_options {
    // Whose lake has the rows that foreign keys point to; where it has none, keys are made up.
    // NULL: all are.
    const struct sl_project *project;
    const struct sl_contract_table *contract;
    int64_t rows; // that break nothing, and with distinct primary keys
    uint64_t seed;
    enum sl_generate_breaking breaking;
    const char *rule; // RULE: its name
    // PAIRS: only those in which one of these patterns of names is ("amount.*"), or two ("amount.*
    // + day.*"). NULL or empty: all.
    const struct sl_strs *pairs;
    // Of many targets, how far it is; may be NULL.
    void (*tell)(const void *self, size_t tried, size_t count, size_t found);
    const void *tell_self;
};
// What a row is to break: one rule or two, by their index in the pass; behind its rules come its
// uniques.
struct sl_generate_target {
    size_t rules[2];
    size_t count;
    bool is_found;
    bool is_impossible; // proven; not looked for
};
struct sl_generated {
    struct sl_pass pass;
    struct sl_column *columns; // as the source has them, all VARCHAR
    bool *is_nested;           // per column: its text is JSON
    size_t column_count;
    struct sl_generate_target *targets;
    size_t target_count;
    struct sl_strs notes;
    int64_t rows; // of all that were made
};
// Makes the temp table "~generated" in the session: the columns, and "~breaks" VARCHAR, the names
// of the rules that the row breaks, in the order of "~order". Targets for which no row was found
// among many candidates are told by is_found. SL_E_LIMIT if not enough good rows can be found.
SL_MUST int sl_generate(struct sl_session *session, const struct sl_generate_options *options,
                        struct sl_arena *arena, struct sl_generated *ret, struct sl_err *err);
// Only the targets; of the engine only the parser is asked.
SL_MUST int sl_generate_plan(struct sl_session *session, const struct sl_generate_options *options,
                             struct sl_arena *arena, struct sl_generated *ret, struct sl_err *err);
// "amount.range", or "amount.range, day.type": what a target breaks.
const char *sl_generate_name(const struct sl_generated *generated,
                             const struct sl_generate_target *target, struct sl_arena *arena);

#endif
