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

static void report_column(const struct foreign_keys *keys, const struct sl_rule *rule,
                          const char *name, const struct sl_relation *parent)
{
    struct sl_world *world = keys->world;
    const char **known = SL_NEW_ARRAY(&world->arena, const char *, parent->count);
    for (size_t i = 0; known && i < parent->count; i++)
        known[i] = parent->columns[i].name;
    sl_diag(&world->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
            known ? sl_did_you_mean(&world->arena, name, known, parent->count) : NULL,
            "the foreign key of '%s' leads to '%s', which is no column of %s", keys->contract->name,
            name, rule->parent);
}

static const struct sl_contract_column *find_column(const struct sl_contract_table *contract,
                                                    const char *name)
{
    for (size_t i = 0; contract && i < contract->column_count; i++)
        if (sl_str_equal_nocase(contract->columns[i].name, name))
            return &contract->columns[i];
    return NULL;
}

// The parent's contract; NULL: it has none.
static const struct sl_contract_table *parent_contract(const struct foreign_keys *keys,
                                                       const struct sl_rule *rule)
{
    const struct sl_node *node = sl_graph_node(&keys->world->graph, rule->parent);
    return node && node->kind == SL_NODE_CLEANSE ? node->contract : NULL;
}

// A hash is equal to no value but the same hash.
static void check_protection(const struct foreign_keys *keys, const struct sl_rule *rule,
                             size_t index)
{
    const struct sl_contract_column *child =
        find_column(keys->contract, rule->columns.items[index]);
    const struct sl_contract_column *parent =
        find_column(parent_contract(keys, rule), rule->to.items[index]);
    if (!child || !parent)
        return;
    const struct sl_personal *a = &child->personal, *b = &parent->personal;
    bool is_same =
        a->as == b->as && (a->as != SL_PERSONAL_TOKEN ||
                           (a->length == b->length && sl_str_equal(a->prefix, b->prefix)));
    if (!is_same)
        sl_diag(&keys->world->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                "give both columns the same 'sluice.personal'",
                "column '%s' is protected by '%s', and '%s' of %s by '%s': they cannot be compared",
                child->name, sl_personal_name(a->as), parent->name, rule->parent,
                sl_personal_name(b->as));
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

static void check_column(const struct foreign_keys *keys, const struct sl_rule *rule, size_t index,
                         const struct sl_relation *child, const struct sl_relation *parent)
{
    const char *name = rule->columns.items[index];
    const struct sl_column *own = sl_column_find(child->columns, child->count, name);
    const struct sl_column *column =
        sl_column_find(parent->columns, parent->count, rule->to.items[index]);
    if (!column) {
        report_column(keys, rule, rule->to.items[index], parent);
        return;
    }
    check_protection(keys, rule, index);
    const char *type = sl_storage_type(column->type);
    if (own && !sl_types_compare(own->type, type))
        sl_diag(&keys->world->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                "give both columns the same type",
                "column '%s' is %s, and '%s' of %s is %s: they cannot be compared", name, own->type,
                column->name, rule->parent, type);
}

// Columns of a model's table are not known before it could be bound; then its step tells.
static int check_foreign_key(void *self, struct sl_rule *rule, struct sl_err *err)
{
    const struct foreign_keys *keys = self;
    const struct sl_contract_table *contract = parent_contract(keys, rule);
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_relation child, declared;
    SL_TRY(read_columns(keys->contract, &arena, &child, err));
    SL_TRY(read_columns(contract, &arena, &declared, err));
    const struct sl_relation *found =
        keys->catalog ? sl_map_get(keys->catalog, rule->parent) : &declared;
    for (size_t i = 0; found && i < rule->to.count; i++) {
        bool is_declared =
            sl_column_find(declared.columns, declared.count, rule->to.items[i]) != NULL;
        bool is_said_by_contract =
            contract && (is_declared || contract->drift.new_columns != SL_DRIFT_EVOLVE);
        if (is_said_by_contract == !keys->catalog)
            check_column(keys, rule, i, &child, found);
    }
    return SL_OK;
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
        struct foreign_keys keys = {world, catalog, node->contract};
        SL_TRY(sl_contract_each_foreign_key(node->contract, check_foreign_key, &keys, err));
    }
    return SL_OK;
}
