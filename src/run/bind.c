// Binding: every model against the columns of its inputs.
#include "api/kinds.h"
#include "base/hash.h"
#include "base/str.h"
#include "contract/compile.h"
#include "run/column_cache.h"

#include <stdio.h>
#include <string.h>

// What the catalogue holds of a table.
struct table {
    struct sl_relation relation; // first: the catalogue gives this to others
    const char *digest;          // of its columns
    bool has_view;               // in the session
};

struct binder {
    struct sl_world *world;
    struct sl_session *session; // opened by the first model that is not in the cache
    struct sl_column_cache cache;
    struct sl_map *catalog; // name -> struct table *
};

static int open_session(struct binder *binder, struct sl_err *err)
{
    return binder->session ? SL_OK : sl_world_session(binder->world, &binder->session, err);
}

static int add_table(struct binder *binder, const char *name, const struct sl_relation *relation,
                     struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];
    struct table *table = SL_NEW(&binder->world->arena, struct table);
    SL_TRY_NEW(table, err);
    SL_TRY(sl_hash_new(&hash, err));
    for (size_t i = 0; i < relation->count; i++) {
        sl_hash_add(hash, relation->columns[i].name);
        sl_hash_add(hash, relation->columns[i].type);
    }
    SL_TRY(sl_hash_end(hash, hex, err));
    table->relation = *relation;
    table->digest = sl_arena_strdup(&binder->world->arena, hex);
    SL_TRY_NEW(table->digest, err);
    return sl_map_set(binder->catalog, name, table, err);
}

// The columns a raw table has now; before the first ingest nobody knows them.
static int add_raw(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = binder->world;
    struct sl_delta_snapshot snapshot;
    bool is_session_needed;
    const char *folder = sl_table_folder(world->project, SL_LAYER_RAW, node->bare, &world->arena);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_needs_session(folder, &is_session_needed, err));
    if (is_session_needed)
        SL_TRY(open_session(binder, err));
    struct sl_err trouble = {0};
    int code = sl_delta_load(folder, -1, binder->session, &world->arena, &snapshot, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK) { // no mistake in the project, but nothing can be held against its columns
        sl_diag(&world->project->diags, SL_SEVERITY_WARNING, trouble.code,
                sl_yaml_place(node->source->node, "path"), trouble.hint[0] ? trouble.hint : NULL,
                "%s cannot be read: %s", node->name, trouble.message);
        return SL_OK;
    }
    if (snapshot.version < 0)
        return SL_OK;
    return add_table(binder, node->name,
                     &(struct sl_relation){snapshot.columns, snapshot.column_count}, err);
}

static int add_clean(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_arena *arena = &binder->world->arena;
    struct sl_column *columns;
    size_t count;
    const char *quarantine = sl_arena_printf(arena, "quarantine.%s", node->bare);
    SL_TRY_NEW(quarantine, err);
    SL_TRY(add_table(binder, quarantine,
                     &(struct sl_relation){sl_quarantine_columns, sl_quarantine_column_count},
                     err));
    SL_TRY(sl_contract_columns(node->contract, arena, &columns, &count, err));
    return add_table(binder, node->name, &(struct sl_relation){columns, count}, err);
}

// A view without rows but with the right columns: enough for the engine's binder.
static int create_empty_view(struct sl_session *session, const struct sl_table_ref *ref,
                             struct table *table, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_scan scan = {.columns = table->relation.columns,
                           .column_count = table->relation.count};
    if (table->has_view)
        return SL_OK;
    sl_buf_add(&sql, "select * from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->create_view(session, ref->layer, ref->name, sql.text, err));
    table->has_view = true;
    return SL_OK;
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
                        const struct sl_relation *result)
{
    struct sl_arena *arena = &binder->world->arena;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = sl_arena_strndup(arena, names->items[i], strcspn(names->items[i], " "));
        const char **known = SL_NEW_ARRAY(arena, const char *, result->count);
        bool is_known = !name || !known;
        for (size_t k = 0; k < result->count && !is_known; k++) {
            known[k] = result->columns[k].name;
            is_known = sl_str_equal_nocase(result->columns[k].name, name);
        }
        if (!is_known)
            sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, SL_E_MODEL_SETTING,
                    sl_yaml_place(model->node, key),
                    sl_did_you_mean(arena, name, known, result->count),
                    "'%s' names '%s', which is not a column of the result", key, name);
    }
}

static struct table *find_table(const struct binder *binder, const struct sl_table_ref *ref)
{
    char name[160];
    snprintf(name, sizeof name, "%s.%s", ref->layer, ref->name);
    return sl_map_get(binder->catalog, name);
}

// All that the columns of a model's result follow from.
static int key_of(const struct binder *binder, const struct sl_node *node, char ret_hex[65],
                  struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    const struct sl_engine_kind *engine = sl_kinds.engines[0];
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, engine->name);
    sl_hash_add(hash, engine->version);
    sl_hash_add(hash, node->model->sql);
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        sl_hash_add(hash, ref->layer);
        sl_hash_add(hash, ref->name);
        sl_hash_add(hash, find_table(binder, ref)->digest);
    }
    return sl_hash_end(hash, ret_hex, err);
}

// Asks the engine. *ret_is_bound is false if the model is wrong, which has become a diagnostic.
static int describe(struct binder *binder, const struct sl_node *node, struct sl_relation *ret,
                    bool *ret_is_bound, struct sl_err *err)
{
    struct sl_column *columns;
    struct sl_err found = {0};
    SL_TRY(open_session(binder, err));
    struct sl_session *session = binder->session;
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        SL_TRY(create_empty_view(session, ref, find_table(binder, ref), err));
    }
    int code = session->kind->describe(session, node->model->sql, &binder->world->arena, &columns,
                                       &ret->count, &found);
    *ret_is_bound = code == SL_OK;
    if (code == SL_OK)
        ret->columns = columns;
    else if (code == SL_E_ENGINE)
        report(binder, node->model, &found);
    else
        *err = found;
    return code == SL_E_ENGINE ? SL_OK : code;
}

// A query over files or the clock may have other columns tomorrow: it is asked again each time. So
// is one that is wrong, for its message.
static int columns_of(struct binder *binder, const struct sl_node *node, struct sl_relation *ret,
                      bool *ret_is_bound, struct sl_err *err)
{
    char key[65];
    if (node->query->is_volatile)
        return describe(binder, node, ret, ret_is_bound, err);
    SL_TRY(key_of(binder, node, key, err));
    SL_TRY(
        sl_column_cache_find(&binder->cache, key, &binder->world->arena, ret, ret_is_bound, err));
    if (*ret_is_bound)
        return SL_OK;
    SL_TRY(describe(binder, node, ret, ret_is_bound, err));
    return *ret_is_bound ? sl_column_cache_add(&binder->cache, key, ret, err) : SL_OK;
}

static int bind_model(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    const struct sl_model *model = node->model;
    struct sl_relation result = {0};
    bool is_bound;
    if (!binder->world->digests[node->query - binder->world->queries])
        return SL_OK; // its syntax error is known
    for (size_t i = 0; i < node->query->table_count; i++)
        if (!find_table(binder, &node->query->tables[i]))
            return SL_OK; // not known before its first run
    SL_TRY(columns_of(binder, node, &result, &is_bound, err));
    if (!is_bound)
        return SL_OK;
    check_names(binder, model, &model->partition_by, "partition_by", &result);
    check_names(binder, model, &model->key, "key", &result);
    check_names(binder, model, &model->order_by, "order_by", &result);
    return add_table(binder, node->name, &result, err);
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

static int bind_all(struct binder *binder, struct sl_err *err)
{
    const struct sl_graph *graph = &binder->world->graph;
    SL_TRY(sl_column_cache_open(binder->world, &binder->cache, err));
    for (size_t i = 0; i < graph->count; i++)
        SL_TRY(bind_node(binder, &graph->nodes[i], err));
    sl_column_cache_store(&binder->cache);
    return SL_OK;
}

int sl_world_bind(struct sl_world *world, struct sl_map *catalog, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map own = {0};
    struct binder binder = {.world = world, .catalog = catalog ? catalog : &own};
    if (!world->has_graph)
        return SL_OK;
    int code = bind_all(&binder, err);
    sl_column_cache_clear(&binder.cache);
    sl_session_close(&binder.session);
    return code;
}
