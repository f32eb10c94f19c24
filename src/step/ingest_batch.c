// Many small parts in one statement, which costs what one part alone does: a partition for each,
// so that each has files of the table by itself. Only what goes well in all of them is kept, as
// many rows as the source handed over with the same sum of positions; else nothing is, and each
// part is staged alone.
#include "base/fs.h"
#include "step/ingest.h"
#include "step/schema.h"

#define FEWEST_PARTS 8 // fewer are not worth it
#define MOST_PARTS 100 // more would be files that the engine does not keep open at once
#define MOST_PART_BYTES ((int64_t)1 << 20)

struct batch {
    struct sl_ingest *ingest;
    struct sl_ingest_job *jobs;
    size_t first; // of all jobs
    size_t count;
    const char *prefix;
    struct sl_staged *staged; // per job
    struct sl_source_end *ends;
};

static bool is_small(const struct sl_ingest_job *job)
{
    const struct sl_source_reader *reader = job->reader;

    return reader && job->part->size_bytes <= MOST_PART_BYTES && reader->kind->start_many &&
           !sl_column_find(reader->columns, reader->column_count, "~part");
}

static size_t count_parts(const struct sl_ingest *ingest, size_t index)
{
    const struct sl_ingest_job *jobs = ingest->jobs + index;
    size_t left = ingest->job_count - index;
    size_t count = 0;

    while (count < left && count < MOST_PARTS && is_small(&jobs[count]) &&
           jobs->reader->kind->goes_with(jobs->reader, jobs[count].reader))
        count++;
    return count;
}

static int print_sources(const struct batch *batch, struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add_char(sql, '[');
    for (size_t i = 0; i < batch->count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_string(sql, batch->jobs[i].part->name);
    }
    sl_buf_add(sql, "][\"~part\" + 1] as _source, \"~part\"");
    return sl_buf_check(sql, err);
}

// From the folder of its partition into the table's, beside all others.
static int place_file(const struct batch *batch, struct sl_staged_file file, struct sl_err *err)
{
    struct sl_arena *arena = batch->ingest->arena;
    const char *folder = batch->ingest->folder;
    int64_t part;

    if (!file.partition[0] || !sl_str_to_int64(file.partition[0], &part) || part < 0 ||
        (uint64_t)part >= batch->count)
        return sl_fail(err, SL_E_INTERNAL, "a file was staged for no part");
    struct sl_staged *staged = &batch->staged[part];
    const char *from = sl_path_join(arena, folder, file.path);
    SL_TRY_NEW(from, err);
    file.path = sl_arena_printf(arena, "%s-%05zu-%zu.parquet", batch->ingest->file_prefix,
                                batch->first + (size_t)part, staged->file_count);
    SL_TRY_NEW(file.path, err);
    const char *to = sl_path_join(arena, folder, file.path);
    SL_TRY_NEW(to, err);
    SL_TRY(sl_fs_rename(from, to, err));
    file.partition = NULL;
    staged->row_count += file.row_count;
    return SL_PUSH(arena, staged->files, staged->file_count, file) ? SL_OK : sl_fail_memory(err);
}

static int stage_rows(struct batch *batch, const char *rows_sql, struct sl_err *err)
{
    struct sl_ingest *ingest = batch->ingest;
    struct sl_session *session = ingest->context->session;
    const char *partition_by[] = {"~part"};
    struct sl_stage_options options = {.folder = ingest->folder,
                                       .file_prefix = batch->prefix,
                                       .partition_columns = partition_by,
                                       .partition_count = 1};
    SL_AUTO(sl_buf_clear) struct sl_buf source = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_staged staged;

    SL_TRY(print_sources(batch, &source, err));
    SL_TRY(sl_ingest_print_select(ingest, batch->jobs, source.text, rows_sql, &sql, err));
    SL_TRY(session->kind->stage(session, sql.text, &options, ingest->arena, &staged, err));
    for (size_t i = 0; i < staged.file_count; i++)
        SL_TRY(place_file(batch, staged.files[i], err));
    return SL_OK;
}

// The empty folders of the partitions: whoever else has files there keeps them.
static void remove_folders(const struct batch *batch)
{
    struct sl_arena *arena = batch->ingest->arena;

    for (size_t i = 0; i < batch->count; i++) {
        const char *path = sl_arena_printf(arena, "%s/~part=%zu", batch->ingest->folder, i);

        if (path)
            sl_fs_remove_folder(path);
    }
}

static int compare_sums(const struct batch *batch, const size_t *parts, size_t count,
                        const struct sl_result *result, bool *ret, struct sl_err *err)
{
    int64_t *sums = SL_NEW_ARRAY(batch->ingest->arena, int64_t, batch->count);

    SL_TRY_NEW(sums, err);
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        size_t file;

        SL_TRY(sl_file_index(result, row, count, &file, err));
        sums[parts[file]] =
            (int64_t)(((uint64_t)sums[parts[file]] + (uint64_t)sl_result_int(result, row, 1)) &
                      (uint64_t)INT64_MAX);
    }
    for (size_t i = 0; i < batch->count; i++)
        *ret = *ret && sums[i] == batch->ends[i].position_sum;
    return SL_OK;
}

static int prove(const struct batch *batch, bool *ret, struct sl_err *err)
{
    struct sl_arena *arena = batch->ingest->arena;
    struct sl_session *session = batch->ingest->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    size_t *parts = NULL; // of the files
    size_t count = 0;

    *ret = true;
    sl_buf_add(&sql, "select file_index, cast(sum(_position) % 9223372036854775808 as bigint) from "
                     "read_parquet([");
    for (size_t i = 0; i < batch->count; i++) {
        *ret = *ret && batch->staged[i].row_count == batch->ends[i].records;
        for (size_t k = 0; k < batch->staged[i].file_count; k++) {
            const char *path =
                sl_path_join(arena, batch->ingest->folder, batch->staged[i].files[k].path);

            SL_TRY_NEW(path, err);
            sl_buf_add(&sql, count ? ", " : "");
            sl_buf_add_sql_string(&sql, path);
            if (!SL_PUSH(arena, parts, count, i))
                return sl_fail_memory(err);
        }
    }
    if (!*ret || !count)
        return SL_OK;
    sl_buf_add(&sql, "], hive_partitioning = false) group by 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    return compare_sums(batch, parts, count, result, ret, err);
}

// *ret: all of them were read, and are staged as they were read.
static int try_batch(struct batch *batch, bool *ret, struct sl_err *err)
{
    struct sl_arena *arena = batch->ingest->arena;
    struct sl_source_reader **readers =
        SL_NEW_ARRAY(arena, struct sl_source_reader *, batch->count);
    const struct sl_source_kind *kind = batch->jobs->reader->kind;
    const char *rows_sql;

    *ret = false;
    SL_TRY_NEW(readers, err);
    for (size_t i = 0; i < batch->count; i++)
        readers[i] = batch->jobs[i].reader;
    SL_TRY(kind->start_many(readers, batch->count, &rows_sql, err));
    int code = stage_rows(batch, rows_sql, err);
    bool is_good = code == SL_OK;
    for (size_t i = 0; i < batch->count; i++) {
        struct sl_err ignored = {0};

        is_good = kind->finish(readers[i], &batch->ends[i], &ignored) == SL_OK &&
                  !batch->ends[i].needs_care && is_good &&
                  !sl_ingest_is_emptied(&batch->jobs[i], &batch->ends[i]);
    }
    remove_folders(batch);
    SL_TRY(code);
    return is_good ? prove(batch, ret, err) : SL_OK;
}

static int keep_all(struct batch *batch, struct sl_err *err)
{
    struct sl_ingest *ingest = batch->ingest;
    struct sl_step_progress *progress = ingest->context->progress;

    for (size_t i = 0; i < batch->count; i++) {
        struct sl_ingest_job *job = &batch->jobs[i];
        const char *prefix =
            sl_arena_printf(ingest->arena, "%s-%05zu", ingest->file_prefix, batch->first + i);

        SL_TRY_NEW(prefix, err);
        if (batch->staged[i].file_count == 0)
            SL_TRY(sl_ingest_stage_nothing(ingest, prefix, &batch->staged[i], err));
        SL_TRY(sl_ingest_keep(ingest, job, &batch->staged[i], &batch->ends[i], err));
        sl_source_close(&job->reader);
        ingest->result.files_together++;
        if (progress)
            atomic_fetch_add(&progress->bytes_done, job->part->size_bytes);
    }
    return SL_OK;
}

static void unstage(const struct batch *batch)
{
    struct sl_err ignored = {0};

    for (size_t i = 0; i < batch->count; i++)
        for (size_t k = 0; k < batch->staged[i].file_count; k++) {
            const char *path = sl_path_join(batch->ingest->arena, batch->ingest->folder,
                                            batch->staged[i].files[k].path);

            if (path)
                (void)!sl_fs_remove(path, &ignored);
        }
    sl_step_unstage(batch->ingest->folder, batch->prefix);
    remove_folders(batch);
}

int sl_ingest_stage_batch(struct sl_ingest *ingest, size_t index, size_t *ret_count,
                          bool *ret_is_done, struct sl_err *err)
{
    struct batch batch = {.ingest = ingest,
                          .jobs = ingest->jobs + index,
                          .first = index,
                          .count = count_parts(ingest, index)};
    struct sl_err failure = {0};

    *ret_is_done = false;
    *ret_count = batch.count ? batch.count : 1;
    if (batch.count < FEWEST_PARTS)
        return SL_OK;
    batch.prefix = sl_arena_printf(ingest->arena, "%s-many%05zu", ingest->file_prefix, index);
    SL_TRY_NEW(batch.prefix, err);
    batch.staged = SL_NEW_ARRAY(ingest->arena, struct sl_staged, batch.count);
    SL_TRY_NEW(batch.staged, err);
    batch.ends = SL_NEW_ARRAY(ingest->arena, struct sl_source_end, batch.count);
    SL_TRY_NEW(batch.ends, err);
    int code = try_batch(&batch, ret_is_done, &failure);
    if (code == SL_OK && *ret_is_done)
        return keep_all(&batch, err);
    unstage(&batch);
    *ret_is_done = false;
    if (code == SL_OK || sl_ingest_is_of_part(code) || code == SL_E_BALANCE)
        return SL_OK;
    *err = failure;
    return code;
}
