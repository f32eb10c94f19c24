// sluice contract test: what a contract would make of files, without writing anything.
#include "cli/contract_trial.h"
#include "cli/lake.h"

#include "base/clock.h"
#include "base/fs.h"

#include <string.h>

struct test_options {
    struct sl_common common;
    const char *contract, *junit;
    struct sl_strs data;
    bool all;
};

static const struct sl_opt test_rows[] = {
    {"contract", SL_OPT_STRING, offsetof(struct test_options, contract), NULL,
     "Table or contract of the project, or a contract's file.", SL_OPT_POSITIONAL,
     .placeholder = "CONTRACT"},
    {"all", SL_OPT_BOOL, offsetof(struct test_options, all), "false",
     "Every contract that governs a source of the project.", 0},
    {"data", SL_OPT_STRINGS, offsetof(struct test_options, data), NULL,
     "Files to test with; else those of the source, else the contract's examples.", SL_OPT_WORDS,
     .placeholder = "FILE"},
    {"junit", SL_OPT_STRING, offsetof(struct test_options, junit), NULL,
     "Also write the result as JUnit XML, over a file of that name.", 0, .placeholder = "FILE"},
    SL_COMMON_ROWS,
    {0},
};

struct testing {
    const struct test_options *options;
    struct sl_arena arena;
    struct sl_project *project;   // either that holds the contracts
    struct sl_contract_file file; // or the file
    struct sl_engine *engine;
    const char *folder;                   // of the lakes
    const char *own_lake, *borrowed_lake; // the project's, and the one that it reads; NULL: none
    struct sl_trial *trials;
    size_t count;
};

static void testing_clear(struct testing *testing)
{
    struct sl_err ignored = {0};
    sl_engine_close(&testing->engine);
    sl_project_free(&testing->project);
    sl_contract_file_clear(&testing->file);
    if (testing->folder && sl_fs_remove_tree(testing->folder, &ignored) != SL_OK)
        sl_tell(&testing->options->common, SL_LOG_WARN, "'%s' could not be removed: %s",
                testing->folder, ignored.message);
    sl_arena_clear(&testing->arena);
}

static int make_folder(struct testing *testing, struct sl_err *err)
{
    char uuid[37];
    const char *place = getenv("TMPDIR");
    const char *folder = sl_arena_printf(&testing->arena, "%s/sluice-contract-test-%s",
                                         sl_str_is_empty(place) ? "/tmp" : place, sl_uuid(uuid));
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    testing->folder = folder;
    return SL_OK;
}

// The object of the table in its contract's tree.
static const struct sl_yaml *node_of(const struct sl_contract_table *table)
{
    const struct sl_yaml *schema = sl_yaml_get(table->contract->node, "schema");
    for (size_t i = 0; schema && schema->kind == SL_YAML_LIST && i < schema->count; i++) {
        const struct sl_yaml *name = sl_yaml_get(schema->items[i], "name");
        if (name && sl_str_equal(name->text, table->name))
            return schema->items[i];
    }
    return NULL;
}

static int has_files(const struct sl_source *source, struct sl_arena *arena, bool *ret,
                     struct sl_err *err)
{
    *ret = false;
    for (size_t i = 0; i < source->paths.count && !*ret; i++) {
        struct sl_strs files = {0};
        SL_TRY(sl_fs_glob(source->paths.items[i], arena, &files, err));
        *ret = files.count > 0;
    }
    return SL_OK;
}

// Where the rows come from: --data, the source's own files, or examples.
static int choose_rows(struct testing *testing, const struct sl_contract_table *table,
                       struct sl_source *source, struct sl_trial_rows *ret, struct sl_err *err)
{
    struct sl_arena *arena = &testing->arena;
    bool has_own = false;
    *ret = (struct sl_trial_rows){.what = "the source's files"};
    if (testing->options->data.count) {
        source->paths = testing->options->data;
        ret->what = "the files of --data";
        return SL_OK;
    }
    SL_TRY(has_files(source, arena, &has_own, err));
    ret->are_all = has_own;
    if (has_own)
        return SL_OK;
    const char *path =
        sl_arena_printf(arena, "%s/examples-%zu/examples.jsonl", testing->folder, testing->count);
    SL_TRY_NEW(path, err);
    ret->what = "the contract's examples";
    if (sl_trial_examples(node_of(table), path, arena, err) != SL_OK)
        return sl_err_context(err, "test '%s'", table->name);
    source->paths = (struct sl_strs){0};
    source->format = SL_FORMAT_AUTO;
    return sl_strs_add(&source->paths, arena, path, err);
}

static int try_table(struct testing *testing, struct sl_project *project,
                     const struct sl_source *given, const struct sl_contract_table *table,
                     struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_source source = *given;
    struct sl_trial trial = {0};
    struct sl_trial_input input = {.project = project, .source = &source, .table = table};
    SL_TRY(choose_rows(testing, table, &source, &input.rows, err));
    if (testing->engine)
        SL_TRY(testing->engine->kind->connect(testing->engine, &session, err));
    else
        SL_TRY(sl_contract_session(&testing->engine, &session, err));
    input.session = session;
    input.other_tables = testing->own_lake;
    input.borrowed_tables = testing->borrowed_lake;
    input.folder = sl_arena_printf(&testing->arena, "%s/lake-%zu", testing->folder, testing->count);
    SL_TRY_NEW(input.folder, err);
    if (sl_trial_run(&input, &testing->arena, &trial, err) != SL_OK)
        return sl_err_context(err, "test '%s'", table->name);
    return SL_PUSH(&testing->arena, testing->trials, testing->count, trial) ? SL_OK
                                                                            : sl_fail_memory(err);
}

// --- A contract's file by itself ---

static int try_file(struct testing *testing, const char *path, struct sl_err *err)
{
    struct sl_contract_file *file = &testing->file;
    SL_TRY(sl_contract_file_read(path, file, err));
    if (!file->contract || file->project.diags.error_count) {
        (void)sl_contract_first_error(&file->project.diags, path, err);
        sl_report(testing->options->common.cli, err, &file->project.diags);
        return (int)err->code;
    }
    if (testing->options->data.count && file->contract->table_count > 1) {
        (void)sl_fail(err, SL_E_USAGE, "'%s' holds %zu tables, and --data is for one", path,
                      file->contract->table_count);
        return sl_err_hint(err, "name a table of a project, or take the contract apart");
    }
    file->project.folder = ".";
    for (size_t i = 0; i < file->contract->table_count; i++) {
        struct sl_source source = {
            .file = path, .connector = "file", .budget = file->project.budget};
        source.name = sl_str_slug(&testing->arena, file->contract->tables[i].name);
        SL_TRY_NEW(source.name, err);
        source.csv = (struct sl_csv_options){
            .delimiter = ",", .quote = "\"", .escape = "\"", .has_header = true, .comment = ""};
        SL_TRY(try_table(testing, &file->project, &source, &file->contract->tables[i], err));
    }
    return SL_OK;
}

// --- Contracts of a project ---

static bool is_named(const struct test_options *options, const struct sl_contract *contract)
{
    const char *word = options->contract ? sl_bare_table(options->contract) : "";
    const char *file = contract->file;
    size_t length = strlen(word);
    return sl_str_equal(contract->name, word) || sl_str_equal(contract->id, word) ||
           sl_str_equal(file, options->contract) ||
           (strncmp(sl_path_name(file), word, length) == 0 && sl_path_name(file)[length] == '.');
}

static bool is_asked(const struct test_options *options, const struct sl_contract_table *table,
                     const struct sl_source *source)
{
    const char *word = options->contract ? sl_bare_table(options->contract) : NULL;
    return options->all || sl_str_equal(table->name, word) || sl_str_equal(source->name, word) ||
           is_named(options, table->contract);
}

// The file of a contract of that name that governs no source; NULL: there is none.
static const char *find_idle(const struct test_options *options, const struct sl_project *project)
{
    for (size_t i = 0; i < project->contract_count; i++)
        if (is_named(options, project->contracts[i]))
            return project->contracts[i]->file;
    return NULL;
}

static int try_project(struct testing *testing, struct sl_err *err)
{
    const struct sl_common *common = &testing->options->common;
    struct sl_project_options options = {.folder = common->folder,
                                         .environment = common->environment,
                                         .overrides = common->settings,
                                         .resolve_secrets = true};
    if (sl_project_load(&options, &testing->project, err) != SL_OK) {
        if (err->code != SL_E_PROJECT_MISSING || testing->options->all)
            return (int)err->code;
        return sl_fail(err, SL_E_FILE_MISSING,
                       "there is no file '%s', and no project here that could have a contract of "
                       "that name",
                       testing->options->contract);
    }
    struct sl_project *project = testing->project;
    testing->own_lake = project->lake_folder;
    testing->borrowed_lake = project->read_lake;
    sl_keep_project(common->cli, project);
    if (project->diags.error_count) {
        (void)sl_fail(err, SL_E_PROJECT_INVALID, "the project has errors");
        sl_report(common->cli, err, &project->diags);
        return (int)err->code;
    }
    for (size_t i = 0; i < project->source_count; i++) {
        const struct sl_source *source = &project->sources[i];
        const struct sl_contract_table *table = sl_project_contract_for(project, source);
        if (table && is_asked(testing->options, table, source))
            SL_TRY(try_table(testing, project, source, table, err));
    }
    if (testing->count)
        return SL_OK;
    if (testing->options->all)
        return sl_fail(err, SL_E_TABLE_MISSING, "no source of the project has a contract");
    const char *idle = find_idle(testing->options, project);
    if (idle) {
        (void)sl_fail(err, SL_E_TABLE_MISSING, "the contract in '%s' governs no source", idle);
        return sl_err_hint(
            err, "name its file, and data to judge: `sluice contract test %s --data FILE`", idle);
    }
    (void)sl_fail(err, SL_E_TABLE_MISSING,
                  "no source is governed by a contract '%s', and there is "
                  "no such file",
                  testing->options->contract);
    return sl_err_hint(err, "`sluice ls` lists what the project has");
}

// --- What came of it ---

static json_t *trial_json(const struct sl_trial *trial)
{
    const struct sl_balance *balance = &trial->balance;
    json_t *reasons = json_array(), *examples = json_array(), *notes = json_array();
    for (size_t i = 0; i < trial->reason_count; i++)
        (void)json_array_append_new(
            reasons, json_pack("{s:s, s:s?, s:I, s:b, s:b}", "rule", trial->reasons[i].rule,
                               "column", trial->reasons[i].column, "rows",
                               (json_int_t)trial->reasons[i].rows, "warning",
                               trial->reasons[i].is_warning, "value", trial->reasons[i].is_value));
    for (size_t i = 0; i < trial->example_count; i++)
        (void)json_array_append_new(
            examples, json_pack("{s:s, s:s?, s:s?, s:s?}", "rule", trial->examples[i].rule,
                                "column", trial->examples[i].column, "message",
                                trial->examples[i].message, "payload", trial->examples[i].payload));
    for (size_t i = 0; i < trial->notes.count; i++)
        (void)json_array_append_new(notes, sl_json_string(trial->notes.items[i]));
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s?, s:o, s:o, s:o, s:o}", "table",
        trial->table->name, "rows_of", trial->what, "read", (json_int_t)balance->in, "accepted",
        (json_int_t)balance->out, "rejected", (json_int_t)balance->quarantined, "deduplicated",
        (json_int_t)balance->deduplicated, "filtered", (json_int_t)balance->filtered,
        "set_aside_values", (json_int_t)balance->set_aside_values, "is_over_budget",
        trial->is_over_budget, "budget", trial->is_over_budget ? trial->budget.message : NULL,
        "reasons", reasons, "examples", examples, "checks", sl_foreseen_json(&trial->checks),
        "notes", notes);
}

static int print_json(const struct testing *testing, int exit_code, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:i, s:[]}", "schema", "sluice.contract.test/1", "exit_code",
                             exit_code, "tables");
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < testing->count; i++)
        if (json_array_append_new(json_object_get(root, "tables"),
                                  trial_json(&testing->trials[i])) != 0)
            return sl_fail_memory(err);
    return sl_print_json(root, err);
}

static void print_text(const struct sl_trial *trial)
{
    char read[32], out[32], bad[32];
    printf("%s%s%s, %s: %s read, %s accepted, %s rejected\n", sl_color(stdout, SL_COLOR_BOLD),
           trial->table->name, sl_color(stdout, SL_COLOR_NONE), trial->what,
           sl_str_count(trial->balance.in, read), sl_str_count(trial->balance.out, out),
           sl_str_count(trial->balance.quarantined, bad));
    for (size_t i = 0; i < trial->notes.count; i++)
        printf("  %s\n", trial->notes.items[i]);
    for (size_t i = 0; i < trial->reason_count; i++) {
        const struct sl_reason_count *reason = &trial->reasons[i];
        printf("  %-28s %10s%s\n", reason->rule, sl_str_count(reason->rows, read),
               reason->is_warning ? " (warning)"
               : reason->is_value ? " (value)"
                                  : "");
        for (size_t k = 0; k < trial->example_count; k++)
            if (sl_str_equal(trial->examples[k].rule, reason->rule) &&
                sl_str_equal(trial->examples[k].column, reason->column))
                printf("      %s\n", trial->examples[k].message);
    }
    sl_foreseen_print(&trial->checks);
    if (trial->is_over_budget)
        printf("  %s%s%s\n", sl_color(stdout, SL_COLOR_RED), trial->budget.message,
               sl_color(stdout, SL_COLOR_NONE));
}

static void add_xml(struct sl_buf *text, const char *value)
{
    for (; value && *value; value++)
        switch (*value) {
        case '<':
            sl_buf_add(text, "&lt;");
            break;
        case '>':
            sl_buf_add(text, "&gt;");
            break;
        case '&':
            sl_buf_add(text, "&amp;");
            break;
        case '"':
            sl_buf_add(text, "&quot;");
            break;
        default: // of the control characters XML has three
            sl_buf_add_char(
                text, (unsigned char)*value < ' ' && !strchr("\t\r\n", *value) ? '?' : *value);
        }
}

static void add_case(struct sl_buf *text, const struct sl_trial *trial, const char *rule,
                     const char *failure)
{
    sl_buf_add(text, "    <testcase classname=\"");
    add_xml(text, trial->table->name);
    sl_buf_add(text, "\" name=\"");
    add_xml(text, rule);
    sl_buf_add(text, failure ? "\">\n      <failure message=\"" : "\"/>\n");
    if (!failure)
        return;
    add_xml(text, failure);
    sl_buf_add(text, "\">");
    for (size_t i = 0; i < trial->example_count; i++)
        if (sl_str_equal(trial->examples[i].rule, rule)) {
            add_xml(text, trial->examples[i].message);
            sl_buf_add_char(text, '\n');
        }
    sl_buf_add(text, "</failure>\n    </testcase>\n");
}

static bool is_failure_of(const struct sl_trial *trial, const struct sl_reason_count *reason)
{
    return trial->is_over_budget && !reason->is_warning && !reason->is_value;
}

static void add_check(struct sl_buf *text, const struct sl_trial *trial,
                      const struct sl_check_result *check)
{
    bool is_failure = !check->is_passed && !check->is_warning;
    sl_buf_add(text, "    <testcase classname=\"");
    add_xml(text, trial->table->name);
    sl_buf_addf(text, "\" name=\"check %s: ", check->kind);
    add_xml(text, check->name ? check->name : check->claim);
    if (!check->unjudged && !is_failure) {
        sl_buf_add(text, "\"/>\n");
        return;
    }
    sl_buf_addf(text, "\">\n      <%s message=\"", check->unjudged ? "skipped" : "failure");
    add_xml(text, check->unjudged ? check->unjudged : check->message);
    sl_buf_add(text, "\"/>\n    </testcase>\n");
}

static void add_suite(struct sl_buf *text, const struct sl_trial *trial, size_t failed)
{
    size_t skipped = 0;
    for (size_t i = 0; i < trial->checks.count; i++) {
        const struct sl_check_result *check = &trial->checks.checks[i];
        skipped += check->unjudged != NULL;
        failed += !check->unjudged && !check->is_passed && !check->is_warning;
    }
    sl_buf_add(text, "  <testsuite name=\"");
    add_xml(text, trial->table->name);
    sl_buf_addf(text, "\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n",
                trial->reason_count + 1 + trial->checks.count, failed, skipped);
}

// A case for each rule that rows broke, one for the budget, and one for each check of the table:
// rules fail when the budget is exceeded.
static int write_junit(const struct testing *testing, const char *path, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_add(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (size_t i = 0; i < testing->count; i++) {
        const struct sl_trial *trial = &testing->trials[i];
        size_t failed = trial->is_over_budget;
        for (size_t k = 0; k < trial->reason_count; k++)
            failed += is_failure_of(trial, &trial->reasons[k]);
        add_suite(&text, trial, failed);
        add_case(&text, trial, "budget", trial->is_over_budget ? trial->budget.message : NULL);
        for (size_t k = 0; k < trial->reason_count; k++) {
            bool is_failure = is_failure_of(trial, &trial->reasons[k]);
            char *failure = sl_arena_printf((struct sl_arena *)(uintptr_t)&testing->arena,
                                            "%lld rows", (long long)trial->reasons[k].rows);
            SL_TRY_NEW(failure, err);
            add_case(&text, trial, trial->reasons[k].rule, is_failure ? failure : NULL);
        }
        for (size_t k = 0; k < trial->checks.count; k++)
            add_check(&text, trial, &trial->checks.checks[k]);
        sl_buf_add(&text, "  </testsuite>\n");
    }
    sl_buf_add(&text, "</testsuites>\n");
    SL_TRY(sl_buf_check(&text, err));
    return sl_fs_write(path, text.text, text.length, err);
}

static int run_test(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct test_options *options = self;
    SL_AUTO(testing_clear) struct testing testing = {.options = options};
    struct sl_fs_stat stat;
    sl_arena_init(&testing.arena, 0);
    if (!options->contract == !options->all)
        return sl_fail(err, SL_E_USAGE, "name a contract, or --all");
    if (options->all && options->data.count)
        return sl_fail(err, SL_E_USAGE, "--data is for one contract, not for --all");
    SL_TRY(make_folder(&testing, err));
    bool is_file =
        options->contract && sl_fs_stat(options->contract, &stat, NULL) == SL_OK && !stat.is_folder;
    SL_TRY(is_file ? try_file(&testing, options->contract, err) : try_project(&testing, err));
    for (size_t i = 0; i < testing.count; i++)
        if (testing.trials[i].is_over_budget || sl_foreseen_fails(&testing.trials[i].checks))
            *ret_exit = 3;
    if (options->junit)
        SL_TRY(write_junit(&testing, options->junit, err));
    if (options->common.json)
        return print_json(&testing, *ret_exit, err);
    for (size_t i = 0; i < testing.count; i++)
        print_text(&testing.trials[i]);
    return SL_OK;
}

static const char *const test_examples[] = {"sluice contract test orders --data new/orders-*.csv",
                                            "sluice contract test --all --junit contracts.xml",
                                            NULL};

const struct sl_command sl_command_contract_test = {
    .name = "contract test",
    .summary = "Try a contract on files: how many rows it accepts, and why it rejects others.",
    .details =
        "Reads and judges the rows as a run does, in a lake in the folder for temporary files "
        "(TMPDIR) that is removed afterwards; the\n"
        "project's own tables and history are not touched. Checks of the table (quality) are "
        "judged over the rows accepted; other tables that\n"
        "they or foreign keys read are those of the project. The exit code is 3 if more rows are "
        "rejected than the quarantine budget\n"
        "allows, or a check fails.",
    .rows = test_rows,
    .options_bytes = sizeof(struct test_options),
    .examples = test_examples,
    .run = run_test,
};
