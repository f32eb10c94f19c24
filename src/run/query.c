// A model's query as it is about to run; and what models and deliveries are going to write anew.
#include "run/views.h"

// Columns of input tables as they are on disk, for a query that is about to run.
struct disk_columns {
    struct sl_world *world;
    struct sl_session *session;
    struct sl_arena *arena;
};

// A view is asked itself.
static bool columns_of_view(const struct disk_columns *disk, const char *name,
                            const struct sl_column **ret, size_t *ret_count)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_step_context context = {.project = disk->world->project,
                                      .views = &disk->world->views,
                                      .session = disk->session,
                                      .arena = disk->arena,
                                      .run_id = ""};
    struct sl_err ignored = {0};
    struct sl_column *columns;
    sl_buf_add(&sql, "from curated.");
    sl_buf_add_sql_name(&sql, name);
    if (sl_buf_check(&sql, &ignored) != SL_OK ||
        sl_step_view(&context, SL_LAYER_CURATED, name, -1, NULL, &ignored) != SL_OK ||
        disk->session->kind->describe(disk->session, sql.text, disk->arena, &columns, ret_count,
                                      &ignored) != SL_OK)
        return false;
    *ret = columns;
    return true;
}

static bool columns_on_disk(void *self, const char *table, const struct sl_column **ret,
                            size_t *ret_count)
{
    struct disk_columns *disk = self;
    enum sl_layer layer;
    const char *name;
    struct sl_delta_snapshot snapshot;
    struct sl_err ignored = {0};
    if (!sl_table_parse(table, &layer, &name))
        return false;
    if (sl_view_find(&disk->world->views, sl_layer_name(layer), name))
        return columns_of_view(disk, name, ret, ret_count);
    bool is_borrowed;
    const struct sl_pin *pin = sl_table_pin(disk->world->project, layer, name);
    const char *folder =
        sl_table_source(disk->world->project, layer, name, disk->arena, &is_borrowed);
    if (!folder ||
        sl_delta_load_schema(folder, pin && is_borrowed ? pin->version : -1, disk->session,
                             disk->arena, &snapshot, &ignored) != SL_OK ||
        snapshot.version < 0)
        return false;
    *ret = snapshot.columns;
    *ret_count = snapshot.column_count;
    return true;
}

int sl_world_query(struct sl_world *world, const struct sl_node *node, struct sl_session *session,
                   struct sl_arena *arena, struct sl_query *ret, struct sl_err *err)
{
    const struct sl_model *model = node->model;
    struct disk_columns disk = {world, session, arena};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    const char *ast;
    bool is_local = false;
    if (model->write == SL_WRITE_FULL) {
        *ret = (struct sl_query){.tables = node->query->tables,
                                 .table_count = node->query->table_count,
                                 .why_every_run = node->query->why_every_run};
        return sl_query_expand(&world->views, arena, ret, err);
    }
    SL_TRY(session->kind->parse(session, &model->sql, 1, arena, &ast, err));
    SL_TRY(sl_query_read(ast, model->sql, model->file, model->sql_line, model->sql_column, arena,
                         &diags, ret, err));
    if (diags.error_count)
        return sl_diags_fail(&diags, err);
    SL_TRY(sl_query_lineage(ast, model->sql, columns_on_disk, &disk, arena, ret, err));
    ret->why_every_run = node->query->why_every_run; // which a view that it reads may say
    ret->why_not_local = NULL;
    if (model->write == SL_WRITE_PARTITION)
        SL_TRY(sl_query_is_partition_local(ast, ret, model->partition_by.items,
                                           model->partition_by.count, arena, &is_local,
                                           &ret->why_not_local, err));
    return sl_query_expand(&world->views, arena, ret, err);
}

static bool is_settled(const struct sl_graph *graph, const struct sl_node *node)
{
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        if (from->facts.version < 0 || (from->is_selected && from->verdict != SL_VERDICT_FRESH))
            return false;
    }
    return true;
}

// Data files of its table, or of one that it reads, are gone: the step fails, or does what nobody
// can tell.
static bool lacks_files(const struct sl_graph *graph, const struct sl_node *node)
{
    if (node->facts.missing_count)
        return true;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_node *from = &graph->nodes[node->upstream[i]];
        if (from->facts.missing_count || (sl_node_is_view(from) && lacks_files(graph, from)))
            return true;
    }
    return false;
}

// What has other SQL or settings now is known to be written whole.
static bool is_foreseeable(const struct sl_graph *graph, const struct sl_node *node)
{
    bool is_model = node->kind == SL_NODE_MODEL && node->model->write == SL_WRITE_PARTITION &&
                    !node->query->why_every_run;
    bool is_load = node->kind == SL_NODE_LOAD && node->delivery->write == SL_WRITE_PARTITION;
    return (is_model || is_load) && node->is_selected && node->verdict == SL_VERDICT_STALE &&
           node->facts.version >= 0 && sl_str_equal(node->facts.fingerprint, node->fingerprint) &&
           is_settled(graph, node) && !lacks_files(graph, node);
}

static int add_copy(struct sl_world *world, struct sl_strs *list, const char *text,
                    struct sl_err *err)
{
    const char *copy = sl_arena_strdup(&world->arena, text);
    SL_TRY_NEW(copy, err);
    return sl_strs_add(list, &world->arena, copy, err);
}

static int keep(struct sl_world *world, struct sl_node *node, const struct sl_forecast *forecast,
                struct sl_err *err)
{
    for (size_t i = 0; i < forecast->partitions.count; i++)
        SL_TRY(add_copy(world, &node->facts.partitions, forecast->partitions.items[i], err));
    node->facts.has_partitions = !forecast->is_whole;
    return forecast->is_whole ? add_copy(world, &node->why, forecast->why, err) : SL_OK;
}

static int ask(struct sl_world *world, struct sl_node *node, struct sl_session *session,
               struct sl_arena *arena, struct sl_forecast *ret, struct sl_err *err)
{
    struct sl_query query;
    struct sl_step_context context = {.project = world->project,
                                      .views = &world->views,
                                      .session = session,
                                      .arena = arena,
                                      .run_id = ""};
    if (node->kind == SL_NODE_LOAD)
        return sl_step_load_foresee(&context, node->target, node->delivery, ret, err);
    SL_TRY(sl_world_query(world, node, session, arena, &query, err));
    return sl_step_model_foresee(&context, node->model, &query, node->fingerprint, ret, err);
}

int sl_world_foresee(struct sl_world *world, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    for (size_t i = 0; i < world->graph.count; i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_node *node = &world->graph.nodes[i];
        struct sl_forecast forecast;
        struct sl_err ignored = {0};
        if (!is_foreseeable(&world->graph, node))
            continue;
        if (!session)
            SL_TRY(sl_world_session(world, &session, err));
        // What cannot be foreseen fails its own step later; everything else can still be planned.
        if (ask(world, node, session, &arena, &forecast, &ignored) == SL_OK)
            SL_TRY(keep(world, node, &forecast, err));
    }
    return SL_OK;
}
