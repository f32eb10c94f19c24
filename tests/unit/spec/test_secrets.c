#include "spec_test.h"

#include "base/log.h"

// Loads a project whose target's dsn is `dsn`.
static struct sl_project *load_dsn(const char *dsn)
{
    char text[1024];

    put_file("sluice.yml", "name: shop\n");
    snprintf(text, sizeof text, "type: postgres\ndsn: %s\ndeliver: [{table: clean.orders}]\n", dsn);
    put_file("targets/warehouse.yml", text);
    return load_here();
}

static void assert_dsn(const char *written, const char *resolved)
{
    SL_AUTO(sl_project_free) struct sl_project *project = load_dsn(written);

    if (project->diags.count)
        fail_msg("%s: %s", written, project->diags.items[0].err.message);
    assert_string_equal(project->targets[0].dsn, resolved);
}

static void assert_refused(const char *written, enum sl_code code, const char *message)
{
    SL_AUTO(sl_project_free) struct sl_project *project = load_dsn(written);

    assert_int_equal(project->diags.error_count, 1);
    assert_int_equal(project->diags.items[0].err.code, code);
    if (!strstr(project->diags.items[0].err.message, message))
        fail_msg("'%s' is not in '%s'", message, project->diags.items[0].err.message);
}

static void references_are_replaced_anywhere_in_a_text(void **state)
{
    (void)state;
    put_file("secrets/password", "file-password\n\n");
    setenv("SL_TEST_USER", "eva-user", 1);
    assert_dsn("${env:SL_TEST_USER}", "eva-user");
    assert_dsn("postgres://${env:SL_TEST_USER}:${file:secrets/password}@db",
               "postgres://eva-user:file-password@db");
    assert_dsn("${exec:printf 'from %s' command}", "from command");
    assert_dsn("\"${exec:echo a b | awk '{print $2}'}\"", "b");
    assert_dsn("$${env:SL_TEST_USER}", "${env:SL_TEST_USER}");
    assert_dsn("a$b", "a$b");
    unsetenv("SL_TEST_USER");
}

static void the_environment_wins_over_its_file(void **state)
{
    (void)state;
    put_file(".env", "# for tests\n"
                     "SL_TEST_A=plain-value  # a comment\n"
                     "export SL_TEST_B=\"quoted # value\"\n"
                     "SL_TEST_C='single'\r\n"
                     "\n"
                     "SL_TEST_D = x\n");
    setenv("SL_TEST_C", "from the environment", 1);
    {
        SL_AUTO(sl_project_free)
        struct sl_project *project = load_dsn("${env:SL_TEST_A}/${env:SL_TEST_B}/${env:SL_TEST_C}");

        // A blank before '=' is no line of it, and is told.
        assert_int_equal(project->diags.error_count, 1);
        assert_string_equal(project->diags.items[0].err.file, ".env");
        assert_int_equal(project->diags.items[0].err.line, 6);
        assert_string_equal(project->targets[0].dsn,
                            "plain-value/quoted # value/from the environment");
    }
    unsetenv("SL_TEST_C");
}

static void what_cannot_be_resolved_is_told(void **state)
{
    (void)state;
    assert_refused("${env:SL_TEST_NOT_SET}", SL_E_SECRET_MISSING,
                   "variable 'SL_TEST_NOT_SET' is not set");
    assert_refused("${file:nowhere}", SL_E_SECRET_MISSING, "secret file 'nowhere' cannot be read");
    assert_refused("${exec:exit 7}", SL_E_SECRET_MISSING, "ended with code 7");
    assert_refused("${exec:kill -9 $$}", SL_E_SECRET_MISSING, "ended by signal 9");
    assert_refused("${exec:printf 'a\\0b'}", SL_E_SECRET_MISSING, "NUL byte");
    assert_refused("${exec:head -c 70000 /dev/zero | tr '\\0' x}", SL_E_SECRET_MISSING,
                   "more than 64 KiB");
    assert_refused("${env:}", SL_E_VALUE_INVALID, "is no reference");
    assert_refused("${enw:X}", SL_E_VALUE_INVALID, "is no reference");
    assert_refused("${env:X", SL_E_VALUE_INVALID, "not closed");
}

static void a_command_runs_once_in_the_projects_folder(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file("sub/x", "");
    project = load_dsn("\"${exec:echo ran >> log; cat log}-${exec:echo ran >> log; cat log}\"");
    assert_int_equal(project->diags.count, 0);
    assert_string_equal(project->targets[0].dsn, "ran-ran");
    assert_true(sl_fs_exists("log"));
}

static void what_references_give_is_hidden(void **state)
{
    struct test_folder *folder = *state;
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    put_file("secrets/password", "hidden-word-of-file\n");
    put_file(".env", "SL_TEST_PASSWORD=hidden-word-of-env\n");
    project = load_dsn(
        "\"x ${env:SL_TEST_PASSWORD} ${file:secrets/password} ${exec:echo hidden-word-of-exec}\"");
    assert_int_equal(project->diags.count, 0);
    assert_null(strstr(sl_log_mask("a hidden-word-of-env b", &folder->arena), "hidden"));
    assert_null(strstr(sl_log_mask("a hidden-word-of-file b", &folder->arena), "hidden"));
    assert_null(strstr(sl_log_mask("a hidden-word-of-exec b", &folder->arena), "hidden"));
}

static void no_message_shows_a_secret(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file(".env", "SL_TEST_THREADS=not-a-number-but-a-password\n");
    put_file("sluice.yml", "name: shop\nengine: {threads: \"${env:SL_TEST_THREADS}\"}\n");
    project = load_here();
    assert_int_equal(project->diags.error_count, 1);
    assert_null(strstr(project->diags.items[0].err.message, "password"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(references_are_replaced_anywhere_in_a_text),
        IN_FOLDER(the_environment_wins_over_its_file),
        IN_FOLDER(what_cannot_be_resolved_is_told),
        IN_FOLDER(a_command_runs_once_in_the_projects_folder),
        IN_FOLDER(what_references_give_is_hidden),
        IN_FOLDER(no_message_shows_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
