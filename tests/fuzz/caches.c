// Any bytes are an entry of the lineage cache and a file of cached columns, or of projects that are
// known to be bound: what they hold is of
// the form that is promised, or counts as not there. The file has the right sum, as one has that
// another version or program wrote.
#include "fuzz.h"

#include "api/kinds.h"
#include "base/fs.h"
#include "base/hash.h"
#include "run/bound_cache.h"
#include "run/column_cache.h"
#include "run/lineage_cache.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct sl_kinds sl_kinds = {0}; // nothing here opens an engine

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void find_columns(struct sl_cache *cache, struct sl_arena *arena)
{
    struct sl_relation relation = {0};
    struct sl_err err = {0};
    bool is_known;

    must(sl_column_cache_find(cache, "k", arena, &relation, &is_known, &err) == SL_OK);
    must(is_known || relation.count == 0);
    for (size_t i = 0; i < relation.count; i++)
        must(relation.columns[i].name && relation.columns[i].type);
}

static void read_entry(const uint8_t *data, size_t size, const struct sl_world *world,
                       struct sl_arena *arena)
{
    SL_AUTO(sl_cache_clear) struct sl_cache cache = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_query query = {0};
    struct sl_err err = {0};
    bool is_whole;

    must(sl_cache_open(world, "lineage.cache", 1, &cache, &err) == SL_OK);
    sl_buf_add_bytes(&text, (const char *)data, size);
    must(sl_cache_add(&cache, "k", &text, &err) == SL_OK);
    find_columns(&cache, arena);
    must(sl_lineage_cache_restore(&cache, "k", arena, &query, &is_whole, &err) == SL_OK);
    must(is_whole || query.column_count == 0);
    for (size_t i = 0; i < query.column_count; i++) {
        must(strlen(query.columns[i].name) <= size && query.columns[i].origin_count <= size);
        for (size_t k = 0; k < query.columns[i].origin_count; k++) {
            must(strlen(query.columns[i].origins[k].table) <= size);
            must(strlen(query.columns[i].origins[k].column) <= size);
        }
    }
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_err err = {0};
    char hex[65];

    must(sl_hash_new(&hash, &err) == SL_OK);
    sl_hash_add_bytes(hash, (const char *)data, size);
    must(sl_hash_end(hash, hex, &err) == SL_OK);
    sl_buf_addf(&text, "%s\n", hex);
    sl_buf_add_bytes(&text, (const char *)data, size);
    must(sl_buf_check(&text, &err) == SL_OK);
    must(sl_fs_write(path, text.text, text.length, &err) == SL_OK);
}

static void read_file(const uint8_t *data, size_t size, const struct sl_world *world,
                      struct sl_arena *arena)
{
    SL_AUTO(sl_cache_clear) struct sl_cache cache = {0};
    struct sl_err err = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/columns.cache", world->project->state_folder);
    write_file(path, data, size);
    must(sl_column_cache_open(world, &cache, &err) == SL_OK);
    find_columns(&cache, arena);
    must(unlink(path) == 0);
}

// A project counts as bound only if a file says just that, and what is added is found.
static void read_bound(const uint8_t *data, size_t size, const struct sl_world *world,
                       struct sl_arena *arena)
{
    SL_AUTO(sl_cache_clear) struct sl_cache cache = {0};
    struct sl_err err = {0};
    bool is_known;
    char path[128];

    snprintf(path, sizeof path, "%s/bound.cache", world->project->state_folder);
    write_file(path, data, size);
    must(sl_bound_cache_open(world, &cache, &err) == SL_OK);
    must(sl_bound_cache_find(&cache, "k", arena, &is_known, &err) == SL_OK);
    must(!is_known || memmem(data, size, "1:k\n8:5:bound\n\n", 15));
    must(sl_bound_cache_add(&cache, "k", &err) == SL_OK);
    must(sl_bound_cache_find(&cache, "k", arena, &is_known, &err) == SL_OK && is_known);
    must(unlink(path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char folder[] = "/tmp/sluice-fuzz-XXXXXX";
    static bool is_made;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_project project = {.state_folder = folder};
    struct sl_world world = {.project = &project};

    must(is_made || mkdtemp(folder) != NULL);
    is_made = true;
    sl_arena_init(&arena, 0);
    read_entry(data, size, &world, &arena);
    read_file(data, size, &world, &arena);
    read_bound(data, size, &world, &arena);
    return 0;
}
