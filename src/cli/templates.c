#include "cli/templates.h"

#include "base/fs.h"
#include "spec/project.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sl_schemas_write(const char *folder, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *schemas = sl_path_join(&arena, folder, ".sluice/schema");
    SL_TRY_NEW(schemas, err);
    SL_TRY(sl_fs_mkdirs(schemas, err));
    for (const struct sl_file_kind *kind = sl_file_kinds; kind->name; kind++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        const char *path = sl_arena_printf(&arena, "%s/%s.json", schemas, kind->name);
        SL_TRY_NEW(path, err);
        sl_file_kind_schema(kind, &text);
        SL_TRY(sl_buf_check(&text, err));
        SL_TRY(sl_fs_write(path, text.text, text.length, err));
    }
    return SL_OK;
}

int sl_template_project_name(const char *folder, struct sl_arena *arena, const char **ret,
                             struct sl_err *err)
{
    char here[4096];
    char *real = realpath(folder, NULL);
    snprintf(here, sizeof here, "%s", real ? real : folder);
    free(real);
    const char *slug = sl_str_slug(arena, sl_path_name(here));
    SL_TRY_NEW(slug, err);
    bool is_name = slug[0] >= 'a' && slug[0] <= 'z';
    *ret = is_name ? slug : sl_arena_printf(arena, "p%s", slug);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static bool is_of(const struct sl_template_file *file, const char *name)
{
    size_t length = strlen(name);
    return strncmp(file->path, name, length) == 0 && file->path[length] == '/';
}

// A template's own name stands for the project's.
static int write_one(const struct sl_template_file *file, const char *name, const char *folder,
                     struct sl_arena *arena, struct sl_err *err)
{
    static const char placeholder[] = "name: pipeline\n";
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *path = sl_path_join(arena, folder, file->path + strlen(name) + 1), *project;
    SL_TRY_NEW(path, err);
    const char *parent = sl_path_folder(arena, path);
    SL_TRY_NEW(parent, err);
    SL_TRY(sl_fs_mkdirs(parent, err));
    const char *at = strstr(file->text, placeholder);
    if (!at)
        return sl_fs_create(path, file->text, file->length, err);
    SL_TRY(sl_template_project_name(folder, arena, &project, err));
    sl_buf_add_bytes(&text, file->text, (size_t)(at - file->text));
    sl_buf_addf(&text, "name: %s\n%s", project, at + strlen(placeholder));
    SL_TRY(sl_buf_check(&text, err));
    return sl_fs_create(path, text.text, text.length, err);
}

int sl_template_write(const char *name, const char *folder, struct sl_arena *arena,
                      struct sl_strs *ret_paths, struct sl_err *err)
{
    for (const struct sl_template_file *file = sl_template_files; file->path; file++) {
        const char *path =
            sl_path_join(arena, folder, is_of(file, name) ? file->path + strlen(name) + 1 : "");
        SL_TRY_NEW(path, err);
        if (!is_of(file, name) || !sl_fs_exists(path))
            continue;
        (void)sl_fail(err, SL_E_FILE_EXISTS, "'%s' exists already, so nothing was written", path);
        return sl_err_hint(err, "name another folder, or move this one away");
    }
    for (const struct sl_template_file *file = sl_template_files; file->path; file++) {
        if (!is_of(file, name))
            continue;
        SL_TRY(write_one(file, name, folder, arena, err));
        SL_TRY(sl_strs_add(ret_paths, arena, file->path + strlen(name) + 1, err));
    }
    return sl_schemas_write(folder, err);
}
