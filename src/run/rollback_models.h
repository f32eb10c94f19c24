// The models and contracts that a publication's tables were built with, in the place of those of
// now: what they passed on is what comes back.
#ifndef SL_RUN_ROLLBACK_MODELS_H
#define SL_RUN_ROLLBACK_MODELS_H

#include "run/publications.h"
#include "run/world.h"

struct sl_models_then {
    struct sl_map texts;           // name -> text of each model that was another one
    struct sl_strs lost;           // tables that were built with code that is not kept any more
    struct sl_map contracts;       // "clean.orders" -> struct sl_contract_table *, of each that was
                                   // another one, with what that of now follows of its columns
    struct sl_strs lost_contracts; // tables whose contract is not kept any more
    struct sl_strs other_views;    // tables whose model read a view that was another one
    bool is_personal;              // a contract of then, or of now, classifies or protects
    struct sl_world world;         // with these models and contracts; as long as `is_open`
    bool is_open;
};
// Opens the world if any model or contract was another one, and any column is personal.
SL_MUST int sl_models_then_open(struct sl_world *now, const struct sl_publication *target,
                                struct sl_models_then *ret, struct sl_err *err);
void sl_models_then_close(struct sl_models_then *then); // for SL_AUTO
// A diagnostic, of the project's level, for each column of a model or delivery that carries
// personal values and is not allowed to, as these models made it; and for each table that is
// delivered and of which that is not known.
SL_MUST int sl_models_then_check(struct sl_models_then *then, struct sl_world *now,
                                 const struct sl_publication *target, struct sl_diags *diags,
                                 struct sl_err *err);

// Parts of the above. The fingerprint that a published version was built with; NULL: not known.
SL_MUST int sl_then_fingerprint(struct sl_world *world, const struct sl_published *published,
                                const char **ret, struct sl_err *err);
// And what was kept of what built it then. *ret_fingerprint NULL: not known, or what builds it now
// is the same.
SL_MUST int sl_then_code(struct sl_world *world, const struct sl_published *published,
                         const char **ret_fingerprint, json_t **ret, struct sl_err *err);
SL_MUST int sl_contracts_then_take(struct sl_world *now, const struct sl_publication *target,
                                   struct sl_models_then *ret, struct sl_err *err);

#endif
