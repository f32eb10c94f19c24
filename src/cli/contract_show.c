// sluice contract show: a whole contract in words.
#include "cli/contract_show.h"

#include "base/fs.h"
#include "base/json.h"
#include "contract/change.h"
#include "contract/compile.h"

struct show_options {
    struct sl_common common;
    const char *contract;
};

static const struct sl_opt show_rows[] = {
    {"contract", SL_OPT_STRING, offsetof(struct show_options, contract), NULL,
     "File, or name of a contract of the project or of one of its tables.",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "CONTRACT"},
    SL_COMMON_ROWS,
    {0},
};

static const struct sl_contract_table *find_table(const struct sl_contract *contract,
                                                  const char *name)
{
    for (size_t i = 0; i < contract->table_count; i++)
        if (sl_str_equal(contract->tables[i].name, name))
            return &contract->tables[i];
    return NULL;
}

// Which sources of the project the file governs. A contract outside of one has none.
static int find_uses(const struct sl_project *project, const struct sl_contract *contract,
                     struct sl_arena *arena, struct sl_contract_uses *ret, struct sl_err *err)
{
    const char *real;
    SL_TRY(sl_path_real(arena, contract->file, &real, err));
    for (size_t i = 0; i < project->source_count; i++) {
        const struct sl_source *source = &project->sources[i];
        const struct sl_contract_table *table = sl_project_contract_for(project, source);
        const char *path = table ? sl_path_join(arena, project->folder, table->contract->file) : "";
        const char *own;
        SL_TRY_NEW(path, err);
        if (!table)
            continue;
        SL_TRY(sl_path_real(arena, path, &own, err));
        struct sl_contract_use use = {source, find_table(contract, table->name)};
        if (sl_str_equal(real, own) && use.table && !SL_PUSH(arena, ret->items, ret->count, use))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

// What a state leaves out of the columns, for it decides no row.
static int describe_columns(const json_t *list, const struct sl_contract_column *columns,
                            size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_contract_column *column = &columns[i];
        json_t *object = json_array_get(list, i);
        (void)json_object_del(object, "kind");
        SL_TRY(set(object, "required", json_boolean(sl_contract_is_required(column)), err));
        SL_TRY(set(object, "unique", json_boolean(sl_contract_is_unique(column)), err));
        if (column->classification)
            SL_TRY(set(object, "classification", sl_json_string(column->classification), err));
        if (column->description)
            SL_TRY(set(object, "description", sl_json_string(column->description), err));
        SL_TRY(describe_columns(json_object_get(object, "fields"), column->fields,
                                column->field_count, err));
    }
    return SL_OK;
}

static int add_uses(json_t *list, const struct sl_contract_table *table,
                    const struct sl_contract_uses *uses, struct sl_err *err)
{
    for (size_t i = 0; i < uses->count; i++) {
        const struct sl_source *source = uses->items[i].source;
        const struct sl_budget *budget = table->has_budget ? &table->budget : &source->budget;
        if (uses->items[i].table != table)
            continue;
        if (json_array_append_new(
                list,
                json_pack("{s:s, s:{s:s, s:s, s:s, s:s}, s:{s:f, s:I, s:I}}", "name", source->name,
                          "drift", "new_columns", sl_drift_words[0][source->drift.new_columns],
                          "missing_columns", sl_drift_words[1][source->drift.missing_columns],
                          "type_change", sl_drift_words[2][source->drift.type_change],
                          "emptied_files", sl_drift_words[3][source->drift.emptied_files],
                          "quarantine", "max_share", budget->max_share, "max_rows",
                          (json_int_t)budget->max_rows, "min_rows",
                          (json_int_t)budget->min_rows)) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int add_table(json_t *list, const struct sl_contract_table *table,
                     const struct sl_contract_uses *uses, struct sl_arena *arena,
                     struct sl_err *err)
{
    json_t *object = NULL, *checks = NULL;
    SL_TRY(sl_contract_state(table, arena, &object, err));
    if (json_array_append_new(list, object) != 0)
        return sl_fail_memory(err);
    SL_TRY(describe_columns(json_object_get(object, "columns"), table->columns, table->column_count,
                            err));
    json_t *sources = json_array();
    SL_TRY(set(object, "sources", sources, err));
    SL_TRY(add_uses(sources, table, uses, err));
    if (!table->checks)
        return set(object, "checks", json_array(), err);
    SL_TRY(sl_yaml_to_json(table->checks, &checks, err));
    return set(object, "checks", checks, err);
}

static int print_json(const struct sl_contract *contract, const struct sl_contract_uses *uses,
                      struct sl_arena *arena, struct sl_err *err)
{
    json_t *written = NULL, *tables = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:o}", "schema",
                             "sluice.contract.show/1", "file", contract->file, "id", contract->id,
                             "name", contract->name, "version", contract->version, "status",
                             contract->status, "owner", contract->owner, "tables", tables);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < contract->table_count; i++)
        SL_TRY(add_table(tables, &contract->tables[i], uses, arena, err));
    SL_TRY(sl_yaml_to_json(contract->node, &written, err));
    SL_TRY(set(root, "contract", written, err));
    return sl_print_json(root, err);
}

static int print_text(const struct sl_contract *contract, const struct sl_contract_uses *uses,
                      struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_contract_show_head(contract, &text);
    for (size_t i = 0; i < contract->table_count; i++)
        SL_TRY(sl_contract_show_table(&contract->tables[i], uses, arena, &text, err));
    SL_TRY(sl_buf_check(&text, err));
    sl_print_masked(text.text, stdout);
    return SL_OK;
}

static int run_show(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct show_options *options = self;
    const struct sl_common *common = &options->common;
    const struct sl_project_options where = {.folder = common->folder,
                                             .environment = common->environment,
                                             .overrides = common->settings};
    SL_AUTO(sl_contract_file_clear) struct sl_contract_file file = {0};
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_contract_uses uses = {0};
    struct sl_err no_project = {0};
    const char *path = NULL;
    (void)ret_exit;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_contract_choose(common, options->contract, &arena, &path, err));
    SL_TRY(sl_contract_file_read(path, &file, err));
    if (!file.contract || file.project.diags.error_count)
        return sl_contract_refuse(common, &file.project.diags, path, err);
    if (sl_project_load(&where, &project, &no_project) == SL_OK)
        SL_TRY(find_uses(project, file.contract, &arena, &uses, err));
    if (common->json)
        return print_json(file.contract, &uses, &arena, err);
    return print_text(file.contract, &uses, &arena, err);
}

static const char *const show_examples[] = {
    "sluice contract show orders", "sluice contract show contracts/orders.odcs.yml --json", NULL};

const struct sl_command sl_command_contract_show = {
    .name = "contract show",
    .summary = "Show a whole contract in words.",
    .details =
        "What it is and for what, who answers for it, where the data lies, what is promised; "
        "of each table the columns, rules, checks and foreign\n"
        "keys, and what the sources that it governs do with files of another form. Rules "
        "that say no more than the column's type and\n"
        "that it is required are left out of the text. With --json, `contract` has all "
        "that is written, `tables` what Sluice reads in it.",
    .rows = show_rows,
    .options_bytes = sizeof(struct show_options),
    .examples = show_examples,
    .run = run_show,
};
