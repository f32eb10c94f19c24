#include "sql/tree.h"

#include <stdlib.h>
#include <string.h>

// An expression of the engine's own limit of nesting (1,000) takes up to three levels each.
#define MAX_DEPTH 4000

struct parser {
    const char *at;
    const char *begin;
    char *free_text; // room for every text of the input
    struct sl_arena *arena;
    int depth;
};

static int parse_value(struct parser *parser, struct sl_ast *ret, struct sl_err *err);

static int fail_syntax(const struct parser *parser, struct sl_err *err)
{
    return sl_fail(err, SL_E_JSON_SYNTAX, "a syntax tree stops making sense at byte %zu",
                   (size_t)(parser->at - parser->begin));
}

static void skip_blanks(struct parser *parser)
{
    while (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\r' || *parser->at == '\t')
        parser->at++;
}

static bool accept(struct parser *parser, char c)
{
    skip_blanks(parser);
    if (*parser->at != c)
        return false;
    parser->at++;
    return true;
}

static bool parse_hex4(const char *text, unsigned *ret)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        char c = text[i];

        value <<= 4;
        if (c >= '0' && c <= '9')
            value |= (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            value |= (unsigned)((c | 32) - 'a' + 10);
        else
            return false;
    }
    *ret = value;
    return true;
}

static char *put_utf8(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | (c >> 6));
        *to++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | (c >> 12));
        *to++ = (char)(0x80 | ((c >> 6) & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    } else {
        *to++ = (char)(0xF0 | (c >> 18));
        *to++ = (char)(0x80 | ((c >> 12) & 0x3F));
        *to++ = (char)(0x80 | ((c >> 6) & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    }
    return to;
}

// After "\u". Six bytes of input give at most three of output, a pair of surrogates four.
static char *unescape_unicode(struct parser *parser, char *to)
{
    unsigned c, low;

    if (!parse_hex4(parser->at, &c))
        return NULL;
    parser->at += 4;
    if (c >= 0xD800 && c < 0xDC00 && parser->at[0] == '\\' && parser->at[1] == 'u' &&
        parse_hex4(parser->at + 2, &low) && low >= 0xDC00 && low < 0xE000) {
        parser->at += 6;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    return put_utf8(to, c && (c < 0xD800 || c > 0xDFFF) ? c : 0xFFFD);
}

static char *unescape(struct parser *parser, char *to)
{
    static const char from[] = "\"\\/bfnrt";
    static const char into[] = "\"\\/\b\f\n\r\t";
    char c = *parser->at++;
    const char *found = c ? strchr(from, c) : NULL;

    if (c == 'u')
        return unescape_unicode(parser, to);
    if (!found)
        return NULL;
    *to++ = into[found - from];
    return to;
}

static int parse_text(struct parser *parser, const char **ret, struct sl_err *err)
{
    char *begin = parser->free_text;
    char *to = begin;

    if (!accept(parser, '"'))
        return fail_syntax(parser, err);
    while (*parser->at != '"') {
        if (*parser->at == '\0')
            return fail_syntax(parser, err);
        if (*parser->at == '\\') {
            parser->at++;
            to = unescape(parser, to);
            if (!to)
                return fail_syntax(parser, err);
        } else {
            *to++ = *parser->at++;
        }
    }
    parser->at++;
    *to++ = '\0';
    parser->free_text = to;
    *ret = begin;
    return SL_OK;
}

static int parse_number(struct parser *parser, struct sl_ast *ret, struct sl_err *err)
{
    size_t length = strspn(parser->at, "+-.0123456789eE");

    if (length == 0)
        return fail_syntax(parser, err);
    ret->kind = SL_AST_NUMBER;
    ret->text = sl_arena_strndup(parser->arena, parser->at, length);
    SL_TRY_NEW(ret->text, err);
    parser->at += length;
    return SL_OK;
}

static int parse_word(struct parser *parser, struct sl_ast *ret, struct sl_err *err)
{
    static const struct {
        const char *word;
        enum sl_ast_kind kind;
        bool truth;
    } words[] = {
        {"null", SL_AST_NULL, false},
        {"true", SL_AST_BOOL, true},
        {"false", SL_AST_BOOL, false},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i].word);

        if (strncmp(parser->at, words[i].word, length) != 0)
            continue;
        parser->at += length;
        ret->kind = words[i].kind;
        ret->truth = words[i].truth;
        return SL_OK;
    }
    return parse_number(parser, ret, err);
}

static int parse_members(struct parser *parser, char close, struct sl_ast *ret, struct sl_err *err)
{
    struct sl_ast **tail = &ret->first;

    if (accept(parser, close))
        return SL_OK;
    do {
        struct sl_ast *item = SL_NEW(parser->arena, struct sl_ast);

        SL_TRY_NEW(item, err);
        if (close == '}') {
            SL_TRY(parse_text(parser, &item->key, err));
            if (!accept(parser, ':'))
                return fail_syntax(parser, err);
        }
        SL_TRY(parse_value(parser, item, err));
        *tail = item;
        tail = &item->next;
    } while (accept(parser, ','));
    return accept(parser, close) ? SL_OK : fail_syntax(parser, err);
}

static int parse_value(struct parser *parser, struct sl_ast *ret, struct sl_err *err)
{
    int code;

    skip_blanks(parser);
    if (*parser->at == '"') {
        ret->kind = SL_AST_TEXT;
        return parse_text(parser, &ret->text, err);
    }
    if (*parser->at != '{' && *parser->at != '[')
        return parse_word(parser, ret, err);
    if (++parser->depth > MAX_DEPTH)
        return sl_fail(err, SL_E_LIMIT, "the SQL is nested too deeply to be analysed");
    ret->kind = *parser->at == '{' ? SL_AST_MAP : SL_AST_LIST;
    code = parse_members(parser, *parser->at++ == '{' ? '}' : ']', ret, err);
    parser->depth--;
    return code;
}

int sl_ast_parse(const char *json, struct sl_arena *arena, struct sl_ast **ret, struct sl_err *err)
{
    struct parser parser = {.at = json, .begin = json, .arena = arena};
    struct sl_ast *root = SL_NEW(arena, struct sl_ast);

    SL_TRY_NEW(root, err);
    parser.free_text = sl_arena_alloc(arena, strlen(json) + 1);
    SL_TRY_NEW(parser.free_text, err);
    SL_TRY(parse_value(&parser, root, err));
    skip_blanks(&parser);
    if (*parser.at != '\0')
        return fail_syntax(&parser, err);
    *ret = root;
    return SL_OK;
}

const struct sl_ast *sl_ast_first(const struct sl_ast *parent)
{
    return parent ? parent->first : NULL;
}

const struct sl_ast *sl_ast_get(const struct sl_ast *map, const char *key)
{
    if (!map || map->kind != SL_AST_MAP)
        return NULL;
    for (const struct sl_ast *item = sl_ast_first(map); item; item = item->next)
        if (strcmp(item->key, key) == 0)
            return item->kind == SL_AST_NULL ? NULL : item;
    return NULL;
}

const char *sl_ast_text(const struct sl_ast *map, const char *key)
{
    const struct sl_ast *item = sl_ast_get(map, key);

    return item && item->text ? item->text : "";
}

bool sl_ast_is(const struct sl_ast *map, const char *key, const char *text)
{
    return strcmp(sl_ast_text(map, key), text) == 0;
}

bool sl_ast_true(const struct sl_ast *map, const char *key)
{
    const struct sl_ast *item = sl_ast_get(map, key);

    return item && item->truth;
}

size_t sl_ast_count(const struct sl_ast *list)
{
    size_t count = 0;

    for (const struct sl_ast *item = sl_ast_first(list); item; item = item->next)
        count++;
    return count;
}

size_t sl_ast_location(const struct sl_ast *map)
{
    const struct sl_ast *item = sl_ast_get(map, "query_location");
    unsigned long long value = item && item->text ? strtoull(item->text, NULL, 10) : UINT64_MAX;

    return value >= INT32_MAX ? SIZE_MAX : (size_t)value;
}

bool sl_ast_is_class(const struct sl_ast *node, const char *name)
{
    return sl_ast_is(node, "class", name);
}
