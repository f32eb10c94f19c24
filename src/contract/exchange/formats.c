// The table of formats, and what importing and exporting have in common.
#include "contract/exchange/tree.h"

#include <string.h>

const struct sl_exchange_format sl_exchange_formats[] = {
    {"odcs", "Open Data Contract Standard, v2 and v3", false, sl_x_odcs_import, sl_x_odcs_export},
    {"dbt", "dbt's schema.yml", false, sl_x_dbt_import, NULL},
    {"jsonschema", "JSON Schema", false, sl_x_jsonschema_import, sl_x_jsonschema_export},
    {"avro", "Avro schema", false, sl_x_avro_import, sl_x_avro_export},
    {"sql", "SQL DDL: CREATE TABLE", true, NULL, sl_x_sql_export},
    {"parquet", "Parquet file", true, NULL, NULL},
    {"delta", "Folder of a Delta table", true, NULL, NULL},
    {0},
};

const struct sl_exchange_format *sl_exchange_format(const char *name)
{
    for (const struct sl_exchange_format *format = sl_exchange_formats; format->name; format++)
        if (strcmp(format->name, name) == 0)
            return format;
    return NULL;
}

static const char *name_of_content(const struct sl_yaml *input)
{
    if (sl_x_is_list(input))
        return input->count && sl_x_get(input->items[0], "type") ? "avro" : NULL;
    if (sl_yaml_get(input, "apiVersion") || sl_yaml_get(input, "datasetName") ||
        sl_str_equal(sl_x_get(input, "kind"), "DataContract"))
        return "odcs";
    if (sl_yaml_get(input, "models") || sl_yaml_get(input, "sources") ||
        sl_yaml_get(input, "seeds") || sl_yaml_get(input, "snapshots"))
        return "dbt";
    if (sl_str_equal(sl_x_get(input, "type"), "record") && sl_yaml_get(input, "fields"))
        return "avro";
    if (sl_yaml_get(input, "$schema") || sl_yaml_get(input, "properties") ||
        sl_yaml_get(input, "$ref") || sl_yaml_get(input, "$defs") ||
        sl_yaml_get(input, "definitions"))
        return "jsonschema";
    return NULL;
}

const struct sl_exchange_format *sl_exchange_guess(const char *file, const struct sl_yaml *input)
{
    static const struct {
        const char *ending, *name;
    } endings[] = {{".sql", "sql"},       {".ddl", "sql"},       {".parquet", "parquet"},
                   {".avsc", "avro"},     {".odcs.yml", "odcs"}, {".odcs.yaml", "odcs"},
                   {".odcs.json", "odcs"}};
    const char *name = input ? name_of_content(input) : NULL;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (sl_str_ends(file, endings[i].ending))
            name = endings[i].name;
    return name ? sl_exchange_format(name) : NULL;
}

// Contracts may say who and what for only; other forms have nothing but tables.
static void require_table(struct sl_exchange *exchange, const struct sl_yaml *contract)
{
    if (!sl_x_count(sl_yaml_get(contract, "schema")))
        sl_x_wrong(exchange, contract->place, NULL, "it describes no table");
}

static int finish_import(struct sl_exchange *exchange, struct sl_yaml *contract,
                         size_t errors_before, struct sl_yaml **ret, struct sl_err *err)
{
    if (exchange->has_failed)
        return sl_fail_memory(err);
    bool is_good = contract && exchange->diags->error_count == errors_before;
    *ret = is_good ? contract : NULL;
    return SL_OK;
}

int sl_exchange_import(struct sl_exchange *exchange, const struct sl_exchange_format *format,
                       const struct sl_yaml *input, struct sl_yaml **ret, struct sl_err *err)
{
    size_t errors = exchange->diags->error_count;
    struct sl_yaml *contract = NULL;
    if (input->kind != SL_YAML_MAP &&
        !(input->kind == SL_YAML_LIST && format->import == sl_x_avro_import))
        sl_x_wrong(exchange, input->place, NULL, "the file is %s, expected a map",
                   input->kind == SL_YAML_NULL ? "empty" : sl_yaml_describe(input));
    else
        format->import(exchange, input, &contract);
    if (contract && format->import != sl_x_odcs_import && exchange->diags->error_count == errors) {
        require_table(exchange, contract);
        sl_x_conform_references(exchange, contract);
    }
    return finish_import(exchange, contract, errors, ret, err);
}

int sl_exchange_import_tables(struct sl_exchange *exchange, const struct sl_exchange_table *tables,
                              size_t count, struct sl_yaml **ret, struct sl_err *err)
{
    size_t errors = exchange->diags->error_count;
    struct sl_yaml *contract =
        sl_x_contract(exchange, count == 1 ? tables[0].name : exchange->otherwise);
    for (size_t i = 0; i < count; i++)
        sl_x_table(exchange, contract, &tables[i]);
    if (contract && !count)
        require_table(exchange, contract);
    if (contract)
        sl_x_conform_references(exchange, contract);
    return finish_import(exchange, contract, errors, ret, err);
}

int sl_exchange_import_delta(struct sl_exchange *exchange, const struct sl_exchange_delta *table,
                             struct sl_yaml **ret, struct sl_err *err)
{
    size_t errors = exchange->diags->error_count;
    struct sl_yaml *contract = sl_x_contract(exchange, table->name);
    sl_x_delta_table(exchange, contract, table);
    return finish_import(exchange, contract, errors, ret, err);
}

int sl_exchange_export(struct sl_exchange *exchange, const struct sl_exchange_format *format,
                       const struct sl_yaml *contract, struct sl_buf *text, struct sl_err *err)
{
    size_t errors = exchange->diags->error_count;
    struct sl_yaml *normal = NULL;
    SL_TRY(sl_exchange_import(exchange, sl_exchange_format("odcs"), contract, &normal, err));
    if (!normal)
        return SL_OK;
    if (format->export != sl_x_odcs_export)
        require_table(exchange, normal);
    if (exchange->diags->error_count > errors)
        return SL_OK;
    format->export(exchange, normal, text);
    if (exchange->has_failed)
        return sl_fail_memory(err);
    if (exchange->diags->error_count > errors)
        sl_buf_reset(text);
    return sl_buf_check(text, err);
}
