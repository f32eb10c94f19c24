// Paths as text; and what the disk says of them, where the text alone cannot tell.
#include "base/fs.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
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

// Whether there is nothing to clean.
static bool is_clean(const char *path)
{
    for (const char *at = *path == '/' ? path + 1 : path;; at++) {
        size_t length = strcspn(at, "/");

        if (length == 0 || (length <= 2 && strspn(at, ".") == length))
            return *at == '\0' && at == path + 1;
        at += length;
        if (*at == '\0')
            return true;
    }
}

// Appends one part to what is clean so far.
static void add_part(char *clean, const char *part, size_t length)
{
    size_t size = strlen(clean);
    char *slash = strrchr(clean, '/');
    const char *last = slash ? slash + 1 : clean;

    if (length == 0 || (length == 1 && *part == '.'))
        return;
    if (length == 2 && strncmp(part, "..", 2) == 0) {
        if (strcmp(clean, "/") == 0)
            return;
        if (*last && strcmp(last, "..") != 0 && !sl_fs_is_link(clean)) {
            clean[slash == clean ? 1 : slash ? slash - clean : 0] = '\0';
            return;
        }
    }
    if (size > 0 && clean[size - 1] != '/')
        clean[size++] = '/';
    memcpy(clean + size, part, length);
    clean[size + length] = '\0';
}

char *sl_path_clean(struct sl_arena *arena, const char *path)
{
    char *clean = sl_arena_strdup(arena, path);

    if (!clean || is_clean(path))
        return clean;
    clean[*path == '/'] = '\0';
    for (const char *at = path; *at; at += strspn(at, "/")) {
        size_t length = strcspn(at, "/");

        add_part(clean, at, length);
        at += length;
    }
    if (*clean == '\0')
        return sl_arena_strdup(arena, ".");
    return clean;
}

char *sl_path_relative(struct sl_arena *arena, const char *folder, const char *path)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    size_t common = 0;

    // Up to the last slash that both have.
    for (size_t i = 0; folder[i] || path[i]; i++) {
        bool ends = (folder[i] == '/' || !folder[i]) && (path[i] == '/' || !path[i]);

        if (ends)
            common = i;
        if (folder[i] != path[i] || !folder[i] || !path[i])
            break;
    }
    for (const char *at = folder + common; *at; at++)
        if (*at == '/' && at[1])
            sl_buf_add(&text, "../");
    sl_buf_add(&text, path + common + (path[common] == '/'));
    return text.has_failed ? NULL : sl_arena_strdup(arena, text.text);
}

int sl_path_real(struct sl_arena *arena, const char *path, const char **ret, struct sl_err *err)
{
    char *real = realpath(path, NULL);
    bool is_out_of_memory = !real && errno == ENOMEM;
    const char *copy = NULL;

    if (!is_out_of_memory)
        copy = real ? sl_arena_strdup(arena, real) : sl_path_clean(arena, path);
    free(real);
    SL_TRY_NEW(copy, err);
    *ret = copy;
    return SL_OK;
}
