#include "run/model_cache.h"

#include "base/buf.h"
#include "base/hash.h"
#include "run/cache.h"

#define CACHE_FILE "models.cache"
#define CACHE_FORMAT 5

struct reader {
    struct sl_world *world;
    struct sl_cache cache; // hash of a text and its place -> digest, what it follows, tables
    const char **hashes;   // per model
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

static int remember(struct reader *reader, size_t index, struct sl_err *err)
{
    const struct sl_query *query = &reader->world->queries[index];
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_cache_put(&text, reader->world->digests[index]);
    sl_cache_put_number(&text, query->is_volatile);
    sl_cache_put(&text, query->why_every_run);
    for (size_t i = 0; i < query->table_count; i++) {
        const struct sl_table_ref *ref = &query->tables[i];
        sl_cache_put(&text, ref->layer);
        sl_cache_put(&text, ref->name);
        sl_cache_put_number(&text, (size_t)ref->line);
        sl_cache_put_number(&text, (size_t)ref->column);
        sl_cache_put_number(&text, ref->times);
    }
    return sl_cache_add(&reader->cache, reader->hashes[index], &text, err);
}

static const char *null_if_empty(const char *text)
{
    return text && *text ? text : NULL;
}

static bool next_table(struct sl_cache_reader *from, struct sl_table_ref *ret)
{
    size_t line, column;
    const char *layer = sl_cache_next(from), *name = layer ? sl_cache_next(from) : NULL;
    *ret = (struct sl_table_ref){.layer = null_if_empty(layer), .name = name};
    if (!name || !sl_cache_next_number(from, &line) || !sl_cache_next_number(from, &column) ||
        !sl_cache_next_number(from, &ret->times))
        return false;
    ret->line = (int)line;
    ret->column = (int)column;
    return true;
}

// Leaves the digest NULL where the entry is none of ours.
static int restore(struct reader *reader, size_t index, struct sl_cache_reader *from,
                   struct sl_err *err)
{
    struct sl_query query = {0};
    struct sl_table_ref ref;
    size_t is_volatile;
    const char *digest = sl_cache_next(from);
    if (!digest || !sl_cache_next_number(from, &is_volatile))
        return SL_OK;
    query.is_volatile = is_volatile != 0;
    query.why_every_run = null_if_empty(sl_cache_next(from));
    while (sl_cache_has_more(from)) {
        if (!next_table(from, &ref))
            return SL_OK;
        if (!SL_PUSH(&reader->world->arena, query.tables, query.table_count, ref))
            return sl_fail_memory(err);
    }
    reader->world->queries[index] = query;
    reader->world->digests[index] = digest;
    return SL_OK;
}

static int from_cache(struct reader *reader, size_t index, struct sl_err *err)
{
    struct sl_arena *arena = &reader->world->arena;
    const struct sl_model *model = &reader->world->project->models[index];
    struct sl_cache_reader from;
    SL_TRY(text_hash(model, arena, &reader->hashes[index], err));
    SL_TRY(sl_cache_read(&reader->cache, reader->hashes[index], arena, &from, err));
    return restore(reader, index, &from, err);
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

static int read_all(struct reader *reader, struct sl_err *err)
{
    struct sl_world *world = reader->world;
    size_t count = world->project->model_count;
    SL_TRY(sl_cache_open(world, CACHE_FILE, CACHE_FORMAT, &reader->cache, err));
    reader->hashes = SL_NEW_ARRAY(&world->arena, const char *, count);
    SL_TRY_NEW(reader->hashes, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(from_cache(reader, i, err));
    SL_TRY(parse_rest(reader, err));
    sl_cache_store(&reader->cache);
    return fingerprints(reader, err);
}

int sl_models_read(struct sl_world *world, struct sl_err *err)
{
    struct reader reader = {.world = world};
    int code = read_all(&reader, err);
    sl_cache_clear(&reader.cache);
    return code;
}
