// Paths as text.
#include "base/fs.h"

#include <string.h>

char *sl_path_join(struct sl_arena *arena, const char *folder, const char *name)
{
    if (*name == '/' || sl_str_is_empty(folder))
        return sl_arena_strdup(arena, name);
    return sl_arena_printf(arena, "%s%s%s", folder, sl_str_ends(folder, "/") ? "" : "/", name);
}

const char *sl_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

char *sl_path_folder(struct sl_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return sl_arena_strdup(arena, ".");
    return sl_arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path));
}
