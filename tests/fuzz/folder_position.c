// A position that was read can be written, and is then read the same; what is read is usable.
#include "fuzz.h"

#include "connect/folder/position.h"

#include <stdlib.h>
#include <string.h>

static void check(const struct sl_folder_position *position)
{
    const char *name;
    json_t *size;

    if (position->target.version < 0 || !position->target.fingerprint ||
        !position->target.table_id || !json_is_object(position->files))
        abort();
    json_object_foreach (position->files, name, size) {
        if (json_integer_value(size) < 0 || !json_is_integer(size))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_folder_position_clear) struct sl_folder_position position = {0};
    SL_AUTO(sl_folder_position_clear) struct sl_folder_position again = {0};
    struct sl_err err = {0};
    char *once = NULL, *twice = NULL;

    if (sl_folder_position_parse((const char *)data, size, "_sluice.json", &arena, &position,
                                 &err) != SL_OK)
        return 0;
    check(&position);
    if (sl_folder_position_print(&position, &once, &err) != SL_OK ||
        sl_folder_position_parse(once, strlen(once), "_sluice.json", &arena, &again, &err) !=
            SL_OK ||
        sl_folder_position_print(&again, &twice, &err) != SL_OK || strcmp(once, twice) != 0)
        abort();
    free(once);
    free(twice);
    return 0;
}
