#include "base/fs.h"
#include "base/seal.h"
#include "step/step.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)
#define FINGERPRINT_LENGTH 64

// It becomes part of a path, and comes out of logs that others may have written.
bool sl_step_is_fingerprint(const char *text)
{
    return text && strlen(text) == FINGERPRINT_LENGTH &&
           strspn(text, "0123456789abcdef") == FINGERPRINT_LENGTH;
}

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
    if (!sl_step_is_fingerprint(fingerprint))
        return sl_fail(err, SL_E_INTERNAL, "'%s' is no fingerprint", fingerprint);
    SL_TRY(sl_step_find_code(context, fingerprint, &kept, err));
    if (kept && json_equal(kept, code))
        return SL_OK;
    SL_TRY(sl_fs_mkdirs(folder, err));
    SL_TRY(sl_json_seal(code, &text, err));
    int written = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return written;
}

static int read_code(struct sl_step_context *context, const char *path, struct sl_kept_code *kept,
                     struct sl_err *err)
{
    const char *text;
    size_t length;
    struct sl_err trouble = {0};
    enum sl_seal seal;
    int code = sl_fs_read(path, MAX_BYTES, context->arena, &text, &length, &trouble);
    if (code == SL_E_FILE_MISSING)
        return SL_OK;
    kept->state = code ? SL_KEPT_UNREADABLE : SL_KEPT_DAMAGED;
    if (!code)
        code = sl_json_unseal(text, length, path, &kept->json, &seal, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code) {
        kept->why = sl_arena_strdup(context->arena, trouble.message);
        SL_TRY_NEW(kept->why, err);
        return SL_OK;
    }
    if (json_is_object(kept->json) && seal != SL_SEAL_BROKEN)
        kept->state = SL_KEPT_WHOLE;
    else
        kept->why = "it was changed since it was written";
    return SL_OK;
}

int sl_step_look_at_code(struct sl_step_context *context, const char *fingerprint,
                         struct sl_kept_code *ret, struct sl_err *err)
{
    struct sl_kept_code kept = {.state = SL_KEPT_MISSING, .why = "it is not kept"};
    if (sl_step_is_fingerprint(fingerprint)) {
        const char *path = path_of(context, fingerprint);
        SL_TRY_NEW(path, err);
        int code = read_code(context, path, &kept, err);
        if (code != SL_OK || kept.state != SL_KEPT_WHOLE) {
            sl_json_free(&kept.json);
            kept.json = NULL;
        }
        SL_TRY(code);
    }
    *ret = kept;
    return SL_OK;
}

int sl_step_find_code(struct sl_step_context *context, const char *fingerprint, json_t **ret,
                      struct sl_err *err)
{
    struct sl_kept_code kept;
    *ret = NULL;
    SL_TRY(sl_step_look_at_code(context, fingerprint, &kept, err));
    *ret = kept.json; // what cannot be read says nothing: then everything is built anew
    return SL_OK;
}

int sl_step_find_code_of(struct sl_step_context *context, bool is_borrowed, const char *fingerprint,
                         json_t **ret, struct sl_err *err)
{
    struct sl_project project = *context->project;
    struct sl_step_context other = *context;
    if (is_borrowed)
        project.lake_folder = project.read_lake;
    other.project = &project;
    return sl_step_find_code(&other, fingerprint, ret, err);
}
