// sluice generate: rows out of a contract.
#include "run/generate.h"
#include "base/fs.h"
#include "cli/lake.h"

#include <string.h>

enum format { FORMAT_CSV, FORMAT_JSONL, FORMAT_PARQUET };
static const char *const formats[] = {"csv", "jsonl", "parquet", NULL};

struct generate_options {
    struct sl_common common;
    const char *contract, *breaking, *output;
    int64_t rows, seed;
    int format;
    bool labels, force;
};

static const struct sl_opt generate_rows[] = {
    {"contract", SL_OPT_STRING, offsetof(struct generate_options, contract), NULL,
     "A source, or a table of a contract.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .placeholder = "NAME"},
    {"rows", SL_OPT_INT, offsetof(struct generate_options, rows), "10",
     "How many rows that break no rule, each with a primary key of its own.", 0, .letter = 'n',
     .placeholder = "N"},
    {"seed", SL_OPT_INT, offsetof(struct generate_options, seed), "1",
     "Another number gives other rows, the same one the same.", 0, .placeholder = "N"},
    {"breaking", SL_OPT_STRING, offsetof(struct generate_options, breaking), "none",
     "After them: none; each: for every rule a row that breaks it and nothing else; pairs: for "
     "every two; or the name of a rule.",
     0, .placeholder = "WHAT"},
    {"labels", SL_OPT_BOOL, offsetof(struct generate_options, labels), "false",
     "Add a column _breaks with the rules that the row breaks.", 0},
    {"output", SL_OPT_STRING, offsetof(struct generate_options, output), NULL,
     "Write to this file; else to stdout.", 0, .letter = 'o', .placeholder = "FILE"},
    {"force", SL_OPT_BOOL, offsetof(struct generate_options, force), "false",
     "Overwrite a file that is there.", 0},
    {"format", SL_OPT_ENUM, offsetof(struct generate_options, format), "csv", "Form of the rows.",
     0, .values = formats, .placeholder = "FORMAT"},
    SL_COMMON_ROWS,
    {0},
};

static const struct sl_contract_table *find_contract(const struct sl_project *project,
                                                     const char *name)
{
    const char *bare = sl_bare_table(name);
    const struct sl_source *source = sl_project_source(project, bare);
    const struct sl_contract_table *contract =
        source ? sl_project_contract_for(project, source) : NULL;
    for (size_t i = 0; i < project->contract_count && !contract; i++)
        for (size_t k = 0; k < project->contracts[i]->table_count && !contract; k++)
            if (sl_str_equal(project->contracts[i]->tables[k].name, bare))
                contract = &project->contracts[i]->tables[k];
    return contract;
}

static int no_contract(struct sl_world *world, const char *name, struct sl_err *err)
{
    struct sl_strs names = {0};
    for (size_t i = 0; i < world->project->contract_count; i++)
        for (size_t k = 0; k < world->project->contracts[i]->table_count; k++)
            SL_TRY(sl_strs_add(&names, &world->arena, world->project->contracts[i]->tables[k].name,
                               err));
    const char *hint = sl_did_you_mean(&world->arena, name, names.items, names.count);
    (void)sl_fail(err, SL_E_TABLE_MISSING, "no contract is of '%s'", name);
    return sl_err_hint(err, "%s", hint ? hint : "name a source that has one");
}

static void select_rows(const struct generate_options *options, const struct sl_generated *made,
                        struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    for (size_t i = 0; i < made->column_count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, made->columns[i].name);
    }
    if (options->labels)
        sl_buf_add(sql, ", \"~breaks\" as _breaks");
    sl_buf_add(sql, " from \"~generated\" order by \"~order\"");
}

// As the files of the source are written.
static void add_csv_options(const struct sl_source *source, struct sl_buf *sql)
{
    sl_buf_add(sql, "format csv, header true");
    if (!source || !*source->csv.quote || strlen(source->csv.delimiter) != 1)
        return;
    sl_buf_add(sql, ", delimiter ");
    sl_buf_add_sql_string(sql, source->csv.delimiter);
    sl_buf_add(sql, ", quote ");
    sl_buf_add_sql_string(sql, source->csv.quote);
}

static int write_rows(const struct generate_options *options, struct sl_session *session,
                      const struct sl_source *source, const struct sl_generated *made,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *path = options->output ? options->output : "/dev/stdout";
    sl_buf_add(&sql, "copy (");
    select_rows(options, made, &sql);
    sl_buf_add(&sql, ") to ");
    sl_buf_add_sql_string(&sql, path);
    sl_buf_add(&sql, " (");
    if (options->format == FORMAT_CSV)
        add_csv_options(source, &sql);
    else
        sl_buf_add(&sql, options->format == FORMAT_JSONL ? "format json" : "format parquet");
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

static int rows_json(const struct generate_options *options, struct sl_session *session,
                     const struct sl_generated *made, json_t *rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    select_rows(options, made, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        json_t *item = json_object();
        for (size_t i = 0; item && i < sl_result_columns(result); i++) {
            const char *text = sl_result_text(result, row, i);
            (void)json_object_set_new(item, sl_result_name(result, i),
                                      text ? sl_json_string(text) : json_null());
        }
        if (json_array_append_new(rows, item) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int report_json(const struct generate_options *options, struct sl_session *session,
                       const struct sl_generated *made, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s?, s:I, s:[], s:[], s:[], s:o}", "schema", "sluice.generate/1", "file",
                  options->output, "count", (json_int_t)made->rows, "breaking", "impossible",
                  "notes", "rows", options->output ? json_null() : json_array());
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < made->target_count; i++) {
        const char *name = sl_generate_name(made, &made->targets[i], arena);
        SL_TRY_NEW(name, err);
        (void)json_array_append_new(
            json_object_get(root, made->targets[i].is_found ? "breaking" : "impossible"),
            json_string(name));
    }
    for (size_t i = 0; i < made->notes.count; i++)
        (void)json_array_append_new(json_object_get(root, "notes"),
                                    sl_json_string(made->notes.items[i]));
    if (!options->output)
        SL_TRY(rows_json(options, session, made, json_object_get(root, "rows"), err));
    return sl_print_json(root, err);
}

static int report(const struct generate_options *options, const struct sl_generated *made,
                  struct sl_arena *arena, struct sl_err *err)
{
    char count[64];
    for (size_t i = 0; i < made->notes.count; i++)
        sl_tell(&options->common, SL_LOG_WARN, "%s", made->notes.items[i]);
    for (size_t i = 0; i < made->target_count; i++) {
        const char *name = sl_generate_name(made, &made->targets[i], arena);
        SL_TRY_NEW(name, err);
        if (!made->targets[i].is_found)
            sl_tell(&options->common, SL_LOG_WARN, "no row was found that breaks just %s", name);
    }
    if (options->output && !options->common.is_quiet)
        printf("%s: %s\n", options->output, sl_count_of(made->rows, "row", count));
    return SL_OK;
}

static int check_options(const struct generate_options *options, struct sl_err *err)
{
    if (options->rows < 0 || options->rows > 100000000)
        return sl_fail(err, SL_E_USAGE, "--rows is '%lld', expected 0 to 100,000,000",
                       (long long)options->rows);
    if (options->seed < 0)
        return sl_fail(err, SL_E_USAGE, "--seed is '%lld', expected 0 or more",
                       (long long)options->seed);
    if (options->format == FORMAT_PARQUET && !options->output && !options->common.json)
        return sl_fail(err, SL_E_USAGE, "--format parquet needs a file: -o FILE");
    if (!options->output || options->force || !sl_fs_exists(options->output))
        return SL_OK;
    (void)sl_fail(err, SL_E_FILE_EXISTS, "'%s' exists", options->output);
    return sl_err_hint(err, "another name, or --force to overwrite it");
}

static enum sl_generate_breaking breaking_of(const char *text)
{
    return sl_str_equal(text, "none")    ? SL_BREAK_NONE
           : sl_str_equal(text, "each")  ? SL_BREAK_EACH
           : sl_str_equal(text, "pairs") ? SL_BREAK_PAIRS
                                         : SL_BREAK_RULE;
}

static int run_generate(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct generate_options *options = self;
    SL_AUTO(sl_world_close) struct sl_world world = {0};
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_generated made;
    (void)ret_exit;
    SL_TRY(check_options(options, err));
    SL_TRY(sl_open_world(&options->common, &world, err));
    struct sl_generate_options generate = {.project = world.project,
                                           .contract =
                                               find_contract(world.project, options->contract),
                                           .rows = options->rows,
                                           .seed = (uint64_t)options->seed,
                                           .breaking = breaking_of(options->breaking),
                                           .rule = options->breaking};
    if (!generate.contract)
        return no_contract(&world, options->contract, err);
    SL_TRY(sl_world_session(&world, &session, err));
    SL_TRY(sl_generate(session, &generate, &world.arena, &made, err));
    if (options->output || !options->common.json)
        SL_TRY(write_rows(options, session,
                          sl_project_source(world.project, sl_bare_table(options->contract)), &made,
                          err));
    if (options->common.json)
        return report_json(options, session, &made, &world.arena, err);
    return report(options, &made, &world.arena, err);
}

static const char *const examples[] = {"sluice generate orders --rows 1000 -o data/orders-test.csv",
                                       "sluice generate orders --breaking each --labels", NULL};

const struct sl_command sl_command_generate = {
    .name = "generate",
    .summary =
        "Make rows out of a contract: good ones, and ones that break just what is asked for.",
    .details =
        "Candidates are made from the types, formats, ranges, lengths, patterns and lists of the "
        "contract, and each is judged by the\n"
        "contract's own compiled pass: what is written breaks exactly the rules that it is to "
        "break. Rules over several columns are met\n"
        "by trying. What no row was found for is told. Foreign keys point to rows that the lake "
        "has; where "
        "it has none, keys are made up, and\n"
        "that is told.",
    .rows = generate_rows,
    .options_bytes = sizeof(struct generate_options),
    .examples = examples,
    .run = run_generate,
};
