// Texts that a regular expression matches.
#include "contract/sample.h"

#include <string.h>

#define MOST_REPEATS 6
#define MOST_DEPTH 50

enum part_kind { PART_TEXT, PART_CLASS, PART_GROUP };
struct alternative;
// One atom with how often it stands.
struct part {
    enum part_kind kind;
    const char *text;          // TEXT: one character, in UTF-8; CLASS: the ASCII characters it has
    struct alternative *first; // GROUP
    long least, most;
    struct part *next;
};
struct alternative {
    struct part *first, *last;
    struct alternative *next;
};

struct parser {
    const char *at;
    struct sl_arena *arena;
    const char *why;
    int depth;
    bool is_out; // of memory
};

static bool refuse(struct parser *parser, const char *why)
{
    parser->why = why;
    return false;
}

static bool keep_class(struct parser *parser, const bool has[128], bool is_negated,
                       struct part *part)
{
    char text[129];
    size_t count = 0;
    for (int c = ' '; c < 127; c++)
        if (has[c] != is_negated)
            text[count++] = (char)c;
    text[count] = '\0';
    part->kind = PART_CLASS;
    part->text = sl_arena_strdup(parser->arena, text);
    parser->is_out |= !part->text;
    return count ? part->text != NULL : refuse(parser, "a class without printable characters");
}

static void add_range(bool has[128], int from, int to)
{
    for (int c = from; c <= to && c < 128; c++)
        has[c] = true;
}

// \d, \w, \s and their opposites; false if the letter is none of them.
static bool add_escape(bool has[128], char letter)
{
    bool own[128] = {0};
    char lower = (char)(letter | 0x20);
    if (lower == 'd' || lower == 'w')
        add_range(own, '0', '9');
    if (lower == 'w') {
        add_range(own, 'a', 'z');
        add_range(own, 'A', 'Z');
        own['_'] = true;
    }
    if (lower == 's')
        own[' '] = true;
    if (!strchr("dws", lower))
        return false;
    for (int c = 0; c < 128; c++)
        has[c] |= own[c] != (letter != lower);
    return true;
}

static bool parse_class(struct parser *parser, struct part *part)
{
    bool has[128] = {0};
    bool is_negated = *parser->at == '^';
    parser->at += is_negated;
    for (bool is_first = true; *parser->at && (is_first || *parser->at != ']'); is_first = false) {
        unsigned char c = (unsigned char)*parser->at++;
        if (c == '[' && *parser->at == ':')
            return refuse(parser, "classes by name, such as [:alpha:]");
        if (c >= 128)
            return refuse(parser, "a class with characters beyond ASCII");
        if (c == '\\' && *parser->at && add_escape(has, *parser->at)) {
            parser->at++;
            continue;
        }
        if (c == '\\')
            c = (unsigned char)*parser->at++;
        if (!c)
            return refuse(parser, "a class without end");
        unsigned char to = c;
        if (parser->at[0] == '-' && parser->at[1] && parser->at[1] != ']') {
            parser->at++;
            to = (unsigned char)*parser->at++;
            if (to == '\\')
                to = (unsigned char)*parser->at++;
        }
        if (!to || c >= 128 || to >= 128)
            return refuse(parser, "a class with characters beyond ASCII");
        add_range(has, c, to);
    }
    if (*parser->at++ != ']')
        return refuse(parser, "a class without end");
    return keep_class(parser, has, is_negated, part);
}

static bool parse_escape(struct parser *parser, struct part *part)
{
    bool has[128] = {0};
    char letter = *parser->at++;
    if (add_escape(has, letter))
        return keep_class(parser, has, false, part);
    if (letter == '\0' || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
        (letter >= '0' && letter <= '9'))
        return refuse(parser, "escapes other than \\d, \\w, \\s and of punctuation");
    part->text = sl_arena_strndup(parser->arena, parser->at - 1, 1);
    parser->is_out |= !part->text;
    return part->text != NULL;
}

static struct alternative *parse_alternatives(struct parser *parser);

static bool parse_group(struct parser *parser, struct part *part)
{
    if (parser->at[0] == '?' && parser->at[1] == ':')
        parser->at += 2;
    else if (*parser->at == '?')
        return refuse(parser, "groups with flags or names");
    if (++parser->depth > MOST_DEPTH)
        return refuse(parser, "groups nested so deep");
    part->kind = PART_GROUP;
    part->first = parse_alternatives(parser);
    parser->depth--;
    if (!part->first)
        return false;
    return *parser->at++ == ')' || refuse(parser, "a group without end");
}

static bool parse_atom(struct parser *parser, struct part *part)
{
    bool has[128] = {0};
    char c = *parser->at++;
    if (c == '[')
        return parse_class(parser, part);
    if (c == '(')
        return parse_group(parser, part);
    if (c == '\\')
        return parse_escape(parser, part);
    if (c == '.') {
        add_range(has, 'a', 'z');
        return keep_class(parser, has, false, part);
    }
    if (strchr("*+?{", c))
        return refuse(parser, "a repeat of nothing");
    size_t length = 1;
    while ((*parser->at & 0xC0) == 0x80) {
        parser->at++;
        length++;
    }
    part->text = sl_arena_strndup(parser->arena, parser->at - length, length);
    parser->is_out |= !part->text;
    return part->text != NULL;
}

static long parse_number(struct parser *parser)
{
    long value = 0;
    while (*parser->at >= '0' && *parser->at <= '9' && value < 10000)
        value = 10 * value + (*parser->at++ - '0');
    return value;
}

static bool parse_repeat(struct parser *parser, struct part *part)
{
    part->least = part->most = 1;
    switch (*parser->at) {
    case '?':
        part->least = 0;
        break;
    case '*':
        part->least = 0;
        part->most = MOST_REPEATS;
        break;
    case '+':
        part->most = MOST_REPEATS;
        break;
    case '{':
        parser->at++;
        part->least = part->most = parse_number(parser);
        if (*parser->at == ',') {
            parser->at++;
            part->most = *parser->at == '}' ? part->least + MOST_REPEATS : parse_number(parser);
        }
        if (*parser->at != '}' || part->most < part->least || part->most > 1000)
            return refuse(parser, "such a repeat");
        break;
    default:
        return true;
    }
    parser->at++;
    parser->at += *parser->at == '?'; // lazy is the same to us
    return true;
}

static struct alternative *parse_one(struct parser *parser)
{
    struct alternative *one = SL_NEW(parser->arena, struct alternative);
    parser->is_out |= !one;
    while (one && *parser->at && *parser->at != '|' && *parser->at != ')') {
        if (*parser->at == '^' || *parser->at == '$') {
            parser->at++; // the whole text is made anyway
            continue;
        }
        struct part *part = SL_NEW(parser->arena, struct part);
        parser->is_out |= !part;
        if (!part || !parse_atom(parser, part) || !parse_repeat(parser, part))
            return NULL;
        if (one->last)
            one->last->next = part;
        else
            one->first = part;
        one->last = part;
    }
    return one;
}

static struct alternative *parse_alternatives(struct parser *parser)
{
    struct alternative *first = parse_one(parser), *last = first;
    while (last && *parser->at == '|') {
        parser->at++;
        last->next = parse_one(parser);
        if (!last->next)
            return NULL;
        last = last->next;
    }
    return first;
}

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void write_alternatives(const struct alternative *first, uint64_t *state,
                               struct sl_buf *text)
{
    size_t count = 0;
    for (const struct alternative *one = first; one; one = one->next)
        count++;
    size_t chosen = (size_t)(draw(state) % count);
    while (chosen--)
        first = first->next;
    for (const struct part *part = first->first; part; part = part->next) {
        uint64_t span = (uint64_t)(part->most - part->least) + 1;
        long times = part->least + (long)(draw(state) % span);
        for (; times > 0 && text->length < 4096; times--)
            switch (part->kind) {
            case PART_TEXT:
                sl_buf_add(text, part->text);
                break;
            case PART_CLASS:
                sl_buf_add_char(text, part->text[draw(state) % strlen(part->text)]);
                break;
            case PART_GROUP:
                write_alternatives(part->first, state, text);
                break;
            }
    }
}

int sl_pattern_samples(const char *pattern, uint64_t seed, size_t count, struct sl_arena *arena,
                       struct sl_strs *ret, const char **ret_why, struct sl_err *err)
{
    struct parser parser = {.at = pattern, .arena = arena};
    struct alternative *first = parse_alternatives(&parser);
    *ret_why = NULL;
    if (parser.is_out)
        return sl_fail_memory(err);
    if (!first || *parser.at) {
        *ret_why = parser.why ? parser.why : "a ')' that closes nothing";
        return SL_OK;
    }
    for (size_t i = 0; i < count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        write_alternatives(first, &seed, &text);
        SL_TRY(sl_buf_check(&text, err));
        const char *copy = sl_arena_strdup(arena, text.text);
        SL_TRY_NEW(copy, err);
        SL_TRY(sl_strs_add(ret, arena, copy, err));
    }
    return SL_OK;
}
