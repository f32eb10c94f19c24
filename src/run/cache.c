#include "run/cache.h"

#include "base/fs.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)512 << 20)
#define SUM_BYTES 65 // 64 digits and the end of the line

static int sum_of(const char *text, size_t length, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add_bytes(hash, text, length);
    return sl_hash_end(hash, ret_hex, err);
}

static int read_whole(const char *path, struct sl_arena *arena, json_t **ret, struct sl_err *err)
{
    const char *text;
    size_t length;
    char hex[65];
    SL_TRY(sl_fs_read(path, MAX_BYTES, arena, &text, &length, err));
    if (length < SUM_BYTES)
        return sl_fail(err, SL_E_STATE, "'%s' is cut", path);
    SL_TRY(sum_of(text + SUM_BYTES, length - SUM_BYTES, hex, err));
    if (strncmp(text, hex, SUM_BYTES - 1) != 0)
        return sl_fail(err, SL_E_STATE, "'%s' is damaged", path);
    return sl_json_parse(text + SUM_BYTES, length - SUM_BYTES, path, ret, err);
}

json_t *sl_cache_read(const struct sl_world *world, const char *name, int64_t format)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_err ignored = {0};
    const char *path = sl_path_join(&arena, world->project->state_folder, name);
    if (!path || !sl_fs_exists(path) || read_whole(path, &arena, &root, &ignored) != SL_OK)
        return NULL;
    if (sl_json_int(root, "format", 0) != format)
        return NULL;
    return json_incref(json_object_get(root, "entries"));
}

static int write_whole(const char *path, const json_t *root, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    char hex[65], *json;
    SL_TRY(sl_json_print(root, &json, err));
    int code = sum_of(json, strlen(json), hex, err);
    sl_buf_addf(&text, "%s\n", hex);
    sl_buf_add(&text, json);
    free(json);
    SL_TRY(code);
    SL_TRY(sl_buf_check(&text, err));
    return sl_fs_write(path, text.text, text.length, err);
}

void sl_cache_write(const struct sl_world *world, const char *name, int64_t format, json_t *entries)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free)
    json_t *root = json_pack("{s:I, s:O}", "format", (json_int_t)format, "entries", entries);
    struct sl_err ignored = {0};
    const char *folder = world->project->state_folder;
    const char *path = sl_path_join(&arena, folder, name);
    if (path && root && sl_fs_mkdirs(folder, &ignored) == SL_OK)
        (void)!write_whole(path, root, &ignored);
}
