// What a model's SQL reads.
#include "base/reserved.h"
#include "base/str.h"
#include "sql/functions.h"
#include "sql/locality.h"
#include "sql/query.h"
#include "sql/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Where the SQL stands in the user's file.
struct text {
    const char *sql;
    const char *file;
    int first_line;
    int first_column;
};

static bool is_inside_character(const char *c)
{
    return ((unsigned char)*c & 0xC0) == 0x80;
}

// The tree's places are in bytes, columns in characters. A place that is not known is the
// beginning.
static struct sl_place place_of(const struct text *text, size_t offset)
{
    struct sl_place place = {text->file, text->first_line, text->first_column};

    if (offset == SIZE_MAX)
        return place;
    for (const char *c = text->sql; *c && (size_t)(c - text->sql) < offset; c++) {
        if (*c == '\n') {
            place.line++;
            place.column = 1;
        } else if (!is_inside_character(c)) {
            place.column++;
        }
    }
    return place;
}

// The place of a syntax error is given in characters.
static size_t byte_offset(const char *sql, size_t characters)
{
    const char *c = sql;

    for (; *c && (characters > 0 || is_inside_character(c)); c++)
        characters -= !is_inside_character(c);
    return (size_t)(c - sql);
}

static bool has_word(const char *sql, const char *word)
{
    for (; *sql; sql++)
        if (strncasecmp(sql, word, strlen(word)) == 0)
            return true;
    return false;
}

static const char *quote_hint(const char *word, char hint[128])
{
    snprintf(hint, 128, SL_RESERVED_HINT, word, word);
    return hint;
}

static void report_parse_error(const struct sl_ast *tree, const struct text *text,
                               struct sl_diags *diags)
{
    const char *position = sl_ast_text(tree, "position");
    const char *message = sl_ast_text(tree, "error_message");
    char word[SL_RESERVED_MAX], hint[128];
    size_t offset =
        *position ? byte_offset(text->sql, (size_t)strtoull(position, NULL, 10)) : SIZE_MAX;

    if (sl_ast_is(tree, "error_type", "not implemented"))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_SQL_KIND, place_of(text, SIZE_MAX),
                has_word(text->sql, "pivot")
                    ? "a PIVOT needs its values written out: on COLUMN in (...)"
                    : "leave just the SELECT: Sluice writes the table, and 'write' in the leading "
                      "comment says how",
                "a model is a single SELECT, and this is another statement");
    else
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_SQL_SYNTAX, place_of(text, offset),
                offset != SIZE_MAX && sl_reserved_at(text->sql, offset, word)
                    ? quote_hint(word, hint)
                    : NULL,
                "%s", *message ? message : "the SQL cannot be parsed");
}

static void report_statements(const struct sl_ast *tree, const struct text *text,
                              struct sl_diags *diags)
{
    size_t count = sl_ast_count(sl_ast_get(tree, "statements"));

    if (count == 0)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_SQL_KIND, place_of(text, SIZE_MAX), NULL,
                "a model is a single SELECT, and there is none");
    else
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_SQL_KIND, place_of(text, SIZE_MAX),
                "make one of them a WITH of the other, or a model of its own",
                "a model is a single SELECT, and there are %zu statements", count);
}

// It would lead somewhere else from each folder that a command is started in.
static void report_path(const struct sl_ast *node, const struct text *text, struct sl_diags *diags)
{
    const struct sl_ast *call = sl_ast_get(node, "function");
    const char *path = sl_function_relative_path(call);

    if (path)
        sl_diag(
            diags, SL_SEVERITY_ERROR, SL_E_SQL_TABLE, place_of(text, sl_ast_location(node)),
            "declare it as a source, sources/x.yml with 'path: ...' as seen from sluice.yml, "
            "and read raw.x or clean.x; or write the whole path",
            "%s() reads '%s', which is no whole path: where it leads depends on the folder that "
            "sluice is started in",
            sl_ast_text(call, "function_name"), path);
}

// DESCRIBE and SHOW look at the catalogue; query() and query_table() read tables that nobody sees
// in the tree.
static void report_hidden(const struct sl_ast *node, const struct text *text,
                          struct sl_diags *diags)
{
    const char *function = sl_ast_text(sl_ast_get(node, "function"), "function_name");

    if (sl_ast_is(node, "type", "SHOW_REF"))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_SQL_KIND, place_of(text, sl_ast_location(node)),
                NULL, "a model cannot read from DESCRIBE, SUMMARIZE or SHOW");
    else if (sl_ast_is(node, "type", "TABLE_FUNCTION") &&
             (sl_str_equal_nocase(function, "query") ||
              sl_str_equal_nocase(function, "query_table")))
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_SQL_TABLE, place_of(text, sl_ast_location(node)),
                "write the table's name in the FROM clause", "%s() hides the tables that it reads",
                function);
    else if (sl_ast_is(node, "type", "TABLE_FUNCTION"))
        report_path(node, text, diags);
    for (const struct sl_ast *item = sl_ast_first(node); item; item = item->next)
        if (item->first)
            report_hidden(item, text, diags);
}

static int copy_tables(const struct sl_sql_scan *scan, const struct text *text,
                       struct sl_arena *arena, struct sl_query *query, struct sl_err *err)
{
    query->tables = SL_NEW_ARRAY(arena, struct sl_table_ref, scan->read_count);
    SL_TRY_NEW(query->tables, err);
    for (size_t i = 0; i < scan->read_count; i++) {
        const struct sl_sql_read *read = &scan->reads[i];
        struct sl_place place = place_of(text, read->location);
        struct sl_table_ref *table = &query->tables[query->table_count++];

        *table =
            (struct sl_table_ref){.line = place.line, .column = place.column, .times = read->times};
        table->name = sl_arena_strdup(arena, read->name);
        table->layer = sl_arena_strdup(arena, read->layer);
        if (!table->name || (read->layer && !table->layer))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int fill(struct sl_ast *root, const struct text *text, struct sl_arena *scratch,
                struct sl_arena *arena, struct sl_query *query, struct sl_err *err)
{
    struct sl_sql_scan scan;
    struct sl_sql_path path;
    const struct sl_ast *found;

    SL_TRY(sl_sql_scan(root, scratch, &scan, err));
    SL_TRY(copy_tables(&scan, text, arena, query, err));
    found = sl_sql_find_volatile(root);
    if (found) {
        query->is_volatile = true;
        query->why_volatile = sl_sql_describe_volatile(found, arena);
        SL_TRY_NEW(query->why_volatile, err);
    }
    SL_TRY(sl_sql_list_files(root, arena, &query->files, err));
    SL_TRY(sl_sql_why_every_run(root, arena, &query->why_every_run, err));
    SL_TRY(sl_sql_path(&scan, scratch, &path, err));
    return sl_sql_path_tell(&path, true, arena, query, err);
}

int sl_query_read(const char *ast, const char *sql, const char *file, int first_line,
                  int first_column, struct sl_arena *arena, struct sl_diags *diags,
                  struct sl_query *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    struct text text = {sql, file, first_line, first_column};
    struct sl_query query = {0};
    size_t errors = diags->error_count;
    struct sl_ast *tree, *root;

    SL_TRY(sl_ast_parse(ast, &scratch, &tree, err));
    root = sl_sql_root(tree);
    if (sl_ast_true(tree, "error"))
        report_parse_error(tree, &text, diags);
    else if (!root)
        report_statements(tree, &text, diags);
    else
        report_hidden(root, &text, diags);
    if (diags->error_count == errors)
        SL_TRY(fill(root, &text, &scratch, arena, &query, err));
    *ret = query;
    return SL_OK;
}
