#include "run/lineage_files.h"

#include "base/fs.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// What the engine opens: "file:///a" and "file://localhost/a" are "/a", "~/a" is in the home
// folder. Empty: nobody knows.
static const char *opened_path(struct sl_arena *arena, const char *path)
{
    static const char *const heads[] = {"file:///", "file://localhost/", "file:/"};
    const char *home = getenv("HOME");
    if (*path == '~')
        return home && *home ? sl_arena_printf(arena, "%s%s", home, path + 1) : "";
    if (strncasecmp(path, "file:", 5) != 0)
        return path;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (sl_str_starts(path, heads[i]) && (i < 2 || path[6] != '/'))
            return path + strlen(heads[i]) - 1;
    return "";
}

// From the root, without links, as far as it names folders that are there. A path of the engine's
// is one from the working folder.
static int make_whole(struct sl_world *world, const char *path, const char **ret,
                      struct sl_err *err)
{
    struct sl_arena *arena = &world->arena;
    size_t length = strcspn(path, "*?[");
    const char *folder = ".", *whole, *rest;
    *ret = path;
    if (strstr(path, "://"))
        return SL_OK;
    while (length > 0 && path[length - 1] != '/')
        length--;
    rest = path + length;
    if (length)
        folder = sl_arena_strndup(arena, path, length);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_path_real(arena, folder, &whole, err));
    *ret = sl_path_join(arena, whole, rest);
    SL_TRY_NEW(*ret, err);
    if (strpbrk(rest, "*?["))
        return SL_OK;
    return sl_path_real(arena, *ret, ret, err);
}

// Whether the glob may find the file, or one of those that the file is a glob of.
static int meets(struct sl_world *world, const char *glob, const char *file, bool *ret,
                 struct sl_err *err)
{
    struct sl_strs found = {0};
    struct sl_err trouble = {0};
    SL_TRY(sl_fs_glob_meets(glob, file, ret, err));
    if (*ret || !strpbrk(file, "*?["))
        return SL_OK;
    int code = sl_fs_glob(file, &world->arena, &found, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    for (size_t i = 0; code == SL_OK && i < found.count && !*ret; i++)
        SL_TRY(sl_fs_glob_meets(glob, found.items[i], ret, err));
    return SL_OK;
}

// The places of a source: its own files, and those of its raw table.
static int list_places(struct sl_world *world, const struct sl_node *cleanse, struct sl_strs *ret,
                       struct sl_err *err)
{
    const struct sl_strs *paths = &cleanse->source->paths;
    bool is_borrowed;
    const char *whole;
    const char *raw =
        sl_table_source(world->project, SL_LAYER_RAW, cleanse->bare, &world->arena, &is_borrowed);
    SL_TRY_NEW(raw, err);
    SL_TRY(make_whole(world, raw, &whole, err));
    const char *inside = sl_arena_printf(&world->arena, "%s/**/*", whole);
    SL_TRY_NEW(inside, err);
    SL_TRY(sl_strs_add(ret, &world->arena, inside, err));
    for (size_t i = 0; i < paths->count; i++) {
        SL_TRY(make_whole(world, paths->items[i], &whole, err));
        SL_TRY(sl_strs_add(ret, &world->arena, whole, err));
    }
    return SL_OK;
}

int sl_lineage_reads_files(struct sl_world *world, const struct sl_strs *files,
                           const struct sl_node *cleanse, bool *ret, struct sl_err *err)
{
    struct sl_strs places = {0};
    *ret = false;
    SL_TRY(list_places(world, cleanse, &places, err));
    for (size_t i = 0; i < files->count && !*ret; i++) {
        const char *file = opened_path(&world->arena, files->items[i]);
        SL_TRY_NEW(file, err);
        *ret = !*file; // nobody knows which
        if (*ret)
            break;
        SL_TRY(make_whole(world, file, &file, err));
        for (size_t k = 0; k < places.count && !*ret; k++)
            SL_TRY(meets(world, places.items[k], file, ret, err));
    }
    return SL_OK;
}
