// After Thompson, "Regular expression search algorithm" (1968): one state for each character of the
// pattern, made from its end to its beginning. Two automata read the same text side by side; if no
// pair of states in which both accept can be reached, no text is in both.
#include "base/automaton_state.h"

#include <stdlib.h>
#include <string.h>

#define MOST_STATES 6000
#define MOST_PAIRS ((size_t)1 << 22)
#define MOST_PRODUCT 100000 // states of two automata as one

struct builder {
    struct sl_automaton *automaton;
    struct sl_arena *arena;
    bool is_out;   // of memory
    bool is_large; // too many states
};

static int add_state(struct builder *builder, struct sl_state state)
{
    struct sl_automaton *automaton = builder->automaton;
    if (builder->is_out || builder->is_large)
        return 0;
    builder->is_large = automaton->count >= MOST_STATES;
    builder->is_out =
        !builder->is_large && !SL_PUSH(builder->arena, automaton->states, automaton->count, state);
    return (int)automaton->count - 1;
}

static int add_branches(struct builder *builder, const struct sl_pattern_branch *first, int next);

static int add_atom(struct builder *builder, const struct sl_pattern_part *part, int next)
{
    switch (part->kind) {
    case SL_PATTERN_SET:
    case SL_PATTERN_ANY:
        return add_state(builder, (struct sl_state){SL_STATE_SET, part->set, next, -1});
    case SL_PATTERN_GROUP:
        return add_branches(builder, part->first, next);
    case SL_PATTERN_BEGIN:
        return add_state(builder, (struct sl_state){.kind = SL_STATE_BEGIN, .next = next});
    case SL_PATTERN_END:
        return add_state(builder, (struct sl_state){.kind = SL_STATE_END, .next = next});
    }
    return next;
}

static int add_part(struct builder *builder, const struct sl_pattern_part *part, int next)
{
    if (part->most == SL_PATTERN_ENDLESS) {
        int fork = add_state(builder, (struct sl_state){.kind = SL_STATE_FORK, .next = next});
        int body = add_atom(builder, part, fork);
        if (!builder->is_out && !builder->is_large)
            builder->automaton->states[fork].other = body;
        next = fork;
    }
    for (long i = part->least; i < part->most && !builder->is_large && !builder->is_out; i++) {
        int body = add_atom(builder, part, next);
        if (body == next) // an empty group
            break;
        next = add_state(builder,
                         (struct sl_state){.kind = SL_STATE_FORK, .next = next, .other = body});
    }
    for (long i = 0; i < part->least && !builder->is_large && !builder->is_out; i++) {
        int body = add_atom(builder, part, next);
        if (body == next)
            break;
        next = body;
    }
    return next;
}

// Parts are linked forwards, and states are made backwards.
static int add_parts(struct builder *builder, const struct sl_pattern_part *part, int next)
{
    const struct sl_pattern_part **parts = NULL;
    size_t count = 0;
    for (; part; part = part->next)
        if (!SL_PUSH(builder->arena, parts, count, part))
            builder->is_out = true;
    while (count && !builder->is_out)
        next = add_part(builder, parts[--count], next);
    return next;
}

static int add_branches(struct builder *builder, const struct sl_pattern_branch *first, int next)
{
    int begin = add_parts(builder, first->first, next);
    for (first = first->next; first; first = first->next) {
        int other = add_parts(builder, first->first, next);
        begin = add_state(builder,
                          (struct sl_state){.kind = SL_STATE_FORK, .next = begin, .other = other});
    }
    return begin;
}

static struct sl_pattern_part any_part(long least, long most)
{
    return (struct sl_pattern_part){.kind = SL_PATTERN_ANY,
                                    .set = {{UINT64_MAX, UINT64_MAX}, true, true},
                                    .least = least,
                                    .most = most};
}

static int build(const struct sl_pattern_branch *first, enum sl_automaton_reach reach,
                 struct sl_arena *arena, struct sl_automaton **ret, struct sl_err *err)
{
    struct sl_automaton *automaton = SL_NEW(arena, struct sl_automaton);
    struct builder builder = {.automaton = automaton, .arena = arena};
    const struct sl_pattern_part rest = any_part(0, SL_PATTERN_ENDLESS);
    SL_TRY_NEW(automaton, err);
    int state = add_state(&builder, (struct sl_state){.kind = SL_STATE_ACCEPT});
    if (reach == SL_REACH_ANYWHERE || reach == SL_REACH_FRONT)
        state = add_part(&builder, &rest, state);
    state = add_branches(&builder, first, state);
    if (reach == SL_REACH_ANYWHERE || reach == SL_REACH_BACK)
        state = add_part(&builder, &rest, state);
    automaton->first = state;
    if (builder.is_out)
        return sl_fail_memory(err);
    *ret = builder.is_large ? NULL : automaton;
    return SL_OK;
}

int sl_automaton_of_pattern(const char *pattern, enum sl_automaton_reach reach,
                            struct sl_arena *arena, struct sl_automaton **ret, struct sl_err *err)
{
    struct sl_pattern_branch *first;
    const char *why;
    *ret = NULL;
    SL_TRY(sl_pattern_parse(pattern, arena, &first, &why, err));
    return first ? build(first, reach, arena, ret, err) : SL_OK;
}

static size_t character_bytes(const char *text)
{
    size_t length = 1;
    while (((unsigned char)text[length] & 0xC0) == 0x80)
        length++;
    return length;
}

static int spell(const char *text, struct sl_arena *arena, struct sl_pattern_branch *ret,
                 struct sl_err *err)
{
    while (*text) {
        struct sl_pattern_part *part = SL_NEW(arena, struct sl_pattern_part);
        unsigned char c = (unsigned char)*text;
        SL_TRY_NEW(part, err);
        *part = (struct sl_pattern_part){.least = 1, .most = 1};
        part->set.has_others = c >= 128;
        if (c < 128)
            part->set.ascii[c / 64] = UINT64_C(1) << (c % 64);
        if (ret->last)
            ret->last->next = part;
        else
            ret->first = part;
        ret->last = part;
        text += character_bytes(text);
    }
    return SL_OK;
}

int sl_automaton_of_texts(const struct sl_strs *texts, enum sl_automaton_reach reach,
                          struct sl_arena *arena, struct sl_automaton **ret, struct sl_err *err)
{
    struct sl_pattern_branch *branches =
        SL_NEW_ARRAY(arena, struct sl_pattern_branch, texts->count);
    *ret = NULL;
    SL_TRY_NEW(branches, err);
    for (size_t i = 0; i < texts->count; i++) {
        branches[i] = (struct sl_pattern_branch){0};
        SL_TRY(spell(texts->items[i], arena, &branches[i], err));
        branches[i].next = i + 1 < texts->count ? &branches[i + 1] : NULL;
    }
    return texts->count ? build(branches, reach, arena, ret, err) : SL_OK;
}

int sl_automaton_of_length(int64_t least, int64_t most, struct sl_arena *arena,
                           struct sl_automaton **ret, struct sl_err *err)
{
    bool is_endless = most > MOST_STATES || most == SL_PATTERN_ENDLESS; // more than are asked for
    *ret = NULL;
    if (least < 0 || least > MOST_STATES || (!is_endless && most < least))
        return SL_OK;
    struct sl_pattern_part any =
        any_part((long)least, is_endless ? SL_PATTERN_ENDLESS : (long)most);
    const struct sl_pattern_branch whole = {.first = &any, .last = &any};
    return build(&whole, SL_REACH_WHOLE, arena, ret, err);
}

// --- Two of them side by side ---

// Where the text stands: ^ holds before its first character, $ behind its last.
enum phase { AT_BEGIN, AMIDST, AT_END, IS_EMPTY, PHASES };
struct pair {
    int a, b;
    enum phase phase;
};
struct walk {
    const struct sl_automaton *a, *b;
    struct sl_arena *arena;
    uint64_t *seen;
    struct pair *open;
    size_t open_count; // all that were ever open
    bool is_out;
};

static void visit(struct walk *walk, int a, int b, enum phase phase)
{
    size_t at = ((size_t)a * walk->b->count + (size_t)b) * PHASES + phase;
    uint64_t bit = UINT64_C(1) << (at % 64);
    struct pair pair = {a, b, phase};
    if (walk->seen[at / 64] & bit)
        return;
    walk->seen[at / 64] |= bit;
    walk->is_out |= !SL_PUSH(walk->arena, walk->open, walk->open_count, pair);
}

static enum phase ended(enum phase phase)
{
    return phase == AT_BEGIN || phase == IS_EMPTY ? IS_EMPTY : AT_END;
}

// What one of the two does without reading a character; false if it waits for one.
static bool move_alone(struct walk *walk, struct pair pair, bool is_a)
{
    const struct sl_state *state = is_a ? &walk->a->states[pair.a] : &walk->b->states[pair.b];
    enum phase phase = pair.phase;
    if (state->kind == SL_STATE_SET || state->kind == SL_STATE_ACCEPT)
        return false;
    if (state->kind == SL_STATE_BEGIN && phase != AT_BEGIN && phase != IS_EMPTY)
        return true;
    if (state->kind == SL_STATE_END)
        phase = ended(phase);
    visit(walk, is_a ? state->next : pair.a, is_a ? pair.b : state->next, phase);
    if (state->kind == SL_STATE_FORK)
        visit(walk, is_a ? state->other : pair.a, is_a ? pair.b : state->other, phase);
    return true;
}

// True if both accept here.
static bool step(struct walk *walk, struct pair pair)
{
    const struct sl_state *a = &walk->a->states[pair.a], *b = &walk->b->states[pair.b];
    if (move_alone(walk, pair, true) || move_alone(walk, pair, false))
        return false;
    if (a->kind == SL_STATE_ACCEPT || b->kind == SL_STATE_ACCEPT)
        return a->kind == b->kind;
    bool have_one = (a->set.ascii[0] & b->set.ascii[0]) || (a->set.ascii[1] & b->set.ascii[1]) ||
                    (a->set.has_others && b->set.has_others);
    if (have_one && (pair.phase == AT_BEGIN || pair.phase == AMIDST))
        visit(walk, a->next, b->next, AMIDST);
    return false;
}

int sl_automata_exclude(const struct sl_automaton *a, const struct sl_automaton *b,
                        struct sl_arena *arena, bool *ret, struct sl_err *err)
{
    struct walk walk = {.a = a, .b = b, .arena = arena};
    size_t bits = a->count * b->count * PHASES;
    bool is_met = false;
    *ret = false;
    if (bits > MOST_PAIRS)
        return SL_OK;
    walk.seen = SL_NEW_ARRAY(arena, uint64_t, bits / 64 + 1);
    SL_TRY_NEW(walk.seen, err);
    memset(walk.seen, 0, (bits / 64 + 1) * sizeof *walk.seen);
    visit(&walk, a->first, b->first, AT_BEGIN);
    for (size_t i = 0; i < walk.open_count && !is_met && !walk.is_out; i++)
        is_met = step(&walk, walk.open[i]);
    if (walk.is_out)
        return sl_fail_memory(err);
    *ret = !is_met;
    return SL_OK;
}

// --- Two of them as one

struct product {
    const struct sl_automaton *a, *b;
    struct sl_arena *arena;
    struct sl_automaton *whole;
    int *numbers; // of the pair of states: 1 + its state in the whole; 0: none yet
    struct pair *pairs;
    size_t pair_count; // as many as states
    bool is_out;
};

static int number_of(struct product *product, int a, int b)
{
    int *number = &product->numbers[(size_t)a * product->b->count + (size_t)b];
    struct pair pair = {a, b, AMIDST};
    if (*number || product->is_out)
        return *number - 1;
    product->is_out = !SL_PUSH(product->arena, product->pairs, product->pair_count, pair);
    *number = (int)product->pair_count;
    return *number - 1;
}

// What one of them does without reading comes first; then both read the same character.
static struct sl_state join(struct product *product, struct pair pair)
{
    const struct sl_state *a = &product->a->states[pair.a], *b = &product->b->states[pair.b];
    bool a_waits = a->kind == SL_STATE_SET || a->kind == SL_STATE_ACCEPT;
    bool b_waits = b->kind == SL_STATE_SET || b->kind == SL_STATE_ACCEPT;
    struct sl_state state = {.kind = SL_STATE_SET, .next = 0, .other = -1};
    if (!a_waits || !b_waits) {
        const struct sl_state *mover = a_waits ? b : a;
        state.kind = mover->kind;
        state.next =
            a_waits ? number_of(product, pair.a, b->next) : number_of(product, a->next, pair.b);
        if (mover->kind == SL_STATE_FORK)
            state.other = a_waits ? number_of(product, pair.a, b->other)
                                  : number_of(product, a->other, pair.b);
    } else if (a->kind == SL_STATE_ACCEPT && b->kind == SL_STATE_ACCEPT) {
        state.kind = SL_STATE_ACCEPT;
    } else if (a->kind == b->kind) {
        for (int i = 0; i < 2; i++)
            state.set.ascii[i] = a->set.ascii[i] & b->set.ascii[i];
        state.set.has_others = a->set.has_others && b->set.has_others;
        state.set.has_all_others = a->set.has_all_others && b->set.has_all_others;
        state.next = number_of(product, a->next, b->next);
    } // one is at its end, the other not: a set without characters, from which nothing goes on
    return state;
}

int sl_automata_meet(const struct sl_automaton *a, const struct sl_automaton *b,
                     struct sl_arena *arena, struct sl_automaton **ret, struct sl_err *err)
{
    struct sl_automaton *whole = SL_NEW(arena, struct sl_automaton);
    struct product product = {.a = a, .b = b, .arena = arena, .whole = whole};
    size_t pairs = a->count * b->count;
    *ret = NULL;
    SL_TRY_NEW(whole, err);
    if (pairs > MOST_PAIRS)
        return SL_OK;
    product.numbers = SL_NEW_ARRAY(arena, int, pairs);
    SL_TRY_NEW(product.numbers, err);
    memset(product.numbers, 0, pairs * sizeof *product.numbers);
    whole->first = number_of(&product, a->first, b->first);
    for (size_t i = 0; i < product.pair_count && !product.is_out; i++) {
        struct sl_state state = join(&product, product.pairs[i]);
        if (product.pair_count > MOST_PRODUCT)
            return SL_OK;
        product.is_out |= !SL_PUSH(arena, whole->states, whole->count, state);
    }
    if (product.is_out)
        return sl_fail_memory(err);
    *ret = whole;
    return SL_OK;
}
