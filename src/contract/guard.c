#include "contract/guard.h"

#include "contract/rule.h"

#include <string.h>

static bool is_word(char c)
{
    return strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$", c)
               ? c != '\0'
               : (unsigned char)c >= 0x80;
}

// Behind a literal, a quoted name or a comment that begins at `at`; `at` itself: none begins.
static const char *skip_quoted(const char *at)
{
    const char *end = NULL;
    if (*at == '\'' || *at == '"') {
        for (end = at + 1; *end && (*end != *at || end[1] == *at); end++)
            end += *end == *at;
        return *end ? end + 1 : end;
    }
    if (at[0] == '-' && at[1] == '-')
        end = strchr(at, '\n');
    else if (at[0] == '/' && at[1] == '*')
        end = strstr(at + 2, "*/") ? strstr(at + 2, "*/") + 2 : NULL;
    else
        return at;
    return end ? end : at + strlen(at);
}

static bool is_name(const char *text, size_t length, const char *name)
{
    return strlen(name) == length && strncasecmp(text, name, length) == 0;
}

// `text` behind the quote that opens it; a quote in it stands doubled.
static bool is_quoted_name(const char *text, const char *end, const char *name)
{
    for (; text < end && *name; text++, name++) {
        if (strncasecmp(text, name, 1) != 0)
            return false;
        text += *text == '"';
    }
    return text == end && !*name;
}

// A star that stands for columns is no operator: COLUMNS(*), row(t.*), list_value(1, *).
static bool is_star(const char *sql, const char *at)
{
    if (*at != '*')
        return false;
    while (at > sql && strchr(" \t\r\n", at[-1]))
        at--;
    return at == sql || strchr("(,.", at[-1]);
}

// Whether SQL names the column, or columns by a pattern. What only reads like its name (an alias, a
// member) counts as well.
static bool mentions(const char *sql, const char *name)
{
    const char *start = sql;
    while (sql && *sql) {
        const char *next = skip_quoted(sql);
        if (next != sql) {
            if (*sql == '"' && next - sql >= 2 && is_quoted_name(sql + 1, next - 1, name))
                return true;
            sql = next;
            continue;
        }
        while (is_word(*next))
            next++;
        if (next == sql && is_star(start, next++))
            return true;
        if (is_name(sql, (size_t)(next - sql), name) ||
            is_name(sql, (size_t)(next - sql), "columns"))
            return true;
        sql = next;
    }
    return false;
}

static bool looks_at(const struct sl_rule *rule, const char *column)
{
    const struct sl_rule_form *form = sl_rule_form_find(rule->kind);
    const struct sl_rule_kind *kind = sl_rule_kind_find(rule->kind);
    // Of those that look at one value, the value that failed passes.
    if (kind && kind->is_for_rows && sl_str_equal(rule->column, column))
        return true;
    for (size_t i = 0; i < rule->columns.count; i++)
        if (sl_str_equal_nocase(rule->columns.items[i], column))
            return true;
    return mentions(rule->where, column) || (form && form->has_sql && mentions(rule->text, column));
}

// "address" has the members "address.zip" and the items "address[]".
static bool is_in(const char *path, const char *column)
{
    size_t length = strlen(column);
    return path && strncmp(path, column, length) == 0 &&
           (path[length] == '\0' || path[length] == '.' || path[length] == '[');
}

struct guard {
    struct sl_buf failed, failed_flagged; // true where a value failed its type
    bool always_rejects;                  // then
};

static void guard_clear(struct guard *guard)
{
    sl_buf_clear(&guard->failed);
    sl_buf_clear(&guard->failed_flagged);
}

static void add_type(const struct sl_pass_rule *rule, const struct sl_pass_rule *type,
                     struct guard *guard)
{
    // What sets a value aside is computed beside the others of its kind.
    bool is_beside = rule->test && type->test;
    const char *comma = guard->failed.length ? " or " : "";
    sl_buf_addf(&guard->failed, "%s(%s)", comma, is_beside ? type->test : type->broken);
    sl_buf_addf(&guard->failed_flagged, "%s(%s)", comma,
                is_beside ? type->test_flagged : type->flagged);
    guard->always_rejects &=
        !type->is_warning && !type->is_value && !(type->rule && type->rule->where);
}

static void add_types(const struct sl_pass *pass, const struct sl_pass_rule *rule,
                      const char *column, struct guard *guard)
{
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *type = &pass->rules[i];
        if (type != rule && sl_str_equal(type->kind, "type") && is_in(type->column, column))
            add_type(rule, type, guard);
    }
}

// What has another shape is empty, as others of these items are. (Unreadable leaves are left out by
// the rule itself.)
static void add_shapes(const struct sl_pass *pass, const struct sl_pass_rule *rule,
                       const struct sl_contract_column *columns, size_t count, struct guard *guard)
{
    for (size_t i = 0; i < count; i++) {
        const char *path = sl_contract_path(&columns[i]);
        if (!columns[i].field_count)
            continue;
        for (size_t k = 0; is_in(path, rule->rule->column) && k < pass->rule_count; k++)
            if (sl_str_equal(pass->rules[k].kind, "type") &&
                sl_str_equal(pass->rules[k].column, path))
                add_type(rule, &pass->rules[k], guard);
        add_shapes(pass, rule, columns[i].fields, columns[i].field_count, guard);
    }
}

static int wrap(const char **sql, const struct sl_buf *failed, struct sl_arena *arena,
                struct sl_err *err)
{
    if (!*sql)
        return SL_OK;
    *sql = sl_arena_printf(arena, "case when not coalesce(%s, false) then (%s) end", failed->text,
                           *sql);
    SL_TRY_NEW(*sql, err);
    return SL_OK;
}

static int guard_rule(const struct sl_contract_table *table, struct sl_pass *pass,
                      struct sl_pass_rule *rule, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(guard_clear)
    struct guard guard = {SL_BUF_INIT, SL_BUF_INIT, true};
    for (size_t i = 0; i < table->column_count; i++)
        if (looks_at(rule->rule, table->columns[i].name))
            add_types(pass, rule, sl_contract_path(&table->columns[i]), &guard);
    if (sl_str_equal(rule->kind, "unique_items"))
        add_shapes(pass, rule, table->columns, table->column_count, &guard);
    if (!guard.failed.length)
        return SL_OK;
    SL_TRY(sl_buf_check(&guard.failed, err));
    SL_TRY(sl_buf_check(&guard.failed_flagged, err));
    rule->unguarded = rule->test ? rule->test : rule->broken;
    if (rule->test) {
        SL_TRY(wrap(&rule->test, &guard.failed, arena, err));
        return wrap(&rule->test_flagged, &guard.failed_flagged, arena, err);
    }
    SL_TRY(wrap(&rule->broken, &guard.failed, arena, err));
    SL_TRY(wrap(&rule->flagged, &guard.failed_flagged, arena, err));
    return guard.always_rejects ? SL_OK : wrap(&rule->flag, &guard.failed_flagged, arena, err);
}

int sl_guard_rules(const struct sl_contract_table *table, struct sl_pass *pass,
                   struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < pass->rule_count; i++) {
        struct sl_pass_rule *rule = &pass->rules[i];
        // A foreign key is null, and no orphan, where one of its columns is; types are judged
        // first.
        bool is_about_rows = rule->rule && !sl_str_equal(rule->kind, "foreign_key") &&
                             !sl_str_equal(rule->kind, "type");
        if (is_about_rows)
            SL_TRY(guard_rule(table, pass, rule, arena, err));
    }
    return SL_OK;
}
