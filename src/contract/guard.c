#include "contract/guard.h"

#include "contract/rule.h"
#include "sql/columns.h"

#include <string.h>

// A rule of the pass with the trees of its SQL, NULL where it has none.
struct looker {
    struct sl_pass_rule *rule;
    const struct sl_ast *where, *text;
    bool has_doubt; // it has SQL that has no tree
};

static bool looks_at(const struct looker *looker, const char *column)
{
    const struct sl_rule *rule = looker->rule->rule;
    const struct sl_rule_kind *kind = sl_rule_kind_find(rule->kind);
    // Of those that look at one value, the value that failed passes.
    if (looker->has_doubt || (kind && kind->is_for_rows && sl_str_equal(rule->column, column)))
        return true;
    for (size_t i = 0; i < rule->columns.count; i++)
        if (sl_str_equal_nocase(rule->columns.items[i], column))
            return true;
    return sl_sql_reads_column(looker->where, column) || sl_sql_reads_column(looker->text, column);
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
                      const struct looker *looker, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_pass_rule *rule = looker->rule;
    SL_AUTO(guard_clear)
    struct guard guard = {SL_BUF_INIT, SL_BUF_INIT, true};
    for (size_t i = 0; i < table->column_count; i++)
        if (looks_at(looker, table->columns[i].name))
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

// A foreign key is null, and no orphan, where one of its columns is; types are judged first.
static bool is_guarded(const struct sl_pass_rule *rule)
{
    return rule->rule && !sl_str_equal(rule->kind, "foreign_key") &&
           !sl_str_equal(rule->kind, "type");
}

static const char *sql_of(const struct sl_rule *rule)
{
    const struct sl_rule_form *form = sl_rule_form_find(rule->kind);
    return form && form->has_sql ? rule->text : NULL;
}

// All SQL goes to the parser at once.
static int parse(struct looker *lookers, size_t count, struct sl_session *session,
                 struct sl_arena *arena, struct sl_err *err)
{
    const char **sql = SL_NEW_ARRAY(arena, const char *, 2 * count + 1);
    const struct sl_ast **trees = SL_NEW_ARRAY(arena, const struct sl_ast *, 2 * count + 1);
    size_t sql_count = 0;
    SL_TRY_NEW(sql, err);
    SL_TRY_NEW(trees, err);
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *rule = lookers[i].rule->rule;
        if (rule->where)
            sql[sql_count++] = rule->where;
        if (sql_of(rule))
            sql[sql_count++] = sql_of(rule);
    }
    if (sql_count)
        SL_TRY(sl_sql_conditions(session, sql, sql_count, arena, trees, err));
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *rule = lookers[i].rule->rule;
        lookers[i].where = rule->where ? *trees++ : NULL;
        lookers[i].text = sql_of(rule) ? *trees++ : NULL;
        lookers[i].has_doubt =
            (rule->where && !lookers[i].where) || (sql_of(rule) && !lookers[i].text);
    }
    return SL_OK;
}

int sl_guard_rules(const struct sl_contract_table *table, struct sl_pass *pass,
                   struct sl_session *session, struct sl_arena *arena, struct sl_err *err)
{
    struct looker *lookers = SL_NEW_ARRAY(arena, struct looker, pass->rule_count + 1);
    size_t count = 0;
    bool has_types = false;
    SL_TRY_NEW(lookers, err);
    for (size_t i = 0; i < pass->rule_count; i++) {
        has_types |= sl_str_equal(pass->rules[i].kind, "type");
        if (is_guarded(&pass->rules[i]))
            lookers[count++] = (struct looker){.rule = &pass->rules[i]};
    }
    if (!has_types)
        return SL_OK;
    SL_TRY(parse(lookers, count, session, arena, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(guard_rule(table, pass, &lookers[i], arena, err));
    return SL_OK;
}
