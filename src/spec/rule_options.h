// The options of a rule as they are written, inside the spec layer.
#ifndef SL_SPEC_RULE_OPTIONS_H
#define SL_SPEC_RULE_OPTIONS_H

#include "spec/contract.h"

struct sl_rule_options {
    const char *kind, *where, *mostly, *message, *expression, *min, *max, *pattern, *format, *of,
        *column, *to, *when, *tolerance;
    struct sl_strs values, columns;
    int severity;  // enum sl_rule_severity
    int dimension; // index into sl_rule_dimension_names
    int letters, operation;
    int64_t min_age_s, max_age_s;
    bool is_min_exclusive, is_max_exclusive, is_exact;
};
extern const char *const sl_rule_severity_names[]; // ends with NULL
extern const char
    *const sl_rule_dimension_names[]; // from the second member of the enum on; the same

#endif
