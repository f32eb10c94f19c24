#include "run/world.h"

#include "api/kinds.h"
#include "base/fs.h"
#include "run/aide.h"
#include "run/model_cache.h"
#include "run/spill.h"
#include "run/views.h"

int sl_world_build(struct sl_world *world, struct sl_err *err)
{
    size_t count = world->project->model_count;
    world->queries = SL_NEW_ARRAY(&world->arena, struct sl_query, count);
    world->digests = SL_NEW_ARRAY(&world->arena, const char *, count);
    world->fingerprints = SL_NEW_ARRAY(&world->arena, const char *, count);
    SL_TRY_NEW(world->queries, err);
    SL_TRY_NEW(world->digests, err);
    SL_TRY_NEW(world->fingerprints, err);
    SL_TRY(sl_models_read(world, err));
    SL_TRY(sl_views_read(world, err));
    SL_TRY(sl_graph_build(world->project, world->queries, world->fingerprints, &world->graph, err));
    world->has_graph = true;
    return SL_OK;
}

static void begin(struct sl_world *world)
{
    *world = (struct sl_world){0};
    pthread_mutex_init(&world->engine_lock, NULL);
    pthread_mutex_init(&world->accepted.lock, NULL);
    sl_arena_init(&world->arena, 0);
}

int sl_world_open_bare(struct sl_world *ret, struct sl_err *err)
{
    const char *temp = getenv("TMPDIR");
    begin(ret);
    ret->project = calloc(1, sizeof *ret->project);
    SL_TRY_NEW(ret->project, err);
    sl_arena_init(&ret->project->arena, 0);
    SL_TRY(sl_path_real(&ret->project->arena, ".", &ret->project->folder, err));
    ret->project->temp_folder = temp && *temp ? temp : "/tmp";
    return SL_OK;
}

int sl_world_open(const struct sl_world_options *options, struct sl_world *ret, struct sl_err *err)
{
    struct sl_project_options project_options = {
        .folder = options->folder,
        .environment = options->environment,
        .overrides = options->overrides,
        .resolve_secrets = options->resolve_secrets,
        .has_no_outputs = options->has_no_outputs,
        .model_texts = options->model_texts,
    };
    begin(ret);
    SL_TRY(sl_project_load(&project_options, &ret->project, err));
    if (options->prepare)
        SL_TRY(options->prepare(options->self, ret->project, err));
    ret->has_workers = options->has_workers;
    SL_TRY(sl_world_build(ret, err));
    SL_TRY(sl_world_check_foreign_keys(ret, NULL, err));
    for (size_t i = 0; i < ret->graph.count; i++)
        ret->graph.nodes[i].is_selected = true;
    return SL_OK;
}

void sl_world_close(struct sl_world *world)
{
    if (!world)
        return;
    sl_graph_clear(&world->graph);
    sl_map_clear(&world->views.by_name);
    sl_engine_close(&world->engine);
    sl_project_free(&world->project);
    sl_arena_clear(&world->arena);
    pthread_mutex_destroy(&world->engine_lock);
    sl_map_clear(&world->accepted.seen);
    pthread_mutex_destroy(&world->accepted.lock);
}

int sl_world_require_valid(struct sl_world *world, struct sl_err *err)
{
    size_t count = world->project->diags.error_count;
    if (count == 0)
        return SL_OK;
    return sl_fail(err, SL_E_PROJECT_INVALID, "the project has %zu error%s", count,
                   count == 1 ? "" : "s");
}

static int open_engine(struct sl_world *world, struct sl_err *err)
{
    const struct sl_project *project = world->project;
    if (world->has_workers)
        return sl_aide_open(world, &world->engine, err);
    SL_TRY(sl_spill_folder(project, world->is_in_run, &world->arena, &world->spill_folder, err));
    struct sl_engine_options options = {
        .memory_bytes = project->memory_bytes,
        .threads = (int)project->threads,
        .parts = (int)world->parts,
        .temp_folder = world->spill_folder,
        .is_for_few_rows = world->is_for_few_rows,
    };
    return sl_kinds.engines[0]->open(&options, &world->engine, err);
}

int sl_world_session(struct sl_world *world, struct sl_session **ret, struct sl_err *err)
{
    pthread_mutex_lock(&world->engine_lock);
    int code = world->engine ? SL_OK : open_engine(world, err);
    pthread_mutex_unlock(&world->engine_lock);
    if (code != SL_OK)
        return code;
    return world->engine->kind->connect(world->engine, ret, err);
}

void sl_world_expect_few_rows(struct sl_world *world)
{
    if (!world->is_for_few_rows)
        sl_engine_close(&world->engine);
    world->is_for_few_rows = true;
}

int sl_world_share(struct sl_world *world, int64_t parts, struct sl_err *err)
{
    int code = SL_OK;
    pthread_mutex_lock(&world->engine_lock);
    if (world->engine && world->parts != parts)
        code = world->engine->kind->share(world->engine, (int)parts, err);
    if (code == SL_OK)
        world->parts = parts;
    pthread_mutex_unlock(&world->engine_lock);
    return code;
}

void sl_world_close_engine(struct sl_world *world)
{
    pthread_mutex_lock(&world->engine_lock);
    sl_engine_close(&world->engine);
    pthread_mutex_unlock(&world->engine_lock);
}
