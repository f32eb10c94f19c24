// sluice contract export: a contract in another form.
#include "cli/contract_file.h"

#include "base/fs.h"

static const char *const formats[] = {"odcs", "jsonschema", "sql", "avro", NULL};
static const char *const dialects[] = {"duckdb", "postgres", "spark", NULL};

struct export_options {
    struct sl_common common;
    const char *contract, *output;
    int format, dialect;
};

static const struct sl_opt export_rows[] = {
    {"contract", SL_OPT_STRING, offsetof(struct export_options, contract), NULL,
     "File, or name of a contract of the project or of one of its tables.",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "CONTRACT"},
    {"format", SL_OPT_ENUM, offsetof(struct export_options, format), NULL, "What to make of it.",
     SL_OPT_REQUIRED, .letter = 'f', .values = formats, .placeholder = "FORMAT"},
    {"dialect", SL_OPT_ENUM, offsetof(struct export_options, dialect), "duckdb",
     "SQL: whose words it uses.", 0, .values = dialects, .placeholder = "DIALECT"},
    {"output", SL_OPT_STRING, offsetof(struct export_options, output), NULL,
     "File to write, which must not be there yet; else it is printed.", 0, .letter = 'o',
     .placeholder = "FILE"},
    SL_COMMON_ROWS,
    {0},
};

static int print_json(const struct export_options *options, const struct sl_buf *text,
                      const struct sl_diags *diags, struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s, s:s?, s:s}", "schema", "sluice.contract.export/1", "format",
                  formats[options->format], "file", options->output, "text", text->text);
    SL_TRY_NEW(root, err);
    SL_TRY(sl_diags_json(diags, root, err));
    return sl_print_json(root, err);
}

static int put_out(const struct export_options *options, const struct sl_buf *text,
                   struct sl_diags *diags, struct sl_err *err)
{
    if (options->output)
        SL_TRY(sl_fs_create(options->output, text->text, text->length, err));
    if (options->common.json)
        return print_json(options, text, diags, err);
    sl_diags_sort(diags);
    sl_print_diags(options->common.cli, diags, !options->common.is_quiet);
    if (!options->output)
        fputs(text->text, stdout);
    else if (!options->common.is_quiet)
        printf("wrote %s\n", options->output);
    return SL_OK;
}

static int run_export(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct export_options *options = self;
    SL_AUTO(sl_contract_file_clear) struct sl_contract_file file = {0};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *path = NULL;
    (void)ret_exit;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_contract_choose(&options->common, options->contract, &arena, &path, err));
    SL_TRY(sl_contract_file_read(path, &file, err));
    if (!file.contract || file.project.diags.error_count)
        return sl_contract_refuse(&options->common, &file.project.diags, path, err);
    struct sl_exchange exchange = {
        .arena = &arena, .diags = &diags, .dialect = dialects[options->dialect]};
    SL_TRY(sl_exchange_export(&exchange, sl_exchange_format(formats[options->format]), file.node,
                              &text, err));
    if (diags.error_count)
        return sl_contract_refuse(&options->common, &diags, path, err);
    return put_out(options, &text, &diags, err);
}

static const char *const export_examples[] = {
    "sluice contract export orders --format sql --dialect postgres",
    "sluice contract export contracts/orders.odcs.yml --format jsonschema -o orders.schema.json",
    NULL};

const struct sl_command sl_command_contract_export = {
    .name = "contract export",
    .summary = "Say a contract in another form: ODCS v3.1, JSON Schema, SQL or Avro.",
    .details = "What the other form has no word for is told as a warning. JSON Schema and Avro get "
               "attributes that begin with 'x-' for keys and\n"
               "exact types, which `contract import` reads again and others let stand.",
    .rows = export_rows,
    .options_bytes = sizeof(struct export_options),
    .examples = export_examples,
    .run = run_export,
};
