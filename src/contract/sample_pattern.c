// Texts that a regular expression matches.
#include "base/pattern.h"
#include "contract/sample.h"

#include <string.h>

#define MOST_REPEATS 6

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

// The printable characters of ASCII that a part has; of "." the small letters.
static size_t characters_of(const struct sl_pattern_part *part, char ret[128])
{
    size_t count = 0;
    char first = part->kind == SL_PATTERN_ANY ? 'a' : ' ';
    char last = part->kind == SL_PATTERN_ANY ? 'z' : '~';
    for (char c = first; c <= last; c++)
        if (sl_pattern_set_has(&part->set, (unsigned char)c))
            ret[count++] = c;
    return count;
}

static bool can_write(const struct sl_pattern_branch *first)
{
    char characters[128];
    for (; first; first = first->next)
        for (const struct sl_pattern_part *part = first->first; part; part = part->next) {
            bool is_class = part->kind == SL_PATTERN_SET && !part->text;
            if ((is_class && !characters_of(part, characters)) ||
                (part->kind == SL_PATTERN_GROUP && !can_write(part->first)))
                return false;
        }
    return true;
}

static void write_branches(const struct sl_pattern_branch *first, uint64_t *state,
                           struct sl_buf *text);

static void write_part(const struct sl_pattern_part *part, uint64_t *state, struct sl_buf *text)
{
    char characters[128];
    size_t count;
    switch (part->kind) {
    case SL_PATTERN_SET:
    case SL_PATTERN_ANY:
        count = characters_of(part, characters);
        if (part->text)
            sl_buf_add(text, part->text);
        else
            sl_buf_add_char(text, characters[draw(state) % count]);
        break;
    case SL_PATTERN_GROUP:
        write_branches(part->first, state, text);
        break;
    case SL_PATTERN_BEGIN: // the whole text is made anyway
    case SL_PATTERN_END:
        break;
    }
}

static void write_branches(const struct sl_pattern_branch *first, uint64_t *state,
                           struct sl_buf *text)
{
    size_t count = 0;
    for (const struct sl_pattern_branch *one = first; one; one = one->next)
        count++;
    size_t chosen = (size_t)(draw(state) % count);
    while (chosen--)
        first = first->next;
    for (const struct sl_pattern_part *part = first->first; part; part = part->next) {
        long most = part->most == SL_PATTERN_ENDLESS ? part->least + MOST_REPEATS : part->most;
        if (part->kind == SL_PATTERN_BEGIN || part->kind == SL_PATTERN_END)
            continue;
        long times = part->least + (long)(draw(state) % ((uint64_t)(most - part->least) + 1));
        for (; times > 0 && text->length < 4096; times--)
            write_part(part, state, text);
    }
}

int sl_pattern_samples(const char *pattern, uint64_t seed, size_t count, struct sl_arena *arena,
                       struct sl_strs *ret, const char **ret_why, struct sl_err *err)
{
    struct sl_pattern_branch *first;
    SL_TRY(sl_pattern_parse(pattern, arena, &first, ret_why, err));
    if (first && !can_write(first))
        *ret_why = "a class without printable characters";
    if (*ret_why)
        return SL_OK;
    for (size_t i = 0; i < count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        write_branches(first, &seed, &text);
        SL_TRY(sl_buf_check(&text, err));
        const char *copy = sl_arena_strdup(arena, text.text);
        SL_TRY_NEW(copy, err);
        SL_TRY(sl_strs_add(ret, arena, copy, err));
    }
    return SL_OK;
}
