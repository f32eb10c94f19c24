// Where engines put what does not fit into memory: each process has a folder of its own, for two
// would take each other's files for theirs. The engine removes it when it is closed.
#include "run/spill.h"

#include "base/fs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "spill-"

static const char *folder_of(const struct sl_project *project)
{
    return project->temp_folder ? project->temp_folder : project->state_folder;
}

int sl_spill_folder(const struct sl_project *project, struct sl_arena *arena, const char **ret,
                    struct sl_err *err)
{
    // The state folder is made by who writes there first; a folder of the user's by us.
    if (project->temp_folder)
        SL_TRY(sl_fs_mkdirs(project->temp_folder, err));
    *ret = sl_arena_printf(arena, "%s/" PREFIX "%d", folder_of(project), getpid());
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static bool is_alive(const char *name)
{
    int64_t pid;
    return !sl_str_to_int64(name + strlen(PREFIX), &pid) || pid <= 0 || kill((pid_t)pid, 0) == 0 ||
           errno != ESRCH;
}

void sl_spill_sweep(const struct sl_project *project)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs names = {0};
    struct sl_err ignored = {0};
    sl_arena_init(&arena, 0);
    if (sl_fs_list(folder_of(project), &arena, &names, &ignored) != SL_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        if (!sl_str_starts(names.items[i], PREFIX) || is_alive(names.items[i]))
            continue;
        const char *path = sl_path_join(&arena, folder_of(project), names.items[i]);
        if (path)
            (void)!sl_fs_remove_tree(path, &ignored);
    }
}
