#include "cli/export_file.h"

#include "base/fs.h"

#include <stdio.h>

// Options of COPY, by the ending of the file's name.
static const char *format_of(const char *path)
{
    static const struct {
        const char *ending, *format;
    } formats[] = {{".csv", "format csv, header true"},
                   {".jsonl", "format json"},
                   {".parquet", "format parquet"}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (sl_str_ends(path, formats[i].ending))
            return formats[i].format;
    return NULL;
}

int sl_export_check(const char *flag, const char *path, bool may_replace, struct sl_err *err)
{
    if (!format_of(path))
        return sl_fail(err, SL_E_USAGE, "%s is '%s', expected a file .csv, .jsonl or .parquet",
                       flag, path);
    if (may_replace || !sl_fs_exists(path))
        return SL_OK;
    (void)sl_fail(err, SL_E_FILE_EXISTS, "'%s' is there already", path);
    return sl_err_hint(err, "choose another name, or say --force");
}

int sl_export_write(struct sl_session *session, const char *query, const char *path,
                    int64_t *ret_rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf partial = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_err ignored = {0};
    sl_buf_addf(&partial, "%s.partial", path);
    SL_TRY(sl_buf_check(&partial, err));
    sl_buf_addf(&sql, "copy (%s) to ", query);
    sl_buf_add_sql_string(&sql, partial.text);
    sl_buf_addf(&sql, " (%s)", format_of(path));
    SL_TRY(sl_buf_check(&sql, err));
    int code = session->kind->exec(session, sql.text, ret_rows, err);
    if (code == SL_OK)
        code = sl_fs_sync_file(partial.text, err);
    if (code == SL_OK)
        code = sl_fs_rename(partial.text, path, err);
    if (code != SL_OK)
        (void)!sl_fs_remove(partial.text, &ignored);
    return code;
}

int sl_export_print(struct sl_session *session, const char *query, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t ignored;
    fflush(stdout);
    sl_buf_addf(&sql, "copy (%s) to '/dev/stdout' (format json)", query);
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, &ignored, err);
}
