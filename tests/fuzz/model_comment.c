// Any text is a model's file: its parts lie inside it, at the places that are told.
#include "fuzz.h"

#include "spec/load.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

// The place of `at`, counted from the start of the text.
static void check_place(const char *text, const char *at, int line, int column)
{
    int found_line = 1;
    int found_column = 1;

    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    for (; text < at; text++) {
        if (*text == '\n') {
            found_line++;
            found_column = 1;
        } else if (((unsigned char)*text & 0xC0) != 0x80) {
            found_column++;
        }
    }
    must(line == found_line && column == found_column);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *text = sl_arena_strndup(&arena, (const char *)data, size);
    struct sl_model_text parts;

    if (!text)
        return 0;
    sl_model_split(text, &parts);
    must(parts.sql != NULL);
    if (parts.is_open) {
        must(parts.comment_line >= 1 && *parts.sql == '\0');
        return 0;
    }
    must(parts.sql >= text && parts.sql <= text + strlen(text));
    check_place(text, parts.sql, parts.sql_line, parts.sql_column);
    if (parts.settings) {
        must(parts.settings >= text && parts.settings + parts.settings_length + 2 <= parts.sql);
        must(strncmp(parts.settings + parts.settings_length, "*/", 2) == 0);
        check_place(text, parts.settings, parts.settings_line, parts.settings_column);
    }
    must(parts.stray_line == 0 || parts.stray_line >= parts.sql_line);
    return 0;
}
