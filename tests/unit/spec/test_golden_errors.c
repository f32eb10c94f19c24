// Every folder under tests/golden/errors is a project with mistakes, and expected.txt all that is
// said of them. A new case is a new folder; with SL_UPDATE_GOLDEN=1 the test writes expected.txt,
// to be read over before it is committed. A file named `environment` in the folder holds what --env
// gives.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "spec/project.h"

#define EXPECTED "expected.txt"

struct cases {
    struct sl_arena arena;
    struct CMUnitTest *tests;
    size_t count;
};

static const char *read_text(struct sl_arena *arena, const char *path)
{
    const char *text = NULL;
    size_t length;
    struct sl_err err = {0};

    if (!sl_fs_exists(path))
        return NULL;
    assert_int_equal(sl_fs_read(path, 1 << 20, arena, &text, &length, &err), SL_OK);
    return text;
}

// sources/a.yml:3:1: error SL0202: ...
static void render(const struct sl_diag *diag, struct sl_buf *out)
{
    const struct sl_err *err = &diag->err;

    if (err->file[0])
        sl_buf_add(out, err->file);
    if (err->line)
        sl_buf_addf(out, ":%d:%d", err->line, err->column);
    sl_buf_addf(out, "%s%s %s: %s\n", err->file[0] ? ": " : "",
                diag->severity == SL_SEVERITY_ERROR ? "error" : "warning",
                sl_code_info(err->code)->id, err->message);
    if (err->hint[0])
        sl_buf_addf(out, "  %s\n", err->hint);
}

static void says_all_that_is_wrong(void **state)
{
    const char *folder = *state;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf found = SL_BUF_INIT;
    const char *expected_path = sl_path_join(&arena, folder, EXPECTED);
    const char *expected = read_text(&arena, expected_path);
    const char *environment = read_text(&arena, sl_path_join(&arena, folder, "environment"));
    struct sl_project_options options = {.folder = folder, .resolve_secrets = true};
    struct sl_err err = {0};

    if (environment)
        options.environment = sl_arena_strndup(&arena, environment, strcspn(environment, "\n"));
    assert_int_equal(sl_project_load(&options, &project, &err), SL_OK);
    sl_project_check_requirements(project);
    for (size_t i = 0; i < project->diags.count; i++)
        render(&project->diags.items[i], &found);
    if (getenv("SL_UPDATE_GOLDEN"))
        assert_int_equal(sl_fs_write(expected_path, found.text, found.length, &err), SL_OK);
    else
        assert_string_equal(found.text, expected ? expected : "(no " EXPECTED ")");
    assert_true(found.length > 0);
}

static void add_cases(struct cases *cases, const char *root)
{
    struct sl_strs names = {0};
    struct sl_err err = {0};

    if (sl_fs_list(root, &cases->arena, &names, &err) != SL_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        struct CMUnitTest test = {.name = names.items[i], .test_func = says_all_that_is_wrong};

        test.initial_state = sl_path_join(&cases->arena, root, names.items[i]);
        if (!SL_PUSH(&cases->arena, cases->tests, cases->count, test))
            return;
    }
}

int main(int argc, char **argv)
{
    struct cases cases = {0};
    int failures;

    if (argc != 2) {
        fprintf(stderr, "test_golden_errors FOLDER\n");
        return 1;
    }
    add_cases(&cases, argv[1]);
    if (cases.count == 0) {
        fprintf(stderr, "no cases in '%s'\n", argv[1]);
        return 1;
    }
    failures = _cmocka_run_group_tests("broken projects", cases.tests, cases.count, NULL, NULL);
    sl_arena_clear(&cases.arena);
    return failures != 0;
}
