// The user's own query, as the Open Data Contract Standard has it: one value, and what it must be.
#include "check/kinds.h"
#include "check/must.h"

#include <string.h>

static const struct sl_opt rows[] = {
    {"query", SL_OPT_STRING, 0, NULL,
     "Gives one number, or true or false. ${table} (or {object}) is the table as it would be, "
     "${column} (or {property}) the column that the check stands at.",
     SL_OPT_REQUIRED},
    {"mustBe", SL_OPT_NODE, 0, NULL,
     "One of the operators mustBe, mustNotBe, mustBeGreaterThan, mustBeGreaterOrEqualTo, "
     "mustBeLessThan, mustBeLessOrEqualTo, mustBeBetween, mustNotBeBetween.",
     0},
    {0},
};

// What stands for the table and the column; "${x}" is the "{x}" of v3.1 with a dollar before it.
static const struct placeholder {
    const char *text;
    bool is_column;
} placeholders[] = {
    {"{table}", false}, {"{object}", false}, {"{column}", true}, {"{property}", true}};

static const struct placeholder *placeholder_at(const char *text)
{
    for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
        if (sl_str_starts(text, placeholders[i].text))
            return &placeholders[i];
    return NULL;
}

// False, with a diagnostic, if the query is about a column and there is none.
static bool fill(const struct sl_check_input *input, const struct sl_yaml *query,
                 struct sl_buf *sql)
{
    for (const char *at = query->text; *at;) {
        const char *name = at + (*at == '$');
        const struct placeholder *found = placeholder_at(name);
        if (!found) {
            sl_buf_add_char(sql, *at++);
            continue;
        }
        if (found->is_column && !input->column) {
            sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, query->place,
                    "write the rule under a property", "the query has %s, but is about no column",
                    found->text);
            return false;
        }
        if (found->is_column)
            sl_buf_add_sql_name(sql, input->column);
        else
            sl_buf_add(sql, SL_CHECKED);
        at = name + strlen(found->text);
    }
    while (sql->length && strchr(" \t\r\n;", sql->text[sql->length - 1]))
        sql->text[--sql->length] = '\0';
    return true;
}

static int compile(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf broken = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf must = SL_BUF_INIT;
    const struct sl_yaml *query = sl_yaml_get(input->arguments, "query");
    if (!query || query->kind != SL_YAML_SCALAR || !query->text[strspn(query->text, " \t\r\n;")]) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING,
                query ? query->place : input->arguments->place,
                "write 'query: select count(*) from ${table} where ...'", "'query' is missing");
        return SL_OK;
    }
    if (!fill(input, query, &sql) || !sl_check_must(input, "\"value\"", NULL, &broken, &must))
        return SL_OK;
    sl_buf_add(&broken, " or \"value\" is null");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_buf_check(&broken, err));
    SL_TRY(sl_buf_check(&must, err));
    const char *select = sl_arena_printf(input->arena, "select (%s\n) as \"value\"", sql.text);
    SL_TRY_NEW(select, err);
    ret->reads_any = true;
    ret->claim = sl_arena_printf(input->arena, "what the query gives %s", must.text);
    SL_TRY_NEW(ret->claim, err);
    return sl_check_judged(input, select, "value", broken.text, ret, err);
}

static const struct sl_check_term terms[] = {
    {"query", SL_CHECK_FIXED}, {"mustBe", SL_CHECK_OPERATOR}, {0}};

const struct sl_check_kind sl_check_sql = {
    .name = "sql",
    .summary = "A query gives one number, or true or false, that is as it must be.",
    .example = "sql: {query: 'select count(*) from ${table} where amount < 0', mustBe: 0}",
    .dimension = SL_DIMENSION_ACCURACY,
    .options = rows,
    .terms = terms,
    .compile = compile,
};
