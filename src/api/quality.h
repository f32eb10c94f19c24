// The five dimensions of quality that rules and checks are counted by.
#ifndef SL_API_QUALITY_H
#define SL_API_QUALITY_H

#include <stdbool.h>

enum sl_dimension {
    SL_DIMENSION_TIMELINESS,
    SL_DIMENSION_COMPLETENESS,
    SL_DIMENSION_ACCURACY,
    SL_DIMENSION_CONFORMANCE, // to the schema
    SL_DIMENSION_CONSISTENCY,
    SL_DIMENSIONS,
};
const char *sl_dimension_name(enum sl_dimension dimension); // "timeliness"
// Our own names, and those of ODCS with their short forms: conformity is conformance, coverage
// completeness, uniqueness consistency. False if it is none of them.
bool sl_dimension_parse(const char *text, enum sl_dimension *ret);
// Of a row rule, by its kind: "required" is completeness. What is not known is accuracy.
enum sl_dimension sl_dimension_of_rule(const char *kind);

#endif
