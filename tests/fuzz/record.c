// A record that was read can be written, and is then read the same.
#include "fuzz.h"

#include "step/step.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_record record;
    struct sl_err err;
    const char *once, *twice;

    const char *text = sl_arena_strndup(&arena, (const char *)data, size);
    if (!text || sl_record_parse(text, &arena, &record, &err) != SL_OK ||
        sl_record_print(&record, &arena, &once, &err) != SL_OK)
        return 0;
    if (sl_record_parse(once, &arena, &record, &err) != SL_OK ||
        sl_record_print(&record, &arena, &twice, &err) != SL_OK || strcmp(once, twice) != 0)
        abort();
    return 0;
}
