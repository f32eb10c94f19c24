// relationships: foreign keys, of a property or of the whole object.
//
// A column is written by names, customers.id (clean.customers.id, curated.dates.day beyond the
// standard), or by ids, schema/customers_obj/properties/id_prop.
#include "spec/contract_file.h"

#include <string.h>

static bool refuse(struct sl_odcs_reader *reader, const struct sl_yaml *node, const char *hint,
                   const char *what)
{
    const char *text = node->kind == SL_YAML_SCALAR ? node->text : sl_yaml_describe(node);

    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, node->place, hint, "'%s' %s",
            text, what);
    return false;
}

static bool is_text(const struct sl_yaml *map, const char *key, const char *wanted, size_t length)
{
    const struct sl_yaml *value = sl_yaml_get(map, key);

    return value && value->kind == SL_YAML_SCALAR && strlen(value->text) == length &&
           strncmp(value->text, wanted, length) == 0;
}

// The item of a list whose id it is, else whose name.
static const struct sl_yaml *find_item(const struct sl_yaml *list, const char *id, size_t length)
{
    static const char *const keys[] = {"id", "name"};

    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; list && list->kind == SL_YAML_LIST && i < list->count; i++)
            if (list->items[i]->kind == SL_YAML_MAP && is_text(list->items[i], keys[k], id, length))
                return list->items[i];
    return NULL;
}

static const char *name_of(const struct sl_yaml *item)
{
    const struct sl_yaml *name = sl_yaml_get(item, "name");

    return name && name->kind == SL_YAML_SCALAR ? name->text : NULL;
}

// schema/customers_obj/properties/id_prop
static bool read_path(struct sl_odcs_reader *reader, const struct sl_yaml *node,
                      const char **ret_table, const char **ret_column)
{
    const char *text = node->text + (*node->text == '#') + (strncmp(node->text, "#/", 2) == 0);
    const struct sl_yaml *object, *property;
    const char *id, *slash, *last;

    text += *text == '/';
    if (strchr(text, '#'))
        return refuse(reader, node, "write the table's name: clean.customers.id",
                      "is in another contract, which is not read from here");
    if (!sl_str_starts(text, "schema/") || !(slash = strchr(text + 7, '/')) ||
        !sl_str_starts(slash, "/properties/") || strchr(slash + 12, '/'))
        return refuse(reader, node, "write schema/OBJECT/properties/PROPERTY, or object.property",
                      "is no path to a property");
    id = text + 7;
    last = slash + 12;
    object = find_item(sl_yaml_get(reader->contract->node, "schema"), id, (size_t)(slash - id));
    property = object ? find_item(sl_yaml_get(object, "properties"), last, strlen(last)) : NULL;
    if (!property || !name_of(object) || !name_of(property))
        return refuse(reader, node, "paths are made of the ids of this contract's objects",
                      object ? "leads to no property of that object"
                             : "leads to no object of this contract");
    *ret_table = name_of(object);
    *ret_column = name_of(property);
    return true;
}

struct reference {
    const char *table; // NULL: it could not be read, and that is reported
    const char *column;
};

// "customers.id" or "clean.customers.id" -> table and column.
static int read_reference(struct sl_odcs_reader *reader, const struct sl_yaml *node,
                          struct reference *ret, struct sl_err *err)
{
    const char *dot;

    *ret = (struct reference){0};
    if (node->kind != SL_YAML_SCALAR) {
        refuse(reader, node, NULL, "is no reference to a column such as customers.id");
        return SL_OK;
    }
    if (strchr(node->text, '/')) {
        (void)read_path(reader, node, &ret->table, &ret->column);
        return SL_OK;
    }
    dot = strrchr(node->text, '.');
    if (!dot || dot == node->text || !dot[1]) {
        refuse(reader, node, "write the table's name and the column's: customers.id",
               "names no table and column");
        return SL_OK;
    }
    ret->column = dot + 1;
    ret->table = sl_arena_strndup(&reader->project->arena, node->text, (size_t)(dot - node->text));
    SL_TRY_NEW(ret->table, err);
    return SL_OK;
}

// As the contract has it, or NULL.
static const struct sl_contract_column *find_column(const struct sl_contract_table *table,
                                                    const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

// *ret is NULL if it is no column of the table.
static int find_own(struct sl_odcs_reader *reader, const struct sl_yaml *node, const char **ret,
                    struct sl_err *err)
{
    const struct sl_contract_table *table = reader->table;
    struct reference own = {table->name, node->text};
    const struct sl_contract_column *column;

    *ret = NULL;
    if (node->kind != SL_YAML_SCALAR || strpbrk(node->text, "./"))
        SL_TRY(read_reference(reader, node, &own, err));
    if (!own.table)
        return SL_OK;
    column = find_column(table, own.column);
    if (strcmp(own.table, table->name) != 0 && !sl_str_equal(own.table, table->physical_name))
        refuse(reader, node, "'from' names columns of the object that it stands in",
               "is a column of another table");
    else if (!column)
        refuse(reader, node, NULL, "is no column of this table");
    else
        *ret = column->name;
    return SL_OK;
}

static int read_own(struct sl_odcs_reader *reader, const struct sl_odcs_relationship *read,
                    struct sl_rule *rule, bool *ret, struct sl_err *err)
{
    const char *name;

    *ret = true;
    if (reader->column) {
        if (read->from)
            *ret = refuse(reader, read->from, "a relationship of a property is from that property",
                          "has no place here");
        return sl_strs_add(&rule->columns, &reader->project->arena, reader->column->name, err);
    }
    if (!read->from) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, read->node->place,
                "write 'from: [orders.customer_id]'", "this relationship has no 'from'");
        *ret = false;
    }
    for (size_t i = 0; read->from && i < sl_load_item_count(read->from); i++) {
        const struct sl_yaml *item = sl_load_item(read->from, i);

        SL_TRY(find_own(reader, item, &name, err));
        if (!name)
            *ret = false;
        else if (sl_strs_has(&rule->columns, name))
            *ret = refuse(reader, item, NULL, "stands here twice");
        else
            SL_TRY(sl_strs_add(&rule->columns, &reader->project->arena, name, err));
    }
    return SL_OK;
}

static int read_parent(struct sl_odcs_reader *reader, const struct sl_odcs_relationship *read,
                       struct sl_rule *rule, bool *ret, struct sl_err *err)
{
    size_t count = sl_load_item_count(read->to);
    struct reference found;

    *ret = true;
    for (size_t i = 0; i < count; i++) {
        const struct sl_yaml *item = sl_load_item(read->to, i);

        SL_TRY(read_reference(reader, item, &found, err));
        if (!found.table)
            *ret = false;
        else if (rule->parent && strcmp(rule->parent, found.table) != 0)
            *ret = refuse(reader, item, "a foreign key leads to one table",
                          "is a column of another table than those before it");
        else
            SL_TRY(sl_strs_add(&rule->to, &reader->project->arena, found.column, err));
        if (*ret)
            rule->parent = found.table;
    }
    if (*ret && rule->to.count != rule->columns.count) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, read->to->place,
                "each column of this table has one of the other table in the same place",
                "the foreign key is from %zu column%s to %zu", rule->columns.count,
                rule->columns.count == 1 ? "" : "s", rule->to.count);
        *ret = false;
    }
    return SL_OK;
}

// "customer_id.foreign_key", "country_city.foreign_key"
static int name_rule(struct sl_odcs_reader *reader, struct sl_rule *rule, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;

    for (size_t i = 0; i < rule->columns.count; i++)
        sl_buf_addf(&name, "%s%s", i ? "_" : "", rule->columns.items[i]);
    sl_buf_add(&name, ".foreign_key");
    SL_TRY(sl_buf_check(&name, err));
    rule->id = sl_arena_strdup(&reader->project->arena, name.text);
    SL_TRY_NEW(rule->id, err);
    return SL_OK;
}

static int read_one(struct sl_odcs_reader *reader, const struct sl_odcs_relationship *read,
                    struct sl_err *err)
{
    struct sl_rule rule = {.kind = "foreign_key"};
    bool has_own, has_parent;

    if (read->type && strcmp(read->type, "foreignKey") != 0) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(read->node, "type"), NULL,
                "relationship type '%s' is not known, expected foreignKey", read->type);
        return SL_OK;
    }
    SL_TRY(sl_odcs_relationship_custom(reader, &read->custom, err));
    if (!read->to)
        return SL_OK; // its absence is reported
    rule.place = sl_yaml_place(read->node, "to");
    SL_TRY(read_own(reader, read, &rule, &has_own, err));
    if (!has_own)
        return SL_OK;
    SL_TRY(read_parent(reader, read, &rule, &has_parent, err));
    if (!has_parent)
        return SL_OK;
    SL_TRY(name_rule(reader, &rule, err));
    rule.severity = reader->orphans;
    return sl_odcs_add_rule(reader, rule, NULL, reader->has_orphans, err);
}

int sl_odcs_relationships(struct sl_odcs_reader *reader, const struct sl_opt_list *relationships,
                          struct sl_err *err)
{
    const struct sl_odcs_relationship *items = relationships->items;

    for (size_t i = 0; i < relationships->count; i++) {
        reader->orphans = SL_RULE_REJECT;
        if (items[i].node && items[i].node->kind == SL_YAML_MAP)
            SL_TRY(read_one(reader, &items[i], err));
    }
    return SL_OK;
}
