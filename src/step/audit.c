#include "step/audit.h"

#include "api/check.h"
#include "base/fs.h"

#include <string.h>

// Whether a live file stays when this step is committed.
static bool stays(const struct sl_model_step *step, const struct sl_delta_file *file)
{
    for (size_t i = 0; i < step->removed_count; i++)
        if (sl_str_equal(step->removed[i], file->path))
            return false;
    return true;
}

static int add_live(const struct sl_model_step *step, struct sl_scan_file *files, size_t *count,
                    const struct sl_delta_snapshot *table, struct sl_err *err)
{
    for (size_t i = 0; i < table->file_count; i++) {
        if (!stays(step, &table->files[i]))
            continue;
        const char *path = sl_path_join(step->context->arena, step->folder, table->files[i].path);
        SL_TRY_NEW(path, err);
        files[(*count)++] =
            (struct sl_scan_file){.path = path, .partition = table->files[i].partition};
    }
    return SL_OK;
}

int sl_audit_scan(const struct sl_model_step *step, bool only_staged, struct sl_scan *ret,
                  struct sl_err *err)
{
    struct sl_arena *arena = step->context->arena;
    struct sl_delta_snapshot table = {.version = -1};
    bool has_live = !only_staged && step->scope != SL_SCOPE_ALL;
    if (has_live)
        SL_TRY(sl_delta_load(step->folder, step->head.version, step->context->session, arena,
                             &table, err));
    struct sl_scan_file *files =
        SL_NEW_ARRAY(arena, struct sl_scan_file, table.file_count + step->staged.file_count);
    size_t count = 0;
    SL_TRY_NEW(files, err);
    SL_TRY(add_live(step, files, &count, &table, err));
    for (size_t i = 0; i < step->staged.file_count; i++) {
        const struct sl_staged_file *staged = &step->staged.files[i];
        const char *path = sl_path_join(arena, step->folder, staged->path);
        SL_TRY_NEW(path, err);
        files[count++] = (struct sl_scan_file){.path = path, .partition = staged->partition};
    }
    *ret = (struct sl_scan){
        .columns = step->stored,
        .column_count = step->stored_count,
        .partition_columns = step->model->partition_by.items,
        .partition_count = step->model->partition_by.count,
        .files = files,
        .file_count = count,
    };
    return SL_OK;
}

static int create_checked_view(const struct sl_model_step *step, bool only_staged,
                               struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = step->context->session;
    struct sl_scan scan;
    SL_TRY(sl_audit_scan(step, only_staged, &scan, err));
    sl_buf_add(&sql, "create or replace temp view " SL_CHECKED " as select * from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

static int view_read_table(struct sl_model_step *step, const char *table, struct sl_err *err)
{
    enum sl_layer layer;
    const char *name;
    for (size_t i = 0; i < step->input_count; i++)
        if (sl_str_equal(step->inputs[i].table, table) &&
            (sl_model_reads_all(step) || !step->inputs[i].is_driving))
            return SL_OK; // its view is there, and whole
    if (!sl_table_parse(table, &layer, &name))
        return sl_fail(err, SL_E_SQL_TABLE, "'%s' is not a table name", table);
    return sl_step_view(step->context, layer, name, -1, NULL, err);
}

// What the checks of a table found: all that fail are told, at the place of the first.
struct findings {
    struct sl_buf text;
    const struct sl_check *first;
    int example_bytes;
};

static void findings_clear(struct findings *findings)
{
    sl_buf_clear(&findings->text);
}

static int run_check(struct sl_model_step *step, const struct sl_check *check,
                     struct findings *findings, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = step->context->session;
    if (check->reads)
        SL_TRY(view_read_table(step, check->reads, err));
    SL_TRY(create_checked_view(step, check->is_per_row, err));
    sl_buf_addf(&sql, "select count(*), any_value(to_json(f)::varchar) from (%s\n) f",
                check->failing_sql);
    SL_TRY(sl_buf_check(&sql, err));
    if (session->kind->query(session, sql.text, 1, &result, err) != SL_OK) {
        err->line = err->column = 0;
        (void)sl_err_at(err, check->place.file, check->place.line, check->place.column);
        return sl_err_context(err, "check %s", check->kind);
    }
    int64_t rows = sl_result_int(result, 0, 0);
    if (rows == 0)
        return SL_OK;
    char number[32];
    const char *example = sl_result_text(result, 0, 1);
    sl_buf_addf(&findings->text, "%scheck %s failed: %s, but %s row%s otherwise, for example %.*s",
                findings->first ? "; " : "", check->kind, check->claim, sl_str_count(rows, number),
                rows == 1 ? " says" : "s say", findings->example_bytes, example ? example : "");
    if (!findings->first)
        findings->first = check;
    return SL_OK;
}

int sl_model_audit(struct sl_model_step *step, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_check *checks;
    size_t count;
    SL_TRY(
        sl_checks_compile(step->model->checks, step->context->arena, &diags, &checks, &count, err));
    if (diags.error_count) {
        *err = diags.items[0].err;
        return err->code;
    }
    SL_AUTO(findings_clear)
    struct findings findings = {.text = SL_BUF_INIT, .example_bytes = count > 1 ? 160 : 400};
    for (size_t i = 0; i < count; i++)
        SL_TRY(run_check(step, &checks[i], &findings, err));
    SL_TRY(sl_buf_check(&findings.text, err));
    if (!findings.first)
        return SL_OK;
    const struct sl_place *place = &findings.first->place;
    (void)sl_fail(err, SL_E_CHECK_FAILED, "%s", findings.text.text);
    (void)sl_err_at(err, place->file, place->line, place->column);
    return sl_err_hint(err,
                       "nothing was published: readers still see the old version of curated.%s",
                       step->model->name);
}
