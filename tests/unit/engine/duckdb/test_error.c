#include "engine_test.h"

#include "engine/duckdb/session.h"

#include <signal.h>
#include <sys/resource.h>

#define OWN_FAULT "this is a fault in the engine: say it in other words, and report it"

static const struct {
    const char *message;
    enum sl_code code;
    const char *text, *hint;
} messages[] = {
    {NULL, SL_E_MEMORY, "out of memory", ""},
    {"plain words", SL_E_ENGINE, "plain words", ""},
    {"{not json", SL_E_ENGINE, "{not json", ""},
    {"{\"a\": 1}", SL_E_ENGINE, "{\"a\": 1}", ""},
    {"{\"exception_type\":\"Binder\",\"exception_message\":\"no x!\\nCandidates: a\"}", SL_E_ENGINE,
     "no x", "Candidates: a"},
    {"{\"exception_type\":\"Binder\",\"exception_message\":\"x\",\"candidates\":\"a, b\"}",
     SL_E_ENGINE, "x", "did you mean 'a' or 'b'?"},
    {"{\"exception_type\":\"Catalog\",\"exception_message\":\"x\",\"candidates\":\"pg_a,b\"}",
     SL_E_ENGINE, "x", "did you mean 'b'?"},
    {"{\"exception_type\":\"Catalog\",\"exception_message\":\"x\",\"candidates\":\"pg_a\"}",
     SL_E_ENGINE, "x", ""},
    {"{\"exception_type\":\"Interrupt\",\"exception_message\":\"Interrupted!\"}", SL_E_INTERRUPTED,
     "Interrupted", ""},
    {"{\"exception_type\":\"Out of Memory\",\"exception_message\":\"x\\n\\n* a\\n* b\"}",
     SL_E_MEMORY, "x",
     "give it more with engine.memory in sluice.yml or SLUICE_ENGINE_MEMORY=4GB, or let less go on "
     "at once: engine.threads, concurrency"},
    {"{\"exception_type\":\"Out of Memory\",\"exception_message\":\"failed to offload data block "
     "of "
     "size 1 (2/2 used).\\nThis limit was set by the 'max_temp_directory_size' setting.\"}",
     SL_E_NO_SPACE, "failed to offload data block of size 1 (2/2 used)",
     "what does not fit into memory goes to the disk: make room in the folder engine.temp, name "
     "one on a larger disk, or give more engine.memory"},
    {"{\"exception_type\":\"Binder\",\"exception_message\":\"x\",\"candidates\":\"+(A) -> A, +(B, "
     "C) -> "
     "B\"}",
     SL_E_ENGINE, "x", "the two sides do not fit: cast one of them, as in x::integer"},
    {"{\"exception_type\":\"Binder\",\"exception_message\":\"x\",\"candidates\":\"f(A) -> A, f(B, "
     "C) -> "
     "B\"}",
     SL_E_ENGINE, "x", "it is called as 'f(A) -> A' or 'f(B, C) -> B'"},
    {"{\"exception_type\":\"Binder\",\"exception_message\":\"x\\n\\tCandidate "
     "functions:\\n\\t+(A) -> A\\n\"}",
     SL_E_ENGINE, "x", "the two sides do not fit: cast one of them, as in x::integer"},
    {"{\"exception_type\":\"Catalog\",\"exception_message\":\"x.\\nPlease run:\\nINSTALL "
     "delta;\\nLOAD delta;\"}",
     SL_E_ENGINE, "x",
     "extensions of the engine are not loaded at run time: bring the data in through a source"},
    {"{\"exception_type\":\"Binder\",\"exception_message\":\"x\\nSET a=1 helps\"}", SL_E_ENGINE,
     "x", ""},
    {"{\"exception_type\":\"INTERNAL\",\"exception_message\":\"x\"}", SL_E_INTERNAL, "x",
     OWN_FAULT},
    {"{\"exception_type\":\"FATAL\",\"exception_message\":\"x!\\nStack Trace:\\n/lib/a.so(+0x1)\"}",
     SL_E_INTERNAL, "x", OWN_FAULT},
    {"INTERNAL Error: wrong x!\n\nStack Trace:\n\n/lib/a.so(+0x1)\n", SL_E_INTERNAL, "wrong x",
     OWN_FAULT},
    {"FATAL Error: x", SL_E_INTERNAL, "x", OWN_FAULT},
    {"INTERNALS", SL_E_ENGINE, "INTERNALS", ""},
    {"x\ny\n\nStack Trace:\n/lib/a.so", SL_E_ENGINE, "x\ny", ""},
    {"{\"exception_type\":\"IO\",\"exception_message\":\"x: File too large\"}", SL_E_NO_SPACE,
     "x: File too large", ""},
    {"{\"exception_type\":\"IO\",\"exception_message\":\"x\"}", SL_E_IO, "x", ""},
    {"{\"exception_type\":\"IO\",\"exception_message\":\"x\",\"errno\":\"28\"}", SL_E_NO_SPACE, "x",
     ""},
    {"{\"exception_type\":\"IO\",\"exception_message\":\"x: No space left on device\"}",
     SL_E_NO_SPACE, "x: No space left on device", ""},
    {"{\"exception_type\":\"IO\",\"exception_message\":\"x\",\"errno\":\"13\"}", SL_E_NO_PERMISSION,
     "x", ""},
    {"{\"exception_type\":\"IO\",\"exception_message\":\"x\",\"errno\":\"30\"}", SL_E_NO_PERMISSION,
     "x", ""},
    {"{\"exception_type\":\"Permission\",\"exception_message\":\"x\"}", SL_E_NO_PERMISSION, "x",
     ""},
    {"{\"exception_type\":\"Missing Extension\",\"exception_message\":\"x\"}",
     SL_E_ENGINE_EXTENSION, "x",
     "extensions of the engine are not loaded at run time: bring the data in through a source"},
};

static void messages_give_code_text_and_hint(void **state)
{
    struct sl_duckdb_sql sql = {.text = ""};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct sl_err err = {0};
        assert_int_equal(sl_duckdb_fail(&err, messages[i].message, &sql), messages[i].code);
        assert_int_equal(err.code, messages[i].code);
        assert_string_equal(err.message, messages[i].text);
        assert_string_equal(err.hint, messages[i].hint);
        assert_int_equal(sl_duckdb_fail(NULL, messages[i].message, &sql), messages[i].code);
    }
}

static void hints_are_cut_between_characters(void **state)
{
    (void)state;
    // One of four lengths in a row must cut a character of four bytes at its end.
    for (size_t blanks = 0; blanks < 4; blanks++) {
        SL_AUTO(sl_buf_clear) struct sl_buf message = SL_BUF_INIT;
        struct sl_duckdb_sql sql = {.text = ""};
        struct sl_err err = {0};
        sl_buf_add(&message, "{\"exception_type\":\"Binder\",\"exception_message\":\"x\\n");
        for (size_t i = 0; i < blanks; i++)
            sl_buf_add(&message, "-");
        for (int i = 0; i < 200; i++)
            sl_buf_add(&message, "\U0001F600");
        sl_buf_add(&message, "\"}");
        assert_int_equal(sl_duckdb_fail(&err, message.text, &sql), SL_E_ENGINE);
        assert_true(strlen(err.hint) > sizeof err.hint - 5);
        assert_int_equal((strlen(err.hint) - blanks) % 4, 0);
    }
}

static const struct {
    const char *sql;
    int line, column;
    const char *hint;
} places[] = {
    {"selec 1", 1, 1, ""},
    {"select foo from (select 1 as food)", 1, 8, "did you mean 'food'?"},
    {"select 1,\n  2,\n  foo from (select 1 as bar)", 3, 3, "did you mean 'bar'?"},
    {"select 'äöü', foo", 1, 15, ""},
    {"select 'äöü',\n 'ß' from x y z", 2, 15, ""},
    {"select 1 +", 1, 11, ""},
    {"select\n'x'::int", 2, 4, ""},
    {"select at, b from x", 1, 10,
     "'at' is a word of SQL: a column of that name is written \"at\""},
    {"select 'ä', max(b)\nfrom x group by Order", 2, 17,
     "'Order' is a word of SQL: a column of that name is written \"Order\""},
    {"select * from tabel", 1, 15, "did you mean 'tables'?"},
};

static int run_exec(struct context *context, const char *sql)
{
    return sl_engine_duckdb.exec(context->session, sql, NULL, &context->err);
}

static int run_query(struct context *context, const char *sql)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    int code = sl_engine_duckdb.query(context->session, sql, 0, &result, &context->err);

    assert_null(result);
    return code;
}

static int run_describe(struct context *context, const char *sql)
{
    struct sl_column *columns;
    size_t count;

    return sl_engine_duckdb.describe(context->session, sql, &context->arena, &columns, &count,
                                     &context->err);
}

static int run_view(struct context *context, const char *sql)
{
    return sl_engine_duckdb.create_view(context->session, "curated", "v", sql, &context->err);
}

static int run_stage(struct context *context, const char *sql)
{
    struct sl_stage_options options = {.folder = ".", .file_prefix = "part"};
    struct sl_staged staged;

    return sl_engine_duckdb.stage(context->session, sql, &options, &context->arena, &staged,
                                  &context->err);
}

static void places_are_those_of_the_given_sql(void **state)
{
    struct context *context = *state;
    static int (*const calls[])(struct context *, const char *) = {
        run_exec, run_query, run_describe, run_view, run_stage};

    exec(context, "create table tables as select 1 as a");
    for (size_t call = 0; call < COUNT_OF(calls); call++)
        for (size_t i = 0; i < COUNT_OF(places); i++) {
            bool is_late = strstr(places[i].sql, "::int"); // not before it runs
            if (is_late && (calls[call] == run_describe || calls[call] == run_view))
                continue;
            sl_err_clear(&context->err);
            assert_int_equal(calls[call](context, places[i].sql), SL_E_ENGINE);
            assert_string_equal(context->err.file, "");
            if (context->err.line != places[i].line || context->err.column != places[i].column)
                print_error("%zu: %s: %s\n", call, places[i].sql, context->err.message);
            assert_int_equal(context->err.line, places[i].line);
            assert_int_equal(context->err.column, places[i].column);
            assert_string_equal(context->err.hint, places[i].hint);
        }
}

static void a_statement_that_casts_keeps_the_places(void **state)
{
    struct context *context = *state;

    assert_int_equal(run_query(context, "select 1.5,\n error('late')"), SL_E_ENGINE);
    assert_string_equal(context->err.message, "late");
    assert_int_equal(run_query(context, "select [1],\n 'x'::int"), SL_E_ENGINE);
    assert_int_equal(context->err.line, 2);
    assert_int_equal(context->err.column, 5);
}

static void errors_of_the_machine_have_codes_of_their_own(void **state)
{
    struct context *context = *state;
    static const struct {
        const char *sql;
        enum sl_code code;
    } cases[] = {
        {"copy (select range from range(1000)) to '/dev/full' (format csv)", SL_E_NO_SPACE},
        {"copy (select 1) to '/proc/self/x' (format csv)", SL_E_FILE_MISSING},
        {"select * from read_parquet('none.parquet')", SL_E_FILE_MISSING},
        {"select * from read_parquet('text.parquet')", SL_E_ENGINE},
        {"copy (select 1) to 'folder' (format csv)", SL_E_IO},
        {"set temp_directory = ''; set memory_limit = '8MB'; "
         "create table t as select range, repeat('x', 100) from range(1000000)",
         SL_E_MEMORY},
    };

    write_file("text.parquet", "This is no Parquet file.");
    check_ok(context, sl_fs_mkdirs("folder/x", &context->err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        sl_err_clear(&context->err);
        if (run_exec(context, cases[i].sql) != (int)cases[i].code)
            print_error("%s: %s\n", cases[i].sql, context->err.message);
        assert_int_equal(context->err.code, cases[i].code);
        if (cases[i].code != SL_E_ENGINE)
            assert_int_equal(context->err.line, 0);
    }
    exec(context, "reset memory_limit; reset temp_directory");
}

static void long_messages_are_cut_and_never_overrun(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;

    sl_buf_add(&sql, "select ");
    for (int i = 0; i < 3000; i++)
        sl_buf_add(&sql, "ü");
    sl_buf_add(&sql, " from (select 1 as ");
    for (int i = 0; i < 3000; i++)
        sl_buf_add(&sql, "ö");
    sl_buf_add(&sql, ")");
    assert_int_equal(run_query(context, sql.text), SL_E_ENGINE);
    assert_int_equal(context->err.column, 8);
    assert_true(strlen(context->err.message) > 500);
}

static void sql_is_trimmed_at_its_end(void **state)
{
    static const struct {
        const char *sql, *trimmed;
    } cases[] = {
        {"select 1", "select 1"},
        {"select 1;", "select 1"},
        {"select 1 ; \n\t ;", "select 1"},
        {"select 1 -- end", "select 1"},
        {"select 1; -- end;\n-- more\n", "select 1"},
        {"-- begin\nselect 1", "-- begin\nselect 1"},
        {"select 1 /* a */ /* b */;", "select 1"},
        {"select 1 /* a */ + 2", "select 1 /* a */ + 2"},
        {"select ';'", "select ';'"},
        {"select ' -- ' ", "select ' -- '"},
        {"select 'it''s'; -- it's", "select 'it''s'"},
        {"select \"a;\"\"b\" ;", "select \"a;\"\"b\""},
        {"select e'a\\'-- b' ;", "select e'a\\'-- b'"},
        {"select date'2024-01-01' --", "select date'2024-01-01'"},
        {"select $$;$$;", "select $$;$$"},
        {"select $a$ $$ -- $a$ ;", "select $a$ $$ -- $a$"},
        {"select a$b$c ; --", "select a$b$c"},
        {"select 'open ;", "select 'open ;"},
        {"select 1 /* open ;", "select 1"},
        {"select e'open\\", "select e'open\\"},
        {"select $a$ open ;", "select $a$ open"},
        {"", ""},
        {" ;-- nothing", ""},
        {"select ü;", "select ü"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t length = sl_duckdb_sql_length(cases[i].sql);
        assert_int_equal(length, strlen(cases[i].trimmed));
        assert_memory_equal(cases[i].sql, cases[i].trimmed, length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_give_code_text_and_hint),
        cmocka_unit_test(hints_are_cut_between_characters),
        cmocka_unit_test(sql_is_trimmed_at_its_end),
        SESSION_TEST(places_are_those_of_the_given_sql),
        SESSION_TEST(a_statement_that_casts_keeps_the_places),
        SESSION_TEST(errors_of_the_machine_have_codes_of_their_own),
        SESSION_TEST(long_messages_are_cut_and_never_overrun),
    };

    // An engine for few rows does without preparing its statements.
    int failed = cmocka_run_group_tests(tests, open_engine, close_engine);
    return failed + cmocka_run_group_tests(tests, open_engine_for_few_rows, close_engine);
}
