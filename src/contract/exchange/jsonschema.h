// JSON Schema: where references lead, and what several schemas say together.
#ifndef SL_CONTRACT_EXCHANGE_JSONSCHEMA_H
#define SL_CONTRACT_EXCHANGE_JSONSCHEMA_H

#include "contract/exchange/tree.h"

struct sl_x_merged {
    const struct sl_yaml *from, *to;
};
struct sl_x_schemas {
    struct sl_exchange *exchange;
    const struct sl_yaml *root;
    struct sl_x_merged *merged; // a schema that refers to itself is merged once
    size_t merged_count;
    int depth; // of merges inside of merges
};

// Follows $ref; NULL, and told, if that goes round in a circle or leads nowhere.
const struct sl_yaml *sl_x_schema_resolve(struct sl_x_schemas *schemas,
                                          const struct sl_yaml *schema);
// The schema itself if it has no allOf; else one schema of all that is said in it and beside it:
// bounds are the stricter ones, values those that all allow, members those of all. NULL: no memory,
// or it refers to itself. What can never hold together is an error; what cannot be said together is
// told, and the first counts.
const struct sl_yaml *sl_x_schema_merge(struct sl_x_schemas *schemas, const struct sl_yaml *schema);

#endif
