// Loose rows: those of files that tell no part, because another program has rewritten the table's
// files (OPTIMIZE, DELETE) and did not keep their tags. Whose rows they are stands in `_source`,
// and that a part has changed since in its time, compared with `_ingested_at`. When such a part is
// read again, the files that hold its rows are written anew without them.
#include "step/ingest.h"

#include "step/schema.h"

static const struct sl_column *find_column(const struct sl_ingest *ingest, const char *name)
{
    return sl_column_find(ingest->snapshot.columns, ingest->snapshot.column_count, name);
}

static int check_columns(const struct sl_ingest *ingest, struct sl_err *err)
{
    const struct sl_column *source = find_column(ingest, "_source");
    const struct sl_column *time = find_column(ingest, "_ingested_at");

    if (source && sl_str_equal(source->type, "VARCHAR") && time &&
        sl_str_equal(time->type, "TIMESTAMP WITH TIME ZONE"))
        return SL_OK;
    (void)sl_fail(err, SL_E_TABLE_SCHEMA,
                  "files of the table raw.%s do not tell whose rows they hold: another program "
                  "wrote them",
                  ingest->source->name);
    return sl_err_hint(err, "restore the table to an earlier version, or move its folder away to "
                            "have every file read again");
}

// Of rows that were read under another name.
static const char *name_of(const struct sl_record *record, const char *received_as)
{
    for (size_t i = 0; i < record->renamed_count; i++)
        if (sl_str_equal(record->renamed[i].received_as, received_as))
            return record->renamed[i].name;
    return received_as;
}

static int add_rows(struct sl_ingest *ingest, const struct sl_record *record,
                    const struct sl_result *result, int64_t row, struct sl_err *err)
{
    const char *name = sl_result_text(result, row, 1);
    struct sl_loose_rows rows = {.count = sl_result_int(result, row, 2)};
    int64_t time_us = sl_result_int(result, row, 3);

    SL_TRY(sl_file_index(result, row, ingest->loose_count, &rows.file, err));
    if (name) {
        SL_TRY(sl_ingest_enter(ingest, name_of(record, name), &rows.of, err));
        rows.of->received_as = sl_arena_strdup(ingest->arena, name);
        SL_TRY_NEW(rows.of->received_as, err);
        rows.of->has_loose_rows = true;
        rows.of->rows = sl_rows_add(rows.of->rows, rows.count);
        if (rows.of->ingested_us < time_us)
            rows.of->ingested_us = time_us;
    }
    ingest->has_foreign_rows |= !name;
    return SL_PUSH(ingest->arena, ingest->loose_rows, ingest->loose_row_count, rows)
               ? SL_OK
               : sl_fail_memory(err);
}

int sl_ingest_look_loose(struct sl_ingest *ingest, struct sl_session *session, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_delta_head head;
    struct sl_record record;
    const char *folder;
    struct sl_scan scan;

    SL_TRY(check_columns(ingest, err));
    SL_TRY(sl_step_position(ingest->project, SL_LAYER_RAW, ingest->source->name, session,
                            ingest->arena, &folder, &head, &record, err));
    SL_TRY(sl_delta_scan_files(&ingest->snapshot, ingest->loose, ingest->loose_count, ingest->arena,
                               &scan, err));
    scan.with_origin = true;
    sl_buf_add(&sql, "select \"~file\", _source, count(*), epoch_us(max(_ingested_at)) from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    sl_buf_add(&sql, " group by 1, 2 order by 1, 2");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++)
        SL_TRY(add_rows(ingest, &record, result, row, err));
    return SL_OK;
}

// --- rows that give way

static bool is_replaced(const struct sl_ingested *part)
{
    return part && part->gives_way;
}

// Files with rows that are replaced, and how many other rows they hold.
static int find_touched(struct sl_ingest *ingest, struct sl_delta_file **ret, size_t *ret_count,
                        int64_t *ret_rows, struct sl_err *err)
{
    bool *is_touched = SL_NEW_ARRAY(ingest->arena, bool, ingest->loose_count);
    struct sl_delta_file *touched =
        SL_NEW_ARRAY(ingest->arena, struct sl_delta_file, ingest->loose_count);
    size_t count = 0;
    int64_t rows = 0;

    SL_TRY_NEW(is_touched, err);
    SL_TRY_NEW(touched, err);
    for (size_t i = 0; i < ingest->loose_row_count; i++)
        if (ingest->loose_rows[i].of)
            is_touched[ingest->loose_rows[i].file] |=
                ingest->loose_rows[i].of->gives_way || ingest->loose_rows[i].of->is_relabelled;
    for (size_t i = 0; i < ingest->loose_row_count; i++)
        if (is_touched[ingest->loose_rows[i].file] && !is_replaced(ingest->loose_rows[i].of))
            rows += ingest->loose_rows[i].count;
    for (size_t i = 0; i < ingest->loose_count; i++)
        if (is_touched[i])
            touched[count++] = ingest->loose[i];
    *ret = touched;
    *ret_count = count;
    *ret_rows = rows;
    return SL_OK;
}

// Rows of a part that has another name now get it.
static void print_replace(const struct sl_ingest *ingest, struct sl_buf *sql)
{
    const char *beginning = " replace (case _source when ";
    size_t length = sql->length;

    for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it;
         it = sl_map_next(it)) {
        const struct sl_ingested *part = sl_map_value(it);

        if (!part->is_relabelled || !part->has_loose_rows)
            continue;
        sl_buf_add(sql, beginning);
        sl_buf_add_sql_string(sql, part->received_as);
        sl_buf_add(sql, " then ");
        sl_buf_add_sql_string(sql, part->name_now);
        beginning = " when ";
    }
    if (sql->length > length)
        sl_buf_add(sql, " else _source end as _source)");
}

static int print_kept(struct sl_ingest *ingest, const struct sl_delta_file *files, size_t count,
                      struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = ingest->context->session;
    struct sl_scan scan;
    const char *separator = " where _source is null or _source not in (";

    SL_TRY(sl_delta_scan_files(&ingest->snapshot, files, count, ingest->arena, &scan, err));
    sl_buf_add(sql, "select *");
    print_replace(ingest, sql);
    sl_buf_add(sql, " from ");
    SL_TRY(session->kind->scan_sql(session, &scan, sql, err));
    for (const struct sl_map_entry *it = sl_map_first(&ingest->ingested); it;
         it = sl_map_next(it)) {
        const struct sl_ingested *part = sl_map_value(it);

        if (!part->gives_way || !part->has_loose_rows)
            continue;
        sl_buf_add(sql, separator);
        sl_buf_add_sql_string(sql, part->received_as);
        separator = ", ";
    }
    sl_buf_add(sql, *separator == ',' ? ")" : "");
    return sl_buf_check(sql, err);
}

int sl_ingest_rewrite_loose(struct sl_ingest *ingest, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = ingest->context->session;
    struct sl_stage_options options = {.folder = ingest->folder};
    struct sl_staged kept = {0};
    struct sl_delta_file *files;
    size_t count;
    int64_t rows;

    if (ingest->loose_count == 0)
        return SL_OK;
    SL_TRY(find_touched(ingest, &files, &count, &rows, err));
    if (count == 0)
        return SL_OK;
    for (size_t i = 0; i < count; i++)
        SL_TRY(sl_strs_add(&ingest->removed, ingest->arena, files[i].path, err));
    SL_TRY(print_kept(ingest, files, count, &sql, err));
    options.file_prefix = sl_arena_printf(ingest->arena, "%s-kept", ingest->file_prefix);
    SL_TRY_NEW(options.file_prefix, err);
    if (rows > 0)
        SL_TRY(session->kind->stage(session, sql.text, &options, ingest->arena, &kept, err));
    if (kept.row_count != rows)
        return sl_fail(err, SL_E_BALANCE, "%lld rows of other files were to be kept, and are %lld",
                       (long long)rows, (long long)kept.row_count);
    for (size_t i = 0; i < kept.file_count; i++)
        if (!SL_PUSH(ingest->arena, ingest->staged.files, ingest->staged.file_count,
                     kept.files[i]) ||
            !SL_PUSH(ingest->arena, ingest->tags_json, ingest->tag_count, NULL))
            return sl_fail_memory(err);
    ingest->staged.row_count += kept.row_count;
    return SL_OK;
}
