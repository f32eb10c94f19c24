#include "base/str.h"
#include "sql/star.h"

#include <ctype.h>
#include <fnmatch.h>
#include <regex.h>
#include <string.h>

static const char *constant_text(const struct sl_ast *node)
{
    const struct sl_ast *value = sl_ast_get(node, "value");

    if (!sl_ast_is_class(node, "CONSTANT") ||
        !sl_ast_is(sl_ast_get(value, "type"), "id", "VARCHAR"))
        return NULL;
    return sl_ast_get(value, "value") ? sl_ast_text(value, "value") : NULL;
}

// Only what POSIX and RE2 read alike.
static bool is_plain_regex(const char *text)
{
    if (strchr(text, '\\') || strstr(text, "(?") || strstr(text, "[:") || strstr(text, "[^]") ||
        strstr(text, "[]"))
        return false;
    for (; *text; text++)
        if (strchr("*+?}", *text) && text[1] && strchr("*+?{", text[1]))
            return false; // lazy and possessive forms
    return true;
}

static struct sl_sql_pattern regex_pattern(enum sl_sql_pattern_kind kind, const char *text)
{
    struct sl_sql_pattern pattern = {.kind = kind, .text = text};
    regex_t compiled;

    if (!text || !is_plain_regex(text) || regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) != 0) {
        pattern.kind = SL_SQL_PATTERN_UNKNOWN;
        return pattern;
    }
    regfree(&compiled);
    return pattern;
}

struct sl_sql_pattern sl_sql_columns_pattern(const struct sl_ast *star)
{
    struct sl_sql_pattern pattern = {.kind = SL_SQL_PATTERN_ALL};
    const struct sl_ast *expr = sl_ast_get(star, "expr");

    if (!expr)
        return pattern;
    if (constant_text(expr))
        return regex_pattern(SL_SQL_PATTERN_REGEX, constant_text(expr));
    pattern.kind = SL_SQL_PATTERN_UNKNOWN;
    if (!sl_ast_is(expr, "function_name", "list_value"))
        return pattern;
    pattern.names = sl_ast_get(expr, "children");
    for (const struct sl_ast *name = sl_ast_first(pattern.names); name; name = name->next)
        if (!constant_text(name))
            return pattern;
    pattern.kind = SL_SQL_PATTERN_NAMES;
    return pattern;
}

struct sl_sql_pattern sl_sql_call_pattern(const struct sl_ast *call)
{
    static const struct {
        const char *function;
        struct sl_sql_pattern pattern;
    } forms[] = {
        {"~~", {.kind = SL_SQL_PATTERN_LIKE}},
        {"!~~", {.kind = SL_SQL_PATTERN_LIKE, .is_negated = true}},
        {"~~*", {.kind = SL_SQL_PATTERN_LIKE, .ignores_case = true}},
        {"!~~*", {.kind = SL_SQL_PATTERN_LIKE, .is_negated = true, .ignores_case = true}},
        {"~~~", {.kind = SL_SQL_PATTERN_GLOB}},
    };
    struct sl_sql_pattern unknown = {.kind = SL_SQL_PATTERN_UNKNOWN};
    const struct sl_ast *children = sl_ast_get(call, "children");
    const char *text = sl_ast_count(children) == 2 ? constant_text(children->first->next) : NULL;

    if (!text)
        return unknown;
    if (sl_ast_is(call, "function_name", "regexp_full_match"))
        return regex_pattern(SL_SQL_PATTERN_FULL_REGEX, text);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (sl_ast_is(call, "function_name", forms[i].function)) {
            unknown = forms[i].pattern;
            unknown.text = text;
        }
    return unknown;
}

static bool is_same(char pattern, char c, bool ignores_case)
{
    return pattern == '_' || pattern == c ||
           (ignores_case && tolower((unsigned char)pattern) == tolower((unsigned char)c));
}

// On a mismatch the last % takes one character more.
static bool like(const char *pattern, const char *name, bool ignores_case)
{
    const char *after_percent = NULL, *taken = NULL;

    while (*name) {
        if (*pattern == '%') {
            after_percent = ++pattern;
            taken = name;
        } else if (*pattern && is_same(*pattern, *name, ignores_case)) {
            pattern++;
            name++;
        } else if (after_percent) {
            pattern = after_percent;
            name = ++taken;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "%")] == '\0';
}

static bool finds(const char *regex, const char *name, bool is_whole)
{
    regex_t compiled;
    regmatch_t match;
    bool is_found;

    if (regcomp(&compiled, regex, REG_EXTENDED) != 0)
        return false;
    is_found = regexec(&compiled, name, 1, &match, 0) == 0;
    regfree(&compiled);
    // The longest match from the first place where there is one: the whole name, if that matches at
    // all.
    return is_found && (!is_whole || (match.rm_so == 0 && name[match.rm_eo] == '\0'));
}

static bool is_listed(const struct sl_ast *names, const char *name)
{
    for (const struct sl_ast *item = sl_ast_first(names); item; item = item->next)
        if (sl_str_equal_nocase(constant_text(item), name))
            return true;
    return false;
}

static bool takes(const struct sl_sql_pattern *pattern, const char *name)
{
    switch (pattern->kind) {
    case SL_SQL_PATTERN_ALL:
        return true;
    case SL_SQL_PATTERN_LIKE:
        return like(pattern->text, name, pattern->ignores_case);
    case SL_SQL_PATTERN_GLOB:
        return fnmatch(pattern->text, name, 0) == 0;
    case SL_SQL_PATTERN_REGEX:
        return finds(pattern->text, name, false);
    case SL_SQL_PATTERN_FULL_REGEX:
        return finds(pattern->text, name, true);
    case SL_SQL_PATTERN_NAMES:
        return is_listed(pattern->names, name);
    case SL_SQL_PATTERN_UNKNOWN:
        return false;
    }
    return false;
}

bool sl_sql_pattern_takes(const struct sl_sql_pattern *pattern, const char *name)
{
    return takes(pattern, name) != pattern->is_negated;
}

bool sl_sql_is_struct(const char *type)
{
    return type && sl_str_starts(type, "STRUCT(") && sl_str_ends(type, ")");
}

// The end of a name at `at`, quoted or not.
static const char *skip_name(const char *at)
{
    if (*at != '"')
        return at + strcspn(at, " ");
    for (at++; *at && (*at != '"' || at[1] == '"'); at++)
        if (*at == '"')
            at++;
    return *at ? at + 1 : at;
}

static const char *unquote(struct sl_arena *arena, const char *begin, const char *end)
{
    char *name = sl_arena_strndup(arena, begin, (size_t)(end - begin));
    char *to = name;

    if (!name || *name != '"')
        return name;
    for (const char *from = name + 1; *from && from[1]; from++) {
        *to++ = *from;
        if (*from == '"')
            from++;
    }
    *to = '\0';
    return name;
}

// The end of a type: the next comma or bracket that is not inside it.
static const char *skip_type(const char *at)
{
    int depth = 0;

    for (; *at && (depth > 0 || (*at != ',' && *at != ')')); at++) {
        if (*at == '"') {
            at = skip_name(at) - 1;
            continue;
        }
        depth += *at == '(';
        depth -= *at == ')';
    }
    return at;
}

int sl_sql_struct_members(struct sl_arena *arena, const char *type, struct sl_strs *ret_names,
                          struct sl_strs *ret_types, struct sl_err *err)
{
    struct sl_strs names = {0}, types = {0};

    *ret_names = *ret_types = names;
    if (!sl_sql_is_struct(type))
        return SL_OK;
    for (const char *at = type + strlen("STRUCT("); *at;) {
        const char *end = skip_name(at);
        const char *name = unquote(arena, at, end);
        const char *begin = *end == ' ' ? end + 1 : "";

        SL_TRY_NEW(name, err);
        SL_TRY(sl_strs_add(&names, arena, name, err));
        at = skip_type(begin);
        begin = sl_arena_strndup(arena, begin, (size_t)(at - begin));
        SL_TRY_NEW(begin, err);
        SL_TRY(sl_strs_add(&types, arena, begin, err));
        if (strcmp(at, ")") == 0) {
            *ret_names = names;
            *ret_types = types;
        }
        at += strspn(at, *at == ')' ? ")" : ", ");
    }
    return SL_OK;
}

int sl_sql_struct_names(struct sl_arena *arena, const char *type, struct sl_strs *ret,
                        struct sl_err *err)
{
    struct sl_strs types;

    return sl_sql_struct_members(arena, type, ret, &types, err);
}
