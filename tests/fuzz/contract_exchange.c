// A schema in any form, however damaged: what is imported from it can be printed, read again as
// what it was, exported to every form, and read as a contract. Also the statements of an SQL file.
#include "fuzz.h"

#include "contract/exchange/ddl.h"
#include "contract/exchange/exchange.h"

#include <stdlib.h>
#include <string.h>

static void export_all(struct sl_exchange *exchange, const struct sl_yaml *contract)
{
    struct sl_err err = {0};
    for (const struct sl_exchange_format *format = sl_exchange_formats; format->name; format++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        if (format->export)
            (void)!sl_exchange_export(exchange, format, contract, &text, &err);
    }
}

static void check_contract(struct sl_exchange *exchange, const struct sl_yaml *contract)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_yaml *again = NULL;
    struct sl_err err = {0};
    sl_yaml_print(contract, &text);
    if (sl_buf_check(&text, &err) != SL_OK ||
        sl_yaml_parse(text.text, text.length, "out.yml", 1, 1, exchange->arena, &diags, &again,
                      &err) != SL_OK)
        return;
    if (!again)
        abort(); // what is printed is YAML
    export_all(exchange, again);
}

static void split(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_ddl_statement *statements;
    struct sl_ddl_column *columns;
    struct sl_ddl_foreign_key key;
    struct sl_err err = {0};
    size_t count, column_count;
    const char *name;
    sl_arena_init(&arena, (size_t)256 << 20);
    const char *text = sl_arena_strndup(&arena, (const char *)data, size);
    if (!text || sl_ddl_split(text, &arena, &statements, &count, &err) != SL_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        (void)!sl_ddl_columns(&statements[i], &arena, &name, &columns, &column_count, &err);
        (void)!sl_ddl_foreign_key(&statements[i], &arena, &key, &err);
        (void)sl_ddl_schema(&statements[i], &arena);
        for (int level = 0; level < 3; level++)
            (void)sl_ddl_plain(statements[i].sql, level, &arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    split(data, size);
    for (const struct sl_exchange_format *format = sl_exchange_formats; format->name; format++) {
        SL_AUTO(sl_project_free) struct sl_project *project = calloc(1, sizeof *project);
        struct sl_yaml *input = NULL, *made = NULL;
        struct sl_contract *contract;
        struct sl_err err = {0};
        if (!project || !format->import)
            continue;
        sl_arena_init(&project->arena, (size_t)256 << 20);
        struct sl_exchange exchange = {
            .arena = &project->arena, .diags = &project->diags, .otherwise = "t"};
        if (sl_yaml_parse((const char *)data, size, "in.yml", 1, 1, &project->arena,
                          &project->diags, &input, &err) != SL_OK ||
            !input || sl_exchange_import(&exchange, format, input, &made, &err) != SL_OK || !made)
            continue;
        check_contract(&exchange, made);
        (void)!sl_contract_read(made, "in.yml", project, &contract, &err);
    }
    return 0;
}
