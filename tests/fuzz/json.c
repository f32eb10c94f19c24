// What parses prints, and what it prints parses to the same.
#include "fuzz.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    SL_AUTO(sl_json_free) json_t *again = NULL;
    char *text = NULL;
    struct sl_err err;

    if (sl_json_parse((const char *)data, size, "fuzz.json", &json, &err) != SL_OK ||
        sl_json_print(json, &text, &err) != SL_OK)
        return 0;
    if (sl_json_parse(text, strlen(text), "again", &again, &err) != SL_OK ||
        !json_equal(json, again))
        abort();
    free(text);
    return 0;
}
