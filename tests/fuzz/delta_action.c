// Each line of a commit gives an action or an error.
#include "fuzz.h"

#include "table/delta/action.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = at + size;

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        struct sl_err err;
        SL_AUTO(sl_json_free) json_t *line = NULL;
        json_t *body = NULL;
        enum sl_delta_kind kind;
        if (sl_json_parse(at, length, "00000000000000000000.json", &line, &err) == SL_OK &&
            sl_delta_action_read(line, &kind, &body, &err) == SL_OK && kind == SL_DELTA_ADD)
            (void)sl_delta_map_text(body, "partitionValues", "day");
        at += length + 1;
    }
    return 0;
}
