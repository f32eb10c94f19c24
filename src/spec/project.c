#include "spec/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"

static const char *const layer_names[] = {"raw", "clean", "quarantine", "curated"};

const char *sl_layer_name(enum sl_layer layer)
{
    return layer_names[layer];
}

bool sl_table_parse(const char *table, enum sl_layer *ret_layer, const char **ret_name)
{
    const char *dot = table ? strchr(table, '.') : NULL;

    if (!dot || dot[1] == '\0' || strchr(dot + 1, '.'))
        return false;
    for (size_t i = 0; i < sizeof layer_names / sizeof *layer_names; i++)
        if (strlen(layer_names[i]) == (size_t)(dot - table) &&
            strncmp(layer_names[i], table, (size_t)(dot - table)) == 0) {
            *ret_layer = (enum sl_layer)i;
            *ret_name = dot + 1;
            return true;
        }
    return false;
}

char *sl_table_folder(const struct sl_project *project, enum sl_layer layer, const char *name,
                      struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s/%s/%s", project->lake_folder, sl_layer_name(layer), name);
}

static bool is_table(const char *folder, struct sl_arena *arena)
{
    const char *log = folder ? sl_path_join(arena, folder, "_delta_log") : NULL;

    return log && sl_fs_exists(log);
}

const struct sl_pin *sl_table_pin(const struct sl_project *project, enum sl_layer layer,
                                  const char *name)
{
    SL_AUTO(sl_buf_clear) struct sl_buf table = SL_BUF_INIT;

    if (!project->pins)
        return NULL;
    sl_buf_addf(&table, "%s.%s", sl_layer_name(layer), name);
    return table.has_failed ? NULL : sl_map_get(project->pins, table.text);
}

static bool has_table(const char *lake, enum sl_layer layer, const char *name,
                      struct sl_arena *arena)
{
    return is_table(sl_arena_printf(arena, "%s/%s/%s", lake, sl_layer_name(layer), name), arena);
}

char *sl_table_source(const struct sl_project *project, enum sl_layer layer, const char *name,
                      struct sl_arena *arena, bool *ret_is_borrowed)
{
    const struct sl_pin *pin = sl_table_pin(project, layer, name);
    // The two tables of a cleanse belong together: where the clean one is, the rows are that were
    // left over for the other. A quarantine alone is what an interrupted step has left.
    enum sl_layer leading = layer == SL_LAYER_QUARANTINE ? SL_LAYER_CLEAN : layer;

    if (pin && pin->is_borrowed && has_table(project->lake_folder, leading, name, arena))
        pin = NULL;
    *ret_is_borrowed = pin != NULL;
    if (pin)
        return sl_arena_strdup(arena, pin->folder);
    const char *const others[] = {project->read_lake, project->read_lake_behind};
    for (size_t i = 0; i < 2 && !has_table(project->lake_folder, leading, name, arena); i++)
        if (others[i] && has_table(others[i], leading, name, arena)) {
            *ret_is_borrowed = true;
            return sl_arena_printf(arena, "%s/%s/%s", others[i], sl_layer_name(layer), name);
        }
    return sl_table_folder(project, layer, name, arena);
}

// The absolute folder that has sluice.yml: `start` or the nearest above it. `start` may also be
// that file itself.
static int find_root(const char *start, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    char *real = realpath(start, NULL);
    char *folder = real ? sl_arena_strdup(arena, real) : NULL;
    bool is_out_of_memory = real ? !folder : errno == ENOMEM;
    struct sl_fs_stat stat;

    free(real);
    if (is_out_of_memory)
        return sl_fail_memory(err);
    if (!folder)
        return sl_fail(err, SL_E_FILE_MISSING, "folder '%s' does not exist", start);
    if (sl_fs_stat(folder, &stat, NULL) == SL_OK && !stat.is_folder)
        folder = sl_path_folder(arena, folder);
    for (;;) {
        const char *file = folder ? sl_path_join(arena, folder, SL_PROJECT_FILE) : NULL;

        SL_TRY_NEW(file, err);
        if (sl_fs_exists(file)) {
            *ret = folder;
            return SL_OK;
        }
        if (strcmp(folder, "/") == 0)
            break;
        folder = sl_path_folder(arena, folder);
    }
    (void)sl_fail(err, SL_E_PROJECT_MISSING,
                  "there is no '" SL_PROJECT_FILE "' in '%s' or above it", start);
    return sl_err_hint(err, "`sluice init` makes a project; --project names the folder of one");
}

// Keeps its place, so that a source which names the file is not told that there is none.
static int add_broken(struct sl_project *project, const char *file, struct sl_contract **ret,
                      struct sl_err *err)
{
    struct sl_contract *contract = SL_NEW(&project->arena, struct sl_contract);

    SL_TRY_NEW(contract, err);
    contract->file = file;
    *ret = contract;
    return SL_OK;
}

static int load_contracts(struct sl_load *load, struct sl_err *err)
{
    static const char *const endings[] = {".yml", ".yaml", NULL};
    struct sl_project *project = load->project;
    struct sl_load_file *files;
    size_t count;

    SL_TRY(sl_load_find(load, "contracts", endings, &files, &count, err));
    project->contracts = SL_NEW_ARRAY(&project->arena, struct sl_contract *, count);
    SL_TRY_NEW(project->contracts, err);
    for (size_t i = 0; i < count; i++) {
        struct sl_yaml *node;

        SL_TRY(sl_load_yaml(load, files[i].path, &node, err));
        if (node)
            SL_TRY(sl_contract_read(node, files[i].path, project, &project->contracts[i], err));
        else
            SL_TRY(add_broken(project, files[i].path, &project->contracts[i], err));
        project->contract_count++;
    }
    return SL_OK;
}

static const char *file_of_source(const void *source)
{
    return ((const struct sl_source *)source)->file;
}

static int load_sources(struct sl_load *load, struct sl_err *err)
{
    static const char *const endings[] = {".yml", ".yaml", NULL};
    struct sl_project *project = load->project;
    struct sl_load_file *files;
    size_t count;

    SL_TRY(sl_load_find(load, "sources", endings, &files, &count, err));
    project->sources = SL_NEW_ARRAY(&project->arena, struct sl_source, count);
    SL_TRY_NEW(project->sources, err);
    for (size_t i = 0; i < count; i++) {
        struct sl_source *source = &project->sources[i];

        SL_TRY(sl_source_read(load, &files[i], source, err));
        SL_TRY(sl_load_register(load, &project->index->sources, source->name, source->file, source,
                                file_of_source, err));
        project->source_count++;
    }
    return SL_OK;
}

static const char *file_of_model(const void *model)
{
    return ((const struct sl_model *)model)->file;
}

// Models that have a text and no file.
static int add_texts(struct sl_load *load, struct sl_load_file **files, size_t *count,
                     struct sl_err *err)
{
    struct sl_arena *arena = &load->project->arena;
    for (const struct sl_map_entry *it = load->model_texts ? sl_map_first(load->model_texts) : NULL;
         it; it = sl_map_next(it)) {
        bool is_there = false;
        for (size_t i = 0; i < *count && !is_there; i++)
            is_there = strcmp((*files)[i].name, sl_map_key(it)) == 0;
        struct sl_load_file file = {sl_arena_printf(arena, "models/%s.sql", sl_map_key(it)),
                                    sl_arena_strdup(arena, sl_map_key(it))};
        SL_TRY_NEW(file.path, err);
        SL_TRY_NEW(file.name, err);
        if (!is_there && !SL_PUSH(arena, *files, *count, file))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int load_models(struct sl_load *load, struct sl_err *err)
{
    static const char *const endings[] = {".sql", NULL};
    struct sl_project *project = load->project;
    struct sl_load_file *files;
    size_t count;

    SL_TRY(sl_load_find(load, "models", endings, &files, &count, err));
    SL_TRY(add_texts(load, &files, &count, err));
    project->models = SL_NEW_ARRAY(&project->arena, struct sl_model, count + count);
    SL_TRY_NEW(project->models, err);
    for (size_t i = 0; i < count; i++) {
        struct sl_model *model = &project->models[i];

        SL_TRY(sl_model_read(load, &files[i], model, err));
        SL_TRY(sl_load_register(load, &project->index->models, model->name, model->file, model,
                                file_of_model, err));
        project->model_count++;
    }
    return SL_OK;
}

static const char *file_of_target(const void *target)
{
    return ((const struct sl_target *)target)->file;
}

static int load_targets(struct sl_load *load, struct sl_err *err)
{
    static const char *const endings[] = {".yml", ".yaml", NULL};
    struct sl_project *project = load->project;
    struct sl_load_file *files;
    size_t count;

    SL_TRY(sl_load_find(load, "targets", endings, &files, &count, err));
    project->targets = SL_NEW_ARRAY(&project->arena, struct sl_target, count);
    SL_TRY_NEW(project->targets, err);
    for (size_t i = 0; i < count; i++) {
        struct sl_target *target = &project->targets[i];

        SL_TRY(sl_target_read(load, &files[i], target, err));
        SL_TRY(sl_load_register(load, &project->index->targets, target->name, target->file, target,
                                file_of_target, err));
        project->target_count++;
    }
    return SL_OK;
}

static const char *file_of_task(const void *task)
{
    return ((const struct sl_task *)task)->file;
}

static int load_tasks(struct sl_load *load, struct sl_err *err)
{
    static const char *const endings[] = {".yml", ".yaml", NULL};
    struct sl_project *project = load->project;
    struct sl_load_file *files;
    size_t count;

    SL_TRY(sl_load_find(load, "tasks", endings, &files, &count, err));
    project->tasks = SL_NEW_ARRAY(&project->arena, struct sl_task, count);
    SL_TRY_NEW(project->tasks, err);
    for (size_t i = 0; i < count; i++) {
        struct sl_task *task = &project->tasks[i];

        SL_TRY(sl_task_read(load, &files[i], task, err));
        SL_TRY(sl_load_register(load, &project->index->tasks, task->name, task->file, task,
                                file_of_task, err));
        project->task_count++;
    }
    return SL_OK;
}

// A message may quote what a reference gave: no secret leaves this layer.
static void hide_secrets(struct sl_project *project)
{
    for (size_t i = 0; i < project->diags.count; i++) {
        struct sl_err *err = &project->diags.items[i].err;
        const char *message = sl_log_mask(err->message, &project->arena);
        const char *hint = sl_log_mask(err->hint, &project->arena);

        if (message != err->message)
            snprintf(err->message, sizeof err->message, "%s", message);
        if (hint != err->hint)
            snprintf(err->hint, sizeof err->hint, "%s", hint);
    }
}

static int load_project(struct sl_project *project, const struct sl_project_options *options,
                        struct sl_err *err)
{
    struct sl_load load = {.project = project, .defaults = {.freshness_s = -1, .retention_s = -1}};
    SL_AUTO(sl_secrets_close) struct sl_secrets secrets = {0};
    struct sl_opt_resolver resolver = {
        .resolve = sl_secrets_resolve, .resolve_shown = sl_secrets_resolve_shown, .self = &secrets};

    SL_TRY(
        find_root(options->folder ? options->folder : ".", &project->arena, &project->folder, err));
    project->index = SL_NEW(&project->arena, struct sl_spec_index);
    SL_TRY_NEW(project->index, err);
    SL_TRY(sl_secrets_open(&secrets, &load, err));
    load.variables = &secrets.variables;
    load.model_texts = options->model_texts;
    load.resolver = options->resolve_secrets ? &resolver : NULL;
    SL_TRY(sl_settings_read(&load, options, err));
    SL_TRY(load_contracts(&load, err));
    SL_TRY(load_sources(&load, err));
    SL_TRY(load_models(&load, err));
    if (!options->has_no_outputs)
        SL_TRY(sl_versions_name(&load, err));
    SL_TRY(load_targets(&load, err));
    SL_TRY(load_tasks(&load, err));
    SL_TRY(sl_versions_deliver(&load, err));
    SL_TRY(sl_govern(&load, err));
    SL_TRY(sl_foreign_keys_resolve(&load, err));
    SL_TRY(sl_pipelines_read(&load, err));
    SL_TRY(sl_check_places(&load, err));
    hide_secrets(project);
    sl_diags_sort(&project->diags);
    return SL_OK;
}

int sl_project_load(const struct sl_project_options *options, struct sl_project **ret,
                    struct sl_err *err)
{
    SL_AUTO(sl_project_free) struct sl_project *project = calloc(1, sizeof *project);

    SL_TRY_NEW(project, err);
    sl_arena_init(&project->arena, 0);
    SL_TRY(load_project(project, options, err));
    *ret = project;
    project = NULL;
    return SL_OK;
}

void sl_project_free(struct sl_project **project)
{
    if (!project || !*project)
        return;
    sl_pipelines_clear(*project);
    if ((*project)->index) {
        sl_map_clear(&(*project)->index->sources);
        sl_map_clear(&(*project)->index->models);
        sl_map_clear(&(*project)->index->targets);
        sl_map_clear(&(*project)->index->tasks);
        sl_map_clear(&(*project)->index->governing);
    }
    sl_diags_clear(&(*project)->diags);
    sl_arena_clear(&(*project)->arena);
    free(*project);
    *project = NULL;
}

const struct sl_source *sl_project_source(const struct sl_project *project, const char *name)
{
    if (project->index)
        return sl_map_get(&project->index->sources, name);
    for (size_t i = 0; i < project->source_count; i++)
        if (strcmp(project->sources[i].name, name) == 0)
            return &project->sources[i];
    return NULL;
}

const struct sl_model *sl_project_model(const struct sl_project *project, const char *name)
{
    if (project->index)
        return sl_map_get(&project->index->models, name);
    for (size_t i = 0; i < project->model_count; i++)
        if (strcmp(project->models[i].name, name) == 0)
            return &project->models[i];
    return NULL;
}

const struct sl_target *sl_project_target(const struct sl_project *project, const char *name)
{
    if (project->index)
        return sl_map_get(&project->index->targets, name);
    for (size_t i = 0; i < project->target_count; i++)
        if (strcmp(project->targets[i].name, name) == 0)
            return &project->targets[i];
    return NULL;
}
