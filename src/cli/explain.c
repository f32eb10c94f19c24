// sluice explain CODE: what an error means and what to do.
#include "cli/cli.h"

struct explain_options {
    struct sl_common common;
    const char *code;
};

static const struct sl_opt rows[] = {
    {"code", SL_OPT_STRING, offsetof(struct explain_options, code), NULL, "A code like SL0202; without one, all are listed.", SL_OPT_POSITIONAL, .placeholder = "CODE"},
    SL_COMMON_ROWS,
    {0},
};

static json_t *code_json(const struct sl_code_info *info)
{
    static const char *const fates[] = {[SL_FATE_INPUT] = "fix", [SL_FATE_RETRY] = "retry", [SL_FATE_BUG] = "bug"};
    return json_pack("{s:s, s:s, s:s, s:s}", "code", info->id, "fate", fates[info->fate], "title", info->title, "explanation",
                     info->explanation);
}

static int list_all(const struct explain_options *options, struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free) json_t *root = json_pack("{s:s, s:o}", "schema", "sluice.explain/1", "codes", list);
    SL_TRY_NEW(root, err);
    for (int code = 1; code < SL_CODE_COUNT; code++) {
        const struct sl_code_info *info = sl_code_info((enum sl_code)code);
        if (options->common.json) {
            if (json_array_append_new(list, code_json(info)) != 0)
                return sl_fail_memory(err);
        } else {
            printf("%s  %s\n", info->id, info->title);
        }
    }
    return options->common.json ? sl_print_json(root, err) : SL_OK;
}

static int run_explain(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct explain_options *options = self;
    (void)ret_exit;
    if (!options->code)
        return list_all(options, err);
    enum sl_code code = sl_code_find(options->code);
    if (code == SL_OK) {
        (void)sl_fail(err, SL_E_USAGE, "there is no code '%s'", options->code);
        return sl_err_hint(err, "`sluice explain` lists them");
    }
    const struct sl_code_info *info = sl_code_info(code);
    if (options->common.json) {
        SL_AUTO(sl_json_free) json_t *root = code_json(info);
        SL_TRY_NEW(root, err);
        if (json_object_set_new(root, "schema", json_string("sluice.explain/1")) != 0)
            return sl_fail_memory(err);
        return sl_print_json(root, err);
    }
    printf("%s: %s\n\n%s\n", info->id, info->title, info->explanation);
    return SL_OK;
}

static const char *const examples[] = {"sluice explain SL0202", NULL};

const struct sl_command sl_command_explain = {
    .name = "explain",
    .summary = "Explain an error code, or list them all.",
    .rows = rows,
    .options_bytes = sizeof(struct explain_options),
    .examples = examples,
    .run = run_explain,
};
