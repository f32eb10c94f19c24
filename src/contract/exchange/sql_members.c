// Expressions over members as CHECK takes them in DuckDB: there s.x is a column x of a table s, and
// a function with a lambda is refused.
#include "contract/exchange/ddl.h"
#include "contract/exchange/sql.h"

#include <ctype.h>
#include <string.h>

struct rewriter {
    struct sl_x_writer *writer;
    const char *sql;
    struct sl_buf *text;
    char before;    // the last character that is no blank or comment
    bool is_lambda; // there is one in it
};

static bool is_name_begin(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == '"' || (unsigned char)c >= 0x80;
}

static size_t name_end(const char *sql, size_t at)
{
    if (sql[at] == '"')
        return sl_ddl_skip_special(sql, at);
    while (isalnum((unsigned char)sql[at]) || sql[at] == '_' || sql[at] == '$' ||
           (unsigned char)sql[at] >= 0x80)
        at++;
    return at;
}

// As it is without quotes.
static bool is_name(const char *sql, size_t at, size_t end, const char *name)
{
    bool is_quoted = sql[at] == '"';
    for (at += is_quoted, end -= is_quoted; at < end; at++, name++) {
        if (!*name || tolower((unsigned char)sql[at]) != tolower((unsigned char)*name))
            return false;
        at += is_quoted && sql[at] == '"';
    }
    return !*name;
}

static const struct sl_yaml *find(const struct sl_yaml *list, const char *sql, size_t at,
                                  size_t end)
{
    for (size_t i = 0; i < sl_x_count(list); i++) {
        const char *name = sl_x_get(list->items[i], "name");
        if (name && is_name(sql, at, end, name))
            return list->items[i];
    }
    return NULL;
}

static size_t skip_space(const char *sql, size_t at)
{
    return at + strspn(sql + at, " \t\r\n");
}

// Where the name behind a dot begins; 0: there is none.
static size_t member_at(const char *sql, size_t at)
{
    at = skip_space(sql, at);
    if (sql[at] != '.')
        return 0;
    at = skip_space(sql, at + 1);
    return is_name_begin(sql[at]) ? at : 0;
}

// "s.o.x", as far as that leads to members, becomes what struct_extract() gives.
static size_t rewrite_name(struct rewriter *rewriter, size_t at)
{
    const char *sql = rewriter->sql;
    size_t end = name_end(sql, at);
    const struct sl_yaml *property =
        rewriter->before == '.'
            ? NULL
            : find(sl_yaml_get(rewriter->writer->object, "properties"), sql, at, end);
    SL_AUTO(sl_buf_clear) struct sl_buf inner = SL_BUF_INIT;
    rewriter->is_lambda |=
        !property && (is_name(sql, at, end, "lambda") || is_name(sql, at, end, "for"));
    sl_buf_add_bytes(&inner, sql + at, end - at);
    for (size_t next = member_at(sql, end); property && next; next = member_at(sql, end)) {
        SL_AUTO(sl_buf_clear) struct sl_buf outer = SL_BUF_INIT;
        size_t stop = name_end(sql, next);
        property = find(sl_yaml_get(property, "properties"), sql, next, stop);
        if (!property)
            break;
        sl_buf_addf(&outer, "struct_extract(%s, ", inner.text);
        sl_buf_add_sql_string(&outer, sl_x_get(property, "name"));
        sl_buf_add_char(&outer, ')');
        sl_buf_reset(&inner);
        sl_buf_add(&inner, outer.text ? outer.text : "");
        rewriter->text->has_failed |= outer.has_failed;
        end = stop;
    }
    sl_buf_add(rewriter->text, inner.text ? inner.text : "");
    rewriter->text->has_failed |= inner.has_failed;
    rewriter->before = 'a';
    return end;
}

static size_t copy(struct rewriter *rewriter, size_t at, size_t end)
{
    sl_buf_add_bytes(rewriter->text, rewriter->sql + at, end - at);
    return end;
}

// x -> x + 1 is a lambda; j -> 'a' and j -> 0 take a member of JSON.
static bool is_arrow(const char *sql, size_t at)
{
    if (sql[at] != '-' || sql[at + 1] != '>' || sql[at + 2] == '>')
        return false;
    char next = sql[skip_space(sql, at + 2)];
    return next != '\'' && next != '$' && !isdigit((unsigned char)next);
}

bool sl_x_sql_members(struct sl_x_writer *writer, const char *expression, struct sl_buf *text)
{
    struct rewriter rewriter = {.writer = writer, .sql = expression, .text = text};
    for (size_t at = 0; expression[at];) {
        size_t end = sl_ddl_skip_special(expression, at);
        if (is_name_begin(expression[at])) {
            at = rewrite_name(&rewriter, at);
        } else if (end > at) {
            if (expression[at] == '\'' || expression[at] == '$')
                rewriter.before = '\'';
            at = copy(&rewriter, at, end);
        } else if (isdigit((unsigned char)expression[at])) {
            end = at + strspn(expression + at, "0123456789abcdefABCDEFxX_.");
            at = copy(&rewriter, at, end);
            rewriter.before = '0';
        } else {
            rewriter.is_lambda |= is_arrow(expression, at);
            if (!isspace((unsigned char)expression[at]))
                rewriter.before = expression[at];
            at = copy(&rewriter, at, at + 1);
        }
    }
    return !rewriter.is_lambda;
}
