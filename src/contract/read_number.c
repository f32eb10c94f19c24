// Numbers and booleans in the formats of their column, in one expression each: the whole text must
// be of the format's form, and what is left of it without groups is cast.
#include "contract/read.h"
#include "spec/value_format.h"

#include <string.h>

#define BLANKS "[ \\x{A0}\\x{202F}]*"

// The signs that may stand between groups: those that look alike are one.
static const char *group_class(const struct sl_number_format *format)
{
    return *format->group == ' '    ? "[ \\x{A0}\\x{202F}]"
           : *format->group == '\'' ? "['\\x{2019}]"
           : *format->group == '.'  ? "[.]"
                                    : "[,]";
}

// Digits, their groups and decimals. `scale`: -1 for any number of them.
static void add_number(const struct sl_number_format *format, int scale, struct sl_buf *form)
{
    sl_buf_add(form, "(?:(?:");
    if (*format->group)
        sl_buf_addf(form, "[1-9][0-9]{0,2}(?:%s[0-9]{3})+|", group_class(format));
    sl_buf_add(form, "[0-9]+)");
    if (format->decimal && scale > 0)
        sl_buf_addf(form, "(?:[%c][0-9]{0,%d}0*)?|[%c][0-9]{1,%d}0*", format->decimal, scale,
                    format->decimal, scale);
    else if (format->decimal && scale == 0)
        sl_buf_addf(form, "(?:[%c]0*)?", format->decimal);
    else if (format->decimal)
        sl_buf_addf(form, "(?:[%c][0-9]*)?|[%c][0-9]+", format->decimal, format->decimal);
    sl_buf_add_char(form, ')');
}

static void add_around(const char *text, bool is_in_front, struct sl_buf *form)
{
    if (*text)
        sl_buf_addf(form, is_in_front ? "\\Q%s\\E" BLANKS : BLANKS "\\Q%s\\E", text);
}

static void add_form(const struct sl_number_format *format, int scale, struct sl_buf *form)
{
    const int forms = format->has_brackets ? 2 : 1; // without and with them
    for (int in_brackets = 0; in_brackets < forms; in_brackets++) {
        sl_buf_add(form, in_brackets ? "|[(]" : "");
        add_around(format->prefix, true, form);
        sl_buf_add(form, in_brackets ? "" : "[+-]?");
        add_number(format, scale, form);
        add_around(format->suffix, false, form);
        sl_buf_add(form, in_brackets ? "[)]" : "");
    }
    if (!format->has_sign_behind)
        return;
    sl_buf_add_char(form, '|');
    add_number(format, scale, form);
    sl_buf_add(form, "[+-]");
}

// The text without what stands around its number and between its digits, and with a decimal point.
static void add_digits(const struct sl_number_format *format, const char *text, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf gone = SL_BUF_INIT;

    if (format->has_brackets)
        sl_buf_addf(sql, "case when starts_with(%s, '(') then '-' else '' end || ", text);
    if (format->has_sign_behind)
        sl_buf_addf(sql, "case when contains(%s, '-') then '-' else '' end || ", text);
    sl_buf_add(sql, "translate(");
    if (*format->prefix || *format->suffix) {
        sl_buf_addf(sql, "regexp_extract(%s, '[+-]?", text);
        if (format->decimal)
            sl_buf_addf(sql, "[%c]?", format->decimal);
        sl_buf_add(sql, "[0-9](?:.*[0-9])?')");
    } else {
        sl_buf_add(sql, text);
    }
    if (format->decimal)
        sl_buf_add_char(&gone, format->decimal);
    sl_buf_add(&gone, *format->group == ' '    ? " \xC2\xA0\xE2\x80\xAF"
                      : *format->group == '\'' ? "'\xE2\x80\x99"
                                               : format->group);
    sl_buf_add(&gone, format->has_brackets ? "()" : "");
    sl_buf_add(&gone, format->has_sign_behind ? "+-" : "");
    sl_buf_add(sql, ", ");
    sl_buf_add_sql_string(sql, gone.length ? gone.text : "");
    sl_buf_add(sql, format->decimal ? ", '.')" : ", '')");
    sql->has_failed |= gone.has_failed;
}

static void add_one(const struct sl_contract_column *column, const struct sl_number_format *format,
                    const char *type, const char *text, struct sl_buf *sql)
{
    bool is_double = column->type.kind == SL_TYPE_DOUBLE;
    int scale = is_double ? -1 : column->type.kind == SL_TYPE_DECIMAL ? column->type.scale : 0;
    SL_AUTO(sl_buf_clear) struct sl_buf form = SL_BUF_INIT;

    add_form(format, scale, &form);
    sl_buf_addf(sql, "case when regexp_full_match(%s, ", text);
    sl_buf_add_sql_string(sql, form.length ? form.text : "");
    sl_buf_add(sql, is_double ? ") then nullif(nullif(try_cast(" : ") then try_cast(");
    add_digits(format, text, sql);
    sl_buf_addf(sql, " as %s)%s end", type, is_double ? ", 'inf'::DOUBLE), '-inf'::DOUBLE)" : "");
    sql->has_failed |= form.has_failed;
}

void sl_reading_numbers(const struct sl_contract_column *column, const char *type, const char *text,
                        struct sl_buf *sql)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};

    sl_buf_add(sql, "coalesce(");
    for (size_t i = 0; i < column->formats.count; i++) {
        struct sl_number_format format;
        sl_buf_add(sql, i ? ", " : "");
        if (sl_number_format_read(column->formats.items[i], &arena, &format)) // was told
            sl_buf_addf(sql, "cast(null as %s)", type);
        else if (sl_number_format_is_plain(&format))
            sl_reading_unformatted(column, type, text, sql);
        else
            add_one(column, &format, type, text, sql);
    }
    sl_buf_add(sql, ")");
}

void sl_reading_booleans(const struct sl_contract_column *column, const char *text,
                         struct sl_buf *sql)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};

    sl_buf_addf(sql, "case lower(%s)", text);
    for (size_t i = 0; i < column->formats.count; i++) {
        const char *words[2];
        if (sl_boolean_format_read(column->formats.items[i], &arena, &words[0], &words[1]))
            continue;
        for (size_t k = 0; k < 2; k++) {
            sl_buf_add(sql, " when lower(");
            sl_buf_add_sql_string(sql, words[k]);
            sl_buf_add(sql, k ? ") then false" : ") then true");
        }
    }
    sl_buf_add(sql, " when null then false end"); // a case has a when
}
