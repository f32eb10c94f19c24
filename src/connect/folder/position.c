#include "connect/folder/position.h"

void sl_folder_position_clear(struct sl_folder_position *position)
{
    sl_json_free(&position->files);
}

static int take_text(const json_t *root, const char *key, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    *ret = sl_arena_strdup(arena, sl_json_text(root, key, ""));
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static bool is_valid(const json_t *root, const json_t *files)
{
    // jansson's iterator takes a mutable object and does not change it.
    json_t *object = (json_t *)(uintptr_t)files;
    const char *name;
    json_t *size;

    if (sl_json_int(root, "version", -1) < 0 || !json_is_object(files))
        return false;
    json_object_foreach (object, name, size) {
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return false;
    }
    return true;
}

int sl_folder_position_parse(const char *text, size_t length, const char *name,
                             struct sl_arena *arena, struct sl_folder_position *ret,
                             struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_folder_position position = {0};

    SL_TRY(sl_json_parse(text, length, name, &root, err));
    json_t *files = json_object_get(root, "files");
    if (!is_valid(root, files))
        return sl_fail(err, SL_E_JSON_SYNTAX, "'%s' is no position of a delivery", name);
    position.target.version = sl_json_int(root, "version", -1);
    position.rows = sl_json_int(root, "rows", 0);
    position.all_rows = sl_json_int(root, "all_rows", -1);
    SL_TRY(take_text(root, "fingerprint", arena, &position.target.fingerprint, err));
    SL_TRY(take_text(root, "table_id", arena, &position.target.table_id, err));
    SL_TRY(take_text(root, "table", arena, &position.table, err));
    SL_TRY(take_text(root, "at", arena, &position.at, err));
    position.files = json_incref(files);
    *ret = position;
    return SL_OK;
}

int sl_folder_position_print(const struct sl_folder_position *position, char **ret,
                             struct sl_err *err)
{
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:O}", "written_by", "Sluice " SL_VERSION, "table",
        position->table, "version", (json_int_t)position->target.version, "fingerprint",
        position->target.fingerprint, "table_id", position->target.table_id, "rows",
        (json_int_t)position->rows, "at", position->at, "files", position->files);

    SL_TRY_NEW(root, err);
    if (position->all_rows >= 0 &&
        json_object_set_new(root, "all_rows", json_integer(position->all_rows)) != 0)
        return sl_fail_memory(err);
    return sl_json_print(root, ret, err);
}
