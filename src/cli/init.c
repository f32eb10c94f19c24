// sluice init: a new project, from a template or drafted from data files.
#include "api/kinds.h"
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

// clang-format off
static const struct sl_opt rows[] = {
    {"folder", SL_OPT_STRING, offsetof(struct init_options, folder), NULL,
     "Where to write the project; else the working folder.", SL_OPT_POSITIONAL, .placeholder = "DIR"},
    {"template", SL_OPT_STRING, offsetof(struct init_options, template), "empty",
     "empty or quickstart.", 0, .letter = 't', .placeholder = "NAME"},
    {"from", SL_OPT_STRINGS, offsetof(struct init_options, from), NULL,
     "Draft sources and contracts from this data file, glob or folder, one for each shape of its files; may be given again.", 0, .placeholder = "FILE"},
    SL_COMMON_ROWS,
    {0},
};
// clang-format on

// A file to be written, once it is known that none of them is there.
struct new_file {
    const char *path; // relative to the project
    const char *text;
    const char *found; // what it was drafted from, or NULL
};
struct skipped_file {
    const char *path, *reason;
};
struct init {
    const struct init_options *options;
    const char *folder;
    struct sl_arena arena;
    struct new_file *files;
    size_t count;
    size_t draft_count;
    struct skipped_file *skipped;
    size_t skipped_count;
};

static void clear(struct init *init)
{
    sl_arena_clear(&init->arena);
}

static int add_file(struct init *init, const char *path, const struct sl_buf *text,
                    const char *found, struct sl_err *err)
{
    SL_TRY(sl_buf_check(text, err));
    struct new_file file = {path, sl_arena_strdup(&init->arena, text->text), found};
    if (!path || !file.text || !SL_PUSH(&init->arena, init->files, init->count, file))
        return sl_fail_memory(err);
    return SL_OK;
}

static int add_project(struct init *init, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *existing = sl_path_join(&init->arena, init->folder, "sluice.yml");
    SL_TRY_NEW(existing, err);
    if (sl_fs_exists(existing))
        return SL_OK;
    const char *name = NULL;
    SL_TRY(sl_template_project_name(init->folder, &init->arena, &name, err));
    sl_buf_addf(
        &text,
        "# yaml-language-server: $schema=.sluice/schema/project.json\nname: %s\nlake: lake\n"
        "checks: {requirements: warn}\n",
        name);
    return add_file(init, "sluice.yml", &text, NULL, err);
}

static int skip(struct init *init, const char *path, const char *reason, struct sl_err *err)
{
    struct skipped_file file = {path, reason};
    return SL_PUSH(&init->arena, init->skipped, init->skipped_count, file) ? SL_OK
                                                                           : sl_fail_memory(err);
}

// Files that turn out to be damaged when they are read whole are no reason to leave the others.
static int skip_group(struct init *init, const struct sl_file_group *group,
                      const struct sl_err *problem, struct sl_err *err)
{
    const char *reason = sl_arena_strdup(&init->arena, problem->message);
    SL_TRY_NEW(reason, err);
    for (size_t i = 0; i < group->file_count; i++)
        SL_TRY(skip(init, group->files[i]->part->path, reason, err));
    return SL_OK;
}

static int add_draft(struct init *init, const struct sl_file_group *group,
                     struct sl_session *session, struct sl_err *err)
{
    struct sl_draft draft = {
        .arena = &init->arena, .session = session, .group = group, .folder = init->folder};
    SL_AUTO(sl_buf_clear) struct sl_buf source = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf contract = SL_BUF_INIT;
    struct sl_err problem = {0};
    int code = sl_draft_make(&draft, &source, &contract, &problem);
    if (code == SL_E_SOURCE_FILE || code == SL_E_SOURCE_COLUMNS)
        return skip_group(init, group, &problem, err);
    *err = problem;
    SL_TRY(code);
    init->draft_count++;
    SL_TRY(add_file(init, sl_arena_printf(&init->arena, "sources/%s.yml", group->name), &source,
                    draft.found, err));
    return add_file(init, sl_arena_printf(&init->arena, "contracts/%s.odcs.yml", group->name),
                    &contract, NULL, err);
}

static int add_drafts(struct init *init, struct sl_session *session, struct sl_err *err)
{
    struct sl_grouping grouping = {.session = session, .arena = &init->arena};
    for (size_t i = 0; i < init->options->from.count; i++)
        SL_TRY(sl_group_files(&grouping, init->options->from.items[i], err));
    for (size_t i = 0; i < grouping.skipped_count; i++)
        SL_TRY(skip(init, grouping.skipped[i]->part->path, grouping.skipped[i]->problem, err));
    for (size_t i = 0; i < grouping.group_count; i++)
        SL_TRY(add_draft(init, &grouping.groups[i], session, err));
    if (init->draft_count)
        return SL_OK;
    return sl_fail(err, SL_E_SOURCE_FILE, "nothing can be drafted from '%s': %s",
                   init->skipped[0].path, init->skipped[0].reason);
}

static int fail_existing(const char *path, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_FILE_EXISTS, "'%s' exists already, so nothing was written", path);
    return sl_err_hint(err, "move it away, or name another folder");
}

static int write_files(struct init *init, struct sl_err *err)
{
    struct sl_arena *arena = &init->arena;
    for (size_t i = 0; i < init->count; i++) {
        const char *path = sl_path_join(arena, init->folder, init->files[i].path);
        SL_TRY_NEW(path, err);
        if (sl_fs_exists(path))
            return fail_existing(path, err);
    }
    for (size_t i = 0; i < init->count; i++) {
        const char *path = sl_path_join(arena, init->folder, init->files[i].path);
        const char *parent = path ? sl_path_folder(arena, path) : NULL;
        SL_TRY_NEW(parent, err);
        SL_TRY(sl_fs_mkdirs(parent, err));
        SL_TRY(sl_fs_create(path, init->files[i].text, strlen(init->files[i].text), err));
    }
    return sl_schemas_write(init->folder, err);
}

static int draft_files(struct init *init, struct sl_err *err)
{
    SL_AUTO(sl_engine_close) struct sl_engine *engine = NULL;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_engine_options engine_options = {0};
    SL_TRY(sl_kinds.engines[0]->open(&engine_options, &engine, err));
    SL_TRY(engine->kind->connect(engine, &session, err));
    bool is_new = !sl_fs_exists(init->folder);
    SL_TRY(sl_fs_mkdirs(init->folder, err));
    int code = add_project(init, err);
    if (code == SL_OK)
        code = add_drafts(init, session, err);
    if (code != SL_OK && is_new)
        (void)rmdir(init->folder); // nothing was written into it yet
    return code == SL_OK ? write_files(init, err) : code;
}

static int from_template(struct init *init, struct sl_err *err)
{
    const char *name = init->options->template;
    struct sl_strs paths = {0};
    if (!sl_str_equal(name, "empty") && !sl_str_equal(name, "quickstart")) {
        (void)sl_fail(err, SL_E_USAGE, "there is no template '%s'", name);
        return sl_err_hint(err, "empty or quickstart");
    }
    SL_TRY(sl_template_write(name, init->folder, &init->arena, &paths, err));
    for (size_t i = 0; i < paths.count; i++)
        if (!SL_PUSH(&init->arena, init->files, init->count,
                     ((struct new_file){.path = paths.items[i]})))
            return sl_fail_memory(err);
    return SL_OK;
}

static int print_json(const struct init *init, struct sl_err *err)
{
    json_t *files = json_array();
    json_t *skipped = json_array();
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:s, s:s, s:o, s:o}", "schema", "sluice.init/1", "folder",
                             init->folder, "files", files, "skipped", skipped);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < init->count; i++)
        if (json_array_append_new(files, json_string(init->files[i].path)) != 0)
            return sl_fail_memory(err);
    for (size_t i = 0; i < init->skipped_count; i++)
        if (json_array_append_new(
                skipped, json_pack("{s:o, s:o}", "file", sl_json_string(init->skipped[i].path),
                                   "reason", sl_json_string(init->skipped[i].reason))) != 0)
            return sl_fail_memory(err);
    return sl_print_json(root, err);
}

static void print_text(const struct init *init)
{
    bool is_here = sl_str_equal(init->folder, ".");
    for (size_t i = 0; i < init->count && !init->options->common.is_quiet; i++) {
        const struct new_file *file = &init->files[i];
        printf("wrote %s%s%s%s%s\n", is_here ? "" : init->folder, is_here ? "" : "/", file->path,
               file->found ? "  " : "", file->found ? file->found : "");
    }
    if (init->options->common.is_quiet)
        return;
    for (size_t i = 0; i < init->skipped_count; i++)
        printf("skipped %s  %s\n", init->skipped[i].path, init->skipped[i].reason);
    if (init->options->from.count)
        printf("\na draft: read the contracts, then %s%s%s`sluice run`\n", is_here ? "" : "`cd ",
               is_here ? "" : init->folder, is_here ? "" : "` and ");
    else
        printf("\nnext: %s%s%s`sluice check`\n", is_here ? "" : "`cd ", is_here ? "" : init->folder,
               is_here ? "" : "` and ");
}

static int run_init(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct init_options *options = self;
    SL_AUTO(clear) struct init init = {.options = options};
    (void)ret_exit;
    sl_arena_init(&init.arena, 0);
    init.folder = options->folder          ? options->folder
                  : options->common.folder ? options->common.folder
                                           : ".";
    SL_TRY(options->from.count ? draft_files(&init, err) : from_template(&init, err));
    if (options->common.json)
        return print_json(&init, err);
    print_text(&init);
    return SL_OK;
}

static const char *const examples[] = {
    "sluice init shop --template quickstart",
    "sluice init shop --from 'data/orders-*.csv' --from data/customers.jsonl", NULL};

const struct sl_command sl_command_init = {
    .name = "init",
    .summary = "Begin a project, from a template or drafted from data files.",
    .details = "With --from, delimiter, encoding and header are found out, and every column's type "
               "is the strictest that at least 95 %\n"
               "of its values fit, so that the draft contract already catches the rest. Files that "
               "one source cannot read\n"
               "rightly become several; empty and unreadable ones are named and left out. A "
               "project that is there gets the new\n"
               "files beside its own. Existing files are never overwritten.",
    .rows = rows,
    .options_bytes = sizeof(struct init_options),
    .examples = examples,
    .run = run_init,
};
