// States of the table are sets of states of the automaton (Rabin and Scott, "Finite automata and
// their decision problems", 1959). All characters beyond ASCII are one: the first byte of one is
// read as it, and its others leave the state as it is.
#include "base/dfa.h"

#include "base/automaton_state.h"

#include <string.h>

enum {
    MOST_OF_AUTOMATON = 1024,
    OTHERS = 128,
    SYMBOLS,
};

struct maker {
    const struct sl_automaton *automaton;
    struct sl_arena *arena;
    struct sl_dfa *dfa;
    size_t words;   // of a set
    uint64_t *sets; // by state of the table
    int *open;      // of a closure
    uint64_t *seen; // all states that a closure met
    uint8_t class_of[SYMBOLS];
    unsigned char symbol_of[SYMBOLS]; // one of each class
    size_t class_count;
};

static bool has_bit(const uint64_t *set, int state)
{
    return set[state / 64] >> (state % 64) & 1;
}

// The first state of the set that is not before `from`; -1 if there is none.
static int next_of(const struct maker *maker, const uint64_t *set, int from)
{
    for (size_t word = (size_t)from / 64; word < maker->words; word++) {
        uint64_t left = set[word];
        if (word == (size_t)from / 64)
            left &= UINT64_MAX << (from % 64);
        if (left)
            return (int)word * 64 + __builtin_ctzll(left);
    }
    return -1;
}

// Whether the state was not met before; then it is open.
static void meet(struct maker *maker, int state, size_t *open_count)
{
    if (has_bit(maker->seen, state))
        return;
    maker->seen[state / 64] |= UINT64_C(1) << (state % 64);
    maker->open[(*open_count)++] = state;
}

// Adds to `set` what is reached from `state` without reading: characters, ends of the text and the
// accepting state. True if that is reached.
static bool close_over(struct maker *maker, int from, bool is_begin, bool is_end, uint64_t *set)
{
    size_t open_count = 0;
    bool accepts = false;

    meet(maker, from, &open_count);
    while (open_count > 0) {
        int at = maker->open[--open_count];
        const struct sl_state *state = &maker->automaton->states[at];
        if (state->kind == SL_STATE_SET || state->kind == SL_STATE_ACCEPT ||
            (state->kind == SL_STATE_END && !is_end)) {
            if (set)
                set[at / 64] |= UINT64_C(1) << (at % 64);
            accepts |= state->kind == SL_STATE_ACCEPT;
        } else if (state->kind != SL_STATE_BEGIN || is_begin) {
            meet(maker, state->next, &open_count);
            if (state->kind == SL_STATE_FORK)
                meet(maker, state->other, &open_count);
        }
    }
    return accepts;
}

static void forget_seen(struct maker *maker)
{
    memset(maker->seen, 0, maker->words * sizeof *maker->seen);
}

static bool accepts_at_end(struct maker *maker, const uint64_t *set, bool is_begin)
{
    bool accepts = false;

    forget_seen(maker);
    for (int i = next_of(maker, set, 0); i >= 0; i = next_of(maker, set, i + 1))
        accepts |= close_over(maker, i, is_begin, true, NULL);
    return accepts;
}

static uint64_t *set_of(const struct maker *maker, size_t state)
{
    return &maker->sets[state * maker->words];
}

// The number of the state that stands for what lies in the set behind the last; 0 if there is no
// room for it. The first state is never met again: ^ holds there alone.
static uint8_t number_of(struct maker *maker, bool accepts)
{
    struct sl_dfa *dfa = maker->dfa;
    const uint64_t *set = set_of(maker, dfa->count);

    if (accepts)
        return SL_DFA_ACCEPTS;
    for (size_t i = SL_DFA_FIRST + 1; i < dfa->count; i++)
        if (memcmp(set_of(maker, i), set, maker->words * sizeof *set) == 0)
            return (uint8_t)i;
    dfa->accepts[dfa->count] = accepts_at_end(maker, set, dfa->count == SL_DFA_FIRST);
    return (uint8_t)dfa->count++;
}

// Characters that no set of the automaton tells apart are one class.
static void classify(struct maker *maker)
{
    maker->class_count = 1;
    for (size_t i = 0; i < maker->automaton->count; i++) {
        const struct sl_state *state = &maker->automaton->states[i];
        int inside[SYMBOLS];
        if (state->kind != SL_STATE_SET)
            continue;
        memset(inside, -1, sizeof inside);
        // A class of which some are in the set and some are not is split.
        bool has_out[SYMBOLS] = {false};
        for (int c = 0; c < SYMBOLS; c++)
            has_out[maker->class_of[c]] |= !sl_pattern_set_has(&state->set, (unsigned char)c);
        for (int c = 0; c < SYMBOLS; c++) {
            uint8_t own = maker->class_of[c];
            if (!has_out[own] || !sl_pattern_set_has(&state->set, (unsigned char)c))
                continue;
            if (inside[own] < 0)
                inside[own] = (int)maker->class_count++;
            maker->class_of[c] = (uint8_t)inside[own];
        }
    }
    for (int c = 0; c < SYMBOLS; c++)
        maker->symbol_of[maker->class_of[c]] = (unsigned char)c;
}

static bool gather(struct maker *maker, size_t from, unsigned char symbol)
{
    uint64_t *set = set_of(maker, maker->dfa->count);
    bool accepts = false;

    memset(set, 0, maker->words * sizeof *set);
    forget_seen(maker);
    for (int i = next_of(maker, set_of(maker, from), 0); i >= 0;
         i = next_of(maker, set_of(maker, from), i + 1)) {
        const struct sl_state *state = &maker->automaton->states[i];
        if (state->kind == SL_STATE_SET && sl_pattern_set_has(&state->set, symbol))
            accepts |= close_over(maker, state->next, false, false, set);
    }
    return accepts;
}

// False if there are too many states.
static bool make_row(struct maker *maker, size_t state)
{
    uint8_t *row = maker->dfa->next[state];
    uint8_t by_class[SYMBOLS];

    for (size_t i = 0; i < maker->class_count; i++) {
        bool accepts = gather(maker, state, maker->symbol_of[i]);
        by_class[i] = number_of(maker, accepts);
        if (maker->dfa->count == SL_DFA_MOST_STATES)
            return false;
    }
    for (int byte = 0; byte < 256; byte++)
        if ((byte & 0xC0) == 0x80)
            row[byte] = (uint8_t)state;
        else
            row[byte] = by_class[maker->class_of[byte < OTHERS ? byte : OTHERS]];
    return true;
}

static bool make_rows(struct maker *maker)
{
    struct sl_dfa *dfa = maker->dfa;
    uint64_t *first = set_of(maker, SL_DFA_FIRST);

    dfa->count = SL_DFA_FIRST;
    dfa->accepts[SL_DFA_ACCEPTS] = true;
    memset(dfa->next[SL_DFA_ACCEPTS], SL_DFA_ACCEPTS, sizeof *dfa->next);
    forget_seen(maker);
    if (close_over(maker, maker->automaton->first, true, false, first)) {
        // Any text has it: one state that is never left for another.
        dfa->accepts[dfa->count] = true;
        memset(dfa->next[dfa->count++], SL_DFA_ACCEPTS, sizeof *dfa->next);
        return true;
    }
    (void)number_of(maker, false);
    for (size_t i = SL_DFA_FIRST; i < dfa->count; i++)
        if (!make_row(maker, i))
            return false;
    return true;
}

// States from which no text is accepted are left for the one that refuses.
static void drop_dead(struct sl_dfa *dfa)
{
    bool is_alive[SL_DFA_MOST_STATES];

    memcpy(is_alive, dfa->accepts, sizeof is_alive);
    for (bool is_changed = true; is_changed;) {
        is_changed = false;
        for (size_t i = dfa->count - 1; i >= SL_DFA_FIRST; i--)
            for (int byte = 0; byte < 256 && !is_alive[i]; byte++)
                is_changed |= is_alive[i] = is_alive[dfa->next[i][byte]];
    }
    for (size_t i = SL_DFA_FIRST; i < dfa->count; i++)
        for (int byte = 0; byte < 256; byte++)
            if (!is_alive[dfa->next[i][byte]])
                dfa->next[i][byte] = SL_DFA_REFUSES;
}

// All sets of characters are just what RE2's are.
static bool is_exact(const struct sl_automaton *automaton)
{
    for (size_t i = 0; i < automaton->count; i++) {
        const struct sl_state *state = &automaton->states[i];
        if (state->kind == SL_STATE_SET && state->set.has_others != state->set.has_all_others)
            return false;
    }
    return true;
}

int sl_dfa_of_pattern(const char *pattern, struct sl_arena *arena, struct sl_dfa **ret,
                      struct sl_err *err)
{
    struct sl_automaton *automaton;
    struct maker maker = {.arena = arena};
    size_t bytes = sizeof(struct sl_dfa) + (size_t)SL_DFA_MOST_STATES * 256;

    *ret = NULL;
    SL_TRY(sl_automaton_of_pattern(pattern, SL_REACH_BACK, arena, &automaton, err));
    if (!automaton || automaton->count > MOST_OF_AUTOMATON || !is_exact(automaton))
        return SL_OK;
    maker.automaton = automaton;
    maker.words = automaton->count / 64 + 1;
    size_t all_words = maker.words * (SL_DFA_MOST_STATES + 1);
    maker.dfa = sl_arena_alloc(arena, bytes);
    maker.sets = SL_NEW_ARRAY(arena, uint64_t, all_words);
    maker.open = SL_NEW_ARRAY(arena, int, automaton->count);
    maker.seen = SL_NEW_ARRAY(arena, uint64_t, maker.words);
    SL_TRY_NEW(maker.dfa && maker.sets && maker.open && maker.seen ? maker.dfa : NULL, err);
    classify(&maker);
    if (!make_rows(&maker))
        return SL_OK;
    drop_dead(maker.dfa);
    maker.dfa->bytes = sizeof(struct sl_dfa) + maker.dfa->count * 256;
    *ret = maker.dfa;
    return SL_OK;
}
