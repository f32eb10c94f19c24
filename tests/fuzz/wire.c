// Any bytes are a message between a process and its aide: what is read of it lies within it, texts
// end in it, and all of it is read in a bounded number of steps. What was written is read as it
// was.
#include "fuzz.h"

#include "run/aide_wire.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void read_any(const char *bytes, size_t size)
{
    struct sl_wire from = {bytes, bytes + size};
    for (size_t step = 0; from.at < from.end && step <= size; step++) {
        const char *before = from.at, *text;
        size_t length = 0;
        if (step % 3 == 0) {
            (void)sl_wire_number(&from);
        } else if (step % 3 == 1) {
            text = sl_wire_bytes(&from, &length);
            must(!text || (text >= bytes && text[length] == '\0' && text + length < from.end));
        } else {
            text = sl_wire_text(&from);
            must(!text || text + strlen(text) < from.end);
        }
        must(from.at >= before && from.at <= from.end);
    }
}

// Cut in two: a text, its bytes, and how many there are.
static void write_and_read(const char *bytes, size_t size)
{
    SL_AUTO(sl_buf_clear) struct sl_buf message = SL_BUF_INIT;
    size_t cut = size / 2, length;
    char *text = strndup(bytes, cut);
    must(text != NULL);
    sl_wire_put_text(&message, text);
    sl_wire_put_bytes(&message, bytes + cut, size - cut);
    sl_wire_put_text(&message, NULL);
    sl_wire_put_number(&message, (int64_t)size);
    must(!message.has_failed);
    struct sl_wire from = {message.text, message.text + message.length};
    must(strcmp(sl_wire_text(&from), text) == 0);
    const char *again = sl_wire_bytes(&from, &length);
    must(again && length == size - cut && memcmp(again, bytes + cut, length) == 0);
    must(!sl_wire_text(&from) && sl_wire_number(&from) == (int64_t)size && from.at == from.end);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_any((const char *)data, size);
    write_and_read((const char *)data, size);
    return 0;
}
