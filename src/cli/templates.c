#include "cli/templates.h"

#include "base/fs.h"
#include "spec/project.h"

#include <string.h>

int sl_schemas_write(const char *folder, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    sl_arena_init(&arena, 0);
    const char *schemas = sl_path_join(&arena, folder, ".sluice/schema");
    SL_TRY_NEW(schemas, err);
    SL_TRY(sl_fs_mkdirs(schemas, err));
    for (const struct sl_file_kind *kind = sl_file_kinds; kind->name; kind++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        const char *path = sl_arena_printf(&arena, "%s/%s.json", schemas, kind->name);
        SL_TRY_NEW(path, err);
        sl_opt_schema(kind->rows, &text);
        SL_TRY(sl_buf_check(&text, err));
        SL_TRY(sl_fs_write(path, text.text, text.length, err));
    }
    return SL_OK;
}

int sl_template_write(const char *name, const char *folder, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    struct sl_strs names = {0};
    size_t length = strlen(name);
    sl_arena_init(&arena, 0);
    SL_TRY(sl_fs_list(folder, &arena, &names, err));
    if (names.count) {
        (void)sl_fail(err, SL_E_FILE_EXISTS, "folder '%s' is not empty", folder);
        return sl_err_hint(err, "name another folder, or move this one away");
    }
    for (const struct sl_template_file *file = sl_template_files; file->path; file++) {
        if (strncmp(file->path, name, length) != 0 || file->path[length] != '/')
            continue;
        const char *path = sl_path_join(&arena, folder, file->path + length + 1);
        SL_TRY_NEW(path, err);
        const char *parent = sl_path_folder(&arena, path);
        SL_TRY_NEW(parent, err);
        SL_TRY(sl_fs_mkdirs(parent, err));
        SL_TRY(sl_fs_write(path, file->text, file->length, err));
    }
    return sl_schemas_write(folder, err);
}
