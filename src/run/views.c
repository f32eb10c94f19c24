// Which models are views, what lies below them, and what they mean for those who read them.
#include "run/world.h"

#include "base/hash.h"
#include "run/views.h"

struct resolver {
    struct sl_world *world;
    struct sl_map indices; // name of a view -> its index + 1, as a pointer into `numbers`
    size_t *numbers;
    enum { UNSEEN, OPEN, DONE, CIRCULAR } * states; // per model
};

static int resolve(struct resolver *resolver, size_t index, struct sl_err *err);

static const size_t *index_of(const struct resolver *resolver, const struct sl_table_ref *ref)
{
    return sl_str_equal(ref->layer, sl_layer_name(SL_LAYER_CURATED))
               ? sl_map_get(&resolver->indices, ref->name)
               : NULL;
}

static bool has(const struct sl_strs *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (sl_str_equal(list->items[i], text))
            return true;
    return false;
}

static int add_once(struct resolver *resolver, struct sl_strs *list, const char *name,
                    struct sl_err *err)
{
    SL_TRY_NEW(name, err);
    return has(list, name) ? SL_OK : sl_strs_add(list, &resolver->world->arena, name, err);
}

// What a model takes over from a view that it reads: its code, and whether it follows the clock.
static void take_over(struct sl_world *world, size_t into, size_t from)
{
    struct sl_query *query = &world->queries[into];
    const struct sl_query *read = &world->queries[from];
    query->is_volatile |= read->is_volatile;
    if (!query->why_every_run)
        query->why_every_run = read->why_every_run;
}

static int take_tables(struct resolver *resolver, const struct sl_view *view, struct sl_view *into,
                       struct sl_err *err)
{
    for (size_t i = 0; i < view->bases.count; i++)
        SL_TRY(add_once(resolver, &into->bases, view->bases.items[i], err));
    for (size_t i = 0; i < view->below.count; i++)
        SL_TRY(add_once(resolver, &into->below, view->below.items[i], err));
    return add_once(resolver, &into->below, view->name, err);
}

static int chain(struct resolver *resolver, size_t index, struct sl_view *into, struct sl_err *err)
{
    struct sl_world *world = resolver->world;
    const struct sl_query *query = &world->queries[index];
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];
    bool reads_views = false;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, world->fingerprints[index]);
    for (size_t i = 0; i < query->table_count; i++) {
        const struct sl_table_ref *ref = &query->tables[i];
        const size_t *read = index_of(resolver, ref);
        if (!read) {
            if (ref->layer)
                SL_TRY(add_once(resolver, &into->bases,
                                sl_arena_printf(&world->arena, "%s.%s", ref->layer, ref->name),
                                err));
            continue;
        }
        SL_TRY(resolve(resolver, *read, err));
        if (resolver->states[*read] != DONE) {
            resolver->states[index] = CIRCULAR;
            continue;
        }
        const struct sl_view *view =
            sl_map_get(&world->views.by_name, world->project->models[*read].name);
        SL_TRY(take_tables(resolver, view, into, err));
        sl_hash_add(hash, view->fingerprint);
        take_over(world, index, *read);
        reads_views = true;
    }
    if (!reads_views)
        return SL_OK;
    SL_TRY(sl_hash_end(hash, hex, err));
    world->fingerprints[index] = sl_arena_strdup(&world->arena, hex);
    SL_TRY_NEW(world->fingerprints[index], err);
    return SL_OK;
}

static int add_view(struct resolver *resolver, size_t index, struct sl_view *view,
                    struct sl_err *err)
{
    struct sl_world *world = resolver->world;
    const struct sl_model *model = &world->project->models[index];
    sl_strs_sort(&view->bases);
    view->name = model->name;
    view->sql = model->sql;
    view->fingerprint = world->fingerprints[index];
    if (model->stands_for && view->bases.count == 1 && !view->below.count)
        view->same_as = view->bases.items[0];
    return sl_map_set(&world->views.by_name, model->name, view, err);
}

static int resolve(struct resolver *resolver, size_t index, struct sl_err *err)
{
    if (resolver->states[index] != UNSEEN)
        return SL_OK; // OPEN: it reads itself, which the graph reports
    resolver->states[index] = OPEN;
    struct sl_view *view = SL_NEW(&resolver->world->arena, struct sl_view);
    SL_TRY_NEW(view, err);
    SL_TRY(chain(resolver, index, view, err));
    if (resolver->states[index] != OPEN)
        return SL_OK;
    resolver->states[index] = DONE;
    return resolver->world->project->models[index].write == SL_WRITE_VIEW
               ? add_view(resolver, index, view, err)
               : SL_OK;
}

static int resolve_all(struct resolver *resolver, struct sl_err *err)
{
    struct sl_world *world = resolver->world;
    size_t count = world->project->model_count;
    resolver->numbers = SL_NEW_ARRAY(&world->arena, size_t, count);
    resolver->states = sl_arena_alloc(&world->arena, count * sizeof *resolver->states);
    SL_TRY_NEW(resolver->numbers, err);
    SL_TRY_NEW(resolver->states, err);
    for (size_t i = 0; i < count; i++) {
        resolver->numbers[i] = i;
        resolver->states[i] = UNSEEN;
        if (world->project->models[i].write == SL_WRITE_VIEW && world->digests[i])
            SL_TRY(sl_map_set(&resolver->indices, world->project->models[i].name,
                              &resolver->numbers[i], err));
    }
    for (size_t i = 0; i < count && sl_map_count(&resolver->indices); i++)
        SL_TRY(resolve(resolver, i, err));
    return SL_OK;
}

int sl_views_read(struct sl_world *world, struct sl_err *err)
{
    struct resolver resolver = {.world = world};
    int code = resolve_all(&resolver, err);
    sl_map_clear(&resolver.indices);
    return code;
}

// A version whose file is gone is known by its name alone.
static const struct sl_model *meant_by(struct sl_world *world, const char *version)
{
    const struct sl_model *known = sl_project_model(world->project, version);
    struct sl_model *gone = known ? NULL : SL_NEW(&world->arena, struct sl_model);
    if (gone)
        gone->name = version;
    return known ? known : gone;
}

int sl_views_turn(struct sl_world *world, const char *output, const char *version,
                  struct sl_err *err)
{
    struct sl_project *project = world->project;
    size_t index = 0;
    while (index < project->model_count && !(project->models[index].stands_for &&
                                             sl_str_equal(project->models[index].name, output)))
        index++;
    if (index == project->model_count)
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no output", output);
    struct sl_model *model = &project->models[index];
    struct sl_query *query = &world->queries[index];
    struct sl_table_ref *ref = SL_NEW(&world->arena, struct sl_table_ref);
    const struct sl_model *meant = meant_by(world, version);
    const char *sql = sl_arena_printf(&world->arena, "select * from curated.%s\n", version);
    SL_TRY_NEW(ref, err);
    SL_TRY_NEW(meant, err);
    SL_TRY_NEW(sql, err);
    *ref = (struct sl_table_ref){sl_layer_name(SL_LAYER_CURATED), version, 1, 1, 1};
    query->tables = ref;
    query->table_count = 1;
    model->stands_for = meant;
    model->sql = sql;
    sl_map_clear(&world->views.by_name);
    return sl_views_read(world, err);
}

static int add_table(struct sl_query *query, const char *layer, const char *name,
                     const struct sl_table_ref *at, struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < query->table_count; i++)
        if (sl_str_equal(query->tables[i].layer, layer) &&
            sl_str_equal(query->tables[i].name, name)) {
            query->tables[i].times += at->times;
            return SL_OK;
        }
    struct sl_table_ref ref = {layer, name, at->line, at->column, at->times};
    return SL_PUSH(arena, query->tables, query->table_count, ref) ? SL_OK : sl_fail_memory(err);
}

// An output's own name drives as the version's table would, if that is read by no other name.
static const char *driving_below(const struct sl_views *views, const struct sl_query *query)
{
    enum sl_layer layer;
    const char *name;
    const struct sl_view *view = sl_table_parse(query->driving_table, &layer, &name)
                                     ? sl_view_find(views, sl_layer_name(layer), name)
                                     : NULL;
    if (!view || !view->same_as || !sl_table_parse(view->same_as, &layer, &name))
        return query->driving_table;
    for (size_t i = 0; i < query->table_count; i++)
        if (query->tables[i].times == 1 && sl_str_equal(query->tables[i].name, name) &&
            sl_str_equal(query->tables[i].layer, sl_layer_name(layer)))
            return view->same_as;
    return NULL;
}

int sl_query_expand(const struct sl_views *views, struct sl_arena *arena, struct sl_query *query,
                    struct sl_err *err)
{
    const struct sl_table_ref *tables = query->tables;
    size_t count = query->table_count;
    bool reads_views = false;
    for (size_t i = 0; i < count; i++)
        reads_views |= sl_view_find(views, tables[i].layer, tables[i].name) != NULL;
    if (!reads_views)
        return SL_OK;
    query->tables = NULL;
    query->table_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sl_table_ref *ref = &tables[i];
        const struct sl_view *view = sl_view_find(views, ref->layer, ref->name);
        if (!view) {
            SL_TRY(add_table(query, ref->layer, ref->name, ref, arena, err));
            continue;
        }
        SL_TRY(sl_strs_add(&query->views, arena, view->name, err));
        for (size_t k = 0; k < view->bases.count; k++) {
            enum sl_layer layer;
            const char *name;
            if (!sl_table_parse(view->bases.items[k], &layer, &name))
                return sl_fail(err, SL_E_SQL_TABLE, "'%s' is not a table name",
                               view->bases.items[k]);
            SL_TRY(add_table(query, sl_layer_name(layer), name, ref, arena, err));
            // Its rows come in twice: new ones alone do not give the new rows of the result.
            if (sl_str_equal(query->driving_table, view->bases.items[k]))
                query->driving_table = NULL;
        }
    }
    query->driving_table = driving_below(views, query);
    return SL_OK;
}
