// sluice contract import: a contract out of another form of schema.
#include "cli/contract_file.h"

#include "base/fs.h"
#include "base/json.h"

#include <string.h>

static const char *const formats[] = {"odcs",    "dbt",   "jsonschema", "avro", "sql",
                                      "parquet", "delta", "auto",       NULL};
#define FORMAT_AUTO 7
static const char *const dialects[] = {"duckdb", "postgres", "spark", NULL};

struct import_options {
    struct sl_common common;
    const char *from, *name, *output;
    int format, dialect;
};

static const struct sl_opt import_rows[] = {
    {"from", SL_OPT_STRING, offsetof(struct import_options, from), NULL,
     "File with the schema, or folder of a Delta table.", SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .placeholder = "FROM"},
    {"format", SL_OPT_ENUM, offsetof(struct import_options, format), "auto",
     "What it is; else it is told by name and content.", 0, .letter = 'f', .values = formats,
     .placeholder = "FORMAT"},
    {"as", SL_OPT_STRING, offsetof(struct import_options, name), NULL,
     "Name of the contract, and of its table where there is one.", 0, .placeholder = "NAME"},
    {"dialect", SL_OPT_ENUM, offsetof(struct import_options, dialect), "duckdb",
     "SQL: what its operators mean.", 0, .values = dialects, .placeholder = "DIALECT"},
    {"output", SL_OPT_STRING, offsetof(struct import_options, output), NULL,
     "File to write, which must not be there yet; else it is printed.", 0, .letter = 'o',
     .placeholder = "FILE"},
    SL_COMMON_ROWS,
    {0},
};

struct import {
    const struct import_options *options;
    struct sl_project project; // holds memory and diagnostics
    struct sl_exchange exchange;
    const struct sl_exchange_format *format;
    struct sl_yaml *input; // NULL: it is no text
    struct sl_yaml *contract;
    struct sl_engine *engine;
    struct sl_session *session;
    struct sl_buf text;
};

static void import_clear(struct import *import)
{
    sl_buf_clear(&import->text);
    sl_session_close(&import->session);
    sl_engine_close(&import->engine);
    sl_diags_clear(&import->project.diags);
    sl_arena_clear(&import->project.arena);
}

// All that is wrong, and then one line for all of it.
static int fail_import(struct import *import, struct sl_err *err)
{
    char count[64];
    (void)sl_fail(err, SL_E_CONTRACT_IMPORT, "'%s' cannot be imported: %s", import->options->from,
                  sl_count_of((int64_t)import->project.diags.error_count, "error", count));
    sl_report(import->options->common.cli, err, &import->project.diags);
    return (int)err->code;
}

// "schema" of "dbt/schema.yml"; of a folder its own name.
static int name_otherwise(struct import *import, struct sl_err *err)
{
    struct sl_arena *arena = &import->project.arena;
    char *path = sl_path_clean(arena, import->options->from);
    SL_TRY_NEW(path, err);
    const char *name = sl_path_name(path);
    char *stem = sl_arena_strndup(arena, name, strcspn(name, "."));
    SL_TRY_NEW(stem, err);
    import->exchange.otherwise = sl_str_slug(arena, *stem ? stem : name);
    return import->exchange.otherwise ? SL_OK : sl_fail_memory(err);
}

// JSON is YAML, all but for what is wrong with it: that is told in the words of JSON.
static int check_json(struct import *import, const char *text, size_t length, struct sl_err *err)
{
    static const char bom[] = "\xEF\xBB\xBF";
    const char *path = import->options->from, *ending = strrchr(sl_path_name(path), '.');
    SL_AUTO(sl_json_free) json_t *json = NULL;
    size_t skipped = length >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;
    if (!ending || (!sl_str_equal_nocase(ending, ".json") && !sl_str_equal_nocase(ending, ".avsc")))
        return SL_OK;
    if (sl_json_parse_data(text + skipped, length - skipped, path, &json, err) == SL_OK)
        return SL_OK;
    if (err->code == SL_E_MEMORY)
        return (int)err->code;
    if (err->column == 0) // nothing stands in the line
        err->column = 1;
    return sl_err_hint(err, "mend it there, and import it again");
}

static int read_input(struct import *import, struct sl_err *err)
{
    struct sl_project *project = &import->project;
    const char *path = import->options->from;
    const char *text;
    size_t length;
    SL_TRY(sl_fs_read(path, SL_CONTRACT_MAX_BYTES, &project->arena, &text, &length, err));
    SL_TRY(check_json(import, text, length, err));
    SL_TRY(sl_yaml_parse(text, length, path, 1, 1, &project->arena, &project->diags, &import->input,
                         err));
    if (!import->input || project->diags.error_count)
        return fail_import(import, err);
    return SL_OK;
}

static int choose_format(struct import *import, struct sl_err *err)
{
    const char *path = import->options->from;
    struct sl_fs_stat stat;
    const char *log = sl_path_join(&import->project.arena, path, "_delta_log");
    SL_TRY_NEW(log, err);
    SL_TRY(sl_fs_stat(path, &stat, err));
    if (import->options->format != FORMAT_AUTO)
        import->format = sl_exchange_format(formats[import->options->format]);
    else if (stat.is_folder)
        import->format = sl_fs_exists(log) ? sl_exchange_format("delta") : NULL;
    else
        import->format = sl_exchange_guess(path, NULL);
    if (import->format && (stat.is_folder != sl_str_equal(import->format->name, "delta")))
        return sl_fail(err, SL_E_USAGE, "'%s' is a %s, and so not of format %s", path,
                       stat.is_folder ? "folder" : "file", import->format->name);
    if (stat.is_folder && !import->format)
        return sl_fail(err, SL_E_TABLE_MISSING,
                       "the folder '%s' is no Delta table: it has no "
                       "'_delta_log'",
                       path);
    if (import->format && import->format->is_asked)
        return SL_OK;
    SL_TRY(read_input(import, err));
    if (!import->format)
        import->format = sl_exchange_guess(path, import->input);
    if (import->format)
        return SL_OK;
    (void)sl_fail(err, SL_E_USAGE, "it cannot be told what '%s' is", path);
    return sl_err_hint(err, "say it: --format odcs, dbt, jsonschema, avro, sql, parquet or delta");
}

static int convert(struct import *import, struct sl_err *err)
{
    static const struct {
        const char *format;
        int (*import)(struct sl_exchange *exchange, const char *path, struct sl_session *session,
                      struct sl_yaml **ret, struct sl_err *err);
    } asked[] = {{"sql", sl_contract_import_sql},
                 {"parquet", sl_contract_import_parquet},
                 {"delta", sl_contract_import_delta}};
    struct sl_exchange *exchange = &import->exchange;
    if (!import->format->is_asked)
        return sl_exchange_import(exchange, import->format, import->input, &import->contract, err);
    SL_TRY(sl_contract_session(&import->engine, &import->session, err));
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (sl_str_equal(asked[i].format, import->format->name))
            return asked[i].import(exchange, import->options->from, import->session,
                                   &import->contract, err);
    return SL_OK;
}

// Whether `sluice check` will take it. What it says has the places of the input.
static int verify(struct import *import, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags kept = import->project.diags;
    struct sl_diags *diags = &import->project.diags;
    struct sl_contract *contract;
    *diags = (struct sl_diags){0};
    int code =
        sl_contract_read(import->contract, import->options->from, &import->project, &contract, err);
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].severity == SL_SEVERITY_ERROR)
            sl_diag_err(&kept, SL_SEVERITY_ERROR, &diags->items[i].err,
                        (struct sl_place){.file = import->options->from});
    struct sl_diags read = *diags;
    *diags = kept;
    kept = read;
    return code;
}

static bool has_engine_text(const struct sl_yaml *node)
{
    for (size_t i = 0; i < node->count; i++)
        if (has_engine_text(node->items[i]) ||
            (node->kind == SL_YAML_MAP && (sl_str_equal(node->keys[i]->text, "pattern") ||
                                           sl_str_equal(node->keys[i]->text, "implementation"))))
            return true;
    return false;
}

static void print_head(struct import *import)
{
    const struct sl_diags *diags = &import->project.diags;
    sl_buf_addf(&import->text, "# Imported from %s (%s).\n", sl_path_name(import->options->from),
                import->format->summary);
    if (diags->warning_count)
        sl_buf_add(&import->text, "# What could not be carried over:\n");
    for (size_t i = 0; i < diags->count; i++) {
        const struct sl_err *item = &diags->items[i].err;
        sl_buf_add(&import->text, "#   ");
        if (item->line)
            sl_buf_addf(&import->text, "line %d: ", item->line);
        for (const char *c = item->message; *c; c++) // of one line
            sl_buf_add_char(&import->text, (unsigned char)*c < ' ' ? ' ' : *c);
        sl_buf_add_char(&import->text, '\n');
    }
    if (diags->warning_count > diags->count)
        sl_buf_addf(&import->text, "#   and %zu more\n", diags->warning_count - diags->count);
}

static int print_json(struct import *import, struct sl_err *err)
{
    json_t *contract = NULL;
    SL_TRY(sl_yaml_to_json(import->contract, &contract, err));
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s, s:s?, s:o}", "schema", "sluice.contract.import/1", "format",
                  import->format->name, "file", import->options->output, "contract", contract);
    SL_TRY_NEW(root, err);
    SL_TRY(sl_diags_json(&import->project.diags, root, err));
    return sl_print_json(root, err);
}

static int put_out(struct import *import, struct sl_err *err)
{
    const struct import_options *options = import->options;
    print_head(import);
    sl_yaml_print(import->contract, &import->text);
    SL_TRY(sl_buf_check(&import->text, err));
    if (options->output)
        SL_TRY(sl_fs_create(options->output, import->text.text, import->text.length, err));
    if (options->common.json)
        return print_json(import, err);
    sl_print_diags(options->common.cli, &import->project.diags, !options->common.is_quiet);
    if (!options->output)
        fputs(import->text.text, stdout);
    else if (!options->common.is_quiet)
        printf("wrote %s\n", options->output);
    return SL_OK;
}

static int run_import(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct import_options *options = self;
    SL_AUTO(import_clear) struct import import = {.options = options, .text = SL_BUF_INIT};
    (void)ret_exit;
    sl_arena_init(&import.project.arena, 0);
    import.exchange = (struct sl_exchange){.arena = &import.project.arena,
                                           .diags = &import.project.diags,
                                           .name = options->name,
                                           .dialect = dialects[options->dialect]};
    SL_TRY(name_otherwise(&import, err));
    SL_TRY(choose_format(&import, err));
    SL_TRY(convert(&import, err));
    if (!import.contract)
        return fail_import(&import, err);
    // --as names the only table too: a contract is found by the name of its source.
    if (options->name)
        sl_exchange_rename(&import.exchange, import.contract, options->name);
    sl_exchange_conform(&import.exchange, import.contract);
    if (import.exchange.has_failed)
        return sl_fail_memory(err);
    if (has_engine_text(import.contract)) {
        if (!import.session)
            SL_TRY(sl_contract_session(&import.engine, &import.session, err));
        SL_TRY(sl_contract_prove(&import.exchange, import.contract, import.session, err));
    }
    SL_TRY(verify(&import, err));
    if (import.project.diags.error_count)
        return fail_import(&import, err);
    sl_diags_sort(&import.project.diags);
    return put_out(&import, err);
}

static const char *const import_examples[] = {
    "sluice contract import dbt/models/schema.yml -o contracts/shop.odcs.yml",
    "sluice contract import lake/raw/orders --as orders", NULL};

const struct sl_command sl_command_contract_import = {
    .name = "contract import",
    .summary = "Make a contract out of another form of schema.",
    .details =
        "Reads ODCS (v2, v3), dbt's schema.yml, JSON Schema, Avro, SQL DDL, Parquet files and "
        "Delta "
        "tables, and prints a contract of\n"
        "ODCS v3.1. What the contract cannot say is told as a warning and stands as a comment at "
        "the head of the file. SQL is run\n"
        "by DuckDB in a database in memory without access to anything else.",
    .rows = import_rows,
    .options_bytes = sizeof(struct import_options),
    .examples = import_examples,
    .run = run_import,
};
