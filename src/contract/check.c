// All that is wrong with a contract by itself, whether a project is around it or not.
#include "contract/compile.h"

static const struct sl_column own[] = {{"_source", "VARCHAR"},
                                       {"_position", "BIGINT"},
                                       {"_ingested_at", "TIMESTAMP WITH TIME ZONE"},
                                       {"_corrupt", "BLOB"}};

static void add(struct sl_column *columns, size_t *count, const char *name, const char *type)
{
    for (size_t i = 0; i < *count; i++)
        if (sl_str_equal_nocase(columns[i].name, name))
            return;
    columns[(*count)++] = (struct sl_column){name, type};
}

int sl_contract_foresee_raw(const struct sl_contract_table *table, const struct sl_column *file,
                            size_t file_count, struct sl_arena *arena, struct sl_column **ret,
                            size_t *ret_count, struct sl_err *err)
{
    const size_t own_count = sizeof own / sizeof *own;
    struct sl_column *columns =
        SL_NEW_ARRAY(arena, struct sl_column, table->column_count + file_count + own_count);
    size_t count = 0;
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < table->column_count; i++)
        add(columns, &count, table->columns[i].source_name, "VARCHAR");
    for (size_t i = 0; i < file_count; i++)
        add(columns, &count, file[i].name, file[i].type);
    for (size_t i = 0; i < own_count; i++)
        add(columns, &count, own[i].name, own[i].type);
    *ret = columns;
    *ret_count = count;
    return SL_OK;
}

static bool is_same_place(const struct sl_err *a, const struct sl_err *b)
{
    return a->line == b->line && a->column == b->column && sl_str_equal(a->file, b->file);
}

// The reader of the file may have said so, or another source of the same contract.
static bool is_told(const struct sl_diags *diags, const struct sl_diag *diag)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct sl_diag *known = &diags->items[i];
        bool are_errors =
            known->severity == SL_SEVERITY_ERROR && diag->severity == SL_SEVERITY_ERROR;
        if (is_same_place(&known->err, &diag->err) &&
            (are_errors || sl_str_equal(known->err.message, diag->err.message)))
            return true;
    }
    return false;
}

int sl_contract_check(const struct sl_contract_table *table, const struct sl_column *raw,
                      size_t raw_count, struct sl_session *session, struct sl_arena *arena,
                      struct sl_diags *diags, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags found = SL_DIAGS_INIT;
    struct sl_pass pass;
    SL_TRY(sl_contract_compile(table, raw, raw_count, session, arena, &found, &pass, err));
    for (size_t i = 0; i < found.count; i++)
        if (!is_told(diags, &found.items[i]))
            sl_diag_err(diags, found.items[i].severity, &found.items[i].err, (struct sl_place){0});
    return sl_contract_verify(table, raw, raw_count, &pass, session, diags, err);
}
