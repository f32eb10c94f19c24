#include "run/spill.h"

#include "base/clock.h"
#include "base/fs.h"

#include <string.h>
#include <unistd.h>

#define NAME "sluice-spill-"

// Only a run uses what is below this folder, and one run at a time.
static const char *folder_of_runs(const struct sl_project *project, struct sl_arena *arena)
{
    return sl_path_join(arena, project->state_folder, "spill");
}

// A folder elsewhere is remembered in the state folder by a link of its number.
static int remember(const struct sl_project *project, const char *uuid, const char *path,
                    struct sl_arena *arena, struct sl_err *err)
{
    const char *link = sl_arena_printf(arena, "%s/spill/%s", project->state_folder, uuid);
    SL_TRY_NEW(link, err);
    (void)!symlink(path, link); // then what a kill leaves there stays there
    return SL_OK;
}

int sl_spill_folder(const struct sl_project *project, bool is_in_run, struct sl_arena *arena,
                    const char **ret, struct sl_err *err)
{
    char uuid[37];
    (void)sl_uuid(uuid);
    if (project->temp_folder) {
        *ret = sl_arena_printf(arena, "%s/" NAME "%s", project->temp_folder, uuid);
        SL_TRY_NEW(*ret, err);
        SL_TRY(sl_fs_mkdirs(project->temp_folder, err));
        return is_in_run ? remember(project, uuid, *ret, arena, err) : SL_OK;
    }
    *ret = sl_arena_printf(arena, is_in_run ? "%s/spill/%s" : "%s/" NAME "%s",
                           project->state_folder, uuid);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_spill_keep(const struct sl_project *project, const char *folder, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *name = folder ? strstr(folder, NAME) : NULL;
    for (const char *next = name; next; next = strstr(next + 1, NAME))
        name = next;
    return name ? remember(project, name + strlen(NAME), folder, &arena, err) : SL_OK;
}

// What a link leads to is removed only if it is of that number.
static void remove_one(const char *path, const char *uuid, struct sl_arena *arena)
{
    char target[4096];
    struct sl_err ignored = {0};
    ssize_t length = readlink(path, target, sizeof target - 1);
    const char *end = sl_arena_printf(arena, "/" NAME "%s", uuid);
    if (length < 0) {
        (void)!sl_fs_remove_tree(path, &ignored);
        return;
    }
    target[length] = '\0';
    if (end && sl_str_ends(target, end) && sl_fs_exists(target))
        (void)!sl_fs_remove_tree(target, &ignored);
    (void)!unlink(path);
}

void sl_spill_sweep(const struct sl_project *project)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs names = {0};
    struct sl_err ignored = {0};
    sl_arena_init(&arena, 0);
    const char *folder = folder_of_runs(project, &arena);
    if (!folder)
        return;
    if (!sl_fs_exists(folder))
        (void)!sl_fs_mkdirs(folder, &ignored);
    if (sl_fs_list(folder, &arena, &names, &ignored) != SL_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_path_join(&arena, folder, names.items[i]);
        if (path)
            remove_one(path, names.items[i], &arena);
    }
}
