// What of a model's result no table can hold.
#include "step/model_columns.h"

#include "step/schema.h"
#include "step/snapshot.h"

// At its list's place if the list is no list after all.
static struct sl_place item_place(const struct sl_model *model, size_t index)
{
    const struct sl_yaml *list = sl_yaml_get(model->node, "partition_by");
    return list && list->kind == SL_YAML_LIST && index < list->count
               ? list->items[index]->place
               : sl_yaml_place(model->node, "partition_by");
}

static void check_partition(const struct sl_model *model, const struct sl_column *columns,
                            size_t count, struct sl_diags *diags)
{
    size_t found_count = 0;
    for (size_t i = 0; i < model->partition_by.count; i++) {
        const struct sl_column *found =
            sl_column_find(columns, count, model->partition_by.items[i]);
        struct sl_err refusal = {0};
        if (!found)
            continue;
        found_count++;
        struct sl_column stored = {found->name, sl_storage_type(found->type)};
        if (sl_delta_partition_check(&stored, &refusal) != SL_OK)
            sl_diag_err(diags, SL_SEVERITY_ERROR, &refusal, item_place(model, i));
    }
    if (found_count > 0 && found_count == count)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_MODEL_SETTING,
                sl_yaml_place(model->node, "partition_by"),
                "take out those that tell rows of one partition apart",
                "'partition_by' names every column of the result, and the files of a partition "
                "need one that is not in it");
}

static bool is_time(const char *type)
{
    return sl_str_equal(type, "DATE") || sl_str_equal(type, "TIMESTAMP") ||
           sl_str_equal(type, "TIMESTAMP WITH TIME ZONE");
}

static void check_history(const struct sl_model *model, const struct sl_column *columns,
                          size_t count, struct sl_diags *diags)
{
    static const char *const reserved[] = {SL_VALID_FROM, SL_VALID_TO, SL_IS_CURRENT};
    struct sl_place place = {model->file, model->sql_line, model->sql_column};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (sl_column_find(columns, count, reserved[i]))
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_SQL_COLUMN, place,
                    "give it another name, or leave it out",
                    "the column '%s' is what 'write: snapshot' adds", reserved[i]);
    const struct sl_column *time =
        model->updated_at ? sl_column_find(columns, count, model->updated_at) : NULL;
    if (time && !is_time(sl_storage_type(time->type)))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_MODEL_SETTING,
                sl_yaml_place(model->node, "updated_at"), "cast it to a timestamp or a date",
                "'updated_at' is the column '%s' of type %s, which is no time", time->name,
                time->type);
}

void sl_model_check_columns(const struct sl_model *model, const struct sl_column *columns,
                            size_t count, struct sl_diags *diags)
{
    struct sl_place place = {model->file, model->sql_line, model->sql_column};
    for (size_t i = 0; i < count; i++) {
        struct sl_column stored = {columns[i].name, sl_storage_type(columns[i].type)};
        struct sl_err refusal = {0};
        if (model->write == SL_WRITE_VIEW)
            continue;
        if (sl_is_origin_name(columns[i].name))
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_SQL_COLUMN, place, NULL,
                    "the column name '%s' is reserved", columns[i].name);
        if (sl_delta_column_check(&stored, &refusal) != SL_OK)
            sl_diag_err(diags, SL_SEVERITY_ERROR, &refusal, place);
    }
    if (model->write != SL_WRITE_VIEW)
        check_partition(model, columns, count, diags);
    if (model->write == SL_WRITE_SNAPSHOT)
        check_history(model, columns, count, diags);
}
