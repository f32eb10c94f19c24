#include "cli/contract_trial.h"

#include "base/clock.h"
#include "base/fs.h"

#define MOST_EXAMPLES 3

// Cleanse is let go over any budget, so that all there is to tell is there; the budget is looked at
// afterwards.
static const struct sl_budget no_budget = {.max_share = 1, .max_rows = -1};

static int read_example(const struct sl_result *result, int64_t row, struct sl_arena *arena,
                        struct sl_trial *trial, struct sl_err *err)
{
    struct sl_trial_example example = {
        .rule = sl_arena_strdup(arena, sl_result_text(result, row, 0)),
        .column = sl_arena_strdup(arena, sl_result_text(result, row, 1)),
        .message = sl_arena_strdup(arena, sl_result_text(result, row, 2)),
        .payload = sl_arena_strdup(arena, sl_result_text(result, row, 3)),
    };
    return SL_PUSH(arena, trial->examples, trial->example_count, example) ? SL_OK
                                                                          : sl_fail_memory(err);
}

static int read_examples(struct sl_step_context *context, const char *name, struct sl_trial *trial,
                         struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t version;
    if (!trial->balance.quarantined && !trial->balance.set_aside_rows)
        return SL_OK;
    SL_TRY(sl_step_view(context, SL_LAYER_QUARANTINE, name, -1, &version, err));
    sl_buf_add(&sql, "select reason.\"rule\", reason.\"column\", reason.message, payload from "
                     "(select unnest(reasons) as reason, payload, _source, _position from "
                     "quarantine.");
    sl_buf_add_sql_name(&sql, name);
    sl_buf_addf(&sql,
                ") qualify row_number() over (partition by reason.\"rule\", reason.\"column\" "
                "order by _source, _position) <= %d order by reason.\"rule\", reason.\"column\", "
                "_source, _position",
                MOST_EXAMPLES);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(context->session->kind->query(context->session, sql.text, 0, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++)
        SL_TRY(read_example(result, row, context->arena, trial, err));
    return SL_OK;
}

// --- Foreign keys whose table is not there ---

struct keys {
    struct sl_step_context *context;
    struct sl_contract_table *table; // a copy, out of which they are taken
    const char *own;                 // the clean table that is tried
    bool has_all;                    // of its rows
    struct sl_check_result *unjudged;
    size_t count;
};

static int add_unjudged(struct keys *keys, const struct sl_rule *rule, const char *why,
                        struct sl_err *err)
{
    struct sl_arena *arena = keys->context->arena;
    struct sl_check_result result = {
        .kind = "foreign_key",
        .name = rule->id,
        .claim = sl_arena_printf(arena, "the row has a parent in %s", rule->parent),
        .dimension = SL_DIMENSION_CONSISTENCY,
        .is_warning = rule->severity == SL_RULE_WARN,
        .rows = -1,
        .unjudged = why};
    SL_TRY_NEW(result.claim, err);
    SL_TRY_NEW(result.unjudged, err);
    return SL_PUSH(arena, keys->unjudged, keys->count, result) ? SL_OK : sl_fail_memory(err);
}

static int is_judged(struct keys *keys, const struct sl_rule *rule, bool *ret, struct sl_err *err)
{
    const struct sl_step_context *context = keys->context;
    const char *folder, *name;
    struct sl_delta_head head;
    struct sl_record record;
    enum sl_layer layer;
    bool is_borrowed;
    *ret = !sl_str_equal(rule->kind, "foreign_key");
    if (*ret)
        return SL_OK;
    *ret = sl_str_equal(rule->parent, keys->own) && keys->has_all;
    if (*ret)
        return SL_OK;
    if (sl_str_equal(rule->parent, keys->own))
        return add_unjudged(keys, rule, "the table has other rows than these, too", err);
    if (sl_table_parse(rule->parent, &layer, &name)) { // else of a contract by itself
        SL_TRY(sl_step_input(context->project, layer, name, context->session, context->arena,
                             &folder, &head, &record, &is_borrowed, err));
        *ret = head.version >= 0;
    }
    return *ret ? SL_OK
                : add_unjudged(keys, rule,
                               sl_arena_printf(context->arena, "table '%s' does not exist yet",
                                               rule->parent),
                               err);
}

static int take_out(struct keys *keys, struct sl_rule **rules, size_t *count, struct sl_err *err)
{
    struct sl_rule *kept = SL_NEW_ARRAY(keys->context->arena, struct sl_rule, *count);
    size_t kept_count = 0;
    SL_TRY_NEW(kept, err);
    for (size_t i = 0; i < *count; i++) {
        bool is_kept;
        SL_TRY(is_judged(keys, &(*rules)[i], &is_kept, err));
        if (is_kept)
            kept[kept_count++] = (*rules)[i];
    }
    *rules = kept;
    *count = kept_count;
    return SL_OK;
}

static int take_out_unjudged(struct keys *keys, struct sl_err *err)
{
    struct sl_contract_table *table = keys->table;
    struct sl_contract_column *columns =
        SL_NEW_ARRAY(keys->context->arena, struct sl_contract_column, table->column_count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < table->column_count; i++) {
        columns[i] = table->columns[i];
        SL_TRY(take_out(keys, &columns[i].rules, &columns[i].rule_count, err));
    }
    table->columns = columns;
    return take_out(keys, &table->rules, &table->rule_count, err);
}

// Them, and then the checks of the table.
static int keep_checks(struct keys *keys, const struct sl_step_result *cleansed,
                       struct sl_foreseen *ret, struct sl_err *err)
{
    for (size_t i = 0; i < cleansed->check_count; i++)
        if (!SL_PUSH(keys->context->arena, keys->unjudged, keys->count, cleansed->checks[i]))
            return sl_fail_memory(err);
    *ret = (struct sl_foreseen){keys->unjudged, keys->count};
    return SL_OK;
}

int sl_trial_run(const struct sl_trial_input *input, struct sl_arena *arena, struct sl_trial *ret,
                 struct sl_err *err)
{
    struct sl_source source = *input->source;
    struct sl_contract_table table = *input->table;
    struct sl_step_result ingested, cleansed;
    struct sl_step_context context = {.project = input->project,
                                      .session = input->session,
                                      .arena = arena,
                                      .run_id = "contract test",
                                      .now_us = sl_clock_now_us(),
                                      .checks_only_tell = true};
    const struct sl_budget *budget =
        table.has_budget ? &input->table->budget : &input->source->budget;
    input->project->lake_folder = input->folder;
    input->project->read_lake = NULL; // the rows are those of the files
    input->project->read_lake_behind = NULL;
    source.budget = no_budget;
    table.has_budget = false;
    SL_TRY(sl_step_ingest(&context, &source, &ingested, err));
    if (ingested.version_count) {
        input->project->read_lake = input->other_tables;
        input->project->read_lake_behind = input->borrowed_tables;
    }
    struct keys keys = {.context = &context,
                        .table = &table,
                        .own = sl_arena_printf(arena, "clean.%s", source.name),
                        .has_all = input->rows.are_all};
    SL_TRY_NEW(keys.own, err);
    SL_TRY(take_out_unjudged(&keys, err));
    SL_TRY(sl_step_cleanse(&context, &source, &table, &cleansed, err));
    ret->table = input->table;
    ret->what = input->rows.what;
    ret->balance = cleansed.balance;
    ret->reasons = cleansed.reasons;
    ret->reason_count = cleansed.reason_count;
    SL_TRY(keep_checks(&keys, &cleansed, &ret->checks, err));
    for (size_t i = 0; i < ingested.notes.count; i++)
        SL_TRY(sl_strs_add(&ret->notes, arena, ingested.notes.items[i], err));
    for (size_t i = 0; i < cleansed.notes.count; i++)
        SL_TRY(sl_strs_add(&ret->notes, arena, cleansed.notes.items[i], err));
    SL_TRY(read_examples(&context, source.name, ret, err));
    ret->is_over_budget =
        sl_budget_check(budget, &cleansed.balance, table.name, true, &ret->budget) != SL_OK;
    return SL_OK;
}

// --- Examples of the contract itself ---

static const struct sl_yaml *examples_of(const struct sl_yaml *property)
{
    const struct sl_yaml *list = sl_yaml_get(property, "examples");
    return list && list->kind == SL_YAML_LIST && list->count ? list : NULL;
}

static bool is_true(const struct sl_yaml *property, const char *key)
{
    const struct sl_yaml *node = sl_yaml_get(property, key);
    return node && node->kind == SL_YAML_SCALAR && sl_str_equal_nocase(node->text, "true");
}

static const char *raw_name(const struct sl_yaml *property)
{
    const struct sl_yaml *name = sl_yaml_get(property, "physicalName");
    if (!name)
        name = sl_yaml_get(property, "name");
    return name ? name->text : "";
}

// A key counts its examples up; columns with fewer begin again.
static int add_row(const struct sl_yaml *properties, size_t row, struct sl_buf *text,
                   struct sl_err *err)
{
    bool is_first = true;
    sl_buf_add_char(text, '{');
    for (size_t i = 0; i < properties->count; i++) {
        const struct sl_yaml *list = examples_of(properties->items[i]);
        SL_AUTO(sl_json_free) json_t *value = NULL;
        if (!list)
            continue;
        SL_TRY(sl_yaml_to_json(list->items[row % list->count], &value, err));
        char *printed = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        SL_TRY_NEW(printed, err);
        sl_buf_add(text, is_first ? "" : ", ");
        sl_buf_add_json_string(text, raw_name(properties->items[i]));
        sl_buf_addf(text, ": %s", printed);
        free(printed);
        is_first = false;
    }
    sl_buf_add(text, "}\n");
    return sl_buf_check(text, err);
}

int sl_trial_examples(const struct sl_yaml *node, const char *path, struct sl_arena *arena,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const struct sl_yaml *properties = sl_yaml_get(node, "properties");
    const char *folder = sl_path_folder(arena, path);
    size_t rows = 0;
    SL_TRY_NEW(folder, err);
    for (size_t i = 0; properties && i < properties->count; i++) {
        const struct sl_yaml *property = properties->items[i];
        const struct sl_yaml *list = examples_of(property);
        bool is_needed = is_true(property, "required") || is_true(property, "primaryKey");
        rows = list && list->count > rows ? list->count : rows;
        if (list || !is_needed)
            continue;
        (void)sl_fail(err, SL_E_CONTRACT, "column '%s' must have a value, and has no 'examples'",
                      raw_name(property));
        (void)sl_err_hint(err, "give examples, or files to test with: --data FILE");
        return sl_err_at(err, property->place.file, property->place.line, property->place.column);
    }
    if (!rows) {
        (void)sl_fail(err, SL_E_CONTRACT, "there is nothing to test with");
        return sl_err_hint(err, "--data FILE, a source of the table's name, or 'examples' at the "
                                "columns");
    }
    for (size_t row = 0; row < rows; row++)
        SL_TRY(add_row(properties, row, &text, err));
    SL_TRY(sl_fs_mkdirs(folder, err));
    return sl_fs_create(path, text.text, text.length, err);
}
