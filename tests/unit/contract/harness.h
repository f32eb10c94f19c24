// Runs a contract over literal raw rows in the real engine.
#ifndef TESTS_CONTRACT_HARNESS_H
#define TESTS_CONTRACT_HARNESS_H

#include "contract/compile.h"

struct harness {
    struct sl_engine *engine;
    struct sl_session *session;
    struct sl_arena arena;
    struct sl_diags diags;
    struct sl_err err;
};
int harness_setup(void **state);
int harness_teardown(void **state);
void harness_reset(struct harness *harness); // between cases: arena and diagnostics

// A contract over one column `v`, whose raw column has `raw_type`, and one row whose value is the
// SQL literal `raw`.
struct one_column {
    struct sl_contract_column column;
    const char *raw_type; // NULL: VARCHAR
    // Of a second raw column, `old`; NULL: there is none.
    const char *old_type, *old;
};
struct outcome {
    const char *value;   // as text; NULL: null
    const char *reasons; // "rule: message | rule: message"; "" none
    const char *warnings;
    bool is_bad;
};
void harness_run_column(struct harness *harness, const struct one_column *contract, const char *raw,
                        struct outcome *ret);

// A column with the defaults that the contract reader gives.
struct sl_contract_column harness_column(const char *name, struct sl_type type);
void harness_compile(struct harness *harness, const struct sl_contract_table *table,
                     const struct sl_column *raw, size_t raw_count, struct sl_pass *ret);
// `select <select> from <prepared relation over raw_sql> <rest>`: the first column of all rows,
// joined by newlines.
const char *harness_select(struct harness *harness, const struct sl_pass *pass, const char *raw_sql,
                           const char *select, const char *rest);
struct sl_strs harness_strs(struct harness *harness, const char *first, ...)
    __attribute__((sentinel));
// "code place message" of the diagnostics, joined by newlines.
const char *harness_diags(struct harness *harness);

// Columns that every raw table has beside the source's own.
#define RAW_TAIL                                                                         \
    "'a.csv' as _source, 1::bigint as _position, timestamptz '2026-01-01 00:00:00Z' as " \
    "_ingested_at, null::blob as _corrupt"

extern const struct sl_type text_type, integer_type, tiny_type, bigint_type, decimal_type,
    decimal0_type, double_type, boolean_type, date_type, timestamp_type, ntz_type, time_type,
    json_type;

struct text_case {
    const char *raw;    // SQL literal
    const char *value;  // NULL: null
    const char *reason; // NULL: none
};
void harness_run_case(struct harness *harness, const struct one_column *contract,
                      const struct text_case *each);

#endif
