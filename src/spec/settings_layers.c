// What is laid over sluice.yml: the chosen environment's section, then SLUICE_* variables, then
// flags.
#include "spec/load.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE_PREFIX "SLUICE_"

static struct sl_yaml *new_map(struct sl_arena *arena, struct sl_place place)
{
    struct sl_yaml *map = SL_NEW(arena, struct sl_yaml);

    if (map)
        *map = (struct sl_yaml){.kind = SL_YAML_MAP, .place = place, .text = ""};
    return map;
}

static int set_key(struct sl_arena *arena, struct sl_yaml *map, struct sl_yaml *key,
                   struct sl_yaml *value, struct sl_err *err)
{
    size_t key_count = map->count;

    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key->text) == 0) {
            map->items[i] = value;
            return SL_OK;
        }
    if (!SL_PUSH(arena, map->keys, key_count, key) ||
        !SL_PUSH(arena, map->items, map->count, value))
        return sl_fail_memory(err);
    return SL_OK;
}

// Lays the keys of `over` into `map`: maps are merged, everything else is replaced. Recursion is
// bounded by the YAML reader.
static int lay_over(struct sl_arena *arena, struct sl_yaml *map, const struct sl_yaml *over,
                    struct sl_err *err)
{
    for (size_t i = 0; over && over->kind == SL_YAML_MAP && i < over->count; i++) {
        struct sl_yaml *value = over->items[i];
        const struct sl_yaml *below = sl_yaml_get(map, over->keys[i]->text);

        if (value->kind == SL_YAML_NULL)
            continue;
        if (value->kind == SL_YAML_MAP) {
            struct sl_yaml *merged = new_map(arena, value->place);

            SL_TRY_NEW(merged, err);
            SL_TRY(lay_over(arena, merged, below, err));
            SL_TRY(lay_over(arena, merged, value, err));
            value = merged;
        }
        SL_TRY(set_key(arena, map, over->keys[i], value, err));
    }
    return SL_OK;
}

static struct sl_yaml *new_scalar(struct sl_arena *arena, const char *text, const char *origin)
{
    struct sl_yaml *node = SL_NEW(arena, struct sl_yaml);

    if (!node)
        return NULL;
    *node = (struct sl_yaml){
        .kind = SL_YAML_SCALAR, .place = {.file = origin}, .text = sl_arena_strdup(arena, text)};
    return node->text ? node : NULL;
}

// "a, b" of a variable or flag is a list where the row is one.
static int new_value(struct sl_arena *arena, const struct sl_opt *row, const char *text,
                     const char *origin, struct sl_yaml **ret, struct sl_err *err)
{
    struct sl_yaml *list;
    char *copy;
    char *rest;

    *ret = new_scalar(arena, text, origin);
    SL_TRY_NEW(*ret, err);
    if (row->type != SL_OPT_STRINGS)
        return SL_OK;
    list = new_map(arena, (*ret)->place);
    copy = sl_arena_strdup(arena, text);
    SL_TRY_NEW(list, err);
    SL_TRY_NEW(copy, err);
    list->kind = SL_YAML_LIST;
    for (const char *item = strtok_r(copy, ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) {
        struct sl_yaml *node = new_scalar(arena, item, origin);

        if (!node || !SL_PUSH(arena, list->items, list->count, node))
            return sl_fail_memory(err);
    }
    *ret = list;
    return SL_OK;
}

// Puts a value at "engine" + "threads", or at "lake" when `group` is NULL.
static int put(struct sl_load *load, const struct sl_opt *group, const struct sl_opt *row,
               const char *text, const char *origin, struct sl_err *err)
{
    struct sl_arena *arena = &load->project->arena;
    struct sl_yaml *map = new_map(arena, (struct sl_place){.file = origin});
    struct sl_yaml *value;
    struct sl_yaml *key = new_scalar(arena, row->name, origin);

    SL_TRY_NEW(map, err);
    SL_TRY_NEW(key, err);
    SL_TRY(new_value(arena, row, text, origin, &value, err));
    SL_TRY(set_key(arena, map, key, value, err));
    if (group) {
        struct sl_yaml *outer = new_map(arena, map->place);

        SL_TRY_NEW(outer, err);
        key = new_scalar(arena, group->name, origin);
        SL_TRY_NEW(key, err);
        SL_TRY(set_key(arena, outer, key, map, err));
        map = outer;
    }
    return lay_over(arena, load->project->index->settings, map, err);
}

// SLUICE_ENGINE_THREADS for engine.threads.
static int put_variable(struct sl_load *load, const struct sl_opt *group, const struct sl_opt *row,
                        struct sl_err *err)
{
    struct sl_arena *arena = &load->project->arena;
    char *name = sl_arena_printf(arena, VARIABLE_PREFIX "%s%s%s", group ? group->name : "",
                                 group ? "_" : "", row->name);
    const char *origin;
    const char *text;

    SL_TRY_NEW(name, err);
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    text = sl_load_variable(load, name, &origin);
    if (sl_str_is_empty(text))
        return SL_OK;
    SL_TRY_NEW(origin, err);
    return put(load, group, row, text, origin, err);
}

static int put_variables(struct sl_load *load, struct sl_err *err)
{
    for (const struct sl_opt *row = sl_project_rows; row->name; row++) {
        if (row->type == SL_OPT_LIST)
            continue;
        if (row->type != SL_OPT_OBJECT)
            SL_TRY(put_variable(load, NULL, row, err));
        else
            for (const struct sl_opt *inner = row->rows; inner->name; inner++)
                if (!inner->rows) // what holds others is no single value
                    SL_TRY(put_variable(load, row, inner, err));
    }
    return SL_OK;
}

static const struct sl_opt *find_row(const struct sl_opt *rows, const char *name, size_t length)
{
    for (; rows->name; rows++)
        if (strlen(rows->name) == length && strncmp(rows->name, name, length) == 0)
            return rows;
    return NULL;
}

// One "engine.threads=4" of a flag.
static int put_override(struct sl_load *load, const char *text, struct sl_err *err)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    const char *dot = memchr(text, '.', length);
    const struct sl_opt *row = find_row(sl_project_rows, text, dot ? (size_t)(dot - text) : length);
    const struct sl_opt *group = NULL;

    if (row && dot && row->type == SL_OPT_OBJECT) {
        group = row;
        row = find_row(group->rows, dot + 1, length - (size_t)(dot - text) - 1);
    } else if (dot) {
        row = NULL;
    }
    if (equals && row && !row->rows)
        return put(load, group, row, equals + 1, "flag", err);
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_USAGE, (struct sl_place){0},
            "write KEY=VALUE, such as engine.threads=4; `sluice config show` lists the keys",
            "'%s' sets nothing", text);
    return SL_OK;
}

int sl_settings_layer(struct sl_load *load, const struct sl_project_options *options,
                      struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct sl_yaml *settings = new_map(&project->arena, (struct sl_place){SL_PROJECT_FILE, 1, 1});

    SL_TRY_NEW(settings, err);
    project->index->settings = settings;
    for (size_t i = 0; project->node && i < project->node->count; i++)
        if (strcmp(project->node->keys[i]->text, "environments") != 0)
            SL_TRY(set_key(&project->arena, settings, project->node->keys[i],
                           project->node->items[i], err));
    SL_TRY(lay_over(&project->arena, settings, project->index->section, err));
    SL_TRY(put_variables(load, err));
    for (size_t i = 0; i < options->overrides.count; i++)
        SL_TRY(put_override(load, options->overrides.items[i], err));
    return SL_OK;
}
