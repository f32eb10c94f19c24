// What two copies of a table have in common because their files do: it is taken out of both sides
// before anything else is read.
#include "step/compare_files.h"

#include "api/target.h"

// Pairs whose columns are read; of more the rest is read like any other files.
#define MOST_READ_PAIRS 200
// With more of its rows differing than one in this many, a pair is read like any other files.
#define ROWS_PER_DIFFERING 10

struct reducer {
    struct sl_compare *compare;
    struct sl_file_pair *pairs;
    size_t count;
    int64_t left_count; // rows that are no longer where they were
};

static const char *const left_tables[] = {"_diff_left_a", "_diff_left_b"};

static int exec(const struct sl_compare *compare, const struct sl_buf *sql, struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    return compare->session->kind->exec(compare->session, sql->text, NULL, err);
}

// The files of one pair, with the number of each row, or the side without its files.
static int add_scan(const struct sl_compare *compare, int side, const struct sl_file_pair *pair,
                    struct sl_buf *sql, struct sl_err *err)
{
    struct sl_scan scan = *compare->sides[side]->scan;
    if (pair)
        scan.files += pair->files[side];
    scan.file_count = pair ? 1 : 0;
    scan.row_count = pair ? pair->row_count : 0;
    scan.with_origin = pair != NULL;
    return compare->session->kind->scan_sql(compare->session, &scan, sql, err);
}

// ", <value> as c<i>" of compared columns: all, or those whose bytes differ.
static void add_values(const struct sl_compare *compare, int side, const struct sl_file_pair *pair,
                       bool only_differing, struct sl_buf *sql)
{
    const struct sl_compared *result = &compare->result;
    for (size_t i = 0; i < result->column_count; i++) {
        if (!sl_compared_has_both(&result->columns[i]) || (only_differing && !pair->differs[i]))
            continue;
        sl_buf_add(sql, ", ");
        sl_compare_add_value(compare, &result->columns[i], side, sql);
        sl_buf_addf(sql, " as %c%zu", only_differing ? "ab"[side] : 'c', i);
    }
}

static int add_rows(const struct sl_compare *compare, int side, const struct sl_file_pair *pair,
                    struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_addf(sql, "(select \"~row\" as r%c", "ab"[side]);
    add_values(compare, side, pair, true, sql);
    sl_buf_add(sql, " from ");
    SL_TRY(add_scan(compare, side, pair, sql, err));
    sl_buf_add(sql, ")");
    return SL_OK;
}

// _diff_moved: the numbers of a pair's rows of which a column differs. The numbers themselves are
// compared, too, since all depends on both sides coming in order.
static int find_rows(const struct reducer *reducer, size_t index, struct sl_err *err)
{
    const struct sl_compare *compare = reducer->compare;
    const struct sl_file_pair *pair = &reducer->pairs[index];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "insert into _diff_moved select %zu, ra, ra is distinct from rb from ",
                index);
    SL_TRY(add_rows(compare, SL_SIDE_A, pair, &sql, err));
    sl_buf_add(&sql, " positional join ");
    SL_TRY(add_rows(compare, SL_SIDE_B, pair, &sql, err));
    sl_buf_add(&sql, " where ra is distinct from rb");
    for (size_t i = 0; i < compare->result.column_count; i++)
        if (pair->differs[i])
            sl_buf_addf(&sql, " or a%zu is distinct from b%zu", i, i);
    return exec(compare, &sql, err);
}

static int count_rows(struct reducer *reducer, size_t index, int64_t *ret, struct sl_err *err)
{
    struct sl_file_pair *pair = &reducer->pairs[index];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = reducer->compare->session;
    sl_buf_addf(&sql,
                "select count(*), count(*) filter (where is_apart) from _diff_moved where pair = "
                "%zu",
                index);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    pair->is_dropped =
        sl_result_int(result, 0, 1) > 0 || *ret > pair->row_count / ROWS_PER_DIFFERING;
    return SL_OK;
}

static void add_names(const struct sl_compare *compare, int side, struct sl_buf *sql)
{
    const char *separator = "";
    for (size_t i = 0; i < compare->result.column_count; i++) {
        if (!sl_compared_has_both(&compare->result.columns[i]))
            continue;
        sl_buf_add(sql, separator);
        sl_buf_add_sql_name(sql, compare->result.columns[i].names[side]);
        separator = ", ";
    }
}

// The rows of a pair that differ, of A.
static int fetch_a(const struct reducer *reducer, size_t index, struct sl_err *err)
{
    const struct sl_compare *compare = reducer->compare;
    const struct sl_file_pair *pair = &reducer->pairs[index];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf insert = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _diff_fetched as select \"~row\" as r");
    add_values(compare, SL_SIDE_A, pair, false, &sql);
    sl_buf_add(&sql, " from ");
    SL_TRY(add_scan(compare, SL_SIDE_A, pair, &sql, err));
    sl_buf_addf(&sql, " where \"~row\" in (select r from _diff_moved where pair = %zu)", index);
    SL_TRY(exec(compare, &sql, err));
    sl_buf_addf(&insert, "insert into %s (", left_tables[SL_SIDE_A]);
    add_names(compare, SL_SIDE_A, &insert);
    sl_buf_add(&insert, ") select ");
    sl_compare_add_all(compare, "", &insert);
    sl_buf_add(&insert, " from _diff_fetched");
    return exec(compare, &insert, err);
}

// Those of B: what has the same bytes is not read again.
static int fetch_b(const struct reducer *reducer, size_t index, struct sl_err *err)
{
    const struct sl_compare *compare = reducer->compare;
    const struct sl_file_pair *pair = &reducer->pairs[index];
    const char *separator = "";
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "insert into %s (", left_tables[SL_SIDE_B]);
    add_names(compare, SL_SIDE_B, &sql);
    sl_buf_add(&sql, ") select ");
    for (size_t i = 0; i < compare->result.column_count; i++) {
        if (!sl_compared_has_both(&compare->result.columns[i]))
            continue;
        sl_buf_addf(&sql, "%s%c%zu", separator, pair->differs[i] ? 'b' : 'c', i);
        separator = ", ";
    }
    sl_buf_add(&sql, " from _diff_fetched join (from ");
    SL_TRY(add_rows(compare, SL_SIDE_B, pair, &sql, err));
    sl_buf_addf(&sql, " where rb in (select r from _diff_moved where pair = %zu)) on r = rb",
                index);
    return exec(compare, &sql, err);
}

static int read_pair(struct reducer *reducer, size_t index, struct sl_err *err)
{
    int64_t count;
    SL_TRY(find_rows(reducer, index, err));
    SL_TRY(count_rows(reducer, index, &count, err));
    if (reducer->pairs[index].is_dropped || !count)
        return SL_OK;
    reducer->left_count += count;
    SL_TRY(fetch_a(reducer, index, err));
    return fetch_b(reducer, index, err);
}

static int make_tables(const struct reducer *reducer, struct sl_err *err)
{
    const struct sl_compare *compare = reducer->compare;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _diff_moved (pair bigint, r bigint, is_apart "
                     "boolean)");
    SL_TRY(exec(compare, &sql, err));
    for (int s = 0; s < SL_SIDE_COUNT; s++) {
        sl_buf_reset(&sql);
        sl_buf_addf(&sql, "create or replace temp table %s as select * from ", left_tables[s]);
        SL_TRY(add_scan(compare, s, NULL, &sql, err));
        SL_TRY(exec(compare, &sql, err));
    }
    return SL_OK;
}

static int read_pairs(struct reducer *reducer, struct sl_err *err)
{
    size_t read_count = 0;
    for (size_t i = 0; i < reducer->count; i++) {
        struct sl_file_pair *pair = &reducer->pairs[i];
        if (!pair->differing_count)
            continue;
        if (!read_count)
            SL_TRY(make_tables(reducer, err));
        pair->is_dropped = read_count == MOST_READ_PAIRS;
        if (pair->is_dropped)
            continue;
        read_count++;
        SL_TRY(read_pair(reducer, i, err));
    }
    return SL_OK;
}

// The side without the rows of the pairs, but for those that differ.
static int reduce(struct reducer *reducer, int side, struct sl_err *err)
{
    struct sl_compare *compare = reducer->compare;
    struct sl_scan scan = *compare->sides[side]->scan;
    struct sl_compare_side *into = &compare->reduced[side];
    struct sl_compared_side *result = &compare->result.sides[side];
    struct sl_scan_file *files = SL_NEW_ARRAY(compare->arena, struct sl_scan_file, scan.file_count);
    bool *is_paired = SL_NEW_ARRAY(compare->arena, bool, scan.file_count);
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY_NEW(files, err);
    SL_TRY_NEW(is_paired, err);
    *into = *compare->sides[side];
    into->same_rows -= reducer->left_count;
    for (size_t i = 0; i < reducer->count; i++) {
        const struct sl_file_pair *pair = &reducer->pairs[i];
        if (pair->is_dropped)
            continue;
        is_paired[pair->files[side]] = true;
        into->same_rows += pair->row_count;
        result->same_files += pair->differing_count == 0;
        scan.row_count -= scan.row_count > pair->row_count ? pair->row_count : scan.row_count;
    }
    size_t count = 0;
    for (size_t i = 0; i < scan.file_count; i++)
        if (!is_paired[i])
            files[count++] = scan.files[i];
    scan.files = files;
    scan.file_count = count;
    sl_buf_add(&sql, "(select * from ");
    SL_TRY(compare->session->kind->scan_sql(compare->session, &scan, &sql, err));
    if (reducer->left_count)
        sl_buf_addf(&sql, " union all select * from %s", left_tables[side]);
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    into->sql = sl_arena_strdup(compare->arena, sql.text);
    SL_TRY_NEW(into->sql, err);
    // A digest of a part of it is worth nothing later.
    if (reducer->left_count || !count)
        into->identity = NULL;
    compare->whole[side] = compare->sides[side];
    compare->sides[side] = into;
    return SL_OK;
}

int sl_compare_leave_out(struct sl_compare *compare, struct sl_err *err)
{
    struct reducer reducer = {.compare = compare};
    SL_TRY(sl_compare_pair_files(compare, &reducer.pairs, &reducer.count, err));
    if (!reducer.count)
        return SL_OK;
    SL_TRY(read_pairs(&reducer, err));
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        SL_TRY(reduce(&reducer, s, err));
    return SL_OK;
}
