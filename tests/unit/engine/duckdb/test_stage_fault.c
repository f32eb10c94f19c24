// Built with fault points, which this test itself is the other end of.
#include "engine_test.h"

// Which call of sl_fault_point fails; those before it count down.
static int *fault_countdown(void)
{
    static int countdown;

    return &countdown;
}

int sl_fault_point(const char *operation, struct sl_err *err)
{
    // In a fault build the layers below come here as well.
    if (strcmp(operation, "stage") == 0 && --*fault_countdown() == 0)
        return sl_fail(err, SL_E_IO, "injected");
    return SL_OK;
}

static void staging_can_be_killed_before_and_after(void **state)
{
    struct context *context = *state;
    struct sl_stage_options options = {.folder = ".", .file_prefix = "part"};

    for (int fails_at = 1; fails_at <= 3; fails_at++) {
        struct sl_staged staged = {.row_count = 99};
        bool is_last = fails_at == 3;
        int code;
        *fault_countdown() = fails_at;
        code = sl_engine_duckdb.stage(context->session, "select 1 as a", &options, &context->arena,
                                      &staged, &context->err);
        assert_int_equal(code, is_last ? SL_OK : SL_E_IO);
        assert_int_equal(staged.row_count, is_last ? 1 : 99);
        assert_int_equal(sl_fs_exists("part-0.parquet"), fails_at > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {SESSION_TEST(staging_can_be_killed_before_and_after)};

    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
