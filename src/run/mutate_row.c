// A row that only the rule of a mutant rejects, and the keys that the row needs elsewhere.
#include "contract/personal.h"
#include "run/mutate.h"

static int keep_row(struct sl_arena *arena, struct sl_mutant *mutant,
                    const struct sl_result *result, struct sl_err *err)
{
    size_t count = sl_result_columns(result);
    mutant->columns = SL_NEW_ARRAY(arena, const char *, count);
    mutant->values = SL_NEW_ARRAY(arena, const char *, count);
    SL_TRY_NEW(mutant->columns, err);
    SL_TRY_NEW(mutant->values, err);
    for (size_t i = 0; i < count; i++) {
        const char *value = sl_result_text(result, 0, i);
        mutant->columns[i] = sl_arena_strdup(arena, sl_result_name(result, i));
        mutant->values[i] = sl_arena_strdup(arena, value);
        SL_TRY_NEW(mutant->columns[i], err);
        if (value)
            SL_TRY_NEW(mutant->values[i], err);
    }
    mutant->column_count = count;
    return SL_OK;
}

struct explainer {
    struct sl_session *session;
    const struct sl_generated *made;
    const char *which; // of the rows
    struct sl_mutant *mutant;
    struct sl_arena *arena;
};

// The keys of the parent that the rows have: as clean keeps both.
static void add_query(const struct explainer *explainer, const struct sl_pass_parent *parent,
                      struct sl_buf *sql)
{
    const struct sl_pass *pass = &explainer->made->pass;
    const struct sl_rule *rule = parent->rule;
    SL_AUTO(sl_buf_clear) struct sl_buf rows = SL_BUF_INIT;
    sl_buf_addf(&rows, "(select * from \"~generated\" where %s)", explainer->which);
    sl_buf_add(sql, "select distinct ");
    for (size_t i = 0; i < rule->to.count; i++) {
        sl_buf_add(sql, i ? ", cast(p." : "cast(p.");
        sl_buf_add_sql_name(sql, rule->to.items[i]);
        sl_buf_add(sql, " as VARCHAR)");
    }
    sl_buf_add(sql, " from (select ");
    for (size_t i = 0; i < rule->columns.count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_personal_name_in(explainer->mutant->node->contract, rule->columns.items[i], sql);
        sl_buf_addf(sql, " as k%zu", i);
    }
    sl_buf_add(sql, " from ");
    sl_pass_relation(pass, SL_PASS_ALL, rows.text, "", sql);
    sl_buf_addf(sql, ") c join %s p on ", parent->relation);
    for (size_t i = 0; i < rule->to.count; i++) {
        sl_buf_addf(sql, "%sc.k%zu = p.", i ? " and " : "", i);
        sl_buf_add_sql_name(sql, rule->to.items[i]);
    }
    sl_buf_add(sql, " order by all");
    sql->has_failed |= rows.has_failed;
}

static int add_parent(struct explainer *explainer, const struct sl_pass_parent *parent,
                      struct sl_err *err)
{
    struct sl_mutant *mutant = explainer->mutant;
    struct sl_arena *arena = explainer->arena;
    struct sl_mutant_parent keys = {.table = parent->rule->parent, .columns = &parent->rule->to};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (sl_str_equal(keys.table, mutant->table))
        return SL_OK; // the row itself, or none
    add_query(explainer, parent, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(explainer->session->kind->query(explainer->session, sql.text, 0, &result, err));
    keys.row_count = (size_t)sl_result_rows(result);
    keys.values = SL_NEW_ARRAY(arena, const char *, keys.row_count *keys.columns->count + 1);
    SL_TRY_NEW(keys.values, err);
    for (size_t i = 0; i < keys.row_count * keys.columns->count; i++) {
        keys.values[i] =
            sl_arena_strdup(arena, sl_result_text(result, (int64_t)(i / keys.columns->count),
                                                  i % keys.columns->count));
        SL_TRY_NEW(keys.values[i], err);
    }
    return SL_PUSH(arena, mutant->parents, mutant->parent_count, keys) ? SL_OK
                                                                       : sl_fail_memory(err);
}

int sl_mutant_parents(struct sl_session *session, const struct sl_generated *made,
                      const char *which, struct sl_mutant *mutant, struct sl_arena *arena,
                      struct sl_err *err)
{
    struct explainer explainer = {session, made, which, mutant, arena};
    mutant->parents = NULL;
    mutant->parent_count = 0;
    for (size_t i = 0; i < made->pass.parent_count; i++)
        SL_TRY(add_parent(&explainer, &made->pass.parents[i], err));
    return SL_OK;
}

// Rows of one table that several foreign keys may lead to.
static int parent_json(const struct sl_mutant *mutant, const char *table, json_t **ret,
                       struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *rows = json_array();
    SL_TRY_NEW(rows, err);
    for (size_t i = 0; i < mutant->parent_count; i++) {
        const struct sl_mutant_parent *parent = &mutant->parents[i];
        size_t width = parent->columns->count, known;
        for (size_t k = 0; k < parent->row_count && sl_str_equal(parent->table, table); k++) {
            json_t *row = json_object();
            for (size_t n = 0; n < width; n++)
                (void)json_object_set_new(row, parent->columns->items[n],
                                          sl_json_string(parent->values[k * width + n]));
            for (known = 0; known < json_array_size(rows); known++)
                if (json_equal(json_array_get(rows, known), row))
                    break;
            if (known < json_array_size(rows))
                json_decref(row);
            else if (json_array_append_new(rows, row) != 0)
                return sl_fail_memory(err);
        }
    }
    *ret = json_incref(rows);
    return SL_OK;
}

int sl_mutant_parents_json(const struct sl_mutant *mutant, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *tables = json_object();
    SL_TRY_NEW(tables, err);
    for (size_t i = 0; i < mutant->parent_count; i++) {
        json_t *rows = NULL;
        if (json_object_get(tables, mutant->parents[i].table))
            continue;
        SL_TRY(parent_json(mutant, mutant->parents[i].table, &rows, err));
        if (json_object_set_new(tables, mutant->parents[i].table, rows) != 0)
            return sl_fail_memory(err);
    }
    *ret = json_incref(tables);
    return SL_OK;
}

int sl_mutant_generate(struct sl_world *world, struct sl_session *session,
                       const struct sl_mutant *mutant, int64_t rows, struct sl_generated *ret,
                       bool *ret_is_made, struct sl_err *err)
{
    struct sl_err refusal = {0};
    struct sl_generate_options options = {.project = world->project,
                                          .contract = mutant->node->contract,
                                          .rows = rows,
                                          .seed = 1,
                                          .breaking =
                                              mutant->is_check ? SL_BREAK_NONE : SL_BREAK_RULE,
                                          .rule = mutant->is_check ? NULL : mutant->rule};
    int code = sl_generate(session, &options, &world->arena, ret, &refusal);
    *ret_is_made = code == SL_OK;
    if (code != SL_E_MEMORY && code != SL_E_INTERRUPTED)
        return SL_OK;
    *err = refusal;
    return code;
}

int sl_mutant_explain(struct sl_world *world, struct sl_mutant *mutant, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_generated made;
    bool is_made;
    if (mutant->is_check)
        return SL_OK;
    SL_TRY(sl_world_session(world, &session, err));
    // Without such a row the report is as good, only shorter. Uniques are broken by what repeats a
    // good row.
    SL_TRY(sl_mutant_generate(world, session, mutant, 3, &made, &is_made, err));
    if (!is_made)
        SL_TRY(sl_mutant_generate(world, session, mutant, 0, &made, &is_made, err));
    if (!is_made)
        return SL_OK;
    sl_buf_add(&sql, "select ");
    for (size_t i = 0; i < made.column_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_name(&sql, made.columns[i].name);
    }
    sl_buf_add(&sql, " from \"~generated\" where \"~t\" >= 0 limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 1, &result, err));
    if (!sl_result_rows(result))
        return SL_OK;
    SL_TRY(keep_row(&world->arena, mutant, result, err));
    return sl_mutant_parents(session, &made, "\"~t\" >= 0", mutant, &world->arena, err);
}
