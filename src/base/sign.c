#include "base/sign.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_BYTES 64
#define KEY_BYTES 32

struct sl_sign_key {
    EVP_PKEY *key;
    bool is_private;
};

// --- base64

int sl_base64_encode(const void *bytes, size_t length, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    size_t room = (length + 2) / 3 * 4 + 1;
    char *text;
    if (length > INT_MAX / 2)
        return sl_fail(err, SL_E_INTERNAL, "%zu bytes are too many for one text", length);
    text = sl_arena_alloc(arena, room);
    SL_TRY_NEW(text, err);
    (void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
    *ret = text;
    return SL_OK;
}

int sl_base64_decode(const char *text, struct sl_arena *arena, const void **ret, size_t *ret_length,
                     struct sl_err *err)
{
    size_t length = strlen(text), padding = 0;
    unsigned char *bytes;
    int decoded;
    *ret = NULL;
    *ret_length = 0;
    if (length % 4 != 0 || length > INT_MAX / 2)
        return SL_OK;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    bytes = sl_arena_alloc(arena, length / 4 * 3 + 1);
    SL_TRY_NEW(bytes, err);
    decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (decoded < (int)padding)
        return SL_OK;
    *ret = bytes;
    *ret_length = (size_t)decoded - padding;
    return SL_OK;
}

// --- keys

static int write_pem(EVP_PKEY *key, bool is_private, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long length = 0;
    int code = SL_OK;
    if (!bio || (is_private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                            : PEM_write_bio_PUBKEY(bio, key)) != 1)
        code = sl_fail_memory(err);
    if (code == SL_OK) {
        length = BIO_get_mem_data(bio, &text);
        *ret = sl_arena_strndup(arena, text, (size_t)length);
        code = *ret ? SL_OK : sl_fail_memory(err);
    }
    BIO_free(bio);
    return code;
}

int sl_sign_new_pair(struct sl_arena *arena, const char **ret_private, const char **ret_public,
                     struct sl_err *err)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    int code = key ? write_pem(key, true, arena, ret_private, err)
                   : sl_fail(err, SL_E_INTERNAL, "no key can be made");
    if (code == SL_OK)
        code = write_pem(key, false, arena, ret_public, err);
    EVP_PKEY_free(key);
    return code;
}

// A key that is locked by a password is none here: nobody is asked at a terminal.
static int no_password(char *buffer, int size, int is_writing, void *self)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)self;
    return -1;
}

int sl_sign_read(const char *pem, size_t length, const char *name, struct sl_sign_key **ret,
                 struct sl_err *err)
{
    BIO *bio = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    struct sl_sign_key found = {0};
    if (!bio)
        return sl_fail_memory(err);
    found.key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    found.is_private = found.key != NULL;
    if (!found.key) {
        (void)BIO_reset(bio);
        found.key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    }
    BIO_free(bio);
    if (!found.key || EVP_PKEY_get_id(found.key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(found.key);
        (void)sl_fail(err, SL_E_VALUE_INVALID, "'%s' is no Ed25519 key", name);
        return sl_err_hint(err, "`sluice attest key` makes a pair");
    }
    *ret = calloc(1, sizeof **ret);
    if (!*ret) {
        EVP_PKEY_free(found.key);
        return sl_fail_memory(err);
    }
    **ret = found;
    return SL_OK;
}

void sl_sign_free(struct sl_sign_key **key)
{
    if (!key || !*key)
        return;
    EVP_PKEY_free((*key)->key);
    free(*key);
    *key = NULL;
}

bool sl_sign_is_private(const struct sl_sign_key *key)
{
    return key->is_private;
}

int sl_sign_id(const struct sl_sign_key *key, char ret_hex[65], struct sl_err *err)
{
    unsigned char raw[KEY_BYTES], digest[EVP_MAX_MD_SIZE];
    size_t raw_length = sizeof raw;
    unsigned int length = 0;
    if (EVP_PKEY_get_raw_public_key(key->key, raw, &raw_length) != 1 ||
        EVP_Digest(raw, raw_length, digest, &length, EVP_sha256(), NULL) != 1)
        return sl_fail(err, SL_E_INTERNAL, "a key has no public part");
    for (unsigned int i = 0; i < 32; i++)
        (void)snprintf(ret_hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    return SL_OK;
}

// --- signatures

int sl_sign(const struct sl_sign_key *key, const void *bytes, size_t length, struct sl_arena *arena,
            const char **ret_base64, struct sl_err *err)
{
    unsigned char signature[SIGNATURE_BYTES];
    size_t signed_length = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key->key) == 1 &&
                     EVP_DigestSign(context, signature, &signed_length, bytes, length) == 1;
    EVP_MD_CTX_free(context);
    if (!is_signed)
        return sl_fail(err, SL_E_INTERNAL, "nothing can be signed with this key");
    return sl_base64_encode(signature, signed_length, arena, ret_base64, err);
}

int sl_sign_check(const struct sl_sign_key *key, const void *bytes, size_t length,
                  const char *base64, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const void *signature;
    size_t signature_length;
    EVP_MD_CTX *context;
    sl_arena_init(&arena, 0);
    *ret = false;
    SL_TRY(sl_base64_decode(base64, &arena, &signature, &signature_length, err));
    if (!signature || signature_length != SIGNATURE_BYTES)
        return SL_OK;
    context = EVP_MD_CTX_new();
    SL_TRY_NEW(context, err);
    *ret = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->key) == 1 &&
           EVP_DigestVerify(context, signature, signature_length, bytes, length) == 1;
    EVP_MD_CTX_free(context);
    return SL_OK;
}
