// The relations that checks read: the table as it would be and as it stands, its counts, other
// tables.
#include "base/diag.h"
#include "base/fs.h"
#include "step/audit.h"
#include "step/schema.h"

#include <string.h>

int sl_audit_scan(const struct sl_audit *audit, bool only_staged, struct sl_scan *ret,
                  struct sl_err *err)
{
    struct sl_arena *arena = audit->context->arena;
    size_t count = 0, kept_count = only_staged ? 0 : audit->kept_count;
    int64_t rows = audit->staged->row_count;
    struct sl_scan_file *files =
        SL_NEW_ARRAY(arena, struct sl_scan_file, kept_count + audit->staged->file_count);
    SL_TRY_NEW(files, err);
    for (size_t i = 0; i < kept_count; i++) {
        const char *path = sl_path_join(arena, audit->folder, audit->kept[i].path);
        SL_TRY_NEW(path, err);
        rows = sl_rows_add(rows, audit->kept[i].row_count);
        files[count++] = (struct sl_scan_file){.path = path, .partition = audit->kept[i].partition};
    }
    for (size_t i = 0; i < audit->staged->file_count; i++) {
        const struct sl_staged_file *staged = &audit->staged->files[i];
        const char *path = sl_path_join(arena, audit->folder, staged->path);
        SL_TRY_NEW(path, err);
        files[count++] = (struct sl_scan_file){.path = path, .partition = staged->partition};
    }
    *ret = (struct sl_scan){
        .columns = audit->columns,
        .column_count = audit->column_count,
        .partition_columns = audit->partition_columns,
        .partition_count = audit->partition_count,
        .files = files,
        .file_count = count,
        .row_count = rows > 0 ? rows : 0,
    };
    return SL_OK;
}

static int scan_sql(const struct sl_audit *audit, bool only_staged, struct sl_buf *sql,
                    struct sl_err *err)
{
    struct sl_session *session = audit->context->session;
    struct sl_scan scan;
    const char *staged = audit->staged_relation;
    sl_buf_add(sql, "select * from ");
    if (staged && (only_staged || !audit->kept_count)) {
        sl_buf_add(sql, staged);
        return sl_buf_check(sql, err);
    }
    SL_TRY(sl_audit_scan(audit, only_staged, &scan, err));
    if (staged)
        sl_buf_addf(sql, "(select * from %s union all by name select * from ", staged);
    SL_TRY(session->kind->scan_sql(session, &scan, sql, err));
    sl_buf_add(sql, staged ? ")" : "");
    return sl_buf_check(sql, err);
}

static int create_temp_view(const struct sl_audit *audit, const char *name, const char *select,
                            struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = audit->context->session;
    sl_buf_add(&sql, "create or replace temp view ");
    sl_buf_add_sql_name(&sql, name);
    sl_buf_addf(&sql, " as %s", select);
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, NULL, err);
}

static void add_where(const struct sl_check *check, struct sl_buf *sql)
{
    if (check->where)
        sl_buf_addf(sql, " where (%s\n)", check->where);
}

int sl_audit_view(const struct sl_audit *audit, const struct sl_check *check, bool only_staged,
                  struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(scan_sql(audit, only_staged, &sql, err));
    add_where(check, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    return create_temp_view(audit, SL_CHECKED, sql.text, err);
}

// The table's files are read with the types that they have.
static int take_types(const struct sl_audit *audit, const struct sl_delta_snapshot *snapshot,
                      struct sl_column **ret, struct sl_err *err)
{
    struct sl_column *columns =
        SL_NEW_ARRAY(audit->context->arena, struct sl_column, audit->column_count + 1);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < audit->column_count; i++) {
        const struct sl_column *before =
            sl_column_find(snapshot->columns, snapshot->column_count, audit->columns[i].name);
        columns[i] = audit->columns[i];
        if (before)
            columns[i].type = before->type;
    }
    *ret = columns;
    return SL_OK;
}

// What is no value of the type that a column will have is null. Not every type has a cast to every
// other, but all have a text.
static void add_as_they_will_be(const struct sl_audit *audit, const struct sl_column *before,
                                struct sl_buf *sql)
{
    for (size_t i = 0; i < audit->column_count; i++) {
        const struct sl_column *column = &audit->columns[i];
        bool is_same = sl_str_equal(column->type, before[i].type);
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add(sql, is_same ? "" : "try_cast(cast(");
        sl_buf_add_sql_name(sql, column->name);
        if (!is_same)
            sl_buf_addf(sql, " as VARCHAR) as %s) as ", column->type);
        if (!is_same)
            sl_buf_add_sql_name(sql, column->name);
    }
}

// With the columns that the table will have: those that it had not yet are null.
static int view_before(const struct sl_audit *audit, const struct sl_check *check,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_step_context *context = audit->context;
    struct sl_delta_snapshot snapshot = {.version = -1};
    struct sl_scan scan = {0};
    struct sl_column *columns;
    if (audit->version >= 0) {
        SL_TRY(sl_delta_load(audit->folder, audit->version, context->session, context->arena,
                             &snapshot, err));
        SL_TRY(sl_delta_scan(&snapshot, context->arena, &scan, err));
    }
    SL_TRY(take_types(audit, &snapshot, &columns, err));
    scan.columns = columns;
    scan.column_count = audit->column_count;
    sl_buf_add(&sql, "select * from (select ");
    add_as_they_will_be(audit, columns, &sql);
    sl_buf_add(&sql, " from ");
    SL_TRY(context->session->kind->scan_sql(context->session, &scan, &sql, err));
    sl_buf_add(&sql, ")");
    add_where(check, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    return create_temp_view(audit, SL_CHECKED_BEFORE, sql.text, err);
}

// How many rows a commit made more; false if it does not tell. Commits that only move rows make
// none.
static bool growth_of(const struct sl_delta_commit_info *commit, int64_t *ret)
{
    SL_AUTO(sl_json_free) json_t *info = NULL;
    struct sl_err ignored = {0};
    *ret = 0;
    if (sl_json_parse(commit->json, strlen(commit->json), "commitInfo", &info, &ignored) != SL_OK)
        return false;
    const json_t *record = json_object_get(info, "sluice");
    const json_t *balance = json_object_get(record, "balance");
    int64_t replaced = sl_json_int(balance, "replaced", -1);
    if (!record)
        return sl_str_equal(commit->operation, "OPTIMIZE");
    if (!balance || replaced < 0)
        return false;
    *ret = sl_json_int(balance, "out", 0) - replaced;
    return true;
}

// The counts of the last versions, back from what the table holds now; versions whose commits left
// the number of rows as it was are left out but for the first of them.
static int view_versions(const struct sl_audit *audit, int64_t wanted, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_step_context *context = audit->context;
    struct sl_delta_commit_info *commits = NULL;
    size_t count = 0;
    int64_t rows = -1, found = 0, growth;
    if (audit->version >= 0) {
        SL_TRY(sl_step_count(context, audit->folder, audit->version, &rows, err));
        SL_TRY(sl_delta_history(audit->folder, 4 * SL_CHECK_VERSIONS_MAX, context->arena, &commits,
                                &count, err));
    }
    sl_buf_add(&sql, "select * from (values (null::bigint, null::bigint)");
    for (size_t i = 0; i < count && rows >= 0 && found < wanted; i++) {
        if (commits[i].version > audit->version)
            continue;
        bool is_known = growth_of(&commits[i], &growth);
        bool is_last = !is_known || i + 1 == count;
        if (growth != 0 || is_last) {
            sl_buf_addf(&sql, ", (%lld, %lld)", (long long)commits[i].version, (long long)rows);
            found++;
        }
        rows = is_known ? rows - growth : -1;
    }
    sl_buf_add(&sql, ") t(version, row_count) where version is not null");
    SL_TRY(sl_buf_check(&sql, err));
    return create_temp_view(audit, SL_CHECKED_VERSIONS, sql.text, err);
}

static int view_table(const struct sl_audit *audit, const char *table, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = audit->context->session;
    enum sl_layer layer;
    const char *name;
    if (sl_strs_has(&audit->views, table))
        return SL_OK;
    if (!sl_table_parse(table, &layer, &name))
        return sl_fail(err, SL_E_SQL_TABLE, "'%s' is not a table name", table);
    if (!sl_str_equal(table, audit->table))
        return sl_step_view(audit->context, layer, name, -1, NULL, err);
    SL_TRY(scan_sql(audit, false, &sql, err));
    return session->kind->create_view(session, sl_layer_name(layer), name, sql.text, err);
}

// Tables that the user's own SQL reads. A mistake in it is told when it runs.
static int view_any(const struct sl_audit *audit, const struct sl_check *check, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_session *session = audit->context->session;
    struct sl_arena *arena = audit->context->arena;
    struct sl_query query = {0};
    const char *text = check->measured_sql ? check->measured_sql : check->failing_sql, *ast;
    SL_TRY(session->kind->parse(session, &text, 1, arena, &ast, err));
    SL_TRY(sl_query_read(ast, text, "", 1, 1, arena, &diags, &query, err));
    for (size_t i = 0; i < query.table_count; i++) {
        const struct sl_table_ref *ref = &query.tables[i];
        if (!ref->layer && sl_strs_has(&audit->aliases, ref->name))
            SL_TRY(create_temp_view(audit, ref->name, "select * from " SL_CHECKED, err));
        if (!ref->layer)
            continue;
        const char *table = sl_arena_printf(arena, "%s.%s", ref->layer, ref->name);
        SL_TRY_NEW(table, err);
        SL_TRY(view_table(audit, table, err));
    }
    return SL_OK;
}

static int view_run(const struct sl_audit *audit, struct sl_err *err)
{
    const char *select = sl_arena_printf(audit->context->arena, "select %lld::bigint as now_us",
                                         (long long)audit->now_us);
    SL_TRY_NEW(select, err);
    return create_temp_view(audit, SL_CHECKED_RUN, select, err);
}

static int view_all(const struct sl_audit *audit, const struct sl_check *check, struct sl_err *err)
{
    SL_TRY(view_run(audit, err));
    if (check->reads)
        SL_TRY(view_table(audit, check->reads, err));
    if (check->reads_any)
        SL_TRY(view_any(audit, check, err));
    if (check->reads_before)
        SL_TRY(view_before(audit, check, err));
    return check->reads_versions ? view_versions(audit, check->reads_versions, err) : SL_OK;
}

int sl_audit_view_reads(const struct sl_audit *audit, const struct sl_check *check,
                        struct sl_err *err)
{
    if (view_all(audit, check, err) == SL_OK)
        return SL_OK;
    if (!err->file[0])
        (void)sl_err_at(err, check->place.file, check->place.line, check->place.column);
    return sl_err_context(err, "check %s", check->kind);
}
