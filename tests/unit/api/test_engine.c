#include "../base/test.h"

#include "api/result.h"

struct fake_engine {
    struct sl_engine base;
    int close_count;
};
struct fake_session {
    struct sl_session base;
    int close_count;
};

static void close_engine(struct sl_engine *engine)
{
    ((struct fake_engine *)engine)->close_count++;
}

static void close_session(struct sl_session *session)
{
    ((struct fake_session *)session)->close_count++;
}

static const struct sl_engine_kind kind = {
    .name = "fake", .close = close_engine, .disconnect = close_session};

static void closing_goes_through_the_kind_just_once(void **state)
{
    struct fake_engine fake = {.base = {.kind = &kind}};
    struct fake_session fake_session = {.base = {.kind = &kind, .engine = &fake.base}};
    struct sl_engine *engine = &fake.base;
    struct sl_session *session = &fake_session.base;

    (void)state;
    sl_session_close(&session);
    sl_session_close(&session);
    sl_session_close(NULL);
    sl_engine_close(&engine);
    sl_engine_close(&engine);
    sl_engine_close(NULL);
    assert_null(engine);
    assert_null(session);
    assert_int_equal(fake.close_count, 1);
    assert_int_equal(fake_session.close_count, 1);
}

static void cells_come_back_as_they_were_put_in(void **state)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err err;
    char text[] = "changed";

    (void)state;
    assert_int_equal(sl_result_new(0, &result, &err), SL_OK);
    assert_int_equal(sl_result_rows(result), 0);
    assert_int_equal(sl_result_add_column(result, "id", "BIGINT", &err), SL_OK);
    assert_int_equal(sl_result_add_column(result, "name", "VARCHAR", &err), SL_OK);
    assert_int_equal(sl_result_rows(result), 0);
    assert_int_equal(sl_result_add_cell(result, "42", 2, &err), SL_OK);
    assert_int_equal(sl_result_add_cell(result, text, strlen(text), &err), SL_OK);
    assert_int_equal(sl_result_add_cell(result, NULL, 0, &err), SL_OK);
    assert_int_equal(sl_result_add_cell(result, "", 0, &err), SL_OK);
    text[0] = 'X';
    assert_int_equal(sl_result_columns(result), 2);
    assert_int_equal(sl_result_rows(result), 2);
    assert_string_equal(sl_result_name(result, 1), "name");
    assert_string_equal(sl_result_type(result, 0), "BIGINT");
    assert_string_equal(sl_result_text(result, 0, 1), "changed");
    assert_null(sl_result_text(result, 1, 0));
    assert_string_equal(sl_result_text(result, 1, 1), "");
    assert_int_equal(sl_result_int(result, 0, 0), 42);
    assert_int_equal(sl_result_int(result, 0, 1), 0);
    assert_int_equal(sl_result_int(result, 1, 0), 0);
}

static void a_result_stays_below_its_limit(void **state)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err err;
    int code = SL_OK;
    int count = 0;

    (void)state;
    assert_int_equal(sl_result_new(4096, &result, &err), SL_OK);
    assert_int_equal(sl_result_add_column(result, "a", "VARCHAR", &err), SL_OK);
    while ((code = sl_result_add_cell(result, "0123456789", 10, &err)) == SL_OK)
        count++;
    assert_int_equal(code, SL_E_MEMORY);
    assert_in_range(count, 10, 400);
    assert_int_equal(sl_result_rows(result), count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_goes_through_the_kind_just_once),
        cmocka_unit_test(cells_come_back_as_they_were_put_in),
        cmocka_unit_test(a_result_stays_below_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
