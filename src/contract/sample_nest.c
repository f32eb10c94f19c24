// Objects and arrays: JSON made of their members' values.
#include "contract/sample_part.h"

#include "contract/compile.h"

#include <inttypes.h>

// Arrays in arrays: each makes an expression over the items of the one before. Deeper ones have one
// item.
#define DEEPEST_ARRAY 3
#define MOST_ITEMS 4
#define MOST_MADE 100000

// A leaf's text as JSON: a number, true and false as they are, null, else a text.
static void add_leaf(const struct sl_contract_column *column, const char *text, struct sl_buf *sql)
{
    const char *plain = NULL;
    switch (column->type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        plain = "regexp_full_match(v, '-?(0|[1-9][0-9]*)([.][0-9]+)?')";
        break;
    case SL_TYPE_BOOLEAN:
        plain = "v in ('true', 'false')";
        break;
    case SL_TYPE_JSON:
        plain = "json_valid(v)";
        break;
    case SL_TYPE_TEXT:
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
    case SL_TYPE_TIME:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        break;
    }
    // A list of one, so that the text is made once.
    sl_buf_addf(sql, "list_extract(list_transform([%s], lambda v: coalesce(", text);
    if (plain && !sl_sample_is_written(column))
        sl_buf_addf(sql, "case when %s then v else cast(to_json(v) as VARCHAR) end", plain);
    else
        sl_buf_add(sql, "cast(to_json(v) as VARCHAR)");
    sl_buf_add(sql, ", 'null')), 1)");
}

void sl_sample_as_json(const struct sl_contract_column *column, const char *text,
                       struct sl_buf *sql)
{
    if (column->field_count)
        sl_buf_addf(sql, "coalesce(%s, 'null')", text);
    else
        add_leaf(column, text, sql);
}

// What a member is in an odd object: odd itself if a rule of it is to be broken.
static void add_odd_member(const struct sl_sampler *sampler, const struct sl_contract_column *field,
                           const struct sl_sample *member, struct sl_buf *sql)
{
    const struct sl_sample_options *options = sampler->options;
    sl_buf_add(sql, "case when ");
    if (options->add_touches)
        options->add_touches(options->self, sl_contract_path(field), sql);
    else
        sl_buf_add(sql, "true");
    sl_buf_add(sql, " then ");
    sl_sample_as_json(field, member->odd, sql);
    sl_buf_add(sql, " else ");
    sl_sample_as_json(field, member->good, sql);
    sl_buf_add(sql, " end");
}

void sl_sample_member(const struct sl_contract_column *field, size_t position,
                      struct sl_buf *object)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    sl_buf_add(&name, position ? "," : "");
    sl_buf_add_json_string(&name, field->source_name);
    sl_buf_add_char(&name, ':');
    sl_buf_add(object, " || ");
    sl_buf_add_sql_string(object, name.text);
    sl_buf_add(object, " || ");
    object->has_failed |= name.has_failed;
}

static int sample_field(const struct sl_sampler *parent, const struct sl_contract_column *field,
                        const char *row, struct sl_sample *ret, struct sl_err *err)
{
    bool is_item = parent->column->type.kind == SL_TYPE_ARRAY;
    struct sl_sampler sampler = {.options = parent->options,
                                 .column = field,
                                 .index = (*parent->next_index)++,
                                 .row = row,
                                 .array_count = parent->array_count + is_item,
                                 .next_index = parent->next_index,
                                 .hints = parent->hints,
                                 .arena = parent->arena,
                                 .notes = parent->notes};
    // Of objects that differ so do their members.
    sampler.is_distinct = is_item ? parent->has_unique_items : parent->is_distinct;
    sampler.is_wanted = parent->wanted && sl_strs_has(&parent->wanted->values, field->name);
    return sl_sample_column(&sampler, ret, err);
}

// What becomes of an object or array that is to break a rule over the whole: one in twelve for
// each. Below come values of other types.
enum { TOO_FEW = 5, TOO_MANY, ANOTHER };

// "case <what becomes of it> when 5 then 1 when 6 then 4 else <usual> end". Counts below 0: there
// is no such way.
static void add_odd_count(const struct sl_sampler *sampler, const int64_t counts[static 3],
                          const char *usual, struct sl_buf *sql)
{
    sl_buf_add(sql, "case ");
    sl_sample_draw(sampler, 9, 12, sql);
    sl_buf_addf(sql, " when 12 then 0"); // never comes: a case needs a when
    for (int i = 0; i < 3; i++)
        if (counts[i] >= 0 && counts[i] <= MOST_MADE)
            sl_buf_addf(sql, " when %d then %" PRId64, TOO_FEW + i, counts[i]);
    sl_buf_addf(sql, " else %s end", usual);
}

static bool is_always(const struct sl_sampler *sampler, const struct sl_contract_column *field)
{
    return field->is_required || field->otherwise ||
           (sampler->wanted && sl_strs_has(&sampler->wanted->values, field->name));
}

// An object out of its members' values. Of those that may be null, `count` (SQL) have one, another
// part from row to row; NULL: as it comes.
struct making {
    const struct sl_sampler *sampler;
    const struct sl_sample *members;
    const char *count;
    int64_t optional;
    bool is_odd; // now and then one that is wanted has none
};

static void add_making(const struct making *making, struct sl_buf *sql)
{
    const struct sl_sampler *sampler = making->sampler;
    const struct sl_contract_column *column = sampler->column;
    int64_t rank = 0, wanted = 0;
    sl_buf_add(sql, "'{'");
    for (size_t i = 0; i < column->field_count; i++) {
        const struct sl_contract_column *field = &column->fields[i];
        bool is_counted = making->count && !is_always(sampler, field);
        bool has_gap =
            making->is_odd && sampler->wanted && sl_strs_has(&sampler->wanted->values, field->name);
        sl_sample_member(field, i, sql);
        if (is_counted) {
            sl_buf_addf(sql, "case when (%" PRId64 " + ", rank++);
            sl_sample_draw(sampler, 11, making->optional, sql);
            sl_buf_addf(sql, ") %% %" PRId64 " < %s then ", making->optional, making->count);
        } else if (has_gap) {
            sl_buf_add(sql, "case when ");
            sl_sample_draw(sampler, 9, 12, sql);
            sl_buf_addf(sql, " <> %d or ", ANOTHER);
            sl_sample_draw(sampler, 12, (int64_t)sampler->wanted->values.count, sql);
            sl_buf_addf(sql, " <> %" PRId64 " then ", wanted++);
        }
        if (making->is_odd)
            add_odd_member(sampler, field, &making->members[i], sql);
        else
            sl_sample_as_json(field, making->members[i].good, sql);
        sl_buf_add(sql, is_counted || has_gap ? " else 'null' end" : "");
    }
    sl_buf_add(sql, " || '}'");
}

static int add_object(struct sl_sampler *sampler, struct sl_buf *good, struct sl_buf *odd,
                      struct sl_err *err)
{
    const struct sl_contract_column *column = sampler->column;
    struct sl_sample *members = SL_NEW_ARRAY(sampler->arena, struct sl_sample, column->field_count);
    SL_AUTO(sl_buf_clear) struct sl_buf usual = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf odd_count = SL_BUF_INIT;
    struct making making = {.sampler = sampler, .members = members};
    int64_t always = 0;
    SL_TRY_NEW(members, err);
    for (size_t i = 0; i < column->field_count; i++) {
        SL_TRY(sample_field(sampler, &column->fields[i], sampler->row, &members[i], err));
        always += is_always(sampler, &column->fields[i]);
    }
    making.optional = (int64_t)column->field_count - always;
    struct sl_sample_count count =
        sl_sample_count_of(sampler->members, (int64_t)column->field_count);
    int64_t low = count.least > always ? count.least - always : 0, high = count.most - always;
    int64_t counts[] = {count.least - 1 - always, count.has_most ? count.most + 1 - always : -1,
                        sampler->wanted ? low + 1 : -1}; // in place of the one that is left out
    high = high > making.optional ? making.optional : high < low ? low : high;
    if (sampler->members) {
        sl_buf_addf(&usual, "%" PRId64 " + ", low);
        sl_sample_draw(sampler, 10, high - low + 1, &usual);
        SL_TRY(sl_buf_check(&usual, err));
        add_odd_count(sampler, counts, usual.text, &odd_count);
        SL_TRY(sl_buf_check(&odd_count, err));
        making.count = usual.text;
    }
    add_making(&making, good);
    making.is_odd = true;
    making.count = sampler->members ? odd_count.text : NULL;
    add_making(&making, odd);
    return SL_OK;
}

// `count`: SQL of how many items.
static void add_list(const struct sl_sampler *sampler, const char *count, const char *item,
                     struct sl_buf *sql)
{
    sl_buf_addf(sql,
                "'[' || array_to_string(list_transform(range(%s), lambda k%d: %s), ',') || ']'",
                count, sampler->array_count, item);
}

// Now and then the last item is the first one again. In a list of one, so that the items are made
// once.
static void add_odd_list(const struct sl_sampler *sampler, const char *count, const char *item,
                         struct sl_buf *sql)
{
    if (!sampler->has_unique_items) {
        add_list(sampler, count, item, sql);
        return;
    }
    sl_buf_addf(sql, "'[' || list_transform([list_transform(range(%s), lambda k%d: %s)], ", count,
                sampler->array_count, item);
    sl_buf_add(sql, "lambda l: array_to_string(case ");
    sl_sample_draw(sampler, 9, 12, sql);
    sl_buf_addf(sql, " when %d then l[1:-2] || l[1:1] else l end, ','))[1] || ']'", ANOTHER);
}

// As many items as the rule asks for, and a few more.
static int add_lists(const struct sl_sampler *sampler, const char *good_item, const char *odd_item,
                     struct sl_buf *good, struct sl_buf *odd, struct sl_err *err)
{
    struct sl_sample_count bounds = sl_sample_count_of(sampler->items, MOST_ITEMS - 1);
    int64_t least = bounds.least > MOST_MADE ? MOST_MADE : bounds.least;
    int64_t most = bounds.most > least + MOST_ITEMS - 1 ? least + MOST_ITEMS - 1 : bounds.most;
    int64_t odd_least = least > 0 || most < 1 ? least : 1;
    int64_t twice = sampler->has_unique_items && bounds.most > 1 ? (least > 2 ? least : 2) : -1;
    int64_t counts[] = {bounds.least - 1, bounds.has_most ? bounds.most + 1 : -1, twice};
    SL_AUTO(sl_buf_clear) struct sl_buf count = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf usual = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf odd_count = SL_BUF_INIT;
    sl_buf_addf(&count, "%" PRId64 " + ", least);
    sl_sample_draw(sampler, 8, most - least + 1, &count);
    sl_buf_addf(&usual, "%" PRId64 " + ", odd_least);
    sl_sample_draw(sampler, 8, most - odd_least + 1, &usual);
    SL_TRY(sl_buf_check(&count, err));
    SL_TRY(sl_buf_check(&usual, err));
    if (sampler->items || sampler->has_unique_items)
        add_odd_count(sampler, counts, usual.text, &odd_count);
    else
        sl_buf_add(&odd_count, usual.text);
    SL_TRY(sl_buf_check(&odd_count, err));
    add_list(sampler, count.text, good_item, good);
    add_odd_list(sampler, odd_count.text, odd_item, odd);
    return SL_OK;
}

// The row of an item's values is another one for each item.
static int add_array(struct sl_sampler *sampler, struct sl_buf *good, struct sl_buf *odd,
                     struct sl_err *err)
{
    const struct sl_contract_column *field = sampler->column->fields;
    SL_AUTO(sl_buf_clear) struct sl_buf good_item = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf odd_item = SL_BUF_INIT;
    struct sl_sample item;
    bool is_deep = sampler->array_count >= DEEPEST_ARRAY;
    const char *row = is_deep ? sampler->row
                              : sl_arena_printf(sampler->arena, "(%s * %d + k%d)", sampler->row,
                                                MOST_ITEMS, sampler->array_count);
    SL_TRY_NEW(row, err);
    SL_TRY(sample_field(sampler, field, row, &item, err));
    sl_sample_as_json(field, item.good, &good_item);
    add_odd_member(sampler, field, &item, &odd_item);
    SL_TRY(sl_buf_check(&good_item, err));
    SL_TRY(sl_buf_check(&odd_item, err));
    if (is_deep) {
        sl_buf_addf(good, "'[' || %s || ']'", good_item.text);
        sl_buf_addf(odd, "'[' || %s || ']'", odd_item.text);
        return SL_OK;
    }
    return add_lists(sampler, good_item.text, odd_item.text, good, odd, err);
}

static int wrap(const struct sl_sampler *sampler, const char *begin, const char *value,
                const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "case ");
    sl_sample_draw(sampler, 9, 12, &sql);
    sl_buf_addf(&sql, "%s else %s end", begin, value);
    SL_TRY(sl_buf_check(&sql, err));
    *ret = sl_arena_strdup(sampler->arena, sql.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_sample_nested(struct sl_sampler *sampler, struct sl_sample *ret, struct sl_err *err)
{
    const struct sl_contract_column *column = sampler->column;
    SL_AUTO(sl_buf_clear) struct sl_buf good = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf odd = SL_BUF_INIT;
    bool is_object = column->type.kind == SL_TYPE_OBJECT;
    bool is_never_null = column->is_required || sampler->is_wanted;
    SL_TRY(is_object ? add_object(sampler, &good, &odd, err)
                     : add_array(sampler, &good, &odd, err));
    SL_TRY(sl_buf_check(&good, err));
    SL_TRY(sl_buf_check(&odd, err));
    SL_TRY(wrap(sampler, is_never_null ? " when 12 then null" : " when 0 then null", good.text,
                &ret->good, err));
    return wrap(sampler,
                is_object ? " when 0 then null when 1 then '[]' when 2 then '5' when 3 then '{}' "
                            "when 4 then '{\"a\":'"
                          : " when 0 then null when 1 then '{}' when 2 then '5' when 3 then '[]' "
                            "when 4 then '[1'",
                odd.text, &ret->odd, err);
}
