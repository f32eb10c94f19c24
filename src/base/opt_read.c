// Project files: a map of a YAML file into a struct.
#include "base/opt_value.h"

#include "base/log.h"

#include <string.h>

struct reader {
    const struct sl_opt_resolver *resolver;
    struct sl_arena *arena;
    struct sl_diags *diags;
    struct sl_err *err;
};

// A map that is being read, and what messages call it: "source 'orders'".
struct target {
    const struct sl_opt *rows;
    const struct sl_yaml *map; // NULL: nothing there, defaults only
    const char *what;
    struct sl_place place;
    void *into;
    const char *name; // of an item of a BY_NAME map
    bool is_open;     // unknown keys are fine
};

static int read_map(const struct reader *reader, const struct target *target);

// "a,b" for STRINGS. A default that does not fit its row is our mistake.
static int set_default(const struct sl_opt *row, void *into, struct sl_arena *arena,
                       struct sl_err *err)
{
    struct sl_strs *list = sl_opt_field(row, into);
    char *text;
    char *rest;

    if (row->type == SL_OPT_OBJECT)
        return sl_opt_defaults(row->rows, list, arena, err);
    if (!row->otherwise)
        return SL_OK;
    if (row->type != SL_OPT_STRINGS)
        return sl_opt_set(row, row->otherwise, into)
                   ? SL_OK
                   : sl_fail(err, SL_E_INTERNAL, "default '%s' does not fit option '%s'",
                             row->otherwise, row->name);
    text = sl_arena_strdup(arena, row->otherwise);
    SL_TRY_NEW(text, err);
    for (const char *item = strtok_r(text, ",", &rest); item; item = strtok_r(NULL, ",", &rest))
        SL_TRY(sl_strs_add(list, arena, item, err));
    return SL_OK;
}

int sl_opt_defaults(const struct sl_opt *rows, void *into, struct sl_arena *arena,
                    struct sl_err *err)
{
    for (const struct sl_opt *row = rows; row->name; row++)
        SL_TRY(set_default(row, into, arena, err));
    return SL_OK;
}

// Hides what stood in place of "${...}", alone and with what is around it.
static int hide_resolved(const struct reader *reader, const char *text, const char *resolved)
{
    const char *begin = strstr(text, "${");
    const char *end = strrchr(text, '}');
    size_t before = (size_t)(begin - text);
    size_t after = end ? strlen(end + 1) : 0;
    size_t length = strlen(resolved);

    sl_log_hide(resolved);
    if (before + after < length) {
        const char *part =
            sl_arena_strndup(reader->arena, resolved + before, length - before - after);

        SL_TRY_NEW(part, reader->err);
        sl_log_hide(part);
    }
    return SL_OK;
}

// The scalar's text, with references resolved; NULL after a diagnostic.
static int scalar_text(const struct reader *reader, const struct sl_opt *row,
                       const struct sl_yaml *node, const char **ret, bool *ret_is_resolved)
{
    struct sl_err problem = {0};
    const char *resolved = NULL;
    int code;

    *ret = node->text;
    *ret_is_resolved = false;
    if (row->flags & SL_OPT_PLAIN && strstr(node->text, "${")) {
        sl_diag(reader->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, node->place,
                "what ${...} gives is secret, and names are printed: write it out",
                "'%s' is a name and cannot hold ${...}", row->name);
        *ret = NULL;
        return SL_OK;
    }
    if (reader->resolver && strstr(node->text, "${")) {
        bool may_show = row->flags & SL_OPT_ADDRESS && reader->resolver->resolve_shown;
        code = (may_show ? reader->resolver->resolve_shown : reader->resolver->resolve)(
            reader->resolver->self, node->text, reader->arena, &resolved, &problem);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(reader->err);
        if (code != SL_OK) {
            sl_diag_err(reader->diags, SL_SEVERITY_ERROR, &problem, node->place);
            *ret = NULL;
            return SL_OK;
        }
        *ret = resolved;
        *ret_is_resolved = true;
        if (!may_show || strchr(resolved, '@'))
            SL_TRY(hide_resolved(reader, node->text, resolved));
    }
    if (row->flags & SL_OPT_SECRET)
        sl_log_hide(*ret);
    return SL_OK;
}

// A quoted "12" is a text, never a number or a boolean.
static bool is_wrongly_quoted(const struct sl_opt *row, const struct sl_yaml *node)
{
    bool is_typed =
        row->type == SL_OPT_INT || row->type == SL_OPT_DOUBLE || row->type == SL_OPT_BOOL;

    return is_typed && node->is_quoted;
}

static bool is_old_bool(const char *text)
{
    return sl_str_equal_nocase(text, "yes") || sl_str_equal_nocase(text, "no") ||
           sl_str_equal_nocase(text, "on") || sl_str_equal_nocase(text, "off");
}

static void report_type(const struct reader *reader, const struct sl_opt *row,
                        const struct sl_yaml *node, const struct target *target)
{
    char buffer[512];
    const char *hint = NULL;

    if (row->type == SL_OPT_BOOL && node->kind == SL_YAML_SCALAR && is_old_bool(node->text))
        hint = "write true or false";
    else if (is_wrongly_quoted(row, node))
        hint = "leave out the quotes";
    const char *found = sl_yaml_describe(node);
    if (row->type == SL_OPT_INT && sl_str_equal(found, "a number")) {
        found = node->text;
        if (sl_str_is_whole(found))
            hint = "it is too large: whole numbers are of 64 bits";
    }
    sl_diag(reader->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, hint,
            "'%s' of %s is %s, expected %s", row->name, target->what, found,
            sl_opt_expectation(row, buffer, sizeof buffer));
}

// The text is of the right kind but not allowed. A secret's is not shown.
static void report_value(const struct reader *reader, const struct sl_opt *row,
                         const struct sl_yaml *node, const char *text, const struct target *target)
{
    char buffer[512];
    const char *hint = NULL;

    if (row->type == SL_OPT_ENUM)
        hint = sl_did_you_mean(reader->arena, text, row->values, sl_opt_value_count(row));
    sl_diag(reader->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, node->place, hint,
            "'%s' of %s is '%s', expected %s", row->name, target->what,
            row->flags & SL_OPT_SECRET ? "***" : text,
            sl_opt_expectation(row, buffer, sizeof buffer));
}

static int read_scalar(const struct reader *reader, const struct sl_opt *row,
                       const struct sl_yaml *node, const struct target *target)
{
    const char *text = NULL;
    bool is_resolved = false;

    if (node->kind == SL_YAML_SCALAR)
        SL_TRY(scalar_text(reader, row, node, &text, &is_resolved));
    if (node->kind == SL_YAML_SCALAR && !text)
        return SL_OK;
    if (!text || (!is_resolved && is_wrongly_quoted(row, node)))
        report_type(reader, row, node, target);
    else if (!sl_opt_set(row, text, target->into)) {
        if (row->type == SL_OPT_ENUM || row->type == SL_OPT_DURATION || row->type == SL_OPT_BYTES ||
            is_resolved)
            report_value(reader, row, node, text, target);
        else
            report_type(reader, row, node, target);
    }
    return SL_OK;
}

static int read_strings(const struct reader *reader, const struct sl_opt *row,
                        const struct sl_yaml *node, const struct target *target)
{
    struct sl_strs *list = sl_opt_field(row, target->into);
    struct sl_yaml *const single = (struct sl_yaml *)(uintptr_t)node;
    struct sl_yaml *const *items = node->kind == SL_YAML_LIST ? node->items : &single;
    size_t count = node->kind == SL_YAML_LIST ? node->count : 1;

    *list = (struct sl_strs){0};
    for (size_t i = 0; i < count; i++) {
        const char *text;
        bool is_resolved;

        if (items[i]->kind != SL_YAML_SCALAR) {
            report_type(reader, row, items[i], target);
            continue;
        }
        SL_TRY(scalar_text(reader, row, items[i], &text, &is_resolved));
        if (text)
            SL_TRY(sl_strs_add(list, reader->arena, text, reader->err));
    }
    return SL_OK;
}

static int read_object(const struct reader *reader, const struct sl_opt *row,
                       const struct sl_yaml *node, const struct target *target)
{
    struct target inner = {.rows = row->rows, .map = node, .place = node->place};

    if (node->kind != SL_YAML_MAP) {
        report_type(reader, row, node, target);
        return SL_OK;
    }
    inner.into = sl_opt_field(row, target->into);
    inner.is_open = row->flags & SL_OPT_OPEN;
    inner.what = sl_arena_printf(reader->arena, "'%s' of %s", row->name, target->what);
    SL_TRY_NEW(inner.what, reader->err);
    return read_map(reader, &inner);
}

static int read_list(const struct reader *reader, const struct sl_opt *row,
                     const struct sl_yaml *node, const struct target *target)
{
    bool is_by_name = row->flags & SL_OPT_BY_NAME;
    struct sl_opt_list *list = sl_opt_field(row, target->into);
    char *items;

    if (node->kind != (is_by_name ? SL_YAML_MAP : SL_YAML_LIST)) {
        report_type(reader, row, node, target);
        return SL_OK;
    }
    items = sl_arena_grow(reader->arena, NULL, 0, node->count, row->item_bytes);
    SL_TRY_NEW(items, reader->err);
    for (size_t i = 0; i < node->count; i++) {
        const struct sl_yaml *item = node->items[i];
        struct target inner = {.rows = row->rows, .map = item, .into = items + i * row->item_bytes};

        inner.is_open = row->flags & SL_OPT_OPEN;
        inner.place = is_by_name ? node->keys[i]->place : item->place;
        inner.name = is_by_name ? node->keys[i]->text : NULL;
        inner.what = is_by_name ? sl_arena_printf(reader->arena, "%s '%s' of %s", row->name,
                                                  inner.name, target->what)
                                : sl_arena_printf(reader->arena, "'%s' %zu of %s", row->name, i + 1,
                                                  target->what);
        SL_TRY_NEW(inner.what, reader->err);
        SL_TRY(read_map(reader, &inner));
    }
    *list = (struct sl_opt_list){.items = items, .count = node->count};
    return SL_OK;
}

static int read_value(const struct reader *reader, const struct sl_opt *row, struct sl_yaml *node,
                      const struct target *target)
{
    switch (row->type) {
    case SL_OPT_STRINGS:
        return read_strings(reader, row, node, target);
    case SL_OPT_OBJECT:
        return read_object(reader, row, node, target);
    case SL_OPT_LIST:
        return read_list(reader, row, node, target);
    case SL_OPT_NODE:
        *(struct sl_yaml **)sl_opt_field(row, target->into) = node;
        return SL_OK;
    case SL_OPT_STRING:
    case SL_OPT_INT:
    case SL_OPT_DOUBLE:
    case SL_OPT_BOOL:
    case SL_OPT_DURATION:
    case SL_OPT_BYTES:
    case SL_OPT_ENUM:
        return read_scalar(reader, row, node, target);
    }
    return SL_OK;
}

static bool is_name_row(const struct target *target, const struct sl_opt *row)
{
    return target->name && strcmp(row->name, "name") == 0;
}

static const struct sl_opt *find_row(const struct target *target, const char *key)
{
    for (const struct sl_opt *row = target->rows; row->name; row++)
        if (!sl_opt_is_special(row) && !is_name_row(target, row) && strcmp(row->name, key) == 0)
            return row;
    return NULL;
}

static int report_unknown(const struct reader *reader, const struct target *target,
                          const struct sl_yaml *key)
{
    struct sl_strs known = {0};

    for (const struct sl_opt *row = target->rows; row->name; row++)
        if (!sl_opt_is_special(row) && !is_name_row(target, row) && !(row->flags & SL_OPT_HIDDEN))
            SL_TRY(sl_strs_add(&known, reader->arena, row->name, reader->err));
    sl_diag(reader->diags, SL_SEVERITY_ERROR, SL_E_KEY_UNKNOWN, key->place,
            sl_did_you_mean(reader->arena, key->text, known.items, known.count),
            "unknown key '%s' in %s", key->text, target->what);
    return SL_OK;
}

// A key without a value is as good as absent.
static void report_missing(const struct reader *reader, const struct target *target)
{
    for (const struct sl_opt *row = target->rows; row->name; row++) {
        const struct sl_yaml *value = sl_yaml_get(target->map, row->name);

        if ((row->flags & SL_OPT_REQUIRED) && !is_name_row(target, row) &&
            (!value || value->kind == SL_YAML_NULL))
            sl_diag(reader->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING,
                    value ? value->place : target->place, NULL, "key '%s' is missing in %s",
                    row->name, target->what);
    }
}

static void set_special(const struct target *target)
{
    for (const struct sl_opt *row = target->rows; row->name; row++) {
        if (is_name_row(target, row))
            *(const char **)sl_opt_field(row, target->into) = target->name;
        if (strcmp(row->name, "@place") == 0)
            *(const struct sl_yaml **)sl_opt_field(row, target->into) = target->map;
    }
}

static int read_map(const struct reader *reader, const struct target *target)
{
    const struct sl_yaml *map = target->map;

    SL_TRY(sl_opt_defaults(target->rows, target->into, reader->arena, reader->err));
    set_special(target);
    if (map && map->kind != SL_YAML_MAP && map->kind != SL_YAML_NULL) {
        sl_diag(reader->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, map->place, NULL,
                "%s is %s, expected a map", target->what, sl_yaml_describe(map));
        return SL_OK;
    }
    for (size_t i = 0; map && i < map->count; i++) {
        const struct sl_opt *row = find_row(target, map->keys[i]->text);

        if (!row && !target->is_open)
            SL_TRY(report_unknown(reader, target, map->keys[i]));
        else if (row && map->items[i]->kind != SL_YAML_NULL)
            SL_TRY(read_value(reader, row, map->items[i], target));
    }
    report_missing(reader, target);
    return SL_OK;
}

int sl_opt_read(const struct sl_opt *rows, const struct sl_yaml *map, const char *what, void *into,
                const struct sl_opt_resolver *resolver, struct sl_arena *arena,
                struct sl_diags *diags, struct sl_err *err)
{
    struct reader reader = {.resolver = resolver, .arena = arena, .diags = diags, .err = err};
    struct target target = {.rows = rows, .map = map, .what = what, .into = into};

    if (map)
        target.place = map->place;
    return read_map(&reader, &target);
}
