#include "api/kinds.h"
#include "cli/cli.h"

struct version_options {
    struct sl_common common;
};

static const struct sl_opt rows[] = {SL_COMMON_ROWS, {0}};

static int run_version(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct version_options *options = self;
    (void)ret_exit;
    const struct sl_engine_kind *engine = sl_kinds.engines[0];
    if (!options->common.json) {
        printf("sluice " SL_VERSION " (%s %s)\n", engine->name, engine->version);
        return SL_OK;
    }
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:s, s:s}", "schema", "sluice.version/1", "version",
                             SL_VERSION, "engine", engine->name, "engine_version", engine->version);
    SL_TRY_NEW(root, err);
    return sl_print_json(root, err);
}

const struct sl_command sl_command_version = {
    .name = "version",
    .summary = "Print the version of the program and of its engine.",
    .rows = rows,
    .options_bytes = sizeof(struct version_options),
    .run = run_version,
};
