#include "test.h"

#include "base/map.h"

#include <stdio.h>

static void values_are_found_by_their_keys(void **state)
{
    SL_AUTO(sl_map_clear) struct sl_map map = {0};
    struct sl_err err;
    char key[16];
    static int values[1000];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(sl_map_set(&map, key, &values[i], &err), SL_OK);
    }
    assert_int_equal(sl_map_count(&map), 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_ptr_equal(sl_map_get(&map, key), &values[i]);
    }
    assert_null(sl_map_get(&map, "key"));
    assert_null(sl_map_get(&map, ""));
}

static void iteration_is_in_order_of_insertion(void **state)
{
    static const char *const order[] = {"zebra", "ant", "", "mole"};
    SL_AUTO(sl_map_clear) struct sl_map map = {0};
    struct sl_err err;
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(order); i++)
        assert_int_equal(sl_map_set(&map, order[i], (void *)&order[i], &err), SL_OK);
    // A new value leaves the place of its key.
    assert_int_equal(sl_map_set(&map, "ant", NULL, &err), SL_OK);
    for (const struct sl_map_entry *it = sl_map_first(&map); it; it = sl_map_next(it), at++) {
        assert_string_equal(sl_map_key(it), order[at]);
        assert_ptr_equal(sl_map_value(it), at == 1 ? NULL : (void *)&order[at]);
    }
    assert_int_equal(at, 4);
    assert_true(sl_map_has(&map, "ant"));
}

static void removed_keys_are_gone_and_may_come_back(void **state)
{
    SL_AUTO(sl_map_clear) struct sl_map map = {0};
    struct sl_err err;
    int value;

    (void)state;
    assert_int_equal(sl_map_set(&map, "a", &value, &err), SL_OK);
    sl_map_remove(&map, "nothing");
    sl_map_remove(&map, "a");
    assert_false(sl_map_has(&map, "a"));
    assert_int_equal(sl_map_count(&map), 0);
    assert_null(sl_map_first(&map));
    assert_int_equal(sl_map_set(&map, "a", &value, &err), SL_OK);
    assert_true(sl_map_has(&map, "a"));
}

static void keys_are_copied_and_clearing_is_fine_twice(void **state)
{
    struct sl_map map = {0};
    struct sl_err err;
    char key[] = "abc";

    (void)state;
    assert_int_equal(sl_map_set(&map, key, NULL, &err), SL_OK);
    key[0] = 'x';
    assert_true(sl_map_has(&map, "abc"));
    assert_false(sl_map_has(&map, "xbc"));
    sl_map_clear(&map);
    sl_map_clear(&map);
    sl_map_clear(NULL);
    assert_int_equal(sl_map_count(&map), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_by_their_keys),
        cmocka_unit_test(iteration_is_in_order_of_insertion),
        cmocka_unit_test(removed_keys_are_gone_and_may_come_back),
        cmocka_unit_test(keys_are_copied_and_clearing_is_fine_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
