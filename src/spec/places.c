// Where things are written: no two into one place, and nothing among what it does not own.
#include "spec/load.h"

#include <ctype.h>
#include <string.h>

#include "base/fs.h"

// What a delivery writes, as a key: "/srv/out/orders" of a folder, "/srv/shop.db" of a database
// file. A table in a database has a key of its own behind it.
struct area {
    const char *path;
    const struct sl_target *target;
    const struct sl_delivery *delivery;
};

struct places {
    struct sl_load *load;
    struct area *areas;
    size_t count;
    struct sl_map by_path;  // path -> struct area: the first one that has it
    struct sl_map by_table; // key of a table in a database -> struct area
};

static bool is_database_file(const struct sl_target *target)
{
    return strcmp(target->type, "sqlite") == 0 || strcmp(target->type, "duckdb") == 0;
}

// Whether `path` is `folder` or lies in it. Both cleaned.
static bool is_in(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    return sl_str_starts(path, folder) &&
           (path[length] == '\0' || path[length] == '/' || strcmp(folder, "/") == 0);
}

// A path for people: seen from the project's folder if it lies in it.
static const char *shown(struct places *places, const char *path)
{
    struct sl_project *project = places->load->project;
    const char *relative = is_in(path, project->folder) && strcmp(path, project->folder) != 0
                               ? sl_path_relative(&project->arena, project->folder, path)
                               : NULL;

    return relative ? relative : path;
}

static void complain(struct places *places, struct sl_place place, const char *hint,
                     const char *message)
{
    sl_diag(&places->load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place, hint, "%s",
            message);
}

// --- lake and state

static int check_folder(struct places *places, const char *key, const char *path,
                        struct sl_err *err)
{
    struct sl_project *project = places->load->project;
    struct sl_fs_stat stat;
    const char *message =
        sl_arena_printf(&project->arena, "'%s' is a file, expected a folder", key);

    SL_TRY_NEW(message, err);
    if (sl_fs_stat(path, &stat, NULL) == SL_OK && !stat.is_folder)
        complain(places, sl_yaml_place(project->index->settings, key), "name another folder",
                 message);
    return SL_OK;
}

// A text that is no folder has been told of.
static bool is_folder_name(const struct sl_yaml *settings, const char *key)
{
    const struct sl_yaml *value = sl_yaml_get(settings, key);

    if (value && strcmp(key, "state") == 0 && sl_state_is_url(value->text))
        return true;
    return !value || (*value->text != '\0' && !strstr(value->text, "://")) ||
           value->kind == SL_YAML_NULL;
}

// The state folder may be deleted at any time, and a layer's folder holds nothing but tables.
static int check_lake(struct places *places, struct sl_err *err)
{
    struct sl_project *project = places->load->project;
    const struct sl_yaml *settings = project->index->settings;
    const char *lake = sl_path_clean(&project->arena, project->lake_folder);
    const char *state = sl_path_clean(&project->arena, project->state_folder);

    SL_TRY_NEW(lake, err);
    SL_TRY_NEW(state, err);
    if (!is_folder_name(settings, "lake") || !is_folder_name(settings, "state"))
        return SL_OK;
    SL_TRY(check_folder(places, "lake", lake, err));
    SL_TRY(check_folder(places, "state", state, err));
    if (is_in(lake, state)) {
        complain(places, sl_yaml_place(settings, sl_load_has(settings, "lake") ? "lake" : "state"),
                 "give the tables a folder of their own",
                 "the lake lies in the state folder, which may be deleted at any time");
        return SL_OK;
    }
    for (enum sl_layer layer = SL_LAYER_RAW; layer <= SL_LAYER_CURATED; layer++) {
        const char *tables = sl_path_join(&project->arena, lake, sl_layer_name(layer));

        SL_TRY_NEW(tables, err);
        if (is_in(state, tables))
            complain(places, sl_yaml_place(settings, "state"), "give it a folder of its own",
                     "the state folder lies among the tables of the lake");
    }
    return SL_OK;
}

// --- targets

// What is kept in a folder where no delivery may go.
struct guarded {
    const char *path, *what;
};
#define GUARDED_MAX 15

static int list_guarded(struct sl_project *project, struct guarded *ret, size_t *ret_count,
                        struct sl_err *err)
{
    static const char *const sources[] = {"sources", "contracts", "models", "targets", "tasks"};
    struct sl_arena *arena = &project->arena;
    size_t count = 0;

    ret[count++] = (struct guarded){sl_path_clean(arena, project->state_folder), "state folder"};
    for (enum sl_layer layer = SL_LAYER_RAW; layer <= SL_LAYER_CURATED; layer++) {
        const char *path = sl_path_join(arena, project->lake_folder, sl_layer_name(layer));

        SL_TRY_NEW(path, err);
        ret[count++] = (struct guarded){sl_path_clean(arena, path), "lake"};
    }
    ret[count++] =
        (struct guarded){sl_arena_printf(arena, "%s/_code", project->lake_folder), "lake"};
    ret[count++] =
        (struct guarded){sl_arena_printf(arena, "%s/_publications", project->lake_folder), "lake"};
    ret[count++] =
        (struct guarded){sl_arena_printf(arena, "%s/_profiles", project->lake_folder), "lake"};
    ret[count++] =
        (struct guarded){sl_arena_printf(arena, "%s/_tasks", project->lake_folder), "lake"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        ret[count++] =
            (struct guarded){sl_path_join(arena, project->folder, sources[i]), "project's files"};
    if (project->read_lake)
        ret[count++] = (struct guarded){sl_path_clean(arena, project->read_lake),
                                        "lake of the environment that is read"};
    for (size_t i = 0; i < count; i++)
        SL_TRY_NEW(ret[i].path, err);
    *ret_count = count;
    return SL_OK;
}

// Where a delivery's place stands in its file: the file of a database is the target's own.
static struct sl_place place_of(const struct area *area)
{
    return is_database_file(area->target) ? sl_yaml_place(area->target->node, "path")
                                          : sl_yaml_place(area->delivery->node, "to");
}

static void check_guarded(struct places *places, const struct area *area,
                          const struct guarded *guarded, size_t guarded_count)
{
    struct sl_diags *diags = &places->load->project->diags;

    for (size_t i = 0; i < guarded_count; i++)
        if (is_in(area->path, guarded[i].path) || is_in(guarded[i].path, area->path)) {
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place_of(area),
                    "deliver to a place of its own", "'%s' would be delivered into the %s, '%s'",
                    area->delivery->table, guarded[i].what, shown(places, guarded[i].path));
            return;
        }
}

// The key of the table at a server or in a database file; NULL for a folder.
static int table_key(struct sl_arena *arena, const struct area *area, const char **ret,
                     struct sl_err *err)
{
    const struct sl_target *target = area->target;
    char *key;

    *ret = NULL;
    if (target->dsn) {
        *ret = sl_arena_printf(arena, "%s\n%.*s\n%.*s", target->dsn, SL_POSTGRES_NAME_BYTES,
                               target->schema, SL_POSTGRES_NAME_BYTES, area->delivery->to);
        SL_TRY_NEW(*ret, err);
    }
    if (target->dsn || !is_database_file(target))
        return SL_OK;
    key = sl_arena_printf(arena, "%s\n%s", area->path, area->delivery->to);
    SL_TRY_NEW(key, err);
    for (char *at = key + strlen(area->path); *at; at++) // both take names without their case
        *at = (char)tolower((unsigned char)*at);
    *ret = key;
    return SL_OK;
}

static void report_shared(struct places *places, const struct area *area, const struct area *other)
{
    struct sl_diags *diags = &places->load->project->diags;
    struct sl_place place = sl_yaml_place(area->delivery->node, "to");
    const struct sl_target *target = area->target;

    if (target == other->target)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE, place,
                target->dsn ? "PostgreSQL keeps 63 bytes of a name: give one of them another"
                            : "names that differ only in case are the same there: give one of "
                              "them another name",
                "'%s' and '%s' are both delivered to '%s'", other->delivery->table,
                area->delivery->table, other->delivery->to);
    else
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE, place,
                "give one of them another name with 'to'",
                "'%s' is delivered to the place where '%s' delivers '%s'", area->delivery->table,
                other->target->file, other->delivery->table);
}

static int enter_table(struct places *places, struct area *area, struct sl_err *err)
{
    const struct area *other;
    const char *key;

    SL_TRY(table_key(&places->load->project->arena, area, &key, err));
    if (!key)
        return SL_OK;
    other = sl_map_get(&places->by_table, key);
    if (!other)
        return sl_map_set(&places->by_table, key, area, err);
    if (other->target != area->target || strcmp(other->delivery->to, area->delivery->to) != 0)
        report_shared(places, area, other);
    return SL_OK;
}

static int enter_path(struct places *places, struct area *area, struct sl_err *err)
{
    const struct area *other = sl_map_get(&places->by_path, area->path);

    if (!other)
        return sl_map_set(&places->by_path, area->path, area, err);
    if (other->target == area->target)
        return SL_OK; // its own reader tells
    if (!is_database_file(area->target) && !is_database_file(other->target))
        report_shared(places, area, other);
    else if (strcmp(other->target->type, area->target->type) != 0)
        sl_diag(&places->load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                place_of(area), "give it a file of its own",
                "'%s' is what '%s' delivers to, a target of type '%s'", shown(places, area->path),
                other->target->file, other->target->type);
    return SL_OK;
}

// A folder is exchanged as a whole: what another delivery wrote into it would be gone.
static int check_outer(struct places *places, const struct area *area, struct sl_err *err)
{
    const char *outer = area->path;

    while (strcmp(outer, "/") != 0) {
        const struct area *other;

        outer = sl_path_folder(&places->load->project->arena, outer);
        SL_TRY_NEW(outer, err);
        other = sl_map_get(&places->by_path, outer);
        if (!other)
            continue;
        sl_diag(&places->load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                place_of(area), "deliver to a place of its own",
                "'%s' would be delivered into '%s', where '%s' delivers '%s'",
                area->delivery->table, shown(places, outer), other->target->file,
                other->delivery->table);
        return SL_OK;
    }
    return SL_OK;
}

// The files that a delivery can write, as globs with '*' alone: the file of a database, or those in
// a folder and what is said of them beside.
static int list_written(struct sl_arena *arena, const struct area *area, struct sl_strs *ret,
                        struct sl_err *err)
{
    const struct sl_delivery *delivery = area->delivery;
    bool has_folders = delivery->write == SL_WRITE_PARTITION && // of partitions
                       strcmp(area->target->type, "jsonl") != 0;
    const char *folder = area->path;
    const char *file;

    if (is_database_file(area->target))
        return sl_strs_add(ret, arena, area->path, err);
    file = sl_path_join(arena, folder, "_sluice.json");
    SL_TRY_NEW(file, err);
    SL_TRY(sl_strs_add(ret, arena, file, err));
    for (size_t i = 0; has_folders && i < delivery->partition_by.count; i++) {
        folder = sl_arena_printf(arena, "%s/%s=*", folder, delivery->partition_by.items[i]);
        SL_TRY_NEW(folder, err);
    }
    file = sl_arena_printf(arena, "%s/%s-*.%s", folder, delivery->to, area->target->type);
    SL_TRY_NEW(file, err);
    return sl_strs_add(ret, arena, file, err);
}

static int find_reader(struct places *places, const struct sl_source *source,
                       const struct sl_strs *written, const char **ret, struct sl_err *err)
{
    for (size_t i = 0; i < source->paths.count; i++) {
        const char *pattern = sl_path_clean(&places->load->project->arena, source->paths.items[i]);

        SL_TRY_NEW(pattern, err);
        for (size_t k = 0; k < written->count; k++) {
            bool is_read;

            SL_TRY(sl_fs_glob_meets(pattern, written->items[k], &is_read, err));
            if (is_read) {
                *ret = pattern;
                return SL_OK;
            }
        }
    }
    return SL_OK;
}

// What a source reads and a run writes would grow with every run.
static int check_sources(struct places *places, const struct area *area, struct sl_err *err)
{
    struct sl_project *project = places->load->project;
    struct sl_strs written = {0};

    SL_TRY(list_written(&project->arena, area, &written, err));
    for (size_t i = 0; i < project->source_count; i++) {
        const struct sl_source *source = &project->sources[i];
        const char *pattern = NULL;
        const char *hint = sl_arena_printf(
            &project->arena, "deliver to another place, or let 'path' in %s leave it out",
            source->file);

        SL_TRY_NEW(hint, err);
        SL_TRY(find_reader(places, source, &written, &pattern, err));
        if (!pattern)
            continue;
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place_of(area), hint,
                "'%s' would be delivered into '%s', which source '%s' reads as '%s'",
                area->delivery->table, shown(places, area->path), source->name,
                shown(places, pattern));
        return SL_OK;
    }
    return SL_OK;
}

static int check_path(struct places *places, const struct sl_target *target, struct sl_err *err)
{
    struct sl_fs_stat stat;
    bool is_file = is_database_file(target);
    const char *message = sl_arena_printf(
        &places->load->project->arena, "'path' is a %s, expected a %s for a target of type '%s'",
        is_file ? "folder" : "file", is_file ? "file" : "folder", target->type);

    SL_TRY_NEW(message, err);
    if (sl_fs_stat(target->path, &stat, NULL) == SL_OK && stat.is_folder == is_file)
        complain(places, sl_yaml_place(target->node, "path"), "name another place", message);
    return SL_OK;
}

// A target without a usable place has been told of.
static bool has_place(const struct sl_target *target)
{
    return target->dsn || (target->path && *target->path == '/');
}

static int add_areas(struct places *places, const struct sl_target *target, struct sl_err *err)
{
    struct sl_arena *arena = &places->load->project->arena;

    for (size_t i = 0; i < target->delivery_count; i++) {
        struct area area = {.target = target, .delivery = &target->deliveries[i]};

        if (!area.delivery->table)
            continue;
        if (target->path) {
            const char *path = is_database_file(target)
                                   ? target->path
                                   : sl_path_join(arena, target->path, area.delivery->to);

            SL_TRY_NEW(path, err);
            area.path = sl_path_clean(arena, path);
            SL_TRY_NEW(area.path, err);
        }
        if (!SL_PUSH(arena, places->areas, places->count, area))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int check_targets(struct places *places, struct sl_err *err)
{
    struct sl_project *project = places->load->project;
    struct guarded guarded[GUARDED_MAX];
    size_t guarded_count;

    SL_TRY(list_guarded(project, guarded, &guarded_count, err));
    for (size_t i = 0; i < project->target_count; i++) {
        const struct sl_target *target = &project->targets[i];

        if (!has_place(target))
            continue;
        if (target->path)
            SL_TRY(check_path(places, target, err));
        SL_TRY(add_areas(places, target, err));
    }
    for (size_t i = 0; i < places->count; i++) {
        struct area *area = &places->areas[i];

        SL_TRY(enter_table(places, area, err));
        if (!area->path)
            continue;
        check_guarded(places, area, guarded, guarded_count);
        SL_TRY(enter_path(places, area, err));
        SL_TRY(check_sources(places, area, err));
    }
    for (size_t i = 0; i < places->count; i++)
        if (places->areas[i].path)
            SL_TRY(check_outer(places, &places->areas[i], err));
    return SL_OK;
}

static void places_clear(struct places *places)
{
    sl_map_clear(&places->by_path);
    sl_map_clear(&places->by_table);
}

int sl_check_places(struct sl_load *load, struct sl_err *err)
{
    SL_AUTO(places_clear) struct places places = {.load = load};

    SL_TRY(check_lake(&places, err));
    return check_targets(&places, err);
}
