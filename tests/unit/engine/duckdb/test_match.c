// sl_buf_add_sql_matches() says what regexp_matches says, of any pattern and text.
#include "engine_test.h"

#include "base/buf.h"

enum { RANDOM_PATTERNS = 1500, LONGEST = 8 };

static const char texts[] =
    "(values (null), (''), ('a'), ('b'), ('ab'), ('aa'), ('ba'), ('bab'), ('$'), ('a$'), ('a$b'), "
    "('^a'), ('|'), ('a|b'), ('('), (')'), ('\\'), ('Q'), ('é'), ('aé'), (e'a\\n'), (e'\\na'), "
    "(e'b\\na\\nb'), ('new'), ('newest'), ('a@b.c'), ('a@b.c d'), ('A')) t(t)";

// "same", "other" or "error".
static const char *compare(struct context *context, const char *pattern, bool *ret_is_whole)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err err = {0};

    sl_buf_add(&sql, "select count(*) from (select t, ");
    sl_buf_add_sql_matches(&sql, "t", pattern);
    *ret_is_whole = strstr(sql.text, "regexp_full_match") != NULL;
    sl_buf_add(&sql, " as a, regexp_matches(t, ");
    sl_buf_add_sql_string(&sql, pattern);
    sl_buf_addf(&sql, ") as b from %s) where a is distinct from b", texts);
    if (context->session->kind->query(context->session, sql.text, 0, &result, &err) != SL_OK)
        return "error";
    return sl_result_int(result, 0, 0) == 0 ? "same" : "other";
}

// A wrong pattern is wrong in both forms.
static void check_error(struct context *context, const char *pattern)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_result_free) struct sl_result *other = NULL;
    struct sl_err err = {0};

    sl_buf_add(&sql, "select ");
    sl_buf_add_sql_matches(&sql, "'a'", pattern);
    if (context->session->kind->query(context->session, sql.text, 0, &result, &err) == SL_OK)
        fail_msg("%s is taken", pattern);
    sl_buf_reset(&sql);
    sl_buf_add(&sql, "select regexp_matches('a', ");
    sl_buf_add_sql_string(&sql, pattern);
    sl_buf_add(&sql, ")");
    if (context->session->kind->query(context->session, sql.text, 0, &other, &err) == SL_OK)
        fail_msg("%s is no error of regexp_matches", pattern);
}

static void a_pattern_of_the_whole_text_is_matched_as_one(void **state)
{
    static const struct {
        const char *pattern;
        bool is_whole;
    } cases[] = {
        {"^[A-Z]{2}$", true},   {"^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", true},
        {"^a$", true},          {"^(new|ab)$", true},
        {"^(?:new|ab)$", true}, {"^(a|b)(a|b)$", false},
        {"^a|b$", false},       {"^(a)|(b)$", false},
        {"a", false},           {"^a", false},
        {"a$", false},          {"", false},
        {"^$", false},          {"^a\\$", false},
        {"^\\Qa$", false},      {"^(?i)a$", false},
        {"^(?m)a$", false},     {"^(?m:a$)|b$", false},
        {"^*a$", false},        {"^?a$", false},
        {"^{0}a$", false},      {"^a[$]$", true},
        {"^(|a)$", true},       {"^\\C$", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool is_whole;
        assert_string_equal(compare(*state, cases[i].pattern, &is_whole), "same");
        if (is_whole != cases[i].is_whole)
            fail_msg("%s", cases[i].pattern);
    }
}

static void patterns_made_at_random_say_the_same_in_both_forms(void **state)
{
    static const char *const parts[] = {"a", "b",  "^", "$", "|",   "(",    ")",   "[",  "]",
                                        "?", ":",  "*", "{", "\\",  "Q",    ".",   "\n", "1}",
                                        "m", "(?", "-", "é", "\\Q", "(?:a", "a|b", "+",  "\\$"};
    struct context *context = *state;
    uint32_t random = 1;

    // The optimizer takes '^$a' for a text that begins with an a.
    exec(context, "pragma disable_optimizer");
    size_t whole_count = 0, error_count = 0;

    for (size_t i = 0; i < RANDOM_PATTERNS; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf pattern = SL_BUF_INIT;
        bool is_whole;
        sl_buf_add(&pattern, i % 8 ? "^" : "");
        for (size_t k = 0; k < 1 + i % LONGEST; k++) {
            random = random * 1664525U + 1013904223U;
            sl_buf_add(&pattern, parts[(random >> 16) % (sizeof parts / sizeof *parts)]);
        }
        sl_buf_add(&pattern, i % 7 ? "$" : "");
        const char *found = compare(context, pattern.text, &is_whole);
        if (sl_str_equal(found, "other"))
            fail_msg("%s", pattern.text);
        if (sl_str_equal(found, "error")) {
            check_error(context, pattern.text);
            error_count++;
        }
        whole_count += is_whole && sl_str_equal(found, "same");
    }
    assert_true(whole_count > 50);
    assert_true(error_count > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(a_pattern_of_the_whole_text_is_matched_as_one),
        SESSION_TEST(patterns_made_at_random_say_the_same_in_both_forms),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
