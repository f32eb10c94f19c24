// Rows of a checkpoint, as the engine gives them: one JSON object a line.
#include "fuzz.h"

#include "table/delta/checkpoint.h"
#include "table/delta/snapshot.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sl_delta_log log = {.folder = "t", .log_folder = "t/_delta_log"};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    struct sl_delta_snapshot snapshot = {0};
    const char *text = sl_arena_strndup(&arena, (const char *)data, size);

    while (text && *text) {
        size_t length = strcspn(text, "\n");
        const char *row = sl_arena_strndup(&arena, text, length);

        if (!row || sl_delta_checkpoint_apply(&state, row, &arena, NULL) != SL_OK)
            return 0;
        text += length + (text[length] == '\n');
    }
    if (sl_delta_state_check(&state, &log, NULL) == SL_OK)
        (void)!sl_delta_snapshot_read(&state, &arena, &snapshot, NULL);
    return 0;
}
