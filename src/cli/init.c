// sluice init: a new project, from a template or drafted from data files.
#include "base/fs.h"
#include "cli/draft.h"
#include "cli/templates.h"

#include <string.h>
#include <unistd.h>

struct init_options {
    struct sl_common common;
    const char *folder;
    const char *template;
    struct sl_strs from;
};

static const struct sl_opt rows[] = {
    {"folder", SL_OPT_STRING, offsetof(struct init_options, folder), ".", "Where to write the project.", SL_OPT_POSITIONAL, .placeholder = "DIR"},
    {"template", SL_OPT_STRING, offsetof(struct init_options, template), "empty", "empty or quickstart.", 0, .letter = 't', .placeholder = "NAME"},
    {"from", SL_OPT_STRINGS, offsetof(struct init_options, from), NULL, "Draft a source and a contract from each of these data files or globs.", 0, .placeholder = "FILE"},
    SL_COMMON_ROWS,
    {0},
};

static int check_template(const char *name, struct sl_err *err)
{
    if (sl_str_equal(name, "empty") || sl_str_equal(name, "quickstart"))
        return SL_OK;
    (void)sl_fail(err, SL_E_USAGE, "there is no template '%s'", name);
    return sl_err_hint(err, "empty or quickstart");
}

static int write_text(struct sl_arena *arena, const char *folder, const char *name, const struct sl_buf *text, struct sl_err *err)
{
    const char *path = sl_path_join(arena, folder, name);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_buf_check(text, err));
    const char *parent = sl_path_folder(arena, path);
    SL_TRY_NEW(parent, err);
    SL_TRY(sl_fs_mkdirs(parent, err));
    SL_TRY(sl_fs_create(path, text->text, text->length, err));
    printf("wrote %s\n", path);
    return SL_OK;
}

static int write_project(struct sl_arena *arena, const char *folder, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *existing = sl_path_join(arena, folder, "sluice.yml");
    char here[4096];
    SL_TRY_NEW(existing, err);
    if (sl_fs_exists(existing))
        return SL_OK;
    const char *name = sl_path_name(folder);
    if (sl_str_equal(folder, ".") && getcwd(here, sizeof here))
        name = sl_path_name(here);
    const char *slug = sl_str_slug(arena, name);
    SL_TRY_NEW(slug, err);
    sl_buf_addf(&text, "# yaml-language-server: $schema=.sluice/schema/project.json\nname: %s%s\nlake: lake\nchecks: {requirements: warn}\n",
                slug[0] >= '0' && slug[0] <= '9' ? "p" : "", slug);
    return write_text(arena, folder, "sluice.yml", &text, err);
}

static int draft_files(const struct init_options *options, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_engine_close) struct sl_engine *engine = NULL;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_engine_options engine_options = {0};
    SL_TRY(sl_kinds.engines[0]->open(&engine_options, &engine, err));
    SL_TRY(engine->kind->connect(engine, &session, err));
    SL_TRY(sl_fs_mkdirs(options->folder, err));
    SL_TRY(write_project(arena, options->folder, err));
    for (size_t i = 0; i < options->from.count; i++) {
        struct sl_draft draft = {.arena = arena, .session = session, .pattern = options->from.items[i], .folder = options->folder};
        SL_AUTO(sl_buf_clear) struct sl_buf source = SL_BUF_INIT;
        SL_AUTO(sl_buf_clear) struct sl_buf contract = SL_BUF_INIT;
        SL_TRY(sl_draft_make(&draft, &source, &contract, err));
        const char *source_file = sl_arena_printf(arena, "sources/%s.yml", draft.name);
        const char *contract_file = sl_arena_printf(arena, "contracts/%s.odcs.yml", draft.name);
        SL_TRY_NEW(source_file, err);
        SL_TRY_NEW(contract_file, err);
        SL_TRY(write_text(arena, options->folder, source_file, &source, err));
        SL_TRY(write_text(arena, options->folder, contract_file, &contract, err));
    }
    return sl_schemas_write(options->folder, err);
}

static int run_init(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct init_options *options = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    (void)ret_exit;
    sl_arena_init(&arena, 0);
    if (options->from.count) {
        SL_TRY(draft_files(options, &arena, err));
        puts("a draft: read the contracts, then `sluice check` and `sluice run`");
        return SL_OK;
    }
    SL_TRY(check_template(options->template, err));
    SL_TRY(sl_template_write(options->template, options->folder, err));
    printf("wrote a project to %s; next: `sluice check`\n", options->folder);
    return SL_OK;
}

static const char *const examples[] = {"sluice init shop --template quickstart", "sluice init shop --from 'data/orders-*.csv' --from data/customers.jsonl", NULL};

const struct sl_command sl_command_init = {
    .name = "init",
    .summary = "Begin a project, from a template or drafted from data files.",
    .details = "With --from, every column's type is the strictest that at least 95 % of its values fit, so that the draft contract already\n"
               "catches the rest. Existing files are never overwritten.",
    .rows = rows,
    .options_bytes = sizeof(struct init_options),
    .examples = examples,
    .run = run_init,
};
