#include "base/reserved.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// Of DuckDB's duckdb_keywords(): what is no name of a column without quotes, but for words that
// begin an expression of their own (select, case, cast, not, null, array).
static const char *const reserved[] = {
    "analyse",    "analyze",  "and",        "anti",      "as",        "asc",         "asof",
    "asymmetric", "at",       "binary",     "both",      "by",        "check",       "collate",
    "collation",  "column",   "constraint", "create",    "cross",     "default",     "deferrable",
    "desc",       "describe", "do",         "else",      "end",       "except",      "fetch",
    "for",        "foreign",  "freeze",     "from",      "full",      "generated",   "glob",
    "group",      "having",   "ilike",      "in",        "initially", "inner",       "intersect",
    "into",       "is",       "isnull",     "join",      "lateral",   "leading",     "left",
    "like",       "limit",    "natural",    "notnull",   "offset",    "on",          "only",
    "or",         "order",    "outer",      "overlaps",  "pivot",     "placing",     "positional",
    "primary",    "qualify",  "references", "returning", "right",     "semi",        "show",
    "similar",    "some",     "summarize",  "symmetric", "table",     "tablesample", "then",
    "to",         "trailing", "union",      "unique",    "unpivot",   "using",       "variadic",
    "verbose",    "when",     "where",      "window",    "with",      NULL};

// What a column may stand behind and before, beside signs.
static const char *const before[] = {"select", "distinct", "by",   "where", "and",  "or",
                                     "on",     "not",      "when", "then",  "else", "having",
                                     "case",   "between",  "like", NULL};
static const char *const after[] = {"and",    "or",    "is",    "in",    "as",    "between",
                                    "like",   "from",  "where", "group", "order", "limit",
                                    "having", "asc",   "desc",  "then",  "else",  "when",
                                    "end",    "union", "nulls", "not",   NULL};
#define SIGNS "+-*/%=<>!|"

static bool is_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_one_of(const char *text, size_t length, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == length && strncasecmp(text, *words, length) == 0)
            return true;
    return false;
}

static size_t back_over_blanks(const char *sql, size_t at)
{
    while (at > 0 && isspace((unsigned char)sql[at - 1]))
        at--;
    return at;
}

static size_t back_over_word(const char *sql, size_t at)
{
    while (at > 0 && is_letter(sql[at - 1]))
        at--;
    return at;
}

static bool begins_as_column(const char *sql, size_t at)
{
    size_t end = back_over_blanks(sql, at);
    size_t begin = back_over_word(sql, end);

    if (end == 0 || begin < end)
        return end > 0 && is_one_of(sql + begin, end - begin, before);
    return strchr(",(" SIGNS, sql[end - 1]) != NULL;
}

static bool ends_as_column(const char *sql, size_t at)
{
    size_t length = 0;

    while (isspace((unsigned char)sql[at]))
        at++;
    while (is_letter(sql[at + length]))
        length++;
    if (length)
        return is_one_of(sql + at, length, after);
    return sql[at] == '\0' || strchr(",);:" SIGNS, sql[at]) != NULL;
}

static bool take(const char *sql, size_t begin, char ret[SL_RESERVED_MAX])
{
    size_t length = 0;

    while (is_letter(sql[begin + length]))
        length++;
    if (!length || length >= SL_RESERVED_MAX || !is_one_of(sql + begin, length, reserved) ||
        !begins_as_column(sql, begin) || !ends_as_column(sql, begin + length))
        return false;
    snprintf(ret, SL_RESERVED_MAX, "%.*s", (int)length, sql + begin);
    return true;
}

bool sl_reserved_at(const char *sql, size_t offset, char ret[SL_RESERVED_MAX])
{
    size_t length = strlen(sql);
    size_t at = offset < length ? offset : length;

    // The end of a text that misses something may be behind blanks.
    return take(sql, back_over_word(sql, at), ret) ||
           take(sql, back_over_word(sql, back_over_blanks(sql, at)), ret);
}
