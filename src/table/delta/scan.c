#include "table/delta/delta.h"
#include "table/delta/path.h"

#include "base/fs.h"

int sl_delta_scan_files(const struct sl_delta_snapshot *snapshot, const struct sl_delta_file *files,
                        size_t file_count, struct sl_arena *arena, struct sl_scan *ret,
                        struct sl_err *err)
{
    struct sl_scan_file *scanned = SL_NEW_ARRAY(arena, struct sl_scan_file, file_count);

    SL_TRY_NEW(scanned, err);
    for (size_t i = 0; i < file_count; i++) {
        if (files[i].has_deletion_vector)
            return sl_fail(err, SL_E_TABLE_FEATURE, "file '%s' of '%s' has a deletion vector",
                           files[i].path, snapshot->folder);
        scanned[i].partition = files[i].partition;
        scanned[i].path = sl_delta_path_is_absolute(files[i].path)
                              ? files[i].path
                              : sl_path_join(arena, snapshot->folder, files[i].path);
        SL_TRY_NEW(scanned[i].path, err);
    }
    *ret = (struct sl_scan){
        .columns = snapshot->columns,
        .column_count = snapshot->column_count,
        .partition_columns = snapshot->partition_columns,
        .partition_count = snapshot->partition_count,
        .files = scanned,
        .file_count = file_count,
    };
    return SL_OK;
}

int sl_delta_scan(const struct sl_delta_snapshot *snapshot, struct sl_arena *arena,
                  struct sl_scan *ret, struct sl_err *err)
{
    return sl_delta_scan_files(snapshot, snapshot->files, snapshot->file_count, arena, ret, err);
}
