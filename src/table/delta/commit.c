#include "base/fs.h"
#include "table/delta/checkpoint.h"
#include "table/delta/delta.h"
#include "table/delta/plan.h"

#include <string.h>

struct job {
    const struct sl_delta_commit *commit;
    struct sl_session *session;
    struct sl_arena *arena;
    struct sl_delta_log log;
    struct sl_delta_state state; // of the newest version known
    int64_t checked;             // versions up to this one are no conflict
    bool is_synced;
};

static void job_clear(struct job *job)
{
    sl_delta_state_clear(&job->state);
}

static int open_table(struct job *job, const char *folder, struct sl_err *err)
{
    SL_TRY(sl_delta_log_open(folder, job->arena, &job->log, err));
    if (job->log.newest >= 0)
        SL_TRY(sl_delta_state_load(&job->state, &job->log, job->log.newest, job->session, err));
    return SL_OK;
}

// Goes on to the versions that others committed since.
static int follow(struct job *job, struct sl_err *err)
{
    int64_t version = job->state.version;

    while (sl_delta_log_has(&job->log, version + 1))
        version++;
    SL_TRY(sl_delta_state_advance(&job->state, &job->log, version, err));
    return sl_delta_state_check(&job->state, &job->log, err);
}

// "If this value is greater than or equal to the batch being written, then this data has already
// been added" ("Transaction Identifiers").
static bool is_done_before(const struct job *job)
{
    const json_t *txn = NULL;

    if (job->commit->app_id)
        txn = sl_map_get(&job->state.txns, job->commit->app_id);
    return txn && sl_json_int(txn, "version", -1) >= job->commit->app_version;
}

static int check_winners(struct job *job, struct sl_err *err)
{
    const struct sl_delta_commit *commit = job->commit;

    // Replaced as a whole, whatever it is.
    if (commit->mode == SL_DELTA_REPLACE && commit->base_version < 0)
        return SL_OK;
    if (job->checked > job->state.version)
        return sl_fail(err, SL_E_TABLE_CONFLICT,
                       "the table is at version %lld, before version %lld",
                       (long long)job->state.version, (long long)job->checked);
    SL_TRY(sl_delta_conflict_check(&job->state, commit, &job->log, job->checked + 1,
                                   job->state.version, err));
    job->checked = job->state.version;
    return SL_OK;
}

// Enters the folder of a path, and those above it, up to the table's.
static int enter_folders(const struct job *job, const char *path, struct sl_map *folders,
                         struct sl_err *err)
{
    size_t top = strlen(job->log.folder);

    for (;;) {
        path = sl_path_folder(job->arena, path);
        SL_TRY_NEW(path, err);
        if (strlen(path) <= top || sl_map_has(folders, path))
            return SL_OK;
        SL_TRY(sl_map_set(folders, path, NULL, err));
    }
}

static int sync_files(const struct job *job, struct sl_map *folders, struct sl_err *err)
{
    const struct sl_staged *staged = job->commit->staged;
    const char *folder = sl_path_join(job->arena, job->log.folder, job->commit->staged_folder);

    SL_TRY_NEW(folder, err);
    for (size_t i = 0; i < staged->file_count; i++) {
        const char *path = sl_path_join(job->arena, folder, staged->files[i].path);

        SL_TRY_NEW(path, err);
        SL_TRY(sl_fs_sync_file(path, err));
        SL_TRY(enter_folders(job, path, folders, err));
    }
    return SL_OK;
}

// Files, then the folders that name them; all of it before the log does.
static int sync_staged(struct job *job, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map folders = {0};
    const struct sl_map_entry *it;
    bool is_new;

    if (job->commit->staged)
        SL_TRY(sync_files(job, &folders, err));
    for (it = sl_map_first(&folders); it; it = sl_map_next(it))
        SL_TRY(sl_fs_sync_folder(sl_map_key(it), err));
    SL_TRY(sl_fs_mkdirs(job->log.folder, err));
    SL_TRY(sl_fs_mkdir(job->log.log_folder, &is_new, err));
    if (!is_new) // else its making has synced the table's folder
        SL_TRY(sl_fs_sync_folder(job->log.folder, err));
    job->is_synced = true;
    return SL_OK;
}

// Tries to be the next version. *ret_won is false if another writer was faster.
static int write_version(struct job *job, bool *ret_won, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *path = sl_delta_log_path(&job->log, job->state.version + 1, job->arena);
    int code;

    SL_TRY_NEW(path, err);
    SL_TRY(sl_delta_plan(&job->state, job->commit, job->arena, &text, err));
    if (!job->is_synced)
        SL_TRY(sync_staged(job, err));
    code = sl_fs_create(path, text.text, text.length, err);
    *ret_won = code == SL_OK;
    if (code != SL_E_FILE_EXISTS)
        return code;
    // The name is taken; if there is no commit to follow, trying again would go on for ever.
    if (!sl_fs_exists(path))
        return code;
    sl_err_clear(err);
    return SL_OK;
}

// Until this writer is the one that made a version, or finds that it was done or cannot be.
static int run(struct job *job, int64_t *ret_version, bool *ret_skipped, struct sl_err *err)
{
    bool has_won = false;

    for (;;) {
        if (is_done_before(job)) {
            // Whoever made it may have died before it was safe on the disk.
            SL_TRY(sl_fs_sync_folder(job->log.log_folder, err));
            *ret_version = job->state.version;
            *ret_skipped = true;
            return SL_OK;
        }
        SL_TRY(check_winners(job, err));
        SL_TRY(write_version(job, &has_won, err));
        if (has_won)
            break;
        SL_TRY(follow(job, err));
    }
    *ret_version = job->state.version + 1;
    *ret_skipped = false;
    return SL_OK;
}

int sl_delta_commit(const char *folder, const struct sl_delta_commit *commit,
                    struct sl_session *session, struct sl_arena *arena, int64_t *ret_version,
                    bool *ret_skipped, struct sl_err *err)
{
    SL_AUTO(job_clear)
    struct job job = {
        .commit = commit,
        .session = session,
        .arena = arena,
        .state = SL_DELTA_STATE_INIT,
        .checked = commit->base_version,
    };

    if (open_table(&job, folder, err) != SL_OK || run(&job, ret_version, ret_skipped, err) != SL_OK)
        return sl_err_context(err, "commit to table '%s'", folder);
    // The version stands, checkpoint or not: it only makes reading faster, and the next commit
    // tries again.
    if (session && sl_delta_checkpoint_is_due(&job.log, job.state.metadata, *ret_version))
        (void)!sl_delta_checkpoint(folder, *ret_version, session, NULL);
    return SL_OK;
}

int sl_delta_commit_check(const char *folder, const struct sl_delta_commit *commit,
                          struct sl_session *session, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_arena_init(&arena, 0);
    SL_AUTO(job_clear)
    struct job job = {
        .commit = commit,
        .session = session,
        .arena = &arena,
        .state = SL_DELTA_STATE_INIT,
        .checked = commit->base_version,
    };

    SL_TRY(open_table(&job, folder, err));
    SL_TRY(check_winners(&job, err));
    return sl_delta_plan(&job.state, commit, &arena, &text, err);
}
