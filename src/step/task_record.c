// What is kept of a task: see task.h.
#include "base/clock.h"
#include "base/fs.h"
#include "base/seal.h"
#include "step/task.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SCHEMA "sluice.task/1"
#define MAX_BYTES ((size_t)16 << 20)

static const char *record_path(const struct sl_project *project, const char *name,
                               struct sl_arena *arena)
{
    return sl_arena_printf(arena, "%s/_tasks/%s.json", project->lake_folder, name);
}

static int parse(const json_t *root, struct sl_arena *arena, struct sl_task_record *ret,
                 struct sl_err *err)
{
    ret->runs = (int64_t)json_integer_value(json_object_get(root, "runs"));
    if (sl_clock_parse(sl_json_text(root, "ended_at", ""), &ret->ended_us) != 0)
        ret->ended_us = 0;
    ret->run_id = sl_arena_strdup(arena, sl_json_text(root, "run_id", ""));
    ret->fingerprint = sl_arena_strdup(arena, sl_json_text(root, "fingerprint", ""));
    SL_TRY_NEW(ret->run_id, err);
    SL_TRY_NEW(ret->fingerprint, err);
    return sl_record_parse_versions(json_object_get(root, "inputs"), arena, &ret->inputs, err);
}

int sl_task_record_parse(const char *text, size_t length, const char *where, struct sl_arena *arena,
                         struct sl_task_record *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    enum sl_seal seal;
    SL_TRY(sl_json_unseal(text, length, where, &root, &seal, err));
    json_int_t runs = json_integer_value(json_object_get(root, "runs"));
    if (seal != SL_SEAL_WHOLE || !sl_str_equal(sl_json_text(root, "schema", ""), RECORD_SCHEMA) ||
        runs < 1 || runs == INT64_MAX) {
        (void)sl_fail(err, SL_E_TASK_RECORD, "%s is not as it was written", where);
        return sl_err_hint(err, "remove it: the task is then run once more");
    }
    return parse(root, arena, ret, err);
}

int sl_task_record_read(const struct sl_project *project, const char *name, struct sl_arena *arena,
                        struct sl_task_record *ret, struct sl_err *err)
{
    const char *path = record_path(project, name, arena), *text;
    size_t length;
    *ret = (struct sl_task_record){0};
    SL_TRY_NEW(path, err);
    if (!sl_fs_exists(path))
        return SL_OK;
    SL_TRY(sl_fs_read(path, MAX_BYTES, arena, &text, &length, err));
    return sl_task_record_parse(text, length, path, arena, ret, err);
}

int sl_task_record_print(const char *task, const struct sl_task_record *record, char **ret,
                         struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:s, s:I, s:o, s:s, s:s}", "schema", RECORD_SCHEMA, "task", task, "runs",
                  (json_int_t)record->runs, "ended_at", sl_json_time(record->ended_us), "run_id",
                  record->run_id, "fingerprint", record->fingerprint);
    SL_TRY_NEW(root, err);
    SL_TRY(sl_record_print_versions(root, "inputs", &record->inputs, err));
    return sl_json_seal(root, ret, err);
}

int sl_task_record_write(const struct sl_project *project, const char *task,
                         const struct sl_task_record *record, struct sl_arena *arena,
                         struct sl_err *err)
{
    const char *path = record_path(project, task, arena);
    const char *folder = sl_arena_printf(arena, "%s/_tasks", project->lake_folder);
    char *text = NULL;
    SL_TRY_NEW(path, err);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    SL_TRY(sl_task_record_print(task, record, &text, err));
    int code = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return code;
}
