// Values that hardly keep all rules of their column: what breaks one of them alone is among them
// for every kind of rule, wherever the others leave room.
#include "contract/sample_part.h"

#include <inttypes.h>
#include <stdio.h>

#define MOST_TEXTS 8 // of a pattern, or of a list

bool sl_sample_is_number(const struct sl_contract_column *column)
{
    enum sl_type_kind kind = column->type.kind;
    return kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
}

// The branches of a case, made of the SQL of a value.
struct odd {
    struct sl_sampler *sampler;
    const char *value;
    struct sl_buf *sql;
    int branch;
};

static void begin(struct odd *odd)
{
    sl_buf_addf(odd->sql, " when %d then ", odd->branch++);
}

// In place of $ the value.
static void add_made(struct odd *odd, const char *sql)
{
    for (; *sql; sql++)
        if (*sql == '$')
            sl_buf_add(odd->sql, odd->value);
        else
            sl_buf_add_bytes(odd->sql, sql, 1);
}

static void add(struct odd *odd, const char *sql)
{
    begin(odd);
    add_made(odd, sql);
}

static void add_words(struct odd *odd)
{
    static const char *const words[] = {"null",
                                        "''",
                                        "' '",
                                        "'x'",
                                        "'#'",
                                        "'0'",
                                        "'-1'",
                                        "'1'",
                                        "'3.7'",
                                        "'2024-13-45'",
                                        "'é'",
                                        "'99999999999999999999'",
                                        "'-99999999'",
                                        "'1e400'",
                                        "'zz'",
                                        "'{\"a\":'",
                                        "'{\"a\":1}'",
                                        "'QQQ'",
                                        "'12345'",
                                        "'2999-12-31 00:00:00'",
                                        "$ || '!'",
                                        "upper($)",
                                        "lower($)",
                                        "left($, 1)",
                                        "$ || $",
                                        "' ' || $",
                                        "$ || ' '",
                                        "substr($, 2)",
                                        "left($, -1)",
                                        "left($, 2) || chr(9) || substr($, 3)",
                                        "left($, 5) || chr(9) || substr($, 6)",
                                        "$ || chr(1)",
                                        "left($, 4) || lower(substr($, 5))",
                                        "left($, 4) || upper(substr($, 5))",
                                        "reverse($)"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add(odd, words[i]);
}

// Longer and shorter in the middle, so that what stands at the ends stays.
static void add_lengths(struct odd *odd)
{
    const struct sl_sampler *sampler = odd->sampler;
    const struct sl_rule *rules[] = {sampler->length, sampler->digits};
    for (size_t i = 0; i < 2; i++) {
        char number[32];
        if (rules[i] && rules[i]->max) {
            int64_t most = sl_sample_bound(rules[i]->max, 0) + 1;
            (void)snprintf(number, sizeof number, "%" PRId64, most);
            add(odd, "rpad($, ");
            sl_buf_addf(odd->sql, "%s, 'x')", number);
            add(odd, "left($, length($) // 2) || repeat(coalesce(nullif(substr($, length($) // 2, "
                     "1), ''), 'x'), cast(greatest(1, ");
            sl_buf_add(odd->sql, number);
            add_made(odd, " - length($)) as INTEGER)) || substr($, length($) // 2 + 1)");
        }
        if (rules[i] && rules[i]->min) {
            int64_t least = sl_sample_bound(rules[i]->min, 1) - 1;
            add(odd, "left($, ");
            sl_buf_addf(odd->sql, "%" PRId64 ")", least);
            add(odd, "left($, ");
            sl_buf_addf(odd->sql, "%" PRId64 ")", least - least / 2);
            add_made(odd, " || right($, ");
            sl_buf_addf(odd->sql, "%" PRId64 ")", least / 2);
        }
    }
}

// It and so much more or less, with as many places as needed.
static void add_step(struct odd *odd, const char *of, const char *step, const char *sign)
{
    begin(odd);
    sl_buf_addf(odd->sql, "cast(try_cast(%s as DECIMAL(38,9)) %s try_cast(", of, sign);
    sl_buf_add_sql_string(odd->sql, step);
    sl_buf_add(odd->sql, " as DECIMAL(38,9)) as VARCHAR)");
}

static void add_beyond(struct odd *odd, const char *bound, bool is_max)
{
    const struct sl_sampler *sampler = odd->sampler;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    if (!bound)
        return;
    begin(odd);
    sl_buf_add_sql_string(odd->sql, bound);
    if (!sl_sample_is_number(sampler->column)) {
        begin(odd);
        sl_sample_moment_at(sampler, bound, is_max ? "to_days(1)" : "to_days(-1)", odd->sql);
        begin(odd);
        sl_sample_moment_at(sampler, bound, is_max ? "to_days(7)" : "to_days(-7)", odd->sql);
        return;
    }
    sl_buf_add_sql_string(&text, bound);
    odd->sql->has_failed |= text.has_failed;
    if (text.has_failed)
        return;
    add_step(odd, text.text, "1", is_max ? "+" : "-");
    if (sampler->multiple)
        add_step(odd, text.text, sampler->multiple->text, is_max ? "+" : "-");
}

static void add_numbers(struct odd *odd)
{
    static const char *const tens[] = {"1",      "0.1",     "0.01",     "0.001",
                                       "0.0001", "0.00001", "0.000001", "0.0000001"};
    const struct sl_sampler *sampler = odd->sampler;
    size_t count = sizeof tens / sizeof *tens;
    if (!sl_sample_is_number(sampler->column))
        return;
    if (sampler->places) {
        size_t places = (size_t)sl_sample_bound(sampler->places->max, 0) + 1;
        add_step(odd, odd->value, tens[places < count ? places : count - 1], "+");
    }
    if (sampler->multiple) {
        add_step(odd, odd->value, "1", "+");
        add_step(odd, odd->value, "0.01", "+");
        add_step(odd, odd->value, "0.01", "-");
    }
}

// Texts of a pattern that is not to be matched, alone and within.
static int add_pattern(struct odd *odd, const struct sl_rule *rule, struct sl_err *err)
{
    struct sl_sampler *sampler = odd->sampler;
    struct sl_strs texts = {0};
    const char *why;
    SL_TRY(sl_pattern_samples(rule->text, sampler->options->seed + sampler->index, MOST_TEXTS,
                              sampler->arena, &texts, &why, err));
    for (int form = 0; form < 3 && texts.count; form++) {
        begin(odd);
        add_made(odd, form == 2 ? "$ || ' ' || " : "");
        sl_sample_pick(sampler, texts.items, texts.count, odd->sql);
        add_made(odd, form == 1 ? " || $" : "");
    }
    return SL_OK;
}

static int add_rules(struct odd *odd, struct sl_err *err)
{
    struct sl_sampler *sampler = odd->sampler;
    const struct sl_contract_column *column = sampler->column;
    SL_AUTO(sl_buf_clear) struct sl_buf typed = SL_BUF_INIT;
    sl_sample_typed(sampler, &typed);
    SL_TRY(sl_buf_check(&typed, err));
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        bool is_affix = sl_str_equal(rule->kind, "prefix") || sl_str_equal(rule->kind, "suffix") ||
                        sl_str_equal(rule->kind, "contains");
        if (is_affix) {
            begin(odd);
            sl_sample_affixes(sampler, typed.text, rule, odd->sql);
        }
        if (sl_str_equal(rule->kind, "not_in") && rule->values.count) {
            begin(odd);
            sl_sample_pick(sampler, rule->values.items, rule->values.count, odd->sql);
        }
        if (sl_str_equal(rule->kind, "not_pattern"))
            SL_TRY(add_pattern(odd, rule, err));
    }
    begin(odd); // of the type, and nothing else
    sl_buf_add(odd->sql, typed.text);
    return SL_OK;
}

static void add_json(struct odd *odd)
{
    for (int way = 1; way <= SL_SAMPLE_JSON_WAYS; way++) {
        SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
        if (odd->sampler->column->type.kind != SL_TYPE_JSON ||
            !sl_sample_json(odd->sampler, way, &json))
            continue;
        odd->sql->has_failed |= json.has_failed;
        begin(odd);
        sl_buf_add(odd->sql, json.has_failed ? "" : json.text);
    }
}

int sl_sample_odd(struct sl_sampler *sampler, const char *value, struct sl_buf *sql,
                  struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf branches = SL_BUF_INIT;
    const struct sl_rule *range = sampler->range;
    struct odd odd = {sampler, value, &branches, 0};
    add_words(&odd);
    add_lengths(&odd);
    add_beyond(&odd, range ? range->min : NULL, false);
    add_beyond(&odd, range ? range->max : NULL, true);
    add_numbers(&odd);
    sl_sample_moments_beyond(sampler, &odd.branch, &branches);
    add_json(&odd);
    SL_TRY(add_rules(&odd, err));
    for (int i = 0; i < 6 && sl_sample_has_words(sampler); i++) {
        begin(&odd);
        sl_sample_word(sampler, &branches);
    }
    SL_TRY(sl_buf_check(&branches, err));
    sl_buf_add(sql, "case ");
    sl_sample_draw(sampler, 5, odd.branch + 3, sql); // now and then a good one
    sl_buf_addf(sql, "%s else %s end", branches.text, value);
    return SL_OK;
}
