// Binding: every model against the columns of its inputs.
#include "api/check.h"
#include "api/kinds.h"
#include "base/hash.h"
#include "base/str.h"
#include "contract/compile.h"
#include "run/column_cache.h"
#include "step/model_columns.h"
#include "step/schema.h"

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
    if (binder->session)
        return SL_OK;
    SL_TRY(sl_world_session(binder->world, &binder->session, err));
    return binder->session->kind->only_describes(binder->session, err);
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

static bool is_read(const struct sl_world *world, const struct sl_node *node)
{
    for (size_t i = 0; i < node->downstream_count; i++)
        if (world->graph.nodes[node->downstream[i]].kind != SL_NODE_CLEANSE)
            return true;
    return false;
}

// Before the first ingest the files say what the table's columns will be.
static int foresee_raw(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = binder->world;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_relation relation;
    struct sl_column *columns;
    SL_TRY(sl_world_session(world, &session, err));
    struct sl_step_context context = {
        .project = world->project, .session = session, .arena = &world->arena, .run_id = ""};
    SL_TRY(sl_step_ingest_foresee(&context, node->source, &columns, &relation.count, err));
    relation.columns = columns;
    return relation.count ? add_table(binder, node->name, &relation, err) : SL_OK;
}

// The columns a raw table has now, or will have.
static int add_raw(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = binder->world;
    struct sl_delta_snapshot snapshot;
    bool is_session_needed;
    bool is_borrowed;
    const char *folder =
        sl_table_source(world->project, SL_LAYER_RAW, node->bare, &world->arena, &is_borrowed);
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
        return is_read(world, node) ? foresee_raw(binder, node, err) : SL_OK;
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

// What the engine says of a query becomes a diagnostic; a file that is not there may be by the time
// of the run. Anything else ends the binding.
static int report(struct binder *binder, const struct sl_model *model, const struct sl_err *found,
                  struct sl_err *err)
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
            is_refused ? code_of(found) : found->code, place, found->hint[0] ? found->hint : NULL,
            "%s", found->message);
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

static void check_names(struct binder *binder, const struct setting *setting,
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
static bool has_columns_twice(struct binder *binder, const struct sl_model *model,
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

static struct table *find_table(const struct binder *binder, const struct sl_table_ref *ref)
{
    char name[160];
    if (!ref->layer)
        return NULL;
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
    if (code != SL_OK)
        return report(binder, node->model, &found, err);
    ret->columns = columns;
    return SL_OK;
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

// The relation that checks read, with the columns as they are stored and no rows.
static int create_checked(struct binder *binder, const struct sl_relation *result,
                          struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = binder->session;
    struct sl_arena *arena = &binder->world->arena;
    struct sl_column *stored = SL_NEW_ARRAY(arena, struct sl_column, result->count);
    SL_TRY_NEW(stored, err);
    for (size_t i = 0; i < result->count; i++)
        stored[i] =
            (struct sl_column){result->columns[i].name, sl_storage_type(result->columns[i].type)};
    struct sl_scan scan = {.columns = stored, .column_count = result->count};
    sl_buf_add(&sql, "create or replace temp view " SL_CHECKED " as select * from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

// A check that reads a table whose columns nobody knows yet cannot be judged.
static int create_read(struct binder *binder, const struct sl_check *check, bool *ret_is_known,
                       struct sl_err *err)
{
    enum sl_layer layer;
    struct sl_table_ref ref = {0};
    *ret_is_known = true;
    if (!check->reads || !sl_table_parse(check->reads, &layer, &ref.name))
        return SL_OK;
    ref.layer = sl_layer_name(layer);
    struct table *table = find_table(binder, &ref);
    *ret_is_known = table != NULL;
    return table ? create_empty_view(binder->session, &ref, table, err) : SL_OK;
}

static int bind_check(struct binder *binder, const struct sl_check *check, bool *ret_is_sound,
                      struct sl_err *err)
{
    struct sl_session *session = binder->session;
    struct sl_column *columns;
    struct sl_err found = {0};
    size_t count;
    bool is_known;
    SL_TRY(create_read(binder, check, &is_known, err));
    *ret_is_sound &= is_known;
    if (!is_known)
        return SL_OK;
    int code = session->kind->describe(session, check->failing_sql, &binder->world->arena, &columns,
                                       &count, &found);
    if (code == SL_OK)
        return SL_OK;
    if (code == SL_E_MEMORY || code == SL_E_INTERRUPTED || code == SL_E_INTERNAL) {
        *err = found;
        return code;
    }
    *ret_is_sound = false;
    sl_diag(&binder->world->project->diags, SL_SEVERITY_ERROR, SL_E_MODEL_SETTING, check->place,
            found.hint[0] ? found.hint : NULL, "check %s: %s", check->kind, found.message);
    return SL_OK;
}

// The checks of a model against its columns. What was found sound is remembered as a relation
// without columns.
static int bind_checks(struct binder *binder, const struct sl_node *node,
                       const struct sl_relation *result, struct sl_err *err)
{
    struct sl_arena *arena = &binder->world->arena;
    SL_AUTO(sl_diags_clear) struct sl_diags told = SL_DIAGS_INIT; // by whoever compiled them first
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    struct sl_relation nothing = {0};
    struct sl_check *checks;
    size_t count;
    bool is_sound = true;
    char key[65];
    SL_TRY(sl_checks_compile(node->model->checks, arena, &told, &checks, &count, err));
    if (!count)
        return SL_OK;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, "checks");
    for (size_t i = 0; i < result->count; i++) {
        sl_hash_add(hash, result->columns[i].name);
        sl_hash_add(hash, result->columns[i].type);
    }
    for (size_t i = 0; i < count; i++)
        sl_hash_add(hash, checks[i].failing_sql);
    SL_TRY(sl_hash_end(hash, key, err));
    // A table that a check reads may lose its columns at any time: such checks are always asked.
    bool is_known = false, reads = false;
    for (size_t i = 0; i < count; i++)
        reads |= checks[i].reads != NULL;
    if (!reads)
        SL_TRY(sl_column_cache_find(&binder->cache, key, arena, &nothing, &is_known, err));
    if (is_known)
        return SL_OK;
    SL_TRY(open_session(binder, err));
    SL_TRY(create_checked(binder, result, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(bind_check(binder, &checks[i], &is_sound, err));
    return is_sound && !reads
               ? sl_column_cache_add(&binder->cache, key, &(struct sl_relation){0}, err)
               : SL_OK;
}

static void bind_settings(struct binder *binder, const struct sl_model *model,
                          const struct sl_relation *result)
{
    const struct setting settings[] = {
        {model->node, "partition_by", &model->partition_by, SL_E_MODEL_SETTING, "the result",
         false},
        {model->node, "key", &model->key, SL_E_MODEL_SETTING, "the result", false},
        {model->node, "order_by", &model->order_by, SL_E_MODEL_SETTING, "the result", false},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        check_names(binder, &settings[i], result);
}

static int bind_model(struct binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_relation result = {0};
    bool is_bound;
    if (!binder->world->digests[node->query - binder->world->queries])
        return SL_OK; // its syntax error is known
    for (size_t i = 0; i < node->query->table_count; i++)
        if (!find_table(binder, &node->query->tables[i]))
            return SL_OK; // not known before its first run
    SL_TRY(columns_of(binder, node, &result, &is_bound, err));
    if (!is_bound || has_columns_twice(binder, node->model, &result))
        return SL_OK;
    sl_model_check_columns(node->model, result.columns, result.count,
                           &binder->world->project->diags);
    bind_settings(binder, node->model, &result);
    SL_TRY(bind_checks(binder, node, &result, err));
    return add_table(binder, node->name, &result, err);
}

// Files of a partition hold the columns that are not in the names of its folders.
static void check_partitioned_files(struct binder *binder, const struct sl_node *node,
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
static void check_cut_names(struct binder *binder, const struct sl_node *node,
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

static void bind_load(struct binder *binder, const struct sl_node *node)
{
    const struct sl_delivery *delivery = node->delivery;
    const struct table *table = sl_map_get(binder->catalog, delivery->table);
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
        bind_load(binder, node);
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
