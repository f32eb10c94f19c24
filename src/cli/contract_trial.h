// One table of a contract tried on files: ingest and cleanse as in a run, in a lake that is thrown
// away.
#ifndef SL_CLI_CONTRACT_TRIAL_H
#define SL_CLI_CONTRACT_TRIAL_H

#include "cli/contract_file.h"
#include "cli/foreseen.h"

struct sl_trial_example {
    const char *rule, *column, *message, *payload; // column may be NULL
};
struct sl_trial {
    const struct sl_contract_table *table;
    const char *what; // rows of these: "3 files", "the contract's own examples"
    struct sl_balance balance;
    struct sl_reason_count *reasons;
    size_t reason_count;
    struct sl_trial_example *examples; // at most three of a rule, in the order of the rules
    size_t example_count;
    struct sl_foreseen checks; // of the table as a whole
    struct sl_strs notes;
    bool is_over_budget;
    struct sl_err budget; // why
};
struct sl_trial_rows {
    const char *what; // "the source's files"
    bool are_all;     // that the table has
};
struct sl_trial_input {
    struct sl_trial_rows rows;
    struct sl_project *project; // its lake is another one afterwards
    const struct sl_source *source;
    const struct sl_contract_table *table;
    const char *folder; // of the lake
    // The lakes with what rules and checks read besides, the project's own and that of the
    // environment which it reads; NULL: none.
    const char *other_tables, *borrowed_tables;
    struct sl_session *session;
};
SL_MUST int sl_trial_run(const struct sl_trial_input *input, struct sl_arena *arena,
                         struct sl_trial *ret, struct sl_err *err);
// A file with rows made of the `examples` of the table's columns: the first of each, the second of
// each, ... SL_E_CONTRACT if a column that must have a value has no examples. `node`: the table's
// object in the contract.
SL_MUST int sl_trial_examples(const struct sl_yaml *node, const char *path, struct sl_arena *arena,
                              struct sl_err *err);

#endif
