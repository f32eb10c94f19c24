// SHA-256 in steps, for fingerprints. Fields are framed by their length, so that ("ab","c") and
// ("a","bc") differ.
#ifndef SL_BASE_HASH_H
#define SL_BASE_HASH_H

#include "base/err.h"

struct sl_hash;
SL_MUST int sl_hash_new(struct sl_hash **ret, struct sl_err *err);
void sl_hash_free(struct sl_hash **hash);
void sl_hash_add(struct sl_hash *hash, const char *field); // NULL is a value of its own
void sl_hash_add_bytes(struct sl_hash *hash, const void *bytes, size_t length);
// Ends it: 64 hexadecimal digits.
SL_MUST int sl_hash_end(struct sl_hash *hash, char ret_hex[65], struct sl_err *err);

// HMAC-SHA-256 (RFC 2104) of bytes with a key: 64 hexadecimal digits.
SL_MUST int sl_hmac_hex(const char *key, const void *bytes, size_t length, char ret_hex[65],
                        struct sl_err *err);

#endif
