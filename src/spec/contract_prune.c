// What of a contract nobody reads: parts of the standard that are not used are noted, keys outside
// the standard are reported.
#include "spec/contract_file.h"

#include <string.h>

#define NOT_STANDARD "key '%s' is not part of the standard here"

// Where in the standard we are.
struct level {
    const struct sl_opt *rows;
    const char *path; // "schema.properties"
};

static int prune_map(struct sl_odcs_reader *reader, struct level level, const struct sl_yaml *map,
                     struct sl_yaml **ret, struct sl_err *err);

int sl_odcs_unread(struct sl_odcs_reader *reader, const char *part, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    const char *copy;

    if (sl_map_has(&reader->unread, part))
        return SL_OK;
    copy = sl_arena_strdup(arena, part);
    SL_TRY_NEW(copy, err);
    SL_TRY(sl_map_set(&reader->unread, copy, (void *)(uintptr_t)copy, err));
    return sl_strs_add(&reader->contract->unread, arena, copy, err);
}

static const struct sl_opt *find_row(const struct sl_opt *rows, const char *key)
{
    for (; rows->name; rows++)
        if (strcmp(rows->name, key) == 0 && rows->name[0] != '@')
            return rows;
    return NULL;
}

static bool is_unread(const struct sl_opt *row)
{
    return row->type == SL_OPT_NODE && row->offset == 0;
}

static int report_unknown(struct sl_odcs_reader *reader, const struct sl_opt *rows,
                          const struct sl_yaml *key, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_strs known = {0};
    const char *hint;

    for (; rows->name; rows++)
        if (rows->name[0] != '@')
            SL_TRY(sl_strs_add(&known, arena, rows->name, err));
    hint = sl_did_you_mean(arena, key->text, known.items, known.count);
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_KEY_UNKNOWN, key->place,
            hint ? hint : "what the standard has no word for stands in customProperties",
            NOT_STANDARD, key->text);
    return SL_OK;
}

// A part that is kept whole: only its keys are looked at.
static int check_part(struct sl_odcs_reader *reader, const struct sl_opt *rows,
                      const struct sl_yaml *value, struct sl_err *err)
{
    for (size_t i = 0; i < value->count; i++) {
        const struct sl_opt *row;

        if (value->kind == SL_YAML_LIST) {
            SL_TRY(check_part(reader, rows, value->items[i], err));
            continue;
        }
        row = find_row(rows, value->keys[i]->text);
        if (!row)
            SL_TRY(report_unknown(reader, rows, value->keys[i], err));
        else if (row->rows)
            SL_TRY(check_part(reader, row->rows, value->items[i], err));
    }
    return SL_OK;
}

static int prune_list(struct sl_odcs_reader *reader, struct level level, const struct sl_yaml *list,
                      struct sl_yaml **ret, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_yaml *copy = SL_NEW(arena, struct sl_yaml);

    SL_TRY_NEW(copy, err);
    *copy = *list;
    copy->items = SL_NEW_ARRAY(arena, struct sl_yaml *, list->count);
    SL_TRY_NEW(copy->items, err);
    for (size_t i = 0; i < list->count; i++) {
        copy->items[i] = list->items[i];
        if (list->items[i]->kind == SL_YAML_MAP)
            SL_TRY(prune_map(reader, level, list->items[i], &copy->items[i], err));
    }
    *ret = copy;
    return SL_OK;
}

// One key of a map; *ret stays NULL if it is left out.
static int prune_value(struct sl_odcs_reader *reader, struct level level, const struct sl_yaml *key,
                       struct sl_yaml *value, struct sl_yaml **ret, struct sl_err *err)
{
    const struct sl_opt *row = find_row(level.rows, key->text);
    const char *dot = *level.path ? "." : "";
    const char *part =
        sl_arena_printf(&reader->project->arena, "%s%s%s", level.path, dot, key->text);

    SL_TRY_NEW(part, err);
    *ret = NULL;
    if (!row)
        SL_TRY(report_unknown(reader, level.rows, key, err));
    if (value->kind == SL_YAML_NULL)
        return SL_OK;
    if (row && row->rows && row->type == SL_OPT_NODE && !(row->flags & SL_OPT_OPEN))
        SL_TRY(check_part(reader, row->rows, value, err));
    if (!row || is_unread(row))
        return sl_odcs_unread(reader, part, err);
    if (row->rows && row->type != SL_OPT_NODE && value->kind == SL_YAML_LIST)
        return prune_list(reader, (struct level){row->rows, part}, value, ret, err);
    if (row->rows && row->type != SL_OPT_NODE && value->kind == SL_YAML_MAP)
        return prune_map(reader, (struct level){row->rows, part}, value, ret, err);
    *ret = value;
    return SL_OK;
}

static int prune_map(struct sl_odcs_reader *reader, struct level level, const struct sl_yaml *map,
                     struct sl_yaml **ret, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_yaml *copy = SL_NEW(arena, struct sl_yaml);

    SL_TRY_NEW(copy, err);
    *copy = *map;
    copy->count = 0;
    copy->keys = SL_NEW_ARRAY(arena, struct sl_yaml *, map->count);
    copy->items = SL_NEW_ARRAY(arena, struct sl_yaml *, map->count);
    SL_TRY_NEW(copy->keys, err);
    SL_TRY_NEW(copy->items, err);
    for (size_t i = 0; i < map->count; i++) {
        struct sl_yaml *value;

        SL_TRY(prune_value(reader, level, map->keys[i], map->items[i], &value, err));
        if (!value)
            continue;
        copy->keys[copy->count] = map->keys[i];
        copy->items[copy->count++] = value;
    }
    *ret = copy;
    return SL_OK;
}

int sl_odcs_prune_property(struct sl_odcs_reader *reader, const struct sl_yaml *node,
                           struct sl_yaml **ret, struct sl_err *err)
{
    return prune_map(reader, (struct level){sl_odcs_property_rows, "schema.properties"}, node, ret,
                     err);
}

int sl_odcs_prune(struct sl_odcs_reader *reader, const struct sl_yaml *node, struct sl_yaml **ret,
                  struct sl_err *err)
{
    return prune_map(reader, (struct level){sl_contract_rows, ""}, node, ret, err);
}
