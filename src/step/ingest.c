// The ingest step: what the source has new -> raw.NAME, in one commit. Which parts the table holds
// stands in the tags of its files, so that position and rows cannot disagree.
#include "step/ingest.h"

#include <stdio.h>

static int no_parts(struct sl_ingest *ingest, struct sl_err *err)
{
    const struct sl_source *source = ingest->source;
    struct sl_place place = sl_yaml_place(source->node, "path");
    const char *path = source->paths.count ? source->paths.items[0] : "";
    const char *odd = ingest->passed_over.count ? ingest->passed_over.texts.items[0] : NULL;
    const char *note = sl_arena_printf(ingest->arena, "no file matches '%s'%s%s", path,
                                       odd ? ": " : "", odd ? odd : "");

    SL_TRY_NEW(note, err);
    if (ingest->snapshot.version >= 0)
        return sl_strs_add(&ingest->result.notes, ingest->arena, note, err);
    (void)sl_fail(err, SL_E_SOURCE_EMPTY, "%s", note);
    (void)sl_err_hint(err, "%s", sl_ingest_path_hint(path, ingest->arena));
    return sl_err_at(err, place.file ? place.file : source->file, place.line, place.column);
}

// "2 new files, 1 changed"
static void add_files(struct sl_buf *text, size_t count, const char *what)
{
    if (count > 0 && text->length > 0)
        sl_buf_addf(text, ", %zu %s", count, what);
    else if (count > 0)
        sl_buf_addf(text, "%zu %s file%s", count, what, count == 1 ? "" : "s");
}

static int explain(struct sl_ingest *ingest, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    size_t changed = 0;

    for (size_t i = 0; i < ingest->job_count; i++)
        changed += ingest->jobs[i].before != NULL;
    add_files(&text, ingest->job_count - changed, "new");
    add_files(&text, changed, "changed");
    add_files(&text, ingest->renames.count, "renamed");
    SL_TRY(sl_buf_check(&text, err));
    ingest->result.why = ingest->context->full_refresh ? "asked for by --full-refresh"
                         : ingest->is_read_otherwise   ? "its files are read in another way now"
                                                       : sl_arena_strdup(ingest->arena, text.text);
    SL_TRY_NEW(ingest->result.why, err);
    return SL_OK;
}

// Staging with the order of rows left free: their positions say it, and memory and time are saved.
// The setting is the whole engine's.
static int stage_all(struct sl_ingest *ingest, struct sl_err *err)
{
    struct sl_session *session = ingest->context->session;
    int code;

    SL_TRY(session->kind->exec(session, "set preserve_insertion_order = false", NULL, err));
    code = sl_ingest_stage(ingest, err);
    if (session->kind->exec(session, "set preserve_insertion_order = true", NULL,
                            code == SL_OK ? err : NULL) != SL_OK &&
        code == SL_OK)
        return err->code;
    return code;
}

// Nothing was staged: says why. Where there is a table, what it holds is still good, and whatever
// reads it goes on.
static int nothing_staged(struct sl_ingest *ingest, struct sl_err *err)
{
    size_t failed = ingest->result.failed_parts;

    if (failed == 0 && ingest->result.kept_parts > 0 && ingest->result.outcome != SL_STEP_PARTIAL)
        return SL_OK;
    if (failed == 0)
        return sl_fail(err, SL_E_INTERRUPTED, "stopped before the first file");
    if (ingest->snapshot.version >= 0) {
        ingest->result.outcome = SL_STEP_PARTIAL;
        ingest->result.has_balance = true;
        return SL_OK;
    }
    *err = ingest->first_failure;
    if (failed > 1)
        return sl_err_context(err, "none of %zu files can be read, the first", failed);
    return err->code;
}

static int list_removed(struct sl_ingest *ingest, struct sl_err *err)
{
    for (size_t i = 0; i < ingest->job_count; i++)
        if (ingest->jobs[i].is_staged && ingest->jobs[i].before)
            ingest->jobs[i].before->gives_way = true;
    for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it;
         it = sl_map_next(it)) {
        const struct sl_ingested *part = sl_map_value(it);

        for (size_t k = 0; part->gives_way && k < part->files.count; k++)
            SL_TRY(sl_strs_add(&ingest->removed, ingest->arena, part->files.items[k], err));
    }
    return sl_ingest_keep_moved(ingest, err);
}

static bool has_same_rows(const struct sl_ingest *ingest)
{
    return ingest->staged.file_count == 0 && ingest->removed.count == 0;
}

static int list_renamed(struct sl_ingest *ingest, struct sl_record *record, struct sl_err *err)
{
    for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it && !ingest->is_fresh;
         it = sl_map_next(it)) {
        const struct sl_ingested *part = sl_map_value(it);
        struct sl_renamed renamed = {part->received_as, part->name_now};

        if (!part->gives_way && !sl_str_equal(part->received_as, part->name_now) &&
            !SL_PUSH(ingest->arena, record->renamed, record->renamed_count, renamed))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

// What the table holds of files that are read anew. Rows beside them in the same file of the table
// were staged again and stay.
static int count_replaced(struct sl_ingest *ingest, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map removed = {0};
    int64_t kept = ingest->staged.row_count - ingest->result.balance.out;
    int64_t rows = 0;

    for (size_t i = 0; i < ingest->removed.count; i++)
        SL_TRY(sl_map_set(&removed, ingest->removed.items[i], NULL, err));
    for (size_t i = 0; i < ingest->snapshot.file_count; i++)
        if (ingest->is_fresh || ingest->is_retyped ||
            sl_map_has(&removed, ingest->snapshot.files[i].path))
            rows = sl_rows_add(rows, ingest->snapshot.files[i].row_count);
    ingest->result.balance.replaced = rows < 0 ? -1 : rows - kept;
    return SL_OK;
}

static int print_record(struct sl_ingest *ingest, const char **ret, struct sl_err *err)
{
    int64_t base = ingest->snapshot.version;
    struct sl_record record = {
        .run_id = ingest->context->run_id,
        .step = ingest->app_id,
        .sequence = ingest->record.sequence + 1,
        .was_full = ingest->result.was_full,
        .balance = ingest->result.balance,
        .has_balance = true,
        .has_same_rows = has_same_rows(ingest),
        .same_as = base,
        .same_since = ingest->head.version == base
                          ? sl_step_rows_since(&ingest->head, &ingest->record)
                          : base,
    };

    SL_TRY(list_renamed(ingest, &record, err));
    return sl_record_print(&record, ingest->arena, ret, err);
}

// Parts that were meant to be built anew and were not keep their rows, and so the table its
// columns.
static int keep_columns(struct sl_ingest *ingest, struct sl_delta_commit *commit,
                        struct sl_err *err)
{
    for (size_t i = 0; !ingest->is_fresh && i < ingest->snapshot.column_count; i++)
        if (!sl_ingest_column(ingest, ingest->snapshot.columns[i].name) &&
            !SL_PUSH(ingest->arena, ingest->columns, ingest->column_count,
                     ingest->snapshot.columns[i]))
            return sl_fail_memory(err);
    commit->columns = ingest->columns;
    commit->column_count = ingest->column_count;
    if (!has_same_rows(ingest) || ingest->is_fresh || ingest->snapshot.version < 0)
        return SL_OK;
    // Nothing came in: what a file without rows, or one that could not be read, would add must
    // wait.
    commit->columns = ingest->snapshot.columns;
    commit->column_count = ingest->snapshot.column_count;
    return SL_OK;
}

static int commit(struct sl_ingest *ingest, int64_t *ret_version, struct sl_err *err)
{
    struct sl_delta_commit commit = {
        .mode = SL_DELTA_APPEND,
        .base_version = ingest->snapshot.version,
        .staged = &ingest->staged,
        .staged_folder = "",
        .app_id = ingest->app_id,
        .app_version = ingest->record.sequence + 1,
        .operation = "WRITE",
        .description = ingest->source->description,
    };

    ingest->is_retyped &= ingest->staged.file_count > 0; // else no value asks for it
    SL_TRY(sl_ingest_tell_retyped(ingest, err));
    SL_TRY(list_removed(ingest, err));
    if (has_same_rows(ingest))
        commit.description = NULL; // nor does anything else change
    SL_TRY(count_replaced(ingest, err));
    commit.tags_json = ingest->tags_json;
    commit.retagged = ingest->retagged.items;
    commit.retags_json = ingest->retags_json.items;
    commit.retagged_count = ingest->retagged.count;
    SL_TRY(keep_columns(ingest, &commit, err));
    if (ingest->snapshot.version >= 0 && (ingest->is_fresh || ingest->is_retyped)) {
        commit.mode = SL_DELTA_REPLACE;
    } else if (ingest->removed.count > 0) {
        commit.mode = SL_DELTA_REWRITE;
        commit.removed = ingest->removed.items;
        commit.removed_count = ingest->removed.count;
    }
    ingest->result.was_full =
        ingest->snapshot.version < 0 || ingest->is_fresh || ingest->is_retyped;
    SL_TRY(print_record(ingest, &commit.record_json, err));
    int code = sl_step_commit(ingest->context, ingest->folder, &commit, ret_version, err);
    if (code != SL_E_TABLE_SCHEMA || ingest->result.failed_parts == 0)
        return code;
    // The columns were chosen for a table built anew, and then a part failed whose rows must stay.
    *err = ingest->first_failure;
    return sl_err_context(err, "build the table anew, which needs every file");
}

static int fill_result(struct sl_ingest *ingest, int64_t version, struct sl_err *err)
{
    struct sl_step_result *result = &ingest->result;

    if (result->failed_parts > 0)
        result->outcome = SL_STEP_PARTIAL;
    else if (result->outcome != SL_STEP_PARTIAL)
        result->outcome =
            has_same_rows(ingest) && ingest->renames.count == 0 ? SL_STEP_NOTHING : SL_STEP_DONE;
    // Whatever reads the table has nothing to do for names.
    if (has_same_rows(ingest))
        return SL_OK;
    result->has_balance = true;
    result->files_out = (int64_t)ingest->staged.file_count;
    result->versions = SL_NEW(ingest->arena, struct sl_table_version);
    SL_TRY_NEW(result->versions, err);
    result->versions[0].table = sl_arena_printf(ingest->arena, "raw.%s", ingest->source->name);
    SL_TRY_NEW(result->versions[0].table, err);
    result->versions[0].version = version;
    result->version_count = 1;
    return SL_OK;
}

// Parts that need not be read, for the table has their content.
static bool has_moved(const struct sl_ingest *ingest)
{
    for (size_t i = 0; i < ingest->part_count; i++)
        if (ingest->is_same[i])
            return true;
    return false;
}

// Names and times of files whose rows the table has. Where that cannot be written (a lake that is
// read-only) the table is as good without it, and the files are looked at again by the next run.
static int remember_names(struct sl_ingest *ingest, struct sl_err *err)
{
    struct sl_err refusal = {0};
    int64_t version;
    const char *note;
    int code = commit(ingest, &version, &refusal);

    if (code == SL_OK)
        return fill_result(ingest, version, err);
    if (code != SL_E_NO_PERMISSION && code != SL_E_IO && code != SL_E_NO_SPACE) {
        if (err)
            *err = refusal;
        return code;
    }
    note = sl_arena_printf(ingest->arena, "new names or times of files cannot be remembered: %s",
                           refusal.message);
    SL_TRY_NEW(note, err);
    if (ingest->result.failed_parts > 0)
        ingest->result.outcome = SL_STEP_PARTIAL;
    return sl_strs_add(&ingest->result.notes, ingest->arena, note, err);
}

static int read_all(struct sl_ingest *ingest, struct sl_err *err)
{
    int64_t version;

    SL_TRY(explain(ingest, err));
    SL_TRY(sl_ingest_open(ingest, err));
    SL_TRY(sl_ingest_columns(ingest, err));
    SL_TRY(stage_all(ingest, err));
    if (ingest->staged.file_count == 0 && !has_moved(ingest))
        return nothing_staged(ingest, err);
    SL_TRY(sl_balance_check(&ingest->result.balance, ingest->app_id, err));
    if (has_same_rows(ingest) && ingest->snapshot.version >= 0 && !ingest->is_fresh)
        return remember_names(ingest, err);
    SL_TRY(commit(ingest, &version, err));
    return fill_result(ingest, version, err);
}

int sl_step_ingest(struct sl_step_context *context, const struct sl_source *source,
                   struct sl_step_result *ret, struct sl_err *err)
{
    SL_AUTO(sl_ingest_clear)
    struct sl_ingest ingest = {.project = context->project,
                               .source = source,
                               .arena = context->arena,
                               .context = context,
                               .result = {.outcome = SL_STEP_NOTHING}};

    ingest.app_id = sl_arena_printf(context->arena, "ingest %s", source->name);
    SL_TRY_NEW(ingest.app_id, err);
    SL_TRY(sl_step_position(context->project, SL_LAYER_RAW, source->name, context->session,
                            context->arena, &ingest.folder, &ingest.head, &ingest.record, err));
    SL_TRY(sl_ingest_look(&ingest, context->session, err));
    SL_TRY(sl_ingest_choose(&ingest, err));
    if (ingest.part_count == 0)
        SL_TRY(no_parts(&ingest, err));
    if (ingest.job_count > 0 || has_moved(&ingest))
        SL_TRY(read_all(&ingest, err));
    *ret = ingest.result;
    return SL_OK;
}
