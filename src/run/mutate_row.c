// A row that only the rule of a mutant rejects, and the keys that the row needs elsewhere.
#include "contract/personal.h"
#include "run/generate.h"
#include "run/mutate.h"

static int keep_row(struct sl_world *world, struct sl_mutant *mutant,
                    const struct sl_result *result, struct sl_err *err)
{
    size_t count = sl_result_columns(result);
    mutant->columns = SL_NEW_ARRAY(&world->arena, const char *, count);
    mutant->values = SL_NEW_ARRAY(&world->arena, const char *, count);
    SL_TRY_NEW(mutant->columns, err);
    SL_TRY_NEW(mutant->values, err);
    for (size_t i = 0; i < count; i++) {
        const char *value = sl_result_text(result, 0, i);
        mutant->columns[i] = sl_arena_strdup(&world->arena, sl_result_name(result, i));
        mutant->values[i] = sl_arena_strdup(&world->arena, value);
        SL_TRY_NEW(mutant->columns[i], err);
        if (value)
            SL_TRY_NEW(mutant->values[i], err);
    }
    mutant->column_count = count;
    return SL_OK;
}

struct explainer {
    struct sl_world *world;
    struct sl_session *session;
    const struct sl_generated *made;
    struct sl_mutant *mutant;
};

// The keys of the parent that the row has: as clean keeps both.
static void add_query(const struct explainer *explainer, const struct sl_pass_parent *parent,
                      struct sl_buf *sql)
{
    const struct sl_pass *pass = &explainer->made->pass;
    const struct sl_rule *rule = parent->rule;
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
    sl_pass_relation(pass, SL_PASS_ALL, "(select * from \"~generated\" limit 1)", "", sql);
    sl_buf_addf(sql, ") c join %s p on ", parent->relation);
    for (size_t i = 0; i < rule->to.count; i++) {
        sl_buf_addf(sql, "%sc.k%zu = p.", i ? " and " : "", i);
        sl_buf_add_sql_name(sql, rule->to.items[i]);
    }
}

static int add_parent(struct explainer *explainer, const struct sl_pass_parent *parent,
                      struct sl_err *err)
{
    struct sl_mutant *mutant = explainer->mutant;
    struct sl_arena *arena = &explainer->world->arena;
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

static int add_parents(struct explainer *explainer, struct sl_err *err)
{
    const struct sl_pass *pass = &explainer->made->pass;
    for (size_t i = 0; i < pass->parent_count; i++)
        SL_TRY(add_parent(explainer, &pass->parents[i], err));
    return SL_OK;
}

int sl_mutant_explain(struct sl_world *world, struct sl_mutant *mutant, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_generated made;
    struct sl_err refusal = {0};
    if (!mutant->contract)
        return SL_OK;
    struct sl_generate_options options = {.project = world->project,
                                          .contract = mutant->node->contract,
                                          .seed = 1,
                                          .breaking = SL_BREAK_RULE,
                                          .rule = mutant->rule};
    SL_TRY(sl_world_session(world, &session, err));
    // Without such a row the report is as good, only shorter.
    int code = sl_generate(session, &options, &world->arena, &made, &refusal);
    if (code == SL_E_MEMORY || code == SL_E_INTERRUPTED) {
        *err = refusal;
        return code;
    }
    if (code != SL_OK)
        return SL_OK;
    sl_buf_add(&sql, "select ");
    for (size_t i = 0; i < made.column_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_name(&sql, made.columns[i].name);
    }
    sl_buf_add(&sql, " from \"~generated\" limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 1, &result, err));
    if (!sl_result_rows(result))
        return SL_OK;
    struct explainer explainer = {world, session, &made, mutant};
    SL_TRY(keep_row(world, mutant, result, err));
    return add_parents(&explainer, err);
}
