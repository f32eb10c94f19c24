// Regular expressions as trees: a part of RE2's syntax (characters, classes, groups, |, repeats, ^
// and $, \d \w \s \pL \pN, (?i) in front). A set of characters has at least those that RE2's has,
// and just those if it has all others or none.
#ifndef SL_BASE_PATTERN_H
#define SL_BASE_PATTERN_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

#define SL_PATTERN_ENDLESS (-1)

// Characters: those of ASCII one by one, all others as one.
struct sl_pattern_set {
    uint64_t ascii[2];
    bool has_others;     // at least some of them
    bool has_all_others; // each of them
};
enum sl_pattern_kind {
    SL_PATTERN_SET,
    SL_PATTERN_ANY, // a set, too: .
    SL_PATTERN_GROUP,
    SL_PATTERN_BEGIN, // ^
    SL_PATTERN_END,   // $
};
struct sl_pattern_branch;
struct sl_pattern_part {
    enum sl_pattern_kind kind;
    struct sl_pattern_set set;
    const char *text;                // the one character of a set in UTF-8; NULL: it is a class
    struct sl_pattern_branch *first; // GROUP
    long least, most;                // how often it stands; most may be SL_PATTERN_ENDLESS
    struct sl_pattern_part *next;
};
struct sl_pattern_branch { // one side of |
    struct sl_pattern_part *first, *last;
    struct sl_pattern_branch *next;
};

bool sl_pattern_set_has(const struct sl_pattern_set *set, unsigned char c);
// *ret is NULL, and *ret_why says why, where the pattern has what is no part of it.
SL_MUST int sl_pattern_parse(const char *pattern, struct sl_arena *arena,
                             struct sl_pattern_branch **ret, const char **ret_why,
                             struct sl_err *err);

#endif
