#include "contract/alias.h"
#include "contract/aside.h"
#include "contract/drift.h"
#include "contract/nest.h"
#include "contract/possible.h"
#include "contract/read.h"
#include "contract/relation.h"

#include <string.h>

struct verifier {
    const struct sl_contract_table *table;
    const struct sl_column *raw;
    size_t raw_count;
    const struct sl_pass *pass;
    struct sl_session *session;
    struct sl_diags *diags;
    struct sl_arena *arena;
    struct sl_buf row; // FROM: one row of nulls, with the columns of the prepared relation
};

static bool has_raw(const struct verifier *verifier, const char *name)
{
    for (size_t i = 0; i < verifier->raw_count; i++)
        if (sl_str_equal_nocase(verifier->raw[i].name, name))
            return true;
    return false;
}

static const char *raw_type_of(const struct verifier *verifier, const char *name)
{
    for (size_t i = 0; i < verifier->raw_count; i++)
        if (sl_str_equal_nocase(verifier->raw[i].name, name))
            return verifier->raw[i].type;
    return "VARCHAR";
}

// Of the raw column as the pass reads it.
static const char *read_type_of(struct verifier *verifier, size_t index)
{
    const struct sl_alias_input input = {verifier->table, verifier->raw, verifier->raw_count,
                                         verifier->arena};
    const struct sl_merge *merge = NULL;
    verifier->row.has_failed |= sl_alias_merge(&input, index, &merge, NULL) != SL_OK;
    return merge ? merge->type : raw_type_of(verifier, verifier->table->columns[index].source_name);
}

static void add_null_row(struct verifier *verifier)
{
    const struct sl_pass *pass = verifier->pass;
    sl_buf_add(&verifier->row, " from (select null as \"~corrupt\", cast(null as "
                               "TIMESTAMPTZ) as \"~ingested_at\"");
    for (size_t i = 0; i < pass->column_count; i++)
        sl_buf_addf(&verifier->row, ", cast(null as %s) as %s", pass->columns[i].type,
                    pass->typed[i]);
    for (size_t i = 0; i < pass->judged_count; i++) {
        sl_buf_addf(&verifier->row, ", cast(null as %s) as ", pass->judged[i].type);
        sl_buf_add_sql_name(&verifier->row, pass->judged[i].name);
    }
    for (size_t i = 0; i < verifier->table->column_count; i++) {
        const struct sl_contract_column *column = &verifier->table->columns[i];
        sl_buf_addf(&verifier->row,
                    ", cast(null as VARCHAR) as \"~x%zu\", cast(null as %s) as \"~r%zu\"", i,
                    read_type_of(verifier, i), i);
        if (column->field_count)
            sl_nest_nulls(column, i, &verifier->row);
        if (sl_aside_is_column(verifier->table, column))
            sl_buf_addf(&verifier->row, ", cast(null as %s) as \"~h%zu\"",
                        sl_reading_type(column, verifier->arena), i);
    }
    for (size_t i = 0; i < verifier->raw_count; i++)
        if (sl_drift_is_unknown(verifier->table, &verifier->raw[i]) &&
            !sl_alias_find(verifier->table, verifier->raw[i].name, NULL))
            sl_buf_addf(&verifier->row, ", cast(null as %s) as \"~e%zu\"", verifier->raw[i].type,
                        i);
    const struct sl_alias_input aliases = {verifier->table, verifier->raw, verifier->raw_count,
                                           verifier->arena};
    sl_alias_nulls(&aliases, &verifier->row);
    for (size_t i = 0; i < pass->parent_count; i++)
        sl_buf_addf(&verifier->row, ", cast(null as BOOLEAN) as \"~p%zu\"", i);
    sl_buf_add(&verifier->row, ")");
}

// Runs it, for patterns are looked at only then.
static int run(struct verifier *verifier, const char *sql, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    return verifier->session->kind->query(verifier->session, sql, 1, &result, err);
}

// A condition stands inside of a TRY of ours, which its writer knows nothing of.
static const char *in_the_users_words(const char *message)
{
    bool is_ours = strstr(message, "TRY ") || strstr(message, "class in ExpressionBinder");

    return is_ours ? "only values of the row can stand in a condition: no subquery, aggregate, "
                     "window function or random value"
                   : message;
}

static int verify_one(struct verifier *verifier, const char *sql, const char *what,
                      struct sl_place place, const char *hint, struct sl_err *err)
{
    struct sl_err refusal = {0};
    if (run(verifier, sql, &refusal) == SL_OK)
        return SL_OK;
    if (!sl_possible_is_refusal(refusal.code)) {
        if (err)
            *err = refusal;
        return (int)refusal.code;
    }
    for (size_t i = 0; i < verifier->diags->count; i++) {
        const struct sl_err *known = &verifier->diags->items[i].err;
        if (known->code == SL_E_RULE && known->line == place.line &&
            known->column == place.column && sl_str_equal(known->file, place.file))
            return SL_OK; // the reader of the contract has said so
    }
    sl_diag(verifier->diags, SL_SEVERITY_ERROR, SL_E_RULE, place,
            sl_str_is_empty(refusal.hint) ? hint : refusal.hint, "%s: %s", what,
            in_the_users_words(refusal.message));
    return SL_OK;
}

// A condition by itself, so that what is wrong with it is told where it stands. `key`: "where".
static int verify_condition(struct verifier *verifier, const struct sl_rule *rule, const char *key,
                            const char *condition, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    sl_buf_addf(&sql, "select try(cast((\n%s\n) as BOOLEAN))%s", condition, verifier->row.text);
    sl_buf_addf(&what, "rule '%s'", rule->id);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_buf_check(&what, err));
    return verify_one(verifier, sql.text, what.text,
                      rule->node ? sl_yaml_place(rule->node, key) : rule->place, NULL, err);
}

static int verify_conditions(struct verifier *verifier, const struct sl_rule *rule,
                             struct sl_err *err)
{
    const struct sl_rule_form *form = rule ? sl_rule_form_find(rule->kind) : NULL;
    bool has_when = form && form->has_sql && form->has_subject;
    if (rule && rule->where)
        SL_TRY(verify_condition(verifier, rule, "where", rule->where, err));
    return has_when ? verify_condition(verifier, rule, "when", rule->text, err) : SL_OK;
}

// For all rows; "false" with a `where` rejects the rows for which that is true.
static bool is_strict_expression(const struct sl_rule *rule)
{
    return rule && strcmp(rule->kind, "expression") == 0 && sl_possible_is_strict(rule);
}

// An expression without columns has one value for all rows.
static int verify_can_hold(struct verifier *verifier, const struct sl_rule *rule,
                           struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_err refusal = {0};

    sl_buf_addf(&sql, "select try(coalesce(cast(cast((\n%s\n) as BOOLEAN) as VARCHAR), 'null'))",
                rule->text);
    SL_TRY(sl_buf_check(&sql, err));
    int code = verifier->session->kind->query(verifier->session, sql.text, 1, &result, &refusal);
    if (code != SL_OK && !sl_possible_is_refusal((enum sl_code)code)) {
        if (err)
            *err = refusal;
        return code;
    }
    const char *value = code == SL_OK ? sl_result_text(result, 0, 0) : "true";
    if (!value)
        sl_diag(verifier->diags, SL_SEVERITY_ERROR, SL_E_RULE, rule->place,
                "write a condition over the row's columns",
                "rule '%s': '%s' cannot be computed for any row, so that nothing can pass",
                rule->id, rule->text);
    else if (sl_str_equal(value, "null"))
        sl_diag(verifier->diags, SL_SEVERITY_ERROR, SL_E_RULE, rule->place,
                "a value is null or not: is null, is not null",
                "rule '%s': '%s' is null for every row, so that it rejects nothing", rule->id,
                rule->text);
    else if (sl_str_equal(value, "false"))
        sl_diag(verifier->diags, SL_SEVERITY_ERROR, SL_E_RULE, rule->place,
                "write a condition over the row's columns",
                "rule '%s': '%s' is false for every row, so that nothing can pass", rule->id,
                rule->text);
    return SL_OK;
}

static const char *test_of(const struct sl_pass_rule *rule)
{
    return rule->unguarded ? rule->unguarded : rule->test ? rule->test : rule->broken;
}

static int verify_rule(struct verifier *verifier, const struct sl_pass_rule *rule,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    size_t errors = verifier->diags->error_count;
    SL_TRY(verify_conditions(verifier, rule->rule, err));
    if (verifier->diags->error_count != errors)
        return SL_OK;
    sl_buf_addf(&sql, "select (%s), (%s)%s", test_of(rule), rule->message, verifier->row.text);
    sl_buf_addf(&what, "rule '%s'", rule->name);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_buf_check(&what, err));
    return verify_one(verifier, sql.text, what.text,
                      rule->rule ? rule->rule->place : verifier->table->place, NULL, err);
}

static int verify_rules(struct verifier *verifier, struct sl_err *err)
{
    const struct sl_pass *pass = verifier->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    for (size_t i = 0; i < pass->rule_count; i++)
        if (is_strict_expression(pass->rules[i].rule))
            SL_TRY(verify_can_hold(verifier, pass->rules[i].rule, err));
    sl_buf_add(&sql, "select 1");
    for (size_t i = 0; i < pass->rule_count; i++)
        sl_buf_addf(&sql, ", (%s), (%s)", test_of(&pass->rules[i]), pass->rules[i].message);
    sl_buf_add(&sql, verifier->row.text);
    SL_TRY(sl_buf_check(&sql, err));
    if (run(verifier, sql.text, NULL) ==
        SL_OK) // all at once is the usual case; else one by one to name the culprits
        return SL_OK;
    for (size_t i = 0; i < pass->rule_count; i++)
        SL_TRY(verify_rule(verifier, &pass->rules[i], err));
    return SL_OK;
}

static int verify_filter(struct verifier *verifier, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (!verifier->table->filter)
        return SL_OK;
    sl_buf_addf(&sql, "select try(cast((\n%s\n) as BOOLEAN)) from (select %s",
                verifier->table->filter, verifier->raw_count ? "" : "null");
    for (size_t i = 0; i < verifier->raw_count; i++) {
        sl_buf_addf(&sql, "%scast(null as %s) as ", i ? ", " : "", verifier->raw[i].type);
        sl_buf_add_sql_name(&sql, verifier->raw[i].name);
    }
    // A column that raw has under its old name only is there under its new one, too.
    for (size_t i = 0; i < verifier->table->column_count; i++) {
        const struct sl_contract_column *column = &verifier->table->columns[i];
        if (!column->alias_count || has_raw(verifier, column->source_name))
            continue;
        sl_buf_add(&sql, ", cast(null as VARCHAR) as ");
        sl_buf_add_sql_name(&sql, column->source_name);
    }
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    return verify_one(verifier, sql.text, "sluice.filter", verifier->table->filter_place, NULL,
                      err);
}

// The engine looks at a format before it looks at any value.
static int verify_format(struct verifier *verifier, const struct sl_contract_column *column,
                         size_t index, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    sl_buf_add(&sql, "select try_strptime(cast(null as VARCHAR), ");
    sl_buf_add_sql_string(&sql, column->formats.items[index]);
    sl_buf_add(&sql, ")");
    sl_buf_addf(&what, "column '%s'", column->name);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_buf_check(&what, err));
    return verify_one(verifier, sql.text, what.text,
                      column->formats_node ? sl_contract_text_place(column->formats_node, index)
                                           : column->place,
                      "words of strptime such as %Y-%m-%d %H:%M:%S; %% stands for % itself", err);
}

static bool is_for_strptime(const struct sl_contract_column *column)
{
    return column->type.kind != SL_TYPE_BOOLEAN && !sl_reading_is_number(column->type.kind);
}

static int read_default(const struct sl_contract_column *column, struct sl_buf *sql,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    char type[32];
    sl_buf_add_sql_string(&text, column->otherwise);
    SL_TRY(sl_buf_check(&text, err));
    sl_buf_add(sql, "(");
    sl_reading_strict(column, sl_type_name(column->type, type), text.text, sql);
    sl_buf_add(sql, ")");
    return SL_OK;
}

// A default is read as if it came from the source.
static int verify_default(struct verifier *verifier, const struct sl_contract_column *column,
                          struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_add(&sql, "select coalesce(");
    for (size_t i = 0; is_for_strptime(column) && i < column->formats.count; i++) {
        sl_buf_add(&sql, i ? ", try_strptime(" : "try_strptime(");
        sl_buf_add_sql_string(&sql, column->otherwise);
        sl_buf_add(&sql, ", ");
        sl_buf_add_sql_string(&sql, column->formats.items[i]);
        sl_buf_add(&sql, ")::varchar");
    }
    if (!is_for_strptime(column)) {
        SL_TRY(read_default(column, &sql, err));
        sl_buf_add(&sql, "::varchar");
    }
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(verifier->session->kind->query(verifier->session, sql.text, 1, &result, err));
    if (!sl_result_text(result, 0, 0))
        sl_diag(verifier->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, column->place,
                "write the default as the source writes its values",
                "column '%s': the default '%s' is not in %s", column->name, column->otherwise,
                column->formats.count > 1 ? "any of the column's formats" : "the column's format");
    return SL_OK;
}

static int verify_formats(struct verifier *verifier, const struct sl_contract_column *columns,
                          size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_contract_column *column = &columns[i];
        size_t errors = verifier->diags->error_count;
        for (size_t k = 0; is_for_strptime(column) && k < column->formats.count; k++)
            SL_TRY(verify_format(verifier, column, k, err));
        if (column->otherwise && column->formats.count && verifier->diags->error_count == errors)
            SL_TRY(verify_default(verifier, column, err));
        SL_TRY(verify_formats(verifier, column->fields, column->field_count, err));
    }
    return SL_OK;
}

static int verify_possible(const struct verifier *verifier, struct sl_arena *arena,
                           struct sl_err *err)
{
    const struct sl_possible possible = {.table = verifier->table,
                                         .raw = verifier->raw,
                                         .raw_count = verifier->raw_count,
                                         .pass = verifier->pass,
                                         .session = verifier->session,
                                         .arena = arena,
                                         .diags = verifier->diags};
    SL_TRY(sl_possible_texts(&possible, err));
    SL_TRY(sl_possible_numbers(&possible, err));
    SL_TRY(sl_possible_values(&possible, err));
    SL_TRY(sl_possible_nulls(&possible, err));
    SL_TRY(sl_possible_compares(&possible, err));
    return sl_possible_rows(&possible, err);
}

// One row each, in statements as long as the contract: they are not worth a good plan.
static int verify_in_a_hurry(struct verifier *verifier, struct sl_err *err)
{
    const struct sl_contract_table *table = verifier->table;
    struct sl_session *session = verifier->session;
    SL_TRY(session->kind->hurry(session, true, err));
    int code = verify_rules(verifier, err);
    if (code == SL_OK)
        code = verify_filter(verifier, err);
    if (code == SL_OK)
        code = verify_formats(verifier, table->columns, table->column_count, err);
    int back = session->kind->hurry(session, false, code == SL_OK ? err : NULL);
    return code == SL_OK ? back : code;
}

int sl_contract_verify(const struct sl_contract_table *table, const struct sl_column *raw,
                       size_t raw_count, const struct sl_pass *pass, struct sl_session *session,
                       struct sl_diags *diags, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    SL_TRY(sl_drift_extend(table, raw, raw_count, &arena, &table, err));
    struct verifier verifier = {.table = table,
                                .raw = raw,
                                .raw_count = raw_count,
                                .pass = pass,
                                .session = session,
                                .diags = diags,
                                .arena = &arena,
                                .row = SL_BUF_INIT};
    add_null_row(&verifier);
    int code = sl_buf_check(&verifier.row, err);
    if (code == SL_OK)
        code = verify_in_a_hurry(&verifier, err);
    // Good plans tell what no row can keep.
    if (code == SL_OK)
        code = verify_possible(&verifier, &arena, err);
    sl_buf_clear(&verifier.row);
    return code;
}
