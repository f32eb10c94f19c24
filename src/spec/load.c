#include "spec/load.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

#define MOST_BYTES ((size_t)8 << 20)
#define DEEPEST_FOLDER 20
#define LONGEST_NAME 63

struct search {
    struct sl_load *load;
    const char *const *endings;
    struct sl_load_file *files;
    size_t count;
};

// The ending of `name` that is asked for, or NULL.
static const char *ending_of(const char *name, const char *const *endings)
{
    for (; *endings; endings++)
        if (sl_str_ends(name, *endings))
            return *endings;
    return NULL;
}

static int is_folder(struct sl_load *load, const char *path, bool *ret, struct sl_err *err)
{
    struct sl_fs_stat stat;
    const char *full = sl_path_join(&load->project->arena, load->project->folder, path);

    SL_TRY_NEW(full, err);
    *ret = sl_fs_stat(full, &stat, NULL) == SL_OK && stat.is_folder;
    return SL_OK;
}

static int search_folder(struct search *search, const char *folder, int depth, struct sl_err *err);

// A file, a folder with files, or something else that lies there.
static int search_entry(struct search *search, const char *path, const char *name, int depth,
                        struct sl_err *err)
{
    struct sl_arena *arena = &search->load->project->arena;
    const char *ending = ending_of(name, search->endings);
    struct sl_load_file file = {.path = path};
    bool is_below = false;

    if (!ending) {
        SL_TRY(is_folder(search->load, path, &is_below, err));
        return is_below && depth < DEEPEST_FOLDER ? search_folder(search, path, depth + 1, err)
                                                  : SL_OK;
    }
    file.name = sl_arena_strndup(arena, name, strlen(name) - strlen(ending));
    SL_TRY_NEW(file.name, err);
    return SL_PUSH(arena, search->files, search->count, file) ? SL_OK : sl_fail_memory(err);
}

static int search_folder(struct search *search, const char *folder, int depth, struct sl_err *err)
{
    struct sl_arena *arena = &search->load->project->arena;
    const char *full = sl_path_join(arena, search->load->project->folder, folder);
    struct sl_strs names = {0};

    SL_TRY_NEW(full, err);
    SL_TRY(sl_fs_list(full, arena, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_path_join(arena, folder, names.items[i]);

        SL_TRY_NEW(path, err);
        if (names.items[i][0] != '.')
            SL_TRY(search_entry(search, path, names.items[i], depth, err));
    }
    return SL_OK;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct sl_load_file *)a)->path, ((const struct sl_load_file *)b)->path);
}

int sl_load_find(struct sl_load *load, const char *folder, const char *const *endings,
                 struct sl_load_file **ret, size_t *ret_count, struct sl_err *err)
{
    struct search search = {.load = load, .endings = endings};
    struct sl_err failure = {0};
    bool is_there = false;
    int code;

    SL_TRY(is_folder(load, folder, &is_there, err));
    code = is_there ? search_folder(&search, folder, 0, &failure) : SL_OK;
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        sl_diag_err(&load->project->diags, SL_SEVERITY_ERROR, &failure,
                    (struct sl_place){.file = folder});
    if (search.count)
        qsort(search.files, search.count, sizeof *search.files, compare_files);
    *ret = search.files;
    *ret_count = search.count;
    return SL_OK;
}

int sl_load_text(struct sl_load *load, const char *path, const char **ret, size_t *ret_length,
                 struct sl_err *err)
{
    struct sl_err failure = {0};
    const char *full = sl_path_join(&load->project->arena, load->project->folder, path);
    int code;

    SL_TRY_NEW(full, err);
    *ret = NULL;
    *ret_length = 0;
    code = sl_fs_read(full, MOST_BYTES, &load->project->arena, ret, ret_length, &failure);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK) {
        *ret = NULL;
        sl_diag_err(&load->project->diags, SL_SEVERITY_ERROR, &failure,
                    (struct sl_place){path, 1, 1});
    }
    return SL_OK;
}

int sl_load_yaml(struct sl_load *load, const char *path, struct sl_yaml **ret, struct sl_err *err)
{
    const char *text;
    size_t length;

    *ret = NULL;
    SL_TRY(sl_load_text(load, path, &text, &length, err));
    if (!text)
        return SL_OK;
    SL_TRY(sl_yaml_parse(text, length, path, 1, 1, &load->project->arena, &load->project->diags,
                         ret, err));
    if (*ret && (*ret)->kind != SL_YAML_MAP) {
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, (*ret)->place,
                "a file of keys and values is expected: 'description: ...'",
                "the file is %s, not a map",
                (*ret)->kind == SL_YAML_NULL ? "empty" : sl_yaml_describe(*ret));
        *ret = NULL;
    }
    return SL_OK;
}

static bool is_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return islower((unsigned char)name[0]) && name[length] == '\0' && length <= LONGEST_NAME;
}

void sl_load_check_name(struct sl_load *load, const char *file, const char *name)
{
    const char *slug;
    const char *hint =
        "lower-case letters, digits and underscores, a letter first, at most 63 characters";

    if (is_name(name))
        return;
    slug = sl_str_slug(&load->project->arena, name);
    if (slug && is_name(slug))
        hint = sl_arena_printf(&load->project->arena, "rename the file so that the name is '%s'",
                               slug);
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_INVALID,
            (struct sl_place){file, 1, 1}, hint, "'%s' cannot be the name of a table", name);
}

int sl_load_register(struct sl_load *load, struct sl_map *map, const char *name, const char *file,
                     void *thing, const char *(*file_of)(const void *thing), struct sl_err *err)
{
    const void *other = sl_map_get(map, name);

    if (!other)
        return sl_map_set(map, name, thing, err);
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE,
            (struct sl_place){file, 1, 1},
            "names are file names without folder and ending: rename one of the two files",
            "the name '%s' is taken by '%s'", name, file_of(other));
    return SL_OK;
}

size_t sl_load_item_count(const struct sl_yaml *node)
{
    if (!node || node->kind == SL_YAML_NULL || node->kind == SL_YAML_MAP)
        return 0;
    return node->kind == SL_YAML_LIST ? node->count : 1;
}

const struct sl_yaml *sl_load_item(const struct sl_yaml *node, size_t index)
{
    return node->kind == SL_YAML_LIST ? node->items[index] : node;
}

struct sl_place sl_load_key_place(const struct sl_yaml *map, const char *key)
{
    for (size_t i = 0; map && map->kind == SL_YAML_MAP && i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->keys[i]->place;
    return map ? map->place : (struct sl_place){0};
}

// Says what is wrong with the item at `index`: `length` bytes of its text are the column's name.
static void check_column(struct sl_load *load, const struct sl_yaml *list, size_t index,
                         size_t length, const char *key)
{
    const struct sl_yaml *item = sl_load_item(list, index);

    if (length == 0) {
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, item->place, NULL,
                "an empty column name in '%s'", key);
        return;
    }
    for (size_t i = 0; i < index; i++) {
        const char *other = sl_load_item(list, i)->text;

        if (strncasecmp(other, item->text, length) == 0 &&
            (other[length] == '\0' || other[length] == ' ')) {
            sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, item->place, NULL,
                    "'%.*s' stands twice in '%s'", (int)length, item->text, key);
            return;
        }
    }
}

void sl_load_check_columns(struct sl_load *load, const struct sl_yaml *map, const char *key)
{
    const struct sl_yaml *list = sl_yaml_get(map, key);

    for (size_t i = 0; i < sl_load_item_count(list); i++)
        if (sl_load_item(list, i)->kind == SL_YAML_SCALAR)
            check_column(load, list, i, strlen(sl_load_item(list, i)->text), key);
}

void sl_load_check_order(struct sl_load *load, const struct sl_yaml *map, const char *key)
{
    const struct sl_yaml *list = sl_yaml_get(map, key);

    for (size_t i = 0; i < sl_load_item_count(list); i++) {
        const struct sl_yaml *item = sl_load_item(list, i);
        const char *blank;

        if (item->kind != SL_YAML_SCALAR)
            continue;
        // Whatever else follows a blank is of the name.
        blank = strrchr(item->text, ' ');
        if (blank && !sl_str_equal_nocase(blank, " asc") && !sl_str_equal_nocase(blank, " desc"))
            blank = NULL;
        check_column(load, list, i, blank ? (size_t)(blank - item->text) : strlen(item->text), key);
    }
}

void sl_load_check_write(struct sl_load *load, const struct sl_yaml *map, int write,
                         const struct sl_strs *key, const struct sl_strs *partition_by)
{
    struct sl_diags *diags = &load->project->diags;

    if ((write == SL_WRITE_MERGE || write == SL_WRITE_SNAPSHOT) && key->count == 0)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, sl_yaml_place(map, "write"),
                "name the columns that tell rows apart, such as 'key: [order_id]'",
                "'write: %s' needs a 'key'", sl_write_mode_name((enum sl_write_mode)write));
    if (write == SL_WRITE_PARTITION && partition_by->count == 0)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, sl_yaml_place(map, "write"),
                "name the columns whose values make a partition, such as 'partition_by: [day]'",
                "'write: partition' needs 'partition_by'");
    sl_load_check_columns(load, map, "key");
    sl_load_check_columns(load, map, "partition_by");
}

bool sl_load_has(const struct sl_yaml *map, const char *key)
{
    const struct sl_yaml *value = sl_yaml_get(map, key);

    return value && value->kind != SL_YAML_NULL;
}

static const struct sl_opt *find_row(const struct sl_opt *rows, const char *key)
{
    for (; rows->name; rows++)
        if (strcmp(rows->name, key) == 0)
            return rows;
    return NULL;
}

static bool is_unreadable(const struct sl_opt *row, const struct sl_yaml *value)
{
    return row->type != SL_OPT_STRING && row->type != SL_OPT_STRINGS && row->type != SL_OPT_NODE &&
           value->kind == SL_YAML_SCALAR && strstr(value->text, "${");
}

static int copy_items(const struct sl_opt *row, const struct sl_yaml *value, struct sl_arena *arena,
                      struct sl_yaml **ret, struct sl_err *err)
{
    struct sl_yaml *copy = SL_NEW(arena, struct sl_yaml);

    SL_TRY_NEW(copy, err);
    *copy = *value;
    copy->items = SL_NEW_ARRAY(arena, struct sl_yaml *, value->count);
    SL_TRY_NEW(copy->items, err);
    for (size_t i = 0; i < value->count; i++) {
        const struct sl_yaml *item;

        SL_TRY(sl_load_without_references(row->rows, value->items[i], arena, &item, err));
        copy->items[i] = (struct sl_yaml *)(uintptr_t)item;
    }
    *ret = copy;
    return SL_OK;
}

static int copy_value(const struct sl_opt *row, struct sl_yaml *value, struct sl_arena *arena,
                      struct sl_yaml **ret, struct sl_err *err)
{
    const struct sl_yaml *copy = value;

    if (row && row->rows && (value->kind == SL_YAML_LIST || (row->flags & SL_OPT_BY_NAME)))
        return copy_items(row, value, arena, ret, err);
    if (row && row->rows)
        SL_TRY(sl_load_without_references(row->rows, value, arena, &copy, err));
    *ret = (struct sl_yaml *)(uintptr_t)copy;
    return SL_OK;
}

int sl_load_without_references(const struct sl_opt *rows, const struct sl_yaml *map,
                               struct sl_arena *arena, const struct sl_yaml **ret,
                               struct sl_err *err)
{
    struct sl_yaml *copy;

    *ret = map;
    if (!map || map->kind != SL_YAML_MAP)
        return SL_OK;
    copy = SL_NEW(arena, struct sl_yaml);
    SL_TRY_NEW(copy, err);
    *copy = (struct sl_yaml){.kind = SL_YAML_MAP, .place = map->place, .text = ""};
    copy->keys = SL_NEW_ARRAY(arena, struct sl_yaml *, map->count);
    copy->items = SL_NEW_ARRAY(arena, struct sl_yaml *, map->count);
    SL_TRY_NEW(copy->keys, err);
    SL_TRY_NEW(copy->items, err);
    for (size_t i = 0; i < map->count; i++) {
        const struct sl_opt *row = find_row(rows, map->keys[i]->text);

        if (row && is_unreadable(row, map->items[i]))
            continue;
        copy->keys[copy->count] = map->keys[i];
        SL_TRY(copy_value(row, map->items[i], arena, &copy->items[copy->count], err));
        copy->count++;
    }
    *ret = copy;
    return SL_OK;
}

int sl_load_read(struct sl_load *load, const struct sl_opt *rows, const struct sl_yaml *map,
                 const char *what, void *into, struct sl_err *err)
{
    const struct sl_yaml *readable = map;
    struct sl_project *project = load->project;

    if (!load->resolver)
        SL_TRY(sl_load_without_references(rows, map, &project->arena, &readable, err));
    return sl_opt_read(rows, readable, what, into, load->resolver, &project->arena, &project->diags,
                       err);
}
