#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sl_hash {
    EVP_MD_CTX *context;
    bool has_failed;
};

int sl_hash_new(struct sl_hash **ret, struct sl_err *err)
{
    struct sl_hash *hash = calloc(1, sizeof *hash);

    SL_TRY_NEW(hash, err);
    hash->context = EVP_MD_CTX_new();
    if (!hash->context || EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) != 1) {
        sl_hash_free(&hash);
        return sl_fail_memory(err);
    }
    *ret = hash;
    return SL_OK;
}

void sl_hash_free(struct sl_hash **hash)
{
    if (!hash || !*hash)
        return;
    EVP_MD_CTX_free((*hash)->context);
    free(*hash);
    *hash = NULL;
}

static void add_frame(struct sl_hash *hash, uint64_t length)
{
    unsigned char frame[8];

    for (int i = 0; i < 8; i++)
        frame[i] = (unsigned char)(length >> (8 * i));
    if (EVP_DigestUpdate(hash->context, frame, sizeof frame) != 1)
        hash->has_failed = true;
}

void sl_hash_add(struct sl_hash *hash, const char *field)
{
    if (field)
        sl_hash_add_bytes(hash, field, strlen(field));
    else
        add_frame(hash, UINT64_MAX); // a length that no text has
}

void sl_hash_add_bytes(struct sl_hash *hash, const void *bytes, size_t length)
{
    add_frame(hash, length);
    if (EVP_DigestUpdate(hash->context, bytes, length) != 1)
        hash->has_failed = true;
}

int sl_hash_end(struct sl_hash *hash, char ret_hex[65], struct sl_err *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length;

    if (hash->has_failed || EVP_DigestFinal_ex(hash->context, digest, &length) != 1) {
        hash->has_failed = true;
        return sl_fail(err, SL_E_INTERNAL, "a hash cannot be computed");
    }
    hash->has_failed = true; // ended: more fields would not be part of it
    for (unsigned i = 0; i < length; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_hex[2 * length] = '\0';
    return SL_OK;
}

int sl_hmac_hex(const char *key, const void *bytes, size_t length, char ret_hex[65],
                struct sl_err *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_length = 0;
    size_t key_length = strlen(key);

    if (key_length > INT32_MAX ||
        !HMAC(EVP_sha256(), key, (int)key_length, bytes, length, digest, &digest_length) ||
        digest_length != 32)
        return sl_fail_memory(err);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    return SL_OK;
}
