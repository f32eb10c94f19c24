// Packed files: what was packed comes out, and whatever is missing or wrong fails the file.
#include "splitting.h"

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct packed {
    unsigned char bytes[4096];
    size_t length;
};

static void add_gzip(struct packed *packed, const char *text)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text,
                       .avail_in = (uInt)strlen(text),
                       .next_out = packed->bytes + packed->length,
                       .avail_out = (uInt)(sizeof packed->bytes - packed->length)};

    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed->length = sizeof packed->bytes - stream.avail_out;
    deflateEnd(&stream);
}

static void add_zstd(struct packed *packed, const char *text)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();

    assert_non_null(context);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    packed->length += ZSTD_compress2(context, packed->bytes + packed->length,
                                     sizeof packed->bytes - packed->length, text, strlen(text));
    ZSTD_freeCCtx(context);
}

static const struct packing {
    const char *ending;
    void (*add)(struct packed *packed, const char *text);
} packings[] = {{".gz", add_gzip}, {".zst", add_zstd}};

#define FIRST "a,b\n1,2\n3,\"x\n"
#define SECOND "y\"\n4,5\n"
#define RECORDS "2: [1] [2]\n3: [3] [x\\ny]\n5: [4] [5]\n"

static void init(struct splitting *splitting, const struct packing *packing)
{
    splitting_init(splitting);
    unlink(splitting->path);
    strcat(splitting->path, packing->ending);
}

static void parts_that_were_packed_one_by_one_are_read_as_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(packings); i++) {
        struct packed packed = {0};
        struct splitting splitting;

        init(&splitting, &packings[i]);
        packings[i].add(&packed, "");
        packings[i].add(&packed, FIRST);
        packings[i].add(&packed, "");
        packings[i].add(&packed, SECOND);
        splitting_write(&splitting, packed.bytes, packed.length);
        for (size_t chunk = 0; chunk < 40; chunk++) {
            assert_int_equal(splitting_run(&splitting, chunk), SL_OK);
            assert_string_equal(splitting.records.text, RECORDS);
        }
        splitting_clear(&splitting);
    }
}

// Cut between two parts, the file cannot be told from a whole one.
static void a_file_cut_anywhere_in_a_part_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(packings); i++) {
        struct packed packed = {0};
        struct splitting splitting;
        size_t first;

        init(&splitting, &packings[i]);
        packings[i].add(&packed, FIRST);
        first = packed.length;
        packings[i].add(&packed, SECOND);
        for (size_t length = 0; length <= packed.length; length++) {
            bool is_whole = length == first || length == packed.length;

            splitting_write(&splitting, packed.bytes, length);
            for (size_t chunk = 0; chunk < 9; chunk += 4)
                if (splitting_run(&splitting, chunk) != (is_whole ? SL_OK : SL_E_SOURCE_FILE))
                    fail_msg("%s cut after %zu bytes: %s", packings[i].ending, length,
                             splitting.err.message);
        }
        assert_string_equal(splitting.records.text, RECORDS);
        splitting_clear(&splitting);
    }
}

static void a_file_with_any_byte_changed_fails_or_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(packings); i++) {
        struct packed packed = {0};
        struct splitting splitting;
        size_t failed = 0;

        init(&splitting, &packings[i]);
        packings[i].add(&packed, FIRST SECOND);
        for (size_t at = 0; at < packed.length; at++) {
            packed.bytes[at] ^= 0x55;
            splitting_write(&splitting, packed.bytes, packed.length);
            // Some bytes (a time, a level) say nothing of the text.
            if (splitting_run(&splitting, 0) == SL_OK)
                assert_string_equal(splitting.records.text, RECORDS);
            else
                failed++;
            packed.bytes[at] ^= 0x55;
        }
        assert_true(failed > packed.length / 2);
        splitting_clear(&splitting);
    }
}

static void what_follows_the_last_part_fails_the_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(packings); i++) {
        struct packed packed = {0};
        struct splitting splitting;

        init(&splitting, &packings[i]);
        packings[i].add(&packed, FIRST SECOND);
        memcpy(packed.bytes + packed.length, "garbage", 7);
        splitting_write(&splitting, packed.bytes, packed.length + 7);
        assert_int_equal(splitting_run(&splitting, 0), SL_E_SOURCE_FILE);
        splitting_clear(&splitting);
    }
}

static void the_hash_is_of_the_bytes_as_they_are_stored(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(packings); i++) {
        SL_AUTO(sl_input_close) struct sl_input *input = NULL;
        struct packed packed = {0};
        struct splitting splitting;
        _Atomic int64_t done = 0;
        char bytes[7];
        char expected[65];
        char found[65];
        int64_t size = 0;
        size_t length;

        init(&splitting, &packings[i]);
        packings[i].add(&packed, FIRST SECOND);
        splitting_write(&splitting, packed.bytes, packed.length);
        assert_int_equal(sl_fs_hash(splitting.path, expected, NULL), SL_OK);
        assert_int_equal(sl_input_open(splitting.path, &input, NULL), SL_OK);
        sl_input_count(input, &done);
        do
            assert_int_equal(sl_input_read(input, bytes, sizeof bytes, &length, NULL), SL_OK);
        while (length > 0);
        assert_int_equal(sl_input_hash(input, found, &size, NULL), SL_OK);
        assert_string_equal(found, expected);
        assert_int_equal(size, packed.length);
        assert_int_equal(atomic_load(&done), packed.length);
        splitting_clear(&splitting);
    }
}

static void a_file_that_is_not_there_or_a_folder_fails(void **state)
{
    struct sl_input *input = NULL;
    struct sl_err err = {0};
    char bytes[8];
    size_t length;

    (void)state;
    assert_int_equal(sl_input_open("/tmp/no-such-file.csv", &input, &err), SL_E_SOURCE_FILE);
    assert_int_equal(err.code, SL_E_SOURCE_FILE);
    assert_int_equal(sl_input_open("/tmp", &input, &err), SL_OK);
    assert_int_equal(sl_input_read(input, bytes, sizeof bytes, &length, &err), SL_E_SOURCE_FILE);
    sl_input_close(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_that_were_packed_one_by_one_are_read_as_one),
        cmocka_unit_test(a_file_cut_anywhere_in_a_part_fails),
        cmocka_unit_test(a_file_with_any_byte_changed_fails_or_is_the_same),
        cmocka_unit_test(what_follows_the_last_part_fails_the_file),
        cmocka_unit_test(the_hash_is_of_the_bytes_as_they_are_stored),
        cmocka_unit_test(a_file_that_is_not_there_or_a_folder_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
