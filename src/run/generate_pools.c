// Pools: values of each column, and of each member of one, that the pass says to keep all of its
// rules, and of those that do not, which rules they break. Rows put together out of them fail by
// nothing but rules over several columns, however many columns there are.
#include "run/generate_pools.h"

#include "run/generate_parents.h"

#define VALUES 2000       // of each kind, of every leaf
#define MOST_VALUES 64000 // where hardly one is good
#define ENOUGH 40         // good ones
#define NONE (-1)

struct pools {
    struct sl_generator *generator;
    struct sl_sample_leaf *leaves;
    size_t count;
    const char *const *shapes; // of the contract's columns
    struct sl_sample_pool *pools;
    int64_t values;
};

// What a row's other columns have no part in.
static bool is_own_rule(const struct sl_pass_rule *rule)
{
    static const char *const others[] = {"alias", "foreign_key", "required_if", "absent_if", NULL};
    if (!rule->kind || !rule->column)
        return false;
    for (size_t i = 0; others[i]; i++)
        if (sl_str_equal(rule->kind, others[i]))
            return false;
    return !rule->rule || rule->rule->columns.count < 2;
}

int sl_generate_no_pools(struct sl_generator *generator, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table \"~pools\" as select 0 as \"~none\"");
    return sl_generate_exec(generator, &sql, err);
}

// --- candidates: every leaf's own, side by side

static int create_leaves(const struct pools *pools, bool is_odd, int64_t from, int64_t to,
                         struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "%s select \"~i\", %s as \"~odd\"",
                is_odd ? "insert into \"~leaves\"" : "create or replace temp table \"~leaves\" as",
                is_odd ? "true" : "false");
    for (size_t i = 0; i < pools->count; i++) {
        const struct sl_sample_leaf *leaf = &pools->leaves[i];
        if (leaf->good)
            sl_buf_addf(&sql, ", %s as \"~v%zu\"", is_odd ? leaf->odd : leaf->good, i);
    }
    sl_buf_add(&sql, " from (select range as \"~i\"");
    for (size_t i = 0; i < pools->count && is_odd; i++)
        if (pools->leaves[i].good)
            sl_buf_addf(&sql, ", %s as \"~w%zu\"", pools->leaves[i].value, i);
    sl_buf_addf(&sql, " from (select range, range as \"~i\" from range(%lld, %lld)))",
                (long long)from, (long long)to);
    return sl_generate_exec(pools->generator, &sql, err);
}

static int create_candidates(const struct pools *pools, struct sl_err *err)
{
    const struct sl_generator *generator = pools->generator;
    const struct sl_generated *made = generator->made;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table \"~candidates\" as select ");
    for (size_t i = 0; i < made->column_count; i++) {
        bool is_alias = i >= generator->options->contract->column_count;
        sl_buf_addf(&sql, "%s as ", is_alias ? "null::VARCHAR" : pools->shapes[i]);
        sl_buf_add_sql_name(&sql, made->columns[i].name);
        sl_buf_add(&sql, ", ");
    }
    sl_buf_add(&sql, "* exclude (\"~i\")");
    sl_generate_add_own(generator, "\"~i\"", &sql);
    sl_buf_add(&sql, " from \"~leaves\"");
    return sl_generate_exec(pools->generator, &sql, err);
}

// --- what the pass says of them

static void add_set(const struct pools *pools, size_t index, struct sl_buf *sql)
{
    const struct sl_pass *pass = &pools->generator->made->pass;
    const char *path = sl_contract_path(pools->leaves[index].column), *comma = "";
    sl_buf_add(sql, "coalesce(array_to_string([");
    for (size_t i = 0; i < pass->rule_count; i++)
        if (is_own_rule(&pass->rules[i]) && sl_str_equal(pass->rules[i].column, path)) {
            sl_buf_addf(sql, "%scase when %s then '%zu' end", comma, pass->rules[i].broken, i);
            comma = ", ";
        }
    sl_buf_add(sql, *comma ? "], ','), '')" : "null::VARCHAR], ','), '')");
}

static void add_unnested(const struct pools *pools, const char *before, struct sl_buf *sql,
                         void (*add)(const struct pools *pools, size_t index, struct sl_buf *sql))
{
    const char *comma = "";
    sl_buf_add(sql, before);
    for (size_t i = 0; i < pools->count; i++)
        if (pools->leaves[i].good) {
            sl_buf_add(sql, comma);
            add(pools, i, sql);
            comma = ", ";
        }
    sl_buf_add(sql, "])");
}

static void add_index(const struct pools *pools, size_t index, struct sl_buf *sql)
{
    (void)pools;
    sl_buf_addf(sql, "%zu", index);
}

static void add_value(const struct pools *pools, size_t index, struct sl_buf *sql)
{
    (void)pools;
    sl_buf_addf(sql, "\"~v%zu\"", index);
}

// "~grouped": per leaf and set of broken rules the values.
static int group(const struct pools *pools, struct sl_err *err)
{
    const struct sl_pass *pass = &pools->generator->made->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf keep = SL_BUF_INIT;
    for (size_t i = 0; i < pools->count; i++)
        if (pools->leaves[i].good)
            sl_buf_addf(&keep, "\"~v%zu\" as \"~v%zu\", ", i, i);
    sl_buf_add(&keep, "\"~odd\" as \"~odd\", ");
    SL_TRY(sl_buf_check(&keep, err));
    sl_buf_add(&sql,
               "create or replace temp table \"~grouped\" as select l, k, coalesce(list(v "
               "order by i) filter (where not o and (v is not null or k <> '')), list(v order "
               "by i) filter (where v is not null or k <> ''), [null]) as v, count(*) filter "
               "(where not o) as n, bool_or(v is null) as z from (select _position as i, "
               "\"~odd\" as o, ");
    add_unnested(pools, "unnest([", &sql, add_index);
    add_unnested(pools, " as l, unnest([", &sql, add_value);
    add_unnested(pools, " as v, unnest([", &sql, add_set);
    sl_buf_add(&sql, " as k from ");
    sl_pass_relation(pass, SL_PASS_ALL, "\"~candidates\"", keep.text, &sql);
    sl_buf_add(&sql, ") group by l, k");
    return sl_generate_exec(pools->generator, &sql, err);
}

static int count_values(struct pools *pools, struct sl_err *err)
{
    struct sl_generator *generator = pools->generator;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(generator->session->kind->query(
        generator->session,
        "select l, n, len(v), cast(z as INTEGER) from \"~grouped\" where k = ''", 0, &result, err));
    for (size_t i = 0; i < pools->count; i++)
        pools->pools[i] = (struct sl_sample_pool){.count = pools->leaves[i].good ? NONE : 0};
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        size_t index = (size_t)sl_result_int(result, row, 0);
        bool is_all = sl_result_int(result, row, 1) == pools->values;
        bool is_mostly = sl_result_int(result, row, 1) * 2 >= pools->values;
        const struct sl_sample_leaf *leaf = &pools->leaves[index];
        pools->pools[index].has_null = sl_result_int(result, row, 3) > 0;
        bool is_needed = leaf->is_distinct ? !is_mostly : !is_all;
        pools->pools[index].count = is_needed ? sl_result_int(result, row, 2) : 0;
    }
    return SL_OK;
}

// Values enough of each leaf, or as many as there are hopes for.
static bool is_enough(const struct pools *pools, int64_t wanted)
{
    for (size_t i = 0; i < pools->count; i++) {
        const struct sl_sample_pool *pool = &pools->pools[i];
        int64_t least = pools->leaves[i].is_distinct && wanted > ENOUGH ? wanted : ENOUGH;
        if (pool->count && pool->count < least)
            return false;
    }
    return true;
}

// "~odds": per set of broken rules so many values, over and over if there are fewer.
static int create_odds(struct pools *pools, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table \"~odds\" as select l, k, n.range as n, "
                "list_extract(v, 1 + n.range %% len(v)) as v from (select l, k, v[:%d] as v from "
                "\"~grouped\" where k <> ''), range(%d) n",
                SL_GENERATE_ODDS, SL_GENERATE_ODDS);
    return sl_generate_exec(pools->generator, &sql, err);
}

// A list of a leaf is taken out of the list for all leaves: an aggregate for each would take
// longer.
static int create_pools(struct pools *pools, struct sl_err *err)
{
    struct sl_generator *generator = pools->generator;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    bool is_breaking = generator->options->breaking != SL_BREAK_NONE;
    size_t place = 0;
    sl_buf_add(&sql, "create or replace temp table \"~pools\" as select 0 as \"~none\"");
    for (size_t i = 0; i < pools->count; i++) {
        struct sl_sample_pool *pool = &pools->pools[i];
        pool->count = pool->count == NONE ? 0 : pool->count;
        pool->has_odd = is_breaking && pools->leaves[i].good;
        place += pools->leaves[i].good != NULL;
        if (pool->count)
            sl_buf_addf(&sql, ", list_extract(g, %zu) as \"~g%zu\"", place, i);
    }
    sl_buf_add(&sql, " from (select list(g order by l) as g from (select l, any_value(v) filter "
                     "(where k = '') as g from \"~grouped\" group by l))");
    SL_TRY(sl_generate_exec(generator, &sql, err));
    return create_odds(pools, err);
}

static int make(struct pools *pools, struct sl_err *err)
{
    bool is_breaking = pools->generator->options->breaking != SL_BREAK_NONE;
    int64_t wanted = pools->generator->options->rows * 2 + 50;
    for (pools->values = VALUES; pools->values <= MOST_VALUES; pools->values *= 4) {
        int64_t odd = pools->values < 4 * VALUES ? pools->values : 4 * VALUES;
        SL_TRY(create_leaves(pools, false, 1, pools->values + 1, err));
        if (is_breaking)
            SL_TRY(create_leaves(pools, true, pools->values + 1, pools->values + odd + 1, err));
        SL_TRY(create_candidates(pools, err));
        SL_TRY(group(pools, err));
        SL_TRY(count_values(pools, err));
        if (is_enough(pools, wanted))
            break;
    }
    return create_pools(pools, err);
}

int sl_generate_pools(struct sl_generator *generator, const struct sl_sample_options *sampling,
                      struct sl_err *err)
{
    struct pools pools = {.generator = generator};
    struct sl_generate_parents parents = {.session = generator->session,
                                          .options = generator->options,
                                          .pass = &generator->made->pass,
                                          .arena = generator->arena};
    struct sl_strs same = {0};
    SL_TRY(sl_contract_leaves(sampling, generator->arena, &pools.leaves, &pools.count,
                              &pools.shapes, &same, err));
    pools.pools = SL_NEW_ARRAY(generator->arena, struct sl_sample_pool, pools.count + 1);
    SL_TRY_NEW(pools.pools, err);
    SL_TRY(sl_generate_no_parents(&parents, err));
    SL_TRY(make(&pools, err));
    generator->pools = pools.pools;
    return SL_OK;
}
