// Foreign keys: whether the columns that they lead to are there and can be compared. Of a parent
// with a contract that is known as soon as the project is read, and no world is valid without it;
// what only the tables tell (columns of models, columns that a contract takes over from raw),
// `check` tells.
#include "contract/compile.h"
#include "run/world.h"
#include "step/schema.h"

struct foreign_keys {
    struct sl_world *world;
    const struct sl_map *catalog; // NULL: only what the contracts say
    const struct sl_contract_table *contract;
};

// The parent's contract; NULL: it has none.
static const struct sl_contract_table *parent_contract(const struct foreign_keys *keys,
                                                       const struct sl_rule *rule)
{
    const struct sl_node *node = sl_graph_node(&keys->world->graph, rule->parent);
    return node && node->kind == SL_NODE_CLEANSE ? node->contract : NULL;
}

static int read_columns(const struct sl_contract_table *contract, struct sl_arena *arena,
                        struct sl_relation *ret, struct sl_err *err)
{
    struct sl_column *columns;
    *ret = (struct sl_relation){0};
    if (!contract)
        return SL_OK;
    SL_TRY(sl_contract_columns(contract, arena, &columns, &ret->count, err));
    ret->columns = columns;
    return SL_OK;
}

// The other side, as it is stored.
static int refer(const struct foreign_keys *keys, const struct sl_rule *rule,
                 const struct sl_relation *parent, struct sl_arena *arena,
                 struct sl_contract_reference *ret, struct sl_err *err)
{
    struct sl_column *stored = SL_NEW_ARRAY(arena, struct sl_column, parent->count + 1);
    SL_TRY_NEW(stored, err);
    for (size_t i = 0; i < parent->count; i++)
        stored[i] =
            (struct sl_column){parent->columns[i].name, sl_storage_type(parent->columns[i].type)};
    *ret = (struct sl_contract_reference){.child = keys->contract,
                                          .parent = parent_contract(keys, rule),
                                          .parent_name = rule->parent,
                                          .columns = stored,
                                          .column_count = parent->count};
    return SL_OK;
}

// Columns of a model's table are not known before it could be bound; then its step tells.
static int check_foreign_key(void *self, struct sl_rule *rule, struct sl_err *err)
{
    const struct foreign_keys *keys = self;
    const struct sl_contract_table *contract = parent_contract(keys, rule);
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_relation declared;
    SL_TRY(read_columns(contract, &arena, &declared, err));
    const struct sl_relation *found =
        keys->catalog ? sl_map_get(keys->catalog, rule->parent) : &declared;
    for (size_t i = 0; found && i < rule->to.count; i++) {
        bool is_declared =
            sl_column_find(declared.columns, declared.count, rule->to.items[i]) != NULL;
        bool is_said_by_contract =
            contract && (is_declared || contract->drift.new_columns != SL_DRIFT_EVOLVE);
        struct sl_contract_reference reference;
        if (is_said_by_contract != !keys->catalog)
            continue;
        SL_TRY(refer(keys, rule, found, &arena, &reference, err));
        SL_TRY(sl_contract_check_reference(&reference, rule, i, &keys->world->project->diags, err));
    }
    return SL_OK;
}

int sl_world_check_foreign_keys_of(struct sl_world *world, const struct sl_map *catalog,
                                   const struct sl_contract_table *contract, struct sl_err *err)
{
    struct foreign_keys keys = {world, catalog, contract};
    return sl_contract_each_foreign_key(contract, check_foreign_key, &keys, err);
}

int sl_world_check_foreign_keys(struct sl_world *world, const struct sl_map *catalog,
                                struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map checked = {0};
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind != SL_NODE_CLEANSE)
            continue;
        const struct sl_place *place = &node->contract->place;
        const char *key = sl_arena_printf(&world->arena, "%s:%d", place->file, place->line);
        SL_TRY_NEW(key, err);
        if (sl_map_has(&checked, key)) // of another source, too
            continue;
        SL_TRY(sl_map_set(&checked, key, NULL, err));
        SL_TRY(sl_world_check_foreign_keys_of(world, catalog, node->contract, err));
    }
    return SL_OK;
}
