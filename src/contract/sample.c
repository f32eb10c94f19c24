#include "contract/sample.h"

#include <inttypes.h>
#include <string.h>

#define PATTERN_SAMPLES 200
#define MOST_SAMPLED_SPAN INT64_C(1000000)

struct sampler {
    const struct sl_contract_table *table;
    const struct sl_contract_column *column;
    size_t index;
    uint64_t seed;
    struct sl_arena *arena;
    struct sl_strs *notes;
    const struct sl_rule *range, *length, *words, *pattern, *format;
};

static void find_rules(struct sampler *sampler)
{
    const struct sl_contract_column *column = sampler->column;
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        if (sl_str_equal(rule->kind, "range"))
            sampler->range = rule;
        else if (sl_str_equal(rule->kind, "length"))
            sampler->length = rule;
        else if (sl_str_equal(rule->kind, "enum"))
            sampler->words = rule;
        else if (sl_str_equal(rule->kind, "pattern"))
            sampler->pattern = rule;
        else if (sl_str_equal(rule->kind, "format"))
            sampler->format = rule;
    }
}

// A number below `span` that the row's number, the seed and the column decide.
static void add_draw(const struct sampler *sampler, int salt, int64_t span, struct sl_buf *sql)
{
    sl_buf_addf(sql, "cast(hash(\"~i\", %" PRIu64 "::UBIGINT, %zu, %d) %% %" PRId64 " as BIGINT)",
                sampler->seed, sampler->index, salt, span > 0 ? span : 1);
}

static void add_pick(const struct sampler *sampler, const char *const *texts, size_t count,
                     struct sl_buf *sql)
{
    sl_buf_add(sql, "list_extract([");
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_string(sql, texts[i]);
    }
    sl_buf_add(sql, "], 1 + ");
    add_draw(sampler, 1, (int64_t)count, sql);
    sl_buf_add(sql, ")");
}

static int64_t bound(const char *text, int64_t otherwise)
{
    int64_t value;
    double real;
    if (text && sl_str_to_int64(text, &value))
        return value;
    if (text && sl_str_to_double(text, &real) && real > -9e15 && real < 9e15)
        return (int64_t)real;
    return otherwise;
}

// Row by row another one for a key.
static void add_step(const struct sampler *sampler, int64_t span, struct sl_buf *sql)
{
    if (sampler->column->key_position == 1)
        sl_buf_addf(sql, "(\"~i\" %% %" PRId64 ")", span > 0 ? span : 1);
    else
        add_draw(sampler, 2, span, sql);
}

static void add_number(const struct sampler *sampler, struct sl_buf *sql)
{
    const struct sl_rule *range = sampler->range;
    const struct sl_type *type = &sampler->column->type;
    int scale = type->kind == SL_TYPE_INTEGER ? 0 : type->kind == SL_TYPE_DOUBLE ? 2 : type->scale;
    int64_t largest = type->kind == SL_TYPE_INTEGER && type->bits == 8    ? 127
                      : type->kind == SL_TYPE_INTEGER && type->bits == 16 ? 32767
                                                                          : INT64_C(1000000000);
    for (int digits = type->precision - type->scale; type->kind == SL_TYPE_DECIMAL && digits < 9;
         digits++)
        largest /= 10;
    int64_t low = bound(range ? range->min : NULL, 0), high;
    low += range && range->min && range->is_min_exclusive;
    high = bound(range ? range->max : NULL, low + MOST_SAMPLED_SPAN);
    if (!range || !range->max)
        high = high > largest && largest > low ? largest : high;
    int64_t unit = scale >= 2 ? 100 : scale == 1 ? 10 : 1;
    int64_t span = high - low;
    span = span < 0 ? 1 : span > MOST_SAMPLED_SPAN ? MOST_SAMPLED_SPAN : span;
    span = span * unit + (unit == 1 && !(range && range->max && range->is_max_exclusive));
    sl_buf_addf(sql, "cast((%" PRId64 "::BIGINT + ", low * unit);
    add_step(sampler, span, sql);
    sl_buf_addf(sql, ")::DECIMAL(18,0)%s as VARCHAR)",
                unit == 100  ? " * 0.01"
                : unit == 10 ? " * 0.1"
                             : "");
}

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

static void add_moment_at(const struct sampler *sampler, const char *from, const char *plus,
                          struct sl_buf *sql)
{
    sl_buf_add(sql, "strftime(coalesce(try_cast(");
    sl_buf_add_sql_string(sql, from ? from : "2024-01-01");
    sl_buf_addf(sql, " as TIMESTAMP), timestamp '2024-01-01') + %s, ", plus);
    sl_buf_add_sql_string(sql, moment_format(sampler->column));
    sl_buf_add(sql, ")");
}

static void add_moment(const struct sampler *sampler, struct sl_buf *sql)
{
    const struct sl_rule *range = sampler->range;
    const char *from = range ? range->min : NULL, *to = range ? range->max : NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf plus = SL_BUF_INIT;
    bool is_backwards = !from && to;
    bool is_date = sampler->column->type.kind == SL_TYPE_DATE;
    sl_buf_addf(&plus, "%s(", is_date ? "to_days" : "to_seconds");
    sl_buf_add(&plus, is_date ? "cast(" : "");
    sl_buf_add(&plus, is_backwards ? "-" : "");
    add_step(sampler, is_date ? (from && to ? 60 : 730) : (from && to ? 86400 : 63072000), &plus);
    sl_buf_add(&plus, is_date ? " as INTEGER))" : ")");
    add_moment_at(sampler, is_backwards ? to : from, plus.text, sql);
}

static void add_text(const struct sampler *sampler, struct sl_buf *sql)
{
    const struct sl_rule *length = sampler->length;
    int64_t least = bound(length ? length->min : NULL, 0);
    int64_t most = bound(length ? length->max : NULL, 100);
    if (sampler->column->key_position == 1)
        sl_buf_addf(sql, "rpad(left('k' || \"~i\", %" PRId64 "), %" PRId64 ", 'x')", most,
                    least > 0 ? least : 1);
    else {
        sl_buf_addf(sql, "left(rpad('text ' || ");
        add_draw(sampler, 3, 1000, sql);
        sl_buf_addf(sql, ", %" PRId64 ", 'x'), %" PRId64 ")", least > 8 ? least : 8, most);
    }
}

static bool add_format(const struct sampler *sampler, struct sl_buf *sql)
{
    static const char *const countries[] = {"DE", "FR", "IT", "ES", "PL", "US", "JP", "BR"};
    static const char *const currencies[] = {"EUR", "USD", "GBP", "CHF", "JPY", "SEK"};
    const char *format = sampler->format->text;
    if (sl_str_equal(format, "email"))
        sl_buf_add(sql, "'user' || \"~i\" || '@example.com'");
    else if (sl_str_equal(format, "uuid"))
        sl_buf_addf(sql,
                    "regexp_replace(md5(\"~i\" || '-%" PRIu64 "-%zu'), "
                    "'^(.{8})(.{4}).(.{3}).(.{3})(.{12})$', '\\1-\\2-4\\3-8\\4-\\5')",
                    sampler->seed, sampler->index);
    else if (sl_str_equal(format, "uri"))
        sl_buf_add(sql, "'https://example.com/' || \"~i\"");
    else if (sl_str_equal(format, "date"))
        add_moment(sampler, sql);
    else if (sl_str_equal(format, "country"))
        add_pick(sampler, countries, sizeof countries / sizeof *countries, sql);
    else if (sl_str_equal(format, "currency"))
        add_pick(sampler, currencies, sizeof currencies / sizeof *currencies, sql);
    else
        return false;
    return true;
}

static int add_pattern(struct sampler *sampler, struct sl_buf *sql, bool *ret, struct sl_err *err)
{
    struct sl_strs texts = {0};
    const char *why;
    SL_TRY(sl_pattern_samples(sampler->pattern->text, sampler->seed + sampler->index,
                              PATTERN_SAMPLES, sampler->arena, &texts, &why, err));
    *ret = why == NULL;
    if (!why) {
        add_pick(sampler, texts.items, texts.count, sql);
        return SL_OK;
    }
    const char *note = sl_arena_printf(sampler->arena, "no texts can be made of pattern '%s': %s",
                                       sampler->pattern->text, why);
    SL_TRY_NEW(note, err);
    return sl_strs_add(sampler->notes, sampler->arena, note, err);
}

static void add_typed(const struct sampler *sampler, struct sl_buf *sql)
{
    static const char *const booleans[] = {"true", "false"};
    switch (sampler->column->type.kind) {
    case SL_TYPE_TEXT:
        add_text(sampler, sql);
        break;
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        add_number(sampler, sql);
        break;
    case SL_TYPE_BOOLEAN:
        add_pick(sampler, booleans, 2, sql);
        break;
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
    case SL_TYPE_TIME:
        add_moment(sampler, sql);
        break;
    case SL_TYPE_JSON:
        sl_buf_add(sql, "'{\"a\":' || \"~i\" || '}'");
        break;
    case SL_TYPE_OBJECT: // accepted where no member is required
        sl_buf_add(sql, "'{}'");
        break;
    case SL_TYPE_ARRAY:
        sl_buf_add(sql, "'[]'");
        break;
    }
}

// A value without regard to null.
static int add_value(struct sampler *sampler, struct sl_buf *sql, struct sl_err *err)
{
    bool is_done = false;
    if (sampler->words && sampler->words->values.count) {
        add_pick(sampler, sampler->words->values.items, sampler->words->values.count, sql);
        return SL_OK;
    }
    if (sampler->pattern)
        SL_TRY(add_pattern(sampler, sql, &is_done, err));
    if (!is_done && sampler->format)
        is_done = add_format(sampler, sql);
    if (!is_done)
        add_typed(sampler, sql);
    return SL_OK;
}

// Now and then the ends of a range, where mistakes are.
static void add_good(const struct sampler *sampler, const char *value, struct sl_buf *sql)
{
    const struct sl_rule *range = sampler->range;
    const struct sl_contract_column *column = sampler->column;
    bool is_number = column->type.kind == SL_TYPE_INTEGER || column->type.kind == SL_TYPE_DECIMAL ||
                     column->type.kind == SL_TYPE_DOUBLE;
    sl_buf_add(sql, "case ");
    add_draw(sampler, 4, 12, sql);
    if (!column->is_required && !column->key_position)
        sl_buf_add(sql, " when 0 then null");
    if (is_number && column->key_position != 1 && range && range->min && !range->is_min_exclusive) {
        sl_buf_add(sql, " when 1 then ");
        sl_buf_add_sql_string(sql, range->min);
    }
    if (is_number && column->key_position != 1 && range && range->max && !range->is_max_exclusive) {
        sl_buf_add(sql, " when 2 then ");
        sl_buf_add_sql_string(sql, range->max);
    }
    sl_buf_addf(sql, " when 12 then '' else %s end", value); // 12 never comes: a case needs a when
}

static void add_beyond(const struct sampler *sampler, const char *bound_text, bool is_max,
                       int *branch, struct sl_buf *sql)
{
    enum sl_type_kind kind = sampler->column->type.kind;
    if (!bound_text)
        return;
    sl_buf_addf(sql, " when %d then ", (*branch)++);
    sl_buf_add_sql_string(sql, bound_text);
    sl_buf_addf(sql, " when %d then ", (*branch)++);
    if (kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE) {
        sl_buf_add(sql, "cast(try_cast(");
        sl_buf_add_sql_string(sql, bound_text);
        sl_buf_addf(sql, " as DECIMAL(38,6)) %s 1 as VARCHAR)", is_max ? "+" : "-");
    } else {
        add_moment_at(sampler, bound_text, is_max ? "to_days(1)" : "to_days(-1)", sql);
    }
}

static void add_odd(const struct sampler *sampler, const char *value, struct sl_buf *sql)
{
    static const char *const words[] = {
        "null",        "''",      "' '",   "'x'",          "'#'",   "'0'",
        "'-1'",        "'1'",     "'3.7'", "'2024-13-45'", "'é'",   "'99999999999999999999'",
        "'-99999999'", "'1e400'", "'zz'",  "'{\"a\":'",    "'QQQ'", "'2999-12-31 00:00:00'"};
    SL_AUTO(sl_buf_clear) struct sl_buf branches = SL_BUF_INIT;
    const struct sl_rule *range = sampler->range, *length = sampler->length;
    int branch = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        sl_buf_addf(&branches, " when %d then %s", branch++, words[i]);
    sl_buf_addf(&branches, " when %d then %s || '!'", branch++, value);
    sl_buf_addf(&branches, " when %d then upper(%s)", branch++, value);
    sl_buf_addf(&branches, " when %d then lower(%s)", branch++, value);
    sl_buf_addf(&branches, " when %d then left(%s, 1)", branch++, value);
    sl_buf_addf(&branches, " when %d then %s || %s", branch++, value, value);
    if (length && length->max)
        sl_buf_addf(&branches, " when %d then rpad(%s, %" PRId64 ", 'x')", branch++, value,
                    bound(length->max, 0) + 1);
    if (length && length->min)
        sl_buf_addf(&branches, " when %d then left(%s, %" PRId64 ")", branch++, value,
                    bound(length->min, 1) - 1);
    add_beyond(sampler, range ? range->min : NULL, false, &branch, &branches);
    add_beyond(sampler, range ? range->max : NULL, true, &branch, &branches);
    sl_buf_add(sql, "case ");
    add_draw(sampler, 5, branch + 3, sql); // now and then a good one
    sl_buf_addf(sql, "%s else %s end", branches.text, value);
    sql->has_failed |= branches.has_failed;
}

static int keep_sql(struct sl_arena *arena, const struct sl_buf *sql, const char **ret,
                    struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    *ret = sl_arena_strdup(arena, sql->text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_contract_samples(const struct sl_contract_table *table, uint64_t seed,
                        struct sl_arena *arena, struct sl_sample **ret, struct sl_strs *notes,
                        struct sl_err *err)
{
    struct sl_sample *samples = SL_NEW_ARRAY(arena, struct sl_sample, table->column_count);
    SL_TRY_NEW(samples, err);
    for (size_t i = 0; i < table->column_count; i++) {
        struct sampler sampler = {.table = table,
                                  .column = &table->columns[i],
                                  .index = i,
                                  .seed = seed,
                                  .arena = arena,
                                  .notes = notes};
        SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
        SL_AUTO(sl_buf_clear) struct sl_buf good = SL_BUF_INIT;
        SL_AUTO(sl_buf_clear) struct sl_buf odd = SL_BUF_INIT;
        find_rules(&sampler);
        SL_TRY(add_value(&sampler, &value, err));
        SL_TRY(sl_buf_check(&value, err));
        add_good(&sampler, value.text, &good);
        add_odd(&sampler, value.text, &odd);
        SL_TRY(keep_sql(arena, &good, &samples[i].good, err));
        SL_TRY(keep_sql(arena, &odd, &samples[i].odd, err));
    }
    *ret = samples;
    return SL_OK;
}
