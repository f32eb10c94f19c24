// The contracts that tables were built with, as the lakes keep them: of the lake of this
// environment and of those that its tables may come from.
#ifndef SL_RUN_KEPT_CODES_H
#define SL_RUN_KEPT_CODES_H

#include "run/world.h"

#include <jansson.h>

struct sl_kept_codes {
    struct sl_strs fingerprints; // of all that are whole, of models too
    struct sl_kept_contract {
        const char *fingerprint;
        json_t *state; // see contract/state.h; has a protected column
        json_t *root;  // that it is part of
    } * contracts;
    size_t contract_count;
    bool is_read;
};

// Reads them once. The rest lives in the world's arena.
SL_MUST int sl_kept_codes_read(struct sl_world *world, struct sl_kept_codes *codes,
                               struct sl_err *err);
void sl_kept_codes_clear(struct sl_kept_codes *codes); // for SL_AUTO
// Adds the fingerprints that the commits of `clean.<name>` and `quarantine.<name>` record, in any
// of the lakes; what cannot be read says nothing.
SL_MUST int sl_built_with(struct sl_world *world, const char *name, struct sl_strs *ret,
                          struct sl_err *err);
// The same of an ingest whose rows no contract reads any more; of another one nothing.
SL_MUST int sl_former_of(struct sl_world *world, const struct sl_node *ingest, struct sl_strs *ret,
                         struct sl_err *err);
// Names of sources whose raw tables a lake still has, and contracts read them, though they are no
// longer part of the project: where a model reads files, and so may read these.
SL_MUST int sl_gone_sources(struct sl_world *world, struct sl_strs *ret, struct sl_err *err);

#endif
