// Which old names of columns are columns of clean by themselves, because rows came under them after
// their last day (drift: {new_columns: evolve}): models may read those.
#include "base/clock.h"
#include "contract/alias.h"
#include "run/bind.h"
#include "step/aliases.h"
#include "step/schema.h"

static bool is_any_asked(const struct sl_contract_table *contract, const struct sl_relation *raw)
{
    bool is_any = false;
    if (contract->drift.new_columns != SL_DRIFT_EVOLVE)
        return false;
    for (size_t i = 0; i < contract->column_count; i++)
        for (size_t k = 0; k < contract->columns[i].alias_count; k++) {
            const struct sl_contract_alias *alias = &contract->columns[i].aliases[k];
            is_any |= alias->until && sl_column_find(raw->columns, raw->count, alias->name);
        }
    return is_any;
}

static int load(struct sl_world *world, const struct sl_node *node, enum sl_layer layer,
                struct sl_session *session, struct sl_delta_snapshot *ret, struct sl_err *err)
{
    bool is_borrowed;
    const char *folder =
        sl_table_source(world->project, layer, node->bare, &world->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    return sl_delta_load(folder, -1, session, &world->arena, ret, err);
}

// Rows that are not there yet, or cannot be read, come late if they come from now on.
static int look_at_raw(struct sl_world *world, const struct sl_node *node,
                       struct sl_session *session, const struct sl_contract_table **contract,
                       bool *ret_is_known, struct sl_err *err)
{
    struct sl_delta_snapshot raw;
    struct sl_err trouble = {0};
    int code = load(world, node, SL_LAYER_RAW, session, &raw, &trouble);
    if (code == SL_OK && raw.version >= 0)
        code = sl_step_look_at_aliases(session, &raw, &world->arena, contract, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    *ret_is_known = code == SL_OK && raw.version >= 0;
    return SL_OK;
}

int sl_bind_aliases(struct sl_binder *binder, const struct sl_node *node,
                    const struct sl_relation *raw, const struct sl_contract_table **contract,
                    struct sl_err *err)
{
    struct sl_world *world = binder->world;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_contract_table *copy;
    struct sl_delta_snapshot clean;
    struct sl_err trouble = {0};
    bool is_known;
    if (!is_any_asked(*contract, raw))
        return SL_OK;
    SL_TRY(sl_world_session(world, &session, err));
    SL_TRY(look_at_raw(world, node, session, contract, &is_known, err));
    SL_TRY(sl_alias_copy(*contract, &world->arena, &copy, err));
    int code = load(world, node, SL_LAYER_CLEAN, session, &clean, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    int64_t now_us = sl_clock_now_us();
    for (size_t i = 0; i < copy->column_count; i++)
        for (size_t k = 0; k < copy->columns[i].alias_count; k++) {
            struct sl_contract_alias *alias = &copy->columns[i].aliases[k];
            alias->is_over |= alias->until && !is_known && now_us >= alias->end_us;
            alias->is_over |= alias->until && !is_known && code == SL_OK && clean.version >= 0 &&
                              sl_column_find(clean.columns, clean.column_count, alias->name);
        }
    *contract = copy;
    return SL_OK;
}
