// The digests of two relations, and those kept from before.
#include "step/compare.h"

#include "api/target.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"

#include <stdlib.h>

#define BUCKET_BITS 12
#define MOST_KEPT 64 // digests, of about 60 KB

// The highest bits: the engine's own hash tables use the others.
void sl_compare_add_bucket(const struct sl_compare *compare, struct sl_buf *sql)
{
    sl_buf_add(sql, "cast(hash(");
    sl_compare_add_key(compare, "", sql);
    sl_buf_addf(sql, ") >> %d as integer)", 64 - BUCKET_BITS);
}

// The engine's hash does not tell an empty list from null, nor null from a struct of nulls: their
// texts do.
static void add_texts(const struct sl_compare *compare, struct sl_buf *sql)
{
    const struct sl_compared *result = &compare->result;
    for (size_t i = 0; i < result->column_count; i++)
        if (sl_compared_has_both(&result->columns[i]) && sl_type_is_nested(result->columns[i].type))
            sl_buf_addf(sql, ", cast(c%zu as varchar)", i);
}

// A sum does not mind in which order rows come, nor which file they are in. Hashed twice, because
// the engine mixes the columns of a row in a way that a sum could see through: two rows that change
// one value with each other would often have the same.
static void add_digest(const struct sl_compare *compare, int side, struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    sl_compare_add_bucket(compare, sql);
    sl_buf_add(sql, " as bucket, count(*) as n, sum(hash(hash(");
    sl_compare_add_all(compare, "", sql);
    add_texts(compare, sql);
    sl_buf_add(sql, "))) as h from ");
    sl_compare_add_relation(compare, side, sql);
    sl_buf_add(sql, " group by 1");
}

// NULL in *ret: nothing can be kept.
static int name_digest(const struct sl_compare *compare, int side, const char *sql,
                       const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];
    *ret = NULL;
    if (!compare->options->digests || !compare->sides[side]->identity)
        return SL_OK;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, compare->session->kind->version);
    sl_hash_add(hash, compare->sides[side]->identity);
    sl_hash_add(hash, sql);
    SL_TRY(sl_hash_end(hash, hex, err));
    *ret = sl_arena_printf(compare->arena, "%s/%s.parquet", compare->options->digests, hex);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int exec(const struct sl_compare *compare, const struct sl_buf *sql, struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    return compare->session->kind->exec(compare->session, sql->text, NULL, err);
}

// A kept one that cannot be read is as good as none.
static bool read_kept(const struct sl_compare *compare, const char *table, const char *file)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_err ignored = {0};
    if (!file || !sl_fs_exists(file))
        return false;
    sl_buf_addf(&sql, "create or replace temp table %s as select bucket, n, h from read_parquet(",
                table);
    sl_buf_add_sql_string(&sql, file);
    sl_buf_add(&sql, ")");
    return exec(compare, &sql, &ignored) == SL_OK;
}

struct kept {
    const char *path;
    int64_t mtime_us;
};

static int by_age(const void *a, const void *b)
{
    const struct kept *left = a, *right = b;
    return (left->mtime_us < right->mtime_us) - (left->mtime_us > right->mtime_us);
}

static int forget_oldest(const struct sl_compare *compare, struct sl_err *err)
{
    struct sl_strs names = {0};
    SL_TRY(sl_fs_list(compare->options->digests, compare->arena, &names, err));
    struct kept *kept = SL_NEW_ARRAY(compare->arena, struct kept, names.count);
    SL_TRY_NEW(kept, err);
    for (size_t i = 0; i < names.count; i++) {
        struct sl_fs_stat stat = {0};
        kept[i].path = sl_path_join(compare->arena, compare->options->digests, names.items[i]);
        SL_TRY_NEW(kept[i].path, err);
        if (sl_fs_stat(kept[i].path, &stat, err) == SL_OK)
            kept[i].mtime_us = stat.mtime_us;
    }
    qsort(kept, names.count, sizeof *kept, by_age);
    for (size_t i = MOST_KEPT; i < names.count; i++)
        SL_TRY(sl_fs_remove(kept[i].path, err));
    return SL_OK;
}

// The sum is written as text: Parquet has no integer of its size.
static int keep(const struct sl_compare *compare, const char *table, const char *file,
                struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    char uuid[37];
    const char *partial = sl_arena_printf(compare->arena, "%s.%.8s", file, sl_uuid(uuid));
    SL_TRY_NEW(partial, err);
    SL_TRY(sl_fs_mkdirs(compare->options->digests, err));
    sl_buf_addf(&sql, "copy (select bucket, n, cast(h as varchar) as h from %s) to ", table);
    sl_buf_add_sql_string(&sql, partial);
    sl_buf_add(&sql, " (format parquet)");
    SL_TRY(exec(compare, &sql, err));
    SL_TRY(sl_fs_rename(partial, file, err));
    return forget_oldest(compare, err);
}

static int digest(struct sl_compare *compare, int side, struct sl_err *err)
{
    static const char *const tables[] = {"_diff_a", "_diff_b"};
    SL_AUTO(sl_buf_clear) struct sl_buf query = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *file;
    struct sl_err ignored = {0};
    add_digest(compare, side, &query);
    SL_TRY(sl_buf_check(&query, err));
    SL_TRY(name_digest(compare, side, query.text, &file, err));
    compare->result.sides[side].was_cached = read_kept(compare, tables[side], file);
    if (compare->result.sides[side].was_cached)
        return SL_OK;
    sl_buf_addf(&sql,
                "create or replace temp table %s as select bucket, n, cast(h as varchar) as h from "
                "(%s)",
                tables[side], query.text);
    SL_TRY(exec(compare, &sql, err));
    // It only saves time: where it cannot be written, nothing is lost.
    if (file)
        (void)!keep(compare, tables[side], file, &ignored);
    return SL_OK;
}

int sl_compare_digests(struct sl_compare *compare, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_compared *compared = &compare->result;
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        SL_TRY(digest(compare, s, err));
    sl_buf_add(&sql, "create or replace temp table _diff_buckets as select bucket from _diff_a a "
                     "full join _diff_b b using (bucket) where a.n is distinct from b.n or a.h is "
                     "distinct from b.h");
    SL_TRY(exec(compare, &sql, err));
    SL_TRY(compare->session->kind->query(
        compare->session,
        "select (select sum(n)::bigint from _diff_a), (select sum(n)::bigint from _diff_b), "
        "(select count(*) from _diff_buckets)",
        0, &result, err));
    for (int s = 0; s < SL_SIDE_COUNT; s++)
        compared->sides[s].row_count =
            compare->sides[s]->same_rows + sl_result_int(result, 0, (size_t)s);
    compared->buckets = 1 << BUCKET_BITS;
    compared->differing_buckets = sl_result_int(result, 0, 2);
    return SL_OK;
}
