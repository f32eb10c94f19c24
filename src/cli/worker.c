// sluice worker: does steps of a service on another machine.
#include "serve/machine.h"

#include "cli/cli.h"

#include <unistd.h>

struct worker_options {
    struct sl_common common;
    const char *state, *name;
    int64_t slots;
};

static const struct sl_opt rows[] = {
    {"state", SL_OPT_STRING, offsetof(struct worker_options, state), NULL,
     "State store that `sluice serve` has, too; else `state` of sluice.yml.", 0,
     .placeholder = "URL"},
    {"slots", SL_OPT_INT, offsetof(struct worker_options, slots), "0",
     "Steps at once; 0: as sluice.yml says, else the number of cores.", 0, .letter = 'j',
     .placeholder = "N"},
    {"name", SL_OPT_STRING, offsetof(struct worker_options, name), NULL,
     "Name of the worker in logs and metrics; else that of the machine.", 0, .placeholder = "NAME"},
    SL_COMMON_ROWS,
    {0},
};

static int add_state(const char *url, struct sl_machine_options *options, struct sl_arena *arena,
                     struct sl_err *err)
{
    if (!url)
        return SL_OK;
    const char *setting = sl_arena_printf(arena, "state=%s", url);
    SL_TRY_NEW(setting, err);
    struct sl_strs given = options->overrides;
    SL_TRY(sl_strs_copy(&options->overrides, &given, arena, err));
    return sl_strs_add(&options->overrides, arena, setting, err);
}

static int run_worker(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct worker_options *given = self;
    const struct sl_common *common = &given->common;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_machine_options options = {.folder = common->folder,
                                         .environment = common->environment,
                                         .overrides = common->settings,
                                         .name = given->name,
                                         .slots = given->slots};
    sl_arena_init(&arena, 0);
    if (given->slots < 0)
        return sl_fail(err, SL_E_USAGE, "--slots is '%lld', expected 0 or more",
                       (long long)given->slots);
    SL_TRY(add_state(given->state, &options, &arena, err));
    enum sl_log_level least = common->is_quiet     ? SL_LOG_WARN
                              : common->is_verbose ? SL_LOG_DEBUG
                                                   : SL_LOG_INFO;
    sl_log_open(STDERR_FILENO, (enum sl_log_format)common->log_format, least);
    return sl_machine_serve(&options, ret_exit, err);
}

static const char *const examples[] = {"sluice worker --state postgresql://sluice@db/state",
                                       "sluice worker -e prod --slots 8 --set lake=/mnt/lake",
                                       NULL};

const struct sl_command sl_command_worker = {
    .name = "worker",
    .summary = "Do steps of `sluice serve` on another machine, until it is told to end.",
    .details =
        "Claims steps in the state store, a PostgreSQL that it shares with `sluice serve`, and "
        "does them in processes of its own. It needs the same project\n"
        "files, the same version of Sluice, and the same lake (docs/workers.md). SIGTERM and "
        "Ctrl-C let running steps end and claim no more, twice\n"
        "gives them back; SIGHUP reads the project anew. Killed or cut off at any time, its steps "
        "are another worker's within seconds.",
    .rows = rows,
    .options_bytes = sizeof(struct worker_options),
    .examples = examples,
    .run = run_worker,
};
