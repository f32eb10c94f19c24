#include "table/delta/path.h"

#include "base/fs.h"
#include "table/delta/delta.h"

#include <ctype.h>
#include <string.h>

// RFC 3986 unreserved characters, and those that partition folders are made of. A colon is escaped,
// or "a:b" would have a scheme; a plus is, because some decoders take it for a blank.
static bool stays(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("-._~/=", c));
}

void sl_delta_path_encode(struct sl_buf *buf, const char *path)
{
    for (; *path; path++) {
        if (stays(*path))
            sl_buf_add_char(buf, *path);
        else
            sl_buf_addf(buf, "%%%02X", (unsigned)(unsigned char)*path);
    }
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sl_delta_path_decode(const char *uri, struct sl_arena *arena, const char **ret,
                         struct sl_err *err)
{
    const char *from = uri;
    char *path;
    char *to;

    if (sl_str_starts(from, "file:"))
        from += strlen(sl_str_starts(from, "file://") ? "file://" : "file:");
    path = to = sl_arena_strdup(arena, from);
    SL_TRY_NEW(path, err);
    for (; *from; from++) {
        int high;
        int low;

        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        high = digit_value(from[1]);
        low = high < 0 ? -1 : digit_value(from[2]);
        if (low < 0 || high + low == 0)
            return sl_fail(err, SL_E_TABLE_LOG, "'%s' is not a percent-encoded path", uri);
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    *ret = path;
    return SL_OK;
}

bool sl_delta_path_is_absolute(const char *path)
{
    return *path == '/' || strstr(path, "://");
}

int sl_delta_file_path(const char *folder, const struct sl_delta_file *file, struct sl_arena *arena,
                       const char **ret, struct sl_err *err)
{
    if (*file->path != '/' && sl_delta_path_is_absolute(file->path))
        return sl_fail(err, SL_E_TABLE_FEATURE, "its file '%s' is in another store", file->path);
    *ret = sl_path_join(arena, folder, file->path);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
