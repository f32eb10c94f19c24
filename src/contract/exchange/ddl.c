#include "contract/exchange/ddl.h"

#include <ctype.h>
#include <string.h>

size_t sl_ddl_skip_special(const char *text, size_t at)
{
    const char *begin = text + at;
    const char *end = NULL;
    if (begin[0] == '-' && begin[1] == '-')
        return at + strcspn(begin, "\n");
    if (begin[0] == '/' && begin[1] == '*') {
        end = strstr(begin + 2, "*/");
        return end ? (size_t)(end - text) + 2 : at + strlen(begin);
    }
    if (*begin == '\'' || *begin == '"' || *begin == '`') {
        for (end = begin + 1; *end; end++)
            if (*end == *begin) {
                if (end[1] != *begin)
                    return (size_t)(end - text) + 1;
                end++;
            }
        return (size_t)(end - text);
    }
    if (*begin == '$') { // $tag$ ... $tag$
        size_t tag = 1 + strspn(begin + 1, "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (begin[tag] != '$')
            return at;
        for (end = begin + tag + 1; *end && strncmp(end, begin, tag + 1) != 0; end++)
            ;
        return *end ? (size_t)(end - text) + tag + 1 : (size_t)(end - text);
    }
    return at;
}

// The next character that is neither blank nor comment.
static size_t skip_blanks(const char *text, size_t at)
{
    for (;;) {
        bool is_comment =
            (text[at] == '-' && text[at + 1] == '-') || (text[at] == '/' && text[at + 1] == '*');
        if (is_comment)
            at = sl_ddl_skip_special(text, at);
        else if (isspace((unsigned char)text[at]))
            at++;
        else
            return at;
    }
}

static int line_at(const char *text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length;
}

// Up to a character of `ends` outside of quotes, comments and brackets.
static size_t part_end(const char *text, size_t at, const char *ends)
{
    int depth = 0;
    while (text[at]) {
        size_t next = sl_ddl_skip_special(text, at);
        if (next > at) {
            at = next;
            continue;
        }
        if (depth == 0 && strchr(ends, text[at]))
            return at;
        depth += (text[at] == '(') - (text[at] == ')');
        at++;
    }
    return at;
}

int sl_ddl_split(const char *text, struct sl_arena *arena, struct sl_ddl_statement **ret,
                 size_t *ret_count, struct sl_err *err)
{
    struct sl_ddl_statement *statements = NULL;
    size_t count = 0;
    int line = 1;
    size_t counted = 0;
    for (size_t at = skip_blanks(text, 0); text[at]; at = skip_blanks(text, at)) {
        // Brackets are not counted: one too many must not swallow the statements behind.
        size_t end = at;
        while (text[end] && text[end] != ';') {
            size_t next = sl_ddl_skip_special(text, end);
            end = next > end ? next : end + 1;
        }
        line += line_at(text + counted, at - counted) - 1;
        counted = at;
        char *keyword = sl_arena_strndup(arena, text + at, word_length(text + at));
        struct sl_ddl_statement statement = {sl_arena_strndup(arena, text + at, end - at), keyword,
                                             line};
        SL_TRY_NEW(keyword, err);
        for (char *c = keyword; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        if (!statement.sql || (end > at && !SL_PUSH(arena, statements, count, statement)))
            return sl_fail_memory(err);
        at = end + (text[end] == ';');
    }
    *ret = statements;
    *ret_count = count;
    return SL_OK;
}

// A name at `at`, quoted or not; *ret_end is behind it. NULL: none, or no memory.
static char *read_name(const char *text, size_t at, size_t *ret_end, struct sl_arena *arena)
{
    char quote = text[at] == '[' ? ']' : text[at];
    if (quote != '"' && quote != '`' && quote != ']') {
        *ret_end = at + word_length(text + at);
        return *ret_end > at ? sl_arena_strndup(arena, text + at, *ret_end - at) : NULL;
    }
    size_t end = at + 1;
    while (text[end] && text[end] != quote)
        end++;
    *ret_end = end + (text[end] != '\0');
    return sl_arena_strndup(arena, text + at + 1, end - at - 1);
}

static bool is_word(const char *text, size_t at, const char *word)
{
    size_t length = strlen(word);
    return word_length(text + at) == length && strncasecmp(text + at, word, length) == 0;
}

static bool is_one_of(const char *text, size_t at, const char *const *words)
{
    for (; *words; words++)
        if (is_word(text, at, *words))
            return true;
    return false;
}

// The type: everything up to the first word that begins a constraint.
static size_t type_end(const char *text, size_t at, size_t end)
{
    static const char *const constraints[] = {
        "not",        "null",    "default",    "primary",   "unique",  "check",
        "references", "collate", "constraint", "generated", "comment", "auto_increment",
        "as",         "using",   "encode",     NULL};
    size_t last = at;
    while (at < end) {
        at = skip_blanks(text, at);
        if (at >= end || is_one_of(text, at, constraints))
            break;
        if (text[at] == '(' || text[at] == '[' || text[at] == '<') {
            const char *close = text[at] == '(' ? ")" : text[at] == '[' ? "]" : ">";
            at = text[at] == '(' ? part_end(text, at + 1, close) : at + strcspn(text + at, close);
            at += text[at] != '\0';
        } else {
            at += word_length(text + at) ? word_length(text + at) : 1;
        }
        last = at < end ? at : end;
    }
    return last;
}

static int read_columns(const struct sl_ddl_statement *statement, size_t at, struct sl_arena *arena,
                        struct sl_ddl_column **ret, size_t *ret_count, struct sl_err *err)
{
    static const char *const others[] = {"primary", "foreign", "unique",  "check", "constraint",
                                         "key",     "index",   "exclude", "like",  NULL};
    const char *sql = statement->sql;
    while (sql[at] && sql[at] != ')') {
        at = skip_blanks(sql, at);
        size_t end = part_end(sql, at, ",)");
        size_t name_end = at;
        if (!is_one_of(sql, at, others)) {
            char *name = read_name(sql, at, &name_end, arena);
            size_t type_at = skip_blanks(sql, name_end);
            size_t type_stop = type_end(sql, type_at, end);
            struct sl_ddl_column column = {
                name, sl_arena_strndup(arena, sql + type_at, type_stop - type_at),
                statement->line + line_at(sql, at) - 1};
            if (name && (!column.type || !SL_PUSH(arena, *ret, *ret_count, column)))
                return sl_fail_memory(err);
        }
        at = end + (sql[end] == ',');
    }
    return SL_OK;
}

// Behind "create [or replace] [temp] table [if not exists]" (or "type"); 0: it is another
// statement.
static size_t skip_create_table(const struct sl_ddl_statement *statement)
{
    static const char *const fillers[] = {"create",    "or",       "replace",  "temp",
                                          "temporary", "unlogged", "external", NULL};
    const char *sql = statement->sql;
    size_t at = 0;
    while (is_one_of(sql, at, fillers))
        at = skip_blanks(sql, at + word_length(sql + at));
    bool is_made = is_word(sql, at, "table") || is_word(sql, at, "type");
    if (!is_made || !sl_str_equal(statement->keyword, "create"))
        return 0;
    at = skip_blanks(sql, at + word_length(sql + at));
    while (is_word(sql, at, "if") || is_word(sql, at, "not") || is_word(sql, at, "exists"))
        at = skip_blanks(sql, at + word_length(sql + at));
    return at;
}

// catalogue.schema.table: the last two of them. *ret_end is behind the name and blanks.
static char *read_path(const char *sql, size_t at, size_t *ret_end, char **ret_schema,
                       struct sl_arena *arena)
{
    char *name = NULL;
    *ret_schema = NULL;
    for (;;) {
        size_t end;
        *ret_schema = name;
        name = read_name(sql, at, &end, arena);
        *ret_end = at = skip_blanks(sql, end);
        if (sql[at] != '.' || !name)
            return name;
        at = skip_blanks(sql, at + 1);
    }
}

int sl_ddl_columns(const struct sl_ddl_statement *statement, struct sl_arena *arena,
                   const char **ret_name, struct sl_ddl_column **ret, size_t *ret_count,
                   struct sl_err *err)
{
    const char *sql = statement->sql;
    size_t at = skip_create_table(statement);
    char *schema;
    *ret_name = NULL;
    *ret = NULL;
    *ret_count = 0;
    if (!at)
        return SL_OK;
    *ret_name = read_path(sql, at, &at, &schema, arena);
    return *ret_name && sql[at] == '(' ? read_columns(statement, at + 1, arena, ret, ret_count, err)
                                       : SL_OK;
}

const char *sl_ddl_schema(const struct sl_ddl_statement *statement, struct sl_arena *arena)
{
    size_t at = skip_create_table(statement);
    char *schema = NULL;
    return at && read_path(statement->sql, at, &at, &schema, arena) ? schema : NULL;
}

// --- Foreign keys that are added later ---

// "(a, "b c")": *at is behind it. False: it is no list of names.
static int read_list(const char *sql, size_t *at, struct sl_arena *arena, struct sl_strs *ret,
                     bool *is_list, struct sl_err *err)
{
    *is_list = sql[*at] == '(';
    while (*is_list && sql[*at] != ')') {
        size_t end;
        *at = skip_blanks(sql, *at + 1);
        char *name = read_name(sql, *at, &end, arena);
        *at = skip_blanks(sql, end);
        *is_list = name && (sql[*at] == ',' || sql[*at] == ')');
        if (*is_list)
            SL_TRY(sl_strs_add(ret, arena, name, err));
    }
    *at = *is_list ? skip_blanks(sql, *at + 1) : *at;
    return SL_OK;
}

static bool skip_word(const char *sql, size_t *at, const char *word)
{
    if (!is_word(sql, *at, word))
        return false;
    *at = skip_blanks(sql, *at + strlen(word));
    return true;
}

int sl_ddl_foreign_key(const struct sl_ddl_statement *statement, struct sl_arena *arena,
                       struct sl_ddl_foreign_key *ret, struct sl_err *err)
{
    const char *sql = statement->sql;
    size_t at = 0;
    char *schema;
    bool is_list;
    *ret = (struct sl_ddl_foreign_key){0};
    if (!skip_word(sql, &at, "alter") || !skip_word(sql, &at, "table"))
        return SL_OK;
    (void)skip_word(sql, &at, "only");
    const char *table = read_path(sql, at, &at, &schema, arena);
    if (!table || !skip_word(sql, &at, "add"))
        return SL_OK;
    if (skip_word(sql, &at, "constraint"))
        (void)read_path(sql, at, &at, &schema, arena);
    if (!skip_word(sql, &at, "foreign") || !skip_word(sql, &at, "key"))
        return SL_OK;
    SL_TRY(read_list(sql, &at, arena, &ret->columns, &is_list, err));
    if (!is_list || !skip_word(sql, &at, "references"))
        return SL_OK;
    ret->other = read_path(sql, at, &at, &schema, arena);
    SL_TRY(read_list(sql, &at, arena, &ret->others, &is_list, err));
    if (ret->other && is_list && ret->columns.count == ret->others.count)
        ret->table = table;
    return SL_OK;
}

// --- Words that say nothing here ---

// Behind what begins at `at`: "word word ..." in any case, one blank or more between them.
static size_t skip_words(const char *sql, size_t at, const char *words)
{
    while (*words) {
        size_t length = strcspn(words, " ");
        if (word_length(sql + at) != length || strncasecmp(sql + at, words, length) != 0)
            return 0;
        at = skip_blanks(sql, at + length);
        words += length + (words[length] == ' ');
    }
    return at;
}

static size_t skip_idle(const char *sql, size_t at)
{
    static const char *const idle[] = {
        "on delete cascade",
        "on delete restrict",
        "on delete no action",
        "on delete set null",
        "on delete set default",
        "on update cascade",
        "on update restrict",
        "on update no action",
        "on update set null",
        "on update set default",
        "not valid",
        "generated always as identity",
        "generated by default as identity",
    };
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
        size_t end = skip_words(sql, at, idle[i]);
        if (end && sql[end] == '(' && strncmp(idle[i], "generated", 9) == 0) {
            end = part_end(sql, end + 1, ")");
            end += sql[end] != '\0';
        }
        if (end)
            return end;
    }
    return strncasecmp(sql + at, "::regclass", 10) == 0 ? at + 10 : 0;
}

// "references public.t (id)", with the list of columns or without.
static size_t skip_reference(const char *sql, size_t at, struct sl_arena *arena)
{
    char *schema;
    size_t end = skip_words(sql, at, "references");
    if (!end || !read_path(sql, end, &end, &schema, arena))
        return 0;
    if (sql[end] == '(') {
        end = part_end(sql, end + 1, ")");
        end += sql[end] != '\0';
    }
    return end;
}

// "(...)" behind "check": (true), for what stands there is not understood.
static size_t skip_check(char *sql, size_t at)
{
    size_t open = skip_words(sql, at, "check");
    if (!open || sql[open] != '(')
        return 0;
    size_t end = part_end(sql, open + 1, ")");
    if (end < open + 5)
        return 0;
    memcpy(sql + open + 1, "true", 4);
    for (size_t i = open + 5; i < end; i++)
        sql[i] = sql[i] == '\n' ? '\n' : ' ';
    return end;
}

// "default ..." up to the next constraint, comma or bracket.
static size_t skip_default(const char *sql, size_t at)
{
    static const char *const ends[] = {"not",        "null",   "constraint", "check",     "primary",
                                       "references", "unique", "collate",    "generated", NULL};
    size_t next = skip_words(sql, at, "default");
    size_t end = next ? part_end(sql, next, ",)") : 0;
    for (; next && next < end; next += word_length(sql + next) ? word_length(sql + next) : 1)
        if (is_one_of(sql, next, ends))
            return next;
    return end;
}

const char *sl_ddl_plain(const char *sql, int level, struct sl_arena *arena)
{
    char *plain = sl_arena_strdup(arena, sql);
    for (size_t at = 0; plain && plain[at];) {
        size_t next = sl_ddl_skip_special(plain, at);
        bool is_inside = at > 0 && (isalnum((unsigned char)plain[at - 1]) || plain[at - 1] == '_');
        if (next > at) {
            at = next;
            continue;
        }
        size_t end = is_inside ? 0 : skip_idle(plain, at);
        if (!end && !is_inside && level >= 1)
            end = skip_reference(plain, at, arena);
        if (!end && !is_inside && level >= 2)
            end = skip_default(plain, at);
        size_t checked = !end && !is_inside && level >= 2 ? skip_check(plain, at) : 0;
        if (checked) {
            at = checked;
            continue;
        }
        for (; at < end; at++) // lines stay where they are
            plain[at] = plain[at] == '\n' ? '\n' : ' ';
        at += !end;
    }
    return plain;
}
