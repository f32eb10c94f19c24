// Ed25519 signatures (RFC 8032) with keys as PEM (PKCS 8, SubjectPublicKeyInfo), by OpenSSL.
#ifndef SL_BASE_SIGN_H
#define SL_BASE_SIGN_H

#include "base/arena.h"

#include <stddef.h>

struct sl_sign_key; // private or public
// A new pair as PEM texts in the arena.
SL_MUST int sl_sign_new_pair(struct sl_arena *arena, const char **ret_private,
                             const char **ret_public, struct sl_err *err);
// Either kind of PEM; `name` is for messages. SL_E_VALUE_INVALID if it is no Ed25519 key.
SL_MUST int sl_sign_read(const char *pem, size_t length, const char *name, struct sl_sign_key **ret,
                         struct sl_err *err);
void sl_sign_free(struct sl_sign_key **key); // for SL_AUTO
bool sl_sign_is_private(const struct sl_sign_key *key);
// SHA-256 of the raw public key, as 64 hexadecimal digits: which key it is.
SL_MUST int sl_sign_id(const struct sl_sign_key *key, char ret_hex[65], struct sl_err *err);
// The signature of bytes, as base64 in the arena; needs the private key.
SL_MUST int sl_sign(const struct sl_sign_key *key, const void *bytes, size_t length,
                    struct sl_arena *arena, const char **ret_base64, struct sl_err *err);
// *ret: whether it is this key's signature of these bytes.
SL_MUST int sl_sign_check(const struct sl_sign_key *key, const void *bytes, size_t length,
                          const char *base64, bool *ret, struct sl_err *err);
// Base64 of RFC 4648 with padding. Decoding gives NULL in *ret if it is none.
SL_MUST int sl_base64_encode(const void *bytes, size_t length, struct sl_arena *arena,
                             const char **ret, struct sl_err *err);
SL_MUST int sl_base64_decode(const char *text, struct sl_arena *arena, const void **ret,
                             size_t *ret_length, struct sl_err *err);

#endif
