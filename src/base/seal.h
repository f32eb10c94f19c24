// A JSON object that tells whether it is as it was written: its member "sha256" is the digest of
// all others.
#ifndef SL_BASE_SEAL_H
#define SL_BASE_SEAL_H

#include "base/json.h"

// Adds the digest.
SL_MUST int sl_json_seal(json_t *object, struct sl_err *err);
// Takes it off again. What has none, as earlier versions wrote it, counts as whole; what is no
// object does not.
SL_MUST int sl_json_unseal(json_t *object, bool *ret_is_whole, struct sl_err *err);

#endif
