#include "base/pattern.h"

#include <string.h>

#define MOST_DEPTH 50
#define MOST_REPEATED 1000

struct parser {
    const char *at;
    struct sl_arena *arena;
    const char *why;
    int depth;
    bool ignores_case;
    bool is_out; // of memory
};

static bool refuse(struct parser *parser, const char *why)
{
    parser->why = why;
    return false;
}

bool sl_pattern_set_has(const struct sl_pattern_set *set, unsigned char c)
{
    return c < 128 ? (set->ascii[c / 64] >> (c % 64)) & 1 : set->has_others;
}

static void add_range(struct sl_pattern_set *set, int from, int to)
{
    for (int c = from; c <= to && c < 128; c++)
        set->ascii[c / 64] |= UINT64_C(1) << (c % 64);
    set->has_others |= to >= 128;
}

static void add_letters(struct sl_pattern_set *set)
{
    add_range(set, 'a', 'z');
    add_range(set, 'A', 'Z');
}

static void negate(struct sl_pattern_set *set)
{
    set->ascii[0] = ~set->ascii[0];
    set->ascii[1] = ~set->ascii[1];
    bool has_all = !set->has_others; // of some of them, others are left
    set->has_others = !set->has_all_others;
    set->has_all_others = has_all;
}

static void ignore_case(struct sl_pattern_set *set)
{
    for (int c = 'a'; c <= 'z'; c++) {
        int upper = c - 'a' + 'A';
        if (sl_pattern_set_has(set, (unsigned char)c))
            add_range(set, upper, upper);
        else if (sl_pattern_set_has(set, (unsigned char)upper))
            add_range(set, c, c);
    }
    set->has_others |=
        sl_pattern_set_has(set, 'k') || sl_pattern_set_has(set, 's'); // U+212A, U+017F
}

// \d, \w, \s and their opposites, \pL and \pN; false if what follows is none of them.
static bool add_escape(struct parser *parser, struct sl_pattern_set *set)
{
    struct sl_pattern_set own = {0};
    char letter = *parser->at, lower = (char)(letter | 0x20);
    if (letter == 'p' && (parser->at[1] == 'L' || parser->at[1] == 'N')) {
        if (parser->at[1] == 'L')
            add_letters(set);
        else
            add_range(set, '0', '9');
        set->has_others = true;
        parser->at += 2;
        return true;
    }
    if (!letter || !strchr("dws", lower))
        return false;
    parser->at++;
    if (lower != 's')
        add_range(&own, '0', '9');
    if (lower == 'w') {
        add_letters(&own);
        add_range(&own, '_', '_');
    }
    if (lower == 's') {
        add_range(&own, '\t', '\n');
        add_range(&own, '\f', '\r');
        add_range(&own, ' ', ' ');
    }
    if (parser->ignores_case)
        ignore_case(&own);
    if (letter != lower)
        negate(&own);
    set->ascii[0] |= own.ascii[0];
    set->ascii[1] |= own.ascii[1];
    set->has_others |= own.has_others;
    set->has_all_others |= own.has_all_others;
    return true;
}

static bool is_plain_escape(char letter)
{
    return letter && !(letter >= 'a' && letter <= 'z') && !(letter >= 'A' && letter <= 'Z') &&
           !(letter >= '0' && letter <= '9') && (unsigned char)letter < 128;
}

// One character, also of more bytes than one.
static int class_character(struct parser *parser)
{
    unsigned char c = (unsigned char)*parser->at++;
    if (c == '\\') {
        if (!is_plain_escape(*parser->at))
            return -1;
        return *parser->at++;
    }
    if (c < 128)
        return c;
    int point = c >= 0xF0 ? c & 7 : c >= 0xE0 ? c & 15 : c & 31;
    for (int i = 0; i < 3 && (*parser->at & 0xC0) == 0x80; i++)
        point = point << 6 | (*parser->at++ & 63);
    return point;
}

static bool parse_class_item(struct parser *parser, struct sl_pattern_set *set)
{
    if (parser->at[0] == '[' && parser->at[1] == ':')
        return refuse(parser, "classes by name, such as [:alpha:]");
    if (*parser->at == '\\') {
        parser->at++;
        if (add_escape(parser, set))
            return true;
        parser->at--;
    }
    int from = class_character(parser), to = from;
    if (from > 0 && parser->at[0] == '-' && parser->at[1] && parser->at[1] != ']') {
        parser->at++;
        to = class_character(parser);
    }
    if (from <= 0 || to <= 0)
        return refuse(parser, "such an escape in a class");
    if (to < from)
        return refuse(parser, "a range that ends before it begins");
    add_range(set, from, to);
    return true;
}

static bool parse_class(struct parser *parser, struct sl_pattern_part *part)
{
    bool is_negated = *parser->at == '^';
    parser->at += is_negated;
    for (bool is_first = true; *parser->at && (is_first || *parser->at != ']'); is_first = false)
        if (!parse_class_item(parser, &part->set))
            return false;
    if (*parser->at++ != ']')
        return refuse(parser, "a class without end");
    if (parser->ignores_case)
        ignore_case(&part->set);
    if (is_negated)
        negate(&part->set);
    return true;
}

static bool keep_text(struct parser *parser, const char *from, struct sl_pattern_part *part)
{
    unsigned char c = (unsigned char)*from;
    add_range(&part->set, c < 128 ? c : 128, c < 128 ? c : 128);
    part->text = sl_arena_strndup(parser->arena, from, (size_t)(parser->at - from));
    parser->is_out |= !part->text;
    if (parser->ignores_case)
        ignore_case(&part->set);
    return part->text != NULL;
}

static bool parse_escape(struct parser *parser, struct sl_pattern_part *part)
{
    if (add_escape(parser, &part->set))
        return true;
    if (!is_plain_escape(*parser->at))
        return refuse(parser, "escapes other than \\d, \\w, \\s and of punctuation");
    parser->at++;
    return keep_text(parser, parser->at - 1, part);
}

static struct sl_pattern_branch *parse_branches(struct parser *parser);

static bool parse_group(struct parser *parser, struct sl_pattern_part *part)
{
    if (parser->at[0] == '?' && parser->at[1] == ':')
        parser->at += 2;
    else if (*parser->at == '?')
        return refuse(parser, "groups with flags or names");
    if (++parser->depth > MOST_DEPTH)
        return refuse(parser, "groups nested so deep");
    part->kind = SL_PATTERN_GROUP;
    part->first = parse_branches(parser);
    parser->depth--;
    if (!part->first)
        return false;
    return *parser->at++ == ')' || refuse(parser, "a group without end");
}

static bool parse_atom(struct parser *parser, struct sl_pattern_part *part)
{
    const char *from = parser->at;
    char c = *parser->at++;
    if (c == '[')
        return parse_class(parser, part);
    if (c == '(')
        return parse_group(parser, part);
    if (c == '\\')
        return parse_escape(parser, part);
    if (c == '.') {
        part->kind = SL_PATTERN_ANY;
        add_range(&part->set, '\n', '\n');
        negate(&part->set);
        return true;
    }
    if (strchr("*+?{", c))
        return refuse(parser, "a repeat of nothing");
    while ((*parser->at & 0xC0) == 0x80)
        parser->at++;
    return keep_text(parser, from, part);
}

// -1: to the engine no number, for it begins with a zero that it does not need.
static long parse_number(struct parser *parser)
{
    long value = 0;
    if (parser->at[0] == '0' && parser->at[1] >= '0' && parser->at[1] <= '9')
        return -1;
    while (*parser->at >= '0' && *parser->at <= '9' && value < 10000)
        value = 10 * value + (*parser->at++ - '0');
    return value;
}

// How often the engine would write down what is repeated most, repeats within it counted.
static long most_written(const struct sl_pattern_part *part)
{
    long counted = part->most == SL_PATTERN_ENDLESS ? part->least : part->most;
    long inside = 1;
    for (const struct sl_pattern_branch *branch = part->first; branch; branch = branch->next)
        for (const struct sl_pattern_part *at = branch->first; at; at = at->next) {
            long own = most_written(at);
            inside = own > inside ? own : inside;
        }
    return counted > 1 ? counted * inside : inside;
}

static bool parse_repeat(struct parser *parser, struct sl_pattern_part *part)
{
    part->least = part->most = 1;
    switch (*parser->at) {
    case '?':
        part->least = 0;
        break;
    case '*':
        part->least = 0;
        part->most = SL_PATTERN_ENDLESS;
        break;
    case '+':
        part->most = SL_PATTERN_ENDLESS;
        break;
    case '{':
        parser->at++;
        if (*parser->at < '0' || *parser->at > '9') // to the engine a brace like any other sign
            return refuse(parser, "such a repeat");
        part->least = part->most = parse_number(parser);
        bool is_endless = parser->at[0] == ',' && parser->at[1] == '}';
        if (*parser->at == ',') {
            parser->at++;
            part->most = is_endless ? SL_PATTERN_ENDLESS : parse_number(parser);
        }
        if (*parser->at != '}' || part->least < 0 || (part->most < 0 && !is_endless) ||
            part->least > MOST_REPEATED || part->most > MOST_REPEATED ||
            (part->most != SL_PATTERN_ENDLESS && part->most < part->least) ||
            most_written(part) > MOST_REPEATED)
            return refuse(parser, "such a repeat");
        break;
    default:
        return true;
    }
    parser->at++;
    parser->at += *parser->at == '?'; // lazy matches the same texts
    return true;
}

static void append(struct sl_pattern_branch *branch, struct sl_pattern_part *part)
{
    if (branch->last)
        branch->last->next = part;
    else
        branch->first = part;
    branch->last = part;
}

static struct sl_pattern_branch *parse_one(struct parser *parser)
{
    struct sl_pattern_branch *one = SL_NEW(parser->arena, struct sl_pattern_branch);
    parser->is_out |= !one;
    while (one && *parser->at && *parser->at != '|' && *parser->at != ')') {
        struct sl_pattern_part *part = SL_NEW(parser->arena, struct sl_pattern_part);
        parser->is_out |= !part;
        if (!part)
            return NULL;
        if (*parser->at == '^' || *parser->at == '$') {
            part->kind = *parser->at++ == '^' ? SL_PATTERN_BEGIN : SL_PATTERN_END;
            part->least = part->most = 1;
        } else if (!parse_atom(parser, part) || !parse_repeat(parser, part)) {
            return NULL;
        }
        append(one, part);
    }
    return one;
}

static struct sl_pattern_branch *parse_branches(struct parser *parser)
{
    struct sl_pattern_branch *first = parse_one(parser), *last = first;
    while (last && *parser->at == '|') {
        parser->at++;
        last->next = parse_one(parser);
        if (!last->next)
            return NULL;
        last = last->next;
    }
    return first;
}

int sl_pattern_parse(const char *pattern, struct sl_arena *arena, struct sl_pattern_branch **ret,
                     const char **ret_why, struct sl_err *err)
{
    struct parser parser = {.at = pattern, .arena = arena};
    if (strncmp(pattern, "(?i)", 4) == 0) {
        parser.ignores_case = true;
        parser.at += 4;
    }
    struct sl_pattern_branch *first = parse_branches(&parser);
    *ret = NULL;
    *ret_why = NULL;
    if (parser.is_out)
        return sl_fail_memory(err);
    if (!first || *parser.at)
        *ret_why = parser.why ? parser.why : "a ')' that closes nothing";
    else
        *ret = first;
    return SL_OK;
}
