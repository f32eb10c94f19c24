#include "base/fs.h"
#include "engine/duckdb/duckdb_engine.h"
#include "engine/duckdb/matches.h"
#include "engine/duckdb/query.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What a container may use, or else what the machine has.
static int64_t find_memory(void)
{
    struct sl_arena arena;
    const char *text = NULL;
    int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE);
    int64_t limit = 0;
    size_t length;

    sl_arena_init(&arena, 0);
    // "max" without a limit, which is no number.
    if (sl_fs_read("/sys/fs/cgroup/memory.max", 64, &arena, &text, &length, NULL) == SL_OK) {
        char digits[65];
        (void)snprintf(digits, sizeof digits, "%.*s", (int)strcspn(text, "\n"), text);
        (void)sl_str_to_int64(digits, &limit);
    }
    sl_arena_clear(&arena);
    return limit > 0 && limit < machine ? limit : machine;
}

static int64_t memory_of(int64_t asked_bytes)
{
    return asked_bytes > 0 ? asked_bytes : find_memory() / 10 * 6;
}

// A thread's buffers alone can use up a small memory, and then no spilling helps: with 115 MB each,
// 2.3 GB of orders could not be cleansed, with 230 MB they could.
#define THREAD_BYTES ((int64_t)200 * 1000 * 1000)

static int64_t count_threads(const struct sl_engine_options *options, int64_t memory_bytes)
{
    int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t fitting = memory_bytes / THREAD_BYTES;
    if (options->is_for_few_rows)
        return 1;
    if (options->threads > 0)
        return options->threads;
    if (fitting >= cores)
        return cores;
    return fitting < 1 ? 1 : fitting;
}

static int64_t part_of(int64_t all, int parts)
{
    if (parts <= 1)
        return all;
    return all / parts > 0 ? all / parts : 1;
}

static int set_options(const struct sl_duckdb_engine *engine, duckdb_config config,
                       const struct sl_engine_options *options, struct sl_err *err)
{
    const struct sl_duckdb_library *library = &engine->library;
    char memory[40];
    char threads[24];
    const char *settings[][2] = {
        {"memory_limit", memory},
        {"errors_as_json", "true"},
        // Never a download, and never an extension from the home folder.
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"extension_directory", library->extension_folder},
        {"preserve_insertion_order", "true"},
        {"threads", threads},
        {"temp_directory", options->temp_folder},
    };

    (void)snprintf(memory, sizeof memory, "%" PRId64 "B",
                   part_of(engine->memory_bytes, options->parts));
    (void)snprintf(threads, sizeof threads, "%" PRId64, part_of(engine->threads, options->parts));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (!sl_str_is_empty(settings[i][1]) &&
            library->set_config(config, settings[i][0], settings[i][1]) != DuckDBSuccess)
            return sl_fail(err, SL_E_ENGINE, "DuckDB refuses the setting %s = '%s'", settings[i][0],
                           settings[i][1]);
    return SL_OK;
}

static int open_database(struct sl_duckdb_engine *engine, const struct sl_engine_options *options,
                         struct sl_err *err)
{
    const struct sl_duckdb_library *library = &engine->library;
    struct sl_duckdb_sql none = {.text = ""};
    duckdb_config config = NULL;
    char *message = NULL;
    int code;

    engine->memory_bytes = memory_of(options->memory_bytes);
    engine->threads = count_threads(options, engine->memory_bytes);
    if (library->create_config(&config) != DuckDBSuccess)
        return sl_fail_memory(err);
    code = set_options(engine, config, options, err);
    if (code == SL_OK &&
        library->open_ext(NULL, &engine->database, config, &message) != DuckDBSuccess) {
        code = sl_duckdb_fail(err, message, &none);
        library->free(message);
    }
    library->destroy_config(&config);
    return code;
}

static int new_session(struct sl_duckdb_engine *engine, struct sl_duckdb_session **ret,
                       struct sl_err *err)
{
    struct sl_duckdb_session *session = calloc(1, sizeof *session);

    SL_TRY_NEW(session, err);
    session->base = (struct sl_session){.kind = &sl_engine_duckdb, .engine = &engine->base};
    session->engine = engine;
    session->library = &engine->library;
    if (engine->library.connect(engine->database, &session->connection) != DuckDBSuccess) {
        free(session);
        return sl_fail(err, SL_E_ENGINE, "DuckDB gives no connection");
    }
    *ret = session;
    return SL_OK;
}

// The engine's mutex is held. Disconnecting ends whatever transaction was left open, which would
// keep the catalogue.
static void free_session(struct sl_duckdb_session *session)
{
    char sql[64];

    if (!session)
        return;
    if (session->connection)
        session->library->disconnect(&session->connection);
    if (session->has_catalogue) {
        (void)snprintf(sql, sizeof sql, "detach session_%" PRId64, session->number);
        (void)sl_duckdb_exec(&session->engine->steward->base, sql, NULL, NULL);
    }
    free(session);
}

static void engine_close(struct sl_engine *base)
{
    struct sl_duckdb_engine *engine = (struct sl_duckdb_engine *)base;

    if (!engine)
        return;
    while (engine->idle) {
        struct sl_duckdb_session *next = engine->idle->next;
        free_session(engine->idle);
        engine->idle = next;
    }
    free_session(engine->steward);
    if (engine->database)
        engine->library.close(&engine->database);
    sl_duckdb_library_close(&engine->library);
    pthread_mutex_destroy(&engine->mutex);
    free(engine);
}

static int open_steward(struct sl_duckdb_engine *engine, struct sl_err *err)
{
    SL_TRY(new_session(engine, &engine->steward, err));
    SL_TRY(sl_duckdb_add_matches(&engine->library, engine->steward->connection, err));
    // For all sessions to come.
    return sl_duckdb_do(engine->steward, "set global TimeZone = 'UTC'", NULL, err);
}

static int engine_open(const struct sl_engine_options *options, struct sl_engine **ret,
                       struct sl_err *err)
{
    struct sl_duckdb_engine *engine = calloc(1, sizeof *engine);
    int code;

    SL_TRY_NEW(engine, err);
    engine->base.kind = &sl_engine_duckdb;
    engine->is_for_few_rows = options->is_for_few_rows;
    if (pthread_mutex_init(&engine->mutex, NULL) != 0) {
        free(engine);
        return sl_fail_memory(err);
    }
    code = sl_duckdb_library_open(&engine->library, err);
    if (code == SL_OK)
        code = open_database(engine, options, err);
    if (code == SL_OK)
        code = open_steward(engine, err);
    if (code == SL_OK)
        *ret = &engine->base;
    else
        engine_close(&engine->base);
    return code;
}

static int engine_share(struct sl_engine *base, int parts, struct sl_err *err)
{
    struct sl_duckdb_engine *engine = (struct sl_duckdb_engine *)base;
    char threads[64], memory[64];
    (void)snprintf(threads, sizeof threads, "set global threads = %" PRId64,
                   part_of(engine->threads, parts));
    (void)snprintf(memory, sizeof memory, "set global memory_limit = '%" PRId64 "B'",
                   part_of(engine->memory_bytes, parts));
    if (pthread_mutex_trylock(&engine->mutex) != 0)
        return sl_fail(err, SL_E_LOCKED, "the engine is busy");
    int code = sl_duckdb_do(engine->steward, threads, NULL, err);
    if (code == SL_OK)
        code = sl_duckdb_do(engine->steward, memory, NULL, err);
    pthread_mutex_unlock(&engine->mutex);
    return code;
}

// The engine's mutex is held: two sessions that attach at once could both see the other's change
// and fail.
static int attach_catalogue(struct sl_duckdb_session *session, struct sl_err *err)
{
    char sql[64];

    session->number = ++session->engine->last_number;
    (void)snprintf(sql, sizeof sql, "attach ':memory:' as session_%" PRId64, session->number);
    SL_TRY(sl_duckdb_do(session->engine->steward, sql, NULL, err));
    session->has_catalogue = true;
    return SL_OK;
}

// progress() needs the progress bar to be on; it is never printed.
static int set_up(struct sl_duckdb_session *session, struct sl_err *err)
{
    char sql[64];

    static const char *const settings[] = {"set enable_progress_bar = true",
                                           "set enable_progress_bar_print = false",
                                           "set progress_bar_time = 0"};
    // Each setting takes as long as a small query.
    for (size_t i = 0; i < sizeof settings / sizeof *settings && !session->engine->is_for_few_rows;
         i++)
        SL_TRY(sl_duckdb_do(session, settings[i], NULL, err));
    (void)snprintf(sql, sizeof sql, "use session_%" PRId64, session->number);
    return sl_duckdb_do(session, sql, NULL, err);
}

// A session in which nothing was made is as good as a new one.
static void engine_disconnect(struct sl_session *base)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    struct sl_duckdb_engine *engine;

    if (!session)
        return;
    engine = session->engine;
    pthread_mutex_lock(&engine->mutex);
    if (session->is_used || session->hurry_count > 0) {
        free_session(session);
    } else {
        session->next = engine->idle;
        engine->idle = session;
    }
    pthread_mutex_unlock(&engine->mutex);
}

static int connect_anew(struct sl_duckdb_engine *engine, struct sl_session **ret,
                        struct sl_err *err)
{
    struct sl_duckdb_session *session;
    int code;

    SL_TRY(new_session(engine, &session, err));
    session->is_used = true; // until it is known to be whole
    pthread_mutex_lock(&engine->mutex);
    code = attach_catalogue(session, err);
    pthread_mutex_unlock(&engine->mutex);
    if (code == SL_OK)
        code = set_up(session, err);
    if (code == SL_OK) {
        session->is_used = false;
        *ret = &session->base;
    } else {
        engine_disconnect(&session->base);
    }
    return code;
}

static int engine_connect(struct sl_engine *base, struct sl_session **ret, struct sl_err *err)
{
    struct sl_duckdb_engine *engine = (struct sl_duckdb_engine *)base;
    struct sl_duckdb_session *session;

    pthread_mutex_lock(&engine->mutex);
    session = engine->idle;
    if (session)
        engine->idle = session->next;
    pthread_mutex_unlock(&engine->mutex);
    if (!session)
        return connect_anew(engine, ret, err);
    session->next = NULL;
    *ret = &session->base;
    return SL_OK;
}

static void engine_interrupt(struct sl_session *base)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);

    session->library->interrupt(session->connection);
}

static double engine_progress(struct sl_session *base, uint64_t *ret_rows)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    duckdb_query_progress_type progress = session->library->query_progress(session->connection);

    *ret_rows = progress.rows_processed;
    if (progress.percentage < 0)
        return -1;
    return progress.percentage >= 100 ? 1 : progress.percentage / 100;
}

int sl_duckdb_load_extension(struct sl_session *base, const char *name, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    SL_AUTO(sl_buf_clear) struct sl_buf path = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;

    sl_buf_addf(&path, "%s/%s.duckdb_extension", session->library->extension_folder, name);
    sl_buf_add(&sql, "load ");
    SL_TRY(sl_buf_check(&path, err));
    sl_buf_add_sql_string(&sql, path.text);
    SL_TRY(sl_buf_check(&sql, err));
    if (!session->library->extension_folder[0] || !sl_fs_exists(path.text)) {
        (void)sl_fail(err, SL_E_ENGINE_EXTENSION, "the extension '%s' is not installed", name);
        return sl_err_hint(err, "there is no '%s'; `make deps` fetches it", path.text);
    }
    if (sl_duckdb_do(session, sql.text, NULL, err) != SL_OK)
        return sl_err_context(err, "load the extension '%s'", name);
    return SL_OK;
}

const struct sl_engine_kind sl_engine_duckdb = {
    .name = "duckdb",
    .summary = "DuckDB, in this process: all cores, a memory limit, spilling to disk.",
    .version = SL_DUCKDB_VERSION,
    .open = engine_open,
    .close = engine_close,
    .share = engine_share,
    .memory = memory_of,
    .connect = engine_connect,
    .disconnect = engine_disconnect,
    .exec = sl_duckdb_exec,
    .query = sl_duckdb_query,
    .describe = sl_duckdb_describe,
    .hurry = sl_duckdb_hurry,
    .sql_length = sl_duckdb_sql_length,
    .scan_sql = sl_duckdb_scan_sql,
    .create_view = sl_duckdb_create_view,
    .stage = sl_duckdb_stage,
    .extend = sl_duckdb_load_extension,
    .attach = sl_duckdb_attach,
    .detach = sl_duckdb_detach,
    .has_table = sl_duckdb_has_table,
    .interrupt = engine_interrupt,
    .progress = engine_progress,
    .parse = sl_duckdb_parse,
};
