// sluice serve: runs pipelines when they are due, until it is told to end.
#include "serve/serve.h"

#include "cli/cli.h"

#include <unistd.h>

struct serve_options {
    struct sl_common common;
    const char *listen;
    int64_t threads;
};

static const struct sl_opt rows[] = {
    {"listen", SL_OPT_STRING, offsetof(struct serve_options, listen), NULL,
     "Where to listen, in the place of serve.listen; none: only on the unix socket.", 0,
     .placeholder = "HOST:PORT"},
    {"threads", SL_OPT_INT, offsetof(struct serve_options, threads), "0",
     "Steps at once; 0: as sluice.yml says, else the number of cores.", 0, .letter = 'j',
     .placeholder = "N"},
    SL_COMMON_ROWS,
    {0},
};

static int run_serve(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct serve_options *given = self;
    const struct sl_common *common = &given->common;
    const struct sl_serve_options options = {.folder = common->folder,
                                             .environment = common->environment,
                                             .overrides = common->settings,
                                             .listen = given->listen,
                                             .concurrency = given->threads};
    if (given->threads < 0)
        return sl_fail(err, SL_E_USAGE, "--threads is '%lld', expected 0 or more",
                       (long long)given->threads);
    enum sl_log_level least = common->is_quiet     ? SL_LOG_WARN
                              : common->is_verbose ? SL_LOG_DEBUG
                                                   : SL_LOG_INFO;
    sl_log_open(STDERR_FILENO, (enum sl_log_format)common->log_format, least);
    return sl_serve(&options, ret_exit, err);
}

static const char *const examples[] = {"sluice serve",
                                       "sluice serve --listen 127.0.0.1:8000 -e prod", NULL};

const struct sl_command sl_command_serve = {
    .name = "serve",
    .summary = "Run pipelines when they are due, until it is told to end.",
    .details =
        "Reads pipelines/*.yml: schedules, arrival of files, new versions of tables, HTTP. Answers "
        "on HTTP (docs/serve.md) and on the unix socket\n"
        "in the state folder, which `sluice trigger`, `cancel`, `pause`, `resume`, `approve` and "
        "`reject` use. SIGTERM and Ctrl-C let running steps\n"
        "end, twice interrupts them, three times kills them; SIGHUP reads the project anew. Killed "
        "at any time, it goes on where it was.",
    .rows = rows,
    .options_bytes = sizeof(struct serve_options),
    .examples = examples,
    .run = run_serve,
};
