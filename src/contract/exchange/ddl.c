#include "contract/exchange/ddl_words.h"

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

size_t sl_ddl_skip_blanks(const char *text, size_t at)
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

int sl_ddl_line_at(const char *text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

size_t sl_ddl_word_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return length;
}

size_t sl_ddl_part_end(const char *text, size_t at, const char *ends)
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
    for (size_t at = sl_ddl_skip_blanks(text, 0); text[at]; at = sl_ddl_skip_blanks(text, at)) {
        // Brackets are not counted: one too many must not swallow the statements behind.
        size_t end = at;
        while (text[end] && text[end] != ';') {
            size_t next = sl_ddl_skip_special(text, end);
            end = next > end ? next : end + 1;
        }
        line += sl_ddl_line_at(text + counted, at - counted) - 1;
        counted = at;
        char *keyword = sl_arena_strndup(arena, text + at, sl_ddl_word_length(text + at));
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

char *sl_ddl_read_name(const char *text, size_t at, size_t *ret_end, struct sl_arena *arena)
{
    char quote = text[at] == '[' ? ']' : text[at];
    if (quote != '"' && quote != '`' && quote != ']') {
        *ret_end = at + sl_ddl_word_length(text + at);
        return *ret_end > at ? sl_arena_strndup(arena, text + at, *ret_end - at) : NULL;
    }
    size_t end = at + 1;
    while (text[end] && text[end] != quote)
        end++;
    *ret_end = end + (text[end] != '\0');
    return sl_arena_strndup(arena, text + at + 1, end - at - 1);
}

bool sl_ddl_is_word(const char *text, size_t at, const char *word)
{
    size_t length = strlen(word);
    return sl_ddl_word_length(text + at) == length && strncasecmp(text + at, word, length) == 0;
}

bool sl_ddl_is_one_of(const char *text, size_t at, const char *const *words)
{
    for (; *words; words++)
        if (sl_ddl_is_word(text, at, *words))
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
        at = sl_ddl_skip_blanks(text, at);
        if (at >= end || sl_ddl_is_one_of(text, at, constraints))
            break;
        if (text[at] == '(' || text[at] == '[' || text[at] == '<') {
            const char *close = text[at] == '(' ? ")" : text[at] == '[' ? "]" : ">";
            at = text[at] == '(' ? sl_ddl_part_end(text, at + 1, close)
                                 : at + strcspn(text + at, close);
            at += text[at] != '\0';
        } else {
            at += sl_ddl_word_length(text + at) ? sl_ddl_word_length(text + at) : 1;
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
        at = sl_ddl_skip_blanks(sql, at);
        size_t end = sl_ddl_part_end(sql, at, ",)");
        size_t name_end = at;
        if (!sl_ddl_is_one_of(sql, at, others)) {
            char *name = sl_ddl_read_name(sql, at, &name_end, arena);
            size_t type_at = sl_ddl_skip_blanks(sql, name_end);
            size_t type_stop = type_end(sql, type_at, end);
            struct sl_ddl_column column = {
                name, sl_arena_strndup(arena, sql + type_at, type_stop - type_at),
                statement->line + sl_ddl_line_at(sql, at) - 1};
            if (name && (!column.type || !SL_PUSH(arena, *ret, *ret_count, column)))
                return sl_fail_memory(err);
        }
        at = end + (sql[end] == ',');
    }
    return SL_OK;
}

size_t sl_ddl_skip_create_table(const struct sl_ddl_statement *statement)
{
    static const char *const fillers[] = {"create",    "or",       "replace",  "temp",
                                          "temporary", "unlogged", "external", NULL};
    const char *sql = statement->sql;
    size_t at = 0;
    while (sl_ddl_is_one_of(sql, at, fillers))
        at = sl_ddl_skip_blanks(sql, at + sl_ddl_word_length(sql + at));
    bool is_made = sl_ddl_is_word(sql, at, "table") || sl_ddl_is_word(sql, at, "type");
    if (!is_made || !sl_str_equal(statement->keyword, "create"))
        return 0;
    at = sl_ddl_skip_blanks(sql, at + sl_ddl_word_length(sql + at));
    while (sl_ddl_is_word(sql, at, "if") || sl_ddl_is_word(sql, at, "not") ||
           sl_ddl_is_word(sql, at, "exists"))
        at = sl_ddl_skip_blanks(sql, at + sl_ddl_word_length(sql + at));
    return at;
}

char *sl_ddl_read_path(const char *sql, size_t at, size_t *ret_end, char **ret_schema,
                       struct sl_arena *arena)
{
    char *name = NULL;
    *ret_schema = NULL;
    for (;;) {
        size_t end;
        *ret_schema = name;
        name = sl_ddl_read_name(sql, at, &end, arena);
        *ret_end = at = sl_ddl_skip_blanks(sql, end);
        if (sql[at] != '.' || !name)
            return name;
        at = sl_ddl_skip_blanks(sql, at + 1);
    }
}

int sl_ddl_columns(const struct sl_ddl_statement *statement, struct sl_arena *arena,
                   const char **ret_name, struct sl_ddl_column **ret, size_t *ret_count,
                   struct sl_err *err)
{
    const char *sql = statement->sql;
    size_t at = sl_ddl_skip_create_table(statement);
    char *schema;
    *ret_name = NULL;
    *ret = NULL;
    *ret_count = 0;
    if (!at)
        return SL_OK;
    *ret_name = sl_ddl_read_path(sql, at, &at, &schema, arena);
    return *ret_name && sql[at] == '(' ? read_columns(statement, at + 1, arena, ret, ret_count, err)
                                       : SL_OK;
}

const char *sl_ddl_schema(const struct sl_ddl_statement *statement, struct sl_arena *arena)
{
    size_t at = sl_ddl_skip_create_table(statement);
    char *schema = NULL;
    return at && sl_ddl_read_path(statement->sql, at, &at, &schema, arena) ? schema : NULL;
}

// --- Words that say nothing here ---

// Behind what begins at `at`: "word word ..." in any case, one blank or more between them.
static size_t skip_words(const char *sql, size_t at, const char *words)
{
    while (*words) {
        size_t length = strcspn(words, " ");
        if (sl_ddl_word_length(sql + at) != length || strncasecmp(sql + at, words, length) != 0)
            return 0;
        at = sl_ddl_skip_blanks(sql, at + length);
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
            end = sl_ddl_part_end(sql, end + 1, ")");
            end += sql[end] != '\0';
        }
        if (end)
            return end;
    }
    return strncasecmp(sql + at, "::regclass", 10) == 0 ? at + 10 : 0;
}

// When and how the database looks at a foreign key.
static size_t skip_key_words(const char *sql, size_t at)
{
    static const char *const words[] = {"match full",          "match simple", "match partial",
                                        "not deferrable",      "deferrable",   "initially deferred",
                                        "initially immediate", "not enforced"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t end = skip_words(sql, at, words[i]);
        if (end)
            return end;
    }
    return skip_idle(sql, at);
}

// "references public.t (id)", with the list of columns or without.
static size_t skip_reference(const char *sql, size_t at, struct sl_arena *arena)
{
    char *schema;
    size_t end = skip_words(sql, at, "references");
    if (!end || !sl_ddl_read_path(sql, end, &end, &schema, arena))
        return 0;
    if (sql[end] == '(') {
        end = sl_ddl_part_end(sql, end + 1, ")");
        end += sql[end] != '\0';
    }
    for (size_t next; (next = skip_key_words(sql, sl_ddl_skip_blanks(sql, end))) > 0;)
        end = next;
    return end;
}

// "foreign key (a) references t (id)": CHECK (true), for a comma may stand before it. Gives where
// that ends.
static size_t skip_key(char *sql, size_t at, struct sl_arena *arena)
{
    static const char check[] = "check(true)";
    size_t open = skip_words(sql, at, "foreign key");
    if (!open || sql[open] != '(')
        return 0;
    size_t close = sl_ddl_part_end(sql, open + 1, ")");
    size_t end = sql[close] ? sl_ddl_skip_blanks(sql, close + 1) : close;
    end = skip_reference(sql, end, arena);
    if (!end)
        return 0;
    memcpy(sql + at, check, sizeof check - 1);
    for (size_t i = at + sizeof check - 1; i < end; i++)
        sql[i] = sql[i] == '\n' ? '\n' : ' ';
    return end;
}

// "(...)" behind "check": (true), for what stands there is not understood.
static size_t skip_check(char *sql, size_t at)
{
    size_t open = skip_words(sql, at, "check");
    if (!open || sql[open] != '(')
        return 0;
    size_t end = sl_ddl_part_end(sql, open + 1, ")");
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
    size_t end = next ? sl_ddl_part_end(sql, next, ",)") : 0;
    for (; next && next < end;
         next += sl_ddl_word_length(sql + next) ? sl_ddl_word_length(sql + next) : 1)
        if (sl_ddl_is_one_of(sql, next, ends))
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
        size_t checked = !end && !is_inside && level >= 1 ? skip_key(plain, at, arena) : 0;
        if (!end && !is_inside && !checked && level >= 2)
            checked = skip_check(plain, at);
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
