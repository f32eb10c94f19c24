// What is nested in a property: the members of an object, the item of an array.
#include "spec/contract_file.h"

#include <string.h>

static void complain(struct sl_odcs_reader *reader, struct sl_place place, const char *hint,
                     const char *message)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place, hint,
            "column '%s': %s", reader->column->path, message);
}

bool sl_odcs_has_fields(const struct sl_odcs_property *property)
{
    if (property->logical_type == SL_ODCS_OBJECT)
        return property->properties && property->properties->count > 0;
    return property->logical_type == SL_ODCS_ARRAY && property->items;
}

// Kinds whose SQL names columns of the row.
static bool is_over_columns(const char *kind)
{
    static const char *const kinds[] = {"expression", "unique", "foreign_key", "past",
                                        "future",     "age",    "weekday"};
    const struct sl_rule_form *form = sl_rule_form_find(kind);

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    return form && form->has_subject;
}

// A key or a rule over the whole row has no meaning for one of many values. What is told here is
// taken out, so that nothing else is told of it.
static void check_nested(struct sl_odcs_reader *reader, const struct sl_odcs_property *property)
{
    struct sl_contract_column *column = reader->column;
    size_t kept = 0;

    if (property->is_key)
        complain(reader, sl_yaml_place(property->node, "primaryKey"), NULL,
                 "a nested value is no primary key");
    for (size_t i = 0; i < column->rule_count; i++) {
        bool is_key = strcmp(column->rules[i].kind, "foreign_key") == 0;
        if (!is_over_columns(column->rules[i].kind)) {
            column->rules[kept++] = column->rules[i];
            continue;
        }
        complain(reader, column->rules[i].place,
                 is_key ? "take it out, and let a model that reads the value have a check "
                          "'relationships'"
                        : "write it in the quality of the schema object",
                 is_key ? "a foreign key is over columns of the row, not over a nested value"
                        : "a rule of this kind is over columns of the row, not over a nested "
                          "value");
    }
    column->rule_count = kept;
}

// An item needs no name, and the standard's own examples give it none.
static int read_rows(const struct sl_contract_column *parent, const struct sl_yaml *pruned,
                     struct sl_odcs_reader *reader, struct sl_odcs_property *ret,
                     struct sl_err *err)
{
    struct sl_opt rows[64];
    size_t count = 0;

    while (sl_odcs_property_rows[count].name)
        count++;
    memcpy(rows, sl_odcs_property_rows, (count + 1) * sizeof *rows);
    for (size_t i = 0; i < count; i++)
        if (parent->type.kind == SL_TYPE_ARRAY && strcmp(rows[i].name, "name") == 0)
            rows[i].flags &= ~(unsigned)SL_OPT_REQUIRED;
    return sl_opt_read(rows, pruned, "a nested property", ret, NULL, &reader->project->arena,
                       &reader->project->diags, err);
}

static int name_field(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                      struct sl_contract_column *field, struct sl_err *err)
{
    const struct sl_contract_column *parent = reader->column;
    bool is_item = parent->type.kind == SL_TYPE_ARRAY;

    field->name = is_item || !property->name ? "" : property->name;
    field->place = sl_yaml_place(property->node, "name");
    field->path =
        is_item ? sl_arena_printf(&reader->project->arena, "%s[]", parent->path)
                : sl_arena_printf(&reader->project->arena, "%s.%s", parent->path, field->name);
    SL_TRY_NEW(field->path, err);
    return SL_OK;
}

// Takes the map as the next of the column's fields. `parent_wants`: the members that an object
// requires; NULL: it is an array.
static int read_field(struct sl_odcs_reader *reader, const struct sl_yaml *node,
                      const struct sl_strs *parent_wants, struct sl_map *names, struct sl_err *err)
{
    struct sl_contract_column *parent = reader->column;
    struct sl_contract_column *field = &parent->fields[parent->field_count];
    struct sl_odcs_property property = {0};
    struct sl_yaml *pruned;

    if (node->kind != SL_YAML_MAP) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
                "a property inside of '%s' is %s, expected a map", parent->path,
                sl_yaml_describe(node));
        return SL_OK;
    }
    SL_TRY(sl_odcs_prune_property(reader, node, &pruned, err));
    SL_TRY(read_rows(parent, pruned, reader, &property, err));
    SL_TRY(name_field(reader, &property, field, err));
    property.is_required |= parent_wants && sl_strs_has(parent_wants, field->name);
    reader->column = field;
    if (strcmp(field->name, "*") == 0)
        complain(reader, field->place, NULL, "'*' is no name of a member");
    SL_TRY(sl_odcs_read_property(reader, &property, err));
    check_nested(reader, &property);
    if (parent->type.kind == SL_TYPE_OBJECT && property.name)
        SL_TRY(sl_odcs_check_name(reader, names, field, err));
    reader->column = parent;
    parent->field_count++;
    return SL_OK;
}

// A bound or a list of values says nothing of an object or array.
static void check_rules(struct sl_odcs_reader *reader)
{
    static const char *const fit[] = {"required", "type", "alias", "expression", "unique"};
    const struct sl_contract_column *column = reader->column;

    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule_form *form = sl_rule_form_find(column->rules[i].kind);
        bool is_fit = form && (form->types & (1U << column->type.kind));
        for (size_t k = 0; k < sizeof fit / sizeof *fit; k++)
            is_fit |= strcmp(fit[k], column->rules[i].kind) == 0;
        if (!is_fit)
            complain(reader, column->rules[i].place, "give it to a member or item",
                     "this rule is not for an object or array");
    }
}

static bool is_too_deep(struct sl_odcs_reader *reader)
{
    const struct sl_contract_column *column = reader->column;
    int arrays = column->type.kind == SL_TYPE_ARRAY;

    for (const char *at = strstr(column->path, "[]"); at; at = strstr(at + 1, "[]"))
        arrays++;
    if (reader->depth == SL_NESTED_DEEPEST)
        complain(reader, column->place, NULL,
                 "objects and arrays stand more than 100 levels deep in each other");
    else if (arrays > SL_ARRAYS_DEEPEST)
        complain(reader, column->place, "leave out its 'items': it is JSON text then",
                 "arrays stand more than 12 levels deep in each other");
    return reader->depth == SL_NESTED_DEEPEST || arrays > SL_ARRAYS_DEEPEST;
}

static int check_wanted(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                        struct sl_err *err)
{
    const struct sl_yaml *list = sl_yaml_get(property->options.node, "required");
    const struct sl_strs *wanted = &property->options.required;

    for (size_t i = 0; list && i < wanted->count; i++)
        SL_TRY(
            sl_odcs_check_member(reader, wanted->items[i], sl_contract_text_place(list, i), err));
    return SL_OK;
}

int sl_odcs_fields(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                   struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map names = {0};
    struct sl_contract_column *column = reader->column;
    bool is_object = column->type.kind == SL_TYPE_OBJECT;
    const struct sl_yaml *list = property->properties;
    size_t count = is_object ? list->count : 1;
    struct sl_contract_column *fields;

    if (!is_object && column->type.kind != SL_TYPE_ARRAY)
        return SL_OK;
    if (is_object && list->kind != SL_YAML_LIST) {
        complain(reader, list->place, "each begins with '- name:'", "its properties are no list");
        return SL_OK;
    }
    if (is_too_deep(reader)) {
        column->type = (struct sl_type){.kind = SL_TYPE_JSON}; // so that all around it is whole
        return SL_OK;
    }
    check_rules(reader);
    fields = SL_NEW_ARRAY(&reader->project->arena, struct sl_contract_column, count);
    SL_TRY_NEW(fields, err);
    column->fields = fields;
    reader->depth++;
    for (size_t i = 0; i < count; i++)
        SL_TRY(read_field(reader, is_object ? list->items[i] : property->items,
                          is_object ? &property->options.required : NULL, &names, err));
    reader->depth--;
    SL_TRY(sl_odcs_check_nested_rules(reader, err));
    if (is_object)
        SL_TRY(check_wanted(reader, property, err));
    return SL_OK;
}
