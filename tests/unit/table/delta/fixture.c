#include "fixture.h"

#include "api/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake_session {
    struct sl_session session;
    struct fixture *fixture;
};

static struct fixture *fixture_of(struct sl_session *session)
{
    return ((struct fake_session *)session)->fixture;
}

// The text between the first pair of single quotes behind `start`.
static const char *quoted_after(struct fixture *fixture, const char *sql, const char *start)
{
    const char *from = strstr(sql, start);
    const char *to;

    assert_non_null(from);
    from = strchr(from, '\'');
    assert_non_null(from);
    to = strchr(from + 1, '\'');
    assert_non_null(to);
    return sl_arena_strndup(&fixture->arena, from + 1, (size_t)(to - from - 1));
}

static int fake_describe(struct sl_session *session, const char *sql, struct sl_arena *arena,
                         struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    static const char *const names[] = {"txn", "add", "remove", "metaData", "protocol"};

    struct fixture *fixture = fixture_of(session);
    void (*during_load)(struct fixture *) = fixture->during_load;

    if (fixture->engine_error)
        return sl_fail(err, SL_E_ENGINE, "%s", fixture->engine_error);
    assert_non_null(strstr(sql, "read_parquet("));
    fixture->during_load = NULL;
    if (during_load)
        during_load(fixture);
    *ret_count = 5;
    *ret = SL_NEW_ARRAY(arena, struct sl_column, *ret_count);
    SL_TRY_NEW(*ret, err);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i].name = names[i];
    return SL_OK;
}

static int add_lines(struct sl_result *result, const char *text, struct sl_err *err)
{
    while (*text) {
        size_t length = strcspn(text, "\n");

        SL_TRY(sl_result_add_cell(result, text, length, err));
        text += length + (text[length] == '\n');
    }
    return SL_OK;
}

// Of lines with an add action, and the numbers of the first and the last line: all may be wanted.
static int add_count(struct sl_result *result, const char *text, struct sl_err *err)
{
    char number[32];
    size_t count = 0;

    for (const char *at = strstr(text, "{\"add\":"); at; at = strstr(at + 1, "{\"add\":"))
        count++;
    snprintf(number, sizeof number, "%zu", count);
    SL_TRY(sl_result_add_column(result, "first", "BIGINT", err));
    SL_TRY(sl_result_add_column(result, "last", "BIGINT", err));
    SL_TRY(sl_result_add_cell(result, number, strlen(number), err));
    SL_TRY(sl_result_add_cell(result, "0", 1, err));
    return sl_result_add_cell(result, "1000000", 7, err);
}

static int fake_query(struct sl_session *session, const char *sql, int64_t max_rows,
                      struct sl_result **ret, struct sl_err *err)
{
    struct fixture *fixture = fixture_of(session);
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    const char *from = quoted_after(fixture, sql, "read_parquet([");
    const char *text;
    size_t length;

    (void)max_rows;
    SL_TRY_NEW(from, err);
    SL_TRY(sl_fs_read(from, 1 << 30, &fixture->arena, &text, &length, err));
    SL_TRY(sl_result_new(0, &result, err));
    SL_TRY(sl_result_add_column(result, "row", "JSON", err));
    SL_TRY(strncmp(sql, "select count(", 13) == 0 ? add_count(result, text, err)
                                                  : add_lines(result, text, err));
    *ret = result;
    result = NULL;
    return SL_OK;
}

// COPY keeps the lines as they are.
static int fake_exec(struct sl_session *session, const char *sql, int64_t *affected,
                     struct sl_err *err)
{
    struct fixture *fixture = fixture_of(session);
    const char *from = quoted_after(fixture, sql, "read_json(");
    const char *to = quoted_after(fixture, sql, ") to ");
    const char *text;
    size_t length;

    (void)affected;
    fixture->executed++;
    if (fixture->engine_error)
        return sl_fail(err, SL_E_ENGINE, "%s", fixture->engine_error);
    SL_TRY_NEW(from, err);
    SL_TRY_NEW(to, err);
    SL_TRY(sl_fs_read(from, 1 << 30, &fixture->arena, &text, &length, err));
    return sl_fs_write(to, text, length, err);
}

static const struct sl_engine_kind fake_kind = {
    .name = "fake",
    .summary = "Keeps Parquet files as lines of JSON.",
    .exec = fake_exec,
    .query = fake_query,
    .describe = fake_describe,
};

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct fake_session *session = calloc(1, sizeof *session);
    // In memory if possible: a commit waits for the disk several times.
    char *parent = strdup(access("/dev/shm", W_OK) == 0 ? "/dev/shm/sluice-delta-XXXXXX"
                                                        : "/tmp/sluice-delta-XXXXXX");

    if (!fixture || !session || !parent || !mkdtemp(parent))
        return -1;
    fixture->parent = parent;
    fixture->folder = sl_path_join(&fixture->arena, parent, "t");
    session->session.kind = &fake_kind;
    session->fixture = fixture;
    fixture->session = &session->session;
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    // Not by sl_fs: the fault build counts what this process does.
    int code = system(sl_arena_printf(&fixture->arena, "rm -r '%s'", fixture->parent));

    free((char *)(uintptr_t)fixture->parent);
    free(fixture->session);
    sl_arena_clear(&fixture->arena);
    free(fixture);
    return code;
}

const char *log_file(struct fixture *fixture, const char *name)
{
    const char *path = sl_arena_printf(&fixture->arena, "%s/_delta_log/%s", fixture->folder, name);

    assert_non_null(path);
    return path;
}

static const char *commit_path(struct fixture *fixture, int64_t version)
{
    return log_file(fixture, sl_arena_printf(&fixture->arena, "%020lld.json", (long long)version));
}

void write_commit(struct fixture *fixture, int64_t version, const char *text)
{
    assert_ok(fixture, sl_fs_mkdirs(log_file(fixture, ""), &fixture->err));
    assert_ok(fixture,
              sl_fs_write(commit_path(fixture, version), text, strlen(text), &fixture->err));
}

const char *read_commit(struct fixture *fixture, int64_t version)
{
    const char *text = NULL;
    size_t length;

    assert_ok(fixture, sl_fs_read(commit_path(fixture, version), 1 << 30, &fixture->arena, &text,
                                  &length, &fixture->err));
    return text;
}

const char *first_commit(struct fixture *fixture, bool is_partitioned)
{
    return sl_arena_printf(
        &fixture->arena,
        "{\"commitInfo\":{\"timestamp\":1000,\"operation\":\"CREATE TABLE\"}}\n"
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
        "{\"metaData\":{\"id\":\"table-id\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{\\\"name\\\":\\\"id\\\","
        "\\\"type\\\":\\\"long\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}%s]}\","
        "\"partitionColumns\":[%s],\"configuration\":{},\"createdTime\":1}}\n",
        is_partitioned ? ",{\\\"name\\\":\\\"day\\\",\\\"type\\\":\\\"date\\\",\\\"nullable\\\":"
                         "true,\\\"metadata\\\":{}}"
                       : "",
        is_partitioned ? "\"day\"" : "");
}

const char *add_action(struct fixture *fixture, const char *path, const char *day, int rows)
{
    return sl_arena_printf(
        &fixture->arena,
        "{\"add\":{\"path\":\"%s\",\"partitionValues\":{%s%s%s},\"size\":100,\"modificationTime\":"
        "7,"
        "\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":%d}\",\"tags\":{\"k\":\"v\"}}}\n",
        path, day ? "\"day\":\"" : "", day ? day : "", day ? "\"" : "", rows);
}

static const struct sl_column columns[] = {{"id", "BIGINT"}, {"day", "DATE"}};
static const char *const partition_columns[] = {"day"};

struct sl_delta_commit *new_commit(struct fixture *fixture, enum sl_delta_mode mode, int64_t base,
                                   const char *path, const char *day)
{
    struct sl_delta_commit *commit = SL_NEW(&fixture->arena, struct sl_delta_commit);
    struct sl_staged *staged = SL_NEW(&fixture->arena, struct sl_staged);
    const char **values = SL_NEW_ARRAY(&fixture->arena, const char *, 1);
    const char *full = sl_path_join(&fixture->arena, fixture->folder, path);

    values[0] = day;
    staged->files = SL_NEW(&fixture->arena, struct sl_staged_file);
    staged->file_count = 1;
    staged->files[0] =
        (struct sl_staged_file){.path = path, .partition = values, .row_count = 3, .size_bytes = 4};
    assert_ok(fixture, sl_fs_mkdirs(sl_path_folder(&fixture->arena, full), &fixture->err));
    assert_ok(fixture, sl_fs_write(full, "data", 4, &fixture->err));
    *commit = (struct sl_delta_commit){
        .mode = mode,
        .base_version = base,
        .columns = columns,
        .column_count = day ? 2 : 1,
        .partition_columns = partition_columns,
        .partition_count = day ? 1 : 0,
        .staged = staged,
        .staged_folder = "",
        .operation = "WRITE",
        .record_json = "{\"step\":\"test\",\n \"sequence\": 1}",
    };
    return commit;
}

int64_t commit_ok(struct fixture *fixture, const struct sl_delta_commit *commit)
{
    int64_t version = -2;
    bool is_skipped = true;

    assert_ok(fixture, sl_delta_commit(fixture->folder, commit, NULL, &fixture->arena, &version,
                                       &is_skipped, &fixture->err));
    assert_false(is_skipped);
    return version;
}

const char *live_files(struct fixture *fixture)
{
    struct sl_delta_snapshot snapshot;
    const char *text = "";

    assert_ok(fixture, sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    for (size_t i = 0; i < snapshot.file_count; i++)
        text =
            sl_arena_printf(&fixture->arena, "%s%s%s", text, i ? " " : "", snapshot.files[i].path);
    return text;
}
