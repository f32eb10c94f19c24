#include "base/seal.h"

#include "base/hash.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER "sha256"
#define DIGEST_LENGTH 64
#define START ",\"" MEMBER "\":\""
#define END "\"}"
#define SEAL_LENGTH (sizeof START - 1 + DIGEST_LENGTH + sizeof END - 1)

static int digest_of(const char *text, size_t length, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add_bytes(hash, text, length);
    return sl_hash_end(hash, ret_hex, err);
}

int sl_json_seal(const json_t *object, char **ret_text, struct sl_err *err)
{
    char digest[DIGEST_LENGTH + 1], *text = NULL;
    SL_TRY(sl_json_print(object, &text, err));
    size_t length = strlen(text);
    int code = digest_of(text, length, digest, err);
    char *sealed = code ? NULL : realloc(text, length + SEAL_LENGTH);
    if (!sealed) {
        free(text);
        return code ? code : sl_fail_memory(err);
    }
    // Over the brace that ends the object.
    (void)snprintf(sealed + length - 1, SEAL_LENGTH + 1, START "%s" END, digest);
    *ret_text = sealed;
    return SL_OK;
}

static bool ends_with_digest(const char *text, size_t length, const char *digest)
{
    char seal[SEAL_LENGTH + 1];
    (void)snprintf(seal, sizeof seal, START "%s" END, digest);
    return memcmp(text + length - SEAL_LENGTH, seal, SEAL_LENGTH) == 0;
}

static int check(const char *text, size_t length, enum sl_seal *ret, struct sl_err *err)
{
    char digest[DIGEST_LENGTH + 1];
    *ret = SL_SEAL_BROKEN;
    if (length < SEAL_LENGTH)
        return SL_OK;
    size_t before = length - SEAL_LENGTH;
    char *object = malloc(before + 1);
    SL_TRY_NEW(object, err);
    memcpy(object, text, before);
    object[before] = '}';
    int code = digest_of(object, before + 1, digest, err);
    free(object);
    SL_TRY(code);
    if (!ends_with_digest(text, length, digest))
        SL_TRY(digest_of(text, before, digest, err));
    if (ends_with_digest(text, length, digest))
        *ret = SL_SEAL_WHOLE;
    return SL_OK;
}

int sl_json_unseal(const char *text, size_t length, const char *name, json_t **ret,
                   enum sl_seal *ret_seal, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    enum sl_seal seal = SL_SEAL_NONE;
    SL_TRY(sl_json_parse(text, length, name, &root, err));
    if (json_object_get(root, MEMBER)) {
        SL_TRY(check(text, length, &seal, err));
        (void)json_object_del(root, MEMBER);
    }
    *ret_seal = seal;
    *ret = root;
    root = NULL;
    return SL_OK;
}
