// Binding: every model against the columns of its inputs.
#include "base/str.h"
#include "contract/compile.h"
#include "run/world.h"

#include <stdio.h>
#include <string.h>

struct binder {
    struct sl_world *world;
    struct sl_session *session;
    struct sl_map *catalog; // table -> struct sl_relation *
};

static int add_relation(struct binder *binder, const char *table, const struct sl_column *columns,
                        size_t count, struct sl_err *err)
{
    struct sl_relation *relation = SL_NEW(&binder->world->arena, struct sl_relation);
    SL_TRY_NEW(relation, err);
    *relation = (struct sl_relation){columns, count};
    return sl_map_set(binder->catalog, table, relation, err);
}

// The columns a raw table has now; before the first ingest nobody knows them.
static int add_raw(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = binder->world;
    struct sl_delta_snapshot snapshot;
    const char *folder = sl_table_folder(world->project, SL_LAYER_RAW, node->bare, &world->arena);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_load(folder, -1, binder->session, &world->arena, &snapshot, err));
    return snapshot.version < 0
               ? SL_OK
               : add_relation(binder, node->name, snapshot.columns, snapshot.column_count, err);
}

static int add_clean(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_arena *arena = &binder->world->arena;
    struct sl_column *columns;
    size_t count;
    const char *quarantine = sl_arena_printf(arena, "quarantine.%s", node->bare);
    SL_TRY_NEW(quarantine, err);
    SL_TRY(
        add_relation(binder, quarantine, sl_quarantine_columns, sl_quarantine_column_count, err));
    SL_TRY(sl_contract_columns(node->contract, arena, &columns, &count, err));
    return add_relation(binder, node->name, columns, count, err);
}

// A view without rows but with the right columns: enough for the engine's binder.
static int create_empty_view(struct binder *binder, const struct sl_table_ref *ref,
                             const struct sl_relation *relation, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = binder->session;
    struct sl_scan scan = {.columns = relation->columns, .column_count = relation->count};
    sl_buf_add(&sql, "select * from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->create_view(session, ref->layer, ref->name, sql.text, err);
}

static enum sl_code code_of(const struct sl_err *err)
{
    if (strstr(err->message, "column") || strstr(err->message, "mbiguous"))
        return SL_E_SQL_COLUMN;
    return SL_E_SQL_TYPE;
}

static void report(struct binder *binder, const struct sl_model *model, struct sl_err *found)
{
    int line = found->line ? found->line : 1, column = found->line ? found->column : 1;
    struct sl_place place = {model->file, model->sql_line + line - 1,
                             line == 1 ? model->sql_column + column - 1 : column};
    sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, code_of(found), place,
            found->hint[0] ? found->hint : NULL, "%s", found->message);
}

static void check_names(struct binder *binder, const struct sl_model *model,
                        const struct sl_strs *names, const char *key,
                        const struct sl_column *columns, size_t count)
{
    struct sl_arena *arena = &binder->world->arena;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = sl_arena_strndup(arena, names->items[i], strcspn(names->items[i], " "));
        const char **known = SL_NEW_ARRAY(arena, const char *, count);
        bool is_known = !name || !known;
        for (size_t k = 0; k < count && !is_known; k++) {
            known[k] = columns[k].name;
            is_known = sl_str_equal_nocase(columns[k].name, name);
        }
        if (!is_known)
            sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, SL_E_MODEL_SETTING,
                    sl_yaml_place(model->node, key), sl_did_you_mean(arena, name, known, count),
                    "'%s' names '%s', which is not a column of the result", key, name);
    }
}

static int bind_model(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = binder->world;
    struct sl_session *session = binder->session;
    const struct sl_model *model = node->model;
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        char table[160];
        snprintf(table, sizeof table, "%s.%s", ref->layer, ref->name);
        const struct sl_relation *relation = sl_map_get(binder->catalog, table);
        if (!relation)
            return SL_OK; // not known before its first run
        SL_TRY(create_empty_view(binder, ref, relation, err));
    }
    struct sl_column *columns;
    size_t count;
    struct sl_err found = {0};
    int code =
        session->kind->describe(session, model->sql, &world->arena, &columns, &count, &found);
    if (code == SL_E_ENGINE) {
        report(binder, model, &found);
        return SL_OK;
    }
    if (code != SL_OK) {
        *err = found;
        return code;
    }
    check_names(binder, model, &model->partition_by, "partition_by", columns, count);
    check_names(binder, model, &model->key, "key", columns, count);
    check_names(binder, model, &model->order_by, "order_by", columns, count);
    return add_relation(binder, node->name, columns, count, err);
}

static int bind_node(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    switch (node->kind) {
    case SL_NODE_INGEST:
        return add_raw(binder, node, err);
    case SL_NODE_CLEANSE:
        return add_clean(binder, node, err);
    case SL_NODE_MODEL:
        return bind_model(binder, node, err);
    case SL_NODE_LOAD:
        return SL_OK;
    }
    return SL_OK;
}

int sl_world_bind(struct sl_world *world, struct sl_map *catalog, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map own = {0};
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct binder binder = {.world = world, .catalog = catalog ? catalog : &own};
    if (!world->has_graph)
        return SL_OK;
    SL_TRY(sl_world_session(world, &session, err));
    binder.session = session;
    for (size_t i = 0; i < world->graph.count; i++)
        SL_TRY(bind_node(&binder, &world->graph.nodes[i], err));
    return SL_OK;
}

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
