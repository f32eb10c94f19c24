#include "contract/sample_part.h"

#include <inttypes.h>
#include <math.h>

#define MOST_SAMPLED_SPAN INT64_C(1000000)

// A bound in units of 1, 0.1 or 0.01.
static int64_t units_of(const char *text, int64_t unit, int64_t otherwise)
{
    double real;
    if (!text || unit == 1)
        return sl_sample_bound(text, otherwise) * unit;
    return sl_str_to_double(text, &real) && real > -9e15 && real < 9e15
               ? llround(real * (double)unit)
               : otherwise * unit;
}

static int64_t largest_of(const struct sl_type *type)
{
    int64_t largest = INT64_C(1000000000);
    if (type->kind == SL_TYPE_INTEGER && type->bits <= 16)
        return type->bits == 8 ? 127 : 32767;
    for (int digits = type->precision - type->scale; type->kind == SL_TYPE_DECIMAL && digits < 9;
         digits++)
        largest /= 10;
    return largest;
}

// Multiples of a number from the first one that is not below the minimum.
static void add_multiple(const struct sl_sampler *sampler, int64_t low, int64_t span, int64_t unit,
                         struct sl_buf *sql)
{
    double of;
    int64_t units = sl_str_to_double(sampler->multiple->text, &of) && of > 0 && of < 9e9
                        ? llround(of * (double)unit)
                        : 0;
    sl_buf_addf(sql, "(ceil(%" PRId64 "::DOUBLE / %.9g)::BIGINT + ", low, of * (double)unit);
    sl_sample_step(sampler, 2, units > 0 ? span / units + 1 : span, sql);
    sl_buf_addf(sql, ") * %s", sampler->multiple->text);
}

// The least and the greatest number of so many digits.
static void span_of_digits(const struct sl_rule *digits, int64_t *ret_low, int64_t *ret_high)
{
    int64_t least = sl_sample_bound(digits->min, 1), most = sl_sample_bound(digits->max, least + 3);
    *ret_low = least > 1 ? 1 : 0;
    for (int64_t i = 1; i < least && i < 18; i++)
        *ret_low *= 10;
    *ret_high = 1;
    for (int64_t i = 0; i < most && i < 18; i++)
        *ret_high *= 10;
    --*ret_high;
}

void sl_sample_number(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_rule *range = sampler->range;
    const struct sl_type *type = &sampler->column->type;
    int scale = type->kind == SL_TYPE_INTEGER ? 0 : type->kind == SL_TYPE_DOUBLE ? 2 : type->scale;
    int64_t places = sl_sample_bound(sampler->places ? sampler->places->max : NULL, scale);
    scale = places < scale ? (int)places : scale;
    int64_t largest = largest_of(type), unit = scale >= 2 ? 100 : scale == 1 ? 10 : 1;
    int64_t low = units_of(range ? range->min : NULL, unit, 0), high;
    low += range && range->min && range->is_min_exclusive;
    high = units_of(range ? range->max : NULL, unit, low / unit + MOST_SAMPLED_SPAN);
    if (!range || !range->max)
        high = high > largest * unit && largest * unit > low ? largest * unit : high;
    if (sampler->digits && type->kind == SL_TYPE_INTEGER && !range)
        span_of_digits(sampler->digits, &low, &high);
    int64_t span = high - low;
    span = span < 0 ? 1 : span > MOST_SAMPLED_SPAN * unit ? MOST_SAMPLED_SPAN * unit : span;
    span += !(range && range->max && range->is_max_exclusive);
    sl_buf_add(sql, "cast(");
    if (sampler->multiple) {
        add_multiple(sampler, low, span, unit, sql);
    } else {
        sl_buf_addf(sql, "(%" PRId64 "::BIGINT + ", low);
        sl_sample_step(sampler, 2, span, sql);
        sl_buf_addf(sql, ")::DECIMAL(18,0)%s",
                    unit == 100  ? " * 0.01"
                    : unit == 10 ? " * 0.1"
                                 : "");
    }
    sl_buf_add(sql, " as VARCHAR)");
}
