// Values that hardly keep all rules of their column: what breaks one of them alone is among them
// for every kind of rule, wherever the others leave room.
#include "contract/sample_part.h"

#include <inttypes.h>

#define MOST_TEXTS 8 // of a pattern, or of a list

bool sl_sample_is_number(const struct sl_contract_column *column)
{
    enum sl_type_kind kind = column->type.kind;
    return kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
}

// The branches of a case; in them `w` is the value that they are made of.
struct odd {
    struct sl_sampler *sampler;
    struct sl_buf *sql;
    int branch;
};

static void begin(struct odd *odd)
{
    sl_buf_addf(odd->sql, " when %d then ", odd->branch++);
}

static void add(struct odd *odd, const char *sql)
{
    begin(odd);
    sl_buf_add(odd->sql, sql);
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
                                        "w || '!'",
                                        "upper(w)",
                                        "lower(w)",
                                        "left(w, 1)",
                                        "w || w",
                                        "' ' || w",
                                        "w || ' '",
                                        "substr(w, 2)",
                                        "left(w, -1)",
                                        "left(w, 2) || chr(9) || substr(w, 3)",
                                        "reverse(w)"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add(odd, words[i]);
}

// Longer and shorter in the middle, so that what stands at the ends stays.
static void add_lengths(struct odd *odd)
{
    const struct sl_sampler *sampler = odd->sampler;
    const struct sl_rule *rules[] = {sampler->length, sampler->digits};
    for (size_t i = 0; i < 2; i++) {
        if (rules[i] && rules[i]->max) {
            int64_t most = sl_sample_bound(rules[i]->max, 0) + 1;
            begin(odd);
            sl_buf_addf(odd->sql, "rpad(w, %" PRId64 ", 'x')", most);
            begin(odd);
            sl_buf_addf(odd->sql,
                        "left(w, length(w) // 2) || repeat(case when length(w) > 1 then substr(w, "
                        "length(w) // 2, 1) else coalesce(nullif(w, ''), 'x') end, "
                        "cast(greatest(1, %" PRId64
                        " - length(w)) as INTEGER)) || substr(w, length(w) // 2 + 1)",
                        most);
        }
        if (rules[i] && rules[i]->min) {
            int64_t least = sl_sample_bound(rules[i]->min, 1) - 1;
            begin(odd);
            sl_buf_addf(odd->sql, "left(w, %" PRId64 ")", least);
            begin(odd);
            sl_buf_addf(odd->sql, "left(w, %" PRId64 ") || right(w, %" PRId64 ")",
                        least - least / 2, least / 2);
        }
    }
}

// w and so much more or less, with as many places as needed.
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
        add_step(odd, "w", tens[places < count ? places : count - 1], "+");
    }
    if (sampler->multiple) {
        add_step(odd, "w", "1", "+");
        add_step(odd, "w", "0.01", "+");
        add_step(odd, "w", "0.01", "-");
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
        sl_buf_add(odd->sql, form == 2 ? "w || ' ' || " : "");
        sl_sample_pick(sampler, texts.items, texts.count, odd->sql);
        sl_buf_add(odd->sql, form == 1 ? " || w" : "");
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

int sl_sample_odd(struct sl_sampler *sampler, const char *value, struct sl_buf *sql,
                  struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf branches = SL_BUF_INIT;
    const struct sl_rule *range = sampler->range;
    struct odd odd = {sampler, &branches, 0};
    add_words(&odd);
    add_lengths(&odd);
    add_beyond(&odd, range ? range->min : NULL, false);
    add_beyond(&odd, range ? range->max : NULL, true);
    add_numbers(&odd);
    sl_sample_moments_beyond(sampler, &odd.branch, &branches);
    SL_TRY(add_rules(&odd, err));
    for (int i = 0; i < 6 && sl_sample_has_words(sampler); i++) {
        begin(&odd);
        sl_sample_word(sampler, &branches);
    }
    SL_TRY(sl_buf_check(&branches, err));
    // A list of one, so that the value is made once.
    sl_buf_addf(sql, "list_extract(list_transform([%s], lambda w: case ", value);
    sl_sample_draw(sampler, 5, odd.branch + 3, sql); // now and then a good one
    sl_buf_addf(sql, "%s else w end), 1)", branches.text);
    return SL_OK;
}
