// A schema that was read can be written, and is then read the same.
#include "fuzz.h"

#include "table/delta/schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    struct sl_column *columns, *again;
    size_t count, again_count;
    bool has_ntz = false;
    struct sl_err err;

    const char *text = sl_arena_strndup(&arena, (const char *)data, size);
    if (!text || sl_delta_schema_parse(text, &arena, &columns, &count, &err) != SL_OK ||
        sl_delta_schema_print(columns, count, &json, &has_ntz, &err) != SL_OK)
        return 0;
    if (sl_delta_schema_parse(json.text, &arena, &again, &again_count, &err) != SL_OK ||
        again_count != count)
        abort();
    for (size_t i = 0; i < count; i++)
        if (strcmp(columns[i].name, again[i].name) != 0 ||
            strcmp(columns[i].type, again[i].type) != 0)
            abort();
    return 0;
}
