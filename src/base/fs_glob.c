// Globs over folders: *, ?, [..] inside a name, ** for any number of folders. As in a shell, a
// leading dot is matched only by a dot; links to folders are followed where a name stands for them,
// but not by **, which might run in a circle.
#include "base/fs.h"
#include "base/glob.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEEPEST 100

struct walk {
    struct sl_arena *arena;
    struct sl_strs found;
    struct sl_err *err;
    bool is_engine;            // as the engine finds them: also where only a dot may be meant
    struct sl_glob_found *odd; // NULL: of no interest
    bool goes_into_folders;    // those that the pattern meets are not odd
};

static int walk_parts(struct walk *walk, const char *base, const char *pattern, int depth);

static bool is_glob(const char *part)
{
    return strpbrk(part, "*?[") != NULL;
}

static bool is_hidden_mismatch(const char *part, const char *name)
{
    return name[0] == '.' && part[0] != '.';
}

const char *sl_glob_odd_text(enum sl_glob_odd_kind kind)
{
    static const char *const texts[] = {[SL_GLOB_FOLDER] = "is a folder",
                                        [SL_GLOB_FIFO] = "is a fifo",
                                        [SL_GLOB_SOCKET] = "is a socket",
                                        [SL_GLOB_DEVICE] = "is a device",
                                        [SL_GLOB_LOST] = "is a link that leads nowhere"};

    return texts[kind];
}

static int add_odd(struct walk *walk, const char *path)
{
    struct sl_glob_odd odd = {.kind = SL_GLOB_LOST};
    struct stat st;

    if (stat(path, &st) == 0)
        odd.kind = S_ISDIR(st.st_mode)    ? SL_GLOB_FOLDER
                   : S_ISFIFO(st.st_mode) ? SL_GLOB_FIFO
                   : S_ISSOCK(st.st_mode) ? SL_GLOB_SOCKET
                                          : SL_GLOB_DEVICE;
    else if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
        return SL_OK; // not there, or gone since
    if (odd.kind == SL_GLOB_FOLDER && walk->goes_into_folders)
        return SL_OK;
    odd.path = sl_arena_strdup(walk->arena, path);
    SL_TRY_NEW(odd.path, walk->err);
    return SL_PUSH(walk->arena, walk->odd->odd, walk->odd->odd_count, odd)
               ? SL_OK
               : sl_fail_memory(walk->err);
}

static int add_if_file(struct walk *walk, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return walk->odd ? add_odd(walk, path) : SL_OK;
    return sl_strs_add(&walk->found, walk->arena, path, walk->err);
}

static bool is_real_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

// base + name: base is "" or ends with '/', so that found paths begin just as the pattern does.
static int list(struct walk *walk, const char *base, struct sl_strs *ret)
{
    struct stat st;
    const char *folder = *base ? base : ".";

    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
        *ret = (struct sl_strs){0};
        return SL_OK;
    }
    return sl_fs_list(folder, walk->arena, ret, walk->err);
}

// Goes on with what follows a part; `path` is where the part led to.
static int walk_on(struct walk *walk, const char *path, const char *rest, int depth)
{
    const char *base;

    if (!rest)
        return add_if_file(walk, path);
    base = sl_arena_printf(walk->arena, "%s/", path);
    SL_TRY_NEW(base, walk->err);
    return walk_parts(walk, base, rest, depth + 1);
}

// "**": here, then in each folder below. At the end of a pattern it means every file.
static int walk_deep(struct walk *walk, const char *base, const char *rest, int depth)
{
    struct sl_strs names;

    walk->goes_into_folders = !rest;
    SL_TRY(walk_parts(walk, base, rest ? rest : "*", depth + 1));
    SL_TRY(list(walk, base, &names));
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_arena_printf(walk->arena, "%s%s", base, names.items[i]);

        SL_TRY_NEW(path, walk->err);
        if ((!walk->is_engine && names.items[i][0] == '.') || !is_real_folder(path))
            continue;
        path = sl_arena_printf(walk->arena, "%s/", path);
        SL_TRY_NEW(path, walk->err);
        SL_TRY(walk_deep(walk, path, rest, depth + 1));
    }
    return SL_OK;
}

static int walk_names(struct walk *walk, const char *base, const char *part, const char *rest,
                      int depth)
{
    struct sl_strs names;

    SL_TRY(list(walk, base, &names));
    for (size_t i = 0; i < names.count; i++) {
        const char *path;

        if ((!walk->is_engine && is_hidden_mismatch(part, names.items[i])) ||
            !sl_str_glob(part, names.items[i]))
            continue;
        path = sl_arena_printf(walk->arena, "%s%s", base, names.items[i]);
        SL_TRY_NEW(path, walk->err);
        SL_TRY(walk_on(walk, path, rest, depth));
    }
    return SL_OK;
}

static int walk_parts(struct walk *walk, const char *base, const char *pattern, int depth)
{
    const char *slash = strchr(pattern, '/');
    size_t length = slash ? (size_t)(slash - pattern) : strlen(pattern);
    const char *part = sl_arena_strndup(walk->arena, pattern, length);
    const char *path;

    SL_TRY_NEW(part, walk->err);
    if (depth > DEEPEST)
        return sl_fail(walk->err, SL_E_LIMIT, "more than %d folders below each other in '%s'",
                       DEEPEST, base);
    if (strcmp(part, "**") == 0) {
        // "**/**" finds what "**" finds.
        while (slash && strncmp(slash + 1, "**/", 3) == 0)
            slash += 3;
        return walk_deep(walk, base, slash ? slash + 1 : NULL, depth);
    }
    if (is_glob(part))
        return walk_names(walk, base, part, slash ? slash + 1 : NULL, depth);
    path = sl_arena_printf(walk->arena, "%s%s", base, part);
    SL_TRY_NEW(path, walk->err);
    return walk_on(walk, path, slash ? slash + 1 : NULL, depth);
}

// Two ways through ** may lead to one file.
static void drop_duplicates(struct sl_strs *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || strcmp(list->items[kept - 1], list->items[i]) != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

static int find_files(struct walk *walk, const char *pattern, struct sl_strs *ret)
{
    SL_TRY(walk_parts(walk, "", pattern, 0));
    sl_strs_sort(&walk->found);
    drop_duplicates(&walk->found);
    *ret = walk->found;
    return SL_OK;
}

int sl_fs_glob(const char *pattern, struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    struct walk walk = {.arena = arena, .err = err};

    return find_files(&walk, pattern, ret);
}

int sl_glob_find(const char *pattern, struct sl_arena *arena, struct sl_glob_found *ret,
                 struct sl_err *err)
{
    struct sl_glob_found found = {0};
    struct walk walk = {.arena = arena, .err = err, .odd = &found};

    SL_TRY(find_files(&walk, pattern, &found.files));
    *ret = found;
    return SL_OK;
}

int sl_fs_glob_engine(const char *pattern, struct sl_arena *arena, struct sl_strs *ret,
                      struct sl_err *err)
{
    struct walk walk = {.arena = arena, .err = err, .is_engine = true};

    return find_files(&walk, pattern, ret);
}

static int split(struct sl_arena *arena, const char *path, struct sl_strs *ret, struct sl_err *err)
{
    for (;;) {
        size_t length = strcspn(path, "/");
        const char *part = sl_arena_strndup(arena, path, length);

        SL_TRY_NEW(part, err);
        SL_TRY(sl_strs_add(ret, arena, part, err));
        if (path[length] == '\0')
            return SL_OK;
        path += length + 1;
    }
}

// The parts from `i` of the pattern, and from `k` of the path. "**" at the end means every file.
static bool parts_meet(const struct sl_strs *pattern, size_t i, const struct sl_strs *path,
                       size_t k)
{
    const char *part, *name;

    if (i == pattern->count || k == path->count)
        return false;
    part = pattern->items[i];
    name = path->items[k];
    if (strcmp(part, "**") == 0 && k + 1 < path->count && name[0] != '.' &&
        parts_meet(pattern, i, path, k + 1))
        return true;
    if (strcmp(part, "**") == 0 && i + 1 < pattern->count)
        return parts_meet(pattern, i + 1, path, k);
    if (is_hidden_mismatch(part, name) || !sl_str_globs_meet(part, name))
        return false;
    return (i + 1 == pattern->count && k + 1 == path->count) ||
           parts_meet(pattern, i + 1, path, k + 1);
}

int sl_fs_glob_meets(const char *pattern, const char *path, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs pattern_parts = {0}, path_parts = {0};

    SL_TRY(split(&arena, pattern, &pattern_parts, err));
    SL_TRY(split(&arena, path, &path_parts, err));
    *ret = parts_meet(&pattern_parts, 0, &path_parts, 0);
    return SL_OK;
}

// Each '?' and '[..]' as '*', which is more.
static int widen(struct sl_arena *arena, struct sl_strs *parts, struct sl_err *err)
{
    for (size_t i = 0; i < parts->count; i++) {
        char *wide = sl_arena_strdup(arena, parts->items[i]), *to = wide;
        SL_TRY_NEW(wide, err);
        for (const char *from = wide; *from; from++) {
            const char *end = *from == '[' ? strchr(from + (from[1] ? 2 : 1), ']') : NULL;
            *to++ = *from == '?' || *from == '[' ? '*' : *from;
            if (*from == '[' && !end)
                break; // whatever the engine makes of that
            from = end ? end : from;
        }
        *to = '\0';
        parts->items[i] = wide;
    }
    return SL_OK;
}

// "**" is any number of folders on either side.
static bool forms_meet(const struct sl_strs *one, size_t i, const struct sl_strs *other, size_t k)
{
    bool is_one_deep = i < one->count && strcmp(one->items[i], "**") == 0;
    bool is_other_deep = k < other->count && strcmp(other->items[k], "**") == 0;
    if (i == one->count && k == other->count)
        return true;
    if (is_one_deep && (forms_meet(one, i + 1, other, k) ||
                        (k < other->count && forms_meet(one, i, other, k + 1))))
        return true;
    if (is_other_deep &&
        (forms_meet(one, i, other, k + 1) || (i < one->count && forms_meet(one, i + 1, other, k))))
        return true;
    return !is_one_deep && !is_other_deep && i < one->count && k < other->count &&
           sl_str_globs_meet(one->items[i], other->items[k]) &&
           forms_meet(one, i + 1, other, k + 1);
}

int sl_fs_globs_may_meet(const char *one, const char *other, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs parts[2] = {{0}, {0}};

    SL_TRY(split(&arena, one, &parts[0], err));
    SL_TRY(split(&arena, other, &parts[1], err));
    for (size_t i = 0; i < 2; i++)
        if (strcmp(parts[i].items[parts[i].count - 1], "**") == 0)
            SL_TRY(sl_strs_add(&parts[i], &arena, "*", err));
    SL_TRY(widen(&arena, &parts[1], err));
    *ret = forms_meet(&parts[0], 0, &parts[1], 0);
    return SL_OK;
}
