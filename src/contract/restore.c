// A kept state of a contract, read back: what is run again years later needs no file of the
// project.
#include "contract/change.h"

#include <stdio.h>
#include <string.h>

struct reader {
    struct sl_arena *arena;
    struct sl_contract_table *table;
    bool is_whole; // nothing was found that a contract cannot say
};

static const char *take_text(struct reader *reader, const json_t *object, const char *key)
{
    const char *text = sl_json_text(object, key, NULL);
    return text ? sl_arena_strdup(reader->arena, text) : NULL;
}

static int take_list(struct reader *reader, const json_t *object, const char *key,
                     struct sl_strs *ret, struct sl_err *err)
{
    const json_t *list = json_object_get(object, key), *item;
    size_t i;
    json_array_foreach (list, i, item) {
        const char *text = sl_arena_strdup(reader->arena, json_string_value(item));
        SL_TRY_NEW(text, err);
        SL_TRY(sl_strs_add(ret, reader->arena, text, err));
    }
    return SL_OK;
}

static bool is_named(struct sl_type type, const char *name)
{
    char own[32];
    return sl_str_equal(sl_type_name(type, own), name);
}

// "DECIMAL(12,2)" -> precision and scale; "SMALLINT" -> bits.
static bool take_type(const json_t *column, struct sl_type *ret)
{
    const char *name = sl_json_text(column, "type", "");
    struct sl_type type = {.kind = (enum sl_type_kind)sl_json_int(column, "kind", -1)};
    if ((int)type.kind < 0 || type.kind > SL_TYPE_ARRAY)
        return false;
    if (type.kind == SL_TYPE_INTEGER)
        for (type.bits = 8; type.bits < 64 && !is_named(type, name);)
            type.bits *= 2;
    if (type.kind == SL_TYPE_DECIMAL &&
        sscanf(name, "DECIMAL(%d,%d)", &type.precision, &type.scale) != 2)
        return false;
    *ret = type;
    return is_named(type, name);
}

static enum sl_rule_severity severity_of(const json_t *rule)
{
    const char *name = sl_json_text(rule, "severity", "");
    for (enum sl_rule_severity severity = SL_RULE_REJECT; severity < SL_RULE_HOLD; severity++)
        if (sl_str_equal(sl_rule_severity_name(severity), name))
            return severity;
    return SL_RULE_HOLD;
}

static int take_rule(struct reader *reader, const json_t *rule, struct sl_rule *ret,
                     struct sl_err *err)
{
    *ret = (struct sl_rule){
        .kind = take_text(reader, rule, "kind"),
        .column = take_text(reader, rule, "column"),
        .id = take_text(reader, rule, "id"),
        .message = take_text(reader, rule, "message"),
        .severity = severity_of(rule),
        .min = take_text(reader, rule, "min"),
        .max = take_text(reader, rule, "max"),
        .is_min_exclusive = sl_json_bool(rule, "min_exclusive", false),
        .is_max_exclusive = sl_json_bool(rule, "max_exclusive", false),
        .text = take_text(reader, rule, "text"),
        .operation = take_text(reader, rule, "operation"),
        .tolerance = take_text(reader, rule, "tolerance"),
        .where = take_text(reader, rule, "where"),
        .mostly = take_text(reader, rule, "mostly"),
        .parent = take_text(reader, rule, "parent"),
    };
    SL_TRY(take_list(reader, rule, "values", &ret->values, err));
    SL_TRY(take_list(reader, rule, "columns", &ret->columns, err));
    return take_list(reader, rule, "to", &ret->to, err);
}

// Of an array's item "items[]", of a member "address.zip".
static const char *path_of(struct reader *reader, const struct sl_contract_column *outer,
                           const char *name)
{
    if (!outer)
        return name;
    return outer->type.kind == SL_TYPE_ARRAY
               ? sl_arena_printf(reader->arena, "%s[]", outer->path)
               : sl_arena_printf(reader->arena, "%s.%s", outer->path, name);
}

// How its values are protected. The key itself is kept nowhere, only which one it was.
static int take_personal(struct reader *reader, const json_t *column, struct sl_personal *ret,
                         struct sl_err *err)
{
    struct sl_contract_table *table = reader->table;
    const json_t *kept = json_object_get(column, "personal");
    const char *name = sl_json_text(kept, "as", "");
    enum sl_personal_as as = SL_PERSONAL_DROP;
    *ret = (struct sl_personal){0};
    if (!kept)
        return SL_OK;
    while (as > SL_PERSONAL_NONE && !sl_str_equal(sl_personal_name(as), name))
        as--;
    *ret = (struct sl_personal){
        .as = as,
        .keep_first = sl_json_int(kept, "keep_first", 0),
        .keep_last = sl_json_int(kept, "keep_last", 0),
        .keep_domain = sl_json_bool(kept, "keep_domain", false),
        .character = sl_arena_strdup(reader->arena, sl_json_text(kept, "character", "")),
        .length = sl_json_int(kept, "length", 0),
        .prefix = sl_arena_strdup(reader->arena, sl_json_text(kept, "prefix", "")),
    };
    SL_TRY_NEW(ret->character, err);
    SL_TRY_NEW(ret->prefix, err);
    // What a contract of the project would be refused for.
    bool is_sane = as != SL_PERSONAL_NONE && ret->keep_first >= 0 && ret->keep_last >= 0 &&
                   (as != SL_PERSONAL_TOKEN || (ret->length >= 8 && ret->length <= 64));
    reader->is_whole = reader->is_whole && is_sane;
    if (sl_personal_is_keyed(ret) && !table->personal_key_id)
        table->personal_key_id = take_text(reader, kept, "key");
    return SL_OK;
}

static int take_aliases(struct reader *reader, const json_t *column, struct sl_contract_column *ret,
                        struct sl_err *err)
{
    const json_t *list = json_object_get(column, "aliases"), *item;
    size_t i;
    if (!json_array_size(list))
        return SL_OK;
    ret->aliases = SL_NEW_ARRAY(reader->arena, struct sl_contract_alias, json_array_size(list));
    SL_TRY_NEW(ret->aliases, err);
    json_array_foreach (list, i, item) {
        struct sl_contract_alias *alias = &ret->aliases[ret->alias_count++];
        *alias = (struct sl_contract_alias){.name = take_text(reader, item, "name"),
                                            .until = take_text(reader, item, "until")};
        reader->is_whole = reader->is_whole && alias->name &&
                           (!alias->until || sl_contract_alias_read_until(alias));
    }
    return SL_OK;
}

static int take_columns(struct reader *reader, const json_t *list,
                        const struct sl_contract_column *outer, struct sl_contract_column **ret,
                        size_t *ret_count, struct sl_err *err);

static int take_column(struct reader *reader, const json_t *column,
                       const struct sl_contract_column *outer, struct sl_contract_column *ret,
                       struct sl_err *err)
{
    *ret = (struct sl_contract_column){
        .name = take_text(reader, column, "name"),
        .source_name = take_text(reader, column, "source"),
        .otherwise = take_text(reader, column, "default"),
        .key_position = (int)sl_json_int(column, "key", 0),
        .is_trimmed = sl_json_bool(column, "trimmed", false),
    };
    reader->is_whole = reader->is_whole && ret->name && take_type(column, &ret->type);
    if (!reader->is_whole)
        return SL_OK;
    ret->path = path_of(reader, outer, ret->name);
    SL_TRY_NEW(ret->path, err);
    SL_TRY(take_list(reader, column, "formats", &ret->formats, err));
    SL_TRY(take_list(reader, column, "nulls", &ret->null_values, err));
    SL_TRY(take_personal(reader, column, &ret->personal, err));
    SL_TRY(take_aliases(reader, column, ret, err));
    return take_columns(reader, json_object_get(column, "fields"), ret, &ret->fields,
                        &ret->field_count, err);
}

static int take_columns(struct reader *reader, const json_t *list,
                        const struct sl_contract_column *outer, struct sl_contract_column **ret,
                        size_t *ret_count, struct sl_err *err)
{
    const json_t *item;
    size_t i;
    if (!json_array_size(list))
        return SL_OK;
    *ret = SL_NEW_ARRAY(reader->arena, struct sl_contract_column, json_array_size(list));
    SL_TRY_NEW(*ret, err);
    json_array_foreach (list, i, item)
        SL_TRY(take_column(reader, item, outer, &(*ret)[(*ret_count)++], err));
    return SL_OK;
}

// A column, or a member of one: "address.zip".
static struct sl_contract_column *column_of(struct sl_contract_column *columns, size_t count,
                                            const char *path)
{
    for (size_t i = 0; path && i < count; i++) {
        struct sl_contract_column *column = &columns[i];
        if (sl_str_equal(column->path, path))
            return column;
        column = column_of(column->fields, column->field_count, path);
        if (column)
            return column;
    }
    return NULL;
}

static int take_rules(struct reader *reader, const json_t *state, struct sl_contract_table *table,
                      struct sl_err *err)
{
    const json_t *rules = json_object_get(state, "rules"), *item;
    size_t i;
    json_array_foreach (rules, i, item) {
        struct sl_rule rule;
        SL_TRY(take_rule(reader, item, &rule, err));
        struct sl_contract_column *column =
            column_of(table->columns, table->column_count, rule.column);
        struct sl_rule **list = column ? &column->rules : &table->rules;
        size_t *count = column ? &column->rule_count : &table->rule_count;
        if (!SL_PUSH(reader->arena, *list, *count, rule))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static void take_drift(const json_t *drift, struct sl_contract_table *table)
{
    table->drift = (struct sl_drift){
        .new_columns = (int)json_integer_value(json_array_get(drift, 0)),
        .missing_columns = (int)json_integer_value(json_array_get(drift, 1)),
        .type_change = (int)json_integer_value(json_array_get(drift, 2)),
    };
}

int sl_contract_restore(const json_t *state, const char *digest, struct sl_arena *arena,
                        struct sl_contract_table **ret, struct sl_err *err)
{
    struct reader reader = {.arena = arena, .is_whole = true};
    struct sl_contract_table *table = SL_NEW(arena, struct sl_contract_table);
    SL_AUTO(sl_json_free) json_t *again = NULL;
    *ret = NULL;
    SL_TRY_NEW(table, err);
    *table = (struct sl_contract_table){.name = take_text(&reader, state, "name"),
                                        .filter = take_text(&reader, state, "filter"),
                                        .digest = digest};
    reader.table = table;
    SL_TRY(take_columns(&reader, json_object_get(state, "columns"), NULL, &table->columns,
                        &table->column_count, err));
    take_drift(json_object_get(state, "drift"), table);
    SL_TRY(take_rules(&reader, state, table, err));
    SL_TRY(take_list(&reader, state, "order_by", &table->order_by, err));
    if (!reader.is_whole || !table->column_count)
        return SL_OK;
    // What says the same again decides the same.
    SL_TRY(sl_contract_state(table, arena, &again, err));
    if (json_equal(again, state))
        *ret = table;
    return SL_OK;
}
