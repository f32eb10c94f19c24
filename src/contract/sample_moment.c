// Days and times: within a range, or as far from the taking in of the row as rules over the clock
// ask for.
#include "contract/sample_part.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_S INT64_C(86400)
#define MOST_AWAY_S (730 * DAY_S)

static const char *moment_format(const struct sl_contract_column *column)
{
    if (column->formats.count)
        return column->formats.items[0];
    if (column->type.kind == SL_TYPE_TIME)
        return "%H:%M:%S";
    if (column->type.kind == SL_TYPE_TIMESTAMP)
        return "%Y-%m-%dT%H:%M:%SZ";
    return column->type.kind == SL_TYPE_TIMESTAMP_NTZ ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d";
}

bool sl_sample_is_moment(const struct sl_contract_column *column)
{
    enum sl_type_kind kind = column->type.kind;
    return kind == SL_TYPE_DATE || kind == SL_TYPE_TIMESTAMP || kind == SL_TYPE_TIMESTAMP_NTZ;
}

void sl_sample_moment_at(const struct sl_sampler *sampler, const char *from, const char *plus,
                         struct sl_buf *sql)
{
    sl_buf_add(sql, "strftime(coalesce(try_cast(");
    sl_buf_add_sql_string(sql, from ? from : "2024-01-01");
    sl_buf_addf(sql, " as TIMESTAMP), timestamp '2024-01-01') + %s, ", plus);
    sl_buf_add_sql_string(sql, moment_format(sampler->column));
    sl_buf_add(sql, ")");
}

void sl_sample_word_moment(const struct sl_sampler *sampler, const char *word, int salt,
                           struct sl_buf *sql)
{
    sl_buf_addf(sql, "coalesce(strftime(try_cast(%s as TIMESTAMP) + to_days(cast(", word);
    sl_sample_draw(sampler, salt, 3, sql);
    sl_buf_add(sql, " - 1 as INTEGER)), ");
    sl_buf_add_sql_string(sql, moment_format(sampler->column));
    sl_buf_add(sql, "), '')");
}

// So many seconds after the row was taken in.
void sl_sample_moment_away(const struct sl_sampler *sampler, const char *seconds,
                           struct sl_buf *sql)
{
    sl_buf_addf(sql, "strftime(make_timestamp(%" PRId64 "::BIGINT) + to_seconds(%s), ",
                sampler->options->ingested_us, seconds);
    sl_buf_add_sql_string(sql, moment_format(sampler->column));
    sl_buf_add(sql, ")");
}

// Seconds after the taking in that rules over the clock leave. At the ends stays room for the time
// until the rows are really taken in.
static void find_window(const struct sl_sampler *sampler, int64_t *ret_low, int64_t *ret_high)
{
    const struct sl_rule *age = sampler->age;
    int64_t low = -MOST_AWAY_S, high = MOST_AWAY_S, least = 0, most;
    if (age) {
        (void)sl_str_to_int64(age->min ? age->min : "", &least);
        most = least + MOST_AWAY_S;
        (void)sl_str_to_int64(age->max ? age->max : "", &most);
        int64_t room = (most - least) / 4 < 2 * DAY_S ? (most - least) / 4 : 2 * DAY_S;
        low = -most + room;
        high = -least - room;
    }
    if (sampler->past && high > -2 * DAY_S && low < -2 * DAY_S)
        high = -2 * DAY_S;
    if (sampler->future && low < 2 * DAY_S)
        low = 2 * DAY_S;
    *ret_low = low;
    *ret_high = high > low ? high : low;
}

static bool is_by_clock(const struct sl_sampler *sampler)
{
    return sl_sample_is_moment(sampler->column) &&
           (sampler->age || ((sampler->past || sampler->future) && !sampler->range));
}

static void add_by_clock(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf seconds = SL_BUF_INIT;
    bool is_date = sampler->column->type.kind == SL_TYPE_DATE;
    int64_t low, high, unit = is_date ? DAY_S : 1;
    find_window(sampler, &low, &high);
    sl_buf_addf(&seconds, "%" PRId64 " - %" PRId64 " * ", high, unit);
    sl_sample_step(sampler, 2, (high - low) / unit + 1, &seconds);
    sl_sample_moment_away(sampler, seconds.text, sql);
    sql->has_failed |= seconds.has_failed;
}

void sl_sample_moment(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_rule *range = sampler->range;
    const char *from = range ? range->min : NULL, *to = range ? range->max : NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf plus = SL_BUF_INIT;
    bool is_backwards = !from && to;
    bool is_date = sampler->column->type.kind == SL_TYPE_DATE;
    int64_t begin, end, unit_us = is_date ? INT64_C(86400000000) : 1000000;
    int64_t span = is_date ? 730 : 63072000;
    if (is_by_clock(sampler)) {
        add_by_clock(sampler, sql);
        return;
    }
    if (from && to && sl_clock_parse(from, &begin) == 0 && sl_clock_parse(to, &end) == 0 &&
        end >= begin && (end - begin) / unit_us < span)
        span = (end - begin) / unit_us + 1;
    else if (from && to)
        span = is_date ? 60 : 86400;
    sl_buf_addf(&plus, "%s(", is_date ? "to_days" : "to_seconds");
    sl_buf_add(&plus, is_date ? "cast(" : "");
    sl_buf_add(&plus, is_backwards ? "-" : "");
    sl_sample_step(sampler, 2, span, &plus);
    sl_buf_add(&plus, is_date ? " as INTEGER))" : ")");
    sl_sample_moment_at(sampler, is_backwards ? to : from, plus.text, sql);
    sql->has_failed |= plus.has_failed;
}

// Beyond what rules over the clock leave, by days.
void sl_sample_moments_beyond(const struct sl_sampler *sampler, int *branch, struct sl_buf *sql)
{
    const struct sl_rule *age = sampler->age;
    int64_t bounds[4] = {0}, away[] = {-3, 3, -400, 400};
    size_t count = 1; // the clock itself
    if (!sl_sample_is_moment(sampler->column) || (!age && !sampler->past && !sampler->future))
        return;
    if (age && sl_str_to_int64(age->min ? age->min : "", &bounds[count]))
        count++;
    if (age && sl_str_to_int64(age->max ? age->max : "", &bounds[count]))
        count++;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof away / sizeof *away; k++) {
            char seconds[64];
            (void)snprintf(seconds, sizeof seconds, "%" PRId64, -bounds[i] + away[k] * DAY_S);
            sl_buf_addf(sql, " when %d then ", (*branch)++);
            sl_sample_moment_away(sampler, seconds, sql);
        }
}
