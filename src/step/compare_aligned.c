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
    int64_t left_count;  // rows that are no longer where they were
    bool only_differing; // of rows that differ, columns with the same bytes are not read
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

static void add_value(const struct sl_compare *compare, int side, size_t column, char prefix,
                      struct sl_buf *sql)
{
    sl_buf_add(sql, ", ");
    sl_compare_add_value(compare, &compare->result.columns[column], side, sql);
    sl_buf_addf(sql, " as %c%zu", prefix, column);
}

// The columns whose bytes differ, of a range of rows.
static void add_rows(const struct sl_compare *compare, int side, const struct sl_file_pair *pair,
                     const char *scan, const struct sl_row_range *range, struct sl_buf *sql)
{
    const char prefix = "ab"[side];
    sl_buf_addf(sql, "(select \"~row\" as r%c", prefix);
    for (size_t i = 0; i < compare->result.column_count; i++)
        if (pair->differs[i])
            add_value(compare, side, i, prefix, sql);
    sl_buf_addf(sql, " from %s", scan);
    if (range->begin > 0 || range->end < pair->row_count)
        sl_buf_addf(sql, " where \"~row\" >= %lld and \"~row\" < %lld", (long long)range->begin,
                    (long long)range->end);
    sl_buf_add(sql, ")");
}

// ", a<i>, b<i>" of the columns whose bytes differ.
static void add_both(const struct sl_file_pair *pair, size_t column_count, struct sl_buf *sql)
{
    for (size_t i = 0; i < column_count; i++)
        if (pair->differs[i])
            sl_buf_addf(sql, ", a%zu, b%zu", i, i);
}

// The engine joins by position on one thread, but several joins at once.
static void add_joins(const struct sl_compare *compare, size_t index,
                      const struct sl_file_pair *pair, const struct sl_buf *scans,
                      struct sl_buf *sql)
{
    const size_t column_count = compare->result.column_count;
    for (size_t i = 0; i < pair->range_count; i++) {
        sl_buf_addf(sql, "%sselect %zu, ra, ra is distinct from rb", i ? " union all " : "", index);
        add_both(pair, column_count, sql);
        sl_buf_add(sql, " from ");
        add_rows(compare, SL_SIDE_A, pair, scans[SL_SIDE_A].text, &pair->ranges[i], sql);
        sl_buf_add(sql, " positional join ");
        add_rows(compare, SL_SIDE_B, pair, scans[SL_SIDE_B].text, &pair->ranges[i], sql);
        sl_buf_add(sql, " where ra is distinct from rb");
        for (size_t c = 0; c < column_count; c++)
            if (pair->differs[c])
                sl_buf_addf(sql, " or a%zu is distinct from b%zu", c, c);
    }
}

static int64_t most_moved(const struct sl_file_pair *pair)
{
    return pair->row_count / ROWS_PER_DIFFERING;
}

// _diff_moved: a pair's rows of which a column differs, and what these columns hold. The numbers
// of the rows are compared, too, since all depends on both sides coming in order.
static int find_rows(const struct reducer *reducer, size_t index, struct sl_err *err)
{
    const struct sl_compare *compare = reducer->compare;
    const struct sl_file_pair *pair = &reducer->pairs[index];
    SL_AUTO(sl_buf_clear) struct sl_buf scan_a = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf scan_b = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(add_scan(compare, SL_SIDE_A, pair, &scan_a, err));
    SL_TRY(add_scan(compare, SL_SIDE_B, pair, &scan_b, err));
    sl_buf_add(&sql, "insert into _diff_moved (pair, r, is_apart");
    add_both(pair, compare->result.column_count, &sql);
    sl_buf_add(&sql, ") select * from (");
    add_joins(compare, index, pair, (const struct sl_buf[]){scan_a, scan_b}, &sql);
    sl_buf_addf(&sql, ") limit %lld", (long long)most_moved(pair) + 1);
    return exec(compare, &sql, err);
}

static int count_rows(struct reducer *reducer, size_t index, struct sl_err *err)
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
    pair->moved_count = sl_result_int(result, 0, 0);
    pair->is_dropped = sl_result_int(result, 0, 1) > 0 || pair->moved_count > most_moved(pair);
    return SL_OK;
}

static bool is_wanted(const struct reducer *reducer, const struct sl_file_pair *pair, size_t column)
{
    const struct sl_compared_column *compared = &reducer->compare->result.columns[column];
    return sl_compared_has_both(compared) &&
           (!reducer->only_differing || compared->is_key || pair->differs[column]);
}

// _diff_fetched: what the rows of a pair that differ have in columns with the same bytes.
static int fetch(const struct reducer *reducer, size_t index, struct sl_err *err)
{
    const struct sl_compare *compare = reducer->compare;
    const struct sl_file_pair *pair = &reducer->pairs[index];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _diff_fetched as select \"~row\" as r");
    for (size_t i = 0; i < compare->result.column_count; i++)
        if (is_wanted(reducer, pair, i) && !pair->differs[i])
            add_value(compare, SL_SIDE_A, i, 'c', &sql);
    sl_buf_add(&sql, " from ");
    SL_TRY(add_scan(compare, SL_SIDE_A, pair, &sql, err));
    sl_buf_addf(&sql, " where \"~row\" in (select r from _diff_moved where pair = %zu)", index);
    return exec(compare, &sql, err);
}

static int put_left(const struct reducer *reducer, int side, size_t index, struct sl_err *err)
{
    const struct sl_compare *compare = reducer->compare;
    const struct sl_file_pair *pair = &reducer->pairs[index];
    const char *separator = "";
    SL_AUTO(sl_buf_clear) struct sl_buf values = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "insert into %s (", left_tables[side]);
    for (size_t i = 0; i < compare->result.column_count; i++) {
        if (!is_wanted(reducer, pair, i))
            continue;
        sl_buf_add(&sql, separator);
        sl_buf_add_sql_name(&sql, compare->result.columns[i].names[side]);
        sl_buf_addf(&values, "%s%c%zu", separator, pair->differs[i] ? "ab"[side] : 'c', i);
        separator = ", ";
    }
    SL_TRY(sl_buf_check(&values, err));
    sl_buf_addf(&sql, ") select %s from _diff_moved join _diff_fetched using (r) where pair = %zu",
                values.text, index);
    return exec(compare, &sql, err);
}

static int make_moved(const struct reducer *reducer, struct sl_err *err)
{
    const struct sl_compare *compare = reducer->compare;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _diff_moved (pair bigint, r bigint, is_apart "
                     "boolean");
    for (size_t i = 0; i < compare->result.column_count; i++) {
        const struct sl_compared_column *column = &compare->result.columns[i];
        if (sl_compared_has_both(column))
            sl_buf_addf(&sql, ", a%zu %s, b%zu %s", i, column->type, i, column->type);
    }
    sl_buf_add(&sql, ")");
    return exec(compare, &sql, err);
}

static int find_all_rows(struct reducer *reducer, struct sl_err *err)
{
    size_t read_count = 0;
    for (size_t i = 0; i < reducer->count; i++) {
        struct sl_file_pair *pair = &reducer->pairs[i];
        if (!pair->differing_count)
            continue;
        if (!read_count)
            SL_TRY(make_moved(reducer, err));
        pair->is_dropped = read_count == MOST_READ_PAIRS;
        if (pair->is_dropped)
            continue;
        read_count++;
        SL_TRY(find_rows(reducer, i, err));
        SL_TRY(count_rows(reducer, i, err));
        if (!pair->is_dropped)
            reducer->left_count += pair->moved_count;
    }
    return SL_OK;
}

static int fetch_all_rows(const struct reducer *reducer, struct sl_err *err)
{
    for (int s = 0; s < SL_SIDE_COUNT; s++) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        sl_buf_addf(&sql, "create or replace temp table %s as select * from ", left_tables[s]);
        SL_TRY(add_scan(reducer->compare, s, NULL, &sql, err));
        SL_TRY(exec(reducer->compare, &sql, err));
    }
    for (size_t i = 0; i < reducer->count; i++) {
        if (!reducer->pairs[i].moved_count || reducer->pairs[i].is_dropped)
            continue;
        SL_TRY(fetch(reducer, i, err));
        for (int s = 0; s < SL_SIDE_COUNT; s++)
            SL_TRY(put_left(reducer, s, i, err));
    }
    return SL_OK;
}

// Whether both sides have the same keys at the same places: all files are in pairs, and those
// differ in no column of the key.
static bool has_same_keys(const struct reducer *reducer)
{
    const struct sl_compare *compare = reducer->compare;
    const struct sl_compared *result = &compare->result;
    size_t count = 0;
    for (size_t i = 0; i < reducer->count; i++) {
        const struct sl_file_pair *pair = &reducer->pairs[i];
        count += !pair->is_dropped;
        for (size_t k = 0; k < result->key_count; k++)
            if (pair->differs[k] && !pair->is_dropped)
                return false;
    }
    return result->key_count > 0 && count == compare->sides[SL_SIDE_A]->scan->file_count &&
           count == compare->sides[SL_SIDE_B]->scan->file_count;
}

static int has_repeated_keys(const struct reducer *reducer, bool *ret, struct sl_err *err)
{
    const struct sl_compared *result = &reducer->compare->result;
    struct sl_session *session = reducer->compare->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *found = NULL;
    sl_buf_addf(&sql, "select 1 from %s group by ", left_tables[SL_SIDE_A]);
    for (size_t i = 0; i < result->key_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_name(&sql, result->columns[i].names[SL_SIDE_A]);
    }
    sl_buf_add(&sql, " having count(*) > 1 limit 1");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &found, err));
    *ret = sl_result_rows(found) > 0;
    return SL_OK;
}

// Rows of a key at the same place are each other's counterparts, so that columns with the same
// bytes need not be read, unless another row that differs has the key too.
static int read_pairs(struct reducer *reducer, struct sl_err *err)
{
    struct sl_compare *compare = reducer->compare;
    SL_TRY(find_all_rows(reducer, err));
    compare->has_same_keys = has_same_keys(reducer);
    if (!reducer->left_count)
        return SL_OK;
    reducer->only_differing = compare->has_same_keys && compare->options->only_differing;
    SL_TRY(fetch_all_rows(reducer, err));
    if (!reducer->only_differing)
        return SL_OK;
    bool is_repeated;
    SL_TRY(has_repeated_keys(reducer, &is_repeated, err));
    if (!is_repeated)
        return SL_OK;
    reducer->only_differing = false;
    return fetch_all_rows(reducer, err);
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
    compare->has_same_keys = false;
    SL_TRY(sl_compare_pair_files(compare, &reducer.pairs, &reducer.count, err));
    if (!reducer.count)
        return SL_OK;
    SL_TRY(read_pairs(&reducer, err));
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        SL_TRY(reduce(&reducer, s, err));
    return SL_OK;
}
