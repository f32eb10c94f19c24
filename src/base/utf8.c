#include "base/utf8.h"

static int is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t sl_utf8_length(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t need;

    if (length == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    need = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (length < need)
        return 0;
    for (size_t i = 1; i < need; i++)
        if (!is_continuation(at[i]))
            return 0;
    // The second byte rules out overlong forms (E0, F0), surrogates (ED) and what lies beyond
    // U+10FFFF (F4).
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
        (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F))
        return 0;
    return need;
}

size_t sl_utf8_cut(const char *text, size_t length)
{
    size_t cut = length;

    while (cut > 0 && is_continuation((unsigned char)text[cut]))
        cut--;
    return cut;
}
