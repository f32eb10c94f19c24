#include "run/lineage_files.h"

#include "base/fs.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Where paths lead: globs, and besides the files that they find by links.
struct reach {
    struct sl_arena *arena;
    struct sl_strs forms;
    bool is_open; // some path cannot be told: it may lead anywhere
};

static bool is_far(const char *path)
{
    static const char *const schemes[] = {"http://", "https://", "s3://", "s3a://", "s3n://",
                                          "gs://",   "gcs://",   "r2://", "az://",  "azure://",
                                          "abfs://", "abfss://", "hf://", "ftp://", "sftp://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(path, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

static const char *without_scheme(const char *path)
{
    const char *at = path + strlen("file:");
    if (strncasecmp(path, "file:", strlen("file:")) != 0)
        return path;
    if (strncmp(at, "//", 2) != 0)
        return at;
    at = strchr(at + 2, '/'); // behind the host, if one is named
    return at ? at : "";
}

// A folder that is given by what comes before it, "." or "..", cannot be told behind a glob.
static bool has_dots(const char *path)
{
    while (*path) {
        size_t length = strcspn(path, "/");
        if ((length == 1 && path[0] == '.') || (length == 2 && strncmp(path, "..", 2) == 0))
            return true;
        path += length;
        path += strspn(path, "/");
    }
    return false;
}

static char *single_slashes(struct sl_arena *arena, const char *path)
{
    char *ret = sl_arena_strdup(arena, path), *to = ret;
    for (const char *from = path; ret && *from; from++)
        if (from[0] != '/' || from[1] != '/')
            *to++ = *from;
    if (ret)
        *to = '\0';
    return ret;
}

// A path of this machine as the engine understands it. NULL: it cannot be told.
static int local_path(struct sl_arena *arena, const char *path, const char **ret,
                      struct sl_err *err)
{
    const char *local = without_scheme(path), *home = getenv("HOME");
    *ret = NULL;
    // The engine takes '\\' for a '/' in some globs, and nobody knows who reads "%2F" as what.
    if (!*local || strchr(local, '\\') || (local != path && strchr(local, '%')) ||
        strstr(local, "://") || (*local == '~' && !home))
        return SL_OK;
    if (*local == '~')
        local = sl_arena_printf(arena, "%s%s", home, local + 1);
    SL_TRY_NEW(local, err);
    *ret = single_slashes(arena, local);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// From the root, without links, as far as it names folders that are there. A path of the engine's
// is one from the working folder.
static int make_whole(struct sl_arena *arena, const char *path, const char **ret,
                      struct sl_err *err)
{
    size_t length = strcspn(path, "*?[");
    const char *folder = ".", *whole, *rest;
    while (length > 0 && path[length - 1] != '/')
        length--;
    rest = path + length;
    if (length)
        folder = sl_arena_strndup(arena, path, length);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_path_real(arena, folder, &whole, err));
    *ret = sl_arena_printf(arena, "%s/%s", sl_str_equal(whole, "/") ? "" : whole, rest);
    SL_TRY_NEW(*ret, err);
    if (strpbrk(rest, "*?[") && !sl_fs_exists(*ret))
        return SL_OK;
    return sl_path_real(arena, *ret, ret, err);
}

// The files that a glob finds now by links: by their own paths.
static int add_linked(struct reach *reach, const char *glob, struct sl_err *err)
{
    struct sl_strs found = {0};
    struct sl_err trouble = {0};
    const char *real;
    int code = sl_fs_glob_engine(glob, reach->arena, &found, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    reach->is_open |= code != SL_OK;
    for (size_t i = 0; code == SL_OK && i < found.count; i++) {
        SL_TRY(sl_path_real(reach->arena, found.items[i], &real, err));
        if (!sl_str_equal(real, found.items[i]))
            SL_TRY(sl_strs_add(&reach->forms, reach->arena, real, err));
    }
    return SL_OK;
}

static int add_path(struct reach *reach, const char *path, struct sl_err *err)
{
    const char *local, *whole;
    if (is_far(path))
        return sl_strs_add(&reach->forms, reach->arena, path, err);
    SL_TRY(local_path(reach->arena, path, &local, err));
    const char *glob = local ? strpbrk(local, "*?[") : NULL;
    reach->is_open |= !local || (glob && has_dots(glob));
    if (!local)
        return SL_OK;
    SL_TRY(make_whole(reach->arena, local, &whole, err));
    SL_TRY(sl_strs_add(&reach->forms, reach->arena, whole, err));
    return strpbrk(whole, "*?[") ? add_linked(reach, whole, err) : SL_OK;
}

static int add_inside(struct reach *reach, const char *folder, struct sl_err *err)
{
    const char *whole;
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_path_real(reach->arena, folder, &whole, err));
    SL_TRY(sl_strs_add(&reach->forms, reach->arena, whole, err));
    const char *inside = sl_arena_printf(reach->arena, "%s/**/*", whole);
    SL_TRY_NEW(inside, err);
    return sl_strs_add(&reach->forms, reach->arena, inside, err);
}

// Old versions of clean and quarantine may be from before something was protected.
static int add_tables(struct reach *reach, const struct sl_project *project, const char *name,
                      struct sl_err *err)
{
    static const enum sl_layer layers[] = {SL_LAYER_RAW, SL_LAYER_CLEAN, SL_LAYER_QUARANTINE};
    const char *const lakes[] = {project->lake_folder, project->read_lake,
                                 project->read_lake_behind};
    bool is_borrowed;
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++) {
        for (size_t i = 0; i < sizeof lakes / sizeof *lakes; i++)
            if (lakes[i])
                SL_TRY(add_inside(reach,
                                  sl_arena_printf(reach->arena, "%s/%s/%s", lakes[i],
                                                  sl_layer_name(layers[k]), name),
                                  err));
        // A pin may name yet another place.
        SL_TRY(add_inside(
            reach, sl_table_source(project, layers[k], name, reach->arena, &is_borrowed), err));
    }
    return SL_OK;
}

static int meet(const struct reach *one, const struct reach *other, bool *ret, struct sl_err *err)
{
    *ret = one->is_open || other->is_open;
    for (size_t i = 0; i < one->forms.count; i++)
        for (size_t k = 0; k < other->forms.count && !*ret; k++)
            SL_TRY(sl_fs_globs_may_meet(one->forms.items[i], other->forms.items[k], ret, err));
    return SL_OK;
}

int sl_lineage_reads_files(struct sl_world *world, const struct sl_strs *files,
                           const struct sl_node *node, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct reach read = {.arena = &arena}, places = {.arena = &arena};
    for (size_t i = 0; i < files->count; i++)
        SL_TRY(add_path(&read, files->items[i], err)); // "": nobody knows which
    SL_TRY(add_tables(&places, world->project, node->bare, err));
    for (size_t i = 0; node->source && i < node->source->paths.count; i++)
        SL_TRY(add_path(&places, node->source->paths.items[i], err));
    return meet(&places, &read, ret, err);
}
