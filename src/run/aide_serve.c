// The aide itself: does what it is asked, until it is told to be a worker or nobody is there.
#include "api/result.h"
#include "run/aide.h"
#include "run/aide_wire.h"
#include "run/spill.h"
#include "run/work.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct server {
    int fd;
    struct sl_seat *seat;
    struct sl_world *world;
    struct sl_session *session; // of the request; its address is what the other side knows
    struct sl_arena arena;      // of the request
    struct sl_wire from;
    struct sl_buf out; // behind the error
};

static int connect_one(struct server *server, struct sl_err *err)
{
    struct sl_session *session = NULL;
    SL_TRY(sl_world_session(server->world, &session, err));
    sl_wire_put_number(&server->out, (int64_t)(intptr_t)session);
    return SL_OK;
}

static int query(struct server *server, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    const char *sql = sl_wire_text(&server->from);
    int64_t max_rows = sl_wire_number(&server->from);
    SL_TRY(server->session->kind->query(server->session, sql, max_rows, &result, err));
    sl_wire_put_number(&server->out, (int64_t)result->column_count);
    for (size_t i = 0; i < result->column_count; i++) {
        sl_wire_put_text(&server->out, result->columns[i].name);
        sl_wire_put_text(&server->out, result->columns[i].type);
    }
    for (size_t i = 0; i < result->cell_count; i++)
        sl_wire_put_text(&server->out, result->cells[i]);
    return SL_OK;
}

static void put_columns(struct server *server, const struct sl_column *columns, size_t count)
{
    sl_wire_put_number(&server->out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        sl_wire_put_text(&server->out, columns[i].name);
        sl_wire_put_text(&server->out, columns[i].type);
    }
}

static int describe(struct server *server, struct sl_err *err)
{
    struct sl_column *columns;
    size_t count;
    const char *sql = sl_wire_text(&server->from);
    SL_TRY(server->session->kind->describe(server->session, sql, &server->arena, &columns, &count,
                                           err));
    put_columns(server, columns, count);
    return SL_OK;
}

static int foresee(struct server *server, struct sl_err *err)
{
    const struct sl_project *project = server->world->project;
    struct sl_column *columns;
    size_t count;
    const char *name = sl_wire_text(&server->from);
    const struct sl_source *source = name ? sl_project_source(project, name) : NULL;
    struct sl_step_context context = {
        .project = project, .session = server->session, .arena = &server->arena, .run_id = ""};
    if (!source)
        return sl_fail(err, SL_E_INTERNAL, "there is no such source");
    SL_TRY(sl_step_ingest_foresee(&context, source, &columns, &count, err));
    put_columns(server, columns, count);
    return SL_OK;
}

static const char **read_texts(struct server *server, size_t count)
{
    const char **texts = SL_NEW_ARRAY(&server->arena, const char *, count);
    for (size_t i = 0; texts && i < count; i++)
        texts[i] = sl_wire_text(&server->from);
    return texts;
}

static int scan_sql(struct server *server, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_scan scan = {.column_count = (size_t)sl_wire_number(&server->from)};
    scan.partition_count = (size_t)sl_wire_number(&server->from);
    scan.file_count = (size_t)sl_wire_number(&server->from);
    scan.row_count = sl_wire_number(&server->from);
    scan.with_origin = sl_wire_number(&server->from) != 0;
    struct sl_column *columns = SL_NEW_ARRAY(&server->arena, struct sl_column, scan.column_count);
    struct sl_scan_file *files = SL_NEW_ARRAY(&server->arena, struct sl_scan_file, scan.file_count);
    SL_TRY_NEW(columns, err);
    SL_TRY_NEW(files, err);
    for (size_t i = 0; i < scan.column_count; i++) {
        columns[i].name = sl_wire_text(&server->from);
        columns[i].type = sl_wire_text(&server->from);
    }
    scan.columns = columns;
    scan.partition_columns = read_texts(server, scan.partition_count);
    SL_TRY_NEW(scan.partition_columns, err);
    for (size_t i = 0; i < scan.file_count; i++) {
        files[i].path = sl_wire_text(&server->from);
        files[i].partition = read_texts(server, scan.partition_count);
        SL_TRY_NEW(files[i].partition, err);
    }
    scan.files = files;
    SL_TRY(server->session->kind->scan_sql(server->session, &scan, &sql, err));
    sl_wire_put_bytes(&server->out, sql.text, sql.length);
    return SL_OK;
}

static int parse(struct server *server, struct sl_err *err)
{
    size_t count = (size_t)sl_wire_number(&server->from);
    const char **texts = read_texts(server, count);
    const char **trees = SL_NEW_ARRAY(&server->arena, const char *, count);
    SL_TRY_NEW(texts, err);
    SL_TRY_NEW(trees, err);
    SL_TRY(server->session->kind->parse(server->session, texts, count, &server->arena, trees, err));
    for (size_t i = 0; i < count; i++)
        sl_wire_put_text(&server->out, trees[i]);
    return SL_OK;
}

static int do_texts(struct server *server, enum sl_aide_request request, int64_t *ret,
                    struct sl_err *err)
{
    struct sl_session *session = server->session;
    const struct sl_engine_kind *kind = session->kind;
    const char *a = sl_wire_text(&server->from), *b = sl_wire_text(&server->from);
    const char *c = sl_wire_text(&server->from);
    bool has_table = false;
    int code;
    if (request == SL_AIDE_EXEC)
        return kind->exec(session, a, ret, err);
    if (request == SL_AIDE_EXTEND)
        return kind->extend(session, a, err);
    if (request == SL_AIDE_ATTACH)
        return kind->attach(session, a, b, c, err);
    if (request == SL_AIDE_DETACH)
        return kind->detach(session, a, err);
    if (request == SL_AIDE_CREATE_VIEW)
        return kind->create_view(session, a, b, c, err);
    if (request == SL_AIDE_HURRY)
        return kind->hurry(session, a != NULL, err);
    code = kind->has_table(session, a, b, &has_table, err);
    *ret = has_table;
    return code;
}

// --- the worker

// Not exit(): what libraries do then is the other process's. The event loop's waits for threads
// that are only there.
_Noreturn static void leave(int code)
{
    fflush(NULL);
    _exit(code);
}

// What was found wrong with the project has been told by the other process.
static int adopt(struct server *server, struct sl_err *err)
{
    struct sl_world *world = server->world;
    if (!world->has_graph)
        SL_TRY(sl_world_build(world, err));
    return sl_spill_keep(world->project, world->spill_folder, err);
}

_Noreturn static void be_worker(struct server *server)
{
    struct sl_run_work work = {.world = server->world};
    const struct sl_worker_kind kind = sl_run_worker(&work);
    int files[2]; // the first, the lock, stays open as long as this process
    if (!sl_wire_receive_files(server->fd, files) || dup2(files[1], STDERR_FILENO) < 0)
        raise(SIGKILL); // so that its first step is given to another
    close(files[1]);
    leave(sl_worker_run(server->fd, server->seat, &kind));
}

// --- requests

static int answer(struct server *server, enum sl_aide_request request, struct sl_err *err)
{
    int64_t number = 0;
    int code;
    switch (request) {
    case SL_AIDE_CONNECT:
        return connect_one(server, err);
    case SL_AIDE_DISCONNECT:
        sl_session_close(&server->session);
        return SL_OK;
    case SL_AIDE_QUERY:
        return query(server, err);
    case SL_AIDE_DESCRIBE:
        return describe(server, err);
    case SL_AIDE_SCAN_SQL:
        return scan_sql(server, err);
    case SL_AIDE_PARSE:
        return parse(server, err);
    case SL_AIDE_FORESEE:
        return foresee(server, err);
    case SL_AIDE_ADOPT:
        return adopt(server, err);
    case SL_AIDE_STAGE:
        return sl_fail(err, SL_E_INTERNAL, "files are staged by steps only");
    case SL_AIDE_EXEC:
    case SL_AIDE_HURRY:
    case SL_AIDE_CREATE_VIEW:
    case SL_AIDE_EXTEND:
    case SL_AIDE_ATTACH:
    case SL_AIDE_DETACH:
    case SL_AIDE_HAS_TABLE:
        break;
    }
    code = do_texts(server, request, &number, err);
    sl_wire_put_number(&server->out, number);
    return code;
}

static bool serve_one(struct server *server)
{
    struct sl_err err = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf reply = SL_BUF_INIT;
    sl_arena_init(&server->arena, 0);
    sl_buf_reset(&server->out);
    server->from = (struct sl_wire){0};
    bool is_there = sl_wire_receive(server->fd, &server->arena, &server->from);
    enum sl_aide_request request = (enum sl_aide_request)sl_wire_number(&server->from);
    if (is_there && request != SL_AIDE_ADOPT)
        server->session = (struct sl_session *)(intptr_t)sl_wire_number(&server->from);
    if (is_there) {
        int code = answer(server, request, &err);
        if (code == SL_OK)
            code = sl_buf_check(&server->out, &err);
        sl_wire_put_bytes(&reply, &err, sizeof err);
        if (code == SL_OK)
            sl_buf_add_bytes(&reply, server->out.text, server->out.length);
        is_there = sl_wire_send(server->fd, &reply);
    }
    sl_arena_clear(&server->arena);
    if (is_there && request == SL_AIDE_ADOPT && err.code == SL_OK)
        be_worker(server);
    return is_there;
}

_Noreturn void sl_aide_serve(int fd, struct sl_seat *seat, struct sl_world *world)
{
    struct server server = {.fd = fd, .seat = seat, .world = world, .out = SL_BUF_INIT};
    pthread_mutex_init(&world->engine_lock, NULL); // it is held by who forked
    world->engine = NULL;                          // that of who forked: an aide before this one
    world->has_workers = false;
    while (serve_one(&server))
        ;
    sl_world_close_engine(world);
    leave(0);
}
