// sluice generate: rows out of a contract.
#include "run/generate.h"
#include "base/fs.h"
#include "cli/lake.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum format { FORMAT_CSV, FORMAT_JSONL, FORMAT_PARQUET };
static const char *const formats[] = {"csv", "jsonl", "parquet", NULL};

struct generate_options {
    struct sl_common common;
    const char *contract, *breaking, *output;
    int64_t rows, seed;
    int format;
    bool labels, force, dry_run;
    struct sl_strs pairs;
};

#define MOST_SHOWN 20 // rules or pairs for which no row was found

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
    {"pairs", SL_OPT_STRINGS, offsetof(struct generate_options, pairs), NULL,
     "Of --breaking pairs only those in which one rule is like this: 'amount.*'; or one each like "
     "two: 'amount.* + day.*'.",
     SL_OPT_WORDS, .placeholder = "RULE"},
    {"dry_run", SL_OPT_BOOL, offsetof(struct generate_options, dry_run), "false",
     "Only say which rules or pairs rows would be looked for.", 0},
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
                        bool is_file, struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    for (size_t i = 0; i < made->column_count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        bool is_json = is_file && options->format == FORMAT_JSONL && made->is_nested[i];
        sl_buf_add_sql_name(&name, made->columns[i].name);
        sl_buf_add(sql, i ? ", " : "");
        if (is_json)
            sl_buf_addf(sql,
                        "case when json_valid(%s) then cast(%s as JSON) else to_json(%s) end as ",
                        name.text, name.text, name.text);
        sl_buf_add(sql, name.text);
        sql->has_failed |= name.has_failed;
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

static int copy_rows(const struct generate_options *options, struct sl_session *session,
                     const struct sl_source *source, const struct sl_generated *made,
                     const char *path, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "copy (");
    select_rows(options, made, true, &sql);
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

// What the engine writes into a pipe, to where stdout is at: a path would open it anew, at its
// beginning.
struct relay {
    int from;
    int error; // errno; 0: none
};

static void *relay_bytes(void *self)
{
    struct relay *relay = self;
    char bytes[65536];
    ssize_t length;
    while ((length = read(relay->from, bytes, sizeof bytes)) != 0) {
        if (length < 0 && errno != EINTR) {
            relay->error = errno;
            break;
        }
        for (ssize_t done = 0; done < length && !relay->error;) {
            ssize_t one = write(STDOUT_FILENO, bytes + done, (size_t)(length - done));
            if (one < 0 && errno != EINTR)
                relay->error = errno; // and read on, so that nobody waits for it
            done += one > 0 ? one : 0;
        }
    }
    return NULL;
}

static int write_to_stdout(const struct generate_options *options, struct sl_session *session,
                           const struct sl_source *source, const struct sl_generated *made,
                           struct sl_err *err)
{
    int ends[2];
    char path[64];
    pthread_t thread;
    if (fflush(stdout) != 0 || pipe(ends) != 0)
        return sl_fail(err, SL_E_IO, "cannot write to stdout: %s", strerror(errno));
    struct relay relay = {.from = ends[0]};
    if (pthread_create(&thread, NULL, relay_bytes, &relay) != 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return sl_fail_memory(err);
    }
    (void)snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    int code = copy_rows(options, session, source, made, path, err);
    (void)close(ends[1]);
    (void)pthread_join(thread, NULL);
    (void)close(ends[0]);
    if (code == SL_OK && relay.error)
        return sl_fail(err, SL_E_IO, "cannot write to stdout: %s", strerror(relay.error));
    return code;
}

static int rows_json(const struct generate_options *options, struct sl_session *session,
                     const struct sl_generated *made, json_t *rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    select_rows(options, made, false, &sql);
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
        json_pack("{s:s, s:s?, s:I, s:[], s:[], s:[], s:[], s:o}", "schema", "sluice.generate/1",
                  "file", options->output, "count", (json_int_t)made->rows, "breaking", "not_found",
                  "impossible", "notes", "rows", options->output ? json_null() : json_array());
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < made->target_count; i++) {
        const char *name = sl_generate_name(made, &made->targets[i], arena);
        SL_TRY_NEW(name, err);
        (void)json_array_append_new(json_object_get(root, made->targets[i].is_found ? "breaking"
                                                          : made->targets[i].is_impossible
                                                              ? "impossible"
                                                              : "not_found"),
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
    size_t missing = 0, impossible = 0;
    for (size_t i = 0; i < made->target_count; i++) {
        const char *name = sl_generate_name(made, &made->targets[i], arena);
        SL_TRY_NEW(name, err);
        impossible += made->targets[i].is_impossible;
        if (!made->targets[i].is_found && !made->targets[i].is_impossible && missing++ < MOST_SHOWN)
            sl_tell(&options->common, SL_LOG_WARN, "no row was found that breaks just %s", name);
    }
    if (missing > MOST_SHOWN)
        sl_tell(&options->common, SL_LOG_WARN, "nor for %s more, which `not_found` of --json lists",
                sl_str_count((int64_t)(missing - MOST_SHOWN), count));
    if (impossible)
        sl_tell(&options->common, SL_LOG_INFO,
                "%s of rules that no row can break together, which `impossible` of --json lists",
                sl_count_of((int64_t)impossible, "pair", count));
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
    if (options->pairs.count && !sl_str_equal(options->breaking, "pairs"))
        return sl_fail(err, SL_E_USAGE, "--pairs goes with --breaking pairs");
    if (options->format == FORMAT_PARQUET && !options->output && !options->common.json)
        return sl_fail(err, SL_E_USAGE, "--format parquet needs a file: -o FILE");
    if (!options->output || options->force || !sl_fs_exists(options->output))
        return SL_OK;
    (void)sl_fail(err, SL_E_FILE_EXISTS, "'%s' exists", options->output);
    return sl_err_hint(err, "another name, or --force to overwrite it");
}

static void tell_progress(const void *self, size_t tried, size_t count, size_t found)
{
    const struct generate_options *options = self;
    char texts[3][64];
    sl_tell(&options->common, SL_LOG_INFO, "%s of %s tried, rows found for %s",
            sl_str_count((int64_t)tried, texts[0]), sl_str_count((int64_t)count, texts[1]),
            sl_str_count((int64_t)found, texts[2]));
}

static int print_plan(const struct generate_options *options, const struct sl_generated *made,
                      struct sl_arena *arena, struct sl_err *err)
{
    size_t rules = made->pass.rule_count + made->pass.unique_count;
    char texts[3][64];
    if (!options->common.json) {
        printf("%s; of %s, %s\n", sl_count_of(options->rows, "good row", texts[0]),
               sl_count_of((int64_t)rules, "rule", texts[1]),
               sl_count_of((int64_t)made->target_count,
                           sl_str_equal(options->breaking, "pairs") ? "pair" : "rule", texts[2]));
        for (size_t i = 0; i < made->target_count && options->common.is_verbose; i++) {
            const char *name = sl_generate_name(made, &made->targets[i], arena);
            SL_TRY_NEW(name, err);
            puts(name);
        }
        return SL_OK;
    }
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:b, s:I, s:I, s:[]}", "schema", "sluice.generate/1", "dry_run", 1,
                  "count", (json_int_t)options->rows, "rules", (json_int_t)rules, "targets");
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < made->target_count; i++) {
        const char *name = sl_generate_name(made, &made->targets[i], arena);
        SL_TRY_NEW(name, err);
        (void)json_array_append_new(json_object_get(root, "targets"), json_string(name));
    }
    return sl_print_json(root, err);
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
                                           .rule = options->breaking,
                                           .pairs = &options->pairs,
                                           .tell = tell_progress,
                                           .tell_self = options};
    if (!generate.contract)
        return no_contract(&world, options->contract, err);
    SL_TRY(sl_world_session(&world, &session, err));
    if (options->dry_run) {
        SL_TRY(sl_generate_plan(session, &generate, &world.arena, &made, err));
        return print_plan(options, &made, &world.arena, err);
    }
    SL_TRY(sl_generate(session, &generate, &world.arena, &made, err));
    const struct sl_source *source =
        sl_project_source(world.project, sl_bare_table(options->contract));
    if (options->output)
        SL_TRY(copy_rows(options, session, source, &made, options->output, err));
    else if (!options->common.json)
        SL_TRY(write_to_stdout(options, session, source, &made, err));
    if (options->common.json)
        return report_json(options, session, &made, &world.arena, err);
    return report(options, &made, &world.arena, err);
}

static const char *const examples[] = {"sluice generate orders --rows 1000 -o data/orders-test.csv",
                                       "sluice generate orders --breaking each --labels",
                                       "sluice generate orders --breaking pairs --pairs 'amount.*'",
                                       NULL};

const struct sl_command sl_command_generate = {
    .name = "generate",
    .summary =
        "Make rows out of a contract: good ones, and ones that break just what is asked for.",
    .details =
        "Candidates are made from the types, formats, ranges, lengths, patterns and lists of the "
        "contract, and of the words in its rules' SQL;\n"
        "each is judged by the contract's own compiled pass: what is written breaks exactly the "
        "rules that it is to break. Rules over several\n"
        "columns are met by trying. What no row was found for is told. Objects and arrays are "
        "written as JSON. Foreign keys point to rows that\n"
        "the lake has; where it has none, keys are made up, and that is told.",
    .rows = generate_rows,
    .options_bytes = sizeof(struct generate_options),
    .examples = examples,
    .run = run_generate,
};
