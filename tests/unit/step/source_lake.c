#include "source_lake.h"

#include "base/fs.h"
#include "connect/file/source.h"
#include "engine/duckdb/duckdb_engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct source_hooks source_hooks;
static int64_t next_ms;

// --- the real connector with hooks around it

static struct sl_source_kind hooked;

static int hooked_open(const struct sl_source_options *options, const struct sl_source_part *part,
                       struct sl_session *session, struct sl_arena *arena,
                       struct sl_source_reader **ret, struct sl_err *err)
{
    SL_TRY(sl_source_file.open(options, part, session, arena, ret, err));
    (*ret)->kind = &hooked;
    return SL_OK;
}

static int hooked_start(struct sl_source_reader *reader, bool careful, const char **ret_sql,
                        struct sl_err *err)
{
    SL_TRY(sl_source_file.start(reader, careful, ret_sql, err));
    source_hooks.starts++;
    source_hooks.careful_starts += careful;
    if (source_hooks.on_start)
        source_hooks.on_start(source_hooks.lake);
    if (source_hooks.breaks_sql)
        *ret_sql = "nonsense";
    return SL_OK;
}

static int hooked_finish(struct sl_source_reader *reader, struct sl_source_end *ret,
                         struct sl_err *err)
{
    SL_TRY(sl_source_file.finish(reader, ret, err));
    if (source_hooks.on_finish)
        source_hooks.on_finish(source_hooks.lake, ret);
    return SL_OK;
}

static const struct sl_engine_kind *const engines[] = {&sl_engine_duckdb, NULL};
static const struct sl_target_kind *const targets[] = {NULL};
static const struct sl_source_kind *const sources[] = {&hooked, NULL};
const struct sl_kinds sl_kinds = {.engines = engines, .targets = targets, .sources = sources};

// --- the lake

static void check(const struct source_lake *lake, int code)
{
    if (code != SL_OK)
        fail_msg("%s", lake->err.message);
}

static void set_up_structs(struct source_lake *lake)
{
    lake->project = (struct sl_project){.folder = lake->folder};
    lake->project.lake_folder = sl_path_join(&lake->arena, lake->folder, "lake");
    lake->source = (struct sl_source){
        .name = "orders",
        .file = "sources/orders.yml",
        .connector = "file",
        .csv = {.delimiter = ",", .quote = "\"", .escape = "\"", .has_header = true, .comment = ""},
    };
    source_lake_set_path(lake, "data/*");
    lake->context = (struct sl_step_context){.project = &lake->project,
                                             .session = lake->session,
                                             .arena = &lake->arena,
                                             .run_id = "11111111-1111-4111-8111-111111111111",
                                             .now_us = 1767225600123456,
                                             .stop = &lake->stop,
                                             .progress = &lake->progress};
}

int source_lake_setup(void **state)
{
    struct source_lake *lake = calloc(1, sizeof *lake);
    struct sl_engine_options options = {.threads = 2, .memory_bytes = 1000000000};

    hooked = sl_source_file;
    hooked.open = hooked_open;
    hooked.start = hooked_start;
    hooked.finish = hooked_finish;
    source_hooks = (struct source_hooks){.lake = lake};
    if (!lake)
        return -1;
    *state = lake;
    strcpy(lake->folder, "/tmp/sluice-ingest-XXXXXX");
    sl_arena_init(&lake->arena, 0);
    if (!mkdtemp(lake->folder) ||
        sl_fs_mkdirs(sl_path_join(&lake->arena, lake->folder, "data"), &lake->err) != SL_OK ||
        sl_engine_duckdb.open(&options, &lake->engine, &lake->err) != SL_OK ||
        sl_engine_duckdb.connect(lake->engine, &lake->session, &lake->err) != SL_OK) {
        fprintf(stderr, "%s\n", lake->err.message);
        return -1;
    }
    set_up_structs(lake);
    return 0;
}

int source_lake_teardown(void **state)
{
    struct source_lake *lake = *state;

    sl_session_close(&lake->session);
    sl_engine_close(&lake->engine);
    if (sl_fs_remove_tree(lake->folder, NULL) != SL_OK)
        return -1;
    sl_arena_clear(&lake->arena);
    free(lake);
    return 0;
}

const char *source_lake_path(struct source_lake *lake, const char *name)
{
    const char *path = sl_arena_printf(&lake->arena, "%s/data/%s", lake->folder, name);

    assert_non_null(path);
    return path;
}

void source_lake_touch(struct source_lake *lake, const char *name)
{
    int64_t ms = 1700000000000 + ++next_ms;
    struct timespec times[2];

    times[0] = times[1] = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    assert_int_equal(utimensat(AT_FDCWD, source_lake_path(lake, name), times, 0), 0);
}

void source_lake_put_bytes(struct source_lake *lake, const char *name, const void *bytes,
                           size_t length)
{
    check(lake, sl_fs_write(source_lake_path(lake, name), bytes, length, &lake->err));
    source_lake_touch(lake, name);
}

void source_lake_put(struct source_lake *lake, const char *name, const char *text)
{
    source_lake_put_bytes(lake, name, text, strlen(text));
}

void source_lake_remove(struct source_lake *lake, const char *name)
{
    assert_int_equal(unlink(source_lake_path(lake, name)), 0);
}

void source_lake_set_path(struct source_lake *lake, const char *pattern)
{
    lake->paths[0] = sl_path_join(&lake->arena, lake->folder, pattern);
    lake->source.paths = (struct sl_strs){lake->paths, 1};
}

int source_lake_run(struct source_lake *lake)
{
    sl_err_clear(&lake->err);
    return sl_step_ingest(&lake->context, &lake->source, &lake->result, &lake->err);
}

void source_lake_must(struct source_lake *lake, enum sl_step_outcome outcome)
{
    check(lake, source_lake_run(lake));
    assert_int_equal(lake->result.outcome, outcome);
}

struct sl_pending source_lake_pending(struct source_lake *lake)
{
    struct sl_pending pending;

    check(lake, sl_step_ingest_pending(&lake->project, &lake->source, lake->session, &lake->arena,
                                       &pending, &lake->err));
    return pending;
}

struct sl_delta_snapshot source_lake_snapshot(struct source_lake *lake)
{
    const char *folder = sl_table_folder(&lake->project, SL_LAYER_RAW, "orders", &lake->arena);
    struct sl_delta_snapshot snapshot;

    check(lake, sl_delta_load(folder, -1, lake->session, &lake->arena, &snapshot, &lake->err));
    return snapshot;
}

const char *source_lake_columns(struct source_lake *lake)
{
    struct sl_delta_snapshot snapshot = source_lake_snapshot(lake);
    const char *text = "";

    for (size_t i = 0; i < snapshot.column_count; i++)
        if (snapshot.columns[i].name[0] != '_')
            text = sl_arena_printf(&lake->arena, "%s%s%s %s", text, *text ? ", " : "",
                                   snapshot.columns[i].name, snapshot.columns[i].type);
    return text;
}

static struct sl_result *query(struct source_lake *lake, const char *sql)
{
    struct sl_result *result = NULL;

    check(lake, sl_step_view(&lake->context, SL_LAYER_RAW, "orders", -1, NULL, &lake->err));
    check(lake, lake->session->kind->query(lake->session, sql, 0, &result, &lake->err));
    return result;
}

const char *source_lake_rows(struct source_lake *lake)
{
    struct sl_result *result =
        query(lake, "select * exclude (_ingested_at) from raw.orders order by _source, _position");
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *copy;

    for (int64_t row = 0; row < sl_result_rows(result); row++)
        for (size_t i = 0; i < sl_result_columns(result); i++) {
            const char *cell = sl_result_text(result, row, i);

            sl_buf_add(&text, cell ? cell : "-");
            sl_buf_add(&text, i + 1 < sl_result_columns(result) ? "|" : "\n");
        }
    sl_result_free(&result);
    copy = sl_arena_strdup(&lake->arena, text.text);
    assert_non_null(copy);
    return copy;
}

const char *source_lake_query(struct source_lake *lake, const char *sql)
{
    struct sl_result *result = query(lake, sql);
    const char *text = sl_result_text(result, 0, 0);
    const char *copy = sl_arena_strdup(&lake->arena, text ? text : "-");

    sl_result_free(&result);
    return copy;
}

void source_lake_exec(struct source_lake *lake, const char *sql)
{
    check(lake, lake->session->kind->exec(lake->session, sql, NULL, &lake->err));
}

void source_lake_rewrite(struct source_lake *lake, const char *select)
{
    struct sl_delta_snapshot before = source_lake_snapshot(lake);
    const char **removed = SL_NEW_ARRAY(&lake->arena, const char *, before.file_count);
    struct sl_stage_options options = {.folder = before.folder};
    struct sl_staged staged;
    struct sl_delta_commit commit = {.mode = SL_DELTA_REWRITE,
                                     .base_version = before.version,
                                     .columns = before.columns,
                                     .column_count = before.column_count,
                                     .staged = &staged,
                                     .staged_folder = "",
                                     .removed = removed,
                                     .removed_count = before.file_count,
                                     .app_id = "other",
                                     .app_version = before.version + 1,
                                     .operation = "DELETE"};
    int64_t version;
    bool was_skipped;

    for (size_t i = 0; i < before.file_count; i++)
        removed[i] = before.files[i].path;
    options.file_prefix = sl_arena_printf(&lake->arena, "other-%d", (int)before.version);
    assert_int_equal(sl_step_view(&lake->context, SL_LAYER_RAW, "orders", -1, NULL, &lake->err),
                     SL_OK);
    assert_int_equal(lake->session->kind->stage(lake->session, select, &options, &lake->arena,
                                                &staged, &lake->err),
                     SL_OK);
    assert_int_equal(sl_delta_commit(before.folder, &commit, lake->session, &lake->arena, &version,
                                     &was_skipped, &lake->err),
                     SL_OK);
}
