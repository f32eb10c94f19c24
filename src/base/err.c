#include "base/err.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct sl_code_info code_infos[SL_CODE_COUNT] = {
    [SL_OK] = {"", SL_FATE_BUG, "", ""},
#define SL_CODE(name, number, fate, title, explanation) \
    [SL_E_##name] = {number, fate, title, explanation},
#include "base/codes.def"
#undef SL_CODE
};

// Shows that a text was cut; log masking looks for the start of a secret in front of it.
static const char cut_mark[] = "...";

const struct sl_code_info *sl_code_info(enum sl_code code)
{
    // A code may come from another process's record, written by a newer version.
    if ((size_t)code >= SL_CODE_COUNT)
        return &code_infos[SL_E_INTERNAL];
    return &code_infos[code];
}

enum sl_code sl_code_find(const char *id)
{
    for (int i = 1; id && i < SL_CODE_COUNT; i++)
        if (!strcasecmp(code_infos[i].id, id) || !strcmp(code_infos[i].id + strlen("SL"), id))
            return (enum sl_code)i;
    return SL_OK;
}

// Copies what fits, marks a cut, and never cuts a character in two. Bytes that are no UTF-8, as a
// file's name may hold, become U+FFFD: JSON and the history hold nothing else. `to` is not `text`.
static void copy_text(char *to, size_t size, const char *text)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    size_t left = strlen(text);
    size_t length = 0;
    size_t cut = 0; // where the mark would fit

    while (left > 0) {
        size_t taken = sl_utf8_length(text, left);
        const char *piece = taken ? text : replacement;
        size_t piece_length = taken ? taken : strlen(replacement);

        if (length + piece_length >= size) {
            memcpy(to + cut, cut_mark, sizeof cut_mark);
            return;
        }
        memcpy(to + length, piece, piece_length);
        length += piece_length;
        if (length + sizeof cut_mark <= size)
            cut = length;
        text += taken ? taken : 1;
        left -= taken ? taken : 1;
    }
    to[length] = '\0';
}

// Formats through a buffer of its own, since the arguments may point into `to`, and which is
// larger, so that a cut is seen.
static void format_text(char *to, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
static void format_text(char *to, size_t size, const char *format, va_list args)
{
    char text[sizeof((struct sl_err *)0)->message + 8];

    if (vsnprintf(text, sizeof text, format, args) < 0)
        copy_text(text, sizeof text, format);
    copy_text(to, size, text);
}

static void set_failure(struct sl_err *err, enum sl_code code, const char *message)
{
    err->code = code;
    err->line = 0;
    err->column = 0;
    err->file[0] = '\0';
    err->hint[0] = '\0';
    err->value_kind[0] = '\0';
    memmove(err->message, message, strlen(message) + 1);
}

int sl_fail(struct sl_err *err, enum sl_code code, const char *format, ...)
{
    char message[sizeof err->message];
    va_list args;

    if (!err)
        return (int)code;
    va_start(args, format);
    format_text(message, sizeof message, format, args);
    va_end(args);
    set_failure(err, code, message);
    return (int)code;
}

static enum sl_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: // of `ulimit -f`, or of the file system
        return SL_E_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return SL_E_NO_PERMISSION;
    case ENOENT:
        return SL_E_FILE_MISSING;
    case EEXIST:
        return SL_E_FILE_EXISTS;
    case ENOMEM:
        return SL_E_MEMORY;
    default:
        return SL_E_IO;
    }
}

int sl_fail_errno(struct sl_err *err, int errnum, const char *format, ...)
{
    enum sl_code code = code_of_errno(errnum);
    char reason_buffer[128];
    const char *reason = strerror_r(errnum, reason_buffer, sizeof reason_buffer);
    char message[sizeof err->message];
    va_list args;

    if (!err)
        return (int)code;
    va_start(args, format);
    // The reason must survive a long name: the name is what gets cut.
    format_text(message, sizeof message - strlen(": ") - strlen(reason), format, args);
    va_end(args);
    strcat(message, ": ");
    strcat(message, reason);
    set_failure(err, code, message);
    if (errnum == EMFILE)
        return sl_err_hint(err, "a process may open too few files here: `ulimit -n 1024` first");
    return (int)code;
}

int sl_fail_memory(struct sl_err *err)
{
    if (err)
        set_failure(err, SL_E_MEMORY, "out of memory");
    return SL_E_MEMORY;
}

int sl_err_context(struct sl_err *err, const char *format, ...)
{
    char text[2 * sizeof err->message];
    va_list args;
    size_t length;

    if (!err)
        return SL_E_INTERNAL;
    va_start(args, format);
    format_text(text, sizeof err->message, format, args);
    va_end(args);
    length = strlen(text);
    snprintf(text + length, sizeof text - length, ": %s", err->message);
    copy_text(err->message, sizeof err->message, text);
    return (int)err->code;
}

int sl_err_at(struct sl_err *err, const char *file, int line, int column)
{
    if (!err)
        return SL_E_INTERNAL;
    if (err->file[0] == '\0' && err->line == 0) {
        copy_text(err->file, sizeof err->file, file ? file : "");
        err->line = line;
        err->column = column;
    }
    return (int)err->code;
}

int sl_err_hint(struct sl_err *err, const char *format, ...)
{
    va_list args;

    if (!err)
        return SL_E_INTERNAL;
    va_start(args, format);
    format_text(err->hint, sizeof err->hint, format, args);
    va_end(args);
    return (int)err->code;
}

void sl_err_clear(struct sl_err *err)
{
    if (err)
        *err = (struct sl_err){0};
}

enum sl_fate sl_err_fate(const struct sl_err *err)
{
    return sl_code_info(err ? err->code : SL_E_INTERNAL)->fate;
}
