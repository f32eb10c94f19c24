// Finds the command, reads its options, runs it, and turns what went wrong into a message and an exit code.
#include "cli/cli.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX_BYTES 1024

int sl_cli_exit_code(const struct sl_err *err)
{
    if (err->code == SL_OK)
        return 0;
    if (err->code == SL_E_INTERRUPTED)
        return 130;
    if (err->code == SL_E_PLAN_CHANGED)
        return 6;
    if (err->code == SL_E_BUDGET)
        return 4;
    if (err->code == SL_E_CHECK_FAILED)
        return 3;
    return sl_err_fate(err) == SL_FATE_BUG ? 2 : 1;
}

// "quarantine ls" takes two words; the longest name that fits wins. *ret_words says how many were used.
static const struct sl_command *find_command(int argc, char **argv, int *ret_words)
{
    const struct sl_command *found = NULL;
    for (size_t i = 0; sl_commands[i]; i++) {
        const char *name = sl_commands[i]->name, *blank = strchr(name, ' ');
        if (!blank && argc > 0 && strcmp(name, argv[0]) == 0 && !found) {
            found = sl_commands[i];
            *ret_words = 1;
        }
        if (blank && argc > 1 && strncmp(name, argv[0], (size_t)(blank - name)) == 0 &&
            argv[0][blank - name] == '\0' && strcmp(blank + 1, argv[1]) == 0) {
            *ret_words = 2;
            return sl_commands[i];
        }
    }
    return found;
}

static void print_overview(FILE *file)
{
    fputs("sluice: one program for the whole life of a data pipeline\n\nusage: sluice COMMAND [OPTION...]\n\n", file);
    for (size_t i = 0; sl_commands[i]; i++)
        fprintf(file, "  %s%-16s%s %s\n", sl_color(file, SL_COLOR_BOLD), sl_commands[i]->name, sl_color(file, SL_COLOR_NONE),
                sl_commands[i]->summary);
    fputs("\n`sluice help COMMAND` shows its options and examples; `sluice quickstart` is the place to begin.\n", file);
}

static void print_usage(const struct sl_command *command, FILE *file)
{
    fprintf(file, "sluice %s", command->name);
    for (const struct sl_opt *row = command->rows; row->name; row++)
        if (row->flags & SL_OPT_POSITIONAL)
            fprintf(file, row->flags & SL_OPT_REQUIRED ? " %s%s" : " [%s%s]", row->placeholder ? row->placeholder : row->name,
                    row->type == SL_OPT_STRINGS ? "..." : "");
    fputs(" [OPTION...]\n", file);
}

static void print_help(const struct sl_command *command, FILE *file)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    print_usage(command, file);
    fprintf(file, "\n%s\n", command->summary);
    if (command->details)
        fprintf(file, "\n%s\n", command->details);
    sl_opt_help(command->rows, &text);
    fprintf(file, "\n%s", text.text);
    if (!command->examples)
        return;
    fputs("\nexamples:\n", file);
    for (size_t i = 0; command->examples[i]; i++)
        fprintf(file, "  %s\n", command->examples[i]);
}

static int unknown_command(const char *name, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    sl_arena_init(&arena, 0);
    size_t count = 0;
    while (sl_commands[count])
        count++;
    const char **names = SL_NEW_ARRAY(&arena, const char *, count);
    SL_TRY_NEW(names, err);
    for (size_t i = 0; i < count; i++)
        names[i] = sl_commands[i]->name;
    const char *hint = sl_did_you_mean(&arena, name, names, count);
    (void)sl_fail(err, SL_E_USAGE, "there is no command '%s'", name);
    return sl_err_hint(err, "%s", hint ? hint : "`sluice help` lists them");
}

// A command whose first word exists only with a second one: "quarantine" -> its sub-commands.
static int print_family(const char *word, struct sl_err *err)
{
    size_t length = strlen(word), count = 0;
    for (size_t i = 0; sl_commands[i]; i++)
        if (strncmp(sl_commands[i]->name, word, length) == 0 && sl_commands[i]->name[length] == ' ') {
            fprintf(stderr, "  sluice %-20s %s\n", sl_commands[i]->name, sl_commands[i]->summary);
            count++;
        }
    return count ? sl_fail(err, SL_E_USAGE, "'sluice %s' needs one of the words above", word) : unknown_command(word, err);
}

static int run_command(const struct sl_command *command, int argc, char **argv, struct sl_arena *arena, int *ret_exit,
                       struct sl_err *err)
{
    _Alignas(max_align_t) char options[OPTIONS_MAX_BYTES] = {0};
    const struct sl_common *common = (const void *)options;
    if (command->options_bytes > sizeof options)
        return sl_fail(err, SL_E_INTERNAL, "the options of '%s' are too large", command->name);
    if (sl_opt_parse(command->rows, argc, argv, options, arena, err) != SL_OK) {
        if (common->help) { // asked for help, whatever else is missing
            sl_err_clear(err);
            print_help(command, stdout);
            return SL_OK;
        }
        return err->code;
    }
    if (common->help) {
        print_help(command, stdout);
        return SL_OK;
    }
    enum sl_log_level level = common->is_quiet ? SL_LOG_ERROR : common->is_verbose ? SL_LOG_DEBUG : SL_LOG_INFO;
    sl_log_open(STDERR_FILENO, (enum sl_log_format)common->log_format, level);
    return command->run(options, ret_exit, err);
}

static bool asks_for_json(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

// With --json a failure of the whole command is a document too.
static void report(int argc, char **argv, const struct sl_err *err)
{
    struct sl_err ignored = {0};
    if (asks_for_json(argc, argv)) {
        SL_AUTO(sl_json_free) json_t *root =
            json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:i, s:i}}", "schema", "sluice.error/1", "error", "code",
                      sl_code_info(err->code)->id, "message", err->message, "hint", err->hint, "file", err->file, "line",
                      err->line, "column", err->column);
        if (root && sl_print_json(root, &ignored) == SL_OK)
            return;
    }
    sl_print_error(stderr, NULL, SL_SEVERITY_ERROR, err);
}

static int dispatch(int argc, char **argv, struct sl_arena *arena, int *ret_exit, struct sl_err *err)
{
    int words = 0;
    if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        print_overview(stdout);
        return SL_OK;
    }
    bool is_help = strcmp(argv[0], "help") == 0;
    if (is_help && argc == 1) {
        print_overview(stdout);
        return SL_OK;
    }
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0)
        argv[0] = (char *)"version";
    const struct sl_command *command = find_command(argc - is_help, argv + is_help, &words);
    if (!command)
        return print_family(argv[is_help], err);
    if (is_help) {
        print_help(command, stdout);
        return SL_OK;
    }
    return run_command(command, argc - words, argv + words, arena, ret_exit, err);
}

int sl_cli_main(int argc, char **argv)
{
    struct sl_err err = {0};
    struct sl_arena arena;
    int exit_code = 0;
    sl_arena_init(&arena, 0);
    int code = dispatch(argc - 1, argv + 1, &arena, &exit_code, &err);
    // A project's errors were printed one by one, and a run's by its report.
    if (code != SL_OK && (code != SL_E_PROJECT_INVALID || asks_for_json(argc, argv)))
        report(argc, argv, &err);
    else if (code != SL_OK)
        fprintf(stderr, "%s\n", err.message);
    sl_arena_clear(&arena);
    return code == SL_OK ? exit_code : sl_cli_exit_code(&err);
}
