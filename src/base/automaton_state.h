// What automata are made of, for those who walk them.
#ifndef SL_BASE_AUTOMATON_STATE_H
#define SL_BASE_AUTOMATON_STATE_H

#include "base/automaton.h"

enum sl_state_kind { SL_STATE_SET, SL_STATE_FORK, SL_STATE_BEGIN, SL_STATE_END, SL_STATE_ACCEPT };
struct sl_state {
    enum sl_state_kind kind;
    struct sl_pattern_set set;
    int next, other; // other: of a fork
};
struct sl_automaton {
    struct sl_state *states;
    size_t count;
    int first;
};

#endif
