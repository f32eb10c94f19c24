// The shape of a table that is there already: its columns and its primary key.
#include "base/utf8.h"
#include "connect/postgres/session.h"

#include <string.h>

#define NAME_MAX_BYTES ((size_t)63) // the server cuts longer ones

// Columns that only one of both has, or whose types differ.
static int compare(struct sl_postgres *postgres, const char *table, PGresult **ret,
                   struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "with _c as (select attrelid, attname, format_type(atttypid, atttypmod) as "
                     "type from pg_attribute where attnum > 0 and not attisdropped) "
                     "select w.attname, w.type, h.attname, h.type from "
                     "(select * from _c where attrelid = 'pg_temp." SL_POSTGRES_STAGE
                     "'::regclass) w full join (select * from _c where attrelid = ");
    sl_buf_add_sql_string(&sql, table);
    sl_buf_add(&sql, "::regclass) h on h.attname = w.attname "
                     "where w.type is distinct from h.type");
    SL_TRY(sl_buf_check(&sql, err));
    return sl_postgres_query(postgres, sql.text, ret, err);
}

static int refuse_column(const char *table, const char *wanted, const char *wanted_type,
                         const char *type, struct sl_err *err)
{
    if (*type)
        (void)sl_fail(err, SL_E_TARGET_REFUSED, "column '%s' of %s is %s, and %s is delivered",
                      wanted, table, type, wanted_type);
    else
        (void)sl_fail(err, SL_E_TARGET_REFUSED, "%s has no column '%s' any more", table, wanted);
    return sl_err_hint(err, "`sluice run --full-refresh` delivers the table whole and mends it");
}

static int add_changes(const struct sl_postgres *postgres, const struct sl_load *load,
                       const char *table, PGresult *columns, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_libpq *pq = &postgres->libpq;
    for (int i = 0; i < pq->PQntuples(columns); i++) {
        const char *wanted = pq->PQgetvalue(columns, i, 0);
        const char *wanted_type = pq->PQgetvalue(columns, i, 1);
        const char *there = pq->PQgetvalue(columns, i, 2);
        if (load->mode != SL_LOAD_REPLACE && *wanted)
            return refuse_column(table, wanted, wanted_type, pq->PQgetvalue(columns, i, 3), err);
        if (load->mode != SL_LOAD_REPLACE)
            continue; // a column of theirs
        if (*there) {
            sl_buf_add(sql, sql->length ? ", drop column " : "drop column ");
            sl_buf_add_sql_name(sql, there);
        }
        if (*wanted) {
            sl_buf_add(sql, sql->length ? ", add column " : "add column ");
            sl_buf_add_sql_name(sql, wanted);
            sl_buf_addf(sql, " %s", wanted_type);
        }
    }
    return sl_buf_check(sql, err);
}

int sl_postgres_fit(struct sl_postgres *postgres, const struct sl_load *load, const char *table,
                    struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf changes = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    PGresult *columns = NULL;
    SL_TRY(compare(postgres, table, &columns, err));
    int code = add_changes(postgres, load, table, columns, &changes, err);
    postgres->libpq.PQclear(columns);
    if (code != SL_OK || !changes.length)
        return code;
    sl_buf_addf(&sql, "alter table %s %s", table, changes.text);
    SL_TRY(sl_buf_check(&sql, err));
    if (sl_postgres_exec(postgres, sql.text, err) == SL_OK)
        return SL_OK;
    (void)sl_err_context(err, "give %s the columns of '%s'", table, load->table);
    return sl_err_hint(err, "drop the views that use a column which is gone or has a new type");
}

// "_sluice_key_orders": names of indexes are unique in a schema, so the table's is in it; what does
// not fit is told apart by a digest.
static const char *key_name(struct sl_postgres *postgres, const struct sl_load *load)
{
    const char *name = sl_arena_printf(postgres->arena, "_sluice_key_%s", load->to);
    uint64_t digest = UINT64_C(14695981039346656037); // FNV-1a
    if (!name || strlen(name) <= NAME_MAX_BYTES)
        return name;
    for (const char *at = load->to; *at; at++)
        digest = (digest ^ (unsigned char)*at) * UINT64_C(1099511628211);
    return sl_arena_printf(postgres->arena, "%.*s_%016llx",
                           (int)sl_utf8_cut(name, NAME_MAX_BYTES - 17), name,
                           (unsigned long long)digest);
}

// A row if the table has a primary key: its name, whether it is the delivery's, and what takes it
// away (a dropped key leaves its columns NOT NULL).
static int find_key(struct sl_postgres *postgres, const struct sl_load *load, const char *table,
                    PGresult **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "select c.conname, array_agg(a.attname::text order by k.i) = array[");
    for (size_t i = 0; i < load->key_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_string(&sql, load->key[i]);
    }
    sl_buf_add(&sql, "]::text[], format('drop constraint %I, ', c.conname) || "
                     "string_agg(format('alter column %I drop not null', a.attname), ', ') "
                     "from pg_constraint c, unnest(c.conkey) with ordinality k(n, i), "
                     "pg_attribute a where c.contype = 'p' and a.attrelid = c.conrelid and "
                     "a.attnum = k.n and c.conrelid = ");
    sl_buf_add_sql_string(&sql, table);
    sl_buf_add(&sql, "::regclass group by c.conname");
    SL_TRY(sl_buf_check(&sql, err));
    return sl_postgres_query(postgres, sql.text, ret, err);
}

// One that somebody else made stays as long as the delivery has none.
static bool is_stale(const struct sl_postgres *postgres, const struct sl_load *load,
                     const char *name, PGresult *key)
{
    const struct sl_libpq *pq = &postgres->libpq;
    if (pq->PQntuples(key) == 0 || pq->PQgetvalue(key, 0, 1)[0] == 't')
        return false;
    return load->key_count > 0 || sl_str_equal(pq->PQgetvalue(key, 0, 0), name);
}

int sl_postgres_drop_stale_key(struct sl_postgres *postgres, const struct sl_load *load,
                               const char *table, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    PGresult *key = NULL;
    const char *name = key_name(postgres, load);
    SL_TRY_NEW(name, err);
    SL_TRY(find_key(postgres, load, table, &key, err));
    bool is_needed = is_stale(postgres, load, name, key);
    if (is_needed)
        sl_buf_addf(&sql, "alter table %s %s", table, postgres->libpq.PQgetvalue(key, 0, 2));
    postgres->libpq.PQclear(key);
    SL_TRY(sl_buf_check(&sql, err));
    return is_needed ? sl_postgres_exec(postgres, sql.text, err) : SL_OK;
}

int sl_postgres_add_key(struct sl_postgres *postgres, const struct sl_load *load, const char *table,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    PGresult *key = NULL;
    const char *name = key_name(postgres, load);
    SL_TRY_NEW(name, err);
    if (!load->key_count)
        return SL_OK;
    SL_TRY(find_key(postgres, load, table, &key, err));
    bool is_there = postgres->libpq.PQntuples(key) > 0;
    postgres->libpq.PQclear(key);
    if (is_there)
        return SL_OK;
    sl_buf_addf(&sql, "alter table %s add constraint ", table);
    sl_buf_add_sql_name(&sql, name);
    sl_buf_add(&sql, " primary key (");
    sl_target_add_names(load->key, load->key_count, &sql);
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    return sl_postgres_exec(postgres, sql.text, err);
}
