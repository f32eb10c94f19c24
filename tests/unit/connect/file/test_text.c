// Encodings: what is read, and what of it is kept byte by byte where a record is corrupt.
#include "splitting.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
    const char *name, *encoding;
    const char *bytes;
    size_t length;
    const char *records;
} cases[] = {
    {"UTF-16, low byte first", "utf-16",
     BYTES("\xFF\xFE"
           "a\0,\0b\0\n\0"
           "1\0,\0\xE9\0\n\0"),
     "2: [1] [\\xC3\\xA9]\n"},
    {"UTF-16, high byte first", "utf-16",
     BYTES("\xFE\xFF\0a\0,\0b\0\r\0\n\0"
           "1\0,\x20\xAC\0\r\0\n"),
     "2: [1] [\\xE2\\x82\\xAC]\n"},
    {"UTF-16 without a mark, low byte first", "utf-16",
     BYTES("a\0,\0b\0\n\0"
           "1\0,\0"
           "2\0"),
     "2: [1] [2]\n"},
    {"UTF-16 without a mark, high byte first", "utf-16",
     BYTES("\0a\0,\0b\0\n\0"
           "1\0,\0"
           "2"),
     "2: [1] [2]\n"},
    {"UTF-16 that was not declared", "utf-8",
     BYTES("\xFF\xFE"
           "a\0,\0b\0\n\0"
           "1\0,\0"
           "2\0"),
     "2: [1] [2]\n"},
    {"a pair of UTF-16", "utf-16",
     BYTES("\xFF\xFE"
           "a\0,\0b\0\n\0"
           "1\0,\0\x3D\xD8\x00\xDE\n\0"),
     "2: [1] [\\xF0\\x9F\\x98\\x80]\n"},
    {"corrupt in UTF-16", "utf-16",
     BYTES("\xFF\xFE"
           "a\0,\0b\0\n\0\xE9\0\r\0\n\0"
           "1\0,\0"
           "2\0\n\0"),
     "2! \\xE9\\x00\n3: [1] [2]\n"},
    {"half a pair of UTF-16", "utf-16",
     BYTES("\xFF\xFE"
           "a\0,\0b\0\n\0"
           "1\0,\0\x3D\xD8"
           "2\0\n\0"
           "3\0,\0\x00\xDE\n\0"),
     "2! 1\\x00,\\x00=\\xD82\\x00\n3! 3\\x00,\\x00\\x00\\xDE\n"},
    {"half a pair of UTF-16 at the end", "utf-16",
     BYTES("\xFF\xFE"
           "a\0,\0b\0\n\0"
           "1\0,\0\x3D\xD8"),
     "2! 1\\x00,\\x00=\\xD8\n"},
    {"an odd last byte of UTF-16", "utf-16",
     BYTES("\xFE\xFF\0a\0,\0b\0\n\0"
           "1\0,\0\xE9\0"),
     "2! \\x001\\x00,\\x00\\xE9\\x00\n"},
    {"an odd last byte alone", "utf-16", BYTES("\xFE\xFF\0a\0,\0b\0\n\n"), "2! \\n\n"},
    {"a pair in a corrupt record", "utf-16",
     BYTES("\xFE\xFF\0a\0,\0b\0\n\xD8\x3D\xDE\x00\x20\xAC\0x\0\n"),
     "2! \\xD8=\\xDE\\x00 \\xAC\\x00x\n"},
    {"Latin-1", "latin-1", BYTES("a,b\n\xE9,\x80\xFF\n"),
     "2: [\\xC3\\xA9] [\\xC2\\x80\\xC3\\xBF]\n"},
    {"corrupt in Latin-1", "latin-1", BYTES("a,b\nx\xE9\x7F\x80\n1,2\n"),
     "2! x\\xE9\\x7F\\x80\n3: [1] [2]\n"},
    {"a mark in Latin-1 is data", "latin-1", BYTES("a,b\n\xEF\xBB\xBF,\xFF\xFE\n"),
     "2: [\\xC3\\xAF\\xC2\\xBB\\xC2\\xBF] [\\xC3\\xBF\\xC3\\xBE]\n"},
    {"a mark in the midst is data", "utf-8", BYTES("a,b\n\xEF\xBB\xBF,2\n"),
     "2: [\\xEF\\xBB\\xBF] [2]\n"},
    {"UTF-16 that has no mark and was not declared", "utf-8",
     BYTES("a,b\n1\0,\0"
           "2\0\n"),
     "2! 1\\x00,\\x002\\x00\n"},
};

static void encodings_are_decoded_and_corrupt_bytes_stay_as_they_are(void **state)
{
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        splitting.options.encoding = cases[i].encoding;
        splitting_write(&splitting, cases[i].bytes, cases[i].length);
        for (size_t chunk = 0; chunk <= cases[i].length; chunk++) {
            if (splitting_run(&splitting, chunk) != SL_OK)
                fail_msg("%s (%zu bytes at once): %s", cases[i].name, chunk, splitting.err.message);
            if (strcmp(splitting.names.text, "a,b") != 0 ||
                strcmp(splitting.records.text, cases[i].records) != 0)
                fail_msg("%s (%zu bytes at once):\n%s\n%s", cases[i].name, chunk,
                         splitting.names.text, splitting.records.text);
        }
    }
    splitting_clear(&splitting);
}

// Any bytes at all, read as one corrupt line, come out as they went in.
static void any_bytes_come_out_as_they_went_in(void **state)
{
    static const struct sl_text_options options[] = {
        {SL_TEXT_UTF8, 3}, {SL_TEXT_UTF16, 3}, {SL_TEXT_UTF16_BE, 3}, {SL_TEXT_LATIN1, 3}};
    struct splitting splitting;
    unsigned char bytes[1001];
    struct sl_buf raw = SL_BUF_INIT;
    uint32_t random = 7;

    (void)state;
    splitting_init(&splitting);
    for (size_t i = 0; i < sizeof bytes; i++) {
        random = random * 1664525 + 1013904223;
        // Often in the range of UTF-16 pairs.
        bytes[i] = (unsigned char)(random >> 24 & (random & 0x100 ? 0xFF : 0xDF));
        if (random & 0x600)
            bytes[i] |= 0xD8;
    }
    bytes[0] = 'a';
    for (size_t length = 3; length <= sizeof bytes; length += 37)
        for (size_t i = 0; i < COUNT_OF(options); i++) {
            struct sl_text text;
            splitting_write(&splitting, bytes, length);
            assert_int_equal(sl_text_open(splitting.path, &options[i], &text, NULL), SL_OK);
            assert_int_equal(sl_text_fill_to(&text, SIZE_MAX, NULL), SL_OK);
            assert_true(text.is_at_end);
            sl_buf_reset(&raw);
            sl_text_raw(&text, text.bytes + text.start, text.end - text.start, &raw);
            assert_int_equal(raw.length, length);
            assert_memory_equal(raw.text, bytes, length);
            sl_text_close(&text);
        }
    sl_buf_clear(&raw);
    splitting_clear(&splitting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_are_decoded_and_corrupt_bytes_stay_as_they_are),
        cmocka_unit_test(any_bytes_come_out_as_they_went_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
