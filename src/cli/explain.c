// sluice explain CODE: what an error means and what to do.
#include "cli/cli.h"

#include <string.h>

#define LINE_WIDTH 90

struct explain_options {
    struct sl_common common;
    const char *code;
};

static const struct sl_opt rows[] = {
    {"code", SL_OPT_STRING, offsetof(struct explain_options, code), NULL,
     "A code like SL0202; without one, all are listed.", SL_OPT_POSITIONAL, .placeholder = "CODE"},
    SL_COMMON_ROWS,
    {0},
};

static json_t *code_json(const struct sl_code_info *info)
{
    static const char *const fates[] = {
        [SL_FATE_INPUT] = "input", [SL_FATE_RETRY] = "retry", [SL_FATE_BUG] = "bug"};
    return json_pack("{s:s, s:s, s:s, s:s}", "code", info->id, "fate", fates[info->fate], "title",
                     info->title, "explanation", info->explanation);
}

static void print_wrapped(const char *words)
{
    size_t column = 0;
    while (*words) {
        size_t length = strcspn(words, " ");
        if (column && column + 1 + length > LINE_WIDTH) {
            putchar('\n');
            column = 0;
        }
        column += (size_t)printf("%s%.*s", column ? " " : "", (int)length, words);
        words += length;
        words += strspn(words, " ");
    }
    putchar('\n');
}

static int list_all(const struct explain_options *options, struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:o}", "schema", "sluice.explain/1", "codes", list);
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

// "SL0202", "sl202", "0202" and "202" are one code.
static enum sl_code find(const char *text)
{
    int64_t number;
    char id[8];
    if ((text[0] == 'S' || text[0] == 's') && (text[1] == 'L' || text[1] == 'l'))
        text += 2;
    if (!sl_str_to_int64(text, &number) || number < 0 || number > 9999)
        return SL_OK;
    snprintf(id, sizeof id, "SL%04d", (int)number);
    return sl_code_find(id);
}

static int run_explain(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct explain_options *options = self;
    (void)ret_exit;
    if (!options->code)
        return list_all(options, err);
    enum sl_code code = find(options->code);
    if (code == SL_OK) {
        (void)sl_fail(err, SL_E_USAGE, "there is no code '%s'", options->code);
        return sl_err_hint(err, "`sluice explain` lists them");
    }
    const struct sl_code_info *info = sl_code_info(code);
    if (options->common.json) {
        SL_AUTO(sl_json_free)
        json_t *root =
            json_pack("{s:s, s:[o]}", "schema", "sluice.explain/1", "codes", code_json(info));
        SL_TRY_NEW(root, err);
        return sl_print_json(root, err);
    }
    printf("%s: %s\n\n", info->id, info->title);
    print_wrapped(info->explanation);
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
