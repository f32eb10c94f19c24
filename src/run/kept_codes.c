#include "run/kept_codes.h"

#include "base/fs.h"
#include "step/step.h"
#include "table/delta/delta.h"

#include <string.h>

enum { LAKES = 3 };

static void list_lakes(const struct sl_project *project, const char *ret[LAKES])
{
    ret[0] = project->lake_folder;
    ret[1] = project->read_lake;
    ret[2] = project->read_lake_behind;
}

static bool protects(const json_t *contract)
{
    size_t i;
    json_t *column;
    json_array_foreach (json_object_get(contract, "columns"), i, column)
        if (json_object_get(column, "personal"))
            return true;
    return false;
}

static int read_one(struct sl_step_context *context, const char *file, struct sl_kept_codes *codes,
                    struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    if (!sl_str_ends(file, ".json"))
        return SL_OK;
    const char *fingerprint =
        sl_arena_strndup(context->arena, file, strlen(file) - strlen(".json"));
    SL_TRY_NEW(fingerprint, err);
    SL_TRY(sl_step_find_code(context, fingerprint, &root, err));
    if (!root)
        return SL_OK;
    SL_TRY(sl_strs_add(&codes->fingerprints, context->arena, fingerprint, err));
    json_t *state = json_object_get(root, "contract"); // NULL: the code of a model
    if (!protects(state))
        return SL_OK;
    struct sl_kept_contract kept = {fingerprint, state, root};
    if (!SL_PUSH(context->arena, codes->contracts, codes->contract_count, kept))
        return sl_fail_memory(err);
    root = NULL; // it is the list's now
    return SL_OK;
}

static int read_lake(struct sl_world *world, const char *lake, struct sl_kept_codes *codes,
                     struct sl_err *err)
{
    struct sl_project project = *world->project; // its code is kept beside its tables
    struct sl_step_context context = {.project = &project, .arena = &world->arena, .run_id = ""};
    struct sl_strs files = {0};
    struct sl_err trouble = {0};
    const char *folder = sl_arena_printf(&world->arena, "%s/_code", lake);
    SL_TRY_NEW(folder, err);
    project.lake_folder = lake;
    int code = sl_fs_list(folder, &world->arena, &files, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    for (size_t i = 0; code == SL_OK && i < files.count; i++)
        SL_TRY(read_one(&context, files.items[i], codes, err));
    return SL_OK;
}

int sl_kept_codes_read(struct sl_world *world, struct sl_kept_codes *codes, struct sl_err *err)
{
    const char *lakes[LAKES];
    if (codes->is_read)
        return SL_OK;
    codes->is_read = true;
    list_lakes(world->project, lakes);
    for (size_t i = 0; i < LAKES; i++)
        if (lakes[i])
            SL_TRY(read_lake(world, lakes[i], codes, err));
    return SL_OK;
}

void sl_kept_codes_clear(struct sl_kept_codes *codes)
{
    for (size_t i = 0; codes && i < codes->contract_count; i++)
        json_decref(codes->contracts[i].root);
    if (codes)
        *codes = (struct sl_kept_codes){0};
}

static int add_fingerprint(const char *commit, struct sl_arena *arena, struct sl_strs *ret,
                           struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *info = NULL;
    SL_TRY(sl_json_parse(commit, strlen(commit), "commitInfo", &info, err));
    const char *fingerprint = sl_json_text(json_object_get(info, "sluice"), "fingerprint", NULL);
    if (!sl_step_is_fingerprint(fingerprint) || sl_strs_has(ret, fingerprint))
        return SL_OK;
    char *own = sl_arena_strdup(arena, fingerprint);
    SL_TRY_NEW(own, err);
    return sl_strs_add(ret, arena, own, err);
}

static int add_history(const char *folder, struct sl_arena *arena, struct sl_strs *ret,
                       struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    struct sl_delta_commit_info *commits = NULL;
    struct sl_err trouble = {0};
    size_t count = 0;
    sl_arena_init(&scratch, 0);
    int code = sl_delta_history(folder, 0, &scratch, &commits, &count, &trouble);
    for (size_t i = 0; code == SL_OK && i < count; i++)
        if (commits[i].json)
            code = add_fingerprint(commits[i].json, arena, ret, &trouble);
    return code == SL_E_MEMORY ? sl_fail_memory(err) : SL_OK;
}

int sl_built_with(struct sl_world *world, const char *name, struct sl_strs *ret, struct sl_err *err)
{
    static const enum sl_layer layers[] = {SL_LAYER_CLEAN, SL_LAYER_QUARANTINE};
    struct sl_arena *arena = &world->arena;
    const char *lakes[LAKES];
    list_lakes(world->project, lakes);
    for (size_t i = 0; i < LAKES; i++)
        for (size_t k = 0; lakes[i] && k < sizeof layers / sizeof *layers; k++) {
            const char *folder =
                sl_arena_printf(arena, "%s/%s/%s", lakes[i], sl_layer_name(layers[k]), name);
            SL_TRY_NEW(folder, err);
            SL_TRY(add_history(folder, arena, ret, err));
        }
    return SL_OK;
}

int sl_former_of(struct sl_world *world, const struct sl_node *ingest, struct sl_strs *ret,
                 struct sl_err *err)
{
    const char *clean = sl_arena_printf(&world->arena, "clean.%s", ingest->bare);
    SL_TRY_NEW(clean, err);
    return sl_graph_node(&world->graph, clean) ? SL_OK
                                               : sl_built_with(world, ingest->bare, ret, err);
}

static bool reads_files(const struct sl_world *world)
{
    for (size_t i = 0; i < world->graph.count; i++)
        if (world->graph.nodes[i].kind == SL_NODE_MODEL &&
            world->graph.nodes[i].query->files.count > 0)
            return true;
    return false;
}

static int add_gone(struct sl_world *world, const char *name, struct sl_strs *ret,
                    struct sl_err *err)
{
    struct sl_strs former = {0};
    const char *raw = sl_arena_printf(&world->arena, "raw.%s", name);
    SL_TRY_NEW(raw, err);
    if (sl_graph_node(&world->graph, raw) || sl_strs_has(ret, name))
        return SL_OK;
    SL_TRY(sl_built_with(world, name, &former, err));
    return former.count ? sl_strs_add(ret, &world->arena, name, err) : SL_OK;
}

int sl_gone_sources(struct sl_world *world, struct sl_strs *ret, struct sl_err *err)
{
    const char *lakes[LAKES];
    list_lakes(world->project, lakes);
    for (size_t i = 0; i < LAKES && reads_files(world); i++) {
        struct sl_strs names = {0};
        struct sl_err trouble = {0};
        const char *folder = lakes[i] ? sl_arena_printf(&world->arena, "%s/%s", lakes[i],
                                                        sl_layer_name(SL_LAYER_RAW))
                                      : "";
        SL_TRY_NEW(folder, err);
        int code = *folder ? sl_fs_list(folder, &world->arena, &names, &trouble) : SL_OK;
        if (code == SL_E_MEMORY)
            return sl_fail_memory(err);
        for (size_t k = 0; code == SL_OK && k < names.count; k++)
            SL_TRY(add_gone(world, names.items[k], ret, err));
    }
    return SL_OK;
}
