// Small helpers on NUL-terminated text.
#ifndef SL_BASE_STR_H
#define SL_BASE_STR_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

bool sl_str_equal(const char *a, const char *b);        // NULL equals only NULL
bool sl_str_equal_nocase(const char *a, const char *b); // ASCII
bool sl_str_starts(const char *text, const char *prefix);
bool sl_str_ends(const char *text, const char *suffix);
// True if `text` is NULL or "".
bool sl_str_is_empty(const char *text);
// The candidate nearest to `word` (Damerau-Levenshtein, at most a third of its length away), or
// NULL: "did you mean".
const char *sl_str_nearest(const char *word, const char *const *candidates, size_t count);
// Shell-style match of the whole text: * ? [abc] [!abc]; no special treatment of '/'.
bool sl_str_glob(const char *pattern, const char *text);
// Whether some text matches both the pattern and `texts`, in which only '*' is special.
bool sl_str_globs_meet(const char *pattern, const char *texts);
// Lower-case ASCII letters, digits and single underscores; "_" if nothing is left. For names made
// from file names and headers.
char *sl_str_slug(struct sl_arena *arena, const char *text);
// Whether it is written as a whole decimal number, however large.
bool sl_str_is_whole(const char *text);
// Reads a whole decimal number; false on anything else or on overflow.
bool sl_str_to_int64(const char *text, int64_t *ret);
bool sl_str_to_double(const char *text, double *ret);
// "90d", "15m", "24h", "30s", "2w" -> seconds. False on anything else.
bool sl_str_to_duration(const char *text, int64_t *ret_seconds);
// "4GB", "512MB", "1GiB", "1000" -> bytes. K, M, G, T are powers of 1000; Ki, Mi, Gi, Ti of 1024.
bool sl_str_to_bytes(const char *text, int64_t *ret_bytes);
// 1234567 -> "1,234,567"; buffers of 32 bytes are enough.
const char *sl_str_count(int64_t value, char buffer[32]);
// 1536000 -> "1.5 MB"
const char *sl_str_size(int64_t size_bytes, char buffer[32]);
// 1250 -> "1.25 s", 83000 -> "1 m 23 s"
const char *sl_str_elapsed(int64_t elapsed_ms, char buffer[32]);
// "2 h 10 min", "3 days", "12 s"; buffers of 32 bytes are enough.
const char *sl_str_duration(int64_t seconds, char buffer[32]);

// A list of strings; both levels usually in one arena.
struct sl_strs {
    const char **items;
    size_t count;
};
SL_MUST int sl_strs_add(struct sl_strs *list, struct sl_arena *arena, const char *text,
                        struct sl_err *err);
// A list of its own with the same texts.
SL_MUST int sl_strs_copy(struct sl_strs *ret, const struct sl_strs *from, struct sl_arena *arena,
                         struct sl_err *err);
bool sl_strs_has(const struct sl_strs *list, const char *text);
void sl_strs_sort(struct sl_strs *list);

#endif
