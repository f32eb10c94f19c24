// A Parquet file's schema as a table: names and types as the engine reads them, and which parts
// cannot be null as the file has it (parquet-format, "LogicalTypes.md").
#include "cli/contract_file.h"

#include <string.h>

#define DEEPEST 64 // what stands deeper is not described by a contract

// The nodes of the schema, each before those inside of it.
struct walker {
    struct sl_exchange *exchange;
    struct sl_result *nodes;
    struct sl_exchange_table *table;
    int64_t at;
    int depth;
};
enum { NAME, REPETITION, CHILDREN, IS_LIST, IS_MAP };

static const char *text(const struct walker *walker, int64_t row, size_t column)
{
    const char *found =
        row < sl_result_rows(walker->nodes) ? sl_result_text(walker->nodes, row, column) : NULL;
    return found ? found : "";
}

static int64_t child_count(const struct walker *walker, int64_t row)
{
    int64_t count = 0;
    return sl_str_to_int64(text(walker, row, CHILDREN), &count) && count > 0 ? count : 0;
}

static bool is_true(const struct walker *walker, int64_t row, size_t column)
{
    return strcmp(text(walker, row, column), "true") == 0;
}

static void skip(struct walker *walker)
{
    for (int64_t open = 1; open > 0 && walker->at < sl_result_rows(walker->nodes); walker->at++)
        open += child_count(walker, walker->at) - 1;
}

static int walk(struct walker *walker, const char *path, struct sl_err *err);

static int walk_members(struct walker *walker, int64_t count, const char *path, struct sl_err *err)
{
    for (int64_t i = 0; i < count; i++) {
        const char *inside =
            sl_arena_printf(walker->exchange->arena, "%s%s%s", path ? path : "",
                            path ? SL_EXCHANGE_MEMBER : "", text(walker, walker->at, NAME));
        SL_TRY_NEW(inside, err);
        SL_TRY(walk(walker, inside, err));
    }
    return SL_OK;
}

// A group of one repeated node: the group of an item, or in old files the item itself.
static int walk_list(struct walker *walker, const char *path, struct sl_err *err)
{
    int64_t repeated = walker->at;
    const char *name = text(walker, repeated, NAME);
    const char *item = sl_arena_printf(walker->exchange->arena, "%s" SL_EXCHANGE_ITEM, path);
    SL_TRY_NEW(item, err);
    if (child_count(walker, repeated) == 1 && strcmp(name, "array") != 0 &&
        !sl_str_ends(name, "_tuple"))
        walker->at++;
    return walk(walker, item, err);
}

static int walk(struct walker *walker, const char *path, struct sl_err *err)
{
    int64_t row = walker->at;
    int code = SL_OK;
    if (strcmp(text(walker, row, REPETITION), "OPTIONAL") != 0)
        SL_TRY(sl_strs_add(&walker->table->required, walker->exchange->arena, path, err));
    if (is_true(walker, row, IS_MAP) || walker->depth == DEEPEST) {
        skip(walker);
        return SL_OK;
    }
    walker->at++;
    walker->depth++;
    if (is_true(walker, row, IS_LIST) && child_count(walker, row) == 1)
        code = walk_list(walker, path, err);
    else
        code = walk_members(walker, child_count(walker, row), path, err);
    walker->depth--;
    return code;
}

static int read_required(struct sl_exchange *exchange, struct sl_session *session,
                         const char *quoted, struct sl_exchange_table *table, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "select name, repetition_type, num_children, coalesce(converted_type = 'LIST' or "
                "logical_type = 'ListType()', false), coalesce(converted_type in ('MAP', "
                "'MAP_KEY_VALUE') or logical_type = 'MapType()', false) from parquet_schema(%s)",
                quoted);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    struct walker walker = {.exchange = exchange, .nodes = result, .table = table, .at = 1};
    return walk_members(&walker, child_count(&walker, 0), NULL, err);
}

int sl_contract_import_parquet(struct sl_exchange *exchange, const char *path,
                               struct sl_session *session, struct sl_yaml **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf quoted = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_exchange_table table = {.name = exchange->otherwise, .place = {.file = path}};
    struct sl_column *columns;
    sl_buf_add_sql_string(&quoted, path);
    sl_buf_addf(&sql, "select * from read_parquet(%s, hive_partitioning = false)", quoted.text);
    SL_TRY(sl_buf_check(&quoted, err));
    SL_TRY(sl_buf_check(&sql, err));
    if (session->kind->describe(session, sql.text, exchange->arena, &columns, &table.column_count,
                                err) != SL_OK)
        return sl_err_context(err, "read the schema of '%s'", path);
    table.columns = SL_NEW_ARRAY(exchange->arena, struct sl_exchange_column, table.column_count);
    SL_TRY_NEW(table.columns, err);
    for (size_t i = 0; i < table.column_count; i++)
        table.columns[i] = (struct sl_exchange_column){
            .name = columns[i].name, .type = columns[i].type, .place = {.file = path}};
    SL_TRY(read_required(exchange, session, quoted.text, &table, err));
    return sl_exchange_import_tables(exchange, &table, 1, ret, err);
}
