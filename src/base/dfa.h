// A pattern as a table: one look for each byte of a text. Says of each UTF-8 text what RE2 says.
#ifndef SL_BASE_DFA_H
#define SL_BASE_DFA_H

#include "base/arena.h"
#include "base/err.h"

#include <stdint.h>

enum {
    SL_DFA_REFUSES, // whatever follows
    SL_DFA_ACCEPTS, // whatever follows
    SL_DFA_FIRST,   // where a text begins
    SL_DFA_MOST_STATES = 256,
};
struct sl_dfa {
    size_t bytes; // of this and its rows
    size_t count;
    bool accepts[SL_DFA_MOST_STATES]; // where the text ends here
    uint8_t next[][256];              // by state and byte
};

// Texts that have the pattern somewhere. NULL in *ret if it has what base/pattern.h does not know
// or only knows about, or is too large.
SL_MUST int sl_dfa_of_pattern(const char *pattern, struct sl_arena *arena, struct sl_dfa **ret,
                              struct sl_err *err);

static inline bool sl_dfa_matches(const struct sl_dfa *dfa, const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    uint8_t state = SL_DFA_FIRST;

    while (at < end && state >= SL_DFA_FIRST)
        state = dfa->next[state][*at++];
    return dfa->accepts[state];
}

#endif
