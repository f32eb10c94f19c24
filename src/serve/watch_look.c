#include "serve/watch_look.h"

#include <string.h>

#include "base/map.h"

enum { DEEPEST = 100, VERSION_DIGITS = 20 };

struct walk {
    struct sl_look *look;
    struct sl_map known; // folders by path
};

static int walk_parts(struct walk *walk, const char *folder, const char *pattern, int depth);

static bool is_glob(const char *part)
{
    return strpbrk(part, "*?[") != NULL;
}

static bool is_folder(const char *path, struct sl_fs_stat *stat)
{
    return sl_fs_stat(path, stat, NULL) == SL_OK && stat->is_folder;
}

// The folder, or the nearest above it that is there: in it the missing one will appear.
static int add_folder(struct walk *walk, const char *path)
{
    struct sl_look *look = walk->look;
    struct sl_fs_stat stat;

    while (!is_folder(path, &stat)) {
        const char *above = sl_path_folder(&look->arena, path);
        SL_TRY_NEW(above, &look->err);
        if (strcmp(above, path) == 0)
            return SL_OK;
        path = above;
    }
    if (sl_map_has(&walk->known, path))
        return SL_OK;
    if (look->folder_count >= SL_LOOK_FOLDERS_MAX) {
        look->is_cut = true;
        return SL_OK;
    }
    struct sl_look_folder folder = {path, stat.device, stat.inode};
    SL_TRY(sl_map_set(&walk->known, path, walk, &look->err));
    return SL_PUSH(&look->arena, look->folders, look->folder_count, folder)
               ? SL_OK
               : sl_fail_memory(&look->err);
}

// Goes on in the folders of `folder` that match the part.
static int walk_below(struct walk *walk, const char *folder, const char *part, const char *rest,
                      int depth)
{
    struct sl_arena *arena = &walk->look->arena;
    const bool is_deep = strcmp(part, "**") == 0;
    struct sl_strs names = {0};
    struct sl_fs_stat stat;

    if (!is_folder(folder, &stat))
        return SL_OK;
    SL_TRY(sl_fs_list(folder, arena, &names, &walk->look->err));
    for (size_t i = 0; i < names.count; i++) {
        const char *path;

        if ((names.items[i][0] == '.' && part[0] != '.') ||
            (!is_deep && !sl_str_glob(part, names.items[i])))
            continue;
        path = sl_path_join(arena, folder, names.items[i]);
        SL_TRY_NEW(path, &walk->look->err);
        // ** goes into no links, which might lead in a circle.
        if (is_folder(path, &stat) && !(is_deep && sl_fs_is_link(path)))
            SL_TRY(walk_parts(walk, path, rest, depth + 1));
    }
    return SL_OK;
}

// All folders that `pattern`, seen from `folder`, lists when it is looked up.
static int walk_parts(struct walk *walk, const char *folder, const char *pattern, int depth)
{
    struct sl_arena *arena = &walk->look->arena;
    const size_t length = strcspn(pattern, "/");
    const char *part = sl_arena_strndup(arena, pattern, length);
    const char *rest = pattern[length] ? pattern + length + strspn(pattern + length, "/") : NULL;

    SL_TRY_NEW(part, &walk->look->err);
    if (rest && !*rest)
        rest = NULL;
    if (depth > DEEPEST || walk->look->is_cut)
        return SL_OK;
    if (strcmp(part, "**") == 0) {
        SL_TRY(add_folder(walk, folder));
        SL_TRY(walk_below(walk, folder, part, pattern, depth));
        return rest ? walk_parts(walk, folder, rest, depth + 1) : SL_OK;
    }
    if (rest && !is_glob(part)) { // a folder of that name, or where it will appear
        const char *path = sl_path_join(arena, folder, part);
        SL_TRY_NEW(path, &walk->look->err);
        return walk_parts(walk, path, rest, depth + 1);
    }
    SL_TRY(add_folder(walk, folder));
    return rest ? walk_below(walk, folder, part, rest, depth) : SL_OK;
}

static int find_folders(struct sl_look *look, const char *pattern)
{
    struct walk walk = {.look = look};

    for (size_t i = 0; i < look->folder_count; i++)
        if (sl_map_set(&walk.known, look->folders[i].path, look, &look->err) != SL_OK)
            break;
    if (look->err.code == SL_OK && *pattern == '/')
        (void)walk_parts(&walk, "/", pattern + strspn(pattern, "/"), 0);
    else if (look->err.code == SL_OK)
        (void)walk_parts(&walk, ".", pattern, 0);
    sl_map_clear(&walk.known);
    return (int)look->err.code;
}

// --- fingerprints

#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

// FNV-1a, 64 bits.
static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * FNV_PRIME;
    return hash;
}

static int look_at_files(struct sl_look *look)
{
    uint64_t hash = FNV_START;

    for (size_t i = 0; i < look->paths->count; i++) {
        struct sl_strs files = {0};

        SL_TRY(find_folders(look, look->paths->items[i]));
        SL_TRY(sl_fs_glob(look->paths->items[i], &look->arena, &files, &look->err));
        for (size_t k = 0; k < files.count; k++) {
            struct sl_fs_stat stat;

            if (sl_fs_stat(files.items[k], &stat, NULL) != SL_OK)
                continue; // gone meanwhile
            hash = mix(hash, files.items[k], strlen(files.items[k]) + 1);
            hash = mix(hash, &stat.size_bytes, sizeof stat.size_bytes);
            hash = mix(hash, &stat.mtime_us, sizeof stat.mtime_us);
            hash = mix(hash, &stat.inode, sizeof stat.inode);
        }
    }
    look->fingerprint = (int64_t)(hash ? hash : 1);
    return SL_OK;
}

// "00000000000000000012.json" -> 12; -1: no commit.
static int64_t version_of(const char *name)
{
    int64_t version;
    char digits[VERSION_DIGITS + 1];

    if (strspn(name, "0123456789") != VERSION_DIGITS || strcmp(name + VERSION_DIGITS, ".json") != 0)
        return -1;
    memcpy(digits, name, VERSION_DIGITS);
    digits[VERSION_DIGITS] = '\0';
    return sl_str_to_int64(digits, &version) ? version : -1;
}

// The newest version and two, for one that is not there has -1 (SL_WATCH_NO_TABLE).
static int look_at_table(struct sl_look *look)
{
    const char *log = sl_path_join(&look->arena, look->table_folder, "_delta_log");
    const char *pattern = log ? sl_path_join(&look->arena, log, "*") : NULL;
    struct sl_strs names = {0};
    int64_t newest = -1;

    SL_TRY_NEW(pattern, &look->err);
    SL_TRY(find_folders(look, pattern));
    SL_TRY(sl_fs_list(log, &look->arena, &names, &look->err));
    for (size_t i = 0; i < names.count; i++)
        if (version_of(names.items[i]) > newest)
            newest = version_of(names.items[i]);
    look->fingerprint = newest + 2;
    return SL_OK;
}

int sl_look_do(struct sl_look *look)
{
    return look->paths ? look_at_files(look) : look_at_table(look);
}
