// sluice quickstart: a small project with dirty rows, written, run and shown.
#include "cli/cli.h"
#include "cli/templates.h"

struct quickstart_options {
    struct sl_common common;
    const char *folder;
};

static const struct sl_opt rows[] = {
    {"folder", SL_OPT_STRING, offsetof(struct quickstart_options, folder), "sluice-quickstart",
     "Where to write the project.", SL_OPT_POSITIONAL, .placeholder = "DIR"},
    SL_COMMON_ROWS,
    {0},
};

// Shows a command as the reader would type it, and does it.
static int show(int argc, const char *const *words, const char *folder)
{
    char *argv[8] = {(char *)"sluice"};
    printf("\n%s$ sluice", sl_color(stdout, SL_COLOR_CYAN));
    for (int i = 0; i < argc; i++) {
        bool is_sentence = false;
        for (const char *c = words[i]; *c; c++)
            is_sentence |= *c == ' ';
        printf(is_sentence ? " \"%s\"" : " %s", words[i]);
        argv[i + 1] = (char *)words[i];
    }
    printf("%s\n", sl_color(stdout, SL_COLOR_NONE));
    fflush(stdout);
    argv[argc + 1] = (char *)"--project";
    argv[argc + 2] = (char *)folder;
    return sl_cli_main(argc + 3, argv);
}

static int run_quickstart(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct quickstart_options *options = self;
    struct sl_strs paths = {0};
    SL_TRY(
        sl_template_write("quickstart", options->folder, options->common.cli->arena, &paths, err));
    if (options->common.json) {
        char *argv[] = {(char *)"sluice",    (char *)"run",           (char *)"--json",
                        (char *)"--project", (char *)options->folder, NULL};
        *ret_exit = sl_cli_main(5, argv);
        return SL_OK;
    }
    printf("wrote a project with two sources, two contracts, two models and a target to %s\n",
           options->folder);
    *ret_exit = show(1, (const char *const[]){"run"}, options->folder);
    if (*ret_exit == 0)
        *ret_exit = show(2, (const char *const[]){"quarantine", "ls"}, options->folder);
    if (*ret_exit == 0)
        *ret_exit = show(
            2, (const char *const[]){"query", "from curated.daily_revenue order by all limit 5"},
            options->folder);
    if (*ret_exit == 0)
        printf("\nnext: cd %s; read contracts/orders.odcs.yml, mend a row in data/, then `sluice "
               "plan --why` and `sluice run`\n",
               options->folder);
    return SL_OK;
}

static const char *const examples[] = {"sluice quickstart", "sluice quickstart my-first-project",
                                       NULL};

const struct sl_command sl_command_quickstart = {
    .name = "quickstart",
    .summary =
        "Write a small project with dirty rows, run it, show tables, balance and quarantine.",
    .details = "With --json the document is that of `sluice run`.",
    .rows = rows,
    .options_bytes = sizeof(struct quickstart_options),
    .examples = examples,
    .run = run_quickstart,
};
