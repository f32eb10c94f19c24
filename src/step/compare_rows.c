// Rows of the buckets that differ: what is equal cancels out, the rest is paired by key.
#include "step/compare.h"

#include "api/target.h"

static int exec(const struct sl_compare *compare, const struct sl_buf *sql, int64_t *ret_rows,
                struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    return compare->session->kind->exec(compare->session, sql->text, ret_rows, err);
}

// select <columns>, <more> from <side> where its bucket differs
static void add_rows(const struct sl_compare *compare, int side, bool only_key, const char *more,
                     struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    if (only_key)
        sl_compare_add_key(compare, "", sql);
    else
        sl_compare_add_all(compare, "", sql);
    sl_buf_addf(sql, ", %s from ", more);
    sl_compare_add_relation(compare, side, sql);
    sl_buf_add(sql, " where ");
    sl_compare_add_bucket(compare, sql);
    sl_buf_add(sql, " in (select bucket from _diff_buckets)");
}

// _diff_net: every row that one side has more often, and how much; below zero: B.
static int cancel_equal(const struct sl_compare *compare, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _diff_net as select ");
    sl_compare_add_all(compare, "", &sql);
    sl_buf_add(&sql, ", cast(sum(s) as bigint) as net from (");
    add_rows(compare, SL_SIDE_A, false, "1 as s", &sql);
    sl_buf_add(&sql, " union all ");
    add_rows(compare, SL_SIDE_B, false, "-1 as s", &sql);
    sl_buf_add(&sql, ") group by ");
    sl_compare_add_all(compare, "", &sql);
    sl_buf_add(&sql, " having sum(s) <> 0");
    return exec(compare, &sql, NULL, err);
}

// Keys of several rows, and rows without a whole key. Only the key's columns are read, but of all
// files: the second row of a key may be one that was left out as the same on both sides.
static int look_at_keys(struct sl_compare *compare, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    static const char sides[] = "ab";
    struct sl_compare whole = *compare;
    const bool is_same = compare->has_same_keys;
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        if (compare->whole[s])
            whole.sides[s] = compare->whole[s];
    sl_buf_add(&sql, "select ");
    for (int s = 0; s < SL_SIDE_COUNT; s++) {
        char side = sides[s];
        sl_buf_addf(&sql,
                    "%scount(*) filter (where n%c > 1), cast(sum(n%c) filter (where n%c > 1) as "
                    "bigint), cast(sum(n%c) filter (where ",
                    s ? ", " : "", side, side, side, side);
        for (size_t i = 0; i < compare->result.key_count; i++)
            sl_buf_addf(&sql, "%sc%zu is null", i ? " or " : "", i);
        sl_buf_add(&sql, ") as bigint)");
    }
    sl_buf_add(&sql, " from (select ");
    sl_compare_add_key(compare, "", &sql);
    sl_buf_addf(&sql, ", count(*)%s as na, count(*)%s as nb from (",
                is_same ? "" : " filter (where is_a)", is_same ? "" : " filter (where not is_a)");
    add_rows(&whole, SL_SIDE_A, true, "true as is_a", &sql);
    if (!is_same) {
        sl_buf_add(&sql, " union all ");
        add_rows(&whole, SL_SIDE_B, true, "false as is_a", &sql);
    }
    sl_buf_add(&sql, ") group by ");
    sl_compare_add_key(compare, "", &sql);
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(compare->session->kind->query(compare->session, sql.text, 0, &result, err));
    for (size_t s = 0; s < SL_SIDE_COUNT; s++) {
        struct sl_compared_side *side = &compare->result.sides[s];
        side->repeated_keys = sl_result_int(result, 0, s * 3);
        side->repeated_rows = sl_result_int(result, 0, s * 3 + 1);
        side->null_keys = sl_result_int(result, 0, s * 3 + 2);
    }
    return SL_OK;
}

static bool is_value(const struct sl_compared_column *column)
{
    return !column->is_key && sl_compared_has_both(column);
}

// Whether the values of a column differ in a pair. Both may be null, NaN, or the same infinity.
static void add_differs(const struct sl_compare *compare, size_t i, struct sl_buf *sql)
{
    const struct sl_compared_column *column = &compare->result.columns[i];
    if (compare->options->tolerance > 0 && sl_type_is_number(column->type))
        sl_buf_addf(sql,
                    "(a%zu is distinct from b%zu and not coalesce(abs(try_cast(a%zu as double) - "
                    "try_cast(b%zu as double)) <= %.17g * (case when %s then "
                    "greatest(abs(try_cast(a%zu as double)), abs(try_cast(b%zu as double))) else 1 "
                    "end), false))",
                    i, i, i, i, compare->options->tolerance,
                    compare->options->is_relative ? "true" : "false", i, i);
    else
        sl_buf_addf(sql, "(a%zu is distinct from b%zu)", i, i);
}

// The rows of a key that is not one are paired too, one by one and none twice.
static void add_numbered(const struct sl_compare *compare, struct sl_buf *sql)
{
    sl_buf_add(sql, "with _r as (select *, row_number() over (partition by is_a, ");
    sl_compare_add_key(compare, "", sql);
    sl_buf_add(sql, " order by hash(");
    sl_compare_add_all(compare, "", sql);
    sl_buf_add(sql, ")) as p from (select ");
    sl_compare_add_all(compare, "", sql);
    sl_buf_add(sql, ", net > 0 as is_a, unnest(range(abs(net))) from _diff_net)) ");
}

// _diff_pairs: the key, in_a, in_b, and the values of both as a<i> and b<i>.
static int pair(const struct sl_compare *compare, struct sl_err *err)
{
    const struct sl_compared *result = &compare->result;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _diff_pairs as ");
    add_numbered(compare, &sql);
    sl_buf_add(&sql, "select a.p is not null as in_a, b.p is not null as in_b");
    for (size_t i = 0; i < result->column_count; i++)
        if (result->columns[i].is_key)
            sl_buf_addf(&sql, ", coalesce(a.c%zu, b.c%zu) as c%zu", i, i, i);
        else if (is_value(&result->columns[i]))
            sl_buf_addf(&sql, ", a.c%zu as a%zu, b.c%zu as b%zu", i, i, i, i);
    sl_buf_add(&sql, " from (from _r where is_a) a full join (from _r where not is_a) b on a.p = "
                     "b.p");
    for (size_t i = 0; i < result->key_count; i++)
        sl_buf_addf(&sql, " and a.c%zu is not distinct from b.c%zu", i, i);
    return exec(compare, &sql, NULL, err);
}

// What differs by no more than the tolerance is equal.
static int drop_near(const struct sl_compare *compare, struct sl_err *err)
{
    const struct sl_compared *result = &compare->result;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    if (compare->options->tolerance <= 0)
        return SL_OK;
    sl_buf_add(&sql, "delete from _diff_pairs where in_a and in_b and not (false");
    for (size_t i = 0; i < result->column_count; i++)
        if (is_value(&result->columns[i])) {
            sl_buf_add(&sql, " or ");
            add_differs(compare, i, &sql);
        }
    sl_buf_add(&sql, ")");
    return exec(compare, &sql, NULL, err);
}

static int count_pairs(struct sl_compare *compare, struct sl_err *err)
{
    struct sl_compared *result = &compare->result;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *found = NULL;
    size_t at = 3;
    sl_buf_add(&sql, "select count(*) filter (where not in_b), count(*) filter (where not in_a), "
                     "count(*) filter (where in_a and in_b)");
    for (size_t i = 0; i < result->column_count; i++)
        if (is_value(&result->columns[i])) {
            sl_buf_add(&sql, ", count(*) filter (where in_a and in_b and ");
            add_differs(compare, i, &sql);
            sl_buf_add(&sql, ")");
        }
    sl_buf_add(&sql, " from _diff_pairs");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(compare->session->kind->query(compare->session, sql.text, 0, &found, err));
    for (size_t s = 0; s < SL_SIDE_COUNT; s++)
        result->sides[s].only = sl_result_int(found, 0, s);
    result->differing = sl_result_int(found, 0, 2);
    for (size_t i = 0; i < result->column_count; i++)
        if (is_value(&result->columns[i]))
            result->columns[i].differing = sl_result_int(found, 0, at++);
    return SL_OK;
}

static int count_net(struct sl_compare *compare, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *found = NULL;
    SL_TRY(compare->session->kind->query(
        compare->session,
        "select cast(sum(net) filter (where net > 0) as bigint), cast(-sum(net) filter (where net "
        "< 0) as bigint) from _diff_net",
        0, &found, err));
    for (size_t s = 0; s < SL_SIDE_COUNT; s++)
        compare->result.sides[s].only = sl_result_int(found, 0, s);
    return SL_OK;
}

static int compare_buckets(struct sl_compare *compare, struct sl_err *err)
{
    SL_TRY(cancel_equal(compare, err));
    if (!compare->result.key_count)
        return count_net(compare, err);
    SL_TRY(look_at_keys(compare, err));
    SL_TRY(pair(compare, err));
    SL_TRY(drop_near(compare, err));
    return count_pairs(compare, err);
}

int sl_compare_rows(struct sl_compare *compare, struct sl_err *err)
{
    struct sl_compared *result = &compare->result;
    SL_TRY(sl_compare_leave_out(compare, err));
    SL_TRY(sl_compare_digests(compare, err));
    if (result->differing_buckets || compare->options->needs_rows)
        SL_TRY(compare_buckets(compare, err));
    result->equal =
        result->sides[SL_SIDE_A].row_count - result->sides[SL_SIDE_A].only - result->differing;
    return SL_OK;
}

bool sl_compare_is_equal(const struct sl_compared *result)
{
    return result->has_same_columns && !result->differing && !result->sides[SL_SIDE_A].only &&
           !result->sides[SL_SIDE_B].only;
}

// a0 as "amount_a"
static void add_as(const char *prefix, size_t i, const char *name, const char *ending,
                   struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf whole = SL_BUF_INIT;
    sl_buf_addf(&whole, "%s%s", name, ending);
    sl_buf_addf(sql, "%s%zu as ", prefix, i);
    sl_buf_add_sql_name(sql, whole.text);
    sql->has_failed = sql->has_failed || whole.has_failed;
}

static void add_order(const struct sl_compare *compare, int64_t limit, struct sl_buf *sql)
{
    sl_buf_add(sql, " order by ");
    sl_compare_add_key(compare, "", sql);
    if (limit > 0)
        sl_buf_addf(sql, " limit %lld", (long long)limit);
}

int sl_compare_examples_sql(const struct sl_compare *compare, enum sl_compare_kind kind,
                            int64_t limit, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_compared *result = &compare->result;
    const char *side = kind == SL_COMPARE_ONLY_B ? "b" : "a";
    const char *separator = "select ";
    for (size_t i = 0; i < result->column_count; i++) {
        const struct sl_compared_column *column = &result->columns[i];
        if (!sl_compared_has_both(column))
            continue;
        sl_buf_add(sql, separator);
        separator = ", ";
        if (column->is_key || !result->key_count) {
            add_as("c", i, column->name, "", sql);
        } else if (kind != SL_COMPARE_DIFFERING) {
            add_as(side, i, column->name, "", sql);
        } else {
            sl_buf_addf(sql, "a%zu, b%zu, ", i, i);
            add_differs(compare, i, sql);
            sl_buf_addf(sql, " as d%zu", i);
        }
    }
    if (!result->key_count)
        sl_buf_addf(sql, ", abs(net) as _rows from _diff_net where net %s 0",
                    kind == SL_COMPARE_ONLY_A ? ">" : "<");
    else
        sl_buf_addf(sql, " from _diff_pairs where %s",
                    kind == SL_COMPARE_ONLY_A   ? "not in_b"
                    : kind == SL_COMPARE_ONLY_B ? "not in_a"
                                                : "in_a and in_b");
    add_order(compare, limit, sql);
    return sl_buf_check(sql, err);
}

int sl_compare_output_sql(const struct sl_compare *compare, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_compared *result = &compare->result;
    bool has_key = result->key_count > 0;
    sl_buf_add(sql, has_key ? "select case when not in_b then 'only_a' when not in_a then 'only_b' "
                              "else 'differs' end as _diff"
                            : "select if(net > 0, 'only_a', 'only_b') as _diff");
    for (size_t i = 0; i < result->column_count; i++) {
        const struct sl_compared_column *column = &result->columns[i];
        if (!sl_compared_has_both(column))
            continue;
        sl_buf_add(sql, ", ");
        if (column->is_key || !has_key) {
            add_as("c", i, column->name, "", sql);
        } else {
            add_as("a", i, column->name, "_a", sql);
            sl_buf_add(sql, ", ");
            add_as("b", i, column->name, "_b", sql);
        }
    }
    sl_buf_add(sql, has_key ? " from _diff_pairs" : ", abs(net) as _rows from _diff_net");
    add_order(compare, 0, sql);
    return sl_buf_check(sql, err);
}
