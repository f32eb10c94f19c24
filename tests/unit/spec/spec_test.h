// What every test of spec includes: cmocka, and projects that are written into a folder which
// vanishes with its test.
#ifndef SL_TESTS_UNIT_SPEC_TEST_H
#define SL_TESTS_UNIT_SPEC_TEST_H

#include "../base/test.h"

#include <stdio.h>

#include "spec/contract.h"

// Writes a file of the project in the working folder, with the folders it needs. Without fsync,
// which would take most of the tests' time.
static inline void put_file(const char *path, const char *text)
{
    struct sl_arena arena = {0};
    struct sl_err err = {0};
    FILE *file;

    assert_int_equal(sl_fs_mkdirs(sl_path_folder(&arena, path), &err), SL_OK);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    sl_arena_clear(&arena);
}

static inline struct sl_project *load_with(const struct sl_project_options *options)
{
    struct sl_project *project = NULL;
    struct sl_err err = {0};

    if (sl_project_load(options, &project, &err) != SL_OK)
        fail_msg("%s", err.message);
    return project;
}

static inline struct sl_project *load_here(void)
{
    return load_with(&(struct sl_project_options){.resolve_secrets = true});
}

// Loads the project in the working folder, which must be free of mistakes.
static inline struct sl_project *load_good(void)
{
    struct sl_project *project = load_here();

    if (project->diags.count)
        fail_msg("%s:%d: %s", project->diags.items[0].err.file, project->diags.items[0].err.line,
                 project->diags.items[0].err.message);
    return project;
}

#endif
