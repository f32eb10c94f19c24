#include "spec/value_format.h"

#include <string.h>

#define NO_BREAK "\xC2\xA0"
#define NARROW "\xE2\x80\xAF"
#define CURLED "\xE2\x80\x99"
#define MOST_DIGITS 60

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// The sign between digits at the place; NULL: none. Signs that look alike are one.
static const char *sign_at(const char *at, size_t *ret_length)
{
    static const char *const signs[][2] = {{".", "."},    {",", ","}, {" ", " "},   {NO_BREAK, " "},
                                           {NARROW, " "}, {"'", "'"}, {CURLED, "'"}};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (sl_str_starts(at, signs[i][0])) {
            *ret_length = strlen(signs[i][0]);
            return signs[i][1];
        }
    return NULL;
}

// A sample's digits and the signs between them.
struct sample {
    const char *signs[MOST_DIGITS];
    size_t runs[MOST_DIGITS + 1]; // digits in front of each sign, and behind the last
    size_t count;                 // of signs
    const char *end;
};

static const char *read_digits(const char *at, struct sample *sample)
{
    size_t length;

    *sample = (struct sample){.end = at};
    for (;;) {
        size_t digits = strspn(sample->end, "0123456789");
        const char *sign;

        sample->runs[sample->count] = digits;
        sample->end += digits;
        sign = sign_at(sample->end, &length);
        if (!sign || !is_digit(sample->end[length]))
            return NULL;
        if (sample->count == MOST_DIGITS)
            return "it is too long";
        sample->signs[sample->count++] = sign;
        sample->end += length;
    }
}

// Which of the signs is the decimal one.
static const char *judge_signs(const struct sample *sample, struct sl_number_format *format)
{
    size_t count = sample->count, groups = count;
    const char *last = count ? sample->signs[count - 1] : "";
    bool may_be_decimal = *last == '.' || *last == ',';
    bool is_alone = count == 1 || (count > 1 && !sl_str_equal(last, sample->signs[0]));

    if (may_be_decimal && is_alone) {
        if (count == 1 && sample->runs[1] == 3 && sample->runs[0] <= 3)
            return "its sign may be the decimal one or separate groups: write a longer number, "
                   "such as 1.234.567 or 1.234,5 or 1,50";
        format->decimal = *last;
        groups--;
    }
    for (size_t i = 0; i < groups; i++) {
        if (!sl_str_equal(sample->signs[i], sample->signs[0]))
            return "it has three signs between its digits";
        if (sample->runs[i + 1] != 3 || sample->runs[0] > 3)
            return "its groups are not of three digits";
    }
    format->group = groups ? sample->signs[0] : "";
    return NULL;
}

// Cuts blanks off both ends.
static const char *trim(const char *text, size_t length, struct sl_arena *arena)
{
    for (;;) {
        size_t before = length;
        if (length && *text == ' ')
            text++, length--;
        if (length && text[length - 1] == ' ')
            length--;
        if (length >= 2 && strncmp(text, NO_BREAK, 2) == 0)
            text += 2, length -= 2;
        if (length >= 2 && strncmp(text + length - 2, NO_BREAK, 2) == 0)
            length -= 2;
        if (length == before)
            return sl_arena_strndup(arena, text, length);
    }
}

// Signs and digits that only look like those that numbers are read with. As a fixed text around a
// number they would be left out of every value.
static bool has_lookalike(const char *text)
{
    static const char *const signs[] = {
        "\xE2\x88\x92", "\xE2\x80\x90", "\xE2\x80\x91", "\xE2\x80\x92", // minus, hyphens, dashes
        "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x80\x95", "\xEF\xB9\xA3", "\xEF\xBC\x8D",
        "\xEF\xB9\xA2", "\xEF\xBC\x8B", "\xEF\xBC\x88", "\xEF\xBC\x89", // pluses, brackets
        "\xC2\xB1",     "\xE2\x81\xBB"};
    // The first digit of a row of ten.
    static const char *const zeros[] = {"\xEF\xBC\x90", "\xD9\xA0", "\xDB\xB0"};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(text, signs[i]))
            return true;
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        size_t last = strlen(zeros[i]) - 1;
        unsigned char zero = (unsigned char)zeros[i][last];
        for (const char *at = text; strlen(at) > last; at++)
            if (strncmp(at, zeros[i], last) == 0 && (unsigned char)at[last] >= zero &&
                (unsigned char)at[last] <= zero + 9)
                return true;
    }
    return false;
}

static const char *judge_around(const struct sl_number_format *format)
{
    const char *texts[] = {format->prefix, format->suffix};

    for (size_t i = 0; i < 2; i++)
        if (strpbrk(texts[i], "0123456789+-()\\") || has_lookalike(texts[i]) ||
            (format->decimal && strchr(texts[i], format->decimal)))
            return "what stands around it has digits, brackets, a sign or the decimal sign";
    if (format->has_sign_behind && (format->has_brackets || *format->prefix || *format->suffix))
        return "a sign behind it goes with nothing else around it";
    return NULL;
}

const char *sl_number_format_read(const char *text, struct sl_arena *arena,
                                  struct sl_number_format *ret)
{
    struct sl_number_format format = {.group = ""};
    size_t length = strlen(text), start;
    struct sample sample;
    const char *wrong;

    if (length > 1 && *text == '(' && text[length - 1] == ')') {
        format.has_brackets = true;
        text = sl_arena_strndup(arena, text + 1, length -= 2);
        if (!text)
            return "there is no memory left";
    }
    start = strcspn(text, "0123456789");
    if (!text[start])
        return "it has no digit";
    wrong = read_digits(text + start, &sample);
    if (!wrong)
        wrong = judge_signs(&sample, &format);
    if (wrong)
        return wrong;
    format.has_sign_behind = sl_str_equal(sample.end, "-");
    format.prefix = trim(text, start, arena);
    format.suffix = format.has_sign_behind ? "" : trim(sample.end, strlen(sample.end), arena);
    if (!format.prefix || !format.suffix)
        return "there is no memory left";
    if (sl_str_equal(format.prefix, "-")) // a sample below zero
        format.prefix = "";
    wrong = judge_around(&format);
    if (!wrong)
        *ret = format;
    return wrong;
}

bool sl_number_format_is_plain(const struct sl_number_format *format)
{
    return !*format->group && format->decimal == '.' && !format->has_brackets &&
           !format->has_sign_behind && !*format->prefix && !*format->suffix;
}

const char *sl_boolean_format_read(const char *text, struct sl_arena *arena, const char **ret_true,
                                   const char **ret_false)
{
    const char *slash = strchr(text, '/');

    if (!slash || strchr(slash + 1, '/'))
        return "it is not two words with a slash between them";
    *ret_true = trim(text, (size_t)(slash - text), arena);
    *ret_false = trim(slash + 1, strlen(slash + 1), arena);
    if (!*ret_true || !*ret_false)
        return "there is no memory left";
    if (!**ret_true || !**ret_false)
        return "one of its words is empty";
    return sl_str_equal_nocase(*ret_true, *ret_false) ? "its two words are the same" : NULL;
}
