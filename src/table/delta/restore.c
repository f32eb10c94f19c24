#include "table/delta/action.h"
#include "table/delta/plan.h"

#include <string.h>

static int remove_newer(const struct sl_delta_state *state, const struct sl_map *wanted,
                        int64_t now_ms, struct sl_buf *lines, struct sl_delta_restored *ret,
                        struct sl_err *err)
{
    for (const struct sl_map_entry *it = sl_map_first(&state->files); it; it = sl_map_next(it)) {
        if (sl_map_has(wanted, sl_map_key(it)))
            continue;
        SL_TRY(sl_delta_print_remove(lines, sl_map_value(it), true, now_ms, err));
        sl_buf_add_char(lines, '\n');
        ret->removed_count++;
    }
    return SL_OK;
}

// A file that is live holds the same rows; only what is said of it may differ (its tags).
static int add_older(const struct sl_delta_state *state, const struct sl_delta_file *file,
                     struct sl_buf *lines, struct sl_delta_restored *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *action = NULL;
    const json_t *live = sl_map_get(&state->files, file->path);
    json_t *add;

    SL_TRY(sl_json_parse(file->add_json, strlen(file->add_json), file->path, &action, err));
    add = json_object_get(action, "add");
    if (live && json_equal(live, add))
        return SL_OK;
    if (json_object_set_new(add, "dataChange", json_boolean(!live)) != 0)
        return sl_fail_memory(err);
    sl_buf_add_char(lines, '{');
    SL_TRY(sl_delta_print_member(lines, "add", add, err));
    sl_buf_add(lines, "}\n");
    ret->file_count++;
    ret->row_count += file->row_count > 0 ? file->row_count : 0;
    ret->size_bytes += file->size_bytes;
    return SL_OK;
}

int sl_delta_restore_print(const struct sl_delta_state *state,
                           const struct sl_delta_snapshot *restored, int64_t now_ms,
                           struct sl_buf *lines, struct sl_delta_restored *ret, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map wanted = {0};

    for (size_t i = 0; i < restored->file_count; i++)
        SL_TRY(sl_map_set(&wanted, restored->files[i].path, NULL, err));
    SL_TRY(remove_newer(state, &wanted, now_ms, lines, ret, err));
    for (size_t i = 0; i < restored->file_count; i++)
        SL_TRY(add_older(state, &restored->files[i], lines, ret, err));
    return SL_OK;
}
