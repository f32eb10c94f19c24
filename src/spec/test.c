// tests/*.yml
#include "spec/test.h"

#include "base/clock.h"
#include "base/fs.h"
#include "spec/load.h"

#include <string.h>

#define DEFAULT_CLOCK "2024-01-01T00:00:00Z"

static const char *const column_choices[] = {"named", "all", NULL};

struct run_file {
    const struct sl_yaml *node, *given, *expect, *fails;
    const char *clock;
};
struct file {
    struct sl_strs tags;
    const char *name;
    struct run_file top;
    struct sl_opt_list runs; // struct run_file
};
struct table_file {
    const struct sl_yaml *rows;
    const char *text, *file, *name;
    bool replaces, is_ordered;
    int columns;
    struct sl_strs key;
};

#define RUN_ROWS(at)                                                                               \
    {.name = "given",                                                                              \
     .type = SL_OPT_NODE,                                                                          \
     .offset = (at) + offsetof(struct run_file, given),                                            \
     .summary =                                                                                    \
         "A new file for each source, and rows for tables: a list of maps, CSV as a text, or a "   \
         "map {rows|text|file, name, replace}. What is given is not built.",                       \
     .example = "{orders: [{id: 1, amount: 5}], clean.customers: [{id: 1}]}"},                     \
        {.name = "expect",                                                                         \
         .type = SL_OPT_NODE,                                                                      \
         .offset = (at) + offsetof(struct run_file, expect),                                       \
         .summary =                                                                                \
             "What tables must hold after the run, in the same forms; the map is "                 \
             "{rows|text|file, columns: named|all, ordered, key}. Of a quarantine table also "     \
             "'rule', 'column', 'message' and the columns as received.",                           \
         .example = "{curated.daily_revenue: [{day: 2024-01-31, revenue: 5}]}"},                   \
        {.name = "fails",                                                                          \
         .type = SL_OPT_NODE,                                                                      \
         .offset = (at) + offsetof(struct run_file, fails),                                        \
         .summary = "Tables whose step must fail, each with a text that its error must hold.",     \
         .example = "{curated.daily_revenue: 'not_null(day)'}"},                                   \
    {                                                                                              \
        .name = "clock", .type = SL_OPT_STRING, .offset = (at) + offsetof(struct run_file, clock), \
        .summary =                                                                                 \
            "The time that it is: of the test " DEFAULT_CLOCK " if nothing is said, of a run "     \
            "the test's.",                                                                         \
        .example = "2024-02-01T00:00:00Z"                                                          \
    }

static const struct sl_opt run_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct run_file, node)},
    RUN_ROWS(0),
    {0},
};
const struct sl_opt sl_test_rows[] = {
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct file, name),
     .summary = "What the test shows, in a sentence.",
     .example = "a late order changes an older day"},
    {.name = "tags",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct file, tags),
     .flags = SL_OPT_PLAIN,
     .summary = "Words for people to group tests by.",
     .example = "[finance]"},
    RUN_ROWS(offsetof(struct file, top)),
    {.name = "runs",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct file, runs),
     .summary = "Several runs, one after the other, in the same lake.",
     .rows = run_rows,
     .item_bytes = sizeof(struct run_file)},
    {0},
};

#define FORM_ROWS                                                                             \
    {.name = "rows", .type = SL_OPT_NODE, .offset = offsetof(struct table_file, rows)},       \
        {.name = "text", .type = SL_OPT_STRING, .offset = offsetof(struct table_file, text)}, \
    {                                                                                         \
        .name = "file", .type = SL_OPT_STRING, .offset = offsetof(struct table_file, file),   \
        .flags = SL_OPT_PLAIN                                                                 \
    }
static const struct sl_opt given_rows[] = {
    FORM_ROWS,
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct table_file, name),
     .flags = SL_OPT_PLAIN},
    {.name = "replace",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct table_file, replaces),
     .otherwise = "false"},
    {0},
};
static const struct sl_opt expect_rows[] = {
    FORM_ROWS,
    {.name = "columns",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct table_file, columns),
     .otherwise = "named",
     .values = column_choices},
    {.name = "ordered",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct table_file, is_ordered),
     .otherwise = "false"},
    {.name = "key",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct table_file, key),
     .flags = SL_OPT_PLAIN},
    {0},
};

struct reader {
    struct sl_load *load;
    struct sl_test *test;
};

static void complain(struct reader *reader, struct sl_place place, const char *hint,
                     const char *message)
{
    sl_diag(&reader->load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place, hint, "%s",
            message);
}

static void complain_type(struct reader *reader, const struct sl_yaml *node, const char *what,
                          const char *expected)
{
    sl_diag(&reader->load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
            "'%s' is %s, expected %s", what, sl_yaml_describe(node), expected);
}

// Every row must be a map.
static void set_rows(struct reader *reader, const struct sl_yaml *node, struct sl_test_table *table)
{
    if (node->kind != SL_YAML_LIST) {
        complain_type(reader, node, table->table, "a list of rows");
        return;
    }
    for (size_t i = 0; i < node->count; i++)
        if (node->items[i]->kind != SL_YAML_MAP) {
            complain_type(reader, node->items[i], table->table,
                          "a row as a map, such as {id: 1, name: a}");
            return;
        }
    table->rows = node;
}

static void set_text(const struct sl_yaml *node, struct sl_test_table *table)
{
    table->text = node->text;
    // A block begins in the line after its '|'.
    table->text_line = node->place.line + (strchr(node->text, '\n') ? 1 : 0);
}

// A file beside the test; its name is kept as seen from the project.
static int set_file(struct reader *reader, const struct sl_yaml *node, const char *name,
                    struct sl_test_table *table, struct sl_err *err)
{
    struct sl_arena *arena = &reader->load->project->arena;
    const char *folder = sl_path_folder(arena, reader->test->file);
    const char *path = folder ? sl_path_join(arena, folder, name) : NULL;
    const char *full = path ? sl_path_join(arena, reader->load->project->folder, path) : NULL;
    struct sl_fs_stat stat;
    SL_TRY_NEW(full, err);
    table->file = sl_path_clean(arena, path);
    SL_TRY_NEW(table->file, err);
    if (sl_fs_stat(full, &stat, NULL) != SL_OK || stat.is_folder)
        sl_diag(&reader->load->project->diags, SL_SEVERITY_ERROR, SL_E_FILE_MISSING, node->place,
                "a file's name is seen from the folder of the test", "there is no file '%s'",
                table->file);
    return SL_OK;
}

static int read_map(struct reader *reader, const struct sl_opt *rows, const struct sl_yaml *node,
                    struct sl_test_table *table, struct sl_err *err)
{
    struct table_file read = {0};
    const struct sl_yaml *text = sl_yaml_get(node, "text"), *file = sl_yaml_get(node, "file");
    const size_t errors = reader->load->project->diags.error_count;
    int forms = sl_load_has(node, "rows") + sl_load_has(node, "text") + sl_load_has(node, "file");
    SL_TRY(sl_load_read(reader->load, rows, node, table->table, &read, err));
    if (forms != 1)
        complain(reader, node->place, "rows: [...], text: '...' or file: NAME",
                 forms ? "rows, text and file exclude each other" : "there are no rows");
    if (read.rows)
        set_rows(reader, read.rows, table);
    else if (text && text->kind == SL_YAML_SCALAR)
        set_text(text, table);
    else if (read.file)
        SL_TRY(set_file(reader, file, read.file, table, err));
    else if (reader->load->project->diags.error_count == errors) // as of `rows: ${NAME}`
        complain(reader, node->place, "rows: [...], text: '...' or file: NAME",
                 "there are no rows");
    if (read.name && (strchr(read.name, '/') || read.name[0] == '.' || !*read.name))
        complain(reader, sl_yaml_place(node, "name"), NULL, "'name' is no name of a file");
    table->name = read.name;
    table->replaces = read.replaces;
    table->is_whole = read.columns == 1;
    table->is_ordered = read.is_ordered;
    table->key = read.key;
    return SL_OK;
}

static int read_table(struct reader *reader, const struct sl_opt *rows, const struct sl_yaml *node,
                      struct sl_test_table *table, struct sl_err *err)
{
    if (node->kind == SL_YAML_MAP)
        return read_map(reader, rows, node, table, err);
    if (node->kind == SL_YAML_SCALAR)
        set_text(node, table);
    else
        set_rows(reader, node, table);
    return SL_OK;
}

static bool is_map(struct reader *reader, const struct sl_yaml *node, const char *what)
{
    if (node && node->kind != SL_YAML_MAP && node->kind != SL_YAML_NULL)
        complain_type(reader, node, what, "tables with their rows, such as {orders: [{id: 1}]}");
    return node && node->kind == SL_YAML_MAP;
}

static int read_tables(struct reader *reader, const struct sl_opt *rows, const struct sl_yaml *map,
                       struct sl_test_table **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_arena *arena = &reader->load->project->arena;
    *ret = SL_NEW_ARRAY(arena, struct sl_test_table, map->count);
    SL_TRY_NEW(*ret, err);
    for (size_t i = 0; i < map->count; i++) {
        struct sl_test_table *table = &(*ret)[i];
        table->table = map->keys[i]->text;
        table->place = map->keys[i]->place;
        SL_TRY(read_table(reader, rows, map->items[i], table, err));
    }
    *ret_count = map->count;
    return SL_OK;
}

static int read_failures(struct reader *reader, const struct sl_yaml *map, struct sl_test_run *run,
                         struct sl_err *err)
{
    struct sl_arena *arena = &reader->load->project->arena;
    run->failures = SL_NEW_ARRAY(arena, struct sl_test_failure, map->count);
    SL_TRY_NEW(run->failures, err);
    for (size_t i = 0; i < map->count; i++) {
        if (map->items[i]->kind != SL_YAML_SCALAR)
            complain_type(reader, map->items[i], map->keys[i]->text,
                          "a text that the error must hold");
        else
            run->failures[run->failure_count++] = (struct sl_test_failure){
                map->keys[i]->text, map->keys[i]->place, map->items[i]->text};
    }
    return SL_OK;
}

static void read_clock(struct reader *reader, const struct sl_yaml *map, const char *text,
                       int64_t *clock_us)
{
    if (text && sl_clock_parse(text, clock_us) != 0)
        complain(reader, sl_yaml_place(map, "clock"), "a time is written 2024-02-01T00:00:00Z",
                 "'clock' is no time");
}

static int read_run(struct reader *reader, const struct run_file *file, const struct sl_yaml *node,
                    int64_t clock_us, struct sl_test_run *run, struct sl_err *err)
{
    *run = (struct sl_test_run){.place = node->place, .clock_us = clock_us};
    read_clock(reader, node, file->clock, &run->clock_us);
    if (is_map(reader, file->given, "given"))
        SL_TRY(read_tables(reader, given_rows, file->given, &run->given, &run->given_count, err));
    if (is_map(reader, file->expect, "expect"))
        SL_TRY(read_tables(reader, expect_rows, file->expect, &run->expected, &run->expected_count,
                           err));
    if (is_map(reader, file->fails, "fails"))
        SL_TRY(read_failures(reader, file->fails, run, err));
    return SL_OK;
}

static int read_runs(struct reader *reader, const struct file *file, const struct sl_yaml *node,
                     struct sl_err *err)
{
    struct sl_test *test = reader->test;
    const struct run_file *runs = file->runs.items;
    bool is_several = sl_yaml_get(node, "runs") != NULL;
    size_t count = is_several ? file->runs.count : 1, expected = 0;
    int64_t clock_us = 0;
    (void)sl_clock_parse(DEFAULT_CLOCK, &clock_us);
    if (is_several)
        read_clock(reader, node, file->top.clock, &clock_us);
    if (is_several && (file->top.given || file->top.expect || file->top.fails))
        complain(reader, sl_load_key_place(node, "runs"),
                 "move 'given', 'expect' and 'fails' into the runs",
                 "a test has 'runs', or is one run itself");
    test->runs = SL_NEW_ARRAY(&reader->load->project->arena, struct sl_test_run, count);
    SL_TRY_NEW(test->runs, err);
    for (size_t i = 0; i < count; i++) {
        const struct run_file *run = is_several ? &runs[i] : &file->top;
        SL_TRY(read_run(reader, run, is_several ? run->node : node, clock_us, &test->runs[i], err));
        expected += test->runs[i].expected_count + test->runs[i].failure_count;
    }
    test->run_count = count;
    if (expected == 0)
        complain(reader, node->place, "add 'expect: {curated.x: [...]}'",
                 "the test expects nothing, so it cannot fail");
    return SL_OK;
}

static int read_file(struct sl_load *load, const struct sl_yaml *node, struct sl_test *ret,
                     struct sl_err *err)
{
    struct file file = {0};
    struct reader reader = {load, ret};
    size_t errors = load->project->diags.error_count;
    SL_TRY(sl_load_read(load, sl_test_rows, node, "the test", &file, err));
    if (file.name)
        ret->title = file.name;
    ret->tags = file.tags;
    SL_TRY(read_runs(&reader, &file, node, err));
    if (load->project->diags.error_count != errors) {
        ret->runs = NULL;
        ret->run_count = 0;
    }
    return SL_OK;
}

int sl_test_read(const struct sl_yaml *node, struct sl_project *project, struct sl_test *test,
                 struct sl_err *err)
{
    struct sl_load load = {.project = project};
    return read_file(&load, node, test, err);
}

static int read_test(struct sl_load *load, const struct sl_load_file *found, struct sl_test *ret,
                     struct sl_err *err)
{
    struct sl_yaml *node;
    *ret = (struct sl_test){.name = found->name, .title = found->name, .file = found->path};
    SL_TRY(sl_load_yaml(load, found->path, &node, err));
    return node ? read_file(load, node, ret, err) : SL_OK;
}

static const char *file_of_test(const void *test)
{
    return ((const struct sl_test *)test)->file;
}

int sl_tests_load(struct sl_project *project, struct sl_tests *ret, struct sl_err *err)
{
    static const char *const endings[] = {".yml", ".yaml", NULL};
    SL_AUTO(sl_map_clear) struct sl_map by_name = {0};
    struct sl_load load = {.project = project};
    struct sl_load_file *files;
    size_t count;
    SL_TRY(sl_load_find(&load, "tests", endings, &files, &count, err));
    struct sl_test *tests = SL_NEW_ARRAY(&project->arena, struct sl_test, count);
    SL_TRY_NEW(tests, err);
    for (size_t i = 0; i < count; i++) {
        SL_TRY(read_test(&load, &files[i], &tests[i], err));
        SL_TRY(sl_load_register(&load, &by_name, tests[i].name, tests[i].file, &tests[i],
                                file_of_test, err));
    }
    *ret = (struct sl_tests){tests, count};
    return SL_OK;
}
