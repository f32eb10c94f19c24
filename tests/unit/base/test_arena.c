#include "test.h"

#include "base/arena.h"

#include <stdalign.h>

static void memory_is_zeroed_and_aligned_for_any_type(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 16, 17, 1000, 8192, 100000, 3000000};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};

    (void)state;
    for (size_t round = 0; round < 3; round++)
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            unsigned char *bytes = sl_arena_alloc(&arena, sizes[i]);

            assert_non_null(bytes);
            assert_int_equal((uintptr_t)bytes % alignof(max_align_t), 0);
            for (size_t at = 0; at < sizes[i]; at++)
                assert_int_equal(bytes[at], 0);
            memset(bytes, 0xFF, sizes[i]);
        }
}

static void what_was_given_out_is_never_given_out_again(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    uint32_t *items[500];

    (void)state;
    for (uint32_t i = 0; i < COUNT_OF(items); i++) {
        items[i] = SL_NEW_ARRAY(&arena, uint32_t, i);
        assert_non_null(items[i]);
        for (uint32_t at = 0; at < i; at++)
            items[i][at] = i;
    }
    for (uint32_t i = 0; i < COUNT_OF(items); i++)
        for (uint32_t at = 0; at < i; at++)
            assert_int_equal(items[i][at], i);
}

static void the_limit_holds_and_smaller_requests_still_pass(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};

    (void)state;
    sl_arena_init(&arena, 1024);
    assert_non_null(sl_arena_alloc(&arena, 1000));
    assert_null(sl_arena_alloc(&arena, 100));
    assert_null(sl_arena_alloc(&arena, SIZE_MAX));
    assert_null(sl_arena_alloc(&arena, SIZE_MAX / 2 + 1));
    assert_non_null(sl_arena_alloc(&arena, 16));
    assert_int_equal(arena.used_bytes, 1024);
    assert_null(sl_arena_alloc(&arena, 0));
    sl_arena_clear(&arena);
    assert_non_null(sl_arena_alloc(&arena, 1024));
}

static void sizes_that_overflow_are_refused(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    int item = 1;

    (void)state;
    assert_null(sl_arena_grow(&arena, &item, 1, SIZE_MAX / 2, sizeof item));
    assert_null(sl_arena_strndup(&arena, "x", SIZE_MAX));
}

static void clearing_is_fine_for_null_and_twice(void **state)
{
    struct sl_arena arena = {0};

    (void)state;
    sl_arena_clear(NULL);
    assert_non_null(sl_arena_alloc(&arena, 10));
    sl_arena_clear(&arena);
    sl_arena_clear(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_null(arena.blocks);
}

static void texts_are_copied(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char text[] = "hello";
    char *copy = sl_arena_strdup(&arena, text);
    char *part = sl_arena_strndup(&arena, text, 2);
    char *printed = sl_arena_printf(&arena, "%s-%d", text, 42);

    (void)state;
    text[0] = 'X';
    assert_string_equal(copy, "hello");
    assert_string_equal(part, "he");
    assert_string_equal(printed, "hello-42");
    assert_null(sl_arena_strdup(&arena, NULL));
}

static void pushed_items_stay_in_order_while_the_array_grows(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    int64_t *numbers = NULL;
    size_t count = 0;

    (void)state;
    for (int64_t i = 0; i < 1000; i++)
        assert_true(SL_PUSH(&arena, numbers, count, i * i));
    assert_int_equal(count, 1000);
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], i * i);
}

static void a_push_without_memory_changes_nothing(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    int64_t *numbers = NULL;
    size_t count = 0;

    (void)state;
    sl_arena_init(&arena, 64);
    while (SL_PUSH(&arena, numbers, count, 7))
        assert_true(count < 9);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(numbers[i], 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned_for_any_type),
        cmocka_unit_test(what_was_given_out_is_never_given_out_again),
        cmocka_unit_test(the_limit_holds_and_smaller_requests_still_pass),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(clearing_is_fine_for_null_and_twice),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(pushed_items_stay_in_order_while_the_array_grows),
        cmocka_unit_test(a_push_without_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
