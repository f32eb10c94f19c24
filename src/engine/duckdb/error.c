#include "base/json.h"
#include "base/reserved.h"
#include "base/utf8.h"
#include "engine/duckdb/session.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

// By DuckDB's exception_type. What is not here is the statement's own fault: SL_E_ENGINE.
static const struct kind {
    const char *name;
    enum sl_code code;
} kinds[] = {
    {"INTERRUPT", SL_E_INTERRUPTED},
    {"Out of Memory", SL_E_MEMORY},
    {"IO", SL_E_IO},
    {"Permission", SL_E_NO_PERMISSION},
    {"Missing Extension", SL_E_ENGINE_EXTENSION},
    {"INTERNAL", SL_E_INTERNAL},
    {"FATAL", SL_E_INTERNAL},
};

// Kinds of errors whose messages show values.
static const char *const value_kinds[] = {"Conversion", "Invalid Input", "Out of Range",
                                          "Mismatch Type", "Constraint"};
// The engine spills into nine tenths of what was free on the disk, and counts the rest as memory.
#define NO_ROOM_TO_SPILL "failed to offload data block"

// A file of a database that was detached, while a transaction of another session still has it; or
// that another process has open.
#define STILL_ATTACHED "Unique file handle conflict"
#define OPEN_ELSEWHERE "Could not set lock on file"

#define OWN_FAULT "this is a fault in the engine: say it in other words, and report it"

// Errors of writing have no errno member, only the system's words at their end.
static const struct system_error {
    int number;
    const char *words;
    enum sl_code code;
} system_errors[] = {
    {ENOSPC, "No space left on device", SL_E_NO_SPACE},
    {EDQUOT, "Disk quota exceeded", SL_E_NO_SPACE},
    {EFBIG, "File too large", SL_E_NO_SPACE},
    {EACCES, "Permission denied", SL_E_NO_PERMISSION},
    {EPERM, "Operation not permitted", SL_E_NO_PERMISSION},
    {EROFS, "Read-only file system", SL_E_NO_PERMISSION},
    {ENOENT, "No such file or directory", SL_E_FILE_MISSING},
    {ENOENT, "No files found that match", SL_E_FILE_MISSING},
};

// A commit's own kind of error holds the system's as its text: "Failed to commit: Could not write
// file ...: No space left on device".
static enum sl_code code_of_commit(const char *message)
{
    size_t length = strcspn(message, "\n");

    for (size_t i = 0; i < sizeof system_errors / sizeof *system_errors; i++) {
        size_t size = strlen(system_errors[i].words);
        if (length > size && !strncmp(message + length - size, system_errors[i].words, size))
            return system_errors[i].code;
    }
    return SL_E_ENGINE;
}

static enum sl_code code_of(const char *type, const char *message, int64_t number)
{
    enum sl_code code = SL_E_ENGINE;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (sl_str_equal_nocase(kinds[i].name, type))
            code = kinds[i].code;
    if (strstr(message, NO_ROOM_TO_SPILL))
        return SL_E_NO_SPACE;
    if (strstr(message, STILL_ATTACHED) || strstr(message, OPEN_ELSEWHERE))
        return SL_E_LOCKED;
    if (sl_str_starts(message, "Failed to commit: Could not "))
        return code_of_commit(message);
    if (code != SL_E_IO)
        return code;
    for (size_t i = 0; i < sizeof system_errors / sizeof *system_errors; i++)
        if (system_errors[i].number == number || strstr(message, system_errors[i].words))
            return system_errors[i].code;
    return code;
}

static size_t character_length(const char *text)
{
    size_t length = sl_utf8_length(text, strlen(text));

    return length ? length : 1;
}

// Line and column of a place given as DuckDB does: for syntax errors a count of characters from the
// statement's begin, otherwise of bytes. A place behind the user's part, at our closing bracket,
// means its end.
static void set_place(struct sl_err *err, const struct sl_duckdb_sql *sql, int64_t position,
                      bool is_in_characters)
{
    const char *at = sql->text;
    const char *user = sql->text + sql->prefix_bytes;
    int line = 1;
    int column = 1;

    while (at < user + sql->user_bytes && position > 0) {
        size_t length = character_length(at);
        position -= is_in_characters ? 1 : (int64_t)length;
        if (at >= user) {
            column = *at == '\n' ? 1 : column + 1;
            line += *at == '\n';
        }
        at += length;
    }
    if (at >= user)
        (void)sl_err_at(err, "", line, column);
}

// "select at, x": the word is to be quoted. The place is in characters, as those of all syntax
// errors.
static bool set_reserved_hint(struct sl_err *err, const char *sql, int64_t position)
{
    char word[SL_RESERVED_MAX];
    const char *at = sql;

    for (; *at && position > 0; position--)
        at += character_length(at);
    if (!sl_reserved_at(sql, (size_t)(at - sql), word))
        return false;
    (void)sl_err_hint(err, SL_RESERVED_HINT, word, word);
    return true;
}

// The end of a candidate: a comma inside brackets, as in "upper(a, b)", is not one between two.
static size_t candidate_length(const char *text)
{
    size_t length = 0;
    int depth = 0;

    for (; text[length] && (text[length] != ',' || depth > 0); length++)
        depth += (text[length] == '(') - (text[length] == ')');
    return length;
}

// An operator's signatures help nobody: its sides must be made to fit.
static bool set_operator_hint(struct sl_err *err, const char *signature)
{
    bool is_name =
        signature[0] == '_' || signature[0] == '"' || isalpha((unsigned char)signature[0]);

    if (is_name || !strstr(signature, " -> "))
        return false;
    (void)sl_err_hint(err, "the two sides do not fit: cast one of them, as in x::integer");
    return true;
}

// "did you mean 'a' or 'b'?" from "a, b"; of functions with these names, how they are called.
// System views that merely sound alike, and our own columns of a cleanse, help nobody.
static void set_candidates(struct sl_err *err, const char *candidates)
{
    char text[sizeof err->hint] = "";
    size_t length = 0;
    bool is_signature = strstr(candidates, " -> ") != NULL;

    if (set_operator_hint(err, candidates))
        return;
    while (*candidates) {
        size_t part = candidate_length(candidates);
        bool is_useful = part > 0 && *candidates != '~' && strncmp(candidates, "\"~", 2) != 0 &&
                         strncmp(candidates, "pg_", 3) != 0 &&
                         strncmp(candidates, "duckdb_", 7) != 0 &&
                         strncmp(candidates, "sqlite_", 7) != 0;
        if (is_useful && length + part + 20 < sizeof text)
            length += (size_t)snprintf(text + length, sizeof text - length, "%s'%.*s'",
                                       length ? " or " : "", (int)part, candidates);
        candidates += part + (candidates[part] == ',');
        candidates += strspn(candidates, " ");
    }
    if (length && is_signature)
        (void)sl_err_hint(err, "it is called as %s", text);
    else if (length)
        (void)sl_err_hint(err, "did you mean %s?", text);
}

// What the engine advises to do with the engine, which is not in the user's hands: said in our
// words, or not at all.
static bool set_our_hint(struct sl_err *err, const char *message)
{
    static const char functions[] = "Candidate functions:";
    static const char *const foreign[] = {"SET ", "PRAGMA ", "INSTALL ", "LOAD ", "duckdb.org"};
    const char *rest = message + strcspn(message, "\n");

    if (strstr(message, NO_ROOM_TO_SPILL)) {
        (void)sl_err_hint(err, "what does not fit into memory goes to the disk: make room in the "
                               "folder engine.temp, name one on a larger disk, or give more "
                               "engine.memory");
        return true;
    }
    if (err->code == SL_E_MEMORY) {
        (void)sl_err_hint(err, "give it more with engine.memory in sluice.yml or "
                               "SLUICE_ENGINE_MEMORY=4GB, or let less go on at once: "
                               "engine.threads, concurrency");
        return true;
    }
    if (strstr(rest, "INSTALL ") || err->code == SL_E_ENGINE_EXTENSION) {
        (void)sl_err_hint(err, "extensions of the engine are not loaded at run time: bring the "
                               "data in through a source");
        return true;
    }
    rest += strspn(rest, " \t\n");
    if (sl_str_starts(rest, functions)) {
        rest += strlen(functions);
        if (set_operator_hint(err, rest + strspn(rest, " \t\n")))
            return true;
    }
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strstr(rest, foreign[i]))
            return true;
    return false;
}

// What follows the first line of a message, on one line.
static void set_rest(struct sl_err *err, const char *rest)
{
    char text[sizeof err->hint];
    size_t length = 0;

    for (; *rest && length + 1 < sizeof text; rest++) {
        bool is_blank = *rest == '\n' || *rest == '\t' || *rest == ' ';
        if (is_blank && (length == 0 || text[length - 1] == ' '))
            continue;
        text[length++] = is_blank ? ' ' : *rest;
    }
    while (length > 0 && text[length - 1] == ' ' && !*rest)
        length--;
    text[length] = *rest; // tells whether a character is cut in two
    text[sl_utf8_cut(text, length)] = '\0';
    if (text[0])
        (void)sl_err_hint(err, "%s", text);
}

static int fail_json(struct sl_err *err, const json_t *json, const struct sl_duckdb_sql *sql)
{
    const char *type = sl_json_text(json, "exception_type", "");
    const char *message = sl_json_text(json, "exception_message", "");
    const char *candidates = sl_json_text(json, "candidates", "");
    size_t length = strcspn(message, "\n");
    int64_t number = 0;
    int64_t position = -1;
    enum sl_code code;

    (void)sl_str_to_int64(sl_json_text(json, "errno", "0"), &number);
    (void)sl_str_to_int64(sl_json_text(json, "position", "-1"), &position);
    code = code_of(type, message, number);
    while (length > 0 && (message[length - 1] == '!' || message[length - 1] == '.'))
        length--;
    (void)sl_fail(err, code, "%.*s", (int)length, message);
    for (size_t i = 0; err && i < sizeof value_kinds / sizeof *value_kinds; i++)
        if (sl_str_equal(type, value_kinds[i]))
            snprintf(err->value_kind, sizeof err->value_kind, "%s", value_kinds[i]);
    // An error of the machine has no place in the SQL, though DuckDB gives that of the function.
    if (err && sql->user_bytes && position >= 0 && code == SL_E_ENGINE)
        set_place(err, sql, position, sl_str_equal(type, "Parser"));
    if (!err || set_our_hint(err, message))
        return (int)code;
    if (code == SL_E_INTERNAL) // what follows is the engine's stack, which helps nobody here
        return sl_err_hint(err, OWN_FAULT);
    if (position >= 0 && sl_str_equal(type, "Parser") &&
        set_reserved_hint(err, sql->text, position))
        return (int)code;
    if (candidates[0])
        set_candidates(err, candidates);
    else
        set_rest(err, message + strcspn(message, "\n"));
    return (int)code;
}

// "INTERNAL Error: words\n\nStack Trace:\n...": some errors of the parser come without their
// object.
static int fail_plain(struct sl_err *err, const char *message)
{
    size_t length = strcspn(message, "\n");

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t size = strlen(kinds[i].name);
        if (kinds[i].code != SL_E_INTERNAL || strncmp(message, kinds[i].name, size) != 0 ||
            !sl_str_starts(message + size, " Error: "))
            continue;
        size += strlen(" Error: ");
        while (length > size && (message[length - 1] == '!' || message[length - 1] == '.'))
            length--;
        (void)sl_fail(err, SL_E_INTERNAL, "%.*s", (int)(length - size), message + size);
        return sl_err_hint(err, OWN_FAULT);
    }
    const char *stack = strstr(message, "\nStack Trace:");
    length = stack ? (size_t)(stack - message) : strlen(message);
    while (length > 0 && message[length - 1] == '\n')
        length--;
    return sl_fail(err, SL_E_ENGINE, "%.*s", (int)length, message);
}

int sl_duckdb_fail(struct sl_err *err, const char *message, const struct sl_duckdb_sql *sql)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    const char *brace = message ? strchr(message, '{') : NULL;

    if (!message)
        return sl_fail_memory(err);
    // "Parser Error: {...}"; other errors are the object alone.
    if (brace && sl_json_parse(brace, strlen(brace), "", &json, NULL) == SL_OK &&
        json_object_get(json, "exception_type"))
        return fail_json(err, json, sql);
    return fail_plain(err, message);
}
