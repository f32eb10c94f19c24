// The leading comment of a model's file: /* sluice ... */. Before it may stand blanks, "-- ..."
// lines and other comments.
#include "spec/load.h"

#include <string.h>
#include <strings.h>

#define WORD "sluice"

// Where we are in the text; lines and columns count from 1, columns in characters of UTF-8.
struct cursor {
    const char *at;
    int line, column;
};

static void step(struct cursor *cursor)
{
    unsigned char c = (unsigned char)*cursor->at++;

    if (c == '\n') {
        cursor->line++;
        cursor->column = 1;
    } else if ((c & 0xC0) != 0x80) { // what continues a character does not count
        cursor->column++;
    }
}

static void step_to(struct cursor *cursor, const char *end)
{
    while (cursor->at < end)
        step(cursor);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct cursor *cursor)
{
    while (is_blank(*cursor->at))
        step(cursor);
}

// If a settings comment begins here, where its settings begin, behind the word; else NULL.
static const char *settings_at(const char *text)
{
    if (strncmp(text, "/*", 2) != 0)
        return NULL;
    text += 2;
    while (is_blank(*text))
        text++;
    if (strncasecmp(text, WORD, strlen(WORD)) != 0)
        return NULL;
    text += strlen(WORD);
    return is_blank(*text) || *text == '\0' || strncmp(text, "*/", 2) == 0 ? text : NULL;
}

// A settings comment behind the SQL's first word would be read by nobody. Only at the beginning of
// a line, because inside of one it may be a part of a text.
static int find_stray(const struct cursor *sql)
{
    struct cursor cursor = *sql;

    while (*cursor.at) {
        const char *end = strchr(cursor.at, '\n');
        const char *line = cursor.at + strspn(cursor.at, " \t");

        if (settings_at(line))
            return cursor.line;
        if (!end)
            return 0;
        step_to(&cursor, end + 1);
    }
    return 0;
}

// Takes the comment that begins at the cursor; true if it was the settings.
static bool take_comment(struct cursor *cursor, struct sl_model_text *ret)
{
    const char *settings = settings_at(cursor->at);
    const char *end = strstr(cursor->at + 2, "*/");

    ret->comment_line = cursor->line;
    ret->comment_column = cursor->column;
    if (!end) {
        ret->is_open = true;
        return true;
    }
    if (settings) {
        step_to(cursor, settings);
        ret->settings = settings;
        ret->settings_length = (size_t)(end - settings);
        ret->settings_line = cursor->line;
        ret->settings_column = cursor->column;
    }
    step_to(cursor, end + 2);
    return settings != NULL;
}

void sl_model_split(const char *text, struct sl_model_text *ret)
{
    struct cursor cursor = {text, 1, 1};
    struct cursor sql;

    *ret = (struct sl_model_text){0};
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        cursor.at += 3; // byte order mark
    skip_blanks(&cursor);
    sql = cursor;
    while (strncmp(cursor.at, "--", 2) == 0 || strncmp(cursor.at, "/*", 2) == 0) {
        bool is_last = false;

        if (*cursor.at == '-')
            step_to(&cursor, cursor.at + strcspn(cursor.at, "\n"));
        else
            is_last = take_comment(&cursor, ret);
        skip_blanks(&cursor);
        if (is_last) {
            sql = cursor;
            break;
        }
    }
    ret->sql = ret->is_open ? "" : sql.at;
    ret->sql_line = sql.line;
    ret->sql_column = sql.column;
    ret->stray_line = ret->is_open ? 0 : find_stray(&sql);
}
