// Sets of texts as automata, to prove that no text is in two of them. Built out of parts of
// patterns; what is too large is not built.
#ifndef SL_BASE_AUTOMATON_H
#define SL_BASE_AUTOMATON_H

#include "base/pattern.h"
#include "base/str.h"

struct sl_automaton;

enum sl_automaton_reach {
    SL_REACH_WHOLE,    // the whole text is what is given
    SL_REACH_ANYWHERE, // it stands somewhere in the text
    SL_REACH_FRONT,    // the text begins with it
    SL_REACH_BACK,     // the text ends in it
};
// NULL in *ret if the pattern cannot be parsed (src/base/pattern.h) or is too large.
SL_MUST int sl_automaton_of_pattern(const char *pattern, enum sl_automaton_reach reach,
                                    struct sl_arena *arena, struct sl_automaton **ret,
                                    struct sl_err *err);
// One of these texts.
SL_MUST int sl_automaton_of_texts(const struct sl_strs *texts, enum sl_automaton_reach reach,
                                  struct sl_arena *arena, struct sl_automaton **ret,
                                  struct sl_err *err);
// Texts of so many characters; most may be SL_PATTERN_ENDLESS.
SL_MUST int sl_automaton_of_length(int64_t least, int64_t most, struct sl_arena *arena,
                                   struct sl_automaton **ret, struct sl_err *err);
// The texts that are in both; NULL if that is too large.
SL_MUST int sl_automata_meet(const struct sl_automaton *a, const struct sl_automaton *b,
                             struct sl_arena *arena, struct sl_automaton **ret, struct sl_err *err);
// True in *ret if it is proven that no text is in both. False says nothing.
SL_MUST int sl_automata_exclude(const struct sl_automaton *a, const struct sl_automaton *b,
                                struct sl_arena *arena, bool *ret, struct sl_err *err);

#endif
