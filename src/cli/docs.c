// sluice docs: reference pages and the man page, written from the tables of commands, options, file kinds and codes.
#include "base/fs.h"
#include "cli/cli.h"

#include <string.h>

struct docs_options {
    struct sl_common common;
    const char *folder;
};

static const struct sl_opt rows[] = {
    {"folder", SL_OPT_STRING, offsetof(struct docs_options, folder), "docs/reference", "Where to write.", SL_OPT_POSITIONAL, .placeholder = "DIR"},
    SL_COMMON_ROWS,
    {0},
};

#define GENERATED "<!-- Written by `sluice docs` from the program's own tables. Do not edit. -->\n\n"

static void add_usage(const struct sl_command *command, struct sl_buf *text)
{
    sl_buf_addf(text, "sluice %s", command->name);
    for (const struct sl_opt *row = command->rows; row->name; row++)
        if (row->flags & SL_OPT_POSITIONAL)
            sl_buf_addf(text, row->flags & SL_OPT_REQUIRED ? " %s" : " [%s]", row->placeholder ? row->placeholder : row->name);
    sl_buf_add(text, " [OPTION...]");
}

static void add_commands(struct sl_buf *text)
{
    sl_buf_add(text, "# Commands\n\n" GENERATED);
    for (size_t i = 0; sl_commands[i]; i++) {
        const struct sl_command *command = sl_commands[i];
        sl_buf_addf(text, "## sluice %s\n\n%s\n\n    ", command->name, command->summary);
        add_usage(command, text);
        sl_buf_add(text, "\n\n");
        if (command->details)
            sl_buf_addf(text, "%s\n\n", command->details);
        sl_opt_markdown(command->rows, 0, text);
        for (size_t k = 0; command->examples && command->examples[k]; k++)
            sl_buf_addf(text, "%s    %s\n", k ? "" : "\n", command->examples[k]);
        sl_buf_add(text, "\n");
    }
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

static void add_man(struct sl_buf *text)
{
    sl_buf_add(text, ".TH SLUICE 1 \"\" \"Sluice " SL_VERSION "\"\n.SH NAME\nsluice \\- data pipelines from sources to targets, in one "
                     "program\n.SH SYNOPSIS\n.B sluice\n.I COMMAND\n[OPTION...]\n.SH COMMANDS\n");
    for (size_t i = 0; sl_commands[i]; i++) {
        sl_buf_addf(text, ".SS sluice %s\n%s\n", sl_commands[i]->name, sl_commands[i]->summary);
        sl_opt_man(sl_commands[i]->rows, text);
    }
    sl_buf_add(text, ".SH EXIT STATUS\n0 ok, 1 failed, 2 a mistake in Sluice, 3 a check or contract failed, 4 quarantine budget "
                     "exceeded, 5 partial, 6 the plan is no longer valid, 130 interrupted.\n.SH ENVIRONMENT\n.TP\n.B SLUICE_ENV\n"
                     "the environment of sluice.yml to use.\n.TP\n.B DUCKDB_HOME\na folder with libduckdb.so 1.5.5.\n.TP\n"
                     ".B NO_COLOR\nif set, no colours.\n");
}

static int write_page(const char *folder, const char *name, void (*add)(struct sl_buf *text), struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, folder, name);
    SL_TRY_NEW(path, err);
    add(&text);
    SL_TRY(sl_buf_check(&text, err));
    return sl_fs_write(path, text.text, text.length, err);
}

static int run_docs(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct docs_options *options = self;
    (void)ret_exit;
    SL_TRY(sl_fs_mkdirs(options->folder, err));
    SL_TRY(write_page(options->folder, "commands.md", add_commands, err));
    SL_TRY(write_page(options->folder, "files.md", add_files, err));
    SL_TRY(write_page(options->folder, "errors.md", add_codes, err));
    return write_page(options->folder, "sluice.1", add_man, err);
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
