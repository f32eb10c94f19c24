#include "spec_test.h"

static const char shop[] = "name: shop\n"
                           "lake: from_file\n"
                           "engine: {threads: 1, memory: 1GB}\n"
                           "environments:\n"
                           "  prod:\n"
                           "    lake: /srv/lake\n"
                           "    engine: {threads: 2}\n"
                           "    defaults: {consumers: [finance, board]}\n"
                           "  dev:\n";

struct shown {
    char text[4096];
    size_t length;
};

static int note(void *self, const char *key, const char *value, const char *origin)
{
    struct shown *shown = self;

    shown->length +=
        (size_t)snprintf(shown->text + shown->length, sizeof shown->text - shown->length,
                         "%s = %s <- %s\n", key, value, origin);
    return SL_OK;
}

static void assert_shown(const struct sl_project *project, const char *line)
{
    struct shown shown = {0};
    struct sl_err err = {0};

    assert_int_equal(sl_project_settings(project, note, &shown, &err), SL_OK);
    if (!strstr(shown.text, line))
        fail_msg("no line '%s' in:\n%s", line, shown.text);
}

static void the_environment_wins_over_the_file(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file("sluice.yml", shop);
    project =
        load_with(&(struct sl_project_options){.environment = "prod", .resolve_secrets = true});
    assert_int_equal(project->diags.count, 0);
    assert_string_equal(project->environment, "prod");
    assert_string_equal(project->lake_folder, "/srv/lake");
    assert_int_equal(project->threads, 2);
    // A section is laid over the file key by key, not map by map.
    assert_int_equal(project->memory_bytes, 1000000000);
    assert_shown(project, "environment = prod <- flag\n");
    assert_shown(project, "lake = /srv/lake <- sluice.yml:6 (environment prod)\n");
    assert_shown(project, "engine.threads = 2 <- sluice.yml:7 (environment prod)\n");
    assert_shown(project, "engine.memory = 1GB <- sluice.yml:3\n");
    assert_shown(project,
                 "defaults.consumers = [finance, board] <- sluice.yml:8 (environment prod)\n");
    assert_shown(project, "state = .sluice <- default\n");
}

static void an_empty_environment_changes_nothing(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file("sluice.yml", shop);
    project = load_with(&(struct sl_project_options){.environment = "dev"});
    assert_int_equal(project->diags.count, 0);
    assert_true(sl_str_ends(project->lake_folder, "/from_file"));
}

static void a_variable_wins_over_the_environment(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file("sluice.yml", shop);
    setenv("SLUICE_ENV", "prod", 1);
    setenv("SLUICE_ENGINE_THREADS", "5", 1);
    setenv("SLUICE_DEFAULTS_CONSUMERS", "ops, board", 1);
    project = load_here();
    unsetenv("SLUICE_ENV");
    unsetenv("SLUICE_ENGINE_THREADS");
    unsetenv("SLUICE_DEFAULTS_CONSUMERS");
    assert_int_equal(project->diags.count, 0);
    assert_int_equal(project->threads, 5);
    assert_shown(project, "environment = prod <- environment variable SLUICE_ENV\n");
    assert_shown(project, "engine.threads = 5 <- environment variable SLUICE_ENGINE_THREADS\n");
    assert_shown(
        project,
        "defaults.consumers = [ops, board] <- environment variable SLUICE_DEFAULTS_CONSUMERS\n");
}

static void a_flag_wins_over_everything(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const char *overrides[] = {"engine.threads=7", "lake=/tmp/lake"};
    struct sl_project_options options = {.environment = "prod", .overrides = {overrides, 2}};

    (void)state;
    put_file("sluice.yml", shop);
    setenv("SLUICE_ENGINE_THREADS", "5", 1);
    project = load_with(&options);
    unsetenv("SLUICE_ENGINE_THREADS");
    assert_int_equal(project->diags.count, 0);
    assert_int_equal(project->threads, 7);
    assert_string_equal(project->lake_folder, "/tmp/lake");
    assert_shown(project, "engine.threads = 7 <- flag\n");
}

static void wrong_flags_and_variables_are_named(void **state)
{
    const char *overrides[] = {"engine.thread=7", "lake", "engine=2", "name.x=2"};
    struct sl_project_options options = {.overrides = {overrides, 4}};
    SL_AUTO(sl_project_free) struct sl_project *flags = NULL;
    SL_AUTO(sl_project_free) struct sl_project *variable = NULL;

    (void)state;
    put_file("sluice.yml", shop);
    flags = load_with(&options);
    assert_int_equal(flags->diags.error_count, 4);
    assert_string_equal(flags->diags.items[0].err.message, "'engine.thread=7' sets nothing");
    options.overrides = (struct sl_strs){0};
    setenv("SLUICE_ENGINE_THREADS", "many", 1);
    variable = load_with(&options);
    unsetenv("SLUICE_ENGINE_THREADS");
    assert_int_equal(variable->diags.error_count, 1);
    assert_string_equal(variable->diags.items[0].err.file,
                        "environment variable SLUICE_ENGINE_THREADS");
    assert_int_equal(variable->diags.items[0].err.code, SL_E_VALUE_TYPE);
}

static void a_reference_is_shown_as_it_is_written(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file(".env", "SHOP_LAKE=/srv/very-secret-lake\n");
    put_file("sluice.yml", "name: shop\nlake: ${env:SHOP_LAKE}\n");
    project = load_good();
    assert_string_equal(project->lake_folder, "/srv/very-secret-lake");
    assert_shown(project, "lake = ${env:SHOP_LAKE} <- sluice.yml:2\n");
}

static void references_wait_where_secrets_are_not_resolved(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file("sluice.yml", "name: shop\ndescription: ${env:SL_TEST_NOT_SET}\n"
                           "engine: {threads: \"${env:SL_TEST_NOT_SET}\"}\n"
                           "environments: {prod: {concurrency: \"${exec:exit 1}\"}}\n");
    project = load_with(&(struct sl_project_options){0});
    assert_int_equal(project->diags.count, 0);
    assert_string_equal(project->description, "${env:SL_TEST_NOT_SET}");
    assert_int_equal(project->threads, 0);
}

static void only_the_chosen_environment_is_asked_for_secrets(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *dev = NULL;
    SL_AUTO(sl_project_free) struct sl_project *prod = NULL;
    struct sl_project_options options = {.environment = "dev", .resolve_secrets = true};

    (void)state;
    put_file("sluice.yml", "name: shop\nenvironments:\n  dev: {lake: dev}\n"
                           "  prod: {lake: \"${env:SL_TEST_NOT_SET}\"}\n");
    dev = load_with(&options);
    assert_int_equal(dev->diags.count, 0);
    options.environment = "prod";
    prod = load_with(&options);
    assert_int_equal(prod->diags.error_count, 1);
    assert_int_equal(prod->diags.items[0].err.code, SL_E_SECRET_MISSING);
    assert_int_equal(prod->diags.items[0].err.line, 4);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(the_environment_wins_over_the_file),
        IN_FOLDER(an_empty_environment_changes_nothing),
        IN_FOLDER(a_variable_wins_over_the_environment),
        IN_FOLDER(a_flag_wins_over_everything),
        IN_FOLDER(wrong_flags_and_variables_are_named),
        IN_FOLDER(a_reference_is_shown_as_it_is_written),
        IN_FOLDER(references_wait_where_secrets_are_not_resolved),
        IN_FOLDER(only_the_chosen_environment_is_asked_for_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
