// What of a model's table gives way to the rows of this step.
#include "step/model.h"
#include "table/delta/partition.h"

#include <string.h>

static const struct sl_column *find_column(const struct sl_delta_snapshot *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

static int read_touched(const struct sl_model_step *step, const struct sl_delta_snapshot *table,
                        struct sl_delta_partition_set *ret, struct sl_err *err)
{
    struct sl_column *columns =
        SL_NEW_ARRAY(step->context->arena, struct sl_column, table->partition_count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < table->partition_count; i++) {
        const struct sl_column *column = find_column(table, table->partition_columns[i]);
        if (!column)
            return sl_fail(err, SL_E_TABLE_LOG, "the log has no type of partition column '%s'",
                           table->partition_columns[i]);
        columns[i] = *column;
    }
    ret->columns = columns;
    ret->column_count = table->partition_count;
    for (size_t i = 0; i < step->touched_count; i++)
        SL_TRY(sl_delta_partition_set_add(ret, step->touched[i], err));
    return SL_OK;
}

// By the values in the file's action, as the commit does it.
static int is_touched(const struct sl_delta_partition_set *touched,
                      const struct sl_delta_file *file, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *action = NULL;
    SL_TRY(sl_json_parse(file->add_json, strlen(file->add_json), file->path, &action, err));
    const json_t *add = json_object_get(action, "add");
    return sl_delta_partition_set_has(touched, json_object_get(add, "partitionValues"), ret, err);
}

static int list_touched(struct sl_model_step *step, const struct sl_delta_snapshot *table,
                        const struct sl_delta_partition_set *touched, struct sl_err *err)
{
    const char **removed = SL_NEW_ARRAY(step->context->arena, const char *, table->file_count);
    SL_TRY_NEW(removed, err);
    for (size_t i = 0; i < table->file_count; i++) {
        const struct sl_delta_file *file = &table->files[i];
        bool is_removed;
        SL_TRY(is_touched(touched, file, &is_removed, err));
        if (!is_removed)
            continue;
        removed[step->removed_count++] = file->path;
        step->balance.replaced = sl_rows_add(step->balance.replaced, file->row_count);
    }
    step->removed = removed;
    return SL_OK;
}

static int partitions(struct sl_model_step *step, struct sl_err *err)
{
    SL_AUTO(sl_delta_partition_set_clear) struct sl_delta_partition_set touched = {0};
    struct sl_delta_snapshot table;
    SL_TRY(sl_delta_load(step->folder, step->head.version, step->context->session,
                         step->context->arena, &table, err));
    SL_TRY(read_touched(step, &table, &touched, err));
    return list_touched(step, &table, &touched, err);
}

int sl_model_replaced(struct sl_model_step *step, struct sl_err *err)
{
    switch (step->scope) {
    case SL_SCOPE_ALL:
        return sl_step_count(step->context, step->folder, step->head.version,
                             &step->balance.replaced, err);
    case SL_SCOPE_PARTITIONS:
        return partitions(step, err);
    case SL_SCOPE_ALL_ROWS: // merge and snapshot count for themselves
    case SL_SCOPE_NEW_ROWS:
    case SL_SCOPE_NONE:
        break;
    }
    return SL_OK;
}
