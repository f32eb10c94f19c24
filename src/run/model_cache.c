#include "run/model_cache.h"

#include "base/hash.h"
#include "run/cache.h"

#define CACHE_FILE "models.cache"
#define CACHE_FORMAT 3

struct reader {
    struct sl_world *world;
    json_t *cache;       // hash of a text and its place -> {"digest", "tables"}; NULL: none yet
    json_t *entries;     // those in use, to be written
    const char **hashes; // per model
    bool has_new;
};

// What is remembered has places in the file, so that where the text begins is part of it.
static int text_hash(const struct sl_model *model, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    char hex[65];
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, model->sql);
    sl_hash_add_bytes(hash, &model->sql_line, sizeof model->sql_line);
    sl_hash_add_bytes(hash, &model->sql_column, sizeof model->sql_column);
    SL_TRY(sl_hash_end(hash, hex, err));
    *ret = sl_arena_strdup(arena, hex);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int restore_tables(const json_t *tables, struct sl_arena *arena, struct sl_query *query,
                          struct sl_err *err)
{
    size_t i;
    json_t *item;
    query->tables = SL_NEW_ARRAY(arena, struct sl_table_ref, json_array_size(tables));
    SL_TRY_NEW(query->tables, err);
    json_array_foreach (tables, i, item) {
        struct sl_table_ref *ref = &query->tables[query->table_count++];
        ref->layer = sl_arena_strdup(arena, sl_json_text(item, "layer", NULL));
        ref->name = sl_arena_strdup(arena, sl_json_text(item, "name", ""));
        SL_TRY_NEW(ref->name, err);
        ref->line = (int)sl_json_int(item, "line", 1);
        ref->column = (int)sl_json_int(item, "column", 1);
        ref->times = (size_t)sl_json_int(item, "times", 1);
    }
    return SL_OK;
}

static int remember(struct reader *reader, size_t index, struct sl_err *err)
{
    const struct sl_query *query = &reader->world->queries[index];
    json_t *tables = json_array();
    json_t *entry =
        json_pack("{s:s, s:b, s:s*, s:o}", "digest", reader->world->digests[index], "volatile",
                  query->is_volatile, "every_run", query->why_every_run, "tables", tables);
    if (!entry || json_object_set_new(reader->entries, reader->hashes[index], entry) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < query->table_count; i++) {
        const struct sl_table_ref *ref = &query->tables[i];
        json_t *item =
            json_pack("{s:s?, s:s, s:i, s:i, s:I}", "layer", ref->layer, "name", ref->name, "line",
                      ref->line, "column", ref->column, "times", (json_int_t)ref->times);
        if (json_array_append_new(tables, item) != 0)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int from_cache(struct reader *reader, size_t index, struct sl_err *err)
{
    struct sl_arena *arena = &reader->world->arena;
    const struct sl_model *model = &reader->world->project->models[index];
    SL_TRY(text_hash(model, arena, &reader->hashes[index], err));
    json_t *entry = json_object_get(reader->cache, reader->hashes[index]);
    const char *digest = sl_json_text(entry, "digest", NULL);
    if (!digest)
        return SL_OK;
    reader->world->digests[index] = sl_arena_strdup(arena, digest);
    SL_TRY_NEW(reader->world->digests[index], err);
    struct sl_query *query = &reader->world->queries[index];
    const char *why = sl_json_text(entry, "every_run", NULL);
    query->is_volatile = sl_json_bool(entry, "volatile", true);
    query->why_every_run = sl_arena_strdup(arena, why);
    if (why)
        SL_TRY_NEW(query->why_every_run, err);
    SL_TRY(restore_tables(json_object_get(entry, "tables"), arena, query, err));
    return json_object_set(reader->entries, reader->hashes[index], entry) == 0
               ? SL_OK
               : sl_fail_memory(err);
}

static int read_tree(struct reader *reader, size_t index, const char *ast, struct sl_err *err)
{
    struct sl_project *project = reader->world->project;
    const struct sl_model *model = &project->models[index];
    size_t errors = project->diags.error_count;
    SL_TRY(sl_query_read(ast, model->sql, model->file, model->sql_line, model->sql_column,
                         &reader->world->arena, &project->diags, &reader->world->queries[index],
                         err));
    if (project->diags.error_count != errors)
        return SL_OK;
    char hex[65];
    SL_TRY(sl_query_digest(ast, hex, err));
    reader->world->digests[index] = sl_arena_strdup(&reader->world->arena, hex);
    SL_TRY_NEW(reader->world->digests[index], err);
    reader->has_new = true;
    return remember(reader, index, err);
}

static int parse_rest(struct reader *reader, struct sl_err *err)
{
    struct sl_world *world = reader->world;
    size_t total = world->project->model_count, count = 0;
    const char **texts = SL_NEW_ARRAY(&world->arena, const char *, total);
    size_t *indices = SL_NEW_ARRAY(&world->arena, size_t, total);
    const char **trees = SL_NEW_ARRAY(&world->arena, const char *, total);
    SL_TRY_NEW(texts, err);
    SL_TRY_NEW(indices, err);
    SL_TRY_NEW(trees, err);
    for (size_t i = 0; i < total; i++)
        if (!reader->world->digests[i]) {
            indices[count] = i;
            texts[count++] = world->project->models[i].sql;
        }
    if (!count)
        return SL_OK;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_TRY(sl_world_session(world, &session, err));
    SL_TRY(session->kind->parse(session, texts, count, &world->arena, trees, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(read_tree(reader, indices[i], trees[i], err));
    return SL_OK;
}

static int fingerprints(struct reader *reader, struct sl_err *err)
{
    struct sl_world *world = reader->world;
    for (size_t i = 0; i < world->project->model_count; i++) {
        char hex[65];
        SL_TRY(
            sl_model_fingerprint(&world->project->models[i], reader->world->digests[i], hex, err));
        world->fingerprints[i] = sl_arena_strdup(&world->arena, hex);
        SL_TRY_NEW(world->fingerprints[i], err);
    }
    return SL_OK;
}

int sl_models_read(struct sl_world *world, struct sl_err *err)
{
    size_t count = world->project->model_count;
    SL_AUTO(sl_json_free) json_t *cache = sl_cache_read(world, CACHE_FILE, CACHE_FORMAT);
    SL_AUTO(sl_json_free) json_t *entries = json_object();
    struct reader reader = {.world = world, .cache = cache, .entries = entries};
    SL_TRY_NEW(entries, err);
    reader.hashes = SL_NEW_ARRAY(&world->arena, const char *, count);
    SL_TRY_NEW(reader.hashes, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(from_cache(&reader, i, err));
    SL_TRY(parse_rest(&reader, err));
    if (reader.has_new)
        sl_cache_write(world, CACHE_FILE, CACHE_FORMAT, entries);
    return fingerprints(&reader, err);
}
