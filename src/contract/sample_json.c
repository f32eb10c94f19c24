// JSON of which the contract says nothing but how many items or members it has, and which.
#include "contract/sample_part.h"

#include <inttypes.h>
#include <stdio.h>

#define MOST_MADE 100000

struct sl_sample_count sl_sample_count_of(const struct sl_rule *rule, int64_t usual)
{
    struct sl_sample_count count = {.least = sl_sample_bound(rule ? rule->min : NULL, 0)};
    int64_t wide = count.least + 2 > usual ? count.least + 2 : usual;
    count.has_most = rule && rule->max;
    count.most = sl_sample_bound(count.has_most ? rule->max : NULL, wide);
    return count;
}

static bool is_made(int64_t count)
{
    return count >= 0 && count <= MOST_MADE;
}

// [7, 8, 9]; to break that no item comes twice, the second is the first again.
static bool sample_array(const struct sl_sampler *sampler, int way, struct sl_buf *sql)
{
    struct sl_sample_count count = sl_sample_count_of(sampler->items, 3);
    SL_AUTO(sl_buf_clear) struct sl_buf number = SL_BUF_INIT;
    int64_t span = count.most - count.least;
    if (way == 0) {
        sl_buf_addf(&number, "%" PRId64 " + ", count.least);
        sl_sample_draw(sampler, 8, (span < 2 ? span : 2) + 1, &number);
    } else if (way == 1 && count.least > 0) {
        sl_buf_addf(&number, "%" PRId64, count.least - 1);
    } else if (way == 2 && count.has_most) {
        sl_buf_addf(&number, "%" PRId64, count.most + 1);
    } else if (way == 3 && sampler->has_unique_items && count.most > 1) {
        sl_buf_addf(&number, "%" PRId64, count.least > 2 ? count.least : 2);
    }
    if (!number.length || !is_made(count.least) || (way == 2 && !is_made(count.most)))
        return false;
    sl_buf_addf(sql,
                "'[' || array_to_string(list_transform(range(%s), lambda j: %s + %s), ',') || ']'",
                number.text, sampler->row, way == 3 ? "greatest(j, 1)" : "j");
    sql->has_failed |= number.has_failed;
    return true;
}

static void add_member(const char *name, const char *row, int64_t *count, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf key = SL_BUF_INIT;
    sl_buf_add(&key, (*count)++ ? "," : "");
    sl_buf_add_json_string(&key, name);
    sl_buf_add_char(&key, ':');
    sl_buf_add(sql, " || ");
    sl_buf_add_sql_string(sql, key.text);
    sl_buf_addf(sql, " || %s", row);
    sql->has_failed |= key.has_failed;
}

// The wanted members but the one at `left_out`, and others up to `count`.
static void add_object(const struct sl_sampler *sampler, size_t left_out, int64_t count,
                       struct sl_buf *sql)
{
    static const struct sl_strs none = {0};
    const struct sl_strs *wanted = sampler->wanted ? &sampler->wanted->values : &none;
    int64_t made = 0;
    char name[32];
    sl_buf_add(sql, "'{'");
    for (size_t i = 0; i < wanted->count; i++)
        if (i != left_out)
            add_member(wanted->items[i], sampler->row, &made, sql);
    for (int64_t i = 0; made < count; i++) {
        (void)snprintf(name, sizeof name, "m%" PRId64, i);
        if (!sl_strs_has(wanted, name))
            add_member(name, sampler->row, &made, sql);
    }
    sl_buf_add(sql, " || '}'");
}

static bool sample_object(const struct sl_sampler *sampler, int way, struct sl_buf *sql)
{
    struct sl_sample_count count = sl_sample_count_of(sampler->members, 3);
    int64_t wanted = sampler->wanted ? (int64_t)sampler->wanted->values.count : 0;
    int64_t usual = count.least > wanted ? count.least : wanted;
    if (usual > 1000 || (way == 2 && count.most > 1000))
        return false;
    usual += usual == 0 && count.most > 0;
    if (way == 0)
        add_object(sampler, SIZE_MAX, usual, sql);
    else if (way == 1 && count.least > wanted)
        add_object(sampler, SIZE_MAX, count.least - 1, sql);
    else if (way == 2 && count.has_most)
        add_object(sampler, SIZE_MAX, count.most + 1, sql);
    else if (way == 3 && wanted > 0)
        add_object(sampler, 0, usual, sql);
    else if (way == 4 && wanted > 1)
        add_object(sampler, 1, usual, sql);
    else if (way == 5 && count.least > 0) // fewer by one that is wanted
        add_object(sampler, 0, count.least - 1, sql);
    else
        return false;
    return true;
}

bool sl_sample_json(const struct sl_sampler *sampler, int way, struct sl_buf *sql)
{
    if (sampler->items || sampler->has_unique_items)
        return sample_array(sampler, way, sql);
    return (sampler->members || sampler->wanted) && sample_object(sampler, way, sql);
}
