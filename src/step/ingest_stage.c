// Reads the chosen parts into staged files, one after another, and proves for each that the engine
// staged just what the source handed over: as many rows, with the same sum of positions.
#include "step/ingest.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/utf8.h"
#include "step/cast.h"
#include "step/schema.h"

#include <string.h>

// Larger tables of one part are written as several files.

static bool must_stop(const struct sl_ingest *ingest)
{
    return ingest->context->stop && atomic_load(ingest->context->stop);
}

// Whether the failure is about one part, so that the others can go on.
bool sl_ingest_is_of_part(int code)
{
    return code == SL_E_SOURCE_FILE || code == SL_E_SOURCE_COLUMNS || code == SL_E_ENGINE ||
           code == SL_E_FILE_MISSING || code == SL_E_IO;
}

int sl_ingest_leave_out(struct sl_ingest *ingest, const struct sl_ingest_job *job,
                        struct sl_err *failure, struct sl_err *err)
{
    const char *note;

    if (!strstr(failure->message, job->part->name))
        (void)sl_err_context(failure, "'%s'", job->part->name);
    note = sl_arena_strdup(ingest->arena, failure->message);
    SL_TRY_NEW(note, err);
    SL_TRY(sl_strs_add(&ingest->result.notes, ingest->arena, note, err));
    if (ingest->result.failed_parts++ == 0)
        ingest->first_failure = *failure;
    // Its rows from before stay.
    if (job->before)
        ingest->is_fresh = false;
    return SL_OK;
}

// The engine's texts, _source among them, are UTF-8.
static int check_name(const struct sl_source_part *part, struct sl_err *err)
{
    size_t length;

    for (const char *at = part->name; *at; at += length) {
        length = sl_utf8_length(at, strlen(at));
        if (length)
            continue;
        (void)sl_fail(err, SL_E_SOURCE_FILE, "its name is not UTF-8 (byte 0x%02x)",
                      (unsigned char)*at);
        return sl_err_hint(err, "rename the file");
    }
    return SL_OK;
}

int sl_ingest_open(struct sl_ingest *ingest, struct sl_err *err)
{
    struct sl_step_progress *progress = ingest->context->progress;

    for (size_t i = 0; i < ingest->job_count; i++) {
        struct sl_ingest_job *job = &ingest->jobs[i];
        struct sl_err failure = {0};
        int code;

        if (must_stop(ingest))
            return SL_OK;
        code = check_name(job->part, &failure);
        if (code == SL_OK)
            code = ingest->kind->open(&ingest->options, job->part, ingest->context->session,
                                      ingest->arena, &job->reader, &failure);
        if (code != SL_OK && !sl_ingest_is_of_part(code)) {
            *err = failure;
            return code;
        }
        if (code != SL_OK) {
            SL_TRY(sl_ingest_leave_out(ingest, job, &failure, err));
            continue;
        }
        if (progress) {
            job->reader->bytes_done = &progress->bytes_done;
            atomic_fetch_add(&progress->bytes_total, job->part->size_bytes);
        }
    }
    return SL_OK;
}

// --- one part

// Built anew the table has a type for both, unless it is one that no table has, or text beside a
// nested type, which is read as that.
static const char *advice_on(const struct sl_ingest *ingest, const struct sl_column *from,
                             const struct sl_column *to)
{
    bool is_new = ingest->is_fresh || ingest->snapshot.version < 0;
    if (sl_str_equal(sl_storage_type(from->type), to->type))
        return "";
    if (is_new || sl_type_is_nested(from->type) != sl_type_is_nested(to->type))
        return "; no type holds both: give the files of each type a source of their own, with "
               "paths that tell them apart";
    return "; --full-refresh gives the table a type for all its files";
}

static int add_column(const struct sl_ingest *ingest, const struct sl_column *from,
                      const struct sl_column *to, struct sl_buf *sql, struct sl_err *err)
{
    const char *advice = advice_on(ingest, from, to);
    const char *what = sl_arena_printf(ingest->arena,
                                       "column '%s' is %s in the file and %s in the "
                                       "table",
                                       from->name, from->type, to->type);

    // As the engine reads it.
    struct sl_column read = {from->name,
                             sl_type_fill_unknown(from->type, "INTEGER", ingest->arena)};

    SL_TRY_NEW(what, err);
    SL_TRY_NEW(read.type, err);
    if (sl_str_equal(from->type, SL_UNKNOWN_TYPE))
        sl_buf_addf(sql, "cast(null as %s)", to->type);
    else if (sl_str_equal(read.type, to->type))
        sl_buf_add_sql_name(sql, from->name);
    else
        sl_cast_exactly(&read, to->type, what, advice, sql);
    sl_buf_add(sql, " as ");
    sl_buf_add_sql_name(sql, to->name);
    sl_buf_add(sql, ", ");
    return SL_OK;
}

int sl_ingest_print_select(const struct sl_ingest *ingest, const struct sl_ingest_job *job,
                           const char *source, const char *rows_sql, struct sl_buf *sql,
                           struct sl_err *err)
{
    char time[32];

    sl_buf_add(sql, "select ");
    for (size_t i = 0; i < job->reader->column_count; i++) {
        const struct sl_column *column = &job->reader->columns[i];

        const struct sl_column *to = sl_ingest_column(ingest, column->name);

        if (to)
            SL_TRY(add_column(ingest, column, to, sql, err));
    }
    sl_buf_addf(sql, "%s, _position, timestamptz '%s' as _ingested_at, _corrupt from (%s)", source,
                sl_clock_format(ingest->context->now_us, time), rows_sql);
    return sl_buf_check(sql, err);
}

// A file without rows, so that the table remembers the part.
int sl_ingest_stage_nothing(struct sl_ingest *ingest, const char *prefix, struct sl_staged *ret,
                            struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = ingest->context->session;
    struct sl_staged_file *file = SL_NEW(ingest->arena, struct sl_staged_file);
    struct sl_fs_stat stat;
    const char *path;

    SL_TRY_NEW(file, err);
    file->path = sl_arena_printf(ingest->arena, "%s.parquet", prefix);
    SL_TRY_NEW(file->path, err);
    path = sl_path_join(ingest->arena, ingest->folder, file->path);
    SL_TRY_NEW(path, err);
    sl_buf_add(&sql, "copy (select ");
    for (size_t i = 0; i < ingest->column_count; i++) {
        sl_buf_addf(&sql, "%scast(null as %s) as ", i ? ", " : "", ingest->columns[i].type);
        sl_buf_add_sql_name(&sql, ingest->columns[i].name);
    }
    sl_buf_add(&sql, " limit 0) to ");
    sl_buf_add_sql_string(&sql, path);
    sl_buf_add(&sql, " (format parquet, compression zstd, use_tmp_file false)");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->exec(session, sql.text, NULL, err));
    SL_TRY(sl_fs_stat(path, &stat, err));
    file->size_bytes = stat.size_bytes;
    *ret = (struct sl_staged){.files = file, .file_count = 1};
    return SL_OK;
}

static int sum_positions(struct sl_ingest *ingest, const struct sl_staged *staged, int64_t *ret,
                         struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = ingest->context->session;

    sl_buf_add(&sql, "select cast(coalesce(sum(_position), 0) % 9223372036854775808 as bigint) "
                     "from read_parquet([");
    for (size_t i = 0; i < staged->file_count; i++) {
        const char *path = sl_path_join(ingest->arena, ingest->folder, staged->files[i].path);

        SL_TRY_NEW(path, err);
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_string(&sql, path);
    }
    sl_buf_add(&sql, "], hive_partitioning = false)");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

// SL_E_BALANCE if the engine's rows are not those that were handed to it.
static int prove(struct sl_ingest *ingest, const struct sl_ingest_job *job,
                 const struct sl_source_end *end, const struct sl_staged *staged,
                 struct sl_err *err)
{
    int64_t sum = 0;

    if (staged->row_count == end->records)
        SL_TRY(sum_positions(ingest, staged, &sum, err));
    if (staged->row_count == end->records && sum == end->position_sum)
        return SL_OK;
    return sl_fail(err, SL_E_BALANCE,
                   "'%s': %lld records were read and %lld rows staged, position sums %lld and %lld",
                   job->part->name, (long long)end->records, (long long)staged->row_count,
                   (long long)end->position_sum, (long long)sum);
}

// One try. needs_care in *ret_end: of no worth, to be repeated with care.
static int try_part(struct sl_ingest *ingest, const struct sl_ingest_job *job, const char *prefix,
                    bool careful, struct sl_staged *ret, struct sl_source_end *ret_end,
                    struct sl_err *err)
{
    struct sl_session *session = ingest->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf source = SL_BUF_INIT;
    struct sl_stage_options options = {
        .folder = ingest->folder, .file_prefix = prefix, .file_size_bytes = SL_INGEST_FILE_BYTES};
    struct sl_err failure = {0};
    struct sl_err damage = {0};
    const char *rows_sql;
    int code;
    int finished;

    SL_TRY(job->reader->kind->start(job->reader, careful, &rows_sql, err));
    sl_buf_add_sql_string(&source, job->part->name);
    sl_buf_add(&source, " as _source");
    code = sl_buf_check(&source, &failure);
    if (code == SL_OK)
        code = sl_ingest_print_select(ingest, job, source.text, rows_sql, &sql, &failure);
    if (code == SL_OK)
        code = session->kind->stage(session, sql.text, &options, ingest->arena, ret, &failure);
    finished = job->reader->kind->finish(job->reader, ret_end, &damage);
    // A damaged part may well be what the engine stumbled over.
    if (finished != SL_OK && (code == SL_OK || sl_ingest_is_of_part(code))) {
        *err = damage;
        return finished;
    }
    if (code != SL_OK) {
        *err = failure;
        return code;
    }
    if (ret_end->needs_care)
        return SL_OK;
    if (ret->file_count == 0)
        SL_TRY(sl_ingest_stage_nothing(ingest, prefix, ret, err));
    return prove(ingest, job, ret_end, ret, err);
}

// The columns of the part as a JSON list, "" if nobody asks: raw itself has those of all its parts.
static int list_columns(const struct sl_ingest *ingest, const struct sl_source_reader *reader,
                        const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;

    *ret = "";
    if (ingest->source->drift.missing_columns != SL_DRIFT_MISSING_FAIL || !reader->column_count)
        return SL_OK;
    for (size_t i = 0; i < reader->column_count; i++) {
        sl_buf_add(&json, i ? "," : "[");
        sl_buf_add_json_string(&json, reader->columns[i].name);
    }
    sl_buf_add_char(&json, ']');
    SL_TRY(sl_buf_check(&json, err));
    *ret = sl_arena_strdup(ingest->arena, json.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_ingest_keep(struct sl_ingest *ingest, struct sl_ingest_job *job,
                   const struct sl_staged *staged, const struct sl_source_end *end,
                   struct sl_err *err)
{
    struct sl_step_progress *progress = ingest->context->progress;
    struct sl_ingested part = {.name_now = job->part->name,
                               .received_as = job->part->name,
                               .size_bytes = job->part->size_bytes,
                               .mtime_us = job->part->mtime_us,
                               .sha256 = end->sha256,
                               .reading = ingest->reading};
    const char *tags;

    SL_TRY(list_columns(ingest, job->reader, &part.columns, err));
    SL_TRY(sl_ingest_print_tags(ingest, &part, &tags, err));
    for (size_t i = 0; i < staged->file_count; i++) {
        if (!SL_PUSH(ingest->arena, ingest->staged.files, ingest->staged.file_count,
                     staged->files[i]) ||
            !SL_PUSH(ingest->arena, ingest->tags_json, ingest->tag_count, tags))
            return sl_fail_memory(err);
        ingest->result.bytes_out += staged->files[i].size_bytes;
    }
    ingest->staged.row_count += staged->row_count;
    ingest->result.balance.in += end->records;
    ingest->result.balance.out += staged->row_count;
    ingest->result.bytes_in += job->part->size_bytes;
    job->is_staged = true;
    if (progress)
        atomic_fetch_add(&progress->rows_done, end->records);
    return SL_OK;
}

bool sl_ingest_is_emptied(const struct sl_ingest_job *job, const struct sl_source_end *end)
{
    return end->records == 0 && job->before && job->before->rows > 0;
}

// A file that had rows and has none: perhaps whoever wrote it was stopped halfway. *ret_is_kept:
// its rows stay.
static int take_emptied(struct sl_ingest *ingest, const struct sl_ingest_job *job,
                        bool *ret_is_kept, struct sl_err *err)
{
    int policy = ingest->source->drift.emptied_files;
    struct sl_emptied emptied = {job->part->name, job->before->rows};
    const char *what = sl_arena_printf(ingest->arena, "%s has no rows any more, and had %lld",
                                       emptied.name, (long long)emptied.rows);
    const char *note;

    SL_TRY_NEW(what, err);
    if (!SL_PUSH(ingest->arena, ingest->result.emptied, ingest->result.emptied_count, emptied))
        return sl_fail_memory(err);
    if (policy == SL_DRIFT_EMPTIED_FAIL) {
        (void)sl_fail(err, SL_E_DRIFT, "%s: the file fails, and its rows stay", what);
        return sl_err_hint(err,
                           "its rows stay until it is written whole; if it is meant to be empty, "
                           "choose another 'drift: {emptied_files: ...}' in %s",
                           ingest->source->file);
    }
    *ret_is_kept = policy == SL_DRIFT_EMPTIED_KEEP;
    if (*ret_is_kept)
        ingest->is_fresh = false;
    ingest->result.kept_parts += *ret_is_kept;
    note = sl_arena_printf(ingest->arena, "%s: %s", what,
                           *ret_is_kept ? "they stay" : "they leave the tables");
    SL_TRY_NEW(note, err);
    return sl_strs_add(&ingest->result.notes, ingest->arena, note, err);
}

static int stage_part(struct sl_ingest *ingest, size_t index, struct sl_err *err)
{
    struct sl_ingest_job *job = &ingest->jobs[index];
    const char *prefix = sl_arena_printf(ingest->arena, "%s-%05zu", ingest->file_prefix, index);
    struct sl_staged staged = {0};
    struct sl_source_end end = {0};
    struct sl_err failure = {0};
    bool is_kept = false;
    int code;

    SL_TRY_NEW(prefix, err);
    code = try_part(ingest, job, prefix, false, &staged, &end, &failure);
    // The fast way of reading has its limits; what is read with care is beyond doubt.
    if ((code == SL_OK && end.needs_care) || code == SL_E_ENGINE || code == SL_E_BALANCE) {
        sl_err_clear(&failure);
        sl_step_unstage(ingest->folder, prefix);
        code = try_part(ingest, job, prefix, true, &staged, &end, &failure);
    }
    if (code == SL_OK && sl_ingest_is_emptied(job, &end))
        code = take_emptied(ingest, job, &is_kept, &failure);
    if (code == SL_OK && !is_kept)
        code = sl_ingest_keep(ingest, job, &staged, &end, &failure);
    sl_source_close(&job->reader);
    if (code == SL_OK && !is_kept)
        return SL_OK;
    sl_step_unstage(ingest->folder, prefix);
    if (is_kept)
        return SL_OK;
    if (sl_ingest_is_of_part(code) || code == SL_E_DRIFT)
        return sl_ingest_leave_out(ingest, job, &failure, err);
    *err = failure;
    return code;
}

static int note_stop(struct sl_ingest *ingest, size_t left, struct sl_err *err)
{
    const char *note =
        sl_arena_printf(ingest->arena, "stopped before %zu file%s", left, left == 1 ? "" : "s");

    SL_TRY_NEW(note, err);
    ingest->result.outcome = SL_STEP_PARTIAL;
    ingest->is_fresh = false;
    return sl_strs_add(&ingest->result.notes, ingest->arena, note, err);
}

int sl_ingest_stage(struct sl_ingest *ingest, struct sl_err *err)
{
    size_t alone = 0; // up to here each is staged by itself

    SL_TRY(sl_step_staging(ingest->context, ingest->folder, &ingest->file_prefix, err));
    for (size_t i = 0; i < ingest->job_count; i++) {
        size_t count = 1;
        bool is_done = false;

        if (must_stop(ingest))
            return note_stop(ingest, ingest->job_count - i, err);
        if (i >= alone)
            SL_TRY(sl_ingest_stage_batch(ingest, i, &count, &is_done, err));
        alone = i >= alone ? i + count : alone;
        if (is_done) {
            i += count - 1;
            continue;
        }
        if (ingest->jobs[i].reader)
            SL_TRY(stage_part(ingest, i, err));
    }
    return SL_OK;
}
