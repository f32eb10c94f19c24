#include "run/generate_parents.h"

#include "contract/personal.h"
#include "step/schema.h"
#include "step/step.h"

#include <stdlib.h>

#define MOST_KEYS 100000 // of a table of the lake, that rows point to

static int exec(struct sl_generate_parents *parents, const struct sl_buf *sql, struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    return parents->session->kind->exec(parents->session, sql->text, NULL, err);
}

static bool find_column(const struct sl_contract_table *table, const char *name, size_t *ret)
{
    for (*ret = 0; *ret < table->column_count; ++*ret)
        if (sl_str_equal(table->columns[*ret].name, name))
            return true;
    return false;
}

// --- which values rows take: "~keys0" has n, and v0, v1, ... as the source writes them

static int count_keys(struct sl_generate_parents *parents, size_t index, int64_t *ret,
                      struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    const char *sql = sl_arena_printf(parents->arena, "select count(*) from \"~keys%zu\"", index);
    SL_TRY_NEW(sql, err);
    SL_TRY(parents->session->kind->query(parents->session, sql, 1, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

// Columns of which one follows another parent already are left: rows are judged anyway.
static bool can_follow(const struct sl_generate_parents *parents, const struct sl_rule *rule)
{
    size_t column;
    for (size_t i = 0; i < rule->columns.count; i++)
        if (!find_column(parents->options->contract, rule->columns.items[i], &column) ||
            parents->is_followed[column])
            return false;
    return true;
}

// What breaks the key is a value as before, which the parent hardly has.
static int follow(struct sl_generate_parents *parents, size_t index, struct sl_err *err)
{
    const struct sl_rule *rule = parents->pass->parents[index].rule;
    int64_t keys;
    size_t column;
    SL_TRY(count_keys(parents, index, &keys, err));
    if (keys == 0 || !can_follow(parents, rule))
        return SL_OK;
    for (size_t i = 0; i < rule->columns.count; i++) {
        if (!find_column(parents->options->contract, rule->columns.items[i], &column))
            continue;
        struct sl_sample *sample = &parents->samples[column];
        const char *good = sl_arena_printf(
            parents->arena,
            "case when (%s) is not null then (select k.v%zu from \"~keys%zu\" k where k.n = "
            "cast(hash(\"~i\", %llu::UBIGINT, %zu, 77) %% %lld as BIGINT)) end",
            sample->good, i, index, (unsigned long long)parents->options->seed, index,
            (long long)keys);
        const char *odd = sl_arena_printf(
            parents->arena, "case when hash(\"~i\", %zu, 78) %% 2 = 0 then (%s) else (%s) end",
            column, sample->odd, sample->good);
        SL_TRY_NEW(good, err);
        SL_TRY_NEW(odd, err);
        *sample = (struct sl_sample){.good = good, .odd = odd};
        parents->is_followed[column] = true;
    }
    return SL_OK;
}

// --- the parents

int sl_generate_no_parents(struct sl_generate_parents *parents, struct sl_err *err)
{
    for (size_t p = 0; p < parents->pass->parent_count; p++) {
        const struct sl_pass_parent *parent = &parents->pass->parents[p];
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        sl_buf_addf(&sql, "create or replace temp table %s as select ", parent->relation);
        for (size_t i = 0; i < parent->rule->to.count; i++) {
            sl_buf_addf(&sql, "%scast(null as %s) as ", i ? ", " : "", parent->types[i]);
            sl_buf_add_sql_name(&sql, parent->rule->to.items[i]);
        }
        sl_buf_add(&sql, " where false");
        SL_TRY(exec(parents, &sql, err));
    }
    return SL_OK;
}

// Of a protected value nobody can tell what it was.
static bool is_protected(const struct sl_generate_parents *parents, const struct sl_rule *rule)
{
    size_t column;
    for (size_t i = 0; i < rule->columns.count; i++)
        if (find_column(parents->options->contract, rule->columns.items[i], &column) &&
            sl_personal_is_protected(&parents->options->contract->columns[column]))
            return true;
    return false;
}

static int load(struct sl_generate_parents *parents, const struct sl_rule *rule,
                struct sl_delta_snapshot *ret, bool *ret_is_there, struct sl_err *err)
{
    const struct sl_project *project = parents->options->project;
    struct sl_delta_head head;
    struct sl_record record;
    enum sl_layer layer;
    const char *name, *folder;
    bool is_borrowed;
    *ret_is_there = false;
    if (!project || !sl_table_parse(rule->parent, &layer, &name) || is_protected(parents, rule))
        return SL_OK;
    SL_TRY(sl_step_input(project, layer, name, parents->session, parents->arena, &folder, &head,
                         &record, &is_borrowed, err));
    if (head.version < 0)
        return SL_OK;
    SL_TRY(sl_delta_load(folder, head.version, parents->session, parents->arena, ret, err));
    *ret_is_there = true;
    for (size_t i = 0; i < rule->to.count; i++)
        *ret_is_there &= sl_column_find(ret->columns, ret->column_count, rule->to.items[i]) != NULL;
    return SL_OK;
}

static int create_of_snapshot(struct sl_generate_parents *parents, size_t index,
                              const struct sl_delta_snapshot *snapshot, struct sl_err *err)
{
    const struct sl_pass_parent *parent = &parents->pass->parents[index];
    const struct sl_strs *to = &parent->rule->to;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_scan scan;
    SL_TRY(sl_delta_scan(snapshot, parents->arena, &scan, err));
    sl_buf_addf(&sql, "create or replace temp table %s as select distinct * from (select ",
                parent->relation);
    for (size_t i = 0; i < to->count; i++) {
        sl_buf_add(&sql, i ? ", try_cast(" : "try_cast(");
        sl_buf_add_sql_name(&sql, to->items[i]);
        sl_buf_addf(&sql, " as %s) as ", parent->types[i]);
        sl_buf_add_sql_name(&sql, to->items[i]);
    }
    sl_buf_add(&sql, " from ");
    SL_TRY(parents->session->kind->scan_sql(parents->session, &scan, &sql, err));
    sl_buf_add(&sql, ") where ");
    for (size_t i = 0; i < to->count; i++) {
        sl_buf_add(&sql, i ? " and " : "");
        sl_buf_add_sql_name(&sql, to->items[i]);
        sl_buf_add(&sql, " is not null");
    }
    // The same keys each time, whatever files they are in.
    sl_buf_addf(&sql,
                "; create or replace temp table \"~keys%zu\" as select row_number() over (order by "
                "hash(t), t) - 1 as n",
                index);
    for (size_t i = 0; i < to->count; i++) {
        sl_buf_add(&sql, ", cast(");
        sl_buf_add_sql_name(&sql, to->items[i]);
        sl_buf_addf(&sql, " as VARCHAR) as v%zu", i);
    }
    sl_buf_addf(&sql, " from %s t qualify n < %d", parent->relation, MOST_KEYS);
    return exec(parents, &sql, err);
}

// A table that cannot be read is none: rows can be made without it.
int sl_generate_parent_of_lake(struct sl_generate_parents *parents, size_t index, bool *ret,
                               struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;
    struct sl_err refusal = {0};
    int64_t keys = 0;
    *ret = false;
    int code = load(parents, parents->pass->parents[index].rule, &snapshot, ret, &refusal);
    if (code == SL_OK && *ret)
        code = create_of_snapshot(parents, index, &snapshot, &refusal);
    if (code == SL_OK && *ret)
        code = count_keys(parents, index, &keys, &refusal);
    if (code == SL_E_MEMORY || code == SL_E_INTERRUPTED) {
        *err = refusal;
        return code;
    }
    *ret = keys > 0;
    parents->has_lake |= *ret;
    return *ret ? follow(parents, index, err) : SL_OK;
}

// Values of the candidates as clean would keep them, each once, and a text that is read as each.
static int create_of_candidates(struct sl_generate_parents *parents, size_t index,
                                struct sl_err *err)
{
    const struct sl_rule *rule = parents->pass->parents[index].rule;
    const struct sl_contract_table *contract = parents->options->contract;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf kept = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf received = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table \"~keys%zu\" as select row_number() over (order by "
                "p) - 1 as n, * from (select min(_position) as p",
                index);
    for (size_t i = 0; i < rule->columns.count; i++) {
        size_t column;
        bool is_known = find_column(contract, rule->columns.items[i], &column);
        sl_buf_addf(&kept, "%s", i ? ", " : "");
        sl_personal_name_in(contract, rule->columns.items[i], &kept);
        sl_buf_addf(&kept, " as k%zu", i);
        if (is_known)
            sl_buf_add_sql_name(&received, contract->columns[column].source_name);
        sl_buf_addf(&received, "%s as \"~v%zu\", ", is_known ? "" : "null::VARCHAR", i);
        sl_buf_addf(&sql, ", k%zu, arg_min(\"~v%zu\", _position) as v%zu", i, i, i);
    }
    SL_TRY(sl_buf_check(&kept, err));
    SL_TRY(sl_buf_check(&received, err));
    sl_buf_addf(&sql, " from (select *, %s from ", kept.text);
    sl_pass_relation(parents->pass, SL_PASS_ALL, "\"~candidates\"", received.text, &sql);
    sl_buf_add(&sql, ") where ");
    for (size_t i = 0; i < rule->columns.count; i++)
        sl_buf_addf(&sql, "%sk%zu is not null", i ? " and " : "", i);
    sl_buf_add(&sql, " group by ");
    for (size_t i = 0; i < rule->columns.count; i++)
        sl_buf_addf(&sql, "%sk%zu", i ? ", " : "", i);
    sl_buf_addf(&sql, ")%s",
                parents->options->breaking == SL_BREAK_NONE
                    ? ""
                    : " qualify n < (count(*) over () + 1) // 2");
    return exec(parents, &sql, err);
}

int sl_generate_parent_of_rows(struct sl_generate_parents *parents, size_t index,
                               struct sl_err *err)
{
    const struct sl_pass_parent *parent = &parents->pass->parents[index];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(create_of_candidates(parents, index, err));
    sl_buf_addf(&sql, "create or replace temp table %s as select ", parent->relation);
    for (size_t i = 0; i < parent->rule->to.count; i++) {
        sl_buf_addf(&sql, "%scast(k%zu as %s) as ", i ? ", " : "", i, parent->types[i]);
        sl_buf_add_sql_name(&sql, parent->rule->to.items[i]);
    }
    sl_buf_addf(&sql, " from \"~keys%zu\"", index);
    SL_TRY(exec(parents, &sql, err));
    return follow(parents, index, err);
}

bool sl_generate_is_own_parent(const struct sl_generate_parents *parents, size_t index)
{
    const struct sl_project *project = parents->options->project;
    const struct sl_contract_table *contract = parents->options->contract;
    const char *parent = parents->pass->parents[index].rule->parent, *name;
    enum sl_layer layer;
    if (!sl_table_parse(parent, &layer, &name)) // of a contract by itself
        return sl_str_equal(parent, contract->name) ||
               sl_str_equal(parent, contract->physical_name);
    const struct sl_source *source =
        project && layer == SL_LAYER_CLEAN ? sl_project_source(project, name) : NULL;
    return source && sl_project_contract_for(project, source) == contract;
}

int sl_generate_without_parent(struct sl_generate_parents *parents, size_t index,
                               struct sl_err *err)
{
    const struct sl_rule *rule = parents->pass->parents[index].rule;
    size_t column;
    for (size_t i = 0; i < rule->columns.count; i++) {
        if (!find_column(parents->options->contract, rule->columns.items[i], &column) ||
            parents->is_followed[column])
            continue;
        struct sl_sample *sample = &parents->samples[column];
        const char *odd = sl_arena_printf(
            parents->arena, "case when hash(\"~i\", %zu, 78) %% 2 = 0 then (%s) else (%s) end",
            column, sample->odd, sample->good);
        SL_TRY_NEW(odd, err);
        *sample = (struct sl_sample){.good = "cast(null as VARCHAR)", .odd = odd};
        parents->is_followed[column] = true;
    }
    return SL_OK;
}
