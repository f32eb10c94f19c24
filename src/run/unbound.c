// What is about to run, against the columns of its inputs: before it does, so that a plan tells.
#include "api/kinds.h"
#include "base/hash.h"
#include "run/bind.h"
#include "run/bound_cache.h"

#define CACHE_FILE "bound.cache"
#define CACHE_FORMAT 3
#define CACHE_WORD "bound"

// Whether there is SQL to be held against columns.
static bool is_needed(const struct sl_world *world, enum sl_bound_of of)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        bool has_sql = node->kind == SL_NODE_MODEL || node->kind == SL_NODE_LOAD ||
                       node->kind == SL_NODE_CLEANSE;
        if (has_sql && ((of != SL_BOUND_SEEN && sl_node_is_due(node)) || sl_node_is_seen(node)))
            return true;
    }
    return false;
}

// What only files or the clock tell is asked each time.
static bool can_remember(const struct sl_world *world)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind == SL_NODE_INGEST && node->facts.version < 0)
            return false;
        if (node->kind == SL_NODE_MODEL && node->query->is_volatile &&
            (sl_node_is_due(node) || sl_node_is_seen(node)))
            return false;
    }
    return true;
}

static void add_number(struct sl_hash *hash, int64_t number)
{
    sl_hash_add_bytes(hash, &number, sizeof number);
}

// All that the answer follows from, so that an unchanged project is not bound twice.
static int key_of(const struct sl_world *world, enum sl_bound_of of, char ret_hex[65],
                  struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, sl_kinds.engines[0]->name);
    sl_hash_add(hash, sl_kinds.engines[0]->version);
    add_number(hash, (int64_t)of);
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        sl_hash_add(hash, node->label);
        sl_hash_add(hash, node->fingerprint);
        add_number(hash, sl_node_is_due(node));
        add_number(hash, sl_node_is_seen(node));
        if (node->kind == SL_NODE_MODEL)
            sl_hash_add(hash, node->model->sql);
        if (node->kind == SL_NODE_CLEANSE)
            add_number(hash, (int64_t)node->contract->drift.new_columns);
        if (node->kind == SL_NODE_INGEST || node->kind == SL_NODE_CLEANSE) {
            add_number(hash, node->facts.version);
            sl_hash_add(hash, node->facts.table_id);
        }
    }
    return sl_hash_end(hash, ret_hex, err);
}

// With the files that come too, if what is there lacks something: they may bring it. Only an answer
// without them and without a word follows from the key: files come and go, and a warning is told
// each time.
static int bind(struct sl_world *world, enum sl_bound_of of, struct sl_diags *ret_diags,
                bool *ret_is_kept, struct sl_err *err)
{
    struct sl_diags before = world->project->diags;
    int code = SL_OK;
    *ret_is_kept = false;
    for (int with_files = 0; with_files < 2 && code == SL_OK; with_files++) {
        sl_diags_clear(ret_diags);
        world->project->diags = (struct sl_diags)SL_DIAGS_INIT;
        code = sl_world_bind_some(world, of, with_files != 0, err);
        *ret_diags = world->project->diags;
        *ret_is_kept =
            code == SL_OK && !with_files && !ret_diags->error_count && !ret_diags->warning_count;
        if (!ret_diags->error_count)
            break;
    }
    world->project->diags = before;
    return code;
}

int sl_bound_cache_open(const struct sl_world *world, struct sl_cache *ret, struct sl_err *err)
{
    return sl_cache_open(world, CACHE_FILE, CACHE_FORMAT, ret, err);
}

int sl_bound_cache_find(struct sl_cache *cache, const char *key, struct sl_arena *arena,
                        bool *ret_is_known, struct sl_err *err)
{
    struct sl_cache_reader reader;
    SL_TRY(sl_cache_read(cache, key, arena, &reader, err));
    *ret_is_known = sl_str_equal(sl_cache_next(&reader), CACHE_WORD) && !sl_cache_has_more(&reader);
    return SL_OK;
}

int sl_bound_cache_add(struct sl_cache *cache, const char *key, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_cache_put(&text, CACHE_WORD);
    return sl_cache_add(cache, key, &text, err);
}

int sl_world_find_unbound(struct sl_world *world, enum sl_bound_of of, struct sl_diags *ret_diags,
                          struct sl_err *err)
{
    SL_AUTO(sl_cache_clear) struct sl_cache cache = {0};
    char key[65];
    bool may_remember = can_remember(world), is_known = false, is_kept;
    if (!world->has_graph || !is_needed(world, of))
        return SL_OK;
    SL_TRY(key_of(world, of, key, err));
    SL_TRY(sl_bound_cache_open(world, &cache, err));
    if (may_remember)
        SL_TRY(sl_bound_cache_find(&cache, key, &world->arena, &is_known, err));
    if (is_known)
        return SL_OK;
    SL_TRY(bind(world, of, ret_diags, &is_kept, err));
    if (!is_kept || !may_remember)
        return SL_OK;
    SL_TRY(sl_bound_cache_add(&cache, key, err));
    sl_cache_store(&cache);
    return SL_OK;
}
