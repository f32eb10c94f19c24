#include "cli/contract_file.h"

#include "api/kinds.h"
#include "base/fs.h"

#include <string.h>

int sl_contract_file_read(const char *path, struct sl_contract_file *ret, struct sl_err *err)
{
    struct sl_project *project = &ret->project;
    const char *text;
    size_t length;
    sl_arena_init(&project->arena, 0);
    ret->path = path;
    // What holds where neither a project nor the contract says anything (spec/requirements.c).
    project->budget = (struct sl_budget){.max_share = 0.2, .max_rows = -1, .min_rows = 100};
    SL_TRY(sl_fs_read(path, SL_CONTRACT_MAX_BYTES, &project->arena, &text, &length, err));
    SL_TRY(
        sl_yaml_parse(text, length, path, 1, 1, &project->arena, &project->diags, &ret->node, err));
    if (ret->node && ret->node->kind == SL_YAML_MAP)
        SL_TRY(sl_contract_read(ret->node, path, project, &ret->contract, err));
    return SL_OK;
}

void sl_contract_file_clear(struct sl_contract_file *file)
{
    sl_diags_clear(&file->project.diags);
    sl_arena_clear(&file->project.arena);
}

int sl_contract_first_error(const struct sl_diags *diags, const char *path, struct sl_err *err)
{
    if (diags->error_count)
        return sl_diags_fail(diags, err);
    return sl_fail(err, SL_E_CONTRACT, "'%s' holds no contract", path);
}

int sl_contract_refuse(const struct sl_common *common, struct sl_diags *diags, const char *path,
                       struct sl_err *err)
{
    char count[64];
    if (diags->error_count < 2)
        return sl_contract_first_error(diags, path, err);
    (void)sl_fail(err, SL_E_CONTRACT, "'%s' has %s", path,
                  sl_count_of((int64_t)diags->error_count, "error", count));
    sl_report(common->cli, err, diags);
    return (int)err->code;
}

int sl_contract_session(struct sl_engine **ret_engine, struct sl_session **ret, struct sl_err *err)
{
    struct sl_engine_options options = {0};
    SL_TRY(sl_kinds.engines[0]->open(&options, ret_engine, err));
    return (*ret_engine)->kind->connect(*ret_engine, ret, err);
}

// "orders" of "contracts/orders.odcs.yml"
static bool is_stem(const char *path, const char *word)
{
    const char *name = sl_path_name(path);
    size_t length = strlen(word);
    return strncmp(name, word, length) == 0 && name[length] == '.';
}

static bool is_named(const struct sl_contract *contract, const char *word)
{
    bool is_it = sl_str_equal(contract->name, word) || sl_str_equal(contract->id, word) ||
                 sl_str_equal(contract->file, word) || is_stem(contract->file, word);
    for (size_t i = 0; i < contract->table_count; i++)
        is_it |= sl_str_equal(contract->tables[i].name, word);
    return is_it;
}

static int add_contract(const struct sl_project *project, const struct sl_contract *contract,
                        struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    const char *here = NULL;
    sl_arena_init(&scratch, 0);
    const char *path = sl_path_join(arena, project->folder, contract->file);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_path_real(&scratch, ".", &here, err));
    const char *relative = sl_path_relative(arena, here, path);
    SL_TRY_NEW(relative, err);
    if (sl_strs_has(ret, relative))
        return SL_OK;
    return sl_strs_add(ret, arena, sl_str_starts(relative, "../../..") ? path : relative, err);
}

static int find_in_project(const struct sl_project *project, const char *word,
                           struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    struct sl_strs names = {0};
    size_t before = ret->count;
    bool is_found = false;
    for (size_t i = 0; i < project->contract_count; i++) {
        if (word && !is_named(project->contracts[i], word))
            continue;
        is_found = true;
        SL_TRY(add_contract(project, project->contracts[i], arena, ret, err));
    }
    if (is_found || !word || ret->count > before)
        return SL_OK;
    for (size_t i = 0; i < project->contract_count; i++) {
        const struct sl_contract *contract = project->contracts[i];
        const char *const own[] = {contract->name, contract->id, contract->file};
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            if (own[k])
                SL_TRY(sl_strs_add(&names, arena, own[k], err));
        for (size_t k = 0; k < contract->table_count; k++)
            SL_TRY(sl_strs_add(&names, arena, contract->tables[k].name, err));
    }
    const char *hint = sl_did_you_mean(arena, word, names.items, names.count);
    (void)sl_fail(err, SL_E_FILE_MISSING, "no file and no contract is named '%s'", word);
    return sl_err_hint(err, "%s", hint ? hint : "`sluice ls` lists what the project has");
}

int sl_contract_find(const struct sl_common *common, const struct sl_strs *words,
                     struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    struct sl_project_options options = {.folder = common->folder,
                                         .environment = common->environment,
                                         .overrides = common->settings};
    for (size_t i = 0; i < words->count || (i == 0 && !words->count); i++) {
        const char *word = words->count ? words->items[i] : NULL;
        struct sl_fs_stat stat;
        if (word && sl_fs_stat(word, &stat, NULL) == SL_OK && !stat.is_folder) {
            SL_TRY(sl_strs_add(ret, arena, word, err));
            continue;
        }
        if (!project && sl_project_load(&options, &project, err) != SL_OK) {
            if (err->code != SL_E_PROJECT_MISSING || !word)
                return (int)err->code;
            return sl_fail(err, SL_E_FILE_MISSING,
                           "there is no file '%s', and no project here that could have a contract "
                           "of that name",
                           word);
        }
        SL_TRY(find_in_project(project, word, arena, ret, err));
    }
    return SL_OK;
}

int sl_contract_choose(const struct sl_common *common, const char *word, struct sl_arena *arena,
                       const char **ret, struct sl_err *err)
{
    struct sl_strs words = {0};
    struct sl_strs paths = {0};
    SL_TRY(sl_strs_add(&words, arena, word, err));
    SL_TRY(sl_contract_find(common, &words, arena, &paths, err));
    if (paths.count > 1) {
        (void)sl_fail(err, SL_E_USAGE, "'%s' names %zu contracts", word, paths.count);
        return sl_err_hint(err, "name the file: %s, %s", paths.items[0], paths.items[1]);
    }
    *ret = paths.items[0];
    return SL_OK;
}
