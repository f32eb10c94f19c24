// Binding: every model against the columns of its inputs.
#include "run/bind.h"
#include "api/kinds.h"
#include "base/hash.h"
#include "base/str.h"
#include "contract/compile.h"
#include "contract/drift.h"
#include "step/model_columns.h"
#include "step/schema.h"
#include "step/snapshot.h"

#include <stdio.h>
#include <string.h>

int sl_binder_open_session(struct sl_binder *binder, struct sl_err *err)
{
    if (binder->session)
        return SL_OK;
    SL_TRY(sl_world_session(binder->world, &binder->session, err));
    return binder->session->kind->hurry(binder->session, true, err);
}

int sl_binder_add_table(struct sl_binder *binder, const char *name,
                        const struct sl_relation *relation, struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];
    struct sl_bound_table *table = SL_NEW(&binder->world->arena, struct sl_bound_table);
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

static int bind_clean_checks(struct sl_binder *binder, const struct sl_node *node,
                             const struct sl_relation *columns, struct sl_err *err)
{
    struct sl_arena *arena = &binder->world->arena;
    const char *names[] = {node->source->name, node->contract->name, node->contract->physical_name};
    struct sl_bound_checks checks = {.list = node->contract->checks,
                                     .table = node->name,
                                     .columns = columns,
                                     .code = SL_E_CONTRACT};
    for (size_t i = 0; i < 3; i++)
        if (names[i])
            SL_TRY(sl_strs_add(&checks.aliases, arena, names[i], err));
    return sl_bind_checks(binder, &checks, err);
}

static int add_clean(struct sl_binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_arena *arena = &binder->world->arena;
    struct sl_column *columns;
    size_t count;
    const char *quarantine = sl_arena_printf(arena, "quarantine.%s", node->bare);
    SL_TRY_NEW(quarantine, err);
    SL_TRY(sl_binder_add_table(
        binder, quarantine,
        &(struct sl_relation){sl_quarantine_columns, sl_quarantine_column_count}, err));
    const char *raw_name = sl_arena_printf(arena, "raw.%s", node->bare);
    SL_TRY_NEW(raw_name, err);
    const struct sl_bound_table *raw = sl_map_get(binder->catalog, raw_name);
    const struct sl_contract_table *contract = node->contract;
    if (binder->bound_of == SL_BOUND_DUE && sl_node_is_due(node))
        SL_TRY(sl_bind_contract(binder, node, raw ? &raw->relation : NULL, err));
    if (raw)
        SL_TRY(sl_bind_aliases(binder, node, &raw->relation, &contract, err));
    if (raw)
        SL_TRY(sl_drift_extend(contract, raw->relation.columns, raw->relation.count, arena,
                               &contract, err));
    SL_TRY(sl_contract_columns(contract, arena, &columns, &count, err));
    SL_TRY(sl_binder_add_table(binder, node->name, &(struct sl_relation){columns, count}, err));
    return bind_clean_checks(binder, node, &(struct sl_relation){columns, count}, err);
}

// A view without rows but with the right columns: enough for the engine's binder.
int sl_binder_view(struct sl_session *session, const struct sl_table_ref *ref,
                   struct sl_bound_table *table, struct sl_err *err)
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

// A column that is not there may be one of an earlier version of what is read.
static const char *hint_of(struct sl_binder *binder, const struct sl_model *model,
                           const struct sl_err *found)
{
    const struct sl_project *project = binder->world->project;
    const struct sl_query *query = &binder->world->queries[model - project->models];
    for (size_t i = 0; i < query->table_count; i++) {
        const struct sl_model *read = sl_project_model(project, query->tables[i].name);
        if (code_of(found) == SL_E_SQL_COLUMN && read && read->stands_for &&
            sl_str_equal(query->tables[i].layer, sl_layer_name(SL_LAYER_CURATED)))
            return sl_arena_printf(
                &binder->world->arena,
                "%s%scurated.%s is version %lld now: to stay at another one, read curated.%s_vN",
                found->hint, *found->hint ? (sl_str_ends(found->hint, "?") ? " " : "; ") : "",
                read->name, (long long)read->stands_for->version, read->name);
    }
    return found->hint[0] ? found->hint : NULL;
}

// What the engine says of a query becomes a diagnostic; a file that is not there may be by the time
// of the run. Anything else ends the binding.
static int report(struct sl_binder *binder, const struct sl_model *model,
                  const struct sl_err *found, struct sl_err *err)
{
    bool is_refused = found->code == SL_E_ENGINE;
    int line = found->line ? found->line : 1, column = found->line ? found->column : 1;
    struct sl_place place = {model->file, model->sql_line + line - 1,
                             line == 1 ? model->sql_column + column - 1 : column};
    if (!is_refused && found->code != SL_E_FILE_MISSING) {
        if (err)
            *err = *found;
        return (int)found->code;
    }
    sl_diag(&binder->world->project->diags, is_refused ? SL_SEVERITY_ERROR : SL_SEVERITY_WARNING,
            is_refused ? code_of(found) : found->code, place, hint_of(binder, model, found), "%s",
            found->message);
    return SL_OK;
}

// Settings of a file that name columns of a table.
struct setting {
    const struct sl_yaml *node;
    const char *key;
    const struct sl_strs *names; // may have a direction behind a blank
    enum sl_code code;
    const char *table;
    bool is_exact; // another case is another name
};

static bool is_named(const struct setting *setting, const struct sl_relation *columns,
                     const char *name)
{
    bool is_asc;
    if (sl_str_equal(setting->key, "order_by"))
        return sl_column_ordered(columns->columns, columns->count, name, &is_asc);
    const struct sl_column *found = sl_column_find(columns->columns, columns->count, name);
    return found && (!setting->is_exact || sl_str_equal(found->name, name));
}

static void check_names(struct sl_binder *binder, const struct setting *setting,
                        const struct sl_relation *columns)
{
    struct sl_arena *arena = &binder->world->arena;
    for (size_t i = 0; i < setting->names->count; i++) {
        const char *name = setting->names->items[i];
        const char **known = SL_NEW_ARRAY(arena, const char *, columns->count);
        if (!known || is_named(setting, columns, name))
            continue;
        for (size_t k = 0; k < columns->count; k++)
            known[k] = columns->columns[k].name;
        sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, setting->code,
                sl_yaml_place(setting->node, setting->key),
                sl_did_you_mean(arena, name, known, columns->count),
                "'%s' names '%s', which is not a column of %s", setting->key, name, setting->table);
    }
}

// Names that differ only in case are the same to a table.
static bool has_columns_twice(struct sl_binder *binder, const struct sl_model *model,
                              const struct sl_relation *result)
{
    size_t count = 0;
    for (size_t i = 0; i < result->count; i++)
        for (size_t k = 0; k < i; k++)
            if (sl_str_equal_nocase(result->columns[i].name, result->columns[k].name)) {
                sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, SL_E_SQL_COLUMN,
                        (struct sl_place){model->file, model->sql_line, model->sql_column},
                        "names that differ only in case are the same; rename one",
                        "two columns are named '%s'", result->columns[i].name);
                count++;
                break;
            }
    return count > 0;
}

struct sl_bound_table *sl_binder_table(const struct sl_binder *binder,
                                       const struct sl_table_ref *ref)
{
    char name[160];
    if (!ref->layer)
        return NULL;
    snprintf(name, sizeof name, "%s.%s", ref->layer, ref->name);
    return sl_map_get(binder->catalog, name);
}

// All that the columns of a model's result follow from.
static int key_of(const struct sl_binder *binder, const struct sl_node *node, char ret_hex[65],
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
        sl_hash_add(hash, sl_binder_table(binder, ref)->digest);
    }
    return sl_hash_end(hash, ret_hex, err);
}

// Asks the engine. *ret_is_bound is false if the model is wrong, which has become a diagnostic.
static int describe(struct sl_binder *binder, const struct sl_node *node, struct sl_relation *ret,
                    bool *ret_is_bound, struct sl_err *err)
{
    struct sl_column *columns;
    struct sl_err found = {0};
    SL_TRY(sl_binder_open_session(binder, err));
    struct sl_session *session = binder->session;
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        SL_TRY(sl_binder_view(session, ref, sl_binder_table(binder, ref), err));
    }
    int code = session->kind->describe(session, node->model->sql, &binder->world->arena, &columns,
                                       &ret->count, &found);
    *ret_is_bound = code == SL_OK;
    if (code != SL_OK)
        return report(binder, node->model, &found, err);
    ret->columns = columns;
    return SL_OK;
}

// A query over files or the clock may have other columns tomorrow: it is asked again each time. So
// is one that is wrong, for its message.
static int columns_of(struct sl_binder *binder, const struct sl_node *node, struct sl_relation *ret,
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

static int bind_model_checks(struct sl_binder *binder, const struct sl_node *node,
                             const struct sl_relation *result, struct sl_err *err)
{
    return sl_bind_checks(binder,
                          &(struct sl_bound_checks){.list = node->model->checks,
                                                    .table = node->name,
                                                    .columns = result,
                                                    .code = SL_E_MODEL_SETTING},
                          err);
}

static void bind_settings(struct sl_binder *binder, const struct sl_model *model,
                          const struct sl_relation *result, const struct sl_relation *stored)
{
    const struct sl_strs updated_at = {.items = (const char **)&model->updated_at,
                                       .count = model->updated_at != NULL};
    const struct setting settings[] = {
        {model->node, "key", &model->key, SL_E_MODEL_SETTING, "the result", false},
        {model->node, "order_by", &model->order_by, SL_E_MODEL_SETTING, "the result", false},
        {model->node, "updated_at", &updated_at, SL_E_MODEL_SETTING, "the result", false},
    };
    const struct setting partition_by = {model->node,        "partition_by", &model->partition_by,
                                         SL_E_MODEL_SETTING, "the result",   false};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        check_names(binder, &settings[i], result);
    check_names(binder, &partition_by, stored);
}

static int bind_model(struct sl_binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_relation result = {0};
    bool is_bound;
    if (!binder->world->digests[node->query - binder->world->queries])
        return SL_OK; // its syntax error is known
    for (size_t i = 0; i < node->query->table_count; i++)
        if (!sl_binder_table(binder, &node->query->tables[i]))
            return SL_OK; // not known before its first run
    SL_TRY(columns_of(binder, node, &result, &is_bound, err));
    if (!is_bound || has_columns_twice(binder, node->model, &result))
        return SL_OK;
    sl_model_check_columns(node->model, result.columns, result.count,
                           &binder->world->project->diags);
    struct sl_relation stored;
    struct sl_column *columns;
    SL_TRY(sl_model_table_columns(node->model, result.columns, result.count, &binder->world->arena,
                                  &columns, &stored.count, err));
    stored.columns = columns;
    bind_settings(binder, node->model, &result, &stored);
    SL_TRY(bind_model_checks(binder, node, &stored, err));
    return sl_binder_add_table(binder, node->name, &stored, err);
}

// Files of a partition hold the columns that are not in the names of its folders.
static void check_partitioned_files(struct sl_binder *binder, const struct sl_node *node,
                                    const struct sl_relation *columns)
{
    const struct sl_delivery *delivery = node->delivery;
    bool has_folders =
        sl_str_equal(node->target->type, "parquet") || sl_str_equal(node->target->type, "csv");
    if (!has_folders || delivery->write != SL_WRITE_PARTITION ||
        delivery->partition_by.count < columns->count)
        return;
    sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
            sl_yaml_place(delivery->node, "partition_by"),
            "take out those that tell rows of one partition apart",
            "'partition_by' names every column of %s, and the files of a partition need one that "
            "is not in it",
            delivery->table);
}

// PostgreSQL cuts longer names, and two may then be one.
static void check_cut_names(struct sl_binder *binder, const struct sl_node *node,
                            const struct sl_relation *columns)
{
    if (!sl_str_equal(node->target->type, "postgres"))
        return;
    for (size_t i = 0; i < columns->count; i++)
        for (size_t k = 0; k < i && strlen(columns->columns[i].name) > SL_POSTGRES_NAME_BYTES; k++)
            if (strncmp(columns->columns[i].name, columns->columns[k].name,
                        SL_POSTGRES_NAME_BYTES) == 0) {
                sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE,
                        sl_yaml_place(node->delivery->node, "table"),
                        "deliver a model that gives them shorter names",
                        "columns '%s' and '%s' of %s are one to PostgreSQL, which keeps %d bytes "
                        "of a name",
                        columns->columns[k].name, columns->columns[i].name, node->delivery->table,
                        SL_POSTGRES_NAME_BYTES);
                break;
            }
}

static void bind_load(struct sl_binder *binder, const struct sl_node *node)
{
    const struct sl_delivery *delivery = node->delivery;
    const struct sl_bound_table *table = sl_map_get(binder->catalog, delivery->table);
    const struct setting settings[] = {
        {delivery->node, "partition_by", &delivery->partition_by, SL_E_VALUE_INVALID,
         delivery->table, true},
        {delivery->node, "key", &delivery->key, SL_E_VALUE_INVALID, delivery->table, true},
    };
    if (!table)
        return;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        check_names(binder, &settings[i], &table->relation);
    check_partitioned_files(binder, node, &table->relation);
    check_cut_names(binder, node, &table->relation);
}

static int bind_node(struct sl_binder *binder, const struct sl_node *node, struct sl_err *err)
{
    switch (node->kind) {
    case SL_NODE_INGEST:
        return sl_bind_raw(binder, node, err);
    case SL_NODE_CLEANSE:
        return add_clean(binder, node, err);
    case SL_NODE_MODEL:
        return bind_model(binder, node, err);
    case SL_NODE_LOAD:
        bind_load(binder, node);
        return SL_OK;
    case SL_NODE_TASK:
        break;
    }
    return SL_OK;
}

// What the node's columns are is for others to know, also where its mistakes are for nobody.
static int bind_silently(struct sl_binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_diags *diags = &binder->world->project->diags, before = *diags;
    *diags = (struct sl_diags)SL_DIAGS_INIT;
    int code = bind_node(binder, node, err);
    sl_diags_clear(diags);
    *diags = before;
    return code;
}

static bool is_told(const struct sl_binder *binder, const struct sl_node *node)
{
    switch (binder->bound_of) {
    case SL_BOUND_ALL:
        return true;
    case SL_BOUND_DUE:
        return sl_node_is_due(node) || sl_node_is_seen(node);
    case SL_BOUND_SEEN:
        return sl_node_is_seen(node);
    }
    return true;
}

static int bind_all(struct sl_binder *binder, struct sl_err *err)
{
    const struct sl_graph *graph = &binder->world->graph;
    SL_TRY(sl_column_cache_open(binder->world, &binder->cache, err));
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        SL_TRY(is_told(binder, node) ? bind_node(binder, node, err)
                                     : bind_silently(binder, node, err));
    }
    sl_cache_store(&binder->cache);
    return SL_OK;
}

static int bind(struct sl_binder *binder, struct sl_err *err)
{
    if (!binder->world->has_graph)
        return SL_OK;
    int code = bind_all(binder, err);
    sl_cache_clear(&binder->cache);
    sl_session_close(&binder->session);
    return code;
}

int sl_world_bind(struct sl_world *world, struct sl_map *catalog, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map own = {0};
    struct sl_binder binder = {.world = world, .catalog = catalog ? catalog : &own};
    return bind(&binder, err);
}

int sl_world_bind_some(struct sl_world *world, enum sl_bound_of of, bool has_new_files,
                       struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map catalog = {0};
    struct sl_binder binder = {
        .world = world, .catalog = &catalog, .bound_of = of, .has_new_files = has_new_files};
    return bind(&binder, err);
}
