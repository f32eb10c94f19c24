#include "step/merge.h"

#include <stdlib.h>

static void add_names(const char *prefix, const char *const *names, size_t count,
                      struct sl_buf *sql)
{
    for (size_t i = 0; i < count; i++) {
        sl_buf_addf(sql, "%s%s", i ? ", " : "", prefix);
        sl_buf_add_sql_name(sql, names[i]);
    }
}

static void add_columns(const struct sl_merge *merge, struct sl_buf *sql)
{
    for (size_t i = 0; i < merge->column_count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, merge->columns[i].name);
    }
}

// "a.k is not distinct from b.k and ...": null keys are keys too.
static void add_match(const struct sl_merge *merge, const char *a, const char *b,
                      struct sl_buf *sql)
{
    for (size_t i = 0; i < merge->key_count; i++) {
        sl_buf_addf(sql, "%s%s.", i ? " and " : "", a);
        sl_buf_add_sql_name(sql, merge->key[i]);
        sl_buf_addf(sql, " is not distinct from %s.", b);
        sl_buf_add_sql_name(sql, merge->key[i]);
    }
}

static int scan(const struct sl_merge *merge, const struct sl_delta_file *files, size_t count,
                struct sl_buf *sql, struct sl_err *err)
{
    struct sl_scan scan;
    SL_TRY(sl_delta_scan_files(merge->table, files, count, merge->arena, &scan, err));
    scan.columns = merge->columns; // columns that the table does not have yet are null in its files
    scan.column_count = merge->column_count;
    scan.with_origin = true;
    return merge->session->kind->scan_sql(merge->session, &scan, sql, err);
}

// _best: per key of the new rows the winner among old and new; ~file is null where it is a new row.
// Of equal rows the old one stays.
static int find_winners(const struct sl_merge *merge, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _old as select ");
    add_columns(merge, &sql);
    sl_buf_add(&sql, ", \"~file\", \"~row\" from ");
    SL_TRY(scan(merge, merge->table->files, merge->table->file_count, &sql, err));
    sl_buf_addf(&sql, " _o semi join %s _n on (", merge->rows);
    add_match(merge, "_o", "_n", &sql);
    sl_buf_add(&sql, "); create or replace temp table _best as select * from (select * from _old "
                     "union all select ");
    add_columns(merge, &sql);
    sl_buf_addf(
        &sql,
        ", null as \"~file\", null as \"~row\" from %s) qualify row_number() over (partition by ",
        merge->rows);
    add_names("", merge->key, merge->key_count, &sql);
    sl_buf_addf(&sql, " order by %s, \"~file\" nulls last) = 1", merge->order);
    SL_TRY(sl_buf_check(&sql, err));
    return merge->session->kind->exec(merge->session, sql.text, NULL, err);
}

// Files that hold an old row whose key a new row won.
static int find_files(struct sl_merge *merge, size_t **ret_indices, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *files = NULL;
    SL_AUTO(sl_result_free) struct sl_result *won = NULL;
    const struct sl_engine_kind *engine = merge->session->kind;
    sl_buf_add(&sql, "select _o.\"~file\", count(*) from _old _o semi join (select * from _best "
                     "where \"~file\" is null) _n on (");
    add_match(merge, "_o", "_n", &sql);
    sl_buf_add(&sql, ") group by 1 order by 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(engine->query(merge->session, sql.text, 0, &files, err));
    SL_TRY(engine->query(merge->session, "select count(*) from _best where \"~file\" is null", 0,
                         &won, err));
    merge->won = sl_result_int(won, 0, 0);
    merge->removed_count = (size_t)sl_result_rows(files);
    bool is_counted = true;
    const char **removed = SL_NEW_ARRAY(merge->arena, const char *, merge->removed_count);
    size_t *indices = SL_NEW_ARRAY(merge->arena, size_t, merge->removed_count);
    SL_TRY_NEW(removed, err);
    SL_TRY_NEW(indices, err);
    for (size_t i = 0; i < merge->removed_count; i++) {
        SL_TRY(sl_file_index(files, (int64_t)i, merge->table->file_count, &indices[i], err));
        removed[i] = merge->table->files[indices[i]].path;
        merge->replaced += sl_result_int(files, (int64_t)i, 1);
        merge->kept += merge->table->files[indices[i]].row_count;
        is_counted &= merge->table->files[indices[i]].row_count >= 0;
    }
    merge->kept = is_counted ? merge->kept - merge->replaced : -1;
    merge->removed = removed;
    *ret_indices = indices;
    return SL_OK;
}

// The winners, and what stays of the files that are replaced.
static int write_query(struct sl_merge *merge, const size_t *indices, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "select ");
    add_columns(merge, &sql);
    sl_buf_add(&sql, " from _best where \"~file\" is null");
    if (merge->removed_count) {
        struct sl_delta_file *files =
            SL_NEW_ARRAY(merge->arena, struct sl_delta_file, merge->removed_count);
        SL_TRY_NEW(files, err);
        for (size_t i = 0; i < merge->removed_count; i++)
            files[i] = merge->table->files[indices[i]];
        sl_buf_add(&sql, " union all select ");
        add_columns(merge, &sql);
        sl_buf_add(&sql, " from ");
        SL_TRY(scan(merge, files, merge->removed_count, &sql, err));
        sl_buf_add(&sql, " _o anti join (select * from _best where \"~file\" is null) _n on (");
        add_match(merge, "_o", "_n", &sql);
        sl_buf_add(&sql, ")");
    }
    SL_TRY(sl_buf_check(&sql, err));
    merge->sql = sl_arena_strdup(merge->arena, sql.text);
    SL_TRY_NEW(merge->sql, err);
    return SL_OK;
}

int sl_merge_prepare(struct sl_merge *merge, struct sl_err *err)
{
    size_t *indices;
    SL_TRY(find_winners(merge, err));
    SL_TRY(find_files(merge, &indices, err));
    return write_query(merge, indices, err);
}
