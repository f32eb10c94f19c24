#include "sql/columns.h"

#include "base/str.h"
#include "sql/functions.h"

static bool is_first_of(const struct sl_ast *reference, const char *name)
{
    const struct sl_ast *first = sl_ast_first(sl_ast_get(reference, "column_names"));
    return first && first->text && sl_str_equal_nocase(first->text, name);
}

// The parameters of a lambda hide columns of their names.
static bool is_hidden(const struct sl_ast *params, const char *name)
{
    if (sl_ast_is_class(params, "COLUMN_REF"))
        return is_first_of(params, name);
    for (const struct sl_ast *item = sl_ast_first(params); item; item = item->next)
        if (item->first && is_hidden(item, name))
            return true;
    return false;
}

static bool members_read(const struct sl_ast *node, const char *name)
{
    for (const struct sl_ast *member = sl_ast_first(node); member; member = member->next)
        if (member->first && sl_sql_reads_column(member, name))
            return true;
    return false;
}

// `a.trim()` is trim(a), and is read as a function in the schema a.
static bool receiver_reads(const struct sl_ast *call, const char *name)
{
    const char *catalogue = sl_ast_text(call, "catalog"), *schema = sl_ast_text(call, "schema");
    return *schema && !sl_str_equal(schema, "main") &&
           sl_str_equal_nocase(*catalogue ? catalogue : schema, name);
}

static bool call_reads(const struct sl_ast *call, const char *name)
{
    if (receiver_reads(call, name))
        return true;
    if (!sl_function_takes_lambda(call))
        return members_read(call, name);
    for (const struct sl_ast *child = sl_ast_first(sl_ast_get(call, "children")); child;
         child = child->next) {
        bool is_lambda = sl_ast_is_class(child, "LAMBDA");
        const struct sl_ast *part = is_lambda ? sl_ast_get(child, "expr") : child;
        bool hides = is_lambda && is_hidden(sl_ast_get(child, "lhs"), name);
        if (!hides && sl_sql_reads_column(part, name))
            return true;
    }
    return false;
}

bool sl_sql_reads_column(const struct sl_ast *node, const char *name)
{
    if (sl_ast_is_class(node, "STAR") || sl_ast_is_class(node, "POSITIONAL_REFERENCE"))
        return true;
    if (sl_ast_is_class(node, "COLUMN_REF"))
        return is_first_of(node, name);
    return sl_ast_is_class(node, "FUNCTION") ? call_reads(node, name) : members_read(node, name);
}

int sl_sql_conditions(struct sl_session *session, const char *const *conditions, size_t count,
                      struct sl_arena *arena, const struct sl_ast **ret, struct sl_err *err)
{
    const char **sql = SL_NEW_ARRAY(arena, const char *, count + 1);
    const char **json = SL_NEW_ARRAY(arena, const char *, count + 1);
    SL_TRY_NEW(sql, err);
    SL_TRY_NEW(json, err);
    for (size_t i = 0; i < count; i++) {
        sql[i] = sl_arena_printf(arena, "select (\n%s\n)", conditions[i]);
        SL_TRY_NEW(sql[i], err);
    }
    SL_TRY(session->kind->parse(session, sql, count, arena, json, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_ast *tree = NULL;
        int code = sl_ast_parse(json[i], arena, &tree, err);
        if (code != SL_E_LIMIT)
            SL_TRY(code);
        const struct sl_ast *statement = sl_ast_first(sl_ast_get(tree, "statements"));
        ret[i] = sl_ast_first(sl_ast_get(sl_ast_get(statement, "node"), "select_list"));
    }
    return SL_OK;
}
