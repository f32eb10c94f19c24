// A JSON object in a file that tells whether it is as it was written: its last member "sha256" is
// the digest of the file's bytes without that member.
#ifndef SL_BASE_SEAL_H
#define SL_BASE_SEAL_H

#include "base/json.h"

enum sl_seal {
    SL_SEAL_NONE, // it has no digest, as earlier versions wrote it
    SL_SEAL_WHOLE,
    SL_SEAL_BROKEN, // some byte is another one
};

// The text of `object` with its digest, which has no member "sha256" itself. The caller frees it.
SL_MUST int sl_json_seal(const json_t *object, char **ret_text, struct sl_err *err);
// Parses what sl_json_seal() wrote, or publications of form 2, whose digest was of the bytes before
// the member. `ret` has no member "sha256"; what is no object has no digest. SL_E_JSON_SYNTAX as
// sl_json_parse().
SL_MUST int sl_json_unseal(const char *text, size_t length, const char *name, json_t **ret,
                           enum sl_seal *ret_seal, struct sl_err *err);

#endif
