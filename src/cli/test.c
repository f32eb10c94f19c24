// sluice test: rows that are given, and the rows that the final tables must then hold.
#include "base/clock.h"
#include "base/fs.h"
#include "cli/test_mutate.h"
#include "cli/test_record.h"
#include "cli/test_view.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)

struct test_options {
    struct sl_common common;
    struct sl_strs selection;
    const char *junit, *record;
    struct sl_strs from;
    int64_t threads, rows;
    bool changed, fail_fast, keep, force, mutate;
};

static const struct sl_opt test_rows[] = {
    {"selection", SL_OPT_STRINGS, offsetof(struct test_options, selection), NULL,
     "Tests by name, or by the tables that they test, as dbt selects: names, tag:, path:, + and @; "
     "else all.",
     SL_OPT_POSITIONAL, .placeholder = "SELECTION"},
    {"changed", SL_OPT_BOOL, offsetof(struct test_options, changed), "false",
     "Only tests that have not passed since they, or the code that they test, changed.", 0},
    {"fail_fast", SL_OPT_BOOL, offsetof(struct test_options, fail_fast), "false",
     "Start no further test after one has failed.", 0},
    {"junit", SL_OPT_STRING, offsetof(struct test_options, junit), NULL,
     "Write the results to this file, too, as JUnit XML.", 0, .placeholder = "FILE"},
    {"keep", SL_OPT_BOOL, offsetof(struct test_options, keep), "false",
     "Leave the tests' lakes in a temporary folder, to be looked at.", 0},
    {"mutate", SL_OPT_BOOL, offsetof(struct test_options, mutate), "false",
     "When all have passed: take one rule or check after the other away, tell for which no test "
     "fails then, and offer one that does.",
     0},
    {"record", SL_OPT_STRING, offsetof(struct test_options, record), NULL,
     "Write tests/NAME.yml instead: rows of the lake as they are, and what comes of them now.", 0,
     .placeholder = "NAME"},
    {"from", SL_OPT_STRINGS, offsetof(struct test_options, from), NULL,
     "record: the tables that it tests.", SL_OPT_WORDS, .placeholder = "TABLE"},
    {"rows", SL_OPT_INT, offsetof(struct test_options, rows), "10",
     "record: how many rows of each input to take.", 0, .placeholder = "N"},
    {"force", SL_OPT_BOOL, offsetof(struct test_options, force), "false",
     "record: overwrite a test of this name.", 0},
    {"threads", SL_OPT_INT, offsetof(struct test_options, threads), "0",
     "Tests at once; 0: as many as there are cores.", 0, .letter = 'j', .placeholder = "N"},
    SL_COMMON_ROWS,
    {0},
};

struct session {
    const struct test_options *options;
    struct sl_world world;
    struct sl_test_suite suite;
    const struct sl_test_case **cases; // that are run
    size_t count, unchanged;
    struct sl_test_outcome *outcomes;
    json_t *passed; // name -> fingerprint with which it has passed
    struct sl_err print_failure;
};

static void session_clear(struct session *session)
{
    for (size_t i = 0; session->outcomes && i < session->count; i++)
        sl_arena_clear(&session->outcomes[i].arena);
    sl_json_free(&session->passed);
    if (session->world.project)
        sl_world_close(&session->world);
}

// --- what has passed

static const char *memory_path(struct session *session)
{
    return sl_path_join(&session->world.arena, session->world.project->state_folder, "tests.json");
}

// What cannot be read is forgotten: then more tests run.
static int recall(struct session *session, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    const char *path = memory_path(session), *text;
    size_t length;
    SL_TRY_NEW(path, err);
    if (sl_fs_exists(path) &&
        sl_fs_read(path, MAX_BYTES, &session->world.arena, &text, &length, NULL) == SL_OK &&
        sl_json_parse(text, length, path, &root, NULL) != SL_OK)
        root = NULL;
    json_t *passed = json_object_get(root, "passed");
    session->passed = json_is_object(passed) ? json_incref(passed) : json_object();
    SL_TRY_NEW(session->passed, err);
    return SL_OK;
}

static bool has_passed(const struct session *session, const struct sl_test_case *test)
{
    return sl_str_equal(sl_json_text(session->passed, test->test->name, NULL), test->fingerprint);
}

static int remember(struct session *session, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:O}", "schema", "sluice.tests/1", "passed", session->passed);
    const char *path = memory_path(session);
    char *text = NULL;
    SL_TRY_NEW(root, err);
    SL_TRY_NEW(path, err);
    for (size_t i = 0; i < session->count; i++) {
        const struct sl_test_outcome *outcome = &session->outcomes[i];
        const char *name = outcome->test->test->name;
        if (outcome->status == SL_TEST_PASSED)
            (void)json_object_set_new(session->passed, name,
                                      json_string(outcome->test->fingerprint));
        else if (outcome->status == SL_TEST_FAILED)
            (void)json_object_del(session->passed, name);
    }
    SL_TRY(sl_json_print(root, &text, err));
    int code = sl_fs_mkdirs(session->world.project->state_folder, err);
    if (code == SL_OK)
        code = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return code;
}

// Only --changed needs it: tests that have passed have done so.
static int keep_passed(struct session *session, struct sl_err *err)
{
    struct sl_err trouble = {0};
    if (remember(session, &trouble) == SL_OK)
        return SL_OK;
    if (trouble.code == SL_E_MEMORY)
        return sl_fail_memory(err);
    fprintf(stderr, "note: --changed will not know what has passed: %s\n", trouble.message);
    return SL_OK;
}

// --- selection

static bool is_test_name(const struct session *session, const char *word)
{
    for (size_t i = 0; i < session->suite.tests.count; i++)
        if (sl_str_equal(session->suite.tests.items[i].name, word) ||
            sl_str_equal(session->suite.tests.items[i].file, word))
            return true;
    return false;
}

static bool is_selected(const struct session *session, const struct sl_test_case *test)
{
    const struct sl_strs *words = &session->options->selection;
    bool is_named = words->count == 0 || sl_strs_has(words, test->test->name) ||
                    sl_strs_has(words, test->test->file);
    for (size_t i = 0; !is_named && i < test->tables.count; i++) {
        const struct sl_node *node = sl_graph_node(&session->world.graph, test->tables.items[i]);
        is_named = node && node->is_selected;
    }
    return is_named;
}

// It is no table either.
static int hint_at_tests(struct session *session, const char *word, struct sl_err *err)
{
    struct sl_strs names = {0};
    if (err->code != SL_E_SELECTOR)
        return err->code;
    for (size_t i = 0; i < session->suite.tests.count; i++)
        if (sl_strs_add(&names, &session->world.arena, session->suite.tests.items[i].name, NULL) !=
            SL_OK)
            return err->code;
    const char *hint = sl_did_you_mean(&session->world.arena, word, names.items, names.count);
    return sl_err_hint(err, "%s",
                       hint ? hint
                            : "tests are chosen by their own names, those of tests/*.yml, or by "
                              "the tables that they test: `sluice ls`");
}

static int select_tests(struct session *session, struct sl_err *err)
{
    struct sl_world *world = &session->world;
    struct sl_strs words = {0}, none = {0};
    for (size_t i = 0; i < session->options->selection.count; i++)
        if (!is_test_name(session, session->options->selection.items[i]))
            SL_TRY(sl_strs_add(&words, &world->arena, session->options->selection.items[i], err));
    if (words.count && sl_graph_select(&world->graph, &words, &none, &world->arena, err) != SL_OK)
        return hint_at_tests(session, words.items[0], err);
    for (size_t i = 0; i < world->graph.count && !words.count; i++)
        world->graph.nodes[i].is_selected = false;
    session->cases = SL_NEW_ARRAY(&world->arena, const struct sl_test_case *, session->suite.count);
    SL_TRY_NEW(session->cases, err);
    for (size_t i = 0; i < session->suite.count; i++) {
        const struct sl_test_case *test = &session->suite.cases[i];
        if (!is_selected(session, test))
            continue;
        if (session->options->changed && has_passed(session, test))
            session->unchanged++;
        else
            session->cases[session->count++] = test;
    }
    return SL_OK;
}

// --- the command

static void on_end(void *self, const struct sl_test_outcome *outcome)
{
    struct session *session = self;
    const struct sl_common *common = &session->options->common;
    bool is_quiet = session->options->mutate && outcome->status == SL_TEST_PASSED;
    if (common->json || session->print_failure.code != SL_OK || is_quiet)
        return;
    int code = sl_test_print(outcome, common->is_quiet, &session->print_failure);
    if (code == SL_OK)
        fflush(stdout);
}

static int open_session(struct session *session, struct sl_err *err)
{
    const struct sl_common *common = &session->options->common;
    SL_TRY(sl_open_world(common, &session->world, err));
    SL_TRY(sl_test_suite_load(&session->world, &session->suite, err));
    int code = sl_world_require_valid(&session->world, err);
    if (code != SL_OK)
        sl_report(common->cli, err, &session->world.project->diags);
    return code;
}

static int write_junit(struct session *session, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf xml = SL_BUF_INIT;
    const char *name = session->world.project->name;
    SL_TRY(sl_test_junit(session->outcomes, session->count, name ? name : "sluice", &xml, err));
    return sl_fs_write(session->options->junit, xml.text, xml.length, err);
}

static int print_all_json(struct session *session, const size_t counts[3], int exit_code,
                          struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:i, s:{s:I, s:I, s:I, s:I}, s:[]}", "schema", "sluice.test/1", "exit_code",
        exit_code, "counts", "passed", (json_int_t)counts[SL_TEST_PASSED], "failed",
        (json_int_t)counts[SL_TEST_FAILED], "skipped", (json_int_t)counts[SL_TEST_SKIPPED],
        "unchanged", (json_int_t)session->unchanged, "tests");
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < session->count; i++) {
        json_t *item = NULL;
        int code = sl_test_json(&session->outcomes[i], &item, err);
        if (item && json_array_append_new(json_object_get(root, "tests"), item) != 0)
            return sl_fail_memory(err);
        SL_TRY(code);
    }
    return sl_print_json(root, err);
}

static int report(struct session *session, int *ret_exit, struct sl_err *err)
{
    size_t counts[3] = {0};
    char passed[64];
    for (size_t i = 0; i < session->count; i++)
        counts[session->outcomes[i].status]++;
    *ret_exit = counts[SL_TEST_FAILED] ? 1 : 0;
    if (session->options->junit)
        SL_TRY(write_junit(session, err));
    if (session->options->common.json)
        return print_all_json(session, counts, *ret_exit, err);
    if (session->print_failure.code != SL_OK) {
        *err = session->print_failure;
        return err->code;
    }
    printf("%s passed, %zu failed", sl_count_of((int64_t)counts[SL_TEST_PASSED], "test", passed),
           counts[SL_TEST_FAILED]);
    if (counts[SL_TEST_SKIPPED])
        printf(", %zu not run", counts[SL_TEST_SKIPPED]);
    if (session->unchanged)
        printf(", %zu unchanged", session->unchanged);
    puts("");
    return SL_OK;
}

static bool has_failed(const struct session *session)
{
    for (size_t i = 0; i < session->count; i++)
        if (session->outcomes[i].status != SL_TEST_PASSED)
            return true;
    return false;
}

// Said even if --quiet is given: the file is made to be kept with the code.
static int warn_of_unprotected(const struct test_options *options,
                               const struct sl_test_recording *recording, struct sl_err *err)
{
    struct sl_common common = options->common;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    common.is_quiet = false;
    for (size_t i = 0; i < recording->unprotected.count; i++) {
        const struct sl_record_table *table = &recording->unprotected.items[i];
        sl_buf_addf(&text, "%s%s (", i ? ", " : "", table->name);
        for (size_t k = 0; k < table->columns.count; k++)
            sl_buf_addf(&text, "%s%s", k ? ", " : "", table->columns.items[k]);
        sl_buf_add(&text, ")");
    }
    SL_TRY(sl_buf_check(&text, err));
    if (text.length)
        sl_tell(&common, SL_LOG_WARN,
                "%s has personal values without protection: %s; put made-up values in their place "
                "before it is committed or shared, or `sluice generate` rows",
                recording->file, text.text);
    return SL_OK;
}

static int report_record(const struct test_options *options,
                         const struct sl_test_recording *recording, struct sl_err *err)
{
    char given[64], expected[64];
    json_t *unprotected = NULL;
    SL_TRY(warn_of_unprotected(options, recording, err));
    SL_TRY(sl_record_tables_json(&recording->unprotected, &unprotected, err));
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:I, s:I, s:o}", "schema", "sluice.test.record/1", "file",
                             recording->file, "given", (json_int_t)recording->given, "expected",
                             (json_int_t)recording->expected, "unprotected", unprotected);
    SL_TRY_NEW(root, err);
    if (options->common.json)
        return sl_print_json(root, err);
    printf("%s: %s given, %s expected\n", recording->file,
           sl_count_of(recording->given, "row", given),
           sl_count_of(recording->expected, "row", expected));
    return SL_OK;
}

static int run_test(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct test_options *options = self;
    SL_AUTO(session_clear) struct session session = {.options = options};
    if (options->threads < 0)
        return sl_fail(err, SL_E_USAGE, "--threads is '%lld', expected 0 or more",
                       (long long)options->threads);
    SL_TRY(open_session(&session, err));
    if (options->record) {
        struct sl_test_recording recording = {.world = &session.world,
                                              .name = options->record,
                                              .tables = options->from,
                                              .rows = options->rows,
                                              .overwrites = options->force};
        SL_TRY(sl_test_record(&recording, err));
        return report_record(options, &recording, err);
    }
    if (options->changed && options->mutate)
        return sl_fail(err, SL_E_USAGE, "--mutate needs all tests, not just --changed ones");
    if (options->from.count || options->force)
        return sl_fail(err, SL_E_USAGE, "%s is for --record NAME",
                       options->from.count ? "--from" : "--force");
    sl_world_expect_few_rows(&session.world);
    SL_TRY(recall(&session, err));
    SL_TRY(select_tests(&session, err));
    if (session.suite.count == 0 && !options->common.json)
        puts("no tests: write one as tests/NAME.yml, or `sluice test --record NAME --from TABLE`");
    session.outcomes = SL_NEW_ARRAY(&session.world.arena, struct sl_test_outcome, session.count);
    SL_TRY_NEW(session.outcomes, err);
    struct sl_test_options run = {.threads = options->threads,
                                  .fail_fast = options->fail_fast,
                                  .keep = options->keep,
                                  .on_end = on_end,
                                  .self = &session};
    if (session.count) {
        SL_TRY(
            sl_test_run(&session.world, session.cases, session.count, &run, session.outcomes, err));
        SL_TRY(keep_passed(&session, err));
    }
    if (options->mutate && !has_failed(&session)) {
        struct sl_test_mutation mutation = {.common = &options->common,
                                            .world = &session.world,
                                            .cases = session.cases,
                                            .count = session.count,
                                            .threads = options->threads};
        return sl_test_mutate(&mutation, err);
    }
    return report(&session, ret_exit, err);
}

static const char *const examples[] = {"sluice test",
                                       "sluice test curated.daily_revenue --keep",
                                       "sluice test --changed --junit out/tests.xml",
                                       "sluice test --record revenue --from curated.daily_revenue",
                                       "sluice test --mutate",
                                       NULL};

const struct sl_command sl_command_test = {
    .name = "test",
    .summary = "Run the project's tests: rows that are given, and the rows that must come of them.",
    .details =
        "Each test of tests/*.yml gives rows to sources or tables and says what tables must hold "
        "after the run, or after several.\n"
        "The real steps run, each test in a temporary lake of its own and at the time that it "
        "says; the project's lake, state and\n"
        "targets are left alone. Only columns that an expectation names are compared, in any order "
        "of rows; null is null, decimals\n"
        "are exact, doubles near enough (1e-9).",
    .rows = test_rows,
    .options_bytes = sizeof(struct test_options),
    .examples = examples,
    .run = run_test,
};
