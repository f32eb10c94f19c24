// contracts/*.yml: the Open Data Contract Standard, v3.0 and v3.1.
#include "spec/contract_file.h"

#include <string.h>

static void check_version(struct sl_odcs_reader *reader, const struct sl_yaml *node,
                          const char *version)
{
    static const char *const known[] = {"v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0"};
    struct sl_diags *diags = &reader->project->diags;
    struct sl_place place = sl_yaml_place(node, "apiVersion");

    if (!version)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(version, known[i]) == 0)
            return;
    if (sl_str_starts(version, "v3."))
        sl_diag(diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, place,
                "v3.0.0 to v3.1.0 are known",
                "apiVersion '%s' is not known; the contract is read as v3.1.0", version);
    else
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place,
                sl_str_starts(version, "3.") ? "versions are written with a 'v', such as v3.1.0"
                                             : "v3.0.0 to v3.1.0 are read",
                "apiVersion '%s' is no version 3 of the standard", version);
}

struct sl_place sl_contract_text_place(const struct sl_yaml *node, size_t index)
{
    return node->kind == SL_YAML_LIST && index < node->count ? node->items[index]->place
                                                             : node->place;
}

// The standard requires them, and nothing here depends on them.
static void check_identity(struct sl_odcs_reader *reader, const struct sl_yaml *node)
{
    static const char *const keys[] = {"id", "version", "status"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!sl_load_has(node, keys[i]))
            sl_diag(&reader->project->diags, SL_SEVERITY_WARNING, SL_E_KEY_MISSING, node->place,
                    NULL, "the standard requires '%s' in a contract", keys[i]);
}

// A map {purpose, usage, limitations}; tools of older versions write a text.
static const char *read_description(const struct sl_yaml *description)
{
    const struct sl_yaml *purpose = sl_yaml_get(description, "purpose");

    if (!description)
        return NULL;
    if (description->kind == SL_YAML_SCALAR)
        return description->text;
    return purpose && purpose->kind == SL_YAML_SCALAR ? purpose->text : NULL;
}

// The member of the team whose role is owner. v3.0 lists the members, v3.1 has them under
// `members`.
static const char *read_owner(const struct sl_yaml *team)
{
    const struct sl_yaml *members =
        team && team->kind == SL_YAML_MAP ? sl_yaml_get(team, "members") : team;

    for (size_t i = 0; members && members->kind == SL_YAML_LIST && i < members->count; i++) {
        const struct sl_yaml *role = sl_yaml_get(members->items[i], "role");
        const struct sl_yaml *username = sl_yaml_get(members->items[i], "username");

        if (role && username && username->kind == SL_YAML_SCALAR &&
            (sl_str_equal_nocase(role->text, "owner") ||
             sl_str_equal_nocase(role->text, "data owner")))
            return username->text;
    }
    return NULL;
}

static int read_table(struct sl_odcs_reader *reader, const struct sl_odcs *contract,
                      const struct sl_odcs_object *object, struct sl_err *err)
{
    struct sl_contract_table *table = reader->table;

    *table = (struct sl_contract_table){
        .name = object->name,
        .physical_name = object->physical_name,
        .contract = reader->contract,
        .place = sl_yaml_place(object->node, "name"),
        .description = object->description,
    };
    sl_map_clear(&reader->rule_ids);
    SL_TRY(sl_odcs_columns(reader, object, err));
    SL_TRY(sl_odcs_table_custom(reader, &object->custom, err));
    SL_TRY(sl_odcs_quality_rules(reader, &object->quality, err));
    SL_TRY(sl_odcs_relationships(reader, &object->relationships, err));
    SL_TRY(sl_odcs_add_sla(reader, contract, err));
    sl_odcs_check_rule_names(reader);
    SL_TRY(sl_odcs_check_personal(reader, err));
    return sl_odcs_digest(table, &reader->project->arena, err);
}

static void check_names(struct sl_odcs_reader *reader, const struct sl_contract_table *table)
{
    const struct sl_contract *contract = reader->contract;

    for (size_t i = 0; i < contract->table_count; i++)
        if (strcmp(contract->tables[i].name, table->name) == 0)
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_NAME_DUPLICATE, table->place,
                    NULL, "schema object '%s' stands here twice, first in line %d", table->name,
                    contract->tables[i].place.line);
}

static int read_tables(struct sl_odcs_reader *reader, const struct sl_odcs *read,
                       struct sl_err *err)
{
    const struct sl_opt_list *schema = &read->schema;
    const struct sl_odcs_object *objects = schema->items;
    struct sl_contract *contract = reader->contract;

    contract->tables =
        SL_NEW_ARRAY(&reader->project->arena, struct sl_contract_table, schema->count);
    SL_TRY_NEW(contract->tables, err);
    for (size_t i = 0; i < schema->count; i++) {
        if (!objects[i].name || !objects[i].node || objects[i].node->kind != SL_YAML_MAP)
            continue;
        reader->table = &contract->tables[contract->table_count];
        SL_TRY(read_table(reader, read, &objects[i], err));
        check_names(reader, reader->table);
        contract->table_count++;
    }
    return SL_OK;
}

static int read_contract(struct sl_odcs_reader *reader, const struct sl_yaml *node,
                         struct sl_err *err)
{
    struct sl_project *project = reader->project;
    struct sl_contract *contract = reader->contract;
    struct sl_odcs read = {0};
    struct sl_yaml *pruned;

    SL_TRY(sl_odcs_prune(reader, node, &pruned, err));
    SL_TRY(sl_opt_read(sl_contract_rows, pruned, "the contract", &read, NULL, &project->arena,
                       &project->diags, err));
    contract->api_version = read.api_version;
    contract->id = read.id;
    contract->name = read.name;
    contract->version = read.version;
    contract->status = read.status;
    contract->owner = read_owner(read.team);
    contract->description = read_description(read.description);
    check_version(reader, pruned, read.api_version);
    check_identity(reader, pruned);
    if (!sl_load_has(pruned, "schema"))
        sl_diag(&project->diags, SL_SEVERITY_WARNING, SL_E_KEY_MISSING, node->place, NULL,
                "the contract has no 'schema', so it governs nothing");
    SL_TRY(sl_odcs_contract_custom(reader, &read.custom, err));
    SL_TRY(read_tables(reader, &read, err));
    sl_odcs_check_sla(reader, &read);
    return SL_OK;
}

static void reader_clear(struct sl_odcs_reader *reader)
{
    sl_map_clear(&reader->unread);
    sl_map_clear(&reader->rule_ids);
}

int sl_contract_read(const struct sl_yaml *node, const char *file, struct sl_project *project,
                     struct sl_contract **ret, struct sl_err *err)
{
    struct sl_contract *contract = SL_NEW(&project->arena, struct sl_contract);
    SL_AUTO(reader_clear) struct sl_odcs_reader reader = {.project = project, .contract = contract};

    SL_TRY_NEW(contract, err);
    contract->file = file;
    contract->node = node;
    if (node->kind == SL_YAML_MAP)
        SL_TRY(read_contract(&reader, node, err));
    else
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
                "the contract is %s, expected a map", sl_yaml_describe(node));
    *ret = contract;
    return SL_OK;
}
