// Finds the command, reads its options, runs it, and turns what went wrong into a message and an
// exit code.
#include "cli/cli.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
    if (err->code == SL_E_BUDGET || err->code == SL_E_RULE_BROKEN)
        return 4;
    if (err->code == SL_E_CHECK_FAILED)
        return 3;
    return sl_err_fate(err) == SL_FATE_BUG ? 2 : 1;
}

// The words of a call, taken apart: options that stand before the command, the command, the rest.
struct call {
    const struct sl_command *command;
    char **argv; // the options and arguments of the command
    size_t argc;
    const char *family; // "quarantine" without a second word, asking for help
    bool is_bare;       // no command was named
};

// How many words the option at argv[0] takes with its value. Unknown ones are reported later, by
// the command's parser.
static size_t option_words(size_t count, char *const *argv)
{
    const char *word = argv[0];
    const struct sl_opt *row = sl_find_option(sl_common_rows, word);
    bool has_value = strchr(word, '=') || (word[1] != '-' && word[1] && word[2]);
    return row && row->type != SL_OPT_BOOL && !has_value && count > 1 ? 2 : 1;
}

static bool asks_for_help(size_t count, char *const *argv)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static bool is_family(const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; sl_commands[i]; i++)
        if (strncmp(sl_commands[i]->name, word, length) == 0 && sl_commands[i]->name[length] == ' ')
            return true;
    return false;
}

// "quarantine" needs a second word; "quarantine lss" has a wrong one.
static int fail_family(size_t count, char *const *argv, struct call *ret, struct sl_err *err)
{
    char name[64];
    if (count > 1 && argv[1][0] != '-') {
        snprintf(name, sizeof name, "%s %s", argv[0], argv[1]);
        return sl_fail_command(name, err);
    }
    if (asks_for_help(count, argv)) {
        ret->family = argv[0];
        return SL_OK;
    }
    (void)sl_fail(err, SL_E_USAGE, "'sluice %s' needs a second word", argv[0]);
    return sl_err_hint(err, "`sluice help %s` lists them", argv[0]);
}

static int find_command(size_t argc, char **argv, struct sl_arena *arena, struct call *ret,
                        struct sl_err *err)
{
    size_t before = 0, words = 0;
    bool wants_version = false;
    while (before < argc && argv[before][0] == '-' && argv[before][1]) {
        wants_version |= strcmp(argv[before], "--version") == 0 || strcmp(argv[before], "-V") == 0;
        before += option_words(argc - before, argv + before);
    }
    *ret = (struct call){.argv = SL_NEW_ARRAY(arena, char *, argc + 1)};
    SL_TRY_NEW(ret->argv, err);
    for (size_t i = 0; i < before; i++)
        if (strcmp(argv[i], "--version") != 0 && strcmp(argv[i], "-V") != 0)
            ret->argv[ret->argc++] = argv[i];
    if (before == argc) {
        const char *name = wants_version ? "version" : "help";
        ret->command = sl_find_command(1, &name, &words);
        ret->is_bare = true;
        return SL_OK;
    }
    const char *names[] = {argv[before], before + 1 < argc ? argv[before + 1] : ""};
    ret->command = sl_find_command(argc - before > 1 ? 2 : 1, names, &words);
    for (size_t i = before + words; i < argc && ret->command; i++)
        ret->argv[ret->argc++] = argv[i];
    if (ret->command)
        return SL_OK;
    return is_family(argv[before]) ? fail_family(argc - before, argv + before, ret, err)
                                   : sl_fail_command(argv[before], err);
}

static int run_command(const struct call *call, struct sl_cli *cli, int *ret_exit,
                       struct sl_err *err)
{
    _Alignas(max_align_t) char options[OPTIONS_MAX_BYTES] = {0};
    struct sl_common *common = (void *)options;
    const struct sl_command *command = call->command;
    if (command->options_bytes > sizeof options)
        return sl_fail(err, SL_E_INTERNAL, "the options of '%s' are too large", command->name);
    int code = sl_opt_parse(command->rows, (int)call->argc, call->argv, options, cli->arena, err);
    if (code != SL_OK && !asks_for_help(call->argc, call->argv))
        return code;
    if (code != SL_OK || common->help) { // asked for help, whatever else is missing
        sl_err_clear(err);
        if (call->is_bare)
            sl_help_overview(stdout);
        else
            sl_help_command(command, stdout);
        return SL_OK;
    }
    enum sl_log_level level = common->is_quiet     ? SL_LOG_ERROR
                              : common->is_verbose ? SL_LOG_DEBUG
                                                   : SL_LOG_INFO;
    sl_log_open(STDERR_FILENO, (enum sl_log_format)common->log_format, level);
    common->cli = cli;
    return command->run(options, ret_exit, err);
}

// What the report of a failure must know even when the options cannot be read.
static void look_ahead(size_t argc, char *const *argv, struct sl_cli *cli)
{
    bool is_json = false;
    for (size_t i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        cli->wants_json |= strcmp(argv[i], "--json") == 0;
        is_json |= strcmp(argv[i], "--log-format=json") == 0;
        is_json |=
            i > 0 && strcmp(argv[i - 1], "--log-format") == 0 && strcmp(argv[i], "json") == 0;
    }
    sl_log_open(STDERR_FILENO, is_json ? SL_LOG_JSON : SL_LOG_TEXT, SL_LOG_INFO);
}

static int dispatch(size_t argc, char **argv, struct sl_cli *cli, int *ret_exit, struct sl_err *err)
{
    struct call call;
    look_ahead(argc, argv, cli);
    SL_TRY(find_command(argc, argv, cli->arena, &call, err));
    if (call.command)
        return run_command(&call, cli, ret_exit, err);
    (void)sl_help_family(call.family, stdout);
    return SL_OK;
}

// A closed standard stream would let the next file that is opened take its number, and be written
// to by printf. What is opened in its place cannot be written, so that the loss is noticed.
static void occupy_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", O_RDONLY);
}

// Output that was lost is a failure, unless the reader has gone because it had enough: `sluice ls |
// head -1`.
static int finish_output(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    bool is_lost = fflush(stdout) != 0;
    int reason = errno;
    if (!is_lost && !ferror(stdout))
        return 0;
    clearerr(stdout);
    if (poll(&out, 1, 0) > 0 && (out.revents & POLLERR))
        return 0;
    fprintf(stderr, "error[%s]: cannot write to the standard output%s%s\n",
            sl_code_info(SL_E_IO)->id, is_lost ? ": " : "", is_lost ? strerror(reason) : "");
    return 1;
}

int sl_cli_main(int argc, char **argv)
{
    struct sl_err err = {0};
    struct sl_arena arena;
    struct sl_cli cli = {.arena = &arena};
    int exit_code = 0;
    occupy_streams();
    sl_fault_arm();
    sl_crash_arm(getenv(SL_CRASH_VARIABLE));
    sl_arena_init(&arena, 0);
    int code = dispatch(argc > 0 ? (size_t)argc - 1 : 0, argv + 1, &cli, &exit_code, &err);
    if (code != SL_OK) {
        (void)sl_lakes_explain(&cli.lakes, &err);
        exit_code = sl_cli_exit_code(&err);
        if (!cli.is_reported)
            sl_report(&cli, &err, NULL);
    }
    sl_arena_clear(&arena);
    int lost = finish_output();
    return exit_code ? exit_code : lost;
}
