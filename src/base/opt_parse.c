// Command lines.
#include "base/opt_value.h"

#include "base/log.h"
#include "base/str.h"

#include <string.h>

struct parser {
    const struct sl_opt *rows;
    int argc;
    char **argv;
    int at; // next argument
    void *into;
    unsigned char *given; // one for each row: it was set by the user
    size_t positional_count;
    struct sl_arena *arena;
    struct sl_err *err;
};

static bool is_flag_row(const struct sl_opt *row)
{
    return !sl_opt_is_special(row) && !(row->flags & SL_OPT_POSITIONAL);
}

// "batch_rows" is written "batch-rows".
static bool is_flag_name(const struct sl_opt *row, const char *name, size_t length)
{
    if (strlen(row->name) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((row->name[i] == '_' ? '-' : row->name[i]) != name[i])
            return false;
    return true;
}

static const struct sl_opt *find_flag(const struct parser *parser, const char *name, size_t length)
{
    for (const struct sl_opt *row = parser->rows; row->name; row++)
        if (is_flag_row(row) && is_flag_name(row, name, length))
            return row;
    return NULL;
}

static const struct sl_opt *find_letter(const struct parser *parser, char letter)
{
    for (const struct sl_opt *row = parser->rows; row->name; row++)
        if (is_flag_row(row) && row->letter == letter)
            return row;
    return NULL;
}

static char *flag_of(struct sl_arena *arena, const struct sl_opt *row)
{
    char *flag = sl_arena_printf(arena, "--%s", row->name);

    for (char *at = flag; at && *at; at++)
        if (*at == '_')
            *at = '-';
    return flag;
}

// How messages call a row: "--batch-rows", "TABLE".
static const char *title_of(const struct parser *parser, const struct sl_opt *row)
{
    const char *title = row->placeholder ? row->placeholder : row->name;

    if (!(row->flags & SL_OPT_POSITIONAL))
        title = flag_of(parser->arena, row);
    return title ? title : row->name;
}

static int fail_unknown(const struct parser *parser, const char *flag)
{
    struct sl_strs known = {0};
    const char *nearest;

    for (const struct sl_opt *row = parser->rows; row->name; row++) {
        const char *name = flag_of(parser->arena, row);

        SL_TRY_NEW(name, parser->err);
        if (is_flag_row(row) && !(row->flags & SL_OPT_HIDDEN))
            SL_TRY(sl_strs_add(&known, parser->arena, name, parser->err));
    }
    nearest = sl_str_nearest(flag, known.items, known.count);
    (void)sl_fail(parser->err, SL_E_USAGE, "unknown option '%s'", flag);
    if (nearest)
        return sl_err_hint(parser->err, "did you mean '%s'?", nearest);
    return sl_err_hint(parser->err, "--help lists the options");
}

static int fail_value(const struct parser *parser, const struct sl_opt *row, const char *text)
{
    char buffer[512];
    const char *expectation = sl_opt_expectation(row, buffer, sizeof buffer);
    const char *shown = row->flags & SL_OPT_SECRET ? "***" : text;

    if (row->type == SL_OPT_INT && sl_str_is_whole(text)) {
        (void)sl_fail(parser->err, SL_E_USAGE, "%s is '%s', which is too large",
                      title_of(parser, row), shown);
        return sl_err_hint(parser->err, "whole numbers are of 64 bits: at most %lld",
                           (long long)INT64_MAX);
    }
    (void)sl_fail(parser->err, SL_E_USAGE, "%s is '%s', expected %s", title_of(parser, row), shown,
                  expectation);
    if (row->type == SL_OPT_ENUM) {
        const char *nearest = sl_str_nearest(text, row->values, sl_opt_value_count(row));

        if (nearest)
            return sl_err_hint(parser->err, "did you mean '%s'?", nearest);
    }
    if (row->example)
        return sl_err_hint(parser->err, "for example: %s", row->example);
    return SL_E_USAGE;
}

static int take_value(struct parser *parser, const struct sl_opt *row, const char *text)
{
    struct sl_strs *list = sl_opt_field(row, parser->into);
    bool is_first = !parser->given[row - parser->rows];
    const char *copy = sl_arena_strdup(parser->arena, text);

    SL_TRY_NEW(copy, parser->err);
    parser->given[row - parser->rows] = 1;
    if (row->flags & SL_OPT_SECRET)
        sl_log_hide(copy);
    if (row->type != SL_OPT_STRINGS)
        return sl_opt_set(row, copy, parser->into) ? SL_OK : fail_value(parser, row, copy);
    if (is_first)
        *list = (struct sl_strs){0}; // what the user lists replaces the default
    return sl_strs_add(list, parser->arena, copy, parser->err);
}

bool sl_opt_is_dashed(const char *word)
{
    return word[0] == '-' && word[1];
}

// A dashed word may be a value ("-5"), but not where a list of words would end at it.
// --name=--value says that it is meant.
static bool is_value(const struct sl_opt *row, const char *word)
{
    return row->flags & SL_OPT_WORDS ? !sl_opt_is_dashed(word) : !sl_str_starts(word, "--");
}

// The next argument; of a list of words all that follow.
static int take_next(struct parser *parser, const struct sl_opt *row)
{
    // An option in place of a value is a forgotten value.
    if (parser->at == parser->argc || !is_value(row, parser->argv[parser->at])) {
        (void)sl_fail(parser->err, SL_E_USAGE, "%s needs a value", title_of(parser, row));
        return sl_err_hint(parser->err, "%s=%s", title_of(parser, row),
                           row->placeholder ? row->placeholder : "VALUE");
    }
    do {
        SL_TRY(take_value(parser, row, parser->argv[parser->at++]));
    } while (row->flags & SL_OPT_WORDS && parser->at < parser->argc &&
             is_value(row, parser->argv[parser->at]));
    return SL_OK;
}

// The value of a flag: what is attached to it ("=x", the rest of "-nx"), or what comes next.
static int take_flag(struct parser *parser, const struct sl_opt *row, const char *attached)
{
    if (!attached && row->type == SL_OPT_BOOL)
        attached = "true";
    return attached ? take_value(parser, row, attached) : take_next(parser, row);
}

static int parse_long(struct parser *parser, const char *argument)
{
    const char *name = argument + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct sl_opt *row = find_flag(parser, name, length);
    const char *flag;

    if (row)
        return take_flag(parser, row, equals ? equals + 1 : NULL);
    if (!equals && sl_str_starts(name, "no-")) {
        row = find_flag(parser, name + 3, length - 3);
        if (row && row->type == SL_OPT_BOOL)
            return take_value(parser, row, "false");
    }
    flag = sl_arena_strndup(parser->arena, argument, length + 2);
    SL_TRY_NEW(flag, parser->err);
    return fail_unknown(parser, flag);
}

// "-abc": letters without a value; the first that takes one takes what is left.
static int parse_letters(struct parser *parser, const char *argument)
{
    for (const char *letter = argument + 1; *letter; letter++) {
        const struct sl_opt *row = find_letter(parser, *letter);
        char flag[] = {'-', *letter, '\0'};

        if (!row)
            return fail_unknown(parser, flag);
        if (row->type != SL_OPT_BOOL)
            return take_flag(parser, row, letter[1] ? letter + 1 : NULL);
        SL_TRY(take_value(parser, row, "true"));
    }
    return SL_OK;
}

// A variable of the shell that was never set is no name of anything.
static int take_argument(struct parser *parser, const struct sl_opt *row, const char *argument)
{
    if (*argument || !(row->flags & SL_OPT_REQUIRED))
        return take_value(parser, row, argument);
    (void)sl_fail(parser->err, SL_E_USAGE, "%s is an empty text", title_of(parser, row));
    return sl_err_hint(parser->err, "was it a variable of the shell that has no value? --help "
                                    "shows how the command is used");
}

static int parse_positional(struct parser *parser, const char *argument)
{
    size_t number = 0;

    for (const struct sl_opt *row = parser->rows; row->name; row++) {
        if (!(row->flags & SL_OPT_POSITIONAL))
            continue;
        if (row->type == SL_OPT_STRINGS)
            return take_value(parser, row, argument);
        if (number++ < parser->positional_count)
            continue;
        parser->positional_count++;
        return take_argument(parser, row, argument);
    }
    (void)sl_fail(parser->err, SL_E_USAGE, "unexpected argument '%s'", argument);
    return sl_err_hint(parser->err, "--help shows how the command is used");
}

static int check_required(const struct parser *parser)
{
    for (const struct sl_opt *row = parser->rows; row->name; row++)
        if ((row->flags & SL_OPT_REQUIRED) && !parser->given[row - parser->rows]) {
            (void)sl_fail(parser->err, SL_E_USAGE, "%s is missing", title_of(parser, row));
            if (row->example)
                return sl_err_hint(parser->err, "for example: %s", row->example);
            return sl_err_hint(parser->err, "--help shows how the command is used");
        }
    return SL_OK;
}

static int parse_all(struct parser *parser)
{
    bool is_plain = false; // after "--"

    while (parser->at < parser->argc) {
        const char *argument = parser->argv[parser->at++];

        if (is_plain || !sl_opt_is_dashed(argument))
            SL_TRY(parse_positional(parser, argument));
        else if (strcmp(argument, "--") == 0)
            is_plain = true;
        else if (argument[1] == '-')
            SL_TRY(parse_long(parser, argument));
        else
            SL_TRY(parse_letters(parser, argument));
    }
    return check_required(parser);
}

int sl_opt_parse(const struct sl_opt *rows, int argc, char **argv, void *into,
                 struct sl_arena *arena, struct sl_err *err)
{
    struct parser parser = {
        .rows = rows, .argc = argc, .argv = argv, .into = into, .arena = arena, .err = err};
    size_t count = 0;

    while (rows[count].name)
        count++;
    parser.given = SL_NEW_ARRAY(arena, unsigned char, count);
    SL_TRY_NEW(parser.given, err);
    SL_TRY(sl_opt_defaults(rows, into, arena, err));
    return parse_all(&parser);
}
