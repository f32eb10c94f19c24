// sluice docs: reference pages and the man page, written from the tables of commands, options, file
// kinds, routes and codes.
#include "base/fs.h"
#include "cli/cli.h"
#include "serve/routes.h"

#include <string.h>

struct docs_options {
    struct sl_common common;
    const char *folder;
};

static const struct sl_opt rows[] = {
    {"folder", SL_OPT_STRING, offsetof(struct docs_options, folder), "docs/reference",
     "Where to write.", SL_OPT_POSITIONAL, .placeholder = "DIR"},
    SL_COMMON_ROWS,
    {0},
};

#define GENERATED \
    "<!-- Written by `sluice docs` from the program's own tables. Do not edit. -->\n\n"

static const struct exit_code {
    const char *code, *meaning;
} exit_codes[] = {
    {"0", "all went well, or there was nothing to do"},
    {"1", "failed; the message says why and what to do"},
    {"2", "a mistake in Sluice: please report it"},
    {"3", "a check or a contract failed; the old version of the table stays"},
    {"4",
     "more rows were rejected than the quarantine budget or a rule allows; the old version stays"},
    {"5", "partial: some steps were done, others failed or were skipped"},
    {"6", "the plan is no longer valid: the world changed since it was made"},
    {"130", "interrupted by Ctrl-C or a signal"},
};
#define EXIT_CODE_COUNT (sizeof exit_codes / sizeof *exit_codes)

static void add_command(const struct sl_command *command, struct sl_buf *text)
{
    size_t own = sl_own_row_count(command->rows);
    sl_buf_addf(text, "## sluice %s\n\n%s\n\n```\nsluice ", command->name, command->summary);
    sl_help_usage(command, text);
    sl_buf_add(text, own ? "\n\n" : "\n");
    sl_help_options(command->rows, own, text);
    sl_buf_add(text, "```\n\n");
    if (command->details)
        sl_buf_addf(text, "%s\n\n", command->details);
    for (size_t i = 0; command->examples && command->examples[i]; i++)
        sl_buf_addf(text, "%s%s\n", i ? "" : "```sh\n", command->examples[i]);
    sl_buf_add(text, command->examples ? "```\n\n" : "");
}

static void add_commands(struct sl_buf *text)
{
    sl_buf_add(text, "# Commands\n\n" GENERATED "Options of every command:\n\n```\n");
    sl_opt_help(sl_common_rows, text);
    sl_buf_add(
        text,
        "```\n\nThe options above may also stand before the command: `sluice -C shop run`.\n\n"
        "| exit code | meaning |\n|---|---|\n");
    for (size_t i = 0; i < EXIT_CODE_COUNT; i++)
        sl_buf_addf(text, "| %s | %s |\n", exit_codes[i].code, exit_codes[i].meaning);
    sl_buf_add(text, "\n");
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->is_hidden)
            add_command(sl_commands[i], text);
}

static void add_files(struct sl_buf *text)
{
    sl_buf_add(text, "# Files of a project\n\n" GENERATED);
    for (const struct sl_file_kind *kind = sl_file_kinds; kind->name; kind++) {
        sl_buf_addf(text, "## %s: `%s`\n\n%s\n\n", kind->name, kind->pattern, kind->summary);
        sl_opt_markdown(kind->rows, 0, text);
        sl_buf_add(text, "\n");
    }
}

static void add_codes(struct sl_buf *text)
{
    sl_buf_add(text, "# Error codes\n\n" GENERATED);
    for (int code = 1; code < SL_CODE_COUNT; code++) {
        const struct sl_code_info *info = sl_code_info((enum sl_code)code);
        sl_buf_addf(text, "## %s: %s\n\n%s\n\n", info->id, info->title, info->explanation);
    }
}

static void add_api(struct sl_buf *text)
{
    sl_buf_add(text,
               "# HTTP API\n\n" GENERATED
               "What `sluice serve` answers; [api.md](../api.md) says how to ask. The same as "
               "an OpenAPI 3.1 document: `GET /api/v1/openapi.json`.\n\n");
    sl_openapi_markdown(text);
}

// roff takes '-' for a hyphen, '\\' for an escape, and a dot or a quote at the start of a line for
// a request.
static void add_roff(const char *plain, struct sl_buf *text)
{
    bool is_start = true;
    for (; *plain; plain++) {
        if (is_start && (*plain == '.' || *plain == '\''))
            sl_buf_add(text, "\\&");
        if (*plain == '\\')
            sl_buf_add(text, "\\e");
        else if (*plain == '-')
            sl_buf_add(text, "\\-");
        else
            sl_buf_add_char(text, *plain);
        is_start = *plain == '\n';
    }
    sl_buf_add_char(text, '\n');
}

static void add_man_command(const struct sl_command *command, struct sl_buf *text)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf usage = SL_BUF_INIT;
    size_t own = sl_own_row_count(command->rows);
    sl_arena_init(&arena, 0);
    struct sl_opt *rows_of = SL_NEW_ARRAY(&arena, struct sl_opt, own + 1);
    sl_help_usage(command, &usage);
    sl_buf_add(text, ".SS sluice ");
    add_roff(usage.text, text);
    add_roff(command->summary, text);
    if (command->details) {
        sl_buf_add(text, ".PP\n");
        add_roff(command->details, text);
    }
    text->has_failed = text->has_failed || usage.has_failed || !rows_of;
    if (rows_of && own) {
        memcpy(rows_of, command->rows, own * sizeof *rows_of);
        sl_opt_man(rows_of, text);
    }
    for (size_t i = 0; command->examples && command->examples[i]; i++) {
        sl_buf_add(text, i ? "" : ".PP\n.EX\n");
        add_roff(command->examples[i], text);
    }
    sl_buf_add(text, command->examples ? ".EE\n" : "");
}

static void add_man(struct sl_buf *text)
{
    sl_buf_add(text, ".TH SLUICE 1 \"\" \"Sluice " SL_VERSION
                     "\"\n.SH NAME\nsluice \\- data pipelines from sources to targets, in one "
                     "program\n.SH SYNOPSIS\n.B sluice\n.I COMMAND\n[OPTION...]\n.SH OPTIONS OF "
                     "EVERY COMMAND\n");
    sl_opt_man(sl_common_rows, text);
    sl_buf_add(text, ".SH COMMANDS\n");
    for (size_t i = 0; sl_commands[i]; i++)
        if (!sl_commands[i]->is_hidden)
            add_man_command(sl_commands[i], text);
    sl_buf_add(text, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < EXIT_CODE_COUNT; i++)
        sl_buf_addf(text, ".TP\n.B %s\n%s\n", exit_codes[i].code, exit_codes[i].meaning);
    sl_buf_add(text, ".SH ENVIRONMENT\n.TP\n.B SLUICE_ENV\n"
                     "the environment of sluice.yml to use.\n.TP\n.B DUCKDB_HOME\na folder with "
                     "libduckdb.so 1.5.5.\n.TP\n"
                     ".B NO_COLOR\nif set, no colours.\n");
}

static int write_page(const char *folder, const char *name, void (*add)(struct sl_buf *text),
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, folder, name);
    SL_TRY_NEW(path, err);
    add(&text);
    SL_TRY(sl_buf_check(&text, err));
    return sl_fs_write(path, text.text, text.length, err);
}

static const struct page {
    const char *name;
    void (*add)(struct sl_buf *text);
} pages[] = {
    {"commands.md", add_commands}, {"files.md", add_files}, {"errors.md", add_codes},
    {"api.md", add_api},           {"sluice.1", add_man},
};

static int run_docs(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct docs_options *options = self;
    (void)ret_exit;
    SL_TRY(sl_fs_mkdirs(options->folder, err));
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        SL_TRY(write_page(options->folder, pages[i].name, pages[i].add, err));
    if (options->common.json) {
        json_t *files = json_array();
        SL_AUTO(sl_json_free)
        json_t *root = json_pack("{s:s, s:s, s:o}", "schema", "sluice.docs/1", "folder",
                                 options->folder, "files", files);
        SL_TRY_NEW(root, err);
        for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
            if (json_array_append_new(files, json_string(pages[i].name)) != 0)
                return sl_fail_memory(err);
        return sl_print_json(root, err);
    }
    for (size_t i = 0; i < sizeof pages / sizeof *pages && !options->common.is_quiet; i++)
        printf("wrote %s/%s\n", options->folder, pages[i].name);
    return SL_OK;
}

static const char *const examples[] = {"sluice docs docs/reference", NULL};

const struct sl_command sl_command_docs = {
    .name = "docs",
    .summary = "Write the reference pages of this program: commands, files, error codes, man page.",
    .rows = rows,
    .options_bytes = sizeof(struct docs_options),
    .examples = examples,
    .run = run_docs,
};
