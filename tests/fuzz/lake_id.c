// Any text is the number of a lake, of its length and of no other signs, or an error that says so.
#include "fuzz.h"

#include "run/code.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char id[SL_LAKE_ID_BYTES] = "", again[SL_LAKE_ID_BYTES];
    struct sl_err err = {0};
    sl_arena_init(&arena, 0);
    const char *text = sl_arena_strndup(&arena, (const char *)data, size);
    must(text != NULL);
    if (sl_lake_id_parse(text, id, &err) != SL_OK) {
        must(err.code == SL_E_LAKE_UNREADABLE && err.message[0] && !*id);
        return 0;
    }
    must(strlen(id) == SL_LAKE_ID_BYTES - 1 && sl_str_starts(text, id));
    must(strspn(id, "0123456789abcdef-") == strlen(id));
    must(sl_lake_id_parse(id, again, &err) == SL_OK && strcmp(id, again) == 0);
    return 0;
}
