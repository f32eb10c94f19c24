// The columns of a contract's table, and its primary key.
#include "spec/contract_file.h"

#include <ctype.h>
#include <string.h>

static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {"_source",  "_position", "_ingested_at",
                                           "_corrupt", "~file",     "~row"};

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (sl_str_equal_nocase(name, reserved[i]))
            return true;
    return name[0] == '~';
}

// The engine takes "Amount" and "amount" for one column.
int sl_odcs_check_name(struct sl_odcs_reader *reader, struct sl_map *names,
                       const struct sl_contract_column *column, struct sl_err *err)
{
    struct sl_diags *diags = &reader->project->diags;
    char *lower = sl_arena_strdup(&reader->project->arena, column->name);
    const struct sl_contract_column *other;

    SL_TRY_NEW(lower, err);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (reader->depth == 0 && is_reserved(column->name))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_NAME_INVALID, column->place,
                "Sluice writes columns of such names itself; give another 'name' and keep this one "
                "as 'physicalName'",
                "the name '%s' is reserved", column->name);
    if (*column->name == '\0')
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_NAME_INVALID, column->place, NULL,
                "a column needs a name");
    other = sl_map_get(names, lower);
    if (!other)
        return sl_map_set(names, lower, (void *)(uintptr_t)column, err);
    sl_diag(diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE, column->place, NULL,
            "column '%s' stands here twice, first in line %d", column->name, other->place.line);
    return SL_OK;
}

static struct sl_place default_place(const struct sl_odcs_property *property)
{
    const struct sl_odcs_custom *custom = property->custom.items;

    for (size_t i = 0; i < property->custom.count; i++)
        if (sl_str_equal(custom[i].property, "sluice.default"))
            return sl_yaml_place(custom[i].node, "value");
    return property->node->place;
}

int sl_odcs_read_property(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                          struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_contract_column *column = reader->column;
    int64_t length;

    column->source_name = property->physical_name ? property->physical_name : column->name;
    column->description = property->description;
    column->classification = property->classification;
    column->is_required = property->is_required || property->is_key;
    SL_TRY(sl_strs_add(&column->null_values, arena, "", err));
    SL_TRY(sl_odcs_type(reader, property, column, &length, err));
    column->is_trimmed = column->type.kind != SL_TYPE_TEXT;
    SL_TRY(sl_odcs_column_custom(reader, &property->custom, err));
    SL_TRY(sl_odcs_column_rules(reader, property, length, err));
    SL_TRY(sl_odcs_quality_rules(reader, &property->quality, err));
    SL_TRY(sl_odcs_relationships(reader, &property->relationships, err));
    sl_odcs_check_column(reader, default_place(property));
    return sl_odcs_fields(reader, property, err);
}

static int read_column(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                       struct sl_err *err)
{
    struct sl_contract_column *column = reader->column;

    column->name = column->path = property->name;
    column->place = sl_yaml_place(property->node, "name");
    return sl_odcs_read_property(reader, property, err);
}

static void complain_key(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                         const char *hint, const char *message)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT,
            sl_yaml_place(property->node, "primaryKeyPosition"), hint, "column '%s': %s",
            property->name, message);
}

static void check_position(struct sl_odcs_reader *reader, const struct sl_odcs_property *properties,
                           size_t index)
{
    const struct sl_odcs_property *property = &properties[index];

    if (property->key_position == 0 || property->key_position < -1)
        complain_key(reader, property, "positions in the primary key count from 1",
                     "this is no position");
    else if (property->key_position > 0 && !property->is_key)
        complain_key(reader, property, "add 'primaryKey: true', or take the position out",
                     "it has a position in the primary key but is not in the key");
    for (size_t i = 0; i < index && property->is_key && property->key_position > 0; i++)
        if (properties[i].is_key && properties[i].key_position == property->key_position) {
            complain_key(reader, property, "each column of the key has a position of its own",
                         sl_arena_printf(&reader->project->arena,
                                         "it has the same position in the primary key as '%s'",
                                         properties[i].name ? properties[i].name : ""));
            return;
        }
}

// Whether `a` stands before `b` in the key: given positions first, the others in the order of the
// columns.
static bool is_before(const struct sl_odcs_property *a, const struct sl_odcs_property *b)
{
    bool has_a = a->key_position > 0;
    bool has_b = b->key_position > 0;

    if (has_a && has_b && a->key_position != b->key_position)
        return a->key_position < b->key_position;
    if (has_a != has_b)
        return has_a;
    return a < b;
}

static int key_position(const struct sl_odcs_property *properties, size_t count, size_t index)
{
    int position = 1;

    for (size_t i = 0; i < count; i++)
        position += properties[i].is_key && properties[i].name && i != index &&
                    is_before(&properties[i], &properties[index]);
    return position;
}

int sl_odcs_columns(struct sl_odcs_reader *reader, const struct sl_odcs_object *object,
                    struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map names = {0};
    const struct sl_odcs_property *properties = object->properties.items;
    struct sl_contract_table *table = reader->table;
    size_t count = object->properties.count;

    table->columns = SL_NEW_ARRAY(&reader->project->arena, struct sl_contract_column, count);
    SL_TRY_NEW(table->columns, err);
    reader->key_count = 0;
    for (size_t i = 0; i < count; i++)
        reader->key_count += properties[i].is_key;
    for (size_t i = 0; i < count; i++) {
        if (!properties[i].name || !properties[i].node || properties[i].node->kind != SL_YAML_MAP)
            continue;
        reader->column = &table->columns[table->column_count];
        SL_TRY(read_column(reader, &properties[i], err));
        SL_TRY(sl_odcs_check_name(reader, &names, reader->column, err));
        check_position(reader, properties, i);
        if (properties[i].is_key)
            reader->column->key_position = key_position(properties, count, i);
        if (properties[i].is_key && reader->column->field_count)
            complain_key(reader, &properties[i], NULL, "an object or array is no primary key");
        table->column_count++;
    }
    sl_odcs_check_aliases(reader);
    reader->column = NULL;
    return SL_OK;
}
