// sluice contract lint: what is wrong with contracts, and what good ones have besides.
#include "cli/contract_file.h"

#include "api/check.h"
#include "contract/compile.h"
#include "contract/lint.h"

#include <string.h>

struct lint_options {
    struct sl_common common;
    struct sl_strs contracts;
    bool strict;
};

static const struct sl_opt lint_rows[] = {
    {"contracts", SL_OPT_STRINGS, offsetof(struct lint_options, contracts), NULL,
     "Files, or names of contracts or tables of the project; else all of the project.",
     SL_OPT_POSITIONAL, .placeholder = "CONTRACT..."},
    {"strict", SL_OPT_BOOL, offsetof(struct lint_options, strict), "false",
     "Treat warnings as errors.", 0},
    SL_COMMON_ROWS,
    {0},
};

// The engine that is asked about SQL and patterns, opened for the first contract.
struct linter {
    struct sl_engine *engine;
    struct sl_session *session;
};

static void linter_clear(struct linter *linter)
{
    sl_session_close(&linter->session);
    sl_engine_close(&linter->engine);
}

// A filter looks at the rows as they come, which may have columns that the contract leaves out.
static void soften_filter(const struct sl_contract_table *table, size_t from,
                          struct sl_diags *diags)
{
    for (size_t i = from; i < diags->count; i++) {
        struct sl_diag *item = &diags->items[i];
        bool is_filter = item->err.line == table->filter_place.line &&
                         item->err.column == table->filter_place.column;
        if (item->severity != SL_SEVERITY_ERROR || !table->filter || !is_filter ||
            !strstr(item->err.message, "Referenced column"))
            continue;
        item->severity = SL_SEVERITY_WARNING;
        diags->error_count--;
        diags->warning_count++;
        (void)sl_err_hint(&item->err, "the contract has no such column: `sluice check` tells "
                                      "whether the source's files have it");
    }
}

// A check that cannot be, or that nothing can pass; and what `sluice check` asks the engine.
static int lint_table(struct linter *linter, struct sl_contract_file *file,
                      const struct sl_contract_table *table, struct sl_err *err)
{
    struct sl_project *project = &file->project;
    struct sl_check *checks;
    struct sl_column *raw;
    size_t count;
    SL_TRY(
        sl_checks_compile(table->checks, &project->arena, &project->diags, &checks, &count, err));
    if (!linter->session)
        SL_TRY(sl_contract_session(&linter->engine, &linter->session, err));
    SL_TRY(sl_contract_foresee_raw(table, NULL, 0, &project->arena, &raw, &count, err));
    size_t known = project->diags.count;
    SL_TRY(sl_contract_check(table, raw, count, linter->session, &project->arena, &project->diags,
                             err));
    soften_filter(table, known, &project->diags);
    return SL_OK;
}

struct references {
    struct sl_contract_file *file;
    const struct sl_contract_table *child;
};

// Of a parent in the same contract.
static int lint_reference(void *self, struct sl_rule *rule, struct sl_err *err)
{
    const struct references *references = self;
    struct sl_project *project = &references->file->project;
    const struct sl_contract_table *parent = NULL;
    const struct sl_contract *contract = references->file->contract;
    struct sl_column *columns;
    size_t count;
    for (size_t i = 0; i < contract->table_count && !parent; i++)
        if (sl_str_equal(contract->tables[i].name, rule->parent))
            parent = &contract->tables[i];
    if (!parent)
        return SL_OK;
    SL_TRY(sl_contract_columns(parent, &project->arena, &columns, &count, err));
    const struct sl_contract_reference reference = {references->child, parent, rule->parent,
                                                    columns, count};
    for (size_t i = 0; i < rule->to.count && i < rule->columns.count; i++)
        SL_TRY(sl_contract_check_reference(&reference, rule, i, &project->diags, err));
    return SL_OK;
}

static int lint_file(struct linter *linter, const char *path, struct sl_diags *diags,
                     struct sl_err *err)
{
    SL_AUTO(sl_contract_file_clear) struct sl_contract_file file = {0};
    SL_TRY(sl_contract_file_read(path, &file, err));
    if (file.contract) {
        sl_contract_lint(file.contract, &file.project.arena, &file.project.diags);
        for (size_t i = 0; i < file.contract->table_count; i++)
            SL_TRY(lint_table(linter, &file, &file.contract->tables[i], err));
        for (size_t i = 0; i < file.contract->table_count; i++) {
            struct references references = {&file, &file.contract->tables[i]};
            SL_TRY(sl_contract_each_foreign_key(&file.contract->tables[i], lint_reference,
                                                &references, err));
        }
    } else if (!file.project.diags.error_count) {
        sl_diag(&file.project.diags, SL_SEVERITY_ERROR, SL_E_CONTRACT,
                (struct sl_place){path, 1, 1}, NULL, "'%s' holds no contract", path);
    }
    for (size_t i = 0; i < file.project.diags.count; i++) {
        const struct sl_diag *item = &file.project.diags.items[i];
        sl_diag_err(diags, item->severity, &item->err, (struct sl_place){.file = path});
    }
    return SL_OK;
}

static int print_json(const struct sl_strs *paths, const struct sl_diags *diags, int exit_code,
                      struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:i, s:o}", "schema", "sluice.contract.lint/1", "exit_code",
                             exit_code, "contracts", sl_json_strs(paths));
    SL_TRY_NEW(root, err);
    SL_TRY(sl_diags_json(diags, root, err));
    return sl_print_json(root, err);
}

static int run_lint(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct lint_options *options = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_AUTO(linter_clear) struct linter linter = {0};
    struct sl_strs paths = {0};
    char texts[3][64];
    sl_arena_init(&arena, 0);
    SL_TRY(sl_contract_find(&options->common, &options->contracts, &arena, &paths, err));
    for (size_t i = 0; i < paths.count; i++)
        SL_TRY(lint_file(&linter, paths.items[i], &diags, err));
    *ret_exit = diags.error_count || (options->strict && diags.warning_count) ? 1 : 0;
    sl_diags_sort(&diags);
    if (options->common.json)
        return print_json(&paths, &diags, *ret_exit, err);
    sl_print_diags(options->common.cli, &diags, !options->common.is_quiet);
    printf("%s: %s, %s\n", sl_count_of((int64_t)paths.count, "contract", texts[0]),
           sl_count_of((int64_t)diags.error_count, "error", texts[1]),
           sl_count_of((int64_t)diags.warning_count, "warning", texts[2]));
    return SL_OK;
}

static const char *const lint_examples[] = {"sluice contract lint",
                                            "sluice contract lint orders --strict", NULL};

const struct sl_command sl_command_contract_lint = {
    .name = "contract lint",
    .summary = "Tell what is wrong with contracts, and what good ones have besides.",
    .details =
        "Mistakes are errors, as `sluice check` tells them. Warnings are for what is missing: a "
        "description of each table and column, an\n"
        "owner, a version of three numbers, a key, rules, a service level, examples, and a "
        "classification of columns that look personal.",
    .rows = lint_rows,
    .options_bytes = sizeof(struct lint_options),
    .examples = lint_examples,
    .run = run_lint,
};
