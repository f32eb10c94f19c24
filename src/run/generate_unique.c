// Rows that break a rule over all rows: what has to be unique is what a good row before them has.
// Everything else is their own, the key and other unique values above all.
#include "run/generate_job.h"

#include <stdio.h>

#define CANDIDATES 400

static bool is_shared(const struct sl_generated *made, const struct sl_generate_target *target,
                      size_t unique)
{
    for (size_t k = 0; k < target->count; k++)
        if (target->rules[k] == made->pass.rule_count + unique)
            return true;
    return false;
}

static bool is_in_key(const struct sl_pass *pass, const char *column)
{
    for (size_t i = 0; i < pass->key_count; i++)
        if (sl_str_equal_nocase(pass->key[i], column))
            return true;
    return false;
}

// Also what says which row is first, so that the good row is.
static bool is_copied(const struct sl_generated *made, const struct sl_generate_target *target,
                      const char *column)
{
    const struct sl_pass *pass = &made->pass;
    bool is_order = false, is_unique = false;
    for (size_t i = 0; i < pass->order_count; i++)
        is_order |= sl_str_equal_nocase(pass->order_columns[i], column);
    for (size_t i = 0; i < pass->unique_count; i++) {
        const struct sl_strs *columns = &pass->uniques[i].columns;
        for (size_t k = 0; k < columns->count; k++)
            if (sl_str_equal_nocase(columns->items[k], column)) {
                is_unique = true;
                if (is_shared(made, target, i))
                    return true;
            }
    }
    return is_order && !is_unique && !is_in_key(pass, column);
}

// Candidates as for any rule, with the good rows' values one after the other.
static int share_values(struct sl_generator *generator, const struct sl_generate_target *target,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_contract_table *contract = generator->options->contract;
    sl_buf_add(&sql, "create or replace temp table \"~candidates\" as select c.* replace (");
    for (size_t i = 0, count = 0; i < contract->column_count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        if (!is_copied(generator->made, target, contract->columns[i].name))
            continue;
        sl_buf_add_sql_name(&name, generator->made->columns[i].name);
        SL_TRY(sl_buf_check(&name, err));
        sl_buf_addf(&sql, "%sg.%s as %s", count++ ? ", " : "", name.text, name.text);
    }
    sl_buf_add(&sql,
               ") from \"~candidates\" c join (select *, row_number() over (order by "
               "\"~order\") - 1 as \"~row\", count(*) over () as \"~rows\" from "
               "\"~generated\" where \"~t\" < 0) g on g.\"~row\" = c._position % g.\"~rows\"");
    return sl_generate_exec(generator, &sql, err);
}

static int judge_all(struct sl_generator *generator, struct sl_err *err)
{
    const struct sl_generated *made = generator->made;
    const struct sl_pass *pass = &made->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf raw = SL_BUF_INIT;
    sl_buf_add(&raw, "(select * from \"~candidates\" union all by name select ");
    for (size_t i = 0; i < made->column_count; i++) {
        sl_buf_add_sql_name(&raw, made->columns[i].name);
        sl_buf_add(&raw, ", ");
    }
    sl_buf_add(&raw, "case when \"~t\" < 0 then -1 else -2 end as \"~t\", '' as \"~wanted\"");
    sl_generate_add_own(generator, "\"~order\"", &raw);
    sl_buf_add(&raw, " from \"~generated\")");
    SL_TRY(sl_buf_check(&raw, err));
    sl_buf_addf(&sql,
                "create or replace temp table \"~rivals\" as select %s, \"~t\", \"~wanted\", "
                "\"~broken\", _position as \"~position\", %s as \"~bad\"",
                pass->received, pass->is_bad);
    for (size_t i = 0; i < pass->key_count; i++) {
        sl_buf_add(&sql, ", ");
        sl_pass_kept(pass, pass->key[i], &sql);
        sl_buf_addf(&sql, " as \"~k%zu\"", i);
    }
    for (size_t i = 0; i < pass->unique_count; i++)
        for (size_t k = 0; k < pass->uniques[i].columns.count; k++) {
            sl_buf_add(&sql, ", ");
            sl_pass_kept(pass, pass->uniques[i].columns.items[k], &sql);
            sl_buf_addf(&sql, " as \"~u%zu_%zu\"", i, k);
        }
    sl_buf_add(&sql, " from ");
    sl_generate_add_judged(generator, raw.text, &sql);
    return sl_generate_exec(generator, &sql, err);
}

// exists (select 1 from "~rivals" g where g."~t" ... and g.x = r.x)
static void add_meets(bool is_wanted, const char *prefix, size_t count, struct sl_buf *sql)
{
    sl_buf_addf(sql, " and %sexists (select 1 from \"~rivals\" g where g.\"~t\" %s",
                is_wanted ? "" : "not ", is_wanted ? "= -1" : "< 0 and not g.\"~bad\"");
    for (size_t k = 0; k < count; k++)
        sl_buf_addf(sql, " and g.\"%s%zu\" = r.\"%s%zu\"", prefix, k, prefix, k);
    sl_buf_add(sql, ")");
}

static int keep_one(struct sl_generator *generator, size_t index, struct sl_err *err)
{
    const struct sl_generated *made = generator->made;
    const struct sl_pass *pass = &made->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "insert into \"~generated\" by name select _source, _position, "
                     "_ingested_at, _corrupt, ");
    for (size_t i = 0; i < made->column_count; i++) {
        sl_buf_add_sql_name(&sql, made->columns[i].name);
        sl_buf_add(&sql, ", ");
    }
    sl_buf_add(&sql, "\"~t\", 1000000000000 + \"~t\" as \"~order\", (select g.\"~name\" from "
                     "\"~targets\" g where g.\"~g\" = r.\"~t\") as \"~breaks\" from \"~rivals\" r "
                     "where \"~t\" >= 0 and "
                     "\"~broken\" = \"~wanted\"");
    if (pass->key_count)
        add_meets(false, "~k", pass->key_count, &sql);
    for (size_t i = 0; i < pass->unique_count; i++) {
        char prefix[40];
        snprintf(prefix, sizeof prefix, "~u%zu_", i);
        add_meets(is_shared(made, &made->targets[index], i), prefix, pass->uniques[i].columns.count,
                  &sql);
    }
    sl_buf_add(&sql, " order by \"~position\" limit 1");
    return sl_generate_exec(generator, &sql, err);
}

static int make_one(struct sl_generator *generator, size_t index, int64_t first, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_generate_target *target = &generator->made->targets[index];
    sl_buf_addf(&sql,
                "create or replace temp table \"~open\" as select 0::BIGINT as \"~k\", * from "
                "\"~targets\" where \"~g\" = %zu",
                index);
    SL_TRY(sl_generate_exec(generator, &sql, err));
    SL_TRY(sl_generate_candidates(generator, first, CANDIDATES, false, err));
    SL_TRY(share_values(generator, target, err));
    SL_TRY(judge_all(generator, err));
    SL_TRY(keep_one(generator, index, err));
    sl_buf_reset(&sql);
    sl_buf_addf(&sql, "select count(*) from \"~generated\" where \"~t\" = %zu", index);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(generator->session->kind->query(generator->session, sql.text, 1, &result, err));
    target->is_found = sl_result_int(result, 0, 0) > 0;
    return SL_OK;
}

int sl_generate_uniques(struct sl_generator *generator, int64_t *first, struct sl_err *err)
{
    const struct sl_generated *made = generator->made;
    for (size_t i = 0; i < made->target_count; i++) {
        const struct sl_generate_target *target = &made->targets[i];
        if (!sl_generate_is_unique(made, target->rules[target->count - 1]))
            continue;
        SL_TRY(make_one(generator, i, *first, err));
        *first += CANDIDATES;
    }
    return SL_OK;
}
