#include "base/seal.h"

#include "base/hash.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define DIGEST "sha256"

static int digest_of(const json_t *object, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char *text = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    SL_TRY(sl_json_print(object, &text, err));
    sl_hash_add(hash, text);
    free(text);
    return sl_hash_end(hash, ret_hex, err);
}

int sl_json_seal(json_t *object, struct sl_err *err)
{
    char digest[65];
    SL_TRY(digest_of(object, digest, err));
    return json_object_set_new(object, DIGEST, json_string(digest)) == 0 ? SL_OK
                                                                         : sl_fail_memory(err);
}

int sl_json_unseal(json_t *object, bool *ret_is_whole, struct sl_err *err)
{
    char digest[65], kept[65] = "";
    const char *text = sl_json_text(object, DIGEST, NULL);
    *ret_is_whole = json_is_object(object);
    if (!json_object_get(object, DIGEST))
        return SL_OK;
    if (text && strlen(text) < sizeof kept)
        memcpy(kept, text, strlen(text));
    (void)json_object_del(object, DIGEST);
    SL_TRY(digest_of(object, digest, err));
    *ret_is_whole = sl_str_equal(digest, kept);
    return SL_OK;
}
