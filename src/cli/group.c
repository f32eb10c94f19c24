#include "cli/group.h"

#include "api/kinds.h"
#include "base/fs.h"
#include "step/cast.h"

#include <string.h>

#define LONGEST_NAME 60

static const char digits[] = "0123456789-_.";

// --- Names ---

// The name up to its first dot, without numbers at its end.
static size_t stem_length(const char *name)
{
    size_t length = strcspn(name, ".");
    size_t end = length;
    while (end && strchr(digits, name[end - 1]))
        end--;
    return end ? end : length;
}

// Of "data/orders-2026-01.csv" "data/orders".
static size_t stem_of(const char *path)
{
    const char *name = sl_path_name(path);
    return (size_t)(name - path) + stem_length(name);
}

static bool have_one_stem(const char *a, const char *b)
{
    return stem_of(a) == stem_of(b) && memcmp(a, b, stem_of(a)) == 0;
}

static const char *ending_of(const char *path)
{
    const char *name = sl_path_name(path);
    return name + strcspn(name, ".");
}

static const char *path_of(const struct sl_file_group *group, size_t index)
{
    return group->files[index]->part->path;
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
    end = end < LONGEST_NAME ? end : LONGEST_NAME;
    slug[end] = '\0';
    while (end > 1 && slug[end - 1] == '_')
        slug[--end] = '\0';
    *ret = sl_str_equal(slug, "_")            ? NULL
           : slug[0] >= 'a' && slug[0] <= 'z' ? slug
                                              : sl_arena_printf(arena, "t%s", slug);
    return SL_OK;
}

// What the names of all files have in common: of "orders-eu.csv" and "orders-us.csv", "orders"; of
// "eu.csv" and "us.csv", the name of their folder.
static int find_name(const struct sl_grouping *grouping, const struct sl_file_group *group,
                     bool is_literal, const char **ret, struct sl_err *err)
{
    const char *first = sl_path_name(path_of(group, 0));
    size_t length = is_literal ? strcspn(first, ".") : stem_length(first);
    for (size_t i = 1; i < group->file_count; i++) {
        const char *other = sl_path_name(path_of(group, i));
        size_t same = 0;
        while (same < length && first[same] == other[same])
            same++;
        length = same;
    }
    *ret = NULL;
    if (length >= 2 || group->file_count == 1)
        SL_TRY(name_of(first, length, grouping->arena, ret, err));
    if (*ret)
        return SL_OK;
    const char *folder = sl_path_folder(grouping->arena, path_of(group, 0));
    SL_TRY_NEW(folder, err);
    const char *name = sl_path_name(folder);
    SL_TRY(name_of(name, strlen(name), grouping->arena, ret, err));
    *ret = *ret ? *ret : "data";
    return SL_OK;
}

// By a group before this one.
static bool is_taken(const struct sl_grouping *grouping, const struct sl_file_group *group)
{
    for (const struct sl_file_group *other = grouping->groups; other < group; other++)
        if (sl_str_equal(other->name, group->name))
            return true;
    return false;
}

// Where another group has the name already: that of the first file, that with its ending
// ("orders.csv" and "orders.json"), a number.
static int name_group(const struct sl_grouping *grouping, struct sl_file_group *group,
                      bool is_literal, struct sl_err *err)
{
    const char *file = sl_path_name(path_of(group, 0));
    const char *base, *name;
    SL_TRY(find_name(grouping, group, is_literal, &base, err));
    group->name = base;
    for (int i = 0; i < 2 && is_taken(grouping, group); i++) {
        SL_TRY(name_of(file, strcspn(file, "."), grouping->arena, &name, err));
        if (name && i)
            SL_TRY(name_of(file, strlen(file), grouping->arena, &name, err));
        group->name = name ? name : base;
    }
    for (size_t number = 2; is_taken(grouping, group); number++) {
        group->name = sl_arena_printf(grouping->arena, "%s_%zu", base, number);
        SL_TRY_NEW(group->name, err);
    }
    return SL_OK;
}

// --- What fits together ---

static size_t place_of(const struct sl_file_group *group, const char *name)
{
    size_t i = 0;
    while (i < group->column_count && !sl_str_equal_nocase(group->columns[i].name, name))
        i++;
    return i;
}

// The type that holds both, or NULL. Text holds all, but says nothing of what was a number.
static const char *common_type(const char *a, const char *b)
{
    if (sl_type_widens(a, b) && (sl_str_equal(a, b) || !sl_str_equal(b, "VARCHAR")))
        return b;
    return sl_type_widens(b, a) && !sl_str_equal(a, "VARCHAR") ? a : NULL;
}

// Files whose names differ in numbers alone may have more columns, or fewer, as they come and go
// over time; JSON objects lack what they have no value for. Any other files must have the same.
static bool has_columns_of(const struct sl_file_group *group, const struct sl_look *look)
{
    bool is_one_stem = have_one_stem(path_of(group, 0), look->part->path);
    bool is_json = sl_str_starts(look->format, "json");
    size_t least =
        group->column_count < look->column_count ? group->column_count : look->column_count;
    size_t most =
        group->column_count < look->column_count ? look->column_count : group->column_count;
    size_t shared = 0;
    for (size_t i = 0; i < look->column_count; i++) {
        size_t place = place_of(group, look->columns[i].name);
        if (place == group->column_count)
            continue;
        if (!common_type(group->columns[place].type, look->columns[i].type))
            return false;
        shared++;
    }
    if (!is_one_stem)
        return shared == most;
    return is_json ? shared * 2 >= least : shared == least;
}

// Without a header the place says which column it is: only files with one name for the columns, or
// what stands for it, are sure to mean the same.
static bool has_places_of(const struct sl_file_group *group, const struct sl_look *look)
{
    const struct sl_strs *own = &group->options.columns, *other = &look->options.columns;
    if (own->count != other->count || !group->remark != !look->remark)
        return false;
    for (size_t i = 0; i < own->count; i++)
        if (!sl_str_equal(own->items[i], other->items[i]))
            return false;
    return look->remark || have_one_stem(path_of(group, 0), look->part->path);
}

static unsigned encodings_of(const struct sl_file_group *group)
{
    unsigned encodings = ~0U;
    for (size_t i = 0; i < group->file_count; i++)
        encodings &= group->files[i]->encodings;
    return encodings;
}

static bool fits(const struct sl_file_group *group, const struct sl_look *look)
{
    const struct sl_source_options *own = &group->options, *other = &look->options;
    if (!sl_str_equal(group->format, look->format) || !(encodings_of(group) & look->encodings) ||
        !sl_str_equal(own->delimiter, other->delimiter) ||
        !sl_str_equal(own->comment, other->comment) || own->skip_lines != other->skip_lines ||
        own->has_header != other->has_header)
        return false;
    return own->has_header ? has_columns_of(group, look) : has_places_of(group, look);
}

static int add_columns(struct sl_arena *arena, struct sl_file_group *group,
                       const struct sl_look *look, struct sl_err *err)
{
    for (size_t i = 0; i < look->column_count; i++) {
        size_t place = place_of(group, look->columns[i].name);
        size_t count = group->column_count;
        if (place < count) {
            group->columns[place].type =
                common_type(group->columns[place].type, look->columns[i].type);
        } else if (!SL_PUSH(arena, group->columns, group->column_count, look->columns[i]) ||
                   !SL_PUSH(arena, group->file_counts, count, 0)) {
            return sl_fail_memory(err);
        }
        group->file_counts[place]++;
    }
    return SL_OK;
}

static int add_file(struct sl_arena *arena, struct sl_file_group *group, const struct sl_look *look,
                    struct sl_err *err)
{
    size_t i = 0;
    if (!SL_PUSH(arena, group->files, group->file_count, look))
        return sl_fail_memory(err);
    // What is said outright holds for the other files too.
    if (!sl_str_equal(look->options.format, "auto"))
        group->options.format = look->options.format;
    while (i + 1 < SL_LOOK_ENCODINGS && !(encodings_of(group) & 1U << i))
        i++;
    group->options.encoding = sl_look_encodings[i];
    return add_columns(arena, group, look, err);
}

// --- Paths ---

// The path as a glob that matches it alone.
static int escape(struct sl_arena *arena, const char *path, size_t length, const char **ret,
                  struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    for (size_t i = 0; i < length; i++)
        sl_buf_addf(&text, strchr("*?[", path[i]) ? "[%c]" : "%c", path[i]);
    SL_TRY(sl_buf_check(&text, err));
    *ret = sl_arena_strdup(arena, text.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int list(struct sl_arena *arena, const char *pattern, struct sl_source_part **ret,
                size_t *ret_count, struct sl_err *err)
{
    struct sl_source_options listing = {.paths = {.items = &pattern, .count = 1}};
    return sl_kinds.sources[0]->list(&listing, arena, ret, ret_count, err);
}

// Among `files`, or one that is empty and harms no source of this format.
static bool is_harmless(const struct sl_grouping *grouping, const struct sl_file_group *group,
                        const char *path, size_t *members)
{
    for (size_t i = 0; i < group->file_count; i++)
        if (sl_str_equal(path_of(group, i), path)) {
            (*members)++;
            return true;
        }
    for (size_t i = 0; i < grouping->skipped_count; i++)
        if (sl_str_equal(grouping->skipped[i]->part->path, path))
            return grouping->skipped[i]->is_empty &&
                   sl_str_equal(grouping->skipped[i]->format, group->format);
    return false;
}

// Takes the glob for the group's paths if it matches just its files.
static int try_glob(const struct sl_grouping *grouping, struct sl_file_group *group,
                    const char *glob, struct sl_err *err)
{
    struct sl_source_part *parts;
    size_t count, members = 0;
    if (group->paths.count)
        return SL_OK;
    SL_TRY(list(grouping->arena, glob, &parts, &count, err));
    for (size_t i = 0; i < count; i++)
        if (!is_harmless(grouping, group, parts[i].path, &members))
            return SL_OK;
    return members == group->file_count ? sl_strs_add(&group->paths, grouping->arena, glob, err)
                                        : SL_OK;
}

// A glob says more than a list, also of the files to come: what the user gave, the stem of the
// files' names, their folder.
static int find_paths(const struct sl_grouping *grouping, struct sl_file_group *group,
                      const char *pattern, struct sl_err *err)
{
    struct sl_arena *arena = grouping->arena;
    const char *first = path_of(group, 0), *ending = ending_of(first);
    size_t stem = stem_of(first), folder = (size_t)(sl_path_name(first) - first);
    bool is_numbered = strlen(first) > stem + strlen(ending);
    bool is_one_ending = true;
    const char *begin;
    for (size_t i = 1; i < group->file_count; i++)
        is_one_ending &= sl_str_equal(ending_of(path_of(group, i)), ending);
    if (pattern)
        SL_TRY(try_glob(grouping, group, pattern, err));
    for (int i = 0; i < 2 && is_one_ending; i++) {
        if (group->file_count == 1 && (i || !is_numbered))
            break;
        SL_TRY(escape(arena, first, i ? folder : stem, &begin, err));
        const char *glob = sl_arena_printf(arena, "%s*%s", begin, ending);
        SL_TRY_NEW(glob, err);
        SL_TRY(try_glob(grouping, group, glob, err));
    }
    for (size_t i = 0, count = group->paths.count; i < group->file_count && !count; i++) {
        const char *path = path_of(group, i);
        SL_TRY(escape(arena, path, strlen(path), &path, err));
        SL_TRY(sl_strs_add(&group->paths, arena, path, err));
    }
    return SL_OK;
}

// --- The whole ---

static bool is_known(const struct sl_grouping *grouping, const char *path)
{
    for (size_t i = 0; i < grouping->skipped_count; i++)
        if (sl_str_equal(grouping->skipped[i]->part->path, path))
            return true;
    for (size_t i = 0; i < grouping->group_count; i++)
        for (size_t k = 0; k < grouping->groups[i].file_count; k++)
            if (sl_str_equal(path_of(&grouping->groups[i], k), path))
                return true;
    return false;
}

static int add_look(struct sl_grouping *grouping, size_t first, const struct sl_look *look,
                    struct sl_err *err)
{
    struct sl_arena *arena = grouping->arena;
    struct sl_file_group group = {
        .options = look->options, .format = look->format, .remark = look->remark};
    if (look->problem)
        return SL_PUSH(arena, grouping->skipped, grouping->skipped_count, look)
                   ? SL_OK
                   : sl_fail_memory(err);
    for (size_t i = first; i < grouping->group_count; i++)
        if (fits(&grouping->groups[i], look))
            return add_file(arena, &grouping->groups[i], look, err);
    SL_TRY(add_file(arena, &group, look, err));
    return SL_PUSH(arena, grouping->groups, grouping->group_count, group) ? SL_OK
                                                                          : sl_fail_memory(err);
}

static int add_part(struct sl_grouping *grouping, size_t first, const struct sl_source_part *part,
                    bool is_of_folder, struct sl_err *err)
{
    struct sl_look *look = SL_NEW(grouping->arena, struct sl_look);
    SL_TRY_NEW(look, err);
    if (is_known(grouping, part->path))
        return SL_OK;
    if (is_of_folder && !sl_look_is_named(part->path))
        *look = (struct sl_look){.part = part,
                                 .problem = "its name does not tell its format; --from reads it if "
                                            "it is named alone"};
    else
        SL_TRY(sl_look_at(grouping->session, part, grouping->arena, look, err));
    return add_look(grouping, first, look, err);
}

// A folder stands for all files in it; a path for itself, whatever characters it has.
static int pattern_of(struct sl_arena *arena, const char *given, bool *is_folder, bool *is_file,
                      const char **ret, struct sl_err *err)
{
    struct sl_fs_stat stat;
    struct sl_err ignored = {0};
    const char *path;
    bool is_there = sl_fs_stat(given, &stat, &ignored) == SL_OK;
    *is_folder = is_there && stat.is_folder;
    *is_file = is_there && !stat.is_folder;
    *ret = given;
    if (!is_there)
        return SL_OK;
    SL_TRY(escape(arena, given, strlen(given), &path, err));
    *ret = *is_folder ? sl_path_join(arena, path, "**/*") : path;
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_group_files(struct sl_grouping *grouping, const char *pattern, struct sl_err *err)
{
    size_t first = grouping->group_count, count;
    bool is_folder, is_file;
    struct sl_source_part *parts;
    const char *glob;
    SL_TRY(pattern_of(grouping->arena, pattern, &is_folder, &is_file, &glob, err));
    SL_TRY(list(grouping->arena, glob, &parts, &count, err));
    if (!count)
        return sl_fail(err, SL_E_FILE_MISSING, "no file matches '%s'", pattern);
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_part(grouping, first, &parts[i], is_folder, err));
    for (size_t i = first; i < grouping->group_count; i++) {
        SL_TRY(name_group(grouping, &grouping->groups[i], is_file, err));
        SL_TRY(find_paths(grouping, &grouping->groups[i], is_folder ? NULL : glob, err));
    }
    return SL_OK;
}
