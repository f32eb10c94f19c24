// The files of a log, as someone sees them who wants to know whether they are still the same.
#include "base/fs.h"
#include "table/delta/delta.h"
#include "table/delta/log.h"

#include <string.h>

#define VERSION_DIGITS 20

// The version that a name begins with, or -1: it is no file of a version.
static int64_t version_of(const char *name, const char **ret_rest)
{
    char digits[VERSION_DIGITS + 1] = "";
    int64_t version;

    if (strspn(name, "0123456789") != VERSION_DIGITS || name[VERSION_DIGITS] != '.')
        return -1;
    memcpy(digits, name, VERSION_DIGITS);
    *ret_rest = name + VERSION_DIGITS;
    return sl_str_to_int64(digits, &version) ? version : -1;
}

// Of "<from>.<to>.compacted.json" the last version counts: up to there it is read.
static int64_t last_version_of(const char *name, const char **ret_rest)
{
    int64_t version = version_of(name, ret_rest);
    const char *rest;
    int64_t last = version < 0 ? -1 : version_of(*ret_rest + 1, &rest);

    if (last < 0)
        return version;
    *ret_rest = rest;
    return last;
}

static bool is_part(const struct sl_delta_checkpoint_files *checkpoint, const char *name)
{
    for (size_t i = 0; checkpoint && i < checkpoint->paths.count; i++)
        if (sl_str_equal(sl_path_name(checkpoint->paths.items[i]), name))
            return true;
    return false;
}

int sl_delta_log_files(const char *folder, int64_t version, struct sl_arena *arena,
                       struct sl_delta_log_file **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_delta_log log;
    struct sl_strs names = {0};

    *ret = NULL;
    *ret_count = 0;
    SL_TRY(sl_delta_log_open(folder, arena, &log, err));
    SL_TRY(sl_fs_list(log.log_folder, arena, &names, err));
    const struct sl_delta_checkpoint_files *checkpoint = sl_delta_log_checkpoint(&log, version);
    int64_t first = checkpoint ? checkpoint->version : -1;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[i], *rest = "";
        int64_t last = last_version_of(name, &rest);
        struct sl_delta_log_file file = {.path = sl_arena_printf(arena, "_delta_log/%s", name)};

        SL_TRY_NEW(file.path, err);
        if (last < 0 || last > version)
            continue;
        file.is_needed = is_part(checkpoint, name) || (last > first && sl_str_equal(rest, ".json"));
        if (!SL_PUSH(arena, *ret, *ret_count, file))
            return sl_fail_memory(err);
    }
    return SL_OK;
}
