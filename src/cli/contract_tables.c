// What a contract is imported from that is no text to be read: tables that the engine knows, and
// Delta tables.
#include "cli/contract_file.h"
#include "contract/exchange/ddl.h"

#include "base/fs.h"

#include <string.h>

struct tables { // of a file
    struct sl_exchange *exchange;
    struct sl_exchange_table *items;
    size_t count;
};

static int query(struct sl_session *session, const char *sql, struct sl_result **ret,
                 struct sl_err *err)
{
    return session->kind->query(session, sql, 0, ret, err);
}

// --- SQL ---

// Words of other dialects for types that the engine has under another name.
static const char *const aliases = "create type jsonb as json;"
                                   "create type serial as integer;"
                                   "create type bigserial as bigint;"
                                   "create type smallserial as smallint;"
                                   "create type money as decimal(19,2);"
                                   "create type ntext as varchar;"
                                   "create type mediumtext as varchar;"
                                   "create type longtext as varchar;"
                                   "create type tinytext as varchar;"
                                   "create type clob as varchar;"
                                   "create type datetime2 as timestamp;"
                                   "create type smalldatetime as timestamp;"
                                   "create type uniqueidentifier as uuid;"
                                   "create type timestamp_ntz as timestamp;"
                                   "create type timestamp_ltz as timestamptz;"
                                   "create type mediumint as integer;"
                                   "create type citext as varchar;";

// Nothing of the file may reach the disk or the network, whatever it says.
static int prepare(struct sl_session *session, struct sl_err *err)
{
    SL_TRY(session->kind->exec(session, "set enable_external_access = false", NULL, err));
    SL_TRY(session->kind->exec(session, "set lock_configuration = true", NULL, err));
    return session->kind->exec(session, aliases, NULL, err);
}

// What else is altered (sequences, owners of types, roles) has no part in a table's form.
static bool is_run(const struct sl_ddl_statement *statement)
{
    const char *rest = statement->sql + strlen(statement->keyword);
    if (strcmp(statement->keyword, "alter") == 0)
        return strncasecmp(rest + strspn(rest, " \t\r\n"), "table", 5) == 0;
    return strcmp(statement->keyword, "create") == 0 || strcmp(statement->keyword, "comment") == 0;
}

// What the engine does not take and describes no table: indexes, sequences, functions, owners.
static bool is_needed(const char *sql)
{
    static const char *const needed[] = {"create table", "create type", "create or replace table",
                                         "comment on", NULL};
    for (size_t i = 0; needed[i]; i++)
        if (strncasecmp(sql, needed[i], strlen(needed[i])) == 0)
            return true;
    return false;
}

static int make_schema(struct sl_exchange *exchange, struct sl_session *session,
                       const struct sl_ddl_statement *statement, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *schema = sl_ddl_schema(statement, exchange->arena);
    if (!schema)
        return SL_OK;
    sl_buf_add(&sql, "create schema if not exists ");
    sl_buf_add_sql_name(&sql, schema);
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

// As it stands, or without its foreign keys, which are read from the text then, or also without
// other things that the engine does not take of it: told.
static int try_statement(struct sl_exchange *exchange, struct sl_place place,
                         struct sl_session *session, struct sl_ddl_statement *statement,
                         struct sl_err *problem)
{
    const char *before = NULL;
    struct sl_err last = {0};
    for (int level = 0; level < 3; level++) {
        struct sl_err other = {0};
        const char *plain = sl_ddl_plain(statement->sql, level, exchange->arena);
        SL_TRY_NEW(plain, problem);
        if (before && strcmp(plain, before) == 0)
            continue;
        before = plain;
        int code = session->kind->exec(session, plain, NULL, level ? &other : problem);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(problem);
        if (code != SL_OK) {
            last = level == 1 ? other : level ? last : *problem;
            continue;
        }
        statement->is_keyless = level > 0;
        if (level > 1)
            sl_diag(exchange->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_LOSS, place, NULL,
                    "checks and defaults of this table are left out: %s", last.message);
        return SL_OK;
    }
    *problem = last; // what stands in the way beside foreign keys
    return (int)problem->code;
}

static int run_statement(struct sl_exchange *exchange, const char *path, struct sl_session *session,
                         struct sl_ddl_statement *statement, struct sl_err *err)
{
    struct sl_place place = {path, statement->line, 1};
    struct sl_err problem = {0};
    struct sl_ddl_foreign_key key;
    SL_TRY(sl_ddl_foreign_key(statement, exchange->arena, &key, err));
    if (key.table)
        return SL_OK;
    SL_TRY(make_schema(exchange, session, statement, err));
    if (try_statement(exchange, place, session, statement, &problem) == SL_OK)
        return SL_OK;
    if (problem.code == SL_E_MEMORY) {
        *err = problem;
        return (int)err->code;
    }
    if (!is_needed(statement->sql)) {
        sl_diag(exchange->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_LOSS, place, NULL,
                "a statement that the engine does not take is left out: %s", problem.message);
        return SL_OK;
    }
    // A place inside of the statement counts from its first line.
    if (problem.line > 0)
        place = (struct sl_place){path, statement->line + problem.line - 1,
                                  problem.line > 1 ? problem.column : 1};
    sl_diag(exchange->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT_IMPORT, place,
            "statements are read as DuckDB and PostgreSQL have them; reduce this one to that, "
            "or take it out",
            "the engine does not take this statement: %s", problem.message);
    return SL_OK;
}

static int run_statements(struct sl_exchange *exchange, const char *path,
                          struct sl_session *session, struct sl_ddl_statement *statements,
                          size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (is_run(&statements[i]))
            SL_TRY(run_statement(exchange, path, session, &statements[i], err));
        else
            sl_diag(exchange->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_LOSS,
                    (struct sl_place){path, statements[i].line, 1}, NULL,
                    "a statement '%s ...' says nothing of a table's form", statements[i].keyword);
    }
    return SL_OK;
}

static const char *copy(struct sl_exchange *exchange, const char *text)
{
    const char *made = text ? sl_arena_strdup(exchange->arena, text) : NULL;
    exchange->has_failed |= text && !made;
    return made;
}

static int read_columns(struct sl_exchange *exchange, struct sl_session *session,
                        const char *catalogue_id, struct sl_exchange_table *table,
                        struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "select column_name, data_type, not is_nullable, comment, column_default from "
                "duckdb_columns() where table_oid = %s order by column_index",
                catalogue_id);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(query(session, sql.text, &result, err));
    table->column_count = (size_t)sl_result_rows(result);
    table->columns = SL_NEW_ARRAY(exchange->arena, struct sl_exchange_column, table->column_count);
    SL_TRY_NEW(table->columns, err);
    for (size_t i = 0; i < table->column_count; i++)
        table->columns[i] = (struct sl_exchange_column){
            .name = copy(exchange, sl_result_text(result, (int64_t)i, 0)),
            .type = copy(exchange, sl_result_text(result, (int64_t)i, 1)),
            .is_required = sl_str_equal(sl_result_text(result, (int64_t)i, 2), "true"),
            .description = copy(exchange, sl_result_text(result, (int64_t)i, 3)),
            .otherwise = copy(exchange, sl_result_text(result, (int64_t)i, 4)),
            .place = table->place,
        };
    return exchange->has_failed ? sl_fail_memory(err) : SL_OK;
}

// A list that the query gives as one text, its items apart by a character that no name has.
static int read_names(struct sl_exchange *exchange, const char *text, struct sl_strs *ret,
                      struct sl_err *err)
{
    while (text && *text) {
        size_t length = strcspn(text, "\x1f");
        const char *name = sl_arena_strndup(exchange->arena, text, length);
        SL_TRY_NEW(name, err);
        SL_TRY(sl_strs_add(ret, exchange->arena, name, err));
        text += length + (text[length] != '\0');
    }
    return SL_OK;
}

static int read_constraint(struct sl_exchange *exchange, struct sl_session *session,
                           const struct sl_result *result, int64_t row,
                           struct sl_exchange_constraint *ret, struct sl_err *err)
{
    static const char *const kinds[] = {"PRIMARY KEY", "UNIQUE", "FOREIGN KEY", "CHECK"};
    const char *kind = sl_result_text(result, row, 0);
    size_t at = 0;
    while (at < 4 && !sl_str_equal(kinds[at], kind))
        at++;
    ret->kind = (enum sl_exchange_constraint_kind)at;
    SL_TRY(read_names(exchange, sl_result_text(result, row, 1), &ret->columns, err));
    ret->expression = copy(exchange, sl_result_text(result, row, 2));
    ret->other = copy(exchange, sl_result_text(result, row, 3));
    SL_TRY(read_names(exchange, sl_result_text(result, row, 4), &ret->others, err));
    if (exchange->has_failed)
        return sl_fail_memory(err);
    if (ret->kind != SL_EXCHANGE_CHECK)
        return SL_OK;
    const char *sql = sl_arena_printf(exchange->arena, "select %s", ret->expression);
    SL_TRY_NEW(sql, err);
    return session->kind->parse(session, &sql, 1, exchange->arena, &ret->tree, err);
}

static int read_constraints(struct sl_exchange *exchange, struct sl_session *session,
                            const char *catalogue_id, struct sl_exchange_table *table,
                            struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "select constraint_type, array_to_string(constraint_column_names, chr(31)), "
                "expression, referenced_table, array_to_string(referenced_column_names, chr(31)) "
                "from duckdb_constraints() where table_oid = %s and constraint_type in ('PRIMARY "
                "KEY', 'UNIQUE', 'FOREIGN KEY', 'CHECK') order by constraint_index",
                catalogue_id);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(query(session, sql.text, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        struct sl_exchange_constraint constraint = {.place = table->place};
        // Of a table that was read without its checks.
        if (sl_str_equal(sl_result_text(result, row, 2), "CAST('t' AS BOOLEAN)"))
            continue;
        SL_TRY(read_constraint(exchange, session, result, row, &constraint, err));
        if (!SL_PUSH(exchange->arena, table->constraints, table->constraint_count, constraint))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// The words of the file for its types, and the lines of its columns.
static int add_words(struct sl_exchange *exchange, const char *path,
                     const struct sl_ddl_statement *statement, struct sl_exchange_table *tables,
                     size_t count, struct sl_err *err)
{
    struct sl_ddl_column *columns;
    size_t column_count;
    const char *name;
    SL_TRY(sl_ddl_columns(statement, exchange->arena, &name, &columns, &column_count, err));
    for (size_t t = 0; t < count && name; t++) {
        if (!sl_str_equal_nocase(tables[t].name, name))
            continue;
        tables[t].place = (struct sl_place){path, statement->line, 1};
        for (size_t i = 0; i < tables[t].column_count; i++)
            for (size_t k = 0; k < column_count; k++)
                if (sl_str_equal_nocase(tables[t].columns[i].name, columns[k].name)) {
                    tables[t].columns[i].physical = columns[k].type;
                    tables[t].columns[i].place = (struct sl_place){path, columns[k].line, 1};
                }
    }
    return SL_OK;
}

static struct sl_exchange_table *find_table(struct tables *tables, const char *name)
{
    for (size_t i = 0; i < tables->count; i++)
        if (sl_str_equal_nocase(tables->items[i].name, name))
            return &tables->items[i];
    return NULL;
}

// The first of the names that is no column of the table; NULL: all are.
static const char *no_column(const struct sl_exchange_table *table, const struct sl_strs *names)
{
    for (size_t i = 0; i < names->count; i++) {
        size_t at = 0;
        while (at < table->column_count &&
               !sl_str_equal_nocase(table->columns[at].name, names->items[i]))
            at++;
        if (at == table->column_count)
            return names->items[i];
    }
    return NULL;
}

static const struct sl_strs *key_of(const struct sl_exchange_table *table)
{
    for (size_t i = 0; table && i < table->constraint_count; i++)
        if (table->constraints[i].kind == SL_EXCHANGE_PRIMARY_KEY)
            return &table->constraints[i].columns;
    return NULL;
}

// Why it cannot be kept; NULL: it can. Another contract of the project may have the other table, if
// the file has not.
static const char *why_lost(struct sl_arena *arena, const struct sl_exchange_table *table,
                            const struct sl_exchange_table *other,
                            const struct sl_ddl_foreign_key *key)
{
    const char *name = table ? no_column(table, &key->columns) : NULL;
    if (!table)
        return "the file does not create the table";
    if (name)
        return sl_arena_printf(arena, "the table has no column '%s'", name);
    if (!key->others.count)
        return other ? "the other table has no primary key of as many columns"
                     : "the file does not create the other table, and no column of it is named";
    name = other ? no_column(other, &key->others) : NULL;
    return name ? sl_arena_printf(arena, "the other table has no column '%s'", name) : NULL;
}

// One that the engine does not know of.
static int add_key(struct tables *tables, const struct sl_ddl_foreign_key *from,
                   struct sl_place place, struct sl_err *err)
{
    struct sl_exchange *exchange = tables->exchange;
    struct sl_ddl_foreign_key key = *from;
    struct sl_exchange_table *table = find_table(tables, key.table);
    const struct sl_exchange_table *other = find_table(tables, key.other);
    const struct sl_strs *columns = key_of(other);
    if (!key.others.count && columns && columns->count == key.columns.count)
        key.others = *columns;
    const char *why = why_lost(exchange->arena, table, other, &key);
    if (why) {
        sl_diag(exchange->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_LOSS, place, NULL,
                "a foreign key of table '%s' to '%s' is left out: %s", key.table, key.other, why);
        return SL_OK;
    }
    struct sl_exchange_constraint constraint = {.kind = SL_EXCHANGE_FOREIGN_KEY,
                                                .columns = key.columns,
                                                .other = other ? other->name : key.other,
                                                .others = key.others,
                                                .place = place};
    if (!table ||
        !SL_PUSH(exchange->arena, table->constraints, table->constraint_count, constraint))
        return sl_fail_memory(err);
    return SL_OK;
}

// The engine cannot add them to a table later, and has none to a table that it does not have yet.
static int add_foreign_keys(struct tables *tables, const char *path,
                            const struct sl_ddl_statement *statement, struct sl_err *err)
{
    struct sl_ddl_foreign_key *keys, later;
    size_t count = 0;
    SL_TRY(sl_ddl_foreign_key(statement, tables->exchange->arena, &later, err));
    if (later.table)
        return add_key(tables, &later, (struct sl_place){path, statement->line, 1}, err);
    if (statement->is_keyless)
        SL_TRY(sl_ddl_foreign_keys(statement, tables->exchange->arena, &keys, &count, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_key(tables, &keys[i], (struct sl_place){path, keys[i].line, 1}, err));
    return SL_OK;
}

static int read_tables(struct sl_exchange *exchange, struct sl_session *session,
                       struct sl_exchange_table **ret, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(query(session,
                 "select table_name, comment, table_oid from duckdb_tables() where not internal "
                 "order by table_oid",
                 &result, err));
    *ret_count = (size_t)sl_result_rows(result);
    *ret = SL_NEW_ARRAY(exchange->arena, struct sl_exchange_table, *ret_count);
    SL_TRY_NEW(*ret, err);
    for (size_t i = 0; i < *ret_count; i++) {
        struct sl_exchange_table *table = &(*ret)[i];
        const char *id = sl_result_text(result, (int64_t)i, 2);
        table->name = copy(exchange, sl_result_text(result, (int64_t)i, 0));
        table->description = copy(exchange, sl_result_text(result, (int64_t)i, 1));
        SL_TRY(read_columns(exchange, session, id, table, err));
        SL_TRY(read_constraints(exchange, session, id, table, err));
    }
    return SL_OK;
}

int sl_contract_import_sql(struct sl_exchange *exchange, const char *path,
                           struct sl_session *session, struct sl_yaml **ret, struct sl_err *err)
{
    struct sl_ddl_statement *statements;
    struct tables tables = {.exchange = exchange};
    size_t count, length;
    const char *text;
    SL_TRY(sl_fs_read(path, SL_CONTRACT_MAX_BYTES, exchange->arena, &text, &length, err));
    SL_TRY(sl_ddl_split(text, exchange->arena, &statements, &count, err));
    SL_TRY(prepare(session, err));
    SL_TRY(run_statements(exchange, path, session, statements, count, err));
    if (exchange->diags->error_count)
        return SL_OK;
    SL_TRY(read_tables(exchange, session, &tables.items, &tables.count, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_words(exchange, path, &statements[i], tables.items, tables.count, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_foreign_keys(&tables, path, &statements[i], err));
    return sl_exchange_import_tables(exchange, tables.items, tables.count, ret, err);
}

// --- Delta ---

static int parse_json(struct sl_exchange *exchange, const char *text, const char *path,
                      struct sl_yaml **ret, struct sl_err *err)
{
    *ret = NULL;
    if (!text)
        return SL_OK;
    SL_TRY(
        sl_yaml_parse(text, strlen(text), path, 1, 1, exchange->arena, exchange->diags, ret, err));
    return *ret ? SL_OK
                : sl_fail(err, SL_E_TABLE_LOG, "the schema in the log of '%s' is no JSON", path);
}

int sl_contract_import_delta(struct sl_exchange *exchange, const char *path,
                             struct sl_session *session, struct sl_yaml **ret, struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;
    struct sl_yaml *schema, *configuration;
    struct sl_exchange_delta table = {.name =
                                          exchange->name ? exchange->name : exchange->otherwise};
    SL_TRY(sl_delta_load(path, -1, session, exchange->arena, &snapshot, err));
    if (snapshot.version < 0)
        return sl_fail(err, SL_E_TABLE_MISSING, "'%s' is no Delta table", path);
    SL_TRY(parse_json(exchange, snapshot.schema_json, path, &schema, err));
    SL_TRY(parse_json(exchange, snapshot.configuration_json, path, &configuration, err));
    table.schema = schema;
    table.configuration = configuration;
    for (size_t i = 0; i < snapshot.partition_count; i++)
        SL_TRY(sl_strs_add(&table.partition_columns, exchange->arena, snapshot.partition_columns[i],
                           err));
    return sl_exchange_import_delta(exchange, &table, ret, err);
}
