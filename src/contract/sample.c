#include "contract/sample_part.h"

#include "base/clock.h"
#include "contract/compile.h"

#include <inttypes.h>
#include <string.h>

#define FEWEST_PATTERN_SAMPLES 200
#define MOST_PATTERN_SAMPLES 20000

static void find_rules(struct sl_sampler *sampler)
{
    const struct sl_contract_column *column = sampler->column;
    sampler->is_distinct |= column->key_position == 1;
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
        else if (sl_str_equal(rule->kind, "unique"))
            sampler->is_distinct = true;
        else if (sl_str_equal(rule->kind, "multiple_of"))
            sampler->multiple = rule;
        else if (sl_str_equal(rule->kind, "absent_if"))
            sampler->is_often_null = true;
        else if (sl_str_equal(rule->kind, "item_count"))
            sampler->items = rule;
        else if (sl_str_equal(rule->kind, "member_count"))
            sampler->members = rule;
        else if (sl_str_equal(rule->kind, "required_members"))
            sampler->wanted = rule;
        else if (sl_str_equal(rule->kind, "unique_items"))
            sampler->has_unique_items = true;
    }
}

// A number below `span` that the row's number, the seed and the column decide.
void sl_sample_draw(const struct sl_sampler *sampler, int salt, int64_t span, struct sl_buf *sql)
{
    // Hashed twice: the last bits of the engine's hash of several values are sums of theirs.
    sl_buf_addf(sql, "cast(hash(hash(%s, %" PRIu64 "::UBIGINT, %zu, %d)) %% %" PRId64 " as BIGINT)",
                sampler->row, sampler->options->seed, sampler->index, salt, span > 0 ? span : 1);
}

void sl_sample_step(const struct sl_sampler *sampler, int salt, int64_t span, struct sl_buf *sql)
{
    if (sampler->is_distinct)
        sl_buf_addf(sql, "(%s %% %" PRId64 ")", sampler->row, span > 0 ? span : 1);
    else
        sl_sample_draw(sampler, salt, span, sql);
}

static void add_pick(const struct sl_sampler *sampler, const char *const *texts, size_t count,
                     struct sl_buf *sql)
{
    sl_buf_add(sql, "list_extract([");
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_string(sql, texts[i]);
    }
    sl_buf_add(sql, "], 1 + ");
    sl_sample_step(sampler, 1, (int64_t)count, sql);
    sl_buf_add(sql, ")");
}

int64_t sl_sample_bound(const char *text, int64_t otherwise)
{
    int64_t value;
    double real;
    if (text && sl_str_to_int64(text, &value))
        return value;
    if (text && sl_str_to_double(text, &real) && real > -9e15 && real < 9e15)
        return (int64_t)real;
    return otherwise;
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

static void add_moment_at(const struct sl_sampler *sampler, const char *from, const char *plus,
                          struct sl_buf *sql)
{
    sl_buf_add(sql, "strftime(coalesce(try_cast(");
    sl_buf_add_sql_string(sql, from ? from : "2024-01-01");
    sl_buf_addf(sql, " as TIMESTAMP), timestamp '2024-01-01') + %s, ", plus);
    sl_buf_add_sql_string(sql, moment_format(sampler->column));
    sl_buf_add(sql, ")");
}

static void add_moment(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_rule *range = sampler->range;
    const char *from = range ? range->min : NULL, *to = range ? range->max : NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf plus = SL_BUF_INIT;
    bool is_backwards = !from && to;
    bool is_date = sampler->column->type.kind == SL_TYPE_DATE;
    int64_t begin, end, unit_us = is_date ? INT64_C(86400000000) : 1000000;
    int64_t span = is_date ? 730 : 63072000;
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
    add_moment_at(sampler, is_backwards ? to : from, plus.text, sql);
}

static void add_text(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_rule *length = sampler->length;
    int64_t least = sl_sample_bound(length ? length->min : NULL, 0);
    int64_t most = sl_sample_bound(length ? length->max : NULL, 100);
    if (sampler->is_distinct)
        sl_buf_addf(sql,
                    "left(rpad('k' || %s, cast(greatest(length('k' || %s), %" PRId64
                    ") as INTEGER), 'x'), %" PRId64 ")",
                    sampler->row, sampler->row, least, most);
    else {
        sl_buf_addf(sql, "left(rpad('text ' || ");
        sl_sample_draw(sampler, 3, 1000, sql);
        sl_buf_addf(sql, ", %" PRId64 ", 'x'), %" PRId64 ")", least > 8 ? least : 8, most);
    }
}

static bool add_format(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    static const char *const countries[] = {"DE", "FR", "IT", "ES", "PL", "US", "JP", "BR"};
    static const char *const currencies[] = {"EUR", "USD", "GBP", "CHF", "JPY", "SEK"};
    const char *format = sampler->format->text;
    if (sl_str_equal(format, "email"))
        sl_buf_addf(sql, "'user' || %s || '@example.com'", sampler->row);
    else if (sl_str_equal(format, "uuid"))
        sl_buf_addf(sql,
                    "regexp_replace(md5(%s || '-%" PRIu64 "-%zu'), "
                    "'^(.{8})(.{4}).(.{3}).(.{3})(.{12})$', '\\1-\\2-4\\3-8\\4-\\5')",
                    sampler->row, sampler->options->seed, sampler->index);
    else if (sl_str_equal(format, "uri"))
        sl_buf_addf(sql, "'https://example.com/' || %s", sampler->row);
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

static int add_pattern(struct sl_sampler *sampler, struct sl_buf *sql, bool *ret,
                       struct sl_err *err)
{
    struct sl_strs texts = {0};
    const char *why;
    int64_t rows = sampler->is_distinct ? sampler->options->rows * 2 : 0;
    size_t count = rows < FEWEST_PATTERN_SAMPLES ? FEWEST_PATTERN_SAMPLES
                   : rows > MOST_PATTERN_SAMPLES ? MOST_PATTERN_SAMPLES
                                                 : (size_t)rows;
    SL_TRY(sl_pattern_samples(sampler->pattern->text, sampler->options->seed + sampler->index,
                              count, sampler->arena, &texts, &why, err));
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

static void add_typed(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    static const char *const booleans[] = {"true", "false"};
    switch (sampler->column->type.kind) {
    case SL_TYPE_TEXT:
        add_text(sampler, sql);
        break;
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        sl_sample_number(sampler, sql);
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
        if (!sl_sample_json(sampler, 0, sql))
            sl_buf_addf(sql, "'{\"a\":' || %s || '}'", sampler->row);
        break;
    case SL_TYPE_OBJECT: // what is in them is made by sample_nest.c; of nothing it is JSON
        sl_buf_add(sql, "'{}'");
        break;
    case SL_TYPE_ARRAY:
        sl_buf_add(sql, "'[]'");
        break;
    }
}

// What must stand in front, behind or inside of a text, and its case.
static void add_affixes(const struct sl_sampler *sampler, const char *value, struct sl_buf *sql)
{
    const struct sl_contract_column *column = sampler->column;
    SL_AUTO(sl_buf_clear) struct sl_buf end = SL_BUF_INIT;
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        bool is_prefix = sl_str_equal(rule->kind, "prefix");
        bool is_suffix = sl_str_equal(rule->kind, "suffix");
        bool is_inside = sl_str_equal(rule->kind, "contains");
        if (sl_str_equal(rule->kind, "case")) {
            sl_buf_add(sql, sl_str_equal(rule->text, "upper") ? "upper(" : "lower(");
            sl_buf_add(&end, ")");
        } else if (rule->values.count && (is_prefix || is_suffix || is_inside)) {
            sl_buf_add(sql, "(");
            if (is_prefix)
                add_pick(sampler, rule->values.items, rule->values.count, sql);
            sl_buf_add(sql, is_prefix ? " || " : "");
            sl_buf_add(&end, is_prefix ? "" : " || ");
            if (!is_prefix)
                add_pick(sampler, rule->values.items, rule->values.count, &end);
            sl_buf_add(&end, ")");
        }
    }
    sl_buf_addf(sql, "%s%s", value, end.length ? end.text : "");
    sql->has_failed |= end.has_failed;
}

// A value without regard to null.
static int add_value(struct sl_sampler *sampler, struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    bool is_done = false;
    if (sampler->words && sampler->words->values.count) {
        add_pick(sampler, sampler->words->values.items, sampler->words->values.count, sql);
        return SL_OK;
    }
    if (sampler->pattern)
        SL_TRY(add_pattern(sampler, &value, &is_done, err));
    if (!is_done && sampler->format)
        is_done = add_format(sampler, &value);
    if (!is_done)
        add_typed(sampler, &value);
    SL_TRY(sl_buf_check(&value, err));
    if (is_done)
        sl_buf_add(sql, value.text);
    else
        add_affixes(sampler, value.text, sql);
    return SL_OK;
}

static bool is_moment(const struct sl_contract_column *column)
{
    enum sl_type_kind kind = column->type.kind;
    return kind == SL_TYPE_DATE || kind == SL_TYPE_TIMESTAMP || kind == SL_TYPE_TIMESTAMP_NTZ;
}

// One of the words that the rules' SQL has beside the column; of a date also the days around.
static void add_word(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_strs *words = &sampler->hint->words;
    bool is_date = is_moment(sampler->column);
    sl_buf_add(sql, is_date ? "coalesce(strftime(try_cast(list_extract([" : "list_extract([");
    for (size_t i = 0; i < words->count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_string(sql, words->items[i]);
    }
    sl_buf_add(sql, "], 1 + ");
    sl_sample_draw(sampler, 6, (int64_t)words->count, sql);
    sl_buf_add(sql, ")");
    if (!is_date)
        return;
    sl_buf_add(sql, " as TIMESTAMP) + to_days(cast(");
    sl_sample_draw(sampler, 7, 3, sql);
    sl_buf_add(sql, " - 1 as INTEGER)), ");
    sl_buf_add_sql_string(sql, moment_format(sampler->column));
    sl_buf_add(sql, "), '')");
}

static bool has_words(const struct sl_sampler *sampler)
{
    return sampler->hint && sampler->hint->words.count > 0;
}

// Now and then the ends of a range, where mistakes are; as often as not a word of the rules.
static void add_good(const struct sl_sampler *sampler, const char *value, struct sl_buf *sql)
{
    const struct sl_rule *range = sampler->range;
    const struct sl_contract_column *column = sampler->column;
    bool is_number = column->type.kind == SL_TYPE_INTEGER || column->type.kind == SL_TYPE_DECIMAL ||
                     column->type.kind == SL_TYPE_DOUBLE;
    sl_buf_add(sql, "case ");
    sl_sample_draw(sampler, 4, 12, sql);
    if (!column->is_required && !column->key_position && !sampler->is_wanted)
        sl_buf_add(sql, " when 0 then null");
    for (int i = 8; i < 12 && sampler->is_often_null && !column->is_required; i++)
        sl_buf_addf(sql, " when %d then null", i);
    if (is_number && !sampler->is_distinct && range && range->min && !range->is_min_exclusive) {
        sl_buf_add(sql, " when 1 then ");
        sl_buf_add_sql_string(sql, range->min);
    }
    if (is_number && !sampler->is_distinct && range && range->max && !range->is_max_exclusive) {
        sl_buf_add(sql, " when 2 then ");
        sl_buf_add_sql_string(sql, range->max);
    }
    for (int i = 3; i < (sampler->is_distinct ? 5 : 8) && has_words(sampler); i++) {
        sl_buf_addf(sql, " when %d then ", i);
        add_word(sampler, sql);
    }
    sl_buf_addf(sql, " when 12 then '' else %s end", value); // 12 never comes: a case needs a when
}

static void add_beyond(const struct sl_sampler *sampler, const char *bound_text, bool is_max,
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

static void add_odd(const struct sl_sampler *sampler, const char *value, struct sl_buf *sql)
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
                    sl_sample_bound(length->max, 0) + 1);
    if (length && length->min)
        sl_buf_addf(&branches, " when %d then left(%s, %" PRId64 ")", branch++, value,
                    sl_sample_bound(length->min, 1) - 1);
    add_beyond(sampler, range ? range->min : NULL, false, &branch, &branches);
    add_beyond(sampler, range ? range->max : NULL, true, &branch, &branches);
    for (int i = 0; i < 6 && has_words(sampler); i++) {
        sl_buf_addf(&branches, " when %d then ", branch++);
        add_word(sampler, &branches);
    }
    for (int way = 1; way <= SL_SAMPLE_JSON_WAYS; way++) {
        SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
        if (sampler->column->type.kind == SL_TYPE_JSON && sl_sample_json(sampler, way, &json))
            sl_buf_addf(&branches, " when %d then %s", branch++, json.text);
        branches.has_failed |= json.has_failed;
    }
    sl_buf_add(sql, "case ");
    sl_sample_draw(sampler, 5, branch + 3, sql); // now and then a good one
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

int sl_sample_column(struct sl_sampler *sampler, struct sl_sample *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf good = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf odd = SL_BUF_INIT;
    find_rules(sampler);
    sampler->hint = sl_sample_hint_of(sampler->hints, sl_contract_path(sampler->column));
    if (sampler->column->field_count)
        return sl_sample_nested(sampler, ret, err);
    SL_TRY(add_value(sampler, &value, err));
    SL_TRY(sl_buf_check(&value, err));
    add_good(sampler, value.text, &good);
    add_odd(sampler, value.text, &odd);
    SL_TRY(keep_sql(sampler->arena, &good, &ret->good, err));
    return keep_sql(sampler->arena, &odd, &ret->odd, err);
}

// Now and then a column has the value of another one that a rule names beside it.
static int add_peers(const struct sl_sampler *sampler, const struct sl_sample *own,
                     struct sl_sample *ret, struct sl_err *err)
{
    const struct sl_contract_table *table = sampler->options->table;
    const struct sl_strs *peers = sampler->hint ? &sampler->hint->peers : NULL;
    if (!peers || sampler->is_distinct)
        return SL_OK;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct sl_contract_column *column = &table->columns[i];
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        if (column->field_count || column->type.kind != sampler->column->type.kind ||
            !sl_strs_has(peers, column->name))
            continue;
        sl_buf_add(&sql, "case ");
        sl_sample_draw(sampler, 50 + (int)(i % 1000), 6, &sql);
        sl_buf_addf(&sql, " when 0 then %s else %s end", own[i].good, ret->good);
        SL_TRY(keep_sql(sampler->arena, &sql, &ret->good, err));
    }
    return SL_OK;
}

int sl_contract_samples(const struct sl_sample_options *options, struct sl_arena *arena,
                        struct sl_sample **ret, struct sl_strs *notes, struct sl_err *err)
{
    const struct sl_contract_table *table = options->table;
    struct sl_sample *own = SL_NEW_ARRAY(arena, struct sl_sample, table->column_count);
    struct sl_sample *samples = SL_NEW_ARRAY(arena, struct sl_sample, table->column_count);
    struct sl_sampler *samplers = SL_NEW_ARRAY(arena, struct sl_sampler, table->column_count);
    struct sl_sample_hints hints;
    size_t next_index = table->column_count;
    SL_TRY_NEW(own, err);
    SL_TRY_NEW(samples, err);
    SL_TRY_NEW(samplers, err);
    SL_TRY(sl_sample_hints(table, options->session, options->seed, arena, &hints, err));
    for (size_t i = 0; i < table->column_count; i++) {
        samplers[i] = (struct sl_sampler){.options = options,
                                          .column = &table->columns[i],
                                          .index = i,
                                          .row = "\"~i\"",
                                          .next_index = &next_index,
                                          .hints = &hints,
                                          .arena = arena,
                                          .notes = notes};
        SL_TRY(sl_sample_column(&samplers[i], &own[i], err));
    }
    for (size_t i = 0; i < table->column_count; i++) {
        samples[i] = own[i];
        SL_TRY(add_peers(&samplers[i], own, &samples[i], err));
    }
    *ret = samples;
    return SL_OK;
}
