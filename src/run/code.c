#include "run/code.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "spec/contract.h"

#include <string.h>

#define MOST_BYTES ((size_t)64 << 20)

static int add_file(struct sl_strs *files, const char *file, struct sl_arena *arena,
                    struct sl_err *err)
{
    return file && !sl_strs_has(files, file) ? sl_strs_add(files, arena, file, err) : SL_OK;
}

static int list_files(const struct sl_project *project, struct sl_strs *files,
                      struct sl_arena *arena, struct sl_err *err)
{
    SL_TRY(add_file(files, "sluice.yml", arena, err));
    for (size_t i = 0; i < project->source_count; i++)
        SL_TRY(add_file(files, project->sources[i].file, arena, err));
    for (size_t i = 0; i < project->contract_count; i++)
        SL_TRY(add_file(files, project->contracts[i]->file, arena, err));
    for (size_t i = 0; i < project->target_count; i++)
        SL_TRY(add_file(files, project->targets[i].file, arena, err));
    for (size_t i = 0; i < project->task_count; i++)
        SL_TRY(add_file(files, project->tasks[i].file, arena, err));
    return SL_OK;
}

static int add_files(const struct sl_project *project, struct sl_hash *hash, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs files = {0};
    sl_arena_init(&arena, 0);
    SL_TRY(list_files(project, &files, &arena, err));
    sl_strs_sort(&files);
    for (size_t i = 0; i < files.count; i++) {
        const char *text, *path = sl_path_join(&arena, project->folder, files.items[i]);
        size_t length;
        SL_TRY_NEW(path, err);
        SL_TRY(sl_fs_read(path, MOST_BYTES, &arena, &text, &length, err));
        sl_hash_add(hash, files.items[i]);
        sl_hash_add_bytes(hash, text, length);
    }
    return SL_OK;
}

int sl_world_code(const struct sl_world *world, char ret[SL_CODE_BYTES], struct sl_err *err)
{
    const struct sl_project *project = world->project;
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, SL_VERSION);
    sl_hash_add(hash, project->name);
    sl_hash_add(hash, project->environment);
    SL_TRY(add_files(project, hash, err));
    for (size_t i = 0; i < project->model_count; i++) {
        sl_hash_add(hash, project->models[i].name);
        sl_hash_add(hash, project->models[i].text); // as it was read
    }
    // A file that changed since it was read makes it another project's, which is no harm.
    for (size_t i = 0; i < world->graph.count; i++) {
        sl_hash_add(hash, world->graph.nodes[i].name);
        sl_hash_add(hash, world->graph.nodes[i].fingerprint);
    }
    SL_TRY(sl_hash_end(hash, hex, err));
    memcpy(ret, hex, SL_CODE_BYTES - 1);
    ret[SL_CODE_BYTES - 1] = '\0';
    return SL_OK;
}

int sl_lake_id_parse(const char *text, char ret[SL_LAKE_ID_BYTES], struct sl_err *err)
{
    const size_t length = SL_LAKE_ID_BYTES - 1;
    if (strspn(text, "0123456789abcdef-") != length || text[length + strspn(text + length, "\r\n")])
        return sl_fail(err, SL_E_LAKE_UNREADABLE, "what stands there is not the number of a lake");
    memcpy(ret, text, length);
    ret[length] = '\0';
    return SL_OK;
}

static int fail_unreadable(const char *path, const struct sl_err *why, struct sl_err *err)
{
    const bool is_damaged = why->code == SL_E_LAKE_UNREADABLE;
    (void)sl_fail(err, SL_E_LAKE_UNREADABLE, "the lake's number in '%s' cannot be read: %s", path,
                  why->message);
    return sl_err_hint(err, is_damaged ? "remove it if it is none of Sluice's, and then say "
                                         "`sluice lake --adopt`"
                                       : "let this user read it; if its file system does not "
                                         "answer, mount it again");
}

// SL_E_FILE_MISSING or SL_E_LAKE_UNREADABLE.
static int read_name(const char *path, char ret[SL_LAKE_ID_BYTES], struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err why = {0};
    struct sl_fs_stat stat;
    const char *text;
    size_t length;
    sl_arena_init(&arena, 0);
    int code = sl_fs_stat(path, &stat, &why);
    if (code == SL_OK && stat.is_folder)
        code = sl_fail(&why, SL_E_LAKE_UNREADABLE, "it is a folder");
    if (code == SL_OK)
        code = sl_fs_read(path, 4096, &arena, &text, &length, &why);
    if (code == SL_OK)
        code = sl_lake_id_parse(text, ret, &why);
    if (code == SL_OK)
        return SL_OK;
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    return code == SL_E_FILE_MISSING ? sl_fail(err, SL_E_FILE_MISSING, "%s", why.message)
                                     : fail_unreadable(path, &why, err);
}

static const char *path_of(const struct sl_project *project, struct sl_arena *arena)
{
    return sl_path_join(arena, project->lake_folder, "_lake");
}

int sl_lake_name(const struct sl_project *project, char ret[SL_LAKE_ID_BYTES], struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char uuid[SL_LAKE_ID_BYTES];
    sl_arena_init(&arena, 0);
    const char *path = path_of(project, &arena);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(project->lake_folder, err));
    int code = read_name(path, ret, err);
    if (code != SL_E_FILE_MISSING)
        return code;
    sl_err_clear(err);
    // Of several that make one at once the first one's stays.
    code = sl_fs_create(path, sl_uuid(uuid), SL_LAKE_ID_BYTES - 1, err);
    if (code != SL_OK && code != SL_E_FILE_EXISTS)
        return code;
    sl_err_clear(err);
    return read_name(path, ret, err);
}

int sl_lake_find(const struct sl_project *project, char ret[SL_LAKE_ID_BYTES], struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = path_of(project, &arena);
    SL_TRY_NEW(path, err);
    const int code = read_name(path, ret, err);
    if (code != SL_E_FILE_MISSING)
        return code;
    sl_err_clear(err);
    (void)sl_fail(err, SL_E_WORKER_LAKE, "the lake '%s' %s", project->lake_folder,
                  sl_fs_exists(project->lake_folder) ? "has no number" : "is not on this machine");
    return sl_err_hint(err, "all machines see one and the same lake: mount it, say where it is "
                            "with `lake` in sluice.yml or --set lake=FOLDER, and start `sluice "
                            "serve` once before");
}

int sl_lake_require_same(const struct sl_project *project, const char *number, struct sl_err *err)
{
    char here[SL_LAKE_ID_BYTES];
    struct sl_err none = {0};
    if (sl_str_is_empty(number))
        return SL_OK;
    const int code = sl_lake_find(project, here, &none);
    if (code == SL_OK ? strcmp(here, number) == 0 : code != SL_E_WORKER_LAKE)
        return SL_OK;
    (void)sl_fail(err, SL_E_LAKE_OTHER,
                  "the lake '%s' is not the one any more over which the run began (number %s)",
                  project->lake_folder, number);
    return sl_err_hint(err, "mount that one, and run again");
}
