// A model's query as it is about to run.
#include "run/world.h"

// Columns of input tables as they are on disk, for a query that is about to run.
struct disk_columns {
    struct sl_world *world;
    struct sl_session *session;
    struct sl_arena *arena;
};

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
    const char *folder = sl_table_folder(disk->world->project, layer, name, disk->arena);
    if (!folder ||
        sl_delta_load(folder, -1, disk->session, disk->arena, &snapshot, &ignored) != SL_OK ||
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
    SL_TRY(session->kind->parse(session, &model->sql, 1, arena, &ast, err));
    SL_TRY(sl_query_read(ast, model->sql, model->file, model->sql_line, model->sql_column, arena,
                         &diags, ret, err));
    if (diags.error_count) {
        *err = diags.items[0].err;
        return err->code;
    }
    SL_TRY(sl_query_lineage(ast, model->sql, columns_on_disk, &disk, arena, ret, err));
    ret->why_not_local = NULL;
    if (model->write != SL_WRITE_PARTITION)
        return SL_OK;
    return sl_query_is_partition_local(ast, ret, model->partition_by.items,
                                       model->partition_by.count, arena, &is_local,
                                       &ret->why_not_local, err);
}
