#include "connect/database/target.h"

#include "base/clock.h"
#include "base/fs.h"

#include <string.h>

#define POSITIONS "_sluice_loads"

struct database_target {
    struct sl_session *session;
    struct sl_arena *arena;
    const char *path;
    const char *type;      // of the database: "sqlite"
    const char *extension; // NULL: none
    const char *alias; // of the attached database; unique, for all sessions share the engine's list
    bool is_sqlite;    // what it cannot store is written as what it can
    int lock_fd;       // one writer of the file at a time; -1: not attached
};

static bool can(enum sl_load_mode mode)
{
    (void)mode;
    return true;
}

static int open_as(const char *type, const char *extension, const struct sl_target_options *options,
                   struct sl_session *session, struct sl_arena *arena, void **ret_self,
                   struct sl_err *err)
{
    struct database_target *target = SL_NEW(arena, struct database_target);
    SL_TRY_NEW(target, err);
    char uuid[37];
    *target =
        (struct database_target){.session = session,
                                 .arena = arena,
                                 .path = options->path,
                                 .type = type,
                                 .extension = extension,
                                 .is_sqlite = strcmp(type, "sqlite") == 0,
                                 .alias = sl_arena_printf(arena, "target_%.8s", sl_uuid(uuid)),
                                 .lock_fd = -1};
    SL_TRY_NEW(target->alias, err);
    *ret_self = target;
    return SL_OK;
}

static int open_sqlite(const struct sl_target_options *options, struct sl_session *session,
                       struct sl_arena *arena, void **ret_self, struct sl_err *err)
{
    return open_as("sqlite", "sqlite_scanner", options, session, arena, ret_self, err);
}

static int open_duckdb(const struct sl_target_options *options, struct sl_session *session,
                       struct sl_arena *arena, void **ret_self, struct sl_err *err)
{
    return open_as("duckdb", NULL, options, session, arena, ret_self, err);
}

static int exec(struct database_target *target, const struct sl_buf *sql, int64_t *ret_rows,
                struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    return target->session->kind->exec(target->session, sql->text, ret_rows, err);
}

static int exec_text(struct database_target *target, const char *sql, struct sl_err *err)
{
    return target->session->kind->exec(target->session, sql, NULL, err);
}

static int attach(struct database_target *target, struct sl_err *err)
{
    const struct sl_engine_kind *engine = target->session->kind;
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    if (target->lock_fd >= 0)
        return SL_OK;
    const char *folder = sl_path_folder(target->arena, target->path);
    const char *lock = sl_arena_printf(target->arena, "%s.lock", target->path);
    SL_TRY_NEW(folder, err);
    SL_TRY_NEW(lock, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    SL_TRY(sl_fs_lock(lock, true, &lock_fd, err));
    if (target->extension)
        SL_TRY(engine->extend(target->session, target->extension, err));
    if (engine->attach(target->session, target->path, target->type, target->alias, err) != SL_OK)
        return sl_err_context(err, "open '%s'", target->path);
    target->lock_fd = lock_fd;
    lock_fd = -1;
    return SL_OK;
}

static int has_table(struct database_target *target, const char *name, bool *ret,
                     struct sl_err *err)
{
    return target->session->kind->has_table(target->session, target->alias, name, ret, err);
}

static int read_position(struct database_target *target, const char *to,
                         struct sl_target_position *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    bool is_there;
    *ret = (struct sl_target_position){.version = -1};
    SL_TRY(has_table(target, POSITIONS, &is_there, err));
    if (is_there)
        SL_TRY(has_table(target, to, &is_there, err));
    if (!is_there)
        return SL_OK;
    sl_buf_addf(&sql, "select version, fingerprint, table_id from %s." POSITIONS " where name = ",
                target->alias);
    sl_buf_add_sql_string(&sql, to);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(target->session->kind->query(target->session, sql.text, 1, &result, err));
    if (sl_result_rows(result) == 0)
        return SL_OK;
    ret->version = sl_result_int(result, 0, 0);
    ret->fingerprint = sl_arena_strdup(target->arena, sl_result_text(result, 0, 1));
    ret->table_id = sl_arena_strdup(target->arena, sl_result_text(result, 0, 2));
    SL_TRY_NEW(ret->fingerprint, err);
    SL_TRY_NEW(ret->table_id, err);
    return SL_OK;
}

static int position(void *self, const char *table, const char *to, struct sl_target_position *ret,
                    struct sl_err *err)
{
    struct database_target *target = self;
    (void)table;
    *ret = (struct sl_target_position){.version = -1};
    if (!sl_fs_exists(target->path))
        return SL_OK; // asking must not create it
    SL_TRY(attach(target, err));
    return read_position(target, to, ret, err);
}

static int sqlite_position(void *self, const char *table, const char *to,
                           struct sl_target_position *ret, struct sl_err *err)
{
    struct database_target *target = self;
    (void)table;
    return sl_sqlite_position(target->path, to, target->arena, ret, err);
}

static void add_table(const struct database_target *target, const struct sl_load *load,
                      struct sl_buf *sql)
{
    sl_buf_addf(sql, "%s.", target->alias);
    sl_buf_add_sql_name(sql, load->to);
}

static void add_match(const char *const *names, size_t count, struct sl_buf *sql)
{
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? " and _d." : "_d.");
        sl_buf_add_sql_name(sql, names[i]);
        sl_buf_add(sql, " is not distinct from _t.");
        sl_buf_add_sql_name(sql, names[i]);
    }
}

// Rows that go are added to *gone.
// delete from t as _t where exists (select 1 from (<rows>) as _d where <keys are equal>)
static int delete_matching(struct database_target *target, const struct sl_load *load,
                           const char *rows, const char *const *names, size_t count, int64_t *gone,
                           struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t deleted = 0;
    sl_buf_add(&sql, "delete from ");
    add_table(target, load, &sql);
    sl_buf_addf(&sql, " as _t where exists (select 1 from (%s) as _d where ", rows);
    add_match(names, count, &sql);
    sl_buf_add(&sql, ")");
    SL_TRY(exec(target, &sql, &deleted, err));
    *gone += deleted;
    return SL_OK;
}

// SQLite has no nested types: such a value is its JSON.
static bool is_text(const struct database_target *target, const struct sl_column *column)
{
    return target->is_sqlite && sl_type_is_nested(column->type);
}

static int insert(struct database_target *target, const struct sl_load *load, int64_t *ret_rows,
                  struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "insert into ");
    add_table(target, load, &sql);
    sl_buf_add(&sql, " (");
    sl_target_add_columns(load->columns, load->column_count, &sql);
    sl_buf_add(&sql, ") select ");
    for (size_t i = 0; i < load->column_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        if (is_text(target, &load->columns[i]))
            sl_target_add_json(&load->columns[i], &sql);
        else
            sl_buf_add_sql_name(&sql, load->columns[i].name);
    }
    sl_buf_addf(&sql, " from (%s\n)", load->rows_sql);
    return exec(target, &sql, ret_rows, err);
}

static int replace(struct database_target *target, const struct sl_load *load, int64_t *ret_rows,
                   struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "drop table if exists ");
    add_table(target, load, &sql);
    sl_buf_add(&sql, "; create table ");
    add_table(target, load, &sql);
    sl_buf_add(&sql, " (");
    for (size_t i = 0; i < load->column_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_name(&sql, load->columns[i].name);
        sl_buf_addf(&sql, " %s",
                    is_text(target, &load->columns[i]) ? "varchar" : load->columns[i].type);
    }
    sl_buf_add(&sql, ")");
    SL_TRY(exec(target, &sql, NULL, err));
    return insert(target, load, ret_rows, err);
}

static int write_rows(struct database_target *target, const struct sl_load *load,
                      struct sl_loaded *ret, struct sl_err *err)
{
    switch (load->mode) {
    case SL_LOAD_REPLACE:
        return replace(target, load, &ret->rows, err);
    case SL_LOAD_APPEND:
        break;
    case SL_LOAD_PARTITIONS:
        SL_TRY(delete_matching(target, load, load->partitions_sql, load->partition_by,
                               load->partition_count, &ret->replaced, err));
        break;
    case SL_LOAD_MERGE:
        if (load->deleted_keys_sql)
            SL_TRY(delete_matching(target, load, load->deleted_keys_sql, load->key, load->key_count,
                                   &ret->replaced, err));
        SL_TRY(delete_matching(target, load, load->rows_sql, load->key, load->key_count,
                               &ret->replaced, err));
        break;
    }
    return insert(target, load, &ret->rows, err);
}

static int write_position(struct database_target *target, const struct sl_load *load,
                          struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    char time[32];
    sl_buf_addf(&sql, "delete from %s." POSITIONS " where name = ", target->alias);
    sl_buf_add_sql_string(&sql, load->to);
    sl_buf_addf(&sql, "; insert into %s." POSITIONS " values (", target->alias);
    sl_buf_add_sql_string(&sql, load->to);
    sl_buf_add(&sql, ", ");
    sl_buf_add_sql_string(&sql, load->table);
    sl_buf_addf(&sql, ", %lld, ", (long long)load->to_version);
    sl_buf_add_sql_string(&sql, load->fingerprint);
    sl_buf_add(&sql, ", ");
    sl_buf_add_sql_string(&sql, load->table_id);
    sl_buf_add(&sql, ", ");
    sl_buf_add_sql_string(&sql, sl_clock_format(sl_clock_now_us(), time));
    sl_buf_add(&sql, ")");
    return exec(target, &sql, NULL, err);
}

static const struct sl_column *find_column(const struct sl_load *load, const char *name)
{
    for (size_t i = 0; i < load->column_count; i++)
        if (sl_str_equal(load->columns[i].name, name))
            return &load->columns[i];
    return NULL;
}

// SQLite stores NaN as null, so that a row could not be found again by it.
static int refuse_nan(struct database_target *target, const struct sl_load *load,
                      const char *const *names, size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count && target->is_sqlite; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        SL_AUTO(sl_result_free) struct sl_result *result = NULL;
        const struct sl_column *column = find_column(load, names[i]);
        if (!column || !sl_type_has_floats(column->type) || sl_type_is_nested(column->type))
            continue;
        sl_buf_addf(&sql, "select 1 from (%s\n) where isnan(", load->rows_sql);
        sl_buf_add_sql_name(&sql, names[i]);
        sl_buf_add(&sql, ") limit 1");
        SL_TRY(sl_buf_check(&sql, err));
        SL_TRY(target->session->kind->query(target->session, sql.text, 1, &result, err));
        if (sl_result_rows(result) == 0)
            continue;
        (void)sl_fail(err, SL_E_TARGET_KEY,
                      "column '%s' of '%s' holds NaN, which SQLite stores as null", names[i],
                      load->table);
        return sl_err_hint(err, "a key or partition of a SQLite target has no NaN");
    }
    return SL_OK;
}

static int in_transaction(struct database_target *target, const struct sl_load *load,
                          struct sl_loaded *ret, struct sl_err *err)
{
    struct sl_target_position position;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    bool is_there;
    SL_TRY(has_table(target, load->to, &is_there, err));
    SL_TRY(read_position(target, load->to, &position, err));
    if (is_there && position.version < 0) {
        (void)sl_fail(err, SL_E_TARGET_FOREIGN,
                      "'%s' has a table '%s' that was not written by Sluice", target->path,
                      load->to);
        return sl_err_hint(err, "choose another `to`, or move it away");
    }
    SL_TRY(sl_target_check_begin(load, &position, err));
    sl_buf_addf(&sql,
                "create table if not exists %s." POSITIONS
                " (name varchar primary key, source varchar, version bigint, "
                "fingerprint varchar, table_id varchar, loaded_at varchar)",
                target->alias);
    SL_TRY(exec(target, &sql, NULL, err));
    SL_TRY(refuse_nan(target, load, load->key, load->key_count, err));
    SL_TRY(refuse_nan(target, load, load->partition_by, load->partition_count, err));
    if (is_there && load->mode == SL_LOAD_REPLACE)
        ret->replaced = -1; // DROP does not count
    SL_TRY(write_rows(target, load, ret, err));
    if (load->expected_rows >= 0 && ret->rows != load->expected_rows)
        return sl_fail(err, SL_E_BALANCE, "'%s' has %lld rows, %lld were written to '%s'",
                       load->table, (long long)load->expected_rows, (long long)ret->rows,
                       target->path);
    return write_position(target, load, err);
}

// The engine's extension gives SQLite's errors as its own, with nothing but the words to tell them
// by; in `err` is one of a statement whose rows and names come from the lake.
static int tell_sqlite(const struct database_target *target, int code, struct sl_err *err)
{
    if (!target->is_sqlite || !err || code != SL_E_ENGINE)
        return code;
    if (sl_str_ends(err->message, "database or disk is full"))
        return sl_fail(err, SL_E_NO_SPACE, "no space left to write '%s'", target->path);
    if (sl_str_ends(err->message, "database is locked"))
        return sl_fail(err, SL_E_TARGET_BUSY, "'%s' is locked by another program", target->path);
    return code;
}

static int load_rows(void *self, const struct sl_load *load, struct sl_loaded *ret,
                     struct sl_err *err)
{
    struct database_target *target = self;
    struct sl_loaded loaded = {0};
    SL_TRY(attach(target, err));
    SL_TRY(sl_fault_point("database begin", err));
    SL_TRY(exec_text(target, "begin", err));
    int code = in_transaction(target, load, &loaded, err);
    if (code == SL_OK)
        code = sl_fault_point("database commit", err);
    if (code != SL_OK) {
        struct sl_err ignored = {0};
        (void)!exec_text(target, "rollback", &ignored);
        return tell_sqlite(target, code, err);
    }
    code = exec_text(target, "commit", err);
    if (code != SL_OK)
        return tell_sqlite(target, code, err);
    SL_TRY(sl_fault_point("database committed", err));
    *ret = loaded;
    return SL_OK;
}

static int read_table(void *self, const char *to, const char *temp, const char **ret_sql,
                      struct sl_err *err)
{
    struct database_target *target = self;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    bool is_there = sl_fs_exists(target->path);
    (void)temp;
    if (is_there) {
        SL_TRY(attach(target, err));
        SL_TRY(has_table(target, to, &is_there, err));
    }
    if (!is_there)
        return sl_fail(err, SL_E_TABLE_MISSING, "'%s' has no table '%s'", target->path, to);
    sl_buf_addf(&sql, "%s.", target->alias);
    sl_buf_add_sql_name(&sql, to);
    SL_TRY(sl_buf_check(&sql, err));
    *ret_sql = sl_arena_strdup(target->arena, sql.text);
    SL_TRY_NEW(*ret_sql, err);
    return SL_OK;
}

static void close_target(void *self)
{
    struct database_target *target = self;
    struct sl_err ignored = {0};
    if (!target || target->lock_fd < 0)
        return;
    // All is committed. What keeps the file from being let go is met by the next who attaches it.
    (void)!target->session->kind->detach(target->session, target->alias, &ignored);
    sl_fd_close(&target->lock_fd);
}

const struct sl_target_kind sl_target_sqlite = {
    .name = "sqlite",
    .summary = "A table in a SQLite file.",
    .can = can,
    .open = open_sqlite,
    .position = sqlite_position,
    .load = load_rows,
    .read = read_table,
    .close = close_target,
};
const struct sl_target_kind sl_target_duckdb = {
    .name = "duckdb",
    .summary = "A table in a DuckDB file.",
    .needs_session_for_position = true,
    .can = can,
    .open = open_duckdb,
    .position = position,
    .load = load_rows,
    .read = read_table,
    .close = close_target,
};
