#include "base/matches.h"

#include "base/dfa.h"

#include <string.h>

#define TABLE_FUNCTION "\"" SL_MATCHES_FUNCTION "\""

// Whether each "|" of a pattern that begins with ^ and ends in $ stands in one group between them.
static bool has_one_branch(const char *pattern, size_t length)
{
    const char *group = pattern + 1, *end = pattern + length - 2;

    if (!strchr(pattern, '|'))
        return true;
    return length > 4 && *group == '(' && *end == ')' &&
           !memchr(group + 1, ')', (size_t)(end - group - 1)) &&
           !memchr(group + 1, '(', (size_t)(end - group - 1));
}

// Only what is plain to see: ^ and $ hold for the whole pattern, and are no characters.
static bool takes_whole_text(const char *pattern)
{
    size_t length = strlen(pattern);

    if (length < 3 || pattern[0] != '^' || strchr("*+?{", pattern[1]) ||
        pattern[length - 1] != '$' || pattern[length - 2] == '\\' || strstr(pattern, "\\Q"))
        return false;
    for (const char *at = strstr(pattern, "(?"); at; at = strstr(at + 1, "(?"))
        if (at[2] != ':') // flags
            return false;
    return has_one_branch(pattern, length);
}

static bool has_table(const char *pattern)
{
    struct sl_arena arena;
    struct sl_dfa *dfa;

    sl_arena_init(&arena, 0);
    bool has_one = sl_dfa_of_pattern(pattern, &arena, &dfa, NULL) == SL_OK && dfa;
    sl_arena_clear(&arena);
    return has_one;
}

static void add_call(struct sl_buf *buf, const char *function, const char *text,
                     const char *pattern)
{
    sl_buf_addf(buf, "%s(%s, ", function, text);
    sl_buf_add_sql_string(buf, pattern);
    sl_buf_add_char(buf, ')');
}

void sl_buf_add_sql_matches(struct sl_buf *buf, const char *text, const char *pattern)
{
    const char *function = has_table(pattern)          ? TABLE_FUNCTION
                           : takes_whole_text(pattern) ? "regexp_full_match"
                                                       : "regexp_matches";
    add_call(buf, function, text, pattern);
}

void sl_buf_add_sql_matches_whole(struct sl_buf *buf, const char *text, const char *pattern)
{
    SL_AUTO(sl_buf_clear) struct sl_buf whole = SL_BUF_INIT;

    sl_buf_addf(&whole, "^(?:%s)$", pattern);
    bool is_table = has_table(whole.text);
    add_call(buf, is_table ? TABLE_FUNCTION : "regexp_full_match", text,
             is_table ? whole.text : pattern);
}
