#include "base/buf.h"
#include "base/hash.h"
#include "sql/query.h"

#include <string.h>

#define PLACE_KEY "\"query_location\""

// The end of the text token that begins at `at`, behind its closing quote.
static const char *skip_text(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : at;
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \n\r\t");
}

// A member `"query_location": 17` and the comma behind it; `at` itself if none begins there. A text
// of that name is no member: no colon follows it.
static const char *skip_place(const char *at)
{
    const char *end;

    if (strncmp(at, PLACE_KEY, strlen(PLACE_KEY)) != 0)
        return at;
    end = skip_blanks(at + strlen(PLACE_KEY));
    if (*end != ':')
        return at;
    end = skip_blanks(end + 1);
    end = skip_blanks(end + strspn(end, "-0123456789"));
    return *end == ',' ? end + 1 : end;
}

// The tree's text without places and blanks. A comma that is left before a closing bracket does not
// matter: the same members leave the same commas.
static void add_canonical(struct sl_buf *buf, const char *at)
{
    while (*at) {
        const char *end = skip_blanks(at);

        if (end == at)
            end = skip_place(at);
        if (end == at) {
            end = *at == '"' ? skip_text(at) : at + strcspn(at, "\" \n\r\t");
            sl_buf_add_bytes(buf, at, (size_t)(end - at));
        }
        at = end;
    }
}

int sl_query_digest(const char *ast, char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;

    add_canonical(&buf, ast);
    SL_TRY(sl_buf_check(&buf, err));
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add_bytes(hash, buf.text, buf.length);
    return sl_hash_end(hash, ret_hex, err);
}
