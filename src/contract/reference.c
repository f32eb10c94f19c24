// Whether the two sides of a foreign key can be compared.
#include "contract/compile.h"

static const struct sl_column *find(const struct sl_column *columns, size_t count, const char *name)
{
    const struct sl_column *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (sl_str_equal(columns[i].name, name))
            return &columns[i];
        if (!found && sl_str_equal_nocase(columns[i].name, name))
            found = &columns[i];
    }
    return found;
}

static const struct sl_contract_column *find_column(const struct sl_contract_table *contract,
                                                    const char *name)
{
    for (size_t i = 0; contract && i < contract->column_count; i++)
        if (sl_str_equal_nocase(contract->columns[i].name, name))
            return &contract->columns[i];
    return NULL;
}

static void tell_missing(const struct sl_contract_reference *reference, const struct sl_rule *rule,
                         const char *name, struct sl_arena *arena, struct sl_diags *diags)
{
    const char **known = SL_NEW_ARRAY(arena, const char *, reference->column_count + 1);
    for (size_t i = 0; known && i < reference->column_count; i++)
        known[i] = reference->columns[i].name;
    sl_diag(diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
            known ? sl_did_you_mean(arena, name, known, reference->column_count) : NULL,
            "the foreign key of '%s' leads to '%s', which is no column of %s",
            reference->child->name, name, reference->parent_name);
}

// A hash is equal to no value but the same hash.
static void check_protection(const struct sl_contract_reference *reference,
                             const struct sl_rule *rule, size_t index, struct sl_diags *diags)
{
    const struct sl_contract_column *child =
        find_column(reference->child, rule->columns.items[index]);
    const struct sl_contract_column *parent = find_column(reference->parent, rule->to.items[index]);
    if (!child || !parent)
        return;
    const struct sl_personal *a = &child->personal, *b = &parent->personal;
    bool is_same =
        a->as == b->as && (a->as != SL_PERSONAL_TOKEN ||
                           (a->length == b->length && sl_str_equal(a->prefix, b->prefix)));
    if (!is_same)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                "give both columns the same 'sluice.personal'",
                "column '%s' is protected by '%s', and '%s' of %s by '%s': they cannot be compared",
                child->name, sl_personal_name(a->as), parent->name, reference->parent_name,
                sl_personal_name(b->as));
}

int sl_contract_check_reference(const struct sl_contract_reference *reference,
                                const struct sl_rule *rule, size_t index, struct sl_diags *diags,
                                struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_column *own;
    size_t count;
    const struct sl_column *column =
        find(reference->columns, reference->column_count, rule->to.items[index]);
    sl_arena_init(&arena, 0);
    if (!column) {
        tell_missing(reference, rule, rule->to.items[index], &arena, diags);
        return SL_OK;
    }
    check_protection(reference, rule, index, diags);
    SL_TRY(sl_contract_columns(reference->child, &arena, &own, &count, err));
    const struct sl_column *child = find(own, count, rule->columns.items[index]);
    if (child && !sl_types_compare(child->type, column->type))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                "give both columns the same type",
                "column '%s' is %s, and '%s' of %s is %s: they cannot be compared", child->name,
                child->type, column->name, reference->parent_name, column->type);
    return SL_OK;
}
