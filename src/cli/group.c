// Which files of a glob are one source: those whose names differ in numbers alone, and those that
// are written alike.
#include "api/kinds.h"
#include "base/fs.h"
#include "cli/draft.h"
#include "cli/probe.h"

#include <string.h>

// Files whose names have one stem and ending: "orders-2026-01-31.csv" and "orders-2026-02-28.csv".
struct bucket {
    struct sl_strs files;
    const char *stem, *ending;
    const struct sl_source_part *largest;
    const char *shape;
    size_t group; // index of the first bucket like it
};

struct grouping {
    struct sl_session *session;
    struct sl_arena *arena;
    const char *pattern;
    struct bucket *buckets;
    size_t count;
    const struct sl_source_part *parts;
    size_t part_count;
};

static const char digits[] = "0123456789-_.";

// The name up to its first dot, without numbers at its end.
static size_t stem_length(const char *name)
{
    size_t length = strcspn(name, ".");
    size_t end = length;
    while (end && strchr(digits, name[end - 1]))
        end--;
    return end ? end : length;
}

static int add_part(struct grouping *grouping, const struct sl_source_part *part,
                    struct sl_err *err)
{
    struct sl_arena *arena = grouping->arena;
    const char *name = sl_path_name(part->path);
    const char *stem =
        sl_arena_strndup(arena, part->path, (size_t)(name - part->path) + stem_length(name));
    const char *ending = name + strcspn(name, ".");
    struct bucket *bucket = NULL;
    SL_TRY_NEW(stem, err);
    for (size_t i = 0; i < grouping->count && !bucket; i++)
        if (sl_str_equal(grouping->buckets[i].stem, stem) &&
            sl_str_equal(grouping->buckets[i].ending, ending))
            bucket = &grouping->buckets[i];
    if (!bucket) {
        bucket = &grouping->buckets[grouping->count];
        *bucket = (struct bucket){
            .stem = stem, .ending = ending, .largest = part, .group = grouping->count++};
    }
    if (part->size_bytes > bucket->largest->size_bytes)
        bucket->largest = part;
    return sl_strs_add(&bucket->files, arena, part->path, err);
}

// Buckets with one shape are one group: that of the first.
static int join(struct grouping *grouping, struct sl_err *err)
{
    for (size_t i = 0; i < grouping->count && grouping->count > 1; i++) {
        struct bucket *bucket = &grouping->buckets[i];
        SL_TRY(sl_probe_shape(grouping->session, bucket->largest, grouping->arena, &bucket->shape,
                              err));
        for (size_t k = 0; k < i && *bucket->shape; k++)
            if (sl_str_equal(grouping->buckets[k].shape, bucket->shape)) {
                bucket->group = grouping->buckets[k].group;
                break;
            }
    }
    return SL_OK;
}

// A name for a source out of the beginning of `text`, or NULL if it gives none.
static int name_of(const char *text, size_t length, struct sl_arena *arena, const char **ret,
                   struct sl_err *err)
{
    const char *begin = sl_arena_strndup(arena, text, length);
    SL_TRY_NEW(begin, err);
    char *slug = sl_str_slug(arena, begin);
    SL_TRY_NEW(slug, err);
    size_t end = strlen(slug);
    while (end > 1 && slug[end - 1] == '_')
        slug[--end] = '\0';
    *ret = sl_str_equal(slug, "_")            ? NULL
           : slug[0] >= 'a' && slug[0] <= 'z' ? slug
                                              : sl_arena_printf(arena, "t%s", slug);
    return SL_OK;
}

// What the names of all files have in common: of "orders-eu.csv" and "orders-us.csv", "orders"; of
// "eu.csv" and "us.csv", the name of their folder.
static int name_group(const struct grouping *grouping, const struct sl_strs *files,
                      const char **ret, struct sl_err *err)
{
    const char *first = sl_path_name(files->items[0]);
    bool is_literal = sl_str_equal(files->items[0], grouping->pattern);
    size_t length = is_literal ? strcspn(first, ".") : stem_length(first);
    for (size_t i = 1; i < files->count; i++) {
        const char *other = sl_path_name(files->items[i]);
        size_t same = 0;
        while (same < length && first[same] == other[same])
            same++;
        length = same;
    }
    *ret = NULL;
    if (length >= 2 || files->count == 1)
        SL_TRY(name_of(first, length, grouping->arena, ret, err));
    if (*ret)
        return SL_OK;
    const char *folder = sl_path_folder(grouping->arena, files->items[0]);
    SL_TRY_NEW(folder, err);
    const char *name = sl_path_name(folder);
    SL_TRY(name_of(name, strlen(name), grouping->arena, ret, err));
    *ret = *ret ? *ret : "data";
    return SL_OK;
}

// A glob that matches just these files says more than their list.
static int find_glob(const struct grouping *grouping, const struct bucket *bucket,
                     const struct sl_strs *files, struct sl_strs *ret, struct sl_err *err)
{
    const char *glob = sl_arena_printf(grouping->arena, "%s*%s", bucket->stem, bucket->ending);
    size_t matched = 0;
    SL_TRY_NEW(glob, err);
    *ret = *files;
    size_t named = strlen(bucket->stem) + strlen(bucket->ending);
    bool has_number = strlen(files->items[0]) > named;
    if ((files->count == 1 && !has_number) || strpbrk(bucket->stem, "*?["))
        return SL_OK;
    for (size_t i = 0; i < grouping->part_count; i++)
        matched += sl_str_glob(glob, grouping->parts[i].path);
    for (size_t i = 0; i < files->count; i++)
        if (!sl_str_glob(glob, files->items[i]))
            return SL_OK;
    if (matched > files->count)
        return SL_OK;
    *ret = (struct sl_strs){0};
    return sl_strs_add(ret, grouping->arena, glob, err);
}

static int fill(const struct grouping *grouping, size_t index, struct sl_file_group *group,
                struct sl_err *err)
{
    struct sl_strs files = {0};
    for (size_t i = index; i < grouping->count; i++)
        for (size_t k = 0; k < grouping->buckets[i].files.count; k++)
            if (grouping->buckets[i].group == index)
                SL_TRY(
                    sl_strs_add(&files, grouping->arena, grouping->buckets[i].files.items[k], err));
    SL_TRY(name_group(grouping, &files, &group->name, err));
    if (files.count < grouping->part_count)
        return find_glob(grouping, &grouping->buckets[index], &files, &group->paths, err);
    return sl_strs_add(&group->paths, grouping->arena, grouping->pattern, err);
}

// "orders.csv" and "orders.json" are two sources.
static int name_apart(struct sl_file_group *groups, size_t index, struct sl_arena *arena,
                      struct sl_err *err)
{
    const char *name = groups[index].name;
    for (size_t i = 0, number = 2; i < index; i++)
        if (sl_str_equal(groups[i].name, groups[index].name)) {
            groups[index].name = sl_arena_printf(arena, "%s_%zu", name, number++);
            SL_TRY_NEW(groups[index].name, err);
            i = (size_t)-1; // look from the start
        }
    return SL_OK;
}

int sl_group_files(struct sl_session *session, const char *pattern, struct sl_arena *arena,
                   struct sl_file_group **ret, size_t *ret_count, struct sl_err *err)
{
    struct grouping grouping = {.session = session, .arena = arena, .pattern = pattern};
    struct sl_source_options listing = {.paths = {.items = &pattern, .count = 1}};
    struct sl_source_part *parts;
    size_t count = 0;
    SL_TRY(sl_kinds.sources[0]->list(&listing, arena, &parts, &grouping.part_count, err));
    if (!grouping.part_count)
        return sl_fail(err, SL_E_FILE_MISSING, "no file matches '%s'", pattern);
    grouping.parts = parts;
    grouping.buckets = SL_NEW_ARRAY(arena, struct bucket, grouping.part_count);
    *ret = SL_NEW_ARRAY(arena, struct sl_file_group, grouping.part_count);
    SL_TRY_NEW(grouping.buckets, err);
    SL_TRY_NEW(*ret, err);
    for (size_t i = 0; i < grouping.part_count; i++)
        SL_TRY(add_part(&grouping, &parts[i], err));
    SL_TRY(join(&grouping, err));
    for (size_t i = 0; i < grouping.count; i++)
        if (grouping.buckets[i].group == i) {
            SL_TRY(fill(&grouping, i, &(*ret)[count], err));
            SL_TRY(name_apart(*ret, count++, arena, err));
        }
    *ret_count = count;
    return SL_OK;
}
