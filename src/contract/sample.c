#include "contract/sample_part.h"

#include "contract/compile.h"

#include <inttypes.h>
#include <string.h>

#define FEWEST_PATTERN_SAMPLES 200
#define MOST_PATTERN_SAMPLES 20000

static void find_rules(struct sl_sampler *sampler)
{
    const struct sl_contract_column *column = sampler->column;
    const struct {
        const char *kind;
        const struct sl_rule **ret;
    } known[] = {{"range", &sampler->range},
                 {"length", &sampler->length},
                 {"enum", &sampler->words},
                 {"pattern", &sampler->pattern},
                 {"format", &sampler->format},
                 {"multiple_of", &sampler->multiple},
                 {"age", &sampler->age},
                 {"past", &sampler->past},
                 {"future", &sampler->future},
                 {"digits", &sampler->digits},
                 {"decimal_places", &sampler->places},
                 {"json_keys", &sampler->keys},
                 {"json_valid", &sampler->json},
                 {"item_count", &sampler->items},
                 {"member_count", &sampler->members},
                 {"required_members", &sampler->wanted}};
    sampler->is_distinct |= column->key_position == 1;
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (sl_str_equal(rule->kind, known[k].kind))
                *known[k].ret = rule;
        sampler->is_distinct |= sl_str_equal(rule->kind, "unique");
        sampler->is_often_null |= sl_str_equal(rule->kind, "absent_if");
        sampler->has_unique_items |= sl_str_equal(rule->kind, "unique_items");
    }
    const struct sl_contract_table *table = sampler->options->table;
    for (size_t i = 0; i < table->rule_count; i++)
        sampler->is_often_null |= (sl_str_equal(table->rules[i].kind, "one_of_columns") ||
                                   sl_str_equal(table->rules[i].kind, "not_both")) &&
                                  sl_strs_has(&table->rules[i].columns, column->name);
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

void sl_sample_pick(const struct sl_sampler *sampler, const char *const *texts, size_t count,
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

// Digits, as many as there must be.
static void add_digits(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    int64_t least = sl_sample_bound(sampler->digits->min, 1);
    int64_t most = sl_sample_bound(sampler->digits->max, least + 8);
    sl_buf_addf(sql, "lpad(cast(%s as VARCHAR), cast(%" PRId64 " + ", sampler->row, least);
    sl_sample_draw(sampler, 11, most - least + 1, sql);
    sl_buf_add(sql, " as INTEGER), '7')");
}

static void add_object(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_strs *keys = sampler->keys ? &sampler->keys->values : NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    sl_buf_add(sql, "('{");
    for (size_t i = 0; keys && i < keys->count; i++) {
        sl_buf_reset(&name);
        sl_buf_add_json_string(&name, keys->items[i]);
        for (const char *c = name.text; c && *c; c++) // within a text of SQL
            sl_buf_add(sql, *c == '\'' ? "''" : (char[]){*c, '\0'});
        sl_buf_add(sql, ":1,");
        sql->has_failed |= name.has_failed;
    }
    sl_buf_addf(sql, "\"a\":' || %s || '}')", sampler->row);
}

static void add_text(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_rule *length = sampler->length;
    int64_t least = sl_sample_bound(length ? length->min : NULL, 0);
    int64_t most = sl_sample_bound(length ? length->max : NULL, 100);
    if (sampler->digits)
        add_digits(sampler, sql);
    else if (sampler->keys || sampler->json)
        add_object(sampler, sql);
    else if (sampler->is_distinct)
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
        sl_sample_pick(sampler, texts.items, texts.count, sql);
        return SL_OK;
    }
    const char *note = sl_arena_printf(sampler->arena, "no texts can be made of pattern '%s': %s",
                                       sampler->pattern->text, why);
    SL_TRY_NEW(note, err);
    return sl_strs_add(sampler->notes, sampler->arena, note, err);
}

void sl_sample_typed(const struct sl_sampler *sampler, struct sl_buf *sql)
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
        sl_sample_pick(sampler, booleans, 2, sql);
        break;
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
    case SL_TYPE_TIME:
        sl_sample_moment(sampler, sql);
        break;
    case SL_TYPE_JSON:
        if (!sl_sample_json(sampler, 0, sql))
            add_object(sampler, sql);
        break;
    case SL_TYPE_OBJECT: // what is in them is made by sample_nest.c; of nothing it is JSON
        sl_buf_add(sql, "'{}'");
        break;
    case SL_TYPE_ARRAY:
        sl_buf_add(sql, "'[]'");
        break;
    }
}

// What must stand in front, behind or inside of a text, but that of the rule `without`, and its
// case.
void sl_sample_affixes(const struct sl_sampler *sampler, const char *value,
                       const struct sl_rule *without, struct sl_buf *sql)
{
    const struct sl_contract_column *column = sampler->column;
    SL_AUTO(sl_buf_clear) struct sl_buf end = SL_BUF_INIT;
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        bool is_prefix = sl_str_equal(rule->kind, "prefix");
        bool is_suffix = sl_str_equal(rule->kind, "suffix");
        bool is_inside = sl_str_equal(rule->kind, "contains");
        if (rule == without)
            continue;
        if (rule->values.count && (is_prefix || is_suffix || is_inside)) {
            sl_buf_add(sql, "(");
            if (is_prefix)
                sl_sample_pick(sampler, rule->values.items, rule->values.count, sql);
            sl_buf_add(sql, is_prefix ? " || " : "");
            sl_buf_add(&end, is_prefix ? "" : " || ");
            if (!is_prefix)
                sl_sample_pick(sampler, rule->values.items, rule->values.count, &end);
            sl_buf_add(&end, ")");
        }
    }
    sl_buf_addf(sql, "%s%s", value, end.length ? end.text : "");
    sql->has_failed |= end.has_failed;
}

// The case that all letters must have.
static void add_cased(const struct sl_sampler *sampler, const char *value, struct sl_buf *sql)
{
    const char *function = NULL;
    for (size_t i = 0; i < sampler->column->rule_count; i++)
        if (sl_str_equal(sampler->column->rules[i].kind, "case"))
            function = sl_str_equal(sampler->column->rules[i].text, "upper") ? "upper" : "lower";
    if (function)
        sl_buf_addf(sql, "%s(%s)", function, value);
    else
        sl_buf_add(sql, value);
}

// A value without regard to null.
static int add_value(struct sl_sampler *sampler, struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf whole = SL_BUF_INIT;
    bool is_done = false;
    if (sampler->words && sampler->words->values.count) {
        sl_sample_pick(sampler, sampler->words->values.items, sampler->words->values.count, sql);
        return SL_OK;
    }
    if (sampler->pattern)
        SL_TRY(add_pattern(sampler, &value, &is_done, err));
    if (!is_done && sampler->format)
        is_done = sl_sample_format(sampler, &value);
    if (!is_done)
        sl_sample_typed(sampler, &value);
    SL_TRY(sl_buf_check(&value, err));
    if (is_done)
        sl_buf_add(&whole, value.text);
    else
        sl_sample_affixes(sampler, value.text, NULL, &whole);
    SL_TRY(sl_buf_check(&whole, err));
    add_cased(sampler, whole.text, sql);
    return SL_OK;
}

// One of the words that the rules' SQL has beside the column; of a date also the days around.
void sl_sample_word(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_strs *words = &sampler->hint->words;
    SL_AUTO(sl_buf_clear) struct sl_buf word = SL_BUF_INIT;
    sl_buf_add(&word, "list_extract([");
    for (size_t i = 0; i < words->count; i++) {
        sl_buf_add(&word, i ? ", " : "");
        sl_buf_add_sql_string(&word, words->items[i]);
    }
    sl_buf_add(&word, "], 1 + ");
    sl_sample_draw(sampler, 6, (int64_t)words->count, &word);
    sl_buf_add(&word, ")");
    if (word.has_failed)
        sql->has_failed = true;
    else if (sl_sample_is_moment(sampler->column))
        sl_sample_word_moment(sampler, word.text, 7, sql);
    else
        sl_buf_add(sql, word.text);
}

bool sl_sample_has_words(const struct sl_sampler *sampler)
{
    return sampler->hint && sampler->hint->words.count > 0;
}

// Null now and then, where that may be.
static void add_nulls(const struct sl_sampler *sampler, struct sl_buf *sql)
{
    const struct sl_contract_column *column = sampler->column;
    if (!column->is_required && !column->key_position && !sampler->is_wanted)
        sl_buf_add(sql, " when 0 then null");
    for (int i = 8; i < 12 && sampler->is_often_null && !column->is_required; i++)
        sl_buf_addf(sql, " when %d then null", i);
}

// Now and then the ends of a range, where mistakes are; as often as not a word of the rules.
static void add_good(const struct sl_sampler *sampler, const char *value, struct sl_buf *sql)
{
    const struct sl_rule *range = sampler->range;
    const struct sl_contract_column *column = sampler->column;
    bool is_number = sl_sample_is_number(column);
    sl_buf_add(sql, "case ");
    sl_sample_draw(sampler, 4, 12, sql);
    add_nulls(sampler, sql);
    if (is_number && !sampler->is_distinct && range && range->min && !range->is_min_exclusive) {
        sl_buf_add(sql, " when 1 then ");
        sl_buf_add_sql_string(sql, range->min);
    }
    if (is_number && !sampler->is_distinct && range && range->max && !range->is_max_exclusive) {
        sl_buf_add(sql, " when 2 then ");
        sl_buf_add_sql_string(sql, range->max);
    }
    for (int i = 3; i < (sampler->is_distinct ? 5 : 8) && sl_sample_has_words(sampler); i++) {
        sl_buf_addf(sql, " when %d then ", i);
        sl_sample_word(sampler, sql);
    }
    sl_buf_addf(sql, " when 12 then '' else %s end", value); // 12 never comes: a case needs a when
}

// One of the values that are known to be good.
static void add_pooled(const struct sl_sampler *sampler, const struct sl_sample_pool *pool,
                       struct sl_buf *sql)
{
    sl_buf_add(sql, "case ");
    sl_sample_draw(sampler, 4, 12, sql);
    if (pool->has_null)
        add_nulls(sampler, sql);
    sl_buf_addf(sql, " when 12 then '' else list_extract(\"~g%zu\", 1 + ", sampler->index);
    sl_sample_step(sampler, 13, pool->count, sql);
    sl_buf_add(sql, ") end");
}

// Mostly the value that is known to break just what is to be broken; else none, or a good one.
static void add_pooled_odd(const struct sl_sampler *sampler, const char *good, struct sl_buf *sql)
{
    size_t index = sampler->index;
    sl_buf_addf(sql, "case when \"~la\" = %zu and ", index);
    sl_sample_draw(sampler, 15, 8, sql);
    sl_buf_addf(sql, " > 0 then \"~va\" when \"~lb\" = %zu and ", index);
    sl_sample_draw(sampler, 15, 8, sql);
    sl_buf_add(sql, " > 0 then \"~vb\" when ");
    sl_sample_draw(sampler, 5, 4, sql);
    sl_buf_addf(sql, " = 0 then null else %s end", good);
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
    const struct sl_sample_pool *pools = sampler->options->pools;
    const struct sl_sample_pool *pool = pools ? &pools[sampler->index] : NULL;
    find_rules(sampler);
    sampler->hint = sl_sample_hint_of(sampler->hints, sl_contract_path(sampler->column));
    if (sampler->column->field_count)
        return sl_sample_nested(sampler, ret, err);
    SL_TRY(add_value(sampler, &value, err));
    SL_TRY(sl_buf_check(&value, err));
    add_good(sampler, value.text, &good);
    sl_sample_written(sampler, &good);
    SL_TRY(sl_buf_check(&good, err));
    if (pool && pool->has_odd) {
        add_pooled_odd(sampler, good.text, &odd);
    } else {
        SL_TRY(sl_sample_odd(sampler, sampler->value ? sampler->value : value.text, &odd, err));
        sl_sample_written(sampler, &odd);
    }
    sl_sample_written(sampler, &value);
    SL_TRY(sl_buf_check(&value, err));
    if (pool && pool->count) {
        sl_buf_reset(&good);
        add_pooled(sampler, pool, &good);
    }
    ret->value = sl_arena_strdup(sampler->arena, value.text);
    SL_TRY_NEW(ret->value, err);
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
