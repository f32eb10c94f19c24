#include "api/state.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATE_FILE "state.db"
#define STATE_VERSION 1

static const char schema[] =
    "create table runs (id text primary key, command text not null, environment text, status text "
    "not null, started_us integer "
    "not null, ended_us integer not null, pid integer not null, ok integer not null, warn integer "
    "not null, error integer "
    "not null, skipped integer not null, quarantined integer not null) without rowid;"
    "create index runs_started on runs (started_us desc);"
    "create table steps (seq integer primary key, run_id text not null, name text not null, label "
    "text not null, status text not "
    "null, why text, code text, message text, place text, details text, started_us integer not "
    "null, ended_us integer not null, "
    "has_balance integer not null, rows_in integer not null, rows_out integer not null, "
    "quarantined integer not null, "
    "deduplicated integer not null, filtered integer not null, bytes_in integer not null, "
    "bytes_out integer not null);"
    "create index steps_run on steps (run_id, seq);"
    "create index steps_name on steps (name, seq desc);";

struct sl_state {
    sqlite3 *db;
    sqlite3_stmt *add_step; // prepared by the first step
    bool has_open_steps;    // a transaction holds steps that others do not see yet
};

// Some of SQLite's files (the shared memory of its log) give a bare I/O error on a full disk; the
// system's own number tells.
static int fail_sqlite(sqlite3 *db, const char *doing, struct sl_err *err)
{
    int system = sqlite3_system_errno(db);
    const char *file = sqlite3_db_filename(db, "main");
    bool is_full = sqlite3_errcode(db) == SQLITE_FULL ||
                   ((sqlite3_errcode(db) & 0xFF) == SQLITE_IOERR &&
                    (system == ENOSPC || system == EDQUOT || system == EFBIG));
    if (is_full)
        return sl_fail(err, SL_E_NO_SPACE, "%s: no space left to write '%s'", doing,
                       file ? file : "it");
    return sl_fail(err, SL_E_STATE, "%s: %s", doing, sqlite3_errmsg(db));
}

static void close_statement(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

static int exec(struct sl_state *state, const char *sql, struct sl_err *err)
{
    if (sqlite3_exec(state->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail_sqlite(state->db, "state store", err);
    return SL_OK;
}

static int prepare(struct sl_state *state, const char *sql, sqlite3_stmt **ret, struct sl_err *err)
{
    if (sqlite3_prepare_v2(state->db, sql, -1, ret, NULL) != SQLITE_OK)
        return fail_sqlite(state->db, "state store", err);
    return SL_OK;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(statement, index);
}

static int step_done(struct sl_state *state, sqlite3_stmt *statement, struct sl_err *err)
{
    return sqlite3_step(statement) == SQLITE_DONE ? SL_OK
                                                  : fail_sqlite(state->db, "state store", err);
}

static int user_version(struct sl_state *state, int *ret, struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(state, "pragma user_version", &statement, err));
    if (sqlite3_step(statement) != SQLITE_ROW)
        return fail_sqlite(state->db, "state store", err);
    *ret = sqlite3_column_int(statement, 0);
    return SL_OK;
}

static int refuse_later(int version, const char *path, struct sl_err *err)
{
    if (version <= STATE_VERSION)
        return SL_OK;
    (void)sl_fail(err, SL_E_STATE,
                  "'%s' was written by a later Sluice (version %d, this one knows %d)", path,
                  version, STATE_VERSION);
    return sl_err_hint(err, "update Sluice, or move the file away: it holds history only");
}

static int prepare_store(struct sl_state *state, const char *path, struct sl_err *err)
{
    int version;
    sqlite3_busy_timeout(state->db, 10000);
    // History may lose its last moments in a power cut; tables may not, and do not depend on it.
    SL_TRY(exec(state, "pragma journal_mode = wal; pragma synchronous = off;", err));
    SL_TRY(user_version(state, &version, err));
    if (version == STATE_VERSION)
        return SL_OK;
    SL_TRY(refuse_later(version, path, err));
    SL_TRY(exec(state, "begin immediate", err));
    SL_TRY(user_version(state, &version, err)); // another process may have been faster
    if (version == 0)
        SL_TRY(exec(state, schema, err));
    return exec(state, "pragma user_version = 1; commit", err);
}

static bool is_damaged(const struct sl_state *state)
{
    int kind = sqlite3_errcode(state->db);
    return kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT;
}

static int open_store(const char *path, struct sl_state **ret, bool *ret_is_damaged,
                      struct sl_err *err)
{
    SL_AUTO(sl_state_close) struct sl_state *state = calloc(1, sizeof *state);
    SL_TRY_NEW(state, err);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &state->db, flags, NULL) != SQLITE_OK)
        return sl_fail(err, SL_E_STATE, "cannot open '%s': %s", path,
                       state->db ? sqlite3_errmsg(state->db) : "no memory");
    int code = prepare_store(state, path, err);
    if (code != SL_OK) {
        *ret_is_damaged = is_damaged(state);
        return code;
    }
    *ret = state;
    state = NULL;
    return SL_OK;
}

int sl_state_open(const char *folder, struct sl_arena *arena, struct sl_state **ret,
                  const char **ret_note, struct sl_err *err)
{
    bool was_damaged = false;
    const char *path = sl_path_join(arena, folder, STATE_FILE);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    *ret_note = NULL;
    int code = open_store(path, ret, &was_damaged, err);
    if (code == SL_OK || !was_damaged)
        return code;
    sl_err_clear(err);
    const char *aside = sl_arena_printf(arena, "%s.damaged-%lld", path, (long long)time(NULL));
    SL_TRY_NEW(aside, err);
    SL_TRY(sl_fs_rename(path, aside, err));
    *ret_note = sl_arena_printf(
        arena, "the state store was damaged: set aside as '%s', history begins anew", aside);
    SL_TRY_NEW(*ret_note, err);
    return open_store(path, ret, &was_damaged, err);
}

// Ways to read a store. Readers share a file with its writers that may have to be made, for which
// there may be no room, or no permission; alone one can do without. And what nobody writes to can
// be read as it is.
static const struct reading {
    int flags;
    const char *prefix, *suffix; // of the name: a URI if there is one
    const char *setting;
    bool without_log; // what a log beside the file holds would not be seen
} readings[] = {
    {SQLITE_OPEN_READONLY, "", "", "pragma query_only = on", false},
    {SQLITE_OPEN_READWRITE, "", "", "pragma locking_mode = exclusive; pragma query_only = on",
     false},
    {SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, "file:", "?immutable=1", "pragma query_only = on",
     true},
};

static int name_of(const struct reading *reading, const char *path, struct sl_arena *arena,
                   const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    for (const char *at = path; *at; at++)
        if (reading->prefix[0] && strchr("%?#", *at))
            sl_buf_addf(&name, "%%%02X", (unsigned)*at);
        else
            sl_buf_add_char(&name, *at);
    SL_TRY(sl_buf_check(&name, err));
    *ret = sl_arena_printf(arena, "%s%s%s", reading->prefix, name.text, reading->suffix);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

struct found {
    struct sl_state *state;
    int version; // 0: the store was never finished
    bool is_damaged;
};

static int read_as(const struct reading *reading, const char *path, struct sl_arena *arena,
                   struct found *ret, struct sl_err *err)
{
    SL_AUTO(sl_state_close) struct sl_state *state = calloc(1, sizeof *state);
    const char *name;
    int version;
    SL_TRY_NEW(state, err);
    SL_TRY(name_of(reading, path, arena, &name, err));
    int flags = reading->flags | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(name, &state->db, flags, NULL) != SQLITE_OK)
        return sl_fail(err, SL_E_STATE, "cannot open '%s': %s", path,
                       state->db ? sqlite3_errmsg(state->db) : "no memory");
    sqlite3_busy_timeout(state->db, 10000);
    sqlite3_db_config(state->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    SL_TRY(exec(state, reading->setting, err));
    int code = user_version(state, &version, err);
    if (code != SL_OK && is_damaged(state)) {
        sl_err_clear(err);
        ret->is_damaged = true;
        return SL_OK;
    }
    SL_TRY(code);
    *ret = (struct found){.state = state, .version = version};
    state = NULL;
    return SL_OK;
}

static bool has_log(const char *path, struct sl_arena *arena)
{
    struct sl_err ignored = {0};
    struct sl_fs_stat stat;
    const char *log = sl_arena_printf(arena, "%s-wal", path);
    return !log || (sl_fs_stat(log, &stat, &ignored) == SL_OK && stat.size_bytes > 0);
}

// The first failure is told: what comes after it is meant for a disk or folder like that.
static int find_store(const char *path, struct sl_arena *arena, struct found *ret,
                      struct sl_err *err)
{
    int first = read_as(&readings[0], path, arena, ret, err);
    for (size_t i = 1; first != SL_OK && i < sizeof readings / sizeof *readings; i++) {
        struct sl_err ignored = {0};
        if (readings[i].without_log && has_log(path, arena))
            continue;
        if (read_as(&readings[i], path, arena, ret, &ignored) != SL_OK)
            continue;
        sl_err_clear(err);
        return SL_OK;
    }
    return first;
}

int sl_state_read(const char *folder, struct sl_arena *arena, struct sl_state **ret,
                  const char **ret_note, struct sl_err *err)
{
    struct found found = {0};
    const char *path = sl_path_join(arena, folder, STATE_FILE);
    SL_TRY_NEW(path, err);
    *ret_note = NULL;
    if (sl_fs_exists(path))
        SL_TRY(find_store(path, arena, &found, err));
    SL_AUTO(sl_state_close) struct sl_state *state = found.state;
    SL_TRY(refuse_later(found.version, path, err));
    if (found.is_damaged) {
        *ret_note = sl_arena_printf(
            arena, "the state store '%s' is damaged: the next run begins a new one", path);
        SL_TRY_NEW(*ret_note, err);
    }
    if (found.version == 0)
        return open_store(":memory:", ret, &found.is_damaged, err);
    *ret = state;
    state = NULL;
    return SL_OK;
}

void sl_state_close(struct sl_state **state)
{
    struct sl_err ignored = {0};
    if (!*state)
        return;
    (void)!sl_state_flush(*state, &ignored);
    sqlite3_finalize((*state)->add_step);
    sqlite3_close((*state)->db);
    free(*state);
    *state = NULL;
}

static int write_run(struct sl_state *state, const char *sql, const struct sl_run_row *run,
                     struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(state, sql, &statement, err));
    bind_text(statement, 1, run->id);
    bind_text(statement, 2, run->command);
    bind_text(statement, 3, run->environment);
    bind_text(statement, 4, run->status);
    const int64_t numbers[] = {run->started_us, run->ended_us, run->pid,     run->ok,
                               run->warn,       run->error,    run->skipped, run->quarantined};
    for (int i = 0; i < 8; i++)
        sqlite3_bind_int64(statement, 5 + i, numbers[i]);
    return step_done(state, statement, err);
}

int sl_state_begin(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err)
{
    return write_run(state, "insert into runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", run,
                     err);
}

int sl_state_end(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err)
{
    SL_TRY(write_run(state,
                     "insert or replace into runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", run,
                     err));
    return sl_state_flush(state, err);
}

// One statement and, until the next flush, one transaction for all steps.
static int begin_step(struct sl_state *state, struct sl_err *err)
{
    if (!state->add_step)
        SL_TRY(prepare(state,
                       "insert into steps values "
                       "(null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       &state->add_step, err));
    if (!state->has_open_steps)
        SL_TRY(exec(state, "begin immediate", err));
    state->has_open_steps = true;
    return SL_OK;
}

int sl_state_add_step(struct sl_state *state, const struct sl_step_row *step, struct sl_err *err)
{
    SL_TRY(begin_step(state, err));
    sqlite3_stmt *statement = state->add_step;
    const char *const texts[] = {step->run_id,  step->name,  step->label,
                                 step->status,  step->why,   step->code,
                                 step->message, step->place, step->details_json};
    for (int i = 0; i < 9; i++)
        bind_text(statement, 1 + i, texts[i]);
    const int64_t numbers[] = {
        step->started_us,  step->ended_us,     step->has_balance, step->rows_in,  step->rows_out,
        step->quarantined, step->deduplicated, step->filtered,    step->bytes_in, step->bytes_out};
    for (int i = 0; i < 10; i++)
        sqlite3_bind_int64(statement, 10 + i, numbers[i]);
    int code = step_done(state, statement, err);
    sqlite3_reset(statement);
    return code;
}

int sl_state_flush(struct sl_state *state, struct sl_err *err)
{
    bool has_steps = state->has_open_steps;
    state->has_open_steps = false;
    // A full disk has ended the transaction already.
    if (!has_steps || sqlite3_get_autocommit(state->db))
        return SL_OK;
    int code = exec(state, "commit", err);
    if (code != SL_OK)
        sqlite3_exec(state->db, "rollback", NULL, NULL, NULL);
    return code;
}

static const char *text_at(sqlite3_stmt *statement, int column, struct sl_arena *arena)
{
    return sl_arena_strdup(arena, (const char *)sqlite3_column_text(statement, column));
}

static struct sl_run_row read_run(sqlite3_stmt *s, struct sl_arena *arena)
{
    return (struct sl_run_row){
        .id = text_at(s, 0, arena),
        .command = text_at(s, 1, arena),
        .environment = text_at(s, 2, arena),
        .status = text_at(s, 3, arena),
        .started_us = sqlite3_column_int64(s, 4),
        .ended_us = sqlite3_column_int64(s, 5),
        .pid = sqlite3_column_int64(s, 6),
        .ok = sqlite3_column_int64(s, 7),
        .warn = sqlite3_column_int64(s, 8),
        .error = sqlite3_column_int64(s, 9),
        .skipped = sqlite3_column_int64(s, 10),
        .quarantined = sqlite3_column_int64(s, 11),
    };
}

int sl_state_runs(struct sl_state *state, const char *id, size_t limit, struct sl_arena *arena,
                  struct sl_run_row **ret, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    struct sl_run_row *rows = NULL;
    size_t count = 0;
    int code;
    SL_TRY(prepare(state,
                   "select * from runs where substr(id, 1, length(?1)) = ?1 order by started_us "
                   "desc, id desc limit ?2",
                   &statement, err));
    bind_text(statement, 1, id ? id : "");
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        if (!SL_PUSH(arena, rows, count, read_run(statement, arena)))
            return sl_fail_memory(err);
    if (code != SQLITE_DONE)
        return fail_sqlite(state->db, "state store", err);
    *ret = rows;
    *ret_count = count;
    return SL_OK;
}

static struct sl_step_row read_step(sqlite3_stmt *s, struct sl_arena *arena)
{
    return (struct sl_step_row){
        .run_id = text_at(s, 1, arena),
        .name = text_at(s, 2, arena),
        .label = text_at(s, 3, arena),
        .status = text_at(s, 4, arena),
        .why = text_at(s, 5, arena),
        .code = text_at(s, 6, arena),
        .message = text_at(s, 7, arena),
        .place = text_at(s, 8, arena),
        .details_json = text_at(s, 9, arena),
        .started_us = sqlite3_column_int64(s, 10),
        .ended_us = sqlite3_column_int64(s, 11),
        .has_balance = sqlite3_column_int(s, 12) != 0,
        .rows_in = sqlite3_column_int64(s, 13),
        .rows_out = sqlite3_column_int64(s, 14),
        .quarantined = sqlite3_column_int64(s, 15),
        .deduplicated = sqlite3_column_int64(s, 16),
        .filtered = sqlite3_column_int64(s, 17),
        .bytes_in = sqlite3_column_int64(s, 18),
        .bytes_out = sqlite3_column_int64(s, 19),
    };
}

struct step_query {
    const char *sql;
    const char *text; // the first parameter; NULL: there is none
    size_t limit;     // the second; 0: there is none
};

static int read_steps(struct sl_state *state, const struct step_query *query,
                      struct sl_arena *arena, struct sl_step_row **ret, size_t *ret_count,
                      struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    struct sl_step_row *rows = NULL;
    size_t count = 0;
    int code;
    SL_TRY(prepare(state, query->sql, &statement, err));
    if (query->text)
        bind_text(statement, 1, query->text);
    if (query->limit)
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)query->limit);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        if (!SL_PUSH(arena, rows, count, read_step(statement, arena)))
            return sl_fail_memory(err);
    if (code != SQLITE_DONE)
        return fail_sqlite(state->db, "state store", err);
    *ret = rows;
    *ret_count = count;
    return SL_OK;
}

int sl_state_steps(struct sl_state *state, const char *run_id, struct sl_arena *arena,
                   struct sl_step_row **ret, size_t *ret_count, struct sl_err *err)
{
    struct step_query query = {.sql = "select * from steps where run_id = ? order by seq",
                               .text = run_id};
    return read_steps(state, &query, arena, ret, ret_count, err);
}

int sl_state_last(struct sl_state *state, struct sl_arena *arena, struct sl_step_row **ret,
                  size_t *ret_count, struct sl_err *err)
{
    struct step_query query = {
        .sql = "select * from steps where seq in (select max(seq) from steps group by name) order "
               "by name"};
    return read_steps(state, &query, arena, ret, ret_count, err);
}

int sl_state_past(struct sl_state *state, const char *name, size_t limit, struct sl_arena *arena,
                  struct sl_step_row **ret, size_t *ret_count, struct sl_err *err)
{
    struct step_query query = {.sql = "select * from steps where name = ? and status in ('ok', "
                                      "'warn', 'partial') order by seq desc limit ?",
                               .text = name,
                               .limit = limit};
    return read_steps(state, &query, arena, ret, ret_count, err);
}

int sl_state_forget(struct sl_state *state, int64_t before_us, struct sl_err *err)
{
    static const char *const statements[] = {
        "delete from steps where run_id in (select id from runs where ended_us > 0 and ended_us < "
        "?)",
        "delete from runs where ended_us > 0 and ended_us < ?",
    };
    for (size_t i = 0; i < 2; i++) {
        SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
        SL_TRY(prepare(state, statements[i], &statement, err));
        sqlite3_bind_int64(statement, 1, before_us);
        SL_TRY(step_done(state, statement, err));
    }
    return SL_OK;
}
