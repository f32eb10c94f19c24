// Other names that a column had or has at its source: customProperties "sluice.aliases" of a
// column.
#include "spec/contract_file.h"

#include "base/clock.h"

#include <stdio.h>

#define DAY_US ((int64_t)86400 * 1000000)

static const struct sl_opt rows[] = {
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_contract_alias, name),
     .flags = SL_OPT_REQUIRED},
    {.name = "until", .type = SL_OPT_STRING, .offset = offsetof(struct sl_contract_alias, until)},
    {0},
};

bool sl_contract_alias_read_until(struct sl_contract_alias *alias)
{
    static const char form[] = "dddd-dd-dd";
    int64_t day_us;

    for (size_t i = 0; i < sizeof form; i++) {
        char c = alias->until[i];
        if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i])
            return false;
    }
    if (sl_clock_parse(alias->until, &day_us) != 0)
        return false;
    alias->end_us = day_us + DAY_US;
    return true;
}

static void refuse(struct sl_odcs_reader *reader, const struct sl_contract_alias *alias,
                   enum sl_code code, const char *hint, const char *what)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, code, alias->place, hint,
            "column '%s': alias '%s' %s", reader->column->path, alias->name, what);
}

static void check_until(struct sl_odcs_reader *reader, struct sl_contract_alias *alias,
                        const struct sl_yaml *item)
{
    if (!alias->until || sl_contract_alias_read_until(alias))
        return;
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
            sl_yaml_place(item, "until"),
            "write the last day on which the old name is read; without 'until' it is read for ever",
            "column '%s': 'until' of alias '%s' is '%s', expected a date such as 2026-12-31",
            reader->column->path, alias->name, alias->until);
    alias->until = NULL;
}

// Leaves a diagnostic, and alias->name NULL, where it is none.
static int read_alias(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                      const struct sl_yaml *item, struct sl_contract_alias *alias,
                      struct sl_err *err)
{
    struct sl_project *project = reader->project;

    *alias = (struct sl_contract_alias){.place = item->place};
    if (item->kind == SL_YAML_SCALAR)
        alias->name = item->text;
    else if (item->kind == SL_YAML_MAP)
        SL_TRY(sl_opt_read(rows, item, "an alias", alias, NULL, &project->arena, &project->diags,
                           err));
    else
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, item->place, NULL,
                "an item of '%s' is %s, expected a name, or a map such as {name: old_name, until: "
                "2026-12-31}",
                custom->property, sl_yaml_describe(item));
    if (!alias->name)
        return SL_OK;
    if (item->kind == SL_YAML_MAP)
        alias->place = sl_yaml_place(item, "name");
    check_until(reader, alias, item);
    return SL_OK;
}

int sl_odcs_aliases(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                    struct sl_err *err)
{
    const struct sl_yaml *value = custom->value;
    bool is_list = value && value->kind == SL_YAML_LIST;
    size_t count = is_list ? value->count : value && value->kind != SL_YAML_NULL ? 1 : 0;
    struct sl_contract_column *column = reader->column;

    if (count == 0)
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE,
                value ? value->place : custom->node->place, NULL,
                "'%s' is %s, expected a list such as [{name: old_name, until: 2026-12-31}]",
                custom->property, is_list ? "empty" : sl_yaml_describe(value));
    if (reader->depth > 0 && count > 0) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, value->place,
                "give the column that it is in the alias, if that was renamed",
                "column '%s': '%s' is for whole columns, not for what is nested in one",
                column->path, custom->property);
        return SL_OK;
    }
    column->aliases = SL_NEW_ARRAY(&reader->project->arena, struct sl_contract_alias, count);
    SL_TRY_NEW(column->aliases, err);
    for (size_t i = 0; i < count; i++) {
        struct sl_contract_alias *alias = &column->aliases[column->alias_count];

        SL_TRY(read_alias(reader, custom, is_list ? value->items[i] : value, alias, err));
        column->alias_count += alias->name != NULL;
    }
    return SL_OK;
}

static bool is_technical(const char *name)
{
    static const char *const names[] = {"_source", "_position", "_ingested_at", "_corrupt"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_equal_nocase(name, names[i]))
            return true;
    return name[0] == '~';
}

// The alias before this one, of this or of an earlier column, that has the same name.
static const struct sl_contract_alias *find_earlier(const struct sl_contract_table *table,
                                                    size_t column, size_t index)
{
    const char *name = table->columns[column].aliases[index].name;

    for (size_t i = 0; i <= column; i++)
        for (size_t k = 0; k < (i < column ? table->columns[i].alias_count : index); k++)
            if (sl_str_equal_nocase(table->columns[i].aliases[k].name, name))
                return &table->columns[i].aliases[k];
    return NULL;
}

static void check_alias(struct sl_odcs_reader *reader, size_t column, size_t index)
{
    const struct sl_contract_table *table = reader->table;
    const struct sl_contract_alias *alias = &table->columns[column].aliases[index];
    const struct sl_contract_alias *earlier = find_earlier(table, column, index);
    char text[64];

    if (*alias->name == '\0')
        refuse(reader, alias, SL_E_NAME_INVALID, NULL, "is empty");
    if (is_technical(alias->name))
        refuse(reader, alias, SL_E_NAME_INVALID, NULL, "is a column that Sluice itself writes");
    if (earlier) {
        (void)snprintf(text, sizeof text, "stands here twice, first in line %d",
                       earlier->place.line);
        refuse(reader, alias, SL_E_NAME_DUPLICATE, "one column of the source feeds one column",
               text);
    }
    for (size_t i = 0; i < table->column_count; i++)
        if (i == column && sl_str_equal_nocase(table->columns[i].source_name, alias->name))
            refuse(reader, alias, SL_E_CONTRACT, "write the name that it had before",
                   "is the name under which it is read anyway");
        else if (sl_str_equal_nocase(table->columns[i].source_name, alias->name))
            refuse(reader, alias, SL_E_CONTRACT, "one column of the source feeds one column",
                   sl_arena_printf(&reader->project->arena, "is what column '%s' is read from",
                                   table->columns[i].name));
}

void sl_odcs_check_aliases(struct sl_odcs_reader *reader)
{
    struct sl_contract_table *table = reader->table;

    for (size_t i = 0; i < table->column_count; i++)
        for (size_t k = 0; k < table->columns[i].alias_count; k++) {
            reader->column = &table->columns[i];
            check_alias(reader, i, k);
        }
    reader->column = NULL;
}
