// Splitting with each of its allocations failing in turn: it says so, leaks nothing (the leak
// sanitizer watches), and with enough memory gives all records.
#include "splitting.h"

#include "../../base/alloc_fault.h"
#include "base/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *text, *encoding;
    enum sl_split_format format;
    int64_t records;
} cases[] = {
    {"csv", "a,\"b\"\"c\"\n1,\"x\"\"y\"\n2\n\"3\n", "utf-8", SL_SPLIT_CSV, 3},
    {"csv in Latin-1", "a,b\n1,2\n\xE9\n", "latin-1", SL_SPLIT_CSV, 2},
    {"lines", "{\"a\":1,\"b\\u0061\":\"x\\n\"}\n{\"c\":[{}]}\nx\n", "utf-8", SL_SPLIT_LINES, 3},
    {"array", "[{\"a\":1,\"b\":\"\\\"\"},{\"c\":null},5]", "utf-8", SL_SPLIT_ARRAY, 3},
};

static int split(const struct splitting *splitting, int64_t *ret_records, struct sl_err *err)
{
    const struct sl_split_file file = {splitting->path, &splitting->options, splitting->format, ",",
                                       7};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_split_clear)
    struct sl_split found = {.scratch = SL_BUF_INIT, .raw = SL_BUF_INIT};
    SL_AUTO(sl_split_clear)
    struct sl_split opened = {.scratch = SL_BUF_INIT, .raw = SL_BUF_INIT};
    SL_AUTO(sl_fd_close) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    SL_AUTO(sl_lane_clear) struct sl_lane lane = {.fd = fd};

    SL_TRY(sl_split_open(&file, NULL, &arena, &found, err));
    SL_TRY(sl_split_open(&file, &found.names, &arena, &opened, err));
    sl_split_set_lane(&opened, &lane);
    SL_TRY(sl_split_run(&opened, &lane, err));
    *ret_records = lane.records;
    return SL_OK;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct splitting splitting;
        long failures = 0;

        splitting_init(&splitting);
        splitting.format = cases[i].format;
        splitting.options.encoding = cases[i].encoding;
        splitting_write(&splitting, cases[i].text, strlen(cases[i].text));
        for (;; failures++) {
            struct sl_err err = {0};
            int64_t records = 0;
            int code;

            alloc_fault_arm(failures);
            code = split(&splitting, &records, &err);
            if (!alloc_fault_disarm()) {
                assert_int_equal(code, SL_OK);
                assert_int_equal(records, cases[i].records);
                break;
            }
            if (code != SL_E_MEMORY || err.code != SL_E_MEMORY)
                fail_msg("%s: allocation %ld failed and the call gave %d (%s)", cases[i].name,
                         failures, code, err.message);
        }
        assert_true(failures > 5);
        splitting_clear(&splitting);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failed_allocation_is_reported)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
