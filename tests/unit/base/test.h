// What every test here includes: cmocka with what it needs, and folders that vanish with their
// test.
#ifndef SL_TESTS_UNIT_BASE_TEST_H
#define SL_TESTS_UNIT_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

struct test_folder {
    char path[64];
    struct sl_arena arena;
};

// cmocka setup and teardown: *state is a struct test_folder, and the working folder is inside it.
static inline int enter_folder(void **state)
{
    struct test_folder *folder = calloc(1, sizeof *folder);

    assert_non_null(folder);
    sl_arena_init(&folder->arena, 0);
    strcpy(folder->path, "/tmp/sluice-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    assert_int_equal(chdir(folder->path), 0);
    *state = folder;
    return 0;
}

static inline int leave_folder(void **state)
{
    struct test_folder *folder = *state;
    struct sl_err err;

    assert_int_equal(chdir("/"), 0);
    assert_int_equal(sl_fs_remove_tree(folder->path, &err), SL_OK);
    sl_arena_clear(&folder->arena);
    free(folder);
    return 0;
}

static inline void write_file(const char *path, const char *text)
{
    struct sl_err err;

    assert_int_equal(sl_fs_write(path, text, strlen(text), &err), SL_OK);
}

static inline const char *read_file(struct sl_arena *arena, const char *path)
{
    const char *text = NULL;
    size_t length;
    struct sl_err err;

    assert_int_equal(sl_fs_read(path, 1 << 20, arena, &text, &length, &err), SL_OK);
    return text;
}

#endif
