#include "base/fs.h"
#include "step/step.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)

static const char *path_of(struct sl_step_context *context, const char *fingerprint)
{
    return sl_arena_printf(context->arena, "%s/_code/%s.json", context->project->lake_folder,
                           fingerprint);
}

int sl_step_keep_code(struct sl_step_context *context, const char *fingerprint, const json_t *code,
                      struct sl_err *err)
{
    const char *path = path_of(context, fingerprint);
    const char *folder = sl_arena_printf(context->arena, "%s/_code", context->project->lake_folder);
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    char *text = NULL;
    SL_TRY_NEW(path, err);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_step_find_code(context, fingerprint, &kept, err));
    if (kept && json_equal(kept, code))
        return SL_OK;
    SL_TRY(sl_fs_mkdirs(folder, err));
    SL_TRY(sl_json_print(code, &text, err));
    int written = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return written;
}

int sl_step_find_code(struct sl_step_context *context, const char *fingerprint, json_t **ret,
                      struct sl_err *err)
{
    const char *path = fingerprint ? path_of(context, fingerprint) : NULL;
    const char *text;
    size_t length;
    struct sl_err damaged = {0};
    *ret = NULL;
    if (!fingerprint)
        return SL_OK;
    SL_TRY_NEW(path, err);
    if (!sl_fs_exists(path))
        return SL_OK;
    SL_TRY(sl_fs_read(path, MAX_BYTES, context->arena, &text, &length, err));
    // What cannot be read says nothing: then everything is built anew.
    return sl_json_parse(text, length, path, ret, &damaged) == SL_E_MEMORY ? sl_fail_memory(err)
                                                                           : SL_OK;
}
