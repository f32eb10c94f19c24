#include "base/hash.h"
#include "plan/plan.h"

#include <stdlib.h>

static void add_strs(struct sl_hash *hash, const struct sl_strs *list)
{
    for (size_t i = 0; i < list->count; i++)
        sl_hash_add(hash, list->items[i]);
    sl_hash_add(hash, NULL);
}

static int add_node(struct sl_hash *hash, const struct sl_yaml *node, struct sl_err *err)
{
    if (!node) {
        sl_hash_add(hash, NULL);
        return SL_OK;
    }
    SL_AUTO(sl_json_free) json_t *json = NULL;
    char *text = NULL;
    SL_TRY(sl_yaml_to_json(node, &json, err));
    SL_TRY(sl_json_print(json, &text, err));
    sl_hash_add(hash, text);
    free(text);
    return SL_OK;
}

int sl_model_fingerprint(const struct sl_model *model, const char *digest, char ret_hex[65],
                         struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, "model");
    sl_hash_add(hash, digest);
    int write = model->write;
    sl_hash_add_bytes(hash, &write, sizeof write);
    add_strs(hash, &model->partition_by);
    add_strs(hash, &model->key);
    add_strs(hash, &model->order_by);
    SL_TRY(add_node(hash, model->checks, err));
    if (model->write == SL_WRITE_SNAPSHOT) {
        sl_hash_add(hash, model->updated_at);
        sl_hash_add(hash, model->deletes == SL_DELETES_CLOSE ? "close" : "keep");
    }
    return sl_hash_end(hash, ret_hex, err);
}

int sl_delivery_fingerprint(const struct sl_target *target, const struct sl_delivery *delivery,
                            char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, "delivery");
    sl_hash_add(hash, target->type);
    sl_hash_add(hash, delivery->table);
    sl_hash_add(hash, delivery->to);
    int write = delivery->write;
    sl_hash_add_bytes(hash, &write, sizeof write);
    add_strs(hash, &delivery->key);
    add_strs(hash, &delivery->partition_by);
    return sl_hash_end(hash, ret_hex, err);
}

int sl_task_fingerprint(const struct sl_task *task, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, task->is_for_shell ? "shell task" : "task");
    add_strs(hash, &task->command);
    return sl_hash_end(hash, ret_hex, err);
}

static bool has_keyed_column(const struct sl_contract_table *contract)
{
    for (size_t i = 0; i < contract->column_count; i++)
        if (sl_personal_is_keyed(&contract->columns[i].personal))
            return true;
    return false;
}

int sl_cleanse_fingerprint(const struct sl_contract_table *contract, char ret_hex[65],
                           struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, "cleanse " SL_CONTRACT_COMPILER_VERSION);
    sl_hash_add(hash, contract->digest);
    if (contract->drift.new_columns || contract->drift.missing_columns ||
        contract->drift.type_change)
        sl_hash_add_bytes(hash, &contract->drift, offsetof(struct sl_drift, emptied_files));
    if (has_keyed_column(contract))
        sl_hash_add(hash, contract->personal_key_id);
    return sl_hash_end(hash, ret_hex, err);
}
