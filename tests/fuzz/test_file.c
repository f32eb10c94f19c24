// Any bytes are a test of a project: runs whose tables have rows of one form, or diagnostics with
// places, never a crash.
#include "fuzz.h"

#include "spec/test.h"

#include <stdlib.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_tables(const struct sl_test_table *tables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_test_table *table = &tables[i];

        must(table->table && table->place.line >= 1);
        must((table->rows != NULL) + (table->text != NULL) + (table->file != NULL) == 1);
        must(!table->text || table->text_line >= 1);
        for (size_t j = 0; table->rows && j < table->rows->count; j++)
            must(table->rows->items[j]->kind == SL_YAML_MAP);
    }
}

static void check_test(const struct sl_test *test)
{
    size_t expected = 0;

    must(test->name && test->title);
    for (size_t i = 0; i < test->run_count; i++) {
        const struct sl_test_run *run = &test->runs[i];

        check_tables(run->given, run->given_count);
        check_tables(run->expected, run->expected_count);
        for (size_t j = 0; j < run->failure_count; j++)
            must(run->failures[j].table && run->failures[j].text);
        expected += run->expected_count + run->failure_count;
    }
    must(test->runs == NULL || expected > 0);
}

static void read_test(const uint8_t *data, size_t size, struct sl_project *project)
{
    struct sl_yaml *node = NULL;
    struct sl_test test = {.name = "fuzz", .title = "fuzz", .file = "tests/fuzz.yml"};
    struct sl_err err = {0};

    must(sl_yaml_parse((const char *)data, size, test.file, 1, 1, &project->arena, &project->diags,
                       &node, &err) == SL_OK);
    if (!node || node->kind != SL_YAML_MAP)
        return;
    must(sl_test_read(node, project, &test, &err) == SL_OK);
    check_test(&test);
    must(test.runs || project->diags.error_count > 0);
    for (size_t i = 0; i < project->diags.count; i++)
        must(project->diags.items[i].err.line >= 1 && project->diags.items[i].err.message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sl_project project = {.folder = "/nowhere"};

    sl_arena_init(&project.arena, 0);
    read_test(data, size, &project);
    sl_diags_clear(&project.diags);
    sl_arena_clear(&project.arena);
    return 0;
}
