#include "contract/change.h"
#include "contract/compile.h"
#include "contract/read.h"

static int set(json_t *object, const char *key, json_t *value, struct sl_err *err)
{
    return json_object_set_new(object, key, value) == 0 ? SL_OK : sl_fail_memory(err);
}

static json_t *text(const char *value)
{
    return value ? json_string(value) : json_null();
}

static int set_list(json_t *object, const char *key, const struct sl_strs *values,
                    struct sl_err *err)
{
    return set(object, key, sl_json_strs(values), err);
}

// What older versions did not know is left out where it is not used: their states still compare.
static int add_scope(json_t *object, const struct sl_rule *rule, struct sl_err *err)
{
    const struct {
        const char *key, *value;
    } texts[] = {{"operation", rule->operation},
                 {"tolerance", rule->tolerance},
                 {"where", rule->where},
                 {"mostly", rule->mostly}};
    if (rule->columns.count)
        SL_TRY(set_list(object, "columns", &rule->columns, err));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].value)
            SL_TRY(set(object, texts[i].key, text(texts[i].value), err));
    return SL_OK;
}

static int add_rule(json_t *list, const struct sl_rule *rule, struct sl_err *err)
{
    json_t *object = json_object();
    if (json_array_append_new(list, object) != 0)
        return sl_fail_memory(err);
    SL_TRY(set(object, "id", text(rule->id), err));
    SL_TRY(set(object, "kind", text(rule->kind), err));
    SL_TRY(set(object, "column", text(rule->column), err));
    SL_TRY(set(object, "severity", text(sl_rule_severity_name(rule->severity)), err));
    SL_TRY(set_list(object, "values", &rule->values, err));
    SL_TRY(set(object, "min", text(rule->min), err));
    SL_TRY(set(object, "max", text(rule->max), err));
    SL_TRY(set(object, "min_exclusive", json_boolean(rule->is_min_exclusive), err));
    SL_TRY(set(object, "max_exclusive", json_boolean(rule->is_max_exclusive), err));
    SL_TRY(set(object, "text", text(rule->text), err));
    SL_TRY(add_scope(object, rule, err));
    if (sl_str_equal(rule->kind, "unique")) // those of earlier versions were not evaluated
        SL_TRY(set(object, "over", text("table"), err));
    if (rule->parent) {
        SL_TRY(set(object, "parent", text(rule->parent), err));
        SL_TRY(set_list(object, "columns", &rule->columns, err));
        SL_TRY(set_list(object, "to", &rule->to, err));
    }
    return set(object, "message", text(rule->message), err);
}

static int add_own_rule(json_t *list, const struct sl_contract_column *column, const char *kind,
                        struct sl_arena *arena, struct sl_err *err)
{
    struct sl_rule *rule;
    bool is_declared;
    SL_TRY(sl_contract_own_rule(column, kind, arena, &rule, &is_declared, err));
    return add_rule(list, rule, err);
}

// In the order in which the pass has them (compile.c).
static int add_column_rules(json_t *list, const struct sl_contract_column *column,
                            struct sl_arena *arena, struct sl_err *err)
{
    if (sl_contract_is_required(column))
        SL_TRY(add_own_rule(list, column, "required", arena, err));
    if (column->type.kind != SL_TYPE_TEXT)
        SL_TRY(add_own_rule(list, column, "type", arena, err));
    for (size_t i = 0; i < column->rule_count; i++)
        if (!sl_contract_is_own_rule(&column->rules[i]))
            SL_TRY(add_rule(list, &column->rules[i], err));
    for (size_t i = 0; i < column->field_count; i++)
        SL_TRY(add_column_rules(list, &column->fields[i], arena, err));
    return SL_OK;
}

// Which key it was is part of what clean holds; the key itself is kept nowhere.
static int add_personal(json_t *object, const struct sl_personal *personal, const char *key_id,
                        struct sl_err *err)
{
    if (personal->as == SL_PERSONAL_NONE)
        return SL_OK;
    return set(object, "personal",
               json_pack("{s:s, s:I, s:I, s:b, s:s, s:I, s:s, s:s?}", "as",
                         sl_personal_name(personal->as), "keep_first",
                         (json_int_t)personal->keep_first, "keep_last",
                         (json_int_t)personal->keep_last, "keep_domain", personal->keep_domain,
                         "character", personal->character, "length", (json_int_t)personal->length,
                         "prefix", personal->prefix, "key",
                         sl_personal_is_keyed(personal) ? key_id : NULL),
               err);
}

// Left out where there are none, so that states of before still compare.
static int add_aliases(json_t *object, const struct sl_contract_column *column, struct sl_err *err)
{
    if (!column->alias_count)
        return SL_OK;
    json_t *list = json_array();
    SL_TRY(set(object, "aliases", list, err));
    for (size_t i = 0; i < column->alias_count; i++)
        if (json_array_append_new(list, json_pack("{s:s, s:s?}", "name", column->aliases[i].name,
                                                  "until", column->aliases[i].until)) != 0)
            return sl_fail_memory(err);
    return SL_OK;
}

static int add_column(json_t *list, const struct sl_contract_column *column, const char *key_id,
                      struct sl_err *err)
{
    char name[32];
    json_t *object = json_object();
    if (json_array_append_new(list, object) != 0)
        return sl_fail_memory(err);
    SL_TRY(set(object, "name", text(column->name), err));
    SL_TRY(set(object, "source", text(column->source_name), err));
    SL_TRY(set(object, "type", text(sl_type_name(column->type, name)), err));
    SL_TRY(set(object, "kind", json_integer(column->type.kind), err));
    SL_TRY(set(object, "key", json_integer(column->key_position), err));
    SL_TRY(set(object, "trimmed", json_boolean(column->is_trimmed), err));
    SL_TRY(set_list(object, "formats", &column->formats, err));
    SL_TRY(set_list(object, "nulls", &column->null_values, err));
    SL_TRY(set(object, "default", text(column->otherwise), err));
    SL_TRY(add_personal(object, &column->personal, key_id, err));
    SL_TRY(add_aliases(object, column, err));
    const char *shape = sl_reading_shape(column);
    if (shape) // left out where it is any
        SL_TRY(set(object, "shape", text(shape), err));
    if (!column->field_count)
        return SL_OK;
    json_t *fields = json_array();
    SL_TRY(set(object, "fields", fields, err));
    for (size_t i = 0; i < column->field_count; i++)
        SL_TRY(add_column(fields, &column->fields[i], key_id, err));
    return SL_OK;
}

int sl_contract_state(const struct sl_contract_table *table, struct sl_arena *arena, json_t **ret,
                      struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = json_object();
    json_t *columns = json_array(), *rules = json_array();
    SL_TRY_NEW(root, err);
    SL_TRY(set(root, "name", text(table->name), err));
    SL_TRY(set(root, "columns", columns, err));
    SL_TRY(set(root, "rules", rules, err));
    for (size_t i = 0; i < table->column_count; i++) {
        SL_TRY(add_column(columns, &table->columns[i], table->personal_key_id, err));
        SL_TRY(add_column_rules(rules, &table->columns[i], arena, err));
    }
    for (size_t i = 0; i < table->rule_count; i++)
        SL_TRY(add_rule(rules, &table->rules[i], err));
    SL_TRY(set_list(root, "order_by", &table->order_by, err));
    SL_TRY(set(root, "filter", text(table->filter), err));
    if (table->drift.new_columns || table->drift.missing_columns || table->drift.type_change)
        SL_TRY(set(root, "drift",
                   json_pack("[i,i,i]", table->drift.new_columns, table->drift.missing_columns,
                             table->drift.type_change),
                   err));
    *ret = root;
    root = NULL;
    return SL_OK;
}

static bool has_column(const struct sl_column *raw, size_t raw_count, const char *name)
{
    for (size_t i = 0; i < raw_count; i++)
        if (sl_str_equal_nocase(raw[i].name, name))
            return true;
    return false;
}

// The rule that values under all names are the same.
static void remove_alias_rule(json_t *state, const char *column)
{
    json_t *rules = json_object_get(state, "rules");
    for (size_t i = json_array_size(rules); i-- > 0;) {
        const json_t *rule = json_array_get(rules, i);
        if (sl_str_equal(sl_json_text(rule, "kind", NULL), "alias") &&
            sl_str_equal(sl_json_text(rule, "column", NULL), column))
            (void)json_array_remove(rules, i);
    }
}

void sl_contract_state_forget(json_t *state, const struct sl_column *raw, size_t raw_count)
{
    size_t i;
    json_t *column;
    json_array_foreach (json_object_get(state, "columns"), i, column) {
        json_t *aliases = json_object_get(column, "aliases");
        for (size_t k = json_array_size(aliases); k-- > 0;)
            if (!has_column(raw, raw_count, sl_json_text(json_array_get(aliases, k), "name", "")))
                (void)json_array_remove(aliases, k);
        if (!aliases || json_array_size(aliases))
            continue;
        (void)json_object_del(column, "aliases");
        remove_alias_rule(state, sl_json_text(column, "name", NULL));
    }
}
