// Any bytes are an envelope that does not hold, and, signed, a statement that is judged.
#include "fuzz.h"

#include "run/attest.h"

#include <stdlib.h>
#include <string.h>

#define TYPE "application/vnd.in-toto+json"

static struct sl_sign_key *key;

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void make_key(struct sl_arena *arena)
{
    const char *private_pem, *public_pem;
    struct sl_err err;

    if (key)
        return;
    must(sl_sign_new_pair(arena, &private_pem, &public_pem, &err) == SL_OK);
    must(sl_sign_read(private_pem, strlen(private_pem), "key", &key, &err) == SL_OK);
}

static json_t *seal(const uint8_t *data, size_t size, struct sl_arena *arena)
{
    SL_AUTO(sl_buf_clear) struct sl_buf bytes = SL_BUF_INIT;
    const char *payload, *signature;
    struct sl_err err;

    sl_buf_addf(&bytes, "DSSEv1 %zu %s %zu ", strlen(TYPE), TYPE, size);
    sl_buf_add_bytes(&bytes, (const char *)data, size);
    must(sl_base64_encode(data, size, arena, &payload, &err) == SL_OK);
    must(sl_sign(key, bytes.text, bytes.length, arena, &signature, &err) == SL_OK);
    return json_pack("{s:s, s:s, s:[{s:s}]}", "payloadType", TYPE, "payload", payload, "signatures",
                     "sig", signature);
}

static int verify(const json_t *envelope, struct sl_arena *arena)
{
    struct sl_attest_verdict verdict;
    struct sl_err err = {0};
    int code = sl_attest_verify(envelope, key, "/nowhere", NULL, arena, &verdict, &err);

    must(code == SL_OK || err.message[0]);
    for (size_t i = 0; code == SL_OK && i < verdict.fault_count; i++)
        must(verdict.faults[i].name && verdict.faults[i].what);
    sl_json_free(&verdict.statement);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *envelope = NULL;
    SL_AUTO(sl_json_free) json_t *sealed = NULL;
    struct sl_err err;

    make_key(&arena);
    if (sl_json_parse((const char *)data, size, "envelope", &envelope, &err) == SL_OK)
        must(verify(envelope, &arena) != SL_OK);
    sealed = seal(data, size, &arena);
    must(sealed);
    (void)verify(sealed, &arena);
    return 0;
}
