// Which table of the project a foreign key leads to.
#include "spec/contract_file.h"

#include <stdio.h>
#include <string.h>

int sl_contract_each_foreign_key(const struct sl_contract_table *table,
                                 int (*each)(void *self, struct sl_rule *rule, struct sl_err *err),
                                 void *self, struct sl_err *err)
{
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t r = 0; r < table->columns[i].rule_count; r++)
            if (sl_str_equal(table->columns[i].rules[r].kind, "foreign_key"))
                SL_TRY(each(self, &table->columns[i].rules[r], err));
    for (size_t r = 0; r < table->rule_count; r++)
        if (sl_str_equal(table->rules[r].kind, "foreign_key"))
            SL_TRY(each(self, &table->rules[r], err));
    return SL_OK;
}

struct resolver {
    struct sl_project *project;
    const struct sl_contract_table *table; // whose foreign keys they are
};

// clean.X for each source X that a schema object of the name governs.
static int find_governed(const struct resolver *resolver, const char *name, struct sl_strs *ret,
                         struct sl_err *err)
{
    struct sl_project *project = resolver->project;
    struct sl_arena *arena = &project->arena;

    for (size_t pass = 0; pass < 3 && ret->count == 0; pass++)
        for (size_t i = 0; i < project->source_count; i++) {
            const struct sl_source *source = &project->sources[i];
            const struct sl_contract_table *governing = sl_project_contract_for(project, source);
            const char *names[] = {source->name, governing ? governing->name : NULL,
                                   governing ? governing->physical_name : NULL};
            const char *found;

            if (!governing || !sl_str_equal(names[pass], name))
                continue;
            found = sl_arena_printf(arena, "clean.%s", source->name);
            SL_TRY_NEW(found, err);
            SL_TRY(sl_strs_add(ret, arena, found, err));
        }
    return SL_OK;
}

static int list_tables(const struct resolver *resolver, bool with_layers, struct sl_strs *ret,
                       struct sl_err *err)
{
    struct sl_project *project = resolver->project;
    struct sl_arena *arena = &project->arena;

    for (size_t i = 0; i < project->source_count; i++) {
        const char *name = project->sources[i].name;

        if (!sl_project_contract_for(project, &project->sources[i]))
            continue;
        if (with_layers)
            name = sl_arena_printf(arena, "clean.%s", name);
        SL_TRY_NEW(name, err);
        SL_TRY(sl_strs_add(ret, arena, name, err));
    }
    for (size_t i = 0; i < project->model_count && with_layers; i++) {
        const char *name = sl_arena_printf(arena, "curated.%s", project->models[i].name);

        SL_TRY_NEW(name, err);
        SL_TRY(sl_strs_add(ret, arena, name, err));
    }
    return SL_OK;
}

static int report_unknown(const struct resolver *resolver, const struct sl_rule *rule,
                          struct sl_err *err)
{
    struct sl_project *project = resolver->project;
    struct sl_strs names = {0}, found = {0};
    const char *dot = strchr(rule->parent, '.');
    const char *hint;

    SL_TRY(find_governed(resolver, rule->parent, &found, err));
    if (!dot && found.count > 1) {
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                sl_arena_printf(&project->arena, "write which one, such as '%s'", found.items[0]),
                "the foreign key of '%s' leads to '%s', which governs %zu sources",
                resolver->table->name, rule->parent, found.count);
        return SL_OK;
    }

    SL_TRY(list_tables(resolver, dot != NULL, &names, err));
    hint = sl_did_you_mean(&project->arena, rule->parent, names.items, names.count);
    if (!hint && sl_project_model(project, rule->parent))
        hint = sl_arena_printf(&project->arena, "did you mean 'curated.%s'?", rule->parent);
    sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
            hint ? hint
                 : "a parent is a source with a contract, or written out: clean.x, curated.x",
            "the foreign key of '%s' leads to '%s', which is no table of the project",
            resolver->table->name, rule->parent);
    return SL_OK;
}

// The parent's full name, if it is one of the project's tables.
static int find(const struct resolver *resolver, const struct sl_rule *rule, const char **ret,
                struct sl_err *err)
{
    struct sl_project *project = resolver->project;
    struct sl_strs found = {0};
    enum sl_layer layer;
    const char *name;

    *ret = NULL;
    if (sl_table_parse(rule->parent, &layer, &name)) {
        const struct sl_source *source = sl_project_source(project, name);
        bool is_clean =
            layer == SL_LAYER_CLEAN && source && sl_project_contract_for(project, source);

        if (is_clean || (layer == SL_LAYER_CURATED && sl_project_model(project, name)))
            *ret = rule->parent;
        return SL_OK;
    }
    SL_TRY(find_governed(resolver, rule->parent, &found, err));
    if (found.count == 1)
        *ret = found.items[0];
    return SL_OK;
}

static bool is_same_set(const struct sl_strs *a, const struct sl_strs *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!sl_strs_has(b, a->items[i]))
            return false;
    for (size_t i = 0; i < b->count; i++)
        if (!sl_strs_has(a, b->items[i]))
            return false;
    return true;
}

// Rows that the rule rejects.
static bool is_another_unique(const struct sl_rule *unique, const char *column,
                              const struct sl_rule *rule)
{
    const struct sl_strs own = {.items = &column, .count = 1};

    return sl_str_equal(unique->kind, "unique") && unique->severity != SL_RULE_WARN &&
           !is_same_set(column ? &own : &unique->columns, &rule->to);
}

// Which keys a table has must not depend on which of the rows with one key, or with one unique
// value, stands in it: that depends in turn on which rows have their parent.
static void check_own_table(const struct resolver *resolver, const struct sl_rule *rule)
{
    const struct sl_contract_table *table = resolver->table;
    struct sl_diags *diags = &resolver->project->diags;
    bool leads_elsewhere = false, has_key = false;

    for (size_t i = 0; i < table->column_count; i++) {
        const struct sl_contract_column *column = &table->columns[i];
        bool is_found = sl_strs_has(&rule->to, column->name);

        has_key |= column->key_position > 0;
        leads_elsewhere |= (column->key_position > 0) != is_found;
        for (size_t r = 0; r < column->rule_count; r++)
            if (is_another_unique(&column->rules[r], column->name, rule))
                sl_diag(diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                        "let that rule warn, or one of them go",
                        "the foreign key of '%s' leads to the table itself, in which rows are "
                        "rejected whose '%s' is not unique: which ones would depend on which have "
                        "a parent",
                        table->name, column->name);
    }
    for (size_t r = 0; r < table->rule_count; r++)
        if (is_another_unique(&table->rules[r], NULL, rule))
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                    "let that rule warn, or one of them go",
                    "the foreign key of '%s' leads to the table itself, in which rule '%s' rejects "
                    "rows that are not unique: which ones would depend on which have a parent",
                    table->name, table->rules[r].id);
    if (has_key && leads_elsewhere)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                "lead to the primary key, or let a model that reads the table have a check "
                "'relationships'",
                "the foreign key of '%s' leads to columns of the table itself that are not its "
                "primary key",
                table->name);
}

static int resolve(void *self, struct sl_rule *rule, struct sl_err *err)
{
    const struct resolver *resolver = self;
    struct sl_project *project = resolver->project;
    enum sl_layer layer;
    const char *parent, *name;
    const struct sl_source *source;
    const struct sl_model *model;

    SL_TRY(find(resolver, rule, &parent, err));
    if (!parent)
        return report_unknown(resolver, rule, err);
    if (!sl_table_parse(parent, &layer, &name))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no table", parent);
    source = layer == SL_LAYER_CLEAN ? sl_project_source(project, name) : NULL;
    if (source && sl_project_contract_for(project, source) == resolver->table)
        check_own_table(resolver, rule);
    model = layer == SL_LAYER_CURATED ? sl_project_model(project, name) : NULL;
    if (model && model->write == SL_WRITE_VIEW)
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place,
                "let that model write a table ('write: full'), or name the table that the view "
                "takes its keys from",
                "the foreign key of '%s' leads to the view '%s': rows are judged by a version of a "
                "table, and a view has none",
                resolver->table->name, parent);
    rule->parent = parent;
    return SL_OK;
}

int sl_foreign_keys_resolve(struct sl_load *load, struct sl_err *err)
{
    struct sl_project *project = load->project;
    SL_AUTO(sl_map_clear) struct sl_map done = {0};

    for (size_t i = 0; i < project->source_count; i++) {
        struct resolver resolver = {project,
                                    sl_project_contract_for(project, &project->sources[i])};
        char key[32];

        if (!resolver.table)
            continue;
        snprintf(key, sizeof key, "%p", (const void *)resolver.table);
        if (sl_map_has(&done, key))
            continue;
        const char *kept = sl_arena_strdup(&project->arena, key);
        SL_TRY_NEW(kept, err);
        SL_TRY(sl_map_set(&done, kept, NULL, err));
        SL_TRY(sl_contract_each_foreign_key(resolver.table, resolve, &resolver, err));
        // The digest is of the table that was found.
        SL_TRY(sl_odcs_digest((struct sl_contract_table *)(uintptr_t)resolver.table,
                              &project->arena, err));
    }
    return SL_OK;
}
