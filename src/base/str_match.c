// Likeness of texts: globs and near misses.
#include "base/str.h"

#include <ctype.h>
#include <string.h>

// Longer words are no typing mistakes; also the size of the tables below.
#define LONGEST_WORD 64

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool is_same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

// Damerau-Levenshtein (optimal string alignment): inserting, deleting, replacing a letter or
// swapping two neighbours costs one. Case does not count.
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][LONGEST_WORD + 1];

    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *above_that = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j], row[j - 1]) + 1;
            row[j] = least(row[j], above[j - 1] + !is_same_letter(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && is_same_letter(a[i - 1], b[j - 2]) &&
                is_same_letter(a[i - 2], b[j - 1]))
                row[j] = least(row[j], above_that[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *sl_str_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t length = strlen(word);
    size_t nearest = length / 3 + 1; // first distance that is too far
    const char *found = NULL;

    if (length > LONGEST_WORD)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t candidate_length = strlen(candidates[i]);
        size_t away;

        if (candidate_length > LONGEST_WORD)
            continue;
        away = distance(word, length, candidates[i], candidate_length);
        if (away < nearest) {
            nearest = away;
            found = candidates[i];
        }
    }
    return found;
}

// Matches one character against the set that begins at `set` ("[abc]", "[!a-z]"); *ret_after is
// what follows the set. An unclosed '[' stands for itself.
static bool match_set(const char *set, char c, const char **ret_after)
{
    const char *at = set + 1;
    bool is_negated = *at == '!' || *at == '^';
    bool is_in = false;
    const char *first;

    at += is_negated;
    for (first = at; *at && (*at != ']' || at == first); at++) {
        char low = *at;
        char high = low;

        if (at[1] == '-' && at[2] && at[2] != ']') {
            high = at[2];
            at += 2;
        }
        is_in = is_in ||
                ((unsigned char)c >= (unsigned char)low && (unsigned char)c <= (unsigned char)high);
    }
    if (*at != ']') {
        *ret_after = set + 1;
        return c == '[';
    }
    *ret_after = at + 1;
    return is_in != is_negated;
}

static bool match_one(const char *pattern, char c, const char **ret_after)
{
    if (*pattern == '[')
        return match_set(pattern, c, ret_after);
    *ret_after = pattern + 1;
    return *pattern == '?' || (*pattern != '\0' && *pattern == c);
}

// Going back only to the last '*' is enough: an earlier one could take no character that the last
// cannot.
bool sl_str_glob(const char *pattern, const char *text)
{
    const char *star = NULL;  // pattern after the last '*'
    const char *retry = NULL; // text where that '*' ends for now

    while (*text) {
        const char *after;

        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (match_one(pattern, *text, &after)) {
            pattern = after;
            text++;
        } else if (star) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool sl_str_globs_meet(const char *pattern, const char *texts)
{
    const char *after;

    if (*pattern == '*')
        return sl_str_globs_meet(pattern + 1, texts) ||
               (*texts && sl_str_globs_meet(pattern, texts + 1));
    if (*texts == '*') {
        if (sl_str_globs_meet(pattern, texts + 1))
            return true;
        (void)match_one(pattern, 'x', &after); // one of the characters that '*' stands for
        return *pattern && sl_str_globs_meet(after, texts);
    }
    if (!*pattern || !*texts)
        return *pattern == *texts;
    return match_one(pattern, *texts, &after) && sl_str_globs_meet(after, texts + 1);
}
