// Help and reference pages out of option rows.
#include "base/opt_value.h"

#include <ctype.h>
#include <string.h>

#define HELP_COLUMN 28 // where summaries begin
#define HELP_WIDTH 90

static const char *type_name(const struct sl_opt *row)
{
    static const char *const names[] = {
        [SL_OPT_STRING] = "text",       [SL_OPT_INT] = "whole number",
        [SL_OPT_DOUBLE] = "number",     [SL_OPT_BOOL] = "true/false",
        [SL_OPT_DURATION] = "duration", [SL_OPT_BYTES] = "size",
        [SL_OPT_ENUM] = "choice",       [SL_OPT_STRINGS] = "list of texts",
        [SL_OPT_OBJECT] = "map",        [SL_OPT_LIST] = "list",
        [SL_OPT_NODE] = "any",
    };

    if (row->type == SL_OPT_LIST && (row->flags & SL_OPT_BY_NAME))
        return "map of names";
    return names[row->type];
}

static bool is_shown(const struct sl_opt *row)
{
    return !sl_opt_is_special(row) && !(row->flags & SL_OPT_HIDDEN);
}

static void add_upper(struct sl_buf *text, const char *name)
{
    for (; *name; name++)
        sl_buf_add_char(text, (char)toupper((unsigned char)*name));
}

static void add_placeholder(struct sl_buf *text, const struct sl_opt *row)
{
    if (row->placeholder)
        sl_buf_add(text, row->placeholder);
    else
        add_upper(text, row->name);
}

// A flag that is on by default is listed by the name that turns it off.
static void add_flag_name(struct sl_buf *text, const struct sl_opt *row)
{
    bool is_on = row->type == SL_OPT_BOOL && row->otherwise && strcmp(row->otherwise, "true") == 0;

    sl_buf_add(text, is_on ? "--no-" : "--");
    for (const char *at = row->name; *at; at++)
        sl_buf_add_char(text, *at == '_' ? '-' : *at);
}

// What is known of a row beyond its summary, as sentences: values, default.
static void add_remarks(struct sl_buf *text, const struct sl_opt *row)
{
    for (size_t i = 0; i < sl_opt_value_count(row); i++)
        sl_buf_addf(text, "%s%s", i ? ", " : " One of ", row->values[i]);
    sl_buf_add(text, sl_opt_value_count(row) ? "." : "");
    if (row->otherwise && *row->otherwise && row->type != SL_OPT_BOOL)
        sl_buf_addf(text, " Default: %s.", row->otherwise);
}

static void pad_to(struct sl_buf *text, size_t line_start, size_t column)
{
    while (text->length - line_start < column && !text->has_failed)
        sl_buf_add_char(text, ' ');
}

// Words from HELP_COLUMN on, in lines of HELP_WIDTH.
static void add_wrapped(struct sl_buf *text, size_t line_start, const char *words)
{
    bool is_first = true;

    while (*words && !text->has_failed) {
        size_t length = strcspn(words, " ");

        if (is_first || text->length - line_start + 1 + length > HELP_WIDTH) {
            if (text->length - line_start >= HELP_COLUMN) {
                sl_buf_add_char(text, '\n');
                line_start = text->length;
            }
            pad_to(text, line_start, HELP_COLUMN);
        } else {
            sl_buf_add_char(text, ' ');
        }
        sl_buf_add_bytes(text, words, length);
        words += length;
        words += strspn(words, " ");
        is_first = false;
    }
    sl_buf_add_char(text, '\n');
}

static void add_usage(struct sl_buf *text, const struct sl_opt *row)
{
    if (row->flags & SL_OPT_POSITIONAL) {
        add_placeholder(text, row);
        sl_buf_add(text, row->type == SL_OPT_STRINGS ? "..." : "");
        return;
    }
    if (row->letter)
        sl_buf_addf(text, "-%c, ", row->letter);
    else
        sl_buf_add(text, "    ");
    add_flag_name(text, row);
    if (row->type != SL_OPT_BOOL) {
        sl_buf_add_char(text, ' ');
        add_placeholder(text, row);
        sl_buf_add(text, row->flags & SL_OPT_WORDS ? "..." : "");
    }
}

static void add_help_row(struct sl_buf *text, const struct sl_opt *row)
{
    SL_AUTO(sl_buf_clear) struct sl_buf words = SL_BUF_INIT;
    size_t line_start = text->length;

    sl_buf_add(text, "  ");
    add_usage(text, row);
    sl_buf_add(&words, row->summary ? row->summary : "");
    add_remarks(&words, row);
    text->has_failed = text->has_failed || words.has_failed;
    add_wrapped(text, line_start, words.text);
}

void sl_opt_help(const struct sl_opt *rows, struct sl_buf *text)
{
    for (const struct sl_opt *row = rows; row->name; row++)
        if (is_shown(row) && (row->flags & SL_OPT_POSITIONAL))
            add_help_row(text, row);
    for (const struct sl_opt *row = rows; row->name; row++)
        if (is_shown(row) && !(row->flags & SL_OPT_POSITIONAL))
            add_help_row(text, row);
}

void sl_opt_markdown(const struct sl_opt *rows, int depth, struct sl_buf *text)
{
    for (const struct sl_opt *row = rows; row->name; row++) {
        if (!is_shown(row))
            continue;
        sl_buf_addf(text, "%*s- `%s` (%s%s)", 2 * depth, "", row->name, type_name(row),
                    row->flags & SL_OPT_REQUIRED ? ", required" : "");
        if (row->summary)
            sl_buf_addf(text, ": %s", row->summary);
        else
            sl_buf_add_char(text, '.');
        for (size_t i = 0; i < sl_opt_value_count(row); i++)
            sl_buf_addf(text, "%s`%s`", i ? ", " : " One of ", row->values[i]);
        sl_buf_add(text, sl_opt_value_count(row) ? "." : "");
        if (row->otherwise && *row->otherwise)
            sl_buf_addf(text, " Default: `%s`.", row->otherwise);
        if (row->example)
            sl_buf_addf(text, " Example: `%s`.", row->example);
        sl_buf_add_char(text, '\n');
        if (row->rows)
            sl_opt_markdown(row->rows, depth + 1, text);
    }
}

// roff takes '-' for a hyphen, '\' for an escape, and '.' or ''' at the start of a line for a
// request.
static void add_roff(struct sl_buf *text, const char *plain)
{
    if (*plain == '.' || *plain == '\'')
        sl_buf_add(text, "\\&");
    for (; *plain; plain++) {
        if (*plain == '\\')
            sl_buf_add(text, "\\e");
        else if (*plain == '-')
            sl_buf_add(text, "\\-");
        else
            sl_buf_add_char(text, *plain);
    }
}

void sl_opt_man(const struct sl_opt *rows, struct sl_buf *text)
{
    for (const struct sl_opt *row = rows; row->name; row++) {
        SL_AUTO(sl_buf_clear) struct sl_buf plain = SL_BUF_INIT;

        if (!is_shown(row))
            continue;
        add_usage(&plain, row);
        sl_buf_add(text, ".TP\n.B ");
        add_roff(text, plain.text + strspn(plain.text, " "));
        sl_buf_add_char(text, '\n');
        text->has_failed = text->has_failed || plain.has_failed;
        sl_buf_reset(&plain);
        sl_buf_add(&plain, row->summary ? row->summary : "");
        add_remarks(&plain, row);
        add_roff(text, plain.text);
        sl_buf_add_char(text, '\n');
        text->has_failed = text->has_failed || plain.has_failed;
    }
}
