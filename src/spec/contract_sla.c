// slaProperties: promises about the age of a column's newest value become checks that warn, all
// others are kept.
#include "spec/contract_file.h"

#include <stdio.h>
#include <string.h>

static bool is_about_age(const char *property)
{
    static const char *const names[] = {"freshness",  "latency",   "ly",
                                        "timeliness", "frequency", "fy"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_equal_nocase(property, names[i]))
            return true;
    return false;
}

// Months have 30 days and years 365: a promise counted in them is not meant to the day.
static int64_t seconds_of(const char *unit)
{
    static const struct {
        const char *names; // each between blanks
        int64_t seconds;
    } units[] = {
        {" s sec second seconds ", 1},      {" m min minute minutes ", 60},
        {" h hr hour hours ", 3600},        {" d day days ", 86400},
        {" w wk week weeks ", 7 * 86400},   {" mo month months ", 30 * 86400},
        {" y yr year years ", 365 * 86400},
    };
    char word[16];

    if (strlen(unit) > 10 || strchr(unit, ' '))
        return 0;
    snprintf(word, sizeof word, " %s ", unit);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strstr(units[i].names, word))
            return units[i].seconds;
    return 0;
}

static bool read_age(const struct sl_odcs_sla *sla, int64_t *ret_s)
{
    double value;
    int64_t unit = sl_str_is_empty(sla->unit) ? 0 : seconds_of(sla->unit);

    if (!sla->value)
        return false;
    if (!unit)
        return sl_str_is_empty(sla->unit) && sl_str_to_duration(sla->value, ret_s);
    if (!sl_str_to_double(sla->value, &value) || !(value > 0) || value * (double)unit > 1e12)
        return false;
    *ret_s = (int64_t)(value * (double)unit);
    return true;
}

static const struct sl_contract_column *find_column(const struct sl_contract_table *table,
                                                    const char *name, size_t length)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const char *column = table->columns[i].name;

        if (strlen(column) == length && strncmp(column, name, length) == 0)
            return &table->columns[i];
    }
    return NULL;
}

// "orders.updated_at", or "updated_at" where the contract has one table alone.
static const struct sl_contract_column *column_of(const struct sl_contract_table *table,
                                                  const struct sl_odcs *contract,
                                                  const char *element, size_t length)
{
    const char *names[] = {table->name, table->physical_name};

    for (size_t i = 0; i < 2; i++) {
        size_t own = names[i] ? strlen(names[i]) : 0;

        if (own && length > own + 1 && element[own] == '.' && strncmp(element, names[i], own) == 0)
            return find_column(table, element + own + 1, length - own - 1);
    }
    return contract->schema.count == 1 ? find_column(table, element, length) : NULL;
}

static int add(struct sl_odcs_reader *reader, const struct sl_odcs_sla *sla,
               const struct sl_contract_column *column, int64_t age_s, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_yaml *arguments = SL_NEW(arena, struct sl_yaml);
    struct sl_yaml *nodes = SL_NEW_ARRAY(arena, struct sl_yaml, 4);
    struct sl_yaml **lists = SL_NEW_ARRAY(arena, struct sl_yaml *, 4);
    const char *age = sl_arena_printf(arena, "%llds", (long long)age_s);

    SL_TRY_NEW(arguments, err);
    SL_TRY_NEW(nodes, err);
    SL_TRY_NEW(lists, err);
    SL_TRY_NEW(age, err);
    if (age_s % 3600 == 0)
        age = sl_arena_printf(arena, "%lldh", (long long)(age_s / 3600));
    SL_TRY_NEW(age, err);
    const char *const texts[] = {"column", "max_age", column->name, age};
    for (size_t i = 0; i < 4; i++) {
        nodes[i] =
            (struct sl_yaml){.kind = SL_YAML_SCALAR, .text = texts[i], .place = sla->node->place};
        lists[i] = &nodes[i];
    }
    *arguments = (struct sl_yaml){.kind = SL_YAML_MAP,
                                  .text = "",
                                  .place = sla->node->place,
                                  .keys = lists,
                                  .items = lists + 2,
                                  .count = 2};
    return sl_odcs_add_check(reader,
                             &(struct sl_odcs_check){.kind = "freshness",
                                                     .arguments = arguments,
                                                     .name = sla->property,
                                                     .is_warning = true,
                                                     .place = sla->node->place},
                             err);
}

// Several elements are separated by commas.
static int add_elements(struct sl_odcs_reader *reader, const struct sl_odcs *contract,
                        const struct sl_odcs_sla *sla, const char *element, struct sl_err *err)
{
    int64_t age_s;

    if (!read_age(sla, &age_s))
        return SL_OK;
    while (*element) {
        element += strspn(element, " ,");
        size_t length = strcspn(element, " ,");
        const struct sl_contract_column *column =
            column_of(reader->table, contract, element, length);

        if (length && column)
            SL_TRY(add(reader, sla, column, age_s, err));
        element += length;
    }
    return SL_OK;
}

int sl_odcs_add_sla(struct sl_odcs_reader *reader, const struct sl_odcs *contract,
                    struct sl_err *err)
{
    const struct sl_odcs_sla *items = contract->sla.items;

    reader->column = NULL;
    for (size_t i = 0; i < contract->sla.count; i++) {
        const char *element = items[i].element ? items[i].element : contract->sla_element;

        if (!items[i].node || !items[i].property)
            continue;
        if (is_about_age(items[i].property) && element)
            SL_TRY(add_elements(reader, contract, &items[i], element, err));
        else
            SL_TRY(sl_odcs_unread(reader, "slaProperties", err));
    }
    return SL_OK;
}

static bool is_known(const struct sl_contract *contract, const struct sl_odcs *read,
                     const char *element, size_t length)
{
    for (size_t i = 0; i < contract->table_count; i++)
        if (column_of(&contract->tables[i], read, element, length))
            return true;
    return false;
}

static void check_entry(struct sl_odcs_reader *reader, const struct sl_odcs *contract,
                        const struct sl_odcs_sla *sla, const char *element)
{
    struct sl_diags *diags = &reader->project->diags;
    struct sl_place place = sl_yaml_place(sla->node, sla->element ? "element" : "property");
    int64_t age_s;

    if (!read_age(sla, &age_s))
        sl_diag(diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, sla->node->place,
                "write 'value: 24' and 'unit: h'",
                "the %s that is promised is no duration, so it is not checked", sla->property);
    while (*element) {
        element += strspn(element, " ,");
        size_t length = strcspn(element, " ,");

        if (length && !is_known(reader->contract, contract, element, length))
            sl_diag(diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, place,
                    "write the name of a schema object and of its property: orders.updated_at",
                    "'%.*s' is no column of the contract, so its %s is not checked", (int)length,
                    element, sla->property);
        element += length;
    }
}

void sl_odcs_check_sla(struct sl_odcs_reader *reader, const struct sl_odcs *contract)
{
    const struct sl_odcs_sla *items = contract->sla.items;

    for (size_t i = 0; i < contract->sla.count; i++) {
        const char *element = items[i].element ? items[i].element : contract->sla_element;

        if (items[i].node && items[i].property && is_about_age(items[i].property) && element)
            check_entry(reader, contract, &items[i], element);
    }
}
