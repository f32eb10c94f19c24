// sl_buf_add_sql_matches() says what regexp_matches says, of any pattern and text, and
// sl_buf_add_sql_matches_whole() what regexp_full_match says.
#include "engine_test.h"

#include "base/matches.h"

enum { RANDOM_PATTERNS = 2000, LONGEST = 8 };

static const char texts[] =
    "(values (null), (''), ('a'), ('b'), ('ab'), ('aa'), ('ba'), ('bab'), ('$'), ('a$'), ('a$b'), "
    "('^a'), ('|'), ('a|b'), ('('), (')'), ('\\'), ('Q'), ('é'), ('aé'), (e'a\\n'), (e'\\na'), "
    "(e'b\\na\\nb'), ('new'), ('newest'), ('a@b.c'), ('a@b.c d'), ('A'), ('aab'), ('a b'), ('B@'), "
    "('7'), ('a7_'), ('\u017f'), "
    "('K'), ('-'), ('abab'), (e'a\\x0bb'), ('😀b'), ('a😀'), ('aaaaaaaaaaaaaaaaaaaaab'), ('a{02}'), "
    "('a{1,02}'), ('a{01}')) t(t)";

// By the engine's table of our own, by regexp_full_match or by regexp_matches.
enum form { TABLE, WHOLE, SEARCH, FORMS };

static enum form form_of(const char *sql)
{
    if (strstr(sql, SL_MATCHES_FUNCTION))
        return TABLE;
    return strstr(sql, "regexp_full_match") ? WHOLE : SEARCH;
}

// "same", "other" or "error".
static const char *compare(struct context *context, const char *pattern, enum form *ret_form)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err err = {0};

    sl_buf_add(&sql, "select count(*) from (select t, ");
    sl_buf_add_sql_matches(&sql, "t", pattern);
    *ret_form = form_of(sql.text);
    sl_buf_add(&sql, " as a, regexp_matches(t, ");
    sl_buf_add_sql_string(&sql, pattern);
    sl_buf_add(&sql, ") as b, ");
    sl_buf_add_sql_matches_whole(&sql, "t", pattern);
    sl_buf_add(&sql, " as c, regexp_full_match(t, ");
    sl_buf_add_sql_string(&sql, pattern);
    sl_buf_addf(&sql, ") as d from %s) where a is distinct from b or c is distinct from d", texts);
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

static void a_pattern_is_matched_in_the_quickest_form(void **state)
{
    static const struct {
        const char *pattern;
        enum form form;
    } cases[] = {
        {"^[A-Z]{2}$", TABLE},
        {"^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", TABLE},
        {"^a$", TABLE},
        {"^(new|ab)$", TABLE},
        {"^(?:new|ab)$", TABLE},
        {"^(a|b)(a|b)$", TABLE},
        {"^a|b$", TABLE},
        {"^(a)|(b)$", TABLE},
        {"a", TABLE},
        {"", TABLE},
        {"^$", TABLE},
        {"$^", TABLE},
        {"a$|^b", TABLE},
        {"^a\\$", TABLE},
        {"^a[$]$", TABLE},
        {"^(|a)$", TABLE},
        {"^.b", TABLE},
        {"a.b", TABLE},
        {"(?i)B", TABLE},
        {"^[^a]$", TABLE},
        {"\\S\\W", TABLE},
        {"^.{0,200}$", TABLE},
        {"^.{0,300}$", WHOLE},  // too large
        {"^é$", WHOLE},         // one of the characters beyond ASCII
        {"^[^é]$", WHOLE},      //
        {"(?i)s", SEARCH},      // U+017F
        {"[ab].{14}$", SEARCH}, // as many states as there are texts of 15 characters
        {"^\\C$", WHOLE},
        {"^\\Qa$", SEARCH},
        {"^(?i)a$", SEARCH},
        {"^(?m)a$", SEARCH},
        {"^(?m:a$)|b$", SEARCH},
        {"^a{02}$", WHOLE}, // these braces are characters
        {"^a{1,02}$", WHOLE},
        {"((((){1000}){1000}){1000}){1000}", SEARCH}, // an error, in no time
        {"^(((a{0}){9}){9}){9}$", TABLE},
        {"^*a$", SEARCH},
        {"^?a$", SEARCH},
        {"^{0}a$", SEARCH},
    };
    // The optimizer takes '^$a' for a text that begins with an a.
    exec(*state, "pragma disable_optimizer");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum form form;
        const char *found = compare(*state, cases[i].pattern, &form);
        if (sl_str_equal(found, "other") || form != cases[i].form)
            fail_msg("%s: %s, form %d", cases[i].pattern, found, (int)form);
    }
}

static uint32_t pick(uint32_t *random, size_t count)
{
    *random = *random * 1664525U + 1013904223U;
    return (*random >> 16) % (uint32_t)count;
}

static void patterns_made_at_random_say_the_same_in_all_forms(void **state)
{
    static const char *const parts[] = {
        "a", "b", "^",  "$",  "|",    "(",  ")",     "[",   "]",   "?",   ":",   "*",  "{",  "\\",
        "Q", ".", "\n", "1}", "{01}", "m",  "(?",    "-",   "é",   "\\Q", "(?:", "a|", "+",  "\\$",
        "@", " ", "A",  "[^", "[a",   "b]", "{0,2}", "\\d", "\\w", "\\S", "\\s", "(a", "b)", "|b"};
    struct context *context = *state;
    uint32_t random = 1;
    size_t counts[FORMS] = {0}, error_count = 0;

    exec(context, "pragma disable_optimizer");
    for (size_t i = 0; i < RANDOM_PATTERNS; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf pattern = SL_BUF_INIT;
        enum form form;
        sl_buf_add(&pattern, i % 8 ? "" : "(?i)");
        sl_buf_add(&pattern, i % 3 ? "^" : "");
        for (size_t k = 0; k < 1 + i % LONGEST; k++)
            sl_buf_add(&pattern, parts[pick(&random, sizeof parts / sizeof *parts)]);
        sl_buf_add(&pattern, i % 7 ? "$" : "");
        const char *found = compare(context, pattern.text, &form);
        if (sl_str_equal(found, "other"))
            fail_msg("%s", pattern.text);
        if (sl_str_equal(found, "error")) {
            check_error(context, pattern.text);
            error_count++;
        } else {
            counts[form]++;
        }
    }
    for (size_t i = 0; i < FORMS; i++)
        assert_true(counts[i] > 20);
    assert_true(counts[TABLE] > 200);
    assert_true(error_count > 50);
}

// In constants, in vectors with nulls, and where the engine copies the expression.
static void nulls_and_constants_are_matched_as_well(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err err = {0};
    const char *sql =
        "select count(*), count(m), count(*) filter (m), \"~matches\"('ab', '^a'), "
        "\"~matches\"(null, 'a') is null, \"~matches\"('', '^$') "
        "from (select \"~matches\"(case when i % 3 = 0 then null else 'a' || i end, '^a.*7$') as m "
        "from range(30000) t(i))";

    assert_int_equal(context->session->kind->query(context->session, sql, 0, &result, &err), SL_OK);
    assert_int_equal(sl_result_int(result, 0, 0), 30000);
    assert_int_equal(sl_result_int(result, 0, 1), 20000);
    assert_int_equal(sl_result_int(result, 0, 2), 2000);
    for (size_t i = 3; i < 6; i++)
        assert_string_equal(sl_result_text(result, 0, i), "true");
}

static void a_pattern_that_is_no_constant_is_refused(void **state)
{
    struct context *context = *state;
    static const char *const wrong[] = {
        "select \"~matches\"('a', p) from (select 'a' as p union all select 'b')",
        "select \"~matches\"('a', '(')",
        "select \"~matches\"('a', 'é')",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        SL_AUTO(sl_result_free) struct sl_result *result = NULL;
        struct sl_err err = {0};
        if (context->session->kind->query(context->session, wrong[i], 0, &result, &err) == SL_OK)
            fail_msg("%s", wrong[i]);
        assert_non_null(strstr(err.message, "takes a constant pattern"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(a_pattern_is_matched_in_the_quickest_form),
        SESSION_TEST(patterns_made_at_random_say_the_same_in_all_forms),
        SESSION_TEST(nulls_and_constants_are_matched_as_well),
        SESSION_TEST(a_pattern_that_is_no_constant_is_refused),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
