// Which contract governs which source: the one that the source names, else the one whose schema
// object has its name.
#include "spec/load.h"

#include <string.h>

struct registry {
    struct sl_map files;  // file -> contract
    struct sl_map first;  // name of a schema object -> table
    struct sl_map second; // the same for names that two contracts have
    struct sl_map used;   // "file:line" of the tables that govern a source
};

static void registry_clear(struct registry *registry)
{
    sl_map_clear(&registry->files);
    sl_map_clear(&registry->first);
    sl_map_clear(&registry->second);
    sl_map_clear(&registry->used);
}

static int add_name(struct registry *registry, const char *name, struct sl_contract_table *table,
                    struct sl_err *err)
{
    const struct sl_contract_table *other = sl_map_get(&registry->first, name);

    if (!other)
        return sl_map_set(&registry->first, name, table, err);
    if (other->contract != table->contract)
        return sl_map_set(&registry->second, name, table, err);
    return SL_OK;
}

static int fill(struct registry *registry, const struct sl_project *project, struct sl_err *err)
{
    for (size_t i = 0; i < project->contract_count; i++) {
        struct sl_contract *contract = project->contracts[i];

        SL_TRY(sl_map_set(&registry->files, contract->file, contract, err));
        for (size_t k = 0; k < contract->table_count; k++)
            SL_TRY(add_name(registry, contract->tables[k].name, &contract->tables[k], err));
    }
    // Physical names come second: they only match where no object has the name itself.
    for (size_t i = 0; i < project->contract_count; i++)
        for (size_t k = 0; k < project->contracts[i]->table_count; k++) {
            struct sl_contract_table *table = &project->contracts[i]->tables[k];

            if (table->physical_name && !sl_map_has(&registry->first, table->physical_name))
                SL_TRY(sl_map_set(&registry->first, table->physical_name, table, err));
        }
    return SL_OK;
}

static struct sl_contract_table *find_table(struct sl_contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->table_count; i++)
        if (sl_str_equal(contract->tables[i].name, name) ||
            sl_str_equal(contract->tables[i].physical_name, name))
            return &contract->tables[i];
    return contract->table_count == 1 ? &contract->tables[0] : NULL;
}

// The table of the contract file that the source names.
static int find_named(struct sl_load *load, struct registry *registry,
                      const struct sl_source *source, struct sl_contract_table **ret,
                      struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct sl_contract *contract = sl_map_get(&registry->files, source->contract);
    struct sl_place place = sl_yaml_place(source->node, "contract");
    const char *hint;
    struct sl_strs names = {0};

    *ret = contract ? find_table(contract, source->name) : NULL;
    if (*ret || (contract && contract->table_count == 0))
        return SL_OK;
    if (contract) {
        for (size_t i = 0; i < contract->table_count; i++)
            SL_TRY(sl_strs_add(&names, &project->arena, contract->tables[i].name, err));
        hint = sl_did_you_mean(&project->arena, source->name, names.items, names.count);
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place,
                hint ? hint : "the schema object has the source's name, or its physicalName",
                "none of the %zu schema objects of '%s' is named '%s'", names.count,
                source->contract, source->name);
        return SL_OK;
    }
    for (const struct sl_map_entry *it = sl_map_first(&registry->files); it; it = sl_map_next(it))
        SL_TRY(sl_strs_add(&names, &project->arena, sl_map_key(it), err));
    hint = sl_did_you_mean(&project->arena, source->contract, names.items, names.count);
    sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_FILE_MISSING, place,
            hint ? hint
                 : "contracts are files under contracts/, named from the folder of sluice.yml",
            "there is no usable contract '%s'", source->contract);
    return SL_OK;
}

static void find_by_name(struct sl_load *load, struct registry *registry,
                         const struct sl_source *source, struct sl_contract_table **ret)
{
    const struct sl_contract_table *second = sl_map_get(&registry->second, source->name);
    const char *hint;

    *ret = sl_map_get(&registry->first, source->name);
    if (!second)
        return;
    hint = sl_arena_printf(&load->project->arena, "add 'contract: %s' or 'contract: %s' to %s",
                           (*ret)->contract->file, second->contract->file, source->file);
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE, second->place, hint,
            "schema object '%s' is also in '%s', so the contract of source '%s' is not clear",
            source->name, (*ret)->contract->file, source->name);
}

static const char *table_key(const struct sl_contract_table *table, struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s:%zu", table->contract->file,
                           (size_t)(table - table->contract->tables));
}

// Whether more was said already of an unused schema object that has a source's name.
static bool is_reported(const struct sl_project *project, const struct registry *registry,
                        const struct sl_contract_table *table)
{
    const struct sl_contract_table *governing = sl_map_get(&project->index->governing, table->name);

    if (!sl_map_has(&project->index->sources, table->name))
        return false;
    return !governing || governing->contract == table->contract ||
           sl_map_has(&registry->second, table->name);
}

// A schema object that governs nothing does nothing, most often because of a slip in its name.
static int report_unused_table(struct sl_load *load, const struct registry *registry,
                               const struct sl_strs *free_names,
                               const struct sl_contract_table *table, struct sl_err *err)
{
    struct sl_project *project = load->project;
    const struct sl_contract_table *governing;
    const char *key = table_key(table, &project->arena);
    const char *hint;

    SL_TRY_NEW(key, err);
    if (sl_map_has(&registry->used, key) || is_reported(project, registry, table))
        return SL_OK;
    governing = sl_map_get(&project->index->governing, table->name);
    hint = sl_did_you_mean(&project->arena, table->name, free_names->items, free_names->count);
    if (governing)
        hint = sl_arena_printf(&project->arena, "source '%s' names '%s' as its contract",
                               table->name, governing->contract->file);
    sl_diag(&project->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, table->place,
            hint ? hint : "a source is governed by the schema object of its name",
            "schema object '%s' governs no source", table->name);
    return SL_OK;
}

static int report_unused(struct sl_load *load, const struct registry *registry, struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct sl_strs free_names = {0};

    for (size_t i = 0; i < project->source_count; i++)
        if (!sl_map_has(&project->index->governing, project->sources[i].name))
            SL_TRY(sl_strs_add(&free_names, &project->arena, project->sources[i].name, err));
    for (size_t i = 0; i < project->contract_count; i++)
        for (size_t k = 0; k < project->contracts[i]->table_count; k++)
            SL_TRY(report_unused_table(load, registry, &free_names,
                                       &project->contracts[i]->tables[k], err));
    return SL_OK;
}

// A table may govern several sources, each of which has a policy of its own.
static int govern(struct sl_project *project, const struct sl_source *source,
                  const struct sl_contract_table *table, struct sl_err *err)
{
    struct sl_contract_table *own = SL_NEW(&project->arena, struct sl_contract_table);

    SL_TRY_NEW(own, err);
    *own = *table;
    own->drift = source->drift;
    own->personal_key_id = project->personal_key_id;
    sl_personal_check_key(project, own);
    return sl_map_set(&project->index->governing, source->name, own, err);
}

int sl_govern(struct sl_load *load, struct sl_err *err)
{
    struct sl_project *project = load->project;
    SL_AUTO(registry_clear) struct registry registry = {0};

    SL_TRY(fill(&registry, project, err));
    for (size_t i = 0; i < project->source_count; i++) {
        const struct sl_source *source = &project->sources[i];
        struct sl_contract_table *table;
        const char *key;

        if (source->contract)
            SL_TRY(find_named(load, &registry, source, &table, err));
        else
            find_by_name(load, &registry, source, &table);
        if (!table)
            continue;
        if (table->column_count == 0)
            sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, table->place,
                    "list its columns under 'properties'",
                    "schema object '%s' governs source '%s' and has no columns", table->name,
                    source->name);
        key = table_key(table, &project->arena);
        SL_TRY_NEW(key, err);
        SL_TRY(sl_map_set(&registry.used, key, table, err));
        SL_TRY(govern(project, source, table, err));
    }
    return report_unused(load, &registry, err);
}

const struct sl_contract_table *sl_project_contract_for(const struct sl_project *project,
                                                        const struct sl_source *source)
{
    if (project->index)
        return sl_map_get(&project->index->governing, source->name);
    for (size_t i = 0; i < project->contract_count; i++) {
        struct sl_contract *contract = project->contracts[i];

        if (source->contract && strcmp(contract->file, source->contract) == 0)
            return find_table(contract, source->name);
        for (size_t k = 0; !source->contract && k < contract->table_count; k++)
            if (sl_str_equal(contract->tables[k].name, source->name))
                return &contract->tables[k];
    }
    return NULL;
}

int sl_project_govern(struct sl_project *project, const struct sl_source *source,
                      struct sl_contract_table *table, struct sl_err *err)
{
    return sl_map_set(&project->index->governing, source->name, table, err);
}
